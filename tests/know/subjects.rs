//! The table: a row for each agent on each of its simulated devices.

use std::rc::Rc;

use peers::bmc::{Inventory, Settings, Step};
use peers::redfish::{Driver, PASSWORD, Sushy, USER};
use peers::{Agent, Bmc, IpmiSim};

use crate::common::Subject;
use crate::redfish;

/// Every row, each with a fresh device that is switched on.
pub(crate) fn subjects() -> Vec<Subject> {
    vec![ipmilan_on_a_test_bmc(), ipmilan_on_ipmi_sim(), redfish_on_a_test_service(), redfish_on_sushy()]
}

fn ipmilan(port: u16) -> Vec<(&'static str, String)> {
    [("ip", "127.0.0.1"), ("username", "admin"), ("password", "adminpw"), ("power_wait", "0")]
        .map(|(name, value)| (name, value.to_owned()))
        .into_iter()
        .chain([("ipport", port.to_string())])
        .collect()
}

fn pins(rows: [(&'static str, &str, &str); 3]) -> Vec<(&'static str, String, String)> {
    rows.map(|(option, right, wrong)| (option, right.to_owned(), wrong.to_owned())).to_vec()
}

fn ipmilan_on_a_test_bmc() -> Subject {
    let bmc = Rc::new(Bmc::start(Settings::default()));
    let (one, other) = (bmc.clone(), bmc.clone());
    Subject {
        name: "fence_ipmilan on the test BMC",
        agent: "fence_ipmilan",
        options: ipmilan(bmc.port()),
        actions: &["off", "on", "reboot", "diag"],
        has_address: true,
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
        secrets: vec!["adminpw"],
        health: 0,
        sent: Box::new(move || one.count(Step::ChassisControl)),
        is_on: Box::new(move || other.power()),
        _device: Box::new(bmc),
    }
}

fn ipmilan_on_ipmi_sim() -> Subject {
    let inventory = Inventory::of("Open", "Simulator", "SIM-0042", "asset 12").image();
    let sim = Rc::new(IpmiSim::builder().fru(&inventory).start());
    let (one, other) = (sim.clone(), sim.clone());
    Subject {
        name: "fence_ipmilan on ipmi_sim",
        agent: "fence_ipmilan",
        options: ipmilan(sim.port()),
        actions: &["off", "on", "reboot"],
        has_address: true,
        pins: pins([
            ("expect_uuid", "a1234567-89ab-cdef-a123-456789abcdef", "efcdab89-6745-23a1-efcd-ab89674523a1"),
            ("expect_serial", "SIM-0042", "SIM-0043"),
            ("expect_name", "asset 12", "asset 1"),
        ]),
        told: vec!["Open Simulator", "user admin with a password", "SIM-0042", "asset 12"],
        secrets: vec!["adminpw"],
        health: 0,
        sent: Box::new(move || one.commands().len()),
        is_on: Box::new(move || other.power()),
        _device: Box::new(sim),
    }
}

fn redfish_options(port: u16) -> Vec<(&'static str, String)> {
    [
        ("ip", "127.0.0.1"),
        ("username", USER),
        ("password", PASSWORD),
        ("power_wait", "0"),
        ("ssl_insecure", "1"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .into_iter()
    .chain([("ipport", port.to_string())])
    .collect()
}

fn redfish_on_a_test_service() -> Subject {
    let server = Rc::new(redfish::whole().start());
    let (one, other) = (server.clone(), server.clone());
    Subject {
        name: "fence_redfish on the test service",
        agent: "fence_redfish",
        options: redfish_options(server.port()),
        actions: &["off", "on", "reboot", "diag"],
        has_address: true,
        pins: pins([
            ("expect_uuid", redfish::UUID, "00000000-0000-4000-8000-000000000002"),
            ("expect_serial", "SN001", "sn001"),
            ("expect_name", "RACK-7", "node1"),
        ]),
        told: vec!["Redfish 1.17.0 over HTTPS", "user operator with a password", redfish::SYSTEM, "SN001"],
        secrets: redfish::SECRETS.to_vec(),
        health: 0,
        sent: Box::new(move || one.commands(redfish::SYSTEM).len()),
        is_on: Box::new(move || other.is_on(redfish::SYSTEM)),
        _device: Box::new(server),
    }
}

fn redfish_on_sushy() -> Subject {
    let sushy = Rc::new(Sushy::start(Driver::Libvirt, &redfish::CERTIFICATE));
    let (one, port) = (sushy.clone(), sushy.port());
    let status = move || {
        let agent = Agent::called("fence_redfish", "fence_redfish").options([("action", "status")]);
        let options = redfish_options(port);
        agent.options(options.iter().map(|(name, value)| (*name, value.as_str()))).run()
    };
    Subject {
        name: "fence_redfish on sushy-emulator",
        agent: "fence_redfish",
        options: redfish_options(port),
        actions: &["off", "on", "reboot"],
        has_address: true,
        // The emulator tells neither a serial number nor an asset tag.
        pins: vec![(
            "expect_uuid",
            "6695eb01-f6a4-8304-79aa-97f2502e193f".to_owned(),
            "6695eb01-f6a4-8304-79aa-97f2502e193e".to_owned(),
        )],
        told: vec!["Redfish 1.", "user operator with a password", "6695eb01-f6a4-8304-79aa-97f2502e193f"],
        secrets: redfish::SECRETS.to_vec(),
        health: 0,
        sent: Box::new(move || one.log().matches("POST /redfish").count()),
        is_on: Box::new(move || status().stdout == "Status: ON\n"),
        _device: Box::new(sushy),
    }
}
