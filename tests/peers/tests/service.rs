//! The HTTP services, judged by a client that others wrote: curl.

use std::process::Command;
use std::time::Duration;

use peers::power::Habit;
use peers::service::{
    Act, Answer, Effect, Field, Format, Maker, Match, PASSWORD, PVE, Part, Phase, Route, Rule, Server,
    Service, Session, TOKEN, USER, Words,
};
use peers::{TempDir, until};
use serde_json::{Value, json};

/// Nothing takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What curl has got: the status (0 for none) and the body.
#[derive(Debug, PartialEq)]
struct Got(u16, String);

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.1).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

fn curl(args: &[&str]) -> Got {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "30", "--write-out", "\n%{http_code}"])
        .args(args)
        .output()
        .expect("curl (Debian: apt-get install curl)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("a status");
    Got(status.parse().expect("a status"), body.to_owned())
}

/// A session at Proxmox's API.
struct Login<'a> {
    server: &'a Server,
    cookie: String,
    csrf: String,
}

impl Login<'_> {
    fn new(server: &Server) -> Login<'_> {
        let place = format!("{}/api2/json/access/ticket", server.origin());
        let (user, password) = (format!("username={USER}"), format!("password={PASSWORD}"));
        let got = curl(&["--data-urlencode", &user, "--data-urlencode", &password, &place]);
        assert_eq!(got.0, 200, "{got:?}");
        let text = |pointer: &str| got.json().pointer(pointer).unwrap().as_str().unwrap().to_owned();
        assert_eq!(text("/data/username"), USER);
        Login { server, cookie: text("/data/ticket"), csrf: text("/data/CSRFPreventionToken") }
    }

    fn cookie(&self) -> String {
        format!("Cookie: other=1; PVEAuthCookie={}", self.cookie.replace('+', "%2B"))
    }

    fn get(&self, path: &str) -> Got {
        curl(&["-H", &self.cookie(), &format!("{}/api2/json/{path}", self.server.origin())])
    }

    fn post(&self, path: &str) -> Got {
        let csrf = format!("CSRFPreventionToken: {}", self.csrf);
        let place = format!("{}/api2/json/{path}", self.server.origin());
        curl(&["-X", "POST", "-H", &self.cookie(), "-H", &csrf, &place])
    }

    fn state(&self, path: &str) -> Value {
        self.get(path).json().pointer("/data/status").cloned().unwrap_or_default()
    }
}

const N1: &str = "nodes/n1/qemu/100/status";

fn pve() -> Server {
    Server::of(&PVE).machine("100", "web1", "n1").machine("101", "db \"1\"", "n2").task_looks(1).start()
}

#[test]
fn curl_stops_and_starts_a_virtual_machine_by_tasks() {
    let server = pve();
    let login = Login::new(&server);
    let all = login.get("cluster/resources?type=vm").json();
    assert_eq!(
        all["data"],
        json!([
            {"id": "qemu/100", "type": "qemu", "vmid": 100, "name": "web1", "node": "n1", "status": "running"},
            {"id": "qemu/101", "type": "qemu", "vmid": 101, "name": "db \"1\"", "node": "n2", "status": "running"},
        ])
    );
    assert_eq!(login.get("nodes").json()["data"].as_array().map(Vec::len), Some(2));
    for (command, on, word) in [("stop", false, "stopped"), ("start", true, "running")] {
        let task = login.post(&format!("{N1}/{command}"));
        let task = task.json()["data"].as_str().unwrap_or_default().to_owned();
        assert!(
            task.starts_with("UPID:n1:") && task.contains(&format!(":qm{command}:100:{USER}:")),
            "{task}"
        );
        assert_eq!(server.is_on("100"), on);
        assert!(server.is_on("101"));
        let place = format!("nodes/n1/tasks/{}/status", task.replace(':', "%3A"));
        assert_eq!(login.state(&place), "running");
        let over = login.get(&place).json();
        assert_eq!(over["data"], json!({"upid": task, "status": "stopped", "exitstatus": "OK"}));
        assert_eq!(login.state(&format!("{N1}/current")), word);
    }
    let taken: Vec<_> = server.taken().iter().map(|taken| (taken.id.clone(), taken.on)).collect();
    assert_eq!(taken, [("100".to_owned(), false), ("100".to_owned(), true)]);
    assert_eq!(server.history("100").len(), 3);
    assert_eq!(server.open_sessions(), 1);
}

#[test]
fn nobody_gets_in_without_the_password_a_ticket_and_what_goes_with_it() {
    let server = pve();
    let ticket = format!("{}/api2/json/access/ticket", server.origin());
    let wrong = curl(&["-d", &format!("username={USER}&password=wrong"), &ticket]);
    assert_eq!(wrong, Got(401, "{\"data\":null}".to_owned()));
    assert_eq!(server.logins(), [(USER.to_owned(), false)]);
    let current = format!("{}/api2/json/{N1}/current", server.origin());
    let stop = format!("{}/api2/json/{N1}/stop", server.origin());
    assert_eq!(curl(&[&current]).0, 401);
    assert_eq!(curl(&["-H", "Cookie: PVEAuthCookie=x", &current]).0, 401);
    let login = Login::new(&server);
    // Reading needs the ticket alone, and switching needs the second token.
    assert_eq!(curl(&["-H", &login.cookie(), &current]).0, 200);
    assert_eq!(curl(&["-X", "POST", "-H", &login.cookie(), &stop]).0, 401);
    assert!(server.is_on("100") && server.taken().is_empty());
    server.forget_sessions();
    assert_eq!(login.get(&format!("{N1}/current")).0, 401);
    // A token of its own needs neither.
    let token = format!("Authorization: PVEAPIToken={TOKEN}");
    assert_eq!(curl(&["-H", &token[..token.len() - 1], &current]).0, 401);
    assert_eq!(curl(&["-X", "POST", "-H", &token, &stop]).0, 200);
    assert!(!server.is_on("100"));
}

#[test]
fn the_reason_stands_in_the_status_line_and_a_machine_may_be_elsewhere() {
    let server = pve();
    let login = Login::new(&server);
    assert_eq!(login.get("nodes/n1/qemu/999/status/current").0, 500);
    assert_eq!(login.get("nothing").0, 501);
    server.migrate("100", "n2");
    assert_eq!(login.get(&format!("{N1}/current")).0, 500);
    assert_eq!(login.post(&format!("{N1}/stop")).0, 500);
    assert_eq!(login.state("nodes/n2/qemu/100/status/current"), "running");
    let head = Command::new("curl")
        .args(["--silent", "--include", "-H", &login.cookie()])
        .arg(format!("{}/api2/json/{N1}/current", server.origin()))
        .output()
        .unwrap();
    let head = String::from_utf8_lossy(&head.stdout).into_owned();
    assert!(head.starts_with("HTTP/1.1 500 Configuration file does not exist\r\n"), "{head}");
    assert_eq!(server.log().last().unwrap(), &format!("GET /api2/json/{N1}/current"));
}

#[test]
fn a_task_that_fails_and_a_machine_that_is_deaf_or_late_are_no_machines_that_are_off() {
    let server = pve();
    let login = Login::new(&server);
    server.tasks_fail(Some("can't lock file '/var/lock/qemu-server/lock-100.conf'"));
    let task = login.post(&format!("{N1}/stop")).json()["data"].as_str().unwrap().to_owned();
    let place = format!("nodes/n1/tasks/{task}/status");
    assert_eq!(login.state(&place), "running");
    let exit = login.get(&place).json()["data"]["exitstatus"].as_str().unwrap().to_owned();
    assert!(exit.starts_with("can't lock"), "{exit}");
    assert!(server.is_on("100") && server.taken().is_empty());
    server.tasks_fail(None);
    server.behave("100", Habit { deaf: true, ..Habit::default() });
    login.post(&format!("{N1}/stop"));
    assert!(server.is_on("100") && server.taken().len() == 1);
    server.behave("100", Habit { delay: Duration::from_millis(100), ..Habit::default() });
    login.post(&format!("{N1}/stop"));
    assert!(until(PATIENCE, || !server.is_on("100")));
    assert_eq!(login.state(&format!("{N1}/current")), "stopped");
    // What a test puts there by hand is told, whatever is true.
    server.tell("100", "state", "paused");
    assert_eq!(login.state(&format!("{N1}/current")), "paused");
}

#[test]
fn it_departs_from_the_usual_as_told() {
    let server = pve();
    let login = Login::new(&server);
    let place = format!("/api2/json/{N1}/current");
    let path = format!("{N1}/current");
    server.rule(Rule::new("GET", &place, Act::status(595)).times(1));
    assert_eq!([login.get(&path).0, login.get(&path).0], [595, 200]);
    server.rule(Rule::new("GET", &place, Act::Close).times(1));
    assert_eq!([login.get(&path).0, login.get(&path).0], [0, 200]);
    server.rule(Rule::new("GET", &place, Act::CutJson).times(1));
    assert!(serde_json::from_str::<Value>(&login.get(&path).1).is_err());
    let other = "/api2/json/nodes/n2/qemu/101/status/current".to_owned();
    server.rule(Rule::new("GET", &place, Act::As(other, &["/data/name"])).times(1));
    let mixed = login.get(&path).json();
    assert_eq!((&mixed["data"]["vmid"], &mixed["data"]["name"]), (&json!(101), &json!("web1")));
    server.rule(Rule::new("GET", &place, Act::With(vec![("/data/status".to_owned(), None)])).times(1));
    assert_eq!(login.state(&path), Value::Null);
    // A command that is refused isn't done; one whose answer is lost is.
    let stop = format!("/api2/json/{N1}/stop");
    server.rule(Rule::new("POST", &stop, Act::status(403)).times(1).during(Phase::Before));
    assert_eq!(login.post(&format!("{N1}/stop")).0, 403);
    assert!(server.is_on("100"));
    server.rule(Rule::new("POST", &stop, Act::Close).times(1).obeying());
    assert_eq!(login.post(&format!("{N1}/stop")).0, 0);
    assert!(!server.is_on("100"));
    server.rule(Rule::new("GET", &place, Act::Forget).times(1));
    assert_eq!(login.get(&path).0, 401);
    assert_eq!(server.counted().len(), 8);
}

#[test]
fn it_speaks_tls_with_the_certificate_it_is_given() {
    let certificate = Maker::default().self_signed();
    let files = TempDir::new("service-test");
    let pem = String::from_utf8(certificate.certificate.to_pem().unwrap()).unwrap();
    let file = files.write("authority.pem", &pem);
    let server = Server::of(&PVE).machine("100", "web1", "n1").certificate(certificate).start();
    let place = format!("{}/api2/json/version", server.origin());
    assert!(place.starts_with("https://"));
    let token = format!("Authorization: PVEAPIToken={TOKEN}");
    assert_eq!(curl(&["-H", &token, &place]).0, 0);
    assert!(until(PATIENCE, || server.handshakes_failed() == 1));
    assert_eq!(curl(&["--cacert", file.to_str().unwrap(), "-H", &token, &place]).0, 200);
}

/// XML with attributes and elements, told apart by what the body asks for, at one path.
static XML: Service = Service {
    name: "xml",
    format: Format::Xml,
    sessions: &[Session::Basic],
    routes: &[
        Route {
            method: "POST",
            path: "/rpc",
            wants: &[Match { field: Field::Attribute("do"), value: "status" }],
            open: false,
            effect: Effect::Nothing,
            task: None,
            answer: Answer::ok(&[
                Part::Text("<all>"),
                Part::Each("<vm id=\"$(id)\" name=\"$(name)\" power=\"$(state)\" serial=\"$(serial)\"/>", ""),
                Part::Text("</all>"),
            ]),
            meanwhile: None,
        },
        Route {
            method: "POST",
            path: "/rpc/{machine}",
            wants: &[
                Match { field: Field::Element("state"), value: "off" },
                Match { field: Field::Query("force"), value: "" },
            ],
            open: false,
            effect: Effect::Switch(false),
            task: None,
            answer: Answer::ok(&[Part::Text("<ok by=\"$(user)\"/>")]),
            meanwhile: None,
        },
    ],
    words: Words { on: "on", off: "off", to_on: "starting", to_off: "stopping" },
    task: "",
    denied: Answer::error(401, "No", &[]),
    refused: Answer::error(401, "No", &[]),
    missing: Answer::error(404, "No", &[]),
    no_route: Answer::error(400, "What?", &[]),
};

#[test]
fn xml_is_matched_and_escaped() {
    let server = Server::of(&XML)
        .machine("a", "\"<&>\"", "n")
        .with("serial", "SN1")
        .accounts(&[("u", "p")])
        .habit(Habit { delay: Duration::from_secs(3600), ..Habit::default() })
        .start();
    let place = format!("{}/rpc", server.origin());
    assert_eq!(curl(&["-d", "<x do='status'/>", &place]).0, 401);
    assert_eq!(curl(&["-u", "u:wrong", "-d", "<x do='status'/>", &place]).0, 401);
    let status = |word: &str| {
        let row = "<all><vm id=\"a\" name=\"&quot;&lt;&amp;&gt;&quot;\" power=\"P\" serial=\"SN1\"/></all>";
        Got(200, row.replace('P', word))
    };
    assert_eq!(curl(&["-u", "u:p", "-d", "<x do='status'/>", &place]), status("on"));
    assert_eq!(curl(&["-u", "u:p", "-d", "<x do='other'/>", &place]).0, 400);
    let off = format!("{place}/a?force=1");
    assert_eq!(curl(&["-u", "u:p", "-d", "<state>off</state>", &off[..off.len() - 8]]).0, 400);
    assert_eq!(curl(&["-u", "u:p", "-d", "<state>off</state>", &off]), Got(200, "<ok by=\"u\"/>".to_owned()));
    assert_eq!(curl(&["-u", "u:p", "-d", "<x do='status'/>", &place]), status("stopping"));
    assert!(server.is_on("a"));
    assert_eq!(server.logins().iter().filter(|(_, good)| !good).count(), 1);
}
