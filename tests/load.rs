//! Several agents at the same moment: at one plug, at a device that lets in one of them at a time, at many devices.
//! What is asserted is the truth and the agents' own limits; how quick they are is for `make bench`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::time::{Duration, Instant};

use peers::agent::together;
use peers::bmc::Settings;
use peers::faults::{Case, History, Limits, Verdict};
use peers::redfish::{Maker, PASSWORD, Server, Setup, USER};
use peers::snmp::{Family, PowerUnit};
use peers::{Agent, Bmc, Finished, crowd, until};

/// The agents' own limits, as their options say here.
const LIMITS: Limits = Limits {
    login: Duration::from_secs(20),
    shell: Duration::from_secs(5),
    power: Duration::from_secs(10),
    power_wait: Duration::ZERO,
    delay: Duration::ZERO,
    retry_on: 1,
};

/// Far beyond what any of them may take.
const LONG: Duration = Duration::from_secs(180);

fn agent(name: &str, port: u16, action: &str) -> Agent {
    let seconds = |limit: Duration| limit.as_secs().to_string();
    Agent::called(name, name)
        .options([("ip", "127.0.0.1"), ("ipport", &port.to_string()), ("action", action)])
        .options([
            ("login_timeout", seconds(LIMITS.login)),
            ("shell_timeout", seconds(LIMITS.shell)),
            ("power_timeout", seconds(LIMITS.power)),
            ("power_wait", seconds(LIMITS.power_wait)),
        ])
        .limit(LONG)
}

fn ipmi(bmc: &Bmc, action: &str) -> Agent {
    agent("fence_ipmilan", bmc.port(), action).options([("username", "admin"), ("password", "adminpw")])
}

fn snmp(unit: &PowerUnit, action: &str, plug: u32) -> Agent {
    agent("fence_apc_snmp", unit.address().port(), action)
        .options([("community", "private"), ("plug", &plug.to_string())])
}

fn redfish(server: &Server, action: &str) -> Agent {
    agent("fence_redfish", server.port(), action).options([
        ("username", USER),
        ("password", PASSWORD),
        ("ssl_insecure", "1"),
    ])
}

/// Each of them said the truth and kept its limits, and one at least fenced. `changes`: the power's history, which began
/// with on.
///
/// Two that switch off both see it off. Of two that reboot, one may switch on between the other's command and its look:
/// that one can't prove anything and has to say so.
fn assert_true(action: &str, before: Instant, changes: Vec<(Instant, bool)>, done: &[Finished]) {
    let history = [History([vec![(before, true)], changes].concat())];
    let verdict = |done: &Finished| {
        // Whose command came when, the device can't say of agents that look alike: the start is certain.
        let (commanded, longest) = (Some(done.started), LIMITS.longest(action));
        let faulty = action == "reboot";
        Case { action, done, truth: &history, commanded, longest, faulty }.verdict()
    };
    let verdicts: Vec<Verdict> = done.iter().map(verdict).collect();
    let shown = format!("{action}: {verdicts:?} {done:?}\n{history:?}");
    assert!(!verdicts.iter().any(|verdict| verdict.is_defect()), "{shown}");
    assert!(verdicts.contains(&Verdict::TrueSuccess), "{shown}");
}

#[test]
fn two_agents_fence_one_machine_through_its_bmc() {
    for action in ["off", "reboot"] {
        let bmc = Bmc::start(Settings::default());
        let before = Instant::now();
        let done = together(vec![ipmi(&bmc, action), ipmi(&bmc, action)]);
        assert_true(action, before, bmc.power_changes(), &done);
        assert_eq!(bmc.power(), action == "reboot");
        assert!(until(LONG, || bmc.open_sessions() == 0));
    }
}

#[test]
fn two_agents_fence_one_outlet() {
    for action in ["off", "reboot"] {
        let unit = PowerUnit::start(Family::ApcRpdu);
        let before = Instant::now();
        let done = together(vec![snmp(&unit, action, 3), snmp(&unit, action, 3)]);
        assert_true(action, before, unit.record(1, 3).powered, &done);
        assert_eq!(unit.is_on(1, 3), action == "reboot");
    }
}

#[test]
fn two_agents_fence_one_redfish_system() {
    const SYSTEM: &str = "/redfish/v1/Systems/1";
    for action in ["off", "reboot"] {
        let certificate = Some(Maker::default().self_signed());
        let server = Setup { certificate, ..Setup::default() }.start();
        let before = Instant::now();
        let done = together(vec![redfish(&server, action), redfish(&server, action)]);
        assert_true(action, before, server.history(SYSTEM), &done);
        assert_eq!(server.is_on(SYSTEM), action == "reboot");
    }
}

#[test]
fn agents_share_a_bmc_that_has_one_session() {
    for settings in [Settings::only_suite(17), Settings::only_v15(peers::bmc::auth_type::MD5)] {
        let v20 = !settings.suites.is_empty();
        let bmc = Bmc::start(Settings { session_slots: 1, ..settings });
        for count in [2, 10] {
            bmc.set_power(true);
            let before = Instant::now();
            let lanplus = if v20 { "1" } else { "0" };
            let agents = (0..count).map(|_| ipmi(&bmc, "off").options([("lanplus", lanplus)]));
            let done = together(agents);
            let changes = bmc.power_changes().into_iter().filter(|(at, _)| *at > before).collect();
            assert_true("off", before, changes, &done);
            assert!(!bmc.power());
            // The last request to close one may still be on its way.
            assert!(until(LONG, || bmc.open_sessions() == 0), "IPMI 2.0: {v20}, {count} agents");
        }
    }
}

#[test]
fn a_crowd_fences_every_outlet_of_a_power_unit() {
    const OUTLETS: u32 = 24;
    let unit = PowerUnit::builder(Family::ApcRpdu).outlets(OUTLETS).start();
    let crowd = crowd::run((1..=OUTLETS).map(|plug| snmp(&unit, "off", plug)).collect(), LONG);
    assert_eq!(crowd.failed, 0, "{}", crowd.words);
    assert!((1..=OUTLETS).all(|plug| !unit.is_on(1, plug)));
    assert!(crowd.wall <= LIMITS.longest("off"), "{crowd:?}");
}

#[test]
fn a_crowd_fences_a_rack_of_bmcs() {
    let bmcs: Vec<Bmc> = (0..24).map(|_| Bmc::start(Settings::default())).collect();
    let crowd = crowd::run(bmcs.iter().map(|bmc| ipmi(bmc, "off")).collect(), LONG);
    assert_eq!(crowd.failed, 0, "{}", crowd.words);
    assert!(bmcs.iter().all(|bmc| !bmc.power()));
    assert!(crowd.wall <= LIMITS.longest("off"), "{crowd:?}");
}

#[test]
fn a_crowd_that_fails_is_counted() {
    let bmc = Bmc::start(Settings::default());
    let wrong = ipmi(&bmc, "off").options([("password", "wrong")]);
    let crowd = crowd::run(vec![wrong.clone(), ipmi(&bmc, "status"), wrong], LONG);
    assert_eq!(crowd.failed, 2, "{}", crowd.words);
    assert!(crowd.words.contains("login denied") && bmc.power(), "{}", crowd.words);
}
