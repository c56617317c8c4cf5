//! APC's rack power units: the command line of firmware 5 and later, and the menus of firmware 3 (APC's "Network
//! Management Card" user guides, chapter "Command Line Interface" or "Control Console").

use super::data::{Command, Console, Enter, Exec, Login, Many, State, Step, Words};

const LOGIN: Login = Login {
    user: Some("User Name : "),
    password: Some("Password  : "),
    refusal: "\nInvalid login\n\n",
    tries: 3,
};

/// Firmware 6: every answer begins with a code, `E000` for success.
pub const APC: Console = Console {
    banner: "\n",
    login: Some(LOGIN),
    greeting: "\n\nSchneider Electric                      Network Management Card AOS      v6.5.6\n\
               (c) Copyright 2017 All Rights Reserved   RPDU 2g APP                      v6.5.6\n\
               -------------------------------------------------------------------------------\n\
               Name      : rack4                                     Date : 01/02/2026\n\
               Contact   : nobody                                    Time : 03:04:05\n\
               Location  : here                                      User : {user}\n\
               Up Time   : 5 Days 6 Hours 7 Minutes                  Stat : P+ N4+ N6+ A+\n\n\
               Type ? for command listing\nUse tcpip command for IP address(-i), subnet(-s), and gateway(-g)\n\n",
    words: Words { on: "On", off: "Off", pending: "*" },
    no_such_outlet: &[Step::Say("E102: Parameter Error")],
    takes_names: true,
    many: Some(Many { all: &["all"], and: ',', to: '-' }),
    password_echo: "*",
    exec: Exec::Ignored,
    ..Console::new(&[State::prompt(
        "cli",
        "apc>",
        &[
            Command { typed: "", does: &[] },
            Command { typed: "olStatus {outlet}", does: &[OK, Step::Each(" {id}: {name}: {state}")] },
            Command { typed: "olOn {outlet}", does: &[Step::Switch(true), OK] },
            Command { typed: "olOff {outlet}", does: &[Step::Switch(false), OK] },
            Command {
                typed: "olReboot {outlet}",
                does: &[Step::Cycle(std::time::Duration::from_secs(5)), OK],
            },
            Command { typed: "exit", does: &[Step::Say("Bye."), Step::Leave] },
            Command { typed: "quit", does: &[Step::Say("Bye."), Step::Leave] },
            Command { typed: "bye", does: &[Step::Say("Bye."), Step::Leave] },
        ],
        &[Step::Say("E101: Command Not Found")],
    )])
};

const OK: Step = Step::Say("E000: Success");

const ESC: u8 = 27;
const CONTROL_C: u8 = 3;

/// A menu: ESC goes back, Ctrl-C to the first menu, Enter alone shows it again.
const fn menu(
    name: &'static str,
    shows: &'static [Step],
    commands: &'static [Command],
    keys: &'static [(u8, &'static [Step])],
) -> State {
    State { name, shows, prompt: "\n> ", commands, keys, unknown: &[] }
}

const MAIN: (u8, &[Step]) = (CONTROL_C, &[Step::Go("main")]);

/// A choice that leads to another menu.
const fn to(typed: &'static str, does: &'static [Step]) -> Command {
    Command { typed, does }
}

/// Firmware 3: menus of a switched rack power unit of the first generation.
pub const APC_MENUS: Console = Console {
    banner: "\n",
    login: Some(LOGIN),
    greeting: "\nAmerican Power Conversion               Network Management Card AOS      v3.9.2\n\
               (c) Copyright 2010 All Rights Reserved  Rack PDU APP                     v3.9.2\n",
    words: Words { on: "ON", off: "OFF", pending: "*" },
    password_echo: "*",
    enter: Enter::Any,
    ..Console::new(MENUS)
};

const MENUS: &[State] = &[
    menu(
        "main",
        &[Step::Say(
            "\n------- Control Console -------------------------------------------------------\n\n     \
                 1- Device Manager\n     2- Network\n     3- System\n     4- Logout\n\n     \
                 <ESC>- Main Menu, <ENTER>- Refresh, <CTRL-L>- Event Log",
        )],
        &[to("1", &[Step::Go("device")]), to("4", &[Step::Say("Logging out."), Step::Leave])],
        &[MAIN, (ESC, &[Step::Go("main")])],
    ),
    menu(
        "device",
        &[Step::Say(
            "\n------- Device Manager --------------------------------------------------------\n\n     \
                 1- Phase Management\n     2- Outlet Management\n     3- Power Supply Status\n\n     \
                 <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log",
        )],
        &[to("2", &[Step::Go("management")])],
        &[MAIN, (ESC, &[Step::Go("main")])],
    ),
    menu(
        "management",
        &[Step::Say(
            "\n------- Outlet Management -----------------------------------------------------\n\n     \
                 1- Outlet Control/Configuration\n     2- Outlet Restriction\n\n     \
                 <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log",
        )],
        &[to("1", &[Step::Go("outlets")])],
        &[MAIN, (ESC, &[Step::Go("device")])],
    ),
    menu(
        "outlets",
        &[
            Step::Say("\n------- Outlet Control/Configuration ------------------------------------------\n"),
            Step::All("    {id:>2}- {name:24}{state}"),
            Step::Say("\n     <ESC>- Back, <ENTER>- Refresh, <CTRL-L>- Event Log"),
        ],
        &[to("{outlet}", &[Step::Go("outlet")])],
        &[MAIN, (ESC, &[Step::Go("management")])],
    ),
    menu(
        "outlet",
        &[
            Step::Say("\n------- {name} -----------------------------------------------------\n"),
            Step::Each(
                "        Name         : {name}\n        Outlet       : {id}\n        State        : {state}",
            ),
            Step::Say(
                "\n     1- Control Outlet\n     2- Configure Outlet\n\n     <ESC>- Back, <ENTER>- Refresh",
            ),
        ],
        &[to("1", &[Step::Go("control")])],
        &[MAIN, (ESC, &[Step::Go("outlets")])],
    ),
    menu(
        "control",
        &[
            Step::Say("\n------- Control Outlet --------------------------------------------------------\n"),
            Step::Each(
                "        Name         : {name}\n        Outlet       : {id}\n        State        : {state}",
            ),
            Step::Say(
                "\n     1- Immediate On\n     2- Immediate Off\n     3- Immediate Reboot\n     \
                     4- Delayed On\n     5- Delayed Off\n     6- Delayed Reboot\n     7- Cancel\n\n     \
                     <ESC>- Back, <ENTER>- Refresh",
            ),
        ],
        &[to("1", &[Step::Say(ON), Step::Go("on")]), to("2", &[Step::Say(OFF), Step::Go("off")])],
        &[MAIN, (ESC, &[Step::Go("outlet")])],
    ),
    SURE_ON,
    SURE_OFF,
    State {
        name: "issued",
        shows: &[],
        prompt: "Command successfully issued.\n\nPress <ENTER> to continue...",
        commands: &[to("", &[Step::Go("control")])],
        keys: &[],
        unknown: &[Step::Go("control")],
    },
];

const ON: &str =
    "\n        Immediate On\n\n        This command will immediately turn outlet {id} named '{name}' on.\n";
const OFF: &str =
    "\n        Immediate Off\n\n        This command will immediately shutdown outlet {id} named '{name}'.\n";
const SURE: &str = "        Enter 'YES' to continue or <ENTER> to cancel : ";

const SURE_ON: State = State {
    name: "on",
    shows: &[],
    prompt: SURE,
    commands: &[to("", &[Step::Go("control")]), to("YES", &[Step::Switch(true), Step::Go("issued")])],
    keys: &[],
    unknown: &[Step::Go("control")],
};

const SURE_OFF: State = State {
    name: "off",
    commands: &[to("", &[Step::Go("control")]), to("YES", &[Step::Switch(false), Step::Go("issued")])],
    ..SURE_ON
};
