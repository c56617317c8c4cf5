//! The agents: one file for each, holding its declaration and its driver.

use crate::fencing::Agent;

/// Every agent there is.
pub static ALL: &[&Agent] = &[];
