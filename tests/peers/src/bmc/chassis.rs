//! The power supply of one machine: what it is told, and what it really does.

use std::time::{Duration, Instant};

/// How a machine takes its power commands.
#[derive(Clone, Debug)]
pub struct Power {
    /// From the acknowledgement to the effect.
    pub delay: Duration,
    /// What the effect is.
    pub effect: Effect,
    /// Power up when on and power down when off are refused instead of acknowledged.
    pub refuses_same_state: bool,
    /// The completion code of that: D5h, but for firmware that knows no better.
    pub refusal: u8,
    /// How long a cycle keeps the power off; `None` where it is acknowledged and never goes off.
    pub cycle_off: Option<Duration>,
    /// Get Chassis Status tells when the power last went on by an IPMI command.
    pub reports_event: bool,
    /// Get System Restart Cause is supported and follows the commands.
    pub reports_cause: bool,
}

/// What becomes of an acknowledged power command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is done.
    Done,
    /// Nothing happens.
    Nothing,
    /// It is done and undone again after this time.
    Undone(Duration),
}

/// Not in the present state (table 5-2).
const NOT_IN_THIS_STATE: u8 = 0xd5;

impl Default for Power {
    fn default() -> Power {
        Power {
            delay: Duration::ZERO,
            effect: Effect::Done,
            refuses_same_state: false,
            refusal: NOT_IN_THIS_STATE,
            cycle_off: Some(Duration::from_millis(300)),
            reports_event: true,
            reports_cause: true,
        }
    }
}

/// One machine.
#[derive(Debug)]
pub(super) struct Chassis {
    on: bool,
    planned: Vec<(Instant, bool)>,
    pub history: Vec<(Instant, bool)>,
    on_by_command: bool,
    restart_cause: u8,
}

impl Chassis {
    /// Switched on by hand some time ago, or off.
    pub(super) fn new(on: bool) -> Chassis {
        // Restart cause 3: power-up by the push button (28.11).
        Chassis { on, planned: Vec::new(), history: Vec::new(), on_by_command: false, restart_cause: 3 }
    }

    /// The true state at this moment.
    pub(super) fn on(&mut self, now: Instant) -> bool {
        let due = self.planned.partition_point(|(at, _)| *at <= now);
        for (at, on) in self.planned.drain(..due) {
            if on != self.on {
                self.on = on;
                self.history.push((at, on));
                if on {
                    self.on_by_command = true;
                    self.restart_cause = 1;
                }
            }
        }
        self.on
    }

    /// Turns it by hand.
    pub(super) fn set(&mut self, on: bool, now: Instant) {
        self.on(now);
        self.planned.clear();
        if on != self.on {
            self.history.push((now, on));
        }
        self.on = on;
    }

    /// A BMC that resets itself forgets what it remembered of the last power change.
    pub(super) fn forget(&mut self, now: Instant) {
        self.on(now);
        (self.on_by_command, self.restart_cause) = (false, 0);
    }

    /// Get Chassis Status (28.2): the three bytes after the completion code.
    pub(super) fn status(&mut self, power: &Power, now: Instant) -> [u8; 3] {
        let on = self.on(now);
        let event = power.reports_event && self.on_by_command;
        // Restore policy "stays off" would be 0; 01b is "restored to what it was".
        [0x20 | u8::from(on), u8::from(event) << 4, 0]
    }

    /// Get System Restart Cause (28.11): cause and channel.
    pub(super) fn restart_cause(&mut self, now: Instant) -> [u8; 2] {
        self.on(now);
        [self.restart_cause, 1]
    }

    /// Chassis Control (28.3). Gives the completion code.
    pub(super) fn control(&mut self, what: u8, power: &Power, now: Instant) -> u8 {
        let on = self.on(now);
        let at = now + power.delay;
        let steps = match (what & 0xf, on) {
            (0, false) | (1, true) if power.refuses_same_state => return power.refusal,
            (2 | 3, false) => return NOT_IN_THIS_STATE,
            (0, _) => vec![(at, false)],
            (1, _) => vec![(at, true)],
            (2, true) => match power.cycle_off {
                Some(time) => vec![(at, false), (at + time, true)],
                None => Vec::new(),
            },
            (3, true) => {
                if power.effect == Effect::Done {
                    self.restart_cause = 1;
                }
                Vec::new()
            }
            // Diagnostic interrupt and soft shutdown: taken, and the machine ignores them.
            (4 | 5, _) => Vec::new(),
            _ => return 0xcc,
        };
        match (power.effect, steps.last().copied()) {
            (Effect::Nothing, _) | (_, None) => {}
            (Effect::Done, Some(_)) => self.planned.extend(steps),
            (Effect::Undone(after), Some((last, _))) => {
                self.planned.extend(steps);
                self.planned.push((last + after, on));
            }
        }
        self.planned.sort_by_key(|(at, _)| *at);
        0
    }
}
