//! What stands between an agent and its device, over UDP or TCP: it counts requests, is silent, is late, and holds one
//! request back. It knows nothing of what passes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use super::{Fate, Fault};
use crate::Relay;
use crate::relay::{self, Direction, Packet};
use crate::util::{free_tcp_port, free_udp_port};

/// What both kinds of gate go by.
#[derive(Default)]
struct Keeper {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    silent: bool,
    late: Duration,
    requests: usize,
    held_at: Option<(usize, Fate)>,
    holds: bool,
}

impl Keeper {
    fn of(fault: Fault) -> Arc<Keeper> {
        let late = if let Fault::Late(late) = fault { late } else { Duration::ZERO };
        let state = State { silent: fault == Fault::Silent, late, ..State::default() };
        Arc::new(Keeper { state: Mutex::new(state), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    /// Whether a request goes on; waits where it is the one that is held.
    fn lets_through(&self) -> bool {
        let mut state = self.state();
        let number = state.requests;
        state.requests += 1;
        if let Some((step, fate)) = state.held_at
            && step == number
        {
            state.holds = true;
            while state.held_at.is_some() {
                state = self.changed.wait(state).expect("nobody panics with it");
            }
            return fate == Fate::Arrives;
        }
        !state.silent
    }

    fn release(&self) {
        self.state().held_at = None;
        self.changed.notify_all();
    }
}

/// The gate's part of a [`super::Device`].
pub struct Gate {
    keeper: Arc<Keeper>,
    port: u16,
    _door: Door,
}

enum Door {
    Udp { _relay: Relay },
    Tcp(Arc<AtomicBool>),
}

/// What a gate does in the place of passing a request on.
pub struct Instead {
    /// What the agent gets for an answer.
    pub answer: Vec<u8>,
    /// What the device gets, and how much later.
    pub later: Option<(Duration, Vec<u8>)>,
}

impl Gate {
    /// In front of a device that speaks in datagrams.
    pub fn udp(device: SocketAddr, fault: Fault) -> Gate {
        Gate::udp_with(device, fault, |_| None)
    }

    /// The same, where some requests are answered by the gate.
    pub fn udp_with(
        device: SocketAddr,
        fault: Fault,
        mut instead: impl FnMut(&[u8]) -> Option<Instead> + Send + 'static,
    ) -> Gate {
        let keeper = Keeper::of(fault);
        let its = Arc::clone(&keeper);
        let rule = move |packet: Packet| match packet.direction {
            Direction::ToDevice if !its.lets_through() => relay::Fate::Lose,
            Direction::ToDevice => match instead(packet.bytes) {
                Some(Instead { answer, later }) => {
                    let to = |direction, after, bytes| relay::Sending { direction, after, bytes };
                    let answer = to(Direction::ToAgent, Duration::ZERO, answer);
                    let later = later.map(|(after, bytes)| to(Direction::ToDevice, after, bytes));
                    relay::Fate::Send([answer].into_iter().chain(later).collect())
                }
                None => relay::Fate::Pass,
            },
            Direction::ToAgent => relay::Fate::Late(its.state().late),
        };
        let relay = Relay::builder(device).rule(rule).start();
        Gate { keeper, port: relay.port(), _door: Door::Udp { _relay: relay } }
    }

    /// In front of a device at this port of the loopback address that speaks over connections. What is read at once
    /// from the agent counts as one request, and so does a connection.
    pub fn tcp(device: u16, fault: Fault) -> Gate {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let (keeper, over) = (Keeper::of(fault), Arc::new(AtomicBool::new(false)));
        let (its, ends) = (Arc::clone(&keeper), Arc::clone(&over));
        thread::spawn(move || {
            for agent in listener.incoming().flatten() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let its = Arc::clone(&its);
                thread::spawn(move || carry(&its, agent, device));
            }
        });
        Gate { keeper, port, _door: Door::Tcp(over) }
    }

    /// Where the agent finds its device.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.keeper.state().requests
    }

    /// Ends the silence.
    pub fn recover(&self) {
        self.keeper.state().silent = false;
    }

    /// Holds request number `step` of those to come.
    pub fn hold(&self, step: usize, fate: Fate) {
        let mut state = self.keeper.state();
        state.held_at = Some((state.requests + step, fate));
        state.holds = false;
    }

    /// Whether it is being held.
    pub fn holds(&self) -> bool {
        self.keeper.state().holds
    }

    /// Lets it have its fate.
    pub fn release(&self) {
        self.keeper.release();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.keeper.release();
        if let Door::Tcp(over) = &self._door {
            over.store(true, Ordering::SeqCst);
            // Wakes the thread that waits for connections.
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        }
    }
}

/// Carries one connection to its end. Of one from which something was lost nothing passes any more, not even its end: it
/// is one that nobody says anything on.
fn carry(keeper: &Arc<Keeper>, mut agent: TcpStream, device: u16) {
    let lost = Arc::new(AtomicBool::new(!keeper.lets_through()));
    let Ok(mut device) = TcpStream::connect((Ipv4Addr::LOCALHOST, device)) else { return };
    let _ = agent.set_nodelay(true);
    let _ = device.set_nodelay(true);
    let (Ok(mut from), Ok(mut to)) = (device.try_clone(), agent.try_clone()) else { return };
    let (its, is_lost) = (Arc::clone(keeper), Arc::clone(&lost));
    let back = thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let late = its.state().late;
            thread::sleep(late);
            if !is_lost.load(Ordering::SeqCst) && to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        if !is_lost.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Both);
        }
    });
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = agent.read(&mut buffer) {
        if !keeper.lets_through() {
            lost.store(true, Ordering::SeqCst);
        }
        if !lost.load(Ordering::SeqCst) && device.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = device.shutdown(Shutdown::Both);
    let _ = back.join();
}

/// A UDP port at which nobody listens, and that the system gives to nobody who asks for any.
pub fn dead_udp_port() -> u16 {
    free_udp_port(Ipv4Addr::LOCALHOST.into())
}

/// The same of TCP.
pub fn dead_tcp_port() -> u16 {
    free_tcp_port(Ipv4Addr::LOCALHOST.into())
}
