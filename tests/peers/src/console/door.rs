//! A port of a device, and the way from the daemon that serves it to the device.
//!
//! sshd and telnetd are started for each connection, as inetd does. What they start is a shell script, which carries the
//! bytes between the terminal and this process through two named pipes: nothing has to be built for it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::device::Shared;
use super::session::{self, Visitor, Wire};
use crate::relay::poll_readable;
use crate::util::{Group, TempDir, with_default_signals};

/// A port on 127.0.0.1. When dropped, it is closed with all its connections.
pub struct Door {
    port: u16,
    served: Arc<Served>,
    thread: Option<JoinHandle<()>>,
    // Goes last: what the daemons run lies in it.
    _bridge: Option<Bridge>,
}

#[derive(Default)]
struct Served {
    stopped: AtomicBool,
    connections: Mutex<Vec<Connection>>,
    count: Mutex<usize>,
}

/// What has to be ended with a door.
pub(super) enum Connection {
    /// A daemon with all that it has started.
    Daemon(Group),
    /// A connection that this process serves itself, in a thread.
    Own(TcpStream, JoinHandle<()>),
}

impl Door {
    /// Opens one at which `serve` sees to each connection.
    pub(super) fn open(
        bridge: Option<Bridge>,
        serve: impl Fn(TcpStream) -> Option<Connection> + Send + 'static,
    ) -> Door {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let served = Arc::new(Served::default());
        let shared = Arc::clone(&served);
        let thread = thread::spawn(move || {
            while !shared.stopped.load(Ordering::Relaxed) {
                if !poll_readable(&[listener.as_raw_fd()], Some(Duration::from_millis(20))) {
                    continue;
                }
                let Ok((stream, _)) = listener.accept() else { continue };
                *shared.count.lock().expect("nobody panics with it") += 1;
                let _ = stream.set_nodelay(true);
                let mut connections = shared.connections.lock().expect("nobody panics with it");
                connections.retain_mut(|connection| match connection {
                    Connection::Daemon(group) => !group.ended(),
                    Connection::Own(_, thread) => !thread.is_finished(),
                });
                connections.extend(serve(stream));
            }
        });
        Door { port, served, thread: Some(thread), _bridge: bridge }
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// How many connections have come in.
    pub fn connections(&self) -> usize {
        *self.served.count.lock().expect("nobody panics with it")
    }

    /// What the daemons have logged.
    pub fn log(&self) -> String {
        let log = self._bridge.as_ref().map(|bridge| fs::read(bridge.log()).unwrap_or_default());
        String::from_utf8_lossy(&log.unwrap_or_default()).into_owned()
    }

    /// Where the files of its daemon are.
    pub(super) fn directory(&self) -> Option<&Path> {
        self._bridge.as_ref().map(Bridge::directory)
    }

    /// Ends all connections; new ones are taken.
    pub fn cut(&self) {
        for connection in self.served.connections.lock().expect("nobody panics with it").drain(..) {
            match connection {
                Connection::Daemon(group) => drop(group),
                Connection::Own(stream, _) => drop(stream.shutdown(Shutdown::Both)),
            }
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.served.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.cut();
    }
}

/// Starts a daemon whose standard input and output are a connection.
pub(super) fn daemon(command: &mut Command, stream: TcpStream, log: &Path) -> Option<Connection> {
    let output = OpenOptions::new().create(true).append(true).open(log).expect("a log");
    let socket = OwnedFd::from(stream);
    let second = socket.try_clone().expect("a second handle");
    command.stdin(socket).stdout(second).stderr(output);
    let program = command.get_program().to_owned();
    let group = Group::start(with_default_signals(command));
    Some(Connection::Daemon(group.unwrap_or_else(|error| panic!("{}: {error}", program.display()))))
}

/// What a daemon starts in place of a login shell. Its terminal shows and changes nothing, what is typed comes to the
/// device as it is.
const SESSION: &str = r#"exec 2>>"$at/log"
here=$(mktemp -d "$at/session.XXXXXX") || exit 1
mkfifo "$here/in" "$here/out"
stty raw -echo
printf '%s' "$USER" >"$here/user"
if [ "${SSH_CONNECTION+x}" ]; then : >"$here/ssh"; fi
if [ "${SSH_ORIGINAL_COMMAND+x}" ]; then printf '%s' "$SSH_ORIGINAL_COMMAND" >"$here/command"; fi
exec 3<&0
echo "SESSION $here" >"$at/calls"
cat <&3 >"$here/in" &
cat "$here/out"
kill $!
# telnetd drops what it hasn't read yet when its child ends.
[ -e "$here/ssh" ] || sleep 0.2
code=0
read -r code <"$here/code"
exit "$code"
"#;

/// What PAM starts to have a password judged (pam_exec(8)); it comes on stdin.
const LOGIN: &str = r#"exec 2>>"$at/log"
here=$(mktemp -d "$at/login.XXXXXX") || exit 1
mkfifo "$here/verdict"
cat >"$here/password"
printf '%s' "$PAM_USER" >"$here/user"
echo "LOGIN $here" >"$at/calls"
read -r verdict <"$here/verdict"
exit "$verdict"
"#;

/// The device's end of the named pipes.
pub(super) struct Bridge {
    directory: TempDir,
    thread: Option<JoinHandle<()>>,
}

impl Bridge {
    pub fn start(shared: &Arc<Shared>) -> Bridge {
        let directory = TempDir::new("peer-console");
        let at = directory.path();
        let beginning = format!("at='{}'\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n", at.display());
        directory.write("session", &format!("{beginning}{SESSION}"));
        directory.write("login", &format!("{beginning}{LOGIN}"));
        let calls = at.join("calls");
        let made = Command::new("mkfifo").arg(&calls).stdin(Stdio::null()).status().expect("mkfifo");
        assert!(made.success(), "mkfifo failed");
        // Opened for both, neither open nor read ends because the other side isn't there yet or any more.
        let calls = OpenOptions::new().read(true).write(true).open(calls).expect("a pipe");
        let shared = Arc::clone(shared);
        let thread = thread::spawn(move || answer(calls, &shared));
        Bridge { directory, thread: Some(thread) }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file in the directory and tells where.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        self.directory.write(name, text)
    }

    pub fn log(&self) -> PathBuf {
        self.directory().join("log")
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let calls = OpenOptions::new().read(true).write(true).open(self.directory().join("calls"));
        // Whatever was being said, a line's end completes it.
        if let Ok(mut calls) = calls
            && calls.write_all(b"\nSTOP\n").is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn answer(calls: File, shared: &Arc<Shared>) {
    for line in BufReader::new(calls).lines().map_while(Result::ok) {
        let call = line.split_once(' ').map(|(what, here)| (what.to_owned(), PathBuf::from(here)));
        let shared = Arc::clone(shared);
        match call {
            Some((what, here)) if what == "SESSION" => drop(thread::spawn(move || serve(&shared, &here))),
            Some((what, here)) if what == "LOGIN" => drop(thread::spawn(move || judge(&shared, &here))),
            _ if line == "STOP" => return,
            _ => {}
        }
    }
}

fn text(file: &Path) -> Option<String> {
    Some(String::from_utf8_lossy(&fs::read(file).ok()?).into_owned())
}

fn serve(shared: &Arc<Shared>, here: &Path) {
    // The script opens them in this order; each waits for the other side.
    let (Ok(input), Ok(output)) =
        (File::open(here.join("in")), OpenOptions::new().write(true).open(here.join("out")))
    else {
        return;
    };
    let user = here.join("ssh").exists().then(|| text(&here.join("user")).unwrap_or_default());
    let visitor = Visitor { user, command: text(&here.join("command")) };
    // Kept open until the exit code is there: the script reads that when the output ends.
    let open = output.try_clone();
    let code = session::run(shared, Wire::new(input, output, None), visitor);
    let _ = fs::write(here.join("code"), format!("{code}\n"));
    drop(open);
}

fn judge(shared: &Arc<Shared>, here: &Path) {
    let given = |name| text(&here.join(name)).unwrap_or_default();
    let (user, password) = (given("user"), given("password"));
    let password = password.trim_end_matches('\0');
    let good = shared.truth().log_in(Some(&user), Some(password));
    if let Ok(mut verdict) = OpenOptions::new().write(true).open(here.join("verdict")) {
        let _ = verdict.write_all(if good { b"0\n" } else { b"1\n" });
    }
    let _ = fs::remove_dir_all(here);
}
