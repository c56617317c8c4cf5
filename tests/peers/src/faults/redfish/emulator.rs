//! sushy-emulator as a device of the campaign: another implementation than ours, which nobody told how to fail.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use openssl::base64;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use serde_json::{Value, json};

use crate::redfish::{Certificate, Driver, PASSWORD, Sushy, USER};
use crate::until;

/// The emulator with libvirt's test driver, whose one machine follows at once.
pub(super) struct Emulator {
    sushy: Sushy,
    place: String,
}

impl Emulator {
    pub(super) fn start(certificate: &Certificate) -> Emulator {
        let mut emulator =
            Emulator { sushy: Sushy::start(Driver::Libvirt, certificate), place: String::new() };
        let systems = emulator.ask("GET", "/redfish/v1/Systems", &Value::Null);
        let place = systems.pointer("/Members/0/@odata.id").and_then(Value::as_str);
        emulator.place = place.expect("the emulator has a machine").to_owned();
        emulator
    }

    /// The TCP port it listens on.
    pub(super) fn port(&self) -> u16 {
        self.sushy.port()
    }

    /// The machine.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Whether the machine has power.
    pub(super) fn is_on(&self) -> bool {
        self.ask("GET", &self.place, &Value::Null)["PowerState"] == "On"
    }

    /// Switches the machine.
    pub(super) fn set(&self, on: bool) {
        let kind = if on { "On" } else { "ForceOff" };
        let target = format!("{}/Actions/ComputerSystem.Reset", self.place);
        // The end of an earlier run may still be on its way.
        let set = until(Duration::from_secs(10), || {
            self.is_on() == on || {
                self.ask("POST", &target, &json!({"ResetType": kind}));
                self.is_on() == on
            }
        });
        assert!(set, "the emulator switches its machine: {}", self.sushy.log());
    }

    /// How many resets it has taken, ours among them.
    pub(super) fn resets(&self) -> usize {
        let log = self.sushy.log();
        let taken = |line: &&str| line.contains("ComputerSystem.Reset") && line.contains("\" 204 ");
        log.lines().filter(taken).count()
    }

    /// Asks it directly; null where the answer has no body.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut connector = SslConnector::builder(SslMethod::tls()).expect("TLS");
        connector.set_verify(SslVerifyMode::NONE);
        let stream = TcpStream::connect(("127.0.0.1", self.port())).expect("the emulator listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit");
        let mut stream = connector.build().connect("localhost", stream).expect("the emulator speaks TLS");
        let login = base64::encode_block(format!("{USER}:{PASSWORD}").as_bytes());
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {login}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the emulator listens");
        let mut answer = Vec::new();
        // It ends without TLS's own goodbye.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        serde_json::from_str(body).unwrap_or_default()
    }
}
