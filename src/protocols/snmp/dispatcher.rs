//! Sending a request until its answer comes.
//!
//! Every attempt has a socket and a random identifier of its own, so that a late answer to an earlier request can
//! reach neither. The attempts of one request stay open until it is answered: an agent that needs longer than one
//! attempt is still heard.
//!
//! A request may have a smaller form: some agents are silent to large requests, to several objects in one, or to
//! get-bulk. After a silence both are sent, and the smaller one's answer counts where the larger one has none. After
//! a silence, too, an answer may come from another address than the one that was asked: devices with several
//! addresses answer from the one that is nearest. What ties an answer to its request is the identifier.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use snmp2::{MessageType, Pdu, v3::KeyExtension};
use zeroize::Zeroize;

use crate::base::{Deadline, Secret, memory};

use super::credentials::{CommunityVersion, Credentials};
use super::error::{Earlier, Error, MAX_MESSAGE};
use super::message::{Operation, Reply, Request, trim};
use super::oid::{Oid, SYS_OBJECT_ID};
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
/// How long the answer to a request is waited for at least once its smaller form has been answered.
const GRACE: Duration = Duration::from_millis(250);
/// The most that a message is longer than its varbinds, without community, user, engine and signature.
const OVERHEAD: usize = 40;
/// The same for SNMPv3 with all of these.
const OVERHEAD_OF_A_USER: usize = 200;

enum Speaker {
    Community { version: snmp2::Version, community: Secret },
    User(Box<Usm>),
}

/// One way to put a request, and what makes an answer one to it.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    pub(super) request: &'a Request,
    pub(super) accept: &'a dyn Fn(&Reply) -> Result<(), &'static str>,
}

/// How often and how long one request is tried.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// How long to wait before it is sent again.
    pub(super) attempt: Duration,
    /// How often it is sent at that pace. After that, each pause is longer than the one before.
    pub(super) attempts: u32,
    /// How long an answer is waited for altogether, whatever the deadline is.
    pub(super) limit: Duration,
}

/// Carries requests to an agent and answers back (RFC 3411, section 3.1.1).
pub(super) struct Dispatcher {
    addresses: Vec<SocketAddr>,
    peer: Option<SocketAddr>,
    /// Whether the agent answers from another address than the one that it is asked at.
    elsewhere: bool,
    speaker: Speaker,
    pace: Pace,
    /// How long the last answer took.
    took: Duration,
    /// Whether anything was answered that wasn't the discovery.
    answered: bool,
    sent: u64,
    buffer: Vec<u8>,
}

/// One attempt that has been sent and not been answered.
struct Flight {
    socket: UdpSocket,
    address: SocketAddr,
    id: i32,
    extension: KeyExtension,
    /// Which form of the request it is.
    form: usize,
    sent: Instant,
}

/// How a request that was carried out ended.
enum Outcome {
    /// With a reply to this form of it.
    Reply(usize, Reply),
    AskAgain,
}

/// An address in the course of one request.
struct Route {
    address: SocketAddr,
    faults: u32,
    /// How many attempts nothing came of, neither answer nor fault.
    silences: u32,
}

impl Route {
    fn fails(&mut self) {
        self.faults += 1;
        self.silences = self.silences.saturating_sub(1);
    }
}

impl Dispatcher {
    pub(super) fn new(
        addresses: &[SocketAddr],
        credentials: &Credentials,
        pace: Pace,
    ) -> Result<Dispatcher, Error> {
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
        Ok(Dispatcher {
            addresses: addresses.to_vec(),
            peer,
            elsewhere: false,
            speaker,
            pace: Pace { attempts: pace.attempts.max(1), ..pace },
            took: Duration::ZERO,
            answered: false,
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

    /// The identifier of the engine that signed the last answer.
    pub(super) fn engine(&self) -> Option<&[u8]> {
        match &self.speaker {
            Speaker::Community { .. } => None,
            Speaker::User(usm) => usm.proven(),
        }
    }

    /// How many bytes of varbinds a message of this size has room for.
    pub(super) fn room(&self, message: usize) -> usize {
        message.saturating_sub(match &self.speaker {
            Speaker::Community { community, .. } => OVERHEAD.saturating_add(community.len()),
            Speaker::User(_) => OVERHEAD_OF_A_USER,
        })
    }

    /// How long an answer is waited for: each address has its turn.
    fn limit(&self) -> Duration {
        let addresses = if self.peer.is_some() { 1 } else { self.addresses.len() };
        let turns = self.pace.attempt.saturating_mul(u32::try_from(addresses).unwrap_or(u32::MAX));
        self.pace.limit.max(turns)
    }

    /// The pause after so many attempts. An agent that took its time to answer isn't asked again meanwhile: it would
    /// have to work off every repetition.
    fn pause(&self, attempts: u32) -> Duration {
        let longest = self.pace.attempt.saturating_mul(self.pace.attempts);
        let shortest = self.pace.attempt.max(self.took.saturating_mul(3) / 2).min(longest);
        shortest.saturating_mul(attempts.saturating_sub(self.pace.attempts).saturating_add(1))
    }

    /// Whether a write now would go to somebody who has proved nothing: to one of several addresses of which none
    /// has answered, so that it could reach two devices; or to an engine that has named itself and signed nothing.
    fn is_stranger(&self) -> bool {
        self.peer.is_none()
            || matches!(&self.speaker, Speaker::User(usm) if usm.signs() && usm.engine_id() != usm.proven())
    }

    /// Sends a request until an answer comes that it accepts: at first in the first of its forms. Where nothing comes
    /// of that, or at once where that is `doubtful`, in the other ones too. Tells which form was answered.
    ///
    /// A write goes to the engine that has signed the last answer, and to no other one.
    pub(super) fn ask(
        &mut self,
        forms: &[Form<'_>],
        doubtful: bool,
        deadline: Deadline,
    ) -> Result<(usize, Reply), Error> {
        let deadline = deadline.at_most(self.limit());
        let writes = forms.iter().any(|form| form.request.operation == Operation::Set);
        let mut expected = self.engine().map(<[u8]>::to_vec);
        for _ in 0..=RESYNCHRONISATIONS {
            if let Speaker::User(usm) = &self.speaker
                && !usm.is_ready()
            {
                log::debug!("SNMPv3: discovering the agent's engine");
                self.carry(&[], false, deadline)?;
            }
            if writes && self.is_stranger() {
                let probe = Request::read(Operation::Get, [&Oid::from(SYS_OBJECT_ID)])?;
                let probe = Form { request: &probe, accept: &|_| Ok(()) };
                if let Outcome::AskAgain = self.carry(&[probe], false, deadline)? {
                    continue;
                }
            }
            if writes {
                let engine = self.engine().map(<[u8]>::to_vec);
                if expected.is_some() && engine != expected {
                    return Err(Error::AnotherEngine);
                }
                expected = engine;
            }
            if let Outcome::Reply(form, reply) = self.carry(forms, doubtful, deadline)? {
                return Ok((form, reply));
            }
        }
        Err(Error::Unsynchronised)
    }

    /// Sends a request, or without any form of one the discovery of the agent's engine, until something comes of it.
    fn carry(&mut self, forms: &[Form<'_>], doubtful: bool, deadline: Deadline) -> Result<Outcome, Error> {
        let addresses = self.peer.map_or_else(|| self.addresses.clone(), |peer| vec![peer]);
        let mut routes: Vec<Route> =
            addresses.into_iter().map(|address| Route { address, faults: 0, silences: 0 }).collect();
        let mut flights: Vec<Flight> = Vec::new();
        let mut unusable: Option<&'static str> = None;
        let mut fault: Option<Error> = None;
        let mut turn: usize = 0;
        // Those that the network took: a closed port beside an open one costs no attempt.
        let mut requests: u32 = 0;
        while !deadline.passed() {
            routes.retain(|route| route.faults < FAULTS);
            let open = routes.len();
            let Some(route) = routes.get_mut(turn % open.max(1)) else {
                return Err(fault.unwrap_or(Error::NoTime));
            };
            turn += 1;
            let address = route.address;
            // A connected socket hears of a closed port, and one that isn't of answers from elsewhere.
            let connected = !self.elsewhere && route.silences % 2 == 0;
            route.silences += 1;
            let all = doubtful || requests > 0;
            let mut launched = false;
            for form in 0..if all { forms.len().max(1) } else { 1 } {
                match self.launch(forms, form, address, connected)? {
                    Ok(flight) => {
                        launched = true;
                        flights.push(flight);
                    }
                    Err(error) => {
                        log::debug!("SNMP: {error}");
                        route.fails();
                        fault = Some(error);
                        break;
                    }
                }
            }
            requests += u32::from(launched);
            let mut window = deadline.at_most(self.pause(requests));
            let mut smaller: Option<(usize, Reply)> = None;
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
                let Some(left) = window.wait(self.pace.limit) else { break };
                memory::wipe_dead_stack();
                for place in ready(&flights, left)?.into_iter().rev() {
                    let Some(flight) = flights.get(place) else { continue };
                    match self.hear(flight, forms) {
                        Heard::Nothing => {}
                        Heard::Outcome(outcome) => {
                            self.peer = Some(flight.address);
                            let took = flight.sent.elapsed();
                            match outcome {
                                Outcome::Reply(form, reply) if form > 0 => {
                                    if smaller.is_none() {
                                        window = window.at_most(GRACE.max(took.saturating_mul(2)));
                                    }
                                    smaller = Some((form, reply));
                                    flights.remove(place);
                                }
                                outcome => {
                                    self.took = took;
                                    self.answered |= !forms.is_empty();
                                    return Ok(outcome);
                                }
                            }
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
                                route.fails();
                            }
                            fault = Some(error);
                            flights.remove(place);
                            requests = requests.saturating_sub(1);
                        }
                    }
                }
            }
            if let Some((form, reply)) = smaller {
                self.answered = true;
                return Ok(Outcome::Reply(form, reply));
            }
            if let Speaker::User(usm) = &mut self.speaker {
                usm.alternate();
            }
        }
        let earlier = match &self.speaker {
            _ if self.answered => Earlier::Answers,
            Speaker::User(usm) if usm.is_ready() => Earlier::Name,
            _ => Earlier::Nothing,
        };
        let write = forms.iter().any(|form| form.request.operation == Operation::Set);
        Err(match (unusable, fault) {
            (Some(why), _) => Error::Unusable(why),
            (None, Some(fault)) if flights.is_empty() => fault,
            _ if requests == 0 => Error::NoTime,
            _ => Error::Silent { requests, earlier, write },
        })
    }

    /// Sends one form of the request, or the discovery, through a new socket. The inner error is the network's.
    fn launch(
        &mut self,
        forms: &[Form<'_>],
        form: usize,
        address: SocketAddr,
        connected: bool,
    ) -> Result<Result<Flight, Error>, Error> {
        let request = forms.get(form).map(|form| form.request);
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
        let sent = Instant::now();
        Ok(match send(&message, address, connected) {
            Ok(socket) => Ok(Flight { socket, address, id, extension, form, sent }),
            Err(error) => Err(network(&error, address)),
        })
    }

    /// Reads what has arrived for one attempt.
    fn hear(&mut self, flight: &Flight, forms: &[Form<'_>]) -> Heard {
        for _ in 0..DATAGRAMS {
            let (length, from) = match flight.socket.recv_from(&mut self.buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Heard::Nothing,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Heard::Fault(network(&error, flight.address)),
            };
            let Some(datagram) = self.buffer.get_mut(..length).and_then(trim) else { continue };
            log::trace!("SNMP: {length} bytes from {from}");
            let form = forms.get(flight.form);
            let verdict = match &mut self.speaker {
                Speaker::Community { version, community } => {
                    judge_community(datagram, *version, community.expose(), flight.id)
                }
                Speaker::User(usm) if form.is_some() => usm.judge(datagram, flight.id, flight.extension),
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
                Verdict::AskAgain => {
                    self.note(from, flight.address);
                    Heard::Outcome(Outcome::AskAgain)
                }
                Verdict::Reply(reply) => match form.map_or(Ok(()), |form| (form.accept)(&reply)) {
                    Ok(()) => {
                        self.note(from, flight.address);
                        Heard::Outcome(Outcome::Reply(flight.form, reply))
                    }
                    Err(why) => Heard::Unusable(why),
                },
            };
        }
        Heard::Nothing
    }

    /// Notes where answers come from.
    fn note(&mut self, from: SocketAddr, asked: SocketAddr) {
        if from == asked || self.elsewhere {
            return;
        }
        self.elsewhere = true;
        let signed = matches!(&self.speaker, Speaker::User(usm) if usm.signs());
        log::log!(
            if signed { log::Level::Info } else { log::Level::Warn },
            "{asked} was asked, and {from} answers: taken as another address of the same device"
        );
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

/// Sends a message through a new socket, which then hears this address alone where it is `connected`.
fn send(message: &[u8], address: SocketAddr, connected: bool) -> io::Result<UdpSocket> {
    let local = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(local)?;
    socket.set_nonblocking(true)?;
    if connected {
        socket.connect(address)?;
        socket.send(message)?;
    } else {
        socket.send_to(message, address)?;
    }
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
