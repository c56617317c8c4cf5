//! A TCP relay that keeps everything for a while, as a long way does. Opening a connection takes the way there and
//! back as well: the first bytes are held back for it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A running relay. It takes no new connections once dropped.
pub(crate) struct SlowTcp {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl SlowTcp {
    /// In front of a device, on a free port of the loopback address.
    pub(crate) fn start(device: SocketAddr, each_way: Duration) -> SlowTcp {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                let device = TcpStream::connect(device).expect("the device listens");
                let other = |stream: &TcpStream| stream.try_clone().expect("a second handle");
                let (from, to) = (other(&agent), other(&device));
                thread::spawn(move || carry(from, to, each_way, 2 * each_way));
                thread::spawn(move || carry(device, agent, each_way, Duration::ZERO));
            }
        });
        SlowTcp { address, stop }
    }

    /// Where the agent connects to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SlowTcp {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

/// One direction: what comes in goes out so much later, the first of it `opening` later still; what follows within
/// that time keeps behind it.
fn carry(mut from: TcpStream, mut to: TcpStream, each_way: Duration, opening: Duration) {
    let _ = to.set_nodelay(true);
    let opened = Instant::now() + opening;
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    let writer = thread::spawn(move || {
        for (due, bytes) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
    let mut buffer = [0; 16384];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let due = Instant::now().max(opened) + each_way;
        if sender.send((due, buffer[..length].to_vec())).is_err() {
            break;
        }
    }
    drop(sender);
    let _ = writer.join();
}
