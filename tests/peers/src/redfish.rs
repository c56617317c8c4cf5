//! Redfish services: a server of our own that misbehaves on request, and OpenStack's sushy-emulator.

mod certificate;
mod http;
mod server;
mod sushy;

pub use certificate::{Authority, Certificate, Maker};
pub use server::{Act, Credential, Login, PASSWORD, Request, ResetAnswer, Rule, Server, Setup, USER};
pub use sushy::{Driver, Sushy};
