//! OpenIPMI's simulator as a peer, with ipmitool as the client.

use std::process::Command;
use std::time::Duration;

use peers::relay::{Direction, Fate, Relay};
use peers::{IpmiSim, Machine, until};

fn ipmitool(host: &str, port: u16, interface: &[&str], command: &[&str]) -> String {
    let output = Command::new("ipmitool")
        .args(["-H", host, "-p", &port.to_string(), "-U", "admin", "-P", "adminpw"])
        .args(interface)
        .args(command)
        .output()
        .expect("ipmitool");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

const LANPLUS: &[&str] = &["-I", "lanplus", "-C", "3"];

#[test]
fn a_command_over_ipmi_turns_the_switch_and_stands_in_the_log() {
    let sim = IpmiSim::builder().start();
    assert!(sim.power());
    assert_eq!(
        ipmitool("127.0.0.1", sim.port(), LANPLUS, &["power", "off"]),
        "Chassis Power Control: Down/Off"
    );
    assert!(!sim.power());
    assert_eq!(ipmitool("127.0.0.1", sim.port(), LANPLUS, &["power", "status"]), "Chassis Power is off");
    assert_eq!(
        ipmitool("127.0.0.1", sim.port(), &["-I", "lan", "-A", "MD5"], &["power", "on"]),
        "Chassis Power Control: Up/On"
    );
    assert!(sim.power());
    let log = sim.commands();
    assert_eq!(log.iter().map(|change| change.what.as_str()).collect::<Vec<_>>(), ["power 0", "power 1"]);
    assert!(log[0].at <= log[1].at && log[1].at <= peers::util::uptime());
}

#[test]
fn several_simulators_at_once_keep_their_own_state() {
    let sims: Vec<IpmiSim> = (0..4).map(|_| IpmiSim::builder().start()).collect();
    sims[2].set_power(false);
    let states = sims.iter().map(|sim| ipmitool("127.0.0.1", sim.port(), LANPLUS, &["power", "status"]));
    let on = "Chassis Power is on";
    assert_eq!(states.collect::<Vec<_>>(), [on, on, "Chassis Power is off", on]);
}

#[test]
fn a_slow_machine_acknowledges_first_and_goes_off_later() {
    let sim = IpmiSim::builder().delay(Duration::from_secs(2)).start();
    ipmitool("127.0.0.1", sim.port(), LANPLUS, &["power", "off"]);
    assert!(sim.power());
    assert!(until(Duration::from_secs(10), || !sim.power()));
}

#[test]
fn a_deaf_one_acknowledges_and_stays_on() {
    let sim = IpmiSim::builder().deaf().start();
    assert_eq!(
        ipmitool("127.0.0.1", sim.port(), LANPLUS, &["power", "off"]),
        "Chassis Power Control: Down/Off"
    );
    assert_eq!(sim.commands()[0].what, "power 0");
    assert!(sim.power());
}

#[test]
fn it_serves_ipv6_a_key_and_the_off_state() {
    let sim = IpmiSim::builder().ipv6().bmc_key("secretkey").off().start();
    assert_eq!(
        ipmitool("::1", sim.port(), &["-I", "lanplus", "-C", "3", "-k", "secretkey"], &["power", "status"]),
        "Chassis Power is off"
    );
    assert_eq!(
        ipmitool("::1", sim.port(), &["-I", "lanplus", "-C", "3", "-R", "1"], &["power", "status"]),
        ""
    );
}

#[test]
fn fencing_the_machine_ends_its_process_and_on_starts_another() {
    let machine = Machine::start();
    let first = machine.pid().expect("a running machine");
    assert_eq!(ipmitool("127.0.0.1", machine.port(), LANPLUS, &["power", "status"]), "Chassis Power is on");
    ipmitool("127.0.0.1", machine.port(), LANPLUS, &["power", "off"]);
    assert!(until(Duration::from_secs(20), || machine.pid().is_none()));
    assert_eq!(ipmitool("127.0.0.1", machine.port(), LANPLUS, &["power", "status"]), "Chassis Power is off");
    ipmitool("127.0.0.1", machine.port(), LANPLUS, &["power", "on"]);
    assert!(until(Duration::from_secs(20), || machine.pid().is_some_and(|pid| pid != first)));
}

#[test]
fn through_the_relay_every_datagram_is_counted_and_a_lost_one_is_sent_again() {
    let sim = IpmiSim::builder().start();
    let relay = Relay::builder(sim.address())
        .delay(Duration::from_millis(10))
        .rule(|packet| match (packet.direction, packet.index) {
            (Direction::ToDevice, 0) => Fate::Lose,
            _ => Fate::Pass,
        })
        .start();
    assert_eq!(
        ipmitool("127.0.0.1", relay.port(), &["-I", "lan", "-A", "MD5", "-N", "1"], &["power", "status"]),
        "Chassis Power is on"
    );
    assert!(relay.count(Direction::ToDevice) > relay.count(Direction::ToAgent));
    let seen = relay.seen();
    let answer = seen.iter().position(|seen| seen.direction == Direction::ToAgent).expect("an answer");
    // The device stands behind one delay there and the answer is seen when it reaches the relay.
    assert!(seen[answer].at - seen[answer - 1].at >= Duration::from_millis(10));
}
