//! What only IPMI has: a GUID and an inventory that change behind the agent's back, and what doctor says of a BMC.

use std::time::Duration;

use peers::bmc::{
    Draft, Effect, Fault, Inventory, OPERATOR, Power, Settings, Step, USER, User, set_checksums,
};
use peers::{Agent, Bmc, Finished};

use crate::common::json;

/// The test BMC's GUID.
const GUID: &str = "61207065-6572-2066-6f72-207465737473";

fn agent(bmc: &Bmc, action: &str) -> Agent {
    Agent::ipmilan("fence_ipmilan", bmc.port(), action).options([("ipmitool_timeout", "1")])
}

fn assert_not_the_one(done: &Finished, words: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    assert!(done.stderr.contains("is not the one meant"), "{}", done.stderr);
    assert!(done.stderr.contains(words), "{words}: {}", done.stderr);
}

/// A BMC that is another one from its answer number `from` (counted from 0) about its GUID.
fn swapped(from: usize, settings: Settings) -> Bmc {
    let mut answers = 0;
    let hook = move |step: Step, drafts: &mut Vec<Draft>| {
        if step == Step::SystemGuid {
            if answers >= from {
                for draft in drafts.iter_mut() {
                    // Behind six bytes of header and the completion code.
                    draft.payload[7] ^= 0xff;
                    set_checksums(&mut draft.payload);
                }
            }
            answers += 1;
        }
    };
    Bmc::start(Settings { hook: Some(Box::new(hook)), ..settings })
}

#[test]
fn a_machine_swapped_between_the_look_and_the_command_is_not_commanded() {
    for (action, from) in [("off", 2), ("on", 2), ("reboot", 1), ("diag", 1)] {
        let bmc = swapped(from, Settings::default());
        let done = agent(&bmc, action).options([("expect_uuid", GUID)]).run();
        assert_not_the_one(&done, "no command was sent");
        assert_eq!(bmc.controls(), [0; 0], "{action}");
        assert_eq!(bmc.count(Step::SystemGuid), from + 1, "{action}");
    }
}

#[test]
fn a_machine_swapped_after_the_command_is_no_success() {
    let bmc = swapped(3, Settings::default());
    let done = agent(&bmc, "off").options([("expect_uuid", GUID)]).run();
    assert_not_the_one(&done, "can't be counted as done");
    // And in reboot the other one isn't powered on, or off.
    let bmc = swapped(2, Settings::default());
    let done = agent(&bmc, "reboot").options([("expect_uuid", GUID)]).run();
    assert_not_the_one(&done, "can't be counted as done");
    assert_eq!(bmc.controls(), [0]);
}

#[test]
fn a_command_is_not_repeated_to_whoever_is_there_when_the_session_has_been_opened_anew() {
    // The first command meets a BMC that has been reset; the one that answers from then on is another.
    let rules = vec![Fault::ForgetSessions.at(Step::ChassisControl).times(1)];
    let bmc = swapped(3, Settings { rules, ..Settings::default() });
    let done = agent(&bmc, "off").options([("expect_uuid", GUID)]).run();
    assert_not_the_one(&done, "found 9e207065");
    assert_eq!(bmc.controls(), [0; 0]);
    assert!(bmc.power());
    assert!(bmc.count(Step::OpenSession) > 1);
}

#[test]
fn the_same_machine_in_a_new_session_is_fenced() {
    let rules = vec![Fault::ForgetSessions.at(Step::ChassisControl).times(1)];
    let bmc = Bmc::start(Settings { rules, ..Settings::default() });
    let done = agent(&bmc, "off").options([("expect_uuid", GUID)]).run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered OFF\n"), "{}", done.stderr);
    assert!(!bmc.power());
}

#[test]
fn an_identity_that_can_not_be_read_refuses_the_action() {
    let nothing = || Settings { fru: Vec::new(), ..Settings::default() };
    let mut damaged = Settings::default();
    // Inside the product area, whose checksum then is wrong.
    let last = damaged.fru.len() - 9;
    damaged.fru[last] ^= 0x20;
    let cases: Vec<(Settings, &str, &str)> = vec![
        (nothing(), "expect_serial", "SERIAL-7"),
        (nothing(), "expect_name", "RACK-7"),
        (damaged, "expect_serial", "SERIAL-7"),
        (
            Settings { rules: vec![Fault::Refuse(0xc1).at(Step::SystemGuid)], ..Settings::default() },
            "expect_uuid",
            GUID,
        ),
        (Settings { guid: [0; 16], ..Settings::default() }, "expect_uuid", GUID),
        (
            Settings {
                fru: Inventory::of("Maker", "Machine", "To be filled by O.E.M.", "").image(),
                ..Settings::default()
            },
            "expect_serial",
            "SERIAL-7",
        ),
    ];
    for (settings, option, value) in cases {
        let bmc = Bmc::start(settings);
        for action in ["off", "status"] {
            assert_not_the_one(&agent(&bmc, action).options([(option, value)]).run(), option);
        }
        assert_eq!(bmc.controls(), [0; 0]);
    }
}

#[test]
fn an_identity_that_is_only_late_is_waited_for() {
    let rules = vec![
        Fault::RequestLost.at(Step::SystemGuid).times(4),
        Fault::Refuse(0xc0).at(Step::FruData).times(2),
    ];
    let bmc = Bmc::start(Settings { rules, ..Settings::default() });
    let pins = [("expect_uuid", GUID), ("expect_serial", "SERIAL-7"), ("login_timeout", "60")];
    let done = agent(&bmc, "off").options(pins).run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered OFF\n"), "{}", done.stderr);
}

#[test]
fn an_inventory_is_read_in_whatever_pieces_the_bmc_gives() {
    for fru_piece in [u8::MAX, 16, 9] {
        let bmc = Bmc::start(Settings { fru_piece, ..Settings::default() });
        let done = agent(&bmc, "off").options([("expect_serial", "SERIAL-7")]).run();
        assert_eq!(done.code, Some(0), "{fru_piece}: {}", done.stderr);
    }
}

#[test]
fn an_inventory_is_read_from_a_bmc_that_gives_one_byte_where_many_were_asked_for() {
    let hook = |step: Step, drafts: &mut Vec<Draft>| {
        for draft in drafts.iter_mut().filter(|_| step == Step::FruData) {
            // Header, completion code, count, a byte, checksum.
            draft.payload.truncate(10);
            draft.payload[7] = 1;
            set_checksums(&mut draft.payload);
        }
    };
    let bmc = Bmc::start(Settings { hook: Some(Box::new(hook)), ..Settings::default() });
    let limits = [("expect_serial", "SERIAL-7"), ("login_timeout", "60"), ("power_timeout", "60")];
    let done = agent(&bmc, "off").options(limits).run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered OFF\n"), "{}", done.stderr);
}

#[test]
fn an_inventory_without_an_end_is_given_up_in_time() {
    // Its header names areas of the largest size, of which every byte takes its time.
    let mut fru = Settings::default().fru;
    fru[9] = 255;
    fru.resize(u16::MAX.into(), 1);
    let rules = vec![Fault::Late(Duration::from_millis(50)).at(Step::FruData)];
    let bmc = Bmc::start(Settings { fru, fru_piece: 8, rules, ..Settings::default() });
    let done = agent(&bmc, "status").options([("expect_serial", "SERIAL-7"), ("login_timeout", "2")]).run();
    assert!(!done.killed);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
}

#[test]
fn what_a_device_calls_itself_does_not_reach_a_terminal_unescaped() {
    let fru = Inventory::of("Maker", "\x1b[2Jgone", "SERIAL-7", "a\ntag").image();
    let bmc = Bmc::start(Settings { fru, ..Settings::default() });
    for (action, option) in [("doctor", "verbose"), ("status", "explain")] {
        let done = agent(&bmc, action).options([(option, "1")]).run();
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(!done.stdout.contains('\x1b') && !done.stderr.contains('\x1b'), "{done:?}");
        assert!(done.stdout.contains("\\u{1b}[2Jgone"), "{}", done.stdout);
    }
    let done = agent(&bmc, "off").options([("expect_name", "b")]).run();
    assert!(done.stderr.contains("found a\\ntag") && !done.stdout.contains('\x1b'), "{}", done.stderr);
}

#[test]
fn the_chassis_serial_number_and_dcmis_asset_tag_stand_in_for_what_the_product_lacks() {
    let fru = Inventory::of("Maker", "Machine", "", "").image();
    let tag = "a tag that is longer than one piece of it";
    let bmc = Bmc::start(Settings { fru, dcmi_tag: Some(tag.into()), ..Settings::default() });
    let pins = [("expect_serial", "CHASSIS-1"), ("expect_name", tag)];
    let done = agent(&bmc, "off").options(pins).run();
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered OFF\n"), "{}", done.stderr);
}

#[test]
fn a_uuid_is_compared_without_regard_to_case_and_dashes_and_in_one_byte_order_only() {
    let bmc = Bmc::start(Settings::default());
    for same in [GUID.to_uppercase(), GUID.replace('-', ""), format!("{{{GUID}}}")] {
        let done = agent(&bmc, "status").options([("expect_uuid", same.as_str())]).run();
        assert_eq!(done.code, Some(0), "{same}: {}", done.stderr);
    }
    // The order of SMBIOS, and the specification's.
    for other in ["65702061-7265-6620-6f72-207465737473", "73747365-7420-726f-6620-726565702061"] {
        let done = agent(&bmc, "off").options([("expect_uuid", other)]).run();
        assert_not_the_one(&done, "the same bytes in another order");
    }
    assert_eq!(bmc.controls(), [0; 0]);
}

/// A BMC, options, and what doctor then says: the exit code, and words of a finding.
type Grade<'a> = (Settings, &'a [(&'a str, &'a str)], i32, &'a str);

/// What doctor says of a BMC like this: its exit code, and the findings that aren't fine.
fn findings(settings: Settings, options: &[(&str, &str)]) -> (Option<i32>, Vec<String>) {
    let bmc = Bmc::start(settings);
    let done = agent(&bmc, "doctor").options([("json", "1")]).options(options.iter().copied()).run();
    assert_eq!(bmc.controls(), [0; 0]);
    let report = json(&done.stdout);
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.filter(|finding| finding["severity"] != "fine");
    let words = findings.map(|finding| format!("{} {}", finding["severity"], finding["text"])).collect();
    (done.code, words)
}

#[test]
fn doctor_grades_a_bmc_by_what_would_matter_at_night() {
    let user = |limit| vec![User::new("admin", "adminpw", limit)];
    let cases: Vec<Grade<'_>> = vec![
        (
            Settings { users: user(OPERATOR), ..Settings::default() },
            &[],
            0,
            "nothing says which machine is meant",
        ),
        (Settings { users: user(USER), ..Settings::default() }, &[], 1, "privilege"),
        (Settings::default(), &[("privlvl", "user")], 1, "switching the power needs operator"),
        (Settings::default(), &[("lanplus", "0")], 3, "IPMI 1.5"),
        (Settings::default(), &[("cipher", "3")], 0, "SHA-1"),
        (Settings { session_slots: 1, ..Settings::default() }, &[], 3, "1 of 1 sessions are open"),
        (Settings { clock: Some(1_000_000_017), ..Settings::default() }, &[], 0, "clock"),
        (Settings::default(), &[("method", "cycle")], 3, "method=cycle"),
        (Settings::default(), &[("power_timeout", "3")], 3, "power_timeout is 3 s"),
        (Settings::default(), &[("delay", "7")], 0, "waits 7 s"),
        (Settings::default(), &[("ip", "localhost")], 0, "is a name"),
        (Settings::default(), &[("expect_uuid", GUID)], 0, "read while the power is on"),
        (
            Settings {
                rules: vec![Fault::Late(Duration::from_millis(700)).at(Step::ChassisStatus)],
                ..Settings::default()
            },
            &[("shell_timeout", "1")],
            3,
            "raise shell_timeout",
        ),
    ];
    for (settings, options, code, words) in cases {
        let bmc = Bmc::start(settings);
        let done = agent(&bmc, "doctor").options(options.iter().copied()).run();
        assert_eq!(done.code, Some(code), "{words}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
        assert_eq!(bmc.controls(), [0; 0]);
    }
}

#[test]
fn doctor_has_nothing_to_say_of_a_bmc_with_which_all_is_well() {
    let settings =
        Settings { users: vec![User::new("admin", "adminpw", OPERATOR)], on: false, ..Settings::default() };
    assert_eq!(findings(settings, &[("expect_uuid", GUID)]), (Some(0), Vec::new()));
}

#[test]
fn a_machine_that_takes_longer_than_a_hard_power_off_is_told_to_ignore_its_power_button() {
    let power = |delay| Power { delay, ..Power::default() };
    for (seconds, alarm) in [(0.0, false), (2.0, false), (7.5, true)] {
        let delay = Duration::from_secs_f64(seconds);
        let bmc = Bmc::start(Settings { power: power(delay), ..Settings::default() });
        let done = agent(&bmc, "off").run();
        assert_eq!((done.code, done.stdout.as_str()), (Some(0), "Success: Powered OFF\n"), "{}", done.stderr);
        assert_eq!(done.stderr.contains("HandlePowerKey=ignore"), alarm, "{seconds}: {}", done.stderr);
    }
    // One that never gets there fails as before.
    let deaf = Power { effect: Effect::Nothing, ..Power::default() };
    let bmc = Bmc::start(Settings { power: deaf, ..Settings::default() });
    let done = agent(&bmc, "off").options([("power_timeout", "1")]).run();
    assert_eq!(done.code, Some(1));
    assert!(!done.stderr.contains("HandlePowerKey"), "{}", done.stderr);
}
