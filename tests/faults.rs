//! A slice of the fault campaign (`make faults` runs all of it), and the proof that the campaign can fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use peers::agent::program;
use peers::faults::{self, Case, Dice, Extent, History, REQUEST_LIMIT, Verdict};
use peers::subject::ROWS;
use peers::{Agent, Finished, TempDir, agents_dir};

/// Runs for each protocol.
const RUNS: u64 = 300;

#[test]
fn no_fault_makes_an_agent_claim_what_is_not_so() {
    for field in faults::fields_with(&agents_dir()) {
        let tally = faults::campaign(field.as_ref(), Extent { seed: 1, first: 0, runs: RUNS }, |_| ());
        assert!(tally.is_clean() && tally.runs() == RUNS, "{tally}");
        assert!(tally.of(Verdict::TrueSuccess) > 0 && tally.of(Verdict::HonestFailure) > 0, "{tally}");
    }
}

/// A directory with a script in the place of each agent. `script` gets the path of the real one.
fn agents_that(script: impl Fn(&str) -> String) -> TempDir {
    let dir = TempDir::new("liars");
    let names: BTreeSet<&str> = ROWS.iter().map(|row| row.agent).collect();
    for name in names {
        // Called by its name, which says what it is.
        let real = dir.path().join(format!("real/{name}"));
        std::fs::create_dir_all(real.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(program(name), &real).unwrap();
        dir.program(name, &format!("#!/bin/sh\n{}\n", script(real.to_str().unwrap())));
    }
    dir
}

/// Enough for the rarer kinds of lie to be among them.
const SOME: Extent = Extent { seed: 1, first: 0, runs: 90 };

/// One says that all is done and does nothing; the other does everything and doesn't look what came of it.
#[test]
fn an_agent_that_claims_what_it_has_not_seen_is_caught() {
    let idle = agents_that(|_| "cat >/dev/null\nexit 0".to_owned());
    let blind = agents_that(|real| format!("{real} >/dev/null 2>&1\nexit 0"));
    for (liars, at_least) in [(idle, SOME.runs / 5), (blind, 1)] {
        for field in faults::fields_with(liars.path()) {
            let tally = faults::campaign(field.as_ref(), SOME, |_| ());
            assert!(tally.of(Verdict::FalseSuccess) >= at_least && !tally.is_clean(), "{tally}");
            assert!(tally.defects.iter().all(|(_, report)| !report.story.is_empty()));
        }
    }
}

#[test]
fn an_agent_that_gives_up_where_nothing_is_wrong_is_caught() {
    let quitters = agents_that(|_| "cat >/dev/null\nexit 1".to_owned());
    for field in faults::fields_with(quitters.path()) {
        let tally = faults::campaign(field.as_ref(), SOME, |_| ());
        assert!(tally.of(Verdict::NeedlessFailure) > 0, "{tally}");
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
    assert_eq!(judged("status", 0, &both(&off, &on), false, true), Verdict::TrueSuccess);
    assert_eq!(judged("status", 0, &both(&off, &off), false, true), Verdict::FalseSuccess);
    // Both off first, and one of them on later, when it was asked.
    let woken = History(vec![(start, false), (later(1), true)]);
    assert_eq!(judged("status", 0, &both(&off, &woken), false, true), Verdict::TrueSuccess);
    // One after the other isn't both at once.
    let first = History(vec![(start, true), (later(10), false), (later(20), true)]);
    let second = History(vec![(start, true), (later(20), false)]);
    assert!(!History::all_were(&both(&first, &second), false, start, later(50)));
    let second = History(vec![(start, true), (later(19), false)]);
    assert!(History::all_were(&both(&first, &second), false, start, later(50)));
    assert!(!History::all_were(&both(&first, &second), false, later(21), later(50)));
    assert!(second.stayed(false, later(19), later(50)));
    assert!(!second.stayed(false, later(18), later(50)));
    assert!(!first.stayed(false, later(10), later(50)));
    assert!(!first.stayed(false, start - Duration::from_millis(1), later(5)));
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
fn where_the_caller_keeps_the_time_only_a_request_that_is_not_repeated_is_late() {
    let on = [History(vec![(Instant::now(), true)])];
    let long = |repeated: bool, killed| {
        let started = Instant::now();
        let wall = Duration::from_secs(9);
        let done = Finished { started, wall, killed, code: if killed { None } else { Some(1) }, ..said(1) };
        let sent: Vec<_> = (0..9).map(|second| started + Duration::from_secs(second)).collect();
        let case = Case {
            action: "off",
            done: &done,
            truth: &on,
            commanded: None,
            longest: Duration::ZERO,
            faulty: true,
        };
        case.verdict_without_limits(REQUEST_LIMIT, if repeated { &sent } else { &sent[..2] })
    };
    assert_eq!(long(true, true), Verdict::HonestFailure);
    assert_eq!(long(true, false), Verdict::HonestFailure);
    assert_eq!(long(false, true), Verdict::PastDeadline);
    assert_eq!(long(false, false), Verdict::PastDeadline);
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
