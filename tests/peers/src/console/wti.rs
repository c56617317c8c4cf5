//! WTI's network power switches (NPS, IPS, RSM and others; WTI's user guides, chapter "Command Reference"). They greet
//! with their name, may ask for a password alone, and show plugs page by page.

use std::time::Duration;

use super::data::{Command, Console, Login, Many, Pager, State, Step, Words};

/// A plug with a question before it is switched.
const SURE: &str = "Sure? (Y/N): ";

/// A network power switch that asks for a password alone.
pub const WTI: Console = Console {
    banner: "\nNetwork Power Switch v4.04      Site ID: rack4\n\n",
    login: Some(Login {
        user: None,
        password: Some("Enter Password: "),
        refusal: "\nInvalid Password\n",
        tries: 3,
    }),
    words: Words { on: "ON", off: "OFF", pending: " *" },
    no_such_outlet: &[Step::Say("Invalid Plug.")],
    takes_names: true,
    many: Some(Many { all: &["*"], and: '+', to: ':' }),
    pager: Some(Pager { lines: 20, marker: "Enter: ", key: b'\r', cleared: "\r\n" }),
    at_most: Some((1, "\nPort is in use.\n")),
    ..Console::new(&[
        State::prompt(
            "nps",
            "\nNPS> ",
            &[
                Command { typed: "", does: &[] },
                Command {
                    typed: "/S",
                    does: &[
                        Step::Say(
                            "\nPLUG | NAME             | STATUS  | DEFAULT |\n\
                             -----+------------------+---------+---------+",
                        ),
                        Step::All(" {id:3} | {name:16} |  {state:6} |  ON     |"),
                        Step::Say("-----+------------------+---------+---------+"),
                    ],
                },
                Command { typed: "/On {outlet},y", does: &[Step::Switch(true), PROCESSING] },
                Command { typed: "/Off {outlet},y", does: &[Step::Switch(false), PROCESSING] },
                Command {
                    typed: "/Boot {outlet},y",
                    does: &[Step::Cycle(Duration::from_secs(5)), PROCESSING],
                },
                Command { typed: "/On {outlet}", does: &[Step::Go("on")] },
                Command { typed: "/Off {outlet}", does: &[Step::Go("off")] },
                Command { typed: "/X", does: &[Step::Say("Disconnected."), Step::Leave] },
            ],
            &[Step::Say("Invalid Command.")],
        ),
        State::prompt(
            "on",
            SURE,
            &[Command { typed: "y", does: &[Step::Switch(true), PROCESSING, Step::Go("nps")] }],
            &[Step::Go("nps")],
        ),
        State::prompt(
            "off",
            SURE,
            &[Command { typed: "y", does: &[Step::Switch(false), PROCESSING, Step::Go("nps")] }],
            &[Step::Go("nps")],
        ),
    ])
};

const PROCESSING: Step = Step::Say("Processing - please wait ...");
