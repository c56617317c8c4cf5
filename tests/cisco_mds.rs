//! fence_cisco_mds against a switch of the fabric that was written from the MIBs: the true state of each port is the judge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use peers::Agent;
use peers::agent::{assert_done, assert_failed_with};
use peers::snmp::{PowerUnit, Refusal, Table};
use peers::stand::{CISCO_MDS, CISCO_MDS_FROM_1, Stand};

/// How many ports its module has.
const PORTS: u32 = 8;

/// The row of a port in fcFxPortPhysAdminStatus, and the interface of that name in ifAdminStatus and ifOperStatus.
const ROW: &str = "75.1.2.2.1.1.U+21.N-1";
const OPER: &str = "75.1.2.2.1.2.U+21.N-1";
const INTERFACE: &str = "2.2.1.7.N+100";
const INTERFACE_OPER: &str = "2.2.1.8.N+100";

fn start(stand: &'static Stand) -> PowerUnit {
    PowerUnit::builder(stand).outlets(PORTS).start_changeable()
}

fn agent(switch: &PowerUnit, action: &str, plug: &str) -> Agent {
    Agent::snmp("fence_cisco_mds", switch.address().port(), action).options([("plug", plug)])
}

/// The ports that aren't on.
fn down(switch: &PowerUnit) -> Vec<u32> {
    (1..=PORTS).filter(|port| !switch.is_on(1, *port)).collect()
}

/// Object and value of the command for a port.
fn command(switch: &PowerUnit, port: u32, on: bool) -> (String, i64) {
    (switch.object(ROW, 1, port), if on { 1 } else { 2 })
}

#[test]
fn exactly_the_row_of_each_port_is_written_in_every_version() {
    for version in ["1", "2c"] {
        for (plug, port) in [("fc1/1", 1), ("FC1/8", PORTS), ("fc1/4", 4)] {
            let switch = start(&CISCO_MDS);
            let run = |action: &str| agent(&switch, action, plug).options([("snmp_version", version)]).run();
            assert_done(&run("off"), "Success: Powered OFF\n");
            assert_eq!(down(&switch), [port], "{plug}");
            assert_done(&run("off"), "Success: Already OFF\n");
            assert_done(&run("on"), "Success: Powered ON\n");
            assert_eq!(down(&switch), [0; 0], "{plug}");
            let written = [false, false, true].map(|on| command(&switch, port, on));
            assert_eq!(switch.writes(), written, "{plug}");
        }
    }
    let first = start(&CISCO_MDS).object(ROW, 1, 1);
    assert_eq!(first, "1.3.6.1.2.1.75.1.2.2.1.1.22.0", "slot 1, port 1");
}

#[test]
fn two_ports_are_two_rows_and_one_given_twice_is_one() {
    let switch = start(&CISCO_MDS);
    assert_done(&agent(&switch, "off", "fc1/2,fc1/7").run(), "Success: Powered OFF\n");
    assert_eq!(down(&switch), [2, 7]);
    assert_done(&agent(&switch, "on", "fc1/7,FC1/7").run(), "Success: Powered ON\n");
    assert_eq!(down(&switch), [2]);
    let written = [(2, false), (7, false), (7, true)].map(|(port, on)| command(&switch, port, on));
    assert_eq!(switch.writes(), written);
}

#[test]
fn a_port_that_does_not_exist_is_never_off_in_any_version() {
    let switch = start(&CISCO_MDS);
    for version in ["1", "2c"] {
        for plug in [
            "fc1/9",
            "fc1/0",
            "fc2/1",
            "fc0/1",
            "fc01/1",
            "mgmt0",
            "1",
            "101",
            "fc4294967295/1",
            "fc1/1,fc1/9",
        ] {
            for action in ["off", "on", "status", "monitor"] {
                let done = agent(&switch, action, plug).options([("snmp_version", version)]).run();
                assert_failed_with(&done, &["no such plug", "fc1/8"]);
            }
        }
    }
    assert_eq!(switch.writes(), []);
}

#[test]
fn a_row_whose_interface_tells_otherwise_is_sent_nothing() {
    let switch = start(&CISCO_MDS);
    // The interface of that name is down, and the row isn't: they may be two ports.
    switch.hold(&switch.object(INTERFACE, 1, 3), Some(2));
    let done = agent(&switch, "off", "fc1/3").options([("power_timeout", "1")]).run();
    assert_failed_with(&done, &["fc1/3", "may be two ports"]);
    let done = agent(&switch, "status", "fc1/3").options([("shell_timeout", "1")]).run();
    assert_failed_with(&done, &["unknown"]);
    assert_eq!(switch.writes(), []);
    assert_eq!(down(&switch), [0; 0]);
}

#[test]
fn a_row_whose_link_contradicts_that_of_its_interface_is_sent_nothing() {
    for (column, value) in
        [(OPER, 2), (OPER, 4), (INTERFACE_OPER, 2), (INTERFACE_OPER, 6), (INTERFACE_OPER, 7)]
    {
        let switch = start(&CISCO_MDS);
        switch.hold(&switch.object(column, 1, 3), Some(value));
        let done = agent(&switch, "off", "fc1/3").options([("power_timeout", "1")]).run();
        assert_failed_with(&done, &["fc1/3", "has a link", "may be two ports"]);
        assert_eq!(switch.writes(), [], "{column} {value}");
        assert_eq!(down(&switch), [0; 0]);
    }
}

#[test]
fn rows_that_are_numbered_otherwise_than_the_ports_are_not_written() {
    let switch = start(&CISCO_MDS_FROM_1);
    for plug in ["fc1/1", "fc1/4", "fc1/8"] {
        for action in ["off", "on", "status"] {
            assert_failed_with(&agent(&switch, action, plug).run(), &["module 22", "can't be told"]);
        }
    }
    assert_eq!(switch.writes(), []);
}

#[test]
fn off_needs_every_word_of_both_tables() {
    // What columns say in place of what is true, and whether that is compatible with off.
    for (said, off) in [
        (&[(OPER, 1)][..], false),
        (&[(OPER, 3)], false),
        (&[(OPER, 4), (INTERFACE_OPER, 2)], true),
        (&[(OPER, 5)], false),
        (&[(OPER, 0)], false),
        (&[(INTERFACE_OPER, 1)], false),
        (&[(INTERFACE_OPER, 3)], false),
        (&[(INTERFACE_OPER, 4)], false),
        (&[(INTERFACE_OPER, 5)], false),
        (&[(INTERFACE_OPER, 7), (OPER, 2)], true),
    ] {
        let switch = start(&CISCO_MDS);
        for (column, value) in said {
            switch.hold(&switch.object(column, 1, 3), Some(*value));
        }
        let done = agent(&switch, "off", "fc1/3").options([("power_timeout", "1")]).run();
        if off {
            assert_done(&done, "Success: Powered OFF\n");
        } else {
            assert_failed_with(&done, &["timed out", "fc1/3"]);
        }
        assert_eq!(switch.writes(), [command(&switch, 3, false)], "{said:?}");
    }
    // The interface stays up: whatever was written, it wasn't this port.
    let switch = start(&CISCO_MDS);
    switch.hold(&switch.object(INTERFACE, 1, 3), Some(1));
    let done = agent(&switch, "off", "fc1/3").options([("power_timeout", "1")]).run();
    assert_failed_with(&done, &["timed out", "its interface on"]);
}

#[test]
fn testing_is_not_off_and_a_word_that_is_in_no_mib_is_no_state() {
    let switch = start(&CISCO_MDS);
    switch.lie(1, 3, Some(3));
    assert_done(&agent(&switch, "status", "fc1/3").run(), "Status: ON\n");
    let done = agent(&switch, "off", "fc1/3").options([("power_timeout", "1")]).run();
    assert_failed_with(&done, &["timed out", "testing"]);
    for value in [0, 4, -1] {
        switch.lie(1, 3, Some(value));
        let done = agent(&switch, "status", "fc1/3").options([("shell_timeout", "1")]).run();
        assert_failed_with(&done, &["unknown"]);
    }
}

#[test]
fn a_switch_without_the_columns_is_no_success() {
    for table in [Table::Status, Table::Control] {
        let switch = PowerUnit::builder(&CISCO_MDS).without(table).start_changeable();
        for action in ["off", "on", "status"] {
            let limits = [("power_timeout", "1"), ("shell_timeout", "1"), ("login_timeout", "1")];
            let done = agent(&switch, action, "fc1/3").options(limits).run();
            // Without a word on links a port can still be seen to be up.
            if table == Table::Control || action == "off" {
                assert_failed_with(&done, &[]);
            }
        }
    }
}

#[test]
fn a_refusal_is_told_at_once_in_the_devices_words() {
    let switch = start(&CISCO_MDS);
    switch.refuse(Some(Refusal::NotWritable));
    let done = agent(&switch, "off", "fc1/3").run();
    assert_failed_with(&done, &["notWritable"]);
    assert_eq!(down(&switch), [0; 0]);
}

#[test]
fn lists_show_ports_of_the_fabric_alone_with_aliases_and_states() {
    let switch = start(&CISCO_MDS);
    switch.name(1, 2, "node two");
    switch.set(1, 8, false);
    switch.lie(1, 4, Some(9));
    let list = |action: &str| Agent::snmp("fence_cisco_mds", switch.address().port(), action).run();
    let done = list("list");
    assert_eq!(done.stdout.lines().count(), PORTS as usize, "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.starts_with("fc1/1,outlet 1\nfc1/2,node two\n"), "{}", done.stdout);
    let done = list("list-status");
    for line in ["fc1/1,outlet 1,ON", "fc1/4,outlet 4,UNKNOWN", "fc1/8,outlet 8,OFF"] {
        assert!(done.stdout.lines().any(|known| known == line), "{line}: {}", done.stdout);
    }
    assert_done(&list("monitor"), "");
    assert_eq!(switch.writes(), []);
}

#[test]
fn a_community_alone_speaks_2c_and_a_user_alone_version_3() {
    let switch = start(&CISCO_MDS);
    let done = agent(&switch, "status", "fc1/3").options([("verbose", "1")]).run();
    assert_done(&done, "Status: ON\n");
    let done = Agent::called("fence_cisco_mds", "fence_cisco_mds")
        .options([
            ("ip", "127.0.0.1"),
            ("action", "validate-all"),
            ("plug", "fc1/3"),
            ("password", "longenough"),
        ])
        .run();
    assert_failed_with(&done, &["username", "version 3"]);
    let done = Agent::called("fence_cisco_mds", "fence_cisco_mds")
        .options([("ip", "127.0.0.1"), ("action", "validate-all"), ("plug", "fc1/3"), ("username", "u")])
        .run();
    assert_done(&done, "");
}

#[test]
fn requests_are_few() {
    use peers::subject::{Row, snmp::FABRIC};
    const ROW: &Row = &FABRIC;
    for (action, most) in [("status", 3), ("off", 6), ("on", 6)] {
        let subject = ROW.subject();
        subject.agent(action).run();
        let requests = subject.device.requests();
        assert!(requests <= most, "{action}: {requests}");
    }
}
