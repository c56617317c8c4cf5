//! What the caller says of a session.

use super::algorithms::Legacy;
use super::known_hosts::Fingerprint;
use super::options::Options;
use crate::base::Secret;

/// How to log in, and to whom.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The user, unless the options name one.
    pub user: String,
    /// The password; it is tried once.
    pub password: Option<Secret>,
    /// Keys to log in with, tried before the password, in this order, before those that the options name.
    pub keys: Vec<Key>,
    /// The socket of a running agent (`SSH_AUTH_SOCK`), whose first keys are tried as well, unless the options say that no
    /// others than theirs are (IdentitiesOnly).
    pub agent: Option<String>,
    /// The user's options.
    pub options: Options,
    /// Whether old algorithms are offered, because the device is known to have no others.
    pub legacy: Legacy,
    /// The host key must be one of these, whatever the files of known hosts say. None: the files count.
    pub pins: Vec<Fingerprint>,
    /// Kinds of host keys that are asked for before all others, beside those that are known.
    pub kinds: Vec<String>,
}

/// A private key in a file, as OpenSSH writes it or as PEM.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its path.
    pub file: String,
    /// What it is encrypted with, where it is.
    pub passphrase: Option<Secret>,
}
