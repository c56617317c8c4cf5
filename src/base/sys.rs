//! The few system calls that no safe library offers. The only `unsafe` of the ground floor stands here.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, getppid};

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
    #[allow(clippy::useless_conversion, reason = "time_t has 32 bits where a pointer has")]
    let time = libc::time_t::try_from(seconds);
    // SAFETY: `tm` is plain data for which all-zero is a valid value, and localtime_r only writes to it.
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        if let Ok(time) = &time {
            libc::localtime_r(time, &mut tm);
        }
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
    // A caller that ignores the ends of its own children has us ignore those of ours, which nobody could wait for then.
    // SAFETY: the default action is no code of anybody's.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
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

/// The number of a network interface of this name.
pub(crate) fn interface_number(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is a C string that lives through the call.
    Some(unsafe { libc::if_nametoindex(name.as_ptr()) }).filter(|number| *number != 0)
}

/// Whether there is a network interface of this number.
pub(crate) fn is_interface_number(number: u32) -> bool {
    let mut name = [0; libc::IF_NAMESIZE];
    // SAFETY: the name has room for IF_NAMESIZE characters, which is what is written at most.
    !unsafe { libc::if_indextoname(number, name.as_mut_ptr()) }.is_null()
}

/// Keeps these signals back, so that they are taken with [`held_back`] and interrupt nothing.
pub(crate) fn hold_back(signals: &[Signal]) -> io::Result<()> {
    let set = set_of(signals);
    // SAFETY: the set was made whole by sigemptyset; where the old mask would go, nothing is asked for.
    match unsafe { libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits for the next of the signals that are kept back.
pub(crate) fn held_back(signals: &[Signal]) -> io::Result<Signal> {
    let set = set_of(signals);
    loop {
        // SAFETY: the set was made whole by sigemptyset, and nobody asks for more than the number.
        let number = unsafe { libc::sigwaitinfo(&set, std::ptr::null_mut()) };
        let error = io::Error::last_os_error();
        match signals.iter().find(|signal| signal.as_raw() == number) {
            Some(signal) => return Ok(*signal),
            None if error.kind() == io::ErrorKind::Interrupted => {}
            None => return Err(error),
        }
    }
}

fn set_of(signals: &[Signal]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset makes the whole set, and sigaddset changes what is one by then.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal.as_raw());
        }
        set.assume_init()
    }
}

/// Lets a program that is about to be started get every signal, and SIGKILL when this process is gone.
pub(crate) fn tie_to_parent(command: &mut Command) {
    let (parent, nothing) = (getpid(), set_of(&[]));
    let tie = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid() != Some(parent) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        // SAFETY: as in `hold_back`.
        match unsafe { libc::sigprocmask(libc::SIG_SETMASK, &nothing, std::ptr::null_mut()) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec the closure makes three system calls, and neither allocates nor locks.
    unsafe { command.pre_exec(tie) };
}

/// Ends this process after so long, in whole seconds, whatever it does then; zero takes that back. Only for a child
/// from [`in_child`].
pub(crate) fn end_after(limit: Duration) {
    let seconds = u32::try_from(limit.as_secs()).unwrap_or(u32::MAX);
    let alarm = set_of(&[Signal::ALARM]);
    // SAFETY: the default action is no code of anybody's; the set was made whole by sigemptyset; alarm takes a number.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::sigprocmask(libc::SIG_UNBLOCK, &alarm, std::ptr::null_mut());
        libc::alarm(seconds);
    }
}

/// Points every descriptor of this process but those of `kept` at /dev/null. Only for a child from [`in_child`], before it
/// does anything else.
///
/// They aren't closed: what is opened later would get their numbers, and whoever still knows one of these, a
/// logger for example, would write its lines to a shared disk.
pub(crate) fn silence_others(kept: &[BorrowedFd<'_>]) -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let open = open_descriptors();
    let stays = |one: &RawFd| kept.iter().any(|kept| kept.as_raw_fd() == *one) || null.as_raw_fd() == *one;
    for descriptor in open.into_iter().filter(|one| !stays(one)) {
        // Only the standard streams are for a program that this process may start.
        let flags = if descriptor > libc::STDERR_FILENO { libc::O_CLOEXEC } else { 0 };
        // SAFETY: each of these is a copy that the fork made of a descriptor of the parent, which keeps its own;
        // its number stays open and valid, so its owner here finds a file that takes everything and holds
        // nothing. The one of the directory just read is closed already and becomes one more such file.
        if unsafe { libc::dup3(null.as_raw_fd(), descriptor, flags) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// The descriptors that this process has open; where /proc doesn't tell, those of the first thousand numbers.
fn open_descriptors() -> Vec<RawFd> {
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    match fs::read_dir("/proc/self/fd") {
        Ok(entries) => entries.filter_map(number).collect(),
        // SAFETY: F_GETFD asks about a number, whatever it stands for.
        Err(_) => (0..1024).filter(|number| unsafe { libc::fcntl(*number, libc::F_GETFD) } >= 0).collect(),
    }
}

fn end(code: u8) -> ! {
    // SAFETY: _exit has no preconditions, runs none of this program's code, and doesn't return.
    unsafe { libc::_exit(code.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_the_system_has_no_room_for_is_no_day() {
        assert_eq!(local_time(i64::MAX).day, 0);
        assert_ne!(local_time(1_800_000_000).day, 0);
    }
}
