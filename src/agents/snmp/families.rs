//! The families of power units: what they are stands in [`family`](super::family), the rows in [`table`](super::table).

pub use super::family::{
    Column, Commands, Evidence, Family, Good, Guard, Holds, Mark, Of, Outlet, Pending, Plug, Rows, Says,
    State, Switched, Values,
};
pub use super::table::FAMILIES;
use crate::protocols::snmp::Oid;

/// The families whose units give this sysObjectID, of those that are `known`: the first is meant, a further one only where
/// the first one's tables don't answer. A number that is a family's own counts more than what numbers begin with, and the
/// longest beginning most.
pub fn recognised(sys_object_id: &Oid, known: impl Fn(&Family) -> bool) -> Vec<&'static Family> {
    let length = |family: &Family| {
        let own = family.sys_object_ids.contains(&sys_object_id.arcs()).then_some(usize::MAX);
        let begins = family.sys_object_prefixes.iter();
        let begins = begins.filter(|prefix| sys_object_id.arcs().starts_with(prefix));
        own.or_else(|| begins.map(|prefix| prefix.len()).max())
    };
    let fits: Vec<(usize, &'static Family)> = FAMILIES
        .iter()
        .filter(|family| known(family))
        .filter_map(|family| Some((length(family)?, family)))
        .collect();
    let longest = fits.iter().map(|(length, _)| *length).max();
    fits.into_iter().filter(|(length, _)| Some(*length) == longest).map(|(_, family)| family).collect()
}

/// The families to try for a unit that isn't recognised, in this order, whatever it says that it is: upstream takes
/// every such unit for the first one, and they are sold under other names, too.
pub fn probed() -> impl Iterator<Item = &'static Family> {
    FAMILIES.iter().filter(|family| family.probed)
}

/// The family that a user names.
pub fn named(key: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.key.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fencing::Power;
    use crate::protocols::snmp::Value;

    fn family(key: &str) -> &'static Family {
        named(key).unwrap()
    }

    fn keys(families: impl IntoIterator<Item = &'static Family>) -> Vec<&'static str> {
        families.into_iter().map(|family| family.key).collect()
    }

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_familys_own_off_is_off() {
        for family in FAMILIES {
            assert_ne!(family.states.on, family.states.off);
            assert_ne!(family.commands.on, family.commands.off);
            assert!(
                !family.absent.contains(&family.states.off) && !family.absent.contains(&family.states.on)
            );
            assert!(
                family
                    .changing
                    .iter()
                    .all(|(value, _)| ![family.states.on, family.states.off].contains(value))
            );
            for value in -32..=255 {
                let state = family.state(Some(value), &[]);
                assert_eq!(state == State::Off, value == family.states.off, "{} {value}", family.key);
                assert_eq!(state == State::On, value == family.states.on, "{} {value}", family.key);
            }
            assert_eq!(family.state(None, &[]), State::Unknown);
        }
    }

    #[test]
    fn the_second_generation_reads_the_other_way_round_and_is_commanded_as_the_first() {
        let (first, second) = (family("apc-rpdu"), family("apc-rpdu2"));
        assert_eq!((first.state(Some(1), &[]), first.state(Some(2), &[])), (State::On, State::Off));
        assert_eq!((second.state(Some(1), &[]), second.state(Some(2), &[])), (State::Off, State::On));
        let values = |family: &Family| (family.commands.on.1, family.commands.off.1);
        assert_eq!((values(first), values(second)), ((1, 2), (1, 2)));
    }

    #[test]
    fn a_pending_command_or_an_unknown_one_hides_the_state() {
        for family in FAMILIES.iter().filter(|family| !family.pending.is_empty()) {
            let off = Some(family.states.off);
            assert_eq!(family.state(off, &[]), State::Off);
            for at in 0..family.pending.len() {
                let told = |value| {
                    let mut told = vec![None; family.pending.len()];
                    told[at] = Some(value);
                    family.state(off, &told)
                };
                let column = family.pending[at];
                for value in -2..=60 {
                    let state = told(value);
                    assert_eq!(state == State::Off, column.off.have(value), "{} {value}", family.key);
                    let changing = column.no.have(value) && !column.off.have(value);
                    assert_eq!(matches!(state, State::Changing(_)), changing, "{} {value}", family.key);
                    assert!(!column.off.have(value) || column.no.have(value), "{}", family.key);
                    assert!(!column.on.have(value) || column.no.have(value), "{}", family.key);
                    assert_eq!(state == State::Pending, column.yes.have(value), "{} {value}", family.key);
                    assert!(!(column.no.have(value) && column.yes.have(value)), "{}", family.key);
                }
            }
        }
        let flag = family("apc-rpdu");
        assert_eq!(flag.state(Some(2), &[Some(1)]), State::Pending);
        assert_eq!(flag.state(Some(2), &[Some(3)]), State::Unknown);
        // Seconds, 0 among them, are a command that is to come.
        let countdown = family("eaton-epdu");
        assert_eq!(countdown.state(Some(0), &[Some(-1), Some(-1)]), State::Off);
        assert_eq!(countdown.state(Some(0), &[Some(-1), Some(0)]), State::Pending);
        assert_eq!(countdown.state(Some(0), &[Some(-2), Some(0)]), State::Unknown);
    }

    #[test]
    fn a_state_that_its_copy_does_not_share_is_none() {
        let aten = family("aten-pe");
        for state in 0..=9 {
            for copy in 0..=9 {
                let told = aten.state(Some(state), &[Some(copy)]);
                assert_eq!(told == State::Off, (state, copy) == (1, 1), "{state} {copy}");
                assert_eq!(told == State::On, (state, copy) == (2, 2), "{state} {copy}");
                assert_eq!(told == State::Absent, state == 7, "{state} {copy}");
            }
        }
    }

    #[test]
    fn off_beside_a_control_state_that_is_not_off_is_not_off() {
        for (key, staying) in [("sentry3", &[0, 2, 4, 6, 14][..]), ("sentry4", &[0, 2, 4, 6, 10, 14, 16])] {
            let family = family(key);
            let state = |status, control| family.state(Some(status), &[Some(control)]);
            let off = (-2..=30).filter(|control| state(family.states.off, *control) == State::Off);
            assert_eq!(off.collect::<Vec<_>>(), staying, "{key}");
            assert!(staying.iter().all(|control| state(family.states.on, *control) == State::On), "{key}");
        }
    }

    #[test]
    fn cancelling_is_never_another_command() {
        let cancel = |key| family(key).pending.first().and_then(|pending| pending.cancel);
        let value = |key| cancel(key).map(|(_, value)| value);
        assert_eq!(value("apc-rpdu"), Some(7));
        assert_eq!(value("apc-masterswitch-plus"), Some(8));
        assert_eq!(value("apc-masterswitch-6"), Some(7));
        assert_eq!(value("apc-rpdu2"), Some(8));
        // 7 would reboot the outlet.
        assert_eq!(value("apc-masterswitch"), None);
        for family in FAMILIES {
            for cancel in family.pending.iter().filter_map(|pending| pending.cancel) {
                assert!(cancel != family.commands.on && cancel != family.commands.off, "{}", family.key);
            }
        }
    }

    #[test]
    fn a_guard_that_has_told_of_an_outlet_and_does_not_any_more_is_not_good() {
        for guard in FAMILIES.iter().flat_map(|family| family.guards) {
            assert_eq!(guard.is_good(None, true), guard.good == Good::Missing, "{guard:?}");
            let needed = matches!(guard.good, Good::Number | Good::Told(_));
            let without = !needed && guard.says != Says::NoOutlet;
            assert_eq!(guard.is_good(None, false), without, "{guard:?}");
            let text = Value::Octets(b"1".to_vec());
            if !matches!(guard.good, Good::Bit(_)) {
                assert!(!guard.is_good(Some(&text), false), "{guard:?}");
            }
            let known = [-3_000_000, -2_000_000].into_iter().chain(-2..=255);
            let good = known.filter(|value| guard.is_good(Some(&Value::Integer(*value)), false));
            match guard.good {
                Good::Values(values) | Good::Told(values) => assert_eq!(good.collect::<Vec<_>>(), values),
                Good::Number => assert_eq!(good.count(), 260),
                Good::Bit(_) | Good::Missing => assert_eq!(good.count(), 0),
            }
        }
        let bit = Guard { good: Good::Bit(9), ..family("eaton-epdu").guards[0] };
        let has = |bytes: &[u8]| bit.is_good(Some(&Value::Octets(bytes.to_vec())), false);
        assert!(has(&[0, 0x40]) && !has(&[0xff, 0xbf]) && !has(&[0xff]) && !has(&[]));
    }

    #[test]
    fn objects_that_stand_in_no_table_have_their_numbers_and_no_others() {
        let pulizzi = family("eaton-pulizzi");
        let object = |object: Oid| object.to_string();
        for number in [1, 36] {
            let row = pulizzi.rows_of(Outlet::new(1, number)).remove(0);
            let base = "1.3.6.1.4.1.20677.2.6";
            assert_eq!(object(pulizzi.status_object(&row)), format!("{base}.3.{number}.0"));
            let command = pulizzi.command(Power::Off, &row);
            assert_eq!((object(command.0), command.1), (format!("{base}.2.{}.0", number + 1), 2));
            assert_eq!(object(pulizzi.name_objects(&row).remove(0)), format!("{base}.1.{number}.1.0"));
        }
        for text in ["0", "37", "1:0", "2:1", "4294967295"] {
            assert_eq!(pulizzi.outlet(Plug::parse(text, pulizzi.rows)), None, "{text}");
        }
        for family in FAMILIES {
            let columns = [family.status, family.commands.on.0, family.commands.off.0];
            let columns = columns.iter().chain(family.names).chain(&family.labels);
            for column in columns {
                // What is added to a number needs a largest number.
                assert!(column.shift == 0 || family.most.is_some(), "{}", family.key);
                for row in family.rows_of(Outlet::of_branch(1, 1, 8)) {
                    assert_eq!(column.row(&column.object(&row)), Some(row), "{}", family.key);
                }
            }
        }
        // The command for all outlets at once is nobody's.
        assert_eq!(pulizzi.commands.off.0.row(&oid("1.3.6.1.4.1.20677.2.6.2.1.0")), Some(vec![0]));
        assert_eq!(pulizzi.outlet_of(&[0]), None);
    }

    #[test]
    fn a_table_in_the_midst_of_the_outlets_is_none_of_them() {
        let aten = family("aten-pe");
        let base = "1.3.6.1.4.1.21317.1.3.2.2.2.2";
        for (number, object) in [(1, 2), (8, 9), (9, 11), (10, 12), (42, 44)] {
            let row = aten.rows_of(Outlet::new(1, number)).remove(0);
            assert_eq!(aten.status_object(&row).to_string(), format!("{base}.{object}.0"));
            assert_eq!(aten.command(Power::Off, &row), (aten.status_object(&row), 1));
            assert_eq!(aten.status.row(&aten.status_object(&row)), Some(row));
        }
        let outlet = |object: &str| {
            aten.status.row(&oid(&format!("{base}.{object}"))).and_then(|row| aten.outlet_of(&row))
        };
        for object in ["1.0", "10.0", "45.0", "70.0", "10.1.2.0", "1.1.1.5", "9"] {
            assert_eq!(outlet(object), None, "{object}");
        }
        assert_eq!(outlet("11.0"), Some(Outlet::new(1, 9)));
        for text in ["0", "43", "4294967295"] {
            assert_eq!(aten.outlet(Plug::parse(text, aten.rows)), None, "{text}");
        }
    }

    #[test]
    fn the_first_outlet_of_rows_from_zero_is_number_1() {
        let managed = family("eaton-epdu-ma");
        let row = |number| managed.rows_of(Outlet::new(1, number));
        assert_eq!((row(0), row(1), row(20)), (vec![], vec![vec![0]], vec![vec![19]]));
        assert_eq!(managed.outlet_of(&[19]), Some(Outlet::new(1, 20)));
        assert_eq!(managed.outlet_of(&[u32::MAX]), None);
    }

    #[test]
    fn a_unit_is_recognised_as_upstream_does_and_the_second_generation_comes_second() {
        for (sys_object_id, expected) in [
            ("1.3.6.1.4.1.318.1.3.4.5", vec!["apc-rpdu"]),
            ("1.3.6.1.4.1.318.1.3.4.4", vec!["apc-masterswitch-plus"]),
            ("1.3.6.1.4.1.318.1.3.4.6", vec!["apc-masterswitch-6", "apc-rpdu2"]),
            ("1.3.6.1.4.1.318.1.3.4.8", vec!["apc-masterswitch-6", "apc-rpdu2"]),
            ("1.3.6.1.4.1.318.1.3.4.1", vec!["apc-masterswitch"]),
            ("1.3.6.1.4.1.318.1.3.4.2", vec!["apc-masterswitch"]),
            ("1.3.6.1.4.1.318.1.3.4.7", vec!["apc-masterswitch"]),
            ("1.3.6.1.4.1.318.1.3.4.9", vec!["apc-easy"]),
            ("1.3.6.1.4.1.318.1.1.32", vec!["apc-cpdu"]),
            ("1.3.6.1.4.1.850.1", vec!["tripplite"]),
            ("1.3.6.1.4.1.850.1.1.1", vec!["tripplite-lx", "tripplite-lx-ats"]),
            ("1.3.6.1.4.1.3808.1.1.3", vec!["cyberpower", "cyberpower-2"]),
            ("1.3.6.1.4.1.3808.1.1.6", vec!["cyberpower-2"]),
            ("1.3.6.1.4.1.3808.1.1.1", vec![]),
            ("1.3.6.1.4.1.232.165.7", vec!["hpe-pdu2"]),
            ("1.3.6.1.4.1.232.165.11", vec!["hpe-pdu3"]),
            ("1.3.6.1.4.1.232.165.1", vec![]),
            ("1.3.6.1.4.1.21317", vec!["aten-pe", "aten-pe2"]),
            ("1.3.6.1.4.1.21317.1", vec![]),
            ("1.3.6.1.4.1.28507.1", vec!["gude-epc8x"]),
            ("1.3.6.1.4.1.28507.43", vec!["gude-epc1202"]),
            ("1.3.6.1.4.1.28507.43.1", vec!["gude-epc1202"]),
            ("1.3.6.1.4.1.28507.4", vec![]),
            ("1.3.6.1.4.1.28507", vec![]),
            ("1.3.6.1.4.1.4779", vec![]),
            ("1.3.6.1.4.1.318.1.3.4", vec![]),
            ("1.3.6.1.4.1.318.1.3.4.3", vec![]),
            ("1.3.6.1.4.1.8072.3.2.10", vec![]),
        ] {
            assert_eq!(keys(recognised(&oid(sys_object_id), |_| true)), expected, "{sys_object_id}");
        }
    }

    #[test]
    fn a_makers_number_alone_is_no_family() {
        // With a mark it isn't alone.
        for family in FAMILIES.iter().filter(|family| family.mark.is_none()) {
            let ids = family.sys_object_ids.iter().chain(family.sys_object_prefixes);
            let enterprise = oid("1.3.6.1.4.1").arcs().len() + 1;
            assert!(ids.copied().all(|id| id.len() > enterprise), "{}", family.key);
        }
    }

    #[test]
    fn an_unknown_unit_is_probed_first_as_what_upstream_takes_it_for() {
        assert_eq!(keys(probed()), ["apc-masterswitch", "apc-rpdu", "apc-rpdu2"]);
    }

    #[test]
    fn names_of_families_are_distinct() {
        for family in FAMILIES {
            assert!(std::ptr::eq(named(&family.key.to_uppercase()).unwrap(), family));
        }
        assert_eq!(named("apc"), None);
    }

    #[test]
    fn plugs_are_numbers_or_names_and_never_guessed() {
        for (text, expected) in [
            ("3", Plug::Number { unit: None, number: 3 }),
            ("03", Plug::Number { unit: None, number: 3 }),
            ("2:3", Plug::Number { unit: Some(2), number: 3 }),
            ("0", Plug::OutOfRange),
            ("0:3", Plug::OutOfRange),
            ("4294967296", Plug::OutOfRange),
            ("99999999999999999999", Plug::OutOfRange),
            ("node-a", Plug::Name("node-a")),
            ("2:a", Plug::Name("2:a")),
            ("2:3:4", Plug::Name("2:3:4")),
            ("-1", Plug::Name("-1")),
            ("+1", Plug::Name("+1")),
            (" 1", Plug::Name(" 1")),
            ("", Plug::Name("")),
            (":", Plug::Name(":")),
        ] {
            assert_eq!(Plug::parse(text, Rows::DeviceOutlet), expected, "{text:?}");
        }
    }

    #[test]
    fn a_first_unit_has_the_number_that_its_family_gives_it() {
        let of = |text, rows| Plug::parse(text, rows);
        let zero = Plug::Number { unit: Some(0), number: 5 };
        assert_eq!(of("0:5", Rows::DeviceOutletFromZero), zero);
        assert_eq!(of("0:5", Rows::DeviceOutlet), Plug::OutOfRange);
        assert_eq!(of("0:0", Rows::DeviceOutletFromZero), Plug::OutOfRange);
        let epdu = family("eaton-epdu");
        assert_eq!(epdu.outlet(of("5", epdu.rows)), Some(Outlet::new(0, 5)));
        assert_eq!(epdu.outlet(of("1:5", epdu.rows)), Some(Outlet::new(1, 5)));
        assert_eq!((epdu.plug(Outlet::new(0, 5)), epdu.plug(Outlet::new(1, 5))), ("5".into(), "1:5".into()));
    }

    #[test]
    fn outlets_of_branches_have_three_numbers_and_fewer_or_more_are_none() {
        let there = Plug::Whole(Outlet::of_branch(1, 2, 16));
        for (text, expected) in [
            ("1.2.16", there),
            ("1:2:16", there),
            ("16", Plug::OutOfRange),
            ("2:16", Plug::OutOfRange),
            ("2.16", Plug::OutOfRange),
            ("1.2.16.1", Plug::OutOfRange),
            ("1.0.16", Plug::OutOfRange),
            ("0.1.16", Plug::OutOfRange),
            ("1.2.4294967296", Plug::OutOfRange),
            ("1.2:16", Plug::Name("1.2:16")),
            ("AA1", Plug::Name("AA1")),
            ("1..16", Plug::Name("1..16")),
            ("", Plug::Name("")),
        ] {
            assert_eq!(Plug::parse(text, Rows::Branch), expected, "{text:?}");
        }
        // Elsewhere they are a name.
        assert_eq!(Plug::parse("1.2.16", Rows::Outlet), Plug::Name("1.2.16"));
        assert_eq!(family("apc-rpdu").outlet(there), None);
        assert_eq!(family("liebert-mpx").outlet(Plug::Number { unit: Some(1), number: 1 }), None);
    }

    #[test]
    fn outlets_of_phases_have_four_numbers_and_phase_and_outlet_may_be_0() {
        let outlet = |unit, branch, phase, number| Plug::Whole(Outlet { unit, branch, phase, number });
        for (text, expected) in [
            ("1.1.3.8", outlet(1, 1, 3, 8)),
            ("2:1:0:0", outlet(2, 1, 0, 0)),
            ("0.1.1.1", Plug::OutOfRange),
            ("1.0.1.1", Plug::OutOfRange),
            ("1.1.1", Plug::OutOfRange),
            ("8", Plug::OutOfRange),
            ("1.1.1.1.1", Plug::OutOfRange),
            ("1.1.4294967296.1", Plug::OutOfRange),
            ("1.1.a.1", Plug::Name("1.1.a.1")),
        ] {
            assert_eq!(Plug::parse(text, Rows::Phase), expected, "{text:?}");
        }
    }

    #[test]
    fn an_outlet_of_a_unit_with_a_mac_address_is_written_with_it_and_no_other_text_is_one() {
        let outlet = Outlet::of_branch(0x00_0e_d3, 0x00_ad_21, 3);
        for (text, expected) in [
            ("000ED300AD21:3", Plug::Whole(outlet)),
            ("000ed300ad21:3", Plug::Whole(outlet)),
            ("3", Plug::Number { unit: None, number: 3 }),
            ("0", Plug::OutOfRange),
            ("000ED300AD21:0", Plug::Name("000ED300AD21:0")),
            ("1:3", Plug::OutOfRange),
            ("000ED300AD2:3", Plug::Name("000ED300AD2:3")),
            ("000ED300AD21A:3", Plug::Name("000ED300AD21A:3")),
            ("+00ED300AD21:3", Plug::Name("+00ED300AD21:3")),
            ("000ED300AD21", Plug::Name("000ED300AD21")),
        ] {
            assert_eq!(Plug::parse(text, Rows::OutletMac), expected, "{text:?}");
        }
        let chatsworth = family("chatsworth");
        let row = [3, 12, 48, 48, 48, 69, 68, 51, 48, 48, 65, 68, 50, 49];
        assert_eq!(chatsworth.rows_of(outlet), [row]);
        assert_eq!(chatsworth.outlet_of(&row), Some(outlet));
        assert_eq!(chatsworth.plug(outlet), "000ED300AD21:3");
        // A number alone is nobody's until the unit has told its address.
        assert_eq!(chatsworth.outlet(Plug::Number { unit: None, number: 3 }), None);
        let small = row.map(|arc| if arc == 69 { 101 } else { arc });
        for wrong in [&small[..], &row[..13], &[3, 11, 48], &[3, 12, 300], &[3]] {
            assert_eq!(chatsworth.outlet_of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn off_beside_a_delayed_command_is_not_off() {
        for key in ["enlogic", "apc-cpdu", "eaton-nlogic"] {
            let family = family(key);
            let told = |control| family.state(Some(family.states.off), &[Some(control)]);
            assert!([1, 2].into_iter().all(|control| told(control) == State::Off), "{key}");
            assert!((3..=6).all(|control| told(control) == State::Pending), "{key}");
            assert!([-1, 0, 8].into_iter().all(|control| told(control) == State::Unknown), "{key}");
        }
    }

    #[test]
    fn evidence_speaks_of_the_other_state_and_is_no_column_of_the_state() {
        for family in FAMILIES {
            for evidence in family.evidence {
                assert!(!evidence.on.have(0), "{}", family.key);
                assert!(evidence.column != family.status && !evidence.words.is_empty(), "{}", family.key);
            }
        }
    }

    #[test]
    fn a_plug_without_a_switch_is_on_the_first_and_a_switch_that_is_not_there_has_no_outlets() {
        for family in FAMILIES.iter().filter(|family| !family.rows.are_whole()) {
            let outlet = |unit| family.outlet(Plug::Number { unit, number: 3 });
            assert_eq!(outlet(None), Some(Outlet::new(family.rows.first_unit(), 3)), "{}", family.key);
            assert_eq!(outlet(Some(1)), Some(Outlet::new(1, 3)), "{}", family.key);
            let there = Some(Outlet::new(2, 3)).filter(|_| family.has_units());
            assert_eq!(outlet(Some(2)), there, "{}", family.key);
        }
    }

    #[test]
    fn a_listed_plug_leads_back_to_its_row() {
        for family in FAMILIES {
            let branch = u32::from(family.rows.are_whole());
            for outlet in [Outlet::of_branch(1, branch, 8), Outlet::of_branch(2, branch, 1)] {
                let back = family.outlet(Plug::parse(&family.plug(outlet), family.rows)).unwrap();
                assert_eq!(back.number, outlet.number);
                for row in family.rows_of(back) {
                    assert_eq!(family.outlet_of(&row), Some(back), "{}", family.key);
                }
                if family.has_units() {
                    assert_eq!(back, outlet);
                }
            }
            assert_eq!(family.outlet_of(&[]), None);
            assert_eq!(family.outlet_of(&[1, 2, 3]).is_some(), family.rows == Rows::Branch);
        }
    }
}
