//! Runs against a console, and what has to come of them.

use std::path::Path;
use std::time::Duration;

use peers::agent::{Finished, assert_failed_with};
use peers::console::{Console, Device, Door, Negotiation, PASSWORD, USER, Words};
use peers::power::Habit;
use peers::{Agent, TempDir};

/// The options of a run against what listens there.
pub(crate) fn ready(agent: Agent, port: u16, action: &str, more: &[(&str, &str)]) -> Agent {
    agent
        .options([("ip", "127.0.0.1"), ("ipport", &port.to_string()), ("action", action)])
        .options([("username", USER), ("password", PASSWORD), ("power_wait", "0")])
        .options(more.iter().copied())
        .limit(Duration::from_secs(100))
}

pub(crate) fn run_at(agent: &str, port: u16, action: &str, more: &[(&str, &str)]) -> Finished {
    ready(Agent::called(agent, agent), port, action, more).run()
}

pub(crate) fn telnet(device: &Device) -> Door {
    device.telnet(Negotiation::PROPER)
}

pub(crate) fn run(agent: &str, device: &Device, action: &str, more: &[(&str, &str)]) -> Finished {
    run_at(agent, telnet(device).port(), action, more)
}

/// A run of the original; `None` where it isn't installed, and what it does is then not shown.
pub(crate) fn original(
    agent: &str,
    device: &Device,
    action: &str,
    more: &[(&str, &str)],
) -> Option<Finished> {
    let path = format!("/usr/sbin/{agent}");
    if !Path::new(&path).exists() || !Path::new("/usr/bin/telnet").exists() {
        return None;
    }
    let home = TempDir::new("originals");
    let door = telnet(device);
    let run = || {
        ready(Agent::new(&path), door.port(), action, more)
            // No wait of its own may end because this machine is busy.
            .options([("login_timeout", "30"), ("shell_timeout", "30"), ("power_timeout", "30")])
            .env("HOME", &home.path().to_string_lossy())
            .run()
    };
    // Its telnet loses a login now and then: that isn't what is shown here, but of fence_rsa, whose login is its fault.
    let typed = device.typed().len();
    let mut done = run();
    for _ in 0..2 {
        let lost = done.stderr.contains("Unable to connect/login") && agent != "fence_rsa";
        if device.typed().len() > typed && !lost {
            break;
        }
        done = run();
    }
    Some(done)
}

/// A card or a chassis whose outlets have these names.
pub(crate) fn start(console: &Console, outlets: &[&str]) -> Device {
    Device::of(console).outlets(outlets).start()
}

pub(crate) const LIMITS: [(&str, &str); 3] =
    [("login_timeout", "8"), ("shell_timeout", "4"), ("power_timeout", "2")];

/// No action took it for off, and it is on.
#[track_caller]
pub(crate) fn assert_not_off(agent: &str, device: &Device, id: &str, more: &[(&str, &str)]) {
    let more = [more, &LIMITS].concat();
    let status = run(agent, device, "status", &more);
    assert!(status.code != Some(2) && !status.stdout.contains("OFF"), "{agent}: {}", status.stdout);
    let off = run(agent, device, "off", &more);
    assert_failed_with(&off, &[]);
    assert!(device.is_on(id), "{agent}");
}

/// What no session is opened for: the plug can't be one.
#[track_caller]
pub(crate) fn assert_refused_before_connecting(
    agent: &str,
    device: &Device,
    plugs: &[&str],
    more: &[(&str, &str)],
) {
    for plug in plugs {
        for action in ["off", "status"] {
            let done = run(agent, device, action, &[more, &[("plug", plug)]].concat());
            assert_failed_with(&done, &["plug"]);
        }
    }
    assert_eq!((device.sessions(), device.commands()), (0, 0), "{agent}");
}

/// A machine that is on and says so in other words, and that follows no command.
pub(crate) fn deaf(console: &Console, on: &'static str, outlets: &[&str]) -> Device {
    let words = Words { on, ..console.words };
    let console = Console { words, ..console.clone() };
    Device::of(&console).outlets(outlets).habit(Habit { deaf: true, ..Habit::default() }).start()
}

pub(crate) const ONE: &[&str] = &["host1"];
pub(crate) const FOUR: &[&str] = &["web1", "db1", "db2", "spare"];
