//! A service in a thread of this process. It keeps the true state of its machines apart from what it says, writes down every
//! request, and departs from the usual as told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use openssl::base64;
use serde_json::Value;

use super::certificate::Certificate;
use super::data::{Answer, Effect, Field, Format, Part, Route, Service, Session};
use super::frame::{Frame, Handled, Manners, Reply, Served, Tls};
use super::message::Incoming;
use super::rule::{Act, Rule, take_rule};
use crate::power::{Habit, Power};

/// The account that every service has, unless told otherwise.
pub const USER: &str = "operator@pve";
/// Its password; long and odd, so that a search for it finds nothing by chance.
pub const PASSWORD: &str = "korrekt-Pferd-1515";
/// A token that needs no session.
pub const TOKEN: &str = "operator@pve!fence=0f1e2d3c-1515-4711";

/// A request as it was written down.
#[derive(Clone, Debug)]
pub struct Request {
    /// The number of its connection, from 1.
    pub connection: usize,
    /// When it was answered, or was to be.
    pub at: Instant,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Its headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

/// A command that was taken, whether or not the machine has followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When.
    pub at: Instant,
    /// For which machine.
    pub id: String,
    /// On or off; a cycle counts as off.
    pub on: bool,
}

#[derive(Clone, Debug)]
struct Machine {
    id: String,
    name: String,
    node: String,
    more: BTreeMap<String, String>,
    power: Power,
}

#[derive(Clone, Debug)]
struct Task {
    /// How often it is still told to go on.
    looks: usize,
    exit: String,
}

/// What to make of a service before it starts.
#[derive(Clone)]
pub struct Builder {
    service: &'static Service,
    machines: Vec<Machine>,
    accounts: Vec<(String, String)>,
    tokens: Vec<String>,
    tls: Tls,
    habit: Habit,
    manners: Manners,
    rules: Vec<Rule>,
    task_looks: usize,
}

impl Builder {
    /// Adds a machine, which is on, at a node.
    #[must_use]
    pub fn machine(mut self, id: &str, name: &str, node: &str) -> Builder {
        self.machines.push(Machine {
            id: id.to_owned(),
            name: name.to_owned(),
            node: node.to_owned(),
            more: BTreeMap::new(),
            power: Power::new(true),
        });
        self
    }

    /// Gives the last machine something more to tell.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Builder {
        let machine = self.machines.last_mut().expect("a machine");
        machine.more.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Who may log in, in place of the one account.
    #[must_use]
    pub fn accounts(mut self, accounts: &[(&str, &str)]) -> Builder {
        let owned = |(user, password): &(&str, &str)| ((*user).to_owned(), (*password).to_owned());
        self.accounts = accounts.iter().map(owned).collect();
        self
    }

    /// Speaks TLS with this certificate.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Builder {
        self.tls.certificate = Some(certificate);
        self
    }

    /// What its machines make of commands.
    #[must_use]
    pub fn habit(mut self, habit: Habit) -> Builder {
        self.habit = habit;
        self
    }

    /// How long it takes for each answer.
    #[must_use]
    pub fn slow(mut self, slow: Duration) -> Builder {
        self.manners.slow = slow;
        self
    }

    /// Resets a connection that is used a second time.
    #[must_use]
    pub fn resets_connections(mut self) -> Builder {
        self.manners.resets_connections = true;
        self
    }

    /// Adds a departure from the usual. The first that fits counts.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Builder {
        self.rules.push(rule);
        self
    }

    /// How often a task is told to go on before it is told to be over. Not at all unless told otherwise.
    #[must_use]
    pub fn task_looks(mut self, looks: usize) -> Builder {
        self.task_looks = looks;
        self
    }

    /// Starts it on a free port of the loopback address.
    #[must_use]
    pub fn start(self) -> Server {
        let mut machines = self.machines;
        machines.iter_mut().for_each(|machine| machine.power.habit = self.habit);
        let state = State {
            service: self.service,
            machines,
            accounts: self.accounts,
            tokens: self.tokens,
            manners: self.manners,
            rules: self.rules,
            task_looks: self.task_looks,
            task_fails: None,
            counted: Vec::new(),
            sessions: Vec::new(),
            sessions_made: 0,
            logins: Vec::new(),
            tasks: BTreeMap::new(),
            requests: Vec::new(),
            taken: Vec::new(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        Server { frame: Frame::start(&self.tls, Arc::clone(&shared)), shared }
    }
}

/// A running service. It ends when dropped.
pub struct Server {
    frame: Frame,
    shared: Arc<Shared>,
}

impl Server {
    /// A service without machines, to be adjusted and started.
    #[must_use]
    pub fn of(service: &'static Service) -> Builder {
        Builder {
            service,
            machines: Vec::new(),
            accounts: vec![(USER.to_owned(), PASSWORD.to_owned())],
            tokens: vec![TOKEN.to_owned()],
            tls: Tls::default(),
            habit: Habit::default(),
            manners: Manners::default(),
            rules: Vec::new(),
            task_looks: 0,
        }
    }

    /// The TCP port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.frame.port()
    }

    /// `https://127.0.0.1:12345`
    pub fn origin(&self) -> &str {
        self.frame.origin()
    }

    /// How many TCP connections have come in.
    pub fn connections(&self) -> usize {
        self.frame.connections()
    }

    /// How many of them never got through the TLS handshake.
    pub fn handshakes_failed(&self) -> usize {
        self.frame.handshakes_failed()
    }

    /// Whether a machine really is on, whatever the service says.
    ///
    /// # Panics
    /// Where there is no such machine; so do the others that name one.
    pub fn is_on(&self, id: &str) -> bool {
        self.machine(id, |machine| machine.power.is_on())
    }

    /// Switches a machine by hand.
    pub fn turn(&self, id: &str, on: bool) {
        self.machine(id, |machine| machine.power.turn(on));
    }

    /// What was true of a machine from each of these moments on.
    pub fn history(&self, id: &str) -> Vec<(Instant, bool)> {
        self.machine(id, |machine| machine.power.history())
    }

    /// What a machine makes of commands from now on.
    pub fn behave(&self, id: &str, habit: Habit) {
        self.machine(id, |machine| machine.power.habit = habit);
    }

    /// Moves a machine to another node.
    pub fn migrate(&self, id: &str, node: &str) {
        self.machine(id, |machine| node.clone_into(&mut machine.node));
    }

    /// Gives a machine something more to tell, or something else.
    pub fn tell(&self, id: &str, key: &str, value: &str) {
        self.machine(id, |machine| machine.more.insert(key.to_owned(), value.to_owned()));
    }

    /// Lets every task from now on do nothing, and end with these words; `None` for as it should be.
    pub fn tasks_fail(&self, exit: Option<&str>) {
        self.shared.state().task_fails = exit.map(str::to_owned);
    }

    /// Adds a departure from the usual. The first that fits counts.
    pub fn rule(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// The positions of the rules that have counted, each time that one did.
    pub fn counted(&self) -> Vec<usize> {
        self.shared.state().counted.clone()
    }

    /// All requests, in their order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// `GET /version`, one for each request.
    pub fn log(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// The commands that were taken, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.state().taken.clone()
    }

    /// Every user and password that was held against the accounts: the user, and whether that was right.
    pub fn logins(&self) -> Vec<(String, bool)> {
        self.shared.state().logins.clone()
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> usize {
        self.shared.state().sessions.len()
    }

    /// Forgets all sessions, as after a restart.
    pub fn forget_sessions(&self) {
        self.shared.state().sessions.clear();
    }

    fn machine<T>(&self, id: &str, look: impl FnOnce(&mut Machine) -> T) -> T {
        let mut state = self.shared.state();
        look(state.machines.iter_mut().find(|machine| machine.id == id).expect("that machine"))
    }
}

struct Shared {
    state: Mutex<State>,
}

struct State {
    service: &'static Service,
    machines: Vec<Machine>,
    accounts: Vec<(String, String)>,
    tokens: Vec<String>,
    manners: Manners,
    rules: Vec<Rule>,
    task_looks: usize,
    task_fails: Option<String>,
    counted: Vec<usize>,
    /// The user and the token of each.
    sessions: Vec<(String, String)>,
    sessions_made: usize,
    logins: Vec<(String, bool)>,
    tasks: BTreeMap<String, Task>,
    requests: Vec<Request>,
    taken: Vec<Taken>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Served for Shared {
    fn manners(&self) -> Manners {
        self.state().manners
    }

    fn handle(&self, incoming: &Incoming, connection: usize) -> Handled {
        let mut state = self.state();
        state.requests.push(Request {
            connection,
            at: Instant::now(),
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            headers: incoming.headers.clone(),
            body: incoming.body.clone(),
        });
        let before = state.taken.is_empty();
        let rule = take_rule(&mut state.rules, incoming, before, |_| false);
        let act = rule.map(|(at, rule)| {
            state.counted.push(at);
            (rule.act, rule.obey)
        });
        let nothing = || Reply::new(0, String::new());
        let reply = match &act {
            Some((Act::As(place, kept), _)) => state.reply_as(incoming, place, kept),
            Some((Act::Forget, _)) => {
                state.sessions.clear();
                state.reply(incoming)
            }
            Some((Act::Answer(..), false)) => nothing(),
            Some((_, false)) if incoming.method != "GET" => nothing(),
            _ => state.reply(incoming),
        };
        Handled { reply, act: act.map(|(act, _)| act), pause: Duration::ZERO }
    }
}

/// What a request's path and session name, for the answer.
#[derive(Default)]
struct Named {
    machine: Option<usize>,
    task: Option<(String, Task)>,
    user: String,
    token: String,
}

impl State {
    fn reply(&mut self, incoming: &Incoming) -> Reply {
        let service = self.service;
        let fits = |route: &&Route| {
            route.method == incoming.method
                && parts(route.path, &incoming.path).is_some()
                && route.wants.iter().all(|wanted| {
                    let found = field(incoming, wanted.field);
                    found.is_some_and(|value| wanted.value.is_empty() || value == wanted.value)
                })
        };
        let Some(route) = service.routes.iter().find(fits) else {
            return self.write(&service.no_route, &mut Named::default());
        };
        let mut named = Named::default();
        if !route.open {
            match self.who(incoming) {
                Some((user, token)) => (named.user, named.token) = (user, token),
                None => return self.write(&service.denied, &mut named),
            }
        }
        let parts = parts(route.path, &incoming.path).unwrap_or_default();
        let part =
            |name: &str| parts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let node = part("{node}");
        if let Some(id) = part("{machine}") {
            let there = |machine: &Machine| {
                machine.id == id && node.as_ref().is_none_or(|node| *node == machine.node)
            };
            named.machine = self.machines.iter().position(there);
            if named.machine.is_none() {
                return self.write(&service.missing, &mut named);
            }
        }
        if let Some(id) = part("{task}") {
            let Some(task) = self.tasks.get_mut(&id) else {
                return self.write(&service.missing, &mut named);
            };
            named.task = Some((id, task.clone()));
            if let Some(meanwhile) = route.meanwhile.filter(|_| task.looks > 0) {
                task.looks -= 1;
                return self.write(&meanwhile, &mut named);
            }
        }
        if let Effect::LogIn { user, password } = route.effect {
            let (user, password) = (field(incoming, user), field(incoming, password));
            match self.log_in(&user.unwrap_or_default(), &password.unwrap_or_default()) {
                Some((user, token)) => (named.user, named.token) = (user, token),
                None => return self.write(&service.refused, &mut named),
            }
        }
        if route.effect == Effect::LogOut {
            self.sessions.retain(|(_, token)| *token != named.token);
        }
        let mut fails = None;
        if let Some(kind) = route.task {
            let number = self.tasks.len() + 1;
            let id = service.task.replace("$(number)", &number.to_string()).replace("$(kind)", kind);
            let id = self.filled(&id, Format::Text, &named);
            fails = self.task_fails.clone();
            let exit = fails.clone().unwrap_or_else(|| "OK".to_owned());
            let task = Task { looks: self.task_looks, exit };
            self.tasks.insert(id.clone(), task.clone());
            named.task = Some((id, task));
        }
        if fails.is_none()
            && let Some(machine) = named.machine.and_then(|at| self.machines.get_mut(at))
        {
            let on = match route.effect {
                Effect::Switch(on) => {
                    machine.power.command(on);
                    Some(on)
                }
                Effect::Cycle(pause) => {
                    machine.power.cycle(pause);
                    Some(false)
                }
                Effect::Nothing | Effect::LogIn { .. } | Effect::LogOut => None,
            };
            self.taken.extend(on.map(|on| Taken { at: Instant::now(), id: machine.id.clone(), on }));
        }
        self.write(&route.answer, &mut named)
    }

    /// What is answered to a look at another place, except for these fields.
    fn reply_as(&mut self, incoming: &Incoming, place: &str, kept: &[&str]) -> Reply {
        let own: Value = serde_json::from_str(&self.reply(incoming).body).unwrap_or_default();
        let elsewhere = Incoming {
            method: "GET".to_owned(),
            path: place.to_owned(),
            headers: incoming.headers.clone(),
            body: String::new(),
        };
        let mut reply = self.reply(&elsewhere);
        let fields: Vec<_> =
            kept.iter().map(|pointer| ((*pointer).to_owned(), own.pointer(pointer).cloned())).collect();
        reply.body = super::frame::with_fields(&reply.body, &fields);
        reply
    }

    /// Who sends a request: the user and the token.
    fn who(&mut self, incoming: &Incoming) -> Option<(String, String)> {
        let service = self.service;
        if service.sessions.is_empty() {
            return Some(Default::default());
        }
        service.sessions.iter().find_map(|way| match *way {
            Session::Cookie { name, csrf } => {
                let cookies =
                    incoming.header("cookie")?.split(';').filter_map(|one| one.trim().split_once('='));
                let token = decoded(cookies.into_iter().find(|(known, _)| *known == name)?.1);
                let session = self.sessions.iter().find(|(_, known)| *known == token)?.clone();
                let right = |header| incoming.header(header) == Some(csrf_of(&token).as_str());
                csrf.is_none_or(|header| incoming.method == "GET" || right(header)).then_some(session)
            }
            Session::Header(name, before) => {
                let token = incoming.header(name)?.strip_prefix(before)?;
                self.sessions.iter().find(|(_, known)| known == token).cloned()
            }
            Session::Fixed(name, before) => {
                let token = incoming.header(name)?.strip_prefix(before)?;
                let user = token.split_once('!').map_or(token, |(user, _)| user);
                let known = self.tokens.iter().any(|known| known == token);
                known.then(|| (user.to_owned(), token.to_owned()))
            }
            Session::Basic => {
                let given = incoming.header("authorization")?.strip_prefix("Basic ")?;
                let given = String::from_utf8(base64::decode_block(given).ok()?).ok()?;
                let (user, password) = given.split_once(':')?;
                self.judge(user, password).then(|| (user.to_owned(), String::new()))
            }
        })
    }

    fn judge(&mut self, user: &str, password: &str) -> bool {
        let good = self.accounts.iter().any(|(known, secret)| known == user && secret == password);
        self.logins.push((user.to_owned(), good));
        good
    }

    fn log_in(&mut self, user: &str, password: &str) -> Option<(String, String)> {
        if !self.judge(user, password) {
            return None;
        }
        self.sessions_made += 1;
        let session = (user.to_owned(), format!("ticket:{user}:{:08X}::c2lnbmVk+/=", self.sessions_made));
        self.sessions.push(session.clone());
        Some(session)
    }

    fn write(&mut self, answer: &Answer, named: &mut Named) -> Reply {
        let format = self.service.format;
        let mut body = String::new();
        for part in answer.body {
            match part {
                Part::Text(text) => body += &self.filled(text, format, named),
                Part::Each(row, between) | Part::EachNode(row, between) => {
                    let node = |at: &usize| self.machines.get(*at).map(|machine| machine.node.clone());
                    let first = |at: &usize| (0..*at).all(|before| node(&before) != node(at));
                    let every = matches!(part, Part::Each(..));
                    let shown: Vec<usize> =
                        (0..self.machines.len()).filter(|at| every || first(at)).collect();
                    let kept = named.machine;
                    let rows = shown.into_iter().map(|at| {
                        named.machine = Some(at);
                        self.filled(row, format, named)
                    });
                    body += &rows.collect::<Vec<_>>().join(between);
                    named.machine = kept;
                }
            }
        }
        let mut reply = Reply::new(answer.status, body);
        answer.reason.clone_into(&mut reply.reason);
        reply.content_type = match format {
            Format::Json => "application/json;charset=UTF-8",
            Format::Xml => "text/xml",
            Format::Text => "text/html",
        };
        for (name, value) in answer.headers {
            let value = self.filled(value, Format::Text, named);
            reply = reply.with(name, value);
        }
        reply
    }

    /// A text with what stands in its parentheses.
    fn filled(&mut self, text: &str, format: Format, named: &Named) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, (key, after))) =
            rest.split_once("$(").and_then(|(before, from)| Some((before, from.split_once(')')?)))
        {
            filled += before;
            filled += &escaped(&self.value(key, named), format);
            rest = after;
        }
        filled + rest
    }

    fn value(&mut self, key: &str, named: &Named) -> String {
        let words = self.service.words;
        match key {
            "user" => return named.user.clone(),
            "token" => return named.token.clone(),
            "csrf" => return csrf_of(&named.token),
            "task" => return named.task.as_ref().map(|(id, _)| id.clone()).unwrap_or_default(),
            "exit" => return named.task.as_ref().map(|(_, task)| task.exit.clone()).unwrap_or_default(),
            _ => {}
        }
        let Some(machine) = named.machine.and_then(|at| self.machines.get_mut(at)) else {
            return String::new();
        };
        // A state that a test has put there by hand stays.
        if let Some(value) = machine.more.get(key) {
            return value.clone();
        }
        match key {
            "id" => machine.id.clone(),
            "name" => machine.name.clone(),
            "node" => machine.node.clone(),
            "state" => match (machine.power.coming(), machine.power.is_on()) {
                (Some(true), false) => words.to_on,
                (Some(false), true) => words.to_off,
                (_, true) => words.on,
                (_, false) => words.off,
            }
            .to_owned(),
            "uptime" => {
                let since = machine.power.history().last().copied();
                let up = since.filter(|(_, on)| *on).map(|(at, _)| at.elapsed().as_secs());
                up.unwrap_or_default().to_string()
            }
            _ => String::new(),
        }
    }
}

/// The second token of a session.
fn csrf_of(token: &str) -> String {
    format!("csrf-of-{}", token.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"))
}

/// What the parts of a path are that a route leaves open; `None` where the path isn't the route's.
fn parts<'a>(route: &'a str, path: &str) -> Option<Vec<(&'a str, String)>> {
    let path = path.split('?').next().unwrap_or_default();
    let (mut wanted, mut found) = (route.split('/'), path.split('/'));
    let mut parts = Vec::new();
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return Some(parts),
            (Some(open), Some(part)) if open.starts_with('{') && !part.is_empty() => {
                parts.push((open, decoded(part)));
            }
            (Some(wanted), Some(part)) if wanted == part => {}
            _ => return None,
        }
    }
}

/// What a field of a request holds.
fn field(incoming: &Incoming, field: Field) -> Option<String> {
    let among = |pairs: &str, name: &str| {
        let pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(key, _)| decoded(key) == name);
        found.next().map(|(_, value)| decoded(&value.replace('+', " ")))
    };
    match field {
        Field::Query(name) => among(incoming.path.split_once('?')?.1, name),
        Field::Form(name) => among(&incoming.body, name),
        Field::Json(pointer) => {
            let body: Value = serde_json::from_str(&incoming.body).ok()?;
            let value = body.pointer(pointer)?;
            Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        }
        Field::Attribute(name) => {
            let from = incoming.body.split_once(&format!(" {name}="))?.1;
            let quote = from.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
            Some(unescaped(from.get(1..)?.split_once(quote)?.0))
        }
        Field::Element(name) => {
            let from = incoming.body.split_once(&format!("<{name}>"))?.1;
            Some(unescaped(from.split_once(&format!("</{name}>"))?.0))
        }
    }
}

const ENTITIES: [(&str, &str); 5] =
    [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&apos;")];

fn escaped(value: &str, format: Format) -> String {
    match format {
        Format::Json => {
            let quoted = Value::from(value).to_string();
            quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
        }
        Format::Xml => ENTITIES.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to)),
        Format::Text => value.to_owned(),
    }
}

fn unescaped(value: &str) -> String {
    // The ampersand last, lest what it brings be taken for another.
    ENTITIES.iter().rev().fold(value.to_owned(), |text, (to, from)| text.replace(from, to))
}

/// A text without its percent signs (RFC 3986, section 2.1).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
