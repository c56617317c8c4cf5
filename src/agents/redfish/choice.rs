//! Which member of Systems is meant. Choosing wrongly would kill a healthy machine and leave the dead one its disks,
//! so whatever isn't clear is an error that lists what there is.

use log::{info, warn};

use super::words::harmless;
use crate::fencing::Error;
use crate::protocols::redfish::System;

/// What the settings say about which machine is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The one that stands at this URI.
    Place(String),
    /// The one that is called so, by an option that is there for nothing else.
    Named(String),
    /// The only one; among several the one that the plug names, if it does. Clusters send a node's name as plug
    /// whether it means anything here or not.
    Only {
        /// The plug.
        plug: Option<String>,
    },
}

/// What the service's Systems hold.
#[derive(Default)]
pub(super) struct Members {
    /// Those that could be read.
    pub(super) readable: Vec<System>,
    /// Why the others could not.
    pub(super) unreadable: Vec<(String, Error)>,
}

/// `SystemType` of what is no machine of its own (ComputerSystem schema): it runs on one, or is a part of one.
const NO_MACHINES: &[&str] = &["Virtual", "VirtuallyPartitioned", "OS", "DPU"];

/// Whether a member can be what somebody means who names none.
pub(super) fn is_candidate(system: &System) -> bool {
    is_machine(system) && system.reset.is_some()
}

fn is_machine(system: &System) -> bool {
    system.system_type.as_deref().is_none_or(|kind| !NO_MACHINES.contains(&kind))
}

/// Whether a member without a reset may be a machine that only lacks it now: a blade that is dead or drawn.
fn may_be_a_machine(system: &System) -> bool {
    is_machine(system)
        && system.reset.is_none()
        && system.status.as_deref().is_some_and(|status| status != "Enabled")
}

/// By what a name can fit a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// `Id`, `UUID` or `SerialNumber`: what no two members share.
    Identity,
    /// `HostName`, which a dead machine doesn't tell.
    HostName,
    /// `Name`, which is often the same for all.
    Name,
}

fn fit(system: &System, name: &str) -> Option<Fit> {
    let same = |field: &Option<String>| field.as_deref() == Some(name);
    let uuid = system.uuid.as_deref().is_some_and(|uuid| uuid.eq_ignore_ascii_case(name));
    if same(&system.id) || uuid || same(&system.serial_number) {
        Some(Fit::Identity)
    } else if same(&system.host_name) {
        Some(Fit::HostName)
    } else if same(&system.name) {
        Some(Fit::Name)
    } else {
        None
    }
}

/// Whether what stands at a machine's place is still that machine. Its id may belong to the place and stay when a
/// blade is put there instead of another; its UUID and serial number don't. One of them may read otherwise for a
/// while, as some do without power, but not all that are told both times.
pub(super) fn is_same(known: &System, now: &System) -> bool {
    let uuid = |system: &System| {
        // All zeros is what some tell who don't know it now.
        system.uuid.clone().filter(|uuid| uuid.chars().any(|c| !matches!(c, '0' | '-')))
    };
    let mut both = [(uuid(known), uuid(now)), (known.serial_number.clone(), now.serial_number.clone())]
        .into_iter()
        .filter_map(|(known, now)| known.zip(now))
        .map(|(known, now)| known.eq_ignore_ascii_case(&now))
        .peekable();
    known.id == now.id && (both.peek().is_none() || both.any(|same| same))
}

impl Members {
    /// A service that has just started may not know of its systems yet.
    fn expect_some(&self) -> Result<(), Error> {
        if self.readable.is_empty() && self.unreadable.is_empty() {
            return Err(Error::Unexpected { what: "the service lists no systems".to_owned() });
        }
        Ok(())
    }

    fn is_the_only(&self) -> bool {
        self.readable.len() == 1 && self.unreadable.is_empty()
    }

    /// The member that is meant.
    pub(super) fn choose(self, choice: &Choice) -> Result<System, Error> {
        self.expect_some()?;
        match choice {
            // A place is asked for directly; here it names nothing.
            Choice::Place(text) => Err(self.which(format!("no system stands at {text}"))),
            Choice::Named(name) => match self.called(name)? {
                Some(at) => self.take(at),
                None => Err(self.which(format!("no system is called '{name}' here"))),
            },
            Choice::Only { .. } if self.is_the_only() => self.take(0),
            Choice::Only { plug } => {
                if let Some(plug) = plug
                    && let Some(at) = self.called(plug)?
                {
                    let machine = self.readable.get(at).is_some_and(is_candidate);
                    return if machine {
                        self.take(at)
                    } else {
                        Err(self.which(format!("the system that plug names, '{plug}', can't be fenced")))
                    };
                }
                self.expect_all_readable()?;
                self.only_candidate()
            }
        }
    }

    /// The position of the one member that a name fits.
    fn called(&self, name: &str) -> Result<Option<usize>, Error> {
        let fits: Vec<(usize, Fit)> = self
            .readable
            .iter()
            .enumerate()
            .filter_map(|(at, system)| fit(system, name).map(|fit| (at, fit)))
            .collect();
        let (at, fit) = match fits.as_slice() {
            [] => {
                self.expect_all_readable()?;
                return Ok(None);
            }
            [one] => *one,
            _ => return Err(self.which(format!("'{name}' fits more than one system"))),
        };
        if fit != Fit::Identity {
            // One that can't be read may have the same name.
            self.expect_all_readable()?;
        }
        if fit == Fit::HostName {
            warn!("'{name}' is a host name here, which a dead machine may not tell: name its id with system");
        }
        Ok(Some(at))
    }

    fn only_candidate(self) -> Result<System, Error> {
        let candidates: Vec<usize> = self
            .readable
            .iter()
            .enumerate()
            .filter(|(_, system)| is_candidate(system))
            .map(|(at, _)| at)
            .collect();
        match candidates.as_slice() {
            [only] if !self.readable.iter().any(may_be_a_machine) => {
                info!("of {} systems only one is a machine that can be reset", self.readable.len());
                self.take(*only)
            }
            [] => Err(self.which("no system here can be fenced".to_owned())),
            _ => Err(self
                .which("the service has several systems and none is named: name one with system".to_owned())),
        }
    }

    fn expect_all_readable(&self) -> Result<(), Error> {
        self.unreadable.first().map_or(Ok(()), |(_, error)| Err(error.clone()))
    }

    fn take(mut self, at: usize) -> Result<System, Error> {
        for (place, error) in &self.unreadable {
            warn!("another system can't be read, {place}: {error}");
        }
        if at < self.readable.len() {
            Ok(self.readable.swap_remove(at))
        } else {
            Err(Error::Unexpected { what: "no such member of Systems".to_owned() })
        }
    }

    /// What monitor looks at: the member that is meant, or every candidate where none is named.
    pub(super) fn watched(self, choice: &Choice) -> Result<Vec<System>, Error> {
        self.expect_some()?;
        let called = match choice {
            Choice::Only { plug: Some(plug) } if !self.is_the_only() => self.called(plug)?.is_some(),
            Choice::Only { .. } => self.is_the_only(),
            Choice::Place(_) | Choice::Named(_) => true,
        };
        if called {
            return self.choose(choice).map(|system| vec![system]);
        }
        self.expect_all_readable()?;
        let (candidates, others): (Vec<_>, Vec<_>) = self.readable.into_iter().partition(is_candidate);
        let doubtful = others.iter().any(may_be_a_machine);
        match candidates.len() {
            0 => {
                let others = Members { readable: others, unreadable: Vec::new() };
                Err(others.which("no system here can be fenced".to_owned()))
            }
            1 if !doubtful => Ok(candidates),
            _ => {
                warn!(
                    "the service has several systems and none is named: only a plug that is the id, serial number \
                     or name of one can be fenced; name it with system. There are: {}",
                    candidates.iter().map(description).collect::<Vec<_>>().join("; ")
                );
                Ok(candidates)
            }
        }
    }

    /// The error that lists what there is.
    fn which(&self, why: String) -> Error {
        let candidates: Vec<String> =
            self.readable.iter().filter(|system| is_candidate(system)).map(description).collect();
        let known =
            if candidates.is_empty() { self.readable.iter().map(description).collect() } else { candidates };
        Error::WhichMachine { why, known }
    }
}

/// What tells a member from the others.
fn description(system: &System) -> String {
    let state = system.power_state.as_ref().map(ToString::to_string);
    let facts = [
        ("name", &system.name),
        ("host name", &system.host_name),
        ("serial number", &system.serial_number),
        ("power state", &state),
    ];
    let facts: Vec<String> = facts
        .iter()
        .map(|(what, value)| format!("{what} {}", value.as_deref().unwrap_or("not told")))
        .collect();
    harmless(&format!("{} ({})", id(system), facts.join(", ")))
}

/// The id with what else tells one machine from another.
pub(super) fn identity(system: &System) -> String {
    let told = |field: &Option<String>| field.clone().unwrap_or_else(|| "not told".to_owned());
    format!("{} (UUID {}, serial number {})", id(system), told(&system.uuid), told(&system.serial_number))
}

/// The id, or the URI of a member without one.
pub(super) fn id(system: &System) -> String {
    system.id.clone().unwrap_or_else(|| system.link.to_string())
}
