//! IPMI 1.5: Get Channel Authentication Capabilities, Get Session Challenge, Activate Session (22.13, 22.16,
//! 22.17), and the packets of the session that follows (13.6, 22.17.1).

use log::debug;
use zeroize::Zeroizing;

use super::command::{Request, netfn};
use super::completion::{self, Words};
use super::config::{Config, PASSWORD_MAX_V15, USERNAME_MAX};
use super::error::{BadConfig, Denial, Error, Negotiation};
use super::message::{self, BMC, CONSOLE, Header, Parsed, Reply};
use super::privilege::Privilege;
use super::random;
use super::rmcp::{self, AuthType, Packet, PacketV15};
use super::socket::{GRACE, Socket, Tries, Verdict};
use super::suite;
use super::window::Window;
use crate::base::{Deadline, Secret};

const CAPABILITIES: &str = "Get Channel Authentication Capabilities";
const CHALLENGE: &str = "Get Session Challenge";
const ACTIVATE: &str = "Activate Session";

/// "The channel this request comes in on."
const THIS_CHANNEL: u8 = 0x0E;
/// Asks for the IPMI 2.0 part of the capabilities too. A BMC of IPMI 1.5 may refuse the bit.
const WITH_V20: u8 = 0x80;

/// How far the sequence number of a packet may be ahead of the one before. The numbers begin where we say, at
/// random: that, and nothing else, tells this session's packets from those of an earlier one that somebody plays
/// back, since ids and challenge are the BMC's choice and the password makes the only key.
const REACH: u32 = 1 << 16;

/// The codes of Activate Session (22.17).
const ACTIVATE_CODES: [Words; 6] = [
    (0x81, "no session slot left"),
    (0x82, "no session slot left for this user"),
    (0x83, "no session slot left at this privilege level"),
    (0x84, "session sequence number out of range"),
    (0x85, "invalid session id"),
    (0x86, "the privilege level exceeds the user's or channel's limit"),
];

/// What a channel offers (22.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// A bit for each authentication type, by its number.
    pub types: u8,
    /// Whether the channel speaks IPMI 2.0.
    pub v20: bool,
}

impl Capabilities {
    /// Reads what follows the completion code.
    pub fn parse(data: &[u8]) -> Result<Capabilities, &'static str> {
        let [_, types, _, extended, ..] = *data else {
            return Err("the reply has fewer than four bytes");
        };
        Ok(Capabilities { types: types & 0x3F, v20: types & WITH_V20 != 0 && extended & 0x02 != 0 })
    }

    fn offers(self, auth: AuthType) -> bool {
        self.types >> (auth as u8) & 1 == 1
    }
}

/// The reply to Activate Session (22.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activated {
    /// The authentication type of the session.
    pub auth_type: u8,
    /// The session's id.
    pub session: u32,
    /// The first sequence number of the packets to the BMC.
    pub sequence: u32,
}

impl Activated {
    /// Reads what follows the completion code.
    pub fn parse(data: &[u8]) -> Result<Activated, &'static str> {
        let [auth, i0, i1, i2, i3, s0, s1, s2, s3, ..] = *data else {
            return Err("the reply has fewer than nine bytes");
        };
        Ok(Activated {
            auth_type: auth & 0x0F,
            session: u32::from_le_bytes([i0, i1, i2, i3]),
            sequence: u32::from_le_bytes([s0, s1, s2, s3]),
        })
    }
}

/// The state of a session, or of one about to be activated.
pub(super) struct Channel {
    auth: AuthType,
    id: u32,
    password: Secret,
    sequence: u32,
    window: Window,
}

impl Channel {
    /// A channel of known keys that can open what it sealed.
    pub(super) fn looped(auth: AuthType) -> Channel {
        let password = Secret::new([7; PASSWORD_MAX_V15]);
        Channel { auth, id: 2, password, sequence: 1, window: Window::starting_at(1) }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn auth(&self) -> AuthType {
        self.auth
    }

    /// Whether each packet carries a code over the message in it.
    pub(super) fn covers_messages(&self) -> bool {
        self.auth == AuthType::Md5
    }

    /// The authentication code over a message (22.17.1).
    fn code(&self, session: u32, sequence: u32, message: &[u8]) -> Box<Zeroizing<[u8; 16]>> {
        // On the heap: where a value moves to, it leaves a copy behind on the stack.
        let mut code = Box::new(Zeroizing::new([0; 16]));
        match self.auth {
            AuthType::None => {}
            AuthType::Password => fill(code.as_mut_slice(), self.password.expose()),
            AuthType::Md5 => {
                let (session, sequence) = (session.to_le_bytes(), sequence.to_le_bytes());
                let mut password = Box::new(Zeroizing::new([0; PASSWORD_MAX_V15]));
                fill(password.as_mut_slice(), self.password.expose());
                let password = password.as_slice();
                let digest = suite::md5(&[password, &session, message, &sequence, password]);
                fill(code.as_mut_slice(), digest.bytes());
            }
        }
        code
    }

    /// Wraps a message, under a sequence number of its own. A BMC that starts at 0 does not count.
    pub(super) fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let sequence = self.sequence;
        if sequence != 0 {
            self.sequence = sequence.checked_add(1).unwrap_or(1);
        }
        let code = self.code(self.id, sequence, message);
        rmcp::build_v15(self.auth, sequence, self.id, &code, message)
            .map_err(|what| Error::Unexpected { step: "request", what })
    }

    /// Checks the authentication of a packet.
    fn check(&self, packet: &PacketV15<'_>) -> Result<(), &'static str> {
        if packet.auth_type != self.auth as u8 {
            return Err("another authentication type than agreed");
        }
        let ours = self.code(packet.session, packet.sequence, packet.message);
        match packet.code {
            None => Ok(()),
            Some(theirs) if suite::same(ours.as_slice(), theirs) => Ok(()),
            Some(_) => Err("the authentication code is wrong"),
        }
    }

    /// Unwraps a datagram. Once an authentication type has been agreed on, nothing without it counts.
    pub(super) fn unseal(&mut self, datagram: &[u8]) -> Result<Vec<u8>, &'static str> {
        let Packet::V15(packet) = rmcp::parse(datagram)? else {
            return Err("an IPMI 2.0 packet in an IPMI 1.5 session");
        };
        if packet.session != self.id {
            return Err("another session's id");
        }
        self.check(&packet)?;
        // Without authentication a number proves nothing, and some BMCs leave it 0.
        let unnumbered = packet.sequence == 0 && self.auth == AuthType::None;
        if !unnumbered && !self.window.accept(packet.sequence) {
            return Err("a sequence number that was seen or is stale");
        }
        Ok(packet.message.to_vec())
    }
}

/// Copies as much as there is room for; the rest stays 0.
fn fill(slots: &mut [u8], bytes: &[u8]) {
    slots.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
}

/// A request outside any session.
struct Outside<'a> {
    socket: &'a Socket,
    config: &'a Config,
    deadline: Deadline,
}

impl Outside<'_> {
    /// One transmission and its answer; `None` without one.
    fn ask(&self, request: &Request, deadline: Deadline) -> Result<Option<Reply>, Error> {
        let [seq] = random::bytes()?;
        let header = header(request, seq);
        let message = message::build(&header, &request.data);
        let packet = rmcp::build_v15(AuthType::None, 0, 0, &[0; 16], &message)
            .map_err(|what| Error::Unexpected { step: request.name, what })?;
        debug!("{}", request.name);
        self.socket.send(&packet)?;
        self.socket.listen(deadline.at_most(self.config.attempt), |datagram| {
            let packet = match rmcp::parse(datagram) {
                Ok(Packet::V15(packet)) if packet.session == 0 => packet,
                Ok(_) => return Verdict::Stray("a packet of some session"),
                Err(why) => return Verdict::Stray(why),
            };
            judge(message::parse(packet.message), &header)
        })
    }

    /// Asks until there is an answer.
    fn insist(&self, request: &Request, attempts: u32, deadline: Deadline) -> Result<Reply, Error> {
        let mut tries = Tries::new();
        for _ in 0..attempts.max(1) {
            if deadline.passed() {
                break;
            }
            tries.count();
            if let Some(reply) = self.ask(request, deadline)? {
                return Ok(reply);
            }
        }
        Err(tries.silent(self.socket, request.name))
    }
}

fn header(request: &Request, seq: u8) -> Header {
    Header {
        responder: BMC,
        requester: CONSOLE,
        netfn: request.netfn,
        lun: request.lun,
        seq: seq & 0x3F,
        command: request.command,
    }
}

fn judge(parsed: Result<Parsed<'_>, &'static str>, header: &Header) -> Verdict<Reply> {
    match parsed {
        Ok(parsed) if parsed.answers(header) => Verdict::Answer(parsed.to_reply()),
        Ok(_) => Verdict::Stray("the reply to another request"),
        Err(why) => Verdict::Stray(why),
    }
}

fn request(name: &'static str, command: u8, data: Vec<u8>) -> Request {
    Request { name, netfn: netfn::APP, lun: 0, command, data }
}

fn failed(command: &'static str, own: &[Words], code: u8) -> Error {
    Error::Completion { command, code, words: completion::words(own, code) }
}

/// What the channel offers at a privilege level.
pub(super) fn capabilities(
    socket: &Socket,
    config: &Config,
    privilege: Privilege,
    attempts: u32,
    deadline: Deadline,
) -> Result<Capabilities, Error> {
    let outside = Outside { socket, config, deadline };
    let ask = |flags| {
        let data = vec![THIS_CHANNEL | flags, privilege as u8];
        outside.insist(&request(CAPABILITIES, 0x38, data), attempts, outside.deadline)
    };
    let mut reply = ask(WITH_V20)?;
    if reply.completion != 0 {
        reply = ask(0)?;
    }
    match reply.completion {
        0 => Capabilities::parse(&reply.data).map_err(|what| Error::Unexpected { step: CAPABILITIES, what }),
        code => Err(failed(CAPABILITIES, &[], code)),
    }
}

/// Which authentication type to use: the one asked for, or the best offered. "None" needs to be asked for where
/// there is a password: it would let anyone answer in the BMC's place.
fn choose(config: &Config, offered: Capabilities) -> Result<AuthType, Error> {
    let acceptable: &[AuthType] = match config.auth {
        Some(AuthType::None) => &[AuthType::None],
        Some(AuthType::Md5) => &[AuthType::Md5],
        Some(AuthType::Password) => &[AuthType::Password],
        None if config.password_bytes().is_empty() => &[AuthType::Md5, AuthType::Password, AuthType::None],
        None => &[AuthType::Md5, AuthType::Password],
    };
    acceptable
        .iter()
        .copied()
        .find(|auth| offered.offers(*auth))
        .ok_or(Error::Negotiation(Negotiation::NoAuthType { offered: offered.types }))
}

/// Whether one of the authentication types on offer may be used.
pub(super) fn may_be_used(config: &Config, offered: Capabilities) -> bool {
    choose(config, offered).is_ok()
}

/// Opens a session, at the privilege levels in turn. `known` is what the channel was already found to offer.
pub(super) fn open(
    socket: &Socket,
    config: &Config,
    known: Option<Capabilities>,
    deadline: Deadline,
) -> Result<Channel, Error> {
    if config.password_bytes().len() > PASSWORD_MAX_V15 {
        return Err(BadConfig::PasswordTooLong { limit: PASSWORD_MAX_V15 }.into());
    }
    let mut error = Error::NoPrivilege { asked: config.privilege };
    for privilege in config.privileges() {
        let offered = match known {
            Some(offered) => offered,
            None => capabilities(socket, config, *privilege, config.attempts, deadline)?,
        };
        let auth = choose(config, offered)?;
        match rounds(&Outside { socket, config, deadline }, auth, *privilege) {
            Err(refused @ Error::NoPrivilege { .. }) => {
                debug!("{refused}");
                error = refused;
            }
            done => return done,
        }
    }
    Err(error)
}

fn activation_refused(code: u8, asked: Privilege) -> Error {
    match code {
        0x81..=0x83 => Error::NoResources { step: ACTIVATE, suite: None },
        0x86 | completion::INSUFFICIENT_PRIVILEGE => Error::NoPrivilege { asked },
        code => failed(ACTIVATE, &ACTIVATE_CODES, code),
    }
}

/// How often a password is proved to a BMC that says nothing to that: as a wrong one is treated (6.12.9). One lost
/// datagram must not end a login, and no login may lock an account.
const PROOFS: u32 = 2;

/// What stayed unanswered in a handshake.
enum Unanswered {
    Challenge,
    /// And whether what came meanwhile looked like an answer.
    Activate {
        heard: bool,
    },
}

/// Repeats the handshake from the challenge when that stays unanswered, or the BMC has forgotten it: a challenge serves
/// once.
fn rounds(outside: &Outside<'_>, auth: AuthType, privilege: Privilege) -> Result<Channel, Error> {
    let mut tries = Tries::new();
    let mut last = Err(Unanswered::Challenge);
    for _ in 0..outside.config.attempts.max(1) {
        if outside.deadline.passed() {
            break;
        }
        tries.count();
        last = match round(outside, auth, privilege) {
            Ok(Ok(channel)) => return Ok(channel),
            Ok(Err(unanswered @ Unanswered::Challenge)) => {
                debug!("{CHALLENGE}: no answer");
                Err(unanswered)
            }
            Ok(Err(unanswered)) => {
                debug!("{ACTIVATE}: no answer");
                last = Err(unanswered);
                break;
            }
            // The challenge has been used up or forgotten.
            Err(error @ Error::Completion { code: 0x84 | 0x85, .. }) => {
                debug!("{error}");
                Ok(error)
            }
            Err(error) => return Err(error),
        };
    }
    Err(last.unwrap_or_else(|step| match step {
        // Something that could not be taken was an answer all the same.
        Unanswered::Activate { heard: false } if auth != AuthType::None => {
            Error::LoginDenied { why: Denial::ActivationUnanswered }
        }
        Unanswered::Activate { .. } => tries.silent(outside.socket, ACTIVATE),
        Unanswered::Challenge => tries.silent(outside.socket, CHALLENGE),
    }))
}

/// One handshake. The inner error is what stayed unanswered.
fn round(
    outside: &Outside<'_>,
    auth: AuthType,
    privilege: Privilege,
) -> Result<Result<Channel, Unanswered>, Error> {
    let config = outside.config;
    let unexpected = |step| move |what| Error::Unexpected { step, what };

    let mut data = vec![auth as u8];
    data.extend(config.username.bytes().chain(std::iter::repeat(0)).take(USERNAME_MAX));
    let Some(reply) = outside.ask(&request(CHALLENGE, 0x39, data), outside.deadline)? else {
        return Ok(Err(Unanswered::Challenge));
    };
    match reply.completion {
        0 => {}
        0x81 | 0x82 => return Err(Error::LoginDenied { why: Denial::UnknownUser }),
        code => return Err(failed(CHALLENGE, &[], code)),
    }
    let (temporary, challenge) = reply
        .data
        .split_first_chunk::<4>()
        .filter(|(_, challenge)| challenge.len() >= 16)
        .ok_or("the reply has fewer than twenty bytes")
        .map_err(unexpected(CHALLENGE))?;
    let challenge = challenge.get(..16).unwrap_or_default();

    debug!("{ACTIVATE}: authentication {auth}, {privilege}");
    let first = random::id()?;
    let mut channel = Channel {
        auth,
        id: u32::from_le_bytes(*temporary),
        password: config.password(),
        sequence: 0,
        window: Window::starting_at(first).reaching(REACH),
    };
    let mut data = vec![auth as u8, privilege as u8];
    data.extend(challenge);
    data.extend(first.to_le_bytes());
    let activate = request(ACTIVATE, 0x3A, data);
    let [seq] = random::bytes()?;
    let header = header(&activate, seq);
    let packet = channel.seal(&message::build(&header, &activate.data))?;
    let mut heard = false;
    let mut judge_activation = |datagram: &[u8]| {
        let packet = match rmcp::parse(datagram) {
            Ok(Packet::V15(packet)) => packet,
            Ok(_) => return Verdict::Stray("an IPMI 2.0 packet"),
            Err(why) => return Verdict::Stray(why),
        };
        let authentic = channel.check(&packet);
        let parsed = match auth == AuthType::Md5 && packet.code.is_some() && authentic.is_ok() {
            true => message::parse_covered(packet.message),
            false => message::parse(packet.message),
        };
        heard |= packet.code.is_some() && authentic.is_err()
            || message::parse_covered(packet.message).is_ok_and(|parsed| parsed.is_of(&header));
        let answer = match judge(parsed, &header) {
            Verdict::Answer(answer) => answer,
            other => return other,
        };
        // The header may carry the temporary id, the new one or none, and any number, which does not count as
        // seen: some BMCs give the reply after this one the same.
        let new = Activated::parse(&answer.data).ok().filter(|_| answer.completion == 0);
        if ![0, channel.id].contains(&packet.session) && new.is_none_or(|new| new.session != packet.session) {
            return Verdict::Stray("another session's id");
        }
        match (answer.completion, authentic) {
            (0, Ok(())) => Verdict::Answer(answer),
            (0, Err(why)) => Verdict::Stray(why),
            // A refusal may come without authentication, though not with a wrong one.
            (_, Err(why)) if packet.code.is_some() => Verdict::Stray(why),
            (code, _) => Verdict::Refusal(activation_refused(code, privilege), GRACE),
        }
    };
    let mut reply = None;
    let proofs = config.attempts.clamp(1, PROOFS);
    for sent in 1..=proofs {
        if reply.is_some() || sent > 1 && outside.deadline.passed() {
            break;
        }
        // The same bytes: to a BMC that has had them, they are no second try. The last one is given the time of all
        // attempts that are left.
        outside.socket.send(&packet)?;
        let left = if sent < proofs { 1 } else { config.attempts.saturating_sub(sent - 1).max(1) };
        let time = config.attempt.saturating_mul(left);
        reply = outside.socket.listen(outside.deadline.at_most(time), &mut judge_activation)?;
    }
    let Some(reply) = reply else { return Ok(Err(Unanswered::Activate { heard })) };
    let activated = Activated::parse(&reply.data).map_err(unexpected(ACTIVATE))?;
    if activated.auth_type == AuthType::None as u8 && auth != AuthType::None {
        // Said in an authenticated reply: the BMC is configured to protect the login only (6.12.4).
        debug!("{ACTIVATE}: the BMC does not authenticate the packets of the session");
        channel.auth = AuthType::None;
    } else if activated.auth_type != auth as u8 {
        return Err(unexpected(ACTIVATE)("another authentication type than asked for"));
    }
    channel.id = activated.session;
    channel.sequence = activated.sequence;
    Ok(Ok(channel))
}
