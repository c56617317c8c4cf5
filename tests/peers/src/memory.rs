//! The memory of a running program, searched as root may: what a core dump of it would hold.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What the region is: `[heap]`, `[stack]`, a file, or empty for memory that was asked for.
    pub region: String,
    /// The address.
    pub address: u64,
    /// What stands around it, what isn't ASCII as dots.
    pub around: String,
}

/// Every place in the writable memory of a process that holds these bytes. What can't be written to can't hold
/// anything that came in.
pub fn search(pid: u32, needle: &[u8]) -> Vec<Place> {
    assert!(!needle.is_empty(), "nothing is everywhere");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the regions of the process");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("the memory of the process (root?)");
    let mut places = Vec::new();
    for line in maps.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (range, rights) = (words[0], words[1]);
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').expect("a range");
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).expect("an address"));
        let mut bytes = vec![0; usize::try_from(to - from).expect("a region that fits")];
        if memory.read_exact_at(&mut bytes, from).is_err() {
            continue;
        }
        let mut after = 0;
        while let Some(at) = find(&bytes[after..], needle).map(|at| after + at) {
            let around = &bytes[at.saturating_sub(24)..bytes.len().min(at + needle.len() + 24)];
            places.push(Place {
                region: words.get(5).unwrap_or(&"").to_string(),
                address: from + at as u64,
                around: around
                    .iter()
                    .map(|&byte| if (32..127).contains(&byte) { byte as char } else { '.' })
                    .collect(),
            });
            after = at + needle.len();
        }
    }
    places
}

fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    // SAFETY: both slices live through the call, and their lengths are given.
    let found = unsafe { libc::memmem(hay.as_ptr().cast(), hay.len(), needle.as_ptr().cast(), needle.len()) };
    (!found.is_null()).then(|| found as usize - hay.as_ptr() as usize)
}

/// A program that has done all its work and returned from `main`, held on its way out: its memory is still there.
pub struct AtItsEnd {
    child: Child,
}

impl AtItsEnd {
    /// Runs the program with this on its stdin until it ends. Its stdout and stderr go nowhere.
    ///
    /// Only the thread that called this may use or drop what it returns: the kernel knows it as the tracer.
    pub fn of(command: &mut Command, stdin: &[u8]) -> AtItsEnd {
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: the closure makes one system call with numbers.
        unsafe {
            command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
        let mut held = AtItsEnd { child: command.spawn().expect("the program") };
        held.child.stdin.take().expect("piped").write_all(stdin).expect("a pipe that takes this much");
        let pid = held.id() as i32;
        assert!(libc::WIFSTOPPED(wait(pid)), "it stops as soon as it is the program");
        let options = libc::PTRACE_O_TRACEEXIT | libc::PTRACE_O_EXITKILL;
        // SAFETY: these requests take numbers only.
        assert_eq!(unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, pid, 0, options) }, 0);
        let mut signal = 0;
        loop {
            // SAFETY: as above.
            assert_eq!(unsafe { libc::ptrace(libc::PTRACE_CONT, pid, 0, signal) }, 0);
            let status = wait(pid);
            assert!(libc::WIFSTOPPED(status), "it went without stopping at its end");
            if status >> 16 == libc::PTRACE_EVENT_EXIT {
                return held;
            }
            signal = libc::WSTOPSIG(status);
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it end, and gives its exit code.
    pub fn end(mut self) -> Option<i32> {
        // SAFETY: the request takes numbers only.
        unsafe { libc::ptrace(libc::PTRACE_CONT, self.child.id() as i32, 0, 0) };
        self.child.wait().expect("our own child").code()
    }
}

impl Drop for AtItsEnd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: the status lives through the call.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, libc::__WALL) }, pid, "our own child");
    status
}

/// What a process of the user `uid` gets for attaching a debugger to another.
pub fn attach_as(uid: u32, pid: u32) -> io::Result<()> {
    let attach = move || {
        // SAFETY: the request takes numbers only. The tracer's end, right after this, detaches it.
        match unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid as i32, 0, 0) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    as_user(uid, attach)
}

/// What a process of the user `uid` gets for opening a file.
pub fn open_as(uid: u32, path: &str) -> io::Result<()> {
    let path = path.to_owned();
    as_user(uid, move || File::open(&path).map(|_| ()))
}

fn as_user(uid: u32, work: impl FnMut() -> io::Result<()> + Send + Sync + 'static) -> io::Result<()> {
    let mut command = Command::new("/bin/true");
    command.uid(uid).gid(uid).stdin(Stdio::null());
    // SAFETY: the child of a test has one thread, and what the closures above do is a system call each; the path
    // is allocated before.
    unsafe { command.pre_exec(work) };
    command.spawn()?.wait().map(|_| ())
}
