//! fence_hds_cb: partitions of Hitachi's Compute Blade by the menus of its service processor, over telnet or SSH.

use crate::agents::console::table::{self, Act, Dialect, Kind, Plugs, Query, Reader, Refusal, Values, Way};
use crate::agents::console::{self, ACCESS, AGENT as USUAL, MISSING_AS_OFF};
use crate::fencing::Agent;
use crate::fencing::options;
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

/// The table of partitions, which is shown where their power is controlled.
const PARTITIONS: Query = Query {
    line: "PC",
    whole: &[HEAD],
    reader: Reader::Rows(r"^\s*(?<plug>[0-9]+)\s+(?<name>(?<state>\S+))\s+\S+\s+\S+\s+\S+\s+\S+.*$"),
};

const HEAD: &str = r"(?i)^\s*P\s+Power\s+Condition\b";

/// From the main menu to system command mode, to partition control, and back.
const MENUS: Dialect = Dialect {
    name: "Compute Blade, SVP",
    plugs: Plugs::Like { pattern: r"0*(?<plug>0|[1-9][0-9]?)", says: "the number of a partition" },
    to: &["S"],
    back: &["Q", "EX"],
    titles: &[("S", r"^SVP>"), ("PC", HEAD), ("{plug}", r"(?i)\bY\b.*\)\s*:")],
    state: PARTITIONS,
    list: Some(PARTITIONS),
    // Nothing tells where the table ends.
    complete: None,
    values: Values { on: &["on"], off: &["off"], changing: &[] },
    on: Act { lines: &["PC", "P", "P", "{plug}", "Y", "Q"], confirm: &[], accepted: None },
    off: Act { lines: &["PC", "P", "F", "{plug}", "Y", "Q"], confirm: &[], accepted: None },
    refusals: &[
        (r"(?i)not authorized|permission|privilege|authority", Refusal::Privilege),
        (r"(?i)\bbusy\b|\bin use\b|in progress", Refusal::Busy),
        (r"(?i)^\s*(?:error|invalid|illegal|unknown)\b|\bfailed\b", Refusal::Failed),
    ],
    source: "Hitachi Compute Blade SVP console: S, PC, P, P or F, the partition, Y, Q, EX, X; P, Power, Condition",
    tested_on: "a simulated service processor with the same menus",
    ..table::USUAL
};

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23), Way::Ssh(22)],
    old_ssh: true,
    manners: Manners {
        enter: "\r\n",
        prompts: &[r"\nSVP>", r"\)\s:"],
        // Each menu has its own, and what it is, its title tells.
        steady: false,
        echoes: false,
        pager: &[(r"(?i)hit enter key\.?", "\r\n")],
        busy: &[r"(?i)\bin use\b", r"(?i)already logged in"],
        leave: "X",
        ..USUAL_MANNERS
    },
    dialects: &[MENUS],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_hds_cb",
    shortdesc: "Fence agent for Hitachi Compute Blade over telnet and SSH",
    longdesc: "fence_hds_cb switches partitions of Hitachi's Compute Blade through the menus of its service processor (SVP), over telnet or SSH. Each menu is checked before anything is chosen in it.\n\nA plug is the number of a partition. Several are switched and verified together. missing_as_off is accepted, and no partition ever counts as missing: nothing tells that the table of partitions is whole.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 1 -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 1 -o reboot -v",
    ],
    options: &[
        console::OF_PLUGS,
        &[options::PLUG.text("Partition to act on: its number"), MISSING_AS_OFF],
        ACCESS,
        options::LISTING,
        options::COMMON,
    ],
    defaults: &[("command_prompt", "['\\\\) :']"), ("power_wait", "5")],
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
