//! Runs the agents of all devices with the action doctor, several at a time.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use zeroize::Zeroizing;

use super::config::{Cluster, Device};
use super::handover::Handover;
use super::judgement::{obstacle, of_device};
use super::targets;
use crate::base::Deadline;
use crate::fencing::{Finding, Severity, terminal};

/// How long one agent may take: longer than any doctor that answers at all.
const LIMIT: Duration = Duration::from_secs(180);

/// Between two looks whether an agent that has said everything has ended.
const A_MOMENT: Duration = Duration::from_millis(5);

/// How much an agent may print.
const LARGEST_OUTPUT: u64 = 4 * 1024 * 1024;

/// How many examinations there may be: a device has some plugs, and a cluster some devices.
const MOST_EXAMINATIONS: usize = 2_000;

/// What came of one examination.
pub(super) struct Checked {
    /// The device's position in the configuration.
    pub(super) device: usize,
    /// The plug it was examined for.
    pub(super) plug: Option<String>,
    /// What was found, the configuration's findings first.
    pub(super) findings: Vec<Finding>,
    /// What the agent printed; `None` where it was not run, or printed something else.
    pub(super) report: Option<Value>,
}

/// One examination to be done.
struct Work<'a> {
    /// The device's position in the configuration.
    at: usize,
    device: &'a Device,
    /// What its agent is told; `None` where it is somebody else's, or can't be told.
    handover: Option<Handover<'a>>,
    plug: Option<String>,
    /// What the configuration shows of the device, with its first plug.
    findings: Vec<Finding>,
}

/// Examines every device for every plug, in the order of the configuration.
pub(super) fn of_all(cluster: &Cluster, directory: &Path, jobs: usize) -> Vec<Checked> {
    let mut all: Vec<Mutex<Option<Work<'_>>>> = Vec::new();
    for (at, device) in cluster.devices.iter().enumerate() {
        all.extend(
            work(cluster, at, device, MOST_EXAMINATIONS.saturating_sub(all.len()))
                .into_iter()
                .map(|work| Mutex::new(Some(work))),
        );
    }
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, Checked)>> = Mutex::new(Vec::new());
    let progress = |done: usize| terminal::waiting(&format!("{done} of {} examined", all.len()));
    progress(0);
    thread::scope(|scope| {
        for _ in 0..jobs.min(all.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(place) = all.get(at) else { return };
                    let Some(work) = place.lock().ok().and_then(|mut work| work.take()) else { continue };
                    let checked = examine(work, directory);
                    if let Ok(mut results) = results.lock() {
                        results.push((at, checked));
                    }
                    progress(done.fetch_add(1, Ordering::Relaxed).saturating_add(1));
                }
            });
        }
    });
    terminal::stop_waiting();
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, checked)| checked).collect()
}

/// What is to be done for a device, with at most so many examinations: one for each plug, or none.
fn work<'a>(cluster: &Cluster, at: usize, device: &'a Device, most: usize) -> Vec<Work<'a>> {
    let mut findings = of_device(cluster, device);
    let obstacle = obstacle(device);
    let can_be_asked = obstacle.is_none() && device.known().is_some();
    findings.extend(obstacle);
    let mut plugs = if can_be_asked { targets::plugs(device) } else { vec![None] };
    if let Some(more) = plugs.len().checked_sub(most).filter(|more| *more > 0) {
        findings.push(Finding::warning(
            format!("{more} of its plugs were not examined: there are more than {MOST_EXAMINATIONS} in the configuration"),
            "examine the device by itself",
        ));
        // The device itself is shown, whatever else isn't.
        plugs.truncate(most.max(1));
    }
    let can_be_asked = can_be_asked && most > 0;
    plugs
        .into_iter()
        .map(|plug| Work {
            at,
            device,
            handover: Handover::of(device).filter(|handover| can_be_asked && handover.is_whole()),
            plug,
            findings: std::mem::take(&mut findings),
        })
        .collect()
}

/// Runs one doctor, and adds what it found.
fn examine(work: Work<'_>, directory: &Path) -> Checked {
    let Work { at, device, handover, plug, mut findings } = work;
    let mut report = None;
    if let Some(((_, name), handover)) = device.known().zip(handover) {
        let mut program = directory.join(name);
        if !program.exists() {
            program = directory.join(device.program().unwrap_or(name));
        }
        match handover.text(plug.as_deref()) {
            Ok(text) => {
                let (found, told) = of_run(&program, run(&program, name, text));
                findings.extend(found);
                report = told;
            }
            Err(finding) => findings.push(finding),
        }
    }
    Checked { device: at, plug, findings, report }
}

/// What an agent has found, and what it printed.
fn of_run(program: &Path, result: Result<(String, String), String>) -> (Vec<Finding>, Option<Value>) {
    let (stdout, stderr) = match result {
        Ok(printed) => printed,
        Err(why) => return (vec![Finding::failure(format!("{}: {why}", program.display()), "")], None),
    };
    if let Ok(report) = serde_json::from_str::<Value>(&stdout) {
        return (of_report(&report), Some(report));
    }
    // Bad input, or whatever else it says for itself.
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing was printed");
    let words = last.split_once("ERROR: ").map_or(last, |(_, words)| words);
    (vec![Finding::failure(words, "docs/troubleshooting.md tells what each message means")], None)
}

/// The findings in an agent's report.
fn of_report(report: &Value) -> Vec<Finding> {
    let findings = report.get("findings").and_then(Value::as_array);
    let text = |finding: &Value, name: &str| {
        finding.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    findings
        .into_iter()
        .flatten()
        .map(|finding| {
            let word = text(finding, "severity");
            let severities = [Severity::Fine, Severity::Advice, Severity::Warning];
            // A word that isn't known is no reason to be content.
            let severity = severities.into_iter().find(|severity| severity.name() == word);
            Finding {
                severity: severity.unwrap_or(Severity::Failure),
                text: text(finding, "text"),
                remedy: text(finding, "remedy"),
            }
        })
        .collect()
}

/// Runs an agent under this name: what it printed on stdout and on stderr.
fn run(program: &Path, name: &str, input: Zeroizing<Vec<u8>>) -> Result<(String, String), String> {
    use std::os::unix::process::CommandExt;
    let mut child = Command::new(program)
        .arg0(name)
        // The agent would take this for a call by the cluster.
        .env_remove("PCMK_service")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let (told, answers) = mpsc::channel();
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
    ];
    for (number, stream) in streams.into_iter().enumerate() {
        let (Some(stream), told) = (stream, told.clone()) else { continue };
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.take(LARGEST_OUTPUT).read_to_end(&mut bytes);
            let _ = told.send((number, String::from_utf8_lossy(&bytes).into_owned()));
        });
    }
    drop(told);
    if let Some(mut stdin) = child.stdin.take() {
        // It reads everything before it does anything; one that doesn't has said why on stderr, and one that never
        // reads must not hold this up.
        thread::spawn(move || stdin.write_all(&input));
    }
    let by = Deadline::after(LIMIT);
    let mut texts = [String::new(), String::new()];
    let mut is_done = true;
    for _ in 0..texts.len() {
        match answers.recv_timeout(by.left().unwrap_or(LIMIT)) {
            Ok((number, text)) => texts.get_mut(number).into_iter().for_each(|place| place.clone_from(&text)),
            Err(_) => is_done = false,
        }
    }
    while is_done && !matches!(child.try_wait(), Ok(Some(_))) {
        is_done = by.sleep(A_MOMENT);
    }
    if !is_done {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("no answer in {} s", LIMIT.as_secs()));
    }
    let [stdout, stderr] = texts;
    Ok((stdout, stderr))
}
