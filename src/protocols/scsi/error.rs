//! Everything that can go wrong between a command and its answer.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::command::Command;
use super::sense::Sense;
use super::transport::{host_code, status_name};

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// The path doesn't exist.
    Missing(PathBuf),
    /// The path is something else than a block device.
    NotBlockDevice(PathBuf),
    /// The device can't be opened or looked up.
    Open(PathBuf, io::Error),
    /// The ioctl failed; whether the device saw the command is unknown.
    Call(Command, io::Error),
    /// There was no time left to send the command.
    NoTime(Command),
    /// Another registrant's reservation stands in the way, or the caller's key isn't registered on this path.
    Conflict(Command),
    /// The device went on saying that it is busy until there was no time left: the last status byte.
    Busy(Command, u8),
    /// The device went on saying that it isn't ready or reporting events: the last one.
    Unsettled(Command, Sense),
    /// The device doesn't have this command, or this service action of it.
    Unsupported(Command),
    /// The target answers, and says that no logical unit stands there (SPC-4, PERIPHERAL QUALIFIER 011b).
    Absent(Command),
    /// The device refused or failed the command.
    Refused(Command, Sense),
    /// CHECK CONDITION without sense data that could be read.
    NoSense(Command),
    /// Another status byte than those above.
    Status(Command, u8),
    /// The host adapter reports an error (DID_...); whether the device saw the command is unknown.
    Host(Command, u16),
    /// The driver reports an error; whether the device saw the command is unknown.
    Driver(Command, u16),
    /// Fewer bytes came than the answer says it has.
    Short(Command, ShortTransfer),
    /// The answer says that it is longer than the command can fetch: its length in bytes.
    TooLong(Command, usize),
    /// The answer contradicts the standard: what is wrong with it.
    Malformed(Command, String),
}

/// How much came and how much was announced, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortTransfer {
    /// Bytes that came.
    pub got: usize,
    /// Bytes that the answer has.
    pub wanted: usize,
}

impl Error {
    /// The device understands SCSI but not persistent reservations.
    pub fn is_reservations_unsupported(&self) -> bool {
        matches!(self, Error::Unsupported(command) if command.is_reservation())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Missing(path) => write!(f, "device \"{}\" does not exist", path.display()),
            Error::NotBlockDevice(path) => write!(f, "device \"{}\" is not a block device", path.display()),
            Error::Open(path, error) => write!(f, "device \"{}\" can't be opened: {error}", path.display()),
            Error::Call(command, error) => write!(f, "{command}: {error}"),
            Error::NoTime(command) => write!(f, "{command}: no time left"),
            // No persistent reservation keeps anybody from reading it.
            Error::Conflict(command) if command.only_reads() => write!(
                f,
                "{command}: reservation conflict: another host holds a reservation of the old kind (RESERVE of SPC-2)"
            ),
            Error::Conflict(command) => write!(f, "{command}: reservation conflict"),
            Error::Busy(command, status) => {
                write!(f, "{command}: still {}, no time left", status_name(*status))
            }
            Error::Unsettled(command, sense) => write!(f, "{command}: the device doesn't settle: {sense}"),
            Error::Unsupported(command) => write!(f, "{command}: not supported by the device"),
            Error::Absent(command) => write!(f, "{command}: no logical unit stands there"),
            Error::Refused(command, sense) => write!(f, "{command}: {sense}"),
            Error::NoSense(command) => write!(f, "{command}: CHECK CONDITION without sense data"),
            Error::Status(command, status) => {
                write!(f, "{command}: {} (status 0x{status:02x})", status_name(*status))
            }
            Error::Host(command, code) => {
                let known = host_code(*code);
                write!(f, "{command}: {} ({}, 0x{code:02x})", known.meaning, known.name)
            }
            Error::Driver(command, code) => write!(f, "{command}: error of the driver (0x{code:02x})"),
            Error::Short(command, short) => {
                write!(f, "{command}: {} bytes came, {} were announced", short.got, short.wanted)
            }
            Error::TooLong(command, length) => {
                write!(f, "{command}: an answer of {length} bytes is too long")
            }
            Error::Malformed(command, what) => write!(f, "{command}: malformed answer: {what}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Open(_, error) | Error::Call(_, error) => Some(error),
            _ => None,
        }
    }
}
