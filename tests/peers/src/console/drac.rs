//! Dell's remote access cards: the DRAC 4, the DRAC 5, the chassis controllers CMC and DRAC/MC, and the command line of the
//! iDRAC that followed (Dell's user's guides, RACADM subcommands `getmodinfo` and `serveraction`).

use super::data::{Command, Console, Login, State, Step, Words};

const LEAVE: Command = Command { typed: "exit", does: &[Step::Leave] };
const NOTHING: Command = Command { typed: "", does: &[] };
const UNKNOWN: &[Step] = &[Step::Say("ERROR: Invalid subcommand specified.")];

const LOGIN: Login =
    Login { user: Some("Login: "), password: Some("Password: "), refusal: "\nLogin incorrect\n\n", tries: 3 };

/// A card of one machine, in capitals.
const CARD: Console =
    Console { login: Some(LOGIN), words: Words { on: "ON", off: "OFF", pending: "" }, ..Console::new(&[]) };

/// A DRAC 4: the machine is the one module in its list.
pub const DRAC: Console = Console {
    greeting: "\nDell Remote Access Controller 4/I (DRAC 4/I)\nFirmware Version 1.60 (Build 08.12)\n",
    states: &[State::prompt(
        "card",
        "[{user}]# ",
        &[
            NOTHING,
            Command {
                typed: "getmodinfo",
                does: &[
                    Step::Say("#<module>  <presence>  <pwrState>  <health>  <svcTag>"),
                    Step::Each(" 1  ---->  chassis  Present  {state}  Normal  ABC1234"),
                ],
            },
            Command { typed: "serveraction -d 0 powerup", does: &[Step::Switch(true)] },
            Command { typed: "serveraction -d 0 powerdown", does: &[Step::Switch(false)] },
            LEAVE,
        ],
        UNKNOWN,
    )],
    ..CARD
};

/// A DRAC 5, which says so before its first prompt.
pub const DRAC5: Console = Console {
    greeting: "\nDell Remote Access Controller 5 (DRAC 5)\nFirmware Version 1.33 (Build 08.07.15)\n",
    states: &[State::prompt("card", "$ ", RACADM, UNKNOWN)],
    ..CARD
};

/// An iDRAC 7 in its own shell, which doesn't say what it is but by its prompt.
pub const IDRAC: Console =
    Console { states: &[State::prompt("shell", "/admin1-> ", RACADM, UNKNOWN)], ..CARD };

const SUCCESS: Step = Step::Say("Server power operation successful");

/// What a card of one machine takes.
const RACADM: &[Command] = &[
    NOTHING,
    Command { typed: "racadm serveraction powerstatus", does: &[Step::Each("Server power status: {state}")] },
    Command { typed: "racadm serveraction powerup", does: &[Step::Switch(true), SUCCESS] },
    Command { typed: "racadm serveraction powerdown", does: &[Step::Switch(false), SUCCESS] },
    LEAVE,
];

/// A chassis with a CMC. Its servers are its outlets: `Server-1` in its list, `server-1` in its commands.
pub const CMC: Console = Console {
    greeting: "\nWelcome to the CMC firmware version 4.50\n\n",
    no_such_outlet: &[Step::Say("ERROR: The specified module is invalid. Invalid module.")],
    states: &[State::prompt(
        "chassis",
        "$ ",
        &[
            NOTHING,
            Command {
                typed: "racadm serveraction powerstatus -m server-{outlet}",
                does: &[Step::Each("{state}")],
            },
            Command {
                typed: "racadm serveraction powerup -m server-{outlet}",
                does: &[Step::Switch(true), SUCCESS],
            },
            Command {
                typed: "racadm serveraction powerdown -m server-{outlet}",
                does: &[Step::Switch(false), SUCCESS],
            },
            Command {
                typed: "getmodinfo",
                does: &[
                    Step::Say(
                        "<module>        <presence>      <pwrState>      <health>        <svcTag>\n\
                         Chassis         Present         ON              OK              CHS0001\n\
                         Fan-1           Present         ON              OK              N/A",
                    ),
                    Step::All("Server-{id:9}Present         {state:16}OK              SVC000{id}"),
                    Step::Say("Switch-1        Not Present     N/A             N/A             N/A"),
                ],
            },
            LEAVE,
        ],
        UNKNOWN,
    )],
    ..CARD
};

/// A chassis with a DRAC/MC, which lets one in at a time.
pub const DRAC_MC: Console = Console {
    no_such_outlet: &[Step::Say("ERROR: Invalid module.")],
    at_most: Some((1, "\nSomeone is already logged in.\n")),
    states: &[State::prompt(
        "chassis",
        "DRAC/MC: ",
        &[
            NOTHING,
            Command {
                typed: "getmodinfo",
                does: &[
                    Step::Say("#<group>     <module>    <presence>  <pwrState>  <health>  <svcTag>"),
                    Step::All(" {id:>2}  ---->  Server-{id:5}Present     {state:12}Normal    SVC000{id}"),
                    Step::Say("  9  ---->  Server-9    Not Present N/A         N/A       N/A"),
                ],
            },
            Command {
                typed: "racadm serveraction -s Server-{outlet} powerup",
                does: &[Step::Switch(true), Step::Say("OK")],
            },
            Command {
                typed: "racadm serveraction -s Server-{outlet} powerdown",
                does: &[Step::Switch(false), Step::Say("OK")],
            },
            LEAVE,
        ],
        UNKNOWN,
    )],
    ..CARD
};
