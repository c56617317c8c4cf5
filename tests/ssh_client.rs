//! The SSH client against a real sshd with the ways to log in, the algorithms and the host keys that devices have, and
//! against peers that only look like one. The device's own books are the judge: who has logged in, and what was typed.

#![cfg(test)]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::ssh::{
    Config, Error, Fingerprint, Key, Legacy, Options, Purpose, Session, Terminal, built_with, connect,
};
use fence_agents::protocols::stream::{self, Stream};
use fence_agents::protocols::tcp::Target;
use peers::TempDir;
use peers::console::{
    self, APC, AsyncSsh, BLADECENTER, Device, Door, Exec, Fault, Habit, ILO, Old, PASSWORD, Ssh, Trouble,
    USER,
};

/// Long enough for a loaded machine: whoever runs into it hangs.
const LONG: Duration = Duration::from_secs(60);
/// For what is known to give no answer.
const SHORT: Duration = Duration::from_millis(700);

fn soon() -> Deadline {
    Deadline::after(LONG)
}

/// A user with files of known hosts of his own.
struct User {
    files: TempDir,
    config: Config,
    options: String,
}

impl User {
    fn new() -> User {
        let config = Config { user: USER.into(), password: Some(Secret::new(PASSWORD)), ..Config::default() };
        User { files: TempDir::new("ssh-client"), config, options: String::new() }
    }

    fn with(options: &str) -> User {
        User { options: options.into(), ..User::new() }
    }

    fn known_hosts(&self) -> String {
        self.files.path().join("known_hosts").to_str().unwrap().to_owned()
    }

    fn connect_to(&self, port: u16, deadline: Deadline) -> Result<Box<dyn Session>, Error> {
        let options = format!(
            "{} -o UserKnownHostsFile={} -o GlobalKnownHostsFile=none",
            self.options,
            self.known_hosts()
        );
        let config = Config { options: Options::parse(&options)?, ..self.config.clone() };
        connect(&Target::new("127.0.0.1", port), &config, deadline)
    }

    fn connect(&self, door: &Door) -> Result<Box<dyn Session>, Error> {
        self.connect_to(door.port(), soon())
    }

    fn refused(&self, door: &Door) -> Error {
        match self.connect(door) {
            Ok(session) => panic!("in: {session:?}"),
            Err(error) => {
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains(PASSWORD) && !error.to_string().contains('\n'), "{shown}");
                error
            }
        }
    }
}

fn ilo() -> Device {
    Device::of(&ILO).outlets(&["server1"]).start()
}

/// Logs in, runs a command, and leaves.
fn works(user: &User, door: &Door) {
    let mut session = user.connect(door).unwrap_or_else(|error| panic!("{error}\n{}", door.log()));
    let output = session.exec("show /system1", soon()).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("enabledstate=enabled"), "{text}");
    assert_eq!(output.status, Some(0));
    session.close(soon());
}

fn read_until(stream: &mut Box<dyn Stream>, text: &str) -> String {
    let (mut all, deadline) = (Vec::new(), soon());
    while !all.ends_with(text.as_bytes()) {
        let mut buffer = [0; 256];
        let length = stream.read(&mut buffer, deadline).unwrap_or_else(|error| panic!("{error}: {all:?}"));
        assert_ne!(length, 0, "no {text:?} in {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn the_library_was_built_with_what_old_devices_have_nothing_but() {
    for (purpose, names) in [
        (
            Purpose::Kex,
            &["diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1", "curve25519-sha256"][..],
        ),
        (Purpose::HostKey, &["ssh-rsa", "ssh-dss", "ssh-ed25519", "rsa-sha2-512"]),
        (Purpose::Cipher, &["3des-cbc", "aes128-cbc", "aes128-ctr", "chacha20-poly1305@openssh.com"]),
        (Purpose::Mac, &["hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-sha2-256"]),
        (Purpose::PublicKey, &["ssh-rsa"]),
    ] {
        let built = built_with(purpose).unwrap();
        for name in names {
            assert!(built.contains(name), "no {name} in {built:?}");
        }
    }
}

#[test]
fn a_command_gives_its_output_and_its_exit_code() {
    let device = ilo();
    let door = device.ssh();
    let user = User::new();
    let mut session = user.connect(&door).unwrap();
    let off = session.exec("power off hard", soon()).unwrap();
    assert_eq!(off.status, Some(0));
    assert!(String::from_utf8(off.stdout).unwrap().contains("Forcing server power off"));
    assert!(!device.is_on("1"));
    let unknown = session.exec("no such command", soon()).unwrap();
    assert_eq!(unknown.status, Some(1));
    session.close(soon());
    assert_eq!(device.logins(), [(USER.to_owned(), true)]);
    assert!(!session.is_open_to_all());
}

#[test]
fn a_shell_is_a_line_to_the_device() {
    let device = Device::of(&APC).start();
    let door = device.ssh();
    let session = User::new().connect(&door).unwrap();
    let mut line = session.shell(&Terminal::DEVICE, soon()).unwrap();
    read_until(&mut line, "apc>");
    line.write_all(b"olOff 2\r", soon()).unwrap();
    let answer = read_until(&mut line, "apc>");
    assert!(answer.contains("E000: Success"), "{answer}");
    assert!(device.is_on("1") && !device.is_on("2"));
    let nothing = line.read(&mut [0; 16], Deadline::after(SHORT));
    assert!(matches!(nothing, Err(stream::Error::TimedOut { .. })), "{nothing:?}");
    // A look that found nothing has broken nothing.
    line.write_all(b"olStatus 2\r", soon()).unwrap();
    assert!(read_until(&mut line, "apc>").contains("Off"));
    line.write_all(b"exit\r", soon()).unwrap();
    while line.read(&mut [0; 256], soon()).unwrap() > 0 {}
    line.close(soon());
    assert_eq!(device.typed(), ["olOff 2", "olStatus 2", "exit"]);
}

#[test]
fn every_way_to_log_in_is_found_out() {
    let device = ilo();
    let keyboard = Ssh { password: false, keyboard_interactive: true, ..Ssh::default() };
    works(&User::new(), &device.ssh_with(&keyboard));
    let both = Ssh { keyboard_interactive: true, ..Ssh::default() };
    works(&User::new(), &device.ssh_with(&both));
    works(&User::with("-o PreferredAuthentications=keyboard-interactive"), &device.ssh_with(&both));
    assert_eq!(device.refused_logins(), 0);
    let open = device.ssh_with(&Ssh { open: true, ..Ssh::default() });
    let nobody = User { config: Config { password: None, ..User::new().config }, ..User::new() };
    works(&nobody, &open);
    assert!(nobody.connect(&open).unwrap().is_open_to_all());
}

#[test]
fn a_wrong_password_is_tried_once_and_told_from_a_login_that_isn_t_offered() {
    for ssh in [
        Ssh::default(),
        Ssh { keyboard_interactive: true, ..Ssh::default() },
        Ssh { password: false, keyboard_interactive: true, ..Ssh::default() },
    ] {
        let device = ilo();
        let door = device.ssh_with(&ssh);
        let wrong = Some(Secret::new("falsches-Pferd-4712"));
        let user = User { config: Config { password: wrong, ..User::new().config }, ..User::new() };
        let error = user.refused(&door);
        assert!(matches!(error, Error::LoginDenied { .. }), "{error}");
        assert_eq!(device.logins(), [(USER.to_owned(), false)], "{ssh:?}");
    }
    let device = ilo();
    let door = device.ssh_with(&Ssh { password: false, ..Ssh::default() });
    let error = User::new().refused(&door);
    assert!(matches!(error, Error::NoSuchLogin { .. }), "{error}");
    assert!(error.to_string().contains("publickey"), "{error}");
    let other = User::with("-o PreferredAuthentications=publickey").refused(&device.ssh());
    assert!(matches!(other, Error::NoSuchLogin { .. }), "{other}");
    assert_eq!(device.logins(), []);
}

/// A new pair of keys: the private one's file, and the public one.
fn make_key(files: &TempDir, name: &str, arguments: &[&str]) -> (String, String) {
    let path = files.path().join(name).to_str().unwrap().to_owned();
    let made = Command::new("ssh-keygen").args(["-q", "-f", &path]).args(arguments).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let public = fs::read_to_string(format!("{path}.pub")).unwrap();
    (path, public)
}

#[test]
fn keys_are_taken_in_the_forms_in_which_they_are_kept() {
    let device = ilo();
    let files = TempDir::new("ssh-keys");
    for (name, arguments, passphrase) in [
        ("ed25519", &["-t", "ed25519", "-N", ""][..], None),
        ("locked", &["-t", "ed25519", "-N", "Stein-und-Bein"], Some("Stein-und-Bein")),
        ("rsa", &["-t", "rsa", "-b", "2048", "-N", ""], None),
        ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""], None),
        (
            "pem-locked",
            &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "Stein-und-Bein"],
            Some("Stein-und-Bein"),
        ),
        ("ecdsa", &["-t", "ecdsa", "-b", "256", "-N", ""], None),
    ] {
        let (file, authorized) = make_key(&files, name, arguments);
        let door = device.ssh_with(&Ssh { authorized, password: false, ..Ssh::default() });
        let key = Key { file: file.clone(), passphrase: passphrase.map(Secret::new) };
        let user =
            User { config: Config { keys: vec![key], password: None, ..User::new().config }, ..User::new() };
        let mut session = user.connect(&door).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(session.exec("show /system1", soon()).unwrap().status, Some(0));
        if passphrase.is_some() {
            let key = Key { file: file.clone(), passphrase: Some(Secret::new("falsch-und-kalt")) };
            let user = User { config: Config { keys: vec![key], ..user.config.clone() }, ..User::new() };
            let error = user.refused(&door);
            assert!(matches!(&error, Error::BadFile { path, .. } if *path == file), "{name}: {error}");
        } else {
            works(
                &User {
                    config: Config { keys: Vec::new(), ..user.config },
                    ..User::with(&format!("-i {file}"))
                },
                &door,
            );
        }
    }
    assert_eq!(device.logins(), []);
}

/// A running ssh-agent.
struct Agent(std::process::Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

#[test]
fn the_keys_of_an_agent_are_taken_and_one_that_never_answers_keeps_nobody() {
    let device = ilo();
    let files = TempDir::new("ssh-agent");
    let socket = files.path().join("agent").to_str().unwrap().to_owned();
    let _agent =
        Agent(Command::new("ssh-agent").args(["-D", "-a", &socket]).stdout(Stdio::null()).spawn().unwrap());
    assert!(peers::until(LONG, || fs::exists(&socket).unwrap()));
    let with = |socket: &str, options: &str| User {
        config: Config { agent: Some(socket.to_owned()), password: None, ..User::new().config },
        ..User::with(options)
    };
    for (name, arguments) in
        [("ed25519", &["-t", "ed25519", "-N", ""][..]), ("rsa", &["-t", "rsa", "-b", "2048", "-N", ""])]
    {
        let (file, authorized) = make_key(&files, name, arguments);
        let door = device.ssh_with(&Ssh { authorized, password: false, ..Ssh::default() });
        assert!(matches!(with(&socket, "").refused(&door), Error::LoginDenied { .. }));
        let added =
            Command::new("ssh-add").arg("-q").arg(&file).env("SSH_AUTH_SOCK", &socket).output().unwrap();
        assert!(added.status.success(), "{added:?}");
        works(&with(&socket, ""), &door);
        let only = with(&socket, "-o IdentitiesOnly=yes").refused(&door);
        assert!(matches!(only, Error::NoSuchLogin { .. }), "{only}");
    }
    let silent = files.path().join("silent").to_str().unwrap().to_owned();
    let _listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
    let door = device.ssh();
    for path in [silent.as_str(), "/no/such/socket"] {
        let user = with(path, "");
        works(
            &User { config: Config { password: User::new().config.password, ..user.config }, ..user },
            &door,
        );
    }
}

#[test]
fn a_key_that_isn_t_there_is_told_before_anything_is_sent_and_one_that_isn_t_taken_gives_way_to_the_password()
{
    let device = ilo();
    let door = device.ssh();
    let missing = User::with("-i /no/such/key").refused(&door);
    assert!(matches!(&missing, Error::BadFile { path, .. } if path == "/no/such/key"), "{missing}");
    assert_eq!(door.connections(), 0);
    let files = TempDir::new("ssh-keys");
    let (stranger, _) = make_key(&files, "stranger", &["-t", "ed25519", "-N", ""]);
    works(&User::with(&format!("-i {stranger}")), &door);
}

#[test]
fn old_algorithms_are_offered_where_they_were_asked_for_and_the_refusal_names_them() {
    let device = ilo();
    let keys = vec![console::Key::Rsa];
    let door = device.ssh_with(&Ssh { keys, old: Old::Only, ..Ssh::default() });
    let error = User::new().refused(&door);
    let Error::NoCommonAlgorithm { why, .. } = &error else { panic!("{error}") };
    for option in
        ["KexAlgorithms=+diffie-hellman-group1", "HostKeyAlgorithms=+ssh-rsa", "Ciphers=+aes128-cbc"]
    {
        assert!(why.to_string().contains(option), "{why}");
    }
    assert_eq!(device.logins(), []);
    for options in [
        "-o KexAlgorithms=+diffie-hellman-group1-sha1 -o HostKeyAlgorithms=+ssh-rsa -c 3des-cbc",
        "-o KexAlgorithms=+diffie-hellman-group14-sha1 -o HostKeyAlgorithms=ssh-rsa -o Ciphers=+aes128-cbc",
    ] {
        works(&User::with(options), &door);
    }
    let old = User { config: Config { legacy: Legacy::Offered, ..User::new().config }, ..User::new() };
    works(&old, &door);
    works(&old, &device.ssh());
}

/// The fingerprint of a host key as ssh-keygen shows it.
fn fingerprint_of(line: &str) -> String {
    let files = TempDir::new("fingerprint");
    let file = files.write("key.pub", line);
    let shown = Command::new("ssh-keygen").arg("-lf").arg(file).output().unwrap().stdout;
    String::from_utf8(shown).unwrap().split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn a_new_host_key_is_written_down_as_ssh_reads_it_and_a_changed_one_is_refused() {
    let device = ilo();
    let door = device.ssh();
    let user = User::new();
    works(&user, &door);
    let written = fs::read_to_string(user.known_hosts()).unwrap();
    let name = format!("[127.0.0.1]:{}", door.port());
    let found = Command::new("ssh-keygen").args(["-F", &name, "-f", &user.known_hosts()]).output().unwrap();
    assert!(found.status.success() && written.lines().count() == 1, "{written}");
    works(&user, &door);
    assert_eq!(fs::read_to_string(user.known_hosts()).unwrap(), written);

    let logins = device.logins().len();
    door.new_host_key(console::Key::Ed25519);
    let error = user.refused(&door);
    let Error::HostKeyChanged { shown, known, .. } = &error else { panic!("{error}") };
    let before = fingerprint_of(written.split_once(' ').unwrap().1);
    assert_eq!(known.fingerprint.to_string(), before);
    let text = error.to_string();
    for part in [&before, &shown.fingerprint.to_string(), &format!("{}:1", user.known_hosts())] {
        assert!(text.contains(part.as_str()), "{text}");
    }
    // Whoever that is gets no password, and nothing was written over.
    let careless = User { options: "-o StrictHostKeyChecking=no".into(), ..user };
    let error = careless.refused(&door);
    assert!(matches!(error, Error::NoSuchLogin { .. }), "{error}");
    assert_eq!(device.logins().len(), logins);
    assert_eq!(fs::read_to_string(careless.known_hosts()).unwrap(), written);
}

#[test]
fn a_session_says_whether_its_host_key_allows_passwords() {
    let device = ilo();
    let door = device.ssh_with(&Ssh { open: true, ..Ssh::default() });
    let user = User::with("-o StrictHostKeyChecking=no");
    assert!(user.connect(&door).unwrap().may_show_passwords());
    door.new_host_key(console::Key::Ed25519);
    let session = user.connect(&door).unwrap();
    assert!(session.is_open_to_all() && !session.may_show_passwords());
}

#[test]
fn host_keys_are_demanded_revoked_and_pinned() {
    let device = ilo();
    let door = device.ssh();
    let strict = User::with("-o StrictHostKeyChecking=yes");
    let error = strict.refused(&door);
    let Error::HostKeyUnknown { shown, .. } = &error else { panic!("{error}") };
    let user = User::new();
    works(&user, &door);
    let line = fs::read_to_string(user.known_hosts()).unwrap();
    fs::write(strict.known_hosts(), format!("rubbish\n{line}")).unwrap();
    works(&strict, &door);
    fs::write(strict.known_hosts(), format!("{line}@revoked * {}", line.split_once(' ').unwrap().1)).unwrap();
    let error = strict.refused(&door);
    assert!(matches!(&error, Error::HostKeyRevoked { place, .. } if place.line == 2), "{error}");

    let pinned = |pin: &str| User {
        config: Config { pins: vec![Fingerprint::parse(pin).unwrap()], ..User::new().config },
        ..User::new()
    };
    let right = pinned(&shown.fingerprint.to_string());
    works(&right, &door);
    assert!(fs::metadata(right.known_hosts()).is_err(), "a pin needs no file");
    let logins = device.logins().len();
    let error = pinned("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU").refused(&door);
    assert!(matches!(&error, Error::NotPinned { shown: other, .. } if other == shown), "{error}");
    assert_eq!(device.logins().len(), logins);
}

#[test]
fn a_device_is_asked_for_the_kind_of_key_that_is_known_of_it() {
    let device = ilo();
    let door =
        device.ssh_with(&Ssh { keys: vec![console::Key::Ed25519, console::Key::Rsa], ..Ssh::default() });
    let user = User::with("-o HostKeyAlgorithms=rsa-sha2-256");
    works(&user, &door);
    let user = User { options: String::new(), ..user };
    works(&user, &door);
    assert_eq!(user.connect(&door).unwrap().host_key().kind(), "ssh-rsa");
    let mut fresh = User::new().connect(&door).unwrap();
    assert_eq!(fresh.host_key().kind(), "ssh-ed25519");
    // Nor is one whose key is pinned, where the kind of that is told.
    let pins = vec![user.connect(&door).unwrap().host_key().fingerprint()];
    let pinned = |kinds: &[&str]| User {
        config: Config {
            pins: pins.clone(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            ..User::new().config
        },
        ..User::new()
    };
    works(&pinned(&["ssh-rsa"]), &door);
    assert!(matches!(pinned(&[]).refused(&door), Error::NotPinned { .. }));
    fresh.close(soon());
}

#[test]
fn a_file_of_known_hosts_that_can_t_be_written_keeps_nobody_out() {
    let device = ilo();
    let door = device.ssh();
    let options = "-o UserKnownHostsFile=/proc/no/file";
    works(&User::with(options), &door);
    works(&User::with("-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no"), &door);
}

#[test]
fn what_is_said_before_the_login_is_no_question() {
    let device = ilo();
    let ssh = Ssh {
        banner: "Password: never share it\nlogin: \n",
        before: b"Welcome\r\nPassword: \r\n".to_vec(),
        ..Ssh::default()
    };
    works(&User::new(), &device.ssh_with(&ssh));
    assert_eq!(device.refused_logins(), 0);
}

#[test]
fn options_that_can_t_be_honoured_are_told_before_anything_is_sent() {
    let device = ilo();
    let door = device.ssh();
    let error = User::with("-o ProxyJump=gate").refused(&door);
    assert!(error.to_string().contains("ProxyJump"), "{error}");
    assert_eq!(door.connections(), 0);
}

#[test]
fn an_answer_without_end_is_cut_off() {
    let device = Device::of(&BLADECENTER).fault(Fault::at(0, Trouble::Endless)).start();
    let door = device.ssh();
    let mut session = User::new().connect(&door).unwrap();
    let error = session.exec("list -l 2", soon()).unwrap_err();
    assert!(matches!(error, Error::TooLong { .. }), "{error}");
}

#[test]
fn a_command_that_never_ends_is_given_up_at_the_deadline_and_one_that_is_cut_is_no_answer() {
    let device = Device::of(&BLADECENTER).fault(Fault::at(0, Trouble::Silence)).start();
    let door = device.ssh();
    let mut session = User::new().connect(&door).unwrap();
    let begun = Instant::now();
    let error = session.exec("list -l 2", Deadline::after(SHORT)).unwrap_err();
    assert!(matches!(error, Error::Line(stream::Error::TimedOut { .. })), "{error}");
    assert!(begun.elapsed() < LONG / 2);
    let device = Device::of(&BLADECENTER).fault(Fault::at(0, Trouble::Silence)).start();
    let door = device.ssh();
    let mut session = User::new().connect(&door).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(peers::until(LONG, || device.struck() > 0));
            door.cut();
        });
        let error = session.exec("list -l 2", soon()).unwrap_err();
        assert!(matches!(error, Error::Line(stream::Error::Closed { .. })), "{error}");
    });
}

#[test]
fn a_command_that_the_device_refuses_has_an_exit_code_that_says_so() {
    let refusing = console::Console { exec: Exec::Refused("no commands here"), ..ILO };
    let device = Device::of(&refusing).outlets(&["server1"]).start();
    let door = device.ssh();
    let mut session = User::new().connect(&door).unwrap();
    let output = session.exec("show /system1", soon()).unwrap();
    assert_eq!(output.status, Some(1));
}

/// A peer that does this with each connection, and how a login there ends.
fn meets(limit: Duration, peer: impl Fn(TcpStream) + Send + Sync + 'static) -> (Error, Duration) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || peer(listener.accept().unwrap().0));
    let begun = Instant::now();
    let outcome = User::new().connect_to(port, Deadline::after(limit));
    let took = begun.elapsed();
    let error = outcome.map(|session| format!("{session:?}")).expect_err("nobody to log in to");
    let _ = server.join();
    (error, took)
}

/// Keeps a connection until the other side ends it.
fn hold(mut stream: TcpStream) {
    let mut ignored = [0; 4096];
    while matches!(stream.read(&mut ignored), Ok(1..)) {}
}

#[test]
fn no_peer_holds_a_login_beyond_its_deadline() {
    let late = |error: &Error| matches!(error, Error::Line(stream::Error::TimedOut { .. }));
    let (silent, took) = meets(SHORT, hold);
    assert!(late(&silent) && took < LONG / 2, "{silent}");
    let (greeting, _) = meets(SHORT, |mut stream| {
        stream.write_all(b"SSH-2.0-nothing-else\r\n").unwrap();
        hold(stream);
    });
    assert!(late(&greeting), "{greeting}");
    let (dripping, _) = meets(SHORT, |mut stream| {
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(late(&dripping), "{dripping}");
    for flood in
        [&b"rubbish "[..], b"line\r\n", b"\r\n", b"SSH-2.0-x\r\n\0\0\0\x0c\x0a\x02\0\0\0\0\0\0\0\0\0\0"]
    {
        let (error, took) = meets(SHORT, move |mut stream| {
            let flood = flood.repeat(1024);
            while stream.write_all(&flood).is_ok() {}
        });
        assert!(took < LONG / 2, "{took:?}");
        assert!(matches!(error, Error::Line(_)), "{error}");
    }
    for words in [&b""[..], b"SSH-", b"SSH-2.0-x\r\n", b"SSH-2.0-x\r\n\0\0\x01\0", b"\0\0\0"] {
        let (closed, _) = meets(LONG, move |mut stream| {
            stream.write_all(words).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            hold(stream);
        });
        assert!(matches!(closed, Error::Line(_)) && !late(&closed), "{closed}");
    }
}

/// Stands before a device, and lets only so many of its bytes through; then says nothing more, or closes.
fn short(door: &Door, most: usize, closes: bool) -> (u16, mpsc::Sender<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (port, device) = (listener.local_addr().unwrap().port(), door.address());
    let (release, held) = mpsc::channel();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect(device).unwrap();
        let (mut upwards, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut upwards, &mut to));
        let _ = std::io::copy(&mut (&mut server).take(most as u64), &mut client);
        if !closes {
            let _: Result<(), _> = held.recv();
        }
        let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
    });
    (port, release)
}

#[test]
fn a_device_that_falls_silent_or_goes_away_at_any_place_is_no_answer_and_keeps_nobody() {
    let device = ilo();
    let door = device.ssh();
    let user = User::with("-o StrictHostKeyChecking=no");
    for most in (0..2600).step_by(130) {
        for closes in [true, false] {
            let (port, release) = short(&door, most, closes);
            let limit = if closes { LONG } else { Duration::from_millis(300) };
            let begun = Instant::now();
            let outcome = user.connect_to(port, Deadline::after(limit)).and_then(|mut session| {
                let output = session.exec("show /system1", Deadline::after(limit))?;
                Ok(output.status)
            });
            assert!(begun.elapsed() < LONG / 2, "{most}");
            // What got through whole may have been an answer; whatever was cut isn't one.
            assert!(matches!(outcome, Err(_) | Ok(None | Some(0))), "{most}: {outcome:?}");
            drop(release);
        }
    }
    assert_eq!(device.refused_logins(), 0);
}

#[test]
fn dropbear_is_talked_to_as_sshd_is() {
    let device = Device::of(&BLADECENTER).start();
    let door = device.dropbear();
    let user = User::new();
    let mut session = user.connect(&door).unwrap_or_else(|error| panic!("{error}\n{}", door.log()));
    let off = session.exec("power -off -T system:blade[2]", soon()).unwrap();
    assert_eq!((off.status, off.stdout.as_slice()), (Some(0), &b"OK\r\n"[..]));
    let mut line = user.connect(&door).unwrap().shell(&Terminal::DEVICE, soon()).unwrap();
    read_until(&mut line, "system> ");
    line.write_all(b"power -state -T system:blade[2]\r", soon()).unwrap();
    let answer = read_until(&mut line, "system> ");
    assert!(answer.contains("Off") && !device.is_on("2"), "{answer}");
    line.write_all(b"exit\r", soon()).unwrap();
    line.close(soon());
    let wrong = Some(Secret::new("falsches-Pferd-4712"));
    let stranger = User { config: Config { password: wrong, ..User::new().config }, ..User::new() };
    let error = stranger.refused(&door);
    assert!(matches!(error, Error::LoginDenied { .. }), "{error}");
}

/// How a login ends at a server with this habit, to which this was said by the end of it.
fn asked(habit: Habit, said: &[&str]) -> Result<(), Error> {
    let server = AsyncSsh::start(habit);
    let outcome = User::new().connect_to(server.port(), soon()).map(|mut session| session.close(soon()));
    let gone = || server.told().last().is_some_and(|last| last == "gone");
    assert!(peers::until(LONG, gone), "{habit:?}: {:?}", server.told());
    assert_eq!(server.told(), [said, &["gone"]].concat(), "{habit:?}");
    outcome
}

#[test]
fn a_question_that_isn_t_for_the_password_ends_the_login_unanswered() {
    for (habit, said) in [(Habit::TwoQuestions, &[][..]), (Habit::TwoRounds, &["answers password"])] {
        let error = asked(habit, said).unwrap_err();
        assert!(matches!(&error, Error::Asked { question, .. } if question.is("Code:")), "{error}");
    }
    let again = asked(Habit::AsksAgain, &["answers password"]).unwrap_err();
    assert!(matches!(again, Error::LoginDenied { .. }), "{again}");
    asked(Habit::SilentRound, &["answers", "answers password"]).unwrap();
}

#[test]
fn whoever_ends_the_connection_at_the_password_has_refused_it() {
    for (habit, said) in
        [(Habit::LeavesAtPassword, "password True"), (Habit::LeavesAtAnswer, "answers password")]
    {
        let error = asked(habit, &[said]).unwrap_err();
        assert!(matches!(error, Error::LoginDenied { ended: true, .. }), "{habit:?}: {error}");
    }
    let error = asked(Habit::LeavesBefore, &[]).unwrap_err();
    assert!(matches!(error, Error::Line(stream::Error::Closed { .. })), "{error}");
    let server = AsyncSsh::start(Habit::SilentAtPassword);
    let user = User::new();
    let mut limit = SHORT;
    // A machine that is busy may need longer to get as far as the password.
    let error = loop {
        let error = user.connect_to(server.port(), Deadline::after(limit)).unwrap_err();
        if !server.told().iter().all(|told| told == "gone") || limit > LONG {
            break error;
        }
        limit *= 2;
    };
    assert!(matches!(error, Error::AfterPassword(stream::Error::TimedOut { .. })), "{error}");
}

#[test]
fn a_new_password_that_is_demanded_is_told_from_a_wrong_one_and_none_is_given() {
    for (habit, said) in [(Habit::Expired, &["password True"]), (Habit::NewPassword, &["answers password"])] {
        let error = asked(habit, said).unwrap_err();
        assert!(matches!(error, Error::PasswordExpired { .. }), "{habit:?}: {error}");
    }
}

#[test]
fn an_exit_code_that_was_not_told_is_none_and_a_signal_is_named() {
    for (habit, signal) in [(Habit::NoStatus, None), (Habit::Signal, Some("TERM"))] {
        let server = AsyncSsh::start(habit);
        let mut session = User::new().connect_to(server.port(), soon()).unwrap();
        let output = session.exec("power", soon()).unwrap();
        assert_eq!(output.stdout, b"Power: Off\n");
        assert_eq!(output.status, None, "{habit:?}");
        assert_eq!(output.signal.as_ref().map(|signal| signal.raw()), signal);
    }
}

#[test]
fn packets_without_end_keep_nobody_beyond_the_deadline() {
    let server = AsyncSsh::start(Habit::Floods);
    let mut session = User::new().connect_to(server.port(), soon()).unwrap();
    let begun = Instant::now();
    let error = session.exec("power", Deadline::after(SHORT)).unwrap_err();
    assert!(begun.elapsed() < LONG / 2);
    // Whichever of them comes first: so much may come, and so long.
    let over =
        |error: &Error| matches!(error, Error::TooLong { .. } | Error::Line(stream::Error::TimedOut { .. }));
    assert!(over(&error), "{error}");
    let mut session = User::new().connect_to(server.port(), soon()).unwrap();
    let error = session.exec("power", soon()).unwrap_err();
    assert!(matches!(error, Error::TooLong { .. }), "{error}");
    let mut line = User::new()
        .connect_to(server.port(), soon())
        .and_then(|session| session.shell(&Terminal::DEVICE, soon()))
        .unwrap();
    // What is said among them arrives, and then nothing does.
    let mut came = Vec::new();
    let mut look = || {
        let mut buffer = [0; 64];
        let read = line.read(&mut buffer, Deadline::after(SHORT));
        read.map(|length| came.extend_from_slice(&buffer[..length])).map(|()| came.clone())
    };
    assert!(peers::until(LONG, || look().is_ok_and(|came| came == b"Power: Off\r\n")));
    let nothing = look();
    let over = |error| matches!(error, stream::Error::TimedOut { .. } | stream::Error::Garbled { .. });
    assert!(nothing.clone().is_err_and(over), "{nothing:?}");
    let begun = Instant::now();
    line.close(Deadline::after(SHORT));
    assert!(begun.elapsed() < LONG / 2);
}

#[test]
fn the_oldest_algorithms_of_all_are_there_where_they_are_asked_for() {
    let server = AsyncSsh::start(Habit::Old);
    let error = User::new().connect_to(server.port(), soon()).unwrap_err();
    assert!(error.to_string().contains("HostKeyAlgorithms=+ssh-dss"), "{error}");
    let old = User { config: Config { legacy: Legacy::Offered, ..User::new().config }, ..User::new() };
    let mut session = old.connect_to(server.port(), soon()).unwrap();
    assert_eq!(session.host_key().kind(), "ssh-dss");
    assert_eq!(session.exec("power", soon()).unwrap().status, Some(0));
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    let user = User::new();
    let key = Key { file: "/k".into(), passphrase: Some(Secret::new(PASSWORD)) };
    let config = Config { keys: vec![key], ..user.config };
    assert!(!format!("{config:?}").contains(PASSWORD));
}
