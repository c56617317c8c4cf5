//! The shape of a stand.

/// A family of power units, or of whatever else has outlets to be switched over SNMP.
#[derive(Clone, Copy, Debug)]
pub struct Stand {
    /// Its name.
    pub name: &'static str,
    /// sysObjectID.
    pub sys_object_id: &'static str,
    /// What all its objects begin with.
    pub base: &'static str,
    /// How many outlets each unit or branch has, unless told otherwise.
    pub outlets: u32,
    /// Whether it tells sysObjectID as a text.
    pub text_for_identity: bool,
    /// The number of its first unit: 1, or 0 where the unit itself counts as the first of a chain.
    pub first_unit: u32,
    /// How many branches each unit has, where rows are numbered by unit, branch and outlet.
    pub branches: Option<u32>,
    /// Whether it is a switch, whose outlets are ports: what is set and what passes differ.
    pub ports: bool,
    /// Its objects.
    pub columns: &'static [Column],
}

impl Stand {
    /// What stands for a unit in [`crate::stand::PowerUnit`]'s places, where units have branches: each branch counts.
    pub fn group(&self, unit: u32, branch: u32) -> u32 {
        (unit - 1) * self.branches.unwrap_or(1) + branch
    }

    /// The unit and the branch of a group.
    pub(crate) fn unit_and_branch(&self, group: u32) -> (u32, u32) {
        match self.branches {
            Some(branches) => ((group - 1) / branches + 1, (group - 1) % branches + 1),
            None => (group, 1),
        }
    }

    /// The object of a column for an outlet.
    pub(crate) fn object(&self, column: &Column, group: u32, outlet: u32) -> Vec<u32> {
        let (unit, branch) = self.unit_and_branch(group);
        let arcs = |arc: &str| {
            if arc == "M" {
                let mac = mac(unit);
                return std::iter::once(12).chain(mac.bytes().map(u32::from)).collect();
            }
            if let Some(own) = arc.strip_prefix('[').and_then(|arc| arc.strip_suffix(']')) {
                let own = own.split(' ').nth(outlet as usize - 1);
                return vec![own.and_then(|own| own.parse().ok()).expect("a number for each outlet")];
            }
            let (number, more) = match (arc.get(..1), arc.get(1..)) {
                (Some("U"), Some(more)) => (unit, more),
                (Some("B"), Some(more)) => (branch, more),
                (Some("N"), Some(more)) => (outlet, more),
                _ => return vec![arc.parse().expect("a number")],
            };
            match more {
                "" => vec![number],
                more => vec![number.checked_add_signed(more.parse().expect("a number")).expect("a row")],
            }
        };
        self.base.split('.').chain(column.object.split('.')).flat_map(arcs).collect()
    }
}

/// The MAC address of a unit, as units write it that have it in their rows: that of the first ends with 21.
fn mac(unit: u32) -> String {
    format!("000ED300AD{:02X}", 0x20 + unit)
}

/// Some objects of a stand: one for each outlet, or one for each unit, or one.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Their names after [`Stand::base`], in which `U`, `B` and `N` stand for unit, branch and outlet (`N-1` for the
    /// outlet's number less one, `U+21` for the unit's and 21), `[2 3 5]` for 2, 3 or 5, as the outlet's number says, and
    /// `M` for the unit's MAC address: 12, and its digits as a text.
    pub object: &'static str,
    /// What they hold.
    pub holds: Holds,
}

/// A column, for those who write stands down.
pub(super) const fn at(object: &'static str, holds: Holds) -> Column {
    Column { object, holds }
}

/// What an object holds, and what comes of writing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The outlet's name.
    Name,
    /// The outlet's name with this behind it.
    NameAnd(&'static str),
    /// A text with the outlet's number behind it.
    Label(&'static str),
    /// The outlet's state. Where there are commands, it may be written.
    State(Words, Commands),
    /// Whether a command is still to be followed.
    Pending {
        /// It is.
        yes: i64,
        /// It isn't.
        no: i64,
    },
    /// The seconds until it is switched on (or off), -1 where that isn't to come. Writing seconds is the command, and
    /// writing -1 cancels it.
    Countdown {
        /// On, or off.
        on: bool,
    },
    /// Switches all outlets of the unit at once; reads as 0.
    Everything(Commands),
    /// The states of all outlets of the unit, with commas between: 1 and 0. It is written as a whole.
    List,
    /// Whether the outlet may be switched: as long as it holds this number.
    Guard(i64, Shut),
    /// A number.
    Number(i64),
    /// A number that may be written, and switches nothing.
    Register(i64),
    /// A number of an object that isn't there, for which some firmware answers all the same: no walk comes by it.
    Unlisted(i64),
    /// A text.
    Text(&'static str),
    /// Bytes, as two hexadecimal digits each with blanks between.
    Bytes(&'static str),
    /// How many outlets the unit has.
    Count,
    /// How many units there are, and the number of each, with commas between.
    Units,
    /// What a port is set to.
    Admin(Words, Commands),
    /// Whether anything passes a port.
    Oper(Words),
    /// sysObjectID.
    Identity,
    /// sysName.
    SysName,
}

impl Holds {
    /// A state that can only be read.
    pub(super) const fn state(on: i64, off: i64) -> Holds {
        Holds::State(Words::new(on, off), Commands::NONE)
    }

    pub(super) fn table(self) -> Option<Table> {
        Some(match self {
            Holds::Name | Holds::NameAnd(_) => Table::Names,
            Holds::State(_, Commands::NONE) | Holds::Oper(_) => Table::Status,
            Holds::State(..) | Holds::Admin(..) | Holds::Countdown { .. } => Table::Control,
            Holds::Everything(_) | Holds::List => Table::Control,
            Holds::Pending { .. } => Table::Pending,
            Holds::Guard(..) => Table::Guard,
            Holds::Label(_) | Holds::Number(_) | Holds::Register(_) | Holds::Text(_) | Holds::Bytes(_) => {
                return None;
            }
            Holds::Unlisted(_) => return None,
            Holds::Count | Holds::Units | Holds::Identity | Holds::SysName => return None,
        })
    }
}

/// The values of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// It is on.
    pub on: i64,
    /// It is off.
    pub off: i64,
    /// It is to be on after a while, where there is a value for that.
    pub to_on: Option<i64>,
    /// It is to be off after a while, where there is a value for that.
    pub to_off: Option<i64>,
}

impl Words {
    /// Without values for what is to come.
    pub const fn new(on: i64, off: i64) -> Words {
        Words { on, off, to_on: None, to_off: None }
    }

    /// With them.
    pub const fn with_changes(on: i64, off: i64, to_on: i64, to_off: i64) -> Words {
        Words { on, off, to_on: Some(to_on), to_off: Some(to_off) }
    }

    /// The same value for everything: a column that takes commands and tells nothing.
    pub const fn always(value: i64) -> Words {
        Words::new(value, value)
    }

    /// The value of a state.
    pub(super) fn of(self, on: bool) -> i64 {
        if on { self.on } else { self.off }
    }

    /// The value of a state that is to come.
    pub(super) fn to(self, on: bool) -> Option<i64> {
        if on { self.to_on } else { self.to_off }
    }
}

/// What the values that may be written mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commands {
    /// Switch it on.
    pub on: Option<i64>,
    /// Switch it off.
    pub off: Option<i64>,
    /// Forget what is still to be followed.
    pub cancel: Option<i64>,
}

impl Commands {
    /// Nothing may be written.
    pub const NONE: Commands = Commands { on: None, off: None, cancel: None };

    /// These values.
    pub const fn new(on: i64, off: i64) -> Commands {
        Commands { on: Some(on), off: Some(off), cancel: None }
    }

    /// Whether anything may be written.
    pub fn any(self) -> bool {
        self != Commands::NONE
    }

    /// These values, one of them to cancel.
    pub const fn cancellable(on: i64, off: i64, cancel: i64) -> Commands {
        Commands { cancel: Some(cancel), ..Commands::new(on, off) }
    }
}

/// What a unit makes of a command for an outlet that may not be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// It refuses it.
    Refuses(Refusal),
    /// It acknowledges it, and does nothing.
    Ignores,
    /// It follows it all the same: it is the reading that isn't to be trusted.
    Follows,
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
    /// The columns that tell whether an outlet may be switched.
    Guard,
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
    pub(super) fn word(self) -> &'static str {
        match self {
            Refusal::NotWritable => "not-writable",
            Refusal::WrongType => "wrong-type",
            Refusal::WrongValue => "wrong-value",
            Refusal::InconsistentValue => "inconsistent-value",
        }
    }
}
