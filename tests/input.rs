//! How options are read, from the command line and from standard input, up to the first packet.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::net::{TcpListener, UdpSocket};
use std::sync::LazyLock;
use std::time::Duration;

use fence_agents::agents;
use fence_agents::fencing::{Agent, Plugs, options};
use peers::Agent as Run;
use peers::agent::Finished;
use peers::hang::HungFolder;
use peers::snmp::{Family, PowerUnit};
use peers::{subject, until};

/// A device that answers nothing and remembers whether anything came: datagrams or connections, at one port.
struct Mute(UdpSocket, TcpListener);

impl Mute {
    fn new() -> Mute {
        let both = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let socket = UdpSocket::bind(listener.local_addr().unwrap()).ok()?;
            Some(Mute(socket, listener))
        };
        let mute = std::iter::repeat_with(both).flatten().next().unwrap();
        mute.0.set_nonblocking(true).unwrap();
        mute.1.set_nonblocking(true).unwrap();
        mute
    }

    fn port(&self) -> String {
        self.0.local_addr().unwrap().port().to_string()
    }

    fn touched(&self) -> bool {
        self.0.recv(&mut [0; 64]).is_ok() || self.1.accept().is_ok()
    }
}

fn agent() -> Run {
    Run::called("fence_ipmilan", "fence_ipmilan")
}

fn arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Finished {
    agent().args(arguments).run()
}

fn stdin(input: &str) -> Finished {
    agent().stdin(input).run()
}

/// One line on stderr that names the option, nothing on stdout, exit 1.
fn assert_refused(done: &Finished, names: &str) {
    let lines: Vec<_> = done.stderr.lines().filter(|line| line.contains(" ERROR: ")).collect();
    assert_eq!(lines.len(), 1, "{}", done.stderr);
    assert!(lines[0].contains(names), "{names} isn't named: {}", done.stderr);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
}

#[test]
fn bad_values_are_refused_by_name_before_any_packet() {
    let cases = [
        ("ipport", "abc"),
        ("ipport", "0"),
        ("ipport", "65536"),
        ("ipport", "-1"),
        ("ipport", "+5"),
        ("ipport", "99999999999999999999"),
        ("delay", "1.5"),
        ("delay", "-1"),
        ("delay", "five"),
        ("power-timeout", "abc"),
        ("power-wait", "1s"),
        ("login-timeout", " "),
        ("shell-timeout", "0x10"),
        ("stonith-status-sleep", "1,5"),
        ("ipmitool-timeout", "two"),
        ("retry-on", "often"),
        ("verbose-level", "much"),
        ("privlvl", "root"),
        ("auth", "md2"),
        ("method", "reset"),
        ("cipher", "3x"),
        ("cipher", "4"),
        ("cipher", "256"),
        ("disable-timeout", "perhaps"),
        ("hexadecimal-kg", "abc"),
        ("hexadecimal-kg", "xy"),
        ("hexadecimal-kg", "000102030405060708090a0b0c0d0e0f1011121314"),
        ("target", "there"),
        ("target", "0x100"),
        ("username", "seventeen-letters"),
        ("password", "twenty-one-characters"),
        ("action", "fly"),
    ];
    for (option, value) in cases {
        let device = Mute::new();
        let port = device.port();
        let long = format!("--{option}");
        let mut line = vec!["-a", "127.0.0.1", "-o", "off"];
        if option != "ipport" {
            line.extend(["-u", &port]);
        }
        line.extend([long.as_str(), value]);
        let done = arguments(line.iter().copied());
        assert_refused(&done, option);
        assert!(!device.touched(), "{option}={value}");

        let mut input = "ip=127.0.0.1\naction=off\n".to_owned();
        if option != "ipport" {
            input.push_str(&format!("ipport={port}\n"));
        }
        let name = option.replace('-', "_");
        input.push_str(&format!("{name}=\"{value}\"\n"));
        let done = stdin(&input);
        assert_refused(&done, &name);
        assert!(!device.touched(), "{option}={value}");
    }
}

#[test]
fn an_error_about_a_secret_does_not_repeat_it() {
    for (option, value) in [
        ("password", "twenty-one-characters"),
        ("hexadecimal_kg", "00112233445566778899aabbccddeeff0011223344"),
    ] {
        let done = stdin(&format!("ip=127.0.0.1\naction=off\nverbose_level=9\n{option}={value}\n"));
        assert_refused(&done, option);
        assert!(!done.stderr.contains(value), "{}", done.stderr);
    }
}

#[test]
fn a_password_in_two_words_or_behind_no_option_is_shown_to_nobody() {
    for given in [
        &["-a", "127.0.0.1", "-p", "battery", "staple", "-o", "validate-all"][..],
        &["-a", "127.0.0.1", "-o", "validate-all", "--", "-p", "staple"],
        &["-o", "validate-all", "--ip", "--password", "staple"],
    ] {
        let done = arguments(given.iter().copied());
        assert!(done.stderr.contains("to no option") && !done.stderr.contains("staple"), "{}", done.stderr);
    }
}

/// Each agent with what it needs beside an address, as its subject has it: login, plug, disks.
static AGENTS: LazyLock<Vec<(&Agent, String)>> = LazyLock::new(|| {
    let input = |agent: &'static Agent| {
        let options = subject::of(agent.name, agent.name)[0].subject().options_with_plug();
        let options = options.iter().filter(|(name, _)| !["ip", "ipport"].contains(name));
        (agent, options.map(|(name, value)| format!("{name}={value}\n")).collect())
    };
    // Their devices take a while to start.
    std::thread::scope(|scope| {
        let running: Vec<_> = agents::all().map(|agent| scope.spawn(move || input(agent))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
});

/// The program of an agent, under its own name.
fn called(agent: &Agent) -> Run {
    Run::called(agent.name, agent.name)
}

fn address(agent: &Agent, device: &Mute) -> String {
    if agent.has(&options::IP) { format!("ip=127.0.0.1\nipport={}\n", device.port()) } else { String::new() }
}

#[test]
fn an_empty_action_is_bad_input_and_never_the_default() {
    for (agent, more) in AGENTS.iter() {
        let device = Mute::new();
        for action in ["action=\n", "action=\"\"\n", "action=   \r\n", "action=status\naction=\n"] {
            let input = format!("{action}{}{more}", address(agent, &device));
            let done = called(agent).stdin(input).run();
            assert_refused(&done, "action: it is empty");
            assert!(!device.touched(), "{agent:?}, {action:?}");
        }
        for line in [&["-o", ""][..], &["--action="], &["--action", ""], &["-o", "status", "-o", ""]] {
            let done = called(agent).args(line.iter().copied()).args(["-v"]).run();
            assert_refused(&done, "--action: it is empty");
        }
    }
}

#[test]
fn an_empty_value_never_takes_away_the_check_of_the_machine() {
    for option in ["expect_uuid", "expect_serial", "expect_name"] {
        let device = Mute::new();
        let done = stdin(&format!("action=off\nip=127.0.0.1\nipport={}\n{option}=\n", device.port()));
        assert_refused(&done, option);
        assert!(!device.touched(), "{option}");
    }
}

#[test]
fn help_and_version_never_stand_beside_an_action_or_in_a_cluster() {
    for (agent, more) in AGENTS.iter() {
        for option in ["version", "help"] {
            let device = Mute::new();
            let input = format!("{option}=1\n{}{more}", address(agent, &device));
            let run = |input: String| called(agent).stdin(input);
            for done in [
                run(format!("action=off\n{input}")).run(),
                run(format!("action=off\nnodename=n\n{input}")).under_pacemaker().run(),
                run(format!("nodename=n\n{input}")).run(),
                run(input.clone()).under_pacemaker().run(),
                called(agent).args([format!("--{option}").as_str(), "-v"]).under_pacemaker().run(),
            ] {
                assert_refused(&done, option);
            }
            assert!(!device.touched(), "{agent:?}, {option}");
            let done = run(format!("{option}=1\n")).run();
            assert!(done.code == Some(0) && !done.stdout.is_empty(), "{agent:?}, {option}: {}", done.stderr);
        }
    }
    let hint = Run::called("fence_ifmib", "fence_ifmib").stdin("action=off\nversion=1\nnodename=n\n").run();
    assert!(hint.stderr.contains("the version of SNMP is snmp_version"), "{}", hint.stderr);
}

#[test]
fn what_the_agent_says_about_itself_is_no_answer_about_a_node() {
    for action in ["metadata", "manpage", "completion"] {
        let done = stdin(&format!("action={action}\nnodename=n\nip=127.0.0.1\n"));
        assert_refused(&done, "action");
        assert_eq!(stdin(&format!("action={action}\n")).code, Some(0));
    }
}

#[test]
fn a_secret_may_begin_with_white_space_on_standard_input_too() {
    for (secret, sent) in [(" two words", " two words"), ("\t x", "\t x"), ("\" quoted\"", " quoted")] {
        let device = Mute::new();
        device.0.set_nonblocking(false).unwrap();
        device.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        for end in ["\n", "\r\n", " \r\n", ""] {
            let input = format!(
                "action=status\nip=127.0.0.1\nipport={}\nplug=1\nlogin_timeout=1\nshell_timeout=1\n community ={secret}{end}",
                device.port()
            );
            let run =
                std::thread::spawn(|| Run::called("fence_apc_snmp", "fence_apc_snmp").stdin(input).run());
            let mut packet = [0; 512];
            let length = device.0.recv(&mut packet).unwrap();
            // An OCTET STRING: its length, and the community as it is.
            let wanted = [&[4, u8::try_from(sent.len()).unwrap()], sent.as_bytes()].concat();
            assert!(packet[..length].windows(wanted.len()).any(|part| part == wanted), "{secret:?}{end:?}");
            assert_eq!(run.join().unwrap().code, Some(1));
        }
    }
}

#[test]
fn a_value_without_end_is_cut_in_messages() {
    let unit = PowerUnit::start(Family::ApcRpdu);
    let long = "n".repeat(900_000);
    for option in ["ip", "plug", "action", "expect_uuid", "method", "ipport", "snmp_version", "unknown"] {
        let base = [("action", "off"), ("ip", "127.0.0.1"), ("plug", "1"), ("community", "private")];
        let done = Run::called("fence_apc_snmp", "fence_apc_snmp")
            .options(base)
            .options([("ipport", unit.address().port().to_string().as_str()), ("login_timeout", "2")])
            .options([(option, long.as_str())])
            .options([(long.as_str(), "value")])
            .run();
        assert!(done.stderr.len() < 10_000, "{option}: {}", done.stderr.len());
    }
    // An argument has 128 KiB at most.
    let long = "n".repeat(100_000);
    for line in [["--ip", &long], [&format!("--{long}"), "x"], ["-o", &long]] {
        let done = arguments([&line[..], &["-v"]].concat());
        assert!(done.code == Some(1) && done.stderr.len() < 10_000, "{}", done.stderr.len());
    }
}

#[test]
fn a_missing_address_is_named() {
    assert_refused(&arguments(["-o", "status"]), "--ip");
    assert_refused(&stdin("action=status\n"), "ip:");
    assert_refused(&stdin("action=status\nip=\n"), "ip:");
    assert_refused(&stdin("action=status\nport_as_ip=1\n"), "plug");
}

#[test]
fn a_plug_on_the_command_line_needs_port_as_ip() {
    assert_refused(&arguments(["-o", "validate-all", "-a", "127.0.0.1", "-n", "node1"]), "--plug");
    let done = arguments(["-o", "validate-all", "--port-as-ip", "-n", "127.0.0.1"]);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    for name in ["port", "plug"] {
        let done = stdin(&format!("action=validate-all\nip=127.0.0.1\n{name}=node1\nnodename=node1\n"));
        assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
    }
}

/// The line that names which address was tried, which tells how the command line was read.
fn tried(done: &Finished) -> String {
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    done.stderr.lines().find(|line| line.contains(" ERROR: ")).unwrap_or_default().to_owned()
}

#[test]
fn the_command_line_is_read_as_getopt_reads_it() {
    // Port 1 of loopback is closed: the answer names the address that was understood.
    let same = [
        vec!["-a", "127.0.0.9", "-u", "1", "-o", "status"],
        vec!["-a127.0.0.9", "-u1", "-ostatus"],
        vec!["-va127.0.0.9", "-u1", "-oSTATUS"],
        vec!["--ip=127.0.0.9", "--ipport", "1", "--action=status"],
        vec!["--ip", "127.0.0.9", "--ipp=1", "--act", "status"],
        vec!["-a", "127.0.0.8", "--ip=127.0.0.9", "-u1", "-o", "on", "-o", "status"],
        vec!["--ip=127.0.0.8", "-a", "127.0.0.9", "-u1", "-o", "status"],
        vec!["-o", "status", "-u", "1", "-a", "127.0.0.9", "-p", "-secret"],
        vec!["-o", "status", "-u", "1", "-a", "127.0.0.9", "--password=-secret"],
        vec!["-o", "status", "-u", "1", "-a", "127.0.0.9", "-p", "--", "-P"],
        vec!["-Pa", "127.0.0.9", "-u1", "-ostatus"],
    ];
    for line in same {
        let error = tried(&arguments(line.iter().copied()));
        assert!(error.contains("127.0.0.9 port 1"), "{line:?}: {error}");
    }
}

#[test]
fn a_value_attached_to_its_letter_keeps_an_equals_sign() {
    // getopt's reading of -a=127.0.0.9 is the address "=127.0.0.9".
    let error = tried(&arguments(["-a=127.0.0.9", "-u", "1", "-o", "status"]));
    assert!(error.contains("=127.0.0.9"), "{error}");
    let done = arguments(["-o", "validate-all", "-a", "h", "-p=12345678901234567890"]);
    assert_refused(&done, "--password");
}

#[test]
fn unknown_and_ambiguous_options_and_missing_values_are_refused() {
    assert_refused(&arguments(["--foo"]), "--foo");
    assert_refused(&arguments(["-o", "status", "-Z"]), "-Z");
    assert_refused(&arguments(["--pass=x"]), "--pass");
    assert_refused(&arguments(["-o", "status", "-a"]), "--ip");
    assert_refused(&arguments(["--lanplus=1"]), "--lanplus");
}

#[test]
fn an_operand_is_passed_over_with_a_warning_that_does_not_repeat_it() {
    for line in [
        vec!["extra", "-o", "validate-all", "-a", "127.0.0.1"],
        vec!["-o", "validate-all", "-a", "127.0.0.1", "--", "extra"],
    ] {
        let done = arguments(line);
        assert_eq!(done.code, Some(0));
        assert!(
            done.stderr.contains("WARNING") && done.stderr.contains("an argument that belongs to no option"),
            "{}",
            done.stderr
        );
        assert!(!done.stderr.contains("extra"), "{}", done.stderr);
    }
}

#[test]
fn standard_input_is_read_as_clusters_write_it() {
    let same = [
        "action=status\nip=127.0.0.9\nipport=1",
        "ACTION=off\naction=status\nip=127.0.0.9\nipport=1\n",
        "# a comment\n\n  action=STATUS  \r\nip=\"127.0.0.9\"\r\nipport = 1\n",
        "option=off\naction=status\nipaddr=127.0.0.9\nipport=1\n",
        "action=status\nip=127.0.0.8\nip=127.0.0.9\nipport=1\nlogin=x\npasswd=y\nport=node1\nnodename=node1\n",
        "agent=fence_ipmilan\naction=status\nip=127.0.0.9\nipport=1\nsecure=yes",
        "action=status\nport-as-ip=yes\nport=127.0.0.9\nipport=1\n",
        "action=status\nport_as_ip=0\nport=127.0.0.8\nip=127.0.0.9\nipport=1\n",
        "action=status\nip=127.0.0.9\nipport=1\nlanplus=maybe\nno equals sign\n",
    ];
    for input in same {
        let error = tried(&stdin(input));
        assert!(error.contains("127.0.0.9 port 1"), "{input:?}: {error}");
    }
}

#[test]
fn what_is_not_understood_on_standard_input_is_told_and_passed_over() {
    let done = stdin(
        "action=validate-all\nip=127.0.0.1\npcmk_foo=1\nlanplus=maybe\noption=off\nnodename=n\nport=n\n",
    );
    assert_eq!(done.code, Some(0));
    for word in ["pcmk_foo", "lanplus", "option"] {
        assert!(done.stderr.contains(word), "{word}: {}", done.stderr);
    }
    assert!(!done.stderr.contains("nodename"), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 3, "{}", done.stderr);
}

#[test]
fn a_line_without_an_equals_sign_is_not_repeated() {
    let done = stdin("action=validate-all\nip=127.0.0.1\nhunter2\n");
    assert!(done.code == Some(0) && !done.stderr.contains("hunter2"), "{}", done.stderr);
    assert!(done.stderr.contains("line 3"), "{}", done.stderr);
}

#[test]
fn an_action_that_the_agent_lacks_prints_nothing_on_stdout() {
    for action in ["list", "list-status", "enable", "disable"] {
        let done = stdin(&format!("action={action}\nip=127.0.0.1\n"));
        assert_refused(&done, "action");
    }
    assert!(stdin("action=list\nip=127.0.0.1\n").stderr.contains("unsupported action"));
}

#[test]
fn with_an_argument_standard_input_is_not_read() {
    let done = agent().args(["-o", "validate-all", "-a", "127.0.0.1"]).stdin("ipport=abc\n").run();
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""));
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = arguments(["-h"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for word in ["--ip=", "--power-timeout=", "reboot", "Exit codes"] {
        assert!(help.stdout.contains(word), "{word}");
    }
    assert!(help.stdout.lines().all(|line| line.chars().count() <= 100));
    let version = arguments(["--version"]);
    assert_eq!((version.code, version.stdout.trim()), (Some(0), env!("CARGO_PKG_VERSION")));
}

#[test]
fn quiet_keeps_stderr_empty_and_verbose_tells_each_step() {
    let quiet = stdin("action=status\nip=127.0.0.9\nipport=1\nquiet=1\n");
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(1), ""));
    let verbose = stdin("action=status\nip=127.0.0.9\nipport=1\nverbose=1\n");
    assert!(verbose.stderr.contains(" DEBUG: ") || verbose.stderr.contains(" INFO: "), "{}", verbose.stderr);
}

#[test]
fn the_debug_file_gets_each_step_and_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let path = std::env::temp_dir().join(format!("fence-debug-{}", std::process::id()));
    let done = stdin(&format!("action=status\nip=127.0.0.9\nipport=1\ndebug_file={}\n", path.display()));
    assert_eq!(done.code, Some(1));
    let text = std::fs::read_to_string(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    std::fs::remove_file(&path).unwrap();
    assert!(text.contains("127.0.0.9") && text.contains("DEBUG"), "{text}");
    assert_eq!(mode, 0o600);
}

#[test]
fn a_debug_file_that_blocks_delays_nothing() {
    let hung = HungFolder::new();
    let path = hung.file();
    let done = stdin(&format!("action=status\nip=127.0.0.9\nipport=1\ndebug_file={}\n", path.display()));
    assert!(done.code == Some(1) && !done.killed, "{}", done.stderr);
    assert_eq!(done.stderr.matches("WARNING").count(), 1, "{}", done.stderr);
    // What was told by then comes when the file can be opened.
    hung.answer();
    assert!(until(Duration::from_secs(20), || hung.content().contains("connection refused by 127.0.0.9")));
}

#[test]
fn a_file_of_authorities_that_hangs_or_is_none_is_bad_input() {
    let hung = HungFolder::new();
    for path in [hung.file().display().to_string(), "/nowhere/authorities".to_owned()] {
        let input = "action=validate-all\nip=127.0.0.1\nusername=u\npassword=p\n";
        let done =
            Run::called("fence_redfish", "fence_redfish").stdin(format!("{input}ssl_ca_file={path}\n")).run();
        assert!(!done.killed, "{path}");
        assert_refused(&done, "ssl_ca_file");
    }
}

#[test]
fn a_port_or_a_url_in_the_address_is_bad_input_and_says_where_the_port_belongs() {
    // Some take a port in the address, and some have no address.
    let takes_none = |agent: &Agent| agent.options().any(|option| option.name == "ip" && !option.takes_port);
    for (agent, more) in AGENTS.iter().filter(|(agent, _)| takes_none(agent)) {
        for action in ["off", "validate-all"] {
            for (ip, words) in [
                ("192.0.2.1:161", "the port belongs into ipport"),
                ("bmc.example:161", "the port belongs into ipport"),
                ("[2001:db8::1]:161", "the port belongs into ipport"),
                ("http://192.0.2.1", "this is a URL"),
                ("https://192.0.2.1:443/redfish/v1", "this is a URL"),
                ("fe80::2", "the zone is missing"),
                ("[fe80::2]", "the zone is missing"),
                ("fe80::2%none-such", "no interface none-such on this machine"),
                ("[fe80::2%25none-such]", "no interface 25none-such on this machine"),
            ] {
                let done = called(agent).stdin(format!("action={action}\nip={ip}\n{more}")).run();
                assert_refused(&done, "ip: ");
                assert!(done.stderr.contains(words), "{agent:?}, {ip}: {}", done.stderr);
                let input = format!("action={action}\nport_as_ip=1\nport={ip}\n");
                if agent.has(&options::PORT_AS_IP) && agent.plugs == Plugs::One {
                    assert_refused(&called(agent).stdin(input).run(), "plug: ");
                }
            }
        }
    }
    let done = Run::called("fence_ifmib", "fence_ifmib")
        .args(["-a", "udp6:[2001:db8::1]:161", "-c", "c", "-n", "1", "-o", "validate-all"])
        .run();
    assert_refused(&done, "--ip: the port belongs into --ipport");
}

#[test]
fn a_password_script_that_fails_ends_the_action_before_any_packet() {
    for script in ["exit 3", "true", "echo secret; false"] {
        let device = Mute::new();
        let done = stdin(&format!(
            "action=off\nip=127.0.0.1\nipport={}\npassword_script={script}\nverbose_level=3\n",
            device.port()
        ));
        assert_refused(&done, "password_script");
        assert!(!device.touched() && !done.stderr.contains("secret"), "{}", done.stderr);
    }
}

#[test]
fn garbage_on_standard_input_is_no_crash() {
    let mut input = b"action=validate-all\nip=127.0.0.1\n".to_vec();
    input.extend((0..=255).flat_map(|byte: u8| [byte, b'=', byte, b'\n', byte, byte]));
    let done = agent().stdin(input).run();
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let done = agent().stdin(vec![b'x'; 2 * 1024 * 1024]).run();
    assert_refused(&done, "standard input");
}
