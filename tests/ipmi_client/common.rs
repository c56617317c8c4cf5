//! What is done with every peer again and again.

use std::net::SocketAddr;
use std::time::Duration;

use fence_agents::base::{Deadline, Secret};
use fence_agents::protocols::ipmi::chassis::{ChassisControl, GetChassisStatus};
use fence_agents::protocols::ipmi::{Config, Session, Version};
use peers::{Bmc, IpmiSim, Relay};

/// A BMC, and what it says of its power when it isn't asked by IPMI.
pub(crate) trait Peer {
    fn address(&self) -> SocketAddr;
    fn power(&self) -> bool;
}

impl Peer for IpmiSim {
    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn power(&self) -> bool {
        self.power()
    }
}

impl Peer for Bmc {
    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn power(&self) -> bool {
        self.power()
    }
}

/// A limit that is only there so that a test that fails ends.
pub(crate) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// The administrator that both peers know.
pub(crate) fn config(peer: &impl Peer) -> Config {
    let mut config = Config::new(vec![peer.address()]);
    config.username = "admin".into();
    config.password = Some(Secret::new("adminpw"));
    config
}

pub(crate) fn v20(peer: &impl Peer, suite: u8) -> Config {
    Config { version: Version::V20, cipher: Some(suite), ..config(peer) }
}

pub(crate) fn through(relay: &Relay, config: Config) -> Config {
    Config { addresses: vec![relay.address()], ..config }
}

pub(crate) fn switch_off_and_on(config: &Config, peer: &impl Peer) {
    let mut session = Session::open(config, soon()).unwrap();
    session.send(&ChassisControl::PowerDown, soon()).unwrap();
    assert!(!session.send(&GetChassisStatus, soon()).unwrap().power_on);
    assert!(!peer.power());
    session.send(&ChassisControl::PowerUp, soon()).unwrap();
    assert!(session.send(&GetChassisStatus, soon()).unwrap().power_on);
    assert!(peer.power());
    session.close();
}
