//! Agents of devices with a console.

use super::gate::{Gate, dead_tcp_port};
use super::{Device, Fate, Fault, Row, Subject, options, pins};
use crate::console::{self, Console, Door, Negotiation, PASSWORD, USER};
use crate::power::Habit;

/// A rack power unit by its command line, over telnet.
pub const APC: Row = Row { name: "fence_apc over telnet", agent: "fence_apc", lacks: &[], start: apc };

/// What is one agent's own.
struct Kind {
    name: &'static str,
    agent: &'static str,
    console: &'static Console,
    /// In what words it refuses a command.
    refuses: &'static str,
    /// Its outlets' names.
    outlets: &'static [&'static str],
    told: &'static [&'static str],
}

/// A device that is reached over telnet.
struct OverTelnet {
    gate: Gate,
    device: console::Device,
    _door: Door,
}

impl Device for OverTelnet {
    fn is_on(&self, plug: usize) -> bool {
        self.device.is_on(&(plug + 1).to_string())
    }

    fn set(&self, plug: usize, on: bool) {
        self.device.turn(&(plug + 1).to_string(), on);
    }

    fn commands(&self) -> usize {
        self.device.commands()
    }

    fn refused_logins(&self) -> Option<usize> {
        Some(self.device.refused_logins())
    }

    behind_a_gate!();
}

fn over_telnet(kind: &Kind, fault: Fault) -> Subject {
    let mut builder = console::Device::of(kind.console).outlets(kind.outlets);
    match fault {
        Fault::Refuses => builder = builder.refuses(kind.refuses),
        Fault::Ignores => builder = builder.habit(Habit { deaf: true, ..Habit::default() }),
        Fault::Slow(delay) => builder = builder.delay(delay),
        Fault::None | Fault::Late(_) | Fault::Silent => {}
    }
    let device = builder.start();
    let door = device.telnet(Negotiation::PROPER);
    let gate = Gate::tcp(door.port(), fault);
    let mut login =
        options([("ip", "127.0.0.1"), ("username", USER), ("password", PASSWORD), ("power_wait", "0")]);
    login.push(("ipport", gate.port().to_string()));
    let wrong = "wrong-password";
    let numbered = kind.outlets.iter().zip(1..);
    Subject {
        name: kind.name,
        agent: kind.agent.to_owned(),
        options: login,
        dead: vec![("ipport", dead_tcp_port().to_string())],
        actions: &["off", "on", "reboot"],
        plugs: vec!["1".to_owned(), "2".to_owned()],
        plug_option: "plug",
        missing_plug: "77",
        list: numbered.map(|(name, number): (_, u32)| format!("{number},{name}")).collect(),
        ignored: "timed out",
        wrong_login: options([("password", wrong)]),
        secrets: vec![PASSWORD, wrong],
        pins: pins([]),
        told: kind.told.to_vec(),
        health: 0,
        proof: "reported",
        campaign: "redfish",
        device: Box::new(OverTelnet { gate, device, _door: door }),
    }
}

fn apc(fault: Fault) -> Subject {
    over_telnet(
        &Kind {
            name: APC.name,
            agent: APC.agent,
            console: &console::APC,
            refuses: "E100: Command Failed",
            outlets: &["web1", "db1", "db2", "spare"],
            told: &["telnet", "user operator with a password"],
        },
        fault,
    )
}
