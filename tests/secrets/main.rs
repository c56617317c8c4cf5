//! Where a password may be, and where it must not: outputs, logs, other processes, files, memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)] // That is how a test fails.

mod attacks;
mod closed;
mod leaks;
mod memory;

use std::path::PathBuf;

use peers::TempDir;

/// How an agent is given its options, secrets among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stdin,
    Arguments,
    /// Passwords from a script, the rest on stdin.
    Script,
}

const WAYS: [Way; 3] = [Way::Stdin, Way::Arguments, Way::Script];

/// Options that take no value on the command line.
const SWITCHES: [&str; 2] = ["lanplus", "ssl_insecure"];

/// Options that a script may fill.
const SCRIPTS: [(&str, &str); 2] =
    [("password", "password_script"), ("snmp_priv_passwd", "snmp_priv_passwd_script")];

/// What an agent gets.
struct Input {
    arguments: Vec<String>,
    stdin: String,
    /// The files that scripts print.
    _files: TempDir,
}

impl Way {
    fn give(self, options: &[(&str, &str)]) -> Input {
        let files = TempDir::new("secrets");
        let mut input = Input { arguments: Vec::new(), stdin: String::new(), _files: files };
        for (name, value) in options {
            let script = SCRIPTS.iter().find(|(filled, _)| filled == name);
            match (self, script) {
                (Way::Arguments, _) if SWITCHES.contains(name) => {
                    input.arguments.push(format!("--{}", name.replace('_', "-")));
                }
                (Way::Arguments, _) => {
                    input.arguments.push(format!("--{}={value}", name.replace('_', "-")));
                }
                (Way::Script, Some((name, script))) => {
                    let file: PathBuf = input._files.write(name, value);
                    input.stdin += &format!("{script}=cat {}\n", file.display());
                }
                _ => input.stdin += &format!("{name}={value}\n"),
            }
        }
        input
    }
}
