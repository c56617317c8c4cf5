//! A slice of the fault campaign (`make faults` runs all of it), and the proof that the campaign can fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::time::{Duration, Instant};

use peers::faults::scsi::Disks;
use peers::faults::{self, Case, Dice, Extent, History, Verdict};
use peers::{Agent, Finished, TempDir, agents_dir};

/// Runs for each protocol.
const RUNS: u64 = 300;

#[test]
fn no_fault_makes_an_agent_claim_what_is_not_so() {
    for field in faults::fields() {
        let tally = faults::campaign(field.as_ref(), Extent { seed: 1, first: 0, runs: RUNS }, |_| ());
        assert!(tally.is_clean() && tally.runs() == RUNS, "{tally}");
        assert!(tally.of(Verdict::TrueSuccess) > 0 && tally.of(Verdict::HonestFailure) > 0, "{tally}");
    }
}

/// An agent that says so and ends so.
fn said(code: i32) -> Finished {
    Agent::new("/bin/sh").args(["-c", &format!("exit {code}")]).run()
}

fn judged(action: &str, code: i32, truth: &[History], commanded: bool, faulty: bool) -> Verdict {
    let done = said(code);
    let commanded = commanded.then_some(done.started);
    Case { action, done: &done, truth, commanded, longest: Duration::from_secs(60), faulty }.verdict()
}

#[test]
fn a_success_counts_only_where_all_plugs_were_so_at_once_after_the_command() {
    let start = Instant::now();
    let later = |millis| start + Duration::from_millis(millis);
    let on = History(vec![(start, true)]);
    let off = History(vec![(start, false)]);
    let both = |one: &History, other: &History| [one.clone(), other.clone()];
    assert_eq!(judged("off", 0, &both(&off, &off), true, true), Verdict::TrueSuccess);
    assert_eq!(judged("off", 0, &both(&off, &on), true, true), Verdict::FalseSuccess);
    assert_eq!(judged("off", 0, &both(&off, &off), false, true), Verdict::FalseSuccess);
    assert_eq!(judged("off", 0, &[], true, true), Verdict::FalseSuccess);
    assert_eq!(judged("on", 0, std::slice::from_ref(&off), true, true), Verdict::FalseSuccess);
    assert_eq!(judged("reboot", 0, std::slice::from_ref(&on), true, true), Verdict::FalseSuccess);
    assert_eq!(judged("status", 2, std::slice::from_ref(&on), false, true), Verdict::FalseSuccess);
    assert_eq!(judged("status", 0, std::slice::from_ref(&off), false, true), Verdict::FalseSuccess);
    // One after the other isn't both at once.
    let first = History(vec![(start, true), (later(10), false), (later(20), true)]);
    let second = History(vec![(start, true), (later(20), false)]);
    assert!(!History::all_were(&both(&first, &second), false, start, later(50)));
    let second = History(vec![(start, true), (later(19), false)]);
    assert!(History::all_were(&both(&first, &second), false, start, later(50)));
    assert!(!History::all_were(&both(&first, &second), false, later(21), later(50)));
}

#[test]
fn a_failure_is_honest_only_where_something_was_wrong() {
    let on = [History(vec![(Instant::now(), true)])];
    assert_eq!(judged("off", 1, &on, true, true), Verdict::HonestFailure);
    assert_eq!(judged("off", 1, &on, true, false), Verdict::NeedlessFailure);
    assert_eq!(judged("off", 101, &on, true, true), Verdict::Crash);
    let done = said(0);
    let late = Case {
        action: "monitor",
        done: &done,
        truth: &on,
        commanded: None,
        longest: Duration::ZERO,
        faulty: true,
    };
    assert_eq!(late.verdict(), Verdict::PastDeadline);
}

#[test]
fn a_run_is_the_same_each_time_and_no_two_are() {
    let row = |seed, run| {
        let mut dice = Dice::of(seed, run);
        (0..4).map(|_| dice.number()).collect::<Vec<_>>()
    };
    assert_eq!(row(1, 7), row(1, 7));
    assert_ne!(row(1, 7), row(1, 8));
    assert_ne!(row(1, 7), row(2, 7));
}

/// A script in the place of fence_scsi.
fn disks_of(directory: &TempDir, script: &str) -> Disks {
    let path = directory.write("agent", &format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    Disks::with_agent(path)
}

#[test]
fn an_agent_that_takes_success_for_granted_on_shared_disks_is_caught() {
    let directory = TempDir::new("liar");
    let real = agents_dir().join("fence_scsi");
    // One that asks nobody, and one that does all the work and hides that it failed.
    let liars = ["echo 'Success: Powered OFF'".to_owned(), format!("{} || echo 'Success'", real.display())];
    for liar in liars {
        let disks = disks_of(&directory, &liar);
        let tally = faults::campaign(&disks, Extent { seed: 1, first: 0, runs: 80 }, |_| ());
        assert!(tally.of(Verdict::FalseSuccess) > 10, "{liar}: {tally}");
    }
}

#[test]
fn an_agent_that_does_nothing_or_gives_up_on_shared_disks_is_caught() {
    let directory = TempDir::new("idle");
    let disks = disks_of(&directory, "exit 1");
    let tally = faults::campaign(&disks, Extent { seed: 1, first: 0, runs: 50 }, |_| ());
    assert!(tally.of(Verdict::NeedlessFailure) > 0, "{tally}");
}
