//! A Redfish service in a thread of this process. It keeps the true state of its machines apart from what it says,
//! writes down every request, and misbehaves as told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use openssl::base64;
use serde_json::{Value, json};

use super::setup::{Credential, Cycle, Login, PASSWORD, Request, ResetAnswer, Setup, USER, error_body};
use crate::service::{
    Act, Frame, Handled, Incoming, Manners, Reply, Rule, Served, Tls, status_of, take_rule, with_fields,
};

/// The running service. It ends when dropped.
pub struct Server {
    frame: Frame,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
}

struct State {
    setup: Setup,
    requests: Vec<Request>,
    judgements: usize,
    refused_logins: usize,
    sessions: BTreeMap<usize, String>,
    sessions_made: usize,
    power: BTreeMap<String, Power>,
    /// Every reset that has come in, with its machine.
    commands: Vec<(String, Command)>,
    /// The positions of the rules that have counted.
    counted: Vec<usize>,
    tasks: BTreeMap<String, (usize, &'static str)>,
    version: usize,
}

/// A reset that has come in, carried out or not.
#[derive(Clone, Debug)]
pub struct Command {
    /// When.
    pub at: Instant,
    /// Its type.
    pub kind: String,
    /// With what status it was answered, or was to be.
    pub answered: Option<u16>,
}

struct Power {
    /// The true state from each of these moments on.
    history: Vec<(Instant, bool)>,
    /// On its way there, and says so.
    next: Option<(Instant, bool)>,
    /// Will be there by itself, of which it says nothing.
    back: Option<(Instant, bool)>,
    resets: Vec<String>,
}

impl Setup {
    /// Starts the service on a free port of the loopback address.
    pub fn start(self) -> Server {
        let tls =
            Tls { certificate: self.certificate.clone(), old: self.old_tls, weak_group: self.weak_group };
        let power = self
            .resources
            .iter()
            .filter(|(_, resource)| resource.get("PowerState").is_some())
            .map(|(place, resource)| (place.clone(), Power::new(resource["PowerState"] == "On")))
            .collect();
        let state = State {
            setup: self,
            requests: Vec::new(),
            judgements: 0,
            refused_logins: 0,
            sessions: BTreeMap::new(),
            sessions_made: 0,
            power,
            commands: Vec::new(),
            counted: Vec::new(),
            tasks: BTreeMap::new(),
            version: 1,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        Server { frame: Frame::start(&tls, Arc::clone(&shared)), shared }
    }
}

impl Power {
    fn new(on: bool) -> Power {
        Power { history: vec![(Instant::now(), on)], next: None, back: None, resets: Vec::new() }
    }

    fn on(&self) -> bool {
        self.history.last().is_some_and(|(_, on)| *on)
    }

    fn set(&mut self, when: Instant, on: bool) {
        if self.on() != on {
            self.history.push((when, on));
        }
    }

    /// Does what is due by now, in the order in which it was due.
    fn settle(&mut self) {
        let now = Instant::now();
        let next = self.next.take_if(|(when, _)| *when <= now);
        let back = self.back.take_if(|(when, _)| *when <= now);
        let mut due: Vec<(Instant, bool)> = next.into_iter().chain(back).collect();
        due.sort_unstable();
        for (when, on) in due {
            self.set(when, on);
        }
    }
}

impl Server {
    /// The TCP port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.frame.port()
    }

    /// `https://127.0.0.1:12345`
    pub fn origin(&self) -> &str {
        self.frame.origin()
    }

    /// Whether it speaks HTTPS.
    pub fn is_https(&self) -> bool {
        self.frame.is_https()
    }

    /// Changes a resource.
    pub fn edit(&self, path: &str, change: impl FnOnce(&mut Value)) {
        change(self.shared.state().setup.resources.get_mut(path).unwrap());
    }

    /// Adds a resource.
    pub fn add(&self, path: &str, resource: Value) {
        self.shared.state().setup.resources.insert(path.to_owned(), resource);
    }

    /// Adds a departure from the usual. The first that fits counts.
    pub fn rule(&self, rule: Rule) {
        self.shared.state().setup.rules.push(rule);
    }

    /// Whether the machine really has power, whatever the service says.
    pub fn is_on(&self, path: &str) -> bool {
        let mut state = self.shared.state();
        let power = state.power.get_mut(path).unwrap();
        power.settle();
        power.on()
    }

    /// Gives a machine power or takes it, not by a reset.
    pub fn switch(&self, path: &str, on: bool) {
        self.shared.state().power.get_mut(path).unwrap().set(Instant::now(), on);
    }

    /// A machine's true state: from each of these moments on.
    pub fn history(&self, path: &str) -> Vec<(Instant, bool)> {
        let mut state = self.shared.state();
        let power = state.power.get_mut(path).unwrap();
        power.settle();
        power.history.clone()
    }

    /// The resets that have come in for a machine.
    pub fn commands(&self, path: &str) -> Vec<Command> {
        let state = self.shared.state();
        state.commands.iter().filter(|(place, _)| place == path).map(|(_, command)| command.clone()).collect()
    }

    /// The reset types that were carried out on a machine.
    pub fn resets(&self, path: &str) -> Vec<String> {
        self.shared.state().power[path].resets.clone()
    }

    /// The positions of the rules that have counted, each time that one did.
    pub fn counted(&self) -> Vec<usize> {
        self.shared.state().counted.clone()
    }

    /// How many TCP connections have come in.
    pub fn connections(&self) -> usize {
        self.frame.connections()
    }

    /// How many of them never got through the TLS handshake.
    pub fn handshakes_failed(&self) -> usize {
        self.frame.handshakes_failed()
    }

    /// All requests, in their order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// `GET /redfish/v1`, one for each request.
    pub fn log(&self) -> Vec<String> {
        self.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    /// How often a user name and password have been held against the account: what locks one.
    pub fn judgements(&self) -> usize {
        self.shared.state().judgements
    }

    /// How often a request that carried the password was answered with 401, by a rule or by the service itself.
    pub fn refused_logins(&self) -> usize {
        self.shared.state().refused_logins
    }

    /// How many sessions are open.
    pub fn open_sessions(&self) -> usize {
        self.shared.state().sessions.len()
    }

    /// How many sessions have ever been opened.
    pub fn sessions_made(&self) -> usize {
        self.shared.state().sessions_made
    }

    /// Forgets all sessions, as after a restart.
    pub fn forget_sessions(&self) {
        self.shared.state().sessions.clear();
    }
}

const ROOT: &str = "/redfish/v1";

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Served for Shared {
    fn manners(&self) -> Manners {
        let setup = &self.state().setup;
        Manners { slow: setup.slow, resets_connections: setup.resets_connections }
    }

    fn handle(&self, incoming: &Incoming, connection: usize) -> Handled {
        let mut state = self.state();
        let command = state.note(incoming, connection);
        let before = (state.judgements, state.sessions_made);
        let rule = state.take_rule(incoming);
        let reply = match &rule {
            Some(Rule { act: Act::As(place, kept), .. }) => state.show_as(&incoming.path, place, kept),
            Some(Rule { act: Act::Forget, .. }) => {
                state.sessions.clear();
                state.reply(incoming)
            }
            Some(Rule { obey: false, act: Act::Answer(..), .. }) => Reply::new(0, String::new()),
            Some(Rule { obey: false, .. }) if incoming.method != "GET" => Reply::new(0, String::new()),
            _ => state.reply(incoming),
        };
        let act = rule.map(|rule| rule.act);
        let refused = match &act {
            Some(Act::Answer(status, ..)) => *status == 401,
            Some(Act::Raw(bytes)) => status_of(bytes) == Some(401),
            None | Some(Act::As(..) | Act::With(_) | Act::Twice(..) | Act::Stray(_) | Act::Forget) => {
                reply.status == 401
            }
            // Whatever it is, it isn't that.
            Some(_) => false,
        };
        state.refused_logins += usize::from(refused && carries_password(incoming));
        if let Some((_, command)) = command.and_then(|at| state.commands.get_mut(at)) {
            command.answered = match &act {
                None => Some(reply.status),
                Some(Act::Answer(status, ..)) => Some(*status),
                // The head is there, and says so, whatever becomes of the body.
                Some(Act::CutShort | Act::CutJson | Act::Huge | Act::HugeAnnounced | Act::Drip) => Some(200),
                Some(Act::Raw(bytes)) => status_of(bytes),
                Some(_) => Some(reply.status).filter(|status| *status > 0),
            };
        }
        let refused = reply.status == 401 && state.judgements > before.0;
        let login = (refused || state.sessions_made > before.1).then_some(state.setup.slow_logins);
        Handled { reply, act, pause: login.unwrap_or_default() }
    }
}

/// Whether a request carries a password: in a header, or to open a session.
fn carries_password(incoming: &Incoming) -> bool {
    incoming.header("authorization").is_some() || incoming.body.contains("\"Password\"")
}

impl State {
    /// Writes a request down. Tells which command it is, if it is one.
    fn note(&mut self, incoming: &Incoming, connection: usize) -> Option<usize> {
        let commands = self.commands.len();
        let credential = match (incoming.header("authorization"), incoming.header("x-auth-token")) {
            (None, None) => Credential::None,
            (Some(value), None) if value.starts_with("Basic ") => Credential::Basic,
            (None, Some(_)) => Credential::Token,
            _ => Credential::Other,
        };
        if incoming.method == "POST"
            && let Some(place) = self.machine_of(&incoming.path)
        {
            let asked: Value = serde_json::from_str(&incoming.body).unwrap_or_default();
            let kind = asked["ResetType"].as_str().unwrap_or_default().to_owned();
            self.commands.push((place, Command { at: Instant::now(), kind, answered: None }));
        }
        self.requests.push(Request {
            connection,
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            credential,
            if_match: incoming.header("if-match").map(str::to_owned),
            body: incoming.body.clone(),
            raw: format!("{} {} {:?} {}", incoming.method, incoming.path, incoming.headers, incoming.body),
        });
        (self.commands.len() > commands).then_some(commands)
    }

    fn take_rule(&mut self, incoming: &Incoming) -> Option<Rule> {
        // This request is among the commands already where it is one.
        let before = self.commands.is_empty();
        // The root has two spellings, of which one may be a redirect to the other.
        let is_there =
            |rule: &Rule| rule.path == ROOT && incoming.path == "/redfish/v1/" && !rule.act.redirects();
        let (at, rule) = take_rule(&mut self.setup.rules, incoming, before, is_there)?;
        self.counted.push(at);
        Some(rule)
    }

    fn reply(&mut self, incoming: &Incoming) -> Reply {
        let path = match incoming.path.trim_end_matches('/') {
            "" => "/",
            path => path,
        };
        let sessions = "/redfish/v1/SessionService/Sessions";
        if incoming.method == "POST" && path == sessions && self.setup.resources.contains_key("/redfish/v1") {
            return self.log_in(incoming, sessions);
        }
        if path != "/redfish/v1" && !self.knows(incoming) {
            let refusal = Reply::new(401, error_body("Base.1.18.AccessDenied", "Who are you?"));
            return match self.setup.login {
                Login::Basic => refusal.with("WWW-Authenticate", "Basic realm=\"redfish, for tests\""),
                _ => refusal,
            };
        }
        match incoming.method.as_str() {
            "GET" => self.show(path),
            "DELETE" => self.log_out(path, sessions),
            "POST" => self.reset(incoming, path),
            _ => Reply::new(405, error_body("Base.1.18.OperationNotAllowed", "Not here.")),
        }
    }

    fn knows(&mut self, incoming: &Incoming) -> bool {
        if let Some(token) = incoming.header("x-auth-token") {
            return self.sessions.values().any(|known| known == token);
        }
        let basic = incoming.header("authorization").and_then(|value| value.strip_prefix("Basic "));
        match (self.setup.login, basic) {
            (Login::Open, _) => true,
            (Login::Basic | Login::BasicUnadvertised, Some(given)) => {
                self.judgements += 1;
                given == base64::encode_block(format!("{USER}:{PASSWORD}").as_bytes())
            }
            _ => false,
        }
    }

    fn log_in(&mut self, incoming: &Incoming, sessions: &str) -> Reply {
        let asked: Value = serde_json::from_str(&incoming.body).unwrap_or_default();
        self.judgements += 1;
        if asked != json!({"UserName": USER, "Password": PASSWORD}) {
            let text = format!("The value {} for Password is not right.", asked["Password"]);
            return Reply::new(401, error_body("Base.1.18.ResourceAtUriUnauthorized", &text));
        }
        self.sessions_made += 1;
        let number = self.sessions_made;
        let token = format!("token-of-session-{number}");
        self.sessions.insert(number, token.clone());
        let place = format!("{sessions}/{number}");
        Reply::new(201, json!({"@odata.id": place, "UserName": USER}).to_string())
            .with("Location", place)
            .with("X-Auth-Token", token)
    }

    fn log_out(&mut self, path: &str, sessions: &str) -> Reply {
        let number = path.strip_prefix(sessions).and_then(|rest| rest.trim_matches('/').parse().ok());
        match number.and_then(|number: usize| self.sessions.remove(&number)) {
            Some(_) => Reply::new(204, String::new()),
            None => Reply::new(404, error_body("Base.1.18.ResourceMissingAtURI", "There is none.")),
        }
    }

    fn show(&mut self, path: &str) -> Reply {
        if let Some((looks, state)) = self.tasks.get_mut(path) {
            if *looks > 0 {
                *looks -= 1;
                return Reply::new(202, json!({"TaskState": "Running"}).to_string());
            }
            return Reply::new(200, json!({"TaskState": state}).to_string());
        }
        let Some(mut resource) = self.setup.resources.get(path).cloned() else {
            return Reply::new(404, error_body("Base.1.18.ResourceMissingAtURI", "There is none."));
        };
        if let (Some(power), Some(said)) = (self.power.get_mut(path), resource.get_mut("PowerState")) {
            power.settle();
            // A state that a test has put there by hand stays.
            if said == "On" || said == "Off" {
                *said = match power.next {
                    Some((_, true)) => "PoweringOn".into(),
                    Some((_, false)) => "PoweringOff".into(),
                    None if power.on() => "On".into(),
                    None => "Off".into(),
                };
            }
        }
        Reply::new(200, resource.to_string()).with("ETag", format!("W/\"{}\"", self.version))
    }

    /// What stands at `place`, but with these fields as they are at `path`.
    fn show_as(&mut self, path: &str, place: &str, kept: &[&str]) -> Reply {
        let own: Value = serde_json::from_str(&self.show(path).body).unwrap_or_default();
        let mut reply = self.show(place);
        let fields: Vec<_> = kept.iter().map(|name| (format!("/{name}"), own.get(name).cloned())).collect();
        reply.body = with_fields(&reply.body, &fields);
        reply
    }

    /// The machine that is reset here.
    fn machine_of(&self, path: &str) -> Option<String> {
        let path = path.trim_end_matches('/');
        let target_of = |resource: &Value| {
            let target = resource.pointer("/Actions/#ComputerSystem.Reset/target").and_then(Value::as_str);
            target.is_some_and(|target| target.trim_end_matches('/').ends_with(path))
        };
        let found = self.setup.resources.iter().find(|(_, resource)| target_of(resource));
        found.map(|(place, _)| place.clone())
    }

    fn reset(&mut self, incoming: &Incoming, path: &str) -> Reply {
        let Some(place) = self.machine_of(path) else {
            return Reply::new(404, error_body("Base.1.18.ResourceMissingAtURI", "There is none."));
        };
        let current = format!("W/\"{}\"", self.version);
        if let Some(status) = self.setup.wants_etag.filter(|_| incoming.header("if-match") != Some(&current))
        {
            return Reply::new(status, error_body("Base.1.18.PreconditionFailed", "Which version?"));
        }
        let asked: Value = serde_json::from_str(&incoming.body).unwrap_or_default();
        let kind = asked["ResetType"].as_str().unwrap_or_default().to_owned();
        let (delay, version) = (self.setup.delay, self.version + 1);
        let Setup { cycle, deaf, reverts, .. } = self.setup;
        let power = self.power.entry(place.clone()).or_insert_with(|| Power::new(true));
        power.settle();
        let wanted = match kind.as_str() {
            "On" | "ForceOn" | "ForceRestart" | "PowerCycle" => true,
            "ForceOff" => false,
            "Nmi" => power.on(),
            _ => {
                return Reply::new(
                    400,
                    error_body("Base.1.18.ActionParameterNotSupported", "No such reset."),
                );
            }
        };
        let switches = matches!(kind.as_str(), "On" | "ForceOn" | "ForceOff");
        if let Some(status) = self.setup.already.filter(|_| switches && power.on() == wanted) {
            return Reply::new(status, error_body("IDRAC.2.8.PSU501", "It is in that state."));
        }
        if matches!(kind.as_str(), "PowerCycle" | "ForceRestart") {
            match cycle {
                Cycle::Nothing => {}
                _ if deaf => {}
                Cycle::Off(time) => {
                    let now = Instant::now();
                    power.set(now, false);
                    power.resets.push(kind);
                    power.back = Some((now + time, true));
                    return Reply::new(204, String::new());
                }
                Cycle::Stamped | Cycle::Drifting => {
                    let stamped = cycle == Cycle::Stamped;
                    if stamped {
                        let now = Instant::now();
                        power.set(now, false);
                        power.set(now + Duration::from_nanos(1), true);
                    }
                    let time =
                        if stamped { "2026-01-02T00:00:00+00:00" } else { "2026-01-01T00:00:01+00:00" };
                    if let Some(system) = self.setup.resources.get_mut(&place) {
                        system["LastResetTime"] = json!(time);
                    }
                }
            }
        }
        if !deaf {
            power.resets.push(kind);
        }
        if power.on() != wanted && !deaf {
            let due = Instant::now() + delay;
            power.next = Some((due, wanted));
            power.back = reverts.map(|after| (due + after, !wanted)).or(power.back);
            power.settle();
        }
        self.version = version;
        match self.setup.reset {
            ResetAnswer::Status(204) => Reply::new(204, String::new()),
            ResetAnswer::Status(status) => {
                Reply::new(status, error_body("Base.1.18.Success", "As you wish."))
            }
            ResetAnswer::Task(looks, end) => {
                let place = format!("/redfish/v1/TaskService/Tasks/{version}");
                self.tasks.insert(place.clone(), (looks, end));
                Reply::new(202, json!({"TaskState": "New"}).to_string()).with("Location", place)
            }
        }
    }
}
