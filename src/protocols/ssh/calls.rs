//! Calls of the library, repeated until they have done something or the deadline has passed.

use std::rc::Rc;

use rustix::event::PollFlags;

use super::library::{Failure, Kind, Library};
use crate::base::{Deadline, Told};
use crate::protocols::stream;
use crate::protocols::tcp::wait;

/// Why a call hasn't done what it should.
pub(super) enum Trouble {
    TimedOut,
    Failed(Failure),
}

/// The library, and who is at the other end.
#[derive(Debug)]
pub(super) struct Calls {
    library: Rc<Library>,
    peer: String,
}

impl Calls {
    /// Calls on this connection.
    pub(super) fn new(library: Rc<Library>, peer: String) -> Calls {
        Calls { library, peer }
    }

    /// Host and port, for messages.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// The library.
    pub(super) fn library(&self) -> &Rc<Library> {
        &self.library
    }

    /// Repeats a call until it has done something.
    pub(super) fn attempt<T>(
        &self,
        deadline: Deadline,
        mut call: impl FnMut(&Library) -> Result<T, Failure>,
    ) -> Result<T, Trouble> {
        loop {
            self.library.watch(deadline);
            match call(&self.library) {
                Ok(done) => return Ok(done),
                Err(failure) if failure.kind == Kind::Again => {}
                Err(failure) => {
                    // For the library, a read that isn't allowed is a connection that has gone.
                    let kind = if self.library.is_flooded() { Kind::Other } else { failure.kind };
                    return Err(Trouble::Failed(Failure { kind, ..failure }));
                }
            }
            let (socket, read, write) = self.library.waits_for();
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, read);
            flags.set(PollFlags::OUT, write);
            // What goes wrong with the wait shows at the next call.
            if deadline.passed() || matches!(wait(socket, flags, deadline), Ok(false)) {
                return Err(Trouble::TimedOut);
            }
        }
    }

    /// The same, where every failure is one of the connection.
    pub(super) fn drive<T>(
        &self,
        doing: &'static str,
        deadline: Deadline,
        call: impl FnMut(&Library) -> Result<T, Failure>,
    ) -> Result<T, stream::Error> {
        self.attempt(deadline, call).map_err(|trouble| match trouble {
            Trouble::TimedOut => self.timed_out(doing),
            Trouble::Failed(failure) => self.broken(doing, &failure),
        })
    }

    pub(super) fn timed_out(&self, doing: &'static str) -> stream::Error {
        stream::Error::TimedOut { peer: self.peer.clone(), doing }
    }

    pub(super) fn broken(&self, doing: &'static str, failure: &Failure) -> stream::Error {
        let peer = self.peer.clone();
        match failure.kind {
            Kind::Ended | Kind::Gone => stream::Error::Closed { peer, doing },
            _ if self.library.is_flooded() => stream::Error::Garbled {
                peer,
                why: Told::new(format!("it says more than any device has to say while {doing}")),
            },
            _ => stream::Error::Garbled {
                peer,
                why: Told::new(format!("{} while {doing}", failure.text.raw())),
            },
        }
    }
}
