//! What happens in one run, chosen by dice.

use std::time::Duration;

use super::unit::{Unit, Word};
use crate::faults::{Dice, Limits};
use crate::snmp::daemon::{AUTH_PASSWORD, PRIV_PASSWORD, WRITE};
use crate::snmp::{Behaviour, PowerUnit, Refusal, Says, Table, User, When};
use crate::stand::{Builder, Hand, Stand};

/// So many outlets has each switch.
const OUTLETS: u32 = 6;

/// The users of every device, by their protocols: all levels, and every protocol at least once. The longest keys with
/// the shortest hashes are those that can be extended in two ways.
const USERS: [(Option<&str>, Option<&str>); 10] = [
    (None, None),
    (Some("MD5"), None),
    (Some("SHA-256"), None),
    (Some("MD5"), Some("DES")),
    (Some("SHA"), Some("AES")),
    (Some("SHA"), Some("AES-256")),
    (Some("SHA-224"), Some("AES")),
    (Some("SHA-256"), Some("AES-192")),
    (Some("SHA-384"), Some("AES-256")),
    (Some("SHA-512"), Some("AES-256")),
];

/// The users of every device.
pub(super) fn users() -> Vec<User> {
    USERS.iter().map(|(auth, privacy)| User::new(*auth, *privacy)).collect()
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Login {
    Community(&'static str),
    User(User),
}

impl Login {
    fn choose(dice: &mut Dice) -> Login {
        match dice.below(100) {
            0..=11 => Login::Community("1"),
            12..=23 => Login::Community("2c"),
            _ => Login::User(dice.pick(&users()).clone()),
        }
    }

    /// Whether every message is signed.
    pub fn signs(&self) -> bool {
        matches!(self, Login::User(user) if user.auth.is_some())
    }

    /// Whether the first protected request is answered: no key of it can be extended in two ways.
    pub fn is_plain(&self) -> bool {
        !matches!(self, Login::User(User { auth: Some("SHA"), privacy: Some("AES-256"), .. }))
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        let user = match self {
            Login::Community(version) => {
                return vec![("snmp_version", (*version).to_owned()), ("community", WRITE.to_owned())];
            }
            Login::User(user) => user,
        };
        let level = match (user.auth, user.privacy) {
            (None, _) => "noAuthNoPriv",
            (_, None) => "authNoPriv",
            _ => "authPriv",
        };
        let mut options = vec![
            ("snmp_version", "3".to_owned()),
            ("username", user.name.clone()),
            ("snmp_sec_level", level.to_owned()),
        ];
        if let Some(auth) = user.auth {
            options.extend([("snmp_auth_prot", auth.to_owned()), ("password", AUTH_PASSWORD.to_owned())]);
        }
        if let Some(privacy) = user.privacy {
            options.extend([
                ("snmp_priv_prot", privacy.to_owned()),
                ("snmp_priv_passwd", PRIV_PASSWORD.to_owned()),
            ]);
        }
        options
    }
}

/// What happens to the device in the course of the run.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// It hangs for this long and goes on, with everything that has come meanwhile.
    Hangs(Duration),
    /// It starts anew: another count of its engine's boots, and for a while nobody is there.
    Restarts,
    /// Two outlets change their names.
    Swaps((u32, u32), (u32, u32)),
    /// It has these columns no longer.
    Loses(Table),
    /// It has the objects of another stand.
    LaysOut(&'static Stand),
    /// It says that its readings or its switching can't be relied on.
    Warns(Word),
    /// What it says of these outlets is this, whatever is true, and they follow no command.
    Misreads(Vec<(u32, u32)>, i64),
    /// It answers with an error.
    Errs,
    /// Nothing of the device's: the agent has ended.
    AgentEnds,
}

impl Event {
    /// Lets it happen at once, where it is a change of what the device says.
    pub fn happen(&self, at: &Hand, builder: &Builder) {
        match self {
            Event::LaysOut(stand) => at.lay_out(builder, stand),
            Event::Warns(word) => at.hold(&word.object, Some(word.value)),
            Event::Misreads(places, value) => {
                for (group, outlet) in places {
                    at.behave(*group, *outlet, Behaviour { deaf: true, ..Behaviour::default() });
                    at.lie(*group, *outlet, Some(*value));
                }
            }
            _ => {}
        }
    }

    pub fn word(&self) -> &'static str {
        match self {
            Event::Hangs(_) => "hangs",
            Event::Restarts => "restarts",
            Event::Swaps(..) => "changes names",
            Event::Loses(_) => "loses a table midway",
            Event::LaysOut(_) => "another layout midway",
            Event::Warns(_) => "a guard changes midway",
            Event::Misreads(..) => "misreads midway, and says so",
            Event::Errs => "answers with an error",
            Event::AgentEnds => "",
        }
    }
}

/// Errors that the device answers with, from one of its answers on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errors {
    pub first: usize,
    pub span: usize,
    pub status: u8,
}

/// The requests that the device doesn't answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silent {
    /// Messages longer than every agent has to take (RFC 1157, section 4).
    Large,
    /// Several objects at once.
    Several,
    /// Get-bulk.
    Bulk,
}

/// A message that every agent takes.
pub(super) const SMALLEST_MESSAGE: usize = 484;

/// One run.
#[derive(Debug)]
pub(super) struct Plan {
    pub unit: Unit,
    pub action: &'static str,
    pub builder: Builder,
    pub login: Login,
    /// Where the plugs are, and how they are written.
    pub places: Vec<(u32, u32)>,
    pub plugs: Vec<String>,
    pub by_name: bool,
    /// What each outlet is at the beginning, where it isn't on.
    pub off: Vec<(u32, u32)>,
    pub limits: Limits,
    pub under_pacemaker: bool,
    pub network: bool,
    /// Whether the network remembers an earlier run.
    pub earlier: bool,
    pub behaviours: Vec<((u32, u32), &'static str, Behaviour)>,
    pub scheduled: Vec<((u32, u32), bool, Duration)>,
    /// Before this datagram of the agent reaches the device.
    pub events: Vec<(usize, Event)>,
    pub errors: Option<Errors>,
    /// From this answer on, so many of them are about other objects, and say the opposite.
    pub renames: Option<(usize, usize)>,
    pub silent: Option<Silent>,
    /// Whether answers come from another address.
    pub elsewhere: bool,
    /// From this datagram of the agent on, another device with the same login is at the address, whose plugs are all as
    /// somebody would wish.
    pub another: Option<usize>,
    /// So long are the names of outlets that aren't asked for.
    pub long_names: usize,
    pub same_name: Option<((u32, u32), String)>,
    /// Further faults of the device that are there from the beginning.
    pub faults: Vec<&'static str>,
    /// Whether it belongs to those in which nothing goes wrong.
    control: bool,
}

impl Plan {
    pub fn choose(unit: Unit, dice: &mut Dice) -> Plan {
        let ports = unit.stand.ports;
        let action = *dice.pick(if ports {
            &["off", "off", "off", "off", "on", "status", "monitor", "list", "list-status"]
        } else {
            &["off", "off", "off", "reboot", "reboot", "on", "status", "monitor", "list", "list-status"]
        });
        let most = unit.most_groups();
        let switches = if most > 1 && dice.chance(40) { most } else { 1 };
        let mut places: Vec<(u32, u32)> = Vec::new();
        let count = *dice.pick(&[1, 1, 1, 2, 2, 3]);
        while places.len() < count {
            let group = dice.between(1, switches.into()) as u32 - 1 + unit.stand.first_unit;
            let place = (group, dice.between(1, OUTLETS.into()) as u32);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let by_name = dice.chance(30) && unit.names;
        let plugs =
            places.iter().map(|place| if by_name { unit.name(*place) } else { unit.plug(*place) }).collect();
        let mut off = Vec::new();
        for place in &places {
            if dice.chance(if action == "on" { 75 } else { 20 }) {
                off.push(*place);
            }
        }
        let seconds = |least, most, dice: &mut Dice| Duration::from_secs(dice.between(least, most));
        let limits = Limits {
            // A machine with a hundred agents on it needs a second for a listing.
            login: Duration::from_secs(2),
            shell: seconds(2, 3, dice),
            power: seconds(2, 4, dice),
            power_wait: Duration::ZERO,
            delay: Duration::ZERO,
            retry_on: dice.between(0, 1) as u32,
        };
        let mut plan = Plan {
            unit,
            action,
            builder: PowerUnit::builder(unit.stand).switches(switches).outlets(OUTLETS),
            login: Login::choose(dice),
            places,
            plugs,
            by_name,
            off,
            limits,
            under_pacemaker: dice.chance(5),
            network: false,
            earlier: false,
            behaviours: Vec::new(),
            scheduled: Vec::new(),
            events: Vec::new(),
            errors: None,
            renames: None,
            silent: None,
            elsewhere: false,
            another: None,
            long_names: 0,
            same_name: None,
            faults: Vec::new(),
            control: false,
        };
        match dice.below(100) {
            // The control group: whether anything fails there isn't a question of time.
            0..=7 => {
                let limit = Duration::from_secs(20);
                plan.control = true;
                plan.limits = Limits { login: limit, shell: limit, power: limit, ..plan.limits };
                plan.bad_moment(dice);
            }
            8..=40 => plan.network = true,
            41..=46 if plan.login.signs() && plan.login.is_plain() => plan.is_replaced(dice),
            41..=74 => plan.trouble(dice),
            _ => {
                plan.network = true;
                plan.trouble(dice);
            }
        }
        plan.earlier = plan.network && dice.chance(25);
        plan
    }

    /// Whether anything is to go wrong.
    pub fn is_faulty(&self) -> bool {
        !self.control
    }

    /// Whether the device has other objects at the end than at the beginning.
    pub fn is_laid_out_anew(&self) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::LaysOut(_)))
    }

    /// What the agent is told.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        let mut options = self.login.options();
        options.extend([
            ("action", self.action.to_owned()),
            ("plug", self.plugs.join(",")),
            ("login_timeout", self.limits.login.as_secs().to_string()),
            ("shell_timeout", self.limits.shell.as_secs().to_string()),
            ("power_timeout", self.limits.power.as_secs().to_string()),
            ("power_wait", "0".to_owned()),
            ("retry_on", self.limits.retry_on.to_string()),
        ]);
        options.extend(self.unit.family.map(|family| ("family", family.to_owned())));
        options
    }

    fn changes(&self) -> bool {
        matches!(self.action, "off" | "on" | "reboot")
    }

    /// A single answer that would be final if it stayed so; not the first one, of which nobody knows better.
    fn bad_moment(&mut self, dice: &mut Dice) {
        if !self.login.signs() && dice.chance(50) {
            let status = *dice.pick(&[3, 5, 5, 13, 16, 19, 127]);
            let least = if matches!(self.login, Login::User(_)) { 2 } else { 1 };
            self.errors = Some(Errors { first: dice.between(least, 6) as usize, span: 1, status });
        }
    }

    /// Another device comes to the address after the first one has proved who it is.
    fn is_replaced(&mut self, dice: &mut Dice) {
        // Discovery, and the first answer that is signed.
        self.another = Some(dice.between(2, 8) as usize);
        self.faults.push("somebody else from here on");
        let struck = self.places.clone();
        if self.changes() && dice.chance(70) {
            let late = dice.millis(20, self.limits.power.as_millis() as u64 * 3 / 2);
            let behaviour = match dice.below(2) {
                0 => Behaviour { deaf: true, ..Behaviour::default() },
                _ => Behaviour { late, quiet: true, ..Behaviour::default() },
            };
            self.behave(&struck, "commanded and not obeying", &behaviour);
        }
    }

    /// One or two things that are wrong with the device.
    fn trouble(&mut self, dice: &mut Dice) {
        for _ in 0..*dice.pick(&[1, 1, 2]) {
            // One of the plugs, or all of them.
            let struck = match self.places.as_slice() {
                many if dice.chance(50) => many.to_vec(),
                some => vec![*dice.pick(some)],
            };
            if self.unit.is_further() && dice.chance(30) {
                self.contradicts_itself(dice, &struck);
            } else if self.changes() && dice.chance(65) {
                self.disobeys(dice, &struck);
            } else {
                self.is_odd(dice, &struck);
            }
        }
    }

    /// Commands have another effect than they should.
    fn disobeys(&mut self, dice: &mut Dice, struck: &[(u32, u32)]) {
        let beyond = self.limits.power.as_millis() as u64 * 3 / 2;
        let (word, behaviour) = match dice.below(8) {
            6 => {
                let refusal =
                    *dice.pick(&[Refusal::NotWritable, Refusal::WrongValue, Refusal::InconsistentValue]);
                for place in struck.iter().filter(|_| dice.chance(80)) {
                    self.off.retain(|other| other != place);
                    if self.action != "on" {
                        self.off.push(*place);
                    }
                }
                (
                    "refuses what is so",
                    Behaviour { refuses_what_is_so: Some(refusal), ..Behaviour::default() },
                )
            }
            0 => ("acknowledges only", Behaviour { deaf: true, ..Behaviour::default() }),
            1 => {
                let (late, quiet) = (dice.millis(20, beyond), dice.chance(60));
                ("late", Behaviour { late, quiet, ..Behaviour::default() })
            }
            2 => {
                let late = if dice.chance(50) { dice.millis(0, 800) } else { Duration::ZERO };
                let (reverts, quiet) = (Some(dice.millis(1, 1200)), dice.chance(60));
                ("reverts", Behaviour { reverts, late, quiet, ..Behaviour::default() })
            }
            // Never the wanted state after the command, while it isn't so: nobody can tell that from the truth.
            3 => {
                let says = if dice.chance(60) { Says::Opposite } else { odd(&self.unit, dice) };
                let late = if dice.chance(30) { dice.millis(20, 800) } else { Duration::ZERO };
                let tale = Some((says, When::After(dice.millis(50, 2500))));
                ("wrong state for a while", Behaviour { tale, late, ..Behaviour::default() })
            }
            // What is read before the command may come from anywhere.
            4 => {
                self.off.retain(|place| !struck.contains(place));
                let late = if dice.chance(50) { dice.millis(20, beyond) } else { Duration::ZERO };
                let (tale, deaf) = (Some((Says::Opposite, When::Before)), dice.chance(30));
                let quiet = dice.chance(60);
                let behaviour = Behaviour { tale, deaf, late, quiet, ..Behaviour::default() };
                (if self.action == "on" { "stale state before" } else { "stale off before" }, behaviour)
            }
            5 => {
                let refusal = *dice.pick(&[
                    Refusal::NotWritable,
                    Refusal::WrongType,
                    Refusal::WrongValue,
                    Refusal::InconsistentValue,
                ]);
                let times = *dice.pick(&[1, 2, 5, 1000]);
                ("refuses", Behaviour { refuses: Some((times, refusal)), ..Behaviour::default() })
            }
            _ => {
                // Only where outlets know delayed commands.
                for place in struck.iter().filter(|_| !self.unit.stand.ports) {
                    self.scheduled.push((*place, dice.chance(60), dice.millis(1, 5000)));
                }
                ("a command pending", Behaviour::default())
            }
        };
        if behaviour != Behaviour::default() {
            self.behave(struck, word, &behaviour);
        } else if !self.scheduled.is_empty() {
            self.faults.push(word);
        }
    }

    fn behave(&mut self, struck: &[(u32, u32)], word: &'static str, behaviour: &Behaviour) {
        for place in struck {
            self.behaviours.retain(|(other, ..)| other != place);
            self.behaviours.push((*place, word, behaviour.clone()));
        }
    }

    /// What can happen to any action.
    fn is_odd(&mut self, dice: &mut Dice, struck: &[(u32, u32)]) {
        let when = match dice.below(3) {
            0 => When::Always,
            1 => When::Before,
            _ => When::First(dice.millis(10, 3000)),
        };
        match dice.below(13) {
            7 => {
                let signed = self.login.signs();
                let (silent, word) = *dice.pick(&[
                    (Silent::Large, "silent to large requests"),
                    (Silent::Several, "silent to several objects"),
                    (Silent::Bulk, "silent to get-bulk"),
                ]);
                if !signed || silent == Silent::Large {
                    self.silent = Some(silent);
                    self.faults.push(word);
                }
            }
            8 => {
                self.elsewhere = true;
                self.faults.push("answers from elsewhere");
            }
            9 => {
                self.long_names = dice.between(300, 3000) as usize;
                self.faults.push("texts without end");
            }
            10 | 11 if !self.login.signs() => self.tells_of_neighbours(dice, struck),
            // Whoever hadn't told of it before would be taken at its word: after two answers it has.
            12 if !self.network
                && self.events.is_empty()
                && self.errors.is_none()
                && self.silent.is_none() =>
            {
                let table = if self.unit.stand.ports { Table::Status } else { Table::Pending };
                self.events.push((dice.between(3, 7) as usize, Event::Loses(table)));
                if self.changes() && dice.chance(70) {
                    let late = dice.millis(500, self.limits.power.as_millis() as u64 * 3 / 2);
                    self.behave(struck, "late", &Behaviour { late, ..Behaviour::default() });
                }
            }
            0 | 1 => {
                let says = if dice.chance(70) { odd(&self.unit, dice) } else { Says::Nothing };
                let word = if says == Says::Nothing { "no such object" } else { "odd values" };
                let behaviour = Behaviour { tale: Some((says, when)), ..Behaviour::default() };
                self.behave(struck, word, &behaviour);
            }
            2 => {
                let time = dice.millis(20, 4000);
                self.events.push((dice.below(6), Event::Hangs(time)));
            }
            3 => self.events.push((dice.below(6), Event::Restarts)),
            // tooBig, noSuchName, badValue, genErr, resourceUnavailable, and two that don't exist.
            4 if !self.login.signs() => {
                let status = *dice.pick(&[1, 2, 3, 5, 5, 13, 19, 127]);
                let span = *dice.pick(&[1, 2, 4, usize::MAX]);
                self.errors = Some(Errors { first: dice.below(6), span, status });
            }
            5 | 6 if self.by_name => {
                let one = *dice.pick(&self.places);
                let other = (one.0, one.1 % OUTLETS + 1);
                if dice.chance(85) {
                    self.events.push((dice.below(7), Event::Swaps(one, other)));
                } else {
                    let name = self.places.iter().position(|place| *place == one);
                    let name = name.and_then(|place| self.plugs.get(place)).cloned().unwrap_or_default();
                    self.same_name = Some((other, name));
                    self.faults.push("two of one name");
                }
            }
            _ => {
                let table = *dice.pick(&[Table::Status, Table::Control, Table::Names, Table::Pending]);
                // A port that doesn't say whether anything passes is taken at its word that it is down.
                if self.unit.stand.ports && table == Table::Status {
                    return;
                }
                self.builder = self.builder.clone().without(table);
                self.faults.push("a table missing");
            }
        }
    }

    /// The device answers with the rows of neighbours, whose states are the opposite.
    fn tells_of_neighbours(&mut self, dice: &mut Dice, struck: &[(u32, u32)]) {
        self.renames = Some((dice.below(7), *dice.pick(&[1, 2, 4, usize::MAX])));
        self.faults.push("the rows of neighbours");
        if self.changes() && dice.chance(60) {
            let behaviour = Behaviour { deaf: true, ..Behaviour::default() };
            self.behave(struck, "acknowledges only", &behaviour);
        }
    }

    /// The device says otherwise than before what it is, or what of it can be relied on.
    fn contradicts_itself(&mut self, dice: &mut Dice, struck: &[(u32, u32)]) {
        if !self.login.signs() && dice.chance(40) {
            self.tells_of_neighbours(dice, struck);
            return;
        }
        let at = dice.between(1, 6) as usize;
        let words: Vec<Word> = struck.iter().flat_map(|place| self.unit.words_about(*place)).collect();
        if words.is_empty() || dice.chance(35) {
            self.events.push((at, Event::LaysOut(self.unit.another_layout(dice))));
            // What was commanded in one layout and is read in the other one isn't so, unless the outlet has obeyed.
            if self.changes() && dice.chance(60) {
                self.behave(struck, "acknowledges only", &Behaviour { deaf: true, ..Behaviour::default() });
            }
            return;
        }
        let untrue: Vec<Word> = words.iter().filter(|word| word.untrue).cloned().collect();
        let words = if untrue.is_empty() || dice.chance(30) { words } else { untrue };
        let word = dice.pick(&words).clone();
        // Only once it has said so: what a device says before it knows better, nobody can tell from the truth.
        if word.untrue && !self.network && dice.chance(80) {
            // Each of them has to have said so.
            let all = struck.iter().flat_map(|place| self.unit.words_about(*place));
            let same: Vec<Word> = all.filter(|other| other.value == word.value && other.untrue).collect();
            self.events.extend(same.into_iter().map(|word| (at, Event::Warns(word))));
            let words = self.unit.words();
            let wished = if self.action == "on" { words.on } else { words.off };
            self.events.push((at + 1, Event::Misreads(struck.to_vec(), wished)));
        } else {
            self.events.push((at, Event::Warns(word)));
        }
    }
}

/// A value that means neither on nor off in this family.
fn odd(unit: &Unit, dice: &mut Dice) -> Says {
    let values = [
        Says::Value("integer", "0"),
        Says::Value("integer", "4"),
        Says::Value("integer", "5"),
        Says::Value("integer", "99"),
        Says::Value("integer", "-1"),
        Says::Value("integer", "2147483647"),
        Says::Value("integer", "-2147483648"),
        Says::Value("gauge", "4294967295"),
        Says::Value("counter", "1"),
        Says::Value("counter", "2"),
        Says::Value("timeticks", "1"),
        Says::Value("string", ""),
        Says::Value("string", "off"),
        Says::Value("objectid", ".1.3.2"),
        Says::Value("ipaddress", "0.0.0.2"),
        Says::Text,
    ];
    let words = unit.words();
    let means = |says: &Says| match says {
        // In a text, a number is a number.
        Says::Value(of, value) if *of == "integer" || unit.writes_all() => {
            [words.on.to_string(), words.off.to_string()].contains(&(*value).to_owned())
        }
        Says::Text => unit.writes_all(),
        _ => false,
    };
    let values: Vec<Says> = values.into_iter().filter(|says| !means(says)).collect();
    dice.pick(&values).clone()
}
