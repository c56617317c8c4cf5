//! Who the device is: its host key, held against the files of known hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
//!
//! The reader is our own because libssh2's knows no patterns and no revoked keys, and takes a file with one line that it
//! can't read for empty, so that a key that has changed would pass for a new one.

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD as BASE64, BASE64_STANDARD_NO_PAD as BASE64_NO_PAD};
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::pattern;
use crate::base::Deadline;
use crate::base::file::{self, Trouble};
use crate::base::worker::{Failure, run_in_children};

/// Names of no file.
const NO_FILE: &[&str] = &["none", "/dev/null"];

/// How much of a file is read: a large site's has some megabytes.
pub(super) const LARGEST: u64 = 16 << 20;

/// The SHA-256 of a host key, as ssh shows it: `SHA256:` and base64 without padding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a key in the form in which it is sent (RFC 4253, 6.6).
    pub fn of(key: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(key).into())
    }

    /// Reads one; `None` where it is none.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let base64 = text.strip_prefix("SHA256:")?.trim_end_matches('=');
        Some(Fingerprint(BASE64_NO_PAD.decode(base64).ok()?.try_into().ok()?))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", BASE64_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A host key as it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostKey {
    blob: Vec<u8>,
}

impl HostKey {
    /// A key of any kind.
    ///
    /// # Errors
    /// The bytes are none.
    pub(super) fn new(blob: &[u8]) -> Option<HostKey> {
        kind_of(blob).map(|_| HostKey { blob: blob.to_vec() })
    }

    /// Its kind: `ssh-ed25519`, `ssh-rsa` and so on.
    pub fn kind(&self) -> &str {
        kind_of(&self.blob).unwrap_or_default()
    }

    /// Its fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.blob)
    }
}

/// The kind of a key, with which it begins.
fn kind_of(blob: &[u8]) -> Option<&str> {
    let (length, rest) = blob.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let kind = std::str::from_utf8(rest.get(..length)?).ok()?;
    // What stands in a file and in a message has no blanks and nothing that isn't seen.
    (!kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_graphic())).then_some(kind)
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What the files say of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the host's.
    Known,
    /// They don't know the host.
    New,
    /// The host has another one, which stands there.
    Changed(Fingerprint, Place),
    /// It must not be used any more.
    Revoked(Place),
}

/// One line about a host.
struct Entry<'a> {
    revoked: bool,
    hosts: Cow<'a, str>,
    key: HostKey,
}

/// Reads a line; `None` where it says nothing about the key of a host: comments, what nobody can read, and certificate
/// authorities, whose certificates we don't take. It is bytes: a comment may be in any encoding.
fn entry(line: &[u8]) -> Option<Entry<'_>> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let first = fields.next().filter(|first| !first.starts_with(b"#"))?;
    let (revoked, hosts) = match first {
        b"@revoked" => (true, fields.next()?),
        marker if marker.starts_with(b"@") => return None,
        hosts => (false, hosts),
    };
    let kind = fields.next()?;
    let key = HostKey::new(&BASE64.decode(fields.next()?).ok()?)?;
    let hosts = String::from_utf8_lossy(hosts);
    (key.kind().as_bytes() == kind).then_some(Entry { revoked, hosts, key })
}

/// Whether the first field of a line means this name.
fn means(hosts: &str, name: &str) -> bool {
    let Some(hashed) = hosts.strip_prefix("|1|") else { return pattern::list_fits(hosts, name) };
    let digest = || {
        let (salt, digest) = hashed.split_once('|')?;
        let mut mac = Hmac::<Sha1>::new_from_slice(&BASE64.decode(salt).ok()?).ok()?;
        mac.update(name.as_bytes());
        let same: bool = mac.finalize().into_bytes().as_slice().ct_eq(&BASE64.decode(digest).ok()?).into();
        Some(same)
    };
    digest().unwrap_or(false)
}

/// The name under which a host's key stands in the files.
pub(super) fn name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// The files, as they were read.
#[derive(Debug, Default)]
pub(super) struct KnownHosts {
    files: Vec<(String, Vec<u8>)>,
}

impl KnownHosts {
    /// The content of files, each with its name.
    pub(super) fn new(files: Vec<(String, Vec<u8>)>) -> KnownHosts {
        KnownHosts { files }
    }

    /// Reads what there is of these files. To be called while this process has one thread.
    ///
    /// # Errors
    /// One of them is there and can't be read: the name of the first.
    pub(super) fn read(paths: &[String], by: Deadline) -> Result<KnownHosts, (String, Trouble)> {
        let paths: Vec<&String> = paths.iter().filter(|path| !NO_FILE.contains(&path.as_str())).collect();
        let Some(first) = paths.first() else { return Ok(KnownHosts::default()) };
        let places: Vec<&Path> = paths.iter().map(Path::new).collect();
        let read = file::each_of(&places, LARGEST, by).map_err(|trouble| ((*first).clone(), trouble))?;
        let mut files = Vec::new();
        for (path, content) in paths.iter().zip(read) {
            match content {
                Ok(content) => files.push(((*path).clone(), content)),
                Err(Trouble::System(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(trouble) => return Err(((*path).clone(), trouble)),
            }
        }
        Ok(KnownHosts::new(files))
    }

    /// What stands about this name.
    fn about<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (Entry<'a>, Place)> {
        self.files.iter().flat_map(move |(file, content)| {
            let lines = content.split(|byte| *byte == b'\n').zip(1..);
            lines.filter_map(move |(line, number)| {
                let entry = entry(line)?;
                means(&entry.hosts, name).then(|| (entry, Place { file: file.clone(), line: number }))
            })
        })
    }

    /// The kinds of keys that are known of this name.
    pub(super) fn kinds(&self, name: &str) -> Vec<String> {
        let entries = self.about(name).filter(|(entry, _)| !entry.revoked);
        entries.map(|(entry, _)| entry.key.kind().to_owned()).collect()
    }

    /// Holds a key against what is known of this name.
    pub(super) fn check(&self, name: &str, key: &HostKey) -> Verdict {
        let mut verdict = Verdict::New;
        for (entry, place) in self.about(name) {
            let same = entry.key == *key;
            match (entry.revoked, same) {
                // Wherever that stands, nothing else counts any more.
                (true, true) => return Verdict::Revoked(place),
                (true, false) => {}
                (false, true) => verdict = Verdict::Known,
                (false, false) if verdict == Verdict::Known => {}
                // The one whose place it took is of the same kind, where there is one.
                (false, false) if verdict == Verdict::New || entry.key.kind() == key.kind() => {
                    verdict = Verdict::Changed(entry.key.fingerprint(), place);
                }
                (false, false) => {}
            }
        }
        verdict
    }
}

/// Adds a key to the first of these files, in one write, so that several runs at once each add a whole line. To be called
/// while this process has one thread.
///
/// # Errors
/// It can't be written: the file and why.
pub(super) fn add(
    paths: &[String],
    name: &str,
    key: &HostKey,
    by: Deadline,
) -> Result<(), (String, Trouble)> {
    let Some(path) = paths.first().filter(|path| !NO_FILE.contains(&path.as_str())) else { return Ok(()) };
    let line = format!("{name} {} {}\n", key.kind(), BASE64.encode(&key.blob));
    let failed = |trouble| Err((path.clone(), trouble));
    let job = || append(path, &line).err().map_or(0, |trouble| trouble.code()).to_ne_bytes().to_vec();
    match run_in_children(vec![job], by).pop() {
        Some(Ok(code)) => code.first().and_then(|code| Trouble::of_code(*code)).map_or(Ok(()), failed),
        Some(Err(Failure::StillRunning)) => failed(Trouble::Hangs),
        Some(Err(failure)) => failed(Trouble::NoProcess(failure.to_string())),
        None => failed(Trouble::NoProcess("it was not written".to_owned())),
    }
}

fn append(path: &str, line: &str) -> Result<(), Trouble> {
    if let Some(folder) = Path::new(path).parent().filter(|folder| !folder.exists()) {
        fs::DirBuilder::new().mode(0o700).create(folder)?;
    }
    // The file may be a link to where a site keeps it; whoever may change what stands here may change what is trusted anyway.
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let mut file = file::open_to_append(&real)?;
    // A line that somebody has left without its end must not become a part of ours.
    let mut last = [b'\n'];
    if let Ok(mut reader) = fs::File::open(&real)
        && reader.seek(SeekFrom::End(-1)).is_ok()
    {
        let _ = reader.read(&mut last);
    }
    let begin = if last == [b'\n'] { "" } else { "\n" };
    Ok(file.write_all(format!("{begin}{line}").as_bytes())?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn key(kind: &str, content: &str) -> HostKey {
        let length = u32::try_from(kind.len()).unwrap().to_be_bytes();
        HostKey::new(&[&length, kind.as_bytes(), content.as_bytes()].concat()).unwrap()
    }

    fn line(hosts: &str, key: &HostKey) -> String {
        format!("{hosts} {} {}\n", key.kind(), BASE64.encode(&key.blob))
    }

    fn known(text: &str) -> KnownHosts {
        KnownHosts::new(vec![("known".to_owned(), text.as_bytes().to_vec())])
    }

    /// A key in the file, and another one, for each way of writing the host down.
    #[test]
    fn a_host_is_found_however_it_was_written_down() {
        let (mine, other) = (key("ssh-ed25519", "mine"), key("ssh-ed25519", "other"));
        // ssh-keygen -H of pdu1 and of [pdu1]:2222 with a salt of zeros.
        let hashed = |name: &str| {
            let mut mac = Hmac::<Sha1>::new_from_slice(&[0; 20]).unwrap();
            mac.update(name.as_bytes());
            format!("|1|{}|{}", BASE64.encode([0; 20]), BASE64.encode(mac.finalize().into_bytes()))
        };
        for (hosts, host, port, expected) in [
            ("pdu1", "pdu1", 22, true),
            ("pdu1", "PDU1", 22, true),
            ("pdu1", "pdu1", 2222, false),
            ("pdu1", "pdu2", 22, false),
            ("[pdu1]:2222", "pdu1", 2222, true),
            ("[pdu1]:2222", "pdu1", 22, false),
            ("pdu1,192.0.2.1", "192.0.2.1", 22, true),
            ("pdu?.example,!pdu2.example", "pdu1.example", 22, true),
            ("pdu?.example,!pdu2.example", "pdu2.example", 22, false),
            ("*", "fe80::1%eth0", 22, true),
            (&hashed("pdu1"), "pdu1", 22, true),
            (&hashed("pdu1"), "pdu2", 22, false),
            (&hashed("[pdu1]:2222"), "pdu1", 2222, true),
            ("|1|###|###", "pdu1", 22, false),
        ] {
            let (hosts_known, name) = (known(&line(hosts, &mine)), name(host, port));
            let (same, changed) = (hosts_known.check(&name, &mine), hosts_known.check(&name, &other));
            if expected {
                let place = Place { file: "known".to_owned(), line: 1 };
                assert_eq!(same, Verdict::Known, "{hosts} {name}");
                assert_eq!(changed, Verdict::Changed(mine.fingerprint(), place));
            } else {
                assert_eq!((same, changed), (Verdict::New, Verdict::New), "{hosts} {name}");
            }
        }
    }

    #[test]
    fn lines_that_nobody_can_read_hide_no_others() {
        let (mine, other) = (key("ssh-rsa", "mine"), key("ssh-rsa", "other"));
        let text = format!(
            "# comment\n\nrubbish\npdu1 ssh-rsa\npdu1 ssh-rsa @@@@\npdu1 ssh-dss {}\n@cert-authority {}@what {}{}",
            BASE64.encode(&mine.blob),
            line("pdu1", &other),
            line("pdu1", &other),
            line("pdu1", &mine),
        );
        let mut bytes = b"\xff\xfe pdu1\n\0\n".to_vec();
        bytes.extend(text.as_bytes());
        let known = KnownHosts::new(vec![("known".to_owned(), bytes)]);
        assert_eq!(known.check("pdu1", &mine), Verdict::Known);
        let Verdict::Changed(fingerprint, place) = known.check("pdu1", &other) else { panic!("passed") };
        assert_eq!((fingerprint, place.to_string()), (mine.fingerprint(), "known:11".to_owned()));
    }

    #[test]
    fn a_comment_in_another_encoding_hides_no_line() {
        let (mine, other) = (key("ssh-ed25519", "mine"), key("ssh-ed25519", "other"));
        let with = |line: String, comment: &[u8]| {
            let bytes = [line.trim_end().as_bytes(), b" ", comment, b"\n"].concat();
            KnownHosts::new(vec![("known".to_owned(), bytes)])
        };
        let known = with(line("pdu1", &mine), b"b\xfcro");
        assert_eq!(known.check("pdu1", &mine), Verdict::Known);
        assert!(matches!(known.check("pdu1", &other), Verdict::Changed(..)));
        let revoked = with(format!("@revoked {}", line("*", &mine)), b"\xe9");
        assert!(matches!(revoked.check("pdu1", &mine), Verdict::Revoked(_)));
        let among = with(format!("b\u{fc}ro,{}", line("pdu1", &mine)), b"");
        assert_eq!(among.check("pdu1", &mine), Verdict::Known);
    }

    #[test]
    fn a_revoked_key_is_refused_whatever_else_is_said_of_it() {
        let mine = key("ssh-ed25519", "mine");
        for text in [
            format!("{}@revoked {}", line("pdu1", &mine), line("*", &mine)),
            format!("@revoked {}{}", line("pdu*", &mine), line("pdu1", &mine)),
        ] {
            assert!(matches!(known(&text).check("pdu1", &mine), Verdict::Revoked(_)), "{text}");
        }
        let other = format!("@revoked {}", line("pdu1", &key("ssh-ed25519", "other")));
        assert_eq!(known(&other).check("pdu1", &mine), Verdict::New);
    }

    #[test]
    fn a_host_may_have_several_keys_and_one_of_a_kind_that_it_never_had_is_a_change() {
        let (rsa, ed25519, other) =
            (key("ssh-rsa", "r"), key("ssh-ed25519", "e"), key("ssh-ed25519", "other"));
        let both = known(&(line("pdu1", &rsa) + &line("pdu1", &ed25519)));
        assert_eq!(both.kinds("pdu1"), ["ssh-rsa", "ssh-ed25519"]);
        assert_eq!(both.check("pdu1", &rsa), Verdict::Known);
        assert_eq!(both.check("pdu1", &ed25519), Verdict::Known);
        let Verdict::Changed(fingerprint, place) = both.check("pdu1", &other) else { panic!("passed") };
        assert_eq!((fingerprint, place.line), (ed25519.fingerprint(), 2));
        assert!(matches!(known(&line("pdu1", &rsa)).check("pdu1", &other), Verdict::Changed(..)));
    }

    #[test]
    fn fingerprints_are_those_of_ssh_keygen() {
        // ssh-keygen -lf of a public key made for this test.
        let blob = "AAAAC3NzaC1lZDI1NTE5AAAAIGPTlN0zMfUQX3N5dQXwZlTXo5CRW1iHlbVjVfuWfjKd";
        let key = HostKey::new(&BASE64.decode(blob).unwrap()).unwrap();
        let shown = key.fingerprint().to_string();
        assert_eq!(key.kind(), "ssh-ed25519");
        assert_eq!(shown, "SHA256:4y/X1k+coCe6+FLGhqk/XU040GBUeafLK6FbuSVNzgY");
        assert_eq!(Fingerprint::parse(&shown), Some(key.fingerprint()));
        for wrong in ["", "SHA256:", "MD5:00:11", "SHA256:AAAA", shown.get(7..).unwrap()] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_new_key_becomes_a_line_of_its_own_and_what_can_t_be_written_is_told() {
        let folder = std::env::temp_dir().join(format!("known-hosts-{}", std::process::id()));
        let path = folder.join("inside/known_hosts").to_str().unwrap().to_owned();
        fs::create_dir(&folder).unwrap();
        let by = Deadline::after(Duration::from_secs(20));
        let (one, two) = (key("ssh-ed25519", "one"), key("ssh-rsa", "two"));
        let paths = [path.clone()];
        add(&paths, "pdu1", &one, by).unwrap();
        fs::write(&path, fs::read_to_string(&path).unwrap().trim_end()).unwrap();
        add(&paths, "[pdu2]:2222", &two, by).unwrap();
        let read = KnownHosts::read(&paths, by).unwrap();
        assert_eq!(read.check("pdu1", &one), Verdict::Known);
        assert_eq!(read.check("[pdu2]:2222", &two), Verdict::Known);
        let link = folder.join("link").to_str().unwrap().to_owned();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        add(std::slice::from_ref(&link), "pdu3", &one, by).unwrap();
        assert_eq!(KnownHosts::read(&paths, by).unwrap().check("pdu3", &one), Verdict::Known);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        add(&["/dev/null".to_owned()], "pdu1", &one, by).unwrap();
        add(&["none".to_owned()], "pdu1", &one, by).unwrap();
        let (file, _) = add(&["/proc/no/known_hosts".to_owned()], "pdu1", &one, by).unwrap_err();
        assert_eq!(file, "/proc/no/known_hosts");
        let missing = KnownHosts::read(&[folder.join("none").to_str().unwrap().to_owned()], by).unwrap();
        assert_eq!(missing.check("pdu1", &one), Verdict::New);
        fs::remove_dir_all(folder).unwrap();
    }
}
