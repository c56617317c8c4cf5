//! fence_redfish, run as its callers run it, against services that behave, misbehave and lie. The service's own books
//! are the judge: what power a machine really has, which requests came in, which credential reached whom.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

mod behaviour;
mod hostile;
mod members;
mod pacemaker;
mod reports;
mod tls;

use std::net::{TcpListener, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use peers::Agent;
use peers::agent::Finished;
use peers::redfish::{Certificate, Login, Maker, PASSWORD, Rule, Server, Setup};

const SYSTEMS: &str = "/redfish/v1/Systems";
const SYSTEM: &str = "/redfish/v1/Systems/1";
const RESET: &str = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";

const OFF: &str = "Success: Powered OFF\n";

/// Signed by itself, as service processors come from the factory.
static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| Maker::default().self_signed());

fn usual() -> Setup {
    Setup { certificate: Some(CERTIFICATE.clone()), ..Setup::default() }
}

fn session() -> Setup {
    Setup { login: Login::Session, ..usual() }
}

fn with_rule(rule: Rule) -> Server {
    Setup { rules: vec![rule], ..usual() }.start()
}

/// The agent with what it takes to log in; the certificate isn't verified.
fn at(port: u16, action: &str) -> Agent {
    verifying(port, action).options([("ssl_insecure", "1")])
}

fn verifying(port: u16, action: &str) -> Agent {
    Agent::redfish(port, action).limit(Duration::from_secs(60))
}

fn agent(server: &Server, action: &str) -> Agent {
    at(server.port(), action)
}

/// The agent with little patience, for what gets no answer.
fn impatient(server: &Server, action: &str) -> Agent {
    agent(server, action).options([("login_timeout", "1"), ("shell_timeout", "1"), ("power_timeout", "1")])
}

/// What holds of every run, whatever came of it.
fn assert_proper(done: &Finished) {
    assert!(!done.killed, "it hung: {}", done.stderr);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    for secret in [PASSWORD, "b3BlcmF0b3I6a29ycmVrdC1QZmVyZC0wODE1", "token-of-session"] {
        assert!(!done.stderr.contains(secret) && !done.stdout.contains(secret), "{}", done.stderr);
    }
}

fn assert_done(done: &Finished, stdout: &str) {
    assert_proper(done);
    peers::agent::assert_done(done, stdout);
}

fn assert_failed(done: &Finished, words: &str) {
    assert_proper(done);
    peers::agent::assert_failed_with(done, &[words]);
}

/// Failed, and with nothing on stderr that Pacemaker would read as a time limit.
fn assert_refused(done: &Finished, words: &str) {
    assert_failed(done, words);
    let text = done.stderr.to_lowercase();
    assert!(!text.contains("timeout") && !text.contains("timed out"), "{}", done.stderr);
}

fn posts(server: &Server) -> usize {
    server.requests().iter().filter(|request| request.method == "POST").count()
}

/// A port of every address behind which the server on 127.0.0.1 answers.
fn relay_to(port: u16) -> u16 {
    let listener = TcpListener::bind("[::]:0").unwrap();
    let relayed = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for front in listener.incoming().flatten() {
            let back = TcpStream::connect(("127.0.0.1", port)).unwrap();
            for (mut from, mut to) in [(front.try_clone().unwrap(), back.try_clone().unwrap()), (back, front)]
            {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    relayed
}
