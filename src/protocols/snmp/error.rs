//! What can go wrong, told apart as far as the protocol allows.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::oid::Oid;

/// The largest message that fits a UDP datagram over IPv4, and the largest that can be announced to this client.
pub const MAX_MESSAGE: i64 = 65_507;

/// Why a request came to nothing. No variant carries a password, a community or a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// What was asked for can't be put into a request: bad credentials, an impossible object identifier.
    Misuse(&'static str),
    /// The address reports a closed port.
    Refused(SocketAddr),
    /// The network reports that the address can't be reached.
    Unreachable(SocketAddr),
    /// No answer. A wrong community looks the same; so does a wrong privacy password to some agents.
    Silent {
        /// How often the request was sent.
        requests: u32,
        /// What the agent had answered earlier to the same client.
        earlier: Earlier,
        /// Whether the request was a write.
        write: bool,
    },
    /// Another engine answers than the one that has signed what was read before: nothing was written to it, and what
    /// was read of both makes no answer.
    AnotherEngine,
    /// The deadline had passed before anything could be sent.
    NoTime,
    /// The agent doesn't accept the user or a password.
    Rejected(Rejection),
    /// The agent answers a reading request with an error.
    Failed {
        /// Which.
        status: ErrorStatus,
        /// The object it names.
        object: Option<Oid>,
    },
    /// The agent refuses a write.
    WriteRefused {
        /// Why.
        status: ErrorStatus,
        /// The object it names.
        object: Option<Oid>,
    },
    /// An answer came that can't be used, for this reason.
    Unusable(&'static str),
    /// The agent announces a msgMaxSize above [`MAX_MESSAGE`].
    MessageSize(i64),
    /// The agent's clock or engine identifier changes with every answer.
    Unsynchronised,
    /// A walk meets objects out of order: the agent would walk in a circle.
    WalkNotIncreasing(Oid),
    /// A walk meets more objects than the limit.
    WalkTooLong(usize),
    /// A walk meets more bytes than the limit.
    WalkTooLarge(usize),
    /// The system refuses a socket or random bytes.
    System(io::ErrorKind),
}

/// What an agent that is silent now had answered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing.
    Nothing,
    /// The discovery of its engine in SNMPv3, which isn't protected.
    Name,
    /// A request of this login.
    Answers,
}

/// What an agent says against the user, in its reports (RFC 3414, section 3.2 and the counters in section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// usmStatsUnknownUserNames.
    UnknownUser,
    /// usmStatsWrongDigests: wrong authentication password or protocol.
    WrongAuthentication,
    /// usmStatsDecryptionErrors: wrong privacy password or protocol.
    WrongPrivacy,
    /// usmStatsUnsupportedSecLevels: the user doesn't exist with this security level.
    UnsupportedLevel,
    /// snmpUnknownContexts, snmpUnavailableContexts (RFC 3413).
    NoContext,
    /// snmpUnknownPDUHandlers (RFC 3412, section 5): nothing in the agent takes requests of this kind.
    NoHandler,
    /// Another report.
    Other,
}

impl Error {
    /// Whether asking again can't help: the agent has heard the request and turned it down, or there is
    /// something wrong with the request itself.
    pub fn is_definitive(&self) -> bool {
        match self {
            Error::Misuse(_)
            | Error::Rejected(_)
            | Error::MessageSize(_)
            | Error::WalkTooLong(_)
            | Error::WalkTooLarge(_) => true,
            Error::Failed { status, .. } | Error::WriteRefused { status, .. } => status.is_definitive(),
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Misuse(what) => f.write_str(what),
            Error::Refused(address) => write!(f, "no SNMP agent listens at {address} (port closed)"),
            Error::Unreachable(address) => write!(f, "{address} can't be reached"),
            Error::Silent { requests, earlier, write } => {
                let what = match (earlier, write) {
                    (Earlier::Nothing, _) => {
                        "no answer over SNMP, to a wrong community agents are silent, too"
                    }
                    (Earlier::Name, _) => {
                        "the SNMP agent has named itself, but is silent since, as some are to a wrong privacy \
                         password or protocol"
                    }
                    (Earlier::Answers, true) => {
                        "the SNMP agent answers reading, but not writing: perhaps this login may only read"
                    }
                    (Earlier::Answers, false) => "the SNMP agent has answered before, but is silent since",
                };
                write!(f, "{what} (requests sent: {requests})")
            }
            Error::AnotherEngine => {
                f.write_str("another SNMPv3 engine answers than the one before: nothing was written to it")
            }
            Error::NoTime => f.write_str("no time left for an SNMP request"),
            Error::Rejected(Rejection::NoHandler) => {
                write!(f, "the SNMP agent takes no requests of this kind")
            }
            Error::Rejected(rejection) => write!(f, "the SNMP agent rejects the login: {rejection}"),
            Error::Failed { status, object } => {
                told_of(f, "the SNMP agent answers with an error", *status, object)
            }
            Error::WriteRefused { status, object } => {
                told_of(f, "the device refuses the write", *status, object)
            }
            Error::Unusable(why) => write!(f, "the SNMP answer can't be used: {why}"),
            Error::MessageSize(size) => write!(
                f,
                "the SNMPv3 agent announces a msgMaxSize of {size}, more than the {MAX_MESSAGE} bytes \
                 that can be handled; lower it on the device or use SNMPv2c"
            ),
            Error::Unsynchronised => {
                f.write_str("the SNMPv3 agent changes its engine or clock with every answer")
            }
            Error::WalkNotIncreasing(oid) => {
                write!(
                    f,
                    "the SNMP agent lists its objects out of order (at {oid}): stopped reading in a circle"
                )
            }
            Error::WalkTooLong(limit) => write!(f, "the SNMP agent lists more than {limit} objects"),
            Error::WalkTooLarge(limit) => write!(f, "the SNMP agent lists more than {limit} bytes"),
            Error::System(kind) => write!(f, "no socket for SNMP: {kind}"),
        }
    }
}

fn told_of(f: &mut fmt::Formatter<'_>, what: &str, status: ErrorStatus, object: &Option<Oid>) -> fmt::Result {
    write!(f, "{what}: {status}")?;
    match object {
        Some(object) => write!(f, ", object {object}"),
        None => Ok(()),
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rejection::UnknownUser => "unknown user name",
            Rejection::WrongAuthentication => "wrong authentication password or protocol",
            Rejection::WrongPrivacy => "wrong privacy password or protocol",
            Rejection::UnsupportedLevel => "the user has no such security level",
            Rejection::NoContext => "no such context",
            Rejection::NoHandler => "it takes no requests of this kind",
            Rejection::Other => "it reports a reason that isn't in the standard",
        })
    }
}

/// The error-status of a reply (RFC 3416, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the standard's names, and `words` says what each means")]
pub enum ErrorStatus {
    TooBig,
    NoSuchName,
    BadValue,
    ReadOnly,
    GenErr,
    NoAccess,
    WrongType,
    WrongLength,
    WrongEncoding,
    WrongValue,
    NoCreation,
    InconsistentValue,
    ResourceUnavailable,
    CommitFailed,
    UndoFailed,
    AuthorizationError,
    NotWritable,
    InconsistentName,
    Other(u32),
}

/// Number, name in the standard, meaning.
const STATUSES: &[(u32, ErrorStatus, &str, &str)] = &[
    (1, ErrorStatus::TooBig, "tooBig", "the answer doesn't fit into one message"),
    (2, ErrorStatus::NoSuchName, "noSuchName", "no such object, or not accessible with this login"),
    (3, ErrorStatus::BadValue, "badValue", "the device doesn't take this value"),
    (4, ErrorStatus::ReadOnly, "readOnly", "the object can only be read"),
    (5, ErrorStatus::GenErr, "genErr", "a failure inside the device"),
    (6, ErrorStatus::NoAccess, "noAccess", "not accessible with this login"),
    (7, ErrorStatus::WrongType, "wrongType", "the object is of another type"),
    (8, ErrorStatus::WrongLength, "wrongLength", "the value's length doesn't fit the object"),
    (9, ErrorStatus::WrongEncoding, "wrongEncoding", "the value's encoding isn't accepted"),
    (10, ErrorStatus::WrongValue, "wrongValue", "the device doesn't take this value"),
    (11, ErrorStatus::NoCreation, "noCreation", "the object doesn't exist and can't be created"),
    (12, ErrorStatus::InconsistentValue, "inconsistentValue", "the device doesn't take this value now"),
    (13, ErrorStatus::ResourceUnavailable, "resourceUnavailable", "the device lacks a resource for it"),
    (14, ErrorStatus::CommitFailed, "commitFailed", "the device tried and failed"),
    (15, ErrorStatus::UndoFailed, "undoFailed", "the device failed midway and couldn't undo it"),
    (16, ErrorStatus::AuthorizationError, "authorizationError", "this login isn't authorised"),
    (17, ErrorStatus::NotWritable, "notWritable", "the object can't be written"),
    (18, ErrorStatus::InconsistentName, "inconsistentName", "the object can't be created now"),
];

impl ErrorStatus {
    /// `None` for 0, noError.
    pub fn from_number(number: u32) -> Option<ErrorStatus> {
        match STATUSES.iter().find(|row| row.0 == number) {
            Some(row) => Some(row.1),
            None if number == 0 => None,
            None => Some(ErrorStatus::Other(number)),
        }
    }

    /// Whether the same request will be turned down again. The others tell of a moment: the device was busy,
    /// failed inside, or is in a state that passes.
    pub fn is_definitive(self) -> bool {
        !matches!(
            self,
            ErrorStatus::GenErr
                | ErrorStatus::InconsistentValue
                | ErrorStatus::ResourceUnavailable
                | ErrorStatus::CommitFailed
                | ErrorStatus::UndoFailed
                | ErrorStatus::InconsistentName
                | ErrorStatus::Other(_)
        )
    }
}

impl fmt::Display for ErrorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (STATUSES.iter().find(|row| row.1 == *self), self) {
            (Some((_, _, name, words)), _) => write!(f, "{name} ({words})"),
            (None, ErrorStatus::Other(number)) => write!(f, "error {number}"),
            (None, _) => f.write_str("an error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_the_standard_has_its_name_and_words() {
        assert_eq!(ErrorStatus::from_number(0), None);
        for number in 1..=18 {
            let status = ErrorStatus::from_number(number).unwrap();
            assert!(!matches!(status, ErrorStatus::Other(_)), "{number}");
            assert!(status.to_string().contains(" ("), "{number}: {status}");
        }
        assert_eq!(ErrorStatus::from_number(19), Some(ErrorStatus::Other(19)));
        assert_eq!(
            ErrorStatus::from_number(17).unwrap().to_string(),
            "notWritable (the object can't be written)"
        );
    }

    #[test]
    fn a_missing_right_is_definitive_and_a_busy_device_is_not() {
        for (status, definitive) in [
            (ErrorStatus::NoAccess, true),
            (ErrorStatus::NotWritable, true),
            (ErrorStatus::AuthorizationError, true),
            (ErrorStatus::WrongValue, true),
            (ErrorStatus::CommitFailed, false),
            (ErrorStatus::ResourceUnavailable, false),
        ] {
            assert_eq!(
                Error::WriteRefused { status, object: None }.is_definitive(),
                definitive,
                "{status:?}"
            );
        }
    }
}
