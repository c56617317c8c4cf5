//! What each action costs: these agents beside the Python originals, in the same run, on the same devices.
//!
//! `make bench` runs it. It prints a table in Markdown; a figure that is quoted elsewhere is quoted with the
//! date, the commit and the machine that stand above it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use peers::agent::Finished;
use peers::relay::Direction;
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
    println!("## fence_ipmilan: OpenIPMI's simulator, IPMI 2.0, cipher suite 3, power_wait=0\n");
    println!("| action | whose | CPU ms | wall ms | peak memory MiB | other processes | datagrams sent |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    for action in ["metadata", "status", "reboot"] {
        for (whose, dir) in CONTESTANTS {
            row(action, whose, median((0..RUNS).map(|_| ipmi(dir, action)).collect()));
        }
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

/// The median of each figure by itself.
fn median(costs: Vec<Cost>) -> Cost {
    fn middle<T: Ord + Copy>(costs: &[Cost], figure: impl Fn(&Cost) -> T) -> T {
        let mut figures: Vec<T> = costs.iter().map(figure).collect();
        figures.sort();
        figures[figures.len() / 2]
    }
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
