//! Callers kill agents without warning (SIGKILL to the process group), and run them again a second later: whatever
//! the first was doing, the second ends well and tells the truth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use peers::bmc::{Power, Settings, auth_type};
use peers::relay::{Direction, Fate};
use peers::snmp::{Family, PowerUnit, Switch};
use peers::util::Group;
use peers::{Agent, Bmc, Relay, agents_dir};

/// Pacemaker waits this long before it runs an agent again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many requests stay on their way at most: a bound for a loop, far above what any reboot takes.
const MANY: usize = 100;

struct Case {
    agent: &'static str,
    action: &'static str,
    stdout: &'static [&'static str],
    options: &'static [(&'static str, &'static str)],
}

impl Case {
    fn options(&self, at: SocketAddr) -> String {
        let port = at.port().to_string();
        let common = [("action", self.action), ("ip", "127.0.0.1"), ("ipport", port.as_str())];
        common.iter().chain(self.options).map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// Runs the agent until request number `step` has reached the relay, kills it there, and lets the request go
    /// on, or not. False where the agent was done before.
    fn killed_at(&self, device: SocketAddr, step: usize, fate: Fate) -> bool {
        let (reached, here) = mpsc::channel();
        let (killed, go_on) = mpsc::channel::<()>();
        let relay = Relay::builder(device)
            .rule(move |packet| {
                if packet.direction == Direction::ToDevice && packet.index == step {
                    let _ = reached.send(());
                    let _ = go_on.recv();
                    return fate.clone();
                }
                Fate::Pass
            })
            .start();
        let mut agent = Command::new(agents_dir().join(self.agent));
        let (read, mut write) = std::io::pipe().unwrap();
        write.write_all(self.options(relay.address()).as_bytes()).unwrap();
        drop(write);
        agent.env_clear().env("PCMK_service", "pacemaker-fenced");
        agent.stdin(read).stdout(Stdio::null()).stderr(Stdio::null());
        let mut agent = Group::start(&mut agent).unwrap();
        let mut reaches = false;
        let over = peers::until(Duration::from_secs(60), || {
            reaches = here.try_recv().is_ok();
            reaches || agent.ended()
        });
        assert!(over, "{} {}: neither done nor at request {step}", self.agent, self.action);
        // Kills the group.
        drop(agent);
        let _ = killed.send(());
        // What was on its way arrives.
        thread::sleep(PAUSE);
        reaches
    }

    fn runs_well_again(&self, device: SocketAddr, step: usize) {
        let done = Agent::called(self.agent, self.agent).stdin(self.options(device)).under_pacemaker().run();
        let told = self.stdout.contains(&done.stdout.as_str());
        assert!(
            done.code == Some(0) && told,
            "{}: killed at {step}: {}{}",
            self.agent,
            done.stdout,
            done.stderr
        );
    }
}

/// The processes that sleep for this long.
fn sleeping(mark: &str) -> usize {
    let line = |path: std::path::PathBuf| fs::read(path.join("cmdline")).unwrap_or_default();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter(|entry| line(entry.path()).starts_with(format!("sleep\0{mark}").as_bytes())).count()
}

#[test]
fn a_password_script_ends_with_its_agent_and_so_does_all_that_it_has_started() {
    // The caller kills the group; or somebody the agent alone.
    for (number, whole_group) in [true, false].into_iter().enumerate() {
        let mark = format!("4{number}.{}", std::process::id());
        // In its group, in one of its own, and with a parent that is gone.
        let script = format!("sleep {mark} & setsid sleep {mark} & (sleep {mark} &); sleep {mark}");
        let mut agent = Command::new(agents_dir().join("fence_ipmilan"));
        let (read, mut write) = std::io::pipe().unwrap();
        write.write_all(format!("action=off\nip=127.0.0.1\npassword_script={script}\n").as_bytes()).unwrap();
        drop(write);
        agent
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(read)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut agent = Group::start(&mut agent).unwrap();
        assert!(peers::until(Duration::from_secs(20), || sleeping(&mark) == 4), "{}", sleeping(&mark));
        if whole_group {
            drop(agent);
        } else {
            Command::new("kill").args(["-9", &agent.id().to_string()]).status().unwrap();
            assert!(peers::until(Duration::from_secs(20), || agent.ended()));
        }
        assert!(peers::until(Duration::from_secs(20), || sleeping(&mark) == 0), "{} left", sleeping(&mark));
    }
}

/// Does this for every step, several at once, until a step isn't reached any more. How many there were.
fn each_step(at_step: impl Fn(usize) -> bool + Sync) -> usize {
    const AT_ONCE: usize = 8;
    for first in (0..MANY).step_by(AT_ONCE) {
        let reached = thread::scope(|scope| {
            let at_step = &at_step;
            let running: Vec<_> =
                (first..first + AT_ONCE).map(|step| scope.spawn(move || at_step(step))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).filter(|reached| *reached).count()
        });
        if reached < AT_ONCE {
            return first + reached;
        }
    }
    panic!("more than {MANY} requests")
}

const REBOOTED: &[&str] = &["Success: Rebooted\n"];

/// Kills a reboot of a machine with a BMC that has two session slots, at every step.
fn bmc_reboot(options: &'static [(&'static str, &'static str)], least: usize) {
    let case = Case { agent: "fence_ipmilan", action: "reboot", stdout: REBOOTED, options };
    for fate in [Fate::Pass, Fate::Lose] {
        let steps = each_step(|step| {
            let power = Power { delay: Duration::from_millis(30), ..Power::default() };
            let auth_types = vec![auth_type::MD5];
            let bmc = Bmc::start(Settings { session_slots: 2, power, auth_types, ..Settings::default() });
            let reached = case.killed_at(bmc.address(), step, fate.clone());
            case.runs_well_again(bmc.address(), step);
            let changes = bmc.power_changes();
            assert!(bmc.power(), "killed at {step}: on at the end, {changes:?}");
            assert!(changes.iter().any(|(_, on)| !on), "killed at {step}: off in between");
            // One session may be what the killed agent left; the second agent closes its own.
            let closed = || bmc.open_sessions() <= 1;
            assert!(peers::until(Duration::from_secs(5), closed), "killed at {step}: both sessions are open");
            reached
        });
        assert!(steps >= least, "only {steps} steps");
    }
}

#[test]
fn a_reboot_over_ipmi_2_0_killed_at_any_step_is_finished_by_the_next() {
    bmc_reboot(&[("username", "admin"), ("password", "adminpw"), ("power_wait", "0"), ("lanplus", "1")], 9);
}

#[test]
fn a_reboot_over_ipmi_1_5_killed_at_any_step_is_finished_by_the_next() {
    bmc_reboot(&[("username", "admin"), ("password", "adminpw"), ("power_wait", "0"), ("lanplus", "0")], 9);
}

#[test]
fn a_reboot_over_snmp_killed_at_any_step_is_finished_by_the_next() {
    let case = Case {
        agent: "fence_apc_snmp",
        action: "reboot",
        stdout: REBOOTED,
        options: &[("community", "private"), ("plug", "2")],
    };
    for fate in [Fate::Pass, Fate::Lose] {
        let steps = each_step(|step| {
            let unit = PowerUnit::builder(Family::ApcRpdu).delay(Duration::from_millis(30)).start();
            let reached = case.killed_at(unit.address(), step, fate.clone());
            let before = unit.writes().len();
            case.runs_well_again(unit.address(), step);
            assert!(unit.is_on(1, 2) && unit.is_on(1, 1), "killed at {step}");
            assert!(unit.writes().len() >= before + 2, "killed at {step}: off and on were sent again");
            reached
        });
        assert!(steps >= 5, "only {steps} steps");
    }
}

#[test]
fn an_off_of_a_switch_port_killed_at_any_step_is_finished_by_the_next() {
    let case = Case {
        agent: "fence_ifmib",
        action: "off",
        stdout: &["Success: Powered OFF\n", "Success: Already OFF\n"],
        options: &[("community", "private"), ("plug", "port1")],
    };
    let steps = each_step(|step| {
        let switch = Switch::start(2, &[], "");
        let reached = case.killed_at(switch.address(), step, Fate::Pass);
        case.runs_well_again(switch.address(), step);
        assert!(!switch.is_up("port1") && switch.is_up("port2"), "killed at {step}");
        reached
    });
    assert!(steps >= 3, "only {steps} steps");
}
