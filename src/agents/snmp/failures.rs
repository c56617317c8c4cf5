//! What an error of SNMP means to fencing.

use crate::fencing::failure::{Failure, Kind};
use crate::protocols::snmp::{Earlier, Error, ErrorStatus, Rejection};

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::Misuse(_) | Error::System(_) => Kind::Local,
            Error::Refused(_) => Kind::Refused,
            Error::Unreachable(_) => Kind::Unreachable(self.to_string()),
            Error::Silent { earlier, write, .. } => {
                Kind::Silent { step: silent(*earlier, *write).to_owned(), after: None }
            }
            Error::NoTime => Kind::TimeOver("an SNMP request".to_owned()),
            Error::Rejected(Rejection::NoHandler) => Kind::Unsupported(self.to_string()),
            Error::Rejected(rejection) => Kind::LoginDenied(rejection.to_string()),
            Error::WriteRefused { status: ErrorStatus::NoSuchName, .. } => Kind::NoPrivilege(format!(
                "{self}; what can be read: perhaps this login may only read, or somebody is logged on at the device"
            )),
            Error::Failed { status, .. } | Error::WriteRefused { status, .. } if is_privilege(*status) => {
                Kind::NoPrivilege(self.to_string())
            }
            Error::MessageSize(_) => Kind::Unsupported(self.to_string()),
            Error::Failed { .. }
            | Error::WriteRefused { .. }
            | Error::WalkTooLong(_)
            | Error::WalkTooLarge(_) => Kind::Device { request: "SNMP".to_owned(), code: self.to_string() },
            Error::Unusable(_)
            | Error::AnotherEngine
            | Error::Unsynchronised
            | Error::WalkNotIncreasing(_) => Kind::Unexpected,
        }
    }

    fn is_passing(&self) -> bool {
        !self.is_definitive()
    }
}

/// What wasn't answered, with what that may come from.
fn silent(earlier: Earlier, write: bool) -> &'static str {
    match (earlier, write) {
        (Earlier::Nothing, _) => "SNMP (devices are silent to a wrong community, too)",
        (Earlier::Name, _) => {
            "SNMP after it had named itself (some devices are silent to a wrong privacy password)"
        }
        (Earlier::Answers, true) => {
            "a write over SNMP, though it answers reading (perhaps this login may only read)"
        }
        (Earlier::Answers, false) => "SNMP, though it has answered before",
    }
}

/// Whether a status tells of a login that may not do this. A login that may read and not write is told by these few.
fn is_privilege(status: ErrorStatus) -> bool {
    matches!(
        status,
        ErrorStatus::NoAccess
            | ErrorStatus::NotWritable
            | ErrorStatus::ReadOnly
            | ErrorStatus::AuthorizationError
            | ErrorStatus::NoSuchName
    )
}
