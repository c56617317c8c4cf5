//! fence_netio: Koukaam's NETIO power units, by lines over a TCP port.

use crate::agents::console::table::{self, Act, Dialect, Kind, Plugs, Query, Reader, Refusal, Values, Way};
use crate::agents::console::{self, AGENT as USUAL};
use crate::fencing::options::{self, tool_path};
use crate::fencing::{Agent, Error, Settings};
use crate::protocols::console::{Login, Manners, USUAL as USUAL_MANNERS, USUAL_LOGIN};

const ACCEPTED: &str = r"^250 OK";

/// Answers of one line, with a number in front.
const COMMANDS: Dialect = Dialect {
    name: "NETIO, KSHELL",
    plugs: Plugs::Like { pattern: r"[1-4]", says: "the number of an outlet, 1 to 4" },
    state: Query { line: "port {plug}", whole: &[], reader: Reader::Value(r"^250 (?<state>\S+)\s*$") },
    list: Some(Query {
        line: "port setup {plug}",
        whole: &[],
        reader: Reader::Value(r#"^250 "(?<name>.*)" \S+ \S+ \S+\s*$"#),
    }),
    numbers: (1, 4),
    // i, m and t are modes: rebooting, by hand, by a timer.
    values: Values { on: &["1"], off: &["0"], changing: &["i"] },
    on: Act { lines: &["port {plug} 1"], confirm: &[], accepted: Some(ACCEPTED) },
    off: Act { lines: &["port {plug} 0"], confirm: &[], accepted: Some(ACCEPTED) },
    refusals: &[
        (r"^501", Refusal::NoSuchPlug),
        (r"^50[35]", Refusal::Privilege),
        (r"^502", Refusal::Unknown),
        (r"^5\d\d", Refusal::Failed),
    ],
    source: "NETIO-230 and NETIO 4 KSHELL manual: login, port N, port N 0, port N 1, port setup N; 1xx, 250, 5xx",
    tested_on: "a simulated unit with the same commands",
    ..table::USUAL
};

static DEVICE: Kind = Kind {
    ways: &[Way::Plain(1234)],
    old_ssh: false,
    manners: Manners {
        enter: "\r\n",
        login: Login { command: Some(("login {user} {password}", "250")), ..USUAL_LOGIN },
        prompts: &[r"\n[1-5]\d\d [^\n]*\n"],
        steady: false,
        echoes: false,
        leave: "quit",
        ..USUAL_MANNERS
    },
    dialects: &[COMMANDS],
};

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_netio",
    shortdesc: "Fence agent for Koukaam NETIO power units",
    longdesc: "fence_netio switches the four outlets of Koukaam's NETIO-230 power units, and of later ones that speak the same, by lines over a TCP port.\n\nA plug is an outlet's number, 1 to 4. Several are switched and verified together. User, password and states go over the network as they are: it belongs into a network of its own.",
    examples: &[
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o status",
        "-a 192.0.2.10 -l admin -S 'cat /etc/fence.secret' -n 3 -o reboot -v",
    ],
    options: &[
        console::OF_PLUGS,
        &[options::PLUG.text("Outlet to act on: its number"), tool_path("telnet_path", "telnet-path")],
        options::LISTING,
        options::COMMON,
    ],
    defaults: &[("ipport", "1234")],
    check,
    open: |settings, times| console::open(settings, times, &DEVICE),
    ..USUAL
};

fn check(settings: &Settings) -> Result<(), Error> {
    // Both stand in one line, with a blank between them.
    let blank = |bytes: &[u8]| bytes.iter().any(u8::is_ascii_whitespace);
    let user = settings.text(&options::USERNAME).is_some_and(|user| blank(user.as_bytes()));
    let password = settings.secret(&options::PASSWORD).is_some_and(|password| blank(password.expose()));
    for (option, bad) in [(options::USERNAME, user), (options::PASSWORD, password)] {
        if bad {
            return Err(Error::bad_input(
                settings.called(&option),
                "these units take none with a blank in it",
            ));
        }
    }
    console::check(settings, &DEVICE)
}
