//! The IPMI client against OpenIPMI's simulator, which is somebody else's reading of the specification: directly,
//! and through a relay that loses, forges and replays what passes.

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod sim;

use std::net::UdpSocket;
use std::time::Duration;

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus, GetSystemRestartCause};
use fence_agents::protocols::ipmi::device::GetDeviceId;
use fence_agents::protocols::ipmi::{
    AuthType, BadConfig, Config, Denial, Error, Negotiation, Privilege, Session, Version,
};

use sim::{KG, Sim, soon, switch_off_and_on};

#[test]
fn every_suite_the_simulator_serves_switches_the_power() {
    let sim = Sim::start("suites", "127.0.0.1", "");
    for suite in [0, 1, 2, 3, 6] {
        println!("suite {suite}");
        switch_off_and_on(&sim.v20(suite), &sim);
    }
}

#[test]
fn ipmi_15_switches_the_power_with_each_authentication_type() {
    let sim = Sim::start("v15", "127.0.0.1", "");
    for auth in [AuthType::None, AuthType::Password, AuthType::Md5] {
        println!("{auth}");
        let config = Config { auth: Some(auth), ..sim.config() };
        switch_off_and_on(&config, &sim);
        let session = Session::open(&config, soon()).unwrap();
        assert_eq!(session.cipher_suite(), None);
    }
}

#[test]
fn the_default_falls_back_from_suite_17_to_3() {
    let sim = Sim::start("default", "127.0.0.1", "");
    let session = Session::open(&sim.config(), soon()).unwrap();
    assert_eq!(session.cipher_suite(), Some(3));
    assert_eq!(session.privilege(), Privilege::Administrator);
}

#[test]
fn suite_17_asked_for_by_name_is_not_replaced_by_another() {
    let sim = Sim::start("named", "127.0.0.1", "");
    let error = Session::open(&sim.v20(17), soon()).err().unwrap();
    assert!(matches!(error, Error::Negotiation(Negotiation::Refused { suite: 17, .. })), "{error:?}");
    assert!(error.is_definitive());
}

#[test]
fn two_key_logins_need_the_right_kg() {
    let sim = Sim::start("kg", "127.0.0.1", &format!("bmc_key \"{KG}\""));
    let with = |kg: &str| Config { kg: Some(Secret::new(kg)), ..sim.v20(3) };
    switch_off_and_on(&with(KG), &sim);
    let error = Session::open(&with("another key"), soon()).err().unwrap();
    println!("{error}");
    assert!(matches!(error, Error::LoginDenied { .. }), "{error:?}");
}

#[test]
fn ipv6_works() {
    let sim = Sim::start("v6", "::1", "");
    switch_off_and_on(&sim.v20(3), &sim);
}

#[test]
fn the_second_address_is_tried_when_the_first_refuses() {
    let sim = Sim::start("second", "127.0.0.1", "");
    let dead = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = Config { addresses: vec![dead, sim.addr], ..sim.v20(3) };
    assert_eq!(Session::open(&config, soon()).unwrap().addr(), sim.addr);
}

#[test]
fn a_wrong_password_is_called_one_in_both_versions() {
    let sim = Sim::start("password", "127.0.0.1", "");
    for suite in [1, 2, 3, 6] {
        let config = Config { password: Some(Secret::new("wrong")), ..sim.v20(suite) };
        let error = Session::open(&config, soon()).err().unwrap();
        assert_eq!(error, Error::LoginDenied { why: Denial::WrongPassword });
    }
    let config = Config { password: Some(Secret::new("wrong")), ..sim.config() };
    let error = Session::open(&config, soon()).err().unwrap();
    assert_eq!(error, Error::LoginDenied { why: Denial::WrongPassword });
    for auth in [AuthType::Password, AuthType::Md5] {
        let config = Config { auth: Some(auth), attempt: Duration::from_millis(100), ..config.clone() };
        let error = Session::open(&config, soon()).err().unwrap();
        println!("{auth}: {error}");
        assert!(matches!(error, Error::LoginDenied { .. }), "{error:?}");
    }
}

#[test]
fn an_unknown_user_is_denied() {
    let sim = Sim::start("user", "127.0.0.1", "");
    for config in [sim.v20(3), sim.config(), Config { version: Version::V15, ..sim.config() }] {
        let config = Config { username: "nobody".into(), ..config };
        let error = Session::open(&config, soon()).err().unwrap();
        println!("{error}");
        assert_eq!(error, Error::LoginDenied { why: Denial::UnknownUser });
    }
}

#[test]
fn the_privilege_steps_down_only_where_it_was_not_asked_for() {
    // The simulator holds users to their limit in version 1.5 only.
    let sim = Sim::start("privilege", "127.0.0.1", "");
    let operator = Config {
        username: "operator".into(),
        password: Some(Secret::new("operatorpw")),
        version: Version::V15,
        ..sim.config()
    };
    assert_eq!(Session::open(&operator, soon()).unwrap().privilege(), Privilege::Operator);
    let explicit = Config { privilege_explicit: true, ..operator };
    let error = Session::open(&explicit, soon()).err().unwrap();
    assert_eq!(error, Error::NoPrivilege { asked: Privilege::Administrator });
    assert!(error.is_privilege() && error.is_definitive());
}

#[test]
fn a_user_may_look_and_not_switch() {
    let sim = Sim::start("viewer", "127.0.0.1", "");
    for version in [Version::V20, Version::V15] {
        let config = Config {
            username: "viewer".into(),
            password: Some(Secret::new("viewerpw")),
            privilege: Privilege::User,
            version,
            cipher: Some(3),
            ..sim.config()
        };
        let mut session = Session::open(&config, soon()).unwrap();
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        let error = session.send(&ChassisControl::PowerDown, soon()).unwrap_err();
        assert!(error.is_privilege() && !error.is_wrong_state(), "{error:?}");
        assert_eq!(sim.power(), "1");
    }
}

#[test]
fn a_request_is_bridged_to_another_controller() {
    let sim = Sim::start("bridge", "127.0.0.1", "");
    for version in [Version::V20, Version::V15] {
        let config = Config { version, cipher: Some(3), ..sim.config() };
        let mut session = Session::open(&config, soon()).unwrap();
        assert_eq!(session.send(&GetDeviceId, soon()).unwrap().product, 0xF02);
        let config = Config { target: Some(0x30), ..config };
        let mut session = Session::open(&config, soon()).unwrap();
        let id = session.send(&GetDeviceId, soon()).unwrap();
        assert_eq!((id.product, id.manufacturer), (0x567, 0x1234));
        let config = Config { target: Some(0x40), ..config };
        let mut session = Session::open(&config, soon()).unwrap();
        let error = session.send(&GetDeviceId, soon()).unwrap_err();
        println!("{error}");
        assert!(error.completion().is_some(), "{error:?}");
    }
}

#[test]
fn an_unknown_command_is_told_in_words() {
    let sim = Sim::start("unknown", "127.0.0.1", "");
    let mut session = Session::open(&sim.v20(3), soon()).unwrap();
    if let Err(error) = session.send(&GetSystemRestartCause, soon()) {
        println!("{error}");
        assert!(error.completion().is_some());
    }
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
}

#[test]
fn sessions_are_closed_so_that_many_can_follow_one_another() {
    let sim = Sim::start("many", "127.0.0.1", "");
    let (v20, v15) = (sim.v20(3), Config { version: Version::V15, ..sim.config() });
    for _ in 0..100 {
        Session::open(&v20, soon()).unwrap().close();
        Session::open(&v15, soon()).unwrap().close();
    }
}

#[test]
fn refused_and_silent_are_told_apart() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dead = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for version in [Version::Auto, Version::V20, Version::V15] {
        let attempt = Duration::from_millis(30);
        let config = Config { version, attempt, ..Config::new(vec![dead]) };
        assert_eq!(Session::open(&config, Deadline::NEVER).err(), Some(Error::Refused { addr: dead }));
        let addr = silent.local_addr().unwrap();
        let config = Config { addresses: vec![addr], ..config };
        let error = Session::open(&config, Deadline::NEVER).err().unwrap();
        assert!(matches!(error, Error::Silent { sent: 3, .. }), "{error:?}");
        assert!(error.is_lost() && !error.is_definitive());
        let error = Session::open(&config, Deadline::after(Duration::ZERO)).err().unwrap();
        assert!(matches!(error, Error::TimeOver { .. }), "{error:?}");
    }
}

#[test]
fn what_cannot_work_is_said_before_anything_is_sent() {
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = Config::new(vec![listener.local_addr().unwrap()]);
    let password = |len: usize| Some(Secret::new(vec![b'x'; len]));
    let table = [
        (Config { addresses: vec![], ..config.clone() }, BadConfig::NoAddress),
        (Config { username: "seventeen letters".into(), ..config.clone() }, BadConfig::UserNameTooLong),
        (Config { password: password(21), ..config.clone() }, BadConfig::PasswordTooLong { limit: 20 }),
        (
            Config { password: password(17), version: Version::V15, ..config.clone() },
            BadConfig::PasswordTooLong { limit: 16 },
        ),
        (
            Config { password: password(17), auth: Some(AuthType::Md5), ..config.clone() },
            BadConfig::PasswordTooLong { limit: 16 },
        ),
        (Config { kg: password(21), ..config.clone() }, BadConfig::KgTooLong),
        (Config { cipher: Some(4), ..config.clone() }, BadConfig::UnknownSuite(4)),
    ];
    for (config, expected) in table {
        assert_eq!(Session::open(&config, soon()).err(), Some(Error::BadConfig(expected)));
    }
    listener.set_nonblocking(true).unwrap();
    assert!(listener.recv(&mut [0; 64]).is_err());
}
