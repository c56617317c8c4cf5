//! Counting.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Extent, Report, Verdict};

/// How many defects are kept with their stories.
const KEPT: usize = 20;

/// What a campaign has counted.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The protocol.
    pub field: &'static str,
    /// Which runs.
    pub extent: Extent,
    /// How long they took together.
    pub took: Duration,
    verdicts: BTreeMap<Verdict, u64>,
    agents: BTreeMap<&'static str, BTreeMap<Verdict, u64>>,
    faults: BTreeMap<&'static str, BTreeMap<Verdict, u64>>,
    /// The first defects: number of the run, and its report.
    pub defects: Vec<(u64, Report)>,
}

/// What the control group is called in the table of faults.
const NO_FAULT: &str = "none";

impl Tally {
    /// Nothing yet.
    pub fn new(field: &'static str, extent: Extent) -> Tally {
        Tally {
            field,
            extent,
            took: Duration::ZERO,
            verdicts: BTreeMap::new(),
            agents: BTreeMap::new(),
            faults: BTreeMap::new(),
            defects: Vec::new(),
        }
    }

    /// Counts one run.
    pub fn count(&mut self, number: u64, report: Report) {
        *self.verdicts.entry(report.verdict).or_default() += 1;
        *self.agents.entry(report.agent).or_default().entry(report.verdict).or_default() += 1;
        let mut faults = report.faults.clone();
        faults.sort_unstable();
        faults.dedup();
        if faults.is_empty() {
            faults.push(NO_FAULT);
        }
        for fault in faults {
            *self.faults.entry(fault).or_default().entry(report.verdict).or_default() += 1;
        }
        if report.verdict.is_defect() && self.defects.len() < KEPT {
            self.defects.push((number, report));
        }
    }

    /// How many runs were judged so.
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.verdicts.get(&verdict).copied().unwrap_or_default()
    }

    /// How many runs there were.
    pub fn runs(&self) -> u64 {
        self.verdicts.values().sum()
    }

    /// Whether nothing happened that must not.
    pub fn is_clean(&self) -> bool {
        self.verdicts.keys().all(|verdict| !verdict.is_defect())
    }
}

/// The report, as it is printed and recorded.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Extent { seed, first, .. } = self.extent;
        writeln!(
            f,
            "{}: {} runs, seed {seed}, from run {first}, {} s",
            self.field,
            self.runs(),
            self.took.as_secs()
        )?;
        for (verdict, words) in Verdict::ALL {
            writeln!(f, "  {words:<22}{:>8}", self.of(verdict))?;
        }
        rows(f, "runs of this agent", &self.agents)?;
        rows(f, "runs with this fault", &self.faults)?;
        for (number, report) in &self.defects {
            writeln!(f, "\nrun {number}: {:?}\n{}", report.verdict, report.story)?;
        }
        Ok(())
    }
}

/// A table of counts.
fn rows(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    rows: &BTreeMap<&'static str, BTreeMap<Verdict, u64>>,
) -> fmt::Result {
    writeln!(f, "  {title:<40}{:>8}{:>10}{:>10}{:>9}", "runs", "successes", "failures", "defects")?;
    for (row, verdicts) in rows {
        let sum = |which: fn(Verdict) -> bool| -> u64 {
            verdicts.iter().filter(|(verdict, _)| which(**verdict)).map(|(_, count)| count).sum()
        };
        writeln!(
            f,
            "  {row:<40}{:>8}{:>10}{:>10}{:>9}",
            sum(|_| true),
            sum(|verdict| verdict == Verdict::TrueSuccess),
            sum(|verdict| verdict == Verdict::HonestFailure),
            sum(Verdict::is_defect)
        )?;
    }
    Ok(())
}
