//! Requests and answers: one connection, every wait bounded, every answer of limited size.

use std::error::Error as StdError;
use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

use log::{debug, trace};
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{
    ACCEPT, AGE, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH,
    LOCATION, RETRY_AFTER, WWW_AUTHENTICATE,
};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode, Version};
use serde_json::Value;

use super::address::Address;
use super::error::Error;
use super::json;
use super::link::{Link, Origin};
use super::message::ServiceMessage;
use super::tls::{Bond, BondBroken, Gate, PinMismatch, Trust};
use crate::base::{Deadline, Told, memory, net};

/// The most bytes of a body that are read. A ComputerSystem has some 20 KiB, the longest seen 200.
pub const LARGEST_ANSWER: usize = 1024 * 1024;

/// How long the first request may go without an answer: one that got lost is to be sent again soon. Each that gets none
/// doubles it, and so do slow answers: service processors that take ten seconds for each are known.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one request may go without an answer at most where the caller sets no deadline.
const LONGEST_PATIENCE: Duration = Duration::from_secs(20);

/// How long connecting may take altogether where a name has several addresses: a dead one must leave time for the next.
const CONNECTING: Duration = Duration::from_secs(5);

/// How many bytes an entity tag or a session's token may have.
const LONGEST_HEADER: usize = 4096;

/// How the bytes travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTPS to whom this trust lets through.
    Https(Trust),
    /// Plain HTTP: everybody on the way can read the password.
    Http,
}

/// The one HTTP client of a run.
pub(super) struct Http {
    client: Client,
    peer: String,
    limit: Duration,
    /// How long the next request may go without an answer, as far as there is time for another one after it.
    patience: Duration,
    /// Whether a proper answer has come during this run.
    pub(super) known: bool,
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

/// A request.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) link: &'a Link,
    pub(super) body: Option<&'a Value>,
    pub(super) if_match: Option<&'a str>,
}

impl<'a> Ask<'a> {
    pub(super) fn get(link: &'a Link) -> Ask<'a> {
        Ask { method: Method::GET, link, body: None, if_match: None }
    }

    pub(super) fn post(link: &'a Link, body: &'a Value) -> Ask<'a> {
        Ask { method: Method::POST, link, body: Some(body), if_match: None }
    }

    pub(super) fn delete(link: &'a Link) -> Ask<'a> {
        Ask { method: Method::DELETE, link, body: None, if_match: None }
    }

    /// `GET /redfish/v1/Systems`
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.link)
    }
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

/// An answer: its status counts as soon as the head is there.
pub(super) struct Answer {
    pub(super) uri: String,
    pub(super) status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Why the body didn't come to its end.
    cut: Option<Error>,
    /// From the request to the head of the answer.
    took: Duration,
}

/// X-Auth-Token (DSP0266, "Session login").
pub(super) const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

impl Http {
    /// Looks the name up and sets the client up. Nothing is sent yet.
    pub(super) fn new(
        address: &Address,
        origin: &Origin,
        transport: &Transport,
        proxy_from_environment: bool,
        limit: Duration,
        deadline: Deadline,
    ) -> Result<Http, Error> {
        let setup = |error: reqwest::Error| {
            let error = error.without_url();
            let chain = chain(&error);
            let passing =
                find::<io::Error>(&chain).is_some_and(|why| why.kind() == io::ErrorKind::WouldBlock);
            let words: Vec<String> = chain.iter().map(ToString::to_string).collect();
            Error::Setup { why: words.join(": "), passing }
        };
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert("odata-version", HeaderValue::from_static("4.0"));
        let mut builder = Client::builder()
            .user_agent(concat!("fence-agents/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(Policy::none())
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(None)
            .timeout(limit);
        builder = match proxy_from_environment {
            true => builder.dns_resolver(Arc::new(Names { limit })),
            false => builder.no_proxy(),
        };
        let (connector, pin) = match transport {
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
            builder = builder.resolve_to_addrs(origin.host(), &found);
        }
        if let Some(zone) = &address.zone {
            // A link-local address is reached over the interface that the socket is bound to.
            builder = builder.interface(&interface(zone));
        }
        // Shared out among the addresses.
        builder = builder.connect_timeout(connecting);
        Ok(Http {
            client: builder.build().map_err(setup)?,
            peer: address.to_string(),
            limit,
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
    pub(super) fn bind(&self, kept: bool) {
        self.gate.bind(if kept { Bond::Connection } else { Bond::Certificate });
    }

    /// Lets requests go to whoever has the address.
    pub(super) fn unbind(&self) {
        self.gate.bind(Bond::Free);
    }

    pub(super) fn is_bound(&self) -> bool {
        self.gate.bond() != Bond::Free
    }

    /// The certificate of the newest connection, in its DER form.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        self.gate.certificate()
    }

    /// The request whose answer took longest, and how long.
    pub(super) fn slowest(&self) -> Option<&(String, Duration)> {
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
    pub(super) fn volume(&self) -> u64 {
        self.volume
    }

    /// Whether the service ends connections, so that nothing can be bound to one.
    pub(super) fn ends_connections(&self) -> bool {
        self.ends_connections
    }

    /// The number of connections so far.
    pub(super) fn connections(&self) -> u64 {
        self.gate.connections()
    }

    /// Sends one request and reads the answer to its end, so that the connection can be used again. Where the body
    /// breaks off, the answer has a status all the same.
    pub(super) fn send(
        &mut self,
        ask: &Ask<'_>,
        authorize: impl FnOnce(RequestBuilder) -> RequestBuilder,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        self.exchange(ask, authorize, deadline, self.limit_by(deadline))
    }

    /// The same for what had better not be sent again: it gets all the time that the deadline leaves.
    pub(super) fn send_once(
        &mut self,
        ask: &Ask<'_>,
        authorize: impl FnOnce(RequestBuilder) -> RequestBuilder,
        deadline: Deadline,
    ) -> Result<Answer, Error> {
        self.exchange(ask, authorize, deadline, deadline.left().unwrap_or(LONGEST_PATIENCE).min(self.limit))
    }

    fn exchange(
        &mut self,
        ask: &Ask<'_>,
        authorize: impl FnOnce(RequestBuilder) -> RequestBuilder,
        deadline: Deadline,
        limit: Duration,
    ) -> Result<Answer, Error> {
        let uri = ask.name();
        let over = || Error::TimeOver { doing: uri.clone() };
        let waited = deadline.wait(limit).ok_or_else(over)?;
        let until = deadline.at_most(waited);
        let mut request = self.client.request(ask.method.clone(), ask.link.url().clone()).timeout(waited);
        if self.resets_connections {
            request = request.header(CONNECTION, "close");
        }
        if ask.method == Method::GET {
            request = request.header(CACHE_CONTROL, "no-cache");
        }
        if let Some(body) = ask.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        if let Some(tag) = ask.if_match.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            request = request.header(IF_MATCH, tag);
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
        let request = authorize(request);
        memory::wipe_dead_stack();
        let asked = Instant::now();
        let response = request.send().map_err(|error| failed(&error.without_url()));
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
        let (status, headers) = (response.status(), response.headers().clone());
        self.ends_connections |= announces_end(response.version(), &headers);
        let (body, cut) = read_bounded(response, until);
        self.volume = self.volume.saturating_add(u64::try_from(body.len()).unwrap_or(u64::MAX));
        let cut = cut.map(|cut| match cut {
            Cut::TooLarge => Error::TooLarge { uri: uri.clone(), limit: LARGEST_ANSWER },
            Cut::Late => late(),
            Cut::Failed(error) => failed(&error),
        });
        debug!("{uri}: HTTP {}, {} bytes", status.as_u16(), body.len());
        if self.slowest.as_ref().is_none_or(|(_, longest)| took > *longest) {
            self.slowest = Some((uri.clone(), took));
        }
        Ok(Answer { cut, took, ..Answer::new(uri, status.as_u16(), headers, body) })
    }
}

impl Answer {
    pub(super) fn new(uri: String, status: u16, headers: HeaderMap, body: Vec<u8>) -> Answer {
        Answer { uri, status, headers, body, cut: None, took: Duration::ZERO }
    }

    pub(super) fn is_success(&self) -> bool {
        StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success())
    }

    pub(super) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    /// That this is what was asked for, as it is now: 200 alone says so (RFC 9110, 15.3), and an answer that is older
    /// than the request comes out of somebody's memory (5.1 of RFC 9111). Both may pass.
    pub(super) fn reading(&self) -> Result<(), Error> {
        let unexpected = |what: String| Error::Unexpected { uri: self.uri.clone(), what, known: true };
        if self.status != 200 {
            return Err(unexpected(format!("HTTP {} is no answer that can be read", self.status)));
        }
        for age in self.headers.get_all(AGE) {
            let seconds = age.to_str().ok().and_then(|text| text.trim().parse().ok());
            if seconds.is_none_or(|seconds| Duration::from_secs(seconds) > self.took) {
                return Err(unexpected(
                    "the answer is older than the request (Age): it comes from a cache".into(),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn location(&self) -> Option<&str> {
        self.text(LOCATION)
    }

    pub(super) fn etag(&self) -> Option<&str> {
        self.text(ETAG).filter(|tag| tag.len() <= LONGEST_HEADER)
    }

    pub(super) fn token(&self) -> Option<&HeaderValue> {
        self.headers.get(AUTH_TOKEN).filter(|token| token.len() <= LONGEST_HEADER)
    }

    /// Retry-After in seconds (RFC 9110, 10.2.3). Its other form, a date, depends on clocks and counts as none.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let seconds: u32 = self.text(RETRY_AFTER)?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds.into()))
    }

    /// Whether one of the challenges (RFC 9110, 11.6.1) is for Basic.
    pub(super) fn offers_basic(&self) -> bool {
        let values = self.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut words = values.flat_map(|value| value.split([',', ' ']));
        words.any(|word| word.eq_ignore_ascii_case("basic"))
    }

    /// The body as a JSON object.
    pub(super) fn object(&self, known: bool) -> Result<Value, Error> {
        let unexpected =
            |what: &str| Error::Unexpected { uri: self.uri.clone(), what: what.to_owned(), known };
        if let Some(cut) = &self.cut {
            return Err(cut.clone());
        }
        match json::parse(&self.body) {
            Ok(value) if value.is_object() => Ok(value),
            Ok(_) => Err(unexpected("the answer is JSON, but no object")),
            Err(error) if error.is_eof() && !self.body.is_empty() => {
                Err(Error::Dropped { uri: self.uri.clone(), why: "the answer is cut short".to_owned() })
            }
            Err(_) if self.body.is_empty() => Err(unexpected("the answer is empty")),
            Err(_) if self.body.trim_ascii_start().starts_with(b"<") => {
                Err(unexpected("the answer is a web page, not JSON: is this a Redfish service?"))
            }
            Err(error) if error.is_data() => Err(unexpected("the answer holds too many values")),
            Err(_) => Err(unexpected("the answer is not JSON")),
        }
    }

    /// The body where it is JSON; null otherwise.
    pub(super) fn json_or_null(&self) -> Value {
        if self.cut.is_some() {
            return Value::Null;
        }
        json::parse(&self.body).unwrap_or(Value::Null)
    }

    pub(super) fn message(&self) -> Option<ServiceMessage> {
        ServiceMessage::find(&self.json_or_null())
    }

    /// What a status that is no success means where something was only asked for.
    pub(super) fn error_of_a_look(&self) -> Error {
        match self.error() {
            Error::Http { status: status @ 500.., uri, message, .. } => {
                Error::Http { status, uri, message, passing: true }
            }
            other => other,
        }
    }

    /// What a status that is no success means.
    pub(super) fn error(&self) -> Error {
        let (status, uri, message) = (self.status, self.uri.clone(), self.message());
        match status {
            401 => Error::LoginDenied { uri, message },
            403 => Error::Forbidden { uri, message },
            408 | 429 | 502 | 503 | 504 => {
                Error::Busy { status, uri, retry_after: self.retry_after(), message }
            }
            _ => Error::Http { status, uri, message, passing: false },
        }
    }

    fn text(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
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

/// Basic authentication (RFC 7617).
pub(super) fn basic<'a>(
    user: &'a str,
    password: &'a str,
) -> impl FnOnce(RequestBuilder) -> RequestBuilder + 'a {
    move |request| request.basic_auth(user, Some(password))
}

/// The token of a session.
pub(super) fn token(token: &HeaderValue) -> impl FnOnce(RequestBuilder) -> RequestBuilder {
    let mut value = token.clone();
    value.set_sensitive(true);
    move |request| request.header(AUTH_TOKEN, value)
}

/// No credential.
pub(super) fn nothing(request: RequestBuilder) -> RequestBuilder {
    request
}

/// Whether the connection ends with this answer (RFC 9112, 9.3).
fn announces_end(version: Version, headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let mut options = values.flat_map(|value| value.split(',')).map(str::trim);
    match version {
        Version::HTTP_09 | Version::HTTP_10 => {
            !options.any(|option| option.eq_ignore_ascii_case("keep-alive"))
        }
        _ => options.any(|option| option.eq_ignore_ascii_case("close")),
    }
}

/// Why a body didn't come to its end.
enum Cut {
    TooLarge,
    Late,
    Failed(io::Error),
}

/// The body, and what kept it from coming to its end.
fn read_bounded(mut response: Response, until: Deadline) -> (Vec<u8>, Option<Cut>) {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).is_ok_and(|announced| announced > LARGEST_ANSWER) {
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
        if body.len() + part.len() > LARGEST_ANSWER {
            return (body, Some(Cut::TooLarge));
        }
        trace!("{} bytes of the answer", part.len());
        body.extend_from_slice(part);
    }
}

enum Cause {
    BondBroken,
    Late,
    Refused,
    Unreachable(String),
    Tls(String),
    Dropped(String),
}

/// Finds what lies at the bottom of an error of the HTTP library.
fn classify(error: &(dyn StdError + 'static)) -> Cause {
    let chain = chain(error);
    if let Some(mismatch) = find::<PinMismatch>(&chain) {
        return Cause::Tls(mismatch.to_string());
    }
    if find::<BondBroken>(&chain).is_some() {
        return Cause::BondBroken;
    }
    let system =
        chain.iter().filter_map(|error| error.downcast_ref::<io::Error>()).find(|e| e.get_ref().is_none());
    let kind = system.map(io::Error::kind);
    let late =
        chain.iter().any(|e| e.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout));
    if late || kind == Some(io::ErrorKind::TimedOut) {
        return Cause::Late;
    }
    let words = || {
        let last = chain.last().map(|error| error.to_string()).unwrap_or_default();
        Told::new(last.trim()).to_string()
    };
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => return Cause::Refused,
        Some(
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown,
        ) => {
            return Cause::Unreachable(words());
        }
        _ => {}
    }
    if system.and_then(io::Error::raw_os_error) == Some(NO_SUCH_DEVICE) {
        return Cause::Unreachable("there is no such network interface".to_owned());
    }
    match find::<native_tls::Error>(&chain) {
        Some(tls) if system.is_none() && !tls.to_string().contains("unexpected eof") => {
            Cause::Tls(tls_words(&tls.to_string()))
        }
        _ => Cause::Dropped(words()),
    }
}

/// The error and everything below it, also what an `io::Error` carries inside, which its `source` skips.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut chain = vec![error];
    let mut next = Some(error);
    while let Some(error) = next {
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
        chain.extend(next);
    }
    chain
}

fn find<'a, T: StdError + 'static>(chain: &[&'a (dyn StdError + 'static)]) -> Option<&'a T> {
    chain.iter().find_map(|error| error.downcast_ref::<T>())
}

/// ENODEV: what binding a socket to an interface that isn't there comes to.
const NO_SUCH_DEVICE: i32 = 19;

/// What a failed handshake means, by the reasons that OpenSSL gives.
const HANDSHAKES: &[(&[&str], &str)] = &[
    (
        &[
            "unsupported protocol",
            "protocol version",
            "legacy sigalg",
            "version too low",
            "no protocols available",
        ],
        "it speaks too old a version of TLS (1.0 or 1.1), which this system's OpenSSL doesn't allow (security level, \
         MinProtocol); newer firmware of the service processor may help",
    ),
    (
        &["key too small", "key too short", "md too weak", "weak digest"],
        "its keys or signatures are too weak for this system's OpenSSL (security level); give it a new certificate or \
         newer firmware",
    ),
    (
        &[
            "wrong version number",
            "http request",
            "packet length too long",
            "unknown protocol",
            "record layer failure",
        ],
        "what listens on this port speaks no TLS (plain HTTP, perhaps)",
    ),
    (
        &["unsafe legacy renegotiation"],
        "it knows no secure renegotiation (RFC 5746), which this system's OpenSSL demands; newer firmware may help",
    ),
    (
        &["certificate required", "alert bad certificate"],
        "it demands a certificate of the client, which this agent has none of",
    ),
    (
        &["handshake failure", "no ciphers available", "no shared cipher", "insufficient security"],
        "it refuses all that this system's OpenSSL offers (old firmware knows old ciphers only), or demands a \
         certificate of the client",
    ),
];

/// What OpenSSL's words mean. The reason of a refused certificate stands in brackets at their end, the reason of
/// everything else after the routine's name.
fn tls_words(text: &str) -> String {
    let reason = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    if let Some((_, reason)) = reason.filter(|_| text.contains("certificate verify failed")) {
        return format!("its certificate is not accepted: {reason}");
    }
    let first = text.split(", ").next().unwrap_or(text);
    let reason = first.split(':').nth(4).unwrap_or(text);
    let is_so = |reasons: &&[&str]| reasons.iter().any(|known| reason.contains(known));
    match HANDSHAKES.iter().find(|(reasons, _)| is_so(reasons)) {
        Some((_, meaning)) => format!("{meaning} ({reason})"),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_words_are_shortened_to_the_reason() {
        let verify = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:\
                      ../ssl/statem/statem_clnt.c:1889: (self-signed certificate)";
        assert_eq!(tls_words(verify), "its certificate is not accepted: self-signed certificate");
        let version = "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:354:";
        assert!(
            tls_words(version).starts_with("what listens on this port speaks no TLS"),
            "{}",
            tls_words(version)
        );
        assert!(tls_words(version).ends_with("(wrong version number)"), "{}", tls_words(version));
        assert_eq!(tls_words("something else"), "something else");
    }
}
