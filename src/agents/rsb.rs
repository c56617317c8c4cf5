//! fence_rsb: Fujitsu Siemens' Remote Service Board by its menus, over telnet or SSH.

use crate::agents::console::table::{self, Act, Dialect, Kind, Query, Reader, Refusal, Values, Way};
use crate::agents::console::{self, ACCESS, AGENT as USUAL, MACHINE_ACTIONS};
use crate::fencing::options;
use crate::fencing::{Agent, Plugs};
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

/// The menu in which power is switched shows it, and what its items do.
const POWER_MENU: &str = r"(?i)^\s*power status\s*:";

const OFF_IS_1: &str = r"(?i)\(1\)[^(]*power off";
const ON_IS_4: &str = r"(?i)\(4\)[^(]*power on";

/// The question whether the power is meant, which asks for the whole word. Some firmware asks without saying what; one that
/// says something else is another question.
const SURE_ON: &[(&str, &str)] =
    &[(r"(?i)(?:want to power on|\n[^\np]*(?:yes/no|'yes' or 'no'))[^\n]*", "yes")];

/// The same of the other.
const SURE_OFF: &[(&str, &str)] =
    &[(r"(?i)(?:want to power off|\n[^\np]*(?:yes/no|'yes' or 'no'))[^\n]*", "yes")];

/// The first menu leads to that of the power, by a key.
const MENUS: Dialect = Dialect {
    name: "RSB menus",
    back: &["0"],
    titles: &[("2", POWER_MENU), ("2", OFF_IS_1), ("2", ON_IS_4)],
    state: Query {
        line: "2",
        whole: &[OFF_IS_1, ON_IS_4],
        reader: Reader::Value(r"(?i)^\s*power status\s*:\s*(?<state>[^\s(](?:[^(]*[^\s(])?)\s*(?:\(.*)?$"),
    },
    values: Values { on: &["on"], off: &["off"], changing: &[] },
    on: Act { lines: &["2", "4"], confirm: SURE_ON, accepted: None },
    off: Act { lines: &["2", "1"], confirm: SURE_OFF, accepted: None },
    refusals: &[
        (r"(?i)not authorized|permission denied|privilege", Refusal::Privilege),
        (r"(?i)\bbusy\b|\bin use\b|already logged in", Refusal::Busy),
        (r"(?i)^\s*(?:error|invalid|unknown)\b|\bfailed\b", Refusal::Failed),
    ],
    source: "Fujitsu Siemens RemoteView Service Board manual, remote manager: (2) Power Management, (1) Immediate Power Off, (4) Power On; Power Status",
    tested_on: "a simulated board with the same menus",
    ..table::USUAL
};

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(3172), Way::Ssh(22)],
    old_ssh: true,
    manners: Manners {
        enter: "\r\n",
        keys: &["2", "0"],
        prompts: &[r"to quit:"],
        echoes: false,
        pager: &[(r"(?i)any key to continue[ .]*", "\r\n")],
        busy: &[r"(?i)\bin use\b", r"(?i)already logged in"],
        leave: "0",
        ..USUAL_MANNERS
    },
    dialects: &[MENUS],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_rsb",
    shortdesc: "Fence agent for Fujitsu Siemens RSB over telnet and SSH",
    longdesc: "fence_rsb switches a machine's power through the menus of its Fujitsu Siemens Remote Service Board, over telnet (port 3172) or SSH. The menu is checked before anything is chosen in it.\n\nThe address must be the board's, not the machine's. Off and reboot succeed only when the board, asked after the command, shows the power as off. A session that somebody leaves open stands in the way of fencing.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o reboot -v",
    ],
    options: &[console::OF_A_MACHINE, ACCESS, options::COMMON],
    defaults: &[("ipport", "3172"), ("command_prompt", "['to quit:']")],
    actions: MACHINE_ACTIONS,
    plugs: Plugs::One,
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
