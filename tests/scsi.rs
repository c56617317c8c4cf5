//! fence_scsi on simulated disks that know who was commanded. On real reservations it is tested in a virtual machine:
//! `tests/fence_scsi.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

#[path = "scsi/identity.rs"]
mod identity;
#[path = "scsi/limits.rs"]
mod limits;
#[path = "scsi/refusals.rs"]
mod refusals;
#[path = "scsi/state_files.rs"]
mod state_files;

use peers::Agent;
use peers::agent::{assert_done, assert_failed};
use peers::faults::scsi::lun::{FENCING, Lun, REGISTER_AND_IGNORE, RESERVE};
use peers::faults::scsi::{Change, Rack};

/// The key of the node that the agent runs on, and its node.
const OWN: u64 = 0xa1;
const HERE: usize = 0;
/// The key of the node that is fenced, and its node.
const VICTIM: u64 = 0xb2;
const THERE: usize = 1;

/// Healthy disks with these numbers, shared with the victim, which holds the reservation.
fn rack(numbers: &[u8]) -> Rack {
    Rack::of(numbers.iter().map(|number| Rack::disk(*number, &[OWN, VICTIM])).collect(), OWN)
}

/// A disk that has lost its registrations, or never had any.
fn blank(number: u8) -> Lun {
    Rack::disk(number, &[])
}

/// The agent on all disks of a rack, with limits that a busy machine doesn't reach.
fn agent(rack: &Rack, action: &str) -> Agent {
    let key = if action == "on" { "a1" } else { "b2" };
    agent_with(rack, action, key)
}

fn agent_with(rack: &Rack, action: &str, key: &str) -> Agent {
    let devices = rack.devices();
    let limits = ["login_timeout", "shell_timeout", "power_timeout"].map(|name| (name, "40"));
    rack.agent()
        .options([("action", action), ("devices", &devices), ("key", key), ("retry_on", "0")])
        .options(limits)
}

/// What was sent to disks that aren't those that are meant.
fn strays(rack: &Rack) -> Vec<Change> {
    rack.changes().into_iter().filter(|change| change.stranger).collect()
}

/// The victim can't write to a disk: its key is gone, and those who are registered hold the reservation.
fn is_fenced(lun: &Lun) -> bool {
    lun.key_of(THERE).is_none() && lun.is_fenced_off()
}

/// A disk on which these nodes are registered, and that the first of them has reserved.
fn held(number: u8, nodes: &[(usize, u64)]) -> Lun {
    let mut lun = blank(number);
    for (node, key) in nodes {
        lun.act(*node, REGISTER_AND_IGNORE, 0, 0, *key, false);
    }
    if let Some((holder, key)) = nodes.first() {
        lun.act(*holder, RESERVE, FENCING, *key, 0, false);
    }
    lun.settle();
    lun
}
