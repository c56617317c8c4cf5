//! The way of one run, from the arguments to the exit code.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use log::{debug, error, warn};

use crate::base::arguments::Arguments;
use crate::base::output::{STDERR, STDOUT};
use crate::base::{Deadline, Told, memory, process, told};
use crate::fencing::agent::{Action, Agent, Family};
use crate::fencing::doctor::{Patient, Report};
use crate::fencing::engine::{self, Outcome};
use crate::fencing::error::Error;
use crate::fencing::evidence::Evidence;
use crate::fencing::explain::Explanation;
use crate::fencing::job::{Cycle, Job};
use crate::fencing::option::Opt;
use crate::fencing::pins::{self, Pins};
use crate::fencing::rehearsal::Rehearsal;
use crate::fencing::settings::Settings;
use crate::fencing::state::{Power, State};
use crate::fencing::stdin::Parsed;
use crate::fencing::supervised::Supervised;
use crate::fencing::times::Times;
use crate::fencing::{
    argv, completion, device, evidence, help, logging, manpage, metadata, options, stdin, terminal,
};

/// How long a command may take that prints a password.
const SCRIPT_LIMIT: Duration = Duration::from_secs(30);

/// How long the end waits for somebody to read the verdict: the exit code says the same.
const VERDICT_LIMIT: Duration = Duration::from_secs(2);

/// How long it waits for a reader who stops reading, a person perhaps, of what isn't told in any other way.
const READER_LIMIT: Duration = Duration::from_secs(30);

/// What a rehearsal ends with that fences nothing: its exit code is that of a failure, and this is why.
const NOTHING_SENT: &str = "rehearsal only, nothing was sent";

/// What is printed on stdout, and the exit code.
struct Ending {
    stdout: String,
    code: u8,
    /// Whether the exit code says it all, so that it holds even where stdout can't be written.
    verdict: bool,
    /// Said on stderr after everything else.
    remark: Option<&'static str>,
}

impl Ending {
    fn fine(stdout: impl Into<String>) -> Ending {
        Ending { stdout: stdout.into(), code: 0, verdict: false, remark: None }
    }

    fn verdict(stdout: impl Into<String>, code: u8) -> Ending {
        Ending { stdout: stdout.into(), code, verdict: true, remark: None }
    }
}

/// Runs the agent of this family by whose name this process was called, with the process's arguments and standard input.
/// The exit code says what came of it. A name that is none of the family's is an error: which defaults would hold, nobody
/// could tell.
pub fn run(family: &'static Family) -> ExitCode {
    let shown = Arguments::of_this_process();
    harden();
    let mut arguments = std::env::args_os();
    let called = arguments.next().map(|path| argv::basename(&path)).unwrap_or_default();
    let Some((agent, name)) = family.find(&called) else {
        start_logging(family.program(), None);
        let names: Vec<&str> = family.names().map(|(_, name)| name).collect();
        let called = Told::new(called);
        error!("{called} is no name of this program, which is {}: nothing was done", names.join(", "));
        logging::finish();
        return ExitCode::FAILURE;
    };

    let code = match perform(agent, name, arguments.collect(), shown).and_then(|ending| {
        match print(&ending) {
            Err(error) if ending.verdict => warn!("can't write to standard output: {error}"),
            written => written.context("can't write to standard output")?,
        }
        if let Some(remark) = ending.remark {
            error!("{remark}");
        }
        Ok(ending.code)
    }) {
        Ok(code) => code,
        Err(trouble) => {
            error!("{trouble:#}");
            trouble.downcast_ref::<Error>().map_or(1, Error::exit_code)
        }
    };
    logging::finish();
    told::forget();
    memory::wipe_dead_stack();
    ExitCode::from(code)
}

/// No core dump and no debugger: the memory holds passwords. Where the system won't, the agent still fences.
pub(crate) fn harden() {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn perform(
    agent: &'static Agent,
    name: &str,
    arguments: Vec<OsString>,
    shown: Option<Arguments>,
) -> anyhow::Result<Ending> {
    let parsed = if arguments.is_empty() {
        hint(name);
        stdin::read().and_then(|input| stdin::parse(agent, name, &input))
    } else {
        argv::parse(agent, name, &arguments)
    };
    let parsed = parsed.inspect_err(|_| start_logging(name, None))?;
    let Parsed { mut settings, warnings, shown: secrets } = parsed;
    if let (Some(shown), false) = (shown, secrets.is_empty()) {
        shown.cover(&secrets);
    }
    drop((arguments, secrets));
    settings.keep_secrets_out();
    let about_itself = settings.asked_about_itself(agent);
    match &about_itself {
        Ok(Some(option)) if option.name == options::HELP.name => {
            return Ok(Ending::fine(help::text(agent, name, terminal::is_colourful(&std::io::stdout()))));
        }
        Ok(Some(_)) => return Ok(Ending::fine(format!("{}\n", env!("CARGO_PKG_VERSION")))),
        Ok(None) | Err(_) => {}
    }
    start_logging(name, Some(&mut settings));
    about_itself?;
    for warning in warnings {
        warn!("{warning}");
    }

    let word = settings.text(&options::ACTION).map(str::to_owned);
    let action = match word {
        Some(word) if word.is_empty() => {
            let why = format!("it is empty; {} would be the default", agent.default_action.name());
            return Err(Error::bad_input(settings.called(&options::ACTION), why).into());
        }
        Some(word) => agent.action(&word)?,
        None => agent.default_action,
    };
    let about_itself = match action {
        Action::Metadata => Some(metadata::xml(agent, name).context("metadata")?),
        Action::Manpage => Some(manpage::roff(agent, name)),
        Action::Completion => Some(completion::bash(agent, name)),
        _ => None,
    };
    if let Some(text) = about_itself {
        settings.check_about_itself()?;
        return Ok(Ending::fine(text));
    }

    settings.check(agent, action)?;
    if action != Action::Evidence {
        settings.read_secret_files(agent)?;
    }
    for option in settings.without_effect(agent) {
        debug!("{option} has no effect: no other program is started");
    }
    if action == Action::ValidateAll {
        return Ok(Ending::fine(""));
    }
    if action == Action::Evidence {
        let path = settings.text(&options::EVIDENCE_FILE).unwrap_or_default();
        let colourful = terminal::is_colourful(&std::io::stdout());
        return Ok(Ending::fine(evidence::shown(path, settings.is_on(&options::JSON), colourful)?));
    }
    run_scripts(agent, &mut settings)?;
    (agent.check)(&settings)?;
    match action {
        Action::Doctor => examine(agent, name, &settings),
        _ if settings.is_on(&options::EXPLAIN) => rehearse(agent, name, &settings, action),
        _ => act(agent, name, &mut settings, action),
    }
}

/// Tells a person who gave no arguments what is being waited for.
fn hint(name: &str) {
    if std::io::stdin().is_terminal() {
        let line = format!("{name}: reading options from standard input, as name=value lines; see --help\n");
        let _ = STDERR.write(line.as_bytes(), Duration::ZERO);
    }
}

fn start_logging(name: &str, mut settings: Option<&mut Settings>) {
    let wanted = match settings.as_deref() {
        None => logging::Wanted { name: name.to_owned(), ..logging::Wanted::default() },
        Some(settings) => logging::Wanted {
            name: name.to_owned(),
            quiet: settings.is_on(&options::QUIET),
            verbose_level: settings.verbose_level(),
            files: [&options::DEBUG_FILE, &options::LOGFILE]
                .into_iter()
                .filter_map(|option| settings.text(option).map(str::to_owned))
                .collect(),
        },
    };
    memory::wipe_dead_stack();
    // The children that write files live as long as this process, and longer where the file's disk hangs.
    logging::start(&wanted, || {
        if let Some(settings) = settings.as_deref_mut() {
            settings.forget_secrets();
        }
    });
}

/// Runs the commands that print passwords.
fn run_scripts(agent: &Agent, settings: &mut Settings) -> Result<(), Error> {
    for script in agent.options() {
        let target = script.fills.and_then(|name| agent.options().find(|option| option.name == name));
        let (Some(target), Some(command)) = (target, settings.text(script)) else { continue };
        let secret = process::secret_output(command, Deadline::after(SCRIPT_LIMIT))
            .map_err(|error| Error::Local { what: format!("{}: {error}", settings.called(script)) })?;
        settings.set(target, secret.expose())?;
        settings.secret(target).into_iter().for_each(told::keep_out);
    }
    Ok(())
}

/// Does what was asked for, and records it where that is wanted.
fn act(agent: &Agent, name: &str, settings: &mut Settings, action: Action) -> anyhow::Result<Ending> {
    let times = Times::of(settings);
    let mut evidence = Evidence::begin(agent, name, settings, &times, action);
    let job = job(agent, settings, action);
    let outcome = fence(agent, settings, &times, &job, evidence.as_mut());
    let outcome = outcome.map(|outcome| ending(&outcome, settings));
    if let Some(evidence) = evidence {
        match &outcome {
            Ok(ending) => {
                let words = if ending.verdict { ending.stdout.trim_end() } else { "" };
                evidence.end(ending.code, Ok(words));
            }
            Err(error) => evidence.end(error.exit_code(), Err(error)),
        }
    }
    Ok(outcome?)
}

/// Runs the action, under the eyes of whoever compares and records in this run.
fn fence(
    agent: &Agent,
    settings: &Settings,
    times: &Times,
    job: &Job,
    evidence: Option<&mut Evidence>,
) -> Result<Outcome, Error> {
    let mut driver = (agent.open)(settings, times)?;
    let pins = Pins::of(agent, settings)?;
    let device = Supervised::alone(driver.as_mut()).pinned(&pins);
    let device = match evidence {
        Some(evidence) => device.recorded(evidence),
        None => device,
    };
    engine::run(device, job, times)
}

fn job(agent: &Agent, settings: &Settings, action: Action) -> Job {
    Job {
        action,
        plugs: settings.plugs(),
        kind: agent.plugs,
        cycle: cycle(agent, settings),
        proof: agent.proof,
    }
}

/// Tells what the action would do. Where it would change something, the exit code says that nothing was done.
fn rehearse(agent: &Agent, name: &str, settings: &Settings, action: Action) -> anyhow::Result<Ending> {
    let times = Times::of(settings);
    let job = job(agent, settings, action);
    let mut device = (agent.open)(settings, &times)?;
    let pins = Pins::of(agent, settings)?;
    let found = Rehearsal::run(device.as_mut(), &job, &times, &pins::kinds(agent), &pins);
    let explanation = Explanation::new(name, device.as_ref(), &job, &times, &found);
    let text = match settings.is_on(&options::JSON) {
        true => explanation.json(),
        false => explanation.text(terminal::is_colourful(&std::io::stdout())),
    };
    device.close();
    for (what, trouble) in found.troubles() {
        error!("{what}: {trouble}");
    }
    let failed = action.changes() || found.troubles().next().is_some();
    let remark = action.changes().then_some(NOTHING_SENT);
    Ok(Ending { remark, ..Ending::verdict(text, u8::from(failed)) })
}

/// Tells whether fencing would work.
fn examine(agent: &Agent, name: &str, settings: &Settings) -> anyhow::Result<Ending> {
    let times = Times::of(settings);
    let job = job(agent, settings, Action::Doctor);
    let mut device = (agent.open)(settings, &times)?;
    let pins = Pins::of(agent, settings)?;
    let address = if agent.has(&options::IP) { settings.address() } else { None };
    let evidence_file = settings.text(&options::EVIDENCE_FILE);
    let patient = Patient { name, address, evidence_file, kinds: &pins::kinds(agent), pins: &pins };
    let report = Report::of(&patient, device.as_mut(), &job, &times);
    device.close();
    let text = match settings.is_on(&options::JSON) {
        true => report.json(),
        false => report.text(terminal::is_colourful(&std::io::stdout())),
    };
    Ok(Ending::verdict(text, report.code()))
}

/// How reboot is to be done, on agents that offer a choice.
fn cycle(agent: &Agent, settings: &Settings) -> Cycle {
    let has = |option: &Opt| agent.has(option);
    let wanted = has(&options::METHOD) && settings.choice(&options::METHOD) == Some(options::METHOD_CYCLE);
    match (wanted, has(&options::UNPROVEN_CYCLE) && settings.is_on(&options::UNPROVEN_CYCLE)) {
        (false, _) => Cycle::Never,
        (true, false) => Cycle::Proven,
        (true, true) => Cycle::Unproven,
    }
}

/// What callers look for on stdout, word for word, and in the exit code.
fn ending(outcome: &Outcome, settings: &Settings) -> Ending {
    match outcome {
        Outcome::Status(Power::On) => Ending::verdict("Status: ON\n", 0),
        Outcome::Status(Power::Off) => Ending::verdict("Status: OFF\n", 2),
        Outcome::Reached { power: Power::Off, already: false } => {
            Ending::verdict("Success: Powered OFF\n", 0)
        }
        Outcome::Reached { power: Power::On, already: false } => Ending::verdict("Success: Powered ON\n", 0),
        Outcome::Reached { power: Power::Off, already: true } => Ending::verdict("Success: Already OFF\n", 0),
        Outcome::Reached { power: Power::On, already: true } => Ending::verdict("Success: Already ON\n", 0),
        Outcome::Rebooted => Ending::verdict("Success: Rebooted\n", 0),
        Outcome::Interrupted(what) => Ending::verdict(format!("Success: {what}\n"), 0),
        Outcome::Listing { outlets, with_state } => Ending::fine(listing(outlets, *with_state, settings)),
        Outcome::Fine => Ending::fine(""),
    }
}

fn listing(outlets: &[device::Outlet], with_state: bool, settings: &Settings) -> String {
    let separator = settings.text(&options::SEPARATOR).unwrap_or(",");
    let mut text = String::new();
    for outlet in outlets {
        text.push_str(&Told::new(&outlet.plug).name());
        text.push_str(separator);
        text.push_str(&Told::new(&outlet.alias).name());
        if with_state {
            text.push_str(separator);
            text.push_str(match &outlet.state {
                Some(State::On) => "ON",
                Some(State::Off) => "OFF",
                _ => "UNKNOWN",
            });
        }
        text.push('\n');
    }
    text
}

/// Prints to stdout. A reader that went away isn't the agent's trouble: the exit code still says what happened.
fn print(ending: &Ending) -> std::io::Result<()> {
    if ending.stdout.is_empty() {
        return Ok(());
    }
    terminal::stop_waiting();
    let idle = if ending.verdict { VERDICT_LIMIT } else { READER_LIMIT };
    match STDOUT.write(ending.stdout.as_bytes(), idle) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
