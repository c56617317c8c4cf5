//! fence_lindypdu: power units of DigiPower, which Lindy sells, over SNMP (DigiPower-PDU-MIB). One text holds the states of
//! all outlets, and is written as a whole: two writers at once can undo each other, and neither is told. So every writer here
//! reads the text right before it writes, sends each write once, and looks twice, further apart than another one's way from
//! reading to writing is.

use std::time::{Duration, Instant};

use log::{debug, info, warn};

use crate::agents::snmp::named::{self, Named, Names};
use crate::agents::snmp::{self, Link};
use crate::base::{Deadline, Told as Text};
use crate::fencing::options;
use crate::fencing::{
    About, Action, Agent, Answer, Command, Describe, Device, Error, Fact, Finding, Identity, IdentityKind,
    Kind, Met, Opt, Outlet, Plugs, Power, Proof, Seen, Settings, State, Times, Unfencing,
};
use crate::protocols::snmp::{Answer as Told, Oid, SYS_OBJECT_ID, Value};

/// DigiPower's number, which such units give as their sysObjectID.
const DIGIPOWER: &[u32] = &[1, 3, 6, 1, 4, 1, 17420];

/// The units of a chain: behind it the number of one, then [`STATES`] or [`NAMES`].
const UNITS: &[u32] = &[1, 3, 6, 1, 4, 1, 17420, 1, 2, 9];

/// The text with the states of all outlets, behind a unit's number.
const STATES: &[u32] = &[13, 0];

/// The column of texts with the names, behind a unit's number: outlet and 0 follow.
const NAMES: u32 = 14;

/// How many units a chain has at most.
const LONGEST_CHAIN: u32 = 16;

/// A text is as fresh as one that is read right before a write, if it was asked for no longer ago.
const FRESH: Duration = Duration::from_millis(100);

/// How long the acknowledgement of a write is waited for: less than the second after which a client sends a request
/// again. A write that is sent again brings back what others have done meanwhile.
const ONCE: Duration = Duration::from_millis(900);

/// How far two looks at a new state are apart: another writer that has read the text before it has written by then.
const SETTLED: Duration = Duration::from_secs(1);

/// How long an outlet may take to follow, before the text is written again, and the pause between looks meanwhile.
const FOLLOWS: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(100);

/// How often a text is written at most for one command.
const WRITES: u32 = 4;

/// Which unit of a chain.
const SWITCH: Opt =
    Opt::new("switch", "switch", Kind::Text, "Unit of a chain that the outlets are on: 1 to 16")
        .short('s')
        .suffix("=[id]")
        .default("1");

/// The agent.
pub static AGENT: Agent = Agent {
    name: "fence_lindypdu",
    shortdesc: "Fence agent for power units of Lindy and DigiPower over SNMP",
    longdesc: "fence_lindypdu switches the outlets of power units of DigiPower, among them those of Lindy, over SNMP \
               1, 2c or 3.\
               \n\n\
               A plug is the number of an outlet, or its name; the option switch names the unit in a chain. These \
               units have one text with the states of all outlets, which is written as a whole. So the agent reads \
               it right before it writes, changes its own outlet alone, and looks twice, a second apart, \
               whether another writer has undone that; then it writes again.",
    vendor_url: "https://www.lindy.com",
    examples: &[
        "-a 192.0.2.10 -c private -n 3 -o status",
        "-a 192.0.2.10 -c private -s 2 -n 3 -o reboot -v",
    ],
    aliases: &[],
    options: &[
        &[
            options::ACTION,
            options::PLUG,
            SWITCH,
            options::EXPECT_NAME.text(
                "Name of the outlet at the device, as explain shows it: a device that tells another one, or none, is sent no command. One for each plug",
            ),
        ],
        snmp::ADDRESS,
        options::LOGIN,
        snmp::OPTIONS,
        options::LISTING,
        snmp::TOOLS,
        options::COMMON,
    ],
    defaults: &[("community", "public"), ("snmp_version", "1")],
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

fn check(settings: &Settings) -> Result<(), Error> {
    switch(settings)?;
    snmp::check(settings)
}

/// The number of the unit.
fn switch(settings: &Settings) -> Result<u32, Error> {
    let text = settings.text(&SWITCH).unwrap_or("1");
    let number = text.parse().ok().filter(|number| (1..=LONGEST_CHAIN).contains(number));
    number.ok_or_else(|| {
        Error::bad_input(settings.called(&SWITCH), format!("a number from 1 to {LONGEST_CHAIN} is needed"))
    })
}

fn open(settings: &Settings, _times: &Times) -> Result<Box<dyn Describe>, Error> {
    Ok(Box::new(PowerUnit {
        link: Link::new(settings)?,
        unit: switch(settings)?,
        recognised: false,
        plugs: Vec::new(),
        last: None,
    }))
}

/// A power unit, alone or in a chain.
struct PowerUnit {
    link: Link,
    /// Its number in the chain.
    unit: u32,
    /// Whether it has told what it is.
    recognised: bool,
    plugs: Vec<Plug>,
    /// What it told last: since the last write, and without anything unreadable in between.
    last: Option<Reading>,
}

/// What the unit tells of an outlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    On,
    Off,
    /// There is no such outlet.
    Absent,
    /// It has no power for another reason than a command: the supply, or a breaker.
    Tripped,
}

/// The values of the MIB.
const FIELDS: &[(&str, Field)] =
    &[("1", Field::On), ("0", Field::Off), ("-1", Field::Absent), ("-2", Field::Tripped)];

impl Field {
    fn of(power: Power) -> Field {
        match power {
            Power::On => Field::On,
            Power::Off => Field::Off,
        }
    }

    fn word(self) -> &'static str {
        FIELDS.iter().find(|(_, field)| *field == self).map_or("", |(word, _)| word)
    }
}

/// The states in a text. `None` where one of them is none that the MIB knows: then nothing in it can be relied on.
fn fields(text: &str) -> Option<Vec<Field>> {
    let field = |word: &str| FIELDS.iter().find(|(known, _)| *known == word.trim()).map(|(_, field)| *field);
    text.split(',').map(field).collect()
}

/// The text with these states.
fn text(fields: &[Field]) -> String {
    fields.iter().map(|field| field.word()).collect::<Vec<_>>().join(",")
}

/// The states of all outlets, as the unit has told them in an unbroken row of looks.
#[derive(Clone, Debug)]
struct Reading {
    fields: Vec<Field>,
    /// When the first of these looks was answered.
    since: Instant,
    /// When the last one was begun, and how long its answer took.
    begun: Instant,
    took: Duration,
}

impl Reading {
    /// How far the first and the last of these looks have to be apart. Where answers take their time, another writer's do,
    /// too.
    fn settles(&self) -> Duration {
        SETTLED.saturating_add(self.took.saturating_mul(2))
    }

    /// Whether they are.
    fn is_settled(&self) -> bool {
        self.begun.saturating_duration_since(self.since) >= self.settles()
    }

    /// When the next look is far enough from the first one, also if its answer takes a little longer.
    fn rest(&self) -> Duration {
        self.settles().saturating_add(PAUSE).saturating_sub(self.since.elapsed())
    }
}

/// An outlet that was asked for.
#[derive(Clone, Debug)]
struct Plug {
    /// As the user wrote it, with its number.
    name: String,
    number: u32,
    named: Option<Named>,
    /// Whether the unit has told of it.
    told: bool,
    /// What was written for it in this run.
    wanted: Option<Power>,
}

impl named::Plug for Plug {
    fn is(&self, other: &Plug) -> bool {
        self.number == other.number
    }

    fn named(&mut self) -> &mut Option<Named> {
        &mut self.named
    }
}

impl Plug {
    /// Its place in the text.
    fn place(&self) -> Option<usize> {
        usize::try_from(self.number).ok()?.checked_sub(1)
    }

    fn field(&self, fields: &[Field]) -> Option<Field> {
        fields.get(self.place()?).copied()
    }

    fn state(&self, fields: &[Field]) -> State {
        match self.field(fields) {
            Some(Field::On) => State::On,
            Some(Field::Off) => State::Off,
            Some(Field::Tripped) => State::Unknown("no power, or its breaker has tripped (-2)".to_owned()),
            Some(Field::Absent) | None if self.told => State::Unknown("it isn't told any more".to_owned()),
            Some(Field::Absent) | None => State::NoSuchPlug,
        }
    }
}

/// The name in a text that begins with it.
fn first(text: &str) -> String {
    text.split(',').next().unwrap_or_default().to_owned()
}

/// What one look has shown.
struct Look {
    /// The states, or why there are none.
    fields: Result<Vec<Field>, String>,
    /// For each plug, its name as it was read now.
    names: Vec<Option<String>>,
}

impl PowerUnit {
    /// The object with the states of all outlets.
    fn states(&self) -> Oid {
        Oid::new(UNITS).with(&[self.unit]).with(STATES)
    }

    /// The column of names.
    fn names(&self) -> Oid {
        Oid::new(UNITS).with(&[self.unit, NAMES])
    }

    /// Reads the states of all outlets, and the names of those that were asked for by name, in one request.
    fn read(&mut self, by: Deadline) -> Result<Look, Error> {
        let identity = (!self.recognised).then(|| Oid::from(SYS_OBJECT_ID));
        let named = self.plugs.iter().filter_map(|plug| Some(plug.named.as_ref()?.object.clone()));
        let objects: Vec<Oid> = std::iter::once(self.states()).chain(identity).chain(named).collect();
        let begun = Instant::now();
        let answers = self.link.ask(by, |client, by| client.get(&objects, by));
        if answers.is_err() {
            self.last = None;
        }
        let mut answers = answers?.into_iter();
        let states = answers.next();
        let states = states.as_ref().and_then(Told::value);
        if !self.recognised {
            self.recognise(answers.next().as_ref(), states.is_some())?;
        }
        let names = self
            .plugs
            .iter()
            .map(|plug| {
                plug.named
                    .as_ref()
                    .and_then(|_| Named::read(answers.next().as_ref()))
                    .map(|text| first(&text))
            })
            .collect();
        let told = match states {
            None => Err("the states of its outlets aren't told any more".to_owned()),
            Some(states) => states
                .as_text()
                .and_then(|text| fields(&text))
                .ok_or_else(|| format!("states of outlets as in no MIB: {states}")),
        };
        self.last = told.as_ref().ok().map(|fields| {
            let since = self.last.take().filter(|last| last.fields == *fields).map(|last| last.since);
            let since = since.unwrap_or_else(Instant::now);
            Reading { fields: fields.clone(), since, begun, took: begun.elapsed() }
        });
        if let Ok(fields) = &told {
            for plug in &mut self.plugs {
                plug.told |= !matches!(plug.field(fields), None | Some(Field::Absent));
            }
        }
        Ok(Look { fields: told, names })
    }

    /// Makes sure that this is such a unit: it has the object, which is DigiPower's own.
    fn recognise(&mut self, identity: Option<&Told>, has_states: bool) -> Result<(), Error> {
        let id = identity.and_then(Told::value).and_then(Value::as_oid);
        let says = id.map_or("it doesn't say what it is".to_owned(), |id| format!("its sysObjectID is {id}"));
        if !has_states {
            return Err(Error::Unsupported {
                what: format!("outlets of a unit of DigiPower as number {} ({says})", self.unit),
            });
        }
        if id.is_none_or(|id| id.under(&Oid::new(DIGIPOWER)).is_none()) {
            warn!(
                "it isn't known as a unit of DigiPower ({says}), but has its table of outlets, which is used"
            );
        }
        self.recognised = true;
        Ok(())
    }

    /// The states to go by in a write: as fresh as can be, and all of them understood.
    fn fresh(&mut self, by: Deadline) -> Result<Vec<Field>, Error> {
        if let Some(last) = self.last.as_ref().filter(|last| last.begun.elapsed() <= FRESH) {
            return Ok(last.fields.clone());
        }
        let mut read = self.read(by)?;
        // What took long may be as old: an answer that was lost on its way, for one.
        if self.last.as_ref().is_some_and(|last| last.took > FRESH) {
            read = self.read(by)?;
        }
        read.fields.map_err(|what| Error::Unexpected { what })
    }

    /// What is to be written to bring one plug to a state: what was read, with its field changed, and with those of the
    /// plugs that were commanded before: they may not show it yet.
    fn command(&self, plug: usize, to: Power, fields: &[Field]) -> Result<Vec<Field>, Error> {
        let Some(own) = self.plugs.get(plug) else {
            return Err(Error::Unexpected { what: "a plug that was not resolved".to_owned() });
        };
        if matches!(own.field(fields), None | Some(Field::Absent)) {
            return Err(Error::NoSuchPlug { plug: own.name.clone(), known: Vec::new() });
        }
        let mut fields = fields.to_vec();
        let before = self.plugs.iter().filter_map(|plug| Some((plug, plug.wanted?)));
        for (plug, power) in before.chain([(own, to)]) {
            if let Some(field) = plug.place().and_then(|place| fields.get_mut(place)) {
                *field = Field::of(power);
            }
        }
        Ok(fields)
    }

    /// Whether a plug comes to a state and stays there: whether two looks far enough apart show it, and show the same of
    /// all outlets. False as soon as it was there and isn't any more, and where it doesn't come in time.
    fn stays(&mut self, plug: usize, power: Power, by: Deadline) -> Result<bool, Error> {
        let follows = by.at_most(FOLLOWS);
        let mut seen = false;
        loop {
            match self.read(by) {
                Err(error) if error.is_definitive() || matches!(error, Error::AnotherMachine { .. }) => {
                    return Err(error);
                }
                Err(error) => info!("the states can't be read now: {error}"),
                Ok(_) => {}
            }
            let own = self.plugs.get(plug);
            let there =
                self.last.as_ref().zip(own).is_some_and(|(last, own)| own.state(&last.fields).is(power));
            if there && self.last.as_ref().is_some_and(Reading::is_settled) {
                return Ok(true);
            }
            if !there && (seen || follows.passed()) {
                return Ok(false);
            }
            seen |= there;
            let rest = self.last.as_ref().filter(|_| there).map_or(PAUSE, Reading::rest);
            if !by.sleep(rest) {
                return Ok(false);
            }
        }
    }

    /// What a look shows of one plug. After a command, its state counts once it is settled.
    fn state(&self, plug: &Plug, fields: &Result<Vec<Field>, String>) -> State {
        let state = match fields {
            Ok(fields) => plug.state(fields),
            Err(what) => return State::Unknown(what.clone()),
        };
        let settled = self.last.as_ref().is_some_and(Reading::is_settled);
        match plug.wanted {
            Some(wanted) if state.is(wanted) && !settled => State::Changing(format!(
                "{state}, and outlets of this unit have changed within the last second"
            )),
            _ => state,
        }
    }

    fn find(&mut self, text: &str, names: &mut Option<Names<u32>>, by: Deadline) -> Result<Plug, Error> {
        let plug = |number: u32, named: Option<Named>| {
            let name = if named.is_some() { format!("{number} ({text})") } else { number.to_string() };
            Plug { name, number, named, told: false, wanted: None }
        };
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return match text.parse() {
                Ok(number) if number > 0 => Ok(plug(number, None)),
                _ => Err(self.no_such(text, by)),
            };
        }
        let names = match names {
            Some(names) => names,
            None => names.insert(self.named_outlets(by)?.into_iter().collect()),
        };
        match names.of(text) {
            [] => Err(self.no_such(text, by)),
            [(number, named)] => Ok(plug(*number, Some(named.clone()))),
            many => Err(Error::AmbiguousPlug {
                plug: text.to_owned(),
                fits: many.iter().map(|(number, _)| format!("outlet {number}")).collect(),
            }),
        }
    }

    /// The outlets with their names.
    fn named_outlets(&mut self, by: Deadline) -> Result<Vec<(u32, Named)>, Error> {
        let column = self.names();
        let walked = self.link.ask(by, |client, by| client.walk(&column, by))?;
        let named = |(object, value): (Oid, Value)| match object.under(&column) {
            Some(&[number, 0]) => {
                let name = first(&value.as_text()?);
                Some((number, Named { object, name }))
            }
            _ => None,
        };
        Ok(walked.into_iter().filter_map(named).collect())
    }

    fn no_such(&mut self, plug: &str, by: Deadline) -> Error {
        match self.list(false, by) {
            Ok(outlets) => {
                let known = outlets.iter().map(ToString::to_string).collect();
                Error::NoSuchPlug { plug: plug.to_owned(), known }
            }
            Err(error) => error,
        }
    }
}

impl Device for PowerUnit {
    fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
        // There is none: the first request tells.
        Ok(())
    }

    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        let mut plugs: Vec<Plug> = Vec::with_capacity(names.len());
        let mut known = None;
        for name in names {
            let plug = self.find(name, &mut known, by)?;
            named::take_in(&mut plugs, plug);
        }
        self.plugs = plugs;
        // There is no login: this look tells whether the device is there, and whether a number is one of its own.
        let fields = self.read(by)?.fields.map_err(|what| Error::Unexpected { what })?;
        let missing = self.plugs.iter().find(|plug| plug.state(&fields) == State::NoSuchPlug);
        let missing = missing.map(|plug| plug.number.to_string());
        missing.map_or(Ok(()), |plug| Err(self.no_such(&plug, by)))
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
        let mut look = self.read(by)?;
        let is_there =
            |plug: &Plug, fields: &[Field]| plug.wanted.is_some_and(|power| plug.state(fields).is(power));
        let there = |fields: &Vec<Field>| self.plugs.iter().any(|plug| is_there(plug, fields));
        let waits = look.fields.as_ref().is_ok_and(there);
        let rest = self.last.as_ref().filter(|last| waits && !last.is_settled()).map(Reading::rest);
        if rest.is_some_and(|rest| by.sleep(rest)) {
            look = self.read(by)?;
        }
        let who = self.link.who();
        let seen = self.plugs.iter().zip(look.names).map(|(plug, name)| Seen {
            state: self.state(plug, &look.fields),
            met: Met { who: who.clone(), name },
        });
        Ok(seen.collect())
    }

    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        let name = self.plug_name(plug);
        let mut silence = None;
        let mut acknowledged = false;
        for _ in 0..WRITES {
            let before = self.fresh(by);
            let before = before.map_err(|error| error.before_the_command("no look before the command"))?;
            let after = self.command(plug, to, &before)?;
            let changes = before != after;
            if let Some(plug) = self.plugs.get_mut(plug) {
                plug.wanted = Some(to);
            }
            self.last = None;
            let value = Value::Octets(text(&after).into_bytes());
            match self.link.write(&self.states(), value, by.at_most(ONCE)) {
                Ok(()) => acknowledged = true,
                // It may have arrived: what the unit shows then tells.
                Err(error) if error.is_unreached() && !by.passed() => {
                    debug!("{name}: {error}; looking whether it is {to}");
                    silence = Some(error);
                }
                Err(error) => return Err(error),
            }
            if self.stays(plug, to, by)? && (acknowledged || changes) {
                return Ok(Answer::Accepted);
            }
            if by.passed() {
                break;
            }
            info!("{name} isn't {to}: somebody else may have written, too; writing again");
        }
        match silence {
            Some(error) if !acknowledged => Err(error),
            _ => Ok(Answer::Accepted),
        }
    }

    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let fields = self.read(by)?.fields.map_err(|what| Error::Unexpected { what })?;
        let names = self.named_outlets(by)?;
        let outlets = (1..).zip(&fields).filter(|(_, field)| **field != Field::Absent).map(|(number, _)| {
            let plug = Plug { name: String::new(), number, named: None, told: true, wanted: None };
            let named = names.iter().find(|(of, _)| *of == number);
            Outlet {
                plug: number.to_string(),
                alias: named.map(|(_, named)| named.name.clone()).unwrap_or_default(),
                state: with_state.then(|| plug.state(&fields)),
            }
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

impl Describe for PowerUnit {
    fn host(&self) -> Option<&str> {
        Some(self.link.host())
    }

    fn known(&self) -> About {
        let mut about = self.link.known();
        about.more.push(Fact::new("switch", self.unit.to_string()));
        about
    }

    fn about(&mut self, by: Deadline) -> Result<About, Error> {
        let mut about = self.link.about(by)?;
        about.more.extend(self.known().more);
        Ok(about)
    }

    fn plug_facts(&self, plug: usize) -> Vec<Fact> {
        let Some(plug) = self.plugs.get(plug) else { return Vec::new() };
        vec![Fact::new("outlet", plug.number.to_string()), Fact::new("object", self.states().to_string())]
    }

    fn identity(
        &mut self,
        plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        let Some(plug) = self.plugs.get(plug).filter(|_| kinds.contains(&IdentityKind::Name)) else {
            return Ok(Vec::new());
        };
        let object = self.names().with(&[plug.number, 0]);
        let answer = self.link.ask(by, |client, by| client.get_one(&object, by))?;
        let name =
            answer.value().and_then(Value::as_text).map(|text| first(&text)).filter(|name| !name.is_empty());
        let identity = |name: String| Identity::new(IdentityKind::Name, name, object.to_string());
        Ok(name.map(identity).into_iter().collect())
    }

    fn plan(&self, plug: usize, command: Command) -> Vec<String> {
        let Command::Switch(power) = command else { return Vec::new() };
        let Some(last) = &self.last else { return Vec::new() };
        let Ok(fields) = self.command(plug, power, &last.fields) else { return Vec::new() };
        let number = self.plugs.get(plug).map(|plug| plug.number).unwrap_or_default();
        let text = Text::new(text(&fields));
        vec![format!(
            "SET {} = \"{text}\" (outlet {number} {power}, the others as they are read right before)",
            self.states()
        )]
    }

    fn examine(&mut self, _by: Deadline) -> Result<Vec<Finding>, Error> {
        let mut findings = self.link.findings();
        if let [plug] = self.plugs.as_slice() {
            findings.push(Finding::advice(
                format!("plug {} is the only one given", plug.name),
                "a machine with two power supplies runs on from the other one: give the plugs of both, with a \
                 comma between them",
            ));
        }
        findings.push(Finding::advice(
            "every write to this unit carries the states of all its outlets",
            "fence with this agent alone on all nodes, and let nothing else write to the unit meanwhile: other \
             programs don't look whether they bring an outlet back",
        ));
        Ok(findings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plug(number: u32, wanted: Option<Power>) -> Plug {
        Plug { name: number.to_string(), number, named: None, told: false, wanted }
    }

    #[test]
    fn a_text_is_read_whole_or_not_at_all() {
        let all = [Field::On, Field::Off, Field::Absent, Field::Tripped];
        assert_eq!(fields("1,0,-1,-2").as_deref(), Some(&all[..]));
        assert_eq!(fields(" 1, 0 ,-1,-2").as_deref(), Some(&all[..]));
        assert_eq!(text(&all), "1,0,-1,-2");
        for odd in ["", "1,", "1,,0", "2", "1,0,3", "1;0", "01", "+1", "on", "1,0,-3", "--1"] {
            assert_eq!(fields(odd), None, "{odd}");
        }
    }

    #[test]
    fn only_the_units_own_value_for_off_is_off() {
        let fields = fields("1,0,-1,-2").unwrap();
        let states = (0..=5).map(|number| plug(number, None).state(&fields)).collect::<Vec<_>>();
        assert_eq!(states[0], State::NoSuchPlug);
        assert_eq!(states[1..3], [State::On, State::Off]);
        assert_eq!(states[3], State::NoSuchPlug);
        assert!(matches!(states[4], State::Unknown(_)));
        assert_eq!(states[5], State::NoSuchPlug);
        assert!(matches!(Plug { told: true, ..plug(3, None) }.state(&fields), State::Unknown(_)));
    }
}
