//! fence_ipmilan against real BMC simulators, a virtual machine that really dies, and bad networks.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use peers::agent::{assert_done, assert_failed};
use peers::relay::{Direction, Fate};
use peers::{Agent, IpmiSim, Machine, Relay, TempDir};

fn agent(port: u16, action: &str) -> Agent {
    Agent::ipmilan("fence_ipmilan", port, action)
}

/// The cheapest session: no version and no suite to find out.
fn direct(port: u16, action: &str) -> Agent {
    agent(port, action).options([("lanplus", "1"), ("cipher", "3")])
}

/// A device that takes everything and answers nothing.
fn mute() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

fn port(socket: &UdpSocket) -> u16 {
    socket.local_addr().unwrap().port()
}

#[test]
fn a_virtual_machine_dies_and_another_comes_back() {
    let machine = Machine::start();
    let first = machine.pid().unwrap();
    assert_done(&agent(machine.port(), "off").run(), "Success: Powered OFF\n");
    assert_eq!(machine.pid(), None);
    assert_done(&agent(machine.port(), "on").run(), "Success: Powered ON\n");
    // The simulator reports on from the moment it starts the machine's process.
    assert!(peers::until(Duration::from_secs(20), || machine.pid().is_some()));
    let second = machine.pid().unwrap();
    assert_ne!(first, second);
    assert_done(&agent(machine.port(), "reboot").run(), "Success: Rebooted\n");
    assert!(peers::until(Duration::from_secs(20), || machine.pid().is_some()));
    assert_ne!(machine.pid(), Some(second));
}

#[test]
fn every_name_fences_with_its_own_defaults() {
    for name in [
        "fence_ipmilan",
        "fence_ilo3",
        "fence_ilo4",
        "fence_ilo5",
        "fence_ipmilanplus",
        "fence_imm",
        "fence_idrac",
    ] {
        let sim = IpmiSim::builder().start();
        assert_done(&Agent::ipmilan(name, sim.port(), "off").run(), "Success: Powered OFF\n");
        assert!(!sim.power(), "{name}");
    }
}

#[test]
fn a_machine_that_takes_its_time_is_waited_for() {
    let sim = IpmiSim::builder().delay(Duration::from_secs(2)).start();
    assert_done(&agent(sim.port(), "reboot").run(), "Success: Rebooted\n");
    assert_eq!(
        sim.commands().iter().map(|change| change.what.as_str()).collect::<Vec<_>>(),
        ["power 0", "power 1"]
    );
}

#[test]
fn ipv6_and_host_names_reach_the_device() {
    let sim = IpmiSim::builder().ipv6().start();
    for ip in ["::1", "[::1]"] {
        let done = direct(sim.port(), "status").options([("ip", ip)]).run();
        assert_done(&done, "Status: ON\n");
    }
    // localhost may have both kinds of address, and only one of them answers.
    for sim in [IpmiSim::builder().start(), sim] {
        let addresses = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 0)).unwrap();
        if addresses.map(|address| address.ip()).any(|ip| ip == sim.address().ip()) {
            let done = direct(sim.port(), "status").options([("ip", "localhost")]).run();
            assert_done(&done, "Status: ON\n");
        }
    }
}

#[test]
fn a_name_that_does_not_exist_is_named() {
    let done = agent(1, "status").options([("ip", "no-such-host.invalid"), ("login_timeout", "1")]).run();
    assert_failed(&done, "no-such-host.invalid");
}

#[test]
fn the_plug_is_the_address_with_port_as_ip() {
    let sim = IpmiSim::builder().start();
    let done = direct(sim.port(), "status")
        .options([("ip", "192.0.2.1"), ("port_as_ip", "1"), ("port", "127.0.0.1")])
        .run();
    assert_done(&done, "Status: ON\n");
}

#[test]
fn a_closed_port_and_silence_are_told_apart() {
    let closed = port(&mute());
    for action in ["status", "monitor", "off"] {
        let done = agent(closed, action).options([("login_timeout", "2")]).run();
        assert_failed(&done, "connection refused by 127.0.0.1");
        assert!(!done.stderr.contains("timed out"), "{}", done.stderr);
    }
    let silent = mute();
    for lanplus in ["0", "1", ""] {
        let done = agent(port(&silent), "off").options([("login_timeout", "2"), ("lanplus", lanplus)]).run();
        assert_failed(&done, "timed out");
    }
}

#[test]
fn a_reading_action_gives_up_on_a_closed_port_before_login_timeout() {
    let closed = port(&mute());
    let slow = || agent(closed, "status").options([("login_timeout", "3600")]).run();
    assert_failed(&slow(), "connection refused");
}

#[test]
fn a_wrong_password_is_called_that_whatever_else_is_configured() {
    let sim = IpmiSim::builder().start();
    for options in [
        vec![],
        vec![("lanplus", "1")],
        vec![("lanplus", "1"), ("cipher", "2")],
        vec![("lanplus", "0"), ("auth", "md5"), ("ipmitool_timeout", "1")],
        vec![("disable_timeout", "1")],
        vec![("power_timeout", "0"), ("login_timeout", "0")],
    ] {
        let done = agent(sim.port(), "off").options(options.clone()).options([("password", "wrong")]).run();
        assert_failed(&done, "login denied by 127.0.0.1");
        assert!(sim.power(), "{options:?}");
    }
    let done = agent(sim.port(), "off").options([("password", "wrong")]).under_pacemaker().run();
    assert_failed(&done, "wrong password");
}

#[test]
fn an_unknown_user_is_no_success() {
    let sim = IpmiSim::builder().start();
    let done = agent(sim.port(), "off").options([("username", "nobody")]).run();
    assert_failed(&done, "login denied");
    assert!(sim.power());
}

#[test]
fn the_key_kg_is_part_of_the_login() {
    let sim = IpmiSim::builder().bmc_key("key-of-the-rack").start();
    let right: String = "key-of-the-rack".bytes().map(|byte| format!("{byte:02x}")).collect();
    let done = direct(sim.port(), "status").options([("hexadecimal_kg", right.as_str())]).run();
    assert_done(&done, "Status: ON\n");
    let done = direct(sim.port(), "off").options([("hexadecimal_kg", "00ff00ff")]).run();
    assert_failed(&done, "login denied");
    assert!(sim.power());
}

#[test]
fn status_and_reboot_take_few_datagrams() {
    for (action, most) in [("status", 7), ("off", 8), ("reboot", 11)] {
        let sim = IpmiSim::builder().start();
        let relay = Relay::builder(sim.address()).start();
        assert_eq!(direct(relay.port(), action).run().code, Some(0));
        let sent = relay.count(Direction::ToDevice);
        assert!(sent <= most, "{action}: {sent} datagrams");
    }
}

#[test]
fn any_one_datagram_may_be_lost_repeated_or_late() {
    let fates: [fn() -> Fate; 3] =
        [|| Fate::Lose, || Fate::Twice, || Fate::Late(Duration::from_millis(1500))];
    let mut runs = Vec::new();
    for direction in [Direction::ToDevice, Direction::ToAgent] {
        for fate in fates {
            for index in 0..10 {
                runs.push((direction, fate, index));
            }
        }
    }
    // Most of the time is waiting, so many go at once.
    for runs in runs.chunks(20) {
        std::thread::scope(|scope| {
            for (direction, fate, index) in runs.iter().copied() {
                scope.spawn(move || {
                    let sim = IpmiSim::builder().start();
                    let relay = Relay::builder(sim.address())
                        .rule(move |packet| {
                            if (packet.direction, packet.index) == (direction, index) {
                                fate()
                            } else {
                                Fate::Pass
                            }
                        })
                        .start();
                    let done = direct(relay.port(), "reboot")
                        .options([("ipmitool_timeout", "1"), ("login_timeout", "20")])
                        .run();
                    let what = format!("{direction:?} {index} {:?}", fate());
                    assert_eq!(done.code, Some(0), "{what}: {}", done.stderr);
                    let commands: Vec<_> = sim.commands().into_iter().map(|change| change.what).collect();
                    assert!(commands.contains(&"power 0".to_owned()), "{what}: {commands:?}");
                    assert!(sim.power(), "{what}");
                });
            }
        });
    }
}

#[test]
fn garbage_and_truncated_answers_are_no_success() {
    for keep in [0, 1, 4, 16, 20, 30] {
        let sim = IpmiSim::builder().off().start();
        let relay = Relay::builder(sim.address())
            .rule(move |packet| match packet.direction {
                Direction::ToAgent => {
                    Fate::Instead(vec![packet.bytes[..packet.bytes.len().min(keep)].to_vec()])
                }
                Direction::ToDevice => Fate::Pass,
            })
            .start();
        let done =
            agent(relay.port(), "off").options([("login_timeout", "2"), ("ipmitool_timeout", "1")]).run();
        assert_failed(&done, "no answer from 127.0.0.1");
    }
}

#[test]
fn disable_timeout_given_as_false_keeps_the_limits_in_pacemakers_environment() {
    let silent = mute();
    let done = agent(port(&silent), "off")
        .options([("disable_timeout", "false"), ("login_timeout", "1")])
        .under_pacemaker()
        .run();
    assert_failed(&done, "timed out");
}

#[test]
fn a_session_that_the_bmc_forgets_is_opened_again() {
    // The simulator is replaced by another one on the same port, which knows nothing of the session.
    let first = IpmiSim::builder().delay(Duration::from_secs(3600)).start();
    let second = IpmiSim::builder().off().start();
    let (first_address, second_address) = (first.address(), second.address());
    let started = Instant::now();
    let switch =
        UdpSwitch::start(first_address, second_address, move || started.elapsed() > Duration::from_secs(2));
    let done = direct(switch.port, "off").options([("ipmitool_timeout", "1"), ("power_timeout", "60")]).run();
    assert_done(&done, "Success: Powered OFF\n");
}

/// Passes datagrams to one device, and from a moment on to another.
struct UdpSwitch {
    port: u16,
}

impl UdpSwitch {
    fn start(
        before: std::net::SocketAddr,
        after: std::net::SocketAddr,
        switched: impl Fn() -> bool + Send + 'static,
    ) -> UdpSwitch {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = port(&front);
        let back = mute();
        let reply_front = front.try_clone().unwrap();
        let reply_back = back.try_clone().unwrap();
        let agent = std::sync::Arc::new(std::sync::Mutex::new(None));
        let reply_to = agent.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = front.recv_from(&mut buffer) {
                *agent.lock().unwrap() = Some(from);
                let device = if switched() { after } else { before };
                let _ = back.send_to(&buffer[..length], device);
            }
        });
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok(length) = reply_back.recv(&mut buffer) {
                let to = *reply_to.lock().unwrap();
                if let Some(to) = to {
                    let _ = reply_front.send_to(&buffer[..length], to);
                }
            }
        });
        UdpSwitch { port }
    }
}

#[test]
fn delay_comes_before_off_and_reboot_and_before_nothing_else() {
    let sim = IpmiSim::builder().start();
    for action in ["status", "monitor", "on", "validate-all"] {
        let done = direct(sim.port(), action).options([("delay", "3600")]).run();
        assert_eq!((done.code, done.killed), (Some(0), false), "{action}");
    }
    for action in ["off", "reboot"] {
        let done = direct(sim.port(), action).options([("delay", "2")]).run();
        assert_eq!(done.code, Some(0));
        // A cluster with a delay on one node counts on every second of it.
        assert!(done.wall >= Duration::from_secs(2), "{action}: {:?}", done.wall);
    }
}

#[test]
fn no_secret_appears_anywhere_at_any_verbosity() {
    let sim = IpmiSim::builder().user("admin", "hunter2-hunter2").bmc_key("tops3cret-rack-key").start();
    let kg: String = "tops3cret-rack-key".bytes().map(|byte| format!("{byte:02x}")).collect();
    let dir = TempDir::new("secrets");
    let debug_file = dir.path().join("debug");
    for password in ["hunter2-hunter2", "another-secret"] {
        for options in
            [vec![("lanplus", "1"), ("cipher", "3"), ("hexadecimal_kg", kg.as_str())], vec![("lanplus", "0")]]
        {
            let done = agent(sim.port(), "reboot")
                .options(options)
                .options([("password", password), ("verbose_level", "99"), ("ipmitool_timeout", "1")])
                .options([("debug_file", debug_file.to_str().unwrap())])
                .run();
            let file = std::fs::read_to_string(&debug_file).unwrap();
            for text in [&done.stdout, &done.stderr, &file] {
                for secret in [password, "hunter2", "tops3cret", kg.as_str(), "another"] {
                    assert!(!text.contains(secret), "{secret} in {text}");
                }
            }
            assert!(done.stderr.contains("DEBUG"));
        }
    }
}

#[test]
fn a_password_script_gives_the_password() {
    let sim = IpmiSim::builder().start();
    let script = [("password", ""), ("password_script", "printf '%s \\n' adminpw")];
    let done = direct(sim.port(), "off").options(script).run();
    assert_done(&done, "Success: Powered OFF\n");
}

#[test]
fn no_other_program_is_started() {
    let sim = IpmiSim::builder().start();
    let dir = TempDir::new("strace");
    // A PATH without programs, and a process limit that leaves room for none, would both be noticed.
    let done = direct(sim.port(), "reboot").env("PATH", dir.path().to_str().unwrap()).run();
    assert_done(&done, "Success: Rebooted\n");
}

#[test]
fn cycle_is_a_success_where_the_simulator_really_goes_off() {
    let sim = IpmiSim::builder().start();
    let done = direct(sim.port(), "reboot").options([("method", "cycle")]).run();
    assert_done(&done, "Success: Rebooted\n");
    assert!(peers::until(Duration::from_secs(20), || sim.power()));
    let commands: Vec<_> = sim.commands().into_iter().map(|change| change.what).collect();
    assert!(commands.contains(&"power 0".to_owned()), "{commands:?}");
}

#[test]
fn a_machine_that_is_off_is_switched_on_by_cycle() {
    let sim = IpmiSim::builder().off().start();
    let done = direct(sim.port(), "reboot").options([("method", "cycle")]).run();
    assert_done(&done, "Success: Rebooted\n");
    assert!(sim.power());
}

#[test]
fn fifty_agents_at_once_fence_fifty_machines() {
    let sims: Vec<_> = (0..50).map(|_| IpmiSim::builder().start()).collect();
    std::thread::scope(|scope| {
        for sim in &sims {
            scope.spawn(|| assert_done(&agent(sim.port(), "off").run(), "Success: Powered OFF\n"));
        }
    });
    assert!(sims.iter().all(|sim| !sim.power()));
}
