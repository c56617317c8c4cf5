//! Many agents at the same moment, as when a rack loses its network and every node of it has to be fenced.
//!
//! ```no_run
//! use peers::{Agent, crowd};
//! use std::time::Duration;
//!
//! let agents = (9001..9201).map(|port| {
//!     Agent::called("fence_ipmilan", "fence_ipmilan").options([("ipport", port.to_string().as_str()), ("action", "off")])
//! });
//! let crowd = crowd::run(agents.collect(), Duration::from_secs(60));
//! assert_eq!(crowd.failed, 0, "{}", crowd.words);
//! ```

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::agent::{Agent, process_file, reap, time};
use crate::relay::poll_readable;
use crate::util::TempDir;

/// How many lines of what they say are kept.
const WORDS: usize = 12;

/// What became of them.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// When the first was started.
    pub started: Instant,
    /// From then to the end of the last.
    pub wall: Duration,
    /// User and system time of all of them, with the children they waited for.
    pub cpu: Duration,
    /// How many didn't end with exit code 0, or had to be killed.
    pub failed: usize,
    /// What they wrote to stderr, each line once, and only so many lines.
    pub words: String,
}

/// Starts all of them from one thread, one right after the other, and waits for the last. Whoever hasn't ended
/// when `limit` has passed is killed.
pub fn run(agents: Vec<Agent>, limit: Duration) -> Crowd {
    go(agents, limit, &Mutex::default())
}

/// The same, and the most memory that all of them together had in bytes: the sum of their proportional set sizes
/// (proc(5), smaps), their children included. Looking takes processor time: the rest of what comes out is worth
/// less than from [`run`].
pub fn run_weighed(agents: Vec<Agent>, limit: Duration) -> (Crowd, u64) {
    let groups = Mutex::default();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let scale = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                most = most.max(weigh(&groups));
                // So that looking takes half of one processor at most.
                thread::sleep(began.elapsed());
            }
            most
        });
        let crowd = go(agents, limit, &groups);
        over.store(true, Ordering::Relaxed);
        (crowd, scale.join().expect("the thread that weighs"))
    })
}

/// `groups`: the process groups of those that run.
fn go(agents: Vec<Agent>, limit: Duration, groups: &Mutex<HashSet<u32>>) -> Crowd {
    let folder = TempDir::new("crowd");
    let stderr = folder.write("stderr", "");
    let errors = OpenOptions::new().append(true).open(&stderr).expect("the file just made");
    let started = Instant::now();
    let children: Vec<Child> = agents
        .iter()
        .map(|agent| {
            let mut command = agent.command();
            command.stdout(Stdio::null()).stderr(errors.try_clone().expect("a descriptor"));
            let mut child = command.spawn().unwrap_or_else(|error| panic!("{agent:?}: {error}"));
            groups.lock().expect("nobody panics with it").insert(child.id());
            if let Some(mut pipe) = child.stdin.take() {
                // A pipe holds more than any agent's options: this doesn't wait for the agent to read.
                let _ = pipe.write_all(agent.input());
            }
            child
        })
        .collect();
    let (mut cpu, mut failed, mut wall) = (Duration::ZERO, 0, Duration::ZERO);
    for child in &children {
        let pid = child.id() as i32;
        let left = limit.saturating_sub(started.elapsed());
        let ended = poll_readable(&[process_file(pid).as_raw_fd()], Some(left));
        wall = started.elapsed();
        // SAFETY: kill takes two numbers; the group is our child's, which hasn't been waited for.
        unsafe { libc::kill(-pid, libc::SIGKILL) };
        let (status, usage) = reap(pid);
        groups.lock().expect("nobody panics with it").remove(&child.id());
        cpu += time(usage.ru_utime) + time(usage.ru_stime);
        failed += usize::from(!ended || !status.success());
    }
    let said =
        fs::read(&stderr).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let mut words: Vec<&str> = Vec::new();
    for line in said.lines() {
        if words.len() < WORDS && !words.contains(&line) {
            words.push(line);
        }
    }
    Crowd { started, wall, cpu, failed, words: words.join("\n") }
}

/// What all processes of these groups have in memory now, in bytes.
fn weigh(groups: &Mutex<HashSet<u32>>) -> u64 {
    let wanted = groups.lock().expect("nobody panics with it").clone();
    if wanted.is_empty() {
        return 0;
    }
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter(|pid| group_of(*pid).is_some_and(|group| wanted.contains(&group)))
        .map(proportional)
        .sum()
}

/// proc(5), stat: the fields behind the name, which may hold anything, are state, parent, process group.
fn group_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

fn proportional(pid: u32) -> u64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { return 0 };
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
