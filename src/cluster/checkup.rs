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
use super::judgement::{of_device, plugs};
use crate::fencing::{Finding, Severity, terminal};

/// How long one agent may take: longer than any doctor that answers at all.
const LIMIT: Duration = Duration::from_secs(180);

/// How much an agent may print.
const LARGEST_OUTPUT: u64 = 4 * 1024 * 1024;

/// Options of the device that its doctor isn't given: they are the cluster's, or would change what is done.
fn is_withheld(name: &str) -> bool {
    name.starts_with("pcmk_")
        || ["action", "option", "explain", "json", "quiet", "verbose", "verbose_level", "nodename"]
            .contains(&name)
}

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

/// Examines every device for every plug, in the order of the configuration.
pub(super) fn of_all(cluster: &Cluster, directory: &Path, jobs: usize) -> Vec<Checked> {
    let work: Vec<(usize, &Device, Option<String>, bool)> = cluster
        .devices
        .iter()
        .enumerate()
        .flat_map(|(at, device)| {
            plugs(device).into_iter().enumerate().map(move |(number, plug)| (at, device, plug, number == 0))
        })
        .collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, Checked)>> = Mutex::new(Vec::new());
    let progress = |done: usize| terminal::waiting(&format!("{done} of {} examined", work.len()));
    progress(0);
    thread::scope(|scope| {
        for _ in 0..jobs.min(work.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some((device_at, device, plug, first)) = work.get(at) else { return };
                    // What the configuration shows is the same for every plug.
                    let mut findings = if *first { of_device(cluster, device) } else { Vec::new() };
                    let report = examine(device, plug.as_deref(), directory, &mut findings);
                    let checked = Checked { device: *device_at, plug: plug.clone(), findings, report };
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

/// Runs one doctor, and adds what it found.
fn examine(
    device: &Device,
    plug: Option<&str>,
    directory: &Path,
    findings: &mut Vec<Finding>,
) -> Option<Value> {
    let Some((agent, name)) = device.known() else {
        findings.push(Finding::advice(
            format!("{} is no agent of this project, so it was not examined", device.agent),
            String::new(),
        ));
        return None;
    };
    if let Some(option) = device.hidden() {
        findings.push(Finding::warning(
            format!("the value of {option} is hidden in what was read, so the device was not asked"),
            "take the output of cibadmin --query, as root: crm configure show hides passwords",
        ));
        return None;
    }
    let mut program = directory.join(name);
    if !program.exists() {
        program = directory.join(agent.name);
    }
    match run(&program, name, &input(device, plug)) {
        Ok((stdout, stderr)) => match serde_json::from_str::<Value>(&stdout) {
            Ok(report) => {
                findings.extend(of_report(&report));
                Some(report)
            }
            Err(_) => {
                // Bad input, or whatever else it says for itself.
                let last =
                    stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("nothing was printed");
                let words = last.split_once("ERROR: ").map_or(last, |(_, words)| words);
                findings.push(Finding::failure(
                    words.to_owned(),
                    "docs/troubleshooting.md tells what each message means",
                ));
                None
            }
        },
        Err(why) => {
            findings.push(Finding::failure(format!("{}: {why}", program.display()), String::new()));
            None
        }
    }
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

/// What the agent reads, as a cluster would send it.
fn input(device: &Device, plug: Option<&str>) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(b"action=doctor\njson=1\n".to_vec());
    for (name, value) in device.options().filter(|(name, _)| !is_withheld(name)) {
        // A line's end in a value would begin another option.
        if value.expose().contains(&b'\n') {
            continue;
        }
        bytes.extend(name.as_bytes());
        bytes.push(b'=');
        bytes.extend(value.expose());
        bytes.push(b'\n');
    }
    if let Some(plug) = plug {
        bytes.extend(b"plug=");
        bytes.extend(plug.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// Runs an agent under this name: what it printed on stdout and on stderr.
fn run(program: &Path, name: &str, input: &[u8]) -> Result<(String, String), String> {
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
        // It reads everything before it does anything; one that doesn't has said why on stderr.
        let _ = stdin.write_all(input);
    }
    let by = crate::base::Deadline::after(LIMIT);
    let mut texts = [String::new(), String::new()];
    for _ in 0..texts.len() {
        match answers.recv_timeout(by.left().unwrap_or(LIMIT)) {
            Ok((number, text)) => {
                if let Some(place) = texts.get_mut(number) {
                    *place = text;
                }
            }
            Err(_) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer in {} s", LIMIT.as_secs()));
            }
        }
    }
    let _ = child.wait();
    let [stdout, stderr] = texts;
    Ok((stdout, stderr))
}
