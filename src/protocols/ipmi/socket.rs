//! One UDP socket to one address: send, and listen for what fits.

use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use log::{debug, trace};

use super::error::Error;
use crate::base::{Deadline, memory};

/// Larger than any IPMI packet; what is longer is cut and then fails its checks.
const BUFFER: usize = 1024;

/// How long a refused login keeps listening. Nothing of a refusal is protected, so whoever sees our packets can
/// forge one; the true answer, which is, would follow within a round trip or so. A refusal that stands is
/// reported after this pause, without a second round: a wrong password must not lock the account.
pub(super) const GRACE: Duration = Duration::from_millis(200);

/// No request waits longer than this for an answer, over all its transmissions, where nobody asked for more.
pub(super) const SILENCE: Duration = Duration::from_secs(20);

/// What a datagram turns out to be.
pub(super) enum Verdict<T> {
    /// The answer.
    Answer(T),
    /// Something else, and why; listening goes on.
    Stray(&'static str),
    /// A refusal. Listening goes on for the given time, in case the refusal was forged and the true answer
    /// follows; then it stands.
    Refusal(Error, Duration),
}

/// A socket connected to one address, so that the system drops what others send and reports what ICMP says.
pub(super) struct Socket {
    udp: UdpSocket,
    addr: SocketAddr,
    /// Why the last datagram since the last answer was skipped.
    skipped: Cell<Option<&'static str>>,
}

impl Socket {
    pub(super) fn connect(addr: SocketAddr) -> Result<Socket, Error> {
        let any: SocketAddr = match addr {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let connected = UdpSocket::bind(any).and_then(|socket| socket.connect(addr).map(|()| socket));
        match connected {
            Ok(udp) => Ok(Socket { udp, addr, skipped: Cell::new(None) }),
            Err(error) => Err(Error::Unreachable { addr, kind: error.kind() }),
        }
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Why what came since the last answer was skipped, if anything came.
    pub(super) fn skipped(&self) -> Option<&'static str> {
        self.skipped.get()
    }

    fn failed(&self, error: &io::Error) -> Error {
        match error.kind() {
            ErrorKind::ConnectionRefused => Error::Refused { addr: self.addr },
            kind => Error::Unreachable { addr: self.addr, kind },
        }
    }

    /// Sends one datagram.
    pub(super) fn send(&self, packet: &[u8]) -> Result<(), Error> {
        trace!("{}: sent {} bytes", self.addr, packet.len());
        self.udp.send(packet).map(|_| ()).map_err(|error| self.failed(&error))
    }

    /// Listens until something fits or the time is over, which is `None`.
    pub(super) fn listen<T>(
        &self,
        mut until: Deadline,
        mut judge: impl FnMut(&[u8]) -> Verdict<T>,
    ) -> Result<Option<T>, Error> {
        let mut buffer = [0; BUFFER];
        let mut refusal = None;
        memory::wipe_dead_stack();
        while let Some(wait) = until.wait(Duration::from_secs(3600)) {
            self.udp.set_read_timeout(Some(wait)).map_err(|error| self.failed(&error))?;
            let datagram = match self.udp.recv(&mut buffer) {
                Ok(len) => buffer.get(..len).unwrap_or_default(),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => continue,
                    _ => return Err(refusal.unwrap_or_else(|| self.failed(&error))),
                },
            };
            trace!("{}: received {} bytes", self.addr, datagram.len());
            match judge(datagram) {
                Verdict::Answer(answer) => {
                    self.skipped.set(None);
                    return Ok(Some(answer));
                }
                Verdict::Stray(why) => {
                    debug!("skipped a datagram from {}: {why}", self.addr);
                    self.skipped.set(Some(why));
                }
                Verdict::Refusal(error, grace) if refusal.is_none() => {
                    until = until.at_most(grace);
                    refusal = Some(error);
                }
                Verdict::Refusal(..) => {}
            }
        }
        refusal.map_or(Ok(None), Err)
    }
}

/// Counts what was sent and not answered, for the error that says so.
pub(super) struct Tries {
    since: Instant,
    sent: u32,
}

impl Tries {
    pub(super) fn new() -> Tries {
        Tries { since: Instant::now(), sent: 0 }
    }

    pub(super) fn count(&mut self) {
        self.sent = self.sent.saturating_add(1);
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) fn sent(&self) -> u32 {
        self.sent
    }

    /// Nobody answered; or, where there was no time to ask even once, just that.
    pub(super) fn silent(&self, socket: &Socket, step: &'static str) -> Error {
        let (addr, skipped) = (socket.addr(), socket.skipped());
        match self.sent {
            0 => Error::TimeOver { step },
            sent => Error::Silent { addr, step, sent, waited: self.since.elapsed(), skipped },
        }
    }
}
