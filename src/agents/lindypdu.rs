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
use crate::protocols::snmp::{
    Answer as Told, Client, Config, Credentials, Error as SnmpError, Oid, SYS_OBJECT_ID, Value,
};

/// DigiPower's number, which such units give as their sysObjectID.
const DIGIPOWER: &[u32] = &[1, 3, 6, 1, 4, 1, 17420];

/// The units of a chain: behind it the number of one, then [`STATES`] or [`NAMES`].
const UNITS: &[u32] = &[1, 3, 6, 1, 4, 1, 17420, 1, 2, 9];

/// The text with the states of all outlets, behind a unit's number.
const STATES: &[u32] = &[13, 0];

/// The column of texts with the names, behind a unit's number: outlet and 0 follow.
const NAMES: u32 = 14;

/// The texts with the seconds after which each outlet follows a command, behind a unit's number: pdu01DelayOn and
/// pdu01DelayOff.
const DELAY_ON: &[u32] = &[21, 0];
const DELAY_OFF: &[u32] = &[22, 0];

/// How many units are attached, and the number of each, with commas between (devInfo).
const ATTACHED: &[u32] = &[1, 3, 6, 1, 4, 1, 17420, 1, 2, 5, 0];

/// What a delay counts as that is told in other words than seconds.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// How many units a chain has at most.
const LONGEST_CHAIN: u32 = 16;

/// A text is as fresh as one that is read right before a write, if it was asked for no longer ago.
const FRESH: Duration = Duration::from_millis(100);

/// How long the acknowledgement of a write is waited for by a client that sends a request again after a second: less than
/// that. A write that is sent again brings back what others have done meanwhile.
const ONCE: Duration = Duration::from_millis(900);

/// How long it is waited for by a client that has this much patience, and a little more before it sends anything again.
const ACKNOWLEDGED: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(6);

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
        credentials: snmp::credentials(settings)?,
        patient: None,
        unit: switch(settings)?,
        recognised: false,
        singly: false,
        attached: None,
        delays: None,
        plugs: Vec::new(),
        last: None,
    }))
}

/// A power unit, alone or in a chain.
struct PowerUnit {
    link: Link,
    credentials: Credentials,
    /// A client that waits for the answer to a write without sending it again. Meanwhile, the link's own one.
    patient: Option<Client>,
    /// Its number in the chain.
    unit: u32,
    /// Whether it has told what it is.
    recognised: bool,
    /// Whether it has answered several objects in one request with an error.
    singly: bool,
    /// Whether it tells which units are attached, once that is known.
    attached: Option<bool>,
    /// How late its outlets follow, once that was asked.
    delays: Option<Delays>,
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

/// How late outlets follow a command at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Delays {
    on: Duration,
    off: Duration,
}

impl Delays {
    /// After a command for this state.
    fn of(self, power: Power) -> Duration {
        match power {
            Power::On => self.on,
            Power::Off => self.off,
        }
    }

    /// After somebody else's command against this state.
    fn against(self, power: Power) -> Duration {
        match power {
            Power::On => self.off,
            Power::Off => self.on,
        }
    }
}

/// Whether an error is one that the unit has answered with.
fn is_the_units(error: &Error) -> bool {
    matches!(error, Error::Device { .. })
}

/// The longest of the delays in a text. `None` where one of them is no number of seconds.
fn longest(text: &str) -> Option<Duration> {
    let seconds = |word: &str| {
        let word = word.trim();
        word.bytes().all(|byte| byte.is_ascii_digit()).then(|| word.parse::<u32>().ok()).flatten()
    };
    let all = text.split(',').map(seconds).collect::<Option<Vec<_>>>()?;
    all.into_iter().max().map(|seconds| Duration::from_secs(seconds.into()))
}

/// Whether a unit is among those in a text of [`ATTACHED`]. `None` where the text isn't a number of units with so many
/// behind it.
fn lists(text: &str, unit: u32) -> Option<bool> {
    let numbers = text.split(',').map(|word| word.trim().parse().ok()).collect::<Option<Vec<u32>>>()?;
    let (count, units) = numbers.split_first()?;
    (usize::try_from(*count) == Ok(units.len())).then(|| units.contains(&unit))
}

/// The states of all outlets, as the unit has told them in a row of looks that shows the same of all plugs that were
/// commanded.
#[derive(Clone, Debug)]
struct Reading {
    fields: Vec<Field>,
    /// For each plug, its name as the last of these looks has shown it.
    names: Vec<Option<String>>,
    /// When the first of these looks was answered.
    since: Instant,
    /// When the last one was begun, and how long its answer took.
    begun: Instant,
    took: Duration,
    /// How late an outlet may follow another writer.
    delay: Duration,
}

impl Reading {
    /// How far the first and the last of these looks have to be apart. Where answers take their time, another writer's do,
    /// too.
    fn settles(&self) -> Duration {
        self.apart().saturating_add(self.delay)
    }

    /// The same without the time that the outlet itself may take.
    fn apart(&self) -> Duration {
        SETTLED.saturating_add(self.took.saturating_mul(2))
    }

    /// Whether they are.
    fn is_settled(&self) -> bool {
        self.begun.saturating_duration_since(self.since) >= self.settles()
    }

    /// When the next look is far enough from the first one, also if its answer takes a little longer. Where an outlet may
    /// follow another writer late, there are looks in between.
    fn rest(&self) -> Duration {
        let rest = self.settles().saturating_add(PAUSE).saturating_sub(self.since.elapsed());
        rest.min(self.apart().saturating_add(PAUSE))
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

    /// Reads these objects in one request; one by one where the unit answers that with an error.
    fn get(&mut self, objects: &[Oid], by: Deadline) -> Result<Vec<Told>, Error> {
        let singly = &mut self.singly;
        self.link.ask(by, |client, by| {
            if !*singly {
                match client.get(objects, by) {
                    Err(SnmpError::Failed { status, .. }) if objects.len() > 1 => {
                        debug!("several objects in one request: {status}; asking for one by one");
                        *singly = true;
                    }
                    answers => return answers,
                }
            }
            objects.iter().map(|object| client.get_one(object, by)).collect()
        })
    }

    /// Whether the unit tells that it isn't attached.
    fn detached(&mut self, told: Option<&Told>) -> Option<String> {
        let text = told.and_then(Told::value).and_then(Value::as_text);
        let before = self.attached.replace(text.is_some());
        let Some(text) = text else {
            return (before == Some(true)).then(|| "the attached units aren't told any more".to_owned());
        };
        let gone = lists(&text, self.unit) == Some(false);
        gone.then(|| {
            format!("unit {} isn't attached, by the list of units \"{}\"", self.unit, Text::new(text))
        })
    }

    /// Reads the states of all outlets, and the names of those that were asked for by name, in one request; with them
    /// which units are attached, where this isn't the first one.
    fn read(&mut self, by: Deadline) -> Result<Look, Error> {
        let identity = (!self.recognised).then(|| Oid::from(SYS_OBJECT_ID));
        let asks_attached = self.unit > 1 && self.attached != Some(false);
        let attached = asks_attached.then(|| Oid::new(ATTACHED));
        let named = self.plugs.iter().filter_map(|plug| Some(plug.named.as_ref()?.object.clone()));
        let objects: Vec<Oid> =
            std::iter::once(self.states()).chain(identity).chain(attached).chain(named).collect();
        let begun = Instant::now();
        let answers = self.get(&objects, by);
        if answers.is_err() {
            self.last = None;
        }
        let mut answers = answers?.into_iter();
        let states = answers.next();
        let states = states.as_ref().and_then(Told::value);
        if !self.recognised {
            self.recognise(answers.next().as_ref(), states.is_some())?;
        }
        let detached = if asks_attached { self.detached(answers.next().as_ref()) } else { None };
        let names: Vec<Option<String>> = self
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
            _ if detached.is_some() => Err(detached.unwrap_or_default()),
            None => Err("the states of its outlets aren't told any more".to_owned()),
            Some(states) => states
                .as_text()
                .and_then(|text| fields(&text))
                .ok_or_else(|| format!("states of outlets as in no MIB: {states}")),
        };
        self.last = told.as_ref().ok().map(|fields| {
            let commanded = || self.plugs.iter().filter(|plug| plug.wanted.is_some());
            let same =
                |last: &Reading| commanded().all(|plug| plug.field(&last.fields) == plug.field(fields));
            let since = self.last.take().filter(same).map(|last| last.since).unwrap_or_else(Instant::now);
            let delays = self.delays.unwrap_or_default();
            let delay = commanded().filter_map(|plug| plug.wanted).map(|power| delays.against(power)).max();
            Reading {
                fields: fields.clone(),
                names: names.clone(),
                since,
                begun,
                took: begun.elapsed(),
                delay: delay.unwrap_or_default(),
            }
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

    /// How late outlets follow; asked once. Objects that there aren't are no delay, and what isn't understood is the
    /// longest one: what was odd is told, too.
    fn ask_delays(&mut self, by: Deadline) -> Result<(Delays, Vec<String>), Error> {
        let mut odd = Vec::new();
        let mut delays = Delays::default();
        let columns = [(DELAY_ON, "on", &mut delays.on), (DELAY_OFF, "off", &mut delays.off)];
        for (column, word, delay) in columns {
            let object = Oid::new(UNITS).with(&[self.unit]).with(column);
            let mut ask = || self.link.ask(by, |client, by| client.get_one(&object, by));
            // One error may be a moment's; the longest delay is a long time.
            let told = match ask().or_else(|error| if is_the_units(&error) { ask() } else { Err(error) }) {
                Ok(told) => told.value().map(|value| (value.as_text(), value.to_string())),
                Err(Error::Device { code, .. }) => Some((None, code)),
                Err(error) => return Err(error),
            };
            let Some((text, shown)) = told else { continue };
            *delay = text.as_deref().and_then(longest).unwrap_or_else(|| {
                let seconds = LONGEST_DELAY.as_secs();
                odd.push(format!(
                    "the seconds after which its outlets go {word} can't be read ({shown}): {seconds} are assumed"
                ));
                LONGEST_DELAY
            });
        }
        Ok((delays, odd))
    }

    /// The same for a command, told to the user.
    fn learn_delays(&mut self, by: Deadline) -> Result<Delays, Error> {
        if let Some(delays) = self.delays {
            return Ok(delays);
        }
        let (delays, odd) = self.ask_delays(by)?;
        for what in odd {
            warn!("{what}");
        }
        self.delays = Some(delays);
        Ok(delays)
    }

    /// The states to go by in a write: as fresh as can be, and all of them understood. With them, the names that were read
    /// together.
    fn fresh(&mut self, by: Deadline) -> Result<(Vec<Field>, Vec<Option<String>>), Error> {
        if let Some(last) = self.last.as_ref().filter(|last| last.begun.elapsed() <= FRESH) {
            return Ok((last.fields.clone(), last.names.clone()));
        }
        let mut read = self.read(by)?;
        // What took long may be as old: an answer that was lost on its way, for one.
        if self.last.as_ref().is_some_and(|last| last.took > FRESH) {
            read = self.read(by)?;
        }
        let fields = read.fields.map_err(|what| Error::Unexpected { what })?;
        Ok((fields, read.names))
    }

    /// Makes sure that each plug whose field a command for this one sets still bears the name that it was asked for by.
    fn expect_names(&self, plug: usize, names: &[Option<String>]) -> Result<(), Error> {
        for (at, other) in self.plugs.iter().enumerate() {
            let Some(named) = other.named.as_ref().filter(|_| at == plug || other.wanted.is_some()) else {
                continue;
            };
            let now = names.get(at).and_then(Option::as_deref);
            if now.is_none_or(|now| now.trim() != named.name.trim()) {
                return Err(Error::NoSuchPlug { plug: other.name.clone(), known: Vec::new() });
            }
        }
        Ok(())
    }

    /// Makes the client that has patience, to the address that has answered.
    fn prepare(&mut self, by: Deadline) -> Result<(), Error> {
        if self.patient.is_some() {
            return Ok(());
        }
        let credentials = &self.credentials;
        let patient = self.link.ask(by, |client, by| {
            let peer = client.peer().ok_or(SnmpError::NoTime)?;
            let mut patient =
                Client::new(&[peer], credentials, Config { attempt: PATIENCE, ..Config::default() })?;
            // Whoever is to be written to has to have signed something.
            if client.engine().is_some() {
                let _ = patient.get_one(&Oid::from(SYS_OBJECT_ID), by)?;
            }
            Ok(patient)
        })?;
        self.patient = Some(patient);
        Ok(())
    }

    /// Lets the link and this one change their clients.
    fn change_clients(&mut self, by: Deadline) -> Result<(), Error> {
        let patient = &mut self.patient;
        self.link.ask(by, |client, _| {
            if let Some(patient) = patient {
                std::mem::swap(client, patient);
            }
            Ok(())
        })
    }

    /// Writes the states of all outlets, once.
    fn write(&mut self, fields: &[Field], patiently: bool, by: Deadline) -> Result<(), Error> {
        let (states, value) = (self.states(), Value::Octets(text(fields).into_bytes()));
        if !patiently {
            return self.link.write(&states, value, by.at_most(ONCE));
        }
        if let Err(error) = self.change_clients(by) {
            // Whoever has signed something for it is another one: the next one is asked anew.
            let back = self.change_clients(by);
            self.patient = None;
            return back.and(Err(error));
        }
        let written = self.link.write(&states, value, by.at_most(ACKNOWLEDGED));
        self.change_clients(by).and(written)
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
    /// all plugs that were commanded. False as soon as it was there and isn't any more, and where it doesn't come in time.
    fn stays(&mut self, plug: usize, power: Power, by: Deadline) -> Result<bool, Error> {
        let delay = self.delays.unwrap_or_default().of(power);
        let follows = by.at_most(FOLLOWS.saturating_add(delay));
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
                "{state}, and not for long enough yet to be sure that nobody else brings it back"
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
        self.link.met(self.plugs.get(plug).and_then(|plug| plug.named.as_ref()))
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
        let prepared = self.learn_delays(by).and_then(|_| self.prepare(by));
        prepared.map_err(|error| error.before_the_command("no look before the command"))?;
        for write in 0..WRITES {
            let fresh = self.fresh(by);
            let (before, names) =
                fresh.map_err(|error| error.before_the_command("no look before the command"))?;
            self.expect_names(plug, &names)?;
            let after = self.command(plug, to, &before)?;
            let changes = before != after;
            if let Some(plug) = self.plugs.get_mut(plug) {
                plug.wanted = Some(to);
            }
            self.last = None;
            // The other client knows whether answers come from another address.
            match self.write(&after, write % 2 == 0, by) {
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

    fn examine(&mut self, by: Deadline) -> Result<Vec<Finding>, Error> {
        let mut findings = self.link.findings();
        let (delays, odd) = self.ask_delays(by)?;
        // What can't be read is told as that.
        let known = delays.off.max(delays.on).as_secs();
        if known > 0 && odd.is_empty() {
            findings.push(Finding::advice(
                format!("the unit waits up to {known} s before an outlet follows"),
                "power_timeout has to be longer than that, and pcmk_off_timeout with it",
            ));
        }
        findings.extend(odd.into_iter().map(|what| {
            Finding::warning(
                what,
                "set the delays anew on the unit; until then, off and on take so much longer",
            )
        }));
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
    fn a_delay_is_the_longest_in_seconds_and_what_is_no_number_is_none() {
        for (text, seconds) in [("0", 0), ("0,8,3", 8), (" 1, 2 ", 2), ("300", 300)] {
            assert_eq!(longest(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for odd in ["", "1,", "-1", "+1", "1.5", "8 s", "x", "0,,0", "4294967296"] {
            assert_eq!(longest(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_unit_is_detached_only_where_a_whole_list_leaves_it_out() {
        for (text, listed) in
            [("1,1", false), ("2,1,2", true), ("2,1,3", false), (" 1, 2", true), ("0", false)]
        {
            assert_eq!(lists(text, 2), Some(listed), "{text}");
        }
        for odd in ["", "1", "2,1", "1,1,2", "x", "1,one", "-1"] {
            assert_eq!(lists(odd, 2), None, "{odd}");
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
