//! What only Redfish has: a service with an account, a certificate and a clock, machines that change places, and
//! connections and sessions that end.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use peers::redfish::{Act, Authority, Certificate, Login, Maker, Phase, Rule, Server, Setup, USER};
pub(crate) use peers::subject::redfish::CERTIFICATE;
use peers::subject::redfish::{SECRETS, UUID, whole_of};
use peers::{Agent, Finished, TempDir};
use serde_json::{Value, json};

use crate::common::json;

pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/1";
const RESET: &str = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const OTHER_UUID: &str = "00000000-0000-4000-8000-000000000002";

/// A service that tells everything, of which all is well.
pub(crate) fn whole() -> Setup {
    whole_of(&["1"])
}

fn verifying(port: u16, action: &str) -> Agent {
    Agent::redfish(port, action).options([("power_wait", "0")])
}

fn agent(server: &Server, action: &str) -> Agent {
    verifying(server.port(), action).options([("ssl_insecure", "1")])
}

fn assert_off(done: &Finished) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered OFF\n"), "{}", done.stderr);
}

fn assert_not_the_one(done: &Finished, words: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    assert!(done.stderr.contains("is not the one meant"), "{}", done.stderr);
    assert!(done.stderr.contains(words), "{words}: {}", done.stderr);
}

/// How often the machine is read before the command, where its UUID is expected.
fn looks_before_the_command(action: &str) -> usize {
    let server = whole().start();
    let done = agent(&server, action).options([("expect_uuid", UUID)]).run();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let log = server.log();
    let command = log.iter().position(|request| request.starts_with("POST ")).unwrap();
    log[..command].iter().filter(|request| **request == format!("GET {SYSTEM}")).count()
}

/// The commands that have come in, as explain tells them.
fn commands(server: &Server) -> Vec<String> {
    let requests = server.requests();
    let commands = requests.iter().filter(|request| request.method == "POST" && request.path != SESSIONS);
    commands.map(|request| format!("POST {} {}", request.path, request.body)).collect()
}

#[test]
fn explain_names_exactly_the_request_that_is_then_sent() {
    let listed = |types: Value| {
        move |server: &Server| {
            server.edit(SYSTEM, |system| {
                let reset = system.pointer_mut("/Actions/#ComputerSystem.Reset").unwrap();
                reset["ResetType@Redfish.AllowableValues"] = types;
            });
        }
    };
    let elsewhere = |server: &Server| {
        server.edit(SYSTEM, |system| {
            let reset = system.pointer_mut("/Actions/#ComputerSystem.Reset").unwrap();
            reset.as_object_mut().unwrap().remove("ResetType@Redfish.AllowableValues");
            reset["@Redfish.ActionInfo"] = json!("/redfish/v1/Systems/1/ResetActionInfo");
        });
        let types = json!(["ForceOn", "ForceOff", "ForceRestart"]);
        let parameters = json!([{"Name": "ResetType", "AllowableValues": types}]);
        server.add("/redfish/v1/Systems/1/ResetActionInfo", json!({"Parameters": parameters}));
    };
    type Change = Box<dyn FnOnce(&Server)>;
    let cases: Vec<(&str, &str, Change, &str)> = vec![
        ("off", "onoff", Box::new(|_| ()), "ForceOff"),
        ("off", "onoff", Box::new(listed(json!(["On"]))), "ForceOff"),
        ("on", "onoff", Box::new(|_| ()), "On"),
        ("on", "onoff", Box::new(listed(json!(["ForceOn", "ForceOff"]))), "ForceOn"),
        ("on", "onoff", Box::new(elsewhere), "ForceOn"),
        ("diag", "onoff", Box::new(|_| ()), "Nmi"),
        ("reboot", "cycle", Box::new(|_| ()), "PowerCycle"),
        ("reboot", "cycle", Box::new(elsewhere), "ForceRestart"),
    ];
    for (action, method, change, kind) in cases {
        let server = whole().start();
        change(&server);
        let method = [("method", method), ("power_timeout", "1")];
        let done = agent(&server, action).options(method).options([("explain", "1"), ("json", "1")]).run();
        let requests = json(&done.stdout)["requests"].to_string().replace("\\\"", "\"");
        assert_eq!(commands(&server), [""; 0]);
        agent(&server, action).options(method).run();
        let sent = commands(&server);
        assert_eq!(sent[0], format!("POST {RESET} {{\"ResetType\":\"{kind}\"}}"));
        assert!(requests.contains(&sent[0]), "{action}: {requests}");
    }
}

#[test]
fn explain_tells_the_service_the_machine_and_the_account() {
    for (login, how) in [(Login::Basic, "by Basic authentication"), (Login::Session, "in a session")] {
        let server = Setup { login, ..whole() }.start();
        let done = agent(&server, "off").options([("explain", "1")]).run();
        for words in [
            "Peers Test service",
            "7.00.30",
            "Redfish 1.17.0 over HTTPS, the certificate not verified",
            "role Operator: Login, ConfigureSelf, ConfigureComponents",
            "node1",
            "TAG-7",
            "AssetTag of /redfish/v1/Systems/1",
            how,
        ] {
            assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
        }
    }
}

#[test]
fn explain_and_doctor_only_read_and_leave_no_session_behind() {
    for login in [Login::Basic, Login::Session] {
        let server = Setup { login, ..whole() }.start();
        for options in [[("action", "off"), ("explain", "1")], [("action", "doctor"), ("verbose", "1")]] {
            let done = agent(&server, "status").options(options).run();
            for secret in SECRETS {
                assert!(!done.stdout.contains(secret) && !done.stderr.contains(secret), "{done:?}");
            }
        }
        let requests = server.requests();
        let others = requests.iter().filter(|request| request.method != "GET");
        assert!(login == Login::Session || others.clone().count() == 0);
        assert!(others.clone().all(|request| request.path.starts_with(SESSIONS)));
        assert_eq!(server.open_sessions(), 0);
        assert!(server.is_on(SYSTEM));
    }
}

#[test]
fn a_machine_swapped_between_the_look_and_the_command_is_not_commanded() {
    for action in ["off", "on", "reboot", "diag"] {
        let last = looks_before_the_command(action);
        // From each of the looks on that come before the command.
        for skip in 1..last {
            let other = Act::With(vec![
                ("/UUID".to_owned(), Some(json!(OTHER_UUID))),
                ("/SerialNumber".to_owned(), Some(json!("SN002"))),
            ]);
            let server =
                Setup { rules: vec![Rule::new("GET", SYSTEM, other).after(skip)], ..whole() }.start();
            let done = agent(&server, action)
                .options([("expect_uuid", UUID), ("login_timeout", "2"), ("power_timeout", "2")])
                .run();
            assert_not_the_one(&done, OTHER_UUID);
            assert_eq!(commands(&server), [""; 0], "{action} {skip}");
        }
    }
}

#[test]
fn another_machine_with_the_same_asset_tag_is_not_commanded() {
    let other = Act::With(vec![
        ("/UUID".to_owned(), Some(json!(OTHER_UUID))),
        ("/SerialNumber".to_owned(), Some(json!("SN002"))),
    ]);
    let server = Setup { rules: vec![Rule::new("GET", SYSTEM, other).after(2)], ..whole() }.start();
    let done = agent(&server, "off")
        .options([("expect_name", "RACK-7"), ("login_timeout", "2"), ("power_timeout", "2")])
        .run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    assert!(
        done.stderr.contains("now UUID 00000000000040008000000000000002, serial number SN002; no command"),
        "{}",
        done.stderr
    );
    assert_eq!(commands(&server), [""; 0]);
}

#[test]
fn a_machine_swapped_after_the_command_is_no_success() {
    let other = Act::With(vec![("/UUID".to_owned(), Some(json!(OTHER_UUID)))]);
    let rule = Rule::new("GET", SYSTEM, other).during(Phase::After);
    let server = Setup { rules: vec![rule], ..whole() }.start();
    let done = agent(&server, "off").options([("expect_uuid", UUID)]).run();
    assert_not_the_one(&done, "can't be counted as done");
}

#[test]
fn an_identity_that_can_not_be_read_refuses_the_action() {
    for (field, value, option, expected) in [
        ("/UUID", None, "expect_uuid", UUID),
        ("/UUID", Some(json!("00000000-0000-0000-0000-000000000000")), "expect_uuid", UUID),
        ("/SerialNumber", Some(json!("")), "expect_serial", "SN001"),
        ("/SerialNumber", Some(json!(7)), "expect_serial", "7"),
        ("/AssetTag", Some(Value::Null), "expect_name", "RACK-7"),
        // What the machine's system calls it, and the service calls every system, is no identity.
        ("/AssetTag", None, "expect_name", "node1"),
        ("/AssetTag", None, "expect_name", "System 1"),
    ] {
        let act = Act::With(vec![(field.to_owned(), value)]);
        let server = Setup { rules: vec![Rule::new("GET", SYSTEM, act)], ..whole() }.start();
        for action in ["off", "status"] {
            let done = agent(&server, action).options([(option, expected)]).run();
            assert_not_the_one(&done, option);
            assert!(done.stderr.contains("no command was sent"), "{}", done.stderr);
        }
        assert_eq!(commands(&server), [""; 0], "{field}");
    }
}

#[test]
fn an_identity_told_twice_is_none() {
    let rule = Rule::new("GET", SYSTEM, Act::Twice("UUID", json!(OTHER_UUID), true));
    let server = Setup { rules: vec![rule], ..whole() }.start();
    assert_not_the_one(
        &agent(&server, "off").options([("expect_uuid", UUID)]).run(),
        "no UUID that can be read",
    );
    assert_eq!(commands(&server), [""; 0]);
}

#[test]
fn a_command_is_not_repeated_to_whoever_is_there_when_the_session_is_lost() {
    let forget = || Rule::new("POST", RESET, Act::Forget).times(1).obeying();
    // The same machine is asked who it is in a new session, and then commanded.
    let server = Setup { login: Login::Session, rules: vec![forget()], ..whole() }.start();
    assert_off(&agent(&server, "off").options([("expect_uuid", UUID)]).run());
    assert_eq!((server.sessions_made(), server.open_sessions()), (2, 0));
    let log = server.log();
    let sent: Vec<usize> = (0..log.len()).filter(|at| log[*at] == format!("POST {RESET}")).collect();
    assert_eq!(sent.len(), 2, "{log:?}");
    assert!(log[sent[0]..sent[1]].contains(&format!("GET {SYSTEM}")), "{log:?}");
    // Another one isn't.
    let other = Act::With(vec![("/UUID".to_owned(), Some(json!(OTHER_UUID)))]);
    let rules = vec![forget(), Rule::new("GET", SYSTEM, other).during(Phase::After)];
    let server = Setup { login: Login::Session, rules, ..whole() }.start();
    assert_not_the_one(&agent(&server, "off").options([("expect_uuid", UUID)]).run(), OTHER_UUID);
    assert!(server.is_on(SYSTEM));
    assert_eq!(commands(&server).len(), 1);
}

/// Listens where an agent calls, and takes its first connections to one service, those from number `from` on (counted
/// from 0) to another.
fn switchboard(first: &Server, second: &Server, from: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (first, second) = (first.port(), second.port());
    thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let port = if number < from { first } else { second };
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
            for (mut source, mut sink) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server.try_clone().unwrap(), client.try_clone().unwrap()),
            ] {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut source, &mut sink);
                    let _ = (source.shutdown(Shutdown::Both), sink.shutdown(Shutdown::Both));
                });
            }
        }
    });
    port
}

/// The machine like this, after which the service ends the connection, and says so or doesn't.
fn and_ends_the_connection(machine: &Value, says_so: bool) -> Act {
    let (body, more) = (machine.to_string(), if says_so { "Connection: close\r\n" } else { "" });
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{more}\r\n", body.len());
    Act::Raw((head + &body).into_bytes())
}

fn another() -> Server {
    let server =
        Setup { certificate: Some(Maker::default().self_signed()), resources: whole().resources, ..whole() }
            .start();
    server.edit(SYSTEM, |system| system["UUID"] = json!(OTHER_UUID));
    server
}

#[test]
fn a_command_goes_over_the_connection_in_which_the_machine_told_who_it_is() {
    let elsewhere = |system: &mut Value| {
        let reset = system.pointer_mut("/Actions/#ComputerSystem.Reset").unwrap();
        reset.as_object_mut().unwrap().remove("ResetType@Redfish.AllowableValues");
        reset["@Redfish.ActionInfo"] = json!("/redfish/v1/Systems/1/ResetActionInfo");
    };
    // The connection ends when the machine has told who it is just before the command. Before on, the reset types
    // are read, and that notices it in any case.
    let last = looks_before_the_command("on");
    let mut machine = whole().resources[SYSTEM].clone();
    machine["PowerState"] = json!("Off");
    elsewhere(&mut machine);
    let ends = || Rule::new("GET", SYSTEM, and_ends_the_connection(&machine, false)).after(last - 1).times(1);
    let start = |rules: Vec<Rule>| {
        let server = Setup { rules, ..whole() }.start();
        server.edit(SYSTEM, elsewhere);
        server.switch(SYSTEM, false);
        server
    };
    let (server, other) = (start(vec![ends()]), another());
    let port = switchboard(&server, &other, 1);
    let done = verifying(port, "on").options([("ssl_insecure", "1"), ("expect_uuid", UUID)]).run();
    assert_not_the_one(&done, OTHER_UUID);
    assert_eq!((commands(&server).len(), commands(&other).len()), (0, 0));
    assert_eq!(server.counted(), [0]);
    // The same where the other service shows the same certificate.
    let (server, other) = (start(vec![ends()]), Setup { ..whole() }.start());
    other.edit(SYSTEM, |system| system["UUID"] = json!(OTHER_UUID));
    let port = switchboard(&server, &other, 1);
    let done = verifying(port, "on").options([("ssl_insecure", "1"), ("expect_uuid", UUID)]).run();
    assert_not_the_one(&done, OTHER_UUID);
    assert_eq!((commands(&server).len(), commands(&other).len()), (0, 0));
    // Where the new connection leads to the same machine, it is commanded.
    let server = start(vec![ends()]);
    let done = agent(&server, "on").options([("expect_uuid", UUID)]).run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered ON\n"), "{}", done.stderr);
    assert_eq!(commands(&server).len(), 1);
    // And one that stands is used for everything.
    let server = whole().start();
    assert_off(&agent(&server, "off").options([("expect_uuid", UUID)]).run());
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_command_goes_to_nobody_but_the_machine_that_was_met_also_where_nothing_is_expected() {
    let machine = whole().resources[SYSTEM].clone();
    for says_so in [false, true] {
        let ends = || Rule::new("GET", SYSTEM, and_ends_the_connection(&machine, says_so)).times(1);
        for is_ours in [true, false] {
            let certificate = if is_ours { CERTIFICATE.clone() } else { Maker::default().self_signed() };
            let server = Setup { rules: vec![ends()], ..whole() }.start();
            let other = Setup { certificate: Some(certificate), ..whole() }.start();
            other.edit(SYSTEM, |system| system["UUID"] = json!(OTHER_UUID));
            let port = switchboard(&server, &other, 1);
            let done = verifying(port, "off").options([("ssl_insecure", "1"), ("power_timeout", "2")]).run();
            assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
            assert!(done.stderr.contains("another device answers than before"), "{}", done.stderr);
            // Whoever announces the end is known by its certificate, as where every connection ends.
            let same = says_so && is_ours;
            assert!(same || commands(&other).is_empty(), "{:?}", other.log());
            assert_eq!(commands(&server).len(), 0);
        }
        // The same machine over another connection is commanded; a look more is all that it costs.
        let server = Setup { rules: vec![ends()], ..whole() }.start();
        assert_off(&agent(&server, "off").run());
        let looks = server.log().iter().filter(|line| **line == format!("GET {SYSTEM}")).count();
        assert_eq!((commands(&server).len(), looks), (1, if says_so { 2 } else { 3 }));
    }
    let server = whole().start();
    assert_off(&agent(&server, "off").run());
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_service_that_keeps_no_connection_is_bound_by_its_certificate() {
    let rules = |says_so| {
        let (on, mut off) = (whole().resources[SYSTEM].clone(), whole().resources[SYSTEM].clone());
        off["PowerState"] = json!("Off");
        vec![
            Rule::new("GET", SYSTEM, and_ends_the_connection(&on, says_so)).during(Phase::Before),
            Rule::new("GET", SYSTEM, and_ends_the_connection(&off, says_so)).during(Phase::After),
        ]
    };
    let mut connections = 0;
    for says_so in [false, true] {
        let server = Setup { rules: rules(says_so), ..whole() }.start();
        assert_off(&agent(&server, "off").options([("expect_uuid", UUID)]).run());
        assert_eq!(commands(&server).len(), 1);
        connections = server.connections();
    }
    for from in 1..connections {
        let (server, other) = (Setup { rules: rules(true), ..whole() }.start(), another());
        let port = switchboard(&server, &other, from);
        let done = verifying(port, "off")
            .options([("ssl_insecure", "1"), ("expect_uuid", UUID), ("login_timeout", "3")])
            .run();
        assert_eq!(done.code, Some(1), "{from}: {}", done.stderr);
        assert!(done.stderr.contains(OTHER_UUID), "{from}: {}", done.stderr);
        assert_eq!(commands(&other).len(), 0, "{from}");
    }
}

/// A service like this, with the options, what doctor then exits with, and words that it says.
type Case = (Box<dyn FnOnce(&Server)>, &'static [(&'static str, &'static str)], i32, &'static str);

fn edited(path: &'static str, pointer: &'static str, value: Value) -> Box<dyn FnOnce(&Server)> {
    Box::new(move |server| {
        let (holder, name) = pointer.rsplit_once('/').unwrap();
        server.edit(&format!("/redfish/v1{path}"), |resource| {
            resource.pointer_mut(holder).unwrap()[name] = value;
        });
    })
}

#[test]
fn doctor_grades_a_service_by_what_would_matter_at_night() {
    const ROLE: &str = "/AccountService/Roles/Operator";
    const ACCOUNT: &str = "/AccountService/Accounts/2";
    const ALLOWABLE: &str = "/Actions/#ComputerSystem.Reset/ResetType@Redfish.AllowableValues";
    let as_it_is = || Box::new(|_: &Server| ());
    let refusing = |path: &'static str, status: u16| {
        move |server: &Server| server.rule(Rule::new("GET", path, Act::status(status)))
    };
    let privileges = |list: &[&str]| edited(ROLE, "/AssignedPrivileges", json!(list));
    let cases: Vec<Case> = vec![
        (as_it_is(), &[], 0, "nothing says which machine is meant"),
        (as_it_is(), &[], 0, "instead of ssl_insecure set ssl_pin="),
        (as_it_is(), &[], 0, "its role Operator has the privilege ConfigureComponents"),
        (as_it_is(), &[], 0, "0 sessions are open; fencing needs none here"),
        (as_it_is(), &[], 0, "the slowest answer"),
        (as_it_is(), &[("expect_uuid", UUID)], 0, "read while the power is on"),
        (as_it_is(), &[("method", "cycle")], 3, "method=cycle"),
        (privileges(&["Login", "ConfigureSelf"]), &[], 1, "may not switch the power"),
        (privileges(&["Login", "ConfigureComponents", "ConfigureUsers"]), &[], 0, "more than fencing needs"),
        (
            Box::new(|server| {
                let role =
                    json!({"AssignedPrivileges": ["Login"], "OemPrivileges": ["VirtualPowerAndReset"]});
                server.edit(&format!("/redfish/v1{ROLE}"), |known| *known = role);
            }),
            &[],
            3,
            "VirtualPowerAndReset",
        ),
        (
            Box::new(|server| {
                server.edit(&format!("/redfish/v1{ACCOUNT}"), |known| {
                    *known = json!({"UserName": USER, "RoleId": "ReadOnly"});
                });
            }),
            &[],
            1,
            "its role ReadOnly lacks",
        ),
        (edited(ACCOUNT, "/UserName", json!("somebody")), &[], 0, "doesn't tell what the account may do"),
        (
            Box::new(refusing("/redfish/v1/AccountService", 403)),
            &[],
            0,
            "doesn't tell what the account may do",
        ),
        (
            Box::new(refusing("/redfish/v1/AccountService", 401)),
            &[],
            0,
            "doesn't tell what the account may do",
        ),
        (Box::new(refusing("/redfish/v1/Managers/1", 404)), &[], 0, "fine     state: "),
        (edited(ACCOUNT, "/PasswordChangeRequired", json!(true)), &[], 3, "to be changed"),
        (edited(ACCOUNT, "/PasswordExpiration", json!("2020-01-01T00:00:00Z")), &[], 3, "password ended"),
        (edited("/Systems/1", ALLOWABLE, json!(["On", "GracefulShutdown"])), &[], 3, "doesn't list ForceOff"),
        (edited("/Systems/1", ALLOWABLE, json!(["ForceOff"])), &[], 3, "doesn't list On"),
        (edited("/Systems/1", ALLOWABLE, Value::Null), &[], 0, "doesn't tell which reset types"),
        (edited("/Systems/1", "/Actions", json!({})), &[], 1, "offers no reset"),
        (
            edited("/Systems/1", "/Actions/#ComputerSystem.Reset/target", json!("https://192.0.2.1/reset")),
            &[],
            1,
            "leads away from the service",
        ),
        (edited("/Systems/1", "/PowerState", Value::Null), &[], 1, "tells no PowerState"),
        (edited("/Managers/1", "/DateTime", json!("2020-01-01T00:00:00Z")), &[], 0, "clock is"),
        (edited("/Managers/1", "/Status/State", json!("Updating")), &[], 3, "state is Updating"),
        (
            Box::new(|server| {
                let link = json!([{"@odata.id": "/redfish/v1/TaskService/Tasks/9"}]);
                server.edit("/redfish/v1/TaskService/Tasks", |tasks| tasks["Members"] = link);
                let task = json!({"Name": "Firmware update", "TaskState": "Running"});
                server.add("/redfish/v1/TaskService/Tasks/9", task);
            }),
            &[],
            0,
            "Firmware update (Running)",
        ),
        (
            Box::new(|server| {
                let place = |id: &str| json!({"@odata.id": format!("/redfish/v1/Systems/{id}")});
                let second = Setup::machines(&["2"])["/redfish/v1/Systems/2"].clone();
                server.add("/redfish/v1/Systems/2", second);
                let both = json!([place("1"), place("2")]);
                server.edit("/redfish/v1/Systems", |systems| systems["Members"] = both);
            }),
            &[],
            1,
            "several systems and none is named",
        ),
    ];
    for (change, options, code, words) in cases {
        let server = whole().start();
        change(&server);
        let done = agent(&server, "doctor").options(options.iter().copied()).run();
        assert_eq!(done.code, Some(code), "{words}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
        assert!(server.requests().iter().all(|request| request.method == "GET"), "{words}");
    }
}

#[test]
fn doctor_advises_a_certificate_of_its_own_where_nothing_else_binds_a_command() {
    let authority = Authority::new();
    let folder = TempDir::new("know-redfish-own");
    let file = folder.write("ca.pem", &String::from_utf8(authority.pem()).unwrap()).display().to_string();
    let long = Maker { days: (-1, 400), ..Maker::default() };
    let words = "nothing but its certificate says";
    for (signed, ends, expected) in
        [(false, true, true), (true, true, false), (false, false, false), (true, false, false)]
    {
        let certificate = if signed { authority.sign(&long) } else { long.self_signed() };
        let pin: String = certificate.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
        let server = Setup { certificate: Some(certificate), ..whole() }.start();
        if ends {
            let machine = whole().resources[SYSTEM].clone();
            server.rule(Rule::new("GET", SYSTEM, and_ends_the_connection(&machine, true)));
        }
        let trust = if signed { ("ssl_ca_file", file.as_str()) } else { ("ssl_pin", pin.as_str()) };
        let done = verifying(server.port(), "doctor").options([trust]).run();
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
        assert_eq!(done.stdout.contains(words), expected, "{signed} {ends}: {}", done.stdout);
    }
}

#[test]
fn doctor_reads_the_dates_of_the_certificate() {
    let folder = TempDir::new("know-redfish");
    let authority = Authority::new();
    let file = folder.write("ca.pem", &String::from_utf8(authority.pem()).unwrap()).display().to_string();
    let signed = |days| authority.sign(&Maker { days: (-400, days), ..Maker::default() });
    let hexadecimal = |certificate: &Certificate| {
        certificate.sha256().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    };
    for (days, code, words) in [
        (200, 0, "fine     the certificate is verified, and ends in "),
        (20, 3, "warning  the certificate is verified, and ends in "),
        (-2, 1, ", and ended "),
    ] {
        let certificate = signed(days);
        let server = Setup { certificate: Some(certificate.clone()), ..whole() }.start();
        let done = verifying(server.port(), "doctor").options([("ssl_ca_file", &file)]).run();
        assert_eq!(done.code, Some(code), "{days}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains(words), "{days}: {}", done.stdout);
        let pin = hexadecimal(&certificate);
        // Nobody who isn't trusted gets the password.
        let told =
            server.requests().iter().any(|request| !request.raw.to_lowercase().contains("authorization"));
        assert!(told || code != 1);
        assert_eq!(done.stdout.contains(&pin), code == 1, "{days}: {}", done.stdout);
        assert_eq!(server.judgements() == 0, code == 1, "{days}");
        let done = verifying(server.port(), "doctor").options([("ssl_pin", &pin)]).run();
        assert_eq!(done.code, Some(0), "{days}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains("the certificate is the pinned one"), "{days}: {}", done.stdout);
    }
}

#[test]
fn doctor_has_nothing_to_say_of_a_service_with_which_all_is_well() {
    let server = whole().start();
    server.switch(SYSTEM, false);
    let pin: String = CERTIFICATE.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    let long = Maker { days: (-1, 400), ..Maker::default() }.self_signed();
    let lasting: String = long.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    let other = Setup { certificate: Some(long), ..whole() }.start();
    other.switch(SYSTEM, false);
    for (server, pin, expected) in [(&server, pin, 1), (&other, lasting, 0)] {
        let done = verifying(server.port(), "doctor")
            .options([("expect_uuid", UUID), ("ssl_pin", &pin), ("json", "1")])
            .run();
        let report = json(&done.stdout);
        let findings = report["findings"].as_array().unwrap().iter();
        let findings: Vec<_> = findings.filter(|finding| finding["severity"] != "fine").collect();
        assert_eq!((done.code, findings.len()), (Some(0), expected), "{findings:#?}");
    }
}

#[test]
fn a_port_in_the_address_is_no_part_of_the_name_that_doctor_looks_up() {
    let server = whole().start();
    for (address, words) in
        [("127.0.0.1", "127.0.0.1 needs no name service"), ("localhost", "localhost is a name")]
    {
        let address = format!("{address}:{}", server.port());
        let done = agent(&server, "doctor").options([("ip", address.as_str())]).run();
        assert!(
            done.stdout.contains(words) && done.code != Some(1),
            "{address}: {}{}",
            done.stdout,
            done.stderr
        );
    }
}
