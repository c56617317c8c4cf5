//! Everything that leaves an agent but for the network: its output, its logs, the processes that it starts, the
//! files that it makes. Each run gets a /dev of its own with a logger in it, and is traced.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use peers::agent::Finished;
use peers::bmc::{self, Bmc, Fault, Settings, Step, auth_type};
use peers::redfish::{Act, Login, Maker, Rule, Setup};
use peers::snmp::daemon::{AUTH_PASSWORD, PRIV_PASSWORD};
use peers::snmp::{Family, PowerUnit, Switch, User};
use peers::{Agent, TempDir, agents_dir};

use super::{Input, WAYS, Way};
use peers::secrets::{Form, forms, found_in};

/// Sixteen bytes, as long as a password of IPMI 1.5 may be, each of which some quoting cares about.
const ODD: &str = "k ö$'\\%s{0}\"&+=";

/// Everything that a run left behind.
struct Traces {
    done: Finished,
    syslog: String,
    file: String,
    mode: u32,
    /// The programs started after the agent itself, with arguments and environment, and the files opened.
    calls: String,
}

/// Runs an agent with each message of the protocol logged everywhere.
fn run(agent: &str, input: &Input, by_arguments: bool) -> Traces {
    const SCRIPT: &str =
        "mknod \"$1/null\" c 1 3 2>/dev/null; mount --bind \"$1\" /dev && shift && exec \"$@\"";
    let (dev, folder) = (TempDir::new("dev"), TempDir::new("traces"));
    let logger = UnixDatagram::bind(dev.path().join("log")).unwrap();
    logger.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let [file, calls] = ["file", "calls"].map(|name| folder.path().join(name));
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let program = path(&agents_dir().join(agent));
    let mut command = Agent::new("/usr/bin/unshare")
        .args(["--mount", "sh", "-c", SCRIPT, "sh", &path(dev.path())])
        .args(["strace", "-f", "-v", "-s", "65536", "-e", "trace=execve,openat,open,creat,unlink,rename"])
        .args(["-o", &path(&calls), &program]);
    let log = path(&file);
    command = if by_arguments {
        command.args(&input.arguments).args([format!("--debug-file={log}"), "-vv".to_owned()])
    } else {
        command.stdin(input.stdin.as_bytes()).options([("debug_file", log.as_str()), ("verbose_level", "2")])
    };
    std::thread::scope(|scope| {
        let run = scope.spawn(|| command.limit(Duration::from_secs(60)).run());
        let mut syslog = String::new();
        let mut buffer = [0; 8192];
        loop {
            // What was sent before the end is there at the end.
            let ended = run.is_finished();
            match logger.recv(&mut buffer) {
                Ok(length) => syslog += std::str::from_utf8(&buffer[..length]).unwrap(),
                Err(_) if ended => break,
                Err(_) => {}
            }
        }
        let done = run.join().unwrap();
        let calls = fs::read_to_string(&calls).unwrap();
        // The first is the agent's own start, with the arguments that the test gave it.
        let (own, others) = calls.split_once('\n').unwrap();
        assert!(own.contains("execve(") && own.contains(&program), "{own}");
        Traces {
            done,
            syslog,
            mode: fs::metadata(&file).unwrap().permissions().mode() & 0o7777,
            file: fs::read_to_string(&file).unwrap(),
            calls: others.to_owned(),
        }
    })
}

impl Traces {
    fn assert_free_of(&self, forms: &[Form], what: &str) {
        for (place, text) in [
            ("stdout", &self.done.stdout),
            ("stderr", &self.done.stderr),
            ("syslog", &self.syslog),
            ("debug_file", &self.file),
            ("another process or file", &self.calls),
        ] {
            let found = found_in(text.as_bytes(), forms);
            assert!(found.is_empty(), "{what}: {place} has it {found:?}: {text}");
        }
    }

    /// Logs were written, so that finding nothing in them means something.
    fn assert_logged(&self, what: &str) {
        for (place, text) in [("stderr", &self.done.stderr), ("file", &self.file)] {
            assert!(["DEBUG", "ERROR"].iter().any(|word| text.contains(word)), "{what}: {place}: {text}");
        }
        assert!(self.syslog.contains("fence_"), "{what}: {}", self.syslog);
        assert_eq!(self.mode, 0o600, "{what}");
    }

    /// Which files were opened for writing, and which programs were started.
    fn assert_nothing_else_was_touched(&self, way: Way, what: &str) {
        let (mut programs, mut writes) = (Vec::new(), Vec::new());
        for call in self.calls.lines() {
            if call.contains("execve(") {
                programs.push(call);
            } else if call.contains("O_CREAT") || call.contains("unlink(") || call.contains("rename(") {
                writes.push(call);
            }
        }
        // A script is a shell and a cat; otherwise there is nobody.
        let allowed =
            |call: &&&str| way == Way::Script && (call.contains("\"/bin/sh\"") || call.contains("cat\""));
        assert_eq!(programs.iter().filter(|call| !allowed(call)).count(), 0, "{what}: {programs:?}");
        assert!(writes.iter().all(|call| call.contains("/file\"")), "{what}: {writes:?}");
    }
}

/// One login: an agent, its options, the user name, and what is secret among them.
struct Case<'a> {
    what: &'a str,
    agent: &'a str,
    options: Vec<(&'a str, &'a str)>,
    user: &'a str,
    secrets: Vec<&'a str>,
    code: i32,
}

impl Case<'_> {
    fn check(&self, way: Way) {
        let what = format!("{}, {way:?}", self.what);
        let traces = run(self.agent, &way.give(&self.options), way == Way::Arguments);
        assert_eq!(traces.done.code, Some(self.code), "{what}: {}", traces.done.stderr);
        traces.assert_logged(&what);
        for secret in &self.secrets {
            traces.assert_free_of(&forms(self.user, secret), &what);
        }
        traces.assert_nothing_else_was_touched(way, &what);
    }

    fn check_every_way(&self) {
        for way in WAYS {
            self.check(way);
        }
    }
}

const BRIEF: [(&str, &str); 3] = [("login_timeout", "1"), ("shell_timeout", "1"), ("power_timeout", "1")];

#[test]
fn no_ipmi_secret_gets_out_whatever_comes_of_the_login() {
    let digits = "4b672d6f662d7477656e74792d6279746573ff00";
    let kg = || b"Kg-of-twenty-bytes\xff\0".to_vec();
    let users = || vec![bmc::User::new("admin", ODD, bmc::ADMINISTRATOR)];
    let other = || vec![bmc::User::new("admin", "another", bmc::ADMINISTRATOR)];
    let rule = |fault: Fault, step| vec![fault.at(step)];
    let v20 = [("lanplus", "1")];
    let with_kg = [("lanplus", "1"), ("hexadecimal_kg", digits)];
    let md5 = [("auth", "md5")];
    let straight = [("auth", "password")];
    let only = Settings::only_v15;
    let usual = Settings::default;
    for (what, settings, more, code) in [
        ("IPMI 2.0", Settings { users: users(), ..usual() }, &v20[..], 0),
        ("IPMI 2.0 with Kg", Settings { users: users(), kg: kg(), ..usual() }, &with_kg, 0),
        ("IPMI 1.5, MD5", Settings { users: users(), ..only(auth_type::MD5) }, &md5, 0),
        ("IPMI 1.5, password", Settings { users: users(), ..only(auth_type::PASSWORD) }, &straight, 0),
        ("wrong password in 2.0", Settings { users: other(), ..usual() }, &v20, 1),
        ("wrong password in 1.5", Settings { users: other(), ..only(auth_type::MD5) }, &md5, 1),
        ("wrong Kg", Settings { users: users(), ..usual() }, &with_kg, 1),
        ("unknown user", Settings { users: vec![], ..usual() }, &v20, 1),
        ("too little privilege", Settings { users: users(), channel_limit: bmc::USER, ..usual() }, &v20, 1),
        ("no session left", Settings { users: users(), session_slots: 0, ..usual() }, &v20, 1),
        ("silence", Settings { rules: rule(Fault::RequestLost, Step::Any), ..usual() }, &[], 1),
        (
            "a device error",
            Settings { users: users(), rules: rule(Fault::Refuse(0xFF), Step::ChassisControl), ..usual() },
            &v20,
            1,
        ),
    ] {
        let bmc = Bmc::start(settings);
        let port = bmc.port().to_string();
        let mut options = vec![
            ("ip", "127.0.0.1"),
            ("ipport", port.as_str()),
            ("username", "admin"),
            ("password", ODD),
            ("ipmitool_timeout", "1"),
            ("power_wait", "0"),
            ("action", "off"),
        ];
        options.extend(more);
        if code != 0 {
            options.extend(BRIEF);
        }
        let secrets = vec![ODD, digits, "Kg-of-twenty-bytes"];
        Case { what, agent: "fence_ipmilan", options, user: "admin", secrets, code }.check_every_way();
    }
}

#[test]
fn no_ipmi_secret_is_repeated_where_it_is_refused_or_nobody_listens() {
    let long = "k ö$'\\%s{0}\"&+=too long for any";
    for (what, more) in [
        ("a closed port", vec![("password", ODD), ("ipport", "1")]),
        ("no such host", vec![("password", ODD), ("ip", "no-such-host.invalid")]),
        ("too long", vec![("password", long), ("lanplus", "1")]),
        ("too long for 1.5", vec![("password", long), ("auth", "md5")]),
        ("no hexadecimal digits", vec![("hexadecimal_kg", ODD), ("lanplus", "1")]),
        (
            "Kg too long",
            vec![("hexadecimal_kg", "4b672d6f662d7477656e74792d6279746573ff0001"), ("lanplus", "1")],
        ),
    ] {
        let mut options = vec![("ip", "127.0.0.9"), ("username", "admin"), ("action", "status")];
        options.extend(BRIEF);
        options.extend(&more);
        let secrets = vec![ODD, long, "4b672d6f662d7477656e74792d6279746573ff0001"];
        for way in WAYS {
            let traces = run("fence_ipmilan", &way.give(&options), way == Way::Arguments);
            assert_eq!(traces.done.code, Some(1), "{what}: {}", traces.done.stderr);
            assert!(
                traces.done.stderr.contains("ERROR") && traces.syslog.contains("fence_ipmilan"),
                "{what}"
            );
            for secret in &secrets {
                traces.assert_free_of(&forms("admin", secret), what);
            }
        }
    }
}

#[test]
fn no_redfish_password_gets_out_whatever_comes_of_the_login() {
    use peers::redfish::{PASSWORD, USER};
    const SYSTEM: &str = "/redfish/v1/Systems/1";
    let certificate = Maker::default().self_signed();
    let usual = || Setup { certificate: Some(certificate.clone()), ..Setup::default() };
    let session = || Setup { login: Login::Session, ..usual() };
    let with = |rule: Rule| Setup { rules: vec![rule], ..usual() };
    // What some services do with what they don't like.
    let repeats = format!("Basic b3BlcmF0b3I6a29ycmVrdC1QZmVyZC0wODE1 or {PASSWORD} is wrong");
    let stolen = format!("https://203.0.113.9/?user={USER}");
    let insecure = [("ssl_insecure", "1")];
    for (what, setup, password, more, code) in [
        ("Basic", usual(), PASSWORD, &insecure[..], 0),
        ("a session", session(), PASSWORD, &insecure, 0),
        ("wrong password by Basic", usual(), ODD, &insecure, 1),
        ("wrong password by session", session(), ODD, &insecure, 1),
        ("a certificate that nobody knows", usual(), ODD, &[], 1),
        (
            "another certificate than pinned",
            usual(),
            ODD,
            &[("ssl_pin", "00000000000000000000000000000000000000000000000000000000000000ff")],
            1,
        ),
        ("no TLS", Setup::default(), ODD, &insecure, 1),
        (
            "repeated",
            with(Rule::new("GET", SYSTEM, Act::error(400, "X.1.Bad", &repeats))),
            PASSWORD,
            &insecure,
            1,
        ),
        (
            "forbidden",
            with(Rule::new("GET", SYSTEM, Act::error(403, "X.1.No", &repeats))),
            PASSWORD,
            &insecure,
            1,
        ),
        (
            "led astray",
            with(Rule::new("GET", SYSTEM, Act::with_header(307, "Location", &stolen))),
            PASSWORD,
            &insecure,
            1,
        ),
        ("dropped", with(Rule::new("GET", SYSTEM, Act::Close)), PASSWORD, &insecure, 1),
        ("silence", with(Rule::new("GET", SYSTEM, Act::Silence)), PASSWORD, &insecure, 1),
        (
            "no JSON",
            with(Rule::new("GET", SYSTEM, Act::Answer(200, vec![], repeats.clone()))),
            PASSWORD,
            &insecure,
            1,
        ),
    ] {
        let server = setup.start();
        let port = server.port().to_string();
        let mut options = vec![
            ("ip", "127.0.0.1"),
            ("ipport", port.as_str()),
            ("username", USER),
            ("password", password),
            ("action", "off"),
        ];
        options.extend(more);
        if code != 0 {
            options.extend(BRIEF);
        }
        let secrets = vec![password, "token-of-session"];
        Case { what, agent: "fence_redfish", options, user: USER, secrets, code }.check_every_way();
    }
}

#[test]
fn no_snmp_secret_gets_out_whatever_comes_of_the_login() {
    let users = [User::new(Some("SHA"), Some("AES")), User::new(Some("MD5"), None)];
    let unit = PowerUnit::builder(Family::ApcRpdu).users(&users).start();
    let switch = Switch::start(2, &users, "rwcommunity a-community-of-ours\n");
    let v3 = |user, password, privacy| {
        let mut options = vec![("snmp_version", "3"), ("username", user), ("password", password)];
        if user == "SHA-AES" {
            options.extend([
                ("snmp_auth_prot", "SHA"),
                ("snmp_priv_prot", "AES"),
                ("snmp_priv_passwd", privacy),
            ]);
        }
        options
    };
    for (agent, address, plug) in
        [("fence_apc_snmp", unit.address(), "2"), ("fence_ifmib", switch.address(), "port1")]
    {
        let port = address.port().to_string();
        for (what, more, code) in [
            ("authPriv", v3("SHA-AES", AUTH_PASSWORD, PRIV_PASSWORD), 0),
            ("authNoPriv", v3("MD5-no", AUTH_PASSWORD, ""), 0),
            ("wrong password", v3("SHA-AES", ODD, PRIV_PASSWORD), 1),
            ("wrong privacy password", v3("SHA-AES", AUTH_PASSWORD, ODD), 1),
            ("unknown user", v3("nobody", ODD, ""), 1),
            ("a community that nobody knows", vec![("snmp_version", "2c"), ("community", ODD)], 1),
            ("the same in version 1", vec![("snmp_version", "1"), ("community", ODD)], 1),
        ] {
            let mut options = vec![("ip", "127.0.0.1"), ("ipport", &port), ("plug", plug), ("action", "off")];
            options.extend(more);
            if code != 0 {
                options.extend(BRIEF);
            }
            let secrets = vec![AUTH_PASSWORD, PRIV_PASSWORD, ODD];
            // Two seconds each where nobody answers.
            let case = Case { what, agent, options, user: "SHA-AES", secrets, code };
            if code == 0 {
                case.check_every_way()
            } else {
                case.check(WAYS[usize::from(agent == "fence_ifmib")])
            }
        }
    }
}

#[test]
fn a_password_in_the_wrong_place_is_not_repeated() {
    let bare = ["--ip=127.0.0.9", "--ipport=1", "--action=status", "--username=admin"];
    for (what, arguments) in [
        ("not quoted", vec!["-p", "correct", "horse battery"]),
        ("with no option", vec!["horse battery"]),
        ("with a misspelt option", vec!["--passwrd=horse battery"]),
        ("as a switch's value", vec!["--lanplus=horse battery"]),
    ] {
        let done = Agent::called("fence_ipmilan", "fence_ipmilan")
            .args(bare)
            .args(arguments)
            .args(["--login-timeout=1"])
            .run();
        assert_eq!(done.code, Some(1), "{what}");
        assert!(!done.stderr.is_empty() && !done.stderr.contains("horse"), "{what}: {}", done.stderr);
    }
    let stdin = "ip=127.0.0.9\nipport=1\naction=status\nlogin_timeout=1\nhorse battery\n";
    let done = Agent::called("fence_ipmilan", "fence_ipmilan").stdin(stdin).run();
    assert!(done.stderr.contains("it has no '='") && !done.stderr.contains("horse"), "{}", done.stderr);
}

/// A newline can't stand in a line of stdin; the other ways carry it, at least as far as the device.
#[test]
fn a_password_with_a_newline_stays_a_secret() {
    let password = "first line\nsecond=1";
    let bmc = Bmc::start(Settings {
        users: vec![bmc::User::new("admin", password, bmc::ADMINISTRATOR)],
        ..Settings::default()
    });
    let port = bmc.port().to_string();
    let options = vec![
        ("ip", "127.0.0.1"),
        ("ipport", port.as_str()),
        ("username", "admin"),
        ("password", password),
        ("lanplus", "1"),
        ("power_wait", "0"),
        ("action", "off"),
    ];
    let secrets = vec![password, "first line", "second=1"];
    let case = Case { what: "a newline", agent: "fence_ipmilan", options, user: "admin", secrets, code: 0 };
    for way in [Way::Arguments, Way::Script] {
        case.check(way);
    }
}
