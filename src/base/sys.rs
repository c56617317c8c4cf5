//! The few system calls that no safe library offers. The only `unsafe` of the ground floor stands here.

#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::io;

use rustix::process::Pid;

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

/// Runs `work` in a child process that is a copy of this one, and ends the child with its result as exit code.
///
/// Only for a process with a single thread: another thread's locks would stay locked in the child for ever.
pub fn fork(work: impl FnOnce() -> u8) -> io::Result<Pid> {
    // SAFETY: the caller has a single thread (see above), so the child starts in a consistent state. It never
    // returns from here: it ends with _exit, without running the parent's destructors or flushing its buffers.
    unsafe {
        match libc::fork() {
            -1 => Err(io::Error::last_os_error()),
            0 => libc::_exit(i32::from(work())),
            child => Pid::from_raw(child).ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH)),
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
