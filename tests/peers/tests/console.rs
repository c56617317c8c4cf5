//! The scripted consoles, judged by clients that others wrote: OpenSSH's ssh and inetutils' telnet.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use peers::console::{
    APC, APC_MENUS, BLADECENTER, Console, Device, Door, EATON, Enter, Exec, Fault, IAC, ILO, Key, NETIO,
    Negotiation, Old, PASSWORD, Ssh, Trouble, USER, WTI,
};
use peers::power::Habit;
use peers::{TempDir, until};

/// No answer takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A conversation with a program: it is waited for what it shows, and typed to.
struct Talk {
    child: Child,
    stdin: Option<ChildStdin>,
    shown: Arc<Mutex<Vec<u8>>>,
    readers: Vec<thread::JoinHandle<()>>,
    /// How much of it has been waited for.
    passed: usize,
    _files: TempDir,
}

impl Talk {
    fn with(command: &mut Command, files: TempDir) -> Talk {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let shown = Arc::new(Mutex::new(Vec::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let readers = pipes.into_iter().map(|mut pipe| {
            let shown = Arc::clone(&shown);
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                    shown.lock().unwrap().extend_from_slice(&buffer[..length]);
                }
            })
        });
        let readers = readers.collect();
        let stdin = child.stdin.take();
        Talk { child, stdin, shown, readers, passed: 0, _files: files }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// Waits for this, and gives what came before it.
    fn until(&mut self, text: &str) -> String {
        let found = |shown: &[u8]| shown.windows(text.len()).position(|part| part == text.as_bytes());
        let mut place = None;
        let came = until(PATIENCE, || {
            place = found(&self.shown.lock().unwrap()[self.passed..]);
            place.is_some()
        });
        assert!(came, "no {text:?} in {:?}", self.text());
        let from = self.passed;
        self.passed += place.unwrap() + text.len();
        String::from_utf8_lossy(&self.shown.lock().unwrap()[from..self.passed - text.len()]).into_owned()
    }

    fn line(&mut self, line: &str) {
        self.bytes(format!("{line}\r").as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes).unwrap();
        stdin.flush().unwrap();
    }

    /// Types a line at this prompt, and gives the answer up to the next one, without the line itself.
    fn ask(&mut self, line: &str, prompt: &str) -> String {
        self.line(line);
        let answer = self.until(prompt).replace('\r', "");
        answer.strip_prefix(line).unwrap_or(&answer).trim().to_owned()
    }

    /// The exit code, once it has ended by itself and everything that it has shown is here.
    fn code(&mut self) -> i32 {
        assert!(until(PATIENCE, || self.child.try_wait().unwrap().is_some()), "{:?}", self.text());
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// OpenSSH's client, which gives this password when it is asked.
fn ssh_as(door: &Door, password: &str, more: &[&str], command: &[&str]) -> Talk {
    let files = TempDir::new("console-test");
    let askpass = files.program("askpass", &format!("#!/bin/sh\necho '{password}'\n"));
    let known = files.path().join("known_hosts");
    let mut ssh = Command::new("ssh");
    // The first of several values counts.
    ssh.args(more)
        .args([
            "-F",
            "none",
            "-p",
            &door.port().to_string(),
            "-l",
            USER,
            "-o",
            "StrictHostKeyChecking=accept-new",
        ])
        .args(["-o", "NumberOfPasswordPrompts=1", "-o", "IdentityAgent=none", "-o", "LogLevel=ERROR"])
        .args(["-o", "GlobalKnownHostsFile=none", "-o", &format!("UserKnownHostsFile={}", known.display())])
        .arg("127.0.0.1")
        .args(command)
        .env("SSH_ASKPASS", askpass)
        .env("SSH_ASKPASS_REQUIRE", "force");
    Talk::with(&mut ssh, files)
}

fn ssh(door: &Door) -> Talk {
    ssh_as(door, PASSWORD, &["-tt"], &[])
}

fn telnet(door: &Door) -> Talk {
    let mut telnet = Command::new("telnet");
    telnet.args(["-E", "127.0.0.1", &door.port().to_string()]);
    Talk::with(&mut telnet, TempDir::new("console-test"))
}

/// Status, off and on at APC's command line, which is there already.
fn fence(talk: &mut Talk, device: &Device) {
    let status = "E000: Success\n 1: web1: On\n 2: db1: On\n 3: db2: On\n 4: spare: On";
    assert_eq!(talk.ask("olStatus all", "apc>"), status);
    assert_eq!(talk.ask("olOff 2", "apc>"), "E000: Success");
    assert!(!device.is_on("2") && device.is_on("1") && device.is_on("3"));
    assert_eq!(talk.ask("olStatus 2", "apc>"), "E000: Success\n 2: db1: Off");
    assert_eq!(talk.ask("olOn db1", "apc>"), "E000: Success");
    assert!(device.is_on("2"));
    assert_eq!(talk.ask("olOff 9", "apc>"), "E102: Parameter Error");
    assert_eq!(talk.ask("show", "apc>"), "E101: Command Not Found");
    assert_eq!(talk.ask("olOff 1,3-4", "apc>"), "E000: Success");
    assert_eq!(["1", "2", "3", "4"].map(|id| device.is_on(id)), [false, true, false, false]);
    talk.line("exit");
}

#[test]
fn ssh_fences_an_outlet_at_a_real_sshd() {
    let device = Device::of(&APC).start();
    let door = device.ssh();
    let mut talk = ssh(&door);
    assert!(talk.until("apc>").contains("Network Management Card AOS"), "{}", door.log());
    fence(&mut talk, &device);
    assert_eq!(talk.code(), 0);
    assert!(talk.text().ends_with("apc>exit\r\nBye.\r\n"), "{:?}", talk.text());
    assert_eq!(device.logins(), [(USER.to_owned(), true)]);
    assert_eq!(device.typed().first().map(String::as_str), Some("olStatus all"));
    assert_eq!(
        device.taken().iter().map(|taken| (taken.id.as_str(), taken.on)).collect::<Vec<_>>()[..2],
        [("2", false), ("2", true)]
    );
    assert!(until(PATIENCE, || device.open_sessions() == 0));
    assert_eq!((device.sessions(), door.connections()), (1, 1));
}

#[test]
fn telnet_fences_an_outlet_at_a_real_telnetd() {
    let device = Device::of(&APC).start();
    let door = device.telnetd();
    let mut talk = telnet(&door);
    talk.until("User Name : ");
    talk.line(USER);
    talk.until("Password  : ");
    talk.line(PASSWORD);
    // A star for each character, and no word of it.
    assert!(!talk.until("apc>").contains(PASSWORD));
    fence(&mut talk, &device);
    talk.code();
    assert!(until(PATIENCE, || device.open_sessions() == 0));
    assert_eq!(device.refused_logins(), 0);
}

#[test]
fn a_wrong_password_is_refused_and_counted_at_each_door() {
    let device = Device::of(&APC).start();
    let door = device.ssh();
    let mut talk = ssh_as(&door, "wrong", &["-tt"], &[]);
    assert_eq!(talk.code(), 255, "{}", talk.text());
    assert!(talk.text().contains("Permission denied"), "{}", talk.text());
    assert_eq!((device.refused_logins(), device.sessions()), (1, 0));
    let door = device.ssh_with(&Ssh { password: false, keyboard_interactive: true, ..Ssh::default() });
    assert_eq!(ssh_as(&door, "wrong", &["-tt"], &[]).code(), 255);
    assert_eq!((device.refused_logins(), device.sessions()), (2, 0));
    ssh(&door).until("apc>");
    for door in [device.telnetd(), device.telnet(Negotiation::PROPER)] {
        let before = device.refused_logins();
        let mut talk = telnet(&door);
        for _ in 0..3 {
            talk.until("User Name : ");
            talk.line(USER);
            talk.until("Password  : ");
            talk.line("wrong");
            talk.until("Invalid login");
        }
        talk.code();
        assert_eq!(device.refused_logins(), before + 3);
    }
}

#[test]
fn a_key_and_nobody_at_all_log_in_where_that_is_set_up() {
    let files = TempDir::new("console-test");
    let key = files.path().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success());
    let authorized = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let device = Device::of(&APC).start();
    let door = device.ssh_with(&Ssh { authorized, password: false, ..Ssh::default() });
    ssh_as(&door, "", &["-tt", "-i", key.to_str().unwrap()], &[]).until("apc>");
    assert_eq!(ssh_as(&door, PASSWORD, &["-tt"], &[]).code(), 255);
    // Whoever comes is asked in the session.
    let asking = Device::of(&Console { asks_over_ssh: true, ..APC }).start();
    let door = asking.ssh_with(&Ssh { open: true, ..Ssh::default() });
    let mut talk = ssh_as(&door, "never asked for", &["-tt"], &[]);
    talk.until("User Name : ");
    talk.line(USER);
    talk.until("Password  : ");
    talk.line(PASSWORD);
    talk.until("apc>");
    assert_eq!(asking.logins(), [(USER.to_owned(), true)]);
}

#[test]
fn a_device_of_old_agrees_on_nothing_that_is_new() {
    let device = Device::of(&APC).start();
    let door = device.ssh_with(&Ssh { keys: vec![Key::Rsa], old: Old::Only, ..Ssh::default() });
    let mut talk = ssh_as(&door, PASSWORD, &["-tt", "-o", "LogLevel=INFO"], &[]);
    assert_eq!(talk.code(), 255);
    assert!(talk.text().contains("no matching key exchange method found"), "{}", talk.text());
    let kex = ["-tt", "-o", "KexAlgorithms=+diffie-hellman-group1-sha1", "-o", "HostKeyAlgorithms=+ssh-rsa"];
    let old = [&kex[..], &["-o", "Ciphers=+3des-cbc"]].concat();
    ssh_as(&door, PASSWORD, &old, &[]).until("apc>");
}

#[test]
fn a_command_that_comes_with_the_connection_is_done_or_refused_with_an_exit_code() {
    let device = Device::of(&Console { exec: Exec::Done, ..APC }).start();
    let door = device.ssh();
    let mut talk = ssh_as(&door, PASSWORD, &[], &["olOff", "2"]);
    assert_eq!((talk.code(), talk.text().as_str()), (0, "E000: Success\r\n"));
    assert!(!device.is_on("2"));
    assert_eq!(ssh_as(&door, PASSWORD, &[], &["reboot"]).code(), 1);
    let refusing = Device::of(&Console { exec: Exec::Refused("no\n"), ..APC }).start();
    let door = refusing.ssh();
    let mut talk = ssh_as(&door, PASSWORD, &[], &["olOff", "2"]);
    assert_eq!((talk.code(), talk.text().as_str()), (1, "no\r\n"));
    assert!(refusing.is_on("2"));
}

#[test]
fn menus_are_walked_with_a_confirmation() {
    let device =
        Device::of(&APC_MENUS).habit(Habit { delay: Duration::from_secs(3600), ..Habit::default() }).start();
    let door = device.ssh();
    let mut talk = ssh(&door);
    assert!(talk.until("\n> ").contains("1- Device Manager"));
    talk.ask("1", "\n> ");
    talk.ask("2", "\n> ");
    assert!(talk.ask("1", "\n> ").contains("2- db1                     ON"));
    assert!(talk.ask("2", "\n> ").contains("1- Control Outlet"));
    talk.ask("1", "\n> ");
    assert!(talk.ask("2", "cancel : ").contains("shutdown outlet 2 named 'db1'"));
    assert!(talk.ask("", "\n> ").contains("State        : ON\n"));
    assert_eq!(device.taken(), []);
    talk.ask("2", "cancel : ");
    talk.ask("YES", "continue...");
    // Pending is what it says, and on is what it is.
    assert!(talk.ask("", "\n> ").contains("State        : ON*"));
    assert!(device.is_on("2"));
    device.behave("2", Habit::default());
    talk.ask("2", "cancel : ");
    talk.ask("YES", "continue...");
    assert!(talk.ask("", "\n> ").contains("State        : OFF\n"));
    assert!(!device.is_on("2"));
    // Back to the list, and out.
    talk.bytes(&[27]);
    talk.until("\n> ");
    talk.bytes(&[3]);
    assert!(talk.until("\n> ").contains("4- Logout"));
    talk.line("4");
    talk.code();
}

#[test]
fn wti_asks_for_a_password_alone_shows_pages_and_takes_one_at_a_time() {
    let names: Vec<String> = (1..=40).map(|number| format!("node{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let device = Device::of(&WTI).outlets(&names).start();
    let door = device.telnetd();
    let mut talk = telnet(&door);
    talk.until("Enter Password: ");
    talk.line(PASSWORD);
    talk.until("NPS> ");
    let mut other = telnet(&door);
    other.until("Port is in use.");
    other.code();
    let first = talk.ask("/S", "Enter: ");
    assert!(first.contains(" 1   | node1            |  ON     |") && !first.contains("node20"), "{first}");
    let second = talk.ask("", "Enter: ");
    assert!(second.contains("node20") && !second.contains("node40"), "{second}");
    assert!(talk.ask("", "NPS> ").contains("node40"));
    assert_eq!(talk.ask("/Off node40,y", "NPS> "), "Processing - please wait ...");
    assert!(!device.is_on("40") && device.is_on("4"));
    talk.ask("/Off 4", "Sure? (Y/N): ");
    talk.ask("n", "NPS> ");
    assert!(device.is_on("4"));
    talk.ask("/Off 4", "Sure? (Y/N): ");
    talk.ask("y", "NPS> ");
    assert!(!device.is_on("4"));
    assert_eq!(talk.ask("/On 41,y", "NPS> "), "Invalid Plug.");
    talk.line("/X");
    talk.code();
    // The next one is let in.
    assert!(until(PATIENCE, || device.open_sessions() == 0));
    telnet(&door).until("Enter Password: ");
}

/// What a client gets that knows nothing of telnet, until this has come.
fn raw(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    while !all.windows(end.len()).any(|part| part == end) {
        let length = stream.read(&mut buffer).unwrap();
        assert!(length > 0, "closed after {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&buffer[..length]);
    }
    all
}

#[test]
fn our_own_telnet_negotiates_as_told() {
    let device = Device::of(&APC).start();
    for how in [Negotiation::PROPER, Negotiation::PATIENT, Negotiation::MUTE, Negotiation::TALKATIVE] {
        let door = device.telnet(how);
        let mut talk = telnet(&door);
        talk.until("User Name : ");
        talk.line(USER);
        talk.until("Password  : ");
        talk.line(PASSWORD);
        talk.until("apc>");
        assert!(talk.ask("olStatus 1", "apc>").ends_with(" 1: web1: On"), "{how:?}: {}", talk.text());
    }
    // Whoever answers nothing hears nothing.
    let door = device.telnet(Negotiation::PATIENT);
    let mut stream = TcpStream::connect(door.address()).unwrap();
    let options = Negotiation::PATIENT.opening;
    assert_eq!(raw(&mut stream, options), options);
    for (at, option) in options.chunks(3).enumerate() {
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert!(stream.read(&mut [0; 64]).is_err(), "before answer {at}");
        let verb = if option[1] == 253 { 252 } else { 254 };
        stream.write_all(&[IAC, verb, option[2]]).unwrap();
    }
    raw(&mut stream, b"User Name : ");
    // An option that is answered with the same question, every time.
    let door = device.telnet(Negotiation::STUBBORN);
    let mut stream = TcpStream::connect(door.address()).unwrap();
    raw(&mut stream, b"User Name : ");
    for _ in 0..3 {
        stream.write_all(&[IAC, 253, 1]).unwrap();
        assert_eq!(raw(&mut stream, &[IAC, 251, 1]), [IAC, 251, 1]);
    }
    // A plain port takes every byte for text.
    let plain = Device::of(&Console { login: None, ..APC }).start();
    let door = plain.telnet(Negotiation::NONE);
    let mut stream = TcpStream::connect(door.address()).unwrap();
    raw(&mut stream, b"apc>");
    stream.write_all(b"olOff 1\n").unwrap();
    raw(&mut stream, b"E000: Success\r\napc>");
    assert!(!plain.is_on("1"));
}

#[test]
fn faults_strike_at_the_line_they_are_told_and_count() {
    let device = Device::of(&Console { login: None, ..APC }).start();
    let door = device.telnet(Negotiation::NONE);
    let come = |faults: Vec<Fault>| {
        device.heal();
        faults.into_iter().for_each(|fault| device.fault(fault));
        TcpStream::connect(door.address()).unwrap()
    };
    let say =
        |stream: &mut TcpStream, line: &str| stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();

    let mut stream = come(vec![
        Fault::at(0, Trouble::Before(b"@!#garbage".to_vec())),
        Fault::at(1, Trouble::Inside(2, b"apc>".to_vec())),
        Fault::at(2, Trouble::Cut(2)),
        Fault::at(3, Trouble::Instead(b"E000: Success\r\n".to_vec())),
        Fault::at(4, Trouble::Close),
    ]);
    assert!(text(raw(&mut stream, b"apc>")).starts_with("@!#garbage\r\n"));
    say(&mut stream, "olStatus all");
    let answer = text(raw(&mut stream, b"spare: On\r\napc>"));
    assert!(answer.contains(" 1: web1: On\r\napc> 2: db1: On\r\n"), "{answer}");
    say(&mut stream, "olStatus all");
    let answer = text(raw(&mut stream, b"apc>"));
    assert!(answer.ends_with("E000: Success\r\n 1: web1: On\r\napc>"), "{answer}");
    say(&mut stream, "olOff 1");
    raw(&mut stream, b"E000: Success\r\napc>");
    assert!(device.is_on("1"));
    // It is done, though nobody is told.
    say(&mut stream, "olOff 1");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(text(rest), "olOff 1\r\n");
    assert!(!device.is_on("1"));
    assert_eq!(device.struck(), 5);

    let mut stream = come(vec![Fault::at(1, Trouble::Silence)]);
    raw(&mut stream, b"apc>");
    say(&mut stream, "olOn 1");
    assert!(until(PATIENCE, || device.is_on("1")));
    raw(&mut stream, b"olOn 1\r\n");
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(stream.read(&mut [0; 64]).is_err());

    let mut stream = come(vec![Fault::at(1, Trouble::Endless)]);
    raw(&mut stream, b"apc>");
    say(&mut stream, "olStatus 1");
    let mut much = vec![0; 1_000_000];
    stream.read_exact(&mut much).unwrap();
    drop(stream);

    let mut stream =
        come(vec![Fault { step: 1, times: 1, trouble: Trouble::Late(Duration::from_millis(30)) }]);
    raw(&mut stream, b"apc>");
    device.say_unasked("\r\nSC Alert: nothing\r\n");
    raw(&mut stream, b"SC Alert: nothing\r\n");
    say(&mut stream, "olStatus 1");
    raw(&mut stream, b"web1: On\r\napc>");
    drop(stream);
    // What a session leaves behind is nothing.
    drop(door);
    assert!(until(PATIENCE, || device.open_sessions() == 0));
}

#[test]
fn ends_of_lines_count_as_the_console_has_them() {
    for (enter, typed, lines) in [
        (Enter::Any, "a\r\nb\nc\rd\r\0", &["a", "b", "c", "d"][..]),
        (Enter::Cr, "a\r\nb\n\rc\r", &["a", "b", "c"]),
        (Enter::Lf, "a\r\nb\n\rc\n", &["a", "b", "c"]),
        (Enter::Each, "a\r\nb\nc\r", &["a", "", "b", "c"]),
    ] {
        let device = Device::of(&Console { login: None, enter, ..APC }).start();
        let door = device.telnet(Negotiation::NONE);
        let mut stream = TcpStream::connect(door.address()).unwrap();
        raw(&mut stream, b"apc>");
        stream.write_all(typed.as_bytes()).unwrap();
        assert!(until(PATIENCE, || device.typed().len() >= lines.len()), "{enter:?}: {:?}", device.typed());
        stream.write_all(b"end\r\nend\r\n").unwrap();
        assert!(until(PATIENCE, || device.typed().iter().any(|line| line == "end")));
        assert_eq!(&device.typed()[..lines.len()], lines, "{enter:?}");
        assert_eq!(device.typed()[lines.len()], "end", "{enter:?}");
    }
}

#[test]
fn a_host_key_changes_and_what_comes_before_the_first_line_comes() {
    let device = Device::of(&APC).start();
    let door = device.ssh_with(&Ssh {
        before: b"garbage\r\n".to_vec(),
        banner: "Password: never\n",
        ..Ssh::default()
    });
    let mut first = TcpStream::connect(door.address()).unwrap();
    assert!(raw(&mut first, b"SSH-2.0").starts_with(b"garbage\r\n"));
    drop(first);
    let files = TempDir::new("console-test");
    let known = format!("UserKnownHostsFile={}", files.path().join("known").display());
    let more = ["-tt", "-o", &known, "-o", "LogLevel=INFO"];
    let mut talk = ssh_as(&door, PASSWORD, &more, &[]);
    assert!(talk.until("apc>").contains("Password: never"));
    drop(talk);
    door.new_host_key(Key::Ed25519);
    let mut talk = ssh_as(&door, PASSWORD, &more, &[]);
    assert_eq!(talk.code(), 255);
    assert!(talk.text().contains("REMOTE HOST IDENTIFICATION HAS CHANGED"), "{}", talk.text());
}

#[test]
fn a_door_that_closes_ends_every_session_behind_it() {
    let device = Device::of(&Console { login: None, ..APC }).start();
    let doors = [device.ssh(), device.telnetd(), device.telnet(Negotiation::PROPER)];
    let mut talks = [ssh(&doors[0]), telnet(&doors[1]), telnet(&doors[2])];
    talks.iter_mut().for_each(|talk| drop(talk.until("apc>")));
    assert_eq!(device.open_sessions(), 3);
    doors[0].cut();
    talks[0].code();
    assert!(until(PATIENCE, || device.open_sessions() == 2));
    // It is only that session which is gone.
    ssh(&doors[0]).until("apc>");
    drop(doors);
    for talk in talks.iter_mut().skip(1) {
        talk.code();
    }
    assert!(until(PATIENCE, || device.open_sessions() == 0));
}

#[test]
fn a_board_switches_itself_and_a_blade_is_named_or_gone_to() {
    let board = Device::of(&ILO).outlets(&["node1"]).start();
    let door = board.ssh();
    let mut talk = ssh(&door);
    talk.until("hpiLO-> ");
    assert!(talk.ask("show /system1", "hpiLO-> ").contains("enabledstate=enabled"));
    assert!(talk.ask("power off hard", "hpiLO-> ").starts_with("status=0"));
    assert!(!board.is_on("1"));
    assert!(talk.ask("show /system1", "hpiLO-> ").contains("enabledstate=disabled"));
    assert!(talk.ask("SMCLP", "hpiLO-> ").starts_with("status=2"));
    drop(talk);
    assert_eq!(ssh_as(&door, PASSWORD, &[], &["start", "/system1"]).code(), 0);
    assert!(board.is_on("1"));

    let chassis = Device::of(&BLADECENTER).start();
    let door = chassis.ssh();
    let mut talk = ssh(&door);
    talk.until("system> ");
    assert_eq!(talk.ask("power -state -T system:blade[2]", "system> "), "On");
    assert_eq!(talk.ask("power -off -T system:blade[2]", "system> "), "OK");
    assert_eq!(talk.ask("power -state -T system:blade[9]", "system> "), "The target bay is out of range.");
    talk.ask("env -T system:blade[2]", "system:blade[2]> ");
    assert_eq!(talk.ask("power -state", "system:blade[2]> "), "Off");
    talk.ask("power -on", "system:blade[2]> ");
    talk.ask("env -T system", "system> ");
    assert_eq!(chassis.history("2").iter().map(|(_, on)| *on).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(chassis.history("1").len(), 1);
}

#[test]
fn lines_of_a_protocol_are_a_console_too() {
    let device = Device::of(&NETIO).start();
    let door = device.telnet(Negotiation::NONE);
    let mut stream = TcpStream::connect(door.address()).unwrap();
    let mut ask = |line: &str, answer: &str| {
        stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        let end = format!("{answer}\r\n");
        let shown = String::from_utf8(raw(&mut stream, end.as_bytes())).unwrap();
        assert_eq!(shown.strip_prefix("100 HELLO E675DDA5\r\n").unwrap_or(&shown), end, "{line}");
    };
    ask("port 2 0", "505 FORBIDDEN");
    ask(&format!("login {USER} wrong"), "503 INVALID LOGIN");
    ask(&format!("login {USER} {PASSWORD}"), "250 OK");
    assert_eq!(device.logins(), [(USER.to_owned(), false), (USER.to_owned(), true)]);
    ask("port 2", "250 1");
    ask("port 2 0", "250 OK");
    ask("port 2", "250 0");
    ask("port setup 2", "250 \"db1\" manual 2 0");
    ask("port 5", "501 INVALID PARAMETR");
    ask("port", "502 UNKNOWN COMMAND");
    assert!(!device.is_on("2") && device.is_on("1"));

    let device = Device::of(&EATON).start();
    let door = device.ssh();
    let mut talk = ssh(&door);
    talk.until("pdu#0>");
    assert_eq!(talk.ask("get PDU.OutletSystem.Outlet.Count", "pdu#0>"), "4");
    assert_eq!(talk.ask("set PDU.OutletSystem.Outlet[3].DelayBeforeShutdown 0", "pdu#0>"), "0");
    assert_eq!(talk.ask("get PDU.OutletSystem.Outlet[3].PresentStatus.SwitchOnOff", "pdu#0>"), "0");
    assert!(!device.is_on("3"));
}
