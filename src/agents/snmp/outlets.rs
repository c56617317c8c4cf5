//! The driver for power units whose outlets are rows of a table: everything that differs between them stands in
//! [`families`](super::families).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use log::{debug, info, warn};

use super::families::{self, Column, Family, Holds, Mark, Of, Outlet as Address, Plug as Text, Rows, Says};
use super::named::{self, Named, Names};
use super::{Link, check};
use crate::base::Deadline;
use crate::fencing::options;
use crate::fencing::{
    About, Action, Agent, Answer, Command, Describe, Device, Error, Fact, Finding, Identity, IdentityKind,
    Kind, Met, Opt, Outlet, Plugs, Power, Proof, Seen, Settings, State, Times, Unfencing,
};
use crate::protocols::snmp::{self, Client, Oid, SYS_OBJECT_ID, Value};

/// The families of the agents for APC's and Tripp Lite's units.
const APC_AND_TRIPP_LITE: &[&str] = &[
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
];

/// Which family, where the device shouldn't be asked.
pub const FAMILY: Opt = family(APC_AND_TRIPP_LITE);

/// The option that names one of these families.
pub const fn family(keys: &'static [&'static str]) -> Opt {
    Opt::new(
        "family",
        "family",
        Kind::Choice(keys),
        "Family of power units whose tables to use; without it, the device is asked what it is",
    )
    .suffix("=[family]")
}

/// The name that an outlet has to have.
pub const EXPECT_NAME: Opt = options::EXPECT_NAME.text(
    "Name of the outlet at the device, as explain shows it: a device that tells another one, or none, is sent no command. One for each plug",
);

/// What the agents for power units have in common.
pub const AGENT: Agent = Agent {
    name: "",
    shortdesc: "",
    longdesc: "",
    vendor_url: "",
    examples: &[],
    aliases: &[],
    options: &[],
    defaults: &[],
    actions: &[
        Action::On,
        Action::Off,
        Action::Reboot,
        Action::Status,
        Action::List,
        Action::ListStatus,
        Action::Monitor,
        Action::Metadata,
        Action::Manpage,
        Action::ValidateAll,
        Action::Doctor,
        Action::Evidence,
    ],
    unadvertised: &[],
    default_action: Action::Reboot,
    unfencing: Unfencing::None,
    plugs: Plugs::Many,
    proof: Proof::Reported,
    check,
    open,
};

/// Makes the driver for APC's and Tripp Lite's units.
pub fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    open_one_of(settings, Known { keys: APC_AND_TRIPP_LITE, probed: true })
}

/// What an agent takes a unit for.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// The families. A single one is meant whatever the unit says that it is.
    pub keys: &'static [&'static str],
    /// Whether a unit that isn't recognised is tried as one of those that are probed.
    pub probed: bool,
}

/// Makes the driver for units of some families.
pub fn open_one_of(settings: &Settings, known: Known) -> Result<Box<dyn Describe>, Error> {
    let only = match known.keys {
        [key] => Some(*key),
        _ => None,
    };
    Ok(Box::new(PowerUnit {
        link: Link::new(settings)?,
        named: settings.text(&FAMILY).or(only).and_then(families::named),
        known,
        candidates: Vec::new(),
        probed: false,
        numbered: false,
        tableless: false,
        plugs: Vec::new(),
        pending_told: 0,
        warned: false,
    }))
}

/// A power unit.
struct PowerUnit {
    link: Link,
    /// The family that the user named.
    named: Option<&'static Family>,
    /// What it may be at all.
    known: Known,
    /// The families it may belong to, once it was asked: the first is meant, as long as its tables answer.
    candidates: Vec<&'static Family>,
    /// Whether it belongs to none for certain, and its tables had to tell.
    probed: bool,
    /// Whether its rows were found to be numbered as the family's are.
    numbered: bool,
    /// Whether a look found that the family's tables have no first outlet.
    tableless: bool,
    plugs: Vec<Plug>,
    /// How many of its columns have told of pending commands. From then on, fewer of them leave the state unknown.
    pending_told: usize,
    /// Whether it was said already that the commands stand in one source alone.
    warned: bool,
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
    /// Which of the family's columns told of a pending command in the last look.
    pending: Vec<bool>,
    /// Why the last look found that it takes no commands.
    shut: Option<&'static str>,
    /// Whether it was sent a command.
    commanded: bool,
    /// Whether the last look found that it isn't there, or isn't called any more what it was asked for by.
    gone: bool,
    /// Which of the family's guards have told anything of it.
    guards_told: Vec<bool>,
    /// Whether the unit wouldn't cancel what is pending.
    uncancelled: bool,
    /// Whether it was commanded off last. Then what speaks against off is read, too.
    commanded_off: bool,
    /// Whether it was said already what speaks against off.
    contradicted: bool,
    /// In how many tables beside the one that is used it was told of, where that was guessed.
    tables: usize,
}

/// A row of a unit's tables: its number, the state column, the name.
struct Row {
    address: Address,
    status: Value,
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
    /// One that no look has seen yet.
    fn unseen(name: String, address: Address, named: Option<Named>) -> Plug {
        Plug {
            name,
            address,
            row: None,
            named,
            pending: Vec::new(),
            shut: None,
            commanded: false,
            gone: false,
            guards_told: Vec::new(),
            uncancelled: false,
            commanded_off: false,
            contradicted: false,
            tables: 0,
        }
    }

    /// What is to be written before a command: a delayed one that is still to come would undo it.
    fn cancel(&self, family: &Family, row: &[u32]) -> Vec<(Oid, i64)> {
        let pending = family.pending.iter().zip(&self.pending);
        let cancel =
            pending.filter(|(_, is)| **is && !self.uncancelled).filter_map(|(column, _)| column.cancel);
        cancel.map(|(column, value)| (column.object(row), value)).collect()
    }

    /// Whether the last look found a command pending.
    fn is_pending(&self) -> bool {
        self.pending.contains(&true)
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
        // Some units tell it as a text.
        let told = |value: &Value| value.as_oid().cloned().or_else(|| value.as_text()?.parse().ok());
        let Some(id) = answer.value().and_then(told) else {
            return Err(Error::Unexpected {
                what: "the device doesn't say what it is (sysObjectID)".to_owned(),
            });
        };
        let recognised = families::recognised(&id, |family| self.known.keys.contains(&family.key));
        self.candidates = self.marked(recognised, by)?;
        if let Some(family) = self.candidates.first() {
            debug!("sysObjectID {id}: {}", family.name);
            return Ok(());
        }
        let mut answering = Vec::new();
        for family in families::probed().filter(|_| self.known.probed) {
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

    /// Of families whose sysObjectID says too little, the one whose mark the unit bears.
    fn marked(
        &mut self,
        families: Vec<&'static Family>,
        by: Deadline,
    ) -> Result<Vec<&'static Family>, Error> {
        let marks: Vec<_> = families.iter().filter_map(|family| Some((*family, family.mark?))).collect();
        if marks.is_empty() {
            return Ok(families);
        }
        let mut objects: Vec<Oid> = marks.iter().map(|(_, mark)| Oid::from(mark.object)).collect();
        objects.dedup();
        let answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
        let told = |mark: &Mark| {
            let at = objects.iter().position(|object| object.arcs() == mark.object)?;
            answers.get(at)?.value()
        };
        let fits = marks.iter().filter(|(_, mark)| mark.is_on(told(mark)));
        let marked: Vec<&'static Family> = fits.map(|(family, _)| *family).collect();
        let named = marks.iter().find(|(_, mark)| matches!(mark.holds, Holds::Word(_)));
        let why = match (marked.as_slice(), named) {
            ([_], _) => return Ok(marked),
            (_, Some((_, mark))) => {
                let text = told(mark).and_then(Value::as_text).unwrap_or_default();
                format!(
                    "the unit's firmware calls itself {text:?}, which doesn't tell how its tables are laid out"
                )
            }
            ([], None) => {
                "the unit tells who made it, and has none of the tables that are known of that maker"
                    .to_owned()
            }
            (_, None) => "the unit has the tables of several families".to_owned(),
        };
        Err(Error::WhichMachine {
            why: format!("{why}: name the right family with the option {}", FAMILY.name),
            known: families.iter().map(|family| format!("{} ({})", family.key, family.name)).collect(),
        })
    }

    /// A unit that was recognised by its number alone may still have only the tables of its successor.
    fn fall_back(&mut self, by: Deadline) -> Result<bool, Error> {
        let &[family, next, ..] = self.candidates.as_slice() else { return Ok(false) };
        let tableless = |unit: &mut PowerUnit| -> Result<bool, Error> {
            Ok(unit.tableless || unit.link.ask(by, |client, by| rows(client, family, by))?.is_empty())
        };
        if self.probed || !tableless(self)? {
            return Ok(false);
        }
        info!("the unit has no table of {}; using those of {}", family.name, next.name);
        self.candidates.remove(0);
        self.tableless = false;
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
                Some((plug, family, family.state(answer.value()?.as_integer(), &[])))
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
        let labels = match family.labels {
            Some(column) => self.link.ask(by, |client, by| column_of_names(client, &column, family, by))?,
            None => Vec::new(),
        };
        // An outlet whose name is what is printed beside it has one name.
        let names: HashSet<(Address, String)> =
            named.iter().map(|(at, named)| (*at, named.name.trim().to_owned())).collect();
        let labels = labels.into_iter().filter(|(at, label)| {
            let text = label.name.trim().to_owned();
            !text.is_empty() && !names.contains(&(*at, text))
        });
        Ok(named.into_iter().chain(labels).collect())
    }

    /// The plug that a text means. `names` are read when the first plug is given by its name.
    fn find(&mut self, text: &str, names: &mut Option<Names<Address>>, by: Deadline) -> Result<Plug, Error> {
        let family = self.family()?;
        let (address, named) = match Text::parse(text, family.rows) {
            Text::Number { unit: None, number } if family.rows == Rows::OutletMac => {
                (self.on_the_only_unit(text, number, by)?, None)
            }
            plug @ (Text::Number { .. } | Text::Whole(_)) => {
                if matches!(plug, Text::Number { unit: Some(_), .. }) && !family.has_units() {
                    warn!("plug {text}: {} has no switches, so the first number can only be 1", family.name);
                }
                match family.outlet(plug) {
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
        Ok(Plug::unseen(name, address, named))
    }

    /// The outlet with this number of the only unit that has one: in a chain, several may.
    fn on_the_only_unit(&mut self, text: &str, number: u32, by: Deadline) -> Result<Address, Error> {
        let family = self.family()?;
        let below = family.status.root().with(&[number]);
        let rows = self.link.ask(by, |client, by| client.walk(&below, by))?;
        let outlets = rows.iter().filter_map(|(object, _)| family.outlet_of(&family.status.row(object)?));
        match outlets.collect::<Vec<Address>>().as_slice() {
            [] => Err(self.no_such(text, by)),
            [outlet] => Ok(*outlet),
            many => {
                let fits = many.iter().map(|outlet| family.plug(*outlet)).collect();
                Err(Error::AmbiguousPlug { plug: text.to_owned(), fits })
            }
        }
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
        let count = self.count_to_check(family);
        let first = self.first_outlet(family);
        let objects: Vec<Oid> = rows
            .iter()
            .flatten()
            // Where the agent needs several requests, they are asked in this order: a state is never older than the word
            // on pending commands, and on whether it can be relied on.
            .flat_map(|row| {
                let before = family.pending_objects(row).chain(family.guard_objects(row));
                before.chain([family.status_object(row)])
            })
            .chain(self.plugs.iter().filter_map(|plug| Some(plug.named.as_ref()?.object.clone())))
            .chain(self.plugs.iter().flat_map(|plug| {
                others.iter().filter_map(|other| state_object(other, plug.address)).collect::<Vec<_>>()
            }))
            .chain(self.plugs.iter().flat_map(|plug| plug.evidence_objects(family)))
            .chain(count.clone())
            .chain(first.clone())
            .collect();
        let mut answers = self.link.ask(by, |client, by| client.get(&objects, by))?;
        self.tableless = first.is_some() && answers.pop().is_some_and(|answer| answer.value().is_none());
        if count.is_some() {
            let count = answers.pop().and_then(|answer| answer.value().and_then(Value::as_integer));
            self.expect_numbering(family, count, by)?;
        }
        let who = self.link.who();
        let mut answers = answers.into_iter();
        // For each plug what the first of its rows says: the first numbering is the one that today's configurations use.
        let mut read: Vec<Option<Told>> = Vec::with_capacity(rows.len());
        for (plug, rows) in self.plugs.iter_mut().zip(rows) {
            let mut found = None;
            for row in rows {
                let mut value = || answers.next().and_then(|answer| answer.value().cloned());
                let pending: Vec<Option<Value>> = family.pending.iter().map(|_| value()).collect();
                let guards: Vec<Option<Value>> = family.guards.iter().map(|_| value()).collect();
                let status = value();
                self.pending_told = self.pending_told.max(pending.iter().flatten().count());
                if let (None, Some(status)) = (&found, status) {
                    found = Some(Told { status, pending, guards });
                    plug.row = Some(row);
                }
            }
            read.push(found);
        }
        let mut seen = Vec::with_capacity(read.len());
        for (plug, found) in self.plugs.iter_mut().zip(read) {
            let name = plug.named.as_ref().and_then(|_| Named::read(answers.next().as_ref()));
            let state = match found {
                Some(told) => plug.take(family, &told, self.pending_told),
                None if plug.row.is_some() => State::Unknown("it isn't told any more".to_owned()),
                None => State::NoSuchPlug,
            };
            // It took commands when it was sent one: whether it has taken that one, nobody knows any more.
            let state = match plug.shut.filter(|_| plug.commanded) {
                Some(why) => State::Unknown(format!("{state}, and since the command {why}")),
                None => state,
            };
            let asked_for = plug.named.as_ref().map(|named| &named.name);
            plug.gone = state == State::NoSuchPlug || asked_for != name.as_ref();
            seen.push(Seen { state, met: Met { who: who.clone(), name } });
        }
        for (plug, seen) in self.plugs.iter_mut().zip(&mut seen) {
            let asked = others.iter().filter(|other| state_object(other, plug.address).is_some());
            let told: Vec<(&str, families::State)> = asked
                .filter_map(|other| {
                    let told = answers.next()?;
                    Some((other.name, other.state(told.value()?.as_integer(), &[])))
                })
                .collect();
            if let Some(why) = doubt(&seen.state, family.name, &told, plug.tables) {
                seen.state = State::Unknown(why);
            }
            plug.tables = plug.tables.max(told.len());
        }
        for (plug, seen) in self.plugs.iter_mut().zip(&seen) {
            let told: Vec<Option<i64>> = plug
                .evidence_objects(family)
                .iter()
                .map(|_| answers.next().and_then(|answer| answer.value().and_then(Value::as_integer)))
                .collect();
            if seen.state == State::Off {
                plug.weigh(family, &told);
            }
        }
        Ok(seen)
    }

    /// The state of the first outlet, where it isn't known yet whether the unit has the family's tables or those of another
    /// one: asked with the plugs, it spares a request.
    fn first_outlet(&self, family: &Family) -> Option<Oid> {
        let certain = self.probed || self.candidates.len() < 2 || family.rows == Rows::Branch;
        if certain || self.plugs.iter().any(|plug| plug.row.is_some()) {
            return None;
        }
        state_object(family, Address::new(family.rows.first_unit(), 1))
    }

    /// How many outlets there are, where the numbering of the rows is still to be checked against it.
    fn count_to_check(&self, family: &Family) -> Option<Oid> {
        family.count.filter(|_| !self.numbered && self.named.is_none()).map(Oid::from)
    }

    /// Makes sure that rows begin with the number that they are taken to begin with: of 0 and their count, one is a row and
    /// the other isn't. The wrong numbering would be the neighbour's outlet.
    fn expect_numbering(&mut self, family: &Family, count: Option<i64>, by: Deadline) -> Result<(), Error> {
        let from_zero = family.rows == Rows::OutletFromZero;
        let zero_and_count = count.and_then(|count| u32::try_from(count).ok()).map(|count| [0, count]);
        let told = match zero_and_count {
            Some(rows) => {
                let objects = rows.map(|row| family.status_object(&[row]));
                self.link.ask(by, |client, by| client.get(&objects, by))?
            }
            None => Vec::new(),
        };
        self.numbered = match told.as_slice() {
            [zero, count] => zero.value().is_some() == from_zero && count.value().is_none() == from_zero,
            _ => false,
        };
        match self.numbered {
            true => Ok(()),
            false => Err(Error::WhichMachine {
                why: format!(
                    "the unit doesn't number its rows from {}, so nobody knows which outlet is which: where that is \
                     right all the same, say so with {}={}",
                    if from_zero { "0 to one less than their count" } else { "1 to their count" },
                    FAMILY.name,
                    family.key
                ),
                known: vec![format!("{} outlets, by the unit's count", count.unwrap_or_default())],
            }),
        }
    }
}

/// What the columns of a row hold.
struct Told {
    status: Value,
    /// In the order of the family's columns.
    pending: Vec<Option<Value>>,
    /// In the order of the family's guards.
    guards: Vec<Option<Value>>,
}

impl Plug {
    /// Takes in what a look has found; the state that it means.
    fn take(&mut self, family: &Family, told: &Told, expected: usize) -> State {
        let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_integer);
        let pending = family.pending.iter().zip(&told.pending);
        self.pending = pending
            .map(|(column, value)| number(value).is_some_and(|value| column.yes.have(value)))
            .collect();
        self.guards_told.resize(family.guards.len(), false);
        self.shut = None;
        let mut state = state_of(family, &told.status, &told.pending, expected);
        for ((guard, value), before) in family.guards.iter().zip(&told.guards).zip(&mut self.guards_told) {
            let owed = *before || guard.is_owed(family, self.address.unit);
            let good = guard.is_good(value.as_ref(), owed);
            *before |= value.is_some();
            if good {
                continue;
            }
            let said = value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
            match guard.says {
                Says::NoSwitching => self.shut = Some(guard.words),
                // An outlet that the unit says isn't there needs no other word.
                Says::NoReading if value.is_none() && state == State::NoSuchPlug => {}
                Says::NoReading => state = State::Unknown(format!("{}: {said}", guard.words)),
                Says::AnotherLayout => {
                    self.shut = Some(guard.words);
                    state = State::Unknown(guard.words.to_owned());
                }
                // An outlet that was there a moment ago hasn't left with its state.
                Says::NoOutlet if *before && value.is_none() => {
                    state = State::Unknown(format!("{}: {said}", guard.words));
                }
                Says::NoOutlet => state = State::NoSuchPlug,
            }
        }
        state
    }
}

impl Plug {
    /// What is read beside the state since it was commanded off.
    fn evidence_objects(&self, family: &Family) -> Vec<Oid> {
        let row = self.row.as_ref().filter(|_| self.commanded_off);
        row.map(|row| family.evidence_objects(row).collect()).unwrap_or_default()
    }

    /// Says what speaks against off, once. It stays off all the same: a measurement may be older than the state.
    fn weigh(&mut self, family: &Family, told: &[Option<i64>]) {
        let against = family.evidence.iter().zip(told).find_map(|(evidence, told)| {
            let told = told.filter(|told| evidence.on.have(*told))?;
            Some((evidence.words, told))
        });
        if let Some((words, told)) = against.filter(|_| !self.contradicted) {
            warn!("plug {} is off, and {words}: {told}. Look at the unit if that doesn't end", self.name);
            self.contradicted = true;
        }
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

/// What the columns of a row say. `expected` is how many columns of the unit have told of pending commands before.
fn state_of(family: &Family, status: &Value, pending: &[Option<Value>], expected: usize) -> State {
    // A pending column that holds no number is as unknown as one with a number that isn't in the MIB.
    let numbers: Vec<Option<i64>> = pending
        .iter()
        .map(|value| value.as_ref().map(|value| value.as_integer().unwrap_or(i64::MIN)))
        .collect();
    let state = family.state(status.as_integer(), &numbers);
    // Of an outlet that isn't there, the other columns needn't tell anything.
    if state != families::State::Absent && pending.iter().flatten().count() < expected {
        return State::Unknown(format!("state {status}, and no word on pending commands any more"));
    }
    match state {
        families::State::On => State::On,
        families::State::Off => State::Off,
        families::State::Pending => State::Changing("a command is pending".to_owned()),
        families::State::Changing(word) => State::Changing(word.to_owned()),
        families::State::Absent => State::NoSuchPlug,
        families::State::Unknown => {
            let pending = pending.iter().flatten().map(|pending| format!(", pending {pending}"));
            State::Unknown(format!("state {status}{}", pending.collect::<String>()))
        }
    }
}

/// The rows of a family's state column.
fn rows(client: &mut Client, family: &Family, by: Deadline) -> Result<Vec<(Address, Value)>, snmp::Error> {
    let told: Vec<(Oid, Value)> = match family.most.filter(|_| family.status.is_mixed()) {
        Some(most) => {
            let objects: Vec<Oid> = (1..=most).map(|number| family.status.object(&[number])).collect();
            let answers = client.get(&objects, by)?;
            let told = objects.into_iter().zip(&answers);
            told.filter_map(|(object, answer)| Some((object, answer.value()?.clone()))).collect()
        }
        None => client.walk(&family.status.root(), by)?,
    };
    let row = |(object, value)| Some((family.outlet_of(&family.status.row(&object)?)?, value));
    Ok(told.into_iter().filter_map(row).collect())
}

/// A column by the rows that it has.
fn by_row(
    client: &mut Client,
    column: &Column,
    by: Deadline,
) -> Result<HashMap<Vec<u32>, Value>, snmp::Error> {
    let walked = client.walk(&column.root(), by)?.into_iter();
    Ok(walked.filter_map(|(object, value)| Some((column.row(&object)?, value))).collect())
}

/// The rows of a family's names, from the first of its columns that has any.
fn names(client: &mut Client, family: &Family, by: Deadline) -> Result<Vec<(Address, Named)>, snmp::Error> {
    for column in family.names {
        let named = column_of_names(client, column, family, by)?;
        if !named.is_empty() {
            return Ok(named);
        }
    }
    Ok(Vec::new())
}

/// The rows of one column of names.
fn column_of_names(
    client: &mut Client,
    column: &Column,
    family: &Family,
    by: Deadline,
) -> Result<Vec<(Address, Named)>, snmp::Error> {
    let walked = client.walk(&column.root(), by)?.into_iter();
    let named = |(object, name): (Oid, Value)| {
        let address = family.outlet_of(&column.row(&object)?)?;
        Some((address, Named { object, name: name.as_text().unwrap_or_default() }))
    };
    Ok(walked.filter_map(named).collect())
}

/// The outlets with their states and, where there are any, names.
fn table(client: &mut Client, family: &Family, by: Deadline) -> Result<Vec<Row>, snmp::Error> {
    let mut names: HashMap<Address, String> =
        names(client, family, by)?.into_iter().map(|(address, named)| (address, named.name)).collect();
    let rows = rows(client, family, by)?.into_iter();
    let row = |(address, status): (Address, Value)| Row {
        address,
        status,
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
        self.link.met(self.plugs.get(plug).and_then(|plug| plug.named.as_ref()))
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
        if plug.gone {
            return Err(Error::NoSuchPlug { plug: plug.name.clone(), known: Vec::new() });
        }
        if let Some(why) = plug.shut {
            return Err(Error::Unsupported { what: format!("switching plug {}: {why}", plug.name) });
        }
        if family.one_source && !self.warned {
            warn!(
                "what switches units of {} is known from one source alone: try it on an outlet that nobody needs",
                family.name
            );
            self.warned = true;
        }
        for (object, value) in plug.cancel(family, row) {
            debug!("cancelling the command that is pending for plug {}", plug.name);
            match self.link.set(&object, value, by.at_most(PRELIMINARY)) {
                Ok(()) => plug.pending.clear(),
                // What comes of the command itself, the looks afterwards tell.
                Err(error) if error.is_refusal() || !error.is_definitive() => {
                    warn!("plug {}: the pending command can't be cancelled: {error}", plug.name);
                    plug.uncancelled = true;
                }
                Err(error) => return Err(error),
            }
        }
        let (object, value) = family.command(to, row);
        plug.commanded_off = to == Power::Off;
        plug.commanded = true;
        self.link.set(&object, value, by)?;
        Ok(Answer::Accepted)
    }

    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let family = self.family()?;
        let rows = self.link.ask(by, |client, by| table(client, family, by))?;
        if rows.is_empty() && self.fall_back(by)? {
            return self.list(with_state, by);
        }
        if let Some(count) = self.count_to_check(family) {
            let count = self.link.ask(by, |client, by| client.get_one(&count, by))?;
            self.expect_numbering(family, count.value().and_then(Value::as_integer), by)?;
        }
        // A pending command makes a state uncertain here as everywhere, and so do guards.
        let mut pending = Vec::new();
        for column in family.pending.iter().filter(|_| with_state) {
            pending.push(self.link.ask(by, |client, by| by_row(client, &column.column, by))?);
        }
        let mut guards = Vec::new();
        for guard in family.guards {
            let asked = match guard.says {
                Says::NoOutlet => true,
                Says::NoReading | Says::AnotherLayout => with_state,
                Says::NoSwitching => false,
            };
            guards.push(match asked {
                true => self.link.ask(by, |client, by| by_row(client, &guard.column, by))?,
                false => HashMap::new(),
            });
        }
        let expected = pending.iter().filter(|column| !column.is_empty()).count();
        let told = |row: &Row| {
            // Of several rows that an outlet can have, the one that was listed.
            let rows = family.rows_of(row.address);
            let of = |column: &HashMap<Vec<u32>, Value>, row: &dyn Fn(&Vec<u32>) -> Vec<u32>| {
                rows.iter().find_map(|known| column.get(&row(known)).cloned())
            };
            let pending = pending.iter().map(|column| of(column, &Vec::clone)).collect();
            let of_guard =
                |(guard, column): (&families::Guard, _)| of(column, &|known| guard.row(family, known));
            let guards = family.guards.iter().zip(&guards).map(of_guard).collect();
            Told { status: row.status.clone(), pending, guards }
        };
        let outlets = rows.iter().filter_map(|row| {
            let mut plug = Plug::unseen(String::new(), row.address, None);
            // A column that tells of some outlets has to tell of each.
            plug.guards_told = guards.iter().map(|column| !column.is_empty()).collect();
            let state = plug.take(family, &told(row), expected);
            let is_there = state != State::NoSuchPlug;
            is_there.then(|| outlet(family, row.address, &row.name, Some(state).filter(|_| with_state)))
        });
        Ok(outlets.collect())
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

impl PowerUnit {
    /// The plugs for which a column tells a number above 0.
    fn above_zero(&mut self, column: Option<Column>, by: Deadline) -> Result<Vec<(String, i64)>, Error> {
        let plugs = self.plugs.iter().filter_map(|plug| Some((plug, column?.object(plug.row.as_ref()?))));
        let (names, objects): (Vec<String>, Vec<Oid>) =
            plugs.map(|(plug, object)| (plug.name.clone(), object)).unzip();
        let answers = match objects.is_empty() {
            true => Vec::new(),
            false => self.link.ask(by, |client, by| client.get(&objects, by))?,
        };
        let told = names.into_iter().zip(&answers).filter_map(|(name, answer)| {
            let number = answer.value().and_then(Value::as_integer)?;
            Some((name, number)).filter(|(_, number)| *number > 0)
        });
        Ok(told.collect())
    }

    /// What is to be said of plugs that the unit switches off with a delay of its own, on again by itself, or
    /// together with others.
    fn delays_and_groups(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        let family = self.family()?;
        let delays = self.above_zero(family.off_delay, by)?.into_iter().map(|(plug, seconds)| {
            Finding::advice(
                format!("the unit waits {seconds} s before it switches off plug {plug}"),
                "power_timeout has to be longer than that, and pcmk_off_timeout with it",
            )
        });
        let delays: Vec<Finding> = delays.collect();
        let again = self.above_zero(family.on_again, by)?.into_iter().map(|(plug, seconds)| {
            Finding::warning(
                format!("the unit switches plug {plug} on again {seconds} s after it was switched off"),
                "no off lasts longer than that: take the time away at the unit",
            )
        });
        let again: Vec<Finding> = again.collect();
        let groups = self.above_zero(family.group, by)?.into_iter().map(|(plug, group)| {
            Finding::advice(
                format!("plug {plug} is in group {group} of the unit"),
                "see at the unit which others are: whoever switches the group switches this one, too",
            )
        });
        Ok(delays.into_iter().chain(again).chain(groups).collect())
    }

    /// What is to be said of the units of a chain, whether a plug is theirs or not: those that have lost their
    /// communication, and those that are in the chain and tell nothing.
    fn chain(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        let family = self.family()?;
        let mut findings = Vec::new();
        let mut told: HashSet<i64> = HashSet::new();
        let of_units = family.guards.iter().filter(|guard| guard.of == Of::Unit);
        for guard in of_units.filter(|guard| guard.says == Says::NoReading) {
            let column = self.link.ask(by, |client, by| by_row(client, &guard.column, by))?;
            let mut units: Vec<_> =
                column.iter().filter_map(|(row, value)| Some((row.first()?, value))).collect();
            units.sort_by_key(|(unit, _)| **unit);
            for (unit, value) in units {
                told.insert(i64::from(*unit));
                if !guard.is_good(Some(value), true) {
                    findings.push(Finding::warning(
                        format!("unit {unit} of the chain: {}: {value}", guard.words),
                        "no state of its outlets counts until it answers again: see to its cable and its power",
                    ));
                }
            }
        }
        let Some(units) = family.units else { return Ok(findings) };
        let object = Oid::from(units);
        let present = self.link.ask(by, |client, by| client.get_one(&object, by))?;
        let text = present.value().and_then(Value::as_text).unwrap_or_default();
        let present: Vec<i64> = text.split(',').filter_map(|unit| unit.trim().parse().ok()).collect();
        let silent = present.iter().filter(|unit| !told.contains(unit));
        findings.extend(silent.map(|unit| {
            Finding::warning(
                format!("unit {unit} is in the chain and tells nothing"),
                "no state of its outlets counts until it answers: see to its cable and its power",
            )
        }));
        let own: HashSet<i64> = self.plugs.iter().map(|plug| i64::from(plug.address.unit)).collect();
        let mut absent: Vec<i64> = own.into_iter().filter(|unit| !present.contains(unit)).collect();
        absent.sort_unstable();
        findings.extend(absent.into_iter().filter(|_| !present.is_empty()).map(|unit| {
            Finding::warning(
                format!(
                    "unit {unit} has plugs of this machine and isn't in the chain: the units there are {text}"
                ),
                "see whether the units have changed their numbers",
            )
        }));
        Ok(findings)
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
        let cancel = plug.cancel(family, row).into_iter();
        let cancel =
            cancel.map(|(object, value)| format!("SET {object} = {value} (cancels the pending command)"));
        let (object, value) = family.command(power, row);
        cancel.chain([format!("SET {object} = {value} ({power})")]).collect()
    }

    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
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
        for plug in self.plugs.iter().filter(|plug| plug.is_pending()) {
            findings.push(Finding::warning(
                format!("a command is pending for plug {}", plug.name),
                "somebody has given it a delayed command: its state can't be relied on until that is done",
            ));
        }
        for (plug, why) in self.plugs.iter().filter_map(|plug| Some((plug, plug.shut?))) {
            findings.push(Finding::warning(
                format!("plug {} takes no commands: {why}", plug.name),
                "fencing through it will fail: release the outlet at the unit, or use one that can be switched",
            ));
        }
        findings.extend(self.delays_and_groups(by)?);
        findings.extend(self.chain(by)?);
        if let Some(family) = self.family().ok().filter(|family| family.one_source) {
            findings.push(Finding::advice(
                format!("what switches units of {} is known from one source alone", family.name),
                "switch an outlet that nobody needs, and look at the unit whether it did and no other one",
            ));
        }
        Ok(findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_or_laid_out_otherwise_is_no_outlet_and_has_no_state() {
        let number = |value| Some(Value::Integer(value));
        for (key, status, guards, expected) in [
            ("eaton-pulizzi", 0, vec![], State::NoSuchPlug),
            ("ibm-blade", 0, vec![number(0)], State::NoSuchPlug),
            ("ibm-blade", 0, vec![None], State::NoSuchPlug),
            ("intel-modular", 0, vec![number(0)], State::NoSuchPlug),
            ("intel-modular", 0, vec![None], State::NoSuchPlug),
            (
                "ibm-ipdu-old",
                0,
                vec![number(0)],
                State::Unknown("the outlet has column 15, so the layout is the newer one".to_owned()),
            ),
            (
                "ibm-ipdu-new",
                0,
                vec![None],
                State::Unknown("the outlet has no column 15, so the layout is the older one".to_owned()),
            ),
        ] {
            let family = families::named(key).unwrap();
            let mut plug = Plug::unseen(String::new(), Address::new(1, 1), None);
            let told = Told { status: Value::Integer(status), pending: Vec::new(), guards };
            assert_eq!(plug.take(family, &told, 0), expected, "{key}");
            assert_eq!(plug.shut.is_some(), expected != State::NoSuchPlug, "{key}");
        }
    }

    #[test]
    fn off_that_the_unit_does_not_vouch_for_is_not_off() {
        for (key, off, good, bad) in [
            ("apc-cpdu", 0, 1..=6, [0, 7, 8]),
            ("enlogic", 0, 1..=6, [0, 7, 8]),
            ("vertiv-v5", 2, 2..=2, [0, 1, 3]),
        ] {
            let family = families::named(key).unwrap();
            let state = |value| {
                let mut plug = Plug::unseen(String::new(), Address::new(1, 1), None);
                let guards = vec![Some(Value::Integer(value))];
                let told = Told { status: Value::Integer(off), pending: Vec::new(), guards };
                plug.take(family, &told, 0)
            };
            assert!(good.into_iter().all(|value| state(value) == State::Off), "{key}");
            assert!(bad.into_iter().all(|value| matches!(state(value), State::Unknown(_))), "{key}");
        }
    }

    #[test]
    fn every_family_of_an_agent_is_in_the_table() {
        assert!(APC_AND_TRIPP_LITE.iter().all(|key| families::named(key).is_some()));
        // A unit that isn't known is probed by the agents whose families those are, and by no others.
        assert!(families::probed().all(|family| APC_AND_TRIPP_LITE.contains(&family.key)));
    }

    #[test]
    fn a_pending_column_that_holds_no_number_leaves_the_state_unknown() {
        let text = Value::Octets(b"none".to_vec());
        for family in families::FAMILIES.iter().filter(|family| !family.pending.is_empty()) {
            for number in 0..20 {
                let pending = vec![Some(text.clone()); family.pending.len()];
                let told = state_of(family, &Value::Integer(number), &pending, 0);
                assert!(!matches!(told, State::On | State::Off), "{}: {number}: {told:?}", family.name);
            }
        }
    }
}
