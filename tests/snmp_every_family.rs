//! Each family in the table of power units against a stand of its name: what every one has to do, so that none is added
//! without it. A stand knows where its own outlets are commanded; nothing of it comes from the table.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // That is how a test fails.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fence_agents::agents::snmp::families::FAMILIES;
use peers::agent::{Finished, assert_done};
use peers::relay::Direction;
use peers::snmp::PowerUnit;
use peers::stand::{Column, Commands, ENLOGIC, GUDE, Holds, Stand, TRIPP_LITE_LX, Words};
use peers::{Agent, Relay};

/// Families whose stands are nowhere else.
static ONLY_HERE: [&Stand; 2] = [&APC_CPDU, &TRIPP_LITE_LX_ATS];

/// CPDU-MIB: the same layout as Enlogic's, below APC's number.
static APC_CPDU: Stand = Stand {
    name: "apc-cpdu",
    sys_object_id: ".1.3.6.1.4.1.318.1.1.32",
    base: "1.3.6.1.4.1.318.1.1.32.5",
    ..ENLOGIC
};

/// TRIPPLITE-PRODUCTS: tlpAtsOutletTable.
static TRIPP_LITE_LX_ATS: Stand = Stand {
    name: "tripplite-lx-ats",
    columns: &[
        Column { object: "1.1.3.4.3.3.1.1.2.U.N", holds: Holds::Name },
        Column { object: "1.1.3.4.3.3.1.1.4.U.N", holds: Holds::State(Words::new(2, 1), Commands::NONE) },
        Column {
            object: "1.1.3.4.3.3.1.1.6.U.N",
            holds: Holds::State(Words::always(0), Commands::new(2, 1)),
        },
    ],
    ..TRIPP_LITE_LX
};

/// A family's stand, as an agent sees it: what it has to be told, and the first and the last outlet of its list.
struct Known {
    key: &'static str,
    stand: &'static Stand,
    told: Vec<(&'static str, &'static str)>,
    first: Plug,
    last: Plug,
}

/// A plug as a list has it, and where that outlet is.
#[derive(Clone, Debug)]
struct Plug {
    text: String,
    place: (u32, u32),
}

impl Known {
    fn of(key: &'static str) -> Known {
        let mut stands = Stand::EVERY.iter().copied().chain(ONLY_HERE).chain(&GUDE);
        let stand: &'static Stand = stands
            .find(|stand| stand.name == key)
            .unwrap_or_else(|| panic!("the family {key} has no stand of its name in Stand::EVERY"));
        let mut known = Known { key, stand, told: Vec::new(), first: Plug::nowhere(), last: Plug::nowhere() };
        let unit = known.start();
        // A unit that nobody can recognise has to be named.
        if known.run(&unit, "list", None).code != Some(0) {
            known.told.push(("family", key));
        }
        let list = known.run(&unit, "list", None);
        assert_eq!(list.code, Some(0), "{key}: {}", list.stderr);
        let plugs: Vec<Plug> = list.stdout.lines().map(|line| known.listed(line)).collect();
        assert_eq!(plugs.len(), unit.places().len(), "{key}: {}", list.stdout);
        known.first = plugs.first().unwrap().clone();
        known.last = plugs.last().unwrap().clone();
        known
    }

    fn start(&self) -> PowerUnit {
        // The older Tripp Lite counts outlets through, whatever its objects look like.
        let several = self.key != "tripplite"
            && self.stand.columns.iter().any(|column| {
                matches!(column.holds, Holds::State(..))
                    && (column.object.contains("U.") || column.object.contains('B'))
            });
        PowerUnit::builder(self.stand).switches(if several { 2 } else { 1 }).start()
    }

    fn agent(&self, port: u16, action: &str, plug: Option<&str>) -> Agent {
        let plug = plug.map(|plug| ("plug", plug));
        Agent::snmp("fence_snmp_pdu", port, action)
            .options([("snmp_version", "2c"), ("power_wait", "0")])
            .options(self.told.iter().copied().chain(plug))
    }

    fn run(&self, unit: &PowerUnit, action: &str, plug: Option<&str>) -> Finished {
        self.agent(unit.address().port(), action, plug).run()
    }

    /// A line of a list: the outlet is the one that has the name that the stand has given it; without names, its number.
    fn listed(&self, line: &str) -> Plug {
        let (text, name) = line.split_once(',').unwrap();
        let of = name.strip_prefix("outlet ").unwrap_or(text);
        let (group, outlet) = match of.split_once(':') {
            Some((group, outlet)) => (group.parse().unwrap(), outlet),
            None => (self.stand.first_unit, of),
        };
        Plug { text: text.to_owned(), place: (group, outlet.parse().unwrap()) }
    }

    /// Where off may be written for an outlet, and what.
    fn commands(&self, unit: &PowerUnit, (group, outlet): (u32, u32)) -> Vec<(String, i64)> {
        let column = |column: &Column| {
            let value = match column.holds {
                Holds::State(_, commands) => commands.off?,
                Holds::Countdown { on: false } => 0,
                _ => return None,
            };
            Some((unit.object(column.object, group, outlet), value))
        };
        self.stand.columns.iter().filter_map(column).collect()
    }

    /// Whether the unit switches a single outlet.
    fn has_one_outlet(&self) -> bool {
        self.first.text == self.last.text
    }

    /// How many requests an action costs.
    fn requests(&self, action: &str, plugs: &str) -> usize {
        let unit = self.start();
        let relay = Relay::builder(unit.address()).start();
        let done = self.agent(relay.port(), action, Some(plugs)).run();
        assert_eq!(done.code, Some(0), "{}: {}", self.key, done.stderr);
        relay.count(Direction::ToDevice)
    }
}

impl Plug {
    fn nowhere() -> Plug {
        Plug { text: String::new(), place: (0, 0) }
    }
}

/// The outlets that are off.
fn off(unit: &PowerUnit) -> Vec<(u32, u32)> {
    unit.places().into_iter().filter(|(group, outlet)| !unit.is_on(*group, *outlet)).collect()
}

/// Runs something for each family, some at a time.
fn for_each_family(play: impl Fn(&Known) + Sync) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(family) = FAMILIES.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let played = std::panic::AssertUnwindSafe(|| play(&Known::of(family.key)));
                    if std::panic::catch_unwind(played).is_err() {
                        failed.lock().unwrap().push(family.key);
                    }
                }
            });
        }
    });
    assert_eq!(*failed.lock().unwrap(), [""; 0], "see above");
}

#[test]
fn for_the_first_outlet_and_the_last_one_object_of_its_own_is_written_and_no_other() {
    for_each_family(|known| {
        for plug in [&known.first, &known.last] {
            let unit = known.start();
            assert_done(&known.run(&unit, "status", Some(&plug.text)), "Status: ON\n");
            assert_eq!(unit.writes(), [], "{}", known.key);
            assert_done(&known.run(&unit, "off", Some(&plug.text)), "Success: Powered OFF\n");
            let (writes, commands) = (unit.writes(), known.commands(&unit, plug.place));
            assert!(writes.len() == 1 && commands.contains(&writes[0]), "{}: {writes:?}", known.key);
            assert_eq!(off(&unit), [plug.place], "{} {}", known.key, plug.text);
        }
    });
}

#[test]
fn for_two_plugs_an_object_of_each_is_written_and_no_other() {
    for_each_family(|known| {
        if known.has_one_outlet() {
            return;
        }
        let unit = known.start();
        let both = format!("{},{}", known.last.text, known.first.text);
        assert_done(&known.run(&unit, "off", Some(&both)), "Success: Powered OFF\n");
        let writes = unit.writes();
        let of = |plug: &Plug| {
            let commands = known.commands(&unit, plug.place);
            writes.iter().filter(|write| commands.contains(write)).count()
        };
        assert!((of(&known.first), of(&known.last), writes.len()) == (1, 1, 2), "{}: {writes:?}", known.key);
        assert_eq!(off(&unit), [known.first.place, known.last.place], "{}", known.key);
    });
}

#[test]
fn a_neighbour_whose_name_is_the_number_of_an_outlet_is_not_that_outlet() {
    for_each_family(|known| {
        let named = known.stand.columns.iter().any(|column| column.holds == Holds::Name);
        if !named || known.has_one_outlet() {
            return;
        }
        let unit = known.start();
        unit.name(known.first.place.0, 3, &known.last.text);
        assert_done(&known.run(&unit, "off", Some(&known.last.text)), "Success: Powered OFF\n");
        assert_eq!(off(&unit), [known.last.place], "{}", known.key);
        assert_eq!(unit.writes().len(), 1, "{}", known.key);
    });
}

#[test]
fn a_status_costs_three_requests_at_most_an_off_six_and_a_second_plug_none() {
    for_each_family(|known| {
        let both = format!("{},{}", known.first.text, known.last.text);
        let requests = |action| [&known.first.text, &both].map(|plugs| known.requests(action, plugs));
        let ([status, status_of_both], [off, off_of_both]) = (requests("status"), requests("off"));
        assert!(status <= 3 && off <= 6, "{}: {status}, {off}", known.key);
        // One SET more, and nothing else.
        let more = usize::from(!known.has_one_outlet());
        assert_eq!((status_of_both, off_of_both), (status, off + more), "{}", known.key);
    });
}
