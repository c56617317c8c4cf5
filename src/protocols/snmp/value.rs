//! Values, and answers that hold none.

use std::fmt;

use crate::base::Told;

use super::ber;
use super::oid::Oid;

/// A value of an object (RFC 2578, section 7.1). There is no "null" and no "no such object" in it: what is
/// missing is no value, see [`Answer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// INTEGER, Integer32.
    Integer(i64),
    /// OCTET STRING: text in an encoding of the device's choice, or bytes.
    Octets(Vec<u8>),
    /// OBJECT IDENTIFIER.
    ObjectId(Oid),
    /// IpAddress.
    IpAddress([u8; 4]),
    /// Counter32.
    Counter32(u32),
    /// Gauge32, Unsigned32.
    Unsigned32(u32),
    /// TimeTicks: hundredths of a second.
    TimeTicks(u32),
    /// Opaque.
    Opaque(Vec<u8>),
    /// Counter64.
    Counter64(u64),
}

impl Value {
    /// The number where this is an INTEGER or Unsigned32, the two types that states are written in.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            Value::Unsigned32(number) => Some(i64::from(*number)),
            _ => None,
        }
    }

    /// The text where this is an OCTET STRING: trailing NULs that some devices add are taken off, and bytes that
    /// aren't UTF-8 become replacement characters.
    pub fn as_text(&self) -> Option<String> {
        match self {
            Value::Octets(bytes) => Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()),
            _ => None,
        }
    }

    /// The object identifier where this is one.
    pub fn as_oid(&self) -> Option<&Oid> {
        match self {
            Value::ObjectId(oid) => Some(oid),
            _ => None,
        }
    }

    /// How many bytes it takes in memory, beyond those that every value takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Value::Octets(bytes) | Value::Opaque(bytes) => bytes.len(),
            Value::ObjectId(oid) => oid.size(),
            _ => 0,
        }
    }

    /// The BER encoding with tag and length. `None` where an object identifier in it has none.
    pub(super) fn to_ber(&self) -> Option<Vec<u8>> {
        Some(match self {
            Value::Integer(number) => ber::integer(snmp2::asn1::TYPE_INTEGER, i128::from(*number)),
            Value::Octets(bytes) => ber::tlv(snmp2::asn1::TYPE_OCTETSTRING, bytes),
            Value::ObjectId(oid) => ber::tlv(snmp2::asn1::TYPE_OBJECTIDENTIFIER, &oid.to_ber()?),
            Value::IpAddress(address) => ber::tlv(snmp2::snmp::TYPE_IPADDRESS, address),
            Value::Counter32(number) => ber::integer(snmp2::snmp::TYPE_COUNTER32, i128::from(*number)),
            Value::Unsigned32(number) => ber::integer(snmp2::snmp::TYPE_UNSIGNED32, i128::from(*number)),
            Value::TimeTicks(number) => ber::integer(snmp2::snmp::TYPE_TIMETICKS, i128::from(*number)),
            Value::Opaque(bytes) => ber::tlv(snmp2::snmp::TYPE_OPAQUE, bytes),
            Value::Counter64(number) => ber::integer(snmp2::snmp::TYPE_COUNTER64, i128::from(*number)),
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => write!(f, "{number}"),
            Value::Octets(bytes) => write!(f, "\"{}\"", Told::of_bytes(bytes)),
            Value::ObjectId(oid) => write!(f, "{oid}"),
            Value::IpAddress([a, b, c, d]) => write!(f, "{a}.{b}.{c}.{d}"),
            Value::Counter32(number) | Value::Unsigned32(number) | Value::TimeTicks(number) => {
                write!(f, "{number}")
            }
            Value::Opaque(bytes) => write!(f, "{} opaque bytes", bytes.len()),
            Value::Counter64(number) => write!(f, "{number}"),
        }
    }
}

/// What an agent says of one object it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// It exists, and has this value.
    Value(Value),
    /// It doesn't exist, or these credentials don't show it: noSuchName in SNMPv1; noSuchObject, noSuchInstance
    /// or endOfMibView in the later versions. Never a state.
    NoSuchObject,
}

impl Answer {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Answer::Value(value) => Some(value),
            Answer::NoSuchObject => None,
        }
    }

    /// What stands in a varbind of a reply, or the reason why nothing can be read from it. NULL is no answer: an
    /// agent puts it where it has nothing to say, and an unauthorised user may meet it in an otherwise fine reply.
    pub(super) fn read(value: &snmp2::Value<'_>) -> Result<Answer, &'static str> {
        use snmp2::Value as Wire;
        Ok(Answer::Value(match value {
            Wire::Integer(number) => Value::Integer(*number),
            Wire::OctetString(bytes) => Value::Octets(bytes.to_vec()),
            Wire::ObjectIdentifier(oid) => match Oid::from_ber(oid.as_bytes()) {
                Some(oid) => Value::ObjectId(oid),
                None => return Err("an object identifier in it can't be read"),
            },
            Wire::IpAddress(address) => Value::IpAddress(*address),
            Wire::Counter32(number) => Value::Counter32(*number),
            Wire::Unsigned32(number) => Value::Unsigned32(*number),
            Wire::Timeticks(number) => Value::TimeTicks(*number),
            Wire::Opaque(bytes) => Value::Opaque(bytes.to_vec()),
            Wire::Counter64(number) => Value::Counter64(*number),
            Wire::NoSuchObject | Wire::NoSuchInstance | Wire::EndOfMibView => {
                return Ok(Answer::NoSuchObject);
            }
            Wire::Null => return Err("it holds NULL where a value belongs"),
            _ => return Err("it holds a value of a type that no object has"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_numbers() {
        assert_eq!(Value::Integer(2).as_integer(), Some(2));
        assert_eq!(Value::Unsigned32(2).as_integer(), Some(2));
        assert_eq!(Value::Octets(b"2".to_vec()).as_integer(), None);
        assert_eq!(Value::Counter32(2).as_integer(), None);
        assert_eq!(Value::TimeTicks(2).as_integer(), None);
    }

    #[test]
    fn null_and_the_exceptions_are_never_values() {
        assert!(Answer::read(&snmp2::Value::Null).is_err());
        assert!(Answer::read(&snmp2::Value::Boolean(true)).is_err());
        for missing in [snmp2::Value::NoSuchObject, snmp2::Value::NoSuchInstance, snmp2::Value::EndOfMibView]
        {
            assert_eq!(Answer::read(&missing), Ok(Answer::NoSuchObject));
        }
    }

    #[test]
    fn every_type_reads_back_as_it_was_written() {
        for value in [
            Value::Integer(-129),
            Value::Integer(0),
            Value::Integer(i64::from(i32::MAX)),
            Value::Octets(vec![7; 300]),
            Value::ObjectId(Oid::from([1, 3, 6, 1])),
            Value::IpAddress([192, 0, 2, 1]),
            Value::Counter32(u32::MAX),
            Value::Unsigned32(128),
            Value::TimeTicks(1),
            Value::Opaque(vec![]),
            Value::Counter64(u64::MAX),
        ] {
            let bytes = value.to_ber().unwrap();
            let read = snmp2::AsnReader::from_bytes(&bytes).next().unwrap();
            assert_eq!(Answer::read(&read), Ok(Answer::Value(value)));
        }
    }
}
