//! Files written by child processes: the file may lie on the very filesystem that hangs, and no write may delay or
//! change a verdict.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, WaitStatus, setsid, waitpid};

use crate::base::file::{self, Trouble};
use crate::base::{Deadline, sys};

/// How long the end of the program waits for the children.
const FLUSH_LIMIT: Duration = Duration::from_millis(300);

/// How long a child tries to open its file, or to write to it, before it ends with what it has: a cluster's file
/// system is frozen until the fencing is done and its journals are replayed, and one that never comes back must not
/// hold a process of each run.
const HANG_LIMIT: Duration = Duration::from_secs(120);

/// How much fits into the pipe while the child can't write.
const PIPE_SIZE: usize = 1024 * 1024;

/// The children whose pipes are closed.
static ENDING: Mutex<Vec<Child>> = Mutex::new(Vec::new());

/// A child that writes a file.
struct Child {
    pid: Pid,
    path: String,
}

/// A child that writes, and the pipe to it.
pub(crate) struct Writer {
    child: Child,
    pipe: File,
}

impl Writer {
    /// Starts a child that does `work` with what comes through the pipe, to its end: the end of this process too
    /// closes it. `forget` runs there first: the child is a copy of this process with all that it knows, and may
    /// outlive it. To be called while this process has one thread.
    pub(crate) fn start(
        path: &str,
        forget: impl FnOnce(),
        work: impl FnOnce(File) -> Result<(), Trouble>,
    ) -> io::Result<Writer> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK)?;
        let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_SIZE);
        let (mut reader, mut writer) = (Some(reader), Some(writer));
        let pid = sys::in_child(|| {
            forget();
            // The child's own copy of the writing end would keep the pipe open for ever.
            drop(writer.take());
            let Some(reader) = reader.take() else { return 1 };
            // Leaves the caller's process group, which gets its signals, and its pipes, whose end it waits for; and
            // those of the children before, which wait for theirs.
            let _ = setsid();
            let done = sys::silence_others(&[reader.as_fd()]).map_err(Trouble::from);
            done.and_then(|()| work(File::from(reader))).map_or_else(|trouble| trouble.code(), |()| 0)
        })?;
        let pipe = writer.ok_or(io::ErrorKind::BrokenPipe)?.into();
        Ok(Writer { child: Child { pid, path: path.to_owned() }, pipe })
    }

    /// Hands bytes to the child. The pipe doesn't block: what a stuck child can't take in time is lost. False when the
    /// child is gone, so that there is nobody to write any more.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        !matches!(self.pipe.write_all(bytes), Err(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Closes the pipe, so that the child comes to its end; [`finish`] gives it a moment for that.
    pub(crate) fn end(self) {
        if let Ok(mut ending) = ENDING.lock() {
            ending.push(self.child);
        }
    }
}

/// Opens a file to append to: only for a child's work.
pub(crate) fn open_to_append(path: &str) -> Result<File, Trouble> {
    within_limit(|| file::open_to_append(path.as_ref()))
}

/// Appends to a file: only for a child's work.
pub(crate) fn append(file: &mut File, bytes: &[u8]) -> Result<(), Trouble> {
    Ok(within_limit(|| file.write_all(bytes))?)
}

/// Does what may hang, and ends this process where it does.
fn within_limit<T>(work: impl FnOnce() -> T) -> T {
    sys::end_after(HANG_LIMIT);
    let done = work();
    sys::end_after(Duration::ZERO);
    done
}

/// Gives the children a moment to finish. Called at the end of the program. What is wrong with their files is told in
/// return, a sentence for each.
pub(crate) fn finish() -> Vec<String> {
    let children = ENDING.lock().map(|mut ending| std::mem::take(&mut *ending)).unwrap_or_default();
    let by = Deadline::after(FLUSH_LIMIT);
    children.into_iter().filter_map(|child| child.trouble(by)).collect()
}

impl Child {
    /// Waits for the child's end, and tells what it has failed with.
    fn trouble(&self, by: Deadline) -> Option<String> {
        let path = &self.path;
        loop {
            match waitpid(Some(self.pid), WaitOptions::NOHANG) {
                Ok(Some((_, status))) => {
                    return of_status(status).map(|trouble| format!("{path} can't be written: {trouble}"));
                }
                Ok(None) if by.sleep(Duration::from_millis(1)) => {}
                Ok(None) => {
                    let limit = HANG_LIMIT.as_secs();
                    return Some(format!(
                        "{path}: its file system doesn't answer; a process that tries for {limit} s stays behind"
                    ));
                }
                Err(_) => return None,
            }
        }
    }
}

fn of_status(status: WaitStatus) -> Option<Trouble> {
    match status.exit_status() {
        Some(code) => Trouble::of_code(u8::try_from(code).unwrap_or(u8::MAX)),
        None => Some(Trouble::NoProcess("the process that writes it was killed".to_owned())),
    }
}
