//! fence_redfish on a test service. The service is another program (test-redfish), so that what it has in memory
//! isn't counted as the agent's.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use peers::redfish::{PASSWORD, USER};
use peers::{Agent, TempDir};

use super::contest::{AGENTS, Cost, Sink, agent, in_turns, succeeds, weigh};

/// The one system of the service.
pub(crate) const SYSTEM: &str = "/redfish/v1/Systems/1";

/// How the certificate is treated.
#[derive(Clone, Copy)]
pub(crate) enum Trust<'a> {
    /// Not looked at.
    Insecure,
    /// Verified against this file with one authority.
    File(&'a str),
    /// Verified against the system's authorities, which stand in this file together with the service's.
    System(&'a str),
}

/// One action by one of [`AGENTS`], or by curl, which asks for the system or posts ForceOff.
pub(crate) fn call(whose: &str, device: SocketAddr, action: &str, trust: Trust) -> Agent {
    if whose == "curl" {
        return curl(device, action, trust);
    }
    let call = agent(whose, "fence_redfish").options([
        ("ip", device.ip().to_string().as_str()),
        ("ipport", &device.port().to_string()),
        ("username", USER),
        ("password", PASSWORD),
        ("action", action),
    ]);
    match trust {
        // The original takes 0 for 1, so it is given where it is 1 only.
        Trust::Insecure => call.options([("ssl_insecure", "1")]),
        Trust::File(path) => call.env("REQUESTS_CA_BUNDLE", path),
        // Each is shown the bundle in the way it finds the system's.
        Trust::System(path) if whose == "original" => call.env("REQUESTS_CA_BUNDLE", path),
        Trust::System(path) => call.env("SSL_CERT_FILE", path),
    }
}

fn curl(device: SocketAddr, action: &str, trust: Trust) -> Agent {
    let call = Agent::new("/usr/bin/curl").args(["-s", "-f", "-u", &format!("{USER}:{PASSWORD}")]);
    let call = match trust {
        Trust::Insecure => call.args(["-k"]),
        Trust::File(path) => call.args(["--cacert", path]),
        Trust::System(path) => call.env("SSL_CERT_FILE", path),
    };
    let system = format!("https://{device}{SYSTEM}");
    match action {
        "off" => call
            .args(["-H", "Content-Type: application/json", "-d", r#"{"ResetType":"ForceOff"}"#])
            .args([format!("{system}/Actions/ComputerSystem.Reset")]),
        _ => call.args([system]),
    }
}

/// The part `cost-redfish`.
pub(crate) fn costs(sink: &Sink) {
    for action in ["status", "off", "reboot"] {
        for (row, trust) in [
            ("not verified (`ssl_insecure=1`)", 0),
            ("verified, a CA file", 1),
            ("verified, the system's bundle", 2),
        ] {
            let row = format!("{action}, {row}");
            sink.progress(&row);
            let tool = (action != "reboot").then_some("curl");
            let contestants: Vec<&str> = AGENTS.into_iter().chain(tool).collect();
            for (whose, found) in in_turns(sink.runs, &contestants, |whose| cost(whose, action, trust)) {
                let (costs, connections): (Vec<Cost>, Vec<f64>) = found.into_iter().unzip();
                sink.costs(&row, whose, &costs, "requests");
                sink.median(&row, whose, ("connections", ""), &connections);
            }
        }
    }
}

/// The cost of one action on a fresh service, and how many TCP connections it took.
fn cost(whose: &str, action: &str, trust: usize) -> (Cost, f64) {
    let mut service = Service::start();
    let (file, bundle) = (service.path("ca.pem"), service.path("bundle.pem"));
    let trust = [Trust::Insecure, Trust::File(&file), Trust::System(&bundle)][trust];
    let done = succeeds(call(whose, service.address, action, trust));
    let (connections, requests) = service.counts();
    let weight = weigh(call(whose, service.address, action, trust));
    (Cost::new(&done, requests, weight), connections as f64)
}

/// The service, seen from the process that measures.
struct Service {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
    address: SocketAddr,
}

impl Service {
    fn start() -> Service {
        let folder = TempDir::new("bench-redfish");
        let program = std::env::current_exe().expect("this program").with_file_name("test-redfish");
        let mut child = Command::new(&program)
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdin = child.stdin.take().expect("piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        let port: u16 = line(&mut stdout).parse().expect("a port");
        Service { child, stdin, stdout, folder, address: ([127, 0, 0, 1], port).into() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Connections and requests so far.
    fn counts(&mut self) -> (usize, usize) {
        writeln!(self.stdin).expect("the service is there");
        let line = line(&mut self.stdout);
        let mut counts = line.split(' ').map(|count| count.parse().expect("a number"));
        (counts.next().expect("connections"), counts.next().expect("requests"))
    }
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("a line of the service");
    line.trim().to_owned()
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
