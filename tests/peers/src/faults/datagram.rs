//! What a network does to datagrams, chosen by dice: a rule for [`Relay`].
//!
//! ```no_run
//! use peers::faults::Dice;
//! use peers::faults::datagram::{Kind, Network};
//!
//! let device = "127.0.0.1:9001".parse().unwrap();
//! let mut dice = Dice::of(1, 0);
//! // A run of about ten datagrams each way.
//! let network = Network::choose(&mut dice, &Kind::ALL, 10);
//! let record = network.record();
//! let relay = network.before(device);
//! // ... fence 127.0.0.1, relay.port() ...
//! println!("{:?}\n{}", record.names(), record.story());
//! ```

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::Dice;
use crate::relay::{Direction, Fate, Packet, Relay, Sending};

/// What happens to a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// It never arrives.
    Lost,
    /// It arrives late, by a moment or by seconds.
    Delayed,
    /// It arrives twice, the second time at once or later.
    Duplicated,
    /// It arrives after the next one of its direction; where none follows, never.
    Reordered,
    /// It ends early.
    Truncated,
    /// Some of its bytes are others.
    Corrupted,
    /// A datagram seen before arrives before it, after it or in its place.
    Replayed,
    /// A datagram that nobody sent arrives before it, after it or in its place.
    Forged,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 8] = [
        Kind::Lost,
        Kind::Delayed,
        Kind::Duplicated,
        Kind::Reordered,
        Kind::Truncated,
        Kind::Corrupted,
        Kind::Replayed,
        Kind::Forged,
    ];

    /// Its word in the table of counts.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Lost => "lost",
            Kind::Delayed => "delayed",
            Kind::Duplicated => "duplicated",
            Kind::Reordered => "reordered",
            Kind::Truncated => "truncated",
            Kind::Corrupted => "corrupted",
            Kind::Replayed => "replayed",
            Kind::Forged => "forged",
        }
    }
}

/// A fault, and the datagrams it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// To the datagrams of this direction.
    pub direction: Direction,
    /// From this one on, counted from 0.
    pub first: usize,
    /// To so many in a row.
    pub span: usize,
    /// To each of those, this often in a hundred.
    pub percent: u64,
}

/// Makes a forgery from the datagram that passes and from everything seen so far; `None` where this one is to pass
/// alone.
pub type Forger = Box<dyn FnMut(Packet, &[(Direction, Vec<u8>)], &mut Dice) -> Option<Vec<u8>> + Send>;

/// Whether this altered datagram may arrive instead of the true one. For protocols without a code over all they
/// say: what is altered so that their own checks hold can't be told from the truth by anybody, and isn't played.
pub type Guard = Box<dyn FnMut(Direction, &[u8], &[u8]) -> bool + Send>;

/// A network with its faults.
pub struct Network {
    faults: Vec<Fault>,
    dice: Dice,
    forger: Forger,
    guard: Guard,
    seen: Vec<(Direction, Vec<u8>)>,
    held: [Vec<Vec<u8>>; 2],
    record: Record,
}

/// What the network really did.
#[derive(Clone, Debug)]
pub struct Record {
    started: Instant,
    struck: Arc<Mutex<Vec<(Kind, String)>>>,
}

impl Record {
    /// The words for what struck at least once.
    pub fn names(&self) -> Vec<&'static str> {
        let struck = self.struck.lock().expect("nobody panics with it");
        let mut kinds: Vec<_> = struck.iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.into_iter().map(Kind::word).collect()
    }

    /// One line for each strike: when, which datagram, what.
    pub fn story(&self) -> String {
        let struck = self.struck.lock().expect("nobody panics with it");
        struck.iter().fold(String::new(), |mut story, (_, line)| {
            let _ = writeln!(story, "  {line}");
            story
        })
    }

    fn strike(&self, packet: Packet, kind: Kind, detail: &str) {
        let at = self.started.elapsed().as_millis();
        let Packet { direction, index, .. } = packet;
        let line = format!("{at} ms: {direction:?} {index} {} {detail}", kind.word());
        self.struck.lock().expect("nobody panics with it").push((kind, line));
    }
}

impl Network {
    /// One that does nothing but what `faults` say; what they leave open comes from the dice.
    pub fn new(faults: Vec<Fault>, dice: &mut Dice) -> Network {
        Network {
            faults,
            dice: Dice::of(dice.number(), 0),
            forger: Box::new(|packet, _, dice| Some(dice.bytes(packet.bytes.len()))),
            guard: Box::new(|_, _, _| true),
            seen: Vec::new(),
            held: [Vec::new(), Vec::new()],
            record: Record { started: Instant::now(), struck: Arc::default() },
        }
    }

    /// One with a single fault at one of about `datagrams` each way, or with up to four that strike as they like.
    pub fn choose(dice: &mut Dice, kinds: &[Kind], datagrams: usize) -> Network {
        const UNTIL_THE_END: usize = usize::MAX;
        let single = dice.chance(50);
        let count = if single { 1 } else { dice.between(1, 4) };
        let faults = (0..count)
            .map(|_| Fault {
                kind: *dice.pick(kinds),
                direction: *dice.pick(&[Direction::ToDevice, Direction::ToAgent]),
                first: dice.below(datagrams),
                span: if single { 1 } else { *dice.pick(&[1, 2, 3, 6, UNTIL_THE_END]) },
                percent: if single { 100 } else { *dice.pick(&[10, 30, 60, 100]) },
            })
            .collect();
        Network::new(faults, dice)
    }

    /// Makes forgeries so; without this they are bytes without sense.
    pub fn forger(
        mut self,
        forger: impl FnMut(Packet, &[(Direction, Vec<u8>)], &mut Dice) -> Option<Vec<u8>> + Send + 'static,
    ) -> Network {
        self.forger = Box::new(forger);
        self
    }

    /// Alters a datagram (by truncating, corrupting) only where this allows it.
    pub fn guard(mut self, guard: impl FnMut(Direction, &[u8], &[u8]) -> bool + Send + 'static) -> Network {
        self.guard = Box::new(guard);
        self
    }

    /// Datagrams of earlier runs, which may be replayed.
    pub fn remembers(mut self, seen: impl IntoIterator<Item = (Direction, Vec<u8>)>) -> Network {
        self.seen.extend(seen);
        self
    }

    /// What it is going to do.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What it will have done: to be taken before it starts.
    pub fn record(&self) -> Record {
        self.record.clone()
    }

    /// Starts a relay with this network in front of a device.
    pub fn before(self, device: SocketAddr) -> Relay {
        Relay::builder(device).rule(self.rule()).start()
    }

    /// The rule for a relay.
    pub fn rule(mut self) -> impl FnMut(Packet) -> Fate + Send + 'static {
        move |packet| self.fate(packet)
    }

    fn fate(&mut self, packet: Packet) -> Fate {
        let Packet { direction, index, bytes } = packet;
        let mut passing = vec![(Duration::ZERO, bytes.to_vec())];
        let held = std::mem::take(&mut self.held[direction as usize]);
        for fault in self.faults.clone() {
            let reached = fault.direction == direction && index >= fault.first;
            if reached && index - fault.first < fault.span && self.dice.chance(fault.percent) {
                self.strike(fault.kind, packet, &mut passing);
            }
        }
        passing.extend(held.into_iter().map(|bytes| (Duration::ZERO, bytes)));
        self.seen.push((direction, bytes.to_vec()));
        let sending = |(after, bytes)| Sending { direction, after, bytes };
        Fate::Send(passing.into_iter().map(sending).collect())
    }

    fn strike(&mut self, kind: Kind, packet: Packet, passing: &mut Vec<(Duration, Vec<u8>)>) {
        let detail = match kind {
            Kind::Lost => {
                passing.clear();
                String::new()
            }
            Kind::Delayed => {
                let time = self.lateness();
                passing.iter_mut().for_each(|(after, _)| *after += time);
                format!("by {} ms", time.as_millis())
            }
            Kind::Duplicated => {
                let time = if self.dice.chance(50) { Duration::ZERO } else { self.lateness() };
                passing.push((time, packet.bytes.to_vec()));
                format!("{} ms later", time.as_millis())
            }
            Kind::Reordered => {
                let all = passing.drain(..).map(|(_, bytes)| bytes);
                self.held[packet.direction as usize].extend(all);
                String::new()
            }
            Kind::Truncated => {
                let length = self.dice.below(packet.bytes.len().max(1));
                let cut = packet.bytes[..length].to_vec();
                if !self.replace(packet, passing, cut) {
                    return;
                }
                format!("to {length} of {} bytes", packet.bytes.len())
            }
            Kind::Corrupted => {
                let mut altered = packet.bytes.to_vec();
                let mut detail = String::new();
                if !altered.is_empty() {
                    for _ in 0..*self.dice.pick(&[1, 1, 1, 2, 4, 16]) {
                        let at = self.dice.below(altered.len());
                        altered[at] ^= self.dice.between(1, 255) as u8;
                        let _ = write!(detail, "[{at}]={:02x} ", altered[at]);
                    }
                }
                if altered == packet.bytes || !self.replace(packet, passing, altered) {
                    return;
                }
                detail
            }
            Kind::Replayed => {
                let of_this_way: Vec<_> =
                    self.seen.iter().filter(|(way, _)| *way == packet.direction).collect();
                if of_this_way.is_empty() {
                    return;
                }
                let back = self.dice.between(1, of_this_way.len() as u64);
                let old = of_this_way[of_this_way.len() - back as usize].1.clone();
                format!("the one {back} before, {}", self.place(passing, old))
            }
            Kind::Forged => {
                let Some(forged) = (self.forger)(packet, &self.seen, &mut self.dice) else { return };
                let bytes = hex(&forged);
                format!("{}: {bytes}", self.place(passing, forged))
            }
        };
        self.record.strike(packet, kind, &detail);
    }

    /// A moment, less than a second, or longer than anybody waits for an answer here.
    fn lateness(&mut self) -> Duration {
        let (least, most) = *self.dice.pick(&[(1, 50), (50, 900), (900, 3000)]);
        self.dice.millis(least, most)
    }

    /// Lets the altered datagram pass in place of the true one, where the guard allows it.
    fn replace(&mut self, packet: Packet, passing: &mut [(Duration, Vec<u8>)], altered: Vec<u8>) -> bool {
        let allowed = (self.guard)(packet.direction, packet.bytes, &altered);
        if allowed {
            for (_, bytes) in passing {
                bytes.clone_from(&altered);
            }
        }
        allowed
    }

    /// Puts another datagram before, after or in the place of those that pass.
    fn place(&mut self, passing: &mut Vec<(Duration, Vec<u8>)>, other: Vec<u8>) -> String {
        match self.dice.below(4) {
            0 => {
                passing.insert(0, (Duration::ZERO, other));
                "before".to_owned()
            }
            1 => {
                passing.push((Duration::ZERO, other));
                "after".to_owned()
            }
            2 => {
                let time = self.lateness();
                passing.push((time, other));
                format!("{} ms after", time.as_millis())
            }
            _ => {
                *passing = vec![(Duration::ZERO, other)];
                "in its place".to_owned()
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
