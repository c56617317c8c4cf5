//! The time limits in force for one run.

use std::time::Duration;

use crate::fencing::settings::Settings;
use crate::fencing::{caller, options};

/// How long status, monitor and list may take altogether where no other limit is in force. Nothing is being fenced
/// then, and the cluster waits for the answer.
pub const READING_LIMIT: Duration = Duration::from_secs(20);

/// How long a device may be out of reach where the caller keeps the time: as long as the original agents, in practice,
/// took to give up.
const UNREACHED_LIMIT: Duration = Duration::from_secs(20);

/// How long every look has to show the wanted state of a plug whose command was refused: longer than the age of a state
/// that a management controller keeps.
const REFUSED_WATCH: Duration = Duration::from_secs(5);

/// How long a look may take whose result only decides the wording, before the command goes out anyway.
const FIRST_LOOK_LIMIT: Duration = Duration::from_secs(5);

/// The shortest pause between two looks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// The time limits in force. `None` is no limit; every single request keeps one of its own all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// Before off and reboot do anything.
    pub delay: Duration,
    /// After a command, before the state is asked for.
    pub power_wait: Duration,
    /// For a command to be acknowledged, and from then on for the wanted state to be reported.
    pub power: Option<Duration>,
    /// Until logged in, and the plugs found.
    pub login: Option<Duration>,
    /// For a request after that.
    pub shell: Option<Duration>,
    /// Between two looks.
    pub pause: Pause,
    /// Attempts to power on beyond the first.
    pub retry_on: u32,
    /// Whether the caller keeps the time: the limits above are lifted.
    pub lifted: bool,
    /// Like `power`, for powering on in a reboot whose off is verified: in force whoever keeps the time.
    pub power_on: Option<Duration>,
    /// How long a device may be out of reach where the limits are lifted and no command was acknowledged yet.
    pub unreached: Duration,
    /// How long every look has to show the wanted state of a plug whose command the device refused, from the first of
    /// these looks to the last.
    pub refused_watch: Duration,
}

/// How long to wait between two looks at a plug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// This long, always: somebody asked for it, perhaps to spare a device.
    Exact(Duration),
    /// Short at first, then longer, at most this long.
    Growing(Duration),
}

impl Pause {
    /// The pause after look number `looks` (from 0), which took `took`: never shorter than that, so that a slow
    /// device isn't asked without a break.
    pub fn after(self, looks: u32, took: Duration) -> Duration {
        match self {
            Pause::Exact(pause) => pause.max(SHORTEST_PAUSE),
            Pause::Growing(longest) => {
                let growing = SHORTEST_PAUSE.saturating_mul(2u32.saturating_pow(looks.min(16)));
                growing.max(took).min(longest.max(SHORTEST_PAUSE))
            }
        }
    }
}

impl Times {
    /// The limits that the settings and the environment ask for.
    pub fn of(settings: &Settings) -> Times {
        let lifted = settings.truth(&options::DISABLE_TIMEOUT).unwrap_or_else(caller::keeps_the_time);
        let seconds = |option| settings.seconds(option).unwrap_or_default();
        // 0 is no limit: today's configurations use it so.
        let given = |option| Some(seconds(option)).filter(|time| !time.is_zero());
        let limit = |option| if lifted { None } else { given(option) };
        let longest_pause = seconds(&options::STONITH_STATUS_SLEEP);
        Times {
            delay: seconds(&options::DELAY),
            power_wait: seconds(&options::POWER_WAIT),
            power: limit(&options::POWER_TIMEOUT),
            login: limit(&options::LOGIN_TIMEOUT),
            shell: limit(&options::SHELL_TIMEOUT),
            pause: if settings.is_given(&options::STONITH_STATUS_SLEEP) {
                Pause::Exact(longest_pause)
            } else {
                Pause::Growing(longest_pause)
            },
            retry_on: settings.integer(&options::RETRY_ON).unwrap_or_default(),
            lifted,
            power_on: given(&options::POWER_TIMEOUT),
            unreached: UNREACHED_LIMIT,
            refused_watch: REFUSED_WATCH,
        }
    }

    /// How long the first look of an action that changes something may take.
    pub fn first_look(&self) -> Duration {
        self.shell.unwrap_or(FIRST_LOOK_LIMIT).min(FIRST_LOOK_LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_pause_starts_at_tens_of_milliseconds_and_stops_at_the_longest() {
        let pause = Pause::Growing(Duration::from_secs(1));
        let pauses: Vec<_> = (0..9).map(|look| pause.after(look, Duration::ZERO).as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000, 1000]);
        assert_eq!(pause.after(u32::MAX, Duration::ZERO), Duration::from_secs(1));
    }

    #[test]
    fn a_growing_pause_is_never_shorter_than_the_last_answer_took() {
        let pause = Pause::Growing(Duration::from_secs(1));
        assert_eq!(pause.after(0, Duration::from_millis(300)), Duration::from_millis(300));
        assert_eq!(pause.after(0, Duration::from_secs(3)), Duration::from_secs(1));
    }

    #[test]
    fn an_exact_pause_is_that_long_whatever_the_device_took() {
        let pause = Pause::Exact(Duration::from_secs(7));
        assert_eq!(pause.after(0, Duration::ZERO), Duration::from_secs(7));
        assert_eq!(pause.after(9, Duration::from_secs(30)), Duration::from_secs(7));
    }
}
