//! SNMP devices: net-snmp's agent as a switch whose ports are real Linux links, and as power units of several
//! families; and a relay that answers late.

pub mod daemon;
pub mod outlet;
pub mod power_unit;
pub mod relay;
pub mod switch;

pub use daemon::{Snmpd, User, every_user};
pub use outlet::{Behaviour, Says, When};
pub use power_unit::{Family, PowerUnit, Record, Refusal, Table, Taken};
pub use relay::Relay;
pub use switch::Switch;
