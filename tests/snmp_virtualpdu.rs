//! fence_apc_snmp and fence_snmp_pdu against virtualpdu: power units that nobody here wrote. What became of the machines
//! behind the outlets is the judge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::time::Duration;

use peers::agent::{assert_done, assert_failed_with};
use peers::snmp::VirtualPdu;
use peers::snmp::virtualpdu::{AUTH_PASSWORD, OUTLETS, PRIV_PASSWORD, USER};
use peers::{Agent, until};

/// What each version is asked with.
const LOGINS: [&[(&str, &str)]; 3] = [
    &[("snmp_version", "1")],
    &[("snmp_version", "2c")],
    &[
        ("snmp_version", "3"),
        ("snmp_sec_level", "authPriv"),
        ("username", USER),
        ("password", AUTH_PASSWORD),
        ("snmp_auth_prot", "SHA"),
        ("snmp_priv_prot", "AES"),
        ("snmp_priv_passwd", PRIV_PASSWORD),
    ],
];

/// Agent, unit, and the family that the agent has to be told: the one gives the number of a unit with other tables, and the
/// other one its maker's alone.
const UNITS: [(&str, &str, &str); 3] = [
    ("fence_apc_snmp", "apc", "apc-rpdu"),
    ("fence_snmp_pdu", "apc", "apc-rpdu"),
    ("fence_snmp_pdu", "baytech", "baytech"),
];

fn agent(units: &VirtualPdu, name: &str, unit: &str, action: &str) -> Agent {
    let port = if unit == "apc" { units.apc() } else { units.baytech() };
    Agent::snmp(name, port, action).options([("power_wait", "0")])
}

/// Outlets and states as they came to the machines of a unit, once there are so many.
fn switched(units: &VirtualPdu, unit: &str, count: usize) -> Vec<(u32, bool)> {
    let of_unit = || {
        let switched = units.switched().into_iter().filter(|switched| switched.unit == unit);
        switched.map(|switched| (switched.outlet, switched.on)).collect::<Vec<_>>()
    };
    until(Duration::from_secs(30), || of_unit().len() >= count);
    of_unit()
}

#[test]
fn units_that_others_wrote_are_switched_in_every_version_and_no_other_outlet_of_them() {
    for (name, unit, family) in UNITS {
        let units = VirtualPdu::start();
        let mut wanted = Vec::new();
        for login in LOGINS {
            for outlet in [1, OUTLETS] {
                let plug = outlet.to_string();
                let run = |action: &str| {
                    let agent = agent(&units, name, unit, action).options(login.iter().copied());
                    agent.options([("plug", plug.as_str()), ("family", family)]).run()
                };
                assert_done(&run("status"), "Status: ON\n");
                assert_done(&run("off"), "Success: Powered OFF\n");
                let status = run("status");
                assert_eq!((status.code, status.stdout.as_str()), (Some(2), "Status: OFF\n"), "{name}");
                assert_done(&run("on"), "Success: Powered ON\n");
                assert_done(&run("reboot"), "Success: Rebooted\n");
                assert_done(&run("monitor"), "");
                wanted.extend([false, true, false, true].map(|on| (outlet, on)));
            }
            let list = agent(&units, name, unit, "list").options(login.iter().copied());
            let list = list.options([("family", family)]).run();
            assert_eq!(list.stdout.lines().count(), OUTLETS as usize, "{name}: {}", list.stderr);
        }
        assert_eq!(switched(&units, unit, wanted.len()), wanted, "{name} {unit}");
    }
}

#[test]
fn of_units_that_others_wrote_two_plugs_are_two_outlets_and_one_that_is_not_there_is_none() {
    let units = VirtualPdu::start();
    for (at, (name, unit, family)) in UNITS.into_iter().enumerate() {
        for version in ["1", "2c"] {
            let plugs = |plugs| [("plug", plugs), ("family", family), ("snmp_version", version)];
            for missing in ["25", "0"] {
                let done = agent(&units, name, unit, "off").options(plugs(missing)).run();
                assert_failed_with(&done, &["no such plug", missing]);
            }
            let done = agent(&units, name, unit, "status").options(plugs("2,7")).run();
            assert_done(&done, "Status: ON\n");
        }
        let before = switched(&units, unit, 0).len();
        let plugs = [("plug", "2,7"), ("family", family)];
        assert_done(&agent(&units, name, unit, "off").options(plugs).run(), "Success: Powered OFF\n");
        let mut done = switched(&units, unit, before + 2).split_off(before);
        done.sort_unstable();
        assert_eq!(done, [(2, false), (7, false)], "{at}: {name} {unit}");
        assert_done(&agent(&units, name, unit, "on").options(plugs).run(), "Success: Powered ON\n");
        switched(&units, unit, before + 4);
    }
}

#[test]
fn a_unit_with_the_number_of_another_family_is_sent_nothing() {
    let units = VirtualPdu::start();
    for (name, unit, _) in UNITS {
        for action in ["off", "on", "status"] {
            let done = agent(&units, name, unit, action).options([("plug", "3")]).run();
            assert_failed_with(&done, &[]);
        }
    }
    assert_eq!(units.switched(), []);
}
