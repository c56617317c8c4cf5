//! Callers other than Pacemaker, each with its own way of calling, and what callers do to an agent's pipes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{fs, thread};

use peers::agent::Finished;
use peers::bmc::Settings;
use peers::faults::Dice;
use peers::snmp::{Family, PowerUnit};
use peers::util::Group;
use peers::{Agent, Bmc, Dead, agents_dir, until};

fn bmc() -> Bmc {
    Bmc::start(Settings::default())
}

fn assert_done(done: &Finished, code: i32, stdout: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(code), stdout), "{}", done.stderr);
}

/// As oVirt's VDSM writes it: the old names, no newline at the end.
fn vdsm(agent: &str, port: u16, action: &str, options: &str) -> Finished {
    Agent::called(agent, agent)
        .stdin(format!(
            "agent={agent}\nipaddr=127.0.0.1\nlogin=admin\naction={action}\npasswd=adminpw\nsecure=yes\nipport={port}\n{options}"
        ))
        .run()
}

#[test]
fn vdsm_gets_its_answers() {
    let bmc = bmc();
    let run = |action: &str| vdsm("fence_ipmilan", bmc.port(), action, "port=node1\npower_wait=0");
    assert_done(&run("status"), 0, "Status: ON\n");
    assert_done(&run("off"), 0, "Success: Powered OFF\n");
    assert!(!bmc.power());
    assert_done(&run("status"), 2, "Status: OFF\n");
    assert_done(&run("on"), 0, "Success: Powered ON\n");
    assert!(bmc.power());
    assert_done(&run("reboot"), 0, "Success: Rebooted\n");
    assert!(bmc.power_changes().iter().any(|(_, on)| !on) && bmc.power());
    bmc.change(|settings| settings.users.clear());
    assert_done(&run("status"), 1, "");

    let unit = PowerUnit::start(Family::ApcRpdu);
    let run = |action| vdsm("fence_apc_snmp", unit.address().port(), action, "community=private\nport=2");
    assert_done(&run("status"), 0, "Status: ON\n");
    assert_done(&run("off"), 0, "Success: Powered OFF\n");
    assert!(!unit.is_on(1, 2) && unit.is_on(1, 1));
    assert_done(&run("status"), 2, "Status: OFF\n");
}

#[test]
fn proxmox_gets_its_answers_through_a_shell() {
    // A password that the quotes have to carry.
    let password = "a b$c`d\"e";
    let bmc = Bmc::start(Settings {
        users: vec![peers::bmc::User::new("admin", password, peers::bmc::ADMINISTRATOR)],
        ..Settings::default()
    });
    let run = |action: &str| {
        let line = format!(
            "{} -o '{action}' -a '127.0.0.1' -l 'admin' -p '{password}' --ipport='{}' --power-wait='0' -P ''",
            agents_dir().join("fence_ipmilan").display(),
            bmc.port()
        );
        Agent::new("/bin/sh").args(["-c", line.trim_end_matches(" ''")]).run()
    };
    assert_done(&run("status"), 0, "Status: ON\n");
    assert_done(&run("off"), 0, "Success: Powered OFF\n");
    assert!(!bmc.power());
    assert_done(&run("on"), 0, "Success: Powered ON\n");
    assert_done(&run("reboot"), 0, "Success: Rebooted\n");
    assert!(bmc.power());
}

#[test]
fn medik8s_gets_its_answers_whatever_the_order() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    println!("seed {seed}");
    let mut dice = Dice::of(seed, 0);
    let bmc = bmc();
    let port = format!("--ipport={}", bmc.port());
    let mut arguments = [
        "--action=reboot",
        "--ip=127.0.0.1",
        "--username=admin",
        "--password=adminpw",
        "--power-wait=0",
        "--lanplus",
        &port,
    ];
    for run in 1..=50 {
        for last in (1..arguments.len()).rev() {
            arguments.swap(last, dice.below(last + 1));
        }
        let done = Agent::called("fence_ipmilan", "fence_ipmilan").args(arguments).run();
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (Some(0), "Success: Rebooted\n"),
            "{arguments:?}: {}",
            done.stderr
        );
        let offs = bmc.power_changes().iter().filter(|(_, on)| !on).count();
        assert_eq!((offs, bmc.power()), (run, true), "{arguments:?}");
    }
}

/// An agent with options on its pipe, and whatever the caller makes of stdout and stderr.
fn piped(bmc: &Bmc, action: &str) -> Command {
    let mut agent = Command::new(agents_dir().join("fence_ipmilan"));
    agent.env_clear().stdin(Stdio::piped());
    let options = format!(
        "action={action}\nip=127.0.0.1\nipport={}\nusername=admin\npassword=adminpw\npower_wait=0\nverbose=1\n",
        bmc.port()
    );
    let (read, mut write) = std::io::pipe().unwrap();
    write.write_all(options.as_bytes()).unwrap();
    agent.stdin(read);
    agent
}

#[test]
fn a_pipe_that_nobody_reads_changes_no_verdict() {
    for action in ["off", "status", "reboot", "monitor"] {
        let bmc = bmc();
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let mut agent = piped(&bmc, action);
        let status = agent.stdout(write.try_clone().unwrap()).stderr(write).status().unwrap();
        assert_eq!(status.code(), Some(0), "{action}");
        assert_eq!(bmc.power(), action != "off", "{action}");
        // And where it doesn't succeed, it doesn't say so either.
        bmc.change(|settings| settings.users.clear());
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let mut agent = piped(&bmc, action);
        let status = agent.stdout(write.try_clone().unwrap()).stderr(write).status().unwrap();
        assert_eq!(status.code(), Some(1), "{action}");
    }
}

/// A stream that is full, and the end from which nobody reads.
fn full(kind: &str) -> (OwnedFd, OwnedFd) {
    let (reader, writer): (OwnedFd, OwnedFd) = match kind {
        "socket" => {
            let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
            (one.into(), other.into())
        }
        _ => {
            let (read, write) = std::io::pipe().unwrap();
            (read.into(), write.into())
        }
    };
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).unwrap();
    while rustix::io::write(&writer, &[b'x'; 64]).is_ok() {}
    while rustix::io::write(&writer, b"x").is_ok() {}
    rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::empty()).unwrap();
    (reader, writer)
}

#[test]
fn output_that_is_full_and_that_nobody_reads_holds_nothing_up() {
    for kind in ["pipe", "socket"] {
        for (action, code) in [("off", 0), ("status", 0), ("monitor", 0), ("metadata", 1)] {
            if (kind, action) == ("socket", "metadata") {
                continue;
            }
            let bmc = bmc();
            let (_kept, stream) = full(kind);
            let mut agent = piped(&bmc, action);
            agent.stdout(stream.try_clone().unwrap()).stderr(stream);
            let started = Instant::now();
            let mut agent = Group::start(&mut agent).unwrap();
            // What isn't told in any other way than on standard output is worth a longer wait.
            let limit = Duration::from_secs(if action == "metadata" { 100 } else { 30 });
            assert!(until(limit, || agent.ended()), "{kind}, {action}: {:?}", started.elapsed());
            assert_eq!(agent.code(), Some(code), "{kind}, {action}");
            assert_eq!(bmc.power(), action != "off", "{kind}, {action}");
        }
    }
}

#[test]
fn a_reader_that_is_late_gets_everything() {
    let (mut read, write) = std::io::pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&write, 4096).unwrap();
    // Whoever holds the command holds its end of the pipe too.
    let start = |write| {
        let mut agent = Command::new(agents_dir().join("fence_ipmilan"));
        agent.args(["-o", "metadata"]).stdin(Stdio::null()).stdout(write).spawn().unwrap()
    };
    let mut agent = start(write);
    // It fills the pipe and waits.
    thread::sleep(Duration::from_millis(300));
    assert!(agent.try_wait().unwrap().is_none());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut read, &mut text).unwrap();
    assert!(agent.wait().unwrap().success());
    let whole = Agent::called("fence_ipmilan", "fence_ipmilan").args(["-o", "metadata"]).run();
    assert!(text.len() > 8192 && text == whole.stdout);
}

/// Agents of a user who may have no more than so many processes and threads.
struct Poor {
    folder: peers::TempDir,
    user: String,
}

impl Poor {
    fn new(number: u32) -> Poor {
        use std::os::unix::fs::PermissionsExt;
        let folder = peers::TempDir::new("poor");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        for agent in ["fence_ipmilan", "fence_redfish"] {
            // Not by this process: while it writes a program, a child that another test forks has it open too.
            assert!(
                Command::new("cp")
                    .arg(agents_dir().join(agent))
                    .arg(folder.path())
                    .status()
                    .unwrap()
                    .success()
            );
        }
        // Nobody else is that user.
        let user = (1_000_000 + 10 * std::process::id() + number).to_string();
        Poor { folder, user }
    }

    fn sleeps(&self) -> Group {
        let mut command = Command::new("setpriv");
        Group::start(command.args(["--reuid", &self.user, "--clear-groups", "sleep", "600"])).unwrap()
    }

    fn processes(&self) -> usize {
        let listed = Command::new("pgrep").args(["-u", &self.user]).output().unwrap();
        String::from_utf8(listed.stdout).unwrap().lines().count()
    }

    fn agent(&self, name: &str, processes: u32) -> Agent {
        let limit = format!("--nproc={processes}");
        Agent::new(self.folder.path().join(name)).under([
            "setpriv",
            "--reuid",
            &self.user,
            "--clear-groups",
            "prlimit",
            &limit,
        ])
    }
}

#[test]
fn a_machine_that_has_no_thread_to_give_is_no_reason_to_give_up_at_once() {
    let poor = Poor::new(0);
    let proxy = Dead::tcp();
    let run = |ip: &str, more: &[(&str, &str)]| {
        poor.agent("fence_redfish", 1)
            .env("https_proxy", &format!("http://localhost:{}", proxy.port()))
            .options([("action", "off"), ("ip", ip), ("ipport", "1"), ("username", "u"), ("password", "p")])
            .options([("ssl_insecure", "1"), ("login_timeout", "2"), ("verbose", "1")])
            .options(more.iter().copied())
            .run()
    };
    // Only whoever looks a name up needs a thread: that of the service, or of the proxy.
    for (ip, more) in [("localhost", &[][..]), ("127.0.0.1", &[("env_proxy", "1")])] {
        let done = run(ip, more);
        assert_eq!(done.code, Some(1), "{ip}: {}", done.stderr);
        assert!(done.stderr.contains("Resource temporarily unavailable"), "{ip}: {}", done.stderr);
        assert!(done.stderr.contains("trying again"), "{ip}: {}", done.stderr);
    }
    let done = run("127.0.0.1", &[]);
    assert!(done.stderr.contains("connection refused by"), "{}", done.stderr);
    assert!(!done.stderr.contains("Resource temporarily unavailable"), "{}", done.stderr);
}

#[test]
fn a_password_script_is_started_as_soon_as_there_is_a_process_to_be_had() {
    let (poor, bmc) = (Poor::new(1), bmc());
    let port = bmc.port().to_string();
    // With the agent itself they are three, and it may have no more.
    let others: Vec<Group> = (0..2).map(|_| poor.sleeps()).collect();
    assert!(until(Duration::from_secs(20), || poor.processes() == 2));
    thread::scope(|scope| {
        let agent = poor.agent("fence_ipmilan", 3).options([
            ("action", "off"),
            ("ip", "127.0.0.1"),
            ("ipport", port.as_str()),
            ("username", "admin"),
            ("password_script", "echo adminpw"),
            ("power_wait", "0"),
        ]);
        let run = scope.spawn(|| agent.run());
        assert!(until(Duration::from_secs(20), || poor.processes() == 3));
        thread::sleep(Duration::from_millis(300));
        drop(others);
        assert_done(&run.join().unwrap(), 0, "Success: Powered OFF\n");
    });
}

/// What an outlet may be called: line ends, escapes of a terminal, C1, DEL, a turned line, nothing that one sees, and
/// the words from which Pacemaker concludes what went wrong.
const ODD_NAME: &str =
    "db\n7,node\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{7f}\u{202e}\u{200b}\u{2028}timed out, unsupported action";

fn assert_harmless(text: &str, what: &str) {
    let odd = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{200b}\u{2028}".contains(c));
    assert!(!text.contains(odd), "{what}: {text:?}");
}

#[test]
fn whatever_an_outlet_is_called_every_way_out_is_harmless() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    unit.name(1, 2, ODD_NAME);
    let port = unit.address().port().to_string();
    let directory = peers::TempDir::new("odd");
    let [evidence, debug] =
        ["evidence", "debug"].map(|name| directory.path().join(name).display().to_string());
    let run = |options: &[(&str, &str)]| {
        Agent::called("fence_apc_snmp", "fence_apc_snmp")
            .options([("ip", "127.0.0.1"), ("ipport", port.as_str()), ("community", "private")])
            .options([("evidence_file", evidence.as_str()), ("debug_file", &debug)])
            .options(options.iter().copied())
            .run()
    };
    let list = run(&[("action", "list")]);
    assert_harmless(&list.stdout, "list");
    let lines: Vec<&str> = list.stdout.lines().collect();
    assert_eq!(lines.len(), unit.places().len(), "{}", list.stdout);
    // What somebody gives as a plug stays as it is, but for what can't be written.
    assert!(
        lines[1].starts_with("2,db\\n7,node\\u{1b}") && lines[1].ends_with("timed out, unsupported action")
    );
    for options in [
        &[("action", "status"), ("plug", "2"), ("explain", "1")][..],
        &[("action", "status"), ("plug", "2"), ("explain", "1"), ("json", "1")],
        &[("action", "doctor"), ("plug", "2")],
        &[("action", "doctor"), ("plug", "2"), ("json", "1")],
        &[("action", "status"), ("plug", "2"), ("verbose_level", "9")],
        &[("action", "off"), ("plug", "2"), ("expect_name", "another")],
        &[("action", "off"), ("plug", "nobody")],
        &[("action", "evidence")],
        &[("action", "evidence"), ("json", "1")],
    ] {
        let done = run(options);
        let what = format!("{options:?}");
        assert_harmless(&done.stdout, &what);
        assert_harmless(&done.stderr, &what);
        for words in ["timed out", "timeout", "unsupported action", "unrecognised action"] {
            assert!(!done.stderr.contains(words), "{what}: {}", done.stderr);
        }
    }
    for file in [&evidence, &debug] {
        assert_harmless(&fs::read_to_string(file).unwrap(), file);
    }
    // JSON keeps the name: who reads it gets what the unit says.
    let told = run(&[("action", "status"), ("plug", "2"), ("explain", "1"), ("json", "1")]).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["plugs"][0]["identity"][0]["value"], ODD_NAME);
    assert!(unit.writes().is_empty());
}

#[test]
fn closed_output_changes_no_verdict() {
    for closed in [">&-", "2>&-", ">&- 2>&-", ">/dev/full 2>/dev/full"] {
        for (action, code, on) in
            [("off", 0, false), ("status", 2, false), ("reboot", 0, true), ("status", 0, true)]
        {
            let bmc = bmc();
            bmc.set_power(action == "off" || on);
            let line = format!(
                "exec {} -o {action} -a 127.0.0.1 -u {} -l admin -p adminpw --power-wait=0 -v {closed}",
                agents_dir().join("fence_ipmilan").display(),
                bmc.port()
            );
            let done = Agent::new("/bin/sh").args(["-c", &line]).run();
            assert_eq!(done.code, Some(code), "{action} {closed}: {}", done.stderr);
            assert_eq!(bmc.power(), on, "{action} {closed}");
        }
    }
}

#[test]
fn without_options_on_standard_input_nothing_is_done() {
    let agent = agents_dir().join("fence_ipmilan").display().to_string();
    let directory = peers::TempDir::new("stdin");
    for stdin in ["<&-", "</dev/null", &format!("<{}", directory.write("empty", "").display())] {
        let done = Agent::new("/bin/sh").args(["-c", &format!("exec {agent} {stdin}")]).run();
        assert!(done.wall < Duration::from_secs(10), "{stdin}");
        assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{stdin}: {}", done.stderr);
        assert!(done.stderr.contains("ip: "), "{stdin}: {}", done.stderr);
    }
}

#[test]
fn options_come_from_a_file_or_a_socket_as_from_a_pipe() {
    let bmc = bmc();
    let options =
        format!("action=status\nip=127.0.0.1\nipport={}\nusername=admin\npassword=adminpw", bmc.port());
    let directory = peers::TempDir::new("stdin");
    let file = directory.write("options", &options);
    let agent = || Command::new(agents_dir().join("fence_ipmilan"));
    let output = agent().stdin(fs::File::open(file).unwrap()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Status: ON\n");
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.write_all(options.as_bytes()).unwrap();
    drop(ours);
    let output = agent().stdin(std::os::fd::OwnedFd::from(theirs)).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Status: ON\n");
}

#[test]
fn two_hundred_agents_at_once_tell_the_truth() {
    let bmcs: Vec<Bmc> = (0..200).map(|_| bmc()).collect();
    let started = Instant::now();
    thread::scope(|scope| {
        let running: Vec<_> = bmcs
            .iter()
            .enumerate()
            .map(|(number, bmc)| {
                let (action, stdout) = if number % 2 == 0 {
                    ("off", "Success: Powered OFF\n")
                } else {
                    ("reboot", "Success: Rebooted\n")
                };
                let port = bmc.port().to_string();
                let run = move || {
                    Agent::called("fence_ipmilan", "fence_ipmilan")
                        .options([("action", action), ("ip", "127.0.0.1"), ("ipport", port.as_str())])
                        .options([("username", "admin"), ("password", "adminpw"), ("power_wait", "0")])
                        .under_pacemaker()
                        .run()
                };
                (scope.spawn(run), stdout)
            })
            .collect();
        for (thread, stdout) in running {
            assert_done(&thread.join().unwrap(), 0, stdout);
        }
    });
    println!("{:?}", started.elapsed());
    for (number, bmc) in bmcs.iter().enumerate() {
        assert_eq!(bmc.power(), number % 2 == 1, "the machine of agent {number}");
        let went_off = bmc.power_changes().iter().any(|(_, on)| !on);
        assert!(went_off, "the machine of agent {number}");
    }
    let closed = || bmcs.iter().all(|bmc| bmc.open_sessions() == 0);
    assert!(until(Duration::from_secs(5), closed), "every session is closed");
}
