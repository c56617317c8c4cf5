//! fence_redfish.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use serde_json::{Value, json};

use super::gate::{Gate, dead_tcp_port};
use super::{Device, Fate, Fault, Lack, Reader, Row, Subject, Why, options, pins};
use crate::TempDir;
use crate::redfish::{Act, Certificate, Driver, Maker, PASSWORD, Rule, Server, Setup, Sushy, USER};

const ONE_AT_ONCE: (Lack, Why) =
    (Lack::TwoPlugsAtOnce, Why::Protocol("a system is one resource, and a run of the agent is about one"));

/// The service of these tests, with two systems.
pub const TEST_SERVICE: Row = Row {
    name: "fence_redfish on the test service",
    agent: "fence_redfish",
    lacks: &[
        ONE_AT_ONCE,
        (
            Lack::Original,
            Why::Device("of two systems the original takes another one than is named by its number"),
        ),
    ],
    start: test_service,
};

/// OpenStack's emulator, with its one virtual machine of libvirt's test driver.
pub const SUSHY: Row = Row {
    name: "fence_redfish on sushy-emulator",
    agent: "fence_redfish",
    lacks: &[
        ONE_AT_ONCE,
        (
            Lack::Plugs,
            Why::Device("libvirt's test driver has one machine, and with one system any plug is that one"),
        ),
        (Lack::LoginCount, Why::Device("the emulator keeps no count")),
        (Lack::Refuses, Why::Device("the emulator refuses no reset")),
        (Lack::Ignores, Why::Device("the emulator follows every reset")),
        (Lack::Slow, Why::Device("libvirt's test driver follows at once")),
        (Lack::Steps, Why::Device("the emulator takes seconds of both cores to start")),
    ],
    start: sushy,
};

/// The two systems of [`whole_of`].
const SYSTEMS: [&str; 2] = ["/redfish/v1/Systems/1", "/redfish/v1/Systems/2"];

/// The UUID of the first of them.
pub const UUID: &str = "00000000-0000-4000-8000-000000000001";

/// What a request carries, and what logs the agent in.
pub const SECRETS: [&str; 3] = [PASSWORD, "b3BlcmF0b3I6a29ycmVrdC1QZmVyZC0wODE1", "token-of-session"];

/// Signed by itself, as service processors come from the factory.
pub static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| Maker::default().self_signed());

/// A service with these systems that tells everything, of which all is well.
pub fn whole_of(systems: &[&str]) -> Setup {
    let mut resources = Setup::machines(systems);
    let place = |path: &str| json!({"@odata.id": format!("/redfish/v1{path}")});
    let root = &mut resources.get_mut("/redfish/v1").expect("a root");
    root["Vendor"] = json!("Peers");
    root["Product"] = json!("Test service");
    root["AccountService"] = place("/AccountService");
    root["Tasks"] = place("/TaskService");
    for id in systems {
        let system = resources.get_mut(&format!("/redfish/v1/Systems/{id}")).expect("a system");
        system["AssetTag"] = json!(if *id == "1" { "RACK-7".to_owned() } else { format!("RACK-7-{id}") });
        system["SKU"] = json!(if *id == "1" { "TAG-7".to_owned() } else { format!("TAG-7-{id}") });
        system["Links"] = json!({"ManagedBy": [place("/Managers/1")]});
    }
    let mut add = |path: &str, resource: Value| resources.insert(format!("/redfish/v1{path}"), resource);
    add(
        "/Managers/1",
        json!({
            "Model": "Manager 7", "FirmwareVersion": "7.00.30", "DateTime": utc_now(), "Status": {"State": "Enabled"},
        }),
    );
    add("/AccountService", json!({"Accounts": place("/AccountService/Accounts")}));
    add(
        "/AccountService/Accounts",
        json!({
            "Members": [place("/AccountService/Accounts/1"), place("/AccountService/Accounts/2")],
        }),
    );
    add("/AccountService/Accounts/1", json!({"UserName": "", "RoleId": "None"}));
    add(
        "/AccountService/Accounts/2",
        json!({
            "UserName": USER, "RoleId": "Operator", "Links": {"Role": place("/AccountService/Roles/Operator")},
        }),
    );
    add(
        "/AccountService/Roles/Operator",
        json!({
            "AssignedPrivileges": ["Login", "ConfigureSelf", "ConfigureComponents"],
        }),
    );
    add("/SessionService/Sessions", json!({"Members": []}));
    add("/TaskService", json!({"Tasks": place("/TaskService/Tasks")}));
    add("/TaskService/Tasks", json!({"Members": []}));
    Setup { certificate: Some(CERTIFICATE.clone()), resources, ..Setup::default() }
}

/// The moment, as a manager tells it.
pub fn utc_now() -> String {
    let date = Command::new("date").args(["-u", "+%FT%TZ"]).output().expect("date");
    String::from_utf8_lossy(&date.stdout).trim().to_owned()
}

fn subject(name: &'static str, port: u16, device: Box<dyn Device>) -> Subject {
    let mut login = options([
        ("ip", "127.0.0.1"),
        ("username", USER),
        ("password", PASSWORD),
        ("power_wait", "0"),
        ("ssl_insecure", "1"),
    ]);
    login.push(("ipport", port.to_string()));
    let wrong = "wrong-password";
    Subject {
        name,
        agent: "fence_redfish".to_owned(),
        options: login,
        dead: vec![("ipport", dead_tcp_port().to_string())],
        actions: &["off", "on", "reboot"],
        plugs: Vec::new(),
        plug_option: "system",
        missing_plug: "",
        list: Vec::new(),
        ignored: "timed out",
        wrong_login: options([("password", wrong)]),
        secrets: [&SECRETS[..], &[wrong]].concat(),
        pins: Vec::new(),
        told: Vec::new(),
        health: 0,
        proof: "reported",
        campaign: "redfish",
        reader: Reader { user: USER, secret: PASSWORD, ..Reader::default() },
        device,
    }
}

struct Service {
    gate: Gate,
    server: Server,
    /// Where the certificate lies, for whoever trusts it.
    _folder: TempDir,
}

fn test_service(fault: Fault) -> Subject {
    let mut setup = whole_of(&["1", "2"]);
    setup.deaf = fault == Fault::Ignores;
    if let Fault::Slow(delay) = fault {
        setup.delay = delay;
    }
    if fault == Fault::Refuses {
        setup.rules.push(Rule::new("POST", "/redfish/v1/Systems/*", Act::error(403, "X.1.No", "No.")));
    }
    let server = setup.start();
    let gate = Gate::tcp(server.port(), fault);
    let folder = TempDir::new("authorities");
    let bundle = folder.write("bundle", &String::from_utf8_lossy(&CERTIFICATE.pem())).display().to_string();
    let subject =
        subject(TEST_SERVICE.name, gate.port(), Box::new(Service { gate, server, _folder: folder }));
    Subject {
        reader: Reader {
            // With two systems, one has to be named.
            own: vec![("-l admin", "--system=1 -l admin".to_owned())],
            environment: vec![("REQUESTS_CA_BUNDLE", bundle)],
            ..subject.reader
        },
        actions: &["off", "on", "reboot", "diag"],
        plugs: ["1", "2"].map(str::to_owned).to_vec(),
        missing_plug: "node9",
        list: ["1,node1", "2,node2"].map(str::to_owned).to_vec(),
        pins: pins([
            ("expect_uuid", UUID, "00000000-0000-4000-8000-000000000002"),
            ("expect_serial", "SN001", "sn001"),
            ("expect_name", "RACK-7", "node1"),
        ]),
        told: vec!["Redfish 1.17.0 over HTTPS", "user operator with a password", SYSTEMS[0], "SN001"],
        ..subject
    }
}

impl Device for Service {
    fn is_on(&self, plug: usize) -> bool {
        self.server.is_on(SYSTEMS[plug])
    }

    fn set(&self, plug: usize, on: bool) {
        self.server.switch(SYSTEMS[plug], on);
        self.server.edit(SYSTEMS[plug], |system| system["PowerState"] = json!(if on { "On" } else { "Off" }));
    }

    fn changes(&self, plug: usize) -> Option<Vec<(Instant, bool)>> {
        Some(self.server.history(SYSTEMS[plug]))
    }

    fn commands(&self) -> usize {
        SYSTEMS.iter().map(|system| self.server.commands(system).len()).sum()
    }

    fn refused_logins(&self) -> Option<usize> {
        Some(self.server.refused_logins())
    }

    behind_a_gate!();
}

struct Emulator {
    gate: Gate,
    sushy: Sushy,
}

/// The UUID of the machine of libvirt's test driver.
const MACHINE: &str = "6695eb01-f6a4-8304-79aa-97f2502e193f";

fn sushy(fault: Fault) -> Subject {
    let sushy = Sushy::start(Driver::Libvirt, &CERTIFICATE);
    let gate = Gate::tcp(sushy.port(), fault);
    Subject {
        list: vec![format!("{MACHINE},")],
        // The emulator tells neither a serial number nor an asset tag.
        pins: pins([("expect_uuid", MACHINE, "6695eb01-f6a4-8304-79aa-97f2502e193e")]),
        told: vec!["Redfish 1.", "user operator with a password", MACHINE],
        ..subject(SUSHY.name, gate.port(), Box::new(Emulator { gate, sushy }))
    }
}

impl Emulator {
    /// One request of our own, and the answer to it.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut connector = SslConnector::builder(SslMethod::tls()).expect("TLS");
        connector.set_verify(SslVerifyMode::NONE);
        let stream = TcpStream::connect(("127.0.0.1", self.sushy.port())).expect("the emulator");
        let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
        let mut stream = connector.build().connect("localhost", stream).expect("TLS with the emulator");
        let request = format!(
            "{method} /redfish/v1/Systems/{MACHINE}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Basic {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            SECRETS[1],
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = Vec::new();
        // The emulator doesn't say goodbye in the way of TLS.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Device for Emulator {
    fn is_on(&self, _plug: usize) -> bool {
        let answer = self.ask("GET", "", "");
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        let machine: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"));
        machine["PowerState"] == "On"
    }

    fn set(&self, _plug: usize, on: bool) {
        let reset = json!({"ResetType": if on { "On" } else { "ForceOff" }}).to_string();
        self.ask("POST", "/Actions/ComputerSystem.Reset", &reset);
        assert_eq!(self.is_on(0), on, "the emulator was told to switch");
    }

    /// Those that came through the gate, and ours.
    fn commands(&self) -> usize {
        self.sushy.log().matches("POST /redfish").count()
    }

    fn refused_logins(&self) -> Option<usize> {
        None
    }

    behind_a_gate!();
}
