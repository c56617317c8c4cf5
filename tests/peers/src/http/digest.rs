//! The service's side of Digest authentication (RFC 7616): challenges, and whether an answer is right.

use openssl::hash::{MessageDigest, hash};

/// A hash function of Digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5.
    Md5,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    fn of(self, text: &str) -> String {
        let function = match self {
            Algorithm::Md5 => MessageDigest::md5(),
            Algorithm::Sha256 => MessageDigest::sha256(),
        };
        let digest = hash(function, text.as_bytes()).expect("a hash");
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What the service wants to see again, with each of its nonces.
const OPAQUE: &str = "5ccc069c403ebaf9f0171e9517f40e41";

/// What a service says to whom it doesn't know.
pub(super) fn challenge(algorithm: Algorithm, realm: &str, nonce: &str, stale: bool) -> String {
    let stale = if stale { ", stale=true" } else { "" };
    format!(
        "Digest realm=\"{realm}\", qop=\"auth-int,auth\", algorithm={}, nonce=\"{nonce}\", opaque=\"{OPAQUE}\"{stale}",
        algorithm.name()
    )
}

/// What a client claims.
pub(super) struct Claim {
    fields: Vec<(String, String)>,
}

impl Claim {
    /// Out of the value of `Authorization`.
    pub(super) fn read(value: &str) -> Option<Claim> {
        let mut fields = Vec::new();
        let mut rest = value.strip_prefix("Digest ")?;
        while let Some((name, after)) = rest.split_once('=') {
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            fields.push((name.trim().to_owned(), value.to_owned()));
            rest = after.trim_start().trim_start_matches(',').trim_start();
        }
        Some(Claim { fields })
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// How often the client says that it has used this nonce.
    pub(super) fn count(&self) -> u32 {
        u32::from_str_radix(self.field("nc"), 16).unwrap_or(0)
    }

    /// Whether somebody with this password has made it, for this request, with what was asked for.
    pub(super) fn is_right(
        &self,
        offered: &[Algorithm],
        realm: &str,
        account: (&str, &str),
        request: (&str, &str),
    ) -> bool {
        let Some(algorithm) = offered.iter().find(|algorithm| algorithm.name() == self.field("algorithm"))
        else {
            return false;
        };
        let (nonce, cnonce) = (self.field("nonce"), self.field("cnonce"));
        let first = algorithm.of(&format!("{}:{realm}:{}", account.0, account.1));
        let second = algorithm.of(&format!("{}:{}", request.0, request.1));
        let expected = algorithm.of(&format!("{first}:{nonce}:{}:{cnonce}:auth:{second}", self.field("nc")));
        self.field("username") == account.0
            && self.field("realm") == realm
            && self.field("uri") == request.1
            && self.field("qop") == "auth"
            && self.field("opaque") == OPAQUE
            && !cnonce.is_empty()
            && self.field("response") == expected
    }
}
