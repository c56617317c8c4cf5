//! fence_apc_snmp on a power unit behind snmpd.

use std::net::SocketAddr;

use peers::relay::Direction;
use peers::snmp::{Family, PowerUnit};
use peers::{Agent, Relay};

use super::contest::{AGENTS, Cost, Sink, agent, in_turns, milliseconds, succeeds, weigh};

/// rPDUOutletStatusOutletState and rPDUOutletControlOutletCommand (PowerNet-MIB), before the outlet's number.
const STATE: &str = ".1.3.6.1.4.1.318.1.1.12.3.5.1.1.4";
const COMMAND: &str = ".1.3.6.1.4.1.318.1.1.12.3.3.1.1.4";

/// Outlets of the unit that has most.
const OUTLETS: u32 = 48;

/// One action by one of [`AGENTS`], snmpget or snmpset. `plugs` are numbers with commas, or for the agents a name.
pub(crate) fn call(whose: &str, device: SocketAddr, action: &str, plugs: &str) -> Agent {
    let tool = |name: &str| {
        Agent::new(format!("/usr/bin/{name}")).args(["-v", "1", "-c", "private", &device.to_string()])
    };
    match whose {
        "snmpget" => tool(whose).args(plugs.split(',').map(|plug| format!("{STATE}.{plug}"))),
        "snmpset" => plugs.split(',').fold(tool(whose), |tool, plug| {
            // 2 is immediateOff.
            tool.args([format!("{COMMAND}.{plug}"), "i".to_owned(), "2".to_owned()])
        }),
        _ => agent(whose, "fence_apc_snmp").options([
            ("ip", device.ip().to_string().as_str()),
            ("ipport", &device.port().to_string()),
            ("community", "private"),
            ("snmp_version", "1"),
            ("plug", plugs),
            ("action", action),
        ]),
    }
}

/// The part `cost-snmp`.
pub(crate) fn costs(sink: &Sink) {
    for (row, action, plugs, outlets, tool) in [
        ("status by number", "status", "2", 8, Some("snmpget")),
        ("status by name", "status", "outlet 2", 8, None),
        ("status of two plugs", "status", "2,5", 8, Some("snmpget")),
        ("off", "off", "2", 8, Some("snmpset")),
        ("reboot", "reboot", "2", 8, None),
        ("list of 48 outlets", "list", "", OUTLETS, None),
    ] {
        sink.progress(row);
        let contestants: Vec<&str> = AGENTS.into_iter().chain(tool).collect();
        let unit = PowerUnit::builder(Family::ApcRpdu).outlets(outlets).start();
        for (whose, costs) in in_turns(sink.runs, &contestants, |whose| cost(&unit, whose, action, plugs)) {
            sink.costs(row, whose, &costs, "datagrams sent");
        }
    }
}

/// One action, every outlet being on, twice: once for the cost, once on the scale.
fn cost(unit: &PowerUnit, whose: &str, action: &str, plugs: &str) -> Cost {
    let all_on = || (1..=8).for_each(|outlet| unit.set(1, outlet, true));
    let relay = Relay::builder(unit.address()).start();
    all_on();
    let done = succeeds(call(whose, relay.address(), action, plugs));
    all_on();
    Cost::new(&done, relay.count(Direction::ToDevice), weigh(call(whose, unit.address(), action, plugs)))
}

/// The part `growth-plugs`: off of many outlets. The original is called once for each, one call after the other: told of
/// several, it switches the first.
pub(crate) fn plugs(sink: &Sink) {
    let unit = PowerUnit::builder(Family::ApcRpdu).outlets(OUTLETS).start();
    for count in [1, 2, 4, 8, 16, 32, OUTLETS] {
        sink.progress(&format!("{count} plugs"));
        let row = count.to_string();
        let plugs: Vec<String> = (1..=count).map(|plug| plug.to_string()).collect();
        for whose in [AGENTS[0], AGENTS[1], "snmpset"] {
            let calls = if whose == "original" { plugs.clone() } else { vec![plugs.join(",")] };
            let runs = if calls.len() > 4 { 1 } else { sink.runs };
            let costs: Vec<[f64; 3]> = (0..runs)
                .map(|_| {
                    (1..=count).for_each(|outlet| unit.set(1, outlet, true));
                    let relay = Relay::builder(unit.address()).start();
                    let [mut wall, mut cpu] = [0.0; 2];
                    for plugs in &calls {
                        let done = succeeds(call(whose, relay.address(), "off", plugs));
                        wall += milliseconds(done.wall);
                        cpu += milliseconds(done.cpu);
                    }
                    assert!((1..=count).all(|outlet| !unit.is_on(1, outlet)), "{whose}: an outlet is on");
                    [wall, cpu, relay.count(Direction::ToDevice) as f64]
                })
                .collect();
            for (number, measure) in
                [("wall", "ms"), ("CPU", "ms"), ("datagrams sent", "")].into_iter().enumerate()
            {
                sink.median(&row, whose, measure, &costs.iter().map(|cost| cost[number]).collect::<Vec<_>>());
            }
        }
    }
}
