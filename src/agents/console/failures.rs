//! What an error of a console means to fencing.

use crate::fencing::failure::{Failure, Kind};
use crate::protocols::console::Error;
use crate::protocols::{ssh, stream};

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::Line(error) => error.kind(),
            Error::LoginDenied { why } => Kind::LoginDenied(why.clone()),
            Error::AfterPassword(error) => error.kind(),
            Error::Busy { .. } => Kind::Busy,
            Error::NoPrompt { shown, after, waited } => {
                let step = match shown.is_empty() {
                    true => after.clone(),
                    false => format!("{after} (no prompt came, and the device waits with '{shown}')"),
                };
                Kind::Silent { step, after: Some(*waited) }
            }
            Error::BadPattern { .. } => Kind::Local,
            Error::Closed { .. } | Error::OutOfStep { .. } | Error::TooLong => Kind::Unexpected,
        }
    }

    fn is_passing(&self) -> bool {
        !matches!(self, Error::LoginDenied { .. } | Error::BadPattern { .. })
    }
}

impl Failure for ssh::Error {
    fn kind(&self) -> Kind {
        use ssh::Error;
        match self {
            Error::Line(error) | Error::AfterPassword(error) => error.kind(),
            Error::BadOptions(_) | Error::BadFile { .. } | Error::Unsendable { .. } | Error::Setup { .. } => {
                Kind::Local
            }
            Error::NoCommonAlgorithm { why, .. } => Kind::Unsupported(why.to_string()),
            Error::HostKeyChanged { .. }
            | Error::HostKeyRevoked { .. }
            | Error::HostKeyUnknown { .. }
            | Error::NotPinned { .. } => Kind::Untrusted(self.to_string()),
            Error::LoginDenied { .. }
            | Error::NoSuchLogin { .. }
            | Error::PasswordExpired { .. }
            | Error::Asked { .. } => Kind::LoginDenied(self.to_string()),
            Error::Refused { .. } | Error::TooLong { .. } => Kind::Unexpected,
        }
    }

    fn is_passing(&self) -> bool {
        use ssh::Error;
        matches!(
            self,
            Error::Line(_) | Error::AfterPassword(_) | Error::Refused { .. } | Error::TooLong { .. }
        )
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
