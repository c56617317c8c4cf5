//! For the fuzz targets.

use super::known_hosts::{HostKey, KnownHosts, Verdict, name};
use super::offer;

/// Whether a file says that this host has a key.
pub fn is_known(file: &[u8], host: &str, port: u16, blob: &[u8]) -> bool {
    let known = KnownHosts::new(vec![("file".to_owned(), file.to_vec())]);
    HostKey::new(blob).is_some_and(|key| known.check(&name(host, port), &key) == Verdict::Known)
}

/// How many lists of algorithms there are in what the other side says first.
pub fn lists_in(bytes: &[u8]) -> usize {
    offer::read(bytes).map_or(0, |lists| lists.len())
}
