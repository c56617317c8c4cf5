//! BER (X.690) as far as SNMP messages need it, written anew: what is read must not be judged by what reads it.

/// Tag, length, contents.
pub(super) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let length: Vec<u8> = match length {
        0..=0x7F => vec![length as u8],
        0x80..=0xFF => vec![0x81, length as u8],
        _ => vec![0x82, (length >> 8) as u8, length as u8],
    };
    [&[tag], length.as_slice(), contents].concat()
}

/// Several pieces under one tag.
pub(super) fn all(tag: u8, pieces: &[&[u8]]) -> Vec<u8> {
    tlv(tag, &pieces.concat())
}

/// An INTEGER of four bytes.
pub(super) fn number(number: i32) -> Vec<u8> {
    tlv(2, &number.to_be_bytes())
}
