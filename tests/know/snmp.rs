//! explain, doctor and expect_name on power units and a switch: what they tell is compared with what the peers hold,
//! and nothing may be written.

use std::net::SocketAddr;
use std::process::Command;

use peers::Agent;
use peers::agent::Finished;
use peers::snmp::{Family, PowerUnit, Switch, User};
use serde_json::Value;

fn run(name: &str, at: SocketAddr, action: &str, options: &[(&str, &str)]) -> Finished {
    Agent::snmp(name, at.port(), action).options(options.iter().copied()).run()
}

fn json(done: &Finished) -> Value {
    serde_json::from_str(&done.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", done.stdout, done.stderr))
}

/// How an outlet is written where a family has several switches.
fn plug(family: Family) -> &'static str {
    match family {
        Family::ApcMasterSwitchPlus | Family::ApcMasterSwitchPlusByMib | Family::TrippLiteLx => "1:3",
        _ => "3",
    }
}

#[test]
fn explain_names_the_request_that_off_then_sends_on_every_family() {
    for family in Family::ALL {
        let unit = PowerUnit::start(family);
        let explained = run(
            "fence_apc_snmp",
            unit.address(),
            "off",
            &[("plug", plug(family)), ("explain", "1"), ("json", "1")],
        );
        assert_eq!(explained.code, Some(1), "{family:?}: {}", explained.stderr);
        assert!(unit.writes().is_empty() && unit.is_on(1, 3), "{family:?}: something was sent");
        let text = json(&explained).to_string();
        let off = run("fence_apc_snmp", unit.address(), "off", &[("plug", plug(family))]);
        assert_eq!(off.stdout, "Success: Powered OFF\n", "{family:?}: {}", off.stderr);
        let writes = unit.writes();
        let [(object, value)] = writes.as_slice() else { panic!("{family:?}: {writes:?}") };
        let request = format!("SET {} = {value} (off)", object.trim_start_matches('.'));
        assert!(text.contains(&request), "{family:?}: {request} isn't in {text}");
    }
}

#[test]
fn an_outlet_of_another_name_is_sent_no_command() {
    for family in Family::ALL {
        let unit = PowerUnit::start(family);
        unit.name(1, 3, "node one");
        let with = |action, name| {
            run("fence_apc_snmp", unit.address(), action, &[("plug", plug(family)), ("expect_name", name)])
        };
        for action in ["off", "on", "reboot", "status", "monitor"] {
            let done = with(action, "node two");
            assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{family:?} {action}");
            assert!(
                done.stderr.contains("node one") && done.stderr.contains("expect_name"),
                "{}",
                done.stderr
            );
        }
        assert!(unit.writes().is_empty() && unit.is_on(1, 3), "{family:?}");
        let done = with("off", "node one");
        assert_eq!(done.stdout, "Success: Powered OFF\n", "{family:?}: {}", done.stderr);
    }
}

#[test]
fn each_of_several_outlets_needs_the_name_that_is_expected_of_it() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    unit.name(1, 3, "left");
    unit.name(1, 4, "right");
    let with =
        |names| run("fence_apc_snmp", unit.address(), "off", &[("plug", "3,4"), ("expect_name", names)]);
    for names in ["right,left", "left,left", "left", "left,right,more"] {
        let done = with(names);
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{names}: {}", done.stderr);
        assert!(unit.is_on(1, 3) && unit.is_on(1, 4), "{names}");
    }
    assert_eq!(with("left,right").stdout, "Success: Powered OFF\n");
}

#[test]
fn doctor_finds_what_a_login_and_a_single_plug_are_worth() {
    let user = User::new(Some("MD5"), Some("DES"));
    let unit = PowerUnit::builder(Family::ApcRpdu2).users(&[user]).start();
    let done = run("fence_apc_snmp", unit.address(), "doctor", &[("plug", "3"), ("json", "1")]);
    assert_eq!(done.code, Some(3), "a factory community is a warning: {}{}", done.stdout, done.stderr);
    let found = json(&done).to_string();
    for words in ["delivered with", "only one given", "forge answers", "can't be asked"] {
        assert!(found.contains(words), "{words}: {found}");
    }
    assert!(unit.writes().is_empty());
    let missing = run("fence_apc_snmp", unit.address(), "doctor", &[("plug", "99"), ("json", "1")]);
    assert_eq!(missing.code, Some(1), "{}", missing.stdout);
}

#[test]
fn the_transport_before_an_address_is_no_part_of_the_name_that_doctor_looks_up() {
    let unit = PowerUnit::start(Family::ApcRpdu2);
    for address in ["udp:127.0.0.1", "udpv6:[::ffff:127.0.0.1]"] {
        let done = run("fence_apc_snmp", unit.address(), "doctor", &[("plug", "3"), ("ip", address)]);
        assert!(done.stdout.contains("needs no name service"), "{address}: {}{}", done.stdout, done.stderr);
        assert_ne!(done.code, Some(1), "{address}: {}{}", done.stdout, done.stderr);
    }
}

#[test]
fn a_port_is_known_by_its_alias() {
    let switch = Switch::start(2, &[], "");
    let index = switch.index("port1");
    let at = switch.address();
    let set = Command::new("snmpset")
        .args([
            "-v2c",
            "-cprivate",
            &at.to_string(),
            &format!("1.3.6.1.2.1.31.1.1.1.18.{index}"),
            "s",
            "node one",
        ])
        .output()
        .expect("snmpset");
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    let with = |action, more: &[(&str, &str)]| {
        let options: Vec<_> = [("plug", "port1")].iter().chain(more).copied().collect();
        run("fence_ifmib", at, action, &options)
    };
    let explained = with("off", &[("explain", "1"), ("json", "1")]);
    assert_eq!(explained.code, Some(1), "{}", explained.stderr);
    let text = json(&explained).to_string();
    for words in ["node one", &format!("SET ifAdminStatus.{index} "), "= 2 (off)"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let wrong = with("off", &[("expect_name", "node two")]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(1), ""), "{}", wrong.stderr);
    assert!(switch.is_up("port1"));
    let doctor = with("doctor", &[("expect_name", "node one")]);
    assert_eq!(doctor.code, Some(3), "{}{}", doctor.stdout, doctor.stderr);
    assert!(switch.is_up("port1"));
    let right = with("off", &[("expect_name", "node one")]);
    assert_eq!(right.stdout, "Success: Powered OFF\n", "{}", right.stderr);
    assert!(!switch.is_up("port1"));
}
