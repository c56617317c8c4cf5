//! Everything that can go wrong, with its data.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::completion;
use super::privilege::Privilege;

/// The step of the handshake of IPMI 2.0 in which no user has been named yet.
pub(super) const OPEN_SESSION: &str = "Open Session";

/// Why a session could not be opened or a request was not answered as it should.
///
/// Every text is one line, and none holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The configuration cannot work on any BMC. Nothing was sent.
    BadConfig(BadConfig),
    /// The address answered that nothing listens there (ICMP port unreachable).
    Refused {
        /// The address and port.
        addr: SocketAddr,
    },
    /// The system could not send there or was told that there is no way.
    Unreachable {
        /// The address and port.
        addr: SocketAddr,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// No answer at all.
    Silent {
        /// The address and port.
        addr: SocketAddr,
        /// What was asked.
        step: &'static str,
        /// How many datagrams were sent for it.
        sent: u32,
        /// How long the answer was awaited, over all of them.
        waited: Duration,
        /// Why the last datagram that came in that time counted for nothing, if any came.
        skipped: Option<&'static str>,
    },
    /// The BMC does not let this user in.
    LoginDenied {
        /// What it objected to.
        why: Denial,
    },
    /// The user may not have the privilege level.
    NoPrivilege {
        /// The level that was asked for last.
        asked: Privilege,
    },
    /// The BMC will not have the cipher suite or authentication type.
    Negotiation(Negotiation),
    /// All session slots of the BMC are taken. Waiting helps. There are BMCs that mean the cipher suite (Intel M50CYP;
    /// freeipmi's list of workarounds, LAN authentication issue 28).
    NoResources {
        /// What the BMC refused.
        step: &'static str,
        /// The cipher suite that was proposed; `None` in IPMI 1.5.
        suite: Option<u8>,
    },
    /// The BMC understood the request and refused it.
    Completion {
        /// The name of the command.
        command: &'static str,
        /// The completion code (table 5-2, or the command's own).
        code: u8,
        /// The code in words.
        words: &'static str,
    },
    /// An answer came that makes no sense.
    Unexpected {
        /// What was asked.
        step: &'static str,
        /// What is wrong with the answer.
        what: &'static str,
    },
    /// The deadline had passed before anything could be asked.
    TimeOver {
        /// What was to be asked.
        step: &'static str,
    },
    /// The system gave no random numbers, without which no session is safe.
    NoRandomness,
}

/// A configuration that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadConfig {
    /// The list of addresses is empty.
    NoAddress,
    /// A user name has at most 16 bytes (22.16, 13.20).
    UserNameTooLong,
    /// A password has at most 20 bytes in IPMI 2.0 and 16 in IPMI 1.5 (22.30).
    PasswordTooLong {
        /// The limit that applies.
        limit: usize,
    },
    /// The key Kg has at most 20 bytes (13.33).
    KgTooLong,
    /// This cipher suite is not supported.
    UnknownSuite(u8),
}

/// Why the BMC does not let the user in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The BMC's key exchange code does not match the password, or it says so itself.
    WrongPassword,
    /// The password matched, but the session key did not: the BMC uses another Kg.
    WrongKg,
    /// The BMC does not know the user, or the user is disabled.
    UnknownUser,
    /// IPMI 1.5: the BMC answered until the password had to be proved, then fell silent, which is how the
    /// specification wants a wrong password treated (6.12.9), and also how a lost network looks.
    ActivationUnanswered,
}

/// What could not be agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiation {
    /// The BMC refused the handshake with this RMCP+ status code (table 13-15).
    Refused {
        /// What it refused.
        step: &'static str,
        /// The cipher suite that was proposed.
        suite: u8,
        /// The privilege level that was asked for.
        privilege: Privilege,
        /// The status code.
        status: u8,
    },
    /// The BMC answered with algorithms other than those that were proposed.
    OtherAlgorithms {
        /// The cipher suite that was proposed.
        suite: u8,
    },
    /// The BMC offers no IPMI 1.5 authentication type that may be used here.
    NoAuthType {
        /// What it offers: a bit for each type (22.13).
        offered: u8,
    },
}

impl Error {
    /// Whether asking again cannot help: the BMC, or our own check, has refused for good. What is neither this nor
    /// transient may be tried again.
    pub fn is_definitive(&self) -> bool {
        match self {
            Error::BadConfig(_)
            | Error::NoPrivilege { .. }
            | Error::Negotiation(_)
            | Error::LoginDenied { .. } => true,
            Error::Completion { code, .. } => completion::is_definitive(*code),
            Error::Refused { .. }
            | Error::Unreachable { .. }
            | Error::Silent { .. }
            | Error::NoResources { .. }
            | Error::Unexpected { .. }
            | Error::TimeOver { .. }
            | Error::NoRandomness => false,
        }
    }

    /// Whether the BMC is there but busy, so that a pause and another try are the right thing.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::NoResources { .. } => true,
            Error::Completion { code, .. } => completion::is_transient(*code),
            _ => false,
        }
    }

    /// Whether nobody answered: the session, if there was one, is to be dropped and opened anew.
    pub fn is_lost(&self) -> bool {
        matches!(self, Error::Refused { .. } | Error::Unreachable { .. } | Error::Silent { .. })
    }

    /// Whether the privilege does not suffice, be it said at login or by a command (completion code D4h).
    pub fn is_privilege(&self) -> bool {
        matches!(self, Error::NoPrivilege { .. })
            || self.completion() == Some(completion::INSUFFICIENT_PRIVILEGE)
    }

    /// Whether a command does not fit the present state of the machine (completion code D5h).
    pub fn is_wrong_state(&self) -> bool {
        self.completion() == Some(completion::NOT_IN_PRESENT_STATE)
    }

    /// The completion code, where that is what failed.
    pub fn completion(&self) -> Option<u8> {
        match self {
            Error::Completion { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadConfig(bad) => bad.fmt(f),
            Error::Refused { addr } => write!(f, "{addr} refused the connection: nothing listens there"),
            Error::Unreachable { addr, kind } => write!(f, "{addr} cannot be reached: {kind}"),
            Error::Silent { addr, step, sent, waited, skipped } => {
                let waited = waited.as_secs_f32();
                write!(f, "{addr} does not answer ({step}: {sent} sent, {waited:.1} s waited)")?;
                skipped.map_or(Ok(()), |why| write!(f, "; what came was skipped: {why}"))
            }
            Error::LoginDenied { why } => write!(f, "login denied: {}", why.words()),
            Error::NoPrivilege { asked } => write!(f, "the user may not have the privilege level {asked}"),
            Error::Negotiation(what) if what.may_be_the_user() => write!(f, "login denied: {what}"),
            Error::Negotiation(what) => write!(f, "the BMC does not support {what}"),
            Error::NoResources { step, suite: None } => {
                write!(f, "the BMC has no session left for us ({step})")
            }
            Error::NoResources { step, suite: Some(suite) } => {
                write!(f, "the BMC has no session left for us ({step} with cipher suite {suite})")
            }
            Error::Completion { command, code, words } => write!(f, "{command}: {words} ({code:02X}h)"),
            Error::Unexpected { step, what } => write!(f, "{step}: {what}"),
            Error::TimeOver { step } => write!(f, "no time left ({step})"),
            Error::NoRandomness => f.write_str("the system gives no random numbers"),
        }
    }
}

impl std::error::Error for Error {}

impl From<BadConfig> for Error {
    fn from(bad: BadConfig) -> Error {
        Error::BadConfig(bad)
    }
}

impl fmt::Display for BadConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadConfig::NoAddress => f.write_str("no address given"),
            BadConfig::UserNameTooLong => f.write_str("the user name has more than 16 bytes"),
            BadConfig::PasswordTooLong { limit } => write!(f, "the password has more than {limit} bytes"),
            BadConfig::KgTooLong => f.write_str("the key Kg has more than 20 bytes"),
            BadConfig::UnknownSuite(id) => write!(f, "cipher suite {id} is not supported"),
        }
    }
}

impl Denial {
    /// The reason in words.
    pub fn words(self) -> &'static str {
        match self {
            Denial::WrongPassword => "wrong password",
            Denial::WrongKg => "the password is right, the key Kg is not",
            Denial::UnknownUser => "the BMC does not know the user name or has it disabled",
            Denial::ActivationUnanswered => {
                "the BMC fell silent when the password had to be proved; probably a wrong password"
            }
        }
    }
}

impl Negotiation {
    /// Whether the refusal came when the user had been named: then it may be about the name.
    pub fn may_be_the_user(&self) -> bool {
        matches!(self, Negotiation::Refused { step, .. } if *step != OPEN_SESSION)
    }
}

/// What could not be had, and why.
impl fmt::Display for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Negotiation::Refused { suite, status, privilege, .. } => {
                if self.may_be_the_user() {
                    write!(f, "the BMC does not take the user name, or not with cipher suite {suite}")?;
                } else {
                    write!(f, "cipher suite {suite} at the privilege level {privilege}")?;
                }
                write!(f, ": {} ({status:02X}h)", completion::rmcp_status(*status))
            }
            Negotiation::OtherAlgorithms { suite } => {
                write!(f, "cipher suite {suite}: it answered with algorithms that were not proposed")
            }
            Negotiation::NoAuthType { offered } => {
                write!(
                    f,
                    "an authentication type of IPMI 1.5 that may be used here (offered: {offered:02X}h)"
                )
            }
        }
    }
}
