//! The agents: one file for each, holding its declaration and its driver.

use crate::fencing::Agent;

pub mod ipmilan;
pub mod scsi;

/// Every agent there is.
pub static ALL: &[&Agent] = &[&ipmilan::AGENT, &scsi::AGENT];
