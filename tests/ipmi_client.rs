//! The IPMI client against OpenIPMI's simulator, which is somebody else's reading of the specification.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus, GetSystemRestartCause};
use fence_agents::protocols::ipmi::device::GetDeviceId;
use fence_agents::protocols::ipmi::{
    AuthType, BadConfig, Config, Denial, Error, Negotiation, Privilege, Session, Version,
};

/// A simulated BMC on a free port of the loopback, with its power state in a file.
struct Sim {
    child: Child,
    dir: PathBuf,
    addr: SocketAddr,
}

const KG: &str = "0123456789abcdefghi";

impl Sim {
    fn start(name: &str, address: &str, lan: &str) -> Sim {
        let port = UdpSocket::bind((address, 0)).unwrap().local_addr().unwrap().port();
        let addr = SocketAddr::new(address.parse().unwrap(), port);
        let dir = std::env::temp_dir().join(format!("ipmi-client-{}-{name}", std::process::id()));
        fs::create_dir_all(dir.join("state")).unwrap();
        fs::write(dir.join("power"), "1").unwrap();
        let control = dir.join("chassis");
        let script = format!(
            "#!/bin/sh\nf={}/power\ncase \"$2 $3\" in\n'get power') echo power:$(cat $f) ;;\n\
             'set power') echo $4 >$f.new && mv $f.new $f ;;\nesac\nexit 0\n",
            dir.display()
        );
        let mut file = fs::File::create(&control).unwrap();
        file.write_all(script.as_bytes()).unwrap();
        drop(file);
        let mode: fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&control, mode).unwrap();
        let conf = format!(
            "name \"sim\"\nset_working_mc 0x20\nstartlan 1\naddr {address} {port}\npriv_limit admin\n\
             allowed_auths_callback none md2 md5 straight\nallowed_auths_user none md2 md5 straight\n\
             allowed_auths_operator none md2 md5 straight\nallowed_auths_admin none md2 md5 straight\n\
             guid a123456789abcdefa123456789abcdef\n{lan}\nendlan\nchassis_control \"{} 0x20\"\n\
             user 2 true \"admin\" \"adminpw\" admin 10 none md2 md5 straight\n\
             user 3 true \"viewer\" \"viewerpw\" user 10 none md2 md5 straight\n\
             user 4 true \"operator\" \"operatorpw\" operator 10 none md2 md5 straight\n",
            control.display()
        );
        fs::write(dir.join("lan.conf"), conf).unwrap();
        fs::write(
            dir.join("emu"),
            "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\n\
             sel_enable 0x20 1000 0x0a\nmc_enable 0x20\n\
             mc_add 0x30 0 no-device-sdrs 0x11 3 4 0x9f 0x1234 0x567 persist_sdr\nmc_enable 0x30\n",
        )
        .unwrap();
        let child = Command::new("ipmi_sim")
            .args(["-n", "-c"])
            .arg(dir.join("lan.conf"))
            .arg("-f")
            .arg(dir.join("emu"))
            .arg("-s")
            .arg(dir.join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ipmi_sim (Debian package openipmi) is needed");
        let sim = Sim { child, dir, addr };
        sim.wait_until_up();
        sim
    }

    /// Asks for an RMCP presence pong until one comes.
    fn wait_until_up(&self) {
        let socket = UdpSocket::bind((self.addr.ip(), 0)).unwrap();
        socket.connect(self.addr).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            let ping = [6, 0, 0xFF, 6, 0, 0, 0x11, 0xBE, 0x80, 1, 0, 0];
            if socket.send(&ping).and_then(|_| socket.recv(&mut [0; 64])).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("ipmi_sim does not come up");
    }

    fn config(&self) -> Config {
        let mut config = Config::new(vec![self.addr]);
        config.username = "admin".into();
        config.password = Some(Secret::new("adminpw"));
        config
    }

    fn v20(&self, suite: u8) -> Config {
        Config { version: Version::V20, cipher: Some(suite), ..self.config() }
    }

    fn power(&self) -> String {
        fs::read_to_string(self.dir.join("power")).unwrap().trim().to_owned()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

fn switch_off_and_on(config: &Config, sim: &Sim) {
    let mut session = Session::open(config, soon()).unwrap();
    session.send(&ChassisControl::PowerDown, soon()).unwrap();
    assert!(!session.send(&GetChassisStatus, soon()).unwrap().power_on);
    assert_eq!(sim.power(), "0");
    session.send(&ChassisControl::PowerUp, soon()).unwrap();
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
    assert_eq!(sim.power(), "1");
    session.close();
}

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
    let sim = Sim::start("privilege", "127.0.0.1", "");
    for version in [Version::V20, Version::V15] {
        let operator = Config {
            username: "operator".into(),
            password: Some(Secret::new("operatorpw")),
            version,
            cipher: Some(3),
            ..sim.config()
        };
        assert_eq!(Session::open(&operator, soon()).unwrap().privilege(), Privilege::Operator);
        let explicit = Config { privilege_explicit: true, ..operator };
        let error = Session::open(&explicit, soon()).err().unwrap();
        println!("{error}");
        assert!(error.is_privilege() && error.is_definitive(), "{error:?}");
    }
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
        assert_eq!((id.device, id.product, id.manufacturer), (0x11, 0x567, 0x1234));
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
