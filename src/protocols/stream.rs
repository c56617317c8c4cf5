//! A line to a device, whatever carries it: telnet, SSH, a plain port. What comes over it means nothing here.

use std::fmt;
use std::io;

use crate::base::net::NameError;
use crate::base::{Deadline, Told};

/// A line to a device: bytes both ways.
pub trait Stream {
    /// Waits until bytes come, the other side closes (`Ok(0)`), or the deadline passes (an error). It never blocks beyond
    /// the deadline, and gives what has come already even where that has passed.
    ///
    /// # Errors
    /// The deadline passes, or the line breaks.
    fn read(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<usize, Error>;

    /// Writes all of it. After an error nobody knows how much of it has got to the device.
    ///
    /// # Errors
    /// The deadline passes, or the line breaks.
    fn write_all(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), Error>;

    /// Says goodbye as the protocol does, and waits until the other side has closed too: what was written last gets lost
    /// with some devices otherwise. Errors don't matter by then.
    fn close(&mut self, deadline: Deadline);
}

impl<S: Stream + ?Sized> Stream for Box<S> {
    fn read(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<usize, Error> {
        (**self).read(buffer, deadline)
    }

    fn write_all(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), Error> {
        (**self).write_all(bytes, deadline)
    }

    fn close(&mut self, deadline: Deadline) {
        (**self).close(deadline);
    }
}

/// Why there is no line, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The name has no address.
    NoSuchHost {
        /// Host and port.
        peer: String,
        /// What the name service says.
        why: NameError,
    },
    /// Somebody at that address says that nothing listens there.
    Refused {
        /// Host and port.
        peer: String,
    },
    /// No way to the host.
    Unreachable {
        /// Host and port.
        peer: String,
        /// The system's words.
        why: String,
    },
    /// The deadline has passed.
    TimedOut {
        /// Host and port.
        peer: String,
        /// What was waited for.
        doing: &'static str,
    },
    /// The other side has closed the line.
    Closed {
        /// Host and port.
        peer: String,
        /// What was being done.
        doing: &'static str,
    },
    /// What came isn't the protocol.
    Garbled {
        /// Host and port.
        peer: String,
        /// What is wrong with it.
        why: Told,
    },
    /// The system says so.
    Io {
        /// Host and port.
        peer: String,
        /// What was being done.
        doing: &'static str,
        /// The system's words.
        why: String,
    },
}

impl Error {
    /// What an error of the system means while a line is in use.
    pub(crate) fn of_io(peer: &str, doing: &'static str, error: &io::Error) -> Error {
        let peer = peer.to_owned();
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected => Error::Closed { peer, doing },
            // What the kernel gives up (RFC 9293, 3.8.3) counts like a device that says nothing more.
            io::ErrorKind::TimedOut => Error::TimedOut { peer, doing },
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Error::Unreachable { peer, why: error.to_string() }
            }
            _ => Error::Io { peer, doing, why: error.to_string() },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NoSuchHost { peer, why } => write!(f, "{peer}: {why}"),
            Error::Refused { peer } => write!(f, "{peer}: connection refused"),
            Error::Unreachable { peer, why } => write!(f, "{peer} can't be reached: {why}"),
            Error::TimedOut { peer, doing } => write!(f, "{peer}: no time left while {doing}"),
            Error::Closed { peer, doing } => write!(f, "{peer} has closed the connection while {doing}"),
            Error::Garbled { peer, why } => write!(f, "{peer}: {why}"),
            Error::Io { peer, doing, why } => write!(f, "{peer}: {why} while {doing}"),
        }
    }
}

impl std::error::Error for Error {}
