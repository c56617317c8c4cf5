//! Telnet: the system's telnetd (Debian package `inetutils-telnetd`), and a server of our own that negotiates as told
//! (RFC 854, 855, 857, 858).

use std::fs::File;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use super::device::Shared;
use super::door::{Bridge, Connection, Door, daemon};
use super::session::{self, Visitor, Wire};

/// Interpret as command.
pub const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const GO_AHEAD: u8 = 249;
const NOP: u8 = 241;
const SE: u8 = 240;
const ECHO: u8 = 1;
const SUPPRESS_GO_AHEAD: u8 = 3;
const TERMINAL_TYPE: u8 = 24;
const WINDOW_SIZE: u8 = 31;
const STATUS: u8 = 5;

/// How a telnet server of our own negotiates.
#[derive(Clone, Copy, Debug)]
pub struct Negotiation {
    /// What it sends before anything else.
    pub opening: &'static [u8],
    /// Whether it says nothing else before each option of that was answered.
    pub waits: bool,
    /// Whether it knows telnet at all; otherwise every byte that comes is text, and none of its own is doubled.
    pub telnet: bool,
    /// Whether it answers what the client asks for or offers with a refusal; otherwise with nothing.
    pub refuses: bool,
    /// Whether it asks again for what the client has answered, without end (RFC 1143, section 1).
    pub loops: bool,
    /// What it sends after each prompt.
    pub after_prompt: &'static [u8],
}

impl Negotiation {
    /// No telnet: a plain TCP port.
    pub const NONE: Negotiation = Negotiation {
        opening: &[],
        waits: false,
        telnet: false,
        refuses: false,
        loops: false,
        after_prompt: &[],
    };

    /// As it should be.
    pub const PROPER: Negotiation = Negotiation {
        opening: &[IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD],
        telnet: true,
        refuses: true,
        ..Negotiation::NONE
    };

    /// It asks for much, and says nothing before all of it was answered.
    pub const PATIENT: Negotiation = Negotiation {
        opening: &[
            IAC,
            DO,
            TERMINAL_TYPE,
            IAC,
            DO,
            WINDOW_SIZE,
            IAC,
            WILL,
            ECHO,
            IAC,
            WILL,
            SUPPRESS_GO_AHEAD,
            IAC,
            WILL,
            STATUS,
        ],
        waits: true,
        ..Negotiation::PROPER
    };

    /// It says nothing of its own, and answers nothing.
    pub const MUTE: Negotiation = Negotiation { telnet: true, ..Negotiation::NONE };

    /// It asks again for whatever the client has answered.
    pub const STUBBORN: Negotiation = Negotiation { loops: true, ..Negotiation::PROPER };

    /// A subnegotiation stands before the first prompt, and commands behind each.
    pub const TALKATIVE: Negotiation = Negotiation {
        opening: &[
            IAC,
            WILL,
            ECHO,
            IAC,
            WILL,
            SUPPRESS_GO_AHEAD,
            IAC,
            SB,
            TERMINAL_TYPE,
            1,
            IAC,
            IAC,
            IAC,
            SE,
            IAC,
            NOP,
        ],
        after_prompt: &[IAC, GO_AHEAD, IAC, NOP],
        ..Negotiation::PROPER
    };

    /// A subnegotiation that it begins never ends: everything that it says is a part of it.
    pub const UNENDING: Negotiation =
        Negotiation { opening: &[IAC, WILL, ECHO, IAC, SB, TERMINAL_TYPE], ..Negotiation::PROPER };
}

/// What takes telnet's commands out of what comes in.
pub(super) struct Filter {
    how: Negotiation,
    place: Place,
    unanswered: usize,
}

#[derive(Clone, Copy)]
enum Place {
    Text,
    Command,
    Option(u8),
    Inside,
    InsideCommand,
}

impl Filter {
    fn new(how: Negotiation) -> Filter {
        let options =
            how.opening.windows(2).filter(|pair| pair[0] == IAC && (WILL..=DONT).contains(&pair[1]));
        Filter { how, place: Place::Text, unanswered: if how.waits { options.count() } else { 0 } }
    }

    pub fn opening(&self) -> &'static [u8] {
        self.how.opening
    }

    pub fn after_prompt(&self) -> &'static [u8] {
        self.how.after_prompt
    }

    /// Whether answers are missing before which nothing is said.
    pub fn waits(&self) -> bool {
        self.unanswered > 0
    }

    /// Text as it goes out.
    pub fn escaped(&self, text: &[u8]) -> Vec<u8> {
        let doubled = |byte: &u8| if *byte == IAC && self.how.telnet { vec![IAC, IAC] } else { vec![*byte] };
        text.iter().flat_map(doubled).collect()
    }

    /// The text of what came in, and the answer to the rest.
    pub fn take(&mut self, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        if !self.how.telnet {
            return (bytes.to_vec(), Vec::new());
        }
        let (mut text, mut answer) = (Vec::new(), Vec::new());
        for &byte in bytes {
            self.place = match (self.place, byte) {
                (Place::Text, IAC) => Place::Command,
                (Place::Command, WILL..=DONT) => Place::Option(byte),
                (Place::Command, SB) => Place::Inside,
                (Place::Text, _) | (Place::Command, IAC) => {
                    text.push(byte);
                    Place::Text
                }
                (Place::Option(verb), _) => {
                    answer.extend(self.option(verb, byte));
                    Place::Text
                }
                (Place::Inside, IAC) => Place::InsideCommand,
                (Place::InsideCommand, SE) | (Place::Command, _) => Place::Text,
                (Place::Inside | Place::InsideCommand, _) => Place::Inside,
            };
        }
        (text, answer)
    }

    fn option(&mut self, verb: u8, option: u8) -> Vec<u8> {
        // What answers the one that we sent.
        let ours = match verb {
            DO | DONT => [IAC, WILL, option],
            _ => [IAC, DO, option],
        };
        if self.how.opening.windows(3).any(|sent| sent == ours) {
            self.unanswered = self.unanswered.saturating_sub(1);
            return if self.how.loops { ours.to_vec() } else { Vec::new() };
        }
        match verb {
            DO if self.how.refuses => vec![IAC, WONT, option],
            WILL if self.how.refuses => vec![IAC, DONT, option],
            _ => Vec::new(),
        }
    }
}

/// A door with the system's telnetd, which runs the session on a terminal.
pub(super) fn telnetd(shared: &Arc<Shared>) -> Door {
    let programs = ["/usr/sbin/inetutils-telnetd", "/usr/sbin/telnetd", "/usr/sbin/in.telnetd"];
    let program = programs.into_iter().find(|path| Path::new(path).exists());
    let program = program.expect("no telnetd (Debian: apt-get install inetutils-telnetd)");
    let bridge = Bridge::start(shared);
    let (log, session) = (bridge.log(), bridge.directory().join("session"));
    let login = format!("--exec-login=/bin/sh {}", session.display());
    Door::open(Some(bridge), move |stream| daemon(Command::new(program).arg(&login), stream, &log))
}

/// A door with telnet of our own.
pub(super) fn bare(shared: &Arc<Shared>, how: Negotiation) -> Door {
    let shared = Arc::clone(shared);
    Door::open(None, move |stream| {
        let (kept, input, output) =
            (stream.try_clone().ok()?, stream.try_clone().ok()?, stream.try_clone().ok()?);
        let shared = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let (input, output) = (File::from(OwnedFd::from(input)), File::from(OwnedFd::from(output)));
            let wire = Wire::new(input, output, Some(Filter::new(how)));
            session::run(&shared, wire, Visitor { user: None, command: None });
            // Others hold it as well: it doesn't end with this thread.
            let _ = stream.shutdown(Shutdown::Both);
        });
        Some(Connection::Own(kept, thread))
    })
}
