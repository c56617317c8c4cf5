//! An action up to the point where the first command would go out: the device reached, its plugs found, looked at and
//! identified, with the time that each step took.

use std::time::{Duration, Instant};

use crate::base::Deadline;
use crate::fencing::agent::{Action, Plugs};
use crate::fencing::describe::Describe;
use crate::fencing::error::Error;
use crate::fencing::job::Job;
use crate::fencing::knowledge::{About, Fact, Identity, IdentityKind};
use crate::fencing::options;
use crate::fencing::pins::Pins;
use crate::fencing::state::State;
use crate::fencing::times::{READING_LIMIT, Times};

/// One step, and what came of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// What was done, as one word or two.
    pub what: &'static str,
    /// How long it took.
    pub took: Duration,
    /// The option that limits it, and its value; `None` is no limit.
    pub limit: (&'static str, Option<Duration>),
    /// Why it failed, where it did.
    pub trouble: Option<Error>,
}

/// One plug, as far as it could be read.
#[derive(Clone, Debug)]
pub struct Plug {
    /// How messages call it.
    pub name: String,
    /// What is known of it.
    pub facts: Vec<Fact>,
    /// Its state now.
    pub state: Option<State>,
    /// By what it is told from others.
    pub identity: Vec<Identity>,
}

/// Everything that was found out without a command.
#[derive(Clone, Debug, Default)]
pub struct Rehearsal {
    /// The steps, in their order, up to the one without which the others make no sense.
    pub steps: Vec<Step>,
    /// The device.
    pub about: About,
    /// The plugs, in their order.
    pub plugs: Vec<Plug>,
}

impl Rehearsal {
    /// Goes as far as an action can go without changing anything. Logs out afterwards is the caller's.
    pub fn run(
        device: &mut dyn Describe,
        job: &Job,
        times: &Times,
        kinds: &[IdentityKind],
        pins: &Pins,
    ) -> Rehearsal {
        let mut all = Rehearsal::default();
        let login = (options::LOGIN_TIMEOUT.name, times.login);
        let shell = (options::SHELL_TIMEOUT.name, times.shell);
        if all.step("login", login, |by| device.connect(by)).is_none() {
            all.about = device.known();
            return all;
        }
        // As the engine does: a monitor, and whatever lists all there is, names no machine.
        let found = match (job.kind, job.action) {
            (_, Action::List | Action::ListStatus) => Some(false),
            (Plugs::One, Action::Monitor) => Some(true),
            (Plugs::One, _) => all.step("find", login, |by| device.resolve(&[], by)).map(|()| true),
            (Plugs::Perhaps, Action::Monitor) if job.plugs.is_empty() => Some(false),
            (Plugs::Perhaps, _) if job.plugs.is_empty() => {
                all.step("find", login, |by| device.resolve(&[], by)).map(|()| true)
            }
            _ if job.plugs.is_empty() => Some(job.kind == Plugs::Node),
            _ => all.step("find", login, |by| device.resolve(&job.plugs, by)).map(|()| true),
        };
        all.about = all.step("device", shell, |by| device.about(by)).unwrap_or_else(|| device.known());
        if found == Some(false) {
            // Nothing is named, so this is as far as it goes.
            match job.action {
                Action::List | Action::ListStatus => {
                    let with_state = job.action == Action::ListStatus;
                    all.step("list", shell, |by| device.list(with_state, by));
                }
                _ => {
                    all.step("monitor", shell, |by| device.monitor(by));
                }
            }
        }
        let Some(true) = found else { return all };
        let states = all.step("state", shell, |by| device.look(by)).unwrap_or_default();
        let mut states = states.into_iter();
        for plug in 0..device.plug_count() {
            let name = device.plug_name(plug);
            let told = match kinds {
                [] => None,
                kinds => all.step("identity", shell, |by| device.identity(plug, kinds, by)),
            };
            if !pins.is_empty() {
                let told = told.as_deref().unwrap_or_default();
                all.step("the one meant", shell, |_| pins.judge(plug, &name, told, false));
            }
            let facts = device.plug_facts(plug);
            let identity = told.unwrap_or_default();
            all.plugs.push(Plug { name, facts, state: states.next().map(|seen| seen.state), identity });
        }
        all
    }

    /// Why it can't be said that the action would work, where it can't.
    pub fn troubles(&self) -> impl Iterator<Item = (&'static str, &Error)> {
        self.steps.iter().filter_map(|step| step.trouble.as_ref().map(|trouble| (step.what, trouble)))
    }

    fn step<T>(
        &mut self,
        what: &'static str,
        limit: (&'static str, Option<Duration>),
        attempt: impl FnOnce(Deadline) -> Result<T, Error>,
    ) -> Option<T> {
        let started = Instant::now();
        let result = attempt(Deadline::after(limit.1.unwrap_or(READING_LIMIT)));
        let (value, trouble) = match result {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(error)),
        };
        self.steps.push(Step { what, took: started.elapsed(), limit, trouble });
        value
    }
}
