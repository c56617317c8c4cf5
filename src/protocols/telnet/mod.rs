//! Telnet (RFC 854, RFC 855), as a console needs it: a line of bytes, and the options without which some devices say
//! nothing.
//!
//! Nothing is sent before the device has spoken: plain ports would take it for text. A device that says nothing at all is
//! asked once, after a while, for what every one has.

#[doc(hidden)]
pub mod fuzzing;
mod negotiation;

use std::collections::VecDeque;
use std::time::Duration;

use self::negotiation::Negotiation;
use super::stream::{Error, Stream};
use super::tcp::{Line, READING, Target};
use crate::base::{Deadline, Told};

/// After how long a device that has said nothing at all is asked for something.
const SILENCE: Duration = Duration::from_secs(2);

/// How many bytes are read at once.
const CHUNK: usize = 4096;

/// A line to a device over telnet.
///
/// What is written goes out as it is, but for the byte 255, which telnet doubles: a line ends as the caller ends it, with
/// CR, LF or both.
#[derive(Debug)]
pub struct Telnet {
    line: Line,
    negotiation: Negotiation,
    /// Text that has come and wasn't asked for yet.
    text: VecDeque<u8>,
    /// When the device is asked for something; `None` once it has said anything, or was asked.
    prod: Option<Deadline>,
}

impl Telnet {
    /// Connects, and sends nothing.
    ///
    /// # Errors
    /// There is no way to it in that time.
    pub fn connect(target: &Target, deadline: Deadline) -> Result<Telnet, Error> {
        let line = Line::connect(target, deadline)?;
        let (negotiation, text) = (Negotiation::default(), VecDeque::new());
        Ok(Telnet { line, negotiation, text, prod: Some(Deadline::after(SILENCE)) })
    }

    /// Takes in what comes next, and answers what isn't text. False at the end.
    fn take_in(&mut self, deadline: Deadline) -> Result<bool, Error> {
        let mut buffer = [0; CHUNK];
        let until = self.prod.map_or(deadline, |prod| deadline.earlier(prod));
        let Some(length) = self.line.read_by(&mut buffer, until)? else {
            if self.prod.take_if(|prod| prod.passed()).is_some() {
                let asked = self.negotiation.ask();
                return self.line.write_all(&asked, deadline).map(|()| true);
            }
            return Err(Error::TimedOut { peer: self.line.peer().to_owned(), doing: READING });
        };
        self.prod = None;
        let (mut text, mut answer) = (Vec::new(), Vec::new());
        let came = buffer.get(..length).unwrap_or_default();
        let taken = self.negotiation.take(came, &mut text, &mut answer);
        self.text.extend(text);
        taken.map_err(|why| Error::Garbled { peer: self.line.peer().to_owned(), why: Told::new(why) })?;
        self.line.write_all(&answer, deadline)?;
        Ok(length > 0)
    }
}

impl Stream for Telnet {
    fn read(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<usize, Error> {
        // A device may send commands alone, without end: each turn is one look at the clock.
        while self.text.is_empty() {
            if !self.take_in(deadline)? {
                return Ok(0);
            }
            if self.text.is_empty() && deadline.passed() {
                return Err(Error::TimedOut { peer: self.line.peer().to_owned(), doing: READING });
            }
        }
        let length = buffer.len().min(self.text.len());
        buffer.iter_mut().zip(self.text.drain(..length)).for_each(|(to, from)| *to = from);
        Ok(length)
    }

    fn write_all(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), Error> {
        self.line.write_all(&negotiation::escaped(bytes), deadline)
    }

    fn close(&mut self, deadline: Deadline) {
        self.line.close(deadline);
    }
}
