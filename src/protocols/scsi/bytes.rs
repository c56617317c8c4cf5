//! Reading fields out of parameter data that may be cut short.

/// The bytes `at..at + length`, where all of them are there.
pub(super) fn part(data: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    data.get(at..)?.get(..length)
}

/// The byte at `at`.
pub(super) fn byte(data: &[u8], at: usize) -> Option<u8> {
    data.get(at).copied()
}

/// The big-endian number of two bytes at `at`.
pub(super) fn be16(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(part(data, at, 2)?.try_into().ok()?))
}

/// The big-endian number of four bytes at `at`.
pub(super) fn be32(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(part(data, at, 4)?.try_into().ok()?))
}

/// The big-endian number of eight bytes at `at`.
pub(super) fn be64(data: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(part(data, at, 8)?.try_into().ok()?))
}

/// Text out of a fixed field: without the padding, and with what isn't printable ASCII replaced.
pub(super) fn text(field: &[u8]) -> String {
    let shown: String = field
        .iter()
        .map(|&byte| if (0x20..0x7f).contains(&byte) || byte == 0 { char::from(byte) } else { '?' })
        .collect();
    shown.trim_matches(|c| c == ' ' || c == '\0').replace('\0', "?")
}

/// Lower-case hexadecimal digits, two for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
