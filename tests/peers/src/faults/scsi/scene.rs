//! The units of one run with their faults, what truly happened to them, and what the agents were told.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::History;
use super::lun::{
    Answer, CLEAR, FENCING, INQUIRY, Lun, Nexus, PREEMPT, PREEMPT_AND_ABORT, REGISTER, REGISTER_AND_IGNORE,
    RELEASE, RESERVE, RESERVE_IN, RESERVE_OUT,
};

/// The nodes that an agent may run on: the caller, and the one it fences where they race.
pub(super) const AGENTS: usize = 2;
/// The node that is fenced.
pub(super) const VICTIM: Nexus = 1;
/// Lines of a story's record of commands.
const RECORDED: usize = 400;

/// Where a connection of an agent leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The node that the agent runs on.
    pub(super) node: usize,
    /// The unit.
    pub(super) unit: usize,
    /// The path below the node's map, from 1; 0 for a disk by itself, and for the map.
    pub(super) path: usize,
    /// It was opened while the name led to a stranger.
    pub(super) stray: bool,
}

/// The nexuses of a node's further paths are so far apart.
const PATHS_APART: Nexus = 1000;

/// The nexus of a node's path below a map, counted from 1.
pub(super) fn nexus_of_path(node: usize, path: usize) -> Nexus {
    node + PATHS_APART * path
}

/// Which commands of an agent a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// All of them.
    Any,
    /// INQUIRY.
    Inquiries,
    /// All others.
    NoInquiries,
    /// PERSISTENT RESERVE IN.
    Reads,
    /// READ KEYS.
    Keys,
    /// READ RESERVATION.
    Reservations,
    /// PERSISTENT RESERVE OUT.
    Changes,
    /// The opening of the device.
    Opening,
}

impl Met {
    fn is(self, cdb: &[u8]) -> bool {
        let action = || cdb.get(1).map(|byte| byte & 0x1f);
        match (self, cdb.first()) {
            (Met::Any, _) => true,
            (Met::Inquiries, Some(&INQUIRY)) | (Met::Changes, Some(&RESERVE_OUT)) => true,
            (Met::NoInquiries, Some(operation)) => *operation != INQUIRY,
            (Met::Reads, Some(&RESERVE_IN)) => true,
            (Met::Keys, Some(&RESERVE_IN)) => action() == Some(0),
            (Met::Reservations, Some(&RESERVE_IN)) => action() == Some(1),
            _ => false,
        }
    }
}

/// When a command whose answer never comes, or comes late, is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// Never.
    Never,
    /// At once.
    AtOnce,
    /// After this time.
    After(Duration),
}

/// What another node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The victim registers its key.
    VictimReturns,
    /// The victim takes its registration back.
    VictimLeaves,
    /// Another node registers and takes that back: only PRGENERATION tells.
    SomebodyPasses,
    /// A registered node other than the caller removes the victim.
    VictimPreempted,
    /// A registered node removes the caller.
    CallerPreempted,
    /// The holder releases the reservation.
    Released,
    /// A registered node removes everything.
    Cleared,
    /// The holder goes over to another type.
    TypeChanged(u8),
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum What {
    /// This answer, with the command carried out or not.
    Answered {
        /// The answer.
        wire: Wire,
        /// Whether the command is carried out.
        done: bool,
    },
    /// The answer takes so long; the command is carried out before or afterwards.
    Slow {
        /// How long.
        takes: Duration,
        /// Whether it is carried out before.
        first: bool,
    },
    /// No answer. With `returns` the kernel gives up at its limit and says so.
    Hangs {
        /// When the command is carried out.
        done: Done,
        /// Whether the kernel gives up.
        returns: bool,
    },
    /// Only so many bytes of the data come. `silent`: the transport claims that all came.
    Truncated {
        /// So many bytes.
        keep: usize,
        /// What the transport claims.
        silent: bool,
    },
    /// Bits of the data change: the positions and the bits, each taken modulo what there is.
    Corrupted(Vec<(usize, u8)>),
    /// The command is acknowledged, and carried out then.
    Acknowledged(Done),
    /// It is carried out, and the victim registers again after this time.
    Reverts(Duration),
    /// For so long READ KEYS gives what it would give now.
    Stale(Duration),
    /// The device is removed, and comes back after this time, if ever.
    Vanishes(Option<Duration>),
    /// The device loses power, and is away so long.
    Restarts(Duration),
    /// The process that asks is killed.
    Kills,
    /// Another node acts before the command is carried out.
    Acts(Act),
    /// Another device stands there from now on, behind the descriptors that are open too.
    Replaced(Box<Lun>),
    /// The name leads to another device where it is opened now.
    Renamed(Box<Lun>),
    /// A command that would change nothing gets this answer.
    RefusesWhatIsSo(Wire),
}

/// One fault of one unit.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Its word in the table of counts.
    pub(super) name: &'static str,
    /// Which commands it meets.
    pub(super) met: Met,
    /// Only those that go over this path below a map.
    pub(super) path: Option<usize>,
    /// After so many of them.
    pub(super) skip: u32,
    /// So often.
    pub(super) times: u32,
    /// What happens.
    pub(super) what: What,
}

/// How a command ends for the caller of `SG_IO`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// The errno of the call.
    pub errno: i32,
    /// The status byte.
    pub status: u8,
    /// The host adapter's code.
    pub host: u16,
    /// The driver's code.
    pub driver: u16,
    /// The sense data.
    pub sense: Vec<u8>,
    /// The data.
    pub data: Vec<u8>,
    /// How many bytes are said not to have come, where that is a lie.
    pub residual: Option<i32>,
}

impl Wire {
    /// CHECK CONDITION with sense data in fixed or descriptor format (SPC-4, section 4.5).
    pub fn check(key: u8, asc: u8, ascq: u8, fixed: bool, deferred: bool) -> Wire {
        let deferred = u8::from(deferred);
        let sense = if fixed {
            vec![0x70 | deferred, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0]
        } else {
            vec![0x72 | deferred, key, asc, ascq, 0, 0, 0, 0]
        };
        Wire { status: 0x02, driver: 0x08, sense, ..Wire::default() }
    }

    /// CHECK CONDITION with the sense key RECOVERED ERROR: the command was carried out.
    pub(super) fn reports_success(&self) -> bool {
        let key = match self.sense.first().map(|response| response & 0x7f) {
            Some(0x70) => self.sense.get(2),
            Some(0x72) => self.sense.get(1),
            _ => None,
        };
        self.status == 0x02 && key.is_some_and(|key| key & 0x0f == 0x01)
    }
}

/// What is watched, since it is what an agent may claim.
#[derive(Clone, Copy, Debug)]
pub(super) enum Watched {
    /// On while the node with this key can write.
    Writes(u64),
    /// On while this nexus is registered with this key, and those without one can't write.
    Joined(Nexus, u64),
    /// On while this key is registered anywhere.
    Registered(u64),
}

/// A unit with its faults.
#[derive(Debug)]
pub(super) struct Unit {
    /// The device that is meant.
    pub(super) lun: Lun,
    /// Another one that has come into its place, or has its name.
    pub(super) stranger: Option<Lun>,
    /// Every command goes to the stranger.
    pub(super) replaced: bool,
    /// The path that commands over a map take; 0 for a disk by itself.
    pub(super) active: usize,
    /// How many paths there are where the map takes them in turn, one for each command; otherwise 0.
    pub(super) turns: usize,
    /// The path that leads to the stranger.
    pub(super) astray: Option<usize>,
    /// What goes wrong.
    pub(super) faults: Vec<Fault>,
    /// Whether its sense data has the fixed format.
    pub(super) fixed_sense: bool,
    gone: Option<Option<Instant>>,
    restarting: Option<Instant>,
    stale: Option<(Instant, Vec<u8>)>,
    /// For each agent: the last change it sent, and what it was told since.
    told: [Told; AGENTS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    changed: Option<Instant>,
    keys: bool,
    reservation: bool,
}

impl Unit {
    /// A unit without faults.
    pub(super) fn new(lun: Lun) -> Unit {
        Unit {
            lun,
            stranger: None,
            replaced: false,
            active: 0,
            turns: 0,
            astray: None,
            faults: Vec::new(),
            fixed_sense: false,
            gone: None,
            restarting: None,
            stale: None,
            told: Default::default(),
        }
    }

    /// What stands there at the end of a way: the device that is meant, or a stranger.
    pub(super) fn there(&mut self, stray: bool) -> &mut Lun {
        match &mut self.stranger {
            Some(stranger) if stray => stranger,
            _ => &mut self.lun,
        }
    }

    /// Whether a way leads to a stranger now.
    pub(super) fn is_stray(&self, way: Way) -> bool {
        let astray = self.astray.is_some_and(|path| path == self.path(way));
        self.stranger.is_some() && (way.stray || self.replaced || astray)
    }

    fn path(&self, way: Way) -> usize {
        if way.path == 0 { self.active } else { way.path }
    }

    fn nexus(&self, way: Way) -> Nexus {
        nexus_of_path(way.node, self.path(way))
    }

    /// A command has gone over the map.
    fn turn(&mut self, way: Way) {
        if way.path == 0 && self.turns > 0 {
            self.active = self.active % self.turns + 1;
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct World {
    /// The units.
    pub(super) units: Vec<Unit>,
    /// The nodes' keys.
    pub(super) keys: Vec<u64>,
    /// How many nexuses there are.
    pub(super) nexuses: usize,
    /// The names of the faults that have happened.
    pub(super) happened: Vec<&'static str>,
    /// What happened, line by line.
    pub(super) record: String,
    /// Each command that was to change something, in the order of their coming.
    pub(super) changes: Vec<Change>,
    /// How many commands have come.
    pub(super) commands: usize,
    /// The longest time for which a request was kept waiting.
    pub(super) longest_request: Duration,
    watched: Vec<(Watched, Vec<History>)>,
    lines: usize,
    begun: Instant,
}

/// The world of one run, shared by its connections.
#[derive(Clone, Debug)]
pub(super) struct Scene(Arc<Mutex<World>>);

impl Scene {
    /// A world in which these units stand, and this is watched.
    pub(super) fn new(units: Vec<Unit>, keys: Vec<u64>, nexuses: usize, watched: &[Watched]) -> Scene {
        let mut world = World {
            watched: watched.iter().map(|one| (*one, vec![History::default(); units.len()])).collect(),
            units,
            keys,
            nexuses,
            happened: Vec::new(),
            record: String::new(),
            changes: Vec::new(),
            commands: 0,
            longest_request: Duration::ZERO,
            lines: 0,
            begun: Instant::now(),
        };
        world.note();
        Scene(Arc::new(Mutex::new(world)))
    }

    /// The world, for this moment.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something later, where the run still goes on.
    pub(super) fn later(&self, after: Duration, what: impl FnOnce(&mut World) + Send + 'static) {
        let world = Arc::downgrade(&self.0);
        std::thread::spawn(move || {
            std::thread::sleep(after);
            if let Some(world) = world.upgrade() {
                let mut world = world.lock().unwrap_or_else(PoisonError::into_inner);
                what(&mut world);
                world.note();
            }
        });
    }
}

impl World {
    /// Writes down what is so now, where it has changed.
    fn note(&mut self) {
        let now = Instant::now();
        for (watched, histories) in &mut self.watched {
            for (unit, history) in self.units.iter().zip(histories) {
                let lun = &unit.lun;
                let on = match *watched {
                    Watched::Writes(key) => lun.keys().any(|one| one == key) || !lun.is_fenced_off(),
                    Watched::Joined(nexus, key) => lun.key_of(nexus) == Some(key) && lun.is_fenced_off(),
                    Watched::Registered(key) => lun.keys().any(|one| one == key),
                };
                if history.0.last().is_none_or(|(_, before)| *before != on) {
                    history.0.push((now, on));
                }
            }
        }
    }

    /// What truly happened, of this that was watched.
    pub(super) fn truth(&self, number: usize) -> Vec<History> {
        self.watched.get(number).map(|(_, histories)| histories.clone()).unwrap_or_default()
    }

    /// Since when an agent's success counts: its last change, or its start where it had nothing to change. `None`
    /// where it hasn't been told keys and reservation by every unit since the last change it sent there.
    pub(super) fn proven_since(&self, agent: Nexus, started: Instant) -> Option<Instant> {
        let told: Vec<Told> = self.units.iter().map(|unit| unit.told[agent]).collect();
        let changed = told.iter().filter_map(|told| told.changed).max();
        told.iter().all(|told| told.keys && told.reservation).then(|| changed.unwrap_or(started))
    }

    /// The state of all units in one line.
    pub(super) fn in_words(&self) -> String {
        self.units.iter().enumerate().fold(String::new(), |mut words, (number, unit)| {
            let keys: Vec<String> = unit.lun.keys().take(6).map(|key| format!("{key:x}")).collect();
            let _ = write!(words, " [{number}: {}", keys.join(" "));
            let _ = match unit.lun.reservation() {
                Some((holder, kind)) => write!(words, ", node {holder} holds type {kind}]"),
                None => write!(words, ", free]"),
            };
            words
        })
    }

    fn tell(&mut self, line: impl FnOnce() -> String) {
        if self.lines < RECORDED {
            self.lines += 1;
            let at = self.begun.elapsed().as_secs_f64() * 1000.0;
            let _ = writeln!(self.record, "    {at:9.1} ms {}", line());
        }
    }

    /// The errno with which a unit refuses to be opened, or what else happens then; otherwise whether the name leads to a
    /// stranger.
    pub(super) fn opened(&mut self, way: Way) -> Result<bool, What> {
        let Way { node, unit, .. } = way;
        if self.is_gone(unit) {
            self.tell(|| format!("node {node} unit {unit}: opening: it is gone"));
            return Err(failed_call(libc::ENXIO));
        }
        let Some((name, what)) = self.fault(way, &[], true) else { return Ok(false) };
        self.tell(|| format!("node {node} unit {unit}: opening: {name}"));
        match what {
            What::Renamed(lun) => {
                self.units[unit].stranger.get_or_insert(*lun);
                Ok(true)
            }
            what => Err(what),
        }
    }

    /// What goes wrong with this command, after everything that happens before it.
    pub(super) fn meets(&mut self, way: Way, cdb: &[u8]) -> Option<What> {
        let Way { node, unit, .. } = way;
        self.commands += 1;
        if cdb.first() == Some(&RESERVE_OUT) {
            self.units[unit].told[node] = Told { changed: Some(Instant::now()), ..Told::default() };
        }
        let (name, what) = self.met(way, cdb)?;
        self.tell(|| format!("node {node} unit {unit}: {}: {name}", name_of(cdb)));
        Some(what)
    }

    fn met(&mut self, way: Way, cdb: &[u8]) -> Option<(&'static str, What)> {
        let unit = way.unit;
        let away = Instant::now();
        if self.is_gone(unit) {
            return Some(("vanishes", What::Vanishes(None)));
        }
        if self.units[unit].restarting.is_some_and(|until| away < until) {
            let wire = Wire { host: 0x01, ..Wire::default() };
            return Some(("restarts", What::Answered { wire, done: false }));
        }
        let (name, what) = self.fault(way, cdb, false)?;
        match &what {
            What::Vanishes(back) => {
                self.units[unit].gone = Some(back.map(|after| Instant::now() + after));
                return Some((name, What::Vanishes(None)));
            }
            What::Restarts(away) => {
                let (away, nexuses) = (*away, self.nexuses);
                self.units[unit].lun.lose_power(nexuses);
                self.units[unit].restarting = Some(Instant::now() + away);
                self.units[unit].stale = None;
                self.note();
            }
            What::Acts(act) => self.act(unit, *act),
            What::Replaced(lun) => {
                self.units[unit].stranger = Some(*lun.clone());
                self.units[unit].replaced = true;
            }
            What::Stale(long) => {
                let until = Instant::now() + *long;
                if let Answer::Good(data) = self.units[unit].lun.clone().execute(
                    usize::MAX,
                    &[RESERVE_IN, 0, 0, 0, 0, 0, 0, 255, 255, 0],
                    &[],
                ) {
                    self.units[unit].stale = Some((until, data));
                }
            }
            _ => return Some((name, what)),
        }
        // It has happened; the command itself goes its way.
        self.tell(|| format!("unit {unit}: {name}"));
        if matches!(what, What::Restarts(_)) { self.met(way, cdb) } else { None }
    }

    fn fault(&mut self, way: Way, cdb: &[u8], opening: bool) -> Option<(&'static str, What)> {
        for fault in &mut self.units[way.unit].faults {
            if fault.path.is_some_and(|path| path != way.path) {
                continue;
            }
            if fault.times == 0 || (fault.met == Met::Opening) != opening || !(opening || fault.met.is(cdb)) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times -= 1;
            self.happened.push(fault.name);
            return Some((fault.name, fault.what.clone()));
        }
        None
    }

    fn is_gone(&self, unit: usize) -> bool {
        match self.units[unit].gone {
            Some(Some(back)) => Instant::now() < back,
            Some(None) => true,
            None => false,
        }
    }

    /// Carries a command out and tells how it ends.
    pub(super) fn execute(&mut self, way: Way, cdb: &[u8], list: &[u8]) -> Wire {
        let Way { node, unit, .. } = way;
        let one = &mut self.units[unit];
        let (nexus, stranger) = (one.nexus(way), one.is_stray(way));
        one.turn(way);
        self.changes.extend(Change::of(way, stranger, cdb, list));
        let mut wire = match one.there(stranger).execute(nexus, cdb, list) {
            Answer::Good(data) => Wire { data, ..Wire::default() },
            Answer::Conflict => Wire { status: 0x18, ..Wire::default() },
            Answer::Check(key, asc, ascq) => Wire::check(key, asc, ascq, one.fixed_sense, false),
        };
        if let Some((until, stale)) = &one.stale
            && Instant::now() < *until
            && wire.status == 0
            && Met::Keys.is(cdb)
            && !stranger
        {
            wire.data = stale.clone();
            wire.data.truncate(usize::from(u16::from_be_bytes([cdb[7], cdb[8]])));
        }
        self.tell(|| {
            let whom = if stranger { "the stranger at unit" } else { "unit" };
            format!("node {node} {whom} {unit}: {} -> {:#04x}{}", name_of(cdb), wire.status, describe(&wire))
        });
        self.note();
        wire
    }

    /// Whether a command would change nothing, of registrations and reservation.
    pub(super) fn is_so(&mut self, way: Way, cdb: &[u8], list: &[u8]) -> bool {
        let one = &mut self.units[way.unit];
        let (nexus, stray) = (one.nexus(way), one.is_stray(way));
        let before = one.there(stray).clone();
        let mut after = before.clone();
        let taken = matches!(after.execute(nexus, cdb, list), Answer::Good(_));
        taken && after.keys().eq(before.keys()) && after.reservation() == before.reservation()
    }

    /// What a command would come to, without being carried out.
    pub(super) fn pretend(&mut self, way: Way, cdb: &[u8], list: &[u8]) -> Wire {
        let one = &mut self.units[way.unit];
        let (nexus, stray) = (one.nexus(way), one.is_stray(way));
        self.changes.extend(Change::of(way, stray, cdb, list));
        let fixed = one.fixed_sense;
        let lun = one.there(stray);
        let before = lun.clone();
        match lun.execute(nexus, cdb, list) {
            Answer::Good(data) => {
                *lun = before;
                Wire { data, ..Wire::default() }
            }
            // What is refused changes nothing but what is left to be told.
            Answer::Conflict => Wire { status: 0x18, ..Wire::default() },
            Answer::Check(key, asc, ascq) => Wire::check(key, asc, ascq, fixed, false),
        }
    }

    /// The agent has been told this by the unit, unaltered.
    pub(super) fn was_told(&mut self, way: Way, cdb: &[u8], wire: &Wire) {
        let unit = &mut self.units[way.unit];
        if unit.is_stray(way) {
            return;
        }
        let told = &mut unit.told[way.node];
        if wire.errno == 0 && wire.host == 0 && (wire.status == 0 || wire.reports_success()) {
            told.keys |= Met::Keys.is(cdb);
            told.reservation |= Met::Reservations.is(cdb);
        }
    }

    /// Another node does something.
    pub(super) fn act(&mut self, unit: usize, act: Act) {
        let (caller, victim, nexuses) = (self.keys[0], self.keys[VICTIM], self.nexuses);
        let lun = &mut self.units[unit].lun;
        // Somebody who is registered: the victim itself only where there is nobody else.
        let other = (2..nexuses).chain([VICTIM]).find_map(|one| lun.key_of(one).map(|key| (one, key)));
        let holder = lun.reservation().and_then(|(holder, kind)| Some((holder, kind, lun.key_of(holder)?)));
        let answer = match act {
            Act::VictimReturns => Some(lun.act(VICTIM, REGISTER_AND_IGNORE, 0, 0, victim, false)),
            Act::VictimLeaves => Some(lun.act(VICTIM, REGISTER_AND_IGNORE, 0, 0, 0, false)),
            Act::SomebodyPasses => {
                let _ = lun.act(nexuses, REGISTER, 0, 0, 0x5ca1_ab1e, false);
                Some(lun.act(nexuses, REGISTER, 0, 0x5ca1_ab1e, 0, false))
            }
            Act::VictimPreempted => other
                .filter(|(one, _)| *one != VICTIM)
                .map(|(one, key)| lun.act(one, PREEMPT_AND_ABORT, FENCING, key, victim, false)),
            Act::CallerPreempted => {
                other.map(|(one, key)| lun.act(one, PREEMPT, FENCING, key, caller, false))
            }
            Act::Released => holder.map(|(one, kind, key)| lun.act(one, RELEASE, kind, key, 0, false)),
            Act::Cleared => other.map(|(one, key)| lun.act(one, CLEAR, 0, key, 0, false)),
            Act::TypeChanged(to) => holder.map(|(one, kind, key)| {
                let _ = lun.act(one, RELEASE, kind, key, 0, false);
                lun.act(one, RESERVE, to, key, 0, false)
            }),
        };
        self.tell(|| format!("unit {unit}: {act:?} -> {answer:?}"));
        self.note();
    }

    /// A request has waited so long.
    pub(super) fn waited(&mut self, long: Duration) {
        self.longest_request = self.longest_request.max(long);
    }
}

/// A PERSISTENT RESERVE OUT as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who sent it.
    pub agent: Nexus,
    /// To which unit.
    pub unit: usize,
    /// Over which path below a map; 0 for a disk by itself, and for the map.
    pub path: usize,
    /// It went to another device than the one that is meant.
    pub stranger: bool,
    /// The name of its service action.
    pub name: String,
    /// The type of reservation.
    pub kind: u8,
    /// The sender's key.
    pub key: u64,
    /// The key that the command is about.
    pub action_key: u64,
}

impl Change {
    fn of(way: Way, stranger: bool, cdb: &[u8], list: &[u8]) -> Option<Change> {
        if cdb.first() != Some(&RESERVE_OUT) {
            return None;
        }
        let number = |at: usize| Some(u64::from_be_bytes(list.get(at..at + 8)?.try_into().ok()?));
        Some(Change {
            agent: way.node,
            unit: way.unit,
            path: way.path,
            stranger,
            name: name_of(cdb),
            kind: cdb.get(2)? & 0x0f,
            key: number(0)?,
            action_key: number(8)?,
        })
    }
}

fn failed_call(errno: i32) -> What {
    What::Answered { wire: Wire { errno, ..Wire::default() }, done: false }
}

fn describe(wire: &Wire) -> String {
    match (wire.status, wire.data.is_empty()) {
        (0x02, _) => format!(" {}", hex(&wire.sense)),
        (_, false) => format!(" {}", hex(&wire.data)),
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(40).map(|byte| format!("{byte:02x}")).collect()
}

fn name_of(cdb: &[u8]) -> String {
    let names: &[&str] = match cdb.first() {
        Some(&RESERVE_IN) => &["READ KEYS", "READ RESERVATION", "REPORT CAPABILITIES", "READ FULL STATUS"],
        Some(&RESERVE_OUT) => &[
            "REGISTER",
            "RESERVE",
            "RELEASE",
            "CLEAR",
            "PREEMPT",
            "PREEMPT AND ABORT",
            "REGISTER AND IGNORE",
        ],
        _ => &[],
    };
    match names.get(usize::from(cdb.get(1).copied().unwrap_or_default() & 0x1f)) {
        Some(name) => (*name).to_owned(),
        None => hex(cdb),
    }
}
