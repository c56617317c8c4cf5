//! Which agent fences which device: every name of the list, each with the subject that the shared suites have for it.

use std::time::Duration;

use fence_agents::agents;
use fence_agents::fencing::Action;
use peers::snmp::Switch;
use peers::subject::{self, Fault, Lack};

/// An agent, and the device that it fences.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The agent's name.
    pub(crate) agent: &'static str,
    /// Its device.
    pub(crate) subject: &'static subject::Row,
    /// Whether it offers reboot. Where it doesn't, the cluster takes off in its place.
    pub(crate) reboots: bool,
}

/// Every agent under every name. The name of an agent with several subjects has the last of them that can be fenced
/// here, its other names have the first, so that each has its part.
pub(crate) fn rows() -> Vec<Row> {
    let names = agents::FAMILIES.iter().flat_map(|family| family.names());
    let row = |agent: &fence_agents::fencing::Agent, name| {
        let its = subject::of(agent.name, name);
        let mut able = its.iter().filter(|row| can_be_fenced(row));
        let one = if name == agent.name { able.next_back() } else { able.next() };
        let reboots = agent.actions.contains(&Action::Reboot);
        Row { agent: name, subject: one.unwrap_or(&its[0]), reboots }
    };
    names.map(|(agent, name)| row(agent, name)).collect()
}

/// Whether a cluster can fence this device here, and see each of its states. fence_scsi is fenced with elsewhere, on
/// real disks (tests/fence_scsi.rs), and fence_cisco_mds as well (tests/cisco_mds.rs).
fn can_be_fenced(row: &subject::Row) -> bool {
    !row.lacks(Lack::Slow) && !row.lacks(Lack::Cluster)
}

impl Row {
    pub(crate) fn device(&self) -> Device {
        of(self.subject)
    }
}

/// The agents whose devices can be simulated.
pub(crate) fn fencing() -> Vec<Row> {
    rows().into_iter().filter(|row| can_be_fenced(row.subject)).collect()
}

/// A device, and what the cluster has to know about it.
pub(crate) struct Device {
    /// The agent's options.
    pub(crate) options: Vec<(&'static str, String)>,
    /// What the node is called on this device, where it is called anything.
    pub(crate) plug: Option<String>,
    /// Whether the node has power or network: the truth.
    pub is_on: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Device {
    /// The options as the cluster needs them to fence these nodes.
    pub(crate) fn options_for(&self, nodes: &[&str]) -> Vec<(&'static str, String)> {
        let mut options = self.options.clone();
        options.push(match &self.plug {
            Some(plug) => {
                let pairs: Vec<String> = nodes.iter().map(|node| format!("{node}:{plug}")).collect();
                ("pcmk_host_map", pairs.join(";"))
            }
            None => ("pcmk_host_list", nodes.join(" ")),
        });
        options
    }
}

/// How long devices take to follow a command: long enough for a test to see each state.
const DELAY: Duration = Duration::from_millis(300);

/// The device of a subject of the shared suites.
fn of(row: &subject::Row) -> Device {
    let subject = (row.start)(Fault::Slow(DELAY));
    let mut options = subject.options.clone();
    let mut plug = subject.plugs.first().cloned();
    if subject.plug_option != "plug" {
        // Not what a cluster says: a device of its own for the node.
        options.extend(plug.take().map(|plug| (subject.plug_option, plug)));
    }
    Device { options, plug, is_on: Box::new(move || subject.is_on()) }
}

/// A machine with a BMC.
pub(crate) fn bmc() -> Device {
    of(&subject::ipmi::TEST_BMC)
}

/// The first port of a switch, up or down.
pub(crate) fn switch_port(up: bool) -> Device {
    let switch = Switch::start(2, &[], "");
    switch.set("port1", up);
    Device {
        options: vec![
            ("ip", "127.0.0.1".to_owned()),
            ("ipport", switch.address().port().to_string()),
            ("community", "private".to_owned()),
        ],
        plug: Some("port1".to_owned()),
        is_on: Box::new(move || switch.is_up("port1")),
    }
}
