//! HTTP services: the frame that listens, speaks TLS, and departs from the usual as told; and services as data on it, whose
//! routes answer from what is true of machines. Redfish's server stands on the same frame.
//!
//! ```no_run
//! use peers::service::{Server, PVE};
//!
//! let server = Server::of(&PVE).machine("100", "web1", "n1").start();
//! // ... log in at server.origin(), POST /api2/json/nodes/n1/qemu/100/status/stop ...
//! assert!(!server.is_on("100"));
//! ```

mod certificate;
mod data;
mod frame;
mod message;
mod pve;
mod rule;
mod server;

pub use certificate::{Authority, Certificate, Maker};
pub use data::{Answer, Effect, Field, Format, Match, Part, Route, Service, Session, Words};
pub(crate) use frame::{Frame, Handled, Manners, Reply, Served, Tls, status_of, with_fields};
pub(crate) use message::Incoming;
pub use pve::PVE;
pub(crate) use rule::take_rule;
pub use rule::{Act, Phase, Rule};
pub use server::{Builder, PASSWORD, Request, Server, TOKEN, Taken, USER};
