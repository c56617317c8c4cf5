//! A UDP relay between an agent and a device: counts, delays, loses, repeats and alters datagrams.
//!
//! ```no_run
//! use peers::relay::{Direction, Fate, Relay};
//! use std::time::Duration;
//!
//! let device = "127.0.0.1:9001".parse().unwrap();
//! // A round trip of 20 ms, and the first request never arrives.
//! let relay = Relay::builder(device)
//!     .delay(Duration::from_millis(10))
//!     .rule(|packet| match (packet.direction, packet.index) {
//!         (Direction::ToDevice, 0) => Fate::Lose,
//!         _ => Fate::Pass,
//!     })
//!     .start();
//! // ... fence 127.0.0.1, relay.port() ...
//! assert!(relay.count(Direction::ToDevice) <= 8);
//! ```

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the agent to the device.
    ToDevice,
    /// From the device to the agent.
    ToAgent,
}

/// A datagram that came in, as a rule sees it.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// Which way it goes.
    pub direction: Direction,
    /// Its number in that direction, from 0.
    pub index: usize,
    /// What it holds.
    pub bytes: &'a [u8],
}

/// What becomes of a datagram. The relay's own delay comes on top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Goes on as it is.
    Pass,
    /// Is lost.
    Lose,
    /// Arrives twice.
    Twice,
    /// Arrives this much later; others may overtake it.
    Late(Duration),
    /// These arrive in its place, in this order.
    Instead(Vec<Vec<u8>>),
    /// These go out in its place, each in its time, and either way: nobody needs to have asked for them.
    Send(Vec<Sending>),
}

/// A datagram that the relay sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Which way it goes.
    pub direction: Direction,
    /// How long after the datagram in whose place it goes.
    pub after: Duration,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A datagram that came in: the relay's record.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it reached the relay.
    pub at: Instant,
    /// Which way it went.
    pub direction: Direction,
    /// What it held.
    pub bytes: Vec<u8>,
}

type Rule = Box<dyn FnMut(Packet) -> Fate + Send>;

/// What the relay shall do. Start with [`Relay::builder`].
pub struct Builder {
    device: SocketAddr,
    other: Option<(usize, SocketAddr)>,
    source: Option<IpAddr>,
    delay: Duration,
    rule: Rule,
}

impl Builder {
    /// Delays every datagram by this much each way.
    pub fn delay(mut self, each_way: Duration) -> Self {
        self.delay = each_way;
        self
    }

    /// From this datagram of the agent on (from 0), another device is at the address.
    pub fn from(mut self, index: usize, other: SocketAddr) -> Self {
        self.other = Some((index, other));
        self
    }

    /// What goes to the agent comes from this address, and not from the one that it asks.
    pub fn source(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Decides the fate of each datagram.
    pub fn rule(mut self, rule: impl FnMut(Packet) -> Fate + Send + 'static) -> Self {
        self.rule = Box::new(rule);
        self
    }

    /// Starts it on a free port of the loopback address of the device's family.
    pub fn start(self) -> Relay {
        let front = UdpSocket::bind((loopback(self.device), 0)).expect("a free port");
        front.set_nonblocking(true).expect("a socket that doesn't block");
        let address = front.local_addr().expect("the relay's own address");
        let source = self.source.map(|source| UdpSocket::bind((source, 0)).expect("another address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work {
            front,
            source,
            device: self.device,
            other: self.other,
            delay: self.delay,
            rule: self.rule,
            seen: seen.clone(),
            counts: HashMap::new(),
            backs: Vec::new(),
            queue: Vec::new(),
        };
        let told = stop.clone();
        let thread = std::thread::spawn(move || work.run(&told));
        Relay { address, seen, stop, thread: Some(thread) }
    }
}

/// A running relay. It ends when dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// A relay in front of `device` that passes everything at once.
    pub fn builder(device: SocketAddr) -> Builder {
        let rule: Rule = Box::new(|_| Fate::Pass);
        Builder { device, other: None, source: None, delay: Duration::ZERO, rule }
    }

    /// Where the agent sends to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The UDP port the agent sends to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many datagrams came in for that direction.
    pub fn count(&self, direction: Direction) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.direction == direction).count()
    }

    /// Every datagram that came in, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A datagram to itself wakes the thread.
        if let Ok(socket) = UdpSocket::bind((loopback(self.address), 0)) {
            let _ = socket.send_to(&[], self.address);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn loopback(like: SocketAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}

struct Waiting {
    due: Instant,
    direction: Direction,
    back: usize,
    bytes: Vec<u8>,
}

struct Work {
    front: UdpSocket,
    /// Where answers come from, where that is somewhere else.
    source: Option<UdpSocket>,
    device: SocketAddr,
    other: Option<(usize, SocketAddr)>,
    delay: Duration,
    rule: Rule,
    seen: Arc<Mutex<Vec<Seen>>>,
    counts: HashMap<Direction, usize>,
    /// One socket towards each device for each agent, so that answers find their way.
    backs: Vec<(SocketAddr, SocketAddr, UdpSocket)>,
    queue: Vec<Waiting>,
}

impl Work {
    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::SeqCst) {
            self.deliver();
            self.wait();
            let mut buffer = [0; 65536];
            while let Ok((length, agent)) = self.front.recv_from(&mut buffer) {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let back = self.back_for(agent);
                self.take(Direction::ToDevice, back, &buffer[..length]);
            }
            for back in 0..self.backs.len() {
                loop {
                    match self.backs[back].2.recv(&mut buffer) {
                        Ok(length) => self.take(Direction::ToAgent, back, &buffer[..length]),
                        // Nobody listens at the device: the agent hears nothing, as behind a router.
                        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                        Err(_) => break,
                    }
                }
            }
        }
    }

    fn back_for(&mut self, agent: SocketAddr) -> usize {
        let asked = self.counts.get(&Direction::ToDevice).copied().unwrap_or_default();
        let device = self.other.filter(|(index, _)| asked >= *index).map_or(self.device, |(_, other)| other);
        let known = self.backs.iter().position(|(address, to, _)| (*address, *to) == (agent, device));
        if let Some(known) = known {
            return known;
        }
        let socket = UdpSocket::bind((loopback(device), 0)).expect("a free port");
        socket.connect(device).expect("a way to the device");
        socket.set_nonblocking(true).expect("a socket that doesn't block");
        self.backs.push((agent, device, socket));
        self.backs.len() - 1
    }

    fn take(&mut self, direction: Direction, back: usize, bytes: &[u8]) {
        let now = Instant::now();
        self.seen.lock().unwrap().push(Seen { at: now, direction, bytes: bytes.to_vec() });
        let count = self.counts.entry(direction).or_default();
        let index = *count;
        *count += 1;
        let this = |after, bytes| Sending { direction, after, bytes };
        let at_once = |bytes| this(Duration::ZERO, bytes);
        let sendings = match (self.rule)(Packet { direction, index, bytes }) {
            Fate::Pass => vec![at_once(bytes.to_vec())],
            Fate::Lose => Vec::new(),
            Fate::Twice => vec![at_once(bytes.to_vec()); 2],
            Fate::Late(time) => vec![this(time, bytes.to_vec())],
            Fate::Instead(others) => others.into_iter().map(at_once).collect(),
            Fate::Send(sendings) => sendings,
        };
        let start = now + self.delay;
        self.queue.extend(sendings.into_iter().map(|Sending { direction, after, bytes }| Waiting {
            due: start + after,
            direction,
            back,
            bytes,
        }));
        self.deliver();
    }

    /// Sends what is due, in the order of its times.
    fn deliver(&mut self) {
        let now = Instant::now();
        self.queue.sort_by_key(|waiting| waiting.due);
        let later = self.queue.partition_point(|waiting| waiting.due <= now);
        for waiting in self.queue.drain(..later) {
            let (agent, _, back) = &self.backs[waiting.back];
            let front = self.source.as_ref().unwrap_or(&self.front);
            // A send may fail where the other end is gone: a loss like any other.
            let _ = match waiting.direction {
                Direction::ToDevice => back.send(&waiting.bytes),
                Direction::ToAgent => front.send_to(&waiting.bytes, agent),
            };
        }
    }

    /// Waits until a datagram comes in or one is due.
    fn wait(&self) {
        let sockets = std::iter::once(self.front.as_raw_fd())
            .chain(self.backs.iter().map(|(_, _, socket)| socket.as_raw_fd()))
            .collect::<Vec<RawFd>>();
        let due = self.queue.iter().map(|waiting| waiting.due).min();
        poll_readable(&sockets, due.map(|due| due.saturating_duration_since(Instant::now())));
    }
}

/// Waits until one of `files` has something to read or the time is over. True when one has.
pub(crate) fn poll_readable(files: &[RawFd], limit: Option<Duration>) -> bool {
    let mut polled: Vec<libc::pollfd> =
        files.iter().map(|fd| libc::pollfd { fd: *fd, events: libc::POLLIN, revents: 0 }).collect();
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: limit.as_secs() as libc::time_t,
        tv_nsec: limit.subsec_nanos() as libc::c_long,
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the array and its length belong together, and both it and the time outlive the call.
    unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, limit, std::ptr::null()) > 0 }
}
