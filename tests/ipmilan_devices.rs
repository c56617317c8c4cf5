//! fence_ipmilan with BMCs as people meet them: replaced by another one in the middle of a run, restarting, refusing what
//! is so already, slow. The machine's true state is the judge, and what the BMC was sent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::net::UdpSocket;
use std::time::Duration;

use peers::agent::{assert_done, assert_failed};
use peers::bmc::{Bmc, Draft, Effect, Fault, OPERATOR, Power, Quirks, Settings, Step, User, set_checksums};
use peers::{Agent, until};

const OFF: u8 = 0;
const CYCLE: u8 = 2;

fn agent(bmc: &Bmc, action: &str) -> Agent {
    at(bmc.port(), action)
}

/// With less patience for a single request than the default.
fn at(port: u16, action: &str) -> Agent {
    Agent::ipmilan("fence_ipmilan", port, action).options([("ipmitool_timeout", "1")])
}

/// Acknowledges and does nothing.
fn deaf() -> Power {
    Power { effect: Effect::Nothing, ..Power::default() }
}

const ANOTHER: &str = "another device answers than before";

const STRANGER: [u8; 16] = *b"somebody else...";

/// Another BMC, whose machine is off, has the address from this answer on.
fn replaced_at(step: Step) -> peers::bmc::Rule {
    Fault::Replaced { on: false, guid: STRANGER }.at(step).times(1)
}

#[test]
fn the_off_of_another_bmc_after_the_command_is_no_success_and_it_gets_no_command() {
    std::thread::scope(|scope| {
        for (action, lanplus) in [("off", "1"), ("off", ""), ("reboot", "1"), ("reboot", "")] {
            scope.spawn(move || {
                let settings = Settings { power: deaf(), ..Settings::default() };
                let bmc = Bmc::start(settings.rule(replaced_at(Step::ChassisControl)));
                let done = agent(&bmc, action).options([("lanplus", lanplus)]).run();
                assert_failed(&done, ANOTHER);
                assert!(bmc.power());
                assert_eq!(bmc.controls(), [OFF]);
                let told = bmc.told_to_another();
                assert!(told.iter().all(|told| told.step != Step::ChassisControl), "{action}: {told:?}");
            });
        }
    });
}

#[test]
fn another_bmc_between_the_look_and_the_command_is_not_commanded() {
    // The last answer of the first one: to the login, or to the first look.
    let (login, look) = (Step::SetPrivilege, Step::ChassisStatus);
    let moments =
        [("off", login), ("on", login), ("reboot", login), ("diag", login), ("off", look), ("on", look)];
    std::thread::scope(|scope| {
        for (action, step) in moments {
            scope.spawn(move || {
                let bmc = Bmc::start(Settings::default().rule(replaced_at(step)));
                let done = agent(&bmc, action).options([("lanplus", "1"), ("power_timeout", "8")]).run();
                assert_failed(&done, ANOTHER);
                assert_eq!(bmc.controls(), [0; 0], "{action} {step:?}");
                let told = bmc.told_to_another();
                assert!(
                    told.iter().all(|told| told.step != Step::ChassisControl),
                    "{action} {step:?}: {told:?}"
                );
            });
        }
    });
}

/// The first machine takes a cycle and does nothing; the stranger's is on and tells of a power change by command.
#[test]
fn what_another_bmc_remembers_of_its_power_proves_no_cycle() {
    for on in [false, true] {
        let rule = Fault::Replaced { on, guid: STRANGER }.at(Step::ChassisControl).times(1);
        let bmc = Bmc::start(Settings { power: deaf(), ..Settings::default() }.rule(rule));
        let done = agent(&bmc, "reboot").options([("method", "cycle"), ("lanplus", "1")]).run();
        assert_failed(&done, ANOTHER);
        assert_eq!(bmc.controls(), [CYCLE]);
        assert!(bmc.told_to_another().iter().all(|told| told.step != Step::ChassisControl));
    }
}

#[test]
fn a_stranger_whose_guid_is_a_placeholder_is_a_stranger() {
    std::thread::scope(|scope| {
        for guid in [[0; 16], [0xff; 16]] {
            scope.spawn(move || {
                let rule = Fault::Replaced { on: false, guid }.at(Step::ChassisControl).times(1);
                let bmc = Bmc::start(Settings { power: deaf(), ..Settings::only_suite(17) }.rule(rule));
                let done = agent(&bmc, "off").options([("power_timeout", "12")]).run();
                assert_failed(&done, ANOTHER);
                assert!(bmc.told_to_another().iter().all(|told| told.step != Step::ChassisControl));
            });
        }
    });
}

/// Nothing tells the one from the other: the board never got an identity.
#[test]
fn a_bmc_without_an_identity_is_fenced_across_sessions() {
    for guid in [[0; 16], [0xff; 16]] {
        let rule = Fault::ForgetSessions.at(Step::ChassisControl).times(1);
        let bmc = Bmc::start(Settings { guid, ..Settings::default() }.rule(rule));
        assert_done(&agent(&bmc, "off").run(), "Success: Powered OFF\n");
        assert!(!bmc.power());
    }
}

/// OpenBMC tells a GUID of its own making until it has read its inventory.
#[test]
fn a_bmc_that_restarts_and_does_not_know_yet_who_it_is_is_waited_for() {
    let bmc = Bmc::start(Settings { power: deaf(), ..Settings::default() });
    let guid = Settings::default().guid;
    let run = {
        let port = bmc.port();
        std::thread::spawn(move || at(port, "off").run())
    };
    assert!(until(Duration::from_secs(30), || bmc.controls() == [OFF]));
    bmc.change(|settings| settings.guid = std::array::from_fn(|at| at as u8 + 1));
    bmc.forget_sessions();
    let logins = bmc.logins();
    assert!(until(Duration::from_secs(30), || bmc.logins() > logins + 1));
    bmc.set_power(false);
    assert!(!run.is_finished());
    bmc.change(|settings| settings.guid = guid);
    assert_done(&run.join().unwrap(), "Success: Powered OFF\n");
}

/// A run that has met a BMC over IPMI 2.0 doesn't go on with one that speaks 1.5 only, which can't say who it is.
#[test]
fn after_ipmi_20_the_off_of_one_that_speaks_15_only_does_not_count() {
    let bmc = Bmc::start(Settings { power: deaf(), ..Settings::default() });
    let run = {
        let (port, limits) = (bmc.port(), [("power_timeout", "8"), ("verbose", "1")]);
        std::thread::spawn(move || at(port, "off").options(limits).run())
    };
    assert!(until(Duration::from_secs(30), || bmc.controls() == [OFF]));
    bmc.change(|settings| settings.suites.clear());
    bmc.set_power(false);
    bmc.forget_sessions();
    let done = run.join().unwrap();
    assert_failed(&done, "timed out");
    assert_eq!(bmc.count(Step::Activate), 0, "{}", done.stderr);
}

#[test]
fn the_same_bmc_is_fenced_however_often_its_sessions_are_lost() {
    for step in [Step::ChassisStatus, Step::ChassisControl, Step::SetPrivilege] {
        let rule = Fault::ForgetSessions.at(step).times(2);
        let bmc = Bmc::start(Settings::default().rule(rule));
        let done = agent(&bmc, "off").options([("login_timeout", "30")]).run();
        assert_done(&done, "Success: Powered OFF\n");
        assert!(!bmc.power(), "{step:?}");
    }
}

// A power cycle, and what proves it.

/// Get Chassis Status tells this as the last power event (28.2): before the power cycle, and after it.
fn with_events(before: u8, after: u8) -> Bmc {
    let mut cycled = false;
    let hook = move |step: Step, drafts: &mut Vec<Draft>| {
        cycled |= step == Step::ChassisControl;
        if step == Step::ChassisStatus {
            for draft in drafts.iter_mut() {
                // Behind six bytes of header, the completion code and the power.
                draft.payload[8] = if cycled { after } else { before };
                set_checksums(&mut draft.payload);
            }
        }
    };
    let power = Power { reports_cause: false, ..deaf() };
    Bmc::start(Settings { power, hook: Some(Box::new(hook)), ..Settings::default() })
}

#[test]
fn a_power_event_that_is_gone_or_was_there_before_proves_no_cycle() {
    // AC failed, overload, interlock, fault, on by command; the upper bits are reserved.
    for (before, after) in
        [(0x10, 0), (0x11, 0x10), (0x1f, 0x10), (0x1f, 0x0f), (0x10, 0x10), (0, 0xe0), (0xf0, 0x10)]
    {
        let bmc = with_events(before, after);
        let done = agent(&bmc, "reboot").options([("method", "cycle"), ("power_timeout", "1")]).run();
        assert_failed(&done, "not proven");
        assert_eq!(bmc.controls(), [CYCLE], "{before:02x} {after:02x}");
    }
}

#[test]
fn a_power_event_that_is_new_proves_a_cycle() {
    for (before, after) in [(0, 0x10), (0x01, 0x11), (0x10, 0x01), (0x0f, 0x10)] {
        let bmc = with_events(before, after);
        let done = agent(&bmc, "reboot").options([("method", "cycle"), ("power_timeout", "5")]).run();
        assert_done(&done, "Success: Rebooted\n");
    }
}

#[test]
fn a_power_cycle_whose_answer_is_lost_is_not_sent_again_where_the_power_went() {
    let long = Some(Duration::from_secs(6));
    for power in [Power::default(), Power { cycle_off: long, ..Power::default() }] {
        let rule = Fault::AnswerLost.at(Step::ChassisControl).times(1);
        let bmc = Bmc::start(Settings { power, ..Settings::default() }.rule(rule));
        let done = agent(&bmc, "reboot").options([("method", "cycle")]).run();
        assert_done(&done, "Success: Rebooted\n");
        assert_eq!((bmc.count(Step::ChassisControl), bmc.controls()), (1, vec![CYCLE]));
        assert_eq!(bmc.power_changes().iter().map(|(_, on)| *on).collect::<Vec<_>>(), [false, true]);
    }
}

#[test]
fn a_power_cycle_that_never_arrived_is_sent_again() {
    let rule = Fault::RequestLost.at(Step::ChassisControl).times(1);
    let bmc = Bmc::start(Settings::default().rule(rule));
    let done = agent(&bmc, "reboot").options([("method", "cycle")]).run();
    assert_done(&done, "Success: Rebooted\n");
    assert_eq!((bmc.count(Step::ChassisControl), bmc.controls()), (2, vec![CYCLE]));
}

// Logins: accounts lock.

#[test]
fn a_wrong_password_is_tried_once_whatever_the_options() {
    let every = [
        vec![],
        vec![("lanplus", "1")],
        vec![("lanplus", "1"), ("cipher", "3")],
        vec![("privlvl", "operator")],
        vec![("power_timeout", "0"), ("login_timeout", "0")],
    ];
    for options in every {
        for action in ["status", "monitor", "off"] {
            let bmc = Bmc::start(Settings::default());
            let wrong = || agent(&bmc, action).options(options.clone()).options([("password", "wrong")]);
            for (number, agent) in [wrong(), wrong().under_pacemaker()].into_iter().enumerate() {
                assert_failed(&agent.run(), "wrong password");
                assert!(until(Duration::from_secs(5), || bmc.logins() > number), "{options:?} {action}");
                assert_eq!(
                    (bmc.logins(), bmc.count(Step::Challenge)),
                    (number + 1, 0),
                    "{options:?} {action}"
                );
            }
        }
    }
}

#[test]
fn a_password_that_was_accepted_is_not_refused_for_good_by_one_bad_moment() {
    // The BMC forgets its session, and for a moment its users.
    for code in [0x0d, 0x0f] {
        let rules = vec![
            Fault::ForgetSessions.at(Step::ChassisControl).times(1),
            Fault::Refuse(code).at(Step::Rakp1).after(1).times(1),
        ];
        let bmc = Bmc::start(Settings { rules, ..Settings::default() });
        let done = agent(&bmc, "off").options([("lanplus", "1")]).run();
        assert_done(&done, "Success: Powered OFF\n");
        assert_eq!(bmc.controls(), [OFF], "{code:02x}");
    }
}

#[test]
fn a_password_that_was_changed_in_the_middle_of_a_run_is_tried_twice() {
    let rules = vec![Fault::ForgetSessions.at(Step::ChassisControl).times(1)];
    let bmc = Bmc::start(Settings { rules, ..Settings::default() });
    let run = {
        let port = bmc.port();
        std::thread::spawn(move || at(port, "off").options([("lanplus", "1")]).under_pacemaker().run())
    };
    assert!(until(Duration::from_secs(30), || bmc.count(Step::ChassisControl) == 1));
    bmc.change(|settings| settings.users = vec![User::new("admin", "another", OPERATOR)]);
    assert_failed(&run.join().unwrap(), "wrong password");
    // The one that was accepted, and two that weren't.
    assert!(until(Duration::from_secs(5), || bmc.logins() == 3));
    assert!(bmc.power() && bmc.controls().is_empty());
}

// Limits.

#[test]
fn a_limit_used_up_by_the_first_question_is_not_told_as_no_time_at_all() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for options in [vec![], vec![("lanplus", "1")], vec![("lanplus", "0")]] {
        for action in ["status", "off"] {
            let done = at(port, action).options([("login_timeout", "1")]).options(options.clone()).run();
            assert_failed(&done, "timed out after");
            assert!(!done.stderr.contains("after 0.0 s"), "{options:?}: {}", done.stderr);
        }
    }
}

// What real firmware does.

/// The BMC restarts while it switches the power; then it lets in, and for `young` answers all commands with this code.
fn restarting(code: u8, young: Duration) -> Bmc {
    let mut born = None;
    let mut restarted = false;
    let hook = move |step: Step, drafts: &mut Vec<Draft>| {
        match step {
            Step::OpenSession if restarted => {
                born.get_or_insert_with(std::time::Instant::now);
            }
            Step::ChassisControl => restarted = true,
            _ => {}
        }
        let is_young = born.is_some_and(|born: std::time::Instant| born.elapsed() < young);
        if is_young && matches!(step, Step::ChassisStatus | Step::ChassisControl | Step::RestartCause) {
            for draft in drafts.iter_mut() {
                draft.payload.truncate(8);
                draft.payload[6] = code;
                set_checksums(&mut draft.payload);
            }
        }
    };
    let power = Power { delay: Duration::from_millis(300), ..Power::default() };
    let restart = Fault::Restart(Duration::from_secs(2)).at(Step::ChassisStatus).after(1).times(1);
    Bmc::start(Settings { power, hook: Some(Box::new(hook)), ..Settings::default() }.rule(restart))
}

#[test]
fn a_bmc_that_restarts_and_knows_no_command_for_a_while_is_waited_for() {
    std::thread::scope(|scope| {
        for code in [0xc1, 0xd4, 0xd6, 0xc2, 0xff, 0xd2] {
            for lanplus in ["", "1"] {
                scope.spawn(move || {
                    let bmc = restarting(code, Duration::from_secs(3));
                    let done = agent(&bmc, "off").options([("lanplus", lanplus)]).run();
                    assert_done(&done, "Success: Powered OFF\n");
                    assert!(!bmc.power());
                    assert_eq!(bmc.controls(), [OFF], "{code:02x}");
                });
            }
        }
    });
}

#[test]
fn a_command_that_never_worked_is_refused_for_good_by_the_same_codes() {
    for (code, words) in [(0xc1, "unknown command (C1h)"), (0xd4, "not enough privilege"), (0xd6, "disabled")]
    {
        let bmc = Bmc::start(Settings::default().rule(Fault::Refuse(code).at(Step::ChassisStatus)));
        let done = agent(&bmc, "status").run();
        assert_failed(&done, words);
        assert_eq!(bmc.count(Step::ChassisStatus), 1, "{code:02x}");
    }
}

/// What firmware says that knows only that it has nothing to do.
const NOTHING_TO_DO: [u8; 11] = [0xff, 0xcc, 0xc9, 0xce, 0xd3, 0xc0, 0xd6, 0x80, 0xc1, 0xd4, 0x6f];

fn refuses_same_state(refusal: u8) -> Power {
    Power { refuses_same_state: true, refusal, ..Power::default() }
}

#[test]
fn a_command_for_the_state_it_is_in_may_be_refused_with_any_code() {
    std::thread::scope(|scope| {
        for code in NOTHING_TO_DO {
            for (action, on, stdout) in [
                ("off", false, "Success: Already OFF\n"),
                ("on", true, "Success: Already ON\n"),
                ("reboot", false, "Success: Rebooted\n"),
            ] {
                scope.spawn(move || {
                    let bmc =
                        Bmc::start(Settings { power: refuses_same_state(code), on, ..Settings::default() });
                    let done = agent(&bmc, action).run();
                    assert_done(&done, stdout);
                    assert_eq!(bmc.power(), action != "off", "{action} {code:02x}");
                });
            }
        }
    });
}

#[test]
fn the_same_codes_are_a_failure_where_the_machine_is_on() {
    std::thread::scope(|scope| {
        for code in NOTHING_TO_DO {
            scope.spawn(move || {
                let bmc = Bmc::start(Settings::default().rule(Fault::Refuse(code).at(Step::ChassisControl)));
                let done = agent(&bmc, "off").options([("power_timeout", "8")]).run();
                assert_failed(&done, "ERROR");
                assert!(bmc.power(), "{code:02x}");
            });
        }
    });
}

#[test]
fn wrong_checksums_under_a_right_code_dont_stand_in_the_way() {
    for wrong_checksums in [(true, false), (false, true), (true, true)] {
        for options in [vec![], vec![("lanplus", "1")], vec![("auth", "md5")]] {
            let quirks = Quirks { wrong_checksums, ..Quirks::default() };
            let bmc = Bmc::start(Settings { quirks, ..Settings::default() });
            assert_done(&agent(&bmc, "off").options(options).run(), "Success: Powered OFF\n");
            assert!(!bmc.power());
        }
    }
}

#[test]
fn wrong_checksums_that_nothing_else_covers_are_called_that() {
    let quirks = Quirks { wrong_checksums: (true, true), ..Quirks::default() };
    let bmc = Bmc::start(Settings { quirks: quirks.clone(), ..Settings::only_suite(1) });
    let done = agent(&bmc, "off").options([("lanplus", "1"), ("cipher", "1")]).run();
    assert_failed(&done, "a checksum is wrong");
    assert!(!done.stderr.contains("password"), "{}", done.stderr);
    let bmc = Bmc::start(Settings { quirks, ..Settings::only_v15(4) });
    let done = agent(&bmc, "off").options([("auth", "password")]).run();
    assert_failed(&done, "a checksum is wrong");
    assert!(!done.stderr.contains("password"), "{}", done.stderr);
}

#[test]
fn a_suite_refused_in_any_way_leads_to_the_next_and_not_to_ipmi_15() {
    // As a Supermicro X8DTG and an Intel M50CYP do, as the specification has it, and not a word.
    for refusal in [Some(0x0a), Some(0x01), Some(0x11), Some(0x04), Some(0x12), None] {
        for lanplus in ["", "1"] {
            let quirks = Quirks { refused_suites: vec![(17, refusal)], ..Quirks::default() };
            let bmc = Bmc::start(Settings { quirks, ..Settings::default() });
            let done = agent(&bmc, "off").options([("lanplus", lanplus)]).run();
            assert_done(&done, "Success: Powered OFF\n");
            assert!(!bmc.power());
            assert_eq!(bmc.count(Step::Challenge), 0, "{refusal:02x?}");
        }
    }
}

#[test]
fn a_failed_negotiation_is_told_in_whole_sentences_with_the_suite() {
    let told = |settings: Settings, options: &[(&'static str, &'static str)]| {
        let bmc = Bmc::start(settings);
        let done =
            agent(&bmc, "status").options([("login_timeout", "2")]).options(options.iter().copied()).run();
        assert_failed(&done, "ERROR");
        done.stderr
    };
    let named = [("lanplus", "1"), ("cipher", "17")];
    let refuses = |code| Quirks { refused_suites: vec![(17, Some(code))], ..Quirks::default() };
    for code in [0x01, 0x0a, 0x11] {
        let words = told(Settings { quirks: refuses(code), ..Settings::default() }, &named);
        assert!(words.contains("cipher suite 17") && !words.contains("support the BMC"), "{words}");
        assert!(!words.contains("not enough privilege"), "{words}");
    }
    let words = told(Settings::only_suite(3), &named);
    assert!(words.contains("the device doesn't support cipher suite 17"), "{words}");
    let words = told(Settings::only_suite(3), &[("lanplus", "0")]);
    assert!(words.contains("the device doesn't support an authentication type of IPMI 1.5"), "{words}");
    let words = told(Settings::default().rule(Fault::Refuse(0x12).at(Step::Rakp1)), &[("lanplus", "1")]);
    assert!(words.contains("login denied") && words.contains("user name"), "{words}");
    assert!(words.contains("cipher suite"), "{words}");
}

#[test]
fn a_bmc_too_slow_for_its_limits_is_told_the_options_that_help() {
    let bmc = Bmc::start(Settings::only_suite(3).rule(Fault::Late(Duration::from_secs(4)).at(Step::Rakp1)));
    let done = agent(&bmc, "status").options([("lanplus", "1"), ("login_timeout", "2")]).run();
    assert_failed(&done, "ipmitool_timeout");
    assert!(done.stderr.contains("login_timeout"), "{}", done.stderr);
}

#[test]
fn codes_over_the_privilege_of_open_session_let_in_too() {
    for lanplus in ["", "1"] {
        let quirks = Quirks { privilege_of_open_session: true, ..Quirks::default() };
        let bmc = Bmc::start(Settings { quirks, ..Settings::default() });
        assert_done(&agent(&bmc, "off").options([("lanplus", lanplus)]).run(), "Success: Powered OFF\n");
        assert!(!bmc.power());
    }
}

#[test]
fn a_handshake_slower_than_ipmitool_timeout_comes_to_its_end() {
    std::thread::scope(|scope| {
        for step in [Step::OpenSession, Step::Rakp1, Step::Rakp3] {
            for fresh_numbers in [false, true] {
                scope.spawn(move || {
                    let quirks = Quirks { fresh_numbers, ..Quirks::default() };
                    let rule = Fault::Late(Duration::from_millis(1300)).at(step);
                    let bmc = Bmc::start(Settings { quirks, ..Settings::only_suite(3) }.rule(rule));
                    let limits = [("lanplus", "1"), ("login_timeout", "10")];
                    let done = agent(&bmc, "off").options(limits).run();
                    assert_done(&done, "Success: Powered OFF\n");
                    assert!(!bmc.power(), "{step:?}");
                });
            }
        }
    });
}
