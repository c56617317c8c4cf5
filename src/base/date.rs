//! Days of the Gregorian calendar, counted.

/// Seconds since 1970 of a moment in UTC; `None` for what is no date or no time of day. A leap second counts.
pub fn seconds(year: i64, month: i64, day: i64, [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let date = (1..=12).contains(&month) && (1..=31).contains(&day);
    let time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    let years = (0..=9999).contains(&year);
    (date && time && years).then(|| ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
}

/// Days since 1970-01-01 in the Gregorian calendar, the year beginning in March so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 719_469
}

/// The names of the months in dates of HTTP.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of a date in one of the three forms of HTTP (RFC 9110, 5.6.7); `None` for anything else. The day
/// of the week isn't looked at, and a year of two digits before 70 is one of this century.
pub fn of_http(text: &str) -> Option<i64> {
    let words: Vec<&str> = text.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, time) = match *words.as_slice() {
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let number = |digits: &str| -> Option<i64> {
        let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| plain)
    };
    let month = MONTHS.iter().position(|name| *name == month).and_then(|at| i64::try_from(at + 1).ok())?;
    let year = match (year.len(), number(year)?) {
        (2, year) => year + if year < 70 { 2000 } else { 1900 },
        (4, year) => year,
        _ => return None,
    };
    let mut parts = time.splitn(3, ':').map(number);
    let time = [parts.next()??, parts.next()??, parts.next()??];
    seconds(year, month, number(day)?, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_http_is_read_in_its_three_forms_and_in_no_other() {
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(of_http(text), Some(784_111_777), "{text}");
        }
        assert_eq!(of_http("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 199 08:49:37 GMT",
        ] {
            assert_eq!(of_http(text), None, "{text}");
        }
    }
}
