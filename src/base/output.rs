//! Standard output and standard error, which somebody may hold and not read. Writing to them ends, whatever their
//! reader does.

use std::fs::OpenOptions;
use std::io::{self, IoSlice, IsTerminal};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FileType;
use rustix::io::{Errno, ReadWriteFlags};
use rustix::net::SendFlags;

use crate::base::Deadline;

/// What a pipe takes at once that has room, as long as nobody else writes to it meanwhile: Linux counts room in pages.
const PIECE_FOR_A_PIPE: usize = 4096;

/// The same for a terminal.
const PIECE_FOR_A_TERMINAL: usize = 64;

/// The position that means the current one to pwritev2(2).
const HERE: u64 = u64::MAX;

/// One of the two streams.
pub struct Stream {
    number: fn() -> BorrowedFd<'static>,
    inner: Mutex<Inner>,
}

struct Inner {
    way: Option<Way>,
    /// How long may be waited for the reader in this run, all in all.
    patience: Duration,
}

/// How to write without waiting in the kernel.
enum Way {
    /// A regular file, or something else that waits for nobody.
    Straight,
    /// A socket: each message says that it mustn't wait.
    Socket,
    /// A pipe, or a terminal that can't be opened anew: in pieces of this size, each when there is room for it.
    InPieces(usize),
    /// A terminal, opened anew: to change the descriptor that we were given would change it for others.
    Reopened(OwnedFd),
}

/// Standard output.
pub static STDOUT: Stream = Stream::new(rustix::stdio::stdout, Duration::MAX);

/// Standard error. What is said there while an action is under way must not hold it up, however often.
pub static STDERR: Stream = Stream::new(rustix::stdio::stderr, Duration::from_secs(2));

impl Stream {
    const fn new(number: fn() -> BorrowedFd<'static>, patience: Duration) -> Stream {
        Stream { number, inner: Mutex::new(Inner { way: None, patience }) }
    }

    /// Writes all of it, or gives up where nothing of it is taken for so long.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] where nobody reads, and what the system says.
    pub fn write(&self, bytes: &[u8], idle: Duration) -> io::Result<()> {
        let stream = (self.number)();
        // A thread that panicked while it wrote leaves nothing behind that could be wrong.
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Inner { way, patience } = &mut *inner;
        let way = way.get_or_insert_with(|| Way::of(stream));
        let mut rest = bytes;
        while !rest.is_empty() {
            match way.write(stream, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let limit = idle.min(*patience);
                    let by = Deadline::after(limit);
                    let waited = wait(stream, limit);
                    if *patience != Duration::MAX {
                        *patience =
                            patience.saturating_sub(limit.saturating_sub(by.left().unwrap_or_default()));
                    }
                    waited?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Way {
    fn of(stream: BorrowedFd<'_>) -> Way {
        match rustix::fs::fstat(stream).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Ok(FileType::Socket) => Way::Socket,
            Ok(FileType::Fifo) => Way::InPieces(PIECE_FOR_A_PIPE),
            Ok(FileType::CharacterDevice) if stream.is_terminal() => {
                let path = format!("/proc/self/fd/{}", stream.as_raw_fd());
                let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
                let own = OpenOptions::new().write(true).custom_flags(flags).open(path);
                own.map_or(Way::InPieces(PIECE_FOR_A_TERMINAL), |own| Way::Reopened(own.into()))
            }
            _ => Way::Straight,
        }
    }

    fn write(&self, stream: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
        match self {
            Way::Straight => rustix::io::write(stream, bytes),
            Way::Reopened(own) => rustix::io::write(own, bytes),
            Way::Socket => rustix::net::send(stream, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL),
            Way::InPieces(_) if !has_room(stream, Duration::ZERO)? => Err(Errno::AGAIN),
            Way::InPieces(size) => {
                let piece = bytes.get(..*size).unwrap_or(bytes);
                // Somebody else may have filled it meanwhile; kernels before 6.4 can't be told not to wait then.
                let flags = ReadWriteFlags::NOWAIT;
                match rustix::io::pwritev2(stream, &[IoSlice::new(piece)], HERE, flags) {
                    Err(Errno::OPNOTSUPP | Errno::NOSYS) => rustix::io::write(stream, piece),
                    result => result,
                }
            }
        }
    }
}

/// Waits until the reader has made room.
fn wait(stream: BorrowedFd<'_>, limit: Duration) -> io::Result<()> {
    match has_room(stream, limit) {
        Ok(true) | Err(Errno::INTR) => Ok(()),
        Ok(false) => Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads it")),
        Err(error) => Err(error.into()),
    }
}

/// Whether a stream takes something within this time.
fn has_room(stream: BorrowedFd<'_>, limit: Duration) -> Result<bool, Errno> {
    let limit = Timespec::try_from(limit).ok();
    poll(&mut [PollFd::new(&stream, PollFlags::OUT)], limit.as_ref()).map(|ready| ready > 0)
}
