//! The driver for power units whose outlets are rows of a table: everything that differs between them stands in
//! [`families`](super::families).

use std::collections::HashMap;
use std::time::Duration;

use log::{debug, info, warn};

use super::Link;
use super::families::{self, Family, Outlet as Address, Plug as Text};
use super::named::{self, Named, Names};
use crate::base::Deadline;
use crate::fencing::{
    About, Answer, Command, Describe, Device, Error, Fact, Finding, Identity, IdentityKind, Kind, Met, Opt,
    Outlet, Power, Seen, Settings, State, Times,
};
use crate::protocols::snmp::{self, Client, Oid, SYS_OBJECT_ID, Value};

/// Which family, where the device shouldn't be asked.
pub const FAMILY: Opt = Opt::new(
    "family",
    "family",
    Kind::Choice(&[
        "apc-masterswitch",
        "apc-rpdu",
        "apc-masterswitch-plus",
        "apc-masterswitch-6",
        "apc-rpdu2",
        "apc-easy",
        "apc-cpdu",
        "tripplite",
        "tripplite-lx",
        "tripplite-lx-ats",
    ]),
    "Family of power units whose tables to use; without it, the device is asked what it is",
)
.suffix("=[family]");

/// Makes the driver.
pub fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    Ok(Box::new(PowerUnit {
        link: Link::new(settings)?,
        named: settings.choice(&FAMILY).and_then(families::named),
        candidates: Vec::new(),
        probed: false,
        plugs: Vec::new(),
        pending_told: false,
    }))
}

/// A power unit.
struct PowerUnit {
    link: Link,
    /// The family that the user named.
    named: Option<&'static Family>,
    /// The families it may belong to, once it was asked: the first is meant, as long as its tables answer.
    candidates: Vec<&'static Family>,
    /// Whether it belongs to none for certain, and its tables had to tell.
    probed: bool,
    plugs: Vec<Plug>,
    /// Whether its tables have told of pending commands. From then on, one that doesn't leaves the state unknown.
    pending_told: bool,
}

/// How long a preliminary command may keep the one that counts waiting.
const PRELIMINARY: Duration = Duration::from_secs(3);

/// How long after the first look at tables that disagree the second one comes: an outlet may be just being switched.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// A plug that was asked for.
#[derive(Clone, Debug)]
struct Plug {
    /// As the user wrote it, with the outlet's name where that is known.
    name: String,
    address: Address,
    /// The row that answered, once one has.
    row: Option<Vec<u32>>,
    named: Option<Named>,
    /// Whether the last look found a command pending.
    pending: bool,
    /// Whether the unit wouldn't cancel it.
    uncancelled: bool,
    /// In how many tables beside the one that is used it was told of, where that was guessed.
    tables: usize,
}

/// A row of a unit's tables: its number, the state column, the name.
struct Row {
    address: Address,
    status: Option<i64>,
    name: String,
}

impl named::Plug for Plug {
    fn is(&self, other: &Plug) -> bool {
        self.address == other.address
    }

    fn named(&mut self) -> &mut Option<Named> {
        &mut self.named
    }
}

impl Plug {
    /// What is to be written before a command: a delayed one that is still to come would undo it.
    fn cancel(&self, family: &Family) -> Option<i64> {
        family.pending.and_then(|pending| pending.cancel).filter(|_| self.pending && !self.uncancelled)
    }
}

impl PowerUnit {
    /// The family whose tables are used.
    fn family(&self) -> Result<&'static Family, Error> {
        self.candidates.first().copied().ok_or_else(|| Error::Unexpected {
            what: "the power unit has not been recognised yet".to_owned(),
        })
    }

    /// Finds out what the unit is.
    fn recognise(&mut self, by: Deadline) -> Result<(), Error> {
        if !self.candidates.is_empty() {
            return Ok(());
        }
        // Asked for even where the user has named the family: it proves that the device is there and answers this
        // login.
        let object = Oid::from(SYS_OBJECT_ID);
        let answer = self.link.ask(by, |client, by| client.get_one(&object, by))?;
        if let Some(family) = self.named {
            self.candidates = vec![family];
            return Ok(());
        }
        let Some(id) = answer.value().and_then(Value::as_oid).cloned() else {
            return Err(Error::Unexpected {
                what: "the device doesn't say what it is (sysObjectID)".to_owned(),
            });
        };
        self.candidates = families::recognised(&id).collect();
        if let Some(family) = self.candidates.first() {
            debug!("sysObjectID {id}: {}", family.name);
            return Ok(());
        }
        let mut answering = Vec::new();
        for family in families::probed() {
            if !self.link.ask(by, |client, by| rows(client, family, by))?.is_empty() {
                answering.push(family);
            }
        }
        let Some(first) = answering.first() else {
            return Err(Error::Unsupported {
                what: format!(
                    "the tables of any known power unit (its sysObjectID is {id}); where it resembles one, name \
                     that with the option {}",
                    FAMILY.name
                ),
            });
        };
        warn!("sysObjectID {id} is unknown; its tables are those of {}, which are used", first.name);
        self.candidates = answering;
        self.probed = true;
        Ok(())
    }

    /// A unit that was recognised by its number alone may still have only the tables of its successor.
    fn fall_back(&mut self, by: Deadline) -> Result<bool, Error> {
        let &[family, next, ..] = self.candidates.as_slice() else { return Ok(false) };
        if self.probed || !self.link.ask(by, |client, by| rows(client, family, by))?.is_empty() {
            return Ok(false);
        }
        info!("the unit has no table of {}; using those of {}", family.name, next.name);
        self.candidates.remove(0);
        for plug in &mut self.plugs {
            plug.row = None;
        }
        Ok(true)
    }

    /// Where several tables answer, they must tell the same of each plug: otherwise nobody knows which outlet of which
    /// table is meant. Names may differ: each table has its own, and its own length for them.
    fn expect_agreement(&mut self, by: Deadline) -> Result<(), Error> {
        if !self.probed || self.candidates.len() < 2 {
            return Ok(());
        }
        let Some(disagreement) = self.disagreement(by)? else { return Ok(()) };
        // Where no time is left for a second look, the first one stands.
        if !by.sleep(SECOND_LOOK) {
            return Err(disagreement);
        }
        self.disagreement(by)?.map_or(Ok(()), Err)
    }

    /// The first plug of which two tables that tell of it tell something else.
    fn disagreement(&mut self, by: Deadline) -> Result<Option<Error>, Error> {
        let asked: Vec<(&Plug, &'static Family, Oid)> = self
            .plugs
            .iter()
            .flat_map(|plug| {
                let rows = self.candidates.iter().filter_map(|family| {
                    let row = family.rows_of(plug.address).into_iter().next()?;
                    Some((plug, *family, family.status_object(&row)))
                });
                rows.collect::<Vec<_>>()
            })
            .collect();
        let objects: Vec<Oid> = asked.iter().map(|(_, _, object)| object.clone()).collect();
        let answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
        let told: Vec<(&Plug, &'static Family, families::State)> = asked
            .into_iter()
            .zip(&answers)
            .filter_map(|((plug, family, _), answer)| {
                Some((plug, family, family.state(answer.value()?.as_integer(), None)))
            })
            .collect();
        let two = told.iter().zip(told.iter().skip(1));
        let differing =
            two.into_iter().find(|(one, other)| one.0.address == other.0.address && one.2 != other.2);
        Ok(differing.map(|(one, other)| Error::WhichMachine {
            why: format!(
                "the unit is unknown, and its tables disagree about plug {}: name the right one with the option {}",
                one.0.name, FAMILY.name
            ),
            known: [one, other].map(|(_, family, state)| format!("{} says {state:?}", family.name)).to_vec(),
        }))
    }

    /// The outlets with their names, from the first column that has any.
    fn named_outlets(&mut self, by: Deadline) -> Result<Names<Address>, Error> {
        let family = self.family()?;
        let named = self.link.ask(by, |client, by| names(client, family, by))?;
        if named.is_empty() && self.fall_back(by)? {
            return self.named_outlets(by);
        }
        Ok(named.into_iter().collect())
    }

    /// The plug that a text means. `names` are read when the first plug is given by its name.
    fn find(&mut self, text: &str, names: &mut Option<Names<Address>>, by: Deadline) -> Result<Plug, Error> {
        let (address, named) = match Text::parse(text) {
            Text::Number { unit, number } => {
                let family = self.family()?;
                if unit.is_some() && !family.has_units() {
                    warn!("plug {text}: {} has no switches, so the first number can only be 1", family.name);
                }
                match family.outlet(unit, number) {
                    Some(address) => (address, None),
                    None => return Err(self.no_such(text, by)),
                }
            }
            Text::OutOfRange => return Err(self.no_such(text, by)),
            Text::Name(name) => {
                let names = match names {
                    Some(names) => names,
                    None => names.insert(self.named_outlets(by)?),
                };
                match names.of(name) {
                    [] => return Err(self.no_such(text, by)),
                    [(address, named)] => (*address, Some(named.clone())),
                    many => {
                        let family = self.family()?;
                        let fits = many.iter().map(|(at, named)| outlet(family, *at, &named.name, None));
                        let fits = fits.map(|outlet| outlet.to_string()).collect();
                        return Err(Error::AmbiguousPlug { plug: text.to_owned(), fits });
                    }
                }
            }
        };
        let plug = self.family()?.plug(address);
        let name = if plug == text { plug } else { format!("{plug} ({text})") };
        Ok(Plug { name, address, row: None, named, pending: false, uncancelled: false, tables: 0 })
    }

    fn no_such(&mut self, plug: &str, by: Deadline) -> Error {
        Error::NoSuchPlug { plug: plug.to_owned(), known: self.all_outlets(by) }
    }

    /// The outlets there are, for an error that says so.
    fn all_outlets(&mut self, by: Deadline) -> Vec<String> {
        self.list(false, by).unwrap_or_default().iter().map(Outlet::to_string).collect()
    }

    /// Reads state, pending command and, where it counts, name of every plug in one request.
    fn read(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let family = self.family()?;
        // Where it was only guessed which table is meant, all of them have to tell the same.
        let others: Vec<&'static Family> = match self.probed {
            true => self.candidates.iter().skip(1).copied().collect(),
            false => Vec::new(),
        };
        // For each plug the rows it may have, until one has answered.
        let rows: Vec<Vec<Vec<u32>>> = self
            .plugs
            .iter()
            .map(|plug| match &plug.row {
                Some(row) => vec![row.clone()],
                None => family.rows_of(plug.address),
            })
            .collect();
        let objects: Vec<Oid> = rows
            .iter()
            .flatten()
            // Where the agent needs several requests, they are asked in this order: a state is never older than the word
            // on pending commands.
            .flat_map(|row| family.pending_object(row).into_iter().chain([family.status_object(row)]))
            .chain(self.plugs.iter().filter_map(|plug| Some(plug.named.as_ref()?.object.clone())))
            .chain(self.plugs.iter().flat_map(|plug| {
                others.iter().filter_map(|other| state_object(other, plug.address)).collect::<Vec<_>>()
            }))
            .collect();
        let answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
        let who = self.link.who();
        let mut answers = answers.into_iter();
        // For each plug what the first of its rows says: the first numbering is the one that today's configurations use.
        let mut read: Vec<Option<(Value, Option<Value>)>> = Vec::with_capacity(rows.len());
        for (plug, rows) in self.plugs.iter_mut().zip(rows) {
            let mut found = None;
            for row in rows {
                let mut value = || answers.next().and_then(|answer| answer.value().cloned());
                let pending = family.pending.and_then(|_| value());
                let status = value();
                self.pending_told |= pending.is_some();
                if let (None, Some(status)) = (&found, status) {
                    found = Some((status, pending));
                    plug.row = Some(row);
                }
            }
            read.push(found);
        }
        let mut seen = Vec::with_capacity(read.len());
        for (plug, found) in self.plugs.iter_mut().zip(read) {
            let name = plug.named.as_ref().and_then(|_| Named::read(answers.next().as_ref()));
            let told_pending = found.as_ref().and_then(|(_, pending)| pending.as_ref()?.as_integer());
            plug.pending =
                told_pending.is_some() && told_pending == family.pending.map(|pending| pending.yes);
            let state = match found {
                Some((status, pending)) => told(family, &status, pending.as_ref(), self.pending_told),
                None if plug.row.is_some() => State::Unknown("it isn't told any more".to_owned()),
                None => State::NoSuchPlug,
            };
            seen.push(Seen { state, met: Met { who: who.clone(), name } });
        }
        for (plug, seen) in self.plugs.iter_mut().zip(&mut seen) {
            let asked = others.iter().filter(|other| state_object(other, plug.address).is_some());
            let told: Vec<(&str, families::State)> = asked
                .filter_map(|other| {
                    let told = answers.next()?;
                    Some((other.name, other.state(told.value()?.as_integer(), None)))
                })
                .collect();
            if let Some(why) = doubt(&seen.state, family.name, &told, plug.tables) {
                seen.state = State::Unknown(why);
            }
            plug.tables = plug.tables.max(told.len());
        }
        Ok(seen)
    }
}

/// The object that tells an outlet's state in the tables of a family.
fn state_object(family: &Family, address: Address) -> Option<Oid> {
    family.rows_of(address).first().map(|row| family.status_object(row))
}

/// Why a state isn't certain that the table of one family tells, where those of `others` tell of the plug, too:
/// another state, or fewer of them than before.
fn doubt(state: &State, family: &str, others: &[(&str, families::State)], before: usize) -> Option<String> {
    let ours = match state {
        State::On => families::State::On,
        State::Off => families::State::Off,
        _ => return None,
    };
    match others.iter().find(|(_, theirs)| *theirs != ours) {
        Some((other, theirs)) => Some(format!("{family} says {ours:?}, and {other} says {theirs:?}")),
        None if others.len() < before => Some("one of its tables doesn't tell of it any more".to_owned()),
        None => None,
    }
}

/// What the two columns of a row say. `expected` is whether the unit has told of pending commands before.
fn told(family: &Family, status: &Value, pending: Option<&Value>, expected: bool) -> State {
    if pending.is_none() && expected {
        return State::Unknown(format!("state {status}, and no word on pending commands any more"));
    }
    // A pending column that holds no number is as unknown as one with a number that isn't in the MIB.
    let pending_number = pending.map(|value| value.as_integer().unwrap_or(i64::MIN));
    match family.state(status.as_integer(), pending_number) {
        families::State::On => State::On,
        families::State::Off => State::Off,
        families::State::Pending => State::Changing("a command is pending".to_owned()),
        families::State::Unknown => State::Unknown(match pending {
            Some(pending) => format!("state {status}, pending {pending}"),
            None => format!("state {status}"),
        }),
    }
}

/// The rows of a family's state column.
fn rows(client: &mut Client, family: &Family, by: Deadline) -> Result<Vec<(Address, Value)>, snmp::Error> {
    let column = Oid::from(family.status);
    Ok(column_of(client.walk(&column, by)?, &column, family))
}

fn column_of(walked: Vec<(Oid, Value)>, column: &Oid, family: &Family) -> Vec<(Address, Value)> {
    walked
        .into_iter()
        .filter_map(|(object, value)| Some((family.outlet_of(object.under(column)?)?, value)))
        .collect()
}

/// The rows of a family's names, from the first of its columns that has any.
fn names(client: &mut Client, family: &Family, by: Deadline) -> Result<Vec<(Address, Named)>, snmp::Error> {
    for column in family.names {
        let column = Oid::from(*column);
        let walked = client.walk(&column, by)?;
        let named: Vec<_> = walked
            .into_iter()
            .filter_map(|(object, name)| {
                let address = family.outlet_of(object.under(&column)?)?;
                Some((address, Named { object, name: name.as_text().unwrap_or_default() }))
            })
            .collect();
        if !named.is_empty() {
            return Ok(named);
        }
    }
    Ok(Vec::new())
}

/// The outlets with their states and, where there are any, names.
fn table(client: &mut Client, family: &Family, by: Deadline) -> Result<Vec<Row>, snmp::Error> {
    let mut names: HashMap<Address, String> =
        names(client, family, by)?.into_iter().map(|(address, named)| (address, named.name)).collect();
    let rows = rows(client, family, by)?.into_iter();
    let row = |(address, status): (Address, Value)| Row {
        address,
        status: status.as_integer(),
        name: names.remove(&address).unwrap_or_default(),
    };
    Ok(rows.map(row).collect())
}

fn outlet(family: &Family, address: Address, name: &str, state: Option<State>) -> Outlet {
    Outlet { plug: family.plug(address), alias: name.to_owned(), state }
}

impl Device for PowerUnit {
    fn connect(&mut self, by: Deadline) -> Result<(), Error> {
        self.recognise(by)
    }

    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        let mut plugs: Vec<Plug> = Vec::with_capacity(names.len());
        let mut known = None;
        for name in names {
            let plug = self.find(name, &mut known, by)?;
            named::take_in(&mut plugs, plug);
        }
        self.plugs = plugs;
        self.expect_agreement(by)
    }

    fn plug_name(&self, plug: usize) -> String {
        self.plugs.get(plug).map(|plug| format!("plug {}", plug.name)).unwrap_or_default()
    }

    fn plug_count(&self) -> usize {
        self.plugs.len()
    }

    fn met(&self, plug: usize) -> Met {
        let named = self.plugs.get(plug).and_then(|plug| plug.named.as_ref());
        Met { who: self.link.who(), name: named.map(|named| named.name.clone()) }
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let seen = self.read(by)?;
        if seen.iter().all(|seen| seen.state == State::NoSuchPlug) && self.fall_back(by)? {
            return self.read(by);
        }
        Ok(seen)
    }

    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        if self.plugs.get(plug).is_some_and(|plug| plug.row.is_none()) {
            let looked = self.look(by);
            looked.map_err(|error| error.before_the_command("no look before the command"))?;
        }
        let family = self.family()?;
        let Some(plug) = self.plugs.get_mut(plug) else {
            return Err(Error::Unexpected { what: "a plug that was not resolved".to_owned() });
        };
        let Some(row) = &plug.row else {
            return Err(Error::NoSuchPlug { plug: plug.name.clone(), known: Vec::new() });
        };
        let control = family.control_object(row);
        if let Some(cancel) = plug.cancel(family) {
            debug!("cancelling the command that is pending for plug {}", plug.name);
            match self.link.set(&control, cancel, by.at_most(PRELIMINARY)) {
                Ok(()) => plug.pending = false,
                // What comes of the command itself, the looks afterwards tell.
                Err(error) if error.is_refusal() || !error.is_definitive() => {
                    warn!("plug {}: the pending command can't be cancelled: {error}", plug.name);
                    plug.uncancelled = true;
                }
                Err(error) => return Err(error),
            }
        }
        self.link.set(&control, family.commands.value(to), by)?;
        Ok(Answer::Accepted)
    }

    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let family = self.family()?;
        let rows = self.link.ask(by, |client, by| table(client, family, by))?;
        if rows.is_empty() && self.fall_back(by)? {
            return self.list(with_state, by);
        }
        // A pending command makes a state uncertain here as everywhere.
        let pending = match family.pending.filter(|_| with_state) {
            Some(pending) => {
                let column = Oid::from(pending.column);
                let walked = self.link.ask(by, |client, by| client.walk(&column, by))?;
                column_of(walked, &column, family)
            }
            None => Vec::new(),
        };
        let expected = !pending.is_empty();
        let pending: HashMap<Address, Value> = pending.into_iter().collect();
        Ok(rows
            .iter()
            .map(|row| {
                let state = row.status.map_or(State::Unknown("no number".to_owned()), |status| {
                    told(family, &Value::Integer(status), pending.get(&row.address), expected)
                });
                outlet(family, row.address, &row.name, Some(state).filter(|_| with_state))
            })
            .collect())
    }

    fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        if !self.plugs.is_empty() {
            return self.look_readable(by);
        }
        if self.list(false, by)?.is_empty() {
            return Err(Error::Unexpected { what: "the power unit lists no outlets".to_owned() });
        }
        Ok(())
    }
}

impl Describe for PowerUnit {
    fn host(&self) -> Option<&str> {
        Some(self.link.host())
    }

    fn known(&self) -> About {
        let mut about = self.link.known();
        about.more.extend(self.family().ok().map(|family| Fact::new("family", family.name)));
        about
    }

    fn about(&mut self, by: Deadline) -> Result<About, Error> {
        let mut about = self.link.about(by)?;
        about.more.extend(self.known().more);
        Ok(about)
    }

    fn plug_facts(&self, plug: usize) -> Vec<Fact> {
        let Some(plug) = self.plugs.get(plug) else { return Vec::new() };
        let object = self.family().ok().zip(plug.row.as_ref());
        let object = object.map(|(family, row)| Fact::new("object", family.status_object(row).to_string()));
        let outlet = Fact::new("outlet", plug.address.number.to_string());
        std::iter::once(outlet).chain(object).collect()
    }

    fn identity(
        &mut self,
        plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        if !kinds.contains(&IdentityKind::Name) {
            return Ok(Vec::new());
        }
        if self.plugs.get(plug).is_some_and(|plug| plug.row.is_none()) {
            self.look(by)?;
        }
        let family = self.family()?;
        let Some(row) = self.plugs.get(plug).and_then(|plug| plug.row.as_ref()) else {
            return Ok(Vec::new());
        };
        let objects = family.name_objects(row);
        let answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
        let names = objects.iter().zip(&answers).filter_map(|(object, answer)| {
            let name = answer.value().and_then(Value::as_text).filter(|name| !name.is_empty())?;
            Some(Identity::new(IdentityKind::Name, name, object.to_string()))
        });
        Ok(names.take(1).collect())
    }

    fn plan(&self, plug: usize, command: Command) -> Vec<String> {
        let Command::Switch(power) = command else { return Vec::new() };
        let Some((plug, family)) = self.plugs.get(plug).zip(self.family().ok()) else { return Vec::new() };
        let Some(row) = &plug.row else { return Vec::new() };
        let control = family.control_object(row);
        let cancel =
            plug.cancel(family).map(|value| format!("SET {control} = {value} (cancels the pending command)"));
        let value = family.commands.value(power);
        cancel.into_iter().chain([format!("SET {control} = {value} ({power})")]).collect()
    }

    fn examine(&mut self, _by: Deadline) -> Result<Vec<Finding>, Error> {
        let mut findings = self.link.findings();
        if self.probed {
            findings.push(Finding::warning(
                "the unit is of a kind that isn't known, and its tables were guessed",
                "compare list-status with the unit's own display, and name the tables with family",
            ));
        }
        if let [plug] = self.plugs.as_slice() {
            findings.push(Finding::advice(
                format!("plug {} is the only one given", plug.name),
                "a machine with two power supplies runs on from the other one: give the plugs of both, with a \
                 comma between them",
            ));
        }
        for plug in self.plugs.iter().filter(|plug| plug.pending) {
            findings.push(Finding::warning(
                format!("a command is pending for plug {}", plug.name),
                "somebody has given it a delayed command: its state can't be relied on until that is done",
            ));
        }
        Ok(findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_can_be_named() {
        let Kind::Choice(keys) = FAMILY.kind else { panic!("a choice") };
        assert_eq!(keys.to_vec(), families::FAMILIES.iter().map(|family| family.key).collect::<Vec<_>>());
    }

    #[test]
    fn a_pending_column_that_holds_no_number_leaves_the_state_unknown() {
        let text = Value::Octets(b"none".to_vec());
        for family in families::FAMILIES.iter().filter(|family| family.pending.is_some()) {
            for number in 0..10 {
                let told = told(family, &Value::Integer(number), Some(&text), false);
                assert!(matches!(told, State::Unknown(_)), "{}: {number}: {told:?}", family.name);
            }
        }
    }
}
