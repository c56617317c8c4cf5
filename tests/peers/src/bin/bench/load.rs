//! Many agents at the same moment: until the last device is off, by the devices' own record, and what it takes.

use std::time::{Duration, Instant};

use peers::{Agent, crowd};

use super::contest::{AGENTS, Sink, mebibytes, median};
use super::devices::{Devices, Kind};
use super::ipmi::{TOOLS, call, ipmipower};
use super::redfish::Trust;
use super::surroundings::free_memory;
use super::{redfish, snmp};

/// Whoever takes longer isn't weighed: that is a second run.
const PATIENCE_TO_WEIGH: Duration = Duration::from_secs(15);

/// How long a crowd is sent again and again to be weighed.
const TIME_TO_WEIGH: Duration = Duration::from_secs(2);

/// How often a number is repeated; it takes longer than one run of an agent.
const RUNS: usize = 3;

/// As long as any of them may run.
const LIMIT: Duration = Duration::from_secs(300);

/// How many at once, where each has a thread for a device.
const MANY: [usize; 6] = [1, 10, 50, 100, 200, 500];

/// How many at once, where each has a process for a device.
const FEWER: [usize; 5] = [1, 10, 50, 100, 200];

/// The part `load-bmc`.
pub(crate) fn bmcs(sink: &Sink) {
    grow(sink, Kind::Bmc, &MANY);
}

/// The part `load-one-session`.
pub(crate) fn one_session(sink: &Sink) {
    grow(sink, Kind::OneSession, &[1, 2, 5, 10, 20]);
}

/// The part `load-sim`.
pub(crate) fn sims(sink: &Sink) {
    grow(sink, Kind::Sim, &FEWER);
}

/// The part `load-outlets`.
pub(crate) fn outlets(sink: &Sink) {
    grow(sink, Kind::Outlets, &MANY);
}

/// The part `load-units`.
pub(crate) fn units(sink: &Sink) {
    grow(sink, Kind::Units, &FEWER);
}

/// The part `load-redfish`.
pub(crate) fn services(sink: &Sink) {
    grow(sink, Kind::Redfish, &MANY);
}

fn agents(kind: Kind, whose: &str, devices: &Devices) -> Vec<Agent> {
    let agent = |(address, plug): &(_, String)| match kind {
        Kind::Bmc | Kind::OneSession | Kind::Sim => call(whose, *address, "off"),
        Kind::Outlets | Kind::Units => snmp::call(whose, *address, "off", plug),
        Kind::Redfish => redfish::call(whose, *address, "off", Trust::Insecure),
    };
    devices.all.iter().map(agent).collect()
}

/// Devices that have been used once: the first time costs some of them more than every other.
fn ready(kind: Kind, count: usize) -> Devices {
    let mut devices = Devices::start(kind, count);
    let crowd = crowd::run(agents(kind, AGENTS[0], &devices), LIMIT);
    let (off, _) = devices.report(crowd.started);
    assert!(crowd.failed == 0 && off == count, "{off} of {count} are off: {}", crowd.words);
    devices
}

fn grow(sink: &Sink, kind: Kind, counts: &[usize]) {
    for whose in AGENTS {
        // What the last number took: time and memory for each agent.
        let mut last: Option<(f64, u64)> = None;
        for count in counts {
            let rise = |each: f64| each * *count as f64;
            if let Some((time, memory)) = last
                && (rise(time) > sink.patience.as_secs_f64()
                    || rise(memory as f64) > free_memory() as f64 / 2.0)
            {
                sink.progress(&format!("{whose} isn't asked for {count}"));
                break;
            }
            sink.progress(&format!("{count} of {whose}"));
            let mut devices = ready(kind, *count);
            let row = count.to_string();
            let runs = match (whose, *count) {
                ("ours", ..=10) => sink.runs,
                ("original", 50..) => 1,
                _ => RUNS.min(sink.runs),
            };
            let [mut offs, mut walls, mut cpus] = [const { Vec::new() }; 3];
            let mut failed = 0;
            for _ in 0..runs {
                let crowd = crowd::run(agents(kind, whose, &devices), LIMIT);
                let (off, at) = devices.report(crowd.started);
                assert!(off + crowd.failed >= *count, "success was told of a device that is on");
                if crowd.failed > 0 {
                    sink.progress(&format!("{} of {count} failed: {}", crowd.failed, crowd.words));
                }
                failed = failed.max(crowd.failed);
                offs.push(at.as_secs_f64());
                walls.push(crowd.wall.as_secs_f64());
                cpus.push(crowd.cpu.as_secs_f64());
            }
            sink.median(&row, whose, ("last device off", "s"), &offs);
            sink.median(&row, whose, ("last agent ended", "s"), &walls);
            sink.median(&row, whose, ("CPU", "s"), &cpus);
            let mut memory = 0;
            if median(&walls) < PATIENCE_TO_WEIGH.as_secs_f64() {
                // Short lives pass between two looks: they are lived again.
                let until = Instant::now() + TIME_TO_WEIGH;
                loop {
                    memory = memory.max(crowd::run_weighed(agents(kind, whose, &devices), LIMIT).1);
                    if Instant::now() >= until {
                        break;
                    }
                }
                // Where no look found any of them alive, nothing was measured.
                if memory > 0 {
                    sink.put(&row, whose, ("memory", "MiB"), mebibytes(memory));
                }
            }
            sink.put(&row, whose, ("failed", ""), failed as f64);
            last = Some((median(&walls) / *count as f64, memory / *count as u64));
        }
    }
}

/// The part `load-state`: 200 simulators asked for their state.
pub(crate) fn states(sink: &Sink) {
    const COUNT: usize = 200;
    let devices = ready(Kind::Sim, COUNT);
    let row = format!("{COUNT} simulators");
    for whose in [AGENTS[0], AGENTS[1], TOOLS[0], TOOLS[1], "ipmipower, one process"] {
        sink.progress(whose);
        let agents = || -> Vec<Agent> {
            if TOOLS.contains(&whose) || AGENTS.contains(&whose) {
                return devices.all.iter().map(|(address, _)| call(whose, *address, "status")).collect();
            }
            let all: Vec<String> = devices.all.iter().map(|(address, _)| address.to_string()).collect();
            vec![ipmipower(&all.join(","), "status")]
        };
        let runs = if whose == "original" { 1 } else { sink.runs.min(5) };
        let crowds: Vec<_> = (0..runs).map(|_| crowd::run(agents(), LIMIT)).collect();
        let of = |figure: &dyn Fn(&crowd::Crowd) -> f64| crowds.iter().map(figure).collect::<Vec<_>>();
        sink.median(&row, whose, ("wall", "s"), &of(&|crowd| crowd.wall.as_secs_f64()));
        sink.median(&row, whose, ("CPU", "s"), &of(&|crowd| crowd.cpu.as_secs_f64()));
        sink.put(
            &row,
            whose,
            ("failed", ""),
            of(&|crowd| crowd.failed as f64).into_iter().fold(0.0, f64::max),
        );
    }
}
