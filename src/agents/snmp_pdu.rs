//! fence_snmp_pdu: every family of power units over SNMP.

use crate::agents::snmp::{self, outlets, outlets::Known};
use crate::fencing::options;
use crate::fencing::{Agent, Describe, Error, Settings, Times};

/// Every family of the table.
const FAMILIES: &[&str] = &[
    "raritan-pdu2",
    "raritan-px1",
    "sentry3",
    "sentry4",
    "bachmann",
    "riedo-updu",
    "netio",
    "cyberpower",
    "cyberpower-2",
    "vertiv-v5",
    "hpe-pdu2",
    "hpe-pdu3",
    "enlogic",
    "panduit-g5",
    "chatsworth",
    "aten-pe",
    "aten-pe2",
    "gude-epc1202",
    "gude-epc1292",
    "gude-epc8221",
    "gude-epc8226",
    "gude-epc8316",
    "gude-epc1104",
    "gude-epc1105",
    "gude-epc8031",
    "gude-epc8041",
    "gude-epc8045",
    "gude-epc8291",
    "gude-epc8x",
    "gude-epc2x6",
    "gude-epc24x",
    "baytech",
    "eaton-nlogic",
    "eaton-epdu",
    "eaton-epdu-ma",
    "eaton-pulizzi",
    "liebert-mpx",
    "avocent-pm",
    "ibm-ipdu-old",
    "ibm-ipdu-new",
    "ibm-blade",
    "intel-modular",
    "apc-masterswitch",
    "apc-rpdu",
    "apc-masterswitch-plus",
    "apc-masterswitch-6",
    "apc-rpdu2",
    "apc-easy",
    "apc-cpdu",
    "tripplite",
    "tripplite-lx",
    "tripplite-lx-ats",
];

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_snmp_pdu",
    shortdesc: "Fence agent for power units and blade enclosures of many makers over SNMP",
    longdesc: "fence_snmp_pdu switches the outlets of power units, and the blades of enclosures, of every family that these \
               agents know, over SNMP 1, 2c or 3: Raritan, Server Technology, Bachmann, Riedo, NETIO, CyberPower, Geist and \
               Vertiv, HPE, Enlogic, Panduit, Chatsworth, Aten, Gude, BayTech, Avocent, and those of the agents that are for \
               one maker. The unit is asked what it is; where it doesn't say, or says something unknown, the option family \
               names the tables to use: always so for Bachmann, Riedo, NETIO, BayTech, Eaton's HDX G4 and the Intel Modular \
               Server. A unit is never guessed. \
               Of some families the commands are known from one source alone: then a warning says so.\
               \n\n\
               A plug is the number of an outlet, unit:outlet on those in a chain, three numbers with dots between them where \
               a unit has branches or infeeds (1.2.16), four where it has circuits and phases (1.1.3.8), the MAC address of its unit \
               and the number with a colon between them on Chatsworth's chains (000ED300AD21:3), what is printed beside the \
               outlet (AA1), or its name. Several plugs, \
               for a machine with two power supplies, are switched and verified together. An outlet that the unit doesn't \
               have or that is locked is an error, and only the unit's own value for off counts as off.",
    examples: &[
        "-a 192.0.2.10 -c private -n 3 -o status",
        "-a 192.0.2.10 -d 3 -l admin -b SHA -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    options: &[
        &[options::ACTION, options::PLUG, outlets::family(FAMILIES), outlets::EXPECT_NAME],
        snmp::ADDRESS,
        options::LOGIN,
        snmp::OPTIONS,
        options::LISTING,
        snmp::TOOLS,
        options::COMMON,
    ],
    defaults: &[("community", "private"), ("snmp_version", "1")],
    open,
    ..outlets::AGENT
};

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    outlets::open_one_of(settings, Known { keys: FAMILIES, probed: false })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::agents::snmp::families;

    #[test]
    fn it_knows_every_family_of_the_table() {
        let table: BTreeSet<&str> = families::FAMILIES.iter().map(|family| family.key).collect();
        assert_eq!(FAMILIES.iter().copied().collect::<BTreeSet<_>>(), table);
        assert_eq!(FAMILIES.len(), table.len());
    }
}
