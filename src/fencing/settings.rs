//! The options of one run: what was given, checked, with the defaults of the name the agent was called by.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::net::{self, BadHost};
use crate::base::{Secret, Told, told};
use crate::fencing::agent::{Action, Agent, Plugs};
use crate::fencing::error::Error;
use crate::fencing::option::{Kind, Opt};
use crate::fencing::options;
use crate::fencing::pins::Pins;
use crate::fencing::times::called_by_a_cluster;

/// Where the options came from: messages name an option as the user wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Arguments,
    /// Standard input.
    Stdin,
}

/// How many characters of a value that is wrong are shown.
const SHOWN: usize = 100;

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

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Settings {
    /// No options yet, for this agent under this name.
    pub fn new(agent: &Agent, name: &str, source: Source) -> Settings {
        let defaults = agent
            .options()
            .filter_map(|option| agent.default_as(name, option).map(|default| (option.name, default)))
            .collect();
        Settings { defaults, given: BTreeMap::new(), source, verbosity: 0, node: None }
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
        self.given.insert(option.name, Value::Open(text.to_owned()));
        Ok(())
    }

    /// Drops every secret, for a copy of this process that needs none.
    pub fn forget_secrets(&mut self) {
        told::forget();
        self.given.retain(|_, value| matches!(value, Value::Open(_)));
    }

    /// Sees to it that nothing that others say shows one of the secrets.
    pub fn keep_secrets_out(&self) {
        self.given.values().for_each(|value| match value {
            Value::Hidden(secret) => told::keep_out(secret),
            Value::Open(_) => {}
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

    /// The value as text: given or default.
    pub fn text(&self, option: &Opt) -> Option<&str> {
        match self.given.get(option.name) {
            Some(Value::Open(text)) => Some(text),
            Some(Value::Hidden(_)) => None,
            None => self.defaults.get(option.name).copied(),
        }
    }

    /// The value as a secret.
    pub fn secret(&self, option: &Opt) -> Option<&Secret> {
        match self.given.get(option.name) {
            Some(Value::Hidden(secret)) => Some(secret),
            _ => None,
        }
    }

    /// The value as a whole number; `None` where there is none, or it isn't one.
    pub fn integer(&self, option: &Opt) -> Option<u32> {
        self.text(option).and_then(|text| text.parse().ok())
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

    /// Checks every value against its kind, and what must be given for this action.
    pub fn check(&self, agent: &Agent, action: Action) -> Result<(), Error> {
        self.check_values(agent)?;
        self.check_rehearsal(action)?;
        if action == Action::Evidence {
            return self.check_evidence();
        }
        self.check_address(agent)?;
        self.check_plug(agent, action)?;
        Pins::of(agent, self)?;
        (agent.check)(self)
    }

    /// Checks every value that was given against its kind.
    pub fn check_values(&self, agent: &Agent) -> Result<(), Error> {
        for option in agent.options() {
            if let Some(Value::Open(text)) = self.given.get(option.name) {
                check_value(option, text).map_err(|why| Error::bad_input(self.called(option), why))?;
            }
        }
        Ok(())
    }

    /// Whether a cluster seems to ask: what it takes for fencing must be nothing else.
    fn for_a_cluster(&self) -> bool {
        called_by_a_cluster() || (self.source == Source::Stdin && self.node.is_some())
    }

    /// A rehearsal must never stand in a cluster's configuration: it would take it for fencing.
    fn check_rehearsal(&self, action: Action) -> Result<(), Error> {
        let option = match (self.for_a_cluster(), self.is_on(&options::EXPLAIN), action.is_for_people()) {
            (true, true, _) => options::EXPLAIN,
            (true, false, true) => options::ACTION,
            _ => return Ok(()),
        };
        let why = "this is a rehearsal and fences nothing, so it can't be part of a cluster's configuration";
        Err(Error::bad_input(self.called(&option), why))
    }

    /// The option that asks for words about the agent and for nothing else, where one is on: help or version.
    ///
    /// # Errors
    /// It stands beside an action on standard input, or a cluster asks: whoever gets exit code 0 there believes that the
    /// action is done.
    pub fn asked_about_itself(&self, agent: &Agent) -> Result<Option<Opt>, Error> {
        let asked = [options::HELP, options::VERSION].into_iter().find(|option| self.is_on(option));
        let Some(option) = asked else { return Ok(None) };
        let beside = self.source == Source::Stdin && self.is_given(&options::ACTION);
        if !beside && !self.for_a_cluster() {
            return Ok(Some(option));
        }
        let snmp = agent.options().any(|other| other.name == "snmp_version");
        let hint = match option.name == options::VERSION.name && snmp {
            true => "; the version of SNMP is snmp_version",
            false => "",
        };
        let why = format!("it does nothing but print, so it can't stand beside an action{hint}");
        Err(Error::bad_input(self.called(&option), why))
    }

    /// What the agent says about itself is no answer to a cluster that wants something done to a node.
    ///
    /// # Errors
    /// It is asked for with a node's name, as by `pcmk_off_action=metadata`.
    pub fn check_about_itself(&self) -> Result<(), Error> {
        match self.source == Source::Stdin && self.node.is_some() {
            false => Ok(()),
            true => Err(Error::bad_input(self.called(&options::ACTION), "this fences nothing")),
        }
    }

    fn check_evidence(&self) -> Result<(), Error> {
        if self.is_given(&options::EVIDENCE_FILE) {
            return Ok(());
        }
        let why = "the file to show is missing";
        Err(Error::bad_input(self.called(&options::EVIDENCE_FILE), why))
    }

    fn check_address(&self, agent: &Agent) -> Result<(), Error> {
        if !agent.has(&options::IP) {
            return Ok(());
        }
        if let Some(address) = self.address() {
            // The agent itself knows what else may stand there.
            let takes_port = agent.options().any(|option| option.takes_port);
            return if takes_port { Ok(()) } else { self.check_host(address) };
        }
        if self.is_on(&options::PORT_AS_IP) {
            let why = format!("needed as the address, because of {}", self.called(&options::PORT_AS_IP));
            return Err(Error::bad_input(self.called(&options::PLUG), why));
        }
        Err(Error::bad_input(self.called(&options::IP), "the address of the fence device is missing"))
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

    fn check_plug(&self, agent: &Agent, action: Action) -> Result<(), Error> {
        match agent.plugs {
            // On the command line nobody gives a plug by habit, so there it is a mistake.
            Plugs::One => {
                let stray = self.source == Source::Arguments
                    && self.is_given(&options::PLUG)
                    && !self.is_on(&options::PORT_AS_IP);
                if stray {
                    let why = format!("means nothing here without {}", self.called(&options::PORT_AS_IP));
                    return Err(Error::bad_input(self.called(&options::PLUG), why));
                }
                Ok(())
            }
            Plugs::Many => {
                let needed = matches!(
                    action,
                    Action::On
                        | Action::Off
                        | Action::Reboot
                        | Action::Status
                        | Action::Diag
                        | Action::ValidateAll
                );
                if needed && self.plugs().is_empty() {
                    return Err(Error::bad_input(
                        self.called(&options::PLUG),
                        "the plug to act on is missing",
                    ));
                }
                Ok(())
            }
            Plugs::Node => Ok(()),
        }
    }

    /// Each option that was given and has no effect here.
    pub fn without_effect<'a>(&'a self, agent: &'a Agent) -> impl Iterator<Item = String> + 'a {
        agent
            .options()
            .filter(|option| option.no_effect && self.is_given(option))
            .map(|option| self.called(option))
    }
}

/// Whether an empty value, such as a script's variable that isn't set, is a mistake to be told: the default action
/// switches a machine off, and without the options that say which machine is meant it may be another one.
fn keeps_empty(option: &Opt) -> bool {
    option.name == options::ACTION.name || option.name.starts_with("expect_")
}

impl Agent {
    /// Whether the agent has this option.
    pub fn has(&self, option: &Opt) -> bool {
        self.options().any(|own| own.name == option.name)
    }
}

/// What is wrong with a value for an option, in words that follow its name.
fn check_value(option: &Opt, text: &str) -> Result<(), String> {
    let wrong = match option.kind {
        Kind::Text | Kind::Secret => return Ok(()),
        Kind::Switch | Kind::Truth if truth(text).is_some() => return Ok(()),
        Kind::Switch | Kind::Truth => "is neither true nor false".to_owned(),
        Kind::Integer { min, max } => match whole_number(text) {
            Some(number) if (min..=max).contains(&number) => return Ok(()),
            Some(_) => format!("is out of range: {min} to {max}"),
            None => "is not a whole number".to_owned(),
        },
        Kind::Seconds if whole_number(text).is_some() => return Ok(()),
        Kind::Seconds => "is not a number of whole seconds".to_owned(),
        Kind::Choice(words) if words.iter().any(|word| word.eq_ignore_ascii_case(text)) => return Ok(()),
        Kind::Choice(words) => format!("is none of {}", words.join(", ")),
    };
    Err(format!("'{}' {wrong}", Told::at_most(SHOWN, text)))
}

/// Digits and nothing else, and not more than fits.
fn whole_number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
