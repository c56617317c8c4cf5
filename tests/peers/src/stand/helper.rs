//! The way from snmpd to what is true of a unit.
//!
//! snmpd hands every question under a number to a helper (`pass_persist`); the helper is a shell with two `cat`s that carry
//! the lines to this process, which knows the truth.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::data::Holds;
use super::unit::Truth;

/// The far end of snmpd's helper.
pub(super) struct Helper {
    directory: std::path::PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    pub fn start(truth: Arc<Mutex<Truth>>) -> Helper {
        let directory = crate::snmp::daemon::directory();
        let questions = directory.join("questions");
        let made = Command::new("mkfifo").arg(&questions).status().expect("mkfifo");
        assert!(made.success(), "mkfifo failed");
        // Each has a pipe of its own for the answers: one that outlives its snmpd for a moment must not read what is
        // meant for the next.
        std::fs::write(
            directory.join("helper"),
            format!(
                "cd '{}'\nmkfifo \"$$\"\necho \"HELLO $$\" > questions\ncat \"$$\" &\ncat > questions\nkill $!\n",
                directory.display()
            ),
        )
        .expect("a script");
        // Opened for both, neither open nor read ends because the other side isn't there yet or any more.
        let questions = both(&questions);
        let from = directory.clone();
        let thread = std::thread::spawn(move || serve(questions, &from, &truth));
        Helper { directory, thread: Some(thread) }
    }

    pub fn script(&self) -> std::path::PathBuf {
        self.directory.join("helper")
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // Whatever was being said, three lines complete it.
        let _ = both(&self.directory.join("questions")).write_all(b"\n\n\nSTOP\n\n\nSTOP\n");
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn both(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).open(path).expect("a pipe")
}

/// Answers snmpd's questions (snmpd.conf(5), pass_persist).
fn serve(questions: File, directory: &Path, truth: &Mutex<Truth>) {
    let mut answers = None;
    let mut lines = BufReader::new(questions).lines().map_while(Result::ok);
    while let Some(line) = lines.next() {
        let answer = match line.as_str() {
            "STOP" => return,
            "PING" => "PONG\n".to_owned(),
            "get" | "getnext" => {
                let Some(asked) = lines.next() else { return };
                let mut truth = truth.lock().expect("the truth");
                truth.settle();
                let asked = arcs(&asked);
                let object = if line == "get" {
                    Some(asked)
                } else {
                    use std::ops::Bound::{Excluded, Unbounded};
                    let mut following = truth.objects.range((Excluded(asked), Unbounded));
                    let listed = following.find(|(_, (holds, _))| !matches!(holds, Holds::Unlisted(_)));
                    listed.map(|(object, _)| object.clone())
                };
                match object.and_then(|object| Some((truth.show(&object)?, object))) {
                    Some(((of, value), object)) => format!(".{}\n{of}\n{value}\n", dotted(&object)),
                    None => "NONE\n".to_owned(),
                }
            }
            "set" => {
                let (Some(object), Some(value)) = (lines.next(), lines.next()) else { return };
                format!("{}\n", truth.lock().expect("the truth").command(&arcs(&object), &value))
            }
            // snmpd sends an empty line after each write.
            line => {
                if let Some(helper) = line.strip_prefix("HELLO ") {
                    answers = Some(both(&directory.join(helper)));
                }
                continue;
            }
        };
        if answers.as_mut().is_none_or(|answers| answers.write_all(answer.as_bytes()).is_err()) {
            return;
        }
    }
}

pub(super) fn arcs(text: &str) -> Vec<u32> {
    text.split('.').filter_map(|arc| arc.parse().ok()).collect()
}

pub(super) fn dotted(object: &[u32]) -> String {
    object.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}
