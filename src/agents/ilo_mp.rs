//! fence_ilo_mp: the management processor of HP's Integrity machines by its command line (SM CLP), over telnet or SSH.

use crate::agents::console::table::{Act, Dialect, Exec, Kind, KnownBy, Step, Way};
use crate::agents::console::{self, ACCESS, AGENT as USUAL, MACHINE_ACTIONS};
use crate::agents::ilo_ssh::{CLP, SUCCESS};
use crate::fencing::options;
use crate::fencing::{Agent, Plugs};
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

/// The command line that the main menu leads to.
const BEHIND_MP: Dialect = Dialect {
    name: "management processor, SM CLP",
    known_by: KnownBy::Greeting(r"^(?:\[[^\]]*\]\s*)?MP>$"),
    enter: &[Step { line: "SMCLP", answer: None }],
    exec: Exec::No,
    off: Act { lines: &["stop -f /system1"], confirm: &[], accepted: Some(SUCCESS) },
    cycle: None,
    source: "HP Integrity iLO 2 MP operations guide: SMCLP, show, start and stop -f of /system1",
    tested_on: "a simulated management processor with the same commands",
    ..CLP
};

/// The same where a session begins there.
const AT_ONCE: Dialect = Dialect { name: "iLO, SM CLP", known_by: KnownBy::Nothing, enter: &[], ..BEHIND_MP };

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23), Way::Ssh(22)],
    old_ssh: true,
    // The name of the management processor may stand before the main menu's.
    manners: Manners {
        prompts: &[r"\n(?:</[^\n]*>)?hpiLO->", r"\n(?:\[[^\n\]]*\]\s*)?MP>"],
        ..USUAL_MANNERS
    },
    dialects: &[BEHIND_MP, AT_ONCE],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_ilo_mp",
    shortdesc: "Fence agent for HP iLO MP over telnet and SSH",
    longdesc: "fence_ilo_mp switches a machine's power through the command line of its management processor, as HP's Integrity machines have it, over telnet or SSH.\n\nThe address must be the management processor's, not the machine's. Off and reboot succeed only when the management processor, asked after the command, reports the system as disabled.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -o reboot -v",
    ],
    options: &[console::OF_A_MACHINE, ACCESS, options::COMMON],
    defaults: &[("command_prompt", "['MP>', 'hpiLO->']"), ("power_wait", "5")],
    actions: MACHINE_ACTIONS,
    plugs: Plugs::One,
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
