//! What fuzzing reaches of the state files' parsers.

use super::files;

/// The line of the key's file that counts.
pub fn first_line(text: &str) -> &str {
    files::first_line(text)
}

/// The devices that the file of devices lists.
pub fn lines(text: &str) -> Vec<String> {
    files::lines(text)
}

/// The file of names as it is written again once it was read; `None` where it can't be read.
pub fn names_again(text: &str) -> Option<String> {
    files::names_in(text).ok().map(|stored| files::names_text(&stored))
}
