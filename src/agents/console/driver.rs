//! The one driver of all consoles: it goes by the device's table.

use std::time::{Duration, Instant};

use log::{debug, info};

use super::access::{Access, NotOpened, Opened};
use super::reader::{self, Row};
use super::table::{Act, Dialect, Exec, Kind, KnownBy, Plugs, Query, Refusal};
use crate::base::{Deadline, Told};
use crate::fencing::{
    About, Answer, Command, Describe, Device, Error, Fact, Met, Outlet, Power, Same, Seen, State, Who,
};
use crate::protocols::console::{self, Console, Pattern};
use crate::protocols::ssh;

/// How long the first login, and each answer after it, may take. After each session that fell silent it is twice as long: a
/// connection on which nothing arrives any more is noticed by that, and a device that is slow is heard in the end.
const FIRST_PATIENCE: Duration = Duration::from_secs(6);

/// How long a goodbye may take.
const LONGEST_GOODBYE: Duration = Duration::from_secs(2);

/// How many logins may be told the password and come to nothing, in one run: some devices count each as a failed one, and
/// lock the account after a few.
const MOST_UNANSWERED: u32 = 2;

/// How many plugs a listing with states asks for one by one.
const ASKED_ONE_BY_ONE: usize = 64;

/// A device with a console.
pub(super) struct Driver {
    kind: &'static Kind,
    access: Access,
    session: Option<Session>,
    plugs: Vec<Plug>,
    missing_as_off: bool,
    /// The unit whose outlets are meant, where several share an address.
    unit: Option<String>,
    same: Same,
    /// What the user gives a device for an answer at least.
    least_patience: Duration,
    /// How many sessions fell silent since the last answer.
    silences: u32,
    /// Whether it has let this user in, in this run.
    let_in: bool,
    /// How many logins were told the password and came to nothing.
    unanswered: u32,
    /// The dialect in which it was met first.
    met_in: Option<&'static str>,
    /// Whether a command has gone out.
    sent: bool,
}

/// A conversation with the device that was met, in the dialect that it speaks.
struct Session {
    channel: Channel,
    dialect: &'static Dialect,
    who: Option<Who>,
}

/// How commands get to it.
enum Channel {
    Console(Console),
    Exec(Box<super::access::Exec>),
}

/// A plug that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plug {
    /// As the device calls it in commands.
    number: String,
    /// Its name, where it was asked for by that.
    name: Option<String>,
}

/// An answer, or what the device has against the line.
type Reply = Result<Vec<String>, (Refusal, String)>;

impl Driver {
    pub(super) fn new(
        kind: &'static Kind,
        access: Access,
        missing_as_off: bool,
        unit: Option<String>,
        least_patience: Duration,
    ) -> Driver {
        Driver {
            kind,
            access,
            session: None,
            plugs: Vec::new(),
            missing_as_off,
            unit,
            same: Same::default(),
            least_patience,
            silences: 0,
            let_in: false,
            unanswered: 0,
            met_in: None,
            sent: false,
        }
    }

    /// The dialect that is spoken, or the one that would be tried first.
    fn dialect(&self) -> Option<&'static Dialect> {
        self.session.as_ref().map(|session| session.dialect).or_else(|| self.kind.dialects.first())
    }

    /// Opens a conversation, and finds out which dialect it is held in.
    fn open(&mut self, by: Deadline) -> Result<Session, Error> {
        let opened = self.open_by(by.at_most(self.patience()));
        // Where nobody listens, more patience is no help.
        if matches!(opened, Err(Error::NoAnswer { .. } | Error::TimeOver { .. })) {
            self.silences = self.silences.saturating_add(1);
        }
        opened
    }

    /// How long the device has to answer: what the user gives it, where that is more.
    fn patience(&self) -> Duration {
        self.least_patience.max(FIRST_PATIENCE).saturating_mul(2u32.saturating_pow(self.silences.min(4)))
    }

    fn open_by(&mut self, by: Deadline) -> Result<Session, Error> {
        let begun = Instant::now();
        let opened = self.access.open(self.kind, by);
        let (opened, who) = opened.map_err(|not_opened| self.not_let_in(not_opened))?;
        self.same.meet(&self.plug_name(0), who.as_ref(), self.sent)?;
        let mut channel = match opened {
            Opened::Exec(exec) => Channel::Exec(exec),
            Opened::Line { line, ask } => {
                let login = self.access.login().filter(|_| ask);
                let prompts = self.access.prompts()?;
                let console = Console::log_in(line, &self.kind.manners, prompts, login, by);
                Channel::Console(console.map_err(|error| {
                    let after_password = matches!(error, console::Error::AfterPassword(_));
                    let error = Error::of(&error, &self.access.asked(begun));
                    self.not_let_in(NotOpened { error, after_password })
                })?)
            }
        };
        self.let_in = true;
        let dialect = self.recognise(&mut channel, by)?;
        debug!("the device is spoken to as: {}", dialect.name);
        let mut session = Session { channel, dialect, who };
        // What a plug is called, and what an answer is about, goes by the dialect: in another one it is another machine's.
        if let Some(first) = self.met_in
            && first != dialect.name
        {
            session.leave();
            let what = format!("the device was known as {first}, and looks like {} now", dialect.name);
            return Err(Error::Unexpected { what });
        }
        for step in dialect.enter {
            let lines = self.exchange(&mut session.channel, step.line, &[], by)?;
            if let Some(answer) = step.answer
                && !reader::says(&lines, answer)?
            {
                session.leave();
                return Err(unexpected(step.line, &lines));
            }
        }
        Ok(session)
    }

    /// A login is refused for good the first time, and one that comes to nothing after the password may be tried once more. A
    /// device that has let this user in before doesn't mean it: perhaps its last session still lingers.
    fn not_let_in(&mut self, NotOpened { error, after_password }: NotOpened) -> Error {
        self.unanswered = self.unanswered.saturating_add(u32::from(after_password));
        match error {
            error if after_password && !self.let_in && self.unanswered >= MOST_UNANSWERED => {
                let why = format!("{} logins came to nothing after the password: {error}", self.unanswered);
                Error::LoginDenied { address: self.access.address(), why }
            }
            error => self.not_let_in_again(error),
        }
    }

    /// What a refused login means where there was one before.
    fn not_let_in_again(&self, error: Error) -> Error {
        match error {
            Error::LoginDenied { .. } if self.let_in => {
                Error::Unexpected { what: format!("no new session, though there was one before: {error}") }
            }
            error => error,
        }
    }

    /// The first dialect that knows the device.
    fn recognise(&self, channel: &mut Channel, by: Deadline) -> Result<&'static Dialect, Error> {
        for dialect in self.kind.dialects {
            let fits = match (dialect.known_by, &mut *channel) {
                (KnownBy::Nothing, _) => true,
                (KnownBy::Greeting(pattern), Channel::Console(console)) => {
                    reader::says(&console.greeting().lines, pattern)?
                        || reader::says(&[console.prompt().to_owned()], pattern)?
                }
                (KnownBy::Greeting(_), Channel::Exec(_)) => false,
                (KnownBy::Answer(line, pattern), channel) => {
                    let lines = self.exchange(channel, line, &[], by)?;
                    reader::says(&lines, pattern)?
                }
            };
            if fits {
                return Ok(dialect);
            }
        }
        Err(Error::Unsupported { what: "this device: it is none of those that the agent knows".to_owned() })
    }

    /// Types a line, or has it run, and takes the answer as it is.
    fn exchange(
        &self,
        channel: &mut Channel,
        line: &str,
        confirm: &[(Pattern, &str)],
        by: Deadline,
    ) -> Result<Vec<String>, Error> {
        let begun = Instant::now();
        let by = by.at_most(self.patience());
        match channel {
            Channel::Console(console) => match console.ask(line, confirm, by) {
                Ok(page) => Ok(page.lines),
                Err(error) => Err(Error::of(&error, &self.access.asked(begun))),
            },
            Channel::Exec(exec) => match exec.run(line, by) {
                Ok((lines, well)) if well || !self.by_code() => Ok(lines),
                Ok((lines, _)) => Err(Error::Device {
                    request: line.to_owned(),
                    code: reader::sample(&lines).to_string(),
                    passing: true,
                }),
                Err(error) => {
                    // A second one that is refused says that each connection takes one.
                    if matches!(error, ssh::Error::Refused { .. }) && exec.is_unused() {
                        self.access.take_no_commands();
                    }
                    // It may have been another connection's login.
                    Err(self.not_let_in_again(Error::of(&error, &self.access.asked(begun))))
                }
            },
        }
    }

    /// Whether a command that comes with a connection has failed unless its exit code is 0.
    fn by_code(&self) -> bool {
        self.kind.dialects.iter().any(|dialect| dialect.exec == Exec::ByCode)
    }

    /// Types a line of the table, and gives the answer or the refusal. The session is over where no answer comes, or where it
    /// leads to another place than the table says.
    fn reply(
        &mut self,
        line: &str,
        plug: &str,
        confirm: &[(Pattern, &str)],
        by: Deadline,
    ) -> Result<Reply, Error> {
        self.connect(by)?;
        let Some(mut session) = self.session.take() else { return Ok(Ok(Vec::new())) };
        let dialect = session.dialect;
        let said = self.exchange(&mut session.channel, &filled(line, plug), confirm, by).and_then(|lines| {
            let refused = refusal(dialect, &lines)?;
            for (_, title) in dialect.titles.iter().filter(|(typed, _)| *typed == line) {
                if refused.is_none() && !session.shows(&lines, title)? {
                    return Err(unexpected(line, &lines));
                }
            }
            Ok(refused.map_or(Ok(lines), Err))
        });
        match said {
            // Where it stands in its menus after a refusal is anybody's guess.
            Ok(Err(refused)) if !dialect.back.is_empty() => {
                session.leave();
                Ok(Err(refused))
            }
            Ok(reply) => {
                self.session = Some(session);
                self.silences = 0;
                self.met_in.get_or_insert(dialect.name);
                Ok(reply)
            }
            Err(error) => {
                debug!("the session is over: {error}");
                session.leave();
                if matches!(error, Error::NoAnswer { .. } | Error::TimeOver { .. }) {
                    self.silences = self.silences.saturating_add(1);
                }
                Err(error)
            }
        }
    }

    /// Goes to where questions and commands are typed.
    fn go_there(&mut self, by: Deadline) -> Result<Result<(), (Refusal, String)>, Error> {
        self.connect(by)?;
        for line in self.dialect().map_or(&[][..], |dialect| dialect.to) {
            if let Err(refused) = self.reply(line, "", &[], by)? {
                return Ok(Err(refused));
            }
        }
        Ok(Ok(()))
    }

    /// Goes back. A session that doesn't get there is over.
    fn go_back(&mut self, by: Deadline) {
        let Some(dialect) = self.session.as_ref().map(|session| session.dialect) else { return };
        for line in dialect.back {
            if self.session.is_none() || self.reply(line, "", &[], by).is_err() {
                return;
            }
        }
    }

    /// Asks, and reads the plugs in the answer; what the device has against the question is for the caller. It changes nothing,
    /// and is asked again in a new session where the old one has gone.
    fn query(
        &mut self,
        query: &Query,
        plug: Option<&str>,
        by: Deadline,
    ) -> Result<Result<Vec<Row>, (Refusal, String)>, Error> {
        let old = self.session.is_some();
        match self.query_once(query, plug, by) {
            Err(error) if old && self.session.is_none() && !by.passed() => {
                debug!("asking again in a new session: {error}");
                self.query_once(query, plug, by)
            }
            done => done,
        }
    }

    fn query_once(
        &mut self,
        query: &Query,
        plug: Option<&str>,
        by: Deadline,
    ) -> Result<Result<Vec<Row>, (Refusal, String)>, Error> {
        if let Err(refused) = self.go_there(by)? {
            return Ok(Err(refused));
        }
        let reply = self.reply(query.line, plug.unwrap_or_default(), &[], by)?;
        let read = reply.map(|lines| reader::rows(query, &lines));
        self.go_back(by);
        read.map_or_else(|refused| Ok(Err(refused)), |rows| rows.map(Ok))
    }

    /// Every plug there is; `None` where this device can't tell.
    fn listing(&mut self, by: Deadline) -> Result<Option<Vec<Row>>, Error> {
        self.listing_with(&[], by)
    }

    /// The same, of an answer that has these lines, where there are any, in place of those that a whole answer always has.
    fn listing_with(
        &mut self,
        complete: &'static [&'static str],
        by: Deadline,
    ) -> Result<Option<Vec<Row>>, Error> {
        self.connect(by)?;
        let Some(dialect) = self.dialect() else { return Ok(None) };
        let query = match (dialect.list, dialect.state) {
            (Some(list), _) => list,
            (None, state) if !state.line.contains(PLUG) && !dialect.plugs.is_one_machine() => state,
            (None, _) => return Ok(None),
        };
        let query = if complete.is_empty() { query } else { Query { whole: complete, ..query } };
        if query.line.contains(PLUG) {
            return self.listing_one_by_one(&query, dialect, by).map(Some);
        }
        match self.query(&query, None, by)? {
            Ok(rows) => Ok(Some(rows)),
            Err((refusal, words)) => Err(refused(refusal, query.line, words)),
        }
    }

    /// The plugs of a device that tells of each only when it is asked for that one.
    fn listing_one_by_one(
        &mut self,
        query: &Query,
        dialect: &Dialect,
        by: Deadline,
    ) -> Result<Vec<Row>, Error> {
        let mut all = Vec::new();
        for number in dialect.numbers.0..=dialect.numbers.1 {
            let number = number.to_string();
            match self.query(query, Some(&number), by)? {
                Ok(rows) => all.extend(rows.into_iter().map(|row| Row { plug: number.clone(), ..row })),
                Err((Refusal::NoSuchPlug, _)) => {}
                Err((refusal, words)) => return Err(refused(refusal, &filled(query.line, &number), words)),
            }
        }
        Ok(all)
    }

    /// Whether a whole listing, read now, is without this plug.
    fn is_missing(&mut self, plug: &Plug, by: Deadline) -> Result<bool, Error> {
        self.connect(by)?;
        let Some(complete) = self.dialect().and_then(|dialect| dialect.complete) else { return Ok(false) };
        let rows = self.listing_with(complete, by)?;
        Ok(rows
            .is_some_and(|rows| !rows.is_empty() && !rows.iter().any(|row| row.has_place_of(&plug.number))))
    }

    /// What a plug that the device doesn't have is, after the user's word for it.
    fn missing(&mut self, plug: &Plug, by: Deadline) -> Result<State, Error> {
        if self.missing_as_off && self.is_missing(plug, by)? { Ok(State::Off) } else { Ok(State::NoSuchPlug) }
    }

    /// The state of one plug, read from what was answered about it.
    fn seen(&mut self, plug: &Plug, rows: &[Row], by: Deadline) -> Result<Seen, Error> {
        let Some(dialect) = self.dialect() else { return Ok(Seen::from(State::Unknown(String::new()))) };
        let of_one = dialect.state.line.contains(PLUG) || dialect.plugs.is_one_machine();
        let its = |row: &&Row| row.plug.eq_ignore_ascii_case(&plug.number) || (of_one && row.plug.is_empty());
        let mut its = rows.iter().filter(its);
        let (state, name) = match (its.next(), its.next()) {
            // That it isn't there is another answer than one about somebody else.
            (None, _) if of_one && !rows.is_empty() => {
                (State::Unknown("the answer is about another plug".to_owned()), None)
            }
            (None, _) => (self.missing(plug, by)?, None),
            (Some(row), None) => (row.state(&dialect.values), Some(row.name.clone())),
            (Some(_), Some(_)) => (State::Unknown("the device tells it twice".to_owned()), None),
        };
        let name = name.filter(|_| plug.name.is_some());
        Ok(Seen { state, met: Met { who: self.who(), name } })
    }

    fn who(&self) -> Option<Who> {
        self.session.as_ref().and_then(|session| session.who.clone())
    }

    /// Finds one plug in a listing, of the unit that is meant. A device that lists no units has the first one alone.
    fn find_of_unit(&self, text: &str, rows: &[Row]) -> Result<Plug, Error> {
        let Some(unit) = &self.unit else { return self.find(text, rows) };
        let units = rows.iter().any(|row| row.plug.contains(':'));
        if unit == "1" && !units { self.find(text, rows) } else { self.find(&format!("{unit}:{text}"), rows) }
    }

    /// Finds one plug in a listing.
    fn find(&self, text: &str, rows: &[Row]) -> Result<Plug, Error> {
        let by_number: Vec<&Row> = rows.iter().filter(|row| row.plug == text).collect();
        // A number that isn't there is nobody's name: it was meant as a number.
        let number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
        let by_name: Vec<&Row> = rows.iter().filter(|row| row.name == text && !number).collect();
        let told =
            |row: &&Row| Outlet { plug: row.plug.clone(), alias: row.name.clone(), state: None }.to_string();
        match (by_number.as_slice(), by_name.as_slice()) {
            ([row], _) => Ok(Plug { number: row.plug.clone(), name: None }),
            ([], [row]) => Ok(Plug { number: row.plug.clone(), name: Some(row.name.clone()) }),
            ([], []) if self.missing_as_off => Ok(Plug { number: text.to_owned(), name: None }),
            ([], []) => Err(Error::NoSuchPlug {
                plug: text.to_owned(),
                known: rows.iter().map(|row| told(&row)).collect(),
            }),
            ([], several) | (several, _) => {
                Err(Error::AmbiguousPlug { plug: text.to_owned(), fits: several.iter().map(told).collect() })
            }
        }
    }

    /// Sends the lines of a command, and takes the device's word for it.
    fn act(&mut self, act: &Act, plug: usize, by: Deadline) -> Result<Answer, Error> {
        let number = self.number(plug);
        let mut confirm = Vec::new();
        for (question, answer) in act.confirm {
            let question =
                Pattern::new(question).map_err(|error| Error::Local { what: error.to_string() })?;
            confirm.push((question, *answer));
        }
        // What keeps the session from being opened is no answer to the command.
        if let Err((refusal, words)) =
            self.go_there(by).map_err(|error| error.before_the_command("no session for the command"))?
        {
            return Err(refused(refusal, "the way to the command", words));
        }
        let mut last = Vec::new();
        for line in act.lines {
            self.sent = true;
            // One line of several means nothing in a session that hasn't seen the others.
            if self.session.is_none() {
                return Err(Error::Unexpected { what: format!("the session is over before '{line}'") });
            }
            match self.reply(line, &number, &confirm, by)? {
                Ok(lines) => last = lines,
                Err((Refusal::State, words)) => return Ok(Answer::NotInThisState(words)),
                Err((refusal, words)) => return Err(refused(refusal, &filled(line, &number), words)),
            }
        }
        self.go_back(by);
        match act.accepted {
            Some(accepted) if !reader::says(&last, accepted)? => {
                let request = act.lines.last().map_or_else(String::new, |line| filled(line, &number));
                Err(Error::Device { request, code: reader::sample(&last).to_string(), passing: true })
            }
            _ => Ok(Answer::Accepted),
        }
    }

    fn number(&self, plug: usize) -> String {
        self.plugs.get(plug).map(|plug| plug.number.clone()).unwrap_or_default()
    }

    fn act_of(&self, command: Command) -> Option<Act> {
        let dialect = self.dialect()?;
        match command {
            Command::Switch(Power::On) => Some(dialect.on),
            Command::Switch(Power::Off) => Some(dialect.off),
            Command::Cycle => dialect.cycle,
            Command::Diag => None,
        }
    }
}

impl Session {
    /// Whether some line, or the prompt, is like this.
    fn shows(&self, lines: &[String], pattern: &str) -> Result<bool, Error> {
        if let Channel::Console(console) = &self.channel
            && reader::says(&[console.prompt().to_owned()], pattern)?
        {
            return Ok(true);
        }
        reader::says(lines, pattern)
    }

    fn leave(&mut self) {
        let by = Deadline::after(LONGEST_GOODBYE);
        match &mut self.channel {
            Channel::Console(console) => console.leave(by),
            Channel::Exec(exec) => exec.close(by),
        }
    }
}

/// What stands for the plug in a table's lines.
const PLUG: &str = "{plug}";

/// A line of a table with the plug in it.
fn filled(line: &str, plug: &str) -> String {
    line.replace(PLUG, plug)
}

/// What the device has against what it was asked, if anything.
fn refusal(dialect: &Dialect, lines: &[String]) -> Result<Option<(Refusal, String)>, Error> {
    for (pattern, refusal) in dialect.refusals {
        let pattern = reader::regex(pattern)?;
        if let Some(line) = lines.iter().find(|line| pattern.is_match(line)) {
            return Ok(Some((*refusal, Told::at_most(200, line.trim()).to_string())));
        }
    }
    Ok(None)
}

/// A refusal as the engine knows it.
fn refused(refusal: Refusal, line: &str, words: String) -> Error {
    let device = |passing| Error::Device { request: line.to_owned(), code: words.clone(), passing };
    match refusal {
        Refusal::NoSuchPlug => Error::NoSuchPlug { plug: format!("{line}: {words}"), known: Vec::new() },
        Refusal::Privilege => Error::NoPrivilege { why: format!("{line}: {words}") },
        Refusal::Busy => Error::Busy { why: words },
        Refusal::Unknown => Error::Unsupported { what: format!("'{line}': {words}") },
        Refusal::State | Refusal::Failed => device(true),
    }
}

fn unexpected(line: &str, lines: &[String]) -> Error {
    Error::Unexpected { what: format!("'{line}' is answered with: {}", reader::sample(lines)) }
}

impl Device for Driver {
    fn connect(&mut self, by: Deadline) -> Result<(), Error> {
        if self.session.is_none() {
            self.session = Some(self.open(by)?);
        }
        Ok(())
    }

    fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        self.connect(by)?;
        let plugs = self.dialect().map_or(Plugs::Listed, |dialect| dialect.plugs);
        self.plugs = match names {
            [] if plugs.is_one_machine() => vec![Plug { number: String::new(), name: None }],
            [] => {
                let rows = self.listing(by)?.unwrap_or_default();
                let known = rows.into_iter().map(|row| row.plug).collect();
                return Err(Error::WhichMachine { why: "no plug is given".to_owned(), known });
            }
            names if plugs == Plugs::Listed => {
                let rows = self.listing(by)?.unwrap_or_default();
                names.iter().map(|name| self.find_of_unit(name, &rows)).collect::<Result<_, _>>()?
            }
            names => {
                if plugs == Plugs::None {
                    info!("this device is one machine's, which is meant by every plug");
                }
                let number = |name: &String| Ok(Plug { number: reader::number(plugs, name)?, name: None });
                names.iter().map(number).collect::<Result<_, Error>>()?
            }
        };
        Ok(())
    }

    fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        self.connect(by)?;
        let Some(dialect) = self.dialect() else { return Ok(Vec::new()) };
        let plugs = self.plugs.clone();
        let state = dialect.state;
        let mut all = Vec::new();
        if !state.line.contains(PLUG) {
            let rows = self
                .query(&state, None, by)?
                .map_err(|(refusal, words)| refused(refusal, state.line, words))?;
            for plug in &plugs {
                all.push(self.seen(plug, &rows, by)?);
            }
            return Ok(all);
        }
        for plug in &plugs {
            let seen = match self.query(&state, Some(&plug.number), by)? {
                Ok(rows) => self.seen(plug, &rows, by)?,
                Err((Refusal::NoSuchPlug, _)) => {
                    let state = self.missing(plug, by)?;
                    Seen { state, met: Met { who: self.who(), name: None } }
                }
                Err((refusal, words)) => {
                    return Err(refused(refusal, &filled(state.line, &plug.number), words));
                }
            };
            all.push(seen);
        }
        Ok(all)
    }

    fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        self.connect(by).map_err(|error| error.before_the_command("no session for the command"))?;
        match self.act_of(Command::Switch(to)) {
            Some(act) => self.act(&act, plug, by),
            None => Err(Error::Unsupported { what: format!("switching {to}") }),
        }
    }

    fn cycle(&mut self, plug: usize, by: Deadline) -> Result<Answer, Error> {
        self.connect(by).map_err(|error| error.before_the_command("no session for the command"))?;
        match self.act_of(Command::Cycle) {
            Some(act) => self.act(&act, plug, by),
            None => Err(Error::Unsupported { what: "a power cycle by the device itself".to_owned() }),
        }
    }

    fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let Some(rows) = self.listing(by)? else {
            return Err(Error::UnsupportedAction { action: "list" });
        };
        let Some(dialect) = self.dialect() else { return Ok(Vec::new()) };
        let mut outlets = Vec::new();
        for (at, row) in rows.into_iter().enumerate() {
            let state = match (&row.word, with_state) {
                (_, false) => None,
                (Some(_), true) => Some(row.state(&dialect.values)),
                (None, true) if dialect.state.line.contains(PLUG) && at < ASKED_ONE_BY_ONE => {
                    let plug = Plug { number: row.plug.clone(), name: None };
                    let rows = self.query(&dialect.state, Some(&row.plug), by)?;
                    Some(match rows {
                        Ok(rows) => self.seen(&plug, &rows, by)?.state,
                        Err((_, words)) => State::Unknown(words),
                    })
                }
                (None, true) => Some(State::Unknown("not told".to_owned())),
            };
            outlets.push(Outlet {
                plug: Told::new(row.plug).name(),
                alias: Told::new(row.name).name(),
                state,
            });
        }
        Ok(outlets)
    }

    fn plug_name(&self, plug: usize) -> String {
        match self.plugs.get(plug) {
            Some(Plug { number, .. }) if number.is_empty() => "the machine".to_owned(),
            Some(Plug { number, name: Some(name) }) => {
                format!("plug {} ({})", Told::new(number), Told::new(name))
            }
            Some(Plug { number, name: None }) => format!("plug {}", Told::new(number)),
            None => "the device".to_owned(),
        }
    }

    fn plug_count(&self) -> usize {
        self.plugs.len()
    }

    fn met(&self, plug: usize) -> Met {
        Met { who: self.who(), name: self.plugs.get(plug).and_then(|plug| plug.name.clone()) }
    }

    fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        self.connect(by)?;
        match self.dialect().map(|dialect| dialect.plugs) {
            Some(plugs) if plugs.is_one_machine() => {
                self.resolve(&[], by)?;
                self.look_readable(by)
            }
            _ => match self.listing(by)? {
                Some(rows) if rows.is_empty() => {
                    Err(Error::Unexpected { what: "the device lists no plugs".to_owned() })
                }
                _ => Ok(()),
            },
        }
    }

    fn close(&mut self) {
        if let Some(mut session) = self.session.take() {
            session.leave();
        }
    }
}

impl Describe for Driver {
    fn host(&self) -> Option<&str> {
        Some(self.access.host())
    }

    fn known(&self) -> About {
        let mut about = About {
            protocol: self.access.protocol(),
            credentials: self.access.credentials(),
            ..About::default()
        };
        if let Some(session) = &self.session {
            about.more.push(Fact::new("dialect", session.dialect.name));
            if let Channel::Console(console) = &session.channel {
                about.name = Told::new(console.prompt().trim_end_matches(['>', '#', '$', ' '])).to_string();
            }
        }
        about
    }

    fn plug_facts(&self, plug: usize) -> Vec<Fact> {
        let alias = self.plugs.get(plug).and_then(|plug| plug.name.as_deref());
        alias.map(|alias| Fact::new("alias", Told::new(alias).to_string())).into_iter().collect()
    }

    fn plan(&self, plug: usize, command: Command) -> Vec<String> {
        let number = self.number(plug);
        let lines = self.act_of(command).map(|act| act.lines).unwrap_or_default();
        lines.iter().map(|line| filled(line, &number)).collect()
    }
}
