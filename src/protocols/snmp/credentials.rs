//! Who asks: a community, or a user with passwords.

use crate::base::Secret;

use super::error::Error;

/// The shortest password (RFC 3414, section 11.2).
pub const MIN_PASSWORD: usize = 8;
/// The longest user name in bytes (RFC 3414, section 5: usmUserName).
pub const MAX_USER_NAME: usize = 32;
/// The longest community in bytes; the protocol sets no limit, agents know about this many.
pub const MAX_COMMUNITY: usize = 255;

/// The two versions that know a community instead of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommunityVersion {
    /// SNMPv1 (RFC 1157).
    V1,
    /// SNMPv2c (RFC 1901).
    V2c,
}

/// What proves to the agent who asks; the version follows from it.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// SNMPv1 or SNMPv2c with a community.
    Community {
        /// Which of the two.
        version: CommunityVersion,
        /// The community, in clear on the wire.
        community: Secret,
    },
    /// SNMPv3 with the user-based security model (RFC 3414).
    User {
        /// The user's name, at most [`MAX_USER_NAME`] bytes.
        name: String,
        /// How messages are protected.
        level: Level,
    },
}

/// The security level of SNMPv3 with what it needs (RFC 3411, section 3.4.3).
#[derive(Clone, Debug)]
pub enum Level {
    /// No password at all.
    NoAuthNoPriv,
    /// Messages are signed.
    AuthNoPriv(Auth),
    /// Messages are signed and encrypted.
    AuthPriv(Auth, Privacy),
}

impl Level {
    /// The name in the standard.
    pub fn name(&self) -> &'static str {
        match self {
            Level::NoAuthNoPriv => "noAuthNoPriv",
            Level::AuthNoPriv(_) => "authNoPriv",
            Level::AuthPriv(..) => "authPriv",
        }
    }
}

/// The signing of messages.
#[derive(Clone, Debug)]
pub struct Auth {
    /// The algorithm.
    pub protocol: AuthProtocol,
    /// The password, at least [`MIN_PASSWORD`] bytes.
    pub password: Secret,
}

/// The encryption of messages.
#[derive(Clone, Debug)]
pub struct Privacy {
    /// The algorithm.
    pub protocol: PrivProtocol,
    /// The password, at least [`MIN_PASSWORD`] bytes.
    pub password: Secret,
}

/// Authentication protocols (RFC 3414, section 6 and 7; RFC 7860).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthProtocol {
    /// HMAC-MD5-96.
    Md5,
    /// HMAC-SHA-96.
    Sha,
    /// HMAC-SHA-2 with 224 bits.
    Sha224,
    /// HMAC-SHA-2 with 256 bits.
    Sha256,
    /// HMAC-SHA-2 with 384 bits.
    Sha384,
    /// HMAC-SHA-2 with 512 bits.
    Sha512,
}

impl AuthProtocol {
    /// Every protocol under its name as net-snmp writes it.
    pub const NAMES: &'static [(&'static str, AuthProtocol)] = &[
        ("MD5", AuthProtocol::Md5),
        ("SHA", AuthProtocol::Sha),
        ("SHA-224", AuthProtocol::Sha224),
        ("SHA-256", AuthProtocol::Sha256),
        ("SHA-384", AuthProtocol::Sha384),
        ("SHA-512", AuthProtocol::Sha512),
    ];

    /// Its name as net-snmp writes it.
    pub fn name(self) -> &'static str {
        name_of(AuthProtocol::NAMES, self)
    }

    /// The protocol of that name, in any case.
    pub fn from_name(name: &str) -> Option<AuthProtocol> {
        look_up(AuthProtocol::NAMES, name)
    }
}

/// Privacy protocols (RFC 3414, section 8; RFC 3826; the longer AES keys after draft-blumenthal-aes-usm and
/// draft-reeder-snmpv3-usm-3desede).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrivProtocol {
    /// CBC-DES.
    Des,
    /// CFB-AES with 128 bits.
    Aes,
    /// CFB-AES with 192 bits. Where the hash is shorter than the key, either way of extending it is tried.
    Aes192,
    /// CFB-AES with 256 bits, likewise.
    Aes256,
    /// CFB-AES with 192 bits, the key extended after Reeder's draft, as Cisco's devices do.
    Aes192C,
    /// CFB-AES with 256 bits, likewise.
    Aes256C,
}

impl PrivProtocol {
    /// Every protocol under its name as net-snmp writes it.
    pub const NAMES: &'static [(&'static str, PrivProtocol)] = &[
        ("DES", PrivProtocol::Des),
        ("AES", PrivProtocol::Aes),
        ("AES-128", PrivProtocol::Aes),
        ("AES-192", PrivProtocol::Aes192),
        ("AES-256", PrivProtocol::Aes256),
        ("AES-192-C", PrivProtocol::Aes192C),
        ("AES-256-C", PrivProtocol::Aes256C),
    ];

    /// Its name as net-snmp writes it.
    pub fn name(self) -> &'static str {
        name_of(PrivProtocol::NAMES, self)
    }

    /// The protocol of that name, in any case.
    pub fn from_name(name: &str) -> Option<PrivProtocol> {
        look_up(PrivProtocol::NAMES, name)
    }
}

fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names.iter().find(|(_, known)| *known == value).map(|(name, _)| *name).unwrap_or_default()
}

fn look_up<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, value)| value)
}

impl Credentials {
    /// Refuses what the standard or the message format has no room for.
    pub(super) fn check(&self) -> Result<(), Error> {
        match self {
            Credentials::Community { community, .. } if community.len() > MAX_COMMUNITY => {
                Err(Error::Misuse("the community is longer than 255 bytes"))
            }
            Credentials::Community { .. } => Ok(()),
            Credentials::User { name, .. } if name.is_empty() => {
                Err(Error::Misuse("SNMPv3 needs a user name"))
            }
            Credentials::User { name, .. } if name.len() > MAX_USER_NAME => {
                Err(Error::Misuse("the user name is longer than the 32 bytes that SNMPv3 has room for"))
            }
            Credentials::User { level, .. } => {
                let (auth, privacy) = match level {
                    Level::NoAuthNoPriv => (None, None),
                    Level::AuthNoPriv(auth) => (Some(auth), None),
                    Level::AuthPriv(auth, privacy) => (Some(auth), Some(privacy)),
                };
                if auth.is_some_and(|auth| auth.password.len() < MIN_PASSWORD) {
                    return Err(Error::Misuse("an SNMPv3 authentication password has at least 8 characters"));
                }
                if privacy.is_some_and(|privacy| privacy.password.len() < MIN_PASSWORD) {
                    return Err(Error::Misuse("an SNMPv3 privacy password has at least 8 characters"));
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, auth: &str, privacy: &str) -> Credentials {
        Credentials::User {
            name: name.to_owned(),
            level: Level::AuthPriv(
                Auth { protocol: AuthProtocol::Md5, password: Secret::new(auth) },
                Privacy { protocol: PrivProtocol::Des, password: Secret::new(privacy) },
            ),
        }
    }

    #[test]
    fn short_passwords_and_names_without_room_are_refused() {
        assert!(user("fence", "12345678", "12345678").check().is_ok());
        assert!(user("fence", "", "12345678").check().is_err());
        assert!(user("fence", "1234567", "12345678").check().is_err());
        assert!(user("fence", "12345678", "1234567").check().is_err());
        assert!(user("", "12345678", "12345678").check().is_err());
        assert!(user(&"n".repeat(33), "12345678", "12345678").check().is_err());
    }

    #[test]
    fn names_of_protocols_match_in_any_case() {
        assert_eq!(AuthProtocol::from_name("sha-256"), Some(AuthProtocol::Sha256));
        assert_eq!(PrivProtocol::from_name("Aes"), Some(PrivProtocol::Aes));
        assert_eq!(PrivProtocol::from_name("3DES"), None);
        assert!(AuthProtocol::NAMES.iter().all(|(name, protocol)| protocol.name() == *name));
        assert_eq!(PrivProtocol::from_name(PrivProtocol::Aes192C.name()), Some(PrivProtocol::Aes192C));
    }

    #[test]
    fn debug_output_shows_no_password() {
        let shown = format!("{:?}", user("fence", "authsecret", "privsecret"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
