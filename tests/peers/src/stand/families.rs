//! The families, with the objects as their MIBs have them.

use super::data::{Column, Commands, Holds, Refusal, Shut, Stand, Words, at};

/// The families that today's agents know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// [`APC_RPDU`].
    ApcRpdu,
    /// [`APC_MASTERSWITCH_PLUS`].
    ApcMasterSwitchPlus,
    /// [`APC_MASTERSWITCH_PLUS_BY_MIB`].
    ApcMasterSwitchPlusByMib,
    /// [`APC_MASTERSWITCH_6`].
    ApcMasterSwitch6,
    /// [`APC_MASTERSWITCH`].
    ApcMasterSwitch,
    /// [`APC_RPDU2`].
    ApcRpdu2,
    /// [`TRIPP_LITE`].
    TrippLite,
    /// [`TRIPP_LITE_LX`].
    TrippLiteLx,
    /// [`PORTS`].
    Ports,
}

impl Family {
    /// All of them that are power units.
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
}

impl From<Family> for &'static Stand {
    fn from(family: Family) -> &'static Stand {
        match family {
            Family::ApcRpdu => &APC_RPDU,
            Family::ApcMasterSwitchPlus => &APC_MASTERSWITCH_PLUS,
            Family::ApcMasterSwitchPlusByMib => &APC_MASTERSWITCH_PLUS_BY_MIB,
            Family::ApcMasterSwitch6 => &APC_MASTERSWITCH_6,
            Family::ApcMasterSwitch => &APC_MASTERSWITCH,
            Family::ApcRpdu2 => &APC_RPDU2,
            Family::TrippLite => &TRIPP_LITE,
            Family::TrippLiteLx => &TRIPP_LITE_LX,
            Family::Ports => &PORTS,
        }
    }
}

/// What all have that don't say otherwise.
const USUAL: Stand = Stand {
    name: "",
    sys_object_id: "",
    base: "",
    outlets: 8,
    text_for_identity: false,
    first_unit: 1,
    branches: None,
    ports: false,
    columns: &[],
};

const PENDING: Holds = Holds::Pending { yes: 1, no: 2 };

// APC, PowerNet-MIB.
const APC: Stand = Stand { base: "1.3.6.1.4.1.318", ..USUAL };
const MASTER_SWITCH: Column = at("1.1.4.4.2.1.3.N", Holds::State(Words::new(1, 2), Commands::new(1, 2)));
const MASTER_SWITCH_PENDING: Column = at("1.1.4.4.2.1.2.N", PENDING);
const MASTER_SWITCH_NAME: Column = at("1.1.4.4.2.1.4.N", Holds::Name);
const RPDU_CONTROL: Column =
    at("1.1.12.3.3.1.1.4.N", Holds::State(Words::new(1, 2), Commands::cancellable(1, 2, 7)));

/// APC Switched Rack PDU of the first generation, with the MasterSwitch table that such units also have.
pub static APC_RPDU: Stand = Stand {
    name: "apc-rpdu",
    sys_object_id: ".1.3.6.1.4.1.318.1.3.4.5",
    columns: &[
        MASTER_SWITCH_PENDING,
        MASTER_SWITCH_NAME,
        MASTER_SWITCH,
        at("1.1.12.3.5.1.1.2.N", Holds::Name),
        at("1.1.12.3.5.1.1.4.N", Holds::state(1, 2)),
        at("1.1.12.3.5.1.1.5.N", PENDING),
        RPDU_CONTROL,
    ],
    ..APC
};

/// APC unit that gives the number of the second generation and has the old tables.
pub static APC_MASTERSWITCH_6: Stand = Stand {
    name: "apc-masterswitch-6",
    sys_object_id: ".1.3.6.1.4.1.318.1.3.4.6",
    columns: &[MASTER_SWITCH_PENDING, MASTER_SWITCH_NAME, MASTER_SWITCH, RPDU_CONTROL],
    ..APC
};

/// APC MasterSwitch.
pub static APC_MASTERSWITCH: Stand = Stand {
    name: "apc-masterswitch",
    sys_object_id: ".1.3.6.1.4.1.318.1.3.4.2",
    columns: &[MASTER_SWITCH_PENDING, MASTER_SWITCH_NAME, MASTER_SWITCH],
    ..APC
};

/// What both numberings share.
const MASTER_SWITCH_PLUS: Stand =
    Stand { name: "apc-masterswitch-plus", sys_object_id: ".1.3.6.1.4.1.318.1.3.4.4", ..APC };

/// APC MasterSwitch Plus with rows numbered `switch.1.outlet`.
pub static APC_MASTERSWITCH_PLUS: Stand = Stand {
    columns: &[
        at("1.1.6.7.1.1.4.U.1.N", Holds::Name),
        at("1.1.6.7.1.1.5.U.1.N", Holds::state(1, 2)),
        at("1.1.6.7.1.1.6.U.1.N", PENDING),
        at("1.1.6.5.1.1.5.U.1.N", Holds::State(Words::new(1, 3), Commands::cancellable(1, 3, 8))),
    ],
    ..MASTER_SWITCH_PLUS
};

/// The same with rows numbered `switch.outlet`, as the MIB says.
pub static APC_MASTERSWITCH_PLUS_BY_MIB: Stand = Stand {
    columns: &[
        at("1.1.6.7.1.1.4.U.N", Holds::Name),
        at("1.1.6.7.1.1.5.U.N", Holds::state(1, 2)),
        at("1.1.6.7.1.1.6.U.N", PENDING),
        at("1.1.6.5.1.1.5.U.N", Holds::State(Words::new(1, 3), Commands::cancellable(1, 3, 8))),
    ],
    ..MASTER_SWITCH_PLUS
};

/// APC Switched Rack PDU of the second generation, with no other tables.
pub static APC_RPDU2: Stand = Stand {
    name: "apc-rpdu2",
    sys_object_id: ".1.3.6.1.4.1.318.1.3.4.6",
    columns: &[
        at("1.1.26.9.2.3.1.3.N", Holds::Name),
        at("1.1.26.9.2.3.1.5.N", Holds::state(2, 1)),
        at("1.1.26.9.2.3.1.6.N", PENDING),
        at("1.1.26.9.2.4.1.5.N", Holds::State(Words::new(1, 2), Commands::cancellable(1, 2, 8))),
    ],
    ..APC
};

/// APC Easy Rack PDU: no names, and commands that tell the state the other way round.
pub static APC_EASY: Stand = Stand {
    name: "apc-easy",
    sys_object_id: ".1.3.6.1.4.1.318.1.3.4.9",
    columns: &[
        at("1.1.30.5.0", Holds::Count),
        at("1.1.30.6.1.1.2.N", Holds::Number(1)),
        at("1.1.30.6.1.1.4.N", Holds::state(2, 1)),
        at("1.1.30.6.2.1.2.N", Holds::Number(1)),
        at("1.1.30.6.2.1.4.N", Holds::State(Words::new(1, 2), Commands::new(1, 2))),
    ],
    ..APC
};

/// Tripp Lite.
pub static TRIPP_LITE: Stand = Stand {
    name: "tripplite",
    sys_object_id: ".1.3.6.1.4.1.850.1",
    base: "1.3.6.1.4.1.850",
    columns: &[
        at("10.2.3.5.1.2.U.N", Holds::state(2, 1)),
        at("10.2.3.5.1.4.U.N", Holds::State(Words::new(2, 1), Commands::new(2, 1))),
        at("10.2.3.5.1.5.U.N", Holds::Name),
    ],
    ..USUAL
};

/// Tripp Lite with the LX card.
pub static TRIPP_LITE_LX: Stand = Stand {
    name: "tripplite-lx",
    sys_object_id: ".1.3.6.1.4.1.850.1.1.1",
    base: "1.3.6.1.4.1.850",
    columns: &[
        at("1.1.3.2.3.3.1.1.2.U.N", Holds::Name),
        at("1.1.3.2.3.3.1.1.4.U.N", Holds::state(2, 1)),
        at("1.1.3.2.3.3.1.1.6.U.N", Holds::State(Words::always(0), Commands::new(2, 1))),
    ],
    ..USUAL
};

/// No power unit: a switch with the interfaces group MIB (RFC 2863), whose ports are the outlets: ifDescr, ifAdminStatus,
/// ifOperStatus; ifName, ifAlias.
pub static PORTS: Stand = Stand {
    name: "ports",
    sys_object_id: ".1.3.6.1.4.1.8072.3.2.10",
    base: "1.3.6.1.2.1",
    ports: true,
    columns: &[
        at("2.2.1.2.N", Holds::Name),
        at("2.2.1.7.N", Holds::Admin(Words::new(1, 2), Commands::new(1, 2))),
        at("2.2.1.8.N", Holds::Oper(Words::new(1, 2))),
        at("31.1.1.1.1.N", Holds::Label("name ")),
        at("31.1.1.1.18.N", Holds::Label("alias ")),
    ],
    ..USUAL
};

/// A switch of Cisco's MDS family, with one module: its Fibre Channel ports (FIBRE-CHANNEL-FE-MIB, RFC 2837), whose module
/// has number 22 and whose rows count from 0, and the same ports as interfaces, beside one that is none. Of the interfaces
/// nothing is writable but what RFC 2863 says.
pub static CISCO_MDS: Stand = Stand {
    name: "cisco-mds",
    sys_object_id: ".1.3.6.1.4.1.9.12.3.1.3.491",
    base: "1.3.6.1.2.1",
    ports: true,
    columns: &[
        at("2.2.1.2.1", Holds::Text("mgmt0")),
        at("2.2.1.2.N+100", Holds::Label("fc1/")),
        at("2.2.1.7.N+100", Holds::Admin(Words::new(1, 2), Commands::new(1, 2))),
        at("2.2.1.8.N+100", Holds::Oper(Words::new(1, 2))),
        at("31.1.1.1.18.N+100", Holds::Name),
        at("75.1.2.2.1.1.U+21.N-1", Holds::Admin(Words::new(1, 2), Commands::new(1, 2))),
        at("75.1.2.2.1.2.U+21.N-1", Holds::Oper(Words::new(1, 2))),
    ],
    ..USUAL
};

/// The same with rows that count from 1, as the text of the RFC can be read.
pub static CISCO_MDS_FROM_1: Stand = Stand {
    name: "cisco-mds-from-1",
    columns: &[
        at("2.2.1.2.N+100", Holds::Label("fc1/")),
        at("2.2.1.7.N+100", Holds::Admin(Words::new(1, 2), Commands::new(1, 2))),
        at("2.2.1.8.N+100", Holds::Oper(Words::new(1, 2))),
        at("31.1.1.1.18.N+100", Holds::Name),
        at("75.1.2.2.1.1.U+21.N", Holds::Admin(Words::new(1, 2), Commands::new(1, 2))),
        at("75.1.2.2.1.2.U+21.N", Holds::Oper(Words::new(1, 2))),
    ],
    ..CISCO_MDS
};

/// Eaton ePDU Managed of the first generation (EATON-EPDU-MA-MIB; rows begin with 0, whatever the MIB's text says).
pub static EATON_MANAGED: Stand = Stand {
    name: "eaton-epdu-ma",
    sys_object_id: ".1.3.6.1.4.1.534.6.6.6",
    base: "1.3.6.1.4.1.534.6.6.6",
    columns: &[
        at("1.2.1.0", Holds::Count),
        at("1.2.2.1.2.N-1", Holds::Name),
        at("1.2.2.1.3.N-1", Holds::State(Words::new(1, 0), Commands::new(1, 0))),
    ],
    ..USUAL
};

/// Eaton ePDU Switched, once Pulizzi (EATON-EPDU-PU-SW-MIB): scalars, and the command for all outlets stands before that
/// for the first.
pub static EATON_SWITCHED: Stand = Stand {
    name: "eaton-pulizzi",
    sys_object_id: ".1.3.6.1.4.1.20677.2",
    base: "1.3.6.1.4.1.20677.2",
    columns: &[
        at("6.1.N.1.0", Holds::Name),
        at("6.2.1.0", Holds::Everything(Commands::new(1, 2))),
        at("6.2.N+1.0", Holds::State(Words::new(1, 2), Commands::new(1, 2))),
        at("6.3.N.0", Holds::state(1, 2)),
    ],
    ..USUAL
};

/// Eaton ePDU G2 and G3 (EATON-EPDU-MIB): the unit itself has number 0; on and off are columns of their own, which take
/// seconds.
pub static EATON_EPDU: Stand = Stand {
    name: "eaton-epdu",
    sys_object_id: ".1.3.6.1.4.1.534.6.6.7",
    base: "1.3.6.1.4.1.534.6.6.7",
    first_unit: 0,
    columns: &[
        at("1.2.1.4.U", Holds::Label("SN")),
        // unitType: switched.
        at("1.2.1.10.U", Holds::Number(1)),
        at("1.2.1.22.U", Holds::Count),
        at("1.2.1.30.U", Holds::Guard(0, Shut::Follows)),
        at("1.2.1.32.U", Holds::Guard(0, Shut::Follows)),
        at("6.1.1.2.U.N", Holds::Label("A")),
        at("6.1.1.3.U.N", Holds::Name),
        at("6.6.1.2.U.N", Holds::State(Words::with_changes(1, 0, 3, 2), Commands::NONE)),
        at("6.6.1.3.U.N", Holds::Countdown { on: false }),
        at("6.6.1.4.U.N", Holds::Countdown { on: true }),
        // A reboot that is to come.
        at("6.6.1.5.U.N", Holds::Register(-1)),
        at("6.6.1.9.U.N", Holds::Guard(1, Shut::Refuses(Refusal::InconsistentValue))),
    ],
    ..USUAL
};

/// Eaton HDX G4 (as NUT has it; no MIB is known). The delays may be written.
pub static EATON_NLOGIC: Stand = Stand {
    name: "eaton-nlogic",
    sys_object_id: ".1.3.6.1.4.1.534.7.1",
    base: "1.3.6.1.4.1.534.7.1.5",
    columns: &[
        at("1.1.2.U.N", Holds::Name),
        at("1.1.5.U.N", Holds::Number(0)),
        at("2.1.1.U.N", Holds::State(Words::with_changes(2, 1, 4, 3), Commands::NONE)),
        at("2.1.6.U.N", Holds::Register(0)),
        at("2.1.7.U.N", Holds::Register(5)),
        at("2.1.8.U.N", Holds::Guard(1, Shut::Refuses(Refusal::InconsistentValue))),
        at("2.1.9.U.N", Holds::Register(0)),
        at("2.1.10.U.N", Holds::State(Words::with_changes(2, 1, 4, 3), Commands::new(2, 1))),
    ],
    ..USUAL
};

/// Liebert MPX and MPH (LIEBERT-GP-PDU-MIB), once Emerson's, now Vertiv's: rows by unit, branch and receptacle. There is a
/// value for off that is going to be on, and none for the reverse.
pub static LIEBERT_MPX: Stand = Stand {
    name: "liebert-mpx",
    sys_object_id: ".1.3.6.1.4.1.476.1.42",
    base: "1.3.6.1.4.1.476.1.42.3.8.50.20.1",
    branches: Some(2),
    columns: &[
        at("10.U.B.N", Holds::Name),
        at("25.U.B.N", Holds::Label("Receptacle ")),
        at("50.U.B.N", Holds::Guard(3, Shut::Ignores)),
        at("95.U.B.N", Holds::State(Words { on: 2, off: 1, to_on: Some(3), to_off: None }, Commands::NONE)),
        at("100.U.B.N", Holds::State(Words::new(1, 0), Commands::new(1, 0))),
        at("105.U.B.N", Holds::Guard(1, Shut::Refuses(Refusal::InconsistentValue))),
        at("225.U.B.N", Holds::Number(0)),
    ],
    ..USUAL
};

/// Avocent PM (PM-MIB): rows by serial port, unit and outlet. Some firmware answers for outlet 0.
pub static AVOCENT_PM: Stand = Stand {
    name: "avocent-pm",
    sys_object_id: ".1.3.6.1.4.1.10418.17.1.7",
    base: "1.3.6.1.4.1.10418.17.2.5.5.1",
    branches: Some(2),
    columns: &[
        at("4.U.B.N", Holds::Name),
        at("4.U.B.0", Holds::Unlisted(0)),
        // offPendingOn and onPendingOff.
        at("5.U.B.N", Holds::State(Words::with_changes(2, 1, 7, 6), Commands::NONE)),
        at("5.U.B.0", Holds::Unlisted(0)),
        at("6.U.B.N", Holds::State(Words::always(1), Commands::new(2, 3))),
        // The delays after on and off.
        at("9.U.B.N", Holds::Register(0)),
        at("10.U.B.N", Holds::Register(0)),
        at("50.U.B.N", Holds::Number(0)),
        at("100.U.B.N", Holds::Register(160)),
    ],
    ..USUAL
};

/// Raritan PX2 and later (PDU2-MIB): the state is that of a sensor, the command isn't.
pub static RARITAN_PDU2: Stand = Stand {
    name: "raritan-pdu2",
    sys_object_id: ".1.3.6.1.4.1.13742.6",
    base: "1.3.6.1.4.1.13742.6",
    columns: &[
        at("3.2.2.1.4.U", Holds::Count),
        at("3.5.3.1.2.U.N", Holds::Label("")),
        at("3.5.3.1.3.U.N", Holds::Name),
        at("3.5.3.1.28.U.N", Holds::Guard(1, Shut::Refuses(Refusal::InconsistentValue))),
        at("4.1.2.1.2.U.N", Holds::State(Words::new(1, 0), Commands::new(1, 0))),
        at("4.1.2.1.3.U.N", Holds::state(7, 8)),
        // The same state as that of a sensor, onOff(14).
        at("5.4.3.1.3.U.N.14", Holds::state(7, 8)),
    ],
    ..USUAL
};

/// IBM iPDU with the layout of old firmware (IBM-PDU-MIB): the state is column 11.
pub static IPDU_OLD: Stand = Stand {
    name: "ibm-ipdu-old",
    sys_object_id: ".1.3.6.1.4.1.2.6.223",
    base: "1.3.6.1.4.1.2.6.223",
    columns: &[
        at("7.3.0", Holds::Text("OPDP_sIBM_v01.3_1")),
        at("8.2.1.0", Holds::Count),
        at("8.2.2.1.2.N", Holds::Name),
        at("8.2.2.1.7.N", Holds::Number(0)),
        at("8.2.2.1.8.N", Holds::Number(16_000)),
        at("8.2.2.1.9.N", Holds::Register(8_000)),
        at("8.2.2.1.10.N", Holds::Register(10_000)),
        at("8.2.2.1.11.N", IPDU_STATE),
        at("8.2.2.1.12.N", Holds::Number(0)),
        at("8.2.2.1.13.N", Holds::Number(0)),
    ],
    ..USUAL
};

/// The same with the layout of new firmware: the state is column 13, and column 11 a threshold that may be written.
pub static IPDU_NEW: Stand = Stand {
    name: "ibm-ipdu-new",
    sys_object_id: ".1.3.6.1.4.1.2.6.223",
    base: "1.3.6.1.4.1.2.6.223",
    columns: &[
        at("7.3.0", Holds::Text("OPDP_sLEN_v02.0_1")),
        at("8.2.1.0", Holds::Count),
        at("8.2.2.1.2.N", Holds::Name),
        at("8.2.2.1.7.N", Holds::Number(0)),
        at("8.2.2.1.8.N", Holds::Number(230_000)),
        at("8.2.2.1.9.N", Holds::Number(0)),
        at("8.2.2.1.10.N", Holds::Number(16_000)),
        at("8.2.2.1.11.N", Holds::Register(6_000)),
        at("8.2.2.1.12.N", Holds::Register(8_000)),
        at("8.2.2.1.13.N", IPDU_STATE),
        at("8.2.2.1.14.N", Holds::Number(0)),
        at("8.2.2.1.15.N", Holds::Number(0)),
        at("8.2.2.1.16.N", Holds::Register(0)),
    ],
    ..USUAL
};

const IPDU_STATE: Holds = Holds::State(Words::new(1, 0), Commands::new(1, 0));

/// Lindy's and other power units of DigiPower (DigiPower-PDU-MIB): one text with the states of all outlets.
pub static LINDY: Stand = Stand {
    name: "lindy",
    sys_object_id: ".1.3.6.1.4.1.17420",
    base: "1.3.6.1.4.1.17420",
    columns: &[
        at("1.2.5.0", Holds::Units),
        at("1.2.9.U.13.0", Holds::List),
        at("1.2.9.U.14.N.0", Holds::NameAnd(",0,0,0,0")),
        at("1.2.9.U.21.0", Holds::Text("0,0,0,0,0,0,0,0")),
        at("1.2.9.U.22.0", Holds::Text("0,0,0,0,0,0,0,0")),
    ],
    ..USUAL
};

/// IBM BladeCenter's management module (BLADE-MIB): what is read in the column of commands means nothing.
pub static IBM_BLADE: Stand = Stand {
    name: "ibm-blade",
    sys_object_id: ".1.3.6.1.4.1.2.6.158.5",
    base: "1.3.6.1.4.1.2.3.51.2.22.1",
    columns: &[
        at("5.1.1.4.N", Holds::state(1, 0)),
        at("6.1.1.3.N", Holds::Guard(1, Shut::Refuses(Refusal::WrongValue))),
        at("6.1.1.4.N", Holds::state(1, 0)),
        at("6.1.1.6.N", Holds::Name),
        at("6.1.1.7.N", Holds::State(Words::always(0), Commands::new(1, 0))),
    ],
    ..USUAL
};

/// Intel Modular Server (INTELCORPORATION-MULTI-FLEX-SERVER-BLADES-MIB): off is commanded with another value than it reads.
pub static INTEL_MODULAR: Stand = Stand {
    name: "intel-modular",
    sys_object_id: ".1.3.6.1.4.1.343.2.19.1.2",
    base: "1.3.6.1.4.1.343.2.19.1.2.10.202.1.1",
    columns: &[
        at("2.N", Holds::Guard(1, Shut::Refuses(Refusal::WrongValue))),
        at("6.N", Holds::State(Words::new(2, 0), Commands::new(2, 3))),
    ],
    ..USUAL
};

/// Server Technology Sentry4 (Sentry4-MIB): rows by unit, cord and outlet. An outlet that may not be switched takes commands
/// and does nothing.
pub static SENTRY4: Stand = Stand {
    name: "sentry4",
    sys_object_id: ".1.3.6.1.4.1.1718.4",
    base: "1.3.6.1.4.1.1718.4.1.8",
    branches: Some(2),
    columns: &[
        at("2.1.2.U.B.N", Holds::Label("AA")),
        at("2.1.3.U.B.N", Holds::Name),
        // Capabilities: switched.
        at("2.1.5.U.B.N", Holds::Bytes("80")),
        at("3.1.1.U.B.N", Holds::state(1, 2)),
        at("3.1.2.U.B.N", Holds::Guard(0, Shut::Follows)),
        at("5.1.1.U.B.N", Holds::State(Words::with_changes(11, 10, 8, 9), Commands::NONE)),
        at("5.1.2.U.B.N", Holds::State(Words::always(0), Commands::new(1, 2))),
    ],
    ..USUAL
};

/// Vertiv's Geist units (VERTIV-V5-MIB).
pub static VERTIV_V5: Stand = Stand {
    name: "vertiv-v5",
    sys_object_id: ".1.3.6.1.4.1.21239.42.1.52",
    base: "1.3.6.1.4.1.21239.5.2.3.5.1",
    columns: &[
        at("2.N", Holds::Label("Outlet ")),
        at("3.N", Holds::Name),
        at("4.N", Holds::State(Words::with_changes(1, 2, 4, 3), Commands::NONE)),
        // Relay failure: false.
        at("5.N", Holds::Guard(2, Shut::Follows)),
        at("6.N", Holds::State(Words::always(8), Commands::cancellable(2, 4, 1))),
    ],
    ..USUAL
};

/// Raritan Dominion PX (PDU-MIB).
pub static RARITAN_PX1: Stand = Stand {
    name: "raritan-px1",
    sys_object_id: ".1.3.6.1.4.1.13742.4",
    base: "1.3.6.1.4.1.13742.4",
    columns: &[
        at("1.2.1.0", Holds::Count),
        at("1.2.2.1.2.N", Holds::Name),
        at("1.2.2.1.3.N", Holds::State(Words::new(1, 0), Commands::new(1, 0))),
    ],
    ..USUAL
};

/// Server Technology Sentry3 (Sentry3-MIB): rows by tower, infeed and outlet.
pub static SENTRY3: Stand = Stand {
    name: "sentry3",
    sys_object_id: ".1.3.6.1.4.1.1718.3",
    base: "1.3.6.1.4.1.1718.3.2.3.1",
    branches: Some(2),
    columns: &[
        at("2.U.B.N", Holds::Label("AA")),
        at("3.U.B.N", Holds::Name),
        // Capabilities: onSense, powerControl.
        at("4.U.B.N", Holds::Bytes("a0 00")),
        at("5.U.B.N", Holds::state(1, 0)),
        at("10.U.B.N", Holds::State(Words::with_changes(1, 0, 10, 11), Commands::NONE)),
        at("11.U.B.N", Holds::State(Words::always(0), Commands::new(1, 2))),
    ],
    ..USUAL
};

/// Bachmann BlueNet2 (BACHMANN-BLUENET2-MIB): rows by device, circuit, phase and socket. The sockets of group 1 are all of
/// them, and there are lamps that take the same values.
pub static BACHMANN: Stand = Stand {
    name: "bachmann",
    sys_object_id: ".1.3.6.1.4.1.8072.3.2.10",
    base: "1.3.6.1.4.1.31770.2.2",
    branches: Some(3),
    columns: &[
        at("6.5.1.7.U.1.B.N", Holds::Label("Socket ")),
        at("6.5.1.8.U.1.B.N", Holds::Name),
        // On, off, and onGoingSwitch.
        at("6.5.1.11.U.1.B.N", Holds::State(Words::with_changes(19, 20, 38, 38), Commands::NONE)),
        at("6.5.1.12.U.1.B.N", Holds::State(Words::new(1, 2), Commands::new(1, 2))),
        at("6.5.1.13.U.1.B.N", Holds::Register(2)),
        at("7.2.1.8.1", Holds::Everything(Commands::new(1, 2))),
        at("7.2.1.9.1", Holds::Register(2)),
    ],
    ..USUAL
};

/// Riedo UPDU (RNX-UPDU-MIB): rows by module, of which the first is number 0, and relay. What is set and what is so are two
/// columns.
pub static RIEDO_UPDU: Stand = Stand {
    name: "riedo-updu",
    sys_object_id: ".1.3.6.1.4.1.55108.1",
    base: "1.3.6.1.4.1.55108.1",
    first_unit: 0,
    columns: &[
        at("4.1.1.2.U.N", Holds::Name),
        at("4.1.1.3.U.N", Holds::State(Words::with_changes(1, 0, 1, 0), Commands::new(1, 0))),
        at("4.1.1.4.U.N", Holds::state(1, 0)),
        at("4.1.1.5.U.N", Holds::Guard(0, Shut::Follows)),
    ],
    ..USUAL
};

/// NETIO (NETIO-PRODUCTS-NETIO-MIB).
pub static NETIO: Stand = Stand {
    name: "netio",
    sys_object_id: ".1.3.6.1.4.1.47952.1",
    base: "1.3.6.1.4.1.47952.1.1.1",
    columns: &[
        at("2.N", Holds::Name),
        at("3.N", Holds::state(1, 0)),
        // Idle.
        at("5.N", Holds::State(Words::always(5), Commands::new(1, 0))),
        at("25.N", Holds::Number(0)),
        at("28.N", Holds::Number(0)),
    ],
    ..USUAL
};

/// CyberPower (CPS-MIB), the older of its two trees.
pub static CYBERPOWER: Stand = Stand {
    name: "cyberpower",
    sys_object_id: ".1.3.6.1.4.1.3808.1.1.3",
    base: "1.3.6.1.4.1.3808.1.1.3.3",
    columns: &[
        at("3.1.1.4.N", Holds::State(Words::new(1, 2), Commands::cancellable(1, 2, 7))),
        at("5.1.1.2.N", Holds::Name),
        at("5.1.1.4.N", Holds::state(1, 2)),
        at("5.1.1.5.N", PENDING),
    ],
    ..USUAL
};

/// CyberPower's newer tree (CPS-MIB, ePDU2): what can be configured stands beside what is told, and the outlets of the
/// older tree below another number.
pub static CYBERPOWER_2: Stand = Stand {
    name: "cyberpower-2",
    sys_object_id: ".1.3.6.1.4.1.3808.1.1.6",
    base: "1.3.6.1.4.1.3808.1.1.6.6.1",
    columns: &[
        at("1.0", Holds::Count),
        // The delays of the configuration.
        at("2.1.5.N", Holds::Register(0)),
        at("2.1.6.N", Holds::Register(0)),
        at("2.1.7.N", Holds::Register(5)),
        at("4.1.2.N", Holds::Number(1)),
        at("4.1.4.N", Holds::Name),
        at("4.1.5.N", Holds::state(1, 2)),
        at("4.1.6.N", PENDING),
        at("5.1.2.N", Holds::Number(1)),
        at("5.1.5.N", Holds::State(Words::new(1, 2), Commands::cancellable(1, 2, 7))),
    ],
    ..USUAL
};

/// HPE G3 (CPQPOWER-MIB, pdu3), as recorded: sysObjectID is a text, the unit has number 1, and the table goes on after the
/// last outlet with rows that hold 0.
pub static HPE_PDU3: Stand = Stand {
    name: "hpe-pdu3",
    sys_object_id: ".1.3.6.1.4.1.232.165.11",
    text_for_identity: true,
    base: "1.3.6.1.4.1.232.165.11",
    columns: &[
        // Controllable: yes.
        at("1.2.1.10.U", Holds::Guard(1, Shut::Ignores)),
        at("1.2.1.13.U", Holds::Count),
        at("5.1.1.2.U.N", Holds::Name),
        at("5.1.1.2.U.48", Holds::Bytes("00 00 00 00 00 00 00 00")),
        at("5.2.1.1.U.N", Holds::State(Words::with_changes(2, 1, 4, 3), Commands::NONE)),
        at("5.2.1.1.U.48", Holds::Number(0)),
        at("5.2.1.2.U.N", Holds::Countdown { on: false }),
        at("5.2.1.2.U.48", Holds::Register(-1)),
        at("5.2.1.3.U.N", Holds::Countdown { on: true }),
        at("5.2.1.3.U.48", Holds::Register(-1)),
        // A reboot that is to come.
        at("5.2.1.4.U.N", Holds::Register(-1)),
        // What it is after a loss of power, and delays.
        at("5.2.1.5.U.N", Holds::Register(3)),
        at("5.2.1.6.U.N", Holds::Register(1)),
        at("5.2.1.8.U.N", Holds::Guard(1, Shut::Refuses(Refusal::InconsistentValue))),
    ],
    ..USUAL
};

/// HPE G2 (CPQPOWER-MIB): the unit itself has number 0.
pub static HPE_PDU2: Stand = Stand {
    name: "hpe-pdu2",
    sys_object_id: ".1.3.6.1.4.1.232.165.7",
    base: "1.3.6.1.4.1.232.165.7.5",
    first_unit: 0,
    columns: &[
        at("1.1.2.U.N", Holds::Name),
        at("2.1.1.U.N", Holds::State(Words::with_changes(2, 1, 4, 3), Commands::NONE)),
        at("2.1.2.U.N", Holds::Countdown { on: false }),
        at("2.1.3.U.N", Holds::Countdown { on: true }),
        // A reboot that is to come.
        at("2.1.4.U.N", Holds::Register(-1)),
        at("2.1.8.U.N", Holds::Guard(1, Shut::Refuses(Refusal::InconsistentValue))),
    ],
    ..USUAL
};

/// Enlogic (ENLOGIC-PDU2-MIB).
pub static ENLOGIC: Stand = Stand {
    name: "enlogic",
    sys_object_id: ".1.3.6.1.4.1.38446.1",
    base: "1.3.6.1.4.1.38446.1.5",
    columns: &[
        at("4.1.3.U.N", Holds::Name),
        at("4.1.4.U.N", Holds::state(1, 0)),
        // delayedOff(3) and delayedOn(4), while one is to come.
        at("5.1.4.U.N", Holds::State(Words::with_changes(2, 1, 4, 3), Commands::new(2, 1))),
    ],
    ..USUAL
};

/// Panduit G5 (PANDUIT-MIB).
pub static PANDUIT_G5: Stand = Stand {
    name: "panduit-g5",
    sys_object_id: ".1.3.6.1.4.1.19536.10.1",
    base: "1.3.6.1.4.1.19536.10.1.5",
    columns: &[
        at("1.1.2.U.N", Holds::Name),
        at("2.1.1.U.N", Holds::State(Words::with_changes(2, 1, 4, 3), Commands::NONE)),
        at("2.1.2.U.N", Holds::Countdown { on: false }),
        at("2.1.3.U.N", Holds::Countdown { on: true }),
        // A reboot that is to come.
        at("2.1.4.U.N", Holds::Register(-1)),
        at("2.1.8.U.N", Holds::Guard(1, Shut::Refuses(Refusal::InconsistentValue))),
    ],
    ..USUAL
};

/// Chatsworth eConnect (CPI-UNIFIED-MIB): rows by outlet and the MAC address of its unit in the chain. The column that
/// takes commands tells the state, too.
pub static CHATSWORTH: Stand = Stand {
    name: "chatsworth",
    sys_object_id: ".1.3.6.1.4.1.30932.1.1",
    base: "1.3.6.1.4.1.30932.1.10.1.4",
    columns: &[
        at("10.1.4.N.M", Holds::Name),
        at("10.1.6.N.M", Holds::Number(0)),
        at("10.1.7.N.M", Holds::Number(2_072)),
        at("10.1.8.N.M", Holds::Number(0)),
        at("10.1.11.N.M", Holds::State(Words::new(1, 0), Commands::new(1, 0))),
        // A reset.
        at("10.1.12.N.M", Holds::Register(0)),
        // The delay before on.
        at("210.1.3.N.M", Holds::Register(0)),
    ],
    ..USUAL
};

/// Aten PE (ATEN-PE-CFG): each outlet's state is an object of its own, with the table of what can be configured in their
/// midst; the state of 42 outlets is told, and those that aren't there say so. A copy of the states numbers what is
/// neither on nor off in another way.
pub static ATEN_PE: Stand = Stand {
    name: "aten-pe",
    sys_object_id: ".1.3.6.1.4.1.21317",
    base: "1.3.6.1.4.1.21317.1.3.2.2.2",
    outlets: 12,
    columns: &[
        at("1.5.1.2.N", Holds::State(Words::with_changes(2, 1, 3, 3), Commands::NONE)),
        at("1.5.1.2.13", Holds::Number(6)),
        at("1.8.0", Holds::Everything(Commands::new(2, 1))),
        at("1.9.0", Holds::Register(1)),
        at("2.[2 3 4 5 6 7 8 9 11 12 13 14].0", ATEN_STATE),
        at("2.15.0", Holds::Register(7)),
        at("2.44.0", Holds::Register(7)),
        at("2.1.1.6.N", Holds::Number(18)),
        at("2.10.1.2.N", Holds::Name),
        at("2.10.1.2.13", Holds::Text("n/a")),
        // Confirmation, the delays for on and off, and how it is shut down.
        at("2.10.1.3.N", Holds::Register(1)),
        at("2.10.1.4.N", Holds::Register(0)),
        at("2.10.1.5.N", Holds::Register(0)),
        at("2.10.1.6.N", Holds::Register(1)),
    ],
    ..USUAL
};

const ATEN_STATE: Holds = Holds::State(Words::with_changes(2, 1, 3, 3), Commands::new(2, 1));

/// Aten PE with stations in a chain (ATEN-PE2-CFG).
pub static ATEN_PE2: Stand = Stand {
    name: "aten-pe2",
    sys_object_id: ".1.3.6.1.4.1.21317",
    base: "1.3.6.1.4.1.21317.1.3.2.3.2",
    columns: &[
        // All outlets of a station, and those of its bank.
        at("1.3.1.1.U", Holds::Everything(Commands::new(2, 1))),
        at("2.3.1.1.U.1", Holds::Everything(Commands::new(2, 1))),
        // Switchable: yes.
        at("3.1.1.3.U.N", Holds::Guard(2, Shut::Refuses(Refusal::WrongValue))),
        at("3.2.1.1.U.N", Holds::Name),
        // The delays for on and off.
        at("3.2.1.3.U.N", Holds::Register(0)),
        at("3.2.1.4.U.N", Holds::Register(0)),
        at("3.3.1.1.U.N", ATEN_STATE),
    ],
    ..USUAL
};

/// A product of Gude's (GUDEADS-…-MIB): all have the same table, each in another place. Beside the state, the name and what
/// becomes of the port after a loss of power can be set.
const fn gude(name: &'static str, sys_object_id: &'static str, base: &'static str, outlets: u32) -> Stand {
    Stand { name, sys_object_id, base, outlets, columns: GUDE_PORTS, ..USUAL }
}

/// The 24X has no more than these.
const GUDE_24X_PORTS: &[Column] = &[
    at("2.N", Holds::Name),
    at("3.N", Holds::State(Words::new(1, 0), Commands::new(1, 0))),
    at("4.N", Holds::Number(17)),
];

const GUDE_PORTS: &[Column] = &[
    at("2.N", Holds::Name),
    at("3.N", Holds::State(Words::new(1, 0), Commands::new(1, 0))),
    at("4.N", Holds::Number(17)),
    at("5.N", Holds::Register(0)),
    at("6.N", Holds::Register(0)),
    at("7.N", Holds::Register(0)),
];

/// Gude's products. The first ones have several outlets.
pub static GUDE: [Stand; 14] = [
    gude("gude-epc8x", ".1.3.6.1.4.1.28507.1", "1.3.6.1.4.1.28507.1.1.2.2.1", 8),
    gude("gude-epc8221", ".1.3.6.1.4.1.28507.56", "1.3.6.1.4.1.28507.56.1.3.1.2.1", 12),
    Stand {
        columns: GUDE_24X_PORTS,
        ..gude("gude-epc24x", ".1.3.6.1.4.1.28507.5", "1.3.6.1.4.1.28507.5.1.1.2.1", 24)
    },
    gude("gude-epc2x6", ".1.3.6.1.4.1.28507.6", "1.3.6.1.4.1.28507.6.1.2.2.1", 12),
    gude("gude-epc1202", ".1.3.6.1.4.1.28507.43", "1.3.6.1.4.1.28507.43.1.3.1.2.1", 4),
    gude("gude-epc1292", ".1.3.6.1.4.1.28507.50", "1.3.6.1.4.1.28507.50.1.3.1.2.1", 4),
    gude("gude-epc8226", ".1.3.6.1.4.1.28507.58", "1.3.6.1.4.1.28507.58.1.3.1.2.1", 12),
    gude("gude-epc8316", ".1.3.6.1.4.1.28507.64", "1.3.6.1.4.1.28507.64.1.3.1.2.1", 8),
    gude("gude-epc8031", ".1.3.6.1.4.1.28507.81", "1.3.6.1.4.1.28507.81.1.3.1.2.1", 8),
    gude("gude-epc8041", ".1.3.6.1.4.1.28507.85", "1.3.6.1.4.1.28507.85.1.3.1.2.1", 12),
    gude("gude-epc8045", ".1.3.6.1.4.1.28507.87", "1.3.6.1.4.1.28507.87.1.3.1.2.1", 12),
    gude("gude-epc8291", ".1.3.6.1.4.1.28507.98", "1.3.6.1.4.1.28507.98.1.3.1.2.1", 21),
    gude("gude-epc1104", ".1.3.6.1.4.1.28507.68", "1.3.6.1.4.1.28507.68.1.3.1.2.1", 1),
    gude("gude-epc1105", ".1.3.6.1.4.1.28507.69", "1.3.6.1.4.1.28507.69.1.3.1.2.1", 1),
];

/// BayTech (Baytech-MIB-403-1).
pub static BAYTECH: Stand = Stand {
    name: "baytech",
    sys_object_id: ".1.3.6.1.4.1.4779",
    base: "1.3.6.1.4.1.4779.1.3.5.3.1",
    columns: &[at("3.U.N", Holds::State(Words::new(1, 0), Commands::new(1, 0))), at("4.U.N", Holds::Name)],
    ..USUAL
};

impl Stand {
    /// Every family, those among them that today's agents know.
    pub const EVERY: &[&'static Stand] = &[
        &APC_RPDU,
        &APC_MASTERSWITCH_PLUS,
        &APC_MASTERSWITCH_PLUS_BY_MIB,
        &APC_MASTERSWITCH_6,
        &APC_MASTERSWITCH,
        &APC_RPDU2,
        &APC_EASY,
        &TRIPP_LITE,
        &TRIPP_LITE_LX,
        &EATON_MANAGED,
        &EATON_SWITCHED,
        &EATON_EPDU,
        &EATON_NLOGIC,
        &LIEBERT_MPX,
        &AVOCENT_PM,
        &RARITAN_PDU2,
        &IPDU_OLD,
        &IPDU_NEW,
        &LINDY,
        &IBM_BLADE,
        &INTEL_MODULAR,
        &SENTRY4,
        &BACHMANN,
        &RIEDO_UPDU,
        &NETIO,
        &VERTIV_V5,
        &RARITAN_PX1,
        &SENTRY3,
        &CYBERPOWER,
        &CYBERPOWER_2,
        &HPE_PDU2,
        &HPE_PDU3,
        &ENLOGIC,
        &PANDUIT_G5,
        &CHATSWORTH,
        &ATEN_PE,
        &ATEN_PE2,
        &GUDE[0],
        &BAYTECH,
    ];
}
