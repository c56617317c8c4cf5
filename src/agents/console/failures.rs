//! What an error of a console means to fencing.

use crate::fencing::failure::{Failure, Kind};
use crate::protocols::console::Error;
use crate::protocols::stream;

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::Line(error) => error.kind(),
            Error::LoginDenied { why } => Kind::LoginDenied(why.clone()),
            Error::Busy { .. } => Kind::Busy,
            Error::NoPrompt { shown, after, waited } if shown.is_empty() => {
                Kind::Silent { step: after.clone(), after: Some(*waited) }
            }
            Error::BadPattern { .. } => Kind::Local,
            Error::NoPrompt { .. } | Error::Closed { .. } | Error::OutOfStep { .. } | Error::TooLong => {
                Kind::Unexpected
            }
        }
    }

    fn is_passing(&self) -> bool {
        !matches!(self, Error::LoginDenied { .. } | Error::BadPattern { .. })
    }
}

impl Failure for stream::Error {
    fn kind(&self) -> Kind {
        use stream::Error;
        match self {
            Error::NoSuchHost { why, .. } => Kind::Unreachable(why.to_string()),
            Error::Unreachable { why, .. } => Kind::Unreachable(why.clone()),
            Error::Refused { .. } => Kind::Refused,
            Error::TimedOut { doing, .. } => Kind::Silent { step: (*doing).to_owned(), after: None },
            Error::Closed { .. } | Error::Garbled { .. } => Kind::Unexpected,
            Error::Io { .. } => Kind::Local,
        }
    }

    fn is_passing(&self) -> bool {
        !matches!(self, stream::Error::Io { .. })
    }
}
