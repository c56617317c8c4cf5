//! The list of subjects itself: what they can't do is said, and why.

use std::collections::BTreeSet;

use peers::subject::{Lack, ROWS};

/// What no subject of an agent can do, because the agent's protocol has no such thing.
const NOWHERE: &[(&str, &[Lack])] = &[
    ("fence_ipmilan", &[Lack::Plugs, Lack::TwoPlugsAtOnce, Lack::List]),
    ("fence_redfish", &[Lack::TwoPlugsAtOnce]),
    (
        "fence_scsi",
        &[Lack::TwoPlugsAtOnce, Lack::List, Lack::Login, Lack::LoginCount, Lack::Recovers, Lack::Address],
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
