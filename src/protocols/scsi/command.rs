//! The commands by name.

use std::fmt;

/// The commands of this module, for errors and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// INQUIRY, standard data.
    Inquiry,
    /// INQUIRY, the list of vital product data pages or one of them.
    VitalProductData(u8),
    /// PERSISTENT RESERVE IN, READ KEYS.
    ReadKeys,
    /// PERSISTENT RESERVE IN, READ RESERVATION.
    ReadReservation,
    /// PERSISTENT RESERVE IN, REPORT CAPABILITIES.
    ReportCapabilities,
    /// REPORT SUPPORTED OPERATION CODES.
    ReportSupportedOperations,
    /// PERSISTENT RESERVE OUT, REGISTER.
    Register,
    /// PERSISTENT RESERVE OUT, RESERVE.
    Reserve,
    /// PERSISTENT RESERVE OUT, PREEMPT AND ABORT.
    PreemptAndAbort,
    /// PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY.
    RegisterAndIgnore,
}

impl Command {
    /// PERSISTENT RESERVE IN or OUT.
    pub fn is_reservation(self) -> bool {
        !matches!(self, Command::Inquiry | Command::VitalProductData(_) | Command::ReportSupportedOperations)
    }

    /// The command changes nothing: it may be sent again even if the device has seen it before.
    pub(crate) fn only_reads(self) -> bool {
        matches!(
            self,
            Command::Inquiry
                | Command::VitalProductData(_)
                | Command::ReadKeys
                | Command::ReadReservation
                | Command::ReportCapabilities
                | Command::ReportSupportedOperations
        )
    }

    /// The standard lets a device that has reservations lack this.
    pub(super) fn is_optional(self) -> bool {
        matches!(self, Command::ReportCapabilities | Command::ReportSupportedOperations)
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Command::Inquiry => "INQUIRY",
            Command::VitalProductData(page) => return write!(f, "INQUIRY (page {page:02x}h)"),
            Command::ReadKeys => "READ KEYS",
            Command::ReadReservation => "READ RESERVATION",
            Command::ReportCapabilities => "REPORT CAPABILITIES",
            Command::ReportSupportedOperations => "REPORT SUPPORTED OPERATION CODES",
            Command::Register => "REGISTER",
            Command::Reserve => "RESERVE",
            Command::PreemptAndAbort => "PREEMPT AND ABORT",
            Command::RegisterAndIgnore => "REGISTER AND IGNORE EXISTING KEY",
        })
    }
}
