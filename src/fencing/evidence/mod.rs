//! What an action did, written down for later: one line of JSON to a file and the same to the journal.
//!
//! A child process writes it, out of pieces that come while the action is under way. So a file system that hangs
//! delays nothing, and where the caller ends the agent, the child still has what came until then.

mod journal;
mod record;
mod recorder;
mod show;

use std::fs;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use log::warn;
use serde_json::{Map, Value, json};

pub use show::{last_off, shown};

use crate::base::{Told, told};
use crate::fencing::agent::{Action, Agent};
use crate::fencing::error::Error;
use crate::fencing::explain::limits;
use crate::fencing::options;
use crate::fencing::settings::Settings;
use crate::fencing::times::Times;
use crate::fencing::writer::Writer;

pub(crate) use recorder::Recorder;

/// The version of a line's form. Fields may be added to it; a field that changes its meaning, or goes, makes it the
/// next one. docs/evidence.md describes it.
pub const FORMAT: u32 = 1;

/// What a caller says of itself in the environment. None of these holds a secret.
const ENVIRONMENT: &[&str] =
    &["PCMK_service", "PCMK_cluster_type", "PCMK_node_name", "HA_cluster_type", "SUDO_USER"];

/// One action under way.
pub(crate) struct Evidence {
    writer: Writer,
    started: Instant,
}

impl Evidence {
    /// Begins the record of an action, where one is wanted. To be called while this process has one thread, and before
    /// a driver has taken its own share of the secrets: the child that writes forgets those of the settings.
    pub(crate) fn begin(
        agent: &Agent,
        name: &str,
        settings: &mut Settings,
        times: &Times,
        action: Action,
    ) -> Option<Evidence> {
        let path = settings.text(&options::EVIDENCE_FILE)?.to_owned();
        match Writer::start(&path, || settings.forget_secrets(), |reader| record::write(&path, reader)) {
            Ok(writer) => {
                let mut evidence = Evidence { writer, started: Instant::now() };
                evidence.tell("head", head(agent, name, settings, times, action));
                Some(evidence)
            }
            Err(error) => {
                warn!("{path} can't be written: {error}");
                None
            }
        }
    }

    /// One piece of the record.
    fn tell(&mut self, piece: &str, content: Value) {
        let mut line = told::json(json!({ piece: content }), false);
        line.push('\n');
        self.writer.write(line.as_bytes());
    }

    /// Seconds since the action began.
    fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Ends the record: with the exit code and, in words, what was reached or why not.
    pub(crate) fn end(mut self, code: u8, outcome: Result<&str, &Error>) {
        let (verdict, why) = match outcome {
            Ok(words) => ("done", words.to_owned()),
            Err(error) => ("failed", short(&error.to_string())),
        };
        let seconds = rounded(self.now());
        self.tell("end", json!({"verdict": verdict, "code": code, "why": why, "seconds": seconds}));
        self.writer.end();
    }
}

/// What is known before anything is asked.
fn head(agent: &Agent, name: &str, settings: &Settings, times: &Times, action: Action) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let limits: Map<String, Value> =
        limits(times).into_iter().map(|(name, value, _)| (name.to_owned(), value)).collect();
    let expected: Map<String, Value> = agent
        .options()
        .filter(|option| option.name.starts_with("expect_"))
        .filter_map(|option| Some((option.name.to_owned(), json!(settings.text(option)?))))
        .collect();
    let environment: Map<String, Value> = ENVIRONMENT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), json!(short(&std::env::var(name).ok()?)))))
        .collect();
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
    let parent_name = parent
        .and_then(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).ok())
        .map(|name| name.trim().to_owned());
    json!({
        "format": FORMAT,
        "unix": rounded(now.as_secs_f64()),
        "when": record::utc(now),
        "host": rustix::system::uname().nodename().to_string_lossy(),
        "pid": std::process::id(),
        "agent": name,
        "version": env!("CARGO_PKG_VERSION"),
        "action": action.name(),
        "proof": agent.proof.word(),
        "nodename": settings.node(),
        "address": if agent.has(&options::IP) { settings.address() } else { None },
        "plug": settings.plugs(),
        "by": {
            "uid": rustix::process::getuid().as_raw(),
            "parent": parent_name,
            "parent_pid": parent,
            "environment": environment,
        },
        "expected": expected,
        "limits": limits,
    })
}

/// To a thousandth.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Not longer than a record has room for, and harmless.
fn short(text: &str) -> String {
    Told::new(text).name()
}
