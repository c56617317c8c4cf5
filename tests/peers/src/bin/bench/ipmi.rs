//! fence_ipmilan on OpenIPMI's simulator.

use std::net::SocketAddr;

use peers::relay::Direction;
use peers::{Agent, IpmiSim, Relay};

use super::contest::{AGENTS, Cost, Sink, agent, in_turns, succeeds, weigh};

/// The C tools that do part of the work.
pub(crate) const TOOLS: [&str; 2] = ["ipmitool", "ipmipower"];

/// One action by one of [`AGENTS`] or [`TOOLS`], with cipher suite 3.
pub(crate) fn call(whose: &str, device: SocketAddr, action: &str) -> Agent {
    let (host, port) = (device.ip().to_string(), device.port().to_string());
    match whose {
        "ipmitool" => Agent::new("/usr/bin/ipmitool")
            .args(["-I", "lanplus", "-C", "3", "-H", &host, "-p", &port, "-U", "admin", "-P", "adminpw"])
            .args(["chassis", "power", action]),
        "ipmipower" => ipmipower(&device.to_string(), action),
        _ => agent(whose, "fence_ipmilan").options([
            ("ip", host.as_str()),
            ("ipport", &port),
            ("username", "admin"),
            ("password", "adminpw"),
            ("lanplus", "1"),
            ("cipher", "3"),
            ("power_wait", "0"),
            ("action", action),
        ]),
    }
}

/// freeipmi's tool, which takes many devices at once, as `host:port,host:port`.
pub(crate) fn ipmipower(devices: &str, action: &str) -> Agent {
    let call = Agent::new("/usr/sbin/ipmipower")
        .args(["-D", "LAN_2_0", "-I", "3", "-l", "ADMIN", "-u", "admin", "-p", "adminpw", "-h", devices])
        // Without it, it doesn't open a session with OpenIPMI's simulator.
        .args(["-W", "opensesspriv"]);
    match action {
        "off" => call.args(["--off", "--wait-until-off"]),
        _ => call.args(["--stat"]),
    }
}

/// Who can do an action.
pub(crate) fn contestants(action: &str) -> Vec<&'static str> {
    match action {
        "status" | "off" => [&AGENTS[..], &TOOLS].concat(),
        _ => AGENTS.to_vec(),
    }
}

/// The part `cost-ipmi`.
pub(crate) fn costs(sink: &Sink) {
    for action in ["metadata", "status", "off", "reboot"] {
        sink.progress(action);
        for (whose, costs) in in_turns(sink.runs, &contestants(action), |whose| cost(whose, action)) {
            sink.costs(action, whose, &costs, "datagrams sent");
        }
    }
}

/// One action on a fresh simulator, twice: once for the cost, once on the scale.
fn cost(whose: &str, action: &str) -> Cost {
    let sim = IpmiSim::builder().start();
    let relay = Relay::builder(sim.address()).start();
    let done = succeeds(call(whose, relay.address(), action));
    Cost::new(&done, relay.count(Direction::ToDevice), weigh(call(whose, sim.address(), action)))
}
