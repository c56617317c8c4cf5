//! Know before you shoot: explain, doctor, pins and evidence.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use peers::subject::{Lack, Row, Subject};
use peers::{Finished, TempDir, until};
use serde_json::Value;

/// What a rehearsal says on stderr, as its last line.
const REHEARSAL: &str = "rehearsal only, nothing was sent";

/// How long the child that writes may need once the agent has ended, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The fields that docs/evidence.md promises in every record.
const FIELDS: &[&str] = &[
    "action",
    "address",
    "agent",
    "by",
    "code",
    "device",
    "expected",
    "format",
    "host",
    "limits",
    "nodename",
    "pid",
    "plug",
    "plugs",
    "proof",
    "requests",
    "requests_left_out",
    "seconds",
    "timeline",
    "unix",
    "verdict",
    "version",
    "when",
    "why",
];

/// What a program printed for programs.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The records of a file of evidence.
pub(crate) fn records(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap_or_default().lines().map(json).collect()
}

fn assert_refused(done: &Finished, option: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    assert!(done.stderr.contains(&format!("ERROR: {option}: ")), "{}", done.stderr);
}

fn assert_shows_no_secret(subject: &Subject, done: &Finished) {
    for secret in &subject.secrets {
        assert!(!done.stdout.contains(secret) && !done.stderr.contains(secret), "{done:?}");
    }
}

fn dead(subject: &Subject) -> impl Iterator<Item = (&'static str, &str)> {
    subject.dead.iter().map(|(name, value)| (*name, value.as_str()))
}

pub(crate) fn explain_tells_what_would_be_sent_sends_nothing_and_fails(row: &Row) {
    let subject = row.subject();
    for action in subject.actions {
        let done = subject.agent(action).options([("explain", "1"), ("verbose", "1")]).run();
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        let last = done.stderr.lines().last().unwrap();
        assert!(last.ends_with(&format!("ERROR: {REHEARSAL}")), "{}", done.stderr);
        for words in subject.told.iter().chain(&["Time limits", "power_timeout", "state now", "  1. "]) {
            assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
        }
        assert_shows_no_secret(&subject, &done);
        assert_eq!(subject.commands(), 0);
    }
    assert!(subject.is_on());
}

pub(crate) fn explain_tells_programs_the_same(row: &Row) {
    let subject = row.subject();
    let action = subject.actions[0];
    let done = subject.agent(action).options([("explain", "1"), ("json", "1")]).run();
    assert_eq!(done.code, Some(1), "{}", done.stderr);
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

pub(crate) fn explain_of_an_action_that_only_reads_succeeds(row: &Row) {
    let subject = row.subject();
    for action in ["status", "monitor"] {
        let done = subject.agent(action).options([("explain", "1")]).run();
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{action}");
        assert!(!done.stdout.contains("Status:"), "{}", done.stdout);
    }
}

pub(crate) fn explain_of_a_device_that_is_not_there_says_so_and_fails(row: &Row) {
    if row.lacks(Lack::Address) {
        return;
    }
    let subject = row.subject();
    for action in ["status", subject.actions[0]] {
        let done = subject.agent(action).options([("explain", "1")]).options(dead(&subject)).run();
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        assert!(done.stdout.contains("What stands in the way"), "{}", done.stdout);
    }
}

pub(crate) fn a_rehearsal_in_a_clusters_configuration_is_bad_input(row: &Row) {
    let subject = row.subject();
    for action in subject.actions.iter().chain(&["status", "monitor", "validate-all"]) {
        let explain = || subject.agent(action).options([("explain", "1")]);
        assert_refused(&explain().under_pacemaker().run(), "explain");
        assert_refused(&explain().options([("nodename", "node2")]).run(), "explain");
    }
    for action in ["doctor", "evidence"] {
        let file = || subject.agent(action).options([("evidence_file", "/dev/null")]);
        assert_refused(&file().under_pacemaker().run(), "action");
        assert_refused(&file().options([("nodename", "node2")]).run(), "action");
    }
    assert_eq!(subject.commands(), 0);
}

pub(crate) fn doctor_changes_nothing_and_finds_nothing_wrong_with_a_healthy_device(row: &Row) {
    let subject = row.subject();
    let done = subject.agent("doctor").run();
    assert_eq!(done.code, Some(subject.health), "{}{}", done.stdout, done.stderr);
    assert!(!done.stdout.contains("failure "), "{}", done.stdout);
    assert_shows_no_secret(&subject, &done);
    let done = subject.agent("doctor").options([("json", "1")]).run();
    let report = json(&done.stdout);
    assert_eq!(report["format"], 1, "{report:#}");
    for step in report["steps"].as_array().unwrap() {
        assert!(step["seconds"].is_number() && step["why"].is_null(), "{report:#}");
    }
    assert_shows_no_secret(&subject, &done);
    assert_eq!(subject.commands(), 0);
    assert!(subject.is_on());
}

pub(crate) fn doctor_calls_a_device_that_is_not_there_a_failure(row: &Row) {
    if row.lacks(Lack::Address) {
        return;
    }
    let subject = row.subject();
    let done = subject.agent("doctor").options(dead(&subject)).run();
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stdout.contains("failure  "), "{}", done.stdout);
}

pub(crate) fn a_machine_that_tells_what_is_expected_is_fenced(row: &Row) {
    let subject = row.subject();
    for (option, right, _) in &subject.pins {
        for action in ["status", "monitor", "off", "on"] {
            let done = subject.agent(action).options([(*option, right.as_str())]).run();
            assert_eq!(done.code, Some(0), "{action}, {option}: {}", done.stderr);
        }
    }
    assert!(subject.pins.is_empty() || subject.commands() > 0);
}

pub(crate) fn a_machine_that_tells_otherwise_is_sent_no_command(row: &Row) {
    let subject = row.subject();
    for (option, right, wrong) in &subject.pins {
        for action in subject.actions.iter().chain(&["status", "monitor"]) {
            let done = subject.agent(action).options([(*option, wrong.as_str())]).run();
            assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{action}");
            let said = [option, wrong.as_str(), "no command was sent"];
            assert!(said.iter().all(|word| done.stderr.contains(word)), "{}", done.stderr);
            assert!(done.stderr.contains(right.as_str()), "what was found: {}", done.stderr);
        }
        let done = subject.agent("doctor").options([(*option, wrong.as_str())]).run();
        assert_eq!(done.code, Some(1), "{}", done.stdout);
    }
    assert_eq!(subject.commands(), 0);
    assert!(subject.is_on());
}

pub(crate) fn what_identifies_nothing_can_not_be_expected(row: &Row) {
    let subject = row.subject();
    for (option, ..) in &subject.pins {
        let nothing = match *option {
            "expect_uuid" => "00000000-0000-0000-0000-000000000000",
            "expect_serial" => "To be filled by O.E.M.",
            _ => continue,
        };
        let done = subject.agent("off").options([(*option, nothing)]).run();
        assert_refused(&done, option);
        assert!(done.stderr.contains("identifies nothing"), "{}", done.stderr);
    }
    assert_eq!(subject.device.requests(), 0, "it is refused before anybody is asked");
}

pub(crate) fn each_action_leaves_one_record_with_every_field_and_no_secret(row: &Row) {
    let subject = row.subject();
    let dir = TempDir::new("evidence");
    let path = dir.path().join("evidence.json");
    let file = || [("evidence_file", path.to_str().unwrap())];
    let mut count = 0;
    for action in subject.actions.iter().chain(&["status", "monitor"]) {
        let plain = subject.agent(action).run();
        let done = subject.agent(action).options(file()).run();
        assert_eq!(done.code, plain.code, "{}", done.stderr);
        count += 1;
        let lines = || fs::read_to_string(&path).unwrap_or_default().matches('\n').count();
        assert!(until(PATIENCE, || lines() >= count), "{} of {count} lines", lines());
        let records = records(&path);
        let record = &records[count - 1];
        let fields: Vec<&str> = record.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, FIELDS);
        assert_eq!((&record["action"], &record["format"]), (&(*action).into(), &1.into()));
        assert_eq!(
            (&record["agent"], &record["proof"]),
            (&subject.agent_name().into(), &subject.proof.into())
        );
        assert_eq!((&record["verdict"], &record["code"]), (&"done".into(), &done.code.unwrap().into()));
        assert_eq!(record["why"].as_str().unwrap(), done.stdout.trim_end());
        assert_eq!((&record["by"]["uid"], &record["by"]["user"]), (&0.into(), &"root".into()));
        let mut last = 0.0;
        for request in record["requests"].as_array().unwrap() {
            assert!(request["took"].is_number() && request["what"].is_string(), "{request}");
            assert!(request["answer"].is_string() && request["worked"].is_boolean(), "{request}");
            let at = request["at"].as_f64().unwrap();
            assert!(at >= last, "{record:#}");
            last = at;
        }
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(subject.secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let shown = subject.agent("evidence").options(file()).run();
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""));
    assert!(shown.stdout.contains(": done") && shown.stdout.contains("exit code 0"), "{}", shown.stdout);
}
