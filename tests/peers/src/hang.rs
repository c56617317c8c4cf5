//! A file system that doesn't answer, as one on a dead server or a frozen cluster: whoever touches it waits in the
//! kernel. Later it may begin to answer, with one file in it.
//!
//! It is a FUSE file system (linux/fuse.h, protocol 7.31) whose server reads no request until it is told to.

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::util::TempDir;

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const SETATTR: u32 = 4;
const OPEN: u32 = 14;
const WRITE: u32 = 16;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const CREATE: u32 = 35;
const BATCH_FORGET: u32 = 42;

/// The numbers of the directory and of the one file.
const ROOT: u64 = 1;
const FILE: u64 = 2;

/// The folder. It exists for the thread that made it and for what that thread starts, in a mount namespace of their
/// own.
pub struct HungFolder {
    folder: TempDir,
    device: File,
    content: Arc<Mutex<Vec<u8>>>,
}

impl HungFolder {
    /// Mounts it. Needs root.
    pub fn new() -> HungFolder {
        let folder = TempDir::new("hung");
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse").expect("/dev/fuse");
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
            device.as_raw_fd()
        );
        // SAFETY: unshare takes a number.
        check(unsafe { libc::unshare(libc::CLONE_NEWNS) });
        mount("none", Path::new("/"), "none", libc::MS_REC | libc::MS_PRIVATE, "");
        mount("hung", folder.path(), "fuse", libc::MS_NODEV | libc::MS_NOSUID, &options);
        HungFolder { folder, device, content: Arc::default() }
    }

    /// The path of a file in it.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("file")
    }

    /// From now on it answers.
    pub fn answer(&self) {
        let mut device = self.device.try_clone().expect("another descriptor");
        let content = Arc::clone(&self.content);
        thread::spawn(move || {
            let mut request = vec![0; 1024 * 1024 + 4096];
            while let Ok(length) = device.read(&mut request) {
                if let Some(reply) = reply(&request[..length], &content) {
                    let _ = device.write_all(&reply);
                }
            }
        });
    }

    /// What stands in the file.
    pub fn content(&self) -> String {
        String::from_utf8_lossy(&self.content.lock().expect("the server's thread")).into_owned()
    }
}

impl Drop for HungFolder {
    fn drop(&mut self) {
        let path = c_string(self.folder.path());
        // With MNT_FORCE whoever waits for it gets an error.
        // SAFETY: the path is a C string that lives through the call.
        unsafe { libc::umount2(path.as_ptr(), libc::MNT_FORCE | libc::MNT_DETACH) };
    }
}

impl Default for HungFolder {
    fn default() -> HungFolder {
        HungFolder::new()
    }
}

/// The answer to one request; none is wanted where something is only forgotten.
fn reply(request: &[u8], content: &Mutex<Vec<u8>>) -> Option<Vec<u8>> {
    let number = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_ne_bytes(request[at..at + 8].try_into().expect("eight bytes"));
    let (opcode, unique, node) = (number(4), long(8), long(16));
    let mut file = content.lock().expect("the other thread");
    let body: Result<Vec<u8>, i32> = match opcode {
        FORGET | BATCH_FORGET => return None,
        // Version, read ahead, no flags, limits for requests in the background, the largest write, and what is left 0.
        INIT => Ok([&numbers(&[7, 31, 0, 0, 0x000c_0010, 1024 * 1024]), &[0; 40][..]].concat()),
        LOOKUP if request[40..].starts_with(b"file") => Ok(entry(file.len())),
        LOOKUP => Err(libc::ENOENT),
        GETATTR | SETATTR => Ok([&longs(&[0, 0]), &attributes(node, file.len())[..]].concat()),
        OPEN => Ok(longs(&[0, 0])),
        CREATE => Ok([entry(file.len()), longs(&[0, 0])].concat()),
        WRITE => {
            let (offset, size) = (long(48) as usize, number(56));
            let data = &request[80..80 + size as usize];
            let length = file.len().max(offset + data.len());
            file.resize(length, 0);
            file[offset..offset + data.len()].copy_from_slice(data);
            Ok(numbers(&[size, 0]))
        }
        RELEASE | FLUSH => Ok(Vec::new()),
        _ => Err(libc::ENOSYS),
    };
    let (error, body) = body.map_or_else(|error| (-error, Vec::new()), |body| (0, body));
    let length = u32::try_from(16 + body.len()).expect("a short reply");
    Some([&length.to_ne_bytes()[..], &error.to_ne_bytes(), &unique.to_ne_bytes(), &body].concat())
}

/// `struct fuse_entry_out` of the file, to be kept by nobody.
fn entry(size: usize) -> Vec<u8> {
    [&longs(&[FILE, 0, 0, 0, 0]), &attributes(FILE, size)[..]].concat()
}

/// `struct fuse_attr`.
fn attributes(node: u64, size: usize) -> Vec<u8> {
    let (mode, links) = if node == ROOT { (0o040_755, 2) } else { (0o100_600, 1) };
    [longs(&[node, size as u64, 0, 0, 0, 0]), numbers(&[0, 0, 0, mode, links, 0, 0, 0, 4096, 0])].concat()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn longs(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_ne_bytes()).collect()
}

fn mount(source: &str, target: &Path, kind: &str, flags: libc::c_ulong, options: &str) {
    let [source, kind, options] = [source, kind, options].map(|text| CString::new(text).expect("no NUL"));
    let target = c_string(target);
    // SAFETY: the strings are C strings that live through the call; options are what both kinds take for data.
    check(unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast())
    });
}

fn c_string(path: &Path) -> CString {
    CString::new(path.to_str().expect("UTF-8")).expect("no NUL")
}

fn check(result: i32) {
    assert!(result == 0, "{}", io::Error::last_os_error());
}
