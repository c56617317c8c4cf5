//! What several of these files need.

use serde_json::Value;

/// What a program printed for programs.
pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
