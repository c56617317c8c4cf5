//! What an error of IPMI means to fencing.

use crate::fencing::failure::{Failure, Kind};
use crate::protocols::ipmi::{self, Error};

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Error::NoPrivilege { .. } => Kind::NoPrivilege(self.to_string()),
            Error::Completion { .. } if self.is_privilege() => Kind::NoPrivilege(self.to_string()),
            Error::BadConfig(_) | Error::NoRandomness => Kind::Local,
            Error::Refused { .. } => Kind::Refused,
            Error::Unreachable { kind, .. } => Kind::Unreachable(kind.to_string()),
            Error::Silent { step, waited, skipped, .. } => {
                Kind::Silent { step: silent(step, *skipped), after: Some(*waited) }
            }
            Error::TimeOver { step } => Kind::TimeOver((*step).to_owned()),
            Error::LoginDenied { why } => Kind::LoginDenied(why.words().to_owned()),
            Error::Negotiation(what) if what.may_be_the_user() => Kind::LoginDenied(what.to_string()),
            Error::Negotiation(what) => Kind::Unsupported(what.to_string()),
            Error::NoResources { .. } => Kind::Busy,
            Error::Completion { command, .. } => {
                Kind::Device { request: (*command).to_owned(), code: self.to_string() }
            }
            Error::Unexpected { .. } => Kind::Unexpected,
        }
    }

    fn is_passing(&self) -> bool {
        !self.is_definitive()
    }
}

/// What wasn't answered, with what that may come from.
fn silent(step: &'static str, skipped: Option<&str>) -> String {
    match skipped {
        Some(skipped) => format!("{step} (what came was skipped: {skipped})"),
        None if ipmi::v20::follows_an_answer(step) => format!(
            "{step} (it had answered before: a slow BMC needs login_timeout or ipmitool_timeout raised)"
        ),
        None => step.to_owned(),
    }
}
