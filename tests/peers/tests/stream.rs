//! The network of the fault campaign does to connections what it is told, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use peers::faults::stream::{End, Proxy, Trouble};
use peers::relay::Direction::{ToAgent, ToDevice};
use peers::until;

const SAID: &[u8] = b"0123456789";

/// A device that answers everything it hears, once it has heard all of it, with the same. What it has heard on each
/// connection is told.
fn device() -> (SocketAddr, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heard) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            let _ = stream.write_all(&bytes);
            drop(stream);
            if tell.send(bytes).is_err() {
                return;
            }
        }
    });
    (address, heard)
}

/// What an agent hears that says [`SAID`], and why it hears no more.
fn asked(port: u16) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = match TcpStream::connect(("127.0.0.1", port)) {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Some(error.kind())),
    };
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let _ = stream.write_all(SAID);
    let _ = stream.shutdown(Shutdown::Write);
    let mut bytes = Vec::new();
    let end = stream.read_to_end(&mut bytes).err().map(|error| error.kind());
    (bytes, end)
}

#[test]
fn bytes_pass_as_the_trouble_says() {
    let (way, at, count) = (ToAgent, 3, 2);
    for (trouble, expected) in [
        (Trouble::None, SAID),
        (Trouble::Delay(Duration::from_millis(50)), SAID),
        (Trouble::Trickle { way, pause: Duration::from_millis(5) }, SAID),
        (Trouble::Corrupt { way, at, mask: 1 }, b"0122456789"),
        (Trouble::Corrupt { way, at: 10, mask: 1 }, SAID),
        (Trouble::Lose { way, at, count }, b"01256789"),
        (Trouble::Repeat { way, at, count }, b"012343456789"),
        (Trouble::Swap { way, at, count }, b"0125634789"),
        (Trouble::Swap { way, at: 8, count }, b"01234567"),
        (Trouble::Insert { way, at, bytes: b"??".to_vec() }, b"012??3456789"),
        (Trouble::Cut { way, at, end: End::Close }, b"012"),
        (Trouble::Cut { way, at, end: End::Half }, b"012"),
        (Trouble::Speak(b"no".to_vec()), b"no"),
    ] {
        let (address, _heard) = device();
        let proxy = Proxy::start(address, vec![trouble.clone()], Vec::new());
        assert_eq!(asked(proxy.port()), (expected.to_vec(), None), "{trouble:?}");
        let struck = !matches!(trouble, Trouble::None | Trouble::Corrupt { at: 10, .. });
        let mut words = proxy.struck();
        words.dedup();
        assert_eq!(words, if struck { vec![trouble.word()] } else { vec![] }, "{trouble:?}");
        // The next connection has no trouble.
        assert_eq!(asked(proxy.port()), (SAID.to_vec(), None), "after {trouble:?}");
        assert_eq!(proxy.connections(), 2);
    }
}

#[test]
fn the_way_to_the_device_has_its_own_troubles() {
    let (address, heard) = device();
    let troubles = vec![
        Trouble::Corrupt { way: ToDevice, at: 3, mask: 1 },
        Trouble::Cut { way: ToDevice, at: 3, end: End::Close },
    ];
    let proxy = Proxy::start(address, troubles, Vec::new());
    assert_eq!(asked(proxy.port()).0, b"0122456789");
    assert_eq!(heard.recv().unwrap(), b"0122456789");
    asked(proxy.port());
    assert_eq!(heard.recv().unwrap(), b"012");
}

#[test]
fn silence_ends_by_nothing_and_a_reset_is_one() {
    let (address, _heard) = device();
    let troubles = vec![
        Trouble::Mute,
        Trouble::Stall { way: ToAgent, at: 3 },
        Trouble::Cut { way: ToDevice, at: 3, end: End::Reset },
    ];
    let proxy = Proxy::start(address, troubles, Vec::new());
    let mut mute = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    mute.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    mute.write_all(SAID).unwrap();
    assert_eq!(mute.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    assert_eq!(asked(proxy.port()), (b"012".to_vec(), Some(ErrorKind::WouldBlock)));
    assert_eq!(asked(proxy.port()), (Vec::new(), Some(ErrorKind::ConnectionReset)));
    assert_eq!(proxy.struck(), ["silent", "stalled", "reset"]);
}

#[test]
fn an_earlier_connection_is_heard_again() {
    let (address, heard) = device();
    let troubles = vec![Trouble::Corrupt { way: ToAgent, at: 0, mask: 1 }, Trouble::ReplayToAgent];
    let proxy = Proxy::start(address, troubles, Vec::new());
    asked(proxy.port());
    heard.recv().unwrap();
    // What the device said, not what was made of it.
    assert_eq!(asked(proxy.port()), (SAID.to_vec(), None));
    assert!(heard.try_recv().is_err(), "the device has no part in it");

    let proxy = Proxy::start(address, vec![Trouble::ReplayToDevice], Vec::new());
    asked(proxy.port());
    assert_eq!((heard.recv().unwrap(), heard.recv().unwrap()), (SAID.to_vec(), SAID.to_vec()));
}

#[test]
fn nobody_listens_during_an_outage_and_somebody_does_before_and_after() {
    let (address, _heard) = device();
    let (from, length) = (Duration::from_secs(1), Duration::from_secs(2));
    let proxy = Proxy::start(address, Vec::new(), vec![(from, length)]);
    assert_eq!(asked(proxy.port()), (SAID.to_vec(), None));
    let mut open = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
    let reset = open.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(reset, Err(ErrorKind::ConnectionReset));
    assert_eq!(asked(proxy.port()), (Vec::new(), Some(ErrorKind::ConnectionRefused)));
    let refused = Instant::now();
    assert!(until(Duration::from_secs(10), || asked(proxy.port()).1.is_none()));
    assert!(proxy.heard().iter().any(|at| *at > refused), "what can't be heard counts as heard");
}
