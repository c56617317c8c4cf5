//! Logins and sessions with a BMC that knows every cipher suite: passwords, keys, privilege levels, slots, and
//! what happens when a session ends too early.

use std::time::{Duration, Instant};

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus};
use fence_agents::protocols::ipmi::device::GetDeviceId;
use fence_agents::protocols::ipmi::{
    AuthType, Config, Denial, Error, Negotiation, Privilege, Session, Version,
};
use peers::bmc::{ADMINISTRATOR, Bridging, Fault, OPERATOR, SUITES, Settings, Step, USER, User, auth_type};
use peers::relay::{Direction, Fate};
use peers::{Bmc, Relay, until};

use crate::common::{config, soon, switch_off_and_on, through, v20};

const AUTH_TYPES: [(AuthType, u8); 3] = [
    (AuthType::None, auth_type::NONE),
    (AuthType::Md5, auth_type::MD5),
    (AuthType::Password, auth_type::PASSWORD),
];

/// The longest passwords of both versions.
const TWENTY: &str = "twenty bytes, all of";
const SIXTEEN: &str = "sixteen, no more";

fn suites() -> impl Iterator<Item = u8> {
    SUITES.iter().map(|suite| suite.id)
}

fn with_password(config: Config, password: &str) -> Config {
    Config { password: Some(Secret::new(password)), ..config }
}

/// A refusal is told after a pause for the true answer, or one attempt: this makes it short.
fn quick(config: Config) -> Config {
    Config { attempt: Duration::from_millis(20), attempts: 100, ..config }
}

/// Long enough for several transmissions of a [`quick`] configuration.
fn briefly() -> Deadline {
    Deadline::after(Duration::from_millis(70))
}

fn v15(bmc: &Bmc, auth: AuthType) -> Config {
    Config { auth: Some(auth), ..config(bmc) }
}

fn admin(password: &str) -> Vec<User> {
    vec![User::new("admin", password, ADMINISTRATOR)]
}

fn denied(config: &Config) -> Error {
    Session::open(&quick(config.clone()), soon()).err().expect("the login was not refused")
}

/// A password with its last byte changed: whoever cuts it short can't tell.
fn almost(password: &str) -> String {
    let mut text = password.to_owned();
    text.pop();
    text + "!"
}

#[test]
fn every_suite_switches_the_power_with_short_and_long_passwords() {
    for id in suites() {
        for password in ["adminpw", SIXTEEN, TWENTY, ""] {
            let bmc = Bmc::start(Settings { users: admin(password), ..Settings::only_suite(id) });
            let config = with_password(v20(&bmc, id), password);
            switch_off_and_on(&config, &bmc);
            assert_eq!(bmc.controls(), [0, 1], "suite {id}");
            assert_eq!((bmc.count(Step::Unacceptable), bmc.count(Step::Replayed)), (0, 0), "suite {id}");
            assert!(until(Duration::from_secs(5), || bmc.open_sessions() == 0), "suite {id}");
        }
    }
}

#[test]
fn every_byte_of_a_password_counts_in_every_suite() {
    for id in suites().filter(|id| *id != 0) {
        for password in ["adminpw", SIXTEEN, TWENTY] {
            let bmc = Bmc::start(Settings { users: admin(password), ..Settings::only_suite(id) });
            let config = with_password(v20(&bmc, id), &almost(password));
            assert_eq!(denied(&config), Error::LoginDenied { why: Denial::WrongPassword }, "suite {id}");
            assert_eq!(bmc.open_sessions(), 0);
        }
    }
}

#[test]
fn ipmi_15_switches_the_power_with_short_and_long_passwords() {
    for (auth, number) in AUTH_TYPES {
        for password in ["adminpw", SIXTEEN, ""] {
            let bmc = Bmc::start(Settings { users: admin(password), ..Settings::only_v15(number) });
            switch_off_and_on(&with_password(v15(&bmc, auth), password), &bmc);
            assert_eq!(bmc.controls(), [0, 1], "{auth}");
            assert_eq!((bmc.count(Step::Unacceptable), bmc.count(Step::Replayed)), (0, 0), "{auth}");
            assert!(until(Duration::from_secs(5), || bmc.open_sessions() == 0), "{auth}");
            if auth != AuthType::None && !password.is_empty() {
                let config = with_password(v15(&bmc, auth), &almost(password));
                // The silence has to be that of the BMC, not of a slow moment.
                let config = Config { attempt: Duration::from_millis(200), attempts: 1, ..config };
                let error = Session::open(&config, soon()).err();
                let unanswered = Error::LoginDenied { why: Denial::ActivationUnanswered };
                assert_eq!(error, Some(unanswered), "{auth}");
            }
        }
    }
}

#[test]
fn in_ipmi_15_a_password_that_is_wrong_is_proved_twice_at_most_whatever_else_comes() {
    // Every answer comes alone, or twice: the second one is a stray that has nothing to do with the activation.
    for fate in [Fate::Pass, Fate::Twice] {
        for (auth, number) in AUTH_TYPES.into_iter().filter(|(auth, _)| *auth != AuthType::None) {
            let bmc = Bmc::start(Settings::only_v15(number));
            let (told, proofs) = std::sync::mpsc::channel();
            let fate = fate.clone();
            let relay = Relay::builder(bmc.address()).rule(move |packet| match packet.direction {
                Direction::ToAgent => fate.clone(),
                Direction::ToDevice => {
                    // An authentication type and its code, then Activate Session.
                    if packet.bytes.get(4).is_some_and(|kind| *kind != 0)
                        && packet.bytes.get(35) == Some(&0x3A)
                    {
                        told.send(packet.bytes.to_vec()).unwrap();
                    }
                    Fate::Pass
                }
            });
            let relay = relay.start();
            let config = with_password(through(&relay, v15(&bmc, auth)), "another");
            let config = Config { attempt: Duration::from_millis(60), attempts: 5, ..config };
            let error = Session::open(&config, soon()).err();
            assert_eq!(error, Some(Error::LoginDenied { why: Denial::ActivationUnanswered }), "{auth}");
            let proofs: Vec<Vec<u8>> = proofs.try_iter().collect();
            assert_eq!(proofs.len(), 2, "{auth}");
            assert_eq!(proofs[0], proofs[1], "{auth}: the same bytes");
        }
    }
}

#[test]
fn ipmi_15_without_authentication_of_each_packet_works() {
    for (auth, number) in AUTH_TYPES {
        let bmc = Bmc::start(Settings { per_message_auth: false, ..Settings::only_v15(number) });
        switch_off_and_on(&v15(&bmc, auth), &bmc);
    }
}

#[test]
fn a_password_too_long_for_ipmi_15_never_falls_back_to_it() {
    let settings = Settings { suites: vec![16], users: admin(TWENTY), ..Settings::default() };
    let bmc = Bmc::start(settings);
    let error = denied(&with_password(config(&bmc), TWENTY));
    assert!(matches!(error, Error::Negotiation(Negotiation::Refused { suite: 3, .. })), "{error:?}");
    assert_eq!(bmc.count(Step::Challenge), 0);
}

#[test]
fn the_bmc_key_must_be_the_right_one() {
    let long = "twenty bytes of Kg..";
    for id in [3, 17] {
        for kg in ["short", long] {
            let settings = Settings { kg: kg.into(), session_slots: 100, ..Settings::only_suite(id) };
            let bmc = Bmc::start(settings);
            let with = |kg: &str| Config { kg: Some(Secret::new(kg)), ..v20(&bmc, id) };
            switch_off_and_on(&with(kg), &bmc);
            let wrong = Error::LoginDenied { why: Denial::WrongKg };
            for other in [almost(kg).as_str(), "", "adminpw"] {
                assert_eq!(denied(&with(other)), wrong, "suite {id}");
            }
            assert_eq!(denied(&v20(&bmc, id)), wrong, "suite {id}");
            // The password is looked at first.
            let error = denied(&with_password(with(kg), "another"));
            assert_eq!(error, Error::LoginDenied { why: Denial::WrongPassword }, "suite {id}");
        }
        let bmc = Bmc::start(Settings::only_suite(id));
        let unwanted = Config { kg: Some(Secret::new("short")), ..v20(&bmc, id) };
        assert_eq!(denied(&unwanted), Error::LoginDenied { why: Denial::WrongKg });
    }
}

#[test]
fn a_bmc_without_a_free_slot_is_asked_until_one_is_free() {
    for version in [Version::V20, Version::V15] {
        let bmc = Bmc::start(Settings { session_slots: 2, ..Settings::default() });
        let config = Config { version, ..config(&bmc) };
        let first = Session::open(&config, soon()).unwrap();
        let mut second = Session::open(&config, soon()).unwrap();
        let error = Session::open(&config, Deadline::after(Duration::from_millis(300))).err().unwrap();
        assert!(matches!(error, Error::NoResources { .. }), "{error:?}");
        assert!(error.is_transient() && !error.is_definitive());
        let asked = bmc.count(Step::Any);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| Session::open(&config, soon()).unwrap());
            // It has been turned away at least once before the slot is freed.
            let step = if version == Version::V20 { 1 } else { 3 };
            assert!(until(Duration::from_secs(10), || bmc.count(Step::Any) >= asked + step));
            first.close();
            let mut third = waiting.join().unwrap();
            assert!(third.send(&GetChassisStatus, soon()).unwrap().power_on);
            assert!(second.send(&GetChassisStatus, soon()).unwrap().power_on);
        });
    }
}

#[test]
fn another_suite_than_asked_for_is_refused() {
    for asked in suites() {
        let bmc = Bmc::start(Settings { suites: suites().collect(), ..Settings::default() });
        for offered in suites().filter(|offered| *offered != asked) {
            bmc.change(|settings| settings.rules = vec![Fault::OfferSuite(offered).at(Step::OpenSession)]);
            let expected = Error::Negotiation(Negotiation::OtherAlgorithms { suite: asked });
            assert_eq!(denied(&v20(&bmc, asked)), expected, "suite {offered} for {asked}");
        }
        assert_eq!(bmc.count(Step::Rakp1), 0);
    }
}

#[test]
fn suite_0_is_used_only_when_named() {
    let bmc = Bmc::start(Settings::only_suite(0));
    for version in [Version::Auto, Version::V20] {
        let config = Config { version, ..config(&bmc) };
        let error = denied(&config);
        assert!(matches!(error, Error::Negotiation(_)), "{error:?}");
        bmc.change(|settings| settings.rules = vec![Fault::OfferSuite(0).at(Step::OpenSession)]);
        let error = denied(&config);
        assert!(matches!(error, Error::Negotiation(_)), "{error:?}");
    }
    assert_eq!(bmc.count(Step::Rakp1), 0);
    bmc.change(|settings| settings.rules.clear());
    switch_off_and_on(&v20(&bmc, 0), &bmc);
}

#[test]
fn no_authentication_in_ipmi_15_is_used_only_when_named_or_without_a_password() {
    let bmc = Bmc::start(Settings { users: admin(""), ..Settings::only_v15(auth_type::NONE) });
    let config = Config { version: Version::V15, ..config(&bmc) };
    let expected = Error::Negotiation(Negotiation::NoAuthType { offered: 1 });
    assert_eq!(denied(&config), expected);
    switch_off_and_on(&Config { auth: Some(AuthType::None), ..config.clone() }, &bmc);
    switch_off_and_on(&Config { password: None, ..config }, &bmc);
}

#[test]
fn sequence_numbers_may_skip() {
    for skipped in [1, 31, 32, 33, 1000, 30_000] {
        for id in [2, 3, 17] {
            let rule = Fault::SkipSequence(skipped).at(Step::Any);
            let bmc = Bmc::start(Settings::only_suite(id).rule(rule));
            switch_off_and_on(&v20(&bmc, id), &bmc);
        }
        for (auth, number) in AUTH_TYPES {
            let rule = Fault::SkipSequence(skipped).at(Step::Any);
            let bmc = Bmc::start(Settings::only_v15(number).rule(rule));
            switch_off_and_on(&v15(&bmc, auth), &bmc);
        }
    }
}

#[test]
fn in_ipmi_15_a_number_far_from_those_agreed_on_is_another_sessions() {
    // A repeated request skips again; no few of these add up to nothing.
    for skipped in [1 << 17, 3 << 28, (1 << 31) + (1 << 20), u32::MAX - 100] {
        let rule = Fault::SkipSequence(skipped).at(Step::ChassisStatus);
        let bmc = Bmc::start(Settings::only_v15(auth_type::MD5).rule(rule));
        let mut session = Session::open(&quick(v15(&bmc, AuthType::Md5)), soon()).unwrap();
        let error = session.send(&GetChassisStatus, briefly()).unwrap_err();
        assert!(matches!(error, Error::Silent { .. }), "{error:?}");
    }
}

#[test]
fn a_forgotten_session_is_lost_and_another_one_works() {
    let both = [
        (Version::V20, Step::ChassisStatus),
        (Version::V20, Step::ChassisControl),
        (Version::V15, Step::ChassisStatus),
        (Version::V15, Step::ChassisControl),
    ];
    for (version, step) in both {
        let bmc = Bmc::start(Settings::default().rule(Fault::ForgetSessions.at(step).times(1)));
        let config = Config { version, ..config(&bmc) };
        let mut session = Session::open(&quick(config.clone()), soon()).unwrap();
        let error = match step {
            Step::ChassisStatus => session.send(&GetChassisStatus, briefly()).err(),
            _ => session.send(&ChassisControl::PowerDown, briefly()).err(),
        };
        let error = error.expect("a forgotten session answered");
        assert!(error.is_lost() && !error.is_definitive(), "{error:?}");
        assert!(bmc.power() && bmc.controls().is_empty());
        drop(session);
        switch_off_and_on(&config, &bmc);
    }
}

#[test]
fn no_answer_to_close_session_is_waited_for() {
    for version in [Version::V20, Version::V15] {
        for fault in [Fault::RequestLost, Fault::AnswerLost, Fault::Refuse(0x87)] {
            let bmc = Bmc::start(Settings::default().rule(fault.at(Step::CloseSession)));
            let config = Config { version, attempt: Duration::from_secs(20), ..config(&bmc) };
            let session = Session::open(&config, soon()).unwrap();
            let begin = Instant::now();
            session.close();
            // Half of what one wait for an answer would take.
            assert!(begin.elapsed() < config.attempt / 2);
            assert!(until(Duration::from_secs(5), || bmc.count(Step::CloseSession) == 1));
        }
    }
}

#[test]
fn the_default_privilege_steps_down_for_an_operator_and_an_explicit_one_does_not() {
    // The user's limit, and the channel's.
    for (user, channel_limit) in [(OPERATOR, ADMINISTRATOR), (ADMINISTRATOR, OPERATOR)] {
        for version in [Version::V20, Version::V15, Version::Auto] {
            let users = vec![User::new("admin", "adminpw", user)];
            let bmc = Bmc::start(Settings { users, channel_limit, ..Settings::default() });
            let default = quick(Config { version, ..config(&bmc) });
            let mut session = Session::open(&default, soon()).unwrap();
            assert_eq!(session.privilege(), Privilege::Operator);
            assert_eq!(session.cipher_suite(), if version == Version::V15 { None } else { Some(17) });
            session.send(&ChassisControl::PowerDown, soon()).unwrap();
            assert!(!bmc.power());
            let explicit = Config { privilege_explicit: true, ..default };
            assert_eq!(denied(&explicit), Error::NoPrivilege { asked: Privilege::Administrator });
        }
    }
}

/// The login passes and the level is refused: 80h, 81h and D4h (22.18, table 5-2).
#[test]
fn a_level_refused_after_the_login_steps_down_too() {
    for code in [0x80, 0x81, 0xD4] {
        for version in [Version::V20, Version::V15] {
            let bmc = Bmc::start(Settings::default());
            let refuse = || {
                let rule = Fault::Refuse(code).at(Step::SetPrivilege).times(1);
                bmc.change(|settings| settings.rules = vec![rule]);
            };
            let default = Config { version, ..config(&bmc) };
            refuse();
            let mut session = Session::open(&default, soon()).unwrap();
            assert_eq!(session.privilege(), Privilege::Operator);
            session.send(&ChassisControl::PowerDown, soon()).unwrap();
            refuse();
            let explicit = Config { privilege_explicit: true, ..default };
            assert_eq!(denied(&explicit), Error::NoPrivilege { asked: Privilege::Administrator });
        }
    }
}

#[test]
fn a_user_below_operator_is_refused_and_nothing_is_switched() {
    for version in [Version::V20, Version::V15] {
        let users = vec![User::new("admin", "adminpw", USER)];
        let bmc = Bmc::start(Settings { users, ..Settings::default() });
        let config = Config { version, ..config(&bmc) };
        assert_eq!(denied(&config), Error::NoPrivilege { asked: Privilege::Operator });
        let mut session = Session::open(&Config { privilege: Privilege::User, ..config }, soon()).unwrap();
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        assert!(session.send(&ChassisControl::PowerDown, soon()).unwrap_err().is_privilege());
        assert!(bmc.power());
    }
}

#[test]
fn bridged_targets_are_switched_each_for_itself_whichever_way_they_answer() {
    for bridging in [Bridging::Separate, Bridging::Inside] {
        for version in [Version::V20, Version::V15] {
            let bmc = Bmc::start(Settings { targets: vec![0x82, 0x84], bridging, ..Settings::default() });
            let to = |target| Config { target: Some(target), version, ..config(&bmc) };
            let mut session = Session::open(&to(0x82), soon()).unwrap();
            assert_eq!(session.send(&GetDeviceId, soon()).unwrap().device, 0x82);
            session.send(&ChassisControl::PowerDown, soon()).unwrap();
            assert!(!session.send(&GetChassisStatus, soon()).unwrap().power_on);
            let mut other = Session::open(&to(0x84), soon()).unwrap();
            assert_eq!(other.send(&GetDeviceId, soon()).unwrap().device, 0x84);
            assert!(other.send(&GetChassisStatus, soon()).unwrap().power_on);
            let powers = [0x20, 0x82, 0x84].map(|target| bmc.target_power(target));
            assert_eq!(powers, [true, false, true]);
            // Nobody there: the BMC says so, and nothing is asked again.
            let mut absent = Session::open(&to(0x86), soon()).unwrap();
            let error = absent.send(&GetChassisStatus, soon()).unwrap_err();
            assert_eq!(error.completion(), Some(0x83), "{error:?}");
            // 20h is the BMC itself.
            let mut direct = Session::open(&to(0x20), soon()).unwrap();
            assert_eq!(direct.send(&GetDeviceId, soon()).unwrap().device, 0x20);
        }
    }
}
