//! Messages to stderr, syslog and a file. No log may delay or change a verdict: syslog is told without waiting,
//! and the file, which may lie on the very filesystem that hangs, is written by a child process.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::os::unix::net::UnixDatagram;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::base::file::Trouble;
use crate::base::output::STDERR;
use crate::base::{sys, told};
use crate::fencing::terminal;
use crate::fencing::writer::{self, Writer};

/// Where the system's logger listens.
const SYSLOG_SOCKET: &str = "/dev/log";

/// `LOG_USER`, shifted as syslog's priority wants it (RFC 3164, 4.1.1).
const SYSLOG_FACILITY: u8 = 1 << 3;

/// How long one message waits for whoever reads standard error.
const STDERR_LIMIT: Duration = Duration::from_secs(1);

/// What goes where.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The name that messages carry in syslog.
    pub name: String,
    /// Nothing on stderr.
    pub quiet: bool,
    /// 0, 1 or 2 and more.
    pub verbose_level: u32,
    /// Files that get each step as well.
    pub files: Vec<String>,
}

struct Logger {
    name: String,
    stderr: LevelFilter,
    colourful: bool,
    syslog_level: LevelFilter,
    syslog: OnceLock<Option<UnixDatagram>>,
    files: Mutex<Vec<Writer>>,
    file_level: LevelFilter,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Sets up logging, once for the program. Call it before there is a second thread. `forget` runs in each child that
/// writes a file, which is a copy of this process with all that it knows.
pub fn start(wanted: &Wanted, mut forget: impl FnMut()) {
    let verbose = match wanted.verbose_level {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let (mut files, mut troubles) = (Vec::new(), Vec::new());
    for path in &wanted.files {
        match Writer::start(path, &mut forget, |reader| write_file(path, reader)) {
            Ok(file) => files.push(file),
            Err(error) => troubles.push(format!("{path} can't be written: {error}")),
        }
    }
    let file_level = if files.is_empty() { LevelFilter::Off } else { verbose.max(LevelFilter::Debug) };
    let logger = LOGGER.get_or_init(|| Logger {
        name: wanted.name.clone(),
        // quiet leaves what was asked for by verbose.
        stderr: if wanted.quiet && wanted.verbose_level == 0 { LevelFilter::Off } else { verbose },
        colourful: terminal::is_colourful(&std::io::stderr()),
        syslog_level: verbose.min(LevelFilter::Debug),
        syslog: OnceLock::new(),
        files: Mutex::new(files),
        file_level,
    });
    let _ = log::set_logger(logger);
    log::set_max_level(verbose.max(file_level));
    for trouble in troubles {
        log::warn!("{trouble}");
    }
}

/// Shows a person at a terminal what is being waited for, unless there are messages to read or none are wanted.
pub(crate) fn waiting(text: &str) {
    if LOGGER.get().is_some_and(|logger| logger.stderr == LevelFilter::Warn) {
        terminal::waiting(&told::line(text));
    }
}

/// Ends the files, and tells what is wrong with them. Called at the end of the program.
pub fn finish() {
    let files = LOGGER.get().and_then(|logger| Some(std::mem::take(&mut *logger.files.lock().ok()?)));
    files.unwrap_or_default().into_iter().for_each(Writer::end);
    for trouble in writer::finish() {
        log::warn!("{trouble}");
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries below us log for their own developers.
        metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let message = record.args().to_string();
        let message = told::line(&message);
        let level = record.level();
        let (time, word) = (timestamp(), level_name(level));
        let line = format!("{time} {word}: {message}\n");
        let word = terminal::level(word, level, self.colourful);
        if level <= self.stderr {
            terminal::stop_waiting();
            // Only an error is what came of the action, so only there may Pacemaker read that time ran out.
            let message =
                if level == Level::Error { Cow::Borrowed(&*message) } else { told::unread(&message) };
            let _ = STDERR.write(format!("{time} {word}: {message}\n").as_bytes(), STDERR_LIMIT);
        }
        if level <= self.syslog_level {
            self.to_syslog(level, &message);
        }
        if level <= self.file_level
            && let Ok(mut files) = self.files.lock()
        {
            // One that nobody writes any more is told about at the end, with the reason.
            let gone = files.extract_if(.., |file| !file.write(line.as_bytes()));
            gone.for_each(Writer::end);
        }
    }

    fn flush(&self) {}
}

impl Logger {
    fn to_syslog(&self, level: Level, message: &str) {
        let socket = self.syslog.get_or_init(|| {
            let socket = UnixDatagram::unbound().ok()?;
            socket.set_nonblocking(true).ok()?;
            socket.connect(SYSLOG_SOCKET).ok()?;
            Some(socket)
        });
        let Some(socket) = socket else { return };
        let severity: u8 = match level {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        let line =
            format!("<{}>{}[{}]: {message}", SYSLOG_FACILITY | severity, self.name, std::process::id());
        let _ = socket.send(line.as_bytes());
    }
}

/// What the child of a file does: append what comes through the pipe.
fn write_file(path: &str, mut reader: File) -> Result<(), Trouble> {
    let mut file = writer::open_to_append(path)?;
    let mut chunk = [0u8; 4096];
    while let Ok(count) = reader.read(&mut chunk) {
        let Some(bytes) = chunk.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        writer::append(&mut file, bytes)?;
    }
    Ok(())
}

/// The beginning of a line, such as `2026-11-21 07:02:57,041`.
fn timestamp() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let local = sys::local_time(i64::try_from(now.as_secs()).unwrap_or_default());
    let mut text = String::with_capacity(23);
    let _ = write!(
        text,
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03}",
        local.year,
        local.month,
        local.day,
        local.hour,
        local.minute,
        local.second,
        now.subsec_millis()
    );
    text
}

/// The words that users of the field know.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug | Level::Trace => "DEBUG",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_the_form_that_the_field_knows() {
        let text = timestamp();
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "9999-99-99 99:99:99,999");
    }
}
