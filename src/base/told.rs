//! What others have said: texts of devices, of services, of files. They may hold anything, and get into messages,
//! lists and records; here, and nowhere else, they are made harmless for that.

use std::borrow::Cow;
use std::fmt;
use std::sync::RwLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::base::Secret;

/// How many characters of a text are kept.
const LONGEST: usize = 500;

/// How many characters of one line get out, whatever it was put together from: what is worth reading stays below that
/// by far.
const LONGEST_LINE: usize = 8 * 1024;

/// What stands where a secret was.
const COVER: &str = "***";

/// Where a text was cut.
const CUT: char = '…';

/// A secret shorter than this isn't looked for: every other text holds it by chance, and a cover would tell it.
const SHORTEST: usize = 4;

/// The same, for lines that hold words of our own beside those of others.
const SHORTEST_IN_A_LINE: usize = 6;

/// What every device has for a community, and many a name for a part: no secrets, whoever uses them as such.
const COMMON: &[&[u8]] = &[b"public", b"private"];

/// The secrets of this run, the longest first, so that none is found in parts.
static SECRETS: RwLock<Vec<Secret>> = RwLock::new(Vec::new());

/// Names that stand before a secret in a header.
static USERS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Words from which Pacemaker concludes what went wrong, wherever they stand on standard error (`timed out` and
/// `timeout`: ETIME; the others: EOPNOTSUPP), the place in each at which it is changed, and how many bytes go there.
const PHRASES: &[(&str, usize, usize)] =
    &[("imed out", 4, 1), ("timeout", 4, 0), ("unsupported action", 11, 1), ("unrecognised action", 12, 1)];

/// Characters beyond those of [`char::is_control`] that nobody sees, that turn a line around or that end it: format
/// characters (Unicode's general category Cf) and the separators of lines and paragraphs (Zl, Zp).
const UNSEEN: &[(char, char)] = &[
    ('\u{AD}', '\u{AD}'),
    ('\u{600}', '\u{605}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{6DD}', '\u{6DD}'),
    ('\u{70F}', '\u{70F}'),
    ('\u{890}', '\u{891}'),
    ('\u{8E2}', '\u{8E2}'),
    ('\u{180E}', '\u{180E}'),
    ('\u{200B}', '\u{200F}'),
    ('\u{2028}', '\u{202E}'),
    ('\u{2060}', '\u{206F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    ('\u{FFF9}', '\u{FFFB}'),
    ('\u{110BD}', '\u{110BD}'),
    ('\u{110CD}', '\u{110CD}'),
    ('\u{13430}', '\u{1343F}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0001}', '\u{E007F}'),
];

/// A text that a device told, made where it enters.
///
/// No more than 500 characters of it are kept. It can be printed anywhere: `Display` and `Debug` show control
/// characters, and others that nobody sees, as escapes (`\n`, `\u{9b}`), the secrets of the run as `***`, and the
/// words that Pacemaker reads on standard error in a way in which it doesn't (`timed-out`, `time-out`). What is
/// compared is the text itself: see [`Told::raw`] and [`Told::is`].
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Told {
    text: String,
    cut: bool,
}

impl Told {
    /// A text as it came.
    pub fn new(text: impl AsRef<str>) -> Told {
        Told::at_most(LONGEST, text)
    }

    /// A text of which no more than so many characters are kept.
    pub fn at_most(longest: usize, text: impl AsRef<str>) -> Told {
        let text = text.as_ref();
        let (kept, cut) = beginning(text, longest);
        Told { text: kept.to_owned(), cut }
    }

    /// Bytes that ought to be UTF-8: what isn't becomes U+FFFD.
    pub fn of_bytes(bytes: &[u8]) -> Told {
        // No character has more than four bytes; one that was cut in two is beyond the limit.
        let most = LONGEST.saturating_add(1).saturating_mul(4);
        Told::new(String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes)))
    }

    /// The text as the device told it, for comparisons alone: never to be printed. Where it was cut, it is only the
    /// beginning: see [`Told::is_cut`].
    pub fn raw(&self) -> &str {
        &self.text
    }

    /// Whether there was more of it than is kept, so that it equals nothing.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether it is this text.
    pub fn is(&self, other: &str) -> bool {
        !self.cut && self.text == other
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// As `Display`, with the words that Pacemaker reads on standard error left alone: for a list on standard output,
    /// whose names have to stay what somebody gives as a plug.
    pub fn name(&self) -> String {
        let struck = struck(&self.text, self.cut, |_| true);
        let mut name = escaped(&struck, in_words).into_owned();
        if self.cut {
            name.push(CUT);
        }
        name
    }
}

impl From<&str> for Told {
    fn from(text: &str) -> Told {
        Told::new(text)
    }
}

impl From<String> for Told {
    fn from(text: String) -> Told {
        Told::new(text)
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&unread(&self.name()))
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Registers a secret of this run, where it enters: from now on no text of others shows it.
pub fn keep_out(secret: &Secret) {
    if secret.len() < SHORTEST || COMMON.contains(&secret.expose()) {
        return;
    }
    let Ok(mut secrets) = SECRETS.write() else { return };
    if secrets.iter().any(|other| other.expose() == secret.expose()) {
        return;
    }
    let at = secrets.partition_point(|other| other.len() >= secret.len());
    secrets.insert(at, secret.clone());
}

/// Keeps out as well what a secret becomes behind this user name in a header of HTTP (RFC 7617): base64 of both. It is
/// made anew for each text, so that no further copy of the secret stands in memory.
pub fn keep_out_behind(user: &str) {
    let Ok(mut users) = USERS.write() else { return };
    if !users.iter().any(|other| other == user) {
        users.push(user.to_owned());
    }
}

/// Forgets every secret: at the end, and in a copy of this process that needs none.
pub fn forget() {
    if let Ok(mut secrets) = SECRETS.write() {
        secrets.clear();
        secrets.shrink_to_fit();
    }
}

/// A line on its way out, of whatever it was made: no control character, none that nobody sees, no secret, no more
/// than 8 KiB.
///
/// It holds words of our own, so a secret is struck out only where it can't be one of them: it has six characters or
/// more, and not letters alone nor digits alone. A text of a device that is a [`Told`] went without the others too.
pub fn line(text: &str) -> Cow<'_, str> {
    let (text, cut) = beginning(text, LONGEST_LINE);
    let line = match struck(text, cut, is_no_word) {
        Cow::Borrowed(text) => escaped(text, in_words),
        Cow::Owned(text) => Cow::Owned(escaped(&text, in_words).into_owned()),
    };
    if cut { Cow::Owned(format!("{line}{CUT}")) } else { line }
}

/// A line in which nothing is left that Pacemaker concludes something from: `timed out` is `timed-out`.
pub fn unread(text: &str) -> Cow<'_, str> {
    let mut changed = Cow::Borrowed(text);
    for (phrase, at, gone) in PHRASES {
        if let Cow::Owned(other) = without_phrase(&changed, phrase, *at, *gone) {
            changed = Cow::Owned(other);
        }
    }
    changed
}

/// What a device told, without the secrets of this run, and otherwise as it is: for JSON.
pub fn covered(text: &str) -> Cow<'_, str> {
    struck(text, false, |_| true)
}

/// JSON on its way out; over several lines where it is for people too. Its texts are treated as [`line`] treats them:
/// what a device told goes into it [`covered`].
///
/// Control characters, and those that nobody sees, are escaped as JSON escapes them: who reads it gets the text as it
/// is.
pub fn json(mut value: Value, pretty: bool) -> String {
    strike_in(&mut value);
    let text = if pretty { format!("{value:#}") } else { value.to_string() };
    match escaped_json(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(escaped) => escaped,
    }
}

/// JSON as text, of which every character is shown or escaped.
pub fn escaped_json(text: &str) -> Cow<'_, str> {
    let keep_layout = |c: char, out: &mut String| match c {
        // Outside of a text they are the layout; inside, JSON has escaped them already.
        '\n' => out.push(c),
        _ => {
            let units =
                c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            out.push_str(&units);
        }
    };
    escaped(text, keep_layout)
}

/// Whether a secret can't be a word of our own.
fn is_no_word(secret: &Secret) -> bool {
    let all = |is: fn(&u8) -> bool| secret.expose().iter().all(is);
    secret.len() >= SHORTEST_IN_A_LINE && !all(u8::is_ascii_alphabetic) && !all(u8::is_ascii_digit)
}

/// Strikes the secrets out of every text of a value.
fn strike_in(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(other) = struck(text, false, is_no_word) {
                *text = other;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(strike_in),
        Value::Object(fields) => fields.values_mut().for_each(strike_in),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// So many characters, and whether that isn't all.
fn beginning(text: &str, longest: usize) -> (&str, bool) {
    // A text of that many bytes can't have more characters: most are settled here.
    if text.len() <= longest {
        return (text, false);
    }
    match text.char_indices().nth(longest) {
        Some((end, _)) => (text.get(..end).unwrap_or_default(), true),
        None => (text, false),
    }
}

/// Without the secrets that count. Where the text was cut, its end may be the beginning of one.
fn struck(text: &str, cut: bool, counts: impl Fn(&Secret) -> bool) -> Cow<'_, str> {
    let Ok(secrets) = SECRETS.read() else { return Cow::Borrowed(text) };
    let Ok(users) = USERS.read() else { return Cow::Borrowed(text) };
    let forms = || {
        secrets.iter().flat_map(|secret| {
            let told = if counts(secret) { forms(secret) } else { Vec::new() };
            let in_headers = users.iter().map(move |user| Cow::Owned(in_a_header(user, secret)));
            told.into_iter().chain(in_headers).filter(|form| !form.is_empty())
        })
    };
    let mut text = Cow::Borrowed(text);
    for form in forms() {
        if text.contains(form.as_ref()) {
            text = Cow::Owned(text.replace(form.as_ref(), COVER));
        }
    }
    // The longest of all: where a shorter end is another secret's beginning, what stands before it would be shown.
    let kept =
        forms().filter(|_| cut).filter_map(|form| without_beginning_of(&text, &form).map(str::len)).min();
    match kept.and_then(|length| text.get(..length)) {
        Some(kept) => Cow::Owned(format!("{kept}{COVER}")),
        None => text,
    }
}

/// The text without an end that is the beginning of `form`, where it has one.
fn without_beginning_of<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let ends = form.char_indices().map(|(end, _)| end).rev().filter(|end| *end > 0);
    ends.filter_map(|end| form.get(..end)).find_map(|beginning| text.strip_suffix(beginning))
}

/// The forms in which a secret may be repeated: as it is, and as it stands in JSON, with all characters or ASCII
/// alone. Most secrets have one form. What is made here is overwritten when it is freed, as all memory is.
fn forms(secret: &Secret) -> Vec<Cow<'_, str>> {
    let text = String::from_utf8_lossy(secret.expose());
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\');
    if plain {
        return vec![text];
    }
    let quoted = Value::from(text.as_ref()).to_string();
    let json =
        quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned();
    let ascii = json.chars().fold(String::new(), |mut text, c| {
        match c {
            ' '..='~' => text.push(c),
            _ => text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
        }
        text
    });
    vec![Cow::Owned(json), Cow::Owned(ascii), text]
}

/// What stands behind `Basic` in a header (RFC 7617, 2).
fn in_a_header(user: &str, secret: &Secret) -> String {
    let mut both =
        Zeroizing::new(Vec::with_capacity(user.len().saturating_add(secret.len()).saturating_add(1)));
    both.extend_from_slice(user.as_bytes());
    both.push(b':');
    both.extend_from_slice(secret.expose());
    BASE64.encode(&*both)
}

/// Whether this character must not get out as it is.
fn is_unseen(c: char) -> bool {
    match c {
        ' '..='~' => false,
        _ => c.is_control() || UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&c)),
    }
}

/// An escape as it stands in a message.
fn in_words(c: char, out: &mut String) {
    out.extend(c.escape_default());
}

/// With every character that mustn't get out as `escape` writes it.
fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let Some(first) = text.find(is_unseen) else { return Cow::Borrowed(text) };
    let (clean, rest) = text.split_at_checked(first).unwrap_or((text, ""));
    let mut out = String::with_capacity(text.len().saturating_add(16));
    out.push_str(clean);
    for c in rest.chars() {
        if is_unseen(c) { escape(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Without one phrase, in whatever case it stands: at byte `at` of it a dash takes the place of `gone` bytes.
fn without_phrase<'a>(text: &'a str, phrase: &str, at: usize, gone: usize) -> Cow<'a, str> {
    let is_here = |part: &[u8]| part.eq_ignore_ascii_case(phrase.as_bytes());
    let found: Vec<usize> = text
        .as_bytes()
        .windows(phrase.len())
        .enumerate()
        .filter(|(_, part)| is_here(part))
        .map(|(start, _)| start.saturating_add(at))
        .collect();
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().saturating_add(found.len()));
    let mut from = 0;
    for place in found {
        out.push_str(text.get(from..place).unwrap_or_default());
        out.push('-');
        from = place.saturating_add(gone);
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The register is one for the whole process, so the tests of it use secrets that nothing else holds.
    fn knows(secret: &str) {
        keep_out(&Secret::new(secret));
    }

    #[test]
    fn no_character_that_moves_a_cursor_or_hides_gets_out() {
        let told = Told::new(
            "a\nb\u{1b}[2Jc\u{9b}31m\u{7f}\u{85}\u{202e}d\u{200b}\u{ad}\u{2028}\u{feff}\u{e0041}é\u{a0}漢",
        );
        let shown = "a\\nb\\u{1b}[2Jc\\u{9b}31m\\u{7f}\\u{85}\\u{202e}d\\u{200b}\\u{ad}\\u{2028}\\u{feff}\\u{e0041}é\u{a0}漢";
        assert_eq!(told.to_string(), shown);
        assert_eq!(told.name(), shown);
        assert_eq!(format!("{told:?}"), format!("\"{shown}\""));
        assert_eq!(line(told.raw()), shown);
    }

    #[test]
    fn every_code_point_below_u_3000_is_shown_as_itself_or_as_ascii() {
        let step = if cfg!(miri) { 0x61 } else { 1 };
        for c in (0u32..0x3000).step_by(step).filter_map(char::from_u32) {
            let shown = Told::new(c.to_string()).to_string();
            let safe = shown == c.to_string() && !c.is_control();
            assert!(safe || (shown.is_ascii() && shown.starts_with('\\')), "{c:?}: {shown}");
        }
    }

    #[test]
    fn words_that_pacemaker_reads_are_changed_and_stay_legible() {
        let told =
            Told::new("Timed out; TIMEOUT, login_timeout; an Unsupported action, unrecognised action 'x'");
        let shown = told.to_string();
        assert_eq!(
            shown,
            "Timed-out; TIME-OUT, login_time-out; an Unsupported-action, unrecognised-action 'x'"
        );
        assert_eq!(told.name(), told.raw());
        assert_eq!(Told::new("timed outtimeouttimed out").to_string(), "timed-outtime-outtimed-out");
    }

    #[test]
    #[cfg_attr(miri, ignore = "a megabyte of text")]
    fn what_is_longer_than_the_limit_is_cut_and_equals_nothing() {
        let long = "é".repeat(700_000);
        let told = Told::new(&long);
        assert_eq!(told.to_string(), format!("{}…", "é".repeat(LONGEST)));
        assert!(told.is_cut() && !told.is(told.raw()));
        assert_eq!(Told::of_bytes(long.as_bytes()), told);
        let whole = Told::new("é".repeat(LONGEST));
        assert!(!whole.is_cut() && whole.is(&"é".repeat(LONGEST)));
        assert!(line(&long).chars().count() == LONGEST_LINE + 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "minutes of searching")]
    fn a_secret_is_struck_out_in_each_form_and_before_the_text_is_cut() {
        knows("kä\"t9-Zebra");
        for repeated in ["kä\"t9-Zebra", "kä\\\"t9-Zebra", "k\\u00e4\\\"t9-Zebra"] {
            let told = Told::new(format!("<{repeated}>"));
            assert_eq!((told.to_string().as_str(), told.name().as_str()), ("<***>", "<***>"));
            assert_eq!(line(told.raw()), "<***>");
        }
        knows("Wombat.4711");
        for before in LONGEST - 12..=LONGEST {
            let shown = Told::new(format!("{}Wombat.4711", "x".repeat(before))).to_string();
            assert!(!shown.contains('W'), "{before}: {shown}");
        }
        let value = serde_json::json!({"a": ["Wombat.4711!"], "b": {"c": "\u{9b}2J"}});
        assert_eq!(json(value, false), r#"{"a":["***!"],"b":{"c":"\u009b2J"}}"#);
    }

    #[test]
    fn an_end_that_may_begin_two_secrets_is_covered_as_far_as_either_reaches() {
        for secret in ["Quagga-4711", "agave-and-more"] {
            knows(secret);
        }
        let shown = Told::new(format!("{}Quagga-4711", "x".repeat(LONGEST - 4))).to_string();
        assert!(!shown.contains('Q'), "{shown}");
    }

    #[test]
    fn the_longer_of_two_secrets_is_no_part_left_over() {
        knows("Okapi-77");
        knows("Okapi-77-long");
        assert_eq!(Told::new("Okapi-77-long Okapi-77").to_string(), "*** ***");
    }

    #[test]
    fn a_secret_that_could_be_a_word_of_ours_goes_from_texts_of_others_alone() {
        knows("zephyrous");
        knows("60613");
        assert_eq!(Told::new("zephyrous at 60613").to_string(), "*** at ***");
        assert_eq!(covered("zephyrous at 60613\u{9b}"), "*** at ***\u{9b}");
        assert_eq!(line("zephyrous at 60613"), "zephyrous at 60613");
        assert_eq!(json(serde_json::json!(["zephyrous"]), false), "[\"zephyrous\"]");
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        knows("public");
        knows("db1");
        assert_eq!(Told::new("public network of db1").to_string(), "public network of db1");
    }

    #[test]
    fn json_keeps_its_layout_and_its_meaning() {
        let value = serde_json::json!({"name": "a\u{85}\n\u{7f}\u{202e}b\u{e0041}"});
        let text = json(value.clone(), true);
        assert!(text.lines().count() == 3 && text.is_ascii(), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn bytes_that_are_no_utf_8_become_replacements_and_are_known_as_such() {
        let told = Told::of_bytes(b"caf\xe9");
        assert_eq!(told.to_string(), "caf\u{fffd}");
        assert!(!told.is("café"));
    }
}
