//! Services with several systems: the right one, or none.

use peers::redfish::{Act, Phase, Rule, Server, Setup};
use serde_json::{Value, json};

use super::*;

fn systems(ids: &[&str]) -> Server {
    Setup { resources: Setup::machines(ids), ..usual() }.start()
}

fn place(id: &str) -> String {
    format!("{SYSTEMS}/{id}")
}

/// Which of these have power.
fn powered(server: &Server, ids: &[&str]) -> Vec<String> {
    ids.iter().filter(|id| server.is_on(&place(id))).map(|id| (*id).to_owned()).collect()
}

const THREE: [&str; 3] = ["1", "2", "3"];

#[test]
fn none_of_several_is_touched_where_none_is_named() {
    let server = systems(&THREE);
    for action in ["off", "on", "reboot", "diag", "status"] {
        for plug in [None, Some("node9"), Some("node"), Some("NODE1"), Some("1,2")] {
            let agent = agent(&server, action);
            let done = match plug {
                Some(plug) => agent.options([("plug", plug), ("nodename", plug)]).run(),
                None => agent.run(),
            };
            assert_refused(&done, "several systems");
            for id in THREE {
                let words = format!(
                    "{id} (name System {id}, host name node{id}, serial number SN00{id}, power state On)"
                );
                assert!(done.stderr.contains(&words), "{words}: {}", done.stderr);
            }
        }
    }
    assert_eq!(posts(&server), 0);
}

#[test]
fn of_several_the_named_one_is_fenced_and_no_other() {
    for option in ["plug", "port", "system"] {
        for name in ["2", "System 2", "node2", "SN002", "00000000-0000-4000-8000-000000000002"] {
            let server = systems(&THREE);
            let done = agent(&server, "off").options([(option, name)]).run();
            assert_done(&done, OFF);
            assert_eq!(powered(&server, &THREE), ["1", "3"], "{option}={name}");
            assert_eq!(
                done.stderr.contains("a dead machine may not tell"),
                name == "node2",
                "{}",
                done.stderr
            );
        }
    }
    for (option, name) in [
        ("system", place("2")),
        ("system", place("2") + "/"),
        ("systems_uri", place("2")),
        ("systems-uri", place("2")),
    ] {
        let server = systems(&THREE);
        assert_done(
            &agent(&server, "reboot").options([(option, name.as_str()), ("plug", "1")]).run(),
            "Success: Rebooted\n",
        );
        assert_eq!(server.resets(&place("2")), ["ForceOff", "On"], "{option}={name}");
        assert!(server.resets(&place("1")).is_empty() && server.resets(&place("3")).is_empty());
        assert!(!server.log().contains(&format!("GET {SYSTEMS}")), "{:?}", server.log());
    }
}

#[test]
fn a_name_that_fits_two_or_none_is_an_error() {
    let server = systems(&THREE);
    server.edit(&place("1"), |system| system["Name"] = json!("2"));
    server.edit(&place("3"), |system| system["HostName"] = json!("node1"));
    for option in ["system", "plug"] {
        for name in ["2", "node1"] {
            let done = agent(&server, "off").options([(option, name)]).run();
            assert_refused(&done, "fits more than one system");
        }
    }
    for name in ["4", "node", "Node2", "/redfish/v1/Systems/4", SYSTEMS] {
        assert_refused(&agent(&server, "off").options([("system", name)]).run(), name);
    }
    assert_eq!(posts(&server), 0);
}

#[test]
fn a_name_given_by_option_must_fit_also_where_there_is_one_system() {
    let server = usual().start();
    assert_refused(&agent(&server, "off").options([("system", "2")]).run(), "no system is called '2'");
    assert_eq!(posts(&server), 0);
    assert_done(&agent(&server, "off").options([("system", "1")]).run(), OFF);
}

#[test]
fn with_one_system_the_plug_means_nothing() {
    for plug in ["node7", "2", "1"] {
        let server = usual().start();
        assert_done(&agent(&server, "off").options([("port", plug), ("nodename", "node7")]).run(), OFF);
    }
    let server = usual().start();
    let done = Agent::called("fence_redfish", "fence_redfish")
        .args(["-a", "127.0.0.1", "-l", "x", "-p", "y", "-o", "off", "-n", "1"])
        .run();
    assert_refused(&done, "--plug");
    assert_eq!(server.connections(), 0);
}

#[test]
fn monitor_reads_every_system_and_warns_that_none_is_named() {
    let server = systems(&THREE);
    let done = agent(&server, "monitor").run();
    assert_done(&done, "");
    assert!(done.stderr.contains("WARNING") && done.stderr.contains("several systems"), "{}", done.stderr);
    for id in THREE {
        assert!(server.log().contains(&format!("GET {}", place(id))), "{id}");
    }
    let named = agent(&server, "monitor").options([("system", "2")]).run();
    assert_done(&named, "");
    assert_eq!(named.stderr, "");

    server.edit(&place("3"), |system| system["PowerState"] = Value::Null);
    assert_failed(&impatient(&server, "monitor").run(), "system 3");
    assert_done(&agent(&server, "monitor").options([("system", "2")]).run(), "");
    let server = systems(&THREE);
    server.rule(Rule::new("GET", &place("2"), Act::error(500, "X.1.Broken", "Broken.")));
    assert_refused(&agent(&server, "monitor").run(), "HTTP 500");
}

#[test]
fn list_shows_the_systems_and_stays_out_of_the_metadata() {
    let server = systems(&THREE);
    assert_done(&agent(&server, "off").options([("system", "2")]).run(), OFF);
    assert_done(&agent(&server, "list").run(), "1,node1\n2,node2\n3,node3\n");
    assert_done(&agent(&server, "list-status").run(), "1,node1,ON\n2,node2,OFF\n3,node3,ON\n");
    let metadata = agent(&server, "metadata").run();
    assert!(!metadata.stdout.contains("name=\"list"), "{}", metadata.stdout);
}

/// The ways in which a member shows that it is no machine of its own.
const NO_MACHINES: [&str; 3] = ["Virtual", "OS", "DPU"];

#[test]
fn what_is_no_machine_is_not_taken_for_one() {
    for kind in NO_MACHINES {
        for other in ["1", "2"] {
            let server = systems(&["1", "2"]);
            server.edit(&place(other), |system| system["SystemType"] = json!(kind));
            let host = if other == "1" { "2" } else { "1" };
            // Where nobody names any, there is one machine only.
            assert_done(&agent(&server, "off").run(), OFF);
            assert_eq!(powered(&server, &["1", "2"]), [other], "{kind}");
            assert_done(&agent(&server, "monitor").run(), "");
            // Whoever names the other one means it.
            let done = agent(&server, "off").options([("plug", other)]).run();
            assert_refused(&done, "can't be fenced");
            assert_eq!(server.resets(&place(host)), ["ForceOff"], "{kind}");
        }
    }
}

#[test]
fn a_plug_that_fits_nobody_among_several_chooses_nobody() {
    type Edit = fn(&mut Value);
    let edits: [(&str, Edit); 3] = [
        ("no reset", |system| drop(system.as_object_mut().unwrap().remove("Actions"))),
        ("nothing told", |system| system["SystemType"] = Value::Null),
        ("a reset elsewhere", |system| {
            system["Actions"]["#ComputerSystem.Reset"]["target"] = json!("");
        }),
    ];
    for (what, edit) in edits {
        for other in ["1", "2"] {
            let server = systems(&["1", "2"]);
            server.edit(&place(other), edit);
            for action in ["off", "reboot", "on", "status", "monitor", "diag"] {
                let done = agent(&server, action).options([("plug", "node7")]).run();
                assert_refused(&done, "several systems");
                assert!(done.stderr.contains("serial number SN00"), "{what}: {}", done.stderr);
            }
            assert_eq!(posts(&server), 0, "{what}");
        }
    }
}

/// The host and its hypervisor, as IBM's OpenBMC lists them: clusters send a plug whether it means anything or not.
#[test]
fn a_member_that_says_it_is_no_machine_keeps_no_plug_from_the_only_one() {
    for kind in NO_MACHINES {
        for (host, other) in [("1", "2"), ("2", "1")] {
            let server = systems(&["1", "2"]);
            server.edit(&place(other), |system| system["SystemType"] = json!(kind));
            for plug in ["node7", host] {
                let run = |action: &str| agent(&server, action).options([("plug", plug)]).run();
                assert_done(&run("monitor"), "");
                assert_done(&run("off"), OFF);
                assert_eq!(powered(&server, &["1", "2"]), [other], "{kind}");
                assert_done(&run("on"), "Success: Powered ON\n");
            }
            // One that can't be read may be a machine too.
            server.rule(Rule::new("GET", &place(other), Act::status(500)));
            let before = posts(&server);
            assert_failed(&impatient(&server, "off").options([("plug", "node7")]).run(), "HTTP 500");
            assert_eq!(posts(&server), before);
        }
    }
}

#[test]
fn a_host_name_that_comes_and_goes_changes_nothing_about_a_name_that_stays() {
    let hidden =
        |phase| Rule::new("GET", &place("2"), Act::With(vec![("/HostName".to_owned(), None)])).during(phase);
    for phase in [Phase::Before, Phase::After] {
        for option in ["plug", "system"] {
            let server = systems(&THREE);
            server.edit(&place("2"), |system| system["Name"] = json!("node2"));
            server.rule(hidden(phase));
            let done = agent(&server, "off").options([(option, "node2")]).run();
            assert_eq!(done.code, Some(0), "{option}: {}", done.stderr);
            assert_eq!(powered(&server, &THREE), ["1", "3"]);
        }
    }
    let renamed = |path: &str| {
        let named = Act::With(vec![("/Name".to_owned(), Some("another".into()))]);
        Rule::new("GET", path, named).during(Phase::After)
    };
    // A name that has chosen has to stay, and one that hasn't is nobody's business.
    let server = systems(&THREE);
    server.rule(renamed(&place("2")));
    assert_failed(&agent(&server, "off").options([("plug", "System 2")]).run(), "");
    let server = with_rule(renamed(SYSTEM));
    assert_done(&agent(&server, "off").options([("plug", "System 1")]).run(), OFF);
}

/// The victim has lost what it was called by and its actions, as a dead blade does; its neighbour has everything.
#[test]
fn a_blade_that_has_lost_its_reset_does_not_make_its_neighbour_the_only_machine() {
    for status in [Some("Absent"), Some("UnavailableOffline"), Some("Disabled"), Some("Enabled"), None] {
        let server = systems(&["1", "2"]);
        server.edit(&place("1"), |system| {
            system.as_object_mut().unwrap().remove("Actions");
            system["Status"] = json!({"State": status});
            system["HostName"] = Value::Null;
        });
        for plug in [Some("node1"), None] {
            let agent = agent(&server, "off");
            let done = match plug {
                Some(plug) => agent.options([("plug", plug)]).run(),
                None => agent.run(),
            };
            assert_refused(&done, "several systems");
        }
        assert_eq!(posts(&server), 0);
        let monitor = agent(&server, "monitor").run();
        assert!(monitor.stderr.contains("several systems"), "{}", monitor.stderr);
    }
}

/// The collection with these fields set, whose member 1 would be the only one left.
fn collection(fields: Value) -> Server {
    let server = systems(&["1", "2"]);
    server.edit(SYSTEMS, |systems| {
        systems["Members"] = json!([{"@odata.id": place("1")}]);
        for (name, value) in fields.as_object().unwrap() {
            systems[name] = value.clone();
        }
    });
    server
}

#[test]
fn an_incomplete_collection_chooses_nobody() {
    let (one, two) = (json!({"@odata.id": place("1")}), json!({"@odata.id": place("2")}));
    for fields in [
        json!({"Members@odata.count": 2}),
        json!({"Members@odata.count": "2"}),
        json!({"Members@odata.count": 1, "Members@odata.nextLink": {"@odata.id": "/redfish/v1/Systems?$skip=1"}}),
        json!({"Members@odata.count": 1, "@odata.nextLink": 7}),
        json!({"Members@odata.count": 2, "Members": [one, one]}),
        json!({"Members@odata.count": null, "Members": [one, {"@odata.id": place("1") + "/"}]}),
        json!({"Members@odata.count": 2, "Members": [one, null]}),
        json!({"Members@odata.count": 1, "@odata.nextLink": "/a", "Members@odata.nextLink": "/b"}),
    ] {
        let server = collection(fields.clone());
        for (action, option, name) in
            [("off", "plug", "2"), ("off", "plug", "node1"), ("status", "system", "1")]
        {
            let done = impatient(&server, action).options([(option, name)]).run();
            assert_failed(&done, "collection");
        }
        assert_failed(&impatient(&server, "monitor").run(), "collection");
        assert_eq!(posts(&server), 0, "{fields}");
    }
    // What counts too few hides nobody, and what has nothing more to tell may write null.
    for fields in [
        json!({"Members@odata.count": 1, "Members": [one, two]}),
        json!({"Members@odata.count": null, "Members": [one, two], "Members@odata.nextLink": null}),
    ] {
        let server = collection(fields);
        assert_done(&agent(&server, "off").options([("system", "2")]).run(), OFF);
        assert_eq!(powered(&server, &["1", "2"]), ["1"]);
    }
}

#[test]
fn a_collection_that_is_incomplete_for_a_moment_is_asked_again() {
    let server = systems(&["1", "2"]);
    let alone = Some(json!([{"@odata.id": place("1")}]));
    server.rule(Rule::new("GET", SYSTEMS, Act::With(vec![("/Members".to_owned(), alone)])).times(2));
    assert_done(&agent(&server, "off").options([("plug", "2")]).run(), OFF);
    assert_eq!(powered(&server, &["1", "2"]), ["1"]);
}

/// Nothing in an answer tells that a member is missing. So whoever relies on the plug alone is told in time.
#[test]
fn monitor_and_doctor_demand_a_name_where_only_the_plug_chooses() {
    let server = systems(&THREE);
    for plug in ["2", "SN002", "node2"] {
        let done = agent(&server, "monitor").options([("plug", plug)]).run();
        assert_refused(&done, "set system=2");
        let doctor = agent(&server, "doctor").options([("plug", plug)]).run();
        assert_eq!(doctor.code, Some(3), "{}{}", doctor.stdout, doctor.stderr);
        assert!(doctor.stdout.contains("set system=2"), "{}", doctor.stdout);
    }
    for (option, name) in [("system", "2".to_owned()), ("systems_uri", place("2"))] {
        let named =
            |action: &str| agent(&server, action).options([("plug", "2"), (option, name.as_str())]).run();
        assert_done(&named("monitor"), "");
        assert!(!named("doctor").stdout.contains("set system="));
    }
    // The one that is left isn't called so, and a name given by option must fit.
    server.edit(SYSTEMS, |systems| {
        systems["Members"] = json!([{"@odata.id": place("1")}]);
        systems["Members@odata.count"] = json!(1);
    });
    let done = agent(&server, "off").options([("plug", "2"), ("system", "2")]).run();
    assert_refused(&done, "no system is called '2'");
    assert_eq!(posts(&server), 0);
}

#[test]
fn a_neighbour_that_can_not_be_read_keeps_nobody_from_fencing_what_is_named_by_its_identity() {
    for act in [Act::error(500, "X.1.Broken", "Broken."), Act::status(404), Act::Close] {
        let server = systems(&THREE);
        server.rule(Rule::new("GET", &place("1"), act));
        for name in ["2", "SN002"] {
            let done = agent(&server, "off").options([("system", name)]).run();
            assert_eq!(done.code, Some(0), "{}", done.stderr);
        }
        assert_eq!(powered(&server, &THREE), ["1", "3"]);
        let before = posts(&server);
        // By a name that the unreadable one may have too, or by none, nothing is chosen.
        for options in [vec![("system", "System 3")], vec![("plug", "node3")], vec![]] {
            assert_failed(&impatient(&server, "off").options(options).run(), "");
        }
        assert_eq!(posts(&server), before);
    }
}

#[test]
fn a_service_without_systems_is_no_success() {
    let server = systems(&[]);
    for action in ["off", "status", "monitor"] {
        assert_refused(&impatient(&server, action).run(), "no system");
    }
}

#[test]
fn an_answer_about_another_system_is_not_believed() {
    let server = systems(&["1", "2"]);
    let off = json!({"Id": "2", "PowerState": "Off"}).to_string();
    // ForceOff is acknowledged and not done, and then the other machine's answer comes.
    server.rule(Rule::new("POST", RESET, Act::status(204)));
    server.rule(Rule::new("GET", SYSTEM, Act::Answer(200, Vec::new(), off)).after(1));
    assert_failed(&impatient(&server, "off").options([("system", "1")]).run(), "is system 2 now");
    assert!(server.is_on(SYSTEM));
}

#[test]
fn another_machine_under_the_same_id_is_not_believed() {
    let server = systems(&["1", "2"]);
    server.switch(&place("2"), false);
    server.rule(Rule::new("POST", RESET, Act::status(204)));
    server.rule(Rule::new("GET", SYSTEM, Act::As(place("2"), &["Id"])).during(Phase::After));
    let done = impatient(&server, "off").options([("system", "1")]).run();
    assert_failed(&done, "serial number SN001, now ");
    assert!(server.is_on(SYSTEM));
}

const UUID: &str = "00000000-0000-4000-8000-000000000001";
const OTHER_UUID: &str = "00000000-0000-4000-8000-000000000009";
const ZEROS: &str = "00000000-0000-0000-0000-000000000000";

fn telling(uuid: Option<&str>, serial: Option<&str>) -> Act {
    let fields = [("/UUID", uuid), ("/SerialNumber", serial)];
    Act::With(fields.map(|(name, value)| (name.to_owned(), value.map(Value::from))).to_vec())
}

/// ForceOff is acknowledged and not done; then a machine that is off stands there and tells this.
fn off_then(before: Act, after: Act) -> (Finished, bool) {
    let server = Setup { deaf: true, ..usual() }.start();
    let Act::With(mut fields) = after else { panic!("fields that it tells") };
    fields.push(("/PowerState".to_owned(), Some("Off".into())));
    server.rule(Rule::new("GET", SYSTEM, before).during(Phase::Before));
    server.rule(Rule::new("GET", SYSTEM, Act::With(fields)).during(Phase::After));
    (agent(&server, "off").options([("power_timeout", "3")]).run(), server.is_on(SYSTEM))
}

#[test]
fn another_board_with_a_serial_number_that_no_maker_gave_is_another_machine() {
    for serial in ["To be filled by O.E.M.", "0123456789", "Default string", "N/A", "0"] {
        let (done, on) = off_then(telling(Some(UUID), Some(serial)), telling(Some(OTHER_UUID), Some(serial)));
        assert!(on);
        assert_refused(&done, "another device answers than before");
    }
}

#[test]
fn a_machine_that_tells_another_uuid_or_serial_number_or_neither_proves_nothing() {
    for (uuid, serial) in [
        (Some(OTHER_UUID), Some("SN001")),
        (Some(UUID), Some("SN009")),
        (Some(OTHER_UUID), None),
        (None, Some("SN009")),
        (Some(ZEROS), Some("")),
        (None, None),
    ] {
        let (done, on) = off_then(telling(Some(UUID), Some("SN001")), telling(uuid, serial));
        assert!(on);
        assert_failed(&done, "another device answers than before");
    }
    // One of the two is enough, in whatever spelling, where the other isn't told: some boards don't know their serial
    // number without power.
    for (before, after) in [
        ((Some(UUID), Some("SN001")), (Some(UUID), None)),
        ((Some(UUID), Some("SN001")), (Some(UUID), Some(""))),
        ((Some(UUID), Some("SN001")), (Some(UUID), Some("unknown"))),
        ((Some(UUID), Some("SN001")), (None, Some("SN001"))),
        ((Some(UUID), Some("SN001")), (Some(ZEROS), Some("SN001"))),
        ((Some(UUID), None), (Some(UUID), None)),
        ((Some(UUID), Some("N/A")), (Some("{00000000-0000-4000-8000-000000000001}"), Some("0"))),
        ((Some(UUID), None), (Some(UUID), Some("SN001"))),
        ((Some(ZEROS), Some("SN001")), (Some(ZEROS), Some("SN001"))),
    ] {
        let server = usual().start();
        server.rule(Rule::new("GET", SYSTEM, telling(before.0, before.1)).during(Phase::Before));
        server.rule(Rule::new("GET", SYSTEM, telling(after.0, after.1)).during(Phase::After));
        assert_done(&agent(&server, "off").run(), OFF);
    }
}

#[test]
fn a_machine_that_does_not_tell_who_it_is_for_a_moment_is_asked_again() {
    for nothing in [telling(None, None), telling(Some(ZEROS), Some("N/A"))] {
        let server = usual().start();
        server.rule(Rule::new("GET", SYSTEM, nothing).during(Phase::After).times(3));
        assert_done(&agent(&server, "off").run(), OFF);
        assert!(!server.is_on(SYSTEM));
    }
}

#[test]
fn who_says_who_he_is_only_after_the_command_is_believed_after_one_of_his_own() {
    for deaf in [true, false] {
        let server = Setup { deaf, ..usual() }.start();
        let late = [("/UUID", UUID), ("/PowerState", "Off")].map(|(name, value)| {
            let told = (deaf || name == "/UUID").then(|| Value::from(value));
            (name.to_owned(), told)
        });
        let late = late.into_iter().filter(|(_, value)| value.is_some()).collect();
        server.rule(Rule::new("GET", SYSTEM, telling(Some(ZEROS), None)).during(Phase::Before));
        server.rule(Rule::new("GET", SYSTEM, Act::With(late)).during(Phase::After));
        // The first command went to somebody who hadn't said who he is.
        let done = agent(&server, "off").run();
        assert_proper(&done);
        assert!(done.code == Some(1) || posts(&server) > 1, "{}", done.stderr);
        // Whoever tries again meets him by his name.
        let again = agent(&server, "off").run();
        assert_eq!(again.code, Some(0), "{}", again.stderr);
        assert!(posts(&server) > 1 && server.is_on(SYSTEM) == deaf, "{:?}", server.log());
    }
}
