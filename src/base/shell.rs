//! Commands of this machine, run within a deadline: a shell command of the user's, or a program.

use std::fmt;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use crate::base::{Deadline, Secret};

/// More output than this is no password.
const LARGEST_SECRET: usize = 16 * 1024;

/// More output than this is nothing that an agent asks for.
const LARGEST_OUTPUT: usize = 1024 * 1024;

/// How long a killed command may take to vanish before it is left to itself: it may hang in the kernel.
const REAP_LIMIT: Duration = Duration::from_millis(200);

/// The longest sleep between two looks at whether the command has ended.
const REAP_PAUSE: Duration = Duration::from_millis(5);

/// Why a command gave nothing. None of it repeats the command or its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellError {
    /// It could not be started.
    NotStarted(String),
    /// It ended with this, such as `exit status: 3`.
    Failed(String),
    /// It didn't end in time, and was killed with all it had started.
    Late,
    /// It printed too much.
    TooLong(usize),
    /// It printed nothing.
    Empty,
}

impl fmt::Display for ShellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShellError::NotStarted(why) => write!(f, "the command can't be started: {why}"),
            ShellError::Failed(how) => write!(f, "the command failed ({how})"),
            ShellError::Late => f.write_str("the command didn't end in time"),
            ShellError::TooLong(limit) => write!(f, "the command printed more than {limit} bytes"),
            ShellError::Empty => f.write_str("the command printed nothing"),
        }
    }
}

impl std::error::Error for ShellError {}

/// What a shell command prints, without the white space at its end.
pub fn secret_output(command: &str, by: Deadline) -> Result<Secret, ShellError> {
    secret_in(&run(Command::new("/bin/sh").arg("-c").arg(command), LARGEST_SECRET, by)?)
}

/// The secret in what a command printed: all of it but the white space at its end.
///
/// # Errors
/// [`ShellError::Empty`] where there is nothing else.
pub fn secret_in(output: &[u8]) -> Result<Secret, ShellError> {
    let text = output.trim_ascii_end();
    if text.is_empty() { Err(ShellError::Empty) } else { Ok(Secret::new(text)) }
}

/// What a program prints, in the C locale and with what isn't UTF-8 replaced.
pub fn output(program: &str, arguments: &[&str], by: Deadline) -> Result<String, ShellError> {
    let output = run(Command::new(program).args(arguments).env("LC_ALL", "C"), LARGEST_OUTPUT, by)?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

fn run(command: &mut Command, largest: usize, by: Deadline) -> Result<Zeroizing<Vec<u8>>, ShellError> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| ShellError::NotStarted(error.to_string()))?;
    let output = read_all(&mut child, largest, by);
    let ended = output.and_then(|output| wait(&mut child, by).map(|()| output));
    if ended.is_err() {
        // It may have children of its own: the whole group goes.
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process_group(pid, Signal::KILL));
        let _ = wait(&mut child, Deadline::after(REAP_LIMIT));
    }
    ended
}

fn read_all(child: &mut Child, largest: usize, by: Deadline) -> Result<Zeroizing<Vec<u8>>, ShellError> {
    let failed = |error: std::io::Error| ShellError::Failed(error.to_string());
    let Some(mut stdout) = child.stdout.take() else { return Err(ShellError::Empty) };
    let mut output = Zeroizing::new(Vec::with_capacity(LARGEST_SECRET));
    let mut chunk = Zeroizing::new([0u8; 1024]);
    loop {
        let wait = by.wait(Duration::from_secs(1)).ok_or(ShellError::Late)?;
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: i64::try_from(wait.as_nanos()).unwrap_or_default().min(999_999_999),
        };
        let ready = poll(&mut [PollFd::new(&stdout.as_fd(), PollFlags::IN)], Some(&wait));
        match ready {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(failed(error.into())),
        }
        let count = stdout.read(chunk.as_mut_slice()).map_err(failed)?;
        if count == 0 {
            return Ok(output);
        }
        if output.len().saturating_add(count) > largest {
            return Err(ShellError::TooLong(largest));
        }
        output.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
}

fn wait(child: &mut Child, by: Deadline) -> Result<(), ShellError> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(ShellError::Failed(status.to_string())),
            Ok(None) if by.sleep(REAP_PAUSE) => {}
            Ok(None) => return Err(ShellError::Late),
            Err(error) => return Err(ShellError::Failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, limit: Duration) -> Result<String, ShellError> {
        let secret = secret_output(command, Deadline::after(limit))?;
        Ok(String::from_utf8_lossy(secret.expose()).into_owned())
    }

    #[test]
    fn white_space_at_the_end_goes_and_stays_elsewhere() {
        assert_eq!(run("printf ' a  b \\r\\n\\n'", Duration::from_secs(30)), Ok(" a  b".to_owned()));
    }

    #[test]
    fn a_command_that_fails_prints_too_much_or_nothing_gives_no_secret() {
        let long = Duration::from_secs(30);
        assert_eq!(run("echo secret; exit 3", long), Err(ShellError::Failed("exit status: 3".to_owned())));
        assert_eq!(run("head -c 100000 /dev/zero", long), Err(ShellError::TooLong(LARGEST_SECRET)));
        assert_eq!(run("true", long), Err(ShellError::Empty));
    }

    #[test]
    fn a_program_is_run_with_its_arguments_as_they_are_and_its_failure_is_no_output() {
        let by = Deadline::after(Duration::from_secs(30));
        assert_eq!(output("/bin/echo", &["a  b", "$HOME"], by).as_deref(), Ok("a  b $HOME\n"));
        assert!(matches!(output("/bin/false", &[], by), Err(ShellError::Failed(_))));
        assert!(matches!(output("/no/such/program", &[], by), Err(ShellError::NotStarted(_))));
    }

    #[test]
    fn a_command_that_hangs_ends_with_all_its_children_at_the_deadline() {
        let mark = format!("31415.{}", std::process::id());
        let command = format!("sleep {mark} & sleep {mark}; echo late");
        assert_eq!(run(&command, Duration::from_millis(300)), Err(ShellError::Late));
        let running = || {
            std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(|process| {
                let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
                String::from_utf8_lossy(&line).starts_with(&format!("sleep\0{mark}"))
            })
        };
        // A killed process takes a moment to go.
        let by = Deadline::after(Duration::from_secs(30));
        while running() && by.sleep(Duration::from_millis(5)) {}
        assert!(!running());
    }
}
