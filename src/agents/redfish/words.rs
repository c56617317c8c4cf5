//! The client's errors in the framework's terms, and a service's words made fit for those who read stderr.

use std::time::{Duration, Instant};

use crate::base::told;
use crate::fencing::Error;
use crate::protocols::redfish;

/// Words of libraries, and of the service, in a message: those from which Pacemaker draws conclusions are changed.
pub(super) fn shown(text: &str) -> String {
    told::unread(text).into_owned()
}

/// What an error of the client means for the action. `asked` is when the request began.
pub(super) fn explained(error: redfish::Error, address: &str, asked: Instant) -> Error {
    let why = shown(&error.to_string());
    let address = address.to_owned();
    let answer =
        |uri: &str, code: String, passing| Error::Device { request: shown(uri), code: shown(&code), passing };
    match error {
        redfish::Error::BadAddress { .. }
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
            Error::TimeOver { what: format!("{doing} at {address}"), after: asked.elapsed() }
        }
        redfish::Error::LoginDenied { .. } => Error::LoginDenied { address, why },
        redfish::Error::Forbidden { .. } => Error::NoPrivilege { why },
        redfish::Error::Busy { .. } => Error::Busy { why },
        redfish::Error::Http { status, uri, message } => {
            let said = message.map(|message| format!(": {message}")).unwrap_or_default();
            answer(&uri, format!("HTTP {status}{said}"), false)
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
        for error in [
            redfish::Error::LoginDenied { uri: uri(), message: said() },
            redfish::Error::Forbidden { uri: uri(), message: said() },
            redfish::Error::Busy { status: 503, uri: uri(), retry_after: None, message: said() },
            redfish::Error::Http { status: 500, uri: uri(), message: said() },
            redfish::Error::Tls { peer: "a:1".into(), why: "timeout".into() },
            redfish::Error::Dropped { uri: uri(), why: "timed out".into() },
            redfish::Error::ForeignLink { link: "https://timeout/".into() },
            redfish::Error::Unexpected { uri: uri(), what: "timeout".into(), known: true },
            redfish::Error::TooLarge { uri: uri(), limit: 5 },
        ] {
            let text = explained(error, "192.0.2.1:443", Instant::now()).to_string().to_lowercase();
            assert!(!text.contains("timeout") && !text.contains("timed out"), "{text}");
        }
        let silent = redfish::Error::Silent { uri: uri(), waited: Duration::from_secs(5) };
        assert!(explained(silent, "192.0.2.1:443", Instant::now()).to_string().contains("timed out"));
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
