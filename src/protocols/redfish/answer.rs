//! What an answer of HTTP is to Redfish: a service's own words, and what a status means.

use ::http::HeaderName;

use super::error::Error;
use super::message::ServiceMessage;
use crate::protocols::http::Response;

/// X-Auth-Token (DSP0266, "Session login").
pub(super) const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// What a service answers, read as DSP0266 has it.
pub(super) trait Answer {
    /// The most telling message in it.
    fn message(&self) -> Option<ServiceMessage>;

    /// What a status that is no success means.
    fn error(&self) -> Error;

    /// What a status that is no success means where something was only asked for.
    fn error_of_a_look(&self) -> Error {
        match self.error() {
            Error::Status { status: status @ 500.., uri, message, .. } => {
                Error::Status { status, uri, message, passing: true }
            }
            other => other,
        }
    }
}

impl Answer for Response {
    fn message(&self) -> Option<ServiceMessage> {
        ServiceMessage::find(&self.json_or_null())
    }

    fn error(&self) -> Error {
        let (status, uri, message) = (self.status, self.uri.clone(), self.message());
        match status {
            401 => Error::LoginDenied { uri, message },
            403 => Error::Forbidden { uri, message },
            408 | 429 | 502 | 503 | 504 => {
                Error::Busy { status, uri, retry_after: self.retry_after(), message }
            }
            _ => Error::Status { status, uri, message, passing: false },
        }
    }
}
