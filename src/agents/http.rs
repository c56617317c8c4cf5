//! The errors of HTTP in the terms of fencing, for every agent that speaks it.

use crate::base::told;
use crate::fencing::failure::{Failure, Kind};
use crate::protocols::http::Error;

/// Words of libraries, and of a service, in a message: those from which Pacemaker draws conclusions are changed.
pub(super) fn shown(text: &str) -> String {
    told::unread(text).into_owned()
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        let why = || shown(&self.to_string());
        let answer = |uri: &str, code: &str| Kind::Device { request: shown(uri), code: shown(code) };
        match self {
            Error::Setup { passing: true, .. } | Error::Dropped { .. } => Kind::Unreachable(why()),
            Error::NoSuchHost { why, .. } | Error::Unreachable { why, .. } => Kind::Unreachable(shown(why)),
            Error::BadAddress { .. }
            | Error::NoZone { .. }
            | Error::BadCredentials { .. }
            | Error::BadCaFile { .. }
            | Error::BadClientCertificate { .. }
            | Error::Setup { .. } => Kind::Local,
            Error::Unbound { .. } => Kind::Unexpected,
            Error::Refused { .. } => Kind::Refused,
            Error::Tls { why, .. } => Kind::Untrusted(shown(why)),
            Error::Silent { uri, waited } => Kind::Silent { step: shown(uri), after: Some(*waited) },
            Error::TimeOver { doing } => Kind::TimeOver(shown(doing)),
            Error::LoginDenied { .. } | Error::NoSuchLogin { .. } => Kind::LoginDenied(why()),
            Error::Forbidden { .. } => Kind::NoPrivilege(why()),
            Error::Busy { .. } => Kind::Busy,
            Error::Status { uri, status, .. } => answer(uri, &format!("HTTP {status}")),
            Error::ForeignLink { .. } => answer("the request", &why()),
            Error::TooLarge { uri, limit } => {
                answer(uri, &format!("the answer is larger than {limit} bytes"))
            }
            Error::Unexpected { uri, what, .. } => answer(uri, what),
        }
    }

    fn is_passing(&self) -> bool {
        Error::is_passing(self)
    }
}
