//! Know before you shoot: what explain, doctor, pins and evidence do where a device has more to tell, and what the program
//! fencing makes of a cluster. What they do on every agent is in `tests/subjects`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

mod cluster;
mod cluster_cib;
mod cluster_names;
mod cluster_shapes;
mod common;
mod evidence;
mod examples;
mod ipmilan;
mod pins;
mod redfish;
mod scsi;
mod snmp;
