//! For the fuzz targets.

use super::negotiation::{self, Negotiation};

/// The text and the answer of a stream that comes in pieces of this size, as far as it goes.
pub fn take(stream: &[u8], piece: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut negotiation, mut text, mut answer) = (Negotiation::default(), Vec::new(), Vec::new());
    for bytes in stream.chunks(piece.max(1)) {
        if negotiation.take(bytes, &mut text, &mut answer).is_err() {
            break;
        }
    }
    (text, answer)
}

/// Text as it goes out.
pub fn escaped(text: &[u8]) -> Vec<u8> {
    negotiation::escaped(text).to_vec()
}
