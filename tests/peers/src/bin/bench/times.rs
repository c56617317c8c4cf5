//! How long it takes until the power-off command is there, and how long from the device's change to the agent's end.
//! Devices in this process tell when, on the clock that the agents' starts and ends are taken from.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peers::bmc::{Power, Settings};
use peers::redfish::{Authority, Certificate, Maker, Server, Setup};
use peers::snmp::{Family, PowerUnit};
use peers::{Agent, Bmc, Relay};

use super::contest::{AGENTS, Sink, in_turns, milliseconds, succeeds};
use super::redfish::{SYSTEM, Trust};
use super::slow_tcp::SlowTcp;
use super::{ipmi, redfish, snmp};

/// Half of the artificial round trip.
const EACH_WAY: Duration = Duration::from_millis(10);

/// A device that takes power commands and tells when its power changed.
enum Device {
    Ipmi(Bmc),
    Snmp(PowerUnit),
    Redfish(Server),
}

/// What is measured: agent, protocol, tool that can do the same.
const ROWS: [(&str, &str); 3] =
    [("fence_ipmilan", "ipmitool"), ("fence_apc_snmp", "snmpset"), ("fence_redfish", "curl")];

impl Device {
    fn start(agent: &str, delay: Duration, certificate: &Certificate) -> Device {
        match agent {
            "fence_ipmilan" => {
                let power = Power { delay, ..Power::default() };
                Device::Ipmi(Bmc::start(Settings { power, ..Settings::default() }))
            }
            "fence_apc_snmp" => Device::Snmp(PowerUnit::builder(Family::ApcRpdu).delay(delay).start()),
            _ => {
                let certificate = Some(certificate.clone());
                Device::Redfish(Setup { certificate, delay, ..Setup::default() }.start())
            }
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Device::Ipmi(bmc) => bmc.address(),
            Device::Snmp(unit) => unit.address(),
            Device::Redfish(server) => ([127, 0, 0, 1], server.port()).into(),
        }
    }

    /// When it first went off.
    fn off(&self) -> Option<Instant> {
        let changes = match self {
            Device::Ipmi(bmc) => bmc.power_changes(),
            Device::Snmp(unit) => unit.record(1, 2).powered,
            Device::Redfish(server) => server.history(SYSTEM),
        };
        changes.into_iter().find(|(_, on)| !on).map(|(at, _)| at)
    }

    fn call(&self, whose: &str, address: SocketAddr, action: &str) -> Agent {
        match self {
            Device::Ipmi(_) => ipmi::call(whose, address, action),
            Device::Snmp(_) => snmp::call(whose, address, action, "2"),
            Device::Redfish(_) => redfish::call(whose, address, action, Trust::Insecure),
        }
    }
}

fn certificate() -> Certificate {
    Authority::new().sign(&Maker::default())
}

/// The part `time-command`.
pub(crate) fn to_the_command(sink: &Sink) {
    let certificate = certificate();
    for (agent, tool) in ROWS {
        for action in ["off", "reboot"] {
            let row = format!("{agent}, {action}");
            sink.progress(&row);
            let contestants: Vec<&str> =
                AGENTS.into_iter().chain((action == "off").then_some(tool)).collect();
            for (measure, each_way) in [("directly", None), ("with a round trip of 20 ms", Some(EACH_WAY))] {
                let all = in_turns(sink.runs, &contestants, |whose| {
                    let device = Device::start(agent, Duration::ZERO, &certificate);
                    let done = match (&device, each_way) {
                        (device, None) => succeeds(device.call(whose, device.address(), action)),
                        (Device::Redfish(_), Some(each_way)) => {
                            let slow = SlowTcp::start(device.address(), each_way);
                            succeeds(device.call(whose, slow.address(), action))
                        }
                        (_, Some(each_way)) => {
                            let slow = Relay::builder(device.address()).delay(each_way).start();
                            succeeds(device.call(whose, slow.address(), action))
                        }
                    };
                    milliseconds(device.off().expect("it went off").saturating_duration_since(done.started))
                });
                for (whose, times) in all {
                    sink.median(&row, whose, (measure, "ms"), &times);
                }
            }
        }
    }
}

/// The part `time-exit`. The devices take 1.0 to 1.9 s to go off, so that no rhythm of looks fits them all.
pub(crate) fn to_the_exit(sink: &Sink) {
    let certificate = certificate();
    let runs = sink.runs.min(8) as u32;
    for (agent, _) in ROWS {
        let row = format!("{agent}, off");
        sink.progress(&row);
        let tool = (agent == "fence_ipmilan").then_some("ipmipower");
        for whose in AGENTS.into_iter().chain(tool) {
            let times: Vec<f64> = (0..runs)
                .map(|run| {
                    let delay = Duration::from_millis(1000 + u64::from(900 * run / runs));
                    let device = Device::start(agent, delay, &certificate);
                    let done = succeeds(device.call(whose, device.address(), "off"));
                    let off = device.off().expect("it went off");
                    milliseconds((done.started + done.wall).saturating_duration_since(off))
                })
                .collect();
            sink.median(&row, whose, ("median", "ms"), &times);
            sink.put(&row, whose, ("longest", "ms"), times.iter().copied().fold(0.0, f64::max));
        }
    }
}
