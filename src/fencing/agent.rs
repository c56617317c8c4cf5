//! What an agent declares about itself: one value from which parsing, help, metadata and man page are made.

use std::fmt;

use crate::fencing::describe::Describe;
use crate::fencing::error::Error;
use crate::fencing::option::Opt;
use crate::fencing::proof::Proof;
use crate::fencing::settings::{Settings, Source};
use crate::fencing::times::Times;

/// One agent: its names, its options, its actions, its texts, and how it reaches its device.
pub struct Agent {
    /// The name of the binary, and of the agent when called by it.
    pub name: &'static str,
    /// One line: what the agent fences with.
    pub shortdesc: &'static str,
    /// A paragraph or two for metadata and man page.
    pub longdesc: &'static str,
    /// The vendor's page, or empty.
    pub vendor_url: &'static str,
    /// Commands that work as they stand once address, user, secret and plug are the reader's own; without the name in
    /// front. Help and man page show them, and a test runs each.
    pub examples: &'static [&'static str],
    /// Other names of the same binary, told apart by `argv[0]`.
    pub aliases: &'static [Alias],
    /// Every option in groups, of which [`options`](crate::fencing::options) has those that several agents share, in the
    /// order in which help and metadata show them.
    pub options: &'static [&'static [Opt]],
    /// Option names and the defaults they have here, in the place of those of a shared group.
    pub defaults: &'static [(&'static str, &'static str)],
    /// The actions on offer, in the order in which the metadata names them.
    pub actions: &'static [Action],
    /// Actions that work when asked for and stay out of the metadata, because a caller that saw them there
    /// would use them unasked.
    pub unadvertised: &'static [Action],
    /// The action where none is given: reboot, or off where the agent cuts a path and not the power.
    pub default_action: Action,
    /// How the metadata marks `on`: whether the cluster runs it by itself, and on the node itself.
    pub unfencing: Unfencing,
    /// What `plug` means to this agent.
    pub plugs: Plugs,
    /// What its success of `off` rests on.
    pub proof: Proof,
    /// What one look at the input can tell without asking the device: called for every action that would
    /// contact it, and for validate-all.
    pub check: fn(&Settings) -> Result<(), Error>,
    /// The driver for these settings. Contacts nothing yet.
    pub open: Open,
}

/// Makes a driver from the settings and time limits of one run.
pub type Open = fn(&Settings, &Times) -> Result<Box<dyn Describe>, Error>;

/// Another name of an agent, with defaults of its own.
pub struct Alias {
    /// The name, as in `argv[0]`.
    pub name: &'static str,
    /// One line: what the agent fences with, under this name.
    pub shortdesc: &'static str,
    /// Option names and the defaults they have under this name.
    pub defaults: &'static [(&'static str, &'static str)],
}

/// Agents that speak the same protocols and live in one program: its name is that of the first, and all their other
/// names are links to it.
pub struct Family {
    /// What packages call it: `ipmi` in fence-agents-rs-ipmi.
    pub package: &'static str,
    /// What its agents have in common, in a few words.
    pub title: &'static str,
    /// Its agents.
    pub agents: &'static [&'static Agent],
    /// Names of the program that are no agents. They belong outside /usr/sbin, where a cluster would take them for such.
    pub checks: &'static [&'static str],
}

impl Family {
    /// The name of the program.
    pub fn program(&self) -> &'static str {
        self.agents.first().map_or("", |agent| agent.name)
    }

    /// Every name that is an agent, with the agent.
    pub fn names(&self) -> impl Iterator<Item = (&'static Agent, &'static str)> {
        self.agents.iter().flat_map(|agent| agent.names().map(|name| (*agent, name)))
    }

    /// The agent of this name.
    pub fn find(&self, name: &str) -> Option<(&'static Agent, &'static str)> {
        self.names().find(|(_, own)| *own == name)
    }
}

/// How the metadata marks the action `on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfencing {
    /// The cluster doesn't switch on by itself.
    None,
    /// The cluster runs `on` when a node joins.
    Automatic,
    /// The cluster runs `on` when a node joins, on that node.
    AutomaticOnTarget,
}

/// What `plug` means to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugs {
    /// One machine for each address. `plug` is then the node's name that the cluster always sends, and is
    /// ignored unless `port_as_ip` makes it the address.
    One,
    /// The device has several: `plug` is required wherever something is done to it.
    Many,
    /// The device has several, or is one machine's, which only it can tell: its driver refuses what it can't do without.
    Perhaps,
    /// `plug` is a node of the cluster, and `nodename` says the same: the agent's own check tells what it needs.
    Node,
}

/// Everything an agent can be asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Power on, or open the path again.
    On,
    /// Power off, or close the path.
    Off,
    /// Off, verified, then on.
    Reboot,
    /// Tell the state of the plug.
    Status,
    /// Tell whether fencing through this device would work.
    Monitor,
    /// Name the plugs.
    List,
    /// Name the plugs with their states.
    ListStatus,
    /// Send a diagnostic interrupt.
    Diag,
    /// Find out whether fencing would work, changing nothing.
    Doctor,
    /// Show what earlier actions have done, from the file that they wrote.
    Evidence,
    /// Check the input, contact nothing.
    ValidateAll,
    /// Print the metadata.
    Metadata,
    /// Print the man page.
    Manpage,
    /// Print the completion for bash.
    Completion,
}

/// Each action's names as a user writes them, the first being the one the metadata shows.
const ACTION_NAMES: &[(Action, &[&str])] = &[
    (Action::On, &["on"]),
    (Action::Off, &["off"]),
    (Action::Reboot, &["reboot"]),
    (Action::Status, &["status"]),
    (Action::Monitor, &["monitor"]),
    (Action::List, &["list"]),
    (Action::ListStatus, &["list-status"]),
    (Action::Diag, &["diag"]),
    (Action::Doctor, &["doctor"]),
    (Action::Evidence, &["evidence"]),
    (Action::ValidateAll, &["validate-all"]),
    (Action::Metadata, &["metadata", "meta-data"]),
    (Action::Manpage, &["manpage"]),
    (Action::Completion, &["completion"]),
];

impl Action {
    /// The name that the metadata shows.
    pub fn name(self) -> &'static str {
        ACTION_NAMES
            .iter()
            .find(|(action, _)| *action == self)
            .and_then(|(_, names)| names.first().copied())
            .unwrap_or_default()
    }

    /// Whether the action changes something on the device.
    pub fn changes(self) -> bool {
        matches!(self, Action::On | Action::Off | Action::Reboot | Action::Diag)
    }

    /// Whether the action is for people alone: a cluster that ran it would take a rehearsal for fencing.
    pub fn is_for_people(self) -> bool {
        matches!(self, Action::Doctor | Action::Evidence)
    }
}

impl Agent {
    /// Every option, one after the other.
    pub fn options(&self) -> impl Iterator<Item = &'static Opt> + use<> {
        self.options.iter().copied().flatten()
    }

    /// Whether the agent has this option.
    pub fn has(&self, option: &Opt) -> bool {
        self.options().any(|own| own.name == option.name)
    }

    /// No options yet, with the defaults of this name.
    pub fn settings(&self, name: &str, source: Source) -> Settings {
        let default = |option: &Opt| Some((option.name, self.default_as(name, option)?));
        Settings::new(self.options().filter_map(default), source)
    }

    /// Every name of the agent: its own, then its aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().map(|alias| alias.name))
    }

    /// The alias called so, if it is one.
    pub fn alias(&self, name: &str) -> Option<&'static Alias> {
        self.aliases.iter().find(|alias| alias.name == name)
    }

    /// The one-line description under this name.
    pub fn shortdesc_as(&self, name: &str) -> &'static str {
        self.alias(name).map_or(self.shortdesc, |alias| alias.shortdesc)
    }

    /// The default of an option under this name.
    pub fn default_as(&self, name: &str, option: &Opt) -> Option<&'static str> {
        let of = |defaults: &[(&str, &'static str)]| {
            defaults.iter().find(|(option_name, _)| *option_name == option.name).map(|(_, default)| *default)
        };
        self.alias(name).and_then(|alias| of(alias.defaults)).or_else(|| of(self.defaults)).or(option.default)
    }

    /// The action that a word names: in any case; `enable` and `disable` where the agent cuts a path.
    pub fn action(&self, word: &str) -> Result<Action, Error> {
        let word = word.to_ascii_lowercase();
        let wanted = match word.as_str() {
            "enable" if self.is_fabric() => "on",
            "disable" if self.is_fabric() => "off",
            other => other,
        };
        let action = ACTION_NAMES
            .iter()
            .find(|(_, names)| names.contains(&wanted))
            .map(|(action, _)| *action)
            .ok_or_else(|| Error::UnknownAction { action: word.clone() })?;
        if action == Action::Completion
            || self.actions.contains(&action)
            || self.unadvertised.contains(&action)
        {
            Ok(action)
        } else {
            Err(Error::UnsupportedAction { action: action.name() })
        }
    }

    /// Whether the agent cuts a path (a port, a disk) and not the power.
    pub fn is_fabric(&self) -> bool {
        self.default_action == Action::Off
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
