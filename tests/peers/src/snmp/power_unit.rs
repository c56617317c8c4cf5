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
use super::outlet::{Behaviour, Outlet};

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
    /// No power unit: a switch with the interfaces group MIB, whose ports are the outlets.
    Ports,
}

impl Family {
    /// All power units.
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
            Family::Ports => ".1.3.6.1.4.1.8072.3.2.10",
        }
    }

    fn enterprise(self) -> &'static str {
        match self {
            Family::TrippLite | Family::TrippLiteLx => ".1.3.6.1.4.1.850",
            Family::Ports => ".1.3.6.1.2.1",
            _ => ".1.3.6.1.4.1.318",
        }
    }

    /// What a row's object begins with.
    fn root(self) -> &'static [u32] {
        match self {
            Family::Ports => &[1, 3, 6, 1, 2, 1],
            _ => &[1, 3, 6, 1, 4, 1],
        }
    }

    /// The columns: what each is, and its object with [`SWITCH`] and [`OUTLET`] in it, after [`Family::root`].
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
            // ifDescr, ifAdminStatus, ifOperStatus; ifName, ifAlias.
            Family::Ports => vec![
                (Column::Name, vec![2, 2, 1, 2, OUTLET]),
                (Column::Admin { up: 1, down: 2, commands: Commands::PORTS }, vec![2, 2, 1, 7, OUTLET]),
                (Column::Oper { up: 1, down: 2 }, vec![2, 2, 1, 8, OUTLET]),
                (Column::Other("name"), vec![31, 1, 1, 1, 1, OUTLET]),
                (Column::Other("alias"), vec![31, 1, 1, 1, 18, OUTLET]),
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
    const PORTS: Commands = Commands { on: 1, off: 2, cancel: 0 };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    State {
        on: i64,
        off: i64,
        commands: Commands,
    },
    Pending {
        yes: i64,
        no: i64,
    },
    /// What a port is set to.
    Admin {
        up: i64,
        down: i64,
        commands: Commands,
    },
    /// Whether anything passes a port.
    Oper {
        up: i64,
        down: i64,
    },
    /// A text with the outlet's number.
    Other(&'static str),
    /// sysObjectID.
    Identity,
    /// sysName.
    SysName,
}

impl Column {
    /// A state that can't be written.
    fn state(on: i64, off: i64) -> Column {
        Column::State { on, off, commands: Commands::NONE }
    }

    fn table(self) -> Option<Table> {
        Some(match self {
            Column::Name => Table::Names,
            Column::State { commands: Commands::NONE, .. } | Column::Oper { .. } => Table::Status,
            Column::State { .. } | Column::Admin { .. } => Table::Control,
            Column::Pending { .. } => Table::Pending,
            Column::Other(_) | Column::Identity | Column::SysName => return None,
        })
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

impl Refusal {
    /// What snmpd's helper says.
    fn word(self) -> &'static str {
        match self {
            Refusal::NotWritable => "not-writable",
            Refusal::WrongType => "wrong-type",
            Refusal::WrongValue => "wrong-value",
            Refusal::InconsistentValue => "inconsistent-value",
        }
    }
}

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
    taken: Vec<Taken>,
    refused: Vec<Taken>,
    sys_object_id: String,
    sys_name: String,
}

impl Truth {
    /// Lets everything happen that is due.
    fn settle(&mut self) {
        let now = Instant::now();
        self.outlets.values_mut().for_each(|outlet| outlet.settle(now));
    }

    fn show(&self, object: &[u32]) -> Option<(&'static str, String)> {
        let (column, place) = self.objects.get(object)?;
        match column {
            Column::Identity => return Some(("objectid", self.sys_object_id.clone())),
            Column::SysName => return Some(("string", self.sys_name.clone())),
            _ => {}
        }
        let outlet = self.outlets.get(place)?;
        Some(match column {
            Column::Name if outlet.name.contains(char::is_control) => {
                // As bytes: snmpd reads a string to the end of its line.
                ("octet", outlet.name.bytes().map(|byte| format!("{byte:02x} ")).collect())
            }
            Column::Name => ("string", outlet.name.clone()),
            Column::State { on, off, .. } => return outlet.tells(outlet.on, (*on, *off)),
            Column::Pending { yes, no } => {
                ("integer", if outlet.tells_pending() { yes } else { no }.to_string())
            }
            Column::Admin { up, down, .. } => return outlet.tells(outlet.is_set(), (*up, *down)),
            // What is odd or missing in ifAdminStatus stands in that column alone: without a word on whether anything
            // passes, the other one counts by itself.
            Column::Oper { up, down } => {
                let (on, values) = (outlet.on, (*up, *down));
                let told = outlet
                    .tells(on, values)
                    .filter(|(_, value)| [up, down].iter().any(|known| known.to_string() == *value));
                told.unwrap_or_else(|| ("integer", if on { up } else { down }.to_string()))
            }
            Column::Other(word) => ("string", format!("{word} {}", place.1)),
            Column::Identity | Column::SysName => return None,
        })
    }

    fn command(&mut self, object: &[u32], value: &str) -> &'static str {
        if let Some(refusal) = self.refusal {
            return refusal.word();
        }
        let Some((Column::State { commands, .. } | Column::Admin { commands, .. }, place)) =
            self.objects.get(object).copied()
        else {
            return "not-writable";
        };
        let Some(value) = value.strip_prefix("integer ").and_then(|number| number.trim().parse::<i64>().ok())
        else {
            return "wrong-type";
        };
        self.writes.push((dotted(object), value));
        self.settle();
        let (deaf, Some(outlet)) = (self.deaf, self.outlets.get_mut(&place)) else { return "not-writable" };
        match value {
            0 => return "wrong-value",
            _ if value == commands.on || value == commands.off => {
                let on = value == commands.on;
                let told = Taken { at: Instant::now(), place, on };
                if !deaf && let Err(refusal) = outlet.take(on, self.delay) {
                    self.refused.push(told);
                    return refusal.word();
                }
                self.taken.push(Taken { at: Instant::now(), ..told });
            }
            _ if value == commands.cancel => outlet.cancel(),
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
        let truth = Arc::new(Mutex::new(self.truth()));
        let helper = Helper::start(truth.clone());
        let config = format!(
            "sysobjectid {}\npass_persist {} /bin/sh {}\n",
            self.identity(),
            self.family.enterprise(),
            helper.script().display()
        );
        let snmpd = Snmpd::start(&self.users, &config);
        PowerUnit { snmpd, truth, _helper: helper }
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
        PowerUnit { snmpd, truth, _helper: helper }
    }

    fn identity(&self) -> &str {
        self.sys_object_id.as_deref().unwrap_or(self.family.sys_object_id())
    }

    fn truth(&self) -> Truth {
        let mut outlets = BTreeMap::new();
        let mut objects = BTreeMap::new();
        objects.insert(vec![1, 3, 6, 1, 2, 1, 1, 2, 0], (Column::Identity, (0, 0)));
        objects.insert(vec![1, 3, 6, 1, 2, 1, 1, 5, 0], (Column::SysName, (0, 0)));
        for switch in 1..=self.switches {
            for number in 1..=self.outlets {
                let name = if switch == 1 {
                    format!("outlet {number}")
                } else {
                    format!("outlet {switch}:{number}")
                };
                let outlet = Outlet::new(name, true, self.family == Family::Ports);
                outlets.insert((switch, number), outlet);
                let columns = std::iter::once(&self.family).chain(&self.also).flat_map(|of| of.columns());
                for (column, pattern) in columns.filter(|(column, _)| !self.lacks(*column)) {
                    let mut object = self.family.root().to_vec();
                    object.extend(pattern.iter().map(|arc| match *arc {
                        SWITCH => switch,
                        OUTLET => number,
                        arc => arc,
                    }));
                    objects.insert(object, (column, (switch, number)));
                }
            }
        }
        Truth {
            outlets,
            objects,
            delay: self.delay,
            refusal: None,
            deaf: false,
            writes: Vec::new(),
            taken: Vec::new(),
            refused: Vec::new(),
            sys_object_id: self.identity().to_owned(),
            sys_name: String::new(),
        }
    }

    fn lacks(&self, column: Column) -> bool {
        column.table().is_some_and(|table| self.without.contains(&table))
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

    /// Takes these columns away, as a unit does whose firmware is being replaced.
    pub fn lose(&self, table: Table) {
        self.lock().objects.retain(|_, (column, _)| column.table() != Some(table));
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
        let questions = directory.join("questions");
        let made = Command::new("mkfifo").arg(&questions).status().expect("mkfifo");
        assert!(made.success(), "mkfifo failed");
        // Each has a pipe of its own for the answers: one that outlives its snmpd for a moment must not read what is
        // meant for the next.
        std::fs::write(
            directory.join("helper"),
            format!(
                "cd '{}'\nmkfifo \"$$\"\necho \"HELLO $$\" > questions\ncat \"$$\" &\ncat > questions\nkill $!\n",
                directory.display()
            ),
        )
        .expect("a script");
        // Opened for both, neither open nor read ends because the other side isn't there yet or any more.
        let questions = both(&questions);
        let from = directory.clone();
        let thread = std::thread::spawn(move || serve(questions, &from, &truth));
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
fn serve(questions: File, directory: &Path, truth: &Mutex<Truth>) {
    let mut answers = None;
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
            line => {
                if let Some(helper) = line.strip_prefix("HELLO ") {
                    answers = Some(both(&directory.join(helper)));
                }
                continue;
            }
        };
        if answers.as_mut().is_none_or(|answers| answers.write_all(answer.as_bytes()).is_err()) {
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
