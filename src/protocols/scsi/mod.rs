//! SCSI on Linux: commands through the SG_IO ioctl, and persistent reservations (SPC-4, sections
//! 5.13, 6.15 and 6.16).
//!
//! [`LogicalUnit`] speaks to whatever executes command blocks: a [`Device`] of this machine or a test's
//! [`Transport`]. Each command takes a [`Deadline`](crate::base::Deadline) and ends in one typed answer or one
//! [`Error`]. A thread that waits for SG_IO can't be interrupted and keeps its whole process from ending when
//! the device hangs: run a device's work in a child of its own, with [`crate::base::worker`].

mod bytes;
mod command;
mod device;
mod error;
mod identity;
mod multipath;
mod reservation;
mod sense;
mod sg_io;
mod transport;
mod unit;

pub use command::Command;
pub use device::{Access, Device};
pub use error::Error;
pub use identity::{Association, Designator, Inquiry, Wwid};
pub use multipath::DeviceMap;
pub use reservation::{Capabilities, Key, KeyError, Keys, Reservation, ReservationType, Reserved};
pub use sense::{Sense, SenseKey};
pub use transport::{Completion, Data, Transport};
pub use unit::LogicalUnit;
