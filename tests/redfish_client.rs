//! The Redfish client against services that behave, misbehave, and lie. The server's own books are the judge: what
//! power a machine really has, which requests came in, which credential reached whom.

#![cfg(test)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use fence_agents::base::{Deadline, Secret, Told};
use fence_agents::protocols::http;
use fence_agents::protocols::redfish::{
    Address, Client, Config, Credentials, Error, Link, PowerState, Progress, Reset, ResetType, System,
    Transport, Trust,
};
use peers::redfish::{
    Act, Authority, Certificate, Credential, Driver, Login, Maker, PASSWORD, ResetAnswer, Rule, Server,
    Setup, Sushy, USER,
};
use peers::{Dead, TempDir, until};
use serde_json::{Value, json};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const SYSTEMS: &str = "/redfish/v1/Systems";
const RESET: &str = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";

/// Long enough for a loaded machine: whoever runs into it hangs.
const LONG: Duration = Duration::from_secs(20);
/// For what is known to give no answer.
const SHORT: Duration = Duration::from_millis(400);

fn soon() -> Deadline {
    Deadline::after(LONG)
}

fn config(server: &Server) -> Config {
    let transport = if server.is_https() { Transport::Https(Trust::Unchecked) } else { Transport::Http };
    Config {
        address: Address { host: "127.0.0.1".into(), zone: None, port: server.port() },
        transport,
        root: "/redfish/v1".into(),
        credentials: Some(Credentials { user: USER.into(), password: Secret::new(PASSWORD) }),
        request_limit: LONG,
        proxy_from_environment: false,
    }
}

fn client(server: &Server) -> Client {
    Client::new(config(server), soon()).unwrap()
}

fn impatient(server: &Server) -> Client {
    Client::new(Config { request_limit: SHORT, ..config(server) }, soon()).unwrap()
}

fn wrong_password(server: &Server) -> Client {
    let credentials = Some(Credentials { user: USER.into(), password: Secret::new("not-the-password") });
    Client::new(Config { credentials, ..config(server) }, soon()).unwrap()
}

fn trusting(server: &Server, trust: Trust) -> Client {
    Client::new(Config { transport: Transport::Https(trust), ..config(server) }, soon()).unwrap()
}

/// The way an agent goes: root, Systems, the one member.
fn find(client: &mut Client) -> Result<System, Error> {
    let members = client.systems(soon())?;
    client.system(&members[0], soon())
}

fn state(client: &mut Client, link: &Link) -> Option<PowerState> {
    client.system(link, soon()).unwrap().power_state
}

fn with_rule(rule: Rule) -> Server {
    Setup { rules: vec![rule], ..Setup::default() }.start()
}

/// Asks for the one machine, given a rule for its GET.
fn look_under(act: Act) -> (Server, Result<System, Error>) {
    let server = with_rule(Rule::new("GET", SYSTEM, act));
    let result = find(&mut client(&server));
    (server, result)
}

/// Asks for ForceOff, given a rule for its POST.
fn off_under(rule: Rule) -> (Server, Result<Reset, Error>) {
    let server = with_rule(rule);
    let mut client = client(&server);
    let system = find(&mut client).unwrap();
    let result = client.reset(&system, ResetType::ForceOff, soon());
    (server, result)
}

fn no_credential_in(server: &Server) {
    for request in server.requests() {
        assert_eq!(request.credential, Credential::None, "{request:?}");
        assert!(!request.raw.contains(PASSWORD), "{request:?}");
    }
}

/// Runs the work and fails where it hangs, instead of hanging too.
fn without_hanging<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(LONG * 2).expect("it hangs, or has failed above")
}

/// A directory with a file in it, and the file's path.
fn file(name: &str, content: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new("redfish-client");
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

// The plain way.

#[test]
fn a_whole_run_takes_one_connection_and_says_who_it_is_only_where_needed() {
    for certificate in [None, Some(Maker::default().self_signed())] {
        let server = Setup { certificate, ..Setup::default() }.start();
        let mut client = client(&server);
        let system = find(&mut client).unwrap();
        assert_eq!(system.power_state, Some(PowerState::On));
        let off = client.reset(&system, ResetType::ForceOff, soon()).unwrap();
        assert!(matches!(off, Reset::Done { status: 204, .. }), "{off:?}");
        assert_eq!(state(&mut client, &system.link), Some(PowerState::Off));
        assert!(!server.is_on(SYSTEM));
        let _ = client.reset(&system, ResetType::On, soon()).unwrap();
        assert_eq!(state(&mut client, &system.link), Some(PowerState::On));
        assert_eq!(server.resets(SYSTEM), ["ForceOff", "On"]);
        client.close();
        assert_eq!(server.connections(), 1);
        let expected = ["GET /redfish/v1", "GET /redfish/v1/Systems", "GET /redfish/v1/Systems/1"];
        assert_eq!(server.log()[..3], expected);
        assert_eq!(server.log().len(), 7);
        let credentials: Vec<Credential> =
            server.requests().iter().map(|request| request.credential).collect();
        assert_eq!(credentials[0], Credential::None);
        assert!(credentials[1..].iter().all(|credential| *credential == Credential::Basic));
    }
}

#[test]
fn every_answer_keeps_the_connection_alive_also_an_error() {
    let server = Setup { already: Some(409), ..Setup::default() }.start();
    let mut client = client(&server);
    let system = find(&mut client).unwrap();
    assert!(matches!(client.reset(&system, ResetType::On, soon()), Ok(Reset::Refused { status: 409, .. })));
    let missing = client.link("/redfish/v1/Systems/none").unwrap();
    assert!(matches!(client.system(&missing, soon()), Err(Error::Status { status: 404, .. })));
    assert!(client.system(&system.link, soon()).is_ok());
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_system_given_by_its_uri_costs_one_request() {
    let server = Setup::default().start();
    let mut client = client(&server);
    let link = client.link(SYSTEM).unwrap();
    assert_eq!(client.system(&link, soon()).unwrap().id.as_ref().map(Told::raw), Some("1"));
    assert_eq!(server.log(), [format!("GET {SYSTEM}")]);
}

#[test]
fn a_service_that_wants_no_login_gets_none() {
    let server = Setup { login: Login::Open, ..Setup::default() }.start();
    let mut client = Client::new(Config { credentials: None, ..config(&server) }, soon()).unwrap();
    assert!(find(&mut client).is_ok());
    no_credential_in(&server);
}

#[test]
fn all_addresses_of_a_name_are_tried() {
    // The server listens on 127.0.0.1 alone; localhost is ::1 as well, where the machine has it.
    let server = Setup::default().start();
    let address = Address { host: "localhost".into(), zone: None, port: server.port() };
    let mut client = Client::new(Config { address, ..config(&server) }, soon()).unwrap();
    assert!(find(&mut client).is_ok());
}

#[test]
fn a_name_without_an_address_is_named() {
    let server = Setup::default().start();
    let address = Address { host: "no-such-host.invalid".into(), zone: None, port: server.port() };
    let result =
        without_hanging(move || Client::new(Config { address, ..config(&server) }, soon()).map(drop));
    assert!(
        matches!(&result, Err(Error::Http(http::Error::NoSuchHost { name, .. })) if name == "no-such-host.invalid"),
        "{result:?}"
    );
}

// Which machine.

#[test]
fn all_members_are_listed_across_pages() {
    let server = Setup { resources: Setup::machines(&["1", "2", "3"]), ..Setup::default() }.start();
    server.edit(SYSTEMS, |page| {
        page["Members"] = json!([{"@odata.id": SYSTEM}, {"@odata.id": "/redfish/v1/Systems/2"}]);
        page["Members@odata.nextLink"] = json!("/redfish/v1/Systems?$skip=2");
    });
    let last =
        json!({"Members": [{"@odata.id": "/redfish/v1/Systems/2/"}, {"@odata.id": "/redfish/v1/Systems/3"}]});
    server.add("/redfish/v1/Systems?$skip=2", last);
    let members = client(&server).systems(soon()).unwrap();
    let paths: Vec<&str> = members.iter().map(Link::path).collect();
    assert_eq!(paths, ["/redfish/v1/Systems/1", "/redfish/v1/Systems/2", "/redfish/v1/Systems/3"]);
}

#[test]
fn a_collection_without_end_is_an_error() {
    let server = Setup::default().start();
    server.edit(SYSTEMS, |page| page["Members@odata.nextLink"] = json!(SYSTEMS));
    let result = without_hanging(move || client(&server).systems(soon()));
    assert!(matches!(result, Err(Error::Http(http::Error::Unexpected { .. }))), "{result:?}");
}

#[test]
fn a_collection_or_root_that_is_none_is_an_error_that_says_what_is_missing() {
    for (path, field) in [("/redfish/v1", "Systems"), (SYSTEMS, "Members")] {
        let server = Setup::default().start();
        server.edit(path, |resource| drop(resource.as_object_mut().unwrap().remove(field)));
        if field == "Systems" {
            // Nor are they where they usually are.
            server.rule(Rule::new("GET", SYSTEMS, Act::status(404)));
        }
        let error = client(&server).systems(soon()).unwrap_err();
        assert!(
            matches!(&error, Error::Http(http::Error::Unexpected { what, .. }) if what.contains(field)),
            "{error:?}"
        );
    }
    let server = Setup::default().start();
    server.edit(SYSTEMS, |page| page["Members"] = json!([{"Id": "1"}]));
    assert!(matches!(client(&server).systems(soon()), Err(Error::Http(http::Error::Unexpected { .. }))));
}

#[test]
fn a_wrong_root_is_an_error_with_its_uri() {
    let server = Setup::default().start();
    let mut client = Client::new(Config { root: "/nowhere".into(), ..config(&server) }, soon()).unwrap();
    let error = client.systems(soon()).unwrap_err();
    // The service answers 401 for what it doesn't show to strangers, then 404.
    assert!(matches!(&error, Error::Status { status: 404, uri, .. } if uri == "GET /nowhere"), "{error:?}");
}

#[test]
fn a_collection_in_place_of_a_system_is_told_apart() {
    let server = Setup::default().start();
    let mut client = client(&server);
    let link = client.link(SYSTEMS).unwrap();
    assert!(matches!(client.system(&link, soon()), Err(Error::Http(http::Error::Unexpected { .. }))));
}

// Redirects and links.

#[test]
fn a_root_that_is_redirected_on_its_own_origin_is_followed() {
    for location in ["/redfish/v1/", "v1/"] {
        let redirect = Act::with_header(308, "Location", location);
        let server = with_rule(Rule::new("GET", "/redfish/v1", redirect));
        assert!(find(&mut client(&server)).is_ok());
        assert_eq!(server.log()[..2], ["GET /redfish/v1", "GET /redfish/v1/"]);
        assert_eq!(server.connections(), 1);
    }
    let server = Setup::default().start();
    let absolute = format!("{}/redfish/v1/", server.origin());
    server.rule(Rule::new("GET", "/redfish/v1", Act::with_header(301, "Location", &absolute)));
    assert!(find(&mut client(&server)).is_ok());
}

#[test]
fn a_redirect_in_circles_ends() {
    let server = with_rule(Rule::new("GET", SYSTEMS, Act::with_header(307, "Location", SYSTEMS)));
    let error = client(&server).systems(soon()).unwrap_err();
    assert!(matches!(error, Error::Http(http::Error::Unexpected { .. })), "{error:?}");
    assert!(server.log().len() < 10, "{:?}", server.log());
}

/// A server that has the same resources and would take the credentials gladly.
fn stranger() -> Server {
    Setup { login: Login::Open, ..Setup::default() }.start()
}

#[test]
fn nothing_is_sent_to_another_host_whichever_link_leads_there() {
    let away = stranger();
    let place = |path: &str| format!("{}{path}", away.origin());
    let check = |server: Server, result: Result<(), Error>, what: &str| {
        assert!(matches!(&result, Err(Error::Http(http::Error::ForeignLink { .. }))), "{what}: {result:?}");
        assert!(server.is_on(SYSTEM), "{what}");
    };
    for (method, path, status) in
        [("GET", "/redfish/v1", 302), ("GET", SYSTEMS, 301), ("GET", SYSTEM, 307), ("POST", RESET, 308)]
    {
        let server = with_rule(Rule::new(method, path, Act::with_header(status, "Location", &place(path))));
        let mut client = client(&server);
        let result = find(&mut client)
            .and_then(|system| client.reset(&system, ResetType::ForceOff, soon()))
            .map(|reset| panic!("{reset:?}"));
        check(server, result, path);
    }
    type Edit<'a> = (&'a str, &'a str, &'a str);
    let edits: [Edit; 5] = [
        ("/redfish/v1", "/Systems/@odata.id", SYSTEMS),
        (SYSTEMS, "/Members/0/@odata.id", SYSTEM),
        (SYSTEMS, "/Members@odata.nextLink", SYSTEMS),
        (SYSTEM, "/Actions/#ComputerSystem.Reset/target", RESET),
        (SYSTEM, "/Actions/#ComputerSystem.Reset/@Redfish.ActionInfo", "/info"),
    ];
    for (resource, pointer, path) in edits {
        let server = Setup::default().start();
        server.edit(SYSTEMS, |page| page["Members@odata.nextLink"] = Value::Null);
        server.edit(SYSTEM, |system| {
            let action = &mut system["Actions"]["#ComputerSystem.Reset"];
            action.as_object_mut().unwrap().remove("ResetType@Redfish.AllowableValues");
            action["@Redfish.ActionInfo"] = Value::Null;
        });
        server.edit(resource, |value| *value.pointer_mut(pointer).unwrap() = json!(place(path)));
        let mut client = client(&server);
        let result = find(&mut client)
            .and_then(|system| client.allowed_resets(&system, soon()).map(|_| system))
            .and_then(|system| client.reset(&system, ResetType::ForceOff, soon()))
            .map(|reset| panic!("{reset:?}"));
        check(server, result, pointer);
    }
    assert_eq!(away.connections(), 0, "{:?}", away.requests());
}

#[test]
fn a_system_with_a_foreign_target_can_still_be_looked_at() {
    let server = Setup::default().start();
    server.edit(SYSTEM, |system| {
        system["Actions"]["#ComputerSystem.Reset"]["target"] = json!("https://192.0.2.1/x")
    });
    assert_eq!(find(&mut client(&server)).unwrap().power_state, Some(PowerState::On));
}

#[test]
fn a_token_stays_on_its_origin_too() {
    let away = stranger();
    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    let elsewhere = format!("{}{SYSTEM}", away.origin());
    server.rule(Rule::new("GET", SYSTEM, Act::with_header(307, "Location", &elsewhere)));
    assert!(matches!(find(&mut client(&server)), Err(Error::Http(http::Error::ForeignLink { .. }))));
    assert_eq!(away.connections(), 0);
    assert_eq!((server.sessions_made(), server.open_sessions()), (1, 0));
}

#[test]
fn a_session_that_says_it_stands_elsewhere_is_not_ended_there() {
    let away = stranger();
    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    let place = ("Location".to_owned(), format!("{}{SESSIONS}/1", away.origin()));
    let headers = vec![("X-Auth-Token".to_owned(), "token-of-session-1".to_owned()), place];
    server.rule(Rule::new("POST", SESSIONS, Act::Answer(201, headers, "{}".into())));
    assert!(find(&mut client(&server)).is_err());
    assert_eq!(away.connections(), 0);
}

#[test]
fn an_absolute_target_on_the_same_origin_is_used() {
    let server = Setup::default().start();
    let target = format!("{}{RESET}", server.origin());
    server.edit(SYSTEM, |system| system["Actions"]["#ComputerSystem.Reset"]["target"] = json!(target));
    let mut client = client(&server);
    let system = find(&mut client).unwrap();
    assert!(matches!(client.reset(&system, ResetType::ForceOff, soon()), Ok(Reset::Done { .. })));
    assert!(!server.is_on(SYSTEM));
}

#[test]
fn a_redirected_reset_keeps_its_method_or_is_not_followed() {
    let slash = format!("{RESET}/");
    let (server, result) = off_under(Rule::new("POST", RESET, Act::with_header(308, "Location", &slash)));
    assert!(matches!(result, Ok(Reset::Done { .. })), "{result:?}");
    assert!(!server.is_on(SYSTEM));
    let (server, result) = off_under(Rule::new("POST", RESET, Act::with_header(302, "Location", &slash)));
    assert!(matches!(result, Err(Error::Status { status: 302, .. })), "{result:?}");
    assert!(server.is_on(SYSTEM));
}

// Logging in.

#[test]
fn a_service_that_wants_a_session_gets_one_and_loses_it_afterwards() {
    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    let mut client = client(&server);
    let system = find(&mut client).unwrap();
    let _ = client.reset(&system, ResetType::ForceOff, soon()).unwrap();
    assert_eq!((server.sessions_made(), server.open_sessions()), (1, 1));
    client.close();
    assert_eq!((server.sessions_made(), server.open_sessions()), (1, 0));
    assert_eq!(server.connections(), 1);
    assert!(!server.is_on(SYSTEM));
    let tokens = server.requests().iter().filter(|request| request.credential == Credential::Token).count();
    // Systems, the system, the reset, the farewell.
    assert_eq!(tokens, 4, "{:?}", server.log());
}

#[test]
fn the_session_is_ended_after_a_failure_and_after_the_deadline() {
    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    server.rule(Rule::new("GET", SYSTEM, Act::status(500)));
    assert!(find(&mut client(&server)).is_err());
    assert_eq!((server.sessions_made(), server.open_sessions()), (1, 0));

    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    let mut client = client(&server);
    let link = find(&mut client).unwrap().link;
    let passed = Deadline::after(Duration::ZERO);
    assert!(matches!(client.system(&link, passed), Err(Error::Http(http::Error::TimeOver { .. }))));
    drop(client);
    assert_eq!(server.open_sessions(), 0);
}

#[test]
fn ending_the_session_does_not_wait_for_a_service_that_went_silent() {
    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    server.rule(Rule::new("DELETE", &format!("{SESSIONS}/1"), Act::Silence));
    let mut client = Client::new(Config { request_limit: LONG * 100, ..config(&server) }, soon()).unwrap();
    find(&mut client).unwrap();
    without_hanging(move || client.close());
    assert_eq!(server.log().last().unwrap(), &format!("DELETE {SESSIONS}/1"));
}

#[test]
fn a_session_forgotten_midway_is_opened_again_once() {
    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    let mut client = client(&server);
    let link = find(&mut client).unwrap().link;
    server.forget_sessions();
    assert!(client.system(&link, soon()).is_ok());
    assert_eq!(server.sessions_made(), 2);
    server.forget_sessions();
    assert!(matches!(client.system(&link, soon()), Err(Error::LoginDenied { .. })));
    assert_eq!(server.sessions_made(), 2);
}

#[test]
fn a_wrong_password_is_held_against_the_account_once() {
    for login in [Login::Basic, Login::Session] {
        let server = Setup { login, ..Setup::default() }.start();
        let mut client = wrong_password(&server);
        for _ in 0..3 {
            let error = find(&mut client).unwrap_err();
            assert!(matches!(error, Error::LoginDenied { .. }) && !error.is_transient(), "{error:?}");
        }
        assert_eq!(server.judgements(), 1, "{login:?}: {:?}", server.log());
    }
}

#[test]
fn a_service_that_hides_why_it_denied_basic_sees_the_password_twice_and_no_more() {
    let server = Setup { login: Login::BasicUnadvertised, ..Setup::default() }.start();
    let mut client = wrong_password(&server);
    for _ in 0..3 {
        assert!(matches!(find(&mut client), Err(Error::LoginDenied { .. })));
    }
    assert_eq!(server.judgements(), 2, "{:?}", server.log());
}

#[test]
fn a_verdict_in_the_message_keeps_the_password_from_a_second_try() {
    let verdict = Act::error(401, "iLO.2.15.UnauthorizedLoginAttempt", "No.");
    let server = with_rule(Rule::new("GET", SYSTEMS, verdict));
    let error = find(&mut wrong_password(&server)).unwrap_err();
    assert!(error.message().is_some_and(|message| message.is("UnauthorizedLoginAttempt")), "{error:?}");
    assert!(!server.log().contains(&format!("POST {SESSIONS}")), "{:?}", server.log());
}

#[test]
fn basic_that_is_taken_without_being_advertised_needs_no_session() {
    let server = Setup { login: Login::BasicUnadvertised, ..Setup::default() }.start();
    assert!(find(&mut client(&server)).is_ok());
    assert_eq!(server.sessions_made(), 0);
}

#[test]
fn a_service_without_sessions_leaves_it_at_its_first_no() {
    for status in [404, 405, 501] {
        let server = Setup { login: Login::Session, ..Setup::default() }.start();
        server.rule(Rule::new("POST", SESSIONS, Act::status(status)));
        let error = find(&mut client(&server)).unwrap_err();
        assert!(matches!(&error, Error::LoginDenied { uri, .. } if uri.contains(SYSTEMS)), "{error:?}");
    }
}

#[test]
fn a_busy_session_service_is_asked_again_without_trying_basic_anew() {
    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    server.rule(Rule::new("POST", SESSIONS, Act::with_header(503, "Retry-After", "7")).times(1));
    let mut client = client(&server);
    let error = find(&mut client).unwrap_err();
    assert_eq!((error.is_transient(), error.retry_after()), (true, Some(Duration::from_secs(7))));
    assert!(find(&mut client).is_ok());
    let basic = server.requests().iter().filter(|request| request.credential == Credential::Basic).count();
    assert_eq!(basic, 1, "{:?}", server.log());
}

#[test]
fn a_root_that_wants_a_login_gets_it() {
    let server = Setup::default().start();
    let challenge = Act::with_header(401, "WWW-Authenticate", "Basic realm=\"all\"");
    server.rule(Rule::new("GET", "/redfish/v1", challenge).times(1));
    assert!(find(&mut client(&server)).is_ok());
    assert_eq!(server.requests()[1].credential, Credential::Basic);
}

// What the service says.

#[test]
fn only_off_is_off_and_what_is_missing_is_none() {
    for (said, expected) in [
        (json!("PoweringOff"), Some(PowerState::PoweringOff)),
        (json!("PoweringOn"), Some(PowerState::PoweringOn)),
        (json!("Paused"), Some(PowerState::Paused)),
        (json!("Standby"), Some(PowerState::Other("Standby".into()))),
        (json!(null), None),
    ] {
        let server = Setup::default().start();
        server.edit(SYSTEM, |system| system["PowerState"] = said);
        assert_eq!(find(&mut client(&server)).unwrap().power_state, expected);
    }
    let server = Setup::default().start();
    server.edit(SYSTEM, |system| drop(system.as_object_mut().unwrap().remove("PowerState")));
    assert_eq!(find(&mut client(&server)).unwrap().power_state, None);
}

#[test]
fn a_system_without_actions_is_read_but_not_reset() {
    let server = Setup::default().start();
    server.edit(SYSTEM, |system| drop(system.as_object_mut().unwrap().remove("Actions")));
    let mut client = client(&server);
    let system = find(&mut client).unwrap();
    assert!(system.reset.is_none() && system.power_state.is_some());
    assert_eq!(client.allowed_resets(&system, soon()), Ok(None));
    let result = client.reset(&system, ResetType::ForceOff, soon());
    assert!(matches!(result, Err(Error::Http(http::Error::Unexpected { .. }))), "{result:?}");
    assert!(!server.log().iter().any(|line| line.starts_with("POST")), "{:?}", server.log());
}

#[test]
fn the_allowed_values_are_found_behind_action_info() {
    let server = Setup::default().start();
    server.edit(SYSTEM, |system| {
        system["Actions"]["#ComputerSystem.Reset"] = json!({"target": RESET, "@Redfish.ActionInfo": "/info"});
    });
    let other = json!({"Name": "Other", "AllowableValues": ["x"]});
    let reset = json!({"Name": "ResetType", "AllowableValues": ["ForceOn", "ForceOff"]});
    server.add("/info", json!({"Parameters": [other, reset]}));
    let mut client = client(&server);
    let system = find(&mut client).unwrap();
    let allowed = client.allowed_resets(&system, soon()).unwrap().unwrap();
    assert_eq!(allowed, ["ForceOn", "ForceOff"]);
}

#[test]
fn a_delayed_change_is_seen_as_it_goes() {
    let server = Setup { delay: SHORT, ..Setup::default() }.start();
    let mut client = client(&server);
    let system = find(&mut client).unwrap();
    let _ = client.reset(&system, ResetType::ForceOff, soon()).unwrap();
    let mut seen = vec![state(&mut client, &system.link)];
    let start = Instant::now();
    while seen.last() != Some(&Some(PowerState::Off)) && start.elapsed() < LONG {
        let now = state(&mut client, &system.link);
        // Off is said only when it is true.
        assert!(now != Some(PowerState::Off) || !server.is_on(SYSTEM));
        seen.push(now);
    }
    seen.dedup();
    // On a loaded machine the first look may come after the change.
    assert!(
        [&[Some(PowerState::PoweringOff), Some(PowerState::Off)][..], &[Some(PowerState::Off)]]
            .contains(&&*seen)
    );
}

// What a reset comes to.

#[test]
fn an_accepted_reset_with_a_task_is_followed_to_its_end() {
    for (end, well) in [("Completed", true), ("Exception", false), ("Killed", false), ("Cancelled", false)] {
        let server = Setup { reset: ResetAnswer::Task(2, end), ..Setup::default() }.start();
        let mut client = client(&server);
        let system = find(&mut client).unwrap();
        let Ok(Reset::Accepted { task: Some(task) }) = client.reset(&system, ResetType::ForceOff, soon())
        else {
            panic!("no task")
        };
        assert_eq!(client.task(&task, soon()), Ok(Progress::Running { retry_after: None }));
        match client.follow(&task, soon()).unwrap() {
            Progress::Completed => assert!(well, "{end}"),
            Progress::Failed { state, .. } => assert!(!well && state == end, "{end}"),
            other => panic!("{end}: {other:?}"),
        }
    }
}

#[test]
fn a_task_without_end_is_followed_until_the_deadline() {
    let server = Setup { reset: ResetAnswer::Task(usize::MAX, ""), ..Setup::default() }.start();
    let mut client = client(&server);
    let system = find(&mut client).unwrap();
    let Ok(Reset::Accepted { task: Some(task) }) = client.reset(&system, ResetType::ForceOff, soon()) else {
        panic!("no task")
    };
    let progress = without_hanging(move || client.follow(&task, Deadline::after(SHORT * 2)));
    assert!(
        matches!(progress, Ok(Progress::Running { .. }) | Err(Error::Http(http::Error::TimeOver { .. }))),
        "{progress:?}"
    );
}

#[test]
fn a_task_that_is_gone_or_refused_is_no_success() {
    let place = "/redfish/v1/TaskService/Tasks/2";
    for (act, expected) in [
        (Act::status(404), Progress::Gone),
        (Act::status(410), Progress::Gone),
        (Act::status(409), Progress::Failed { state: "HTTP 409".into(), message: None }),
    ] {
        let server = Setup { reset: ResetAnswer::Task(0, "Completed"), ..Setup::default() }.start();
        server.rule(Rule::new("GET", place, act));
        let mut client = client(&server);
        let system = find(&mut client).unwrap();
        let Ok(Reset::Accepted { task: Some(task) }) = client.reset(&system, ResetType::ForceOff, soon())
        else {
            panic!("no task")
        };
        assert_eq!(client.follow(&task, soon()), Ok(expected));
    }
}

#[test]
fn an_accepted_reset_without_a_task_is_only_accepted() {
    let (server, result) = off_under(Rule::new("POST", RESET, Act::status(202)));
    assert!(matches!(result, Ok(Reset::Accepted { task: None })), "{result:?}");
    // The judge: nothing has happened.
    assert!(server.is_on(SYSTEM));
}

#[test]
fn a_task_elsewhere_is_not_asked() {
    let away = stranger();
    let elsewhere = format!("{}/redfish/v1/TaskService/Tasks/1", away.origin());
    let (_server, result) =
        off_under(Rule::new("POST", RESET, Act::with_header(202, "Location", &elsewhere)));
    assert!(matches!(result, Ok(Reset::Accepted { task: None })), "{result:?}");
    assert_eq!(away.connections(), 0);
}

#[test]
fn a_reset_that_is_done_tells_its_status() {
    for status in [200, 201, 204] {
        let server = Setup { reset: ResetAnswer::Status(status), ..Setup::default() }.start();
        let mut client = client(&server);
        let system = find(&mut client).unwrap();
        let result = client.reset(&system, ResetType::ForceOff, soon());
        assert!(matches!(result, Ok(Reset::Done { status: told, .. }) if told == status), "{result:?}");
        assert!(!server.is_on(SYSTEM));
    }
}

#[test]
fn a_reset_refused_because_it_is_so_already_carries_the_reason() {
    for status in [400, 409] {
        let server = Setup { already: Some(status), ..Setup::default() }.start();
        let mut client = client(&server);
        let system = find(&mut client).unwrap();
        let Ok(Reset::Refused { status: told, message: Some(message) }) =
            client.reset(&system, ResetType::On, soon())
        else {
            panic!("not refused")
        };
        assert_eq!(told, status);
        assert!(message.is("PSU501"), "{message}");
        assert!(server.resets(SYSTEM).is_empty());
    }
}

#[test]
fn a_forbidden_reset_is_final_and_names_the_privilege() {
    let act = Act::error(403, "Base.1.18.InsufficientPrivilege", "Not for you.");
    let (server, result) = off_under(Rule::new("POST", RESET, act));
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Forbidden { .. }) && !error.is_transient(), "{error:?}");
    let shown = error.to_string();
    assert!(
        ["403", "Not for you.", "InsufficientPrivilege", RESET].iter().all(|part| shown.contains(part)),
        "{shown}"
    );
    assert_eq!(server.log().iter().filter(|line| line.starts_with("POST")).count(), 1);
}

#[test]
fn a_failed_reset_is_final_and_tells_why() {
    let act = Act::error(500, "Base.1.18.InternalError", "Smoke.");
    let (server, result) = off_under(Rule::new("POST", RESET, act));
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Status { status: 500, .. }) && !error.is_transient(), "{error:?}");
    assert!(error.to_string().contains("Smoke. (Base.1.18.InternalError)"), "{error}");
    assert_eq!(server.log().iter().filter(|line| line.starts_with("POST")).count(), 1);
}

#[test]
fn a_service_that_wants_the_etag_gets_it_once_as_given() {
    for status in [412, 428] {
        let server = Setup { wants_etag: Some(status), ..Setup::default() }.start();
        let mut client = client(&server);
        let system = find(&mut client).unwrap();
        assert!(matches!(client.reset(&system, ResetType::ForceOff, soon()), Ok(Reset::Done { .. })));
        assert!(!server.is_on(SYSTEM));
        let posts: Vec<_> =
            server.requests().into_iter().filter(|request| request.method == "POST").collect();
        assert_eq!(
            posts.iter().map(|post| post.if_match.as_deref()).collect::<Vec<_>>(),
            [None, Some("W/\"1\"")]
        );
    }
    let (server, result) = off_under(Rule::new("POST", RESET, Act::status(412)));
    assert!(matches!(result, Err(Error::Status { status: 412, .. })), "{result:?}");
    assert_eq!(server.log().iter().filter(|line| line.starts_with("POST")).count(), 2);
}

#[test]
fn a_busy_service_names_the_pause() {
    for (status, header, pause) in [
        (503, "3", Some(Duration::from_secs(3))),
        (429, "120", Some(Duration::from_secs(120))),
        (504, "Fri, 31 Dec 1999 23:59:59 GMT", None),
        (502, "-1", None),
        (503, "999999999999999999999", None),
    ] {
        let (_server, result) = look_under(Act::with_header(status, "Retry-After", header));
        let error = result.unwrap_err();
        assert!(error.is_transient() && error.retry_after() == pause, "{status} {header}: {error:?}");
    }
}

#[test]
fn a_web_page_is_no_redfish_answer() {
    let page = Act::Answer(200, Vec::new(), "<!DOCTYPE html><title>PowerState Off</title>".into());
    let (_server, result) = look_under(page);
    assert!(
        matches!(&result, Err(Error::Http(http::Error::Unexpected { what, .. })) if what.contains("web page")),
        "{result:?}"
    );
    let server = with_rule(Rule::new("GET", "/redfish/v1", Act::Answer(200, Vec::new(), "<html>".into())));
    let error = find(&mut client(&server)).unwrap_err();
    // On first contact this is no Redfish service; from a known one it may be a moment of its restart.
    assert!(!error.is_transient() && result.unwrap_err().is_transient(), "{error:?}");
}

#[test]
fn what_is_no_json_object_is_an_error() {
    for body in
        ["", "null", "[]", "\"Off\"", "{\"PowerState\":\"Off\"} x", "Off", "{'PowerState': 'Off'}", "\0\0"]
    {
        let (_server, result) = look_under(Act::Answer(200, Vec::new(), body.into()));
        assert!(matches!(result, Err(Error::Http(http::Error::Unexpected { .. }))), "{body:?}: {result:?}");
    }
    let deep = "{\"a\":".repeat(100_000);
    let (_server, result) = look_under(Act::Answer(200, Vec::new(), deep));
    assert!(
        matches!(
            result,
            Err(Error::Http(http::Error::Unexpected { .. }) | Error::Http(http::Error::Dropped { .. }))
        ),
        "{result:?}"
    );
}

#[test]
fn a_hundred_megabytes_are_not_read() {
    for act in [Act::Huge, Act::HugeAnnounced] {
        let (_server, result) = without_hanging(|| look_under(act));
        assert!(matches!(result, Err(Error::Http(http::Error::TooLarge { .. }))), "{result:?}");
    }
}

#[test]
fn an_answer_cut_short_is_no_answer() {
    for act in [Act::CutShort, Act::CutJson, Act::Close] {
        let (_server, result) = look_under(act);
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Http(http::Error::Dropped { .. })) && error.is_transient(),
            "{error:?}"
        );
    }
}

#[test]
fn a_dropped_connection_is_replaced_by_the_next_request() {
    let server = with_rule(Rule::new("GET", SYSTEM, Act::CutShort).times(1));
    let mut client = client(&server);
    assert!(matches!(find(&mut client), Err(Error::Http(http::Error::Dropped { .. }))));
    assert!(find(&mut client).is_ok());
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_reset_whose_answer_is_lost_is_not_sent_again_by_the_client() {
    for act in [Act::Close, Act::status(500)] {
        let rules = vec![Rule::new("POST", RESET, act).obeying()];
        let server = Setup { rules, reset: ResetAnswer::Status(200), ..Setup::default() }.start();
        let mut client = client(&server);
        let system = find(&mut client).unwrap();
        let result = client.reset(&system, ResetType::ForceOff, soon());
        assert!(
            matches!(
                result,
                Err(Error::Http(http::Error::Dropped { .. }) | Error::Status { status: 500, .. })
            ),
            "{result:?}"
        );
        assert_eq!(server.resets(SYSTEM), ["ForceOff"]);
        assert!(!server.is_on(SYSTEM));
    }
}

/// The status line is there before the body, and says what became of the command.
#[test]
fn a_status_counts_also_when_its_body_breaks_off() {
    for act in [Act::CutShort, Act::CutJson] {
        let rules = vec![Rule::new("POST", RESET, act).obeying()];
        let server = Setup { rules, reset: ResetAnswer::Status(200), ..Setup::default() }.start();
        let mut client = client(&server);
        let system = find(&mut client).unwrap();
        let result = client.reset(&system, ResetType::ForceOff, soon());
        assert!(matches!(result, Ok(Reset::Done { status: 200, .. })), "{result:?}");
        assert_eq!(server.resets(SYSTEM), ["ForceOff"]);
        assert_eq!(state(&mut client, &system.link), Some(PowerState::Off));
    }
}

#[test]
fn a_stray_answer_is_never_taken_for_the_next_one() {
    let mut lie: Value = json!({"@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem", "Id": "1"});
    lie["PowerState"] = json!("Off");
    let server = with_rule(Rule::new("GET", SYSTEM, Act::Stray(lie.to_string())));
    let mut client = client(&server);
    let link = client.link(SYSTEM).unwrap();
    for _ in 0..20 {
        match client.system(&link, soon()) {
            Ok(system) => assert_eq!(system.power_state, Some(PowerState::On)),
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
    }
}

// Time.

#[test]
fn silence_and_dripping_end_at_the_limit_of_the_request() {
    for act in [Act::Silence, Act::Drip, Act::DripHead] {
        let error = without_hanging(|| {
            let server = with_rule(Rule::new("GET", SYSTEM, act));
            find(&mut impatient(&server)).unwrap_err()
        });
        assert!(
            matches!(error, Error::Http(http::Error::Silent { waited, .. }) if waited == SHORT),
            "{error:?}"
        );
        assert!(error.is_transient());
    }
}

#[test]
fn silence_and_dripping_end_at_the_deadline() {
    for act in [Act::Silence, Act::Drip, Act::DripHead] {
        let error = without_hanging(|| {
            let server = with_rule(Rule::new("GET", SYSTEM, act));
            let mut client = client(&server);
            let link = client.link(SYSTEM).unwrap();
            client.system(&link, Deadline::after(SHORT)).unwrap_err()
        });
        assert!(
            matches!(error, Error::Http(http::Error::TimeOver { .. })) && !error.is_transient(),
            "{error:?}"
        );
    }
}

#[test]
fn a_server_that_never_speaks_tls_ends_at_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let error = without_hanging(move || {
        let config = Config {
            address: Address { host: "127.0.0.1".into(), zone: None, port },
            transport: Transport::Https(Trust::Unchecked),
            request_limit: SHORT,
            ..config(&stranger())
        };
        Client::new(config, soon()).unwrap().root(soon()).unwrap_err()
    });
    assert!(matches!(error, Error::Http(http::Error::Silent { .. })), "{error:?}");
    drop(listener);
}

#[test]
fn a_passed_deadline_sends_nothing() {
    let server = Setup::default().start();
    let error = client(&server).root(Deadline::after(Duration::ZERO)).unwrap_err();
    assert!(matches!(error, Error::Http(http::Error::TimeOver { .. })), "{error:?}");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_refused_connection_is_final_on_first_contact_only() {
    let server = Setup::default().start();
    let mut known = client(&server);
    let mut unknown = client(&server);
    let link = find(&mut known).unwrap().link;
    server.rule(Rule::new("GET", SYSTEM, Act::Close));
    assert!(matches!(known.system(&link, soon()), Err(Error::Http(http::Error::Dropped { .. }))));
    let port = server.port();
    drop(server);
    let mut dead = None;
    assert!(until(LONG, || {
        dead = Dead::tcp_at(port);
        dead.is_some()
    }));
    let error = unknown.system(&link, soon()).unwrap_err();
    assert!(matches!(error, Error::Http(http::Error::Refused { .. })) && !error.is_transient(), "{error:?}");
    let error = known.system(&link, soon()).unwrap_err();
    assert!(matches!(error, Error::Http(http::Error::Refused { .. })) && error.is_transient(), "{error:?}");
}

// TLS.

fn secure(certificate: Certificate) -> Server {
    Setup { certificate: Some(certificate), ..Setup::default() }.start()
}

#[test]
fn a_certificate_is_checked_against_the_ca_file() {
    let authority = Authority::new();
    let (_folder, file) = file("ca.pem", &authority.pem());
    let trust = Trust::Authorities(file);
    let server = secure(authority.sign(&Maker::default()));
    assert!(find(&mut trusting(&server, trust.clone())).is_ok());
    assert_eq!(server.connections(), 1);
    for (what, certificate) in [
        ("another authority", Authority::new().sign(&Maker::default())),
        ("self-signed", Maker::default().self_signed()),
        ("another name", authority.sign(&Maker { names: vec!["other.example"], ..Maker::default() })),
        ("another address", authority.sign(&Maker { names: vec!["127.0.0.2"], ..Maker::default() })),
        ("expired", authority.sign(&Maker { days: (-3, -1), ..Maker::default() })),
        ("not yet", authority.sign(&Maker { days: (1, 3), ..Maker::default() })),
    ] {
        let server = secure(certificate);
        let error = find(&mut trusting(&server, trust.clone())).unwrap_err();
        assert!(
            matches!(error, Error::Http(http::Error::Tls { .. })) && !error.is_transient(),
            "{what}: {error:?}"
        );
        assert!(error.to_string().contains("certificate"), "{what}: {error}");
        assert!(server.requests().is_empty(), "{what}");
    }
}

#[test]
fn a_directory_of_authorities_serves_as_well() {
    let authority = Authority::new();
    let (folder, other) = file("README", b"no certificate");
    fs::write(other.with_file_name("0a1b2c3d.0"), authority.pem()).unwrap();
    let server = secure(authority.sign(&Maker::default()));
    assert!(find(&mut trusting(&server, Trust::Authorities(folder.path().into()))).is_ok());
}

#[test]
fn a_self_signed_certificate_is_its_own_authority_where_it_is_the_ca_file() {
    for authority in [false, true] {
        let certificate = Maker { authority, ..Maker::default() }.self_signed();
        let (_folder, file) = file("self.pem", &certificate.pem());
        let trust = Trust::Authorities(file);
        let server = secure(certificate);
        assert!(find(&mut trusting(&server, trust)).is_ok(), "authority: {authority}");
    }
}

#[test]
fn the_systems_authorities_do_not_vouch_for_a_stranger() {
    let server = secure(Authority::new().sign(&Maker::default()));
    let error = find(&mut trusting(&server, Trust::System)).unwrap_err();
    assert!(matches!(error, Error::Http(http::Error::Tls { .. })), "{error:?}");
    assert!(server.requests().is_empty());
}

#[test]
fn without_checks_every_old_certificate_will_do() {
    for maker in [
        Maker { rsa: Some(1024), ..Maker::default() },
        Maker { rsa: Some(2048), authority: true, days: (-5000, -1000), ..Maker::default() },
        Maker { names: vec!["other.example"], ..Maker::default() },
        Maker { names: vec![], ..Maker::default() },
    ] {
        assert!(find(&mut client(&secure(maker.self_signed()))).is_ok());
    }
}

#[test]
fn a_pinned_certificate_will_do_whatever_else_is_wrong_with_it() {
    let certificate =
        Maker { names: vec!["other.example"], days: (-3, -1), ..Maker::default() }.self_signed();
    let trust = Trust::Pinned(certificate.sha256());
    let server = secure(certificate);
    assert!(find(&mut trusting(&server, trust)).is_ok());
    assert_eq!(server.connections(), 1);
}

#[test]
fn another_certificate_than_the_pinned_one_gets_no_request_at_all() {
    let certificate = Maker::default().self_signed();
    let server = secure(Maker::default().self_signed());
    let shown = trusting(&server, Trust::Pinned(certificate.sha256())).root(soon()).unwrap_err();
    assert!(
        matches!(&shown, Error::Http(http::Error::Tls { why, .. }) if why.contains("SHA-256")),
        "{shown:?}"
    );
    assert!(!shown.is_transient());
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[test]
fn the_pin_counts_on_every_connection_not_on_the_first_alone() {
    let certificate = Maker::default().self_signed();
    let trust = Trust::Pinned(certificate.sha256());
    let honest = secure(certificate);
    honest.rule(Rule::new("GET", SYSTEM, Act::Close));
    let thief = secure(Maker::default().self_signed());
    let port = switchboard(vec![honest.port(), thief.port()]);
    let address = Address { host: "127.0.0.1".into(), zone: None, port };
    let config = Config { address, transport: Transport::Https(trust), ..config(&honest) };
    let mut client = Client::new(config, soon()).unwrap();
    assert!(matches!(find(&mut client), Err(Error::Http(http::Error::Dropped { .. }))));
    let error = find(&mut client).unwrap_err();
    assert!(matches!(error, Error::Http(http::Error::Tls { .. })), "{error:?}");
    assert!(thief.requests().is_empty() && thief.connections() == 1, "{:?}", thief.requests());
}

/// Passes the first connection on to the first port, the second to the second, and so on.
fn switchboard(ports: Vec<u16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for (target, incoming) in ports.into_iter().zip(listener.incoming()) {
            let (near, far) = (incoming.unwrap(), TcpStream::connect(("127.0.0.1", target)).unwrap());
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                thread::spawn(move || {
                    let mut chunk = [0; 4096];
                    while let Ok(taken @ 1..) = from.read(&mut chunk) {
                        if to.write_all(&chunk[..taken]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    port
}

#[test]
fn plain_http_on_a_port_of_tls_is_an_error_without_a_credential() {
    let server = Setup::default().start();
    let transport = Transport::Https(Trust::Unchecked);
    let config = Config { transport, request_limit: SHORT, ..config(&server) };
    let error = Client::new(config, soon()).unwrap().root(soon());
    assert!(error.is_err());
    no_credential_in(&server);
}

// Secrets and surroundings.

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Keeper;

impl log::Log for Keeper {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        LINES.lock().unwrap().push(format!("{} {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}

#[test]
fn no_secret_gets_into_the_log_an_error_or_debug_output() {
    static START: Once = Once::new();
    START.call_once(|| {
        log::set_logger(&Keeper).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    let mut shown = Vec::new();
    for login in [Login::Basic, Login::Session] {
        let server =
            Setup { login, certificate: Some(Maker::default().self_signed()), ..Setup::default() }.start();
        let config = config(&server);
        shown.push(format!("{config:?}"));
        let mut client = Client::new(config, soon()).unwrap();
        let system = find(&mut client).unwrap();
        let _ = client.reset(&system, ResetType::ForceOff, soon()).unwrap();
        shown.push(format!("{client:?} {system:?}"));
        client.close();
    }
    // The service repeats the password that it was given.
    let server = Setup { login: Login::Session, ..Setup::default() }.start();
    let error = find(&mut wrong_password(&server)).unwrap_err();
    assert!(error.to_string().contains("***"), "{error}");
    shown.push(format!("{error} {error:?}"));
    shown.extend(LINES.lock().unwrap().iter().cloned());
    assert!(shown.iter().any(|line| line.contains("ResetType ForceOff")), "the log was not kept");
    let basic = "b3BlcmF0b3I6"; // operator:
    for line in shown {
        for secret in [PASSWORD, "not-the-password", "token-of-session", basic] {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[test]
fn credentials_that_cannot_be_carried_are_refused_first() {
    let server = Setup::default().start();
    for (user, password) in [("a:b", &b"x"[..]), ("a", &b"\xff"[..])] {
        let credentials = Some(Credentials { user: user.into(), password: Secret::new(password) });
        let result = Client::new(Config { credentials, ..config(&server) }, soon());
        assert!(matches!(result, Err(Error::Http(http::Error::BadCredentials { .. }))), "{user:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_old_device_works_where_the_systems_policy_lets_it_and_nowhere_else() {
    const MARK: &str = "REDFISH_TEST_POLICY";
    let certificate = Maker { rsa: Some(1024), ..Maker::default() }.self_signed();
    let server = Setup { old_tls: true, certificate: Some(certificate), ..Setup::default() }.start();
    let result = find(&mut client(&server));
    match std::env::var(MARK).as_deref() {
        Ok("lax") => assert!(result.is_ok(), "{result:?}"),
        Ok(_) => assert!(matches!(result, Err(Error::Http(http::Error::Tls { .. }))), "{result:?}"),
        Err(_) => {
            for (name, level) in [("lax", 0), ("strict", 2)] {
                let policy = format!(
                    "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n\
                     CipherString = DEFAULT@SECLEVEL={level}\n"
                );
                let (_folder, file) = file("openssl.cnf", policy.as_bytes());
                let test = "an_old_device_works_where_the_systems_policy_lets_it_and_nowhere_else";
                elsewhere(test, &[(MARK, name), ("OPENSSL_CONF", &file.display().to_string())]);
            }
        }
    }
}

/// Runs a test of this file in a process of its own, with another environment.
fn elsewhere(test: &str, environment: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_proxy_in_the_environment_does_not_count() {
    let proxy = stranger();
    let place = format!("http://127.0.0.1:{}", proxy.port());
    let names = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let environment: Vec<(&str, &str)> = names.iter().map(|name| (*name, place.as_str())).collect();
    elsewhere("a_whole_run_takes_one_connection_and_says_who_it_is_only_where_needed", &environment);
    assert_eq!(proxy.connections(), 0);
}

#[test]
fn a_proxy_in_the_environment_counts_where_it_is_asked_for() {
    const MARK: &str = "REDFISH_TEST_PROXY";
    if std::env::var_os(MARK).is_some() {
        let server = Setup::default().start();
        let mut client =
            Client::new(Config { proxy_from_environment: true, ..config(&server) }, soon()).unwrap();
        let _ = client.root(soon());
        assert_eq!(server.connections(), 0);
        return;
    }
    let proxy = stranger();
    let place = format!("http://127.0.0.1:{}", proxy.port());
    elsewhere(
        "a_proxy_in_the_environment_counts_where_it_is_asked_for",
        &[(MARK, "1"), ("http_proxy", &place), ("no_proxy", ""), ("NO_PROXY", "")],
    );
    assert_eq!(proxy.connections(), 1);
}

// Other people's services.

#[test]
fn recorded_services_of_several_makers_are_read_and_switched() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/redfish");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.display();
        let recorded: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let resources = recorded["resources"].as_object().unwrap().clone();
        let server = Setup { resources: resources.into_iter().collect(), ..Setup::default() }.start();
        let mut client = client(&server);
        let expected = recorded["expected"].as_array().unwrap();
        let members = client.systems(soon()).unwrap();
        assert_eq!(members.len(), expected.len(), "{name}");
        for (link, expected) in members.iter().zip(expected) {
            let system = client.system(link, soon()).unwrap();
            let text = |field: &str| expected[field].as_str();
            assert_eq!(system.id.as_ref().map(Told::raw), text("Id"), "{name}");
            assert_eq!(system.serial_number.as_ref().map(Told::raw), text("SerialNumber"), "{name}");
            assert_eq!(system.host_name.as_ref().map(Told::raw), text("HostName"), "{name}");
            assert_eq!(system.system_type.as_ref().map(Told::raw), text("SystemType"), "{name}");
            assert_eq!(
                system.power_state.as_ref().map(ToString::to_string).as_deref(),
                text("PowerState"),
                "{name}"
            );
            let allowed = client.allowed_resets(&system, soon()).unwrap();
            assert_eq!(json!(allowed), expected["Allowed"], "{name}");
            if system.reset.is_some() {
                let off = client.reset(&system, ResetType::ForceOff, soon()).unwrap();
                assert!(matches!(off, Reset::Done { .. }), "{name}: {off:?}");
                assert_eq!(state(&mut client, link), Some(PowerState::Off), "{name}");
                assert!(!server.is_on(link.path().trim_end_matches('/')), "{name}");
            }
        }
        assert_eq!(server.connections(), 1, "{name}");
        seen += 1;
    }
    assert!(seen >= 6, "{seen} recorded services");
}

fn at_sushy(sushy: &Sushy, certificate: &Certificate, password: &str) -> Client {
    let config = Config {
        address: Address { host: "127.0.0.1".into(), zone: None, port: sushy.port() },
        transport: Transport::Https(Trust::Pinned(certificate.sha256())),
        root: "/redfish/v1".into(),
        credentials: Some(Credentials { user: USER.into(), password: Secret::new(password) }),
        request_limit: LONG,
        proxy_from_environment: false,
    };
    Client::new(config, soon()).unwrap()
}

/// Looks until the state is there.
fn wait_for(client: &mut Client, link: &Link, wanted: &PowerState) {
    assert!(until(LONG * 3, || state(client, link).as_ref() == Some(wanted)), "never {wanted}");
}

fn switch_at_sushy(driver: Driver) {
    let certificate = Maker::default().self_signed();
    let sushy = Sushy::start(driver, &certificate);
    let mut client = at_sushy(&sushy, &certificate, PASSWORD);
    let system = find(&mut client).unwrap_or_else(|error| panic!("{error}\n{}", sushy.log()));
    assert_eq!(system.power_state, Some(PowerState::On));
    let allowed = client.allowed_resets(&system, soon()).unwrap().unwrap();
    assert!(allowed.iter().any(|kind| kind == "ForceOff"), "{allowed:?}");
    let off = client.reset(&system, ResetType::ForceOff, soon()).unwrap();
    assert!(matches!(off, Reset::Done { .. }), "{off:?}");
    wait_for(&mut client, &system.link, &PowerState::Off);
    let on = client.reset(&system, ResetType::On, soon()).unwrap();
    assert!(matches!(on, Reset::Done { .. }), "{on:?}");
    wait_for(&mut client, &system.link, &PowerState::On);
    let denied = find(&mut at_sushy(&sushy, &certificate, "wrong"));
    assert!(matches!(denied, Err(Error::LoginDenied { .. })), "{denied:?}");
}

#[test]
fn sushy_emulator_switches_the_machine_of_libvirts_test_driver() {
    switch_at_sushy(Driver::Libvirt);
}

#[test]
fn sushy_emulator_switches_a_fake_machine_that_takes_its_time() {
    switch_at_sushy(Driver::Fake);
}
