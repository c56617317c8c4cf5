//! A device whose every answer is written down.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Evidence, rounded, short};
use crate::base::Deadline;
use crate::fencing::device::{Answer, Device, Outlet, Seen, forwarded};
use crate::fencing::error::Error;
use crate::fencing::explain::{facts, identity};
use crate::fencing::knowledge::{About, Command, Fact, Finding, Identity, IdentityKind};
use crate::fencing::state::Power;
use crate::fencing::who::Met;

/// A device, and the record of what it is asked.
pub(crate) struct Recorded<'a> {
    device: &'a mut dyn Device,
    evidence: &'a mut Evidence,
    /// Who the plugs said they are, where somebody asked.
    told: BTreeMap<usize, Vec<Identity>>,
}

impl<'a> Recorded<'a> {
    /// Writes down what this device is asked.
    pub(crate) fn new(device: &'a mut dyn Device, evidence: &'a mut Evidence) -> Recorded<'a> {
        Recorded { device, evidence, told: BTreeMap::new() }
    }

    /// Asks, and writes down what was asked, when, for how long, and the answer in the words that `words` finds.
    fn ask<T>(
        &mut self,
        what: String,
        request: impl FnOnce(&mut dyn Device) -> Result<T, Error>,
        words: impl FnOnce(&T) -> String,
    ) -> Result<T, Error> {
        let at = self.evidence.now();
        let result = request(self.device);
        let (worked, answer) = match &result {
            Ok(value) => (true, words(value)),
            Err(error) => (false, error.to_string()),
        };
        let took = rounded(self.evidence.now() - at);
        let piece = json!({
            "at": rounded(at), "took": took, "what": what, "worked": worked, "answer": short(&answer),
        });
        self.evidence.tell("request", piece);
        result
    }

    /// What is known of the device by now.
    fn tell_device(&mut self) {
        let plugs: Vec<Value> = (0..self.device.plug_count())
            .map(|plug| {
                let told = self.told.get(&plug).map(Vec::as_slice).unwrap_or_default();
                json!({
                    "plug": self.device.plug_name(plug),
                    "facts": facts(&self.device.plug_facts(plug)),
                    "identity": told.iter().map(identity).collect::<Vec<_>>(),
                })
            })
            .collect();
        let device = facts(&self.device.known().facts());
        self.evidence.tell("device", json!({"device": device, "plugs": plugs}));
    }
}

fn in_words(seen: &[Seen]) -> String {
    seen.iter().map(|seen| seen.state.to_string()).collect::<Vec<_>>().join(", ")
}

fn answered(answer: &Answer) -> String {
    match answer {
        Answer::Accepted => "acknowledged".to_owned(),
        Answer::NotInThisState(word) => format!("refused in the present state: {word}"),
    }
}

impl Device for Recorded<'_> {
    forwarded![
        plug_name,
        plug_count,
        met,
        complaint,
        tells_already,
        host,
        known,
        about,
        plug_facts,
        plan,
        examine
    ];

    fn connect(&mut self, by: Deadline) -> Result<(), Error> {
        self.ask("connect".to_owned(), |device| device.connect(by), |()| "connected".to_owned())
    }

    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        let found = self.ask("find".to_owned(), |device| device.resolve(names, by), |()| "found".to_owned());
        self.tell_device();
        found
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let at = self.evidence.now();
        let seen = self.ask("look".to_owned(), |device| device.look(by), |seen| in_words(seen))?;
        let words: Vec<String> = seen.iter().map(|seen| seen.state.to_string()).collect();
        let who: Vec<String> =
            seen.iter().filter_map(|seen| Some(seen.met.who.as_ref()?.to_string())).collect();
        let mut told = json!({"at": rounded(at), "states": words});
        if let (Some(told), false) = (told.as_object_mut(), who.is_empty()) {
            told.insert("who".to_owned(), who.into());
        }
        self.evidence.tell("states", told);
        Ok(seen)
    }

    fn look_readable(&mut self, by: Deadline) -> Result<(), Error> {
        self.ask("look".to_owned(), |device| device.look_readable(by), |()| "readable".to_owned())
    }

    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        let what = format!("switch {to} {}", self.device.plug_name(plug));
        self.ask(what, |device| device.switch(plug, to, by), answered)
    }

    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let count = |outlets: &Vec<Outlet>| format!("{} plugs", outlets.len());
        self.ask("list".to_owned(), |device| device.list(with_state, by), count)
    }

    fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        self.ask("monitor".to_owned(), |device| device.monitor(by), |()| "readable".to_owned())
    }

    fn diag(&mut self, by: Deadline) -> Result<String, Error> {
        self.ask("diagnostic interrupt".to_owned(), |device| device.diag(by), String::clone)
    }

    fn cycle(&mut self, by: Deadline) -> Result<Answer, Error> {
        self.ask("power cycle".to_owned(), |device| device.cycle(by), answered)
    }

    fn power_mark(&mut self, by: Deadline) -> Result<Option<String>, Error> {
        let words = |mark: &Option<String>| mark.clone().unwrap_or_else(|| "none is kept".to_owned());
        self.ask("last power change".to_owned(), |device| device.power_mark(by), words)
    }

    fn identity(
        &mut self,
        plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        let words = |told: &Vec<Identity>| {
            told.iter()
                .map(|one| format!("{} {} ({})", one.kind.name(), one.value, one.source))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let what = format!("identity of {}", self.device.plug_name(plug));
        let told = self.ask(what, |device| device.identity(plug, kinds, by), words)?;
        self.told.insert(plug, told.clone());
        Ok(told)
    }

    fn close(&mut self) {
        self.tell_device();
        self.device.close();
    }
}
