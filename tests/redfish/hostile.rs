//! Services that are broken or hostile: off is said only when off was reported, and nothing hangs.

use peers::Dead;
use peers::redfish::{Act, Credential, Login, Phase, Rule, Setup};
use serde_json::{Value, json};

use super::*;

/// Everything that is no proper answer.
fn misbehaviour() -> Vec<(&'static str, Act)> {
    let body = |text: &str| Act::Answer(200, Vec::new(), text.to_owned());
    vec![
        ("silence", Act::Silence),
        ("a dripping head", Act::DripHead),
        ("a dripping body", Act::Drip),
        ("a body cut short", Act::CutShort),
        ("JSON cut short", Act::CutJson),
        ("a closed connection", Act::Close),
        ("100 MB", Act::Huge),
        ("100 MB announced", Act::HugeAnnounced),
        ("HTML", body("<html>Log in</html>")),
        ("no JSON", body("Off")),
        ("no object", body("[\"Off\"]")),
        ("nothing", body("")),
        ("an error", Act::error(500, "X.1.Broken", "Broken.")),
        ("too busy", Act::error(503, "X.1.Busy", "Busy.")),
        ("not found", Act::status(404)),
        ("forbidden", Act::error(403, "X.1.No", "No.")),
        ("a redirect to itself", Act::with_header(301, "Location", SYSTEM)),
        ("a redirect to nowhere", Act::status(302)),
        ("another resource", body("{\"@odata.type\": \"#Chassis.v1_0_0.Chassis\", \"PowerState\": \"Off\"}")),
        ("off without a name", body("{\"PowerState\": \"Off\"}")),
    ]
}

#[test]
fn whatever_stands_in_place_of_the_machine_is_not_off() {
    std::thread::scope(|scope| {
        for (what, act) in misbehaviour().into_iter().filter(|(what, _)| *what != "off without a name") {
            scope.spawn(move || {
                let server = with_rule(Rule::new("GET", SYSTEM, act));
                for action in ["off", "status", "monitor"] {
                    let done = impatient(&server, action).run();
                    assert_eq!(done.code, Some(1), "{what}: {action}: {}", done.stdout);
                    assert_failed(&done, "");
                    assert_ne!(done.stderr, "", "{what}");
                }
            });
        }
    });
}

/// The machine takes off for an answer and stays on; every later look shows this.
#[test]
fn whatever_comes_in_place_of_the_state_after_the_command_is_not_off() {
    std::thread::scope(|scope| {
        for (what, act) in misbehaviour() {
            scope.spawn(move || {
                let server = Setup {
                    rules: vec![
                        Rule::new("POST", RESET, Act::status(204)),
                        Rule::new("GET", SYSTEM, act).after(1),
                    ],
                    ..usual()
                }
                .start();
                for action in ["off", "reboot"] {
                    let done = impatient(&server, action).run();
                    assert_failed(&done, "");
                    assert!(server.is_on(SYSTEM), "{what}");
                }
            });
        }
    });
}

#[test]
fn a_command_is_answered_in_every_bad_way_and_the_state_decides() {
    std::thread::scope(|scope| {
        for (what, act) in misbehaviour() {
            scope.spawn(move || {
                let server = with_rule(Rule::new("POST", RESET, act.clone()));
                let done = impatient(&server, "off").run();
                assert_failed(&done, "");
                assert!(server.is_on(SYSTEM), "{what}");
                // The same answer, once, and the command is carried out all the same.
                let server = with_rule(Rule::new("POST", RESET, act).obeying().times(1));
                let done = agent(&server, "off").run();
                assert_proper(&done);
                assert!(!server.is_on(SYSTEM), "{what}");
                // Refused, and carried out: the state decides.
                let said = [OFF, "Success: Already OFF\n"].contains(&done.stdout.as_str());
                assert_eq!(done.code == Some(0), said, "{what}");
            });
        }
    });
}

#[test]
fn a_service_that_stumbles_once_is_asked_again() {
    for act in
        [Act::Close, Act::CutShort, Act::error(503, "X.1.Busy", "Busy."), Act::status(429), Act::status(504)]
    {
        for (method, path) in [("GET", "/redfish/v1"), ("GET", SYSTEMS), ("GET", SYSTEM), ("POST", RESET)] {
            // Half of the empty body of an acknowledgement is the whole of it.
            let act = if method == "POST" && matches!(act, Act::CutShort) { Act::Close } else { act.clone() };
            let server = with_rule(Rule::new(method, path, act).times(2));
            assert_done(&agent(&server, "off").run(), OFF);
            assert!(!server.is_on(SYSTEM), "{method} {path}");
        }
    }
}

#[test]
fn a_root_that_names_no_systems_yet_is_read_again() {
    for login in [Login::Basic, Login::Session] {
        let server = Setup { login, ..usual() }.start();
        let bare = Act::Answer(200, Vec::new(), json!({"RedfishVersion": "1.17.0"}).to_string());
        server.rule(Rule::new("GET", "/redfish/v1", bare).times(2));
        assert_done(&agent(&server, "off").run(), OFF);
        assert!(!server.is_on(SYSTEM), "{login:?}");
    }
}

#[test]
fn a_stumble_after_the_command_is_not_the_end() {
    for act in [Act::error(500, "X.1.Broken", "Broken."), Act::status(404), Act::Close, Act::CutJson] {
        let server = with_rule(Rule::new("GET", SYSTEM, act).after(1).times(2));
        assert_done(&agent(&server, "off").run(), OFF);
        assert!(!server.is_on(SYSTEM));
    }
}

#[test]
fn a_busy_service_is_left_alone_for_as_long_as_it_asks() {
    let tries = |retry_after: Option<&str>| {
        let act = match retry_after {
            Some(seconds) => Act::with_header(503, "Retry-After", seconds),
            None => Act::status(503),
        };
        let server = with_rule(Rule::new("POST", RESET, act));
        assert_failed(&agent(&server, "off").options([("power_timeout", "4")]).run(), "HTTP 503");
        assert!(server.is_on(SYSTEM));
        posts(&server)
    };
    let (asked, unasked) = (tries(Some("1")), tries(None));
    assert!(asked >= 2 && asked < unasked, "{asked} with Retry-After, {unasked} without");
    // A pause beyond the time limit doesn't keep it from a last try.
    assert!(tries(Some("3600")) >= 2);
}

#[test]
fn a_wrong_password_is_tried_once_and_named() {
    for login in [Login::Basic, Login::Session] {
        for pacemaker in [false, true] {
            let server = Setup { login, ..usual() }.start();
            for (times, action) in ["off", "status", "monitor", "diag"].into_iter().enumerate() {
                let agent = agent(&server, action).options([("password", "wrong-password")]);
                let done = if pacemaker { agent.under_pacemaker().run() } else { agent.run() };
                assert_refused(&done, "login denied by 127.0.0.1");
                assert!(!done.stderr.contains("wrong-password"), "{}", done.stderr);
                assert_eq!(server.judgements(), times + 1, "{login:?} {action}");
            }
            assert!(server.is_on(SYSTEM));
        }
    }
}

#[test]
fn a_refusal_ends_at_once_and_gives_the_services_reason() {
    for (status, words) in [
        (403, "not enough privilege: POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset: HTTP 403"),
        (404, "HTTP 404"),
        (405, "HTTP 405"),
        (500, "HTTP 500"),
        (501, "HTTP 501"),
    ] {
        for action in ["off", "reboot"] {
            for pacemaker in [false, true] {
                let text = "The operation timeout has timed out (TIMEOUT).";
                let server =
                    with_rule(Rule::new("POST", RESET, Act::error(status, "X.1.OperationTimeout", text)));
                let agent = agent(&server, action);
                let done = if pacemaker { agent.under_pacemaker().run() } else { agent.run() };
                assert_refused(&done, words);
                assert!(done.stderr.contains("The operation time-out has timed-out"), "{}", done.stderr);
                assert_eq!(posts(&server), 1);
                assert!(server.is_on(SYSTEM));
            }
        }
    }
}

#[test]
fn nothing_goes_to_another_host_whichever_link_leads_there() {
    let away = Setup { login: Login::Open, ..usual() }.start();
    let link = |path: &str| format!("{}{path}", away.origin());
    for (method, path) in [("GET", "/redfish/v1/"), ("GET", SYSTEMS), ("GET", SYSTEM), ("POST", RESET)] {
        let location = link(path);
        let server = with_rule(Rule::new(method, path, Act::with_header(307, "Location", &location)));
        assert_refused(&impatient(&server, "off").run(), "leads away from the service");
        assert!(server.is_on(SYSTEM), "{method} {path}");
    }
    let edits = [
        ("/redfish/v1", "/Systems/@odata.id", SYSTEMS),
        (SYSTEMS, "/Members/0/@odata.id", SYSTEM),
        (SYSTEM, "/Actions/#ComputerSystem.Reset/target", RESET),
    ];
    for (resource, pointer, path) in edits {
        let server = usual().start();
        server.edit(resource, |value| *value.pointer_mut(pointer).unwrap() = json!(link(path)));
        assert_refused(&impatient(&server, "off").run(), "leads away from the service");
        assert!(server.is_on(SYSTEM), "{pointer}");
    }
    // A task elsewhere, and a session: of no consequence here, and not asked there.
    let server =
        with_rule(Rule::new("POST", RESET, Act::with_header(202, "Location", &link("/t"))).obeying());
    assert_done(&agent(&server, "off").run(), OFF);
    let server = Setup { login: Login::Session, ..usual() }.start();
    server.edit("/redfish/v1", |root| root["Links"]["Sessions"]["@odata.id"] = json!(link("/s")));
    assert_refused(&impatient(&server, "off").run(), "");
    assert_eq!((away.connections(), away.handshakes_failed()), (0, 0), "{:?}", away.requests());
}

/// A text of so many bytes, made of what Pacemaker reads on stderr.
fn text(length: usize) -> String {
    "timeout".repeat(length / 7)
}

/// More of something than any service has, by where it stands: every text, list and number is taken to its limit.
fn without_end() -> Vec<(&'static str, Rule)> {
    let with = |path: &str, fields: &[(&str, Value)]| {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Some(value.clone())));
        Rule::new("GET", path, Act::With(fields.collect()))
    };
    let (long, reset) = (json!(text(700_000)), "/Actions/#ComputerSystem.Reset");
    let words = |number: usize, length: usize| Value::from(vec![text(length); number]);
    let allowable = format!("{reset}/ResetType@Redfish.AllowableValues");
    let texts = ["/Id", "/Name", "/HostName", "/PowerState", "/SerialNumber", "/UUID"];
    let texts = texts.map(|name| (name, json!(text(150_000))));
    let managers = Value::from(vec![json!({"@odata.id": text(1900)}); 400]);
    let filled = |value: &str| {
        Act::Answer(200, Vec::new(), format!("[{}]", vec![value; 1_000_000 / (value.len() + 1)].join(",")))
    };
    let all = "/redfish/v1/Systems/*";
    vec![
        (
            "a member's link",
            with(SYSTEMS, &[("/Members", json!([{"@odata.id": format!("/{}", text(700_000))}]))]),
        ),
        (
            "the next page's link",
            with(SYSTEMS, &[("/Members@odata.nextLink", json!(format!("/{}", text(700_000))))]),
        ),
        (
            "the link to Systems",
            with("/redfish/v1", &[("/Systems", json!({"@odata.id": format!("/{}", text(700_000))}))]),
        ),
        (
            "more members than there are",
            with(
                SYSTEMS,
                &[("/Members", (0..9000).map(|n| json!({"@odata.id": format!("/{n}")})).collect())],
            ),
        ),
        ("one letter for each reset type", with(all, &[(&allowable, words(260_000, 7))])),
        ("long reset types", with(all, &[(&allowable, words(30, 30_000))])),
        ("many reset types", with(all, &[(&allowable, words(30_000, 21))])),
        ("texts", with(all, &texts)),
        ("the target of the reset", with(all, &[(&format!("{reset}/target"), long.clone())])),
        ("managers", with(all, &[("/Links", json!({"ManagedBy": managers}))])),
        (
            "a redirect",
            Rule::new("GET", SYSTEM, Act::with_header(307, "Location", &format!("/{}", text(200_000)))),
        ),
        ("an error's words", Rule::new("GET", SYSTEMS, Act::error(500, &text(300_000), &text(700_000)))),
        ("numbers", Rule::new("GET", all, filled("0"))),
        ("lists", Rule::new("GET", all, filled("[]"))),
        ("objects", Rule::new("GET", all, filled("{\"a\":0}"))),
        ("members that are no links", Rule::new("GET", SYSTEMS, filled("{\"a\":0}"))),
    ]
}

/// The agent with no more memory than this, which is more than it takes for anything.
fn confined(agent: Agent) -> Agent {
    agent.under(["sh", "-c", "ulimit -d 65536 && exec \"$0\" \"$@\""])
}

#[test]
fn whatever_has_no_end_takes_neither_long_nor_much_memory() {
    let ids: Vec<String> = (1..=1000).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let resources = Setup::machines(&ids);
    let check = |what: &str, rule: Rule| {
        let server = Setup { rules: vec![rule], resources: resources.clone(), ..usual() }.start();
        for (action, pacemaker) in [("off", false), ("status", false), ("off", true)] {
            let agent =
                confined(agent(&server, action)).options([("login_timeout", "5"), ("shell_timeout", "3")]);
            let agent = if pacemaker { agent.under_pacemaker().limit(Duration::from_secs(6)) } else { agent };
            let done = agent.options([("system", "SN001")]).run();
            let stumbled = ["memory allocation", "panicked"].iter().any(|word| done.stderr.contains(word));
            assert!(!stumbled, "{what}: {}", done.stderr);
            // Where only its caller ends it, it may go on asking.
            assert!(done.killed <= pacemaker, "{what}");
            assert!(
                done.killed || matches!(done.code, Some(0 | 1)),
                "{what}: {:?} {}",
                done.code,
                done.stderr
            );
            // All that time may not be spent on reckoning. A build for tests is slower than the real one by far.
            assert!(done.cpu < Duration::from_secs(5), "{what}: {:?}", done.cpu);
            assert!(done.stderr.len() < 100_000, "{what}: {}", done.stderr.len());
        }
    };
    for group in without_end().chunks(4) {
        std::thread::scope(|scope| {
            for (what, rule) in group {
                scope.spawn(|| check(what, rule.clone()));
            }
        });
    }
}

#[test]
fn no_secret_is_told_at_any_verbosity() {
    let echo = format!("Password {PASSWORD} is what you sent.");
    for login in [Login::Basic, Login::Session] {
        for rule in [
            None,
            Some(Rule::new("POST", RESET, Act::error(400, "X.1.No", &echo))),
            Some(Rule::new("POST", RESET, Act::error(500, "X.1.No", &echo))),
            Some(Rule::new("GET", SYSTEM, Act::error(403, "X.1.No", &echo))),
            Some(Rule::new("GET", SYSTEM, Act::Close)),
        ] {
            let server = Setup { login, rules: rule.into_iter().collect(), ..usual() }.start();
            for level in ["0", "1", "2", "9"] {
                let done = impatient(&server, "off").options([("verbose_level", level)]).run();
                assert_proper(&done);
            }
            let wrong = impatient(&server, "off")
                .options([("verbose_level", "9"), ("password", "another-secret")])
                .run();
            assert!(!wrong.stderr.contains("another-secret"), "{}", wrong.stderr);
            assert!(wrong.stderr.contains("DEBUG"), "{}", wrong.stderr);
        }
    }
}

/// Services repeat what they were sent, also where nobody expects it.
#[test]
fn a_password_that_a_service_repeats_in_its_texts_and_links_is_not_shown() {
    let odd = "pä ß\"%w/x-4711";
    for (login, password) in [(Login::Basic, PASSWORD), (Login::Session, PASSWORD), (Login::Open, odd)] {
        let told = |more: &str| json!(format!("{password}{more}"));
        type Edit<'a> = (&'a str, &'a str, Value);
        let edits: [Edit; 9] = [
            (SYSTEM, "/Id", told("")),
            (SYSTEM, "/Name", told(" \u{1b}[2J")),
            (SYSTEM, "/HostName", told("")),
            (SYSTEM, "/SerialNumber", told("-7")),
            (SYSTEM, "/PowerState", told("")),
            (SYSTEM, "/@odata.type", told("")),
            (SYSTEM, "/Actions/#ComputerSystem.Reset/target", json!(format!("/{password}"))),
            (SYSTEMS, "/Members", json!([{"@odata.id": SYSTEM}, {"@odata.id": format!("/{password}")}])),
            ("/redfish/v1", "/Systems/@odata.id", json!(format!("https://192.0.2.1/{password}"))),
        ];
        for (place, pointer, value) in edits {
            let server = Setup { login, ..usual() }.start();
            server.edit(place, |resource| {
                let (holder, name) = pointer.rsplit_once('/').unwrap();
                resource.pointer_mut(holder).unwrap()[name] = value;
                if pointer == "/Members" {
                    resource["Members@odata.count"] = json!(2);
                }
            });
            for (action, more) in [
                ("off", [("verbose_level", "9"), ("json", "0")]),
                ("list-status", [("verbose_level", "9"), ("json", "0")]),
                ("monitor", [("plug", "node9"), ("json", "0")]),
                ("off", [("explain", "1"), ("json", "1")]),
                ("doctor", [("verbose_level", "9"), ("json", "0")]),
                ("doctor", [("plug", "node9"), ("json", "1")]),
            ] {
                let done = impatient(&server, action).options([("password", password)]).options(more).run();
                assert_proper(&done);
                for form in [password, "p\u{e4} \u{df}", "p\\u00e4 \\u00df", "p%C3%A4%20%C3%9F"] {
                    let shown = done.stdout.contains(form) || done.stderr.contains(form);
                    assert!(!shown, "{pointer}: {action}: {}{}", done.stdout, done.stderr);
                }
                assert!(
                    !done.stdout.contains('\u{1b}') && !done.stderr.contains('\u{1b}'),
                    "{}",
                    done.stdout
                );
            }
        }
    }
}

#[test]
fn bad_input_is_one_line_and_the_service_is_not_asked() {
    let server = usual().start();
    for (options, named) in [
        (vec![("username", "")], "username"),
        (vec![("password", "")], "password"),
        (vec![("username", "a:b")], "username"),
        (vec![("ip", "https://127.0.0.1/")], "ip"),
        (vec![("ip", "127.0.0.1:port")], "ip"),
        (vec![("redfish_uri", "https://elsewhere.invalid/redfish/v1")], "redfish_uri"),
        (vec![("redfish_uri", "//elsewhere.invalid/redfish/v1")], "redfish_uri"),
        (vec![("systems_uri", "https://elsewhere.invalid/redfish/v1/Systems/1")], "systems_uri"),
        (vec![("system", "https://elsewhere.invalid/redfish/v1/Systems/1")], "system"),
        (vec![("system", "1"), ("systems_uri", SYSTEM)], "system"),
        (vec![("ssl_insecure", "0"), ("ssl_pin", "abc")], "ssl_pin"),
        (vec![("ssl_pin", &"00".repeat(32))], "ssl_pin"),
        (vec![("ssl_ca_file", "/dev/null")], "ssl_ca_file"),
        (vec![("ssl_insecure", "0"), ("ssl_ca_file", "/nonexistent/ca.pem")], "ssl_ca_file"),
        (vec![("ipport", "0")], "ipport"),
    ] {
        for action in ["off", "validate-all"] {
            let done = agent(&server, action).options(options.clone()).run();
            assert_refused(&done, &format!("ERROR: {named}: "));
            assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
        }
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_password_reaches_nobody_before_the_root_has_answered() {
    let server =
        with_rule(Rule::new("GET", "/redfish/v1", Act::Answer(200, Vec::new(), "<html>".to_owned())));
    assert_refused(&agent(&server, "off").run(), "web page");
    assert!(server.requests().iter().all(|request| request.credential == Credential::None));
}

#[test]
fn a_closed_port_is_told_apart() {
    let dead = Dead::tcp();
    let port = dead.port();
    for action in ["status", "monitor", "off"] {
        let done = at(port, action).options([("login_timeout", "1")]).run();
        assert_refused(&done, &format!("connection refused by 127.0.0.1:{port}"));
    }
    let done = at(port, "status").options([("ip", "no-such-host.invalid"), ("login_timeout", "1")]).run();
    assert_failed(&done, "no-such-host.invalid");
}

#[test]
fn two_states_in_one_answer_are_none() {
    for first in [true, false] {
        let server = usual().start();
        server.rule(Rule::new("POST", RESET, Act::status(204)));
        let off = Act::Twice("PowerState", "Off".into(), first);
        server.rule(Rule::new("GET", SYSTEM, off).during(Phase::After));
        assert_failed(&impatient(&server, "off").run(), "PowerState");
        assert!(server.is_on(SYSTEM));
    }
}
