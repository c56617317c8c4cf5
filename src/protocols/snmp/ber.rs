//! The few pieces of BER (X.690) that the SNMP crate doesn't offer for writing.

/// Tag, length and contents.
pub(super) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(contents.len() + 10);
    out.push(tag);
    match u8::try_from(contents.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = contents.len().to_be_bytes();
            let octets: Vec<u8> = length.into_iter().skip_while(|&octet| octet == 0).collect();
            out.push(0x80 | octets.len() as u8);
            out.extend(octets);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// A number in as few octets of two's complement as hold it (section 8.3), under the given tag.
pub(super) fn integer(tag: u8, number: i128) -> Vec<u8> {
    let sign = if number < 0 { 0xff } else { 0 };
    let octets = number.to_be_bytes();
    let spare = octets.iter().take_while(|&&octet| octet == sign).count().min(octets.len() - 1);
    let mut contents: Vec<u8> = octets.iter().copied().skip(spare).collect();
    if contents.first().is_some_and(|first| (first ^ sign) & 0x80 != 0) {
        contents.insert(0, sign);
    }
    tlv(tag, &contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_as_few_octets_as_hold_them() {
        for (number, contents) in [
            (0, vec![0]),
            (127, vec![0x7f]),
            (128, vec![0, 0x80]),
            (-1, vec![0xff]),
            (-128, vec![0x80]),
            (-129, vec![0xff, 0x7f]),
            (256, vec![1, 0]),
            (i128::from(u64::MAX), vec![0, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            assert_eq!(integer(2, number), tlv(2, &contents), "{number}");
        }
    }

    #[test]
    fn lengths_above_127_take_the_long_form() {
        assert_eq!(tlv(4, &[0; 127]).get(..2), Some(&[4, 127][..]));
        assert_eq!(tlv(4, &[0; 128]).get(..3), Some(&[4, 0x81, 128][..]));
        assert_eq!(tlv(4, &[0; 300]).get(..4), Some(&[4, 0x82, 1, 44][..]));
    }
}
