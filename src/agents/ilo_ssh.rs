//! fence_ilo_ssh: HPE's iLO by its command line (SM CLP), over telnet or SSH.

use crate::agents::console::table::{
    self, Act, Dialect, Exec, Kind, KnownBy, Query, Reader, Refusal, Step, Values, Way,
};
use crate::agents::console::{self, ACCESS, AGENT as USUAL, MACHINE_ACTIONS};
use crate::fencing::options;
use crate::fencing::{Agent, Alias, Plugs};
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

/// What stands in an answer that tells of a success.
pub(super) const SUCCESS: &str = r"^\s*status=0\s*$";

/// The command line of iLO 2 and later.
pub(super) const CLP: Dialect = Dialect {
    name: "iLO, SM CLP",
    known_by: KnownBy::Nothing,
    exec: Exec::ByAnswer,
    state: Query {
        line: "show /system1",
        whole: &[SUCCESS, r"^\s*/system1\s*$"],
        reader: Reader::Value(r"(?i)^\s*enabledstate=(?<state>.*?)\s*$"),
    },
    values: Values { on: &["enabled"], off: &["disabled"], changing: &["shutting down", "starting"] },
    on: Act { lines: &["start /system1"], confirm: &[], accepted: Some(SUCCESS) },
    off: Act { lines: &["power off hard"], confirm: &[], accepted: Some(SUCCESS) },
    cycle: Some(Act { lines: &["reset /system1 hard"], confirm: &[], accepted: Some(SUCCESS) }),
    refusals: &[
        (r"(?i)privilege|not authorized", Refusal::Privilege),
        (r"(?i)server power (?:is )?already (?:on|off)", Refusal::State),
        (r"^\s*error_tag=COMMAND NOT (?:RECOGNIZED|SUPPORTED)", Refusal::Unknown),
        (r"^\s*status=[1-9]", Refusal::Failed),
    ],
    source: "HPE iLO 2 to 5 scripting and command line guides: SM CLP (DMTF DSP0214), show, start, power, reset; status and \
             status_tag; enabledstate enabled, disabled",
    tested_on: "a simulated iLO with the same commands",
    ..table::USUAL
};

/// A console that leads to that command line first.
const BEHIND_MP: Dialect = Dialect {
    name: "management processor, SM CLP",
    known_by: KnownBy::Greeting(r"^MP>"),
    enter: &[Step { line: "SMCLP", answer: None }],
    ..CLP
};

pub(super) const MANNERS: Manners =
    Manners { prompts: &[r"\n(?:</[^\n]*>)?hpiLO->", r"\nMP>"], leave: "exit", ..USUAL_MANNERS };

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23), Way::Ssh(22)],
    manners: MANNERS,
    old_ssh: true,
    dialects: &[BEHIND_MP, CLP],
};

const fn generation(name: &'static str, shortdesc: &'static str) -> Alias {
    Alias { name, shortdesc, defaults: &[] }
}

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_ilo_ssh",
    shortdesc: "Fence agent for HPE iLO over SSH and telnet",
    longdesc: "fence_ilo_ssh switches a machine's power through the command line of its iLO, over SSH (with ssh=1) or telnet. Where the iLO speaks IPMI or Redfish, fence_ilo4, fence_ilo5 or fence_redfish ask it less and are quicker.\n\nThe address must be the iLO's, not the machine's. Off and reboot succeed only when the iLO, asked after the command, reports the system as disabled.",
    examples: &[
        "-a 192.0.2.10 -x -l admin -S 'cat /etc/fence.secret' -o status",
        "-a 192.0.2.10 -x -l admin -S 'cat /etc/fence.secret' -o reboot -v",
    ],
    aliases: &[
        generation("fence_ilo3_ssh", "Fence agent for HPE iLO 3 over SSH and telnet"),
        generation("fence_ilo4_ssh", "Fence agent for HPE iLO 4 over SSH and telnet"),
        generation("fence_ilo5_ssh", "Fence agent for HPE iLO 5 over SSH and telnet"),
    ],
    options: &[console::OF_A_MACHINE, options::METHODS, ACCESS, options::COMMON],
    defaults: &[("command_prompt", "['MP>', 'hpiLO->']"), ("power_wait", "5")],
    actions: MACHINE_ACTIONS,
    plugs: Plugs::One,
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
