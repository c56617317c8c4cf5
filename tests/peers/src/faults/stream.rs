//! A network between an agent and a device that speaks over TCP, which fails as it is told: a proxy that knows
//! nothing of what passes.
//!
//! ```no_run
//! use peers::faults::stream::{Proxy, Trouble};
//! use peers::relay::Direction::ToAgent;
//!
//! let device = "127.0.0.1:9001".parse().unwrap();
//! // The first connection has one byte altered, all others are as they should be.
//! let network = Proxy::start(device, vec![Trouble::Corrupt { way: ToAgent, at: 1200, mask: 0x20 }], Vec::new());
//! // ... fence 127.0.0.1, network.port() ...
//! println!("{:?} {:?}", network.struck(), network.connections());
//! ```

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use crate::relay::{Direction, poll_readable};

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As if both sides had closed it.
    Close,
    /// With a reset.
    Reset,
    /// In one direction only: its receiver sees the end, the other way stays open.
    Half,
}

/// What happens to one connection. Bytes are counted from 0 in the direction that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// It is accepted, and nobody ever says anything.
    Mute,
    /// It ends before this byte.
    Cut {
        /// The direction whose bytes count.
        way: Direction,
        /// The byte.
        at: usize,
        /// How.
        end: End,
    },
    /// From this byte on nothing arrives, and nothing tells so.
    Stall {
        /// The direction.
        way: Direction,
        /// The byte.
        at: usize,
    },
    /// Whatever passes in either direction arrives so much later.
    Delay(Duration),
    /// It passes byte by byte, with a pause after each.
    Trickle {
        /// The direction.
        way: Direction,
        /// The pause.
        pause: Duration,
    },
    /// This byte is another one.
    Corrupt {
        /// The direction.
        way: Direction,
        /// The byte.
        at: usize,
        /// Which of its bits are turned over.
        mask: u8,
    },
    /// So many bytes never arrive; what follows does.
    Lose {
        /// The direction.
        way: Direction,
        /// The first of them.
        at: usize,
        /// How many.
        count: usize,
    },
    /// So many bytes arrive twice.
    Repeat {
        /// The direction.
        way: Direction,
        /// The first of them.
        at: usize,
        /// How many.
        count: usize,
    },
    /// So many bytes arrive behind as many that should have followed them.
    Swap {
        /// The direction.
        way: Direction,
        /// The first of them.
        at: usize,
        /// How many.
        count: usize,
    },
    /// Bytes that nobody sent arrive before this one.
    Insert {
        /// The direction.
        way: Direction,
        /// The byte.
        at: usize,
        /// What arrives.
        bytes: Vec<u8>,
    },
    /// The agent hears what the device said on the first connection.
    ReplayToAgent,
    /// It passes as it should; then the device hears all of it once more from somebody else.
    ReplayToDevice,
    /// Whatever the agent says, this is the answer, and then the end.
    Speak(Vec<u8>),
    /// Somebody else at this port answers.
    Divert(u16),
}

impl Trouble {
    /// Its word in the table of counts.
    pub fn word(&self) -> &'static str {
        match self {
            Trouble::None => "none",
            Trouble::Mute => "silent",
            Trouble::Cut { end: End::Close, .. } => "cut",
            Trouble::Cut { end: End::Reset, .. } => "reset",
            Trouble::Cut { end: End::Half, .. } => "half closed",
            Trouble::Stall { .. } => "stalled",
            Trouble::Delay(_) => "delayed",
            Trouble::Trickle { .. } => "trickled",
            Trouble::Corrupt { .. } => "corrupted",
            Trouble::Lose { .. } => "lost",
            Trouble::Repeat { .. } => "duplicated",
            Trouble::Swap { .. } => "reordered",
            Trouble::Insert { .. } | Trouble::Divert(_) => "forged",
            Trouble::ReplayToAgent | Trouble::ReplayToDevice => "replayed",
            Trouble::Speak(_) => "not TLS",
        }
    }
}

/// A time in which nothing listens and every connection is reset: from so long after the start, for so long.
pub type Outage = (Duration, Duration);

/// The running proxy. It ends when dropped.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    device: SocketAddr,
    troubles: Vec<Trouble>,
    stopped: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connections: usize,
    heard: Vec<Instant>,
    struck: Vec<&'static str>,
    open: Vec<TcpStream>,
    /// What passed on the first connection, in both directions.
    tape: [Vec<u8>; 2],
}

/// The most that is kept of a connection for replaying.
const TAPE: usize = 64 * 1024;

/// How soon a proxy that has nothing to do notices that it is over.
const BREATH: Duration = Duration::from_millis(100);

impl Proxy {
    /// Starts one on a free port of the loopback address. `troubles` are those of the first connections in their
    /// order; later ones have none.
    pub fn start(device: SocketAddr, troubles: Vec<Trouble>, outages: Vec<Outage>) -> Proxy {
        let door = Door::new();
        let port = door.port;
        let stopped = AtomicBool::new(false);
        let shared = Arc::new(Shared { device, troubles, stopped, state: Mutex::default() });
        let served = Arc::clone(&shared);
        let started = Instant::now();
        let closed = move || {
            let now = started.elapsed();
            outages.iter().any(|(from, length)| (*from..*from + *length).contains(&now))
        };
        if !closed() {
            door.open();
        }
        thread::spawn(move || served.listen(&door, closed));
        Proxy { port, shared }
    }

    /// The TCP port it listens on, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections came in.
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }

    /// When the agent was heard: a connection or bytes from it. While nobody listens it can't be, which counts as if
    /// it were, all the time.
    pub fn heard(&self) -> Vec<Instant> {
        let mut heard = self.shared.state().heard.clone();
        heard.sort_unstable();
        heard
    }

    /// The words for what really happened, one for each direction of each connection.
    pub fn struck(&self) -> Vec<&'static str> {
        self.shared.state().struck.clone()
    }

    /// Ends every connection, and takes no more.
    pub fn end(&self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.reset_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn reset_all(&self) {
        for stream in self.state().open.drain(..) {
            abort(&stream);
        }
    }

    fn listen(self: Arc<Shared>, door: &Door, closed: impl Fn() -> bool) {
        let mut open = !closed();
        while !self.stopped() {
            match (open, closed()) {
                (true, true) => {
                    door.close();
                    self.reset_all();
                    open = false;
                }
                (false, false) => {
                    door.open();
                    open = true;
                }
                _ => {}
            }
            if !open {
                self.state().heard.push(Instant::now());
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            if !poll_readable(&[door.listener.as_raw_fd()], Some(Duration::from_millis(20))) {
                continue;
            }
            let Ok((agent, _)) = door.listener.accept() else { continue };
            let shared = Arc::clone(&self);
            let number = {
                let mut state = self.state();
                state.connections += 1;
                state.heard.push(Instant::now());
                state.connections
            };
            thread::spawn(move || shared.carry(agent, number));
        }
    }

    /// Carries one connection to its end.
    fn carry(self: Arc<Shared>, mut agent: TcpStream, number: usize) {
        let trouble = self.troubles.get(number - 1).cloned().unwrap_or(Trouble::None);
        let _ = agent.set_nodelay(true);
        let device = match &trouble {
            Trouble::Mute => {
                self.strike(&trouble);
                return self.listen_only(&mut agent);
            }
            Trouble::Speak(bytes) => {
                self.strike(&trouble);
                return self.speak(agent, bytes);
            }
            Trouble::ReplayToAgent => {
                let bytes = self.state().tape[Direction::ToAgent as usize].clone();
                if !bytes.is_empty() {
                    self.strike(&trouble);
                    return self.speak(agent, &bytes);
                }
                self.device
            }
            Trouble::Divert(port) => {
                self.strike(&trouble);
                SocketAddr::from((Ipv4Addr::LOCALHOST, *port))
            }
            _ => self.device,
        };
        let Ok(device) = TcpStream::connect(device) else { return };
        let _ = device.set_nodelay(true);
        let clone = |stream: &TcpStream| stream.try_clone().expect("a second descriptor");
        self.state().open.extend([clone(&agent), clone(&device)]);
        let shared = Arc::clone(&self);
        let (from, to, its_trouble) = (clone(&device), clone(&agent), trouble.clone());
        let back = thread::spawn(move || shared.pump(from, to, Direction::ToAgent, its_trouble, number == 1));
        Arc::clone(&self).pump(agent, device, Direction::ToDevice, trouble.clone(), number == 1);
        let _ = back.join();
        if trouble == Trouble::ReplayToDevice {
            let bytes = self.state().tape[Direction::ToDevice as usize].clone();
            if let Ok(mut device) = TcpStream::connect(self.device)
                && device.write_all(&bytes).is_ok()
            {
                self.strike(&trouble);
                let _ = device.set_read_timeout(Some(BREATH));
                let _ = device.read(&mut [0; 4096]);
            }
        }
    }

    fn note(&self, way: Direction, bytes: &[u8], first: bool) {
        let mut state = self.state();
        if way == Direction::ToDevice {
            state.heard.push(Instant::now());
        }
        let tape = &mut state.tape[way as usize];
        if first && tape.len() < TAPE {
            tape.extend_from_slice(bytes);
        }
    }

    fn strike(&self, trouble: &Trouble) {
        self.state().struck.push(trouble.word());
    }

    /// Listens until the other side has enough, or all is over.
    fn listen_only(&self, stream: &mut TcpStream) {
        let _ = stream.set_read_timeout(Some(BREATH));
        while !self.stopped() {
            match stream.read(&mut [0; 4096]) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {}
                Err(_) => return,
            }
        }
    }

    fn speak(&self, mut agent: TcpStream, bytes: &[u8]) {
        let _ = agent.set_read_timeout(Some(Duration::from_secs(2)));
        let _ = agent.read(&mut [0; 4096]);
        let _ = agent.write_all(bytes);
        let _ = agent.shutdown(Shutdown::Write);
        self.listen_only(&mut agent);
    }

    /// Carries one direction of a connection.
    fn pump(
        self: Arc<Shared>,
        mut from: TcpStream,
        mut to: TcpStream,
        way: Direction,
        trouble: Trouble,
        first: bool,
    ) {
        let mut filter = Filter { way, trouble, passed: 0, held: Vec::new(), struck: false, over: false };
        let mut buffer = [0; 16 * 1024];
        while !self.stopped() {
            // Waits outside of the socket: abort can't end a connection that somebody is inside of.
            if !poll_readable(&[from.as_raw_fd()], Some(BREATH)) {
                continue;
            }
            let length = match from.read(&mut buffer) {
                Ok(length) if length > 0 => length,
                _ => break,
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            self.note(way, bytes, first);
            let passing = filter.pass(bytes);
            if filter.struck && !std::mem::replace(&mut filter.over, true) {
                self.strike(&filter.trouble);
            }
            match filter.trouble {
                Trouble::Delay(time) => thread::sleep(time),
                Trouble::Trickle { way: its_way, pause } if its_way == way => {
                    for byte in &passing {
                        if self.stopped() || to.write_all(&[*byte]).is_err() {
                            return;
                        }
                        thread::sleep(pause);
                    }
                    continue;
                }
                _ => {}
            }
            if to.write_all(&passing).is_err() {
                break;
            }
            let Trouble::Cut { way: its_way, end, .. } = &filter.trouble else { continue };
            if filter.struck && *its_way == way {
                match end {
                    End::Close => {
                        let _ = to.shutdown(Shutdown::Both);
                        let _ = from.shutdown(Shutdown::Both);
                    }
                    End::Reset => {
                        // The agent's side first: the other direction ends in the usual way when it sees an end.
                        let agent_first = if way == Direction::ToAgent { [&to, &from] } else { [&from, &to] };
                        agent_first.into_iter().for_each(abort);
                    }
                    End::Half => {
                        let _ = to.shutdown(Shutdown::Write);
                        // The sender isn't told: what it sends goes nowhere.
                        self.listen_only(&mut from);
                    }
                }
                return;
            }
        }
        let stalled = matches!(filter.trouble, Trouble::Stall { way: its_way, .. } if its_way == way);
        if self.stopped() || !(stalled && filter.struck) {
            let _ = to.shutdown(Shutdown::Write);
        }
    }
}

/// What becomes of the bytes of one direction.
struct Filter {
    way: Direction,
    trouble: Trouble,
    passed: usize,
    held: Vec<u8>,
    struck: bool,
    over: bool,
}

impl Filter {
    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let start = self.passed;
        self.passed += bytes.len();
        // Where a byte of the connection is in this piece; its end where it comes later.
        let place = |at: usize| at.saturating_sub(start).min(bytes.len());
        let reached = |at: usize| at < start + bytes.len();
        let (before, after) = match &self.trouble {
            Trouble::Cut { way, at, .. } | Trouble::Stall { way, at } if *way == self.way => {
                self.struck |= reached(*at);
                (&bytes[..place(*at)], Vec::new())
            }
            Trouble::Corrupt { way, at, mask } if *way == self.way && reached(*at) && *at >= start => {
                self.struck = true;
                let mut after = bytes[place(*at)..].to_vec();
                after[0] ^= mask;
                (&bytes[..place(*at)], after)
            }
            Trouble::Lose { way, at, count } if *way == self.way => {
                self.struck |= reached(*at);
                (&bytes[..place(*at)], bytes[place(*at + *count)..].to_vec())
            }
            Trouble::Repeat { way, at, count } if *way == self.way && reached(*at) && *at >= start => {
                self.struck = true;
                let end = place(*at + *count);
                (&bytes[..end], bytes[place(*at)..].to_vec())
            }
            Trouble::Insert { way, at, bytes: more } if *way == self.way && reached(*at) && *at >= start => {
                self.struck = true;
                (&bytes[..place(*at)], [more.as_slice(), &bytes[place(*at)..]].concat())
            }
            Trouble::Swap { way, at, count } if *way == self.way => {
                let (first, second) = (place(*at), place(*at + *count));
                self.held.extend_from_slice(&bytes[first..second]);
                // Where nothing follows, they never arrive.
                self.struck |= !self.held.is_empty();
                let rest = &bytes[second..];
                if rest.is_empty() || self.held.is_empty() {
                    return [&bytes[..first], rest].concat();
                }
                let (ahead, behind) = rest.split_at(self.held.len().min(rest.len()));
                let held = std::mem::take(&mut self.held);
                (&bytes[..first], [ahead, &held, behind].concat())
            }
            Trouble::Delay(_) => {
                self.struck = true;
                (bytes, Vec::new())
            }
            Trouble::Trickle { way, .. } => {
                self.struck |= *way == self.way;
                (bytes, Vec::new())
            }
            _ => (bytes, Vec::new()),
        };
        [before, &after].concat()
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// A port that is ours all the time, also while nothing listens there.
struct Door {
    listener: TcpListener,
    port: u16,
}

impl Door {
    fn new() -> Door {
        loop {
            let port = crate::util::free_tcp_port(Ipv4Addr::LOCALHOST.into());
            // Bound to a port by its number, it keeps the port when it stops listening.
            if let Some(socket) = bound(port) {
                return Door { listener: TcpListener::from(socket), port };
            }
        }
    }

    fn open(&self) {
        // SAFETY: listen takes two numbers.
        let listens = unsafe { libc::listen(self.listener.as_raw_fd(), 128) };
        assert_eq!(listens, 0, "listen: {}", std::io::Error::last_os_error());
    }

    fn close(&self) {
        // SAFETY: shutdown takes two numbers.
        unsafe { libc::shutdown(self.listener.as_raw_fd(), libc::SHUT_RDWR) };
    }
}

fn loopback(family: i32, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: family as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be() },
        sin_zero: [0; 8],
    }
}

const ADDRESS_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_in>() as libc::socklen_t;

/// A TCP socket with this port on 127.0.0.1, where it is free.
pub(crate) fn bound(port: u16) -> Option<OwnedFd> {
    let address = loopback(libc::AF_INET, port);
    let yes = 1i32;
    // SAFETY: socket takes three numbers and gives a descriptor that nobody else owns; setsockopt and bind read a
    // value of the length that they are told.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        assert!(fd >= 0, "socket: {}", std::io::Error::last_os_error());
        let socket = OwnedFd::from_raw_fd(fd);
        // Otherwise it can't listen again while connections of its first time are there.
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_REUSEADDR,
            std::ptr::from_ref(&yes).cast(),
            size_of::<i32>() as libc::socklen_t,
        );
        let done = libc::bind(socket.as_raw_fd(), std::ptr::from_ref(&address).cast(), ADDRESS_LENGTH);
        (done == 0).then_some(socket)
    }
}

/// Ends a connection with a reset, now, whoever else holds its descriptor.
fn abort(stream: &TcpStream) {
    let nowhere = loopback(libc::AF_UNSPEC, 0);
    // SAFETY: connect reads an address of the length that it is told. AF_UNSPEC dissolves the association.
    unsafe { libc::connect(stream.as_raw_fd(), std::ptr::from_ref(&nowhere).cast(), ADDRESS_LENGTH) };
}
