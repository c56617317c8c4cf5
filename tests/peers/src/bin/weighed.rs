//! `unshare --pid --fork --mount-proc weighed PROGRAM ARGUMENT...` runs a program, and prints the most memory in bytes
//! that it or a process it waited for had, and how many processes and threads it started besides itself: the numbers of
//! the namespace are handed out in order.
//!
//! The kernel counts the moment between fork and exec as the new program's, so a process that is itself large can't
//! measure a small one: this one has next to nothing in memory.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};

fn main() {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().expect("usage: weighed PROGRAM ARGUMENT...");
    let child = Command::new(program).args(words).stdout(Stdio::null()).spawn().expect("the program starts");
    // SAFETY: rusage is plain numbers, for which zero is a value; both pointers live through the call.
    let (status, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let mut status = 0;
        assert_eq!(
            libc::wait4(child.id() as i32, &mut status, 0, &mut usage),
            child.id() as i32,
            "our own child"
        );
        (ExitStatus::from_raw(status), usage)
    };
    let last = std::fs::read_to_string("/proc/sys/kernel/ns_last_pid").expect("a namespace of its own");
    let others = last.trim().parse::<i64>().expect("a number") - i64::from(child.id());
    println!("{} {others}", usage.ru_maxrss * 1024);
    std::process::exit(status.code().unwrap_or(1));
}
