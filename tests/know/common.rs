//! What a row of the table is.

use std::any::Any;
use std::time::Duration;

use peers::Agent;
use serde_json::Value;

/// One agent, and a device for it of its own.
pub(crate) struct Subject {
    /// For messages.
    pub(crate) name: &'static str,
    /// The agent, by its name or by the path of a program that runs it.
    pub(crate) agent: &'static str,
    /// Where its device is, and how it logs in.
    pub(crate) options: Vec<(&'static str, String)>,
    /// The actions that send commands, and that this agent has.
    pub(crate) actions: &'static [&'static str],
    /// Whether the option ip says where the device is.
    pub(crate) has_address: bool,
    /// Each option that says which machine is meant, with the right value and a wrong one.
    pub(crate) pins: Vec<(&'static str, String, String)>,
    /// What explain says of this device.
    pub(crate) told: Vec<&'static str>,
    /// What must be shown nowhere.
    pub(crate) secrets: Vec<&'static str>,
    /// The exit code of doctor while all is well: 0, or 3 for what this device can't do better.
    pub(crate) health: i32,
    /// How many commands have reached the device.
    pub(crate) sent: Box<dyn Fn() -> usize>,
    /// Whether the machine, or the path, is on: the truth.
    pub(crate) is_on: Box<dyn Fn() -> bool>,
    /// The device itself.
    pub(crate) _device: Box<dyn Any>,
}

impl Subject {
    /// The agent, about to do this, asked as a cluster asks.
    pub(crate) fn agent(&self, action: &str) -> Agent {
        Agent::called(self.agent, self.agent)
            .options([("action", action)])
            .options(self.options.iter().map(|(name, value)| (*name, value.as_str())))
            .limit(Duration::from_secs(120))
    }

    /// The actions that send commands.
    pub(crate) fn commands(&self) -> &'static [&'static str] {
        self.actions
    }
}

/// What a program printed for programs.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
