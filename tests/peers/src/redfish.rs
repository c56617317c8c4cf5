//! Redfish services: a server of our own that misbehaves on request, and OpenStack's sushy-emulator.

mod certificate;
mod http;
mod server;
mod setup;
mod sushy;

pub use certificate::{Authority, Certificate, Maker};
pub use server::{Command, Server};
pub use setup::{Act, Credential, Cycle, Login, PASSWORD, Phase, Request, ResetAnswer, Rule, Setup, USER};
pub use sushy::{Driver, Sushy};
