//! Files written by child processes: the file may lie on the very filesystem that hangs, and no write may delay or
//! change a verdict.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Mutex;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, setsid, waitpid};

use crate::base::{Deadline, sys};

/// How long the end of the program waits for the children.
const FLUSH_LIMIT: Duration = Duration::from_millis(300);

/// How much fits into the pipe while the child can't write.
const PIPE_SIZE: usize = 1024 * 1024;

/// The children whose pipes are closed.
static ENDING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// A child that writes, and the pipe to it.
pub(crate) struct Writer {
    pid: Pid,
    pipe: File,
}

impl Writer {
    /// Starts a child that does `work` with what comes through the pipe, to its end: the end of this process too
    /// closes it. `forget` runs there first: the child is a copy of this process with all that it knows, and may
    /// outlive it. To be called while this process has one thread.
    pub(crate) fn start(forget: impl FnOnce(), work: impl FnOnce(File) -> u8) -> io::Result<Writer> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK)?;
        let _ = rustix::pipe::fcntl_setpipe_size(&writer, PIPE_SIZE);
        let (mut reader, mut writer) = (Some(reader), Some(writer));
        let pid = sys::in_child(|| {
            forget();
            // The child's own copy of the writing end would keep the pipe open for ever.
            drop(writer.take());
            let Some(reader) = reader.take() else { return 1 };
            detach(&reader);
            work(File::from(reader))
        })?;
        let pipe = writer.ok_or(io::ErrorKind::BrokenPipe)?.into();
        Ok(Writer { pid, pipe })
    }

    /// Hands bytes to the child. The pipe doesn't block: what a stuck child can't take in time is lost.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _ = self.pipe.write_all(bytes);
    }

    /// Closes the pipe, so that the child comes to its end; [`finish`] gives it a moment for that.
    pub(crate) fn end(self) {
        if let Ok(mut ending) = ENDING.lock() {
            ending.push(self.pid);
        }
    }
}

/// Leaves the caller's process group, which gets its signals, and its pipes, whose end it waits for; and those of the
/// children before, which wait for theirs.
fn detach(reader: &OwnedFd) {
    let _ = setsid();
    if sys::silence_others(&[reader.as_fd()]).is_err()
        && let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null")
    {
        let _ = rustix::stdio::dup2_stdin(&null);
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
    }
}

/// Opens a file to append to, for its owner alone where it is new.
pub(crate) fn open_to_append(path: &str) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Gives the children a moment to finish. Called at the end of the program.
pub(crate) fn finish() {
    let children = ENDING.lock().map(|mut ending| std::mem::take(&mut *ending)).unwrap_or_default();
    let by = Deadline::after(FLUSH_LIMIT);
    for pid in children {
        while matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(None))
            && by.sleep(Duration::from_millis(1))
        {}
    }
}
