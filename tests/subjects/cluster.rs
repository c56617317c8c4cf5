//! Called by Pacemaker's fencer, which keeps the time itself: what switches goes on until the caller ends it, what reads
//! ends by itself.

use std::time::{Duration, Instant};

use peers::agent::{assert_done, assert_failed_with, together};
use peers::subject::{Fault, Lack, Row};
use peers::{Agent, until};

use crate::conformance::{OFF, REBOOTED, SHORT, assert_others_are_on, assert_untouched};

pub(crate) fn a_device_that_is_silent_for_a_while_is_fenced_after_all(row: &Row) {
    let subject = (row.start)(Fault::Silent);
    let agent = || subject.agent("off").options(SHORT);
    if row.lacks(Lack::Recovers) {
        let both = [agent(), agent().under_pacemaker()].map(|agent| agent.limit(Duration::from_secs(180)));
        return together(both).iter().for_each(|done| assert_untouched(&subject, done));
    }
    // Outside, the same limits hold.
    let outside = agent().run();
    assert_untouched(&subject, &outside);
    std::thread::scope(|scope| {
        let started = Instant::now();
        let asked = subject.device.requests();
        let inside = agent().under_pacemaker();
        let run = scope.spawn(|| inside.run());
        let gave_up = outside.wall * 2;
        let limit = gave_up + Duration::from_secs(60);
        assert!(until(limit, || started.elapsed() > gave_up && subject.device.requests() > asked + 1));
        assert!(!run.is_finished() && subject.is_on());
        subject.device.recover();
        assert_done(&run.join().unwrap(), OFF);
    });
    assert!(!subject.is_on());
    assert_others_are_on(&subject);
}

pub(crate) fn reading_ends_by_itself(row: &Row) {
    let subject = (row.start)(Fault::Silent);
    // A disk isn't asked for more than its path.
    let actions = if row.lacks(Lack::Address) { &["status"][..] } else { &["status", "monitor"] };
    let dead = subject.dead.iter().map(|(name, value)| (*name, value.as_str()));
    let nowhere = subject.agent("status").options(dead);
    let agents = actions.iter().map(|action| subject.agent(action)).chain([nowhere]);
    let mut done = together(agents.map(Agent::under_pacemaker));
    assert_untouched(&subject, &done.pop().unwrap());
    for done in done {
        assert_untouched(&subject, &done);
        assert!(done.stderr.contains("timed out"), "{}", done.stderr);
    }
}

pub(crate) fn an_acknowledgement_without_effect_is_waited_on_until_the_caller_ends_it(row: &Row) {
    if row.lacks(Lack::Ignores) {
        return;
    }
    let subject = (row.start)(Fault::Ignores);
    let agent = subject.agent("off").options([("power_timeout", "1")]).under_pacemaker();
    let done = agent.limit(Duration::from_secs(5)).run();
    assert_eq!(done.stdout, "", "{}", done.stderr);
    assert!(done.killed || done.code == Some(1), "{}", done.stderr);
    assert!(subject.is_on() && subject.commands() > 0);
}

pub(crate) fn a_state_that_changes_late_is_a_success_beyond_power_timeout(row: &Row) {
    if row.lacks(Lack::Slow) {
        return;
    }
    let subject = (row.start)(Fault::Slow(Duration::from_secs(3)));
    let agent = subject.agent("off").options([("power_timeout", "1")]);
    assert_done(&agent.under_pacemaker().run(), OFF);
    assert!(!subject.is_on());
}

pub(crate) fn the_names_that_a_cluster_sends_change_nothing(row: &Row) {
    let subject = row.subject();
    // Where the plug is a node of the cluster, it is the node that is meant.
    let node = subject.plugs.first().map_or("node1", String::as_str);
    let names = [("nodename", node), ("pcmk_host_map", "node1:1"), ("pcmk_reboot_action", "off")];
    let run = |action: &str| subject.agent(action).options(names).under_pacemaker().run();
    assert_done(&run("status"), "Status: ON\n");
    assert_done(&run("monitor"), "");
    assert_done(&run("off"), OFF);
    assert!(!subject.is_on());
    if subject.can("reboot") {
        assert_done(&run("reboot"), REBOOTED);
        assert!(subject.is_on());
    } else {
        assert_failed_with(&run("reboot"), &["ERROR"]);
    }
    assert_others_are_on(&subject);
}
