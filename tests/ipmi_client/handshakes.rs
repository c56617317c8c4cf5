//! The handshake of IPMI 2.0 with BMCs as they are: datagrams that are lost, suites that are refused in other ways than
//! the specification has it, slow ones, and those that count the password that was tried.

use std::time::Duration;

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus};
use fence_agents::protocols::ipmi::rmcp::{Packet, parse};
use fence_agents::protocols::ipmi::{
    AuthType, Config, Denial, Error, Negotiation, Privilege, Session, Version,
};
use peers::bmc::{ADMINISTRATOR, Fault, OPERATOR, Quirks, Rule, SUITES, Settings, Step, USER, User};
use peers::relay::{Direction, Fate};
use peers::{Bmc, Relay, until};

use crate::common::{config, soon, switch_off_and_on, through, v20};

const OPEN_SESSION: u8 = 0x10;
const RAKP_1: u8 = 0x12;
const RAKP_3: u8 = 0x14;

/// Short enough to be waited for many times, and longer than this machine is busy for.
const ATTEMPT: Duration = Duration::from_millis(150);

/// Long enough for a count to be exact on a busy machine.
const LONG_ATTEMPT: Duration = Duration::from_secs(1);

fn patient(config: Config) -> Config {
    Config { attempt: ATTEMPT, ..config }
}

fn very_patient(config: Config) -> Config {
    Config { attempt: LONG_ATTEMPT, ..config }
}

/// Does something with all of these, eight at a time: most of it is waiting.
fn each<T: Sync>(all: &[T], one: impl Fn(&T) + Sync) {
    for some in all.chunks(8) {
        std::thread::scope(|scope| {
            for this in some {
                let one = &one;
                scope.spawn(move || one(this));
            }
        });
    }
}

/// The payloads of one kind that went to the device, in order.
fn sent(relay: &Relay, kind: u8) -> Vec<Vec<u8>> {
    let seen = relay.seen().into_iter().filter(|seen| seen.direction == Direction::ToDevice);
    seen.filter_map(|seen| match parse(&seen.bytes) {
        Ok(Packet::V20(packet)) if packet.payload_type == kind => Some(packet.payload.to_vec()),
        _ => None,
    })
    .collect()
}

/// A BMC that minds a second handshake from one port, and one that makes a new number for each message 1.
fn touchy(fresh_numbers: bool) -> Settings {
    let quirks = Quirks { one_handshake_per_port: true, fresh_numbers, ..Quirks::default() };
    Settings { quirks, ..Settings::only_suite(3) }
}

#[test]
fn a_lost_rakp_message_is_sent_again_as_it_was() {
    for (step, kind) in [(Step::Rakp1, RAKP_1), (Step::Rakp3, RAKP_3)] {
        for fault in [Fault::RequestLost, Fault::AnswerLost] {
            let bmc = Bmc::start(touchy(false).rule(fault.clone().at(step).times(1)));
            let relay = Relay::builder(bmc.address()).start();
            let config = very_patient(through(&relay, v20(&bmc, 3)));
            let mut session = Session::open(&config, soon()).unwrap();
            assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
            let messages = sent(&relay, kind);
            assert_eq!(messages.len(), 2, "{fault:?} at {step:?}");
            assert_eq!(messages[0], messages[1], "{fault:?} at {step:?}");
            assert_eq!(sent(&relay, OPEN_SESSION).len(), 1, "{fault:?} at {step:?}");
        }
    }
}

#[test]
fn a_handshake_that_begins_anew_comes_from_another_port() {
    // The BMC is dead for whoever asks again from the same port. Twice lost is lost.
    let steps = [(Step::OpenSession, 1), (Step::Rakp1, 2), (Step::Rakp3, 2)];
    let faults = [Fault::RequestLost, Fault::AnswerLost];
    let rules =
        steps.into_iter().flat_map(|(step, times)| faults.clone().map(|fault| fault.at(step).times(times)));
    let all: Vec<_> = rules.flat_map(|rule| [(rule.clone(), false), (rule, true)]).collect();
    each(&all, |(rule, fresh_numbers)| {
        let bmc = Bmc::start(touchy(*fresh_numbers).rule(rule.clone()));
        switch_off_and_on(&patient(v20(&bmc, 3)), &bmc);
        assert!(bmc.count(Step::OpenSession) >= 2, "{rule:?}");
    });
}

#[test]
fn the_next_suite_and_the_next_level_come_from_another_port_too() {
    let users = vec![User::new("admin", "adminpw", OPERATOR)];
    let bmc = Bmc::start(Settings { users, ..touchy(false) });
    let config = patient(Config { version: Version::V20, ..config(&bmc) });
    assert_eq!(Session::open(&config, soon()).unwrap().privilege(), Privilege::Operator);
}

/// A BMC that takes its second message 1 or 3 for something else than a repetition.
#[test]
fn any_message_may_be_lost_on_the_way_to_a_bmc_that_minds_repetitions() {
    let ways = [Direction::ToDevice, Direction::ToAgent];
    let all: Vec<_> = ways.into_iter().flat_map(|way| (0..10).map(move |index| (way, index))).collect();
    each(&all, |lost| {
        let (way, index) = *lost;
        let bmc = Bmc::start(touchy(true));
        let relay = Relay::builder(bmc.address())
            .rule(move |packet| match (packet.direction, packet.index) == (way, index) {
                true => Fate::Lose,
                false => Fate::Pass,
            })
            .start();
        let config = patient(through(&relay, v20(&bmc, 3)));
        let mut session = Session::open(&config, soon()).unwrap_or_else(|error| panic!("{lost:?}: {error}"));
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
    });
}

#[test]
fn a_bmc_that_takes_its_time_is_waited_for_and_no_login_fails_there() {
    // Longer than the first wait, and shorter than the second.
    let slow = LONG_ATTEMPT * 5 / 4;
    let steps =
        [Step::OpenSession, Step::Rakp1, Step::Rakp3, Step::SetPrivilege, Step::ChassisStatus, Step::Any];
    let all: Vec<_> = steps.into_iter().flat_map(|step| [(step, false), (step, true)]).collect();
    each(&all, |(step, fresh_numbers)| {
        let bmc = Bmc::start(touchy(*fresh_numbers).rule(Fault::Late(slow).at(*step)));
        let relay = Relay::builder(bmc.address()).start();
        let config = very_patient(through(&relay, v20(&bmc, 3)));
        let mut session = Session::open(&config, soon()).unwrap_or_else(|error| panic!("{step:?}: {error}"));
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        // RAKP message 4, with the status "invalid integrity check value" in its second byte.
        let answers = relay.seen().into_iter().filter(|seen| seen.direction == Direction::ToAgent);
        let failed = answers.filter(|seen| seen.bytes[5] == 0x15 && seen.bytes[17] == 0x0F);
        assert_eq!(failed.count(), 0, "{step:?}");
    });
}

#[test]
fn once_answers_are_known_to_be_slow_a_request_is_sent_once() {
    let rule = Fault::Late(LONG_ATTEMPT * 5 / 4).at(Step::ChassisStatus);
    let bmc = Bmc::start(Settings::only_suite(3).rule(rule));
    let mut session = Session::open(&very_patient(v20(&bmc, 3)), soon()).unwrap();
    session.send(&GetChassisStatus, soon()).unwrap();
    let before = bmc.count(Step::ChassisStatus);
    for _ in 0..3 {
        session.send(&GetChassisStatus, soon()).unwrap();
    }
    assert_eq!(bmc.count(Step::ChassisStatus) - before, 3);
}

/// What a BMC that knows suite 3 says to an Open Session with another, real ones among them (freeipmi's list of
/// workarounds: 01h, 0Ah), and silence.
fn refusals() -> impl Iterator<Item = Option<u8>> {
    (1..=0x12).chain([0x30, 0xC1, 0xFF]).map(Some).chain([None])
}

#[test]
fn whatever_a_bmc_has_against_a_suite_the_next_one_follows_and_never_ipmi_15() {
    let versions = [Version::Auto, Version::V20];
    let all: Vec<_> = refusals().flat_map(|refusal| versions.map(|version| (refusal, version))).collect();
    each(&all, |(refusal, version)| {
        let refused_suites = vec![(17, *refusal)];
        let quirks = Quirks { refused_suites, one_handshake_per_port: true, ..Quirks::default() };
        let bmc = Bmc::start(Settings { quirks, ..Settings::default() });
        let config = patient(Config { version: *version, ..config(&bmc) });
        let session =
            Session::open(&config, soon()).unwrap_or_else(|error| panic!("{refusal:02X?}: {error}"));
        assert_eq!(session.cipher_suite(), Some(3), "{refusal:02X?}");
        assert_eq!(session.privilege(), Privilege::Administrator, "{refusal:02X?}");
        assert_eq!(bmc.count(Step::Challenge), 0, "{refusal:02X?}");
    });
}

#[test]
fn a_bmc_that_falls_silent_after_open_session_gets_the_next_suite() {
    // It takes suite 17 and can't compute with it.
    for step in [Step::Rakp1, Step::Rakp3] {
        let bmc = Bmc::start(Settings::default().rule(Fault::RequestLost.at(step).times(2)));
        let config = patient(Config { version: Version::V20, ..config(&bmc) });
        assert_eq!(Session::open(&config, soon()).unwrap().cipher_suite(), Some(3), "{step:?}");
    }
}

#[test]
fn a_bmc_that_has_no_room_for_a_suite_after_open_session_gets_the_next_one() {
    // Firmware computes with some suites in memory that it hasn't got: 01h, no resources, or 0Bh.
    let cases = [(Step::Rakp1, 0x01), (Step::Rakp1, 0x0B), (Step::Rakp3, 0x01), (Step::Rakp3, 0x0B)];
    each(&cases, |(step, code)| {
        let bmc = Bmc::start(Settings::default().rule(Fault::Refuse(*code).at(*step).times(1)));
        let config = Config { version: Version::V20, ..config(&bmc) };
        let session = Session::open(&config, soon()).unwrap();
        assert_eq!(session.cipher_suite(), Some(3), "{step:?} {code:02X}");
        assert_eq!(bmc.count(Step::OpenSession), 2, "{step:?} {code:02X}");
    });
}

#[test]
fn a_bmc_that_grants_no_level_and_is_busy_is_not_told_as_one_that_refuses() {
    // Busy over administrator, and no operator either: it may pass.
    let rules = vec![
        Fault::Refuse(0xC0).at(Step::SetPrivilege).times(1),
        Fault::Refuse(0x81).at(Step::SetPrivilege).after(1),
    ];
    let bmc = Bmc::start(Settings { rules, ..Settings::default() });
    let error = Session::open(&v20(&bmc, 3), soon()).err().unwrap();
    assert!(matches!(error, Error::Completion { code: 0xC0, .. }), "{error:?}");
    assert!(!error.is_definitive());
}

#[test]
fn at_open_session_nothing_is_about_the_user() {
    let all: Vec<_> = refusals().flatten().collect();
    each(&all, |refusal| {
        let bmc = Bmc::start(Settings::only_suite(3).rule(Fault::Refuse(*refusal).at(Step::OpenSession)));
        let config = Config { attempts: 1, ..v20(&bmc, 3) };
        let error = Session::open(&config, Deadline::after(Duration::from_millis(900))).err().unwrap();
        let words = error.to_string();
        assert!(words.contains("cipher suite 3"), "{words}");
        match refusal {
            0x01 | 0x0B => assert!(matches!(error, Error::NoResources { suite: Some(3), .. }), "{error:?}"),
            _ => assert!(matches!(error, Error::Negotiation(Negotiation::Refused { .. })), "{error:?}"),
        }
    });
}

#[test]
fn of_several_refusals_the_most_hopeful_is_told() {
    let full = |suites| Settings {
        auth_types: Vec::new(),
        quirks: Quirks { refused_suites: suites, ..Quirks::default() },
        ..Settings::default()
    };
    let told = |settings| {
        let bmc = Bmc::start(settings);
        let config = Config { version: Version::V20, ..config(&bmc) };
        Session::open(&config, Deadline::after(Duration::from_millis(900))).err().unwrap()
    };
    // One without room, the other unknown, in either order: it may have room later.
    for suites in [vec![(17, Some(0x01)), (3, Some(0x11))], vec![(17, Some(0x11)), (3, Some(0x01))]] {
        let error = told(full(suites));
        assert!(matches!(error, Error::NoResources { .. }), "{error:?}");
    }
    // A user that may do nothing is told of a suite that isn't there.
    let users = vec![User::new("admin", "adminpw", USER)];
    let error = told(Settings { users, ..full(vec![(17, Some(0x11))]) });
    assert_eq!(error, Error::NoPrivilege { asked: Privilege::Operator });
}

#[test]
fn a_level_refused_at_open_session_steps_down_where_none_was_asked_for() {
    for code in [0x09, 0x0A] {
        for version in [Version::Auto, Version::V20] {
            let quirks = Quirks { refused_above: Some((OPERATOR, code)), ..Quirks::default() };
            let bmc = Bmc::start(Settings { quirks, ..Settings::default() });
            let default = Config { version, ..config(&bmc) };
            let mut session = Session::open(&default, soon()).unwrap();
            assert_eq!((session.privilege(), session.cipher_suite()), (Privilege::Operator, Some(17)));
            session.send(&ChassisControl::PowerDown, soon()).unwrap();
            assert!(!bmc.power());
            let explicit = Config { privilege_explicit: true, version: Version::V20, ..default };
            let error = Session::open(&explicit, soon()).err().unwrap();
            let words = error.to_string();
            assert!(words.contains("cipher suite") && words.contains("administrator"), "{words}");
        }
    }
}

#[test]
fn a_level_refused_at_the_activation_of_ipmi_15_steps_down_too() {
    for code in [0x86, 0xD4] {
        let rule = || Fault::Refuse(code).at(Step::Activate).times(1);
        let bmc = Bmc::start(Settings::default().rule(rule()));
        let default = Config { version: Version::V15, ..config(&bmc) };
        assert_eq!(Session::open(&default, soon()).unwrap().privilege(), Privilege::Operator);
        bmc.change(|settings| settings.rules = vec![rule()]);
        let explicit = Config { privilege_explicit: true, ..default };
        let error = Session::open(&explicit, soon()).err();
        assert_eq!(error, Some(Error::NoPrivilege { asked: Privilege::Administrator }));
    }
}

/// The login passes, and the level is refused with a code that doesn't say that it is about the level.
#[test]
fn a_level_refused_with_any_code_steps_down_where_none_was_asked_for() {
    for code in [0x81, 0x82, 0xC0, 0xC1, 0xC3, 0xC9, 0xCC, 0xD0, 0xD2, 0xD5, 0xD6, 0xFF] {
        for version in [Version::V20, Version::V15] {
            let bmc = Bmc::start(Settings::default());
            let refuse = || {
                let rule = Fault::Refuse(code).at(Step::SetPrivilege).times(1);
                bmc.change(|settings| settings.rules = vec![rule]);
            };
            let default = Config { version, ..config(&bmc) };
            refuse();
            let mut session =
                Session::open(&default, soon()).unwrap_or_else(|error| panic!("{code:02X}: {error}"));
            assert_eq!(session.privilege(), Privilege::Operator);
            session.send(&ChassisControl::PowerDown, soon()).unwrap();
            refuse();
            let explicit = Config { privilege_explicit: true, ..default };
            assert!(Session::open(&explicit, soon()).is_err(), "{code:02X}");
        }
    }
}

#[test]
fn codes_over_the_privilege_of_open_session_are_the_same_codes() {
    for id in SUITES.iter().map(|suite| suite.id) {
        let quirks = Quirks { privilege_of_open_session: true, ..Quirks::default() };
        let bmc = Bmc::start(Settings { quirks, ..Settings::only_suite(id) });
        switch_off_and_on(&v20(&bmc, id), &bmc);
        let operator = Config { privilege: Privilege::Operator, privilege_explicit: true, ..v20(&bmc, id) };
        switch_off_and_on(&operator, &bmc);
    }
}

#[test]
fn wrong_checksums_under_a_right_code_are_nobodys_concern() {
    for wrong_checksums in [(true, false), (false, true), (true, true)] {
        let quirks = Quirks { wrong_checksums, ..Quirks::default() };
        for suite in SUITES.iter().filter(|suite| suite.integrity != 0) {
            let bmc = Bmc::start(Settings { quirks: quirks.clone(), ..Settings::only_suite(suite.id) });
            switch_off_and_on(&v20(&bmc, suite.id), &bmc);
        }
        let bmc = Bmc::start(Settings { quirks: quirks.clone(), ..Settings::default() });
        switch_off_and_on(&Config { version: Version::V15, ..config(&bmc) }, &bmc);
    }
}

#[test]
fn wrong_checksums_that_nothing_else_covers_are_told_as_such() {
    let quirks = Quirks { wrong_checksums: (false, true), ..Quirks::default() };
    let weak = SUITES.iter().filter(|suite| suite.integrity == 0);
    let v20 = weak.map(|suite| (Settings::only_suite(suite.id), Some(suite.id), None));
    let v15 = [AuthType::None, AuthType::Password];
    let v15 = v15.map(|auth| (Settings::only_v15(auth as u8), None, Some(auth)));
    for (settings, cipher, auth) in v20.chain(v15) {
        let bmc = Bmc::start(Settings { quirks: quirks.clone(), ..settings });
        let version = if auth.is_some() { Version::V15 } else { Version::V20 };
        let attempt = Duration::from_millis(30);
        let config = Config { version, cipher, auth, attempt, ..config(&bmc) };
        let error = Session::open(&config, soon()).err().unwrap();
        let words = error.to_string();
        assert!(words.contains("checksum") && !words.contains("password"), "{words}");
    }
}

/// The rules of a BMC that loses, delays or repeats something in the handshake.
fn troubles() -> Vec<Rule> {
    let steps = [Step::AuthCapabilities, Step::OpenSession, Step::Rakp1];
    let faults = [Fault::RequestLost, Fault::AnswerLost, Fault::Twice, Fault::Late(ATTEMPT * 5 / 4)];
    let each = steps.into_iter().flat_map(|step| faults.clone().map(|fault| fault.at(step).times(1)));
    each.collect()
}

/// Accounts lock after a few wrong passwords: whatever is lost, there is one attempt.
#[test]
fn a_wrong_password_is_tried_once_over_both_versions() {
    let rules = troubles().into_iter().map(Some).chain([None]);
    let all: Vec<_> =
        rules.flat_map(|rule| [vec![3, 17], vec![3]].map(|suites| (rule.clone(), suites))).collect();
    each(&all, |(rule, suites)| {
        let quirks = Quirks { fresh_numbers: true, ..Quirks::default() };
        let rules = rule.iter().cloned().collect();
        let bmc = Bmc::start(Settings { suites: suites.clone(), quirks, rules, ..Settings::default() });
        let config = patient(Config { password: Some(Secret::new("wrong")), ..config(&bmc) });
        let error = Session::open(&config, soon()).err();
        assert_eq!(error, Some(Error::LoginDenied { why: Denial::WrongPassword }), "{rule:?}");
        // It is told that the handshake ends.
        assert!(until(Duration::from_secs(5), || bmc.logins() == 1), "{rule:?}");
        assert_eq!((bmc.count(Step::Challenge), bmc.logins()), (0, 1), "{rule:?}");
    });
}

#[test]
fn a_wrong_password_in_one_suite_is_not_tried_in_another() {
    // Refused by the BMC itself, at either message.
    for step in [Step::Rakp1, Step::Rakp3] {
        let bmc = Bmc::start(Settings::default().rule(Fault::Refuse(0x0F).at(step)));
        let error = Session::open(&config(&bmc), soon()).err();
        assert_eq!(error, Some(Error::LoginDenied { why: Denial::WrongPassword }));
        assert_eq!((bmc.count(Step::Rakp1), bmc.count(Step::Challenge)), (1, 0), "{step:?}");
    }
}

#[test]
fn a_name_refused_as_an_illegal_parameter_is_told_as_the_name_or_the_suite() {
    let rule = Fault::Refuse(0x12).at(Step::Rakp1);
    let bmc = Bmc::start(Settings { auth_types: Vec::new(), ..Settings::default() }.rule(rule));
    let error = Session::open(&config(&bmc), soon()).err().unwrap();
    let words = error.to_string();
    assert!(words.contains("user name") && words.contains("cipher suite 3"), "{words}");
    // Both suites have been tried.
    assert_eq!((bmc.count(Step::OpenSession), bmc.logins()), (2, 0));
}

#[test]
fn a_command_that_may_not_be_repeated_is_sent_once() {
    for (control, most) in
        [(ChassisControl::PowerCycle, 1), (ChassisControl::PowerDown, 3), (ChassisControl::PowerUp, 3)]
    {
        for version in [Version::V20, Version::V15] {
            let bmc = Bmc::start(Settings::default().rule(Fault::AnswerLost.at(Step::ChassisControl)));
            let config = patient(Config { version, ..config(&bmc) });
            let mut session = Session::open(&config, soon()).unwrap();
            let error = session.send(&control, soon()).unwrap_err();
            assert!(error.is_lost() && !error.is_definitive(), "{control:?}: {error:?}");
            assert_eq!(bmc.count(Step::ChassisControl), most, "{control:?}");
            // A late answer counts as long as the others are waited for together.
            let rule = Fault::Late(ATTEMPT * 2).at(Step::ChassisControl).times(1);
            bmc.change(|settings| settings.rules = vec![rule]);
            bmc.set_power(true);
            let mut session = Session::open(&config, soon()).unwrap();
            session.send(&control, soon()).unwrap();
        }
    }
}

#[test]
fn the_guid_is_told_where_a_code_covers_it_and_nowhere_else() {
    let guid = Settings::default().guid;
    for id in SUITES.iter().map(|suite| suite.id) {
        let bmc = Bmc::start(Settings::only_suite(id));
        let session = Session::open(&v20(&bmc, id), soon()).unwrap();
        assert_eq!(session.guid(), (id != 0).then_some(guid), "suite {id}");
    }
    let bmc = Bmc::start(Settings::default());
    let session = Session::open(&Config { version: Version::V15, ..config(&bmc) }, soon()).unwrap();
    assert_eq!(session.guid(), None);
}

#[test]
fn a_limit_used_up_by_the_first_question_is_told_as_the_wait_that_it_was() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = Config::new(vec![silent.local_addr().unwrap()]);
    for limit in [200, 900] {
        let limit = Duration::from_millis(limit);
        let error = Session::open(&config, Deadline::after(limit)).err().unwrap();
        match error {
            Error::Silent { waited, .. } => assert!(waited >= limit / 2, "{waited:?} of {limit:?}"),
            error => panic!("{error:?}"),
        }
    }
}

/// No more datagrams than a healthy BMC has always cost, in every suite.
#[test]
fn a_healthy_bmc_costs_six_datagrams_in_every_suite() {
    for id in SUITES.iter().map(|suite| suite.id) {
        let bmc = Bmc::start(Settings {
            users: vec![User::new("admin", "adminpw", ADMINISTRATOR)],
            ..Settings::only_suite(id)
        });
        let mut session = Session::open(&v20(&bmc, id), soon()).unwrap();
        session.send(&GetChassisStatus, soon()).unwrap();
        session.close();
        assert!(until(Duration::from_secs(10), || bmc.count(Step::CloseSession) == 1));
        assert_eq!(bmc.count(Step::Any), 6, "suite {id}");
    }
}
