//! What real devices do, by public reports, asked of every agent that speaks SNMP, the newest too: each kind of it has a
//! relay in front of a device whose true state is the judge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use peers::Relay;
use peers::agent::{Agent, Finished, assert_done};
use peers::faults::snmp::{asks_for_much, refusal, with_error};
use peers::relay::{Direction, Fate, Packet, Sending};
use peers::subject::{Fault, ROWS, Subject};

/// What any SNMP agent has to take (RFC 1157, 4).
const SMALLEST_MESSAGE: usize = 484;

/// Plays for one device of every agent that speaks SNMP, some at a time.
fn each_agent(play: impl Fn(&Subject) + Sync) {
    let speaks =
        |agent: &fence_agents::fencing::Agent| agent.options().any(|option| option.name == "community");
    let of_snmp = ROWS.iter().filter(|row| {
        fence_agents::agents::all().any(|agent| agent.names().any(|name| name == row.agent) && speaks(agent))
    });
    let subjects: Vec<Subject> = of_snmp.map(|row| (row.start)(Fault::None)).collect();
    let names: BTreeSet<&str> = subjects.iter().map(Subject::agent_name).collect();
    assert!(names.len() >= 10, "{names:?}");
    std::thread::scope(|scope| {
        for subject in &subjects {
            scope.spawn(|| play(subject));
        }
    });
}

fn relay(subject: &Subject) -> peers::relay::Builder {
    let port = subject.options.iter().find(|(name, _)| *name == "ipport").unwrap().1.parse().unwrap();
    Relay::builder(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// The agent, through a relay, with time enough for a busy machine.
fn through(relay: &Relay, agent: Agent) -> Finished {
    let port = relay.port().to_string();
    agent.options([("ipport", port.as_str()), ("login_timeout", "30"), ("shell_timeout", "30")]).run()
}

/// What goes to the device, if it goes at all.
fn unheard(is_unheard: fn(&[u8]) -> bool) -> impl FnMut(Packet) -> Fate + Send + 'static {
    move |packet| match packet.direction {
        Direction::ToDevice if is_unheard(packet.bytes) => Fate::Lose,
        _ => Fate::Pass,
    }
}

#[test]
fn an_off_that_is_refused_in_any_words_is_decided_by_the_state() {
    each_agent(|subject| {
        // genErr, commitFailed, authorizationError.
        for status in [5, 14, 16] {
            let refuses = move |packet: Packet| match packet.direction {
                Direction::ToDevice => refusal(packet.bytes, status).map_or(Fate::Pass, |bytes| {
                    let after = Duration::ZERO;
                    Fate::Send(vec![Sending { direction: Direction::ToAgent, after, bytes }])
                }),
                Direction::ToAgent => Fate::Pass,
            };
            let relay = relay(subject).rule(refuses).start();
            let title = format!("{} {status}", subject.name);
            subject.device.set(0, false);
            let done = through(&relay, subject.agent("off"));
            assert_eq!(
                (done.code, done.stdout.as_str()),
                (Some(0), "Success: Already OFF\n"),
                "{title}: {}",
                done.stderr
            );
            subject.device.set(0, true);
            let done = through(&relay, subject.agent("off").options([("power_timeout", "2")]));
            assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{title}: {}", done.stderr);
            assert!(subject.is_on(), "{title}");
        }
        assert_eq!(subject.commands(), 0, "{}", subject.name);
    });
}

#[test]
fn a_device_that_is_silent_to_much_at_once_is_listed_and_fenced() {
    let several = |bytes: &[u8]| asks_for_much(bytes).is_some_and(|(several, _)| several);
    let bulk = |bytes: &[u8]| asks_for_much(bytes).is_some_and(|(_, bulk)| bulk);
    let either = |bytes: &[u8]| asks_for_much(bytes).is_some_and(|(several, bulk)| several || bulk);
    let large = |bytes: &[u8]| bytes.len() > SMALLEST_MESSAGE;
    type Unheard = fn(&[u8]) -> bool;
    let kinds: [(&str, Unheard, &str); 5] = [
        ("several", several, "1"),
        ("several", several, "2c"),
        ("bulk", bulk, "2c"),
        ("either", either, "2c"),
        ("large", large, "1"),
    ];
    each_agent(|subject| {
        for (kind, is_unheard, version) in kinds {
            let relay = relay(subject).rule(unheard(is_unheard)).start();
            let with = |agent: Agent| agent.options([("snmp_version", version)]);
            let title = format!("{} version {version}, {kind}", subject.name);
            let list = through(&relay, with(subject.agent_without_a_plug("list")));
            let lines: Vec<&str> = list.stdout.lines().collect();
            assert!(
                subject.list.iter().all(|line| lines.contains(&line.as_str())),
                "{title}: {}{}",
                list.stdout,
                list.stderr
            );
            let both = [(subject.plug_option, subject.plugs.join(","))];
            let off = through(
                &relay,
                with(subject.agent("off")).options(both.iter().map(|(name, value)| (*name, value.as_str()))),
            );
            assert_eq!(off.code, Some(0), "{title}: {}", off.stderr);
            assert!(!subject.device.is_on(0) && !subject.device.is_on(1), "{title}");
            subject.device.set(0, true);
            subject.device.set(1, true);
        }
    });
}

#[test]
fn answers_from_another_address_of_the_device_are_taken_and_told() {
    each_agent(|subject| {
        let relay = relay(subject).source(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))).start();
        for version in ["1", "2c"] {
            let done = through(&relay, subject.agent("off").options([("snmp_version", version)]));
            assert_done(&done, "Success: Powered OFF\n");
            let told = done.stderr.matches("127.0.0.2").count();
            assert_eq!(told, 1, "{}: {}", subject.name, done.stderr);
            assert!(!done.stderr.contains("wrong community"), "{}", done.stderr);
            assert!(!subject.is_on(), "{}", subject.name);
            subject.device.set(0, true);
        }
    });
}

#[test]
fn one_bad_answer_ends_nothing_once_the_device_has_answered() {
    each_agent(|subject| {
        for (at, status) in [(1, 5), (2, 13), (3, 5), (4, 13), (5, 5)] {
            let one_bad = move |packet: Packet| match packet.direction {
                Direction::ToAgent if packet.index == at => {
                    with_error(packet.bytes, status).map_or(Fate::Pass, |bytes| Fate::Instead(vec![bytes]))
                }
                _ => Fate::Pass,
            };
            let relay = relay(subject).rule(one_bad).start();
            let done = through(&relay, subject.agent("off"));
            let title = format!("{}, answer {at}, {status}", subject.name);
            assert_eq!(done.code, Some(0), "{title}: {}", done.stderr);
            assert!(!subject.is_on(), "{title}");
            subject.device.set(0, true);
        }
    });
}
