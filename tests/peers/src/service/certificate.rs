//! Certificates made on the spot: good ones, and every kind of bad one that service processors have.

use std::net::IpAddr;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::{DigestBytes, MessageDigest};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name};

/// A certificate and its key.
#[derive(Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: X509,
    /// Its key.
    pub key: PKey<Private>,
}

/// What signs certificates.
pub struct Authority(Certificate);

/// How a certificate is to be made.
pub struct Maker {
    /// Names and IP addresses it is good for.
    pub names: Vec<&'static str>,
    /// Days from now at which it begins and ends to be good.
    pub days: (i64, i64),
    /// Bits of an RSA key; an elliptic curve key, which is made faster, where there are none.
    pub rsa: Option<u32>,
    /// Whether it calls itself an authority, as old service processors do.
    pub authority: bool,
}

impl Default for Maker {
    fn default() -> Maker {
        Maker { names: vec!["127.0.0.1", "localhost"], days: (-1, 1), rsa: None, authority: false }
    }
}

impl Maker {
    /// Signed by itself.
    pub fn self_signed(&self) -> Certificate {
        self.make(None)
    }

    fn make(&self, signer: Option<&Certificate>) -> Certificate {
        let key = match self.rsa {
            Some(bits) => PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap(),
            None => {
                let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
                PKey::from_ec_key(EcKey::generate(&curve).unwrap()).unwrap()
            }
        };
        let mut name = X509Name::builder().unwrap();
        name.append_entry_by_text("CN", self.names.first().unwrap_or(&"nobody")).unwrap();
        let name = name.build();
        let mut certificate = X509::builder().unwrap();
        certificate.set_version(2).unwrap();
        let mut serial = BigNum::new().unwrap();
        serial.rand(120, openssl::bn::MsbOption::ONE, false).unwrap();
        certificate.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        certificate.set_subject_name(&name).unwrap();
        certificate.set_issuer_name(signer.map_or(&*name, |s| s.certificate.subject_name())).unwrap();
        certificate.set_pubkey(&key).unwrap();
        certificate.set_not_before(&day(self.days.0)).unwrap();
        certificate.set_not_after(&day(self.days.1)).unwrap();
        if self.authority {
            certificate.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
        }
        if !self.names.is_empty() {
            let mut names = SubjectAlternativeName::new();
            for name in &self.names {
                if name.parse::<IpAddr>().is_ok() {
                    names.ip(name)
                } else {
                    names.dns(name)
                };
            }
            let names = names.build(&certificate.x509v3_context(None, None)).unwrap();
            certificate.append_extension(names).unwrap();
        }
        certificate.sign(signer.map_or(&key, |s| &s.key), MessageDigest::sha256()).unwrap();
        Certificate { certificate: certificate.build(), key }
    }
}

/// This time of the day, so many days from now. Told as a text, because a number of seconds with 32 bits ends in 2038.
fn day(from_now: i64) -> Asn1Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let (days, second) = (now / 86_400, now % 86_400);
    let (year, month, day) = date(days.checked_add_signed(from_now).unwrap());
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Asn1Time::from_str_x509(&format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")).unwrap()
}

/// Year, month and day, so many days after the first of 1970.
fn date(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let months = [31, 28 + u64::from(leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..).zip(months) {
            if days < length {
                return (year, month, days + 1);
            }
            days -= length;
        }
        year += 1;
    }
}

impl Authority {
    /// A new one, known to nobody.
    pub fn new() -> Authority {
        Authority(
            Maker { names: vec!["authority.invalid"], authority: true, ..Maker::default() }.self_signed(),
        )
    }

    /// A certificate signed by it.
    pub fn sign(&self, maker: &Maker) -> Certificate {
        maker.make(Some(&self.0))
    }

    /// Its own certificate as PEM.
    pub fn pem(&self) -> Vec<u8> {
        self.0.pem()
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}

impl Certificate {
    /// As PEM.
    pub fn pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    /// The key as PEM (PKCS #8).
    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    /// The SHA-256 of its DER form: what a pin names.
    pub fn sha256(&self) -> [u8; 32] {
        let digest: DigestBytes = self.certificate.digest(MessageDigest::sha256()).unwrap();
        digest.as_ref().try_into().unwrap()
    }
}
