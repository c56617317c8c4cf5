//! The client: reading, writing and walking.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::base::Deadline;

use super::credentials::{CommunityVersion, Credentials};
use super::error::{Error, ErrorStatus};
use super::message::{Operation, Reply, Request};
use super::oid::Oid;
use super::transport::Transport;
use super::value::{Answer, Value};

/// sysObjectID (RFC 3418): what kind of device this is. Every agent has it.
pub const SYS_OBJECT_ID: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];

/// How often and how long one request is tried, and how much goes into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long to wait before a request is sent again. Answers to what was sent before still count.
    pub attempt: Duration,
    /// How many times a request is sent at most. `attempt` times `attempts` bounds every request, whatever the
    /// deadline is.
    pub attempts: u32,
    /// How many objects go into one request at most.
    pub objects: usize,
    /// How many objects a walk may meet.
    pub walk: usize,
}

impl Default for Config {
    /// Five attempts of one second, 32 objects a request, 20,000 objects a walk.
    fn default() -> Config {
        Config { attempt: Duration::from_secs(1), attempts: 5, objects: 32, walk: 20_000 }
    }
}

/// How many objects a walk asks for in one request.
const REPETITIONS: u32 = 24;

/// A client of one SNMP agent.
///
/// The first address that answers is kept for the client's life. In SNMPv3 the agent's engine is discovered once
/// and its clock is followed from then on.
pub struct Client {
    transport: Transport,
    config: Config,
    version: Version,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    Later,
}

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
        let version = match credentials {
            Credentials::Community { version: CommunityVersion::V1, .. } => Version::V1,
            _ => Version::Later,
        };
        Ok(Client {
            transport: Transport::new(addresses, credentials, config.attempt, config.attempts)?,
            config,
            version,
        })
    }

    /// How many requests have been sent, the repeated ones and the discovery among them.
    pub fn requests(&self) -> u64 {
        self.transport.sent()
    }

    /// The address that answered.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.transport.peer()
    }

    /// Reads several objects, in the order asked for: several in one request, fewer where the agent can't put so
    /// many into an answer.
    ///
    /// # Errors
    /// [`Error::Failed`] where the agent answers with an error other than "no such object"; [`Error::Refused`],
    /// [`Error::Unreachable`], [`Error::Silent`], [`Error::Rejected`] and the others as they say.
    pub fn get(&mut self, objects: &[Oid], deadline: Deadline) -> Result<Vec<Answer>, Error> {
        let mut answers: Vec<Option<Answer>> = vec![None; objects.len()];
        let places: Vec<usize> = (0..objects.len()).collect();
        let mut groups: VecDeque<Vec<usize>> =
            places.chunks(self.config.objects.max(1)).map(<[usize]>::to_vec).collect();
        while let Some(group) = groups.pop_front() {
            let asked: Vec<&Oid> = group.iter().filter_map(|&place| objects.get(place)).collect();
            let request = Request::read(Operation::Get, asked.iter().copied())?;
            let reply = self.transport.ask(&request, deadline, &mut |reply| names_match(reply, &asked))?;
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
                    let (first, second) = group.split_at(group.len() / 2);
                    groups.push_front(second.to_vec());
                    groups.push_front(first.to_vec());
                }
                Some(ErrorStatus::NoSuchName) => match (named(&group, reply.index), group.as_slice()) {
                    // The agent says nothing of the others: ask for them again.
                    (Some(&missing), _) => {
                        put(&mut answers, missing, Answer::NoSuchObject);
                        let rest: Vec<usize> =
                            group.iter().copied().filter(|&place| place != missing).collect();
                        if !rest.is_empty() {
                            groups.push_front(rest);
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
    /// [`Error::WriteRefused`] with the agent's reason; otherwise as [`Client::get`].
    pub fn set(&mut self, values: &[(Oid, Value)], deadline: Deadline) -> Result<(), Error> {
        let request = Request::write(values)?;
        for (object, value) in values {
            log::debug!("SNMP: setting {object} to {value}");
        }
        if self.transport.is_undecided() {
            // With several addresses, a write sent to one after another could reach two devices.
            let probe = Request::read(Operation::Get, [&Oid::from(SYS_OBJECT_ID)])?;
            self.transport.ask(&probe, deadline, &mut |_| Ok(()))?;
        }
        let names: Vec<&Oid> = values.iter().map(|(object, _)| object).collect();
        let reply = self.transport.ask(&request, deadline, &mut |reply| names_match(reply, &names))?;
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
    /// [`Error::WalkNotIncreasing`] for an agent that would walk in a circle, [`Error::WalkTooLong`] beyond the
    /// configured number of objects, otherwise as [`Client::get`].
    pub fn walk(&mut self, root: &Oid, deadline: Deadline) -> Result<Vec<(Oid, Value)>, Error> {
        let mut found: Vec<(Oid, Value)> = Vec::new();
        let mut repetitions = REPETITIONS;
        loop {
            let last = found.last().map_or(root, |(object, _)| object).clone();
            let reply = match self.version {
                Version::V1 => self.follow(root, &last, &mut repetitions, deadline)?,
                Version::Later => {
                    let request = Request::read(Operation::GetBulk(repetitions), [&last])?;
                    self.transport.ask(&request, deadline, &mut |_| Ok(()))?
                }
            };
            match ErrorStatus::from_number(reply.status) {
                None => {}
                Some(ErrorStatus::NoSuchName) => return Ok(found),
                Some(ErrorStatus::TooBig) if repetitions > 1 => {
                    repetitions /= 2;
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
                found.push((object, value));
                if found.len() > self.config.walk {
                    return Err(Error::WalkTooLong(self.config.walk));
                }
            }
        }
    }

    /// What follows `last`, as get-bulk would tell it, for agents that don't know get-bulk.
    ///
    /// Rows are mostly numbered one after another. So one get-next asks for what follows the last object and, on
    /// the guess that the following rows exist, for what follows each of them. Only an unbroken chain is taken from
    /// the answers: each begins where the one before ended.
    fn follow(
        &mut self,
        root: &Oid,
        last: &Oid,
        repetitions: &mut u32,
        deadline: Deadline,
    ) -> Result<Reply, Error> {
        let mut cursors = vec![last.clone()];
        if let Some((&row, before)) = last.under(root).and_then(<[u32]>::split_last) {
            let column = root.with(before);
            cursors
                .extend((1..*repetitions).filter_map(|ahead| Some(column.with(&[row.checked_add(ahead)?]))));
        } else {
            cursors.extend((1..*repetitions).map(|row| root.with(&[row])));
        }
        let mut count = cursors.len().min(self.config.objects.max(1));
        loop {
            cursors.truncate(count);
            let request = Request::read(Operation::GetNext, &cursors)?;
            let mut reply = self.transport.ask(&request, deadline, &mut |reply| {
                if reply.status == 0 && reply.answers.len() != request.count {
                    return Err("it doesn't answer for every object");
                }
                Ok(())
            })?;
            // One guess beyond the end of everything, or one too many, spoils the whole answer.
            match ErrorStatus::from_number(reply.status) {
                Some(ErrorStatus::TooBig) if count > 1 => {
                    count /= 2;
                    *repetitions = u32::try_from(count).unwrap_or(1);
                    continue;
                }
                Some(_) if count > 1 => {
                    let guess = usize::try_from(reply.index).unwrap_or(0);
                    count = guess.saturating_sub(1).clamp(1, count - 1);
                    continue;
                }
                _ => {}
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

/// Whether a reply without an error names exactly the objects asked for, in their order.
fn names_match(reply: &Reply, asked: &[&Oid]) -> Result<(), &'static str> {
    if reply.status != 0 {
        return Ok(());
    }
    if reply.answers.len() != asked.len() {
        return Err("it doesn't answer for every object");
    }
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
