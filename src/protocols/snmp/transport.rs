//! Sending a request until its answer comes.
//!
//! Every attempt has a socket and a random identifier of its own, so that a late answer to an earlier request can
//! reach neither. The attempts of one request stay open until it is answered: an agent that needs longer than one
//! attempt is still heard.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use snmp2::{MessageType, Pdu, v3::KeyExtension};
use zeroize::Zeroize;

use crate::base::{Deadline, Secret, memory};

use super::credentials::{CommunityVersion, Credentials};
use super::error::{Error, MAX_MESSAGE};
use super::message::{Reply, Request, trim};
use super::usm::{Usm, Verdict};

/// How long a port that is reported closed, or a route that is missing, is left alone before the second and last
/// try. It may be a device whose agent is just being started.
const FAULT_PAUSE: Duration = Duration::from_millis(250);
/// How often an address may be reported faulty within one request.
const FAULTS: u32 = 2;
/// How often news of an agent's engine is heeded within one request.
const RESYNCHRONISATIONS: u32 = 4;
/// How many datagrams are read at one go before the clock is looked at again.
const DATAGRAMS: usize = 64;

enum Speaker {
    Community { version: snmp2::Version, community: Secret },
    User(Box<Usm>),
}

/// Carries requests to an agent and answers back.
pub(super) struct Transport {
    addresses: Vec<SocketAddr>,
    peer: Option<SocketAddr>,
    speaker: Speaker,
    attempt: Duration,
    attempts: u32,
    sent: u64,
    buffer: Vec<u8>,
}

/// One attempt that has been sent and not been answered.
struct Flight {
    socket: UdpSocket,
    address: SocketAddr,
    id: i32,
    extension: KeyExtension,
}

/// How a request that was carried out ended.
enum Outcome {
    Reply(Reply),
    AskAgain,
}

/// An address in the course of one request.
struct Route {
    address: SocketAddr,
    faults: u32,
}

impl Transport {
    pub(super) fn new(
        addresses: &[SocketAddr],
        credentials: &Credentials,
        attempt: Duration,
        attempts: u32,
    ) -> Result<Transport, Error> {
        if addresses.is_empty() {
            return Err(Error::Misuse("there is no address to send an SNMP request to"));
        }
        let speaker = match credentials {
            Credentials::Community { version, community } => Speaker::Community {
                version: match version {
                    CommunityVersion::V1 => snmp2::Version::V1,
                    CommunityVersion::V2c => snmp2::Version::V2C,
                },
                community: community.clone(),
            },
            Credentials::User { name, level } => Speaker::User(Box::new(Usm::new(name, level))),
        };
        let peer = if let [only] = addresses { Some(*only) } else { None };
        Ok(Transport {
            addresses: addresses.to_vec(),
            peer,
            speaker,
            attempt,
            attempts: attempts.max(1),
            sent: 0,
            buffer: vec![0; MAX_MESSAGE as usize],
        })
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// How often a request is sent at most: each address has its turn.
    fn attempts(&self) -> u32 {
        let addresses = if self.peer.is_some() { 1 } else { self.addresses.len() };
        self.attempts.max(u32::try_from(addresses).unwrap_or(u32::MAX))
    }

    /// Whether there are several addresses and none has answered yet.
    pub(super) fn is_undecided(&self) -> bool {
        self.peer.is_none()
    }

    /// Sends a request until an answer comes that `accept` takes.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        deadline: Deadline,
        accept: &mut dyn FnMut(&Reply) -> Result<(), &'static str>,
    ) -> Result<Reply, Error> {
        let deadline = deadline.at_most(self.attempt.saturating_mul(self.attempts()));
        for _ in 0..=RESYNCHRONISATIONS {
            if let Speaker::User(usm) = &self.speaker
                && !usm.is_ready()
            {
                log::debug!("SNMPv3: discovering the agent's engine");
                self.carry(None, deadline, accept)?;
            }
            if let Outcome::Reply(reply) = self.carry(Some(request), deadline, accept)? {
                return Ok(reply);
            }
        }
        Err(Error::Unsynchronised)
    }

    /// Sends a request, or without one the discovery of the agent's engine, until something comes of it.
    fn carry(
        &mut self,
        request: Option<&Request>,
        deadline: Deadline,
        accept: &mut dyn FnMut(&Reply) -> Result<(), &'static str>,
    ) -> Result<Outcome, Error> {
        let addresses = self.peer.map_or_else(|| self.addresses.clone(), |peer| vec![peer]);
        let mut routes: Vec<Route> =
            addresses.into_iter().map(|address| Route { address, faults: 0 }).collect();
        let mut flights: Vec<Flight> = Vec::new();
        let mut unusable: Option<&'static str> = None;
        let mut fault: Option<Error> = None;
        let mut turn: usize = 0;
        // Those that the network took: a closed port beside an open one costs no attempt.
        let mut requests: u32 = 0;
        while requests < self.attempts() && !deadline.passed() {
            routes.retain(|route| route.faults < FAULTS);
            let open = routes.len();
            let Some(route) = routes.get_mut(turn % open.max(1)) else {
                return Err(fault.unwrap_or(Error::NoTime));
            };
            turn += 1;
            let address = route.address;
            match self.launch(request, address)? {
                Ok(flight) => {
                    requests += 1;
                    flights.push(flight);
                }
                Err(error) => {
                    log::debug!("SNMP: {error}");
                    route.faults += 1;
                    fault = Some(error);
                }
            }
            let mut window = deadline.at_most(self.attempt);
            loop {
                if flights.is_empty() {
                    // Nothing to wait for but a second try of what has failed.
                    if routes.iter().all(|route| route.faults > 0)
                        && routes.iter().any(|route| route.faults < FAULTS)
                    {
                        deadline.sleep(FAULT_PAUSE);
                    }
                    break;
                }
                let Some(left) = window.wait(self.attempt) else { break };
                memory::wipe_dead_stack();
                for place in ready(&flights, left)?.into_iter().rev() {
                    let Some(flight) = flights.get(place) else { continue };
                    match self.hear(flight, request.is_some(), accept) {
                        Heard::Nothing => {}
                        Heard::Outcome(outcome) => {
                            self.peer = Some(flight.address);
                            return Ok(outcome);
                        }
                        Heard::Fail(error) => return Err(error),
                        Heard::Unusable(why) => {
                            log::debug!("SNMP: can't use the answer of {}: {why}", flight.address);
                            unusable = Some(why);
                            // A better one may follow. It hardly does: ask again soon.
                            window = window.at_most(FAULT_PAUSE);
                        }
                        Heard::Fault(error) => {
                            log::debug!("SNMP: {error}");
                            if let Some(route) =
                                routes.iter_mut().find(|route| route.address == flight.address)
                            {
                                route.faults += 1;
                            }
                            fault = Some(error);
                            flights.remove(place);
                            requests = requests.saturating_sub(1);
                        }
                    }
                }
            }
            if let Speaker::User(usm) = &mut self.speaker {
                usm.alternate();
            }
        }
        let heard = matches!(&self.speaker, Speaker::User(usm) if usm.is_ready());
        Err(match (unusable, fault) {
            (Some(why), _) => Error::Unusable(why),
            (None, Some(fault)) if flights.is_empty() => fault,
            _ if requests == 0 => Error::NoTime,
            _ => Error::Silent { requests, heard },
        })
    }

    /// Sends the request through a new socket. The inner error is the network's.
    fn launch(
        &mut self,
        request: Option<&Request>,
        address: SocketAddr,
    ) -> Result<Result<Flight, Error>, Error> {
        let random = getrandom::u32().map_err(|_| Error::System(io::ErrorKind::Other))?;
        // Identifiers are positive and not 0: some agents know no others.
        let id = i32::try_from(random >> 1).unwrap_or(1).max(1);
        let mut extension = KeyExtension::Blumenthal;
        let message = match (&self.speaker, request) {
            (Speaker::Community { version, community }, Some(request)) => {
                request.with_community(*version, community.expose(), id)
            }
            (Speaker::User(usm), Some(request)) => {
                extension = usm.extension();
                usm.encode(request, id)
            }
            (_, None) => Usm::discovery(id),
        };
        let message = message.map_err(|_| Error::Misuse("an SNMP message can't be made for this request"))?;
        match request {
            Some(request) => {
                log::debug!("SNMP {} to {address}, objects: {}", request.operation.name(), request.count);
            }
            None => log::debug!("SNMPv3 discovery to {address}"),
        }
        self.sent += 1;
        Ok(match open(address).and_then(|socket| socket.send(&message).map(|_| socket)) {
            Ok(socket) => Ok(Flight { socket, address, id, extension }),
            Err(error) => Err(network(&error, address)),
        })
    }

    /// Reads what has arrived for one attempt.
    fn hear(
        &mut self,
        flight: &Flight,
        is_request: bool,
        accept: &mut dyn FnMut(&Reply) -> Result<(), &'static str>,
    ) -> Heard {
        for _ in 0..DATAGRAMS {
            let length = match flight.socket.recv(&mut self.buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Heard::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Heard::Fault(network(&error, flight.address)),
            };
            let Some(datagram) = self.buffer.get_mut(..length).and_then(trim) else { continue };
            log::trace!("SNMP: {length} bytes from {}", flight.address);
            let verdict = match &mut self.speaker {
                Speaker::Community { version, community } => {
                    judge_community(datagram, *version, community.expose(), flight.id)
                }
                Speaker::User(usm) if is_request => usm.judge(datagram, flight.id, flight.extension),
                Speaker::User(usm) => usm.judge_discovery(datagram, flight.id),
            };
            // The community came back in it.
            datagram.zeroize();
            return match verdict {
                Verdict::Stray => {
                    log::debug!("SNMP: ignored what is no answer to this request");
                    continue;
                }
                Verdict::Unusable(why) => Heard::Unusable(why),
                Verdict::Fail(error) => Heard::Fail(error),
                Verdict::AskAgain => Heard::Outcome(Outcome::AskAgain),
                Verdict::Reply(reply) => match accept(&reply) {
                    Ok(()) => Heard::Outcome(Outcome::Reply(reply)),
                    Err(why) => Heard::Unusable(why),
                },
            };
        }
        Heard::Nothing
    }
}

/// What came of listening to one attempt.
enum Heard {
    Nothing,
    Outcome(Outcome),
    Unusable(&'static str),
    Fail(Error),
    Fault(Error),
}

/// What a datagram means for the SNMPv1 or SNMPv2c request sent with this identifier.
pub(super) fn judge_community(
    datagram: &[u8],
    version: snmp2::Version,
    community: &[u8],
    id: i32,
) -> Verdict {
    match Pdu::from_bytes(datagram) {
        Ok(pdu)
            if pdu.message_type == MessageType::Response
                && pdu.req_id == id
                && pdu.version() == Ok(version)
                && pdu.community == community =>
        {
            match Reply::read(&pdu) {
                Ok(reply) => Verdict::Reply(reply),
                Err(why) => Verdict::Unusable(why),
            }
        }
        _ => Verdict::Stray,
    }
}

/// A socket that only hears this address.
fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let local = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(local)?;
    socket.set_nonblocking(true)?;
    socket.connect(address)?;
    Ok(socket)
}

/// What the network says, in the terms of this client.
fn network(error: &io::Error, address: SocketAddr) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::Refused(address),
        io::ErrorKind::OutOfMemory | io::ErrorKind::InvalidInput => Error::System(error.kind()),
        _ if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => Error::System(error.kind()),
        // No route, no such address family, not permitted: all say that nothing goes there.
        _ => Error::Unreachable(address),
    }
}

/// Waits until something has arrived for one of the attempts, at most `time`. The places of those that can be read.
fn ready(flights: &[Flight], time: Duration) -> Result<Vec<usize>, Error> {
    let mut waits: Vec<PollFd<'_>> =
        flights.iter().map(|flight| PollFd::new(&flight.socket, PollFlags::IN)).collect();
    let timeout = Timespec::try_from(time).map_err(|_| Error::System(io::ErrorKind::InvalidInput))?;
    match poll(&mut waits, Some(&timeout)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Vec::new()),
        Err(error) => return Err(Error::System(io::Error::from(error).kind())),
    }
    Ok(waits
        .iter()
        .enumerate()
        .filter(|(_, wait)| !wait.revents().is_empty())
        .map(|(place, _)| place)
        .collect())
}
