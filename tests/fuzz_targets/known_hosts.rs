//! A file of known hosts that anybody may have written, and the first words of a peer.

use fence_agents::protocols::ssh::fuzzing::{is_known, lists_in};

/// An Ed25519 key, and the same in base64.
const KEY: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0\x20abcdefghijklmnopqrstuvwxyz012345";
const TEXT: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6MDEyMzQ1";

/// Reads the file alone, and with a line that counts behind it.
pub fn run(data: &[u8]) {
    let has = |text: &str| data.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(!is_known(data, "pdu1", 22, KEY) || has(TEXT), "a key is known that nobody wrote down");
    let good = format!("\npdu1,[pdu1]:2222 ssh-ed25519 {TEXT}\n");
    let whole = [data, good.as_bytes()].concat();
    for port in [22, 2222] {
        assert!(is_known(&whole, "PDU1", port, KEY) || has("@revoked"), "a line hides another");
    }
    assert!(!is_known(good.as_bytes(), "pdu1", 23, KEY));
    assert!(matches!(lists_in(data), 0 | 4));
}
