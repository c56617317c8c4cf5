//! SNMP devices: net-snmp's agent as a switch whose ports are real Linux links, and as power units (see
//! [`crate::stand`]); power units that others wrote; a relay that answers late; and an agent that breaks the protocol as it
//! is told.

pub mod daemon;
pub mod relay;
pub mod switch;
pub mod table_agent;
pub mod virtualpdu;

pub use daemon::{Snmpd, User, every_user};
pub use relay::Relay;
pub use switch::Switch;
pub use table_agent::{Data, Deed, Kind, TableAgent};
pub use virtualpdu::VirtualPdu;

pub use crate::stand::{Behaviour, Family, PowerUnit, Record, Refusal, Says, Table, Taken, When};
