//! fence_ipmilan against a BMC that is broken or hostile: whatever it does, the agent says off only when off was
//! reported, and the machine's true state is the judge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::time::Duration;

use peers::Agent;
use peers::agent::assert_failed;
use peers::bmc::{self, Bmc, Effect, Fault, Lie, Power, Settings, Step, User, auth_type};

const EVERY_SUITE: &[u8] = &[0, 1, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17];

/// Suites in which each packet carries a code that somebody on the way can't make.
const PROTECTED_SUITES: &[u8] = &[2, 3, 7, 8, 11, 12, 16, 17];

/// Every flaw by which an answer can be told from the true one. A wrong responder address is none of them, and neither
/// is a wrong checksum: within the session it carries the BMC's own code, and nobody else is being talked to.
fn every_lie() -> Vec<Lie> {
    Lie::all_but(&[Lie::OtherResponder, Lie::Checksum, Lie::HandshakeCode])
}

/// With less patience for a single request than the default.
fn agent(port: u16, action: &str) -> Agent {
    Agent::ipmilan("fence_ipmilan", port, action).options([("ipmitool_timeout", "1")])
}

fn deaf() -> Power {
    Power { effect: Effect::Nothing, ..Power::default() }
}

#[test]
fn every_cipher_suite_and_authentication_type_fences() {
    for suite in EVERY_SUITE {
        let bmc = Bmc::start(Settings::only_suite(*suite));
        let suite = suite.to_string();
        let done = agent(bmc.port(), "off").options([("cipher", suite.as_str()), ("lanplus", "1")]).run();
        assert_eq!(done.stdout, "Success: Powered OFF\n", "suite {suite}: {}", done.stderr);
        assert!(!bmc.power(), "suite {suite}");
    }
    for (kind, auth) in
        [(auth_type::NONE, "none"), (auth_type::MD5, "md5"), (auth_type::PASSWORD, "password")]
    {
        let bmc = Bmc::start(Settings::only_v15(kind));
        let done = agent(bmc.port(), "off").options([("auth", auth)]).run();
        assert_eq!(done.stdout, "Success: Powered OFF\n", "{auth}: {}", done.stderr);
        assert!(!bmc.power(), "{auth}");
    }
}

#[test]
fn without_a_cipher_17_is_taken_then_3_and_nothing_weaker() {
    for suites in [vec![3, 17], vec![3], vec![17]] {
        let bmc = Bmc::start(Settings { suites: suites.clone(), auth_types: vec![], ..Settings::default() });
        let done = agent(bmc.port(), "off").run();
        assert_eq!(done.stdout, "Success: Powered OFF\n", "{suites:?}: {}", done.stderr);
    }
    for suite in [0, 1, 2, 15] {
        let bmc = Bmc::start(Settings::only_suite(suite));
        let done = agent(bmc.port(), "off").options([("lanplus", "1")]).run();
        assert_failed(&done, "cipher suite");
        assert!(bmc.power(), "suite {suite}");
    }
}

#[test]
fn a_bmc_that_offers_less_than_was_asked_for_is_refused() {
    for (asked, offered) in [(17, 0), (17, 3), (3, 0), (3, 1), (3, 2), (17, 15)] {
        let mut settings = Settings::only_suite(asked);
        settings.suites.extend([offered]);
        let bmc = Bmc::start(settings.rule(Fault::OfferSuite(offered).at(Step::OpenSession)));
        let cipher = asked.to_string();
        let done = agent(bmc.port(), "off").options([("cipher", cipher.as_str()), ("lanplus", "1")]).run();
        assert_failed(&done, "algorithms that were not proposed");
        assert!(bmc.power() && bmc.controls().is_empty(), "{asked}, offered {offered}");
    }
}

#[test]
fn a_bmc_of_version_1_5_alone_is_found_without_being_told() {
    let bmc = Bmc::start(Settings::only_v15(auth_type::MD5));
    let done = agent(bmc.port(), "off").run();
    assert_eq!(done.stdout, "Success: Powered OFF\n", "{}", done.stderr);
    assert!(!bmc.power());
    let forced = agent(bmc.port(), "on").options([("lanplus", "1"), ("login_timeout", "2")]).run();
    assert_failed(&forced, "the device doesn't support cipher suite");
}

#[test]
fn a_password_too_long_for_1_5_is_never_sent_there() {
    let long = "seventeen-letters";
    let users = vec![User::new("admin", long, bmc::ADMINISTRATOR)];
    let bmc = Bmc::start(Settings { users, suites: vec![], ..Settings::default() });
    let done = agent(bmc.port(), "off").options([("password", long), ("login_timeout", "3")]).run();
    assert_failed(&done, "the device doesn't support cipher suite");
    assert_eq!(bmc.count(Step::Activate), 0);
}

/// The BMC acknowledges off and does nothing, and somebody on the way says that it is off.
#[test]
fn a_lie_about_the_state_is_never_believed() {
    let tell: [fn(Lie) -> Fault; 3] = [Fault::Before, Fault::After, Fault::Instead];
    let mut runs = Vec::new();
    for lie in every_lie() {
        for fault in tell {
            for suite in PROTECTED_SUITES {
                runs.push((lie, fault, Settings::only_suite(*suite), suite.to_string(), "1"));
            }
            runs.push((lie, fault, Settings::only_v15(auth_type::MD5), String::new(), "0"));
        }
    }
    let mut runs = runs.into_iter();
    loop {
        let some: Vec<_> = runs.by_ref().take(64).collect();
        if some.is_empty() {
            break;
        }
        std::thread::scope(|scope| {
            for (lie, fault, settings, suite, lanplus) in some {
                scope.spawn(move || {
                    let settings = Settings { power: deaf(), ..settings };
                    let bmc = Bmc::start(settings.rule(fault(lie).at(Step::ChassisStatus)));
                    let done = agent(bmc.port(), "off")
                        .options([("cipher", suite.as_str()), ("lanplus", lanplus), ("power_timeout", "1")])
                        .run();
                    assert!(bmc.power());
                    assert_eq!(done.code, Some(1), "{:?} under suite {suite}: {}", fault(lie), done.stdout);
                    assert!(!done.killed, "{:?} under suite {suite} hung", fault(lie));
                });
            }
        });
    }
}

#[test]
fn a_lie_before_the_truth_keeps_nobody_from_fencing() {
    for step in [Step::ChassisStatus, Step::ChassisControl, Step::SetPrivilege] {
        for lie in every_lie() {
            for suite in [3, 17] {
                let bmc = Bmc::start(Settings::only_suite(suite).rule(Fault::Before(lie).at(step)));
                let suite = suite.to_string();
                let done =
                    agent(bmc.port(), "off").options([("cipher", suite.as_str()), ("lanplus", "1")]).run();
                let what = format!("{lie:?} at {step:?} under suite {suite}");
                assert_eq!(done.stdout, "Success: Powered OFF\n", "{what}: {}", done.stderr);
                assert!(!bmc.power(), "{what}");
            }
        }
    }
}

#[test]
fn a_bmc_that_can_not_prove_that_it_knows_the_password_is_not_talked_to() {
    for step in [Step::Rakp1, Step::Rakp3] {
        let bmc = Bmc::start(Settings::only_suite(17).rule(Fault::Instead(Lie::HandshakeCode).at(step)));
        let done = agent(bmc.port(), "off").options([("lanplus", "1")]).run();
        assert_failed(&done, "login denied");
        assert!(bmc.power() && bmc.controls().is_empty(), "{step:?}");
    }
}

#[test]
fn an_acknowledgement_without_effect_is_no_success() {
    for action in ["off", "reboot"] {
        let bmc = Bmc::start(Settings { power: deaf(), ..Settings::default() });
        let done = agent(bmc.port(), action).options([("power_timeout", "1")]).run();
        assert_failed(&done, "timed out waiting for off");
        assert_eq!(bmc.controls(), [0], "one command, and no power up");
    }
}

#[test]
fn a_command_refused_in_this_state_is_decided_by_a_look() {
    let power = || Power { refuses_same_state: true, ..Power::default() };
    let bmc = Bmc::start(Settings { power: power(), on: false, ..Settings::default() });
    assert_eq!(agent(bmc.port(), "off").run().stdout, "Success: Already OFF\n");
    assert_eq!(agent(bmc.port(), "reboot").run().stdout, "Success: Rebooted\n");
    assert!(bmc.power());
    assert_eq!(agent(bmc.port(), "on").run().stdout, "Success: Already ON\n");
}

#[test]
fn a_bmc_that_is_not_ready_to_power_on_is_asked_again() {
    // D5h once, as boards answer that are still discharging.
    let rule = Fault::Refuse(0xd5).at(Step::ChassisControl).after(1).times(1);
    let bmc = Bmc::start(Settings::default().rule(rule));
    let done = agent(bmc.port(), "reboot").run();
    assert_eq!(done.stdout, "Success: Rebooted\n", "{}", done.stderr);
    assert!(bmc.power(), "{}", done.stderr);
}

#[test]
fn a_busy_bmc_is_asked_again_and_a_refusal_is_final() {
    let busy = Fault::Refuse(0xc0).at(Step::ChassisControl).times(2);
    let bmc = Bmc::start(Settings::default().rule(busy));
    assert_eq!(agent(bmc.port(), "off").run().stdout, "Success: Powered OFF\n");
    for (code, words) in [(0xd4, "not enough privilege"), (0xc1, "Chassis Control")] {
        let bmc = Bmc::start(Settings::default().rule(Fault::Refuse(code).at(Step::ChassisControl)));
        for agent in [agent(bmc.port(), "off"), agent(bmc.port(), "off").under_pacemaker()] {
            assert_failed(&agent.run(), words);
        }
        assert!(bmc.power());
        assert_eq!(bmc.count(Step::ChassisControl), 2, "one for each run");
    }
}

#[test]
fn a_user_limited_to_operator_fences_unless_administrator_was_asked_for() {
    let users = || vec![User::new("admin", "adminpw", bmc::OPERATOR)];
    for settings in [Settings::only_suite(17), Settings::only_v15(auth_type::MD5)] {
        let bmc = Bmc::start(Settings { users: users(), ..settings });
        let done = agent(bmc.port(), "off").run();
        assert_eq!(done.stdout, "Success: Powered OFF\n", "{}", done.stderr);
        let done = agent(bmc.port(), "on").options([("privlvl", "administrator")]).run();
        assert_failed(&done, "privilege");
        assert!(!bmc.power());
    }
}

#[test]
fn used_up_session_slots_are_waited_for() {
    let bmc = Bmc::start(Settings { session_slots: 0, ..Settings::only_suite(17) });
    let port = bmc.port();
    let run = std::thread::spawn(move || {
        agent(port, "off").options([("login_timeout", "60"), ("lanplus", "1")]).run()
    });
    assert!(peers::until(Duration::from_secs(30), || bmc.count(Step::OpenSession) >= 2));
    bmc.change(|settings| settings.session_slots = 1);
    assert_eq!(run.join().unwrap().stdout, "Success: Powered OFF\n");
    assert!(!bmc.power());
}

#[test]
fn sessions_forgotten_at_any_step_are_opened_again() {
    for step in [Step::ChassisStatus, Step::ChassisControl, Step::SetPrivilege] {
        for skip in 0..2 {
            let rule = Fault::ForgetSessions.at(step).after(skip).times(1);
            let bmc = Bmc::start(Settings::only_suite(17).rule(rule));
            let done = agent(bmc.port(), "reboot").options([("lanplus", "1"), ("login_timeout", "20")]).run();
            assert_eq!(done.stdout, "Success: Rebooted\n", "{step:?} {skip}: {}", done.stderr);
            assert!(bmc.power(), "{step:?} {skip}");
            assert!(bmc.controls().contains(&0), "{step:?} {skip}");
        }
    }
}

#[test]
fn no_session_is_left_behind() {
    for options in [vec![], vec![("password", "wrong")], vec![("power_timeout", "1")]] {
        let bmc = Bmc::start(Settings { power: deaf(), ..Settings::default() });
        agent(bmc.port(), "off").options([("power_timeout", "1")]).options(options.clone()).run();
        assert!(peers::until(Duration::from_secs(20), || bmc.open_sessions() == 0), "{options:?}");
    }
}

#[test]
fn a_machine_behind_the_bmc_is_fenced_and_the_bmcs_own_is_not() {
    for bridging in [bmc::Bridging::Separate, bmc::Bridging::Inside] {
        let bmc = Bmc::start(Settings { targets: vec![0x24, 0x26], bridging, ..Settings::default() });
        let done = agent(bmc.port(), "off").options([("target", "0x24")]).run();
        assert_eq!(done.stdout, "Success: Powered OFF\n", "{}", done.stderr);
        assert!(!bmc.target_power(0x24) && bmc.target_power(0x26) && bmc.power());
        let done = agent(bmc.port(), "off")
            .options([("target", "40"), ("login_timeout", "2"), ("power_timeout", "1")])
            .run();
        assert_failed(&done, "the target does not answer on the bus");
        assert!(bmc.target_power(0x26) && bmc.power());
    }
}

#[test]
fn cycle_needs_evidence() {
    let cycle = |power: Power, options: &[(&str, &str)]| {
        let bmc = Bmc::start(Settings { power, ..Settings::default() });
        let done = agent(bmc.port(), "reboot")
            .options([("method", "cycle"), ("power_timeout", "2")])
            .options(options.iter().copied())
            .run();
        (done, bmc)
    };
    let (done, bmc) = cycle(Power::default(), &[]);
    assert_eq!(done.stdout, "Success: Rebooted\n", "off is seen: {}", done.stderr);
    assert_eq!(bmc.controls(), [2]);

    // Too short to be seen: the BMC's own record tells.
    let blink = Some(Duration::from_millis(1));
    let (done, _bmc) =
        cycle(Power { cycle_off: blink, ..Power::default() }, &[("stonith_status_sleep", "1")]);
    assert_eq!(done.stdout, "Success: Rebooted\n", "{}", done.stderr);

    // Acknowledged, and nothing happens.
    let never = Power { cycle_off: None, ..Power::default() };
    let (done, bmc) = cycle(never.clone(), &[]);
    assert_failed(&done, "not proven");
    assert!(bmc.power_changes().is_empty());
    let (done, _bmc) = cycle(never, &[("unproven_cycle", "1")]);
    assert_eq!(done.stdout, "Success: Rebooted\n", "{}", done.stderr);
}

/// What a BMC says less than before is no evidence: it was busy, or has restarted and forgotten.
#[test]
fn a_cycle_is_not_proven_by_a_record_that_is_gone() {
    let forgets = Fault::Restart(Duration::from_millis(100)).at(Step::ChassisStatus).after(2).times(1);
    let rules = [
        Fault::Refuse(0xc0).at(Step::RestartCause).after(1),
        Fault::Refuse(0xc1).at(Step::RestartCause).after(1),
        Fault::Refuse(0xc0).at(Step::RestartCause).times(1),
        forgets,
    ];
    for rule in rules {
        let bmc = Bmc::start(Settings { power: deaf(), ..Settings::only_suite(17) }.rule(rule.clone()));
        let done = agent(bmc.port(), "reboot")
            .options([("method", "cycle"), ("power_timeout", "5"), ("lanplus", "1")])
            .run();
        assert_failed(&done, "not proven");
        assert_eq!(bmc.controls(), [2], "{rule:?}");
        assert!(bmc.power() && bmc.power_changes().is_empty(), "{rule:?}");
    }
}

#[test]
fn diag_is_acknowledged_and_nothing_more_is_claimed() {
    let bmc = Bmc::start(Settings::default());
    let done = agent(bmc.port(), "diag").run();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stdout.contains("acknowledged") && !done.stdout.contains("Rebooted"), "{}", done.stdout);
    assert_eq!(bmc.controls(), [4]);
    assert!(bmc.power());
}

#[test]
fn soft_shutdown_and_reset_are_never_sent() {
    for action in ["off", "on", "reboot"] {
        let bmc = Bmc::start(Settings::default());
        agent(bmc.port(), action).run();
        assert!(
            bmc.controls().iter().all(|control| matches!(control, 0 | 1)),
            "{action}: {:?}",
            bmc.controls()
        );
    }
}
