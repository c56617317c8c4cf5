//! The devices that the tests, the demo and the benchmarks fence, and what it takes to run an agent against
//! them as a cluster manager does.
//!
//! Nothing here uses the crate under test. Every peer keeps its own record of what really happened to the
//! power, which is what a test believes; what the agent says is compared with that.

pub mod agent;
pub mod bmc;
pub mod cluster;
pub mod conformance;
pub mod console;
pub mod crowd;
pub mod faults;
pub mod guest;
pub mod hang;
pub mod http;
pub mod ipmi_sim;
pub mod machine;
pub mod memory;
pub mod power;
pub mod redfish;
pub mod relay;
pub mod secrets;
pub mod service;
pub mod snmp;
pub mod stand;
pub mod subject;
pub mod util;

pub use agent::{Agent, Finished, agents_dir};
pub use bmc::Bmc;
pub use ipmi_sim::IpmiSim;
pub use machine::Machine;
pub use relay::Relay;
pub use util::{Dead, TempDir, Watchdog, until};
