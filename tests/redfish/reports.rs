//! What real services do, by public reports: each is one input of a kind, and beside it stands another of the same.

use std::process::Command;
use std::time::Duration;

use peers::redfish::{Act, Maker, Phase, Rule, Setup};
use serde_json::{Value, json};

use super::*;

const ROOT: &str = "/redfish/v1";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const ALREADY: &str = "Success: Already OFF\n";
const UUID: &str = "00000000-0000-4000-8000-000000000001";

/// An answer with this head, whose chunked body ends before its first chunk.
fn cut(status: u16, header: &str) -> Act {
    let head = format!(
        "HTTP/1.1 {status} X\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n{header}\r\n"
    );
    Act::Raw(head.into_bytes())
}

/// A whole answer with a body that may be no text.
fn raw(status: u16, body: &[u8]) -> Act {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    Act::Raw([head.as_bytes(), body].concat())
}

fn machine(power: &str) -> Value {
    let mut machine = Setup::machines(&["1"])[SYSTEM].clone();
    machine["PowerState"] = json!(power);
    machine
}

fn everywhere(agent: Agent) -> [Agent; 2] {
    [agent.clone(), agent.under_pacemaker()]
}

// The status counts as soon as it is there. iDRAC 8 ends the body of its 401 before the first chunk.

#[test]
fn a_wrong_password_is_denied_and_tried_once_also_where_the_refusal_has_no_body() {
    for header in [
        "WWW-Authenticate: Basic realm=\"RedfishService\"\r\n",
        "WWW-Authenticate: Basic\r\nConnection: Keep-Alive\r\n",
    ] {
        let server = usual().start();
        for path in [SYSTEMS, SYSTEM] {
            server.rule(Rule::new("GET", path, cut(401, header)));
        }
        for (number, agent) in everywhere(agent(&server, "off").options([("password", "wrong-password")]))
            .into_iter()
            .enumerate()
        {
            let done = agent.run();
            assert_refused(&done, "login denied by 127.0.0.1");
            assert_eq!(server.judgements(), number + 1, "{:?}", server.log());
        }
        assert!(server.is_on(SYSTEM));
    }
}

#[test]
fn a_session_that_ended_is_opened_anew_also_where_the_refusal_has_no_body() {
    for (method, path) in [("GET", SYSTEM), ("POST", RESET)] {
        let server = session().start();
        server.rule(Rule::new(method, path, cut(401, "")).during(Phase::After).times(1));
        assert_done(&agent(&server, "off").run(), OFF);
        assert_eq!((server.sessions_made(), server.judgements()), (2, 2), "{path}");
        assert!(!server.is_on(SYSTEM));
    }
}

#[test]
fn a_command_is_acknowledged_by_its_status_whatever_becomes_of_the_body() {
    for status in [200, 202, 204] {
        let server = with_rule(Rule::new("POST", RESET, cut(status, "")).obeying());
        assert_done(&agent(&server, "off").run(), OFF);
        assert_eq!(posts(&server), 1);
    }
}

/// Heads that can't be read to their end, or in parts, after their first line.
fn unreadable_heads(status: u16) -> Vec<Act> {
    let long = "x".repeat(500_000);
    let many: String = (0..300).map(|n| format!("X-{n}: y\r\n")).collect();
    [
        "WWW-Authenticate: Basic\r\n",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: many\r\n\r\n",
        "WWW-Authenticate: Basic\r\nno header at all\r\nContent-Length: 0\r\n\r\n",
        "WWW-Authenticate: Basic\r\nX-A : b\r\nX-C: d\r\n e\r\nX-F: \u{1}\r\nContent-Length: 0\r\n\r\n",
        &format!("X: {long}\r\n\r\n"),
        &format!("{many}Content-Length: 0\r\n\r\n"),
    ]
    .into_iter()
    .map(|rest| Act::Raw(format!("HTTP/1.1 {status} X\r\n{rest}").into_bytes()))
    .chain([Act::Raw(format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 {status}\r\n").into_bytes())])
    .collect()
}

#[test]
fn a_status_counts_as_soon_as_it_is_there_whatever_becomes_of_the_head() {
    std::thread::scope(|scope| {
        for denial in unreadable_heads(401) {
            scope.spawn(move || {
                // Where the head would have said that the service takes Basic, a session is tried as well, and no more.
                let server = usual().start();
                server.rule(Rule::new("GET", SYSTEMS, denial.clone()));
                for (number, agent) in
                    everywhere(agent(&server, "off").options([("password", "wrong-password")]))
                        .into_iter()
                        .enumerate()
                {
                    assert_refused(&agent.run(), "login denied by 127.0.0.1");
                    assert!(server.judgements() <= 2 * (number + 1), "{:?}", server.log());
                }
                let server = session().start();
                server.rule(Rule::new("POST", SESSIONS, denial.clone()));
                assert_refused(&agent(&server, "off").run(), "login denied by 127.0.0.1");
                assert_eq!(server.log().iter().filter(|line| line.contains(SESSIONS)).count(), 1);
                // Accepted before, it is asked again; a command is acknowledged.
                let server = with_rule(Rule::new("GET", SYSTEM, denial).during(Phase::After).times(1));
                assert_done(&agent(&server, "off").run(), OFF);
            });
        }
        for act in unreadable_heads(204) {
            scope.spawn(move || {
                let server = with_rule(Rule::new("POST", RESET, act).obeying());
                assert_done(&agent(&server, "off").run(), OFF);
                assert_eq!(posts(&server), 1);
            });
        }
        // What can't be read to its end is no state.
        for act in unreadable_heads(200) {
            scope.spawn(move || {
                let server = with_rule(Rule::new("GET", SYSTEM, act).during(Phase::After));
                let done = agent(&server, "off").options([("power_timeout", "3")]).run();
                assert_failed(&done, "");
            });
        }
    });
}

// What was learned in this run counts: one bad moment ends nothing.

#[test]
fn a_password_that_was_accepted_is_not_refused_for_good_by_one_bad_moment() {
    for denial in
        [Act::with_header(401, "WWW-Authenticate", "Basic"), cut(401, "WWW-Authenticate: Basic\r\n")]
    {
        for (method, path) in [("GET", SYSTEM), ("POST", RESET)] {
            let server = with_rule(Rule::new(method, path, denial.clone()).during(Phase::After).times(1));
            let done = agent(&server, "off").run();
            assert_proper(&done);
            assert_eq!((done.code, server.is_on(SYSTEM)), (Some(0), false), "{path}: {}", done.stderr);
        }
        // It isn't tried on for ever: a password may have been changed at that moment.
        let server = with_rule(Rule::new("GET", SYSTEM, denial).during(Phase::After));
        let before = 3;
        assert_failed(&agent(&server, "off").run(), "login denied");
        assert!(server.judgements() <= before + 3, "{}", server.judgements());
    }
}

#[test]
fn a_machine_that_was_read_before_is_read_again() {
    for act in
        [Act::error(403, "X.1.No", "No."), Act::status(404), Act::status(500), cut(403, ""), Act::status(400)]
    {
        let server = with_rule(Rule::new("GET", SYSTEM, act).during(Phase::After).times(2));
        assert_done(&agent(&server, "off").run(), OFF);
        assert!(!server.is_on(SYSTEM));
    }
}

#[test]
fn a_service_that_has_understood_a_command_understands_the_next_one() {
    for act in [Act::status(404), Act::error(500, "X.1.Broken", "Broken."), Act::status(405)] {
        let server = with_rule(Rule::new("POST", RESET, act).after(1).times(1));
        assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
        assert_eq!(server.resets(SYSTEM), ["ForceOff", "On"]);
    }
}

#[test]
fn a_look_that_fails_once_is_repeated_also_before_the_machine_is_known() {
    let broken = json!({"error": {"@Message.ExtendedInfo": [{"MessageId": "Base.1.4.InternalError", "Message": "Broken."}]}});
    let mut beside = machine("On");
    beside["error"] = broken["error"].clone();
    for act in [
        Act::status(500),
        Act::Answer(500, Vec::new(), beside.to_string()),
        Act::error(501, "X.1.No", "No."),
        cut(502, ""),
        Act::status(507),
    ] {
        for path in [ROOT, SYSTEMS, SYSTEM] {
            let server = with_rule(Rule::new("GET", path, act.clone()).times(2));
            assert_done(&agent(&server, "off").run(), OFF);
            assert!(!server.is_on(SYSTEM), "{path}");
        }
    }
    // For as long as the step has time, and then it is told.
    let server = with_rule(Rule::new("GET", SYSTEM, Act::error(500, "X.1.Broken", "Broken.")));
    assert_refused(&impatient(&server, "off").run(), "HTTP 500: Broken. (X.1.Broken)");
    assert_eq!(posts(&server), 0);
}

// A refused off of what is off is off.

#[test]
fn an_off_that_is_refused_while_the_machine_is_off_is_off() {
    const REFUSALS: [u16; 11] = [400, 403, 404, 405, 409, 412, 429, 500, 501, 503, 507];
    std::thread::scope(|scope| {
        for status in REFUSALS {
            scope.spawn(move || {
                let refuse = |server: &Server| {
                    let act = Act::error(status, "Base.1.4.InternalError", "Not this.");
                    server.rule(Rule::new("POST", RESET, act));
                };
                let server = usual().start();
                server.switch(SYSTEM, false);
                refuse(&server);
                let done = agent(&server, "off").run();
                assert_done(&done, ALREADY);
                let server = usual().start();
                refuse(&server);
                assert_failed(&agent(&server, "off").options([("power_timeout", "3")]).run(), "");
                assert!(server.is_on(SYSTEM), "{status}");
            });
        }
        scope.spawn(|| {
            let server = usual().start();
            server.switch(SYSTEM, false);
            server.rule(Rule::new("POST", RESET, Act::status(500)).times(1));
            assert_done(&agent(&server, "reboot").run(), "Success: Rebooted\n");
            assert!(server.is_on(SYSTEM));
        });
    });
}

// What isn't text in a field that nobody needs, and null for an empty list.

#[test]
fn bytes_that_are_no_text_spoil_the_field_they_stand_in_and_no_other() {
    for (field, bytes) in [
        ("SerialNumber", &b"\xff\xff\xff\xff"[..]),
        ("AssetTag", b"caf\xe9"),
        ("Name", b"\xc3"),
        ("Oem", b"\xed\xa0\x80"),
    ] {
        let server = usual().start();
        for (power, phase) in [("On", Phase::Before), ("Off", Phase::After)] {
            let mut system = machine(power);
            system[field] = json!("@@");
            let body: Vec<u8> = system.to_string().into_bytes();
            let at = body.windows(2).position(|pair| pair == b"@@").unwrap();
            let body = [&body[..at], bytes, &body[at + 2..]].concat();
            server.rule(Rule::new("GET", SYSTEM, raw(200, &body)).during(phase));
        }
        assert_done(&agent(&server, "status").run(), "Status: ON\n");
        assert_done(&agent(&server, "off").options([("expect_uuid", UUID)]).run(), OFF);
        assert!(!server.is_on(SYSTEM), "{field}");
    }
}

#[test]
fn a_text_with_bytes_that_are_none_is_equal_to_nothing() {
    let server = usual().start();
    let body = machine("On").to_string().replace("SN001", "SN\u{1}");
    let body: Vec<u8> =
        body.into_bytes().into_iter().map(|byte| if byte == 1 { 0xff } else { byte }).collect();
    let body = String::from_utf8_lossy(&body).replace("\\u0001", "\u{1}").into_bytes();
    let body: Vec<u8> = body.into_iter().map(|byte| if byte == 1 { 0xff } else { byte }).collect();
    server.rule(Rule::new("GET", SYSTEM, raw(200, &body)));
    for (option, value) in [("expect_serial", "SN\u{fffd}"), ("system", "SN\u{fffd}")] {
        let done = agent(&server, "off").options([(option, value)]).run();
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{option}: {}", done.stderr);
    }
    assert_eq!(posts(&server), 0);
}

#[test]
fn names_are_compared_without_the_blanks_that_devices_fill_them_up_with() {
    let server = Setup { resources: Setup::machines(&["1", "2"]), ..usual() }.start();
    server.edit(&format!("{SYSTEMS}/2"), |system| {
        system["SerialNumber"] = json!("  SN002   ");
        system["Links"] = json!({"ManagedBy": null});
    });
    server.edit(SYSTEMS, |systems| systems["Members@odata.nextLink"] = Value::Null);
    assert_done(&agent(&server, "off").options([("system", " SN002 ")]).run(), OFF);
    assert!(server.is_on(SYSTEM) && !server.is_on(&format!("{SYSTEMS}/2")));
}

// Redirects of the service's own path. iLO 4 names its own address, whatever name it was asked by.

#[test]
fn a_redirect_stays_on_the_connection_whatever_name_port_or_scheme_it_gives() {
    for origin in ["https://192.0.2.1", "https://192.0.2.1:8443", "http://ilo.example", "//[2001:db8::1]"] {
        for (path, place) in
            [(ROOT, "/redfish/v1/"), (SYSTEMS, "/redfish/v1/Systems/"), (SYSTEM, "/redfish/v1/Systems/1/")]
        {
            let location = format!("{origin}{place}");
            let server = with_rule(Rule::new("GET", path, Act::with_header(308, "Location", &location)));
            let done = agent(&server, "off").options([("redfish_uri", ROOT)]).run();
            assert_done(&done, OFF);
            assert_eq!((server.is_on(SYSTEM), server.connections()), (false, 1), "{location}");
        }
        // A command too, where the method stays.
        let location = format!("{origin}{RESET}/");
        let server = with_rule(Rule::new("POST", RESET, Act::with_header(307, "Location", &location)));
        assert_done(&agent(&server, "off").run(), OFF);
        assert!(!server.is_on(SYSTEM), "{location}");
    }
}

#[test]
fn the_root_is_asked_with_its_slash_and_without_where_that_is_unknown() {
    let server = usual().start();
    assert_done(&agent(&server, "status").run(), "Status: ON\n");
    assert_eq!(server.log()[0], "GET /redfish/v1/");
    let server = with_rule(Rule::new("GET", "/redfish/v1/", Act::status(404)));
    assert_done(&agent(&server, "off").run(), OFF);
    assert_eq!(server.log()[..2], ["GET /redfish/v1/", "GET /redfish/v1"]);
    // Whoever gives a path gets that one.
    let server = usual().start();
    assert_done(&agent(&server, "status").options([("redfish_uri", ROOT)]).run(), "Status: ON\n");
    assert_eq!(server.log()[0], "GET /redfish/v1");
}

// Slow services: some take three seconds for each answer, some more than ten.

#[test]
fn a_slow_service_is_fenced_by_whoever_has_the_patience() {
    let slow = |seconds: f64| Setup { slow: Duration::from_secs_f64(seconds), ..usual() }.start();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let server = slow(6.0);
            let patient = ["login_timeout", "shell_timeout", "power_timeout"].map(|option| (option, "40"));
            assert_done(&agent(&server, "off").options(patient).run(), OFF);
            assert!(!server.is_on(SYSTEM));
        });
        scope.spawn(|| {
            let server = slow(6.0);
            assert_done(&agent(&server, "off").under_pacemaker().run(), OFF);
            assert!(!server.is_on(SYSTEM));
        });
        scope.spawn(|| {
            // More than one attempt to find the machine may take.
            let server = slow(8.0);
            assert_done(&agent(&server, "off").under_pacemaker().limit(Duration::from_secs(120)).run(), OFF);
        });
        scope.spawn(|| {
            let server = slow(3.5);
            let done = agent(&server, "status").run();
            assert_failed(&done, "a service that is only slow needs login_timeout raised");
            assert!(done.stderr.contains("timed out after 5."), "{}", done.stderr);
        });
        scope.spawn(|| {
            let server = slow(1.2);
            let limits = [("login_timeout", "9"), ("power_timeout", "1")];
            let done = agent(&server, "off").options(limits).run();
            assert_failed(&done, "needs power_timeout raised");
        });
    });
}

#[test]
fn a_password_is_judged_once_however_long_that_takes() {
    let slow = |setup| Setup { slow_logins: Duration::from_secs(6), ..setup }.start();
    std::thread::scope(|scope| {
        for setup in [usual, session] {
            for mode in 0..2 {
                scope.spawn(move || {
                    let server = slow(setup());
                    let wrong = [("password", "wrong-password"), ("login_timeout", "40")];
                    let [alone, called] = everywhere(agent(&server, "off").options(wrong));
                    let done = if mode == 0 { alone.run() } else { called.run() };
                    assert_refused(&done, "login denied by 127.0.0.1");
                    assert_eq!(server.judgements(), 1, "{:?}", server.log());
                });
            }
        }
        // A session that is opened for nobody stays.
        scope.spawn(move || {
            let server = slow(session());
            assert_done(&agent(&server, "off").options([("login_timeout", "40")]).run(), OFF);
            assert_eq!((server.sessions_made(), server.open_sessions()), (1, 0));
        });
    });
}

// Connections that are reset when they are used again.

#[test]
fn a_service_that_resets_each_connection_at_its_second_request_is_fenced() {
    for pins in [vec![], vec![("expect_serial", "SN001")], vec![("expect_uuid", UUID)]] {
        for action in ["off", "reboot"] {
            let server = Setup { resets_connections: true, ..usual() }.start();
            let done = agent(&server, action).options(pins.clone()).run();
            assert_eq!(done.code, Some(0), "{pins:?} {}", done.stderr);
            assert_eq!(server.is_on(SYSTEM), action == "reboot");
            assert!(server.connections() < 30, "{}", server.connections());
        }
    }
}

// Addresses of one network alone.

#[test]
fn a_link_local_address_is_reached_over_the_interface_it_names() {
    const MARK: &str = "REDFISH_TEST_LINK_LOCAL";
    let test = "reports::a_link_local_address_is_reached_over_the_interface_it_names";
    if std::env::var_os(MARK).is_none() {
        // In a network of its own, where nobody else has these addresses.
        let output = Command::new("unshare")
            .arg("--net")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(MARK, "1")
            .output()
            .unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    for words in [
        "link set lo up",
        "link add v0 type veth peer name v1",
        "link set v0 up",
        "link set v1 up",
        "-6 addr add fe80::1/64 dev v0 nodad",
        "-6 addr add fe80::2/64 dev v1 nodad",
    ] {
        assert!(Command::new("ip").args(words.split(' ')).status().unwrap().success(), "{words}");
    }
    let server = usual().start();
    let port = relay_to(server.port());
    let addresses = std::fs::read_to_string("/proc/net/if_inet6").unwrap();
    let number = addresses.lines().find(|line| line.ends_with(" v1")).unwrap().split(' ').nth(1).unwrap();
    let number = u32::from_str_radix(number, 16).unwrap();
    for host in ["[fe80::2%v1]", "fe80::2%v1", "[fe80::2%25v1]", &format!("fe80::2%{number}")] {
        for ip in [host.to_owned(), format!("{host}:{port}")] {
            if ip != host && !host.starts_with('[') {
                continue;
            }
            let done = at(port, "status").options([("ip", ip.as_str())]).run();
            assert_done(&done, "Status: ON\n");
        }
    }
    for (host, words) in [
        ("fe80::2", "ip: "),
        ("[fe80::2]", "fe80::1%eth0"),
        ("2001:db8::1%v1", "ip: "),
        ("fe80::2%v7", "ip: there is no interface v7 on this machine"),
        ("[fe80::2%2577]:443", "ip: there is no interface 77 on this machine"),
    ] {
        let done = at(port, "off").options([("ip", host)]).run();
        assert_refused(&done, words);
        assert!(done.wall < Duration::from_secs(3), "{host}: {:?}", done.wall);
    }
}

// Roots that name no Systems.

#[test]
fn systems_that_the_root_does_not_name_are_found_in_their_usual_place() {
    for nothing in [None, Some(Value::Null), Some(json!({})), Some(json!("/redfish/v1/Systems"))] {
        let server = usual().start();
        server.edit(ROOT, |root| {
            root.as_object_mut().unwrap().remove("Systems");
            if let Some(value) = &nothing {
                root["Systems"] = value.clone();
            }
        });
        assert_done(&agent(&server, "off").run(), OFF);
        assert!(!server.is_on(SYSTEM));
        server.rule(Rule::new("GET", SYSTEMS, Act::status(404)));
        assert_failed(&impatient(&server, "off").run(), "systems_uri");
        assert_done(&agent(&server, "off").options([("systems_uri", SYSTEM)]).run(), ALREADY);
    }
}

// Words that somebody can act on.

#[test]
fn what_no_secure_connection_comes_of_is_told_in_words() {
    let server = Setup { old_tls: true, ..usual() }.start();
    assert_refused(&agent(&server, "status").run(), "it speaks too old a version of TLS");
    for words in ["HTTP/1.0 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "220 mail.example ESMTP\r\n"]
    {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            for mut client in listener.incoming().flatten() {
                let _ = client.read(&mut [0; 4096]);
                let _ = client.write_all(words.as_bytes());
            }
        });
        assert_refused(&at(port, "status").run(), "speaks no TLS");
    }
}

#[test]
fn keys_that_this_system_takes_for_too_weak_are_called_that() {
    let certificate = Some(Maker { rsa: Some(2048), ..Maker::default() }.self_signed());
    let server = Setup { weak_group: true, certificate, ..usual() }.start();
    assert_refused(
        &agent(&server, "status").run(),
        "its keys or signatures are too weak for this system's OpenSSL",
    );
}

#[test]
fn a_service_that_does_not_know_the_name_it_is_asked_by_leads_to_its_address() {
    let page = "<html><head><title>400 Bad Request</title></head></html>".to_owned();
    for action in ["off", "status"] {
        let server = with_rule(Rule::new("GET", ROOT, Act::Answer(400, Vec::new(), page.clone())));
        let done = agent(&server, action).options([("ip", "localhost")]).run();
        assert_refused(&done, "may not know itself by the name localhost: give its IP address");
        // By its address it is something else.
        let done = agent(&server, action).run();
        assert_refused(&done, "HTTP 400");
        assert!(!done.stderr.contains("name localhost"), "{}", done.stderr);
    }
}

#[test]
fn an_expired_password_is_no_missing_privilege() {
    let act = Act::error(403, "Base.1.8.1.PasswordChangeRequired", "PATCH the Password property.");
    for (method, path) in [("GET", SYSTEMS), ("GET", SYSTEM), ("POST", RESET)] {
        let server = with_rule(Rule::new(method, path, act.clone()));
        let done = agent(&server, "off").run();
        assert_refused(&done, "the password has expired: it must be changed at the service");
        assert!(
            done.stderr.contains("login denied") && !done.stderr.contains("privilege"),
            "{}",
            done.stderr
        );
        assert!(posts(&server) <= 1);
    }
}
