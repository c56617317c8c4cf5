//! The telnet client against a real telnetd, servers that negotiate as no one should, and ports without telnet. The device's
//! own books are the judge: what was typed, and who has logged in.

#![cfg(test)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use fence_agents::base::Deadline;
use fence_agents::protocols::stream::{Error, Stream};
use fence_agents::protocols::tcp::{Family, Line, Target};
use fence_agents::protocols::telnet::Telnet;
use peers::console::{Device, Door, EATON, NETIO, Negotiation, PASSWORD, USER};
use peers::until;

/// Long enough for a loaded machine: whoever runs into it hangs.
const LONG: Duration = Duration::from_secs(30);
/// For what is known to give no answer.
const SHORT: Duration = Duration::from_millis(400);

const IAC: u8 = 255;
const DO: u8 = 253;
const WILL: u8 = 251;

fn soon() -> Deadline {
    Deadline::after(LONG)
}

fn at(port: u16) -> Target {
    Target::new("127.0.0.1", port)
}

fn telnet(door: &Door) -> Telnet {
    Telnet::connect(&at(door.port()), soon()).unwrap()
}

/// Reads until this has come.
fn read_until(stream: &mut impl Stream, text: &str) -> Vec<u8> {
    let (mut all, deadline) = (Vec::new(), soon());
    while !all.ends_with(text.as_bytes()) {
        let mut buffer = [0; 256];
        let length = stream
            .read(&mut buffer, deadline)
            .unwrap_or_else(|error| panic!("{error}: no {text:?} in {:?}", String::from_utf8_lossy(&all)));
        assert_ne!(length, 0, "no {text:?} in {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&buffer[..length]);
    }
    all
}

fn say(stream: &mut impl Stream, text: &str) {
    stream.write_all(text.as_bytes(), soon()).unwrap();
}

/// Logs in, switches an outlet off, and leaves.
fn fence(device: &Device, door: &Door) {
    let mut line = telnet(door);
    read_until(&mut line, "login: ");
    say(&mut line, &format!("{USER}\r"));
    read_until(&mut line, "password: ");
    say(&mut line, &format!("{PASSWORD}\r"));
    read_until(&mut line, "pdu#0>");
    say(&mut line, "set PDU.OutletSystem.Outlet[2].DelayBeforeShutdown 0\r");
    let answer = read_until(&mut line, "pdu#0>");
    assert!(answer.is_ascii(), "{answer:?}");
    say(&mut line, "quit\r");
    line.close(soon());
    assert_eq!(device.logins(), [(USER.to_owned(), true)]);
    assert_eq!(device.typed(), ["set PDU.OutletSystem.Outlet[2].DelayBeforeShutdown 0", "quit"]);
    assert!(device.is_on("1") && !device.is_on("2"));
    assert!(until(LONG, || device.open_sessions() == 0));
}

#[test]
fn a_real_telnetd_is_talked_to() {
    let device = Device::of(&EATON).start();
    fence(&device, &device.telnetd());
}

#[test]
fn servers_that_negotiate_in_whatever_way_are_talked_to() {
    for how in [
        Negotiation::NONE,
        Negotiation::PROPER,
        Negotiation::PATIENT,
        Negotiation::MUTE,
        Negotiation::STUBBORN,
        Negotiation::TALKATIVE,
    ] {
        let device = Device::of(&EATON).start();
        fence(&device, &device.telnet(how));
    }
}

#[test]
fn a_port_without_telnet_gets_what_was_written_and_nothing_else() {
    let device = Device::of(&NETIO).start();
    let door = device.telnet(Negotiation::NONE);
    let mut line = telnet(&door);
    read_until(&mut line, "100 HELLO E675DDA5\r\n");
    say(&mut line, &format!("login {USER} {PASSWORD}\r\n"));
    read_until(&mut line, "250 OK\r\n");
    say(&mut line, "port 3 0\r\n");
    read_until(&mut line, "250 OK\r\n");
    say(&mut line, "quit\r\n");
    read_until(&mut line, "110 BYE\r\n");
    assert_eq!(line.read(&mut [0; 16], soon()), Ok(0));
    assert!(!device.is_on("3"));
    assert_eq!(device.typed()[1..], ["port 3 0", "quit"]);
}

/// A server of one connection, that does this with it.
fn serve<T: Send + 'static>(work: impl FnOnce(TcpStream) -> T + Send + 'static) -> (Target, JoinHandle<T>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    (at(port), thread::spawn(move || work(listener.accept().unwrap().0)))
}

/// What comes within this many bytes, or until the other side closes.
fn bytes(stream: &mut TcpStream, most: u64) -> Vec<u8> {
    let mut came = Vec::new();
    stream.take(most).read_to_end(&mut came).unwrap();
    came
}

#[test]
fn a_device_that_says_nothing_is_asked_once_and_not_at_once() {
    let (target, server) = serve(|mut stream| {
        let begun = Instant::now();
        let asked = bytes(&mut stream, 6);
        let after = begun.elapsed();
        stream.write_all(&[IAC, WILL, 3]).unwrap();
        stream.write_all(b"login: ").unwrap();
        (asked, after, bytes(&mut stream, 1))
    });
    let mut line = Telnet::connect(&target, soon()).unwrap();
    assert_eq!(read_until(&mut line, "login: "), b"login: ");
    // Looks that find nothing aren't silence: the device has spoken.
    for _ in 0..6 {
        let none = line.read(&mut [0; 16], Deadline::after(SHORT));
        assert!(matches!(none, Err(Error::TimedOut { .. })), "{none:?}");
    }
    drop(line);
    let (asked, after, rest) = server.join().unwrap();
    assert_eq!(asked, [IAC, DO, 3, IAC, DO, 1]);
    assert!(after > Duration::from_millis(1500), "{after:?}");
    assert_eq!(rest, b"");
}

#[test]
fn many_short_looks_don_t_put_off_the_question_to_a_silent_device() {
    let (target, server) = serve(|mut stream| bytes(&mut stream, 6));
    let mut line = Telnet::connect(&target, soon()).unwrap();
    let asked = until(LONG, || {
        let none = line.read(&mut [0; 16], Deadline::after(Duration::from_millis(50)));
        assert!(matches!(none, Ok(0) | Err(Error::TimedOut { .. } | Error::Closed { .. })), "{none:?}");
        server.is_finished()
    });
    assert!(asked);
    assert_eq!(server.join().unwrap(), [IAC, DO, 3, IAC, DO, 1]);
}

/// Reads from a peer that never says anything of use, and tells how that ends.
fn starved(flood: &'static [u8]) -> Error {
    let (target, server) = serve(move |mut stream| {
        let flood = flood.repeat(512);
        while !flood.is_empty() && stream.write_all(&flood).is_ok() {}
        bytes(&mut stream, u64::MAX)
    });
    let mut line = Telnet::connect(&target, soon()).unwrap();
    let begun = Instant::now();
    let error = line.read(&mut [0; 64], Deadline::after(SHORT)).unwrap_err();
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    drop(line);
    let _ = server.join();
    error
}

#[test]
fn no_peer_keeps_a_reader_beyond_its_deadline() {
    assert!(matches!(starved(b""), Error::TimedOut { .. }));
    // Commands that mean nothing, without end; then questions that can't all be answered.
    assert!(matches!(starved(&[IAC, 241]), Error::TimedOut { .. }));
    assert!(matches!(starved(&[IAC, WILL, 1, IAC, 252, 1]), Error::TimedOut { .. }));
    assert!(matches!(starved(&[IAC, DO, 99]), Error::TimedOut { .. }));
    // A subnegotiation without end.
    let endless = starved(&[IAC, 250, 24, 1]);
    assert!(matches!(endless, Error::Garbled { .. }), "{endless}");
}

#[test]
fn a_peer_that_reads_nothing_keeps_no_writer_beyond_its_deadline() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (target, server) = serve(move |stream| {
        let _ = held.recv();
        drop(stream);
    });
    let mut line = Line::connect(&target, soon()).unwrap();
    let error = line.write_all(&vec![b'x'; 64 << 20], Deadline::after(SHORT)).unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    drop(release);
    server.join().unwrap();
}

#[test]
fn the_last_words_arrive_before_the_line_is_closed() {
    let (target, server) = serve(|mut stream| {
        stream.write_all(b"bye\r\n").unwrap();
        let heard = bytes(&mut stream, 4);
        // Whoever closes too early has this answered with a reset.
        let answered = stream.write_all(b"see you").and_then(|()| stream.flush());
        thread::sleep(Duration::from_millis(200));
        let again = stream.write_all(b"!");
        (heard, answered.is_ok() && again.is_ok())
    });
    let mut line = Telnet::connect(&target, soon()).unwrap();
    read_until(&mut line, "bye\r\n");
    say(&mut line, "exit");
    line.close(soon());
    assert_eq!(server.join().unwrap(), (b"exit".to_vec(), true));
}

#[test]
fn the_end_of_a_line_is_told_from_silence_and_what_came_before_it_is_kept() {
    let (target, server) = serve(|mut stream| stream.write_all(b"last words").unwrap());
    let mut line = Telnet::connect(&target, soon()).unwrap();
    server.join().unwrap();
    assert_eq!(read_until(&mut line, "last words"), b"last words");
    assert_eq!(line.read(&mut [0; 16], soon()), Ok(0));
}

#[test]
fn where_nothing_listens_that_is_said_and_a_name_without_an_address_as_well() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let nobody = at(listener.local_addr().unwrap().port());
    drop(listener);
    let refused = Telnet::connect(&nobody, soon()).unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    let v6 = Target { family: Family::V6, ..at(23) };
    let none = Telnet::connect(&v6, soon()).unwrap_err();
    assert!(matches!(none, Error::NoSuchHost { .. }), "{none}");
    let late = Telnet::connect(&Target::new("localhost", 23), Deadline::after(Duration::ZERO)).unwrap_err();
    assert!(matches!(late, Error::NoSuchHost { .. }), "{late}");
}

#[test]
fn a_connection_leaves_from_the_address_that_was_given() {
    let (target, server) = serve(|stream| stream.peer_addr().unwrap().ip());
    let from = Ipv4Addr::new(127, 0, 0, 7).into();
    let line = Line::connect(&Target { from: Some(from), ..target }, soon()).unwrap();
    assert_eq!(server.join().unwrap(), from);
    drop(line);
}
