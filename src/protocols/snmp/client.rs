//! The client: reading, writing and walking.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Deadline;

use super::credentials::{CommunityVersion, Credentials};
use super::dispatcher::{Dispatcher, Form, Pace};
use super::error::{Error, ErrorStatus, Rejection};
use super::message::{Operation, Reply, Request};
use super::oid::Oid;
use super::value::{Answer, Value};

/// How often and how long one request is tried, and how much goes into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long to wait before a request is sent again. Answers to what was sent before still count.
    pub attempt: Duration,
    /// How often a request is sent at that pace. After that, each pause is longer than the one before.
    pub attempts: u32,
    /// How long an answer to one request is waited for, whatever the deadline is.
    pub limit: Duration,
    /// How many objects go into one request at most.
    pub objects: usize,
    /// How many objects a walk may meet.
    pub walk: usize,
    /// How many bytes a walk may meet, names and values together.
    pub walk_bytes: usize,
}

impl Default for Config {
    /// Five attempts of one second, 20 seconds for a request, 32 objects a request, 20,000 objects and 4 MiB a walk.
    fn default() -> Config {
        Config {
            attempt: Duration::from_secs(1),
            attempts: 5,
            limit: Duration::from_secs(20),
            objects: 32,
            walk: 20_000,
            walk_bytes: 4 << 20,
        }
    }
}

/// How many objects a walk asks for in one request.
const REPETITIONS: u32 = 24;

/// An agent needn't take a larger message than this (RFC 1157, section 4; RFC 3417, section 3.2).
const SMALLEST_MESSAGE: usize = 484;

/// How much goes into one request to this agent. It shrinks where the agent is silent to more.
#[derive(Clone, Copy)]
struct Portions {
    /// How many objects.
    objects: usize,
    /// How many bytes of them, where that is limited.
    bytes: Option<usize>,
    /// How many repetitions of a get-bulk; 0 for none at all.
    repetitions: u32,
    /// Whether a get-bulk was answered.
    bulk: bool,
    /// Whether it has shrunk, and nothing of the size that it has now was answered yet.
    doubtful: bool,
}

impl Portions {
    /// The agent was silent to this many bytes of several objects, and answered one of them.
    fn shrink(&mut self, bytes: usize, room: usize) {
        if bytes > room && self.bytes.is_none() {
            self.bytes = Some(room);
        } else {
            self.objects = 1;
        }
        self.doubtful = true;
        log::debug!("SNMP: silent to several objects in {bytes} bytes: asking for fewer at once");
    }

    /// The agent was silent to a get-bulk, and answered a get-next.
    fn shrink_bulk(&mut self) {
        self.repetitions = if self.bulk { self.repetitions / 4 } else { 0 };
        self.bulk &= self.repetitions > 0;
        self.doubtful = true;
        log::debug!("SNMP: silent to get-bulk: {} repetitions from now on", self.repetitions);
    }

    /// How many of these objects go into one request, at least one.
    fn of<'a>(&self, objects: impl Iterator<Item = &'a Oid>) -> usize {
        let room = self.bytes.unwrap_or(usize::MAX);
        let mut bytes: usize = 0;
        let fitting = objects.take(self.objects.max(1)).take_while(|object| {
            bytes = bytes.saturating_add(Request::size_of(object));
            bytes <= room
        });
        fitting.count().max(1)
    }
}

/// Whether a reply is one about these objects; the reason, where it isn't.
type Acceptance = fn(&Reply, &[&Oid]) -> Result<(), &'static str>;

/// A client of one SNMP agent.
///
/// The first address that answers is kept for the client's life. In SNMPv3 the agent's engine is discovered once
/// and its clock is followed from then on.
pub struct Client {
    dispatcher: Dispatcher,
    config: Config,
    portions: Portions,
    /// Who has signed the first answer to what is being asked as one.
    signer: Option<Signer>,
}

/// The engine of the first answer, once there is one: it signs all the others, too.
type Signer = Option<Option<Vec<u8>>>;

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("peer", &self.peer())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client for the agent at these addresses, tried in turn until one answers. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Misuse`] where there is no address, a password is under 8 bytes, or a name is too long.
    pub fn new(addresses: &[SocketAddr], credentials: &Credentials, config: Config) -> Result<Client, Error> {
        credentials.check()?;
        // Version 1 has no get-bulk.
        let repetitions = match credentials {
            Credentials::Community { version: CommunityVersion::V1, .. } => 0,
            _ => REPETITIONS,
        };
        let Config { attempt, attempts, limit, .. } = config;
        Ok(Client {
            dispatcher: Dispatcher::new(addresses, credentials, Pace { attempt, attempts, limit })?,
            config,
            portions: Portions {
                objects: config.objects.max(1),
                bytes: None,
                repetitions,
                bulk: false,
                doubtful: false,
            },
            signer: None,
        })
    }

    /// How many requests have been sent, the repeated ones and the discovery among them.
    pub fn requests(&self) -> u64 {
        self.dispatcher.sent()
    }

    /// The address that answered.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.dispatcher.peer()
    }

    /// The identifier of the SNMPv3 engine that signed the last answer: who this is, as far as the protocol proves it.
    /// `None` where nothing is signed, in the versions before and at the level noAuthNoPriv.
    pub fn engine(&self) -> Option<&[u8]> {
        self.dispatcher.engine()
    }

    /// Asks for several things of which all the answers must be one engine's: what two engines tell makes no state of
    /// either. What is asked as one inside of this belongs to it.
    ///
    /// # Errors
    /// [`Error::AnotherEngine`] with the first answer that another engine has signed than the first one, and nothing
    /// is asked after that; otherwise those of `asking`.
    pub fn as_one<T>(&mut self, asking: impl FnOnce(&mut Client) -> Result<T, Error>) -> Result<T, Error> {
        let outermost = self.signer.is_none();
        self.signer.get_or_insert_default();
        let answer = asking(self);
        if outermost {
            self.signer = None;
        }
        answer
    }

    /// Sends a request, and compares who has signed its answer with who has signed those before it.
    fn ask(
        &mut self,
        forms: &[Form<'_>],
        doubtful: bool,
        deadline: Deadline,
    ) -> Result<(usize, Reply), Error> {
        let answer = self.dispatcher.ask(forms, doubtful, deadline)?;
        if let Some(signer) = &mut self.signer {
            let engine = self.dispatcher.engine();
            match signer {
                Some(first) if first.as_deref() != engine => return Err(Error::AnotherEngine),
                Some(_) => {}
                None => *signer = Some(engine.map(<[u8]>::to_vec)),
            }
        }
        Ok(answer)
    }

    /// Reads several objects, in the order asked for: several in one request, fewer where the agent can't put so
    /// many into an answer, or is silent to so many.
    ///
    /// # Errors
    /// [`Error::Failed`] where the agent answers with an error other than "no such object"; [`Error::Refused`],
    /// [`Error::Unreachable`], [`Error::Silent`], [`Error::Rejected`] and the others as they say;
    /// [`Error::AnotherEngine`] where several requests were needed, and two engines have signed the answers.
    pub fn get(&mut self, objects: &[Oid], deadline: Deadline) -> Result<Vec<Answer>, Error> {
        self.as_one(|client| client.get_in_portions(objects, deadline))
    }

    fn get_in_portions(&mut self, objects: &[Oid], deadline: Deadline) -> Result<Vec<Answer>, Error> {
        let mut answers: Vec<Option<Answer>> = vec![None; objects.len()];
        let places: Vec<usize> = (0..objects.len()).collect();
        let mut groups: VecDeque<Vec<usize>> =
            places.chunks(self.config.objects.max(1)).map(<[usize]>::to_vec).collect();
        while let Some(mut group) = groups.pop_front() {
            let count = self.portions.of(group.iter().filter_map(|&place| objects.get(place)));
            if count < group.len() {
                groups.push_front(group.split_off(count));
            }
            let asked: Vec<&Oid> = group.iter().filter_map(|&place| objects.get(place)).collect();
            let (reply, whole) = self.read(Operation::Get, &asked, names_match, deadline)?;
            if !whole {
                // The answer is for the first one alone.
                groups.push_front(group.split_off(1));
            }
            match ErrorStatus::from_number(reply.status) {
                None => {
                    for (place, (object, answer)) in group.into_iter().zip(reply.answers) {
                        match &answer {
                            Answer::Value(value) => log::trace!("SNMP: {object} is {value}"),
                            Answer::NoSuchObject => log::trace!("SNMP: no object {object}"),
                        }
                        put(&mut answers, place, answer);
                    }
                }
                Some(ErrorStatus::TooBig) if group.len() > 1 => {
                    let second = group.split_off(group.len() / 2);
                    groups.push_front(second);
                    groups.push_front(group);
                }
                Some(ErrorStatus::NoSuchName) => match (named(&group, reply.index), group.as_slice()) {
                    // The agent says nothing of the others: ask for them again.
                    (Some(&missing), _) => {
                        put(&mut answers, missing, Answer::NoSuchObject);
                        group.retain(|&place| place != missing);
                        if !group.is_empty() {
                            groups.push_front(group);
                        }
                    }
                    (None, [only]) => put(&mut answers, *only, Answer::NoSuchObject),
                    (None, _) => group.iter().rev().for_each(|&place| groups.push_front(vec![place])),
                },
                Some(status) => {
                    return Err(Error::Failed {
                        status,
                        object: named(&asked, reply.index).map(|oid| (*oid).clone()),
                    });
                }
            }
        }
        // Every group has been answered, or the loop would have returned.
        answers
            .into_iter()
            .collect::<Option<Vec<Answer>>>()
            .ok_or(Error::Unusable("an object is missing in it"))
    }

    /// Asks for several objects in one request, and for the first one alone where the agent is silent to that. Tells
    /// whether the answer is for all of them.
    fn read(
        &mut self,
        operation: Operation,
        asked: &[&Oid],
        accept: Acceptance,
        deadline: Deadline,
    ) -> Result<(Reply, bool), Error> {
        let all = Request::read(operation, asked.iter().copied())?;
        let whole = |reply: &Reply| accept(reply, asked);
        let form = Form { request: &all, accept: &whole };
        let Some(first) = asked.get(..1).filter(|_| asked.len() > 1) else {
            return Ok((self.ask(&[form], false, deadline)?.1, true));
        };
        let one = Request::read(operation, first.iter().copied())?;
        let single = |reply: &Reply| accept(reply, first);
        let forms = [form, Form { request: &one, accept: &single }];
        let (form, reply) = self.ask(&forms, self.portions.doubtful, deadline)?;
        if form == 0 {
            self.portions.doubtful = false;
        } else {
            self.portions.shrink(all.size(), self.dispatcher.room(SMALLEST_MESSAGE));
        }
        Ok((reply, form == 0))
    }

    /// Reads one object.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn get_one(&mut self, object: &Oid, deadline: Deadline) -> Result<Answer, Error> {
        let answers = self.get(std::slice::from_ref(object), deadline)?;
        answers.into_iter().next().ok_or(Error::Unusable("an object is missing in it"))
    }

    /// Writes one or several values in one request: all or none of them (RFC 3416, section 4.2.5).
    ///
    /// Ok means that the agent has acknowledged the write, not that the device has acted. A request whose answer
    /// is lost is sent again, so a write must be one that may happen twice.
    ///
    /// # Errors
    /// [`Error::WriteRefused`] with the agent's reason; [`Error::AnotherEngine`] where the agent isn't the one that
    /// has signed what was read before; otherwise as [`Client::get`].
    pub fn set(&mut self, values: &[(Oid, Value)], deadline: Deadline) -> Result<(), Error> {
        let request = Request::write(values)?;
        for (object, value) in values {
            log::debug!("SNMP: setting {object} to {value}");
        }
        let names: Vec<&Oid> = values.iter().map(|(object, _)| object).collect();
        let form = Form { request: &request, accept: &|reply| names_match(reply, &names) };
        let (_, reply) = self.ask(&[form], false, deadline)?;
        match ErrorStatus::from_number(reply.status) {
            None => Ok(()),
            Some(status) => Err(Error::WriteRefused {
                status,
                object: named(&names, reply.index).map(|oid| (*oid).clone()),
            }),
        }
    }

    /// Every object under `root`, in the agent's order. An empty list where there is none.
    ///
    /// # Errors
    /// [`Error::WalkNotIncreasing`] for an agent that would walk in a circle, [`Error::WalkTooLong`] and
    /// [`Error::WalkTooLarge`] beyond the configured number of objects and bytes, otherwise as [`Client::get`].
    pub fn walk(&mut self, root: &Oid, deadline: Deadline) -> Result<Vec<(Oid, Value)>, Error> {
        self.as_one(|client| client.walk_on(root, deadline))
    }

    fn walk_on(&mut self, root: &Oid, deadline: Deadline) -> Result<Vec<(Oid, Value)>, Error> {
        let mut found: Vec<(Oid, Value)> = Vec::new();
        let mut bytes: usize = 0;
        loop {
            let last = found.last().map_or(root, |(object, _)| object).clone();
            let reply = if self.portions.repetitions > 0 {
                self.bulk(&last, deadline)
            } else {
                self.follow(root, &last, deadline)
            };
            let reply = match reply {
                // Said rather than kept silent about: get-next is asked from now on.
                Err(Error::Rejected(Rejection::NoHandler)) if self.portions.repetitions > 0 => {
                    self.portions.repetitions = 0;
                    continue;
                }
                reply => reply?,
            };
            match ErrorStatus::from_number(reply.status) {
                None => {}
                Some(ErrorStatus::NoSuchName) => return Ok(found),
                Some(ErrorStatus::TooBig) if self.portions.repetitions > 0 => {
                    self.portions.repetitions /= 2;
                    continue;
                }
                Some(status) => return Err(Error::Failed { status, object: Some(last) }),
            }
            if reply.answers.is_empty() {
                return Err(Error::Unusable("an object in it can't be read"));
            }
            for (object, answer) in reply.answers {
                let (Answer::Value(value), Some(_)) = (answer, object.under(root)) else { return Ok(found) };
                if found.last().is_some_and(|(last, _)| object <= *last) || object == *root {
                    return Err(Error::WalkNotIncreasing(object));
                }
                bytes = bytes.saturating_add(object.size()).saturating_add(value.size());
                found.push((object, value));
                if found.len() > self.config.walk {
                    return Err(Error::WalkTooLong(self.config.walk));
                }
                if bytes > self.config.walk_bytes {
                    return Err(Error::WalkTooLarge(self.config.walk_bytes));
                }
            }
        }
    }

    /// What follows `last`, by get-bulk; by get-next where the agent is silent to that.
    fn bulk(&mut self, last: &Oid, deadline: Deadline) -> Result<Reply, Error> {
        let several = Request::read(Operation::GetBulk(self.portions.repetitions), [last])?;
        let one = Request::read(Operation::GetNext, [last])?;
        let any = |_: &Reply| Ok(());
        let forms = [Form { request: &several, accept: &any }, Form { request: &one, accept: &any }];
        let (form, reply) = self.ask(&forms, self.portions.doubtful, deadline)?;
        if form == 0 {
            (self.portions.bulk, self.portions.doubtful) = (true, false);
        } else {
            self.portions.shrink_bulk();
        }
        Ok(reply)
    }

    /// What follows `last`, as get-bulk would tell it, for agents that don't know get-bulk.
    ///
    /// Rows are mostly numbered one after another. So one get-next asks for what follows the last object and, on
    /// the guess that the following rows exist, for what follows each of them. Only an unbroken chain is taken from
    /// the answers: each begins where the one before ended.
    fn follow(&mut self, root: &Oid, last: &Oid, deadline: Deadline) -> Result<Reply, Error> {
        let mut cursors = vec![last.clone()];
        if let Some((&row, before)) = last.under(root).and_then(<[u32]>::split_last) {
            let column = root.with(before);
            cursors
                .extend((1..REPETITIONS).filter_map(|ahead| Some(column.with(&[row.checked_add(ahead)?]))));
        } else {
            cursors.extend((1..REPETITIONS).map(|row| root.with(&[row])));
        }
        loop {
            cursors.truncate(self.portions.of(cursors.iter()));
            let asked: Vec<&Oid> = cursors.iter().collect();
            let count = asked.len();
            let (mut reply, whole) = self.read(Operation::GetNext, &asked, as_many, deadline)?;
            // One guess beyond the end of everything, or one too many, spoils the whole answer.
            match ErrorStatus::from_number(reply.status).filter(|_| whole && count > 1) {
                Some(ErrorStatus::TooBig) => {
                    self.portions.objects = count / 2;
                    continue;
                }
                Some(_) => {
                    let guess = usize::try_from(reply.index).unwrap_or(0);
                    cursors.truncate(guess.saturating_sub(1).clamp(1, count - 1));
                    continue;
                }
                None => {}
            }
            let mut chain: Vec<(Oid, Answer)> = Vec::with_capacity(count);
            for (cursor, next) in cursors.iter().zip(reply.answers) {
                let here = chain.last().map_or(last, |(object, _)| object);
                // Not so for a guess behind a gap.
                if cursor == here {
                    chain.push(next);
                }
            }
            reply.answers = chain;
            return Ok(reply);
        }
    }
}

/// Whether a reply without an error has an answer for every object asked for.
fn as_many(reply: &Reply, asked: &[&Oid]) -> Result<(), &'static str> {
    if reply.status == 0 && reply.answers.len() != asked.len() {
        return Err("it doesn't answer for every object");
    }
    Ok(())
}

/// Whether a reply without an error names exactly the objects asked for, in their order.
fn names_match(reply: &Reply, asked: &[&Oid]) -> Result<(), &'static str> {
    as_many(reply, asked)?;
    if reply.answers.iter().zip(asked).any(|((name, _), asked)| name != *asked) {
        return Err("it names another object than the one asked for");
    }
    Ok(())
}

/// What error-index points at.
fn named<T>(group: &[T], index: u32) -> Option<&T> {
    group.get(usize::try_from(index).ok()?.checked_sub(1)?)
}

fn put(answers: &mut [Option<Answer>], place: usize, answer: Answer) {
    if let Some(slot) = answers.get_mut(place) {
        *slot = Some(answer);
    }
}
