//! virtualpdu (OpenStack): two power units that nobody here wrote, an APC Rack PDU and BayTech's MRP27.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// How many outlets each has.
pub const OUTLETS: u32 = 24;

/// The user of SNMP 3: SHA with this password, AES with the other one.
pub const USER: &str = "operator";
/// Its password.
pub const AUTH_PASSWORD: &str = "authpassword";
/// Its privacy password.
pub const PRIV_PASSWORD: &str = "privpassword";

/// Both units, running. They end when dropped.
pub struct VirtualPdu {
    child: Child,
    apc: u16,
    baytech: u16,
    switched: Arc<Mutex<Vec<Switched>>>,
}

/// What became of a machine behind an outlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switched {
    /// `apc` or `baytech`.
    pub unit: String,
    /// The outlet.
    pub outlet: u32,
    /// Whether it has power now.
    pub on: bool,
}

impl VirtualPdu {
    /// Installs virtualpdu where it isn't yet, and starts its units on free ports. Every machine is on.
    pub fn start() -> VirtualPdu {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/snmp/settable.py");
        let mut child = Command::new(install())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("virtualpdu starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut port = |unit: &str| -> u16 {
            let line = lines.next().expect("virtualpdu tells its ports").expect("a line");
            let port = line.strip_prefix(unit).expect("first the one, then the other");
            port.trim().parse().expect("a port")
        };
        let (apc, baytech) = (port("apc"), port("baytech"));
        let switched = Arc::new(Mutex::new(Vec::new()));
        let told = switched.clone();
        // Ends with the process.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let words: Vec<&str> = line.split_whitespace().collect();
                let [unit, outlet, on] = words[..] else { panic!("{line}") };
                let outlet = outlet.parse().expect("an outlet");
                let switched = Switched { unit: unit.to_owned(), outlet, on: on == "on" };
                told.lock().expect("nobody panics with it").push(switched);
            }
        });
        VirtualPdu { child, apc, baytech, switched }
    }

    /// The port of the APC Rack PDU.
    pub fn apc(&self) -> u16 {
        self.apc
    }

    /// The port of the BayTech.
    pub fn baytech(&self) -> u16 {
        self.baytech
    }

    /// What became of machines until now, in order.
    pub fn switched(&self) -> Vec<Switched> {
        self.switched.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for VirtualPdu {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python that has it.
fn install() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../install-virtualpdu.sh");
    let output = Command::new("sh").arg(script).stderr(Stdio::inherit()).output().expect("sh");
    assert!(output.status.success(), "tests/install-virtualpdu.sh failed");
    let line = BufReader::new(output.stdout.as_slice()).lines().next();
    PathBuf::from(line.expect("the script prints a path").expect("a line"))
}
