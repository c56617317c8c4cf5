//! fence_apc_snmp, fence_tripplite_snmp and fence_ifmib against power units and a switch: the true state of each
//! outlet and link is the judge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use peers::agent::{assert_done, assert_failed, assert_failed_with};
use peers::relay::{Direction, Fate, Packet};
use peers::snmp::daemon::{AUTH_PASSWORD, PRIV_PASSWORD};
use peers::snmp::{
    Behaviour, Data, Deed, Family, Kind, PowerUnit, Refusal, Says, Switch, Table, TableAgent, User, When,
    every_user,
};
use peers::{Agent, Relay, TempDir};

const VERSIONS: &[&str] = &["1", "2c"];

fn agent(name: &str, at: SocketAddr, action: &str) -> Agent {
    Agent::snmp(name, at.port(), action)
}

fn apc(at: SocketAddr, action: &str) -> Agent {
    agent("fence_apc_snmp", at, action)
}

fn ifmib(at: SocketAddr, action: &str) -> Agent {
    agent("fence_ifmib", at, action)
}

/// How an outlet of a family is written.
fn plug(family: Family, switch: u32, outlet: u32) -> String {
    match family {
        Family::ApcMasterSwitchPlus | Family::ApcMasterSwitchPlusByMib | Family::TrippLiteLx => {
            format!("{switch}:{outlet}")
        }
        _ => outlet.to_string(),
    }
}

fn switches(family: Family) -> u32 {
    match family {
        Family::ApcMasterSwitchPlus | Family::ApcMasterSwitchPlusByMib | Family::TrippLiteLx => 2,
        _ => 1,
    }
}

#[test]
fn every_family_is_switched_and_nothing_else_on_it() {
    for family in Family::ALL {
        let switches = switches(family);
        let delay = Duration::from_millis(400);
        let unit = PowerUnit::builder(family).switches(switches).delay(delay).start();
        let name = if matches!(family, Family::TrippLite | Family::TrippLiteLx) {
            "fence_tripplite_snmp"
        } else {
            "fence_apc_snmp"
        };
        let plug = plug(family, switches, 3);
        let run = |action: &str| agent(name, unit.address(), action).options([("plug", plug.as_str())]).run();
        assert_done(&run("status"), "Status: ON\n");
        assert_done(&run("off"), "Success: Powered OFF\n");
        for switch in 1..=switches {
            for outlet in 1..=8 {
                let wanted = (switch, outlet) != (switches, 3);
                assert_eq!(unit.is_on(switch, outlet), wanted, "{family:?} {switch}:{outlet}");
            }
        }
        let done = run("status");
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), "Status: OFF\n"), "{}", done.stderr);
        assert_done(&run("off"), "Success: Already OFF\n");
        assert_done(&run("on"), "Success: Powered ON\n");
        assert_done(&run("reboot"), "Success: Rebooted\n");
        assert!(unit.is_on(switches, 3), "{family:?}");
    }
}

#[test]
fn a_plug_that_does_not_exist_is_never_off_in_any_version() {
    for family in Family::ALL {
        let unit = PowerUnit::builder(family).users(&[User::new(Some("SHA"), Some("AES"))]).start();
        for version in ["1", "2c", "3"] {
            for plug in ["999", "0", "no such name", "4294967296"] {
                for action in ["off", "reboot", "status", "on"] {
                    let done = apc(unit.address(), action)
                        .options([("plug", plug), ("snmp_version", version)])
                        .options([("username", "SHA-AES"), ("password", AUTH_PASSWORD)])
                        .options([("snmp_auth_prot", "sha"), ("snmp_priv_prot", "aes")])
                        .options([("snmp_priv_passwd", PRIV_PASSWORD)])
                        .run();
                    assert_failed_with(&done, &["no such plug", plug, "outlet 8"]);
                }
            }
        }
        assert_eq!(unit.writes(), [], "{family:?}");
    }
}

#[test]
fn names_are_found_and_two_of_the_same_name_are_none() {
    for family in [Family::ApcRpdu, Family::ApcMasterSwitchPlus, Family::ApcRpdu2, Family::TrippLiteLx] {
        let unit = PowerUnit::start(family);
        unit.name(1, 4, "db node 1");
        for version in VERSIONS {
            let run = |action: &str| {
                apc(unit.address(), action).options([("plug", "db node 1"), ("snmp_version", version)]).run()
            };
            assert_done(&run("off"), "Success: Powered OFF\n");
            assert!(!unit.is_on(1, 4), "{family:?}");
            assert_done(&run("on"), "Success: Powered ON\n");
        }
        unit.name(1, 6, "db node 1");
        let done = apc(unit.address(), "off").options([("plug", "db node 1")]).run();
        assert_failed_with(&done, &["ambiguous", "4", "6"]);
        assert!(unit.is_on(1, 4) && unit.is_on(1, 6));
        // Digits are the number, whatever another outlet is called.
        unit.name(1, 6, "2");
        assert_done(&apc(unit.address(), "off").options([("plug", "2")]).run(), "Success: Powered OFF\n");
        assert!(!unit.is_on(1, 2) && unit.is_on(1, 6));
    }
}

#[test]
fn a_switch_that_the_unit_does_not_have_has_no_outlets_and_one_not_given_is_the_first() {
    for family in [
        Family::ApcRpdu,
        Family::ApcMasterSwitch,
        Family::ApcMasterSwitch6,
        Family::ApcRpdu2,
        Family::TrippLite,
    ] {
        let unit = PowerUnit::start(family);
        for action in ["off", "on", "reboot", "status", "monitor"] {
            let done = apc(unit.address(), action).options([("plug", "2:3")]).run();
            assert_failed_with(&done, &["no such plug", "2:3", "has no switches"]);
            let done = apc(unit.address(), action).options([("plug", "1,2:3")]).run();
            assert_failed_with(&done, &["no such plug", "2:3"]);
        }
        assert_eq!(unit.writes(), [], "{family:?}");
        let done = apc(unit.address(), "off").options([("plug", "1:3")]).run();
        assert_done(&done, "Success: Powered OFF\n");
        assert!(done.stderr.contains("WARNING") && !unit.is_on(1, 3), "{}", done.stderr);
    }
    for family in [Family::ApcMasterSwitchPlus, Family::ApcMasterSwitchPlusByMib, Family::TrippLiteLx] {
        let unit = PowerUnit::builder(family).switches(2).start();
        assert_done(&apc(unit.address(), "off").options([("plug", "3")]).run(), "Success: Powered OFF\n");
        assert!(!unit.is_on(1, 3) && unit.is_on(2, 3), "{family:?}");
    }
}

#[test]
fn a_value_that_is_not_off_is_never_off() {
    let runs: Vec<_> = Family::ALL
        .into_iter()
        .flat_map(|family| [-1, 0, 1, 2, 3, 4, 5, 99, i64::from(i32::MAX)].map(|value| (family, value)))
        .filter(|(family, value)| {
            let off = match family {
                Family::ApcRpdu2 | Family::TrippLite | Family::TrippLiteLx => 1,
                _ => 2,
            };
            *value != off
        })
        .collect();
    for runs in runs.chunks(16) {
        std::thread::scope(|scope| {
            for (family, value) in runs {
                scope.spawn(|| {
                    let unit = PowerUnit::start(*family);
                    unit.ignore_commands(true);
                    unit.lie(1, 2, Some(*value));
                    let done =
                        apc(unit.address(), "off").options([("plug", "2"), ("power_timeout", "1")]).run();
                    assert_failed(&done, "timed out waiting for off");
                });
            }
        });
    }
}

#[test]
fn a_unit_that_acknowledges_and_does_nothing_is_no_success() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    unit.ignore_commands(true);
    for action in ["off", "reboot"] {
        let done = apc(unit.address(), action).options([("plug", "2"), ("power_timeout", "1")]).run();
        assert_failed_with(&done, &["timed out waiting for off", "plug 2 is on"]);
    }
    assert!(
        unit.writes().iter().all(|(_, value)| *value == 2),
        "nothing was switched on: {:?}",
        unit.writes()
    );
}

#[test]
fn a_pending_command_is_cancelled_where_that_can_be_and_waited_for_elsewhere() {
    for (family, cancel) in [(Family::ApcRpdu, 7), (Family::ApcMasterSwitchPlus, 8), (Family::ApcRpdu2, 8)] {
        let unit = PowerUnit::start(family);
        // Off now, and on again in a while: the off half of somebody's delayed reboot.
        unit.set(1, 2, false);
        unit.pend(1, 2, true, Duration::from_secs(3600));
        let done = apc(unit.address(), "off").options([("plug", "2"), ("power_timeout", "2")]).run();
        assert_done(&done, "Success: Powered OFF\n");
        let written: Vec<_> = unit.writes().into_iter().map(|(_, value)| value).collect();
        assert_eq!(written.first(), Some(&cancel), "{family:?}");
        assert!(!unit.is_on(1, 2));
    }
    // A MasterSwitch has no cancelling command: 7 would reboot the outlet.
    let unit = PowerUnit::start(Family::ApcMasterSwitch);
    unit.schedule(1, 2, true, Duration::from_secs(3600));
    let done = apc(unit.address(), "off").options([("plug", "2"), ("power_timeout", "1")]).run();
    assert_failed_with(&done, &["timed out waiting for off", "plug 2 is changing (a command is pending)"]);
    assert!(unit.writes().iter().all(|(_, value)| *value == 2), "{:?}", unit.writes());
    // As soon as nothing is pending any more, it counts.
    unit.schedule(1, 2, false, Duration::from_secs(2));
    let done = apc(unit.address(), "off").options([("plug", "2"), ("power_timeout", "20")]).run();
    assert_done(&done, "Success: Powered OFF\n");
    assert!(!unit.is_on(1, 2) && done.wall >= Duration::from_secs(1), "{:?}", done.wall);
}

#[test]
fn a_state_with_a_command_still_pending_is_not_off() {
    let unit = PowerUnit::start(Family::ApcMasterSwitch);
    unit.set(1, 2, false);
    unit.ignore_commands(true);
    unit.pend(1, 2, true, Duration::from_secs(3600));
    let done = apc(unit.address(), "off").options([("plug", "2"), ("power_timeout", "1")]).run();
    assert_failed(&done, "pending");
    let done = apc(unit.address(), "status").options([("plug", "2")]).run();
    assert_done(&done, "Status: ON\n");
}

#[test]
fn an_unknown_unit_that_answers_with_apcs_tables_is_taken_with_a_warning_and_any_other_refused() {
    for family in [Family::ApcMasterSwitch, Family::ApcRpdu, Family::ApcRpdu2] {
        for number in [
            ".1.3.6.1.4.1.318.1.3.4.99",
            ".1.3.6.1.4.1.8072.3.2.10",
            ".1.3.6.1.4.1.318",
            ".1.3.6.1.4.1.850.7",
        ] {
            let unit = PowerUnit::builder(family).sys_object_id(number).start();
            let done = apc(unit.address(), "off").options([("plug", "2")]).run();
            assert_done(&done, "Success: Powered OFF\n");
            assert!(done.stderr.contains("WARNING") && !unit.is_on(1, 2), "{family:?}: {}", done.stderr);
            assert!(done.stderr.contains("is unknown"), "{}", done.stderr);
        }
    }
    let unit = PowerUnit::builder(Family::TrippLite).sys_object_id(".1.3.6.1.4.1.8072.3.2.10").start();
    let done = apc(unit.address(), "off").options([("plug", "2")]).run();
    assert_failed_with(&done, &["1.3.6.1.4.1.8072.3.2.10", "family"]);
    assert_eq!(unit.writes(), []);
    let done = apc(unit.address(), "off").options([("plug", "2"), ("family", "tripplite")]).run();
    assert_done(&done, "Success: Powered OFF\n");
}

#[test]
fn a_unit_named_by_its_number_whose_old_tables_are_gone_is_taken_by_the_new_ones() {
    let unit = PowerUnit::start(Family::ApcRpdu2);
    let done = apc(unit.address(), "off").options([("plug", "2")]).run();
    assert_done(&done, "Success: Powered OFF\n");
    assert!(!unit.is_on(1, 2) && unit.is_on(1, 3));
    // With both sets of tables the old ones keep their place.
    let unit = PowerUnit::builder(Family::ApcMasterSwitch6).with_tables_of(Family::ApcRpdu2).start();
    let done = apc(unit.address(), "off").options([("plug", "2")]).run();
    assert_done(&done, "Success: Powered OFF\n");
    assert!(unit.writes().iter().all(|(object, _)| object.contains("318.1.1.12.3.3")), "{:?}", unit.writes());
}

#[test]
fn off_of_an_outlet_that_says_since_the_command_that_it_takes_none_is_not_off() {
    use peers::stand::LIEBERT_MPX;
    let unit = PowerUnit::start(&LIEBERT_MPX);
    // It tells an off that isn't so until it takes a command, and takes none.
    let stale = Behaviour { tale: Some((Says::Opposite, When::Before)), ..Behaviour::default() };
    unit.behave(1, 3, stale);
    let object = unit.object("50.U.B.N", 1, 3);
    let (hand, mut looks) = (unit.hand(), 0);
    let rule = move |packet: Packet| {
        // What it is, the look before, the command.
        looks += u32::from(packet.direction == Direction::ToDevice);
        if looks == 3 {
            hand.hold(&object, Some(2));
        }
        Fate::Pass
    };
    let relay = Relay::builder(unit.address()).rule(rule).start();
    let done = agent("fence_emerson", relay.address(), "off")
        .options([("plug", "1.1.3"), ("snmp_version", "2c"), ("power_timeout", "2"), ("power_wait", "0")])
        .run();
    assert_failed_with(&done, &["since the command", "can't be switched"]);
    assert!(unit.is_on(1, 3) && unit.writes().len() == 1, "{:?}", unit.writes());
}

#[test]
fn an_outlet_that_one_family_lacks_is_never_taken_from_the_tables_of_another_family() {
    let mut unit = TableAgent::builder("1.3.6.1.4.1.318.1.3.4.6");
    for outlet in 1..=8 {
        unit = unit.row(&format!("1.3.6.1.4.1.318.1.1.4.4.2.1.3.{outlet}"), 1);
    }
    for outlet in 1..=16 {
        unit = unit.row(&format!("1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.{outlet}"), 2);
    }
    let unit = unit.start();
    for action in ["off", "on", "status"] {
        let done = apc(unit.address(), action).options([("plug", "12"), ("snmp_version", "2c")]).run();
        assert_failed_with(&done, &["no such plug"]);
    }
    assert_eq!(unit.sets(), []);
}

#[test]
fn a_unit_without_the_tables_is_no_success() {
    for table in [Table::Status, Table::Control] {
        let unit = PowerUnit::builder(Family::ApcRpdu).without(table).start();
        for version in VERSIONS {
            let done = apc(unit.address(), "off").options([("plug", "2"), ("snmp_version", version)]).run();
            assert_failed_with(&done, &[]);
            assert!(unit.is_on(1, 2), "{table:?}");
        }
    }
    // Without names or pending commands a number is enough.
    for table in [Table::Names, Table::Pending] {
        let unit = PowerUnit::builder(Family::ApcRpdu).without(table).start();
        let done = apc(unit.address(), "off").options([("plug", "2")]).run();
        assert_done(&done, "Success: Powered OFF\n");
        assert!(!unit.is_on(1, 2), "{table:?}");
    }
}

#[test]
fn a_refused_write_is_told_in_the_devices_words_at_once() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    for (refusal, word) in [(Refusal::NotWritable, "notWritable"), (Refusal::WrongValue, "wrongValue")] {
        unit.refuse(Some(refusal));
        let run = apc(unit.address(), "off").options([("plug", "2"), ("snmp_version", "2c")]);
        assert_failed(&run.under_pacemaker().run(), word);
        assert!(unit.is_on(1, 2));
    }
    unit.refuse(None);
    // A community that may only read.
    let done = apc(unit.address(), "off")
        .options([("plug", "2"), ("snmp_version", "2c"), ("community", "public")])
        .run();
    assert_failed(&done, "not enough privilege");
    let done = apc(unit.address(), "monitor").options([("community", "public")]).run();
    assert_done(&done, "");
}

/// A relay before a unit whose outlets 3 and 5 change their names when this request comes, counted from 0.
fn names_change_at(unit: &Arc<PowerUnit>, request: usize) -> Relay {
    let changed = unit.clone();
    let rule = move |packet: Packet| {
        if packet.direction == Direction::ToDevice && packet.index == request {
            changed.swap_names((1, 3), (1, 5));
        }
        Fate::Pass
    };
    Relay::builder(unit.address()).rule(rule).start()
}

#[test]
fn names_that_change_hands_prove_nothing_of_the_plugs_that_bore_them() {
    for (name, family) in [("fence_apc_snmp", Family::ApcRpdu), ("fence_ifmib", Family::Ports)] {
        let unit = Arc::new(PowerUnit::builder(family).start_changeable());
        let run = |relay: &Relay, plug: &str| {
            agent(name, relay.address(), "off").options([("plug", plug), ("snmp_version", "2c")]).run()
        };
        let whole = names_change_at(&unit, usize::MAX);
        assert_done(&run(&whole, "outlet 3"), "Success: Powered OFF\n");
        let requests = whole.count(Direction::ToDevice);
        for request in 0..requests {
            unit.become_another(&PowerUnit::builder(family));
            let done = run(&names_change_at(&unit, request), "outlet 3");
            match done.code {
                // The outlet that bears the name in the end.
                Some(0) => assert!(!unit.is_on(1, 5), "{name}, request {request}: {}", done.stderr),
                _ => assert_failed_with(&done, &["no such plug", "outlet 3"]),
            }
        }
        // Before the first look, no command goes out for what bears another name now.
        unit.become_another(&PowerUnit::builder(family));
        let look = requests - 3;
        assert_failed_with(
            &run(&names_change_at(&unit, look), "outlet 3"),
            &["no such plug", "isn't called"],
        );
        assert_eq!(unit.writes(), [], "{name}");
    }
}

#[test]
fn two_names_that_one_outlet_bore_in_turn_are_not_one_plug() {
    for (name, family) in [("fence_apc_snmp", Family::ApcRpdu), ("fence_ifmib", Family::Ports)] {
        let unit = Arc::new(PowerUnit::builder(family).start_changeable());
        let mut refused = 0;
        for request in 0..8 {
            unit.become_another(&PowerUnit::builder(family));
            let done = agent(name, names_change_at(&unit, request).address(), "off")
                .options([("plug", "outlet 3,outlet 5"), ("snmp_version", "2c")])
                .run();
            match done.code {
                Some(0) => {
                    assert!(!unit.is_on(1, 3) && !unit.is_on(1, 5), "{name} {request}: {}", done.stderr)
                }
                _ => {
                    assert_failed(&done, "no such plug");
                    refused += 1;
                }
            }
        }
        assert!(refused > 0, "{name}: the names never changed in between");
    }
}

#[test]
fn lists_show_real_names_and_states() {
    let unit = PowerUnit::start(Family::ApcRpdu2);
    unit.name(1, 1, "a,b");
    unit.set(1, 3, false);
    unit.lie(1, 4, Some(9));
    let done = apc(unit.address(), "list").run();
    assert_eq!(done.code, Some(0));
    assert!(done.stdout.starts_with("1,a,b\n2,outlet 2\n"), "{}", done.stdout);
    let done = apc(unit.address(), "list-status").options([("separator", ";")]).run();
    for line in ["2;outlet 2;ON", "3;outlet 3;OFF", "4;outlet 4;UNKNOWN"] {
        assert!(done.stdout.lines().any(|shown| shown == line), "{line}: {}", done.stdout);
    }
    assert_eq!(done.stdout.lines().count(), 8);
}

#[test]
fn monitor_reads_and_never_writes() {
    for family in Family::ALL {
        let unit = PowerUnit::start(family);
        assert_done(&apc(unit.address(), "monitor").run(), "");
        assert_done(&apc(unit.address(), "monitor").options([("plug", "2")]).run(), "");
        unit.set(1, 2, false);
        assert_done(&apc(unit.address(), "monitor").options([("plug", "2")]).run(), "");
        let done = apc(unit.address(), "monitor").options([("plug", "2,99")]).run();
        assert_failed(&done, "99");
        assert_eq!(unit.writes(), []);
    }
}

#[test]
fn every_user_of_version_3_fences_and_a_wrong_password_is_called_that() {
    let users = every_user();
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&users).start();
    for (number, user) in users.iter().enumerate() {
        let plug = (number % 8 + 1).to_string();
        let login = |action: &str, auth: &str| {
            let run = apc(unit.address(), action)
                .options([("snmp_version", "3"), ("username", user.name.as_str()), ("plug", plug.as_str())])
                .options([("password", auth)].into_iter().filter(|_: &(&str, &str)| user.auth.is_some()))
                .options(user.auth.map(|protocol| ("snmp_auth_prot", protocol)))
                .options(user.privacy.map(|protocol| ("snmp_priv_prot", protocol)))
                .options(user.privacy.map(|_| ("snmp_priv_passwd", PRIV_PASSWORD)));
            run.run()
        };
        assert_eq!(login("off", AUTH_PASSWORD).code, Some(0), "{}", user.name);
        assert!(!unit.is_on(1, number as u32 % 8 + 1), "{}", user.name);
        assert_eq!(login("on", AUTH_PASSWORD).code, Some(0), "{}", user.name);
        if user.auth.is_some() {
            let done = login("off", "wrong-Pa55word");
            assert_failed(&done, "login denied");
            assert!(unit.is_on(1, number as u32 % 8 + 1), "{}", user.name);
        }
    }
}

#[test]
fn version_3_without_protocols_is_md5_and_des() {
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&[User::new(Some("MD5"), Some("DES"))]).start();
    let done = apc(unit.address(), "off")
        .options([
            ("plug", "2"),
            ("snmp_version", "3"),
            ("username", "MD5-DES"),
            ("snmp_sec_level", "AUTHPRIV"),
        ])
        .options([("password", AUTH_PASSWORD), ("snmp_priv_passwd", PRIV_PASSWORD)])
        .run();
    assert_done(&done, "Success: Powered OFF\n");
}

#[test]
fn bad_credentials_are_refused_by_name_before_any_packet() {
    let device = UdpSocket::bind("127.0.0.1:0").unwrap();
    device.set_nonblocking(true).unwrap();
    let at = device.local_addr().unwrap();
    for (options, name) in [
        (vec![("snmp_version", "3")], "username"),
        (vec![("snmp_version", "3"), ("username", "u"), ("password", "short")], "password"),
        (vec![("snmp_version", "3"), ("username", "u"), ("snmp_sec_level", "authNoPriv")], "password"),
        (
            vec![
                ("snmp_version", "3"),
                ("username", "u"),
                ("password", AUTH_PASSWORD),
                ("snmp_sec_level", "authPriv"),
            ],
            "snmp_priv_passwd",
        ),
        (
            vec![
                ("snmp_version", "3"),
                ("username", "u"),
                ("password", AUTH_PASSWORD),
                ("snmp_priv_passwd", "short"),
            ],
            "snmp_priv_passwd",
        ),
        (vec![("snmp_version", "4")], "snmp_version"),
        (vec![("snmp_auth_prot", "CRC")], "snmp_auth_prot"),
        (vec![("plug", "")], "plug"),
    ] {
        let done = apc(at, "off").options([("plug", "2")]).options(options).run();
        assert_failed(&done, name);
        assert!(device.recv(&mut [0; 16]).is_err(), "{name}");
    }
    let done = ifmib(at, "off").options([("plug", "2"), ("community", "")]).run();
    assert_failed(&done, "community");
}

#[test]
fn a_closed_port_and_silence_are_told_apart() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    for version in ["1", "2c", "3"] {
        let options = [("plug", "2"), ("snmp_version", version), ("username", "u"), ("login_timeout", "2")];
        for name in ["fence_apc_snmp", "fence_ifmib"] {
            let done = agent(name, silent.local_addr().unwrap(), "off").options(options).run();
            assert_failed(&done, "timed out");
        }
    }
    let closed = silent.local_addr().unwrap();
    drop(silent);
    let done = apc(closed, "status").options([("plug", "2"), ("login_timeout", "3600")]).run();
    assert_failed(&done, "connection refused");
    assert!(!done.stderr.contains("timed out"), "{}", done.stderr);
    let unit = PowerUnit::start(Family::ApcRpdu);
    let done = apc(unit.address(), "off")
        .options([("plug", "2"), ("community", "wrong"), ("login_timeout", "2")])
        .run();
    assert_failed(&done, "community");
    assert!(unit.is_on(1, 2));
}

#[test]
fn no_secret_appears_anywhere_at_any_verbosity() {
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&[User::new(Some("SHA"), Some("AES"))]).start();
    let dir = TempDir::new("secrets");
    let file = dir.path().join("debug");
    for (version, password) in [("1", AUTH_PASSWORD), ("3", AUTH_PASSWORD), ("3", "wrong-secret")] {
        let done = apc(unit.address(), "reboot")
            .options([
                ("plug", "2"),
                ("snmp_version", version),
                ("username", "SHA-AES"),
                ("password", password),
            ])
            .options([
                ("snmp_auth_prot", "SHA"),
                ("snmp_priv_prot", "AES"),
                ("snmp_priv_passwd", PRIV_PASSWORD),
            ])
            .options([("verbose_level", "99"), ("debug_file", file.to_str().unwrap())])
            .run();
        let written = std::fs::read_to_string(&file).unwrap();
        for text in [&done.stdout, &done.stderr, &written] {
            for secret in [AUTH_PASSWORD, PRIV_PASSWORD, "wrong-secret", "private"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
        assert!(written.contains("SNMP"), "{written}");
    }
}

#[test]
fn requests_are_few() {
    let requests = |outlets: u32, options: &[(&str, &str)]| {
        let unit = PowerUnit::builder(Family::ApcRpdu).outlets(outlets).start();
        let relay = Relay::builder(unit.address()).start();
        let done = apc(relay.address(), "status").options(options.iter().copied()).run();
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        relay.count(Direction::ToDevice)
    };
    for version in VERSIONS {
        let version = ("snmp_version", *version);
        assert!(requests(8, &[("plug", "2"), version]) <= 2);
        assert!(requests(8, &[("plug", "outlet 2"), version]) <= 4);
        assert_eq!(requests(8, &[("plug", "2,5"), version]), requests(8, &[("plug", "2"), version]));
    }
}

#[test]
fn a_port_really_goes_down_and_comes_up_again() {
    let switch = Switch::start(2, &every_user(), "");
    let index = switch.index("port1").to_string();
    for plug in ["port1", index.as_str()] {
        for version in VERSIONS {
            let run = |action: &str| {
                ifmib(switch.address(), action).options([("plug", plug), ("snmp_version", version)]).run()
            };
            assert_done(&run("status"), "Status: ON\n");
            assert_done(&run("off"), "Success: Powered OFF\n");
            assert!(!switch.is_up("port1") && switch.is_up("port2"));
            assert_eq!(run("status").code, Some(2));
            assert_done(&run("off"), "Success: Already OFF\n");
            assert_done(&run("enable"), "Success: Powered ON\n");
            assert!(switch.is_up("port1"));
        }
    }
    let done = ifmib(switch.address(), "off").options([("plug", "port1,port2")]).run();
    assert_done(&done, "Success: Powered OFF\n");
    assert!(!switch.is_up("port1") && !switch.is_up("port2"));
    // The default action of an agent that cuts a path.
    switch.set("port1", true);
    let done = Agent::called("fence_ifmib", "fence_ifmib")
        .options([("ip", "127.0.0.1"), ("ipport", switch.address().port().to_string().as_str())])
        .options([("community", "private"), ("plug", "port1")])
        .run();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(!switch.is_up("port1"));
}

#[test]
fn a_port_that_does_not_exist_is_never_off() {
    let switch = Switch::start(2, &[User::new(Some("SHA-256"), Some("AES-256"))], "");
    for version in ["1", "2c", "3"] {
        for plug in ["999", "port9", "port", "0", "port1,999"] {
            for action in ["off", "status", "on"] {
                let done = ifmib(switch.address(), action)
                    .options([("plug", plug), ("snmp_version", version), ("username", "SHA-256-AES-256")])
                    .options([("password", AUTH_PASSWORD), ("snmp_priv_passwd", PRIV_PASSWORD)])
                    .options([("snmp_auth_prot", "SHA-256"), ("snmp_priv_prot", "AES-256")])
                    .run();
                assert_failed(&done, "no such plug");
            }
        }
    }
    assert!(switch.is_up("port1") && switch.is_up("port2"));
}

#[test]
fn an_alias_names_a_port_and_one_that_two_ports_share_names_none() {
    let switch = Switch::start(2, &[], "");
    let alias = |port: &str, text: &str| {
        let at = switch.address().to_string();
        let object = format!("1.3.6.1.2.1.31.1.1.1.18.{}", switch.index(port));
        let set = std::process::Command::new("snmpset")
            .args(["-v2c", "-c", "private", "-On", &at, &object, "s", text])
            .env("MIBS", "")
            .output()
            .unwrap();
        assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    };
    alias("port1", "db node 1");
    let run = |action: &str, plug: &str| ifmib(switch.address(), action).options([("plug", plug)]).run();
    assert_done(&run("off", "db node 1"), "Success: Powered OFF\n");
    assert!(!switch.is_up("port1") && switch.is_up("port2"));
    assert_done(&run("on", "db node 1"), "Success: Powered ON\n");
    alias("port2", "db node 1");
    assert_failed_with(&run("off", "db node 1"), &["ambiguous", "ifAlias"]);
    // A description goes before an alias, and digits are always the index.
    alias("port2", "port1");
    alias("port1", &switch.index("port2").to_string());
    assert_done(&run("off", "port1"), "Success: Powered OFF\n");
    assert!(!switch.is_up("port1") && switch.is_up("port2"));
    assert_done(&run("off", &switch.index("port2").to_string()), "Success: Powered OFF\n");
    assert!(!switch.is_up("port2"));
}

#[test]
fn ports_are_listed_with_their_states_and_a_reader_may_not_switch_them() {
    let switch = Switch::start(2, &[], "");
    switch.set("port2", false);
    let listed = || ifmib(switch.address(), "list-status").run();
    // The device notices a link that changed behind its back after a while.
    assert!(peers::until(Duration::from_secs(20), || listed()
        .stdout
        .lines()
        .any(|line| line == "port2,,OFF")));
    let done = listed();
    assert!(done.stdout.lines().any(|line| line == "port1,,ON"), "{}", done.stdout);
    let done = ifmib(switch.address(), "list").run();
    assert!(done.stdout.lines().any(|line| line == "port1,"), "{}", done.stdout);
    let done = ifmib(switch.address(), "off").options([("plug", "port1"), ("community", "public")]).run();
    assert_failed(&done, "not enough privilege");
    assert!(switch.is_up("port1"));
    assert_done(&ifmib(switch.address(), "monitor").options([("community", "public")]).run(), "");
    let done = ifmib(switch.address(), "reboot").options([("plug", "port1")]).run();
    assert_failed(&done, "unsupported action");
}

#[test]
fn addresses_are_written_as_net_snmps_tools_take_them() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    let port = unit.address().port().to_string();
    for ip in ["127.0.0.1", "udp:127.0.0.1", "localhost"] {
        let done = Agent::called("fence_apc_snmp", "fence_apc_snmp")
            .options([("ip", ip), ("ipport", port.as_str()), ("action", "status"), ("plug", "2")])
            .run();
        assert_done(&done, "Status: ON\n");
    }
    let done = Agent::called("fence_apc_snmp", "fence_apc_snmp")
        .options([("ip", "udp6:[::1]"), ("ipport", "1"), ("action", "status"), ("plug", "2")])
        .run();
    assert_failed(&done, "[::1]");
}

#[test]
fn any_one_datagram_may_be_lost_repeated_or_late() {
    let fates: [fn() -> Fate; 3] =
        [|| Fate::Lose, || Fate::Twice, || Fate::Late(Duration::from_millis(1300))];
    let mut runs = Vec::new();
    for direction in [Direction::ToDevice, Direction::ToAgent] {
        for fate in fates {
            for index in 0..6 {
                runs.push((direction, fate, index));
            }
        }
    }
    for runs in runs.chunks(12) {
        std::thread::scope(|scope| {
            for (direction, fate, index) in runs.iter().copied() {
                scope.spawn(move || {
                    let unit = PowerUnit::start(Family::ApcRpdu);
                    let relay = Relay::builder(unit.address())
                        .rule(move |packet| {
                            if (packet.direction, packet.index) == (direction, index) {
                                fate()
                            } else {
                                Fate::Pass
                            }
                        })
                        .start();
                    let done =
                        apc(relay.address(), "off").options([("plug", "2"), ("login_timeout", "20")]).run();
                    assert_eq!(done.code, Some(0), "{direction:?} {index} {:?}: {}", fate(), done.stderr);
                    assert!(!unit.is_on(1, 2), "{direction:?} {index} {:?}", fate());
                });
            }
        });
    }
}

#[test]
fn another_snmp_engine_at_the_address_is_sent_nothing_and_its_state_proves_nothing() {
    let users = [User::new(Some("SHA"), Some("AES")), User::new(Some("SHA"), None)];
    let start = |family| PowerUnit::builder(family).users(&users).start_changeable();
    for (name, family) in [("fence_apc_snmp", Family::ApcRpdu), ("fence_ifmib", Family::Ports)] {
        let (first, second) = (start(family), start(family));
        for (level, user) in [("authPriv", &users[0]), ("authNoPriv", &users[1])] {
            let run = |relay: &Relay| {
                agent(name, relay.address(), "off")
                    .options([
                        ("plug", "3"),
                        ("power_timeout", "3"),
                        ("login_timeout", "3"),
                        ("shell_timeout", "3"),
                    ])
                    .options([
                        ("snmp_version", "3"),
                        ("username", user.name.as_str()),
                        ("snmp_sec_level", level),
                    ])
                    .options([("snmp_auth_prot", "SHA"), ("password", AUTH_PASSWORD)])
                    .options([("snmp_priv_prot", "AES"), ("snmp_priv_passwd", PRIV_PASSWORD)])
                    .run()
            };
            first.become_another(&PowerUnit::builder(family));
            let plain = Relay::builder(first.address()).start();
            assert_done(&run(&plain), "Success: Powered OFF\n");
            let requests = plain.count(Direction::ToDevice);
            assert!(requests >= 4, "{requests}");
            let mut told = 0;
            for at in 0..=requests {
                for deaf in [true, false] {
                    first.become_another(&PowerUnit::builder(family));
                    second.become_another(&PowerUnit::builder(family));
                    first.ignore_commands(deaf);
                    second.set(1, 3, false);
                    let other = second.address();
                    let relay = Relay::builder(first.address()).from(at, other).start();
                    let done = run(&relay);
                    let words = format!("{name} {level} from request {at}, deaf {deaf}: {}", done.stderr);
                    match done.code {
                        // The second one from the first word on that proves anything, or never.
                        Some(0) if at <= 1 => assert!(first.writes().is_empty(), "{words}"),
                        Some(0) => assert!(!first.is_on(1, 3) && second.writes().is_empty(), "{words}"),
                        _ => {
                            assert_failed_with(&done, &[]);
                            assert!(second.writes().is_empty(), "{words}");
                            told += u32::from(done.stderr.contains("another device answers than before"));
                        }
                    }
                }
            }
            assert!(told > 2, "{name} {level}: told {told} times");
        }
    }
}

/// The column of an outlet's name, state and pending command in the tables of an rPDU, and of its commands.
const RPDU_NAME: &str = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.2";
const RPDU_STATE: &str = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4";
const RPDU_PENDING: &str = "1.3.6.1.4.1.318.1.1.12.3.5.1.1.5";
const IF_OPER_STATUS: &str = "1.3.6.1.2.1.2.2.1.8";

#[test]
fn a_column_that_answered_before_the_command_and_is_missing_after_it_is_no_proof() {
    // The unit shows off and has a delayed on to come, of which it says nothing any more once it was commanded; the switch
    // takes the port down and lets it pass everything, and doesn't tell that any more.
    for (name, column) in [("fence_apc_snmp", RPDU_PENDING), ("fence_ifmib", IF_OPER_STATUS)] {
        for version in VERSIONS {
            let device = match name {
                "fence_apc_snmp" => TableAgent::rpdu(4),
                _ => TableAgent::ports(4),
            };
            let gone = peers::snmp::table_agent::name(column);
            let mut commanded = false;
            let device = device
                .rule(move |asked, rows| {
                    if commanded {
                        rows.retain(|object, _| !object.starts_with(&gone));
                    }
                    commanded |= asked.kind == Kind::Set;
                    Deed::Answer
                })
                .start();
            let done = agent(name, device.address(), "off")
                .options([("plug", "2"), ("snmp_version", version), ("power_timeout", "2")])
                .run();
            assert_failed_with(&done, &["timed out waiting for off", "is unknown", "no word on"]);
            // A device that never had it is taken as before.
            let device = match name {
                "fence_apc_snmp" => TableAgent::rpdu(4),
                _ => TableAgent::ports(4),
            };
            let device = device.without(column).start();
            let done = agent(name, device.address(), "off")
                .options([("plug", "2"), ("snmp_version", version)])
                .run();
            assert_done(&done, "Success: Powered OFF\n");
        }
    }
}

/// A unit whose outlet 2 has a delayed command pending, which an immediate one takes the place of.
fn with_a_pending_command(cancel: impl Fn() -> Deed + Send + 'static) -> TableAgent {
    let pending = peers::snmp::table_agent::name(&format!("{RPDU_PENDING}.2"));
    TableAgent::rpdu(4)
        .row(&format!("{RPDU_PENDING}.2"), 1)
        .rule(move |asked, rows| {
            if asked.kind == Kind::Set {
                if asked.values == [Some(7)] {
                    return cancel();
                }
                rows.insert(pending.clone(), Data::Integer(2));
            }
            Deed::Answer
        })
        .start()
}

#[test]
fn a_pending_command_that_can_not_be_cancelled_does_not_stand_in_the_way_of_the_command() {
    // badValue, genErr, and no answer at all.
    let cancels: [fn() -> Deed; 3] = [|| Deed::Error(3), || Deed::Error(5), || Deed::Silence];
    for cancel in cancels {
        for action in ["off", "reboot"] {
            let unit = with_a_pending_command(cancel);
            let done = apc(unit.address(), action).options([("plug", "2")]).run();
            assert_eq!(done.code, Some(0), "{}", done.stderr);
            assert!(done.stderr.contains("can't be cancelled"), "{}", done.stderr);
            assert_eq!(unit.is_on(2), action == "reboot");
            let cancelled = unit.sets().iter().filter(|(_, value)| *value == Some(7)).count();
            assert!(cancelled <= 3, "{:?}", unit.sets());
        }
    }
    // Where the command stays pending for all that, off isn't proven.
    let unit = TableAgent::rpdu(4)
        .row(&format!("{RPDU_PENDING}.2"), 1)
        .rule(|asked, _| if asked.values == [Some(7)] { Deed::Error(3) } else { Deed::Answer })
        .start();
    let done = apc(unit.address(), "off").options([("plug", "2"), ("power_timeout", "2")]).run();
    assert_failed(&done, "a command is pending");
}

/// The whole row of tables of an AP79xxB: its MasterSwitch, rPDU and rPDU2 tables.
fn ap7900b(name_of: impl Fn(u32, &str) -> String) -> TableAgent {
    let apc = "1.3.6.1.4.1.318.1";
    let mut unit = TableAgent::builder(&format!("{apc}.3.4.8"))
        .link(&format!("{apc}.1.12.3.3.1.1.4"), &format!("{apc}.1.4.4.2.1.3"), &[(1, 1), (2, 2)])
        .link(&format!("{apc}.1.12.3.3.1.1.4"), RPDU_STATE, &[(1, 1), (2, 2)]);
    for outlet in 1..=8 {
        for (column, value) in [
            ("4.4.2.1.2", 2),
            ("4.4.2.1.3", 1),
            ("12.3.3.1.1.4", 1),
            ("12.3.5.1.1.4", 1),
            ("12.3.5.1.1.5", 2),
            ("26.9.2.4.1.5", 1),
            ("26.9.2.3.1.5", 2),
            ("26.9.2.3.1.6", 2),
        ] {
            unit = unit.row(&format!("{apc}.1.{column}.{outlet}"), value);
        }
        for column in ["4.4.2.1.4", "12.3.5.1.1.2", "26.9.2.3.1.3"] {
            unit = unit.row(&format!("{apc}.1.{column}.{outlet}"), name_of(outlet, column).as_str());
        }
    }
    unit.start()
}

#[test]
fn units_of_every_known_number_are_taken_without_a_search() {
    let unit = ap7900b(|outlet, column| format!("{column} names it {outlet}"));
    for (action, line, requests) in [("status", "Status: ON\n", 2), ("off", "Success: Powered OFF\n", 4)] {
        let before = unit.log().len();
        let done = apc(unit.address(), action).options([("plug", "3")]).run();
        assert_done(&done, line);
        assert!(!done.stderr.contains("unknown") && !done.stderr.contains("WARNING"), "{}", done.stderr);
        assert_eq!(unit.log().len() - before, requests, "{action}");
    }
    assert!(!unit.is_on(3));
    for number in [1, 2, 7] {
        let number = format!(".1.3.6.1.4.1.318.1.3.4.{number}");
        let unit = PowerUnit::builder(Family::ApcMasterSwitch).sys_object_id(&number).start();
        let relay = Relay::builder(unit.address()).start();
        let done = apc(relay.address(), "off").options([("plug", "3")]).run();
        assert_done(&done, "Success: Powered OFF\n");
        assert!(!unit.is_on(1, 3) && !done.stderr.contains("WARNING"), "{}", done.stderr);
        assert_eq!(relay.count(Direction::ToDevice), 4, "{number}");
    }
}

#[test]
fn families_without_an_original_are_switched_as_their_mibs_say() {
    type Case = (&'static str, &'static str, &'static str, &'static str, i64, i64, [(i64, i64); 2]);
    let cases: [Case; 3] = [
        (
            "1.3.6.1.4.1.318.1.3.4.9",
            "1.3.6.1.4.1.318.1.1.30.6.1.1.4",
            "1.3.6.1.4.1.318.1.1.30.6.2.1.4",
            "7",
            2,
            1,
            [(1, 2), (2, 1)],
        ),
        (
            "1.3.6.1.4.1.318.1.1.32",
            "1.3.6.1.4.1.318.1.1.32.5.4.1.4",
            "1.3.6.1.4.1.318.1.1.32.5.5.1.4",
            "1.7",
            1,
            0,
            [(2, 1), (1, 0)],
        ),
        (
            "1.3.6.1.4.1.850.1.1.1",
            "1.3.6.1.4.1.850.1.1.3.4.3.3.1.1.4",
            "1.3.6.1.4.1.850.1.1.3.4.3.3.1.1.6",
            "1.7",
            2,
            1,
            [(2, 2), (1, 1)],
        ),
    ];
    for (number, status, control, row, on, off, values) in cases {
        for version in VERSIONS {
            let unit = TableAgent::builder(number)
                .row(&format!("{status}.{row}"), on)
                // It reads as what was commanded last.
                .row(&format!("{control}.{row}"), values[0].0)
                .link(control, status, &values)
                .start();
            let run = |action: &str| {
                apc(unit.address(), action).options([("plug", "7"), ("snmp_version", version)]).run()
            };
            assert_done(&run("off"), "Success: Powered OFF\n");
            assert_eq!(unit.holds(&format!("{status}.{row}")), Some(Data::Integer(off)), "{number}");
            assert_done(&run("on"), "Success: Powered ON\n");
            assert_eq!(unit.holds(&format!("{status}.{row}")), Some(Data::Integer(on)), "{number}");
            assert_failed(&apc(unit.address(), "off").options([("plug", "8")]).run(), "no such plug");
            assert_eq!(unit.sets().len(), 2);
        }
    }
}

#[test]
fn tripp_lites_outlets_are_found_by_name_wherever_their_names_stand() {
    for names in ["1.3.6.1.4.1.850.10.2.3.5.1.5.1", "1.3.6.1.4.1.850.10.2.3.5.1.5"] {
        let base = "1.3.6.1.4.1.850.10.2.3.5.1";
        let mut unit = TableAgent::builder("1.3.6.1.4.1.850.1").link(
            &format!("{base}.4.1"),
            &format!("{base}.2.1"),
            &[(1, 1), (2, 2)],
        );
        for outlet in 1..=4 {
            unit = unit
                .row(&format!("{base}.2.1.{outlet}"), 2)
                .row(&format!("{base}.4.1.{outlet}"), 0)
                .row(&format!("{names}.{outlet}"), format!("load {outlet}").as_str());
        }
        let unit = unit.start();
        let run = |action: &str| {
            Agent::called("fence_tripplite_snmp", "fence_apc_snmp")
                .options([("ip", "127.0.0.1"), ("ipport", unit.address().port().to_string().as_str())])
                .options([("action", action), ("plug", "load 3"), ("expect_name", "load 3")])
                .run()
        };
        assert_done(&run("off"), "Success: Powered OFF\n");
        assert_eq!(unit.holds(&format!("{base}.2.1.3")), Some(Data::Integer(1)));
        let done = run("list");
        assert!(done.stdout.contains("3,load 3\n"), "{names}: {}{}", done.stdout, done.stderr);
    }
}

#[test]
fn tables_of_an_unknown_unit_may_differ_in_names_and_not_in_states() {
    // Names are of their own in each table; today's recordings show that.
    let unit = |other: i64| {
        let mut unit = TableAgent::rpdu(4);
        for outlet in 1..=4 {
            let state = if outlet == 2 { other } else { 1 };
            unit = unit
                .row("1.3.6.1.2.1.1.2.0", Data::Object(vec![1, 3, 6, 1, 4, 1, 318, 1, 3, 4, 99]))
                .row(&format!("1.3.6.1.4.1.318.1.1.4.4.2.1.2.{outlet}"), 2)
                .row(&format!("1.3.6.1.4.1.318.1.1.4.4.2.1.3.{outlet}"), state)
                .row(&format!("1.3.6.1.4.1.318.1.1.4.4.2.1.4.{outlet}"), "cut short");
        }
        unit.start()
    };
    let run = |unit: &TableAgent, action: &str, plug: &str| {
        apc(unit.address(), action).options([("plug", plug)]).run()
    };
    assert_done(&run(&unit(1), "status", "2"), "Status: ON\n");
    let torn = unit(2);
    assert_done(&run(&torn, "status", "3"), "Status: ON\n");
    for action in ["status", "off"] {
        let done = apc(torn.address(), action).options([("plug", "2")]).under_pacemaker().run();
        assert_failed_with(&done, &["disagree about plug 2", "family"]);
        assert!(done.wall < Duration::from_secs(10), "it isn't asked over and over: {:?}", done.wall);
    }
    assert_eq!(torn.sets(), []);
}

/// The state column of a MasterSwitch, which takes commands, too.
const MASTER_SWITCH_STATE: &str = "1.3.6.1.4.1.318.1.1.4.4.2.1.3";

/// A unit of an unknown number with the tables of a MasterSwitch and of an rPDU, whose outlet 2 the latter says is in
/// this state.
fn with_two_tables(rpdu: i64) -> peers::snmp::table_agent::Builder {
    TableAgent::rpdu(2)
        .row("1.3.6.1.2.1.1.2.0", Data::Object(vec![1, 3, 6, 1, 4, 1, 318, 1, 3, 4, 99]))
        .row("1.3.6.1.4.1.318.1.1.4.4.2.1.2.2", 2)
        .row(&format!("{MASTER_SWITCH_STATE}.2"), 1)
        .row(&format!("{RPDU_STATE}.2"), rpdu)
}

#[test]
fn tables_that_disagree_are_not_let_through_where_the_time_is_short() {
    let unit = with_two_tables(2).start();
    for action in ["status", "off"] {
        let done = apc(unit.address(), action).options([("plug", "2"), ("login_timeout", "1")]).run();
        assert_failed(&done, "disagree about plug 2");
    }
    assert_eq!(unit.sets(), []);
}

#[test]
fn a_guessed_table_proves_nothing_that_the_other_one_does_not_tell() {
    let run = |unit: &TableAgent| {
        let done = apc(unit.address(), "off").options([("plug", "2"), ("power_timeout", "2")]).run();
        (done, unit.log().len())
    };
    // The command goes to the first table, and what the second one shows is the truth.
    let torn = with_two_tables(1).start();
    let (done, _) = run(&torn);
    assert_failed_with(
        &done,
        &["timed out waiting for off", "MasterSwitch says Off", "first generation says On"],
    );
    assert_eq!(torn.sets().len(), 1);
    let whole = with_two_tables(1).link(MASTER_SWITCH_STATE, RPDU_STATE, &[(1, 1), (2, 2)]).start();
    let (done, _) = run(&whole);
    assert_done(&done, "Success: Powered OFF\n");
    // A table that falls silent after the command is no proof, either.
    let gone = peers::snmp::table_agent::name(RPDU_STATE);
    let mut commanded = false;
    let mute = with_two_tables(1).rule(move |asked, rows| {
        if commanded {
            rows.retain(|object, _| !object.starts_with(&gone));
        }
        commanded |= asked.kind == Kind::Set;
        Deed::Answer
    });
    assert_failed_with(&run(&mute.start()).0, &["timed out waiting for off", "doesn't tell of it any more"]);
}

#[test]
fn a_state_is_never_older_than_the_word_on_pending_commands() {
    // The unit takes one object a request, and carries a delayed on out between the two.
    let objects = [RPDU_STATE, RPDU_PENDING].map(|column| format!("{column}.2"));
    let names = objects.clone().map(|object| peers::snmp::table_agent::name(&object));
    let mut told = 0;
    let unit = TableAgent::rpdu(2)
        .row(&objects[0], 2)
        .row(&objects[1], 1)
        .rule(move |asked, rows| {
            if asked.kind != Kind::Get || !asked.names.iter().any(|name| names.contains(name)) {
                return Deed::Answer;
            }
            if asked.names.len() > 1 {
                return Deed::Error(1);
            }
            told += 1;
            if told == 2 {
                rows.insert(names[0].clone(), Data::Integer(1));
                rows.insert(names[1].clone(), Data::Integer(2));
            }
            Deed::Answer
        })
        .start();
    let done = apc(unit.address(), "status").options([("plug", "2")]).run();
    assert!(unit.is_on(2), "it was carried out");
    assert!(done.code != Some(2) && !done.stdout.contains("OFF"), "{}{}", done.stdout, done.stderr);
}

#[test]
fn a_link_that_was_told_and_is_unknown_after_the_command_is_no_proof() {
    let run = |unit: &TableAgent| {
        ifmib(unit.address(), "off").options([("plug", "2"), ("power_timeout", "2")]).run()
    };
    let object = format!("{IF_OPER_STATUS}.2");
    let name = peers::snmp::table_agent::name(&object);
    let mut commanded = false;
    let switch = TableAgent::ports(2).rule(move |asked, rows| {
        if commanded {
            rows.insert(name.clone(), Data::Integer(4));
        }
        commanded |= asked.kind == Kind::Set;
        Deed::Answer
    });
    assert_failed_with(
        &run(&switch.start()),
        &["timed out waiting for off", "is unknown", "the link unknown"],
    );
    // A switch that never says anything else is taken as before.
    let name = peers::snmp::table_agent::name(IF_OPER_STATUS);
    let vague = TableAgent::ports(2).rule(move |_, rows| {
        let told = rows.iter_mut().filter(|(object, _)| object.starts_with(&name));
        told.for_each(|(_, data)| *data = Data::Integer(4));
        Deed::Answer
    });
    assert_done(&run(&vague.start()), "Success: Powered OFF\n");
}

#[test]
fn a_name_is_found_whatever_blanks_stand_around_it_where_that_is_unique() {
    let device = |name: &str| match name {
        "fence_apc_snmp" => TableAgent::rpdu(5),
        _ => TableAgent::ports(5),
    };
    for (name, column) in [("fence_apc_snmp", RPDU_NAME), ("fence_ifmib", "1.3.6.1.2.1.2.2.1.2")] {
        let run = |unit: &TableAgent, action: &str, plug: &str| {
            agent(name, unit.address(), action).options([("plug", plug)]).run()
        };
        let unit = device(name).row(&format!("{column}.3"), "Slot 0/3 ").start();
        for plug in ["Slot 0/3", "Slot 0/3 "] {
            assert_done(&run(&unit, "status", plug), "Status: ON\n");
        }
        assert_done(&run(&unit, "off", "Slot 0/3"), "Success: Powered OFF\n");
        assert_eq!(unit.sets().len(), 1);
        let twice = device(name)
            .row(&format!("{column}.3"), "Slot 0/3 ")
            .row(&format!("{column}.4"), "Slot 0/3")
            .start();
        assert_failed(&run(&twice, "off", "Slot 0/3"), "ambiguous");
        assert_eq!(twice.sets(), []);
    }
}

#[test]
fn a_device_that_tells_without_end_holds_the_agent_no_longer_and_in_no_more_memory() {
    // Equal descriptions, so that nothing is found early: as many and as long as they may be, too long, and too many.
    for (ports, length) in [(19_000, 60), (19_000, 2_000), (25_000, 4)] {
        let mut switch = TableAgent::ports(0);
        for port in 1..=ports {
            switch = switch.row(&format!("1.3.6.1.2.1.2.2.1.2.{port}"), "x".repeat(length).as_str());
        }
        let switch = switch.start();
        for (action, plug) in
            [("list", ""), ("list-status", ""), ("off", "lost"), ("off", &"x".repeat(length))]
        {
            let done = ifmib(switch.address(), action)
                .options([("plug", plug)].into_iter().filter(|(_, plug)| !plug.is_empty()))
                .options([("login_timeout", "8"), ("shell_timeout", "8"), ("power_timeout", "2")])
                .run();
            let words = format!("{ports} of {length}: {action}: {:?}, {} bytes", done.wall, done.max_rss);
            assert!(done.wall < Duration::from_secs(30), "{words}");
            assert!(done.max_rss < 64 << 20, "{words}");
            let listed = ports == 19_000 && length == 60 && action.starts_with("list");
            assert_eq!(done.code, Some(if listed { 0 } else { 1 }), "{words}: {}", done.stderr);
            assert!(done.stderr.len() < 32_768, "{}", done.stderr.len());
        }
        assert_eq!(switch.sets(), []);
    }
}

#[test]
fn one_bad_answer_to_what_was_read_before_ends_nothing() {
    for name in ["fence_apc_snmp", "fence_ifmib"] {
        let device = || if name == "fence_ifmib" { TableAgent::ports(4) } else { TableAgent::rpdu(4) };
        let run = |at: &TableAgent| agent(name, at.address(), "off").options([("plug", "2")]).run();
        let plain = device().start();
        assert_done(&run(&plain), "Success: Powered OFF\n");
        let requests = plain.log().len();
        // badValue, genErr, resourceUnavailable, authorizationError; and an object that is missing in one answer.
        for status in [3, 5, 13, 16, 0] {
            for at in 1..requests {
                let mut count = 0;
                let unit = device()
                    .rule(move |asked, _| {
                        count += 1;
                        match (count == at + 1 && asked.kind == Kind::Get, status) {
                            (false, _) => Deed::Answer,
                            (true, 0) => Deed::Altered(Box::new(|told| {
                                told.iter_mut().for_each(|(_, data)| *data = Data::Other(0x81, Vec::new()));
                            })),
                            (true, status) => Deed::Error(status),
                        }
                    })
                    .start();
                let options = [("plug", "2"), ("snmp_version", "2c")];
                let done = agent(name, unit.address(), "off").options(options).run();
                let words = format!("{name}: {status} in answer {at}: {}", done.stderr);
                // The first answer about a plug says whether there is one.
                if status == 0 && at == 1 && name == "fence_apc_snmp" {
                    assert_failed(&done, "no such plug");
                    continue;
                }
                assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered OFF\n"), "{words}");
                let off = if name == "fence_ifmib" { !unit.is_up(2) } else { !unit.is_on(2) };
                assert!(off, "{words}");
            }
        }
    }
}

#[test]
fn a_login_that_may_only_read_is_told_as_such_and_somebody_who_is_logged_on_is_waited_for() {
    // APC's access type Write: somebody is logged on, and off again after three writes.
    for lifted in [true, false] {
        let mut left = 3;
        let unit = TableAgent::rpdu(4)
            .rule(move |asked, _| {
                let refuses = asked.kind == Kind::Set && left > 0;
                left -= i32::from(refuses);
                if refuses { Deed::Error(2) } else { Deed::Answer }
            })
            .start();
        let run = apc(unit.address(), "off").options([("plug", "2")]);
        let done = if lifted { run.under_pacemaker().run() } else { run.run() };
        assert_done(&done, "Success: Powered OFF\n");
        assert!(!unit.is_on(2));
    }
    // A community that may only read is told so in version 1 too, and soon.
    for name in ["fence_apc_snmp", "fence_ifmib"] {
        let device = || if name == "fence_ifmib" { TableAgent::ports(4) } else { TableAgent::rpdu(4) };
        let reader = device()
            .rule(|asked, _| if asked.kind == Kind::Set { Deed::Error(2) } else { Deed::Answer })
            .start();
        let done = agent(name, reader.address(), "off")
            .options([("plug", "2"), ("snmp_version", "1")])
            .under_pacemaker()
            .run();
        assert_failed_with(&done, &["not enough privilege", "may only read", "logged on"]);
        assert!(done.wall < Duration::from_secs(30), "{:?}", done.wall);
        // And where the device says so by silence.
        let mute = device()
            .rule(|asked, _| if asked.kind == Kind::Set { Deed::Silence } else { Deed::Answer })
            .start();
        let done = agent(name, mute.address(), "off").options([("plug", "2"), ("power_timeout", "3")]).run();
        assert_failed_with(&done, &["to a write over SNMP", "may only read"]);
        assert!(!done.stderr.contains("community, too"), "{}", done.stderr);
    }
}
