//! One session at a console.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::data::{Command, Enter, Exec, State, Step};
use super::device::{Outlet, Shared, Taken, Trouble};
use super::telnet::Filter;
use crate::relay::poll_readable;

/// How often a session looks whether something is to be said unasked.
const TICK: Duration = Duration::from_millis(20);

/// Nobody types lines that are longer: what does is cut.
const LONGEST_LINE: usize = 4096;

/// The session is over: the other side has gone, or the device has closed it.
pub(super) struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Over {
        Over
    }
}

type Done<T> = Result<T, Over>;

/// What carries a session's bytes.
pub(super) struct Wire {
    input: File,
    output: File,
    filter: Option<Filter>,
    waiting: VecDeque<u8>,
    drip: Option<Duration>,
}

impl Wire {
    pub fn new(input: File, output: File, filter: Option<Filter>) -> Wire {
        Wire { input, output, filter, waiting: VecDeque::new(), drip: None }
    }

    /// Bytes as they are.
    fn write_raw(&mut self, bytes: &[u8]) -> Done<()> {
        match self.drip {
            None => self.output.write_all(bytes)?,
            Some(pause) => {
                for byte in bytes {
                    self.output.write_all(&[*byte])?;
                    thread::sleep(pause);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Done<()> {
        match &self.filter {
            None => self.write_raw(bytes),
            Some(filter) => {
                let escaped = filter.escaped(bytes);
                self.write_raw(&escaped)
            }
        }
    }

    /// Takes in what has come, waiting for it so long.
    fn take_in(&mut self, limit: Duration) -> Done<()> {
        if !poll_readable(&[self.input.as_raw_fd()], Some(limit)) {
            return Ok(());
        }
        let mut buffer = [0; 4096];
        let length = self.input.read(&mut buffer)?;
        let bytes = buffer.get(..length).filter(|bytes| !bytes.is_empty()).ok_or(Over)?;
        match &mut self.filter {
            None => self.waiting.extend(bytes),
            Some(filter) => {
                let (text, answer) = filter.take(bytes);
                self.waiting.extend(text);
                self.write_raw(&answer)?;
            }
        }
        Ok(())
    }
}

/// Who has come, and how.
pub(super) struct Visitor {
    /// The user, where SSH has seen to the login.
    pub user: Option<String>,
    /// The command that came with the connection.
    pub command: Option<String>,
}

/// How an answer is to be spoilt.
#[derive(Default)]
struct Spoilt {
    inside: Option<(usize, Vec<u8>)>,
    cut: Option<usize>,
    instead: bool,
    then: Option<Trouble>,
}

/// Runs a session to its end. The exit code counts where a command came with the connection.
pub(super) fn run(shared: &Arc<Shared>, wire: Wire, visitor: Visitor) -> u8 {
    let (number, unasked, full) = {
        let mut truth = shared.truth();
        truth.sessions += 1;
        truth.open += 1;
        let full = shared.console.at_most.filter(|(most, _)| truth.open > *most).map(|(_, told)| told);
        (truth.sessions, truth.unasked.len(), full)
    };
    let state = shared.console.states.first().expect("a console has a state");
    // What has no outlets switches itself.
    let chosen = match shared.truth().outlets.as_slice() {
        [only] => vec![only.id.clone()],
        _ => Vec::new(),
    };
    let mut session = Session {
        shared,
        wire,
        number,
        unasked,
        steps: 0,
        user: String::new(),
        state,
        chosen,
        line: String::new(),
        out: Vec::new(),
        after_cr: false,
        code: 0,
    };
    match full {
        Some(told) => drop(session.show(told)),
        None => drop(session.run(visitor)),
    }
    shared.truth().open -= 1;
    session.code
}

struct Session<'a> {
    shared: &'a Shared,
    wire: Wire,
    number: usize,
    /// How much of what is said unasked was said here.
    unasked: usize,
    /// How many lines were typed.
    steps: usize,
    user: String,
    state: &'static State,
    /// The outlets that the last command named.
    chosen: Vec<String>,
    /// The line that was typed.
    line: String,
    /// The lines to be shown.
    out: Vec<String>,
    after_cr: bool,
    code: u8,
}

/// What was typed: a line, or a key that counts by itself.
enum Typed {
    Line(String),
    Key(&'static [Step]),
}

impl Session<'_> {
    fn run(&mut self, visitor: Visitor) -> Done<()> {
        if let Some(filter) = &self.wire.filter {
            let opening = filter.opening().to_vec();
            self.wire.write_raw(&opening)?;
            while self.wire.filter.as_ref().is_some_and(Filter::waits) {
                self.wire.take_in(TICK)?;
            }
        }
        let console = &self.shared.console;
        let spoilt = self.strike()?;
        if let Some(then) = spoilt.then {
            return self.end_with(&then);
        }
        if let Some(line) = visitor.command.filter(|_| console.exec != Exec::Ignored) {
            return self.exec(&line);
        }
        match visitor.user {
            Some(user) if !console.asks_over_ssh => self.user = user,
            _ => {
                self.show(console.banner)?;
                self.log_in()?;
            }
        }
        self.show(console.greeting)?;
        self.perform(self.state.shows)?;
        self.show_out(&Spoilt::default())?;
        loop {
            self.show_prompt()?;
            match self.read(true)? {
                Typed::Line(line) => {
                    self.steps += 1;
                    self.shared.truth().typed.push((self.number, line.clone()));
                    let spoilt = self.strike()?;
                    let done = if spoilt.instead { Ok(()) } else { self.obey(&line) };
                    if let Some(then) = &spoilt.then {
                        return self.end_with(then);
                    }
                    self.show_out(&spoilt)?;
                    done?;
                }
                Typed::Key(steps) => {
                    let done = self.perform(steps);
                    self.show_out(&Spoilt::default())?;
                    done?;
                }
            }
        }
    }

    fn exec(&mut self, line: &str) -> Done<()> {
        if let Exec::Refused(told) = self.shared.console.exec {
            self.code = 1;
            return self.show(told);
        }
        self.shared.truth().typed.push((self.number, line.to_owned()));
        self.code = u8::from(self.find(line).is_none());
        let done = self.obey(line);
        self.show_out(&Spoilt::default())?;
        done
    }

    fn log_in(&mut self) -> Done<()> {
        let Some(login) = self.shared.console.login else { return Ok(()) };
        for _ in 0..login.tries {
            let mut user = None;
            if let Some(question) = login.user {
                user = Some(self.ask(question, true)?);
            }
            let password = match login.password {
                Some(question) => Some(self.ask(question, false)?),
                None => None,
            };
            if self.shared.truth().log_in(user.as_deref(), password.as_deref()) {
                self.user = user.unwrap_or_default();
                return Ok(());
            }
            self.show(login.refusal)?;
        }
        Err(Over)
    }

    fn ask(&mut self, question: &str, echo: bool) -> Done<String> {
        self.show(question)?;
        loop {
            let Typed::Line(line) = self.read(echo)? else { continue };
            self.steps += 1;
            match self.strike()?.then {
                Some(then) => return self.end_with(&then).and(Err(Over)),
                None => return Ok(line),
            }
        }
    }

    /// What is to go wrong now, as far as it comes before the answer.
    fn strike(&mut self) -> Done<Spoilt> {
        let fault = self.shared.truth().fault(self.steps);
        let mut spoilt = Spoilt::default();
        match fault {
            None => {}
            Some(Trouble::Before(bytes)) => self.wire.write_raw(&bytes)?,
            Some(Trouble::Instead(bytes)) => {
                self.wire.write_raw(&bytes)?;
                spoilt.instead = true;
            }
            Some(Trouble::Inside(lines, bytes)) => spoilt.inside = Some((lines, bytes)),
            Some(Trouble::Cut(lines)) => spoilt.cut = Some(lines),
            Some(Trouble::Late(time)) => self.wait(time)?,
            Some(Trouble::Drip(pause)) => self.wire.drip = Some(pause),
            Some(then @ (Trouble::Silence | Trouble::Close | Trouble::Endless)) => spoilt.then = Some(then),
        }
        Ok(spoilt)
    }

    /// What comes instead of everything else, for ever.
    fn end_with(&mut self, trouble: &Trouble) -> Done<()> {
        match trouble {
            Trouble::Endless => loop {
                self.wire.write(b"and so on, and so on, and so on, and so on\r\n")?;
            },
            Trouble::Silence => loop {
                self.wire.take_in(TICK)?;
                self.wire.waiting.clear();
            },
            _ => Err(Over),
        }
    }

    /// Waits, unless the other side goes.
    fn wait(&mut self, time: Duration) -> Done<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.wire.take_in(left.min(TICK))?;
            thread::sleep(left.min(Duration::from_millis(1)));
        }
        Ok(())
    }

    /// Shows a text as it is, but for its ends of lines and what stands in braces.
    fn show(&mut self, text: &str) -> Done<()> {
        let text = self.filled(text, self.chosen.first().map(String::as_str));
        let text = text.replace('\n', self.shared.console.end_of_line);
        self.wire.write(text.as_bytes())
    }

    fn show_prompt(&mut self) -> Done<()> {
        if self.shared.console.forgets_typed_ahead {
            self.wire.take_in(Duration::ZERO)?;
            self.wire.waiting.clear();
        }
        self.show(self.state.prompt)?;
        if let Some(mark) = self.wire.filter.as_ref().map(Filter::after_prompt) {
            self.wire.write_raw(mark)?;
        }
        Ok(())
    }

    /// Shows the lines that have gathered, page by page.
    fn show_out(&mut self, spoilt: &Spoilt) -> Done<()> {
        let console = &self.shared.console;
        let lines = std::mem::take(&mut self.out);
        let whole = spoilt.cut.unwrap_or(lines.len());
        let mut page = 0;
        for (at, line) in lines.iter().take(whole).enumerate() {
            if let Some((_, bytes)) = spoilt.inside.as_ref().filter(|(before, _)| *before == at) {
                self.wire.write_raw(bytes)?;
            }
            if let Some(pager) = console.pager.filter(|pager| page >= pager.lines) {
                self.wire.write(pager.marker.as_bytes())?;
                let key = self.key()?;
                self.wire.write(pager.cleared.as_bytes())?;
                if key != pager.key {
                    return Ok(());
                }
                page = 0;
            }
            page += 1;
            self.wire.write(format!("{line}{}", console.end_of_line).as_bytes())?;
        }
        if let Some((_, bytes)) = spoilt.inside.as_ref().filter(|(before, _)| *before >= whole) {
            self.wire.write_raw(bytes)?;
        }
        Ok(())
    }

    /// The next byte that is typed.
    fn key(&mut self) -> Done<u8> {
        loop {
            if let Some(byte) = self.wire.waiting.pop_front() {
                let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
                if after_cr && self.shared.console.enter == Enter::Any && matches!(byte, b'\n' | 0) {
                    continue;
                }
                return Ok(byte);
            }
            let said: Vec<Vec<u8>> =
                self.shared.truth().unasked.get(self.unasked..).unwrap_or_default().to_vec();
            self.unasked += said.len();
            said.iter().try_for_each(|bytes| self.wire.write(bytes))?;
            self.wire.take_in(TICK)?;
        }
    }

    /// The next line, or a key that counts by itself. A password isn't shown.
    fn read(&mut self, shown: bool) -> Done<Typed> {
        let console = &self.shared.console;
        let mut line: Vec<u8> = Vec::new();
        loop {
            let byte = self.key()?;
            let ends = match console.enter {
                Enter::Any | Enter::Each => matches!(byte, b'\r' | b'\n'),
                Enter::Cr => byte == b'\r',
                Enter::Lf => byte == b'\n',
            };
            if ends {
                self.wire.write(if console.echo { console.end_of_line.as_bytes() } else { b"" })?;
                return Ok(Typed::Line(String::from_utf8_lossy(&line).into_owned()));
            }
            let keys = self.state.keys.iter().find(|(key, _)| *key == byte && line.is_empty());
            if let Some((_, steps)) = keys.filter(|_| shown) {
                return Ok(Typed::Key(steps));
            }
            match byte {
                b'\r' | b'\n' | 0 => {}
                8 | 127 => {
                    let erased = line.pop().is_some() && console.echo && shown;
                    self.wire.write(if erased { b"\x08 \x08" } else { b"" })?;
                }
                _ if line.len() < LONGEST_LINE => {
                    line.push(byte);
                    if !shown {
                        self.wire.write(console.password_echo.as_bytes())?;
                    } else if console.echo {
                        self.wire.write(&[byte])?;
                    }
                }
                _ => {}
            }
        }
    }

    /// The command that a line is, with the outlets that it names: none where there are no such outlets.
    fn find(&self, line: &str) -> Option<(&'static Command, Option<Vec<String>>)> {
        let mut missing = None;
        for command in self.state.commands {
            let Some(named) = self.named(command.typed, line) else { continue };
            let Some(named) = named else { return Some((command, Some(self.chosen.clone()))) };
            match self.outlets(&named) {
                Some(outlets) => return Some((command, Some(outlets))),
                None => missing = missing.or(Some((command, None))),
            }
        }
        missing
    }

    /// Whether a line is of this form, and what it has in the outlet's place.
    #[expect(clippy::option_option, reason = "no such form, and no outlet in it")]
    fn named(&self, form: &str, line: &str) -> Option<Option<String>> {
        let same = |one: &str, other: &str| {
            if self.shared.console.minds_case { one == other } else { one.eq_ignore_ascii_case(other) }
        };
        let line = line.trim();
        let Some((before, after)) = form.split_once("{outlet}").or_else(|| form.split_once("{*}")) else {
            return same(form, line).then_some(None);
        };
        let (start, rest) = line.split_at_checked(before.len())?;
        let (middle, end) = rest.split_at_checked(rest.len().checked_sub(after.len())?)?;
        let fits = same(start, before) && same(end, after) && !middle.trim().is_empty();
        let named = form.contains("{outlet}").then(|| middle.trim().to_owned());
        fits.then_some(named)
    }

    /// The outlets that a text names.
    fn outlets(&self, text: &str) -> Option<Vec<String>> {
        let console = &self.shared.console;
        let truth = self.shared.truth();
        let at = |text: &str| {
            let by_name = |outlet: &Outlet| console.takes_names && outlet.name.eq_ignore_ascii_case(text);
            let outlets = &truth.outlets;
            outlets.iter().position(|outlet| outlet.id == text).or_else(|| outlets.iter().position(by_name))
        };
        let ids = |from: usize, to: usize| -> Option<Vec<String>> {
            Some(truth.outlets.get(from..=to)?.iter().map(|outlet| outlet.id.clone()).collect())
        };
        if let Some(one) = at(text) {
            return ids(one, one);
        }
        let many = console.many?;
        if many.all.iter().any(|all| all.eq_ignore_ascii_case(text)) {
            return ids(0, truth.outlets.len().checked_sub(1)?);
        }
        let ranges = text.split(many.and).map(|part| match part.split_once(many.to) {
            Some((from, to)) => ids(at(from)?, at(to)?),
            None => ids(at(part)?, at(part)?),
        });
        Some(ranges.collect::<Option<Vec<_>>>()?.concat())
    }

    fn obey(&mut self, line: &str) -> Done<()> {
        line.clone_into(&mut self.line);
        match self.find(line) {
            Some((command, Some(outlets))) => {
                self.chosen = outlets;
                self.perform(command.does)
            }
            Some((_, None)) => self.perform(self.shared.console.no_such_outlet),
            None if line.trim().is_empty() => self.perform(self.state.shows),
            None => self.perform(self.state.unknown),
        }
    }

    fn perform(&mut self, steps: &'static [Step]) -> Done<()> {
        let switches = steps.iter().any(|step| matches!(step, Step::Switch(_) | Step::Cycle(_)));
        if switches {
            let refuses = {
                let mut truth = self.shared.truth();
                truth.commands += 1;
                truth.refuses
            };
            if let Some(words) = refuses {
                self.gather(words, None);
                return Ok(());
            }
        }
        for step in steps {
            match *step {
                Step::Say(text) => self.gather(text, self.chosen.first().cloned().as_deref()),
                Step::All(row) => {
                    let all: Vec<_> =
                        self.shared.truth().outlets.iter().map(|outlet| outlet.id.clone()).collect();
                    all.iter().for_each(|id| self.gather(row, Some(id)));
                }
                Step::Each(row) => {
                    let chosen = self.chosen.clone();
                    chosen.iter().for_each(|id| self.gather(row, Some(id)));
                }
                Step::LogIn(good, refused) => {
                    let mut words = self.line.split_whitespace().rev();
                    let (password, user) =
                        (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                    let steps = if self.shared.truth().log_in(Some(user), Some(password)) {
                        self.user = user.to_owned();
                        good
                    } else {
                        refused
                    };
                    self.perform(steps)?;
                }
                Step::Switch(on) => self.switch(on, |outlet| outlet.power.command(on)),
                Step::Cycle(pause) => self.switch(false, |outlet| outlet.power.cycle(pause)),
                Step::Go(name) => {
                    let mut states = self.shared.console.states.iter();
                    self.state = states.find(|state| state.name == name).expect("a state of that name");
                    self.perform(self.state.shows)?;
                }
                Step::Wait(time) => {
                    self.show_out(&Spoilt::default())?;
                    self.wait(time)?;
                }
                Step::Leave => return Err(Over),
            }
        }
        Ok(())
    }

    /// Adds lines to those that are to be shown.
    fn gather(&mut self, text: &str, outlet: Option<&str>) {
        let text = self.filled(text, outlet);
        self.out.extend(text.split('\n').map(str::to_owned));
    }

    fn switch(&mut self, on: bool, mut how: impl FnMut(&mut Outlet)) {
        let mut truth = self.shared.truth();
        for id in &self.chosen {
            truth.outlets.iter_mut().filter(|outlet| outlet.id == *id).for_each(&mut how);
            truth.taken.push(Taken { at: Instant::now(), id: id.clone(), on });
        }
    }

    /// A text with what its braces stand for.
    fn filled(&self, text: &str, outlet: Option<&str>) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, (inside, after))) =
            rest.split_once('{').and_then(|(before, from)| Some((before, from.split_once('}')?)))
        {
            let (key, width) = inside.split_once(':').unwrap_or((inside, "0"));
            let value = self.value(key, outlet);
            filled += before;
            match width.strip_prefix('>') {
                Some(width) => filled += &format!("{value:>0$}", width.parse().expect("a width")),
                None => filled += &format!("{value:<0$}", width.parse().expect("a width")),
            }
            rest = after;
        }
        filled + rest
    }

    fn value(&self, key: &str, outlet: Option<&str>) -> String {
        let words = self.shared.console.words;
        let mut truth = self.shared.truth();
        let count = truth.outlets.len().to_string();
        let found = truth.outlets.iter_mut().find(|known| outlet == Some(known.id.as_str()));
        match (key, found) {
            ("user", _) => self.user.clone(),
            ("count", _) => count,
            ("id", Some(outlet)) => outlet.id.clone(),
            ("name", Some(outlet)) => outlet.name.clone(),
            ("state", Some(outlet)) => {
                let word = if outlet.power.is_on() { words.on } else { words.off };
                let pending = if outlet.power.coming().is_some() { words.pending } else { "" };
                format!("{word}{pending}")
            }
            ("id" | "name" | "state", None) => String::new(),
            _ => format!("{{{key}}}"),
        }
    }
}
