//! What somebody between agent and device can make of SNMP messages, and errors that a device answers with
//! (BER, RFC 3417 section 8; messages of RFC 1157, 3412, 3414; PDUs of RFC 3416).

use std::ops::Range;

use crate::faults::Dice;
use crate::relay::{Direction, Packet};
use crate::stand::Words;

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const GET: u8 = 0xa0;
const RESPONSE: u8 = 0xa2;
const SET: u8 = 0xa3;
const GET_BULK: u8 = 0xa5;
const REPORT: u8 = 0xa8;

/// One element of a message: its tag, and where its content lies.
#[derive(Clone, Debug)]
struct Element {
    tag: u8,
    content: Range<usize>,
}

/// The elements within a range; as many as can be read.
fn elements(bytes: &[u8], range: Range<usize>) -> Vec<Element> {
    let mut found = Vec::new();
    let mut at = range.start;
    while let (Some(tag), Some(first)) = (bytes.get(at), bytes.get(at + 1)) {
        let (header, length) = match *first {
            short @ 0..=0x7f => (2, usize::from(short)),
            long => {
                let count = usize::from(long & 0x7f);
                let Some(octets) = bytes.get(at + 2..at + 2 + count.min(4)) else { break };
                (2 + count, octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)))
            }
        };
        let content = at + header..at + header + length;
        if content.end > range.end {
            break;
        }
        at = content.end;
        found.push(Element { tag: *tag, content });
    }
    found
}

fn inside(bytes: &[u8], element: Option<&Element>) -> Vec<Element> {
    element.map(|element| elements(bytes, element.content.clone())).unwrap_or_default()
}

/// The parts of a message.
struct Message {
    /// Version, community and PDU; or version, header, security parameters and scoped PDU.
    parts: Vec<Element>,
    v3: bool,
}

impl Message {
    fn read(bytes: &[u8]) -> Option<Message> {
        let whole = elements(bytes, 0..bytes.len());
        let parts = inside(bytes, whole.first());
        let v3 = parts.len() == 4;
        (parts.len() >= 3).then_some(Message { parts, v3 })
    }

    /// request-id, error-status, error-index, variable bindings: where the PDU isn't encrypted.
    fn pdu(&self, bytes: &[u8]) -> Option<(u8, Vec<Element>)> {
        let pdu = if self.v3 {
            let scoped = self.parts.get(3).filter(|scoped| scoped.tag == SEQUENCE);
            inside(bytes, scoped).get(2)?.clone()
        } else {
            self.parts.get(2)?.clone()
        };
        let parts = inside(bytes, Some(&pdu));
        (parts.len() == 4).then_some((pdu.tag, parts))
    }

    /// msgID, msgMaxSize, msgFlags, msgSecurityModel.
    fn header(&self, bytes: &[u8]) -> Option<Vec<Element>> {
        let header = inside(bytes, self.parts.get(1).filter(|_| self.v3));
        (header.len() == 4).then_some(header)
    }

    /// Engine, boots, time, user, signature, salt.
    fn security(&self, bytes: &[u8]) -> Option<Vec<Element>> {
        let outer = inside(bytes, self.parts.get(2).filter(|part| self.v3 && part.tag == OCTETS));
        let security = inside(bytes, outer.first());
        (security.len() == 6).then_some(security)
    }
}

/// The answer as a device would give it that fails with this error-status; the first object is to blame. Only
/// where the PDU can be seen: at a level with a signature the device would have to sign it.
pub fn with_error(bytes: &[u8], status: u8) -> Option<Vec<u8>> {
    let (tag, pdu) = Message::read(bytes)?.pdu(bytes)?;
    let (code, index) = (pdu.get(1)?.content.clone(), pdu.get(2)?.content.clone());
    if tag != RESPONSE || code.len() != 1 || index.len() != 1 {
        return None;
    }
    let mut altered = bytes.to_vec();
    altered[code.start] = status;
    altered[index.start] = 1;
    Some(altered)
}

/// The answer of a device that refuses a write with this error-status, where the PDU can be seen; `None` for what is no
/// write.
pub fn refusal(bytes: &[u8], status: u8) -> Option<Vec<u8>> {
    let (tag, pdu) = Message::read(bytes)?.pdu(bytes)?;
    // The PDU's own tag stands before its length and its first element.
    let begin = pdu.first()?.content.start;
    let at = bytes.get(..begin)?.iter().rposition(|byte| *byte == SET).filter(|_| tag == SET)?;
    let mut answer = bytes.to_vec();
    answer[at] = RESPONSE;
    with_error(&answer, status)
}

/// Whether a request asks for several objects at once, or with a get-bulk: where the PDU can be seen.
pub fn asks_for_much(bytes: &[u8]) -> Option<(bool, bool)> {
    let (tag, pdu) = Message::read(bytes)?.pdu(bytes)?;
    Some((inside(bytes, pdu.get(3)).len() > 1, tag == GET_BULK))
}

/// Turns every on or off among the values into the other one; in a text of many states, each of them.
fn flip(bytes: &mut [u8], words: Words) -> bool {
    let Some((_, pdu)) = Message::read(bytes).and_then(|message| message.pdu(bytes)) else { return false };
    let octet = |word: i64| u8::try_from(word).unwrap_or(1);
    let (on, off) = (octet(words.on), octet(words.off));
    for binding in inside(bytes, pdu.get(3)) {
        let Some(Element { tag, content }) = inside(bytes, Some(&binding)).get(1).cloned() else { continue };
        if tag == INTEGER && content.len() == 1 {
            let value = &mut bytes[content.start];
            *value = if *value == on { off } else { on };
        } else if tag == OCTETS && bytes[content.clone()].contains(&b',') {
            for digit in &mut bytes[content] {
                *digit = match *digit {
                    b'0' => b'1',
                    b'1' => b'0',
                    other => other,
                };
            }
        }
    }
    true
}

/// Puts other bytes in the place of an element of the same length.
fn put(bytes: &mut [u8], at: Option<&Element>, other: &[u8]) -> bool {
    match at {
        Some(element) if element.content.len() == other.len() => {
            bytes[element.content.clone()].copy_from_slice(other);
            true
        }
        _ => false,
    }
}

/// The answer to a question about the neighbours of the objects that were asked for, with the opposite of what they
/// hold: everything else in it is right. Only of a question that names its objects: what follows an object can have
/// any name.
pub(super) fn renamed(bytes: &[u8], seen: &[(Direction, Vec<u8>)], words: Words) -> Option<Vec<u8>> {
    let mut forged = bytes.to_vec();
    let (tag, pdu) = Message::read(&forged)?.pdu(&forged)?;
    let id = forged.get(pdu.first()?.content.clone())?.to_vec();
    let asked = seen.iter().rev().filter(|(way, _)| *way == Direction::ToDevice).find_map(|(_, bytes)| {
        let (tag, pdu) = Message::read(bytes)?.pdu(bytes)?;
        (bytes.get(pdu.first()?.content.clone())? == id).then_some(tag)
    })?;
    if tag != RESPONSE || ![GET, SET].contains(&asked) || !flip(&mut forged, words) {
        return None;
    }
    for binding in inside(&forged, pdu.get(3)) {
        let name = inside(&forged, Some(&binding)).first()?.content.clone();
        // The last number of a row is small: one octet, and another outlet or port.
        let last = forged.get_mut(name.end.checked_sub(1)?)?;
        *last = if *last % 2 == 0 { *last + 1 } else { *last - 1 };
    }
    Some(forged)
}

/// What somebody sends who sees nothing of the request: the answer with everything turned into its opposite, and
/// identifiers that are guessed. Or what an agent may mix up: the answer to another question under this one's
/// identifier.
///
/// In versions 1 and 2c, and in 3 without a signature, nothing but the identifier and the objects' names tie an answer
/// to its request. Who sees them can write any answer, and no agent can tell; UDP's checksum stands against accidents
/// and against nobody's intention. So an answer with both right isn't forged there, and none is corrupted.
pub(super) fn blind(
    packet: Packet,
    seen: &[(Direction, Vec<u8>)],
    words: Words,
    dice: &mut Dice,
) -> Option<Vec<u8>> {
    if packet.direction == Direction::ToAgent
        && dice.chance(50)
        && let Some(forged) = renamed(packet.bytes, seen, words)
    {
        return Some(forged);
    }
    let mut forged = packet.bytes.to_vec();
    flip(&mut forged, words);
    let message = Message::read(&forged)?;
    let (_, pdu) = message.pdu(&forged)?;
    let mut guess = dice.bytes(pdu.first()?.content.len());
    guess[0] &= 0x7f;
    if guess == forged[pdu.first()?.content.clone()] {
        return None;
    }
    put(&mut forged, pdu.first(), &guess);
    if let Some(header) = message.header(&forged) {
        let mut guess = dice.bytes(header.first()?.content.len());
        guess[0] &= 0x7f;
        if guess == packet.bytes[header.first()?.content.clone()] {
            return None;
        }
        put(&mut forged, header.first(), &guess);
    }
    Some(forged)
}

/// What somebody on the way sends who sees everything and has no key: the opposite answer with the true signature or
/// none, an old answer with the identifier of the request, reports without a signature.
pub(super) fn on_the_way(
    packet: Packet,
    seen: &[(Direction, Vec<u8>)],
    words: Words,
    dice: &mut Dice,
) -> Option<Vec<u8>> {
    let mut forged = packet.bytes.to_vec();
    let message = Message::read(&forged)?;
    let header = message.header(&forged)?;
    match dice.below(5) {
        // The opposite, signed as the true one was; where it is encrypted, with other bytes at its end.
        0 => {
            if !flip(&mut forged, words) {
                let end = forged.len();
                let tail = dice.bytes(8.min(end));
                forged[end - tail.len()..].copy_from_slice(&tail);
            }
        }
        // The same as if it had never been signed.
        1 => {
            flip(&mut forged, words);
            put(&mut forged, header.get(2), &[0]);
            let signature = message.security(&forged)?.get(4)?.clone();
            forged[signature.content].fill(0);
        }
        // An old one with the identifier of this one.
        2 => {
            let old: Vec<_> = seen.iter().filter(|(way, _)| *way == packet.direction).collect();
            let id = packet.bytes[header.first()?.content.clone()].to_vec();
            forged = if old.is_empty() { return None } else { dice.pick(&old).1.clone() };
            let old = Message::read(&forged)?.header(&forged)?;
            if !put(&mut forged, old.first(), &id) {
                return None;
            }
        }
        // A signature that is none.
        3 => {
            flip(&mut forged, words);
            let signature = message.security(&forged)?.get(4)?.clone();
            let random = dice.bytes(signature.content.len());
            put(&mut forged, Some(&signature), &random);
        }
        // unsupportedSecLevels, notInTimeWindows, unknownUserNames, unknownEngineIDs, wrongDigests, decryptionErrors.
        _ => {
            if packet.direction == Direction::ToDevice {
                return None;
            }
            let security = message.security(&forged)?;
            let engine = if dice.chance(50) {
                forged[security.first()?.content.clone()].to_vec()
            } else {
                dice.bytes(12)
            };
            let id = forged[header.first()?.content.clone()].to_vec();
            forged = report(&id, &engine, dice.number() as u8 & 0x7f, 1 + dice.below(6) as u8);
        }
    }
    Some(forged)
}

fn element(tag: u8, parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    // Nothing here is longer than that.
    let mut bytes = match u8::try_from(content.len()) {
        Ok(length @ 0..=0x7f) => vec![tag, length],
        Ok(length) => vec![tag, 0x81, length],
        Err(_) => vec![tag, 0x82, (content.len() >> 8) as u8, content.len() as u8],
    };
    bytes.extend(content);
    bytes
}

/// A report of a usmStats counter (RFC 3414, section 5) by nobody in particular.
fn report(id: &[u8], engine: &[u8], clock: u8, counter: u8) -> Vec<u8> {
    let octets = |bytes: &[u8]| element(OCTETS, &[bytes.to_vec()]);
    let number = |byte: u8| element(INTEGER, &[vec![byte]]);
    let id = element(INTEGER, &[id.to_vec()]);
    let header =
        element(SEQUENCE, &[id.clone(), element(INTEGER, &[vec![0, 0xff, 0xff]]), octets(&[0]), number(3)]);
    let security = element(
        SEQUENCE,
        &[octets(engine), number(clock), number(clock), octets(&[]), octets(&[]), octets(&[])],
    );
    let name = element(OID, &[vec![0x2b, 6, 1, 6, 3, 15, 1, 1, counter, 0]]);
    let binding = element(SEQUENCE, &[name, element(0x41, &[vec![1]])]);
    let pdu = element(REPORT, &[id, number(0), number(0), element(SEQUENCE, &[binding])]);
    let scoped = element(SEQUENCE, &[octets(engine), octets(&[]), pdu]);
    element(SEQUENCE, &[number(3), header, octets(&security), scoped])
}
