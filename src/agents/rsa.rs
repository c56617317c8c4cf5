//! fence_rsa: IBM's Remote Supervisor Adapter II by its command line, over telnet or SSH.

use crate::agents::console::table::{self, Act, Dialect, Kind, Query, Reader, Refusal, Values, Way};
use crate::agents::console::{self, ACCESS, AGENT as USUAL, MACHINE_ACTIONS};
use crate::fencing::options;
use crate::fencing::{Agent, Plugs};
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

const ACCEPTED: Option<&str> = Some(r"(?i)^\s*ok\s*$");

const COMMANDS: Dialect = Dialect {
    name: "RSA II",
    state: Query {
        line: "power state",
        whole: &[],
        reader: Reader::Value(r"(?i)^\s*power:\s*(?<state>\S.*?)\s*$"),
    },
    values: Values { on: &["on"], off: &["off"], changing: &[] },
    on: Act { lines: &["power on"], confirm: &[], accepted: ACCEPTED },
    off: Act { lines: &["power off"], confirm: &[], accepted: ACCEPTED },
    refusals: &[
        (r"(?i)already (?:powered )?(?:on|off)", Refusal::State),
        (r"(?i)authority|not authorized|permission denied|privilege", Refusal::Privilege),
        (r"(?i)\bbusy\b|\bin use\b|in progress", Refusal::Busy),
        (r"(?i)command not found|(?:invalid|unknown|unrecognized) command|syntax", Refusal::Unknown),
        (r"(?i)^\s*(?:error|invalid|unknown)\b|\bfailed\b", Refusal::Failed),
    ],
    source: "IBM Remote Supervisor Adapter II user's guide, text user interface: power state, power on, power off; Power: On, State:, ok",
    tested_on: "a simulated adapter with the same commands",
    ..table::USUAL
};

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23), Way::Ssh(22)],
    old_ssh: true,
    // One word at most stands before it: an output with a > at some line's end is none.
    manners: Manners {
        prompts: &[r"\n[\w.:@-]*>"],
        busy: &[r"(?i)already logged in", r"(?i)\bin use\b", r"(?i)(?:maximum|too many)[^\n]*sessions"],
        ..USUAL_MANNERS
    },
    dialects: &[COMMANDS],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_rsa",
    shortdesc: "Fence agent for IBM RSA II over telnet and SSH",
    longdesc: "fence_rsa switches a machine's power through the command line of its IBM Remote Supervisor Adapter II, over telnet or SSH.\n\nThe address must be the adapter's, not the machine's. Off and reboot succeed only when the adapter, asked after the command, reports the power as off. It has few sessions: one that somebody leaves open for long stands in the way of fencing.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o reboot -v",
    ],
    options: &[console::OF_A_MACHINE, ACCESS, options::COMMON],
    defaults: &[("command_prompt", "['>']"), ("login_timeout", "10"), ("ssh_options", "-F /dev/null")],
    actions: MACHINE_ACTIONS,
    plugs: Plugs::One,
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
