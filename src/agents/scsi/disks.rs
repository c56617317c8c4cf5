//! The work on disks, each in a child of its own: a disk that hangs keeps neither the others nor the end waiting.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use log::debug;

use super::portrait::Portrait;
use super::rules::{self, Reading, Step, TYPE};
use crate::base::Deadline;
use crate::base::worker::{Failure, run_in_children};
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

/// How many commands one disk may be sent before what is wanted holds.
const STEPS: u32 = 8;

/// How the disks are to be treated.
#[derive(Clone, Debug, Default)]
pub(super) struct Manner {
    /// Keep registrations through a loss of power.
    pub(super) aptpl: bool,
    /// Open for reading only, also for commands that change something.
    pub(super) readonly: bool,
    /// Register on every path below a map; otherwise on the map.
    pub(super) every_path: bool,
    /// Who was found behind each device: no other is sent a command that changes something. Without an entry
    /// whoever is there is meant.
    pub(super) known: BTreeMap<String, Names>,
}

/// By what a disk is told from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Its worldwide name, where that counts.
    pub(super) wwid: Option<String>,
    /// Its unit serial number, where that counts.
    pub(super) serial: Option<String>,
}

/// What is to be done on each disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// Read.
    Read,
    /// Read the worldwide name as well.
    Identify,
    /// Read all that it says of itself.
    Portray,
    /// Remove the victim's key, as the node with the key `own`.
    Fence { own: Key, victim: Key },
    /// Register a key, and see to the reservation.
    Register(Key),
}

/// Why a disk isn't as wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) why: String,
    /// Whether the same can succeed later.
    pub(super) passing: bool,
}

impl Trouble {
    fn lasting(why: impl Into<String>) -> Trouble {
        Trouble { why: why.into(), passing: false }
    }

    fn passing(why: impl Into<String>) -> Trouble {
        Trouble { why: why.into(), passing: true }
    }
}

impl From<scsi::Error> for Trouble {
    fn from(error: scsi::Error) -> Trouble {
        if error.is_reservations_unsupported() {
            return Trouble::lasting("it doesn't support persistent reservations");
        }
        match error {
            scsi::Error::Missing(_) => Trouble::lasting("does not exist"),
            scsi::Error::AnotherDevice(_) => Trouble::lasting(error.to_string()),
            scsi::Error::NotBlockDevice(_) => Trouble::lasting("is not a block device"),
            scsi::Error::Open(_, error) => Trouble::passing(format!("can't be opened: {error}")),
            scsi::Error::Unsupported(_)
            | scsi::Error::Conflict(_)
            | scsi::Error::TooLong(..)
            | scsi::Error::Malformed(..)
            | scsi::Error::Refused(_, Sense { key: SenseKey::ILLEGAL_REQUEST, .. }) => {
                Trouble::lasting(error.to_string())
            }
            _ => Trouble::passing(error.to_string()),
        }
    }
}

/// Does the task on all these disks at once, and tells for each how it was found afterwards.
pub(super) fn together<D: AsRef<str>>(
    disks: &[D],
    task: Task,
    manner: &Manner,
    by: Deadline,
) -> Vec<Result<Reading, Trouble>> {
    let by = by.at_most(ROUND);
    let left = by.left().unwrap_or(ROUND);
    let inner = Deadline::after(left.saturating_sub(MARGIN.min(left / 4)));
    let jobs = disks.iter().map(|disk| {
        let disk = Disk { path: Path::new(disk.as_ref()), manner, by: inner };
        move || encode(&disk.work(task))
    });
    let results = run_in_children(jobs.collect(), by);
    let outcomes: Vec<Result<Reading, Trouble>> = results
        .into_iter()
        .map(|result| match result {
            Ok(bytes) => decode(&bytes)
                .unwrap_or_else(|| Err(Trouble::passing("the process that did the work was cut short"))),
            Err(Failure::StillRunning) => {
                Err(Trouble::passing(format!("it hangs: timed out after {:.1} s", left.as_secs_f64())))
            }
            Err(failure) => Err(Trouble::passing(failure.to_string())),
        })
        .collect();
    for (disk, outcome) in disks.iter().zip(&outcomes) {
        match outcome {
            Ok(reading) => debug!("{}: {}", disk.as_ref(), reading.in_words()),
            Err(trouble) => debug!("{}: {}", disk.as_ref(), trouble.why),
        }
    }
    outcomes
}

type Unit = LogicalUnit<Device>;

/// One disk, inside its child.
struct Disk<'a> {
    path: &'a Path,
    manner: &'a Manner,
    by: Deadline,
}

impl Disk<'_> {
    fn work(&self, task: Task) -> Result<Reading, Trouble> {
        match task {
            Task::Read => self.read(),
            Task::Identify => self.identify(),
            Task::Portray => self.portray(),
            Task::Fence { own, victim } => self.fence(own, victim),
            Task::Register(key) => self.register(key),
        }
    }

    /// The keys and the reservation of one moment.
    fn read(&self) -> Result<Reading, Trouble> {
        let mut unit = open(self.path, Access::ReadOnly)?;
        let mut before = unit.read_keys(self.by)?;
        for _ in 0..READINGS {
            let reserved = unit.read_reservation(self.by)?;
            let after = unit.read_keys(self.by)?;
            if rules::are_of_one_moment(&before, &reserved, &after) {
                let reservation = reserved.reservation;
                return Ok(Reading { keys: after.keys, reservation, ..Reading::default() });
            }
            before = after;
        }
        Err(Trouble::passing("its registrations change without end, or its answers contradict each other"))
    }

    fn identify(&self) -> Result<Reading, Trouble> {
        let name = if_there(open(self.path, Access::ReadOnly)?.wwid(self.by))?;
        Ok(Reading { name: name.map(|name| name.to_string()), ..self.read()? })
    }

    /// Everything that can be asked, with commands that change nothing.
    fn portray(&self) -> Result<Reading, Trouble> {
        let started = Instant::now();
        let mut unit = open(self.path, Access::ReadOnly)?;
        let inquiry = unit.inquiry(self.by)?;
        let serial = if_there(unit.unit_serial(self.by))?;
        let capabilities = if_there(unit.report_capabilities(self.by))?;
        let has_abort = if_there(unit.has_preempt_and_abort(self.by))?.flatten();
        drop(unit);
        let reading = self.identify()?;
        // Without sysfs it is taken as it stands.
        let map = DeviceMap::of(self.path).unwrap_or_default();
        let shown = |path: &PathBuf| path.display().to_string();
        let portrait = Portrait {
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
        Ok(Reading { portrait: Some(portrait), ..reading })
    }

    /// Reads, does what is to be done next, and reads again, until nothing is left to do.
    fn fence(&self, own: Key, victim: Key) -> Result<Reading, Trouble> {
        for _ in 0..STEPS {
            let reading = self.read()?;
            let done = match rules::next_step(&reading, own, victim).map_err(Trouble::lasting)? {
                Step::None => return Ok(reading),
                Step::Preempt => self.send(|unit| unit.preempt_and_abort(own, victim, TYPE, self.by)),
                Step::Reserve => self.send(|unit| unit.reserve(own, TYPE, self.by)),
                Step::TakeOver => {
                    self.take_over(own)?;
                    Ok(())
                }
            };
            match done {
                // Somebody else was quicker, with the same or with us; the next reading tells.
                Err(error) if error.is_conflict() => {}
                done => done?,
            }
        }
        Err(Trouble::lasting(format!(
            "it refuses this node's commands (reservation conflict) although the key {own} is registered: perhaps \
             not for this path, which the action on repairs"
        )))
    }

    /// Registers this node on a disk without any registration, and reserves it. A node that finds itself second
    /// gives its registration up again.
    fn take_over(&self, own: Key) -> Result<(), Trouble> {
        let mut registered = Vec::new();
        let mut trouble = None;
        for path in self.paths_to_register()? {
            match self.send_over(&path, |unit| unit.register(None, Some(own), self.manner.aptpl, self.by)) {
                Ok(()) => registered.push(path),
                // Not unregistered any more: the next reading tells by whom.
                Err(error) if error.is_conflict() => {}
                Err(error) => trouble = Some(error),
            }
        }
        if registered.is_empty() {
            return trouble.map_or(Ok(()), |error| Err(error.into()));
        }
        let Err(error) = self.send(|unit| unit.reserve(own, TYPE, self.by)) else { return Ok(()) };
        for path in registered {
            let gone =
                self.send_over(&path, |unit| unit.register(Some(own), None, self.manner.aptpl, self.by));
            match gone {
                // A conflict says that somebody has removed it already.
                Err(gone) if !gone.is_conflict() => {
                    return Err(Trouble::lasting(format!(
                        "it had no registrations, another node reserved it before this one, and this node's key {own} \
                         can't be taken back: {gone}"
                    )));
                }
                _ => {}
            }
        }
        Err(if error.is_conflict() {
            Trouble::lasting("it had no registrations, and another node reserved it before this one")
        } else {
            error.into()
        })
    }

    fn register(&self, key: Key) -> Result<Reading, Trouble> {
        rules::foreign_reservation(&self.read()?).map_err(Trouble::lasting)?;
        let mut notes = Vec::new();
        let mut registered = 0_usize;
        for path in self.paths_to_register()? {
            // Never drops a key that this path has: it is replaced by itself.
            match self
                .send_over(&path, |unit| unit.register_and_ignore(Some(key), self.manner.aptpl, self.by))
            {
                Ok(()) => registered += 1,
                Err(error) if path == self.path => return Err(error.into()),
                Err(error) => notes.push(format!("not registered on its path {}: {error}", path.display())),
            }
        }
        if registered == 0 {
            return Err(Trouble::passing(notes.join("; ")));
        }
        for _ in 0..STEPS {
            let reading = self.read()?;
            rules::foreign_reservation(&reading).map_err(Trouble::lasting)?;
            if !reading.has(key) {
                return Err(Trouble::lasting(format!("the key {key} isn't there after its registration")));
            }
            if reading.reservation.is_some() {
                return Ok(Reading { notes, ..reading });
            }
            match self.send(|unit| unit.reserve(key, TYPE, self.by)) {
                // Another node reserved it in the meantime.
                Err(error) if error.is_conflict() => {}
                done => done?,
            }
        }
        Err(Trouble::lasting("it can't be reserved"))
    }

    /// The paths on which this node registers.
    fn paths_to_register(&self) -> Result<Vec<PathBuf>, Trouble> {
        let below = self.paths_below()?;
        Ok(if below.is_empty() { vec![self.path.to_owned()] } else { below })
    }

    /// The paths below a map, where each is registered by itself.
    fn paths_below(&self) -> Result<Vec<PathBuf>, Trouble> {
        if !self.manner.every_path {
            return Ok(Vec::new());
        }
        Ok(DeviceMap::of(self.path)?.map(|map| map.paths().to_vec()).unwrap_or_default())
    }

    /// Sends a command over the map and, where that fails, over each path below: a map may choose one that isn't
    /// registered. What is sent so may be carried out twice without harm.
    fn send(&self, command: impl Fn(&mut Unit) -> Result<(), scsi::Error>) -> Result<(), scsi::Error> {
        let Err(mut failed) = self.send_over(self.path, &command) else { return Ok(()) };
        for path in self.other_ways() {
            match self.send_over(&path, &command) {
                Ok(()) => return Ok(()),
                // A conflict is the disk's own answer, and says more than a path that is gone.
                Err(error) if error.is_conflict() || !failed.is_conflict() => failed = error,
                Err(_) => {}
            }
        }
        Err(failed)
    }

    /// What to try where a command isn't taken: the paths below a map, or the map again where it is to be taken
    /// for one device: it may choose another path then.
    fn other_ways(&self) -> Vec<PathBuf> {
        match DeviceMap::of(self.path) {
            Ok(Some(map)) if self.manner.every_path => map.paths().to_vec(),
            Ok(Some(map)) => vec![self.path.to_owned(); map.paths().len().saturating_sub(1)],
            Ok(None) | Err(_) => Vec::new(),
        }
    }

    fn send_over<T>(
        &self,
        path: &Path,
        command: impl Fn(&mut Unit) -> Result<T, scsi::Error>,
    ) -> Result<T, scsi::Error> {
        let access = if self.manner.readonly { Access::ReadOnly } else { Access::ReadWrite };
        let mut unit = open(path, access)?;
        self.recognise(&mut unit)?;
        command(&mut unit)
    }

    /// Compares who is there, over the descriptor through which the command will go, with who was found before.
    fn recognise(&self, unit: &mut Unit) -> Result<(), scsi::Error> {
        let Some(known) = self.path.to_str().and_then(|path| self.manner.known.get(path)) else {
            return Ok(());
        };
        let another = |told: String, known: &str| {
            if told == known { Ok(()) } else { Err(scsi::Error::AnotherDevice(told)) }
        };
        if let Some(wwid) = &known.wwid {
            another(unit.wwid(self.by)?.to_string(), wwid)?;
        }
        if let Some(serial) = &known.serial {
            another(unit.unit_serial(self.by)?, serial)?;
        }
        Ok(())
    }
}

/// An answer that a device may lack: one without it is without it for every node.
fn if_there<T>(answer: Result<T, scsi::Error>) -> Result<Option<T>, Trouble> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(
            scsi::Error::Unsupported(_)
            | scsi::Error::Malformed(..)
            | scsi::Error::Refused(_, Sense { key: SenseKey::ILLEGAL_REQUEST, .. }),
        ) => Ok(None),
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
            lines.extend(reading.name.iter().map(|name| format!("name {}", one_line(name))));
            lines.extend(reading.keys.iter().map(|key| format!("key {key}")));
            lines.extend(reading.reservation.iter().map(|held| {
                let holder = held.holder.map_or("all".to_owned(), |key| key.to_string());
                format!("held {} {holder}", held.kind.code())
            }));
            lines.extend(reading.notes.iter().map(|note| format!("note {}", one_line(note))));
            let portrait = reading.portrait.iter().flat_map(Portrait::lines);
            lines.extend(portrait.map(|line| one_line(&line)));
        }
        Err(Trouble { why, passing: true }) => lines.push(format!("passing {}", one_line(why))),
        Err(Trouble { why, passing: false }) => lines.push(format!("lasting {}", one_line(why))),
    }
    lines.push(LAST.to_owned());
    lines.join("\n").into_bytes()
}

fn decode(bytes: &[u8]) -> Option<Result<Reading, Trouble>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.strip_suffix(LAST)?.strip_suffix('\n')?.split('\n');
    match lines.next()?.split_once(' ')? {
        ("read", "") => {}
        ("passing", why) => return Some(Err(Trouble::passing(why))),
        ("lasting", why) => return Some(Err(Trouble::lasting(why))),
        _ => return None,
    }
    let mut reading = Reading::default();
    for line in lines {
        match line.split_once(' ')? {
            ("name", name) => reading.name = Some(name.to_owned()),
            ("key", key) => reading.keys.push(key.parse().ok()?),
            ("held", held) => reading.reservation = Some(reservation(held)?),
            ("note", note) => reading.notes.push(note.to_owned()),
            (name, value) => {
                reading.portrait.get_or_insert_default().take(name, value)?;
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
            name: Some("naa.6001".to_owned()),
            keys: vec![key(u64::MAX - 1), key(1), key(1)],
            reservation: Some(Reservation { holder: Some(key(1)), kind: TYPE }),
            notes: vec!["a path is gone".to_owned()],
            portrait: Some(Portrait {
                vendor: "MAKER".to_owned(),
                serial: Some(" 7 ".to_owned()),
                can_persist: Some(true),
                persists: Some(false),
                has_abort: Some(true),
                paths: vec!["/dev/sdb".to_owned(), "/dev/sdc".to_owned()],
                is_multipath: true,
                took: Duration::from_micros(1500),
                ..Portrait::default()
            }),
        };
        let all = Reservation { holder: None, kind: ReservationType::WriteExclusiveAllRegistrants };
        let outcomes = [
            Ok(reading.clone()),
            Ok(Reading { reservation: Some(all), ..Reading::default() }),
            Ok(Reading::default()),
            Err(Trouble::passing("busy")),
            Err(Trouble::lasting("")),
        ];
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
        let forged = Err(Trouble::lasting("x\nend\nread \nend"));
        assert!(decode(&encode(&forged)).unwrap().is_err());
    }
}
