//! The client: requests and answers, every wait bounded, every answer of limited size.

use std::error::Error as StdError;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::Method;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONNECTION, COOKIE, HeaderMap, HeaderValue, USER_AGENT};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper_util::client::proxy::matcher::Matcher;
use log::{debug, trace};
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;

use super::address::Address;
use super::connection::{Bond, Connections, Outgoing, settle};
use super::cookies::Jar;
use super::error::Error;
use super::login::{Login, Proof, Verdict};
use super::origin::{Link, Origins};
use super::request::Request;
use super::response::{LARGEST_BODY, Response};
use super::status_line::StatusLine;
use super::tls::{ClientCertificate, Tls, Trust};
use super::trouble::{Cause, classify};
use crate::base::{Deadline, Secret, memory};

/// How long the first request may go without an answer: one that got lost is to be sent again soon. Each that gets none
/// doubles it, and so do slow answers: service processors that take ten seconds for each are known.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one request may go without an answer at most where the caller sets no deadline.
const LONGEST_PATIENCE: Duration = Duration::from_secs(20);

/// How long connecting may take altogether where a name has several addresses: a dead one must leave time for the next.
const CONNECTING: Duration = Duration::from_secs(5);

/// How many redirects one request may take.
const REDIRECTS: usize = 3;

/// How long ending connections properly may take at the end.
const FAREWELL: Duration = Duration::from_millis(100);

/// How the bytes travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS to whom this trust lets through.
    Https(Trust),
    /// Plain HTTP: everybody on the way can read the password.
    Http,
}

/// Where a service is and how to talk to it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host and port.
    pub address: Address,
    /// HTTPS and whom to trust, or HTTP.
    pub transport: Transport,
    /// The certificate to show to a service that asks for one.
    pub certificate: Option<ClientCertificate>,
    /// Where else links and redirects may lead, over HTTPS. The login goes there too.
    pub allowed: Vec<Address>,
    /// What the service is, for messages, such as `Redfish`.
    pub service: &'static str,
    /// Headers of every request.
    pub headers: HeaderMap,
    /// The most that one request may take, from connecting to the last byte.
    pub request_limit: Duration,
    /// The most bytes of a body that are read.
    pub largest_body: usize,
    /// Whether cookies are kept and sent.
    pub cookies: bool,
    /// Whether `https_proxy` and its kin in the environment count.
    pub proxy_from_environment: bool,
}

impl Config {
    /// A service at this address, and all else as it usually is: no headers but the necessary ones, no more than a minute
    /// for a request, no cookies, no proxy.
    pub fn new(address: Address, transport: Transport, service: &'static str) -> Config {
        Config {
            address,
            transport,
            certificate: None,
            allowed: Vec::new(),
            service,
            headers: HeaderMap::new(),
            request_limit: Duration::from_secs(60),
            largest_body: LARGEST_BODY,
            cookies: false,
            proxy_from_environment: false,
        }
    }

    /// Where requests may go.
    ///
    /// # Errors
    /// [`Error::BadAddress`].
    pub fn origins(&self) -> Result<Origins, Error> {
        let own = Origins::new(matches!(self.transport, Transport::Https(_)), &self.address)?;
        self.allowed.iter().try_fold(own, |origins, address| origins.and(address))
    }
}

/// The one HTTP client of a run.
///
/// All of it happens in the thread that calls, and while it waits for an answer.
pub struct Client {
    runtime: Runtime,
    connections: Connections,
    proof: Option<Proof>,
    jar: Option<Jar>,
    origins: Origins,
    service: &'static str,
    headers: HeaderMap,
    peer: String,
    limit: Duration,
    largest_body: usize,
    /// How long the next request may go without an answer, as far as there is time for another one after it.
    patience: Duration,
    /// Whether a proper answer has come during this run.
    pub known: bool,
    /// Whether the service has ended a connection that requests were bound to, or announces to end one.
    ends_connections: bool,
    /// Whether it does so without a word, by a reset at the next request: then no connection is used twice.
    resets_connections: bool,
    /// The answer that took longest, and how long.
    slowest: Option<(String, Duration)>,
    /// How many bytes of bodies have been read.
    volume: u64,
}

/// Addresses of a host for whichever port a link names.
fn portless(mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    found.iter_mut().for_each(|address| address.set_port(0));
    found
}

impl Client {
    /// Looks the name up and sets the client up. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::NoSuchHost`], [`Error::BadCaFile`], [`Error::BadClientCertificate`], [`Error::Setup`],
    /// [`Error::TimeOver`].
    pub fn new(config: Config, deadline: Deadline) -> Result<Client, Error> {
        let origins = config.origins()?;
        if matches!(config.transport, Transport::Https(Trust::Pinned(_))) && !config.allowed.is_empty() {
            return Err(Error::Setup {
                why: "a pin is for one host, and there are several".to_owned(),
                passing: false,
            });
        }
        let Config { address, request_limit: limit, mut headers, .. } = config;
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("fence-agents/", env!("CARGO_PKG_VERSION"))),
        );
        let tls = match &config.transport {
            Transport::Https(trust) => Some(Tls::new(trust, config.certificate.as_ref())?),
            Transport::Http if config.allowed.is_empty() => None,
            Transport::Http => Some(Tls::new(&Trust::System, None)?),
        };
        let (mut connecting, mut hosts) = (limit, Vec::new());
        if address.ip().is_none() {
            let found = address.resolve(limit.min(CONNECTING), deadline)?;
            if found.len() > 1 {
                connecting = limit.min(CONNECTING);
            }
            hosts.push((origins.host().to_owned(), portless(found)));
        }
        let connections = Connections {
            tls,
            hosts,
            // A link-local address is reached over the interface that the socket is bound to.
            interface: address.zone.as_deref().map(interface),
            connecting,
            proxies: config.proxy_from_environment.then(Matcher::from_env),
            bond: Bond::Free,
            last: None,
            seen: None,
            count: 0,
            waiting: Vec::new(),
            heard: StatusLine::default(),
        };
        let runtime =
            runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(|error| {
                let passing = error.kind() == std::io::ErrorKind::WouldBlock;
                Error::Setup { why: error.to_string(), passing }
            })?;
        Ok(Client {
            runtime,
            connections,
            proof: None,
            jar: config.cookies.then(Jar::default),
            origins,
            service: config.service,
            headers,
            peer: address.to_string(),
            limit,
            largest_body: config.largest_body,
            patience: PATIENCE,
            known: false,
            ends_connections: false,
            resets_connections: false,
            slowest: None,
            volume: 0,
        })
    }

    /// The link for a path or URL, if it lies on an origin that requests may go to.
    ///
    /// # Errors
    /// [`Error::ForeignLink`] otherwise.
    pub fn link(&self, text: &str) -> Result<Link, Error> {
        self.origins.link(text)
    }

    /// Where requests may go.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// Lets the requests that follow go to whoever has given the last answer, and to nobody else: over the same
    /// connection; where the service had been known before to end such a connection (`kept` is false), over any with the
    /// same certificate.
    pub fn bind(&mut self, kept: bool) {
        self.connections.bond = if kept { Bond::Connection } else { Bond::Certificate };
    }

    /// Lets requests go to whoever has the address.
    pub fn unbind(&mut self) {
        self.connections.bond = Bond::Free;
    }

    /// Whether requests are bound to whoever has given the last answer.
    pub fn is_bound(&self) -> bool {
        self.connections.bond != Bond::Free
    }

    /// The certificate of the newest connection, in its DER form.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.connections.seen.as_deref()
    }

    /// The request whose answer took longest, and how long.
    pub fn slowest(&self) -> Option<&(String, Duration)> {
        self.slowest.as_ref()
    }

    /// How long one request may take: what the deadline leaves, unless there is time for a longer one after it.
    fn limit_by(&self, deadline: Deadline) -> Duration {
        let patience = self.patience.min(self.limit);
        match deadline.left() {
            None => patience.min(LONGEST_PATIENCE),
            Some(left) if left <= patience.saturating_mul(2) => left.min(self.limit),
            Some(_) => patience,
        }
    }

    /// How many bytes of bodies have been read.
    pub fn volume(&self) -> u64 {
        self.volume
    }

    /// Whether the service ends connections, so that nothing can be bound to one.
    pub fn ends_connections(&self) -> bool {
        self.ends_connections
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        self.connections.count
    }

    /// From here on, requests carry this. It is judged by the next answer, and where it is found wrong, every further
    /// request is the same error without being sent, until there is another login: accounts lock.
    ///
    /// # Errors
    /// [`Error::BadCredentials`] for what can't be carried.
    pub fn log_in(&mut self, login: Login) -> Result<(), Error> {
        login.check()?;
        self.proof = Some(Proof::new(login));
        Ok(())
    }

    /// The newest value of a cookie, for services that want to see it in a header or a form too.
    pub fn cookie(&self, name: &str) -> Option<&Secret> {
        self.jar.as_ref().and_then(|jar| jar.value(name))
    }

    /// Sends one request and reads the answer to its end, so that the connection can be used again. Where the body
    /// breaks off, the answer has a status all the same.
    ///
    /// # Errors
    /// Whatever kept it from having one; [`Error::LoginDenied`] and [`Error::NoSuchLogin`] where there is a login.
    pub fn send(&mut self, request: &Request<'_>, deadline: Deadline) -> Result<Response, Error> {
        self.prove(request, deadline, false)
    }

    /// The same for what had better not be sent again: it gets all the time that the deadline leaves.
    ///
    /// # Errors
    /// Those of [`Client::send`].
    pub fn send_once(&mut self, request: &Request<'_>, deadline: Deadline) -> Result<Response, Error> {
        self.prove(request, deadline, true)
    }

    /// Sends a request, and sends it again wherever it is redirected: a look by every redirect, anything else by those that
    /// keep the method (RFC 9110, 15.4.8 and 15.4.9). Any other answer is given as it is.
    ///
    /// # Errors
    /// Those of [`Client::send`]; [`Error::ForeignLink`], [`Error::Unexpected`] for a redirect that leads nowhere.
    pub fn follow(&mut self, request: &Request<'_>, deadline: Deadline) -> Result<Response, Error> {
        let mut link = request.link.clone();
        for _ in 0..=REDIRECTS {
            let response = self.send(&request.at(&link), deadline)?;
            let followed =
                matches!(response.status, 307 | 308) || request.is_look() && response.is_redirect();
            let Some(location) = response.location().filter(|_| followed) else { return Ok(response) };
            let next = self.origins.redirect(&link, location)?;
            debug!("{link}: redirected to {next}");
            link = next;
        }
        let what = "redirected in circles".to_owned();
        Err(Error::Unexpected { uri: request.at(&link).name(), what, known: self.known })
    }

    /// Sends a request with what proves who we are, as the service wants it.
    fn prove(&mut self, request: &Request<'_>, deadline: Deadline, once: bool) -> Result<Response, Error> {
        let mut again = false;
        loop {
            let (header, judged) = match &mut self.proof {
                None => (None, false),
                Some(Proof { denied: Some(denied), .. }) => return Err(denied.clone()),
                Some(proof) => (proof.header(request)?, !proof.accepted),
            };
            let proven = header.is_some();
            // Services delay their refusals, and one that is sent again meanwhile is judged again.
            let limit = if once || proven && judged {
                deadline.left().unwrap_or(LONGEST_PATIENCE).min(self.limit)
            } else {
                self.limit_by(deadline)
            };
            let response = match header {
                Some(value) => {
                    self.exchange(&request.clone().secret_header(AUTHORIZATION, value), deadline, limit)?
                }
                None => self.exchange(request, deadline, limit)?,
            };
            let Some(proof) = &mut self.proof else { return Ok(response) };
            match proof.judge(request, &response, proven, again) {
                Verdict::Answer => return Ok(response),
                Verdict::Again => again = proven,
                Verdict::Denied(error) => return Err(error),
            }
        }
    }

    fn exchange(
        &mut self,
        request: &Request<'_>,
        deadline: Deadline,
        limit: Duration,
    ) -> Result<Response, Error> {
        let uri = request.name();
        let over = || Error::TimeOver { doing: uri.clone() };
        let waited = deadline.wait(limit).ok_or_else(over)?;
        let until = deadline.at_most(waited);
        self.look_up(request.link, until, deadline)?;
        let outgoing = self.outgoing(request);
        let late = || if deadline.passed() { over() } else { Error::Silent { uri: uri.clone(), waited } };
        let peer = if request.link.is_on(self.origins.host()) {
            self.peer.clone()
        } else {
            request.link.host_and_port()
        };
        let known = self.known;
        let failed = |error: &(dyn StdError + 'static)| match classify(error) {
            Cause::BondBroken => Error::Unbound { uri: uri.clone() },
            Cause::Late => late(),
            Cause::Refused => Error::Refused { peer: peer.clone(), known },
            Cause::Unreachable(why) => Error::Unreachable { peer: peer.clone(), why },
            Cause::Tls(why) => Error::Tls { peer: peer.clone(), why },
            Cause::Dropped(why) => Error::Dropped { uri: uri.clone(), why },
        };
        memory::wipe_dead_stack();
        let asked = Instant::now();
        let sending = self.connections.send(outgoing, until);
        let result =
            match self.runtime.block_on(async { timeout(until.left().unwrap_or(waited), sending).await }) {
                Ok(answer) => answer.map_err(|error| failed(error.as_ref())),
                Err(_) => Err(late()),
            };
        let took = asked.elapsed();
        // As good as announced.
        self.resets_connections |= self.is_bound() && matches!(result, Err(Error::Dropped { .. }));
        self.ends_connections |= self.resets_connections || matches!(result, Err(Error::Unbound { .. }));
        if matches!(result, Err(Error::Silent { .. } | Error::TimeOver { .. })) {
            self.patience = self.patience.saturating_mul(2).min(self.limit);
        } else {
            self.patience = self.patience.max(took.saturating_mul(3)).min(self.limit);
        }
        let (head, connection) = match result {
            Ok(answer) => answer,
            Err(error) => return self.headless(request, error, took),
        };
        let (parts, body) = head.into_parts();
        let status = parts.status.as_u16();
        let (body, cut) = self.runtime.block_on(read_bounded(body, self.largest_body, until));
        self.volume = self.volume.saturating_add(u64::try_from(body.len()).unwrap_or(u64::MAX));
        if cut.is_none() {
            // A connection on which the rest of a body is still to come is of no use to the next request.
            self.connections.waiting.push(connection);
        }
        let cut = cut.map(|cut| match cut {
            Cut::TooLarge => Error::TooLarge { uri: uri.clone(), limit: self.largest_body },
            Cut::Late => late(),
            Cut::Failed(error) => failed(&error),
        });
        let mut response = Response::new(uri, status, parts.headers, body, self.service);
        (response.cut, response.took, response.is_look) = (cut, took, request.is_look());
        if let Some(jar) = &mut self.jar {
            let origin = request.link.url().origin();
            response.cookies().for_each(|cookie| jar.set(&origin, &cookie));
        }
        self.ends_connections |= response.announces_end(parts.version);
        debug!("{}: HTTP {status}, {} bytes", response.uri, response.len());
        if self.slowest.as_ref().is_none_or(|(_, longest)| took > *longest) {
            self.slowest = Some((response.uri.clone(), took));
        }
        Ok(response)
    }

    /// An answer of whose head no more could be read than its first line has a status all the same: a login that is denied
    /// in it is denied. A redirect says where to in its head, and without that nothing.
    fn headless(&self, request: &Request<'_>, why: Error, took: Duration) -> Result<Response, Error> {
        match self.connections.heard.status() {
            None | Some(300..400) => Err(why),
            Some(status) => {
                let name = request.name();
                debug!("{name}: HTTP {status}, and a head that can't be read: {why}");
                let mut response = Response::new(name, status, HeaderMap::new(), Vec::new(), self.service);
                (response.cut, response.took, response.is_look) = (Some(why), took, request.is_look());
                Ok(response)
            }
        }
    }

    /// Looks up the host of a link that isn't on the service itself.
    fn look_up(&mut self, link: &Link, until: Deadline, deadline: Deadline) -> Result<(), Error> {
        let host = link.url().host_str().unwrap_or_default();
        let known = self.connections.hosts.iter().any(|(known, _)| known == host);
        if known || link.is_on(self.origins.host()) || self.connections.is_proxied(link.url()) {
            return Ok(());
        }
        let port = link.url().port_or_known_default().unwrap_or_default();
        let address = Address { host: host.trim_matches(['[', ']']).to_owned(), zone: None, port };
        if address.ip().is_none() {
            let limit = until.left().unwrap_or(CONNECTING).min(CONNECTING);
            let found = address.resolve(limit, deadline)?;
            self.connections.hosts.push((host.to_owned(), portless(found)));
        }
        Ok(())
    }

    fn outgoing<'a>(&self, request: &Request<'a>) -> Outgoing<'a> {
        let (own, body) = request.written();
        let mut headers = self.headers.clone();
        headers.extend(own);
        if self.resets_connections {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(cookies) = self.jar.as_ref().and_then(|jar| jar.header(&request.link.url().origin())) {
            headers.insert(COOKIE, cookies);
        }
        if request.method == Method::GET {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        Outgoing { method: request.method.clone(), url: request.link.url(), headers, body }
    }
}

/// Ends the connections, as far as that takes no time.
impl Drop for Client {
    fn drop(&mut self) {
        self.connections.waiting.clear();
        let _ = self.runtime.block_on(async { timeout(FAREWELL, settle()).await });
    }
}

/// The name of the interface that a zone names, which may be its number instead. Linux lists the IPv6 addresses of all
/// interfaces: address, number of the interface, three more numbers, all hexadecimal, and its name.
fn interface(zone: &str) -> String {
    let Ok(number) = zone.parse::<u32>() else { return zone.to_owned() };
    let all = fs::read_to_string("/proc/self/net/if_inet6").unwrap_or_default();
    let found = all.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let its = u32::from_str_radix(words.next()?, 16).ok()?;
        words.last().filter(|_| its == number)
    });
    found.unwrap_or(zone).to_owned()
}

/// Why a body didn't come to its end.
enum Cut {
    TooLarge,
    Late,
    Failed(hyper::Error),
}

/// The body, and what kept it from coming to its end.
async fn read_bounded(mut incoming: Incoming, largest: usize, until: Deadline) -> (Vec<u8>, Option<Cut>) {
    let announced = incoming.size_hint().lower();
    if usize::try_from(announced).is_ok_and(|announced| announced > largest) {
        return (Vec::new(), Some(Cut::TooLarge));
    }
    let mut body = Vec::new();
    loop {
        // A service that goes on and on without a pause is late all the same.
        let left = until.left().unwrap_or_default();
        if left.is_zero() {
            return (body, Some(Cut::Late));
        }
        let part = match timeout(left, incoming.frame()).await {
            Err(_) => return (body, Some(Cut::Late)),
            Ok(None) => return (body, None),
            Ok(Some(Err(error))) => return (body, Some(Cut::Failed(error))),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        if body.len() + part.len() > largest {
            return (body, Some(Cut::TooLarge));
        }
        trace!("{} bytes of the answer", part.len());
        body.extend_from_slice(&part);
    }
}
