//! What the engine is asked to do.

use crate::fencing::agent::{Action, Plugs};
use crate::fencing::proof::Proof;

/// What to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// The action.
    pub action: Action,
    /// The plugs as given; none on an agent with one machine for each address.
    pub plugs: Vec<String>,
    /// What plugs mean there.
    pub kind: Plugs,
    /// Whether reboot is left to the device (its own power cycle).
    pub cycle: Cycle,
    /// What a success of off may rest on there.
    pub proof: Proof,
}

/// How reboot is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycle {
    /// Off, verified, then on.
    Never,
    /// By the device's own power cycle, with evidence that the power went.
    Proven,
    /// By the device's own power cycle, also where nothing shows that the power went: somebody asked for it.
    Unproven,
}
