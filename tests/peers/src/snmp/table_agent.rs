//! An SNMP agent of versions 1 and 2c that is a table and nothing else (RFC 1157, 1901, 3416): for devices that snmpd can't
//! be, because they break the protocol, are silent to some requests, or answer from elsewhere.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// An object's name.
pub type Name = Vec<u32>;

/// What an object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// INTEGER.
    Integer(i64),
    /// OCTET STRING.
    Text(Vec<u8>),
    /// OBJECT IDENTIFIER.
    Object(Name),
    /// A value of this type, already encoded: Counter32 and others that nobody here reads.
    Other(u8, Vec<u8>),
}

impl From<&str> for Data {
    fn from(text: &str) -> Data {
        Data::Text(text.as_bytes().to_vec())
    }
}

impl From<i64> for Data {
    fn from(number: i64) -> Data {
        Data::Integer(number)
    }
}

/// Every object that an agent has.
pub type Rows = BTreeMap<Name, Data>;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// GetRequest.
    Get,
    /// GetNextRequest.
    Next,
    /// GetBulkRequest.
    Bulk,
    /// SetRequest.
    Set,
}

/// A request as it has come.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What for.
    pub kind: Kind,
    /// The objects.
    pub names: Vec<Name>,
    /// What they are to be set to; anything else than a number is `None`.
    pub values: Vec<Option<i64>>,
    /// How many bytes the message has.
    pub size: usize,
}

/// What is done with a request.
pub enum Deed {
    /// It is answered as it should be.
    Answer,
    /// It isn't answered, and nothing comes of it.
    Silence,
    /// It isn't answered, though what it asks for happens.
    Lost,
    /// It is answered with this error-status, about its first object.
    Error(u8),
    /// It is answered as it should be, but for what this does to the answer.
    Altered(Alteration),
}

/// What is done to the objects of an answer and to what they hold.
pub type Alteration = Box<dyn FnOnce(&mut Vec<(Name, Data)>)>;

/// Decides what is done with a request, and may change the device before.
pub type Rule = Box<dyn FnMut(&Asked, &mut Rows) -> Deed + Send>;

/// A column that takes commands, the one that shows what came of them, and what each value is shown as.
type Link = (Name, Name, Vec<(i64, i64)>);

/// What to make of an agent before it starts.
pub struct Builder {
    rows: Rows,
    links: Vec<Link>,
    rule: Rule,
    source: Option<IpAddr>,
}

/// sysObjectID.
const SYS_OBJECT_ID: &str = "1.3.6.1.2.1.1.2.0";
/// ifTable.
const IF_TABLE: &str = "1.3.6.1.2.1.2.2.1";
/// ifXTable.
const IF_X_TABLE: &str = "1.3.6.1.2.1.31.1.1.1";
/// The tables of APC's first generation of switched rack PDUs.
const RPDU: &str = "1.3.6.1.4.1.318.1.1.12.3";

/// The numbers of a name.
pub fn name(text: &str) -> Name {
    text.split('.').map(|arc| arc.parse().expect("a number")).collect()
}

impl Builder {
    /// Adds an object.
    #[must_use]
    pub fn row(mut self, object: &str, data: impl Into<Data>) -> Builder {
        self.rows.insert(name(object), data.into());
        self
    }

    /// Takes every object below this one away.
    #[must_use]
    pub fn without(mut self, column: &str) -> Builder {
        let column = name(column);
        self.rows.retain(|object, _| !object.starts_with(&column));
        self
    }

    /// Says what is done with each request.
    #[must_use]
    pub fn rule(mut self, rule: impl FnMut(&Asked, &mut Rows) -> Deed + Send + 'static) -> Builder {
        self.rule = Box::new(rule);
        self
    }

    /// Answers from this address.
    #[must_use]
    pub fn source(mut self, source: IpAddr) -> Builder {
        self.source = Some(source);
        self
    }

    /// A command in the first column is shown in the second one, each value as its partner.
    #[must_use]
    pub fn link(mut self, command: &str, shown: &str, values: &[(i64, i64)]) -> Builder {
        self.links.push((name(command), name(shown), values.to_vec()));
        self
    }

    /// Starts it on a free loopback port.
    pub fn start(self) -> TableAgent {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
        let address = socket.local_addr().expect("its address");
        let elsewhere = self.source.map(|source| UdpSocket::bind((source, 0)).expect("another address"));
        let truth = Arc::new(Mutex::new(Truth { rows: self.rows, log: Vec::new(), sets: Vec::new() }));
        let stop = Arc::new(AtomicBool::new(false));
        let (told, shared, links, mut rule) = (stop.clone(), truth.clone(), self.links, self.rule);
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while !told.load(Ordering::Relaxed) {
                let Ok((length, client)) = socket.recv_from(&mut buffer) else { continue };
                let mut truth = shared.lock().expect("the truth");
                let answer = truth.answer(&buffer[..length], &links, &mut rule);
                drop(truth);
                if let Some(answer) = answer {
                    let _ = elsewhere.as_ref().unwrap_or(&socket).send_to(&answer, client);
                }
            }
        });
        TableAgent { address, truth, stop, thread: Some(thread) }
    }
}

/// A running agent. It ends when dropped.
pub struct TableAgent {
    address: SocketAddr,
    truth: Arc<Mutex<Truth>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TableAgent {
    /// One that has only this sysObjectID.
    pub fn builder(sys_object_id: &str) -> Builder {
        Builder {
            rows: Rows::from([(name(SYS_OBJECT_ID), Data::Object(name(sys_object_id)))]),
            links: Vec::new(),
            rule: Box::new(|_, _| Deed::Answer),
            source: None,
        }
    }

    /// An APC switched rack PDU of the first generation (PowerNet-MIB), all outlets on.
    pub fn rpdu(outlets: u32) -> Builder {
        let mut unit = TableAgent::builder("1.3.6.1.4.1.318.1.3.4.5").link(
            &format!("{RPDU}.3.1.1.4"),
            &format!("{RPDU}.5.1.1.4"),
            &[(1, 1), (2, 2)],
        );
        for outlet in 1..=outlets {
            unit = unit
                .row(&format!("{RPDU}.3.1.1.4.{outlet}"), 1)
                .row(&format!("{RPDU}.5.1.1.2.{outlet}"), format!("outlet {outlet}").as_str())
                .row(&format!("{RPDU}.5.1.1.4.{outlet}"), 1)
                .row(&format!("{RPDU}.5.1.1.5.{outlet}"), 2);
        }
        unit
    }

    /// A switch (RFC 2863), all ports up.
    pub fn ports(ports: u32) -> Builder {
        let mut switch = TableAgent::builder("1.3.6.1.4.1.9.1.1").link(
            &format!("{IF_TABLE}.7"),
            &format!("{IF_TABLE}.8"),
            &[(1, 1), (2, 2)],
        );
        for port in 1..=ports {
            switch = switch
                .row(&format!("{IF_TABLE}.2.{port}"), format!("Port {port}").as_str())
                .row(&format!("{IF_TABLE}.7.{port}"), 1)
                .row(&format!("{IF_TABLE}.8.{port}"), 1)
                .row(&format!("{IF_X_TABLE}.1.{port}"), format!("p{port}").as_str())
                .row(&format!("{IF_X_TABLE}.18.{port}"), "");
        }
        switch
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What an object holds.
    pub fn holds(&self, object: &str) -> Option<Data> {
        self.lock().rows.get(&name(object)).cloned()
    }

    /// Whether an outlet of [`TableAgent::rpdu`] has power: the judge.
    pub fn is_on(&self, outlet: u32) -> bool {
        self.holds(&format!("{RPDU}.5.1.1.4.{outlet}")) != Some(Data::Integer(2))
    }

    /// Whether a port of [`TableAgent::ports`] passes anything: the judge.
    pub fn is_up(&self, port: u32) -> bool {
        self.holds(&format!("{IF_TABLE}.8.{port}")) != Some(Data::Integer(2))
    }

    /// Every request that has come, whatever became of it.
    pub fn log(&self) -> Vec<Asked> {
        self.lock().log.clone()
    }

    /// Every write that has come, whatever became of it.
    pub fn sets(&self) -> Vec<(Name, Option<i64>)> {
        self.lock().sets.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().expect("the truth")
    }
}

impl Drop for TableAgent {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const NO_SUCH_NAME: u8 = 2;
const NO_CREATION: u8 = 11;
const NO_SUCH_INSTANCE: u8 = 0x81;
const END_OF_MIB_VIEW: u8 = 0x82;

/// No answer is longer: what doesn't fit isn't told.
const LONGEST: usize = 60_000;

struct Truth {
    rows: Rows,
    log: Vec<Asked>,
    sets: Vec<(Name, Option<i64>)>,
}

impl Truth {
    fn answer(&mut self, message: &[u8], links: &[Link], rule: &mut Rule) -> Option<Vec<u8>> {
        let [(_, version), (_, community), (tag, pdu)] = parts(only(message)?)?.try_into().ok()?;
        let [(_, id), (_, first), (_, second), (_, bindings)] = parts(pdu)?.try_into().ok()?;
        let mut names = Vec::new();
        let mut written = Vec::new();
        for (_, binding) in parts(bindings)? {
            let [(_, name), value] = parts(binding)?.try_into().ok()?;
            names.push(arcs(name)?);
            written.push(value);
        }
        let kind = match tag {
            0xa0 => Kind::Get,
            0xa1 => Kind::Next,
            0xa3 => Kind::Set,
            0xa5 => Kind::Bulk,
            _ => return None,
        };
        let values = written.iter().map(|(tag, value)| Some(number(value)).filter(|_| *tag == 2)).collect();
        let asked = Asked { kind, names, values, size: message.len() };
        self.log.push(asked.clone());
        if kind == Kind::Set {
            self.sets.extend(asked.names.iter().cloned().zip(asked.values.iter().copied()));
        }
        let deed = rule(&asked, &mut self.rows);
        let old = version == [0];
        let done = match &deed {
            Deed::Silence => return None,
            Deed::Error(status) => Err((*status, 1)),
            _ => match kind {
                Kind::Get => self.get(&asked.names, old),
                Kind::Next => self.next(&asked.names, old),
                Kind::Bulk => Ok(self.bulk(&asked.names, number(first), number(second))),
                Kind::Set => self.set(&asked, &written, links, old),
            },
        };
        if matches!(deed, Deed::Lost) {
            return None;
        }
        let (status, index, mut told) = match done {
            Ok(told) => (0, 0, told),
            Err((status, index)) => (
                status,
                index,
                asked.names.into_iter().map(|name| (name, Data::Other(5, Vec::new()))).collect(),
            ),
        };
        if let Deed::Altered(alter) = deed {
            alter(&mut told);
        }
        let bindings: Vec<u8> = told
            .iter()
            .flat_map(|(name, data)| element(0x30, &[element(6, &[octets(name)]), encoded(data)]))
            .collect();
        let index = i64::try_from(index).expect("a small number");
        let response = element(
            0xa2,
            &[
                element(2, &[id.to_vec()]),
                encoded(&Data::Integer(status.into())),
                encoded(&Data::Integer(index)),
                element(0x30, &[bindings]),
            ],
        );
        let message = [element(2, &[version.to_vec()]), element(4, &[community.to_vec()]), response];
        Some(element(0x30, &message))
    }

    fn get(&self, names: &[Name], old: bool) -> Result<Vec<(Name, Data)>, (u8, usize)> {
        if let Some(missing) = names.iter().position(|name| !self.rows.contains_key(name)).filter(|_| old) {
            return Err((NO_SUCH_NAME, missing + 1));
        }
        let value = |name: &Name| self.rows.get(name).cloned();
        let nothing = || Data::Other(NO_SUCH_INSTANCE, Vec::new());
        Ok(names.iter().map(|name| (name.clone(), value(name).unwrap_or_else(nothing))).collect())
    }

    fn after(&self, name: &Name) -> (Name, Data) {
        let next = self.rows.range((Excluded(name.clone()), Unbounded)).next();
        let next = next.map(|(name, data)| (name.clone(), data.clone()));
        next.unwrap_or_else(|| (name.clone(), Data::Other(END_OF_MIB_VIEW, Vec::new())))
    }

    fn next(&self, names: &[Name], old: bool) -> Result<Vec<(Name, Data)>, (u8, usize)> {
        let told: Vec<_> = names.iter().map(|name| self.after(name)).collect();
        match told.iter().zip(names).position(|((next, _), name)| next == name).filter(|_| old) {
            Some(last) => Err((NO_SUCH_NAME, last + 1)),
            None => Ok(told),
        }
    }

    fn bulk(&self, names: &[Name], once: i64, times: i64) -> Vec<(Name, Data)> {
        let (once, many) = names.split_at(usize::try_from(once).unwrap_or(0).min(names.len()));
        let mut told: Vec<_> = once.iter().map(|name| self.after(name)).collect();
        let mut row = many.to_vec();
        let mut length = 0;
        for _ in 0..times {
            for name in &mut row {
                let (next, data) = self.after(name);
                length += if let Data::Text(text) = &data { text.len() + 40 } else { 60 };
                let end = next == *name;
                if length > LONGEST && !told.is_empty() {
                    return told;
                }
                name.clone_from(&next);
                told.push((next, data));
                if end {
                    return told;
                }
            }
        }
        told
    }

    fn set(
        &mut self,
        asked: &Asked,
        written: &[(u8, &[u8])],
        links: &[Link],
        old: bool,
    ) -> Result<Vec<(Name, Data)>, (u8, usize)> {
        if let Some(missing) = asked.names.iter().position(|name| !self.rows.contains_key(name)) {
            return Err((if old { NO_SUCH_NAME } else { NO_CREATION }, missing + 1));
        }
        let mut told = Vec::new();
        for ((name, value), (tag, raw)) in asked.names.iter().zip(&asked.values).zip(written) {
            let data = value.map_or_else(|| Data::Other(*tag, raw.to_vec()), Data::Integer);
            self.rows.insert(name.clone(), data.clone());
            for (command, shown, values) in links {
                let shown = name.strip_prefix(command.as_slice()).map(|row| [shown, row].concat());
                let becomes = values.iter().find(|(from, _)| Some(*from) == *value);
                if let (Some(shown), Some((_, to))) = (shown, becomes) {
                    self.rows.insert(shown, Data::Integer(*to));
                }
            }
            told.push((name.clone(), data));
        }
        Ok(told)
    }
}

/// The elements of an encoding, each with its tag; `None` where it can't be read.
fn parts(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut found = Vec::new();
    while let [tag, first, rest @ ..] = bytes {
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            long => {
                let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
            }
        };
        let (content, rest) = rest.split_at_checked(length)?;
        found.push((*tag, content));
        bytes = rest;
    }
    Some(found)
}

/// The content of the only element.
fn only(bytes: &[u8]) -> Option<&[u8]> {
    parts(bytes)?.first().map(|(_, content)| *content)
}

fn element(tag: u8, content: &[Vec<u8>]) -> Vec<u8> {
    let content = content.concat();
    let mut bytes = vec![tag];
    match content.len() {
        short @ 0..=0x7f => bytes.push(short as u8),
        long => bytes.extend([0x83, (long >> 16) as u8, (long >> 8) as u8, long as u8]),
    }
    bytes.extend(content);
    bytes
}

fn encoded(data: &Data) -> Vec<u8> {
    match data {
        Data::Integer(number) => {
            let octets = number.to_be_bytes();
            let spare = (0..7).take_while(|at| match (octets[*at], octets[at + 1]) {
                (0, next) => next < 0x80,
                (0xff, next) => next >= 0x80,
                _ => false,
            });
            element(2, &[octets[spare.count()..].to_vec()])
        }
        Data::Text(text) => element(4, std::slice::from_ref(text)),
        Data::Object(name) => element(6, &[octets(name)]),
        Data::Other(tag, bytes) => element(*tag, std::slice::from_ref(bytes)),
    }
}

/// The content of an encoded name.
fn octets(name: &[u32]) -> Vec<u8> {
    let mut bytes = vec![(name[0] * 40 + name[1]) as u8];
    for arc in &name[2..] {
        let groups = (1..5).take_while(|group| arc >> (7 * group) > 0).count();
        bytes.extend((1..=groups).rev().map(|group| (arc >> (7 * group)) as u8 | 0x80));
        bytes.push(*arc as u8 & 0x7f);
    }
    bytes
}

fn arcs(bytes: &[u8]) -> Option<Name> {
    let (first, rest) = bytes.split_first()?;
    let mut name = vec![u32::from(first / 40), u32::from(first % 40)];
    let mut arc = 0u32;
    for byte in rest {
        arc = arc << 7 | u32::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            name.push(arc);
            arc = 0;
        }
    }
    Some(name)
}

fn number(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(sign, |sum, byte| sum << 8 | i64::from(*byte))
}
