//! The agents: one file for each, holding its declaration and its driver.

use crate::fencing::Agent;

pub mod ipmilan;
pub mod redfish;

/// Every agent there is.
pub static ALL: &[&Agent] = &[&ipmilan::AGENT, &redfish::AGENT];
