//! fence_eaton_snmp: Eaton's power units over SNMP.

use crate::agents::snmp::{self, outlets, outlets::Known};
use crate::fencing::options;
use crate::fencing::{Agent, Describe, Error, Settings, Times};

/// The generations of its units.
const FAMILIES: &[&str] = &["eaton-epdu-ma", "eaton-pulizzi", "eaton-epdu"];

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_eaton_snmp",
    shortdesc: "Fence agent for Eaton power units over SNMP",
    longdesc: "fence_eaton_snmp switches the outlets of Eaton's ePDUs over SNMP 1, 2c or 3: Managed units of the first generation, Switched units (once Pulizzi), and G2 and G3. The unit is asked what it is; where it doesn't say, the option family names the tables to use.\n\nA plug is the number of an outlet as it is printed on the unit, from 1, device:outlet for G2 and G3 units in a chain (0 is the unit itself), or the outlet's name. Several plugs, for a machine with two power supplies, are switched and verified together. An outlet that the unit doesn't have is an error, and only the unit's own value for off counts as off.",
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
    defaults: &[("community", "private"), ("snmp_version", "1"), ("power_wait", "2")],
    open,
    ..outlets::AGENT
};

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    outlets::open_one_of(settings, Known { keys: FAMILIES, probed: false })
}
