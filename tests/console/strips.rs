//! Power strips, blades of a BladeCenter and an iLO against the ways in which they have been misread: what is true of the
//! outlets, and what was typed at the device, are the judges. Where the original is installed (Debian package `fence-agents`), it
//! is shown what it makes of the same device.

use std::time::Duration;

use peers::agent::{assert_done, assert_failed_with};
use peers::console::{
    APC, APC_MENUS, BLADECENTER, Command, Console, Device, Fault, ILO, NETIO, Negotiation, Ssh, State, Step,
    Trouble, WTI,
};
use peers::{Agent, TempDir};

use crate::common::*;

/// The same happens to every answer after the login.
fn every_answer(device: &Device, trouble: &Trouble) {
    (3..40).for_each(|step| device.fault(Fault::at(step, trouble.clone())));
}

#[test]
fn an_outlet_whose_command_is_pending_or_whose_name_says_off_is_not_off() {
    for (console, agent) in [(&APC, "fence_apc"), (&WTI, "fence_wti")] {
        for word in ["Off*", "OFF *", "Offline", ""] {
            assert_not_off(agent, &deaf(console, word, FOUR), "2", &[("plug", "2")]);
        }
    }
    let names = &["db OFFICE", "1: Off", "node: On: Off", "OFF"];
    for plug in ["1", "2", "3", "4"] {
        let device = start(&APC, names);
        assert_done(&run("fence_apc", &device, "status", &[("plug", plug)]), "Status: ON\n");
        assert_done(&run("fence_apc", &device, "off", &[("plug", plug)]), "Success: Powered OFF\n");
        let off: Vec<&str> = ["1", "2", "3", "4"].into_iter().filter(|id| !device.is_on(id)).collect();
        assert_eq!(off, [plug]);
    }
}

#[test]
fn of_sixteen_outlets_each_is_itself() {
    let names: Vec<String> = (1..=16).map(|number| format!("Outlet{}", 17 - number)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (console, agent) in [(&APC, "fence_apc"), (&WTI, "fence_wti")] {
        let device = start(console, &names);
        device.turn("16", false);
        device.turn("11", false);
        assert_done(&run(agent, &device, "status", &[("plug", "1")]), "Status: ON\n");
        assert_done(&run(agent, &device, "off", &[("plug", "1")]), "Success: Powered OFF\n");
        assert_eq!(
            device.taken().iter().map(|taken| taken.id.as_str()).collect::<Vec<_>>(),
            ["1"],
            "{agent}"
        );
        // By its name, which is another outlet's number and text.
        assert_done(&run(agent, &device, "off", &[("plug", "Outlet3")]), "Success: Powered OFF\n");
        assert!(!device.is_on("14") && device.is_on("3"), "{agent}");
    }
}

#[test]
fn two_outlets_of_one_name_are_neither() {
    for (console, agent) in [(&APC, "fence_apc"), (&WTI, "fence_wti")] {
        let device = start(console, &["web1", "db1", "web1", "spare"]);
        for action in ["off", "status"] {
            assert_failed_with(&run(agent, &device, action, &[("plug", "web1")]), &["web1"]);
        }
        assert_eq!(device.commands(), 0, "{agent}");
    }
}

#[test]
fn a_number_that_is_not_there_is_not_an_outlet_of_that_name() {
    for name in ["7", "2:3"] {
        let device = start(&APC, &["web1", "db1", name, "spare"]);
        for action in ["off", "status"] {
            assert_failed_with(&run("fence_apc", &device, action, &[("plug", name)]), &["no such plug"]);
        }
        assert_failed_with(
            &run("fence_apc", &device, "off", &[("plug", "3"), ("switch", "2")]),
            &["no such plug"],
        );
        assert_eq!(device.commands(), 0);
    }
}

#[test]
fn a_blank_that_the_line_of_a_login_can_not_hold_is_bad_input() {
    let device = start(&NETIO, FOUR);
    for more in [[("username", "two words"), ("plug", "1")], [("password", "two words"), ("plug", "1")]] {
        assert_failed_with(&run("fence_netio", &device, "off", &more), &[more[0].0, "blank"]);
    }
    let more = [("username", "{password}"), ("plug", "1")];
    let door = device.telnet(Negotiation::NONE);
    assert_failed_with(&run_at("fence_netio", door.port(), "off", &more), &["login denied"]);
    assert!(device.commands() == 0 && device.logins() == [("{password}".to_owned(), false)]);
}

#[test]
fn a_blade_whose_name_is_a_word_of_refusal_is_listed() {
    let names = &["failover1", "busy-box", "mail errors", "invalid"];
    let device = start(&BLADECENTER, names);
    let listed = run("fence_bladecenter", &device, "list", &[]);
    assert_done(&listed, "1,failover1\n2,busy-box\n3,mail errors\n4,invalid\n");
    assert_done(&run("fence_bladecenter", &device, "monitor", &[]), "");
}

#[test]
fn all_ranges_and_wildcards_are_no_plug() {
    for plug in ["all", "1-4", "1;2", "ALL"] {
        let device = start(&APC, FOUR);
        assert_failed_with(&run("fence_apc", &device, "off", &[("plug", plug)]), &["no such plug"]);
        assert_eq!(device.commands(), 0, "{plug}");
    }
    for plug in ["*", "1+3", "1:4", "S*"] {
        let device = start(&WTI, FOUR);
        assert_failed_with(&run("fence_wti", &device, "off", &[("plug", plug)]), &["no such plug"]);
        assert_eq!(device.commands(), 0, "{plug}");
    }
    let device = start(&NETIO, FOUR);
    assert_refused_before_connecting("fence_netio", &device, &["5", "0", "all", "1 2", "web1"], &[]);
    let device = start(&BLADECENTER, FOUR);
    assert_refused_before_connecting("fence_bladecenter", &device, &["0", "all", "1-4", "blade[1]"], &[]);
}

#[test]
fn an_outlet_of_another_unit_is_not_the_one_of_that_number() {
    let device = start(&APC, FOUR);
    if let Some(done) = original("fence_apc", &device, "off", &[("plug", "2:3")]) {
        // It says so of another outlet than the one that was meant.
        assert_done(&done, "Success: Powered OFF\n");
        assert!(!device.is_on("3"));
    }
    let device = start(&APC, FOUR);
    for options in [&[("plug", "2:3")][..], &[("plug", "3"), ("switch", "2")]] {
        for action in ["off", "status"] {
            assert_failed_with(&run("fence_apc", &device, action, options), &["no such plug", "2:3"]);
        }
    }
    assert_eq!(device.commands(), 0);
    // The only unit is the first one.
    let options = [("plug", "3"), ("switch", "1")];
    assert_done(&run("fence_apc", &device, "off", &options), "Success: Powered OFF\n");
    assert!(!device.is_on("3") && device.taken().len() == 1);
    let chain = Device::of(&APC).outlets_called(&[("1", "web1"), ("2:1", "web2"), ("2:3", "web3")]).start();
    let options = [("plug", "3"), ("switch", "2")];
    assert_done(&run("fence_apc", &chain, "off", &options), "Success: Powered OFF\n");
    assert!(!chain.is_on("2:3") && chain.is_on("1") && chain.is_on("2:1"));
    assert_failed_with(&run("fence_apc", &chain, "off", &[("plug", "3"), ("switch", "two")]), &["switch"]);
}

#[test]
fn a_page_that_is_cut_short_or_out_of_step_is_no_listing() {
    for cut in 0..3 {
        let device = start(&APC, FOUR);
        every_answer(&device, &Trouble::Cut(cut));
        let done = run("fence_apc", &device, "status", &[&LIMITS[..], &[("plug", "4")]].concat());
        assert_failed_with(&done, &[]);
        assert_eq!(device.commands(), 0);
    }
    // Another answer than that to the command.
    for instead in [" 1: web1: Off\r\n", "E000: Success\r\n 1: web1: Off\r\n"] {
        let device = start(&APC, FOUR);
        device.fault(Fault::at(3, Trouble::Before(instead.as_bytes().to_vec())));
        let done = run("fence_apc", &device, "status", &[&LIMITS[..], &[("plug", "1")]].concat());
        assert!(done.code != Some(2), "{instead:?}: {}", done.stdout);
    }
}

#[test]
fn a_refusal_is_no_state_and_missing_as_off_takes_none_for_a_missing_blade() {
    let refusing = "User does not have the authority to issue this command.\r\n";
    let device = start(&BLADECENTER, FOUR);
    every_answer(&device, &Trouble::Instead(refusing.as_bytes().to_vec()));
    let more = [("plug", "1"), ("missing_as_off", "1")];
    if let Some(done) = original("fence_bladecenter", &device, "off", &more) {
        assert!(device.is_on("1"), "{}", done.stdout);
    }
    for action in ["off", "status"] {
        let done = run("fence_bladecenter", &device, action, &[&more[..], &LIMITS].concat());
        assert_failed_with(&done, &["authority"]);
    }
    assert!(device.is_on("1"));
    // One that a whole list doesn't have is off, where the user says so, and an error where not.
    let device = start(&BLADECENTER, FOUR);
    let done = run("fence_bladecenter", &device, "status", &[("plug", "9"), ("missing_as_off", "1")]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), "Status: OFF\n"));
    assert_failed_with(&run("fence_bladecenter", &device, "status", &[("plug", "9")]), &["no such plug"]);
}

#[test]
fn an_ilo_is_off_only_where_it_says_disabled() {
    for word in ["shutting down", "", "enabledstate=disabled", "not applicable"] {
        assert_not_off("fence_ilo_ssh", &deaf(&ILO, word, ONE), "1", &[]);
    }
    let device = start(&ILO, ONE);
    every_answer(
        &device,
        &Trouble::Instead(b"status=2\r\nstatus_tag=COMMAND PROCESSING FAILED\r\n".to_vec()),
    );
    let done = run("fence_ilo_ssh", &device, "status", &LIMITS);
    assert_failed_with(&done, &[]);
}

#[test]
fn a_cycle_that_was_refused_is_none() {
    let device =
        Device::of(&ILO).outlets(ONE).refuses("status=2\nstatus_tag=COMMAND PROCESSING FAILED").start();
    let more = [("method", "cycle"), ("unproven_cycle", "1")];
    assert_failed_with(&run("fence_ilo_ssh", &device, "reboot", &[&more[..], &LIMITS].concat()), &[]);
    assert!(device.is_on("1"));
}

#[test]
fn modes_of_a_netio_are_no_states() {
    for mode in ["i", "m", "t"] {
        let device = deaf(&NETIO, mode, FOUR);
        let door = device.telnet(Negotiation::NONE);
        let more = [&LIMITS[..], &[("plug", "2")]].concat();
        let status = run_at("fence_netio", door.port(), "status", &more);
        assert!(status.code != Some(2) && device.typed().iter().any(|typed| typed == "port 2"), "{mode}");
        assert_failed_with(&run_at("fence_netio", door.port(), "off", &more), &[]);
        assert!(device.commands() > 0 && device.is_on("2"), "{mode}");
    }
}

#[test]
fn menus_of_old_firmware_are_typed_at_no_further_than_the_first_question() {
    let device = start(&APC_MENUS, FOUR);
    let done = run("fence_apc", &device, "off", &[&LIMITS[..], &[("plug", "1")]].concat());
    assert_failed_with(&done, &[]);
    assert!(device.is_on("1") && device.commands() == 0);
}

#[test]
fn a_prompt_of_the_users_own_counts_in_the_place_of_the_devices() {
    const OWN: &[State] = &[State { prompt: "rack7 [ok] $ ", ..APC_STATE }];
    const APC_STATE: State = APC.states[0];
    let console = Console { states: OWN, ..APC.clone() };
    let device = start(&console, FOUR);
    for prompt in [r"rack7 \[ok\] \$ ", r"\nrack7[^\n]*\$", r".*\[ok\] \$"] {
        let more = [("plug", "1"), ("command_prompt", prompt)];
        assert_done(&run("fence_apc", &device, "status", &more), "Status: ON\n");
    }
    let more = [("plug", "1"), ("command_prompt", "[")];
    assert_failed_with(&run("fence_apc", &device, "status", &more), &["prompt"]);
    let done = run("fence_apc", &device, "status", &[("plug", "1"), ("login_timeout", "5")]);
    assert_failed_with(&done, &["rack7"]);
}

#[test]
fn a_dialog_that_nobody_expects_after_the_login_ends_the_run_and_is_quoted() {
    const ASKING: &[State] = &[State::prompt(
        "asking",
        "Your password has expired. New password: ",
        &[Command { typed: "{*}", does: &[Step::Leave] }],
        &[],
    )];
    let console = Console { states: ASKING, ..APC.clone() };
    let device = start(&console, FOUR);
    let done = run("fence_apc", &device, "off", &[&LIMITS[..], &[("plug", "1")]].concat());
    assert_failed_with(&done, &["password"]);
    assert!(device.typed().is_empty(), "{:?}", device.typed());
}

/// A way in over SSH, with a file of known hosts of its own.
fn over_ssh(
    agent: &str,
    device: &Device,
    ssh: &Ssh,
    action: &str,
    more: &[(&str, &str)],
) -> peers::agent::Finished {
    let home = TempDir::new("console-home");
    let door = device.ssh_with(ssh);
    ready(Agent::called(agent, agent), door.port(), action, more)
        .options([("ssh", "1")])
        .env("HOME", &home.path().to_string_lossy())
        .run()
}

#[test]
fn over_ssh_a_shell_or_commands_do_the_same() {
    for (console, agent, outlets, plug) in [
        (&APC, "fence_apc", FOUR, &[("plug", "2")][..]),
        (&BLADECENTER, "fence_bladecenter", FOUR, &[("plug", "2")]),
        (&ILO, "fence_ilo_ssh", ONE, &[]),
    ] {
        let device = start(console, outlets);
        let id = if plug.is_empty() { "1" } else { "2" };
        assert_done(&over_ssh(agent, &device, &Ssh::default(), "status", plug), "Status: ON\n");
        let quick = [plug, &[("power_wait", "0")]].concat();
        assert_done(&over_ssh(agent, &device, &Ssh::default(), "off", &quick), "Success: Powered OFF\n");
        assert!(!device.is_on(id), "{agent}");
        assert_done(&over_ssh(agent, &device, &Ssh::default(), "on", &quick), "Success: Powered ON\n");
        assert!(device.is_on(id), "{agent}");
    }
}

#[test]
fn a_host_key_that_is_not_the_pinned_one_gets_no_password() {
    let device = start(&APC, FOUR);
    let pin = format!("SHA256:{}", "A".repeat(43));
    let more = [("plug", "1"), ("ssh_pin", pin.as_str())];
    assert_failed_with(&over_ssh("fence_apc", &device, &Ssh::default(), "off", &more), &["SHA256"]);
    assert!(device.logins().is_empty() && device.is_on("1"));
    let more = [("plug", "1"), ("ssh_pin", "SHA256:short")];
    assert_failed_with(&over_ssh("fence_apc", &device, &Ssh::default(), "off", &more), &["ssh_pin"]);
}

#[test]
fn a_password_that_comes_to_nothing_is_told_once_more_at_most() {
    // User and password are two lines.
    for (trouble, logins) in [(Trouble::Close, 1), (Trouble::Silence, 2)] {
        let device = start(&APC, FOUR);
        device.fault(Fault::at(2, trouble));
        let door = telnet(&device);
        // Without limits of the user's there is time for more.
        let more = [("plug", "1"), ("disable_timeout", "1")];
        let done = run_at("fence_apc", door.port(), "off", &more);
        assert_failed_with(&done, &["login denied", "after the password"]);
        assert_eq!(device.struck(), logins, "{}", done.stderr);
        assert!(device.is_on("1"));
    }
}

#[test]
fn a_device_that_is_slow_to_greet_and_slow_to_answer_is_fenced_all_the_same() {
    let device = start(&APC, FOUR);
    device.fault(Fault::at(0, Trouble::Late(Duration::from_millis(1500))));
    device.fault(Fault::at(3, Trouble::Late(Duration::from_millis(1500))));
    let door = device.telnet(Negotiation::PATIENT);
    let done = run_at("fence_apc", door.port(), "off", &[("plug", "1"), ("login_timeout", "10")]);
    assert_done(&done, "Success: Powered OFF\n");
    assert!(!device.is_on("1"));
}
