//! The state files. Two of them the watchdog's check and other releases of this agent read as well.
//!
//! `cluster.key` holds this node's key, lower case without leading zeros, and a newline; `cluster.dev` the
//! devices that it was registered on, as they were given, one in each line. `cluster.wwid` is this agent's own: for each
//! of these devices a line with its path and what the disk behind it was told from others by.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::names::{Names, Stored};
use crate::base::Deadline;
use crate::base::worker::{Failure, run_in_children};
use crate::fencing::Error;
use crate::protocols::scsi::Key;

const DIRECTORY: &str = "/var/run";
const KEY: &str = "cluster.key";
const DEVICES: &str = "cluster.dev";
const NAMES: &str = "cluster.wwid";

/// How long another run on this node may keep the files.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// How long writing may take altogether.
const WRITE_LIMIT: Duration = Duration::from_secs(6);

/// More than this is no state file.
const LARGEST: u64 = 1024 * 1024;

/// What stands in the key's file; `None` where there is no such file.
pub(super) fn key_text() -> io::Result<Option<String>> {
    read(KEY).map(|text| text.map(|text| first_line(&text).to_owned()))
}

/// The line of the key's file that counts.
pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim()
}

/// This node's own key.
pub(super) fn own_key() -> Result<Key, Error> {
    let text = key_text().map_err(|error| failed(KEY, &error))?;
    let text = text.ok_or_else(|| Error::Local {
        what: format!(
            "cannot open file \"{DIRECTORY}/{KEY}\": this node hasn't been switched on by fence_scsi"
        ),
    })?;
    text.parse().map_err(|why| Error::Local { what: format!("{DIRECTORY}/{KEY}: {why}") })
}

/// The devices that this node was registered on; `None` where there is no such file.
pub(super) fn devices() -> Result<Option<Vec<String>>, Error> {
    read(DEVICES).map(|text| text.as_deref().map(lines)).map_err(|error| failed(DEVICES, &error))
}

/// The same where their absence is an error.
pub(super) fn known_devices() -> Result<Vec<String>, Error> {
    devices()?.filter(|devices| !devices.is_empty()).ok_or_else(|| Error::Local {
        what: format!("cannot open file \"{DIRECTORY}/{DEVICES}\", or it is empty"),
    })
}

/// The disks that this node was switched on with; none where there is no such file.
pub(super) fn stored() -> Result<Stored, Error> {
    let text = read(NAMES).map_err(|error| failed(NAMES, &error))?.unwrap_or_default();
    names_in(&text).map_err(|why| Error::Local {
        what: format!("{DIRECTORY}/{NAMES}: {why}; remove it, and run the action on here"),
    })
}

/// What stands in the file of names.
///
/// # Errors
/// A line that isn't one of this release's: what it would have said must not be taken for nothing.
pub(super) fn names_in(text: &str) -> Result<Stored, String> {
    let line = |line: &str| {
        let (path, names) = line.split_once(' ')?;
        Some((path.to_owned(), Names::of_line(names)?))
    };
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|text| line(text).ok_or_else(|| "a line can't be read".to_owned())).collect()
}

pub(super) fn names_text(stored: &Stored) -> String {
    stored.iter().map(|(path, names)| format!("{path} {}\n", names.line())).collect()
}

/// Remembers this node's key.
pub(super) fn write_key(key: Key) -> Result<(), Error> {
    written(|| replace(KEY, &format!("{key}\n"))).map_err(|error| failed(KEY, &error))
}

/// Adds devices to those known. Two runs that do so at once both get theirs in.
pub(super) fn add_devices(more: &[&str]) -> Result<(), Error> {
    let add = || {
        let _lock = lock()?;
        let mut known = read(DEVICES)?.as_deref().map(lines).unwrap_or_default();
        let before = known.len();
        for device in more {
            if !known.iter().any(|one| one == device) {
                known.push((*device).to_owned());
            }
        }
        if known.len() == before {
            return Ok(());
        }
        let text: String = known.iter().map(|device| format!("{device}\n")).collect();
        replace(DEVICES, &text)
    };
    written(add).map_err(|error| failed(DEVICES, &error))
}

/// Puts these disks in the place of what was known of their paths. What is known of paths that no device of this node
/// has any more is forgotten.
pub(super) fn store(disks: &Stored) -> Result<(), Error> {
    let store = || {
        let _lock = lock()?;
        let devices = read(DEVICES)?.as_deref().map(lines).unwrap_or_default();
        // What can't be read is replaced.
        let before = read(NAMES)?.and_then(|text| names_in(&text).ok()).unwrap_or_default();
        let mut now = before.clone();
        now.retain(|path, _| devices.contains(path));
        now.extend(disks.iter().map(|(path, names)| (path.clone(), names.clone())));
        if now == before { Ok(()) } else { replace(NAMES, &names_text(&now)) }
    };
    written(store).map_err(|error| failed(NAMES, &error))
}

/// Keeps other runs from changing the files until it is dropped.
fn lock() -> io::Result<File> {
    fs::create_dir_all(DIRECTORY)?;
    let directory = File::open(DIRECTORY)?;
    let by = Deadline::after(LOCK_LIMIT);
    while let Err(error) = flock(&directory, FlockOperation::NonBlockingLockExclusive) {
        if !by.sleep(Duration::from_millis(10)) {
            return Err(error.into());
        }
    }
    Ok(directory)
}

/// Writes in a child, so that a file system that hangs keeps nobody waiting; where the system has no process to give,
/// here.
fn written(write: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let job = || write().err().map(|error| error.to_string().into_bytes()).unwrap_or_default();
    match run_in_children(vec![job], Deadline::after(WRITE_LIMIT)).pop() {
        Some(Ok(none)) if none.is_empty() => Ok(()),
        Some(Ok(why)) => Err(io::Error::other(String::from_utf8_lossy(&why).into_owned())),
        Some(Err(Failure::StillRunning)) | None => Err(io::ErrorKind::TimedOut.into()),
        Some(Err(Failure::NotStarted(_))) => write(),
        Some(Err(failure)) => Err(io::Error::other(failure)),
    }
}

/// The devices that the other file lists.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn read(name: &str) -> io::Result<Option<String>> {
    read_regular(&Path::new(DIRECTORY).join(name))
}

/// The text of a small regular file; `None` where there is none. A link isn't followed, and nothing else is waited for.
pub(super) fn read_regular(path: &Path) -> io::Result<Option<String>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = String::new();
    file.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other(format!("larger than {LARGEST} bytes")));
    }
    Ok(Some(text))
}

/// Puts a new file in the place of the old one: a reader finds the one or the other, whole.
fn replace(name: &str, text: &str) -> io::Result<()> {
    let directory = Path::new(DIRECTORY);
    fs::create_dir_all(directory)?;
    let temporary = directory.join(format!(".{name}.{}", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, directory.join(name)))
        .and_then(|()| File::open(directory)?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn failed(name: &str, error: &io::Error) -> Error {
    Error::Local { what: format!("{DIRECTORY}/{name}: {error}") }
}
