//! More power strips: Koukaam's NETIO-230B, which is no console but a protocol of lines (NETIO's "KSHELL" manual), and
//! Eaton's ePDU G3 (Eaton's "ePDU G3 command line interface").

use super::data::{Command, Console, Exec, Login, State, Step, Words};

const LEAVE: Command = Command { typed: "quit", does: &[Step::Say("110 BYE"), Step::Leave] };
const OK: Step = Step::Say("250 OK");

/// NETIO-230B at its TCP port: user and password are a command, nothing is echoed, answers begin with a number.
pub const NETIO: Console = Console {
    greeting: "100 HELLO E675DDA5\n",
    words: Words { on: "1", off: "0", pending: "" },
    no_such_outlet: &[Step::Say("501 INVALID PARAMETR")],
    echo: false,
    ..Console::new(&[
        State::prompt(
            "out",
            "",
            &[
                Command {
                    typed: "login {*}",
                    does: &[Step::LogIn(&[OK, Step::Go("in")], &[Step::Say("503 INVALID LOGIN")])],
                },
                LEAVE,
            ],
            &[Step::Say("505 FORBIDDEN")],
        ),
        State::prompt(
            "in",
            "",
            &[
                Command { typed: "port {outlet} 0", does: &[Step::Switch(false), OK] },
                Command { typed: "port {outlet} 1", does: &[Step::Switch(true), OK] },
                Command {
                    typed: "port setup {outlet}",
                    does: &[Step::Each("250 \"{name}\" manual 2 {state}")],
                },
                Command { typed: "port {outlet}", does: &[Step::Each("250 {state}")] },
                Command { typed: "noop", does: &[OK] },
                LEAVE,
            ],
            &[Step::Say("502 UNKNOWN COMMAND")],
        ),
    ])
};

/// Eaton's ePDU G3: objects are got and set; on and off are times until then.
pub const EATON: Console = Console {
    login: Some(Login {
        user: Some("login: "),
        password: Some("password: "),
        refusal: "Login incorrect\n",
        tries: 3,
    }),
    words: Words { on: "1", off: "0", pending: "" },
    no_such_outlet: &[Step::Say("ERROR: invalid object")],
    exec: Exec::Done,
    ..Console::new(&[State::prompt(
        "pdu",
        "pdu#0>",
        &[
            Command { typed: "", does: &[] },
            Command { typed: "get PDU.OutletSystem.Outlet.Count", does: &[Step::Say("{count}")] },
            Command {
                typed: "get PDU.OutletSystem.Outlet[{outlet}].PresentStatus.SwitchOnOff",
                does: &[Step::Each("{state}")],
            },
            Command { typed: "get PDU.OutletSystem.Outlet[{outlet}].iName", does: &[Step::Each("{name}")] },
            Command {
                typed: "set PDU.OutletSystem.Outlet[{outlet}].DelayBeforeShutdown 0",
                does: &[Step::Switch(false), Step::Say("0")],
            },
            Command {
                typed: "set PDU.OutletSystem.Outlet[{outlet}].DelayBeforeStartup 0",
                does: &[Step::Switch(true), Step::Say("0")],
            },
            Command { typed: "quit", does: &[Step::Leave] },
        ],
        &[Step::Say("ERROR: unknown command")],
    )])
};
