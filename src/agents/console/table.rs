//! A device with a console, as data: how it is asked, what its answers look like, and which of its words mean what.
//!
//! In lines that are typed, `{plug}` stands for the plug. Patterns are regular expressions over one line of an answer.

use crate::protocols::console::Manners;

/// A kind of device.
#[derive(Debug)]
pub struct Kind {
    /// The ways in, the usual one first.
    pub ways: &'static [Way],
    /// How its console talks.
    pub manners: Manners,
    /// Whether its SSH may be one that has only old algorithms.
    pub old_ssh: bool,
    /// Its dialects. The first that knows the device is spoken.
    pub dialects: &'static [Dialect],
}

/// A way to a console, with the port where it usually is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Telnet.
    Telnet(u16),
    /// SSH.
    Ssh(u16),
    /// A TCP port without any negotiation.
    Plain(u16),
}

/// One way of speaking, of several that devices of a kind have had.
#[derive(Debug)]
pub struct Dialect {
    /// Which devices, for messages.
    pub name: &'static str,
    /// How the device is known to speak it.
    pub known_by: KnownBy,
    /// What is typed before anything else.
    pub enter: &'static [Step],
    /// Whether a command may come with an SSH connection, and what it is judged by then.
    pub exec: Exec,
    /// What plugs are called.
    pub plugs: Plugs,
    /// What is typed before each question and each command, through menus for example.
    pub to: &'static [&'static str],
    /// What is typed after each, to get back to where it was.
    pub back: &'static [&'static str],
    /// What some line that is shown after this one was typed, or the prompt, is like: elsewhere nothing more is typed.
    pub titles: &'static [(&'static str, &'static str)],
    /// What tells the state of a plug.
    pub state: Query,
    /// What tells which plugs there are.
    pub list: Option<Query>,
    /// What lines that listing has besides when it lacks a plug that counts as missing; `None` where nothing tells that it is
    /// whole.
    pub complete: Option<&'static [&'static str]>,
    /// The first and the last of them, where that has to be asked for each.
    pub numbers: (u32, u32),
    /// What its words for states are.
    pub values: Values,
    /// What brings a plug to on.
    pub on: Act,
    /// What brings a plug to off.
    pub off: Act,
    /// What makes the device cut the power and bring it back by itself.
    pub cycle: Option<Act>,
    /// Words in which it refuses, in any answer.
    pub refusals: &'static [(&'static str, Refusal)],
    /// Where all this is known from.
    pub source: &'static str,
    /// On what it was tried.
    pub tested_on: &'static str,
}

/// Whether a command may come with an SSH connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exec {
    /// The device has a console alone.
    No,
    /// It may, and the answer is judged as on the console.
    ByAnswer,
    /// It may, and it has failed unless its exit code is 0.
    ByCode,
}

impl Kind {
    /// Whether commands may come with an SSH connection.
    pub(super) fn takes_commands(&self) -> bool {
        self.dialects.iter().any(|dialect| dialect.exec != Exec::No)
    }
}

/// How a device is known to speak a dialect.
#[derive(Clone, Copy, Debug)]
pub enum KnownBy {
    /// In any case.
    Nothing,
    /// By something in its greeting or its prompt.
    Greeting(&'static str),
    /// By something in its answer to this line.
    Answer(&'static str, &'static str),
}

/// A line, and what has to stand in its answer.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What is typed.
    pub line: &'static str,
    /// What some line of the answer has to be like; nothing where anything will do.
    pub answer: Option<&'static str>,
}

/// What a plug may be called. Everything else is refused before anything is sent: many devices take ranges, wildcards and
/// groups in the place of a plug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugs {
    /// There is but one machine: whatever plug is named is that one.
    None,
    /// There is but one machine as it looks, but the device doesn't tell: a plug that is named is refused, with this reason.
    NotTold(&'static str),
    /// What fits this pattern, whole, of which the group `plug` is what the device is told, where there is one; `says` tells
    /// what that is.
    Like {
        /// The pattern.
        pattern: &'static str,
        /// For the error about another.
        says: &'static str,
    },
    /// One of the listing, by its exact number or its exact name, where only one has that.
    Listed,
}

impl Plugs {
    /// Whether nothing has to be named.
    pub(super) fn is_one_machine(self) -> bool {
        matches!(self, Plugs::None | Plugs::NotTold(_))
    }

    /// What one has to be called.
    pub(super) fn says(self) -> Option<&'static str> {
        if let Plugs::Like { says, .. } = self { Some(says) } else { None }
    }
}

/// What is asked, and how the answer is read.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// What is typed.
    pub line: &'static str,
    /// What lines a whole answer has, in any order: without one of them it is no answer. A group `count` in one is the number of
    /// plugs.
    pub whole: &'static [&'static str],
    /// How the answer is read.
    pub reader: Reader,
}

/// How plugs and their states are read from an answer.
#[derive(Clone, Copy, Debug)]
pub enum Reader {
    /// Exactly one line is like this, and its group `state` is the state.
    Value(&'static str),
    /// Each line that is like this is a plug: groups `plug`, and where they are told `name` and `state`.
    Rows(&'static str),
    /// A table with columns between these characters, under this head.
    Columns {
        /// What stands between two columns.
        between: char,
        /// The heads of the columns with number, name and state, in any case.
        heads: [&'static str; 3],
    },
    /// A block for each plug: its first line with the groups `plug` and perhaps `name`, and a line with the group `state`.
    Blocks {
        /// The first line.
        head: &'static str,
        /// The line with the state.
        field: &'static str,
    },
}

/// Words for states, whatever their case. All others are no state.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    /// On.
    pub on: &'static [&'static str],
    /// Off: what the device says when the power is cut, and nothing else.
    pub off: &'static [&'static str],
    /// On the way from one to the other.
    pub changing: &'static [&'static str],
}

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// What is typed, one line after the other; nothing where the device can't do it.
    pub lines: &'static [&'static str],
    /// Questions that the device may ask, at the end of what it shows, and the answers.
    pub confirm: &'static [(&'static str, &'static str)],
    /// What some line of the last answer is like when the command is accepted; nothing where the device says nothing.
    pub accepted: Option<&'static str>,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such plug.
    NoSuchPlug,
    /// The user may not.
    Privilege,
    /// Not now.
    Busy,
    /// Not in the state in which it is.
    State,
    /// It doesn't know the command.
    Unknown,
    /// Anything else.
    Failed,
}

/// A command that a device doesn't have.
pub const NO_ACT: Act = Act { lines: &[], confirm: &[], accepted: None };

/// What many have in common.
pub const USUAL: Dialect = Dialect {
    name: "",
    known_by: KnownBy::Nothing,
    enter: &[],
    exec: Exec::No,
    plugs: Plugs::None,
    to: &[],
    back: &[],
    titles: &[],
    state: Query { line: "", whole: &[], reader: Reader::Value("") },
    list: None,
    complete: Some(&[]),
    numbers: (1, 0),
    values: Values { on: &["on"], off: &["off"], changing: &[] },
    on: NO_ACT,
    off: NO_ACT,
    cycle: None,
    refusals: &[],
    source: "",
    tested_on: "",
};
