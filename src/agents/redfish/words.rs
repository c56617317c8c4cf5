//! The client's errors in the framework's terms, and a service's words made fit for those who read stderr.

use std::time::{Duration, Instant};

use crate::base::told;
use crate::fencing::Error;
use crate::protocols::redfish;

/// Words of libraries, and of the service, in a message: those from which Pacemaker draws conclusions are changed.
pub(super) fn shown(text: &str) -> String {
    told::unread(text).into_owned()
}

/// What was asked of the service, as far as an error is concerned.
pub(super) struct Asked<'a> {
    /// Host and port.
    pub(super) address: &'a str,
    /// When the step of the action began that the request belongs to.
    pub(super) begun: Instant,
    /// The option that limits this step, where one is in force.
    pub(super) option: Option<&'a str>,
}

/// What an error of the client means for the action.
pub(super) fn explained(error: redfish::Error, asked: &Asked<'_>) -> Error {
    let why = shown(&error.to_string());
    let address = asked.address.to_owned();
    let answer =
        |uri: &str, code: String, passing| Error::Device { request: shown(uri), code: shown(&code), passing };
    let said = |message: Option<redfish::ServiceMessage>| {
        message.map(|message| format!(": {message}")).unwrap_or_default()
    };
    match error {
        redfish::Error::Setup { passing: true, .. } => Error::Unreachable { address, why },
        redfish::Error::BadAddress { .. }
        | redfish::Error::NoZone { .. }
        | redfish::Error::BadCredentials { .. }
        | redfish::Error::BadCaFile { .. }
        | redfish::Error::Setup { .. } => Error::Local { what: why },
        redfish::Error::NoSuchHost { why, .. } | redfish::Error::Unreachable { why, .. } => {
            Error::Unreachable { address, why: shown(&why) }
        }
        redfish::Error::Dropped { .. } => Error::Unreachable { address, why },
        redfish::Error::Unbound { .. } => Error::Unexpected { what: why },
        redfish::Error::Refused { .. } => Error::Refused { address },
        redfish::Error::Tls { why, .. } => Error::Untrusted { address, why: shown(&why) },
        redfish::Error::Silent { uri, waited } => {
            Error::NoAnswer { address, step: shown(&uri), after: waited }
        }
        redfish::Error::TimeOver { doing } => {
            let mut what = format!("{} at {address}", shown(&doing));
            if let Some(option) = asked.option {
                what.push_str(&format!("; a service that is only slow needs {option} raised"));
            }
            Error::TimeOver { what, after: asked.begun.elapsed() }
        }
        redfish::Error::LoginDenied { .. } => Error::LoginDenied { address, why },
        // Nothing is allowed until then, so it is the login that failed.
        redfish::Error::Forbidden { .. } if error.wants_another_password() => {
            Error::LoginDenied { address, why }
        }
        redfish::Error::Forbidden { .. } => Error::NoPrivilege { why },
        redfish::Error::Busy { .. } => Error::Busy { why },
        redfish::Error::Http { status, uri, message, passing } => {
            answer(&uri, format!("HTTP {status}{}", said(message)), passing)
        }
        redfish::Error::NotItsName { ref uri, .. } => {
            answer(uri, why.strip_prefix(&format!("{uri}: ")).unwrap_or(&why).to_owned(), false)
        }
        redfish::Error::Doubted { uri, message } => {
            let code =
                format!("HTTP 401, though the user name and password had been accepted{}", said(message));
            answer(&uri, code, true)
        }
        redfish::Error::ForeignLink { .. } => answer("the request", why, false),
        redfish::Error::TooLarge { uri, limit } => {
            answer(&uri, format!("the answer is larger than {limit} bytes"), false)
        }
        redfish::Error::Unexpected { uri, what, known } => answer(&uri, what, known),
    }
}

/// How long to leave a service alone that names a pause (Retry-After), when `left` is there: always so that time
/// for another request stays.
pub(super) fn pause(named: Duration, left: Option<Duration>) -> Duration {
    const LONGEST: Duration = Duration::from_secs(30);
    const ONE_REQUEST: Duration = Duration::from_secs(1);
    let pause = named.min(LONGEST);
    match left {
        Some(left) if left < pause.saturating_add(ONE_REQUEST) => pause.min(left / 2),
        _ => pause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_errors_read_as_such_whatever_the_service_says() {
        let message = |text: &str| {
            let body = serde_json::json!({"error": {"message": text}});
            Some(redfish::ServiceMessage {
                id: "X.1.OperationTimeout".into(),
                text: body["error"]["message"].as_str().unwrap().into(),
            })
        };
        let uri = || "GET /timeout".to_owned();
        let said = || message("the unit timed out");
        let asked = Asked { address: "192.0.2.1:443", begun: Instant::now(), option: None };
        for error in [
            redfish::Error::LoginDenied { uri: uri(), message: said() },
            redfish::Error::Forbidden { uri: uri(), message: said() },
            redfish::Error::Busy { status: 503, uri: uri(), retry_after: None, message: said() },
            redfish::Error::Http { status: 500, uri: uri(), message: said(), passing: false },
            redfish::Error::NotItsName { uri: uri(), name: "a".into(), message: said() },
            redfish::Error::Doubted { uri: uri(), message: said() },
            redfish::Error::Tls { peer: "a:1".into(), why: "timeout".into() },
            redfish::Error::Dropped { uri: uri(), why: "timed out".into() },
            redfish::Error::ForeignLink { link: "https://timeout/".into() },
            redfish::Error::Unexpected { uri: uri(), what: "timeout".into(), known: true },
            redfish::Error::TooLarge { uri: uri(), limit: 5 },
        ] {
            let text = explained(error, &asked).to_string().to_lowercase();
            assert!(!text.contains("timeout") && !text.contains("timed out"), "{text}");
        }
        let silent = redfish::Error::Silent { uri: uri(), waited: Duration::from_secs(5) };
        assert!(explained(silent, &asked).to_string().contains("timed out"));
    }

    #[test]
    fn a_named_pause_leaves_time_for_another_request() {
        let seconds = Duration::from_secs;
        assert_eq!(pause(seconds(3), None), seconds(3));
        assert_eq!(pause(seconds(3), Some(seconds(20))), seconds(3));
        assert_eq!(pause(seconds(60), Some(seconds(20))), seconds(10));
        assert_eq!(pause(seconds(3600), None), seconds(30));
        assert_eq!(pause(seconds(3), Some(Duration::ZERO)), Duration::ZERO);
    }
}
