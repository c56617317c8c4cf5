//! The IPMI client against OpenIPMI's simulator, which is somebody else's reading of the specification: directly,
//! and through a relay that loses, forges and replays what passes. And against a BMC of our own, which speaks the
//! cipher suites that the simulator lacks and lies on request.

#[cfg(test)]
mod chaos;
#[cfg(test)]
mod common;
#[cfg(test)]
mod handshakes;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod lies;
#[cfg(test)]
mod logins;

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus, GetSystemRestartCause};
use fence_agents::protocols::ipmi::device::GetDeviceId;
use fence_agents::protocols::ipmi::{
    AuthType, BadConfig, Config, Denial, Error, Negotiation, Privilege, Session, Version,
};

use common::{config, soon, switch_off_and_on, v20};
use peers::{Dead, IpmiSim};

/// As long as the simulator takes it.
const KG: &str = "0123456789abcdefghi";

#[test]
fn every_suite_the_simulator_serves_switches_the_power() {
    let sim = IpmiSim::builder().start();
    for suite in [0, 1, 2, 3, 6] {
        println!("suite {suite}");
        switch_off_and_on(&v20(&sim, suite), &sim);
    }
}

#[test]
fn ipmi_15_switches_the_power_with_each_authentication_type() {
    let sim = IpmiSim::builder().start();
    for auth in [AuthType::None, AuthType::Password, AuthType::Md5] {
        println!("{auth}");
        let config = Config { auth: Some(auth), ..config(&sim) };
        switch_off_and_on(&config, &sim);
        let session = Session::open(&config, soon()).unwrap();
        assert_eq!(session.cipher_suite(), None);
    }
}

#[test]
fn the_default_falls_back_from_suite_17_to_3() {
    let sim = IpmiSim::builder().start();
    let session = Session::open(&config(&sim), soon()).unwrap();
    assert_eq!(session.cipher_suite(), Some(3));
    assert_eq!(session.privilege(), Privilege::Administrator);
}

#[test]
fn suite_17_asked_for_by_name_is_not_replaced_by_another() {
    let sim = IpmiSim::builder().start();
    let error = Session::open(&v20(&sim, 17), soon()).err().unwrap();
    assert!(matches!(error, Error::Negotiation(Negotiation::Refused { suite: 17, .. })), "{error:?}");
    assert!(error.is_definitive());
}

#[test]
fn two_key_logins_need_the_right_kg() {
    let sim = IpmiSim::builder().bmc_key(KG).start();
    let with = |kg: &str| Config { kg: Some(Secret::new(kg)), ..v20(&sim, 3) };
    switch_off_and_on(&with(KG), &sim);
    let error = Session::open(&with("another key"), soon()).err().unwrap();
    println!("{error}");
    assert!(matches!(error, Error::LoginDenied { .. }), "{error:?}");
}

#[test]
fn ipv6_works() {
    let sim = IpmiSim::builder().ipv6().start();
    switch_off_and_on(&v20(&sim, 3), &sim);
}

#[test]
fn the_second_address_is_tried_when_the_first_refuses() {
    let sim = IpmiSim::builder().start();
    let held = Dead::udp(Ipv4Addr::LOCALHOST.into());
    let dead = held.address();
    let config = Config { addresses: vec![dead, sim.address()], ..v20(&sim, 3) };
    assert_eq!(Session::open(&config, soon()).unwrap().addr(), sim.address());
}

#[test]
fn a_wrong_password_is_called_one_in_both_versions() {
    let sim = IpmiSim::builder().start();
    for suite in [1, 2, 3, 6] {
        let config = Config { password: Some(Secret::new("wrong")), ..v20(&sim, suite) };
        let error = Session::open(&config, soon()).err().unwrap();
        assert_eq!(error, Error::LoginDenied { why: Denial::WrongPassword });
    }
    let config = Config { password: Some(Secret::new("wrong")), ..config(&sim) };
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
    let sim = IpmiSim::builder().start();
    for config in [v20(&sim, 3), config(&sim), Config { version: Version::V15, ..config(&sim) }] {
        let config = Config { username: "nobody".into(), ..config };
        let error = Session::open(&config, soon()).err().unwrap();
        println!("{error}");
        assert_eq!(error, Error::LoginDenied { why: Denial::UnknownUser });
    }
}

#[test]
fn the_privilege_steps_down_only_where_it_was_not_asked_for() {
    // The simulator holds users to their limit in version 1.5 only.
    let sim = IpmiSim::builder().user("operator", "operatorpw").privilege("operator").start();
    let operator = Config {
        username: "operator".into(),
        password: Some(Secret::new("operatorpw")),
        version: Version::V15,
        ..config(&sim)
    };
    assert_eq!(Session::open(&operator, soon()).unwrap().privilege(), Privilege::Operator);
    let explicit = Config { privilege_explicit: true, ..operator };
    let error = Session::open(&explicit, soon()).err().unwrap();
    assert_eq!(error, Error::NoPrivilege { asked: Privilege::Administrator });
    assert!(error.is_privilege() && error.is_definitive());
}

#[test]
fn a_user_may_look_and_not_switch() {
    let sim = IpmiSim::builder().user("viewer", "viewerpw").privilege("user").start();
    for version in [Version::V20, Version::V15] {
        let config = Config {
            username: "viewer".into(),
            password: Some(Secret::new("viewerpw")),
            privilege: Privilege::User,
            version,
            cipher: Some(3),
            ..config(&sim)
        };
        let mut session = Session::open(&config, soon()).unwrap();
        assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
        let error = session.send(&ChassisControl::PowerDown, soon()).unwrap_err();
        assert!(error.is_privilege() && !error.is_wrong_state(), "{error:?}");
        assert!(sim.power());
    }
}

#[test]
fn a_request_is_bridged_to_another_controller() {
    let sim = IpmiSim::builder().satellite(0x30).start();
    for version in [Version::V20, Version::V15] {
        let config = Config { version, cipher: Some(3), ..config(&sim) };
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
    let sim = IpmiSim::builder().start();
    let mut session = Session::open(&v20(&sim, 3), soon()).unwrap();
    if let Err(error) = session.send(&GetSystemRestartCause, soon()) {
        println!("{error}");
        assert!(error.completion().is_some());
    }
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
}

#[test]
fn sessions_are_closed_so_that_many_can_follow_one_another() {
    let sim = IpmiSim::builder().start();
    let (v20, v15) = (v20(&sim, 3), Config { version: Version::V15, ..config(&sim) });
    for _ in 0..100 {
        Session::open(&v20, soon()).unwrap().close();
        Session::open(&v15, soon()).unwrap().close();
    }
}

#[test]
fn refused_and_silent_are_told_apart() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let held = Dead::udp(Ipv4Addr::LOCALHOST.into());
    let dead = held.address();
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
