//! The parts of the benchmark, in the order of the document.

use super::contest::Sink;
use super::plot::Scale;
use super::{describing, every, ipmi, load, redfish, scsi, snmp, times};

/// A part: what it measures, and how that is shown.
pub(crate) struct Part {
    /// As on the command line and in figures.json.
    pub(crate) name: &'static str,
    /// The heading.
    pub(crate) title: &'static str,
    /// What has to be known to read the table.
    pub(crate) text: &'static str,
    /// What its rows are: the head of the first column.
    pub(crate) rows: &'static str,
    /// What is drawn.
    pub(crate) plots: &'static [Plot],
    /// Measures.
    pub(crate) measure: fn(&Sink),
}

/// A plot of one measure of a part.
pub(crate) enum Plot {
    /// Bars for every row.
    Bars(&'static str),
    /// Lines over the rows, which are numbers.
    Lines(&'static str, Scale),
}

/// All of them.
pub(crate) const PARTS: [Part; 16] = [
    Part {
        name: "cost-ipmi",
        title: "fence_ipmilan: the cost of an action",
        text: "OpenIPMI's simulator, IPMI 2.0, cipher suite 3, `power_wait=0`. ipmitool sends the command and \
               believes the acknowledgement; ipmipower (`--off --wait-until-off`) looks afterwards, as the agents do.",
        rows: "action",
        plots: &[Plot::Bars("CPU"), Plot::Bars("datagrams sent")],
        measure: ipmi::costs,
    },
    Part {
        name: "cost-snmp",
        title: "fence_apc_snmp: the cost of an action",
        text: "A power unit of the family rPDU behind snmpd, SNMP 1. snmpget reads the state of outlets whose object \
               it is told; snmpset writes the command and doesn't look afterwards. Of two plugs, the original looks at \
               the first only.",
        rows: "action",
        plots: &[Plot::Bars("CPU"), Plot::Bars("datagrams sent")],
        measure: snmp::costs,
    },
    Part {
        name: "cost-redfish",
        title: "fence_redfish: the cost of an action",
        text: "A test service on HTTPS with Basic authentication. curl gets the system's resource or posts the reset, \
               at paths it is told, and doesn't look afterwards. Most of what the system's bundle costs is OpenSSL \
               reading its authorities; `ssl_ca_file` and `ssl_pin` save that.",
        rows: "action, certificate",
        plots: &[Plot::Bars("CPU"), Plot::Bars("connections")],
        measure: redfish::costs,
    },
    Part {
        name: "cost-scsi",
        title: "fence_scsi: off on 1 to 8 disks",
        text: "In a virtual machine without hardware acceleration, whose disks are the kernel's own iSCSI target: times \
               are longer than on any real machine. sg_persist is one PREEMPT AND ABORT for each disk and no look at \
               the result. Processes include those that give the agent a node's surroundings.",
        rows: "disks",
        plots: &[Plot::Lines("wall", Scale::Log)],
        measure: scsi::costs,
    },
    Part {
        name: "cost-every",
        title: "Every agent on each of its simulated devices",
        text: "The devices of the tests, with what they are asked by default. Requests are datagrams over UDP, what was \
               sent at once over TCP, with the connection, and commands to a disk.",
        rows: "agent, action",
        plots: &[Plot::Bars("CPU")],
        measure: every::costs,
    },
    Part {
        name: "cost-describing",
        title: "Describing all agents",
        text: "What a configuration tool costs that wants to know every agent, one after the other.",
        rows: "with",
        plots: &[Plot::Bars("wall")],
        measure: describing::costs,
    },
    Part {
        name: "time-command",
        title: "From the start to the power-off command",
        text: "Until the device has the command, at devices of this project's tests, once directly and once through a \
               relay that holds everything for 10 ms each way.",
        rows: "action",
        plots: &[Plot::Bars("with a round trip of 20 ms")],
        measure: times::to_the_command,
    },
    Part {
        name: "time-exit",
        title: "From the device's change to the agent's end",
        text: "The devices take 1.0 to 1.9 s to go off after the command, evenly spread; measured is what passes from \
               that moment, by the device's record, until the cluster gets to know it.",
        rows: "action",
        plots: &[Plot::Bars("median")],
        measure: times::to_the_exit,
    },
    Part {
        name: "growth-plugs",
        title: "fence_apc_snmp: off of many plugs",
        text: "A power unit with 48 outlets, SNMP 1; ours takes all plugs in one call. The original, told of several plugs, \
               switches the first and reports success for all, so it is called once for each, one call after the other. \
               snmpset writes all commands in one datagram and doesn't look afterwards.",
        rows: "plugs",
        plots: &[Plot::Lines("wall", Scale::Log), Plot::Lines("datagrams sent", Scale::Log)],
        measure: snmp::plugs,
    },
    Part {
        name: "load-state",
        title: "200 simulators asked for their state at once",
        text: "A process for each simulator; ipmipower also as one process for all of them. The simulators (a process \
               each, and a shell for each look at the power) share the processor with those that ask.",
        rows: "devices",
        plots: &[Plot::Bars("wall")],
        measure: load::states,
    },
    Part {
        name: "load-bmc",
        title: "Many nodes to be fenced at once: IPMI",
        text: "One agent for each BMC, all started by one process, one right after the other; each BMC is a thread of \
               a process of its own kind.",
        rows: "agents",
        plots: &[Plot::Lines("last device off", Scale::Log), Plot::Lines("memory", Scale::Log)],
        measure: load::bmcs,
    },
    Part {
        name: "load-one-session",
        title: "One node to be fenced by many at once: a BMC that has one session",
        text: "All agents ask the same BMC, which turns away whoever comes while another is logged in. What counts is \
               when the last of them knows.",
        rows: "agents",
        plots: &[Plot::Lines("last agent ended", Scale::Log)],
        measure: load::one_session,
    },
    Part {
        name: "load-sim",
        title: "Many nodes to be fenced at once: OpenIPMI's simulators",
        text: "The same with a simulator for each agent, which starts shells to look at the power and to switch it.",
        rows: "agents",
        plots: &[Plot::Lines("last device off", Scale::Log)],
        measure: load::sims,
    },
    Part {
        name: "load-outlets",
        title: "Many nodes to be fenced at once: the outlets of one power unit",
        text: "One agent for each outlet of one unit behind one snmpd, which answers one question after the other.",
        rows: "agents",
        plots: &[Plot::Lines("last device off", Scale::Log)],
        measure: load::outlets,
    },
    Part {
        name: "load-units",
        title: "Many nodes to be fenced at once: many power units",
        text: "One agent for each power unit, each behind an snmpd of its own.",
        rows: "agents",
        plots: &[Plot::Lines("last device off", Scale::Log)],
        measure: load::units,
    },
    Part {
        name: "load-redfish",
        title: "Many nodes to be fenced at once: Redfish",
        text: "One agent for each service, on HTTPS, the certificates not verified. The services' side of TLS shares \
               the processor with the agents.",
        rows: "agents",
        plots: &[Plot::Lines("last device off", Scale::Log), Plot::Lines("memory", Scale::Log)],
        measure: load::services,
    },
];
