//! What earlier actions have done, as they wrote it down.

use std::fmt::Write as _;

use serde_json::Value;

use crate::fencing::error::Error;
use crate::fencing::explain::one_line;
use crate::fencing::options;
use crate::fencing::settings::Settings;

/// How many actions are shown.
const SHOWN: usize = 10;

/// The last entries of the file, for people or for programs.
pub fn shown(settings: &Settings) -> Result<String, Error> {
    let path = settings.text(&options::EVIDENCE_FILE).unwrap_or_default();
    let bytes = std::fs::read(path).map_err(|error| Error::Local { what: format!("{path}: {error}") })?;
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut text = String::new();
    for line in lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default() {
        let entry: Option<Value> = serde_json::from_slice(line).ok();
        let words = entry.map_or_else(|| "a line that is no entry".to_owned(), |entry| entry.to_string());
        let _ = writeln!(text, "{}", one_line(&words));
    }
    Ok(text)
}
