//! The agents for power units and blade enclosures against stands of each family: which objects were written, and no
//! others; what isn't off; what is refused before anything is written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use peers::agent::{Finished, assert_done, assert_failed_with};
use peers::relay::{Direction, Fate, Packet};
use peers::stand::{
    APC_EASY, ATEN_PE, ATEN_PE2, AVOCENT_PM, BACHMANN, BAYTECH, Behaviour, CHATSWORTH, CYBERPOWER,
    CYBERPOWER_2, Column, Commands, EATON_EPDU, EATON_MANAGED, EATON_NLOGIC, EATON_SWITCHED, ENLOGIC, GUDE,
    HPE_PDU2, HPE_PDU3, Holds, IBM_BLADE, INTEL_MODULAR, IPDU_NEW, IPDU_OLD, LIEBERT_MPX, NETIO, PANDUIT_G5,
    PowerUnit, RARITAN_PDU2, RARITAN_PX1, RIEDO_UPDU, SENTRY3, SENTRY4, Stand, Table, VERTIV_V5, Words,
};
use peers::subject::snmp::{BLADE_CENTER, EATON, EMERSON, IPDU, MODULAR_SERVER, SNMP_PDU};
use peers::{Agent, Relay};

/// An agent on a stand, with two units or branches where it has such: the plugs of the first and of the
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
    Case {
        agent: "fence_snmp_pdu",
        stand: &RARITAN_PX1,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.13742.4.1.2.2.1.3.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.13742.4.1.2.2.1.3.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &CYBERPOWER,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.3808.1.1.3.3.3.1.1.4.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.3808.1.1.3.3.3.1.1.4.8"),
        off: 2,
        on: 1,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &CYBERPOWER_2,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.3808.1.1.6.6.1.5.1.5.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.3808.1.1.6.6.1.5.1.5.8"),
        off: 2,
        on: 1,
        missing: &["0", "9", "97", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &APC_EASY,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.318.1.1.30.6.2.1.4.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.318.1.1.30.6.2.1.4.8"),
        off: 2,
        on: 1,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &ATEN_PE,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.21317.1.3.2.2.2.2.2.0"),
        last: same("12", (1, 12), "1.3.6.1.4.1.21317.1.3.2.2.2.2.14.0"),
        off: 1,
        on: 2,
        missing: &["0", "13", "42", "43", "4294967295", "2:1", "nobody", "n/a"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &ATEN_PE2,
        groups: 2,
        first: same("1", (1, 1), "1.3.6.1.4.1.21317.1.3.2.3.2.3.3.1.1.1.1"),
        last: same("2:8", (2, 8), "1.3.6.1.4.1.21317.1.3.2.3.2.3.3.1.1.2.8"),
        off: 1,
        on: 2,
        missing: &["0", "9", "43", "0:1", "3:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &GUDE[0],
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.28507.1.1.2.2.1.3.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.28507.1.1.2.2.1.3.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &GUDE[1],
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.28507.56.1.3.1.2.1.3.1"),
        last: same("12", (1, 12), "1.3.6.1.4.1.28507.56.1.3.1.2.1.3.12"),
        off: 0,
        on: 1,
        missing: &["0", "13", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &VERTIV_V5,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.21239.5.2.3.5.1.6.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.21239.5.2.3.5.1.6.8"),
        off: 4,
        on: 2,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &RARITAN_PDU2,
        groups: 2,
        first: same("1", (1, 1), "1.3.6.1.4.1.13742.6.4.1.2.1.2.1.1"),
        last: same("2:8", (2, 8), "1.3.6.1.4.1.13742.6.4.1.2.1.2.2.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "0:1", "3:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &ENLOGIC,
        groups: 2,
        first: same("1", (1, 1), "1.3.6.1.4.1.38446.1.5.5.1.4.1.1"),
        last: same("2:8", (2, 8), "1.3.6.1.4.1.38446.1.5.5.1.4.2.8"),
        off: 1,
        on: 2,
        missing: &["0", "9", "0:1", "3:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &BAYTECH,
        groups: 2,
        first: same("1", (1, 1), "1.3.6.1.4.1.4779.1.3.5.3.1.3.1.1"),
        last: same("2:8", (2, 8), "1.3.6.1.4.1.4779.1.3.5.3.1.3.2.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "0:1", "3:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &SENTRY3,
        groups: 2,
        first: same("1.1.1", (1, 1), "1.3.6.1.4.1.1718.3.2.3.1.11.1.1.1"),
        last: same("1.2.8", (2, 8), "1.3.6.1.4.1.1718.3.2.3.1.11.1.2.8"),
        off: 2,
        on: 1,
        missing: &["1", "1.1.9", "1.3.1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &SENTRY4,
        groups: 2,
        first: same("1.1.1", (1, 1), "1.3.6.1.4.1.1718.4.1.8.5.1.2.1.1.1"),
        last: same("1.2.8", (2, 8), "1.3.6.1.4.1.1718.4.1.8.5.1.2.1.2.8"),
        off: 2,
        on: 1,
        missing: &["1", "1.1.9", "1.3.1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &HPE_PDU2,
        groups: 2,
        first: plug("1", (0, 1), "1.3.6.1.4.1.232.165.7.5.2.1.2.0.1", "1.3.6.1.4.1.232.165.7.5.2.1.3.0.1"),
        last: plug("1:8", (1, 8), "1.3.6.1.4.1.232.165.7.5.2.1.2.1.8", "1.3.6.1.4.1.232.165.7.5.2.1.3.1.8"),
        off: 0,
        on: 0,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &HPE_PDU3,
        groups: 2,
        first: plug("1", (1, 1), "1.3.6.1.4.1.232.165.11.5.2.1.2.1.1", "1.3.6.1.4.1.232.165.11.5.2.1.3.1.1"),
        last: plug("2:8", (2, 8), "1.3.6.1.4.1.232.165.11.5.2.1.2.2.8", "1.3.6.1.4.1.232.165.11.5.2.1.3.2.8"),
        off: 0,
        on: 0,
        // Row 48 is there, and no outlet.
        missing: &["0", "9", "48", "2:48", "0:1", "3:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &PANDUIT_G5,
        groups: 2,
        first: plug("1", (1, 1), "1.3.6.1.4.1.19536.10.1.5.2.1.2.1.1", "1.3.6.1.4.1.19536.10.1.5.2.1.3.1.1"),
        last: plug("2:8", (2, 8), "1.3.6.1.4.1.19536.10.1.5.2.1.2.2.8", "1.3.6.1.4.1.19536.10.1.5.2.1.3.2.8"),
        off: 0,
        on: 0,
        missing: &["0", "9", "0:1", "3:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &EATON_NLOGIC,
        groups: 2,
        first: same("1", (1, 1), "1.3.6.1.4.1.534.7.1.5.2.1.10.1.1"),
        last: same("2:8", (2, 8), "1.3.6.1.4.1.534.7.1.5.2.1.10.2.8"),
        off: 1,
        on: 2,
        missing: &["0", "9", "0:1", "3:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &AVOCENT_PM,
        groups: 2,
        first: same("1.1.1", (1, 1), "1.3.6.1.4.1.10418.17.2.5.5.1.6.1.1.1"),
        last: same("1.2.8", (2, 8), "1.3.6.1.4.1.10418.17.2.5.5.1.6.1.2.8"),
        off: 3,
        on: 2,
        missing: &["1", "1.1.0", "1.1.9", "1.3.1", "0.1.1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &BACHMANN,
        groups: 2,
        first: same("1.1.1.1", (1, 1), "1.3.6.1.4.1.31770.2.2.6.5.1.12.1.1.1.1"),
        last: same("1.1.2.8", (2, 8), "1.3.6.1.4.1.31770.2.2.6.5.1.12.1.1.2.8"),
        off: 2,
        on: 1,
        missing: &["1", "1.1.1", "1.1.1.0", "1.1.1.9", "1.1.3.1", "1.2.1.1", "2.1.1.1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &RIEDO_UPDU,
        groups: 2,
        first: same("1", (0, 1), "1.3.6.1.4.1.55108.1.4.1.1.3.0.1"),
        last: same("1:8", (1, 8), "1.3.6.1.4.1.55108.1.4.1.1.3.1.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &NETIO,
        groups: 1,
        first: same("1", (1, 1), "1.3.6.1.4.1.47952.1.1.1.5.1"),
        last: same("8", (1, 8), "1.3.6.1.4.1.47952.1.1.1.5.8"),
        off: 0,
        on: 1,
        missing: &["0", "9", "2:1", "nobody"],
    },
    Case {
        agent: "fence_snmp_pdu",
        stand: &CHATSWORTH,
        groups: 2,
        first: same(
            "000ED300AD21:1",
            (1, 1),
            "1.3.6.1.4.1.30932.1.10.1.4.10.1.11.1.12.48.48.48.69.68.51.48.48.65.68.50.49",
        ),
        last: same(
            "000ED300AD22:8",
            (2, 8),
            "1.3.6.1.4.1.30932.1.10.1.4.10.1.11.8.12.48.48.48.69.68.51.48.48.65.68.50.50",
        ),
        off: 0,
        on: 1,
        missing: &["0", "9", "1:1", "000ED300AD21:9", "000ED300AD23:1", "nobody"],
    },
];

/// Stands by which a unit can't be recognised: nothing is known of what such units say of themselves, or too little.
const BY_NAME: &[&Stand] = &[&BAYTECH, &EATON_NLOGIC, &BACHMANN, &RIEDO_UPDU, &NETIO];

/// The case of a stand.
fn case(stand: &Stand) -> &'static Case {
    CASES.iter().find(|case| case.stand.name == stand.name).unwrap()
}

impl Case {
    fn start(&self) -> PowerUnit {
        PowerUnit::builder(self.stand).switches(self.groups).start()
    }

    fn run(&self, unit: &PowerUnit, action: &str, plugs: &str) -> Finished {
        self.run_with(unit, action, &[("plug", plugs)])
    }

    fn run_with(&self, unit: &PowerUnit, action: &str, options: &[(&str, &str)]) -> Finished {
        run(self.agent, unit, action, &[&self.family(), options].concat())
    }

    /// What names the family, where a unit can't be recognised.
    fn family(&self) -> Vec<(&'static str, &'static str)> {
        let named = BY_NAME.iter().any(|stand| stand.name == self.stand.name);
        named.then_some(("family", self.stand.name)).into_iter().collect()
    }

    /// Runs it, and counts the requests that it takes.
    fn requests(&self, unit: &PowerUnit, action: &str, plugs: &str) -> (Finished, usize) {
        let relay = Relay::builder(unit.address()).start();
        let done = Agent::snmp(self.agent, relay.address().port(), action)
            .options([("snmp_version", "2c"), ("power_wait", "0"), ("plug", plugs)])
            .options(self.family())
            .run();
        (done, relay.count(Direction::ToDevice))
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
    let has_names = |stand: &Stand| stand.columns.iter().any(|column| column.holds == Holds::Name);
    for case in CASES.iter().filter(|case| has_names(case.stand)) {
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
                    let done = case.run_with(&unit, action, &[("plug", plug), ("snmp_version", version)]);
                    assert_failed_with(&done, &["no such plug", plug]);
                }
            }
        }
        assert_eq!(unit.writes(), [], "{}", case.name());
    }
}

#[test]
fn what_is_neither_on_nor_off_is_never_off() {
    let cases: Vec<(&'static Stand, &[i64])> = vec![
        (&EATON_MANAGED, &[2, -1, 3][..]),
        (&EATON_SWITCHED, &[3, -1]),
        (&EATON_EPDU, &[2, 3, 4, -1]),
        (&LIEBERT_MPX, &[0, 3, 4]),
        (&IPDU_OLD, &[-1, 2, 3, 4, 5, 7]),
        (&IPDU_NEW, &[-1, 2, 3, 4, 5, 7]),
        (&IBM_BLADE, &[2, 3, 4, 255]),
        (&INTEL_MODULAR, &[1, 3, -1, -4, -16, -32]),
        (&RARITAN_PDU2, &[-1, 0, 1, 2, 6, 9]),
        (&RARITAN_PX1, &[-1, 2]),
        (&SENTRY3, &[2, 3, 4, 5, 6, 7, 8, 9]),
        (&SENTRY4, &[0, 3]),
        (&CYBERPOWER, &[0, 3]),
        (&CYBERPOWER_2, &[0, 3]),
        (&APC_EASY, &[0, 3]),
        (&ATEN_PE, &[0, 3, 4, 5, 6, 8]),
        (&ATEN_PE2, &[-3_000_000, -2_000_000, 0, 3, 4, 5, 6, 8]),
        (&GUDE[0], &[-1, 2, 3]),
        (&VERTIV_V5, &[3, 4, 5, 6, 7]),
        (&HPE_PDU2, &[0, 3, 4]),
        (&HPE_PDU3, &[-1, 3, 4, 5]),
        (&ENLOGIC, &[2, -1]),
        (&PANDUIT_G5, &[0, 3, 4]),
        (&BAYTECH, &[2, 3, 4, 5, 6]),
        (&EATON_NLOGIC, &[0, 3, 4]),
        (&AVOCENT_PM, &[0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        (&BACHMANN, &[0, 3, 4, 5, 38]),
        (&RIEDO_UPDU, &[2, -1]),
        (&NETIO, &[2, 5, -1]),
        (&CHATSWORTH, &[2, -1]),
    ];
    // Each waits for its time to be over: units beside each other.
    let play = |(stand, values): (&'static Stand, &[i64])| {
        let case = case(stand);
        let unit = case.start();
        let (group, outlet) = case.first.place;
        for value in values {
            unit.lie(group, outlet, Some(*value));
            let status = case.run(&unit, "status", case.first.text);
            assert_ne!(status.code, Some(2), "{} {value}: {}", case.name(), status.stdout);
            let done = case.run_with(&unit, "off", &[("plug", case.first.text), ("power_timeout", "1")]);
            assert_eq!(done.code, Some(1), "{} {value}: {}", case.name(), done.stdout);
            assert!(!done.stdout.contains("Success"), "{} {value}", case.name());
        }
    };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    play(*case);
                }
            });
        }
    });
}

#[test]
fn an_outlet_that_the_unit_calls_absent_is_no_such_plug() {
    let unit = PowerUnit::start(&EATON_SWITCHED);
    unit.lie(1, 8, Some(0));
    for action in ["off", "on", "reboot", "status"] {
        assert_failed_with(&run("fence_eaton_snmp", &unit, action, &[("plug", "8")]), &["no such plug"]);
    }
    assert_eq!(unit.writes(), []);
    let listed = run("fence_eaton_snmp", &unit, "list", &[]);
    assert!(listed.stdout.contains("7,outlet 7") && !listed.stdout.contains("8,"), "{}", listed.stdout);
    for (stand, agent, column) in
        [(&IBM_BLADE, "fence_ibmblade", "6.1.1.3.N"), (&INTEL_MODULAR, "fence_intelmodular", "2.N")]
    {
        let unit = PowerUnit::start(stand);
        unit.set(1, 8, false);
        unit.hold(&unit.object(column, 1, 8), Some(0));
        for action in ["off", "on", "reboot", "status"] {
            let done = run(agent, &unit, action, &[("plug", "8")]);
            assert_failed_with(&done, &["no such plug"]);
        }
        let listed = run(agent, &unit, "list", &[]);
        assert!(listed.stdout.contains("7,") && !listed.stdout.contains("8,"), "{}", listed.stdout);
        assert_eq!(unit.writes(), [], "{agent}");
    }
}

#[test]
fn a_state_that_stands_for_no_outlet_is_no_such_plug() {
    for (stand, value) in [(&HPE_PDU3, 0), (&ATEN_PE, 7), (&ATEN_PE2, 7), (&APC_EASY, -1)] {
        let unit = PowerUnit::start(stand);
        unit.lie(1, 8, Some(value));
        for action in ["off", "on", "reboot", "status"] {
            let done = run("fence_snmp_pdu", &unit, action, &[("plug", "8")]);
            assert_failed_with(&done, &["no such plug"]);
        }
        assert_eq!(unit.writes(), [], "{}", stand.name);
        let listed = run("fence_snmp_pdu", &unit, "list", &[]).stdout;
        let plugs: Vec<&str> = listed.lines().filter_map(|line| line.split(',').next()).collect();
        let there: Vec<String> =
            (1..=stand.outlets).filter(|number| *number != 8).map(|number| number.to_string()).collect();
        assert_eq!(plugs, there, "{}", stand.name);
    }
}

#[test]
fn outlets_on_both_sides_of_a_table_in_their_midst_are_the_outlets_they_are_called() {
    let unit = PowerUnit::start(&ATEN_PE);
    for (plug, object) in [("8", 9), ("9", 11), ("10", 12)] {
        let before = unit.writes().len();
        assert_done(&run("fence_snmp_pdu", &unit, "off", &[("plug", plug)]), "Success: Powered OFF\n");
        let object = format!("1.3.6.1.4.1.21317.1.3.2.2.2.2.{object}.0");
        assert_eq!(unit.writes()[before..], written(&[(&object, 1)]));
    }
    assert_eq!(off(&unit), [(1, 8), (1, 9), (1, 10)]);
    let listed = run("fence_snmp_pdu", &unit, "list-status", &[]).stdout;
    let states: Vec<&str> = listed.lines().filter_map(|line| line.rsplit(',').next()).collect();
    let expected: Vec<&str> =
        (1..=12).map(|number| if (8..=10).contains(&number) { "OFF" } else { "ON" }).collect();
    assert_eq!(states, expected, "{listed}");
}

#[test]
fn every_product_of_one_maker_has_rows_of_its_own() {
    for (at, stand) in GUDE.iter().enumerate() {
        // The table of another product beside it, which would switch the same outlets.
        let other = &GUDE[(at + 1) % GUDE.len()];
        let unit = PowerUnit::builder(stand).with_tables_of(other).start_changeable();
        let last = stand.outlets.to_string();
        let run = |action, plugs| run("fence_snmp_pdu", &unit, action, &[("plug", plugs)]);
        let object = |number: u32| unit.object("3.N", 1, number);
        // A name that is another outlet's number.
        unit.name(1, 1, &last);
        let listed = run("list", "");
        assert_eq!(listed.stdout.lines().count(), stand.outlets as usize, "{}", stand.name);
        assert_done(&run("off", &last), "Success: Powered OFF\n");
        assert_eq!(unit.writes(), written(&[(&object(stand.outlets), 0)]), "{}", stand.name);
        assert_done(&run("on", &last), "Success: Powered ON\n");
        let beyond = (stand.outlets + 1).to_string();
        assert_failed_with(&run("off", &beyond), &["no such plug"]);
        assert_eq!(unit.writes().len(), 2, "{}", stand.name);
        if stand.outlets > 1 {
            assert_done(&run("off", &format!("1,{last}")), "Success: Powered OFF\n");
            let mut writes = unit.writes().split_off(2);
            writes.sort();
            let mut wanted = written(&[(&object(1), 0), (&object(stand.outlets), 0)]);
            wanted.sort();
            assert_eq!(writes, wanted, "{}", stand.name);
            assert_eq!(off(&unit), [(1, 1), (1, stand.outlets)], "{}", stand.name);
        }
    }
}

#[test]
fn a_number_of_two_families_means_the_one_whose_table_is_there() {
    let old = ".1.3.6.1.4.1.3808.1.1.3";
    for (unit, object) in [
        (PowerUnit::builder(&CYBERPOWER_2).sys_object_id(old).start(), "3808.1.1.6.6.1.5.1.5.3"),
        (
            PowerUnit::builder(&CYBERPOWER).with_tables_of(&CYBERPOWER_2).start_changeable(),
            "3808.1.1.3.3.3.1.1.4.3",
        ),
    ] {
        let done = run("fence_snmp_pdu", &unit, "off", &[("plug", "3")]);
        assert_done(&done, "Success: Powered OFF\n");
        assert_eq!(unit.writes(), written(&[(&format!("1.3.6.1.4.1.{object}"), 2)]));
        assert_eq!(off(&unit), [(1, 3)]);
    }
}

#[test]
fn a_makers_number_without_a_table_of_outlets_or_with_two_is_nothing_that_is_switched() {
    // A BMC: the maker of the power units makes those, too, and gives all of them one number.
    static BMC: Stand = Stand {
        columns: &[Column { object: "1.1.1.1.3.1", holds: Holds::Register(1) }],
        ..of_rows("bmc", ".1.3.6.1.4.1.21317", "1.3.6.1.4.1.21317")
    };
    let bmc = PowerUnit::start(&BMC);
    let both = PowerUnit::builder(&ATEN_PE).with_tables_of(&ATEN_PE2).start_changeable();
    for (unit, why) in [(bmc, "none of the tables"), (both, "several families")] {
        for version in ["1", "2c"] {
            for action in ["off", "on", "reboot", "status", "list"] {
                let options = [("plug", "1"), ("snmp_version", version)];
                assert_failed_with(&run("fence_snmp_pdu", &unit, action, &options), &[why, "family"]);
            }
        }
        assert_eq!(unit.writes(), [], "{why}");
    }
}

#[test]
fn a_family_that_the_user_names_is_used_whatever_the_unit_says_that_it_is() {
    for case in CASES.iter().filter(|case| case.agent == "fence_snmp_pdu") {
        let unknown = ".1.3.6.1.4.1.8072.3.2.10";
        let unit = PowerUnit::builder(case.stand).switches(case.groups).sys_object_id(unknown).start();
        let options = [("plug", case.last.text), ("family", case.stand.name)];
        assert_done(&run(case.agent, &unit, "off", &options), "Success: Powered OFF\n");
        assert_eq!(unit.writes(), written(&[(case.last.off, case.off)]), "{}", case.name());
    }
    // Another one's tables aren't there.
    for (stand, family) in [(&ATEN_PE2, "aten-pe"), (&CYBERPOWER, "cyberpower-2"), (&GUDE[0], "gude-epc1202")]
    {
        let unit = PowerUnit::start(stand);
        let done = run("fence_snmp_pdu", &unit, "off", &[("plug", "1"), ("family", family)]);
        assert_failed_with(&done, &["no such plug"]);
        assert_eq!(unit.writes(), [], "{family}");
    }
}

#[test]
fn no_family_costs_more_than_three_requests_for_a_status_or_six_for_off() {
    for case in CASES {
        let requests = |action: &str, plugs: &str| {
            let (done, requests) = case.requests(&case.start(), action, plugs);
            assert_eq!(done.code, Some(0), "{}: {}", case.name(), done.stderr);
            requests
        };
        let both = format!("{},{}", case.first.text, case.last.text);
        let (status, off) = (requests("status", case.first.text), requests("off", case.first.text));
        assert!(status <= 3 && off <= 6, "{}: {status}, {off}", case.name());
        // One SET more, and nothing else.
        assert_eq!((requests("status", &both), requests("off", &both)), (status, off + 1), "{}", case.name());
    }
}

#[test]
fn an_outlet_of_which_nothing_says_that_it_is_there_is_no_such_plug() {
    for (stand, agent) in [(&IBM_BLADE, "fence_ibmblade"), (&INTEL_MODULAR, "fence_intelmodular")] {
        let unit = PowerUnit::builder(stand).without(Table::Guard).start();
        unit.set(1, 8, false);
        for action in ["off", "on", "reboot", "status"] {
            assert_failed_with(&run(agent, &unit, action, &[("plug", "8")]), &["no such plug"]);
        }
        assert_eq!(unit.writes(), [], "{agent}");
    }
}

#[test]
fn a_name_that_moves_on_before_the_first_command_takes_no_command_with_it() {
    let start = || {
        let unit = Arc::new(PowerUnit::start(&CYBERPOWER));
        // So that there is something to cancel, too.
        unit.schedule(1, 3, true, Duration::from_secs(3600));
        unit
    };
    // Outlets 3 and 5 change their names when this request comes, counted from 0.
    let run = |unit: &Arc<PowerUnit>, action: &str, request: usize| {
        let changed = unit.clone();
        let rule = move |packet: Packet| {
            if packet.direction == Direction::ToDevice && packet.index == request {
                changed.swap_names((1, 3), (1, 5));
            }
            Fate::Pass
        };
        let relay = Relay::builder(unit.address()).rule(rule).start();
        let done = Agent::snmp("fence_snmp_pdu", relay.address().port(), action)
            .options([("plug", "outlet 3"), ("snmp_version", "2c"), ("power_timeout", "2")])
            .run();
        (done, relay.count(Direction::ToDevice))
    };
    // A status ends with the look that a reboot takes before its first command.
    let look = run(&start(), "status", usize::MAX).1 - 1;
    let unit = start();
    let (done, _) = run(&unit, "reboot", look);
    assert_failed_with(&done, &["no such plug", "outlet 3"]);
    assert_eq!(unit.writes(), []);
    // One request later, that look was right.
    let unit = start();
    run(&unit, "reboot", look + 1);
    assert_ne!(unit.writes(), []);
}

#[test]
fn an_outlet_that_may_not_be_switched_is_sent_no_command() {
    for (agent, stand, plug, column, values) in [
        ("fence_eaton_snmp", &EATON_EPDU, "1", "6.6.1.9.U.N", &[2, 0][..]),
        ("fence_eaton_snmp", &EATON_EPDU, "1", "1.2.1.10.U", &[2, 4, 5, 6]),
        ("fence_emerson", &LIEBERT_MPX, "1.1.1", "50.U.B.N", &[0, 1, 2, 5]),
        ("fence_emerson", &LIEBERT_MPX, "1.1.1", "105.U.B.N", &[0, 2]),
        ("fence_snmp_pdu", &RARITAN_PDU2, "1", "3.5.3.1.28.U.N", &[2, 0]),
        ("fence_snmp_pdu", &HPE_PDU2, "1", "2.1.8.U.N", &[2]),
        ("fence_snmp_pdu", &HPE_PDU3, "1", "5.2.1.8.U.N", &[2]),
        ("fence_snmp_pdu", &HPE_PDU3, "1", "1.2.1.10.U", &[2]),
        ("fence_snmp_pdu", &PANDUIT_G5, "1", "2.1.8.U.N", &[2]),
        ("fence_snmp_pdu", &ATEN_PE2, "1", "3.1.1.3.U.N", &[1]),
        // notSupported.
        ("fence_snmp_pdu", &APC_EASY, "1", "1.1.30.6.2.1.4.N", &[-1]),
        // Locked; a number where there were bits.
        ("fence_snmp_pdu", &SENTRY3, "1.1.1", "10.U.B.N", &[6, 7]),
        ("fence_snmp_pdu", &SENTRY3, "1.1.1", "4.U.B.N", &[4]),
        ("fence_snmp_pdu", &SENTRY4, "1.1.1", "5.1.1.U.B.N", &[1, 14, 15]),
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
    for (agent, stand, column, values) in [
        ("fence_eaton_snmp", &EATON_EPDU, "1.2.1.30.U", &[1][..]),
        ("fence_eaton_snmp", &EATON_EPDU, "1.2.1.32.U", &[1]),
        // outletUnknown.
        ("fence_snmp_pdu", &ENLOGIC, "5.1.4.U.N", &[7, 0, -1]),
        ("fence_snmp_pdu", &APC_EASY, "1.1.30.6.2.1.4.N", &[3, 0, 4]),
        // The copy says on, or something of its own.
        ("fence_snmp_pdu", &ATEN_PE, "1.5.1.2.N", &[2, 3, 4, 5, 6, 7, 0]),
        // A station that isn't there.
        ("fence_snmp_pdu", &ATEN_PE2, "3.1.1.3.U.N", &[-3_000_000, 0]),
        // A relay that has failed.
        ("fence_snmp_pdu", &VERTIV_V5, "5.N", &[1, 0]),
        // Control states of an outlet that is meant to be on.
        ("fence_snmp_pdu", &SENTRY3, "10.U.B.N", &[1, 3, 5, 7, 12, 13, 15]),
        ("fence_snmp_pdu", &SENTRY4, "5.1.1.U.B.N", &[1, 3, 5, 7, 11, 15, 17]),
    ] {
        let unit = PowerUnit::start(stand);
        unit.set(stand.first_unit, 1, false);
        let plug = if stand.branches.is_some() { "1.1.1" } else { "1" };
        let run = |action| run(agent, &unit, action, &[("plug", plug), ("power_timeout", "1")]);
        assert_eq!(run("status").code, Some(2), "{}", stand.name);
        for value in values {
            unit.hold(&unit.object(column, stand.first_unit, 1), Some(*value));
            assert_ne!(run("status").code, Some(2), "{column} {value}");
            assert_eq!(run("off").code, Some(1), "{column} {value}");
        }
    }
}

#[test]
fn an_outlet_that_says_it_can_not_be_switched_is_sent_no_command() {
    for (stand, column, values) in [
        // Not available, not switchable.
        (&BACHMANN, "6.5.1.12.U.1.B.N", &[4, 5][..]),
        // Locked, fixed.
        (&AVOCENT_PM, "5.U.B.N", &[3, 4, 10]),
        (&EATON_NLOGIC, "2.1.8.U.N", &[2, 0]),
    ] {
        let (case, unit) = (case(stand), PowerUnit::start(stand));
        let object = unit.object(column, stand.first_unit, 1);
        for value in values {
            unit.hold(&object, Some(*value));
            let done = case.run(&unit, "off", case.first.text);
            assert_failed_with(&done, &["switching plug", case.first.text]);
        }
        assert_eq!(unit.writes(), [], "{}", stand.name);
        unit.hold(&object, None);
        assert_done(&case.run(&unit, "off", case.first.text), "Success: Powered OFF\n");
    }
}

#[test]
fn off_beside_a_column_that_says_otherwise_is_not_off() {
    for (stand, column, values) in [
        // Meant to be on, or nobody knows; the relay has failed, or nobody knows.
        (&RIEDO_UPDU, "4.1.1.3.U.N", &[1, 2][..]),
        (&RIEDO_UPDU, "4.1.1.5.U.N", &[1, 2]),
        // Undefined, lost, deactivated, on in alarm, on, update, switching.
        (&BACHMANN, "6.5.1.11.U.1.B.N", &[1, 7, 8, 11, 19, 36, 38]),
        // Delayed commands and reboots.
        (&ENLOGIC, "5.1.4.U.N", &[3, 4, 5, 6]),
        (&EATON_NLOGIC, "2.1.10.U.N", &[3, 4, 5, 6]),
    ] {
        let (case, unit) = (case(stand), PowerUnit::start(stand));
        let object = unit.object(column, stand.first_unit, 1);
        unit.set(stand.first_unit, 1, false);
        let run = |action| case.run_with(&unit, action, &[("plug", case.first.text), ("power_timeout", "1")]);
        assert_eq!(run("status").code, Some(2), "{}", stand.name);
        for value in values {
            unit.hold(&object, Some(*value));
            assert_ne!(run("status").code, Some(2), "{column} {value}");
            assert_eq!(run("off").code, Some(1), "{column} {value}");
            let listed = case.run_with(&unit, "list-status", &[]);
            let line = listed.stdout.lines().find(|line| line.starts_with(&format!("{},", case.first.text)));
            assert!(line.is_some_and(|line| !line.ends_with(",OFF")), "{column} {value}: {}", listed.stdout);
        }
    }
}

#[test]
fn a_delayed_command_for_on_is_not_settled_by_off() {
    for stand in [&ENLOGIC, &EATON_NLOGIC, &RIEDO_UPDU] {
        let (case, unit) = (case(stand), PowerUnit::start(stand));
        unit.set(stand.first_unit, 1, false);
        unit.schedule(stand.first_unit, 1, true, Duration::from_secs(3600));
        let run = |action| case.run_with(&unit, action, &[("plug", case.first.text), ("power_timeout", "1")]);
        assert_ne!(run("status").code, Some(2), "{}", stand.name);
        // Nothing cancels it, and the unit goes on saying that it is to come.
        assert_eq!(run("off").code, Some(1), "{}", stand.name);
    }
}

#[test]
fn a_state_is_not_believed_where_nothing_has_ever_vouched_for_it() {
    for (stand, column) in [
        (&SENTRY3, "10.U.B.N"),
        (&SENTRY4, "3.1.2.U.B.N"),
        (&SENTRY4, "5.1.1.U.B.N"),
        (&VERTIV_V5, "5.N"),
        (&ENLOGIC, "5.1.4.U.N"),
        (&RIEDO_UPDU, "4.1.1.3.U.N"),
        (&BACHMANN, "6.5.1.11.U.1.B.N"),
        (&APC_EASY, "1.1.30.6.2.1.4.N"),
        (&EATON_NLOGIC, "2.1.10.U.N"),
    ] {
        let (case, unit) = (case(stand), PowerUnit::start(stand));
        unit.set(stand.first_unit, 1, false);
        let run = |action| case.run_with(&unit, action, &[("plug", case.first.text), ("power_timeout", "1")]);
        assert_eq!(run("status").code, Some(2), "{} {column}", stand.name);
        unit.lack(&unit.object(column, stand.first_unit, 1));
        assert_eq!(run("status").code, Some(1), "{} {column}", stand.name);
        assert_eq!(run("off").code, Some(1), "{} {column}", stand.name);
    }
    // What tells only whether a command is going to be followed may be lacking: the state tells whether it was.
    for (stand, column) in [(&SENTRY3, "4.U.B.N"), (&SENTRY4, "2.1.5.U.B.N")] {
        let (case, unit) = (case(stand), PowerUnit::start(stand));
        unit.lack(&unit.object(column, 1, 1));
        assert_done(&case.run(&unit, "off", case.first.text), "Success: Powered OFF\n");
    }
}

#[test]
fn a_unit_that_has_left_the_chain_is_not_believed_by_the_rows_that_it_leaves_behind() {
    let run = |unit: &PowerUnit, action, plug| {
        run("fence_eaton_snmp", unit, action, &[("plug", plug), ("power_timeout", "1")])
    };
    let unit = PowerUnit::builder(&EATON_EPDU).switches(2).start();
    unit.set(1, 3, false);
    assert_eq!(run(&unit, "status", "1:3").code, Some(2));
    for column in ["1.2.1.30.U", "1.2.1.32.U"] {
        let unit = PowerUnit::builder(&EATON_EPDU).switches(2).start();
        unit.set(1, 3, false);
        unit.lack(&unit.object(column, 1, 1));
        assert_eq!(run(&unit, "status", "1:3").code, Some(1), "{column}");
        assert_eq!(run(&unit, "off", "1:3").code, Some(1), "{column}");
        let listed = run(&unit, "list-status", "");
        let line = listed.stdout.lines().find(|line| line.starts_with("1:3,"));
        assert!(line.is_some_and(|line| !line.ends_with(",OFF")), "{column}: {}", listed.stdout);
        // The unit itself is there: it answers.
        assert_done(&run(&unit, "off", "3"), "Success: Powered OFF\n");
    }
    // One that stands alone may be older than the columns.
    let unit = PowerUnit::start(&EATON_EPDU);
    for column in ["1.2.1.30.U", "1.2.1.32.U"] {
        unit.lack(&unit.object(column, 0, 1));
    }
    assert_done(&run(&unit, "off", "3"), "Success: Powered OFF\n");
    assert_eq!(run(&unit, "status", "3").code, Some(2));
}

#[test]
fn what_speaks_against_off_is_a_warning_and_costs_no_request() {
    for (stand, column, on, off) in [
        (&RARITAN_PDU2, "5.4.3.1.3.U.N.14", 7, 8),
        (&LIEBERT_MPX, "100.U.B.N", 1, 0),
        (&ENLOGIC, "5.1.4.U.N", 2, 1),
        (&IPDU_OLD, "8.2.2.1.7.N", 300, 0),
        (&IPDU_NEW, "8.2.2.1.9.N", 300, 0),
        (&EATON_NLOGIC, "1.1.5.U.N", 12, 0),
        (&EATON_NLOGIC, "2.1.10.U.N", 2, 1),
        (&AVOCENT_PM, "50.U.B.N", 3, 0),
        (&NETIO, "28.N", 150, 0),
        (&CHATSWORTH, "10.1.6.N.M", 12, 0),
        (&CHATSWORTH, "10.1.8.N.M", 40, 0),
        (&GUDE[0], "7.N", 30, 0),
        (&GUDE[1], "7.N", 30, 0),
    ] {
        let (case, unit) = (case(stand), case(stand).start());
        let (group, outlet) = case.first.place;
        let object = unit.object(column, group, outlet);
        let warned = |done: &Finished| done.stderr.contains("is off, and ");
        unit.hold(&object, Some(off));
        let (quiet, usual) = case.requests(&unit, "off", case.first.text);
        assert_done(&quiet, "Success: Powered OFF\n");
        assert!(!warned(&quiet), "{} {column}: {}", stand.name, quiet.stderr);
        unit.set(group, outlet, true);
        unit.hold(&object, Some(on));
        let (loud, requests) = case.requests(&unit, "off", case.first.text);
        assert_done(&loud, "Success: Powered OFF\n");
        assert!(warned(&loud), "{} {column}: {}", stand.name, loud.stderr);
        assert_eq!(requests, usual, "{} {column}", stand.name);
        // It tells of this outlet alone, and of no status.
        assert!(!warned(&case.run(&unit, "off", case.last.text)), "{} {column}", stand.name);
        assert!(!warned(&case.run(&unit, "status", case.first.text)), "{} {column}", stand.name);
        // That nothing speaks against it is no reason to say that it is off.
        unit.set(group, outlet, true);
        unit.behave(group, outlet, Behaviour { deaf: true, ..Behaviour::default() });
        unit.hold(&object, Some(off));
        let done = case.run_with(&unit, "off", &[("plug", case.first.text), ("power_timeout", "1")]);
        assert_eq!(done.code, Some(1), "{} {column}", stand.name);
    }
}

#[test]
fn a_number_is_the_outlet_of_the_only_unit_and_in_a_chain_of_none() {
    let unit = PowerUnit::start(&CHATSWORTH);
    let (done, requests) = case(&CHATSWORTH).requests(&unit, "status", "8");
    assert_done(&done, "Status: ON\n");
    assert!(requests <= 3, "{requests}");
    let (done, requests) = case(&CHATSWORTH).requests(&unit, "off", "8");
    assert_done(&done, "Success: Powered OFF\n");
    assert!(requests <= 6, "{requests}");
    assert_eq!(unit.writes(), written(&[(&unit.object("10.1.11.N.M", 1, 8), 0)]));
    let unit = PowerUnit::builder(&CHATSWORTH).switches(2).start();
    for action in ["off", "on", "reboot", "status"] {
        let done = run("fence_snmp_pdu", &unit, action, &[("plug", "8")]);
        assert_failed_with(&done, &["ambiguous", "000ED300AD21:8", "000ED300AD22:8"]);
    }
    assert_eq!(unit.writes(), []);
    let listed = run("fence_snmp_pdu", &unit, "list", &[]);
    assert!(listed.stdout.contains("000ED300AD22:8,outlet 2:8"), "{}", listed.stdout);
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
fn an_outlet_that_is_off_and_about_to_reboot_is_not_off() {
    for (agent, stand, reboot, off) in [
        ("fence_eaton_snmp", &EATON_EPDU, "6.6.1.5.U.N", "6.6.1.3.U.N"),
        ("fence_snmp_pdu", &HPE_PDU2, "2.1.4.U.N", "2.1.2.U.N"),
        ("fence_snmp_pdu", &HPE_PDU3, "5.2.1.4.U.N", "5.2.1.2.U.N"),
        ("fence_snmp_pdu", &PANDUIT_G5, "2.1.4.U.N", "2.1.2.U.N"),
    ] {
        let unit = PowerUnit::start(stand);
        let first = stand.first_unit;
        unit.set(first, 2, false);
        let run = |action| run(agent, &unit, action, &[("plug", "2")]);
        assert_eq!(run("status").code, Some(2), "{}", stand.name);
        let (reboot, off) = (unit.object(reboot, first, 2), unit.object(off, first, 2));
        for seconds in [0, 30] {
            unit.hold(&reboot, Some(seconds));
            assert_ne!(run("status").code, Some(2), "{} {seconds}", stand.name);
        }
        assert_done(&run("off"), "Success: Powered OFF\n");
        assert_eq!(unit.writes(), written(&[(&reboot, -1), (&off, 0)]), "{}", stand.name);
    }
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
fn a_unit_that_counts_its_rows_from_1_is_not_taken_for_one_that_counts_from_0_nor_the_reverse() {
    static EATON_FROM_1: Stand = Stand {
        columns: &[OUTLET_COUNT, state_in("1.2.2.1.3.N")],
        ..of_rows("eaton-epdu-ma from 1", ".1.3.6.1.4.1.534.6.6.6", "1.3.6.1.4.1.534.6.6.6")
    };
    static RARITAN_FROM_0: Stand = Stand {
        columns: &[OUTLET_COUNT, state_in("1.2.2.1.3.N-1")],
        ..of_rows("raritan-px1 from 0", ".1.3.6.1.4.1.13742.4", "1.3.6.1.4.1.13742.4")
    };
    static RARITAN_UNCOUNTED: Stand = Stand { columns: &[state_in("1.2.2.1.3.N")], ..RARITAN_FROM_0 };
    for (agent, stand) in [
        ("fence_eaton_snmp", &EATON_FROM_1),
        ("fence_snmp_pdu", &RARITAN_FROM_0),
        ("fence_snmp_pdu", &RARITAN_UNCOUNTED),
    ] {
        let unit = PowerUnit::start(stand);
        for action in ["off", "on", "reboot", "status", "list"] {
            assert_failed_with(&run(agent, &unit, action, &[("plug", "3")]), &["rows", "family="]);
        }
        assert_eq!(unit.writes(), [], "{}", stand.name);
    }
}

const fn of_rows(name: &'static str, sys_object_id: &'static str, base: &'static str) -> Stand {
    Stand {
        name,
        sys_object_id,
        base,
        outlets: 8,
        text_for_identity: false,
        first_unit: 1,
        branches: None,
        ports: false,
        columns: &[],
    }
}

const OUTLET_COUNT: Column = Column { object: "1.2.1.0", holds: Holds::Count };

const fn state_in(object: &'static str) -> Column {
    Column { object, holds: Holds::State(Words::new(1, 0), Commands::new(1, 0)) }
}

#[test]
fn every_family_that_another_agent_knows_is_known_to_the_one_for_all() {
    for case in CASES.iter().filter(|case| case.agent != "fence_snmp_pdu") {
        // Nothing by which a unit could be recognised is known of this one.
        let family = match case.stand.name == INTEL_MODULAR.name {
            true => &[("family", "intel-modular")][..],
            false => &[],
        };
        let unit = case.start();
        let options: Vec<_> = [("plug", case.last.text)].into_iter().chain(family.iter().copied()).collect();
        assert_done(&run("fence_snmp_pdu", &unit, "off", &options), "Success: Powered OFF\n");
        assert_eq!(unit.writes(), written(&[(case.last.off, case.off)]), "{}", case.name());
    }
}

#[test]
fn a_plug_can_be_what_is_printed_beside_the_outlet() {
    for stand in [&SENTRY3, &SENTRY4] {
        let unit = PowerUnit::start(stand);
        let run = || run("fence_snmp_pdu", &unit, "off", &[("plug", "AA3")]);
        assert_done(&run(), "Success: Powered OFF\n");
        assert_eq!(off(&unit), [(1, 3)], "{}", stand.name);
        // Called what is printed beside it, it is the same outlet still, and another one of that name is one too many.
        unit.name(1, 3, "AA3");
        assert_done(&run(), "Success: Already OFF\n");
        unit.name(1, 4, "AA3");
        assert_failed_with(&run(), &["ambiguous"]);
    }
}

#[test]
fn commands_that_are_known_from_one_source_alone_come_with_a_warning() {
    for (stand, warned) in [
        (&VERTIV_V5, true),
        (&ATEN_PE2, true),
        (&GUDE[1], true),
        (&RARITAN_PDU2, false),
        (&ATEN_PE, false),
        (&GUDE[0], false),
        (&EATON_NLOGIC, true),
        (&AVOCENT_PM, false),
        (&BACHMANN, true),
        (&RIEDO_UPDU, true),
        (&NETIO, false),
        (&CHATSWORTH, true),
        (&BAYTECH, false),
    ] {
        let (case, unit) = (case(stand), PowerUnit::start(stand));
        let done = case.run(&unit, "off", case.first.text);
        assert_done(&done, "Success: Powered OFF\n");
        assert_eq!(done.stderr.contains("one source alone"), warned, "{}", done.stderr);
        let status = case.run(&unit, "status", case.first.text);
        assert!(!status.stderr.contains("one source"), "{}", status.stderr);
    }
}

#[test]
fn delays_of_the_unit_and_power_that_comes_back_are_told_to_who_asks() {
    for (agent, stand, plug, column, said) in [
        ("fence_emerson", &LIEBERT_MPX, "1.1.2", "225.U.B.N", "waits 30 s before it switches off plug 1.1.2"),
        ("fence_snmp_pdu", &ATEN_PE, "2", "2.10.1.5.N", "waits 30 s before it switches off plug 2"),
        ("fence_snmp_pdu", &ATEN_PE2, "2", "3.2.1.4.U.N", "waits 30 s before it switches off plug 2"),
        ("fence_snmp_pdu", &GUDE[0], "2", "7.N", "switches plug 2 on again 30 s after it was switched off"),
    ] {
        let unit = PowerUnit::start(stand);
        let doctor = || run(agent, &unit, "doctor", &[("plug", plug)]).stdout;
        let none = doctor();
        assert!(!none.contains("switches off plug") && !none.contains("on again"), "{none}");
        unit.hold(&unit.object(column, 1, 2), Some(30));
        let told = doctor();
        assert!(told.contains(said), "{}: {told}", stand.name);
        assert_eq!(unit.writes(), [], "{}", stand.name);
    }
}

#[test]
fn a_unit_that_is_not_known_is_not_guessed() {
    let unit = PowerUnit::builder(&RARITAN_PDU2).sys_object_id(".1.3.6.1.4.1.13742.99").start();
    let done = run("fence_snmp_pdu", &unit, "off", &[("plug", "1")]);
    assert_failed_with(&done, &["family"]);
    assert_eq!(unit.writes(), []);
    let done = run("fence_snmp_pdu", &unit, "off", &[("plug", "1"), ("family", "raritan-pdu2")]);
    assert_done(&done, "Success: Powered OFF\n");
    // Families of which nobody knows what their units say, or of which they say the maker's number alone; another thing of
    // the same maker, with the tables of one that is known; a number that is no one's.
    let by_name = BY_NAME.iter().map(|stand| (*stand, stand.sys_object_id));
    let others: [(&Stand, _); 12] = [
        (&AVOCENT_PM, ".1.3.6.1.4.1.10418.16.1.1"),
        (&AVOCENT_PM, ".1.3.6.1.4.1.10418.17"),
        (&CHATSWORTH, ".1.3.6.1.4.1.30932"),
        (&CHATSWORTH, ".1.3.6.1.4.1.30932.1.1.1"),
        (&CHATSWORTH, ".0.10.43.6.1.4.1"),
        (&GUDE[0], ".1.3.6.1.4.1.28507.19"),
        (&GUDE[0], ".1.3.6.1.4.1.28507.60"),
        (&CYBERPOWER_2, ".1.3.6.1.4.1.3808.1.1.1"),
        (&CYBERPOWER_2, ".1.3.6.1.4.1.3808.1.1.5"),
        (&HPE_PDU3, ".1.3.6.1.4.1.232.165.3"),
        (&ATEN_PE, ".1.3.6.1.4.1.21317.1"),
        (&APC_EASY, ".1.3.6.1.4.1.318.1.3.4.3"),
    ];
    for (stand, number) in by_name.chain(others) {
        let (case, stand) = (case(stand), case(stand).stand);
        let unit = PowerUnit::builder(stand).switches(case.groups).sys_object_id(number).start();
        for action in ["off", "on", "reboot", "status"] {
            let done = run("fence_snmp_pdu", &unit, action, &[("plug", case.first.text)]);
            assert_failed_with(&done, &["family"]);
        }
        assert_eq!(unit.writes(), [], "{} {number}", stand.name);
        let named = [("plug", case.first.text), ("family", stand.name)];
        assert_done(&run("fence_snmp_pdu", &unit, "off", &named), "Success: Powered OFF\n");
        assert_eq!(off(&unit), [case.first.place], "{} {number}", stand.name);
    }
}

#[test]
fn a_status_costs_three_requests_at_most_an_off_six_and_a_second_plug_none() {
    for row in [EATON, EMERSON, IPDU, BLADE_CENTER, MODULAR_SERVER, SNMP_PDU] {
        // In version 1 each object that a unit lacks costs one more.
        let requests = |action: &str, plugs: usize| {
            let subject = row.subject();
            let named = subject.plugs.iter().take(plugs).cloned().collect::<Vec<_>>().join(",");
            let agent = subject.agent_without_a_plug(action);
            let done = agent.options([("plug", named.as_str()), ("snmp_version", "2c")]).run();
            assert_eq!(done.code, Some(0), "{}: {}", row.name, done.stderr);
            subject.device.requests()
        };
        let (status, off) = (requests("status", 1), requests("off", 1));
        assert!(status <= 3 && off <= 6, "{}: {status}, {off}", row.name);
        // One SET more, and nothing else.
        assert_eq!((requests("status", 2), requests("off", 2)), (status, off + 1), "{}", row.name);
    }
}
