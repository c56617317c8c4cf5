//! Power units: snmpd with the sysObjectID and the objects of a stand, whose outlets follow commands after a while.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::data::{Commands, Holds, Refusal, Shut, Stand, Table, Words};
use super::helper::{Helper, dotted};
use super::outlet::{Behaviour, Outlet};
use crate::snmp::daemon::{Snmpd, User};

/// A command that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When.
    pub at: Instant,
    /// For which switch or device and outlet.
    pub place: (u32, u32),
    /// On or off.
    pub on: bool,
}

/// What was true of an outlet from each of these moments on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Whether it had power; for a port: whether it was up or passed anything.
    pub powered: Vec<(Instant, bool)>,
    /// What it was set to.
    pub set: Vec<(Instant, bool)>,
    /// Its name.
    pub called: Vec<(Instant, String)>,
}

/// A switch, device or branch, and an outlet.
type Place = (u32, u32);

/// What the unit is, and what is true of it.
#[derive(Debug)]
pub(super) struct Truth {
    outlets: BTreeMap<Place, Outlet>,
    pub(super) objects: BTreeMap<Vec<u32>, (Holds, Place)>,
    /// What some objects hold instead.
    instead: BTreeMap<Vec<u32>, i64>,
    delay: Duration,
    refusal: Option<Refusal>,
    deaf: bool,
    writes: Vec<(String, i64)>,
    texts: Vec<(String, String)>,
    taken: Vec<Taken>,
    refused: Vec<Taken>,
    /// What a text of all outlets says that changes none.
    confirmed: Vec<Taken>,
    sys_object_id: String,
    text_for_identity: bool,
    sys_name: String,
}

impl Truth {
    /// Lets everything happen that is due.
    pub fn settle(&mut self) {
        let now = Instant::now();
        self.outlets.values_mut().for_each(|outlet| outlet.settle(now));
    }

    /// Type and value of an object, in the words of snmpd.conf(5).
    pub fn show(&self, object: &[u32]) -> Option<(&'static str, String)> {
        let (holds, place) = self.objects.get(object)?;
        if let Some(value) = self.instead.get(object) {
            return Some(("integer", value.to_string()));
        }
        let number = |value: i64| ("integer", value.to_string());
        match holds {
            Holds::Identity => {
                let of = if self.text_for_identity { "string" } else { "objectid" };
                return Some((of, self.sys_object_id.clone()));
            }
            Holds::SysName => return Some(("string", self.sys_name.clone())),
            _ => {}
        }
        let outlet = self.outlets.get(place)?;
        Some(match holds {
            Holds::Name if outlet.name.contains(char::is_control) => {
                // As bytes: snmpd reads a string to the end of its line.
                ("octet", outlet.name.bytes().map(|byte| format!("{byte:02x} ")).collect())
            }
            Holds::Name => ("string", outlet.name.clone()),
            Holds::NameAnd(more) => ("string", format!("{}{more}", outlet.name)),
            Holds::Label(word) => ("string", format!("{word}{}", place.1)),
            Holds::State(words, _) => return outlet.tells(outlet.on, *words),
            Holds::Pending { yes, no } => number(if outlet.tells_pending() { *yes } else { *no }),
            Holds::Countdown { on } => {
                let left = outlet.coming().filter(|(wanted, _)| wanted == on);
                let left = left.map(|(_, at)| at.saturating_duration_since(Instant::now()).as_secs());
                number(left.map_or(-1, |left| left.try_into().expect("a short time")))
            }
            Holds::Admin(words, _) => return outlet.tells(outlet.is_set(), *words),
            // What is odd or missing in ifAdminStatus stands in that column alone: without a word on whether anything
            // passes, the other one counts by itself.
            Holds::Oper(words) => {
                let told = outlet.tells(outlet.on, *words).filter(|(_, value)| {
                    [words.on, words.off].iter().any(|known| known.to_string() == *value)
                });
                told.unwrap_or_else(|| number(words.of(outlet.on)))
            }
            Holds::List => {
                let all = self
                    .group(place.0)
                    .map(|(_, outlet)| outlet.tells(outlet.on, Words::new(1, 0)).map(|(_, value)| value));
                ("string", all.collect::<Option<Vec<_>>>()?.join(","))
            }
            Holds::Count => number(self.group(place.0).count().try_into().expect("a small number")),
            Holds::Units => {
                let units: BTreeSet<u32> = self.outlets.keys().map(|(unit, _)| *unit).collect();
                let units: Vec<String> = units.iter().map(u32::to_string).collect();
                ("string", format!("{},{}", units.len(), units.join(",")))
            }
            Holds::Everything(_) => number(0),
            Holds::Guard(value, _)
            | Holds::Number(value)
            | Holds::Register(value)
            | Holds::Unlisted(value) => number(*value),
            Holds::Text(text) => ("string", (*text).to_owned()),
            Holds::Bytes(bytes) => ("octet", (*bytes).to_owned()),
            Holds::Identity | Holds::SysName => return None,
        })
    }

    /// The outlets of a switch, device or branch.
    fn group(&self, group: u32) -> impl Iterator<Item = (&Place, &Outlet)> {
        self.outlets.range((group, 0)..=(group, u32::MAX))
    }

    /// What comes of writing an object: what snmpd's helper says.
    pub fn command(&mut self, object: &[u32], value: &str) -> &'static str {
        match self.written(object, value) {
            Ok(()) => "DONE",
            Err(refusal) => refusal.word(),
        }
    }

    fn written(&mut self, object: &[u32], value: &str) -> Result<(), Refusal> {
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        let (holds, place) = self.objects.get(object).copied().ok_or(Refusal::NotWritable)?;
        if holds == Holds::List {
            let text = value.strip_prefix("string ").ok_or(Refusal::WrongType)?.trim().trim_matches('"');
            self.texts.push((dotted(object), text.to_owned()));
            return self.list(place.0, text);
        }
        let writable = matches!(
            holds,
            Holds::State(..)
                | Holds::Admin(..)
                | Holds::Everything(_)
                | Holds::Countdown { .. }
                | Holds::Register(_)
        );
        if !writable {
            return Err(Refusal::NotWritable);
        }
        let number = value.strip_prefix("integer ").and_then(|number| number.trim().parse::<i64>().ok());
        let value = number.ok_or(Refusal::WrongType)?;
        self.writes.push((dotted(object), value));
        self.settle();
        let done = match holds {
            Holds::State(_, commands) | Holds::Admin(_, commands) => self.obey(place, commands, value),
            Holds::Everything(commands) => {
                let all: Vec<Place> = self.group(place.0).map(|(place, _)| *place).collect();
                all.into_iter().try_for_each(|place| self.obey(place, commands, value))
            }
            Holds::Countdown { on } => match u64::try_from(value) {
                Ok(seconds) => self.take(place, on, Duration::from_secs(seconds)),
                Err(_) if value == -1 => self.obey(place, CANCEL, value),
                Err(_) => Err(Refusal::WrongValue),
            },
            Holds::Register(_) => {
                self.instead.insert(object.to_vec(), value);
                Ok(())
            }
            _ => Err(Refusal::NotWritable),
        };
        self.settle();
        done
    }

    /// The states of all outlets, of which those that differ from what was are commands; what is neither on nor off is
    /// left as it is.
    fn list(&mut self, group: u32, text: &str) -> Result<(), Refusal> {
        self.settle();
        let places: Vec<Place> = self.group(group).map(|(place, _)| *place).collect();
        let words = Words::new(1, 0);
        let told = self.group(group).map(|(_, outlet)| outlet.tells(outlet.on, words).map(|(_, word)| word));
        let told: Vec<Option<String>> = told.collect();
        let state = |(number, word): (usize, &str)| match word {
            "1" => Some(Some(true)),
            "0" => Some(Some(false)),
            // What it says itself of an outlet that isn't to be switched may come back.
            word => (told.get(number)?.as_deref() == Some(word)).then_some(None),
        };
        let states: Vec<Option<bool>> =
            text.split(',').enumerate().map(state).collect::<Option<_>>().ok_or(Refusal::WrongValue)?;
        if states.len() != places.len() {
            return Err(Refusal::WrongValue);
        }
        let said: Vec<(Place, bool)> =
            places.into_iter().zip(states).filter_map(|(place, on)| Some((place, on?))).collect();
        let is_so = |(place, on): &(Place, bool)| {
            self.outlets.get(place).is_some_and(|outlet| outlet.wanted() == *on)
        };
        let (so_already, others): (Vec<_>, Vec<_>) = said.into_iter().partition(is_so);
        if others.is_empty() {
            let at = Instant::now();
            self.confirmed.extend(so_already.into_iter().map(|(place, on)| Taken { at, place, on }));
        }
        for (place, on) in others {
            self.take(place, on, Duration::ZERO)?;
        }
        self.settle();
        Ok(())
    }

    fn obey(&mut self, place: Place, commands: Commands, value: i64) -> Result<(), Refusal> {
        let value = Some(value);
        if value == commands.on || value == commands.off {
            return self.take(place, value == commands.on, Duration::ZERO);
        }
        let outlet = self.outlets.get_mut(&place).ok_or(Refusal::NotWritable)?;
        if value != commands.cancel {
            return Err(Refusal::WrongValue);
        }
        outlet.cancel();
        Ok(())
    }

    /// An outlet takes a command, so much later than usual.
    fn take(&mut self, place: Place, on: bool, later: Duration) -> Result<(), Refusal> {
        let told = Taken { at: Instant::now(), place, on };
        let shut = self.shut(place);
        let (deaf, delay) = (self.deaf || shut == Some(Shut::Ignores), self.delay + later);
        let outlet = self.outlets.get_mut(&place).ok_or(Refusal::NotWritable)?;
        let done = match shut {
            Some(Shut::Refuses(refusal)) => Err(refusal),
            _ if deaf => Ok(()),
            _ => outlet.take(on, delay),
        };
        let list = if done.is_ok() { &mut self.taken } else { &mut self.refused };
        list.push(Taken { at: Instant::now(), ..told });
        done
    }

    /// What becomes of commands for an outlet, where an object says that it may not be switched.
    fn shut(&self, place: Place) -> Option<Shut> {
        let guards = self.objects.iter().filter(|(_, (_, of))| *of == place);
        let mut shut = guards.filter_map(|(object, (holds, _))| match holds {
            Holds::Guard(open, shut) => self.instead.get(object).filter(|now| *now != open).map(|_| *shut),
            _ => None,
        });
        shut.find(|shut| *shut != Shut::Follows)
    }
}

/// For columns in which -1 forgets what is still to be followed.
const CANCEL: Commands = Commands { cancel: Some(-1), ..Commands::NONE };

/// What to make of a power unit before it starts.
#[derive(Clone, Debug)]
pub struct Builder {
    stand: &'static Stand,
    switches: u32,
    outlets: u32,
    delay: Duration,
    without: Vec<Table>,
    users: Vec<User>,
    sys_object_id: Option<String>,
    also: Vec<&'static Stand>,
}

impl Builder {
    /// How many switches or devices, each with its outlets; branches, where units have them. 1 unless told otherwise.
    pub fn switches(mut self, switches: u32) -> Builder {
        self.switches = switches;
        self
    }

    /// How many outlets on each. As many as the stand says unless told otherwise.
    pub fn outlets(mut self, outlets: u32) -> Builder {
        self.outlets = outlets;
        self
    }

    /// How long an outlet takes to follow a command. No time unless told otherwise.
    pub fn delay(mut self, delay: Duration) -> Builder {
        self.delay = delay;
        self
    }

    /// Leaves these columns out.
    pub fn without(mut self, table: Table) -> Builder {
        self.without.push(table);
        self
    }

    /// Adds the tables of another family of the same vendor, with the same outlets behind them.
    pub fn with_tables_of(mut self, stand: impl Into<&'static Stand>) -> Builder {
        self.also.push(stand.into());
        self
    }

    /// Gives another sysObjectID than the family's.
    pub fn sys_object_id(mut self, oid: &str) -> Builder {
        self.sys_object_id = Some(oid.to_owned());
        self
    }

    /// Adds SNMPv3 users to the communities.
    pub fn users(mut self, users: &[User]) -> Builder {
        self.users.extend_from_slice(users);
        self
    }

    /// Starts it. Every outlet is on and named `outlet 1` and so on (`outlet 2:1` on further switches).
    pub fn start(self) -> PowerUnit {
        // snmpd's own is always an object identifier.
        if self.stand.text_for_identity {
            return self.start_changeable();
        }
        let truth = Arc::new(Mutex::new(self.truth()));
        let helper = Helper::start(truth.clone());
        let config = format!(
            "sysobjectid {}\npass_persist .{} /bin/sh {}\n",
            self.identity(),
            self.stand.base,
            helper.script().display()
        );
        let snmpd = Snmpd::start(&self.users, &config);
        PowerUnit { stand: self.stand, snmpd, truth, _helper: helper }
    }

    /// Starts it as one of which [`PowerUnit::become_another`] can make any other: snmpd has no objects of its own.
    pub fn start_changeable(self) -> PowerUnit {
        let truth = Arc::new(Mutex::new(self.truth()));
        let helper = Helper::start(truth.clone());
        let config = format!("pass_persist .1.3.6.1 /bin/sh {}\n", helper.script().display());
        let named = truth.clone();
        let snmpd = Snmpd::start_bare(&self.users, &config, |name| {
            named.lock().expect("the truth").sys_name = name.to_owned();
        });
        PowerUnit { stand: self.stand, snmpd, truth, _helper: helper }
    }

    fn identity(&self) -> &str {
        self.sys_object_id.as_deref().unwrap_or(self.stand.sys_object_id)
    }

    fn truth(&self) -> Truth {
        let mut outlets = BTreeMap::new();
        let mut objects = BTreeMap::new();
        objects.insert(vec![1, 3, 6, 1, 2, 1, 1, 2, 0], (Holds::Identity, (0, 0)));
        objects.insert(vec![1, 3, 6, 1, 2, 1, 1, 5, 0], (Holds::SysName, (0, 0)));
        let first = self.stand.first_unit;
        for switch in (first..).take(self.switches as usize) {
            for number in 1..=self.outlets {
                let name = if switch == first {
                    format!("outlet {number}")
                } else {
                    format!("outlet {switch}:{number}")
                };
                outlets.insert((switch, number), Outlet::new(name, true, self.stand.ports));
                for stand in std::iter::once(&self.stand).chain(&self.also) {
                    let columns = stand.columns.iter().filter(|column| !self.lacks(column.holds));
                    objects.extend(columns.map(|column| {
                        (stand.object(column, switch, number), (column.holds, (switch, number)))
                    }));
                }
            }
        }
        Truth {
            outlets,
            objects,
            instead: BTreeMap::new(),
            delay: self.delay,
            refusal: None,
            deaf: false,
            writes: Vec::new(),
            texts: Vec::new(),
            taken: Vec::new(),
            refused: Vec::new(),
            confirmed: Vec::new(),
            sys_object_id: self.identity().to_owned(),
            text_for_identity: self.stand.text_for_identity,
            sys_name: String::new(),
        }
    }

    fn lacks(&self, holds: Holds) -> bool {
        holds.table().is_some_and(|table| self.without.contains(&table))
    }
}

/// A running power unit, all outlets on. It ends when dropped.
pub struct PowerUnit {
    // First, so that snmpd ends before the helper's thread.
    snmpd: Snmpd,
    stand: &'static Stand,
    truth: Arc<Mutex<Truth>>,
    _helper: Helper,
}

impl PowerUnit {
    /// A unit of this family, to be adjusted and started.
    pub fn builder(stand: impl Into<&'static Stand>) -> Builder {
        let stand = stand.into();
        Builder {
            stand,
            switches: 1,
            outlets: stand.outlets,
            delay: Duration::ZERO,
            without: Vec::new(),
            users: Vec::new(),
            sys_object_id: None,
            also: Vec::new(),
        }
    }

    /// A unit as [`PowerUnit::builder`] makes it.
    pub fn start(stand: impl Into<&'static Stand>) -> PowerUnit {
        PowerUnit::builder(stand).start()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.snmpd.address()
    }

    /// Its snmpd.
    pub fn snmpd(&self) -> &Snmpd {
        &self.snmpd
    }

    /// Its snmpd, to be started anew.
    pub fn snmpd_mut(&mut self) -> &mut Snmpd {
        &mut self.snmpd
    }

    /// Whether an outlet has power: the judge.
    pub fn is_on(&self, switch: u32, outlet: u32) -> bool {
        let mut truth = self.lock();
        truth.settle();
        truth.outlets.get(&(switch, outlet)).expect("that outlet").on
    }

    /// Switches an outlet by hand.
    pub fn set(&self, switch: u32, outlet: u32, on: bool) {
        self.outlet(switch, outlet, |outlet| outlet.turn(on));
    }

    /// Leaves a command pending on an outlet, which will have this state so much later.
    pub fn pend(&self, switch: u32, outlet: u32, on: bool, later: Duration) {
        self.outlet(switch, outlet, |outlet| outlet.pending = Some((on, Instant::now() + later)));
    }

    /// Names an outlet.
    pub fn name(&self, switch: u32, outlet: u32, name: &str) {
        self.outlet(switch, outlet, |outlet| outlet.rename(name.to_owned()));
    }

    /// Lets two outlets change their names.
    pub fn swap_names(&self, one: (u32, u32), other: (u32, u32)) {
        let mut truth = self.lock();
        let name = |place| truth.outlets.get(&place).expect("that outlet").name.clone();
        let (first, second) = (name(one), name(other));
        truth.outlets.get_mut(&one).expect("that outlet").rename(second);
        truth.outlets.get_mut(&other).expect("that outlet").rename(first);
    }

    /// Leaves somebody else's delayed command on an outlet, which only cancelling takes away.
    pub fn schedule(&self, switch: u32, outlet: u32, on: bool, later: Duration) {
        self.outlet(switch, outlet, |outlet| outlet.scheduled = Some((on, Instant::now() + later)));
    }

    /// Makes an outlet behave so from now on.
    pub fn behave(&self, switch: u32, outlet: u32, behaviour: Behaviour) {
        self.outlet(switch, outlet, |outlet| outlet.behave(behaviour));
    }

    /// Everything that was true of an outlet until now.
    pub fn record(&self, switch: u32, outlet: u32) -> Record {
        let mut truth = self.lock();
        truth.settle();
        let Outlet { powered, set, called, .. } =
            truth.outlets.get(&(switch, outlet)).expect("that outlet").clone();
        Record { powered, set, called }
    }

    /// Every switch or device with every outlet.
    pub fn places(&self) -> Vec<(u32, u32)> {
        self.lock().outlets.keys().copied().collect()
    }

    /// Every command for an outlet's state that was acknowledged, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.lock().taken.clone()
    }

    /// Every command for an outlet's state that was refused by the outlet, in order.
    pub fn refused(&self) -> Vec<Taken> {
        self.lock().refused.clone()
    }

    /// What a text of all outlets said in which each is as it was already: a command like any other for whichever was meant.
    pub fn confirmed(&self) -> Vec<Taken> {
        self.lock().confirmed.clone()
    }

    /// Takes these columns away, as a unit does whose firmware is being replaced.
    pub fn lose(&self, table: Table) {
        self.lock().objects.retain(|_, (holds, _)| holds.table() != Some(table));
    }

    /// Makes another unit of one that [`Builder::start_changeable`] has started. Login and port stay, and nothing
    /// else.
    pub fn become_another(&self, builder: &Builder) {
        let mut truth = self.lock();
        let sys_name = truth.sys_name.clone();
        *truth = Truth { sys_name, ..builder.truth() };
    }

    /// Makes the unit say this for an outlet's state, whatever it is; `None` for the truth.
    pub fn lie(&self, switch: u32, outlet: u32, value: Option<i64>) {
        self.hand().lie(switch, outlet, value);
    }

    /// Makes the unit refuse every write.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        self.lock().refusal = refusal;
    }

    /// Makes the unit acknowledge commands without following them.
    pub fn ignore_commands(&self, deaf: bool) {
        self.lock().deaf = deaf;
    }

    /// How long outlets take from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    /// Makes an object hold this number, whatever it held; `None` for what is true. A [`Holds::Guard`] that holds another
    /// number than its own is shut.
    ///
    /// # Panics
    /// Where there is no such object.
    pub fn hold(&self, object: &str, value: Option<i64>) {
        let known = self.lock().objects.contains_key(&super::helper::arcs(object));
        assert!(known, "no object {object}");
        self.hand().hold(object, value);
    }

    /// Takes an object away.
    ///
    /// # Panics
    /// Where there is no such object.
    pub fn lack(&self, object: &str) {
        let removed = self.lock().objects.remove(&super::helper::arcs(object));
        assert!(removed.is_some(), "no object {object}");
    }

    /// The object of one of the stand's columns (as its table has it) for an outlet.
    pub fn object(&self, column: &str, switch: u32, outlet: u32) -> String {
        let columns = self.stand.columns.iter().find(|known| known.object == column);
        dotted(&self.stand.object(columns.expect("that column"), switch, outlet))
    }

    /// Every text that was written: object and value.
    pub fn texts(&self) -> Vec<(String, String)> {
        self.lock().texts.clone()
    }

    /// Every number that was written: object and value.
    pub fn writes(&self) -> Vec<(String, i64)> {
        self.lock().writes.clone()
    }

    /// A hand on it that may be given away.
    pub fn hand(&self) -> Hand {
        Hand(self.truth.clone())
    }

    fn outlet(&self, switch: u32, outlet: u32, change: impl FnOnce(&mut Outlet)) {
        self.hand().outlet(switch, outlet, change);
    }

    fn lock(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().expect("the truth")
    }
}

/// A hand on a power unit: what changes there while somebody else watches over it.
#[derive(Clone)]
pub struct Hand(Arc<Mutex<Truth>>);

impl Hand {
    /// As [`PowerUnit::hold`], where there is such an object.
    pub fn hold(&self, object: &str, value: Option<i64>) {
        let (mut truth, object) = (self.lock(), super::helper::arcs(object));
        match value {
            Some(value) => truth.instead.insert(object, value),
            None => truth.instead.remove(&object),
        };
    }

    /// As [`PowerUnit::behave`].
    pub fn behave(&self, switch: u32, outlet: u32, behaviour: Behaviour) {
        self.outlet(switch, outlet, |outlet| outlet.behave(behaviour));
    }

    /// As [`PowerUnit::lie`].
    pub fn lie(&self, switch: u32, outlet: u32, value: Option<i64>) {
        self.outlet(switch, outlet, |outlet| outlet.lie = value);
    }

    /// Has the objects of another stand from now on, with the same outlets behind them. What it says that it is stays the
    /// same.
    pub fn lay_out(&self, builder: &Builder, stand: &'static Stand) {
        let laid_out = Builder { stand, ..builder.clone() }.truth();
        let mut truth = self.lock();
        truth.objects = laid_out.objects;
        truth.instead.clear();
    }

    fn outlet(&self, switch: u32, outlet: u32, change: impl FnOnce(&mut Outlet)) {
        let mut truth = self.lock();
        truth.settle();
        change(truth.outlets.get_mut(&(switch, outlet)).expect("that outlet"));
    }

    fn lock(&self) -> MutexGuard<'_, Truth> {
        self.0.lock().expect("the truth")
    }
}
