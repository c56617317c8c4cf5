//! IPMI over LAN: a client for version 1.5 and for version 2.0 (RMCP+), after the IPMI specification v2.0
//! revision 1.1, whose sections and tables the comments cite.
//!
//! ```no_run
//! use std::time::Duration;
//! use fence_agents::base::{Deadline, Secret};
//! use fence_agents::protocols::ipmi::{Config, Session, chassis::GetChassisStatus};
//!
//! let mut config = Config::new(vec!["192.0.2.7:623".parse()?]);
//! config.username = "admin".into();
//! config.password = Some(Secret::new("secret"));
//! let deadline = Deadline::after(Duration::from_secs(5));
//! let mut session = Session::open(&config, deadline)?;
//! let on = session.send(&GetChassisStatus, deadline)?.power_on;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What arrives is taken for what it is only after every check: session id, sequence number, authentication code
//! (compared in constant time), encryption where it was agreed on, checksums, and the request it answers. What
//! fails one is skipped, and listening goes on until the time is over.
//!
//! Not supported: cipher suites with xRC4, MD2 and makers' own authentication, serial over LAN, bridging over
//! more than one bus or other channels than 0, and the firmware quirks named in [`v20`].

pub mod chassis;
mod close;
pub mod command;
pub mod completion;
pub mod config;
pub mod device;
pub mod error;
pub mod fru;
#[doc(hidden)]
pub mod fuzzing;
pub mod message;
pub mod privilege;
mod random;
pub mod rmcp;
#[cfg(test)]
mod robustness;
pub mod session;
mod socket;
pub mod suite;
pub mod v15;
pub mod v20;
pub mod window;

pub use config::{Config, Version};
pub use error::{BadConfig, Denial, Error, Negotiation};
pub use privilege::Privilege;
pub use rmcp::AuthType;
pub use session::Session;
