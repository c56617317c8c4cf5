//! The work on disks, each in a child of its own: a disk that hangs keeps neither the others nor the end waiting.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use log::debug;

use super::disk_info::DiskInfo;
use super::names::Names;
use super::rules::{self, Reading, Step, TYPE};
use crate::base::Deadline;
use crate::base::told::Told;
use crate::base::worker::{Failure, run_in_children};
use crate::fencing::IdentityKind;
use crate::fencing::who::comparable;
use crate::protocols::scsi::{
    self, Access, Device, DeviceMap, Key, LogicalUnit, Reservation, ReservationType, Sense, SenseKey,
};

/// What the work on all disks may take at once, where the caller leaves more.
const ROUND: Duration = Duration::from_secs(30);

/// A child tells by itself why it has no answer when it is given a little less time than its parent waits: a
/// quarter of it, and no more than this.
const MARGIN: Duration = Duration::from_secs(2);

/// How often the registrations may change while they are read.
const READINGS: u32 = 16;

/// The pause before answers that contradict each other are asked for again; it doubles up to the longest. All of them
/// together are longer than what a device serves from its memory stays old.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// How many commands one disk may be sent before what is wanted holds.
const STEPS: u32 = 8;

/// How often a disk that is met for the first time may change what it says it is.
const TELLINGS: u32 = 3;

/// How often a map is tried for each path below it, where it is registered as a whole: its commands may have to take the
/// path that was registered.
const TURNS: usize = 3;

/// What the ways to one disk may take to say who is there: they are asked at once, and this is asked in every state of a
/// path.
const WAYS_TOLD: Duration = Duration::from_secs(1);

/// What the ways to one disk may take for a registration: they are registered at once.
const WAYS_REGISTERED: Duration = Duration::from_secs(10);

/// How the disks are to be treated.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// Keep registrations through a loss of power.
    pub(super) aptpl: bool,
    /// Open for reading only, also for commands that change something.
    pub(super) readonly: bool,
    /// Register on every path below a map; otherwise on the map.
    pub(super) every_path: bool,
    /// Who was found behind each device: no other is sent a command or believed. Without an entry whoever is there is
    /// meant.
    pub(super) known: BTreeMap<String, Known>,
}

/// A disk that was found behind a path before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// What it said it is.
    pub(super) names: Names,
    /// The unit serial number that it has to tell as well, where somebody asks for that.
    pub(super) serial: Option<String>,
    /// Something says that it is the one meant also where it has no registrations any more.
    pub(super) vouched: bool,
}

/// What is to be done on each disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// Read.
    Read,
    /// Read all that it says of itself.
    ReadInfo,
    /// Remove the victim's key, as the node with the key `own`.
    Fence { own: Key, victim: Key },
    /// Register a key, and see to the reservation.
    Register(Key),
}

/// Why a disk isn't as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) why: String,
    pub(super) nature: Nature,
    /// Who was met before it came to this, where nobody was known before.
    pub(super) met: Option<Names>,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// The same can succeed later.
    Passing,
    /// Nothing comes back from the disk.
    Unreached,
    /// The disk can't be asked, by its own word: final, unless it could be before.
    Unreadable,
    /// The disk refused a command.
    Refused,
    /// The disk didn't carry a command out, and may do so later.
    Declined,
    /// RESERVATION CONFLICT to a command.
    Conflict,
    /// Another disk stands there.
    Stranger,
    /// It answers, and doesn't say any more who it is: the same one in a bad moment, or another that has no name.
    Nameless,
    /// What was read forbids the command.
    Forbidden,
}

/// Each nature and the word for it on the pipe from a child.
const NATURES: &[(Nature, &str)] = &[
    (Nature::Passing, "passing"),
    (Nature::Unreached, "unreached"),
    (Nature::Unreadable, "unreadable"),
    (Nature::Refused, "refused"),
    (Nature::Declined, "declined"),
    (Nature::Conflict, "conflict"),
    (Nature::Stranger, "stranger"),
    (Nature::Nameless, "nameless"),
    (Nature::Forbidden, "forbidden"),
];

impl Trouble {
    pub(super) fn new(nature: Nature, why: impl Into<String>) -> Trouble {
        Trouble { why: why.into(), nature, met: None }
    }

    fn passing(why: impl Into<String>) -> Trouble {
        Trouble::new(Nature::Passing, why)
    }

    fn forbidden(why: impl Into<String>) -> Trouble {
        Trouble::new(Nature::Forbidden, why)
    }

    fn is_conflict(&self) -> bool {
        self.nature == Nature::Conflict
    }
}

/// What kind of trouble an error is.
fn nature(error: &scsi::Error) -> Nature {
    use scsi::Error::{
        Absent, Busy, Call, Conflict, Driver, Host, Malformed, Missing, NoSense, NoTime, NotBlockDevice,
        Open, Refused, Short, Status, TooLong, Unsettled, Unsupported,
    };
    match error {
        Missing(_) | NotBlockDevice(_) => Nature::Unreadable,
        // Who may not open it now may not later.
        Open(_, error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Nature::Refused
        }
        Open(..) | Call(..) | Host(..) | Absent(_) | NoTime(_) => Nature::Unreached,
        // The target's answer, where no disk is mapped on this way (any more, or yet).
        Refused(_, sense) if sense.is_no_such_unit() => Nature::Unreached,
        Conflict(command) if !command.only_reads() => Nature::Conflict,
        Unsupported(command)
        | Conflict(command)
        | TooLong(command, _)
        | Malformed(command, _)
        | Refused(command, Sense { key: SenseKey::ILLEGAL_REQUEST, .. }) => {
            if command.only_reads() {
                Nature::Unreadable
            } else {
                Nature::Refused
            }
        }
        Refused(command, _)
        | Busy(command, _)
        | Unsettled(command, _)
        | NoSense(command)
        | Status(command, _)
            if !command.only_reads() =>
        {
            Nature::Declined
        }
        Refused(..) | Busy(..) | Unsettled(..) | NoSense(_) | Status(..) | Short(..) | Driver(..) => {
            Nature::Passing
        }
    }
}

impl From<scsi::Error> for Trouble {
    fn from(error: scsi::Error) -> Trouble {
        let why = match &error {
            error if error.is_reservations_unsupported() => {
                "it doesn't support persistent reservations".to_owned()
            }
            scsi::Error::Missing(_) => "does not exist".to_owned(),
            scsi::Error::NotBlockDevice(_) => "is not a block device".to_owned(),
            scsi::Error::Open(_, error) => format!("can't be opened: {error}"),
            error => error.to_string(),
        };
        Trouble::new(nature(&error), why)
    }
}

/// Does the task on all these disks at once, and tells for each how it was found afterwards.
pub(super) fn together<D: AsRef<str>>(
    disks: &[D],
    task: Task,
    manner: &Manner,
    by: Deadline,
) -> Vec<Result<Reading, Trouble>> {
    let jobs = disks.iter().map(|disk| {
        let path = Path::new(disk.as_ref());
        move |by| {
            let disk = Disk { path, manner, by, met: OnceCell::new() };
            disk.work(task).map_err(|trouble| Trouble { met: disk.met.get().cloned(), ..trouble })
        }
    });
    let outcomes = in_children(jobs.collect(), by.at_most(ROUND));
    for (disk, outcome) in disks.iter().zip(&outcomes) {
        match outcome {
            Ok(reading) => debug!("{}: {}", disk.as_ref(), reading.in_words()),
            Err(trouble) => debug!("{}: {}", disk.as_ref(), trouble.why),
        }
    }
    outcomes
}

/// Does each job in a child of its own, all at once. They are told a deadline a little before the one by which they are
/// given up, so that they can say themselves why they have no result.
fn in_children<F>(jobs: Vec<F>, by: Deadline) -> Vec<Result<Reading, Trouble>>
where
    F: FnOnce(Deadline) -> Result<Reading, Trouble>,
{
    let left = by.left().unwrap_or(ROUND);
    let inner = Deadline::after(left.saturating_sub(MARGIN.min(left / 4)));
    let jobs = jobs.into_iter().map(|job| move || encode(&job(inner)));
    let results = run_in_children(jobs.collect(), by).into_iter();
    results
        .map(|result| match result {
            Ok(bytes) => decode(&bytes)
                .unwrap_or_else(|| Err(Trouble::passing("the process that did the work was cut short"))),
            Err(Failure::StillRunning) => {
                let why = format!("it hangs: timed out after {:.1} s", left.as_secs_f64());
                Err(Trouble::new(Nature::Unreached, why))
            }
            Err(failure) => Err(Trouble::passing(failure.to_string())),
        })
        .collect()
}

type Unit = LogicalUnit<Device>;

/// One disk, inside its child.
struct Disk<'a> {
    path: &'a Path,
    manner: &'a Manner,
    by: Deadline,
    /// Who was met here first, where nobody knew before.
    met: OnceCell<Names>,
}

impl Disk<'_> {
    fn work(&self, task: Task) -> Result<Reading, Trouble> {
        match task {
            Task::Read => self.read(),
            Task::ReadInfo => self.read_info(),
            Task::Fence { own, victim } => self.fence(own, victim),
            Task::Register(key) => self.register(key),
        }
    }

    fn known(&self) -> Option<&Known> {
        self.manner.known.get(self.path.to_str()?)
    }

    /// The keys and the reservation of one moment, told by the disk that is meant: it says who it is before and
    /// afterwards.
    fn read(&self) -> Result<Reading, Trouble> {
        let mut unit = open(self.path, Access::ReadOnly)?;
        let names = self.recognise(&mut unit)?;
        self.recognise_ways()?;
        let (keys, reservation) = self.read_moment(&mut unit)?;
        self.recognise(&mut unit)?;
        Ok(Reading { names, keys, reservation, ..Reading::default() })
    }

    fn read_moment(&self, unit: &mut Unit) -> Result<(Vec<Key>, Option<Reservation>), Trouble> {
        let mut before = unit.read_keys(self.by)?;
        let (mut pause, mut contradictions) = (SHORTEST_PAUSE, 0);
        let mut why = String::new();
        for _ in 0..READINGS {
            let reserved = unit.read_reservation(self.by)?;
            let after = unit.read_keys(self.by)?;
            if rules::are_of_one_moment(&before, &reserved, &after) {
                return Ok((after.keys, reserved.reservation));
            }
            why = format!(
                "its answers contradict each other: READ KEYS tells the generation {}, and READ RESERVATION {}",
                after.generation, reserved.generation
            );
            if before == after {
                contradictions += 1;
                if !self.by.sleep(pause) {
                    return Err(Trouble::passing(why));
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            } else {
                "its registrations change without end".clone_into(&mut why);
            }
            before = after;
        }
        let nature = if contradictions == READINGS { Nature::Unreadable } else { Nature::Passing };
        Err(Trouble::new(nature, why))
    }

    /// Everything that can be asked, with commands that change nothing.
    fn read_info(&self) -> Result<Reading, Trouble> {
        let started = Instant::now();
        let mut unit = open(self.path, Access::ReadOnly)?;
        let inquiry = unit.inquiry(self.by)?;
        let serial = if_there(unit.unit_serial(self.by))?;
        let capabilities = if_there(unit.report_capabilities(self.by))?;
        let has_abort = if_there(unit.has_preempt_and_abort(self.by))?.flatten();
        drop(unit);
        let reading = self.read()?;
        // Without sysfs it is taken as it stands.
        let map = DeviceMap::of(self.path).unwrap_or_default();
        let shown = |path: &PathBuf| path.display().to_string();
        let info = DiskInfo {
            vendor: inquiry.vendor,
            product: inquiry.product,
            revision: inquiry.revision,
            serial: serial.filter(|serial| !serial.is_empty()),
            can_persist: capabilities.map(|can| can.can_persist),
            persists: capabilities.map(|can| can.persists),
            has_type: capabilities.and_then(|can| can.supports(TYPE)),
            has_abort,
            paths: map.iter().flat_map(DeviceMap::paths).map(shown).collect(),
            is_multipath: map.is_some_and(|map| map.is_multipath()),
            took: started.elapsed(),
        };
        Ok(Reading { info: Some(info), ..reading })
    }

    /// Reads, does what is to be done next, and reads again, until nothing is left to do.
    fn fence(&self, own: Key, victim: Key) -> Result<Reading, Trouble> {
        for _ in 0..STEPS {
            let reading = self.read()?;
            let vouched = self.known().is_some_and(|known| known.vouched);
            let step = rules::allowed_step(&reading, own, victim, vouched).map_err(Trouble::forbidden)?;
            let done = match step {
                Step::None => return Ok(reading),
                Step::Preempt => self.send(|unit, by| unit.preempt_and_abort(own, victim, TYPE, by)),
                Step::Reserve => self.send(|unit, by| unit.reserve(own, TYPE, by)),
                Step::TakeOver => {
                    self.take_over(own)?;
                    Ok(())
                }
            };
            match done {
                // Somebody else was quicker, with the same or with us; the next reading tells.
                Err(trouble) if trouble.is_conflict() => {}
                done => done?,
            }
        }
        Err(Trouble::new(
            Nature::Refused,
            format!(
                "it refuses this node's commands (reservation conflict) although the key {own} is registered: perhaps \
                 not for this path, which the action on repairs"
            ),
        ))
    }

    /// Registers this node on a disk without any registration, and reserves it. A node that finds itself second
    /// gives its registration up again.
    fn take_over(&self, own: Key) -> Result<(), Trouble> {
        let ways = self.ways_to_register()?;
        let mut registered = Vec::new();
        let mut trouble = None;
        for (way, outcome) in ways.iter().zip(self.register_over(&ways, None, Some(own))) {
            match outcome {
                Ok(()) => registered.push(way.clone()),
                // Not unregistered any more: the next reading tells by whom.
                Err(error) if error.is_conflict() => {}
                Err(error) => trouble = Some(error),
            }
        }
        if registered.is_empty() {
            return trouble.map_or(Ok(()), Err);
        }
        let Err(error) = self.send(|unit, by| unit.reserve(own, TYPE, by)) else { return Ok(()) };
        // A conflict says that somebody has removed it already.
        let kept = self.register_over(&registered, Some(own), None).into_iter().filter_map(Result::err);
        if let Some(kept) = kept.into_iter().find(|kept| !kept.is_conflict()) {
            return Err(Trouble::new(
                Nature::Refused,
                format!(
                    "it had no registrations, another node reserved it before this one, and this node's key {own} \
                     can't be taken back: {}",
                    kept.why
                ),
            ));
        }
        Err(if error.is_conflict() {
            Trouble::forbidden("it had no registrations, and another node reserved it before this one")
        } else {
            error
        })
    }

    fn register(&self, key: Key) -> Result<Reading, Trouble> {
        rules::foreign_reservation(&self.read()?).map_err(Trouble::forbidden)?;
        let ways = self.ways_to_register()?;
        let mut notes = Vec::new();
        let mut registered = 0_usize;
        let mut answered = false;
        // Never drops a key that this path has: it is replaced by itself.
        let outcomes = self.over(&ways, WAYS_REGISTERED, |disk, way| {
            disk.send_over(way, |unit, by| {
                unit.register_and_ignore(Some(key), disk.manner.aptpl, by)
                    .map_err(|error| disk.with_hint(unit, error))
            })
        });
        for (way, outcome) in ways.iter().zip(outcomes) {
            match outcome {
                Ok(()) => registered += 1,
                Err(trouble) if way == self.path || trouble.nature == Nature::Stranger => {
                    return Err(trouble);
                }
                Err(trouble) => {
                    answered |= trouble.nature != Nature::Unreached;
                    notes.push(format!("not registered on its path {}: {}", way.display(), trouble.why));
                }
            }
        }
        if registered == 0 {
            // Silence on every path says less than what one of them answered before.
            let nature = if answered { Nature::Passing } else { Nature::Unreached };
            return Err(Trouble::new(nature, notes.join("; ")));
        }
        for _ in 0..STEPS {
            let reading = self.read()?;
            rules::foreign_reservation(&reading).map_err(Trouble::forbidden)?;
            if !reading.has(key) {
                return Err(Trouble::new(
                    Nature::Refused,
                    format!("the key {key} isn't there after its registration"),
                ));
            }
            if reading.reservation.is_some() {
                return Ok(Reading { notes, ..reading });
            }
            match self.send(|unit, by| unit.reserve(key, TYPE, by)) {
                // Another node reserved it in the meantime.
                Err(trouble) if trouble.is_conflict() => {}
                done => done?,
            }
        }
        Err(Trouble::new(Nature::Refused, "it can't be reserved"))
    }

    /// Changes the registration of this node on each of these ways from a key, or none, to another.
    fn register_over(
        &self,
        ways: &[PathBuf],
        from: Option<Key>,
        to: Option<Key>,
    ) -> Vec<Result<(), Trouble>> {
        self.over(ways, WAYS_REGISTERED, |disk, way| {
            disk.send_over(way, |unit, by| {
                unit.register(from, to, disk.manner.aptpl, by).map_err(|error| disk.with_hint(unit, error))
            })
        })
    }

    /// The error of a registration, with what it may be about.
    fn with_hint(&self, unit: &mut Unit, error: scsi::Error) -> Trouble {
        let refused =
            matches!(error, scsi::Error::Refused(_, Sense { key: SenseKey::ILLEGAL_REQUEST, asc: 0x26, .. }));
        let mut trouble = Trouble::from(error);
        if refused && self.manner.aptpl {
            let can = unit.report_capabilities(self.by).ok().map(|can| can.can_persist);
            trouble.why.push_str(match can {
                Some(false) => "; it can't keep registrations through a loss of power: leave aptpl out",
                Some(true) | None => "; perhaps it can't keep registrations through a loss of power (aptpl)",
            });
        }
        trouble
    }

    /// The ways on which this node registers: the disk itself, or the paths below a map.
    fn ways_to_register(&self) -> Result<Vec<PathBuf>, Trouble> {
        let below = if self.manner.every_path { self.ways()? } else { Vec::new() };
        Ok(if below.is_empty() { vec![self.path.to_owned()] } else { below })
    }

    /// The paths below a map; none for a disk by itself.
    fn ways(&self) -> Result<Vec<PathBuf>, Trouble> {
        Ok(DeviceMap::of(self.path)?.map(|map| map.paths().to_vec()).unwrap_or_default())
    }

    /// Does something over each of these ways, unless that is the disk itself, in a child for each.
    fn over(
        &self,
        ways: &[PathBuf],
        most: Duration,
        job: impl Fn(&Disk<'_>, &Path) -> Result<(), Trouble>,
    ) -> Vec<Result<(), Trouble>> {
        match ways {
            [way] if way == self.path => vec![job(self, way)],
            ways => self.over_at_once(ways, most, job),
        }
    }

    /// Does something over each of these ways in a child of its own, so that none of them eats the time of the others,
    /// or of what follows: they may take half of the time that is left, and no more than `most`.
    fn over_at_once(
        &self,
        ways: &[PathBuf],
        most: Duration,
        job: impl Fn(&Disk<'_>, &Path) -> Result<(), Trouble>,
    ) -> Vec<Result<(), Trouble>> {
        let by = self.by.at_most(most.min(self.by.left().unwrap_or(ROUND) / 2));
        let job = &job;
        let jobs = ways.iter().map(|way| {
            move |by| {
                let disk = Disk { by, met: self.met.clone(), ..*self };
                job(&disk, way).map(|()| Reading::default())
            }
        });
        in_children(jobs.collect(), by).into_iter().map(|outcome| outcome.map(drop)).collect()
    }

    /// Sends a command over the map and, where that fails, over each path below: a map may choose one that isn't
    /// registered, or that hangs. What is sent so may be carried out twice without harm.
    fn send(&self, command: impl Fn(&mut Unit, Deadline) -> Result<(), scsi::Error>) -> Result<(), Trouble> {
        let command = |unit: &mut Unit, by| Ok(command(unit, by)?);
        let others = self.other_ways();
        if others.is_empty() {
            return self.send_over(self.path, command);
        }
        let mut failed: Option<Trouble> = None;
        for (turns, way) in std::iter::once(self.path.to_owned()).chain(others).enumerate() {
            let send = |disk: &Disk<'_>, way: &Path| {
                // A map that takes its paths in turn would give the command the same one each time.
                disk.send_over_in_turn(way, if way == self.path { turns } else { 0 }, command)
            };
            let outcome = self.over_at_once(std::slice::from_ref(&way), ROUND, send).pop();
            match outcome.unwrap_or_else(|| Err(Trouble::passing("nothing was sent"))) {
                Ok(()) => return Ok(()),
                Err(stranger) if stranger.nature == Nature::Stranger => return Err(stranger),
                // A conflict is the disk's own answer, and says more than a path that is gone.
                Err(trouble)
                    if trouble.is_conflict()
                        || failed.as_ref().is_none_or(|failed| !failed.is_conflict()) =>
                {
                    failed = Some(trouble);
                }
                Err(_) => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// What to try where a command isn't taken: the paths below a map, or the map again where it is to be taken
    /// for one device: it may choose another path then.
    fn other_ways(&self) -> Vec<PathBuf> {
        let below = self.ways().unwrap_or_default();
        let as_a_whole = || vec![self.path.to_owned(); below.len().saturating_sub(1) * TURNS];
        if self.manner.every_path { below } else { as_a_whole() }
    }

    fn send_over(
        &self,
        way: &Path,
        command: impl Fn(&mut Unit, Deadline) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        self.send_over_in_turn(way, 0, command)
    }

    /// The same after so many questions more.
    fn send_over_in_turn(
        &self,
        way: &Path,
        turns: usize,
        command: impl Fn(&mut Unit, Deadline) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let access = if self.manner.readonly { Access::ReadOnly } else { Access::ReadWrite };
        let mut unit = open(way, access)?;
        for _ in 0..=turns {
            self.recognise(&mut unit)?;
        }
        command(&mut unit, self.by)
    }

    /// Compares what stands behind each path below a map with the disk that is meant: a command over the map may take
    /// any of them. A path over which nothing comes back, or behind which there is no disk, takes no command either.
    fn recognise_ways(&self) -> Result<(), Trouble> {
        let ways = self.ways()?;
        if ways.is_empty() {
            return Ok(());
        }
        let outcomes = self
            .over(&ways, WAYS_TOLD, |disk, way| disk.recognise(&mut open(way, Access::ReadOnly)?).map(drop));
        for (way, outcome) in ways.iter().zip(outcomes) {
            match outcome {
                // Also one that answers without a name: what is read over the map may come from there.
                Err(Trouble { why, nature: nature @ (Nature::Stranger | Nature::Nameless), .. }) => {
                    return Err(Trouble::new(nature, format!("its path {}: {why}", way.display())));
                }
                Err(trouble) => debug!("{}: {}", way.display(), trouble.why),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Compares who is there, over the descriptor through which a command goes, with who was found before.
    fn recognise(&self, unit: &mut Unit) -> Result<Names, Trouble> {
        let known = self.known();
        let Some(expected) = known.map(|known| &known.names).or(self.met.get()) else {
            return self.meet(unit);
        };
        let told = self.names(unit)?;
        if told != *expected {
            // One answer that was garbled on its way makes no other disk.
            let again = self.names(unit)?;
            let own = unit.name() == self.path.display().to_string();
            let nameless = !again.contradict(expected);
            if again != *expected && !nameless && !(own && known.is_none()) {
                return Err(stranger(&again, expected));
            }
            if own {
                // Or a map whose paths lead to several disks, and takes one after the other.
                self.recognise_ways()?;
            }
            if nameless && again != *expected {
                return Err(nameless_now(expected));
            }
            return Err(Trouble::passing(format!(
                "it told another name for a moment: {told} in place of {expected}"
            )));
        }
        if let Some(serial) = known.and_then(|known| known.serial.as_ref()) {
            match if_there(unit.unit_serial(self.by))?.filter(|told| !told.is_empty()) {
                None => return Err(nameless_now(&format!("the serial number {}", Told::new(serial)))),
                Some(told) if told != *serial => {
                    let told = format!("the serial number {}", Told::new(told));
                    return Err(stranger(&told, &Told::new(serial)));
                }
                Some(_) => {}
            }
        }
        Ok(told)
    }

    /// Who is there where nobody was met yet: a name that is told twice is no slip.
    fn meet(&self, unit: &mut Unit) -> Result<Names, Trouble> {
        let mut told = self.names(unit)?;
        for _ in 0..TELLINGS {
            let again = self.names(unit)?;
            if again == told {
                return Ok(self.met.get_or_init(|| told).clone());
            }
            told = again;
        }
        let _ = self.met.set(told);
        self.recognise_ways()?;
        Err(Trouble::passing("it tells another name each time"))
    }

    /// What the disk says it is.
    fn names(&self, unit: &mut Unit) -> Result<Names, Trouble> {
        let wwid = if_there(unit.wwid(self.by))?.map(|wwid| wwid.to_string());
        let serial = if wwid.is_none() { if_there(unit.unit_serial(self.by))? } else { None };
        Ok(Names { wwid, serial: serial.and_then(|serial| comparable(IdentityKind::Serial, &serial)) })
    }
}

fn stranger(now: &impl fmt::Display, expected: &impl fmt::Display) -> Trouble {
    let why =
        format!("another disk stands there by now, which is not the one meant: {now} in place of {expected}");
    Trouble::new(Nature::Stranger, why)
}

fn nameless_now(expected: &impl fmt::Display) -> Trouble {
    Trouble::new(Nature::Nameless, format!("it doesn't say any more who it is: {expected} is expected"))
}

/// An answer that a device may lack: one without it is without it for every node. Any other error is one of the way to
/// it, and says nothing of the device.
fn if_there<T>(answer: Result<T, scsi::Error>) -> Result<Option<T>, Trouble> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(scsi::Error::Unsupported(_) | scsi::Error::Malformed(..)) => Ok(None),
        Err(scsi::Error::Refused(_, sense)) if sense.is_invalid_field() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn open(path: &Path, access: Access) -> Result<Unit, scsi::Error> {
    Ok(LogicalUnit::new(Device::open(path, access)?, path.display().to_string()))
}

/// What follows each line that tells something, so that one cut short isn't taken for whole.
const LAST: &str = "end";

fn encode(outcome: &Result<Reading, Trouble>) -> Vec<u8> {
    let one_line = |text: &str| text.replace(['\n', '\r'], " ");
    let mut lines = Vec::new();
    match outcome {
        Ok(reading) => {
            lines.push("read ".to_owned());
            lines.push(format!("name {}", one_line(&reading.names.line())));
            lines.extend(reading.keys.iter().map(|key| format!("key {key}")));
            lines.extend(reading.reservation.iter().map(|held| {
                let holder = held.holder.map_or("all".to_owned(), |key| key.to_string());
                format!("held {} {holder}", held.kind.code())
            }));
            lines.extend(reading.notes.iter().map(|note| format!("note {}", one_line(note))));
            let info = reading.info.iter().flat_map(DiskInfo::lines);
            lines.extend(info.map(|line| one_line(&line)));
        }
        Err(Trouble { why, nature, met }) => {
            let word = NATURES.iter().find(|(one, _)| one == nature).map_or("", |(_, word)| word);
            lines.push(format!("{word} {}", one_line(why)));
            lines.extend(met.iter().map(|names| one_line(&names.line())));
        }
    }
    lines.push(LAST.to_owned());
    lines.join("\n").into_bytes()
}

fn decode(bytes: &[u8]) -> Option<Result<Reading, Trouble>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_suffix(LAST)?.strip_suffix('\n')?.split('\n');
    match lines.next()?.split_once(' ')? {
        ("read", "") => {}
        (word, why) => {
            let nature = NATURES.iter().find(|(_, one)| *one == word).map(|(nature, _)| *nature)?;
            let met = match lines.next() {
                Some(line) => Some(Names::of_line(line)?),
                None => None,
            };
            return Some(Err(Trouble { met, ..Trouble::new(nature, why) }));
        }
    }
    let mut reading = Reading::default();
    for line in lines {
        match line.split_once(' ')? {
            ("name", name) => reading.names = Names::of_line(name)?,
            ("key", key) => reading.keys.push(key.parse().ok()?),
            ("held", held) => reading.reservation = Some(reservation(held)?),
            ("note", note) => reading.notes.push(note.to_owned()),
            (name, value) => {
                reading.info.get_or_insert_default().take(name, value)?;
            }
        }
    }
    Some(Ok(reading))
}

fn reservation(held: &str) -> Option<Reservation> {
    let (code, holder) = held.split_once(' ')?;
    let kind = ReservationType::from_code(code.parse().ok()?)?;
    let holder = if holder == "all" { None } else { Some(holder.parse().ok()?) };
    Some(Reservation { holder, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_child_tells_arrives_whole_or_not_at_all() {
        let key = |value| Key::new(value).unwrap();
        let reading = Reading {
            names: Names { wwid: Some("naa.6001".to_owned()), serial: None },
            keys: vec![key(u64::MAX - 1), key(1), key(1)],
            reservation: Some(Reservation { holder: Some(key(1)), kind: TYPE }),
            notes: vec!["a path is gone".to_owned()],
            info: Some(DiskInfo {
                vendor: "MAKER".to_owned(),
                serial: Some(" 7 ".to_owned()),
                can_persist: Some(true),
                persists: Some(false),
                has_abort: Some(true),
                paths: vec!["/dev/sdb".to_owned(), "/dev/sdc".to_owned()],
                is_multipath: true,
                took: Duration::from_micros(1500),
                ..DiskInfo::default()
            }),
        };
        let all = Reservation { holder: None, kind: ReservationType::WriteExclusiveAllRegistrants };
        let outcomes = [
            Ok(reading.clone()),
            Ok(Reading { reservation: Some(all), ..Reading::default() }),
            Ok(Reading::default()),
            Err(Trouble::passing("busy")),
            Err(Trouble { met: Some(reading.names.clone()), ..Trouble::passing("late") }),
        ];
        let outcomes = outcomes
            .into_iter()
            .chain(NATURES.iter().map(|(nature, _)| Err(Trouble::new(*nature, "a reason of two words"))));
        for outcome in outcomes {
            assert_eq!(decode(&encode(&outcome)), Some(outcome));
        }
        let bytes = encode(&Ok(reading));
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_message_of_several_lines_can_not_pass_for_a_reading() {
        let forged = Err(Trouble::forbidden("x\nend\nread \nend"));
        assert!(decode(&encode(&forged)).unwrap().is_err());
    }
}
