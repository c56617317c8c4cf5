//! SNMPv1, SNMPv2c and SNMPv3 (RFC 1157, 1901, 3411 to 3418): reading, writing and walking the objects of one agent.
//!
//! Encoding, signing and encryption are those of the `snmp2` crate. What that crate leaves to its caller is done
//! here: requests are repeated, each through a socket and with a random identifier of its own; a reply must name
//! the objects asked for; its error-status is looked at; an object that doesn't exist is never a value; the state of
//! SNMPv3 changes only by messages whose signature was right; and what went wrong is told apart in [`Error`].

mod ber;
pub mod client;
pub mod credentials;
mod dispatcher;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
mod message;
pub mod oid;
mod usm;
pub mod value;

pub use client::{Client, Config};
pub use credentials::{Auth, AuthProtocol, CommunityVersion, Credentials, Level, PrivProtocol, Privacy};
pub use error::{Earlier, Error, ErrorStatus, Rejection};
pub use oid::{Oid, SYS_OBJECT_ID};
pub use value::{Answer, Value};
