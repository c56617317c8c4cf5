//! Requests and answers: one connection, every wait bounded, every answer of limited size.

use std::error::Error as StdError;
use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use http::header::{CACHE_CONTROL, CONNECTION, HeaderMap, HeaderValue};
use log::{debug, trace};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use super::address::Address;
use super::error::Error;
use super::origin::Origins;
use super::request::Request;
use super::response::Response;
use super::tls::{Bond, Gate, Trust};
use super::trouble::{Cause, chain, classify, find};
use crate::base::{Deadline, memory, net};

/// How long the first request may go without an answer: one that got lost is to be sent again soon. Each that gets none
/// doubles it, and so do slow answers: service processors that take ten seconds for each are known.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one request may go without an answer at most where the caller sets no deadline.
const LONGEST_PATIENCE: Duration = Duration::from_secs(20);

/// How long connecting may take altogether where a name has several addresses: a dead one must leave time for the next.
const CONNECTING: Duration = Duration::from_secs(5);

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
    /// Whether `https_proxy` and its kin in the environment count.
    pub proxy_from_environment: bool,
}

impl Config {
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
pub struct Client {
    client: reqwest::blocking::Client,
    origins: Origins,
    service: &'static str,
    peer: String,
    limit: Duration,
    largest_body: usize,
    /// How long the next request may go without an answer, as far as there is time for another one after it.
    patience: Duration,
    /// Whether a proper answer has come during this run.
    pub known: bool,
    gate: Gate,
    /// Whether the service has ended a connection that requests were bound to, or announces to end one.
    ends_connections: bool,
    /// Whether it does so without a word, by a reset at the next request: then no connection is used twice.
    resets_connections: bool,
    /// The answer that took longest, and how long.
    slowest: Option<(String, Duration)>,
    /// How many bytes of bodies have been read.
    volume: u64,
}

/// Looks up the name of a proxy as other names are looked up. The library's own way ends the process where no thread can
/// be started.
struct Names {
    limit: Duration,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        // It may wait here: the thread that does the requests has nothing else to do.
        let found = net::resolve(name.as_str(), 0, Deadline::after(self.limit));
        let found = found.map(|addresses| Box::new(addresses.into_iter()) as Addrs);
        Box::pin(std::future::ready(found.map_err(Into::into)))
    }
}

impl Client {
    /// Looks the name up and sets the client up. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::NoSuchHost`], [`Error::BadCaFile`], [`Error::Setup`], [`Error::TimeOver`].
    pub fn new(config: Config, deadline: Deadline) -> Result<Client, Error> {
        let origins = config.origins()?;
        let Config { address, request_limit: limit, .. } = config;
        let setup = |error: reqwest::Error| {
            let error = error.without_url();
            let chain = chain(&error);
            let passing =
                find::<io::Error>(&chain).is_some_and(|why| why.kind() == io::ErrorKind::WouldBlock);
            let words: Vec<String> = chain.iter().map(ToString::to_string).collect();
            Error::Setup { why: words.join(": "), passing }
        };
        let mut builder = reqwest::blocking::Client::builder()
            .user_agent(concat!("fence-agents/", env!("CARGO_PKG_VERSION")))
            .default_headers(config.headers)
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(None)
            .timeout(limit);
        builder = match config.proxy_from_environment {
            true => builder.dns_resolver(Arc::new(Names { limit })),
            false => builder.no_proxy(),
        };
        let (connector, pin) = match &config.transport {
            Transport::Https(trust) => (trust.connector()?, trust.pin()),
            // Nothing here is encrypted, but reqwest would prepare for it and read the system's certificates.
            Transport::Http => (Trust::Unchecked.connector()?, None),
        };
        let gate = Gate::new(pin);
        builder = builder.tls_backend_preconfigured(connector).tls_info(true).connector_layer(gate.clone());
        let mut connecting = limit;
        if address.ip().is_none() {
            let found = address.resolve(limit.min(CONNECTING), deadline)?;
            if found.len() > 1 {
                connecting = limit.min(CONNECTING);
            }
            builder = builder.resolve_to_addrs(origins.host(), &found);
        }
        if let Some(zone) = &address.zone {
            // A link-local address is reached over the interface that the socket is bound to.
            builder = builder.interface(&interface(zone));
        }
        // Shared out among the addresses.
        builder = builder.connect_timeout(connecting);
        Ok(Client {
            client: builder.build().map_err(setup)?,
            origins,
            service: config.service,
            peer: address.to_string(),
            limit,
            largest_body: config.largest_body,
            patience: PATIENCE,
            known: false,
            gate,
            ends_connections: false,
            resets_connections: false,
            slowest: None,
            volume: 0,
        })
    }

    /// Lets the requests that follow go to whoever has given the last answer, and to nobody else: over the same
    /// connection; where the service had been known before to end such a connection (`kept` is false), over any with the
    /// same certificate.
    pub fn bind(&self, kept: bool) {
        self.gate.bind(if kept { Bond::Connection } else { Bond::Certificate });
    }

    /// Lets requests go to whoever has the address.
    pub fn unbind(&self) {
        self.gate.bind(Bond::Free);
    }

    /// Whether requests are bound to whoever has given the last answer.
    pub fn is_bound(&self) -> bool {
        self.gate.bond() != Bond::Free
    }

    /// The certificate of the newest connection, in its DER form.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        self.gate.certificate()
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

    /// Where requests may go.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// The number of connections so far.
    pub fn connections(&self) -> u64 {
        self.gate.connections()
    }

    /// Sends one request and reads the answer to its end, so that the connection can be used again. Where the body
    /// breaks off, the answer has a status all the same.
    ///
    /// # Errors
    /// Whatever kept it from having one.
    pub fn send(&mut self, request: &Request<'_>, deadline: Deadline) -> Result<Response, Error> {
        self.exchange(request, deadline, self.limit_by(deadline))
    }

    /// The same for what had better not be sent again: it gets all the time that the deadline leaves.
    ///
    /// # Errors
    /// Those of [`Client::send`].
    pub fn send_once(&mut self, request: &Request<'_>, deadline: Deadline) -> Result<Response, Error> {
        self.exchange(request, deadline, deadline.left().unwrap_or(LONGEST_PATIENCE).min(self.limit))
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
        let (mut headers, body) = request.written();
        if self.resets_connections {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if request.method == Method::GET {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        let mut asked_for = self
            .client
            .request(request.method.clone(), request.link.url().clone())
            .timeout(waited)
            .headers(headers);
        if !body.is_empty() {
            asked_for = asked_for.body(body);
        }
        let late = || if deadline.passed() { over() } else { Error::Silent { uri: uri.clone(), waited } };
        let failed = |error: &(dyn StdError + 'static)| match classify(error) {
            Cause::BondBroken => Error::Unbound { uri: uri.clone() },
            Cause::Late => late(),
            Cause::Refused => Error::Refused { peer: self.peer.clone(), known: self.known },
            Cause::Unreachable(why) => Error::Unreachable { peer: self.peer.clone(), why },
            Cause::Tls(why) => Error::Tls { peer: self.peer.clone(), why },
            Cause::Dropped(why) => Error::Dropped { uri: uri.clone(), why },
        };
        memory::wipe_dead_stack();
        let asked = Instant::now();
        let response = asked_for.send().map_err(|error| failed(&error.without_url()));
        let took = asked.elapsed();
        // As good as announced.
        self.resets_connections |= self.is_bound() && matches!(response, Err(Error::Dropped { .. }));
        self.ends_connections |= self.resets_connections || matches!(response, Err(Error::Unbound { .. }));
        if matches!(response, Err(Error::Silent { .. } | Error::TimeOver { .. })) {
            self.patience = self.patience.saturating_mul(2).min(self.limit);
        } else {
            self.patience = self.patience.max(took.saturating_mul(3)).min(self.limit);
        }
        let response = response?;
        let (status, version, headers) =
            (response.status().as_u16(), response.version(), response.headers().clone());
        let (body, cut) = read_bounded(response, self.largest_body, until);
        self.volume = self.volume.saturating_add(u64::try_from(body.len()).unwrap_or(u64::MAX));
        let cut = cut.map(|cut| match cut {
            Cut::TooLarge => Error::TooLarge { uri: uri.clone(), limit: self.largest_body },
            Cut::Late => late(),
            Cut::Failed(error) => failed(&error),
        });
        let mut response = Response::new(uri, status, headers, body, self.service);
        (response.cut, response.took) = (cut, took);
        self.ends_connections |= response.announces_end(version);
        debug!("{}: HTTP {status}, {} bytes", response.uri, response.len());
        if self.slowest.as_ref().is_none_or(|(_, longest)| took > *longest) {
            self.slowest = Some((response.uri.clone(), took));
        }
        Ok(response)
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
    Failed(io::Error),
}

/// The body, and what kept it from coming to its end.
fn read_bounded(
    mut response: reqwest::blocking::Response,
    largest: usize,
    until: Deadline,
) -> (Vec<u8>, Option<Cut>) {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).is_ok_and(|announced| announced > largest) {
        return (Vec::new(), Some(Cut::TooLarge));
    }
    let (mut body, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        if until.passed() {
            return (body, Some(Cut::Late));
        }
        let taken = match response.read(&mut chunk) {
            Ok(taken) => taken,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return (body, Some(Cut::Failed(error))),
        };
        let Some(part) = chunk.get(..taken).filter(|part| !part.is_empty()) else { return (body, None) };
        if body.len() + part.len() > largest {
            return (body, Some(Cut::TooLarge));
        }
        trace!("{} bytes of the answer", part.len());
        body.extend_from_slice(part);
    }
}
