//! fence_drac5: Dell's DRAC 5, the chassis controllers CMC and DRAC/MC, and iDRACs by their command line, over telnet or SSH.

use crate::agents::console::table::{self, Act, Dialect, Exec, Kind, KnownBy, Plugs, Query, Reader, Way};
use crate::agents::console::{self, ACCESS, AGENT as USUAL};
use crate::agents::drac::{BUSY, REFUSALS, VALUES};
use crate::fencing::option::{Kind as Value, Opt};
use crate::fencing::options;
use crate::fencing::{Agent, Plugs as Machines, Settings};
use crate::protocols::console::{Manners, USUAL as USUAL_MANNERS};

const DRAC_VERSION: Opt = Opt::new(
    "drac_version",
    "drac-version",
    Value::Choice(&["DRAC CMC", "DRAC MC", "DRAC 5"]),
    "Which of them it is, where its greeting and its prompt don't tell",
)
.short('d')
.suffix("=[version]");

/// What racadm says to a command for the power.
const ACCEPTED: &str = r"(?i)^\s*server power operation (?:initiated )?success";

/// One machine's card.
const DRAC_5: Dialect = Dialect {
    name: "DRAC 5",
    known_by: KnownBy::Greeting(r"DRAC 5\b"),
    state: Query {
        line: "racadm serveraction powerstatus",
        whole: &[],
        reader: Reader::Value(r"(?i)^\s*(?:server )?power status:\s*(?<state>\S.*?)\s*$"),
    },
    values: VALUES,
    on: Act { lines: &["racadm serveraction powerup"], confirm: &[], accepted: Some(ACCEPTED) },
    off: Act { lines: &["racadm serveraction powerdown"], confirm: &[], accepted: Some(ACCEPTED) },
    refusals: REFUSALS,
    source: "Dell Remote Access Controller 5 and iDRAC user's guides: racadm serveraction powerstatus, powerup, powerdown",
    tested_on: "a simulated DRAC 5 and a simulated iDRAC with the same commands",
    ..table::USUAL
};

/// The same commands at the prompts of the cards that followed.
const IDRAC: Dialect =
    Dialect { name: "iDRAC", known_by: KnownBy::Greeting(r"^(?:/admin1->|racadm>>)"), ..DRAC_5 };

/// The same, where nothing tells that it isn't a chassis.
const NOT_TOLD: Dialect = Dialect {
    name: "DRAC 5, as it looks",
    known_by: KnownBy::Nothing,
    plugs: Plugs::NotTold(
        "it doesn't tell whether it is a chassis with several: drac_version says what it is",
    ),
    ..DRAC_5
};

/// A chassis whose modules are named by each command.
const CMC: Dialect = Dialect {
    name: "DRAC CMC",
    known_by: KnownBy::Greeting(r"\bCMC\b"),
    plugs: Plugs::Like {
        pattern: r"(?i)server-(?:[1-9]|1[0-6])[a-d]?",
        says: "the name of a server module, server-1 to server-16",
    },
    state: Query {
        line: "racadm serveraction powerstatus -m {plug}",
        whole: &[],
        // The controller says the value alone, or what a DRAC 5 says.
        reader: Reader::Value(
            r"(?i)^\s*(?:(?:server )?power status:\s*)?(?<state>on|off|powering on|powering off|n/a)\s*$",
        ),
    },
    list: Some(Query {
        line: "getmodinfo",
        whole: &[],
        reader: Reader::Rows(
            r"(?i)^\s*(?<plug>server-\S+)\s+Present\s+(?<state>(?:Powering\s)?\S+)(?:\s+\S.*)?$",
        ),
    }),
    on: Act { lines: &["racadm serveraction powerup -m {plug}"], confirm: &[], accepted: Some(ACCEPTED) },
    off: Act { lines: &["racadm serveraction powerdown -m {plug}"], confirm: &[], accepted: Some(ACCEPTED) },
    source: "Dell Chassis Management Controller user's guide and RACADM reference: serveraction -m, getmodinfo; ON, OFF, Powering ON, Powering OFF, N/A",
    tested_on: "a simulated CMC with the same commands",
    ..DRAC_5
};

/// What lists the modules of a DRAC/MC with their states.
const MODULES: Query = Query {
    line: "getmodinfo",
    whole: &[],
    reader: Reader::Rows(
        r"(?i)^\s*\d*\s*-+>\s*(?<plug>\S+)\s+Present\s+(?<state>(?:Powering\s)?\S+)(?:\s+\S.*)?$",
    ),
};

/// A chassis whose modules are told all at once.
const MC: Dialect = Dialect {
    name: "DRAC MC",
    known_by: KnownBy::Greeting(r"^DRAC/MC"),
    plugs: Plugs::Like {
        pattern: r"[A-Za-z]+-[0-9]+",
        says: "the name of a module as getmodinfo lists it, such as Server-7",
    },
    state: MODULES,
    list: Some(MODULES),
    on: Act {
        lines: &["racadm serveraction -s {plug} powerup"],
        confirm: &[],
        accepted: Some(r"(?i)^\s*OK\s*$"),
    },
    off: Act {
        lines: &["racadm serveraction -s {plug} powerdown"],
        confirm: &[],
        accepted: Some(r"(?i)^\s*OK\s*$"),
    },
    source: "Dell DRAC/MC user's guide: getmodinfo, racadm serveraction -s",
    tested_on: "a simulated DRAC/MC with the same commands",
    ..DRAC_5
};

const fn of(dialects: &'static [Dialect]) -> Kind {
    Kind {
        ways: &[Way::Telnet(23), Way::Ssh(22)],
        old_ssh: true,
        manners: Manners {
            prompts: &[r"\n[^\s$]*\$", r"\nDRAC/MC:", r"\n/admin1->", r"\nracadm>>"],
            busy: BUSY,
            ..USUAL_MANNERS
        },
        dialects,
    }
}

/// What tells by itself which it is.
static DEVICE: Kind = of(&[CMC, DRAC_5, IDRAC, MC, NOT_TOLD]);

/// What the user says it is.
static SAID: [(&str, Kind); 3] = [
    ("DRAC CMC", of(&[Dialect { known_by: KnownBy::Nothing, exec: Exec::ByAnswer, ..CMC }])),
    ("DRAC MC", of(&[Dialect { known_by: KnownBy::Nothing, ..MC }])),
    ("DRAC 5", of(&[Dialect { known_by: KnownBy::Nothing, exec: Exec::ByAnswer, ..DRAC_5 }])),
];

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_drac5",
    shortdesc: "Fence agent for Dell DRAC 5, CMC and DRAC/MC over telnet and SSH",
    longdesc: "fence_drac5 switches machines through the command line of Dell's DRAC 5, of the chassis controllers CMC and DRAC/MC, and of iDRACs, over telnet or SSH. Cards that speak IPMI or Redfish are better served by fence_idrac and fence_redfish.\n\nWhich of them it is goes by the greeting and the prompt, unless drac_version says it. A chassis needs a plug: server-1 to server-16 on a CMC, the name that getmodinfo lists on a DRAC/MC. A DRAC 5 and an iDRAC are one machine's, and ignore it. Where nothing tells what it is, a plug is refused, because a command without it might be about a whole chassis.\n\nA module that is on its way to off, or whose state isn't determined (N/A), isn't off.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n server-3 -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -d 'DRAC CMC' -n server-3 -o reboot -v",
    ],
    options: &[
        console::OF_PLUGS,
        &[options::PLUG.text("Module of a chassis to act on: server-3"), DRAC_VERSION],
        ACCESS,
        options::LISTING,
        options::COMMON,
    ],
    defaults: &[("command_prompt", "['\\\\$', 'DRAC\\\\/MC:']")],
    plugs: Machines::Perhaps,
    check: |settings| console::check(settings, kind(settings)),
    open: |settings, times| console::open(settings, times, kind(settings)),
    ..USUAL
};

fn kind(settings: &Settings) -> &'static Kind {
    let said = settings.choice(&DRAC_VERSION);
    SAID.iter().find(|(version, _)| Some(*version) == said).map_or(&DEVICE, |(_, kind)| kind)
}
