//! The ways in which the originals for power units, blades and switches are known to report a success that isn't one, or to
//! switch somebody else's outlet: each is shown on the original of Debian's package fence-agents, where that is installed,
//! and then ours runs against the same device in the same state. The true state of each outlet is the judge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::io::Write;
use std::sync::mpsc::channel;
use std::time::Duration;

use peers::agent::{Finished, assert_done, assert_failed};
use peers::relay::{Direction, Fate, Packet};
use peers::snmp::daemon::{AUTH_PASSWORD, PRIV_PASSWORD};
use peers::snmp::{Behaviour, PowerUnit, Says, User, When};
use peers::stand::{
    APC_RPDU, CISCO_MDS, CISCO_MDS_FROM_1, EATON_EPDU, EATON_MANAGED, EATON_SWITCHED, IBM_BLADE,
    INTEL_MODULAR, IPDU_NEW, IPDU_OLD, LIEBERT_MPX, LINDY, Stand, TRIPP_LITE,
};
use peers::{Agent, Relay};

/// The original of this name. `None`, and a word on that, where it isn't installed.
fn original(name: &str, port: u16, action: &str) -> Option<Agent> {
    let path = std::path::Path::new("/usr/sbin").join(name);
    if !std::fs::read(&path).is_ok_and(|program| program.starts_with(b"#!")) {
        let _ = writeln!(std::io::stderr(), "{} isn't there: not shown on the original", path.display());
        return None;
    }
    let agent = Agent::new(path).options([("ip", "127.0.0.1"), ("community", "private")]);
    // No wait of the original's may end because this machine is busy.
    let limits = [("login_timeout", "40"), ("shell_timeout", "40"), ("power_wait", "0")];
    let at = [("ipport", port.to_string()), ("action", action.to_owned())];
    let at = at.iter().map(|(name, value)| (*name, value.as_str()));
    Some(agent.options(at).options(limits).limit(Duration::from_secs(120)))
}

fn ours(name: &str, port: u16, action: &str) -> Agent {
    Agent::snmp(name, port, action).options([("power_wait", "0"), ("power_timeout", "2")])
}

/// A device, and an outlet of it that is fenced.
#[derive(Clone, Copy)]
struct Outlet {
    agent: &'static str,
    stand: &'static Stand,
    plug: &'static str,
    place: (u32, u32),
}

const fn outlet(agent: &'static str, stand: &'static Stand, plug: &'static str, group: u32) -> Outlet {
    Outlet { agent, stand, plug, place: (group, 3) }
}

const EMERSON: Outlet = outlet("fence_emerson", &LIEBERT_MPX, "1.1.3", 1);
const IPDU: Outlet = outlet("fence_ipdu", &IPDU_OLD, "3", 1);
const BLADE: Outlet = outlet("fence_ibmblade", &IBM_BLADE, "3", 1);
const MODULAR: Outlet = outlet("fence_intelmodular", &INTEL_MODULAR, "3", 1);
const FABRIC: Outlet = outlet("fence_cisco_mds", &CISCO_MDS, "fc1/3", 1);

impl Outlet {
    fn start(&self) -> PowerUnit {
        // snmpd answers for a standard branch itself otherwise.
        match self.stand.ports {
            true => PowerUnit::builder(self.stand).start_changeable(),
            false => PowerUnit::start(self.stand),
        }
    }

    fn is_on(&self, unit: &PowerUnit) -> bool {
        unit.is_on(self.place.0, self.place.1)
    }

    fn options(&self) -> [(&'static str, &'static str); 2] {
        [("plug", self.plug), ("snmp_version", "2c")]
    }

    fn original(&self, unit: &PowerUnit, action: &str) -> Option<Finished> {
        let agent = original(self.agent, unit.address().port(), action)?;
        Some(agent.options(self.options()).options([("power_timeout", "20")]).run())
    }

    fn ours(&self, unit: &PowerUnit, action: &str) -> Finished {
        ours(self.agent, unit.address().port(), action).options(self.options()).run()
    }

    /// `off` of what is on, with the device as `prepare` makes it: the original says that it is off and sends nothing; ours
    /// doesn't say so.
    fn is_called_off(&self, prepare: impl Fn(&PowerUnit)) {
        let unit = self.start();
        prepare(&unit);
        if let Some(done) = self.original(&unit, "off") {
            assert_done(&done, "Success: Already OFF\n");
            assert!(self.is_on(&unit) && unit.writes().is_empty(), "{}: {:?}", self.agent, unit.writes());
        }
        let done = self.ours(&unit, "off");
        assert!(done.code == Some(1) && done.stdout.is_empty(), "{}: {done:?}", self.agent);
    }
}

/// The outlets that are off.
fn off(unit: &PowerUnit) -> Vec<(u32, u32)> {
    unit.places().into_iter().filter(|(group, outlet)| !unit.is_on(*group, *outlet)).collect()
}

#[test]
fn a_plug_that_is_not_there_is_off_to_the_original() {
    for (agent, stand, plug) in [
        ("fence_emerson", &LIEBERT_MPX, "1.1.99"),
        ("fence_ipdu", &IPDU_OLD, "99"),
        ("fence_ibmblade", &IBM_BLADE, "99"),
        ("fence_intelmodular", &INTEL_MODULAR, "99"),
        ("fence_cisco_mds", &CISCO_MDS, "fc1/99"),
    ] {
        Outlet { agent, stand, plug, place: (1, 3) }.is_called_off(|_| ());
    }
}

#[test]
fn one_wrong_reading_before_the_command_is_a_finished_fence_to_the_original() {
    for outlet in [
        outlet("fence_apc_snmp", &APC_RPDU, "3", 1),
        outlet("fence_tripplite_snmp", &TRIPP_LITE, "3", 1),
        outlet("fence_eaton_snmp", &EATON_MANAGED, "3", 1),
        EMERSON,
        IPDU,
        BLADE,
        MODULAR,
        FABRIC,
        outlet("fence_lindypdu", &LINDY, "3", 1),
    ] {
        let unit = outlet.start();
        let tale = Some((Says::Opposite, When::Before));
        unit.behave(outlet.place.0, outlet.place.1, Behaviour { tale, ..Behaviour::default() });
        if let Some(done) = outlet.original(&unit, "off") {
            assert_done(&done, "Success: Already OFF\n");
            let nothing = unit.writes().is_empty() && unit.texts().is_empty();
            assert!(outlet.is_on(&unit) && nothing, "{}", outlet.agent);
        }
        let done = outlet.ours(&unit, "off");
        assert!(done.code == Some(0) && !outlet.is_on(&unit), "{}: {done:?}", outlet.agent);
    }
}

#[test]
fn the_original_logs_its_passwords() {
    let user = User::new(Some("SHA"), Some("AES"));
    let login = [
        ("snmp_version", "3"),
        ("snmp_sec_level", "authPriv"),
        ("username", user.name.as_str()),
        ("password", AUTH_PASSWORD),
        ("snmp_auth_prot", "SHA"),
        ("snmp_priv_prot", "AES"),
        ("snmp_priv_passwd", PRIV_PASSWORD),
        ("verbose", "1"),
    ];
    for outlet in [
        outlet("fence_eaton_snmp", &EATON_MANAGED, "3", 1),
        EMERSON,
        IPDU,
        BLADE,
        MODULAR,
        outlet("fence_lindypdu", &LINDY, "3", 1),
    ] {
        let unit = PowerUnit::builder(outlet.stand).users(std::slice::from_ref(&user)).start();
        let port = unit.address().port();
        let shown = |done: &Finished| {
            let all = format!("{}{}", done.stdout, done.stderr);
            [AUTH_PASSWORD, PRIV_PASSWORD].iter().any(|secret| all.contains(secret))
        };
        let run = |agent: Agent| agent.options([("plug", outlet.plug)]).options(login).run();
        if let Some(agent) = original(outlet.agent, port, "status") {
            let done = run(agent);
            assert!(done.code == Some(0) && shown(&done), "{}: {}", outlet.agent, done.stderr);
        }
        let done = run(ours(outlet.agent, port, "status"));
        assert!(done.code == Some(0) && !shown(&done), "{}: {}", outlet.agent, done.stderr);
    }
}

#[test]
fn of_two_plugs_of_an_epdu_the_original_switches_other_ones() {
    for (stand, objects) in [
        (&EATON_MANAGED, ["534.6.6.6.1.2.2.1.3.1", "534.6.6.6.1.2.2.1.3.6"]),
        (&EATON_SWITCHED, ["20677.2.6.2.3.0", "20677.2.6.2.8.0"]),
    ] {
        let plugs = [("plug", "2,7"), ("snmp_version", "2c")];
        let unit = PowerUnit::start(stand);
        if let Some(agent) = original("fence_eaton_snmp", unit.address().port(), "off") {
            let done = agent.options(plugs).options([("power_timeout", "20")]).run();
            let off = off(&unit);
            assert!(off.iter().any(|place| ![(1, 2), (1, 7)].contains(place)), "{}: {off:?}", stand.name);
            // On both a plug that was named is still on, and on one of them that is called a success.
            assert!(unit.is_on(1, 2) && unit.is_on(1, 7), "{}: {off:?}", stand.name);
            assert_done(&done, "Success: Powered OFF\n");
        }
        let unit = PowerUnit::start(stand);
        let done = ours("fence_eaton_snmp", unit.address().port(), "off").options(plugs).run();
        assert_done(&done, "Success: Powered OFF\n");
        assert_eq!(off(&unit), [(1, 2), (1, 7)], "{}", stand.name);
        let written: Vec<String> = unit.writes().into_iter().map(|(object, _)| object).collect();
        assert_eq!(written, objects.map(|object| format!("1.3.6.1.4.1.{object}")), "{}", stand.name);
    }
}

#[test]
fn the_original_finds_no_outlet_of_an_epdu_by_its_name_and_none_at_all_of_a_newer_one() {
    for (stand, plug, place) in [
        (&EATON_MANAGED, "outlet 3", (1, 3)),
        (&EATON_SWITCHED, "outlet 3", (1, 3)),
        (&EATON_EPDU, "3", (0, 3)),
    ] {
        let unit = PowerUnit::start(stand);
        let options = [("plug", plug), ("snmp_version", "2c")];
        if let Some(agent) = original("fence_eaton_snmp", unit.address().port(), "off") {
            let done = agent.options(options).run();
            assert!(done.code == Some(1) && unit.writes().is_empty(), "{}: {done:?}", stand.name);
        }
        let done = ours("fence_eaton_snmp", unit.address().port(), "off").options(options).run();
        assert_done(&done, "Success: Powered OFF\n");
        assert_eq!(off(&unit), [place], "{}", stand.name);
    }
}

#[test]
fn every_outlet_of_a_newer_ipdu_is_off_to_the_original_and_on_writes_a_threshold() {
    let outlet = outlet("fence_ipdu", &IPDU_NEW, "3", 1);
    let unit = outlet.start();
    if let Some(done) = outlet.original(&unit, "off") {
        assert_done(&done, "Success: Already OFF\n");
        assert!(outlet.is_on(&unit) && unit.writes().is_empty());
        let _ = outlet.original(&unit, "on");
        let threshold = unit.object("8.2.2.1.11.N", 1, 3);
        assert_eq!(unit.writes(), [(threshold, 1)]);
    }
    let unit = outlet.start();
    assert_done(&outlet.ours(&unit, "off"), "Success: Powered OFF\n");
    assert_eq!(off(&unit), [(1, 3)]);
    assert_eq!(unit.writes(), [(unit.object("8.2.2.1.13.N", 1, 3), 0)]);
}

#[test]
fn what_no_agent_knows_is_an_ipdu_to_the_original() {
    let unit = PowerUnit::builder(&IPDU_OLD).sys_object_id(".1.3.6.1.4.1.99999").start();
    let run = |agent: Agent| agent.options([("plug", "3"), ("snmp_version", "2c")]).run();
    if let Some(agent) = original("fence_ipdu", unit.address().port(), "off") {
        assert_done(&run(agent), "Success: Powered OFF\n");
        assert_eq!(unit.writes().len(), 1);
    }
    let before = unit.writes();
    assert_failed(&run(ours("fence_ipdu", unit.address().port(), "on")), "family");
    assert_eq!(unit.writes(), before);
}

#[test]
fn unknown_and_a_delay_after_which_it_comes_on_are_off_to_the_original_of_emerson() {
    for value in [0, 3] {
        EMERSON.is_called_off(|unit| unit.lie(1, 3, Some(value)));
    }
}

#[test]
fn unknown_hibernating_and_standing_by_are_off_to_the_original_of_ibmblade() {
    for value in [255, 4, 3] {
        BLADE.is_called_off(|unit| unit.lie(1, 3, Some(value)));
    }
    // An empty bay: what is in no slot is fenced.
    BLADE.is_called_off(|unit| {
        unit.hold(&unit.object("5.1.1.4.N", 1, 3), Some(0));
        unit.hold(&unit.object("6.1.1.4.N", 1, 3), Some(0));
        unit.hold(&unit.object("6.1.1.3.N", 1, 3), Some(0));
    });
}

#[test]
fn standing_by_and_whatever_is_not_known_is_off_to_the_original_of_intelmodular() {
    for value in [1, -1, -16, -32] {
        MODULAR.is_called_off(|unit| unit.lie(1, 3, Some(value)));
    }
}

#[test]
fn testing_is_offline_to_the_original_of_cisco_mds() {
    FABRIC.is_called_off(|unit| unit.lie(1, 3, Some(3)));
}

#[test]
fn frames_that_still_pass_are_nothing_to_the_original_of_cisco_mds() {
    let switch = FABRIC.start();
    switch.hold(&switch.object("75.1.2.2.1.2.U+21.N-1", 1, 3), Some(1));
    switch.hold(&switch.object("2.2.1.8.N+100", 1, 3), Some(1));
    if let Some(done) = FABRIC.original(&switch, "off") {
        assert_done(&done, "Success: Powered OFF\n");
        switch.set(1, 3, true);
    }
    assert_failed(&FABRIC.ours(&switch, "off"), "timed out");
}

#[test]
fn of_rows_that_count_from_1_the_original_of_cisco_mds_shuts_the_neighbours_port() {
    let fabric = Outlet { stand: &CISCO_MDS_FROM_1, ..FABRIC };
    let switch = fabric.start();
    if let Some(done) = fabric.original(&switch, "off") {
        assert_done(&done, "Success: Powered OFF\n");
        assert_eq!(off(&switch), [(1, 2)]);
    }
    let before = switch.writes();
    assert_failed(&fabric.ours(&switch, "off"), "can't be told");
    assert_eq!(switch.writes(), before);
}

#[test]
fn plug_0_of_a_lindy_is_the_last_outlet_to_the_original_and_a_tripped_breaker_is_off() {
    let unit = PowerUnit::start(&LINDY);
    let run = |agent: Agent, plug| agent.options([("plug", plug), ("snmp_version", "2c")]).run();
    let port = unit.address().port();
    if let Some(agent) = original("fence_lindypdu", port, "off") {
        assert_done(&run(agent, "0"), "Success: Powered OFF\n");
        assert_eq!(off(&unit), [(1, 8)]);
        unit.lie(1, 4, Some(-2));
        let done = run(original("fence_lindypdu", port, "list-status").unwrap(), "4");
        assert!(done.stdout.to_lowercase().contains("outlet 4,off"), "{}", done.stdout);
    }
    unit.lie(1, 4, Some(-2));
    unit.set(1, 8, true);
    let before = unit.texts();
    assert_failed(&run(ours("fence_lindypdu", port, "off"), "0"), "no such plug");
    let done = run(ours("fence_lindypdu", port, "list-status"), "4");
    assert!(!done.stdout.contains("outlet 4,OFF") && done.stdout.contains("outlet 4"), "{}", done.stdout);
    assert_eq!((off(&unit), unit.texts()), (vec![], before));
}

/// Whether a datagram is the write of an outlet: the PDU behind the community (RFC 3416, section 3: 3 is SetRequest).
fn is_set(bytes: &[u8]) -> bool {
    let community = b"private";
    let at = bytes.windows(community.len()).position(|some| some == community);
    at.and_then(|at| bytes.get(at + community.len())) == Some(&0xa3)
}

/// Two agents at one Lindy: the second has read the text of all outlets before the first one writes, and writes what it has
/// read once the first one has looked what came of its command.
fn at_once(first: impl Fn(u16) -> Agent, second: impl Fn(u16) -> Agent + Sync) -> (PowerUnit, [Finished; 2]) {
    let unit = PowerUnit::start(&LINDY);
    let (has_read, read) = channel();
    let (has_looked, looked) = channel();
    // A write, its answer, and the answer to the look after it.
    let mut answers = None;
    let of_first = Relay::builder(unit.address()).rule(move |packet: Packet| {
        match (packet.direction, &mut answers) {
            (Direction::ToDevice, None) if is_set(packet.bytes) => answers = Some(0),
            (Direction::ToAgent, Some(count)) => {
                *count += 1;
                if *count == 2 {
                    let _ = has_looked.send(());
                }
            }
            _ => {}
        }
        Fate::Pass
    });
    let mut held = false;
    let of_second = Relay::builder(unit.address()).rule(move |packet: Packet| {
        if packet.direction == Direction::ToDevice && is_set(packet.bytes) && !held {
            held = true;
            let _ = has_read.send(());
            let _ = looked.recv();
        }
        Fate::Pass
    });
    let (of_first, of_second) = (of_first.start(), of_second.start());
    let done = std::thread::scope(|scope| {
        let second = scope.spawn(|| second(of_second.port()).run());
        read.recv().unwrap();
        let first = first(of_first.port()).run();
        [first, second.join().unwrap()]
    });
    drop((of_first, of_second));
    (unit, done)
}

#[test]
fn of_two_originals_at_a_lindy_one_switches_on_again_what_the_other_has_switched_off() {
    let options = |plug| [("plug", plug), ("snmp_version", "2c")];
    if original("fence_lindypdu", 0, "off").is_some() {
        let run = |plug| move |port| original("fence_lindypdu", port, "off").unwrap().options(options(plug));
        let (unit, [first, _]) = at_once(run("5"), run("2"));
        assert_done(&first, "Success: Powered OFF\n");
        assert!(unit.is_on(1, 5), "it came on after the look: {:?}", unit.texts());
    }
    let run = |plug| {
        let limits = [("power_timeout", "20")];
        move |port| ours("fence_lindypdu", port, "off").options(options(plug)).options(limits)
    };
    let (unit, [first, second]) = at_once(run("5"), run("2"));
    for done in [first, second] {
        assert_done(&done, "Success: Powered OFF\n");
    }
    assert_eq!(off(&unit), [(1, 2), (1, 5)], "{:?}", unit.texts());
}
