//! From what a device has said to plugs and states. What doesn't fit the table is no state, and a page that isn't whole is
//! no listing.

use regex_lite::{Captures, Regex};

use super::table::{Plugs, Query, Reader, Values};
use crate::base::Told;
use crate::fencing::{Error, State};

/// One plug, as a device tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its number, or how else it is called in commands; empty where the answer is about the one that was asked for.
    pub plug: String,
    /// What it is named, or empty.
    pub name: String,
    /// The device's word for its state; `None` where the answer doesn't tell it.
    pub word: Option<String>,
}

impl Row {
    /// Whether it is meant by this: its number, or its name.
    pub(super) fn is_called(&self, text: &str) -> bool {
        self.plug == text || (!self.name.is_empty() && self.name.trim() == text)
    }

    /// Whether it is in the place that this number is: by its number or its name, or as a part of it (`1A` of 1).
    pub(super) fn has_place_of(&self, text: &str) -> bool {
        let part = self.plug.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let whole = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        self.is_called(text) || self.plug.eq_ignore_ascii_case(text) || (!part.is_empty() && part == whole)
    }

    /// Its state.
    pub(super) fn state(&self, values: &Values) -> State {
        let Some(word) = self.word.as_deref().map(str::trim) else {
            return State::Unknown("the device tells no state".to_owned());
        };
        let is = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        match () {
            () if is(values.off) => State::Off,
            () if is(values.on) => State::On,
            () if is(values.changing) => State::Changing(Told::new(word).to_string()),
            () => State::Unknown(Told::new(word).to_string()),
        }
    }
}

/// A pattern of a table.
///
/// # Errors
/// It is none, which a test of the tables would have found.
pub(super) fn regex(pattern: &str) -> Result<Regex, Error> {
    Regex::new(pattern).map_err(|error| Error::Local { what: error.to_string() })
}

/// What the device is told in the place of a plug that is called so.
///
/// # Errors
/// No plug is called so; the pattern is none.
pub(super) fn number(plugs: Plugs, name: &str) -> Result<String, Error> {
    let no_plug = |why: String| Error::NoSuchPlug { plug: format!("{name}{why}"), known: Vec::new() };
    let (pattern, says) = match plugs {
        Plugs::Like { pattern, says } => (pattern, says),
        Plugs::NotTold(why) => return Err(no_plug(format!(": {why}"))),
        Plugs::None | Plugs::Listed => return Ok(name.to_owned()),
    };
    let pattern = regex(&format!("^(?:{pattern})$"))?;
    let found = pattern.captures(name).ok_or_else(|| no_plug(format!(", which isn't {says}")))?;
    Ok(found.name("plug").map_or(name, |plug| plug.as_str()).to_owned())
}

/// Whether some line is like this.
pub(super) fn says(lines: &[String], pattern: &str) -> Result<bool, Error> {
    let pattern = regex(pattern)?;
    Ok(lines.iter().any(|line| pattern.is_match(line)))
}

/// The plugs that an answer tells.
///
/// # Errors
/// It isn't whole, or not what the query is answered with.
pub(super) fn rows(query: &Query, lines: &[String]) -> Result<Vec<Row>, Error> {
    let mut count = None;
    for whole in query.whole {
        let whole = regex(whole)?;
        let found = lines.iter().find_map(|line| whole.captures(line));
        let found = found.ok_or_else(|| not_whole(query, lines))?;
        count = group(&found, "count").or(count);
    }
    let rows = read(query, lines)?;
    match count {
        Some(count) if count != rows.len().to_string() => Err(Error::Unexpected {
            what: format!("'{}' is answered with {} of {count} plugs", query.line, rows.len()),
        }),
        _ => Ok(rows),
    }
}

fn read(query: &Query, lines: &[String]) -> Result<Vec<Row>, Error> {
    match query.reader {
        Reader::Value(pattern) => value(pattern, query, lines),
        Reader::Rows(pattern) => {
            let pattern = regex(pattern)?;
            Ok(lines.iter().filter_map(|line| pattern.captures(line)).map(|found| row(&found)).collect())
        }
        Reader::Columns { between, heads } => columns(between, heads, query, lines),
        Reader::Blocks { head, field } => blocks(head, field, lines),
    }
}

fn group(found: &Captures<'_>, name: &str) -> Option<String> {
    found.name(name).map(|text| text.as_str().to_owned())
}

fn row(found: &Captures<'_>) -> Row {
    let text = |name| group(found, name).unwrap_or_default();
    Row { plug: text("plug"), name: text("name").trim().to_owned(), word: group(found, "state") }
}

fn value(pattern: &str, query: &Query, lines: &[String]) -> Result<Vec<Row>, Error> {
    let pattern = regex(pattern)?;
    let found: Vec<Row> =
        lines.iter().filter_map(|line| pattern.captures(line)).map(|found| row(&found)).collect();
    match found.len() {
        1 => Ok(found),
        0 => Err(not_whole(query, lines)),
        _ => Err(Error::Unexpected {
            what: format!("'{}' is answered with several states: {}", query.line, sample(lines)),
        }),
    }
}

fn columns(between: char, heads: [&str; 3], query: &Query, lines: &[String]) -> Result<Vec<Row>, Error> {
    let cells = |line: &str| -> Vec<String> {
        line.trim().trim_end_matches(between).split(between).map(|cell| cell.trim().to_owned()).collect()
    };
    let place = |cells: &[String], head: &str| {
        let mut places = cells.iter().enumerate().filter(|(_, cell)| cell.eq_ignore_ascii_case(head));
        // Two columns of one head tell nothing.
        places.next().filter(|_| places.next().is_none()).map(|(at, _)| at)
    };
    let mut head: Option<(usize, usize, usize, usize)> = None;
    let mut rows = Vec::new();
    for line in lines {
        if !line.contains(between) {
            continue;
        }
        let cells = cells(line);
        let [plug, name, state] = heads.map(|head| place(&cells, head));
        if let (Some(plug), Some(name), Some(state)) = (plug, name, state) {
            head = Some((plug, name, state, cells.len()));
            continue;
        }
        let Some((plug, name, state, width)) = head else { continue };
        let cell = |at: usize| cells.get(at).cloned().unwrap_or_default();
        // What has another number of columns isn't read by these heads.
        if cells.len() == width && !cell(plug).is_empty() {
            rows.push(Row { plug: cell(plug), name: cell(name), word: Some(cell(state)) });
        }
    }
    if head.is_none() { Err(not_whole(query, lines)) } else { Ok(rows) }
}

fn blocks(head: &str, field: &str, lines: &[String]) -> Result<Vec<Row>, Error> {
    let (head, field) = (regex(head)?, regex(field)?);
    let mut rows: Vec<Row> = Vec::new();
    for line in lines {
        if let Some(found) = head.captures(line) {
            rows.push(row(&found));
        } else if let Some(found) = field.captures(line)
            && let Some(last) = rows.last_mut()
        {
            last.word = match (&last.word, group(&found, "state")) {
                (None, word) => word,
                // Told twice, it is told of two.
                (Some(_), _) => Some("told twice".to_owned()),
            };
        }
    }
    Ok(rows)
}

/// The first lines of an answer, for a message.
pub(super) fn sample(lines: &[String]) -> Told {
    Told::at_most(120, lines.iter().take(4).map(|line| line.trim()).collect::<Vec<_>>().join(" / "))
}

fn not_whole(query: &Query, lines: &[String]) -> Error {
    match lines.is_empty() {
        true => Error::Unexpected { what: format!("'{}' is answered with nothing", query.line) },
        false => Error::Unexpected { what: format!("'{}' is answered with: {}", query.line, sample(lines)) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn query(whole: &'static [&'static str], reader: Reader) -> Query {
        Query { line: "show", whole, reader }
    }

    const VALUES: Values = Values { on: &["on"], off: &["off"], changing: &["powering off"] };

    #[test]
    fn only_the_devices_own_word_for_off_is_off() {
        for (word, state) in [
            ("Off", State::Off),
            (" OFF ", State::Off),
            ("On", State::On),
            ("Powering OFF", State::Changing("Powering OFF".to_owned())),
            ("OFF*", State::Unknown("OFF*".to_owned())),
            ("offline", State::Unknown("offline".to_owned())),
            ("", State::Unknown(String::new())),
        ] {
            let row = Row { plug: String::new(), name: String::new(), word: Some(word.to_owned()) };
            assert_eq!(row.state(&VALUES), state, "{word:?}");
        }
        let silent = Row { plug: "1".to_owned(), name: String::new(), word: None };
        assert!(matches!(silent.state(&VALUES), State::Unknown(_)));
    }

    #[test]
    fn a_page_that_is_not_whole_is_no_listing() {
        let reader = Reader::Rows(r"^\s*(?<plug>\d+): (?<name>.*): (?<state>\S+)$");
        let query = query(&["^E000:"], reader);
        assert!(rows(&query, &lines(" 1: a: Off")).is_err());
        let rows = rows(&query, &lines("E000: Success\n  1: a: b: Off\n 16: c: On")).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.plug.as_str(), row.name.as_str())).collect();
        assert_eq!(told, [("1", "a: b"), ("16", "c")]);
    }

    #[test]
    fn a_listing_that_says_how_many_there_are_has_so_many() {
        let reader = Reader::Rows(r"^(?<plug>\d+) (?<state>\S+)$");
        let query = query(&[r"^Totals: (?<count>\d+) "], reader);
        assert_eq!(rows(&query, &lines("1 On\n2 Off\nTotals: 2 blades")).unwrap().len(), 2);
        for cut in
            ["1 On\nTotals: 2 blades", "1 On\n2 Off", "Totals: 2 blades", "1 On\n2 Off\nTotals: 02 blades"]
        {
            assert!(rows(&query, &lines(cut)).is_err(), "{cut:?}");
        }
    }

    #[test]
    fn one_value_is_told_once() {
        let query = query(&[], Reader::Value(r"^Power: (?<state>.*)$"));
        assert_eq!(rows(&query, &lines("x\nPower: On")).unwrap()[0].word.as_deref(), Some("On"));
        assert!(rows(&query, &lines("Power: Off\nPower: On")).is_err());
        assert!(rows(&query, &lines("power off")).is_err() && rows(&query, &[]).is_err());
    }

    #[test]
    fn columns_go_by_their_heads_wherever_they_stand() {
        let query = query(&[], Reader::Columns { between: '|', heads: ["PLUG", "NAME", "STATUS"] });
        let table = "Plug | Name | Password | Status | Boot |\n-----+---+\n 1 | a | x | ON | 5 |\n 2 | b | x | OFF * | 5 |\n 3 | c |";
        let rows = rows(&query, &lines(table)).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.plug.as_str(), row.word.as_deref())).collect();
        assert_eq!(told, [("1", Some("ON")), ("2", Some("OFF *"))]);
        assert!(super::rows(&query, &lines(" 1 | a | OFF |")).is_err());
    }

    #[test]
    fn a_state_belongs_to_the_block_in_which_it_stands() {
        let reader = Reader::Blocks {
            head: r"^Outlet (?<plug>\d+)(?: - (?<name>.*))?:$",
            field: r"^Power state: (?<state>.*)$",
        };
        let rows = rows(
            &query(&[], reader),
            &lines("Outlet 1:\nPower state: On\n\nOutlet 2 - Web Server:\nPower state: Off\nOutlet 3:"),
        );
        let told: Vec<_> =
            rows.unwrap().into_iter().map(|row| (row.plug, row.name, row.word.unwrap_or_default())).collect();
        let row = |plug: &str, name: &str, word: &str| (plug.to_owned(), name.to_owned(), word.to_owned());
        assert_eq!(told, [row("1", "", "On"), row("2", "Web Server", "Off"), row("3", "", "")]);
    }

    #[test]
    fn a_part_of_a_bay_is_in_its_place_whatever_the_case() {
        let row = |plug: &str| Row { plug: plug.to_owned(), name: "web1".to_owned(), word: None };
        for (plug, text) in [("1A", "1a"), ("1A", "1"), ("1", "1"), ("Server-1", "server-1"), ("5", "web1")] {
            assert!(row(plug).has_place_of(text), "{plug} {text}");
        }
        for (plug, text) in [("11", "1"), ("1", "11"), ("A", "B"), ("Server-1", "Server-11")] {
            assert!(!row(plug).has_place_of(text), "{plug} {text}");
        }
    }

    #[test]
    fn a_plug_is_what_fits_whole_and_what_no_device_tells_of_is_none() {
        let like = Plugs::Like { pattern: r"0*(?<plug>[1-9]\d?)|all-of-it", says: "a bay" };
        assert_eq!(number(like, "07").unwrap(), "7");
        assert_eq!(number(like, "all-of-it").unwrap(), "all-of-it");
        for bad in ["", "0", "7 8", "7-8", "all", "7\n8", "100"] {
            assert!(matches!(number(like, bad), Err(Error::NoSuchPlug { .. })), "{bad:?}");
        }
        let told = number(Plugs::NotTold("say what it is"), "7").unwrap_err().to_string();
        assert!(told.contains('7') && told.contains("say what it is"), "{told}");
        assert_eq!(number(Plugs::None, "node1").unwrap(), "node1");
        assert!(Plugs::None.is_one_machine() && Plugs::NotTold("").is_one_machine());
        assert!(!like.is_one_machine() && !Plugs::Listed.is_one_machine());
    }
}
