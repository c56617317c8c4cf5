//! fence_redfish: this one and the original on the same service.

use std::sync::LazyLock;
use std::time::Duration;

use peers::Agent;
use peers::conformance::Stdout::{Contains, Is};
use peers::conformance::{Difference, Seen, Whose, check, failed, seen, whose};

use peers::redfish::{Act, Certificate, Cycle, Login, Maker, PASSWORD, Rule, Server, Setup, USER};
use serde_json::{Value, json};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const RESET: &str = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| Maker::default().self_signed());

fn usual() -> Setup {
    Setup { certificate: Some(CERTIFICATE.clone()), ..Setup::default() }
}

fn agent(server: &Server, options: &[(&str, &str)]) -> Agent {
    let port = server.port().to_string();
    Agent::called("fence_redfish", "fence_redfish")
        .options([
            ("ip", "127.0.0.1"),
            ("ipport", port.as_str()),
            ("username", USER),
            ("password", PASSWORD),
            ("ssl_insecure", "1"),
        ])
        .options(options.iter().copied())
        .limit(Duration::from_secs(60))
}

/// A service whose machine is off.
fn machine_off() -> Setup {
    edited(|system| system["PowerState"] = json!("Off"))
}

fn edited(edit: fn(&mut Value)) -> Setup {
    let mut setup = usual();
    edit(setup.resources.get_mut(SYSTEM).unwrap());
    setup
}

/// A service that answers each reset so, and does nothing.
fn refusing(status: u16) -> Setup {
    Setup { rules: vec![Rule::new("POST", RESET, Act::error(status, "X.1.No", "No."))], ..usual() }
}

struct Case {
    name: &'static str,
    service: fn() -> Setup,
    options: &'static [(&'static str, &'static str)],
    ours: Seen,
    originals: Difference,
    /// The machine's power afterwards.
    then: bool,
}

const CASES: &[Case] = &[
    Case {
        name: "status of a machine that is on",
        service: usual,
        options: &[("action", "status")],
        ours: seen(Is("Status: ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "status of a machine that is off",
        service: machine_off,
        options: &[("action", "status")],
        ours: seen(Is("Status: OFF\n"), 2),
        originals: None,
        then: false,
    },
    Case {
        name: "status of a machine on its way",
        service: || edited(|system| system["PowerState"] = json!("PoweringOff")),
        options: &[("action", "status")],
        ours: seen(Is("Status: ON\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "status without a PowerState",
        service: || edited(|system| system["PowerState"] = Value::Null),
        options: &[("action", "status")],
        ours: failed("PowerState"),
        originals: None,
        then: false,
    },
    Case {
        name: "off",
        service: usual,
        options: &[("action", "off")],
        ours: seen(Is("Success: Powered OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "off of a machine that is off",
        service: machine_off,
        options: &[("action", "off")],
        ours: seen(Is("Success: Already OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "on",
        service: machine_off,
        options: &[("action", "on")],
        ours: seen(Is("Success: Powered ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "on of a machine that is on",
        service: usual,
        options: &[("action", "on")],
        ours: seen(Is("Success: Already ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "reboot is the default action",
        service: usual,
        options: &[],
        ours: seen(Is("Success: Rebooted\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "monitor of a machine that is off",
        service: machine_off,
        options: &[("action", "monitor")],
        ours: seen(Is(""), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "validate-all",
        service: usual,
        options: &[("action", "validate-all")],
        ours: seen(Is(""), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "a node's name as port is ignored",
        service: usual,
        options: &[("action", "off"), ("port", "node1"), ("nodename", "node1")],
        ours: seen(Is("Success: Powered OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "the machine's own URI",
        service: usual,
        options: &[("action", "off"), ("systems-uri", SYSTEM)],
        ours: seen(Is("Success: Powered OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "ssl=0 is HTTPS all the same",
        service: usual,
        options: &[("action", "status"), ("ssl", "0")],
        ours: seen(Is("Status: ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "a port that is no number",
        service: usual,
        options: &[("action", "off"), ("ipport", "abc")],
        ours: failed("ipport"),
        originals: None,
        then: true,
    },
    Case {
        name: "an acknowledgement without effect",
        service: || Setup { rules: vec![Rule::new("POST", RESET, Act::status(204))], ..usual() },
        options: &[("action", "off"), ("power_timeout", "2")],
        ours: failed("imed out"),
        originals: None,
        then: true,
    },
    Case {
        name: "list",
        service: usual,
        options: &[("action", "list")],
        ours: seen(Is("1,node1\n"), 0),
        originals: Some(("D20", seen(Contains("NOTICE"), 0))),
        then: true,
    },
    Case {
        name: "a reset that the account may not do",
        service: || refusing(403),
        options: &[("action", "off"), ("power_timeout", "2")],
        ours: failed("not enough privilege"),
        originals: Some(("D22", failed("Timed out"))),
        then: true,
    },
    Case {
        name: "a reset that fails",
        service: || refusing(500),
        options: &[("action", "reboot"), ("power_timeout", "2")],
        ours: failed("HTTP 500: No. (X.1.No)"),
        originals: Some(("D22", failed("Timed out"))),
        then: true,
    },
    Case {
        name: "an interrupt that the account may not send",
        service: || refusing(403),
        options: &[("action", "diag")],
        ours: failed("not enough privilege"),
        originals: Some(("D22", seen(Is("Success: Rebooted\n"), 0))),
        then: true,
    },
    Case {
        name: "an interrupt",
        service: usual,
        options: &[("action", "diag")],
        ours: seen(Contains("acknowledged"), 0),
        originals: Some(("D2", seen(Is("Success: Rebooted\n"), 0))),
        then: true,
    },
    Case {
        name: "verification that isn't switched off",
        service: usual,
        options: &[("action", "status"), ("ssl_insecure", "0")],
        ours: failed("certificate"),
        originals: Some(("D24", seen(Is("Status: ON\n"), 0))),
        then: true,
    },
    Case {
        name: "a wrong password",
        service: usual,
        options: &[("action", "status"), ("password", "wrong")],
        ours: failed("login denied"),
        originals: Some(("D25", failed("Traceback"))),
        then: true,
    },
    Case {
        name: "a service that wants a session",
        service: || Setup { login: Login::Session, ..usual() },
        options: &[("action", "status")],
        ours: seen(Is("Status: ON\n"), 0),
        originals: Some(("D26", failed("Traceback"))),
        then: true,
    },
    Case {
        name: "a system that offers no reset",
        service: || edited(|system| system["Actions"] = Value::Null),
        options: &[("action", "off")],
        ours: failed("offers none"),
        originals: Some(("D27", failed("Traceback"))),
        then: true,
    },
    Case {
        name: "a root that isn't there",
        service: usual,
        options: &[("action", "status"), ("redfish_uri", "/nothing/here")],
        ours: failed("GET /nothing/here"),
        originals: Some(("D27", Seen { stdout: Is(""), code: 1, stderr: "" })),
        then: true,
    },
    Case {
        name: "method=cycle",
        service: || Setup { cycle: Cycle::Stamped, ..usual() },
        options: &[("action", "reboot"), ("method", "cycle")],
        ours: seen(Is("Success: Rebooted\n"), 0),
        originals: Some((
            "D29",
            Seen { stdout: Is("Success: Rebooted\n"), code: 0, stderr: "unknown option" },
        )),
        then: true,
    },
];

#[test]
fn every_case_shows_callers_what_they_expect() {
    for case in CASES {
        let server = (case.service)().start();
        let done = agent(&server, case.options).run();
        check(case.name, &done, case.ours, case.originals);
        let powered = server.is_on(SYSTEM);
        assert_eq!(powered, case.then, "{}: the machine's power", case.name);
    }
}

#[test]
fn off_of_what_is_off_asks_again_after_its_command() {
    const DIFFERENCE: &str = "D3";
    let server = machine_off().start();
    let done = agent(&server, &[("action", "off")]).run();
    check(DIFFERENCE, &done, seen(Is("Success: Already OFF\n"), 0), None);
    assert_eq!(server.resets(SYSTEM).len(), usize::from(whose() == Whose::Ours));
}

#[test]
fn of_several_machines_none_is_fenced_that_nobody_named() {
    let server = Setup { resources: Setup::machines(&["1", "2"]), ..usual() }.start();
    let done = agent(&server, &[("action", "off"), ("port", "node7")]).run();
    let ours = failed("several systems");
    check("several", &done, ours, Some(("D21", seen(Is("Success: Powered OFF\n"), 0))));
    let last = server.is_on("/redfish/v1/Systems/2");
    assert_eq!((server.is_on(SYSTEM), last), (true, whose() == Whose::Ours));
}

#[test]
fn a_service_that_never_answers_is_not_waited_for_without_end() {
    const DIFFERENCE: &str = "D23";
    let rule = Rule::new("GET", SYSTEM, Act::Silence);
    let server = Setup { rules: vec![rule], ..usual() }.start();
    let done = agent(&server, &[("action", "status")]).limit(Duration::from_secs(30)).run();
    match whose() {
        Whose::Ours => check(DIFFERENCE, &done, failed("timed out"), None),
        Whose::Originals => assert!(done.killed, "{DIFFERENCE}: {}", done.stderr),
    }
}

#[test]
fn a_reset_target_that_is_a_whole_url_is_used() {
    let server = usual().start();
    let target = format!("{}{RESET}", server.origin());
    server.edit(SYSTEM, |system| system["Actions"]["#ComputerSystem.Reset"]["target"] = json!(target));
    let done = agent(&server, &[("action", "off")]).run();
    let ours = seen(Is("Success: Powered OFF\n"), 0);
    check("absolute", &done, ours, Some(("D28", failed("Failed to parse"))));
    assert_eq!(server.is_on(SYSTEM), whose() == Whose::Originals);
}
