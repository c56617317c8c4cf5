//! Which agent fences which device. Another agent is another row.

use std::time::Duration;

use peers::snmp::{Family, PowerUnit, Switch};
use peers::subject::{self, Fault};

/// An agent, and how its device is started.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// The agent's name.
    pub(crate) agent: &'static str,
    /// A new device of its kind, switched on. `None` for what no simulation stands for: such an agent is described
    /// and configured here, and fences elsewhere.
    pub(crate) start: Option<fn() -> Device>,
    /// Options that only our agent has, with values that go with this device.
    pub(crate) additions: &'static [(&'static str, &'static str)],
    /// Whether it offers reboot. Where it doesn't, the cluster takes off in its place.
    pub(crate) reboots: bool,
}

/// What fence_ipmilan has under each of its names.
const IPMILAN_ADDITIONS: &[(&str, &str)] = &[
    ("unproven_cycle", "1"),
    ("expect_uuid", "61207065-6572-2066-6f72-207465737473"),
    ("expect_serial", "SERIAL-7"),
    ("expect_name", "RACK-7"),
    EVIDENCE_FILE,
];

/// What every agent has.
const EVIDENCE_FILE: (&str, &str) = ("evidence_file", "/run/evidence.json");

/// Every agent.
pub(crate) const ROWS: &[Row] = &[
    Row { agent: "fence_ipmilan", start: Some(ipmi_sim), additions: IPMILAN_ADDITIONS, reboots: true },
    Row { agent: "fence_ilo3", start: Some(bmc), additions: IPMILAN_ADDITIONS, reboots: true },
    Row { agent: "fence_ilo4", start: Some(bmc), additions: IPMILAN_ADDITIONS, reboots: true },
    Row { agent: "fence_ilo5", start: Some(bmc), additions: IPMILAN_ADDITIONS, reboots: true },
    Row { agent: "fence_imm", start: Some(bmc), additions: IPMILAN_ADDITIONS, reboots: true },
    Row { agent: "fence_idrac", start: Some(bmc), additions: IPMILAN_ADDITIONS, reboots: true },
    Row { agent: "fence_ipmilanplus", start: Some(bmc), additions: IPMILAN_ADDITIONS, reboots: true },
    Row {
        agent: "fence_apc_snmp",
        start: Some(apc),
        additions: &[("family", "apc-rpdu"), ("expect_name", "web1"), EVIDENCE_FILE],
        reboots: true,
    },
    Row {
        agent: "fence_tripplite_snmp",
        start: Some(tripp_lite),
        additions: &[("family", "tripplite"), ("expect_name", "web1"), EVIDENCE_FILE],
        reboots: true,
    },
    Row {
        agent: "fence_redfish",
        start: Some(redfish),
        additions: &[
            ("method", "onoff"),
            ("unproven_cycle", "1"),
            ("system", "1"),
            ("expect_uuid", "61207065-6572-2066-6f72-207465737473"),
            ("expect_serial", "SERIAL-7"),
            ("expect_name", "RACK-7"),
            EVIDENCE_FILE,
        ],
        reboots: true,
    },
    // Real disks only: tests/fence_scsi.rs has them, in a guest.
    Row {
        agent: "fence_scsi",
        start: None,
        additions: &[("expect_wwid", "36001405abc"), ("expect_serial", "abc"), EVIDENCE_FILE],
        reboots: false,
    },
    Row {
        agent: "fence_eaton_snmp",
        start: Some(eaton),
        additions: &[("family", "eaton-epdu"), ("expect_name", "web1"), EVIDENCE_FILE],
        reboots: true,
    },
    Row {
        agent: "fence_emerson",
        start: Some(emerson),
        additions: &[("expect_name", "web1"), EVIDENCE_FILE],
        reboots: true,
    },
    Row {
        agent: "fence_ipdu",
        start: Some(ipdu),
        additions: &[("family", "ibm-ipdu-new"), ("expect_name", "web1"), EVIDENCE_FILE],
        reboots: true,
    },
    Row {
        agent: "fence_lindypdu",
        start: Some(lindy),
        additions: &[("expect_name", "web1"), EVIDENCE_FILE],
        reboots: true,
    },
    // Pacemaker takes the slash in the names of its ports for the end of a name where it reads a list, and a link is up
    // later than its port is switched on: tests/cisco_mds.rs has them.
    Row {
        agent: "fence_cisco_mds",
        start: None,
        additions: &[("expect_name", "web1"), EVIDENCE_FILE],
        reboots: false,
    },
    Row {
        agent: "fence_ibmblade",
        start: Some(blade_center),
        additions: &[("expect_name", "web1"), EVIDENCE_FILE],
        reboots: true,
    },
    Row {
        agent: "fence_intelmodular",
        start: Some(modular_server),
        additions: &[EVIDENCE_FILE],
        reboots: true,
    },
    Row {
        agent: "fence_snmp_pdu",
        start: Some(snmp_pdu),
        additions: &[("family", "raritan-pdu2"), ("expect_name", "web1"), EVIDENCE_FILE],
        reboots: true,
    },
    Row {
        agent: "fence_ifmib",
        start: Some(switch),
        additions: &[("expect_name", "web1"), EVIDENCE_FILE],
        reboots: false,
    },
];

impl Row {
    pub(crate) fn device(&self) -> Device {
        self.start.expect("a row of `fencing()`")()
    }
}

/// The agents whose devices can be simulated.
pub(crate) fn fencing() -> Vec<Row> {
    ROWS.iter().filter(|row| row.start.is_some()).copied().collect()
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

fn ipmi_sim() -> Device {
    of(&subject::ipmi::IPMI_SIM)
}

/// A machine with a BMC.
pub(crate) fn bmc() -> Device {
    of(&subject::ipmi::TEST_BMC)
}

fn redfish() -> Device {
    of(&subject::redfish::TEST_SERVICE)
}

fn apc() -> Device {
    of(&subject::snmp::POWER_UNIT)
}

fn tripp_lite() -> Device {
    let unit = PowerUnit::builder(Family::TrippLite).delay(DELAY).start();
    Device {
        options: snmp_options(unit.address().port()),
        plug: Some("3".to_owned()),
        is_on: Box::new(move || unit.is_on(1, 3)),
    }
}

fn snmp_options(port: u16) -> Vec<(&'static str, String)> {
    vec![("ip", "127.0.0.1".to_owned()), ("ipport", port.to_string()), ("community", "private".to_owned())]
}

fn eaton() -> Device {
    of(&subject::snmp::EATON)
}

fn emerson() -> Device {
    of(&subject::snmp::EMERSON)
}

fn snmp_pdu() -> Device {
    of(&subject::snmp::SNMP_PDU)
}

fn ipdu() -> Device {
    of(&subject::snmp::IPDU)
}

fn lindy() -> Device {
    of(&subject::snmp::LINDY_UNIT)
}

fn blade_center() -> Device {
    of(&subject::snmp::BLADE_CENTER)
}

fn modular_server() -> Device {
    of(&subject::snmp::MODULAR_SERVER)
}

fn switch() -> Device {
    of(&subject::snmp::SWITCH)
}

/// The first port of a switch, up or down.
pub(crate) fn switch_port(up: bool) -> Device {
    let switch = Switch::start(2, &[], "");
    switch.set("port1", up);
    Device {
        options: snmp_options(switch.address().port()),
        plug: Some("port1".to_owned()),
        is_on: Box::new(move || switch.is_up("port1")),
    }
}
