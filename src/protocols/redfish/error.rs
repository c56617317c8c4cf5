//! What can go wrong, and whether asking again can help.

use std::fmt;
use std::time::Duration;

use super::message::ServiceMessage;
use crate::base::Told;

/// Why the service gave no usable answer.
///
/// No variant carries a credential: links are shown without user names, and the service's own words have the
/// password struck out before they get here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// An address that counts on one network alone, without the interface that leads there.
    NoZone {
        /// The text as given.
        text: String,
    },
    /// The text is no host, host:port or \[IPv6\]:port.
    BadAddress {
        /// The text as given, shortened.
        text: String,
    },
    /// The user name or password can't be sent.
    BadCredentials {
        /// What is wrong with them.
        why: &'static str,
    },
    /// The CA file can't be used.
    BadCaFile {
        /// Its path.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The HTTP or TLS library refused to be set up.
    Setup {
        /// The library's words.
        why: String,
        /// Whether only this machine has no thread or process to give just now.
        passing: bool,
    },
    /// The name has no address.
    NoSuchHost {
        /// The name.
        name: String,
        /// The resolver's words.
        why: String,
        /// Whether that may change by itself: the name service doesn't answer.
        passing: bool,
    },
    /// The host refused the connection.
    Refused {
        /// Host and port.
        peer: String,
        /// Whether the service had already answered during this run.
        known: bool,
    },
    /// No way to the host.
    Unreachable {
        /// Host and port.
        peer: String,
        /// The system's words.
        why: String,
    },
    /// No trustworthy encrypted connection came about. No credential was sent.
    Tls {
        /// Host and port.
        peer: String,
        /// Which check failed, or OpenSSL's words.
        why: String,
    },
    /// One request got no complete answer within its limit.
    Silent {
        /// What was asked.
        uri: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The whole deadline has passed.
    TimeOver {
        /// What was being done.
        doing: String,
    },
    /// The connection ended before the answer did.
    Dropped {
        /// What was asked.
        uri: String,
        /// How it ended.
        why: String,
    },
    /// What the request was bound to has ended: see [`Client::bind`](super::Client::bind). It was not carried out.
    Unbound {
        /// What was to be asked.
        uri: String,
    },
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
    Http {
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
    /// The service (or the configuration) names a place on another scheme, host or port. Nothing was sent there.
    ForeignLink {
        /// The link, without user name and password.
        link: Told,
    },
    /// The answer is larger than any sensible one.
    TooLarge {
        /// What was asked.
        uri: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer isn't JSON, or isn't what the schema says.
    Unexpected {
        /// What was asked.
        uri: String,
        /// What is missing or wrong.
        what: String,
        /// Whether the service had already given proper answers during this run.
        known: bool,
    },
}

impl Error {
    /// Whether the same request may well succeed a little later. False is a definitive answer: asking again
    /// changes nothing, or locks an account.
    ///
    /// A refused connection and an answer that is no Redfish are definitive on first contact (wrong port, wrong
    /// machine), and transient from a service that has answered properly before: it is restarting.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { .. }
            | Error::Silent { .. }
            | Error::Dropped { .. }
            | Error::Unbound { .. }
            | Error::Doubted { .. }
            | Error::Busy { .. } => true,
            Error::Http { passing, .. } => *passing,
            Error::Refused { known, .. } | Error::Unexpected { known, .. } => *known,
            Error::NoSuchHost { passing, .. } | Error::Setup { passing, .. } => *passing,
            _ => false,
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
            | Error::Http { message, .. } => message.as_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadAddress { text } => {
                write!(f, "{text:?} is no host name, IP address, host:port or [IPv6]:port")
            }
            Error::NoZone { text } => write!(
                f,
                "{text:?} is a link-local address, which needs the interface it is reached by as its zone, such as \
                 [fe80::1%eth0]"
            ),
            Error::BadCredentials { why } => f.write_str(why),
            Error::BadCaFile { path, why } => write!(f, "CA file {path}: {why}"),
            Error::Setup { why, .. } => write!(f, "cannot set up HTTPS: {why}"),
            Error::NoSuchHost { name, why, .. } => write!(f, "cannot find the address of {name}: {why}"),
            Error::Refused { peer, .. } => write!(f, "{peer} refused the connection"),
            Error::Unreachable { peer, why } => write!(f, "cannot reach {peer}: {why}"),
            Error::Tls { peer, why } => write!(f, "no secure connection to {peer}: {why}"),
            Error::Silent { uri, waited } => {
                write!(f, "no complete answer from {uri} within {:.1} s", waited.as_secs_f64())
            }
            Error::TimeOver { doing } => write!(f, "the time is over while {doing}"),
            Error::Dropped { uri, why } => write!(f, "the connection ended during {uri}: {why}"),
            Error::Unbound { uri } => {
                write!(f, "{uri} was not sent: the session that it belongs to has ended")
            }
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
            Error::Http { status, uri, message, .. } => {
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
            Error::ForeignLink { link } => {
                write!(f, "{link} leads away from the service: nothing was sent there")
            }
            Error::TooLarge { uri, limit } => write!(f, "{uri}: the answer is larger than {limit} bytes"),
            Error::Unexpected { uri, what, .. } => write!(f, "{uri}: {what}"),
        }
    }
}

fn say(f: &mut fmt::Formatter<'_>, message: Option<&ServiceMessage>) -> fmt::Result {
    message.map_or(Ok(()), |message| write!(f, ": {message}"))
}

impl std::error::Error for Error {}
