//! What a family of power units is: which objects it has and what their values mean.
//!
//! On and off are written differently from family to family, and even between the two columns of one. A value that
//! isn't a family's "on" or "off" is neither.

use crate::fencing::Power;
use crate::protocols::snmp::{Oid, Value};

/// A family of power units.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// What it is called where a user names it.
    pub key: &'static str,
    /// What it is called where a user reads it.
    pub name: &'static str,
    /// The values of sysObjectID that such units give.
    pub sys_object_ids: &'static [&'static [u32]],
    /// What these values begin with where each model has its own.
    pub sys_object_prefixes: &'static [&'static [u32]],
    /// How it is told from another family with the same sysObjectID, or from what else bears that.
    pub mark: Option<Mark>,
    /// Whether a unit with an unknown sysObjectID is tried as one of these.
    pub probed: bool,
    /// How a row of the tables is numbered.
    pub rows: Rows,
    /// The largest number that an outlet can have, where the objects leave no room for more.
    pub most: Option<u32>,
    /// The column that tells the state.
    pub status: Column,
    /// What it says.
    pub states: Switched,
    /// What it says of an outlet that is neither, with the unit's word.
    pub changing: &'static [(i64, &'static str)],
    /// What it says of an outlet that isn't there.
    pub absent: &'static [i64],
    /// What is written to switch.
    pub commands: Commands,
    /// The columns of names: the first one counts that holds any.
    pub names: &'static [Column],
    /// The column of what is printed on the unit beside each outlet, where a plug may be called so, too.
    pub labels: Option<Column>,
    /// How commands that are yet to be carried out show, where they do.
    pub pending: &'static [Pending],
    /// What tells whether an outlet is there, may be switched, and whether its state can be relied on.
    pub guards: &'static [Guard],
    /// What speaks against off beside the state. It is no reason to say that an outlet is off, or that it isn't: a
    /// measurement may be some seconds old, and a command that was followed may be told long after.
    pub evidence: &'static [Evidence],
    /// How many outlets there are (an object), where the numbering has to be checked against it.
    pub count: Option<&'static [u32]>,
    /// The seconds that the unit waits before it follows the command for off.
    pub off_delay: Option<Column>,
    /// The seconds after which the unit switches an outlet on again that was switched off; 0 for never.
    pub on_again: Option<Column>,
    /// The group of outlets to which one belongs, 0 for none.
    pub group: Option<Column>,
    /// The numbers of the units that are in a chain, with commas between them (an object).
    pub units: Option<&'static [u32]>,
    /// Whether what is written stands in one source alone, and no unit was seen to follow it.
    pub one_source: bool,
    /// Where these facts come from.
    pub source: &'static str,
    /// What they were tested on.
    pub tested_on: &'static str,
}

/// What all families have that don't say otherwise.
pub(super) const USUAL: Family = Family {
    key: "",
    name: "",
    sys_object_ids: &[],
    sys_object_prefixes: &[],
    mark: None,
    probed: false,
    rows: Rows::Outlet,
    most: None,
    status: Column::new(&[]),
    states: Switched { on: 0, off: 0 },
    changing: &[],
    absent: &[],
    commands: Commands { on: (Column::new(&[]), 0), off: (Column::new(&[]), 0) },
    names: &[],
    labels: None,
    pending: &[],
    guards: &[],
    evidence: &[],
    count: None,
    off_delay: None,
    on_again: None,
    group: None,
    units: None,
    one_source: false,
    source: "",
    tested_on: "",
};

/// Objects of one kind, one for each row: these arcs, the row, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    arcs: &'static [u32],
    /// How much more than the row's last number stands in its place.
    pub(super) shift: u32,
    /// A number that is left out among these: another thing has it.
    gap: Option<u32>,
    tail: &'static [u32],
}

impl Column {
    /// A column of a table.
    pub const fn new(arcs: &'static [u32]) -> Column {
        Column { arcs, shift: 0, gap: None, tail: &[] }
    }

    /// Objects that stand in no table, numbered like rows: the number and so much more, and what follows it. A family
    /// with such objects has a largest number.
    pub const fn scalars(arcs: &'static [u32], shift: u32, tail: &'static [u32]) -> Column {
        Column { arcs, shift, gap: None, tail }
    }

    /// The same where what would have this number, and all that follow, have the next one: the number itself is that of
    /// another thing.
    pub const fn without(self, number: u32) -> Column {
        Column { gap: Some(number), ..self }
    }

    /// Whether what begins like these objects is more than them, so that they are better asked for one by one.
    pub(super) fn is_mixed(&self) -> bool {
        self.gap.is_some()
    }

    /// What the objects begin with.
    pub fn root(&self) -> Oid {
        Oid::from(self.arcs)
    }

    /// The object of a row.
    pub fn object(&self, row: &[u32]) -> Oid {
        let mut row = row.to_vec();
        if let Some(last) = row.last_mut() {
            *last = last.saturating_add(self.shift);
            if self.gap.is_some_and(|gap| *last >= gap) {
                *last = last.saturating_add(1);
            }
        }
        self.root().with(&row).with(self.tail)
    }

    /// The row of an object. `None` for one of another column.
    pub fn row(&self, object: &Oid) -> Option<Vec<u32>> {
        let mut row = object.arcs().strip_prefix(self.arcs)?.strip_suffix(self.tail)?.to_vec();
        let last = row.last_mut()?;
        let beyond = match self.gap {
            Some(gap) if *last == gap => return None,
            Some(gap) => u32::from(*last > gap),
            None => 0,
        };
        *last = last.checked_sub(beyond)?.checked_sub(self.shift)?;
        Some(row)
    }
}

/// The two values of a column that mean on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    /// On.
    pub on: i64,
    /// Off.
    pub off: i64,
}

/// What is written to switch an outlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commands {
    /// On: where, and what.
    pub on: (Column, i64),
    /// Off: where, and what.
    pub off: (Column, i64),
}

impl Commands {
    /// Both in one column.
    pub const fn of(column: Column, values: Switched) -> Commands {
        Commands { on: (column, values.on), off: (column, values.off) }
    }
}

/// A column that tells whether a command is pending, or what is meant to be: it has to agree with the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The column.
    pub column: Column,
    /// What it says while one is.
    pub yes: Values,
    /// What it says while none is.
    pub no: Values,
    /// Which of those stand beside an outlet that is on and stays so.
    pub on: Values,
    /// Which of those stand beside an outlet that is off and stays so.
    pub off: Values,
    /// What is written to cancel it, and where. The same number is another command in other families: without a value
    /// here, nothing may be written.
    pub cancel: Option<(Column, i64)>,
}

impl Pending {
    /// A column that says 1 while a command is pending, and 2 while none is.
    pub const fn flag(column: Column, cancel: Option<(Column, i64)>) -> Pending {
        const NO: Values = Values::Are(&[2]);
        Pending { column, yes: Values::Are(&[1]), no: NO, on: NO, off: NO, cancel }
    }

    /// A column of commands that shows the seconds until one is carried out, and -1 while none is to be. Writing -1 there
    /// cancels it.
    pub const fn countdown(column: Column) -> Pending {
        let no = Values::Are(&[-1]);
        Pending { column, yes: Values::FromZero, no, on: no, off: no, cancel: Some((column, -1)) }
    }
}

/// Some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// These.
    Are(&'static [i64]),
    /// 0 and every larger one.
    FromZero,
    /// 1 and every larger one.
    FromOne,
}

impl Values {
    /// Whether it is one of them.
    pub fn have(self, value: i64) -> bool {
        match self {
            Values::Are(values) => values.contains(&value),
            Values::FromZero => value >= 0,
            Values::FromOne => value >= 1,
        }
    }
}

/// A column that tells beside the state whether power flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The column.
    pub column: Column,
    /// What it says of an outlet that isn't off.
    pub on: Values,
    /// What that is, in words.
    pub words: &'static str,
}

/// A column that says whether the rest can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The column.
    pub column: Column,
    /// What it has a row for.
    pub of: Of,
    /// What it says while all is well.
    pub good: Good,
    /// What it means where it says anything else.
    pub says: Says,
    /// The same in words.
    pub words: &'static str,
}

/// What a guard has a row for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Each outlet.
    Outlet,
    /// Each unit of a chain.
    Unit,
}

/// What a guard says while all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// One of these numbers. A unit that has never told any has no such column, unless it is the one that tells whether an
    /// outlet is there.
    Values(&'static [i64]),
    /// One of these numbers: it has to be there. For columns that no unit lacks which has the one of commands: those of the
    /// same table with a smaller number, and that column itself.
    Told(&'static [i64]),
    /// A text of bits with this one set; the first bit of the first byte is 0 (BITS, RFC 2578). A unit that has never told
    /// any has no such column.
    Bit(u8),
    /// Any number: it has to be there.
    Number,
    /// Nothing: it must not be there.
    Missing,
}

/// What a guard means that isn't good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// There is no such outlet.
    NoOutlet,
    /// Its state isn't known.
    NoReading,
    /// The tables are laid out otherwise: what is read is another thing, and what would be written, too.
    AnotherLayout,
    /// It takes no commands.
    NoSwitching,
}

impl Guard {
    /// Whether it has to tell of a unit, whatever it has told before. A unit that stands alone may be older than the column.
    /// One that is another's has a row there as long as it is in the chain, and those of its outlets may outlast it.
    pub fn is_owed(&self, family: &Family, unit: u32) -> bool {
        self.of == Of::Unit && self.says == Says::NoReading && unit != family.rows.first_unit()
    }

    /// Whether all is well by what it tells now. `before` is whether it has told anything before, or has to.
    pub fn is_good(&self, told: Option<&Value>, before: bool) -> bool {
        let Some(value) = told else {
            return match self.good {
                Good::Missing => true,
                Good::Number | Good::Told(_) => false,
                // What doesn't say that an outlet is there says nothing of an outlet.
                _ if self.says == Says::NoOutlet => false,
                Good::Values(_) | Good::Bit(_) => !before,
            };
        };
        match self.good {
            Good::Values(values) | Good::Told(values) => {
                value.as_integer().is_some_and(|value| values.contains(&value))
            }
            Good::Bit(bit) => match value {
                Value::Octets(bytes) => {
                    let byte = bytes.get(usize::from(bit / 8));
                    byte.is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0)
                }
                _ => false,
            },
            Good::Number => value.as_integer().is_some(),
            Good::Missing => false,
        }
    }

    /// The row of it that an outlet has, from the outlet's own.
    pub fn row(&self, family: &Family, row: &[u32]) -> Vec<u32> {
        match self.of {
            Of::Outlet => row.to_vec(),
            Of::Unit => family.outlet_of(row).map(|outlet| vec![outlet.unit]).unwrap_or_default(),
        }
    }
}

/// What tells a family from another one with the same sysObjectID, or from what else bears that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// An object.
    pub object: &'static [u32],
    /// What it holds.
    pub holds: Holds,
}

/// What an object holds by which a family is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A text with this in it.
    Word(&'static str),
    /// Any number: other units don't have the object.
    Number,
}

impl Mark {
    /// Whether it is there by what the object tells.
    pub fn is_on(&self, told: Option<&Value>) -> bool {
        match self.holds {
            Holds::Word(word) => told.and_then(Value::as_text).is_some_and(|text| text.contains(word)),
            Holds::Number => told.and_then(Value::as_integer).is_some(),
        }
    }
}

/// How a row is numbered, and so how a plug is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// By the outlet: `N`.
    Outlet,
    /// By the outlet, less one: `N` is row `N-1`.
    OutletFromZero,
    /// By the switch and the outlet: `S:N`.
    SwitchOutlet,
    /// By the device in a chain and the outlet: `D:N`.
    DeviceOutlet,
    /// The same, where the first device has the number 0.
    DeviceOutletFromZero,
    /// By the unit, its branch and the outlet: `U.B.N`.
    Branch,
    /// By the unit, its circuit, its phase and the outlet: `U.C.P.N`. Phases and outlets begin with 0.
    Phase,
    /// By the outlet and the MAC address of its unit as a text of twelve digits: `N.12.x.x.x.x.x.x.x.x.x.x.x.x`.
    OutletMac,
}

impl Rows {
    /// The number of the first switch, device or unit.
    pub fn first_unit(self) -> u32 {
        match self {
            Rows::DeviceOutletFromZero => 0,
            _ => 1,
        }
    }

    /// Whether an outlet's number alone says nothing: there is no unit or branch that would be the first one.
    pub fn are_whole(self) -> bool {
        matches!(self, Rows::Branch | Rows::Phase | Rows::OutletMac)
    }
}

/// The digits of a MAC address in a row.
const MAC: u32 = 12;

/// An outlet's address in a unit. The switch or device is the first where there is only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outlet {
    /// The switch, device or unit; the first half of its MAC address, where that stands in rows.
    pub unit: u32,
    /// Its branch or circuit, or the second half of the unit's MAC address; 0 where there is none of them.
    pub branch: u32,
    /// Its phase; 0 where rows have none.
    pub phase: u32,
    /// The outlet's number.
    pub number: u32,
}

impl Outlet {
    /// An outlet of a unit without branches.
    pub fn new(unit: u32, number: u32) -> Outlet {
        Outlet::of_branch(unit, 0, number)
    }

    /// An outlet of a branch, or of a unit with a MAC address.
    pub fn of_branch(unit: u32, branch: u32, number: u32) -> Outlet {
        Outlet { unit, branch, phase: 0, number }
    }

    /// An outlet of the unit with this MAC address. `None` for what isn't twelve digits.
    fn of_mac(mac: &str, number: u32) -> Option<Outlet> {
        let half = |digits: &str| u32::from_str_radix(digits, 16).ok();
        let digits = mac.len() == MAC as usize && mac.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (first, second) = mac.split_at_checked(6).filter(|_| digits)?;
        Some(Outlet::of_branch(half(first)?, half(second)?, number))
    }

    /// The MAC address of its unit, as it stands in rows.
    fn mac(&self) -> String {
        format!("{:06X}{:06X}", self.unit, self.branch)
    }
}

/// A plug as a user writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plug<'a> {
    /// A number, or two with a colon between them. Digits are always meant as numbers.
    Number {
        /// The switch or device, where one is given.
        unit: Option<u32>,
        /// The outlet.
        number: u32,
    },
    /// All numbers of a row with dots or colons between them, or a MAC address, a colon and a number.
    Whole(Outlet),
    /// A number that no outlet has: 0, too large for any table, or too few or too many of them.
    OutOfRange,
    /// Anything else: a name.
    Name(&'a str),
}

/// What an outlet's values say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has power.
    On,
    /// It has none.
    Off,
    /// A command is still to be carried out: whatever the state is, it may change.
    Pending,
    /// It is neither on nor off, in the unit's word.
    Changing(&'static str),
    /// The unit says that it has no such outlet.
    Absent,
    /// The unit doesn't know, or says what isn't in its MIB.
    Unknown,
}

impl Family {
    /// The rows that an outlet may have in this family's tables: the one that answers is right.
    pub fn rows_of(&self, outlet: Outlet) -> Vec<Vec<u32>> {
        let Outlet { unit, branch, phase, number } = outlet;
        match self.rows {
            Rows::Outlet => vec![vec![number]],
            Rows::OutletFromZero => number.checked_sub(1).map(|row| vec![row]).into_iter().collect(),
            Rows::SwitchOutlet => vec![vec![unit, 1, number], vec![unit, number]],
            Rows::DeviceOutlet | Rows::DeviceOutletFromZero => vec![vec![unit, number]],
            Rows::Branch => vec![vec![unit, branch, number]],
            Rows::Phase => vec![vec![unit, branch, phase, number]],
            Rows::OutletMac => {
                vec![[number, MAC].into_iter().chain(outlet.mac().bytes().map(u32::from)).collect()]
            }
        }
    }

    /// The outlet of a row, such as follows the names' column in a walk. `None` for a row that is numbered
    /// otherwise than this family's.
    pub fn outlet_of(&self, row: &[u32]) -> Option<Outlet> {
        let outlet = match (self.rows, row) {
            (Rows::Outlet, &[number]) => Outlet::new(1, number),
            (Rows::OutletFromZero, &[row]) => Outlet::new(1, row.checked_add(1)?),
            (Rows::SwitchOutlet, &[unit, 1, number] | &[unit, number])
            | (Rows::DeviceOutlet | Rows::DeviceOutletFromZero, &[unit, number]) => Outlet::new(unit, number),
            (Rows::Branch, &[unit, branch, number]) => Outlet::of_branch(unit, branch, number),
            (Rows::Phase, &[unit, branch, phase, number]) => Outlet { unit, branch, phase, number },
            (Rows::OutletMac, [number, MAC, mac @ ..]) => {
                let bytes = mac.iter().map(|arc| u8::try_from(*arc).ok()).collect::<Option<Vec<u8>>>()?;
                let mac = String::from_utf8(bytes).ok()?;
                // Small letters would be another row.
                Outlet::of_mac(&mac, *number).filter(|outlet| outlet.mac() == mac)?
            }
            _ => return None,
        };
        self.most.is_none_or(|most| (1..=most).contains(&outlet.number)).then_some(outlet)
    }

    /// Whether its units have several switches, or stand in a chain.
    pub fn has_units(&self) -> bool {
        !matches!(self.rows, Rows::Outlet | Rows::OutletFromZero)
    }

    /// The outlet that a plug of numbers means: on the first switch or device where none is given. `None` for another one
    /// than 1 where the family has neither, for more numbers than the family's rows have, and for fewer where all of them
    /// are needed.
    pub fn outlet(&self, plug: Plug<'_>) -> Option<Outlet> {
        let outlet = match plug {
            Plug::Number { unit, number } if !self.rows.are_whole() => {
                let unit = unit.unwrap_or(self.rows.first_unit());
                (self.has_units() || unit == 1).then_some(Outlet::new(unit, number))?
            }
            Plug::Whole(outlet) if self.rows.are_whole() => outlet,
            _ => return None,
        };
        self.most.is_none_or(|most| outlet.number <= most).then_some(outlet)
    }

    /// How an outlet is written in a list: a plug that is understood.
    pub fn plug(&self, outlet: Outlet) -> String {
        let Outlet { unit, branch, phase, number } = outlet;
        match self.rows {
            Rows::Outlet | Rows::OutletFromZero => number.to_string(),
            Rows::DeviceOutlet | Rows::DeviceOutletFromZero if unit == self.rows.first_unit() => {
                number.to_string()
            }
            Rows::SwitchOutlet | Rows::DeviceOutlet | Rows::DeviceOutletFromZero => {
                format!("{unit}:{number}")
            }
            Rows::Branch => format!("{unit}.{branch}.{number}"),
            Rows::Phase => format!("{unit}.{branch}.{phase}.{number}"),
            Rows::OutletMac => format!("{}:{number}", outlet.mac()),
        }
    }

    /// The object that tells the state of a row.
    pub fn status_object(&self, row: &[u32]) -> Oid {
        self.status.object(row)
    }

    /// What is written for a row, and where.
    pub fn command(&self, power: Power, row: &[u32]) -> (Oid, i64) {
        let (column, value) = match power {
            Power::On => self.commands.on,
            Power::Off => self.commands.off,
        };
        (column.object(row), value)
    }

    /// The objects of which one holds the name of a row.
    pub fn name_objects(&self, row: &[u32]) -> Vec<Oid> {
        self.names.iter().map(|column| column.object(row)).collect()
    }

    /// The objects that tell whether commands are pending for a row, where the family has any.
    pub fn pending_objects(&self, row: &[u32]) -> impl Iterator<Item = Oid> {
        self.pending.iter().map(|pending| pending.column.object(row))
    }

    /// The objects that may speak against off.
    pub fn evidence_objects(&self, row: &[u32]) -> impl Iterator<Item = Oid> {
        self.evidence.iter().map(|evidence| evidence.column.object(row))
    }

    /// The objects that tell whether the rest can be relied on.
    pub fn guard_objects(&self, row: &[u32]) -> impl Iterator<Item = Oid> {
        self.guards.iter().map(|guard| guard.column.object(&guard.row(self, row)))
    }

    /// What the status column and, where they answer, the pending columns say together.
    ///
    /// `None` for a status is one that isn't there or is no number. `None` for pending is a column that the family
    /// or the unit doesn't have: then the others count, and the state alone where there are none.
    pub fn state(&self, status: Option<i64>, pending: &[Option<i64>]) -> State {
        if status.is_some_and(|value| self.absent.contains(&value)) {
            return State::Absent;
        }
        let told =
            || self.pending.iter().zip(pending).filter_map(|(column, value)| Some((column, (*value)?)));
        if told().any(|(column, value)| !column.yes.have(value) && !column.no.have(value)) {
            return State::Unknown;
        }
        if told().any(|(column, value)| column.yes.have(value)) {
            return State::Pending;
        }
        let off = status == Some(self.states.off);
        if off && told().any(|(column, value)| !column.off.have(value)) {
            return State::Changing("off, and on by another column");
        }
        let on = status == Some(self.states.on);
        if on && told().any(|(column, value)| !column.on.have(value)) {
            return State::Changing("on, and off by another column");
        }
        match status {
            Some(value) if value == self.states.on => State::On,
            Some(value) if value == self.states.off => State::Off,
            Some(value) => {
                let word = self.changing.iter().find(|(changing, _)| *changing == value);
                word.map_or(State::Unknown, |(_, word)| State::Changing(word))
            }
            None => State::Unknown,
        }
    }
}

impl Plug<'_> {
    /// Reads what a user wrote for a family with such rows.
    pub fn parse(text: &str, rows: Rows) -> Plug<'_> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let read = |text: &str| text.parse::<u32>().ok().filter(|&number| number > 0);
        if matches!(rows, Rows::Branch | Rows::Phase) {
            let parts: Vec<&str> = text.split(if text.contains('.') { '.' } else { ':' }).collect();
            if !parts.iter().all(|part| digits(part)) {
                return Plug::Name(text);
            }
            let from_zero = |text: &str| text.parse::<u32>().ok();
            let outlet = match (rows, parts.as_slice()) {
                (Rows::Branch, &[unit, branch, number]) => {
                    let numbers = read(unit).zip(read(branch)).zip(read(number));
                    numbers.map(|((unit, branch), number)| Outlet::of_branch(unit, branch, number))
                }
                (Rows::Phase, &[unit, branch, phase, number]) => {
                    let numbers = read(unit).zip(read(branch)).zip(from_zero(phase).zip(from_zero(number)));
                    numbers.map(|((unit, branch), (phase, number))| Outlet { unit, branch, phase, number })
                }
                _ => None,
            };
            return outlet.map_or(Plug::OutOfRange, Plug::Whole);
        }
        let (unit, number) = match text.split_once(':') {
            Some((unit, number)) => (Some(unit), number),
            None => (None, text),
        };
        if let (Rows::OutletMac, Some(mac), true) = (rows, unit, digits(number)) {
            let outlet = |number| Outlet::of_mac(mac, number).map(Plug::Whole);
            match read(number).map(outlet) {
                Some(Some(plug)) => return plug,
                // Another number than a MAC address is no unit's.
                _ if digits(mac) => return Plug::OutOfRange,
                _ => return Plug::Name(text),
            }
        }
        if !digits(number) || unit.is_some_and(|unit| !digits(unit)) {
            return Plug::Name(text);
        }
        let unit_of = |text: &str| text.parse::<u32>().ok().filter(|&unit| unit >= rows.first_unit());
        match (unit.map(unit_of), read(number)) {
            (None, Some(number)) => Plug::Number { unit: None, number },
            (Some(Some(unit)), Some(number)) => Plug::Number { unit: Some(unit), number },
            _ => Plug::OutOfRange,
        }
    }
}
