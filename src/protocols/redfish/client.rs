//! The client: what to ask, in which order, and how to prove who we are.

mod survey;

pub use survey::{Account, Login, Manager};

use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use ::http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, IF_MATCH};
use log::{debug, warn};
use serde_json::{Value, json};

use super::answer::{AUTH_TOKEN, Answer as _};
use super::error::Error;
use super::resource::{
    Allowed, Progress, Reset, ResetType, Root, System, Task, allowed_of_action_info, odata_id, task_progress,
};
use crate::base::{Deadline, Secret, told};
use crate::protocols::http::{self, Address, Body, Link, Origins, Request, Response, Transport};

/// What a service is called in messages.
pub(super) const SERVICE: &str = "Redfish";
/// How many redirects one request may take.
const REDIRECTS: usize = 3;
/// How many pages a collection may have.
const PAGES: usize = 50;
/// How many members a collection may have.
const MEMBERS: usize = 1000;
/// How often credentials are sent again that the service had accepted before in the same run: no account locks of that.
const DOUBTS: u8 = 2;
/// What ending a session may take, also where the deadline has passed: services have few slots for sessions.
const FAREWELL: Duration = Duration::from_secs(2);
/// The first and the longest pause between two looks at a task that doesn't name its own.
const TASK_PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// Messages that are a verdict on user name and password, by their suffix (iLO's registry, Base registry).
const WRONG_PASSWORD: [&str; 4] =
    ["UnauthorizedLoginAttempt", "AuthenticationFailed", "InvalidUserNameOrPassword", "AccountLocked"];

/// Where the service is and how to talk to it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host and port.
    pub address: Address,
    /// HTTPS and whom to trust, or HTTP.
    pub transport: Transport,
    /// The path of the service root, usually `/redfish/v1`.
    pub root: String,
    /// User name and password; `None` for a service that wants none.
    pub credentials: Option<Credentials>,
    /// The most that one request may take, from connecting to the last byte.
    pub request_limit: Duration,
    /// Whether `https_proxy` and its kin in the environment count.
    pub proxy_from_environment: bool,
}

impl Config {
    /// What can be told without sending anything: whether the credentials can be carried, and the root is a place.
    ///
    /// # Errors
    /// [`http::Error::BadCredentials`], [`http::Error::BadAddress`], [`http::Error::ForeignLink`] for a root that is no path.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(credentials) = &self.credentials {
            credentials.check()?;
        }
        self.link(&self.root).map(|_| ())
    }

    /// The link for a path or URL, if it lies on this service.
    ///
    /// # Errors
    /// [`http::Error::ForeignLink`] otherwise; [`http::Error::BadAddress`].
    pub fn link(&self, text: &str) -> Result<Link, Error> {
        Ok(self.origins()?.link(text)?)
    }

    pub(super) fn origins(&self) -> Result<Origins, Error> {
        Ok(self.http().origins()?)
    }

    fn http(&self) -> http::Config {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert("odata-version", HeaderValue::from_static("4.0"));
        http::Config {
            headers,
            request_limit: self.request_limit,
            proxy_from_environment: self.proxy_from_environment,
            ..http::Config::new(self.address.clone(), self.transport.clone(), SERVICE)
        }
    }
}

/// User name and password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// A client of one Redfish service.
///
/// # Who we are
///
/// A wrong password must not be tried over and over: accounts lock, and then nobody can switch the machine off.
/// So the password goes to the service's judgement as rarely as the protocol allows:
///
/// * The service root is read without it, as the specification allows (DSP0266, "Resources that require no
///   authentication").
/// * Everything else carries Basic authentication from the first request on.
/// * A 401 whose `WWW-Authenticate` offers Basic, or whose message is a verdict on the password, is such a
///   judgement: the end.
/// * Any other 401 comes from a service that doesn't take Basic. It gets one POST to its Sessions, if it has any,
///   and the token from then on. When that fails, it is the end.
/// * A request that may be judged so gets all the time that there is: services delay their refusals, and one that is
///   sent again meanwhile is judged again. A session that is opened for nobody would stay.
/// * After the end every further call returns the same error without sending anything.
/// * A session that the service forgets midway is opened again once: its password has been right before. So has one
///   that Basic was accepted with, and it is sent again twice.
///
/// A service that judges Basic, denies it, and names neither Basic nor the reason in its answer breaks RFC 9110
/// (11.6.1) and gets the password twice, the second time by POST. There is no third.
pub struct Client {
    http: http::Client,
    origins: Origins,
    /// By what name the service is asked, where it isn't by its address.
    name: Option<String>,
    root_link: Link,
    root: Option<Root>,
    credentials: Option<Credentials>,
    session: Option<Session>,
    /// Whether the service has accepted the credentials during this run.
    accepted: bool,
    /// Whether it has turned Basic down, so that only a session will do.
    basic_refused: bool,
    /// How many sessions have been opened.
    sessions_opened: u8,
    /// The refusal that ended it all.
    denied: Option<Error>,
    /// How often credentials that had been accepted were not.
    doubts: u8,
    /// Whether the service has answered the last reset itself.
    reset_answered: bool,
    /// Whether the service answers questions that go beyond fencing as if nobody had logged in.
    reserved: bool,
}

/// A way to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The number of its connection.
    connection: u64,
    /// Whether the service was known to keep its connections.
    kept: bool,
}

struct Session {
    token: HeaderValue,
    link: Option<Link>,
}

impl Client {
    /// Looks the name up and gets ready; nothing is sent yet.
    ///
    /// # Errors
    /// [`http::Error::NoSuchHost`], [`http::Error::BadCaFile`], [`http::Error::BadCredentials`], [`http::Error::ForeignLink`] for a root that
    /// is no path, [`http::Error::Setup`].
    pub fn new(config: Config, deadline: Deadline) -> Result<Client, Error> {
        config.check()?;
        let origins = config.origins()?;
        let root_link = origins.link(&config.root)?;
        let http = http::Client::new(config.http(), deadline)?;
        if let Some(credentials) = &config.credentials {
            keep_out(credentials);
        }
        Ok(Client {
            http,
            origins,
            name: config.address.ip().is_none().then(|| config.address.host.clone()),
            root_link,
            root: None,
            credentials: config.credentials,
            session: None,
            accepted: false,
            basic_refused: false,
            sessions_opened: 0,
            denied: None,
            doubts: 0,
            reset_answered: false,
            reserved: false,
        })
    }

    /// The link for a path or URL, if it lies on this service.
    ///
    /// # Errors
    /// [`http::Error::ForeignLink`] otherwise.
    pub fn link(&self, text: &str) -> Result<Link, Error> {
        Ok(self.origins.link(text)?)
    }

    /// The service root. It is asked for once, and again where [`Client::systems`] found none in it.
    ///
    /// # Errors
    /// Those of any request; [`http::Error::Unexpected`] where there is no Redfish service.
    pub fn root(&mut self, deadline: Deadline) -> Result<Root, Error> {
        if let Some(root) = &self.root {
            return Ok(root.clone());
        }
        match self.open_root(deadline) {
            // Against the specification, but met.
            Err(Error::LoginDenied { .. } | Error::Forbidden { .. }) if self.credentials.is_some() => {
                let (_, answer) = self.get(&self.root_link.clone(), deadline)?;
                self.keep_root(&answer)
            }
            other => other,
        }
    }

    /// The members of the collection of systems, in the service's order, all pages of it.
    ///
    /// # Errors
    /// Those of any request; [`http::Error::Unexpected`] for a root without Systems, members without a link, and a
    /// collection without end.
    pub fn systems(&mut self, deadline: Deadline) -> Result<Vec<Link>, Error> {
        let root = self.root(deadline)?;
        let named = root.systems.is_some();
        let first = match root.systems {
            Some(first) => first,
            None => {
                // A service that has just started may name them when it is asked again, and some never do.
                self.root = None;
                let root = self.root_link.path().trim_end_matches('/');
                self.origins.link(&format!("{root}/Systems"))?
            }
        };
        let mut members = Members::default();
        let mut next = Some(first.clone());
        for _ in 0..PAGES {
            let Some(page) = next.take() else { break };
            let answer = match self.get(&page, deadline) {
                Err(Error::Status { status: 404, .. }) if !named => {
                    let what =
                        "the service root names no Systems: systems_uri can name the machine's own place";
                    return Err(self.unexpected(&Request::get(&self.root_link).name(), what));
                }
                answer => answer?.1,
            };
            next = members.take_in(&answer, &self.origins, self.http.known)?;
            self.http.known = true;
        }
        match next {
            None => members.whole().map_err(|what| self.unexpected(&Request::get(&first).name(), &what)),
            Some(page) => Err(self.unexpected(&Request::get(&page).name(), "the collection has no end")),
        }
    }

    /// How many bytes of answers have been read so far.
    pub fn volume(&self) -> u64 {
        self.http.volume()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> u64 {
        self.http.connections()
    }

    /// The way over which the last answer came, for [`Client::is_still_on`].
    pub fn way(&self) -> Way {
        Way { connection: self.http.connections(), kept: !self.http.ends_connections() }
    }

    /// Whether the next request goes to whoever has answered over this way, as far as that can be known: over the same
    /// connection, or, to a service that was known to end them, over any with the same certificate.
    pub fn is_still_on(&self, way: Way) -> bool {
        !way.kept || self.http.connections() == way.connection
    }

    /// One system, as it is now.
    ///
    /// # Errors
    /// Those of any request; [`http::Error::Unexpected`] where another kind of resource stands there.
    pub fn system(&mut self, link: &Link, deadline: Deadline) -> Result<System, Error> {
        let (link, answer) = self.get(link, deadline)?;
        let body = answer.object(self.http.known)?;
        let system = System::read(link, &body).map_err(|what| self.unexpected(&answer.uri, &what))?;
        self.http.known = true;
        match &system.power_state {
            Some(state) => debug!("{}: PowerState {state}", system.link),
            None => debug!("{}: no PowerState", system.link),
        }
        Ok(system)
    }

    /// Which reset types the system says it takes; `None` where it doesn't tell. This is advice, not truth.
    ///
    /// # Errors
    /// Those of any request, where the values stand in a resource of their own.
    pub fn allowed_resets(
        &mut self,
        system: &System,
        deadline: Deadline,
    ) -> Result<Option<Vec<String>>, Error> {
        match system.reset.as_ref().map(|reset| &reset.allowed) {
            Some(Allowed::Listed(values)) => Ok(Some(values.clone())),
            Some(Allowed::Behind(place)) => {
                let link = self.origins.link(place)?;
                let (_, answer) = self.get(&link, deadline)?;
                Ok(allowed_of_action_info(&answer.object(self.http.known)?))
            }
            Some(Allowed::NotTold) | None => Ok(None),
        }
    }

    /// Asks the system to reset in this way, once; a second time only where the service wants to see the ETag first
    /// (412, 428), which means that it did nothing.
    ///
    /// # Errors
    /// Those of any request, also for a system that offers no reset. After [`http::Error::Silent`], [`http::Error::Dropped`] and
    /// [`http::Error::TimeOver`] the command may have been carried out or not.
    pub fn reset(&mut self, system: &System, kind: ResetType, deadline: Deadline) -> Result<Reset, Error> {
        self.reset_answered = false;
        let target = self.target(system)?;
        debug!("{}: ResetType {kind}", system.link);
        let body = kind.body();
        let mut answer = self.post(&target, &body, None, deadline)?;
        if matches!(answer.status, 412 | 428) {
            let tag = self.entity_tag(&system.link, deadline)?;
            debug!("{}: the service wants to see the ETag, {kind} once more with it", system.link);
            answer = self.post(&target, &body, Some(&tag), deadline)?;
        }
        self.reset_answered = true;
        let (status, message) = (answer.status, answer.message());
        match status {
            202 => Ok(Reset::Accepted { task: task_of(&answer, &self.origins) }),
            _ if answer.is_success() => Ok(Reset::Done { status, message }),
            400 | 409 => Ok(Reset::Refused { status, message }),
            _ => Err(answer.error()),
        }
    }

    /// Whether what [`Client::reset`] has returned is the service's answer to the reset, and not an error of what had to be
    /// asked around it: a login, an ETag.
    pub fn has_answered_reset(&self) -> bool {
        self.reset_answered
    }

    /// The request that [`Client::reset`] would send, in words: method, place and body. Nothing is sent.
    ///
    /// # Errors
    /// [`http::Error::Unexpected`] for a system that offers no reset, [`http::Error::ForeignLink`] for one that offers it elsewhere.
    pub fn reset_words(&self, system: &System, kind: ResetType) -> Result<String, Error> {
        let (target, body) = (self.target(system)?, kind.body());
        Ok(format!("{} {body}", Request::post(&target, Body::Json(&body)).name()))
    }

    fn target(&self, system: &System) -> Result<Link, Error> {
        match &system.reset {
            Some(action) => Ok(self.origins.link(&action.target)?),
            None => Err(self.unexpected(&Request::get(&system.link).name(), "this system offers no reset")),
        }
    }

    /// From here on, requests go to whoever has given the last answer, and to nobody else: in the same session, over
    /// the same connection. What can't be sent so is [`http::Error::Unbound`], of which the service knows nothing. A
    /// service that ends its connections may be asked over another one with the same certificate.
    pub fn bind(&mut self) {
        self.http.bind(!self.http.ends_connections());
    }

    /// The same for whoever has answered over this way.
    pub fn bind_to(&mut self, way: Way) {
        self.http.bind(way.kept);
    }

    /// Ends what [`Client::bind`] began.
    pub fn unbind(&mut self) {
        self.http.unbind();
    }

    /// Looks once how far a task is.
    ///
    /// # Errors
    /// Those of any request.
    pub fn task(&mut self, task: &Task, deadline: Deadline) -> Result<Progress, Error> {
        let answer = self.ask(&Request::get(&task.link), deadline)?;
        progress_of(&answer)
    }

    /// Follows a task to its end, or until the deadline, when it is still [`Progress::Running`].
    ///
    /// # Errors
    /// The first definitive one of [`Client::task`]; [`http::Error::TimeOver`] where the deadline passes during a look.
    pub fn follow(&mut self, task: &Task, deadline: Deadline) -> Result<Progress, Error> {
        let (mut pause, longest) = TASK_PAUSES;
        let mut asked_for = task.retry_after;
        loop {
            if !deadline.sleep(asked_for.unwrap_or(pause)) {
                return Ok(Progress::Running { retry_after: asked_for });
            }
            asked_for = match self.task(task, deadline) {
                Ok(Progress::Running { retry_after }) => retry_after,
                Err(error) if error.is_transient() => error.retry_after(),
                other => return other,
            };
            pause = (pause * 2).min(longest);
        }
    }

    /// Ends the session, where there is one. Dropping the client does the same.
    pub fn close(self) {
        drop(self);
    }

    /// A resource, after redirects on the same origin, and where it stands.
    fn get(&mut self, link: &Link, deadline: Deadline) -> Result<(Link, Response), Error> {
        self.follow_redirects(link, |client, link| client.ask(&Request::get(link), deadline))
    }

    fn follow_redirects(
        &mut self,
        link: &Link,
        mut ask: impl FnMut(&mut Client, &Link) -> Result<Response, Error>,
    ) -> Result<(Link, Response), Error> {
        let mut link = link.clone();
        for _ in 0..=REDIRECTS {
            let answer = ask(self, &link)?;
            if answer.is_success() {
                answer.reading()?;
                return Ok((link, answer));
            }
            if !answer.is_redirect() {
                return Err(self.refusal(&answer));
            }
            let Some(location) = answer.location() else {
                return Err(self.unexpected(&answer.uri, "a redirect that doesn't say where to"));
            };
            let next = self.origins.redirect(&link, location)?;
            debug!("{link}: redirected to {next}");
            link = next;
        }
        Err(self.unexpected(&Request::get(&link).name(), "redirected in circles"))
    }

    /// What it means that something isn't shown.
    fn refusal(&self, answer: &Response) -> Error {
        match (answer.error_of_a_look(), &self.name) {
            (Error::Status { status: 400, uri, message, .. }, Some(name)) if !self.http.known => {
                Error::NotItsName { uri, name: name.clone(), message }
            }
            (error, _) => error,
        }
    }

    /// The answer to a POST, whatever its status. Of the redirects only those count that keep the method (RFC 9110,
    /// 15.4.8 and 15.4.9).
    fn post(
        &mut self,
        link: &Link,
        body: &Value,
        if_match: Option<&str>,
        deadline: Deadline,
    ) -> Result<Response, Error> {
        let tag = if_match.and_then(|tag| HeaderValue::from_str(tag).ok());
        let mut link = link.clone();
        let mut answer = self.ask(&post_if(&link, body, tag.as_ref()), deadline)?;
        for _ in 0..REDIRECTS {
            let Some(location) = answer.location().filter(|_| matches!(answer.status, 307 | 308)) else {
                break;
            };
            link = self.origins.redirect(&link, location)?;
            answer = self.ask(&post_if(&link, body, tag.as_ref()), deadline)?;
        }
        Ok(answer)
    }

    /// The ETag of a resource, from the header or the body; `*`, which any version matches, where it has none.
    fn entity_tag(&mut self, link: &Link, deadline: Deadline) -> Result<String, Error> {
        let (_, answer) = self.get(link, deadline)?;
        let body = answer.json_or_null();
        let tag = answer.etag().or_else(|| body.get("@odata.etag").and_then(Value::as_str));
        Ok(tag.unwrap_or("*").to_owned())
    }

    /// Sends a request with what proves who we are, and settles a 401. The answer may have any other status.
    fn ask(&mut self, ask: &Request<'_>, deadline: Deadline) -> Result<Response, Error> {
        if let Some(denied) = &self.denied {
            return Err(denied.clone());
        }
        if self.basic_refused && self.session.is_none() {
            // An earlier try to open the session got no answer, or the request was bound to the session before.
            if self.http.is_bound() {
                return Err(http::Error::Unbound { uri: ask.name() }.into());
            }
            self.open_session(deadline)?;
        }
        let mut answer = self.send(ask, deadline)?;
        if answer.status == 401 && self.may_open_session(&answer) {
            self.basic_refused = true;
            self.session = None;
            if self.http.is_bound() {
                return Err(http::Error::Unbound { uri: answer.uri }.into());
            }
            if self.open_session(deadline)? {
                answer = self.send(ask, deadline)?;
            }
        }
        if answer.status == 401 {
            if self.accepted && self.session.is_none() && self.doubts < DOUBTS {
                self.doubts = self.doubts.saturating_add(1);
                return Err(Error::Doubted { uri: answer.uri.clone(), message: answer.message() });
            }
            let denied = answer.error();
            self.denied = Some(denied.clone());
            return Err(denied);
        }
        self.accepted |= answer.is_success();
        Ok(answer)
    }

    fn send(&mut self, ask: &Request<'_>, deadline: Deadline) -> Result<Response, Error> {
        let answer = match (&self.session, &self.credentials) {
            (Some(session), _) => {
                let ask = ask.clone().secret_header(AUTH_TOKEN, session.token.clone());
                self.http.send(&ask, deadline)
            }
            (None, Some(credentials)) => {
                let basic = http::basic(&credentials.user, credentials.password.expose());
                let ask = ask.clone().secret_header(AUTHORIZATION, basic);
                if self.accepted {
                    self.http.send(&ask, deadline)
                } else {
                    self.http.send_once(&ask, deadline)
                }
            }
            (None, None) => self.http.send(ask, deadline),
        };
        Ok(answer?)
    }

    /// Whether this 401 leaves room for one try with a session: see [`Client`].
    fn may_open_session(&self, answer: &Response) -> bool {
        let judged = || {
            let message = answer.message();
            message.is_some_and(|message| WRONG_PASSWORD.iter().any(|name| message.is(name)))
        };
        match &self.session {
            _ if self.credentials.is_none() => false,
            Some(_) => self.accepted && self.sessions_opened < 2,
            None => !self.accepted && !answer.offers_basic() && !judged(),
        }
    }

    /// Opens a session; false where the service has none to offer. The password goes into one POST and nowhere else.
    fn open_session(&mut self, deadline: Deadline) -> Result<bool, Error> {
        let Some(place) = self.sessions(deadline)? else { return Ok(false) };
        let Some(credentials) = &self.credentials else { return Ok(false) };
        let password = credentials.password.expose_str().unwrap_or_default();
        let body = json!({ "UserName": credentials.user, "Password": password });
        debug!("{place}: opening a session");
        let answer = self.http.send_once(&Request::post(&place, Body::Json(&body)), deadline)?;
        let denied = match answer.status {
            // No sessions after all (iDRAC 8): what the service said to Basic stands.
            404 | 405 | 501 => return Ok(false),
            400 | 401 | 403 => Error::LoginDenied { uri: answer.uri.clone(), message: answer.message() },
            _ if !answer.is_success() => return Err(answer.error()),
            _ => {
                let Some(token) = answer.returnable(AUTH_TOKEN) else {
                    return Err(self.unexpected(&answer.uri, "the new session has no X-Auth-Token"));
                };
                let in_body = answer.json_or_null();
                let places = [answer.location(), odata_id(&in_body)];
                let link = places.into_iter().flatten().find_map(|place| self.origins.link(place).ok());
                if link.is_none() {
                    warn!("{}: the new session doesn't say where it is, so it can't be ended", answer.uri);
                }
                told::keep_out(&Secret::new(token.as_bytes()));
                self.session = Some(Session { token: token.clone(), link });
                self.sessions_opened = self.sessions_opened.saturating_add(1);
                return Ok(true);
            }
        };
        self.denied = Some(denied.clone());
        Err(denied)
    }

    /// Where sessions are opened. A service that shows not even its root without a login, or nothing in it, keeps them in
    /// the usual place, if anywhere.
    fn sessions(&mut self, deadline: Deadline) -> Result<Option<Link>, Error> {
        let root = match &self.root {
            Some(root) => Ok(root.clone()),
            None => self.open_root(deadline),
        };
        match root {
            Ok(Root { sessions: None, systems: None, .. })
            | Err(Error::LoginDenied { .. } | Error::Forbidden { .. }) => {
                let root = self.root_link.path().trim_end_matches('/');
                Ok(Some(self.origins.link(&format!("{root}/SessionService/Sessions"))?))
            }
            Ok(root) => Ok(root.sessions),
            Err(other) => Err(other),
        }
    }

    fn open_root(&mut self, deadline: Deadline) -> Result<Root, Error> {
        let link = self.root_link.clone();
        let ask = |client: &mut Client, link: &Link| {
            client
                .follow_redirects(link, |client, link| Ok(client.http.send(&Request::get(link), deadline)?))
        };
        let answer = match ask(self, &link) {
            // The root ends with a slash (DSP0266, 6.1), and some know it without one alone.
            Err(Error::Status { status: 404, .. }) if !self.http.known && link.path().ends_with('/') => {
                self.root_link = self.origins.link(link.resource())?;
                ask(self, &self.root_link.clone())
            }
            answer => answer,
        };
        self.keep_root(&answer?.1)
    }

    fn keep_root(&mut self, answer: &Response) -> Result<Root, Error> {
        let body = answer.object(self.http.known)?;
        let root = Root::read(&body, &self.origins)?;
        self.http.known = true;
        self.root = Some(root.clone());
        Ok(root)
    }

    fn unexpected(&self, uri: &str, what: &str) -> Error {
        Error::unexpected(uri, what, self.http.known)
    }
}

/// A POST to a resource, which is only to be carried out where its entity tag is still this one.
fn post_if<'a>(link: &'a Link, body: &'a Value, tag: Option<&HeaderValue>) -> Request<'a> {
    let request = Request::post(link, Body::Json(body));
    match tag {
        Some(tag) => request.header(IF_MATCH, tag.clone()),
        None => request,
    }
}

/// Keeps a password out of what is shown, in every form in which a service may repeat it: they do repeat what they were
/// sent. Beside those that every text is searched for, it stands in a header, and may stand in a link.
fn keep_out(credentials: &Credentials) {
    told::keep_out(&credentials.password);
    told::keep_out_behind(&credentials.user);
    let password = credentials.password.expose_str().unwrap_or_default();
    if let Some(form) = http::encoded(password) {
        told::keep_out(&Secret::new(form));
    }
}

/// The members of a collection, each once.
#[derive(Default)]
pub(super) struct Members {
    pub(super) links: Vec<Link>,
    seen: HashSet<String>,
    /// How many there are altogether, as the pages say.
    count: Option<u64>,
    /// Whether one stood there more than once.
    repeated: bool,
}

impl Members {
    /// Takes one page in, and tells where the next one is.
    pub(super) fn take_in(
        &mut self,
        answer: &Response,
        origin: &Origins,
        known: bool,
    ) -> Result<Option<Link>, Error> {
        let body = answer.object(known)?;
        // Whoever has nothing to list may write null for it; whoever writes something else may have meant anything.
        let unclear = |what: &str| Error::unexpected(&answer.uri, what, true);
        let nothing = Vec::new();
        let listed = match body.get("Members") {
            Some(Value::Array(listed)) => listed,
            Some(Value::Null) => &nothing,
            _ => {
                return Err(Error::unexpected(&answer.uri, "the collection has no Members", known));
            }
        };
        for member in listed {
            let Some(text) = odata_id(member) else {
                return Err(unclear("a member of the collection has no link"));
            };
            let link = origin.link(text)?;
            if self.seen.insert(link.resource().to_owned()) {
                self.links.push(link);
            } else {
                self.repeated = true;
            }
            if self.links.len() > MEMBERS {
                return Err(unclear("the collection has too many members"));
            }
        }
        match body.get("Members@odata.count") {
            None | Some(Value::Null) => {}
            Some(count) => {
                let count = count.as_u64().ok_or_else(|| unclear("the collection's count is no number"))?;
                if self.count.is_some_and(|before| before != count) {
                    return Err(unclear("the pages of the collection count differently"));
                }
                self.count = Some(count);
            }
        }
        let mut next = None;
        for name in ["Members@odata.nextLink", "@odata.nextLink"] {
            match body.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) => {
                    let link = origin.link(text)?;
                    if next.as_ref().is_some_and(|other| *other != link) {
                        return Err(unclear("the collection names two next pages"));
                    }
                    next = Some(link);
                }
                Some(_) => return Err(unclear("the link to the collection's next page is no text")),
            }
        }
        Ok(next)
    }

    /// All of them, if that's what they are; otherwise what speaks against it. Somebody chooses among them, and from an
    /// incomplete list chooses the wrong one.
    fn whole(self) -> Result<Vec<Link>, String> {
        let listed = u64::try_from(self.links.len()).unwrap_or(u64::MAX);
        match self.count {
            Some(count) if count > listed => {
                Err(format!("the collection counts {count} members, and lists {listed}"))
            }
            Some(count) if self.repeated && count != listed => {
                Err(format!("the collection counts {count} members, and lists {listed}, some more than once"))
            }
            // The one that stands there twice may stand in the place of another.
            None if self.repeated => Err("the collection lists a member twice, and counts none".to_owned()),
            _ => Ok(self.links),
        }
    }
}

/// The task that a 202 names: in Location, or in its body.
pub(super) fn task_of(answer: &Response, origin: &Origins) -> Option<Task> {
    let body = answer.json_or_null();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let is_task = text("@odata.type").is_some_and(|kind| kind.trim_start_matches('#').starts_with("Task."));
    let in_body = || text("TaskMonitor").or_else(|| text("@odata.id")).filter(|_| is_task);
    let place = answer.location().or_else(in_body)?;
    match origin.link(place) {
        Ok(link) => Some(Task { link, retry_after: answer.retry_after() }),
        Err(error) => {
            warn!("{}: accepted, but its task can't be followed: {error}", answer.uri);
            None
        }
    }
}

/// How far a task is, as the answer to a look at it says.
pub(super) fn progress_of(answer: &Response) -> Result<Progress, Error> {
    let message = answer.message();
    let shown = task_progress(&answer.json_or_null(), message.clone());
    let progress = match answer.status {
        200 | 201 | 204 => shown.unwrap_or(Progress::Completed),
        202 => match shown {
            Some(ended @ (Progress::Completed | Progress::Failed { .. })) => ended,
            _ => Progress::Running { retry_after: None },
        },
        404 | 410 => Progress::Gone,
        // The monitor gives the answer that the operation itself would have given.
        400 | 409 => Progress::Failed { state: format!("HTTP {}", answer.status), message },
        _ => return Err(answer.error()),
    };
    Ok(match progress {
        Progress::Running { .. } => Progress::Running { retry_after: answer.retry_after() },
        ended => ended,
    })
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some(Session { token, link: Some(link) }) = self.session.take() else { return };
        self.http.unbind();
        let ask = Request::delete(&link).secret_header(AUTH_TOKEN, token);
        match self.http.send(&ask, Deadline::after(FAREWELL)) {
            Ok(answer) if answer.is_success() => debug!("{link}: session ended"),
            Ok(answer) => debug!("{link}: the session could not be ended: HTTP {}", answer.status),
            Err(error) => debug!("{link}: the session could not be ended: {error}"),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("root", &self.root_link).finish_non_exhaustive()
    }
}

impl Credentials {
    fn check(&self) -> Result<(), Error> {
        let bad = |why| Err(http::Error::BadCredentials { why }.into());
        if self.user.contains(':') {
            return bad("the user name holds a colon, which Basic authentication can't carry");
        }
        if self.password.expose_str().is_none() {
            return bad("the password is not UTF-8, which Redfish can't carry");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page whose members are these.
    fn page(members: impl Iterator<Item = usize>) -> Result<Members, Error> {
        let members: Vec<Value> = members.map(|n| json!({"@odata.id": format!("/s/{n}")})).collect();
        let body = json!({ "Members": members, "Members@odata.count": MEMBERS }).to_string();
        assert!(body.len() < http::LARGEST_BODY);
        let answer = Response::new("GET /s".into(), 200, HeaderMap::new(), body.into_bytes(), SERVICE);
        let origin = Origins::new(true, &Address::parse("bmc", 443)?)?;
        let mut taken = Members::default();
        taken.take_in(&answer, &origin, true).map(|_| taken)
    }

    #[test]
    #[cfg_attr(miri, ignore = "thousands of members")]
    fn a_page_full_of_members_is_read_in_time_that_grows_with_its_length() {
        // Compared one by one, these take minutes.
        assert!(matches!(page(0..19_000), Err(Error::Http(http::Error::Unexpected { .. }))));
        assert_eq!(page((0..19_000).map(|n| n % MEMBERS)).unwrap().whole().unwrap().len(), MEMBERS);
        assert!(matches!(page(0..40_000), Err(Error::Http(http::Error::Unexpected { .. }))));
    }

    /// What pages come to together.
    fn collected(pages: &[Value]) -> Result<usize, String> {
        let origin = Origins::new(true, &Address::parse("bmc", 443).unwrap()).unwrap();
        let mut taken = Members::default();
        for page in pages {
            let answer =
                Response::new("GET /s".into(), 200, HeaderMap::new(), page.to_string().into_bytes(), SERVICE);
            taken.take_in(&answer, &origin, true).map_err(|error| error.to_string())?;
        }
        taken.whole().map(|links| links.len())
    }

    #[test]
    fn a_collection_is_whole_or_an_error() {
        let link = |n: usize| json!({"@odata.id": format!("/s/{n}")});
        let (one, two) = (json!([link(1)]), json!([link(1), link(2)]));
        for (pages, expected) in [
            (vec![json!({"Members": two, "Members@odata.count": 2})], Some(2)),
            (vec![json!({"Members": two})], Some(2)),
            (vec![json!({"Members": two, "Members@odata.count": null, "@odata.nextLink": null})], Some(2)),
            // Too few counted hide nobody.
            (vec![json!({"Members": two, "Members@odata.count": 1})], Some(2)),
            (vec![json!({"Members": null, "Members@odata.count": 0})], Some(0)),
            (vec![json!({"Members": null})], Some(0)),
            (vec![json!({"Members": one, "Members@odata.count": 2})], None),
            (vec![json!({"Members": null, "Members@odata.count": 2})], None),
            (vec![json!({"Members": [link(1), link(1)], "Members@odata.count": 2})], None),
            (vec![json!({"Members": [link(1), {"@odata.id": "/s/1/"}]})], None),
            (vec![json!({"Members": [link(1), link(1)], "Members@odata.count": 1})], Some(1)),
            (vec![json!({"Members": one, "Members@odata.count": "1"})], None),
            (vec![json!({"Members": one, "Members@odata.count": -1})], None),
            (vec![json!({"Members": one, "Members@odata.nextLink": {"@odata.id": "/s?$skip=1"}})], None),
            (vec![json!({"Members": one, "@odata.nextLink": 7})], None),
            (vec![json!({"Members": one, "@odata.nextLink": "/a", "Members@odata.nextLink": "/b"})], None),
            (vec![json!({"Members": [null, link(1)]})], None),
            (vec![json!({"Members": {"1": link(1)}})], None),
            (vec![json!({"Members@odata.count": 0})], None),
            // Pages overlap where the collection changes meanwhile: all are there, as the count says.
            (
                vec![
                    json!({"Members": two, "Members@odata.count": 3}),
                    json!({"Members": [link(2), link(3)]}),
                ],
                Some(3),
            ),
            (
                vec![
                    json!({"Members": one, "Members@odata.count": 2}),
                    json!({"Members": [link(2)], "Members@odata.count": 1}),
                ],
                None,
            ),
            (
                vec![
                    json!({"Members": one, "Members@odata.count": 3}),
                    json!({"Members": [link(2)], "Members@odata.count": 3}),
                ],
                None,
            ),
        ] {
            assert_eq!(collected(&pages).ok(), expected, "{pages:?}");
        }
    }
}
