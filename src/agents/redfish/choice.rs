//! Which member of Systems is meant. Choosing wrongly would kill a healthy machine and leave the dead one its disks,
//! so whatever isn't clear is an error that lists what there is.

use log::{info, warn};

use crate::base::Told;
use crate::fencing::who::Who;
use crate::fencing::{Error, IdentityKind};
use crate::protocols::redfish::{self, System};

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

/// Whether a member can be fenced.
pub(super) fn is_candidate(system: &System) -> bool {
    is_machine(system) && system.reset.is_some()
}

/// Whether a member is a machine, for all that is known: one that lacks its reset may only lack it now, and so doesn't
/// make its neighbour the only one.
fn is_machine(system: &System) -> bool {
    system.system_type.as_ref().is_none_or(|kind| !NO_MACHINES.iter().any(|other| kind.is(other)))
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
    let told = |field: &Option<Told>, is: &dyn Fn(&str) -> bool| {
        field.as_ref().is_some_and(|told| redfish::is_whole(told) && is(told.raw()))
    };
    let same = |field: &Option<Told>| told(field, &|text| text == name);
    let uuid = told(&system.uuid, &|text| text.eq_ignore_ascii_case(name));
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

/// What tells a machine from every other.
const WHO: [IdentityKind; 2] = [IdentityKind::Uuid, IdentityKind::Serial];

/// The machine that was met first, by what it told then.
///
/// Its id may belong to the place and stay when a blade is put there instead of another; its UUID and its serial number
/// don't. Some boards don't tell one of the two while the power is off: the other one is enough then. One that is told
/// and differs is another machine's.
#[derive(Clone, Debug, Default)]
pub(super) struct Portrait {
    first: [Option<Who>; 2],
}

impl Portrait {
    /// Remembers what this system tells, where nothing is remembered yet.
    pub(super) fn learn(&mut self, system: &System) {
        if self.first().is_none() {
            self.first = WHO.map(|kind| told(system, kind));
        }
    }

    /// Who was met first; `None` where nobody has said so yet.
    pub(super) fn first(&self) -> Option<Who> {
        Who::all(self.first.clone())
    }

    /// Who this system is: the first one where all agrees that both have told, otherwise whoever it says; `None` where
    /// it tells nothing that can be compared.
    pub(super) fn who(&self, system: &System) -> Option<Who> {
        let now = WHO.map(|kind| told(system, kind));
        let Some(first) = self.first() else { return Who::all(now) };
        let both = || self.first.iter().zip(&now).filter_map(|(first, now)| first.as_ref().zip(now.as_ref()));
        match both().next() {
            None => None,
            Some(_) if both().all(|(first, now)| first == now) => Some(first),
            Some(_) => Who::all(now),
        }
    }
}

fn told(system: &System, kind: IdentityKind) -> Option<Who> {
    let value = match kind {
        IdentityKind::Uuid => &system.uuid,
        _ => &system.serial_number,
    };
    value.as_ref().filter(|value| redfish::is_whole(value)).and_then(|value| Who::of(kind, value.raw()))
}

/// The member that is meant.
pub(super) struct Chosen {
    pub(super) system: System,
    /// By the plug alone, among several: where the service lists one of them at another time, that one would be taken.
    pub(super) by_plug: bool,
    /// By its `Name`, and so it has to keep that. An identity is compared as such, and a host name is told by a system
    /// that lives.
    pub(super) by_name: bool,
}

impl Chosen {
    /// The one at the only place that can be meant.
    pub(super) fn alone(system: System) -> Chosen {
        Chosen { system, by_plug: false, by_name: false }
    }
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
    pub(super) fn choose(self, choice: &Choice) -> Result<Chosen, Error> {
        self.expect_some()?;
        let (at, by_plug, by_name) = match choice {
            // A place is asked for directly; here it names nothing.
            Choice::Place(text) => return Err(self.which(format!("no system stands at {text}"))),
            Choice::Named(name) => match self.called(name)? {
                Some((at, fit)) => (at, false, fit == Fit::Name),
                None => return Err(self.which(format!("no system is called '{name}' here"))),
            },
            Choice::Only { .. } if self.is_the_only() => (0, false, false),
            Choice::Only { plug: Some(plug) } => {
                let (at, fit) = self.plugged(plug)?;
                let by_plug = self.only_machine().is_err();
                (at, by_plug, by_plug && fit == Some(Fit::Name))
            }
            Choice::Only { plug: None } => (self.only_machine()?, false, false),
        };
        self.take(at).map(|system| Chosen { system, by_plug, by_name })
    }

    /// The position of the one among several that the plug names, and what of it; where it names none, of the only
    /// machine among them.
    fn plugged(&self, plug: &str) -> Result<(usize, Option<Fit>), Error> {
        match self.called(plug)? {
            Some((at, fit)) if self.readable.get(at).is_some_and(is_candidate) => Ok((at, Some(fit))),
            Some(_) => Err(self.which(format!("the system that plug names, '{plug}', can't be fenced"))),
            None => self.only_machine().map(|at| (at, None)).map_err(|_| {
                self.which(format!(
                    "the service has several systems and plug, '{plug}', names none of them: name one with system"
                ))
            }),
        }
    }

    /// The position of the one member that a name fits.
    fn called(&self, name: &str) -> Result<Option<(usize, Fit)>, Error> {
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
        Ok(Some((at, fit)))
    }

    /// The position of the one machine where nobody names any: all others say that they are none.
    fn only_machine(&self) -> Result<usize, Error> {
        self.expect_all_readable()?;
        let mut machines = self.readable.iter().enumerate().filter(|(_, system)| is_machine(system));
        match (machines.next(), machines.next()) {
            (Some((at, machine)), None) if is_candidate(machine) => {
                info!("of {} systems only one is a machine", self.readable.len());
                Ok(at)
            }
            _ if !self.readable.iter().any(is_candidate) => {
                Err(self.which("no system here can be fenced".to_owned()))
            }
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
    ///
    /// A plug that chooses alone among several is refused here, where nothing burns: the day the service lists one of
    /// them only, as one whose enclosure is restarting does, the plug means nothing any more and that one is taken.
    pub(super) fn watched(self, choice: &Choice) -> Result<Vec<System>, Error> {
        self.expect_some()?;
        match choice {
            Choice::Only { plug: Some(plug) } if !self.is_the_only() => {
                let (at, _) = self.plugged(plug)?;
                if self.only_machine().is_ok() {
                    return self.take(at).map(|system| vec![system]);
                }
                let name = self.readable.get(at).map(id).unwrap_or_default();
                return Err(self.which(format!(
                    "nothing but plug, '{plug}', says which of several systems is meant, and plug means nothing when the \
                     service lists one of them alone: set system={name}"
                )));
            }
            Choice::Only { plug: None } if !self.is_the_only() => {}
            _ => return self.choose(choice).map(|chosen| vec![chosen.system]),
        }
        self.expect_all_readable()?;
        if !self.readable.iter().any(is_candidate) {
            return Err(self.which("no system here can be fenced".to_owned()));
        }
        if self.only_machine().is_err() {
            warn!(
                "the service has several systems and none is named: give each fence device one with system. There are: {}",
                self.readable
                    .iter()
                    .filter(|system| is_candidate(system))
                    .map(description)
                    .collect::<Vec<_>>()
                    .join("; ")
            );
        }
        Ok(self.readable.into_iter().filter(is_candidate).collect())
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
    let state = system.power_state.as_ref().map(|state| Told::new(state.to_string()));
    let facts = [
        ("name", &system.name),
        ("host name", &system.host_name),
        ("serial number", &system.serial_number),
        ("power state", &state),
    ];
    let facts: Vec<String> = facts
        .iter()
        .map(|(what, value)| match value {
            Some(value) => format!("{what} {value}"),
            None => format!("{what} not told"),
        })
        .collect();
    format!("{} ({})", id(system), facts.join(", "))
}

/// The id, or the URI of a member without one.
pub(super) fn id(system: &System) -> Told {
    system.id.clone().unwrap_or_else(|| Told::new(system.link.path()))
}
