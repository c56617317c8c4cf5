//! fence_scsi.

use super::{Device, Fate, Fault, Lack, Reader, Row, Subject, Why, options, pins};
use crate::faults::scsi::lun::{FENCING, PREEMPT_AND_ABORT, REGISTER_AND_IGNORE};
use crate::faults::scsi::{Done, Met, Rack, What, Wire};

/// A simulated disk that two nodes share; the one that the agent doesn't run on is fenced.
pub const DISK: Row = Row {
    name: "fence_scsi on a simulated disk",
    agent: "fence_scsi",
    lacks: &[
        (Lack::TwoPlugsAtOnce, Why::Protocol("a run of the agent is about one node")),
        (Lack::List, Why::Protocol("a disk knows keys, and no nodes")),
        (
            Lack::Slow,
            Why::Protocol("a disk has carried out what it answers, and the agent takes another for broken"),
        ),
        (Lack::Login, Why::Protocol("whoever is connected to a disk may ask it")),
        (Lack::LoginCount, Why::Protocol("nobody logs in")),
        (
            Lack::Recovers,
            Why::Protocol(
                "what hangs in a kernel hangs for good, and the agent ends so that the cluster takes its next device",
            ),
        ),
        (Lack::Address, Why::Protocol("a disk has a path")),
    ],
    start: disk,
};

/// The keys of `node1`, on which the agent runs, of `node2`, which is fenced, and of `node3`.
const KEYS: [u64; 3] = [0xc8fb_0000, 0xc8fb_0001, 0xc8fb_0002];

/// The node whose key a plug's is.
fn node(plug: usize) -> usize {
    plug + 1
}

struct Disk {
    rack: Rack,
}

fn disk(fault: Fault) -> Subject {
    let rack = Rack::of(vec![Rack::disk(7, &KEYS)], KEYS[0]);
    let every = |met, what| rack.fault(0, met, 0, u32::MAX, what);
    match fault {
        Fault::None => {}
        // Invalid field in parameter list.
        Fault::Refuses => {
            every(Met::Changes, What::Answered { wire: Wire::check(5, 0x26, 0, true, false), done: false });
        }
        Fault::Ignores => every(Met::Changes, What::Acknowledged(Done::Never)),
        Fault::Slow(delay) => every(Met::Changes, What::Acknowledged(Done::After(delay))),
        Fault::Late(takes) => every(Met::Any, What::Slow { takes, first: true }),
        Fault::Silent => every(Met::Any, What::Hangs { done: Done::Never, returns: false }),
    }
    let (right, wrong) = (Rack::wwid(7), Rack::wwid(8));
    let mut login = options([("power_wait", "0")]);
    login.push(("devices", rack.devices()));
    login.push(("corosync_cmap_path", rack.corosync()));
    // What corosync-cmapctl and vgs say is what they say on the cluster that the examples are meant for.
    let vgs = rack.tool("vgs", &format!("#!/bin/sh\necho '  wz--ns:{}'\n", rack.device(0)));
    let tools = format!("-n node2 --corosync-cmap-path={} --vgs-path={}", rack.corosync(), vgs.display());
    let reader = Reader { own: vec![("-n node2", tools)], ..Reader::default() };
    Subject {
        name: DISK.name,
        agent: rack.program(),
        options: login,
        dead: options([("devices", "/dev/no-such-disk")]),
        actions: &["off", "on"],
        plugs: ["node2", "node3"].map(str::to_owned).to_vec(),
        plug_option: "plug",
        missing_plug: "node9",
        list: Vec::new(),
        ignored: "refuses this node's commands",
        wrong_login: Vec::new(),
        secrets: Vec::new(),
        // One alone: on, of the node that the agent runs on, makes the key that off removes its own.
        pins: pins([("expect_wwid", &right, &wrong)]),
        told: vec![
            "PEERS SIMULATED DISK",
            "this node's key 0xc8fb0000",
            "SERIAL-7",
            "PEERS",
            "0xc8fb0002 holds write exclusive",
        ],
        health: 0,
        proof: "reported",
        campaign: "scsi",
        reader,
        device: Box::new(Disk { rack }),
    }
}

impl Device for Disk {
    fn is_on(&self, plug: usize) -> bool {
        self.rack.lun(0).keys().any(|key| key == KEYS[node(plug)])
    }

    fn set(&self, plug: usize, on: bool) {
        let key = KEYS[node(plug)];
        self.rack.alter(0, |lun| {
            match on {
                true => lun.act(node(plug), REGISTER_AND_IGNORE, 0, 0, key, false),
                false => lun.act(0, PREEMPT_AND_ABORT, FENCING, KEYS[0], key, false),
            };
            lun.settle();
        });
    }

    fn commands(&self) -> usize {
        self.rack.changes().len()
    }

    fn requests(&self) -> usize {
        self.rack.commands()
    }

    fn refused_logins(&self) -> Option<usize> {
        None
    }

    fn recover(&self) {
        self.rack.heal(0);
    }

    fn hold(&self, step: usize, fate: Fate) {
        let done = if fate == Fate::Arrives { Done::AtOnce } else { Done::Never };
        let step = u32::try_from(step).expect("a number of a request");
        self.rack.fault(0, Met::Any, step, 1, What::Hangs { done, returns: false });
    }

    fn holds(&self) -> bool {
        self.rack.has_struck(0)
    }

    /// It has had it: what it was held for is a process that is gone.
    fn release(&self) {}
}
