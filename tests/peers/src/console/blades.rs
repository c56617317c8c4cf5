//! Chassis of others: HP's c-Class enclosures and Superdome X (HP's "Onboard Administrator Command Line Interface User Guide",
//! and the "Superdome 2 Partitioning Administrator Guide" for `parstatus`), and Hitachi's Compute Blade, which has menus.

use super::data::{Command, Console, Enter, Login, Many, State, Step, Words};

const LOGIN: Login =
    Login { user: Some("login: "), password: Some("Password: "), refusal: "\nLogin incorrect\n\n", tries: 3 };

const LEAVE: Command = Command { typed: "exit", does: &[Step::Leave] };
const NOTHING: Command = Command { typed: "", does: &[] };
const UNKNOWN: &[Step] = &[Step::Say("ERROR: Unknown command.")];

/// An enclosure of blades. It takes ranges, and a word for all, where a bay is named.
pub const HPBLADE: Console = Console {
    banner: "\nWARNING: This is a private system. Do not attempt to login unless you are an authorized user. -->\n\n",
    login: Some(LOGIN),
    greeting: "\nHP BladeSystem Onboard Administrator\n(C) Copyright 2006-2014 Hewlett-Packard Development Company, L.P.\n\
               OA Bay Number:  1\nOA Role:        Active\n\n",
    no_such_outlet: &[Step::Say("ERROR: The server bay is out of range.")],
    many: Some(Many { all: &["all"], and: ',', to: '-' }),
    enter: Enter::Lf,
    ..Console::new(&[State::prompt(
        "oa",
        "c7000oa> ",
        &[
            NOTHING,
            Command {
                typed: "show enclosure info",
                does: &[Step::Say(
                    "Enclosure Information:\n        Enclosure Name: c7000oa\n        \
                     Enclosure Type: BladeSystem c7000 Enclosure G2\n        Part Number: 507019-B21",
                )],
            },
            Command {
                typed: "show server status {outlet}",
                does: &[Step::Each(
                    "Blade #{id} Status:\n        Power: {state}\n        Current Wattage used: 180\n        \
                     Health: OK\n        Unit Identification LED: Off\n        Virtual Fan: 33%\n        \
                     Diagnostic Status:\n                Internal Data                            OK\n                \
                     Power                                    OK\n",
                )],
            },
            Command {
                typed: "show server list",
                does: &[
                    Step::Say(
                        "Bay iLO Name                      iLO IP Address  Status   Power   UID Partner\n\
                         --- ----------------------------- --------------- -------- ------- --- -------",
                    ),
                    Step::All("{id:>3} {name:30}192.0.2.3{id:7}OK       {state:8}Off"),
                    Step::Say(" 16 [Absent]\nTotals: {count} server blades installed."),
                ],
            },
            Command {
                typed: "poweron server {outlet}",
                does: &[Step::Switch(true), Step::Each("Blade {id} is powering on.")],
            },
            Command {
                typed: "poweroff server {outlet} force",
                does: &[Step::Switch(false), Step::Each("Blade {id} is powering down.")],
            },
            LEAVE,
        ],
        UNKNOWN,
    )])
};

/// A Superdome X: partitions, in lines for machines.
pub const SUPERDOME: Console = Console {
    words: Words { on: "UP", off: "DOWN", pending: "" },
    no_such_outlet: &[Step::Say("ERROR: Partition is not defined.")],
    states: &[State::prompt(
        "oa",
        "sdx-oa1> ",
        &[
            NOTHING,
            Command {
                typed: "show enclosure info",
                does: &[Step::Say(
                    "Enclosure Information:\n        Enclosure Name: sdx\n        Enclosure Type: Superdome X",
                )],
            },
            Command {
                typed: "parstatus -M -p {outlet}",
                does: &[Step::Each("partition:{id}  :{name}  /{state}  :OK  :2  :16")],
            },
            Command {
                typed: "parstatus -P -M",
                does: &[Step::All("partition:{id}  :{id}  /{state}  :OK  :2  :{name}")],
            },
            Command { typed: "poweron partition {outlet}", does: &[Step::Switch(true)] },
            Command { typed: "poweroff partition {outlet} force", does: &[Step::Switch(false)] },
            LEAVE,
        ],
        UNKNOWN,
    )],
    ..HPBLADE
};

/// A menu of the Compute Blade's service processor.
const fn menu(
    name: &'static str,
    shows: &'static [Step],
    prompt: &'static str,
    commands: &'static [Command],
) -> State {
    State { name, shows, prompt, commands, keys: &[], unknown: &[Step::Say("Invalid input.")] }
}

/// A Compute Blade 2000. The outlet is chosen in one menu, and switched in the next.
pub const COMPUTE_BLADE: Console = Console {
    login: Some(LOGIN),
    greeting: "\n<< System console >>\n",
    no_such_outlet: &[Step::Say("Invalid partition number.")],
    ..Console::new(&[
        menu(
            "main",
            &[Step::Say("\n[Main menu]\n S. System command mode\n X. Exit")],
            "(S,X) : ",
            &[Command { typed: "S", does: &[Step::Go("svp")] }, Command { typed: "X", does: &[Step::Leave] }],
        ),
        menu(
            "svp",
            &[],
            "SVP>",
            &[
                NOTHING,
                Command { typed: "PC", does: &[Step::Go("partitions")] },
                Command { typed: "EX", does: &[Step::Go("main")] },
            ],
        ),
        menu(
            "partitions",
            &[
                Step::Say("P Power        Condition     LID lamp Mode  Auto power on"),
                Step::All("{id} {state:13}Normal        Off      Basic Synchronized"),
                Step::Say("P. Power control  Q. Quit"),
            ],
            "(P,Q) : ",
            &[
                Command { typed: "P", does: &[Step::Go("power")] },
                Command { typed: "Q", does: &[Step::Go("svp")] },
            ],
        ),
        menu(
            "power",
            &[Step::Say("[Power control]\n P. Power on\n F. Forced power off\n H. Hard reset\n Q. Quit")],
            "(P,F,H,Q) : ",
            &[
                Command { typed: "P", does: &[Step::Go("which on")] },
                Command { typed: "F", does: &[Step::Go("which off")] },
                Command { typed: "Q", does: &[Step::Go("partitions")] },
            ],
        ),
        menu(
            "which on",
            &[],
            "Partition (0-7,Q) : ",
            &[
                Command { typed: "Q", does: &[Step::Go("power")] },
                Command { typed: "{outlet}", does: &[Step::Go("on")] },
            ],
        ),
        menu(
            "which off",
            &[],
            "Partition (0-7,Q) : ",
            &[
                Command { typed: "Q", does: &[Step::Go("power")] },
                Command { typed: "{outlet}", does: &[Step::Go("off")] },
            ],
        ),
        menu(
            "on",
            &[],
            "Partition {id} will be powered on. (Y/[N]) : ",
            &[Command { typed: "Y", does: &[Step::Switch(true), Step::Go("done")] }],
        ),
        menu(
            "off",
            &[],
            "Partition {id} will be powered off. (Y/[N]) : ",
            &[Command { typed: "Y", does: &[Step::Switch(false), Step::Go("done")] }],
        ),
        State {
            name: "done",
            shows: &[Step::Say("Accepted.")],
            prompt: "Hit enter key.",
            commands: &[Command { typed: "", does: &[Step::Go("power")] }],
            keys: &[],
            unknown: &[Step::Go("power")],
        },
    ])
};
