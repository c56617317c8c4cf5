//! The fault campaign: thousands of runs of the agents against devices and networks that fail, each compared with
//! what truly happened.
//!
//! A protocol's part of it is a [`Field`]: it sets up [`Station`]s, each with devices of its own, and a station
//! plays one run after the other. Everything in a run is decided by its [`Dice`], which come from the campaign's
//! seed and the run's number, so that one run can be repeated alone.

mod console;
pub mod datagram;
mod dice;
mod ipmi;
mod redfish;
pub mod scsi;
pub mod snmp;
pub mod stream;
pub mod subjects;
mod tally;
mod verdict;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

pub use dice::Dice;
pub use tally::Tally;
pub use verdict::{CALLERS_PATIENCE, Case, History, Limits, REQUEST_LIMIT, Report, Verdict};

/// A protocol's part of the campaign.
pub trait Field: Sync {
    /// What it is called on the command line.
    fn name(&self) -> &'static str;

    /// The agents that are run in it.
    fn agents(&self) -> Vec<&'static str>;

    /// How many stations keep two cores busy while most of their agents wait.
    fn stations(&self) -> usize;

    /// A station with devices of its own. Called in the thread that uses it.
    fn station(&self) -> Box<dyn Station>;
}

/// Where runs are played, one after the other.
pub trait Station {
    /// Plays one run: sets devices and network as the dice say, runs an agent, compares.
    fn play(&mut self, dice: &mut Dice) -> Report;
}

/// Which runs to play.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// What all dice come from.
    pub seed: u64,
    /// The number of the first run.
    pub first: u64,
    /// How many.
    pub runs: u64,
}

/// Plays the runs, some at the same time, and counts. `progress` is called after each with what is counted so far.
pub fn campaign(field: &dyn Field, extent: Extent, progress: impl Fn(&Tally) + Sync) -> Tally {
    let next = AtomicU64::new(0);
    let tally = Mutex::new(Tally::new(field.name(), extent));
    let stations = field.stations().min(usize::try_from(extent.runs).unwrap_or(usize::MAX));
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..stations {
            scope.spawn(|| {
                let mut station = field.station();
                loop {
                    let run = next.fetch_add(1, Ordering::Relaxed);
                    if run >= extent.runs {
                        return;
                    }
                    let number = extent.first + run;
                    let report = station.play(&mut Dice::of(extent.seed, number));
                    let mut tally = tally.lock().expect("nobody panics with it");
                    tally.count(number, report);
                    progress(&tally);
                }
            });
        }
    });
    let mut tally = tally.into_inner().expect("nobody panics with it");
    tally.took = started.elapsed();
    tally
}

/// Every protocol's part, with the agents of this directory.
pub fn fields_with(agents: &Path) -> Vec<Box<dyn Field>> {
    vec![
        Box::new(ipmi::Ipmi::new(agents)),
        Box::new(snmp::Snmp::new(snmp::Whose::Today, agents)),
        Box::new(snmp::Snmp::new(snmp::Whose::Further, agents)),
        Box::new(redfish::Redfish::new(agents)),
        Box::new(scsi::Scsi::new(agents)),
        Box::new(subjects::Subjects::new(agents)),
        Box::new(console::Consoles::new(agents)),
    ]
}
