//! Work that may hang for ever, each piece in a child of this process.
//!
//! A thread that waits for a device or a file system that doesn't answer (state D) can't be interrupted, not
//! even by SIGKILL, and the process it belongs to can't end. A child that hangs so does no harm: it holds
//! nothing of ours, and nobody waits for it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use log::debug;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, set_parent_process_death_signal, waitpid,
};
use zeroize::Zeroizing;

use super::Deadline;
use super::sys::{in_child, silence_others};

/// The length of a result stands before it, so that one cut off isn't taken for a whole one.
const LENGTH_BYTES: usize = 8;
/// How long a child that has delivered its result may take to vanish before it is left to itself.
const REAPING: Duration = Duration::from_millis(50);

/// Why a job has no result.
#[derive(Debug)]
pub enum Failure {
    /// The child couldn't be started.
    NotStarted(io::Error),
    /// The child ended without a whole result.
    Died,
    /// The deadline passed first. The child was sent SIGKILL and is left to itself: it ends as soon as the
    /// kernel lets it, and nothing it was going to do after that happens.
    StillRunning,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotStarted(error) => write!(f, "no process for the work: {error}"),
            Failure::Died => f.write_str("the process that did the work died"),
            Failure::StillRunning => f.write_str("no answer in time"),
        }
    }
}

impl std::error::Error for Failure {}

/// Runs every job in a child of its own, all at once, and collects their results until the deadline, in the
/// order of the jobs.
///
/// A job has the memory of this process as it was, but every descriptor, the standard streams too, leads to
/// /dev/null: it opens what it needs, and what it logs is lost unless it is part of its result. It is killed when
/// this process ends. To be called while this process has one thread.
pub fn run_in_children<F>(jobs: Vec<F>, deadline: Deadline) -> Vec<Result<Vec<u8>, Failure>>
where
    F: FnOnce() -> Vec<u8>,
{
    let mut children: Vec<Child> = jobs.into_iter().map(Child::start).collect();
    while children.iter().any(|child| child.pipe.is_some()) && wait(&mut children, deadline) {}
    for child in children.iter().filter(|child| child.result.is_none()) {
        if let Some(id) = child.id {
            let _ = kill_process(id, Signal::KILL);
        }
    }
    reap(children.iter().filter_map(|child| child.id).collect());
    children.into_iter().map(|child| child.result.unwrap_or(Err(Failure::StillRunning))).collect()
}

/// One job under way.
struct Child {
    id: Option<Pid>,
    /// The end of the pipe to read from, until the result is there or can't come any more.
    pipe: Option<File>,
    /// Wiped in the end: it may be a secret.
    received: Zeroizing<Vec<u8>>,
    result: Option<Result<Vec<u8>, Failure>>,
}

impl Child {
    fn start(job: impl FnOnce() -> Vec<u8>) -> Child {
        match fork_for(job) {
            Ok((id, pipe)) => {
                Child { id: Some(id), pipe: Some(pipe), received: Zeroizing::default(), result: None }
            }
            Err(error) => {
                let result = Some(Err(Failure::NotStarted(error)));
                Child { id: None, pipe: None, received: Zeroizing::default(), result }
            }
        }
    }

    /// Takes what has come through the pipe, and closes it with the whole result or with the end of the child.
    fn receive(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = [0; 65536];
        match pipe.read(&mut buffer) {
            Ok(0) => self.result = Some(Err(Failure::Died)),
            Ok(count) => {
                self.received.extend_from_slice(buffer.get(..count).unwrap_or_default());
                self.result = whole(&self.received).map(Ok);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.result = Some(Err(Failure::Died)),
        }
        if self.result.is_some() {
            self.pipe = None;
        }
    }
}

fn fork_for(job: impl FnOnce() -> Vec<u8>) -> io::Result<(Pid, File)> {
    let parent = getpid();
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let id = in_child(|| {
        // Without its own streams, or with nobody left to read the result, the work must not begin.
        match detach(&writer, parent) {
            Ok(true) => u8::from(deliver(writer, &job()).is_err()),
            _ => 1,
        }
    })?;
    Ok((id, File::from(reader)))
}

/// Makes the child independent of what the parent has open. False when the parent is gone already.
fn detach(writer: &OwnedFd, parent: Pid) -> io::Result<bool> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(parent) {
        return Ok(false);
    }
    silence_others(&[writer.as_fd()])?;
    Ok(true)
}

fn deliver(writer: OwnedFd, result: &[u8]) -> io::Result<()> {
    let mut pipe = File::from(writer);
    let length = u64::try_from(result.len()).unwrap_or(u64::MAX);
    pipe.write_all(&length.to_ne_bytes())?;
    pipe.write_all(result)
}

/// The result, once all of it is there.
fn whole(received: &[u8]) -> Option<Vec<u8>> {
    let (length, result) = received.split_first_chunk::<LENGTH_BYTES>()?;
    let announced = usize::try_from(u64::from_ne_bytes(*length)).ok()?;
    (result.len() == announced).then(|| result.to_vec())
}

/// Waits until something comes from any child. False when the deadline has passed.
fn wait(children: &mut [Child], deadline: Deadline) -> bool {
    let limit = match deadline.left() {
        Some(left) if left.is_zero() => return false,
        left => left.and_then(|left| Timespec::try_from(left).ok()),
    };
    let mut polled: Vec<PollFd<'_>> = children
        .iter()
        .filter_map(|child| child.pipe.as_ref())
        .map(|pipe| PollFd::new(pipe, PollFlags::IN))
        .collect();
    // An interruption only means to look at the clock once more.
    if poll(&mut polled, limit.as_ref()).is_err() {
        return true;
    }
    let ready: Vec<bool> = polled.iter().map(|one| !one.revents().is_empty()).collect();
    let waiting = children.iter_mut().filter(|child| child.pipe.is_some());
    for (child, _) in waiting.zip(ready).filter(|(_, ready)| *ready) {
        child.receive();
    }
    true
}

/// Collects the children that have ended or do so at once.
fn reap(mut waiting: Vec<Pid>) {
    let patience = Deadline::after(REAPING);
    loop {
        waiting.retain(|&id| matches!(waitpid(Some(id), WaitOptions::NOHANG), Ok(None)));
        if waiting.is_empty() {
            return;
        }
        if !patience.sleep(Duration::from_micros(500)) {
            debug!("{} processes hang and are left to themselves", waiting.len());
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Instant;

    use super::*;

    fn limit() -> Deadline {
        Deadline::after(Duration::from_secs(20))
    }

    #[test]
    fn results_come_back_in_the_order_of_the_jobs_however_long_they_are() {
        let jobs = [0, 1, 8, 65_536, 3_000_000].map(|length| move || vec![b'x'; length]);
        let results = run_in_children(jobs.into(), limit());
        let lengths: Vec<usize> = results.into_iter().map(|result| result.unwrap().len()).collect();
        assert_eq!(lengths, [0, 1, 8, 65_536, 3_000_000]);
    }

    #[test]
    fn a_job_that_never_ends_is_given_up_at_the_deadline_and_the_others_are_not() {
        let begun = Instant::now();
        let jobs: Vec<Box<dyn FnOnce() -> Vec<u8>>> = vec![
            Box::new(|| {
                std::thread::sleep(Duration::from_secs(3600));
                Vec::new()
            }),
            Box::new(|| b"done".to_vec()),
        ];
        let results = run_in_children(jobs, Deadline::after(Duration::from_millis(300)));
        assert!(matches!(results[0], Err(Failure::StillRunning)), "{results:?}");
        assert_eq!(results[1].as_deref().unwrap(), b"done");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_child_that_dies_without_a_result_is_no_result() {
        let killed = run_in_children(
            vec![|| {
                let _ = kill_process(getpid(), Signal::KILL);
                b"alive".to_vec()
            }],
            limit(),
        );
        assert!(matches!(killed[0], Err(Failure::Died)), "{killed:?}");
        let panicked = run_in_children(vec![|| panic!("on purpose")], limit());
        assert!(matches!(panicked[0], Err(Failure::Died)), "{panicked:?}");
    }

    #[test]
    fn a_result_cut_off_or_followed_by_more_is_not_whole() {
        let framed = |length: u64, result: &[u8]| [&length.to_ne_bytes()[..], result].concat();
        assert_eq!(whole(&framed(3, b"abc")).as_deref(), Some(&b"abc"[..]));
        assert_eq!(whole(&framed(0, b"")).as_deref(), Some(&b""[..]));
        for broken in [framed(4, b"abc"), framed(u64::MAX, b"abc"), framed(2, b"abc"), vec![0; 7], Vec::new()]
        {
            assert_eq!(whole(&broken), None);
        }
    }

    #[test]
    fn nothing_that_the_parent_has_open_is_within_a_jobs_reach() {
        let path = std::env::temp_dir().join(format!("worker-{}", std::process::id()));
        let held = File::create(&path).unwrap();
        let results = run_in_children(
            vec![|| {
                let mut opened = File::create(path.with_extension("new")).unwrap();
                (&held).write_all(b"into the parent's file").unwrap();
                opened.write_all(b"into its own").unwrap();
                let open = std::fs::read_dir("/proc/self/fd").unwrap();
                let targets = open.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
                let others = targets.filter(|target| target != Path::new("/dev/null"));
                others.map(|target| format!("{}\n", target.display())).collect::<String>().into_bytes()
            }],
            limit(),
        );
        let mut open: Vec<&str> =
            std::str::from_utf8(results[0].as_ref().unwrap()).unwrap().lines().collect();
        open.sort_unstable();
        // Its own file, the directory it lists, and the pipe for the result.
        assert!(open.len() == 3 && open[0].starts_with("/proc/") && open[2].starts_with("pipe:"), "{open:?}");
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        assert_eq!(std::fs::read(path.with_extension("new")).unwrap(), b"into its own");
        std::fs::remove_file(path.with_extension("new")).unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn no_child_is_left_behind() {
        let id = run_in_children(vec![|| getpid().as_raw_nonzero().get().to_ne_bytes().to_vec()], limit());
        let id = i32::from_ne_bytes(id[0].as_ref().unwrap().as_slice().try_into().unwrap());
        let waited = waitpid(Pid::from_raw(id), WaitOptions::NOHANG);
        assert!(matches!(waited, Err(rustix::io::Errno::CHILD)), "{waited:?}");
    }
}
