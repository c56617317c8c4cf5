//! The memory of an agent that has logged in, and of one that has done its work: what a core dump would hold.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use peers::bmc::{self, Bmc, Fault, Settings, Step, auth_type};
use peers::memory::{AtItsEnd, Place, search};
use peers::redfish::{Act, Login, Maker, Rule, Server, Setup};
use peers::snmp::{Family, PowerUnit, Switch, User, daemon};
use peers::util::Group;
use peers::{agents_dir, until};

/// The most that a step of a test may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// In the environment of every agent here, so that a search is known to find what is there.
const MARK: &str = "a-mark-that-is-there";

fn command(agent: &str) -> Command {
    let mut command = Command::new(agents_dir().join(agent));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("MARK", MARK);
    command
}

fn lines(options: &[(&str, &str)]) -> String {
    options.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
}

fn started(agent: &str, arguments: &[String], stdin: &str) -> Group {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(stdin.as_bytes()).unwrap();
    let mut command = command(agent);
    command.args(arguments).stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
    Group::start(&mut command).unwrap()
}

/// How often the secret is in the memory of a process in which the mark is found.
fn found(pid: u32, secret: &str) -> Vec<Place> {
    assert!(!search(pid, MARK.as_bytes()).is_empty(), "the search finds nothing");
    search(pid, secret.as_bytes())
}

#[test]
fn measure() {
    for (name, mut settings, more) in [
        ("suite 3", Settings::only_suite(3), vec![("lanplus", "1"), ("cipher", "3")]),
        ("suite 17", Settings::only_suite(17), vec![("lanplus", "1"), ("cipher", "17")]),
        ("suite 12", Settings::only_suite(12), vec![("lanplus", "1"), ("cipher", "12")]),
        ("md5", Settings::only_v15(auth_type::MD5), vec![("auth", "md5")]),
        ("password", Settings::only_v15(auth_type::PASSWORD), vec![("auth", "password")]),
    ] {
        let password = "Sesam0effne!dich";
        settings.users = vec![bmc::User::new("admin", password, bmc::ADMINISTRATOR)];
        let bmc = Bmc::start(settings);
        let port = bmc.port().to_string();
        let mut options = vec![
            ("ip", "127.0.0.1"),
            ("ipport", &port),
            ("username", "admin"),
            ("password", password),
            ("action", "status"),
            ("ipmitool_timeout", "60"),
            ("login_timeout", "60"),
            ("shell_timeout", "60"),
        ];
        options.extend(more);
        let end = AtItsEnd::of(&mut command("fence_ipmilan"), lines(&options).as_bytes());
        eprintln!("{name} end: {:#?}", found(end.id(), password));
        assert_eq!(end.end(), Some(0));
        bmc.change(|settings| settings.rules = vec![Fault::RequestLost.at(Step::ChassisStatus)]);
        let agent = started("fence_ipmilan", &[], &lines(&options));
        assert!(until(PATIENCE, || bmc.count(Step::ChassisStatus) > 1));
        eprintln!("{name} held: {:#?}", found(agent.id(), password));
    }
}

#[test]
fn measure_redfish() {
    for login in [Login::Basic, Login::Session] {
        let certificate = Maker::default().self_signed();
        let server = Setup { certificate: Some(certificate), login, ..Setup::default() }.start();
        let port = server.port().to_string();
        let password = peers::redfish::PASSWORD;
        let options = [
            ("ip", "127.0.0.1"),
            ("ipport", &port),
            ("username", peers::redfish::USER),
            ("password", password),
            ("action", "status"),
            ("ssl_insecure", "1"),
            ("login_timeout", "60"),
            ("shell_timeout", "60"),
        ];
        let b64 = "b3BlcmF0b3I6a29ycmVrdC1QZmVyZC0wODE1";
        let end = AtItsEnd::of(&mut command("fence_redfish"), lines(&options).as_bytes());
        eprintln!("{login:?} end: {:#?} {:#?}", found(end.id(), password), found(end.id(), b64));
        assert_eq!(end.end(), Some(0));
        server.rule(Rule::new("GET", "/redfish/v1/Systems/1", Act::Silence));
        let before = server.requests().len();
        let agent = started("fence_redfish", &[], &lines(&options));
        assert!(until(PATIENCE, || server.requests().iter().skip(before).any(|r| r.path.ends_with("/1"))));
        eprintln!("{login:?} held: {:#?} {:#?}", found(agent.id(), password), found(agent.id(), b64));
    }
}

#[test]
fn measure_snmp() {
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&[User::new(Some("SHA"), Some("AES"))]).start();
    let port = unit.address().port().to_string();
    let options = [
        ("ip", "127.0.0.1"),
        ("ipport", &port),
        ("plug", "2"),
        ("snmp_version", "3"),
        ("username", "SHA-AES"),
        ("password", daemon::AUTH_PASSWORD),
        ("snmp_auth_prot", "SHA"),
        ("snmp_priv_prot", "AES"),
        ("snmp_priv_passwd", daemon::PRIV_PASSWORD),
        ("action", "status"),
    ];
    let end = AtItsEnd::of(&mut command("fence_apc_snmp"), lines(&options).as_bytes());
    eprintln!("end: {:#?} {:#?}", found(end.id(), daemon::AUTH_PASSWORD), found(end.id(), daemon::PRIV_PASSWORD));
    assert_eq!(end.end(), Some(0));
}
