//! Power units over SNMP.

pub mod families;
