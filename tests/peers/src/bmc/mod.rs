//! A test BMC: IPMI 1.5 and 2.0 over UDP, honest by default, and hostile or broken on request.
//!
//! It is strict with its clients: what the specification forbids (a wrong checksum, a plain packet in an
//! authenticated session, a sequence number used twice) is dropped and counted.
//!
//! ```no_run
//! use peers::bmc::{Bmc, Fault, Lie, Settings, Step};
//!
//! let bmc = Bmc::start(Settings {
//!     suites: vec![17],
//!     rules: vec![
//!         Fault::Before(Lie::Plain).at(Step::ChassisStatus),
//!         Fault::Refuse(0xc0).at(Step::ChassisControl).times(2),
//!     ],
//!     ..Settings::default()
//! });
//! // ... fence 127.0.0.1, bmc.port() ...
//! assert!(!bmc.power());
//! assert_eq!(bmc.open_sessions(), 0);
//! ```

mod chassis;
mod crypto;
mod device;
mod fault;
mod inventory;
mod quirks;
mod wire;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use chassis::{Effect, Power};
pub use crypto::{Keys, SUITES, Suite};
use device::Device;
pub use fault::{Fault, Lie, Rule, Step};
pub use wire::{Draft, Flaw, Wrapping, set_checksums};

pub use inventory::Inventory;
pub use quirks::Quirks;

use crate::relay::poll_readable;

/// Privilege levels by their numbers on the wire (13.17, 22.18): callback, user, operator, administrator.
pub type Privilege = u8;
/// Callback level.
pub const CALLBACK: Privilege = 1;
/// User level: may read the chassis status.
pub const USER: Privilege = 2;
/// Operator level: may control the chassis.
pub const OPERATOR: Privilege = 3;
/// Administrator level.
pub const ADMINISTRATOR: Privilege = 4;

/// IPMI 1.5 authentication types by their numbers on the wire (13.6).
pub mod auth_type {
    /// No authentication.
    pub const NONE: u8 = 0;
    /// MD5 over password and message.
    pub const MD5: u8 = 2;
    /// The password in clear.
    pub const PASSWORD: u8 = 4;
}

/// A user of the BMC.
#[derive(Clone, Debug)]
pub struct User {
    /// Up to 16 bytes; empty is the null user.
    pub name: String,
    /// Up to 20 bytes; one of more than 16 can't use IPMI 1.5.
    pub password: Vec<u8>,
    /// The highest level this user gets.
    pub limit: Privilege,
}

impl User {
    /// A user.
    pub fn new(name: &str, password: impl Into<Vec<u8>>, limit: Privilege) -> User {
        User { name: name.into(), password: password.into(), limit }
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// When it came in.
    pub at: Instant,
    /// The address it went to: 20h for the BMC itself.
    pub target: u8,
    /// What it is (of a bridged one, the inner command).
    pub step: Step,
    /// The network function.
    pub netfn: u8,
    /// The command's number.
    pub command: u8,
    /// Its data.
    pub data: Vec<u8>,
    /// The completion code it got.
    pub code: u8,
    /// Whether the session it came in was of IPMI 2.0 (`None` outside a session).
    pub v20: Option<bool>,
    /// The id of that session.
    pub session: Option<u32>,
    /// The requester's sequence number, 0 to 63: a request that is sent again has the same.
    pub rq_seq: u8,
}

/// Looks at, alters, adds or removes the datagrams about to be sent in answer to a step.
pub type Hook = Box<dyn FnMut(Step, &mut Vec<Draft>) + Send>;

/// How the answer to a bridged command comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bridging {
    /// As a message of its own after the response to Send Message.
    Separate,
    /// Inside the response to Send Message.
    Inside,
}

/// What the BMC is. [`Bmc::change`] alters it while it runs, but for the address.
pub struct Settings {
    /// 127.0.0.1 or ::1.
    pub address: IpAddr,
    /// The UDP port, 0 for any.
    pub port: u16,
    /// IPMI 1.5 authentication types on offer. Empty: no 1.5.
    pub auth_types: Vec<u8>,
    /// False: 1.5 packets need no authentication once the session is active.
    pub per_message_auth: bool,
    /// Cipher suites on offer. Empty: no 2.0.
    pub suites: Vec<u8>,
    /// The key Kg, up to 20 bytes; empty where users' passwords stand in for it.
    pub kg: Vec<u8>,
    /// The users.
    pub users: Vec<User>,
    /// The highest level on this channel.
    pub channel_limit: Privilege,
    /// How many sessions may be open at once.
    pub session_slots: usize,
    /// How machines behind this BMC take power commands.
    pub power: Power,
    /// Whether they begin powered on.
    pub on: bool,
    /// Machines reached by Send Message, by slave address, each with a power state of its own.
    pub targets: Vec<u8>,
    /// How their answers come back.
    pub bridging: Bridging,
    /// The system's GUID.
    pub guid: [u8; 16],
    /// The inventory, FRU 0; empty where there is none.
    pub fru: Vec<u8>,
    /// How many bytes of it one request may ask for.
    pub fru_piece: u8,
    /// The asset tag of DCMI; `None` where the BMC doesn't speak DCMI.
    pub dcmi_tag: Option<String>,
    /// The clock, in seconds since 1970; `None` where there is none.
    pub clock: Option<u32>,
    /// What it does otherwise than others.
    pub quirks: Quirks,
    /// What goes wrong.
    pub rules: Vec<Rule>,
    /// Has the last word on every answer.
    pub hook: Option<Hook>,
}

impl Default for Settings {
    /// User `admin`, password `adminpw`, administrator; 1.5 with MD5 and password; suites 3 and 17; powered on.
    fn default() -> Settings {
        Settings {
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            auth_types: vec![auth_type::MD5, auth_type::PASSWORD],
            per_message_auth: true,
            suites: vec![3, 17],
            kg: Vec::new(),
            users: vec![User::new("admin", "adminpw", ADMINISTRATOR)],
            channel_limit: ADMINISTRATOR,
            session_slots: 4,
            power: Power::default(),
            on: true,
            targets: Vec::new(),
            bridging: Bridging::Separate,
            guid: *b"a peer for tests",
            fru: Inventory::of("Peers", "Test machine", "SERIAL-7", "RACK-7").image(),
            fru_piece: u8::MAX,
            dcmi_tag: None,
            clock: None,
            quirks: Quirks::default(),
            rules: Vec::new(),
            hook: None,
        }
    }
}

impl Settings {
    /// One suite and nothing else, not even IPMI 1.5.
    pub fn only_suite(id: u8) -> Settings {
        Settings { suites: vec![id], auth_types: Vec::new(), ..Settings::default() }
    }

    /// IPMI 1.5 with one authentication type and nothing else.
    pub fn only_v15(auth_type: u8) -> Settings {
        Settings { suites: Vec::new(), auth_types: vec![auth_type], ..Settings::default() }
    }

    /// The same on ::1.
    pub fn ipv6(mut self) -> Settings {
        self.address = Ipv6Addr::LOCALHOST.into();
        self
    }

    /// The same with one more thing that goes wrong.
    pub fn rule(mut self, rule: Rule) -> Settings {
        self.rules.push(rule);
        self
    }
}

/// A running BMC. It ends when dropped.
#[derive(Debug)]
pub struct Bmc {
    address: SocketAddr,
    device: Arc<Mutex<Device>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bmc {
    /// Starts it; it answers once this returns.
    pub fn start(settings: Settings) -> Bmc {
        let socket = UdpSocket::bind((settings.address, settings.port)).expect("the BMC's port");
        socket.set_nonblocking(true).expect("a socket that doesn't block");
        let address = socket.local_addr().expect("the BMC's own address");
        let device = Arc::new(Mutex::new(Device::new(settings)));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, told) = (device.clone(), stop.clone());
        let thread = std::thread::spawn(move || serve(&socket, &shared, &told));
        Bmc { address, device, stop, thread: Some(thread) }
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().expect("the BMC's thread panicked")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The UDP port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Whether the machine has power: the truth, whatever is reported.
    pub fn power(&self) -> bool {
        self.target_power(device::BMC)
    }

    /// The same for the machine behind a bridged target.
    pub fn target_power(&self, target: u8) -> bool {
        self.device().chassis(target).on(Instant::now())
    }

    /// Turns the machine on or off by hand.
    pub fn set_power(&self, on: bool) {
        self.device().chassis(device::BMC).set(on, Instant::now());
    }

    /// When the power really changed, and to what.
    pub fn power_changes(&self) -> Vec<(Instant, bool)> {
        let mut device = self.device();
        let chassis = device.chassis(device::BMC);
        chassis.on(Instant::now());
        chassis.history.clone()
    }

    /// Alters the settings of the running BMC.
    pub fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.device().settings);
    }

    /// Forgets every session, as a reset of the BMC does.
    pub fn forget_sessions(&self) {
        self.device().forget_sessions();
    }

    /// How many sessions are active now.
    pub fn open_sessions(&self) -> usize {
        self.device().open_sessions()
    }

    /// What the BMC was told that has taken the address over, if one has ([`Fault::Replaced`]): every command, as
    /// [`Bmc::commands`] has those of the first one.
    pub fn told_to_another(&self) -> Vec<Command> {
        self.device().successor.as_ref().map(|other| other.commands.clone()).unwrap_or_default()
    }

    /// How often somebody has tried to prove a password: RAKP message 3 or Activate Session, also where the attempt
    /// was given up or refused.
    pub fn logins(&self) -> usize {
        self.count(Step::Rakp3) + self.count(Step::Activate)
    }

    /// How many datagrams came in, by what they were.
    pub fn received(&self) -> BTreeMap<Step, usize> {
        self.device().received.clone()
    }

    /// How many datagrams of one kind came in; [`Step::Any`] for all of them.
    pub fn count(&self, step: Step) -> usize {
        let device = self.device();
        match step {
            Step::Any => device.received.values().sum(),
            step => device.received.get(&step).copied().unwrap_or_default(),
        }
    }

    /// Every command that was carried out or refused, in order.
    pub fn commands(&self) -> Vec<Command> {
        self.device().commands.clone()
    }

    /// The low nibbles of the Chassis Control commands that reached a machine, in order: 0 off, 1 on, 2 cycle,
    /// 3 reset, 4 diagnostic interrupt, 5 soft shutdown.
    pub fn controls(&self) -> Vec<u8> {
        let commands = self.commands();
        let controls = commands.iter().filter(|command| command.step == Step::ChassisControl);
        controls.filter_map(|command| command.data.first().map(|what| what & 0xf)).collect()
    }
}

impl Drop for Bmc {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A datagram to itself wakes the thread.
        if let Ok(socket) = UdpSocket::bind((self.address.ip(), 0)) {
            let _ = socket.send_to(&[], self.address);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, device: &Mutex<Device>, stop: &AtomicBool) {
    let mut queue: Vec<(Instant, SocketAddr, Vec<u8>)> = Vec::new();
    let mut buffer = [0; 65536];
    while !stop.load(Ordering::SeqCst) {
        let due = queue.iter().map(|(due, ..)| *due).min();
        poll_readable(&[socket.as_raw_fd()], due.map(|due| due.saturating_duration_since(Instant::now())));
        // An error here is an answer that nobody was left to take: nothing to do with the next request.
        if let Ok((length, from)) = socket.recv_from(&mut buffer)
            && !stop.load(Ordering::SeqCst)
        {
            let now = Instant::now();
            let drafts = device.lock().expect("nobody panics with it").receive(&buffer[..length], from, now);
            queue.extend(drafts.into_iter().map(|draft| (now + draft.delay, from, draft.seal())));
        }
        queue.sort_by_key(|(due, ..)| *due);
        let later = queue.partition_point(|(due, ..)| *due <= Instant::now());
        for (_, to, packet) in queue.drain(..later) {
            let _ = socket.send_to(&packet, to);
        }
    }
}

/// The delay of an answer that isn't held back.
const AT_ONCE: Duration = Duration::ZERO;
