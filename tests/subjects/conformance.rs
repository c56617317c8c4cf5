//! What callers see on stdout, in the exit code, and on the device.

use std::time::Duration;

use peers::agent::{Finished, assert_done, assert_failed, assert_failed_with, together};
use peers::subject::{Fault, Lack, Row, Subject};
use peers::until;

/// Limits for what won't succeed anyway.
pub(crate) const SHORT: [(&str, &str); 3] =
    [("login_timeout", "2"), ("shell_timeout", "2"), ("power_timeout", "2")];

pub(crate) const OFF: &str = "Success: Powered OFF\n";
pub(crate) const ON: &str = "Success: Powered ON\n";
pub(crate) const REBOOTED: &str = "Success: Rebooted\n";

/// Nothing else on the device has changed.
#[track_caller]
pub(crate) fn assert_others_are_on(subject: &Subject) {
    for plug in 1..subject.plugs.len() {
        assert!(subject.device.is_on(plug), "{}", subject.plugs[plug]);
    }
}

/// The run failed by itself, and nothing was done to the device.
#[track_caller]
pub(crate) fn assert_untouched(subject: &Subject, done: &Finished) {
    assert_failed_with(done, &[]);
    assert!(done.stderr.contains("ERROR"), "a failure has a reason: {}", done.stderr);
    assert_eq!(subject.commands(), 0, "{}", done.stderr);
    assert!(subject.is_on(), "{}", done.stderr);
    assert_others_are_on(subject);
}

pub(crate) fn off_is_told_once_the_device_has_reported_it(row: &Row) {
    let subject = row.subject();
    assert!(subject.is_on());
    assert_done(&subject.agent("off").run(), OFF);
    assert!(!subject.is_on() && subject.commands() > 0);
    assert_done(&subject.agent("off").run(), "Success: Already OFF\n");
    assert!(!subject.is_on());
    assert_others_are_on(&subject);
}

pub(crate) fn on_is_told_once_the_device_has_reported_it(row: &Row) {
    let subject = row.subject();
    subject.device.set(0, false);
    assert!(!subject.is_on());
    assert_done(&subject.agent("on").run(), ON);
    assert!(subject.is_on());
    // Which of the two it is says how the agent knows what was before.
    let again = subject.agent("on").run();
    let said = [ON, "Success: Already ON\n"].contains(&again.stdout.as_str());
    assert!(said && again.code == Some(0), "{}{}", again.stdout, again.stderr);
    assert!(subject.is_on());
    assert_others_are_on(&subject);
}

pub(crate) fn reboot_is_off_and_then_on_or_refused_where_there_is_none(row: &Row) {
    let subject = row.subject();
    if !subject.can("reboot") {
        return assert_untouched(&subject, &subject.agent("reboot").run());
    }
    for on in [true, false] {
        subject.device.set(0, on);
        let before = subject.commands();
        assert_done(&subject.agent("reboot").run(), REBOOTED);
        assert!(subject.is_on() && subject.commands() > before);
        assert_others_are_on(&subject);
    }
}

pub(crate) fn status_tells_both_states_and_sends_no_command(row: &Row) {
    let subject = row.subject();
    assert_done(&subject.agent("status").run(), "Status: ON\n");
    subject.device.set(0, false);
    let before = subject.commands();
    let done = subject.agent("status").run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(2), "Status: OFF\n"), "{}", done.stderr);
    assert_eq!(subject.commands(), before);
    assert!(!subject.is_on());
}

pub(crate) fn monitor_succeeds_in_both_states_and_sends_no_command(row: &Row) {
    let subject = row.subject();
    assert_done(&subject.agent("monitor").run(), "");
    subject.device.set(0, false);
    let before = subject.commands();
    assert_done(&subject.agent("monitor").run(), "");
    assert_done(&subject.agent("validate-all").run(), "");
    assert_eq!(subject.commands(), before);
    assert!(!subject.is_on());
}

pub(crate) fn list_shows_the_plugs_or_is_refused_where_there_is_none(row: &Row) {
    let subject = row.subject();
    let done = subject.agent_without_a_plug("list").run();
    if row.lacks(Lack::List) && subject.list.is_empty() {
        return assert_failed(&done, "unsupported action");
    }
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for line in &subject.list {
        assert!(done.stdout.lines().any(|told| told.starts_with(line)), "{line}: {}", done.stdout);
    }
    assert_eq!(subject.commands(), 0);
}

pub(crate) fn two_plugs_are_switched_together_or_not_at_all(row: &Row) {
    if row.lacks(Lack::Plugs) {
        return;
    }
    let subject = row.subject();
    let run = |action: &str, plugs: &[&str]| {
        subject.agent_without_a_plug(action).options([(subject.plug_option, plugs.join(","))]).run()
    };
    let [one, other] = [&subject.plugs[0], &subject.plugs[1]].map(String::as_str);
    if row.lacks(Lack::TwoPlugsAtOnce) {
        assert_untouched(&subject, &run("off", &[one, other]));
        assert_done(&run("off", &[other]), OFF);
        assert!(subject.device.is_on(0) && !subject.device.is_on(1));
        return;
    }
    // One that doesn't exist spoils the whole, before anything is switched.
    let missing = run("off", &[one, subject.missing_plug]);
    assert_untouched(&subject, &missing);
    assert!(missing.stderr.contains(subject.missing_plug), "{}", missing.stderr);
    // One of them is off already: the other must go off all the same.
    subject.device.set(0, false);
    assert_done(&run("status", &[one, other]), "Status: ON\n");
    assert_done(&run("off", &[one, other]), OFF);
    assert!(!subject.device.is_on(0) && !subject.device.is_on(1));
    subject.device.set(1, true);
    assert_done(&run("on", &[one, other]), ON);
    assert!(subject.device.is_on(0) && subject.device.is_on(1));
    if subject.can("reboot") {
        let before = subject.commands();
        assert_done(&run("reboot", &[one, other]), REBOOTED);
        assert!(subject.device.is_on(0) && subject.device.is_on(1) && subject.commands() >= before + 4);
    }
}

pub(crate) fn a_plug_that_does_not_exist_is_in_no_state(row: &Row) {
    if row.lacks(Lack::Plugs) {
        return;
    }
    let subject = row.subject();
    for action in subject.actions.iter().chain(&["status"]) {
        let done =
            subject.agent_without_a_plug(action).options([(subject.plug_option, subject.missing_plug)]).run();
        assert_untouched(&subject, &done);
        assert!(done.stderr.contains(subject.missing_plug), "{action}: {}", done.stderr);
    }
}

pub(crate) fn no_plug_is_switched_that_nobody_named(row: &Row) {
    if row.lacks(Lack::Plugs) {
        return;
    }
    let subject = row.subject();
    for action in subject.actions {
        assert_untouched(&subject, &subject.agent_without_a_plug(action).run());
    }
}

pub(crate) fn a_wrong_login_is_refused_and_tried_once(row: &Row) {
    if row.lacks(Lack::Login) {
        return;
    }
    let subject = row.subject();
    let wrong = || {
        let login = subject.wrong_login.iter().map(|(name, value)| (*name, value.as_str()));
        subject.agent("off").options(login)
    };
    for (number, agent) in [wrong(), wrong().under_pacemaker()].into_iter().enumerate() {
        let done = agent.run();
        assert_untouched(&subject, &done);
        assert!(done.stderr.contains("login denied"), "{}", done.stderr);
        let tried = subject.device.refused_logins();
        assert_eq!(tried.is_none(), row.lacks(Lack::LoginCount));
        if tried.is_some() {
            let count = || subject.device.refused_logins().unwrap();
            assert!(until(Duration::from_secs(5), || count() > number));
            assert_eq!(count(), number + 1, "an account that is tried too often is locked");
        }
    }
}

pub(crate) fn a_command_that_is_refused_is_no_success(row: &Row) {
    if row.lacks(Lack::Refuses) {
        return;
    }
    let subject = (row.start)(Fault::Refuses);
    for action in subject.actions.iter().filter(|action| ["off", "reboot"].contains(*action)) {
        let done = subject.agent(action).options([("power_timeout", "3")]).run();
        assert_failed_with(&done, &["ERROR"]);
        assert!(subject.is_on(), "{action}: {}", done.stderr);
        assert_others_are_on(&subject);
    }
}

pub(crate) fn an_acknowledgement_without_effect_is_no_success(row: &Row) {
    if row.lacks(Lack::Ignores) {
        return;
    }
    let subject = (row.start)(Fault::Ignores);
    for action in subject.actions.iter().filter(|action| ["off", "reboot"].contains(*action)) {
        let done = subject.agent(action).options([("power_timeout", "3")]).run();
        assert_failed(&done, subject.ignored);
        assert!(subject.is_on() && subject.commands() > 0, "{action}: {}", done.stderr);
        assert_others_are_on(&subject);
    }
}

pub(crate) fn a_machine_that_takes_its_time_is_waited_for_and_not_longer_than_power_timeout(row: &Row) {
    if row.lacks(Lack::Slow) {
        return;
    }
    let subject = (row.start)(Fault::Slow(Duration::from_millis(1500)));
    let action = if subject.can("reboot") { "reboot" } else { "off" };
    let done = subject.agent(action).run();
    assert_done(&done, if action == "reboot" { REBOOTED } else { OFF });
    assert_eq!(subject.is_on(), action == "reboot");
    assert_others_are_on(&subject);
    let subject = (row.start)(Fault::Slow(Duration::from_secs(600)));
    let done = subject.agent("off").options([("power_timeout", "1")]).run();
    assert_failed(&done, "timed out waiting for off");
    assert!(subject.is_on());
}

pub(crate) fn answers_that_come_late_are_waited_for(row: &Row) {
    let subject = (row.start)(Fault::Late(Duration::from_millis(400)));
    let generous = [("login_timeout", "60"), ("shell_timeout", "30"), ("power_timeout", "60")];
    assert_done(&subject.agent("off").options(generous).run(), OFF);
    assert!(!subject.is_on());
    assert_others_are_on(&subject);
}

pub(crate) fn silence_is_no_state(row: &Row) {
    let subject = (row.start)(Fault::Silent);
    let actions = subject.actions.iter().chain(&["status"]);
    for done in together(actions.map(|action| subject.agent(action).options(SHORT))) {
        assert_untouched(&subject, &done);
        assert!(done.stderr.contains("timed out"), "{}", done.stderr);
    }
    assert!(subject.device.requests() > 0, "it was asked");
}

pub(crate) fn a_port_where_nobody_listens_is_no_state(row: &Row) {
    let subject = row.subject();
    let dead = || subject.dead.iter().map(|(name, value)| (*name, value.as_str()));
    let reading = if row.lacks(Lack::Address) { &["status"][..] } else { &["status", "monitor"] };
    let actions = subject.actions.iter().chain(reading);
    for done in together(actions.map(|action| subject.agent(action).options(dead()).options(SHORT))) {
        assert_untouched(&subject, &done);
    }
    assert_eq!(subject.device.requests(), 0, "nobody else was asked");
}
