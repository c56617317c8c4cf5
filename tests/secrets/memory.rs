//! The memory of an agent that has logged in, and of one that has done its work: what a core dump would hold.
//!
//! A password is needed as long as the run lasts, because a session that is lost is opened again. So it is kept,
//! once. What HTTP and SNMP libraries keep beside it is counted here and named in SECURITY.md.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use peers::bmc::{ADMINISTRATOR, Bmc, Fault, Settings, Step, User, auth_type};
use peers::memory::{AtItsEnd, Place, search};
use peers::redfish::{Act, Login, Maker, PASSWORD, Rule, Setup, USER};
use peers::snmp::daemon::{AUTH_PASSWORD, PRIV_PASSWORD};
use peers::util::Group;
use peers::{TempDir, agents_dir, until};

use super::{Input, WAYS, Way};

/// The most that a step may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// In the environment of every agent here, so that the search is known to find what is there.
const MARK: &str = "a-mark-that-is-there";

/// Time for an agent to be looked at while it waits.
const PATIENT: [(&str, &str); 2] = [("login_timeout", "600"), ("shell_timeout", "600")];

fn command(agent: &str, input: &Input) -> Command {
    let mut command = Command::new(agents_dir().join(agent));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("MARK", MARK).args(&input.arguments);
    command
}

/// An agent that runs until it is dropped.
pub(crate) fn start(agent: &str, input: &Input) -> Group {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(input.stdin.as_bytes()).unwrap();
    let mut command = command(agent, input);
    command.stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
    Group::start(&mut command).unwrap()
}

/// Where a secret is in the memory of a process in which the mark is found.
fn places(pid: u32, secret: &[u8]) -> Vec<Place> {
    assert!(!search(pid, MARK.as_bytes()).is_empty(), "the search finds nothing");
    search(pid, secret)
}

fn assert_kept(pid: u32, secret: &[u8], times: std::ops::RangeInclusive<usize>, what: &str) {
    let places = places(pid, secret);
    assert!(times.contains(&places.len()), "{what}: {times:?} expected: {places:#?}");
}

/// The agent does its work and holds nothing of the secrets at its end.
fn assert_gone_at_the_end(agent: &str, input: &Input, secrets: &[&[u8]], what: &str) {
    let ended = AtItsEnd::of(&mut command(agent, input), input.stdin.as_bytes());
    for secret in secrets {
        assert_kept(ended.id(), secret, 0..=0, what);
    }
    assert_eq!(ended.end(), Some(0), "{what}");
}

/// Nobody else sees the arguments of a process that is at work.
fn assert_covered(pid: u32, secrets: &[&[u8]]) {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    for secret in secrets {
        assert!(
            !line.windows(secret.len()).any(|part| part == *secret),
            "{}",
            String::from_utf8_lossy(&line)
        );
    }
}

#[test]
fn an_ipmi_password_is_kept_once_and_gone_at_the_end() {
    const IPMI_PASSWORD: &str = "Sesam0effne!dich";
    let suites = [1u8, 2, 3, 6, 7, 8, 11, 12, 15, 16, 17];
    // A straight password also stands in the packet that waits for its answer.
    let kinds = [(auth_type::MD5, "md5", 1..=1), (auth_type::PASSWORD, "password", 1..=2)];
    let v20 = suites.map(|suite| (Settings::only_suite(suite), "cipher", suite.to_string(), 1..=1));
    let v15 = kinds.map(|(kind, name, times)| (Settings::only_v15(kind), "auth", name.to_owned(), times));
    for (index, (mut settings, option, value, times)) in v20.into_iter().chain(v15).enumerate() {
        settings.users = vec![User::new("admin", IPMI_PASSWORD, ADMINISTRATOR)];
        let bmc = Bmc::start(settings);
        let port = bmc.port().to_string();
        let mut options = vec![
            ("ip", "127.0.0.1"),
            ("ipport", &port),
            ("username", "admin"),
            ("password", IPMI_PASSWORD),
            ("action", "status"),
            ("ipmitool_timeout", "600"),
            (option, &value),
        ];
        if option == "cipher" {
            options.push(("lanplus", "1"));
        }
        options.extend(PATIENT);
        // Every way for some, each of them for all.
        for way in if index < 3 { WAYS.to_vec() } else { vec![WAYS[index % 3]] } {
            let (input, what) = (way.give(&options), format!("{option} {value}, {way:?}"));
            bmc.change(|settings| settings.rules.clear());
            assert_gone_at_the_end("fence_ipmilan", &input, &[IPMI_PASSWORD.as_bytes()], &what);
            bmc.change(|settings| settings.rules = vec![Fault::RequestLost.at(Step::ChassisStatus)]);
            let before = bmc.count(Step::ChassisStatus);
            let agent = start("fence_ipmilan", &input);
            assert!(
                until(PATIENCE, || bmc.count(Step::ChassisStatus) > before && waits(agent.id())),
                "{what}"
            );
            assert_kept(agent.id(), IPMI_PASSWORD.as_bytes(), times.clone(), &what);
            assert_covered(agent.id(), &[IPMI_PASSWORD.as_bytes()]);
        }
    }
}

#[test]
fn a_key_kg_is_kept_once_in_each_of_its_forms_and_gone_at_the_end() {
    let (kg, digits) = (b"Kg-of-twenty-bytes!!", "4b672d6f662d7477656e74792d62797465732121");
    let bmc = Bmc::start(Settings { kg: kg.to_vec(), ..Settings::default() });
    let port = bmc.port().to_string();
    let options = [
        ("ip", "127.0.0.1"),
        ("ipport", port.as_str()),
        ("username", "admin"),
        ("password", "adminpw"),
        ("hexadecimal_kg", digits),
        ("lanplus", "1"),
        ("action", "status"),
        ("ipmitool_timeout", "600"),
    ];
    for way in [Way::Stdin, Way::Arguments] {
        bmc.change(|settings| settings.rules.clear());
        let input = way.give(&[&options[..], &PATIENT].concat());
        assert_gone_at_the_end("fence_ipmilan", &input, &[kg, digits.as_bytes()], "Kg");
        bmc.change(|settings| settings.rules = vec![Fault::RequestLost.at(Step::ChassisStatus)]);
        let before = bmc.count(Step::ChassisStatus);
        let agent = start("fence_ipmilan", &input);
        assert!(until(PATIENCE, || bmc.count(Step::ChassisStatus) > before && waits(agent.id())));
        assert_kept(agent.id(), kg, 1..=1, "the bytes of Kg");
        assert_kept(agent.id(), digits.as_bytes(), 1..=1, "the digits of Kg");
        assert_covered(agent.id(), &[digits.as_bytes()]);
    }
}

#[test]
fn a_redfish_password_is_kept_once_beside_what_the_http_library_has_to_send() {
    const BASIC: &[u8] = b"b3BlcmF0b3I6a29ycmVrdC1QZmVyZC0wODE1";
    let certificate = Maker::default().self_signed();
    // Basic goes with every request: in its header, and in the connection's buffer. The buffer may still hold the
    // request that opened the session.
    for (login, plain, basic) in [(Login::Basic, 1..=1, 1..=2), (Login::Session, 1..=2, 0..=0)] {
        let server = Setup { certificate: Some(certificate.clone()), login, ..Setup::default() }.start();
        let port = server.port().to_string();
        let options = [
            ("ip", "127.0.0.1"),
            ("ipport", port.as_str()),
            ("username", USER),
            ("password", PASSWORD),
            ("action", "status"),
            ("ssl_insecure", "1"),
        ];
        let options = [&options[..], &PATIENT].concat();
        for way in WAYS {
            let what = format!("{login:?}, {way:?}");
            assert_gone_at_the_end(
                "fence_redfish",
                &way.give(&options),
                &[PASSWORD.as_bytes(), BASIC],
                &what,
            );
        }
        server.rule(Rule::new("GET", "/redfish/v1/Systems/1", Act::Silence));
        for way in WAYS {
            let (input, what) = (way.give(&options), format!("{login:?}, {way:?}"));
            let asked = || server.requests().iter().filter(|request| request.path.ends_with("/1")).count();
            let before = asked();
            let agent = start("fence_redfish", &input);
            assert!(until(PATIENCE, || asked() > before), "{what}");
            assert_kept(agent.id(), PASSWORD.as_bytes(), plain.clone(), &what);
            assert_kept(agent.id(), BASIC, basic.clone(), &what);
            assert_covered(agent.id(), &[PASSWORD.as_bytes()]);
        }
    }
}

#[test]
fn snmp_secrets_are_kept_once_beside_what_the_snmp_library_keeps() {
    use peers::snmp::{Family, PowerUnit, Switch, User};
    let users = [User::new(Some("SHA"), Some("AES"))];
    let v3 = [
        ("snmp_version", "3"),
        ("username", "SHA-AES"),
        ("password", AUTH_PASSWORD),
        ("snmp_auth_prot", "SHA"),
        ("snmp_priv_prot", "AES"),
        ("snmp_priv_passwd", PRIV_PASSWORD),
    ];
    let v2c = [("snmp_version", "2c"), ("community", "a-community-of-ours")];
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&users).start();
    let switch = Switch::start(2, &users, "rwcommunity a-community-of-ours\n");
    // Of each password the library keeps a copy beside the keys that it made of it.
    let passwords = [AUTH_PASSWORD.as_bytes(), PRIV_PASSWORD.as_bytes()];
    let kept = |login: &Snmp| login.assert_kept(&passwords, 1..=2);
    kept(&Snmp {
        agent: "fence_apc_snmp",
        port: unit.address().port(),
        plug: "2",
        login: &v3,
        set: &|on| unit.set(1, 2, on),
        is_on: &|| unit.is_on(1, 2),
    });
    let at_switch = Snmp {
        agent: "fence_ifmib",
        port: switch.address().port(),
        plug: "port1",
        login: &v3,
        set: &|on| switch.set("port1", on),
        is_on: &|| switch.is_up("port1"),
    };
    kept(&at_switch);
    Snmp { login: &v2c, ..at_switch }.assert_kept(&[b"a-community-of-ours"], 1..=1);
}

/// An agent for SNMP, and the plug that it acts on.
struct Snmp<'a> {
    agent: &'a str,
    port: u16,
    plug: &'a str,
    login: &'a [(&'a str, &'a str)],
    set: &'a dyn Fn(bool),
    is_on: &'a dyn Fn() -> bool,
}

impl Snmp<'_> {
    fn assert_kept(&self, secrets: &[&[u8]], times: std::ops::RangeInclusive<usize>) {
        let port = self.port.to_string();
        let place = [("ip", "127.0.0.1"), ("ipport", port.as_str()), ("plug", self.plug)];
        for way in WAYS {
            let what = format!("{}, {:?}, {way:?}", self.agent, self.login.first());
            (self.set)(true);
            let status = way.give(&[&place[..], self.login, &[("action", "status")]].concat());
            assert_gone_at_the_end(self.agent, &status, secrets, &what);
            // It waits after its command, with everything derived and asked that it needs.
            let off = [("action", "off"), ("power_wait", "600")];
            let off = way.give(&[&place[..], self.login, &off].concat());
            let held = start(self.agent, &off);
            assert!(until(PATIENCE, || !(self.is_on)() && waits(held.id())), "{what}");
            for secret in secrets {
                assert_kept(held.id(), secret, times.clone(), &what);
            }
            assert_covered(held.id(), secrets);
        }
    }
}

/// Whether the process waits, for time to pass or for a datagram.
fn waits(pid: u32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let number = call.split(' ').next().and_then(|number| number.parse::<i64>().ok());
    let waiting = [libc::SYS_nanosleep, libc::SYS_clock_nanosleep, libc::SYS_recvfrom];
    number.is_some_and(|number| waiting.contains(&number))
}

#[test]
fn the_child_that_writes_a_log_knows_no_password() {
    let bmc = Bmc::start(Settings {
        rules: vec![Fault::RequestLost.at(Step::ChassisStatus)],
        ..Settings::default()
    });
    bmc.change(|settings| settings.users = vec![User::new("admin", "Sesam0effne!dich", ADMINISTRATOR)]);
    let port = bmc.port().to_string();
    let folder = TempDir::new("log");
    let log = folder.path().join("log").display().to_string();
    for way in WAYS {
        let options = [
            ("ip", "127.0.0.1"),
            ("ipport", port.as_str()),
            ("username", "admin"),
            ("password", "Sesam0effne!dich"),
            ("debug_file", &log),
            ("verbose_level", "2"),
            ("ipmitool_timeout", "600"),
            ("action", "status"),
        ];
        let before = bmc.count(Step::ChassisStatus);
        let input = way.give(&[&options[..], &PATIENT].concat());
        let agent = start("fence_ipmilan", &input);
        assert!(until(PATIENCE, || bmc.count(Step::ChassisStatus) > before && waits(agent.id())), "{way:?}");
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", agent.id())).unwrap();
        let children: Vec<u32> = children.split_whitespace().map(|id| id.parse().unwrap()).collect();
        assert_eq!(children.len(), 1, "{children:?}");
        assert_kept(agent.id(), b"Sesam0effne!dich", 1..=1, &format!("the agent, {way:?}"));
        // It forgets first of all, but it may not have had its turn yet.
        let forgotten = || places(children[0], b"Sesam0effne!dich").is_empty();
        assert!(until(PATIENCE, forgotten), "its child, {way:?}");
    }
}
