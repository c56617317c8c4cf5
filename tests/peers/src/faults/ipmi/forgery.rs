//! Datagrams that nobody sent: IPMI packets as somebody on the way makes them who knows no key.

use crate::bmc::{Draft, Wrapping, set_checksums};
use crate::faults::Dice;
use crate::relay::{Direction, Packet};

type Seen = [(Direction, Vec<u8>)];
type Forgery = fn(Packet, &Seen, &mut Dice) -> Option<Vec<u8>>;

/// How to forge, and whether only a session whose packets carry a code can tell.
const FORGERIES: [(Forgery, bool); 9] = [
    (garbage, false),
    (reflection, false),
    (outside_any_session, false),
    (outside_any_session, false),
    (refused_handshake, false),
    (plain_in_the_session, true),
    (plain_in_the_session, true),
    (renumbered, true),
    (stripped, true),
];

/// Whether an altered datagram may pass. Where the session's packets carry no code, one byte may differ, which the
/// checksums of the message show for sure; more may cancel out.
pub(super) fn guard(strong: bool) -> impl FnMut(Direction, &[u8], &[u8]) -> bool + Send {
    move |_, original, altered| {
        let differ = original.iter().zip(altered).filter(|(one, other)| one != other).count();
        strong || original.len() != altered.len() || differ == 1
    }
}

pub(super) fn forger(strong: bool) -> impl FnMut(Packet, &Seen, &mut Dice) -> Option<Vec<u8>> + Send {
    move |packet, seen, dice| {
        loop {
            let (forge, needs_code) = dice.pick(&FORGERIES);
            if strong || !needs_code {
                return forge(packet, seen, dice);
            }
        }
    }
}

fn garbage(packet: Packet, _: &Seen, dice: &mut Dice) -> Option<Vec<u8>> {
    let mut bytes = dice.bytes(packet.bytes.len());
    // As RMCP of class IPMI, so that somebody looks into it.
    let header = [6, 0, 0xff, 7];
    bytes.iter_mut().zip(header).for_each(|(byte, right)| *byte = right);
    Some(bytes)
}

/// What was said last in the other direction.
fn reflection(packet: Packet, seen: &Seen, _: &mut Dice) -> Option<Vec<u8>> {
    seen.iter().rev().find(|(way, _)| *way != packet.direction).map(|(_, bytes)| bytes.clone())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Where an IPMI message begins in this packet, if it is in clear.
fn message_at(bytes: &[u8]) -> Option<usize> {
    match bytes.get(4)? {
        6 if bytes.get(5)? & 0x80 == 0 => Some(16),
        6 => None,
        0 => Some(14),
        _ => Some(30),
    }
}

/// Session id and session sequence number.
fn session_of(bytes: &[u8]) -> Option<(u32, u32)> {
    if *bytes.get(4)? == 6 {
        Some((word(bytes, 6)?, word(bytes, 10)?))
    } else {
        Some((word(bytes, 9)?, word(bytes, 5)?))
    }
}

/// An answer that tells a power state or that all is done; for the device, a power command.
fn message(packet: Packet, dice: &mut Dice) -> Vec<u8> {
    const SENT_WITH: usize = 4;
    let known = message_at(packet.bytes).and_then(|at| packet.bytes.get(at + SENT_WITH));
    let rq_seq = known.copied().unwrap_or(dice.number() as u8 & 0xfc);
    let power = u8::from(dice.chance(30));
    let mut message = match packet.direction {
        Direction::ToAgent if dice.chance(70) => {
            vec![0x81, 1 << 2, 0, 0x20, rq_seq, 1, 0, 0x20 | power, 0, 0, 0]
        }
        Direction::ToAgent => vec![0x81, 1 << 2, 0, 0x20, rq_seq, 2, 0, 0],
        Direction::ToDevice => vec![0x20, 0, 0, 0x81, rq_seq, 2, power, 0],
    };
    set_checksums(&mut message);
    message
}

fn sealed(payload: Vec<u8>, wrapping: Wrapping) -> Option<Vec<u8>> {
    Some(Draft { payload, wrapping, flaw: None, delay: std::time::Duration::ZERO }.seal())
}

fn bare(v20: bool, session: u32, sequence: u32) -> Wrapping {
    if v20 {
        Wrapping::V20 { payload_type: 0, session, sequence, keys: None }
    } else {
        Wrapping::V15 { auth_type: 0, password: [0; 16], sequence, session }
    }
}

fn outside_any_session(packet: Packet, _: &Seen, dice: &mut Dice) -> Option<Vec<u8>> {
    sealed(message(packet, dice), bare(dice.chance(50), 0, 0))
}

fn plain_in_the_session(packet: Packet, _: &Seen, dice: &mut Dice) -> Option<Vec<u8>> {
    let (session, sequence) = session_of(packet.bytes)?;
    let next = sequence.wrapping_add(dice.below(3) as u32);
    sealed(message(packet, dice), bare(dice.chance(60), session, next))
}

/// "No" to Open Session or RAKP 1 or 3, or a "yes" without what belongs to it.
fn refused_handshake(packet: Packet, _: &Seen, dice: &mut Dice) -> Option<Vec<u8>> {
    let kind = packet.bytes.get(5)? & 0x3f;
    let its = packet.bytes.get(16..24)?;
    if packet.bytes.get(4) != Some(&6) || ![0x11, 0x13, 0x15].contains(&kind) {
        return None;
    }
    let mut payload = its.to_vec();
    payload[1] = dice.below(0x13) as u8;
    sealed(payload, Wrapping::V20 { payload_type: kind, session: 0, sequence: 0, keys: None })
}

/// The datagram under another session sequence number.
fn renumbered(packet: Packet, _: &Seen, dice: &mut Dice) -> Option<Vec<u8>> {
    let at = if *packet.bytes.get(4)? == 6 { 10 } else { 5 };
    let number = word(packet.bytes, at)?.wrapping_add(dice.between(1, 20) as u32);
    session_of(packet.bytes).filter(|(session, _)| *session != 0)?;
    let mut bytes = packet.bytes.to_vec();
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    Some(bytes)
}

/// The datagram with the bits cleared that say that it is authenticated and encrypted.
fn stripped(packet: Packet, _: &Seen, dice: &mut Dice) -> Option<Vec<u8>> {
    let mut bytes = packet.bytes.to_vec();
    if *bytes.get(4)? != 6 {
        return None;
    }
    *bytes.get_mut(5)? &= *dice.pick(&[0x3f, 0x7f, 0xbf]);
    (bytes != packet.bytes).then_some(bytes)
}
