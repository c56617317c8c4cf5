//! Sessions over libssh2.

use std::path::PathBuf;
use std::time::Duration;

use log::{debug, warn};

use super::algorithms::{self, NEGOTIATED, Purpose};
use super::calls::{Calls, Trouble};
use super::config::Config;
use super::error::{Error, Known, Shown};
use super::known_hosts::{self, HostKey, KnownHosts, Verdict};
use super::library::{Channel, Failure, Kind, Library};
use super::options::Strict;
use super::session::{LARGEST_OUTPUT, Output, Session, Terminal};
use super::{login, offer};
use crate::base::{Deadline, Told, net};
use crate::protocols::stream::{self, Stream};
use crate::protocols::tcp::Target;

/// What is being done, for messages.
const SHAKING: &str = "exchanging keys";
const OPENING: &str = "opening a session";
const RUNNING: &str = "waiting for the command";
const READING: &str = "waiting for its answer";
const WRITING: &str = "sending to it";

/// How many bytes may come for a command: what it may answer, in packets that are half full.
const LARGEST_COMING: usize = 2 * LARGEST_OUTPUT + (1 << 20);

/// How long a goodbye may take, whatever the deadline: nothing depends on it any more.
const LONGEST_GOODBYE: Duration = Duration::from_secs(3);

/// How long a device may take to tell the exit code when a command has said everything.
const LATE_STATUS: Duration = Duration::from_secs(2);

/// The system's files of known hosts (ssh_config(5), GlobalKnownHostsFile).
const SYSTEM_FILES: [&str; 2] = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];
/// Those of the user, in the home directory.
const USER_FILES: [&str; 2] = [".ssh/known_hosts", ".ssh/known_hosts2"];

/// Connects and logs in. To be called while this process has one thread.
///
/// The port and the addresses are those of `target`, unless the options name others.
///
/// # Errors
/// Every [`Error`] but those of commands.
pub fn connect(target: &Target, config: &Config, deadline: Deadline) -> Result<Box<dyn Session>, Error> {
    Libssh2::connect(target, config, deadline).map(|session| Box::new(session) as Box<dyn Session>)
}

/// The session.
#[derive(Debug)]
struct Libssh2 {
    calls: Calls,
    host_key: HostKey,
    open_to_all: bool,
    passwords: bool,
}

impl Libssh2 {
    fn connect(target: &Target, config: &Config, deadline: Deadline) -> Result<Libssh2, Error> {
        let options = &config.options;
        let target = Target {
            host: target.host.clone(),
            port: options.port.unwrap_or(target.port),
            family: options.family.unwrap_or(target.family),
            from: options.from.or(target.from),
        };
        let user = options.user.as_deref().unwrap_or(&config.user);
        check(user, config)?;
        let keys = login::read_keys(config, deadline)?;
        let hosts = Hosts::read(&target, config, deadline)?;
        let connecting = options.connect_timeout.map_or(deadline, |time| deadline.at_most(time));
        let library = Library::new(target.connect(connecting)?)?;
        let calls = Calls::new(library, target.peer());
        let mut session =
            Libssh2 { calls, host_key: HostKey::default(), open_to_all: false, passwords: false };
        session.exchange_keys(&hosts, config, deadline)?;
        session.passwords = hosts.judge(&session.host_key, session.calls.peer(), deadline)?;
        session.open_to_all =
            login::log_in(&session.calls, user, config, &keys, session.passwords, deadline)?;
        Ok(session)
    }

    fn exchange_keys(&mut self, hosts: &Hosts, config: &Config, deadline: Deadline) -> Result<(), Error> {
        let offered = |purpose| algorithms::offer(purpose, config.legacy, config.options.change(purpose));
        let mut offers: Vec<_> = NEGOTIATED.into_iter().map(|purpose| (purpose, offered(purpose))).collect();
        for (_, names) in offers.iter_mut().filter(|(purpose, _)| *purpose == Purpose::HostKey) {
            hosts.prefer_known(names);
        }
        for (purpose, names) in &offers {
            self.calls.library().offer(*purpose, names).map_err(|failure| Error::NoCommonAlgorithm {
                peer: self.calls.peer().to_owned(),
                why: Told::new(format!(
                    "{} for {}: {}",
                    names.join(","),
                    purpose.option(),
                    failure.text.raw()
                )),
            })?;
        }
        // Only RSA has several ways to sign.
        let mut signatures = offered(Purpose::PublicKey);
        signatures.retain(|name| algorithms::key_type(name) == "ssh-rsa");
        if !signatures.is_empty() {
            let _ = self.calls.library().offer(Purpose::PublicKey, &signatures);
        }
        let shaken = self.calls.attempt(deadline, Library::handshake);
        let first = self.calls.library().first_bytes();
        match shaken {
            Ok(()) => {}
            Err(Trouble::TimedOut) => return Err(self.calls.timed_out(SHAKING).into()),
            Err(Trouble::Failed(failure)) => {
                let theirs = offer::read(&first).filter(|_| failure.kind == Kind::NoKeys);
                return Err(match theirs.and_then(|theirs| offer::explain(&theirs, &offers)) {
                    Some(why) => Error::NoCommonAlgorithm { peer: self.calls.peer().to_owned(), why },
                    None => self.calls.broken(SHAKING, &failure).into(),
                });
            }
        }
        let key = self.calls.library().host_key();
        self.host_key = key.ok_or_else(|| stream::Error::Garbled {
            peer: self.calls.peer().to_owned(),
            why: Told::new("it has no host key that can be read"),
        })?;
        debug!(
            "{}: host key {} ({})",
            self.calls.peer(),
            self.host_key.fingerprint(),
            Told::new(self.host_key.kind())
        );
        Ok(())
    }

    /// Does something that the device may refuse.
    fn request<T>(
        &self,
        what: &'static str,
        deadline: Deadline,
        mut call: impl FnMut(&Library) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        match self.calls.attempt(deadline, &mut call) {
            Ok(done) => Ok(done),
            Err(Trouble::TimedOut) => Err(self.calls.timed_out(OPENING).into()),
            Err(Trouble::Failed(failure)) if failure.kind == Kind::Denied => {
                Err(Error::Refused { peer: self.calls.peer().to_owned(), what })
            }
            Err(Trouble::Failed(failure)) => Err(self.calls.broken(OPENING, &failure).into()),
        }
    }

    fn channel(&self, deadline: Deadline) -> Result<Channel, Error> {
        self.calls.library().allow(LARGEST_COMING);
        self.request("a session", deadline, |_| self.calls.library().channel())
    }

    /// Reads some of what there is on both streams of a command; whether that was all, or is too much.
    fn collect(&self, channel: &Channel, output: &mut Output) -> Result<bool, Failure> {
        let mut buffer = [0; 16 * 1024];
        let (mut came, mut again) = (false, None);
        for (stream, sink) in [(0, &mut output.stdout), (1, &mut output.stderr)] {
            match channel.read(stream, &mut buffer) {
                Ok(length) => {
                    sink.extend_from_slice(buffer.get(..length).unwrap_or_default());
                    came |= length > 0;
                }
                Err(failure) if failure.kind == Kind::Again => again = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        if channel.is_at_end() || output.length() > LARGEST_OUTPUT {
            return Ok(true);
        }
        // What the library still holds isn't waited for: the connection has nothing to say of it.
        again.filter(|_| !came).map_or(Ok(false), Err)
    }
}

impl Output {
    /// How much has come, in bytes.
    fn length(&self) -> usize {
        self.stdout.len().saturating_add(self.stderr.len())
    }
}

/// What can't be sent as it is.
fn check(user: &str, config: &Config) -> Result<(), Error> {
    let why = if user.is_empty() || user.contains('\0') {
        "the user name is empty or has a NUL in it"
    } else if config.password.as_ref().is_some_and(|password| password.expose().contains(&0)) {
        "the password has a NUL in it"
    } else {
        return Ok(());
    };
    Err(Error::Unsendable { why })
}

impl Session for Libssh2 {
    fn host_key(&self) -> &HostKey {
        &self.host_key
    }

    fn is_open_to_all(&self) -> bool {
        self.open_to_all
    }

    fn may_show_passwords(&self) -> bool {
        self.passwords
    }

    fn exec(&mut self, command: &str, deadline: Deadline) -> Result<Output, Error> {
        if command.contains('\0') {
            return Err(Error::Unsendable { why: "the command has a NUL in it" });
        }
        let channel = self.channel(deadline)?;
        self.request("a command", deadline, |_| channel.start(Some(command)))?;
        let mut output = Output { status: None, signal: None, stdout: Vec::new(), stderr: Vec::new() };
        let too_long = || Error::TooLong { peer: self.calls.peer().to_owned(), limit: LARGEST_OUTPUT };
        loop {
            match self.calls.drive(RUNNING, deadline, |_| self.collect(&channel, &mut output)) {
                Ok(true) => break,
                Ok(false) => {}
                Err(_) if self.calls.library().is_flooded() => return Err(too_long()),
                Err(error) => return Err(error.into()),
            }
            if deadline.passed() {
                return Err(self.calls.timed_out(RUNNING).into());
            }
        }
        if output.length() > LARGEST_OUTPUT {
            return Err(too_long());
        }
        // The exit status may come behind the end of the output, and some devices tell none.
        let patience = deadline.at_most(LATE_STATUS);
        let _ = self.calls.attempt(patience, |_| channel.closed());
        (output.status, output.signal) = (channel.status(), channel.signal());
        let _ = self.calls.attempt(patience, |_| channel.close());
        Ok(output)
    }

    fn shell(self: Box<Self>, terminal: &Terminal, deadline: Deadline) -> Result<Box<dyn Stream>, Error> {
        let channel = self.channel(deadline)?;
        let Terminal { name, columns, rows } = *terminal;
        match self.request("a terminal", deadline, |_| channel.terminal(name, columns, rows)) {
            // There are devices that know no terminals, and show the same without.
            Err(Error::Refused { .. }) => debug!("{}: no terminal", self.calls.peer()),
            outcome => outcome?,
        }
        self.request("a shell", deadline, |_| channel.merge_errors())?;
        self.request("a shell", deadline, |_| channel.start(None))?;
        Ok(Box::new(Shell { channel, session: *self }))
    }

    fn close(&mut self, deadline: Deadline) {
        let _ = self.calls.attempt(deadline.at_most(LONGEST_GOODBYE), Library::disconnect);
    }
}

/// A shell.
#[derive(Debug)]
struct Shell {
    channel: Channel,
    session: Libssh2,
}

impl Stream for Shell {
    fn read(&mut self, buffer: &mut [u8], deadline: Deadline) -> Result<usize, stream::Error> {
        loop {
            match self.session.calls.attempt(deadline, |_| self.channel.read(0, buffer)) {
                Ok(0) if !self.channel.is_at_end() => {}
                Ok(length) => return Ok(length),
                Err(Trouble::TimedOut) => return Err(self.session.calls.timed_out(READING)),
                Err(Trouble::Failed(failure)) if failure.kind == Kind::Ended => return Ok(0),
                Err(Trouble::Failed(failure)) => return Err(self.session.calls.broken(READING, &failure)),
            }
            if deadline.passed() {
                return Err(self.session.calls.timed_out(READING));
            }
        }
    }

    fn write_all(&mut self, mut bytes: &[u8], deadline: Deadline) -> Result<(), stream::Error> {
        // What was typed before has had its answer.
        self.session.calls.library().allow(LARGEST_COMING);
        while !bytes.is_empty() {
            let written = self.session.calls.drive(WRITING, deadline, |_| self.channel.write(bytes))?;
            bytes = bytes.get(written..).unwrap_or_default();
            if written == 0 && deadline.passed() {
                return Err(self.session.calls.timed_out(WRITING));
            }
        }
        Ok(())
    }

    fn close(&mut self, deadline: Deadline) {
        let deadline = deadline.at_most(LONGEST_GOODBYE);
        let mut ignored = [0; 1024];
        while matches!(self.read(&mut ignored, deadline), Ok(1..)) && !deadline.passed() {}
        let _ = self.session.calls.attempt(deadline, |_| self.channel.close());
        self.session.close(deadline);
    }
}

/// What is known of the host, and what becomes of a key that isn't.
struct Hosts<'a> {
    name: String,
    known: KnownHosts,
    user_files: Vec<String>,
    strict: Strict,
    config: &'a Config,
}

impl<'a> Hosts<'a> {
    fn read(target: &Target, config: &'a Config, by: Deadline) -> Result<Hosts<'a>, Error> {
        let options = &config.options;
        let name = match &options.host_key_alias {
            Some(alias) => alias.to_ascii_lowercase(),
            None => known_hosts::name(net::bare(&target.host), target.port),
        };
        let in_home = |file: &&str| {
            let home: PathBuf = std::env::home_dir().filter(|home| home.is_absolute())?;
            home.join(file).into_os_string().into_string().ok()
        };
        let user_files =
            options.user_files.clone().unwrap_or_else(|| USER_FILES.iter().filter_map(in_home).collect());
        let system_files =
            options.global_files.clone().unwrap_or_else(|| SYSTEM_FILES.map(str::to_owned).to_vec());
        let strict = options.strict.unwrap_or_default();
        let known = if config.pins.is_empty() {
            let paths = [user_files.as_slice(), system_files.as_slice()].concat();
            KnownHosts::read(&paths, by)
                .map_err(|(path, trouble)| Error::BadFile { path, why: trouble.to_string() })?
        } else {
            KnownHosts::default()
        };
        Ok(Hosts { name, known, user_files, strict, config })
    }

    /// Puts the algorithms of keys that are known first, so that a device isn't asked for another of its keys.
    fn prefer_known(&self, algorithms: &mut [String]) {
        let mut kinds = self.known.kinds(&self.name);
        kinds.extend_from_slice(&self.config.kinds);
        algorithms.sort_by_key(|name| !kinds.iter().any(|kind| kind == algorithms::key_type(name)));
    }

    /// Judges the key. Gives whether a password may be shown to whoever has it.
    fn judge(&self, key: &HostKey, peer: &str, deadline: Deadline) -> Result<bool, Error> {
        let (peer, fingerprint) = (peer.to_owned(), key.fingerprint());
        let shown = Shown { kind: Told::new(key.kind()), fingerprint };
        if !self.config.pins.is_empty() {
            return match self.config.pins.contains(&fingerprint) {
                true => Ok(true),
                false => Err(Error::NotPinned { peer, shown }),
            };
        }
        match self.known.check(&self.name, key) {
            Verdict::Known => Ok(true),
            Verdict::Revoked(place) => Err(Error::HostKeyRevoked { peer, fingerprint, place }),
            Verdict::Changed(_, place) if self.strict == Strict::No => {
                warn!(
                    "{peer} shows the host key {fingerprint}, not that of {place}: no password is shown to it"
                );
                Ok(false)
            }
            Verdict::Changed(fingerprint, place) => {
                Err(Error::HostKeyChanged { peer, shown, known: Box::new(Known { fingerprint, place }) })
            }
            Verdict::New if self.strict == Strict::Yes => Err(Error::HostKeyUnknown { peer, shown }),
            Verdict::New => {
                if let Err((file, trouble)) = known_hosts::add(&self.user_files, &self.name, key, deadline) {
                    warn!(
                        "{peer} shows the host key {fingerprint}, which can't be written down: {file}: {trouble}"
                    );
                }
                Ok(true)
            }
        }
    }
}
