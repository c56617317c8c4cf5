//! A switch: snmpd in a network namespace of its own, whose ports are veth links. Writing ifAdminStatus really
//! takes a link down.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::daemon::{ALL_MODULES, User, directory, spawn, stop, token, until_ready, write_config};

/// A running switch with ports `port1`, `port2` and so on. It ends when dropped.
///
/// It is reached through a forwarder on a free loopback port: snmpd itself listens inside the namespace, where no
/// other process can be at its port.
pub struct Switch {
    child: Child,
    directory: PathBuf,
    forwarder: Forwarder,
}

impl Switch {
    /// A switch with so many ports, all up, and further lines of snmpd's configuration.
    pub fn start(ports: usize, users: &[User], config: &str) -> Switch {
        let directory = directory();
        let token = token(&directory);
        write_config(&directory, &token, users, config);
        let mut script = String::from("set -e\nip link set lo up\n");
        for port in 1..=ports {
            script += &format!(
                "ip link add port{port} type veth peer name far{port}\nip link set far{port} up\nip link set port{port} up\n"
            );
        }
        script += ": > \"$1\"\nshift\nexec \"$@\"\n";
        let ready = directory.join("links");
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", &script, "switch"]).arg(&ready).arg("snmpd");
        let mut child = spawn(&mut command, &directory, ALL_MODULES, "udp:127.0.0.1:161,udp6:[::1]:161");
        while !ready.exists() {
            let ended = child.try_wait().expect("the state of the switch");
            assert!(ended.is_none(), "no network namespace (root?): see {}", directory.join("log").display());
            std::thread::yield_now();
        }
        let forwarder = Forwarder::start(child.id());
        assert!(
            until_ready(&mut child, forwarder.address, &token),
            "snmpd ended: see {}",
            directory.display()
        );
        Switch { child, directory, forwarder }
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.forwarder.address
    }

    /// Whether a link is administratively up: the judge.
    pub fn is_up(&self, link: &str) -> bool {
        let shown = self.run(&["ip", "-o", "link", "show", "dev", link]);
        let flags = shown.split(['<', '>']).nth(1).unwrap_or_else(|| panic!("no link {link}: {shown}"));
        flags.split(',').any(|flag| flag == "UP")
    }

    /// Takes a link up or down behind the switch's back.
    pub fn set(&self, link: &str, up: bool) {
        self.run(&["ip", "link", "set", "dev", link, if up { "up" } else { "down" }]);
    }

    /// The interface index of a link.
    pub fn index(&self, link: &str) -> u32 {
        let shown = self.run(&["ip", "-o", "link", "show", "dev", link]);
        shown.split(':').next().and_then(|number| number.trim().parse().ok()).expect("an index")
    }

    fn run(&self, command: &[&str]) -> String {
        let output = Command::new("nsenter")
            .args(["--target", &self.child.id().to_string(), "--net"])
            .args(command)
            .stdin(Stdio::null())
            .output()
            .expect("nsenter");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        stop(&mut self.child);
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Carries datagrams between a port outside and port 161 of a namespace.
struct Forwarder {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    fn start(pid: u32) -> Forwarder {
        // A socket stays in the namespace in which it was made: this one outside.
        let front = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let address = front.local_addr().expect("its address");
        front.set_nonblocking(true).expect("a socket that doesn't block");
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            enter(pid);
            let mut backs: Vec<(SocketAddr, UdpSocket)> = Vec::new();
            let mut buffer = vec![0; 65_536];
            while !told.load(Ordering::Relaxed) {
                while let Ok((length, client)) = front.recv_from(&mut buffer) {
                    let place = backs.iter().position(|(of, _)| *of == client).unwrap_or_else(|| {
                        if backs.len() >= 64 {
                            backs.remove(0);
                        }
                        let back = UdpSocket::bind("127.0.0.1:0").expect("a socket");
                        back.connect("127.0.0.1:161").expect("a connected socket");
                        back.set_nonblocking(true).expect("a socket that doesn't block");
                        backs.push((client, back));
                        backs.len() - 1
                    });
                    let _ = backs[place].1.send(&buffer[..length]);
                }
                for (client, back) in &backs {
                    while let Ok(length) = back.recv(&mut buffer) {
                        let _ = front.send_to(&buffer[..length], client);
                    }
                }
                let mut waits: Vec<libc::pollfd> = std::iter::once(front.as_raw_fd())
                    .chain(backs.iter().map(|(_, back)| back.as_raw_fd()))
                    .map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 })
                    .collect();
                // SAFETY: the array lives through the call and its length is given.
                unsafe { libc::poll(waits.as_mut_ptr(), waits.len() as libc::nfds_t, 20) };
            }
        });
        Forwarder { address, stop, thread: Some(thread) }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Moves this thread into the network namespace of a process.
fn enter(pid: u32) {
    let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net")).expect("a namespace");
    // SAFETY: the descriptor is open through the call; only the calling thread changes its namespace.
    let done = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
    assert_eq!(done, 0, "setns: {}", std::io::Error::last_os_error());
}
