//! A real Pacemaker fences through our agents, each its own simulated device, whose true state is asked for
//! independently after every step; pcs and crmsh describe and configure them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

mod devices;
mod forms;
mod schema;
mod tools;

use std::time::Duration;

use devices::{Row, fencing, rows};
use forms::Failures;
use peers::cluster::{self, impostor, inside};
use peers::subject::ipmi::TEST_BMC;

/// An agent that answers for itself and fails at everything else.
const FAILS: Row = Row { agent: "fence_fails", subject: &TEST_BMC, reboots: true };

/// One that says it has done everything.
const LIES: Row = Row { agent: "fence_lies", subject: &TEST_BMC, reboots: true };

/// An agent, and the checks that must fail with it.
type Control = (Row, &'static [&'static str]);

/// Runs a form of a cluster with these agents and impostors: nothing may go wrong but what must go wrong with the
/// impostors.
fn fence(form: impl FnOnce(&[Row]) -> Failures, rows: &[Row], controls: &[Control]) {
    impostor(FAILS.agent, "fence_ipmilan", 1);
    impostor(LIES.agent, "fence_ipmilan", 0);
    let impostors: Vec<Row> = controls.iter().map(|(row, _)| *row).collect();
    let failures = form(&[rows, &impostors].concat());
    let unwanted: Vec<String> = failures
        .iter()
        .filter(|it| rows.iter().any(|row| row.agent == it.agent))
        .map(|it| format!("{}: {}: {}", it.agent, it.check, it.why))
        .collect();
    assert!(unwanted.is_empty(), "{}\n{}", cluster::log(), unwanted.join("\n"));
    for (row, expected) in controls {
        let mut found: Vec<_> =
            failures.iter().filter(|it| it.agent == row.agent).map(|it| it.check).collect();
        found.dedup();
        assert_eq!(&found, expected, "what goes wrong with {}", row.agent);
    }
}

#[test]
fn it_sees_our_agents_and_nothing_else_of_ours() {
    inside("it_sees_our_agents_and_nothing_else_of_ours", || {
        let done = cluster::run("/usr/sbin/stonith_admin", ["-I"]);
        let mut listed: Vec<&str> = done.stdout.lines().filter(|name| name.starts_with("fence_")).collect();
        listed.sort();
        assert_eq!(listed, cluster::names());
        let mut rows: Vec<&str> = rows().iter().map(|row| row.agent).collect();
        rows.sort();
        assert_eq!(rows, cluster::names(), "the agents that these tests fence with");
    });
}

#[test]
fn fenced_alone_fences_with_every_agent() {
    const FAIL: &[&str] = &["validate", "monitor", "off", "off again", "on", "reboot"];
    const LIE: &[&str] = &["validate nothing", "off", "off again", "reboot"];
    inside("fenced_alone_fences_with_every_agent", || {
        fence(forms::alone, &fencing(), &[(FAILS, FAIL), (LIES, LIE)])
    });
}

#[test]
fn levels_of_one_and_two_devices_are_fenced_with_every_agent() {
    const SECOND: [&str; 3] = ["second level off", "second level on", "second level reboot"];
    const FAIL: &[&str] =
        &["both off", "both on", "both rebooted", SECOND[0], SECOND[1], SECOND[2], "history"];
    const LIE: &[&str] = &["both off", "both rebooted", SECOND[0], SECOND[2]];
    inside("levels_of_one_and_two_devices_are_fenced_with_every_agent", || {
        fence(forms::levels, &fencing(), &[(FAILS, FAIL), (LIES, LIE)]);
    });
}

#[test]
fn a_whole_cluster_fences_starts_and_monitors_with_every_agent() {
    inside("a_whole_cluster_fences_starts_and_monitors_with_every_agent", || {
        fence(|rows| forms::whole(rows, Duration::from_secs(60)), &fencing(), &[]);
    });
}

// A cluster that can't fence a node goes no further: each of these has one to itself.

#[test]
fn a_whole_cluster_gets_nowhere_with_an_agent_that_fails() {
    const FAIL: &[&str] = &["fenced by the cluster", "started and monitored", "off", "on", "reboot"];
    inside("a_whole_cluster_gets_nowhere_with_an_agent_that_fails", || {
        fence(|rows| forms::whole(rows, Duration::from_secs(6)), &[], &[(FAILS, FAIL)]);
    });
}

#[test]
fn a_whole_cluster_does_not_notice_an_agent_that_lies_and_the_test_does() {
    const LIE: &[&str] = &["fenced by the cluster", "off", "reboot"];
    inside("a_whole_cluster_does_not_notice_an_agent_that_lies_and_the_test_does", || {
        fence(|rows| forms::whole(rows, Duration::from_secs(8)), &[], &[(LIES, LIE)]);
    });
}

#[test]
fn a_node_that_joins_is_unfenced_through_its_switch_port() {
    inside("a_node_that_joins_is_unfenced_through_its_switch_port", || {
        let port = devices::switch_port(false);
        let mut cib = forms::Cib::default();
        cib.fencing("port", "fence_ifmib", &port.options_for(&[cluster::NODE]), true);
        assert!(!(port.is_on)());
        let _cluster = cluster::whole(&cib.finish());
        assert!(
            peers::until(Duration::from_secs(60), || (port.is_on)()),
            "{}{}",
            forms::status(),
            cluster::log()
        );
    });
}

#[test]
fn a_monitor_that_fails_is_noticed() {
    inside("a_monitor_that_fails_is_noticed", || {
        let bmc = peers::Bmc::start(peers::bmc::Settings::default());
        let mut cib = forms::Cib::default();
        let options = [
            ("ip", "127.0.0.1".to_owned()),
            ("ipport", bmc.port().to_string()),
            ("username", "admin".to_owned()),
            ("password", "adminpw".to_owned()),
        ];
        cib.fencing("device-fence_ipmilan", "fence_ipmilan", &options, false);
        let _cluster = cluster::whole(&cib.finish());
        let patience = Duration::from_secs(60);
        assert!(peers::until(patience, || forms::is_monitored("fence_ipmilan")), "{}", cluster::log());
        let asked = bmc.count(peers::bmc::Step::ChassisStatus);
        let again = || bmc.count(peers::bmc::Step::ChassisStatus) >= asked + 2;
        assert!(peers::until(patience, again), "it is asked again and again: {}", cluster::log());
        bmc.change(|settings| settings.users.clear());
        let noticed = || forms::status().contains("Failed Resource Actions");
        assert!(peers::until(patience, noticed), "{}{}", forms::status(), cluster::log());
    });
}

#[test]
fn a_rehearsal_left_in_the_configuration_fences_nothing_and_is_not_taken_for_fencing() {
    inside("a_rehearsal_left_in_the_configuration_fences_nothing_and_is_not_taken_for_fencing", || {
        let cluster = cluster::fenced_alone();
        for (node, option, value) in [
            ("explained", "explain", "1"),
            ("examined", "pcmk_off_action", "doctor"),
            ("told", "pcmk_off_action", "evidence"),
            ("other", "expect_serial", "another machine"),
        ] {
            let device = devices::bmc();
            let mut options = device.options_for(&[node]);
            options.push((option, value.to_owned()));
            options.push(("evidence_file", "/run/evidence.json".to_owned()));
            let registered = forms::register(&cluster, node, "fence_ipmilan", &options);
            assert_eq!(registered.code, Some(0), "{}", registered.stderr);
            let done = cluster.admin(["-F", node, "-t", "10"]);
            assert_ne!(done.code, Some(0), "{node}: {}", done.stdout);
            assert!((device.is_on)(), "{node}");
        }
    });
}

#[test]
fn the_machine_that_is_meant_is_fenced_and_the_record_says_by_whom() {
    inside("the_machine_that_is_meant_is_fenced_and_the_record_says_by_whom", || {
        let cluster = cluster::fenced_alone();
        let device = devices::bmc();
        let mut options = device.options_for(&["beta"]);
        options.extend([
            ("expect_serial", "SERIAL-7".to_owned()),
            ("evidence_file", "/run/evidence.json".to_owned()),
        ]);
        let registered = forms::register(&cluster, "device", "fence_ipmilan", &options);
        assert_eq!(registered.code, Some(0), "{}", registered.stderr);
        let done = cluster.admin(["-F", "beta"]);
        assert_eq!(done.code, Some(0), "{}{}", done.stderr, cluster::log());
        assert!(!(device.is_on)());
        let record = || {
            let text = std::fs::read_to_string("/run/evidence.json").unwrap_or_default();
            let records = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            records.into_iter().find(|record| record["action"] == "off")
        };
        assert!(peers::until(Duration::from_secs(20), || record().is_some()));
        let record = record().unwrap();
        assert_eq!((&record["verdict"], &record["nodename"]), (&"done".into(), &"beta".into()), "{record:#}");
        assert_eq!(record["by"]["parent"], "pacemaker-fence", "{record:#}");
        assert_eq!(record["by"]["environment"]["PCMK_service"], "pacemaker-fenced", "{record:#}");
    });
}
