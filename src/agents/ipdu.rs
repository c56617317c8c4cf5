//! fence_ipdu: IBM's power units over SNMP.

use crate::agents::snmp::{self, outlets, outlets::Known};
use crate::fencing::options;
use crate::fencing::{Agent, Describe, Error, Settings, Times};

/// The layouts of its tables.
const FAMILIES: &[&str] = &["ibm-ipdu-old", "ibm-ipdu-new"];

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_ipdu",
    shortdesc: "Fence agent for IBM iPDU power units over SNMP",
    longdesc: "fence_ipdu switches the outlets of IBM's and Lenovo's iPDUs over SNMP 1, 2c or 3. Their firmware has had two layouts of the same table: where the one has the state, the other has a threshold. Which one a unit has is read from its firmware's name and checked with every look; where the name tells neither, the option family names the layout.\n\nA plug is the number of an outlet, or its name. Several plugs, for a machine with two power supplies, are switched and verified together. An outlet that the unit doesn't have is an error, and only the unit's own value for off counts as off.",
    examples: &[
        "-a 192.0.2.10 -d 1 -c private -n 3 -o status",
        "-a 192.0.2.10 -l admin -b SHA -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
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
    defaults: &[("community", "private"), ("snmp_version", "3")],
    open,
    ..outlets::AGENT
};

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    outlets::open_one_of(settings, Known { keys: FAMILIES, probed: false })
}
