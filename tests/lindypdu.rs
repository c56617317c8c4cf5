//! fence_lindypdu against a power unit that has one text for all its outlets: the true state of each outlet is the judge.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peers::agent::{assert_done, assert_failed_with, together};
use peers::snmp::daemon::{AUTH_PASSWORD, PRIV_PASSWORD};
use peers::snmp::table_agent::{Builder, name};
use peers::snmp::{Behaviour, Data, Deed, Kind, PowerUnit, Refusal, TableAgent, User};
use peers::stand::{CISCO_MDS, Column, Holds, LINDY, Stand};
use peers::{Agent, Relay, until};

const OUTLETS: u32 = 8;

fn start() -> PowerUnit {
    PowerUnit::builder(&LINDY).outlets(OUTLETS).start()
}

fn agent(unit: &PowerUnit, action: &str, plug: &str) -> Agent {
    Agent::snmp("fence_lindypdu", unit.address().port(), action).options([("plug", plug)])
}

/// The outlets that have no power.
fn off(unit: &PowerUnit) -> Vec<u32> {
    (1..=OUTLETS).filter(|outlet| !unit.is_on(1, *outlet)).collect()
}

/// The texts that were written.
fn texts(unit: &PowerUnit) -> Vec<String> {
    unit.texts().into_iter().map(|(_, text)| text).collect()
}

#[test]
fn one_field_is_changed_and_no_other_for_the_first_outlet_and_the_last() {
    for version in ["1", "2c"] {
        for (plug, outlet, text) in [("1", 1, "0,1,1,1,0,1,1,1"), ("8", OUTLETS, "1,1,1,1,0,1,1,0")] {
            let unit = start();
            unit.set(1, 5, false);
            let run = |action: &str| agent(&unit, action, plug).options([("snmp_version", version)]).run();
            assert_done(&run("status"), "Status: ON\n");
            assert_done(&run("off"), "Success: Powered OFF\n");
            let mut both = [outlet, 5];
            both.sort_unstable();
            assert_eq!(off(&unit), both);
            let done = run("status");
            assert_eq!((done.code, done.stdout.as_str()), (Some(2), "Status: OFF\n"), "{}", done.stderr);
            assert_done(&run("off"), "Success: Already OFF\n");
            assert_done(&run("reboot"), "Success: Rebooted\n");
            assert_eq!(off(&unit), [5]);
            assert_eq!(texts(&unit), [text, text, text, "1,1,1,1,0,1,1,1"]);
            let object = unit.object("1.2.9.U.13.0", 1, 1);
            assert!(unit.texts().iter().all(|(written, _)| *written == object));
            assert_eq!(unit.writes(), []);
        }
    }
}

#[test]
fn two_plugs_are_two_fields_also_where_the_unit_takes_its_time() {
    let unit = PowerUnit::builder(&LINDY).outlets(OUTLETS).delay(Duration::from_millis(300)).start();
    assert_done(&agent(&unit, "off", "2,7").run(), "Success: Powered OFF\n");
    assert_eq!(off(&unit), [2, 7]);
    assert_eq!(texts(&unit), ["1,0,1,1,1,1,1,1", "1,0,1,1,1,1,0,1"]);
    assert_done(&agent(&unit, "on", "7,7").run(), "Success: Powered ON\n");
    assert_eq!(off(&unit), [2]);
}

#[test]
fn names_that_are_numbers_are_numbers_and_others_are_found() {
    let unit = start();
    unit.name(1, 2, "7");
    unit.name(1, 4, "db node");
    assert_done(&agent(&unit, "off", "7").run(), "Success: Powered OFF\n");
    assert_eq!(off(&unit), [7]);
    assert_done(&agent(&unit, "off", "db node").run(), "Success: Powered OFF\n");
    assert_eq!(off(&unit), [4, 7]);
    unit.name(1, 6, "db node");
    assert_failed_with(&agent(&unit, "on", "db node").run(), &["ambiguous", "outlet 4", "outlet 6"]);
    assert_eq!(off(&unit), [4, 7]);
}

#[test]
fn an_outlet_that_does_not_exist_is_never_off_and_never_the_last_one() {
    let unit = start();
    for version in ["1", "2c"] {
        for plug in ["0", "9", "-1", "4294967296", "no such name", "3,9"] {
            for action in ["off", "reboot", "on", "status"] {
                let done = agent(&unit, action, plug).options([("snmp_version", version)]).run();
                assert_failed_with(&done, &["no such plug", "8 (outlet 8)"]);
            }
        }
    }
    assert_eq!(texts(&unit), [""; 0]);
}

#[test]
fn what_is_neither_on_nor_off_is_neither_and_is_written_back_as_it_was() {
    let unit = start();
    unit.lie(1, 2, Some(-1));
    unit.lie(1, 4, Some(-2));
    assert_failed_with(&agent(&unit, "off", "2").run(), &["no such plug"]);
    let short = [("power_timeout", "2"), ("shell_timeout", "1")];
    assert_failed_with(&agent(&unit, "status", "4").options(short).run(), &["unknown", "-2"]);
    assert_eq!(texts(&unit), [""; 0]);
    assert_failed_with(&agent(&unit, "off", "4").options(short).run(), &["timed out", "-2"]);
    let unit = start();
    unit.lie(1, 2, Some(-1));
    unit.lie(1, 4, Some(-2));
    assert_done(&agent(&unit, "off", "3").run(), "Success: Powered OFF\n");
    assert_eq!(off(&unit), [3]);
    assert_eq!(texts(&unit), ["1,-1,0,-2,1,1,1,1"]);
    let list = Agent::snmp("fence_lindypdu", unit.address().port(), "list-status").run();
    assert!(
        list.stdout.starts_with("1,outlet 1,ON\n3,outlet 3,OFF\n4,outlet 4,UNKNOWN\n5,"),
        "{}",
        list.stdout
    );
}

#[test]
fn a_text_with_a_word_that_is_in_no_mib_is_not_written_back() {
    let unit = start();
    unit.lie(1, 8, Some(2));
    for action in ["off", "on", "reboot", "status"] {
        let limits = [("login_timeout", "1"), ("power_timeout", "1"), ("shell_timeout", "1")];
        assert_failed_with(&agent(&unit, action, "3").options(limits).run(), &["no MIB"]);
    }
    assert_eq!(texts(&unit), [""; 0]);
}

#[test]
fn an_outlet_that_another_writer_has_brought_back_is_switched_off_again() {
    for later in [Duration::ZERO, Duration::from_millis(600)] {
        let unit = start();
        let agent = agent(&unit, "off", "3");
        let done = std::thread::scope(|scope| {
            let run = scope.spawn(|| agent.run());
            assert!(until(Duration::from_secs(20), || !unit.is_on(1, 3)), "it is switched off");
            std::thread::sleep(later);
            unit.set(1, 3, true);
            run.join().unwrap()
        });
        assert_done(&done, "Success: Powered OFF\n");
        assert_eq!(off(&unit), [3]);
        assert_eq!(texts(&unit), ["1,1,0,1,1,1,1,1"; 2], "{later:?}");
    }
}

#[test]
fn an_outlet_that_always_comes_back_is_never_off() {
    let unit = start();
    let reverts = Some(Duration::from_millis(600));
    unit.behave(1, 3, Behaviour { reverts, ..Behaviour::default() });
    let done = agent(&unit, "off", "3").options([("power_timeout", "5")]).run();
    assert_failed_with(&done, &["timed out"]);
    assert!(texts(&unit).len() > 1);
}

#[test]
fn agents_that_fence_at_once_do_not_undo_each_other() {
    for _ in 0..3 {
        let unit = start();
        let plugs = ["2", "3", "5", "8"];
        let done = together(plugs.map(|plug| agent(&unit, "off", plug).options([("power_timeout", "60")])));
        for (plug, done) in plugs.iter().zip(&done) {
            assert_done(done, "Success: Powered OFF\n");
            assert!(!unit.is_on(1, plug.parse().unwrap()), "{plug}: {}", done.stderr);
        }
        assert_eq!(off(&unit), [2, 3, 5, 8]);
    }
}

#[test]
fn the_unit_of_a_chain_is_the_one_that_is_named() {
    let unit = PowerUnit::builder(&LINDY).switches(2).outlets(OUTLETS).start();
    assert_done(&agent(&unit, "off", "3").options([("switch", "2")]).run(), "Success: Powered OFF\n");
    assert_eq!(off(&unit), [0; 0]);
    assert!(!unit.is_on(2, 3));
    let object = unit.object("1.2.9.U.13.0", 2, 1);
    assert_eq!(unit.texts(), [(object, "1,1,0,1,1,1,1,1".to_owned())]);
    let done = agent(&unit, "off", "3").options([("switch", "3")]).run();
    assert_failed_with(&done, &["number 3"]);
    for switch in ["0", "17", "x", "1,2"] {
        let done = agent(&unit, "off", "3").options([("switch", switch)]).run();
        assert_failed_with(&done, &["switch", "1 to 16"]);
    }
    assert_eq!(unit.texts().len(), 1);
}

#[test]
fn what_is_no_such_unit_is_told_so_and_one_with_another_number_is_taken_with_a_warning() {
    let other = PowerUnit::builder(&CISCO_MDS).start_changeable();
    for action in ["off", "status"] {
        assert_failed_with(&agent(&other, action, "1").run(), &["DigiPower", "1.3.6.1.4.1.9.12"]);
    }
    assert_eq!(other.writes(), []);
    let unit = PowerUnit::builder(&LINDY).sys_object_id(".1.3.6.1.4.1.8072.3.2.10").start();
    let done = agent(&unit, "off", "1").run();
    assert_done(&done, "Success: Powered OFF\n");
    assert!(done.stderr.contains("isn't known as a unit of DigiPower"), "{}", done.stderr);
}

#[test]
fn a_refusal_is_told_at_once_in_the_devices_words() {
    let unit = start();
    unit.refuse(Some(Refusal::NotWritable));
    let done = agent(&unit, "off", "3").options([("snmp_version", "2c")]).run();
    assert_failed_with(&done, &["notWritable"]);
    assert_eq!(off(&unit), [0; 0]);
}

#[test]
fn requests_are_few() {
    use peers::subject::snmp::LINDY_UNIT;
    for (action, most) in [("status", 3), ("off", 8)] {
        let subject = LINDY_UNIT.subject();
        subject.agent(action).run();
        let requests = subject.device.requests();
        assert!(requests <= most, "{action}: {requests}");
    }
}

const fn at(object: &'static str, holds: Holds) -> Column {
    Column { object, holds }
}

const STATES: Column = at("1.2.9.U.13.0", Holds::List);
const NAMES: Column = at("1.2.9.U.14.N.0", Holds::NameAnd(",0,0,0,0"));

/// One whose third outlet goes on 4 seconds after it was told to.
static ON_LATE: Stand =
    Stand { columns: &[STATES, NAMES, at("1.2.9.U.21.0", Holds::Text("0,0,4,0,0,0,0,0"))], ..LINDY };

/// One whose outlets go off 3 seconds after they were told to.
static OFF_LATE: Stand =
    Stand { columns: &[STATES, NAMES, at("1.2.9.U.22.0", Holds::Text("3,3,3,3,3,3,3,3"))], ..LINDY };

/// One that doesn't tell its delay in seconds.
static ODDLY_LATE: Stand =
    Stand { columns: &[STATES, NAMES, at("1.2.9.U.21.0", Holds::Text("soon"))], ..LINDY };

/// One that says that it is alone.
static ALONE: Stand = Stand { columns: &[STATES, NAMES, at("1.2.5.0", Holds::Text("1,1"))], ..LINDY };

#[test]
fn an_outlet_that_another_writer_brings_back_late_is_switched_off_again() {
    let unit = PowerUnit::start(&ON_LATE);
    let agent = agent(&unit, "off", "3").options([("power_timeout", "60")]);
    let done = std::thread::scope(|scope| {
        let run = scope.spawn(|| agent.run());
        assert!(until(Duration::from_secs(20), || !unit.is_on(1, 3)), "it is switched off");
        // Written now, and followed after the unit's delay.
        unit.pend(1, 3, true, Duration::from_secs(3));
        run.join().unwrap()
    });
    assert_done(&done, "Success: Powered OFF\n");
    assert_eq!(off(&unit), [3]);
    assert_eq!(texts(&unit), ["1,1,0,1,1,1,1,1"; 2]);
}

#[test]
fn an_outlet_that_follows_late_is_waited_for_and_not_written_again() {
    let unit = PowerUnit::builder(&OFF_LATE).delay(Duration::from_secs(3)).start();
    assert_done(&agent(&unit, "off", "3").run(), "Success: Powered OFF\n");
    assert_eq!(texts(&unit), ["1,1,0,1,1,1,1,1"]);
}

#[test]
fn doctor_tells_the_delays_that_are_set_at_the_unit() {
    let told = |stand: &'static Stand| agent(&PowerUnit::start(stand), "doctor", "3").run().stdout;
    for stand in [&ON_LATE, &OFF_LATE] {
        let told = told(stand);
        assert!(told.contains("the unit waits up to") && told.contains("power_timeout"), "{told}");
    }
    let told = told(&LINDY);
    assert!(!told.contains("the unit waits"), "{told}");
}

#[test]
fn a_delay_that_is_told_in_no_number_is_the_longest_and_told() {
    let unit = PowerUnit::start(&ODDLY_LATE);
    let done = agent(&unit, "off", "3").options([("power_timeout", "3")]).run();
    assert_failed_with(&done, &["go on can't be read", "soon", "30 are assumed"]);
    let done = agent(&unit, "doctor", "3").run();
    assert!(done.stdout.contains("30 are assumed"), "{}{}", done.stdout, done.stderr);
}

/// The object with the states.
const TEXT: &str = "1.3.6.1.4.1.17420.1.2.9.1.13.0";

/// One with three outlets, to be made odd.
fn table() -> Builder {
    let names = |number: u32| format!("1.3.6.1.4.1.17420.1.2.9.1.14.{number}.0");
    let unit = TableAgent::builder("1.3.6.1.4.1.17420").row(TEXT, "1,1,1");
    unit.row(&names(1), "a,0").row(&names(2), "b,0").row(&names(3), "c,0")
}

/// What its states are.
fn shown(data: Option<&Data>) -> String {
    match data {
        Some(Data::Text(text) | Data::Other(_, text)) => String::from_utf8(text.clone()).unwrap(),
        other => panic!("no text: {other:?}"),
    }
}

fn at_table(unit: &TableAgent, action: &str, plug: &str) -> Agent {
    Agent::snmp("fence_lindypdu", unit.address().port(), action).options([("plug", plug)])
}

#[test]
fn a_write_that_is_acknowledged_late_and_changes_nothing_is_sent_once_and_enough() {
    let slow = Duration::from_millis(200);
    let unit = table().rule(move |asked, rows| {
        let text = name(TEXT);
        match asked.kind {
            Kind::Set => std::thread::sleep(Duration::from_secs(2)),
            _ if asked.names.contains(&text) => std::thread::sleep(slow),
            // Asked for before a command: somebody else is faster.
            _ if asked.names.iter().any(|asked| asked.ends_with(&[21, 0])) => {
                rows.insert(text, "1,1,0".into());
            }
            _ => {}
        }
        Deed::Answer
    });
    let unit = unit.start();
    assert_done(&at_table(&unit, "off", "3").run(), "Success: Powered OFF\n");
    assert_eq!(unit.sets().len(), 1);
}

#[test]
fn one_error_in_the_place_of_a_delay_is_no_delay() {
    let failed = AtomicBool::new(false);
    let unit = table().rule(move |asked, _| {
        let delay = asked.names.iter().any(|asked| asked.ends_with(&[21, 0]));
        if delay && !failed.swap(true, Ordering::SeqCst) { Deed::Error(5) } else { Deed::Answer }
    });
    let unit = unit.start();
    let done = at_table(&unit, "off", "3").options([("snmp_version", "2c")]).run();
    assert_done(&done, "Success: Powered OFF\n");
    assert!(!done.stderr.contains("assumed"), "{}", done.stderr);
}

#[test]
fn a_unit_that_does_not_take_several_objects_at_once_is_asked_for_one_after_the_other() {
    for version in ["1", "2c"] {
        let unit = table().rule(|asked, _| match asked.kind {
            Kind::Get if asked.names.len() > 1 => Deed::Error(5),
            _ => Deed::Answer,
        });
        let unit = unit.start();
        let run =
            |action: &str, plug| at_table(&unit, action, plug).options([("snmp_version", version)]).run();
        assert_done(&run("status", "3"), "Status: ON\n");
        assert_done(&run("off", "b,3"), "Success: Powered OFF\n");
        assert_eq!(shown(unit.holds(TEXT).as_ref()), "1,0,0");
    }
}

#[test]
fn another_outlet_that_is_never_the_same_twice_holds_nothing_up() {
    let unit = table().rule(|asked, rows| {
        if asked.kind == Kind::Get && asked.names.contains(&name(TEXT)) {
            let text = shown(rows.get(&name(TEXT)));
            let mut words: Vec<&str> = text.split(',').collect();
            words[0] = if words[0] == "1" { "-2" } else { "1" };
            rows.insert(name(TEXT), words.join(",").as_str().into());
        }
        Deed::Answer
    });
    let unit = unit.start();
    let done = at_table(&unit, "off", "3").options([("power_timeout", "10")]).run();
    assert_done(&done, "Success: Powered OFF\n");
    assert!(shown(unit.holds(TEXT).as_ref()).ends_with(",1,0"));
}

#[test]
fn a_unit_that_is_not_in_the_list_of_those_attached_has_no_state() {
    let unit = PowerUnit::builder(&ALONE).switches(2).start();
    for action in ["off", "on", "status"] {
        let limits = [("login_timeout", "1"), ("power_timeout", "1"), ("shell_timeout", "1")];
        let done = agent(&unit, action, "3").options(limits).options([("switch", "2")]).run();
        assert_failed_with(&done, &["unit 2 isn't attached"]);
    }
    assert_eq!(unit.texts(), []);
    assert_done(&agent(&unit, "status", "3").run(), "Status: ON\n");
}

#[test]
fn an_outlet_that_has_another_name_by_the_time_of_the_write_is_not_written() {
    let unit = start();
    unit.name(1, 2, "db node");
    unit.name(1, 6, "web");
    let agent = agent(&unit, "off", "db node,web");
    let done = std::thread::scope(|scope| {
        let run = scope.spawn(|| agent.run());
        assert!(until(Duration::from_secs(20), || !unit.is_on(1, 2)), "the first is switched off");
        unit.name(1, 6, "mail");
        run.join().unwrap()
    });
    assert_failed_with(&done, &["no such plug", "web"]);
    assert_eq!(off(&unit), [2]);
}

#[test]
fn another_snmp_engine_at_the_address_is_written_nothing() {
    use peers::relay::Direction;
    let users = [User::new(Some("SHA"), Some("AES"))];
    let fresh = || PowerUnit::builder(&LINDY).users(&users);
    let (first, second) = (fresh().start_changeable(), fresh().start_changeable());
    let run = |relay: &Relay| {
        let limits = [("power_timeout", "3"), ("login_timeout", "3"), ("shell_timeout", "3")];
        let login =
            [("snmp_version", "3"), ("username", users[0].name.as_str()), ("password", AUTH_PASSWORD)];
        Agent::snmp("fence_lindypdu", relay.address().port(), "off")
            .options([("plug", "3"), ("snmp_auth_prot", "SHA"), ("snmp_priv_prot", "AES")])
            .options(limits)
            .options(login)
            .options([("snmp_priv_passwd", PRIV_PASSWORD)])
            .run()
    };
    let plain = Relay::builder(first.address()).start();
    assert_done(&run(&plain), "Success: Powered OFF\n");
    assert_eq!(texts(&first), ["1,1,0,1,1,1,1,1"]);
    // Whoever answers the first two is the one that is meant.
    for at in 2..=plain.count(Direction::ToDevice) {
        first.become_another(&fresh());
        second.become_another(&fresh());
        second.set(1, 3, false);
        let relay = Relay::builder(first.address()).from(at, second.address()).start();
        let done = run(&relay);
        assert_eq!(second.texts(), [], "from request {at}: {}", done.stderr);
        if done.code == Some(0) {
            assert!(!first.is_on(1, 3), "from request {at}: {}", done.stderr);
        }
    }
}
