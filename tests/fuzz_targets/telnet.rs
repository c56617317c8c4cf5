//! What a device sends over telnet: text, commands, questions, subnegotiations.
//!
//! The first byte is the size of the pieces in which the rest comes.

use fence_agents::protocols::telnet::fuzzing::{escaped, take};

const IAC: u8 = 255;

/// Reads a stream, whole and in pieces, and what we would write ourselves.
pub fn run(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else { return };
    let (text, answer) = take(stream, stream.len());
    assert_eq!(take(stream, usize::from(*piece)), (text.clone(), answer.clone()), "cut elsewhere");
    assert!(text.len() <= stream.len());
    if !stream.contains(&IAC) {
        assert!(answer.is_empty(), "plain text is answered");
    }
    // Ten answers for each of 256 options, none longer than a question with the size of the terminal.
    assert!(answer.len() <= 2560 * 12 && answer.first().is_none_or(|first| *first == IAC));
    if !stream.windows(2).any(|pair| pair == b"\r\0") {
        let (read, silence) = take(&escaped(stream), usize::from(*piece));
        assert!(read == stream && silence.is_empty(), "what is written isn't what is read");
    }
}
