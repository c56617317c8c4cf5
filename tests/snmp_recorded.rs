//! fence_ifmib, fence_apc_snmp and fence_tripplite_snmp against what real devices have been recorded to say: 90 with
//! network ports, four power units. What the agents tell is held against the recordings themselves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use peers::Agent;
use peers::agent::Finished;
use peers::snmp::table_agent::{self, Builder, Kind};
use peers::snmp::{Data, TableAgent};

const PORTS: &str = include_str!("fixtures/snmp/ports.txt");
const OUTLETS: &str = include_str!("fixtures/snmp/outlets.txt");

/// ifAdminStatus, ifOperStatus, ifDescr, ifName, ifAlias.
const COLUMNS: [&str; 5] = [
    "1.3.6.1.2.1.2.2.1.7",
    "1.3.6.1.2.1.2.2.1.8",
    "1.3.6.1.2.1.2.2.1.2",
    "1.3.6.1.2.1.31.1.1.1.1",
    "1.3.6.1.2.1.31.1.1.1.18",
];

/// The devices of a file: name, sysObjectID and the lines of each.
fn devices(file: &'static str) -> Vec<(&'static str, &'static str, Vec<&'static str>)> {
    let mut devices = Vec::new();
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix("device ") {
            Some(head) => {
                let (name, number) = head.split_once(' ').unwrap();
                devices.push((name, number, Vec::new()));
            }
            None => devices.last_mut().unwrap().2.push(line),
        }
    }
    devices
}

/// A number, or a text with its escapes undone; `None` for an object that isn't there.
fn data(written: &str) -> Option<Data> {
    let Some(text) = written.strip_prefix('=') else {
        return written.parse().ok().map(Data::Integer);
    };
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.bytes());
        let (digits, after) = after.split_at_checked(2).unwrap();
        bytes.push(u8::from_str_radix(digits, 16).unwrap());
        rest = after;
    }
    bytes.extend(rest.bytes());
    Some(Data::Text(bytes))
}

fn text(data: Option<&Data>) -> String {
    match data {
        Some(Data::Text(bytes)) => String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned(),
        _ => String::new(),
    }
}

fn started(builder: Builder, number: &str) -> TableAgent {
    match number {
        "-" => builder.without("1.3.6.1.2.1.1.2.0"),
        _ => builder,
    }
    .start()
}

fn run(name: &str, at: &TableAgent, options: &[(&str, &str)]) -> Finished {
    let binary = if name == "fence_tripplite_snmp" { "fence_apc_snmp" } else { name };
    let port = at.address().port().to_string();
    Agent::called(name, binary)
        .options([("ip", "127.0.0.1"), ("ipport", port.as_str()), ("community", "private")])
        .options([("login_timeout", "30"), ("shell_timeout", "30")])
        .options(options.iter().copied())
        .limit(Duration::from_secs(120))
        .run()
}

/// What status says of a state: its exit code and its line.
const ON: (Option<i32>, &str) = (Some(0), "Status: ON\n");
const OFF: (Option<i32>, &str) = (Some(2), "Status: OFF\n");

/// A line of a list: the plug, and what stands after it.
fn listed(done: &Finished) -> Vec<(String, String)> {
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    // A separator that no recorded name holds.
    let line = |line: &str| {
        let (plug, rest) = line.split_once('|').unwrap_or_else(|| panic!("no separator: {line}"));
        (plug.to_owned(), rest.to_owned())
    };
    done.stdout.lines().map(line).collect()
}

/// Runs something for each device, some at a time.
fn for_each(
    devices: Vec<(&'static str, &'static str, Vec<&'static str>)>,
    play: impl Fn(&str, &str, &[&'static str]) + Sync,
) {
    let count = devices.len();
    for some in devices.chunks(count.div_ceil(12)) {
        std::thread::scope(|scope| {
            for (name, number, lines) in some {
                scope.spawn(|| play(name, number, lines));
            }
        });
    }
}

#[test]
fn every_port_of_every_recorded_device_is_listed_and_found_by_what_the_list_calls_it() {
    let devices = devices(PORTS);
    assert!(devices.len() >= 90, "{}", devices.len());
    for_each(devices, |name, number, lines| {
        let mut builder = TableAgent::builder(if number == "-" { "1.3.6" } else { number });
        let mut ports: BTreeMap<u32, [Option<Data>; 5]> = BTreeMap::new();
        for line in lines {
            let mut fields = line.split('\t');
            let index = fields.next().unwrap();
            let row: [Option<Data>; 5] = std::array::from_fn(|_| data(fields.next().unwrap()));
            for (column, data) in COLUMNS.iter().zip(&row) {
                if let Some(data) = data {
                    builder = builder.row(&format!("{column}.{index}"), data.clone());
                }
            }
            ports.insert(index.parse().unwrap(), row);
        }
        ports.retain(|_, row| row[2].is_some());
        let device = started(builder, number);
        let mut bearers: HashMap<String, u32> = HashMap::new();
        for row in ports.values() {
            *bearers.entry(text(row[2].as_ref()).trim().to_owned()).or_default() += 1;
        }
        for version in ["1", "2c"] {
            let with = |options: &[(&str, &str)]| {
                run(
                    "fence_ifmib",
                    &device,
                    &[options, &[("snmp_version", version), ("separator", "|")]].concat(),
                )
            };
            let list = listed(&with(&[("action", "list")]));
            let states = listed(&with(&[("action", "list-status")]));
            assert_eq!((list.len(), states.len()), (ports.len(), ports.len()), "{name} {version}");
            // Some of each device, and every one that might be trouble.
            let every = (ports.len() / 4).max(1);
            for (at, ((index, row), ((plug, _), (_, state)))) in
                ports.iter().zip(list.iter().zip(&states)).enumerate()
            {
                let description = text(row[2].as_ref());
                let own = bearers[description.trim()] == 1 && !description.trim().is_empty();
                let digits = description.trim().bytes().all(|byte| byte.is_ascii_digit());
                if !own || digits {
                    assert_eq!(*plug, index.to_string(), "{name} {version}: {description:?}");
                }
                let printable = !description.contains(|c: char| c.is_control());
                if own && !digits && printable {
                    assert_eq!(plug, description.trim(), "{name} {version}");
                }
                let (admin, oper) = (row[0].clone(), row[1].clone());
                let (wanted, word) = match (admin, oper) {
                    (Some(Data::Integer(2)), Some(Data::Integer(2 | 4 | 6 | 7)) | None) => (OFF, "OFF"),
                    (Some(Data::Integer(1)), _) => (ON, "ON"),
                    // Neither the one nor the other: not off, and a list says so.
                    (Some(Data::Integer(2 | 3)), _) => (ON, "UNKNOWN"),
                    (other, _) => panic!("{name}: {other:?}"),
                };
                assert!(state.ends_with(&format!("|{word}")), "{name} {version} {index}: {state}");
                let odd = description != description.trim() || !description.is_ascii();
                if (at % every == 0 || odd && at < 40) && printable {
                    for plug in [plug.clone(), index.to_string()] {
                        let done =
                            with(&[("action", "status"), ("plug", plug.as_str()), ("plug_separator", "|")]);
                        assert_eq!(
                            (done.code, done.stdout.as_str()),
                            wanted,
                            "{name} {version} {plug}: {}",
                            done.stderr
                        );
                    }
                }
            }
            assert_eq!(device.sets(), []);
        }
    });
}

#[test]
fn every_outlet_of_every_recorded_unit_is_listed_and_found_by_number_and_by_name() {
    // The columns of names and states by which a unit is known, and the values of on and off.
    let apc = ("318.1.1.4.4.2.1.4", "318.1.1.4.4.2.1.3", 1, 2);
    let rpdu = ("318.1.1.12.3.5.1.1.2", "318.1.1.12.3.5.1.1.4", 1, 2);
    let rpdu2 = ("318.1.1.26.9.2.3.1.3", "318.1.1.26.9.2.3.1.5", 2, 1);
    let transfer_switch = ("850.1.1.3.4.3.3.1.1.2.1", "850.1.1.3.4.3.3.1.1.4.1", 2, 1);
    for_each(devices(OUTLETS), |name, number, lines| {
        let mut builder = TableAgent::builder(number);
        let mut rows: HashMap<String, Data> = HashMap::new();
        for line in lines {
            let (object, written) = line.split_once('\t').unwrap();
            let data = data(written).unwrap();
            builder = builder.row(object, data.clone());
            rows.insert(object.to_owned(), data);
        }
        let device = builder.start();
        let (agent, cases) = if name.starts_with("apc") {
            let cases = vec![("", apc), ("apc-masterswitch", apc), ("apc-rpdu", rpdu), ("apc-rpdu2", rpdu2)];
            ("fence_apc_snmp", cases)
        } else {
            ("fence_tripplite_snmp", vec![("", transfer_switch), ("tripplite-lx-ats", transfer_switch)])
        };
        for (family, (names, states, on, off)) in cases {
            let at = |column: &str, outlet: usize| rows.get(&format!("1.3.6.1.4.1.{column}.{outlet}"));
            let outlets = (1..).take_while(|outlet| at(states, *outlet).is_some()).count();
            assert!(outlets >= 16, "{name}");
            let version = if family.is_empty() { "1" } else { "2c" };
            let with = |options: &[(&str, &str)]| {
                let fixed = [("snmp_version", version), ("separator", "|"), ("family", family)];
                let fixed = if family.is_empty() { &fixed[..2] } else { &fixed[..] };
                run(agent, &device, &[options, fixed].concat())
            };
            let done = with(&[("action", "list-status")]);
            assert!(!done.stderr.contains("WARNING"), "{name}: nothing is unknown here: {}", done.stderr);
            let list = listed(&done);
            assert_eq!(list.len(), outlets, "{name} {family}");
            for (outlet, (plug, rest)) in (1..).zip(&list) {
                let called = text(at(names, outlet));
                let state = at(states, outlet);
                let (wanted, word) = match state {
                    Some(Data::Integer(state)) if *state == on => (ON, "ON"),
                    Some(Data::Integer(state)) if *state == off => (OFF, "OFF"),
                    other => panic!("{name} {outlet}: {other:?}"),
                };
                assert_eq!(
                    (plug, rest),
                    (&outlet.to_string(), &format!("{called}|{word}")),
                    "{name} {family}"
                );
                if outlet % 5 == 1 {
                    let alone = (1..=outlets).filter(|other| text(at(names, *other)) == called).count() == 1;
                    for plug in [outlet.to_string(), called.clone()] {
                        if plug.is_empty() {
                            continue;
                        }
                        let done = with(&[("action", "status"), ("plug", plug.as_str())]);
                        if alone || plug == outlet.to_string() {
                            let words = format!("{name} {family} {plug}: {}", done.stderr);
                            assert_eq!((done.code, done.stdout.as_str()), wanted, "{words}");
                        } else {
                            assert!(done.stderr.contains("ambiguous"), "{name} {plug}: {}", done.stderr);
                        }
                    }
                }
            }
        }
        assert_eq!(device.sets(), []);
    });
}

/// A unit of which others have published what it says, as far as it matters here.
struct Published {
    name: &'static str,
    /// sysObjectID, and whether it stands there as a text.
    number: (&'static str, bool),
    /// Where names and states stand: the object of an outlet, with `N` for its number.
    names: &'static str,
    states: fn(u32) -> String,
    /// How many outlets there are, and the value that they all have: on.
    outlets: (u32, i64),
    /// How many more the table has, and the value of those.
    more: (u32, i64),
}

const PUBLISHED: &[Published] = &[
    Published {
        name: "CyberPower PDU81005",
        number: ("1.3.6.1.4.1.3808.1.1.6", false),
        names: "1.3.6.1.4.1.3808.1.1.6.6.1.4.1.4.N",
        states: |outlet| format!("1.3.6.1.4.1.3808.1.1.6.6.1.4.1.5.{outlet}"),
        outlets: (8, 1),
        more: (0, 0),
    },
    Published {
        name: "HPE P9S18A",
        number: (".1.3.6.1.4.1.232.165.11", true),
        names: "1.3.6.1.4.1.232.165.11.5.1.1.2.1.N",
        states: |outlet| format!("1.3.6.1.4.1.232.165.11.5.2.1.1.1.{outlet}"),
        outlets: (24, 2),
        more: (24, 0),
    },
    Published {
        name: "an Aten PE with 16 outlets",
        number: ("1.3.6.1.4.1.21317", false),
        names: "1.3.6.1.4.1.21317.1.3.2.2.2.2.10.1.2.N",
        states: |outlet| {
            format!("1.3.6.1.4.1.21317.1.3.2.2.2.2.{}.0", if outlet <= 8 { outlet + 1 } else { outlet + 2 })
        },
        outlets: (16, 2),
        more: (26, 7),
    },
];

#[test]
fn units_of_which_others_have_published_what_they_say_are_known_by_it() {
    for unit in PUBLISHED {
        let (number, is_text) = unit.number;
        let mut builder = TableAgent::builder("1.3.6");
        builder = match is_text {
            true => builder.row("1.3.6.1.2.1.1.2.0", Data::Text(number.into())),
            false => TableAgent::builder(number),
        };
        let (outlets, on) = unit.outlets;
        let (more, nothing) = unit.more;
        for outlet in 1..=outlets + more {
            let there = outlet <= outlets;
            let name = if there { format!("OUTLET {outlet}").into_bytes() } else { vec![0; 8] };
            builder = builder.row(&unit.names.replace('N', &outlet.to_string()), Data::Text(name));
            let state = if there { on } else { nothing };
            builder = builder.row(&(unit.states)(outlet), Data::Integer(state));
        }
        let device = builder.start();
        for version in ["1", "2c"] {
            let with = |options: &[(&str, &str)]| {
                let fixed = [("snmp_version", version), ("separator", "|")];
                run("fence_snmp_pdu", &device, &[options, &fixed].concat())
            };
            let done = with(&[("action", "list-status")]);
            assert!(!done.stderr.contains("WARNING"), "{}: {}", unit.name, done.stderr);
            let expected: Vec<(String, String)> =
                (1..=outlets).map(|outlet| (outlet.to_string(), format!("OUTLET {outlet}|ON"))).collect();
            assert_eq!(listed(&done), expected, "{} {version}", unit.name);
            for plug in ["1", "8", "OUTLET 1"].into_iter().chain((outlets > 8).then_some("OUTLET 9")) {
                let done = with(&[("action", "status"), ("plug", plug)]);
                let told = (done.code, done.stdout.as_str());
                assert_eq!(told, ON, "{} {version} {plug}: {}", unit.name, done.stderr);
            }
            let done = with(&[("action", "status"), ("plug", &(outlets + 1).to_string())]);
            assert!(done.stderr.contains("no such plug"), "{} {version}: {}", unit.name, done.stderr);
        }
        // Aten keeps a thousand other objects among the outlets' own: a list doesn't walk through them.
        let mut walked =
            device.log().into_iter().filter(|asked| [Kind::Next, Kind::Bulk].contains(&asked.kind));
        let among = table_agent::name("1.3.6.1.4.1.21317.1.3.2.2.2.2");
        assert!(walked.all(|asked| !asked.names.contains(&among)), "{}", unit.name);
        assert_eq!(device.sets(), []);
    }
}
