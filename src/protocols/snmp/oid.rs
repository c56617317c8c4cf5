//! Object identifiers.

use std::fmt;
use std::str::FromStr;

/// The largest number of arcs an object identifier may have (RFC 3416, section 4.1).
pub const MAX_ARCS: usize = 128;

/// sysObjectID (RFC 3418): what kind of device this is. Every agent has it.
pub const SYS_OBJECT_ID: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];

/// An object identifier: the path of numbers that names an object in the tree.
///
/// Ordered as an agent orders its objects: arc by arc, a prefix before what it begins.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(Vec<u32>);

/// A text that isn't an object identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnOid;

impl Oid {
    /// The identifier with these arcs.
    pub fn new(arcs: impl Into<Vec<u32>>) -> Oid {
        Oid(arcs.into())
    }

    /// The arcs.
    pub fn arcs(&self) -> &[u32] {
        &self.0
    }

    /// How many bytes it takes in memory.
    pub(super) fn size(&self) -> usize {
        size_of_val(self.arcs())
    }

    /// This identifier followed by further arcs: a column with the index of a row.
    #[must_use]
    pub fn with(&self, index: &[u32]) -> Oid {
        let mut arcs = self.0.clone();
        arcs.extend_from_slice(index);
        Oid(arcs)
    }

    /// What follows `prefix` here, or `None` where this identifier doesn't lie under it.
    pub fn under(&self, prefix: &Oid) -> Option<&[u32]> {
        self.0.strip_prefix(prefix.arcs())
    }

    /// The contents octets of the BER encoding (X.690, section 8.19). `None` for what has no encoding: fewer
    /// than two arcs, more than [`MAX_ARCS`], a first arc above 2, a second above 39 under 0 and 1.
    pub(super) fn to_ber(&self) -> Option<Vec<u8>> {
        let (&[first, second], rest) = self.0.split_first_chunk::<2>()?;
        if first > 2 || (first < 2 && second > 39) || self.0.len() > MAX_ARCS {
            return None;
        }
        let mut out = Vec::with_capacity(self.0.len() + 8);
        push_arc(&mut out, u64::from(first) * 40 + u64::from(second));
        for &arc in rest {
            push_arc(&mut out, u64::from(arc));
        }
        Some(out)
    }

    /// Reads the contents octets of the BER encoding. `None` where they end midway, hold an arc beyond 32 bits
    /// or more than [`MAX_ARCS`] arcs.
    pub(super) fn from_ber(bytes: &[u8]) -> Option<Oid> {
        let mut arcs = Vec::with_capacity(bytes.len() + 1);
        let mut arc: u64 = 0;
        let mut open = false;
        for &byte in bytes {
            arc = (arc << 7) | u64::from(byte & 0x7f);
            // The first arc on the wire holds two: at most 80 more than 32 bits.
            if arc > u64::from(u32::MAX) + 80 || arcs.len() >= MAX_ARCS {
                return None;
            }
            open = byte & 0x80 != 0;
            if open {
                continue;
            }
            if arcs.is_empty() {
                let first = (arc / 40).min(2);
                arcs.push(u32::try_from(first).ok()?);
                arc -= first * 40;
            }
            arcs.push(u32::try_from(arc).ok()?);
            arc = 0;
        }
        if open || arcs.is_empty() { None } else { Some(Oid(arcs)) }
    }
}

/// Base 128, most significant group first, the top bit set on all but the last octet.
fn push_arc(out: &mut Vec<u8>, arc: u64) {
    let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        out.push(((arc >> (group * 7)) & 0x7f) as u8 | more);
    }
}

impl From<&[u32]> for Oid {
    fn from(arcs: &[u32]) -> Oid {
        Oid(arcs.to_vec())
    }
}

impl<const N: usize> From<[u32; N]> for Oid {
    fn from(arcs: [u32; N]) -> Oid {
        Oid(arcs.to_vec())
    }
}

impl FromStr for Oid {
    type Err = NotAnOid;

    /// Numbers between dots, with or without a leading dot.
    fn from_str(text: &str) -> Result<Oid, NotAnOid> {
        let arcs: Result<Vec<u32>, _> =
            text.strip_prefix('.').unwrap_or(text).split('.').map(str::parse::<u32>).collect();
        arcs.map(Oid).map_err(|_| NotAnOid)
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, arc) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(".")?;
            }
            write!(f, "{arc}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NotAnOid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an object identifier")
    }
}

impl std::error::Error for NotAnOid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_standard_and_reads_back() {
        let oid: Oid = ".1.3.6.1.4.1.318.1.3.4.6".parse().unwrap();
        let ber = oid.to_ber().unwrap();
        assert_eq!(ber, [0x2b, 6, 1, 4, 1, 0x82, 0x3e, 1, 3, 4, 6]);
        for text in ["1.3", "2.999.3", "0.39.4294967295", "2.4294967295", "1.3.6.1.0.0.128.16384"] {
            let oid: Oid = text.parse().unwrap();
            assert_eq!(Oid::from_ber(&oid.to_ber().unwrap()), Some(oid));
        }
    }

    #[test]
    fn what_has_no_encoding_is_refused() {
        for arcs in [vec![], vec![1], vec![3, 1], vec![1, 40], vec![1; MAX_ARCS + 1]] {
            assert_eq!(Oid::new(arcs).to_ber(), None);
        }
    }

    #[test]
    fn an_encoding_that_ends_midway_or_overflows_is_refused() {
        assert_eq!(Oid::from_ber(&[]), None);
        assert_eq!(Oid::from_ber(&[0x2b, 0x82]), None);
        assert_eq!(Oid::from_ber(&[0x2b, 0x90, 0x80, 0x80, 0x80, 0x00]), None);
        assert_eq!(Oid::from_ber(&[0xff; 40]), None);
        assert_eq!(Oid::from_ber(&[1; MAX_ARCS + 1]), None);
    }

    #[test]
    fn identifiers_are_ordered_as_agents_order_them() {
        let mut oids: Vec<Oid> =
            ["1.3.10", "1.3.9.1", "1.3.9", "1.3.9.0.5"].iter().map(|text| text.parse().unwrap()).collect();
        oids.sort();
        assert_eq!(
            oids.iter().map(Oid::to_string).collect::<Vec<_>>(),
            ["1.3.9", "1.3.9.0.5", "1.3.9.1", "1.3.10"]
        );
    }

    #[test]
    fn a_text_that_is_no_identifier_is_refused() {
        for text in ["", ".", "1..3", "1.x", "-1.3", "1.3.", "1.3.4294967296", " 1.3"] {
            assert_eq!(text.parse::<Oid>(), Err(NotAnOid), "{text:?}");
        }
    }
}
