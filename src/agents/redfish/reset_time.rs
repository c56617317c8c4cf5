//! `LastResetTime` as evidence: only a moment that is clearly later is.

use crate::base::date;

/// Two times closer than this are the same event, told by a clock that was set, or reckoned from an uptime.
const TOLERANCE: u64 = 60;

/// Whether two values of `LastResetTime` tell of two different resets, the second of which came later. What can't be
/// read tells nothing, and an earlier moment is that of a service that has lost its record or its clock.
pub(super) fn is_later(before: &str, now: &str) -> bool {
    match (seconds(before), seconds(now)) {
        (Some(before), Some(now)) => now > before && now.abs_diff(before) >= TOLERANCE,
        _ => false,
    }
}

/// Seconds since 1970 of a date-time as DSP0266 has it ("Date-Time values"): RFC 3339, 5.6. Fractions don't count.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_uppercase();
    let (date, rest) = text.split_once('T')?;
    let zone = rest.find(['Z', '+', '-'])?;
    let (clock, zone) = rest.split_at_checked(zone)?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock.split('.').next()?, ':')?;
    let offset = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign, zone) => {
            let [hours, minutes] = numbers(zone, ':')?;
            let minutes = hours * 60 + minutes;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    Some(date::seconds(year, month, day, [hour, minute, second])? - offset * 60)
}

fn numbers<const N: usize>(text: &str, between: char) -> Option<[i64; N]> {
    let number = |part: &str| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| digits)
    };
    text.split(between).map(number).collect::<Option<Vec<i64>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_time_is_a_number_of_seconds() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00+00:00", 0),
            ("1969-12-31T18:00:00.123-06:00", 0),
            ("2000-02-29T12:34:56Z", 951_827_696),
            ("2026-02-03T04:05:06-06:00", 1_770_113_106),
            ("2026-02-03t10:05:06z", 1_770_113_106),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in
            ["", "never", "2026-02-03", "2026-13-01T00:00:00Z", "2026-02-03T04:05:06", "-1-1-1T1:1:1Z", "T+"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn only_a_moment_clearly_later_is_evidence() {
        let before = "2026-02-03T04:05:06-06:00";
        for (now, later) in [
            (before, false),
            ("2026-02-03T10:05:06Z", false),
            ("2026-02-03T10:05:08Z", false),
            ("2026-02-03T10:04:59Z", false),
            ("yesterday", false),
            ("", false),
            ("1970-01-01T00:00:00Z", false),
            ("2026-02-03T10:03:06Z", false),
            ("2026-02-03T10:07:06Z", true),
            ("2026-11-21T08:00:00+00:00", true),
        ] {
            assert_eq!(is_later(before, now), later, "{now}");
        }
    }
}
