//! What stands in telnet beside the text: which options there are on either side (RFC 1143), and how they are answered.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// Interpret as command (RFC 854).
const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
/// Begin and end of a subnegotiation.
const SB: u8 = 250;
const SE: u8 = 240;

/// RFC 856: bytes as they are.
const BINARY: u8 = 0;
/// RFC 857.
const ECHO: u8 = 1;
/// RFC 858.
const SUPPRESS_GO_AHEAD: u8 = 3;
/// RFC 1091.
const TERMINAL_TYPE: u8 = 24;
const IS: u8 = 0;
const SEND: u8 = 1;
/// RFC 1073.
const WINDOW_SIZE: u8 = 31;

/// The terminal that we are (RFC 1700, terminal names).
const TERMINAL: &[u8] = b"VT100";

/// So wide that no line is folded, and so high that few listings are held up, in characters.
const SIDE: u16 = 500;

/// What the other side may do.
const THEIRS: &[u8] = &[BINARY, ECHO, SUPPRESS_GO_AHEAD];
/// What we do where the other side asks for it.
const OURS: &[u8] = &[BINARY, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WINDOW_SIZE];

/// How many bytes of a subnegotiation are waited through for its end: the longest of sense is an environment.
const LONGEST_SUBNEGOTIATION: usize = 16 * 1024;
/// How many of them are looked at: none that is answered has more.
const KEPT: usize = 16;

/// How often one option is answered: a device that never has enough of it gets no further answers.
const MOST_ANSWERS: u8 = 10;

/// Where in the stream we are.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Text,
    /// Behind a CR of the text, which a NUL may follow that means nothing.
    AfterCr,
    Command,
    Option(u8),
    Inside,
    InsideCommand,
}

/// What an option is on one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Switch {
    #[default]
    Off,
    /// We have asked for it, and wait for the answer.
    Asked,
    On,
}

/// One option.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    theirs: Switch,
    ours: Switch,
    answers: u8,
}

/// The state of a line.
#[derive(Debug, Default)]
pub(super) struct Negotiation {
    place: Place,
    options: BTreeMap<u8, State>,
    /// The subnegotiation that hasn't ended yet: its beginning and its length.
    inside: Vec<u8>,
    length: usize,
}

impl Negotiation {
    /// What to ask a device for that says nothing: to echo, and to talk without being asked to (RFC 858).
    pub(super) fn ask(&mut self) -> Vec<u8> {
        let wanted = [SUPPRESS_GO_AHEAD, ECHO];
        for option in wanted {
            self.options.entry(option).or_default().theirs = Switch::Asked;
        }
        wanted.iter().flat_map(|option| [IAC, DO, *option]).collect()
    }

    /// Takes what has come: adds the text in it to `text`, and what is to be sent back to `answer`.
    ///
    /// # Errors
    /// A subnegotiation doesn't end.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        text: &mut Vec<u8>,
        answer: &mut Vec<u8>,
    ) -> Result<(), &'static str> {
        for &byte in bytes {
            self.place = match (self.place, byte) {
                (Place::Text | Place::AfterCr, IAC) => Place::Command,
                (Place::AfterCr, 0) if !self.is_binary() => Place::Text,
                (Place::Text | Place::AfterCr, _) | (Place::Command, IAC) => {
                    text.push(byte);
                    if byte == b'\r' { Place::AfterCr } else { Place::Text }
                }
                (Place::Command, WILL..=DONT) => Place::Option(byte),
                (Place::Command, SB) => {
                    (self.inside, self.length) = (Vec::new(), 0);
                    Place::Inside
                }
                // Nothing else that a device may command means anything to us.
                (Place::Command, _) => Place::Text,
                (Place::Option(verb), _) => {
                    self.option(verb, byte, answer);
                    Place::Text
                }
                (Place::Inside, IAC) => Place::InsideCommand,
                (Place::InsideCommand, SE) => {
                    self.subnegotiated(answer);
                    Place::Text
                }
                (Place::Inside | Place::InsideCommand, _) => {
                    self.length = self.length.saturating_add(1);
                    if self.length > LONGEST_SUBNEGOTIATION {
                        return Err("a subnegotiation of telnet doesn't end");
                    }
                    if self.inside.len() < KEPT {
                        self.inside.push(byte);
                    }
                    Place::Inside
                }
            };
        }
        Ok(())
    }

    fn is_binary(&self) -> bool {
        self.options.get(&BINARY).is_some_and(|state| state.theirs == Switch::On)
    }

    /// Only a change of state is answered, so that two sides never answer each other's answers (RFC 1143, 7). A refusal
    /// is no change, and due each time.
    fn option(&mut self, verb: u8, option: u8, answer: &mut Vec<u8>) {
        let state = self.options.entry(option).or_default();
        let (switch, may, [yes, no]) = match verb {
            WILL | WONT => (&mut state.theirs, THEIRS.contains(&option), [DO, DONT]),
            _ => (&mut state.ours, OURS.contains(&option), [WILL, WONT]),
        };
        let wants = verb == WILL || verb == DO;
        let before = std::mem::replace(switch, if wants && may { Switch::On } else { Switch::Off });
        let word = match (before, wants, may) {
            (Switch::Off, true, true) => yes,
            (Switch::Off, true, false) | (Switch::On, false, _) => no,
            _ => return,
        };
        if state.answers >= MOST_ANSWERS {
            return;
        }
        state.answers = state.answers.saturating_add(1);
        answer.extend([IAC, word, option]);
        if (word, option) == (WILL, WINDOW_SIZE) {
            let [high, low] = SIDE.to_be_bytes();
            subnegotiate(&[WINDOW_SIZE, high, low, high, low], answer);
        }
    }

    /// A subnegotiation has ended: the only one with an answer asks for the terminal.
    fn subnegotiated(&mut self, answer: &mut Vec<u8>) {
        let Some(state) = self.options.get_mut(&TERMINAL_TYPE) else { return };
        if self.inside != [TERMINAL_TYPE, SEND] || state.ours != Switch::On || state.answers >= MOST_ANSWERS {
            return;
        }
        state.answers = state.answers.saturating_add(1);
        subnegotiate(&[&[TERMINAL_TYPE, IS], TERMINAL].concat(), answer);
    }
}

fn subnegotiate(content: &[u8], answer: &mut Vec<u8>) {
    answer.extend([IAC, SB]);
    answer.extend(content);
    answer.extend([IAC, SE]);
}

/// Text as it goes out. It may be a password.
pub(super) fn escaped(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let doubled = text.iter().flat_map(|byte| std::iter::repeat_n(*byte, if *byte == IAC { 2 } else { 1 }));
    Zeroizing::new(doubled.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocols::telnet::fuzzing;

    /// The text of what comes, and what is answered.
    fn taken(negotiation: &mut Negotiation, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut text, mut answer) = (Vec::new(), Vec::new());
        negotiation.take(bytes, &mut text, &mut answer).unwrap();
        (text, answer)
    }

    fn answer_to(bytes: &[u8]) -> Vec<u8> {
        let (text, answer) = taken(&mut Negotiation::default(), bytes);
        assert_eq!(text, b"");
        answer
    }

    #[test]
    fn only_the_options_that_a_console_needs_are_taken() {
        for option in 0..=255 {
            let they_may = [0, 1, 3].contains(&option);
            let expected = if they_may { DO } else { DONT };
            assert_eq!(answer_to(&[IAC, WILL, option]), [IAC, expected, option], "{option}");
            let answer = answer_to(&[IAC, DO, option]);
            let expected = if [0, 3, 24, 31].contains(&option) { WILL } else { WONT };
            assert_eq!(answer[..3], [IAC, expected, option], "{option}");
            assert_eq!(answer[3..].is_empty(), option != WINDOW_SIZE);
            assert_eq!(answer_to(&[IAC, WONT, option]), b"");
            assert_eq!(answer_to(&[IAC, DONT, option]), b"");
        }
    }

    #[test]
    fn a_terminal_of_500_by_500_called_vt100_is_told_where_it_is_asked_for() {
        let size = [IAC, WILL, 31, IAC, SB, 31, 1, 244, 1, 244, IAC, SE];
        assert_eq!(answer_to(&[IAC, DO, 31]), size);
        let asked = [IAC, DO, 24, IAC, SB, 24, 1, IAC, SE];
        let expected = [&[IAC, WILL, 24, IAC, SB, 24, 0][..], b"VT100", &[IAC, SE]].concat();
        assert_eq!(answer_to(&asked), expected);
        assert_eq!(answer_to(&asked[3..]), b"", "nobody has agreed on terminals");
    }

    #[test]
    fn what_is_so_already_is_not_answered_and_a_change_is() {
        let mut line = Negotiation::default();
        for (came, answer) in [
            ([IAC, WILL, 1], &[IAC, DO, 1][..]),
            ([IAC, WILL, 1], &[]),
            ([IAC, WONT, 1], &[IAC, DONT, 1]),
            ([IAC, WONT, 1], &[]),
            ([IAC, DO, 3], &[IAC, WILL, 3]),
            ([IAC, DO, 3], &[]),
            ([IAC, DONT, 3], &[IAC, WONT, 3]),
        ] {
            assert_eq!(taken(&mut line, &came).1, answer, "{came:?}");
        }
    }

    #[test]
    fn the_answer_to_our_own_question_is_not_answered() {
        let mut line = Negotiation::default();
        assert_eq!(line.ask(), [IAC, DO, 3, IAC, DO, 1]);
        assert_eq!(taken(&mut line, &[IAC, WILL, 3, IAC, WONT, 1]).1, b"");
        assert_eq!(taken(&mut line, &[IAC, WILL, 1]).1, [IAC, DO, 1]);
    }

    #[test]
    fn a_device_that_goes_on_asking_gets_no_answers_in_the_end() {
        let loops = [[IAC, WILL, 5], [IAC, DO, 39]].concat().repeat(1000);
        assert_eq!(answer_to(&loops).len(), 2 * 3 * usize::from(MOST_ANSWERS));
        let flips = [IAC, WILL, 1, IAC, WONT, 1].repeat(1000);
        assert_eq!(answer_to(&flips).len(), 3 * usize::from(MOST_ANSWERS));
    }

    #[test]
    fn commands_are_no_text_wherever_the_stream_is_cut() {
        let stream = [
            b"lo",
            &[IAC, IAC][..],
            &[IAC, SB, 24, 1, IAC, IAC, 7, IAC, SE, IAC, 241, IAC, 249],
            b"g\r\0in\r\n\0\r",
            &[IAC, WILL, 3],
            b"\0: ",
        ]
        .concat();
        let whole = fuzzing::take(&stream, stream.len());
        assert_eq!(whole.0, b"lo\xffg\rin\r\n\0\r\0: ");
        assert_eq!(whole.1, [IAC, DO, 3]);
        for piece in 1..stream.len() {
            assert_eq!(fuzzing::take(&stream, piece), whole, "{piece}");
        }
    }

    #[test]
    fn in_binary_a_nul_behind_a_cr_is_one() {
        let mut line = Negotiation::default();
        assert_eq!(taken(&mut line, &[IAC, WILL, 0, b'\r', 0]).0, b"\r\0");
    }

    #[test]
    fn a_subnegotiation_without_end_is_an_error_and_takes_no_memory() {
        let mut line = Negotiation::default();
        let (mut text, mut answer) = (Vec::new(), Vec::new());
        line.take(&[IAC, SB, 24], &mut text, &mut answer).unwrap();
        let endless = vec![b'x'; LONGEST_SUBNEGOTIATION];
        line.take(&endless, &mut text, &mut answer).unwrap_err();
        assert!(line.inside.len() <= KEPT && text.is_empty());
    }

    #[test]
    fn a_255_in_the_text_is_doubled_on_its_way_out() {
        assert_eq!(*escaped(b"a\xffb\r"), b"a\xff\xffb\r");
    }
}
