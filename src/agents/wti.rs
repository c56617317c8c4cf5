//! fence_wti: WTI's network power switches by their command line, over telnet or SSH.

use crate::agents::console::table::{self, Act, Dialect, Kind, Plugs, Query, Reader, Refusal, Values, Way};
use crate::agents::console::{self, ACCESS, AGENT as USUAL};
use crate::fencing::Agent;
use crate::fencing::options;
use crate::protocols::console::{Login, Manners, USUAL as USUAL_MANNERS, USUAL_LOGIN};

const SCREEN: Query = Query {
    line: "/S",
    whole: &[],
    reader: Reader::Columns { between: '|', heads: ["plug", "name", "status"] },
};

/// The screen of plugs, and a command for each.
const COMMANDS: Dialect = Dialect {
    name: "WTI, plug screen",
    plugs: Plugs::Listed,
    state: SCREEN,
    list: Some(SCREEN),
    values: Values { on: &["on"], off: &["off"], changing: &["on *", "off *", "on*", "off*"] },
    // The y answers the question whether it is meant.
    on: Act { lines: &["/on {plug},y"], confirm: &[], accepted: None },
    off: Act { lines: &["/off {plug},y"], confirm: &[], accepted: None },
    refusals: &[
        (r"(?i)invalid plug", Refusal::NoSuchPlug),
        (r"(?i)access denied|not allowed|not permitted", Refusal::Privilege),
        (r"(?i)^\s*(?:invalid|error|unknown)", Refusal::Failed),
    ],
    source: "WTI user's guides of NPS, IPS, MPC, RSM, TPS, NBB and VMR, command reference: /S, /On, /Off with ,y; columns by \
             their heads; an asterisk marks a plug that is busy with a command",
    tested_on: "a simulated unit with the same commands",
    ..table::USUAL
};

static DEVICE: Kind = Kind {
    ways: &[Way::Telnet(23), Way::Ssh(22)],
    old_ssh: true,
    manners: Manners {
        login: Login { password: &[r"(?i)password\s*:"], ..USUAL_LOGIN },
        prompts: &[r"\n(?:RSM|MPC|IPS|TPS|NBB|NPS|VMR)>"],
        pager: &[(r"\n[^\n|]*Enter:", "\r")],
        busy: &[r"(?i)in use"],
        leave: "/X",
        ..USUAL_MANNERS
    },
    dialects: &[COMMANDS],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_wti",
    shortdesc: "Fence agent for WTI network power switches over telnet and SSH",
    longdesc: "fence_wti switches the plugs of WTI's network power switches through their command line, over telnet or SSH. User and password are told where the unit asks for them.\n\nA plug is its number or its name, where only one has that name. Several are switched and verified together. A plug that is busy with an earlier command is neither on nor off.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    options: &[
        &[options::ACTION, options::IP.required(), options::IPPORT.default("23")],
        options::LOGIN,
        &[options::PLUG],
        ACCESS,
        options::LISTING,
        options::COMMON,
    ],
    defaults: &[
        ("command_prompt", "['RSM>', 'MPC>', 'IPS>', 'TPS>', 'NBB>', 'NPS>', 'VMR>']"),
        ("login_timeout", "10"),
    ],
    check: |settings| console::check(settings, &DEVICE),
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};
