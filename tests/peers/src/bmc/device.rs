//! What the BMC does with a datagram.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use super::chassis::Chassis;
use super::crypto::{Keys, SUITES, Suite, keyed_hash, rakp4_code, v15_code};
use super::fault::{Fault, Lie, Step};
use super::wire::{Draft, Flaw, Incoming, Request, Wrapping, parse, set_checksums, trailer_is_right};
use super::{ADMINISTRATOR, AT_ONCE, Bridging, Command, OPERATOR, Privilege, Settings, USER};

/// The BMC's own slave address.
pub(super) const BMC: u8 = 0x20;

const APP: u8 = 6;
const CHASSIS: u8 = 0;
const STORAGE: u8 = 0x0a;
const GROUP: u8 = 0x2c;
/// DCMI, in the first byte of a group extension.
const DCMI: u8 = 0xdc;

mod code {
    pub(super) const OK: u8 = 0;
    pub(super) const INVALID_COMMAND: u8 = 0xc1;
    pub(super) const REQUEST_LENGTH: u8 = 0xc7;
    pub(super) const TOO_MANY_BYTES: u8 = 0xca;
    pub(super) const NOT_PRESENT: u8 = 0xcb;
    pub(super) const INVALID_FIELD: u8 = 0xcc;
    pub(super) const NO_PRIVILEGE: u8 = 0xd4;
    /// Send Message: the target did not acknowledge.
    pub(super) const NAK_ON_WRITE: u8 = 0x83;
}

/// RMCP+ status codes (table 13-15).
mod status {
    pub(super) const OK: u8 = 0;
    pub(super) const NO_RESOURCES: u8 = 0x01;
    pub(super) const INVALID_SESSION: u8 = 0x02;
    pub(super) const INVALID_ROLE: u8 = 0x09;
    pub(super) const UNAUTHORIZED_ROLE: u8 = 0x0a;
    pub(super) const UNAUTHORIZED_NAME: u8 = 0x0d;
    pub(super) const INVALID_CHECK_VALUE: u8 = 0x0f;
    pub(super) const NO_MATCHING_SUITE: u8 = 0x11;
}

/// The commands that have a step of their own, and the level each needs.
const COMMANDS: [(u8, u8, Step, Privilege); 17] = [
    (APP, 0x38, Step::AuthCapabilities, 0),
    (APP, 0x54, Step::CipherSuites, 0),
    (APP, 0x39, Step::Challenge, 0),
    (APP, 0x3a, Step::Activate, 0),
    (APP, 0x37, Step::SystemGuid, 0),
    (APP, 0x3b, Step::SetPrivilege, USER),
    (APP, 0x3c, Step::CloseSession, 0),
    (APP, 0x01, Step::DeviceId, USER),
    (APP, 0x34, Step::SendMessage, USER),
    (CHASSIS, 0x01, Step::ChassisStatus, USER),
    (CHASSIS, 0x02, Step::ChassisControl, OPERATOR),
    (CHASSIS, 0x07, Step::RestartCause, USER),
    (STORAGE, 0x10, Step::FruInfo, USER),
    (STORAGE, 0x11, Step::FruData, USER),
    (STORAGE, 0x48, Step::SelTime, USER),
    (GROUP, 0x06, Step::AssetTag, USER),
    (APP, 0x3d, Step::SessionInfo, USER),
];

/// The commands that are answered outside a session (5.4, 22): those up to [`Step::SystemGuid`] above.
const WITHOUT_SESSION: [Step; 5] =
    [Step::AuthCapabilities, Step::CipherSuites, Step::Challenge, Step::Activate, Step::SystemGuid];

struct Session {
    id: u32,
    console: u32,
    active: bool,
    user: usize,
    limit: Privilege,
    privilege: Privilege,
    inbound: Window,
    /// The number of the last answer sent.
    outbound: u32,
    kind: Kind,
}

enum Kind {
    V15 {
        auth_type: u8,
        challenge: [u8; 16],
        temporary: u32,
    },
    V20 {
        suite: Suite,
        /// The privilege level of Open Session.
        asked: u8,
        exchange: Option<Exchange>,
        keys: Option<Box<Keys>>,
    },
}

/// What RAKP 1 and 2 left behind.
#[derive(Clone)]
struct Exchange {
    console_random: [u8; 16],
    own_random: [u8; 16],
    /// Role, length of the name, name, as they came in.
    role_and_name: Vec<u8>,
}

/// The session sequence numbers that were seen (6.12.13): each counts once, within `reach` of the highest.
struct Window {
    highest: u32,
    reach: u32,
    seen: Vec<u32>,
}

impl Window {
    fn new(first: u32, reach: u32) -> Window {
        Window { highest: first.wrapping_sub(1), reach, seen: Vec::new() }
    }

    fn takes(&mut self, number: u32) -> bool {
        let ahead = number.wrapping_sub(self.highest);
        let behind = self.highest.wrapping_sub(number);
        if ahead != 0 && ahead <= self.reach {
            self.highest = number;
        } else if behind >= self.reach || self.seen.contains(&number) {
            return false;
        }
        self.seen.push(number);
        true
    }
}

/// The whole state of the BMC.
pub(super) struct Device {
    pub settings: Settings,
    sessions: Vec<Session>,
    machines: HashMap<u8, Chassis>,
    deaf_until: Option<Instant>,
    /// Where an Open Session came from, and whether it was one too many.
    openers: HashSet<SocketAddr>,
    dead: bool,
    /// Who has the address now.
    pub successor: Option<Box<Device>>,
    pub received: BTreeMap<Step, usize>,
    pub commands: Vec<Command>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("received", &self.received).field("commands", &self.commands).finish()
    }
}

/// A datagram that was understood and accepted.
enum Meaning {
    Ping(u8),
    /// Type and body of an Open Session Request, RAKP 1 or RAKP 3.
    Handshake(u8, Vec<u8>),
    /// A command, and the index of its session.
    Command(Request, Option<usize>, Wrapping),
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("random bytes");
    bytes
}

fn random_id() -> u32 {
    u32::from_le_bytes(random()) | 1
}

fn padded<const N: usize>(secret: &[u8]) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..secret.len()].copy_from_slice(secret);
    bytes
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

impl Device {
    pub(super) fn new(settings: Settings) -> Device {
        let all = settings.targets.iter().copied().chain([BMC]);
        let machines = all.map(|target| (target, Chassis::new(settings.on))).collect();
        for user in &settings.users {
            assert!(user.password.len() <= 20 && user.name.len() <= 16, "no BMC stores that: {user:?}");
        }
        Device {
            settings,
            sessions: Vec::new(),
            machines,
            deaf_until: None,
            openers: HashSet::new(),
            dead: false,
            successor: None,
            received: BTreeMap::new(),
            commands: Vec::new(),
        }
    }

    pub(super) fn chassis(&mut self, target: u8) -> &mut Chassis {
        self.machines.get_mut(&target).expect("a target named in the settings")
    }

    pub(super) fn forget_sessions(&mut self) {
        self.sessions.clear();
    }

    pub(super) fn open_sessions(&self) -> usize {
        self.sessions.iter().filter(|session| session.active).count()
    }

    /// Takes a datagram and gives the answers, first to last.
    pub(super) fn receive(&mut self, packet: &[u8], from: SocketAddr, now: Instant) -> Vec<Draft> {
        if let Some(successor) = &mut self.successor {
            return successor.receive(packet, from, now);
        }
        if self.deaf_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        let (step, meaning) = match self.understand(packet) {
            // A command that needs a session and has none is no such step: anybody can send it.
            Ok(Meaning::Command(request, None, wrapping)) => {
                let meaning = Meaning::Command(request, None, wrapping);
                match step_of(&meaning) {
                    step if WITHOUT_SESSION.contains(&step) => (step, Some(meaning)),
                    _ => (Step::NoSession, None),
                }
            }
            Ok(meaning) => (step_of(&meaning), Some(meaning)),
            Err(step) => (step, None),
        };
        *self.received.entry(step).or_default() += 1;
        let rules = self.settings.rules.iter_mut();
        let faults: Vec<Fault> =
            rules.filter_map(|rule| rule.strikes(step).then(|| rule.fault.clone())).collect();
        if faults.contains(&Fault::ForgetSessions) {
            self.forget_sessions();
            return Vec::new();
        }
        let restart = faults.iter().find_map(|fault| match fault {
            Fault::Restart(time) => Some(*time),
            _ => None,
        });
        if let Some(time) = restart {
            self.forget_sessions();
            self.machines.values_mut().for_each(|machine| machine.forget(now));
            self.deaf_until = Some(now + time);
            return Vec::new();
        }
        let Some(meaning) = meaning.filter(|_| !faults.contains(&Fault::RequestLost)) else {
            return Vec::new();
        };
        if step == Step::OpenSession && !self.openers.insert(from) {
            self.dead |= self.settings.quirks.one_handshake_per_port;
        }
        if self.dead {
            return Vec::new();
        }
        let session = match &meaning {
            Meaning::Command(_, Some(index), _) => Some(self.sessions[*index].id),
            _ => None,
        };
        let mut drafts = self.answer(meaning, step, &faults, now);
        for fault in &faults {
            self.spoil(&mut drafts, fault, step, session);
        }
        if step == Step::CloseSession
            && let Some(id) = session
            && self.commands.last().is_some_and(|last| last.step == step && last.code == code::OK)
        {
            self.sessions.retain(|session| session.id != id);
        }
        if session.is_some() {
            let (first, second) = self.settings.quirks.wrong_checksums;
            for draft in &mut drafts {
                draft.payload[2] ^= u8::from(first) << 6;
                *draft.payload.last_mut().expect("a message") ^= u8::from(second) << 6;
            }
        }
        if let Some(hook) = &mut self.settings.hook {
            hook(step, &mut drafts);
        }
        let replaced = faults.iter().find_map(|fault| match fault {
            Fault::Replaced { on, guid } => Some((*on, *guid)),
            _ => None,
        });
        if let Some((on, guid)) = replaced {
            let Settings { auth_types, suites, kg, users, power, quirks, .. } = &self.settings;
            let (auth_types, suites, kg) = (auth_types.clone(), suites.clone(), kg.clone());
            let (users, power, quirks) = (users.clone(), power.clone(), quirks.clone());
            let other =
                Settings { auth_types, suites, kg, users, power, quirks, on, guid, ..Settings::default() };
            self.successor = Some(Box::new(Device::new(other)));
        }
        drafts
    }

    fn understand(&mut self, packet: &[u8]) -> Result<Meaning, Step> {
        match parse(packet).ok_or(Step::Unacceptable)? {
            Incoming::Ping { tag } => Ok(Meaning::Ping(tag)),
            Incoming::V15 { auth_type: 0, session: 0, payload, .. } => {
                let request = Request::parse(payload).ok_or(Step::Unacceptable)?;
                let bare = Wrapping::V15 { auth_type: 0, password: [0; 16], sequence: 0, session: 0 };
                Ok(Meaning::Command(request, None, bare))
            }
            Incoming::V15 { auth_type, sequence, session, code, payload } => {
                self.understand_v15(auth_type, sequence, session, code, payload)
            }
            Incoming::V20 { payload_type: payload_type @ (0x10 | 0x12 | 0x14), body, session: 0, .. } => {
                Ok(Meaning::Handshake(payload_type, body.to_vec()))
            }
            Incoming::V20 {
                payload_type: 0,
                encrypted: false,
                authenticated: false,
                session: 0,
                body,
                ..
            } => {
                let request = Request::parse(body).ok_or(Step::Unacceptable)?;
                let bare = Wrapping::V20 { payload_type: 0, session: 0, sequence: 0, keys: None };
                Ok(Meaning::Command(request, None, bare))
            }
            Incoming::V20 { payload_type: 0, encrypted, authenticated, session, sequence, body } => {
                let found = self.sessions.iter().position(|known| known.active && known.id == session);
                let index = found.ok_or(Step::NoSession)?;
                let known = &mut self.sessions[index];
                let Kind::V20 { suite, keys: Some(keys), .. } = &known.kind else {
                    return Err(Step::NoSession);
                };
                let wanted = (suite.integrity != 0, suite.confidentiality != 0);
                if (authenticated, encrypted) != wanted
                    || authenticated && !trailer_is_right(packet, body.len(), keys)
                {
                    return Err(Step::Unacceptable);
                }
                let clear = if encrypted { keys.decrypt(body) } else { Some(body.to_vec()) };
                let request = clear.and_then(|clear| Request::parse(&clear)).ok_or(Step::Unacceptable)?;
                let keys = Some(keys.clone());
                if !known.inbound.takes(sequence) {
                    return Err(Step::Replayed);
                }
                let wrapping = Wrapping::V20 { payload_type: 0, session: known.console, sequence: 0, keys };
                Ok(Meaning::Command(request, Some(index), wrapping))
            }
            _ => Err(Step::Unacceptable),
        }
    }

    fn understand_v15(
        &mut self,
        auth_type: u8,
        sequence: u32,
        id: u32,
        code: &[u8],
        payload: &[u8],
    ) -> Result<Meaning, Step> {
        let per_message = self.settings.per_message_auth;
        let known = self.sessions.iter_mut().enumerate().find(|(_, known)| match known.kind {
            Kind::V15 { temporary, .. } => (known.active && known.id == id) || temporary == id,
            Kind::V20 { .. } => false,
        });
        let (index, known) = known.ok_or(Step::NoSession)?;
        let Kind::V15 { auth_type: agreed, temporary, .. } = known.kind else { return Err(Step::NoSession) };
        let password = padded(&self.settings.users[known.user].password);
        let request = Request::parse(payload).ok_or(Step::Unacceptable)?;
        let activates = id == temporary;
        let plain_will_do = !per_message && !activates && auth_type == 0;
        if auth_type != agreed && !plain_will_do
            || code != v15_code(auth_type, &password, id, sequence, payload)
            || activates != (request.netfn == APP && request.command == 0x3a)
        {
            return Err(Step::Unacceptable);
        }
        if !activates && !known.inbound.takes(sequence) {
            return Err(Step::Replayed);
        }
        let session = if activates { temporary } else { known.id };
        let wrapping = Wrapping::V15 { auth_type, password, sequence: 0, session };
        Ok(Meaning::Command(request, Some(index), wrapping))
    }

    fn answer(&mut self, meaning: Meaning, step: Step, faults: &[Fault], now: Instant) -> Vec<Draft> {
        let refused = faults.iter().find_map(|fault| match fault {
            Fault::Refuse(code) => Some(*code),
            _ => None,
        });
        match meaning {
            Meaning::Ping(tag) => {
                let mut pong = vec![6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x40, tag, 0, 16, 0, 0, 0x11, 0xbe];
                // Supported entities: IPMI (13.2.4).
                pong.extend([0, 0, 0, 0, 0x81, 0, 0, 0, 0, 0, 0, 0]);
                vec![Draft { payload: pong, wrapping: Wrapping::Bare, flaw: None, delay: AT_ONCE }]
            }
            Meaning::Handshake(kind, body) => {
                let offered = faults.iter().find_map(|fault| match fault {
                    Fault::OfferSuite(id) => SUITES.iter().find(|suite| suite.id == *id).copied(),
                    _ => None,
                });
                let answer = match (kind, refused) {
                    (_, Some(code)) if body.len() >= 8 => Some(refusal(&body, code, 0)),
                    (0x10, _) => self.open_session(&body, offered),
                    (0x12, _) => self.rakp1(&body),
                    _ => self.rakp3(&body),
                };
                let wrapping = Wrapping::V20 { payload_type: kind + 1, session: 0, sequence: 0, keys: None };
                let draft = |payload| Draft { payload, wrapping, flaw: None, delay: AT_ONCE };
                answer.map(draft).into_iter().collect()
            }
            Meaning::Command(request, index, wrapping) => {
                let mut payloads = Vec::new();
                let (code, data) = match (refused, needed_level(&request)) {
                    (Some(code), _) => (code, Vec::new()),
                    (_, level) if index.is_some_and(|index| self.sessions[index].privilege < level) => {
                        (code::NO_PRIVILEGE, Vec::new())
                    }
                    _ if step == Step::SendMessage => self.send_message(&request, index, &mut payloads, now),
                    _ => self.carry_out(&request, step, index, BMC, now),
                };
                if step != Step::SendMessage || code != code::OK {
                    self.record(&request, step, BMC, code, index, now);
                }
                payloads.insert(0, request.response(code, &data));
                let sessions = &mut self.sessions;
                let seal = |payload| {
                    let mut draft = Draft { payload, wrapping: wrapping.clone(), flaw: None, delay: AT_ONCE };
                    if let (Some(index), Some(sequence)) = (index, draft.sequence_mut())
                        && sessions[index].active
                    {
                        *sequence = sessions[index].outbound.wrapping_add(1);
                        sessions[index].outbound = *sequence;
                    }
                    draft
                };
                payloads.into_iter().map(seal).collect()
            }
        }
    }

    fn record(
        &mut self,
        request: &Request,
        step: Step,
        target: u8,
        code: u8,
        index: Option<usize>,
        at: Instant,
    ) {
        self.commands.push(Command {
            at,
            target,
            step,
            netfn: request.netfn,
            command: request.command,
            data: request.data.clone(),
            code,
            v20: index.map(|index| matches!(self.sessions[index].kind, Kind::V20 { .. })),
            session: index.map(|index| self.sessions[index].id),
            rq_seq: request.rq_seq,
        });
    }

    /// Open Session (13.17, 13.18).
    fn open_session(&mut self, body: &[u8], offered: Option<Suite>) -> Option<Vec<u8>> {
        let [_tag, role, _, _, _, _, _, _, algorithms @ ..] = body else { return None };
        let quirks = self.settings.quirks.clone();
        let console = word(&body[4..8]);
        let asked: Vec<&[u8]> = algorithms.chunks_exact(8).collect();
        let [auth, integrity, confidentiality] = asked[..] else { return None };
        // A payload length of 0 leaves the choice to the BMC (table 13-9).
        let wants = |part: &[u8], number: u8| part[3] == 0 || part[4] & 0x3f == number;
        let matching = SUITES.iter().rev().copied().find(|suite| {
            self.settings.suites.contains(&suite.id)
                && wants(auth, suite.auth)
                && wants(integrity, suite.integrity)
                && wants(confidentiality, suite.confidentiality)
        });
        let Some(suite) = offered.or(matching) else {
            return Some(refusal(body, status::NO_MATCHING_SUITE, console));
        };
        if let Some((_, answer)) = quirks.refused_suites.iter().find(|(id, _)| *id == suite.id) {
            return answer.map(|code| refusal(body, code, console));
        }
        if let Some((highest, code)) = quirks.refused_above
            && role & 0xf > highest
        {
            return Some(refusal(body, code, console));
        }
        if self.open_sessions() >= self.settings.session_slots {
            return Some(refusal(body, status::NO_RESOURCES, console));
        }
        let role = role & 0xf;
        if role > 5 {
            return Some(refusal(body, status::INVALID_ROLE, console));
        }
        let limit =
            if role == 0 { self.settings.channel_limit } else { role.min(self.settings.channel_limit) };
        // A console that asks again has given up what it had begun.
        self.sessions.retain(|session| session.active || session.console != console);
        let id = random_id();
        self.sessions.push(Session {
            id,
            console,
            active: false,
            user: 0,
            limit,
            privilege: 0,
            inbound: Window::new(1, 16),
            outbound: 0,
            kind: Kind::V20 { suite, asked: role, exchange: None, keys: None },
        });
        let mut answer = vec![body[0], status::OK, limit, 0];
        answer.extend(console.to_le_bytes());
        answer.extend(id.to_le_bytes());
        for (kind, number) in [suite.auth, suite.integrity, suite.confidentiality].into_iter().enumerate() {
            answer.extend([kind as u8, 0, 0, 8, number, 0, 0, 0]);
        }
        Some(answer)
    }

    /// RAKP 1 and 2 (13.20, 13.21).
    fn rakp1(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < 28 {
            return None;
        }
        let length = usize::from(body[27]);
        let name = body.get(28..28 + length)?;
        let index = self.handshake_session(word(&body[4..8]))?;
        let role = body[24];
        let console = self.sessions[index].console;
        let by_name_only = role & 0x10 != 0;
        let wanted = role & 0xf;
        let users = &self.settings.users;
        let named =
            |user: &super::User| user.name.as_bytes() == name && (by_name_only || user.limit >= wanted);
        let Some(user) = users.iter().position(named) else {
            let known = users.iter().any(|user| user.name.as_bytes() == name);
            let code = if known { status::UNAUTHORIZED_ROLE } else { status::UNAUTHORIZED_NAME };
            return Some(refusal(body, code, console));
        };
        let highest = users[user].limit.min(self.settings.channel_limit);
        if wanted > highest {
            return Some(refusal(body, status::UNAUTHORIZED_ROLE, console));
        }
        let password = padded::<20>(&users[user].password);
        let session = &mut self.sessions[index];
        session.user = user;
        session.limit = if wanted == 0 { highest.min(session.limit) } else { wanted.min(session.limit) };
        let Kind::V20 { suite, asked, exchange, .. } = &mut session.kind else { return None };
        let console_random: [u8; 16] = body[8..24].try_into().expect("16 bytes");
        let quirks = &self.settings.quirks;
        let hashed = if quirks.privilege_of_open_session { role & 0x10 | *asked } else { role };
        let mut role_and_name = vec![hashed, length as u8];
        role_and_name.extend(name);
        // The same request again gets the same random number, so that whichever answer arrives is good.
        let same = |old: &Exchange| old.console_random == console_random && !quirks.fresh_numbers;
        let old = exchange.take().filter(same);
        let own_random = old.map_or_else(random::<16>, |old| old.own_random);
        let parts = [
            &session.console.to_le_bytes()[..],
            &session.id.to_le_bytes(),
            &console_random,
            &own_random,
            &self.settings.guid,
            &role_and_name,
        ];
        let key_exchange = keyed_hash(suite.auth, &password, &parts);
        let mut answer = vec![body[0], status::OK, 0, 0];
        answer.extend(console.to_le_bytes());
        answer.extend(own_random);
        answer.extend(self.settings.guid);
        answer.extend(key_exchange);
        *exchange = Some(Exchange { console_random, own_random, role_and_name });
        Some(answer)
    }

    /// RAKP 3 and 4 (13.22, 13.23).
    fn rakp3(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        if body.len() < 8 {
            return None;
        }
        let index = self.handshake_session(word(&body[4..8]))?;
        if body[1] != status::OK {
            // 13.22: the console reports that it stops here.
            self.sessions.remove(index);
            return None;
        }
        let (kg, guid) = (self.settings.kg.clone(), self.settings.guid);
        if self.settings.quirks.fresh_numbers && self.sessions[index].active {
            return Some(refusal(body, status::INVALID_SESSION, 0));
        }
        let full = self.open_sessions() >= self.settings.session_slots;
        let session = &mut self.sessions[index];
        let console = session.console;
        if full && !session.active {
            // Another console came first: several may be on their way to the last slot.
            self.sessions.remove(index);
            return Some(refusal(body, status::NO_RESOURCES, console));
        }
        let password = padded::<20>(&self.settings.users[session.user].password);
        let Kind::V20 { suite, exchange: Some(exchange), keys, .. } = &mut session.kind else { return None };
        let Exchange { console_random, own_random, role_and_name } = exchange;
        let parts = [&own_random[..], &console.to_le_bytes(), role_and_name];
        if body[8..] != keyed_hash(suite.auth, &password, &parts) {
            self.sessions.remove(index);
            return Some(refusal(body, status::INVALID_CHECK_VALUE, console));
        }
        let key = if kg.is_empty() { password } else { padded::<20>(&kg) };
        let sik = keyed_hash(suite.auth, &key, &[&console_random[..], &own_random[..], role_and_name]);
        let check = rakp4_code(suite.auth, &sik, &[&console_random[..], &session.id.to_le_bytes(), &guid]);
        *keys = Some(Box::new(Keys::new(*suite, &sik, password)));
        session.active = true;
        session.privilege = session.limit.min(USER);
        let mut answer = vec![body[0], status::OK, 0, 0];
        answer.extend(console.to_le_bytes());
        answer.extend(check);
        Some(answer)
    }

    /// A session that the handshake may go on with: not in use yet.
    fn handshake_session(&self, id: u32) -> Option<usize> {
        self.sessions.iter().position(|session| {
            session.id == id && matches!(session.kind, Kind::V20 { .. }) && session.inbound.seen.is_empty()
        })
    }

    /// Send Message to one of the targets (22.7). The target's answer is added to `payloads` where it is to
    /// come separately.
    fn send_message(
        &mut self,
        request: &Request,
        index: Option<usize>,
        payloads: &mut Vec<Vec<u8>>,
        now: Instant,
    ) -> (u8, Vec<u8>) {
        let Some(mut inner) = request.data.get(1..).and_then(Request::parse) else {
            return (code::INVALID_FIELD, Vec::new());
        };
        if !self.settings.targets.contains(&inner.responder) {
            return (code::NAK_ON_WRITE, Vec::new());
        }
        let step = step_of_command(inner.netfn, inner.command);
        let level = index.map_or(0, |index| self.sessions[index].privilege);
        let (code, data) = match step {
            _ if level < needed_level(&inner) => (code::NO_PRIVILEGE, Vec::new()),
            Step::ChassisStatus | Step::ChassisControl | Step::RestartCause | Step::DeviceId => {
                self.carry_out(&inner, step, index, inner.responder, now)
            }
            _ => (code::INVALID_COMMAND, Vec::new()),
        };
        self.record(&inner, step, inner.responder, code, index, now);
        match self.settings.bridging {
            Bridging::Inside => (code::OK, inner.response(code, &data)),
            Bridging::Separate => {
                // The BMC tracks the request and gives the answer the outer one's sequence number and address.
                (inner.rq_seq, inner.requester) = (request.rq_seq, request.requester);
                payloads.push(inner.response(code, &data));
                (code::OK, Vec::new())
            }
        }
    }

    fn carry_out(
        &mut self,
        request: &Request,
        step: Step,
        index: Option<usize>,
        target: u8,
        now: Instant,
    ) -> (u8, Vec<u8>) {
        let data = &request.data;
        let power = self.settings.power.clone();
        let done = |data: &[u8]| (code::OK, data.to_vec());
        match (step, index) {
            (Step::AuthCapabilities, _) => self.capabilities(data),
            (Step::CipherSuites, _) if !self.settings.suites.is_empty() => self.cipher_suites(data),
            (Step::Challenge, _) => self.challenge(data),
            (Step::Activate, Some(index)) => self.activate(data, index),
            (Step::SetPrivilege, Some(index)) => {
                let session = &mut self.sessions[index];
                match data.first().map(|level| level & 0xf) {
                    None => (code::REQUEST_LENGTH, Vec::new()),
                    Some(0) => done(&[session.privilege]),
                    Some(1 | 6..) => (code::INVALID_FIELD, Vec::new()),
                    // 22.18: 81h, beyond what user and channel allow.
                    Some(level) if level > session.limit => (0x81, Vec::new()),
                    Some(level) => {
                        session.privilege = level;
                        done(&[level])
                    }
                }
            }
            (Step::CloseSession, Some(index)) => {
                let own = data.get(..4).is_some_and(|id| word(id) == self.sessions[index].id);
                // 22.19: 87h, no such session.
                (if own { code::OK } else { 0x87 }, Vec::new())
            }
            (Step::DeviceId, _) => done(&[target, 1, 1, 0, 2, 0x80, 0x91, 0x12, 0, 0x0f, 0]),
            (Step::SystemGuid, _) => done(&self.settings.guid.clone()),
            (Step::ChassisStatus, _) => done(&self.chassis(target).status(&power, now)),
            (Step::ChassisControl, _) => match data.first() {
                Some(what) => (self.chassis(target).control(*what, &power, now), Vec::new()),
                None => (code::REQUEST_LENGTH, Vec::new()),
            },
            (Step::FruInfo, _) => match (data.first(), self.settings.fru.len()) {
                (Some(0), size @ 1..) => done(&[size as u8, (size >> 8) as u8, 0]),
                (Some(_), _) => (code::NOT_PRESENT, Vec::new()),
                (None, _) => (code::REQUEST_LENGTH, Vec::new()),
            },
            (Step::FruData, _) => match *data.as_slice() {
                [0, low, high, count] if count <= self.settings.fru_piece => {
                    let from = usize::from(u16::from_le_bytes([low, high]));
                    let rest = self.settings.fru.get(from..).unwrap_or_default();
                    let piece = &rest[..rest.len().min(count.into())];
                    done(&[&[piece.len() as u8], piece].concat())
                }
                [0, ..] if data.len() == 4 => (code::TOO_MANY_BYTES, Vec::new()),
                _ => (code::NOT_PRESENT, Vec::new()),
            },
            (Step::AssetTag, _) => match (data.as_slice(), &self.settings.dcmi_tag) {
                ([DCMI, offset, count], Some(tag)) if *count <= 16 => {
                    let rest = tag.as_bytes().get(usize::from(*offset)..).unwrap_or_default();
                    let piece = &rest[..rest.len().min((*count).into())];
                    done(&[&[DCMI, tag.len() as u8], piece].concat())
                }
                _ => (code::INVALID_COMMAND, Vec::new()),
            },
            (Step::SessionInfo, Some(_)) => {
                let (slots, open) = (self.settings.session_slots as u8, self.open_sessions() as u8);
                done(&[1, slots, open, 2, ADMINISTRATOR, 0x11])
            }
            (Step::SelTime, _) if self.settings.clock.is_some() => {
                done(&self.settings.clock.unwrap_or_default().to_le_bytes())
            }
            (Step::RestartCause, _) if power.reports_cause => done(&self.chassis(target).restart_cause(now)),
            _ => (code::INVALID_COMMAND, Vec::new()),
        }
    }

    /// Get Channel Authentication Capabilities (22.13).
    fn capabilities(&self, data: &[u8]) -> (u8, Vec<u8>) {
        let [channel, _level, ..] = data else { return (code::REQUEST_LENGTH, Vec::new()) };
        let settings = &self.settings;
        let v20 = !settings.suites.is_empty();
        let types = settings.auth_types.iter().fold(0u8, |bits, auth_type| bits | 1 << auth_type);
        let extended = v20 && channel & 0x80 != 0;
        let mut status = 0;
        for user in &settings.users {
            status |= if user.name.is_empty() { 0x02 } else { 0x04 };
        }
        status |= u8::from(!settings.per_message_auth) << 4 | u8::from(!settings.kg.is_empty()) << 5;
        let versions = u8::from(!settings.auth_types.is_empty()) | u8::from(v20) << 1;
        let answer =
            [1, types | u8::from(extended) << 7, status, if extended { versions } else { 0 }, 0, 0, 0, 0];
        (code::OK, answer.to_vec())
    }

    /// Get Channel Cipher Suites (22.15): the records in pieces of 16 bytes.
    fn cipher_suites(&self, data: &[u8]) -> (u8, Vec<u8>) {
        let [_channel, _payload, list, ..] = data else { return (code::REQUEST_LENGTH, Vec::new()) };
        let offered = SUITES.iter().filter(|suite| self.settings.suites.contains(&suite.id));
        let records: Vec<u8> = offered
            .flat_map(|suite| {
                [0xc0, suite.id, suite.auth, 0x40 | suite.integrity, 0x80 | suite.confidentiality]
            })
            .collect();
        let piece = records.chunks(16).nth(usize::from(list & 0x3f)).unwrap_or_default();
        (code::OK, [&[1], piece].concat())
    }

    /// Get Session Challenge (22.16).
    fn challenge(&mut self, data: &[u8]) -> (u8, Vec<u8>) {
        let [wanted, name @ ..] = data else { return (code::REQUEST_LENGTH, Vec::new()) };
        let name: Vec<u8> = name.iter().copied().take_while(|byte| *byte != 0).collect();
        if !self.settings.auth_types.contains(wanted) {
            return (code::INVALID_FIELD, Vec::new());
        }
        let Some(user) = self.settings.users.iter().position(|user| user.name.as_bytes() == name) else {
            // 81h: invalid user name; 82h: the null user isn't enabled.
            return (if name.is_empty() { 0x82 } else { 0x81 }, Vec::new());
        };
        if self.settings.users[user].password.len() > 16 {
            return (0x81, Vec::new());
        }
        let (temporary, challenge) = (random_id(), random());
        self.sessions.push(Session {
            id: random_id(),
            console: 0,
            active: false,
            user,
            limit: self.settings.users[user].limit.min(self.settings.channel_limit),
            privilege: 0,
            inbound: Window::new(random_id(), 8),
            outbound: 0,
            kind: Kind::V15 { auth_type: *wanted, challenge, temporary },
        });
        (code::OK, [&temporary.to_le_bytes()[..], &challenge].concat())
    }

    /// Activate Session (22.17).
    fn activate(&mut self, data: &[u8], index: usize) -> (u8, Vec<u8>) {
        let full = self.open_sessions() >= self.settings.session_slots;
        let per_message = self.settings.per_message_auth;
        let session = &mut self.sessions[index];
        let Kind::V15 { auth_type, challenge, .. } = session.kind else {
            return (code::INVALID_COMMAND, Vec::new());
        };
        let [wanted_type, level, rest @ ..] = data else { return (code::REQUEST_LENGTH, Vec::new()) };
        let Some((echo, first)) = rest.split_at_checked(16).filter(|(_, first)| first.len() == 4) else {
            return (code::REQUEST_LENGTH, Vec::new());
        };
        let first = word(first);
        match level & 0xf {
            _ if *wanted_type != auth_type || echo != challenge => return (code::INVALID_FIELD, Vec::new()),
            // 22.17: 81h no slot, 83h no slot for this user, 85h invalid number, 86h level beyond the limit.
            _ if full && !session.active => return (0x81, Vec::new()),
            _ if first == 0 => return (0x85, Vec::new()),
            level if level > session.limit => return (0x86, Vec::new()),
            level => session.limit = level,
        }
        session.active = true;
        session.privilege = session.limit.min(USER);
        session.outbound = first.wrapping_sub(1);
        let mut answer = vec![if per_message { auth_type } else { 0 }];
        answer.extend(session.id.to_le_bytes());
        answer.extend(session.inbound.highest.wrapping_add(1).to_le_bytes());
        answer.push(session.limit);
        (code::OK, answer)
    }

    fn spoil(&mut self, drafts: &mut Vec<Draft>, fault: &Fault, step: Step, session: Option<u32>) {
        let Some(truth) = drafts.last().cloned() else { return };
        match fault {
            Fault::AnswerLost => drafts.clear(),
            Fault::Late(time) => drafts.iter_mut().for_each(|draft| draft.delay += *time),
            Fault::Twice => drafts.push(truth),
            Fault::SkipSequence(count) => {
                let known = self.sessions.iter_mut().find(|known| Some(known.id) == session);
                if let Some(known) = known {
                    known.outbound = known.outbound.wrapping_add(*count);
                    let numbers = drafts.iter_mut().filter_map(Draft::sequence_mut);
                    numbers.for_each(|number| *number = number.wrapping_add(*count));
                }
            }
            Fault::Before(lie) => self.tell(drafts, truth, *lie, step, session, |drafts, truth, told| {
                let at = drafts.len() - 1;
                drafts[at] = told;
                drafts.push(truth);
            }),
            Fault::After(lie) => {
                self.tell(drafts, truth, *lie, step, session, |drafts, _, told| drafts.push(told));
            }
            Fault::Instead(lie) => {
                let mut was_told = false;
                self.tell(drafts, truth, *lie, step, session, |drafts, _, told| {
                    let at = drafts.len() - 1;
                    drafts[at] = told;
                    was_told = true;
                });
                // The number of an answer that isn't sent is still to come: the next lie repeats the same.
                let known = self.sessions.iter_mut().find(|known| Some(known.id) == session && known.active);
                if let Some(known) = known.filter(|_| was_told && *lie == Lie::RepeatedSequence) {
                    known.outbound = known.outbound.wrapping_sub(1);
                }
            }
            Fault::RequestLost
            | Fault::Refuse(_)
            | Fault::ForgetSessions
            | Fault::Restart(_)
            | Fault::Replaced { .. }
            | Fault::OfferSuite(_) => {}
        }
    }

    fn tell(
        &mut self,
        drafts: &mut Vec<Draft>,
        mut truth: Draft,
        lie: Lie,
        step: Step,
        session: Option<u32>,
        place: impl FnOnce(&mut Vec<Draft>, Draft, Draft),
    ) {
        let Some(told) = lie_about(&truth, lie, step) else { return };
        // A lie that passes the session's checks uses up a number; the truth takes the next one.
        let counted = [
            Lie::OtherRequest,
            Lie::OtherCommand,
            Lie::OtherNetfn,
            Lie::OtherResponder,
            Lie::Checksum,
            Lie::Pad,
        ];
        if counted.contains(&lie)
            && let Some(known) =
                self.sessions.iter_mut().find(|known| Some(known.id) == session && known.active)
            && let Some(sequence) = truth.sequence_mut()
        {
            known.outbound = known.outbound.wrapping_add(1);
            *sequence = known.outbound;
        }
        place(drafts, truth, told);
    }
}

/// The same answer turned into its opposite, with the flaw that gives it away; `None` where it has no room.
fn lie_about(truth: &Draft, lie: Lie, step: Step) -> Option<Draft> {
    let handshake = matches!(step, Step::OpenSession | Step::Rakp1 | Step::Rakp3);
    let mut told = truth.clone();
    if handshake {
        if lie != Lie::HandshakeCode {
            *told.payload.get_mut(1)? = status::UNAUTHORIZED_NAME;
        }
    } else if step == Step::ChassisStatus
        || told.payload.get(1) == Some(&(1 << 2)) && told.payload.len() == 11
    {
        *told.payload.get_mut(7)? ^= 1;
    } else {
        let code = told.payload.get_mut(6)?;
        *code = if *code == code::OK { code::INVALID_COMMAND } else { code::OK };
    }
    set_message_checksums(&mut told, handshake);
    let keys = match &truth.wrapping {
        Wrapping::V20 { keys, .. } => keys.as_deref(),
        _ => None,
    };
    let authenticated = match &truth.wrapping {
        Wrapping::Bare => false,
        Wrapping::V15 { auth_type, .. } => *auth_type != 0,
        Wrapping::V20 { .. } => keys.is_some_and(|keys| keys.suite.integrity != 0),
    };
    match (lie, handshake) {
        (Lie::Plain, _) => match &mut told.wrapping {
            _ if !authenticated => return None,
            Wrapping::V15 { auth_type, .. } => *auth_type = 0,
            Wrapping::V20 { keys, .. } => *keys = None,
            Wrapping::Bare => return None,
        },
        (Lie::PlainV15, false) => {
            let (session, sequence) = (*told.session_mut()?, *told.sequence_mut()?);
            let v20 = matches!(told.wrapping, Wrapping::V20 { .. });
            if session == 0 || !v20 && !authenticated {
                return None;
            }
            told.wrapping = Wrapping::V15 { auth_type: 0, password: [0; 16], sequence, session };
        }
        (Lie::OutsideSession, false) => {
            if *told.session_mut()? == 0 {
                return None;
            }
            told.wrapping = Wrapping::V15 { auth_type: 0, password: [0; 16], sequence: 0, session: 0 };
        }
        (Lie::OtherRequest, true) => told.payload[0] ^= 0x80,
        (Lie::OtherRequest, false) => told.payload[4] ^= 0x40,
        (Lie::OtherCommand, false) => told.payload[5] ^= 0x10,
        (Lie::OtherNetfn, false) => told.payload[1] ^= 0x08,
        (Lie::OtherResponder, false) => told.payload[3] ^= 0x40,
        (Lie::Garbage, _) => {
            told.payload = random::<24>().to_vec();
            told.wrapping = Wrapping::Bare;
        }
        (Lie::CutShort, _) => told.flaw = Some(Flaw::CutShort),
        (Lie::Checksum, false) => *told.payload.last_mut()? ^= 0x01,
        (Lie::Code, _) if authenticated => told.flaw = Some(Flaw::Code),
        (Lie::Pad, _) if keys.is_some_and(|keys| keys.suite.confidentiality != 0) => {
            told.flaw = Some(Flaw::Pad)
        }
        (Lie::StaleSequence, _) if authenticated => {
            let sequence = told.sequence_mut()?;
            *sequence = sequence.wrapping_sub(100);
        }
        (Lie::RepeatedSequence, _) if authenticated => {
            let sequence = told.sequence_mut()?;
            *sequence = sequence.wrapping_sub(1);
        }
        // Open Session and RAKP carry the console's id in the body.
        (Lie::OtherSession, true) => told.payload[4] ^= 0x01,
        (Lie::OtherSession, false) if *told.session_mut()? != 0 => *told.session_mut()? ^= 0x0100,
        (Lie::HandshakeCode, true) if told.payload.len() > 8 && step != Step::OpenSession => {
            *told.payload.last_mut()? ^= 0x01;
        }
        _ => return None,
    }
    if matches!(lie, Lie::OtherRequest | Lie::OtherCommand | Lie::OtherNetfn | Lie::OtherResponder) {
        set_message_checksums(&mut told, handshake);
    }
    Some(told)
}

fn set_message_checksums(draft: &mut Draft, handshake: bool) {
    if !handshake {
        set_checksums(&mut draft.payload);
    }
}

/// An Open Session Response, RAKP 2 or RAKP 4 that says no.
fn refusal(body: &[u8], code: u8, console: u32) -> Vec<u8> {
    let mut answer = vec![body[0], code, 0, 0];
    answer.extend(console.to_le_bytes());
    answer
}

fn step_of(meaning: &Meaning) -> Step {
    match meaning {
        Meaning::Ping(_) => Step::Ping,
        Meaning::Handshake(0x10, _) => Step::OpenSession,
        Meaning::Handshake(0x12, _) => Step::Rakp1,
        Meaning::Handshake(..) => Step::Rakp3,
        Meaning::Command(request, ..) => step_of_command(request.netfn, request.command),
    }
}

fn step_of_command(netfn: u8, command: u8) -> Step {
    let known =
        COMMANDS.iter().find(|(its_netfn, its_command, ..)| (*its_netfn, *its_command) == (netfn, command));
    known.map_or(Step::OtherCommand, |(_, _, step, _)| *step)
}

fn needed_level(request: &Request) -> Privilege {
    let known =
        COMMANDS.iter().find(|(netfn, command, ..)| (*netfn, *command) == (request.netfn, request.command));
    known.map_or(USER, |(.., level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(id: u8) -> Suite {
        *SUITES.iter().find(|suite| suite.id == id).unwrap()
    }

    fn status_reply(on: bool, id: u8) -> (Draft, Keys) {
        let request = [0x20, 0, 0xe0, 0x81, 0x14, 1, 0x6a];
        let payload = Request::parse(&request).unwrap().response(0, &[u8::from(on), 0, 0]);
        let keys = Keys::new(suite(id), &[7; 20], [9; 20]);
        let wrapping = Wrapping::V20 {
            payload_type: 0,
            session: 0x1234,
            sequence: 5,
            keys: Some(Box::new(keys.clone())),
        };
        (Draft { payload, wrapping, flaw: None, delay: AT_ONCE }, keys)
    }

    /// Session, sequence number, and the message where the trailer and the pad are right.
    fn opened(packet: &[u8], keys: &Keys) -> Result<(u32, u32, Vec<u8>), &'static str> {
        match parse(packet).ok_or("not whole")? {
            Incoming::V20 { encrypted: true, authenticated: true, session, sequence, body, .. } => {
                if !trailer_is_right(packet, body.len(), keys) {
                    return Err("trailer");
                }
                Ok((session, sequence, keys.decrypt(body).ok_or("pad")?))
            }
            Incoming::V20 { encrypted: false, authenticated: false, .. } => Err("plain"),
            Incoming::V15 { session: 0, .. } => Err("outside"),
            Incoming::V15 { .. } => Err("1.5"),
            _ => Err("other"),
        }
    }

    #[test]
    fn each_lie_says_the_opposite_and_has_its_own_flaw_only() {
        for id in [3, 8, 12, 17] {
            let (truth, keys) = status_reply(true, id);
            let (_, _, honest) = opened(&truth.seal(), &keys).unwrap();
            let told = |lie| opened(&lie_about(&truth, lie, Step::ChassisStatus).unwrap().seal(), &keys);
            for (lie, complaint) in [
                (Lie::Plain, "plain"),
                (Lie::PlainV15, "1.5"),
                (Lie::OutsideSession, "outside"),
                (Lie::Garbage, "not whole"),
                (Lie::Code, "trailer"),
                (Lie::Pad, "pad"),
            ] {
                assert_eq!(told(lie), Err(complaint), "{lie:?}");
            }
            assert!(told(Lie::CutShort).is_err());
            // Those that pass the session's checks: what differs from the truth besides the state and its sum.
            for (lie, session, sequence, byte) in [
                (Lie::OtherRequest, 0x1234, 5, Some(4)),
                (Lie::OtherCommand, 0x1234, 5, Some(5)),
                (Lie::OtherNetfn, 0x1234, 5, Some(1)),
                (Lie::OtherResponder, 0x1234, 5, Some(3)),
                (Lie::StaleSequence, 0x1234, 5u32.wrapping_sub(100), None),
                (Lie::RepeatedSequence, 0x1234, 4, None),
                (Lie::OtherSession, 0x1334, 5, None),
                (Lie::Checksum, 0x1234, 5, None),
            ] {
                let (its_session, its_sequence, message) = told(lie).unwrap();
                assert_eq!((its_session, its_sequence), (session, sequence), "{lie:?}");
                assert_eq!(message[7] & 1, 0, "{lie:?} says off");
                let mut right = message.clone();
                set_checksums(&mut right);
                assert_eq!(right == message, lie != Lie::Checksum, "{lie:?}");
                let differ = |at: &usize| message[*at] != honest[*at] && ![2, 7, 10].contains(at);
                assert_eq!((0..message.len()).find(differ), byte, "{lie:?}");
            }
        }
    }

    #[test]
    fn a_lie_that_the_suite_cannot_give_away_is_not_told() {
        let (plain, _) = status_reply(true, 1);
        for lie in [Lie::Plain, Lie::Code, Lie::Pad, Lie::StaleSequence, Lie::HandshakeCode] {
            assert!(lie_about(&plain, lie, Step::ChassisStatus).is_none(), "{lie:?}");
        }
        let (signed, _) = status_reply(true, 2);
        assert!(lie_about(&signed, Lie::Pad, Step::ChassisStatus).is_none());
    }

    #[test]
    fn a_sequence_number_counts_once_and_only_near_the_highest() {
        let mut window = Window::new(1, 16);
        let taken = [1, 1, 3, 2, 2, 19, 3, 4, 36, 35].map(|number| window.takes(number));
        assert_eq!(taken, [true, false, true, true, false, true, false, true, false, true]);
    }
}
