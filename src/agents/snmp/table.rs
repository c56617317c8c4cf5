//! The rows of the table: each family with its objects, what they hold, and where that is known from.

use super::family::{
    Column, Commands, Evidence, Family, Good, Guard, Holds, Mark, Of, Pending, Rows, Says, Switched, USUAL,
    Values,
};

/// An object identifier under `iso.org.dod.internet.private.enterprises`.
macro_rules! enterprise {
    ($($arc:literal),+) => { &[1, 3, 6, 1, 4, 1, $($arc),+] };
}

/// A column under the same.
macro_rules! column {
    ($($arc:literal),+) => { Column::new(enterprise![$($arc),+]) };
}

/// A product of Gude's: its name, its number and what follows that to the table of its ports, whether what is written stands
/// in one source alone, and what there is to say of the MIB. All have the same columns, and each has its own table.
macro_rules! gude {
    ($key:literal, $model:literal, $product:literal: $($arc:literal),+; $one_source:literal, $more:literal) => {
        Family {
            key: $key,
            name: concat!("Gude Expert Power Control ", $model),
            sys_object_prefixes: &[enterprise![28507, $product]],
            rows: Rows::Outlet,
            status: column![28507, $product, $($arc),+, 3],
            states: Switched { on: 1, off: 0 },
            commands: Commands::of(column![28507, $product, $($arc),+, 3], Switched { on: 1, off: 0 }),
            names: &[column![28507, $product, $($arc),+, 2]],
            on_again: Some(column![28507, $product, $($arc),+, 7]),
            evidence: &[Evidence {
                column: column![28507, $product, $($arc),+, 7],
                on: Values::FromOne,
                words: "the unit itself turns it on again after so many seconds (PortRepowerTime)",
            }],
            one_source: $one_source,
            source: concat!(
                "GUDEADS-EPC",
                $model,
                "-MIB",
                $more,
                ": PortState off(0), on(1), which takes commands, too; PortName; PortRepowerTime, which the 24X lacks; \
                 indexed by port",
            ),
            tested_on: "a simulated unit with the same table",
            ..USUAL
        }
    };
}

const ON_1_OFF_2: Switched = Switched { on: 1, off: 2 };
const ON_2_OFF_1: Switched = Switched { on: 2, off: 1 };

/// sPDUOutletPending, which has no cancelling command beside it: 7 is a delayed reboot there.
const MASTER_SWITCH_PENDING: &[Pending] = &[Pending::flag(column![318, 1, 1, 4, 4, 2, 1, 2], None)];

/// What a column of commands reads as long as the unit knows the outlet's state. The column of states has no value for
/// not knowing it, so a unit that doesn't tell this column doesn't vouch for any state.
const COMMANDS_1_TO_6: Good = Good::Told(&[1, 2, 3, 4, 5, 6]);

/// The same column tells of commands that are to come: immediateOff(1), immediateOn(2), delayedOff(3), delayedOn(4),
/// immediateReboot(5), delayedReboot(6). It has no value that cancels one.
const fn delayed_commands(column: Column) -> Pending {
    Pending {
        column,
        yes: Values::Are(&[3, 4, 5, 6]),
        no: Values::Are(&[1, 2]),
        on: Values::Are(&[1, 2]),
        off: Values::Are(&[1, 2]),
        cancel: None,
    }
}

/// And it may speak of on while the column of states says off.
const fn commanded_on(column: Column) -> Evidence {
    Evidence { column, on: Values::Are(&[2]), words: "its column of commands says on" }
}

/// A measured current or power.
const fn load(column: Column, words: &'static str) -> Evidence {
    Evidence { column, on: Values::FromOne, words }
}

/// What Aten's power units give for sysObjectID: their maker's number, which is also that of the BMCs that it made for
/// others. Only together with a table of outlets it is one of these.
const ATEN: &[u32] = enterprise![21317];

/// The states of the outlets, which take commands, too. Object 1 is a table, and so is 10.
const ATEN_PE: Column = Column::scalars(enterprise![21317, 1, 3, 2, 2, 2, 2], 1, &[0]).without(10);

/// What the management card says of its firmware.
const IPDU_VERSION: &[u32] = enterprise![2, 6, 223, 7, 3, 0];

const IPDU_CHANGING: &[(i64, &str)] = &[
    (2, "cycling"),
    (3, "a delayed switch, 10 s"),
    (4, "a delayed switch, 30 s"),
    (5, "a delayed switch, 60 s"),
];

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
        status: column![318, 1, 1, 4, 4, 2, 1, 3],
        states: ON_1_OFF_2,
        commands: Commands::of(column![318, 1, 1, 4, 4, 2, 1, 3], ON_1_OFF_2),
        names: &[column![318, 1, 1, 4, 4, 2, 1, 4]],
        pending: MASTER_SWITCH_PENDING,
        source: "PowerNet-MIB 4.5.8: masterSwitchV1, masterSwitchV2, masterSwitchsPDU; sPDUOutletControlTable: \
                 sPDUOutletCtl outletOn(1), outletOff(2), outletUnknown(4), outletRebootWithDelay(7); \
                 sPDUOutletPending; sPDUOutletCtlName",
        tested_on: "snmpd with the same table",
        ..USUAL
    },
    Family {
        key: "apc-rpdu",
        name: "APC Switched Rack PDU, first generation",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 5]],
        probed: true,
        rows: Rows::Outlet,
        status: column![318, 1, 1, 12, 3, 5, 1, 1, 4],
        states: ON_1_OFF_2,
        commands: Commands::of(column![318, 1, 1, 12, 3, 3, 1, 1, 4], ON_1_OFF_2),
        names: &[column![318, 1, 1, 12, 3, 5, 1, 1, 2]],
        pending: &[Pending::flag(
            column![318, 1, 1, 12, 3, 5, 1, 1, 5],
            Some((column![318, 1, 1, 12, 3, 3, 1, 1, 4], 7)),
        )],
        source: "PowerNet-MIB 4.5.2: masterSwitchrPDU; rPDUOutletStatusOutletState outletStatusOn(1), \
                 outletStatusOff(2); rPDUOutletStatusCommandPending; rPDUOutletControlOutletCommand immediateOn(1), \
                 immediateOff(2), cancelPendingCommand(7)",
        tested_on: "upstream on AP7930, AP7900 and AP7951; snmpd with the same tables",
        ..USUAL
    },
    Family {
        key: "apc-masterswitch-plus",
        name: "APC MasterSwitch Plus",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 4]],
        rows: Rows::SwitchOutlet,
        status: column![318, 1, 1, 6, 7, 1, 1, 5],
        states: ON_1_OFF_2,
        // 2 is a delayed on.
        commands: Commands::of(column![318, 1, 1, 6, 5, 1, 1, 5], Switched { on: 1, off: 3 }),
        names: &[column![318, 1, 1, 6, 7, 1, 1, 4]],
        pending: &[Pending::flag(
            column![318, 1, 1, 6, 7, 1, 1, 6],
            Some((column![318, 1, 1, 6, 5, 1, 1, 5], 8)),
        )],
        source: "PowerNet-MIB 4.5.2: masterSwitchMSP; sPDUOutletStatusMSPOutletState outletStatusMSPOn(1), \
                 outletStatusMSPOff(2); sPDUOutletStatusMSPCommandPending; sPDUOutletControlMSPOutletCommand \
                 immediateOnMSP(1), immediateOffMSP(3), cancelPendingCommandMSP(8); indexed by switch and outlet, \
                 while upstream puts a 1 between them",
        tested_on: "snmpd with the same tables, numbered both ways",
        ..USUAL
    },
    Family {
        key: "apc-masterswitch-6",
        name: "APC MasterSwitch, firmware 6",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 6], enterprise![318, 1, 3, 4, 8]],
        rows: Rows::Outlet,
        status: column![318, 1, 1, 4, 4, 2, 1, 3],
        states: ON_1_OFF_2,
        commands: Commands::of(column![318, 1, 1, 12, 3, 3, 1, 1, 4], ON_1_OFF_2),
        names: &[column![318, 1, 1, 4, 4, 2, 1, 4]],
        // The column is that of the MasterSwitch, the cancelling command that of the Rack PDU.
        pending: &[Pending::flag(
            column![318, 1, 1, 4, 4, 2, 1, 2],
            Some((column![318, 1, 1, 12, 3, 3, 1, 1, 4], 7)),
        )],
        source: "upstream, for a sysObjectID that PowerNet-MIB 4.5.2 calls masterSwitchrPDU2: the second generation \
                 with the tables of the older ones; values as there. masterSwitchrPDUB of 4.5.8, the AP79xxB, has \
                 the tables of all three generations",
        tested_on: "snmpd with the same tables; what a recorded AP7902B tells",
        ..USUAL
    },
    Family {
        key: "apc-rpdu2",
        name: "APC Switched Rack PDU, second generation",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 6], enterprise![318, 1, 3, 4, 8]],
        probed: true,
        rows: Rows::Outlet,
        status: column![318, 1, 1, 26, 9, 2, 3, 1, 5],
        // The reverse of all other APC units, and of its own commands.
        states: ON_2_OFF_1,
        commands: Commands::of(column![318, 1, 1, 26, 9, 2, 4, 1, 5], ON_1_OFF_2),
        names: &[column![318, 1, 1, 26, 9, 2, 3, 1, 3]],
        pending: &[Pending::flag(
            column![318, 1, 1, 26, 9, 2, 3, 1, 6],
            Some((column![318, 1, 1, 26, 9, 2, 4, 1, 5], 8)),
        )],
        source: "PowerNet-MIB 4.5.2: masterSwitchrPDU2; rPDU2OutletSwitchedStatusState off(1), on(2); \
                 rPDU2OutletSwitchedStatusCommandPending commandPending(1), noCommandPending(2), \
                 commandPendingUnknown(3); rPDU2OutletSwitchedControlCommand immediateOn(1), immediateOff(2), \
                 outletUnknown(4), cancelPendingCommand(8)",
        tested_on: "snmpd with the same tables",
        ..USUAL
    },
    Family {
        key: "apc-easy",
        name: "APC Easy Rack PDU",
        sys_object_ids: &[enterprise![318, 1, 3, 4, 9]],
        rows: Rows::Outlet,
        status: column![318, 1, 1, 30, 6, 1, 1, 4],
        states: ON_2_OFF_1,
        absent: &[-1],
        commands: Commands::of(column![318, 1, 1, 30, 6, 2, 1, 4], ON_1_OFF_2),
        guards: &[
            Guard {
                column: column![318, 1, 1, 30, 6, 2, 1, 4],
                of: Of::Outlet,
                good: Good::Told(&[-1, 1, 2]),
                says: Says::NoReading,
                words: "the unit doesn't know the outlet's state (ePDUOutletControlCommand)",
            },
            Guard {
                column: column![318, 1, 1, 30, 6, 2, 1, 4],
                of: Of::Outlet,
                good: Good::Values(&[1, 2, 3]),
                says: Says::NoSwitching,
                words: "the unit takes no commands (notSupported in ePDUOutletControlCommand)",
            },
        ],
        source: "PowerNet-MIB 4.5.8: masterSwitchePDU; ePDUOutletStatusState off(1), on(2), notSupported(-1); \
                 ePDUOutletControlCommand immediateOn(1), immediateOff(2), and outletUnknown(3) where the state can't be \
                 determined; NUT and a user's recipe agree; no names",
        tested_on: "a simulated unit with the same tables",
        ..USUAL
    },
    Family {
        key: "apc-cpdu",
        name: "APC NetShelter Rack PDU Advanced",
        sys_object_ids: &[enterprise![318, 1, 1, 32]],
        rows: Rows::DeviceOutlet,
        status: column![318, 1, 1, 32, 5, 4, 1, 4],
        states: Switched { on: 1, off: 0 },
        commands: Commands::of(column![318, 1, 1, 32, 5, 5, 1, 4], ON_2_OFF_1),
        names: &[column![318, 1, 1, 32, 5, 4, 1, 3]],
        pending: &[delayed_commands(column![318, 1, 1, 32, 5, 5, 1, 4])],
        evidence: &[commanded_on(column![318, 1, 1, 32, 5, 5, 1, 4])],
        guards: &[Guard {
            column: column![318, 1, 1, 32, 5, 5, 1, 4],
            of: Of::Outlet,
            good: COMMANDS_1_TO_6,
            says: Says::NoReading,
            words: "the unit doesn't know the outlet's state (pduOutletSwitchedControlCommand)",
        }],
        one_source: true,
        source: "CPDU-MIB of APC: pduOutletSwitchedStatusState off(0), on(1); pduOutletSwitchedControlCommand \
                 immediateOff(1), immediateOn(2), delayedOff(3) to delayedReboot(6), and outletUnknown(7) where the state \
                 can't be determined; pduOutletSwitchedStatusName; indexed by unit and outlet",
        tested_on: "a simulated unit with the same tables",
        ..USUAL
    },
    Family {
        key: "tripplite",
        name: "Tripp Lite",
        sys_object_ids: &[enterprise![850, 1]],
        rows: Rows::Outlet,
        status: column![850, 10, 2, 3, 5, 1, 2, 1],
        states: ON_2_OFF_1,
        commands: Commands::of(column![850, 10, 2, 3, 5, 1, 4, 1], ON_2_OFF_1),
        names: &[column![850, 10, 2, 3, 5, 1, 5, 1], column![850, 10, 2, 3, 5, 1, 5]],
        source: "upstream, which looks for names below 850.10.2.3.5.1.5, wherever there; the published MIBs no longer \
                 hold this branch",
        tested_on: "upstream on PDUMH20HVNET 12.04.0055; snmpd with the same table",
        ..USUAL
    },
    Family {
        key: "tripplite-lx",
        name: "Tripp Lite, LX card",
        sys_object_ids: &[enterprise![850, 1, 1, 1]],
        rows: Rows::DeviceOutlet,
        status: column![850, 1, 1, 3, 2, 3, 3, 1, 1, 4],
        states: ON_2_OFF_1,
        commands: Commands::of(column![850, 1, 1, 3, 2, 3, 3, 1, 1, 6], ON_2_OFF_1),
        names: &[column![850, 1, 1, 3, 2, 3, 3, 1, 1, 2]],
        source: "TRIPPLITE-PRODUCTS of 2019-06-18: tlpPduOutletState unknown(0), off(1), on(2); tlpPduOutletCommand \
                 turnOff(1), turnOn(2), always reads 0; tlpPduOutletName; indexed by device and outlet",
        tested_on: "upstream on PDU15NETLX 15.5.4; snmpd with the same table; what a recorded unit tells",
        ..USUAL
    },
    Family {
        key: "tripplite-lx-ats",
        name: "Tripp Lite transfer switch, LX card",
        sys_object_ids: &[enterprise![850, 1, 1, 1]],
        rows: Rows::DeviceOutlet,
        status: column![850, 1, 1, 3, 4, 3, 3, 1, 1, 4],
        states: ON_2_OFF_1,
        commands: Commands::of(column![850, 1, 1, 3, 4, 3, 3, 1, 1, 6], ON_2_OFF_1),
        names: &[column![850, 1, 1, 3, 4, 3, 3, 1, 1, 2]],
        source: "TRIPPLITE-PRODUCTS of 2019-06-18: tlpAtsOutletState unknown(0), off(1), on(2); tlpAtsOutletCommand \
                 turnOff(1), turnOn(2), cycle(3), always reads 0; tlpAtsOutletName; indexed by device and outlet",
        tested_on: "a simulated unit with the same table; what a recorded PDUMH20ATNET tells",
        ..USUAL
    },
    Family {
        key: "eaton-epdu-ma",
        name: "Eaton ePDU Managed, first generation",
        sys_object_ids: &[enterprise![534, 6, 6, 6]],
        rows: Rows::OutletFromZero,
        status: column![534, 6, 6, 6, 1, 2, 2, 1, 3],
        states: Switched { on: 1, off: 0 },
        changing: &[(2, "cycling")],
        commands: Commands::of(column![534, 6, 6, 6, 1, 2, 2, 1, 3], Switched { on: 1, off: 0 }),
        names: &[column![534, 6, 6, 6, 1, 2, 2, 1, 2]],
        count: Some(enterprise![534, 6, 6, 6, 1, 2, 1, 0]),
        source: "EATON-EPDU-MA-MIB of 2008-11-12: error(-1), off(0), on(1), cycling(2) in the column that takes commands, too; outletLabel; outletCount. Its text numbers rows from 1, and units from 0: so upstream, \
                 NUT and powerman have it",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "eaton-pulizzi",
        name: "Eaton ePDU Switched",
        sys_object_ids: &[enterprise![20677, 1], enterprise![20677, 2]],
        rows: Rows::Outlet,
        most: Some(36),
        status: Column::scalars(enterprise![20677, 2, 6, 3], 0, &[0]),
        states: ON_1_OFF_2,
        absent: &[0],
        // Object 1 among the commands is that for all outlets at once.
        commands: Commands::of(Column::scalars(enterprise![20677, 2, 6, 2], 1, &[0]), ON_1_OFF_2),
        names: &[Column::scalars(enterprise![20677, 2, 6, 1], 0, &[1, 0])],
        source: "EATON-EPDU-PU-SW-MIB of 2009-10-16: on(1), off(2), 0 for an outlet that isn't there; \
                 globalCommand(1), outlet1Command(2) to outlet36Command(37): on(1), off(2), reboot(3); the objects lie below 20677.2, whichever number a unit gives",
        tested_on: "a simulated unit with the same objects",
        ..USUAL
    },
    Family {
        key: "eaton-epdu",
        name: "Eaton ePDU G2 or G3",
        sys_object_ids: &[enterprise![534, 6, 6, 7]],
        rows: Rows::DeviceOutletFromZero,
        status: column![534, 6, 6, 7, 6, 6, 1, 2],
        states: Switched { on: 1, off: 0 },
        changing: &[(2, "pendingOff"), (3, "pendingOn")],
        commands: Commands {
            on: (column![534, 6, 6, 7, 6, 6, 1, 4], 0),
            off: (column![534, 6, 6, 7, 6, 6, 1, 3], 0),
        },
        names: &[column![534, 6, 6, 7, 6, 1, 1, 3]],
        labels: Some(column![534, 6, 6, 7, 6, 1, 1, 2]),
        pending: &[
            Pending::countdown(column![534, 6, 6, 7, 6, 6, 1, 3]),
            Pending::countdown(column![534, 6, 6, 7, 6, 6, 1, 4]),
            Pending::countdown(column![534, 6, 6, 7, 6, 6, 1, 5]),
        ],
        guards: &[
            Guard {
                column: column![534, 6, 6, 7, 6, 6, 1, 9],
                of: Of::Outlet,
                good: Good::Values(&[1]),
                says: Says::NoSwitching,
                words: "the outlet is not switchable (outletControlSwitchable)",
            },
            Guard {
                column: column![534, 6, 6, 7, 1, 2, 1, 10],
                of: Of::Unit,
                good: Good::Values(&[1, 3]),
                says: Says::NoSwitching,
                words: "the unit has no switched outlets (unitType)",
            },
            Guard {
                column: column![534, 6, 6, 7, 1, 2, 1, 30],
                of: Of::Unit,
                good: Good::Values(&[0]),
                says: Says::NoReading,
                words: "the unit has lost its communication (communicationStatus)",
            },
            Guard {
                column: column![534, 6, 6, 7, 1, 2, 1, 32],
                of: Of::Unit,
                good: Good::Values(&[0]),
                says: Says::NoReading,
                words: "the unit is not where it was in its chain (strappingStatus)",
            },
        ],
        units: Some(enterprise![534, 6, 6, 7, 1, 1, 0]),
        source: "EATON-EPDU-MIB of 2023-03-31: outletControlStatus off(0), on(1), pendingOff(2), pendingOn(3); \
                 outletControlOffCmd, OnCmd and RebootCmd take seconds, read -1 while nothing is to come, and take -1 to \
                 cancel; outletName, outletID; unitsPresent; indexed by strappingIndex, 0 for the unit itself, and outlet",
        tested_on: "a simulated unit with the same tables; what a recorded unit tells",
        ..USUAL
    },
    Family {
        key: "eaton-nlogic",
        name: "Eaton HDX G4",
        // Only by name: no MIB of it has been found, and nothing was seen of a unit.
        rows: Rows::DeviceOutlet,
        status: column![534, 7, 1, 5, 2, 1, 1],
        states: ON_2_OFF_1,
        changing: &[(3, "pendingOff"), (4, "pendingOn")],
        commands: Commands::of(column![534, 7, 1, 5, 2, 1, 10], ON_2_OFF_1),
        names: &[column![534, 7, 1, 5, 1, 1, 2]],
        pending: &[delayed_commands(column![534, 7, 1, 5, 2, 1, 10])],
        evidence: &[
            commanded_on(column![534, 7, 1, 5, 2, 1, 10]),
            load(column![534, 7, 1, 5, 1, 1, 5], "a current flows (pduOutletCurrent)"),
        ],
        guards: &[
            Guard {
                column: column![534, 7, 1, 5, 2, 1, 10],
                of: Of::Outlet,
                good: COMMANDS_1_TO_6,
                says: Says::NoReading,
                words: "the unit doesn't know the outlet's state (pduOutletControlCommand)",
            },
            Guard {
                column: column![534, 7, 1, 5, 2, 1, 8],
                of: Of::Outlet,
                good: Good::Values(&[1]),
                says: Says::NoSwitching,
                words: "the outlet says that it is not switchable (pduOutletControlSwitchable)",
            },
        ],
        one_source: true,
        source: "NUT alone: pduOutletControlStatus off(1), on(2), pendingOff(3), pendingOn(4); pduOutletControlCommand off(1), \
                 on(2), delayed off(3), delayed on(4), reboot(5), delayed reboot(6); pduOutletName; indexed by unit and outlet. \
                 Column 8 as with HPE's and Panduit's, whose tables are the same otherwise",
        tested_on: "nothing but a simulated unit with the same tables",
        ..USUAL
    },
    Family {
        key: "liebert-mpx",
        name: "Liebert MPX or MPH",
        sys_object_ids: &[enterprise![476, 1, 42]],
        rows: Rows::Branch,
        status: column![476, 1, 42, 3, 8, 50, 20, 1, 95],
        states: ON_2_OFF_1,
        changing: &[(3, "off, and on after a delay")],
        commands: Commands::of(column![476, 1, 42, 3, 8, 50, 20, 1, 100], Switched { on: 1, off: 0 }),
        names: &[column![476, 1, 42, 3, 8, 50, 20, 1, 10], column![476, 1, 42, 3, 8, 50, 20, 1, 25]],
        guards: &[
            Guard {
                column: column![476, 1, 42, 3, 8, 50, 20, 1, 50],
                of: Of::Outlet,
                good: Good::Values(&[3, 4, 6]),
                says: Says::NoSwitching,
                words: "the receptacle can't be switched (its capabilities)",
            },
            Guard {
                column: column![476, 1, 42, 3, 8, 50, 20, 1, 105],
                of: Of::Outlet,
                good: Good::Values(&[1]),
                says: Says::NoSwitching,
                words: "the receptacle is locked, or doesn't say that it isn't",
            },
        ],
        evidence: &[Evidence {
            column: column![476, 1, 42, 3, 8, 50, 20, 1, 100],
            on: Values::Are(&[1, 2]),
            words: "its column of commands says on or reboot (lgpPduRcpEntryControl)",
        }],
        off_delay: Some(column![476, 1, 42, 3, 8, 50, 20, 1, 225]),
        source: "LIEBERT-GP-PDU-MIB of 2008-07-02: lgpPduRcpEntryPwrState unknown(0), off(1), on(2), \
                 off-pending-on-delay(3); lgpPduRcpEntryControl off(0), on(1), reboot(2); indexed by unit, branch and \
                 receptacle",
        tested_on: "a simulated unit with the same table; what a recorded MPH2R tells",
        ..USUAL
    },
    Family {
        key: "avocent-pm",
        name: "Avocent PM",
        sys_object_prefixes: &[enterprise![10418, 17, 1]],
        rows: Rows::Branch,
        status: column![10418, 17, 2, 5, 5, 1, 5],
        states: ON_2_OFF_1,
        // Off, but not for good or not by a command: offCycle, offPendingOn, offShutdown, tripped.
        changing: &[
            (3, "offLocked"),
            (4, "onLocked"),
            (5, "offCycle"),
            (6, "onPendingOff"),
            (7, "offPendingOn"),
            (8, "onPendingCycle"),
            (10, "onFixed"),
            (11, "offShutdown"),
            (12, "tripped"),
        ],
        // Not in the MIB. Firmware answers so for rows that aren't there.
        absent: &[0],
        commands: Commands::of(column![10418, 17, 2, 5, 5, 1, 6], Switched { on: 2, off: 3 }),
        names: &[column![10418, 17, 2, 5, 5, 1, 4]],
        guards: &[Guard {
            column: column![10418, 17, 2, 5, 5, 1, 5],
            of: Of::Outlet,
            good: Good::Values(&[0, 1, 2, 5, 6, 7, 8, 9, 11, 12]),
            says: Says::NoSwitching,
            words: "the outlet is locked or fixed (pmPowerMgmtOutletsTableStatus)",
        }],
        evidence: &[load(
            column![10418, 17, 2, 5, 5, 1, 50],
            "a current flows (pmPowerMgmtOutletsTableCurrentValue)",
        )],
        source: "PM-MIB of 2010-11-24: pmPowerMgmtOutletsTableStatus off(1), on(2), offLocked(3) to tripped(12), notSet(9) \
                 among them; pmPowerMgmtOutletsTablePowerControl powerOn(2), powerOff(3), and powerCycle(4) to \
                 powerUnlock(6), which are never written; pmPowerMgmtOutletsTableName; indexed by serial port, unit and \
                 outlet. NUT has the same values, and says that some firmware answers for outlet 0, too",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "ibm-ipdu-old",
        name: "IBM iPDU, older firmware",
        sys_object_ids: &[enterprise![2, 6, 223]],
        mark: Some(Mark { object: IPDU_VERSION, holds: Holds::Word("sIBM") }),
        rows: Rows::Outlet,
        status: column![2, 6, 223, 8, 2, 2, 1, 11],
        states: Switched { on: 1, off: 0 },
        changing: IPDU_CHANGING,
        commands: Commands::of(column![2, 6, 223, 8, 2, 2, 1, 11], Switched { on: 1, off: 0 }),
        names: &[column![2, 6, 223, 8, 2, 2, 1, 2]],
        guards: &[Guard {
            column: column![2, 6, 223, 8, 2, 2, 1, 15],
            of: Of::Outlet,
            good: Good::Missing,
            says: Says::AnotherLayout,
            words: "the outlet has column 15, so the layout is the newer one",
        }],
        evidence: &[load(column![2, 6, 223, 8, 2, 2, 1, 7], "a current flows (column 7)")],
        group: Some(column![2, 6, 223, 8, 2, 2, 1, 12]),
        source: "upstream and xCAT: ibmPduOutletState error(-1), off(0), on(1), cycling(2), delayed switches(3 to 5) in \
                 column 11 of a table that ends with column 14",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "ibm-ipdu-new",
        name: "IBM iPDU, newer firmware",
        sys_object_ids: &[enterprise![2, 6, 223]],
        mark: Some(Mark { object: IPDU_VERSION, holds: Holds::Word("sLEN") }),
        rows: Rows::Outlet,
        status: column![2, 6, 223, 8, 2, 2, 1, 13],
        states: Switched { on: 1, off: 0 },
        changing: IPDU_CHANGING,
        commands: Commands::of(column![2, 6, 223, 8, 2, 2, 1, 13], Switched { on: 1, off: 0 }),
        names: &[column![2, 6, 223, 8, 2, 2, 1, 2]],
        guards: &[Guard {
            column: column![2, 6, 223, 8, 2, 2, 1, 15],
            of: Of::Outlet,
            good: Good::Number,
            says: Says::AnotherLayout,
            words: "the outlet has no column 15, so the layout is the older one",
        }],
        evidence: &[load(column![2, 6, 223, 8, 2, 2, 1, 9], "a current flows (column 9)")],
        group: Some(column![2, 6, 223, 8, 2, 2, 1, 14]),
        source: "IBM-PDU-MIB of 2012-05-31 and walks in xCAT: ibmPduOutletState in column 13, with the same values; \
                 column 11, where older firmware has the state, is a threshold that can be written",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "ibm-blade",
        name: "IBM BladeCenter management module",
        sys_object_prefixes: &[enterprise![2, 6, 158]],
        rows: Rows::Outlet,
        most: Some(14),
        status: column![2, 3, 51, 2, 22, 1, 6, 1, 1, 4],
        states: Switched { on: 1, off: 0 },
        changing: &[(3, "standby"), (4, "hibernate")],
        commands: Commands::of(column![2, 3, 51, 2, 22, 1, 6, 1, 1, 7], Switched { on: 1, off: 0 }),
        names: &[column![2, 3, 51, 2, 22, 1, 6, 1, 1, 6]],
        guards: &[Guard {
            column: column![2, 3, 51, 2, 22, 1, 6, 1, 1, 3],
            of: Of::Outlet,
            good: Good::Values(&[1]),
            says: Says::NoOutlet,
            words: "no blade is in the bay (powerRestartBladeExists)",
        }],
        source: "BLADE-MIB: powerRestartBladePowerState off(0), on(1), standby(3), hibernate(4), unknown(255); \
                 powerOnOffBlade off(0), on(1), softOff(2), whose reading means nothing; powerRestartBladeExists; \
                 indexed by bay, 1 to 14",
        tested_on: "a simulated unit with the same tables",
        ..USUAL
    },
    Family {
        key: "intel-modular",
        name: "Intel Modular Server",
        rows: Rows::Outlet,
        status: column![343, 2, 19, 1, 2, 10, 202, 1, 1, 6],
        states: Switched { on: 2, off: 0 },
        changing: &[(1, "standby")],
        // 0 would ask the operating system, and 4 is a reset.
        commands: Commands::of(column![343, 2, 19, 1, 2, 10, 202, 1, 1, 6], Switched { on: 2, off: 3 }),
        guards: &[Guard {
            column: column![343, 2, 19, 1, 2, 10, 202, 1, 1, 2],
            of: Of::Outlet,
            good: Good::Values(&[1]),
            says: Says::NoOutlet,
            words: "no blade is in the slot",
        }],
        source: "INTELCORPORATION-MULTI-FLEX-SERVER-BLADES-MIB of 2008-05-19: bladePowerLed off(0), standby(1), on(2), \
                 dataNotAvailable(-1), identify(-4), unknown(-16), notApplicable(-32); it takes softOff(0), powerOn(2), \
                 forcedOff(3), hardReset(4)",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "raritan-pdu2",
        name: "Raritan PX2 and later, Server Technology PRO3X and PRO4X, Legrand",
        sys_object_ids: &[enterprise![13742, 6]],
        rows: Rows::DeviceOutlet,
        status: column![13742, 6, 4, 1, 2, 1, 3],
        states: Switched { on: 7, off: 8 },
        commands: Commands::of(column![13742, 6, 4, 1, 2, 1, 2], Switched { on: 1, off: 0 }),
        names: &[column![13742, 6, 3, 5, 3, 1, 3]],
        guards: &[Guard {
            column: column![13742, 6, 3, 5, 3, 1, 28],
            of: Of::Outlet,
            good: Good::Values(&[1]),
            says: Says::NoSwitching,
            words: "the outlet is not switchable (outletSwitchable)",
        }],
        evidence: &[Evidence {
            column: Column::scalars(enterprise![13742, 6, 5, 4, 3, 1, 3], 0, &[14]),
            on: Values::Are(&[7]),
            words: "its sensor onOff says on",
        }],
        source: "PDU2-MIB of 2022-09-21: outletSwitchingState on(7), off(8) of SensorStateEnumeration; \
                 switchingOperation off(0), on(1), cycle(2); outletName; outletSwitchable, which old firmware lacks; indexed \
                 by unit and outlet",
        tested_on: "a simulated unit with the same tables; what recorded PX3 and PX4 tell",
        ..USUAL
    },
    Family {
        key: "raritan-px1",
        name: "Raritan Dominion PX",
        sys_object_ids: &[enterprise![13742, 4]],
        rows: Rows::Outlet,
        status: column![13742, 4, 1, 2, 2, 1, 3],
        states: Switched { on: 1, off: 0 },
        changing: &[(2, "cycling")],
        commands: Commands::of(column![13742, 4, 1, 2, 2, 1, 3], Switched { on: 1, off: 0 }),
        names: &[column![13742, 4, 1, 2, 2, 1, 2]],
        count: Some(enterprise![13742, 4, 1, 2, 1, 0]),
        one_source: true,
        source: "PDU-MIB of 2016-02-22: outletOperationalState error(-1), off(0), on(1), cycling(2), which takes commands, \
                 too; outletLabel; outletCount. A recorded unit numbers its rows from 1, while others that know it count from 0",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "sentry3",
        name: "Server Technology Sentry3 (Switched CDU)",
        sys_object_ids: &[enterprise![1718, 3]],
        rows: Rows::Branch,
        status: column![1718, 3, 2, 3, 1, 5],
        states: Switched { on: 1, off: 0 },
        changing: &[(2, "offWait"), (3, "onWait")],
        commands: Commands::of(column![1718, 3, 2, 3, 1, 11], ON_1_OFF_2),
        names: &[column![1718, 3, 2, 3, 1, 3]],
        labels: Some(column![1718, 3, 2, 3, 1, 2]),
        pending: &[Pending {
            column: column![1718, 3, 2, 3, 1, 10],
            yes: Values::Are(&[8, 9, 10, 11, 16, 17]),
            no: Values::Are(&[0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15]),
            on: Values::Are(&[0, 1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15]),
            off: Values::Are(&[0, 2, 4, 6, 14]),
            cancel: None,
        }],
        guards: &[
            // No unit that has the column of commands, 11, lacks this one, which is older; without it, nobody knows
            // whether off is going to last.
            Guard {
                column: column![1718, 3, 2, 3, 1, 10],
                of: Of::Outlet,
                good: Good::Number,
                says: Says::NoReading,
                words: "the unit doesn't say what is to become of the outlet (outletControlState)",
            },
            Guard {
                column: column![1718, 3, 2, 3, 1, 10],
                of: Of::Outlet,
                good: Good::Values(&[0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17]),
                says: Says::NoSwitching,
                words: "the outlet is locked (outletControlState)",
            },
            // Firmware may lack it: then the state tells whether a command was followed.
            Guard {
                column: column![1718, 3, 2, 3, 1, 4],
                of: Of::Outlet,
                good: Good::Bit(2),
                says: Says::NoSwitching,
                words: "the outlet takes no commands (powerControl in outletCapabilities)",
            },
        ],
        source: "Sentry3-MIB of 2016-01-25: outletStatus off(0), on(1), offWait(2), onWait(3), and six that are neither; \
                 outletControlState idleOff(0), idleOn(1), wakeOff(2), wakeOn(3), off(4), on(5), lockedOff(6), lockedOn(7), \
                 reboot(8), shutdown(9), pendOn(10), pendOff(11), eventOff(14), eventOn(15), eventReboot(16), \
                 eventShutdown(17); outletControlAction on(1), off(2), reboot(3); outletID, outletName; indexed by \
                 tower, infeed and outlet",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "sentry4",
        name: "Server Technology Sentry4 (PRO1, PRO2)",
        sys_object_ids: &[enterprise![1718, 4]],
        rows: Rows::Branch,
        status: column![1718, 4, 1, 8, 3, 1, 1],
        states: ON_1_OFF_2,
        commands: Commands::of(column![1718, 4, 1, 8, 5, 1, 2], ON_1_OFF_2),
        names: &[column![1718, 4, 1, 8, 2, 1, 3]],
        labels: Some(column![1718, 4, 1, 8, 2, 1, 2]),
        pending: &[Pending {
            column: column![1718, 4, 1, 8, 5, 1, 1],
            yes: Values::Are(&[8, 9, 12, 13, 18, 19]),
            no: Values::Are(&[0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 14, 15, 16, 17]),
            on: Values::Are(&[0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 14, 15, 16, 17]),
            off: Values::Are(&[0, 2, 4, 6, 10, 14, 16]),
            cancel: None,
        }],
        guards: &[
            // It stands beside the state in the same table: a unit that doesn't tell it doesn't vouch for the state.
            Guard {
                column: column![1718, 4, 1, 8, 3, 1, 2],
                of: Of::Outlet,
                good: Good::Told(&[0, 1, 14, 15, 16, 17, 18, 19, 20]),
                says: Says::NoReading,
                words: "the unit doesn't vouch for the outlet's state (st4OutletStatus)",
            },
            // It stands before the command in the same table: without it, nobody knows whether off is going to last.
            Guard {
                column: column![1718, 4, 1, 8, 5, 1, 1],
                of: Of::Outlet,
                good: Good::Number,
                says: Says::NoReading,
                words: "the unit doesn't say what is to become of the outlet (st4OutletControlState)",
            },
            Guard {
                column: column![1718, 4, 1, 8, 5, 1, 1],
                of: Of::Outlet,
                good: Good::Values(&[0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19]),
                says: Says::NoSwitching,
                words: "the outlet is fixed or locked (st4OutletControlState)",
            },
            // In a table of its own, which firmware may lack: then the state tells whether a command was followed.
            Guard {
                column: column![1718, 4, 1, 8, 2, 1, 5],
                of: Of::Outlet,
                good: Good::Bit(0),
                says: Says::NoSwitching,
                words: "the outlet is not switched (st4OutletCapabilities)",
            },
        ],
        one_source: true,
        source: "Sentry4-MIB of 2023-03-10: st4OutletState unknown(0), on(1), off(2); st4OutletStatus; \
                 st4OutletControlState fixedOn(1), five off(2, 4, 6, 10, 16) and on(3, 5, 7, 11, 17) each, pendOn(8), \
                 pendOff(9), reboot(12), shutdown(13), lockedOff(14), lockedOn(15), eventReboot(18), eventShutdown(19); st4OutletControlAction on(1), off(2), and \
                 commands that wait in a queue; st4OutletID, st4OutletName; indexed by unit, cord and outlet",
        tested_on: "a simulated unit with the same tables",
        ..USUAL
    },
    Family {
        key: "bachmann",
        name: "Bachmann BlueNet2",
        // Only by name: which sysObjectID such units give is known from nobody.
        rows: Rows::Phase,
        status: column![31770, 2, 2, 6, 5, 1, 12],
        states: ON_1_OFF_2,
        commands: Commands::of(column![31770, 2, 2, 6, 5, 1, 12], ON_1_OFF_2),
        names: &[column![31770, 2, 2, 6, 5, 1, 8], column![31770, 2, 2, 6, 5, 1, 7]],
        // What is written is read in the same column; this one tells what has come of it. lost(7), deactivate(8), an
        // update (36, 37) and the like vouch for nothing.
        pending: &[Pending {
            column: column![31770, 2, 2, 6, 5, 1, 11],
            yes: Values::Are(&[38]),
            no: Values::Are(&[
                0, 2, 3, 4, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 39, 40, 41,
                42, 43,
            ]),
            on: Values::Are(&[0, 2, 3, 4, 5, 6, 9, 11, 13, 15, 17, 19, 21, 23, 39, 40, 41, 42, 43]),
            off: Values::Are(&[0, 2, 3, 4, 5, 6, 10, 12, 14, 16, 18, 20, 22, 24, 39, 40, 41, 42, 43]),
            cancel: None,
        }],
        guards: &[
            // It stands before the command in the same table: without it, the echo of what was written would be the proof.
            Guard {
                column: column![31770, 2, 2, 6, 5, 1, 11],
                of: Of::Outlet,
                good: Good::Number,
                says: Says::NoReading,
                words: "the unit doesn't say what has become of the socket (blueNet2SocketStatus)",
            },
            Guard {
                column: column![31770, 2, 2, 6, 5, 1, 12],
                of: Of::Outlet,
                good: Good::Values(&[1, 2]),
                says: Says::NoSwitching,
                words: "the socket can't be switched (blueNet2SocketMode)",
            },
        ],
        one_source: true,
        source: "BACHMANN-BLUENET2-MIB of 2015-07-01: blueNet2SocketMode switchedOn(1), switchedOff(2), notAvailable(4), \
                 notSwitchable(5), which takes 1 and 2; blueNet2SocketStatus with on(19), off(20), the same in alarm or \
                 being identified (9 to 24), onGoingSwitch(38), lost(7); blueNet2SocketFriendlyName, blueNet2SocketName; \
                 indexed by device, circuit, phase (0 to 3) and socket (0 to 24)",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "riedo-updu",
        name: "Riedo UPDU",
        // Only by name: which sysObjectID such units give is known from nobody.
        rows: Rows::DeviceOutletFromZero,
        status: column![55108, 1, 4, 1, 1, 4],
        states: Switched { on: 1, off: 0 },
        commands: Commands::of(column![55108, 1, 4, 1, 1, 3], Switched { on: 1, off: 0 }),
        names: &[column![55108, 1, 4, 1, 1, 2]],
        // The desired state: off that is meant to be on, or of which that isn't known, may end.
        pending: &[Pending {
            column: column![55108, 1, 4, 1, 1, 3],
            yes: Values::Are(&[]),
            no: Values::Are(&[0, 1, 2]),
            on: Values::Are(&[1]),
            off: Values::Are(&[0]),
            cancel: None,
        }],
        guards: &[
            // The column of commands: who can write it can read it.
            Guard {
                column: column![55108, 1, 4, 1, 1, 3],
                of: Of::Outlet,
                good: Good::Number,
                says: Says::NoReading,
                words: "the unit doesn't say what the relay is meant to be (upduRelayAdminStatus)",
            },
            Guard {
                column: column![55108, 1, 4, 1, 1, 5],
                of: Of::Outlet,
                good: Good::Values(&[0]),
                says: Says::NoReading,
                words: "the relay is not as it is meant to be, or nobody knows (upduRelayCondition)",
            },
        ],
        one_source: true,
        source: "RNX-UPDU-MIB of 2022-07-06: upduRelayOperStatus and upduRelayAdminStatus off(0), on(1), unknown(2); \
                 upduRelayCondition ok(0), failed(1), unknown(2); upduRelayMeterNames, which are the outlets that one relay \
                 switches together; indexed by module, from 0, and relay. Units with the second MIB alone have no such table",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "netio",
        name: "NETIO",
        // Only by name: which sysObjectID such units give is known from nobody.
        rows: Rows::Outlet,
        status: column![47952, 1, 1, 1, 3],
        states: Switched { on: 1, off: 0 },
        // The same column takes reset(2), shortOn(3) and switch(4), which turns on what is off.
        commands: Commands::of(column![47952, 1, 1, 1, 5], Switched { on: 1, off: 0 }),
        names: &[column![47952, 1, 1, 1, 2]],
        evidence: &[load(column![47952, 1, 1, 1, 28], "a current flows (netioOutputCurrent)")],
        source: "NETIO-PRODUCTS-NETIO-MIB 1.05: netioOutputState off(0), on(1); netioOutputAction off(0), on(1), reset(2), \
                 shortOn(3), switch(4), idle(5); netioOutputName; netioOutputCurrent, 0 where nothing measures it. A script \
                 that somebody published writes the same",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "cyberpower",
        name: "CyberPower ePDU",
        sys_object_ids: &[enterprise![3808, 1, 1, 3]],
        rows: Rows::Outlet,
        status: column![3808, 1, 1, 3, 3, 5, 1, 1, 4],
        states: ON_1_OFF_2,
        commands: Commands::of(column![3808, 1, 1, 3, 3, 3, 1, 1, 4], ON_1_OFF_2),
        names: &[column![3808, 1, 1, 3, 3, 5, 1, 1, 2]],
        pending: &[Pending::flag(
            column![3808, 1, 1, 3, 3, 5, 1, 1, 5],
            Some((column![3808, 1, 1, 3, 3, 3, 1, 1, 4], 7)),
        )],
        one_source: true,
        source: "CPS-MIB: ePDUOutletStatusOutletState outletStatusOn(1), outletStatusOff(2); \
                 ePDUOutletStatusCommandPending; ePDUOutletControlOutletCommand immediateOn(1), immediateOff(2), \
                 cancelPendingCommand(7)",
        tested_on: "a simulated unit with the same tables",
        ..USUAL
    },
    Family {
        key: "cyberpower-2",
        name: "CyberPower ePDU, second table",
        // The older number is also that of units with both tables, which then tell the same.
        sys_object_ids: &[enterprise![3808, 1, 1, 6], enterprise![3808, 1, 1, 3]],
        rows: Rows::Outlet,
        most: Some(96),
        status: column![3808, 1, 1, 6, 6, 1, 4, 1, 5],
        // Not the other way round, as in the second table of APC, which this one is modelled on.
        states: ON_1_OFF_2,
        commands: Commands::of(column![3808, 1, 1, 6, 6, 1, 5, 1, 5], ON_1_OFF_2),
        names: &[column![3808, 1, 1, 6, 6, 1, 4, 1, 4]],
        pending: &[Pending::flag(
            column![3808, 1, 1, 6, 6, 1, 4, 1, 6],
            Some((column![3808, 1, 1, 6, 6, 1, 5, 1, 5], 7)),
        )],
        source: "CPS-MIB 2.11 of 2022-11-18: ePDU2OutletSwitchedStatusState outletStatusOn(1), outletStatusOff(2); \
                 ePDU2OutletSwitchedStatusCommandPending; ePDU2OutletSwitchedControlCommand immediateOn(1), immediateOff(2), \
                 cancelPendingCommand(7), outletIdentify(8); indexed by a number of its own, 1 to 96, which runs on over \
                 the units of a chain. An independent client for a lab's units writes the same",
        tested_on: "a simulated unit with the same tables; what a recorded PDU81005 tells",
        ..USUAL
    },
    Family {
        key: "vertiv-v5",
        name: "Geist or Vertiv, firmware 5",
        sys_object_ids: &[enterprise![21239, 5, 2]],
        sys_object_prefixes: &[enterprise![21239, 42, 1]],
        rows: Rows::Outlet,
        status: column![21239, 5, 2, 3, 5, 1, 4],
        states: ON_1_OFF_2,
        changing: &[(3, "on2off"), (4, "off2on"), (5, "rebootOn"), (6, "rebootOff")],
        commands: Commands::of(column![21239, 5, 2, 3, 5, 1, 6], Switched { on: 2, off: 4 }),
        names: &[column![21239, 5, 2, 3, 5, 1, 3], column![21239, 5, 2, 3, 5, 1, 2]],
        // A contact that is welded together lets the power through, whatever state was set. The column stands between
        // those of the state and of the command: no unit that can be switched lacks it.
        guards: &[Guard {
            column: column![21239, 5, 2, 3, 5, 1, 5],
            of: Of::Outlet,
            good: Good::Told(&[2]),
            says: Says::NoReading,
            words: "the outlet's relay has failed, or nothing says that it hasn't (pduOutletSwitchRelayFailure)",
        }],
        one_source: true,
        source: "VERTIV-V5-MIB of 2020-07-20: state on(1), off(2), on2off(3) to rebootOff(6), \
                 unavailable(7); pduOutletSwitchRelayFailure true(1), false(2); command on(2), off(4), delayed ones beside them, cancel(1); label and name",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
    Family {
        key: "hpe-pdu2",
        name: "HPE G2 power unit",
        sys_object_ids: &[enterprise![232, 165, 7]],
        rows: Rows::DeviceOutletFromZero,
        status: column![232, 165, 7, 5, 2, 1, 1],
        states: ON_2_OFF_1,
        changing: &[(3, "pendingOff"), (4, "pendingOn")],
        commands: Commands {
            on: (column![232, 165, 7, 5, 2, 1, 3], 0),
            off: (column![232, 165, 7, 5, 2, 1, 2], 0),
        },
        names: &[column![232, 165, 7, 5, 1, 1, 2]],
        pending: &[
            Pending::countdown(column![232, 165, 7, 5, 2, 1, 2]),
            Pending::countdown(column![232, 165, 7, 5, 2, 1, 3]),
            Pending::countdown(column![232, 165, 7, 5, 2, 1, 4]),
        ],
        guards: &[Guard {
            column: column![232, 165, 7, 5, 2, 1, 8],
            of: Of::Outlet,
            good: Good::Values(&[1]),
            says: Says::NoSwitching,
            words: "the outlet says that it is not switchable",
        }],
        source: "CPQPOWER-MIB: state off(1), on(2), pendingOff(3), pendingOn(4); columns for off, on and reboot that take \
                 seconds, as on Eaton's units; indexed by unit, 0 for the unit itself, and outlet",
        tested_on: "a simulated unit with the same tables; what a recorded unit tells",
        ..USUAL
    },
    Family {
        key: "hpe-pdu3",
        name: "HPE G3 power unit",
        sys_object_ids: &[enterprise![232, 165, 11]],
        rows: Rows::DeviceOutlet,
        status: column![232, 165, 11, 5, 2, 1, 1],
        states: ON_2_OFF_1,
        changing: &[(3, "pendingOff"), (4, "pendingOn")],
        // The table has 48 rows, however many outlets there are.
        absent: &[0],
        commands: Commands {
            on: (column![232, 165, 11, 5, 2, 1, 3], 0),
            off: (column![232, 165, 11, 5, 2, 1, 2], 0),
        },
        names: &[column![232, 165, 11, 5, 1, 1, 2]],
        pending: &[
            Pending::countdown(column![232, 165, 11, 5, 2, 1, 2]),
            Pending::countdown(column![232, 165, 11, 5, 2, 1, 3]),
            Pending::countdown(column![232, 165, 11, 5, 2, 1, 4]),
        ],
        guards: &[
            Guard {
                column: column![232, 165, 11, 5, 2, 1, 8],
                of: Of::Outlet,
                good: Good::Values(&[1]),
                says: Says::NoSwitching,
                words: "the outlet is not switchable (pdu3OutletControlSwitchable)",
            },
            Guard {
                column: column![232, 165, 11, 1, 2, 1, 10],
                of: Of::Unit,
                good: Good::Values(&[1]),
                says: Says::NoSwitching,
                words: "the unit has no switched outlets (pdu3Controllable)",
            },
        ],
        source: "CPQPOWER-MIB: pdu3OutletControlStatus off(1), on(2), pendingOff(3), pendingOn(4), 0 in the rows beyond a \
                 recorded unit's outlets; pdu3OutletControlOffCmd, OnCmd and RebootCmd take seconds, read -1 while nothing \
                 is to come, and take -1 to cancel; pdu3OutletName; indexed by unit and outlet. NUT has the same",
        tested_on: "a simulated unit with the same tables that tells its sysObjectID as a text; what a recorded P9S18A \
                    tells",
        ..USUAL
    },
    Family {
        key: "enlogic",
        name: "Enlogic, nVent",
        sys_object_ids: &[enterprise![38446, 1]],
        rows: Rows::DeviceOutlet,
        status: column![38446, 1, 5, 4, 1, 4],
        states: Switched { on: 1, off: 0 },
        commands: Commands::of(column![38446, 1, 5, 5, 1, 4], ON_2_OFF_1),
        names: &[column![38446, 1, 5, 4, 1, 3]],
        pending: &[delayed_commands(column![38446, 1, 5, 5, 1, 4])],
        evidence: &[commanded_on(column![38446, 1, 5, 5, 1, 4])],
        guards: &[Guard {
            column: column![38446, 1, 5, 5, 1, 4],
            of: Of::Outlet,
            good: COMMANDS_1_TO_6,
            says: Says::NoReading,
            words: "the unit doesn't know the outlet's state (the column of commands)",
        }],
        one_source: true,
        source: "ENLOGIC-PDU2-MIB of 2020-05-21: state off(0), on(1); command immediateOff(1), immediateOn(2), delayed ones and \
                 reboots(3 to 6) beside them, and unknown(7) where the state can't be determined; indexed by unit and outlet",
        tested_on: "a simulated unit with the same tables",
        ..USUAL
    },
    Family {
        key: "panduit-g5",
        name: "Panduit G5",
        sys_object_ids: &[enterprise![19536, 10, 1]],
        rows: Rows::DeviceOutlet,
        status: column![19536, 10, 1, 5, 2, 1, 1],
        states: ON_2_OFF_1,
        changing: &[(3, "pendingOff"), (4, "pendingOn")],
        commands: Commands {
            on: (column![19536, 10, 1, 5, 2, 1, 3], 0),
            off: (column![19536, 10, 1, 5, 2, 1, 2], 0),
        },
        names: &[column![19536, 10, 1, 5, 1, 1, 2]],
        pending: &[
            Pending::countdown(column![19536, 10, 1, 5, 2, 1, 2]),
            Pending::countdown(column![19536, 10, 1, 5, 2, 1, 3]),
            Pending::countdown(column![19536, 10, 1, 5, 2, 1, 4]),
        ],
        guards: &[Guard {
            column: column![19536, 10, 1, 5, 2, 1, 8],
            of: Of::Outlet,
            good: Good::Values(&[1]),
            says: Says::NoSwitching,
            words: "the outlet says that it is not switchable",
        }],
        one_source: true,
        source: "PANDUIT-MIB of 2022-07-12: status off(1), on(2), pendingOff(3), pendingOn(4); columns for off, on and \
                 reboot that take seconds; indexed by unit and outlet",
        tested_on: "a simulated unit with the same tables",
        ..USUAL
    },
    Family {
        key: "chatsworth",
        name: "Chatsworth eConnect",
        // Recorded is .0.10.43.6.1.4.1: a number that was encoded twice, of which the maker's is cut off. Who gives that
        // could be anybody.
        sys_object_ids: &[enterprise![30932, 1, 1]],
        rows: Rows::OutletMac,
        status: column![30932, 1, 10, 1, 4, 10, 1, 11],
        states: Switched { on: 1, off: 0 },
        commands: Commands::of(column![30932, 1, 10, 1, 4, 10, 1, 11], Switched { on: 1, off: 0 }),
        names: &[column![30932, 1, 10, 1, 4, 10, 1, 4]],
        evidence: &[
            load(column![30932, 1, 10, 1, 4, 10, 1, 6], "a current flows (cpiPduOutletCurrent)"),
            load(column![30932, 1, 10, 1, 4, 10, 1, 8], "it draws power (cpiPduOutletPower)"),
        ],
        one_source: true,
        source: "CPI-UNIFIED-MIB of 2020-12-01: cpiPduOutletControl off(0), on(1) sets or gets the power of an outlet; \
                 cpiPduOutletName; cpiPduOutletCurrent, cpiPduOutletPower; indexed by outlet and the MAC address of the unit \
                 in its chain, which a recorded unit writes as a text of twelve digits in capitals",
        tested_on: "a simulated unit with the same table, numbered as a recorded one",
        ..USUAL
    },
    // At least the PE8208G takes commands by SNMP 3 with authPriv alone: with a community it says notWritable.
    Family {
        key: "aten-pe",
        name: "Aten PE",
        sys_object_ids: &[ATEN],
        mark: Some(Mark { object: enterprise![21317, 1, 3, 2, 2, 2, 2, 2, 0], holds: Holds::Number }),
        rows: Rows::Outlet,
        most: Some(42),
        status: ATEN_PE,
        states: ON_2_OFF_1,
        changing: &[(3, "pending"), (4, "reboot")],
        absent: &[7],
        commands: Commands::of(ATEN_PE, ON_2_OFF_1),
        names: &[column![21317, 1, 3, 2, 2, 2, 2, 10, 1, 2]],
        // A copy of the state. Its further values are numbered otherwise, and leave the state unknown.
        pending: &[Pending {
            column: column![21317, 1, 3, 2, 2, 2, 1, 5, 1, 2],
            yes: Values::Are(&[3]),
            no: Values::Are(&[1, 2]),
            on: Values::Are(&[2]),
            off: Values::Are(&[1]),
            cancel: None,
        }],
        off_delay: Some(column![21317, 1, 3, 2, 2, 2, 2, 10, 1, 5]),
        source: "ATEN-PE-CFG of 2013-10-31: outlet1Status to outlet42Status off(1), on(2), pending(3), reboot(4), fault(5), \
                 noauth(6), not-support(7), pop(8), which take commands, too, and are objects 2 to 9 and 11 to 44: 10 is \
                 the table outletConfigTable; displayOutletStatus off(1), on(2), pending(3); outletName; outletOffDelayTime. \
                 Clients that others wrote for a PE8208G and other units have the same places and values",
        tested_on: "a simulated unit with the same objects; what a recorded unit with 16 outlets tells",
        ..USUAL
    },
    Family {
        key: "aten-pe2",
        name: "Aten PE, stations in a chain",
        sys_object_ids: &[ATEN],
        mark: Some(Mark {
            object: enterprise![21317, 1, 3, 2, 3, 2, 3, 3, 1, 1, 1, 1],
            holds: Holds::Number,
        }),
        rows: Rows::DeviceOutlet,
        most: Some(42),
        status: column![21317, 1, 3, 2, 3, 2, 3, 3, 1, 1],
        states: ON_2_OFF_1,
        changing: &[(3, "pending"), (4, "reboot")],
        absent: &[7],
        commands: Commands::of(column![21317, 1, 3, 2, 3, 2, 3, 3, 1, 1], ON_2_OFF_1),
        names: &[column![21317, 1, 3, 2, 3, 2, 3, 2, 1, 1]],
        guards: &[
            Guard {
                column: column![21317, 1, 3, 2, 3, 2, 3, 1, 1, 3],
                of: Of::Outlet,
                good: Good::Values(&[-2_000_000, 2]),
                says: Says::NoSwitching,
                words: "the outlet is not switchable (outletStatusSwitchable)",
            },
            Guard {
                column: column![21317, 1, 3, 2, 3, 2, 3, 1, 1, 3],
                of: Of::Outlet,
                good: Good::Values(&[-2_000_000, 1, 2]),
                says: Says::NoReading,
                words: "the outlet's station isn't there (outletStatusSwitchable)",
            },
        ],
        off_delay: Some(column![21317, 1, 3, 2, 3, 2, 3, 2, 1, 4]),
        one_source: true,
        source: "ATEN-PE2-CFG 1.1.109 of 2021-11-02: outletControlOperation off(1), on(2), pending(3), reboot(4), fault(5), \
                 noauth(6), not-support(7), pop(8), staNotAvailable(-3000000), which takes commands, too; \
                 outletStatusSwitchable no(1), yes(2), not-support(-2000000), staNotAvailable(-3000000); \
                 outletConfigName, outletConfigOffDelayTime; indexed by station, 1 to 16, and outlet, 1 to 42",
        tested_on: "a simulated unit with the same tables",
        ..USUAL
    },
    gude!("gude-epc1202", "1202", 43: 1, 3, 1, 2, 1; true, " of 2007-03-05"),
    gude!("gude-epc1292", "1292", 50: 1, 3, 1, 2, 1; true, " of 2007-03-05"),
    gude!("gude-epc8221", "8221", 56: 1, 3, 1, 2, 1; true, " of 2007-03-05"),
    gude!("gude-epc8226", "8226", 58: 1, 3, 1, 2, 1; true, " of 2007-03-05"),
    gude!("gude-epc8316", "8316", 64: 1, 3, 1, 2, 1; true, " of 2007-03-05"),
    gude!("gude-epc1104", "1104", 68: 1, 3, 1, 2, 1; false, " of 2007-03-05, and a client that others wrote"),
    gude!("gude-epc1105", "1105", 69: 1, 3, 1, 2, 1; false, " of 2007-03-05, and a client that others wrote"),
    gude!("gude-epc8031", "8031", 81: 1, 3, 1, 2, 1; false, " of 2024-09-24, and a client that others wrote"),
    gude!("gude-epc8041", "8041", 85: 1, 3, 1, 2, 1; false, ", and a client that others wrote"),
    gude!("gude-epc8045", "8045", 87: 1, 3, 1, 2, 1; false, ", and a client that others wrote"),
    gude!(
        "gude-epc8291", "8291", 98: 1, 3, 1, 2, 1;
        false, ", which has fuseblown(2) and error(3), too, and a client that others wrote"
    ),
    gude!("gude-epc8x", "8X", 1: 1, 2, 2, 1; false, " of 2007-03-05, and a client that others wrote"),
    gude!("gude-epc2x6", "2X6", 6: 1, 2, 2, 1; true, " of 2007-03-05"),
    Family {
        on_again: None,
        evidence: &[],
        ..gude!("gude-epc24x", "24X", 5: 1, 1, 2, 1; true, " of 2007-03-05")
    },
    Family {
        key: "baytech",
        name: "BayTech RPC",
        // Only by name: the sysObjectID that is known is the maker's number alone, which says nothing of the unit.
        rows: Rows::DeviceOutlet,
        status: column![4779, 1, 3, 5, 3, 1, 3],
        states: Switched { on: 1, off: 0 },
        changing: &[(2, "reboot")],
        commands: Commands::of(column![4779, 1, 3, 5, 3, 1, 3], Switched { on: 1, off: 0 }),
        names: &[column![4779, 1, 3, 5, 3, 1, 4]],
        source: "Baytech-MIB-403-1: off(0), on(1), reboot(2), lockon(3), lockoff(4), unlock(5), \
                 unknown(6) in the column that takes commands, too; powerman has the same; indexed by module and outlet. \
                 Of sysObjectID only the maker's number, 4779, is known",
        tested_on: "a simulated unit with the same table",
        ..USUAL
    },
];
