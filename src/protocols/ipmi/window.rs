//! The sequence numbers that have been seen (6.12.12 to 6.12.14).

/// How many numbers below the highest one are still accepted, once each.
const BEHIND: u32 = 32;

/// Accepts each session sequence number once: any above the highest so far, and those up to 32 below it that
/// were skipped. Unless one is set, there is no bound above: network cards shared between host and BMC are known
/// to skip numbers, and under a key that only this session has, a number nobody has sent yet is no replay.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    highest: u32,
    /// Bit n: the number `highest - n` was seen.
    seen: u32,
    /// How far above the highest one a number may be.
    reach: u32,
}

impl Window {
    /// Every number from `first` on is new, and none before it.
    pub fn starting_at(first: u32) -> Window {
        Window { highest: first.wrapping_sub(1), seen: u32::MAX, reach: i32::MAX.unsigned_abs() }
    }

    /// The same with another bound above; more than half of all numbers can't be told from those below.
    pub fn reaching(self, reach: u32) -> Window {
        Window { reach: reach.min(self.reach), ..self }
    }

    /// Takes note of a number: true if it is new.
    pub fn accept(&mut self, number: u32) -> bool {
        let ahead = number.wrapping_sub(self.highest);
        if ahead != 0 && ahead <= self.reach {
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = number;
            return true;
        }
        let behind = self.highest.wrapping_sub(number);
        let bit = if behind < BEHIND { 1 << behind } else { return false };
        let new = self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_counts_once_and_stale_ones_never() {
        let mut window = Window::starting_at(1);
        assert!(!window.accept(0));
        assert!(window.accept(1) && !window.accept(1));
        assert!(window.accept(5) && window.accept(3) && !window.accept(3) && !window.accept(5));
        assert!(window.accept(100) && !window.accept(68) && window.accept(69) && !window.accept(1));
    }

    #[test]
    fn a_number_beyond_the_reach_is_not_taken_and_changes_nothing() {
        let mut window = Window::starting_at(u32::MAX).reaching(10);
        assert!(!window.accept(9) && !window.accept(1 << 30));
        assert!(window.accept(8) && window.accept(18) && !window.accept(29) && !window.accept(18));
    }

    #[test]
    fn the_numbers_go_round() {
        let mut window = Window::starting_at(u32::MAX);
        assert!(window.accept(u32::MAX) && window.accept(0) && window.accept(1));
        assert!(!window.accept(u32::MAX) && !window.accept(0));
    }
}
