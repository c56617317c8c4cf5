//! What is fenced in a run: which device, by which agent, and what of its own can go wrong with it.

use std::fmt;

use crate::faults::Dice;
use crate::snmp::Family;
use crate::stand::{
    BACHMANN, BAYTECH, CISCO_MDS, CISCO_MDS_FROM_1, Column, EATON_EPDU, EATON_MANAGED, EATON_NLOGIC,
    EATON_SWITCHED, ENLOGIC, Holds, IBM_BLADE, INTEL_MODULAR, IPDU_NEW, IPDU_OLD, LIEBERT_MPX, LINDY, NETIO,
    RARITAN_PDU2, RARITAN_PX1, RIEDO_UPDU, SENTRY3, SENTRY4, Shut, Stand, TRIPP_LITE, Words,
};

/// A device and the agent that fences it.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    pub agent: &'static str,
    pub stand: &'static Stand,
    /// How its plugs are numbered.
    pub numbers: Numbers,
    /// Whether a plug may be the name that the device tells.
    pub names: bool,
    /// What the agent is told of the family, where the device can't tell it.
    pub family: Option<&'static str>,
}

/// Without all that a stand has.
impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unit { agent, stand, family, .. } = self;
        write!(f, "{agent} on {}, family {family:?}", stand.name)
    }
}

/// How a plug is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// `N`.
    Outlet,
    /// `U:N`, or `N` on the first unit.
    Unit,
    /// `U.B.N`.
    Branch,
    /// `U.1.P.N`: the phases of the only circuit.
    Phase,
    /// `fcU/N`.
    Port,
}

/// A word of the device on whether its states and its switching can be relied on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub object: String,
    /// What it says when they can't.
    pub value: i64,
    /// Whether the states themselves aren't true then.
    pub untrue: bool,
}

/// The agents beside those of [`Unit::today`], with their devices.
const AGENTS: &[(&str, &[&Stand])] = &[
    ("fence_eaton_snmp", &[&EATON_MANAGED, &EATON_SWITCHED, &EATON_EPDU]),
    ("fence_emerson", &[&LIEBERT_MPX]),
    ("fence_ipdu", &[&IPDU_OLD, &IPDU_NEW]),
    ("fence_ibmblade", &[&IBM_BLADE]),
    ("fence_intelmodular", &[&INTEL_MODULAR]),
    ("fence_cisco_mds", &[&CISCO_MDS]),
    ("fence_lindypdu", &[&LINDY]),
    // All that have rows in the table of families.
    ("fence_snmp_pdu", &[]),
];

/// Agents whose devices tell no names.
const NAMELESS: [&str; 2] = [INTEL_MODULAR.name, CISCO_MDS.name];

/// Devices that don't say to everybody what they are.
const UNRECOGNISED: [&str; 6] =
    [BAYTECH.name, INTEL_MODULAR.name, EATON_NLOGIC.name, BACHMANN.name, RIEDO_UPDU.name, NETIO.name];

/// Other layouts of the same objects, or other objects of the same maker, that a device may have after another start.
const LAYOUTS: &[(&Stand, &[&Stand])] = &[
    (&IPDU_OLD, &[&IPDU_NEW]),
    (&IPDU_NEW, &[&IPDU_OLD]),
    (&CISCO_MDS, &[&CISCO_MDS_FROM_1]),
    (&EATON_MANAGED, &[&EATON_SWITCHED, &EATON_EPDU]),
    (&EATON_SWITCHED, &[&EATON_MANAGED]),
    (&EATON_EPDU, &[&EATON_MANAGED]),
    (&SENTRY3, &[&SENTRY4]),
    (&SENTRY4, &[&SENTRY3]),
    (&RARITAN_PX1, &[&RARITAN_PDU2]),
    (&RARITAN_PDU2, &[&RARITAN_PX1]),
];

/// Words beside those that are a stand's guards: column, value, and whether the states aren't true then.
const WORDS: &[(&str, &str, i64, bool)] = &[
    (EATON_EPDU.name, "1.2.1.10.U", 2, false),
    // Locked; unknown, or about to be on.
    (SENTRY3.name, "10.U.B.N", 6, false),
    (SENTRY3.name, "10.U.B.N", 1, true),
    (SENTRY4.name, "5.1.1.U.B.N", 14, false),
    (SENTRY4.name, "5.1.1.U.B.N", 3, true),
    (ENLOGIC.name, "5.1.4.U.N", 7, true),
];

impl Unit {
    /// The devices of the agents that the field has always had: power units of APC and Tripp Lite, or a switch.
    pub fn today(dice: &mut Dice) -> Unit {
        let ports = dice.chance(35);
        let family = if ports { Family::Ports } else { *dice.pick(&Family::ALL) };
        let rows = matches!(
            family,
            Family::ApcMasterSwitchPlus | Family::ApcMasterSwitchPlusByMib | Family::TrippLiteLx
        );
        Unit {
            agent: if ports { "fence_ifmib" } else { "fence_apc_snmp" },
            stand: family.into(),
            numbers: if rows { Numbers::Unit } else { Numbers::Outlet },
            names: true,
            family: None,
        }
    }

    /// A device of one of the further agents.
    pub fn further(dice: &mut Dice) -> Unit {
        let (agent, stands) = dice.pick(AGENTS);
        let everywhere: Vec<&'static Stand>;
        let stands = match stands {
            [] => {
                everywhere = Stand::EVERY.iter().copied().filter(|stand| stand.name != LINDY.name).collect();
                everywhere.as_slice()
            }
            stands => stands,
        };
        let stand: &'static Stand = dice.pick::<&Stand>(stands);
        // The older Tripp Lite numbers outlets through, whatever its objects look like.
        let by = |arcs| {
            let mut columns = stand.columns.iter();
            columns.any(|column| matches!(column.holds, Holds::State(..)) && column.object.contains(arcs))
        };
        let units = by(".U.") && stand.name != TRIPP_LITE.name;
        let told = *agent == "fence_snmp_pdu" && (UNRECOGNISED.contains(&stand.name) || dice.chance(30));
        Unit {
            agent,
            stand,
            numbers: match () {
                () if stand.ports => Numbers::Port,
                () if by(".U.1.B.") => Numbers::Phase,
                () if stand.branches.is_some() => Numbers::Branch,
                () if units => Numbers::Unit,
                () => Numbers::Outlet,
            },
            names: !NAMELESS.contains(&stand.name),
            family: told.then_some(stand.name),
        }
    }

    /// The names of the further agents.
    pub fn further_agents() -> Vec<&'static str> {
        AGENTS.iter().map(|(agent, _)| *agent).collect()
    }

    /// Whether it is one of those with troubles of their own.
    pub fn is_further(&self) -> bool {
        AGENTS.iter().any(|(agent, _)| *agent == self.agent)
    }

    /// Whether each command says something of every outlet.
    pub fn writes_all(&self) -> bool {
        self.stand.columns.iter().any(|column| column.holds == Holds::List)
    }

    /// How many groups of outlets it may have.
    pub fn most_groups(&self) -> u32 {
        match self.numbers {
            Numbers::Unit | Numbers::Branch | Numbers::Phase => 2,
            Numbers::Outlet | Numbers::Port => 1,
        }
    }

    /// How the plug at a place is written.
    pub fn plug(&self, (group, outlet): (u32, u32)) -> String {
        match self.numbers {
            Numbers::Outlet => outlet.to_string(),
            Numbers::Unit => format!("{group}:{outlet}"),
            Numbers::Branch => {
                let (unit, branch) = self.stand.unit_and_branch(group);
                format!("{unit}.{branch}.{outlet}")
            }
            Numbers::Phase => {
                let (unit, phase) = self.stand.unit_and_branch(group);
                format!("{unit}.1.{phase}.{outlet}")
            }
            Numbers::Port => format!("fc{group}/{outlet}"),
        }
    }

    /// What the outlet at a place is called.
    pub fn name(&self, (group, outlet): (u32, u32)) -> String {
        match group == self.stand.first_unit {
            true => format!("outlet {outlet}"),
            false => format!("outlet {group}:{outlet}"),
        }
    }

    /// The values of its states.
    pub fn words(&self) -> Words {
        let words = |column: &Column| match column.holds {
            Holds::State(words, _) | Holds::Admin(words, _) if words.on != words.off => Some(words),
            _ => None,
        };
        // A column of states that can only be read is the one that counts, where there is one.
        let read = self.stand.columns.iter().find(|column| {
            matches!(column.holds, Holds::State(words, commands) if words.on != words.off && !commands.any())
        });
        read.and_then(words).or_else(|| self.stand.columns.iter().find_map(words)).unwrap_or(Words::new(1, 0))
    }

    /// A layout that it may change to.
    pub fn another_layout(&self, dice: &mut Dice) -> &'static Stand {
        let others = LAYOUTS.iter().find(|(stand, _)| stand.name == self.stand.name);
        match others {
            Some((_, others)) => dice.pick::<&Stand>(others),
            None => &RARITAN_PX1,
        }
    }

    /// Every word of the device about an outlet's readings and switching, as it is when they can't be relied on.
    pub fn words_about(&self, (group, outlet): (u32, u32)) -> Vec<Word> {
        let guards = self.stand.columns.iter().filter_map(|column| match column.holds {
            // No family's good value is 2 where 0, 1 or 3 is.
            Holds::Guard(good, shut) => Some((column, if good == 2 { 1 } else { 2 }, shut == Shut::Follows)),
            _ => None,
        });
        let more = WORDS.iter().filter(|(stand, ..)| *stand == self.stand.name);
        let more = more.filter_map(|(_, object, value, untrue)| {
            let column = self.stand.columns.iter().find(|column| column.object == *object)?;
            Some((column, *value, *untrue))
        });
        let object = |column: &Column| {
            let arcs = self.stand.object(column, group, outlet);
            arcs.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
        };
        guards
            .chain(more)
            .map(|(column, value, untrue)| Word { object: object(column), value, untrue })
            .collect()
    }
}
