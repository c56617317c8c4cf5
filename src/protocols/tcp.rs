//! Connections over TCP that wait no longer than they are told to, and the plainest line: one without a protocol.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

use super::stream::{Error, Stream};
use crate::base::net::{self, NameError};
use crate::base::{Deadline, memory};

/// How long a goodbye may take, whatever the deadline: nothing depends on it any more.
const LONGEST_GOODBYE: Duration = Duration::from_secs(3);

/// Which kind of addresses may be tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Both, in the system's order.
    #[default]
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl Family {
    fn has(self, address: &SocketAddr) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        }
    }
}

/// Where a connection leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// A name or an address, as [`net::resolve`] takes it.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Which of its addresses may be tried.
    pub family: Family,
    /// The address of this machine from which to connect.
    pub from: Option<IpAddr>,
}

impl Target {
    /// This host and port, by whatever address.
    pub fn new(host: impl Into<String>, port: u16) -> Target {
        Target { host: host.into(), port, family: Family::Any, from: None }
    }

    /// Host and port, for messages.
    pub(super) fn peer(&self) -> String {
        format!("{} port {}", self.host, self.port)
    }

    /// The addresses to try, in their order.
    ///
    /// # Errors
    /// There is none, or the name service doesn't answer by then.
    fn addresses(&self, deadline: Deadline) -> Result<Vec<SocketAddr>, Error> {
        let failed = |why| Error::NoSuchHost { peer: self.peer(), why };
        let mut addresses = net::resolve(&self.host, self.port, deadline).map_err(failed)?;
        let fits = |address: &SocketAddr| {
            self.family.has(address) && self.from.is_none_or(|from| from.is_ipv4() == address.is_ipv4())
        };
        addresses.retain(fits);
        if addresses.is_empty() {
            return Err(failed(NameError::NotFound(
                "it has no address of the kind that was asked for".to_owned(),
            )));
        }
        Ok(addresses)
    }

    /// Connects to the first of its addresses that lets us. The connection never blocks.
    ///
    /// # Errors
    /// That of the last address; or the name has none.
    pub fn connect(&self, deadline: Deadline) -> Result<TcpStream, Error> {
        let addresses = self.addresses(deadline)?;
        let mut failure = Error::TimedOut { peer: self.peer(), doing: CONNECTING };
        let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        for address in addresses {
            // An address that swallows everything leaves time for the others.
            let share = deadline.left().map(|time| time.checked_div(left).unwrap_or(time));
            left = left.saturating_sub(1);
            match self.connect_to(address, share.map_or(deadline, Deadline::after)) {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn connect_to(&self, address: SocketAddr, deadline: Deadline) -> Result<TcpStream, Error> {
        let failed = |error: Errno| match error {
            Errno::CONNREFUSED => Error::Refused { peer: self.peer() },
            other => match Error::of_io(&self.peer(), CONNECTING, &other.into()) {
                Error::Io { peer, why, .. } => Error::Unreachable { peer, why },
                known => known,
            },
        };
        let kind = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(kind, SocketType::STREAM, flags, None).map_err(failed)?;
        if let Some(from) = self.from {
            bind(&socket, &SocketAddr::new(from, 0)).map_err(failed)?;
        }
        match connect(&socket, &address) {
            Ok(()) => {}
            Err(Errno::INPROGRESS | Errno::INTR) => {
                if !wait(socket.as_fd(), PollFlags::OUT, deadline).map_err(failed)? {
                    return Err(Error::TimedOut { peer: self.peer(), doing: CONNECTING });
                }
                sockopt::socket_error(&socket).and_then(|outcome| outcome).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        // Lines are short, and each is waited for. Neither makes a difference to what is true of the device.
        let _ = sockopt::set_tcp_nodelay(&socket, true);
        let _ = sockopt::set_socket_keepalive(&socket, true);
        Ok(TcpStream::from(socket))
    }
}

const CONNECTING: &str = "connecting";

/// Waits until a descriptor is ready for this, or has failed. False when the deadline comes first.
pub(super) fn wait(descriptor: BorrowedFd<'_>, flags: PollFlags, deadline: Deadline) -> Result<bool, Errno> {
    memory::wipe_dead_stack();
    loop {
        let limit = deadline.left();
        let time = limit.and_then(|left| Timespec::try_from(left).ok());
        match poll(&mut [PollFd::new(&descriptor, flags)], time.as_ref()) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) if !deadline.passed() => {}
            Err(Errno::INTR) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// A connection that carries nothing but the bytes.
#[derive(Debug)]
pub struct Line {
    tcp: TcpStream,
    peer: String,
}

impl Line {
    /// Connects.
    ///
    /// # Errors
    /// There is no way to it in that time.
    pub fn connect(target: &Target, deadline: Deadline) -> Result<Line, Error> {
        Ok(Line { tcp: target.connect(deadline)?, peer: target.peer() })
    }

    /// Host and port, for messages.
    pub(super) fn peer(&self) -> &str {
        &self.peer
    }

    /// Reads what there is, or waits for it. `None` when nothing has come by then.
    ///
    /// # Errors
    /// The connection breaks.
    pub(super) fn read_by(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<Option<usize>, Error> {
        loop {
            match self.tcp.read(buffer) {
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.wait(PollFlags::IN, READING, deadline)? {
                        return Ok(None);
                    }
                }
                Err(error) => return Err(Error::of_io(&self.peer, READING, &error)),
            }
        }
    }

    fn wait(&self, flags: PollFlags, doing: &'static str, deadline: Deadline) -> Result<bool, Error> {
        wait(self.tcp.as_fd(), flags, deadline)
            .map_err(|error| Error::of_io(&self.peer, doing, &error.into()))
    }
}

/// What a line is used for.
pub(super) const READING: &str = "waiting for its answer";
pub(super) const WRITING: &str = "sending to it";

impl Stream for Line {
    fn read(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<usize, Error> {
        self.read_by(buffer, deadline)?
            .ok_or_else(|| Error::TimedOut { peer: self.peer.clone(), doing: READING })
    }

    fn write_all(&mut self, mut bytes: &[u8], deadline: Deadline) -> Result<(), Error> {
        while !bytes.is_empty() {
            match self.tcp.write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.wait(PollFlags::OUT, WRITING, deadline)? {
                        return Err(Error::TimedOut { peer: self.peer.clone(), doing: WRITING });
                    }
                }
                Err(error) => return Err(Error::of_io(&self.peer, WRITING, &error)),
            }
        }
        Ok(())
    }

    /// Waits until the other side closes. It may still be working on what was written last, and lose it with the
    /// connection.
    fn close(&mut self, deadline: Deadline) {
        let deadline = deadline.at_most(LONGEST_GOODBYE);
        let mut ignored = [0; 1024];
        while !deadline.passed() && matches!(self.read_by(&mut ignored, deadline), Ok(Some(1..))) {}
        let _ = self.tcp.shutdown(std::net::Shutdown::Both);
    }
}
