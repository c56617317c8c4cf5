//! libssh2, as far as it is used: each call is one try, that never waits. The only `unsafe` of SSH stands here.
//!
//! Session, key exchange and keys are the crate ssh2's. What it lacks is called by itself: the difference between an exit code
//! of 0 and none, a demanded new password, lists that aren't UTF-8 (on which it panics), and questions that aren't answered.
//!
//! The library reads in loops that end when nothing more comes, which an endless stream of rubbish or of packets never
//! lets happen. So it reads through a function of ours, for which nothing more has come once the deadline has passed. The
//! library also keeps every packet that nobody has asked for: that function takes no more bytes than were allowed.

#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::fmt;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::{null, null_mut};
use std::rc::Rc;
use std::time::Duration;

use libssh2_sys as raw;
use ssh2::{BlockDirections, ErrorCode, MethodType};
use zeroize::Zeroizing;

use super::algorithms::Purpose;
use super::error::Error;
use super::known_hosts::HostKey;
use super::offer;
use super::question::{Answer, Question, Questions};
use crate::base::{Deadline, Told};

/// How long a call may read even where the deadline has passed: what has come already is taken.
const LEAST: Duration = Duration::from_millis(20);

/// How many bytes may come before the login is done. A banner and a few questions are some kilobytes.
const LARGEST_LOGIN: usize = 1 << 20;

/// LIBSSH2_CALLBACK_RECV of libssh2.h.
const CALLBACK_RECV: c_int = 6;

unsafe extern "C" {
    /// libssh2_session_callback_set2(3).
    fn libssh2_session_callback_set2(
        session: *mut raw::LIBSSH2_SESSION,
        kind: c_int,
        callback: Option<unsafe extern "C" fn()>,
    ) -> Option<unsafe extern "C" fn()>;

    /// libssh2_userauth_publickey(3).
    fn libssh2_userauth_publickey(
        session: *mut raw::LIBSSH2_SESSION,
        user: *const c_char,
        key: *const u8,
        length: usize,
        sign: Sign,
        place: *mut *mut c_void,
    ) -> c_int;

    /// Whether the other side has told an exit status (libssh2.h).
    fn libssh2_channel_has_exit_status(channel: *mut raw::LIBSSH2_CHANNEL) -> c_int;
}

/// What kind of failure one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The call is to be repeated when there is more to read or room to write.
    Again,
    /// The other side has closed the connection in order.
    Ended,
    /// The connection, or the channel, is gone.
    Gone,
    /// Keys can't be exchanged.
    NoKeys,
    /// The login is refused.
    LoginRefused,
    /// A new password is demanded.
    PasswordExpired,
    /// The private key can't be used.
    BadKey,
    /// What was asked for is refused.
    Denied,
    /// Anything else.
    Other,
}

/// The codes of libssh2.h, as far as they are told apart.
const KINDS: &[(c_int, Kind)] = &[
    (raw::LIBSSH2_ERROR_EAGAIN, Kind::Again),
    (raw::LIBSSH2_ERROR_SOCKET_DISCONNECT, Kind::Ended),
    (raw::LIBSSH2_ERROR_SOCKET_RECV, Kind::Gone),
    (raw::LIBSSH2_ERROR_SOCKET_SEND, Kind::Gone),
    (raw::LIBSSH2_ERROR_CHANNEL_CLOSED, Kind::Gone),
    (raw::LIBSSH2_ERROR_CHANNEL_EOF_SENT, Kind::Gone),
    (raw::LIBSSH2_ERROR_KEX_FAILURE, Kind::NoKeys),
    (raw::LIBSSH2_ERROR_KEY_EXCHANGE_FAILURE, Kind::NoKeys),
    (raw::LIBSSH2_ERROR_AUTHENTICATION_FAILED, Kind::LoginRefused),
    (raw::LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED, Kind::LoginRefused),
    (raw::LIBSSH2_ERROR_PASSWORD_EXPIRED, Kind::PasswordExpired),
    (raw::LIBSSH2_ERROR_FILE, Kind::BadKey),
    (raw::LIBSSH2_ERROR_KEYFILE_AUTH_FAILED, Kind::BadKey),
    (raw::LIBSSH2_ERROR_METHOD_NONE, Kind::BadKey),
    (raw::LIBSSH2_ERROR_CHANNEL_FAILURE, Kind::Denied),
    (raw::LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED, Kind::Denied),
];

/// Why a call has done nothing.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    /// The library's words, in which the other side's may be.
    pub(super) text: Told,
}

impl From<ssh2::Error> for Failure {
    fn from(error: ssh2::Error) -> Failure {
        let code = match error.code() {
            ErrorCode::Session(code) | ErrorCode::SFTP(code) => code,
        };
        let kind = KINDS.iter().find(|(known, _)| *known == code).map_or(Kind::Other, |(_, kind)| *kind);
        Failure { kind, text: Told::new(error.message()) }
    }
}

/// What the functions that the library calls find again.
struct Watch {
    deadline: Cell<Deadline>,
    /// How many bytes may still come; `None` once more did.
    room: Cell<Option<usize>>,
    /// What has come first, as long as it is kept.
    first: RefCell<Option<Vec<u8>>>,
    /// The conversation at the login.
    questions: RefCell<Option<Box<dyn Questions>>>,
    socket: TcpStream,
}

/// A connection on which SSH is spoken.
pub(super) struct Library {
    // In this order: the session reads through what comes after it.
    ssh: ssh2::Session,
    watch: Box<Watch>,
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Library(…)")
    }
}

/// What libssh2 calls a purpose, for each direction.
fn methods(purpose: Purpose) -> &'static [MethodType] {
    match purpose {
        Purpose::Kex => &[MethodType::Kex],
        Purpose::HostKey => &[MethodType::HostKey],
        Purpose::Cipher => &[MethodType::CryptCs, MethodType::CryptSc],
        Purpose::Mac => &[MethodType::MacCs, MethodType::MacSc],
        Purpose::PublicKey => &[MethodType::SignAlgo],
    }
}

fn set_up(error: ssh2::Error) -> Error {
    Error::Setup { why: error.message().to_owned() }
}

/// The algorithms that this build has for a purpose.
///
/// # Errors
/// The library can't tell.
pub fn built_with(purpose: Purpose) -> Result<Vec<&'static str>, Error> {
    let session = ssh2::Session::new().map_err(set_up)?;
    let method = match purpose {
        // The library has no list of signatures: they are those of host keys.
        Purpose::PublicKey => Some(&MethodType::HostKey),
        other => methods(other).first(),
    };
    method.map_or(Ok(Vec::new()), |method| session.supported_algs(*method).map_err(set_up))
}

impl Library {
    /// Takes a connection over, which never blocks, and says nothing on it yet.
    pub(super) fn new(socket: TcpStream) -> Result<Rc<Library>, Error> {
        let mut ssh = ssh2::Session::new().map_err(set_up)?;
        let second = socket.try_clone().map_err(|error| Error::Setup { why: error.to_string() })?;
        ssh.set_tcp_stream(second);
        ssh.set_blocking(false);
        let watch = Box::new(Watch {
            deadline: Cell::new(Deadline::NEVER),
            room: Cell::new(Some(LARGEST_LOGIN)),
            first: RefCell::new(Some(Vec::new())),
            questions: RefCell::new(None),
            socket,
        });
        let library = Library { ssh, watch };
        // SAFETY: the session lives. What its pointer leads to is behind a Box and freed after the session. The library calls
        // the function with the arguments that it has, as LIBSSH2_RECV_FUNC of libssh2.h says, whatever type stands between.
        library.call(|session| unsafe {
            *raw::libssh2_session_abstract(session) = (&raw const *library.watch).cast_mut().cast();
            let receive = std::mem::transmute::<Receive, unsafe extern "C" fn()>(receive);
            libssh2_session_callback_set2(session, CALLBACK_RECV, Some(receive));
        });
        Ok(Rc::new(library))
    }

    /// Until when the next calls may read.
    pub(super) fn watch(&self, deadline: Deadline) {
        self.watch.deadline.set(if deadline.passed() { Deadline::after(LEAST) } else { deadline });
    }

    /// Lets so many bytes come from now on, in the place of those that were left, unless too many came already.
    pub(super) fn allow(&self, bytes: usize) {
        self.watch.room.set(self.watch.room.get().map(|_| bytes));
    }

    /// Whether more bytes came than were allowed: nothing is read any more then.
    pub(super) fn is_flooded(&self) -> bool {
        self.watch.room.get().is_none()
    }

    /// The connection, and what it has to be ready for before a call is worth repeating: to be read, to be written.
    pub(super) fn waits_for(&self) -> (BorrowedFd<'_>, bool, bool) {
        let (read, write) = match self.ssh.block_directions() {
            BlockDirections::Outbound => (false, true),
            BlockDirections::Both => (true, true),
            BlockDirections::Inbound | BlockDirections::None => (true, false),
        };
        (self.watch.socket.as_fd(), read, write)
    }

    /// What a returned code means.
    fn done(&self, code: c_int) -> Result<(), Failure> {
        if code >= 0 { Ok(()) } else { Err(ssh2::Error::from_session_error(&self.ssh, code).into()) }
    }

    /// Calls the library.
    fn call<T>(&self, call: impl FnOnce(*mut raw::LIBSSH2_SESSION) -> T) -> T {
        let mut guard = self.ssh.raw();
        call(&mut *guard)
    }

    /// What is offered for a purpose.
    pub(super) fn offer(&self, purpose: Purpose, names: &[String]) -> Result<(), Failure> {
        let list = names.join(",");
        methods(purpose).iter().try_for_each(|method| Ok(self.ssh.method_pref(*method, &list)?))
    }

    /// Exchanges keys.
    pub(super) fn handshake(&self) -> Result<(), Failure> {
        Ok(self.ssh.clone().handshake()?)
    }

    /// The first bytes that have come, which are kept no longer.
    pub(super) fn first_bytes(&self) -> Vec<u8> {
        self.watch.first.take().unwrap_or_default()
    }

    /// The key that the other side has proven to have.
    pub(super) fn host_key(&self) -> Option<HostKey> {
        self.ssh.host_key().and_then(|(blob, _)| HostKey::new(blob))
    }

    /// The methods that the other side takes for a login; `None` when it wants none.
    pub(super) fn login_methods(&self, user: &str) -> Result<Option<Vec<u8>>, Failure> {
        let (name, length) = text(user)?;
        // SAFETY: the name lives through the call, which gives a C string that lives as long as the session does nothing else.
        let list = self.call(|session| unsafe {
            let list = raw::libssh2_userauth_list(session, name.as_ptr(), length);
            (!list.is_null()).then(|| std::ffi::CStr::from_ptr(list).to_bytes().to_vec())
        });
        match list {
            None if self.ssh.authenticated() => Ok(None),
            None => match ssh2::Error::last_session_error(&self.ssh) {
                Some(error) => Err(error.into()),
                None => Ok(Some(Vec::new())),
            },
            list => Ok(list),
        }
    }

    /// Logs in with a password.
    pub(super) fn password(&self, user: &str, password: &[u8]) -> Result<(), Failure> {
        let (name, length) = text(user)?;
        let size = c_uint::try_from(password.len()).map_err(|_| unsendable())?;
        // SAFETY: both texts live through the call and are as long as is said.
        let code = self.call(|session| unsafe {
            let secret = password.as_ptr().cast();
            raw::libssh2_userauth_password_ex(
                session,
                name.as_ptr(),
                length,
                secret,
                size,
                Some(no_new_password),
            )
        });
        self.done(code)
    }

    /// Logs in with a private key.
    pub(super) fn key(&self, user: &str, key: &str, passphrase: Option<&str>) -> Result<(), Failure> {
        Ok(self.ssh.userauth_pubkey_memory(user, None, key, passphrase)?)
    }

    /// Logs in with a key that somebody else has, who signs with it.
    pub(super) fn signed(&self, user: &str, key: &[u8], mut signer: Signer<'_>) -> Result<(), Failure> {
        let (name, _) = text(user)?;
        let mut place: *mut c_void = (&raw mut signer).cast();
        // SAFETY: name and key live through the call, and the key is as long as is said; the function is called during it
        // alone, with the place where the signer is found.
        let code = self.call(|session| unsafe {
            libssh2_userauth_publickey(session, name.as_ptr(), key.as_ptr(), key.len(), sign, &raw mut place)
        });
        self.done(code)
    }

    /// Who answers questions at the login.
    pub(super) fn answer_with(&self, questions: Option<Box<dyn Questions>>) -> Option<Box<dyn Questions>> {
        self.watch.questions.replace(questions)
    }

    /// Logs in by questions and answers.
    pub(super) fn questions(&self, user: &str) -> Result<(), Failure> {
        let (name, length) = text(user)?;
        // SAFETY: the name lives through the call; the function is called during it alone.
        let code = self.call(|session| unsafe {
            raw::libssh2_userauth_keyboard_interactive_ex(session, name.as_ptr(), length, Some(respond))
        });
        // The library has one code for a refusal and for a connection that ends before the answer, and words for each.
        self.done(code).map_err(|failure| match failure.text.raw().starts_with("Waiting for ") {
            true => Failure { kind: Kind::Gone, ..failure },
            false => failure,
        })
    }

    /// Opens a channel.
    pub(super) fn channel(self: &Rc<Self>) -> Result<Channel, Failure> {
        const KIND: &[u8] = b"session";
        let (window, packet) = (raw::LIBSSH2_CHANNEL_WINDOW_DEFAULT, raw::LIBSSH2_CHANNEL_PACKET_DEFAULT);
        // SAFETY: the kind is as long as is said.
        let channel = self.call(|session| unsafe {
            raw::libssh2_channel_open_ex(session, KIND.as_ptr().cast(), 7, window, packet, null(), 0)
        });
        if channel.is_null() {
            let error = ssh2::Error::last_session_error(&self.ssh).unwrap_or_else(ssh2::Error::unknown);
            return Err(error.into());
        }
        Ok(Channel { raw: channel, library: Rc::clone(self) })
    }

    /// Says that this was all.
    pub(super) fn disconnect(&self) -> Result<(), Failure> {
        Ok(self.ssh.disconnect(None, "bye", None)?)
    }
}

/// A text for the library, and its length.
fn text(text: &str) -> Result<(CString, c_uint), Failure> {
    let length = c_uint::try_from(text.len()).map_err(|_| unsendable())?;
    Ok((CString::new(text).map_err(|_| unsendable())?, length))
}

fn unsendable() -> Failure {
    Failure { kind: Kind::Other, text: Told::new("a text can't be sent") }
}

/// A channel: a command or a shell.
pub(super) struct Channel {
    raw: *mut raw::LIBSSH2_CHANNEL,
    library: Rc<Library>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Channel(…)")
    }
}

impl Channel {
    /// Calls the library.
    fn call<T>(&self, call: impl FnOnce(*mut raw::LIBSSH2_CHANNEL) -> T) -> T {
        self.library.call(|_| call(self.raw))
    }

    fn done(&self, code: isize) -> Result<usize, Failure> {
        match usize::try_from(code) {
            Ok(count) => Ok(count),
            Err(_) => Err(self
                .library
                .done(c_int::try_from(code).unwrap_or(c_int::MIN))
                .err()
                .unwrap_or_else(unsendable)),
        }
    }

    /// Asks for a terminal.
    pub(super) fn terminal(&self, name: &str, columns: u16, rows: u16) -> Result<(), Failure> {
        let (name, length) = text(name)?;
        let (columns, rows) = (columns.into(), rows.into());
        // SAFETY: the name is as long as is said, and there are no modes.
        let code = self.call(|channel| unsafe {
            raw::libssh2_channel_request_pty_ex(
                channel,
                name.as_ptr(),
                length,
                null(),
                0,
                columns,
                rows,
                0,
                0,
            )
        });
        self.library.done(code)
    }

    /// Asks for what comes on standard error to be read as standard output.
    pub(super) fn merge_errors(&self) -> Result<(), Failure> {
        // SAFETY: the channel lives.
        let code = self.call(|channel| unsafe {
            raw::libssh2_channel_handle_extended_data2(channel, raw::LIBSSH2_CHANNEL_EXTENDED_DATA_MERGE)
        });
        self.library.done(code)
    }

    /// Starts a command, or a shell where there is none.
    pub(super) fn start(&self, command: Option<&str>) -> Result<(), Failure> {
        let (kind, length) = text(if command.is_some() { "exec" } else { "shell" })?;
        let command = command.map(text).transpose()?;
        let (place, size) = command.as_ref().map_or((null(), 0), |(text, size)| (text.as_ptr(), *size));
        // SAFETY: both texts live through the call and are as long as is said.
        let code = self.call(|channel| unsafe {
            raw::libssh2_channel_process_startup(channel, kind.as_ptr(), length, place, size)
        });
        self.library.done(code)
    }

    /// Reads what has come on one of its streams: 0 is the output, 1 the errors.
    pub(super) fn read(&self, stream: c_int, buffer: &mut [u8]) -> Result<usize, Failure> {
        // SAFETY: the buffer is as long as is said.
        let code = self.call(|channel| unsafe {
            raw::libssh2_channel_read_ex(channel, stream, buffer.as_mut_ptr().cast(), buffer.len())
        });
        self.done(code)
    }

    /// Writes some of it.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<usize, Failure> {
        // SAFETY: the bytes are as many as is said.
        let code = self.call(|channel| unsafe {
            raw::libssh2_channel_write_ex(channel, 0, bytes.as_ptr().cast(), bytes.len())
        });
        self.done(code)
    }

    /// Whether everything was read that will ever come.
    pub(super) fn is_at_end(&self) -> bool {
        // SAFETY: the channel lives.
        self.call(|channel| unsafe { raw::libssh2_channel_eof(channel) }) == 1
    }

    /// Looks whether the other side has closed the channel, which is at its end.
    pub(super) fn closed(&self) -> Result<(), Failure> {
        // SAFETY: the channel lives.
        let code = self.call(|channel| unsafe { raw::libssh2_channel_wait_closed(channel) });
        self.library.done(code)
    }

    /// Closes it.
    pub(super) fn close(&self) -> Result<(), Failure> {
        // SAFETY: the channel lives.
        let code = self.call(|channel| unsafe { raw::libssh2_channel_close(channel) });
        self.library.done(code)
    }

    /// The exit status, where the other side has told one.
    pub(super) fn status(&self) -> Option<u32> {
        // SAFETY: the channel lives.
        self.call(|channel| unsafe {
            let told = libssh2_channel_has_exit_status(channel) == 1;
            told.then(|| raw::libssh2_channel_get_exit_status(channel).cast_unsigned())
        })
    }

    /// The signal that has ended the command, where the other side has told one.
    pub(super) fn signal(&self) -> Option<Told> {
        let (mut name, mut length) = (null_mut(), 0);
        self.library.call(|session| {
            // SAFETY: name and length are written; what isn't asked for may be null. The name was allocated for us, is as long
            // as is said, and is freed once.
            unsafe {
                let (none, size) = (null_mut(), null_mut());
                let place: *mut *mut c_char = &raw mut name;
                raw::libssh2_channel_get_exit_signal(
                    self.raw,
                    place,
                    &raw mut length,
                    none,
                    size,
                    none,
                    size,
                );
                if name.is_null() {
                    return None;
                }
                let told = Told::of_bytes(std::slice::from_raw_parts(name.cast::<u8>(), length));
                raw::libssh2_free(session, name.cast());
                Some(told)
            }
        })
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        // Whoever leaves it unclosed has no time any more: it is freed with the session then.
        self.library.watch(Deadline::after(Duration::ZERO));
        // SAFETY: the channel lives, its session too, and nobody has it any more.
        self.call(|channel| unsafe { raw::libssh2_channel_free(channel) });
    }
}

/// LIBSSH2_RECV_FUNC of libssh2.h.
type Receive = unsafe extern "C" fn(c_int, *mut c_void, usize, c_int, *mut *mut c_void) -> isize;

/// Finds the watch of a session again.
///
/// # Safety
/// `place` is where a session of [`Library::new`] keeps its pointer, while that lives.
unsafe fn watch_of<'a>(place: *mut *mut c_void) -> Option<&'a Watch> {
    // SAFETY: the pointer was set to a watch that outlives the session, and of which nobody has a mutable reference.
    unsafe { place.as_ref().and_then(|watch| watch.cast::<Watch>().as_ref()) }
}

/// Receives for the library, until the deadline.
unsafe extern "C" fn receive(
    socket: c_int,
    buffer: *mut c_void,
    length: usize,
    flags: c_int,
    place: *mut *mut c_void,
) -> isize {
    const AGAIN: isize = -(libc::EAGAIN as isize);
    // SAFETY: the library passes what it was given.
    let Some(watch) = (unsafe { watch_of(place) }) else { return -(libc::EINVAL as isize) };
    if watch.deadline.get().passed() {
        return AGAIN;
    }
    let Some(room) = watch.room.get() else { return -(libc::EMSGSIZE as isize) };
    // SAFETY: the library's buffer has room for so many bytes.
    let count = unsafe { libc::recv(socket, buffer, length, flags) };
    let Ok(came) = usize::try_from(count) else {
        return match std::io::Error::last_os_error().raw_os_error() {
            Some(libc::EINTR | libc::EAGAIN) | None => AGAIN,
            Some(code) => -isize::try_from(code).unwrap_or(isize::MAX),
        };
    };
    watch.room.set(room.checked_sub(came));
    if let Some(first) = watch.first.borrow_mut().as_mut().filter(|first| first.len() < offer::KEPT) {
        // SAFETY: so many bytes have been written there.
        first.extend_from_slice(unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), came) });
    }
    count
}

/// Signs something; `None` where that can't be done.
pub(super) type Signer<'a> = &'a mut dyn FnMut(&[u8]) -> Option<Vec<u8>>;

/// LIBSSH2_USERAUTH_PUBLICKEY_SIGN_FUNC of libssh2.h.
type Sign = unsafe extern "C" fn(
    *mut raw::LIBSSH2_SESSION,
    *mut *mut u8,
    *mut usize,
    *const u8,
    usize,
    *mut *mut c_void,
) -> c_int;

/// Has something signed for the library.
unsafe extern "C" fn sign(
    _: *mut raw::LIBSSH2_SESSION,
    signature: *mut *mut u8,
    length: *mut usize,
    data: *const u8,
    size: usize,
    place: *mut *mut c_void,
) -> c_int {
    // SAFETY: the library passes what it was given, the signer of `Library::signed`, which nobody else uses meanwhile; the data
    // are as long as is said.
    let signed = unsafe {
        let signer = place.as_ref().and_then(|signer| signer.cast::<Signer<'_>>().as_mut());
        signer.and_then(|signer| signer(bytes(data, size)))
    };
    let Some(signed) = signed else { return raw::LIBSSH2_ERROR_AUTHENTICATION_FAILED };
    // SAFETY: the library frees what malloc gave; so many bytes have room in it. Both places are the library's own.
    unsafe {
        let copy = libc::malloc(signed.len().max(1)).cast::<u8>();
        if copy.is_null() {
            return raw::LIBSSH2_ERROR_ALLOC;
        }
        std::ptr::copy_nonoverlapping(signed.as_ptr(), copy, signed.len());
        *signature = copy;
        *length = signed.len();
    }
    0
}

/// LIBSSH2_PASSWD_CHANGEREQ_FUNC: gives no new password, by which the library tells a demanded one from a refusal.
extern "C" fn no_new_password(
    _: *mut raw::LIBSSH2_SESSION,
    _: *mut *mut c_char,
    _: *mut c_int,
    _: *mut *mut c_void,
) {
}

/// Bytes of the library, which may be none.
///
/// # Safety
/// There are so many, and they live as long as is claimed.
unsafe fn bytes<'a>(place: *const u8, length: usize) -> &'a [u8] {
    if place.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(place, length) }
}

/// LIBSSH2_USERAUTH_KBDINT_RESPONSE_FUNC: answers what is asked, or ends the connection before anything is answered.
extern "C" fn respond(
    _: *const c_char,
    _: c_int,
    instruction: *const c_char,
    length: c_int,
    count: c_int,
    prompts: *const raw::LIBSSH2_USERAUTH_KBDINT_PROMPT,
    responses: *mut raw::LIBSSH2_USERAUTH_KBDINT_RESPONSE,
    place: *mut *mut c_void,
) {
    // SAFETY: the library passes what it was given.
    let Some(watch) = (unsafe { watch_of(place) }) else { return };
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: the instruction is as long as is said; there are so many prompts and as many responses, or none and null; each
    // text is as long as is said. All of that lives through this call.
    let (instruction, questions, responses) = unsafe {
        let instruction = bytes(instruction.cast(), usize::try_from(length).unwrap_or(0));
        let (prompts, responses) = if prompts.is_null() || responses.is_null() || count == 0 {
            (&[][..], &mut [][..])
        } else {
            (std::slice::from_raw_parts(prompts, count), std::slice::from_raw_parts_mut(responses, count))
        };
        let question = |prompt: &raw::LIBSSH2_USERAUTH_KBDINT_PROMPT| Question {
            text: Told::of_bytes(bytes(prompt.text, prompt.length)),
            shown: prompt.echo != 0,
        };
        (Told::of_bytes(instruction), prompts.iter().map(question).collect::<Vec<_>>(), responses)
    };
    let mut answering = watch.questions.borrow_mut();
    let answers =
        answering.as_mut().map_or(Answer::Leave, |answering| answering.asked(&instruction, &questions));
    let Answer::Say(answers) = answers else {
        // What isn't answered would be sent as an empty answer: nothing may be sent any more.
        let _ = watch.socket.shutdown(Shutdown::Both);
        return;
    };
    for (response, answer) in responses.iter_mut().zip(answers) {
        let answer: Zeroizing<Vec<u8>> = answer;
        let Ok(length) = c_uint::try_from(answer.len()) else { continue };
        // SAFETY: the library frees what malloc gave; so many bytes have room in it.
        unsafe {
            let copy = libc::malloc(answer.len().max(1)).cast::<u8>();
            if !copy.is_null() {
                std::ptr::copy_nonoverlapping(answer.as_ptr(), copy, answer.len());
                response.text = copy.cast();
                response.length = length;
            }
        }
    }
}
