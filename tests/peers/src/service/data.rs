//! An HTTP service as data: its routes, and what they answer and do.
//!
//! In an answer, `$(id)`, `$(name)`, `$(node)` and `$(state)` stand for what is true of the machine that the path names,
//! `$(uptime)` for its seconds since it was last switched on, `$(user)`, `$(token)` and `$(csrf)` for the session, `$(task)`
//! and `$(exit)` for the task; every other word for what the machine was given under that name. Values are escaped as the
//! service's format wants it.

use std::time::Duration;

/// A service.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// What its answers are written in.
    pub format: Format,
    /// How a request may show who sends it; nobody is asked where there are none.
    pub sessions: &'static [Session],
    /// What it has. The first that fits a request counts.
    pub routes: &'static [Route],
    /// What takes the place of `$(state)`.
    pub words: Words,
    /// The names of its tasks, in which `$(number)` and `$(kind)` stand for their number and kind.
    pub task: &'static str,
    /// How it answers a request that doesn't show who sends it.
    pub denied: Answer,
    /// How it answers a wrong user or password.
    pub refused: Answer,
    /// How it answers a request for a machine, at this node, or a task that isn't there.
    pub missing: Answer,
    /// How it answers a request that fits no route.
    pub no_route: Answer,
}

/// What answers are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// XML.
    Xml,
    /// Plain text, or HTML.
    Text,
}

/// How a request shows who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// A session's token in a cookie; requests that change something carry a second one in a header, where that is named.
    Cookie {
        /// The cookie's name.
        name: &'static str,
        /// The header for the second token, in lower case.
        csrf: Option<&'static str>,
    },
    /// A session's token in a header (its name in lower case), behind this.
    Header(&'static str, &'static str),
    /// A token that needs no session, in a header (its name in lower case), behind this.
    Fixed(&'static str, &'static str),
    /// User and password with each request (RFC 7617).
    Basic,
}

/// What a service has at a place.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// For this method.
    pub method: &'static str,
    /// At this path, in which `{machine}`, `{node}`, `{task}` and `{*}` stand for a part between slashes.
    pub path: &'static str,
    /// With these fields in query or body.
    pub wants: &'static [Match],
    /// Whether anybody may ask.
    pub open: bool,
    /// What is done.
    pub effect: Effect,
    /// The kind of the task that does it, where it is done by one.
    pub task: Option<&'static str>,
    /// The answer; for a path with a task, once that is over.
    pub answer: Answer,
    /// The answer while the task that the path names goes on.
    pub meanwhile: Option<Answer>,
}

/// A field that a request must have.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// Where it stands.
    pub field: Field,
    /// What it holds; anything where this is empty.
    pub value: &'static str,
}

/// Where in a request something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// In the query.
    Query(&'static str),
    /// In a body like a query.
    Form(&'static str),
    /// In a JSON body, by its pointer (RFC 6901).
    Json(&'static str),
    /// In an XML body, the first attribute of that name.
    Attribute(&'static str),
    /// In an XML body, the text of the first element of that name.
    Element(&'static str),
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Nothing,
    /// Opens a session for who is named in these fields.
    LogIn {
        /// The user.
        user: Field,
        /// The password.
        password: Field,
    },
    /// Ends the session.
    LogOut,
    /// Switches the machine.
    Switch(bool),
    /// Switches the machine off, and on again so much later.
    Cycle(Duration),
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What stands behind the status.
    pub reason: &'static str,
    /// Its headers.
    pub headers: &'static [(&'static str, &'static str)],
    /// Its body.
    pub body: &'static [Part],
}

impl Answer {
    /// 200 with this body.
    pub const fn ok(body: &'static [Part]) -> Answer {
        Answer { status: 200, reason: "OK", headers: &[], body }
    }

    /// Another status with this body.
    pub const fn error(status: u16, reason: &'static str, body: &'static [Part]) -> Answer {
        Answer { status, reason, headers: &[], body }
    }
}

/// A part of a body.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// A text.
    Text(&'static str),
    /// This text for each machine, with the other one between.
    Each(&'static str, &'static str),
    /// This text for each node, with the other one between.
    EachNode(&'static str, &'static str),
}

/// What takes the place of a machine's state.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// It is on.
    pub on: &'static str,
    /// It is off.
    pub off: &'static str,
    /// It is going to be on.
    pub to_on: &'static str,
    /// It is going to be off.
    pub to_off: &'static str,
}
