//! What a person at a terminal sees beyond the text: headings, colours, a line that tells what is being waited for.
//! Whoever reads through a pipe gets the plain text and nothing else.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log::Level;

use crate::base::output::STDERR;
use crate::fencing::knowledge::Severity;

const PLAIN: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const FAINT: &str = "\x1b[2m";
const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[33m";

/// To the beginning of the line, and empty it.
const CLEAR_LINE: &str = "\r\x1b[K";

/// Whether the last thing on the terminal is the waiting line.
static WAITING: AtomicBool = AtomicBool::new(false);

/// Whether this is a terminal whose user hasn't asked for plain text (<https://no-color.org>).
pub(crate) fn is_colourful(stream: &impl IsTerminal) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !is_set("NO_COLOR") && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// A heading.
pub(crate) fn heading(text: &str, colourful: bool) -> String {
    if colourful { format!("{BOLD}{text}{PLAIN}") } else { text.to_owned() }
}

/// The word for a level.
pub(crate) fn level(word: &str, level: Level, colourful: bool) -> String {
    let colour = match level {
        Level::Error => RED,
        Level::Warn => YELLOW,
        Level::Info | Level::Debug | Level::Trace => FAINT,
    };
    if colourful { format!("{colour}{word}{PLAIN}") } else { word.to_owned() }
}

/// The word for a severity, in a column of its own.
pub(crate) fn severity(severity: Severity, colourful: bool) -> String {
    let word = format!("{:<8}", severity.name());
    let colour = match severity {
        Severity::Failure => RED,
        Severity::Warning => YELLOW,
        Severity::Advice => BOLD,
        Severity::Fine => FAINT,
    };
    if colourful { format!("{colour}{word}{PLAIN}") } else { word }
}

/// Shows on stderr what is being waited for, in place of what the line said before. A terminal that takes nothing
/// just now, because its user has stopped it, isn't waited for.
pub(crate) fn waiting(text: &str) {
    if is_colourful(&std::io::stderr()) {
        WAITING.store(true, Ordering::Relaxed);
        let _ = STDERR.write(format!("{CLEAR_LINE}{FAINT}{text}{PLAIN}").as_bytes(), Duration::ZERO);
    }
}

/// Takes the waiting line away, where there is one: something else is about to be written.
pub(crate) fn stop_waiting() {
    if WAITING.swap(false, Ordering::Relaxed) {
        let _ = STDERR.write(CLEAR_LINE.as_bytes(), Duration::ZERO);
    }
}
