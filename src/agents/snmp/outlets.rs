//! The driver for power units whose outlets are rows of a table: everything that differs between them stands in
//! [`families`](super::families).

use log::{debug, warn};

use super::Link;
use super::families::{self, Family, Outlet as Address, Plug as Text};
use super::named::{self, Named};
use crate::base::Deadline;
use crate::fencing::{
    About, Answer, Command, Device, Error, Fact, Finding, Identity, IdentityKind, Kind, Opt, Outlet, Power,
    Seen, Settings, State, Times,
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
        "tripplite",
        "tripplite-lx",
    ]),
    "Family of power units whose tables to use; without it, the device is asked what it is",
)
.suffix("=[family]");

/// Makes the driver.
pub fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Device>, Error> {
    Ok(Box::new(PowerUnit {
        link: Link::new(settings)?,
        named: settings.choice(&FAMILY).and_then(families::named),
        candidates: Vec::new(),
        probed: false,
        plugs: Vec::new(),
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
}

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
        family.pending.and_then(|pending| pending.cancel).filter(|_| self.pending)
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
        for family in families::probed(&id) {
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
        warn!("the unit has no table of {}; using those of {}", family.name, next.name);
        self.candidates.remove(0);
        for plug in &mut self.plugs {
            plug.row = None;
        }
        Ok(true)
    }

    /// Where several tables answer, they must tell the same of this plug: otherwise nobody knows which outlet of
    /// which table is meant.
    fn expect_agreement(&mut self, by: Deadline) -> Result<(), Error> {
        if !self.probed || self.candidates.len() < 2 {
            return Ok(());
        }
        let mut told: Vec<(&'static Family, Vec<Row>)> = Vec::new();
        for family in self.candidates.clone() {
            told.push((family, self.link.ask(by, |client, by| table(client, family, by))?));
        }
        for plug in &self.plugs {
            let mut seen: Vec<(&str, families::State, &str)> = Vec::new();
            for (family, rows) in &told {
                if let Some(row) = rows.iter().find(|row| row.address == plug.address) {
                    seen.push((family.name, family.state(row.status, None), &row.name));
                }
            }
            let differs = seen
                .iter()
                .zip(seen.iter().skip(1))
                .find(|(one, other)| (one.1, one.2) != (other.1, other.2));
            if let Some((one, other)) = differs {
                return Err(Error::Unexpected {
                    what: format!(
                        "the unit is unknown, and its tables disagree about plug {}: {} says {:?} '{}', {} says \
                         {:?} '{}'; name the right one with the option {}",
                        plug.name, one.0, one.1, one.2, other.0, other.1, other.2, FAMILY.name
                    ),
                });
            }
        }
        Ok(())
    }

    /// The plug that a text means.
    fn find(&mut self, text: &str, by: Deadline) -> Result<Plug, Error> {
        let family = self.family()?;
        let no_such = |known: Vec<String>| Error::NoSuchPlug { plug: text.to_owned(), known };
        let mut named = None;
        let address = match Text::parse(text) {
            Text::Number { unit, number } => {
                let (address, superfluous) = family.outlet(unit, number);
                if superfluous {
                    warn!("plug {text}: {} has no switches, so this is outlet {number}", family.name);
                }
                address
            }
            Text::OutOfRange => return Err(no_such(self.all_outlets(by))),
            Text::Name(name) => {
                let rows = self.link.ask(by, |client, by| names(client, family, by))?;
                if rows.is_empty() && self.fall_back(by)? {
                    return self.find(text, by);
                }
                let mut fits = rows.iter().filter(|(_, named)| named.name == name);
                match (fits.next(), fits.next()) {
                    (Some((address, is)), None) => {
                        named = Some(is.clone());
                        *address
                    }
                    (Some(_), Some(_)) => {
                        let fits = rows.iter().filter(|(_, named)| named.name == name);
                        let fits = fits.map(|(at, named)| outlet(family, *at, &named.name, None).to_string());
                        return Err(Error::AmbiguousPlug { plug: text.to_owned(), fits: fits.collect() });
                    }
                    (None, _) => return Err(no_such(self.all_outlets(by))),
                }
            }
        };
        let plug = family.plug(address);
        let name = if plug == text { plug } else { format!("{plug} ({text})") };
        Ok(Plug { name, address, row: None, named, pending: false })
    }

    /// The outlets there are, for an error that says so.
    fn all_outlets(&mut self, by: Deadline) -> Vec<String> {
        self.list(false, by).unwrap_or_default().iter().map(Outlet::to_string).collect()
    }

    /// Reads state, pending command and, where it counts, name of every plug in one request.
    fn read(&mut self, by: Deadline) -> Result<Vec<State>, Error> {
        let family = self.family()?;
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
            .flat_map(|row| std::iter::once(family.status_object(row)).chain(family.pending_object(row)))
            .chain(self.plugs.iter().filter_map(|plug| Some(plug.named.as_ref()?.object.clone())))
            .collect();
        let answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
        let mut answers = objects.iter().zip(answers);
        let mut states = Vec::with_capacity(rows.len());
        for (plug, rows) in self.plugs.iter_mut().zip(rows) {
            let mut state = State::NoSuchPlug;
            plug.pending = false;
            for row in rows {
                let status = answers.next().map(|(_, answer)| answer);
                let pending = family.pending.and_then(|_| answers.next()).map(|(_, answer)| answer);
                let Some(status) = status.as_ref().and_then(|answer| answer.value()) else { continue };
                if state != State::NoSuchPlug {
                    // Both numberings answer: the first is the one that today's configurations use.
                    continue;
                }
                let pending = pending.as_ref().and_then(|answer| answer.value());
                state = told(family, status, pending);
                plug.pending = pending.and_then(Value::as_integer)
                    == family.pending.map(|pending| pending.yes)
                    && pending.is_some();
                plug.row = Some(row);
            }
            states.push(state);
        }
        for (plug, state) in self.plugs.iter_mut().zip(&mut states) {
            let Some(named) = &plug.named else { continue };
            let told = answers.next().map(|(_, answer)| answer);
            if named.is_lost(&format!("plug {}", plug.name), "outlet", told.as_ref()) {
                *state = State::NoSuchPlug;
                plug.row = None;
            }
        }
        Ok(states)
    }
}

/// What the two columns of a row say.
fn told(family: &Family, status: &Value, pending: Option<&Value>) -> State {
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

/// The rows of a family's names.
fn names(client: &mut Client, family: &Family, by: Deadline) -> Result<Vec<(Address, Named)>, snmp::Error> {
    let column = Oid::from(family.names);
    let walked = client.walk(&column, by)?;
    Ok(walked
        .into_iter()
        .filter_map(|(object, name)| {
            let address = family.outlet_of(object.under(&column)?)?;
            Some((address, Named { object, name: name.as_text().unwrap_or_default() }))
        })
        .collect())
}

/// The outlets with their states and, where there are any, names.
fn table(client: &mut Client, family: &Family, by: Deadline) -> Result<Vec<Row>, snmp::Error> {
    let names = names(client, family, by)?;
    Ok(rows(client, family, by)?
        .into_iter()
        .map(|(address, status)| Row {
            address,
            status: status.as_integer(),
            name: names
                .iter()
                .find(|(at, _)| *at == address)
                .map(|(_, named)| named.name.clone())
                .unwrap_or_default(),
        })
        .collect())
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
        for name in names {
            let plug = self.find(name, by)?;
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

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let mut states = self.read(by)?;
        if states.iter().all(|state| *state == State::NoSuchPlug) && self.fall_back(by)? {
            states = self.read(by)?;
        }
        Ok(states.into_iter().map(Seen::from).collect())
    }

    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        if self.plugs.get(plug).is_some_and(|plug| plug.row.is_none()) {
            self.look(by)?;
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
            let write = [(control.clone(), Value::Integer(cancel))];
            self.link.ask(by, |client, by| client.set(&write, by))?;
            plug.pending = false;
        }
        let value = family.commands.value(to);
        self.link.ask(by, |client, by| client.set(&[(control, Value::Integer(value))], by))?;
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
        Ok(rows
            .iter()
            .map(|row| {
                let pending =
                    pending.iter().find(|(address, _)| *address == row.address).map(|(_, value)| value);
                let state = row.status.map_or(State::Unknown("no number".to_owned()), |status| {
                    told(family, &Value::Integer(status), pending)
                });
                outlet(family, row.address, &row.name, Some(state).filter(|_| with_state))
            })
            .collect())
    }

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
        let object = family.name_object(row);
        let answer = self.link.ask(by, |client, by| client.get_one(&object, by))?;
        let name = answer.value().and_then(Value::as_text).filter(|name| !name.is_empty());
        Ok(name.map(|name| Identity::new(IdentityKind::Name, name, object.to_string())).into_iter().collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_can_be_named() {
        let Kind::Choice(keys) = FAMILY.kind else { panic!("a choice") };
        assert_eq!(keys.to_vec(), families::FAMILIES.iter().map(|family| family.key).collect::<Vec<_>>());
    }
}
