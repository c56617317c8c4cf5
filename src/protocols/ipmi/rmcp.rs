//! RMCP and the session headers of both versions (13.1, 13.6, tables 13-1 and 13-8).

use std::fmt;

/// RMCP version 1.0, reserved, sequence number "no acknowledge", class IPMI (13.1.3).
const RMCP: [u8; 4] = [0x06, 0x00, 0xFF, 0x07];
const RMCP_LEN: usize = RMCP.len();
/// The authentication type that marks the RMCP+ session header.
const RMCP_PLUS: u8 = 0x06;

const ENCRYPTED: u8 = 0x80;
const AUTHENTICATED: u8 = 0x40;

/// Authentication types of IPMI 1.5 (table 13-10); the numbers are those on the wire. MD2 and the makers' own
/// are not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// No authentication.
    None = 0,
    /// A keyed MD5 digest over each packet.
    Md5 = 2,
    /// The password itself in each packet, readable by anyone on the way.
    Password = 4,
}

impl fmt::Display for AuthType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AuthType::None => "none",
            AuthType::Md5 => "MD5",
            AuthType::Password => "straight password",
        })
    }
}

/// A payload of RMCP+ (table 13-16). OEM payloads and serial over LAN are not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// An IPMI message.
    Ipmi = 0x00,
    /// Open Session Request.
    OpenSessionRequest = 0x10,
    /// Open Session Response.
    OpenSessionResponse = 0x11,
    /// RAKP message 1.
    Rakp1 = 0x12,
    /// RAKP message 2.
    Rakp2 = 0x13,
    /// RAKP message 3.
    Rakp3 = 0x14,
    /// RAKP message 4.
    Rakp4 = 0x15,
}

/// A datagram with an IPMI 1.5 session header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketV15<'a> {
    /// The authentication type as it stands there.
    pub auth_type: u8,
    /// The session sequence number; 0 outside a session.
    pub sequence: u32,
    /// The session id; 0 outside a session.
    pub session: u32,
    /// The authentication code; absent where the type is none.
    pub code: Option<&'a [u8; 16]>,
    /// The IPMI message.
    pub message: &'a [u8],
}

/// A datagram with an RMCP+ session header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketV20<'a> {
    /// Whether the payload claims to be encrypted.
    pub encrypted: bool,
    /// Whether an authentication code claims to follow.
    pub authenticated: bool,
    /// The payload type number, without the two flags.
    pub payload_type: u8,
    /// The session id; 0 outside a session.
    pub session: u32,
    /// The session sequence number; 0 outside a session.
    pub sequence: u32,
    /// The payload, still encrypted if it was.
    pub payload: &'a [u8],
    /// What follows the payload: integrity pad, pad length, next header, authentication code.
    pub trailer: &'a [u8],
    /// Everything from the authentication type to the end of the datagram.
    pub from_auth_type: &'a [u8],
}

/// A datagram of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// IPMI 1.5.
    V15(PacketV15<'a>),
    /// IPMI 2.0.
    V20(PacketV20<'a>),
}

/// Takes a datagram apart. The error says in words what it is not.
pub fn parse(datagram: &[u8]) -> Result<Packet<'_>, &'static str> {
    let (rmcp, rest) = datagram.split_first_chunk::<RMCP_LEN>().ok_or("shorter than an RMCP header")?;
    let [version, _, _, class] = rmcp;
    if *version != 0x06 || *class != 0x07 {
        return Err("not an RMCP message of class IPMI");
    }
    match rest.first() {
        Some(&RMCP_PLUS) => parse_v20(rest).map(Packet::V20),
        Some(_) => parse_v15(rest).map(Packet::V15),
        None => Err("no session header"),
    }
}

fn parse_v15(bytes: &[u8]) -> Result<PacketV15<'_>, &'static str> {
    const SHORT: &str = "the IPMI 1.5 header is cut short";
    let (&auth_type, rest) = bytes.split_first().ok_or(SHORT)?;
    let (sequence, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    let (session, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    let (code, rest) = match auth_type {
        0 => (None, rest),
        _ => rest.split_first_chunk::<16>().map(|(code, rest)| (Some(code), rest)).ok_or(SHORT)?,
    };
    let (&length, rest) = rest.split_first().ok_or(SHORT)?;
    // A pad byte may follow the message at certain lengths (table 13-8, legacy pad).
    let message = rest.get(..usize::from(length)).ok_or("the IPMI 1.5 message is cut short")?;
    let (sequence, session) = (u32::from_le_bytes(*sequence), u32::from_le_bytes(*session));
    Ok(PacketV15 { auth_type, sequence, session, code, message })
}

fn parse_v20(bytes: &[u8]) -> Result<PacketV20<'_>, &'static str> {
    const SHORT: &str = "the RMCP+ header is cut short";
    let ([_, kind], rest) = bytes.split_first_chunk::<2>().ok_or(SHORT)?;
    let payload_type = kind & 0x3F;
    if payload_type == 0x02 {
        return Err("an OEM payload");
    }
    let (session, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    let (sequence, rest) = rest.split_first_chunk::<4>().ok_or(SHORT)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(SHORT)?;
    let length = usize::from(u16::from_le_bytes(*length));
    let (payload, trailer) = rest.split_at_checked(length).ok_or("the RMCP+ payload is cut short")?;
    Ok(PacketV20 {
        encrypted: kind & ENCRYPTED != 0,
        authenticated: kind & AUTHENTICATED != 0,
        payload_type,
        session: u32::from_le_bytes(*session),
        sequence: u32::from_le_bytes(*sequence),
        payload,
        trailer,
        from_auth_type: bytes,
    })
}

/// An IPMI 1.5 datagram. A message longer than 255 bytes is an error.
pub(super) fn build_v15(
    auth: AuthType,
    sequence: u32,
    session: u32,
    code: &[u8; 16],
    message: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let length = u8::try_from(message.len()).map_err(|_| "the message is too long")?;
    let mut packet = Vec::with_capacity(RMCP_LEN + 26 + message.len());
    packet.extend(RMCP);
    packet.push(auth as u8);
    packet.extend(sequence.to_le_bytes());
    packet.extend(session.to_le_bytes());
    if auth != AuthType::None {
        packet.extend(code);
    }
    packet.push(length);
    packet.extend(message);
    Ok(packet)
}

/// An RMCP+ datagram up to the end of the payload; the trailer, if one belongs there, is still to be added with
/// [`close_v20`].
pub(super) fn build_v20(
    kind: Payload,
    encrypted: bool,
    authenticated: bool,
    session: u32,
    sequence: u32,
    payload: &[u8],
) -> Result<Vec<u8>, &'static str> {
    let length = u16::try_from(payload.len()).map_err(|_| "the payload is too long")?;
    let flags = if encrypted { ENCRYPTED } else { 0 } | if authenticated { AUTHENTICATED } else { 0 };
    let mut packet = Vec::with_capacity(RMCP_LEN + 12 + payload.len() + 24);
    packet.extend(RMCP);
    packet.push(RMCP_PLUS);
    packet.push(kind as u8 | flags);
    packet.extend(session.to_le_bytes());
    packet.extend(sequence.to_le_bytes());
    packet.extend(length.to_le_bytes());
    packet.extend(payload);
    Ok(packet)
}

/// Adds the integrity pad, its length and the next header, so that what is authenticated (from the
/// authentication type to the next header) is a multiple of four bytes; then the code over it.
pub(super) fn close_v20(packet: &mut Vec<u8>, code: impl FnOnce(&[u8]) -> Vec<u8>) {
    const NEXT_HEADER: u8 = 0x07;
    let mut pad = 0;
    while !(packet.len() - RMCP_LEN + 2).is_multiple_of(4) {
        packet.push(0xFF);
        pad += 1;
    }
    packet.extend([pad, NEXT_HEADER]);
    let code = code(packet.get(RMCP_LEN..).unwrap_or_default());
    packet.extend(code);
}
