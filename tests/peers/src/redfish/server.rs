//! A Redfish service in a thread of this process. It keeps the true state of its machines apart from what it says,
//! writes down every request, and misbehaves as told.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use openssl::base64;
use openssl::ssl::{SslAcceptor, SslMethod, SslOptions, SslVersion};
use serde_json::{Value, json};

use super::http::{Incoming, answer, head};
use super::setup::{
    Act, Credential, Cycle, Login, PASSWORD, Request, ResetAnswer, Rule, Setup, USER, error_body,
};

/// The running service. It ends when dropped.
pub struct Server {
    port: u16,
    https: bool,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    origin: String,
}

struct State {
    setup: Setup,
    stopped: bool,
    connections: usize,
    handshakes_failed: usize,
    requests: Vec<Request>,
    judgements: usize,
    sessions: BTreeMap<usize, String>,
    sessions_made: usize,
    power: BTreeMap<String, Power>,
    tasks: BTreeMap<String, (usize, &'static str)>,
    version: usize,
}

struct Power {
    on: bool,
    next: Option<(Instant, bool)>,
    back: Option<Instant>,
    resets: Vec<String>,
    changes: Vec<(Instant, bool)>,
}

impl Setup {
    /// Starts the service on a free port of the loopback address.
    pub fn start(self) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = self.certificate.as_ref().map(|certificate| {
            let mut builder = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
            // A key that is too short for the system's policy is the client's business here.
            builder.set_security_level(0);
            if self.old_tls {
                builder.clear_options(SslOptions::NO_TLSV1);
                builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
                builder.set_max_proto_version(Some(SslVersion::TLS1)).unwrap();
                builder.set_cipher_list("DEFAULT@SECLEVEL=0").unwrap();
            }
            builder.set_private_key(&certificate.key).unwrap();
            builder.set_certificate(&certificate.certificate).unwrap();
            builder.build()
        });
        let https = acceptor.is_some();
        let origin = format!("{}://127.0.0.1:{port}", if https { "https" } else { "http" });
        let power = self
            .resources
            .iter()
            .filter(|(_, resource)| resource.get("PowerState").is_some())
            .map(|(place, resource)| (place.clone(), Power::new(resource["PowerState"] == "On")))
            .collect();
        let state = State {
            setup: self,
            stopped: false,
            connections: 0,
            handshakes_failed: 0,
            requests: Vec::new(),
            judgements: 0,
            sessions: BTreeMap::new(),
            sessions_made: 0,
            power,
            tasks: BTreeMap::new(),
            version: 1,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), origin });
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = {
                    let mut state = served.state();
                    if state.stopped {
                        return;
                    }
                    state.connections += 1;
                    state.connections
                };
                let (served, acceptor) = (Arc::clone(&served), acceptor.clone());
                thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
                    let _ = stream.set_nodelay(true);
                    match acceptor {
                        None => served.serve(stream, number),
                        Some(acceptor) => match acceptor.accept(stream) {
                            Ok(stream) => served.serve(stream, number),
                            Err(_) => {
                                served.state().handshakes_failed += 1;
                                Ok(())
                            }
                        },
                    }
                });
            }
        });
        Server { port, https, shared }
    }
}

impl Power {
    fn new(on: bool) -> Power {
        Power { on, next: None, back: None, resets: Vec::new(), changes: Vec::new() }
    }

    fn turn(&mut self, on: bool, at: Instant) {
        if self.on != on {
            self.changes.push((at, on));
        }
        self.on = on;
    }

    fn settle(&mut self) {
        if let Some((at, on)) = self.next.take_if(|(when, _)| *when <= Instant::now()) {
            self.turn(on, at);
        }
        if let Some(at) = self.back.take_if(|when| *when <= Instant::now()) {
            self.turn(true, at);
        }
    }
}

impl Server {
    /// The TCP port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `https://127.0.0.1:12345`
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// Whether it speaks HTTPS.
    pub fn is_https(&self) -> bool {
        self.https
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
        power.on
    }

    /// When a machine's power really changed, and to what.
    pub fn power_changes(&self, path: &str) -> Vec<(Instant, bool)> {
        let mut state = self.shared.state();
        let power = state.power.get_mut(path).unwrap();
        power.settle();
        power.changes.clone()
    }

    /// Turns a machine on or off by hand.
    pub fn set_power(&self, path: &str, on: bool) {
        let mut state = self.shared.state();
        let power = state.power.get_mut(path).unwrap();
        power.next = None;
        power.turn(on, Instant::now());
    }

    /// The reset types that were carried out on a machine.
    pub fn resets(&self, path: &str) -> Vec<String> {
        self.shared.state().power[path].resets.clone()
    }

    /// How many TCP connections have come in.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// How many of them never got through the TLS handshake.
    pub fn handshakes_failed(&self) -> usize {
        self.shared.state().handshakes_failed
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

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// What an answer is made of.
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    fn new(status: u16, body: String) -> Reply {
        Reply { status, headers: Vec::new(), body }
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn serve(&self, mut stream: impl Read + Write, connection: usize) -> io::Result<()> {
        while let Some(incoming) = Incoming::read(&mut stream)? {
            let (reply, act) = {
                let mut state = self.state();
                if state.stopped {
                    return Ok(());
                }
                state.note(&incoming, connection);
                let rule = state.take_rule(&incoming);
                let reply = match &rule {
                    Some(Rule { obey: false, act: Act::Answer(..), .. }) => Reply::new(0, String::new()),
                    Some(Rule { obey: false, .. }) if incoming.method != "GET" => {
                        Reply::new(0, String::new())
                    }
                    _ => state.reply(&incoming),
                };
                (reply, rule.map(|rule| rule.act))
            };
            let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
            let Some(act) = act else {
                headers.extend(reply.headers);
                answer(&mut stream, reply.status, &headers, &reply.body)?;
                continue;
            };
            match act {
                Act::Answer(status, more, body) => {
                    headers.extend(more);
                    answer(&mut stream, status, &headers, &body)?;
                    continue;
                }
                Act::Stray(body) => {
                    headers.extend(reply.headers);
                    let length = |body: &str| ("Content-Length".to_owned(), body.len().to_string());
                    let usual = [headers.clone(), vec![length(&reply.body)]].concat();
                    let stray = [headers, vec![length(&body)]].concat();
                    let both = head(reply.status, &usual) + &reply.body + &head(200, &stray) + &body;
                    stream.write_all(both.as_bytes())?;
                    stream.flush()?;
                    continue;
                }
                Act::Huge => {
                    headers.push(("Transfer-Encoding".into(), "chunked".into()));
                    stream.write_all(head(200, &headers).as_bytes())?;
                    let chunk = format!("{:x}\r\n{}\r\n", 1_000_000, " ".repeat(1_000_000));
                    (0..100).try_for_each(|_| stream.write_all(chunk.as_bytes()))?;
                }
                Act::HugeAnnounced => {
                    headers.push(("Content-Length".into(), "100000000".into()));
                    stream.write_all(head(200, &headers).as_bytes())?;
                    let chunk = " ".repeat(1_000_000);
                    (0..100).try_for_each(|_| stream.write_all(chunk.as_bytes()))?;
                }
                Act::Drip => {
                    headers.push(("Content-Length".into(), "1000000".into()));
                    stream.write_all(head(200, &headers).as_bytes())?;
                    self.drip(&mut stream)?;
                }
                Act::DripHead => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ")?;
                    self.drip(&mut stream)?;
                }
                Act::CutShort => {
                    headers.push(("Content-Length".into(), reply.body.len().to_string()));
                    let half = reply.body.get(..reply.body.len() / 2).unwrap_or_default();
                    stream.write_all((head(200, &headers) + half).as_bytes())?;
                }
                Act::CutJson => {
                    headers.push(("Connection".into(), "close".into()));
                    let half = reply.body.get(..reply.body.len() / 2).unwrap_or_default();
                    stream.write_all((head(200, &headers) + half).as_bytes())?;
                }
                Act::Close => {}
                Act::Silence => {
                    while !self.state().stopped {
                        thread::sleep(Duration::from_millis(20));
                    }
                }
            }
            return stream.flush();
        }
        Ok(())
    }

    fn drip(&self, stream: &mut impl Write) -> io::Result<()> {
        while !self.state().stopped {
            stream.write_all(b" ")?;
            stream.flush()?;
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl State {
    fn note(&mut self, incoming: &Incoming, connection: usize) {
        let credential = match (incoming.header("authorization"), incoming.header("x-auth-token")) {
            (None, None) => Credential::None,
            (Some(value), None) if value.starts_with("Basic ") => Credential::Basic,
            (None, Some(_)) => Credential::Token,
            _ => Credential::Other,
        };
        self.requests.push(Request {
            connection,
            method: incoming.method.clone(),
            path: incoming.path.clone(),
            credential,
            if_match: incoming.header("if-match").map(str::to_owned),
            body: incoming.body.clone(),
            raw: format!("{} {} {:?} {}", incoming.method, incoming.path, incoming.headers, incoming.body),
        });
    }

    fn take_rule(&mut self, incoming: &Incoming) -> Option<Rule> {
        let fits =
            |rule: &&mut Rule| rule.method == incoming.method && rule.path == incoming.path && rule.times > 0;
        let rule = self.setup.rules.iter_mut().find(fits)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.clone())
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
                    None if power.on => "On".into(),
                    None => "Off".into(),
                };
            }
        }
        Reply::new(200, resource.to_string()).with("ETag", format!("W/\"{}\"", self.version))
    }

    fn reset(&mut self, incoming: &Incoming, path: &str) -> Reply {
        let target_of = |resource: &Value| {
            let target = resource.pointer("/Actions/#ComputerSystem.Reset/target").and_then(Value::as_str);
            target.is_some_and(|target| target.trim_end_matches('/').ends_with(path))
        };
        let found = self.setup.resources.iter().find(|(_, resource)| target_of(resource));
        let Some(place) = found.map(|(place, _)| place.clone()) else {
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
        let cycle = self.setup.cycle;
        let power = self.power.entry(place.clone()).or_insert_with(|| Power::new(true));
        power.settle();
        let wanted = match kind.as_str() {
            "On" | "ForceOn" | "ForceRestart" | "PowerCycle" => true,
            "ForceOff" => false,
            "Nmi" => power.on,
            _ => {
                return Reply::new(
                    400,
                    error_body("Base.1.18.ActionParameterNotSupported", "No such reset."),
                );
            }
        };
        let switches = matches!(kind.as_str(), "On" | "ForceOn" | "ForceOff");
        if let Some(status) = self.setup.already.filter(|_| switches && power.on == wanted) {
            return Reply::new(status, error_body("IDRAC.2.8.PSU501", "It is in that state."));
        }
        if matches!(kind.as_str(), "PowerCycle" | "ForceRestart") {
            match cycle {
                Cycle::Nothing => {}
                Cycle::Off(time) => {
                    power.turn(false, Instant::now());
                    power.resets.push(kind);
                    power.back = Some(Instant::now() + time);
                    return Reply::new(204, String::new());
                }
                Cycle::Stamped | Cycle::Drifting => {
                    let stamped = cycle == Cycle::Stamped;
                    let time =
                        if stamped { "2026-01-02T00:00:00+00:00" } else { "2026-01-01T00:00:01+00:00" };
                    if let Some(system) = self.setup.resources.get_mut(&place) {
                        system["LastResetTime"] = json!(time);
                    }
                }
            }
        }
        power.resets.push(kind);
        if power.on != wanted {
            power.next = Some((Instant::now() + delay, wanted));
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
