//! What lies at the bottom of an error of the HTTP and TLS libraries, and what OpenSSL's words mean.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use openssl::ssl;
use openssl::x509::X509VerifyResult;

use super::tls::PinMismatch;
use crate::base::Told;

/// Any error.
pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// Why no encrypted connection came about.
#[derive(Debug)]
pub(super) struct HandshakeFailed {
    error: ssl::Error,
    /// What OpenSSL thinks of the certificate.
    verdict: X509VerifyResult,
}

impl HandshakeFailed {
    pub(super) fn of(error: ssl::Error, verdict: X509VerifyResult) -> HandshakeFailed {
        HandshakeFailed { error, verdict }
    }
}

/// Whether a certificate wasn't accepted because no authority is known that stands behind it (OpenSSL's
/// x509_vfy.h: X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT and those of its kind).
pub(super) fn lacks_an_issuer(error: &(dyn StdError + 'static)) -> bool {
    const NO_ISSUER: [i32; 5] = [2, 18, 19, 20, 21];
    find::<HandshakeFailed>(&chain(error)).is_some_and(|failed| NO_ISSUER.contains(&failed.verdict.as_raw()))
}

impl From<ssl::Error> for HandshakeFailed {
    fn from(error: ssl::Error) -> HandshakeFailed {
        HandshakeFailed { error, verdict: X509VerifyResult::OK }
    }
}

impl fmt::Display for HandshakeFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            X509VerifyResult::OK => self.error.fmt(f),
            verdict => write!(f, "{} ({verdict})", self.error),
        }
    }
}

impl StdError for HandshakeFailed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

/// Why a request got no answer.
pub(super) enum Cause {
    BondBroken,
    Late,
    Refused,
    Unreachable(String),
    Tls(String),
    Dropped(String),
}

/// Finds what lies at the bottom of an error of the HTTP library.
pub(super) fn classify(error: &(dyn StdError + 'static)) -> Cause {
    let chain = chain(error);
    if let Some(mismatch) = find::<PinMismatch>(&chain) {
        return Cause::Tls(mismatch.to_string());
    }
    if find::<BondBroken>(&chain).is_some() {
        return Cause::BondBroken;
    }
    let mut systems = chain.iter().filter_map(|error| error.downcast_ref::<io::Error>());
    // The library for connections makes its own of a connection that isn't there in time.
    if systems.clone().any(|error| error.kind() == io::ErrorKind::TimedOut) {
        return Cause::Late;
    }
    let system = systems.find(|error| error.get_ref().is_none());
    let kind = system.map(io::Error::kind);
    let words = || {
        let last = chain.last().map(|error| error.to_string()).unwrap_or_default();
        Told::new(last.trim()).to_string()
    };
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => return Cause::Refused,
        Some(
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown,
        ) => {
            return Cause::Unreachable(words());
        }
        _ => {}
    }
    if system.and_then(io::Error::raw_os_error) == Some(NO_SUCH_DEVICE) {
        return Cause::Unreachable("there is no such network interface".to_owned());
    }
    match find::<HandshakeFailed>(&chain) {
        Some(tls) if system.is_none() && !tls.to_string().contains("unexpected eof") => {
            Cause::Tls(tls_words(&tls.to_string()))
        }
        _ => match find::<ssl::Error>(&chain).map(ToString::to_string) {
            // In TLS 1.3 the client has finished by then, and learns it with the first answer (RFC 8446, 4.4.2.4).
            Some(text) if REFUSALS.iter().any(|refusal| text.contains(refusal)) => {
                Cause::Tls(tls_words(&text))
            }
            _ => Cause::Dropped(words()),
        },
    }
}

/// The error and everything below it, also what an `io::Error` carries inside, which its `source` skips.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut chain = vec![error];
    let mut next = Some(error);
    while let Some(error) = next {
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        };
        chain.extend(next);
    }
    chain
}

fn find<'a, T: StdError + 'static>(chain: &[&'a (dyn StdError + 'static)]) -> Option<&'a T> {
    chain.iter().find_map(|error| error.downcast_ref::<T>())
}

/// ENODEV: what binding a socket to an interface that isn't there comes to.
const NO_SUCH_DEVICE: i32 = 19;

/// How OpenSSL calls the alerts of a service that wants another certificate of the client, or one at all.
const REFUSALS: &[&str] =
    &["alert certificate", "certificate required", "alert bad certificate", "alert unknown ca"];

/// What a failed handshake means, by the reasons that OpenSSL gives.
const HANDSHAKES: &[(&[&str], &str)] = &[
    (
        &[
            "unsupported protocol",
            "protocol version",
            "legacy sigalg",
            "version too low",
            "no protocols available",
        ],
        "it speaks too old a version of TLS (1.0 or 1.1), which this system's OpenSSL doesn't allow (security level, \
         MinProtocol); newer firmware of the service processor may help",
    ),
    (
        &["key too small", "key too short", "md too weak", "weak digest"],
        "its keys or signatures are too weak for this system's OpenSSL (security level); give it a new certificate or \
         newer firmware",
    ),
    (
        &[
            "wrong version number",
            "http request",
            "packet length too long",
            "unknown protocol",
            "record layer failure",
        ],
        "what listens on this port speaks no TLS (plain HTTP, perhaps)",
    ),
    (
        &["unsafe legacy renegotiation"],
        "it knows no secure renegotiation (RFC 5746), which this system's OpenSSL demands; newer firmware may help",
    ),
    (
        &["certificate required", "alert bad certificate"],
        "it demands a certificate of the client, which this agent has none of",
    ),
    (&["alert unknown ca", "alert certificate"], "it does not accept the certificate of this client"),
    (
        &["handshake failure", "no ciphers available", "no shared cipher", "insufficient security"],
        "it refuses all that this system's OpenSSL offers (old firmware knows old ciphers only), or demands a \
         certificate of the client",
    ),
];

/// What OpenSSL's words mean. The reason of a refused certificate stands in brackets at their end, the reason of
/// everything else after the routine's name.
fn tls_words(text: &str) -> String {
    let reason = text.strip_suffix(')').and_then(|text| text.rsplit_once('('));
    if let Some((_, reason)) = reason.filter(|_| text.contains("certificate verify failed")) {
        return format!("its certificate is not accepted: {reason}");
    }
    let first = text.split(", ").next().unwrap_or(text);
    let reason = first.split(':').nth(4).unwrap_or(text);
    let is_so = |reasons: &&[&str]| reasons.iter().any(|known| reason.contains(known));
    match HANDSHAKES.iter().find(|(reasons, _)| is_so(reasons)) {
        Some((_, meaning)) => format!("{meaning} ({reason})"),
        None => reason.to_owned(),
    }
}

/// What a request is bound to is no more, and it has not been sent.
#[derive(Debug)]
pub(super) struct BondBroken;

impl fmt::Display for BondBroken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection that this request is bound to has ended")
    }
}

impl StdError for BondBroken {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_words_are_shortened_to_the_reason() {
        let verify = "error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:\
                      ../ssl/statem/statem_clnt.c:1889: (self-signed certificate)";
        assert_eq!(tls_words(verify), "its certificate is not accepted: self-signed certificate");
        let version = "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:354:";
        assert!(
            tls_words(version).starts_with("what listens on this port speaks no TLS"),
            "{}",
            tls_words(version)
        );
        assert!(tls_words(version).ends_with("(wrong version number)"), "{}", tls_words(version));
        assert_eq!(tls_words("something else"), "something else");
    }
}
