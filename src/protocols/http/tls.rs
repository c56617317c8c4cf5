//! Whom to trust, and who we are: the settings of TLS, the pin of a certificate.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use log::debug;
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslOptions, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;
use openssl::x509::verify::X509CheckFlags;
use sha2::{Digest, Sha256};

use super::authorities;
use super::error::Error;
use crate::base::{Deadline, Told, file};

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
}

/// Who this client is to a service that wants to see a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// A file in PEM that holds the certificate, and after it those between it and its authority.
    pub certificate: PathBuf,
    /// A file in PEM that holds its private key, without a passphrase. It may be the same file.
    pub key: PathBuf,
}

/// The ciphers up to TLS 1.2: OpenSSL's own selection, as far as the system's policy lets it through, without what proves
/// nobody or is broken. It is that of the connector in the crate openssl, which begins by reading all authorities of
/// the system, and can't be had without that.
const CIPHERS: &str = "DEFAULT:!aNULL:!eNULL:!MD5:!3DES:!DES:!RC4:!IDEA:!SEED:!aDSS:!SRP:!PSK";

/// The settings of TLS, made once, for every connection.
pub(super) struct Tls {
    context: SslContext,
    /// Whether the certificate has to be for the name that was asked for.
    named: bool,
    pin: Option<[u8; 32]>,
    who: Option<ClientCertificate>,
    /// A bundle of authorities that wasn't read, because a directory should have all that it has.
    spared: Option<PathBuf>,
}

impl Tls {
    /// TLS 1.0 or newer, as far as the security level of OpenSSL's system policy lets versions, key sizes and signatures
    /// through. An administrator can lower it for an old device.
    ///
    /// # Errors
    /// [`Error::BadCaFile`], [`Error::BadClientCertificate`], [`Error::Setup`].
    pub(super) fn new(trust: &Trust, who: Option<&ClientCertificate>) -> Result<Tls, Error> {
        let setup = |error: ErrorStack| Error::Setup {
            why: Told::new(error.to_string()).to_string(),
            passing: false,
        };
        let mut context = context().map_err(setup)?;
        let mut spared = None;
        let named = match trust {
            Trust::System => {
                spared = authorities::trust_system(&mut context);
                true
            }
            Trust::Authorities(path) => {
                for authority in authorities_in(path)? {
                    // Without one that OpenSSL doesn't take, less is accepted.
                    if let Err(error) = context.cert_store_mut().add_cert(authority) {
                        debug!("an authority of {}: {}", path.display(), Told::new(error.to_string()));
                    }
                }
                true
            }
            Trust::Pinned(_) | Trust::Unchecked => false,
        };
        context.set_verify(if named { SslVerifyMode::PEER } else { SslVerifyMode::NONE });
        if let Some(who) = who {
            show(&mut context, who)?;
        }
        Ok(Tls { context: context.build(), named, pin: trust.pin(), who: who.cloned(), spared })
    }

    /// Reads the bundle that was left out. False where there is none, or it was read before.
    pub(super) fn read_the_rest(&mut self) -> bool {
        let Some(bundle) = self.spared.take() else { return false };
        let Ok(mut context) = context() else { return false };
        let _ = authorities::trust_system(&mut context);
        authorities::trust_file(&mut context, &bundle);
        context.set_verify(SslVerifyMode::PEER);
        if self.who.as_ref().is_some_and(|who| show(&mut context, who).is_err()) {
            return false;
        }
        self.context = context.build();
        true
    }

    /// What a connection to this host begins with: a name or an address, without brackets.
    pub(super) fn ssl(&self, host: &str) -> Result<Ssl, ErrorStack> {
        let mut ssl = Ssl::new(&self.context)?;
        let ip = host.parse().ok();
        if ip.is_none() {
            ssl.set_hostname(host)?;
        }
        if self.named {
            let rules = ssl.param_mut();
            rules.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            match ip {
                Some(ip) => rules.set_ip(ip)?,
                None => rules.set_host(host)?,
            }
        }
        Ok(ssl)
    }

    /// The digest of the one certificate that is let through.
    pub(super) fn pin(&self) -> Option<[u8; 32]> {
        self.pin
    }
}

/// A context that trusts nobody yet.
fn context() -> Result<SslContextBuilder, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls())?;
    let mut options =
        SslOptions::ALL | SslOptions::NO_COMPRESSION | SslOptions::NO_SSLV2 | SslOptions::NO_SSLV3;
    options &= !SslOptions::DONT_INSERT_EMPTY_FRAGMENTS;
    context.set_options(options);
    context.set_mode(
        SslMode::AUTO_RETRY
            | SslMode::ACCEPT_MOVING_WRITE_BUFFER
            | SslMode::ENABLE_PARTIAL_WRITE
            | SslMode::RELEASE_BUFFERS,
    );
    context.set_cipher_list(CIPHERS)?;
    context.set_min_proto_version(Some(SslVersion::TLS1))?;
    Ok(context)
}

/// More than this are no authorities: the bundle of a system has some 220 KiB.
const LARGEST_BUNDLE: u64 = 16 * 1024 * 1024;

/// The most bytes of a certificate with its chain, or of a key.
const LARGEST_CERTIFICATE: u64 = 1024 * 1024;

/// How long reading them may take: the file may lie on a file system that hangs.
const READING: Duration = Duration::from_secs(5);

fn authorities_in(path: &Path) -> Result<Vec<X509>, Error> {
    let bad = |why: String| Error::BadCaFile { path: path.display().to_string(), why };
    let files = file::all_of(path, LARGEST_BUNDLE, Deadline::after(READING))
        .map_err(|trouble| bad(trouble.to_string()))?;
    let mut found = Vec::new();
    for file in &files {
        match X509::stack_from_pem(file) {
            Ok(certificates) => found.extend(certificates),
            // A directory may hold other things too; what is no certificate is passed over.
            Err(error) if files.len() == 1 => return Err(bad(error.to_string())),
            Err(_) => {}
        }
    }
    if found.is_empty() { Err(bad("no certificate in it".to_owned())) } else { Ok(found) }
}

/// Lets the client show a certificate.
fn show(context: &mut SslContextBuilder, who: &ClientCertificate) -> Result<(), Error> {
    let bad =
        |path: &Path, why: String| Error::BadClientCertificate { path: path.display().to_string(), why };
    let read = |path: &Path| {
        let files = file::all_of(path, LARGEST_CERTIFICATE, Deadline::after(READING));
        files.map(|files| files.concat()).map_err(|trouble| bad(path, trouble.to_string()))
    };
    let chain = X509::stack_from_pem(&read(&who.certificate)?);
    let mut chain = chain.unwrap_or_default().into_iter();
    let own = chain.next().ok_or_else(|| bad(&who.certificate, "no certificate in it".to_owned()))?;
    // An empty passphrase, so that OpenSSL doesn't ask for one at the terminal.
    let key = PKey::private_key_from_pem_passphrase(&read(&who.key)?, b"")
        .map_err(|_| bad(&who.key, "no private key in it that needs no passphrase".to_owned()))?;
    let fails = |path: &Path| {
        let path = path.to_owned();
        move |error: ErrorStack| bad(&path, Told::new(error.to_string()).to_string())
    };
    context.set_certificate(&own).map_err(fails(&who.certificate))?;
    for between in chain {
        context.add_extra_chain_cert(between).map_err(fails(&who.certificate))?;
    }
    context
        .set_private_key(&key)
        .map_err(|_| bad(&who.key, "it is the key of another certificate".to_owned()))?;
    context.check_private_key().map_err(|_| bad(&who.key, "it is the key of another certificate".to_owned()))
}

/// The service has another certificate than the pinned one.
#[derive(Debug)]
pub(super) struct PinMismatch {
    seen: Option<[u8; 32]>,
}

impl PinMismatch {
    /// Compares what was seen with the pin.
    pub(super) fn check(pin: [u8; 32], certificate: Option<&[u8]>) -> Result<(), PinMismatch> {
        let digest: Option<[u8; 32]> = certificate.map(|der| Sha256::digest(der).into());
        if digest != Some(pin) {
            return Err(PinMismatch { seen: digest });
        }
        Ok(())
    }
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
    fn a_bundle_that_was_left_out_is_read_once_and_trusted_then() {
        let own = peers::redfish::Maker::default().self_signed().certificate;
        let folder = peers::TempDir::new("bundle");
        let bundle = folder.write("bundle.crt", &String::from_utf8(own.to_pem().unwrap()).unwrap());
        let mut tls = Tls::new(&Trust::System, None).unwrap();
        tls.spared = Some(bundle);
        let trusts = |tls: &Tls| {
            let all = tls.context.cert_store().all_certificates();
            all.iter().any(|known| known.to_der().unwrap() == own.to_der().unwrap())
        };
        assert!(!trusts(&tls));
        assert!(tls.read_the_rest() && trusts(&tls));
        assert!(!tls.read_the_rest());
    }

    #[test]
    fn a_ca_file_that_is_missing_or_empty_is_an_error_that_names_it() {
        for path in ["/nonexistent/ca.pem", "/dev/null"] {
            let error = Tls::new(&Trust::Authorities(path.into()), None).err().unwrap();
            assert!(matches!(&error, Error::BadCaFile { path: named, .. } if named == path), "{error:?}");
        }
    }
}
