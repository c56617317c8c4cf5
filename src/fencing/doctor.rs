//! Whether fencing would work, found out by day: everything that can be asked, and nothing changed.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::base::{Deadline, net, told};
use crate::fencing::describe::Describe;
use crate::fencing::evidence;
use crate::fencing::explain::{facts, one_line, plug};
use crate::fencing::job::{Cycle, Job};
use crate::fencing::knowledge::{Finding, IdentityKind, Severity};
use crate::fencing::pins::Pins;
use crate::fencing::rehearsal::{Rehearsal, Step};
use crate::fencing::state::State;
use crate::fencing::terminal;
use crate::fencing::times::{READING_LIMIT, Times};

/// The version of the JSON form: see [`crate::fencing::explain`].
const FORMAT: u32 = 1;

/// The exit code where there are warnings and nothing worse.
pub const WARNINGS: u8 = 3;

/// Whom to examine.
pub struct Patient<'a> {
    /// The agent's name.
    pub name: &'a str,
    /// The address of its device as it was given, where it has one.
    pub address: Option<&'a str>,
    /// Where its actions leave their records.
    pub evidence_file: Option<&'a str>,
    /// By what its plugs can be told from others.
    pub kinds: &'a [IdentityKind],
    /// Which of them are meant.
    pub pins: &'a Pins,
}

impl Patient<'_> {
    /// How the last off compares with the limit, where a record tells.
    fn last_off(&self, job: &Job, times: &Times) -> Option<Finding> {
        let path = self.evidence_file?;
        match evidence::last_off(path, self.address, &job.plugs) {
            Ok(took) => took.map(|took| of_last_off(took, times)),
            Err(trouble) => Some(Finding::warning(
                format!("evidence_file {path} can't be read: {trouble}"),
                "what is fenced leaves no record there either: name a regular file on a disk of this machine",
            )),
        }
    }
}

/// What was found out about one device.
pub struct Report {
    name: String,
    found: Rehearsal,
    findings: Vec<Finding>,
}

impl Report {
    /// Examines a device. The caller logs out.
    pub fn of(patient: &Patient<'_>, device: &mut dyn Describe, job: &Job, times: &Times) -> Report {
        // While there is one thread: the file is read by a process of its own.
        let last_off = patient.last_off(job, times);
        let mut findings: Vec<Finding> = device.host().map(of_host).into_iter().collect();
        let found = Rehearsal::run(device, job, times, patient.kinds, patient.pins);
        findings.extend(found.steps.iter().map(of_step));
        findings.extend(of_identity(&found, patient.pins));
        findings.extend(last_off);
        if job.cycle != Cycle::Never {
            findings.push(Finding::warning(
                "method=cycle leaves a reboot to the device, and off is proven only where the device shows that the power went",
                "method=onoff, the default, verifies off by itself",
            ));
        }
        findings.extend(found.plugs.iter().filter_map(|plug| of_state(&plug.name, plug.state.as_ref())));
        findings.extend(of_times(times));
        if found.steps.first().is_some_and(|step| step.trouble.is_none()) {
            let limit = times.shell.unwrap_or(READING_LIMIT).max(READING_LIMIT);
            match device.examine(Deadline::after(limit)) {
                Ok(more) => findings.extend(more),
                Err(error) => findings.push(Finding::warning(
                    format!("the device could not be examined: {error}"),
                    "run doctor again; if it stays so, the device answers unreliably",
                )),
            }
        }
        Report { name: patient.name.to_owned(), found, findings }
    }

    /// The worst that was found.
    pub fn severity(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Failure)
    }

    /// The exit code for it.
    pub fn code(&self) -> u8 {
        code(self.severity())
    }

    /// For people.
    pub fn text(&self, colourful: bool) -> String {
        let mut text = String::new();
        let about = self.found.about.facts();
        let about: Vec<String> = about.iter().map(|fact| format!("{} {}", fact.name, fact.value)).collect();
        let _ = writeln!(text, "{}", terminal::heading(&self.name, colourful));
        if !about.is_empty() {
            let _ = writeln!(text, "  {}", one_line(&about.join("; ")));
        }
        for finding in &self.findings {
            let word = terminal::severity(finding.severity, colourful);
            let _ = writeln!(text, "{word} {}", one_line(&finding.text));
            if !finding.remedy.is_empty() {
                let _ = writeln!(text, "         {}", one_line(&finding.remedy));
            }
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> String {
        let steps: Vec<Value> = self
            .found
            .steps
            .iter()
            .map(|step| {
                json!({
                    "step": step.what,
                    "seconds": step.took.as_secs_f64(),
                    "limit": step.limit.1.map(|limit| limit.as_secs_f64()),
                    "limited_by": step.limit.0,
                    "why": step.trouble.as_ref().map(ToString::to_string),
                })
            })
            .collect();
        let findings: Vec<Value> = self.findings.iter().map(finding).collect();
        let plugs: Vec<Value> = self.found.plugs.iter().map(plug).collect();
        let all = json!({
            "format": FORMAT,
            "agent": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "severity": self.severity().name(),
            "device": facts(&self.found.about.facts()),
            "plugs": plugs,
            "steps": steps,
            "findings": findings,
        });
        format!("{}\n", told::json(all, true))
    }
}

/// The exit code for the worst that was found.
pub fn code(severity: Severity) -> u8 {
    match severity {
        Severity::Fine | Severity::Advice => 0,
        Severity::Warning => WARNINGS,
        Severity::Failure => 1,
    }
}

/// A finding as an object.
pub(crate) fn finding(finding: &Finding) -> Value {
    json!({"severity": finding.severity.name(), "text": finding.text, "remedy": finding.remedy})
}

/// Whether the address is there without anybody's help.
fn of_host(host: &str) -> Finding {
    if net::literal(host, 0).is_some() {
        return Finding::fine(format!("{host} needs no name service"));
    }
    let started = Instant::now();
    match net::resolve(host, 0, Deadline::after(READING_LIMIT)) {
        Ok(_) => Finding::advice(
            format!("{host} is a name, which took {:.2} s to look up", started.elapsed().as_secs_f64()),
            "give an address, or keep the name in /etc/hosts of every node: the name service may be gone when it is needed",
        ),
        Err(error) => {
            Finding::failure(format!("{host}: {error}"), "give an address, or a name that can be looked up")
        }
    }
}

/// Whether the machine can be told from others.
fn of_identity(found: &Rehearsal, pins: &Pins) -> Option<Finding> {
    let told = found.plugs.iter().any(|plug| !plug.identity.is_empty());
    let is_off = found.plugs.iter().all(|plug| plug.state == Some(State::Off));
    match (pins.is_empty(), told) {
        (true, true) => Some(Finding::advice(
            "nothing says which machine is meant: whoever has this address is shot",
            "explain shows what the device tells of itself, and expect_uuid, expect_serial and the like pin it down",
        )),
        (false, true) if !is_off => Some(Finding::advice(
            "the identity was read while the power is on",
            "run doctor once while it is off: some devices don't tell it then, and every command would be refused",
        )),
        _ => None,
    }
}

/// How the last off compares with the limit.
fn of_last_off(took: Duration, times: &Times) -> Finding {
    let text = format!("the last off took {:.1} s until it was reported", took.as_secs_f64());
    match times.power {
        Some(limit) if took.saturating_mul(2) > limit => Finding::warning(
            format!("{text}, of {} s that power_timeout leaves", limit.as_secs()),
            format!("raise power_timeout to {}", roomy(took)),
        ),
        _ => Finding::fine(text),
    }
}

/// What one step says about the others like it.
fn of_step(step: &Step) -> Finding {
    let took = format!("{}: {:.2} s", step.what, step.took.as_secs_f64());
    let (option, limit) = step.limit;
    if let Some(trouble) = &step.trouble {
        return Finding::failure(
            format!("{}: {trouble}", step.what),
            "docs/troubleshooting.md tells what each message means",
        );
    }
    match limit {
        Some(limit) if step.took.saturating_mul(2) > limit => Finding::warning(
            format!("{took}, of {} s that {option} leaves", limit.as_secs_f64()),
            format!("raise {option} to {}", roomy(step.took)),
        ),
        _ => Finding::fine(took),
    }
}

/// Four times as long, in whole seconds.
fn roomy(took: Duration) -> u64 {
    took.saturating_mul(4).as_secs().saturating_add(1)
}

fn of_state(name: &str, state: Option<&State>) -> Option<Finding> {
    match state? {
        State::On | State::Off => None,
        State::Changing(word) => Some(Finding::warning(
            format!("{name} is neither on nor off: {word}"),
            "a machine that stays like this is waited for until power_timeout ends; look at the machine",
        )),
        State::Unknown(what) => Some(Finding::failure(
            format!("the state of {name} can't be read: {what}"),
            "without it nothing proves that the power is off",
        )),
        State::NoSuchPlug => {
            Some(Finding::failure(format!("the device has no plug {name}"), "see what the action list shows"))
        }
    }
}

/// What the time limits say by themselves.
fn of_times(times: &Times) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(power) = times.power
        && power < Duration::from_secs(10)
    {
        findings.push(Finding::warning(
            format!("power_timeout is {} s", power.as_secs()),
            "many machines take 5 s and more until they report off; the default is 20 s",
        ));
    }
    if !times.delay.is_zero() {
        findings.push(Finding::advice(
            format!("each off and reboot waits {} s before it begins, as delay says", times.delay.as_secs()),
            "pcmk_delay_base or priority-fencing-delay let the cluster decide when to wait",
        ));
    }
    findings
}
