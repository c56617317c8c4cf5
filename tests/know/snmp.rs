//! explain, doctor and expect_name on power units and a switch: what they tell is compared with what the peers hold,
//! and nothing may be written.

use std::net::SocketAddr;
use std::process::Command;

use peers::Agent;
use peers::agent::Finished;
use peers::snmp::{Family, PowerUnit, Switch, User};
use peers::stand::{
    Column, Commands, EATON_EPDU, HPE_PDU2, Holds, IPDU_NEW, IPDU_OLD, LIEBERT_MPX, PANDUIT_G5, RARITAN_PDU2,
    SENTRY3, SENTRY4, Shut, Stand, Words,
};
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

/// What doctor finds at a unit.
fn found(agent: &str, unit: &PowerUnit, plugs: &str) -> String {
    let done =
        run(agent, unit.address(), "doctor", &[("plug", plugs), ("snmp_version", "2c"), ("json", "1")]);
    assert!(unit.writes().is_empty(), "doctor changes nothing");
    json(&done).to_string()
}

#[test]
fn doctor_names_outlets_that_take_no_commands_and_what_says_so() {
    for (agent, stand, plugs, column, value, words) in [
        ("fence_eaton_snmp", &EATON_EPDU, "1,2", "6.6.1.9.U.N", 2, "outletControlSwitchable"),
        ("fence_eaton_snmp", &EATON_EPDU, "1,2", "1.2.1.10.U", 2, "unitType"),
        ("fence_emerson", &LIEBERT_MPX, "1.1.1,1.1.2", "50.U.B.N", 1, "switch"),
        ("fence_emerson", &LIEBERT_MPX, "1.1.1,1.1.2", "105.U.B.N", 2, "lock"),
        ("fence_snmp_pdu", &RARITAN_PDU2, "1,2", "3.5.3.1.28.U.N", 2, "switchable"),
        ("fence_snmp_pdu", &HPE_PDU2, "1,2", "2.1.8.U.N", 2, "switchable"),
        ("fence_snmp_pdu", &PANDUIT_G5, "1,2", "2.1.8.U.N", 2, "switchable"),
        ("fence_snmp_pdu", &SENTRY3, "1.1.1,1.1.2", "10.U.B.N", 6, "lock"),
        ("fence_snmp_pdu", &SENTRY4, "1.1.1,1.1.2", "5.1.1.U.B.N", 14, "lock"),
    ] {
        let unit = PowerUnit::start(stand);
        assert!(!found(agent, &unit, plugs).contains("takes no commands"), "{}", stand.name);
        unit.hold(&unit.object(column, stand.first_unit, 1), Some(value));
        let found = found(agent, &unit, plugs);
        // A word on the whole unit is one on each of its outlets.
        let plugs = if column.contains('N') { 1 } else { 2 };
        assert_eq!(found.matches("takes no commands: ").count(), plugs, "{}: {found}", stand.name);
        assert!(found.contains(words), "{words}: {found}");
    }
}

#[test]
fn doctor_names_the_delay_that_is_set_at_the_unit() {
    let unit = PowerUnit::start(&LIEBERT_MPX);
    assert!(!found("fence_emerson", &unit, "1.1.1,1.1.2").contains("waits"));
    unit.hold(&unit.object("225.U.B.N", 1, 2), Some(30));
    let found = found("fence_emerson", &unit, "1.1.1,1.1.2");
    assert!(found.contains("the unit waits 30 s before it switches off plug 1.1.2"), "{found}");
    assert!(found.contains("power_timeout") && !found.contains("switches off plug 1.1.1"), "{found}");
}

#[test]
fn doctor_names_the_group_that_an_outlet_is_in() {
    for (stand, column) in [(&IPDU_OLD, "8.2.2.1.12.N"), (&IPDU_NEW, "8.2.2.1.14.N")] {
        let unit = PowerUnit::start(stand);
        assert!(!found("fence_ipdu", &unit, "1,2").contains("group"), "{}", stand.name);
        unit.hold(&unit.object(column, 1, 2), Some(4));
        let found = found("fence_ipdu", &unit, "1,2");
        assert!(found.contains("plug 2 is in group 4") && !found.contains("plug 1 is in"), "{found}");
    }
}

/// EATON-EPDU-MIB: unitsPresent, communicationStatus, strappingStatus, outletControlStatus.
static EATON_CHAIN: Stand = Stand {
    columns: &[
        Column { object: "1.1.0", holds: Holds::Text("0,1,5") },
        Column { object: "1.2.1.30.U", holds: Holds::Guard(0, Shut::Follows) },
        Column { object: "1.2.1.32.U", holds: Holds::Guard(0, Shut::Follows) },
        Column { object: "6.6.1.2.U.N", holds: Holds::State(Words::new(1, 0), Commands::NONE) },
    ],
    ..EATON_EPDU
};

#[test]
fn doctor_names_units_of_a_chain_that_are_silent_whether_their_outlets_are_fenced_or_not() {
    let unit = PowerUnit::builder(&EATON_CHAIN).switches(3).start();
    let healthy = found("fence_eaton_snmp", &unit, "1,1:2");
    assert!(healthy.contains("unit 5 is in the chain and tells nothing"), "{healthy}");
    assert!(!healthy.contains("unit 0") && !healthy.contains("unit 1"), "{healthy}");
    for (column, words) in [("1.2.1.30.U", "communicationStatus"), ("1.2.1.32.U", "strappingStatus")] {
        unit.hold(&unit.object(column, 1, 1), Some(1));
        let found = found("fence_eaton_snmp", &unit, "1,2");
        assert!(found.contains("unit 1 of the chain") && found.contains(words), "{found}");
        assert!(!found.contains("unit 0 of the chain"), "{found}");
        unit.hold(&unit.object(column, 1, 1), None);
    }
    // It answers, and isn't in the list of those that are there.
    let found = found("fence_eaton_snmp", &unit, "1,2:2");
    assert!(found.contains("unit 2 has plugs of this machine and isn't in the chain"), "{found}");
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
