//! fence_redfish. The service is another program (test-redfish), so that what it has in memory isn't counted as the
//! agent's.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use peers::redfish::{PASSWORD, USER};
use peers::{Agent, TempDir};

use super::{CONTESTANTS, RUNS, middle};

/// How the certificate is treated.
#[derive(Clone, Copy)]
enum Trust {
    Insecure,
    CaFile,
    System,
}

const TRUSTS: [(Trust, &str); 3] = [
    (Trust::Insecure, "`ssl_insecure=1`"),
    (Trust::CaFile, "verified, a CA file"),
    (Trust::System, "verified, the system's bundle"),
];

struct Cost {
    cpu: Duration,
    wall: Duration,
    memory: u64,
    connections: usize,
}

/// The table.
pub(crate) fn compare() {
    println!("\n## fence_redfish: a test service on HTTPS with Basic authentication\n");
    println!("| action | certificate | whose | CPU ms | wall ms | peak memory MiB | TCP connections |");
    println!("|---|---|---|---:|---:|---:|---:|");
    for action in ["status", "reboot"] {
        for (trust, words) in TRUSTS {
            // In turns, so that both meet the same moments of the machine.
            let mut costs = [const { Vec::new() }; CONTESTANTS.len()];
            for _ in 0..RUNS {
                for (costs, (_, dir)) in costs.iter_mut().zip(CONTESTANTS) {
                    costs.push(run(dir, action, trust));
                }
            }
            for (costs, (whose, _)) in costs.iter().zip(CONTESTANTS) {
                println!(
                    "| {action} | {words} | {whose} | {:.1} | {:.1} | {:.1} | {} |",
                    middle(costs, |cost: &Cost| cost.cpu).as_secs_f64() * 1e3,
                    middle(costs, |cost: &Cost| cost.wall).as_secs_f64() * 1e3,
                    middle(costs, |cost: &Cost| cost.memory) as f64 / (1024.0 * 1024.0),
                    middle(costs, |cost: &Cost| cost.connections),
                );
            }
        }
    }
}

fn run(dir: &str, action: &str, trust: Trust) -> Cost {
    let mut service = Service::start();
    let agent = format!("{dir}/fence_redfish");
    let insecure = if matches!(trust, Trust::Insecure) { "1" } else { "0" };
    // The original takes 0 for 1: there the option is left out.
    let insecure = Some(("ssl_insecure", insecure)).filter(|(_, value)| *value == "1");
    let mut run = Agent::new(&agent)
        .options([
            ("ip", "127.0.0.1"),
            ("ipport", &service.port),
            ("username", USER),
            ("password", PASSWORD),
            ("action", action),
        ])
        .options(insecure);
    run = match trust {
        Trust::Insecure => run,
        Trust::CaFile => run.env("REQUESTS_CA_BUNDLE", &service.path("ca.pem")),
        // Each is shown the system's bundle, with the service's authority in it, in the way it finds the system's.
        Trust::System if dir == "/usr/sbin" => run.env("REQUESTS_CA_BUNDLE", &service.path("bundle.pem")),
        Trust::System => run.env("SSL_CERT_FILE", &service.path("bundle.pem")),
    };
    let done = run.run();
    assert_eq!(done.code, Some(0), "{agent} {action}: {}", done.stderr);
    Cost { cpu: done.cpu, wall: done.wall, memory: done.max_rss, connections: service.connections() }
}

/// The service, seen from the process that measures.
struct Service {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
    port: String,
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
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        let mut service = Service { child, stdin, stdout, folder, port: String::new() };
        service.port = service.line();
        service
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line of the service");
        line.trim().to_owned()
    }

    fn connections(&mut self) -> usize {
        writeln!(self.stdin).expect("the service is there");
        self.line().parse().expect("a number")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
