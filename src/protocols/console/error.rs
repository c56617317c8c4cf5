//! What can go wrong with a console.

use std::fmt;
use std::time::Duration;

use crate::base::Told;
use crate::protocols::stream;

/// How many characters of a line are quoted.
const QUOTED: usize = 60;

/// Why a console didn't answer as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The line failed.
    Line(stream::Error),
    /// It doesn't let in.
    LoginDenied {
        /// Its words, or what it did.
        why: String,
    },
    /// It was told the password, and neither lets in nor refuses: this happened in its place.
    AfterPassword(Box<Error>),
    /// It has no room for one more session.
    Busy {
        /// Its words.
        why: Told,
    },
    /// No prompt came.
    NoPrompt {
        /// What was waited for.
        after: String,
        /// The last line that stood there: perhaps a question that nobody expected.
        shown: Told,
        /// How long.
        waited: Duration,
    },
    /// It has closed the line.
    Closed {
        /// What it was to answer.
        after: String,
        /// The last line that it showed.
        shown: Told,
    },
    /// What came isn't an answer to what was typed.
    OutOfStep {
        /// What was typed.
        typed: String,
        /// What stands in its place.
        shown: Told,
    },
    /// It says more than any device has to say.
    TooLong,
    /// A pattern that is none.
    BadPattern {
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    /// A line of the device as messages quote it.
    pub(super) fn quote(line: &str) -> Told {
        Told::at_most(QUOTED, line.trim())
    }

    /// The same where the device was told the password. Whoever closes the line then has refused it; what else went wrong may
    /// have counted as a failed login as well, so that it can't be repeated at will.
    pub(super) fn after_password(self) -> Error {
        match self {
            Error::Closed { shown, .. } => {
                let words = if shown.is_empty() { String::new() } else { format!(": '{shown}'") };
                Error::LoginDenied { why: format!("it closes the connection after the password{words}") }
            }
            Error::LoginDenied { .. } | Error::Busy { .. } | Error::BadPattern { .. } => self,
            error => Error::AfterPassword(Box::new(error)),
        }
    }
}

impl From<stream::Error> for Error {
    fn from(error: stream::Error) -> Error {
        Error::Line(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Line(error) => error.fmt(f),
            Error::LoginDenied { why } => f.write_str(why),
            Error::AfterPassword(error) => error.fmt(f),
            Error::Busy { why } => write!(f, "the device has no session to spare: {why}"),
            Error::NoPrompt { after, shown, .. } if shown.is_empty() => {
                write!(f, "no prompt after {after}, and nothing in its place")
            }
            Error::NoPrompt { after, shown, .. } => {
                write!(f, "no prompt after {after}; the device waits with '{shown}'")
            }
            Error::Closed { after, shown } if shown.is_empty() => {
                write!(f, "the device has closed the connection after {after}")
            }
            Error::Closed { after, shown } => {
                write!(f, "the device has closed the connection after {after}: '{shown}'")
            }
            Error::OutOfStep { typed, shown } => {
                write!(f, "'{shown}' is no answer to '{typed}': the device is out of step")
            }
            Error::TooLong => f.write_str("the device says more than any answer holds"),
            Error::BadPattern { why } => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}
