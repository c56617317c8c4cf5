//! A virtual machine with shared SCSI disks: two nodes, real persistent reservations.
//!
//! QEMU runs a Linux kernel without hardware acceleration; inside, the kernel's own target exports RAM disks
//! over iSCSI on the guest's loopback and the same kernel logs in under two initiator names. What a test finds
//! there is described in `tests/guest/lio`. The image is built and cached by `tests/guest/build.sh`.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the guest may take from start to the first command on a busy machine. It takes about 8 s on an idle one.
const START_LIMIT: Duration = Duration::from_secs(180);

/// Lists the original and the files of all modules that are loaded once it has printed its metadata.
const LOADED_MODULES: &str = r#"
import os, runpy, sys
agent = "/usr/sbin/fence_scsi"
sys.argv = [agent, "-o", "metadata"]
out, sys.stdout = sys.stdout, open(os.devnull, "w")
try:
    runpy.run_path(agent, run_name="__main__")
except SystemExit:
    pass
files = {agent}
for module in list(sys.modules.values()):
    for name in ("__file__", "__cached__"):
        files.add(getattr(module, name, None) or "")
for path in sorted(files):
    if path.startswith("/usr") and os.path.exists(path):
        print(path, file=out)
"#;

/// What goes into a guest, before it starts.
pub struct GuestBuilder {
    luns: u32,
    two_paths: bool,
    processors: u32,
    memory_mb: u32,
    extra: Archive,
}

impl Default for GuestBuilder {
    fn default() -> GuestBuilder {
        GuestBuilder::new()
    }
}

impl GuestBuilder {
    /// Two shared LUNs, one path from each node to each.
    pub fn new() -> GuestBuilder {
        GuestBuilder { luns: 2, two_paths: false, processors: 1, memory_mb: 384, extra: Archive::default() }
    }

    /// How many LUNs the two nodes share.
    pub fn luns(mut self, luns: u32) -> GuestBuilder {
        self.luns = luns;
        self
    }

    /// Two paths from each node to each LUN, and a device-mapper multipath map over them.
    pub fn two_paths(mut self) -> GuestBuilder {
        self.two_paths = true;
        self
    }

    /// How many processors the guest has: each is a thread of this machine.
    pub fn processors(mut self, processors: u32) -> GuestBuilder {
        self.processors = processors;
        self
    }

    /// Memory of the guest in MiB; everything put into the image is held in it too.
    pub fn memory_mb(mut self, memory_mb: u32) -> GuestBuilder {
        self.memory_mb = memory_mb;
        self
    }

    /// Puts a file into the image: absolute path in the guest, permission bits.
    pub fn file(mut self, path: &str, mode: u32, content: &[u8]) -> GuestBuilder {
        self.extra.file(path, mode, content);
        self
    }

    /// Puts a program of this machine into the image under `path`, without its debug information, and the
    /// shared libraries it loads.
    pub fn program(mut self, host: &Path, path: &str) -> io::Result<GuestBuilder> {
        let scratch = Scratch::new()?;
        let stripped = scratch.0.join("program");
        let strip = Command::new("strip").arg("-o").arg(&stripped).arg(host).output();
        let content = match strip {
            Ok(output) if output.status.success() => fs::read(&stripped)?,
            _ => fs::read(host)?,
        };
        self.extra.file(path, 0o755, &content);
        let ldd = Command::new("ldd").arg(host).output()?;
        for library in
            String::from_utf8_lossy(&ldd.stdout).split_whitespace().filter(|word| word.starts_with('/'))
        {
            self.extra.file(library, 0o755, &fs::read(library)?);
        }
        Ok(self)
    }

    /// Puts the Python original, /usr/sbin/fence_scsi of this machine, into the image under the same path, with
    /// the interpreter and every module it loads. It takes 2 s there to do anything.
    pub fn original(mut self) -> io::Result<GuestBuilder> {
        let listed = Command::new("/usr/bin/python3").args(["-c", LOADED_MODULES]).output()?;
        if !listed.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&listed.stderr).into_owned()));
        }
        self = self.program(&fs::canonicalize("/usr/bin/python3")?, "/usr/bin/python3")?;
        for path in String::from_utf8_lossy(&listed.stdout).lines() {
            self = if path.ends_with(".so") {
                self.program(Path::new(path), path)?
            } else {
                self.file(path, 0o755, &fs::read(path)?)
            };
        }
        Ok(self)
    }

    /// Starts the guest and waits until it takes commands.
    pub fn start(self) -> io::Result<Guest> {
        let image = build_image()?;
        let scratch = Scratch::new()?;
        let (initramfs, socket, console) =
            (scratch.0.join("initramfs"), scratch.0.join("rpc"), scratch.0.join("console"));
        let mut file = fs::File::create(&initramfs)?;
        io::copy(&mut fs::File::open(image.join("initramfs"))?, &mut file)?;
        // The kernel unpacks archives that follow one another, each starting at a multiple of four.
        let length = file.metadata()?.len();
        file.write_all(&vec![0; (length.next_multiple_of(4) - length) as usize])?;
        file.write_all(&self.extra.finish())?;
        drop(file);

        let paths = if self.two_paths { 2 } else { 1 };
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args([
            "-M",
            "q35",
            "-accel",
            "tcg",
            "-cpu",
            "max",
            "-display",
            "none",
            "-no-reboot",
            "-nodefaults",
        ])
        .args(["-m", &self.memory_mb.to_string()])
        .args(["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=c,name=rpc"])
        .arg("-serial")
        .arg(format!("file:{}", console.display()))
        .arg("-chardev")
        .arg(format!("socket,id=c,path={},server=on,wait=off", socket.display()))
        .arg("-kernel")
        .arg(image.join("kernel"))
        .arg("-initrd")
        .arg(&initramfs)
        .arg("-append")
        // On a busy machine the kernel's own test of the timer fails, and it panics.
        .arg(format!("console=ttyS0 quiet panic=-1 no_timer_check NLUN={} PATHS={paths}", self.luns))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(scratch.0.join("qemu"))?);
        let qemu = Running(qemu.spawn().map_err(|error| about("qemu-system-x86_64", error))?);
        Guest::connect(qemu, scratch, &socket)
    }
}

/// What a script in the guest left behind.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code of the shell.
    pub code: i32,
    /// Its standard output, with what isn't UTF-8 replaced.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
}

/// A running guest; dropping it kills it, and it powers itself off when this process ends without that: a guest
/// in a `static` is fine.
pub struct Guest {
    channel: Mutex<UnixStream>,
    waiting: Arc<Mutex<HashMap<u64, Sender<Output>>>>,
    next: AtomicU64,
    started_in: Duration,
    console: Mutex<fs::File>,
    _qemu: Running,
}

impl Guest {
    fn connect(mut qemu: Running, scratch: Scratch, socket: &Path) -> io::Result<Guest> {
        let begun = Instant::now();
        let channel = loop {
            match UnixStream::connect(socket) {
                Ok(channel) => break channel,
                Err(error) if begun.elapsed() > START_LIMIT => {
                    return Err(about("the guest's channel", error));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
            if qemu.0.try_wait()?.is_some() {
                return Err(io::Error::other(scratch.tail("qemu")));
            }
        };
        channel.set_read_timeout(Some(START_LIMIT))?;
        let mut reader = BufReader::new(channel.try_clone()?);
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(_) if line.starts_with("ready") => {}
            Ok(_) => {
                return Err(io::Error::other(format!(
                    "the guest died at start:\n{}",
                    scratch.tail("console")
                )));
            }
            Err(error) => return Err(about(&format!("no guest:\n{}", scratch.tail("console")), error)),
        }
        channel.set_read_timeout(None)?;
        let waiting: Arc<Mutex<HashMap<u64, Sender<Output>>>> = Arc::default();
        let answers = Arc::clone(&waiting);
        std::thread::spawn(move || {
            while let Ok((id, output)) = read_answer(&mut reader) {
                if let Some(asker) = lock(&answers).remove(&id) {
                    let _ = asker.send(output);
                }
            }
            lock(&answers).clear();
        });
        Ok(Guest {
            channel: Mutex::new(channel),
            waiting,
            next: AtomicU64::new(1),
            started_in: begun.elapsed(),
            // QEMU has opened all it needs: no file stays behind, however this process ends.
            console: Mutex::new(fs::File::open(scratch.0.join("console"))?),
            _qemu: qemu,
        })
    }

    /// Runs a shell script in the guest and waits for its end, `limit` at most. Scripts may be run from several
    /// threads at once, and one that never ends doesn't keep the others from running.
    pub fn run(&self, script: &str, limit: Duration) -> io::Result<Output> {
        self.begin(script)?.finish(limit)
    }

    /// Starts a shell script in the guest and leaves it running.
    pub fn begin(&self, script: &str) -> io::Result<Job> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = mpsc::channel();
        lock(&self.waiting).insert(id, sender);
        let lines = script.lines().count();
        let mut request = format!("{id} {lines}\n");
        for line in script.lines() {
            request.push_str(line);
            request.push('\n');
        }
        lock(&self.channel).write_all(request.as_bytes())?;
        Ok(Job { answer })
    }

    /// What the guest's kernel and its init have written so far.
    pub fn console(&self) -> String {
        let mut console = lock(&self.console);
        let mut bytes = Vec::new();
        let _ = console.rewind().and_then(|()| console.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The time from the start of QEMU to the first command.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }
}

/// A script that runs in the guest.
pub struct Job {
    answer: Receiver<Output>,
}

impl Job {
    /// Waits for the script's end, `limit` at most.
    pub fn finish(self, limit: Duration) -> io::Result<Output> {
        self.answer.recv_timeout(limit).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => {
                io::Error::new(io::ErrorKind::TimedOut, format!("no end of the script within {limit:?}"))
            }
            mpsc::RecvTimeoutError::Disconnected => io::Error::other("the guest is gone"),
        })
    }
}

fn read_answer(reader: &mut impl BufRead) -> io::Result<(u64, Output)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let garbled = || io::Error::new(io::ErrorKind::InvalidData, format!("no answer: {line:?}"));
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let [id, code, out, err] = fields.as_slice() else { return Err(garbled()) };
    let mut text = |length: u64| {
        let mut bytes = vec![0; length as usize];
        reader.read_exact(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok((*id, Output { code: *code as i32, stdout: text(*out)?, stderr: text(*err)? }))
}

/// The directory with the guest's kernel and initramfs, built where it isn't there yet.
fn build_image() -> io::Result<PathBuf> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cache =
        std::env::var_os("GUEST_CACHE").map_or_else(|| peers.join("../../target/guest-cache"), PathBuf::from);
    let build = Command::new(peers.join("../guest/build.sh")).arg(cache).stdin(Stdio::null()).output()?;
    if !build.status.success() {
        let log = String::from_utf8_lossy(&build.stderr).into_owned();
        return Err(io::Error::other(format!("tests/guest/build.sh: {}\n{log}", build.status)));
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&build.stdout).trim()))
}

/// An archive in the format the kernel unpacks: cpio "newc" (Linux, Documentation/driver-api/early-userspace/
/// buffer-format.rst).
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    names: HashMap<String, ()>,
}

impl Archive {
    fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        let path = path.trim_matches('/');
        for (at, _) in path.match_indices('/') {
            self.entry(&path[..at], 0o040_755, b"");
        }
        self.entry(path, 0o100_000 | mode, content);
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        if self.names.insert(name.to_string(), ()).is_some() {
            return;
        }
        let links = 1;
        let fields =
            [self.names.len(), mode as usize, 0, 0, links, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.align();
        self.bytes.extend_from_slice(content);
        self.align();
    }

    fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, b"");
        self.bytes
    }
}

/// A process that is killed when it goes out of scope.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory that is removed when it goes out of scope.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Scratch> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("guest-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Scratch(path))
    }

    /// The end of a log in the directory.
    fn tail(&self, name: &str) -> String {
        let log = String::from_utf8_lossy(&fs::read(self.0.join(name)).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn about(what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
