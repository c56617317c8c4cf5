//! Callers kill agents without warning (SIGKILL to the process group), and run them again a second later: whatever the
//! first was doing, the second ends well and tells the truth.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use peers::bmc::{Power, Settings, auth_type};
use peers::subject::gate::Gate;
use peers::subject::{Fate, Fault, Lack, Row, Subject};
use peers::util::Group;
use peers::{Agent, Bmc, TempDir, agents_dir, until};
use rustix::process::{Pid, test_kill_process_group};

use crate::conformance::{OFF, REBOOTED, assert_others_are_on};
use crate::know::records;

/// Pacemaker waits this long before it runs an agent again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a busy machine may take for what takes no time.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many requests stay on their way at most: a bound for a loop, far above what any run takes.
const MANY: usize = 200;

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

/// The action that takes most steps.
fn longest(subject: &Subject) -> (&'static str, &'static [&'static str]) {
    if subject.can("reboot") { ("reboot", &[REBOOTED]) } else { ("off", &[OFF, "Success: Already OFF\n"]) }
}

/// Starts the agent and lets it go as far as this request. `None` where it was done before.
fn stopped_at(subject: &Subject, step: usize, fate: Fate, options: &[(&str, &str)]) -> Option<Group> {
    let (action, _) = longest(subject);
    subject.device.hold(step, fate);
    let mut agent = subject.agent(action).options(options.iter().copied()).under_pacemaker().start();
    let over = until(PATIENCE, || subject.device.holds() || agent.ended());
    assert!(over, "neither done nor at request {step}");
    subject.device.holds().then_some(agent)
}

pub(crate) fn what_was_killed_at_any_step_is_finished_by_the_next(row: &Row) {
    if row.lacks(Lack::Steps) {
        return;
    }
    for fate in [Fate::Arrives, Fate::Lost] {
        let steps = each_step(|step| {
            let subject = row.subject();
            let (action, stdout) = longest(&subject);
            let agent = stopped_at(&subject, step, fate, &[]);
            let reached = agent.is_some();
            // Kills the group.
            drop(agent);
            subject.device.release();
            // What was on its way arrives.
            thread::sleep(PAUSE);
            let before = subject.commands();
            let done = subject.agent(action).under_pacemaker().run();
            let said = stdout.contains(&done.stdout.as_str());
            assert!(done.code == Some(0) && said, "killed at {step}: {}{}", done.stdout, done.stderr);
            assert_eq!(subject.is_on(), action == "reboot", "killed at {step}");
            if action == "reboot" {
                assert!(subject.commands() >= before + 2, "killed at {step}: off and on were sent again");
            }
            assert_others_are_on(&subject);
            reached
        });
        assert!(steps >= 3, "only {steps} steps");
    }
}

/// Whether the child that writes the record is on its own, out of reach of what ends the agent's group.
fn has_a_writer(agent: u32) -> bool {
    let children =
        Command::new("ps").args(["-o", "pid=,sid=", "--ppid", &agent.to_string()]).output().unwrap();
    let listed = String::from_utf8(children.stdout).unwrap();
    listed.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == words.next()
    })
}

/// Whether a process group has a member.
fn has_members(group: u32) -> bool {
    let group = Pid::from_raw(i32::try_from(group).unwrap()).unwrap();
    test_kill_process_group(group).is_ok()
}

pub(crate) fn who_is_told_to_end_leaves_no_process_behind(row: &Row) {
    nobody_is_left_after(PATIENCE, row);
}

pub(crate) fn nobody_is_left_after(patience: Duration, row: &Row) {
    if row.lacks(Lack::Steps) {
        return;
    }
    let steps = each_step(|step| {
        let subject = row.subject();
        let Some(mut agent) = stopped_at(&subject, step, Fate::Lost, &[]) else { return false };
        let id = agent.id();
        // The agent alone is told, and those that it has started are its own affair; it catches neither signal.
        let signal = if step % 2 == 0 { "-TERM" } else { "-KILL" };
        assert!(Command::new("kill").args([signal, &id.to_string()]).status().unwrap().success());
        assert!(until(PATIENCE, || agent.ended()), "{signal} at {step}");
        assert!(until(patience, || !has_members(id)), "{signal} at {step}: somebody is left");
        subject.device.release();
        true
    });
    assert!(steps >= 3, "only {steps} steps");
}

pub(crate) fn a_record_is_whole_at_whatever_step_the_agent_was_killed(row: &Row) {
    if row.lacks(Lack::Steps) {
        return;
    }
    let cut = AtomicUsize::new(0);
    let steps = each_step(|step| {
        let subject = row.subject();
        let dir = TempDir::new("killed");
        let path = dir.path().join("evidence.json");
        let file = [("evidence_file", path.to_str().unwrap())];
        let mut agent = stopped_at(&subject, step, Fate::Lost, &file);
        let reached = agent.is_some();
        if let Some(agent) = &mut agent {
            // At a request that it doesn't wait for, it may have come to its end.
            assert!(until(PATIENCE, || has_a_writer(agent.id()) || agent.ended()), "at {step}");
        }
        drop(agent);
        subject.device.release();
        let text = || fs::read_to_string(&path).unwrap_or_default();
        assert!(until(PATIENCE, || text().ends_with('\n')), "killed at {step}: {}", text());
        let all = records(&path);
        let verdicts: Vec<_> = all.iter().map(|one| one["verdict"].as_str().unwrap()).collect();
        let is_cut = verdicts == ["cut short"];
        cut.fetch_add(usize::from(is_cut), Ordering::SeqCst);
        assert!(verdicts == ["done"] || reached && is_cut, "killed at {step}: {verdicts:?}");
        reached
    });
    let cut = cut.into_inner();
    // A goodbye, which nobody waits for, may be several requests.
    let nearly_all = cut >= steps - 1 || cut * 5 >= steps * 4;
    assert!(steps >= 3 && nearly_all, "{cut} of {steps} steps");
}

/// Kills a reboot of a machine with a BMC that has two session slots, at every step.
fn bmc_reboot(lanplus: &str) {
    for fate in [Fate::Arrives, Fate::Lost] {
        let steps = each_step(|step| {
            let power = Power { delay: Duration::from_millis(30), ..Power::default() };
            let auth_types = vec![auth_type::MD5];
            let bmc = Bmc::start(Settings { session_slots: 2, power, auth_types, ..Settings::default() });
            let gate = Gate::udp(bmc.address(), Fault::None);
            let reboot = |port| {
                let agent = Agent::ipmilan("fence_ipmilan", port, "reboot");
                agent.options([("lanplus", lanplus)]).under_pacemaker()
            };
            gate.hold(step, fate);
            let mut agent = reboot(gate.port()).start();
            let over = until(PATIENCE, || gate.holds() || agent.ended());
            assert!(over, "neither done nor at request {step}");
            drop(agent);
            gate.release();
            thread::sleep(PAUSE);
            let done = reboot(bmc.port()).run();
            assert!(done.code == Some(0) && done.stdout == REBOOTED, "killed at {step}: {}", done.stderr);
            let changes = bmc.power_changes();
            assert!(bmc.power(), "killed at {step}: on at the end, {changes:?}");
            assert!(changes.iter().any(|(_, on)| !on), "killed at {step}: off in between");
            // One session may be what the killed agent left; the second agent closes its own.
            let closed = || bmc.open_sessions() <= 1;
            assert!(until(Duration::from_secs(5), closed), "killed at {step}: both sessions are open");
            gate.holds()
        });
        assert!(steps >= 9, "only {steps} steps");
    }
}

#[test]
fn a_reboot_over_ipmi_2_0_killed_at_any_step_leaves_a_session_to_the_next() {
    bmc_reboot("1");
}

#[test]
fn a_reboot_over_ipmi_1_5_killed_at_any_step_leaves_a_session_to_the_next() {
    bmc_reboot("0");
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
