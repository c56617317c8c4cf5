//! SSH (RFC 4251 to 4254), as a client that nobody watches: every wait bounded, one try of a password, a host key that
//! is known or new, and algorithms of the last century where they are asked for.
//!
//! [`connect`] gives a [`Session`], which runs commands or becomes a [`Stream`](super::stream::Stream). The library beneath,
//! libssh2, is seen by nobody else: another one would have to implement [`Session`].

mod agent;
mod algorithms;
mod calls;
mod client;
mod config;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod known_hosts;
mod library;
mod login;
mod offer;
mod options;
mod pattern;
mod question;
mod session;

pub use algorithms::{Change, Legacy, Purpose};
pub use client::connect;
pub use config::{Config, Key};
pub use error::{Error, Known, Shown};
pub use known_hosts::{Fingerprint, HostKey, Place};
pub use library::built_with;
pub use options::{BadOptions, Options, Strict};
pub use session::{LARGEST_OUTPUT, Output, Session, Terminal};
