//! Runs the fault campaign: `faults [--seed N] [--first N] [--runs N] [PROTOCOL...]`. Exit code 1 where any run showed
//! a defect.

use std::io::IsTerminal;
use std::process::ExitCode;

use peers::faults::{self, Extent, Tally};

/// As many as a campaign has for each protocol.
const RUNS: u64 = 20_000;

const USAGE: &str = "faults [--seed N] [--first N] [--runs N] [PROTOCOL...]";

fn main() -> ExitCode {
    let mut extent = Extent { seed: 1, first: 0, runs: RUNS };
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let figure = match argument.as_str() {
            "--seed" => &mut extent.seed,
            "--first" => &mut extent.first,
            "--runs" => &mut extent.runs,
            _ => {
                names.push(argument);
                continue;
            }
        };
        match arguments.next().and_then(|figure| figure.parse().ok()) {
            Some(given) => *figure = given,
            None => {
                eprintln!("{argument} needs a number: {USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    let fields = faults::fields_with(&peers::agents_dir());
    if let Some(unknown) = names.iter().find(|name| fields.iter().all(|field| field.name() != *name)) {
        let known: Vec<_> = fields.iter().map(|field| field.name()).collect();
        eprintln!("{unknown} is none of {}: {USAGE}", known.join(", "));
        return ExitCode::FAILURE;
    }
    let mut clean = true;
    for field in
        fields.iter().filter(|field| names.is_empty() || names.iter().any(|name| name == field.name()))
    {
        let tally = faults::campaign(field.as_ref(), extent, progress);
        clean &= tally.is_clean();
        println!("{tally}");
    }
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Shows somebody at a terminal how far it is.
fn progress(tally: &Tally) {
    if tally.runs().is_multiple_of(100) && std::io::stderr().is_terminal() {
        eprint!(
            "\r{}: {} of {}, {} defects ",
            tally.field,
            tally.runs(),
            tally.extent.runs,
            tally.defects.len()
        );
    }
}
