//! The few system calls that no safe library offers. The only `unsafe` of the ground floor stands here.

#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::Pid;

/// The exit code of a child whose work panicked, which is what Rust's own programs end with.
const PANICKED: u8 = 101;

/// The parts of a moment in local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The year, such as 2026.
    pub year: i32,
    /// The month, from 1.
    pub month: i32,
    /// The day of the month, from 1.
    pub day: i32,
    /// The hour, from 0.
    pub hour: i32,
    /// The minute, from 0.
    pub minute: i32,
    /// The second, from 0.
    pub second: i32,
}

/// A number of seconds since 1970 in local time; all zero where the system can't tell.
pub fn local_time(seconds: i64) -> LocalTime {
    // SAFETY: `tm` is plain data for which all-zero is a valid value, and localtime_r only writes to it.
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        libc::localtime_r(&seconds, &mut tm);
        tm
    };
    LocalTime {
        year: tm.tm_year.saturating_add(1900),
        month: tm.tm_mon.saturating_add(1),
        day: tm.tm_mday,
        hour: tm.tm_hour,
        minute: tm.tm_min,
        second: tm.tm_sec,
    }
}

/// Runs `work` in a child, a copy of this process, and returns the child's process id to the parent. The child
/// ends when `work` returns, with its result as exit code, or panics, and never gets past this call: no
/// destructor, exit handler or buffer of the parent runs twice.
///
/// To be called while this process has one thread: another thread's locks would stay locked in the child.
pub(crate) fn in_child(work: impl FnOnce() -> u8) -> io::Result<Pid> {
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
            let code = catch_unwind(AssertUnwindSafe(work)).unwrap_or(PANICKED);
            end(code)
        }
    }
}

/// Sets an environment variable, or takes it away.
///
/// Only for a process with a single thread: the C library reads the environment without a lock.
pub fn set_variable(name: &str, value: Option<&OsStr>) {
    // SAFETY: the caller has a single thread (see above), so nothing reads or writes the environment meanwhile.
    unsafe {
        match value {
            Some(value) => std::env::set_var(name, value),
            None => std::env::remove_var(name),
        }
    }
}

/// Points every descriptor of this process but `kept` at /dev/null. Only for a child from [`in_child`], before it
/// does anything else.
///
/// They aren't closed: what is opened later would get their numbers, and whoever still knows one of these, a
/// logger for example, would write its lines to a shared disk.
pub(crate) fn silence_others(kept: BorrowedFd<'_>) -> io::Result<()> {
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

fn end(code: u8) -> ! {
    // SAFETY: _exit has no preconditions, runs none of this program's code, and doesn't return.
    unsafe { libc::_exit(code.into()) }
}
