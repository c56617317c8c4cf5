//! Completion codes and RMCP+ status codes in words.

/// C0h: the BMC is busy; the same request may succeed later.
pub const NODE_BUSY: u8 = 0xC0;
/// CFh: a retransmission was recognised as one; the first transmission was carried out.
pub const DUPLICATED_REQUEST: u8 = 0xCF;
/// D4h: the privilege level, or something like a firewall, forbids it.
pub const INSUFFICIENT_PRIVILEGE: u8 = 0xD4;
/// D5h: not in the present state.
pub const NOT_IN_PRESENT_STATE: u8 = 0xD5;

/// A code and what it means.
pub type Words = (u8, &'static str);

/// The codes every command shares (table 5-2).
const GENERIC: [Words; 25] = [
    (0x00, "completed"),
    (0xC0, "the BMC is busy"),
    (0xC1, "unknown command"),
    (0xC2, "command not valid for this logical unit"),
    (0xC3, "the BMC ran out of time while processing the command"),
    (0xC4, "the BMC is out of space"),
    (0xC5, "reservation cancelled or invalid"),
    (0xC6, "request data truncated"),
    (0xC7, "request data has the wrong length"),
    (0xC8, "request data has too many bytes"),
    (0xC9, "a parameter is out of range"),
    (0xCA, "the requested number of bytes cannot be returned"),
    (0xCB, "the requested sensor, data or record is not present"),
    (0xCC, "invalid data in the request"),
    (0xCD, "command not allowed for this sensor or record type"),
    (0xCE, "no response can be provided"),
    (0xCF, "duplicated request"),
    (0xD0, "no response: the sensor data repository is being updated"),
    (0xD1, "no response: the firmware is being updated"),
    (0xD2, "no response: the BMC is still initialising"),
    (0xD3, "the destination is not available"),
    (0xD4, "insufficient privilege"),
    (0xD5, "not possible in the present state"),
    (0xD6, "the function is disabled or not available"),
    (0xFF, "unspecified error"),
];

/// The codes that describe a moment and not a decision: busy, timed out, out of space, being updated,
/// initialising.
const TRANSIENT: [u8; 6] = [NODE_BUSY, 0xC3, 0xC4, 0xD0, 0xD1, 0xD2];

/// The codes that will be the same next time: unknown, malformed, forbidden, switched off.
const DEFINITIVE: [u8; 10] = [0xC1, 0xC2, 0xC6, 0xC7, 0xC8, 0xC9, 0xCC, 0xCD, INSUFFICIENT_PRIVILEGE, 0xD6];

/// RMCP+ and RAKP status codes (table 13-15).
const RMCP_STATUS: [Words; 19] = [
    (0x00, "no error"),
    (0x01, "no session left"),
    (0x02, "invalid session id"),
    (0x03, "invalid payload type"),
    (0x04, "invalid authentication algorithm"),
    (0x05, "invalid integrity algorithm"),
    (0x06, "no matching authentication payload"),
    (0x07, "no matching integrity payload"),
    (0x08, "inactive session id"),
    (0x09, "invalid role"),
    (0x0A, "unauthorized role or privilege level"),
    (0x0B, "no session left at this role"),
    (0x0C, "invalid user name length"),
    (0x0D, "unauthorized user name"),
    (0x0E, "unauthorized GUID"),
    (0x0F, "invalid integrity check value"),
    (0x10, "invalid confidentiality algorithm"),
    (0x11, "no cipher suite matches the proposed algorithms"),
    (0x12, "illegal or unrecognized parameter"),
];

fn find(table: &[Words], code: u8) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == code).map(|(_, words)| *words)
}

/// A completion code in words: the command's own codes (80h to BEh) first, then those all commands share.
pub fn words(own: &[Words], code: u8) -> &'static str {
    find(own, code).or_else(|| find(&GENERIC, code)).unwrap_or(match code {
        0x01..=0x7E => "a code of the device's maker",
        0x80..=0xBE => "a code of this command that is not known",
        _ => "reserved code",
    })
}

/// Whether a completion code describes a passing moment.
pub fn is_transient(code: u8) -> bool {
    TRANSIENT.contains(&code)
}

/// Whether a completion code will be the same next time. D5h, "not in the present state", is neither this nor
/// transient: what it means depends on the state.
pub fn is_definitive(code: u8) -> bool {
    DEFINITIVE.contains(&code)
}

/// An RMCP+ status code in words.
pub fn rmcp_status(code: u8) -> &'static str {
    find(&RMCP_STATUS, code).unwrap_or("reserved status code")
}
