//! What a console shows, as lines. A device may wrap, redraw and colour as it likes: what counts is the text.

/// The most that one answer may be, in bytes: what devices list stays far below that.
const LONGEST_PAGE: usize = 256 << 10;

/// The longest line, in bytes.
const LONGEST_LINE: usize = 16 << 10;

const BELL: u8 = 7;
const BACKSPACE: u8 = 8;
const ESCAPE: u8 = 27;

/// Where in an escape sequence (ECMA-48, 5.3 and 5.4) the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sequence {
    /// In none.
    #[default]
    None,
    /// After ESC.
    Begun,
    /// After ESC and a byte that one more follows.
    OneMore,
    /// In a control sequence: ESC [ and its parameters.
    Control,
    /// In a text that ends with BEL or ESC \.
    Text,
    /// After the ESC in such a text.
    TextEnds,
}

/// There was more than is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// What has come since the last command.
#[derive(Default)]
pub(super) struct Screen {
    lines: Vec<String>,
    current: Vec<u8>,
    sequence: Sequence,
    bytes: usize,
}

impl Screen {
    /// Adds what has come.
    ///
    /// # Errors
    /// A line, or all of it, is longer than anything that a device lists.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.bytes = self.bytes.saturating_add(bytes.len());
        for byte in bytes {
            self.put_one(*byte);
        }
        if self.bytes > LONGEST_PAGE || self.current.len() > LONGEST_LINE { Err(TooLong) } else { Ok(()) }
    }

    fn put_one(&mut self, byte: u8) {
        self.sequence = match (self.sequence, byte) {
            (Sequence::None | Sequence::Begun | Sequence::OneMore | Sequence::Control, ESCAPE) => {
                Sequence::Begun
            }
            (Sequence::None, _) => {
                self.show(byte);
                Sequence::None
            }
            (Sequence::Begun, b'[') => Sequence::Control,
            (Sequence::Begun, b']' | b'P' | b'^' | b'_' | b'X') => Sequence::Text,
            (Sequence::Begun, b' '..=b'/') => Sequence::OneMore,
            (Sequence::Begun | Sequence::OneMore, _) => Sequence::None,
            // The cursor goes elsewhere, or the screen is cleared: what follows is no part of this line.
            (Sequence::Control, b'A' | b'B' | b'E' | b'F' | b'H' | b'J' | b'f') => {
                self.end_of_line();
                Sequence::None
            }
            (Sequence::Control, b'@'..=b'~') => Sequence::None,
            (Sequence::Control, _) => Sequence::Control,
            (Sequence::Text, BELL) | (Sequence::TextEnds, _) => Sequence::None,
            (Sequence::Text, ESCAPE) => Sequence::TextEnds,
            (Sequence::Text, _) => Sequence::Text,
        };
    }

    fn show(&mut self, byte: u8) {
        match byte {
            // A device that clears a line and writes over it goes back first: what follows is another line, so that
            // nothing is ever read that is put together from two.
            b'\n' | b'\r' => self.end_of_line(),
            BACKSPACE => drop(self.current.pop()),
            b'\t' => self.current.push(b' '),
            0..b' ' | 0x7f => {}
            _ => self.current.push(byte),
        }
    }

    fn end_of_line(&mut self) {
        let line = text(&self.current);
        self.current.clear();
        self.lines.push(line);
    }

    /// The line in which the cursor stands.
    pub(super) fn current(&self) -> String {
        text(&self.current)
    }

    /// The line in which the cursor stands with so many before it that aren't blank, each after the end of a line: what a
    /// prompt is looked for in.
    pub(super) fn tail(&self, before: usize) -> String {
        let mut shown: Vec<&str> =
            self.lines.iter().rev().filter(|line| !is_blank(line)).take(before).map(String::as_str).collect();
        shown.reverse();
        let mut tail = String::new();
        for line in shown {
            tail.push('\n');
            tail.push_str(line);
        }
        tail.push('\n');
        tail.push_str(&self.current());
        tail
    }

    /// Forgets the line in which the cursor stands, for example because it was a question that has been answered.
    pub(super) fn forget_current(&mut self) {
        self.current.clear();
    }

    /// Every line so far but the one in which the cursor stands.
    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Every line so far, without the one in which the cursor stands; it begins anew.
    pub(super) fn take(&mut self) -> Vec<String> {
        self.current.clear();
        self.bytes = 0;
        std::mem::take(&mut self.lines)
    }
}

/// Whether a line holds nothing to read.
pub(super) fn is_blank(line: &str) -> bool {
    line.chars().all(char::is_whitespace)
}

/// The text that bytes are: UTF-8, or Latin-1 as older devices have it, in which every byte is a character.
fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> (Vec<String>, String) {
        let mut screen = Screen::default();
        screen.put(bytes).unwrap();
        let current = screen.current();
        let lines = screen.take().into_iter().filter(|line| !is_blank(line)).collect();
        (lines, current)
    }

    #[test]
    fn every_way_to_end_a_line_ends_one() {
        for end in ["\r\n", "\n\r", "\n", "\r", "\r\0", "\r\r\n"] {
            let (lines, current) = shown(format!("one{end}two{end}> ").as_bytes());
            assert_eq!(
                (lines, current.as_str()),
                (vec!["one".to_owned(), "two".to_owned()], "> "),
                "{end:?}"
            );
        }
    }

    #[test]
    fn what_is_written_over_a_line_is_a_line_of_its_own() {
        let (lines, current) =
            shown(b"Press <ENTER> to continue...\r 1- web1  ON\r\n--More--\r        \r 2- db1  OFF");
        assert_eq!(lines, ["Press <ENTER> to continue...", " 1- web1  ON", "--More--"]);
        assert_eq!(current, " 2- db1  OFF");
        assert_eq!(shown(b"--More--\x08\x08\x08\x08\x08\x08\x08\x08row"), (Vec::new(), "row".to_owned()));
    }

    #[test]
    fn colours_and_titles_are_no_text_and_a_cursor_elsewhere_is_another_line() {
        let (lines, current) =
            shown(b"\x1b]0;title\x07\x1b[1;32mOn\x1b[0m\x1b(B\x1b[2J\x1b[Hapc\x1b[K> \x1b]2;x\x1b\\");
        assert_eq!((lines, current.as_str()), (vec!["On".to_owned()], "apc> "));
        assert_eq!(shown(b"\x1b[12;99").1, "");
    }

    #[test]
    fn bytes_that_are_no_text_of_today_are_characters_all_the_same() {
        assert_eq!(shown(b"Stra\xdfe").1, "Straße");
        assert_eq!(shown("Straße".as_bytes()).1, "Straße");
    }

    #[test]
    fn nothing_grows_without_end() {
        let mut screen = Screen::default();
        assert_eq!((0..1000).map(|_| screen.put(&[b'x'; 1000])).find(Result::is_err), Some(Err(TooLong)));
        let mut screen = Screen::default();
        assert_eq!(
            (0..100_000).map(|_| screen.put(b"0123456789abcde\n")).find(Result::is_err),
            Some(Err(TooLong))
        );
    }

    #[test]
    fn a_prompt_is_looked_for_in_the_last_lines_that_are_none_of_them_blank() {
        let mut screen = Screen::default();
        screen.put(b"one\r\ntwo\r\n\r\nmenu\r\n\r\n> ").unwrap();
        assert_eq!(screen.tail(2), "\ntwo\nmenu\n> ");
    }
}
