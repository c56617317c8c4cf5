//! The service itself.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use super::digest::{self, Algorithm, Claim};
use crate::redfish::Certificate;

/// The account that there is.
pub const USER: &str = "operator";
/// Its password, and as it is, the token.
pub const PASSWORD: &str = "c0rrect:horse";

/// How an answer that doesn't end as it should goes on, piece by piece.
const PIECE: Duration = Duration::from_millis(20);

/// How the service wants to be told who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// Not at all.
    Open,
    /// Basic.
    Basic,
    /// Digest, in one of these ways.
    Digest {
        /// The hash functions that it offers, each in a challenge of its own.
        offered: Vec<Algorithm>,
        /// After how many uses a nonce is stale.
        uses: u32,
        /// Whether each answer names the next nonce, and takes no other then.
        next: bool,
    },
    /// Digest that finds every nonce stale.
    EverStale,
    /// A token.
    Bearer,
    /// `POST /login` with a form sets a cookie, with which everything else is answered; `POST /logout` ends it.
    Cookie,
}

/// What happens at a place.
#[derive(Clone, Debug)]
pub enum Act {
    /// An answer with these headers.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The method, the type of the body and the body of the request, in three lines.
    Echo,
    /// A body without an end, as fast as it goes.
    Endless,
    /// A body that comes a byte at a time, and never to its end.
    Slow,
    /// Half of the body that was announced, then the end of the connection.
    Truncated,
    /// A body in chunks.
    Chunked(Vec<&'static str>),
    /// No answer.
    Silence,
}

/// How the service is to be.
pub struct Setup {
    /// HTTPS with this certificate.
    pub certificate: Option<Certificate>,
    /// The authority whose certificates clients must show, as PEM.
    pub clients: Option<Vec<u8>>,
    /// Nothing newer than TLS 1.2.
    pub old: bool,
    /// Who may ask.
    pub login: Login,
    /// Places, and what happens there. Other places are answered with 200 and their own names.
    pub places: Vec<(&'static str, Act)>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { certificate: None, clients: None, old: false, login: Login::Open, places: Vec::new() }
    }
}

/// What came in.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Connections that were accepted.
    pub connections: u64,
    /// Method and path of each request, in order.
    pub requests: Vec<String>,
    /// Requests that carried something that is to prove who asks.
    pub claims: u32,
    /// Those among them that were made with a wrong password: what an account is locked for.
    pub wrong: u32,
    /// Those among them that had been used before, or were counted otherwise than the service counts.
    pub replayed: u32,
    /// The value of `Cookie` of each request that had one.
    pub cookies: Vec<String>,
    /// The value of `Content-Length` of each request; nothing where it had none.
    pub lengths: Vec<String>,
}

struct Shared {
    setup: Setup,
    books: Mutex<Books>,
    state: Mutex<State>,
    over: AtomicBool,
}

/// Nonces and how often each was used; whether somebody is logged in with a cookie.
#[derive(Default)]
struct State {
    nonces: Vec<(String, u32)>,
    retired: Vec<String>,
    session: Option<String>,
    made: u32,
}

/// A running service. It ends when dropped.
pub struct Server {
    port: u16,
    https: bool,
    shared: Arc<Shared>,
}

impl Setup {
    /// Starts it.
    ///
    /// # Panics
    /// Where there is no port, or the certificate can't be used.
    pub fn start(self) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = self.certificate.as_ref().map(|certificate| checking(acceptor(certificate), &self));
        let https = acceptor.is_some();
        let shared = Arc::new(Shared {
            setup: self,
            books: Mutex::default(),
            state: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let server = Server { port, https, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.over.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
                thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
                    shared.books.lock().expect("books").connections += 1;
                    let _ = match acceptor {
                        None => shared.serve(stream),
                        Some(acceptor) => match acceptor.accept(stream) {
                            Ok(stream) => shared.serve(stream),
                            Err(_) => Ok(()),
                        },
                    };
                });
            }
        });
        server
    }
}

/// What speaks TLS with this certificate.
pub(super) fn acceptor(certificate: &Certificate) -> SslAcceptorBuilder {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).expect("TLS");
    acceptor.set_private_key(&certificate.key).expect("a key");
    acceptor.set_certificate(&certificate.certificate).expect("a certificate");
    acceptor
}

/// Has clients show a certificate, and so on, as the setup wants it.
fn checking(mut acceptor: SslAcceptorBuilder, setup: &Setup) -> SslAcceptor {
    if setup.old {
        acceptor.set_max_proto_version(Some(SslVersion::TLS1_2)).expect("TLS 1.2");
    }
    if let Some(authority) = &setup.clients {
        let mut store = X509StoreBuilder::new().expect("a store");
        store.add_cert(X509::from_pem(authority).expect("an authority")).expect("an authority");
        acceptor.set_verify_cert_store(store.build()).expect("a store");
        acceptor.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
    acceptor.build()
}

impl Server {
    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:1234`
    pub fn origin(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.https { "https" } else { "http" }, self.port)
    }

    /// What came in so far.
    ///
    /// # Panics
    /// Where the service has.
    pub fn books(&self) -> Books {
        self.shared.books.lock().expect("books").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// A request.
struct Incoming {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Incoming {
    /// The next one of a connection; `None` at its end.
    fn read(stream: &mut impl Read) -> io::Result<Option<Incoming>> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte)? == 0 {
                return Ok(None);
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        // What comes through a proxy has a whole URL (RFC 9112, 3.2.2).
        let path = match target.strip_prefix("http://").and_then(|rest| rest.split_once('/')) {
            Some((_, path)) => format!("/{path}"),
            None => target,
        };
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
        let mut incoming = Incoming { method, path, headers, body: String::new() };
        let mut body = vec![0; incoming.header("content-length").parse().unwrap_or(0)];
        stream.read_exact(&mut body)?;
        incoming.body = String::from_utf8_lossy(&body).into_owned();
        Ok(Some(incoming))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What whoever asks is to be told before anything else.
enum Gate {
    Open(Vec<(&'static str, String)>),
    Closed(Vec<(&'static str, String)>),
}

impl Shared {
    fn serve<S: Read + Write>(&self, mut stream: S) -> io::Result<()> {
        while let Some(incoming) = Incoming::read(&mut stream)? {
            {
                let mut books = self.books.lock().expect("books");
                books.requests.push(format!("{} {}", incoming.method, incoming.path));
                books.lengths.push(incoming.header("content-length").to_owned());
                if !incoming.header("cookie").is_empty() {
                    books.cookies.push(incoming.header("cookie").to_owned());
                }
            }
            match self.gate(&incoming) {
                Gate::Closed(headers) => answer(&mut stream, 401, &headers, "who are you?")?,
                Gate::Open(headers) => self.act(&incoming, headers, &mut stream)?,
            }
        }
        Ok(())
    }

    fn act<S: Read + Write>(
        &self,
        incoming: &Incoming,
        mut headers: Vec<(&'static str, String)>,
        stream: &mut S,
    ) -> io::Result<()> {
        let act = self.setup.places.iter().find(|(path, _)| *path == incoming.path).map(|(_, act)| act);
        let dropped = || io::Error::from(io::ErrorKind::ConnectionAborted);
        match act {
            None => answer(stream, 200, &headers, &incoming.path),
            Some(Act::Answer(status, more, body)) => {
                headers.extend(more.iter().cloned());
                answer(stream, *status, &headers, body)
            }
            Some(Act::Echo) => {
                let kind = incoming.header("content-type");
                answer(stream, 200, &headers, &format!("{}\n{kind}\n{}", incoming.method, incoming.body))
            }
            Some(Act::Endless) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                loop {
                    stream.write_all(&[b'x'; 4096])?;
                }
            }
            Some(Act::Slow) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
                loop {
                    stream.write_all(b"x")?;
                    stream.flush()?;
                    thread::sleep(PIECE);
                }
            }
            Some(Act::Truncated) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\":")?;
                stream.flush()?;
                Err(dropped())
            }
            Some(Act::Chunked(chunks)) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                for chunk in chunks {
                    stream.write_all(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes())?;
                }
                stream.write_all(b"0\r\n\r\n")?;
                stream.flush()
            }
            Some(Act::Silence) => {
                // Until the client goes.
                while stream.read(&mut [0])? > 0 {}
                Err(dropped())
            }
        }
    }

    fn gate(&self, incoming: &Incoming) -> Gate {
        let given = incoming.header("authorization");
        let mut books = self.books.lock().expect("books");
        if !given.is_empty() {
            books.claims += 1;
        }
        let judged = |right: bool, books: &mut Books, scheme: &str| {
            if right {
                return Gate::Open(Vec::new());
            }
            if !given.is_empty() {
                books.wrong += 1;
            }
            Gate::Closed(vec![("WWW-Authenticate", format!("{scheme} realm=\"test\""))])
        };
        match &self.setup.login {
            Login::Open => Gate::Open(Vec::new()),
            Login::Basic => {
                let expected = openssl::base64::encode_block(format!("{USER}:{PASSWORD}").as_bytes());
                judged(given == format!("Basic {expected}"), &mut books, "Basic")
            }
            Login::Bearer => judged(given == format!("Bearer {PASSWORD}"), &mut books, "Bearer"),
            Login::Cookie => self.session(incoming, &mut books),
            Login::Digest { offered, uses, next } => {
                self.digest(incoming, &mut books, offered, *uses, *next, false)
            }
            Login::EverStale => self.digest(incoming, &mut books, &[Algorithm::Md5], 0, false, true),
        }
    }

    fn session(&self, incoming: &Incoming, books: &mut Books) -> Gate {
        let mut state = self.state.lock().expect("state");
        if (incoming.method.as_str(), incoming.path.as_str()) == ("POST", "/login") {
            books.claims += 1;
            let expected = format!("user={USER}&password={}", PASSWORD.replace(':', "%3A"));
            if incoming.body != expected {
                books.wrong += 1;
                return Gate::Closed(Vec::new());
            }
            state.made += 1;
            let session = format!("secret-session-{}", state.made);
            let cookie = format!("sid={session}; Path=/; HttpOnly");
            state.session = Some(session);
            return Gate::Open(vec![("Set-Cookie", cookie), ("Set-Cookie", "csrf=token-1; Path=/".into())]);
        }
        let mut sent = incoming.header("cookie").split("; ").filter_map(|pair| pair.strip_prefix("sid="));
        let known = state.session.is_some() && sent.next() == state.session.as_deref();
        match (known, incoming.path.as_str()) {
            (false, _) => Gate::Closed(Vec::new()),
            (true, "/logout") => {
                state.session = None;
                Gate::Open(vec![("Set-Cookie", "sid=; Max-Age=0".into())])
            }
            (true, _) => Gate::Open(Vec::new()),
        }
    }

    fn digest(
        &self,
        incoming: &Incoming,
        books: &mut Books,
        offered: &[Algorithm],
        uses: u32,
        next: bool,
        ever_stale: bool,
    ) -> Gate {
        const REALM: &str = "a realm, with a comma";
        let mut state = self.state.lock().expect("state");
        let closed = |state: &mut State, stale: bool| {
            let nonce = state.nonce();
            let challenges =
                offered.iter().map(|algorithm| digest::challenge(*algorithm, REALM, &nonce, stale));
            Gate::Closed(challenges.map(|challenge| ("WWW-Authenticate", challenge)).collect())
        };
        let Some(claim) = Claim::read(incoming.header("authorization")) else {
            return closed(&mut state, false);
        };
        let request = (incoming.method.as_str(), incoming.path.as_str());
        if !claim.is_right(offered, REALM, (USER, PASSWORD), request) {
            books.wrong += 1;
            return closed(&mut state, false);
        }
        let nonce = claim.field("nonce");
        let Some((_, used)) = state.nonces.iter_mut().find(|(known, _)| known == nonce) else {
            let retired = state.retired.iter().any(|known| known == nonce);
            books.replayed += u32::from(!retired);
            return closed(&mut state, retired);
        };
        if claim.count() != *used + 1 {
            books.replayed += 1;
            return closed(&mut state, false);
        }
        *used += 1;
        let over = *used >= uses;
        if ever_stale || over || next {
            state.nonces.retain(|(known, _)| known != nonce);
            state.retired.push(nonce.to_owned());
        }
        if ever_stale {
            return closed(&mut state, true);
        }
        let info =
            next.then(|| ("Authentication-Info", format!("nextnonce=\"{}\", qop=auth", state.nonce())));
        Gate::Open(info.into_iter().collect())
    }
}

impl State {
    /// A new nonce.
    fn nonce(&mut self) -> String {
        self.made += 1;
        let nonce = format!("nonce-{}/=", self.made);
        self.nonces.push((nonce.clone(), 0));
        nonce
    }
}

fn answer(
    stream: &mut impl Write,
    status: u16,
    headers: &[(&'static str, String)],
    body: &str,
) -> io::Result<()> {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let text = format!("HTTP/1.1 {status} Whatever\r\n{lines}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes())?;
    stream.flush()
}
