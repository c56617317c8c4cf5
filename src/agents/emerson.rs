//! fence_emerson: Liebert MPX and MPH power units, once Emerson's and now Vertiv's, over SNMP.

use crate::agents::snmp::{self, outlets, outlets::Known};
use crate::fencing::options;
use crate::fencing::{Agent, Describe, Error, Settings, Times};

/// The one family.
const FAMILIES: &[&str] = &["liebert-mpx"];

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_emerson",
    shortdesc: "Fence agent for Liebert MPX and MPH power units over SNMP",
    longdesc: "fence_emerson switches the receptacles of Liebert MPX and MPH power units, once Emerson's and now Vertiv's, over SNMP 1, 2c or 3.\n\nA plug is unit.branch.receptacle, such as 1.2.16, or the receptacle's name. Several plugs, for a machine with two power supplies, are switched and verified together. A receptacle that the unit doesn't have or that is locked is an error, and only the unit's own value for off counts as off: one that is off and comes on after a delay isn't.",
    examples: &[
        "-a 192.0.2.10 -c private -n 1.1.3 -o status",
        "-a 192.0.2.10 -d 3 -l admin -b SHA -S 'cat /etc/fence.secret' -n 1.1.3 -o reboot -v",
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
    defaults: &[("power_wait", "5")],
    open,
    ..outlets::AGENT
};

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    outlets::open_one_of(settings, Known { keys: FAMILIES, probed: false })
}
