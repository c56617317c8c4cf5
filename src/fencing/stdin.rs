//! Options from standard input: `name=value` lines, as cluster managers send them.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use zeroize::{Zeroize, Zeroizing};

use crate::base::{Secret, Told};
use crate::fencing::agent::Agent;
use crate::fencing::error::Error;
use crate::fencing::option::{Kind, Opt};
use crate::fencing::options;
use crate::fencing::settings::{Settings, Source, truth};

/// More than this isn't a configuration.
const LARGEST_INPUT: usize = 1024 * 1024;

/// How long standard input may stay open without a byte coming.
const IDLE_LIMIT: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// How many characters of a name or word that isn't known are shown.
const SHOWN: usize = 64;

/// Names that callers send to every agent, whether it has them or not.
const SENT_TO_ALL: &[&str] = &["nodename", "port", "plug", "agent"];

/// The name under which a cluster tells which node it means.
const NODE: &str = "nodename";

/// What was read, and what had to be passed over.
#[derive(Debug)]
pub struct Parsed {
    /// The options.
    pub settings: Settings,
    /// One line for each thing that was passed over.
    pub warnings: Vec<String>,
    /// Every secret on the command line, those that a later one replaced too.
    pub shown: Vec<Secret>,
}

/// Reads standard input to its end.
pub fn read() -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = |why: String| Error::bad_input("standard input", why);
    // The standard library's own handle would keep what it read in a buffer of its own.
    let stdin = rustix::stdio::stdin();
    let mut all = Zeroizing::new(Vec::with_capacity(4096));
    let mut chunk = Zeroizing::new([0u8; 4096]);
    loop {
        let ready = loop {
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&IDLE_LIMIT)) {
                Ok(ready) => break ready,
                Err(Errno::INTR) => {}
                Err(error) => return Err(failed(format!("can't be read: {error}"))),
            }
        };
        if ready == 0 {
            return Err(failed(format!("still open after {} s without a byte", IDLE_LIMIT.tv_sec)));
        }
        let count = match rustix::io::read(stdin, chunk.as_mut_slice()) {
            Ok(0) => return Ok(all),
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            // A caller that closed it altogether has nothing to say.
            Err(Errno::BADF) => return Ok(all),
            Err(error) => return Err(failed(format!("can't be read: {error}"))),
        };
        if all.len().saturating_add(count) > LARGEST_INPUT {
            return Err(failed(format!("more than {LARGEST_INPUT} bytes")));
        }
        grow_without_trace(&mut all, count);
        all.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
}

/// Makes room without leaving a copy of what was read in freed memory.
fn grow_without_trace(all: &mut Zeroizing<Vec<u8>>, more: usize) {
    let needed = all.len().saturating_add(more);
    if needed > all.capacity() {
        let mut larger = Vec::with_capacity(needed.saturating_mul(2));
        larger.extend_from_slice(all);
        all.zeroize();
        *all = Zeroizing::new(larger);
    }
}

/// Parses what standard input held.
///
/// A line is `name=value`; `#` begins a comment, white space around a line, a carriage return and one pair of
/// double quotes around the value go, `-` and `_` in names are the same, and the last of duplicates wins. White space
/// in front of a value goes too, but not in front of a secret, which may begin with it. A name that no option has is
/// passed over with a warning: clusters send parameters that aren't the agent's.
pub fn parse(agent: &Agent, name: &str, input: &[u8]) -> Result<Parsed, Error> {
    let mut settings = agent.settings(name, Source::Stdin);
    let mut warnings = Vec::new();
    for (number, line) in input.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let mut halves = line.splitn(2, |byte| *byte == b'=');
        let (Some(key), Some(value)) = (halves.next(), halves.next()) else {
            // The line may be a password that lost its name, so it isn't shown.
            warnings
                .push(format!("ignoring line {} of standard input: it has no '='", number.saturating_add(1)));
            continue;
        };
        let key = key_of(key);
        let trimmed = unquoted(value.trim_ascii());
        if key == NODE {
            settings.set_node(&String::from_utf8_lossy(trimmed));
            continue;
        }
        match find(agent, &key) {
            Some(option) if option.is_secret() => settings.set(option, unquoted(value))?,
            Some(option) => take(&mut settings, option, trimmed, &mut warnings)?,
            None if SENT_TO_ALL.contains(&key.as_str()) => {}
            None => warnings.push(format!("ignoring unknown option '{}'", Told::at_most(SHOWN, &key))),
        }
    }
    Ok(Parsed { settings, warnings, shown: Vec::new() })
}

/// A name as it is compared.
fn key_of(name: &[u8]) -> String {
    String::from_utf8_lossy(name.trim_ascii()).replace('-', "_")
}

/// The option that this name means on standard input.
pub(crate) fn option<'a>(agent: &'a Agent, name: &str) -> Option<&'a Opt> {
    find(agent, &key_of(name.as_bytes()))
}

/// Whether this name means the node on standard input.
pub(crate) fn means_the_node(name: &str) -> bool {
    key_of(name.as_bytes()) == NODE
}

/// Whether this name means something, or nothing at all, to every agent on standard input.
pub(crate) fn is_sent_to_all(name: &str) -> bool {
    SENT_TO_ALL.contains(&key_of(name.as_bytes()).as_str())
}

/// The option that has this name, now or in earlier times.
fn find<'a>(agent: &'a Agent, key: &str) -> Option<&'a Opt> {
    let same = |name: &str| name.len() == key.len() && name.replace('-', "_") == key;
    agent.options().find(|option| same(option.name) || option.old.is_some_and(same))
}

/// Takes one value into the settings.
fn take(
    settings: &mut Settings,
    option: &Opt,
    value: &[u8],
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    if option.kind == Kind::Switch && !value.is_empty() {
        let word = String::from_utf8_lossy(value);
        let Some(on) = truth(&word) else {
            warnings.push(format!(
                "ignoring option '{}': its value '{}' is neither true nor false",
                option.name,
                Told::at_most(SHOWN, &word)
            ));
            return Ok(());
        };
        if option.name == options::VERBOSE.name {
            settings.add_verbosity(u32::from(on));
        }
    }
    settings.set(option, value)
}

/// Without the pair of double quotes around it, where there is one.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}
