//! fence_drac: Dell's DRAC 4 by its command line, over telnet.

use crate::agents::console::table::{self, Act, Dialect, Kind, Query, Reader, Refusal, Values, Way};
use crate::agents::console::{self, AGENT as USUAL, MACHINE_ACTIONS, TELNET_ACCESS};
use crate::fencing::options;
use crate::fencing::{Agent, Plugs};
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

/// Words in which Dell's consoles refuse: at a line's beginning, because lists of modules have such words too.
pub(super) const REFUSALS: &[(&str, Refusal)] = &[
    (r"(?i)already (?:powered )?(?:on|off)", Refusal::State),
    (r"(?i)insufficient privilege|permission denied|not authorized|access denied", Refusal::Privilege),
    (r"(?i)already logged in|^\s*error\b.*\b(?:busy|in progress|in use)\b", Refusal::Busy),
    (
        r"(?i)^\s*(?:error\b.*)?\b(?:invalid|no such|unknown) (?:module|server|slot)|^\s*error\b.*\b(?:module|server|slot)\b.*\bnot (?:present|found)",
        Refusal::NoSuchPlug,
    ),
    (
        r"(?i)command not found|invalid (?:command|subcommand)|(?:unknown|unrecognized) command|syntax error",
        Refusal::Unknown,
    ),
    (r"(?i)^\s*(?:\[?error\b|invalid\b|no such\b|unknown\b|failed\b)", Refusal::Failed),
];

/// Words for having no room for one more session.
pub(super) const BUSY: &[&str] = &[r"(?i)already logged in", r"(?i)(?:maximum|too many)[^\n]*sessions"];

/// The states that Dell's modules have in the list of them.
pub(super) const VALUES: Values =
    Values { on: &["on"], off: &["off"], changing: &["powering on", "powering off"] };

/// The list of modules has one, the machine.
const COMMANDS: Dialect = Dialect {
    name: "DRAC 4",
    state: Query {
        line: "getmodinfo",
        whole: &[r"(?i)^\s*#<module>\s+<presence>\s+<pwrState>"],
        reader: Reader::Value(
            r"(?i)^\s*\d+\s+-+>\s+chassis\s+Present\s+(?<state>(?:Powering\s)?\S+)(?:\s+\S.*)?$",
        ),
    },
    values: VALUES,
    on: Act { lines: &["serveraction -d 0 powerup"], confirm: &[], accepted: None },
    off: Act { lines: &["serveraction -d 0 powerdown"], confirm: &[], accepted: None },
    refusals: REFUSALS,
    source: "Dell Remote Access Controller 4 user's guide: getmodinfo, serveraction; #<module> <presence> <pwrState>",
    tested_on: "a simulated DRAC 4 with the same commands",
    ..table::USUAL
};

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23)],
    old_ssh: false,
    manners: Manners { prompts: &[r"\n\[[^\[\]\n]*\]#"], busy: BUSY, ..USUAL_MANNERS },
    dialects: &[COMMANDS],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_drac",
    shortdesc: "Fence agent for Dell DRAC 4 over telnet",
    longdesc: "fence_drac switches a machine's power through the command line of its DRAC 4, over telnet, which has to be enabled on the card: racadm config -g cfgSerial -o cfgSerialTelnetEnable 1, and then racadm racreset. Later cards are for fence_drac5, and those that speak IPMI or Redfish for fence_idrac and fence_redfish.\n\nThe address must be the card's, not the machine's. Off and reboot succeed only when the card, asked after the command, lists the machine as off. Password and states go over the network as they are: it belongs into a network of its own.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o reboot -v",
    ],
    options: &[console::OF_A_MACHINE, TELNET_ACCESS, options::COMMON],
    defaults: &[("command_prompt", "['\\\\[username\\\\]# ']")],
    actions: MACHINE_ACTIONS,
    plugs: Plugs::One,
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
