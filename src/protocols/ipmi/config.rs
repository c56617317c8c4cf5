//! What to connect to, as whom, and how.

use std::net::SocketAddr;
use std::time::Duration;

use super::error::{BadConfig, Error};
use super::privilege::Privilege;
use super::rmcp::AuthType;
use super::suite::{self, KEY_MAX, Suite};
use crate::base::Secret;

/// The longest user name, in bytes.
pub const USERNAME_MAX: usize = 16;
/// The longest password of IPMI 1.5, in bytes.
pub const PASSWORD_MAX_V15: usize = 16;
/// The UDP port of RMCP (13.1.1).
pub const PORT: u16 = 623;

/// Everything a session needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The BMC's addresses with their ports, tried in this order.
    pub addresses: Vec<SocketAddr>,
    /// The user name: at most 16 bytes; empty is the null user.
    pub username: String,
    /// The password: at most 20 bytes, and at most 16 for IPMI 1.5.
    pub password: Option<Secret>,
    /// The BMC's key for two-key logins: at most 20 raw bytes. Empty or all zero is none (13.33).
    pub kg: Option<Secret>,
    /// The privilege level to work at.
    pub privilege: Privilege,
    /// Whether that level was asked for. If not, administrator steps down to operator on a BMC that refuses it.
    pub privilege_explicit: bool,
    /// Which version of the protocol.
    pub version: Version,
    /// The cipher suite of IPMI 2.0; `None` tries 17, then 3. Suite 0 is used only when named here.
    pub cipher: Option<u8>,
    /// The authentication type of IPMI 1.5; with [`Version::Auto`] a named one selects IPMI 1.5. `None` takes
    /// the best that is offered, but "none" only where no password is configured.
    pub auth: Option<AuthType>,
    /// How long one transmission waits for its answer before it is sent again.
    pub attempt: Duration,
    /// How many unanswered transmissions make a request count as silent.
    pub attempts: u32,
    /// The IPMB address of another controller to talk to through the BMC (Send Message on channel 0, 22.7);
    /// `None` or 20h is the BMC itself.
    pub target: Option<u8>,
}

impl Config {
    /// The usual settings for these addresses: null user, administrator by default, version and suite found
    /// out, three transmissions of two seconds.
    pub fn new(addresses: Vec<SocketAddr>) -> Config {
        Config {
            addresses,
            username: String::new(),
            password: None,
            kg: None,
            privilege: Privilege::Administrator,
            privilege_explicit: false,
            version: Version::Auto,
            cipher: None,
            auth: None,
            attempt: Duration::from_secs(2),
            attempts: 3,
            target: None,
        }
    }

    /// Checks what can be checked without sending anything.
    pub fn check(&self) -> Result<(), Error> {
        let password = self.password_bytes().len();
        let limit = if self.only_v15() { PASSWORD_MAX_V15 } else { KEY_MAX };
        if self.addresses.is_empty() {
            return Err(BadConfig::NoAddress.into());
        }
        if self.username.len() > USERNAME_MAX {
            return Err(BadConfig::UserNameTooLong.into());
        }
        if password > limit {
            return Err(BadConfig::PasswordTooLong { limit }.into());
        }
        if self.kg.as_ref().is_some_and(|kg| kg.len() > KEY_MAX) {
            return Err(BadConfig::KgTooLong.into());
        }
        self.suites().map(|_| ())
    }

    /// Whether only IPMI 1.5 comes into question.
    pub fn only_v15(&self) -> bool {
        match self.version {
            Version::V15 => true,
            Version::Auto => self.auth.is_some(),
            Version::V20 => false,
        }
    }

    /// The cipher suites to try, in order.
    pub(super) fn suites(&self) -> Result<Vec<&'static Suite>, Error> {
        let ids = self.cipher.map_or_else(|| suite::DEFAULTS.to_vec(), |id| vec![id]);
        ids.into_iter().map(|id| suite::find(id).ok_or(BadConfig::UnknownSuite(id).into())).collect()
    }

    pub(super) fn password(&self) -> Secret {
        self.password.clone().unwrap_or_else(|| Secret::new([]))
    }

    pub(super) fn password_bytes(&self) -> &[u8] {
        self.password.as_ref().map_or(&[], Secret::expose)
    }

    /// Kg, where there is one that counts.
    pub(super) fn kg_bytes(&self) -> Option<&[u8]> {
        self.kg.as_ref().map(Secret::expose).filter(|kg| kg.iter().any(|byte| *byte != 0))
    }

    /// The privilege levels to try, in order.
    pub(super) fn privileges(&self) -> &'static [Privilege] {
        match (self.privilege, self.privilege_explicit) {
            (Privilege::Administrator, false) => &[Privilege::Administrator, Privilege::Operator],
            (Privilege::Administrator, true) => &[Privilege::Administrator],
            (Privilege::Operator, _) => &[Privilege::Operator],
            (Privilege::User, _) => &[Privilege::User],
            (Privilege::Callback, _) => &[Privilege::Callback],
        }
    }
}

/// Which version of the protocol to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// IPMI 2.0 first; unless the password was wrong, one try with 1.5 after it.
    Auto,
    /// IPMI 2.0 (RMCP+) only, starting with Open Session at once.
    V20,
    /// IPMI 1.5 only.
    V15,
}
