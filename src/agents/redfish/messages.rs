//! The client's errors in the framework's terms, and a service's words made fit for those who read stderr.

use std::time::Duration;

use crate::agents::http::shown;
use crate::fencing::failure::{Failure, Kind};
use crate::fencing::{Asked, Error};
use crate::protocols::redfish;

impl Failure for redfish::Error {
    fn kind(&self) -> Kind {
        use redfish::Error;
        let why = || shown(&self.to_string());
        let answer = |uri: &str, code: &str| Kind::Device { request: shown(uri), code: shown(code) };
        match self {
            Error::Http(error) => error.kind(),
            Error::LoginDenied { .. } => Kind::LoginDenied(why()),
            // Nothing is allowed until then, so it is the login that failed.
            Error::Forbidden { .. } if self.wants_another_password() => Kind::LoginDenied(why()),
            Error::Forbidden { .. } => Kind::NoPrivilege(why()),
            Error::Busy { .. } => Kind::Busy,
            Error::Status { status, uri, message, .. } => {
                answer(uri, &format!("HTTP {status}{}", said(message.as_ref())))
            }
            Error::NotItsName { uri, .. } => {
                let why = why();
                answer(uri, why.strip_prefix(&format!("{uri}: ")).unwrap_or(&why))
            }
            Error::Doubted { uri, message } => answer(
                uri,
                &format!(
                    "HTTP 401, though the user name and password had been accepted{}",
                    said(message.as_ref())
                ),
            ),
        }
    }

    fn is_passing(&self) -> bool {
        self.is_transient()
    }
}

/// What the service said, behind a status.
fn said(message: Option<&redfish::ServiceMessage>) -> String {
    message.map(|message| format!(": {message}")).unwrap_or_default()
}

/// What an error of the client means for the action. `option` limits this step of it, where one is in force.
pub(super) fn explained(error: &redfish::Error, asked: &Asked<'_>, option: Option<&str>) -> Error {
    match Error::of(error, asked) {
        Error::TimeOver { what, after } => {
            let hint = option.map(|option| format!("; a service that is only slow needs {option} raised"));
            let what = format!("{what} at {}{}", asked.address, hint.unwrap_or_default());
            Error::TimeOver { what, after }
        }
        error => error,
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
    use std::time::Instant;

    use super::*;
    use crate::protocols::http;

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
        let asked = Asked { address: &"192.0.2.1:443", begun: Instant::now() };
        for error in [
            redfish::Error::LoginDenied { uri: uri(), message: said() },
            redfish::Error::Forbidden { uri: uri(), message: said() },
            redfish::Error::Busy { status: 503, uri: uri(), retry_after: None, message: said() },
            redfish::Error::Status { status: 500, uri: uri(), message: said(), passing: false },
            redfish::Error::NotItsName { uri: uri(), name: "a".into(), message: said() },
            redfish::Error::Doubted { uri: uri(), message: said() },
            redfish::Error::Http(http::Error::Tls { peer: "a:1".into(), why: "timeout".into() }),
            redfish::Error::Http(http::Error::Dropped { uri: uri(), why: "timed out".into() }),
            redfish::Error::Http(http::Error::ForeignLink { link: "https://timeout/".into() }),
            redfish::Error::Http(http::Error::Unexpected { uri: uri(), what: "timeout".into(), known: true }),
            redfish::Error::Http(http::Error::TooLarge { uri: uri(), limit: 5 }),
        ] {
            let text = explained(&error, &asked, None).to_string().to_lowercase();
            assert!(!text.contains("timeout") && !text.contains("timed out"), "{text}");
        }
        let silent = redfish::Error::Http(http::Error::Silent { uri: uri(), waited: Duration::from_secs(5) });
        assert!(explained(&silent, &asked, None).to_string().contains("timed out"));
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
