//! Whom to trust: the settings of TLS, the pin of a certificate, and the bond to a connection.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::Connection;
use native_tls::{Certificate, Protocol, TlsConnector, TlsConnectorBuilder};
use reqwest::tls::TlsInfo;
use sha2::{Digest, Sha256};
use tower_layer::Layer;
use tower_service::Service;

use super::error::Error;
use crate::base::{Deadline, environment, file};

/// Which certificate of the service is good enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// One signed by an authority of the system, for the name that was asked for.
    System,
    /// One signed by an authority in this file of PEM certificates, or in the files of this directory, for the name
    /// that was asked for. The system's authorities don't count.
    Authorities(PathBuf),
    /// The one whose DER form has this SHA-256. Name, dates and signer don't matter.
    Pinned([u8; 32]),
    /// Any.
    Unchecked,
}

impl Trust {
    /// A pin as people write it: 64 hexadecimal digits, colons and spaces between them or not, in front of them
    /// perhaps what `openssl x509 -fingerprint -sha256` prints there.
    pub fn parse_pin(text: &str) -> Option<Trust> {
        let digits = text.rsplit_once('=').map_or(text, |(_, digits)| digits);
        let digits: Vec<u8> = digits.bytes().filter(|b| !matches!(b, b':' | b' ')).collect();
        let mut pin = [0; 32];
        if digits.len() != 2 * pin.len() {
            return None;
        }
        for (byte, pair) in pin.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                *byte = (*byte << 4) | u8::try_from(char::from(*digit).to_digit(16)?).ok()?;
            }
        }
        Some(Trust::Pinned(pin))
    }

    /// The digest of the one certificate that is good, where there is one.
    pub(super) fn pin(&self) -> Option<[u8; 32]> {
        match self {
            Trust::Pinned(pin) => Some(*pin),
            Trust::System | Trust::Authorities(_) | Trust::Unchecked => None,
        }
    }

    /// The connector for this trust: TLS 1.0 or newer, as far as the security level of OpenSSL's system policy lets
    /// versions, key sizes and signatures through. An administrator can lower it for an old device.
    ///
    /// native-tls looks for the system's bundle once in a process and remembers where it was. The other kinds of
    /// trust hide it, so a process that comes to [`Trust::System`] after one of them may know fewer authorities:
    /// it refuses more, and never accepts more.
    pub(super) fn connector(&self) -> Result<TlsConnector, Error> {
        match self {
            Trust::System => build(&builder()),
            Trust::Authorities(path) => {
                let mut builder = builder();
                builder.disable_built_in_roots(true);
                for certificate in authorities(path)? {
                    builder.add_root_certificate(certificate);
                }
                build_without_bundle(&builder)
            }
            Trust::Pinned(_) | Trust::Unchecked => unchecked(),
        }
    }
}

fn builder() -> TlsConnectorBuilder {
    let mut builder = TlsConnector::builder();
    builder.min_protocol_version(Some(Protocol::Tlsv10));
    builder
}

fn build(builder: &TlsConnectorBuilder) -> Result<TlsConnector, Error> {
    builder.build().map_err(|error| Error::Setup { why: error.to_string(), passing: false })
}

/// native-tls reads the system's bundle even where it is then thrown away: 55 ms of CPU for nothing.
fn build_without_bundle(builder: &TlsConnectorBuilder) -> Result<TlsConnector, Error> {
    environment::with_variable("SSL_CERT_FILE", "/dev/null", || build(builder))
}

/// The connector that checks nothing. It is made once: later clients of a process have threads beside them, where
/// the bundle can't be kept away.
fn unchecked() -> Result<TlsConnector, Error> {
    static UNCHECKED: OnceLock<TlsConnector> = OnceLock::new();
    if let Some(made) = UNCHECKED.get() {
        return Ok(made.clone());
    }
    let mut builder = builder();
    builder.disable_built_in_roots(true);
    builder.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
    let made = build_without_bundle(&builder)?;
    Ok(UNCHECKED.get_or_init(|| made).clone())
}

/// More than this are no authorities: the bundle of a system has some 220 KiB.
const LARGEST_BUNDLE: u64 = 16 * 1024 * 1024;

/// How long reading them may take: the file may lie on a file system that hangs.
const READING: Duration = Duration::from_secs(5);

fn authorities(path: &Path) -> Result<Vec<Certificate>, Error> {
    let bad = |why: String| Error::BadCaFile { path: path.display().to_string(), why };
    let files = file::all_of(path, LARGEST_BUNDLE, Deadline::after(READING))
        .map_err(|trouble| bad(trouble.to_string()))?;
    let mut found = Vec::new();
    for file in &files {
        match Certificate::stack_from_pem(file) {
            Ok(certificates) => found.extend(certificates),
            // A directory may hold other things too; what is no certificate is passed over.
            Err(error) if files.len() == 1 => return Err(bad(error.to_string())),
            Err(_) => {}
        }
    }
    if found.is_empty() { Err(bad("no certificate in it".to_owned())) } else { Ok(found) }
}

/// What every new connection has to pass.
///
/// It stands between the handshake and HTTP, so on every connection that is ever opened, the first byte of a
/// request is sent after the check.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Mutex<Rules>>);

#[derive(Default)]
struct Rules {
    /// The digest of the one certificate that is let through.
    pin: Option<[u8; 32]>,
    bond: Bond,
    /// The certificate of the newest connection, in its DER form.
    seen: Option<Vec<u8>>,
    /// How many connections have been let through.
    connections: u64,
}

/// To what the next requests are bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Bond {
    /// Nothing.
    #[default]
    Free,
    /// The connection that stands: there is no other.
    Connection,
    /// The holder of the key that the last connection was made with: another one must show the same certificate.
    Certificate,
}

impl Gate {
    pub(super) fn new(pin: Option<[u8; 32]>) -> Gate {
        Gate(Arc::new(Mutex::new(Rules { pin, ..Rules::default() })))
    }

    pub(super) fn bind(&self, bond: Bond) {
        self.rules().bond = bond;
    }

    pub(super) fn bond(&self) -> Bond {
        self.rules().bond
    }

    /// The certificate of the newest connection, in its DER form.
    pub(super) fn certificate(&self) -> Option<Vec<u8>> {
        self.rules().seen.clone()
    }

    /// How many connections have been let through.
    pub(super) fn connections(&self) -> u64 {
        self.rules().connections
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Judges a connection that has just been made. A bound request comes here too, where the pool has nothing for
    /// it: refusing before the handshake would take away the moment in which the pool still finds the old one.
    fn check(&self, connection: &impl Connection) -> Result<(), BoxError> {
        let mut extras = http::Extensions::new();
        connection.connected().get_extras(&mut extras);
        let certificate = extras.get::<TlsInfo>().and_then(TlsInfo::peer_certificate);
        let mut rules = self.rules();
        if let Some(pin) = rules.pin {
            let digest: Option<[u8; 32]> = certificate.map(|der| Sha256::digest(der).into());
            if digest != Some(pin) {
                return Err(PinMismatch { seen: digest }.into());
            }
        }
        let same = || rules.seen.as_deref() == certificate;
        if rules.bond == Bond::Connection || rules.bond == Bond::Certificate && !same() {
            return Err(BondBroken.into());
        }
        rules.seen = certificate.map(<[u8]>::to_vec);
        rules.connections = rules.connections.saturating_add(1);
        Ok(())
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    gate: Gate,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Connecting<C> = Pin<Box<dyn Future<Output = Result<C, BoxError>> + Send>>;

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Connection + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Connecting<S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Connecting<S::Response> {
        let (connecting, gate) = (self.inner.call(request), self.gate.clone());
        Box::pin(async move {
            let connection = connecting.await?;
            gate.check(&connection)?;
            Ok(connection)
        })
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

impl std::error::Error for BondBroken {}

/// The service has another certificate than the pinned one.
#[derive(Debug)]
pub(super) struct PinMismatch {
    seen: Option<[u8; 32]>,
}

impl fmt::Display for PinMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.seen {
            None => f.write_str("its certificate could not be compared with the pin"),
            Some(digest) => {
                f.write_str("its certificate is not the pinned one, its SHA-256 is ")?;
                digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl std::error::Error for PinMismatch {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_read_in_the_forms_tools_print() {
        let plain = "00ff".repeat(16);
        let colons = ["00", "FF"].repeat(16).join(":");
        let expected = Trust::parse_pin(&plain);
        assert!(matches!(expected, Some(Trust::Pinned(pin)) if pin[..2] == [0, 0xff]));
        assert_eq!(Trust::parse_pin(&colons), expected);
        assert_eq!(Trust::parse_pin(&format!("sha256 Fingerprint={colons}")), expected);
    }

    #[test]
    fn what_is_no_sha_256_is_no_pin() {
        for text in ["", "00ff", &"0g".repeat(32), &"00".repeat(33), &"+0".repeat(32)] {
            assert_eq!(Trust::parse_pin(text), None, "{text}");
        }
    }

    #[test]
    fn a_ca_file_that_is_missing_or_empty_is_an_error_that_names_it() {
        for path in ["/nonexistent/ca.pem", "/dev/null"] {
            let error = Trust::Authorities(path.into()).connector().unwrap_err();
            assert!(matches!(&error, Error::BadCaFile { path: named, .. } if named == path), "{error:?}");
        }
    }
}
