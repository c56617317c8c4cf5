//! Where a service departs from the usual.

use serde_json::Value;

use super::message::Incoming;

/// When something counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// At any time.
    Always,
    /// Until the first command has come in, for whichever machine.
    Before,
    /// From then on.
    After,
}

/// A departure from the usual.
#[derive(Clone, Debug)]
pub struct Rule {
    /// For this method.
    pub method: &'static str,
    /// On this path, or on all that begin so where it ends in `*`.
    pub path: String,
    /// So many times are left alone first.
    pub skip: usize,
    /// So many times it counts after that.
    pub times: usize,
    /// When it counts.
    pub phase: Phase,
    /// Whether a command is carried out all the same.
    pub obey: bool,
    /// What is done instead of answering.
    pub act: Act,
}

/// What to do instead of answering as always.
#[derive(Clone, Debug)]
pub enum Act {
    /// This answer.
    Answer(u16, Vec<(String, String)>, String),
    /// A hundred megabytes, in chunks.
    Huge,
    /// A hundred megabytes, announced in Content-Length.
    HugeAnnounced,
    /// One byte of the body every 20 ms, without end.
    Drip,
    /// One byte of the head every 20 ms, without end.
    DripHead,
    /// Half of the body that Content-Length announces, then the connection is closed.
    CutShort,
    /// Half of the usual body with no length announced, then the connection is closed.
    CutJson,
    /// The connection is closed without an answer.
    Close,
    /// Never an answer.
    Silence,
    /// As always, and right behind it, unasked for, a second answer with this body.
    Stray(String),
    /// As always, but with these fields, by their JSON pointers, set or taken away.
    With(Vec<(String, Option<Value>)>),
    /// As always, but with this field once more, as the first or as the last one.
    Twice(&'static str, Value, bool),
    /// What stands at another place, except for these fields.
    As(String, &'static [&'static str]),
    /// These bytes instead of an answer, then the connection is closed.
    Raw(Vec<u8>),
    /// All sessions are forgotten, then as always.
    Forget,
}

impl Rule {
    /// Always, on this method and path.
    pub fn new(method: &'static str, path: &str, act: Act) -> Rule {
        Rule {
            method,
            path: path.to_owned(),
            skip: 0,
            times: usize::MAX,
            phase: Phase::Always,
            obey: false,
            act,
        }
    }

    /// The first so many times only.
    pub fn times(self, times: usize) -> Rule {
        Rule { times, ..self }
    }

    /// After so many times.
    pub fn after(self, skip: usize) -> Rule {
        Rule { skip, ..self }
    }

    /// In this phase only.
    pub fn during(self, phase: Phase) -> Rule {
        Rule { phase, ..self }
    }

    /// A command is carried out all the same.
    pub fn obeying(self) -> Rule {
        Rule { obey: true, ..self }
    }
}

impl Act {
    /// An answer with this status and no more.
    pub fn status(status: u16) -> Act {
        Act::Answer(status, Vec::new(), String::new())
    }

    /// An answer with this status and a header.
    pub fn with_header(status: u16, name: &str, value: &str) -> Act {
        Act::Answer(status, vec![(name.to_owned(), value.to_owned())], String::new())
    }

    /// Whether it leads elsewhere.
    pub(crate) fn redirects(&self) -> bool {
        matches!(self, Act::Answer(300..400, ..))
    }
}

/// The rule that counts for a request, and its position. `before` tells whether no command has come in yet; a path that
/// `is_there` says is the rule's has its say where it isn't the same to the letter.
pub(crate) fn take_rule(
    rules: &mut [Rule],
    incoming: &Incoming,
    before: bool,
    is_there: impl Fn(&Rule) -> bool,
) -> Option<(usize, Rule)> {
    let fits = |rule: &Rule| {
        let counts = match rule.phase {
            Phase::Always => true,
            Phase::Before => before,
            Phase::After => !before,
        };
        let there = match rule.path.strip_suffix('*') {
            Some(beginning) => incoming.path.starts_with(beginning),
            None => rule.path == incoming.path || is_there(rule),
        };
        counts && rule.method == incoming.method && there && rule.times > 0
    };
    let at = rules.iter().position(fits)?;
    let rule = rules.get_mut(at)?;
    if rule.skip > 0 {
        rule.skip -= 1;
        return None;
    }
    rule.times -= 1;
    Some((at, rule.clone()))
}
