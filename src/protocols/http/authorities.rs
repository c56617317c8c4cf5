//! Where the system keeps the authorities that it trusts, found as OpenSSL finds them, and read as little as can be.
//!
//! OpenSSL looks into a file, all of which it reads before the first connection, and into a directory, in which each
//! certificate stands under a name that is made of its subject (`openssl rehash`), so that no more than the one that is
//! needed is read. Where a distribution keeps both, they hold the same, and the directory does.

use std::env;
use std::ffi::{CStr, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use log::debug;
use openssl::ssl::SslContextBuilder;

use crate::base::Told;

/// Where distributions keep the directory: OpenSSL itself may have been built to look elsewhere.
const DIRECTORIES: &[&str] =
    &["/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted/pem/directory-hash"];

/// Where they keep the file that holds the same.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
];

/// What OpenSSL is to look into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
    /// A bundle that is read only where no issuer is found in the directories.
    spared: Option<PathBuf>,
}

/// What OpenSSL has built in, or what stands in its place in the environment.
struct Asked {
    /// `SSL_CERT_FILE`.
    file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: one or several, with colons between them.
    directory: Option<PathBuf>,
    /// Where OpenSSL looks without them.
    usual_file: PathBuf,
    usual_directory: PathBuf,
}

/// Lets connections be checked against the authorities of the system. Tells which bundle of them wasn't read, because
/// a directory should have all that it has: for when no issuer is found.
///
/// A place that can't be read has no authorities, as with OpenSSL: then no connection comes about.
pub(super) fn trust_system(context: &mut SslContextBuilder) -> Option<PathBuf> {
    let named = |name| env::var_os(name).map(PathBuf::from);
    let asked = Asked {
        file: named("SSL_CERT_FILE").filter(|file| file.exists()),
        directory: named("SSL_CERT_DIR").filter(|directory| !directory.as_os_str().is_empty()),
        usual_file: usual(Usual::File),
        usual_directory: usual(Usual::Directory),
    };
    let places = places(&asked, DIRECTORIES, BUNDLES);
    for directory in &places.directories {
        if let Err(error) = context.load_verify_locations(None, Some(directory)) {
            debug!("authorities in {}: {}", directory.display(), Told::new(error.to_string()));
        }
    }
    for file in &places.files {
        trust_file(context, file);
    }
    places.spared
}

/// The same for those in a file.
pub(super) fn trust_file(context: &mut SslContextBuilder, file: &Path) {
    if let Err(error) = context.load_verify_locations(Some(file), None) {
        debug!("authorities in {}: {}", file.display(), Told::new(error.to_string()));
    }
}

/// A distribution's bundle is left for later where a directory has certificates under their hashed names: what somebody
/// has put into a file of his own counts at once.
fn places(asked: &Asked, directories: &[&str], bundles: &[&str]) -> Places {
    if let (Some(file), Some(directory)) = (&asked.file, &asked.directory) {
        return Places { files: vec![file.clone()], directories: vec![directory.clone()], spared: None };
    }
    let mut hashed: Vec<PathBuf> = Vec::new();
    let usual = asked.usual_directory.as_path();
    for directory in std::iter::once(usual).chain(directories.iter().map(Path::new)) {
        let Ok(real) = directory.canonicalize() else { continue };
        if is_hashed(&real) && !hashed.contains(&real) {
            hashed.push(real);
        }
    }
    let bundles: Vec<PathBuf> =
        bundles.iter().filter_map(|bundle| Path::new(bundle).canonicalize().ok()).collect();
    let (mut files, mut spared): (Vec<PathBuf>, Option<PathBuf>) = (Vec::new(), None);
    match &asked.file {
        Some(file) => files.push(file.clone()),
        None => {
            let own = asked.usual_file.canonicalize().ok();
            for file in own.iter().chain(bundles.first()).filter(|file| file.is_file()) {
                if bundles.contains(file) && !hashed.is_empty() {
                    spared = Some(file.clone());
                } else if !files.contains(file) {
                    files.push(file.clone());
                }
            }
        }
    }
    Places { files, directories: asked.directory.iter().cloned().chain(hashed).collect(), spared }
}

/// Whether a directory has a name such as `openssl rehash` makes: eight hexadecimal digits, a dot, and a number.
fn is_hashed(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    let is_hashed = |name: &OsStr| {
        let parts = name.as_bytes().split_at_checked(8);
        parts.is_some_and(|(hash, rest)| {
            let number = rest.strip_prefix(b".").unwrap_or_default();
            hash.iter().all(u8::is_ascii_hexdigit)
                && !number.is_empty()
                && number.iter().all(u8::is_ascii_digit)
        })
    };
    entries.filter_map(Result::ok).any(|entry| is_hashed(&entry.file_name()))
}

/// Which of the two.
enum Usual {
    File,
    Directory,
}

/// Where OpenSSL was built to look.
#[allow(unsafe_code)]
fn usual(which: Usual) -> PathBuf {
    // SAFETY: both functions take nothing and return a constant text of the library, which ends with a zero byte and
    // lives as long as the program.
    let text = unsafe {
        CStr::from_ptr(match which {
            Usual::File => openssl_sys::X509_get_default_cert_file(),
            Usual::Directory => openssl_sys::X509_get_default_cert_dir(),
        })
    };
    PathBuf::from(OsStr::from_bytes(text.to_bytes()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A system with a directory that holds so many certificates under hashed names, and a bundle.
    struct System(peers::TempDir);

    impl System {
        fn new(hashed: usize) -> System {
            let folder = peers::TempDir::new("authorities");
            fs::create_dir(folder.path().join("certs")).unwrap();
            for n in 0..hashed {
                folder.write(&format!("certs/{n:08x}.0"), "");
            }
            for name in ["README", "0000000g.0", "00000000", "00000000.pem", "00000000.r0"] {
                folder.write(&format!("certs/{name}"), "");
            }
            folder.write("bundle.crt", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
            System(folder)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(name)
        }

        fn places(&self, file: Option<&str>, directory: Option<&str>, usual: &str) -> Places {
            let asked = Asked {
                file: file.map(PathBuf::from),
                directory: directory.map(PathBuf::from),
                usual_file: self.path(usual),
                usual_directory: self.path("nowhere"),
            };
            let [directory, bundle] =
                ["certs", "bundle.crt"].map(|name| self.path(name).display().to_string());
            places(&asked, &[&directory], &[&bundle])
        }
    }

    fn listed(files: &[PathBuf], directories: &[PathBuf], spared: Option<PathBuf>) -> Places {
        Places { files: files.to_vec(), directories: directories.to_vec(), spared }
    }

    #[test]
    fn a_bundle_is_left_for_later_where_there_is_a_directory_of_hashed_names() {
        let system = System::new(3);
        let (certs, bundle) = (system.path("certs"), system.path("bundle.crt"));
        let spared = listed(&[], std::slice::from_ref(&certs), Some(bundle.clone()));
        assert_eq!(system.places(None, None, "none.pem"), spared);
        // OpenSSL's own file is a link to the bundle.
        symlink(&bundle, system.path("cert.pem")).unwrap();
        assert_eq!(system.places(None, None, "cert.pem"), spared);
        let none = System::new(0);
        assert_eq!(none.places(None, None, "none.pem"), listed(&[none.path("bundle.crt")], &[], None));
    }

    #[test]
    fn a_file_of_somebodys_own_counts_beside_the_rest() {
        for hashed in [3, 0] {
            let system = System::new(hashed);
            let own = system.path("own.pem");
            system.0.write("own.pem", "-----BEGIN CERTIFICATE-----\n");
            let (certs, bundle) = (system.path("certs"), system.path("bundle.crt"));
            let expected = if hashed == 0 {
                listed(&[own, bundle], &[], None)
            } else {
                listed(&[own], &[certs], Some(bundle))
            };
            assert_eq!(system.places(None, None, "own.pem"), expected);
        }
    }

    #[test]
    fn the_environment_says_where_to_look_as_it_does_for_openssl() {
        let system = System::new(3);
        let (certs, bundle) = (system.path("certs"), system.path("bundle.crt"));
        let (file, directory) = (Some("/a.pem"), Some("/a:/b"));
        let places = |file, directory| system.places(file, directory, "none.pem");
        assert_eq!(places(file, directory), listed(&["/a.pem".into()], &["/a:/b".into()], None));
        assert_eq!(places(file, None), listed(&["/a.pem".into()], std::slice::from_ref(&certs), None));
        assert_eq!(places(None, directory), listed(&[], &["/a:/b".into(), certs], Some(bundle)));
    }

    #[test]
    fn openssl_says_where_it_looks() {
        assert!(usual(Usual::File).is_absolute() && usual(Usual::Directory).is_absolute());
    }
}
