//! What the conformance suites share: what a caller sees of an agent, and whose agent it is.

use Stdout::{Contains, Is};

use crate::Finished;

/// Which agents are being asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Built here.
    Ours,
    /// In the directory that FENCE_AGENTS_DIR names.
    Originals,
}

/// The originals are scripts, ours are not.
pub fn whose() -> Whose {
    let agent =
        std::fs::read(crate::agents_dir().join("fence_ipmilan")).expect("fence_ipmilan in that directory");
    if agent.starts_with(b"#!") { Whose::Originals } else { Whose::Ours }
}

/// What stdout must be.
#[derive(Clone, Copy)]
pub enum Stdout {
    /// This, whole.
    Is(&'static str),
    /// This somewhere.
    Contains(&'static str),
}

/// What a caller sees.
#[derive(Clone, Copy)]
pub struct Seen {
    /// What stdout must be.
    pub stdout: Stdout,
    /// The exit code.
    pub code: i32,
    /// A word on stderr, where one matters.
    pub stderr: &'static str,
}

/// This on stdout, whatever stands on stderr.
pub const fn seen(stdout: Stdout, code: i32) -> Seen {
    Seen { stdout, code, stderr: "" }
}

/// Nothing on stdout, exit code 1, and this word on stderr.
pub const fn failed(stderr: &'static str) -> Seen {
    Seen { stdout: Is(""), code: 1, stderr }
}

/// Where the originals do otherwise: the mark in docs/differences.md, and what is seen there.
pub type Difference = Option<(&'static str, Seen)>;

/// Checks a run: ours, or what the document says of the originals.
pub fn check(name: &str, done: &Finished, ours: Seen, originals: Difference) {
    let wanted = match (whose(), originals) {
        (Whose::Originals, Some((_, seen))) => seen,
        _ => ours,
    };
    let matches = match wanted.stdout {
        Is(text) => done.stdout == text,
        Contains(text) => done.stdout.contains(text),
    };
    assert!(
        matches && done.code == Some(wanted.code) && done.stderr.contains(wanted.stderr),
        "{name}: exit {:?}, stdout {:?}, stderr {:?}",
        done.code,
        done.stdout,
        done.stderr
    );
}
