//! What a device was asked and what it answered, as pieces of the record.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Evidence, rounded, short};
use crate::fencing::describe::Describe;
use crate::fencing::device::Seen;
use crate::fencing::error::Error;
use crate::fencing::explain::{facts, identity};
use crate::fencing::knowledge::Identity;

/// Writes down what one device is asked.
pub(crate) struct Recorder<'a> {
    evidence: &'a mut Evidence,
    /// Who the plugs said they are, where somebody asked.
    told: BTreeMap<usize, Vec<Identity>>,
}

impl<'a> Recorder<'a> {
    /// For this record.
    pub(crate) fn new(evidence: &'a mut Evidence) -> Recorder<'a> {
        Recorder { evidence, told: BTreeMap::new() }
    }

    /// Seconds since the action began.
    pub(crate) fn now(&self) -> f64 {
        self.evidence.now()
    }

    /// Asks, and writes down what was asked, when, for how long, and the answer in the words that `words` finds.
    pub(crate) fn request<T>(
        &mut self,
        what: &str,
        request: impl FnOnce() -> Result<T, Error>,
        words: impl FnOnce(&T) -> String,
    ) -> Result<T, Error> {
        let at = self.evidence.now();
        let result = request();
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

    /// What a look has shown that was begun at `at`.
    pub(crate) fn states(&mut self, at: f64, seen: &[Seen]) {
        let words: Vec<String> = seen.iter().map(|seen| seen.state.to_string()).collect();
        let who: Vec<String> =
            seen.iter().filter_map(|seen| Some(seen.met.who.as_ref()?.to_string())).collect();
        let mut told = json!({"at": rounded(at), "states": words});
        if let (Some(told), false) = (told.as_object_mut(), who.is_empty()) {
            told.insert("who".to_owned(), who.into());
        }
        self.evidence.tell("states", told);
    }

    /// Who a plug said it is.
    pub(crate) fn identity(&mut self, plug: usize, told: &[Identity]) {
        self.told.insert(plug, told.to_vec());
    }

    /// What is known of the device by now.
    pub(crate) fn device(&mut self, device: &dyn Describe) {
        let plugs: Vec<Value> = (0..device.plug_count())
            .map(|plug| {
                let told = self.told.get(&plug).map(Vec::as_slice).unwrap_or_default();
                json!({
                    "plug": device.plug_name(plug),
                    "facts": facts(&device.plug_facts(plug)),
                    "identity": told.iter().map(identity).collect::<Vec<_>>(),
                })
            })
            .collect();
        let known = facts(&device.known().facts());
        self.evidence.tell("device", json!({"device": known, "plugs": plugs}));
    }
}
