//! Power units, blade enclosures and switches, over SNMP.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::gate::{Gate, Instead, dead_udp_port};
use super::{Device, Fate, Fault, Lack, Reader, Row, Subject, Why, options, pins};
use crate::snmp::daemon::AUTH_PASSWORD;
use crate::snmp::{Family, PowerUnit, Refusal, Switch, User};
use crate::stand::{
    Builder, CISCO_MDS, EATON_EPDU, IBM_BLADE, INTEL_MODULAR, IPDU_NEW, LIEBERT_MPX, LINDY, RARITAN_PDU2,
};
use crate::until;

/// A power unit.
pub const POWER_UNIT: Row =
    Row { name: "fence_apc_snmp on a power unit", agent: "fence_apc_snmp", lacks: &[], start: power_unit };

/// A switch whose ports are real Linux links.
pub const SWITCH: Row =
    Row { name: "fence_ifmib on a switch", agent: "fence_ifmib", lacks: &[], start: switch };

/// A switch of a Fibre Channel fabric.
pub const FABRIC: Row = Row {
    name: "fence_cisco_mds on a switch",
    agent: "fence_cisco_mds",
    lacks: &[(
        Lack::Cluster,
        Why::Protocol(
            "Pacemaker takes the slash in the names of its ports for the end of a name where it reads a list, and a \
             link is up later than its port is switched on",
        ),
    )],
    start: fabric,
};

/// A power unit with one text for all its outlets.
pub const LINDY_UNIT: Row =
    Row { name: "fence_lindypdu on a power unit", agent: "fence_lindypdu", lacks: &[], start: lindy_unit };

/// usmStatsWrongDigests (RFC 3414, section 5): how often the password of a user was wrong.
const WRONG_DIGESTS: &str = "1.3.6.1.6.3.15.1.1.5.0";

/// ifAdminStatus (RFC 2863, section 6): 1 is up, 2 is down.
const ADMIN_STATUS: &str = "1.3.6.1.2.1.2.2.1.7";

/// The users beside the communities: one for those who have both passwords, and the one of the examples.
fn users() -> [User; 2] {
    [User::new(Some("SHA"), Some("AES")), User::new(Some("SHA"), None)]
}

fn subject(name: &'static str, agent: &str, port: u16, device: Box<dyn Device>) -> Subject {
    let mut login = options([("ip", "127.0.0.1"), ("community", "private"), ("power_wait", "0")]);
    login.push(("ipport", port.to_string()));
    Subject {
        name,
        agent: agent.to_owned(),
        options: login,
        dead: vec![("ipport", dead_udp_port().to_string())],
        actions: &["off", "on", "reboot"],
        plugs: Vec::new(),
        plug_option: "plug",
        missing_plug: "",
        list: Vec::new(),
        ignored: "timed out",
        // A community that isn't known gets no answer at all.
        wrong_login: options([
            ("snmp_version", "3"),
            ("snmp_sec_level", "authPriv"),
            ("username", "SHA-AES"),
            ("password", "wrong-password"),
            ("snmp_auth_prot", "SHA"),
            ("snmp_priv_prot", "AES"),
            ("snmp_priv_passwd", "wrong-password"),
        ]),
        secrets: vec!["private", "wrong-password"],
        pins: Vec::new(),
        told: Vec::new(),
        // The community is one that devices are delivered with.
        health: 3,
        proof: "reported",
        campaign: match agent {
            "fence_apc_snmp" | "fence_ifmib" => "snmp",
            "fence_tripplite_snmp" => "subjects",
            _ => "snmp-units",
        },
        reader: Reader { user: "SHA-no", secret: AUTH_PASSWORD, ..Reader::default() },
        device,
    }
}

/// What the device itself has counted.
fn wrong_digests(at: SocketAddr) -> usize {
    get(at, WRONG_DIGESTS)
}

/// A number that the device tells.
fn get(at: SocketAddr, object: &str) -> usize {
    let output = Command::new("snmpget")
        .args(["-v2c", "-cprivate", "-Oqve", &at.to_string(), object])
        .output()
        .expect("snmpget (Debian package snmp)");
    let told = String::from_utf8_lossy(&output.stdout);
    told.trim().parse().unwrap_or_else(|_| panic!("{told}{}", String::from_utf8_lossy(&output.stderr)))
}

/// The outlets that are fenced.
const OUTLETS: [u32; 2] = [3, 5];

struct Unit {
    gate: Gate,
    unit: PowerUnit,
    places: [(u32, u32); 2],
}

/// How long a command takes to have its effect.
fn slowness(fault: Fault) -> Duration {
    if let Fault::Slow(delay) = fault { delay } else { Duration::ZERO }
}

fn power_unit(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(Family::ApcRpdu);
    let subject = of_unit(&POWER_UNIT, unit, OUTLETS.map(|outlet| (1, outlet)), ["3", "5"], fault);
    Subject {
        told: vec!["SNMP 1, unprotected", "a community", "APC Switched Rack PDU", "node one"],
        ..subject
    }
}

/// A unit of Tripp Lite's, for the other name of the agent.
pub const TRIPP_LITE: Row = Row {
    name: "fence_tripplite_snmp on a power unit",
    agent: "fence_tripplite_snmp",
    lacks: &[],
    start: tripp_lite,
};

fn tripp_lite(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(Family::TrippLite);
    Subject {
        told: vec!["SNMP 1, unprotected", "a community", "Tripp Lite", "node one"],
        ..of_unit(&TRIPP_LITE, unit, OUTLETS.map(|outlet| (1, outlet)), ["3", "5"], fault)
    }
}

/// A unit of which two outlets are fenced: where they are, and how the agent calls them.
fn of_unit(
    row: &Row,
    builder: Builder,
    places: [(u32, u32); 2],
    plugs: [&'static str; 2],
    fault: Fault,
) -> Subject {
    let builder = builder.users(&users()).delay(slowness(fault));
    // snmpd answers for a standard branch itself otherwise.
    let unit = if row.agent == FABRIC.agent { builder.start_changeable() } else { builder.start() };
    unit.name(places[0].0, places[0].1, "node one");
    unit.refuse((fault == Fault::Refuses).then_some(Refusal::NotWritable));
    unit.ignore_commands(fault == Fault::Ignores);
    let gate = Gate::udp(unit.address(), fault);
    Subject {
        plugs: plugs.map(str::to_owned).to_vec(),
        missing_plug: "99",
        list: vec![format!("{},node one", plugs[0]), format!("{},outlet {}", plugs[1], places[1].1)],
        pins: pins([("expect_name", "node one", "node two")]),
        ..subject(row.name, row.agent, gate.port(), Box::new(Unit { gate, unit, places }))
    }
}

fn lindy_unit(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(&LINDY);
    let mut subject = Subject {
        told: vec!["SNMP 1, unprotected", "a community", "1.3.6.1.4.1.17420", "node one"],
        ..of_unit(&LINDY_UNIT, unit, OUTLETS.map(|outlet| (1, outlet)), ["3", "5"], fault)
    };
    // No chain: its own unit is the first.
    subject.reader.own.push(("-s 2", "-s 1".to_owned()));
    subject
}

fn fabric(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(&CISCO_MDS);
    Subject {
        actions: &["off", "on"],
        missing_plug: "fc1/99",
        told: vec!["SNMP 2c, unprotected", "a community", "1.3.6.1.4.1.9.12", "port fc1/3", "node one"],
        ..of_unit(&FABRIC, unit, OUTLETS.map(|port| (1, port)), ["fc1/3", "fc1/5"], fault)
    }
}

/// Eaton's unit of the generation that is sold.
pub const EATON: Row = Row {
    name: "fence_eaton_snmp on an ePDU G3",
    agent: "fence_eaton_snmp",
    lacks: &[(Lack::Original, Why::Protocol("the original knows the older generations alone"))],
    start: eaton,
};

fn eaton(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(&EATON_EPDU);
    Subject {
        told: vec!["SNMP 1, unprotected", "a community", "Eaton ePDU G2 or G3", "node one"],
        ..of_unit(&EATON, unit, [(0, 3), (0, 5)], ["3", "5"], fault)
    }
}

/// Liebert's unit, whose rows have branches.
pub const EMERSON: Row =
    Row { name: "fence_emerson on a Liebert MPX", agent: "fence_emerson", lacks: &[], start: emerson };

fn emerson(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(&LIEBERT_MPX).switches(2);
    Subject {
        missing_plug: "1.1.99",
        told: vec!["SNMP 2c, unprotected", "a community", "Liebert MPX or MPH", "node one"],
        ..of_unit(&EMERSON, unit, [(1, 3), (1, 5)], ["1.1.3", "1.1.5"], fault)
    }
}

/// IBM's unit with its newer layout.
pub const IPDU: Row = Row {
    name: "fence_ipdu on an iPDU",
    agent: "fence_ipdu",
    lacks: &[(Lack::Original, Why::Protocol("the original knows the layout of the older firmware alone"))],
    start: ipdu,
};

fn ipdu(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(&IPDU_NEW);
    let mut subject = Subject {
        told: vec!["SNMP 2c, unprotected", "a community", "IBM iPDU, newer firmware", "node one"],
        ..of_unit(&IPDU, unit, [(1, 3), (1, 5)], ["3", "5"], fault)
    };
    subject.options.push(("snmp_version", "2c".to_owned()));
    subject
}

/// Raritan's unit, whose states are those of sensors.
pub const SNMP_PDU: Row =
    Row { name: "fence_snmp_pdu on a Raritan PX3", agent: "fence_snmp_pdu", lacks: &[], start: snmp_pdu };

fn snmp_pdu(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(&RARITAN_PDU2);
    Subject {
        told: vec!["SNMP 1, unprotected", "a community", "Raritan PX2 and later", "node one"],
        ..of_unit(&SNMP_PDU, unit, [(1, 3), (1, 5)], ["3", "5"], fault)
    }
}

/// IBM's BladeCenter.
pub const BLADE_CENTER: Row =
    Row { name: "fence_ibmblade on a BladeCenter", agent: "fence_ibmblade", lacks: &[], start: blade_center };

fn blade_center(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(&IBM_BLADE);
    Subject {
        told: vec!["SNMP 1, unprotected", "a community", "IBM BladeCenter", "node one"],
        ..of_unit(&BLADE_CENTER, unit, [(1, 3), (1, 5)], ["3", "5"], fault)
    }
}

/// Intel's Modular Server, which has no names.
pub const MODULAR_SERVER: Row = Row {
    name: "fence_intelmodular on a Modular Server",
    agent: "fence_intelmodular",
    lacks: &[],
    start: modular_server,
};

fn modular_server(fault: Fault) -> Subject {
    let unit = PowerUnit::builder(&INTEL_MODULAR);
    Subject {
        told: vec!["SNMP 2c, unprotected", "a community", "Intel Modular Server"],
        list: vec!["3,".to_owned(), "5,".to_owned()],
        pins: Vec::new(),
        ..of_unit(&MODULAR_SERVER, unit, [(1, 3), (1, 5)], ["3", "5"], fault)
    }
}

impl Device for Unit {
    fn is_on(&self, plug: usize) -> bool {
        let (group, outlet) = self.places[plug];
        self.unit.is_on(group, outlet)
    }

    fn set(&self, plug: usize, on: bool) {
        let (group, outlet) = self.places[plug];
        self.unit.set(group, outlet, on);
    }

    fn changes(&self, plug: usize) -> Option<Vec<(Instant, bool)>> {
        let (group, outlet) = self.places[plug];
        Some(self.unit.record(group, outlet).powered)
    }

    fn commands(&self) -> usize {
        self.unit.writes().len() + self.unit.texts().len()
    }

    fn refused_logins(&self) -> Option<usize> {
        Some(wrong_digests(self.unit.address()))
    }

    behind_a_gate!();
}

/// The ports that are fenced.
const PORTS: [&str; 2] = ["port1", "port2"];

struct Ports {
    gate: Gate,
    switch: Switch,
    writes: Arc<AtomicUsize>,
}

fn switch(fault: Fault) -> Subject {
    let switch = Switch::start(PORTS.len(), &users(), "");
    let writes = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&writes);
    // The links are real ones, that follow what is written: a write that is to be ignored doesn't reach the switch, and
    // one that is to be followed later reaches it later.
    let instead = move |request: &[u8]| {
        let place = pdu(request).filter(|place| request[*place] == SET)?;
        counted.fetch_add(1, Ordering::SeqCst);
        let later = match fault {
            Fault::Ignores => None,
            Fault::Slow(delay) => Some((delay, request.to_vec())),
            _ => return None,
        };
        let mut answer = request.to_vec();
        answer[place] = RESPONSE;
        Some(Instead { answer, later })
    };
    let gate = Gate::udp_with(switch.address(), fault, instead);
    let number = switch.index(PORTS[0]);
    let mut subject = Subject {
        actions: &["off", "on"],
        told: vec!["SNMP 2c, unprotected", "a community", "1.3.6.1.4.1.8072.3.2.10", "port port1"],
        plugs: PORTS.map(str::to_owned).to_vec(),
        missing_plug: "port9",
        list: PORTS.map(|port| format!("{port},")).to_vec(),
        ..subject(SWITCH.name, "fence_ifmib", gate.port(), Box::new(Ports { gate, switch, writes }))
    };
    subject.reader.own.push(("-n 3", format!("-n {number}")));
    if fault == Fault::Refuses {
        subject.options.retain(|(name, _)| *name != "community");
        subject.options.push(("community", "public".to_owned()));
    }
    subject
}

/// The tags of SetRequest and of the answer to it (RFC 3416, section 3), which has the same form.
const SET: u8 = 0xa3;
const RESPONSE: u8 = 0xa2;

/// Where the tag of the PDU stands in a message of SNMP 1 or 2c: behind the version and the community, in a sequence.
fn pdu(message: &[u8]) -> Option<usize> {
    let content = |at: usize| match *message.get(at + 1)? {
        short @ ..=0x7f => Some((at + 2, usize::from(short))),
        // So many bytes have the length.
        long @ 0x81..=0x84 => {
            let behind = at + 2 + usize::from(long - 0x80);
            let bytes = message.get(at + 2..behind)?;
            Some((behind, bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))))
        }
        _ => None,
    };
    let (version, _) = content(0)?;
    let (start, length) = content(version)?;
    let (community, known) = (start + length, *message.get(start)? <= 1);
    let (start, length) = content(community)?;
    (known && message.len() > start + length).then_some(start + length)
}

impl Device for Ports {
    fn is_on(&self, plug: usize) -> bool {
        self.switch.is_up(PORTS[plug])
    }

    fn set(&self, plug: usize, on: bool) {
        self.switch.set(PORTS[plug], on);
        // snmpd notices after a while what happens to a link behind its back.
        let told =
            || get(self.switch.address(), &format!("{ADMIN_STATUS}.{}", self.switch.index(PORTS[plug])));
        assert!(until(Duration::from_secs(20), || told() == if on { 1 } else { 2 }), "snmpd knows the link");
    }

    fn commands(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }

    fn refused_logins(&self) -> Option<usize> {
        Some(wrong_digests(self.switch.address()))
    }

    behind_a_gate!();
}
