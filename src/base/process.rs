//! Other programs, run within a deadline: a shell command of the user's, or a program of the system.
//!
//! Between this process and the program stands a copy of this process, its keeper. It is the program's parent, and
//! the new parent of whatever the program leaves behind. When the deadline has passed, or when this process is gone in
//! whatever way (callers send SIGKILL to its whole group), the keeper ends all of them, and then itself.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, kill_process_group, set_child_subreaper,
    set_parent_process_death_signal, setsid, wait, waitpid,
};
use zeroize::Zeroizing;

use crate::base::{Deadline, Secret, Told, sys};

/// More output than this is no password.
const LARGEST_SECRET: usize = 16 * 1024;

/// More output than this is nothing that an agent asks for.
const LARGEST_OUTPUT: usize = 1024 * 1024;

/// How much of what a program says on standard error is taken at once, so that none that never stops keeps this process.
const TAKEN_OF_STDERR: usize = 64 * 1024;

/// How much of the end of what a program says on standard error is kept: its reason stands last.
const KEPT_OF_STDERR: usize = 4 * 1024;

/// How long a keeper that was told to end everything may take before it is left to do so by itself: what it ends may
/// hang in the kernel.
const ENDING: Duration = Duration::from_millis(200);

/// How long a keeper tries to end everything.
const CLEANING: Duration = Duration::from_secs(10);

/// The pause between two looks at what is left.
const CLEANING_PAUSE: Duration = Duration::from_millis(1);

/// The pause before a process is asked for again where the system has none to give just now.
const NO_PROCESS_PAUSE: Duration = Duration::from_millis(50);

/// The signals that a keeper waits for: the end of a process that it looks after, and the end of its own task. The
/// system sends it the second one too when this process is gone.
const KEEPER_SIGNALS: [Signal; 2] = [Signal::CHILD, Signal::TERM];

/// Why a program gave nothing. None of it repeats the command or its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It could not be started.
    NotStarted(String),
    /// It failed.
    Failed {
        /// How it ended, such as `exit status: 3`.
        how: String,
        /// The last line that it wrote to standard error; empty where that isn't shown.
        said: Told,
    },
    /// It didn't end in time, and was ended with all it had started.
    Late {
        /// How long it had.
        after: Duration,
    },
    /// It printed too much.
    TooLong(usize),
    /// It printed nothing.
    Empty,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotStarted(why) => write!(f, "the command can't be started: {why}"),
            Failure::Failed { how, said } if said.is_empty() => write!(f, "the command failed ({how})"),
            Failure::Failed { how, said } => write!(f, "the command failed ({how}): {said}"),
            Failure::Late { after } => {
                write!(f, "the command didn't end within {:.1} s", after.as_secs_f64())
            }
            Failure::TooLong(limit) => write!(f, "the command printed more than {limit} bytes"),
            Failure::Empty => f.write_str("the command printed nothing"),
        }
    }
}

impl std::error::Error for Failure {}

/// What a program's standard streams lead to.
#[derive(Clone, Copy)]
pub struct Streams<'a> {
    /// What it reads; the null device where this is empty.
    pub input: &'a [u8],
    /// How many bytes it may write to standard output.
    pub largest: usize,
    /// Whether the end of what it writes to standard error is kept.
    pub stderr: bool,
}

/// How a program ended that ended by itself.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code, or the signal.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Zeroizing<Vec<u8>>,
    /// The end of what it wrote to standard error.
    pub stderr: Zeroizing<Vec<u8>>,
}

/// What a shell command prints, without the white space at its end. What it says on standard error is lost: it may be
/// the secret.
///
/// # Errors
/// It fails, prints nothing or too much, or doesn't end in time.
pub fn secret_output(command: &str, by: Deadline) -> Result<Secret, Failure> {
    let wanted = Streams { input: &[], largest: LARGEST_SECRET, stderr: false };
    let ended = run(Command::new("/bin/sh").arg("-c").arg(command), &wanted, by)?;
    succeeded(&ended, Told::default())?;
    secret_in(&ended.stdout)
}

/// The secret in what a command printed: all of it but the white space at its end.
///
/// # Errors
/// [`Failure::Empty`] where there is nothing else.
pub fn secret_in(output: &[u8]) -> Result<Secret, Failure> {
    let text = output.trim_ascii_end();
    if text.is_empty() { Err(Failure::Empty) } else { Ok(Secret::new(text)) }
}

/// What a program prints, in the C locale and with what isn't UTF-8 replaced.
///
/// # Errors
/// It fails, prints too much, or doesn't end in time.
pub fn output(program: &str, arguments: &[&str], by: Deadline) -> Result<String, Failure> {
    let wanted = Streams { input: &[], largest: LARGEST_OUTPUT, stderr: true };
    let ended = run(Command::new(program).args(arguments).env("LC_ALL", "C"), &wanted, by)?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    succeeded(&ended, Told::new(last))?;
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

fn succeeded(ended: &Ended, said: Told) -> Result<(), Failure> {
    match ended.status.success() {
        true => Ok(()),
        false => Err(Failure::Failed { how: ended.status.to_string(), said }),
    }
}

/// Runs a program until it ends: what it has started and leaves running by then isn't waited for. It is in a process
/// group of its own. To be called while this process has one thread.
///
/// # Errors
/// It can't be started, prints too much to standard output, or doesn't end by then. With each of them everything that
/// it has started is ended, as far as it can be found.
pub fn run(command: &mut Command, streams: &Streams<'_>, by: Deadline) -> Result<Ended, Failure> {
    let started = Instant::now();
    let mut kept =
        Kept::start(command, streams, by).map_err(|error| Failure::NotStarted(error.to_string()))?;
    match kept.follow(streams, by) {
        Ok(ended) => {
            kept.leave(Deadline::after(ENDING));
            Ok(ended)
        }
        Err(trouble) => {
            let _ = kill_process(kept.keeper, Signal::TERM);
            kept.leave(Deadline::after(ENDING));
            Err(match trouble {
                Trouble::Late => Failure::Late { after: started.elapsed() },
                Trouble::Other(failure) => failure,
            })
        }
    }
}

/// Why a program wasn't followed to its end.
enum Trouble {
    Late,
    Other(Failure),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Other(Failure::Failed { how: error.to_string(), said: Told::default() })
    }
}

/// A program under way, seen from this process.
struct Kept {
    keeper: Pid,
    stdin: Option<File>,
    stdout: Option<File>,
    stderr: Option<File>,
    /// What the keeper reports: see [`Report`].
    report: File,
}

impl Kept {
    fn start(command: &mut Command, streams: &Streams<'_>, by: Deadline) -> io::Result<Kept> {
        let has_input = !streams.input.is_empty();
        let [stdin, stdout, stderr, report] = [pipe()?, pipe()?, pipe()?, pipe()?];
        let parent = getpid();
        let mut child = Some((stdin.0, stdout.1, stderr.1, report.1));
        let keeper = forked(by, || {
            // The reading ends and the writing end of its input are closed with everything else.
            let Some((stdin, stdout, stderr, mut report)) = child.take() else { return 1 };
            let (stdin, stderr) = (has_input.then_some(stdin), streams.stderr.then_some(stderr));
            u8::from(keep(command, parent, stdin, stdout, stderr, &mut report, by).is_err())
        })?;
        drop(child);
        for end in [stdin.1.as_fd(), stdout.0.as_fd(), stderr.0.as_fd(), report.0.as_fd()] {
            rustix::fs::fcntl_setfl(end, OFlags::NONBLOCK)?;
        }
        Ok(Kept {
            keeper,
            stdin: has_input.then_some(stdin.1),
            stdout: Some(stdout.0),
            stderr: Some(stderr.0),
            report: report.0,
        })
    }

    /// Gives it its input and takes what it writes, until the keeper reports how it ended.
    fn follow(&mut self, streams: &Streams<'_>, by: Deadline) -> Result<Ended, Trouble> {
        let mut input = streams.input;
        let mut stdout = Zeroizing::new(Vec::with_capacity(LARGEST_SECRET));
        let mut stderr = Zeroizing::new(Vec::with_capacity(2 * KEPT_OF_STDERR));
        let mut report = Vec::with_capacity(Report::LENGTH);
        loop {
            self.wait(by)?;
            self.give(&mut input);
            // The report first: what comes through the pipes after it is no part of the program's output.
            let reported = take(&mut self.report, &mut report, Report::LENGTH)?;
            drain(&mut self.stdout, &mut stdout, streams.largest)?;
            if stdout.len() > streams.largest {
                return Err(Trouble::Other(Failure::TooLong(streams.largest)));
            }
            drain(&mut self.stderr, &mut stderr, TAKEN_OF_STDERR)?;
            let surplus = stderr.len().saturating_sub(KEPT_OF_STDERR);
            stderr.drain(..surplus);
            if let Some(report) = Report::read(&report) {
                return match report {
                    Report::NotStarted(error) => Err(Trouble::Other(Failure::NotStarted(error.to_string()))),
                    Report::Ended(status) => Ok(Ended { status, stdout, stderr }),
                };
            }
            if reported == Taken::End {
                let how = "the process that looked after it is gone".to_owned();
                return Err(Trouble::Other(Failure::Failed { how, said: Told::default() }));
            }
        }
    }

    /// Waits until something can be read or written, or the deadline has passed.
    fn wait(&self, by: Deadline) -> Result<(), Trouble> {
        let limit = match by.left() {
            Some(left) if left.is_zero() => return Err(Trouble::Late),
            left => left.and_then(|left| Timespec::try_from(left).ok()),
        };
        let reading = [Some(&self.report), self.stdout.as_ref(), self.stderr.as_ref()];
        let mut polled: Vec<PollFd<'_>> =
            reading.into_iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        polled.extend(self.stdin.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        match poll(&mut polled, limit.as_ref()) {
            // An interruption only means to look at the clock once more.
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(io::Error::from(error).into()),
        }
    }

    /// Writes what it takes of its input; the end of the input closes the pipe.
    fn give(&mut self, input: &mut &[u8]) {
        let Some(pipe) = &mut self.stdin else { return };
        match pipe.write(input) {
            Ok(count) => *input = input.get(count..).unwrap_or_default(),
            Err(error) if is_for_now(&error) => return,
            // It doesn't want to know.
            Err(_) => *input = &[],
        }
        if input.is_empty() {
            self.stdin = None;
        }
    }

    /// Waits a moment for the keeper's end.
    fn leave(self, by: Deadline) {
        while matches!(waitpid(Some(self.keeper), WaitOptions::NOHANG), Ok(None)) && by.sleep(CLEANING_PAUSE)
        {
        }
    }
}

/// What a keeper tells, in five bytes: what kind of number follows, and the number.
enum Report {
    /// The program couldn't be started: the system's error number.
    NotStarted(io::Error),
    /// It ended: the status as the system gives it.
    Ended(ExitStatus),
}

impl Report {
    const LENGTH: usize = 5;
    const NOT_STARTED: u8 = 0;
    const ENDED: u8 = 1;

    fn read(bytes: &[u8]) -> Option<Report> {
        let (kind, number) = bytes.split_first()?;
        let number = i32::from_ne_bytes(number.try_into().ok()?);
        Some(match *kind {
            Report::NOT_STARTED => Report::NotStarted(io::Error::from_raw_os_error(number)),
            _ => Report::Ended(ExitStatus::from_raw(number)),
        })
    }

    fn write(report: &mut File, kind: u8, number: i32) -> io::Result<()> {
        let [a, b, c, d] = number.to_ne_bytes();
        report.write_all(&[kind, a, b, c, d])
    }
}

/// The life of a keeper.
fn keep(
    command: &mut Command,
    parent: Pid,
    stdin: Option<File>,
    stdout: File,
    stderr: Option<File>,
    report: &mut File,
    by: Deadline,
) -> io::Result<()> {
    // Not in the group that the caller ends, nor at its terminal.
    setsid()?;
    set_child_subreaper(Some(getpid()))?;
    sys::hold_back(&KEEPER_SIGNALS)?;
    set_parent_process_death_signal(Some(Signal::TERM))?;
    if getppid() != Some(parent) {
        return Ok(());
    }
    let kept: Vec<BorrowedFd<'_>> =
        stdin.iter().chain(&stderr).map(AsFd::as_fd).chain([stdout.as_fd(), report.as_fd()]).collect();
    sys::silence_others(&kept)?;
    let or_null = |end: Option<File>| end.map_or_else(Stdio::null, Stdio::from);
    command.stdin(or_null(stdin)).stdout(stdout).stderr(or_null(stderr)).process_group(0);
    sys::tie_to_parent(command);
    let spawned = loop {
        match command.spawn() {
            // There was one process to be had, and not yet a second.
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    && getppid() == Some(parent)
                    && by.sleep(NO_PROCESS_PAUSE) => {}
            result => break result,
        }
    };
    let child = match spawned {
        Ok(child) => i32::try_from(child.id()).ok().and_then(Pid::from_raw),
        Err(error) => {
            return Report::write(report, Report::NOT_STARTED, error.raw_os_error().unwrap_or_default());
        }
    };
    let Some(child) = child else { return Ok(()) };
    // The pipes are the program's now: their end is when nobody else has them.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    loop {
        match waitpid(Some(child), WaitOptions::NOHANG) {
            Ok(Some((_, status))) => return Report::write(report, Report::ENDED, status.as_raw()),
            Ok(None) => {}
            Err(error) => return Err(error.into()),
        }
        if sys::held_back(&KEEPER_SIGNALS)? == Signal::TERM {
            end_all(child);
            return Ok(());
        }
    }
}

/// Ends a program's group, and every process that comes to this one when its parent is gone: all that the program has
/// started, in the end.
fn end_all(group: Pid) {
    let _ = kill_process_group(group, Signal::KILL);
    let by = Deadline::after(CLEANING);
    loop {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return,
            }
        }
        for child in children() {
            let _ = kill_process(child, Signal::KILL);
        }
        if !by.sleep(CLEANING_PAUSE) {
            return;
        }
    }
}

/// The children of this process.
fn children() -> Vec<Pid> {
    let own = getpid().as_raw_nonzero().get().to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let id: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name may hold anything, brackets and spaces too. Behind it: the state, the parent (proc_pid_stat(5)).
            let (_, fields) = stat.rsplit_once(')')?;
            if fields.split_whitespace().nth(1)? == own { Pid::from_raw(id) } else { None }
        })
        .collect()
}

/// Starts a child that does `work`, a copy of this process. Where the system has no process to give just now, it is
/// asked again until the deadline.
fn forked(by: Deadline, mut work: impl FnMut() -> u8) -> io::Result<Pid> {
    loop {
        match sys::in_child(&mut work) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && by.sleep(NO_PROCESS_PAUSE) => {}
            result => return result,
        }
    }
}

/// The two ends of a pipe: to read from, to write to.
fn pipe() -> io::Result<(File, File)> {
    let (reader, writer): (OwnedFd, OwnedFd) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok((reader.into(), writer.into()))
}

/// What a look into a pipe found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// What there was, and more may come.
    Some,
    /// It is closed at the other end.
    End,
}

/// Takes what is in a pipe, up to a number of bytes in all.
fn take(pipe: &mut File, into: &mut Vec<u8>, most: usize) -> io::Result<Taken> {
    let mut chunk = Zeroizing::new([0u8; 4096]);
    while into.len() <= most {
        match pipe.read(chunk.as_mut_slice()) {
            Ok(0) => return Ok(Taken::End),
            Ok(count) => into.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if is_for_now(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(Taken::Some)
}

/// Takes what is in one of a program's pipes, and forgets the pipe at its end.
fn drain(pipe: &mut Option<File>, into: &mut Vec<u8>, most: usize) -> Result<(), Trouble> {
    let Some(open) = pipe else { return Ok(()) };
    if take(open, into, most)? == Taken::End {
        *pipe = None;
    }
    Ok(())
}

fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn secret(command: &str, limit: Duration) -> Result<String, Failure> {
        let secret = secret_output(command, Deadline::after(limit))?;
        Ok(String::from_utf8_lossy(secret.expose()).into_owned())
    }

    fn failed(how: &str, said: &str) -> Failure {
        Failure::Failed { how: how.to_owned(), said: Told::new(said) }
    }

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn white_space_at_the_end_goes_and_stays_elsewhere() {
        assert_eq!(secret("printf ' a  b \\r\\n\\n'", LONG), Ok(" a  b".to_owned()));
    }

    #[test]
    fn a_command_that_fails_prints_too_much_or_nothing_gives_no_secret() {
        assert_eq!(secret("echo secret; echo secret >&2; exit 3", LONG), Err(failed("exit status: 3", "")));
        assert_eq!(secret("head -c 100000 /dev/zero", LONG), Err(Failure::TooLong(LARGEST_SECRET)));
        assert_eq!(secret("true", LONG), Err(Failure::Empty));
    }

    #[test]
    fn a_program_is_run_with_its_arguments_as_they_are_and_its_failure_is_no_output() {
        let by = Deadline::after(LONG);
        assert_eq!(output("/bin/echo", &["a  b", "$HOME"], by).as_deref(), Ok("a  b $HOME\n"));
        assert_eq!(output("/bin/false", &[], by), Err(failed("exit status: 1", "")));
        assert!(matches!(output("/no/such/program", &[], by), Err(Failure::NotStarted(_))));
    }

    #[test]
    fn the_last_line_that_a_failing_program_says_is_its_reason() {
        let reason = "Cannot initialize CMAP service\u{9b}";
        let script = format!("head -c 300000 /dev/zero >&2; printf '\n{reason}\n\n' >&2; kill -9 $$");
        let outcome = output("/bin/sh", &["-c", &script], Deadline::after(LONG));
        assert_eq!(outcome, Err(failed("signal: 9 (SIGKILL)", reason)));
        assert!(outcome.unwrap_err().to_string().ends_with("CMAP service\\u{9b}"));
    }

    #[test]
    fn a_program_gets_all_its_input_while_its_output_is_taken() {
        let input = b"0123456789abcde\n".repeat(40_000);
        let streams = Streams { input: &input, largest: 2 * input.len(), stderr: false };
        let ended = run(&mut Command::new("/bin/cat"), &streams, Deadline::after(LONG)).unwrap();
        assert!(ended.status.success() && *ended.stdout == input);
        // One that reads nothing of it is no trouble.
        let ended = run(&mut Command::new("/bin/true"), &streams, Deadline::after(LONG)).unwrap();
        assert!(ended.status.success() && ended.stdout.is_empty());
    }

    #[test]
    fn what_a_program_leaves_running_is_not_waited_for() {
        let mark = format!("27182.{}", std::process::id());
        let started = Instant::now();
        assert_eq!(secret(&format!("sleep {mark} & echo here"), LONG), Ok("here".to_owned()));
        assert!(started.elapsed() < LONG);
        assert!(appears(&mark, 1));
        running(&mark).into_iter().for_each(|id| kill_process(id, Signal::KILL).unwrap());
    }

    #[test]
    fn a_command_that_hangs_ends_with_all_it_has_started_at_the_deadline() {
        let mark = format!("31415.{}", std::process::id());
        // In its group, in one of its own, and with a parent that is gone.
        let command =
            format!("sleep {mark} & setsid sleep {mark} & (sleep {mark} &); sleep {mark}; echo late");
        let outcome = secret(&command, Duration::from_millis(300));
        assert!(matches!(outcome, Err(Failure::Late { .. })), "{outcome:?}");
        assert_gone(&mark);
    }

    #[test]
    fn a_command_ends_with_all_it_has_started_when_this_process_is_killed() {
        let mark = format!("16180.{}", std::process::id());
        let command = format!("sleep {mark} & setsid sleep {mark} & sleep {mark}");
        let id = sys::in_child(|| u8::from(secret(&command, LONG).is_err())).unwrap();
        assert!(appears(&mark, 3));
        kill_process(id, Signal::KILL).unwrap();
        waitpid(Some(id), WaitOptions::empty()).unwrap();
        assert_gone(&mark);
    }

    #[test]
    fn a_program_has_nothing_of_this_process_but_its_own_streams() {
        let held = File::create(std::env::temp_dir().join(format!("held-{}", std::process::id()))).unwrap();
        rustix::io::fcntl_setfd(&held, rustix::io::FdFlags::empty()).unwrap();
        let open = output("/bin/ls", &["-l", "/proc/self/fd"], Deadline::after(LONG)).unwrap();
        assert!(!open.contains("held-"), "{open}");
    }

    /// The processes that sleep for so long.
    fn running(mark: &str) -> Vec<Pid> {
        let line = |path: &Path| std::fs::read(path.join("cmdline")).unwrap_or_default();
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter(|process| line(&process.path()).starts_with(format!("sleep\0{mark}").as_bytes()))
            .filter_map(|process| Pid::from_raw(process.file_name().to_str()?.parse().ok()?))
            .collect()
    }

    fn appears(mark: &str, times: usize) -> bool {
        let by = Deadline::after(LONG);
        while running(mark).len() < times && by.sleep(Duration::from_millis(5)) {}
        running(mark).len() == times
    }

    fn assert_gone(mark: &str) {
        // A killed process takes a moment to go.
        let by = Deadline::after(LONG);
        while !running(mark).is_empty() && by.sleep(Duration::from_millis(5)) {}
        assert!(running(mark).is_empty());
    }
}
