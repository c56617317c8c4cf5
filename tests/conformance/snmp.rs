//! The agents that speak SNMP: these and the originals on the same power units and ports.

use std::net::SocketAddr;
use std::time::Duration;

use peers::Agent;
use peers::agent::Finished;
use peers::conformance::{Whose, whose};
use peers::snmp::daemon::{AUTH_PASSWORD, PRIV_PASSWORD};
use peers::snmp::{Family, PowerUnit, Switch, User};
use peers::stand::{CISCO_MDS, LINDY};

fn originals() -> bool {
    whose() == Whose::Originals
}

fn run(name: &str, at: SocketAddr, options: &[(&str, &str)]) -> Finished {
    Agent::called(name, name)
        .options([("ip", "127.0.0.1"), ("ipport", at.port().to_string().as_str()), ("community", "private")])
        .options(options.iter().copied())
        .limit(Duration::from_secs(120))
        .run()
}

/// Checks stdout and exit code: ours, or what docs/differences.md says of the originals under this mark.
fn check(done: &Finished, ours: (&str, i32), difference: Option<(&str, &str, i32)>) {
    let (stdout, code) = match difference {
        Some((_, stdout, code)) if originals() => (stdout, code),
        _ => ours,
    };
    assert_eq!((done.stdout.as_str(), done.code), (stdout, Some(code)), "{difference:?}: {}", done.stderr);
}

#[test]
fn every_action_shows_callers_what_they_expect() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    for version in ["1", "2c"] {
        let run = |action: &str| {
            run(
                "fence_apc_snmp",
                unit.address(),
                &[("action", action), ("plug", "3"), ("snmp_version", version)],
            )
        };
        check(&run("status"), ("Status: ON\n", 0), None);
        check(&run("off"), ("Success: Powered OFF\n", 0), None);
        assert!(!unit.is_on(1, 3));
        check(&run("off"), ("Success: Already OFF\n", 0), None);
        check(&run("status"), ("Status: OFF\n", 2), None);
        check(&run("on"), ("Success: Powered ON\n", 0), None);
        check(&run("reboot"), ("Success: Rebooted\n", 0), None);
        check(&run("monitor"), ("", 0), None);
        check(&run("validate-all"), ("", 0), None);
        check(&run("fly"), ("", 1), None);
    }
    let listed = run("fence_apc_snmp", unit.address(), &[("action", "list")]);
    check(
        &listed,
        (
            "1,outlet 1\n2,outlet 2\n3,outlet 3\n4,outlet 4\n5,outlet 5\n6,outlet 6\n7,outlet 7\n8,outlet 8\n",
            0,
        ),
        None,
    );
}

#[test]
fn every_family_is_switched_by_the_same_plugs() {
    for family in
        [Family::ApcRpdu, Family::ApcMasterSwitchPlus, Family::ApcMasterSwitch6, Family::TrippLiteLx]
    {
        let unit = PowerUnit::start(family);
        let plug = if family == Family::ApcMasterSwitchPlus { "1:3" } else { "3" };
        let done = run("fence_apc_snmp", unit.address(), &[("action", "off"), ("plug", plug)]);
        check(&done, ("Success: Powered OFF\n", 0), None);
        assert!(!unit.is_on(1, 3), "{family:?}");
    }
}

#[test]
fn a_plug_that_does_not_exist_is_not_off() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    let options = [("action", "off"), ("plug", "99"), ("snmp_version", "2c")];
    let done = run("fence_apc_snmp", unit.address(), &options);
    check(&done, ("", 1), Some(("D40", "Success: Already OFF\n", 0)));
    let switch = Switch::start(1, &[], "");
    let done = run("fence_ifmib", switch.address(), &options);
    check(&done, ("", 1), Some(("D40", "Success: Already OFF\n", 0)));
}

#[test]
fn both_of_two_plugs_are_switched() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    let done = run("fence_apc_snmp", unit.address(), &[("action", "off"), ("plug", "1,2")]);
    check(&done, ("Success: Powered OFF\n", 0), None);
    // The mark for the originals' half of a success.
    let mark = "D41";
    assert_eq!((unit.is_on(1, 1), unit.is_on(1, 2)), (false, originals()), "{mark}");

    let unit = PowerUnit::start(Family::ApcRpdu);
    unit.set(1, 1, false);
    let done = run("fence_apc_snmp", unit.address(), &[("action", "off"), ("plug", "1,2")]);
    check(&done, ("Success: Powered OFF\n", 0), Some(("D41", "Success: Already OFF\n", 0)));
    assert_eq!(unit.is_on(1, 2), originals());
}

#[test]
fn on_with_one_of_two_on_switches_the_other() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    unit.set(1, 2, false);
    let done = run("fence_apc_snmp", unit.address(), &[("action", "on"), ("plug", "1,2")]);
    check(&done, ("Success: Powered ON\n", 0), Some(("D42", "Success: Already ON\n", 0)));
    assert_eq!(unit.is_on(1, 2), !originals());
}

#[test]
fn a_log_shows_no_password() {
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&[User::new(Some("SHA"), Some("AES"))]).start();
    let login = [
        ("action", "status"),
        ("plug", "1"),
        ("snmp_version", "3"),
        ("snmp_sec_level", "authPriv"),
        ("username", "SHA-AES"),
        ("password", AUTH_PASSWORD),
        ("snmp_auth_prot", "SHA"),
        ("snmp_priv_prot", "AES"),
        ("snmp_priv_passwd", PRIV_PASSWORD),
        ("verbose", "1"),
    ];
    let done = run("fence_apc_snmp", unit.address(), &login);
    check(&done, ("Status: ON\n", 0), None);
    let mark = "D43";
    assert_eq!(done.stderr.contains(PRIV_PASSWORD), originals(), "{mark}: {}", done.stderr);
}

#[test]
fn a_port_is_closed_and_opened() {
    let switch = Switch::start(2, &[], "");
    let run = |action: &str| run("fence_ifmib", switch.address(), &[("action", action), ("plug", "port1")]);
    check(&run("status"), ("Status: ON\n", 0), None);
    check(&run("off"), ("Success: Powered OFF\n", 0), None);
    assert!(!switch.is_up("port1") && switch.is_up("port2"));
    check(&run("status"), ("Status: OFF\n", 2), None);
    check(&run("on"), ("Success: Powered ON\n", 0), None);
    assert!(switch.is_up("port1"));
    check(&run("monitor"), ("", 0), None);
    check(&run("reboot"), ("", 1), None);
}

#[test]
fn a_port_of_the_fabric_that_is_not_there_or_not_offline_is_not_off() {
    let switch = PowerUnit::builder(&CISCO_MDS).start_changeable();
    let run = |action: &str, plug: &str| {
        run(
            "fence_cisco_mds",
            switch.address(),
            &[("action", action), ("plug", plug), ("snmp_version", "2c"), ("power_timeout", "3")],
        )
    };
    check(&run("status", "fc1/3"), ("Status: ON\n", 0), None);
    check(&run("off", "fc1/3"), ("Success: Powered OFF\n", 0), None);
    assert!(!switch.is_on(1, 3) && switch.is_on(1, 2) && switch.is_on(1, 4));
    check(&run("status", "fc1/3"), ("Status: OFF\n", 2), None);
    check(&run("on", "fc1/3"), ("Success: Powered ON\n", 0), None);
    assert!(switch.is_on(1, 3));
    let already = ("D60", "Success: Already OFF\n", 0);
    check(&run("off", "fc1/99"), ("", 1), Some(already));
    switch.lie(1, 5, Some(3));
    check(&run("off", "fc1/5"), ("", 1), Some(already));
}

#[test]
fn no_outlet_is_not_the_last_one() {
    let unit = PowerUnit::start(&LINDY);
    let run = |action: &str, plug: &str| {
        run("fence_lindypdu", unit.address(), &[("action", action), ("plug", plug), ("snmp_version", "2c")])
    };
    check(&run("status", "3"), ("Status: ON\n", 0), None);
    check(&run("off", "3"), ("Success: Powered OFF\n", 0), None);
    check(&run("status", "3"), ("Status: OFF\n", 2), None);
    check(&run("reboot", "3"), ("Success: Rebooted\n", 0), None);
    check(&run("off", "0"), ("", 1), Some(("D61", "Success: Powered OFF\n", 0)));
    assert_eq!(unit.is_on(1, 8), !originals());
}
