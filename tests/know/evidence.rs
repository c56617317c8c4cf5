//! What is written down, also where the file hangs, many write at once, and the agent is killed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use peers::bmc::{Effect, Power, Settings};
use peers::hang::HungFolder;
use peers::{Agent, Bmc, TempDir, until};
use serde_json::Value;

use crate::common::json;

/// How long the child that writes may need once the agent has ended, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn records(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(json).collect()
}

/// The records, once there are so many.
fn awaited(path: &Path, count: usize) -> Vec<Value> {
    let lines = || fs::read_to_string(path).unwrap_or_default().matches('\n').count();
    assert!(until(PATIENCE, || lines() >= count), "{} of {count} lines", lines());
    records(path)
}

fn ipmilan(bmc: &Bmc, action: &str) -> Agent {
    Agent::ipmilan("fence_ipmilan", bmc.port(), action)
}

#[test]
fn the_timeline_of_an_off_shows_what_was_read_before_and_after_the_command() {
    let power = Power { delay: Duration::from_millis(300), ..Power::default() };
    let bmc = Bmc::start(Settings { power, ..Settings::default() });
    let dir = TempDir::new("evidence");
    let path = dir.path().join("evidence.json");
    let guid = "61207065-6572-2066-6f72-207465737473";
    let done = ipmilan(&bmc, "off")
        .options([("evidence_file", path.to_str().unwrap()), ("expect_uuid", guid), ("nodename", "node2")])
        .run();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let record = &awaited(&path, 1)[0];
    let states: Vec<&Value> =
        record["timeline"].as_array().unwrap().iter().map(|entry| &entry["states"][0]).collect();
    assert_eq!(states, ["on", "off"]);
    let asked: Vec<&str> = record["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["what"].as_str().unwrap())
        .collect();
    let command = asked.iter().position(|what| what.starts_with("switch off")).unwrap();
    assert!(asked[command - 1].starts_with("identity of"), "{asked:?}");
    assert_eq!(
        (record["nodename"].as_str(), record["expected"]["expect_uuid"].as_str()),
        (Some("node2"), Some(guid))
    );
    assert_eq!(record["plugs"][0]["identity"][0]["value"], guid);
    // And the next doctor knows how long it took.
    let done = ipmilan(&bmc, "doctor").options([("evidence_file", path.to_str().unwrap())]).run();
    assert!(done.stdout.contains("the last off took 0."), "{}", done.stdout);
}

#[test]
fn a_failure_is_recorded_with_its_reason() {
    let bmc = Bmc::start(Settings::default());
    let dir = TempDir::new("evidence");
    let path = dir.path().join("evidence.json");
    let done = ipmilan(&bmc, "off")
        .options([("evidence_file", path.to_str().unwrap()), ("expect_serial", "another")])
        .run();
    assert_eq!(done.code, Some(1));
    let record = &awaited(&path, 1)[0];
    assert_eq!((&record["verdict"], &record["code"]), (&"failed".into(), &1.into()));
    assert!(done.stderr.contains(record["why"].as_str().unwrap()), "{record:#}");
}

#[test]
fn a_file_that_hangs_delays_nothing_and_its_record_comes_when_it_can() {
    let bmc = Bmc::start(Settings::default());
    let hung = HungFolder::new();
    let path = hung.file();
    let done = ipmilan(&bmc, "off").options([("evidence_file", path.to_str().unwrap())]).run();
    assert!(!done.killed);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered OFF\n"), "{}", done.stderr);
    assert!(done.stderr.contains("WARNING") && done.stderr.contains("its file system doesn't answer"));
    hung.answer();
    assert!(until(PATIENCE, || hung.content().ends_with('\n')));
    assert_eq!(json(&hung.content())["verdict"], "done");
}

#[test]
fn doctor_and_evidence_do_not_wait_for_a_file_that_hangs() {
    let bmc = Bmc::start(Settings::default());
    let hung = HungFolder::new();
    for (action, code) in [("doctor", 3), ("evidence", 1)] {
        let done = ipmilan(&bmc, action).options([("evidence_file", hung.file().to_str().unwrap())]).run();
        assert!(!done.killed && done.code == Some(code), "{action}: {}{}", done.stdout, done.stderr);
        let told = done.stdout + &done.stderr;
        assert!(told.contains("its file system doesn't answer"), "{action}: {told}");
    }
}

#[test]
fn a_file_that_can_not_be_written_is_told_once_and_changes_nothing() {
    let bmc = Bmc::start(Settings::default());
    let dir = TempDir::new("evidence");
    let [pipe, link] = ["pipe", "link"].map(|name| dir.path().join(name).display().to_string());
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), &link).unwrap();
    for path in ["/nowhere/evidence.json", "/dev/full", "/", &pipe, &link] {
        for option in ["evidence_file", "debug_file"] {
            let done = ipmilan(&bmc, "status").options([(option, path)]).run();
            let said = (done.code, done.stdout.as_str());
            assert_eq!(said, (Some(0), "Status: ON\n"), "{option}={path}: {}", done.stderr);
            let about = format!("WARNING: {path} can't be written: ");
            assert!(done.stderr.contains(&about), "{option}={path}: {}", done.stderr);
            assert_eq!(done.stderr.lines().count(), 1, "{option}={path}: {}", done.stderr);
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "somebody else's link was followed");
}

#[test]
fn fifty_agents_that_end_at_once_leave_fifty_whole_lines() {
    let bmc = Bmc::start(Settings { session_slots: 60, ..Settings::default() });
    let dir = TempDir::new("evidence");
    let path = dir.path().join("evidence.json");
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let file = [("evidence_file", path.to_str().unwrap()), ("login_timeout", "60")];
                let done = ipmilan(&bmc, "status").options(file).run();
                assert_eq!(done.code, Some(0), "{}", done.stderr);
            });
        }
    });
    let records = awaited(&path, 50);
    let processes: BTreeSet<u64> = records.iter().map(|record| record["pid"].as_u64().unwrap()).collect();
    assert_eq!((records.len(), processes.len()), (50, 50));
    assert!(records.iter().all(|record| record["verdict"] == "done"));
}

#[test]
fn an_agent_that_its_caller_kills_leaves_what_it_had_done_until_then() {
    let deaf = Power { effect: Effect::Nothing, ..Power::default() };
    let bmc = Bmc::start(Settings { power: deaf, ..Settings::default() });
    let dir = TempDir::new("evidence");
    let path = dir.path().join("evidence.json");
    // Its limits lifted, it would wait for ever.
    let done = ipmilan(&bmc, "off")
        .options([("evidence_file", path.to_str().unwrap()), ("nodename", "node2")])
        .under_pacemaker()
        .limit(Duration::from_secs(2))
        .run();
    assert!(done.killed);
    let record = &awaited(&path, 1)[0];
    assert_eq!((&record["verdict"], &record["code"]), (&"cut short".into(), &Value::Null), "{record:#}");
    assert_eq!(record["by"]["environment"]["PCMK_service"], "pacemaker-fenced");
    let asked = record["requests"].as_array().unwrap();
    assert!(asked.iter().any(|request| request["answer"] == "acknowledged"), "{record:#}");
    let shown = Agent::called("fence_ipmilan", "fence_ipmilan")
        .args(["-o", "evidence", "--evidence-file", path.to_str().unwrap()])
        .run();
    assert!(shown.stdout.contains("off node2: cut short"), "{}", shown.stdout);
}

#[test]
fn lines_that_are_no_records_are_shown_as_such_and_control_characters_as_text() {
    let dir = TempDir::new("evidence");
    let path = dir.write(
        "evidence.json",
        "nonsense\n{\"format\":1,\"action\":\"off\",\"why\":\"\\u001b[2Jx\"}\n{\"cut",
    );
    let shown = |more: &[&str]| {
        let file = ["-o", "evidence", "--evidence-file", path.to_str().unwrap()];
        Agent::called("fence_scsi", "fence_scsi").args(file).args(more.iter().copied()).run()
    };
    let done = shown(&[]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    assert_eq!(done.stdout.matches("no record").count(), 2, "{}", done.stdout);
    assert!(done.stdout.contains("\\u{1b}[2Jx"), "{}", done.stdout);
    assert_eq!(shown(&["--json"]).stdout.lines().count(), 1);
    let missing = Agent::called("fence_scsi", "fence_scsi").args(["-o", "evidence"]).run();
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("--evidence-file: the file to show is missing"), "{}", missing.stderr);
}

#[test]
fn the_journal_gets_the_record_with_fields_to_search_by() {
    let bmc = Bmc::start(Settings::default());
    let dir = TempDir::new("evidence");
    let run = dir.path().join("run");
    fs::create_dir_all(run.join("systemd/journal")).unwrap();
    let journal = UnixDatagram::bind(run.join("systemd/journal/socket")).unwrap();
    journal.set_read_timeout(Some(PATIENCE)).unwrap();
    const SCRIPT: &str = "mount --bind \"$1\" /run && exec \"$2\"";
    // The journal doesn't wait for the file.
    let hung = HungFolder::new();
    let file = hung.file();
    let done = Agent::new("/usr/bin/unshare")
        .args(["--mount", "sh", "-c", SCRIPT, "sh", run.to_str().unwrap()])
        .args([peers::agents_dir().join("fence_ipmilan").to_str().unwrap()])
        .options([
            ("action", "status"),
            ("ip", "127.0.0.1"),
            ("ipport", bmc.port().to_string().as_str()),
            ("username", "admin"),
            ("password", "adminpw"),
            ("nodename", "node2"),
            ("evidence_file", file.to_str().unwrap()),
        ])
        .run();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let mut buffer = [0; 65536];
    let length = journal.recv(&mut buffer).unwrap();
    let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
    for field in [
        "MESSAGE=status of node2: done: Status: ON",
        "PRIORITY=5",
        "SYSLOG_IDENTIFIER=fence_ipmilan",
        "FENCING_ACTION=status",
        "FENCING_NODE=node2",
        "FENCING_VERDICT=done",
        "FENCING_CODE=0",
    ] {
        assert!(text.lines().any(|line| line == field), "{field}: {text}");
    }
    let record = text.lines().find_map(|line| line.strip_prefix("FENCING_RECORD=")).unwrap();
    assert_eq!(json(record)["verdict"], "done");
    assert!(!text.contains("adminpw"));
}
