//! fence_apc_snmp and fence_tripplite_snmp: switched power units over SNMP.

use crate::agents::snmp::{self, outlets};
use crate::fencing::options::{self, tool_path};
use crate::fencing::{Action, Agent, Alias, Plugs, Unfencing};

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
    vendor_url: "",
    aliases: &[Alias {
        name: "fence_tripplite_snmp",
        shortdesc: "Fence agent for Tripp Lite and APC power units over SNMP",
        defaults: &[],
    }],
    options: &[
        options::ACTION,
        snmp::COMMUNITY.default("private"),
        outlets::FAMILY,
        options::IP.required(),
        options::IPPORT.default("161"),
        options::USERNAME,
        options::PASSWORD,
        options::PASSWORD_SCRIPT,
        options::PLUG,
        snmp::SNMP_AUTH_PROT,
        snmp::SNMP_PRIV_PASSWD,
        snmp::SNMP_PRIV_PASSWD_SCRIPT,
        snmp::SNMP_PRIV_PROT,
        snmp::SNMP_SEC_LEVEL,
        snmp::SNMP_VERSION.default("1"),
        options::QUIET,
        options::VERBOSE,
        options::VERBOSE_LEVEL,
        options::DEBUG_FILE,
        options::VERSION,
        options::HELP,
        options::PLUG_SEPARATOR,
        options::SEPARATOR,
        options::DELAY,
        options::DISABLE_TIMEOUT,
        options::LOGIN_TIMEOUT,
        options::POWER_TIMEOUT,
        options::POWER_WAIT,
        options::SHELL_TIMEOUT,
        options::STONITH_STATUS_SLEEP,
        options::RETRY_ON,
        tool_path("snmpget_path", "snmpget-path"),
        tool_path("snmpset_path", "snmpset-path"),
        tool_path("snmpwalk_path", "snmpwalk-path"),
    ],
    actions: &[
        Action::On,
        Action::Off,
        Action::Reboot,
        Action::Status,
        Action::List,
        Action::ListStatus,
        Action::Monitor,
        Action::Metadata,
        Action::Manpage,
        Action::ValidateAll,
    ],
    unadvertised: &[],
    default_action: Action::Reboot,
    unfencing: Unfencing::None,
    plugs: Plugs::Many,
    check: snmp::check,
    open: outlets::open,
};
