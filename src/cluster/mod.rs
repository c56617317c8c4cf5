//! The program `fencing`: what concerns all fence devices of a cluster at once, for an administrator by day. A cluster
//! never runs it.

mod checkup;
mod config;
mod document;
mod handover;
mod judgement;
mod names;
mod pacemaker;
mod page;
mod pcs;
mod report;
mod targets;
mod xml;

use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::fencing::program::harden;
use crate::fencing::{evidence, terminal};

/// The exit code for a command line that can't be understood: that of every failure.
const FAILED: u8 = 1;

/// Runs the program with this process's arguments.
pub fn run() -> ExitCode {
    harden();
    ExitCode::from(match perform() {
        Ok(code) => code,
        Err(trouble) => {
            let _ = writeln!(std::io::stderr(), "fencing: {trouble:#}");
            FAILED
        }
    })
}

fn perform() -> anyhow::Result<u8> {
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            error.print()?;
            return Ok(if error.use_stderr() { FAILED } else { 0 });
        }
    };
    let (text, code) = match matches.subcommand() {
        Some(("doctor", matches)) => doctor(matches)?,
        Some(("evidence", matches)) => {
            let path = matches.get_one::<String>("file").map(String::as_str).unwrap_or_default();
            let colourful = terminal::is_colourful(&std::io::stdout());
            (evidence::shown(path, matches.get_flag("json"), colourful)?, 0)
        }
        Some(("agents", matches)) => {
            let text = match ["tsv", "table", "left-out"].into_iter().find(|flag| matches.get_flag(flag)) {
                Some("tsv") => names::tsv(),
                Some("table") => names::table(),
                Some(_) => names::left_out(),
                None => names::text(),
            };
            (text, 0)
        }
        Some(("manpage", _)) => (page::roff(), 0),
        Some(("completion", _)) => (page::COMPLETION.to_owned(), 0),
        _ => (command().render_help().to_string(), FAILED),
    };
    terminal::stop_waiting();
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(code),
    }
}

fn command() -> Command {
    let json = || {
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("Print JSON in place of text for people")
    };
    let doctor = Command::new("doctor")
        .about("Examines every fence device of a cluster's configuration, changing nothing")
        .long_about(page::DOCTOR)
        .arg(json())
        .arg(
            Arg::new("agents")
                .long("agents")
                .value_name("DIRECTORY")
                .value_parser(value_parser!(PathBuf))
                .help("Where the agents are; by default where this program is"),
        )
        .arg(
            Arg::new("jobs")
                .long("jobs")
                .value_name("NUMBER")
                .value_parser(value_parser!(u16).range(1..=64))
                .default_value("8")
                .help("How many devices are examined at the same time"),
        )
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .default_value("-")
                .value_parser(value_parser!(OsString))
                .help("What pcs or crm has printed; - is standard input"),
        );
    let evidence = Command::new("evidence")
        .about("Shows the last actions that agents have recorded in their evidence_file")
        .arg(json())
        .arg(Arg::new("file").value_name("FILE").required(true).help("The file that evidence_file names"));
    let agents = Command::new("agents")
        .about("Names the agents that belong to this release")
        .arg(
            Arg::new("tsv")
                .long("tsv")
                .action(ArgAction::SetTrue)
                .help("Print name, program, package and kind of each, with tabs between them"),
        )
        .arg(Arg::new("table").long("table").action(ArgAction::SetTrue).hide(true))
        .arg(Arg::new("left-out").long("left-out").action(ArgAction::SetTrue).hide(true));
    Command::new("fencing")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Looks after the fence devices of a cluster")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .subcommand(doctor)
        .subcommand(evidence)
        .subcommand(agents)
        .subcommand(Command::new("manpage").hide(true))
        .subcommand(Command::new("completion").hide(true))
}

/// Examines a whole configuration: what to print, and the exit code.
fn doctor(matches: &ArgMatches) -> anyhow::Result<(String, u8)> {
    let file = matches.get_one::<OsString>("file").cloned().unwrap_or_else(|| "-".into());
    let cluster = config::read(&input(&file)?)?;
    let directory = match matches.get_one::<PathBuf>("agents") {
        Some(directory) => directory.clone(),
        None => std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default(),
    };
    let jobs = usize::from(matches.get_one::<u16>("jobs").copied().unwrap_or(1));
    let results = checkup::of_all(&cluster, &directory, jobs);
    let report = report::Report::new(&cluster, results);
    let text = match matches.get_flag("json") {
        true => report.json(),
        false => report.text(terminal::is_colourful(&std::io::stdout())),
    };
    Ok((text, report.code()))
}

/// The configuration. It holds passwords, so it is wiped afterwards.
fn input(file: &OsString) -> anyhow::Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    // One byte more shows that it is too large.
    let most = u64::try_from(config::LARGEST_INPUT).unwrap_or(u64::MAX).saturating_add(1);
    if file == "-" {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            anyhow::bail!(
                "nothing to read: pcs stonith config --output-format=json | fencing doctor, or a file as argument"
            );
        }
        stdin.lock().take(most).read_to_end(&mut bytes)?;
    } else {
        let named = |error: std::io::Error| anyhow::anyhow!("{}: {error}", file.to_string_lossy());
        std::fs::File::open(file).map_err(named)?.take(most).read_to_end(&mut bytes).map_err(named)?;
    }
    Ok(bytes)
}
