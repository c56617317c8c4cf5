//! The agents.

pub mod snmp_outlets;
