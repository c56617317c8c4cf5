//! Hundreds of devices in a process of their own, so that what they need isn't taken for the agents'.
//!
//! The process is this program with `devices KIND COUNT`. It prints `port plug` for each device, then an empty line;
//! for each line on stdin it prints how many are off and when the last of them went off, and turns all on again.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use peers::bmc::Settings;
use peers::redfish::{Authority, Maker, Server, Setup};
use peers::snmp::{Family, PowerUnit};
use peers::util::uptime;
use peers::{Bmc, IpmiSim};

use super::redfish::SYSTEM;

/// How many start at the same moment.
const STARTERS: usize = 8;

/// What a crowd of agents is sent against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// BMCs of our own.
    Bmc,
    /// One BMC for all, which has one session.
    OneSession,
    /// OpenIPMI's simulators.
    Sim,
    /// The outlets of one power unit.
    Outlets,
    /// Power units, one outlet of each.
    Units,
    /// Redfish services.
    Redfish,
}

impl Kind {
    const NAMES: [(Kind, &str); 6] = [
        (Kind::Bmc, "bmc"),
        (Kind::OneSession, "one-session"),
        (Kind::Sim, "sim"),
        (Kind::Outlets, "outlets"),
        (Kind::Units, "units"),
        (Kind::Redfish, "redfish"),
    ];

    fn name(self) -> &'static str {
        Kind::NAMES.iter().find(|(kind, _)| *kind == self).expect("all have names").1
    }
}

/// The devices, seen from the process that measures. They end with this.
pub(crate) struct Devices {
    child: Child,
    /// Taken away when they shall end.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// Where each is, and its plug.
    pub(crate) all: Vec<(SocketAddr, String)>,
}

impl Devices {
    pub(crate) fn start(kind: Kind, count: usize) -> Devices {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["devices", kind.name(), &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program again");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut devices = Devices { child, stdin, stdout, all: Vec::new() };
        loop {
            let line = devices.line();
            let Some((port, plug)) = line.split_once(' ') else { break };
            let port: u16 = port.parse().expect("a port");
            devices.all.push((([127, 0, 0, 1], port).into(), plug.to_owned()));
        }
        assert_eq!(devices.all.len(), count, "all devices");
        devices
    }

    /// How many are off, and how long after `start` the last of them went off. All are on afterwards.
    pub(crate) fn report(&mut self, start: Instant) -> (usize, Duration) {
        writeln!(self.stdin.as_mut().expect("not dropped")).expect("the devices are there");
        let line = self.line();
        let (off, last) = line.split_once(' ').expect("two figures");
        let last = Duration::from_nanos(last.parse().expect("a time"));
        (off.parse().expect("a number"), last.saturating_sub(on_the_clock(start)))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line of the devices");
        line.trim_end().to_owned()
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        // The end of its stdin ends it, and it takes along what it has started.
        self.stdin = None;
        let _ = self.child.wait();
    }
}

/// The other side: `devices KIND COUNT`.
pub(crate) fn serve(kind: &str, count: &str) {
    let kind = Kind::NAMES.iter().find(|(_, name)| *name == kind).expect("a kind of device").0;
    let count = count.parse().expect("a number");
    let fleet = Fleet::start(kind, count);
    for (port, plug) in fleet.places() {
        println!("{port} {plug}");
    }
    println!();
    for _ in std::io::stdin().lines() {
        let offs = fleet.offs();
        let last = offs.iter().max().copied().unwrap_or_default();
        println!("{} {}", offs.len(), last.as_nanos());
        fleet.turn_on();
    }
}

/// The moment on the clock that all processes of this machine share (CLOCK_MONOTONIC).
fn on_the_clock(moment: Instant) -> Duration {
    // SAFETY: timespec is plain numbers, and the pointer lives through the call.
    let now = unsafe {
        let mut now: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    now.saturating_sub(moment.elapsed())
}

enum Fleet {
    Bmc(Vec<Bmc>),
    OneSession(Bmc, usize),
    Sim(Vec<IpmiSim>),
    Outlets(PowerUnit, u32),
    Units(Vec<PowerUnit>),
    Redfish(Vec<Server>),
}

impl Fleet {
    fn start(kind: Kind, count: usize) -> Fleet {
        match kind {
            Kind::Bmc => Fleet::Bmc((0..count).map(|_| Bmc::start(Settings::default())).collect()),
            Kind::OneSession => {
                let settings = Settings { session_slots: 1, ..Settings::default() };
                Fleet::OneSession(Bmc::start(settings), count)
            }
            Kind::Sim => Fleet::Sim(several(count, || IpmiSim::builder().start())),
            Kind::Outlets => {
                let count = count as u32;
                Fleet::Outlets(PowerUnit::builder(Family::ApcRpdu).outlets(count).start(), count)
            }
            Kind::Units => Fleet::Units(several(count, || PowerUnit::start(Family::ApcRpdu))),
            Kind::Redfish => {
                let certificate = Some(Authority::new().sign(&Maker::default()));
                let service = || Setup { certificate: certificate.clone(), ..Setup::default() }.start();
                Fleet::Redfish((0..count).map(|_| service()).collect())
            }
        }
    }

    /// Port and plug of each.
    fn places(&self) -> Vec<(u16, u32)> {
        match self {
            Fleet::Bmc(all) => all.iter().map(|bmc| (bmc.port(), 1)).collect(),
            Fleet::OneSession(bmc, count) => vec![(bmc.port(), 1); *count],
            Fleet::Sim(all) => all.iter().map(|sim| (sim.port(), 1)).collect(),
            Fleet::Outlets(unit, count) => (1..=*count).map(|plug| (unit.address().port(), plug)).collect(),
            Fleet::Units(all) => all.iter().map(|unit| (unit.address().port(), 2)).collect(),
            Fleet::Redfish(all) => all.iter().map(|server| (server.port(), 1)).collect(),
        }
    }

    /// When those that are off went off.
    fn offs(&self) -> Vec<Duration> {
        let last = |changes: Vec<(Instant, bool)>| {
            changes.last().filter(|(_, on)| !on).map(|(at, _)| on_the_clock(*at))
        };
        match self {
            Fleet::Bmc(all) => all.iter().filter_map(|bmc| last(bmc.power_changes())).collect(),
            Fleet::OneSession(bmc, count) => {
                last(bmc.power_changes()).map_or(Vec::new(), |at| vec![at; *count])
            }
            Fleet::Sim(all) => all.iter().filter_map(sim_off).collect(),
            Fleet::Outlets(unit, count) => {
                (1..=*count).filter_map(|outlet| last(unit.record(1, outlet).powered)).collect()
            }
            Fleet::Units(all) => all.iter().filter_map(|unit| last(unit.record(1, 2).powered)).collect(),
            Fleet::Redfish(all) => all.iter().filter_map(|server| last(server.history(SYSTEM))).collect(),
        }
    }

    fn turn_on(&self) {
        match self {
            Fleet::Bmc(all) => all.iter().for_each(|bmc| bmc.set_power(true)),
            Fleet::OneSession(bmc, _) => bmc.set_power(true),
            Fleet::Sim(all) => all.iter().for_each(|sim| sim.set_power(true)),
            Fleet::Outlets(unit, count) => (1..=*count).for_each(|outlet| unit.set(1, outlet, true)),
            Fleet::Units(all) => all.iter().for_each(|unit| unit.set(1, 2, true)),
            Fleet::Redfish(all) => all.iter().for_each(|server| server.switch(SYSTEM, true)),
        }
    }
}

/// The simulator's record is on the clock of /proc/uptime, in hundredths of a second.
fn sim_off(sim: &IpmiSim) -> Option<Duration> {
    let off = sim.commands().into_iter().rfind(|change| change.what == "power 0").filter(|_| !sim.power())?;
    let ago = uptime().saturating_sub(off.at);
    Some(on_the_clock(Instant::now()).saturating_sub(ago))
}

/// So many, started several at a time.
fn several<T: Send>(count: usize, start: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let starters: Vec<_> = (0..STARTERS)
            .map(|starter| {
                let start = &start;
                scope.spawn(move || (starter..count).step_by(STARTERS).map(|_| start()).collect::<Vec<_>>())
            })
            .collect();
        starters.into_iter().flat_map(|starter| starter.join().expect("a device that started")).collect()
    })
}
