//! What each action costs: these agents beside the Python originals, in the same run, on the same devices.
//!
//! `make bench` runs it. It prints a table in Markdown; a figure that is quoted elsewhere is quoted with the
//! date, the commit and the machine that stand above it.

mod redfish;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use peers::agent::Finished;
use peers::guest::{Guest, GuestBuilder};
use peers::relay::Direction;
use peers::snmp::{Family, PowerUnit};
use peers::{Agent, IpmiSim, Relay};

/// How often each run is repeated; the table shows the median.
const RUNS: usize = 15;

/// Half of the artificial round trip.
const EACH_WAY: Duration = Duration::from_millis(10);

/// The agents that are compared, and where they are.
const CONTESTANTS: [(&str, &str); 2] = [("ours", "target/release"), ("original", "/usr/sbin")];

/// What one action cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    cpu: Duration,
    wall: Duration,
    memory: u64,
    processes: u32,
    datagrams: usize,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::env::set_current_dir(&root).expect("the project's folder");
    if !Path::new("/usr/sbin/fence_ipmilan").exists() {
        eprintln!("the originals aren't installed (Debian package fence-agents)");
        std::process::exit(1);
    }
    heading();
    table("fence_ipmilan: OpenIPMI's simulator, IPMI 2.0, cipher suite 3, power_wait=0");
    for action in ["metadata", "status", "reboot"] {
        rows(action, |dir| ipmi(dir, action));
    }
    println!(
        "\n## From exec to the power-off command, with a round trip of {} ms\n",
        2 * EACH_WAY.as_millis()
    );
    println!("| action | whose | ms | in round trips |");
    println!("|---|---|---:|---:|");
    for action in ["off", "reboot"] {
        for (whose, dir) in CONTESTANTS {
            let mut times: Vec<_> = (0..RUNS).map(|_| to_the_command(dir, action)).collect();
            times.sort();
            let time = times[RUNS / 2];
            let trips = time.as_secs_f64() / (2 * EACH_WAY).as_secs_f64();
            println!("| {action} | {whose} | {:.0} | {trips:.1} |", time.as_secs_f64() * 1e3);
        }
    }

    table("fence_apc_snmp: a power unit of the family rPDU behind snmpd, SNMP 1");
    for (title, action, plug, outlets) in [
        ("status by number", "status", "2", 8),
        ("status by name", "status", "outlet 2", 8),
        ("status of two plugs", "status", "2,5", 8),
        ("off", "off", "2", 8),
        ("reboot", "reboot", "2", 8),
        ("list, 48 outlets", "list", "", 48),
    ] {
        rows(title, |dir| snmp(dir, action, plug, outlets));
    }
    redfish::compare();
    scsi();
    describing();
}

/// What a configuration tool costs that wants to know every agent, the agents under all names one after the other.
fn describing() {
    const TURNS: usize = 3;
    let names = peers::cluster::names();
    println!("\n## Describing {} agents, medians of {TURNS} runs\n", names.len());
    println!("| with | whose | s |");
    println!("|---|---|---:|");
    for (title, command) in [
        ("pcs stonith describe", "pcs stonith describe $name"),
        ("crm_resource --show-metadata, as pcs calls it", "crm_resource --show-metadata stonith:$name"),
        ("action=metadata", "echo action=metadata | /usr/sbin/$name"),
    ] {
        let mut times = [const { Vec::new() }; CONTESTANTS.len()];
        for _ in 0..TURNS {
            for (times, (whose, dir)) in times.iter_mut().zip(CONTESTANTS) {
                let ours = (whose == "ours").then_some(Path::new(dir));
                times.push(peers::cluster::timed_for_each(&names, command, ours));
            }
        }
        for (mut times, (whose, _)) in times.into_iter().zip(CONTESTANTS) {
            times.sort();
            println!("| {title} | {whose} | {:.2} |", times[TURNS / 2].as_secs_f64());
        }
    }
}

fn table(title: &str) {
    println!("\n## {title}\n");
    println!("| action | whose | CPU ms | wall ms | peak memory MiB | other processes | datagrams sent |");
    println!("|---|---|---:|---:|---:|---:|---:|");
}

/// A row for each contestant, measured in turns so that both meet the same moments of the machine.
fn rows(title: &str, measure: impl Fn(&str) -> Cost) {
    let mut costs = [const { Vec::new() }; CONTESTANTS.len()];
    for _ in 0..RUNS {
        for (costs, (_, dir)) in costs.iter_mut().zip(CONTESTANTS) {
            costs.push(measure(dir));
        }
    }
    for (costs, (whose, _)) in costs.into_iter().zip(CONTESTANTS) {
        row(title, whose, median(costs));
    }
}

/// When, where and what is measured.
fn heading() {
    let output = |program: &str, arguments: &[&str]| {
        let output =
            Command::new(program).args(arguments).output().expect("a program of every Debian machine");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").expect("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    println!(
        "{}, commit {}, {} cores ({}), medians of {RUNS} runs, `make bench`\n",
        output("date", &["+%Y-%m-%d"]),
        output("git", &["rev-parse", "--short", "HEAD"]),
        output("nproc", &[]),
        model.trim_start_matches(['\t', ' ', ':'])
    );
}

fn row(action: &str, whose: &str, cost: Cost) {
    println!(
        "| {action} | {whose} | {:.1} | {:.1} | {:.1} | {} | {} |",
        cost.cpu.as_secs_f64() * 1e3,
        cost.wall.as_secs_f64() * 1e3,
        cost.memory as f64 / (1024.0 * 1024.0),
        cost.processes,
        cost.datagrams
    );
}

/// The median of one figure.
fn middle<C, T: Ord + Copy>(costs: &[C], figure: impl Fn(&C) -> T) -> T {
    let mut figures: Vec<T> = costs.iter().map(figure).collect();
    figures.sort();
    figures[figures.len() / 2]
}

/// The median of each figure by itself.
fn median(costs: Vec<Cost>) -> Cost {
    Cost {
        cpu: middle(&costs, |cost| cost.cpu),
        wall: middle(&costs, |cost| cost.wall),
        memory: middle(&costs, |cost| cost.memory),
        processes: middle(&costs, |cost| cost.processes),
        datagrams: middle(&costs, |cost| cost.datagrams),
    }
}

fn options(port: u16, action: &str) -> String {
    format!(
        "ip=127.0.0.1\nipport={port}\nusername=admin\npassword=adminpw\nlanplus=1\ncipher=3\npower_wait=0\naction={action}\n"
    )
}

/// One action on a fresh simulator, twice: once for the cost, once in a process namespace that counts processes.
fn ipmi(dir: &str, action: &str) -> Cost {
    let sim = IpmiSim::builder().start();
    let relay = Relay::builder(sim.address()).start();
    let agent = format!("{dir}/fence_ipmilan");
    let done = Agent::new(&agent).stdin(options(relay.port(), action)).run();
    assert_eq!(done.code, Some(0), "{agent} {action}: {}", done.stderr);
    let datagrams = relay.count(Direction::ToDevice);
    Cost {
        cpu: done.cpu,
        wall: done.wall,
        memory: done.max_rss,
        processes: processes(&agent, &options(sim.port(), action)),
        datagrams,
    }
}

/// One action on a fresh power unit.
fn snmp(dir: &str, action: &str, plug: &str, outlets: u32) -> Cost {
    let unit = PowerUnit::builder(Family::ApcRpdu).outlets(outlets).start();
    let relay = Relay::builder(unit.address()).start();
    let agent = format!("{dir}/fence_apc_snmp");
    let options = |port: u16| {
        format!(
            "ip=127.0.0.1\nipport={port}\ncommunity=private\nsnmp_version=1\nplug={plug}\naction={action}\n"
        )
    };
    let done = Agent::new(&agent).stdin(options(relay.port())).run();
    assert_eq!(done.code, Some(0), "{agent} {action}: {}", done.stderr);
    Cost {
        cpu: done.cpu,
        wall: done.wall,
        memory: done.max_rss,
        datagrams: relay.count(Direction::ToDevice),
        processes: processes(&agent, &options(unit.address().port())),
    }
}

/// How many processes and threads an agent starts besides itself: it gets a process namespace of its own, whose
/// numbers are handed out in order.
fn processes(agent: &str, stdin: &str) -> u32 {
    const COUNT: &str = "\"$0\" >/dev/null 2>&1; exec cat /proc/sys/kernel/ns_last_pid";
    let done: Finished = Agent::new("/usr/bin/unshare")
        .args(["--pid", "--fork", "--mount-proc", "sh", "-c", COUNT, agent])
        .stdin(stdin)
        .run();
    let last: u32 = done.stdout.trim().parse().unwrap_or_else(|_| panic!("unshare: {}", done.stderr));
    // The shell is number 1, the agent number 2.
    last - 2
}

/// From the agent's start to the moment the simulator switches the power off.
fn to_the_command(dir: &str, action: &str) -> Duration {
    let sim = IpmiSim::builder().start();
    let relay = Relay::builder(sim.address()).delay(EACH_WAY).start();
    let before = peers::util::uptime();
    let agent = Agent::new(format!("{dir}/fence_ipmilan")).stdin(options(relay.port(), action)).run();
    assert_eq!(agent.code, Some(0), "{}", agent.stderr);
    let off =
        sim.commands().into_iter().find(|change| change.what == "power 0").expect("a power-off command");
    off.at.saturating_sub(before)
}

/// How often fencing on disks is repeated: the guest is slow, and the original needs seconds there.
const SCSI_RUNS: usize = 5;

/// What is measured in the guest: node 2 is registered on 8 disks, node 1 fences it. Prints what was started
/// through sg3-utils, all processes, and what the shell's `time` says.
const SCSI_OFF: &str = r#"
fence() { printf "action=$3\nkey=$2\ndevices=$(ls /dev/n$1l? | tr '\n' ,)\n" | node $1 $agent >/dev/null; }
agent=/ours/fence_scsi
fence 1 a1 on && fence 2 b2 on || exit 1
for i in 1 2 3 4 5 6 7 8; do until sg_turs /dev/n1l$i >/dev/null 2>&1; do :; done; done
rm -f /tmp/started
processes() { sed -n 's/^processes //p' /proc/stat; }
printf "action=off\nkey=b2\ndevices=$(ls /dev/n1l? | tr '\n' ,)\n" >/tmp/off
sed -i 's/,$//' /tmp/off
before=$(processes)
node 1 sh -c 'time AGENT </tmp/off >/tmp/said' 2>/tmp/time || exit 1
after=$(processes)
grep -q 'Success: Powered OFF' /tmp/said || exit 1
touch /tmp/started
echo $(wc -l </tmp/started) $((after - before))
cat /tmp/time
"#;

/// Counts what is started as sg_persist and sg_turs, and hands it on.
const COUNTED: &str = "#!/bin/sh\necho >>/tmp/started\nexec /real/${0##*/} \"$@\"\n";

/// fence_scsi: off on 8 disks.
fn scsi() {
    let guest = GuestBuilder::new()
        .luns(8)
        .memory_mb(512)
        .program(Path::new("target/release/fence_scsi"), "/ours/fence_scsi")
        .and_then(GuestBuilder::original)
        .and_then(GuestBuilder::start)
        .expect("a guest with shared disks");
    println!(
        "\n## fence_scsi: off on 8 disks, in a virtual machine without hardware acceleration ({SCSI_RUNS} runs)\n"
    );
    println!("| action | whose | CPU ms | wall ms | processes | other programs |");
    println!("|---|---|---:|---:|---:|---:|");
    for (whose, agent) in [("ours", "/ours/fence_scsi"), ("original", "/usr/sbin/fence_scsi")] {
        let mut costs: Vec<ScsiCost> = (0..SCSI_RUNS).map(|_| scsi_off(&guest, agent)).collect();
        costs.sort_by_key(|cost| cost.wall);
        let cost = &costs[SCSI_RUNS / 2];
        // Counting costs time, so it has a run of its own.
        let programs = counted(&guest, agent);
        println!("| off | {whose} | {} | {} | {} | {programs} |", cost.cpu, cost.wall, cost.processes);
    }
}

struct ScsiCost {
    /// In milliseconds, in steps of 10.
    cpu: u64,
    wall: u64,
    /// Everything forked, the agent and what gives it a node's surroundings included.
    processes: u64,
    programs: u64,
}

fn scsi_off(guest: &Guest, agent: &str) -> ScsiCost {
    let script = SCSI_OFF.replace("AGENT", agent);
    let output = guest.run(&script, Duration::from_secs(300)).expect("the guest");
    assert_eq!(output.code, 0, "{agent}: {output:?}");
    let mut lines = output.stdout.lines();
    let counts: Vec<u64> =
        lines.next().unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [programs, processes] = counts[..] else { panic!("{output:?}") };
    let times: Vec<u64> = lines.filter_map(milliseconds).collect();
    let [wall, user, system] = times[..] else { panic!("{output:?}") };
    ScsiCost { cpu: user + system, wall, processes, programs }
}

/// Out of a line such as `real 0m 0.52s`.
fn milliseconds(line: &str) -> Option<u64> {
    let (minutes, seconds) = line.split_once(char::is_whitespace)?.1.split_once('m')?;
    let seconds: f64 = seconds.trim().trim_end_matches('s').parse().ok()?;
    Some(minutes.trim().parse::<u64>().ok()? * 60_000 + (seconds * 1e3).round() as u64)
}

fn counted(guest: &Guest, agent: &str) -> u64 {
    let wrap = format!(
        "mkdir -p /real; for p in sg_persist sg_turs; do [ -e /real/$p ] || cp /usr/bin/$p /real/; done; \
         for p in sg_persist sg_turs; do printf '%s' '{COUNTED}' >/usr/bin/$p; done"
    );
    let unwrap =
        "for p in sg_persist sg_turs; do cp /real/$p /usr/bin/$p.new; mv /usr/bin/$p.new /usr/bin/$p; done";
    guest.run(&wrap, Duration::from_secs(60)).expect("the guest");
    let programs = scsi_off(guest, agent).programs;
    guest.run(unwrap, Duration::from_secs(60)).expect("the guest");
    programs
}
