//! The list of subjects itself: what they can't do is said, and why. And the proof that the suites can fail.

use std::collections::BTreeSet;
use std::panic::RefUnwindSafe;
use std::time::Duration;

use peers::TempDir;
use peers::subject::ipmi::TEST_BMC;
use peers::subject::{Fault, Lack, ROWS, Row, Subject};

use crate::{cluster, conformance, killed, know, secrets};

/// What no subject of an agent can do, because the agent's protocol has no such thing.
const NOWHERE: &[(&str, &[Lack])] = &[
    ("fence_ipmilan", &[Lack::Plugs, Lack::TwoPlugsAtOnce, Lack::List]),
    ("fence_redfish", &[Lack::TwoPlugsAtOnce]),
    ("fence_ilo_ssh", &[Lack::Plugs, Lack::TwoPlugsAtOnce, Lack::List]),
    ("fence_drac", &[Lack::Plugs, Lack::TwoPlugsAtOnce, Lack::List]),
    ("fence_rsa", &[Lack::Plugs, Lack::TwoPlugsAtOnce, Lack::List]),
    ("fence_rsb", &[Lack::Plugs, Lack::TwoPlugsAtOnce, Lack::List]),
    ("fence_ilo_mp", &[Lack::Plugs, Lack::TwoPlugsAtOnce, Lack::List]),
    (
        "fence_scsi",
        &[
            Lack::TwoPlugsAtOnce,
            Lack::List,
            Lack::Slow,
            Lack::Login,
            Lack::LoginCount,
            Lack::Recovers,
            Lack::Address,
        ],
    ),
];

#[test]
fn what_one_device_of_an_agent_can_not_do_another_one_can_unless_the_protocol_has_it_not() {
    let agents: BTreeSet<&str> = ROWS.iter().map(|row| row.agent).collect();
    for agent in agents {
        let its: Vec<_> = ROWS.iter().filter(|row| row.agent == agent).collect();
        let lacks: BTreeSet<Lack> = its.iter().flat_map(|row| row.lacks).map(|(lack, _)| *lack).collect();
        let nowhere: BTreeSet<Lack> =
            lacks.into_iter().filter(|lack| its.iter().all(|row| row.lacks(*lack))).collect();
        let allowed = NOWHERE.iter().find(|(name, _)| *name == agent).map_or(&[][..], |(_, lacks)| *lacks);
        assert_eq!(nowhere, allowed.iter().copied().collect(), "{agent}");
    }
}

#[test]
fn every_lack_has_its_reason_once() {
    for row in ROWS {
        let lacks: BTreeSet<Lack> = row.lacks.iter().map(|(lack, _)| *lack).collect();
        assert_eq!(lacks.len(), row.lacks.len(), "{}", row.name);
        assert!(row.lacks.iter().all(|(_, why)| !why.is_empty()), "{}", row.name);
    }
}

#[test]
fn every_program_has_a_subject_and_every_subject_is_of_its_row() {
    let families = fence_agents::agents::FAMILIES.iter();
    let agents: BTreeSet<&str> = ROWS.iter().map(|row| row.agent).collect();
    for family in families {
        for agent in family.agents {
            assert!(agents.contains(agent.name), "{} has no subject", agent.name);
        }
    }
    for row in ROWS {
        let subject = row.subject();
        assert_eq!((subject.name, subject.agent_name()), (row.name, row.agent));
        let plugs = (subject.plugs.len() >= 2, subject.missing_plug.is_empty());
        assert_eq!(plugs, (!row.lacks(Lack::Plugs), row.lacks(Lack::Plugs)), "{}", row.name);
        assert_eq!(subject.secrets.is_empty(), row.lacks(Lack::Login), "{}", row.name);
        assert_eq!(subject.wrong_login.is_empty(), row.lacks(Lack::Login), "{}", row.name);
        let names: BTreeSet<&str> = subject.options.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), subject.options.len(), "{}: a cluster has each option once", row.name);
        assert!(!subject.dead.is_empty() && subject.can("off") && subject.can("on"), "{}", row.name);
    }
}

#[test]
fn every_subject_has_a_part_in_the_fault_campaign() {
    let fields = peers::faults::fields_with(&peers::agents_dir());
    for row in ROWS {
        let campaign = row.subject().campaign;
        assert!(fields.iter().any(|field| field.name() == campaign), "{}: {campaign}", row.name);
    }
}

/// A row whose agent is a script, that gets the path of the real one as its first argument.
fn impostor(fault: Fault, script: &str) -> Subject {
    let mut subject = (TEST_BMC.start)(fault);
    let script =
        format!("#!/bin/sh\nreal={}\n{script}\n", peers::agents_dir().join(TEST_BMC.agent).display());
    // Lives as long as the tests.
    let dir = Box::leak(Box::new(TempDir::new("impostor")));
    subject.agent = dir.program(TEST_BMC.agent, &script).display().to_string();
    subject
}

/// What each action says that succeeds.
const SAY: &str = "case \"$options\" in *action=status*) echo 'Status: ON';; *action=off*) echo 'Success: Powered OFF';; \
                   *action=on*) echo 'Success: Powered ON';; *action=reboot*) echo 'Success: Rebooted';; esac";

/// It does nothing, and says that all is done.
fn idle(fault: Fault) -> Subject {
    impostor(fault, &format!("options=$(cat)\n{SAY}"))
}

/// It does everything, doesn't look what came of it, and says that all is done.
fn blind(fault: Fault) -> Subject {
    impostor(
        fault,
        &format!("options=$(cat)\nprintf '%s\\n' \"$options\" | timeout 5 $real >/dev/null 2>&1\n{SAY}"),
    )
}

/// It gives up whatever it is asked for.
fn quitter(fault: Fault) -> Subject {
    impostor(fault, "cat >/dev/null; echo 'ERROR: timed out' >&2; exit 1")
}

/// It does as it should, and tells what it was told.
fn talker(fault: Fault) -> Subject {
    impostor(fault, "options=$(cat)\necho \"$options\" >&2\nprintf '%s\\n' \"$options\" | $real")
}

/// It does as it should, and leaves somebody behind.
fn parent(fault: Fault) -> Subject {
    impostor(fault, "sleep 100 &\nexec $real")
}

/// Whether a behaviour's test fails with this agent.
fn is_caught(behaviour: impl Fn(&Row) + RefUnwindSafe, start: fn(Fault) -> Subject) -> bool {
    let row = Row { start, ..TEST_BMC };
    std::panic::catch_unwind(|| behaviour(&row)).is_err()
}

#[test]
fn an_agent_that_does_nothing_and_claims_everything_is_caught() {
    for behaviour in [
        conformance::off_is_told_once_the_device_has_reported_it,
        conformance::on_is_told_once_the_device_has_reported_it,
        conformance::reboot_is_off_and_then_on_or_refused_where_there_is_none,
        conformance::status_tells_both_states_and_sends_no_command,
        conformance::list_shows_the_plugs_or_is_refused_where_there_is_none,
        conformance::a_wrong_login_is_refused_and_tried_once,
        conformance::a_command_that_is_refused_is_no_success,
        conformance::an_acknowledgement_without_effect_is_no_success,
        conformance::answers_that_come_late_are_waited_for,
        conformance::silence_is_no_state,
        conformance::a_port_where_nobody_listens_is_no_state,
        cluster::a_device_that_is_silent_for_a_while_is_fenced_after_all,
        cluster::reading_ends_by_itself,
        cluster::an_acknowledgement_without_effect_is_waited_on_until_the_caller_ends_it,
        cluster::the_names_that_a_cluster_sends_change_nothing,
    ] {
        assert!(is_caught(behaviour, idle));
    }
}

#[test]
fn an_agent_that_does_not_look_what_came_of_its_command_is_caught() {
    for behaviour in [
        conformance::a_command_that_is_refused_is_no_success,
        conformance::an_acknowledgement_without_effect_is_no_success,
        conformance::a_wrong_login_is_refused_and_tried_once,
        conformance::silence_is_no_state,
        conformance::a_port_where_nobody_listens_is_no_state,
    ] {
        assert!(is_caught(behaviour, blind));
    }
}

#[test]
fn an_agent_that_gives_up_is_caught() {
    for behaviour in [
        conformance::off_is_told_once_the_device_has_reported_it,
        conformance::on_is_told_once_the_device_has_reported_it,
        conformance::reboot_is_off_and_then_on_or_refused_where_there_is_none,
        conformance::status_tells_both_states_and_sends_no_command,
        conformance::monitor_succeeds_in_both_states_and_sends_no_command,
        conformance::answers_that_come_late_are_waited_for,
        killed::what_was_killed_at_any_step_is_finished_by_the_next,
        know::explain_tells_what_would_be_sent_sends_nothing_and_fails,
        know::doctor_changes_nothing_and_finds_nothing_wrong_with_a_healthy_device,
    ] {
        assert!(is_caught(behaviour, quitter));
    }
}

#[test]
fn an_agent_that_tells_a_secret_or_leaves_somebody_behind_is_caught() {
    assert!(is_caught(secrets::no_secret_gets_out_whatever_comes_of_the_login, talker));
    assert!(is_caught(|row| killed::nobody_is_left_after(Duration::from_secs(3), row), parent));
}
