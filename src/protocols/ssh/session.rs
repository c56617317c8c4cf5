//! What a session can do, whatever library carries it.

use std::fmt;

use super::error::Error;
use super::known_hosts::HostKey;
use crate::base::{Deadline, Told};
use crate::protocols::stream::Stream;

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

    /// Whether the device may be shown a password, in the session as well: not where its host key isn't the one that is known.
    fn may_show_passwords(&self) -> bool;

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
