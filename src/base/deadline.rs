//! The one notion of time: a moment on the monotonic clock after which nobody waits any more.

use std::time::{Duration, Instant};

use crate::base::memory;

/// A moment by which something has to be done, or no limit at all.
///
/// It is passed down by value; every send, receive, connect and sleep takes what is left of it. Seconds are
/// those of the monotonic clock, so a change of the wall clock neither shortens nor lengthens a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    end: Option<Instant>,
}

impl Deadline {
    /// No limit. Whoever waits under it must still bound every single request: see [`Deadline::at_most`].
    pub const NEVER: Deadline = Deadline { end: None };

    /// The moment `time` from now. A time too long for the clock to express is no limit.
    pub fn after(time: Duration) -> Deadline {
        Deadline { end: Instant::now().checked_add(time) }
    }

    /// The moment `time` from now, or no limit where there is no time given.
    pub fn after_or_never(time: Option<Duration>) -> Deadline {
        time.map_or(Deadline::NEVER, Deadline::after)
    }

    /// The earlier of this deadline and `time` from now.
    pub fn at_most(self, time: Duration) -> Deadline {
        self.earlier(Deadline::after(time))
    }

    /// The earlier of the two.
    pub fn earlier(self, other: Deadline) -> Deadline {
        match (self.end, other.end) {
            (Some(mine), Some(theirs)) => Deadline { end: Some(mine.min(theirs)) },
            (mine, theirs) => Deadline { end: mine.or(theirs) },
        }
    }

    /// What is left: `None` without a limit, zero once it has passed.
    pub fn left(self) -> Option<Duration> {
        self.end.map(|end| end.saturating_duration_since(Instant::now()))
    }

    /// Whether the moment has come.
    pub fn passed(self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// What one blocking call may take: at most `cap`, at most what is left, and never zero, which the socket
    /// calls read as "for ever". `None` once the deadline has passed.
    pub fn wait(self, cap: Duration) -> Option<Duration> {
        let left = self.left().unwrap_or(cap).min(cap);
        if left.is_zero() { None } else { Some(left) }
    }

    /// Sleeps `time`, or until the deadline where that comes first. False when the deadline has passed by then.
    pub fn sleep(self, time: Duration) -> bool {
        if let Some(time) = self.wait(time) {
            memory::wipe_dead_stack();
            std::thread::sleep(time);
        }
        !self.passed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_of_a_limit_and_no_limit_is_the_limit() {
        let limit = Deadline::after(Duration::from_secs(60));
        assert_eq!(limit.earlier(Deadline::NEVER), limit);
        assert_eq!(Deadline::NEVER.earlier(limit), limit);
        assert_eq!(limit.earlier(Deadline::after(Duration::from_secs(90))), limit);
    }

    #[test]
    fn a_passed_deadline_leaves_no_time_to_wait_and_never_means_for_ever() {
        let now = Deadline::after(Duration::ZERO);
        assert!(now.passed());
        assert_eq!(now.wait(Duration::from_secs(5)), None);
        assert!(!now.sleep(Duration::from_secs(3600)));
    }

    #[test]
    fn without_a_limit_a_single_call_still_keeps_its_cap() {
        assert_eq!(Deadline::NEVER.wait(Duration::from_secs(5)), Some(Duration::from_secs(5)));
        assert_eq!(Deadline::NEVER.left(), None);
        assert!(!Deadline::NEVER.passed());
    }

    #[test]
    fn a_time_beyond_the_clock_is_no_limit() {
        assert_eq!(Deadline::after(Duration::MAX), Deadline::NEVER);
    }
}
