//! fence_ibmblade: blades in an IBM BladeCenter over SNMP.

use crate::agents::snmp::{self, outlets, outlets::Known};
use crate::fencing::options;
use crate::fencing::{Agent, Describe, Error, Settings, Times};

/// The one family.
const FAMILIES: &[&str] = &["ibm-blade"];

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_ibmblade",
    shortdesc: "Fence agent for IBM BladeCenter over SNMP",
    longdesc: "fence_ibmblade switches the blades of an IBM BladeCenter through its management module, over SNMP 1, 2c or 3.\n\nA plug is the number of a bay, from 1 to 14, or the blade's name. A bay without a blade is an error, and only the module's own value for off counts as off: standby and hibernation don't.",
    examples: &[
        "-a 192.0.2.10 -c private -n 3 -o status",
        "-a 192.0.2.10 -d 3 -l admin -b SHA -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    options: &[
        &[options::ACTION, options::PLUG, outlets::EXPECT_NAME],
        snmp::ADDRESS,
        options::LOGIN,
        snmp::OPTIONS,
        options::LISTING,
        snmp::TOOLS,
        options::COMMON,
    ],
    defaults: &[("snmp_version", "1")],
    open,
    ..outlets::AGENT
};

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    outlets::open_one_of(settings, Known { keys: FAMILIES, probed: false })
}
