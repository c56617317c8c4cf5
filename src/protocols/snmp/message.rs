//! Requests and replies, on top of the SNMP crate's message layer.
//!
//! That layer encodes, signs, encrypts, and the same backwards; it neither compares a reply with its request nor
//! looks at error-status. That is done here and in [`usm`](super::usm).

use snmp2::{AsnReader, MessageType, Pdu, Varbinds, asn1, v3};

use super::ber;
use super::error::Error;
use super::oid::Oid;
use super::value::{Answer, Value};

/// The most bytes of varbinds that a request may carry. A request this large means a mistake, and the crate below
/// panics beyond 65,507.
const MAX_VARBINDS: usize = 16_384;

/// What is asked of the agent (RFC 3416, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Get,
    GetNext,
    /// With this many repetitions, and no non-repeaters.
    GetBulk(u32),
    Set,
}

impl Operation {
    /// For the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Operation::Get => "get",
            Operation::GetNext => "get-next",
            Operation::GetBulk(_) => "get-bulk",
            Operation::Set => "set",
        }
    }
}

/// A request without its identifier, ready to be sent any number of times.
pub(super) struct Request {
    pub(super) operation: Operation,
    varbinds: Vec<u8>,
    pub(super) count: usize,
}

impl Request {
    /// A request to read these objects, or what follows them.
    pub(super) fn read<'a>(
        operation: Operation,
        objects: impl IntoIterator<Item = &'a Oid>,
    ) -> Result<Request, Error> {
        let null = ber::tlv(asn1::TYPE_NULL, &[]);
        Request::encode(operation, objects.into_iter().map(|object| (object, Some(null.clone()))))
    }

    /// A request to write these values.
    pub(super) fn write(values: &[(Oid, Value)]) -> Result<Request, Error> {
        Request::encode(Operation::Set, values.iter().map(|(object, value)| (object, value.to_ber())))
    }

    /// How many bytes of varbinds are in it.
    pub(super) fn size(&self) -> usize {
        self.varbinds.len()
    }

    /// How many bytes of varbinds an object to be read takes, at most.
    pub(super) fn size_of(object: &Oid) -> usize {
        // An arc takes at most five octets; each of the tags and lengths here one.
        let arcs: usize = object.arcs().iter().map(|arc| if *arc < 128 { 1 } else { 5 }).sum();
        arcs.saturating_add(8)
    }

    fn encode<'a>(
        operation: Operation,
        rows: impl Iterator<Item = (&'a Oid, Option<Vec<u8>>)>,
    ) -> Result<Request, Error> {
        let mut varbinds = Vec::new();
        let mut count = 0;
        for (object, value) in rows {
            let (Some(object), Some(value)) = (object.to_ber(), value) else {
                return Err(Error::Misuse(
                    "an SNMP object identifier has at least two and at most 128 numbers",
                ));
            };
            let mut row = ber::tlv(asn1::TYPE_OBJECTIDENTIFIER, &object);
            row.extend(value);
            varbinds.extend(ber::tlv(asn1::TYPE_SEQUENCE, &row));
            count += 1;
        }
        if varbinds.len() > MAX_VARBINDS {
            return Err(Error::Misuse("an SNMP request is larger than 16 KiB"));
        }
        Ok(Request { operation, varbinds, count })
    }

    /// The bytes of an SNMPv1 or SNMPv2c message.
    pub(super) fn with_community(
        &self,
        version: snmp2::Version,
        community: &[u8],
        id: i32,
    ) -> Result<Vec<u8>, snmp2::Error> {
        let template = if version == snmp2::Version::V1 { &EMPTY_V1 } else { &EMPTY_V2C };
        let mut pdu = Pdu::from_bytes(template)?;
        pdu.community = community;
        self.fill(&mut pdu, id);
        pdu.to_bytes()
    }

    /// The bytes of an SNMPv3 message, signed and encrypted as the security state says.
    pub(super) fn with_security(&self, security: &v3::Security, id: i32) -> Result<Vec<u8>, snmp2::Error> {
        let mut blank = v3::Security::new(&[], &[]).with_auth(v3::Auth::NoAuthNoPriv).with_engine_id(&[0])?;
        let mut pdu = Pdu::from_bytes_with_security(&EMPTY_V3, Some(&mut blank))?;
        self.fill(&mut pdu, id);
        pdu.to_bytes_with_security(Some(security))
    }

    fn fill<'a>(&'a self, pdu: &mut Pdu<'a>, id: i32) {
        pdu.req_id = id;
        pdu.varbinds = Varbinds::from_bytes(&self.varbinds);
        pdu.message_type = match self.operation {
            Operation::Get => MessageType::GetRequest,
            Operation::GetNext => MessageType::GetNextRequest,
            Operation::GetBulk(_) => MessageType::GetBulkRequest,
            Operation::Set => MessageType::SetRequest,
        };
        // In a GetBulkRequest, these two places hold non-repeaters and max-repetitions (RFC 3416, section 3).
        pdu.error_status = 0;
        pdu.error_index = if let Operation::GetBulk(repetitions) = self.operation { repetitions } else { 0 };
    }
}

/// The crate makes a message only out of one that it has read. These are the smallest there are: empty get
/// requests, of which everything but the version is replaced.
const EMPTY_V1: [u8; 20] = [0x30, 18, 2, 1, 0, 4, 0, 0xa0, 11, 2, 1, 0, 2, 1, 0, 2, 1, 0, 0x30, 0];
const EMPTY_V2C: [u8; 20] = [0x30, 18, 2, 1, 1, 4, 0, 0xa0, 11, 2, 1, 0, 2, 1, 0, 2, 1, 0, 0x30, 0];
#[rustfmt::skip]
const EMPTY_V3: [u8; 57] = [
    0x30, 55, 2, 1, 3,
    // Message identifier, size, flags, security model.
    0x30, 12, 2, 1, 0, 2, 1, 0, 4, 1, 0, 2, 1, 3,
    // Engine identifier, boots, time, user, authentication and privacy parameters.
    4, 17, 0x30, 15, 4, 1, 0, 2, 1, 0, 2, 1, 0, 4, 0, 4, 0, 4, 0,
    // Context engine identifier and name, the request.
    0x30, 17, 4, 0, 4, 0, 0xa0, 11, 2, 1, 0, 2, 1, 0, 2, 1, 0, 0x30, 0,
];

/// A reply that has been matched with its request.
#[derive(Debug)]
pub(super) struct Reply {
    /// error-status, 0 for none.
    pub(super) status: u32,
    /// error-index: the place of the object in question, counted from 1.
    pub(super) index: u32,
    /// The objects and what is said of them. Empty where `status` isn't 0: what an agent puts beside an error
    /// says nothing.
    pub(super) answers: Vec<(Oid, Answer)>,
}

impl Reply {
    /// Takes everything out of a message. The reason, where something in it can't be read.
    pub(super) fn read(pdu: &Pdu<'_>) -> Result<Reply, &'static str> {
        let mut answers = Vec::new();
        if pdu.error_status == 0 {
            // The crate's iterator ends silently at the first row it can't read: who takes the answers counts them.
            for (name, value) in pdu.varbinds.clone() {
                let name =
                    Oid::from_ber(name.as_bytes()).ok_or("an object identifier in it can't be read")?;
                answers.push((name, Answer::read(&value)?));
            }
        }
        Ok(Reply { status: pdu.error_status, index: pdu.error_index, answers })
    }
}

/// Cuts a datagram to the message in it. `None` where it doesn't begin with a whole one.
///
/// The crate finds the signature's place by counting from the end of what it is given, so nothing may follow.
pub(super) fn trim(datagram: &mut [u8]) -> Option<&mut [u8]> {
    let mut reader = AsnReader::from_bytes(datagram);
    reader.read_raw(asn1::TYPE_SEQUENCE).ok()?;
    let length = datagram.len().checked_sub(reader.bytes_left())?;
    datagram.get_mut(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_its_objects_identifier_and_repetitions() {
        let objects = [Oid::from([1, 3, 6, 1, 2, 1, 1, 2, 0]), Oid::from([1, 3, 6, 1, 4, 1, 318])];
        let request = Request::read(Operation::GetBulk(25), &objects).unwrap();
        let bytes = request.with_community(snmp2::Version::V2C, b"public", 77).unwrap();
        let pdu = Pdu::from_bytes(&bytes).unwrap();
        assert_eq!(pdu.message_type, MessageType::GetBulkRequest);
        assert_eq!(pdu.community, b"public");
        assert_eq!(pdu.version(), Ok(snmp2::Version::V2C));
        assert_eq!((pdu.req_id, pdu.error_status, pdu.error_index), (77, 0, 25));
        let names: Vec<Oid> = pdu.varbinds.map(|(name, _)| Oid::from_ber(name.as_bytes()).unwrap()).collect();
        assert_eq!(names, objects);
    }

    #[test]
    fn what_follows_a_message_in_its_datagram_is_cut_off() {
        let mut datagram = EMPTY_V1.to_vec();
        datagram.extend([1, 2, 3]);
        assert_eq!(trim(&mut datagram).map(|message| message.to_vec()), Some(EMPTY_V1.to_vec()));
        assert_eq!(trim(&mut EMPTY_V1.to_vec()[..19]), None);
        assert_eq!(trim(&mut []), None);
    }

    #[test]
    fn a_request_beyond_the_limit_is_refused_before_it_is_encoded() {
        let value = Value::Octets(vec![0; 70_000]);
        let request = Request::write(&[(Oid::from([1, 3]), value)]);
        assert!(matches!(request, Err(Error::Misuse(_))));
    }
}
