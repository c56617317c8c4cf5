//! Power units: snmpd with the sysObjectID and the tables of a family, whose outlets follow commands after a while.
//!
//! snmpd hands every question under the vendor's number to a helper (`pass_persist`); the helper is a shell with
//! two `cat`s that carry the lines to this process, which knows the truth.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::daemon::{Snmpd, User};

/// What stands for the switch or device and the outlet in a column's pattern.
const SWITCH: u32 = u32::MAX - 1;
const OUTLET: u32 = u32::MAX;

/// The families, with the objects as their MIBs have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// APC Switched Rack PDU of the first generation, with the MasterSwitch table that such units also have.
    ApcRpdu,
    /// APC MasterSwitch Plus with rows numbered `switch.1.outlet`.
    ApcMasterSwitchPlus,
    /// The same with rows numbered `switch.outlet`, as the MIB says.
    ApcMasterSwitchPlusByMib,
    /// APC unit that gives the number of the second generation and has the old tables.
    ApcMasterSwitch6,
    /// APC MasterSwitch.
    ApcMasterSwitch,
    /// APC Switched Rack PDU of the second generation, with no other tables.
    ApcRpdu2,
    /// Tripp Lite.
    TrippLite,
    /// Tripp Lite with the LX card.
    TrippLiteLx,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 8] = [
        Family::ApcRpdu,
        Family::ApcMasterSwitchPlus,
        Family::ApcMasterSwitchPlusByMib,
        Family::ApcMasterSwitch6,
        Family::ApcMasterSwitch,
        Family::ApcRpdu2,
        Family::TrippLite,
        Family::TrippLiteLx,
    ];

    fn sys_object_id(self) -> &'static str {
        match self {
            Family::ApcRpdu => ".1.3.6.1.4.1.318.1.3.4.5",
            Family::ApcMasterSwitchPlus | Family::ApcMasterSwitchPlusByMib => ".1.3.6.1.4.1.318.1.3.4.4",
            Family::ApcMasterSwitch6 | Family::ApcRpdu2 => ".1.3.6.1.4.1.318.1.3.4.6",
            Family::ApcMasterSwitch => ".1.3.6.1.4.1.318.1.3.4.2",
            Family::TrippLite => ".1.3.6.1.4.1.850.1",
            Family::TrippLiteLx => ".1.3.6.1.4.1.850.1.1.1",
        }
    }

    fn enterprise(self) -> &'static str {
        match self {
            Family::TrippLite | Family::TrippLiteLx => ".1.3.6.1.4.1.850",
            _ => ".1.3.6.1.4.1.318",
        }
    }

    /// The columns: what each is, and its object with [`SWITCH`] and [`OUTLET`] in it, after `1.3.6.1.4.1`.
    fn columns(self) -> Vec<(Column, Vec<u32>)> {
        let master_switch = |control: bool| {
            let mut columns = vec![
                (Column::Pending { yes: 1, no: 2 }, vec![318, 1, 1, 4, 4, 2, 1, 2, OUTLET]),
                (Column::Name, vec![318, 1, 1, 4, 4, 2, 1, 4, OUTLET]),
            ];
            let commands = if control { Commands::MASTER_SWITCH } else { Commands::NONE };
            columns.push((Column::State { on: 1, off: 2, commands }, vec![318, 1, 1, 4, 4, 2, 1, 3, OUTLET]));
            columns
        };
        let rpdu_control = (
            Column::State { on: 1, off: 2, commands: Commands::RPDU },
            vec![318, 1, 1, 12, 3, 3, 1, 1, 4, OUTLET],
        );
        match self {
            Family::ApcRpdu => {
                let mut columns = master_switch(true);
                columns.extend([
                    (Column::Name, vec![318, 1, 1, 12, 3, 5, 1, 1, 2, OUTLET]),
                    (Column::state(1, 2), vec![318, 1, 1, 12, 3, 5, 1, 1, 4, OUTLET]),
                    (Column::Pending { yes: 1, no: 2 }, vec![318, 1, 1, 12, 3, 5, 1, 1, 5, OUTLET]),
                    rpdu_control,
                ]);
                columns
            }
            Family::ApcMasterSwitch6 => {
                let mut columns = master_switch(true);
                columns.push(rpdu_control);
                columns
            }
            Family::ApcMasterSwitch => master_switch(true),
            Family::ApcMasterSwitchPlus | Family::ApcMasterSwitchPlusByMib => {
                let row: &[u32] = if self == Family::ApcMasterSwitchPlus {
                    &[SWITCH, 1, OUTLET]
                } else {
                    &[SWITCH, OUTLET]
                };
                let at = |column: &[u32]| [&[318, 1, 1, 6], column, row].concat();
                vec![
                    (Column::Name, at(&[7, 1, 1, 4])),
                    (Column::state(1, 2), at(&[7, 1, 1, 5])),
                    (Column::Pending { yes: 1, no: 2 }, at(&[7, 1, 1, 6])),
                    (
                        Column::State { on: 1, off: 3, commands: Commands::MASTER_SWITCH_PLUS },
                        at(&[5, 1, 1, 5]),
                    ),
                ]
            }
            Family::ApcRpdu2 => vec![
                (Column::Name, vec![318, 1, 1, 26, 9, 2, 3, 1, 3, OUTLET]),
                (Column::state(2, 1), vec![318, 1, 1, 26, 9, 2, 3, 1, 5, OUTLET]),
                (Column::Pending { yes: 1, no: 2 }, vec![318, 1, 1, 26, 9, 2, 3, 1, 6, OUTLET]),
                (
                    Column::State { on: 1, off: 2, commands: Commands::RPDU2 },
                    vec![318, 1, 1, 26, 9, 2, 4, 1, 5, OUTLET],
                ),
            ],
            Family::TrippLite => vec![
                (Column::state(2, 1), vec![850, 10, 2, 3, 5, 1, 2, SWITCH, OUTLET]),
                (
                    Column::State { on: 2, off: 1, commands: Commands::TRIPP_LITE },
                    vec![850, 10, 2, 3, 5, 1, 4, SWITCH, OUTLET],
                ),
                (Column::Name, vec![850, 10, 2, 3, 5, 1, 5, SWITCH, OUTLET]),
            ],
            Family::TrippLiteLx => vec![
                (Column::Name, vec![850, 1, 1, 3, 2, 3, 3, 1, 1, 2, SWITCH, OUTLET]),
                (Column::state(2, 1), vec![850, 1, 1, 3, 2, 3, 3, 1, 1, 4, SWITCH, OUTLET]),
                // It always reads 0.
                (
                    Column::State { on: 0, off: 0, commands: Commands::TRIPP_LITE },
                    vec![850, 1, 1, 3, 2, 3, 3, 1, 1, 6, SWITCH, OUTLET],
                ),
            ],
        }
    }
}

/// What the values that may be written mean; 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Commands {
    on: i64,
    off: i64,
    cancel: i64,
}

impl Commands {
    const NONE: Commands = Commands { on: 0, off: 0, cancel: 0 };
    const MASTER_SWITCH: Commands = Commands { on: 1, off: 2, cancel: 0 };
    const RPDU: Commands = Commands { on: 1, off: 2, cancel: 7 };
    const MASTER_SWITCH_PLUS: Commands = Commands { on: 1, off: 3, cancel: 8 };
    const RPDU2: Commands = Commands { on: 1, off: 2, cancel: 8 };
    const TRIPP_LITE: Commands = Commands { on: 2, off: 1, cancel: 0 };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    State { on: i64, off: i64, commands: Commands },
    Pending { yes: i64, no: i64 },
}

impl Column {
    /// A state that can't be written.
    fn state(on: i64, off: i64) -> Column {
        Column::State { on, off, commands: Commands::NONE }
    }
}

/// A table that can be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// The columns of states that can only be read.
    Status,
    /// The columns that take commands.
    Control,
    /// The names.
    Names,
    /// The columns that tell of pending commands.
    Pending,
}

/// Why a write is refused. Not every error-status can be had through snmpd's helper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// notWritable.
    NotWritable,
    /// wrongType.
    WrongType,
    /// wrongValue.
    WrongValue,
    /// inconsistentValue.
    InconsistentValue,
}

#[derive(Clone, Debug)]
struct Outlet {
    on: bool,
    name: String,
    /// What it will be, and when.
    pending: Option<(bool, Instant)>,
    /// What the unit says instead of its state.
    lie: Option<i64>,
    changes: Vec<(Instant, bool)>,
}

impl Outlet {
    fn turn(&mut self, on: bool, at: Instant) {
        if self.on != on {
            self.changes.push((at, on));
        }
        self.on = on;
    }
}

/// What the unit is, and what is true of it.
#[derive(Debug)]
struct Truth {
    /// By switch or device and number, from 1.
    outlets: BTreeMap<(u32, u32), Outlet>,
    objects: BTreeMap<Vec<u32>, (Column, (u32, u32))>,
    delay: Duration,
    refusal: Option<Refusal>,
    deaf: bool,
    writes: Vec<(String, i64)>,
}

impl Truth {
    /// Lets everything happen that is due.
    fn settle(&mut self) {
        let now = Instant::now();
        for outlet in self.outlets.values_mut() {
            if let Some((on, at)) = outlet.pending.take_if(|(_, at)| *at <= now) {
                outlet.turn(on, at);
            }
        }
    }

    fn show(&self, object: &[u32]) -> Option<(&'static str, String)> {
        let (column, place) = self.objects.get(object)?;
        let outlet = self.outlets.get(place)?;
        Some(match column {
            Column::Name => ("string", outlet.name.clone()),
            Column::State { on, off, .. } => {
                let value = outlet.lie.unwrap_or(if outlet.on { *on } else { *off });
                ("integer", value.to_string())
            }
            Column::Pending { yes, no } => {
                ("integer", if outlet.pending.is_some() { yes } else { no }.to_string())
            }
        })
    }

    fn command(&mut self, object: &[u32], value: &str) -> &'static str {
        if let Some(refusal) = self.refusal {
            return match refusal {
                Refusal::NotWritable => "not-writable",
                Refusal::WrongType => "wrong-type",
                Refusal::WrongValue => "wrong-value",
                Refusal::InconsistentValue => "inconsistent-value",
            };
        }
        let Some((Column::State { commands, .. }, place)) = self.objects.get(object).copied() else {
            return "not-writable";
        };
        let Some(value) = value.strip_prefix("integer ").and_then(|number| number.trim().parse::<i64>().ok())
        else {
            return "wrong-type";
        };
        self.writes.push((dotted(object), value));
        let at = Instant::now() + self.delay;
        let (deaf, Some(outlet)) = (self.deaf, self.outlets.get_mut(&place)) else { return "not-writable" };
        match value {
            0 => return "wrong-value",
            _ if value == commands.on || value == commands.off => {
                if !deaf {
                    outlet.pending = Some((value == commands.on, at));
                }
            }
            _ if value == commands.cancel => outlet.pending = None,
            _ => return "wrong-value",
        }
        self.settle();
        "DONE"
    }
}

/// What to make of a power unit before it starts.
#[derive(Clone, Debug)]
pub struct Builder {
    family: Family,
    switches: u32,
    outlets: u32,
    delay: Duration,
    without: Vec<Table>,
    users: Vec<User>,
    sys_object_id: Option<String>,
    also: Vec<Family>,
}

impl Builder {
    /// How many switches or devices, each with its outlets. 1 unless told otherwise.
    pub fn switches(mut self, switches: u32) -> Builder {
        self.switches = switches;
        self
    }

    /// How many outlets on each. 8 unless told otherwise.
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
    pub fn with_tables_of(mut self, family: Family) -> Builder {
        self.also.push(family);
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
        let mut outlets = BTreeMap::new();
        let mut objects = BTreeMap::new();
        for switch in 1..=self.switches {
            for outlet in 1..=self.outlets {
                let name = if switch == 1 {
                    format!("outlet {outlet}")
                } else {
                    format!("outlet {switch}:{outlet}")
                };
                let new = Outlet { on: true, name, pending: None, lie: None, changes: Vec::new() };
                outlets.insert((switch, outlet), new);
                for (column, pattern) in
                    std::iter::once(&self.family).chain(&self.also).flat_map(|of| of.columns())
                {
                    let table = match column {
                        Column::Name => Table::Names,
                        Column::State { commands: Commands::NONE, .. } => Table::Status,
                        Column::State { .. } => Table::Control,
                        Column::Pending { .. } => Table::Pending,
                    };
                    if self.without.contains(&table) {
                        continue;
                    }
                    let mut object = vec![1, 3, 6, 1, 4, 1];
                    object.extend(pattern.iter().map(|arc| match *arc {
                        SWITCH => switch,
                        OUTLET => outlet,
                        arc => arc,
                    }));
                    objects.insert(object, (column, (switch, outlet)));
                }
            }
        }
        let truth =
            Truth { outlets, objects, delay: self.delay, refusal: None, deaf: false, writes: Vec::new() };
        let truth = Arc::new(Mutex::new(truth));
        let helper = Helper::start(truth.clone());
        let sys_object_id = self.sys_object_id.as_deref().unwrap_or(self.family.sys_object_id());
        let config = format!(
            "sysobjectid {sys_object_id}\npass_persist {} /bin/sh {}\n",
            self.family.enterprise(),
            helper.script().display()
        );
        let snmpd = Snmpd::start(&self.users, &config);
        PowerUnit { snmpd, truth, _helper: helper }
    }
}

/// A running power unit with eight outlets unless told otherwise, all on. It ends when dropped.
pub struct PowerUnit {
    // First, so that snmpd ends before the helper's thread.
    snmpd: Snmpd,
    truth: Arc<Mutex<Truth>>,
    _helper: Helper,
}

impl PowerUnit {
    /// A unit of this family, to be adjusted and started.
    pub fn builder(family: Family) -> Builder {
        Builder {
            family,
            switches: 1,
            outlets: 8,
            delay: Duration::ZERO,
            without: Vec::new(),
            users: Vec::new(),
            sys_object_id: None,
            also: Vec::new(),
        }
    }

    /// A unit as [`PowerUnit::builder`] makes it.
    pub fn start(family: Family) -> PowerUnit {
        PowerUnit::builder(family).start()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.snmpd.address()
    }

    /// Its snmpd.
    pub fn snmpd(&self) -> &Snmpd {
        &self.snmpd
    }

    /// Whether an outlet has power: the judge.
    pub fn is_on(&self, switch: u32, outlet: u32) -> bool {
        let mut truth = self.lock();
        truth.settle();
        truth.outlets.get(&(switch, outlet)).expect("that outlet").on
    }

    /// When an outlet's power really changed, and to what.
    pub fn power_changes(&self, switch: u32, outlet: u32) -> Vec<(Instant, bool)> {
        let mut truth = self.lock();
        truth.settle();
        truth.outlets.get(&(switch, outlet)).expect("that outlet").changes.clone()
    }

    /// Switches an outlet by hand.
    pub fn set(&self, switch: u32, outlet: u32, on: bool) {
        self.outlet(switch, outlet, |outlet| {
            outlet.pending = None;
            outlet.turn(on, Instant::now());
        });
    }

    /// Leaves a command pending on an outlet, which will have this state so much later.
    pub fn pend(&self, switch: u32, outlet: u32, on: bool, later: Duration) {
        self.outlet(switch, outlet, |outlet| outlet.pending = Some((on, Instant::now() + later)));
    }

    /// Names an outlet.
    pub fn name(&self, switch: u32, outlet: u32, name: &str) {
        self.outlet(switch, outlet, |outlet| outlet.name = name.to_owned());
    }

    /// Makes the unit say this for an outlet's state, whatever it is; `None` for the truth.
    pub fn lie(&self, switch: u32, outlet: u32, value: Option<i64>) {
        self.outlet(switch, outlet, |outlet| outlet.lie = value);
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

    /// Every write that has come: object and value.
    pub fn writes(&self) -> Vec<(String, i64)> {
        self.lock().writes.clone()
    }

    fn outlet(&self, switch: u32, outlet: u32, change: impl FnOnce(&mut Outlet)) {
        let mut truth = self.lock();
        truth.settle();
        change(truth.outlets.get_mut(&(switch, outlet)).expect("that outlet"));
    }

    fn lock(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().expect("the truth")
    }
}

/// The far end of snmpd's helper.
struct Helper {
    directory: std::path::PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    fn start(truth: Arc<Mutex<Truth>>) -> Helper {
        let directory = super::daemon::directory();
        let (questions, answers) = (directory.join("questions"), directory.join("answers"));
        let made = Command::new("mkfifo").arg(&questions).arg(&answers).status().expect("mkfifo");
        assert!(made.success(), "mkfifo failed");
        std::fs::write(
            directory.join("helper"),
            format!("cat '{}' &\nexec cat > '{}'\n", answers.display(), questions.display()),
        )
        .expect("a script");
        // Opened for both, neither open nor read ends because the other side isn't there yet or any more.
        let (questions, answers) = (both(&questions), both(&answers));
        let thread = std::thread::spawn(move || serve(questions, answers, &truth));
        Helper { directory, thread: Some(thread) }
    }

    fn script(&self) -> std::path::PathBuf {
        self.directory.join("helper")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // Whatever was being said, three lines complete it.
        let _ = both(&self.directory.join("questions")).write_all(b"\n\n\nSTOP\n\n\nSTOP\n");
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn both(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).expect("a pipe")
}

/// Answers snmpd's questions (snmpd.conf(5), pass_persist).
fn serve(questions: File, mut answers: File, truth: &Mutex<Truth>) {
    let mut lines = BufReader::new(questions).lines().map_while(Result::ok);
    while let Some(line) = lines.next() {
        let answer = match line.as_str() {
            "STOP" => return,
            "PING" => "PONG\n".to_owned(),
            "get" | "getnext" => {
                let Some(asked) = lines.next() else { return };
                let mut truth = truth.lock().expect("the truth");
                truth.settle();
                let asked = arcs(&asked);
                let object = if line == "get" {
                    Some(asked)
                } else {
                    use std::ops::Bound::{Excluded, Unbounded};
                    truth.objects.range((Excluded(asked), Unbounded)).next().map(|(object, _)| object.clone())
                };
                match object.and_then(|object| Some((truth.show(&object)?, object))) {
                    Some(((of, value), object)) => format!(".{}\n{of}\n{value}\n", dotted(&object)),
                    None => "NONE\n".to_owned(),
                }
            }
            "set" => {
                let (Some(object), Some(value)) = (lines.next(), lines.next()) else { return };
                format!("{}\n", truth.lock().expect("the truth").command(&arcs(&object), &value))
            }
            // snmpd sends an empty line after each write.
            _ => continue,
        };
        if answers.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn arcs(text: &str) -> Vec<u32> {
    text.split('.').filter_map(|arc| arc.parse().ok()).collect()
}

fn dotted(object: &[u32]) -> String {
    object.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}
