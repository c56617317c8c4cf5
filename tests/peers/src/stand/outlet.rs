//! One outlet of a power unit, or one port of a switch: what is true of it, since when, and what the device says.

use std::time::{Duration, Instant};

use super::data::{Refusal, Words};

/// How an outlet behaves: by default as it should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Commands are acknowledged and nothing follows.
    pub deaf: bool,
    /// How much later than the unit's others it follows.
    pub late: Duration,
    /// Whether the unit doesn't say meanwhile that a command is pending.
    pub quiet: bool,
    /// How long after having followed it goes back to where it was.
    pub reverts: Option<Duration>,
    /// So many commands are refused before one is taken.
    pub refuses: Option<(u32, Refusal)>,
    /// A command for what is so already is refused.
    pub refuses_what_is_so: Option<Refusal>,
    /// What the unit says in place of its state, and when.
    pub tale: Option<(Says, When)>,
}

/// What a unit says in place of an outlet's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// The opposite of what was commanded last; without a command, of what is true.
    Opposite,
    /// This value of this type, in the words of snmpd.conf(5).
    Value(&'static str, &'static str),
    /// The true value as a text.
    Text,
    /// That there is no such object.
    Nothing,
}

/// When a unit doesn't say the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Until the first command is taken.
    Before,
    /// For this long after the first command.
    After(Duration),
    /// For this long after the behaviour was set.
    First(Duration),
    /// Always.
    Always,
}

/// A change that is to come.
type Due = Option<(bool, Instant)>;

/// One outlet. A port of a switch has two sides: what was set, and whether anything passes.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    pub on: bool,
    pub name: String,
    /// What it will be by a command, and when.
    pub pending: Due,
    /// What it will be by somebody else's delayed command, which only cancelling takes away.
    pub scheduled: Due,
    /// What the unit says instead of its state.
    pub lie: Option<i64>,
    reverting: Due,
    behaviour: Behaviour,
    behaves_since: Instant,
    /// The first command, and what the last one wants.
    commanded: Option<(Instant, bool)>,
    refused: u32,
    /// From each of these moments on, whether it was on (for a port: up or passing anything).
    pub powered: Vec<(Instant, bool)>,
    /// The same of what was set, where that differs.
    pub set: Vec<(Instant, bool)>,
    /// From each of these moments on, what it was called.
    pub called: Vec<(Instant, String)>,
    port: bool,
}

impl Outlet {
    pub fn new(name: String, on: bool, port: bool) -> Outlet {
        let now = Instant::now();
        Outlet {
            on,
            pending: None,
            scheduled: None,
            lie: None,
            reverting: None,
            behaviour: Behaviour::default(),
            behaves_since: now,
            commanded: None,
            refused: 0,
            powered: vec![(now, on)],
            set: vec![(now, on)],
            called: vec![(now, name.clone())],
            name,
            port,
        }
    }

    pub fn behave(&mut self, behaviour: Behaviour) {
        self.behaviour = behaviour;
        self.behaves_since = Instant::now();
    }

    pub fn rename(&mut self, name: String) {
        self.called.push((Instant::now(), name.clone()));
        self.name = name;
    }

    /// Switches it by hand.
    pub fn turn(&mut self, on: bool) {
        let now = Instant::now();
        (self.pending, self.reverting) = (None, None);
        self.set.push((now, on));
        self.become_at(on, now);
    }

    /// What a port is set to.
    pub fn is_set(&self) -> bool {
        self.set.last().is_some_and(|(_, on)| *on)
    }

    /// Lets everything happen that is due, at its own moment.
    pub fn settle(&mut self, now: Instant) {
        loop {
            let dues = [self.pending, self.scheduled, self.reverting];
            let Some((on, at)) =
                dues.into_iter().flatten().filter(|(_, at)| *at <= now).min_by_key(|due| due.1)
            else {
                return;
            };
            let due = Some((on, at));
            if self.reverting == due {
                self.reverting = None;
            } else if self.scheduled == due {
                self.scheduled = None;
            } else {
                self.pending = None;
                if let Some(time) = self.behaviour.reverts.filter(|_| on != self.on) {
                    self.reverting = Some((self.on, at + time));
                }
            }
            if self.is_set() != on {
                self.set.push((at, on));
            }
            self.become_at(on, at);
        }
    }

    fn become_at(&mut self, on: bool, at: Instant) {
        self.on = on;
        self.powered.push((at, on || self.port && self.is_set()));
    }

    /// Takes a command, to be followed after `delay`. False where it refuses.
    pub fn take(&mut self, on: bool, delay: Duration) -> Result<(), Refusal> {
        if let Some((_, refusal)) = self.behaviour.refuses.filter(|(times, _)| self.refused < *times) {
            self.refused += 1;
            return Err(refusal);
        }
        let is_so = if self.port { self.is_set() == on } else { self.on == on };
        if let Some(refusal) = self.behaviour.refuses_what_is_so.filter(|_| is_so && self.pending.is_none()) {
            return Err(refusal);
        }
        let now = Instant::now();
        self.commanded = Some((self.commanded.map_or(now, |(first, _)| first), on));
        if !self.behaviour.deaf {
            let at = now + delay + self.behaviour.late;
            self.pending = Some((on, at));
            // A port says at once what it was set to, and stops or starts passing anything later; or all comes late.
            if self.port && !self.behaviour.quiet {
                self.set.push((now, on));
                self.powered.push((now, on || self.on));
            }
        }
        Ok(())
    }

    pub fn cancel(&mut self) {
        (self.pending, self.scheduled) = (None, None);
    }

    /// Whether the unit says that a command is pending.
    pub fn tells_pending(&self) -> bool {
        self.scheduled.is_some() || self.pending.is_some() && !self.behaviour.quiet
    }

    /// What it will be and when, as far as the unit says that.
    pub fn coming(&self) -> Due {
        self.tells_pending().then_some(self.pending.or(self.scheduled)).flatten()
    }

    /// What it will be once everything has been followed.
    pub fn wanted(&self) -> bool {
        self.pending.or(self.scheduled).map_or(self.on, |(on, _)| on)
    }

    /// What the unit says of a state, which truly is `on`; `None` for nothing at all.
    pub fn tells(&self, on: bool, words: Words) -> Option<(&'static str, String)> {
        let number = |on: bool| ("integer", words.of(on).to_string());
        if let Some(lie) = self.lie {
            return Some(("integer", lie.to_string()));
        }
        let now = Instant::now();
        let told = self.behaviour.tale.as_ref().filter(|(_, when)| match when {
            When::Before => self.commanded.is_none(),
            When::After(time) => self.commanded.is_some_and(|(first, _)| now < first + *time),
            When::First(time) => now < self.behaves_since + *time,
            When::Always => true,
        });
        match told {
            None => match self.coming().and_then(|(on, _)| words.to(on)) {
                Some(changing) => Some(("integer", changing.to_string())),
                None => Some(number(on)),
            },
            Some((Says::Opposite, _)) => Some(number(!self.commanded.map_or(on, |(_, wanted)| wanted))),
            Some((Says::Value(of, value), _)) => Some((of, (*value).to_owned())),
            Some((Says::Text, _)) => Some(("string", number(on).1)),
            Some((Says::Nothing, _)) => None,
        }
    }
}
