//! fence_apc: switched rack power units of APC by their command line, over telnet or SSH.

use crate::agents::console::table::{
    self, Act, Dialect, Kind, KnownBy, Plugs, Query, Reader, Refusal, Values, Way,
};
use crate::agents::console::{self, ACCESS, AGENT as USUAL, PLUG_ACTIONS};
use crate::fencing::option::{Kind as Value, Opt};
use crate::fencing::options;
use crate::fencing::{Agent, Error, Settings};
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

const SWITCH: Opt = Opt::new(
    "switch",
    "switch",
    Value::Text,
    "Unit of the outlet, where several share one address; also as the first part of the plug: 2:3",
)
.short('s')
.suffix("=[id]");

/// What every answer begins with that tells of a success.
const SUCCESS: &str = "^E000:";

const LIST: Query = Query {
    line: "olStatus all",
    whole: &[SUCCESS],
    reader: Reader::Rows(r"^\s*(?<plug>\d+(?::\d+)?): (?<name>.*): (?<state>\S+)\s*$"),
};

/// The command line of firmware 5 and later.
const COMMANDS: Dialect = Dialect {
    name: "APC, command line",
    known_by: KnownBy::Nothing,
    plugs: Plugs::Listed,
    state: LIST,
    list: Some(LIST),
    values: Values { on: &["on"], off: &["off"], changing: &["on*", "off*"] },
    on: Act { lines: &["olOn {plug}"], confirm: &[], accepted: Some(SUCCESS) },
    off: Act { lines: &["olOff {plug}"], confirm: &[], accepted: Some(SUCCESS) },
    refusals: &[
        (r"^E102:", Refusal::NoSuchPlug),
        (r"^E10[13]:", Refusal::Unknown),
        (r"^E107:", Refusal::Busy),
        (r"^E[1-9]\d*:", Refusal::Failed),
    ],
    source: "APC Network Management Card 2 user guides, command line interface: olStatus, olOn, olOff; codes E000 to E107",
    tested_on: "a simulated unit with the same commands",
    ..table::USUAL
};

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23), Way::Ssh(22)],
    old_ssh: true,
    manners: Manners { prompts: &[r"\napc>", r"\n>"], leave: "exit", ..USUAL_MANNERS },
    dialects: &[COMMANDS],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_apc",
    shortdesc: "Fence agent for APC rack power units over telnet and SSH",
    longdesc: "fence_apc switches the outlets of APC's rack power units through their command line (firmware 5 and later), over telnet or SSH. Units with SNMP are better served by fence_apc_snmp.\n\nA plug is an outlet's number or its name. Several plugs, for a machine with two power supplies, are switched and verified together. An outlet that the unit doesn't list is an error, and one whose command is still pending is neither on nor off.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    options: &[console::OF_PLUGS, &[options::PLUG, SWITCH], ACCESS, options::LISTING, options::COMMON],
    defaults: &[("command_prompt", "['\\n>', '\\napc>']"), ("ssh_options", "-1 -c blowfish")],
    actions: PLUG_ACTIONS,
    check,
    open: |settings, times| console::open_unit(settings, times, &DEVICE, settings.text(&SWITCH)),
    ..USUAL
};

fn check(settings: &Settings) -> Result<(), Error> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if settings.text(&SWITCH).is_some_and(|unit| !digits(unit)) {
        return Err(Error::bad_input(settings.called(&SWITCH), "a unit is a number"));
    }
    console::check(settings, &DEVICE)
}
