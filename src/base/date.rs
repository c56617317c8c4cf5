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
