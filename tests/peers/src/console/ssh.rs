//! The system's sshd (Debian package `openssh-server`), set up for a device.
//!
//! It runs in a mount namespace of its own with an /etc of its own, in which the device's accounts are the only ones;
//! passwords are judged by the device, through PAM. Needs root.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::device::{PASSWORD, Shared};
use super::door::{Bridge, Door, daemon};

/// The kind of a host key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits, which serves ssh-rsa as well as rsa-sha2-256.
    Rsa,
    /// ECDSA on the curve P-256.
    Ecdsa,
    /// ssh-dss with 1024 bits, as far as the installed sshd still has it.
    Dsa,
}

impl Key {
    fn word(self) -> &'static str {
        match self {
            Key::Ed25519 => "ed25519",
            Key::Rsa => "rsa",
            Key::Ecdsa => "ecdsa",
            Key::Dsa => "dsa",
        }
    }

    fn bits(self) -> &'static str {
        match self {
            Key::Ed25519 | Key::Ecdsa => "256",
            Key::Rsa => "2048",
            Key::Dsa => "1024",
        }
    }
}

/// Which algorithms it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// The usual ones of the installed sshd.
    No,
    /// Those of a device that has never seen newer firmware, and no others: diffie-hellman-group1-sha1 and
    /// group14-sha1, aes128-cbc and 3des-cbc, hmac-sha1, ssh-rsa and ssh-dss.
    Only,
}

/// How sshd is set up.
#[derive(Clone, Debug)]
pub struct Ssh {
    /// Its host keys.
    pub keys: Vec<Key>,
    /// Its algorithms.
    pub old: Old,
    /// Whether it takes a password by the method `password`.
    pub password: bool,
    /// Whether it asks for one by the method `keyboard-interactive`.
    pub keyboard_interactive: bool,
    /// Public keys that may log in as whoever they like, in the form of authorized_keys.
    pub authorized: String,
    /// Whether it lets in everybody who says a name that it knows, by the method `none`.
    pub open: bool,
    /// What it shows before the login.
    pub banner: &'static str,
    /// What comes before SSH's first line.
    pub before: Vec<u8>,
    /// Further lines of sshd_config(5), which count before all others.
    pub more: &'static str,
}

impl Default for Ssh {
    fn default() -> Ssh {
        Ssh {
            keys: vec![Key::Ed25519],
            old: Old::No,
            password: true,
            keyboard_interactive: false,
            authorized: String::new(),
            open: false,
            banner: "",
            before: Vec::new(),
            more: "",
        }
    }
}

/// What sshd has in place of /etc: this service for PAM, which asks the device.
const PAM: &str = "auth requisite pam_exec.so quiet expose_authtok /bin/sh LOGIN\nauth required pam_permit.so\n\
                   account required pam_permit.so\nsession required pam_permit.so\npassword required pam_deny.so\n";

/// Runs sshd for one connection, with the /etc that is given. It separates its privileges into /run/sshd.
const RUN: &str = "set -e\nmount --bind \"$1\" /etc\nmkdir -p -m 755 /run/sshd\n\
                   exec /usr/sbin/sshd -i -e -f \"$2\"\n";

impl Ssh {
    pub(super) fn open(&self, shared: &Arc<Shared>) -> Door {
        assert!(Path::new("/usr/sbin/sshd").exists(), "no sshd (Debian: apt-get install openssh-server)");
        let bridge = Bridge::start(shared);
        let (etc, config) = (self.etc(&bridge, shared), self.config(&bridge));
        let (log, before) = (bridge.log(), self.before.clone());
        Door::open(Some(bridge), move |mut stream| {
            std::io::Write::write_all(&mut stream, &before).ok()?;
            let mut command = Command::new("unshare");
            // Whatever ends the first process ends every one in there.
            command.args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "--mount-proc",
                "sh",
                "-c",
                RUN,
                "sshd",
            ]);
            daemon(command.args([&etc, &config]), stream, &log)
        })
    }

    fn config(&self, bridge: &Bridge) -> std::path::PathBuf {
        let at = bridge.directory();
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        let mut config = format!("{}\n", self.more);
        for key in &self.keys {
            let _ = writeln!(config, "HostKey {}", make_key(at, *key).display());
        }
        if self.old == Old::Only {
            let keys = if self.keys.contains(&Key::Dsa) { "ssh-rsa,ssh-dss" } else { "ssh-rsa" };
            let _ = writeln!(
                config,
                "KexAlgorithms diffie-hellman-group1-sha1,diffie-hellman-group14-sha1\n\
                 Ciphers aes128-cbc,3des-cbc\nMACs hmac-sha1\nHostKeyAlgorithms {keys}\n\
                 PubkeyAcceptedAlgorithms {keys}"
            );
        }
        if !self.banner.is_empty() {
            let _ = writeln!(config, "Banner {}", bridge.write("banner", self.banner).display());
        }
        let _ = writeln!(
            config,
            "UsePAM yes\nPasswordAuthentication {}\nKbdInteractiveAuthentication {}\nPermitEmptyPasswords {}\n\
             AuthorizedKeysFile {}\nStrictModes no\nPermitRootLogin yes\nForceCommand /bin/sh {}\n\
             DisableForwarding yes\nPermitUserRC no\nPrintMotd no\nPrintLastLog no\nUseDNS no\nPidFile none\n\
             LogLevel VERBOSE",
            yes(self.password || self.open),
            yes(self.keyboard_interactive),
            yes(self.open),
            bridge.write("authorized_keys", &self.authorized).display(),
            at.join("session").display(),
        );
        bridge.write("sshd_config", &config)
    }

    fn etc(&self, bridge: &Bridge, shared: &Shared) -> std::path::PathBuf {
        let etc = bridge.directory().join("etc");
        fs::create_dir_all(etc.join("pam.d")).expect("a directory");
        let write = |name: &str, text: &str| fs::write(etc.join(name), text).expect("a file");
        let mut accounts = String::from("sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n");
        for (user, _) in &shared.truth().accounts {
            let _ = writeln!(accounts, "{user}:x:0:0::/:/bin/sh");
        }
        write("passwd", &accounts);
        write("group", "root:x:0:\nnogroup:x:65534:\n");
        write("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n");
        write("hosts", "127.0.0.1 localhost\n");
        let login = if self.open { "auth requisite pam_permit.so\n".to_owned() } else { String::new() };
        let asked = PAM.replace("LOGIN", &bridge.directory().join("login").display().to_string());
        let asked = if self.open { asked.split_once('\n').expect("two lines").1.to_owned() } else { asked };
        write("pam.d/sshd", &(login + &asked));
        write("pam.d/other", "auth required pam_deny.so\naccount required pam_deny.so\n");
        // Where libraries are found.
        fs::copy("/etc/ld.so.cache", etc.join("ld.so.cache")).expect("ld.so.cache");
        etc
    }
}

/// A door with dropbear (Debian package `dropbear-bin`), the other SSH server that is in wide use, in devices above all. It
/// judges passwords itself.
pub(super) fn dropbear(shared: &Arc<Shared>) -> Door {
    assert!(Path::new("/usr/sbin/dropbear").exists(), "no dropbear (Debian: apt-get install dropbear-bin)");
    let bridge = Bridge::start(shared);
    let etc = Ssh::default().etc(&bridge, shared);
    let hash = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output().expect("openssl");
    let hash = String::from_utf8_lossy(&hash.stdout).trim().to_owned();
    let accounts = shared.truth().accounts.clone();
    let shadow: String =
        accounts.iter().map(|(user, _)| format!("{user}:{hash}:19000:0:99999:7:::\n")).collect();
    fs::write(etc.join("shadow"), shadow).expect("a file");
    let key = bridge.directory().join("dropbear");
    let made =
        Command::new("dropbearkey").args(["-t", "ed25519", "-f"]).arg(&key).output().expect("dropbearkey");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let log = bridge.log();
    // Where there is no command, dropbear says that it is empty.
    let session = format!(
        "[ \"$SSH_ORIGINAL_COMMAND\" ] || unset SSH_ORIGINAL_COMMAND; exec /bin/sh {}",
        bridge.directory().join("session").display()
    );
    let run = "set -e\nmount --bind \"$1\" /etc\nexec /usr/sbin/dropbear -i -r \"$2\" -c \"$3\"\n";
    Door::open(Some(bridge), move |stream| {
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "sh",
            "-c",
            run,
            "dropbear",
        ]);
        daemon(command.args([&etc, &key]).arg(&session), stream, &log)
    })
}

/// A new host key.
fn make_key(at: &Path, key: Key) -> std::path::PathBuf {
    let file = at.join(format!("host_{}", key.word()));
    let _ = fs::remove_file(&file);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", key.word(), "-b", key.bits(), "-f"])
        .arg(&file)
        .stdin(Stdio::null())
        .output()
        .expect("ssh-keygen (Debian: apt-get install openssh-client)");
    assert!(made.status.success(), "{}: {}", key.word(), String::from_utf8_lossy(&made.stderr));
    file
}

impl Door {
    /// Gives sshd a new host key of this kind, as a device does that was replaced.
    ///
    /// # Panics
    /// Where it is no door of SSH's.
    pub fn new_host_key(&self, key: Key) {
        make_key(self.directory().expect("a door of SSH's"), key);
    }
}
