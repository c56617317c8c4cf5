//! Clients for what fence devices speak. They know nothing of fencing: no plugs, no actions, no options.

pub mod console;
pub mod http;
pub mod ipmi;
pub mod redfish;
pub mod scsi;
pub mod snmp;
pub mod ssh;
pub mod stream;
pub mod tcp;
pub mod telnet;
