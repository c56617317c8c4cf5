//! What can be asked of a plug, and what a device can say about one.

use std::fmt;

/// A state that can be asked of a plug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Power on, or the path open.
    On,
    /// Power off, or the path closed.
    Off,
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Power::On => "on",
            Power::Off => "off",
        })
    }
}

/// What a device says about a plug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The device's explicit value for on.
    On,
    /// The device's explicit value for off. Nothing else may become this.
    Off,
    /// A readable value that is neither: on its way, paused, testing. The text is the device's word for it.
    Changing(String),
    /// Missing or unparsable. The text says what was found.
    Unknown(String),
    /// The device says that there is no such plug.
    NoSuchPlug,
}

impl State {
    /// Whether the device says explicitly what is wanted.
    pub fn is(&self, wanted: Power) -> bool {
        match wanted {
            Power::On => *self == State::On,
            Power::Off => *self == State::Off,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::On => f.write_str("on"),
            State::Off => f.write_str("off"),
            State::Changing(word) => write!(f, "changing ({word})"),
            State::Unknown(what) => write!(f, "unknown ({what})"),
            State::NoSuchPlug => f.write_str("no such plug"),
        }
    }
}
