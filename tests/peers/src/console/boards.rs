//! Service processors: HP's iLO, which is a machine's own (HP's "Scripting and Command Line Guide", SM CLP; a device with one
//! outlet), and IBM's BladeCenter, whose outlets are blades (IBM's "Advanced Management Module CLI Guide").

use std::time::Duration;

use super::data::{Command, Console, Enter, Exec, Login, State, Step, Words};

pub(super) const COMPLETED: Step = Step::Say("status=0\nstatus_tag=COMMAND COMPLETED\n");

/// iLO 3 and later: CR ends a line, and every answer begins with a status.
pub const ILO: Console = Console {
    login: Some(Login {
        user: Some("login: "),
        password: Some("password: "),
        refusal: "\nLogin failed.\n",
        tries: 3,
    }),
    greeting: "User:{user} logged-in to ilo.example.net(192.0.2.7 / FE80::1)\n\niLO Advanced 2.44 at  Jul 22 2016\n\
               Server Name: {name}\nServer Power: {state}\n",
    words: Words { on: "enabled", off: "disabled", pending: "" },
    enter: Enter::Cr,
    exec: Exec::Done,
    ..Console::new(&[State::prompt(
        "clp",
        "\n</>hpiLO-> ",
        &[
            Command { typed: "", does: &[] },
            Command {
                typed: "show /system1",
                does: &[
                    COMPLETED,
                    Step::Say(
                        "\n/system1\n  Targets\n    firmware1\n    bootconfig1\n    log1\n  Properties\n    \
                         name=ProLiant DL360 Gen9\n    number=SN0001\n    enabledstate={state}\n    processor_number=2\n  \
                         Verbs\n    cd version exit show reset set start stop",
                    ),
                ],
            },
            Command { typed: "start /system1", does: &[Step::Switch(true), COMPLETED] },
            Command { typed: "stop -f /system1", does: &[Step::Switch(false), COMPLETED] },
            Command {
                typed: "power off hard",
                does: &[Step::Switch(false), COMPLETED, Step::Say("\nForcing server power off .......")],
            },
            Command { typed: "reset /system1 hard", does: &[Step::Cycle(Duration::from_secs(1)), COMPLETED] },
            Command { typed: "exit", does: &[COMPLETED, Step::Say("\nCLI session stopped"), Step::Leave] },
        ],
        &[Step::Say("status=2\nstatus_tag=COMMAND PROCESSING FAILED\nerror_tag=COMMAND NOT RECOGNIZED\n")],
    )])
};

const OK: Step = Step::Say("OK");
const STATE: Step = Step::Each("{state}");

/// A BladeCenter's management module: a blade is named by a command, or gone to.
pub const BLADECENTER: Console = Console {
    login: Some(Login {
        user: Some("username: "),
        password: Some("password: "),
        refusal: "Invalid login\n",
        tries: 2,
    }),
    greeting: "\nHostname:              mm.example.net\nStatic IP address:     192.0.2.8\n\
               Last login: Thursday January 1 2026 01:02 from 192.0.2.9 (SSH)\n\n",
    no_such_outlet: &[Step::Say("The target bay is out of range.")],
    at_most: Some((4, "\nThe maximum number of sessions is in use.\n")),
    exec: Exec::Done,
    ..Console::new(&[
        State::prompt(
            "system",
            "system> ",
            &[
                Command { typed: "", does: &[] },
                Command {
                    typed: "list -l 2",
                    does: &[Step::Say("system"), Step::All("        blade[{id}]   {name}")],
                },
                Command { typed: "power -state -T system:blade[{outlet}]", does: &[STATE] },
                Command { typed: "power -on -T system:blade[{outlet}]", does: &[Step::Switch(true), OK] },
                Command { typed: "power -off -T system:blade[{outlet}]", does: &[Step::Switch(false), OK] },
                Command { typed: "env -T system:blade[{outlet}]", does: &[OK, Step::Go("blade")] },
                Command { typed: "exit", does: &[Step::Leave] },
            ],
            &[Step::Say("Command not found.")],
        ),
        State::prompt(
            "blade",
            "system:blade[{id}]> ",
            &[
                Command { typed: "", does: &[] },
                Command { typed: "power -state", does: &[STATE] },
                Command { typed: "power -on", does: &[Step::Switch(true), OK] },
                Command { typed: "power -off", does: &[Step::Switch(false), OK] },
                Command { typed: "env -T system:blade[{outlet}]", does: &[OK] },
                Command { typed: "env -T system", does: &[OK, Step::Go("system")] },
                Command { typed: "exit", does: &[Step::Leave] },
            ],
            &[Step::Say("Command not found.")],
        ),
    ])
};
