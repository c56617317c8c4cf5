//! A child of this process that runs a function and ends: fork without exec.
#![allow(unsafe_code)]

use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::Pid;

/// Runs `work` in a child and returns the child's process id to the parent. The child ends when `work` returns
/// or panics, and never gets past this call: no destructor, exit handler or buffer of the parent runs twice.
pub(super) fn in_child(work: impl FnOnce()) -> io::Result<Pid> {
    // SAFETY: fork itself asks nothing of its caller. What the child may do depends on the other threads of the
    // process, which don't exist in it while their locks stay as they were: an agent has one thread only, and
    // the allocator, the one lock that no code can avoid, is put in order for the child by the C library.
    let id = unsafe { libc::fork() };
    if id < 0 {
        return Err(io::Error::last_os_error());
    }
    match Pid::from_raw(id) {
        Some(child) => Ok(child),
        None => {
            let ended_well = catch_unwind(AssertUnwindSafe(work)).is_ok();
            end(if ended_well { 0 } else { 1 })
        }
    }
}

/// Points every descriptor of this process but `kept` at /dev/null. Only for a child from [`in_child`], before it
/// does anything else.
///
/// They aren't closed: what is opened later would get their numbers, and whoever still knows one of these, a
/// logger for example, would write its lines to a shared disk.
pub(super) fn silence_others(kept: BorrowedFd<'_>) -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let mut open: Vec<RawFd> = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for descriptor in open.into_iter().filter(|one| ![kept.as_raw_fd(), null.as_raw_fd()].contains(one)) {
        // SAFETY: each of these is a copy that the fork made of a descriptor of the parent, which keeps its own;
        // its number stays open and valid, so its owner here finds a file that takes everything and holds
        // nothing. The one of the directory just read is closed already and becomes one more such file.
        if unsafe { libc::dup2(null.as_raw_fd(), descriptor) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

fn end(code: libc::c_int) -> ! {
    // SAFETY: _exit has no preconditions, runs none of this program's code, and doesn't return.
    unsafe { libc::_exit(code) }
}
