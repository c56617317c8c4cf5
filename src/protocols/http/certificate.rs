//! What a certificate says that the handshake has brought: its dates, and the digest that a pin names.

use sha2::{Digest, Sha256};

use crate::base::date;

/// Tags of DER (X.690, section 8; X.680, table 1).
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version, which the first one leaves out (RFC 5280, 4.1).
const VERSION: u8 = 0xa0;

/// The certificate of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of its DER form.
    pub digest: [u8; 32],
    /// From when to when it is good, in seconds since 1970; `None` where that can't be read.
    pub validity: Option<(i64, i64)>,
    /// Whether nobody else vouches for it: issuer and subject are the same.
    pub self_signed: bool,
}

impl Certificate {
    /// Reads a certificate in its DER form. Any bytes have a digest.
    pub fn read(der: &[u8]) -> Certificate {
        let parts = parts(der);
        Certificate {
            digest: Sha256::digest(der).into(),
            validity: parts.and_then(|(_, validity, _)| ends(validity)),
            self_signed: parts.is_some_and(|(issuer, _, subject)| issuer == subject),
        }
    }

    /// The digest as `openssl x509 -fingerprint -sha256` prints it.
    pub fn fingerprint(&self) -> String {
        self.digest.map(|byte| format!("{byte:02X}")).join(":")
    }
}

/// Issuer, validity and subject out of the to-be-signed part (RFC 5280, 4.1).
fn parts(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let rest = element(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_, rest) = element(rest, INTEGER)?;
    let (_, rest) = element(rest, SEQUENCE)?;
    let (issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, rest) = element(rest, SEQUENCE)?;
    let (subject, _) = element(rest, SEQUENCE)?;
    Some((issuer, validity, subject))
}

/// From when to when.
fn ends(validity: &[u8]) -> Option<(i64, i64)> {
    let (from, rest) = time(validity)?;
    let (to, _) = time(rest)?;
    Some((from, to))
}

/// The contents of the element of this tag that the bytes begin with, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*first) {
        short @ 0..=0x7f => (short, rest),
        // A length of more than four bytes fits in no answer.
        long @ 0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(long - 0x80)?;
            (length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length).filter(|_| *found == tag)
}

/// A moment in one of the two forms (RFC 5280, 4.1.2.5), and what follows it.
fn time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (digits, rest, long) = match element(bytes, UTC_TIME) {
        Some((digits, rest)) => (digits, rest, false),
        None => element(bytes, GENERALIZED_TIME).map(|(digits, rest)| (digits, rest, true))?,
    };
    let (pairs, end) = digits.as_chunks::<2>();
    let pairs: Option<Vec<i64>> = pairs.iter().map(pair).collect();
    let pairs = pairs.filter(|_| end == b"Z")?;
    let (year, rest_of_it) = match (long, pairs.as_slice()) {
        (true, [century, year, rest @ ..]) => (century * 100 + year, rest),
        (false, [year, rest @ ..]) => (if *year < 50 { 2000 } else { 1900 } + year, rest),
        _ => return None,
    };
    let [month, day, hour, minute, second] = rest_of_it else { return None };
    Some((date::seconds(year, *month, *day, [*hour, *minute, *second])?, rest))
}

fn pair([tens, ones]: &[u8; 2]) -> Option<i64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    Some(digit(tens)? * 10 + digit(ones)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    use peers::redfish::Maker;

    #[test]
    fn the_dates_and_the_digest_of_a_real_certificate_are_read() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        // A year after 2049 takes the other form of a time.
        for days in [(-1, 1), (-300, -200), (-20_000, 20_000)] {
            let made = Maker { days, ..Maker::default() }.self_signed();
            let der = made.certificate.to_der().unwrap();
            let certificate = Certificate::read(&der);
            assert_eq!(certificate.digest, made.sha256());
            let (from, to) = certificate.validity.unwrap();
            assert!((from - now - days.0 * 86_400).abs() < 600, "{days:?}: {from}");
            assert!((to - now - days.1 * 86_400).abs() < 600, "{days:?}: {to}");
            for end in 0..der.len() {
                let _ = Certificate::read(&der[..end]);
            }
            for at in 0..60 {
                let mut damaged = der.clone();
                damaged[at] ^= 0xff;
                let _ = Certificate::read(&damaged);
            }
        }
    }

    #[test]
    fn times_are_read_in_both_forms_and_in_no_other() {
        let of = |tag: u8, text: &str| {
            let bytes = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
            time(&bytes).map(|(seconds, _)| seconds)
        };
        assert_eq!(of(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(of(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(of(UTC_TIME, "500101000000Z"), Some(-631_152_000));
        assert_eq!(of(GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000));
        for text in
            ["", "Z", "7001010000Z", "700101000000", "701301000000Z", "70010100000xZ", "700101000000+0000"]
        {
            assert_eq!(of(UTC_TIME, text), None, "{text}");
        }
    }

    #[test]
    fn a_fingerprint_reads_as_openssl_prints_it() {
        let certificate = Certificate { digest: [0xa0; 32], validity: None, self_signed: false };
        assert_eq!(certificate.fingerprint(), ["A0"; 32].join(":"));
    }
}
