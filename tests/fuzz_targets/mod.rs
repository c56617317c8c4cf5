//! One file for each fuzz target. Its `run` takes any bytes and must neither panic nor take long; what else must hold
//! is asserted there.

pub mod addresses;
pub mod argv;
mod ber;
mod common;
pub mod files;
pub mod ipmi_login;
pub mod ipmi_session;
pub mod known_hosts;
pub mod programs;
pub mod redfish;
pub mod scsi;
pub mod snmp;
pub mod snmp_v3;
pub mod ssh_options;
pub mod stdin;
pub mod telnet;
