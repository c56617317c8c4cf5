//! HTTP/1.1 (RFC 9110, RFC 9112) with services that devices, hypervisors and clouds have: one request at a time, every
//! wait bounded, every answer of limited size, nothing sent to anybody who wasn't named.
//!
//! [`Client`] sends a [`Request`] and gives the [`Response`], whatever its status, or an [`Error`], which says of itself
//! what kind it is and whether it may pass.

mod address;
mod authorities;
mod certificate;
mod challenge;
mod client;
mod connection;
mod cookies;
mod digest;
mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod json;
mod login;
mod origin;
mod request;
mod response;
mod status_line;
mod stream;
mod tls;
mod trouble;

pub use address::Address;
pub use certificate::Certificate;
pub use client::{Client, Config, Transport};
pub use error::Error;
pub use login::Login;
pub use origin::{LONGEST_LINK, Link, Origins, encoded};
pub use request::{Body, Request, basic};
pub use response::{LARGEST_BODY, Response};
pub use tls::{ClientCertificate, Trust};
