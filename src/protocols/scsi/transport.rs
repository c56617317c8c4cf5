//! What executes a command block, and what comes back.

use std::io;
use std::time::Duration;

/// Executes command blocks on one logical unit.
pub trait Transport {
    /// Sends one command and waits for its end, about `limit` at most; a device that hangs may keep it longer.
    ///
    /// An error is a failure of the call itself: whether the device has seen the command is unknown then. What
    /// the device or the host adapter says is in the completion.
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, limit: Duration) -> io::Result<Completion>;
}

impl<T: Transport + ?Sized> Transport for &mut T {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, limit: Duration) -> io::Result<Completion> {
        (**self).execute(cdb, data, limit)
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, limit: Duration) -> io::Result<Completion> {
        (**self).execute(cdb, data, limit)
    }
}

/// The data phase of a command.
#[derive(Debug)]
pub enum Data<'a> {
    /// From the device into the buffer.
    In(&'a mut [u8]),
    /// From the buffer to the device.
    Out(&'a [u8]),
}

impl Data<'_> {
    /// The same buffer for one more attempt.
    pub(super) fn again(&mut self) -> Data<'_> {
        match self {
            Data::In(buffer) => Data::In(buffer),
            Data::Out(buffer) => Data::Out(buffer),
        }
    }

    /// The length of the buffer in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Data::In(buffer) => buffer.len(),
            Data::Out(buffer) => buffer.len(),
        }
    }
}

/// How a command ended, in the fields of Linux' `sg_io_hdr` (include/scsi/sg.h).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// The SCSI status byte (SAM-5, status codes): 0 is GOOD.
    pub status: u8,
    /// The host adapter's verdict (DID_...): 0 is good.
    pub host: u16,
    /// The driver's verdict: 0 is good, 8 says that there is sense data.
    pub driver: u16,
    /// The sense data, as far as it was written.
    pub sense: Vec<u8>,
    /// How many bytes of the buffer were not moved.
    pub residual: i32,
}

/// Status bytes (SAM-5, status codes).
pub(super) mod status {
    pub(crate) const GOOD: u8 = 0x00;
    pub(crate) const CHECK_CONDITION: u8 = 0x02;
    pub(crate) const BUSY: u8 = 0x08;
    pub(crate) const RESERVATION_CONFLICT: u8 = 0x18;
    pub(crate) const TASK_SET_FULL: u8 = 0x28;
    pub(crate) const ACA_ACTIVE: u8 = 0x30;
    pub(crate) const TASK_ABORTED: u8 = 0x40;
}

/// The name of a status byte.
pub(super) fn status_name(code: u8) -> &'static str {
    match code {
        status::GOOD => "GOOD",
        status::CHECK_CONDITION => "CHECK CONDITION",
        0x04 => "CONDITION MET",
        status::BUSY => "BUSY",
        status::RESERVATION_CONFLICT => "RESERVATION CONFLICT",
        status::TASK_SET_FULL => "TASK SET FULL",
        status::ACA_ACTIVE => "ACA ACTIVE",
        status::TASK_ABORTED => "TASK ABORTED",
        _ => "unknown status",
    }
}

/// One host code of the Linux SCSI layer (include/scsi/scsi_status.h).
pub(super) struct HostCode {
    code: u16,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    /// The code only repeats what the status byte says.
    pub(super) defers_to_status: bool,
    /// A command that changes nothing may be sent again after a pause.
    pub(super) passing: bool,
}

const fn host(code: u16, name: &'static str, meaning: &'static str) -> HostCode {
    HostCode { code, name, meaning, defers_to_status: false, passing: false }
}

const fn passing(code: u16, name: &'static str, meaning: &'static str) -> HostCode {
    HostCode { code, name, meaning, defers_to_status: false, passing: true }
}

const fn with_status(code: u16, name: &'static str, meaning: &'static str) -> HostCode {
    HostCode { code, name, meaning, defers_to_status: true, passing: false }
}

const HOST_CODES: &[HostCode] = &[
    with_status(0x00, "DID_OK", "no error"),
    host(0x01, "DID_NO_CONNECT", "the device can't be reached"),
    passing(0x02, "DID_BUS_BUSY", "the bus stayed busy"),
    host(0x03, "DID_TIME_OUT", "the device didn't answer in time"),
    host(0x04, "DID_BAD_TARGET", "there is no such target"),
    host(0x05, "DID_ABORT", "the command was aborted"),
    host(0x06, "DID_PARITY", "parity error on the bus"),
    host(0x07, "DID_ERROR", "error inside the host adapter"),
    passing(0x08, "DID_RESET", "the bus was reset"),
    host(0x09, "DID_BAD_INTR", "unexpected interrupt"),
    host(0x0a, "DID_PASSTHROUGH", "forced past the error handling"),
    passing(0x0b, "DID_SOFT_ERROR", "the driver asks for one more attempt"),
    passing(0x0c, "DID_IMM_RETRY", "the driver asks for one more attempt at once"),
    passing(0x0d, "DID_REQUEUE", "the command was put back"),
    passing(0x0e, "DID_TRANSPORT_DISRUPTED", "the path to the device was interrupted"),
    host(0x0f, "DID_TRANSPORT_FAILFAST", "the path to the device was given up"),
    with_status(0x10, "DID_TARGET_FAILURE", "permanent error of the device"),
    with_status(0x11, "DID_NEXUS_FAILURE", "error of this path to the device"),
    with_status(0x12, "DID_ALLOC_FAILURE", "the device has no space left"),
    with_status(0x13, "DID_MEDIUM_ERROR", "medium error"),
    host(0x14, "DID_TRANSPORT_MARGINAL", "the path to the device is marginal"),
];

const UNKNOWN_HOST: HostCode = host(0xffff, "unknown host code", "the host adapter reports an error");

/// What is known of a host code.
pub(super) fn host_code(code: u16) -> &'static HostCode {
    HOST_CODES.iter().find(|known| known.code == code).unwrap_or(&UNKNOWN_HOST)
}
