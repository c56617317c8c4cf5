//! Who is compared, and how a part measures and hands over what it finds.

use std::time::Duration;

use peers::{Agent, agents_dir};

use super::figure::Sample;

/// The Python originals.
const ORIGINALS: &str = "/usr/sbin";

/// The two whose agents take the same options.
pub(crate) const AGENTS: [&str; 2] = ["ours", "original"];

/// An agent of one of [`AGENTS`].
pub(crate) fn agent(whose: &str, name: &str) -> Agent {
    if whose == "original" {
        Agent::new(format!("{ORIGINALS}/{name}"))
    } else {
        Agent::new(agents_dir().join(name))
    }
}

/// Takes figures to the process that collects them.
pub(crate) struct Sink {
    /// How often a run is repeated that takes less than a second; the median counts.
    pub(crate) runs: usize,
    /// A crowd that is likely to take longer isn't sent.
    pub(crate) patience: Duration,
}

impl Sink {
    /// One figure.
    pub(crate) fn put(&self, row: &str, whose: &str, (measure, unit): (&str, &str), value: f64) {
        // Four digits: the rest is noise.
        let scale = 10_f64.powf(3.0 - value.abs().max(1e-9).log10().floor());
        let value = (value * scale).round() / scale;
        let (row, whose) = (row.to_owned(), whose.to_owned());
        let sample = Sample { row, whose, measure: measure.to_owned(), unit: unit.to_owned(), value };
        println!("{}", sample.line());
    }

    /// The median of several.
    pub(crate) fn median(&self, row: &str, whose: &str, measure: (&str, &str), values: &[f64]) {
        self.put(row, whose, measure, median(values));
    }

    /// What an action costs: the medians, each figure by itself. `sent` is what it sent, and what that is called.
    pub(crate) fn costs(&self, row: &str, whose: &str, costs: &[Cost], sent: &str) {
        let put = |measure, of: &dyn Fn(&Cost) -> f64| {
            self.median(row, whose, measure, &costs.iter().map(of).collect::<Vec<_>>());
        };
        put(("CPU", "ms"), &|cost| milliseconds(cost.cpu));
        put(("wall", "ms"), &|cost| milliseconds(cost.wall));
        put(("peak memory", "MiB"), &|cost| mebibytes(cost.memory));
        put(("other processes", ""), &|cost| f64::from(cost.processes));
        put((sent, ""), &|cost| cost.sent as f64);
    }

    /// Whoever watches sees where it is.
    pub(crate) fn progress(&self, words: &str) {
        eprintln!("  {words}");
    }
}

/// What one action cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    /// Bytes.
    pub(crate) memory: u64,
    /// Processes and threads besides the first.
    pub(crate) processes: u32,
    /// Datagrams or requests.
    pub(crate) sent: usize,
}

impl Cost {
    /// What a run took, what it sent, and what [`weigh`] says of another run.
    pub(crate) fn new(done: &peers::Finished, sent: usize, (memory, processes): (u64, u32)) -> Cost {
        Cost { cpu: done.cpu, wall: done.wall, memory, processes, sent }
    }
}

/// One after the other in turns, so that all meet the same moments of the machine: for each contestant what its
/// runs gave.
pub(crate) fn in_turns<C: Copy, T>(
    runs: usize,
    contestants: &[C],
    measure: impl Fn(C) -> T,
) -> Vec<(C, Vec<T>)> {
    let mut all: Vec<(C, Vec<T>)> = contestants.iter().map(|contestant| (*contestant, Vec::new())).collect();
    for _ in 0..runs {
        for (contestant, found) in &mut all {
            found.push(measure(*contestant));
        }
    }
    all
}

/// Runs it where success is the only good end.
pub(crate) fn succeeds(agent: Agent) -> peers::Finished {
    let what = format!("{agent:?}");
    let done = agent.run();
    assert_eq!(done.code, Some(0), "{what}: {}{}", done.stdout, done.stderr);
    done
}

/// The most memory it has in bytes, and how many processes and threads it starts besides itself. A run of its own, by
/// the program `weighed`.
pub(crate) fn weigh(agent: Agent) -> (u64, u32) {
    let scale = std::env::current_exe().expect("this program").with_file_name("weighed");
    let scale = scale.to_str().expect("a path in UTF-8");
    let done = succeeds(agent.under(["/usr/bin/unshare", "--pid", "--fork", "--mount-proc", scale]));
    let figures = done
        .stdout
        .trim()
        .split_once(' ')
        .and_then(|(memory, others)| Some((memory.parse().ok()?, others.parse().ok()?)));
    figures.unwrap_or_else(|| panic!("weighed: {}{}", done.stdout, done.stderr))
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
