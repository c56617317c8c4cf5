//! The comparison itself, with devices of several plugs and plugs of several devices.

use fence_agents::agents::{apc_snmp, ipmilan, scsi};
use fence_agents::base::Deadline;
use fence_agents::fencing::engine;
use fence_agents::fencing::job::{Cycle, Job};
use fence_agents::fencing::option::Opt;
use fence_agents::fencing::pins::Pins;
use fence_agents::fencing::settings::{Settings, Source};
use fence_agents::fencing::supervised::Supervised;
use fence_agents::fencing::{
    Action, Agent, Answer, Describe, Device, Error, Identity, IdentityKind, Plugs, Power, Seen, State, Times,
    options,
};

/// A device whose plugs say who they are, and do what they are told.
struct Outlets {
    told: Vec<Vec<Identity>>,
    states: Vec<State>,
    commands: usize,
}

impl Device for Outlets {
    fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
        Ok(())
    }

    fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
        Ok(())
    }

    fn plug_name(&self, plug: usize) -> String {
        format!("outlet {plug}")
    }

    fn plug_count(&self) -> usize {
        self.told.len()
    }

    fn look(&mut self, _by: Deadline) -> Result<Vec<Seen>, Error> {
        Ok(self.states.iter().cloned().map(Seen::from).collect())
    }

    fn switch(&mut self, plug: usize, to: Power, _by: Deadline) -> Result<Answer, Error> {
        self.commands += 1;
        self.states[plug] = if to == Power::Off { State::Off } else { State::On };
        Ok(Answer::Accepted)
    }
}

impl Describe for Outlets {
    fn identity(
        &mut self,
        plug: usize,
        kinds: &[IdentityKind],
        _by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        Ok(self.told[plug].iter().filter(|one| kinds.contains(&one.kind)).cloned().collect())
    }
}

fn settings(agent: &Agent, given: &[(&Opt, &str)]) -> Settings {
    let mut settings = agent.settings(agent.name, Source::Stdin);
    given.iter().for_each(|(option, value)| settings.set(option, value.as_bytes()).unwrap());
    settings
}

/// Switches off what tells these values of this kind, with these options; how many commands were sent.
fn off(agent: &Agent, kind: IdentityKind, told: &[&[&str]], given: &[(&Opt, &str)]) -> Result<usize, Error> {
    let settings = settings(agent, given);
    let pins = Pins::of(agent, &settings)?;
    let told: Vec<Vec<Identity>> = told
        .iter()
        .map(|values| values.iter().map(|value| Identity::new(kind, value, "a test")).collect())
        .collect();
    let mut device = Outlets { states: vec![State::On; told.len()], told, commands: 0 };
    let job = Job {
        action: Action::Off,
        plugs: settings.plugs(),
        kind: agent.plugs,
        cycle: Cycle::Never,
        proof: agent.proof,
    };
    let done = engine::run(Supervised::alone(&mut device).pinned(&pins), &job, &Times::of(&settings));
    match done {
        Ok(_) => Ok(device.commands),
        Err(error) => {
            assert_eq!(device.commands, 0, "{error}");
            Err(error)
        }
    }
}

fn outlets(told: &[&[&str]], plugs: &str, expected: &str) -> Result<usize, Error> {
    off(
        &apc_snmp::AGENT,
        IdentityKind::Name,
        told,
        &[(&options::PLUG, plugs), (&options::EXPECT_NAME, expected)],
    )
}

#[test]
fn of_several_plugs_each_has_its_own_value_in_its_own_place() {
    assert_eq!(outlets(&[&["web1 a"], &["web1 b"]], "3,4", "web1 a,web1 b"), Ok(2));
    for (told, expected) in [
        (["web1 b", "web1 a"], "web1 a,web1 b"),
        (["web1 a", "web2 b"], "web1 a,web1 b"),
        (["web1 a", ""], "web1 a,web1 b"),
    ] {
        let done = outlets(&[&told[..1], &told[1..]], "3,4", expected);
        assert!(matches!(done, Err(Error::WrongMachine { sent: false, .. })), "{told:?}: {done:?}");
    }
}

#[test]
fn another_number_of_values_than_plugs_is_bad_input() {
    for expected in ["a", "a,b,c", "a,", ","] {
        let done = outlets(&[&["a"], &["b"]], "3,4", expected);
        assert!(matches!(done, Err(Error::BadInput { .. })), "{expected}: {done:?}");
    }
    // One value for one plug may contain what separates several.
    assert_eq!(outlets(&[&["a,b"]], "3", "a,b"), Ok(1));
}

#[test]
fn plugs_that_turn_out_to_be_fewer_or_more_than_named_are_refused() {
    let done = outlets(&[&["a"], &["b"], &["c"]], "3,4", "a,b");
    assert!(matches!(done, Err(Error::WrongMachine { .. })), "{done:?}");
    // The same outlet under two names is one, and the second value then has nobody to compare with.
    let done = outlets(&[&["a"]], "3,4", "a,b");
    assert!(matches!(done, Err(Error::WrongMachine { .. })), "{done:?}");
}

#[test]
fn the_devices_behind_a_node_must_be_all_those_expected_and_no_others() {
    let disks = |told: &[&str], expected: &str| {
        assert_eq!(scsi::AGENT.plugs, Plugs::Node);
        off(&scsi::AGENT, IdentityKind::Wwid, &[told], &[(&options::EXPECT_WWID, expected)])
    };
    assert_eq!(disks(&["w1", "w2"], "w2,w1"), Ok(1));
    // Two paths to one disk.
    assert_eq!(disks(&["w1", "w1"], "w1"), Ok(1));
    for (told, expected) in
        [(&["w1"][..], "w1,w2"), (&["w1", "w2"], "w1"), (&[], "w1"), (&["w1", "w3"], "w1,w2")]
    {
        let done = disks(told, expected);
        assert!(matches!(done, Err(Error::WrongMachine { .. })), "{told:?}: {done:?}");
    }
}

#[test]
fn a_machine_that_tells_two_values_is_none_of_them() {
    let uuid = "61207065-6572-2066-6f72-207465737473";
    let other = "61207065-6572-2066-6f72-207465737474";
    let machine =
        |told: &[&str]| off(&ipmilan::AGENT, IdentityKind::Uuid, &[told], &[(&options::EXPECT_UUID, uuid)]);
    assert_eq!(machine(&[uuid]), Ok(1));
    assert_eq!(machine(&[uuid, &uuid.to_uppercase()]), Ok(1));
    for told in [&[uuid, other][..], &[other], &[], &["not a uuid"], &[uuid, "not a uuid"]] {
        assert!(matches!(machine(told), Err(Error::WrongMachine { .. })), "{told:?}");
    }
}

#[test]
fn a_name_is_compared_exactly_but_for_what_devices_fill_fields_up_with() {
    for told in ["rack 7", "  rack 7  ", "rack 7\0\0"] {
        assert_eq!(outlets(&[&[told]], "3", "rack 7"), Ok(1), "{told:?}");
    }
    for told in ["Rack 7", "rack  7", "rack 7b", "rack\t7", ""] {
        assert!(outlets(&[&[told]], "3", "rack 7").is_err(), "{told:?}");
    }
}

#[test]
fn what_identifies_nothing_is_bad_input_also_where_the_machine_says_the_same() {
    let nothing = "To be filled by O.E.M.";
    let done =
        off(&ipmilan::AGENT, IdentityKind::Serial, &[&[nothing]], &[(&options::EXPECT_SERIAL, nothing)]);
    assert!(matches!(done, Err(Error::BadInput { .. })), "{done:?}");
}
