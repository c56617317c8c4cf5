//! The sockets that stand for disks, and what goes over them (`tests/sg-device` is the other end).

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::lun::Nexus;
use super::scene::{AGENTS, Act, Done, Scene, Way, What, Wire};
use crate::relay::poll_readable;

/// The most units a node has.
pub(super) const UNITS: usize = 6;

const TO_DEVICE: u32 = 1;
const FROM_DEVICE: u32 = 2;
/// DID_TIME_OUT (Linux, include/scsi/scsi_status.h).
const TIMED_OUT: u16 = 0x03;
/// Where READ RESERVATION has scope and type.
const TYPE_AT: usize = 21;

/// The path of a node to a unit, below the directory of the devices.
pub(super) fn path(devices: &Path, node: Nexus, unit: usize) -> PathBuf {
    devices.join(format!("n{node}d{unit}"))
}

/// The path below a node's map of a unit, counted from 1.
pub(super) fn path_below(devices: &Path, node: Nexus, unit: usize, number: usize) -> PathBuf {
    devices.join(format!("n{node}d{unit}p{number}"))
}

/// Sockets of two nodes with a path to each unit.
#[derive(Debug)]
pub(super) struct Sockets {
    devices: PathBuf,
    scene: Arc<Mutex<Option<Scene>>>,
    over: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Sockets {
    /// Listens below a directory; with so many paths below the map that each unit is then for the first node.
    pub(super) fn below(devices: &Path, paths: usize) -> Sockets {
        fs::create_dir(devices).expect("a directory for sockets");
        let way = |node, unit, path| Way { node, unit, path, stray: false };
        let whole = (0..AGENTS).flat_map(|node| (0..UNITS).map(move |unit| way(node, unit, 0)));
        let parts = (0..UNITS).flat_map(|unit| (1..=paths).map(move |path| way(0, unit, path)));
        let listeners: Vec<(Way, UnixListener)> = whole
            .chain(parts)
            .map(|way| {
                let place = match way.path {
                    0 => path(devices, way.node, way.unit),
                    number => path_below(devices, way.node, way.unit, number),
                };
                let listener = UnixListener::bind(place).expect("a socket");
                listener.set_nonblocking(true).expect("a socket that doesn't wait");
                (way, listener)
            })
            .collect();
        let scene: Arc<Mutex<Option<Scene>>> = Arc::default();
        let over = Arc::new(AtomicBool::new(false));
        let (its_scene, its_over) = (Arc::clone(&scene), Arc::clone(&over));
        let acceptor = std::thread::spawn(move || {
            let descriptors: Vec<_> = listeners.iter().map(|(_, one)| one.as_raw_fd()).collect();
            while !its_over.load(Ordering::Relaxed) {
                poll_readable(&descriptors, None);
                for (way, listener) in &listeners {
                    while let Ok((connection, _)) = listener.accept() {
                        let scene = its_scene.lock().unwrap_or_else(PoisonError::into_inner).clone();
                        let way = *way;
                        if let Some(scene) = scene {
                            std::thread::spawn(move || serve(&scene, way, connection));
                        }
                    }
                }
            }
        });
        Sockets { devices: devices.to_owned(), scene, over, acceptor: Some(acceptor) }
    }

    /// What stands behind the sockets from now on.
    pub(super) fn show(&self, scene: Option<Scene>) {
        *self.scene.lock().unwrap_or_else(PoisonError::into_inner) = scene;
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.show(None);
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread.
        let _ = UnixStream::connect(path(&self.devices, 0, 0));
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

/// One request.
struct Request {
    cdb: Vec<u8>,
    room: usize,
    list: Vec<u8>,
    limit: Duration,
}

/// Serves a connection until the agent's process hangs up, or the device does.
fn serve(scene: &Scene, mut way: Way, mut connection: UnixStream) {
    // Also gone: what an agent of an earlier run has left in the queue.
    if connection.set_nonblocking(false).is_err() || way.unit >= scene.world().units.len() {
        return;
    }
    let opened = scene.world().opened(way);
    let errno = match opened {
        Ok(stray) => {
            way.stray = stray;
            0
        }
        Err(What::Answered { wire, .. }) => wire.errno,
        Err(What::Slow { takes, .. }) => {
            std::thread::sleep(takes);
            0
        }
        Err(_) => {
            wait_for_end(scene, &connection, None);
            return;
        }
    };
    if connection.write_all(&errno.to_ne_bytes()).is_err() || errno != 0 {
        return;
    }
    while let Ok(request) = read(&mut connection) {
        let begun = Instant::now();
        let answer = answer(scene, way, &request, &connection);
        scene.world().waited(begun.elapsed());
        let Some(wire) = answer else { return };
        if write(&mut connection, &request, &wire).is_err() {
            return;
        }
    }
}

/// What the agent gets; `None` where the device hangs up.
fn answer(scene: &Scene, way: Way, request: &Request, connection: &UnixStream) -> Option<Wire> {
    let Request { cdb, list, .. } = request;
    let unit = way.unit;
    let execute = || scene.world().execute(way, cdb, list);
    let later = |after| {
        let (cdb, list) = (cdb.clone(), list.clone());
        scene.later(after, move |world| drop(world.execute(way, &cdb, &list)));
    };
    let what = scene.world().meets(way, cdb);
    let mut altered = false;
    let wire = match what {
        None => execute(),
        Some(What::Answered { wire, done }) => {
            let data = if done { execute().data } else { Vec::new() };
            // Sense data that reports success comes with the data, all other without.
            altered = !wire.reports_success();
            if altered { wire } else { Wire { data, ..wire } }
        }
        Some(What::Slow { takes, first }) => {
            let answer = first.then(execute);
            std::thread::sleep(takes);
            answer.unwrap_or_else(execute)
        }
        Some(What::Hangs { done, returns }) => {
            match done {
                Done::Never => {}
                Done::AtOnce => drop(execute()),
                Done::After(after) => later(after),
            }
            altered = true;
            wait_for_end(scene, connection, returns.then_some(request.limit));
            returns.then(|| Wire { host: TIMED_OUT, ..Wire::default() })?
        }
        Some(What::Truncated { keep, silent }) => {
            let mut wire = execute();
            altered = wire.data.len() > keep;
            wire.data.truncate(keep);
            wire.residual = (silent && altered).then_some(0);
            wire
        }
        Some(What::Corrupted(flips)) => {
            let mut world = scene.world();
            let fenced_off = world.units[unit].lun.is_fenced_off();
            let mut wire = world.execute(way, cdb, list);
            let length = wire.data.len();
            for (at, bit) in flips.iter().filter(|_| length > 0) {
                let at = at % length;
                // Another type must not become the one that fences: such data agrees with itself, and nobody who
                // reads it can tell.
                if fenced_off || at != TYPE_AT {
                    wire.data[at] ^= 1 << (bit % 8);
                    altered = true;
                }
            }
            wire
        }
        Some(What::Acknowledged(done)) => {
            match done {
                Done::Never => {}
                Done::AtOnce => return Some(execute()),
                Done::After(after) => later(after),
            }
            scene.world().pretend(way, cdb, list)
        }
        Some(What::Reverts(after)) => {
            scene.later(after, move |world| world.act(unit, Act::VictimReturns));
            execute()
        }
        Some(What::RefusesWhatIsSo(wire)) => {
            let mut world = scene.world();
            altered = world.is_so(way, cdb, list);
            if altered { wire } else { world.execute(way, cdb, list) }
        }
        Some(What::Acts(_) | What::Stale(_) | What::Restarts(_) | What::Replaced(_) | What::Renamed(_)) => {
            execute()
        }
        Some(What::Vanishes(_)) => return None,
        Some(What::Kills) => {
            kill_caller(connection);
            return None;
        }
    };
    if !altered {
        scene.world().was_told(way, cdb, &wire);
    }
    Some(wire)
}

/// Waits until the other end is closed, or a limit has passed.
fn wait_for_end(scene: &Scene, connection: &UnixStream, limit: Option<Duration>) {
    let begun = Instant::now();
    poll_readable(&[connection.as_raw_fd()], limit);
    scene.world().waited(begun.elapsed());
}

/// Kills the process that waits for an answer on this connection: the child that was to ask this device.
fn kill_caller(connection: &UnixStream) {
    let mut caller = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the buffer is as long as is said, and kill takes two numbers. The process can't be somebody else's: it
    // holds the other end, and waits.
    unsafe {
        let known = libc::getsockopt(
            connection.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut caller).cast(),
            &raw mut length,
        );
        if known == 0 && caller.pid > 1 {
            libc::kill(caller.pid, libc::SIGKILL);
        }
    }
}

fn read(connection: &mut UnixStream) -> io::Result<Request> {
    let mut head = [0; 16];
    connection.read_exact(&mut head)?;
    let number = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let (direction, length) = (number(4), number(8) as usize);
    let mut cdb = vec![0; number(0) as usize];
    connection.read_exact(&mut cdb)?;
    let mut list = vec![0; if direction == TO_DEVICE { length } else { 0 }];
    connection.read_exact(&mut list)?;
    let room = if direction == FROM_DEVICE { length } else { 0 };
    Ok(Request { cdb, room, list, limit: Duration::from_millis(number(12).into()) })
}

fn write(connection: &mut UnixStream, request: &Request, wire: &Wire) -> io::Result<()> {
    let data = &wire.data[..wire.data.len().min(request.room)];
    // What was sent has been taken where the command was carried out, and not where it wasn't.
    let left = if request.room > 0 {
        request.room - data.len()
    } else if wire.status == 0 && wire.host == 0 {
        0
    } else {
        request.list.len()
    };
    let residual = wire.residual.unwrap_or(left as i32);
    let numbers = [
        wire.errno,
        wire.status.into(),
        wire.host.into(),
        wire.driver.into(),
        residual,
        wire.sense.len() as i32,
        data.len() as i32,
    ];
    let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
    bytes.extend_from_slice(&wire.sense);
    bytes.extend_from_slice(data);
    connection.write_all(&bytes)
}
