//! Redfish services: a server of our own that misbehaves on request, and OpenStack's sushy-emulator.

mod server;
mod setup;
mod sushy;

pub use server::{Command, Server};
pub use setup::{Credential, Cycle, Login, PASSWORD, Request, ResetAnswer, Setup, USER};
pub use sushy::{Driver, Sushy};

pub use crate::service::{Act, Authority, Certificate, Maker, Phase, Rule};
