//! What an agent claimed, what was true, and what follows.

use std::time::{Duration, Instant};

use crate::Finished;

/// How a run is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The agent claimed a state, and it was so.
    TrueSuccess,
    /// The agent said that it failed.
    HonestFailure,
    /// The agent claimed a state that wasn't so. Data may be lost.
    FalseSuccess,
    /// The agent took longer than its limits allow, or a single request did where the limits are lifted.
    PastDeadline,
    /// The agent tried a password again that the device had refused. Accounts lock.
    TriedAgain,
    /// Nothing was wrong with network or device, and the agent failed.
    NeedlessFailure,
    /// The agent was ended by a signal, or with an exit code that means nothing.
    Crash,
}

impl Verdict {
    /// All of them, in the order in which they are shown, with their words.
    pub const ALL: [(Verdict, &'static str); 7] = [
        (Verdict::TrueSuccess, "true successes"),
        (Verdict::HonestFailure, "honest failures"),
        (Verdict::FalseSuccess, "false successes"),
        (Verdict::PastDeadline, "past their deadline"),
        (Verdict::TriedAgain, "passwords tried again"),
        (Verdict::NeedlessFailure, "needless failures"),
        (Verdict::Crash, "crashes"),
    ];

    /// Whether one of these is one too many.
    pub fn is_defect(self) -> bool {
        !matches!(self, Verdict::TrueSuccess | Verdict::HonestFailure)
    }
}

/// One run as it was played.
#[derive(Clone, Debug)]
pub struct Report {
    /// The agent that ran.
    pub agent: &'static str,
    /// The judgement.
    pub verdict: Verdict,
    /// The faults that were set, by their names in the table of counts; none in a run of the control group.
    pub faults: Vec<&'static str>,
    /// Everything somebody needs who wants to understand this run: agent, options, faults with their figures, what
    /// was said, what was true.
    pub story: String,
}

/// What truly happened to one plug: its state from each of these moments on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(pub Vec<(Instant, bool)>);

impl History {
    /// The moments at which anything changed, for this plug.
    fn changes(&self) -> impl Iterator<Item = Instant> + '_ {
        self.0.iter().map(|(at, _)| *at)
    }

    /// Whether it was on at that moment; `None` before the first.
    fn at(&self, moment: Instant) -> Option<bool> {
        self.0.iter().take_while(|(at, _)| *at <= moment).last().map(|(_, on)| *on)
    }

    /// Whether all plugs, of which there is one at least, were in this state at one and the same moment.
    pub fn all_were(plugs: &[History], on: bool, from: Instant, until: Instant) -> bool {
        let changes = plugs.iter().flat_map(History::changes).filter(|at| (from..=until).contains(at));
        !plugs.is_empty()
            && std::iter::once(from)
                .chain(changes)
                .any(|moment| plugs.iter().all(|plug| plug.at(moment) == Some(on)))
    }

    /// Whether this plug was in this state without a break from one moment to another.
    pub fn stayed(&self, on: bool, from: Instant, until: Instant) -> bool {
        let changes = self.changes().filter(|at| (from..=until).contains(at));
        std::iter::once(from).chain(changes).all(|moment| self.at(moment) == Some(on))
    }
}

/// The time limits that an agent was given, as its options say; zero is none.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `login_timeout`
    pub login: Duration,
    /// `shell_timeout`
    pub shell: Duration,
    /// `power_timeout`
    pub power: Duration,
    /// `power_wait`
    pub power_wait: Duration,
    /// `delay`
    pub delay: Duration,
    /// `retry_on`
    pub retry_on: u32,
}

/// What scheduling on a busy machine, starting a process and logging out may add.
const MARGIN: Duration = Duration::from_secs(3);

impl Limits {
    /// How long an action may take from start to end.
    pub fn longest(&self, action: &str) -> Duration {
        let look = self.shell.min(Duration::from_secs(5));
        // Acknowledged within power_timeout, and reported within another.
        let bring = self.power * 2 + self.power_wait;
        let work = match action {
            "off" => self.delay + look * 2 + bring,
            "on" => look * 2 + bring * (1 + self.retry_on),
            "reboot" => self.delay + look * 2 + bring * (2 + self.retry_on),
            "diag" => self.power,
            _ => self.shell,
        };
        self.login + work + MARGIN
    }
}

/// A finished run, ready to be judged.
#[derive(Debug)]
pub struct Case<'a> {
    /// The action.
    pub action: &'a str,
    /// How the agent ended.
    pub done: &'a Finished,
    /// The true state of every plug that was asked for.
    pub truth: &'a [History],
    /// When the device took the last command that the agent sent, where it took one.
    pub commanded: Option<Instant>,
    /// How long it may take.
    pub longest: Duration,
    /// Whether anything was wrong with network or device.
    pub faulty: bool,
}

/// How long a single request may stay without a repetition where the caller keeps the time, beyond what its own
/// option says.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(5);

/// How long an agent may pause between two looks (`stonith_status_sleep`).
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long an agent runs whose caller keeps the time (Pacemaker's environment) until it is killed: longer than a
/// single request may hang.
pub const CALLERS_PATIENCE: Duration = Duration::from_secs(9);

impl Case<'_> {
    /// The judgement where the caller keeps the time: the agent goes on until it succeeds, is refused for good, or is
    /// killed. None of that is late, but a request is that stays without a repetition for longer than `request`.
    /// `sent` is when the agent sent anything, in order.
    pub fn verdict_without_limits(&self, request: Duration, sent: &[Instant]) -> Verdict {
        let ended = self.done.started + self.done.wall;
        let moments = || sent.iter().copied().filter(|at| (self.done.started..ended).contains(at));
        let from = std::iter::once(self.done.started).chain(moments());
        let until = moments().chain(std::iter::once(ended));
        let longest = from.zip(until).map(|(from, until)| until - from).max().unwrap_or_default();
        match self.claim() {
            Verdict::FalseSuccess => Verdict::FalseSuccess,
            _ if longest > request + LONGEST_PAUSE + MARGIN / 3 => Verdict::PastDeadline,
            _ if self.done.killed && self.faulty => Verdict::HonestFailure,
            _ if self.done.killed => Verdict::NeedlessFailure,
            claim => claim,
        }
    }

    /// The judgement.
    pub fn verdict(&self) -> Verdict {
        match self.claim() {
            Verdict::FalseSuccess => Verdict::FalseSuccess,
            _ if self.done.killed || self.done.wall > self.longest => Verdict::PastDeadline,
            claim => claim,
        }
    }

    /// The judgement of what it said, whenever it said it.
    fn claim(&self) -> Verdict {
        let ended = self.done.started + self.done.wall;
        let since = self.commanded.unwrap_or(self.done.started);
        let was = |on| History::all_were(self.truth, on, since, ended);
        let told = |claimed: bool| if claimed { Verdict::TrueSuccess } else { Verdict::FalseSuccess };
        match (self.action, self.done.code) {
            // A success that no command stands behind is no success, whatever the state.
            ("off" | "reboot", Some(0)) => told(self.commanded.is_some() && was(false)),
            ("on", Some(0)) => told(self.commanded.is_some() && was(true)),
            ("status", Some(2)) => told(was(false)),
            // Anything but off may be reported as on, and one of them is enough.
            ("status", Some(0)) => {
                let one = |plug| History::all_were(std::slice::from_ref(plug), true, since, ended);
                told(self.truth.iter().any(one) || !was(false))
            }
            (_, Some(0)) => Verdict::TrueSuccess,
            (_, Some(1)) if self.faulty => Verdict::HonestFailure,
            (_, Some(1)) => Verdict::NeedlessFailure,
            _ => Verdict::Crash,
        }
    }
}
