//! Whether what was given makes sense: for each option by itself, for the action, and for whoever asks. Nothing is asked of
//! the device.

use crate::base::Told;
use crate::fencing::agent::{Action, Agent, Plugs};
use crate::fencing::caller;
use crate::fencing::error::Error;
use crate::fencing::option::{Kind, Opt};
use crate::fencing::options;
use crate::fencing::pins::Pins;
use crate::fencing::settings::{Settings, Source, truth};

/// How many characters of a value that is wrong are shown.
const SHOWN: usize = 100;

impl Settings {
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
            if let Some(text) = self.given_text(option) {
                check_value(option, text).map_err(|why| Error::bad_input(self.called(option), why))?;
            }
        }
        Ok(())
    }

    /// Whether a cluster seems to ask: what it takes for fencing must be nothing else.
    fn for_a_cluster(&self) -> bool {
        caller::is_a_cluster() || (self.source() == Source::Stdin && self.node().is_some())
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
        let beside = self.source() == Source::Stdin && self.is_given(&options::ACTION);
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
        match self.source() == Source::Stdin && self.node().is_some() {
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

    fn check_plug(&self, agent: &Agent, action: Action) -> Result<(), Error> {
        match agent.plugs {
            // On the command line nobody gives a plug by habit, so there it is a mistake.
            Plugs::One => {
                let stray = self.source() == Source::Arguments
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
