//! fence_apc_snmp and fence_tripplite_snmp: switched power units over SNMP.

use crate::agents::snmp::{self, outlets};
use crate::fencing::options;
use crate::fencing::{Agent, Alias};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_apc_snmp",
    shortdesc: "Fence agent for APC and Tripp Lite power units over SNMP",
    longdesc: "fence_apc_snmp switches the outlets of APC and Tripp Lite power units over SNMP 1, 2c or 3. The unit \
               is asked what it is; where it doesn't say, or says something unknown, the option family names the \
               tables to use.\
               \n\n\
               A plug is the number of an outlet, switch:outlet on units with several switches, device:outlet on \
               those in a chain, or the outlet's name. Several plugs, for a machine with two power supplies, are \
               switched and verified together. An outlet that the unit doesn't have is an error, and only the unit's \
               own value for off counts as off.",
    examples: &[
        "-a 192.0.2.10 -c private -n 3 -o status",
        "-a 192.0.2.10 -d 3 -l admin -b SHA -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    aliases: &[Alias {
        name: "fence_tripplite_snmp",
        shortdesc: "Fence agent for Tripp Lite and APC power units over SNMP",
        defaults: &[],
    }],
    options: &[
        &[options::ACTION, options::PLUG, outlets::FAMILY, outlets::EXPECT_NAME],
        snmp::ADDRESS,
        options::LOGIN,
        snmp::OPTIONS,
        options::LISTING,
        snmp::TOOLS,
        options::COMMON,
    ],
    defaults: &[("community", "private"), ("snmp_version", "1")],
    ..outlets::AGENT
};
