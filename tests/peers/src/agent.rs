//! Runs an agent the way its callers do, and measures it.
//!
//! ```no_run
//! use peers::Agent;
//!
//! let done = Agent::called("fence_ilo4", "fence_ipmilan")
//!     .options([("ip", "127.0.0.1"), ("ipport", "9001"), ("action", "status")])
//!     .run();
//! assert_eq!((done.code, done.stdout.as_str()), (Some(2), "Status: OFF\n"));
//! ```

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::relay::poll_readable;
use crate::util::Group;

/// The directory whose agents are tested: the environment variable FENCE_AGENTS_DIR, otherwise where cargo
/// puts the programs of the profile that this test was built with.
pub fn agents_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("FENCE_AGENTS_DIR") {
        return dir.into();
    }
    let exe = std::env::current_exe().expect("the path of this program");
    let dir = exe.parent().expect("a program lies in a directory");
    if dir.ends_with("deps") || dir.ends_with("examples") {
        dir.parent().expect("deps lies in the profile's directory").to_owned()
    } else {
        dir.to_owned()
    }
}

/// Every name of the programs: name, program, package, kind.
const NAMES: &str = include_str!("../../../metadata/agents.list");

/// The program of this name in [`agents_dir`], or the one that has this name among its own.
pub fn program(name: &str) -> PathBuf {
    let own = agents_dir().join(name);
    if own.exists() { own } else { agents_dir().join(program_of(name)) }
}

/// The program that has this name: where cargo puts programs there are no links to them. What isn't in the list is its
/// own.
fn program_of(agent: &str) -> &str {
    let mut rows = NAMES.lines().filter_map(|row| row.split_once('\t'));
    let row = rows.find(|(name, _)| *name == agent);
    row.and_then(|(_, rest)| rest.split('\t').next()).unwrap_or(agent)
}

/// An agent about to run. Its environment is PATH and what [`Agent::env`] adds, nothing else.
#[derive(Clone, Debug)]
pub struct Agent {
    program: PathBuf,
    name: Option<OsString>,
    args: Vec<OsString>,
    stdin: Option<Vec<u8>>,
    env: Vec<(OsString, OsString)>,
    limit: Duration,
}

/// How a run ended, and what it cost (children that the agent waited for included).
#[derive(Clone, Debug)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// When the program was started.
    pub started: Instant,
    /// From start to end.
    pub wall: Duration,
    /// User and system time together.
    pub cpu: Duration,
    /// The largest resident set in bytes. The kernel counts the moment between fork and exec as well, so it
    /// is never less than what this process itself had in memory: measure from a small one.
    pub max_rss: u64,
    /// Whether the limit passed and it was killed.
    pub killed: bool,
}

impl Agent {
    /// The program at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Agent {
        Agent {
            program: path.into(),
            name: None,
            args: Vec::new(),
            stdin: None,
            env: Vec::new(),
            limit: Duration::from_secs(60),
        }
    }

    /// The agent `name` out of [`agents_dir`]; where no file of that name is there, the program that `binary`
    /// is or is another name of, under that name, as its symbolic link would run it.
    pub fn called(name: &str, binary: &str) -> Agent {
        Agent::of(&agents_dir(), name, binary)
    }

    /// The same out of another directory.
    pub fn of(agents: &Path, name: &str, binary: &str) -> Agent {
        let path = agents.join(name);
        if path.exists() {
            return Agent::new(path);
        }
        Agent::new(agents.join(program_of(binary))).argv0(name)
    }

    /// The agent of a device with a BMC, a Redfish service or an SNMP agent at this port of the loopback address, with
    /// these options beside the action.
    fn at(name: &str, binary: &str, port: u16, action: &str) -> Agent {
        Agent::called(name, binary)
            .options([("ip", "127.0.0.1"), ("ipport", port.to_string().as_str()), ("action", action)])
            .limit(Duration::from_secs(120))
    }

    /// fence_ipmilan, under one of its names, for a simulated BMC of user `admin` with the password `adminpw`, whose
    /// machine needs no time between off and on.
    pub fn ipmilan(name: &str, port: u16, action: &str) -> Agent {
        Agent::at(name, "fence_ipmilan", port, action).options([
            ("username", "admin"),
            ("password", "adminpw"),
            ("power_wait", "0"),
        ])
    }

    /// fence_redfish for a service with the account of [`crate::redfish::USER`]. It verifies the certificate.
    pub fn redfish(port: u16, action: &str) -> Agent {
        Agent::at("fence_redfish", "fence_redfish", port, action)
            .options([("username", crate::redfish::USER), ("password", crate::redfish::PASSWORD)])
    }

    /// An agent that speaks SNMP, for a device with the community `private`.
    pub fn snmp(name: &str, port: u16, action: &str) -> Agent {
        Agent::at(name, name, port, action).options([("community", "private")])
    }

    /// The name it finds in argv\[0\].
    pub fn argv0(mut self, name: &str) -> Agent {
        self.name = Some(name.into());
        self
    }

    /// Adds command-line arguments.
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Agent {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// What it reads on stdin. Without this, stdin is empty.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Agent {
        self.stdin = Some(bytes.into());
        self
    }

    /// Adds `name=value` lines to stdin, as the cluster manager does.
    pub fn options<N: AsRef<str>, V: AsRef<str>>(
        mut self,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Agent {
        let stdin = self.stdin.get_or_insert_default();
        for (name, value) in options {
            stdin.extend_from_slice(format!("{}={}\n", name.as_ref(), value.as_ref()).as_bytes());
        }
        self
    }

    /// Adds an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Agent {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Runs in the environment that Pacemaker gives its agents.
    pub fn under_pacemaker(self) -> Agent {
        self.env("PCMK_service", "pacemaker-fenced")
    }

    /// Kills it after this long (default 60 s).
    pub fn limit(mut self, limit: Duration) -> Agent {
        self.limit = limit;
        self
    }

    /// Started by these words, the first of which is a program: `under(["nice"])`.
    pub fn under<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Agent {
        let mut all = words.into_iter().map(Into::into).collect::<Vec<OsString>>();
        all.push(self.program.into_os_string());
        all.append(&mut self.args);
        self.program = all.remove(0).into();
        self.args = all;
        self
    }

    /// The program in a process group of its own; who starts it says where its output goes.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().process_group(0);
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into()));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(name) = &self.name {
            command.arg0(name);
        }
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command
    }

    /// What it reads on stdin.
    pub(crate) fn input(&self) -> &[u8] {
        self.stdin.as_deref().unwrap_or_default()
    }

    /// Starts it, with nobody who reads what it says; it ends when this is dropped, with all that it has started.
    pub fn start(self) -> Group {
        let (read, mut write) = std::io::pipe().expect("a pipe");
        // As much as a pipe takes, which no agent's options are.
        write.write_all(self.input()).expect("a pipe that takes the options");
        drop(write);
        let mut command = self.command();
        command.stdin(read).stdout(Stdio::null()).stderr(Stdio::null());
        Group::start(&mut command).unwrap_or_else(|error| panic!("{}: {error}", self.program.display()))
    }

    /// Runs it to its end.
    #[allow(clippy::zombie_processes)] // wait4 reaps it: the standard library's wait has no figures
    pub fn run(self) -> Finished {
        let mut command = self.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());

        let started = Instant::now();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        if let (Some(mut pipe), Some(bytes)) = (child.stdin.take(), self.stdin) {
            // An agent that doesn't read everything is its own affair: the write may fail.
            thread::spawn(move || pipe.write_all(&bytes));
        }
        let stdout = collect(child.stdout.take().expect("piped"));
        let stderr = collect(child.stderr.take().expect("piped"));

        let pid = child.id() as i32;
        let ended = poll_readable(&[process_file(pid).as_raw_fd()], Some(self.limit));
        let wall = started.elapsed();
        // The whole group: nothing that the agent started may outlive the test. Before the child is reaped, its
        // id can't belong to anybody else.
        // SAFETY: kill takes two numbers.
        unsafe { libc::kill(-pid, libc::SIGKILL) };
        let (status, usage) = reap(pid);
        Finished {
            code: status.code(),
            stdout: stdout.join().expect("a reader"),
            stderr: stderr.join().expect("a reader"),
            started,
            wall,
            cpu: time(usage.ru_utime) + time(usage.ru_stime),
            max_rss: u64::try_from(usage.ru_maxrss).unwrap_or_default() * 1024,
            killed: !ended,
        }
    }
}

/// Runs them at the same time.
///
/// # Panics
/// Where one can't be run.
pub fn together(agents: impl IntoIterator<Item = Agent>) -> Vec<Finished> {
    let runs: Vec<_> = agents.into_iter().map(|agent| thread::spawn(move || agent.run())).collect();
    runs.into_iter().map(|run| run.join().expect("a run")).collect()
}

/// It succeeded, and said this.
///
/// # Panics
/// Where it didn't.
#[track_caller]
pub fn assert_done(done: &Finished, stdout: &str) {
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), stdout), "{}", done.stderr);
}

/// It failed by itself, said nothing on stdout, and these words on stderr.
///
/// # Panics
/// Where it didn't.
#[track_caller]
pub fn assert_failed(done: &Finished, words: &str) {
    assert!(!words.is_empty(), "every failure has its words: {}", done.stderr);
    assert_failed_with(done, &[words]);
}

/// The same with several words, or with none that matter.
///
/// # Panics
/// Where it ended otherwise.
#[track_caller]
pub fn assert_failed_with(done: &Finished, words: &[&str]) {
    assert!(!done.killed, "it hung: {}", done.stderr);
    assert_eq!((done.code, done.stdout.as_str()), (Some(1), ""), "{}", done.stderr);
    for word in words {
        assert!(done.stderr.contains(word), "{word}: {}", done.stderr);
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A file that becomes readable when the process ends.
pub(crate) fn process_file(pid: i32) -> OwnedFd {
    // SAFETY: pidfd_open takes two numbers and gives a descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(fd as i32)
    }
}

pub(crate) fn reap(pid: i32) -> (ExitStatus, libc::rusage) {
    // SAFETY: rusage is plain numbers, for which zero is a value; both pointers live through the call.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let mut status = 0;
        assert_eq!(libc::wait4(pid, &mut status, 0, &mut usage), pid, "wait4 on our own child");
        (ExitStatus::from_raw(status), usage)
    }
}

pub(crate) fn time(value: libc::timeval) -> Duration {
    Duration::from_secs(value.tv_sec as u64) + Duration::from_micros(value.tv_usec as u64)
}
