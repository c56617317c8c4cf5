//! Directories that go away, ports nobody uses, and waiting for a condition.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

/// Looks at `condition` every few milliseconds until it holds or `limit` has passed. True when it held.
pub fn until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(3));
    }
}

/// Time since the machine started, as /proc/uptime counts it (hundredths of a second). Shell scripts can read
/// it without starting a process, so it dates what a simulator's script does.
pub fn uptime() -> Duration {
    let text = fs::read_to_string("/proc/uptime").expect("/proc/uptime");
    parse_seconds(text.split(' ').next().unwrap_or_default()).expect("seconds in /proc/uptime")
}

/// Seconds with a fraction, as scripts write them.
pub(crate) fn parse_seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

/// A directory of its own under the system's temporary one, removed with all it holds when dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes one. `name` helps whoever looks into the temporary directory.
    pub fn new(name: &str) -> TempDir {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("{name}.{}.{number}", std::process::id()));
            match fs::create_dir(&path) {
                Ok(()) => return TempDir(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => panic!("{}: {error}", path.display()),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file in it and tells where.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("write into a temporary directory");
        path
    }

    /// Writes a program in it and tells where.
    ///
    /// By another process: a file that this one has open for writing is open in whatever another thread of it starts
    /// at that moment, and can't be run meanwhile ("Text file busy").
    ///
    /// # Panics
    /// Where that fails.
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        let (source, path) = (self.write(&format!("{name}.text"), text), self.0.join(name));
        let install = Command::new("install").args(["-m", "755"]).args([&source, &path]).status();
        assert!(install.expect("install").success(), "{}", path.display());
        let _ = fs::remove_file(source);
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A UDP port of `address` that was free a moment ago. Somebody else may take it before it is used: whoever
/// hands it to a server checks that the server got it, and otherwise asks again.
pub fn free_udp_port(address: IpAddr) -> u16 {
    free_port(|port| UdpSocket::bind((address, port)).is_ok())
}

/// A TCP port of `address` that was free a moment ago, with the same caution as [`free_udp_port`].
pub fn free_tcp_port(address: IpAddr) -> u16 {
    free_port(|port| TcpListener::bind((address, port)).is_ok())
}

/// A port at which nobody listens, and that nobody else gets as long as this lives.
#[derive(Debug)]
pub struct Dead {
    address: SocketAddr,
    _held: OwnedFd,
}

impl Dead {
    /// A UDP port of this address. It is connected to itself, so that what anybody else sends there finds nobody.
    ///
    /// # Panics
    /// Where there is none.
    pub fn udp(address: IpAddr) -> Dead {
        let socket = UdpSocket::bind((address, 0)).expect("a port");
        let address = socket.local_addr().expect("its address");
        socket.connect(address).expect("the way to itself");
        Dead { address, _held: socket.into() }
    }

    /// A TCP port of 127.0.0.1. It is bound and doesn't listen.
    pub fn tcp() -> Dead {
        let address = Ipv4Addr::LOCALHOST.into();
        loop {
            if let Some(dead) = Dead::tcp_at(free_tcp_port(address)) {
                return dead;
            }
        }
    }

    /// This TCP port of 127.0.0.1, once nobody listens there any more.
    pub fn tcp_at(port: u16) -> Option<Dead> {
        let held = crate::faults::stream::bound(port)?;
        Some(Dead { address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), _held: held })
    }

    /// Where nobody is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Below the ports that the system gives to whoever asks for any (net.ipv4.ip_local_port_range): a server that
/// restarts finds its own free again.
fn free_port(is_free: impl Fn(u16) -> bool) -> u16 {
    const FROM: u32 = 10_000;
    const UNTIL: u32 = 32_000;
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // Each process begins elsewhere.
    let offset = u64::from(std::process::id()).wrapping_mul(7919);
    let candidates = (FROM..UNTIL).map(|_| {
        let step = offset.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(u64::from(FROM) + step % u64::from(UNTIL - FROM)).expect("a port")
    });
    candidates.into_iter().find(|port| is_free(*port)).expect("a free port")
}

/// Whether the process `pid` itself holds a UDP socket bound to `port`.
pub fn holds_udp_port(pid: u32, port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    let inodes: Vec<String> = ["/proc/net/udp", "/proc/net/udp6"]
        .iter()
        .flat_map(|table| {
            let text = fs::read_to_string(table).unwrap_or_default();
            let rows = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
            rows.filter(|row| row.get(1).is_some_and(|local| local.ends_with(&wanted)))
                .filter_map(|row| row.get(9).map(|inode| format!("socket:[{inode}]")))
                .collect::<Vec<_>>()
        })
        .collect();
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .any(|target| inodes.iter().any(|inode| target == Path::new(inode)))
}

/// Sees to it that a program starts as if nobody had changed what signals do: a shell that starts tests in the background
/// has them ignore SIGINT and SIGQUIT, and every program inherits that.
pub fn with_default_signals(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only system calls are made, and none of them runs code of ours.
    unsafe {
        command.pre_exec(|| {
            for signal in 1..=31 {
                libc::signal(signal, libc::SIG_DFL);
            }
            let mut none = std::mem::MaybeUninit::uninit();
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
            Ok(())
        })
    }
}

/// A running program at the head of its own process group; the whole group is killed when this is dropped.
#[derive(Debug)]
pub struct Group(Child);

impl Group {
    /// Starts `command` in a group of its own.
    pub fn start(command: &mut Command) -> io::Result<Group> {
        use std::os::unix::process::CommandExt;
        command.process_group(0).spawn().map(Group)
    }

    /// The process id of the first process, which is the group's id as well.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether the first process has ended.
    pub fn ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// The exit code of the first process; `None` while it runs, and where a signal ended it.
    pub fn code(&mut self) -> Option<i32> {
        self.0.try_wait().ok()??.code()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // SAFETY: kill takes two numbers. The group can't be somebody else's: its leader is our child and not
        // yet reaped, or its members are what the leader left behind under the same id.
        unsafe { libc::kill(-(self.0.id() as i32), libc::SIGKILL) };
        let _ = self.0.wait();
    }
}

/// Ends the whole test program where what it guards takes longer than any machine needs: a test that would hang fails
/// instead, and says so.
pub struct Watchdog {
    _alive: std::sync::mpsc::Sender<()>,
}

impl Watchdog {
    /// Guards what happens until it is dropped.
    ///
    /// # Panics
    /// Where the system has no thread left.
    pub fn after(limit: Duration) -> Watchdog {
        let (alive, gone) = std::sync::mpsc::channel::<()>();
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || {
                if gone.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                    eprintln!("{test}: still going on after {} s", limit.as_secs());
                    std::process::abort();
                }
            })
            .expect("a thread");
        Watchdog { _alive: alive }
    }
}
