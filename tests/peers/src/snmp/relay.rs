//! A relay between client and agent whose behaviour is a function of what passes.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A relay on a free loopback port. It ends when dropped.
pub struct Relay {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Decides what reaches the client in place of an answer of the agent: that answer alone, nothing, or several
/// datagrams, which may be from earlier. Called for each answer; the number counts them from 0.
pub type Rule = Box<dyn FnMut(usize, &[u8]) -> Vec<Vec<u8>> + Send>;

impl Relay {
    /// A relay to this agent. Each client address gets a socket of its own towards the agent, and what the rule
    /// gives back goes to the client that spoke last, whomever it was meant for.
    pub fn start(agent: SocketAddr, mut rule: Rule) -> Relay {
        let front = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = front.local_addr().expect("its address");
        front.set_nonblocking(true).expect("a socket that doesn't block");
        let (requests, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counter, told) = (requests.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut backs: HashMap<SocketAddr, UdpSocket> = HashMap::new();
            let mut last = None;
            let mut answers = 0;
            let mut buffer = vec![0; 65_536];
            while !told.load(Ordering::Relaxed) {
                let mut idle = true;
                match front.recv_from(&mut buffer) {
                    Ok((length, client)) => {
                        idle = false;
                        counter.fetch_add(1, Ordering::Relaxed);
                        // What an earlier socket still receives is read by nobody: a client opens one per attempt.
                        if last != Some(client) && backs.len() > 8 {
                            backs.clear();
                        }
                        last = Some(client);
                        let back = backs.entry(client).or_insert_with(|| towards(agent));
                        let _ = back.send(&buffer[..length]);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    Err(_) => {}
                }
                for back in backs.values() {
                    while let Ok(length) = back.recv(&mut buffer) {
                        idle = false;
                        for datagram in rule(answers, &buffer[..length]) {
                            if let Some(client) = last {
                                let _ = front.send_to(&datagram, client);
                            }
                        }
                        answers += 1;
                    }
                }
                if idle {
                    wait(&front, backs.values());
                }
            }
        });
        Relay { address, requests, stop, thread: Some(thread) }
    }

    /// Where clients send to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn towards(agent: SocketAddr) -> UdpSocket {
    let local = if agent.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" };
    let socket = UdpSocket::bind(local).expect("a socket");
    socket.connect(agent).expect("a connected socket");
    socket.set_nonblocking(true).expect("a socket that doesn't block");
    socket
}

/// Until one of the sockets has something, or it is time to look whether to stop.
fn wait<'a>(front: &'a UdpSocket, backs: impl Iterator<Item = &'a UdpSocket>) {
    use std::os::fd::AsRawFd;
    let mut waits: Vec<libc::pollfd> = std::iter::once(front)
        .chain(backs)
        .map(|socket| libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let time = Duration::from_millis(20).as_millis() as i32;
    // SAFETY: the array lives through the call and its length is given.
    unsafe { libc::poll(waits.as_mut_ptr(), waits.len() as libc::nfds_t, time) };
}
