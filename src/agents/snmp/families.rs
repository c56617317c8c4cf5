//! The families of power units, as data: which objects they have and what their values mean.
//!
//! On and off are written differently from family to family, and even between the two columns of one. A value that
//! isn't a family's "on" or "off" is neither.

use crate::fencing::Power;
use crate::protocols::snmp::Oid;

/// An object identifier under `iso.org.dod.internet.private.enterprises`.
macro_rules! enterprise {
    ($($arc:literal),+) => { &[1, 3, 6, 1, 4, 1, $($arc),+] };
}

/// A family of power units.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// What it is called where a user names it.
    pub key: &'static str,
    /// What it is called where a user reads it.
    pub name: &'static str,
    /// The values of sysObjectID that such units give.
    pub sys_object_ids: &'static [&'static [u32]],
    /// Whether a unit with an unknown sysObjectID is tried as one of these.
    pub probed: bool,
    /// How a row of the tables is numbered.
    pub rows: Rows,
    /// The column that tells the state, without the row.
    pub status: &'static [u32],
    /// What it says.
    pub states: Switched,
    /// The column that takes commands, without the row.
    pub control: &'static [u32],
    /// What it takes.
    pub commands: Switched,
    /// The columns of names, without the row: the first one counts that holds any.
    pub names: &'static [&'static [u32]],
    /// How a command that is yet to be carried out shows, where it does.
    pub pending: Option<Pending>,
    /// Where these facts come from.
    pub source: &'static str,
    /// What they were tested on.
    pub tested_on: &'static str,
}

/// The two values of a column that mean on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switched {
    /// On.
    pub on: i64,
    /// Off.
    pub off: i64,
}

impl Switched {
    /// The value for this state.
    pub fn value(self, power: Power) -> i64 {
        match power {
            Power::On => self.on,
            Power::Off => self.off,
        }
    }
}

/// The column that tells whether a command is pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The column, without the row.
    pub column: &'static [u32],
    /// What it says while one is.
    pub yes: i64,
    /// What it says while none is.
    pub no: i64,
    /// What the control column takes to cancel it. The same number is another command in other families: without
    /// a value here, nothing may be written.
    pub cancel: Option<i64>,
}

/// How a row is numbered, and so how a plug is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// By the outlet: `N`.
    Outlet,
    /// By the switch and the outlet: `S:N`.
    SwitchOutlet,
    /// By the device in a chain and the outlet: `D:N`.
    DeviceOutlet,
}

/// An outlet's address in a unit. The switch or device is 1 where there is only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outlet {
    /// The switch or device.
    pub unit: u32,
    /// The outlet's number.
    pub number: u32,
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
    /// A number that no outlet has: 0, or too large for any table.
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
    /// The unit doesn't know, or says what isn't in its MIB.
    Unknown,
}

const ON_1_OFF_2: Switched = Switched { on: 1, off: 2 };
const ON_2_OFF_1: Switched = Switched { on: 2, off: 1 };

/// sPDUOutletPending, which has no cancelling command beside it: 7 is a delayed reboot there.
const MASTER_SWITCH_PENDING: Pending =
    Pending { column: enterprise![318, 1, 1, 4, 4, 2, 1, 2], yes: 1, no: 2, cancel: None };

/// Every family. The order counts where several fit: the first is tried first.
pub static FAMILIES: &[Family] = &[
    Family {
        key: "apc-masterswitch",
        name: "APC MasterSwitch",
        sys_object_ids: &[
            enterprise![318, 1, 3, 4, 1],
            enterprise![318, 1, 3, 4, 2],
            enterprise![318, 1, 3, 4, 7],
        ],
        probed: true,
        rows: Rows::Outlet,
        status: enterprise![318, 1, 1, 4, 4, 2, 1, 3],
        states: ON_1_OFF_2,
        control: enterprise![318, 1, 1, 4, 4, 2, 1, 3],
        commands: ON_1_OFF_2,
        names: &[enterprise![318, 1, 1, 4, 4, 2, 1, 4]],
        pending: Some(MASTER_SWITCH_PENDING),
        source: "PowerNet-MIB 4.5.8: masterSwitchV1, masterSwitchV2, masterSwitchsPDU; sPDUOutletControlTable: \
                 sPDUOutletCtl outletOn(1), outletOff(2), outletUnknown(4), outletRebootWithDelay(7); \
                 sPDUOutletPending; sPDUOutletCtlName",
        tested_on: "snmpd with the same table",
    },
    Family {
        key: "apc-rpdu",
        name: "APC Switched Rack PDU, first generation",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 5]],
        probed: true,
        rows: Rows::Outlet,
        status: enterprise![318, 1, 1, 12, 3, 5, 1, 1, 4],
        states: ON_1_OFF_2,
        control: enterprise![318, 1, 1, 12, 3, 3, 1, 1, 4],
        commands: ON_1_OFF_2,
        names: &[enterprise![318, 1, 1, 12, 3, 5, 1, 1, 2]],
        pending: Some(Pending {
            column: enterprise![318, 1, 1, 12, 3, 5, 1, 1, 5],
            yes: 1,
            no: 2,
            cancel: Some(7),
        }),
        source: "PowerNet-MIB 4.5.2: masterSwitchrPDU; rPDUOutletStatusOutletState outletStatusOn(1), \
                 outletStatusOff(2); rPDUOutletStatusCommandPending; rPDUOutletControlOutletCommand immediateOn(1), \
                 immediateOff(2), cancelPendingCommand(7)",
        tested_on: "upstream on AP7930, AP7900 and AP7951; snmpd with the same tables",
    },
    Family {
        key: "apc-masterswitch-plus",
        name: "APC MasterSwitch Plus",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 4]],
        probed: false,
        rows: Rows::SwitchOutlet,
        status: enterprise![318, 1, 1, 6, 7, 1, 1, 5],
        states: ON_1_OFF_2,
        control: enterprise![318, 1, 1, 6, 5, 1, 1, 5],
        // 2 is a delayed on.
        commands: Switched { on: 1, off: 3 },
        names: &[enterprise![318, 1, 1, 6, 7, 1, 1, 4]],
        pending: Some(Pending {
            column: enterprise![318, 1, 1, 6, 7, 1, 1, 6],
            yes: 1,
            no: 2,
            cancel: Some(8),
        }),
        source: "PowerNet-MIB 4.5.2: masterSwitchMSP; sPDUOutletStatusMSPOutletState outletStatusMSPOn(1), \
                 outletStatusMSPOff(2); sPDUOutletStatusMSPCommandPending; sPDUOutletControlMSPOutletCommand \
                 immediateOnMSP(1), immediateOffMSP(3), cancelPendingCommandMSP(8); indexed by switch and outlet, \
                 while upstream puts a 1 between them",
        tested_on: "snmpd with the same tables, numbered both ways",
    },
    Family {
        key: "apc-masterswitch-6",
        name: "APC MasterSwitch, firmware 6",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 6], enterprise![318, 1, 3, 4, 8]],
        probed: false,
        rows: Rows::Outlet,
        status: enterprise![318, 1, 1, 4, 4, 2, 1, 3],
        states: ON_1_OFF_2,
        control: enterprise![318, 1, 1, 12, 3, 3, 1, 1, 4],
        commands: ON_1_OFF_2,
        names: &[enterprise![318, 1, 1, 4, 4, 2, 1, 4]],
        // The column is that of the MasterSwitch, the cancelling command that of the Rack PDU.
        pending: Some(Pending { column: MASTER_SWITCH_PENDING.column, yes: 1, no: 2, cancel: Some(7) }),
        source: "upstream, for a sysObjectID that PowerNet-MIB 4.5.2 calls masterSwitchrPDU2: the second generation \
                 with the tables of the older ones; values as there. masterSwitchrPDUB of 4.5.8, the AP79xxB, has \
                 the tables of all three generations",
        tested_on: "snmpd with the same tables; what a recorded AP7902B tells",
    },
    Family {
        key: "apc-rpdu2",
        name: "APC Switched Rack PDU, second generation",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 6], enterprise![318, 1, 3, 4, 8]],
        probed: true,
        rows: Rows::Outlet,
        status: enterprise![318, 1, 1, 26, 9, 2, 3, 1, 5],
        // The reverse of all other APC units, and of its own commands.
        states: ON_2_OFF_1,
        control: enterprise![318, 1, 1, 26, 9, 2, 4, 1, 5],
        commands: ON_1_OFF_2,
        names: &[enterprise![318, 1, 1, 26, 9, 2, 3, 1, 3]],
        pending: Some(Pending {
            column: enterprise![318, 1, 1, 26, 9, 2, 3, 1, 6],
            yes: 1,
            no: 2,
            cancel: Some(8),
        }),
        source: "PowerNet-MIB 4.5.2: masterSwitchrPDU2; rPDU2OutletSwitchedStatusState off(1), on(2); \
                 rPDU2OutletSwitchedStatusCommandPending commandPending(1), noCommandPending(2), \
                 commandPendingUnknown(3); rPDU2OutletSwitchedControlCommand immediateOn(1), immediateOff(2), \
                 outletUnknown(4), cancelPendingCommand(8)",
        tested_on: "snmpd with the same tables",
    },
    Family {
        key: "apc-easy",
        name: "APC Easy Rack PDU",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 9]],
        probed: false,
        rows: Rows::Outlet,
        status: enterprise![318, 1, 1, 30, 6, 1, 1, 4],
        states: ON_2_OFF_1,
        control: enterprise![318, 1, 1, 30, 6, 2, 1, 4],
        commands: ON_1_OFF_2,
        names: &[],
        pending: None,
        source: "PowerNet-MIB 4.5.8: masterSwitchePDU; ePDUOutletStatusState off(1), on(2), notSupported(-1); \
                 ePDUOutletControlCommand immediateOn(1), immediateOff(2); no names",
        tested_on: "a simulated unit with the same tables",
    },
    Family {
        key: "apc-cpdu",
        name: "APC NetShelter Rack PDU Advanced",
        sys_object_ids: &[enterprise![318, 1, 1, 32]],
        probed: false,
        rows: Rows::DeviceOutlet,
        status: enterprise![318, 1, 1, 32, 5, 4, 1, 4],
        states: Switched { on: 1, off: 0 },
        control: enterprise![318, 1, 1, 32, 5, 5, 1, 4],
        commands: ON_2_OFF_1,
        names: &[enterprise![318, 1, 1, 32, 5, 4, 1, 3]],
        pending: None,
        source: "CPDU-MIB of APC: pduOutletSwitchedStatusState off(0), on(1); pduOutletSwitchedControlCommand \
                 immediateOff(1), immediateOn(2), delayedOff(3) to delayedReboot(6); pduOutletSwitchedStatusName; \
                 indexed by unit and outlet",
        tested_on: "a simulated unit with the same tables",
    },
    Family {
        key: "tripplite",
        name: "Tripp Lite",
        sys_object_ids: &[enterprise![850, 1]],
        probed: false,
        rows: Rows::Outlet,
        status: enterprise![850, 10, 2, 3, 5, 1, 2, 1],
        states: ON_2_OFF_1,
        control: enterprise![850, 10, 2, 3, 5, 1, 4, 1],
        commands: ON_2_OFF_1,
        names: &[enterprise![850, 10, 2, 3, 5, 1, 5, 1], enterprise![850, 10, 2, 3, 5, 1, 5]],
        pending: None,
        source: "upstream, which looks for names below 850.10.2.3.5.1.5, wherever there; the published MIBs no longer \
                 hold this branch",
        tested_on: "upstream on PDUMH20HVNET 12.04.0055; snmpd with the same table",
    },
    Family {
        key: "tripplite-lx",
        name: "Tripp Lite, LX card",
        sys_object_ids: &[enterprise![850, 1, 1, 1]],
        probed: false,
        rows: Rows::DeviceOutlet,
        status: enterprise![850, 1, 1, 3, 2, 3, 3, 1, 1, 4],
        states: ON_2_OFF_1,
        control: enterprise![850, 1, 1, 3, 2, 3, 3, 1, 1, 6],
        commands: ON_2_OFF_1,
        names: &[enterprise![850, 1, 1, 3, 2, 3, 3, 1, 1, 2]],
        pending: None,
        source: "TRIPPLITE-PRODUCTS of 2019-06-18: tlpPduOutletState unknown(0), off(1), on(2); tlpPduOutletCommand \
                 turnOff(1), turnOn(2), always reads 0; tlpPduOutletName; indexed by device and outlet",
        tested_on: "upstream on PDU15NETLX 15.5.4; snmpd with the same table; what a recorded unit tells",
    },
    Family {
        key: "tripplite-lx-ats",
        name: "Tripp Lite transfer switch, LX card",
        sys_object_ids: &[enterprise![850, 1, 1, 1]],
        probed: false,
        rows: Rows::DeviceOutlet,
        status: enterprise![850, 1, 1, 3, 4, 3, 3, 1, 1, 4],
        states: ON_2_OFF_1,
        control: enterprise![850, 1, 1, 3, 4, 3, 3, 1, 1, 6],
        commands: ON_2_OFF_1,
        names: &[enterprise![850, 1, 1, 3, 4, 3, 3, 1, 1, 2]],
        pending: None,
        source: "TRIPPLITE-PRODUCTS of 2019-06-18: tlpAtsOutletState unknown(0), off(1), on(2); tlpAtsOutletCommand \
                 turnOff(1), turnOn(2), cycle(3), always reads 0; tlpAtsOutletName; indexed by device and outlet",
        tested_on: "a simulated unit with the same table; what a recorded PDUMH20ATNET tells",
    },
];

/// The families whose units give this sysObjectID: the first is meant, a further one only where the first one's
/// tables don't answer.
pub fn recognised(sys_object_id: &Oid) -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().filter(move |family| family.sys_object_ids.contains(&sys_object_id.arcs()))
}

/// The families to try for a unit that isn't recognised, in this order, whatever it says that it is: upstream takes
/// every such unit for the first one, and they are sold under other names, too.
pub fn probed() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().filter(|family| family.probed)
}

/// The family that a user names.
pub fn named(key: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.key.eq_ignore_ascii_case(key))
}

impl Family {
    /// The rows that an outlet may have in this family's tables: the one that answers is right.
    pub fn rows_of(&self, outlet: Outlet) -> Vec<Vec<u32>> {
        let Outlet { unit, number } = outlet;
        match self.rows {
            Rows::Outlet => vec![vec![number]],
            Rows::SwitchOutlet => vec![vec![unit, 1, number], vec![unit, number]],
            Rows::DeviceOutlet => vec![vec![unit, number]],
        }
    }

    /// The outlet of a row, such as follows the names' column in a walk. `None` for a row that is numbered
    /// otherwise than this family's.
    pub fn outlet_of(&self, row: &[u32]) -> Option<Outlet> {
        match (self.rows, row) {
            (Rows::Outlet, &[number]) => Some(Outlet { unit: 1, number }),
            (Rows::SwitchOutlet, &[unit, 1, number] | &[unit, number])
            | (Rows::DeviceOutlet, &[unit, number]) => Some(Outlet { unit, number }),
            _ => None,
        }
    }

    /// Whether its units have several switches, or stand in a chain.
    pub fn has_units(&self) -> bool {
        self.rows != Rows::Outlet
    }

    /// The outlet that a plug of numbers means: on switch or device 1 where none is given. `None` for another one than
    /// 1 where the family has neither.
    pub fn outlet(&self, unit: Option<u32>, number: u32) -> Option<Outlet> {
        let unit = unit.unwrap_or(1);
        (self.has_units() || unit == 1).then_some(Outlet { unit, number })
    }

    /// How an outlet is written in a list: a plug that is understood.
    pub fn plug(&self, outlet: Outlet) -> String {
        match self.rows {
            Rows::Outlet => outlet.number.to_string(),
            Rows::DeviceOutlet if outlet.unit == 1 => outlet.number.to_string(),
            Rows::SwitchOutlet | Rows::DeviceOutlet => format!("{}:{}", outlet.unit, outlet.number),
        }
    }

    /// The object that tells the state of a row.
    pub fn status_object(&self, row: &[u32]) -> Oid {
        Oid::from(self.status).with(row)
    }

    /// The object that takes commands for a row.
    pub fn control_object(&self, row: &[u32]) -> Oid {
        Oid::from(self.control).with(row)
    }

    /// The objects of which one holds the name of a row.
    pub fn name_objects(&self, row: &[u32]) -> Vec<Oid> {
        self.names.iter().map(|column| Oid::from(*column).with(row)).collect()
    }

    /// The object that tells whether a command is pending for a row, where the family has one.
    pub fn pending_object(&self, row: &[u32]) -> Option<Oid> {
        self.pending.map(|pending| Oid::from(pending.column).with(row))
    }

    /// What the status column and, where it answers, the pending column say together.
    ///
    /// `None` for a status is one that isn't there or is no number. `None` for pending is a column that the family
    /// or the unit doesn't have: then the state alone counts.
    pub fn state(&self, status: Option<i64>, pending: Option<i64>) -> State {
        if let (Some(column), Some(value)) = (self.pending, pending) {
            if value == column.yes {
                return State::Pending;
            }
            if value != column.no {
                return State::Unknown;
            }
        }
        match status {
            Some(value) if value == self.states.on => State::On,
            Some(value) if value == self.states.off => State::Off,
            _ => State::Unknown,
        }
    }
}

impl Plug<'_> {
    /// Reads what a user wrote.
    pub fn parse(text: &str) -> Plug<'_> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (unit, number) = match text.split_once(':') {
            Some((unit, number)) => (Some(unit), number),
            None => (None, text),
        };
        if !digits(number) || unit.is_some_and(|unit| !digits(unit)) {
            return Plug::Name(text);
        }
        let read = |text: &str| text.parse::<u32>().ok().filter(|&number| number > 0);
        match (unit.map(read), read(number)) {
            (None, Some(number)) => Plug::Number { unit: None, number },
            (Some(Some(unit)), Some(number)) => Plug::Number { unit: Some(unit), number },
            _ => Plug::OutOfRange,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(key: &str) -> &'static Family {
        named(key).unwrap()
    }

    fn keys(families: impl Iterator<Item = &'static Family>) -> Vec<&'static str> {
        families.map(|family| family.key).collect()
    }

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_familys_own_off_is_off() {
        for family in FAMILIES {
            assert_ne!(family.states.on, family.states.off);
            assert_ne!(family.commands.on, family.commands.off);
            for value in -1..=9 {
                let state = family.state(Some(value), None);
                assert_eq!(state == State::Off, value == family.states.off, "{} {value}", family.key);
                assert_eq!(state == State::On, value == family.states.on, "{} {value}", family.key);
            }
            assert_eq!(family.state(None, None), State::Unknown);
        }
    }

    #[test]
    fn the_second_generation_reads_the_other_way_round_and_is_commanded_as_the_first() {
        let (first, second) = (family("apc-rpdu"), family("apc-rpdu2"));
        assert_eq!((first.state(Some(1), None), first.state(Some(2), None)), (State::On, State::Off));
        assert_eq!((second.state(Some(1), None), second.state(Some(2), None)), (State::Off, State::On));
        assert_eq!(first.commands, second.commands);
    }

    #[test]
    fn a_pending_command_or_an_unknown_one_hides_the_state() {
        for family in FAMILIES.iter().filter(|family| family.pending.is_some()) {
            let off = Some(family.states.off);
            assert_eq!(family.state(off, Some(1)), State::Pending);
            assert_eq!(family.state(off, Some(2)), State::Off);
            assert_eq!(family.state(off, Some(3)), State::Unknown);
            assert_eq!(family.state(off, None), State::Off);
        }
    }

    #[test]
    fn cancelling_is_never_another_command() {
        let cancel = |key| family(key).pending.and_then(|pending| pending.cancel);
        assert_eq!(cancel("apc-rpdu"), Some(7));
        assert_eq!(cancel("apc-masterswitch-plus"), Some(8));
        assert_eq!(cancel("apc-rpdu2"), Some(8));
        // 7 would reboot the outlet.
        assert_eq!(cancel("apc-masterswitch"), None);
        for family in FAMILIES {
            let cancel = family.pending.and_then(|pending| pending.cancel);
            assert!(cancel != Some(family.commands.on) && cancel != Some(family.commands.off));
        }
    }

    #[test]
    fn a_unit_is_recognised_as_upstream_does_and_the_second_generation_comes_second() {
        for (sys_object_id, expected) in [
            ("1.3.6.1.4.1.318.1.3.4.5", vec!["apc-rpdu"]),
            ("1.3.6.1.4.1.318.1.3.4.4", vec!["apc-masterswitch-plus"]),
            ("1.3.6.1.4.1.318.1.3.4.6", vec!["apc-masterswitch-6", "apc-rpdu2"]),
            ("1.3.6.1.4.1.318.1.3.4.8", vec!["apc-masterswitch-6", "apc-rpdu2"]),
            ("1.3.6.1.4.1.318.1.3.4.1", vec!["apc-masterswitch"]),
            ("1.3.6.1.4.1.318.1.3.4.2", vec!["apc-masterswitch"]),
            ("1.3.6.1.4.1.318.1.3.4.7", vec!["apc-masterswitch"]),
            ("1.3.6.1.4.1.318.1.3.4.9", vec!["apc-easy"]),
            ("1.3.6.1.4.1.318.1.1.32", vec!["apc-cpdu"]),
            ("1.3.6.1.4.1.850.1", vec!["tripplite"]),
            ("1.3.6.1.4.1.850.1.1.1", vec!["tripplite-lx", "tripplite-lx-ats"]),
            ("1.3.6.1.4.1.318.1.3.4", vec![]),
            ("1.3.6.1.4.1.318.1.3.4.3", vec![]),
            ("1.3.6.1.4.1.8072.3.2.10", vec![]),
        ] {
            assert_eq!(keys(recognised(&oid(sys_object_id))), expected, "{sys_object_id}");
        }
    }

    #[test]
    fn an_unknown_unit_is_probed_first_as_what_upstream_takes_it_for() {
        assert_eq!(keys(probed()), ["apc-masterswitch", "apc-rpdu", "apc-rpdu2"]);
    }

    #[test]
    fn names_of_families_are_distinct() {
        for family in FAMILIES {
            assert!(std::ptr::eq(named(&family.key.to_uppercase()).unwrap(), family));
        }
        assert_eq!(named("apc"), None);
    }

    #[test]
    fn plugs_are_numbers_or_names_and_never_guessed() {
        for (text, expected) in [
            ("3", Plug::Number { unit: None, number: 3 }),
            ("03", Plug::Number { unit: None, number: 3 }),
            ("2:3", Plug::Number { unit: Some(2), number: 3 }),
            ("0", Plug::OutOfRange),
            ("0:3", Plug::OutOfRange),
            ("4294967296", Plug::OutOfRange),
            ("99999999999999999999", Plug::OutOfRange),
            ("node-a", Plug::Name("node-a")),
            ("2:a", Plug::Name("2:a")),
            ("2:3:4", Plug::Name("2:3:4")),
            ("-1", Plug::Name("-1")),
            ("+1", Plug::Name("+1")),
            (" 1", Plug::Name(" 1")),
            ("", Plug::Name("")),
            (":", Plug::Name(":")),
        ] {
            assert_eq!(Plug::parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_plug_without_a_switch_is_on_the_first_and_a_switch_that_is_not_there_has_no_outlets() {
        for family in FAMILIES {
            let here = Outlet { unit: 1, number: 3 };
            assert_eq!(family.outlet(None, 3), Some(here), "{}", family.key);
            assert_eq!(family.outlet(Some(1), 3), Some(here), "{}", family.key);
            let there = Outlet { unit: 2, number: 3 };
            assert_eq!(
                family.outlet(Some(2), 3),
                Some(there).filter(|_| family.has_units()),
                "{}",
                family.key
            );
        }
    }

    #[test]
    fn a_listed_plug_leads_back_to_its_row() {
        for family in FAMILIES {
            for outlet in [Outlet { unit: 1, number: 8 }, Outlet { unit: 2, number: 1 }] {
                let Plug::Number { unit, number } = Plug::parse(&family.plug(outlet)) else {
                    panic!("a number")
                };
                let back = family.outlet(unit, number).unwrap();
                assert_eq!(back.number, outlet.number);
                for row in family.rows_of(back) {
                    assert_eq!(family.outlet_of(&row), Some(back), "{}", family.key);
                }
                if family.rows != Rows::Outlet {
                    assert_eq!(back, outlet);
                }
            }
            assert_eq!(family.outlet_of(&[]), None);
            assert_eq!(family.outlet_of(&[1, 2, 3]), None);
        }
    }
}
