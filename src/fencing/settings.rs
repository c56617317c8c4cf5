//! The options of one run: what was given, with the defaults of the name the agent was called by. Whether it makes sense
//! is the business of [`input`](crate::fencing::input).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::net::{self, BadHost};
use crate::base::{Secret, told};
use crate::fencing::error::Error;
use crate::fencing::option::{Kind, Opt};
use crate::fencing::options;

/// Where the options came from: messages name an option as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Arguments,
    /// Standard input.
    Stdin,
}

/// The words for true and for false, in any case.
const TRUTHS: &[(&str, bool)] = &[
    ("1", true),
    ("yes", true),
    ("on", true),
    ("true", true),
    ("0", false),
    ("no", false),
    ("off", false),
    ("false", false),
];

/// The truth that a word names.
pub fn truth(word: &str) -> Option<bool> {
    TRUTHS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| *value)
}

/// A value as it was given.
#[derive(Clone, Debug)]
enum Value {
    /// To be shown when it is wrong.
    Open(String),
    /// Never to be shown.
    Hidden(Secret),
    /// A path, and what was read there, never to be shown.
    File(String, Option<Secret>),
}

/// The options of one run.
#[derive(Clone, Debug)]
pub struct Settings {
    defaults: BTreeMap<&'static str, &'static str>,
    given: BTreeMap<&'static str, Value>,
    source: Source,
    verbosity: u32,
    node: Option<String>,
}

impl Settings {
    /// No options yet, for an agent with these defaults: option names and values.
    pub fn new(defaults: impl IntoIterator<Item = (&'static str, &'static str)>, source: Source) -> Settings {
        let defaults = defaults.into_iter().collect();
        Settings { defaults, given: BTreeMap::new(), source, verbosity: 0, node: None }
    }

    /// Where the options came from.
    pub fn source(&self) -> Source {
        self.source
    }

    /// How the user wrote this option.
    pub fn called(&self, option: &Opt) -> String {
        match self.source {
            Source::Arguments => format!("--{}", option.long),
            Source::Stdin => option.name.to_owned(),
        }
    }

    /// Takes one value; the last one for an option wins. An empty value is the same as none, except where none means
    /// that something happens which nobody may have wanted: see [`keeps_empty`].
    pub fn set(&mut self, option: &Opt, value: &[u8]) -> Result<(), Error> {
        if value.is_empty() && !keeps_empty(option) {
            self.given.remove(option.name);
            return Ok(());
        }
        if option.is_secret() {
            self.given.insert(option.name, Value::Hidden(Secret::new(value)));
            return Ok(());
        }
        let text = std::str::from_utf8(value)
            .map_err(|_| Error::bad_input(self.called(option), "this value isn't valid UTF-8"))?;
        let text = text.to_owned();
        let value = if option.kind == Kind::SecretFile { Value::File(text, None) } else { Value::Open(text) };
        self.given.insert(option.name, value);
        Ok(())
    }

    /// Takes what was read in the file that an option names.
    pub(crate) fn set_content(&mut self, option: &Opt, content: Secret) {
        let path = self.text(option).unwrap_or_default().to_owned();
        self.given.insert(option.name, Value::File(path, Some(content)));
    }

    /// Drops every secret, for a copy of this process that needs none.
    pub fn forget_secrets(&mut self) {
        told::forget();
        self.given.retain(|_, value| match value {
            Value::Open(_) => true,
            Value::Hidden(_) => false,
            Value::File(_, content) => {
                *content = None;
                true
            }
        });
    }

    /// Sees to it that nothing that others say shows one of the secrets.
    pub fn keep_secrets_out(&self) {
        self.given.values().for_each(|value| match value {
            Value::Hidden(secret) | Value::File(_, Some(secret)) => told::keep_out(secret),
            Value::Open(_) | Value::File(_, None) => {}
        });
    }

    /// Remembers that `verbose` was given once more.
    pub fn add_verbosity(&mut self, times: u32) {
        self.verbosity = self.verbosity.saturating_add(times);
    }

    /// The node's name that the cluster sent, for agents that use it.
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    /// Remembers the node's name that the cluster sent.
    pub fn set_node(&mut self, node: &str) {
        self.node = Some(node.to_owned()).filter(|node| !node.is_empty());
    }

    /// Whether somebody gave a value, be it the same as the default.
    pub fn is_given(&self, option: &Opt) -> bool {
        self.given.contains_key(option.name)
    }

    /// The value as it was given, where one was that may be shown.
    pub fn given_text(&self, option: &Opt) -> Option<&str> {
        match self.given.get(option.name) {
            Some(Value::Open(text) | Value::File(text, _)) => Some(text),
            _ => None,
        }
    }

    /// The value as text: given or default.
    pub fn text(&self, option: &Opt) -> Option<&str> {
        match self.given.get(option.name) {
            Some(Value::Open(text) | Value::File(text, _)) => Some(text),
            Some(Value::Hidden(_)) => None,
            None => self.defaults.get(option.name).copied(),
        }
    }

    /// The value as a secret: given as such, or read in the file that the option names.
    pub fn secret(&self, option: &Opt) -> Option<&Secret> {
        match self.given.get(option.name) {
            Some(Value::Hidden(secret) | Value::File(_, Some(secret))) => Some(secret),
            _ => None,
        }
    }

    /// The value as a whole number; `None` where there is none, or it isn't one.
    pub fn integer(&self, option: &Opt) -> Option<u32> {
        self.text(option).and_then(|text| text.parse().ok())
    }

    /// The port at which the device listens; this one where none is given.
    pub fn port(&self, default: u16) -> u16 {
        self.integer(&options::IPPORT).and_then(|port| port.try_into().ok()).unwrap_or(default)
    }

    /// The value as a time.
    pub fn seconds(&self, option: &Opt) -> Option<Duration> {
        self.integer(option).map(|seconds| Duration::from_secs(seconds.into()))
    }

    /// The value as a truth; `None` where nobody gave one and there is no default.
    pub fn truth(&self, option: &Opt) -> Option<bool> {
        self.text(option).and_then(truth)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, option: &Opt) -> bool {
        self.truth(option).unwrap_or(false)
    }

    /// The word of a [`Kind::Choice`], spelt as declared.
    pub fn choice(&self, option: &Opt) -> Option<&'static str> {
        let Kind::Choice(words) = option.kind else { return None };
        let text = self.text(option)?;
        words.iter().find(|word| word.eq_ignore_ascii_case(text)).copied()
    }

    /// How much to tell: 0, 1 or 2 and more.
    pub fn verbose_level(&self) -> u32 {
        self.integer(&options::VERBOSE_LEVEL)
            .unwrap_or(if self.verbosity == 0 && self.is_on(&options::VERBOSE) { 1 } else { self.verbosity })
    }

    /// The plugs as given, split at the separator.
    pub fn plugs(&self) -> Vec<String> {
        let separator = self.text(&options::PLUG_SEPARATOR).unwrap_or(",");
        self.text(&options::PLUG)
            .map(|plugs| {
                plugs
                    .split(separator)
                    .map(str::trim)
                    .filter(|plug| !plug.is_empty())
                    .map(str::to_owned)
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The address that the settings name: `ip`, or the plug where `port_as_ip` says so.
    pub fn address(&self) -> Option<&str> {
        if self.is_on(&options::PORT_AS_IP) { self.text(&options::PLUG) } else { self.text(&options::IP) }
    }

    /// Checks a host that stands in the address, as far as that goes without asking anybody.
    ///
    /// # Errors
    /// Bad input on the option that gives the address.
    pub fn check_host(&self, host: &str) -> Result<(), Error> {
        let option = if self.is_on(&options::PORT_AS_IP) { options::PLUG } else { options::IP };
        net::check(host).map_err(|bad| {
            let port = self.called(&options::IPPORT);
            let why = if bad == BadHost::WithPort {
                format!("the port belongs into {port}")
            } else {
                bad.to_string()
            };
            Error::bad_input(self.called(&option), why)
        })
    }
}

/// Whether an empty value, such as a script's variable that isn't set, is a mistake to be told: the default action
/// switches a machine off, and without the options that say which machine is meant it may be another one.
fn keeps_empty(option: &Opt) -> bool {
    option.name == options::ACTION.name || option.name.starts_with("expect_")
}
