//! A datagram of SNMPv1 or SNMPv2c, and what its values mean for outlets and ports. The first byte chooses what the input
//! is: a datagram, the varbinds of one, or values that are written and read again.

use fence_agents::agents::snmp::families::{self, State};
use fence_agents::protocols::snmp::fuzzing::{Heard, Response, community, varbind};
use fence_agents::protocols::snmp::{Answer, CommunityVersion, ErrorStatus, Oid, Value};

use super::ber::{all, number, tlv};
use super::common::Input;

/// The number and the community that the seeds answer.
pub(super) const ID: i32 = 0x0102_0304;
const COMMUNITY: &[u8] = b"private";

/// Reads any input.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => datagram(input.rest()),
        1 => varbinds(input),
        _ => values(input),
    }
}

fn datagram(bytes: &[u8]) {
    for version in [CommunityVersion::V1, CommunityVersion::V2c] {
        if let Heard::Reply(response) = community(bytes, version, COMMUNITY, ID) {
            meaning(&response, bytes.len());
            // It answers no other request, and nobody else.
            assert!(matches!(community(bytes, version, COMMUNITY, ID + 1), Heard::Nothing));
            assert!(matches!(community(bytes, version, b"public", ID), Heard::Nothing));
            let other =
                if version == CommunityVersion::V1 { CommunityVersion::V2c } else { CommunityVersion::V1 };
            assert!(matches!(community(bytes, other, COMMUNITY, ID), Heard::Nothing));
            assert!(bytes.windows(COMMUNITY.len()).any(|part| part == COMMUNITY));
        }
    }
}

/// A response of SNMPv2c with these varbinds.
pub(super) fn response(status: u8, varbinds: &[u8]) -> Vec<u8> {
    all(0xA2, &[&number(ID), &tlv(2, &[status]), &tlv(2, &[1]), &tlv(0x30, varbinds)])
}

fn message(pdu: &[u8]) -> Vec<u8> {
    all(0x30, &[&tlv(2, &[1]), &tlv(4, COMMUNITY), pdu])
}

fn varbinds(mut input: Input<'_>) {
    let status = input.byte();
    let varbinds = input.rest();
    if varbinds.len() > 60_000 {
        return;
    }
    let message = message(&response(status, varbinds));
    if let Heard::Reply(response) = community(&message, CommunityVersion::V2c, COMMUNITY, ID) {
        // An agent that reports an error says nothing else.
        assert!(status == 0 || response.answers.is_empty());
        meaning(&response, message.len());
    }
}

/// What is written reads the same.
fn values(mut input: Input<'_>) {
    let mut rows = Vec::new();
    while !input.0.is_empty() && rows.len() < 64 {
        let kind = input.byte();
        let length = usize::from(input.byte());
        let bytes = input.bytes(length);
        let wide = bytes.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let narrow = wide as u32;
        let oid = Oid::new(bytes.iter().map(|byte| u32::from(*byte) * 16_843_009).collect::<Vec<_>>());
        let value = match kind % 9 {
            0 => Value::Integer(wide as i64),
            1 => Value::Octets(bytes.to_vec()),
            2 => Value::ObjectId(oid),
            3 => Value::IpAddress(narrow.to_be_bytes()),
            4 => Value::Counter32(narrow),
            5 => Value::Unsigned32(narrow),
            6 => Value::TimeTicks(narrow),
            7 => Value::Opaque(bytes.to_vec()),
            _ => Value::Counter64(wide),
        };
        let object = Oid::from([1, 3, 6, 1, 4, 1, u32::from(kind), narrow]);
        if let Some(row) = varbind(&object, &value) {
            rows.push((row, object, value));
        }
    }
    let varbinds: Vec<u8> = rows.iter().flat_map(|(row, ..)| row.clone()).collect();
    let message = message(&response(0, &varbinds));
    let Heard::Reply(response) = community(&message, CommunityVersion::V2c, COMMUNITY, ID) else {
        panic!("what was written can't be read: {rows:?}")
    };
    let written: Vec<_> = rows.into_iter().map(|(_, object, value)| (object, Answer::Value(value))).collect();
    assert_eq!(response.answers, written);
}

/// What holds for every reply: it is no larger than what came, and off is a number in an INTEGER.
pub(super) fn meaning(response: &Response, length: usize) {
    assert!(response.answers.len() * 4 <= length);
    assert!(response.status == 0 || response.answers.is_empty());
    let _ = ErrorStatus::from_number(response.status);
    for (object, answer) in &response.answers {
        assert!(object.arcs().len() <= 129 && object.to_string().len() < 129 * 11);
        let number = answer.value().and_then(Value::as_integer);
        let is_number = matches!(answer, Answer::Value(Value::Integer(_) | Value::Unsigned32(_)));
        assert_eq!(number.is_some(), is_number);
        for family in families::FAMILIES {
            let alone = family.state(number, &[]);
            assert_eq!(alone == State::Off, number == Some(family.states.off), "{answer:?}");
            // A pending command that isn't known to be none makes every state uncertain.
            let Some(pending) = family.pending.first() else { continue };
            if number.is_some_and(|number| !pending.no.have(number)) {
                let state = family.state(Some(family.states.off), &[number]);
                assert!(!matches!(state, State::Off | State::On));
            }
        }
        let shown = answer.value().map(Value::to_string).unwrap_or_default();
        assert!(shown.len() <= length * 10 + 20);
    }
}
