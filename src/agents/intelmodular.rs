//! fence_intelmodular: blades in an Intel Modular Server over SNMP.

use crate::agents::snmp::{self, outlets, outlets::Known};
use crate::fencing::options;
use crate::fencing::{Agent, Describe, Error, Settings, Times};

/// The one family.
const FAMILIES: &[&str] = &["intel-modular"];

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_intelmodular",
    shortdesc: "Fence agent for Intel Modular Server over SNMP",
    longdesc: "fence_intelmodular switches the blades of an Intel Modular Server (MFSYS25, MFSYS35) over SNMP 1, 2c or 3.\n\nA plug is the number of a slot. A slot without a blade is an error, and only the chassis' own value for off counts as off: standby doesn't. Off is forced, and doesn't wait for the operating system.",
    examples: &[
        "-a 192.0.2.10 -c private -n 3 -o status",
        "-a 192.0.2.10 -d 3 -l admin -b SHA -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    options: &[
        &[options::ACTION, options::PLUG],
        snmp::ADDRESS,
        options::LOGIN,
        snmp::OPTIONS,
        options::LISTING,
        snmp::TOOLS,
        options::COMMON,
    ],
    defaults: &[],
    open,
    ..outlets::AGENT
};

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    outlets::open_one_of(settings, Known { keys: FAMILIES, probed: false })
}
