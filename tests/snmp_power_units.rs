//! The agents for power units and blade enclosures against stands of each family: which objects were written, and no
//! others; what isn't off; what is refused before anything is written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::time::Duration;

use peers::Agent;
use peers::agent::{Finished, assert_done, assert_failed_with};
use peers::stand::{
    EATON_EPDU, EATON_MANAGED, EATON_SWITCHED, IBM_BLADE, INTEL_MODULAR, IPDU_NEW, IPDU_OLD, LIEBERT_MPX,
    PowerUnit, Stand,
};

/// An agent on a stand with two units or branches of eight outlets where it has such: the plugs of the first and of the
/// last outlet, where these are, and what is written for them: the object and the values for off and on.
struct Case {
    agent: &'static str,
    stand: &'static Stand,
    groups: u32,
    first: Plug,
    last: Plug,
    off: i64,
    on: i64,
    /// A plug that isn't there.
    missing: &'static [&'static str],
}

struct Plug {
    text: &'static str,
    place: (u32, u32),
    off: &'static str,
    on: &'static str,
}

const fn plug(text: &'static str, place: (u32, u32), off: &'static str, on: &'static str) -> Plug {
    Plug { text, place, off, on }
}

/// Both commands in one column.
const fn same(text: &'static str, place: (u32, u32), object: &'static str) -> Plug {
    plug(text, place, object, object)
}

const CASES: &[Case] = &[
    Case {
        agent: "fence_eaton_snmp",
        stand: &EATON_MANAGED,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.534.6.6.6.1.2.2.1.3.0"),
        last: same("8", (1, 8), "1.3.6.1.4.1.534.6.6.6.1.2.2.1.3.7"),
        off: 0,
        on: 1,
        missing: &["0", "9", "1:9", "2:1", "4294967296", "nobody"],
    },
    Case {
        agent: "fence_eaton_snmp",
        stand: &EATON_SWITCHED,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.20677.2.6.2.2.0"),
        last: same("8", (1, 8), "1.3.6.1.4.1.20677.2.6.2.9.0"),
        off: 2,
        on: 1,
        missing: &["0", "9", "37", "4294967295", "2:1", "nobody"],
    },
    Case {
        agent: "fence_eaton_snmp",
        stand: &EATON_EPDU,
        groups: 2,
        first: plug("1", (0, 1), "1.3.6.1.4.1.534.6.6.7.6.6.1.3.0.1", "1.3.6.1.4.1.534.6.6.7.6.6.1.4.0.1"),
        last: plug("1:8", (1, 8), "1.3.6.1.4.1.534.6.6.7.6.6.1.3.1.8", "1.3.6.1.4.1.534.6.6.7.6.6.1.4.1.8"),
        off: 0,
        on: 0,
        missing: &["0", "9", "0:9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_emerson",
        stand: &LIEBERT_MPX,
        groups: 2,
        first: same("1.1.1", (1, 1), "1.3.6.1.4.1.476.1.42.3.8.50.20.1.100.1.1.1"),
        last: same("1:2:8", (2, 8), "1.3.6.1.4.1.476.1.42.3.8.50.20.1.100.1.2.8"),
        off: 0,
        on: 1,
        missing: &["1", "2.1", "1.1.0", "1.1.9", "1.3.1", "2.1.1", "1.1.1.1", "nobody"],
    },
    Case {
        agent: "fence_ipdu",
        stand: &IPDU_OLD,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.2.6.223.8.2.2.1.11.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.2.6.223.8.2.2.1.11.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_ipdu",
        stand: &IPDU_NEW,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.2.6.223.8.2.2.1.13.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.2.6.223.8.2.2.1.13.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_ibmblade",
        stand: &IBM_BLADE,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.2.3.51.2.22.1.6.1.1.7.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.2.3.51.2.22.1.6.1.1.7.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "15", "2:1", "nobody"],
    },
    Case {
        agent: "fence_intelmodular",
        stand: &INTEL_MODULAR,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.343.2.19.1.2.10.202.1.1.6.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.343.2.19.1.2.10.202.1.1.6.8"),
        off: 3,
        on: 2,
        missing: &["0", "9", "2:1", "nobody"],
    },
];

impl Case {
    fn start(&self) -> PowerUnit {
        PowerUnit::builder(self.stand).switches(self.groups).start()
    }

    fn run(&self, unit: &PowerUnit, action: &str, plugs: &str) -> Finished {
        run(self.agent, unit, action, &[("plug", plugs)])
    }

    fn name(&self) -> String {
        format!("{} on {}", self.agent, self.stand.name)
    }
}

fn run(agent: &str, unit: &PowerUnit, action: &str, options: &[(&str, &str)]) -> Finished {
    Agent::snmp(agent, unit.address().port(), action)
        .options([("snmp_version", "2c"), ("power_wait", "0"), ("power_timeout", "2")])
        .options(options.iter().copied())
        .run()
}

/// The outlets that are off.
fn off(unit: &PowerUnit) -> Vec<(u32, u32)> {
    unit.places().into_iter().filter(|(group, outlet)| !unit.is_on(*group, *outlet)).collect()
}

fn written(writes: &[(&str, i64)]) -> Vec<(String, i64)> {
    writes.iter().map(|(object, value)| ((*object).to_owned(), *value)).collect()
}

#[test]
fn exactly_the_wanted_rows_are_written_for_the_first_and_the_last_outlet() {
    for case in CASES {
        for plug in [&case.first, &case.last] {
            let unit = case.start();
            let name = format!("{}, plug {}", case.name(), plug.text);
            assert_done(&case.run(&unit, "status", plug.text), "Status: ON\n");
            assert_eq!(unit.writes(), [], "{name}");
            assert_done(&case.run(&unit, "off", plug.text), "Success: Powered OFF\n");
            assert_eq!(unit.writes(), written(&[(plug.off, case.off)]), "{name}");
            assert_eq!(off(&unit), [plug.place], "{name}");
            let status = case.run(&unit, "status", plug.text);
            assert_eq!((status.stdout.as_str(), status.code), ("Status: OFF\n", Some(2)), "{name}");
            assert_done(&case.run(&unit, "on", plug.text), "Success: Powered ON\n");
            assert_eq!(unit.writes(), written(&[(plug.off, case.off), (plug.on, case.on)]), "{name}");
            assert_eq!(off(&unit), [], "{name}");
        }
    }
}

#[test]
fn two_plugs_are_two_rows_and_no_other_one() {
    for case in CASES {
        let unit = case.start();
        let plugs = format!("{},{}", case.first.text, case.last.text);
        assert_done(&case.run(&unit, "off", &plugs), "Success: Powered OFF\n");
        let mut writes = unit.writes();
        writes.sort();
        let mut wanted = written(&[(case.first.off, case.off), (case.last.off, case.off)]);
        wanted.sort();
        assert_eq!(writes, wanted, "{}", case.name());
        assert_eq!(off(&unit), [case.first.place, case.last.place], "{}", case.name());
        assert_done(&case.run(&unit, "reboot", &plugs), "Success: Rebooted\n");
        assert_eq!(off(&unit), [], "{}", case.name());
    }
}

#[test]
fn a_name_that_is_a_number_is_nobodys_and_the_number_is_its_outlet() {
    for case in CASES {
        let unit = case.start();
        unit.name(case.first.place.0, 3, case.last.text);
        assert_done(&case.run(&unit, "off", case.last.text), "Success: Powered OFF\n");
        assert_eq!(unit.writes(), written(&[(case.last.off, case.off)]), "{}", case.name());
        assert_eq!(off(&unit), [case.last.place], "{}", case.name());
    }
}

#[test]
fn an_outlet_by_its_name_is_that_outlet() {
    for case in CASES.iter().filter(|case| case.agent != "fence_intelmodular") {
        let unit = case.start();
        unit.name(case.last.place.0, case.last.place.1, "db node");
        assert_done(&case.run(&unit, "off", "db node"), "Success: Powered OFF\n");
        assert_eq!(unit.writes(), written(&[(case.last.off, case.off)]), "{}", case.name());
        unit.name(case.first.place.0, case.first.place.1, "db node");
        assert_failed_with(&case.run(&unit, "off", "db node"), &["ambiguous"]);
        assert_eq!(unit.writes().len(), 1, "{}", case.name());
    }
}

#[test]
fn an_outlet_that_is_not_there_is_an_error_in_every_version_and_nothing_is_written() {
    for case in CASES {
        let unit = case.start();
        for plug in case.missing {
            for version in ["1", "2c"] {
                for action in ["off", "status"] {
                    let done = run(case.agent, &unit, action, &[("plug", plug), ("snmp_version", version)]);
                    assert_failed_with(&done, &["no such plug", plug]);
                }
            }
        }
        assert_eq!(unit.writes(), [], "{}", case.name());
    }
}

#[test]
fn what_is_neither_on_nor_off_is_never_off() {
    for (stand, values) in [
        (&EATON_MANAGED, &[2, -1, 3][..]),
        (&EATON_SWITCHED, &[3, -1]),
        (&EATON_EPDU, &[2, 3, 4, -1]),
        (&LIEBERT_MPX, &[0, 3, 4]),
        (&IPDU_OLD, &[-1, 2, 3, 4, 5, 7]),
        (&IPDU_NEW, &[-1, 2, 3, 4, 5, 7]),
        (&IBM_BLADE, &[2, 3, 4, 255]),
        (&INTEL_MODULAR, &[1, 3, -1, -4, -16, -32]),
    ] {
        let case = CASES.iter().find(|case| std::ptr::eq(case.stand, stand)).unwrap();
        let unit = case.start();
        let (group, outlet) = case.first.place;
        for value in values {
            unit.lie(group, outlet, Some(*value));
            let status = case.run(&unit, "status", case.first.text);
            assert_ne!(status.code, Some(2), "{} {value}: {}", case.name(), status.stdout);
            let done = run(case.agent, &unit, "off", &[("plug", case.first.text), ("power_timeout", "1")]);
            assert_eq!(done.code, Some(1), "{} {value}: {}", case.name(), done.stdout);
            assert!(!done.stdout.contains("Success"), "{} {value}", case.name());
        }
    }
}

#[test]
fn an_outlet_that_the_unit_calls_absent_is_no_such_plug() {
    let unit = PowerUnit::start(&EATON_SWITCHED);
    unit.lie(1, 8, Some(0));
    assert_failed_with(&run("fence_eaton_snmp", &unit, "off", &[("plug", "8")]), &["no such plug"]);
    let listed = run("fence_eaton_snmp", &unit, "list", &[]);
    assert!(listed.stdout.contains("7,outlet 7") && !listed.stdout.contains("8,"), "{}", listed.stdout);
    for (stand, agent, column) in
        [(&IBM_BLADE, "fence_ibmblade", "6.1.1.3.N"), (&INTEL_MODULAR, "fence_intelmodular", "2.N")]
    {
        let unit = PowerUnit::start(stand);
        unit.set(1, 8, false);
        unit.hold(&unit.object(column, 1, 8), Some(0));
        for action in ["off", "status"] {
            let done = run(agent, &unit, action, &[("plug", "8")]);
            assert_failed_with(&done, &["no such plug"]);
        }
        let listed = run(agent, &unit, "list", &[]);
        assert!(listed.stdout.contains("7,") && !listed.stdout.contains("8,"), "{}", listed.stdout);
        assert_eq!(unit.writes(), [], "{agent}");
    }
}

#[test]
fn an_outlet_that_may_not_be_switched_is_sent_no_command() {
    for (agent, stand, plug, column, values) in [
        ("fence_eaton_snmp", &EATON_EPDU, "1", "6.6.1.9.U.N", &[2, 0][..]),
        ("fence_eaton_snmp", &EATON_EPDU, "1", "1.2.1.10.U", &[2, 4, 5, 6]),
        ("fence_emerson", &LIEBERT_MPX, "1.1.1", "50.U.B.N", &[0, 1, 2, 5]),
        ("fence_emerson", &LIEBERT_MPX, "1.1.1", "105.U.B.N", &[0, 2]),
    ] {
        let unit = PowerUnit::start(stand);
        let object = unit.object(column, stand.first_unit, 1);
        for value in values {
            unit.hold(&object, Some(*value));
            let done = run(agent, &unit, "off", &[("plug", plug)]);
            assert_eq!(done.code, Some(1), "{agent} {column} {value}: {}", done.stdout);
            assert!(done.stderr.contains("switching plug"), "{agent} {column} {value}: {}", done.stderr);
            assert_done(&run(agent, &unit, "status", &[("plug", plug)]), "Status: ON\n");
        }
        assert_eq!(unit.writes(), [], "{agent} {column}");
        unit.hold(&object, None);
        assert_done(&run(agent, &unit, "off", &[("plug", plug)]), "Success: Powered OFF\n");
    }
}

#[test]
fn a_state_that_can_not_be_relied_on_is_not_off() {
    for column in ["1.2.1.30.U", "1.2.1.32.U"] {
        let unit = PowerUnit::start(&EATON_EPDU);
        unit.set(0, 1, false);
        unit.hold(&unit.object(column, 0, 1), Some(1));
        let run = |action| run("fence_eaton_snmp", &unit, action, &[("plug", "1"), ("power_timeout", "1")]);
        assert_ne!(run("status").code, Some(2), "{column}");
        assert_eq!(run("off").code, Some(1), "{column}");
    }
}

#[test]
fn a_countdown_is_pending_and_is_cancelled_before_the_command() {
    let unit = PowerUnit::start(&EATON_EPDU);
    unit.set(0, 2, false);
    unit.schedule(0, 2, true, Duration::from_secs(3600));
    let run = |action| run("fence_eaton_snmp", &unit, action, &[("plug", "2")]);
    assert_ne!(run("status").code, Some(2));
    let done = run("off");
    assert_eq!((done.code, off(&unit)), (Some(0), vec![(0, 2)]), "{}", done.stderr);
    let (on, off) = (unit.object("6.6.1.4.U.N", 0, 2), unit.object("6.6.1.3.U.N", 0, 2));
    assert_eq!(unit.writes(), written(&[(&on, -1), (&off, 0)]));
}

#[test]
fn a_unit_whose_name_and_layout_contradict_each_other_is_written_nothing() {
    // The name of the older firmware on the table of the newer one.
    let unit = PowerUnit::builder(&IPDU_NEW).with_tables_of(&IPDU_OLD).start();
    for options in [&[("plug", "3")][..], &[("plug", "3"), ("family", "ibm-ipdu-old")]] {
        for action in ["off", "on", "reboot", "status"] {
            let done = run("fence_ipdu", &unit, action, options);
            assert_eq!(done.code, Some(1), "{action}: {}", done.stdout);
            assert!(done.stderr.contains("layout"), "{action}: {}", done.stderr);
        }
    }
    assert_eq!(unit.writes(), []);
    let listed = run("fence_ipdu", &unit, "list-status", &[]);
    assert!(!listed.stdout.contains(",OFF") && !listed.stdout.contains(",ON"), "{}", listed.stdout);
}

#[test]
fn a_unit_that_counts_its_rows_from_1_is_not_taken_for_one_that_counts_from_0() {
    // The rows of a managed unit, and behind them one that is none of its own.
    static FROM_1: Stand =
        Stand { columns: &[EATON_MANAGED_COLUMNS[0], EATON_MANAGED_COLUMNS[1]], ..EATON_MANAGED_SHAPE };
    let unit = PowerUnit::start(&FROM_1);
    for action in ["off", "status", "list"] {
        assert_failed_with(&run("fence_eaton_snmp", &unit, action, &[("plug", "3")]), &["rows", "family="]);
    }
    assert_eq!(unit.writes(), []);
}

const EATON_MANAGED_SHAPE: Stand = Stand {
    name: "eaton-epdu-ma from 1",
    sys_object_id: ".1.3.6.1.4.1.534.6.6.6",
    base: "1.3.6.1.4.1.534.6.6.6",
    first_unit: 1,
    branches: None,
    ports: false,
    columns: &[],
};

const EATON_MANAGED_COLUMNS: [peers::stand::Column; 2] = [
    peers::stand::Column { object: "1.2.1.0", holds: peers::stand::Holds::Count },
    peers::stand::Column {
        object: "1.2.2.1.3.N",
        holds: peers::stand::Holds::State(peers::stand::Words::new(1, 0), peers::stand::Commands::new(1, 0)),
    },
];
