//! A real Pacemaker fences through our agents, each its own simulated device, whose true state is asked for
//! independently after every step; pcs and crmsh describe and configure them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

mod devices;
mod forms;

use std::time::Duration;

use devices::{ROWS, Row};
use forms::{Cib, Failures};
use peers::cluster::{self, impostor, inside};
use peers::until;

const PATIENCE: Duration = Duration::from_secs(45);

/// An agent that answers for itself and fails at everything else.
const FAILS: Row = Row { agent: "fence_fails", start: devices::bmc, reboots: true };

/// One that says it has done everything.
const LIES: Row = Row { agent: "fence_lies", start: devices::bmc, reboots: true };

fn put_impostors() {
    impostor(FAILS.agent, "fence_ipmilan", 1);
    impostor(LIES.agent, "fence_ipmilan", 0);
}

fn assert_none(failures: Failures) {
    let failures: Vec<String> = failures.iter().map(|(what, why)| format!("{what}: {why}")).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// The failed checks by name, each once.
fn failed(failures: Failures) -> Vec<&'static str> {
    let mut names: Vec<_> = failures.into_iter().map(|(what, _)| what).collect();
    names.dedup();
    names
}

#[test]
fn it_sees_our_agents_and_nothing_else_of_ours() {
    inside("it_sees_our_agents_and_nothing_else_of_ours", || {
        let done = cluster::run("/usr/sbin/stonith_admin", ["-I"]);
        let mut listed: Vec<&str> = done.stdout.lines().filter(|name| name.starts_with("fence_")).collect();
        listed.sort();
        assert_eq!(listed, cluster::names());
        let mut rows: Vec<&str> = ROWS.iter().map(|row| row.agent).collect();
        rows.sort();
        assert_eq!(rows, cluster::names(), "the agents that these tests fence with");
    });
}

#[test]
fn fenced_alone_fences_with_every_agent() {
    inside("fenced_alone_fences_with_every_agent", || {
        assert_none(forms::alone(ROWS));
        put_impostors();
        let failures = failed(forms::alone(&[FAILS]));
        assert_eq!(failures, ["validate", "monitor", "off", "off again", "on", "reboot"]);
        let failures = failed(forms::alone(&[LIES]));
        assert_eq!(failures, ["validate nothing", "off", "off again", "reboot"]);
    });
}

#[test]
fn levels_of_one_and_two_devices_are_fenced_with_every_agent() {
    inside("levels_of_one_and_two_devices_are_fenced_with_every_agent", || {
        assert_none(forms::levels(ROWS));
        put_impostors();
        println!("{:?}", forms::levels(&[FAILS]));
        println!("{:?}", forms::levels(&[LIES]));
    });
}

#[test]
fn a_whole_cluster_starts_monitors_and_fences_with_every_agent() {
    inside("a_whole_cluster_starts_monitors_and_fences_with_every_agent", || {
        assert_none(forms::whole(ROWS, PATIENCE));
    });
}
