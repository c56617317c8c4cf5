//! The few questions that a driver answers. The order of asking, waiting and verifying is the engine's.

use std::fmt;

use crate::base::Deadline;
use crate::fencing::error::Error;
use crate::fencing::knowledge::{About, Command, Fact, Finding, Identity, IdentityKind};
use crate::fencing::state::{Power, State};
use crate::fencing::who::Met;

/// How a device answered a command. Neither says anything about the state: that is read afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It acknowledged the command.
    Accepted,
    /// It refused because of the state it is in: it may be there already, or not be ready. The text is its word.
    NotInThisState(String),
}

/// One plug in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlet {
    /// What a user would give as `plug`.
    pub plug: String,
    /// What the device calls it, or empty.
    pub alias: String,
    /// Its state, where the listing was to include it.
    pub state: Option<State>,
}

impl fmt::Display for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.alias.as_str() {
            "" => f.write_str(&self.plug),
            alias => write!(f, "{} ({alias})", self.plug),
        }
    }
}

/// What one look shows of one plug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The state, in answer to a request that was begun by this look.
    pub state: State,
    /// Who told it, in the same answer or in the same authenticated session; and the name of the plug as it was read
    /// now, where it was asked for by its name.
    pub met: Met,
}

impl From<State> for Seen {
    /// A state from a device that doesn't say who it is.
    fn from(state: State) -> Seen {
        Seen { state, met: Met::default() }
    }
}

/// A device as a driver presents it.
///
/// The engine names plugs once, with [`Device::resolve`], and afterwards means them by their position in that
/// call; an agent with one machine for each address is given none and has one plug, at position 0. Every
/// method returns by the deadline it is given and bounds each of its requests even without one; a connection
/// lost midway is opened again inside the call. [`Error::is_definitive`] tells the engine whether asking again
/// can help.
pub trait Device {
    /// Logs in, or does whatever else must come first.
    fn connect(&mut self, by: Deadline) -> Result<(), Error>;

    /// Finds the plugs with these names. A name that fits none, or more than one, is an error that lists what
    /// there is. An agent with one machine for each address is given no names and finds that machine; for monitor
    /// it isn't asked to.
    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        let (_, _) = (names, by);
        Ok(())
    }

    /// How messages call the plug at this position.
    fn plug_name(&self, plug: usize) -> String;

    /// How many plugs were resolved.
    fn plug_count(&self) -> usize {
        1
    }

    /// Who answered last for the plug at this position: as it was resolved, or as the device that acknowledged its
    /// command; with the name that it was resolved by, where that was its name. The engine counts no state that
    /// somebody else tells afterwards.
    fn met(&self, plug: usize) -> Met {
        let _ = plug;
        Met::default()
    }

    /// Looks at every resolved plug, afresh, in their order.
    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error>;

    /// Sends the command that brings one plug to the wanted state. Where a connection has to be opened anew for it,
    /// nothing is sent to anybody but the device that was met first ([`who::Same`](crate::fencing::who::Same)).
    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error>;

    /// What the device has said since the last command about why it won't come to the wanted state: it belongs to
    /// the report when the state isn't reached. It says nothing about the state.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// Whether a state that the first look has shown already is told as such in the end. False where the command
    /// does its whole work in any case.
    fn tells_already(&self, power: Power) -> bool {
        let _ = power;
        true
    }

    /// Every plug there is, with its state where `with_state`.
    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let (_, _) = (with_state, by);
        Err(Error::UnsupportedAction { action: "list" })
    }

    /// A look that fails unless every resolved plug has a readable state.
    fn look_readable(&mut self, by: Deadline) -> Result<(), Error> {
        for (plug, seen) in self.look(by)?.into_iter().enumerate() {
            match seen.state {
                State::On | State::Off | State::Changing(_) => {}
                State::Unknown(what) => {
                    return Err(Error::Unexpected { what: format!("{}: {what}", self.plug_name(plug)) });
                }
                State::NoSuchPlug => {
                    return Err(Error::NoSuchPlug { plug: self.plug_name(plug), known: Vec::new() });
                }
            }
        }
        Ok(())
    }

    /// Proves that fencing would work as far as reading can: by default a look at the state.
    fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        self.look_readable(by)
    }

    /// Sends a diagnostic interrupt and tells what was acknowledged.
    fn diag(&mut self, by: Deadline) -> Result<String, Error> {
        let _ = by;
        Err(Error::UnsupportedAction { action: "diag" })
    }

    /// Asks the device to cut the power and bring it back by itself.
    fn cycle(&mut self, by: Deadline) -> Result<Answer, Error> {
        let _ = by;
        Err(Error::Unsupported { what: "a power cycle by the device itself".to_owned() })
    }

    /// What the device remembers of the last time its power went, for comparing before and after a cycle:
    /// `None` where it remembers nothing. Two values that differ prove that it went in between.
    fn power_mark(&mut self, by: Deadline) -> Result<Option<String>, Error> {
        let _ = by;
        Ok(None)
    }

    /// The name or address that the device is asked at, without port and brackets; `None` where there is none.
    fn host(&self) -> Option<&str> {
        None
    }

    /// What is known of the device and of the way to it without asking anything, more of it once connected. Evidence
    /// records it.
    fn known(&self) -> About {
        About::default()
    }

    /// What the device says it is. Asked by explain and doctor alone, so it may cost requests; it changes nothing.
    fn about(&mut self, by: Deadline) -> Result<About, Error> {
        let _ = by;
        Ok(self.known())
    }

    /// What is known of a resolved plug without asking anything: its alias, URI, index, node key, devices.
    fn plug_facts(&self, plug: usize) -> Vec<Fact> {
        let _ = plug;
        Vec::new()
    }

    /// What identifies the plug, of the kinds asked for, read from the device now and from nothing kept.
    ///
    /// Every value that counts is told: two different ones of a kind fit no expectation of one. A kind that the
    /// device doesn't have, or leaves empty, is left out. An error that [`Error::is_definitive`] doesn't call so
    /// makes the caller ask again. Where the protocol has sessions, a command that follows goes through the session
    /// in which this was read, or fails.
    fn identity(
        &mut self,
        plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        let (_, _, _) = (plug, kinds, by);
        Ok(Vec::new())
    }

    /// The requests that this command would send for a resolved plug, in their order and in the protocol's words.
    /// Sends nothing.
    fn plan(&self, plug: usize, command: Command) -> Vec<String> {
        vec![format!("{command} for {}", self.plug_name(plug))]
    }

    /// What doctor should know of this kind of device, beyond what it finds out with the other methods: privilege,
    /// dates of certificates, quirks of firmware. Asks and changes nothing. An error means that the examination
    /// itself failed; what is wrong with the device is a finding.
    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        let _ = by;
        Ok(Vec::new())
    }

    /// Logs out. Called after failures too; must not wait long, and can't fail.
    fn close(&mut self) {}
}

/// Methods of [`Device`] that a device in front of another, in its field `device`, passes on as they are.
macro_rules! forwarded {
    ($($method:ident),* $(,)?) => { $( $crate::fencing::device::forward!($method); )* };
}
pub(crate) use forwarded;

/// One method that is passed on: see [`forwarded`].
macro_rules! forward {
    (connect) => {
        fn connect(&mut self, by: Deadline) -> Result<(), Error> {
            self.device.connect(by)
        }
    };
    (plug_name) => {
        fn plug_name(&self, plug: usize) -> String {
            self.device.plug_name(plug)
        }
    };
    (plug_count) => {
        fn plug_count(&self) -> usize {
            self.device.plug_count()
        }
    };
    (met) => {
        fn met(&self, plug: usize) -> Met {
            self.device.met(plug)
        }
    };
    (complaint) => {
        fn complaint(&self) -> Option<String> {
            self.device.complaint()
        }
    };
    (tells_already) => {
        fn tells_already(&self, power: Power) -> bool {
            self.device.tells_already(power)
        }
    };
    (list) => {
        fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
            self.device.list(with_state, by)
        }
    };
    (power_mark) => {
        fn power_mark(&mut self, by: Deadline) -> Result<Option<String>, Error> {
            self.device.power_mark(by)
        }
    };
    (host) => {
        fn host(&self) -> Option<&str> {
            self.device.host()
        }
    };
    (known) => {
        fn known(&self) -> About {
            self.device.known()
        }
    };
    (about) => {
        fn about(&mut self, by: Deadline) -> Result<About, Error> {
            self.device.about(by)
        }
    };
    (plug_facts) => {
        fn plug_facts(&self, plug: usize) -> Vec<Fact> {
            self.device.plug_facts(plug)
        }
    };
    (identity) => {
        fn identity(
            &mut self,
            plug: usize,
            kinds: &[IdentityKind],
            by: Deadline,
        ) -> Result<Vec<Identity>, Error> {
            self.device.identity(plug, kinds, by)
        }
    };
    (plan) => {
        fn plan(&self, plug: usize, command: Command) -> Vec<String> {
            self.device.plan(plug, command)
        }
    };
    (examine) => {
        fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
            self.device.examine(by)
        }
    };
    (close) => {
        fn close(&mut self) {
            self.device.close()
        }
    };
}
pub(crate) use forward;
