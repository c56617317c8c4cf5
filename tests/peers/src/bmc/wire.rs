//! Packets: taking apart what came in, putting together what goes out.

use std::time::Duration;

use super::crypto::{Keys, v15_code};

/// A datagram to be sent, still in parts, so that a test can spoil exactly one of them.
#[derive(Clone, Debug)]
pub struct Draft {
    /// In clear: an IPMI message with its checksums, or the body of an Open Session or RAKP message.
    pub payload: Vec<u8>,
    /// What goes around it.
    pub wrapping: Wrapping,
    /// Something to be wrong about the wrapping.
    pub flaw: Option<Flaw>,
    /// How long it is held back.
    pub delay: Duration,
}

/// The session header and trailer of a [`Draft`].
#[derive(Clone, Debug)]
pub enum Wrapping {
    /// No session layer: the payload is the datagram.
    Bare,
    /// IPMI 1.5 (13.6).
    V15 {
        /// 0 none, 2 MD5, 4 password.
        auth_type: u8,
        /// The password that makes the AuthCode.
        password: [u8; 16],
        /// Session sequence number.
        sequence: u32,
        /// Session id.
        session: u32,
    },
    /// RMCP+.
    V20 {
        /// 0 IPMI message, 0x11 Open Session Response, 0x13 RAKP 2, 0x15 RAKP 4.
        payload_type: u8,
        /// The console's session id.
        session: u32,
        /// Session sequence number.
        sequence: u32,
        /// Authenticated and encrypted as these say; plain without.
        keys: Option<Box<Keys>>,
    },
}

/// What can be wrong about the wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// One bit of the AuthCode.
    Code,
    /// The pad inside the encrypted payload.
    Pad,
    /// The datagram ends before its last bytes.
    CutShort,
}

impl Draft {
    /// The session sequence number, where there is one.
    pub fn sequence_mut(&mut self) -> Option<&mut u32> {
        match &mut self.wrapping {
            Wrapping::Bare => None,
            Wrapping::V15 { sequence, .. } | Wrapping::V20 { sequence, .. } => Some(sequence),
        }
    }

    /// The session id, where there is one.
    pub fn session_mut(&mut self) -> Option<&mut u32> {
        match &mut self.wrapping {
            Wrapping::Bare => None,
            Wrapping::V15 { session, .. } | Wrapping::V20 { session, .. } => Some(session),
        }
    }

    /// The datagram.
    pub fn seal(&self) -> Vec<u8> {
        let mut packet = match &self.wrapping {
            Wrapping::Bare => self.payload.clone(),
            Wrapping::V15 { auth_type, password, sequence, session } => {
                let mut code = v15_code(*auth_type, password, *session, *sequence, &self.payload);
                self.spoil(&mut code);
                let mut packet = vec![6, 0, 0xff, 7, *auth_type];
                packet.extend(sequence.to_le_bytes());
                packet.extend(session.to_le_bytes());
                packet.extend(code);
                packet.push(self.payload.len() as u8);
                packet.extend(&self.payload);
                packet
            }
            Wrapping::V20 { payload_type, session, sequence, keys } => {
                let authenticated = keys.as_ref().filter(|keys| keys.suite.integrity != 0);
                let encrypted = keys.as_ref().filter(|keys| keys.suite.confidentiality != 0);
                let body = match encrypted {
                    Some(keys) => keys.encrypt(&self.payload, self.flaw == Some(Flaw::Pad)),
                    None => self.payload.clone(),
                };
                let bits = u8::from(encrypted.is_some()) << 7 | u8::from(authenticated.is_some()) << 6;
                let mut packet = vec![6, 0, 0xff, 7, 6, payload_type | bits];
                packet.extend(session.to_le_bytes());
                packet.extend(sequence.to_le_bytes());
                packet.extend((body.len() as u16).to_le_bytes());
                packet.extend(body);
                if let Some(keys) = authenticated {
                    let pad = (4 - (packet.len() - 4 + 2) % 4) % 4;
                    packet.extend(std::iter::repeat_n(0xff, pad));
                    packet.extend([pad as u8, 7]);
                    let mut code = keys.trailer_code(&packet[4..]);
                    self.spoil(&mut code);
                    packet.extend(code);
                }
                packet
            }
        };
        if self.flaw == Some(Flaw::CutShort) {
            packet.truncate(packet.len() - 5);
        }
        packet
    }

    fn spoil(&self, code: &mut [u8]) {
        if self.flaw == Some(Flaw::Code)
            && let Some(byte) = code.first_mut()
        {
            *byte ^= 0x10;
        }
    }
}

/// A datagram that came in, its session layer taken apart but not verified.
pub(super) enum Incoming<'a> {
    Ping {
        tag: u8,
    },
    V15 {
        auth_type: u8,
        sequence: u32,
        session: u32,
        code: &'a [u8],
        payload: &'a [u8],
    },
    V20 {
        payload_type: u8,
        encrypted: bool,
        authenticated: bool,
        session: u32,
        sequence: u32,
        body: &'a [u8],
    },
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// `None` for whatever isn't a whole packet of a kind known here.
pub(super) fn parse(packet: &[u8]) -> Option<Incoming<'_>> {
    match packet {
        [6, 0, _, 6, 0, 0, 0x11, 0xbe, 0x80, tag, ..] => Some(Incoming::Ping { tag: *tag }),
        [6, 0, 0xff, 7, 6, kind, ..] => {
            let length = usize::from(u16::from_le_bytes(packet.get(14..16)?.try_into().ok()?));
            let body = packet.get(16..16 + length)?;
            let (encrypted, authenticated) = (kind & 0x80 != 0, kind & 0x40 != 0);
            let whole = authenticated || packet.len() == 16 + length;
            let (session, sequence) = (word(packet, 6)?, word(packet, 10)?);
            let payload_type = kind & 0x3f;
            whole.then_some(Incoming::V20 { payload_type, encrypted, authenticated, session, sequence, body })
        }
        [6, 0, 0xff, 7, auth_type, ..] => {
            let (sequence, session) = (word(packet, 5)?, word(packet, 9)?);
            let (code, rest) = packet[13..].split_at_checked(if *auth_type == 0 { 0 } else { 16 })?;
            let (length, rest) = rest.split_first()?;
            // 13.6: a legacy pad byte may follow, to keep some network controllers from an odd length.
            let payload = rest.get(..usize::from(*length))?;
            let whole = rest.len() <= payload.len() + 1;
            whole.then_some(Incoming::V15 { auth_type: *auth_type, sequence, session, code, payload })
        }
        _ => None,
    }
}

/// Whether the trailer of an RMCP+ packet is as these keys make it: pad FFh, next header 07h, AuthCode.
pub(super) fn trailer_is_right(packet: &[u8], body_length: usize, keys: &Keys) -> bool {
    let code_length = keys.trailer_code(&[]).len();
    let Some((covered, code)) = packet[4..].split_at_checked((packet.len() - 4).saturating_sub(code_length))
    else {
        return false;
    };
    let Some([pad @ .., pad_length, 7]) = covered.get(12 + body_length..) else { return false };
    covered.len() % 4 == 0
        && pad.len() < 4
        && pad.len() == usize::from(*pad_length)
        && pad.iter().all(|byte| *byte == 0xff)
        && code == keys.trailer_code(covered)
}

/// An IPMI request (13.8).
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub responder: u8,
    pub netfn: u8,
    responder_lun: u8,
    pub requester: u8,
    pub rq_seq: u8,
    requester_lun: u8,
    pub command: u8,
    pub data: Vec<u8>,
}

impl Request {
    /// `None` unless both checksums are right.
    pub(super) fn parse(message: &[u8]) -> Option<Request> {
        let [responder, netfn, _, requester, rq_seq, command, data @ .., _] = message else { return None };
        let right = checksum(&message[..2]) == message[2]
            && checksum(&message[3..message.len() - 1]) == *message.last()?;
        right.then(|| Request {
            responder: *responder,
            netfn: netfn >> 2,
            responder_lun: netfn & 3,
            requester: *requester,
            rq_seq: rq_seq >> 2,
            requester_lun: rq_seq & 3,
            command: *command,
            data: data.to_vec(),
        })
    }

    /// The response message with this completion code and data.
    pub(super) fn response(&self, code: u8, data: &[u8]) -> Vec<u8> {
        let mut message = vec![self.requester, (self.netfn | 1) << 2 | self.requester_lun, 0];
        message.extend([self.responder, self.rq_seq << 2 | self.responder_lun, self.command, code]);
        message.extend(data);
        message.push(0);
        set_checksums(&mut message);
        message
    }
}

/// Makes both checksums of a message right again after it was altered.
pub fn set_checksums(message: &mut [u8]) {
    if message.len() >= 7 {
        message[2] = checksum(&message[..2]);
        let last = message.len() - 1;
        message[last] = checksum(&message[3..last]);
    }
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_neg()
}
