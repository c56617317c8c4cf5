//! What every HTTP service of ours stands on: it listens, speaks TLS, reads requests, and carries out departures from the
//! usual. What a request means is somebody else's.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use openssl::dh::Dh;
use openssl::ssl::{SslAcceptor, SslMethod, SslOptions, SslVersion};
use serde_json::{Value, json};

use super::certificate::Certificate;
use super::message::{Incoming, answer, head};
use super::rule::Act;

/// The words behind a status that nobody has words for.
const WHATEVER: &str = "Whatever";

/// How a service speaks TLS.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// Its certificate; plain HTTP without one.
    pub certificate: Option<Certificate>,
    /// Whether it speaks TLS 1.0 and nothing newer.
    pub old: bool,
    /// Whether it agrees on keys with a group of 1024 bits for Diffie-Hellman, and in no other way.
    pub weak_group: bool,
}

impl Tls {
    fn acceptor(&self) -> Option<SslAcceptor> {
        self.certificate.as_ref().map(|certificate| {
            let mut builder = SslAcceptor::mozilla_intermediate(SslMethod::tls()).unwrap();
            // A key that is too short for the system's policy is the client's business here.
            builder.set_security_level(0);
            if self.old {
                builder.clear_options(SslOptions::NO_TLSV1);
                builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
                builder.set_max_proto_version(Some(SslVersion::TLS1)).unwrap();
                builder.set_cipher_list("DEFAULT@SECLEVEL=0").unwrap();
            }
            if self.weak_group {
                builder.set_max_proto_version(Some(SslVersion::TLS1_2)).unwrap();
                builder.set_cipher_list("DHE-RSA-AES128-SHA:@SECLEVEL=0").unwrap();
                builder.set_tmp_dh(&Dh::get_1024_160().unwrap()).unwrap();
            }
            builder.set_private_key(&certificate.key).unwrap();
            builder.set_certificate(&certificate.certificate).unwrap();
            builder.build()
        })
    }
}

/// What an answer is made of.
pub(crate) struct Reply {
    pub status: u16,
    /// What stands behind the status.
    pub reason: String,
    pub content_type: &'static str,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    /// JSON.
    pub fn new(status: u16, body: String) -> Reply {
        Reply {
            status,
            reason: WHATEVER.to_owned(),
            content_type: "application/json",
            headers: Vec::new(),
            body,
        }
    }

    /// With another header.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

/// What is to be done with a request.
pub(crate) struct Handled {
    /// The usual answer.
    pub reply: Reply,
    /// The departure from it.
    pub act: Option<Act>,
    /// How long it takes.
    pub pause: Duration,
}

/// How a service deals with connections, for now.
#[derive(Clone, Copy, Default)]
pub(crate) struct Manners {
    /// How long it takes for each answer.
    pub slow: Duration,
    /// Whether it resets a connection that is used a second time.
    pub resets_connections: bool,
}

/// What stands on the frame.
pub(crate) trait Served: Send + Sync + 'static {
    /// How connections are dealt with.
    fn manners(&self) -> Manners;
    /// What is to be done with a request of a connection, which are numbered from 1.
    fn handle(&self, incoming: &Incoming, connection: usize) -> Handled;
}

/// The running frame. It ends when dropped.
pub(crate) struct Frame {
    port: u16,
    https: bool,
    origin: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    connections: AtomicUsize,
    handshakes_failed: AtomicUsize,
}

impl Frame {
    /// Starts it on a free port of the loopback address.
    pub fn start<S: Served>(tls: &Tls, served: Arc<S>) -> Frame {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = tls.acceptor();
        let https = acceptor.is_some();
        let origin = format!("{}://127.0.0.1:{port}", if https { "https" } else { "http" });
        let shared = Arc::new(Shared::default());
        let listening = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if listening.stopped() {
                    return;
                }
                let number = listening.connections.fetch_add(1, Ordering::Relaxed) + 1;
                let (shared, served, acceptor) =
                    (Arc::clone(&listening), Arc::clone(&served), acceptor.clone());
                thread::spawn(move || {
                    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
                    let _ = stream.set_nodelay(true);
                    let socket = stream.try_clone()?;
                    match acceptor {
                        None => shared.serve(&*served, stream, &socket, number),
                        Some(acceptor) => match acceptor.accept(stream) {
                            Ok(stream) => shared.serve(&*served, stream, &socket, number),
                            Err(_) => {
                                shared.handshakes_failed.fetch_add(1, Ordering::Relaxed);
                                Ok(())
                            }
                        },
                    }
                });
            }
        });
        Frame { port, https, origin, shared }
    }

    /// The TCP port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it speaks HTTPS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// `https://127.0.0.1:12345`
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many TCP connections have come in.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many of them never got through the TLS handshake.
    pub fn handshakes_failed(&self) -> usize {
        self.shared.handshakes_failed.load(Ordering::Relaxed)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn serve(
        &self,
        served: &impl Served,
        mut stream: impl Read + Write,
        socket: &TcpStream,
        connection: usize,
    ) -> io::Result<()> {
        let mut used = false;
        while let Some(incoming) = Incoming::read(&mut stream)? {
            let manners = served.manners();
            if std::mem::replace(&mut used, true) && manners.resets_connections {
                return reset_at_the_end(socket);
            }
            thread::sleep(manners.slow);
            if self.stopped() {
                return Ok(());
            }
            let Handled { reply, act, pause } = served.handle(&incoming, connection);
            thread::sleep(pause);
            let mut headers = vec![("Content-Type".to_owned(), reply.content_type.to_owned())];
            let Some(act) = act else {
                headers.extend(reply.headers);
                answer(&mut stream, reply.status, &reply.reason, &headers, &reply.body)?;
                continue;
            };
            match act {
                Act::Answer(status, more, body) => {
                    headers.extend(more);
                    answer(&mut stream, status, WHATEVER, &headers, &body)?;
                    continue;
                }
                Act::As(..) | Act::Forget => {
                    headers.extend(reply.headers);
                    answer(&mut stream, reply.status, &reply.reason, &headers, &reply.body)?;
                    continue;
                }
                Act::With(fields) => {
                    headers.extend(reply.headers);
                    answer(
                        &mut stream,
                        reply.status,
                        &reply.reason,
                        &headers,
                        &with_fields(&reply.body, &fields),
                    )?;
                    continue;
                }
                Act::Twice(name, value, first) => {
                    headers.extend(reply.headers);
                    let more = format!("{}:{value}", json!(name));
                    let fields = reply.body.trim_start_matches('{').trim_end_matches('}');
                    let body =
                        if first { format!("{{{more},{fields}}}") } else { format!("{{{fields},{more}}}") };
                    answer(&mut stream, reply.status, &reply.reason, &headers, &body)?;
                    continue;
                }
                Act::Stray(body) => {
                    headers.extend(reply.headers);
                    let length = |body: &str| ("Content-Length".to_owned(), body.len().to_string());
                    let usual = [headers.clone(), vec![length(&reply.body)]].concat();
                    let stray = [headers, vec![length(&body)]].concat();
                    let both = head(reply.status, WHATEVER, &usual)
                        + &reply.body
                        + &head(200, WHATEVER, &stray)
                        + &body;
                    stream.write_all(both.as_bytes())?;
                    stream.flush()?;
                    continue;
                }
                Act::Huge => {
                    headers.push(("Transfer-Encoding".into(), "chunked".into()));
                    stream.write_all(head(200, WHATEVER, &headers).as_bytes())?;
                    let chunk = format!("{:x}\r\n{}\r\n", 1_000_000, " ".repeat(1_000_000));
                    (0..100).try_for_each(|_| stream.write_all(chunk.as_bytes()))?;
                }
                Act::HugeAnnounced => {
                    headers.push(("Content-Length".into(), "100000000".into()));
                    stream.write_all(head(200, WHATEVER, &headers).as_bytes())?;
                    let chunk = " ".repeat(1_000_000);
                    (0..100).try_for_each(|_| stream.write_all(chunk.as_bytes()))?;
                }
                Act::Drip => {
                    headers.push(("Content-Length".into(), "1000000".into()));
                    stream.write_all(head(200, WHATEVER, &headers).as_bytes())?;
                    self.drip(&mut stream)?;
                }
                Act::DripHead => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ")?;
                    self.drip(&mut stream)?;
                }
                Act::CutShort => {
                    headers.push(("Content-Length".into(), reply.body.len().to_string()));
                    let half = reply.body.get(..reply.body.len() / 2).unwrap_or_default();
                    stream.write_all((head(200, WHATEVER, &headers) + half).as_bytes())?;
                }
                Act::CutJson => {
                    headers.push(("Connection".into(), "close".into()));
                    let half = reply.body.get(..reply.body.len() / 2).unwrap_or_default();
                    stream.write_all((head(200, WHATEVER, &headers) + half).as_bytes())?;
                }
                Act::Raw(bytes) => stream.write_all(&bytes)?,
                Act::Close => {}
                Act::Silence => {
                    while !self.stopped() {
                        thread::sleep(Duration::from_millis(20));
                    }
                }
            }
            return stream.flush();
        }
        Ok(())
    }

    fn drip(&self, stream: &mut impl Write) -> io::Result<()> {
        while !self.stopped() {
            stream.write_all(b" ")?;
            stream.flush()?;
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// The status that these bytes begin with, if they are an answer.
pub(crate) fn status_of(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Lets a connection end with a reset, as soon as its last handle is closed.
fn reset_at_the_end(socket: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let length = std::mem::size_of::<libc::linger>() as libc::socklen_t;
    // SAFETY: the structure lives through the call, and its length is told.
    let result = unsafe {
        let value = std::ptr::from_ref(&linger).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, value, length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A JSON object with some of its fields set or taken away.
pub(crate) fn with_fields(body: &str, fields: &[(String, Option<Value>)]) -> String {
    let mut object: Value = serde_json::from_str(body).unwrap_or_default();
    for (pointer, value) in fields {
        let (holder, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
        let Some(holder) = object.pointer_mut(holder).and_then(Value::as_object_mut) else { continue };
        match value {
            Some(value) => holder.insert(name.to_owned(), value.clone()),
            None => holder.remove(name),
        };
    }
    object.to_string()
}
