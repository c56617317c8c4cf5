//! fence_hpblade: blades of HP's c-Class enclosures and partitions of Superdome X by the Onboard Administrator's command line,
//! over telnet or SSH.

use crate::agents::console::table::{
    self, Act, Dialect, Exec, Kind, KnownBy, Plugs, Query, Reader, Refusal, Values, Way,
};
use crate::agents::console::{self, ACCESS, AGENT as USUAL, MISSING_AS_OFF};
use crate::fencing::Agent;
use crate::fencing::options;
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

/// What tells what the enclosure is.
const TYPE: &str = "show enclosure info";

/// Blades, which commands name by the number of their bay. It takes ranges and `all` as well.
const C_CLASS: Dialect = Dialect {
    name: "c-Class enclosure, Onboard Administrator",
    known_by: KnownBy::Answer(TYPE, r"(?i)^\s*Enclosure Type:\s*BladeSystem\b"),
    exec: Exec::ByAnswer,
    plugs: Plugs::Like {
        pattern: r"0*(?<plug>[1-9][0-9]?[ABab]?)",
        says: "the number of a bay, with A or B for half a blade, or of a partition",
    },
    // It says of which bay it tells.
    state: Query {
        line: "show server status {plug}",
        whole: &[r"(?i)^\s*(?:Server )?Blade #\d"],
        reader: Reader::Blocks {
            head: r"(?i)^\s*(?:Server )?Blade #(?<plug>\w+) Status:",
            field: r"(?i)^\s*Power:\s*(?<state>\S.*?)\s*$",
        },
    },
    // Whatever its health, a blade is there. An empty bay has its name in brackets.
    list: Some(Query {
        line: "show server list",
        whole: &[r"(?i)^\s*Bay\s+iLO Name\b"],
        reader: Reader::Rows(
            r"(?i)^\s*(?<plug>[0-9]{1,2}[ab]?)\s+(?<name>[^\s\[]\S*)(?:\s.*?\s(?<state>On|Off)\s+\S+)?(?:\s.*)?$",
        ),
    }),
    complete: Some(&[
        r"(?i)^\s*Bay\s+iLO Name\b",
        r"(?i)^\s*Totals:\s*(?<count>[0-9]+) server blades? installed\b",
    ]),
    values: Values { on: &["on"], off: &["off"], changing: &["powering on", "powering off"] },
    on: Act {
        lines: &["poweron server {plug}"],
        confirm: &[],
        accepted: Some(r"(?i)\bpower(?:ing|ed) (?:on|up)\b"),
    },
    off: Act {
        lines: &["poweroff server {plug} force"],
        confirm: &[],
        accepted: Some(r"(?i)\bpower(?:ing|ed) (?:off|down)\b"),
    },
    refusals: &[
        (r"(?i)already (?:powered )?(?:on|off|down)", Refusal::State),
        (
            r"(?i)^\s*(?:error:?\s*)?(?:the\s+)?(?:server\s+)?(?:bay|blade|server|partition)\b[^:]*\b(?:empty|absent|out of range|does not exist|not (?:present|installed|defined))",
            Refusal::NoSuchPlug,
        ),
        (r"(?i)^\s*(?:error:?\s*)?no (?:server )?blade\b", Refusal::NoSuchPlug),
        (
            r"(?i)insufficient privilege|permission denied|not authorized|not have (?:the )?(?:access|authority|privilege)",
            Refusal::Privilege,
        ),
        (r"(?i)^\s*error\b.*\b(?:busy|in progress|in use)\b", Refusal::Busy),
        (r"(?i)unknown command|invalid command|command not found|unrecognized", Refusal::Unknown),
        (r"(?i)^\s*(?:error|invalid)\b", Refusal::Failed),
    ],
    source: "HP BladeSystem Onboard Administrator command line interface user guide: show enclosure info, show server status, \
             show server list, poweron server, poweroff server; Blade #N Status, Power: On",
    tested_on: "a simulated enclosure with the same commands",
    ..table::USUAL
};

/// What machine-readable lines about partitions look like: number, name, run state and, in the list, more.
const PARTITION: &str =
    r"(?i)^\s*partition:(?<plug>[0-9]+)\s+:[^\s:/]*\s*/(?<state>\w+)(?:\s(?:.*:(?<name>\S+))?.*)?\s*$";

/// Partitions.
const SUPERDOME: Dialect = Dialect {
    name: "Superdome, Onboard Administrator",
    known_by: KnownBy::Answer(TYPE, r"(?i)^\s*Enclosure Type:\s*superdome"),
    plugs: Plugs::Like { pattern: r"0*(?<plug>[1-9][0-9]{0,2})", says: "the number of a partition" },
    state: Query { line: "parstatus -M -p {plug}", whole: &[], reader: Reader::Rows(PARTITION) },
    list: Some(Query { line: "parstatus -P -M", whole: &[], reader: Reader::Rows(PARTITION) }),
    // Nothing tells where they end.
    complete: None,
    values: Values {
        on: &["up", "efi", "fwboot", "osboot", "run_vpars"],
        off: &["down"],
        changing: &["activating", "shut", "deactivating", "resetting", "mca", "init"],
    },
    on: Act { lines: &["poweron partition {plug}"], confirm: &[], accepted: None },
    off: Act { lines: &["poweroff partition {plug} force"], confirm: &[], accepted: None },
    source: "HP Superdome 2 Partitioning Administrator Guide: parstatus -M, table of run states; poweron and poweroff partition",
    tested_on: "a simulated enclosure with the same commands",
    ..C_CLASS
};

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23), Way::Ssh(22)],
    old_ssh: true,
    manners: Manners {
        enter: "\n",
        prompts: &[r"\n[^\s>]+>"],
        busy: &[r"(?i)(?:maximum|too many)[^\n]*sessions"],
        ..USUAL_MANNERS
    },
    dialects: &[C_CLASS, SUPERDOME],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_hpblade",
    shortdesc: "Fence agent for HP BladeSystem and Superdome X over telnet and SSH",
    longdesc: "fence_hpblade switches blades of HP's c-Class enclosures, and partitions of Integrity Superdome X, through the command line of the Onboard Administrator, over telnet or SSH.\n\nA plug is the number of a bay, with A or B for half a blade, or the number of a partition; ranges and words such as all are refused. Several are switched and verified together. A blade that the enclosure doesn't tell anything about is an error, unless missing_as_off says otherwise, and then only where a whole list of the enclosure doesn't have it.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    options: &[
        console::OF_PLUGS,
        &[options::PLUG.text("Blade or partition to act on: its number"), MISSING_AS_OFF],
        ACCESS,
        options::LISTING,
        options::COMMON,
    ],
    defaults: &[("command_prompt", "['c7000oa>']"), ("login_timeout", "10")],
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
