//! Know before you shoot: explain, doctor, pins and evidence, on every agent that has a row here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

mod cluster;
mod cluster_cib;
mod cluster_names;
mod cluster_shapes;
mod common;
mod evidence;
mod examples;
mod ipmilan;
mod pins;
mod redfish;
mod scsi;
mod snmp;
mod subjects;

use common::{Subject, json};
use peers::Finished;
use subjects::subjects;

/// What a rehearsal says on stderr, as its last line.
const REHEARSAL: &str = "rehearsal only, nothing was sent";

fn assert_refused(done: &Finished, option: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    assert!(done.stderr.contains(&format!("ERROR: {option}: ")), "{}", done.stderr);
}

fn assert_shows_no_secret(subject: &Subject, done: &Finished) {
    for secret in &subject.secrets {
        assert!(!done.stdout.contains(secret) && !done.stderr.contains(secret), "{}: {done:?}", subject.name);
    }
}

#[test]
fn explain_tells_what_would_be_sent_sends_nothing_and_fails() {
    for subject in subjects() {
        for action in subject.commands() {
            let done = subject.agent(action).options([("explain", "1"), ("verbose", "1")]).run();
            assert_eq!(done.code, Some(1), "{}: {}", subject.name, done.stderr);
            let last = done.stderr.lines().last().unwrap();
            assert!(last.ends_with(&format!("ERROR: {REHEARSAL}")), "{}: {}", subject.name, done.stderr);
            for words in subject.told.iter().chain(&["Time limits", "power_timeout", "state now", "  1. "]) {
                assert!(done.stdout.contains(words), "{}: {words}: {}", subject.name, done.stdout);
            }
            assert_shows_no_secret(&subject, &done);
            assert_eq!((subject.sent)(), 0, "{}", subject.name);
        }
        assert!((subject.is_on)(), "{}", subject.name);
    }
}

#[test]
fn explain_tells_programs_the_same() {
    for subject in subjects() {
        let action = subject.commands()[0];
        let done = subject.agent(action).options([("explain", "1"), ("json", "1")]).run();
        assert_eq!(done.code, Some(1), "{}: {}", subject.name, done.stderr);
        let told = json(&done.stdout);
        assert_eq!((&told["format"], &told["sent"]), (&1.into(), &false.into()), "{told:#}");
        assert_eq!(told["action"], action, "{told:#}");
        assert_eq!(told["plugs"][0]["state"], "on", "{told:#}");
        assert!(!told["requests"].as_array().unwrap().is_empty(), "{told:#}");
        assert!(told["limits"]["power_timeout"].is_number(), "{told:#}");
        assert_eq!(told["troubles"], serde_json::json!([]), "{told:#}");
        for (option, right, _) in &subject.pins {
            let kind = option.trim_start_matches("expect_");
            let identity = told["plugs"][0]["identity"].as_array().unwrap();
            let values: Vec<_> = identity.iter().filter(|one| one["kind"] == kind).collect();
            assert!(
                values.iter().any(|one| right.contains(one["value"].as_str().unwrap())),
                "{option}: {told:#}"
            );
        }
        assert_shows_no_secret(&subject, &done);
    }
}

#[test]
fn explain_of_an_action_that_only_reads_succeeds() {
    for subject in subjects() {
        for action in ["status", "monitor"] {
            let done = subject.agent(action).options([("explain", "1")]).run();
            assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{}: {action}", subject.name);
            assert!(!done.stdout.contains("Status:"), "{}", done.stdout);
        }
    }
}

#[test]
fn explain_of_a_device_that_is_not_there_says_so_and_fails() {
    for subject in subjects().into_iter().filter(|subject| subject.has_address) {
        for action in ["status", subject.commands()[0]] {
            let done = subject.agent(action).options([("explain", "1"), ("ip", "127.0.0.99")]).run();
            assert_eq!(done.code, Some(1), "{}", subject.name);
            assert!(done.stdout.contains("What stands in the way"), "{}: {}", subject.name, done.stdout);
        }
    }
}

#[test]
fn a_rehearsal_in_a_clusters_configuration_is_bad_input() {
    for subject in subjects() {
        for action in subject.commands().iter().chain(&["status", "monitor", "validate-all"]) {
            let explain = || subject.agent(action).options([("explain", "1")]);
            assert_refused(&explain().under_pacemaker().run(), "explain");
            assert_refused(&explain().options([("nodename", "node2")]).run(), "explain");
        }
        for action in ["doctor", "evidence"] {
            let file = || subject.agent(action).options([("evidence_file", "/dev/null")]);
            assert_refused(&file().under_pacemaker().run(), "action");
            assert_refused(&file().options([("nodename", "node2")]).run(), "action");
        }
        assert_eq!((subject.sent)(), 0, "{}", subject.name);
    }
}

#[test]
fn doctor_changes_nothing_and_finds_nothing_wrong_with_a_healthy_device() {
    for subject in subjects() {
        let done = subject.agent("doctor").run();
        assert_eq!(done.code, Some(subject.health), "{}: {}{}", subject.name, done.stdout, done.stderr);
        assert!(!done.stdout.contains("failure "), "{}", done.stdout);
        assert_shows_no_secret(&subject, &done);
        let done = subject.agent("doctor").options([("json", "1")]).run();
        let report = json(&done.stdout);
        assert_eq!(report["format"], 1, "{report:#}");
        for step in report["steps"].as_array().unwrap() {
            assert!(step["seconds"].is_number() && step["why"].is_null(), "{report:#}");
        }
        assert_shows_no_secret(&subject, &done);
        assert_eq!((subject.sent)(), 0, "{}", subject.name);
        assert!((subject.is_on)(), "{}", subject.name);
    }
}

#[test]
fn doctor_calls_a_device_that_is_not_there_a_failure() {
    for subject in subjects().into_iter().filter(|subject| subject.has_address) {
        let done = subject.agent("doctor").options([("ip", "127.0.0.99")]).run();
        assert_eq!(done.code, Some(1), "{}", subject.name);
        assert!(done.stdout.contains("failure  "), "{}: {}", subject.name, done.stdout);
    }
}

#[test]
fn a_machine_that_tells_what_is_expected_is_fenced() {
    for subject in subjects() {
        for (option, right, _) in &subject.pins {
            for action in ["status", "monitor", "off", "on"] {
                let done = subject.agent(action).options([(*option, right.as_str())]).run();
                assert_eq!(done.code, Some(0), "{}: {action}, {option}: {}", subject.name, done.stderr);
            }
        }
        assert!(subject.pins.is_empty() || (subject.sent)() > 0, "{}", subject.name);
    }
}

#[test]
fn a_machine_that_tells_otherwise_is_sent_no_command() {
    for subject in subjects() {
        for (option, right, wrong) in &subject.pins {
            for action in subject.commands().iter().chain(&["status", "monitor"]) {
                let done = subject.agent(action).options([(*option, wrong.as_str())]).run();
                assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}: {action}", subject.name);
                let said = [option, wrong.as_str(), "no command was sent"];
                assert!(said.iter().all(|word| done.stderr.contains(word)), "{}", done.stderr);
                assert!(done.stderr.contains(right.as_str()), "what was found: {}", done.stderr);
            }
            let done = subject.agent("doctor").options([(*option, wrong.as_str())]).run();
            assert_eq!(done.code, Some(1), "{}: {}", subject.name, done.stdout);
        }
        assert_eq!((subject.sent)(), 0, "{}", subject.name);
        assert!((subject.is_on)(), "{}", subject.name);
    }
}

#[test]
fn what_identifies_nothing_can_not_be_expected() {
    for subject in subjects() {
        for (option, ..) in &subject.pins {
            let nothing = match *option {
                "expect_uuid" => "00000000-0000-0000-0000-000000000000",
                "expect_serial" => "To be filled by O.E.M.",
                _ => continue,
            };
            assert_refused(&subject.agent("off").options([(*option, nothing)]).run(), option);
        }
        assert_eq!((subject.sent)(), 0, "{}", subject.name);
    }
}
