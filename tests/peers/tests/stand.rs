//! The stands, judged by clients that others wrote: net-snmp's snmpget, snmpset and snmpwalk.

use std::process::{Command, Output};
use std::time::Duration;

use peers::snmp::{Behaviour, PowerUnit};
use peers::stand::{
    APC_EASY, APC_MASTERSWITCH_PLUS, APC_RPDU, APC_RPDU2, ATEN_PE, ATEN_PE2, AVOCENT_PM, BACHMANN,
    CHATSWORTH, CYBERPOWER, CYBERPOWER_2, EATON_EPDU, EATON_MANAGED, EATON_NLOGIC, EATON_SWITCHED, ENLOGIC,
    GUDE, HPE_PDU2, HPE_PDU3, Holds, IBM_BLADE, INTEL_MODULAR, IPDU_NEW, IPDU_OLD, LIEBERT_MPX, LINDY, NETIO,
    RARITAN_PDU2, RARITAN_PX1, RIEDO_UPDU, SENTRY3, SENTRY4, Stand, TRIPP_LITE, TRIPP_LITE_LX, VERTIV_V5,
};
use peers::until;

/// No outlet takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A time that doesn't pass while a test looks.
const LONG: Duration = Duration::from_secs(3600);

fn run(unit: &PowerUnit, program: &str, community: &str, more: &[&str]) -> Output {
    let address = unit.address().to_string();
    Command::new(program)
        .args(["-v2c", "-c", community, "-t", "5", "-r", "3", "-On", "-Oq"])
        .arg(address)
        .args(more)
        .env("MIBS", "")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error} (Debian: apt-get install snmp)"))
}

/// What snmpget says that an object holds.
fn get(unit: &PowerUnit, object: &str) -> String {
    let output = run(unit, "snmpget", "public", &["-Ov", object]);
    String::from_utf8_lossy(&output.stdout).trim().trim_matches('"').to_owned()
}

/// How snmpset ends, in its words where it fails.
fn set(unit: &PowerUnit, object: &str, of: &str, value: &str) -> Result<(), String> {
    let output = run(unit, "snmpset", "private", &[object, of, value]);
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// What each family has at the places of one outlet, written out from its MIB.
struct Row {
    stand: &'static Stand,
    /// How many units or branches, and which outlet of which.
    groups: u32,
    place: (u32, u32),
    sys_object_id: &'static str,
    state: &'static str,
    on: &'static str,
    off: &'static str,
    /// Where what is written to switch it.
    switch_on: (&'static str, &'static str),
    switch_off: (&'static str, &'static str),
    /// Where its name stands.
    name: Option<&'static str>,
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { stand: &APC_RPDU, groups: 1, place: (1, 3), sys_object_id: "318.1.3.4.5",
          state: "318.1.1.12.3.5.1.1.4.3", on: "1", off: "2",
          switch_on: ("318.1.1.12.3.3.1.1.4.3", "1"), switch_off: ("318.1.1.12.3.3.1.1.4.3", "2"),
          name: Some("318.1.1.12.3.5.1.1.2.3") },
    Row { stand: &APC_MASTERSWITCH_PLUS, groups: 2, place: (2, 3), sys_object_id: "318.1.3.4.4",
          state: "318.1.1.6.7.1.1.5.2.1.3", on: "1", off: "2",
          switch_on: ("318.1.1.6.5.1.1.5.2.1.3", "1"), switch_off: ("318.1.1.6.5.1.1.5.2.1.3", "3"),
          name: Some("318.1.1.6.7.1.1.4.2.1.3") },
    Row { stand: &APC_RPDU2, groups: 1, place: (1, 3), sys_object_id: "318.1.3.4.6",
          state: "318.1.1.26.9.2.3.1.5.3", on: "2", off: "1",
          switch_on: ("318.1.1.26.9.2.4.1.5.3", "1"), switch_off: ("318.1.1.26.9.2.4.1.5.3", "2"),
          name: Some("318.1.1.26.9.2.3.1.3.3") },
    Row { stand: &TRIPP_LITE, groups: 2, place: (2, 3), sys_object_id: "850.1",
          state: "850.10.2.3.5.1.2.2.3", on: "2", off: "1",
          switch_on: ("850.10.2.3.5.1.4.2.3", "2"), switch_off: ("850.10.2.3.5.1.4.2.3", "1"),
          name: Some("850.10.2.3.5.1.5.2.3") },
    Row { stand: &TRIPP_LITE_LX, groups: 1, place: (1, 3), sys_object_id: "850.1.1.1",
          state: "850.1.1.3.2.3.3.1.1.4.1.3", on: "2", off: "1",
          switch_on: ("850.1.1.3.2.3.3.1.1.6.1.3", "2"), switch_off: ("850.1.1.3.2.3.3.1.1.6.1.3", "1"),
          name: Some("850.1.1.3.2.3.3.1.1.2.1.3") },
    Row { stand: &EATON_MANAGED, groups: 1, place: (1, 3), sys_object_id: "534.6.6.6",
          state: "534.6.6.6.1.2.2.1.3.2", on: "1", off: "0",
          switch_on: ("534.6.6.6.1.2.2.1.3.2", "1"), switch_off: ("534.6.6.6.1.2.2.1.3.2", "0"),
          name: Some("534.6.6.6.1.2.2.1.2.2") },
    Row { stand: &EATON_SWITCHED, groups: 1, place: (1, 3), sys_object_id: "20677.2",
          state: "20677.2.6.3.3.0", on: "1", off: "2",
          switch_on: ("20677.2.6.2.4.0", "1"), switch_off: ("20677.2.6.2.4.0", "2"),
          name: Some("20677.2.6.1.3.1.0") },
    Row { stand: &EATON_EPDU, groups: 2, place: (0, 3), sys_object_id: "534.6.6.7",
          state: "534.6.6.7.6.6.1.2.0.3", on: "1", off: "0",
          switch_on: ("534.6.6.7.6.6.1.4.0.3", "0"), switch_off: ("534.6.6.7.6.6.1.3.0.3", "0"),
          name: Some("534.6.6.7.6.1.1.3.0.3") },
    // Branch 2 of unit 1.
    Row { stand: &LIEBERT_MPX, groups: 2, place: (2, 3), sys_object_id: "476.1.42",
          state: "476.1.42.3.8.50.20.1.95.1.2.3", on: "2", off: "1",
          switch_on: ("476.1.42.3.8.50.20.1.100.1.2.3", "1"), switch_off: ("476.1.42.3.8.50.20.1.100.1.2.3", "0"),
          name: Some("476.1.42.3.8.50.20.1.10.1.2.3") },
    Row { stand: &RARITAN_PDU2, groups: 1, place: (1, 3), sys_object_id: "13742.6",
          state: "13742.6.4.1.2.1.3.1.3", on: "7", off: "8",
          switch_on: ("13742.6.4.1.2.1.2.1.3", "1"), switch_off: ("13742.6.4.1.2.1.2.1.3", "0"),
          name: Some("13742.6.3.5.3.1.3.1.3") },
    Row { stand: &IPDU_OLD, groups: 1, place: (1, 3), sys_object_id: "2.6.223",
          state: "2.6.223.8.2.2.1.11.3", on: "1", off: "0",
          switch_on: ("2.6.223.8.2.2.1.11.3", "1"), switch_off: ("2.6.223.8.2.2.1.11.3", "0"),
          name: Some("2.6.223.8.2.2.1.2.3") },
    Row { stand: &IPDU_NEW, groups: 1, place: (1, 3), sys_object_id: "2.6.223",
          state: "2.6.223.8.2.2.1.13.3", on: "1", off: "0",
          switch_on: ("2.6.223.8.2.2.1.13.3", "1"), switch_off: ("2.6.223.8.2.2.1.13.3", "0"),
          name: Some("2.6.223.8.2.2.1.2.3") },
    Row { stand: &IBM_BLADE, groups: 1, place: (1, 3), sys_object_id: "2.6.158.5",
          state: "2.3.51.2.22.1.6.1.1.4.3", on: "1", off: "0",
          switch_on: ("2.3.51.2.22.1.6.1.1.7.3", "1"), switch_off: ("2.3.51.2.22.1.6.1.1.7.3", "0"),
          name: Some("2.3.51.2.22.1.6.1.1.6.3") },
    Row { stand: &INTEL_MODULAR, groups: 1, place: (1, 3), sys_object_id: "343.2.19.1.2",
          state: "343.2.19.1.2.10.202.1.1.6.3", on: "2", off: "0",
          switch_on: ("343.2.19.1.2.10.202.1.1.6.3", "2"), switch_off: ("343.2.19.1.2.10.202.1.1.6.3", "3"),
          name: None },
    // Cord 1 of unit 2.
    Row { stand: &SENTRY4, groups: 4, place: (3, 3), sys_object_id: "1718.4",
          state: "1718.4.1.8.3.1.1.2.1.3", on: "1", off: "2",
          switch_on: ("1718.4.1.8.5.1.2.2.1.3", "1"), switch_off: ("1718.4.1.8.5.1.2.2.1.3", "2"),
          name: Some("1718.4.1.8.2.1.3.2.1.3") },
    Row { stand: &VERTIV_V5, groups: 1, place: (1, 3), sys_object_id: "21239.42.1.52",
          state: "21239.5.2.3.5.1.4.3", on: "1", off: "2",
          switch_on: ("21239.5.2.3.5.1.6.3", "2"), switch_off: ("21239.5.2.3.5.1.6.3", "4"),
          name: Some("21239.5.2.3.5.1.3.3") },
    // Outlet 3 of eight.
    Row { stand: &LINDY, groups: 1, place: (1, 3), sys_object_id: "17420",
          state: "17420.1.2.9.1.13.0", on: "1,1,1,1,1,1,1,1", off: "1,1,0,1,1,1,1,1",
          switch_on: ("17420.1.2.9.1.13.0", "1,1,1,1,1,1,1,1"), switch_off: ("17420.1.2.9.1.13.0", "1,1,0,1,1,1,1,1"),
          name: Some("17420.1.2.9.1.14.3.0") },
    Row { stand: &RARITAN_PX1, groups: 1, place: (1, 3), sys_object_id: "13742.4",
          state: "13742.4.1.2.2.1.3.3", on: "1", off: "0",
          switch_on: ("13742.4.1.2.2.1.3.3", "1"), switch_off: ("13742.4.1.2.2.1.3.3", "0"),
          name: Some("13742.4.1.2.2.1.2.3") },
    // Infeed 2 of tower 2.
    Row { stand: &SENTRY3, groups: 4, place: (4, 3), sys_object_id: "1718.3",
          state: "1718.3.2.3.1.5.2.2.3", on: "1", off: "0",
          switch_on: ("1718.3.2.3.1.11.2.2.3", "1"), switch_off: ("1718.3.2.3.1.11.2.2.3", "2"),
          name: Some("1718.3.2.3.1.3.2.2.3") },
    Row { stand: &CYBERPOWER, groups: 1, place: (1, 3), sys_object_id: "3808.1.1.3",
          state: "3808.1.1.3.3.5.1.1.4.3", on: "1", off: "2",
          switch_on: ("3808.1.1.3.3.3.1.1.4.3", "1"), switch_off: ("3808.1.1.3.3.3.1.1.4.3", "2"),
          name: Some("3808.1.1.3.3.5.1.1.2.3") },
    Row { stand: &CYBERPOWER_2, groups: 1, place: (1, 3), sys_object_id: "3808.1.1.6",
          state: "3808.1.1.6.6.1.4.1.5.3", on: "1", off: "2",
          switch_on: ("3808.1.1.6.6.1.5.1.5.3", "1"), switch_off: ("3808.1.1.6.6.1.5.1.5.3", "2"),
          name: Some("3808.1.1.6.6.1.4.1.4.3") },
    Row { stand: &APC_EASY, groups: 1, place: (1, 3), sys_object_id: "318.1.3.4.9",
          state: "318.1.1.30.6.1.1.4.3", on: "2", off: "1",
          switch_on: ("318.1.1.30.6.2.1.4.3", "1"), switch_off: ("318.1.1.30.6.2.1.4.3", "2"),
          name: None },
    Row { stand: &HPE_PDU3, groups: 2, place: (2, 3), sys_object_id: "232.165.11",
          state: "232.165.11.5.2.1.1.2.3", on: "2", off: "1",
          switch_on: ("232.165.11.5.2.1.3.2.3", "0"), switch_off: ("232.165.11.5.2.1.2.2.3", "0"),
          name: Some("232.165.11.5.1.1.2.2.3") },
    // Object 11, where 10 is the table of names.
    Row { stand: &ATEN_PE, groups: 1, place: (1, 9), sys_object_id: "21317",
          state: "21317.1.3.2.2.2.1.5.1.2.9", on: "2", off: "1",
          switch_on: ("21317.1.3.2.2.2.2.11.0", "2"), switch_off: ("21317.1.3.2.2.2.2.11.0", "1"),
          name: Some("21317.1.3.2.2.2.2.10.1.2.9") },
    Row { stand: &ATEN_PE2, groups: 2, place: (2, 3), sys_object_id: "21317",
          state: "21317.1.3.2.3.2.3.3.1.1.2.3", on: "2", off: "1",
          switch_on: ("21317.1.3.2.3.2.3.3.1.1.2.3", "2"), switch_off: ("21317.1.3.2.3.2.3.3.1.1.2.3", "1"),
          name: Some("21317.1.3.2.3.2.3.2.1.1.2.3") },
    Row { stand: &GUDE[0], groups: 1, place: (1, 3), sys_object_id: "28507.1",
          state: "28507.1.1.2.2.1.3.3", on: "1", off: "0",
          switch_on: ("28507.1.1.2.2.1.3.3", "1"), switch_off: ("28507.1.1.2.2.1.3.3", "0"),
          name: Some("28507.1.1.2.2.1.2.3") },
    Row { stand: &GUDE[1], groups: 1, place: (1, 12), sys_object_id: "28507.56",
          state: "28507.56.1.3.1.2.1.3.12", on: "1", off: "0",
          switch_on: ("28507.56.1.3.1.2.1.3.12", "1"), switch_off: ("28507.56.1.3.1.2.1.3.12", "0"),
          name: Some("28507.56.1.3.1.2.1.2.12") },
    Row { stand: &HPE_PDU2, groups: 2, place: (1, 3), sys_object_id: "232.165.7",
          state: "232.165.7.5.2.1.1.1.3", on: "2", off: "1",
          switch_on: ("232.165.7.5.2.1.3.1.3", "0"), switch_off: ("232.165.7.5.2.1.2.1.3", "0"),
          name: Some("232.165.7.5.1.1.2.1.3") },
    Row { stand: &ENLOGIC, groups: 2, place: (2, 3), sys_object_id: "38446.1",
          state: "38446.1.5.4.1.4.2.3", on: "1", off: "0",
          switch_on: ("38446.1.5.5.1.4.2.3", "2"), switch_off: ("38446.1.5.5.1.4.2.3", "1"),
          name: Some("38446.1.5.4.1.3.2.3") },
    Row { stand: &EATON_NLOGIC, groups: 2, place: (2, 3), sys_object_id: "534.7.1",
          state: "534.7.1.5.2.1.1.2.3", on: "2", off: "1",
          switch_on: ("534.7.1.5.2.1.10.2.3", "2"), switch_off: ("534.7.1.5.2.1.10.2.3", "1"),
          name: Some("534.7.1.5.1.1.2.2.3") },
    // Unit 2 at port 1.
    Row { stand: &AVOCENT_PM, groups: 2, place: (2, 3), sys_object_id: "10418.17.1.7",
          state: "10418.17.2.5.5.1.5.1.2.3", on: "2", off: "1",
          switch_on: ("10418.17.2.5.5.1.6.1.2.3", "2"), switch_off: ("10418.17.2.5.5.1.6.1.2.3", "3"),
          name: Some("10418.17.2.5.5.1.4.1.2.3") },
    // Phase 2 of circuit 1 of device 2.
    Row { stand: &BACHMANN, groups: 6, place: (5, 3), sys_object_id: "8072.3.2.10",
          state: "31770.2.2.6.5.1.12.2.1.2.3", on: "1", off: "2",
          switch_on: ("31770.2.2.6.5.1.12.2.1.2.3", "1"), switch_off: ("31770.2.2.6.5.1.12.2.1.2.3", "2"),
          name: Some("31770.2.2.6.5.1.8.2.1.2.3") },
    Row { stand: &RIEDO_UPDU, groups: 2, place: (0, 3), sys_object_id: "55108.1",
          state: "55108.1.4.1.1.4.0.3", on: "1", off: "0",
          switch_on: ("55108.1.4.1.1.3.0.3", "1"), switch_off: ("55108.1.4.1.1.3.0.3", "0"),
          name: Some("55108.1.4.1.1.2.0.3") },
    Row { stand: &NETIO, groups: 1, place: (1, 3), sys_object_id: "47952.1",
          state: "47952.1.1.1.3.3", on: "1", off: "0",
          switch_on: ("47952.1.1.1.5.3", "1"), switch_off: ("47952.1.1.1.5.3", "0"),
          name: Some("47952.1.1.1.2.3") },
    // The address ends with 22.
    Row { stand: &CHATSWORTH, groups: 2, place: (2, 3), sys_object_id: "30932.1.1",
          state: "30932.1.10.1.4.10.1.11.3.12.48.48.48.69.68.51.48.48.65.68.50.50", on: "1", off: "0",
          switch_on: ("30932.1.10.1.4.10.1.11.3.12.48.48.48.69.68.51.48.48.65.68.50.50", "1"),
          switch_off: ("30932.1.10.1.4.10.1.11.3.12.48.48.48.69.68.51.48.48.65.68.50.50", "0"),
          name: Some("30932.1.10.1.4.10.1.4.3.12.48.48.48.69.68.51.48.48.65.68.50.50") },
];

fn full(object: &str) -> String {
    format!("1.3.6.1.4.1.{object}")
}

#[test]
fn every_family_is_read_and_switched_at_the_places_that_its_mib_names() {
    for row in ROWS {
        let name = row.stand.name;
        let unit = PowerUnit::builder(row.stand).switches(row.groups).start();
        let (group, outlet) = row.place;
        assert_eq!(get(&unit, "1.3.6.1.2.1.1.2.0"), format!(".{}", full(row.sys_object_id)), "{name}");
        unit.name(group, outlet, "node3");
        let named = row.name.map(|object| get(&unit, &full(object)));
        let named = named.as_deref().map(|name| name.trim_end_matches(",0,0,0,0"));
        assert!(matches!(named, None | Some("node3")), "{name}: {named:?}");
        let others = || unit.places().into_iter().filter(|place| *place != row.place);
        let of = if row.stand.name == "lindy" { "s" } else { "i" };
        assert_eq!(get(&unit, &full(row.state)), row.on, "{name}");
        for (on, value, (object, command)) in
            [(false, row.off, row.switch_off), (true, row.on, row.switch_on)]
        {
            set(&unit, &full(object), of, command).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(unit.is_on(group, outlet), on, "{name}");
            assert_eq!(get(&unit, &full(row.state)), value, "{name}");
            assert!(others().all(|(group, outlet)| unit.is_on(group, outlet)), "{name}: another one");
        }
        let taken: Vec<_> = unit.taken().iter().map(|taken| (taken.place, taken.on)).collect();
        assert_eq!(taken, [(row.place, false), (row.place, true)], "{name}");
        assert_eq!(unit.writes().len() + unit.texts().len(), 2, "{name}");
        // What isn't there isn't there, and what may not be written says so.
        assert!(get(&unit, &full(&format!("{}.77", row.state))).contains("No Such"), "{name}");
        if let Some(object) = row.name {
            assert!(set(&unit, &full(object), "s", "x").unwrap_err().contains("notWritable"), "{name}");
        }
    }
}

#[test]
fn every_family_is_walked_from_end_to_end() {
    for stand in Stand::EVERY.iter().copied() {
        let unit = PowerUnit::builder(stand).switches(2).outlets(3).start();
        let output = run(&unit, "snmpwalk", "public", &[stand.base]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let objects: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
        for (group, outlet) in unit.places() {
            for column in stand.columns.iter().filter(|column| !matches!(column.holds, Holds::Unlisted(_))) {
                let object = format!(".{}", unit.object(column.object, group, outlet));
                assert!(objects.contains(&object.as_str()), "{}: no {object} in {text}", stand.name);
            }
        }
        assert!(objects.len() >= stand.columns.len(), "{}", stand.name);
    }
}

#[test]
fn an_object_for_which_firmware_answers_all_the_same_is_in_no_walk() {
    let unit = PowerUnit::builder(&AVOCENT_PM).outlets(2).start();
    assert_eq!(get(&unit, &full("10418.17.2.5.5.1.5.1.1.0")), "0");
    let output = run(&unit, "snmpwalk", "public", &[AVOCENT_PM.base]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(".5.1.1.1 ") && text.contains(".5.1.1.2 ") && !text.contains(".1.1.0 "), "{text}");
}

#[test]
fn what_is_to_come_has_values_of_its_own_and_counts_down() {
    let unit = PowerUnit::builder(&EATON_EPDU).delay(LONG).start();
    let at = |column| unit.object(column, 0, 2);
    let (state, off, on) = (at("6.6.1.2.U.N"), at("6.6.1.3.U.N"), at("6.6.1.4.U.N"));
    assert_eq!([get(&unit, &state), get(&unit, &off), get(&unit, &on)], ["1", "-1", "-1"]);
    set(&unit, &off, "i", "30").unwrap();
    assert_eq!([get(&unit, &state), get(&unit, &on)], ["2", "-1"]);
    let left: u64 = get(&unit, &off).parse().unwrap();
    assert!(left > 3000, "{left}");
    assert!(unit.is_on(0, 2));
    set(&unit, &off, "i", "-1").unwrap();
    assert_eq!([get(&unit, &state), get(&unit, &off)], ["1", "-1"]);
    assert!(set(&unit, &off, "i", "-2").unwrap_err().contains("wrongValue"));
    unit.set_delay(Duration::ZERO);
    set(&unit, &off, "i", "0").unwrap();
    assert_eq!([get(&unit, &state), get(&unit, &off)], ["0", "-1"]);
    unit.set_delay(LONG);
    set(&unit, &on, "i", "0").unwrap();
    assert_eq!(get(&unit, &state), "3");

    // Off that is going to be on has a value there, and on that is going to be off hasn't.
    let unit = PowerUnit::builder(&LIEBERT_MPX).delay(LONG).start();
    let state = unit.object("95.U.B.N", 1, 2);
    set(&unit, &unit.object("100.U.B.N", 1, 2), "i", "0").unwrap();
    assert_eq!(get(&unit, &state), "2");
    unit.set(1, 3, false);
    unit.schedule(1, 3, true, LONG);
    assert_eq!(get(&unit, &unit.object("95.U.B.N", 1, 3)), "3");

    // Vertiv's takes cancelling as a command of its own.
    let unit = PowerUnit::builder(&VERTIV_V5).delay(LONG).start();
    let control = unit.object("6.N", 1, 1);
    set(&unit, &control, "i", "4").unwrap();
    assert_eq!([get(&unit, &unit.object("4.N", 1, 1)), get(&unit, &control)], ["3", "8"]);
    set(&unit, &control, "i", "1").unwrap();
    assert_eq!(get(&unit, &unit.object("4.N", 1, 1)), "1");
    assert!(set(&unit, &control, "i", "6").unwrap_err().contains("wrongValue"));
}

#[test]
fn an_outlet_that_may_not_be_switched_refuses_or_ignores_commands() {
    let unit = PowerUnit::start(&LIEBERT_MPX);
    let control = unit.object("100.U.B.N", 1, 2);
    let lock = unit.object("105.U.B.N", 1, 2);
    unit.hold(&lock, Some(2));
    assert_eq!(get(&unit, &lock), "2");
    assert!(set(&unit, &control, "i", "0").unwrap_err().contains("inconsistentValue"));
    assert!(unit.is_on(1, 2));
    assert_eq!((unit.taken().len(), unit.refused().len()), (0, 1));
    // A neighbour isn't locked.
    set(&unit, &unit.object("100.U.B.N", 1, 3), "i", "0").unwrap();
    assert!(!unit.is_on(1, 3));
    unit.hold(&lock, None);
    unit.hold(&unit.object("50.U.B.N", 1, 2), Some(2));
    set(&unit, &control, "i", "0").unwrap();
    assert!(unit.is_on(1, 2));
    unit.hold(&unit.object("50.U.B.N", 1, 2), None);
    set(&unit, &control, "i", "0").unwrap();
    assert!(!unit.is_on(1, 2));
}

#[test]
fn eaton_s_first_command_is_for_all_outlets_and_its_rows_are_off_by_one() {
    let unit = PowerUnit::start(&EATON_SWITCHED);
    set(&unit, &full("20677.2.6.2.1.0"), "i", "2").unwrap();
    assert!(unit.places().into_iter().all(|(unit_of, outlet)| !unit.is_on(unit_of, outlet)));
    let unit = PowerUnit::start(&EATON_MANAGED);
    assert_eq!(get(&unit, &full("534.6.6.6.1.2.1.0")), "8");
    assert!(get(&unit, &full("534.6.6.6.1.2.2.1.3.8")).contains("No Such"));
    set(&unit, &full("534.6.6.6.1.2.2.1.3.0"), "i", "0").unwrap();
    assert!(!unit.is_on(1, 1) && unit.is_on(1, 2));
}

#[test]
fn what_switches_an_old_ipdu_is_a_threshold_of_a_new_one() {
    let threshold = full("2.6.223.8.2.2.1.11.2");
    let unit = PowerUnit::start(&IPDU_NEW);
    assert_eq!(get(&unit, &threshold), "6000");
    set(&unit, &threshold, "i", "0").unwrap();
    assert_eq!(get(&unit, &threshold), "0");
    assert!(unit.is_on(1, 2) && unit.taken().is_empty());
    assert_eq!(unit.writes(), [(threshold.clone(), 0)]);
    let unit = PowerUnit::start(&IPDU_OLD);
    set(&unit, &threshold, "i", "0").unwrap();
    assert!(!unit.is_on(1, 2));
    assert!(get(&unit, &full("2.6.223.8.2.2.1.15.2")).contains("No Such"));
}

#[test]
fn lindy_s_text_is_written_as_a_whole_so_that_two_writers_undo_each_other() {
    let unit = PowerUnit::builder(&LINDY).outlets(4).start();
    let all = full("17420.1.2.9.1.13.0");
    let seen = get(&unit, &all);
    assert_eq!(seen, "1,1,1,1");
    set(&unit, &all, "s", "1,0,1,1").unwrap();
    // Whoever has read before that writes what it saw.
    set(&unit, &all, "s", "1,1,1,0").unwrap();
    assert!(unit.is_on(1, 2) && !unit.is_on(1, 4));
    let taken: Vec<_> = unit.taken().iter().map(|taken| (taken.place.1, taken.on)).collect();
    assert_eq!(taken, [(2, false), (2, true), (4, false)]);
    for wrong in ["1,1,1", "1,1,1,1,1", "1,1,1,-1", "", "1,1,1,2"] {
        assert!(set(&unit, &all, "s", wrong).unwrap_err().contains("wrongValue"), "{wrong}");
    }
    assert!(set(&unit, &all, "i", "1").unwrap_err().contains("wrongType"));
    // An outlet whose breaker has tripped, by its own value.
    unit.lie(1, 3, Some(-2));
    assert_eq!(get(&unit, &all), "1,1,-2,0");
    assert_eq!(unit.texts().len(), 7);
}

#[test]
fn an_outlet_of_any_family_is_deaf_or_late_as_it_is_told() {
    for row in ROWS.iter().filter(|row| row.stand.name != "lindy") {
        let (group, outlet) = row.place;
        let unit = PowerUnit::builder(row.stand).switches(row.groups).start();
        unit.behave(group, outlet, Behaviour { deaf: true, ..Behaviour::default() });
        set(&unit, &full(row.switch_off.0), "i", row.switch_off.1).unwrap();
        assert!(unit.is_on(group, outlet), "{}", row.stand.name);
        unit.behave(group, outlet, Behaviour::default());
        unit.set_delay(Duration::from_millis(50));
        set(&unit, &full(row.switch_off.0), "i", row.switch_off.1).unwrap();
        assert!(until(PATIENCE, || !unit.is_on(group, outlet)), "{}", row.stand.name);
        assert_eq!(get(&unit, &full(row.state)), row.off, "{}", row.stand.name);
    }
}
