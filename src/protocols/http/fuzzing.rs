//! For the fuzz targets: what a service may write into its headers, and what is made of it.

use url::Url;

use super::challenge::Challenge;
use super::cookies::Jar;
use super::digest::Digest;
use crate::base::date;

/// Reads a text as each kind of header that is taken apart, and gives what goes back to the service for it: the answer to
/// a challenge, and cookies.
pub fn returned(text: &str) -> Vec<Vec<u8>> {
    let mut returned = Vec::new();
    if let Some((mut digest, _)) = Digest::choose(&Challenge::read(std::iter::once(text))) {
        let _ = Challenge::parameters_of(text).parameter("nextnonce").map(|nonce| digest.renew(nonce));
        returned.push(digest.answer("user", b"a password", "GET", "/", "cnonce").as_bytes().to_vec());
    }
    if let Ok(place) = Url::parse("https://bmc.example/") {
        let mut jar = Jar::default();
        text.split('\n').for_each(|cookie| jar.set(&place.origin(), cookie));
        returned.extend(jar.header(&place.origin()).map(|value| value.as_bytes().to_vec()));
    }
    let _ = date::of_http(text);
    returned
}
