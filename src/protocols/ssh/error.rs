//! What can go wrong between this client and a device that speaks SSH.

use std::fmt;

use super::known_hosts::{Fingerprint, Place};
use super::options::BadOptions;
use crate::base::Told;
use crate::protocols::stream;

/// Why there is no session, or no answer. No variant carries a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// `ssh_options` can't be used. Nothing was sent.
    BadOptions(BadOptions),
    /// A file of keys or known hosts can't be used. Nothing was sent.
    BadFile {
        /// Its path.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The user name, a password or a command can't be sent.
    Unsendable {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The library refused to be set up.
    Setup {
        /// Its words.
        why: String,
    },
    /// There is no connection, or no longer.
    Line(stream::Error),
    /// Both sides have no algorithm in common.
    NoCommonAlgorithm {
        /// Host and port.
        peer: String,
        /// What the device offers, and the option that allows it.
        why: Told,
    },
    /// The host key isn't that of the device. No credential was sent.
    HostKeyChanged {
        /// Host and port.
        peer: String,
        /// The key that came.
        shown: Shown,
        /// The key that is known.
        known: Box<Known>,
    },
    /// The host key was revoked. No credential was sent.
    HostKeyRevoked {
        /// Host and port.
        peer: String,
        /// Its fingerprint.
        fingerprint: Fingerprint,
        /// Where that is said.
        place: Place,
    },
    /// The host key isn't known, and only known ones are accepted. No credential was sent.
    HostKeyUnknown {
        /// Host and port.
        peer: String,
        /// The key that came.
        shown: Shown,
    },
    /// The host key isn't the one that was demanded. No credential was sent.
    NotPinned {
        /// Host and port.
        peer: String,
        /// The key that came.
        shown: Shown,
    },
    /// The device doesn't accept this user with what was shown to it.
    LoginDenied {
        /// Host and port.
        peer: String,
        /// The methods that were tried.
        tried: Vec<&'static str>,
        /// Whether the connection ended in the place of an answer.
        ended: bool,
    },
    /// The device was told the password, and neither lets in nor refuses: this happened in its place.
    AfterPassword(stream::Error),
    /// The device takes none of the methods for which there is something to show. No password was sent.
    NoSuchLogin {
        /// Host and port.
        peer: String,
        /// The methods that it takes.
        offered: Told,
    },
    /// The device demands a new password before it lets anybody in.
    PasswordExpired {
        /// Host and port.
        peer: String,
    },
    /// The device asks for something else than the password.
    Asked {
        /// Host and port.
        peer: String,
        /// What it asks.
        question: Told,
    },
    /// The device refuses a session, a terminal, a shell or a command.
    Refused {
        /// Host and port.
        peer: String,
        /// What.
        what: &'static str,
    },
    /// The answer to a command is longer than any sensible one.
    TooLong {
        /// Host and port.
        peer: String,
        /// The limit in bytes.
        limit: usize,
    },
}

/// A host key that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its kind: `ssh-ed25519` and so on.
    pub kind: Told,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.fingerprint, self.kind)
    }
}

/// A host key that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// Where it stands.
    pub place: Place,
}

impl From<stream::Error> for Error {
    fn from(error: stream::Error) -> Error {
        Error::Line(error)
    }
}

impl From<BadOptions> for Error {
    fn from(bad: BadOptions) -> Error {
        Error::BadOptions(bad)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadOptions(bad) => write!(f, "ssh_options: {bad}"),
            Error::BadFile { path, why } => write!(f, "{path}: {why}"),
            Error::Unsendable { why } => f.write_str(why),
            Error::Setup { why } => write!(f, "the SSH library can't be set up: {why}"),
            Error::Line(error) => error.fmt(f),
            Error::NoCommonAlgorithm { peer, why } => {
                write!(f, "{peer}: no algorithm of SSH suits both sides: {why}")
            }
            Error::HostKeyChanged { peer, shown, known } => write!(
                f,
                "{peer} shows another host key than the one that is known of it: {shown}, not {} of {}; where the device was \
                 replaced or has made a new key, remove that line",
                known.fingerprint, known.place
            ),
            Error::HostKeyRevoked { peer, fingerprint, place } => {
                write!(f, "{peer} shows the host key {fingerprint}, which is revoked by {place}")
            }
            Error::HostKeyUnknown { peer, shown } => write!(
                f,
                "{peer} shows the host key {shown}, which isn't known, and StrictHostKeyChecking=yes accepts no other"
            ),
            Error::NotPinned { peer, shown } => {
                write!(f, "{peer} shows the host key {shown}, which isn't the one that is expected")
            }
            Error::LoginDenied { peer, tried, ended } => {
                let how = if *ended { ": it ends the connection" } else { "" };
                write!(f, "{peer} doesn't accept this user with {}{how}", tried.join(", "))
            }
            Error::AfterPassword(error) => error.fmt(f),
            Error::NoSuchLogin { peer, offered } => {
                write!(f, "{peer} takes logins by {offered} alone, for which there is nothing to show")
            }
            Error::PasswordExpired { peer } => write!(f, "{peer} demands a new password of this user first"),
            Error::Asked { peer, question } => {
                write!(f, "{peer} asks \"{question}\" at the login, which is not the password")
            }
            Error::Refused { peer, what } => write!(f, "{peer} refuses {what}"),
            Error::TooLong { peer, limit } => write!(f, "{peer}: the answer has more than {limit} bytes"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::BadOptions(bad) => Some(bad),
            Error::Line(error) | Error::AfterPassword(error) => Some(error),
            _ => None,
        }
    }
}
