//! fence_bladecenter: blades of IBM's BladeCenter by its management module's command line, over telnet or SSH.

use crate::agents::console::table::{
    self, Act, Dialect, Exec, Kind, Plugs, Query, Reader, Refusal, Values, Way,
};
use crate::agents::console::{self, ACCESS, AGENT as USUAL, MISSING_AS_OFF};
use crate::fencing::Agent;
use crate::fencing::options;
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

const ACCEPTED: &str = r"^\s*OK\s*$";

/// A blade is named by each command.
const COMMANDS: Dialect = Dialect {
    name: "BladeCenter, management module",
    exec: Exec::ByAnswer,
    plugs: Plugs::Like { pattern: r"0*(?<plug>[1-9]\d?)", says: "the number of a blade bay" },
    state: Query {
        line: "power -state -T system:blade[{plug}]",
        whole: &[],
        reader: Reader::Value(r"^\s*(?<state>\S.*?)\s*$"),
    },
    list: Some(Query {
        line: "list -l 2",
        whole: &[r"^\s*system\b"],
        reader: Reader::Rows(r"^\s+blade\[(?<plug>\d+)\]\s*(?<name>.*?)\s*$"),
    }),
    on: Act { lines: &["power -on -T system:blade[{plug}]"], confirm: &[], accepted: Some(ACCEPTED) },
    off: Act { lines: &["power -off -T system:blade[{plug}]"], confirm: &[], accepted: Some(ACCEPTED) },
    values: Values { on: &["on"], off: &["off"], changing: &[] },
    // What stands behind a bracket is a blade's name.
    refusals: &[
        (r"(?i)^[^\[]*target bay is (?:out of range|empty)", Refusal::NoSuchPlug),
        (r"(?i)^[^\[]*(?:not have the authority|not authorized)", Refusal::Privilege),
        (r"(?i)^[^\[]*(?:\bbusy\b|in progress)", Refusal::Busy),
        (r"(?i)^[^\[]*(?:command not found|invalid command|syntax)", Refusal::Unknown),
        (r"(?i)^[^\[]*(?:\berror|\bfail|\binvalid)", Refusal::Failed),
    ],
    source: "IBM BladeCenter Advanced Management Module command line interface reference guide: power, list, targets system:blade[x]",
    tested_on: "a simulated management module with the same commands",
    ..table::USUAL
};

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23), Way::Ssh(22)],
    old_ssh: true,
    manners: Manners {
        prompts: &[r"\nsystem(?::[^\n>]*)?>"],
        busy: &[r"(?i)maximum number of sessions"],
        ..USUAL_MANNERS
    },
    dialects: &[COMMANDS],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_bladecenter",
    shortdesc: "Fence agent for blades of IBM BladeCenter over telnet and SSH",
    longdesc: "fence_bladecenter switches blades of IBM's BladeCenter through the command line of its management module, over telnet or SSH. Where the module speaks SNMP, fence_ibmblade asks it less and is quicker.\n\nA plug is the number of a blade bay. Several are switched and verified together. A bay that is empty or out of range is an error, unless missing_as_off says otherwise, and then only where a whole list of the module doesn't have it.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    options: &[
        console::OF_PLUGS,
        &[options::PLUG.text("Blade to act on: the number of its bay"), MISSING_AS_OFF],
        ACCESS,
        options::LISTING,
        options::COMMON,
    ],
    defaults: &[("command_prompt", "['system>']"), ("power_wait", "10")],
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
