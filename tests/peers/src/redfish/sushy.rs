//! sushy-emulator (OpenStack sushy-tools), on HTTPS with Basic authentication.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::setup::{PASSWORD, USER};
use crate::service::Certificate;
use crate::util::{TempDir, until};

/// What plays the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Machines in the emulator's memory, which take 1 to 11 seconds to follow: the emulator rolls dice.
    Fake,
    /// The one virtual machine of libvirt's test driver, which follows at once.
    Libvirt,
}

/// A running emulator. It ends when dropped.
pub struct Sushy {
    child: Child,
    port: u16,
    folder: TempDir,
}

/// The machines of the fake driver: UUID, name, whether it has power.
const FAKE: [(&str, &str, &str); 1] = [("27946b59-9e44-4fa7-8e91-f3527a1ef094", "fake1", "On")];

impl Sushy {
    /// Installs the emulator where it isn't yet, starts it on a free port and waits until it listens.
    pub fn start(driver: Driver, certificate: &Certificate) -> Sushy {
        let program = install();
        // Somebody may take the port between us and the emulator.
        let started = (0..5).find_map(|_| Sushy::try_to_start(&program, driver, certificate));
        started.expect("a port for sushy-emulator")
    }

    /// `None` where somebody else has the port.
    fn try_to_start(program: &Path, driver: Driver, certificate: &Certificate) -> Option<Sushy> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = TempDir::new("sushy");
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("cert.pem"), certificate.pem()).unwrap();
        fs::write(path("key.pem"), certificate.key_pem()).unwrap();
        fs::write(path("users"), format!("{USER}:{}\n", bcrypt(program))).unwrap();
        let machines = match driver {
            Driver::Fake => {
                let systems: Vec<String> = FAKE
                    .iter()
                    .map(|(uuid, name, power)| {
                        format!(
                            "{{'uuid': '{uuid}', 'name': '{name}', 'power_state': '{power}', \
                             'external_notifier': False, 'nics': []}}"
                        )
                    })
                    .collect();
                format!(
                    "SUSHY_EMULATOR_FAKE_DRIVER = True\nSUSHY_EMULATOR_FAKE_SYSTEMS = [{}]\n",
                    systems.join(", ")
                )
            }
            Driver::Libvirt => "SUSHY_EMULATOR_LIBVIRT_URI = 'test:///default'\n".to_owned(),
        };
        let config = format!(
            "SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'\nSUSHY_EMULATOR_LISTEN_PORT = {port}\n\
             SUSHY_EMULATOR_SSL_CERT = '{}'\nSUSHY_EMULATOR_SSL_KEY = '{}'\nSUSHY_EMULATOR_AUTH_FILE = '{}'\n\
             SUSHY_EMULATOR_STATE_DIR = '{}'\n{machines}",
            path("cert.pem"),
            path("key.pem"),
            path("users"),
            folder.path().display(),
        );
        fs::write(path("config"), config).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let child = Command::new(program)
            .args(["--config", &path("config")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut sushy = Sushy { child, port, folder };
        let listens = until(Duration::from_secs(30), || {
            // The port alone doesn't tell whose it is.
            sushy.log().contains("Running on") && TcpStream::connect(("127.0.0.1", port)).is_ok()
                || sushy.child.try_wait().is_ok_and(|ended| ended.is_some())
        });
        let ended = sushy.child.try_wait().unwrap();
        if sushy.log().contains("in use") {
            return None;
        }
        assert!(listens && ended.is_none(), "sushy-emulator: {ended:?}: {}", sushy.log());
        Some(sushy)
    }

    /// The TCP port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the emulator has written.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Sushy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn install() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../install-sushy.sh");
    let output = Command::new("sh").arg(script).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "tests/install-sushy.sh failed");
    let line = BufReader::new(output.stdout.as_slice()).lines().next();
    PathBuf::from(line.expect("the script prints the program's path").unwrap())
}

/// The password as the emulator's user file has it, made by the emulator's own Python.
fn bcrypt(program: &Path) -> String {
    let python = program.with_file_name("python");
    let code =
        format!("import bcrypt; print(bcrypt.hashpw({PASSWORD:?}.encode(), bcrypt.gensalt(4)).decode())");
    let output = Command::new(python).args(["-c", &code]).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "bcrypt in Python failed");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
