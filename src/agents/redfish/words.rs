//! The client's errors in the framework's terms, and a service's words made fit for those who read stderr.

use std::time::{Duration, Instant};

use crate::fencing::Error;
use crate::protocols::redfish;

/// What Pacemaker looks for on stderr, and what a service's sentence says instead: "Operation timeout" in an answer
/// is no time limit of ours. None of the latter ends with one of the former, whatever stands before it.
const SIGNALS: &[(&str, &str)] = &[
    ("timed out", "took too long"),
    ("timeout", "time limit"),
    ("unsupported action", "no supported action"),
    ("unrecognised action", "no known action"),
];

/// Text that holds words of the service, without those from which Pacemaker would draw conclusions.
pub(super) fn harmless(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for c in text.chars() {
        harmless.push(c);
        // What is there by now counts, so that nothing that was put in makes up another of them.
        let ends_with = |signal: &str| {
            let from = harmless.len().checked_sub(signal.len());
            let end = from.and_then(|from| harmless.get(from..));
            end.is_some_and(|end| end.eq_ignore_ascii_case(signal))
        };
        if let Some((signal, instead)) = SIGNALS.iter().find(|(signal, _)| ends_with(signal)) {
            harmless.truncate(harmless.len().saturating_sub(signal.len()));
            harmless.push_str(instead);
        }
    }
    harmless
}

/// What an error of the client means for the action. `asked` is when the request began.
pub(super) fn explained(error: redfish::Error, address: &str, asked: Instant) -> Error {
    let why = harmless(&error.to_string());
    let address = address.to_owned();
    let answer = |uri: &str, code: String, passing| Error::Device {
        request: harmless(uri),
        code: harmless(&code),
        passing,
    };
    match error {
        redfish::Error::BadAddress { .. }
        | redfish::Error::BadCredentials { .. }
        | redfish::Error::BadCaFile { .. }
        | redfish::Error::Setup { .. } => Error::Local { what: why },
        redfish::Error::NoSuchHost { why, .. } | redfish::Error::Unreachable { why, .. } => {
            Error::Unreachable { address, why: harmless(&why) }
        }
        redfish::Error::Dropped { .. } => Error::Unreachable { address, why },
        redfish::Error::Unbound { .. } => Error::Unexpected { what: why },
        redfish::Error::Refused { .. } => Error::Refused { address },
        redfish::Error::Tls { why, .. } => Error::Untrusted { address, why: harmless(&why) },
        redfish::Error::Silent { uri, waited } => {
            Error::NoAnswer { address, step: harmless(&uri), after: waited }
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
    fn a_services_words_are_kept_except_for_what_pacemaker_reads() {
        assert_eq!(harmless("Größe: 5 (iDRAC.2.8.PSU501)"), "Größe: 5 (iDRAC.2.8.PSU501)");
        let shown = harmless("É: Request Timed Out, TIMEOUT and timeouttimeout; Unsupported Action");
        assert_eq!(
            shown,
            "É: Request took too long, time limit and time limittime limit; no supported action"
        );
    }

    #[test]
    fn what_was_replaced_makes_no_new_word_with_its_surroundings() {
        let begin = Instant::now();
        for (signal, _) in SIGNALS {
            for at in 1..signal.len() {
                let (front, back) = signal.split_at(at);
                for (inner, _) in SIGNALS {
                    let shown =
                        harmless(&format!("{front}{inner}{back} {}", front.repeat(50))).to_lowercase();
                    assert!(
                        SIGNALS.iter().all(|(signal, _)| !shown.contains(signal)),
                        "{front}{inner}{back}"
                    );
                }
            }
        }
        // Read anew after each replacement, one of these takes minutes.
        assert_eq!(harmless(&"timeout".repeat(100_000)).len(), 1_000_000);
        assert!(begin.elapsed() < Duration::from_secs(60));
    }

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
