//! IPMI 2.0 (RMCP+): the handshake of Open Session and RAKP messages 1 to 4 (13.17 to 13.24), and the packets
//! of the session that follows.
//!
//! Firmware that computes the handshake in other ways is not supported: role byte without the lookup bit
//! ("i82571spt" in ipmitool), code in RAKP message 4 cut by the integrity algorithm ("intelplus"). Codes over the
//! privilege of Open Session ("opensesspriv") are the same here, because both messages ask for the same.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use log::debug;
use zeroize::Zeroizing;

use super::close::send_close;
use super::completion;
use super::config::Config;
use super::error::{Denial, Error, Negotiation, OPEN_SESSION};
use super::privilege::Privilege;
use super::random;
use super::rmcp::{self, Packet, Payload};
use super::socket::{GRACE, SILENCE, Socket, Tries, Verdict};
use super::suite::{self, Confidentiality, Integrity, Key, Suite};
use super::window::Window;
use crate::base::{Deadline, Secret};

const RAKP_1: &str = "RAKP message 1";
const RAKP_3: &str = "RAKP message 3";

/// Whether this step of the handshake comes after one that the BMC has answered, so that it is there.
pub fn follows_an_answer(step: &str) -> bool {
    [RAKP_1, RAKP_3].contains(&step)
}

/// The user is looked up by name alone, not by name and privilege (13.20). The bit is part of the role byte that
/// the codes are computed over.
const NAME_ONLY_LOOKUP: u8 = 0x10;

/// What the three replies of the handshake begin with.
struct Head<'a> {
    tag: u8,
    status: u8,
    console_id: Option<u32>,
    rest: &'a [u8],
}

impl Head<'_> {
    /// A refusal counts even if it ends after the status: the specification does not say how much of the
    /// message must follow, and there are BMCs that send two bytes. Anything else names the session.
    fn parse(payload: &[u8]) -> Option<Head<'_>> {
        let ([tag, status], rest) = payload.split_first_chunk()?;
        let (tag, status) = (*tag, *status);
        match rest.get(2..).and_then(<[u8]>::split_first_chunk) {
            Some((id, rest)) => {
                let console_id = (status == 0 || *id != [0; 4]).then_some(u32::from_le_bytes(*id));
                Some(Head { tag, status, console_id, rest })
            }
            None if status != 0 => Some(Head { tag, status, console_id: None, rest: &[] }),
            None => None,
        }
    }

    /// Whether this belongs to our message: the same tag, and the same session where one is named.
    fn fits(tag: u8, console_id: u32, their_tag: u8, their_id: Option<u32>) -> bool {
        tag == their_tag && their_id.is_none_or(|id| id == console_id)
    }
}

/// A reply to Open Session (13.18, table 13-10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSessionReply {
    /// The tag of the request.
    pub tag: u8,
    /// RMCP+ status code; what follows counts only if it is 0.
    pub status: u8,
    /// The id that the console chose; `None` in a refusal that ends before it.
    pub console_id: Option<u32>,
    /// The id that the BMC chose.
    pub bmc_id: u32,
    /// Authentication, integrity and confidentiality algorithm.
    pub algorithms: [u8; 3],
}

impl OpenSessionReply {
    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Result<OpenSessionReply, &'static str> {
        const SHORT: &str = "the Open Session reply is too short";
        let Head { tag, status, console_id, rest } = Head::parse(payload).ok_or(SHORT)?;
        if status != 0 {
            return Ok(OpenSessionReply { tag, status, console_id, bmc_id: 0, algorithms: [0; 3] });
        }
        let (bmc_id, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        let [0, _, _, _, auth, _, _, _, 1, _, _, _, integrity, _, _, _, 2, _, _, _, cipher, _, _, _] = rest
        else {
            return Err("the Open Session reply does not name three algorithms");
        };
        let algorithms = [auth & 0x3F, integrity & 0x3F, cipher & 0x3F];
        Ok(OpenSessionReply { tag, status, console_id, bmc_id: u32::from_le_bytes(*bmc_id), algorithms })
    }
}

/// RAKP message 2 (13.21, table 13-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rakp2<'a> {
    /// The tag of message 1.
    pub tag: u8,
    /// RMCP+ status code; what follows counts only if it is 0.
    pub status: u8,
    /// The id that the console chose; `None` in a refusal that ends before it.
    pub console_id: Option<u32>,
    /// The BMC's random number.
    pub random: [u8; 16],
    /// The system's GUID.
    pub guid: [u8; 16],
    /// The key exchange code.
    pub code: &'a [u8],
}

impl Rakp2<'_> {
    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Result<Rakp2<'_>, &'static str> {
        const SHORT: &str = "RAKP message 2 is too short";
        let Head { tag, status, console_id, rest } = Head::parse(payload).ok_or(SHORT)?;
        if status != 0 {
            return Ok(Rakp2 { tag, status, console_id, random: [0; 16], guid: [0; 16], code: &[] });
        }
        let (random, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        let (guid, code) = rest.split_first_chunk().ok_or(SHORT)?;
        Ok(Rakp2 { tag, status, console_id, random: *random, guid: *guid, code })
    }
}

/// RAKP message 4 (13.23, table 13-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rakp4<'a> {
    /// The tag of message 3.
    pub tag: u8,
    /// RMCP+ status code; what follows counts only if it is 0.
    pub status: u8,
    /// The id that the console chose; `None` in a refusal that ends before it.
    pub console_id: Option<u32>,
    /// The integrity check value.
    pub code: &'a [u8],
}

impl Rakp4<'_> {
    /// Reads the payload.
    pub fn parse(payload: &[u8]) -> Result<Rakp4<'_>, &'static str> {
        let Head { tag, status, console_id, rest: code } =
            Head::parse(payload).ok_or("RAKP message 4 is too short")?;
        Ok(Rakp4 { tag, status, console_id, code })
    }
}

/// What both sides have agreed on.
pub(super) struct Channel {
    suite: &'static Suite,
    console_id: u32,
    bmc_id: u32,
    guid: [u8; 16],
    password: Secret,
    k1: Key,
    cipher_key: Zeroizing<[u8; 16]>,
    sequence: u32,
    window: Window,
}

impl Channel {
    /// A channel of known keys that can open what it sealed.
    pub(super) fn looped(suite: &'static Suite) -> Channel {
        Channel {
            suite,
            console_id: 0x0102_0304,
            bmc_id: 0x0102_0304,
            guid: [0; 16],
            password: Secret::new("password"),
            k1: Key::new(&[1; 20]),
            cipher_key: Zeroizing::new([2; 16]),
            sequence: 0,
            window: Window::starting_at(1),
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.bmc_id
    }

    /// The GUID of RAKP message 2, whose code covers it; `None` in a suite without authentication.
    pub(super) fn guid(&self) -> Option<[u8; 16]> {
        (self.suite.authentication != suite::Authentication::None).then_some(self.guid)
    }

    /// Whether each packet carries a code over the message in it.
    pub(super) fn covers_messages(&self) -> bool {
        self.suite.integrity != Integrity::None
    }

    pub(super) fn suite(&self) -> &'static Suite {
        self.suite
    }

    /// Wraps a message, under a sequence number of its own.
    pub(super) fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match self.suite.confidentiality {
            Confidentiality::None => self.seal_payload(message),
            Confidentiality::AesCbc128 => {
                let payload = suite::encrypt(&self.cipher_key, &random::bytes()?, message)
                    .map_err(|what| Error::Unexpected { step: "request", what })?;
                self.seal_payload(&payload)
            }
        }
    }

    /// Wraps what is encrypted already where it is to be.
    pub(super) fn seal_payload(&mut self, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let too_long = |what| Error::Unexpected { step: "request", what };
        // 0 is for packets outside a session.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        let encrypted = self.suite.confidentiality != Confidentiality::None;
        let authenticated = self.suite.integrity != Integrity::None;
        let (kind, to) = (Payload::Ipmi, self.bmc_id);
        let mut packet =
            rmcp::build_v20(kind, encrypted, authenticated, to, self.sequence, payload).map_err(too_long)?;
        if authenticated {
            let integrity = self.suite.integrity;
            rmcp::close_v20(&mut packet, |signed| {
                integrity.code(&self.k1, &self.password, signed).cut(integrity.len()).to_vec()
            });
        }
        Ok(packet)
    }

    /// Unwraps a datagram. Once authentication or encryption have been agreed on, nothing without them counts.
    pub(super) fn unseal(&mut self, datagram: &[u8]) -> Result<Vec<u8>, &'static str> {
        let Packet::V20(packet) = rmcp::parse(datagram)? else {
            return Err("an IPMI 1.5 packet in an IPMI 2.0 session");
        };
        if packet.payload_type != Payload::Ipmi as u8 {
            return Err("not an IPMI message");
        }
        if packet.session != self.console_id {
            return Err("another session's id");
        }
        if packet.authenticated != (self.suite.integrity != Integrity::None) {
            return Err("authenticated or not, against the agreement");
        }
        if packet.encrypted != (self.suite.confidentiality != Confidentiality::None) {
            return Err("encrypted or not, against the agreement");
        }
        if packet.authenticated {
            let len = self.suite.integrity.len();
            // At least pad length and next header stand between payload and code.
            let code_at = packet.trailer.len().checked_sub(len).filter(|before| *before >= 2);
            let code = code_at.and_then(|at| packet.trailer.get(at..)).ok_or("the trailer is too short")?;
            let signed = packet.from_auth_type.len().saturating_sub(len);
            let signed = packet.from_auth_type.get(..signed).unwrap_or_default();
            let ours = self.suite.integrity.code(&self.k1, &self.password, signed);
            if !suite::same(ours.cut(len), code) {
                return Err("the authentication code is wrong");
            }
        }
        // Without authentication a number proves nothing, and some BMCs leave it 0.
        let unnumbered = packet.sequence == 0 && !packet.authenticated;
        if !unnumbered && !self.window.accept(packet.sequence) {
            return Err("a sequence number that was seen or is stale");
        }
        match self.suite.confidentiality {
            Confidentiality::None => Ok(packet.payload.to_vec()),
            Confidentiality::AesCbc128 => suite::decrypt(&self.cipher_key, packet.payload),
        }
    }
}

/// A handshake to try: with this suite, at this level.
#[derive(Clone, Copy)]
pub(super) struct Proposal {
    pub(super) suite: &'static Suite,
    pub(super) privilege: Privilege,
}

/// How long answers are awaited.
struct Patience {
    /// The first time.
    attempt: Duration,
    by: Deadline,
    /// What stayed unanswered so far.
    unanswered: Tries,
}

impl Patience {
    /// Until when the next answer is awaited: twice as long after each silence, up to four times, because a BMC that
    /// needs its time needs it every time. Half of what is left is kept for another try.
    fn wait(&self) -> Deadline {
        const DOUBLINGS: u32 = 2;
        let longer = self.attempt.saturating_mul(1 << self.unanswered.sent().min(DOUBLINGS));
        let longer = self.by.left().map_or(longer, |left| longer.min(left / 2));
        self.by.at_most(longer.max(self.attempt))
    }
}

/// Opens a session: the suites in turn, and for each the privilege levels in turn. Whatever a BMC has against one of
/// them leads to the next, and so does silence; what it has against the user or the password is its last word.
///
/// Each handshake has a socket of its own: for some BMCs a second one from the same port belongs to the session of
/// the first (pyghmi's, which virtualbmc uses).
pub(super) fn open(
    addr: SocketAddr,
    config: &Config,
    deadline: Deadline,
) -> Result<(Socket, Channel), Error> {
    let limit = SILENCE.max(config.attempt.saturating_mul(config.attempts));
    let mut patience =
        Patience { attempt: config.attempt, by: deadline.at_most(limit), unanswered: Tries::new() };
    let levels = config.privileges();
    let at_each_level = |suite| levels.iter().map(move |privilege| Proposal { suite, privilege: *privilege });
    let mut proposals: Vec<Proposal> = config.suites()?.into_iter().flat_map(at_each_level).collect();
    let mut refusal: Option<Error> = None;
    let mut last = Error::TimeOver { step: OPEN_SESSION };
    let (mut next, mut in_vain) = (0, 0);
    while in_vain < config.attempts.max(1) && !patience.by.passed() {
        let at = if next < proposals.len() { next } else { 0 };
        let Some(proposal) = proposals.get(at).copied() else { break };
        let of_another_suite = |other: &Proposal| other.suite != proposal.suite;
        let socket = Socket::connect(addr)?;
        let error = match handshake(&socket, config, proposal, &mut patience) {
            Ok(Ok(channel)) => return Ok((socket, channel)),
            Ok(Err(step)) => patience.unanswered.silent(&socket, step),
            Err(error) => error,
        };
        debug!("{error}");
        match &error {
            Error::Silent { .. } | Error::Unexpected { .. } => {
                last = error;
                in_vain += 1;
                let after = proposals.iter().skip(at).position(of_another_suite);
                next = after.map_or(0, |after| at.saturating_add(after));
                continue;
            }
            Error::NoPrivilege { .. } => {
                proposals.remove(at);
            }
            Error::Negotiation(what) if may_be_the_level(what) => {
                proposals.remove(at);
            }
            Error::Negotiation(_) | Error::NoResources { .. } => {
                proposals.retain(of_another_suite);
            }
            _ => return Err(error),
        }
        next = at;
        refusal = Some(match refusal {
            Some(before) if kindness(&before) > kindness(&error) => before,
            _ => error,
        });
    }
    match refusal {
        Some(refusal) if proposals.is_empty() || matches!(refusal, Error::NoResources { .. }) => Err(refusal),
        _ => Err(last),
    }
}

/// Whether a refusal of Open Session may mean the level, and not the suite.
fn may_be_the_level(what: &Negotiation) -> bool {
    matches!(what, Negotiation::Refused { step: OPEN_SESSION, status: 0x09 | 0x0A, .. })
}

/// Which of several refusals to tell: the higher one came further in the handshake, or leaves more hope.
fn kindness(refusal: &Error) -> u8 {
    match refusal {
        Error::NoPrivilege { .. } => 4,
        Error::Negotiation(what) if what.may_be_the_user() => 3,
        Error::NoResources { .. } => 2,
        Error::Negotiation(what) if may_be_the_level(what) => 1,
        _ => 0,
    }
}

/// An answer, and when it came.
struct Answered<T> {
    value: T,
    /// How often the message had been sent by then.
    sent: u32,
    /// How long after the last time.
    after: Duration,
    /// How long that was after the first time.
    before: Duration,
}

/// Sends a message, and a second time as it was where no answer comes.
fn insist<T>(
    socket: &Socket,
    packet: &[u8],
    patience: &mut Patience,
    mut judge: impl FnMut(u32, &[u8]) -> Verdict<T>,
) -> Result<Option<Answered<T>>, Error> {
    let first = Instant::now();
    for sent in 1..=2 {
        socket.send(packet)?;
        let last = Instant::now();
        if let Some(value) = socket.listen(patience.wait(), |datagram| judge(sent, datagram))? {
            return Ok(Some(Answered { value, sent, after: last.elapsed(), before: last - first }));
        }
        patience.unanswered.count();
        if patience.by.passed() {
            break;
        }
    }
    Ok(None)
}

/// One handshake. The inner error is the step that stayed unanswered.
fn handshake(
    socket: &Socket,
    config: &Config,
    proposal: Proposal,
    patience: &mut Patience,
) -> Result<Result<Channel, &'static str>, Error> {
    let Proposal { suite, privilege } = proposal;
    let auth = suite.authentication;

    debug!("{OPEN_SESSION}: cipher suite {}, {privilege}", suite.id);
    let console_id = random::id()?;
    let tag = tag()?;
    let asked = Instant::now();
    socket.send(&open_session(tag, console_id, proposal)?)?;
    let opened =
        socket.listen(patience.wait(), |datagram| judge_open_session(datagram, tag, console_id, proposal))?;
    let Some(bmc_id) = opened else {
        patience.unanswered.count();
        return Ok(Err(OPEN_SESSION));
    };
    // An answer that comes sooner than this after a second transmission answers that one.
    let swift = asked.elapsed().saturating_mul(2).saturating_add(patience.attempt / 20);

    debug!("{RAKP_1}: user name of {} bytes", config.username.len());
    let console_random: [u8; 16] = random::bytes()?;
    let role = NAME_ONLY_LOOKUP | privilege as u8;
    let name = config.username.as_bytes();
    let name_len = [u8::try_from(name.len()).unwrap_or(u8::MAX)];
    let user: [&[u8]; 3] = [&[role], &name_len, name];
    let (console_sid, bmc_sid) = (console_id.to_le_bytes(), bmc_id.to_le_bytes());
    let password = Key::new(config.password_bytes());

    let tag = self::tag()?;
    let head = [tag, 0, 0, 0];
    let rakp1: [&[u8]; 7] = [&head, &bmc_sid, &console_random, &[role], &[0, 0], &name_len, name];
    let rakp1 = message(Payload::Rakp1, &rakp1.concat())?;
    let matches = |answer: &Rakp2<'_>| {
        let [role, len, name] = user;
        let parts: [&[u8]; 8] =
            [&console_sid, &bmc_sid, &console_random, &answer.random, &answer.guid, role, len, name];
        suite::same(auth.hmac(&password, &parts).bytes(), answer.code)
    };
    let judge = |_: u32, datagram: &[u8]| {
        let rakp2 = match payload(datagram, Payload::Rakp2).and_then(Rakp2::parse) {
            Ok(rakp2) if Head::fits(tag, console_id, rakp2.tag, rakp2.console_id) => rakp2,
            Ok(_) => return Verdict::Stray("RAKP message 2 with another tag or session id"),
            Err(why) => return Verdict::Stray(why),
        };
        if rakp2.status != 0 {
            return refused(RAKP_1, proposal, rakp2.status);
        }
        if auth != suite::Authentication::None && !matches(&rakp2) {
            return Verdict::Refusal(Error::LoginDenied { why: Denial::WrongPassword }, GRACE);
        }
        Verdict::Answer((rakp2.random, rakp2.guid))
    };
    let answered = match insist(socket, &rakp1, patience, judge) {
        Ok(Some(answered)) => answered,
        Ok(None) => return Ok(Err(RAKP_1)),
        Err(error) => {
            if matches!(error, Error::LoginDenied { why: Denial::WrongPassword }) {
                abandon(socket, bmc_sid);
            }
            return Err(error);
        }
    };
    let repeated = answered.sent > 1;
    // As long as an answer to message 3 may still take.
    let due_in = answered.before.saturating_add(answered.after).saturating_mul(2).saturating_add(GRACE);
    let (mut bmc_random, mut guid) = answered.value;
    if repeated && answered.after > swift {
        // Most BMCs make a new random number for each message 1, and only the last one counts. This answer came too
        // late for one to the second message: it answers the first, and the other one follows as much later.
        let due = patience.by.at_most(answered.before.saturating_add(swift));
        if let Ok(Some(last)) = socket.listen(due, |datagram| judge(2, datagram)) {
            (bmc_random, guid) = last;
        }
    }

    debug!("{RAKP_3}");
    let [role, len, name] = user;
    let sik_key = config.kg_bytes().map_or_else(|| Key::new(config.password_bytes()), Key::new);
    let sik = auth.hmac(&sik_key, &[&console_random, &bmc_random, role, len, name]);
    let sik = Key::new(sik.bytes());
    let k2 = auth.additional_key(&sik, 2);
    let mut cipher_key = Zeroizing::new([0; 16]);
    cipher_key.iter_mut().zip(k2.bytes()).for_each(|(slot, byte)| *slot = *byte);
    let mut channel = Channel {
        suite,
        console_id,
        bmc_id,
        guid,
        k1: Key::new(auth.additional_key(&sik, 1).bytes()),
        password: config.password(),
        cipher_key,
        sequence: 0,
        window: Window::starting_at(1),
    };

    let tag = self::tag()?;
    let code = auth.hmac(&password, &[&bmc_random, &console_sid, role, len, name]);
    let head = [tag, 0, 0, 0];
    let rakp3 = message(Payload::Rakp3, &[&head, &bmc_sid, code.bytes()].concat())?;
    let check = auth.hmac(&sik, &[&console_random, &bmc_sid, &guid]);
    let answer = insist(socket, &rakp3, patience, |sent, datagram| {
        let rakp4 = match payload(datagram, Payload::Rakp4).and_then(Rakp4::parse) {
            Ok(rakp4) if Head::fits(tag, console_id, rakp4.tag, rakp4.console_id) => rakp4,
            Ok(_) => return Verdict::Stray("RAKP message 4 with another tag or session id"),
            Err(why) => return Verdict::Stray(why),
        };
        match rakp4.status {
            0 if auth == suite::Authentication::None => Verdict::Answer(()),
            0 if suite::same(check.cut(auth.rakp4_len()), rakp4.code) => Verdict::Answer(()),
            0 => Verdict::Refusal(Error::LoginDenied { why: Denial::WrongKg }, GRACE),
            // The answer to the first message 3 opens the session all the same, if it still comes.
            status if sent > 1 => Verdict::Refusal(mixed_up(RAKP_3, status), due_in),
            status if repeated => Verdict::Refusal(mixed_up(RAKP_3, status), GRACE),
            status => refused(RAKP_3, proposal, status),
        }
    });
    if matches!(answer, Ok(None) | Err(Error::Unexpected { .. })) {
        // The BMC may have opened the session and only its answer been lost: give the slot back.
        send_close(socket, |message| channel.seal(message), bmc_id);
    }
    Ok(answer?.map(|_| channel).ok_or(RAKP_3))
}

/// A BMC that a repeated message has confused, whatever it says of the reason: with its answer to message 1 it has
/// proved that it knows the password.
fn mixed_up(step: &'static str, status: u8) -> Error {
    debug!(
        "{step}, after a message that was sent twice: {} ({status:02X}h)",
        completion::rmcp_status(status)
    );
    Error::Unexpected { step, what: "the BMC takes a repeated message for an error" }
}

fn tag() -> Result<u8, Error> {
    let [tag] = random::bytes()?;
    Ok(tag)
}

fn open_session(tag: u8, console_id: u32, proposal: Proposal) -> Result<Vec<u8>, Error> {
    // The level is asked for here too, though 0 would stand for the highest (13.17): some firmware computes the codes
    // of the RAKP messages over the level of this message in place of theirs ("opensesspriv" in freeipmi).
    let mut payload = vec![tag, proposal.privilege as u8, 0, 0];
    payload.extend(console_id.to_le_bytes());
    for (kind, algorithm) in (0u8..).zip(algorithms(proposal.suite)) {
        payload.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
    }
    message(Payload::OpenSessionRequest, &payload)
}

fn algorithms(suite: &Suite) -> [u8; 3] {
    [suite.authentication as u8, suite.integrity as u8, suite.confidentiality as u8]
}

pub(super) fn judge_open_session(
    datagram: &[u8],
    tag: u8,
    console_id: u32,
    proposal: Proposal,
) -> Verdict<u32> {
    let reply = match payload(datagram, Payload::OpenSessionResponse).and_then(OpenSessionReply::parse) {
        Ok(reply) if Head::fits(tag, console_id, reply.tag, reply.console_id) => reply,
        Ok(_) => return Verdict::Stray("an Open Session reply with another tag or session id"),
        Err(why) => return Verdict::Stray(why),
    };
    if reply.status != 0 {
        return refused(OPEN_SESSION, proposal, reply.status);
    }
    if reply.algorithms != algorithms(proposal.suite) {
        let what = Negotiation::OtherAlgorithms { suite: proposal.suite.id };
        return Verdict::Refusal(Error::Negotiation(what), Duration::ZERO);
    }
    if reply.bmc_id == 0 {
        return Verdict::Stray("an Open Session reply without a session id");
    }
    Verdict::Answer(reply.bmc_id)
}

/// What an RMCP+ status code other than 0 means (table 13-15). No user is named before RAKP message 1, so at Open
/// Session everything is about the suite, or the level, or whether there is room.
fn refused<T>(step: &'static str, proposal: Proposal, status: u8) -> Verdict<T> {
    let Proposal { suite, privilege } = proposal;
    debug!("{step}: {} ({status:02X}h)", completion::rmcp_status(status));
    let negotiation = Error::Negotiation(Negotiation::Refused { step, suite: suite.id, privilege, status });
    match (step, status) {
        (_, 0x01 | 0x0B) => {
            Verdict::Refusal(Error::NoResources { step, suite: Some(suite.id) }, Duration::ZERO)
        }
        (OPEN_SESSION, 0x09 | 0x0A | 0x0C..=0x0F) => Verdict::Refusal(negotiation, GRACE),
        (OPEN_SESSION, _) => Verdict::Refusal(negotiation, Duration::ZERO),
        (_, 0x02 | 0x08) => {
            let what = "the BMC does not know the session that it has just half opened";
            Verdict::Refusal(Error::Unexpected { step, what }, Duration::ZERO)
        }
        (_, 0x09 | 0x0A) => Verdict::Refusal(Error::NoPrivilege { asked: privilege }, GRACE),
        (_, 0x0C..=0x0E) => Verdict::Refusal(Error::LoginDenied { why: Denial::UnknownUser }, GRACE),
        (_, 0x0F) => Verdict::Refusal(Error::LoginDenied { why: Denial::WrongPassword }, GRACE),
        _ => Verdict::Refusal(negotiation, GRACE),
    }
}

/// A message of the handshake, which travels outside any session.
fn message(kind: Payload, payload: &[u8]) -> Result<Vec<u8>, Error> {
    rmcp::build_v20(kind, false, false, 0, 0, payload)
        .map_err(|what| Error::Unexpected { step: OPEN_SESSION, what })
}

/// The payload of a handshake datagram, if it is of the kind.
fn payload(datagram: &[u8], kind: Payload) -> Result<&[u8], &'static str> {
    match rmcp::parse(datagram)? {
        Packet::V20(packet) if packet.payload_type == kind as u8 && packet.session == 0 => Ok(packet.payload),
        _ => Err("not the message that is due"),
    }
}

/// Tells the BMC that its code was wrong (13.22), so that it need not keep the half-open session.
fn abandon(socket: &Socket, bmc_sid: [u8; 4]) {
    const INVALID_CHECK_VALUE: u8 = 0x0F;
    let message = [[0, INVALID_CHECK_VALUE, 0, 0], bmc_sid].concat();
    if let Ok(packet) = self::message(Payload::Rakp3, &message) {
        let _ = socket.send(&packet);
    }
}
