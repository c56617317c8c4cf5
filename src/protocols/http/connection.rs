//! Connections: made, kept open, bound, and told apart by the certificate at their other end.

use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::time::timeout;
use tower_service::Service;
use url::{Origin, Url};

use super::status_line::StatusLine;
use super::stream::{Noting, Stream};
use super::tls::{PinMismatch, Tls};
use super::trouble::{BondBroken, BoxError, lacks_an_issuer};
use crate::base::net::{self, NameError};
use crate::base::{Deadline, Told};

/// How often a connection is asked whether its other end is still there (RFC 9293, 3.8.4), and how long what has been sent
/// may go unacknowledged (RFC 5482).
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const KEEP_ALIVES: u32 = 3;
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// How many bytes a proxy may take to answer CONNECT.
const LONGEST_WELCOME: usize = 8 * 1024;

/// To what the next requests are bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Bond {
    /// Nothing.
    #[default]
    Free,
    /// The connection that stands: there is no other.
    Connection,
    /// The holder of the key that the last connection was made with: another one must show the same certificate.
    Certificate,
}

/// What is to be sent where: what every connection of HTTP/1.1 needs to know of a request.
pub(super) struct Outgoing<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

type Sent = http::Request<Full<Bytes>>;

/// A connection over which requests go, one after the other.
pub(super) struct Connection {
    origin: Origin,
    sender: SendRequest<Full<Bytes>>,
    /// That of the last answer on it.
    status_line: StatusLine,
    /// Where it leads to a proxy that sends requests on, who we are to that proxy.
    forwarded: Option<Option<HeaderValue>>,
}

/// The connections of a client: how they are made, and those that stand.
pub(super) struct Connections {
    /// What is encrypted, and how it is checked; `None` where nothing is.
    pub(super) tls: Option<Tls>,
    /// Addresses of hosts that have been looked up, by their names in URLs.
    pub(super) hosts: Vec<(String, Vec<SocketAddr>)>,
    /// The interface that every connection leaves by.
    pub(super) interface: Option<String>,
    /// How long making one may take, shared out among the addresses of a host.
    pub(super) connecting: Duration,
    /// Whether and where the environment has a proxy.
    pub(super) proxies: Option<Matcher>,
    pub(super) bond: Bond,
    /// Where the last request went: what is bound goes nowhere else.
    pub(super) last: Option<Origin>,
    /// The certificate of the newest connection, in its DER form.
    pub(super) seen: Option<Vec<u8>>,
    /// How many have been made.
    pub(super) count: u64,
    /// Those that wait for another request, one for each origin.
    pub(super) waiting: Vec<Connection>,
    /// What has come of the answer to the last request, also where it can't be read.
    pub(super) heard: StatusLine,
}

impl Connections {
    /// Sends a request over the connection that stands, or over a new one where there is none, and gives the head of
    /// the answer and the connection, over which the body is still to come.
    pub(super) async fn send(
        &mut self,
        mut outgoing: Outgoing<'_>,
        by: Deadline,
    ) -> Result<(http::Response<Incoming>, Connection), BoxError> {
        settle().await;
        self.heard = StatusLine::default();
        let origin = outgoing.url.origin();
        if self.bond != Bond::Free && self.last.as_ref() != Some(&origin) {
            return Err(BondBroken.into());
        }
        self.last = Some(origin.clone());
        let at = self.waiting.iter().position(|connection| connection.origin == origin);
        if let Some(mut connection) = at.map(|at| self.waiting.swap_remove(at))
            && connection.sender.ready().await.is_ok()
        {
            let request = outgoing.over(&connection)?;
            self.hear(&connection);
            match connection.sender.try_send_request(request).await {
                Ok(response) => return Ok((response, connection)),
                // The other end was quicker to end the connection: nothing has been sent.
                Err(mut error) => match error.take_message() {
                    None => return Err(error.into_error().into()),
                    Some(unsent) => {
                        self.heard = StatusLine::default();
                        outgoing.headers = unsent.into_parts().0.headers;
                    }
                },
            }
        }
        if self.bond == Bond::Connection {
            return Err(BondBroken.into());
        }
        let mut connection = self.connect_in_time(outgoing.url, by).await?;
        let request = outgoing.over(&connection)?;
        self.hear(&connection);
        let response = connection.sender.send_request(request).await?;
        Ok((response, connection))
    }

    /// What comes over this connection from here on is the answer.
    fn hear(&mut self, connection: &Connection) {
        connection.status_line.begin();
        self.heard = connection.status_line.clone();
    }

    /// Whether a request to this URL goes through a proxy, so that its host needn't be looked up here.
    pub(super) fn is_proxied(&self, url: &Url) -> bool {
        let uri = url.as_str().parse::<Uri>();
        self.proxies.as_ref().zip(uri.ok()).is_some_and(|(proxies, uri)| proxies.intercept(&uri).is_some())
    }

    /// Makes a connection within the time for that, all its steps together. Where no issuer of the certificate was found,
    /// the bundle that was left out is read, and it is made once more.
    async fn connect_in_time(&mut self, url: &Url, by: Deadline) -> Result<Connection, BoxError> {
        let first = self.connect_once(url, by).await;
        match first {
            Err(error)
                if lacks_an_issuer(error.as_ref()) && self.tls.as_mut().is_some_and(Tls::read_the_rest) =>
            {
                self.connect_once(url, by).await
            }
            other => other,
        }
    }

    async fn connect_once(&mut self, url: &Url, by: Deadline) -> Result<Connection, BoxError> {
        let connecting = self.connecting;
        match timeout(connecting, self.connect(url, by)).await {
            Ok(made) => made,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
    }

    /// Makes a connection, and lets it through or not. The first byte of a request is sent after that.
    async fn connect(&mut self, url: &Url, by: Deadline) -> Result<Connection, BoxError> {
        let uri: Uri = url.as_str().parse()?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_https = url.scheme() == "https";
        let proxy = self.proxies.as_ref().and_then(|proxies| proxies.intercept(&uri));
        let mut stream = match &proxy {
            None => Stream::Tcp(self.dial(uri, by).await?),
            Some(proxy) => self.to_proxy(proxy, by).await?,
        };
        if is_https {
            if let Some(proxy) = &proxy {
                let port = url.port_or_known_default().unwrap_or_default();
                let target = format!("{}:{port}", url.host_str().unwrap_or_default());
                tunnel(&mut stream, &target, proxy.basic_auth()).await?;
            }
            let tls = self.tls.as_ref().ok_or("no TLS was set up")?;
            stream = stream.encrypt(tls.ssl(host)?).await?;
        }
        // What a proxy has shown is no certificate of the service.
        let certificate = if is_https { stream.certificate() } else { None };
        self.let_through(certificate)?;
        let status_line = StatusLine::default();
        let stream = Noting { stream, status_line: status_line.clone() };
        // Lines of a head that are no headers are nobody's concern: what is needed of it is looked for by its name.
        let (sender, connection) = http1::Builder::new()
            .allow_spaces_after_header_name_in_responses(true)
            .allow_obsolete_multiline_headers_in_responses(true)
            .ignore_invalid_headers_in_responses(true)
            .handshake(stream)
            .await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                log::trace!("a connection ended: {}", Told::new(error.to_string()));
            }
        });
        let forwarded = proxy.filter(|_| !is_https).map(|proxy| proxy.basic_auth().cloned());
        Ok(Connection { origin: url.origin(), sender, status_line, forwarded })
    }

    async fn to_proxy(&self, proxy: &Intercept, by: Deadline) -> Result<Stream, BoxError> {
        let uri = proxy.uri().clone();
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let scheme = uri.scheme_str().unwrap_or_default().to_owned();
        match scheme.as_str() {
            "http" => Ok(Stream::Tcp(self.dial(uri, by).await?)),
            "https" => {
                let tls = self.tls.as_ref().ok_or("no TLS was set up for a proxy that wants it")?;
                let stream = Stream::Tcp(self.dial(uri, by).await?);
                Ok(stream.encrypt(tls.ssl(&host)?).await?)
            }
            _ => Err(format!("there is no way through a proxy that speaks {}", Told::new(scheme)).into()),
        }
    }

    async fn dial(&self, uri: Uri, by: Deadline) -> Result<tokio::net::TcpStream, BoxError> {
        let mut tcp = HttpConnector::new_with_resolver(Names { known: self.hosts.clone(), by });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        tcp.set_keepalive_interval(Some(KEEP_ALIVE));
        tcp.set_keepalive_retries(Some(KEEP_ALIVES));
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        tcp.set_connect_timeout(Some(self.connecting));
        if let Some(interface) = &self.interface {
            tcp.set_interface(interface);
        }
        Ok(tcp.call(uri).await?.into_inner())
    }

    /// Judges a connection that has just been made.
    fn let_through(&mut self, certificate: Option<Vec<u8>>) -> Result<(), BoxError> {
        if let Some(pin) = self.tls.as_ref().and_then(Tls::pin) {
            PinMismatch::check(pin, certificate.as_deref())?;
        }
        if self.bond == Bond::Certificate && self.seen != certificate {
            return Err(BondBroken.into());
        }
        self.seen = certificate;
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

impl Outgoing<'_> {
    /// As it is written on this connection (RFC 9112, 3.2). The headers go into it.
    fn over(&mut self, connection: &Connection) -> Result<Sent, BoxError> {
        let place = match &connection.forwarded {
            Some(_) => self.url.as_str(),
            None => self.url.as_str().get(self.url.origin().ascii_serialization().len()..).unwrap_or("/"),
        };
        // A fragment is the client's business (RFC 9110, 4.2.4).
        let uri: Uri = place.split('#').next().unwrap_or("/").parse()?;
        let host = match self.url.port() {
            None => self.url.host_str().unwrap_or_default().to_owned(),
            Some(port) => format!("{}:{port}", self.url.host_str().unwrap_or_default()),
        };
        let mut headers = std::mem::take(&mut self.headers);
        headers.insert(HOST, HeaderValue::from_str(&host)?);
        if self.body.is_empty() && [Method::POST, Method::PUT, Method::PATCH].contains(&self.method) {
            // RFC 9110, 8.6: these have a body, if an empty one.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        if let Some(Some(who)) = &connection.forwarded {
            headers.insert(http::header::PROXY_AUTHORIZATION, who.clone());
        }
        let mut request = http::Request::new(Full::new(Bytes::from(self.body.clone())));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Lets what has happened meanwhile be noticed: that a connection is ready for another request, or has ended. The
/// runtime does nothing while nobody waits in it. One turn takes in what the system has to tell, the next lets the
/// connections act on it.
pub(super) async fn settle() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

/// Has a proxy connect to host and port (RFC 9110, 9.3.6).
async fn tunnel(stream: &mut Stream, target: &str, who: Option<&HeaderValue>) -> io::Result<()> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(who) = who {
        request.extend([b"Proxy-Authorization: ", who.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    stream.write_all(&request).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte, so that nothing of what follows is taken.
        match stream.read_byte().await? {
            Some(byte) if answer.len() < LONGEST_WELCOME => answer.push(byte),
            _ => return Err(io::Error::other("the proxy gave no answer to CONNECT")),
        }
    }
    let line =
        String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned();
    let status = line.strip_prefix("HTTP/1.").and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    match status {
        success if success.len() == 3 && success.starts_with('2') => Ok(()),
        "407" => Err(io::Error::other("the proxy wants to know who we are")),
        _ => Err(io::Error::other(format!("the proxy refuses: {}", Told::new(line)))),
    }
}

/// Looks names up as other names are looked up.
#[derive(Clone)]
struct Names {
    known: Vec<(String, Vec<SocketAddr>)>,
    by: Deadline,
}

impl Service<Name> for Names {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = NameError;
    type Future = Ready<Result<Self::Response, NameError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), NameError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let known = self.known.iter().find(|(known, _)| known == name.as_str());
        let found = match known {
            Some((_, addresses)) => Ok(addresses.clone()),
            // It may wait here: nobody else has anything to do.
            None => net::resolve(name.as_str(), 0, self.by),
        };
        ready(found.map(Vec::into_iter))
    }
}
