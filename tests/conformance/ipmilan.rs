//! fence_ipmilan, on OpenIPMI's simulator.

use std::time::Duration;

use peers::agent::Finished;
use peers::bmc::{Bmc, Settings};
use peers::conformance::Stdout::{Contains, Is};
use peers::conformance::{Difference, Seen, Whose, check, failed, seen, whose};
use peers::{Agent, IpmiSim, ipmi_sim};

struct Case {
    name: &'static str,
    /// The machine's power at first.
    on: bool,
    /// Beyond where the device is and who logs in.
    options: &'static [(&'static str, &'static str)],
    ours: Seen,
    originals: Difference,
    /// The machine's power afterwards.
    then: bool,
}

const SUITE_3: (&str, &str) = ("cipher", "3");
const LANPLUS: (&str, &str) = ("lanplus", "1");

const CASES: &[Case] = &[
    Case {
        name: "status of a machine that is on",
        on: true,
        options: &[("action", "status"), LANPLUS, SUITE_3],
        ours: seen(Is("Status: ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "status of a machine that is off",
        on: false,
        options: &[("action", "status"), LANPLUS, SUITE_3],
        ours: seen(Is("Status: OFF\n"), 2),
        originals: None,
        then: false,
    },
    Case {
        name: "off",
        on: true,
        options: &[("action", "off"), LANPLUS, SUITE_3],
        ours: seen(Is("Success: Powered OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "off of a machine that is off",
        on: false,
        options: &[("action", "off"), LANPLUS, SUITE_3],
        ours: seen(Is("Success: Already OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "on",
        on: false,
        options: &[("action", "on"), LANPLUS, SUITE_3],
        ours: seen(Is("Success: Powered ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "on of a machine that is on",
        on: true,
        options: &[("action", "on"), LANPLUS, SUITE_3],
        ours: seen(Is("Success: Already ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "reboot",
        on: true,
        options: &[("action", "reboot"), LANPLUS, SUITE_3],
        ours: seen(Is("Success: Rebooted\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "reboot is the default action",
        on: true,
        options: &[LANPLUS, SUITE_3],
        ours: seen(Is("Success: Rebooted\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "reboot of a machine that is off",
        on: false,
        options: &[("action", "reboot"), LANPLUS, SUITE_3],
        ours: seen(Is("Success: Rebooted\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "an action in capitals",
        on: true,
        options: &[("action", "STATUS"), LANPLUS, SUITE_3],
        ours: seen(Is("Status: ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "monitor of a machine that is off",
        on: false,
        options: &[("action", "monitor"), LANPLUS, SUITE_3],
        ours: seen(Is(""), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "validate-all",
        on: true,
        options: &[("action", "validate-all"), LANPLUS, SUITE_3],
        ours: seen(Is(""), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "a node's name as port is ignored",
        on: true,
        options: &[("action", "status"), ("port", "node1"), ("nodename", "node1"), LANPLUS, SUITE_3],
        ours: seen(Is("Status: ON\n"), 0),
        originals: None,
        then: true,
    },
    Case {
        name: "IPMI 1.5 with MD5",
        on: true,
        options: &[("action", "off"), ("lanplus", "0"), ("auth", "md5")],
        ours: seen(Is("Success: Powered OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "IPMI 1.5 with a straight password",
        on: true,
        options: &[("action", "off"), ("auth", "password")],
        ours: seen(Is("Success: Powered OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "privilege level operator in capitals",
        on: true,
        options: &[("action", "off"), ("privlvl", "OPERATOR"), LANPLUS, SUITE_3],
        ours: seen(Is("Success: Powered OFF\n"), 0),
        originals: None,
        then: false,
    },
    Case {
        name: "an unknown action",
        on: true,
        options: &[("action", "fly")],
        ours: failed("fly"),
        originals: None,
        then: true,
    },
    Case {
        name: "a port that is no number",
        on: true,
        options: &[("action", "off"), ("ipport", "abc")],
        ours: failed("ipport"),
        originals: None,
        then: true,
    },
    Case {
        name: "a wait that is no number",
        on: true,
        options: &[("action", "off"), ("power_wait", "1.5")],
        ours: failed("power"),
        originals: None,
        then: true,
    },
    Case {
        name: "list where there is none",
        on: true,
        options: &[("action", "list"), LANPLUS, SUITE_3],
        ours: failed("unsupported action"),
        originals: Some(("D1", seen(Contains("NOTICE"), 0))),
        then: true,
    },
    Case {
        name: "a diagnostic interrupt that the BMC refuses",
        on: true,
        options: &[("action", "diag"), LANPLUS, SUITE_3],
        ours: failed(""),
        originals: None,
        then: true,
    },
    Case {
        name: "a wrong password",
        on: true,
        options: &[("action", "status"), ("password", "wrong"), LANPLUS, SUITE_3],
        ours: failed("login denied"),
        originals: Some(("D4", failed("plug status"))),
        then: true,
    },
];

/// Runs an agent on a simulated machine.
fn run(sim: &IpmiSim, options: &[(&str, &str)]) -> Finished {
    run_at(sim.port(), options)
}

fn run_at(port: u16, options: &[(&str, &str)]) -> Finished {
    let port = port.to_string();
    let device =
        [("ip", "127.0.0.1"), ("ipport", port.as_str()), ("username", "admin"), ("password", "adminpw")];
    Agent::called("fence_ipmilan", "fence_ipmilan")
        .options(device)
        .options([("power_wait", "0")])
        .options(options.iter().copied())
        .limit(Duration::from_secs(120))
        .run()
}

#[test]
fn every_case_shows_callers_what_they_expect() {
    for case in CASES {
        let builder = IpmiSim::builder();
        let sim = if case.on { builder } else { builder.off() }.start();
        let done = run(&sim, case.options);
        check(case.name, &done, case.ours, case.originals);
        assert_eq!(sim.power(), case.then, "{}: the machine's power", case.name);
    }
}

#[test]
fn off_of_what_is_off_asks_again_after_its_command() {
    const DIFFERENCE: &str = "D3";
    let sim = IpmiSim::builder().off().start();
    let done = run(&sim, &[("action", "off"), LANPLUS, SUITE_3]);
    check(DIFFERENCE, &done, seen(Is("Success: Already OFF\n"), 0), None);
    let commands = sim.commands().len();
    assert_eq!(commands, usize::from(whose() == Whose::Ours), "{commands} commands");
}

/// A machine whose BMC acknowledges every command and does nothing.
fn deaf() -> ipmi_sim::Builder {
    IpmiSim::builder().deaf()
}

#[test]
fn a_machine_that_stays_on_is_not_off() {
    for action in ["off", "reboot"] {
        let sim = deaf().start();
        let done = run(&sim, &[("action", action), ("power_timeout", "2"), LANPLUS, SUITE_3]);
        check(action, &done, failed(""), None);
        assert!(sim.power());
    }
}

#[test]
fn a_command_that_the_user_may_not_give_is_called_that() {
    let sim = IpmiSim::builder().privilege("user").start();
    let options = [("action", "off"), ("privlvl", "user"), ("power_timeout", "2"), LANPLUS, SUITE_3];
    let done = run(&sim, &options);
    check("off", &done, failed("not enough privilege"), Some(("D6", failed("Timed out"))));
    assert!(sim.power());
}

#[test]
fn an_interrupt_is_not_called_a_reboot() {
    let bmc = Bmc::start(Settings::default());
    let done = run_at(bmc.port(), &[("action", "diag"), LANPLUS, SUITE_3]);
    let ours = seen(Contains("acknowledged"), 0);
    check("diag", &done, ours, Some(("D2", seen(Is("Success: Rebooted\n"), 0))));
    assert!(bmc.power());
}

#[test]
fn a_cycle_that_never_happened_is_no_reboot() {
    let sim = deaf().start();
    let options = [("action", "reboot"), ("method", "cycle"), ("power_timeout", "2"), LANPLUS, SUITE_3];
    let done = run(&sim, &options);
    check("cycle", &done, failed("not proven"), Some(("D5", seen(Is("Success: Rebooted\n"), 0))));
    assert!(sim.power());
}
