//! A session: opened, asked, closed.

use std::net::SocketAddr;
use std::time::Duration;

use log::debug;

use super::close::send_close;
use super::command::{Command, Request, netfn};
use super::completion;
use super::config::{Config, PASSWORD_MAX_V15, Version};
use super::device::Guid;
use super::error::{Denial, Error};
use super::message::{self, BMC, CONSOLE, Header, Reply};
use super::privilege::Privilege;
use super::random;
use super::socket::{SILENCE, Socket, Tries, Verdict};
use super::{v15, v20};
use crate::base::Deadline;

const SET_PRIVILEGE: &str = "Set Session Privilege Level";
const SEND_MESSAGE: u8 = 0x34;

/// How long to wait for a session slot when there is no other limit: BMCs drop an idle session after 60 s
/// (6.12.15).
const SLOT_PATIENCE: Duration = Duration::from_secs(65);
/// The pause before a slot is asked for again lies between these two.
const SLOT_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(600));

/// How long the first question waits where the version is to be found out. It is not worth more: without an
/// answer the handshake of IPMI 2.0 begins, and every BMC of today knows that one.
const PROBE: Duration = Duration::from_secs(1);

/// How packets are wrapped.
enum Channel {
    V15(v15::Channel),
    V20(Box<v20::Channel>),
}

impl Channel {
    fn seal(&mut self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Channel::V15(channel) => channel.seal(message),
            Channel::V20(channel) => channel.seal(message),
        }
    }

    fn unseal(&mut self, datagram: &[u8]) -> Result<Vec<u8>, &'static str> {
        match self {
            Channel::V15(channel) => channel.unseal(datagram),
            Channel::V20(channel) => channel.unseal(datagram),
        }
    }

    fn id(&self) -> u32 {
        match self {
            Channel::V15(channel) => channel.id(),
            Channel::V20(channel) => channel.id(),
        }
    }

    fn covers_messages(&self) -> bool {
        match self {
            Channel::V15(channel) => channel.covers_messages(),
            Channel::V20(channel) => channel.covers_messages(),
        }
    }
}

/// An open session with a BMC. Dropping it sends Close Session and waits for nothing.
///
/// After an error that [`Error::is_lost`] calls a lost session, drop it and open another.
pub struct Session {
    socket: Socket,
    channel: Channel,
    seq: u8,
    attempt: Duration,
    attempts: u32,
    /// How long the next answer is awaited before the request is sent again.
    wait: Duration,
    target: Option<u8>,
    privilege: Privilege,
    /// The commands that were carried out since [`Session::understood`] was asked last.
    understood: Vec<&'static str>,
}

impl Session {
    /// Opens a session with the first address that lets it, within the deadline.
    ///
    /// With several addresses each gets its share of the time that is left. When the BMC has no session left,
    /// it is asked again until the deadline (at most 65 s where there is none).
    ///
    /// # Errors
    /// The error of the address that came furthest. [`Error::is_definitive`] tells whether trying again makes
    /// sense.
    pub fn open(config: &Config, deadline: Deadline) -> Result<Session, Error> {
        config.check()?;
        let patience = deadline.at_most(SLOT_PATIENCE);
        let mut full = None;
        loop {
            match at_any_address(config, deadline) {
                Err(error @ Error::NoResources { .. }) => {
                    debug!("{error}");
                    if !patience.sleep(slot_pause()) {
                        return Err(error);
                    }
                    full = Some(error);
                }
                // The last try had no time to be answered; what the BMC said before it is the reason.
                Err(error @ (Error::Silent { .. } | Error::TimeOver { .. })) if deadline.passed() => {
                    debug!("{error}");
                    return Err(full.unwrap_or(error));
                }
                done => return done,
            }
        }
    }

    /// Sends a command to the target and reads its reply.
    ///
    /// An unanswered transmission is repeated, under the same request number (so that a BMC that did carry it
    /// out can tell) and a new session sequence number. A command that may not be repeated is sent once, and its
    /// answer awaited as long.
    ///
    /// # Errors
    /// [`Error::Completion`] if the BMC refused it; [`Error::Silent`] if every transmission stayed unanswered or
    /// the deadline came first.
    pub fn send<C: Command>(&mut self, command: &C, deadline: Deadline) -> Result<C::Reply, Error> {
        let request = command.request();
        let target = self.target;
        let transmissions = if command.may_be_repeated() { self.attempts } else { 1 };
        let reply = self.exchange(&request, target, transmissions, deadline)?;
        let step = request.name;
        match reply.completion {
            0 => {
                self.understood.push(step);
                C::parse(&reply.data).map_err(|what| Error::Unexpected { step, what })
            }
            code => {
                let words = completion::words(C::COMPLETIONS, code);
                debug!("{step}: {words} ({code:02X}h)");
                Err(Error::Completion { command: step, code, words })
            }
        }
    }

    /// The names of the commands that the BMC has carried out, each told once.
    pub fn understood(&mut self) -> impl Iterator<Item = &'static str> + '_ {
        self.understood.drain(..)
    }

    /// The address that answered.
    pub fn addr(&self) -> SocketAddr {
        self.socket.addr()
    }

    /// The privilege level of the session.
    pub fn privilege(&self) -> Privilege {
        self.privilege
    }

    /// The cipher suite of an IPMI 2.0 session; `None` is IPMI 1.5.
    pub fn cipher_suite(&self) -> Option<u8> {
        match &self.channel {
            Channel::V15(_) => None,
            Channel::V20(channel) => Some(channel.suite().id),
        }
    }

    /// The managed system's GUID that the BMC gave in the handshake of IPMI 2.0 under a code that only who knows the
    /// password can make (13.21). `None` in IPMI 1.5, and in cipher suite 0.
    pub fn guid(&self) -> Option<Guid> {
        match &self.channel {
            Channel::V15(_) => None,
            Channel::V20(channel) => channel.guid(),
        }
    }

    /// Sends Close Session. No answer is awaited: the result is known by then, some BMCs never answer it, and a
    /// session whose Close was lost ends by itself.
    pub fn close(self) {
        drop(self);
    }

    fn exchange(
        &mut self,
        request: &Request,
        target: Option<u8>,
        transmissions: u32,
        deadline: Deadline,
    ) -> Result<Reply, Error> {
        self.seq = self.seq.wrapping_add(1) & 0x3F;
        let route = Route::new(request, self.seq, target);
        let message = route.message(&request.data);
        let step = request.name;
        // One transmission is given the time of all.
        let share = self.attempts.checked_div(transmissions).unwrap_or(1);
        let attempt = self.wait.max(self.attempt.saturating_mul(share));
        let mut tries = Tries::new();
        debug!("{step}");
        for sent in 0..transmissions {
            if deadline.passed() {
                break;
            }
            let packet = self.channel.seal(&message)?;
            tries.count();
            self.socket.send(&packet)?;
            let channel = &mut self.channel;
            let covered = channel.covers_messages();
            let reply = self.socket.listen(deadline.at_most(attempt), |datagram| {
                let verdict = match channel.unseal(datagram) {
                    Ok(message) => route.judge(&message, covered),
                    Err(why) => Verdict::Stray(why),
                };
                match verdict {
                    // The BMC has carried out an earlier transmission; the true reply may be on its way.
                    Verdict::Answer(Reply { completion: code @ completion::DUPLICATED_REQUEST, .. })
                        if sent > 0 =>
                    {
                        let words = completion::words(&[], code);
                        Verdict::Refusal(Error::Completion { command: step, code, words }, attempt)
                    }
                    verdict => verdict,
                }
            })?;
            if let Some(reply) = reply {
                self.wait = self.pace(tries.elapsed());
                return Ok(reply);
            }
            debug!("{step}: no answer");
        }
        Err(tries.silent(&self.socket, step))
    }

    /// How long to wait for an answer after one that took this long: some BMCs take seconds for each, and a second
    /// transmission only makes them slower.
    fn pace(&self, took: Duration) -> Duration {
        const LONGER: u32 = 4;
        let most = self.attempt.saturating_mul(LONGER).min(SILENCE / self.attempts.max(1));
        took.saturating_mul(2).min(most).max(self.attempt)
    }

    /// Goes to the highest of the wanted privilege levels that the BMC grants (22.18), whatever it says against the
    /// others. A session starts at user, or at callback if that is its limit, so those two need no command. Where it
    /// grants none, what may pass is the reason before anything else.
    fn raise(&mut self, wanted: &[Privilege], deadline: Deadline) -> Result<(), Error> {
        let mut refusal = Error::NoPrivilege { asked: Privilege::User };
        let mut passing = None;
        for level in wanted {
            if *level <= Privilege::User {
                self.privilege = *level;
                return Ok(());
            }
            let data = vec![*level as u8];
            let request = Request { name: SET_PRIVILEGE, netfn: netfn::APP, lun: 0, command: 0x3B, data };
            let reply = self.exchange(&request, None, self.attempts, deadline)?;
            match reply.completion {
                0 if reply.data.first().is_some_and(|byte| byte & 0x0F == *level as u8) => {
                    self.privilege = *level;
                    debug!("{SET_PRIVILEGE}: {level}");
                    return Ok(());
                }
                0 => {
                    let what = "the BMC set another level than asked for";
                    debug!("{SET_PRIVILEGE}: {what}");
                    refusal = Error::Unexpected { step: SET_PRIVILEGE, what };
                }
                code @ (0x80 | 0x81 | completion::INSUFFICIENT_PRIVILEGE) => {
                    debug!("{SET_PRIVILEGE}: {level} refused ({code:02X}h)");
                    refusal = Error::NoPrivilege { asked: *level };
                }
                code => {
                    let words = completion::words(&[], code);
                    debug!("{SET_PRIVILEGE}: {level} refused: {words} ({code:02X}h)");
                    refusal = Error::Completion { command: SET_PRIVILEGE, code, words };
                    if completion::is_transient(code) {
                        passing = Some(refusal.clone());
                    }
                }
            }
        }
        Err(passing.unwrap_or(refusal))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let id = self.channel.id();
        let channel = &mut self.channel;
        send_close(&self.socket, |message| channel.seal(message), id);
    }
}

/// The way of one request: straight to the BMC, or through it.
pub(super) struct Route {
    header: Header,
    /// The Send Message that carries it (22.7).
    carrier: Option<Header>,
}

impl Route {
    pub(super) fn new(request: &Request, seq: u8, target: Option<u8>) -> Route {
        let target = target.filter(|target| *target != BMC);
        let to_bmc =
            Header { responder: BMC, requester: CONSOLE, netfn: netfn::APP, lun: 0, seq, command: 0 };
        let (netfn, lun, command) = (request.netfn, request.lun, request.command);
        match target {
            None => Route { header: Header { netfn, lun, command, ..to_bmc }, carrier: None },
            // The reply comes back over IPMB to the BMC, so its own address asks.
            Some(responder) => Route {
                header: Header { responder, requester: BMC, netfn, lun, seq, command },
                carrier: Some(Header { command: SEND_MESSAGE, ..to_bmc }),
            },
        }
    }

    fn message(&self, data: &[u8]) -> Vec<u8> {
        /// Channel 0, the primary IPMB, and "track this request": the BMC sends the reply back to the session.
        const TRACKED_ON_CHANNEL_0: u8 = 0x40;
        let message = message::build(&self.header, data);
        match &self.carrier {
            None => message,
            Some(carrier) => {
                let mut data = vec![TRACKED_ON_CHANNEL_0];
                data.extend(message);
                message::build(carrier, &data)
            }
        }
    }

    /// `covered`: the message came under a code over all of it.
    pub(super) fn judge(&self, message: &[u8], covered: bool) -> Verdict<Reply> {
        // Of what came over the bus no code covers more than the way from the BMC.
        let parse = if covered && self.carrier.is_none() { message::parse_covered } else { message::parse };
        let parsed = match parse(message) {
            Ok(parsed) => parsed,
            Err(why) => return Verdict::Stray(why),
        };
        let Some(carrier) = &self.carrier else {
            return match parsed.answers(&self.header) {
                true => Verdict::Answer(parsed.to_reply()),
                false => Verdict::Stray("the reply to another request"),
            };
        };
        if parsed.answers(&self.header) && parsed.responder == self.header.responder {
            return Verdict::Answer(parsed.to_reply());
        }
        if !parsed.answers(carrier) {
            return Verdict::Stray("the reply to another request");
        }
        if parsed.completion != 0 {
            let (command, code) = ("Send Message", parsed.completion);
            let words = completion::words(&[(0x83, "the target does not answer on the bus")], code);
            return Verdict::Refusal(Error::Completion { command, code, words }, Duration::ZERO);
        }
        // Some BMCs put the target's reply into the reply to Send Message.
        match message::parse(parsed.data) {
            Ok(inner) if inner.answers(&self.header) => Verdict::Answer(inner.to_reply()),
            _ => Verdict::Stray("the BMC has passed the request on"),
        }
    }
}

/// How far a failed attempt came: the higher, the more it says about the BMC.
fn progress(error: &Error) -> u8 {
    match error {
        Error::TimeOver { .. } => 0,
        Error::Unreachable { .. } => 1,
        Error::Refused { .. } => 2,
        Error::Silent { .. } => 3,
        _ => 4,
    }
}

/// Uneven, so that those that were turned away together don't come back together, where only one of them gets in
/// each time. Where there is no randomness no session can be opened anyway.
fn slot_pause() -> Duration {
    let (least, most) = SLOT_PAUSE;
    let share = f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX);
    least + (most - least).mul_f64(share)
}

fn at_any_address(config: &Config, deadline: Deadline) -> Result<Session, Error> {
    let mut furthest = Error::TimeOver { step: "opening a session" };
    for (tried, address) in config.addresses.iter().enumerate() {
        let to_come = u32::try_from(config.addresses.len().saturating_sub(tried)).unwrap_or(u32::MAX);
        let share = deadline.left().map(|left| left / to_come.max(1));
        let share = Deadline::after_or_never(share);
        match at_address(*address, config, share) {
            Err(error) if progress(&error) < 4 => {
                debug!("{error}");
                if progress(&error) >= progress(&furthest) {
                    furthest = error;
                }
            }
            done => return done,
        }
    }
    Err(furthest)
}

fn at_address(addr: SocketAddr, config: &Config, deadline: Deadline) -> Result<Session, Error> {
    match config.version {
        Version::V20 => with_v20(addr, config, config, deadline),
        _ if config.only_v15() => with_v15(addr, config, None, deadline),
        _ => with_either(addr, config, deadline),
    }
}

/// `handshake` is the same configuration with the patience that the handshake deserves.
fn with_v20(
    addr: SocketAddr,
    config: &Config,
    handshake: &Config,
    deadline: Deadline,
) -> Result<Session, Error> {
    let (socket, channel) = v20::open(addr, handshake, deadline)?;
    start(socket, Channel::V20(Box::new(channel)), config, deadline)
}

fn with_v15(
    addr: SocketAddr,
    config: &Config,
    known: Option<v15::Capabilities>,
    deadline: Deadline,
) -> Result<Session, Error> {
    let socket = Socket::connect(addr)?;
    let channel = v15::open(&socket, config, known, deadline)?;
    debug!("IPMI 1.5 session, authentication {}", channel.auth());
    start(socket, Channel::V15(channel), config, deadline)
}

fn start(socket: Socket, channel: Channel, config: &Config, deadline: Deadline) -> Result<Session, Error> {
    let [seq] = random::bytes()?;
    let mut session = Session {
        socket,
        channel,
        seq,
        attempt: config.attempt,
        attempts: config.attempts.max(1),
        wait: config.attempt,
        target: config.target,
        privilege: Privilege::User,
        understood: Vec::new(),
    };
    session.raise(config.privileges(), deadline)?;
    Ok(session)
}

/// IPMI 2.0 first; then, unless the password was wrong or nobody is there, one try with 1.5: whoever comes from a
/// tool that spoke 1.5 has never seen 2.0 work with this BMC.
fn with_either(addr: SocketAddr, config: &Config, deadline: Deadline) -> Result<Session, Error> {
    let probe =
        v15::capabilities(&Socket::connect(addr)?, config, config.privilege, 1, deadline.at_most(PROBE));
    let (known, unknown) = match probe {
        Ok(offered) => (Some(offered), None),
        Err(error @ (Error::Refused { .. } | Error::Unreachable { .. } | Error::TimeOver { .. })) => {
            return Err(error);
        }
        Err(error) => {
            debug!("{error}");
            (None, Some(error))
        }
    };
    let fits_v15 = config.password_bytes().len() <= PASSWORD_MAX_V15
        && known.is_none_or(|offered| v15::may_be_used(config, offered));
    // The offer is made outside any session, where everybody can forge it, and some BMCs forget to mention 2.0:
    // so 2.0 is tried all the same, only with less patience.
    let denied = fits_v15 && known.is_some_and(|offered| !offered.v20);
    let attempt = if denied { config.attempt.min(PROBE) } else { config.attempt };
    let attempts = if denied { 1 } else { config.attempts };
    let handshake = Config { attempt, attempts, ..config.clone() };
    // A third of the time is kept for 1.5.
    let left = deadline.left().filter(|_| fits_v15).map(|left| left * 2 / 3);
    let share = deadline.earlier(Deadline::after_or_never(left));
    let first = match with_v20(addr, config, &handshake, share) {
        Err(error) if fits_v15 && may_try_v15(&error) => error,
        // The first question has used up the time.
        Err(error @ Error::TimeOver { .. }) => return Err(unknown.unwrap_or(error)),
        done => return done,
    };
    debug!("{first}; trying IPMI 1.5");
    match with_v15(addr, config, known, deadline) {
        Err(second) if came_further(&second, &first) => Err(second),
        Err(second) => {
            debug!("{second}");
            Err(first)
        }
        done => done,
    }
}

/// Whether IPMI 1.5 got as far as the login and IPMI 2.0 did not, so that it has more to say.
fn came_further(v15: &Error, v20: &Error) -> bool {
    let at_login = |error: &Error| {
        matches!(
            error,
            Error::LoginDenied { .. }
                | Error::NoPrivilege { .. }
                | Error::NoResources { .. }
                | Error::Completion { .. }
        )
    };
    at_login(v15) && !at_login(v20)
}

fn may_try_v15(error: &Error) -> bool {
    match error {
        Error::LoginDenied { why } => !matches!(why, Denial::WrongPassword),
        Error::Refused { .. } | Error::Unreachable { .. } | Error::TimeOver { .. } => false,
        Error::BadConfig(_) | Error::NoRandomness => false,
        _ => true,
    }
}
