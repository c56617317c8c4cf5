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

/// A bundle has some 220 KiB.
const LARGEST_BUNDLE: u64 = 16 * 1024 * 1024;

/// What OpenSSL is to look into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    file: Option<PathBuf>,
    directories: Vec<PathBuf>,
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

/// Lets connections be checked against the authorities of the system.
///
/// A place that can't be read has no authorities, as with OpenSSL: then no connection comes about.
pub(super) fn trust_system(context: &mut SslContextBuilder) {
    let asked = Asked {
        file: env::var_os("SSL_CERT_FILE").map(PathBuf::from),
        directory: env::var_os("SSL_CERT_DIR").map(PathBuf::from),
        usual_file: usual(Usual::File),
        usual_directory: usual(Usual::Directory),
    };
    let places = places(&asked, DIRECTORIES, BUNDLES);
    for directory in &places.directories {
        if let Err(error) = context.load_verify_locations(None, Some(directory)) {
            debug!("authorities in {}: {}", directory.display(), Told::new(error.to_string()));
        }
    }
    if let Some(file) = &places.file
        && let Err(error) = context.load_verify_locations(Some(file), None)
    {
        debug!("authorities in {}: {}", file.display(), Told::new(error.to_string()));
    }
}

/// The file is left out where it is a distribution's bundle, and directories hold as many certificates under their
/// hashed names: what somebody has put into a file of his own counts.
fn places(asked: &Asked, directories: &[&str], bundles: &[&str]) -> Places {
    if let (Some(file), Some(directory)) = (&asked.file, &asked.directory) {
        return Places { file: Some(file.clone()), directories: vec![directory.clone()] };
    }
    let mut hashed: Vec<(PathBuf, usize)> = Vec::new();
    let usual = asked.usual_directory.as_path();
    for directory in std::iter::once(usual).chain(directories.iter().map(Path::new)) {
        let Ok(real) = directory.canonicalize() else { continue };
        if hashed.iter().any(|(known, _)| *known == real) {
            continue;
        }
        let names = count_hashed(&real);
        if names > 0 {
            hashed.push((real, names));
        }
    }
    let most = hashed.iter().map(|(_, names)| *names).max().unwrap_or(0);
    let file = asked.file.clone().or_else(|| {
        let bundles = || bundles.iter().map(Path::new);
        let found =
            std::iter::once(asked.usual_file.as_path()).chain(bundles()).find(|file| file.is_file())?;
        let real = found.canonicalize().ok()?;
        let is_bundle =
            bundles().filter_map(|bundle| bundle.canonicalize().ok()).any(|bundle| bundle == real);
        let spared = is_bundle && most > 0 && count_certificates(&real).is_some_and(|held| held <= most);
        (!spared).then(|| found.to_owned())
    });
    let directories = asked.directory.iter().cloned();
    Places {
        file,
        directories: directories.chain(hashed.into_iter().map(|(directory, _)| directory)).collect(),
    }
}

/// How many names in a directory are such as `openssl rehash` makes: eight hexadecimal digits, a dot, and a number.
fn count_hashed(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    let is_hashed = |name: &OsStr| {
        let parts = name.as_bytes().split_at_checked(8);
        parts.is_some_and(|(hash, rest)| {
            let number = rest.strip_prefix(b".").unwrap_or_default();
            hash.iter().all(u8::is_ascii_hexdigit)
                && !number.is_empty()
                && number.iter().all(u8::is_ascii_digit)
        })
    };
    entries.filter_map(Result::ok).filter(|entry| is_hashed(&entry.file_name())).count()
}

/// How many certificates a file holds.
fn count_certificates(file: &Path) -> Option<usize> {
    if fs::metadata(file).ok()?.len() > LARGEST_BUNDLE {
        return None;
    }
    let bytes = fs::read(file).ok()?;
    let begins = |line: &&[u8]| line.starts_with(b"-----BEGIN CERTIFICATE-----");
    Some(bytes.split(|byte| *byte == b'\n').filter(begins).count())
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

    /// A system with a directory that holds so many certificates under hashed names, and a bundle of so many.
    struct System(peers::TempDir);

    impl System {
        fn new(hashed: usize, bundled: usize) -> System {
            let folder = peers::TempDir::new("authorities");
            fs::create_dir(folder.path().join("certs")).unwrap();
            for n in 0..hashed {
                folder.write(&format!("certs/{n:08x}.0"), "");
            }
            for name in ["README", "0000000g.0", "00000000", "00000000.pem", "00000000.r0"] {
                folder.write(&format!("certs/{name}"), "");
            }
            folder.write(
                "bundle.crt",
                &"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n".repeat(bundled),
            );
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

    fn listed(file: Option<PathBuf>, directories: &[PathBuf]) -> Places {
        Places { file, directories: directories.to_vec() }
    }

    #[test]
    fn a_bundle_is_read_only_where_the_directory_lacks_something_of_it() {
        let certs = |system: &System| system.path("certs");
        let full = System::new(3, 3);
        assert_eq!(full.places(None, None, "none.pem"), listed(None, &[certs(&full)]));
        // OpenSSL's own file is a link to the bundle.
        symlink(full.path("bundle.crt"), full.path("cert.pem")).unwrap();
        assert_eq!(full.places(None, None, "cert.pem"), listed(None, &[certs(&full)]));
        // Somebody has put one certificate of his own there.
        let lacking = System::new(1, 3);
        let bundle = lacking.path("bundle.crt");
        assert_eq!(lacking.places(None, None, "none.pem"), listed(Some(bundle), &[certs(&lacking)]));
        let none = System::new(0, 3);
        assert_eq!(none.places(None, None, "none.pem"), listed(Some(none.path("bundle.crt")), &[]));
    }

    #[test]
    fn a_file_of_somebodys_own_counts_beside_the_directory() {
        let system = System::new(3, 3);
        system.0.write("own.pem", "-----BEGIN CERTIFICATE-----\n");
        let expected = listed(Some(system.path("own.pem")), &[system.path("certs")]);
        assert_eq!(system.places(None, None, "own.pem"), expected);
    }

    #[test]
    fn the_environment_says_where_to_look_as_it_does_for_openssl() {
        let system = System::new(3, 3);
        let certs = system.path("certs");
        let (file, directory) = (Some("/a.pem"), Some("/a:/b"));
        let places = |file, directory| system.places(file, directory, "none.pem");
        assert_eq!(places(file, directory), listed(Some("/a.pem".into()), &["/a:/b".into()]));
        assert_eq!(places(file, None), listed(Some("/a.pem".into()), std::slice::from_ref(&certs)));
        assert_eq!(places(None, directory), listed(None, &["/a:/b".into(), certs]));
    }

    #[test]
    fn openssl_says_where_it_looks() {
        assert!(usual(Usual::File).is_absolute() && usual(Usual::Directory).is_absolute());
    }
}
