//! A proxy (RFC 9110, 9.3.6): it connects to whom it is told, or sends requests on, and remembers what it was asked.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use openssl::ssl::SslAcceptor;

use super::server::acceptor;
use crate::redfish::Certificate;

/// How long it looks at one side before it looks at the other.
const TURN: Duration = Duration::from_millis(2);

/// A running proxy. It ends when dropped.
pub struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    over: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts one, to which clients speak TLS where there is a certificate.
    ///
    /// # Panics
    /// Where there is no port, or the certificate can't be used.
    pub fn start(certificate: Option<&Certificate>) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = certificate.map(acceptor).map(|acceptor| acceptor.build());
        let (heads, over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let proxy = Proxy { port, heads: Arc::clone(&heads), over: Arc::clone(&over) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (acceptor, heads) = (acceptor.clone(), Arc::clone(&heads));
                thread::spawn(move || welcome(stream, acceptor, &heads));
            }
        });
        proxy
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The head of each request that came to the proxy itself.
    ///
    /// # Panics
    /// Where the proxy has.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("heads").clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn welcome(stream: TcpStream, acceptor: Option<SslAcceptor>, heads: &Mutex<Vec<String>>) {
    let Ok(twin) = stream.try_clone() else { return };
    let _ = match acceptor {
        None => pass(stream, &twin, heads),
        Some(acceptor) => match acceptor.accept(stream) {
            Ok(stream) => pass(stream, &twin, heads),
            Err(_) => Ok(()),
        },
    };
}

/// Reads one head, does what it says, and then carries bytes both ways until one side ends.
fn pass<S: Read + Write>(mut client: S, socket: &TcpStream, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte)? == 0 {
            return Ok(());
        }
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    heads.lock().expect("heads").push(text.clone());
    let mut words = text.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let host = target.strip_prefix("http://").unwrap_or(target).split('/').next().unwrap_or_default();
    let mut server = TcpStream::connect(host)?;
    if method == "CONNECT" {
        client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")?;
    } else {
        let own = text.replacen(&format!("http://{host}"), "", 1);
        let lines = own.split_inclusive("\r\n").filter(|line| !line.to_lowercase().starts_with("proxy-"));
        server.write_all(lines.collect::<String>().as_bytes())?;
    }
    for side in [socket, &server] {
        side.set_read_timeout(Some(TURN))?;
    }
    loop {
        if carry(&mut client, &mut server)? || carry(&mut server, &mut client)? {
            return Ok(());
        }
    }
}

/// Carries what is there; true at the end.
fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<bool> {
    let mut chunk = [0; 4096];
    match from.read(&mut chunk) {
        Ok(0) => Ok(true),
        Ok(taken) => to.write_all(&chunk[..taken]).map(|()| false),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
