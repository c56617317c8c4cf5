//! What the agents cost and how quick they are, beside the Python originals and the C tools people use instead:
//! `make bench` writes docs/benchmarks.md, its plots, and docs/benchmarks/figures.json.
//!
//! Each part runs in a process of its own, so that what one leaves in memory isn't counted for another.

mod contest;
mod describing;
mod devices;
mod every;
mod figure;
mod ipmi;
mod load;
mod parts;
mod plot;
mod redfish;
mod report;
mod scsi;
mod slow_tcp;
mod snmp;
mod surroundings;
mod times;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use contest::Sink;
use figure::{Record, Sample};
use parts::{PARTS, Part};

/// How often a short run is repeated, and how many seconds a crowd may be likely to take.
const RUNS: u64 = 9;
const PATIENCE: u64 = 120;

const USAGE: &str =
    "bench [--only PREFIX]... [--runs N] [--patience SECONDS] [--into FOLDER] [--list] [--draw]
  --only PREFIX   only the parts whose names begin so; what is recorded of the others stays
  --runs N        how often a short run is repeated (9)
  --patience N    whose agents are likely to take more than N seconds together aren't sent (120)
  --into FOLDER   instead of docs
  --list          the names of the parts
  --draw          writes the document anew from what is recorded, and measures nothing";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["devices", kind, count] => {
            devices::serve(kind, count);
            ExitCode::SUCCESS
        }
        ["measure", part, runs, patience] => {
            let part = PARTS.iter().find(|known| known.name == part).expect("a part");
            let number = |text: &str| text.parse().expect("a number");
            let patience = Duration::from_secs(number(patience));
            (part.measure)(&Sink { runs: number(runs) as usize, patience });
            ExitCode::SUCCESS
        }
        _ => match Wishes::parse(&words) {
            Ok(wishes) => run(&wishes, &arguments),
            Err(word) => {
                eprintln!("bench: {word}\n{USAGE}");
                ExitCode::FAILURE
            }
        },
    }
}

/// What the command line asks for.
struct Wishes {
    parts: Vec<&'static Part>,
    runs: u64,
    patience: u64,
    folder: PathBuf,
}

impl Wishes {
    fn parse(words: &[&str]) -> Result<Wishes, String> {
        let folder = peers::cluster::project().join("docs");
        let mut wishes = Wishes { parts: Vec::new(), runs: RUNS, patience: PATIENCE, folder };
        let mut draw = false;
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match *word {
                "--only" => {
                    let prefix = value()?;
                    let before = wishes.parts.len();
                    wishes.parts.extend(PARTS.iter().filter(|part| part.name.starts_with(prefix)));
                    if wishes.parts.len() == before {
                        return Err(format!("no part begins with {prefix}"));
                    }
                }
                "--runs" | "--patience" => {
                    let number = value()?.parse().ok().filter(|number| *number > 0);
                    let number = number.ok_or_else(|| format!("{word} needs a number"))?;
                    *(if *word == "--runs" { &mut wishes.runs } else { &mut wishes.patience }) = number;
                }
                "--into" => wishes.folder = value()?.into(),
                "--draw" => draw = true,
                "--list" => {
                    let names: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
                    println!("{}", names.join("\n"));
                    std::process::exit(0);
                }
                _ => return Err(format!("unknown: {word}")),
            }
        }
        if wishes.parts.is_empty() && !draw {
            wishes.parts.extend(&PARTS);
        }
        Ok(wishes)
    }
}

/// Measures, records, and writes the document.
fn run(wishes: &Wishes, arguments: &[String]) -> ExitCode {
    std::env::set_current_dir(peers::cluster::project()).expect("the project's folder");
    if !Path::new("/usr/sbin/fence_ipmilan").exists() {
        eprintln!("the originals aren't installed (Debian package fence-agents)");
        return ExitCode::FAILURE;
    }
    let plots = wishes.folder.join("benchmarks");
    std::fs::create_dir_all(&plots).expect("a folder for the plots");
    let file = plots.join("figures.json");
    let mut record = Record::load(&file);
    let (date, commit, machine) = (surroundings::date(), surroundings::commit(), surroundings::machine());
    let mut end = ExitCode::SUCCESS;
    for part in &wishes.parts {
        eprintln!("{}", part.name);
        match measure(part, wishes) {
            Some(samples) => record.replace(part.name, samples, &date, &commit, &machine),
            None => {
                eprintln!("{} failed: what is recorded of it stays", part.name);
                end = ExitCode::FAILURE;
            }
        }
        // After each part, so that little is lost where somebody ends it.
        record.save(&file);
    }
    let command = match arguments {
        [] => "make bench".to_owned(),
        arguments => format!("make bench ARGS='{}'", arguments.join(" ")),
    };
    report::write(&record, &wishes.folder, &command);
    eprintln!("{}", wishes.folder.join("benchmarks.md").display());
    end
}

/// What a part finds out in a process of its own; nothing where it fails.
fn measure(part: &Part, wishes: &Wishes) -> Option<Vec<Sample>> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["measure", part.name, &wishes.runs.to_string(), &wishes.patience.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program again");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let samples = lines.map_while(Result::ok).filter_map(|line| Sample::parse(&line)).collect();
    child.wait().is_ok_and(|status| status.success()).then_some(samples)
}
