//! The two state files, which the watchdog's check and other releases of this agent read as well.
//!
//! `cluster.key` holds this node's key, lower case without leading zeros, and a newline; `cluster.dev` the
//! devices that it was registered on, as they were given, one in each line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::base::Deadline;
use crate::fencing::Error;
use crate::protocols::scsi::Key;

const DIRECTORY: &str = "/var/run";
const KEY: &str = "cluster.key";
const DEVICES: &str = "cluster.dev";

/// How long another run on this node may keep the files.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// What stands in the key's file; `None` where there is no such file.
pub(super) fn key_text() -> io::Result<Option<String>> {
    read(KEY).map(|text| text.map(|text| first_line(&text).to_owned()))
}

/// The line of the key's file that counts.
pub fn first_line(text: &str) -> &str {
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

/// Remembers this node's key.
pub(super) fn write_key(key: Key) -> Result<(), Error> {
    replace(KEY, &format!("{key}\n")).map_err(|error| failed(KEY, &error))
}

/// Adds devices to those known. Two runs that do so at once both get theirs in.
pub(super) fn add_devices(more: &[&str]) -> Result<(), Error> {
    add(more).map_err(|error| failed(DEVICES, &error))
}

fn add(more: &[&str]) -> io::Result<()> {
    fs::create_dir_all(DIRECTORY)?;
    let directory = File::open(DIRECTORY)?;
    let by = Deadline::after(LOCK_LIMIT);
    while let Err(error) = flock(&directory, FlockOperation::NonBlockingLockExclusive) {
        if !by.sleep(Duration::from_millis(10)) {
            return Err(error.into());
        }
    }
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
}

/// The devices that the other file lists.
pub fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn read(name: &str) -> io::Result<Option<String>> {
    match fs::read_to_string(Path::new(DIRECTORY).join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
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
