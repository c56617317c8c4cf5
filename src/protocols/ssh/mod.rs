//! SSH (RFC 4251 to 4254), as a client that nobody watches: every wait bounded, one try of a password, a host key that
//! is known or new, and algorithms of the last century where they are asked for.
//!
//! [`connect`] gives a [`Session`], which runs commands or becomes a [`Stream`](super::stream::Stream). The library beneath,
//! libssh2, is seen by nobody else: another one would have to implement [`Session`].

mod agent;
mod algorithms;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod known_hosts;
mod library;
mod login;
mod offer;
mod options;
mod pattern;
mod session;

use std::fmt;

use super::stream::Stream;
use super::tcp::Target;
use crate::base::{Deadline, Secret, Told};

pub use algorithms::{Change, Legacy, Purpose};
pub use error::{Error, Known, Shown};
pub use known_hosts::{Fingerprint, HostKey, Place};
pub use options::{BadOptions, Options, Strict};

/// How to log in, and to whom.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The user, unless the options name one.
    pub user: String,
    /// The password; it is tried once.
    pub password: Option<Secret>,
    /// Keys to log in with, tried before the password, in this order, before those that the options name.
    pub keys: Vec<Key>,
    /// The socket of a running agent (`SSH_AUTH_SOCK`), whose first keys are tried as well, unless the options say that no
    /// others than theirs are (IdentitiesOnly).
    pub agent: Option<String>,
    /// The user's options.
    pub options: Options,
    /// Whether old algorithms are offered, because the device is known to have no others.
    pub legacy: Legacy,
    /// The host key must be one of these, whatever the files of known hosts say. None: the files count.
    pub pins: Vec<Fingerprint>,
}

/// A private key in a file, as OpenSSH writes it or as PEM.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its path.
    pub file: String,
    /// What it is encrypted with, where it is.
    pub passphrase: Option<Secret>,
}

/// The terminal to ask for with a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Its name: `vt100` for devices, `dumb` for Unix hosts.
    pub name: &'static str,
    /// Its width in characters.
    pub columns: u16,
    /// Its height in characters.
    pub rows: u16,
}

impl Terminal {
    /// For devices: so wide that nothing is folded, so high that few pagers step in.
    pub const DEVICE: Terminal = Terminal { name: "vt100", columns: 500, rows: 500 };
    /// For Unix hosts.
    pub const HOST: Terminal = Terminal { name: "dumb", ..Terminal::DEVICE };
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The exit code. `None` where the device has told none, which is no success: see RFC 4254, 6.10.
    pub status: Option<u32>,
    /// The signal that has ended the command, where one has.
    pub signal: Option<Told>,
    /// What it has written on its standard output.
    pub stdout: Vec<u8>,
    /// What it has written on its standard error.
    pub stderr: Vec<u8>,
}

/// The most bytes that a command may answer, on both streams together.
pub const LARGEST_OUTPUT: usize = 4 << 20;

/// A session at a device, logged in.
pub trait Session: fmt::Debug {
    /// The key that the device has proven to have.
    fn host_key(&self) -> &HostKey;

    /// Whether nobody asked who we are: the device will do so itself, in the session.
    fn is_open_to_all(&self) -> bool;

    /// Runs a command, and gives what it has answered when it has ended.
    ///
    /// # Errors
    /// The device refuses it, the answer is too long, the deadline passes, or the connection breaks. Whether the command was
    /// run is unknown then.
    fn exec(&mut self, command: &str, deadline: Deadline) -> Result<Output, Error>;

    /// Begins a shell on a terminal; the session is over when that is.
    ///
    /// # Errors
    /// The device refuses it, the deadline passes, or the connection breaks.
    fn shell(self: Box<Self>, terminal: &Terminal, deadline: Deadline) -> Result<Box<dyn Stream>, Error>;

    /// Logs out.
    fn close(&mut self, deadline: Deadline);
}

/// Connects and logs in. To be called while this process has one thread.
///
/// The port and the addresses are those of `target`, unless the options name others.
///
/// # Errors
/// Every [`Error`] but those of commands.
pub fn connect(target: &Target, config: &Config, deadline: Deadline) -> Result<Box<dyn Session>, Error> {
    session::Libssh2::connect(target, config, deadline).map(|session| Box::new(session) as Box<dyn Session>)
}

/// The algorithms that this build has for a purpose.
///
/// # Errors
/// The library can't tell.
pub fn built_with(purpose: Purpose) -> Result<Vec<&'static str>, Error> {
    library::built_with(purpose)
}
