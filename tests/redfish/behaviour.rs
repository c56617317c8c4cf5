//! What a service that means well does, in all its variants.

use std::fs;
use std::path::Path;
use std::time::Duration;

use peers::redfish::{Act, Cycle, Driver, Phase, ResetAnswer, Rule, Setup, Sushy};
use serde_json::{Value, json};

use super::*;

#[test]
fn each_action_does_what_it_says() {
    let server = usual().start();
    for (action, code, stdout, on) in [
        ("status", 0, "Status: ON\n", true),
        ("monitor", 0, "", true),
        ("on", 0, "Success: Already ON\n", true),
        ("off", 0, OFF, false),
        ("off", 0, "Success: Already OFF\n", false),
        ("status", 2, "Status: OFF\n", false),
        ("monitor", 0, "", false),
        ("on", 0, "Success: Powered ON\n", true),
        ("reboot", 0, "Success: Rebooted\n", true),
    ] {
        let done = agent(&server, action).run();
        assert_proper(&done);
        assert_eq!((done.code, done.stdout.as_str()), (Some(code), stdout), "{action}: {}", done.stderr);
        assert_eq!(done.stderr, "", "{action}");
        assert_eq!(server.is_on(SYSTEM), on, "{action}");
    }
    assert_eq!(server.resets(SYSTEM), ["On", "ForceOff", "ForceOff", "On", "ForceOff", "On"]);
}

#[test]
fn a_run_takes_one_connection_and_looks_after_its_command() {
    let server = usual().start();
    assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
    assert_eq!(server.connections(), 1);
    let log = server.log();
    let (get, post) = (format!("GET {SYSTEM}"), format!("POST {RESET}"));
    assert_eq!(log.iter().filter(|line| **line == post).count(), 2);
    assert_eq!(log.last(), Some(&get));
    let first_post = log.iter().position(|line| *line == post).unwrap();
    assert_eq!(log[first_post + 1], get, "{log:?}");
}

#[test]
fn a_machine_in_the_wanted_state_is_commanded_and_looked_at_again() {
    let server = usual().start();
    assert_done(&agent(&server, "off").run(), OFF);
    let before = server.requests().len();
    assert_done(&agent(&server, "off").run(), "Success: Already OFF\n");
    let log = server.log().split_off(before);
    assert_eq!(log.iter().filter(|line| line.starts_with("POST")).count(), 1);
    assert_eq!(log.last(), Some(&format!("GET {SYSTEM}")));
}

#[test]
fn a_command_refused_because_it_is_so_already_is_decided_by_the_state() {
    for status in [400, 409] {
        let server = Setup { already: Some(status), ..usual() }.start();
        for (action, stdout) in [
            ("on", "Success: Already ON\n"),
            ("off", OFF),
            ("off", "Success: Already OFF\n"),
            ("reboot", "Success: Rebooted\n"),
        ] {
            assert_done(&agent(&server, action).run(), stdout);
        }
        assert!(server.is_on(SYSTEM));
    }
}

#[test]
fn a_refusal_that_the_state_does_not_explain_is_told_and_no_success() {
    for status in [400, 409] {
        let server = with_rule(Rule::new("POST", RESET, Act::error(status, "X.1.NotNow", "Not this reset.")));
        let done = agent(&server, "off").options([("power_timeout", "2")]).run();
        assert_failed(&done, "Not this reset. (X.1.NotNow)");
        assert!(done.stderr.contains("timed out waiting for off"), "{}", done.stderr);
        assert!(server.is_on(SYSTEM));
    }
}

#[test]
fn a_power_on_refused_while_the_machine_settles_is_sent_again() {
    let rule = Rule::new("POST", RESET, Act::error(409, "X.1.NotYet", "Discharging.")).after(1).times(1);
    let server = with_rule(rule);
    assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
    assert!(server.is_on(SYSTEM));
    assert_eq!(server.resets(SYSTEM), ["ForceOff", "On"]);
}

#[test]
fn every_way_to_acknowledge_is_understood() {
    let tasks = [("Completed", 0), ("Completed", 2), ("Running", 1000)];
    let answers = [200, 201, 202, 204]
        .map(ResetAnswer::Status)
        .into_iter()
        .chain(tasks.map(|(end, looks)| ResetAnswer::Task(looks, end)));
    for reset in answers {
        let server = Setup { reset, delay: Duration::from_millis(300), ..usual() }.start();
        assert_done(&agent(&server, "off").run(), OFF);
        assert!(!server.is_on(SYSTEM), "{reset:?}");
    }
}

#[test]
fn an_acknowledgement_without_effect_is_no_success() {
    let place = "/redfish/v1/TaskService/Tasks/5";
    let answers = [
        (Act::status(200), ""),
        (Act::status(202), ""),
        (Act::status(204), ""),
        (Act::with_header(202, "Location", place), "ended as Exception: The fuse is gone. (X.1.Fuse)"),
    ];
    for (act, words) in answers {
        let server = with_rule(Rule::new("POST", RESET, act));
        server.add(
            place,
            json!({
                "@odata.type": "#Task.v1_4_3.Task", "TaskState": "Exception",
                "error": {"@Message.ExtendedInfo": [{"MessageId": "X.1.Fuse", "Message": "The fuse is gone."}]},
            }),
        );
        for action in ["off", "reboot"] {
            let done = agent(&server, action).options([("power_timeout", "2")]).run();
            assert_failed(&done, "timed out waiting for off");
            assert!(done.stderr.lines().last().unwrap().contains(words), "{words}: {}", done.stderr);
        }
        assert!(server.is_on(SYSTEM));
        assert!(server.resets(SYSTEM).is_empty());
    }
}

#[test]
fn an_off_that_was_read_before_the_command_proves_nothing() {
    for action in ["off", "reboot"] {
        let server = with_rule(Rule::new("POST", RESET, Act::status(204)));
        let off = json!({
            "Id": "1", "PowerState": "Off", "UUID": "00000000-0000-4000-8000-000000000001", "SerialNumber": "SN001",
            "Actions": {"#ComputerSystem.Reset": {"target": RESET}},
        });
        server.rule(Rule::new("GET", SYSTEM, Act::Answer(200, Vec::new(), off.to_string())).times(1));
        assert_failed(&impatient(&server, action).run(), "timed out waiting for off");
        assert!(server.is_on(SYSTEM));
    }
}

/// A machine that is off, as somebody tells it who may have kept it.
fn kept(status: u16, headers: &[(&str, &str)]) -> Act {
    let mut machine = Setup::machines(&["1"])[SYSTEM].clone();
    machine["PowerState"] = json!("Off");
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Act::Answer(status, headers.collect(), machine.to_string())
}

#[test]
fn only_a_fresh_answer_with_status_200_is_a_reading() {
    let old = ["9", "3600", "18446744073709551616", "-1", "x", ""].map(|age| kept(200, &[("Age", age)]));
    let partial = [201, 202, 203, 205, 206, 207, 208, 226].map(|status| kept(status, &[]));
    std::thread::scope(|scope| {
        for act in old.into_iter().chain(partial) {
            scope.spawn(move || {
                let server = with_rule(Rule::new("GET", SYSTEM, act).during(Phase::After));
                server.rule(Rule::new("POST", RESET, Act::status(204)));
                let done = impatient(&server, "off").run();
                assert_failed(&done, "");
                assert!(server.is_on(SYSTEM), "{}", done.stderr);
            });
        }
    });
    // An age of which the request itself is the reason is none, and what is asked for is asked afresh.
    let server = with_rule(Rule::new("GET", SYSTEM, kept(200, &[("Age", "0")])).during(Phase::After));
    assert_done(&agent(&server, "off").run(), OFF);
    let mut looks = server.requests();
    looks.retain(|request| request.method == "GET" && request.path == SYSTEM);
    assert!(
        looks.len() > 1 && looks.iter().all(|look| look.raw.contains("(\"cache-control\", \"no-cache\")")),
        "{looks:?}"
    );
}

#[test]
fn a_collection_that_is_not_told_whole_is_asked_again() {
    let page = Setup::machines(&["1"])[SYSTEMS].to_string();
    for status in [202, 203, 206, 226] {
        let server = usual().start();
        let act = Act::Answer(status, Vec::new(), page.clone());
        server.rule(Rule::new("GET", SYSTEMS, act).times(2));
        assert_done(&agent(&server, "off").run(), OFF);
        assert_eq!(server.log().iter().filter(|line| line.ends_with(SYSTEMS)).count(), 3, "{status}");
    }
}

#[test]
fn a_machine_that_takes_its_time_is_waited_for_and_not_longer_than_allowed() {
    let server = Setup { delay: Duration::from_secs(2), ..usual() }.start();
    assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
    assert!(server.is_on(SYSTEM));
    assert_eq!(server.resets(SYSTEM), ["ForceOff", "On"], "one command each");
    let server = Setup { delay: Duration::from_secs(600), ..usual() }.start();
    for action in ["off", "reboot"] {
        let done = agent(&server, action).options([("power_timeout", "1")]).run();
        assert_failed(&done, "PoweringOff");
    }
    assert!(!server.resets(SYSTEM).contains(&"On".to_owned()));
}

#[test]
fn a_powering_on_that_fails_after_a_verified_off_is_still_a_fence() {
    let server = with_rule(Rule::new("POST", RESET, Act::status(204)).after(1));
    let done = agent(&server, "reboot").options([("power_timeout", "1")]).run();
    assert_done(&done, "Success: Rebooted\n");
    assert!(done.stderr.contains("powering on again failed"), "{}", done.stderr);
    assert!(!server.is_on(SYSTEM));
}

/// What PowerState says, and what status prints for it.
const STATES: &[(&str, i32, &str)] = &[
    ("\"PoweringOn\"", 0, "Status: ON\n"),
    ("\"PoweringOff\"", 0, "Status: ON\n"),
    ("\"Paused\"", 0, "Status: ON\n"),
    ("\"off\"", 0, "Status: ON\n"),
    ("\"OFF\"", 0, "Status: ON\n"),
    ("\"Off \"", 0, "Status: ON\n"),
    ("\"timed out\"", 0, "Status: ON\n"),
    ("\"\"", 1, ""),
    ("0", 1, ""),
    ("null", 1, ""),
];

#[test]
fn only_off_is_off() {
    for (value, code, stdout) in STATES {
        // ForceOff is acknowledged, and the state stays what it is.
        let server = usual().start();
        server.edit(SYSTEM, |system| system["PowerState"] = serde_json::from_str(value).unwrap());
        let done = agent(&server, "status").run();
        assert_proper(&done);
        assert_eq!((done.code, done.stdout.as_str()), (Some(*code), *stdout), "{value}: {}", done.stderr);
        let monitor = impatient(&server, "monitor").run();
        assert_eq!(monitor.code, Some(*code), "{value}: {}", monitor.stderr);
        for action in ["off", "reboot"] {
            assert_failed(&impatient(&server, action).run(), "timed out waiting for off");
        }
        assert!(server.resets(SYSTEM).contains(&"ForceOff".to_owned()), "{value}");
    }
}

#[test]
fn a_missing_power_state_is_unknown() {
    let server = usual().start();
    server.edit(SYSTEM, |system| {
        system.as_object_mut().unwrap().remove("PowerState");
    });
    assert_refused(&agent(&server, "status").run(), "no PowerState");
    assert_failed(&impatient(&server, "monitor").run(), "no PowerState");
    assert_failed(&impatient(&server, "off").run(), "no PowerState");
    assert_eq!(server.resets(SYSTEM), ["ForceOff"], "an unknown state keeps nobody from fencing");
}

#[test]
fn a_system_without_a_reset_has_a_state_and_can_not_be_fenced() {
    let server = usual().start();
    server.edit(SYSTEM, |system| {
        system.as_object_mut().unwrap().remove("Actions");
    });
    assert_done(&agent(&server, "status").run(), "Status: ON\n");
    let monitor = agent(&server, "monitor").run();
    assert_done(&monitor, "");
    assert!(monitor.stderr.contains("offers no reset"), "{}", monitor.stderr);
    for action in ["off", "reboot", "diag"] {
        assert_refused(&agent(&server, action).run(), "a reset");
    }
    // The state decides, and it is on.
    let on = agent(&server, "on").run();
    assert_eq!((on.code, on.stdout.as_str()), (Some(0), "Success: Already ON\n"), "{}", on.stderr);
    assert!(on.stderr.contains("doesn't support a reset"), "{}", on.stderr);
}

#[test]
fn a_reset_that_is_not_offered_while_the_machine_is_off_is_remembered() {
    let server = usual().start();
    let off = json!({"Id": "1", "PowerState": "Off"}).to_string();
    // Told once, right after the command; then the service shows everything again.
    server.rule(Rule::new("GET", SYSTEM, Act::Answer(200, Vec::new(), off)).after(1).times(1));
    assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
    assert_eq!(server.resets(SYSTEM), ["ForceOff", "On"]);
}

#[test]
fn the_allowed_values_choose_how_to_power_on_and_forbid_nothing() {
    let info = "/redfish/v1/Systems/1/ResetActionInfo";
    for behind in [false, true] {
        for (values, then_on) in [
            (json!(["On", "ForceOn", "ForceOff"]), "On"),
            (json!(["ForceOn", "ForceOff"]), "ForceOn"),
            (json!(["GracefulShutdown"]), "On"),
        ] {
            let server = usual().start();
            server.edit(SYSTEM, |system| {
                let action = system["Actions"]["#ComputerSystem.Reset"].as_object_mut().unwrap();
                if behind {
                    action.remove("ResetType@Redfish.AllowableValues");
                    action.insert("@Redfish.ActionInfo".into(), json!(info));
                } else {
                    action.insert("ResetType@Redfish.AllowableValues".into(), values.clone());
                }
            });
            server.add(info, json!({"Parameters": [{"Name": "ResetType", "AllowableValues": values}]}));
            let done = agent(&server, "off").run();
            assert_done(&done, OFF);
            let listed = behind || values.as_array().unwrap().contains(&json!("ForceOff"));
            assert_eq!(done.stderr.contains("doesn't list ForceOff"), !listed, "{}", done.stderr);
            assert_done(&agent(&server, "on").run(), "Success: Powered ON\n");
            assert_eq!(server.resets(SYSTEM), ["ForceOff", then_on], "{values} behind {behind}");
        }
    }
}

#[test]
fn a_service_that_wants_a_session_gets_one_and_keeps_none() {
    let server = session().start();
    assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
    assert_eq!((server.sessions_made(), server.open_sessions(), server.connections()), (1, 0, 1));
    // Also after failures: the state isn't reached, the reset is forbidden, the body is no JSON.
    let failing = [
        Act::status(204),
        Act::error(403, "X.1.No", "No."),
        Act::error(500, "X.1.Broken", "Broken."),
        Act::Silence,
        Act::Close,
    ];
    for act in failing {
        let server = Setup { rules: vec![Rule::new("POST", RESET, act)], ..session() }.start();
        assert_failed(&impatient(&server, "off").run(), "");
        assert_eq!((server.sessions_made(), server.open_sessions()), (1, 0));
        assert!(server.is_on(SYSTEM));
    }
}

#[test]
fn a_session_forgotten_midway_is_opened_again() {
    let rule = Rule::new("POST", RESET, Act::error(401, "Base.1.18.NoValidSession", "Who?")).times(1);
    let server = Setup { rules: vec![rule], ..session() }.start();
    assert_done(&agent(&server, "off").run(), OFF);
    assert!(!server.is_on(SYSTEM));
}

#[test]
fn a_service_that_wants_the_etag_gets_it() {
    for status in [412, 428] {
        let server = Setup { wants_etag: Some(status), ..usual() }.start();
        assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
        assert_eq!(server.resets(SYSTEM), ["ForceOff", "On"]);
    }
}

#[test]
fn redirects_and_absolute_links_on_the_same_origin_are_followed() {
    let root = Rule::new("GET", "/redfish/v1", Act::with_header(301, "Location", "/redfish/v1/"));
    let server = with_rule(root);
    let target = format!("{}{RESET}", server.origin());
    server.edit(SYSTEM, |system| system["Actions"]["#ComputerSystem.Reset"]["target"] = json!(target));
    assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
    assert_eq!(server.resets(SYSTEM), ["ForceOff", "On"]);
}

#[test]
fn an_address_is_taken_in_every_form() {
    let server = usual().start();
    let port = server.port();
    let relayed = relay_to(port);
    for (ip, ipport) in [
        ("127.0.0.1".to_owned(), port.to_string()),
        (format!("127.0.0.1:{port}"), "1".to_owned()),
        (format!("localhost:{port}"), "1".to_owned()),
        ("::1".to_owned(), relayed.to_string()),
        ("[::1]".to_owned(), relayed.to_string()),
        (format!("[::1]:{relayed}"), "1".to_owned()),
    ] {
        let done = at(1, "status").options([("ip", &ip), ("ipport", &ipport)]).run();
        assert_done(&done, "Status: ON\n");
        let done = at(1, "status")
            .options([("ip", "192.0.2.1"), ("port_as_ip", "1"), ("plug", &ip), ("ipport", &ipport)])
            .run();
        assert_done(&done, "Status: ON\n");
    }
}

#[test]
fn the_password_may_come_from_a_script() {
    let server = usual().start();
    let script = format!("printf '%s\\n' {PASSWORD}");
    let done = agent(&server, "status").options([("password", "wrong"), ("password_script", &script)]).run();
    assert_done(&done, "Status: ON\n");
}

#[test]
fn diag_is_acknowledged_and_nothing_more_is_claimed() {
    for reset in [ResetAnswer::Status(204), ResetAnswer::Status(202), ResetAnswer::Task(1, "Completed")] {
        let server = Setup { reset, ..usual() }.start();
        let done = agent(&server, "diag").run();
        assert_proper(&done);
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(done.stdout.contains("acknowledged") && !done.stdout.contains("Rebooted"), "{}", done.stdout);
        assert_eq!(server.resets(SYSTEM), ["Nmi"]);
        assert!(server.is_on(SYSTEM));
    }
    for (status, words) in [(400, "No."), (403, "not enough privilege"), (409, "No."), (500, "HTTP 500")] {
        let server = with_rule(Rule::new("POST", RESET, Act::error(status, "X.1.No", "No.")));
        assert_refused(&agent(&server, "diag").run(), words);
        assert_eq!(posts(&server), 1);
    }
}

#[test]
fn an_interrupt_whose_answer_is_lost_is_not_sent_twice() {
    let server = with_rule(Rule::new("POST", RESET, Act::Close).obeying());
    assert_refused(&agent(&server, "diag").run(), "may have been sent or not");
    assert_eq!(server.resets(SYSTEM), ["Nmi"]);
}

#[test]
fn a_cycle_needs_evidence() {
    let run = |cycle: Cycle, more: &[(&str, &str)]| {
        let server = Setup { cycle, ..usual() }.start();
        let done = agent(&server, "reboot")
            .options([("method", "cycle"), ("power_timeout", "2")])
            .options(more.iter().copied())
            .run();
        (done, server)
    };
    for cycle in [Cycle::Off(Duration::from_millis(500)), Cycle::Stamped] {
        let (done, server) = run(cycle, &[]);
        assert_done(&done, "Success: Rebooted\n");
        assert_eq!(server.resets(SYSTEM), ["PowerCycle"]);
    }
    let (done, server) = run(Cycle::Nothing, &[]);
    assert_refused(&done, "not proven");
    assert_eq!(server.resets(SYSTEM), ["PowerCycle"]);
    // A clock that runs on is no reset.
    let (done, _server) = run(Cycle::Drifting, &[]);
    assert_refused(&done, "not proven");
    let (done, _server) = run(Cycle::Nothing, &[("unproven_cycle", "1")]);
    assert_done(&done, "Success: Rebooted\n");
}

#[test]
fn a_cycle_is_not_proven_by_a_record_that_is_gone() {
    for told in [None, Some("1970-01-01T00:00:12Z"), Some("2025-12-31T23:00:00+00:00"), Some("")] {
        let server = usual().start();
        let fields = vec![("/LastResetTime".to_owned(), told.map(Into::into))];
        server.rule(Rule::new("GET", SYSTEM, Act::With(fields)).during(Phase::After));
        let options = [("method", "cycle"), ("power_timeout", "2")];
        assert_refused(&agent(&server, "reboot").options(options).run(), "not proven");
        assert_eq!(server.resets(SYSTEM), ["PowerCycle"], "{told:?}");
    }
}

#[test]
fn a_cycle_of_what_is_not_on_is_off_then_on() {
    let server = usual().start();
    assert_done(&agent(&server, "off").run(), OFF);
    assert_done(&agent(&server, "reboot").options([("method", "cycle")]).run(), "Success: Rebooted\n");
    assert_eq!(server.resets(SYSTEM), ["ForceOff", "ForceOff", "On"]);
}

#[test]
fn where_only_a_restart_is_listed_a_cycle_is_one() {
    let server = Setup { cycle: Cycle::Stamped, ..usual() }.start();
    server.edit(SYSTEM, |system| {
        let values = json!(["On", "ForceOff", "GracefulRestart", "ForceRestart"]);
        system["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"] = values;
    });
    assert_done(&agent(&server, "reboot").options([("method", "cycle")]).run(), "Success: Rebooted\n");
    assert_eq!(server.resets(SYSTEM), ["ForceRestart"]);
}

#[test]
fn recorded_services_of_several_makers_are_fenced() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/redfish");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display();
        let recorded: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let resources = recorded["resources"].as_object().unwrap().clone();
        let machine = resources
            .iter()
            .find(|(_, resource)| resource.pointer("/Actions/#ComputerSystem.Reset").is_some())
            .map(|(place, _)| place.clone())
            .unwrap();
        let several = resources[SYSTEMS]["Members"].as_array().unwrap().len() > 1;
        let server = Setup { resources: resources.into_iter().collect(), ..usual() }.start();
        if several {
            let done = agent(&server, "off").options([("plug", "some-node")]).run();
            assert_refused(&done, "several systems");
            assert!(server.is_on(&machine), "{name}");
        }
        for (action, stdout, on) in [
            ("off", OFF, false),
            ("on", "Success: Powered ON\n", true),
            ("reboot", "Success: Rebooted\n", true),
        ] {
            // Of several none is taken that isn't named, also where the other one looks like no machine.
            let system = if several { machine.rsplit('/').next().unwrap() } else { "" };
            let done = agent(&server, action).options([("plug", "some-node"), ("system", system)]).run();
            assert_done(&done, stdout);
            assert_eq!(server.is_on(&machine), on, "{name}: {action}");
        }
        assert_done(&agent(&server, "monitor").run(), "");
    }
}

#[test]
fn sushy_emulator_is_fenced() {
    let sushy = Sushy::start(Driver::Libvirt, &CERTIFICATE);
    for (action, stdout) in [
        ("off", OFF),
        ("off", "Success: Already OFF\n"),
        ("on", "Success: Powered ON\n"),
        ("reboot", "Success: Rebooted\n"),
        ("status", "Status: ON\n"),
        ("monitor", ""),
    ] {
        assert_done(&at(sushy.port(), action).run(), stdout);
    }
    assert_refused(&at(sushy.port(), "off").options([("password", "wrong")]).run(), "login denied");
}

#[test]
fn sushy_emulators_slow_machine_is_waited_for() {
    let sushy = Sushy::start(Driver::Fake, &CERTIFICATE);
    let done = at(sushy.port(), "off").options([("power_timeout", "40")]).run();
    assert_done(&done, OFF);
    let status = at(sushy.port(), "status").run();
    assert_eq!((status.code, status.stdout.as_str()), (Some(2), "Status: OFF\n"), "{}", status.stderr);
}
