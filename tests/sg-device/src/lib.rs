//! Preloaded into fence_scsi (`LD_PRELOAD`), this puts a test in the place of the kernel's SCSI layer.
//!
//! Every path below the directory in `SG_DEVICES` is a Unix socket that a test listens on. The agent sees a block
//! device there, opening it connects, and what it hands to `SG_IO` travels over the connection. `SG_IO` never
//! reaches the kernel, whatever the descriptor: no command can meet a real disk. Without this library the agent
//! finds sockets, which it refuses.
//!
//! `/var/run` is the directory in `SG_RUN`, so that many agents at once keep state files of their own. What sysfs has of
//! these devices is below the directory in `SG_SYS`, by their minor numbers: `SG_SYS/MINOR/dm/uuid` makes a map of one.
//!
//! On a connection, all numbers in this machine's byte order:
//! - the test begins with an `i32`: 0, or the errno with which opening fails;
//! - each request is four `u32` (length of the command block; 0 no data, 1 to the device, 2 from the device; length
//!   of the data; time limit in milliseconds), the command block, and the data to the device;
//! - each answer is six `i32` (errno of the call, status, host, driver, residual, length of the sense data) and a
//!   `u32` (length of the data from the device), the sense data, and the data.

use std::ffi::CStr;
use std::mem::{offset_of, size_of};

use libc::{c_char, c_int, c_long, c_uint, c_ulong, c_void, mode_t};

/// `struct sg_io_hdr` of Linux (include/scsi/sg.h).
#[repr(C)]
struct Header {
    interface_id: c_int,
    direction: c_int,
    cdb_length: u8,
    sense_room: u8,
    iovec_count: u16,
    data_length: c_uint,
    data: *mut c_void,
    cdb: *mut u8,
    sense: *mut u8,
    timeout: c_uint,
    flags: c_uint,
    pack_id: c_int,
    pointer: *mut c_void,
    status: u8,
    masked_status: u8,
    message_status: u8,
    sense_written: u8,
    host_status: u16,
    driver_status: u16,
    residual: c_int,
    duration: c_uint,
    info: c_uint,
}

const SG_IO: c_ulong = 0x2285;
const TO_DEVICE: c_int = -2;
const FROM_DEVICE: c_int = -3;

/// A major number that Linux gives to nobody: what sysfs itself says of these devices is nothing.
const MAJOR: u32 = 4000;

/// What a test's directory stands for, and the variable with its path. What follows in a path is taken as it is.
const MOVED: [(&[u8], &CStr); 2] = [(b"/var/run", c"SG_RUN"), (b"/sys/dev/block/4000:", c"SG_SYS")];
const PATH_ROOM: usize = 4096;

fn variable(name: &CStr) -> Option<&'static [u8]> {
    // SAFETY: the name ends with 0; the agent changes its environment before it has more than one thread, and
    // never these variables.
    let value = unsafe { libc::getenv(name.as_ptr()) };
    // SAFETY: getenv returns text that ends with 0.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_bytes())
}

/// Whether a device stands there.
///
/// SAFETY: `path` is null or ends with 0.
unsafe fn is_device(path: *const c_char) -> bool {
    // SAFETY: said by the caller.
    let path = (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) }.to_bytes());
    path.and_then(|path| below(path, variable(c"SG_DEVICES"))).is_some_and(|rest| !rest.is_empty())
}

/// The path in the place of one that a directory of the test stands for.
///
/// SAFETY: `path` is null or ends with 0.
unsafe fn moved_path(path: *const c_char) -> Option<[u8; PATH_ROOM]> {
    // SAFETY: said by the caller.
    let path = (!path.is_null()).then(|| unsafe { CStr::from_ptr(path) }.to_bytes())?;
    let (rest, directory) = MOVED.iter().find_map(|(from, to)| {
        let rest = path.strip_prefix(*from)?;
        // A number follows, or a name below it.
        let whole = from.ends_with(b":") || rest.first().is_none_or(|byte| *byte == b'/');
        Some((rest, variable(to)?)).filter(|_| whole)
    })?;
    let between: &[u8] = if rest.first().is_none_or(|byte| *byte == b'/') { b"" } else { b"/" };
    let mut buffer = [0; PATH_ROOM];
    let bytes = directory.iter().chain(between).chain(rest);
    for (place, byte) in buffer[..PATH_ROOM - 1].iter_mut().zip(bytes) {
        *place = *byte;
    }
    Some(buffer)
}

fn below<'a>(path: &'a [u8], directory: Option<&[u8]>) -> Option<&'a [u8]> {
    path.strip_prefix(directory?).filter(|rest| rest.first().is_none_or(|byte| *byte == b'/'))
}

/// The path to hand to the kernel.
fn named(moved: &Option<[u8; PATH_ROOM]>, path: *const c_char) -> *const c_char {
    moved.as_ref().map_or(path, |buffer| buffer.as_ptr().cast())
}

fn fail(errno: c_int) -> c_int {
    // SAFETY: the C library's own variable of this thread.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// `open`: connects where a device stands.
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the path is as the caller of `open` has to give it.
    unsafe {
        if is_device(path) {
            return connect(CStr::from_ptr(path).to_bytes());
        }
        let moved = moved_path(path);
        libc::syscall(libc::SYS_openat, libc::AT_FDCWD, named(&moved, path), flags, mode) as c_int
    }
}

/// The same under its other name.
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the same function.
    unsafe { open64(path, flags, mode) }
}

/// `statx`: a socket that is a device is shown as one.
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn statx(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    mask: c_uint,
    found: *mut libc::statx,
) -> c_int {
    // SAFETY: path and buffer are as the caller of `statx` has to give them.
    unsafe {
        let moved = moved_path(path);
        let result =
            libc::syscall(libc::SYS_statx, directory, named(&moved, path), flags, mask, found) as c_int;
        if result != 0 || u32::from((*found).stx_mode) & libc::S_IFMT != libc::S_IFSOCK {
            return result;
        }
        let number = if is_device(path) {
            Some(minor(CStr::from_ptr(path).to_bytes()))
        } else if flags & libc::AT_EMPTY_PATH != 0 {
            device_behind(directory)
        } else {
            None
        };
        if let Some(number) = number {
            (*found).stx_mode = (libc::S_IFBLK | 0o600) as u16;
            (*found).stx_rdev_major = MAJOR;
            (*found).stx_rdev_minor = number;
        }
        result
    }
}

/// `opendir`, for what sysfs has of a map.
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn opendir(path: *const c_char) -> *mut libc::DIR {
    // SAFETY: the path is as the caller has to give it; the descriptor is nobody else's.
    unsafe {
        let moved = moved_path(path);
        let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
        let opened = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, named(&moved, path), flags, 0) as c_int;
        if opened < 0 { std::ptr::null_mut() } else { libc::fdopendir(opened) }
    }
}

/// `mkdir`, for the directory of the state files.
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mkdir(path: *const c_char, mode: mode_t) -> c_int {
    // SAFETY: the path is as the caller has to give it.
    unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, named(&moved_path(path), path), mode) as c_int }
}

/// `unlink`, for the state files.
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    // SAFETY: the path is as the caller has to give it.
    unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, named(&moved_path(path), path), 0) as c_int }
}

/// `rename`, for the state files.
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    // SAFETY: the paths are as the caller has to give them.
    unsafe {
        let (old, new) = (moved_path(from), moved_path(to));
        let (old, new) = (named(&old, from), named(&new, to));
        libc::syscall(libc::SYS_renameat2, libc::AT_FDCWD, old, libc::AT_FDCWD, new, 0) as c_int
    }
}

/// `ioctl`: `SG_IO` goes to the test, never to the kernel.
///
/// # Safety
/// As of the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioctl(descriptor: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    // SAFETY: with SG_IO the argument is a header as the kernel wants it; everything else is the kernel's.
    unsafe {
        if request & 0xffff_ffff != SG_IO {
            return libc::syscall(libc::SYS_ioctl, descriptor, request, argument) as c_int;
        }
        if device_behind(descriptor).is_none() {
            return fail(libc::ENOTTY);
        }
        match exchange(descriptor, &mut *argument.cast::<Header>()) {
            Some(0) => 0,
            Some(errno) => fail(errno),
            // The test has hung up: the device has been removed.
            None => fail(libc::ENODEV),
        }
    }
}

/// SAFETY: the header is as `SG_IO` wants it.
unsafe fn exchange(socket: c_int, header: &mut Header) -> Option<c_int> {
    let direction = match header.direction {
        TO_DEVICE => 1_u32,
        FROM_DEVICE => 2,
        _ => 0,
    };
    let numbers = [u32::from(header.cdb_length), direction, header.data_length, header.timeout];
    // SAFETY: each pointer of the header comes with its length.
    unsafe {
        send(socket, numbers.as_ptr().cast(), size_of_val(&numbers))?;
        send(socket, header.cdb, usize::from(header.cdb_length))?;
        if header.direction == TO_DEVICE {
            send(socket, header.data.cast(), header.data_length as usize)?;
        }
        let mut answer = [0_i32; 7];
        receive(socket, answer.as_mut_ptr().cast(), size_of_val(&answer))?;
        let [errno, status, host, driver, residual, sense, data] = answer;
        let (sense, data) = (u8::try_from(sense).ok()?, u32::try_from(data).ok()?);
        if sense > header.sense_room || data > header.data_length {
            return None;
        }
        receive(socket, header.sense, usize::from(sense))?;
        receive(socket, header.data.cast(), data as usize)?;
        header.status = status as u8;
        header.host_status = host as u16;
        header.driver_status = driver as u16;
        header.residual = residual;
        header.sense_written = sense;
        Some(errno)
    }
}

fn address(path: &[u8]) -> Option<libc::sockaddr_un> {
    // SAFETY: plain numbers, for which zero is a value.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    if path.len() >= address.sun_path.len() {
        return None;
    }
    for (place, byte) in address.sun_path.iter_mut().zip(path) {
        *place = *byte as c_char;
    }
    Some(address)
}

fn connect(path: &[u8]) -> c_int {
    let Some(address) = address(path) else { return fail(libc::ENAMETOOLONG) };
    // SAFETY: the address lives through the calls, and its length is its own.
    unsafe {
        let socket = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        if socket < 0 {
            return -1;
        }
        let length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
        let mut errno = libc::ENXIO;
        let connected = libc::connect(socket, (&raw const address).cast(), length) == 0
            && receive(socket, (&raw mut errno).cast(), size_of::<c_int>()).is_some()
            && errno == 0;
        if connected {
            return socket;
        }
        libc::close(socket);
        fail(if errno == 0 { libc::ENXIO } else { errno })
    }
}

/// The minor number of the device that this descriptor is connected with.
fn device_behind(descriptor: c_int) -> Option<u32> {
    let mut peer = address(b"")?;
    let mut length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: the address lives through the call, and its length is its own.
    if unsafe { libc::getpeername(descriptor, (&raw mut peer).cast(), &raw mut length) } != 0
        || peer.sun_family != libc::AF_UNIX as libc::sa_family_t
    {
        return None;
    }
    let room = (length as usize).checked_sub(offset_of!(libc::sockaddr_un, sun_path))?;
    let bytes = peer.sun_path.map(|byte| byte as u8);
    let path = bytes.get(..room.min(bytes.len()))?.split(|byte| *byte == 0).next()?;
    below(path, variable(c"SG_DEVICES")).map(|_| minor(path))
}

/// A number made of the path (FNV-1a), within the 20 bits that Linux has for it.
fn minor(path: &[u8]) -> u32 {
    let hash = path.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    (hash ^ hash >> 32) as u32 & 0xf_ffff
}

/// SAFETY: so many bytes may be read there.
unsafe fn send(socket: c_int, mut from: *const u8, mut length: usize) -> Option<()> {
    while length > 0 {
        // SAFETY: said by the caller.
        let sent = unsafe { libc::send(socket, from.cast(), length, libc::MSG_NOSIGNAL) };
        let sent = moved(sent as c_long)?;
        // SAFETY: no more than the length.
        from = unsafe { from.add(sent) };
        length -= sent;
    }
    Some(())
}

/// SAFETY: so many bytes may be written there.
unsafe fn receive(socket: c_int, mut to: *mut u8, mut length: usize) -> Option<()> {
    while length > 0 {
        // SAFETY: said by the caller.
        let received = unsafe { libc::recv(socket, to.cast(), length, 0) };
        if received == 0 {
            return None;
        }
        let received = moved(received as c_long)?;
        // SAFETY: no more than the length.
        to = unsafe { to.add(received) };
        length -= received;
    }
    Some(())
}

/// How many bytes a call moved; `None` where the connection is broken.
fn moved(result: c_long) -> Option<usize> {
    match usize::try_from(result) {
        Ok(count) => Some(count),
        Err(_) if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => Some(0),
        Err(_) => None,
    }
}
