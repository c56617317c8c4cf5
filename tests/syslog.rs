//! What reaches the system's logger: each agent gets a /dev of its own, in a mount namespace, with a logger in it
//! that the test reads.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use peers::agent::Finished;
use peers::snmp::daemon::{AUTH_PASSWORD, PRIV_PASSWORD};
use peers::snmp::{Family, PowerUnit, User};
use peers::{Agent, IpmiSim, TempDir};

/// A /dev with nothing but a logger and null.
struct Logger {
    dir: TempDir,
    socket: UnixDatagram,
}

impl Logger {
    fn new() -> Logger {
        let dir = TempDir::new("syslog");
        let socket = UnixDatagram::bind(dir.path().join("log")).unwrap();
        Logger { dir, socket }
    }

    /// Runs an agent that sees this /dev.
    fn run(&self, agent: &str, options: &[(&str, &str)]) -> Finished {
        const SCRIPT: &str = "mknod \"$1/null\" c 1 3 2>/dev/null; mount --bind \"$1\" /dev && exec \"$2\"";
        Agent::new("/usr/bin/unshare")
            .args(["--mount", "sh", "-c", SCRIPT, "sh"])
            .args([self.dir.path().to_str().unwrap(), peers::agents_dir().join(agent).to_str().unwrap()])
            .options(options.iter().copied())
            .limit(Duration::from_secs(60))
            .run()
    }

    /// The same, with everything that came meanwhile.
    fn read(&self, agent: &str, options: &[(&str, &str)]) -> (Finished, Vec<String>) {
        self.socket.set_nonblocking(false).unwrap();
        self.socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| self.run(agent, options));
            let mut buffer = [0; 8192];
            let mut messages = Vec::new();
            loop {
                // What was sent before the end is there at the end.
                let ended = run.is_finished();
                match self.socket.recv(&mut buffer) {
                    Ok(length) => messages.push(String::from_utf8(buffer[..length].to_vec()).unwrap()),
                    Err(_) if ended => return (run.join().unwrap(), messages),
                    Err(_) => {}
                }
            }
        })
    }
}

#[test]
fn errors_reach_syslog_under_the_agents_name_and_quiet_leaves_them_there() {
    let logger = Logger::new();
    let options = [("action", "status"), ("ip", "127.0.0.9"), ("ipport", "1"), ("quiet", "1")];
    let (done, messages) = logger.read("fence_ipmilan", &options);
    assert_eq!((done.code, done.stderr.as_str()), (Some(1), ""));
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = messages.first().unwrap();
    // Facility user, severity error (RFC 3164, 4.1.1).
    assert!(message.starts_with("<11>fence_ipmilan[") && message.contains("connection refused"), "{message}");
}

#[test]
fn no_secret_reaches_syslog_at_any_verbosity() {
    let sim = IpmiSim::builder().user("admin", "hunter2-hunter2").start();
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&[User::new(Some("SHA"), Some("AES"))]).start();
    let sim_port = sim.port().to_string();
    let unit_port = unit.address().port().to_string();
    let ipmi = [("username", "admin"), ("password", "hunter2-hunter2"), ("ipport", sim_port.as_str())];
    let snmp = [
        ("ipport", unit_port.as_str()),
        ("plug", "2"),
        ("snmp_version", "3"),
        ("username", "SHA-AES"),
        ("password", AUTH_PASSWORD),
        ("snmp_auth_prot", "SHA"),
        ("snmp_priv_prot", "AES"),
        ("snmp_priv_passwd", PRIV_PASSWORD),
        ("community", "s3cret-community"),
    ];
    for (agent, options) in [("fence_ipmilan", ipmi.as_slice()), ("fence_apc_snmp", &snmp)] {
        let logger = Logger::new();
        let common =
            [("action", "reboot"), ("ip", "127.0.0.1"), ("verbose_level", "99"), ("power_wait", "0")];
        let (done, messages) = logger.read(agent, &[&common, options].concat());
        assert_eq!(done.stdout, "Success: Rebooted\n", "{}", done.stderr);
        let messages = messages.join("\n");
        assert!(messages.contains("acknowledged off"), "{messages}");
        for secret in ["hunter2", AUTH_PASSWORD, PRIV_PASSWORD, "s3cret-community"] {
            assert!(!messages.contains(secret), "{secret} in {messages}");
        }
    }
}

#[test]
fn a_logger_that_reads_nothing_delays_nothing() {
    // The socket's queue holds a few messages, and each look writes several.
    let logger = Logger::new();
    let sim = IpmiSim::builder().delay(Duration::from_secs(2)).start();
    let port = sim.port().to_string();
    let options = [
        ("action", "off"),
        ("ip", "127.0.0.1"),
        ("ipport", port.as_str()),
        ("username", "admin"),
        ("password", "adminpw"),
        ("power_wait", "0"),
        ("verbose_level", "2"),
    ];
    let done = logger.run("fence_ipmilan", &options);
    assert_eq!(done.stdout, "Success: Powered OFF\n", "{}", done.stderr);
}
