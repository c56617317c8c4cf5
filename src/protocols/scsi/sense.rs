//! Sense data in words (SPC-4, section 4.5).

use std::fmt;

use super::bytes::byte;

/// What a device says about a command that it didn't carry out as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    /// The kind of condition.
    pub key: SenseKey,
    /// Additional sense code.
    pub asc: u8,
    /// Additional sense code qualifier.
    pub ascq: u8,
    /// The condition belongs to an earlier command; this one was not carried out (SPC-4, deferred errors).
    pub deferred: bool,
}

impl Sense {
    /// Decodes fixed format (response codes 70h, 71h) and descriptor format (72h, 73h). `None` where it is
    /// neither or too short to hold a sense key.
    pub fn decode(data: &[u8]) -> Option<Sense> {
        let response = byte(data, 0)? & 0x7f;
        let (key, code) = match response {
            // ADDITIONAL SENSE LENGTH counts from byte 8; the codes are there only when it covers them.
            0x70 | 0x71 => {
                let codes = byte(data, 7).is_some_and(|length| length >= 6);
                (byte(data, 2)?, if codes { byte(data, 12).zip(byte(data, 13)) } else { None })
            }
            0x72 | 0x73 => (byte(data, 1)?, byte(data, 2).zip(byte(data, 3))),
            _ => return None,
        };
        let (asc, ascq) = code.unwrap_or((0, 0));
        Some(Sense { key: SenseKey(key & 0x0f), asc, ascq, deferred: response & 1 == 1 })
    }

    /// The additional sense code in words, where it is one that fencing meets.
    pub fn meaning(&self) -> Option<&'static str> {
        let exact = CODES.iter().find(|&&(asc, ascq, _)| (asc, ascq) == (self.asc, self.ascq));
        exact.map(|&(_, _, words)| words)
    }

    /// The device reports an event that happened since the last command, and didn't carry this one out.
    pub(super) fn is_attention(&self) -> bool {
        self.key == SenseKey::UNIT_ATTENTION || self.deferred
    }

    /// The device will be able to answer soon.
    pub(super) fn is_passing(&self) -> bool {
        self.key == SenseKey::NOT_READY && self.asc == 0x04 && matches!(self.ascq, 0x01 | 0x0a)
    }

    /// The command was carried out, if with trouble.
    pub(super) fn is_success(&self) -> bool {
        self.key == SenseKey::RECOVERED_ERROR && !self.deferred
    }

    /// The device doesn't know the operation code.
    pub(super) fn is_unknown_command(&self) -> bool {
        self.key == SenseKey::ILLEGAL_REQUEST && (self.asc, self.ascq) == (0x20, 0x00)
    }

    /// Nothing stands behind this logical unit number.
    pub(crate) fn is_no_such_unit(&self) -> bool {
        self.key == SenseKey::ILLEGAL_REQUEST && self.asc == 0x25
    }

    /// The device doesn't know a value in the command block.
    pub(crate) fn is_invalid_field(&self) -> bool {
        self.key == SenseKey::ILLEGAL_REQUEST && (self.asc, self.ascq) == (0x24, 0x00)
    }
}

impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.key)?;
        if let Some(words) = self.meaning() {
            write!(f, ", {words}")?;
        }
        write!(f, " ({:x}/{:02x}/{:02x})", self.key.0, self.asc, self.ascq)?;
        if self.deferred {
            f.write_str(", left by an earlier command")?;
        }
        Ok(())
    }
}

/// The sense key, 0 to 15 (SPC-4, sense key descriptions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenseKey(pub u8);

impl SenseKey {
    /// Carried out after recovery.
    pub const RECOVERED_ERROR: SenseKey = SenseKey(0x1);
    /// Can't be accessed now.
    pub const NOT_READY: SenseKey = SenseKey(0x2);
    /// The command or its parameters are wrong, or not supported.
    pub const ILLEGAL_REQUEST: SenseKey = SenseKey(0x5);
    /// Something has happened since the last command.
    pub const UNIT_ATTENTION: SenseKey = SenseKey(0x6);
    /// The device gave the command up.
    pub const ABORTED_COMMAND: SenseKey = SenseKey(0xb);
}

const KEYS: [&str; 16] = [
    "no sense",
    "recovered error",
    "not ready",
    "medium error",
    "hardware error",
    "illegal request",
    "unit attention",
    "data protect",
    "blank check",
    "vendor specific",
    "copy aborted",
    "aborted command",
    "reserved sense key",
    "volume overflow",
    "miscompare",
    "completed",
];

impl fmt::Display for SenseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KEYS.get(usize::from(self.0)).copied().unwrap_or("reserved sense key"))
    }
}

/// Additional sense codes that fencing meets, in numerical order (SPC-4, annex on numeric order codes).
const CODES: &[(u8, u8, &str)] = &[
    (0x04, 0x00, "not ready, cause not reported"),
    (0x04, 0x01, "becoming ready"),
    (0x04, 0x02, "needs to be started"),
    (0x04, 0x03, "needs manual intervention"),
    (0x04, 0x0a, "changing its asymmetric access state"),
    (0x04, 0x0b, "the target port is in standby"),
    (0x04, 0x0c, "the target port is unavailable"),
    (0x08, 0x00, "communication failure"),
    (0x08, 0x01, "communication took too long"),
    (0x1a, 0x00, "wrong parameter list length"),
    (0x20, 0x00, "unknown command"),
    (0x24, 0x00, "invalid field in the command"),
    (0x25, 0x00, "no such logical unit"),
    (0x26, 0x00, "invalid field in the parameter list"),
    (0x26, 0x02, "invalid value in the parameter list"),
    (0x26, 0x04, "release of a reservation of another kind"),
    (0x27, 0x00, "write protected"),
    (0x29, 0x00, "power on or reset"),
    (0x29, 0x01, "power on"),
    (0x29, 0x02, "bus reset"),
    (0x29, 0x03, "device reset"),
    (0x29, 0x04, "internal reset"),
    (0x29, 0x07, "I_T nexus lost"),
    (0x2a, 0x00, "parameters changed"),
    (0x2a, 0x01, "mode parameters changed"),
    (0x2a, 0x03, "reservations preempted"),
    (0x2a, 0x04, "reservations released"),
    (0x2a, 0x05, "registrations preempted"),
    (0x2a, 0x06, "asymmetric access state changed"),
    (0x2a, 0x09, "capacity changed"),
    (0x2c, 0x00, "command sequence error"),
    (0x2f, 0x00, "commands cleared by another initiator"),
    (0x39, 0x00, "saving parameters not supported"),
    (0x3a, 0x00, "no medium"),
    (0x3f, 0x00, "operating conditions changed"),
    (0x3f, 0x01, "microcode changed"),
    (0x3f, 0x03, "inquiry data changed"),
    (0x3f, 0x05, "identification changed"),
    (0x3f, 0x0e, "list of logical units changed"),
    (0x44, 0x00, "internal failure of the device"),
    (0x47, 0x00, "parity error"),
    (0x48, 0x00, "initiator detected an error"),
    (0x4b, 0x00, "data phase error"),
    (0x4e, 0x00, "overlapped commands"),
    (0x55, 0x02, "no room for another reservation"),
    (0x55, 0x04, "no room for another registration"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_say_the_same() {
        // As SPC-4 draws the fixed and the descriptor format.
        let fixed = [0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x2a, 0x05, 0, 0, 0, 0];
        let descriptor = [0x72, 6, 0x2a, 0x05, 0, 0, 0, 0];
        let expected = Sense { key: SenseKey::UNIT_ATTENTION, asc: 0x2a, ascq: 0x05, deferred: false };
        assert_eq!(Sense::decode(&fixed), Some(expected));
        assert_eq!(Sense::decode(&descriptor), Some(expected));
        assert_eq!(expected.to_string(), "unit attention, registrations preempted (6/2a/05)");
    }

    #[test]
    fn a_fixed_format_that_ends_before_its_codes_still_tells_the_key() {
        let short = Sense::decode(&[0x70, 0, 2, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!((short.key, short.asc), (SenseKey::NOT_READY, 0));
        // Length 4 covers bytes 8 to 11 only: what follows isn't sense data.
        let stray = Sense::decode(&[0x70, 0, 2, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0x29, 0]).unwrap();
        assert_eq!((stray.asc, stray.ascq), (0, 0));
    }

    #[test]
    fn the_vendor_bit_of_the_response_code_is_no_part_of_it() {
        assert!(
            Sense::decode(&[0xf0, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x20, 0]).unwrap().is_unknown_command()
        );
    }

    #[test]
    fn what_is_no_sense_data_is_none() {
        for data in [&[][..], &[0x70], &[0x72], &[0x7f, 0, 6], &[0x00; 18]] {
            assert_eq!(Sense::decode(data), None, "{data:02x?}");
        }
    }

    #[test]
    fn a_deferred_recovered_error_is_not_the_success_of_this_command() {
        let current = Sense::decode(&[0x72, 1, 0, 0]).unwrap();
        let deferred = Sense::decode(&[0x73, 1, 0, 0]).unwrap();
        assert!(current.is_success() && !deferred.is_success() && deferred.is_attention());
    }

    #[test]
    fn the_table_of_codes_is_in_order_and_without_doubles() {
        assert!(CODES.windows(2).all(|pair| (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1)));
    }
}
