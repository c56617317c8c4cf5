//! The conversation with a console: who is there, one command and its answer after the other, and goodbye.

use std::time::{Duration, Instant};

use log::{debug, trace};
use regex_lite::Regex;

use super::error::Error;
use super::manners::Manners;
use super::screen::{Screen, TooLong, is_blank};
use crate::base::{Deadline, Secret, Told};
use crate::protocols::stream::{self, Stream};

/// How long the line has to be silent after the prompt that was met before: long enough for a packet that is on its way.
const QUIET: Duration = Duration::from_millis(60);

/// The same after what may be a prompt, and after a question: a text may stand there by chance in the middle of a page.
const QUIET_FOR_STRANGERS: Duration = Duration::from_millis(400);

/// How many lines before the one with the cursor a pattern may take in.
const LINES_IN_SIGHT: usize = 3;

/// How many lines at the end of what has come are searched for the words of a refusal.
const LINES_SEARCHED: usize = 40;

/// How often one answer may stop at a page's end.
const MOST_PAGES: u32 = 200;

/// A regular expression for the end of what has come.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// The pattern, after which blanks may stand. A line's beginning is `\n` in it, also that of the first one.
    ///
    /// # Errors
    /// It is none.
    pub fn new(pattern: &str) -> Result<Pattern, Error> {
        let whole = format!(r"(?s:(?:{pattern})[ \t]*\z)");
        Regex::new(&whole).map(Pattern).map_err(|error| Error::BadPattern { why: error.to_string() })
    }

    /// One for each of these.
    ///
    /// # Errors
    /// One is none.
    pub fn all(patterns: &[&str]) -> Result<Vec<Pattern>, Error> {
        patterns.iter().map(|pattern| Pattern::new(pattern)).collect()
    }

    fn fits(&self, tail: &str) -> bool {
        self.0.is_match(tail)
    }
}

/// What a device has said in answer to one command: the lines between the command and the prompt, without blank ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// As they came: what is shown of them goes through [`Told`].
    pub lines: Vec<String>,
}

impl Page {
    /// The first line, for a message.
    pub fn first(&self) -> Told {
        Error::quote(self.lines.first().map_or("", String::as_str))
    }
}

/// A conversation. It ends with [`Console::leave`].
pub struct Console {
    line: Box<dyn Stream>,
    manners: &'static Manners,
    prompts: Vec<Pattern>,
    pager: Vec<(Pattern, &'static str)>,
    screen: Screen,
    /// The prompt as it was met last.
    prompt: Option<String>,
    greeting: Page,
}

/// What the device waits with.
enum Waits {
    /// The prompt.
    Prompt,
    /// The question with this number.
    Question(usize),
}

impl Console {
    /// Waits for the device to ask who is there, tells it, and waits for its first prompt. `prompts` take the place of the
    /// device's own where there are any. Over a line that has asked already, as SSH does, nothing more is told, unless the
    /// device asks behind it as well.
    ///
    /// # Errors
    /// The device doesn't let in, has no room, or no prompt comes by then.
    pub fn log_in(
        line: Box<dyn Stream>,
        manners: &'static Manners,
        prompts: Vec<Pattern>,
        who: Option<(&str, Option<&Secret>)>,
        by: Deadline,
    ) -> Result<Console, Error> {
        let own = Pattern::all(manners.prompts)?;
        let mut pager = Vec::new();
        for (marker, keys) in manners.pager {
            pager.push((Pattern::new(marker)?, *keys));
        }
        let mut console = Console {
            line,
            manners,
            prompts: if prompts.is_empty() { own } else { prompts },
            pager,
            screen: Screen::default(),
            prompt: None,
            greeting: Page::default(),
        };
        console.introduce(who, by)?;
        if let (Some((line, accepted)), Some((user, password))) = (manners.login.command, who) {
            console.log_in_by(line, accepted, user, password, by)?;
        }
        Ok(console)
    }

    /// Logs in by a command.
    fn log_in_by(
        &mut self,
        line: &str,
        accepted: &str,
        user: &str,
        password: Option<&Secret>,
        by: Deadline,
    ) -> Result<(), Error> {
        self.forget_what_came();
        let (before, after) = line.split_once("{password}").unwrap_or((line, ""));
        let mut text = zeroize::Zeroizing::new(Vec::new());
        text.extend_from_slice(before.replace("{user}", user).as_bytes());
        text.extend_from_slice(password.map_or(&[], Secret::expose));
        text.extend_from_slice(after.as_bytes());
        self.type_text(&text, by)?;
        self.wait(&[], None, "the login", by).map_err(|error| match password {
            Some(_) => error.after_password(),
            None => error,
        })?;
        let page = self.page(None);
        match page.lines.last() {
            Some(last) if last.trim_start().starts_with(accepted) => Ok(()),
            _ => Err(Error::LoginDenied { why: page.first().to_string() }),
        }
    }

    /// Tells who is there, each thing once, until the first prompt.
    fn introduce(&mut self, who: Option<(&str, Option<&Secret>)>, by: Deadline) -> Result<(), Error> {
        let login = &self.manners.login;
        let mut questions = Vec::new();
        if who.is_some() && login.command.is_none() {
            questions.extend(Pattern::all(login.user)?.into_iter().map(|pattern| (pattern, Asked::User)));
            questions
                .extend(Pattern::all(login.password)?.into_iter().map(|pattern| (pattern, Asked::Password)));
        }
        let none = Regexes::of(login.no_question)?;
        let refused = Regexes::of(login.refused)?;
        let (mut user_told, mut password_told) = (false, false);
        // Where the words begin that answer what was told: before stands what everybody gets to read.
        let mut told_at = 0;
        loop {
            let asked: Vec<Pattern> = questions.iter().map(|(pattern, _)| pattern.clone()).collect();
            let after = match (user_told, password_told) {
                (_, true) => "the login",
                (true, false) => "the user name",
                (false, false) => "the connection",
            };
            let at = match self.wait(&asked, Some(&none), after, by) {
                Ok(Waits::Prompt) => {
                    self.learn_prompt();
                    self.greeting = self.page(None);
                    return Ok(());
                }
                waits => {
                    let since = self.screen.lines().get(told_at..).unwrap_or_default();
                    if (user_told || password_told)
                        && let Some(words) = refused.find(since, &self.screen.current())
                    {
                        return Err(Error::LoginDenied { why: Error::quote(&words).to_string() });
                    }
                    let told = |error: Error| if password_told { error.after_password() } else { error };
                    match waits.map_err(told)? {
                        Waits::Question(at) => at,
                        Waits::Prompt => return Ok(()),
                    }
                }
            };
            let (user, password) = who.unwrap_or(("", None));
            let Some((_, asked)) = questions.get(at) else { continue };
            debug!("the device asks: {}", Error::quote(&self.screen.current()));
            // The question has its answer: it doesn't stand there any more, whenever the device shows what was typed.
            self.screen.forget_current();
            told_at = self.screen.lines().len();
            match asked {
                Asked::User if user_told => {
                    return Err(Error::LoginDenied {
                        why: "it asks for the user again: wrong user or password".to_owned(),
                    });
                }
                Asked::Password if password_told => {
                    return Err(Error::LoginDenied {
                        why: "it asks for the password again: wrong user or password".to_owned(),
                    });
                }
                Asked::User => {
                    user_told = true;
                    self.type_text(user.as_bytes(), by)?;
                }
                Asked::Password => {
                    password_told = true;
                    let Some(password) = password else {
                        return Err(Error::LoginDenied {
                            why: "it asks for a password, and none is given".to_owned(),
                        });
                    };
                    self.type_text(password.expose(), by)?;
                }
            }
        }
    }

    /// What it said before its first prompt.
    pub fn greeting(&self) -> &Page {
        &self.greeting
    }

    /// The prompt, as it was met last.
    pub fn prompt(&self) -> &str {
        self.prompt.as_deref().unwrap_or_default().trim()
    }

    /// Types a line, and gives what the device answers before it waits with its prompt again. The `questions` that it may ask
    /// in between are answered, each once.
    ///
    /// # Errors
    /// No prompt comes by then, the answer doesn't belong to the line, or the connection breaks.
    pub fn ask(&mut self, line: &str, questions: &[(Pattern, &str)], by: Deadline) -> Result<Page, Error> {
        self.forget_what_came();
        trace!("> {}", Told::new(line));
        match self.manners.keys.contains(&line) {
            true => self.line.write_all(line.as_bytes(), by)?,
            false => self.type_text(line.as_bytes(), by)?,
        }
        let patterns: Vec<Pattern> = questions.iter().map(|(pattern, _)| pattern.clone()).collect();
        let mut answered = vec![false; questions.len()];
        let mut echoes = Vec::new();
        loop {
            let after = format!("'{}'", Error::quote(line));
            let at = match self.wait(&patterns, None, &after, by)? {
                Waits::Prompt => break,
                Waits::Question(at) => at,
            };
            let Some((done, (_, answer))) = answered.get_mut(at).zip(questions.get(at)) else { continue };
            if std::mem::replace(done, true) {
                return Err(self.no_prompt(&after, Duration::ZERO));
            }
            debug!("the device asks: {}", Error::quote(&self.screen.current()));
            self.screen.forget_current();
            echoes.push((self.screen.lines().len(), (*answer).to_owned()));
            self.type_text(answer.as_bytes(), by)?;
        }
        self.learn_prompt();
        let page = self.page(Some((line, &echoes)));
        if let Some(shown) = self.out_of_step(line, &page) {
            return Err(Error::OutOfStep { typed: Error::quote(line).to_string(), shown });
        }
        let mut page = page;
        if page.lines.first().is_some_and(|first| is_echo(first, line)) {
            page.lines.remove(0);
        }
        for line in &page.lines {
            trace!("< {}", Told::new(line));
        }
        Ok(page)
    }

    /// Says goodbye, and waits until the device has closed the line: many have few sessions, and keep one that wasn't ended.
    pub fn leave(&mut self, by: Deadline) {
        if !self.manners.leave.is_empty() && self.type_text(self.manners.leave.as_bytes(), by).is_ok() {
            let mut buffer = [0; 1024];
            while !by.passed() && matches!(self.line.read(&mut buffer, by), Ok(read) if read > 0) {}
        }
        self.line.close(by);
    }

    fn type_text(&mut self, text: &[u8], by: Deadline) -> Result<(), Error> {
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(text.len().saturating_add(2)));
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(self.manners.enter.as_bytes());
        self.line.write_all(&bytes, by).map_err(Error::from)
    }

    /// What came unasked since the last prompt is no part of the next answer.
    fn forget_what_came(&mut self) {
        let mut buffer = [0; 4096];
        for _ in 0..MOST_PAGES {
            match self.line.read(&mut buffer, Deadline::after(Duration::ZERO)) {
                Ok(read) if read > 0 => {
                    trace!("unasked: {}", Told::of_bytes(buffer.get(..read).unwrap_or_default()))
                }
                _ => break,
            }
        }
        self.screen.take();
    }

    /// Waits until the device waits: with its prompt, or with one of these questions.
    fn wait(
        &mut self,
        questions: &[Pattern],
        none: Option<&Regexes>,
        after: &str,
        by: Deadline,
    ) -> Result<Waits, Error> {
        let begun = Instant::now();
        let mut pages = 0;
        let mut buffer = [0; 4096];
        loop {
            let found = self.found(questions, none);
            let quiet = found.as_ref().map(|(_, quiet)| Deadline::after(*quiet));
            let until = quiet.map_or(by, |quiet| quiet.earlier(by));
            match self.line.read(&mut buffer, until) {
                Ok(0) => return Err(self.closed(after)),
                Ok(read) => {
                    let read = buffer.get(..read).unwrap_or_default();
                    self.screen.put(read).map_err(|TooLong| Error::TooLong)?;
                    if by.passed() {
                        return Err(self.no_prompt(after, begun.elapsed()));
                    }
                }
                Err(stream::Error::TimedOut { .. }) => match (found, quiet.is_some_and(Deadline::passed)) {
                    (Some((Found::Prompt, _)), true) => return Ok(Waits::Prompt),
                    (Some((Found::Question(at), _)), true) => return Ok(Waits::Question(at)),
                    (Some((Found::PageEnd(keys), _)), true) => {
                        pages += 1;
                        if pages > MOST_PAGES {
                            return Err(Error::TooLong);
                        }
                        self.screen.forget_current();
                        self.line.write_all(keys.as_bytes(), by)?;
                    }
                    _ => return Err(self.no_prompt(after, begun.elapsed())),
                },
                // Cut off is closed as well: what it said before counts.
                Err(stream::Error::Closed { .. }) => return Err(self.closed(after)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What stands at the end of what has come, and how long the line has to be silent before that counts.
    fn found(&self, questions: &[Pattern], none: Option<&Regexes>) -> Option<(Found, Duration)> {
        let current = self.screen.current();
        let met = self.prompt.as_deref().filter(|_| self.manners.steady);
        if met.is_some_and(|prompt| prompt.trim_end() == current.trim_end()) {
            return Some((Found::Prompt, QUIET));
        }
        let tail = self.screen.tail(LINES_IN_SIGHT);
        if let Some((_, keys)) = self.pager.iter().find(|(marker, _)| marker.fits(&tail)) {
            return Some((Found::PageEnd(keys), QUIET));
        }
        if none.is_none_or(|none| none.find(&[], &current).is_none())
            && let Some(at) = questions.iter().position(|question| question.fits(&tail))
        {
            return Some((Found::Question(at), QUIET_FOR_STRANGERS));
        }
        let quiet = if self.manners.steady { QUIET_FOR_STRANGERS } else { QUIET };
        self.prompts.iter().any(|prompt| prompt.fits(&tail)).then_some((Found::Prompt, quiet))
    }

    fn learn_prompt(&mut self) {
        self.prompt = Some(self.screen.current());
    }

    /// What has come, as a page.
    fn page(&mut self, typed: Option<(&str, &[(usize, String)])>) -> Page {
        let answers = typed.map_or(&[][..], |(_, answers)| answers);
        let lines = self.screen.take().into_iter().enumerate().filter(|(at, line)| {
            let echo = answers.iter().any(|(place, answer)| place == at && line.trim() == answer);
            !echo && !is_blank(line)
        });
        Page { lines: lines.map(|(_, line)| line.trim_end().to_owned()).collect() }
    }

    /// What stands where the command should be shown, if it isn't.
    fn out_of_step(&self, line: &str, page: &Page) -> Option<Told> {
        if !self.manners.echoes || line.is_empty() {
            return None;
        }
        match page.lines.first() {
            Some(first) if is_echo(first, line) => None,
            first => Some(Error::quote(first.map_or("", String::as_str))),
        }
    }

    fn closed(&self, after: &str) -> Error {
        let last = self.last_line();
        match Regexes::of(self.manners.busy)
            .ok()
            .and_then(|busy| busy.find(self.screen.lines(), &self.screen.current()))
        {
            Some(words) => Error::Busy { why: Error::quote(&words) },
            None => Error::Closed { after: after.to_owned(), shown: Error::quote(&last) },
        }
    }

    fn no_prompt(&self, after: &str, waited: Duration) -> Error {
        Error::NoPrompt { after: after.to_owned(), shown: Error::quote(&self.last_line()), waited }
    }

    /// The last line that says something.
    fn last_line(&self) -> String {
        let current = self.screen.current();
        if !is_blank(&current) {
            return current;
        }
        self.screen.lines().iter().rev().find(|line| !is_blank(line)).cloned().unwrap_or_default()
    }
}

/// What a question at the login is about.
enum Asked {
    User,
    Password,
}

/// What may stand at the end of what has come.
enum Found {
    Prompt,
    Question(usize),
    PageEnd(&'static str),
}

/// Whether a line is how the device shows what was typed: perhaps behind its prompt, which some show again.
fn is_echo(shown: &str, typed: &str) -> bool {
    shown.trim_end().ends_with(typed.trim_end())
}

/// Words to be looked for anywhere.
struct Regexes(Vec<Regex>);

impl Regexes {
    fn of(patterns: &[&str]) -> Result<Regexes, Error> {
        let all: Result<Vec<Regex>, _> = patterns.iter().map(|pattern| Regex::new(pattern)).collect();
        all.map(Regexes).map_err(|error| Error::BadPattern { why: error.to_string() })
    }

    /// The line, one of the last, that holds one of them.
    fn find(&self, lines: &[String], current: &str) -> Option<String> {
        let last = lines.get(lines.len().saturating_sub(LINES_SEARCHED)..).unwrap_or_default();
        let mut all = last.iter().map(String::as_str).chain([current]);
        all.find(|line| self.0.iter().any(|words| words.is_match(line))).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::rc::Rc;

    use super::*;
    use crate::protocols::console::USUAL;

    /// What a device does: it says something, or waits until this was typed.
    enum Does {
        Says(&'static str),
        Hears(&'static str),
        Closes,
    }
    use Does::{Closes, Hears, Says};

    /// A device that goes by a script, and panics where something else is typed.
    struct Scripted {
        script: VecDeque<Does>,
        typed: Rc<RefCell<String>>,
    }

    impl Stream for Scripted {
        fn read(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<usize, stream::Error> {
            match self.script.front() {
                Some(Says(text)) => {
                    let read = text.len();
                    buffer[..read].copy_from_slice(text.as_bytes());
                    self.script.pop_front();
                    Ok(read)
                }
                Some(Closes) => Ok(0),
                _ => {
                    deadline.sleep(Duration::from_secs(60));
                    Err(stream::Error::TimedOut { peer: "device".to_owned(), doing: "reading" })
                }
            }
        }

        fn write_all(&mut self, bytes: &[u8], _: Deadline) -> Result<(), stream::Error> {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.typed.borrow_mut().push_str(&text);
            let Some(Hears(wanted)) = self.script.pop_front() else { panic!("nobody waits for {text:?}") };
            assert_eq!(text, wanted);
            Ok(())
        }

        fn close(&mut self, _: Deadline) {}
    }

    const APC: Manners = Manners { prompts: &[r"\napc>"], busy: &["in use"], keys: &["2"], ..USUAL };

    const LOGIN: [Does; 4] =
        [Says("\r\nUser Name : "), Hears("me\r"), Says("me\r\nPassword  : "), Hears("secret\r")];

    fn open(script: impl IntoIterator<Item = Does>) -> (Result<Console, Error>, Rc<RefCell<String>>) {
        let typed = Rc::new(RefCell::new(String::new()));
        let line = Scripted { script: script.into_iter().collect(), typed: Rc::clone(&typed) };
        let password = Secret::new(b"secret".to_vec());
        let by = Deadline::after(Duration::from_secs(3));
        (Console::log_in(Box::new(line), &APC, Vec::new(), Some(("me", Some(&password))), by), typed)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(2))
    }

    #[test]
    fn user_and_password_are_told_once_and_the_greeting_is_kept() {
        let (console, _) = open(LOGIN.into_iter().chain([Says("******\r\nHello\r\n\r\napc> ")]));
        let console = console.unwrap();
        assert_eq!(console.prompt(), "apc>");
        assert!(console.greeting().lines.contains(&"Hello".to_owned()));
    }

    #[test]
    fn a_login_that_is_asked_for_again_or_refused_is_denied_and_not_repeated() {
        for answer in [
            "\r\nUser Name : ",
            "\r\nPassword  : ",
            "\r\nLogin incorrect\r\n",
            "\r\nInvalid login\r\nUser Name : ",
        ] {
            let (console, typed) = open(LOGIN.into_iter().chain([Says(answer)]));
            assert!(matches!(console, Err(Error::LoginDenied { .. })), "{answer:?}");
            assert_eq!(*typed.borrow(), "me\rsecret\r");
        }
    }

    #[test]
    fn a_line_that_is_closed_after_the_password_is_a_refusal_and_before_it_none() {
        for (words, quoted) in [("", "after the password"), ("\r\nbye\r\n", "'bye'")] {
            let (console, typed) = open(
                LOGIN
                    .into_iter()
                    .chain([Says(words), Closes].into_iter().skip(usize::from(words.is_empty()))),
            );
            let Err(Error::LoginDenied { why }) = console else { panic!("{words:?}") };
            assert!(why.contains(quoted), "{why}");
            assert_eq!(*typed.borrow(), "me\rsecret\r");
        }
        let (console, _) = open(LOGIN.into_iter().chain([Says("\r\nPort is in use.\r\n"), Closes]));
        assert!(matches!(console, Err(Error::Busy { .. })));
        let (console, _) = open(LOGIN.into_iter().take(2).chain([Closes]));
        assert!(matches!(console, Err(Error::Closed { .. })));
    }

    #[test]
    fn silence_after_the_password_is_told_from_silence_before_it() {
        let (console, _) = open(LOGIN);
        let Err(Error::AfterPassword(error)) = console else { panic!("no silence after the password") };
        assert!(matches!(*error, Error::NoPrompt { .. }), "{error}");
        let (console, _) = open(LOGIN.into_iter().take(2));
        assert!(matches!(console, Err(Error::NoPrompt { .. })));
    }

    #[test]
    fn words_of_a_banner_are_neither_questions_nor_refusals() {
        let banner = Says("Password: never share\r\nAccess denied to strangers\r\nLast login: ");
        let script = [banner, Says("Thu Jan 1\r\n")].into_iter().chain(LOGIN);
        let (console, _) = open(script.chain([Says("\r\nLast login: Thu\r\napc> ")]));
        console.unwrap();
    }

    #[test]
    fn an_answer_is_what_stands_between_the_command_and_the_prompt() {
        let script = LOGIN.into_iter().chain([
            Says("\r\napc> "),
            Hears("olStatus all\r"),
            Says("olStatus all\r\nE000: Success\r\n 1: a> : On\r\n"),
            Says(" 2: b: Off\r\n\r\napc> "),
        ]);
        let mut console = open(script).0.unwrap();
        let page = console.ask("olStatus all", &[], soon()).unwrap();
        assert_eq!(page.lines, ["E000: Success", " 1: a> : On", " 2: b: Off"]);
    }

    #[test]
    fn a_key_counts_at_once_and_every_other_line_by_its_end() {
        let script = LOGIN.into_iter().chain([
            Says("\r\napc> "),
            Hears("2"),
            Says("2\r\nPower\r\napc> "),
            Hears("22\r"),
            Says("22\r\nBoth\r\napc> "),
        ]);
        let mut console = open(script).0.unwrap();
        assert_eq!(console.ask("2", &[], soon()).unwrap().lines, ["Power"]);
        assert_eq!(console.ask("22", &[], soon()).unwrap().lines, ["Both"]);
    }

    #[test]
    fn an_answer_that_does_not_begin_with_the_command_is_out_of_step() {
        let script =
            LOGIN.into_iter().chain([Says("\r\napc> "), Hears("olStatus 2\r"), Says(" 1: a: Off\r\napc> ")]);
        let error = open(script).0.unwrap().ask("olStatus 2", &[], soon()).unwrap_err();
        assert!(matches!(error, Error::OutOfStep { .. }), "{error}");
    }

    #[test]
    fn a_question_is_answered_once_and_one_that_nobody_expected_is_quoted() {
        let question = Pattern::new(r"\[y/n\]").unwrap();
        let script = LOGIN.into_iter().chain([
            Says("\r\napc> "),
            Hears("off\r"),
            Says("off\r\nTurn it off? [y/n] "),
            Hears("y\r"),
            Says("y\r\nDone\r\napc> "),
            Hears("off\r"),
            Says("off\r\nAre you really sure (type REALLY): "),
        ]);
        let mut console = open(script).0.unwrap();
        let page = console.ask("off", &[(question.clone(), "y")], soon()).unwrap();
        assert_eq!(page.lines, ["Done"]);
        let error = console.ask("off", &[(question, "y")], soon()).unwrap_err();
        assert!(error.to_string().contains("type REALLY"), "{error}");
    }

    #[test]
    fn a_device_without_room_says_so() {
        let (console, _) = open([Says("Port is in use.\r\n"), Closes]);
        assert!(matches!(console, Err(Error::Busy { .. })));
    }

    #[test]
    fn no_pattern_of_the_tables_is_bad() {
        for text in USUAL.login.user.iter().chain(USUAL.login.password) {
            Pattern::new(text).unwrap();
        }
        assert!(Regexes::of(USUAL.login.refused).is_ok() && Regexes::of(USUAL.login.no_question).is_ok());
        assert!(matches!(Pattern::new("("), Err(Error::BadPattern { .. })));
    }
}
