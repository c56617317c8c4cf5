//! The table of power units against units that were written from the MIBs and know nothing of it.

#![expect(clippy::unwrap_used, reason = "helpers may fail the test, too")]

use std::time::Duration;

use fence_agents::agents::snmp::families::{self, Family, Outlet, State};
use fence_agents::base::{Deadline, Secret};
use fence_agents::fencing::Power;
use fence_agents::protocols::snmp::{
    Client, CommunityVersion, Config, Credentials, Oid, SYS_OBJECT_ID, Value,
};
use peers::snmp::{self, PowerUnit};

const PAIRS: [(snmp::Family, &str); 8] = [
    (snmp::Family::ApcRpdu, "apc-rpdu"),
    (snmp::Family::ApcMasterSwitchPlus, "apc-masterswitch-plus"),
    (snmp::Family::ApcMasterSwitchPlusByMib, "apc-masterswitch-plus"),
    (snmp::Family::ApcMasterSwitch6, "apc-masterswitch-6"),
    (snmp::Family::ApcMasterSwitch, "apc-masterswitch"),
    (snmp::Family::ApcRpdu2, "apc-rpdu2"),
    (snmp::Family::TrippLite, "tripplite"),
    (snmp::Family::TrippLiteLx, "tripplite-lx"),
];

fn client(unit: &PowerUnit) -> Client {
    let credentials =
        Credentials::Community { version: CommunityVersion::V2c, community: Secret::new("private") };
    Client::new(&[unit.address()], &credentials, Config::default()).unwrap()
}

fn limit() -> Deadline {
    Deadline::after(Duration::from_secs(30))
}

/// Writes what switches a row.
fn command(client: &mut Client, family: &Family, power: Power, row: &[u32]) {
    let (object, value) = family.command(power, row);
    client.set(&[(object, Value::Integer(value))], limit()).unwrap();
}

/// The row that answers, and what it says.
fn look(client: &mut Client, family: &Family, outlet: Outlet) -> Option<(Vec<u32>, State)> {
    family.rows_of(outlet).into_iter().find_map(|row| {
        let status = client.get_one(&family.status_object(&row), limit()).unwrap();
        let status = status.value()?.as_integer();
        let pending: Vec<Option<i64>> = family
            .pending_objects(&row)
            .map(|object| client.get_one(&object, limit()).unwrap().value().and_then(Value::as_integer))
            .collect();
        Some((row, family.state(status, &pending)))
    })
}

#[test]
fn every_family_switches_the_outlet_it_names_and_reads_what_is_true() {
    for (of, key) in PAIRS {
        let family = families::named(key).unwrap();
        let switches = if family.rows == families::Rows::Outlet { 1 } else { 2 };
        let unit = PowerUnit::builder(of).switches(switches).start();
        let mut client = client(&unit);
        let outlet = Outlet::new(switches, 3);
        let (row, state) = look(&mut client, family, outlet).unwrap();
        assert_eq!(state, State::On, "{key}");
        let column = family.names[0];
        let names = client.walk(&column.root(), limit()).unwrap();
        assert_eq!(names.len(), 8 * switches as usize);
        let named = names.iter().find(|(object, _)| *object == family.name_objects(&row)[0]).unwrap();
        assert!(named.1.as_text().unwrap().ends_with('3'));
        assert_eq!(family.outlet_of(&column.row(&named.0).unwrap()), Some(outlet));

        command(&mut client, family, Power::Off, &row);
        let off: Vec<(u32, u32)> = (1..=switches)
            .flat_map(|switch| (1..=8).map(move |number| (switch, number)))
            .filter(|&(switch, number)| !unit.is_on(switch, number))
            .collect();
        assert_eq!(off, [(switches, 3)], "{key}");
        assert_eq!(look(&mut client, family, outlet).unwrap().1, State::Off);
        assert_eq!(look(&mut client, family, Outlet::new(1, 9)), None);

        command(&mut client, family, Power::On, &row);
        assert!(unit.is_on(switches, 3), "{key}");
        assert_eq!(look(&mut client, family, outlet).unwrap().1, State::On);
    }
}

#[test]
fn a_delayed_command_is_seen_as_pending_and_can_be_cancelled_where_the_family_says_so() {
    for (of, key) in PAIRS {
        let family = families::named(key).unwrap();
        let &[pending] = family.pending else { continue };
        let unit = PowerUnit::start(of);
        let mut client = client(&unit);
        let outlet = Outlet::new(1, 2);
        unit.pend(1, 2, false, Duration::from_secs(3600));
        let (row, state) = look(&mut client, family, outlet).unwrap();
        assert_eq!(state, State::Pending, "{key}");
        if let Some((column, value)) = pending.cancel {
            client.set(&[(column.object(&row), Value::Integer(value))], limit()).unwrap();
            assert_eq!(look(&mut client, family, outlet).unwrap().1, State::On, "{key}");
        }
        unit.lie(1, 2, Some(4));
        unit.set(1, 2, true);
        assert_eq!(look(&mut client, family, outlet).unwrap().1, State::Unknown, "{key}");
    }
}

#[test]
fn an_outlet_that_takes_its_time_is_never_read_as_off_before_it_is() {
    for (of, key) in PAIRS {
        let family = families::named(key).unwrap();
        let unit = PowerUnit::builder(of).delay(Duration::from_millis(300)).start();
        let mut client = client(&unit);
        let outlet = Outlet::new(1, 5);
        let (row, _) = look(&mut client, family, outlet).unwrap();
        command(&mut client, family, Power::Off, &row);
        let deadline = limit();
        loop {
            let (_, state) = look(&mut client, family, outlet).unwrap();
            // What was read before this is true of a moment before it: off can't be taken back.
            let off = !unit.is_on(1, 5);
            assert!(off || state != State::Off, "{key}");
            if state == State::Off {
                break;
            }
            let waiting = if !family.pending.is_empty() { State::Pending } else { State::On };
            assert!(off || state == waiting, "{key}: {state:?}");
            assert!(!deadline.passed(), "{key}");
        }
    }
}

#[test]
fn every_unit_gives_a_number_by_which_its_family_is_found() {
    for (of, key) in PAIRS {
        let unit = PowerUnit::start(of);
        let answer = client(&unit).get_one(&Oid::from(SYS_OBJECT_ID), limit()).unwrap();
        let number = answer.value().unwrap().as_oid().unwrap().clone();
        let found = families::recognised(&number, |_| true).iter().any(|family| family.key == key);
        assert!(found, "{key}: {number}");
    }
}
