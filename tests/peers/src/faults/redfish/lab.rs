//! What all stations share: certificates, and emulators that are slow to start.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use super::emulator::Emulator;
use crate::TempDir;
use crate::redfish::{Authority, Certificate, Maker};

/// How many emulators there are at most.
pub(super) const EMULATORS: usize = 3;

/// Certificates made once, and emulators started when first needed.
pub(super) struct Lab {
    /// The device's.
    pub(super) certificate: Certificate,
    /// Somebody else's, for the same address: signed by another authority, and by the same one.
    pub(super) strangers: [Certificate; 2],
    /// The file with the authority that signed the device's.
    pub(super) authority: PathBuf,
    /// The device's certificate as `ssl_pin` wants it.
    pub(super) pin: String,
    emulators: [Mutex<Option<Emulator>>; EMULATORS],
    _folder: TempDir,
}

impl Lab {
    pub(super) fn new() -> Lab {
        let folder = TempDir::new("faults-redfish");
        let authority = Authority::new();
        let certificate = authority.sign(&Maker::default());
        let pem = String::from_utf8(authority.pem()).expect("PEM is text");
        Lab {
            pin: certificate.sha256().iter().map(|byte| format!("{byte:02x}")).collect(),
            certificate,
            strangers: [Authority::new().sign(&Maker::default()), authority.sign(&Maker::default())],
            authority: folder.write("authority.pem", &pem),
            emulators: Default::default(),
            _folder: folder,
        }
    }

    /// One of the emulators, once nobody else uses it.
    pub(super) fn emulator(&self, which: usize) -> MutexGuard<'_, Option<Emulator>> {
        let mut emulator = self.emulators[which].lock().expect("nobody panics with it");
        emulator.get_or_insert_with(|| Emulator::start(&self.certificate));
        emulator
    }
}
