//! How Pacemaker reads the words of its configuration, where it has a way of its own.
//!
//! Source: Pacemaker 2.1 and 3.0, lib/common (scores, strings, iso8601), lib/fencing (lists of hosts, what is handed to
//! an agent) and daemons/fenced (host maps, time limits).

use std::time::Duration;

/// The largest score.
const INFINITY: i64 = 1_000_000;

/// Its words for true and for false, in any case.
const TRUTHS: &[(&str, bool)] = &[
    ("true", true),
    ("on", true),
    ("yes", true),
    ("y", true),
    ("1", true),
    ("false", false),
    ("off", false),
    ("no", false),
    ("n", false),
    ("0", false),
];

/// The options of a fence device that are Pacemaker's own, besides `pcmk_ACTION_action`, `_timeout` and `_retries`: no
/// agent is told them. `priority` is what older versions had.
const OWN: &[&str] = &[
    "provides",
    "stonith-timeout",
    "priority",
    "pcmk_action_limit",
    "pcmk_delay_base",
    "pcmk_delay_max",
    "pcmk_host_argument",
    "pcmk_host_check",
    "pcmk_host_list",
    "pcmk_host_map",
];

/// A score: a whole number within the infinities. What is none counts as 0.
pub(super) fn score(text: &str) -> i64 {
    let text = text.trim_start();
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, text.get(1..).unwrap_or_default()),
        Some(b'+') => (1, text.get(1..).unwrap_or_default()),
        _ => (1, text),
    };
    if digits.eq_ignore_ascii_case("infinity") {
        return INFINITY.saturating_mul(sign);
    }
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    match digits.get(..length).unwrap_or_default() {
        "" => 0,
        // What doesn't even fit is more than infinity.
        number => number.parse().map_or(INFINITY, |number: i64| number.min(INFINITY)).saturating_mul(sign),
    }
}

/// The truth that a word names.
pub(super) fn truth(word: &str) -> Option<bool> {
    TRUTHS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| *value)
}

/// Whether an option of a fence device is Pacemaker's own.
pub(super) fn is_own(name: &str) -> bool {
    let of_an_action = || {
        let rest = name.strip_prefix("pcmk_")?;
        rest.split_once('_').map(|(_, what)| ["action", "timeout", "retries"].contains(&what))
    };
    OWN.contains(&name) || of_an_action() == Some(true)
}

/// A time limit of a fence device (`pcmk_off_timeout` and its like): a number, of seconds where no unit follows. Of a
/// unit only the first letters count, and of a decimal only the whole number.
pub(super) fn time(text: &str) -> Option<Duration> {
    let text = text.trim_start_matches(is_space);
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = (text.get(..digits)?, text.get(digits..)?);
    if number.is_empty() {
        return None;
    }
    let number: u64 = number.parse().unwrap_or(u64::MAX);
    let unit = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim_start_matches(is_space);
    let unit = unit.to_ascii_lowercase();
    Some(match unit.as_str() {
        "" => Duration::from_secs(number),
        unit if unit.starts_with('s') => Duration::from_secs(number),
        unit if unit.starts_with("ms") => Duration::from_millis(number),
        unit if unit.starts_with("us") => Duration::from_micros(number),
        unit if unit.starts_with('m') => Duration::from_secs(number.saturating_mul(60)),
        unit if unit.starts_with('h') => Duration::from_secs(number.saturating_mul(3600)),
        _ => return None,
    })
}

/// An interval, such as the property `stonith-timeout`: a time limit, or a duration of ISO 8601.
pub(super) fn interval(text: &str) -> Option<Duration> {
    match text.strip_prefix('P') {
        Some(duration) => iso_8601(duration),
        None => time(text),
    }
}

/// What follows the `P` of a duration; a blank or a slash ends it. No fractions, and the units in any order.
fn iso_8601(text: &str) -> Option<Duration> {
    const DAY: i64 = 24 * 3600;
    let mut rest = text.split([' ', '\t', '\n', '/']).next().filter(|text| !text.is_empty())?;
    let (mut seconds, mut is_time) = (0i64, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            (is_time, rest) = (true, after);
            continue;
        }
        let sign = rest.chars().next().filter(|sign| ['-', '+', ':'].contains(sign));
        let number = sign.map_or(rest, |_| rest.get(1..).unwrap_or_default());
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        let value: i32 = number.get(..digits)?.parse().ok()?;
        let value = if sign == Some('-') { i64::from(value).saturating_neg() } else { i64::from(value) };
        let unit = match (number.as_bytes().get(digits)?, is_time) {
            (b'Y', _) => DAY.saturating_mul(365),
            (b'M', false) => DAY.saturating_mul(30),
            (b'W', _) => DAY.saturating_mul(7),
            (b'D', _) => DAY,
            (b'H', _) => 3600,
            (b'M', true) => 60,
            (b'S', _) => 1,
            _ => return None,
        };
        seconds = seconds.saturating_add(value.saturating_mul(unit));
        rest = number.get(digits.saturating_add(1)..)?;
    }
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

/// White space as C has it.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c')
}

/// The pairs of host and plug of a `pcmk_host_map`, in their order: for a host that stands twice the last one counts.
///
/// `;`, a blank or a tab ends a pair; `:` or `=` ends a name, and where there are two of them the name is what stands
/// before the last. A backslash takes the next character's meaning, and doesn't itself belong to the plug. A comma
/// has no meaning: it stands between the plugs of one host.
pub(super) fn host_map(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let (mut name, mut part) = (None, String::new());
    let mut characters = text.chars();
    loop {
        match characters.next() {
            // One that escapes the end takes the last pair with it.
            Some('\\') => match characters.next() {
                Some(escaped) => part.extend(['\\', escaped]),
                None => return pairs,
            },
            Some('=' | ':') => {
                let before = std::mem::take(&mut part);
                if !before.is_empty() {
                    name = Some(before);
                }
            }
            end @ (None | Some(';' | ' ' | '\t')) => {
                let plug = std::mem::take(&mut part);
                pairs.extend(name.take().map(|name| (name, plug.replace('\\', ""))));
                if end.is_none() {
                    return pairs;
                }
            }
            Some(other) => part.push(other),
        }
    }
}

/// The hosts of a `pcmk_host_list`: separated by white space, commas and semicolons, each cut at the first character
/// that isn't a letter, digit, dash, dot or underscore of ASCII. The words on and off are no names, and a line with
/// "invalid" or "variable" in it is passed over.
pub(super) fn host_list(text: &str) -> Vec<String> {
    text.replace("\\n", "\n")
        .lines()
        .filter(|line| !line.contains("invalid") && !line.contains("variable"))
        .flat_map(|line| line.split(|c| is_space(c) || c == ',' || c == ';'))
        .map(|entry| {
            let is_wanted = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
            entry.get(..entry.bytes().take_while(is_wanted).count()).unwrap_or_default()
        })
        .filter(|host| !["", "on", "off"].iter().any(|none| host.eq_ignore_ascii_case(none)))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_numbers_within_the_infinities() {
        for (text, wanted) in [
            ("10", 10),
            ("-5", -5),
            ("INFINITY", INFINITY),
            ("+infinity", INFINITY),
            ("-INFINITY", -INFINITY),
            ("99999999999999999999", INFINITY),
            ("-99999999999999999999", -INFINITY),
            ("2000000", INFINITY),
            ("", 0),
            ("red", 0),
        ] {
            assert_eq!(score(text), wanted, "{text}");
        }
    }

    #[test]
    fn times_are_what_pacemaker_reads_in_them() {
        let seconds = |number| Some(Duration::from_secs(number));
        for (text, wanted) in [
            ("90", seconds(90)),
            (" 90s", seconds(90)),
            ("2 min", seconds(120)),
            ("2M", seconds(120)),
            ("1.9h", seconds(3600)),
            ("1500ms", Some(Duration::from_millis(1500))),
            ("7us", Some(Duration::from_micros(7))),
            ("PT2M", None),
            ("-1", None),
            ("", None),
            ("5d", None),
        ] {
            assert_eq!(time(text), wanted, "{text}");
        }
        for (text, wanted) in [
            ("PT2M", seconds(120)),
            ("P1DT1H", seconds(25 * 3600)),
            ("P2W", seconds(14 * 24 * 3600)),
            ("PT1M30S", seconds(90)),
            ("PT90", None),
            ("P", None),
            ("PT1.5M", None),
            ("PT-5S", None),
            ("120", seconds(120)),
            ("2min", seconds(120)),
        ] {
            assert_eq!(interval(text), wanted, "{text}");
        }
    }

    #[test]
    fn host_maps_are_read_as_pacemaker_reads_them() {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(host, plug)| ((*host).to_owned(), (*plug).to_owned())).collect::<Vec<_>>()
        };
        for (text, wanted) in [
            ("a:1;b:2,3", pairs(&[("a", "1"), ("b", "2,3")])),
            ("a=1 b=2\tc:3;", pairs(&[("a", "1"), ("b", "2"), ("c", "3")])),
            (r"n2:node\ 2\ uplink;n1:p1", pairs(&[("n2", "node 2 uplink"), ("n1", "p1")])),
            (r"n1:a\;b;n2:c\:d;n3:e\=f", pairs(&[("n1", "a;b"), ("n2", "c:d"), ("n3", "e=f")])),
            (r"n1:back\\slash", pairs(&[("n1", "backslash")])),
            (r"n1:1;n2:2\", pairs(&[("n1", "1")])),
            ("n1:2:5", pairs(&[("2", "5")])),
            (r"n1:2\:5", pairs(&[("n1", "2:5")])),
            ("n1;:2;n3:", pairs(&[("n3", "")])),
            ("", vec![]),
        ] {
            assert_eq!(host_map(text), wanted, "{text}");
        }
    }

    #[test]
    fn host_lists_are_read_as_pacemaker_reads_them() {
        for (text, wanted) in [
            ("a b,c;d\te", &["a", "b", "c", "d", "e"][..]),
            (" ,;a,, on off OFF", &["a"]),
            ("node-1.example node_2(old)", &["node-1.example", "node_2"]),
            ("a\\nb\ninvalid c", &["a", "b"]),
        ] {
            assert_eq!(host_list(text), wanted, "{text}");
        }
    }

    #[test]
    fn pacemakers_own_options_are_told_from_an_agents() {
        for name in
            ["pcmk_host_map", "pcmk_off_action", "pcmk_list_timeout", "pcmk_reboot_retries", "provides"]
        {
            assert!(is_own(name), "{name}");
        }
        for name in ["pcmk_hostmap", "pcmk_off", "ip", "PCMK_host_map", " pcmk_host_map", "pcmk_off_timeouts"]
        {
            assert!(!is_own(name), "{name}");
        }
    }
}
