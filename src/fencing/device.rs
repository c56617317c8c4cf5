//! What a driver does for the engine. The order of asking, waiting and verifying is the engine's.

use std::fmt;

use crate::base::Deadline;
use crate::fencing::error::Error;
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

/// A device as a driver presents it to the engine.
///
/// The engine names plugs once, with [`Device::resolve`], and afterwards means them by their position in that
/// call; an agent with one machine for each address is given none and has one plug, at position 0. Every
/// method returns by the deadline it is given and bounds each of its requests even without one; a connection
/// lost midway is opened again inside the call. [`Error::is_definitive`] tells the engine whether asking again
/// can help.
///
/// Four methods are required, and `list` where the device can tell what plugs there are. What the driver can tell
/// beyond this is [`Describe`](crate::fencing::describe::Describe).
pub trait Device {
    /// Logs in, or does whatever else must come first.
    fn connect(&mut self, by: Deadline) -> Result<(), Error>;

    /// Finds the plugs with these names. A name that fits none, or more than one, is an error that lists what
    /// there is. An agent with one machine for each address is given no names and finds that machine; for monitor
    /// it isn't asked to.
    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error>;

    /// Looks at every resolved plug, afresh, in their order.
    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error>;

    /// Sends the command that brings one plug to the wanted state. Where a connection has to be opened anew for it,
    /// nothing is sent to anybody but the device that was met first ([`who::Same`](crate::fencing::who::Same)).
    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error>;

    /// Every plug there is, with its state where `with_state`.
    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let (_, _) = (with_state, by);
        Err(Error::UnsupportedAction { action: "list" })
    }

    /// How messages call the plug at this position.
    fn plug_name(&self, plug: usize) -> String {
        format!("plug {}", plug.saturating_add(1))
    }

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

    /// Asks the device to cut the power of one plug and bring it back by itself.
    fn cycle(&mut self, plug: usize, by: Deadline) -> Result<Answer, Error> {
        let (_, _) = (plug, by);
        Err(Error::Unsupported { what: "a power cycle by the device itself".to_owned() })
    }

    /// What the device remembers of the last time the power of this plug went, for comparing before and after a
    /// cycle: `None` where it remembers nothing. Two values that differ prove that it went in between.
    fn power_mark(&mut self, plug: usize, by: Deadline) -> Result<Option<String>, Error> {
        let (_, _) = (plug, by);
        Ok(None)
    }

    /// Logs out. Called after failures too; must not wait long, and can't fail.
    fn close(&mut self) {}
}
