//! Files that a configuration names. They may lie on a file system that hangs, and may be no files at all: a pipe, a
//! device, somebody else's link.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::base::worker::{Failure, run_in_children};
use crate::base::{Deadline, Secret};

/// What is wrong with a file.
#[derive(Debug)]
pub enum Trouble {
    /// It is a symbolic link, which anybody may have put there.
    Link,
    /// It is a directory, a pipe, a device or a socket.
    NoFile,
    /// The system says so.
    System(io::Error),
    /// Nobody knows: the file system doesn't answer.
    Hangs,
    /// The process that was to look after it can't be had, or died.
    NoProcess(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Link => f.write_str("it is a symbolic link"),
            Trouble::NoFile => f.write_str("it is no regular file"),
            Trouble::System(error) => error.fmt(f),
            Trouble::Hangs => f.write_str("its file system doesn't answer"),
            Trouble::NoProcess(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.raw_os_error() {
            Some(libc::ELOOP) => Trouble::Link,
            _ => Trouble::System(error),
        }
    }
}

/// The exit codes of a child for what has no error number of the system; those numbers end at 133.
const LINK: u8 = 254;
const NO_FILE: u8 = 253;
/// The code for errors that the system has no number for.
const OTHER: u8 = 252;

impl Trouble {
    /// The trouble as the exit code of a child.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Trouble::Link => LINK,
            Trouble::NoFile => NO_FILE,
            Trouble::System(error) => {
                error.raw_os_error().and_then(|number| number.try_into().ok()).unwrap_or(OTHER)
            }
            Trouble::Hangs | Trouble::NoProcess(_) => OTHER,
        }
    }

    /// The trouble that a child ended with; `None` where all was well.
    pub(crate) fn of_code(code: u8) -> Option<Trouble> {
        match code {
            0 => None,
            LINK => Some(Trouble::Link),
            NO_FILE => Some(Trouble::NoFile),
            OTHER => Some(Trouble::NoProcess("it failed".to_owned())),
            number => Some(Trouble::System(io::Error::from_raw_os_error(number.into()))),
        }
    }
}

/// Opens a file to append to, for its owner alone where it is new. It may take for ever.
pub(crate) fn open_to_append(path: &Path) -> Result<File, Trouble> {
    // Opening a device may already do something, so it isn't tried.
    if let Ok(metadata) = fs::symlink_metadata(path) {
        check_kind(&metadata.file_type())?;
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(flags).open(path)?;
    check_kind(&file.metadata()?.file_type())?;
    Ok(file)
}

fn check_kind(kind: &fs::FileType) -> Result<(), Trouble> {
    match (kind.is_symlink(), kind.is_file()) {
        (true, _) => Err(Trouble::Link),
        (_, false) => Err(Trouble::NoFile),
        (false, true) => Ok(()),
    }
}

/// The end of a file: no more than `most` bytes, and whether that is all of it. To be called while this process has one
/// thread.
///
/// # Errors
/// It is no regular file, can't be read, or isn't read by then.
pub fn end_of(path: &Path, most: u64, by: Deadline) -> Result<(Vec<u8>, bool), Trouble> {
    let mut bytes = in_child(by, || {
        let (mut file, length) = open_to_read(path)?;
        let start = length.saturating_sub(most);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        bytes.push(u8::from(start == 0));
        Ok(bytes)
    })?;
    let whole = bytes.pop() == Some(1);
    Ok((bytes, whole))
}

/// What stands in a file, or in each regular file of a directory; no more than `most` bytes in all. To be called while
/// this process has one thread.
///
/// # Errors
/// It can't be read, isn't read by then, or is larger.
pub fn all_of(path: &Path, most: u64, by: Deadline) -> Result<Vec<Vec<u8>>, Trouble> {
    let framed = in_child(by, || {
        let paths = match fs::metadata(path)?.is_dir() {
            true => fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?,
            false => vec![path.to_owned()],
        };
        let (mut framed, mut left) = (Vec::new(), most);
        for inner in &paths {
            let file = match open_to_read(inner) {
                // A directory may hold other things too.
                Err(Trouble::NoFile) if inner != path => continue,
                opened => opened?.0,
            };
            let mut bytes = Vec::new();
            file.take(left.saturating_add(1)).read_to_end(&mut bytes)?;
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            left = left.checked_sub(length).ok_or_else(|| io::Error::from_raw_os_error(libc::EFBIG))?;
            framed.extend(length.to_ne_bytes());
            framed.append(&mut bytes);
        }
        Ok(framed)
    })?;
    let (mut found, mut rest) = (Vec::new(), framed.as_slice());
    while let Some((length, bytes)) = rest.split_first_chunk() {
        let length = usize::try_from(u64::from_ne_bytes(*length)).unwrap_or(usize::MAX);
        let (content, others) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
        found.push(content.to_vec());
        rest = others;
    }
    Ok(found)
}

/// What stands in each of these regular files: all of it, and no more than `most` bytes. One child reads them all. To be
/// called while this process has one thread.
///
/// # Errors
/// For each file: it is no regular file, can't be read, or is larger. For all: they aren't read by then.
pub fn each_of(paths: &[&Path], most: u64, by: Deadline) -> Result<Vec<Result<Vec<u8>, Trouble>>, Trouble> {
    let framed = in_child(by, || {
        let mut framed = Vec::new();
        for path in paths {
            let (code, mut bytes) = match whole(path, most) {
                Ok(bytes) => (0, bytes),
                Err(trouble) => (trouble.code(), Vec::new()),
            };
            framed.push(code);
            framed.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_ne_bytes());
            framed.append(&mut bytes);
        }
        Ok(framed)
    })?;
    let mut rest = framed.as_slice();
    let mut next = || {
        let (code, after) = rest.split_first()?;
        let (length, after) = after.split_first_chunk()?;
        let (bytes, after) = after.split_at_checked(usize::try_from(u64::from_ne_bytes(*length)).ok()?)?;
        rest = after;
        Some(Trouble::of_code(*code).map_or_else(|| Ok(bytes.to_vec()), Err))
    };
    let missing = || Err(Trouble::NoProcess("it was not read".to_owned()));
    Ok(paths.iter().map(|_| next().unwrap_or_else(missing)).collect())
}

/// What stands in a regular file, as a secret: all of it, and no more than `most` bytes. To be called while this process
/// has one thread.
///
/// # Errors
/// It is no regular file, can't be read, isn't read by then, or is larger.
pub fn secret(path: &Path, most: u64, by: Deadline) -> Result<Secret, Trouble> {
    Ok(Secret::new(in_child(by, || whole(path, most))?))
}

/// All of a regular file.
fn whole(path: &Path, most: u64) -> Result<Vec<u8>, Trouble> {
    let (file, _) = open_to_read(path)?;
    let mut bytes = Vec::new();
    let read = file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    match u64::try_from(read).is_ok_and(|read| read <= most) {
        true => Ok(bytes),
        false => Err(io::Error::from_raw_os_error(libc::EFBIG).into()),
    }
}

/// Whether there is something at this path. To be called while this process has one thread.
///
/// # Errors
/// There is nothing, or the file system doesn't answer by then.
pub fn check_presence(path: &Path, by: Deadline) -> Result<(), Trouble> {
    in_child(by, || Ok(fs::metadata(path).map(|_| Vec::new())?)).map(|_| ())
}

/// Does something with files in a child of this process, which is left to itself where it hangs.
fn in_child(by: Deadline, work: impl FnOnce() -> Result<Vec<u8>, Trouble>) -> Result<Vec<u8>, Trouble> {
    // The last byte says how it went.
    let job = || match work() {
        Ok(mut bytes) => {
            bytes.push(0);
            bytes
        }
        Err(trouble) => vec![trouble.code()],
    };
    let mut bytes = match run_in_children(vec![job], by).pop() {
        Some(Ok(bytes)) => bytes,
        Some(Err(Failure::StillRunning)) => return Err(Trouble::Hangs),
        Some(Err(failure)) => return Err(Trouble::NoProcess(failure.to_string())),
        None => return Err(Trouble::NoProcess("it was not read".to_owned())),
    };
    bytes.pop().and_then(Trouble::of_code).map_or(Ok(bytes), Err)
}

/// Opens a regular file, and tells its length. A link is followed here: nothing of the file gets anywhere where its
/// reader couldn't have it.
fn open_to_read(path: &Path) -> Result<(File, u64), Trouble> {
    if !fs::metadata(path)?.is_file() {
        return Err(Trouble::NoFile);
    }
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    let metadata = file.metadata()?;
    check_kind(&metadata.file_type())?;
    Ok((file, metadata.len()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("base-file-{name}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        path
    }

    fn open(path: &Path) -> Result<File, Trouble> {
        open_to_append(path)
    }

    #[test]
    fn only_regular_files_are_opened_and_no_link_is_followed() {
        let folder = folder("append");
        let file = folder.join("file");
        for word in ["one", "two"] {
            open(&file).unwrap().write_all(word.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "onetwo");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let [link, dangling, pipe] = ["link", "dangling", "pipe"].map(|name| folder.join(name));
        symlink(&file, &link).unwrap();
        symlink(folder.join("elsewhere"), &dangling).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(matches!(open(&link), Err(Trouble::Link)));
        assert!(matches!(open(&dangling), Err(Trouble::Link)));
        for other in [&pipe, &folder, Path::new("/dev/null")] {
            assert!(matches!(open(other), Err(Trouble::NoFile)), "{}", other.display());
        }
        let missing = open(Path::new("/nowhere/file")).unwrap_err();
        assert_eq!(
            Trouble::of_code(missing.code()).unwrap().to_string(),
            "No such file or directory (os error 2)"
        );
        assert!(!folder.join("elsewhere").exists());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_end_of_a_file_is_read_and_what_is_no_file_is_an_error() {
        let folder = folder("end");
        let file = folder.join("file");
        fs::write(&file, "0123456789").unwrap();
        let by = || Deadline::after(Duration::from_secs(30));
        assert_eq!(end_of(&file, 20, by()).unwrap(), (b"0123456789".to_vec(), true));
        assert_eq!(end_of(&file, 4, by()).unwrap(), (b"6789".to_vec(), false));
        for other in [folder.as_path(), Path::new("/dev/zero")] {
            assert!(matches!(end_of(other, 20, by()), Err(Trouble::NoFile)));
        }
        assert!(matches!(end_of(&folder.join("none"), 20, by()), Err(Trouble::System(_))));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn all_files_of_a_directory_are_read_and_no_more_than_is_allowed() {
        let folder = folder("all");
        let by = || Deadline::after(Duration::from_secs(30));
        assert_eq!(all_of(&folder, 10, by()).unwrap(), Vec::<Vec<u8>>::new());
        for (name, content) in [("a", "12345"), ("b", ""), ("c", "67890")] {
            fs::write(folder.join(name), content).unwrap();
        }
        fs::create_dir(folder.join("folder")).unwrap();
        let mut all = all_of(&folder, 10, by()).unwrap();
        all.sort_unstable();
        assert_eq!(all, [b"".to_vec(), b"12345".to_vec(), b"67890".to_vec()]);
        assert_eq!(all_of(&folder.join("a"), 5, by()).unwrap(), [b"12345"]);
        assert!(matches!(all_of(&folder, 9, by()), Err(Trouble::System(_))));
        assert!(matches!(all_of(Path::new("/dev/zero"), 9, by()), Err(Trouble::NoFile)));
        assert!(check_presence(&folder, by()).is_ok() && check_presence(&folder.join("none"), by()).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_secret_is_all_of_a_regular_file_or_none() {
        let folder = folder("secret");
        let file = folder.join("file");
        fs::write(&file, "12345\n").unwrap();
        let by = || Deadline::after(Duration::from_secs(30));
        assert_eq!(secret(&file, 6, by()).unwrap().expose(), b"12345\n");
        assert!(matches!(secret(&file, 5, by()), Err(Trouble::System(_))));
        for other in [folder.as_path(), Path::new("/dev/zero")] {
            assert!(matches!(secret(other, 9, by()), Err(Trouble::NoFile)));
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn every_trouble_survives_its_way_through_an_exit_code() {
        for number in 1..=133 {
            let trouble = Trouble::from(io::Error::from_raw_os_error(number));
            let back = Trouble::of_code(trouble.code()).unwrap();
            assert_eq!(trouble.to_string(), back.to_string());
        }
        assert_eq!(
            Trouble::of_code(Trouble::NoFile.code()).unwrap().to_string(),
            Trouble::NoFile.to_string()
        );
    }

    #[test]
    fn several_files_are_read_at_once_and_each_says_for_itself_what_is_wrong() {
        let folder = folder("several");
        let path = |name: &str, content: &[u8]| {
            fs::write(folder.join(name), content).unwrap();
            folder.join(name)
        };
        let (full, empty, large) = (path("full", b"one"), path("empty", b""), path("large", &[0; 65]));
        let missing = folder.join("missing");
        let paths = [&missing, &full, &folder, &large, &empty].map(PathBuf::as_path);
        let by = Deadline::after(Duration::from_secs(20));
        let read = each_of(&paths, 64, by).unwrap();
        assert!(matches!(&read[0], Err(Trouble::System(error)) if error.kind() == io::ErrorKind::NotFound));
        assert_eq!(read[1].as_ref().unwrap(), b"one");
        assert!(matches!(&read[2], Err(Trouble::NoFile)));
        assert!(matches!(&read[3], Err(Trouble::System(error)) if error.raw_os_error() == Some(libc::EFBIG)));
        assert_eq!(read[4].as_ref().unwrap(), b"");
        assert!(each_of(&[], 64, by).unwrap().is_empty());
        fs::remove_dir_all(folder).unwrap();
    }
}
