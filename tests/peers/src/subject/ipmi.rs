//! fence_ipmilan.

use std::time::Instant;

use super::gate::{Gate, dead_udp_port};
use super::{Device, Fate, Fault, Lack, Reader, Row, Subject, Why, options, pins};
use crate::bmc::{Effect, Inventory, Power, Settings, Step};
use crate::{Bmc, IpmiSim};

const ONE_MACHINE: [(Lack, Why); 3] = [
    (
        Lack::Plugs,
        Why::Protocol("a BMC has one machine, and plug is the node's name that a cluster always sends"),
    ),
    (Lack::TwoPlugsAtOnce, Why::Protocol("a BMC has one machine")),
    (Lack::List, Why::Protocol("a BMC has no list of machines")),
];

/// The test BMC.
pub const TEST_BMC: Row = Row {
    name: "fence_ipmilan on the test BMC",
    agent: "fence_ipmilan",
    lacks: &ONE_MACHINE,
    start: test_bmc,
};

/// OpenIPMI's simulator.
pub const IPMI_SIM: Row = Row {
    name: "fence_ipmilan on ipmi_sim",
    agent: "fence_ipmilan",
    lacks: &[
        ONE_MACHINE[0],
        ONE_MACHINE[1],
        ONE_MACHINE[2],
        (Lack::LoginCount, Why::Device("the simulator keeps no count")),
    ],
    start: ipmi_sim,
};

fn subject(name: &'static str, port: u16, device: Box<dyn Device>) -> Subject {
    let mut login =
        options([("ip", "127.0.0.1"), ("username", "admin"), ("password", "adminpw"), ("power_wait", "0")]);
    login.push(("ipport", port.to_string()));
    Subject {
        name,
        agent: "fence_ipmilan".to_owned(),
        options: login,
        dead: vec![("ipport", dead_udp_port().to_string())],
        actions: &["off", "on", "reboot"],
        plugs: Vec::new(),
        plug_option: "plug",
        missing_plug: "",
        list: Vec::new(),
        ignored: "timed out",
        wrong_login: options([("password", "wrong-password")]),
        secrets: vec!["adminpw", "wrong-password"],
        pins: Vec::new(),
        told: Vec::new(),
        health: 0,
        proof: "reported",
        campaign: "ipmi",
        reader: Reader { user: "admin", secret: "adminpw", ..Reader::default() },
        device,
    }
}

struct TestBmc {
    gate: Gate,
    bmc: Bmc,
}

fn test_bmc(fault: Fault) -> Subject {
    let power = match fault {
        Fault::Ignores => Power { effect: Effect::Nothing, ..Power::default() },
        Fault::Slow(delay) => Power { delay, ..Power::default() },
        _ => Power::default(),
    };
    let settings = Settings { power, ..Settings::default() };
    // Insufficient privilege level (table 5-2).
    let refusal = crate::bmc::Fault::Refuse(0xd4).at(Step::ChassisControl);
    let bmc = Bmc::start(if fault == Fault::Refuses { settings.rule(refusal) } else { settings });
    let gate = Gate::udp(bmc.address(), fault);
    Subject {
        actions: &["off", "on", "reboot", "diag"],
        // The GUID is the text "a peer for tests".
        pins: pins([
            ("expect_uuid", "61207065-6572-2066-6f72-207465737473", "61207065-6572-2066-6f72-207465737474"),
            ("expect_serial", "SERIAL-7", "SERIAL-8"),
            ("expect_name", "RACK-7", "rack-7"),
        ]),
        told: vec![
            "Peers Test machine",
            "IPMI 2.0, cipher suite 17",
            "user admin with a password",
            "SERIAL-7",
        ],
        ..subject(TEST_BMC.name, gate.port(), Box::new(TestBmc { gate, bmc }))
    }
}

impl Device for TestBmc {
    fn is_on(&self, _plug: usize) -> bool {
        self.bmc.power()
    }

    fn set(&self, _plug: usize, on: bool) {
        self.bmc.set_power(on);
    }

    fn changes(&self, _plug: usize) -> Option<Vec<(Instant, bool)>> {
        Some(self.bmc.power_changes())
    }

    fn commands(&self) -> usize {
        self.bmc.count(Step::ChassisControl)
    }

    fn refused_logins(&self) -> Option<usize> {
        // Of this device only wrong ones are asked for.
        Some(self.bmc.logins())
    }

    behind_a_gate!();
}

struct Sim {
    gate: Gate,
    sim: IpmiSim,
}

fn ipmi_sim(fault: Fault) -> Subject {
    let inventory = Inventory::of("Open", "Simulator", "SIM-0042", "asset 12").image();
    let builder = IpmiSim::builder().fru(&inventory);
    let builder = match fault {
        Fault::Refuses => builder.privilege("user"),
        Fault::Ignores => builder.deaf(),
        Fault::Slow(delay) => builder.delay(delay),
        _ => builder,
    };
    let sim = builder.start();
    let gate = Gate::udp(sim.address(), fault);
    let mut subject = Subject {
        pins: pins([
            ("expect_uuid", "a1234567-89ab-cdef-a123-456789abcdef", "efcdab89-6745-23a1-efcd-ab89674523a1"),
            ("expect_serial", "SIM-0042", "SIM-0043"),
            ("expect_name", "asset 12", "asset 1"),
        ]),
        told: vec!["Open Simulator", "user admin with a password", "SIM-0042", "asset 12"],
        ..subject(IPMI_SIM.name, gate.port(), Box::new(Sim { gate, sim }))
    };
    if fault == Fault::Refuses {
        subject.options.push(("privlvl", "user".to_owned()));
    }
    subject
}

impl Device for Sim {
    fn is_on(&self, _plug: usize) -> bool {
        self.sim.power()
    }

    fn set(&self, _plug: usize, on: bool) {
        self.sim.set_power(on);
    }

    /// Those that reached the switch.
    fn commands(&self) -> usize {
        self.sim.commands().len()
    }

    fn refused_logins(&self) -> Option<usize> {
        None
    }

    behind_a_gate!();
}
