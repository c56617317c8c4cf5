//! The agents: one file for each, holding its declaration and its driver.

use crate::fencing::Agent;

pub mod apc_snmp;
pub mod ifmib;
pub mod ipmilan;
pub mod redfish;
pub mod scsi;
pub mod snmp;

/// Every agent there is.
pub static ALL: &[&Agent] =
    &[&apc_snmp::AGENT, &ifmib::AGENT, &ipmilan::AGENT, &redfish::AGENT, &scsi::AGENT];
