//! Agents of devices with a console.

use std::time::Instant;

use super::gate::{Gate, dead_tcp_port};
use super::{Device, Fate, Fault, Lack, Reader, Row, Subject, Why, options};
use crate::TempDir;
use crate::console::{self, Console, Door, Negotiation, PASSWORD, USER};
use crate::power::Habit;

/// An original starts the program telnet, which loses a login now and then: `tests/peers/tests` has each at its console, with
/// time for that.
pub(super) const BY_ITSELF: (Lack, Why) =
    (Lack::Original, Why::Protocol("the original starts telnet, which loses a login now and then"));

/// A rack power unit by its command line, over telnet.
pub const APC: Row =
    Row { name: "fence_apc over telnet", agent: "fence_apc", lacks: &[BY_ITSELF], start: apc };

/// An iLO, over telnet.
pub const ILO: Row = Row {
    name: "fence_ilo_ssh over telnet",
    agent: "fence_ilo_ssh",
    lacks: &[
        (Lack::Plugs, Why::Protocol("an iLO is one machine's")),
        (Lack::TwoPlugsAtOnce, Why::Protocol("an iLO is one machine's")),
        (Lack::List, Why::Protocol("an iLO is one machine's")),
        BY_ITSELF,
    ],
    start: ilo,
};

/// The same over SSH, where commands come with the connection.
pub const ILO_SSH: Row = Row { name: "fence_ilo_ssh over SSH", start: ilo_ssh, ..ILO };

/// A BladeCenter's management module, over telnet.
pub const BLADECENTER: Row = Row {
    name: "fence_bladecenter over telnet",
    agent: "fence_bladecenter",
    lacks: &[BY_ITSELF],
    start: bladecenter,
};

/// A network power switch that asks for a password alone, over telnet.
pub const WTI: Row =
    Row { name: "fence_wti over telnet", agent: "fence_wti", lacks: &[BY_ITSELF], start: wti };

/// A NETIO-230B at its TCP port.
pub const NETIO: Row = Row { name: "fence_netio", agent: "fence_netio", lacks: &[BY_ITSELF], start: netio };

/// What is one agent's own.
pub(super) struct Kind {
    pub row: Row,
    pub console: &'static Console,
    /// In what words it refuses a command.
    pub refuses: &'static str,
    /// How its port talks; over SSH where that is `None`.
    pub negotiation: Option<Negotiation>,
    /// Its part of the fault campaign.
    pub campaign: &'static str,
    /// What the agent tells of it.
    pub told: &'static [&'static str],
}

const OUTLETS: &[&str] = &["web1", "db1", "db2", "spare"];

/// A device that is reached over TCP.
struct OverTcp {
    gate: Gate,
    device: console::Device,
    _door: Door,
    _known_hosts: TempDir,
}

impl Device for OverTcp {
    fn is_on(&self, plug: usize) -> bool {
        self.device.is_on(&(plug + 1).to_string())
    }

    fn set(&self, plug: usize, on: bool) {
        self.device.turn(&(plug + 1).to_string(), on);
    }

    fn changes(&self, plug: usize) -> Option<Vec<(Instant, bool)>> {
        Some(self.device.history(&(plug + 1).to_string()))
    }

    fn commands(&self) -> usize {
        self.device.commands()
    }

    fn refused_logins(&self) -> Option<usize> {
        Some(self.device.refused_logins())
    }

    behind_a_gate!();
}

pub(super) fn over_tcp(kind: Kind, fault: Fault) -> Subject {
    let plugs = !kind.row.lacks(Lack::Plugs);
    let outlets = if plugs { OUTLETS } else { &["host1"] };
    let mut builder = console::Device::of(kind.console).outlets(outlets);
    match fault {
        Fault::Refuses => builder = builder.refuses(kind.refuses),
        Fault::Ignores => builder = builder.habit(Habit { deaf: true, ..Habit::default() }),
        Fault::Slow(delay) => builder = builder.delay(delay),
        Fault::None | Fault::Late(_) | Fault::Silent => {}
    }
    let device = builder.start();
    let door = match kind.negotiation {
        Some(negotiation) => device.telnet(negotiation),
        None => device.ssh(),
    };
    let gate = Gate::tcp(door.port(), fault);
    let mut login =
        options([("ip", "127.0.0.1"), ("username", USER), ("password", PASSWORD), ("power_wait", "0")]);
    login.push(("ipport", gate.port().to_string()));
    let known_hosts = TempDir::new("known-hosts");
    if kind.negotiation.is_none() {
        let options = format!("-o UserKnownHostsFile={}", known_hosts.path().join("known_hosts").display());
        login.extend([("ssh", "1".to_owned()), ("ssh_options", options)]);
    }
    let wrong = "wrong-password";
    let listed = outlets.iter().zip(1..).map(|(name, number): (_, u32)| format!("{number},{name}"));
    Subject {
        name: kind.row.name,
        agent: kind.row.agent.to_owned(),
        options: login,
        dead: vec![("ipport", dead_tcp_port().to_string())],
        actions: &["off", "on", "reboot"],
        plugs: if plugs { vec!["1".to_owned(), "2".to_owned()] } else { Vec::new() },
        plug_option: "plug",
        missing_plug: if plugs { "77" } else { "" },
        list: if plugs { listed.collect() } else { Vec::new() },
        ignored: "timed out",
        wrong_login: options([("password", wrong)]),
        secrets: vec![PASSWORD, wrong],
        pins: Vec::new(),
        told: kind.told.to_vec(),
        health: 0,
        proof: "reported",
        campaign: kind.campaign,
        reader: Reader {
            user: USER,
            secret: PASSWORD,
            environment: vec![("HOME", known_hosts.path().display().to_string())],
            ..Reader::default()
        },
        device: Box::new(OverTcp { gate, device, _door: door, _known_hosts: known_hosts }),
    }
}

pub(super) const TELNET: &[&str] = &["telnet", "user operator with a password"];

fn apc(fault: Fault) -> Subject {
    let kind = Kind {
        row: APC,
        console: &console::APC,
        refuses: "E100: Command Failed",
        negotiation: Some(Negotiation::PROPER),
        campaign: "console",
        told: TELNET,
    };
    over_tcp(kind, fault)
}

fn ilo(fault: Fault) -> Subject {
    let kind = Kind {
        row: ILO,
        console: &console::ILO,
        refuses: "status=2\nstatus_tag=COMMAND PROCESSING FAILED\nerror_tag=COMMAND ERROR-UNSPECIFIED",
        negotiation: Some(Negotiation::PROPER),
        campaign: "console",
        told: TELNET,
    };
    over_tcp(kind, fault)
}

fn ilo_ssh(fault: Fault) -> Subject {
    let kind = Kind {
        row: ILO_SSH,
        console: &console::ILO,
        refuses: "status=2\nstatus_tag=COMMAND PROCESSING FAILED\nerror_tag=COMMAND ERROR-UNSPECIFIED",
        negotiation: None,
        campaign: "console",
        told: &["SSH", "user operator with a password"],
    };
    over_tcp(kind, fault)
}

fn bladecenter(fault: Fault) -> Subject {
    let kind = Kind {
        row: BLADECENTER,
        console: &console::BLADECENTER,
        refuses: "User does not have the authority to issue this command.",
        negotiation: Some(Negotiation::PROPER),
        campaign: "console",
        told: TELNET,
    };
    over_tcp(kind, fault)
}

fn wti(fault: Fault) -> Subject {
    let kind = Kind {
        row: WTI,
        console: &console::WTI,
        refuses: "Error: not allowed for this user.",
        negotiation: Some(Negotiation::PROPER),
        campaign: "console",
        told: TELNET,
    };
    over_tcp(kind, fault)
}

fn netio(fault: Fault) -> Subject {
    let kind = Kind {
        row: NETIO,
        console: &console::NETIO,
        refuses: "500 NOT NOW",
        negotiation: Some(Negotiation::NONE),
        campaign: "console",
        told: &["plain text over TCP", "user operator with a password"],
    };
    over_tcp(kind, fault)
}
