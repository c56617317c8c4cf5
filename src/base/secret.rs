//! Passwords and keys: never shown, kept once, wiped when nobody needs them any more.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

/// Bytes that must appear in no log, error, debug output or argument list.
///
/// `Debug` prints a placeholder, there is no `Display`, a clone shares the bytes, and their memory is overwritten
/// when the last one goes. Equality is not offered: a comparison of secrets is the business of the protocol, in
/// constant time.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<Vec<u8>>>);

impl Secret {
    /// Takes the bytes over; the caller keeps no copy.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Secret {
        Secret(Arc::new(Zeroizing::new(bytes.into())))
    }

    /// The bytes, for the one place that puts them into a computation or a packet.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, for protocols that take a string; `None` where they are not UTF-8.
    pub fn expose_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_neither_the_secret_nor_its_length() {
        let short = format!("{:?}", Secret::new("a"));
        let long = format!("{:?}", Secret::new("correct horse battery staple"));
        assert_eq!(short, long);
        assert!(!long.contains("horse"));
    }
}
