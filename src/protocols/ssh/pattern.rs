//! Patterns with `*` and `?`, as OpenSSH has them (ssh_config(5), PATTERNS).

/// Whether a pattern fits the whole of a text, whatever the case of either.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut place) = (0, 0);
    // Where to go on when what follows the last star doesn't fit: the star takes one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while place < text.len() {
        match (pattern.get(at), text.get(place)) {
            (Some(b'*'), _) => {
                retry = Some((at, place));
                at = at.saturating_add(1);
            }
            (Some(wanted), Some(found)) if *wanted == b'?' || wanted.eq_ignore_ascii_case(found) => {
                at = at.saturating_add(1);
                place = place.saturating_add(1);
            }
            _ => match retry {
                Some((star, taken)) => {
                    place = taken.saturating_add(1);
                    retry = Some((star, place));
                    at = star.saturating_add(1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// Whether a list of patterns with commas between them fits: one does, and none of those behind a `!`.
pub(super) fn list_fits(list: &str, text: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(excluded) if fits(excluded, text) => return false,
            Some(_) => {}
            None => found |= fits(pattern, text),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_what_they_should() {
        for (pattern, text, expected) in [
            ("pdu1", "pdu1", true),
            ("PDU1", "pdu1", true),
            ("pdu1", "pdu10", false),
            ("pdu?", "pdu1", true),
            ("pdu?", "pdu", false),
            ("*", "", true),
            ("*", "pdu1", true),
            ("*.example", "pdu1.example", true),
            ("*.example", "example", false),
            ("192.0.2.*", "192.0.2.77", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("[pdu1]:2222", "[pdu1]:2222", true),
            ("[pdu*]:*", "[pdu1]:2222", true),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_list_fits_unless_something_excludes_it_wherever_that_stands() {
        for (list, text, expected) in [
            ("pdu1,192.0.2.1", "192.0.2.1", true),
            ("*.example,!pdu2.example", "pdu1.example", true),
            ("*.example,!pdu2.example", "pdu2.example", false),
            ("!pdu2.example,*.example", "pdu2.example", false),
            ("!pdu2", "pdu1", false),
        ] {
            assert_eq!(list_fits(list, text), expected, "{list} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        assert!(!fits(&"*a".repeat(5000), &"b".repeat(5000)));
    }
}
