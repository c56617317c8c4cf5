//! A relay between client and BMC that a test tells what to do with each datagram.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Which way a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToBmc,
    ToClient,
}

/// What goes on instead of a datagram: nothing, itself, others, in either direction.
pub(crate) type Sent = Vec<(Way, Vec<u8>)>;

/// Runs until dropped.
pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// `treat` sees every datagram, both ways, one after the other.
    pub(crate) fn start(bmc: SocketAddr, treat: impl FnMut(Way, &[u8]) -> Sent + Send + 'static) -> Relay {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        back.connect(bmc).unwrap();
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        }
        let addr = front.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let treat = Arc::new(Mutex::new(treat));
        let client = Arc::new(Mutex::new(None));
        let threads = [Way::ToBmc, Way::ToClient]
            .into_iter()
            .map(|way| {
                let (front, back) = (front.try_clone().unwrap(), back.try_clone().unwrap());
                let (stop, treat, client) = (stop.clone(), treat.clone(), client.clone());
                std::thread::spawn(move || {
                    let mut buffer = [0; 2048];
                    while !stop.load(Ordering::Relaxed) {
                        let received = match way {
                            Way::ToBmc => front.recv_from(&mut buffer).map(|(len, from)| {
                                *client.lock().unwrap() = Some(from);
                                len
                            }),
                            Way::ToClient => back.recv(&mut buffer),
                        };
                        let Ok(len) = received else { continue };
                        let mut treat = treat.lock().unwrap();
                        for (way, datagram) in treat(way, &buffer[..len]) {
                            // Either end may be gone by now, which is the test's business.
                            let _ = match (way, *client.lock().unwrap()) {
                                (Way::ToBmc, _) => back.send(&datagram),
                                (Way::ToClient, Some(client)) => front.send_to(&datagram, client),
                                (Way::ToClient, None) => Ok(0),
                            };
                        }
                    }
                })
            })
            .collect();
        Relay { addr, stop, threads }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
