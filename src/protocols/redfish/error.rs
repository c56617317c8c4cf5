//! What can go wrong, and whether asking again can help.

use std::fmt;
use std::time::Duration;

use super::message::ServiceMessage;
use crate::protocols::http;

/// Why the service gave no usable answer.
///
/// No variant carries a credential: the service's own words have the password struck out before they get here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no answer, or none that can be read.
    Http(http::Error),
    /// The service does not accept the user name and password (401).
    LoginDenied {
        /// What was asked.
        uri: String,
        /// The service's words.
        message: Option<ServiceMessage>,
    },
    /// The account may not do this (403).
    Forbidden {
        /// What was asked.
        uri: String,
        /// The service's words.
        message: Option<ServiceMessage>,
    },
    /// The service can't answer now (408, 429, 502, 503, 504).
    Busy {
        /// The HTTP status.
        status: u16,
        /// What was asked.
        uri: String,
        /// The pause the service asks for (Retry-After in seconds), where it names one.
        retry_after: Option<Duration>,
        /// The service's words.
        message: Option<ServiceMessage>,
    },
    /// Any other HTTP status that is no success.
    Status {
        /// The HTTP status.
        status: u16,
        /// What was asked.
        uri: String,
        /// The service's words.
        message: Option<ServiceMessage>,
        /// Whether the same request may succeed later: service processors fail at a look now and then (5xx).
        passing: bool,
    },
    /// The service refuses, at the first request, to be asked by this name (400).
    NotItsName {
        /// What was asked.
        uri: String,
        /// The name.
        name: String,
        /// The service's words.
        message: Option<ServiceMessage>,
    },
    /// The service doesn't accept what it has accepted before in this run (401): a moment of weakness.
    Doubted {
        /// What was asked.
        uri: String,
        /// The service's words.
        message: Option<ServiceMessage>,
    },
}

impl Error {
    /// The answer isn't what the schema says. `known` says whether the service had already given proper answers during
    /// this run.
    pub(super) fn unexpected(uri: &str, what: impl Into<String>, known: bool) -> Error {
        Error::Http(http::Error::Unexpected { uri: uri.to_owned(), what: what.into(), known })
    }

    /// Whether the same request may well succeed a little later. False is a definitive answer: asking again
    /// changes nothing, or locks an account.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Http(error) => error.is_passing(),
            Error::Doubted { .. } | Error::Busy { .. } => true,
            Error::Status { passing, .. } => *passing,
            Error::LoginDenied { .. } | Error::Forbidden { .. } | Error::NotItsName { .. } => false,
        }
    }

    /// The pause the service asked for before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the service keeps the account from everything until its password is changed (DSP0266, 13.5): then no
    /// privilege is missing.
    pub fn wants_another_password(&self) -> bool {
        matches!(self, Error::Forbidden { message: Some(message), .. } | Error::LoginDenied { message: Some(message), .. }
            if message.is("PasswordChangeRequired"))
    }

    /// The service's own words, where it gave any.
    pub fn message(&self) -> Option<&ServiceMessage> {
        match self {
            Error::LoginDenied { message, .. }
            | Error::Forbidden { message, .. }
            | Error::Busy { message, .. }
            | Error::NotItsName { message, .. }
            | Error::Doubted { message, .. }
            | Error::Status { message, .. } => message.as_ref(),
            Error::Http(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Http(error) => error.fmt(f),
            Error::LoginDenied { uri, message } | Error::Forbidden { uri, message }
                if self.wants_another_password() =>
            {
                write!(f, "{uri}: the password has expired: it must be changed at the service")?;
                say(f, message.as_ref())
            }
            Error::LoginDenied { uri, message } => {
                write!(f, "{uri}: HTTP 401, the user name or password is not accepted")?;
                say(f, message.as_ref())
            }
            Error::Forbidden { uri, message } => {
                write!(f, "{uri}: HTTP 403, the account lacks the privilege")?;
                say(f, message.as_ref())
            }
            Error::Busy { status, uri, message, .. } => {
                write!(f, "{uri}: HTTP {status}, the service cannot answer now")?;
                say(f, message.as_ref())
            }
            Error::Status { status, uri, message, .. } => {
                write!(f, "{uri}: HTTP {status}")?;
                say(f, message.as_ref())
            }
            Error::NotItsName { uri, name, message } => {
                write!(
                    f,
                    "{uri}: HTTP 400: the service may not know itself by the name {name}: give its IP address, or set \
                     this name there"
                )?;
                say(f, message.as_ref())
            }
            Error::Doubted { uri, message } => {
                write!(f, "{uri}: HTTP 401, though the user name and password had been accepted")?;
                say(f, message.as_ref())
            }
        }
    }
}

fn say(f: &mut fmt::Formatter<'_>, message: Option<&ServiceMessage>) -> fmt::Result {
    message.map_or(Ok(()), |message| write!(f, ": {message}"))
}

impl std::error::Error for Error {}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Error {
        Error::Http(error)
    }
}
