//! SNMP devices: net-snmp's agent as a switch whose ports are real Linux links, and as power units of several
//! families; a relay that answers late; and an agent that breaks the
//! protocol as it is told.

pub mod daemon;
pub mod outlet;
pub mod power_unit;
pub mod relay;
pub mod switch;
pub mod table_agent;

pub use daemon::{Snmpd, User, every_user};
pub use outlet::{Behaviour, Says, When};
pub use power_unit::{Family, PowerUnit, Record, Refusal, Table, Taken};
pub use relay::Relay;
pub use switch::Switch;
pub use table_agent::{Data, Deed, Kind, TableAgent};
