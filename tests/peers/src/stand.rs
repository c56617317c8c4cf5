//! Stands: power units as data, behind net-snmp's agent. A stand is a table of objects, of what each holds, and of what
//! is done by writing it; the truth about the outlets is kept apart.
//!
//! ```no_run
//! use peers::stand::{EATON_MANAGED, PowerUnit};
//!
//! let unit = PowerUnit::start(&EATON_MANAGED);
//! // ... switch outlet 2 at unit.address(): the row with number 1 ...
//! assert!(!unit.is_on(1, 2));
//! assert_eq!(unit.writes(), [("1.3.6.1.4.1.534.6.6.6.1.2.2.1.3.1".to_owned(), 0)]);
//! ```

mod data;
mod families;
mod helper;
mod outlet;
mod unit;

pub use data::{Column, Commands, Holds, Refusal, Shut, Stand, Table, Words};
pub use families::{
    APC_EASY, APC_MASTERSWITCH, APC_MASTERSWITCH_6, APC_MASTERSWITCH_PLUS, APC_MASTERSWITCH_PLUS_BY_MIB,
    APC_RPDU, APC_RPDU2, ATEN_PE, ATEN_PE2, AVOCENT_PM, BACHMANN, BAYTECH, CHATSWORTH, CISCO_MDS,
    CISCO_MDS_FROM_1, CYBERPOWER, CYBERPOWER_2, EATON_EPDU, EATON_MANAGED, EATON_NLOGIC, EATON_SWITCHED,
    ENLOGIC, Family, GUDE, HPE_PDU2, HPE_PDU3, IBM_BLADE, INTEL_MODULAR, IPDU_NEW, IPDU_OLD, LIEBERT_MPX,
    LINDY, NETIO, PANDUIT_G5, PORTS, RARITAN_PDU2, RARITAN_PX1, RIEDO_UPDU, SENTRY3, SENTRY4, TRIPP_LITE,
    TRIPP_LITE_LX, VERTIV_V5,
};
pub use outlet::{Behaviour, Says, When};
pub use unit::{Builder, Hand, PowerUnit, Record, Taken};
