//! What is true of the power of machines and outlets, and since when, whatever their device says.

use std::time::{Duration, Instant};

/// What a machine or an outlet makes of commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habit {
    /// Nothing follows, though the device says that it does.
    pub deaf: bool,
    /// How long it takes to follow.
    pub delay: Duration,
    /// So long after having followed, it is back where it was.
    pub reverts: Option<Duration>,
}

/// One machine or outlet.
#[derive(Clone, Debug)]
pub struct Power {
    history: Vec<(Instant, bool)>,
    due: Vec<(Instant, bool)>,
    /// What it makes of commands.
    pub habit: Habit,
}

impl Power {
    /// With this state.
    pub fn new(on: bool) -> Power {
        Power { history: vec![(Instant::now(), on)], due: Vec::new(), habit: Habit::default() }
    }

    /// Whether it is on now.
    pub fn is_on(&mut self) -> bool {
        self.settle();
        self.history.last().is_some_and(|(_, on)| *on)
    }

    /// What it will be next, where that is to come.
    pub fn coming(&mut self) -> Option<bool> {
        self.settle();
        self.due.first().map(|(_, on)| *on)
    }

    /// What it was from each of these moments on.
    pub fn history(&mut self) -> Vec<(Instant, bool)> {
        self.settle();
        self.history.clone()
    }

    /// Switches it by hand, now; what was to come doesn't.
    pub fn turn(&mut self, on: bool) {
        self.settle();
        self.due.clear();
        self.note(Instant::now(), on);
    }

    /// Takes a command, which it follows as is its habit.
    pub fn command(&mut self, on: bool) {
        self.settle();
        if self.habit.deaf {
            return;
        }
        let at = Instant::now() + self.habit.delay;
        let back = self.habit.reverts.map(|after| (at + after, !on));
        self.due = std::iter::once((at, on)).chain(back).collect();
        self.settle();
    }

    /// Goes off, and on again after `pause`.
    pub fn cycle(&mut self, pause: Duration) {
        self.settle();
        if !self.habit.deaf {
            let at = Instant::now() + self.habit.delay;
            self.due = vec![(at, false), (at + pause, true)];
            self.settle();
        }
    }

    fn note(&mut self, at: Instant, on: bool) {
        if self.history.last().is_none_or(|(_, was)| *was != on) {
            self.history.push((at, on));
        }
    }

    /// Lets everything happen that is due, at its own moment.
    fn settle(&mut self) {
        let now = Instant::now();
        while let Some((at, on)) = self.due.first().copied().filter(|(at, _)| *at <= now) {
            self.due.remove(0);
            self.note(at, on);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_late_and_goes_back_at_their_own_moments() {
        let mut power = Power::new(true);
        power.habit =
            Habit { delay: Duration::from_millis(2), reverts: Some(Duration::from_millis(2)), deaf: false };
        power.command(false);
        let all = crate::until(Duration::from_secs(10), || power.history().len() == 3);
        let history = power.history();
        assert!(all, "{history:?}");
        assert_eq!(history.iter().map(|(_, on)| *on).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(history[2].0 - history[1].0, Duration::from_millis(2));
        power.habit = Habit { deaf: true, ..Habit::default() };
        power.command(false);
        assert!(power.is_on() && power.coming().is_none());
    }
}
