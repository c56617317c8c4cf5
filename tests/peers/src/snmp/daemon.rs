//! net-snmp's snmpd on a free loopback port.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use openssl::hash::MessageDigest;

use crate::util::free_udp_port;

/// The community that may read.
pub const READ: &str = "public";
/// The community that may read and write.
pub const WRITE: &str = "private";
/// The authentication password of every user that has one.
pub const AUTH_PASSWORD: &str = "auth-Pa55word";
/// The privacy password of every user that has one.
pub const PRIV_PASSWORD: &str = "priv-Pa55word";
/// The authentication protocols, as net-snmp writes them.
pub const AUTH: [&str; 6] = ["MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"];
/// The privacy protocols, as net-snmp writes them.
pub const PRIV: [&str; 4] = ["DES", "AES", "AES-192", "AES-256"];

/// How long a daemon may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(20);

/// An SNMPv3 user of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name: the protocols, so that each combination has its own.
    pub name: String,
    /// The authentication protocol.
    pub auth: Option<&'static str>,
    /// The privacy protocol.
    pub privacy: Option<&'static str>,
}

impl User {
    /// The user with these protocols.
    pub fn new(auth: Option<&'static str>, privacy: Option<&'static str>) -> User {
        let name = format!("{}-{}", auth.unwrap_or("no"), privacy.unwrap_or("no"));
        User { name, auth, privacy }
    }

    /// What creates it, with all rights.
    fn config(&self) -> String {
        let hash = self.auth.unwrap_or_default();
        let key = |password| format!("-m 0x{}", master_key(hash, password));
        let auth = self.auth.map_or(String::new(), |auth| format!(" {auth} {}", key(AUTH_PASSWORD)));
        let privacy =
            self.privacy.map_or(String::new(), |privacy| format!(" {privacy} {}", key(PRIV_PASSWORD)));
        let level = match (self.auth, self.privacy) {
            (None, _) => "noauth",
            (_, None) => "auth",
            _ => "priv",
        };
        format!("createUser {0}{auth}{privacy}\nrwuser {0} {level}\n", self.name)
    }
}

/// The key that a password makes before it belongs to an engine (RFC 3414, section 2.6), in hexadecimal digits. It costs a
/// megabyte of hashing: done once here, and not by each of many agents for each of its users.
fn master_key(hash: &str, password: &'static str) -> String {
    static KEYS: Mutex<BTreeMap<(String, &str), String>> = Mutex::new(BTreeMap::new());
    let mut keys = KEYS.lock().expect("nobody panics with it");
    let key = keys.entry((hash.to_owned(), password)).or_insert_with(|| {
        let digest = match hash {
            "MD5" => MessageDigest::md5(),
            "SHA" => MessageDigest::sha1(),
            "SHA-224" => MessageDigest::sha224(),
            "SHA-256" => MessageDigest::sha256(),
            "SHA-384" => MessageDigest::sha384(),
            _ => MessageDigest::sha512(),
        };
        let megabyte: Vec<u8> = password.bytes().cycle().take(1_048_576).collect();
        let key = openssl::hash::hash(digest, &megabyte).expect("a digest");
        key.iter().map(|byte| format!("{byte:02x}")).collect()
    });
    key.clone()
}

/// One user for every level and every combination of protocols: 31.
pub fn every_user() -> Vec<User> {
    let mut users = vec![User::new(None, None)];
    for auth in AUTH {
        users.push(User::new(Some(auth), None));
        users.extend(PRIV.iter().map(|privacy| User::new(Some(auth), Some(privacy))));
    }
    users
}

/// A running snmpd. It ends when dropped, and its files go with it.
pub struct Snmpd {
    child: Child,
    directory: PathBuf,
    address: SocketAddr,
    modules: &'static str,
}

/// All modules but one that opens a port of its own.
pub(super) const ALL_MODULES: &str = "-smux";

/// Only what a login and a helper need.
const FEW_MODULES: &str = "pass_persist,vacm_conf,vacm_vars,usmConf,usmUser,usmStats,snmpEngine,snmpMPDStats";

impl Snmpd {
    /// An agent on 127.0.0.1 with the two communities, these users, and further lines of configuration.
    pub fn start(users: &[User], config: &str) -> Snmpd {
        Snmpd::start_on(Ipv4Addr::LOCALHOST.into(), users, config, ALL_MODULES, |_| ())
    }

    /// An agent on 127.0.0.1 that has no objects but those of its helpers. sysName is theirs too: `named` is told
    /// what it must be.
    pub fn start_bare(users: &[User], config: &str, named: impl FnOnce(&str)) -> Snmpd {
        Snmpd::start_on(Ipv4Addr::LOCALHOST.into(), users, config, FEW_MODULES, named)
    }

    /// An agent on ::1.
    pub fn start_v6(users: &[User], config: &str) -> Snmpd {
        Snmpd::start_on(Ipv6Addr::LOCALHOST.into(), users, config, ALL_MODULES, |_| ())
    }

    fn start_on(
        address: std::net::IpAddr,
        users: &[User],
        config: &str,
        modules: &'static str,
        named: impl FnOnce(&str),
    ) -> Snmpd {
        let directory = directory();
        let token = token(&directory);
        named(&token);
        write_config(&directory, &token, users, config);
        loop {
            // Another process may take the port before snmpd does. Then snmpd ends, or somebody else answers, and
            // the next port is tried.
            let at = SocketAddr::from((address, free_udp_port(address)));
            let transport = if at.is_ipv6() { "udp6" } else { "udp" };
            let mut child =
                spawn(&mut Command::new("snmpd"), &directory, modules, &format!("{transport}:{at}"));
            if until_ready(&mut child, at, &token) {
                return Snmpd { child, directory, address: at, modules };
            }
            stop(&mut child);
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A directory of its own.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Ends it and starts it again at the same port, as a device that reboots: the same engine, one boot later.
    pub fn restart(&mut self) {
        signal(self.child.id(), libc::SIGTERM);
        self.child.wait().expect("the end of snmpd");
        let transport = if self.address.is_ipv6() { "udp6" } else { "udp" };
        let listen = format!("{transport}:{}", self.address);
        self.child = spawn(&mut Command::new("snmpd"), &self.directory, self.modules, &listen);
        let ready = until_ready(&mut self.child, self.address, &token(&self.directory));
        assert!(ready, "snmpd didn't start again at {}", self.address);
    }

    /// Stops it from answering, as a hung device does; its port stays open.
    pub fn freeze(&self) {
        signal(self.child.id(), libc::SIGSTOP);
    }

    /// Lets it answer again.
    pub fn thaw(&self) {
        signal(self.child.id(), libc::SIGCONT);
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        stop(&mut self.child);
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn signal(pid: u32, signal: i32) {
    // SAFETY: kill takes no pointers. The process is our child and has not been waited for, so the number is its.
    unsafe { libc::kill(pid as i32, signal) };
}

pub(super) fn stop(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// A fresh directory of this process.
pub(crate) fn directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("peer-snmp-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let directory = std::env::temp_dir().join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("a temporary directory");
    directory
}

/// What this agent alone says of itself.
pub(super) fn token(directory: &Path) -> String {
    directory.file_name().expect("a name").to_string_lossy().into_owned()
}

pub(super) fn write_config(directory: &Path, token: &str, users: &[User], config: &str) {
    let users: String = users.iter().map(User::config).collect();
    let text = format!(
        "sysname {token}\nsyslocation here\nsyscontact nobody\nrocommunity {READ}\nrocommunity6 {READ}\n\
         rwcommunity {WRITE}\nrwcommunity6 {WRITE}\ndontLogTCPWrappersConnects yes\n{users}{config}\n"
    );
    fs::write(directory.join("snmpd.conf"), text).expect("a configuration");
}

/// Starts snmpd by this command, which may be a wrapper that ends in it.
pub(super) fn spawn(command: &mut Command, directory: &Path, modules: &str, listen: &str) -> Child {
    let log = fs::File::create(directory.join("log")).expect("a log");
    command
        .args(["-f", "-C", "-I", modules, "-Lf"])
        .arg(directory.join("snmpd.log"))
        .arg("-c")
        .arg(directory.join("snmpd.conf"))
        .arg(listen)
        .env("MIBS", "")
        .env("SNMP_PERSISTENT_DIR", directory.join("persistent"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("snmpd (Debian: apt-get install snmpd)")
}

/// Waits for the agent's first answer. False where it has ended, or another process answers at its port.
pub(super) fn until_ready(child: &mut Child, address: SocketAddr, token: &str) -> bool {
    let began = Instant::now();
    let local = if address.is_ipv6() {
        Ipv6Addr::LOCALHOST.into()
    } else {
        std::net::IpAddr::from(Ipv4Addr::LOCALHOST)
    };
    let socket = UdpSocket::bind((local, 0)).expect("a socket");
    socket.connect(address).expect("a connected socket");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout");
    let mut buffer = [0; 1500];
    while began.elapsed() < PATIENCE {
        if child.try_wait().expect("the state of snmpd").is_some() {
            return false;
        }
        // A refused port ends recv at once, a silent one after the timeout.
        let _ = socket.send(&GET_SYS_NAME);
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let answer = buffer.get(..length).unwrap_or_default();
                return answer.windows(token.len()).any(|part| part == token.as_bytes());
            }
            Err(_) => std::thread::yield_now(),
        }
    }
    panic!("snmpd at {address} didn't answer within {PATIENCE:?}");
}

/// Waits until an agent answers, and so has dealt with everything that it had received before.
pub(crate) fn until_answering(address: SocketAddr) {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let socket = UdpSocket::bind(local).expect("a socket");
    socket.connect(address).expect("a connected socket");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let _ = socket.send(&GET_SYS_NAME);
        if socket.recv(&mut [0; 1500]).is_ok() {
            return;
        }
    }
    panic!("snmpd at {address} doesn't answer any more");
}

/// SNMPv2c, community "public", get sysName.0.
#[rustfmt::skip]
const GET_SYS_NAME: [u8; 40] = [
    0x30, 38, 2, 1, 1, 4, 6, b'p', b'u', b'b', b'l', b'i', b'c',
    0xa0, 25, 2, 1, 1, 2, 1, 0, 2, 1, 0, 0x30, 14, 0x30, 12, 6, 8, 0x2b, 6, 1, 2, 1, 1, 5, 0, 5, 0,
];
