//! Consoles of servers' boards and of chassis against the ways in which they have been misread: what is true of the machine, and
//! what was typed at the device, are the judges. Where the original is installed (Debian package `fence-agents`), it is shown
//! what it makes of the same device.

use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use peers::agent::{assert_done, assert_failed_with};
use peers::console::{
    CMC, COMPUTE_BLADE, Command, Console, DRAC, DRAC_MC, DRAC5, Device, Fault, HPBLADE, IDRAC, ILO_MP, RSA,
    RSB, SUPERDOME, State, Step, Trouble, USER,
};
use peers::power::Habit;

use crate::common::*;

// What a machine is called that is on its way, or of which nothing is known.

#[test]
fn a_state_on_its_way_or_not_determined_is_never_off() {
    for word in ["Powering OFF", "Powering ON", "N/A", "Off-line"] {
        assert_not_off("fence_drac", &deaf(&DRAC, word, ONE), "1", &[]);
        assert_not_off("fence_drac5", &deaf(&CMC, word, FOUR), "2", &[("plug", "server-2")]);
    }
}

#[test]
fn a_machine_that_is_shutting_down_is_not_off_yet() {
    let device = deaf(&ILO_MP, "shutting down", ONE);
    if let Some(done) = original("fence_ilo_mp", &device, "off", &[]) {
        assert_done(&done, "Success: Already OFF\n");
        assert!(device.is_on("1"));
    }
    assert_not_off("fence_ilo_mp", &device, "1", &[]);
    assert_not_off("fence_rsa", &deaf(&RSA, "Off pending", ONE), "1", &[]);
    assert_not_off("fence_rsb", &deaf(&RSB, "Off in 30 s", ONE), "1", &[]);
    assert_not_off("fence_hds_cb", &deaf(&COMPUTE_BLADE, "Off*", FOUR), "2", &[("plug", "2")]);
    assert_not_off("fence_hpblade", &deaf(&HPBLADE, "Powering Off", FOUR), "2", &[("plug", "2")]);
    assert_not_off("fence_hpblade", &deaf(&SUPERDOME, "DEACTIVATING", FOUR), "2", &[("plug", "2")]);
}

#[test]
fn a_state_of_which_a_part_has_come_is_no_state_yet() {
    let device = start(&ILO_MP, ONE);
    device.fault(Fault::at(4, Trouble::Drip(Duration::from_millis(5))));
    assert_done(&run("fence_ilo_mp", &device, "status", &[]), "Status: ON\n");
    assert!(device.struck() == 1 && device.commands() == 0);
}

// DRAC 4.

/// What stands before the table of a DRAC 4 that greets each command.
const REMINDER: &str = "Please log off when you are done.";

/// A DRAC 4 that reminds of itself with each table.
fn reminding() -> Console {
    const STATES: &[State] = &[State::prompt(
        "card",
        "[{user}]# ",
        &[
            Command {
                typed: "getmodinfo",
                does: &[
                    Step::Say(REMINDER),
                    Step::Say("#<module>  <presence>  <pwrState>  <health>  <svcTag>"),
                    Step::Each(" 1  ---->  chassis  Present  {state}  Normal  ABC1234"),
                ],
            },
            Command { typed: "serveraction -d 0 powerdown", does: &[Step::Switch(false)] },
            Command { typed: "exit", does: &[Step::Leave] },
        ],
        &[],
    )];
    Console { states: STATES, ..DRAC }
}

#[test]
fn the_word_off_in_a_line_of_its_own_is_no_state() {
    let device = start(&reminding(), ONE);
    if let Some(done) = original("fence_drac", &device, "off", &[]) {
        assert_done(&done, "Success: Already OFF\n");
        assert!(device.is_on("1") && device.commands() == 0);
    }
    assert_done(&run("fence_drac", &device, "status", &[]), "Status: ON\n");
    assert_done(&run("fence_drac", &device, "off", &[]), "Success: Powered OFF\n");
    assert!(!device.is_on("1"));
}

#[test]
fn a_list_of_modules_that_is_cut_short_is_no_state() {
    let device = start(&reminding(), ONE);
    for lines in [0, 1, 2] {
        device.heal();
        for step in 3..60 {
            device.fault(Fault::at(step, Trouble::Cut(lines)));
        }
        let done = run("fence_drac", &device, "status", &LIMITS);
        assert_failed_with(&done, &[]);
    }
    assert!(device.struck() >= 3 && device.commands() == 0);
}

// DRAC 5, CMC, DRAC/MC, iDRAC.

/// A card that doesn't say what it is.
fn silent_card() -> Console {
    Console { greeting: "", ..DRAC5 }
}

#[test]
fn a_plug_of_a_device_that_does_not_tell_what_it_is_is_refused() {
    let plug = [("plug", "server-2")];
    let device = start(&silent_card(), &["chassis"]);
    if let Some(done) = original("fence_drac5", &device, "off", &plug) {
        assert_done(&done, "Success: Powered OFF\n");
        assert!(!device.is_on("1"), "it was the whole of it");
        device.turn("1", true);
    }
    let before = device.typed().len();
    let commands = device.commands();
    for action in ["off", "reboot", "status"] {
        assert_failed_with(&run("fence_drac5", &device, action, &plug), &["server-2", "drac_version"]);
    }
    assert!(device.is_on("1") && device.commands() == commands);
    assert!(device.typed().get(before..).unwrap().iter().all(|line| line == "exit"), "{:?}", device.typed());
    // Without one it is the only machine there is, and so it is where the user says what it is.
    assert_done(&run("fence_drac5", &device, "off", &[]), "Success: Powered OFF\n");
    assert!(!device.is_on("1"));
    device.turn("1", true);
    let said = [("plug", "server-2"), ("drac_version", "DRAC 5")];
    assert_done(&run("fence_drac5", &device, "off", &said), "Success: Powered OFF\n");
    assert!(!device.is_on("1"));
}

#[test]
fn what_a_card_is_is_known_by_its_greeting_or_its_prompt() {
    for (console, plug, off) in [
        (&CMC, "server-2", "racadm serveraction powerdown -m server-2"),
        (&DRAC_MC, "Server-2", "racadm serveraction -s Server-2 powerdown"),
    ] {
        let device = start(console, FOUR);
        assert_done(&run("fence_drac5", &device, "off", &[("plug", plug)]), "Success: Powered OFF\n");
        assert_eq!(["1", "2", "3", "4"].map(|id| device.is_on(id)), [true, false, true, true]);
        assert!(device.typed().iter().any(|line| line == off), "{:?}", device.typed());
        let done = run("fence_drac5", &device, "status", &[]);
        assert_failed_with(&done, &["no plug is given", "Server-3"]);
        assert_done(&run("fence_drac5", &device, "monitor", &[]), "");
    }
    for console in [&DRAC5, &IDRAC] {
        let device = start(console, ONE);
        let done = run("fence_drac5", &device, "off", &[("plug", "node1"), ("verbose", "1")]);
        assert_done(&done, "Success: Powered OFF\n");
        assert!(!device.is_on("1") && done.stderr.contains("one machine's"), "{}", done.stderr);
        assert_done(&run("fence_drac5", &device, "on", &[]), "Success: Powered ON\n");
        assert!(device.is_on("1"));
        assert_failed_with(&run("fence_drac5", &device, "list", &[]), &["unsupported action"]);
    }
}

#[test]
fn a_module_that_can_not_be_one_is_typed_nowhere() {
    let bad = ["all", "server-0", "server-17", "server-1 -a", "-a", "server-1,all", "server-1;ls", "*"];
    let device = start(&CMC, FOUR);
    for plug in bad {
        assert_failed_with(&run("fence_drac5", &device, "off", &[("plug", plug)]), &[]);
    }
    assert_eq!(device.commands(), 0);
    assert!(device.typed().iter().all(|line| line == "exit"), "{:?}", device.typed());
    let device = start(&CMC, FOUR);
    assert_refused_before_connecting("fence_drac5", &device, &bad, &[("drac_version", "DRAC CMC")]);
    let bad = ["all", "Server-1 -a", "-s", "server 1"];
    assert_refused_before_connecting("fence_drac5", &device, &bad, &[("drac_version", "DRAC MC")]);
}

/// Listens, and leads each connection to the next of these ports; all later ones to the last.
fn one_after_the_other(ports: Vec<u16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (Ok(client), Some(port)) = (client, ports.get(number).or(ports.last())) else { return };
            let Ok(server) = TcpStream::connect(("127.0.0.1", *port)) else { return };
            let (back, forth) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            for (mut from, mut to) in [(client, forth), (server, back)] {
                thread::spawn(move || {
                    let _ = copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    own
}

#[test]
fn a_state_that_is_told_in_another_dialect_than_before_is_not_the_machines() {
    let chassis = start(&CMC, FOUR);
    // The command is taken, and the connection is gone.
    let fault = Fault { step: 4, times: 1, trouble: Trouble::Close };
    chassis.fault(fault);
    chassis.behave("2", Habit { deaf: true, ..Habit::default() });
    let card = start(&silent_card(), ONE);
    card.turn("1", false);
    let (one, other) = (telnet(&chassis), telnet(&card));
    let port = one_after_the_other(vec![one.port(), other.port()]);
    let said = [("plug", "server-2"), ("power_timeout", "8"), ("verbose", "1")];
    let done = run_at("fence_drac5", port, "off", &said);
    assert_failed_with(&done, &["looks like"]);
    assert!(chassis.is_on("2") && chassis.struck() == 1);
    assert_eq!(card.commands(), 0);
}

// RSA II.

#[test]
fn a_prompt_is_one_at_the_end_alone_and_last_login_asks_for_nobody() {
    let device = start(&Console { greeting: "\nLast login: Thursday from 192.0.2.9\n\n", ..RSA }, ONE);
    if original("fence_rsa", &device, "status", &[]).is_some() {
        assert!(device.typed().iter().any(|line| line == USER), "a user's name is no command");
    }
    // Byte by byte, each > has its time to be taken for the prompt.
    const CHATTY: &[State] = &[State::prompt(
        "system",
        "system> ",
        &[
            Command {
                typed: "power state",
                does: &[
                    Step::Say("<Planned work> on Monday >"),
                    Step::Each("Power: {state}"),
                    Step::Say("State: <undefined>"),
                ],
            },
            Command { typed: "power off", does: &[Step::Switch(false), Step::Say("ok")] },
            Command { typed: "exit", does: &[Step::Leave] },
        ],
        &[],
    )];
    let device = start(&Console { states: CHATTY, ..RSA }, ONE);
    device.fault(Fault::at(3, Trouble::Drip(Duration::from_millis(15))));
    assert_done(&run("fence_rsa", &device, "status", &[]), "Status: ON\n");
    assert_done(&run("fence_rsa", &device, "off", &[]), "Success: Powered OFF\n");
    assert!(!device.is_on("1") && device.refused_logins() == 0);
    let known = ["power state", "power off", "exit"];
    assert!(device.typed().iter().all(|line| known.contains(&line.as_str())), "{:?}", device.typed());
}

#[test]
fn a_dialog_that_nobody_expects_ends_the_run_and_is_quoted() {
    let device = start(
        &Console { greeting: "\nYour password has expired. New password (again): ", states: NOTHING, ..RSA },
        ONE,
    );
    let done = run("fence_rsa", &device, "off", &LIMITS);
    assert_failed_with(&done, &[]);
    assert!(device.is_on("1") && device.typed().is_empty(), "{:?}", device.typed());
    assert!(done.stderr.contains("password"), "{}", done.stderr);
}

const NOTHING: &[State] = &[State::prompt("nothing", "", &[], &[])];

// Blades of HP.

#[test]
fn all_and_ranges_of_blades_are_refused_before_connecting() {
    let device = start(&HPBLADE, FOUR);
    if let Some(done) = original("fence_hpblade", &device, "off", &[("plug", "all")]) {
        assert_done(&done, "Success: Powered OFF\n");
        assert_eq!(["1", "2", "3", "4"].map(|id| device.is_on(id)), [false; 4], "all of them");
    }
    let device = start(&HPBLADE, FOUR);
    let bad = ["all", "ALL", "1-4", "1-2,4", "*", "0", "1 2", "2 force", "1;2", "web1", "2C", "1000"];
    assert_refused_before_connecting("fence_hpblade", &device, &bad, &[]);
}

#[test]
fn the_answer_about_another_blade_is_not_about_this_one() {
    const OTHER: &[State] = &[State::prompt(
        "oa",
        "c7000oa> ",
        &[
            Command {
                typed: "show enclosure info",
                does: &[Step::Say("  Enclosure Type: BladeSystem c7000")],
            },
            Command {
                typed: "show server status {outlet}",
                does: &[Step::Say("Blade #16 Status:\n        Power: Off")],
            },
            Command { typed: "exit", does: &[Step::Leave] },
        ],
        &[Step::Say("ERROR: Unknown command.")],
    )];
    let device = start(&Console { states: OTHER, ..HPBLADE }, FOUR);
    if let Some(done) = original("fence_hpblade", &device, "off", &[("plug", "2")]) {
        assert_done(&done, "Success: Already OFF\n");
        assert!(device.is_on("2"));
    }
    assert_not_off("fence_hpblade", &device, "2", &[("plug", "2")]);
    assert_not_off("fence_hpblade", &device, "2", &[("plug", "2"), ("missing_as_off", "1")]);
}

#[test]
fn a_blade_is_missing_only_where_a_whole_list_does_not_have_it() {
    let missing = [("plug", "7"), ("missing_as_off", "1")];
    let there = [("plug", "3"), ("missing_as_off", "1")];
    let device = start(&HPBLADE, FOUR);
    let done = run("fence_hpblade", &device, "status", &missing);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), "Status: OFF\n"), "{}", done.stderr);
    assert_failed_with(&run("fence_hpblade", &device, "status", &[("plug", "7")]), &["no such plug"]);
    // What the user may not see is no blade that is missing.
    const FORBIDDEN: &[State] = &[State::prompt(
        "oa",
        "c7000oa> ",
        &[
            Command {
                typed: "show enclosure info",
                does: &[Step::Say("  Enclosure Type: BladeSystem c7000")],
            },
            Command { typed: "exit", does: &[Step::Leave] },
        ],
        &[Step::Say("ERROR: Insufficient privilege.")],
    )];
    let device = start(&Console { states: FORBIDDEN, ..HPBLADE }, FOUR);
    if let Some(done) = original("fence_hpblade", &device, "off", &there) {
        assert_done(&done, "Success: Already OFF\n");
        assert!(device.is_on("3"));
    }
    assert_not_off("fence_hpblade", &device, "3", &there);
    // The list ends early: in its head, among its rows, before its end.
    for lines in [1, 2, 3, 4, 6] {
        let device = start(&HPBLADE, FOUR);
        // Each time, the blade's status is an error that says it isn't there, and the list is the next.
        for step in (4..60).step_by(2) {
            device.fault(Fault::at(step, Trouble::Instead(b"ERROR: The server bay is empty.\r\n".to_vec())));
            device.fault(Fault::at(step + 1, Trouble::Cut(lines)));
        }
        let done = run("fence_hpblade", &device, "status", &[&there[..], &LIMITS].concat());
        assert_failed_with(&done, &[]);
        assert!(device.struck() >= 2, "{:?}", device.typed());
    }
}

#[test]
fn a_partition_is_known_by_its_whole_number() {
    let outlets: Vec<(String, String)> = (1..=12).map(|id| (id.to_string(), format!("par{id}"))).collect();
    let outlets: Vec<(&str, &str)> = outlets.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    let device = Device::of(&SUPERDOME).outlets_called(&outlets).start();
    device.turn("1", false);
    assert_done(&run("fence_hpblade", &device, "status", &[("plug", "12")]), "Status: ON\n");
    assert_done(&run("fence_hpblade", &device, "off", &[("plug", "12")]), "Success: Powered OFF\n");
    assert!(!device.is_on("12") && device.is_on("2"));
    assert!(device.typed().iter().any(|line| line == "poweroff partition 12 force"));
    let done = run("fence_hpblade", &device, "list-status", &[]);
    assert!(done.stdout.contains("12,par12,OFF") && done.stdout.contains("2,par2,ON"), "{}", done.stdout);
    // Nothing tells that its list is whole.
    let more = [("plug", "13"), ("missing_as_off", "1")];
    assert_failed_with(&run("fence_hpblade", &device, "status", &more), &["no such plug"]);
}

// Menus.

#[test]
fn nothing_is_chosen_in_a_menu_that_is_another_one() {
    /// A board with another order of menus, where 1 takes the power of a whole enclosure.
    const OTHER: &[State] = &[
        State {
            name: "main",
            shows: &[Step::Say("\nMain Menu\n (1) Power Management\n (2) Enclosure Information")],
            prompt: "Enter selection or (0) to quit: ",
            commands: &[],
            keys: &[(b'2', &[Step::Go("enclosure")]), (b'0', &[Step::Leave])],
            unknown: &[],
        },
        State {
            name: "enclosure",
            shows: &[Step::Say("\nEnclosure\n Fans : On\n (1) Shut down\n (4) Lamp")],
            prompt: "Enter selection or (0) to quit: ",
            commands: &[Command { typed: "1", does: &[Step::Switch(false)] }],
            keys: &[(b'0', &[Step::Go("main")])],
            unknown: &[],
        },
    ];
    let device = start(&Console { states: OTHER, ..RSB }, ONE);
    assert_not_off("fence_rsb", &device, "1", &[]);
    assert_eq!(device.commands(), 0);
    assert!(!device.typed().iter().any(|line| line == "1" || line == "4"), "{:?}", device.typed());

    /// A service processor that leads to the chassis' own power in place of the partitions.
    const CHASSIS: &[State] = &[
        State::prompt(
            "main",
            "(S,X) : ",
            &[Command { typed: "S", does: &[Step::Go("svp")] }, Command { typed: "X", does: &[Step::Leave] }],
            &[],
        ),
        State::prompt(
            "svp",
            "SVP>",
            &[
                Command { typed: "PC", does: &[Step::Say("Chassis power: On"), Step::Go("chassis")] },
                Command { typed: "EX", does: &[Step::Go("main")] },
            ],
            &[],
        ),
        State::prompt(
            "chassis",
            "(P,Q) : ",
            &[
                Command { typed: "P", does: &[Step::Switch(false)] },
                Command { typed: "F", does: &[Step::Switch(false)] },
                Command { typed: "Q", does: &[Step::Go("svp")] },
            ],
            &[],
        ),
    ];
    let device = start(&Console { states: CHASSIS, ..COMPUTE_BLADE }, FOUR);
    assert_not_off("fence_hds_cb", &device, "2", &[("plug", "2")]);
    assert_eq!(device.commands(), 0);
    assert!(!device.typed().iter().any(|line| line == "P" || line == "F"), "{:?}", device.typed());
}

#[test]
fn menus_are_left_as_they_were_found_and_each_key_is_typed_once() {
    let device = start(&COMPUTE_BLADE, FOUR);
    assert_done(&run("fence_hds_cb", &device, "off", &[("plug", "2")]), "Success: Powered OFF\n");
    assert_eq!(["1", "2", "3", "4"].map(|id| device.is_on(id)), [true, false, true, true]);
    let look = ["S", "PC", "Q", "EX"];
    let off = ["S", "PC", "P", "F", "2", "Y", "", "Q", "Q", "EX"];
    let typed = device.typed();
    assert_eq!(typed.get(..14).unwrap(), [&look[..], &off].concat(), "{typed:?}");
    assert_eq!(typed.last().map(String::as_str), Some("X"));
    let bad = ["a", "1-3", "all", "P", "1 2", "-1"];
    let device = start(&COMPUTE_BLADE, FOUR);
    assert_refused_before_connecting("fence_hds_cb", &device, &bad, &[]);
    // A partition that a table doesn't have counts as missing nowhere.
    let more = [("plug", "9"), ("missing_as_off", "1")];
    assert_failed_with(&run("fence_hds_cb", &device, "status", &more), &["no such plug"]);
}
