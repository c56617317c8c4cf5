//! Digest authentication (RFC 7616): the answer to a challenge, without the password in it.

use std::fmt::Write as _;

use md5::Md5;
use sha2::Sha256;
use sha2::digest::Digest as _;
use zeroize::Zeroizing;

use super::challenge::Challenge;

/// The hash functions, the strongest first: of several challenges, the first that is known here is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Md5,
}

const ALGORITHMS: [(&str, Algorithm); 2] = [("SHA-256", Algorithm::Sha256), ("MD5", Algorithm::Md5)];

impl Algorithm {
    /// The hash of the parts with colons between them, in hexadecimal.
    fn hash(self, parts: &[&[u8]]) -> Zeroizing<String> {
        let text = Zeroizing::new(parts.join(&b':'));
        match self {
            Algorithm::Sha256 => hexadecimal(&Sha256::digest(&*text)),
            Algorithm::Md5 => hexadecimal(&Md5::digest(&*text)),
        }
    }
}

/// What a service wants to have answered, and how often it was.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    algorithm: Algorithm,
    /// As the service has written it: whether it stands in the answer depends on that.
    named: Option<String>,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether each answer is counted (`qop=auth`). What is older than RFC 2617 knows no such thing.
    counted: bool,
    /// How often this nonce has been used.
    count: u32,
}

impl Digest {
    /// The best of the challenges that can be answered, and whether the service only wants a new nonce to be used
    /// (`stale`).
    pub(super) fn choose(challenges: &[Challenge]) -> Option<(Digest, bool)> {
        ALGORITHMS.iter().find_map(|(name, algorithm)| {
            challenges.iter().filter(|challenge| challenge.is("Digest")).find_map(|challenge| {
                let named = challenge.parameter("algorithm").map(str::to_owned);
                // Without a name it is MD5 (RFC 7616, 3.3).
                if !named.as_deref().unwrap_or("MD5").eq_ignore_ascii_case(name) {
                    return None;
                }
                let counted = match challenge.parameter("qop") {
                    None => false,
                    Some(offered)
                        if offered.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth")) =>
                    {
                        true
                    }
                    Some(_) => return None,
                };
                let digest = Digest {
                    algorithm: *algorithm,
                    named,
                    realm: challenge.parameter("realm")?.to_owned(),
                    nonce: challenge.parameter("nonce")?.to_owned(),
                    opaque: challenge.parameter("opaque").map(str::to_owned),
                    counted,
                    count: 0,
                };
                let stale =
                    challenge.parameter("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
                Some((digest, stale))
            })
        })
    }

    /// Uses the nonce that the service names for the next request (`nextnonce` of Authentication-Info, RFC 7616, 3.5).
    pub(super) fn renew(&mut self, nonce: &str) {
        self.nonce = nonce.to_owned();
        self.count = 0;
    }

    /// The value of `Authorization` for one request. `cnonce` is to be another one each time.
    pub(super) fn answer(
        &mut self,
        user: &str,
        password: &[u8],
        method: &str,
        place: &str,
        cnonce: &str,
    ) -> Zeroizing<String> {
        self.count = self.count.saturating_add(1);
        let count = format!("{:08x}", self.count);
        let hash = |parts: &[&[u8]]| self.algorithm.hash(parts);
        let account = hash(&[user.as_bytes(), self.realm.as_bytes(), password]);
        let request = hash(&[method.as_bytes(), place.as_bytes()]);
        let (account, request) = (account.as_bytes(), request.as_bytes());
        let nonce = self.nonce.as_bytes();
        let response = if self.counted {
            hash(&[account, nonce, count.as_bytes(), cnonce.as_bytes(), b"auth", request])
        } else {
            hash(&[account, nonce, request])
        };
        let mut text = Zeroizing::new(format!(
            "Digest {}, realm={}, nonce={}, uri={}, response=\"{}\"",
            user_field(user),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(place),
            *response
        ));
        if let Some(named) = &self.named {
            text.push_str(", algorithm=");
            text.push_str(named);
        }
        if self.counted {
            text.push_str(&format!(", qop=auth, nc={count}, cnonce={}", quoted(cnonce)));
        }
        if let Some(opaque) = &self.opaque {
            text.push_str(", opaque=");
            text.push_str(&quoted(opaque));
        }
        text
    }
}

fn hexadecimal(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes {
        // Writing to a string doesn't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A quoted string (RFC 9110, 5.6.4).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The user name; one that no quoted string can hold in the extended notation (RFC 7616, 3.4; RFC 8187).
fn user_field(user: &str) -> String {
    if user.is_ascii() {
        return format!("username={}", quoted(user));
    }
    let mut text = "username*=UTF-8''".to_owned();
    for byte in user.bytes() {
        if byte.is_ascii_alphanumeric() {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The challenges of RFC 7616, 3.9.1.
    const BOTH: [&str; 2] = [
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
    ];
    const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";

    fn chosen(values: &[&str]) -> Option<(Digest, bool)> {
        Digest::choose(&Challenge::read(values.iter().copied()))
    }

    fn mufasa(digest: &mut Digest) -> String {
        digest.answer("Mufasa", b"Circle of Life", "GET", "/dir/index.html", CNONCE).to_string()
    }

    #[test]
    fn the_examples_of_the_specification_come_out() {
        for (challenge, algorithm, response) in [
            (BOTH[1], "MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            (BOTH[0], "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let (mut digest, stale) = chosen(&[challenge]).unwrap();
            assert!(!stale);
            assert_eq!(
                mufasa(&mut digest),
                format!(
                    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", \
                     nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", uri=\"/dir/index.html\", \
                     response=\"{response}\", algorithm={algorithm}, qop=auth, nc=00000001, cnonce=\"{CNONCE}\", \
                     opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
                )
            );
        }
    }

    #[test]
    fn what_knows_no_counting_gets_the_answer_of_old() {
        // RFC 2617, 3.5, without its qop: the value that RFC 2069's erratum has for such a challenge.
        let challenge = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let (mut digest, _) = chosen(&[challenge]).unwrap();
        let answer = digest.answer("Mufasa", b"CircleOfLife", "GET", "/dir/index.html", CNONCE);
        assert!(answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{}", *answer);
        assert!(!answer.contains("qop") && !answer.contains("cnonce"), "{}", *answer);
    }

    #[test]
    fn the_strongest_of_the_challenges_is_answered_whatever_their_order() {
        for values in [vec![BOTH[0], BOTH[1]], vec![BOTH[1], BOTH[0]]] {
            assert_eq!(chosen(&values).unwrap().0.algorithm, Algorithm::Sha256);
        }
        let in_one = format!("Basic realm=\"x\", {}, {}", BOTH[1], BOTH[0]);
        assert_eq!(chosen(&[&in_one]).unwrap().0.algorithm, Algorithm::Sha256);
        for none in [
            "Basic realm=\"x\"",
            "Digest realm=\"x\"",
            "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
            "Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256",
            "Digest realm=\"x\", nonce=\"y\", algorithm=MD5-sess",
            "Digest",
        ] {
            assert!(chosen(&[none]).is_none(), "{none}");
        }
    }

    #[test]
    fn a_nonce_is_counted_and_a_new_one_begins_anew() {
        let (mut digest, _) = chosen(&BOTH).unwrap();
        for count in 1..=17 {
            assert!(mufasa(&mut digest).contains(&format!("nc={count:08x},")));
        }
        digest.renew("another");
        let answer = mufasa(&mut digest);
        assert!(answer.contains("nc=00000001,") && answer.contains("nonce=\"another\""), "{answer}");
        assert!(chosen(&["Digest realm=\"x\", nonce=\"y\", stale=TRUE"]).unwrap().1);
    }

    #[test]
    fn names_are_written_so_that_they_end_where_they_end() {
        let (mut digest, _) = chosen(&["Digest realm=\"a \\\"b\\\\\", nonce=\"n\""]).unwrap();
        let answer = digest.answer("do\"main\\user", b"x", "GET", "/", CNONCE);
        assert!(answer.contains("username=\"do\\\"main\\\\user\", realm=\"a \\\"b\\\\\","), "{}", *answer);
        let answer = digest.answer("Jäsøn Doe", b"x", "GET", "/", CNONCE);
        assert!(answer.contains("username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, realm"), "{}", *answer);
    }
}
