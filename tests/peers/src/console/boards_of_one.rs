//! Boards of one machine by others: IBM's Remote Supervisor Adapter II (IBM's user's guide, "text user interface"), the
//! management processor of HP's Integrity machines ("Integrity iLO 2 MP Operations Guide"), and Fujitsu Siemens' Remote Service
//! Board, which has menus that keys choose from.

use super::boards::COMPLETED;
use super::data::{Command, Console, Login, State, Step, Words};

const NOTHING: Command = Command { typed: "", does: &[] };

const OK: Step = Step::Say("ok");

/// An RSA II.
pub const RSA: Console = Console {
    login: Some(Login {
        user: Some("login : "),
        password: Some("Password: "),
        refusal: "\nInvalid login\n\n",
        tries: 3,
    }),
    greeting: "\n<Remote Supervisor Adapter II> of {name}\nLast login: Thursday January 1 2026 01:02 from 192.0.2.9\n\n",
    at_most: Some((2, "\nThe maximum number of sessions is in use.\n")),
    ..Console::new(&[State::prompt(
        "system",
        "system> ",
        &[
            NOTHING,
            Command {
                typed: "power state",
                does: &[Step::Each("Power: {state}"), Step::Say("State: System running/State Undefined")],
            },
            Command { typed: "power on", does: &[Step::Switch(true), OK] },
            Command { typed: "power off", does: &[Step::Switch(false), OK] },
            Command { typed: "exit", does: &[Step::Leave] },
        ],
        &[Step::Say("Command not found.")],
    )])
};

/// A management processor: its main menu leads to the command line.
pub const ILO_MP: Console = Console {
    login: Some(Login {
        user: Some("MP login: "),
        password: Some("MP password: "),
        refusal: "\nInvalid login\n\n",
        tries: 3,
    }),
    greeting: "\n                         Hewlett-Packard Integrated Lights-Out 2\n\n\
               (C) Copyright Hewlett-Packard Company 1999-2008.  All Rights Reserved.\n\n\
               MP ACCESS IS NOT SECURE\nMP MAIN MENU:\n         CO: Console\n         CM: Command Menu\n      \
               SMCLP: Server Management Command Line Protocol\n          X: Exit Connection\n\n",
    words: Words { on: "enabled", off: "disabled", pending: "" },
    ..Console::new(&[
        State::prompt(
            "mp",
            "[ilo2] MP> ",
            &[
                NOTHING,
                Command { typed: "SMCLP", does: &[Step::Say("SM CLP session."), Step::Go("clp")] },
                Command { typed: "X", does: &[Step::Leave] },
            ],
            &[Step::Say("Invalid command.")],
        ),
        State::prompt(
            "clp",
            "</>hpiLO-> ",
            &[
                NOTHING,
                Command {
                    typed: "show /system1",
                    does: &[
                        COMPLETED,
                        Step::Say("/system1\n  Properties\n    Name={name}\n    EnabledState={state}\n"),
                    ],
                },
                Command { typed: "start /system1", does: &[Step::Switch(true), COMPLETED] },
                Command { typed: "stop -f /system1", does: &[Step::Switch(false), COMPLETED] },
                Command { typed: "exit", does: &[COMPLETED, Step::Leave] },
            ],
            &[Step::Say(
                "status=2\nstatus_tag=COMMAND PROCESSING FAILED\nerror_tag=COMMAND NOT RECOGNIZED\n",
            )],
        ),
    ])
};

const TO_MAIN: (u8, &[Step]) = (b'0', &[Step::Go("main")]);

/// A question with a word for its answer.
const fn sure(name: &'static str, prompt: &'static str, commands: &'static [Command]) -> State {
    State { name, shows: &[], prompt, commands, keys: &[], unknown: &[Step::Go("power")] }
}

/// An RSB. `2` and `0` count as soon as they are typed.
pub const RSB: Console = Console {
    login: Some(Login {
        user: Some("Username: "),
        password: Some("Password: "),
        refusal: "\nInvalid user\n\n",
        tries: 3,
    }),
    ..Console::new(&[
        State {
            name: "main",
            shows: &[Step::Say(
                "\nMain Menu\n (1) System Information\n (2) Power Management\n (3) Enclosure Information",
            )],
            prompt: "Enter selection or (0) to quit: ",
            commands: &[],
            keys: &[(b'2', &[Step::Go("power")]), (b'0', &[Step::Leave])],
            unknown: &[],
        },
        State {
            name: "power",
            shows: &[
                Step::Say("\nPower Management Menu"),
                Step::Each("Power Status : {state}"),
                Step::Say(" (1) Immediate Power Off\n (2) Immediate Reset\n (3) Power Cycle\n (4) Power On"),
            ],
            prompt: "Enter selection or (0) to quit: ",
            commands: &[
                Command { typed: "1", does: &[Step::Go("off")] },
                Command { typed: "4", does: &[Step::Go("on")] },
            ],
            keys: &[TO_MAIN],
            unknown: &[],
        },
        sure(
            "off",
            "Do you really want to power off the server ? (yes/no): ",
            &[Command { typed: "yes", does: &[Step::Switch(false), Step::Go("done")] }],
        ),
        sure(
            "on",
            "Do you really want to power on the server ? (yes/no): ",
            &[Command { typed: "yes", does: &[Step::Switch(true), Step::Go("done")] }],
        ),
        State {
            name: "done",
            shows: &[],
            prompt: "Press any key to continue",
            commands: &[Command { typed: "", does: &[Step::Go("power")] }],
            keys: &[],
            unknown: &[Step::Go("power")],
        },
    ])
};
