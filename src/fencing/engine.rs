//! The order of asking, commanding, waiting and verifying, once for all agents.
//!
//! Success of `off` means: after the last command was sent, the device itself reported its explicit value for
//! off, for every plug, in one look. Whatever was read before a command decides wording at most. An answer that
//! is missing, late, unknown or on its way never counts as the wanted state.

use std::time::{Duration, Instant};

use log::{debug, error, info, warn};

use crate::base::Deadline;
use crate::fencing::agent::{Action, Plugs};
use crate::fencing::device::{Answer, Device, Outlet};
use crate::fencing::error::Error;
use crate::fencing::logging;
use crate::fencing::state::{Power, State};
use crate::fencing::times::{READING_LIMIT, Times};

/// The pause between two attempts to reach a device.
const REACH_PAUSE: Duration = Duration::from_millis(250);

/// Less than this is hardly enough for a device to answer.
const ENOUGH_FOR_AN_ANSWER: Duration = Duration::from_secs(1);

/// How long an action that only reads asks again where the system reports that nobody listens: a device that
/// restarts its service is back by then, and somebody waits for the answer.
const REFUSED_LIMIT: Duration = Duration::from_millis(1200);

/// The pause before a command is sent again that the device refused in its present state.
const NOT_IN_THIS_STATE_PAUSE: Duration = Duration::from_secs(1);

/// A look this long after the command that still doesn't show off: no hard power-off takes as long. Some BMCs press
/// the power button for it and hold it for the 4 s that every chipset takes as an override (ACPI specification,
/// "Power Button Override"), and some tell a state that is a second or two old.
const HARD_OFF: Duration = Duration::from_secs(6);

/// What to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// The action.
    pub action: Action,
    /// The plugs as given; none on an agent with one machine for each address.
    pub plugs: Vec<String>,
    /// What plugs mean there.
    pub kind: Plugs,
    /// Whether reboot is left to the device (its own power cycle).
    pub cycle: Cycle,
}

/// How reboot is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cycle {
    /// Off, verified, then on.
    Never,
    /// By the device's own power cycle, with evidence that the power went.
    Proven,
    /// By the device's own power cycle, also where nothing shows that the power went: somebody asked for it.
    Unproven,
}

/// How an action ended well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The state that was asked for.
    Status(Power),
    /// Every plug reached this state; `already` where the first look had shown it.
    Reached {
        /// The state.
        power: Power,
        /// Whether it was so before.
        already: bool,
    },
    /// Every plug was off and is on again, or at least was off.
    Rebooted,
    /// The diagnostic interrupt was acknowledged; the text says as what.
    Interrupted(String),
    /// A listing.
    Listing {
        /// The plugs.
        outlets: Vec<Outlet>,
        /// Whether their states belong to it.
        with_state: bool,
    },
    /// Nothing to say.
    Fine,
}

/// Runs one action on a device and logs out afterwards, whatever came of it.
pub fn run(device: &mut dyn Device, job: &Job, times: &Times) -> Result<Outcome, Error> {
    let outcome = Engine { device, job, times, reading_by: Deadline::after(READING_LIMIT) }.run();
    device.close();
    outcome
}

struct Engine<'a> {
    device: &'a mut dyn Device,
    job: &'a Job,
    times: &'a Times,
    /// When an action that only reads ends where no other limit is in force.
    reading_by: Deadline,
}

/// How long to try, and what ends the trying early.
#[derive(Clone, Copy)]
struct Patience {
    by: Deadline,
    /// Until when "nobody listens" is worth another try.
    refused_by: Deadline,
}

impl Engine<'_> {
    fn run(&mut self) -> Result<Outcome, Error> {
        match self.job.action {
            Action::Off => self.change(Power::Off),
            Action::On => self.change(Power::On),
            Action::Reboot => self.reboot(),
            Action::Status => self.status(),
            Action::Monitor => self.monitor(),
            Action::List => self.list(false),
            Action::ListStatus => self.list(true),
            Action::Diag => self.diag(),
            Action::Doctor
            | Action::Evidence
            | Action::ValidateAll
            | Action::Metadata
            | Action::Manpage
            | Action::Completion => Ok(Outcome::Fine),
        }
    }

    /// Patience for reaching the device and logging in.
    fn for_login(&self) -> Patience {
        if self.job.action.changes() {
            let by = Deadline::after_or_never(self.times.login);
            Patience { by, refused_by: by }
        } else {
            self.to_read(self.times.login)
        }
    }

    /// Patience for a request that only reads.
    fn for_reading(&self) -> Patience {
        self.to_read(self.times.shell)
    }

    fn to_read(&self, limit: Option<Duration>) -> Patience {
        let by = limit.map_or(self.reading_by, Deadline::after);
        Patience { by, refused_by: by.at_most(REFUSED_LIMIT) }
    }

    /// Patience for a command.
    fn for_command(&self) -> Patience {
        let by = Deadline::after_or_never(self.times.power);
        Patience { by, refused_by: by }
    }

    /// Does something with the device until it works, can't work, or patience ends.
    fn persist<T>(
        &mut self,
        patience: Patience,
        what: &str,
        mut attempt: impl FnMut(&mut dyn Device, Deadline) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut before = None;
        loop {
            let hurried = patience.by.left().is_some_and(|left| left < ENOUGH_FOR_AN_ANSWER);
            let error = match (attempt(self.device, patience.by), before.take()) {
                (Ok(value), _) => return Ok(value),
                // That it had no time says less than what the attempts before it have found.
                (Err(Error::TimeOver { .. }), Some(before)) if hurried => return Err(before),
                (Err(error), _) => error,
            };
            let by = match error {
                Error::Refused { .. } => patience.refused_by,
                _ => patience.by,
            };
            if error.is_definitive() || by.passed() {
                return Err(error);
            }
            info!("{what}: {error}; trying again");
            if !by.sleep(REACH_PAUSE) {
                return Err(error);
            }
            before = Some(error);
        }
    }

    /// Logs in and finds the plugs, or the one machine.
    fn reach(&mut self) -> Result<(), Error> {
        let patience = self.for_login();
        self.persist(patience, "connecting", |device, by| device.connect(by))?;
        let (names, what): (&[String], _) = match self.job.kind {
            Plugs::One => (&[], "looking for the machine"),
            _ if self.job.plugs.is_empty() => return Ok(()),
            _ => (&self.job.plugs, "looking for the plugs"),
        };
        self.persist(patience, what, |device, by| device.resolve(names, by))
    }

    fn status(&mut self) -> Result<Outcome, Error> {
        self.reach()?;
        let patience = self.for_reading();
        let states = self.persist(patience, "asking for the state", look)?;
        let mut power = Power::Off;
        for (plug, state) in states.iter().enumerate() {
            let name = self.device.plug_name(plug);
            debug!("{name} is {state}");
            match state {
                State::Off => {}
                // Readable, and not off: the machine may be running.
                State::On | State::Changing(_) => power = Power::On,
                State::Unknown(what) => {
                    return Err(Error::Unexpected {
                        what: format!("the state of {name} is unknown: {what}"),
                    });
                }
                State::NoSuchPlug => return Err(self.no_such_plug(plug)),
            }
        }
        Ok(Outcome::Status(power))
    }

    fn monitor(&mut self) -> Result<Outcome, Error> {
        if self.job.kind == Plugs::One {
            // Nobody names a machine here: what there is to be read is the driver's knowledge.
            let patience = self.for_login();
            self.persist(patience, "connecting", |device, by| device.connect(by))?;
        } else {
            self.reach()?;
        }
        let patience = self.for_reading();
        self.persist(patience, "monitoring", |device, by| device.monitor(by))?;
        Ok(Outcome::Fine)
    }

    fn list(&mut self, with_state: bool) -> Result<Outcome, Error> {
        let patience = self.for_login();
        self.persist(patience, "connecting", |device, by| device.connect(by))?;
        let patience = self.for_reading();
        let outlets = self.persist(patience, "listing", |device, by| device.list(with_state, by))?;
        Ok(Outcome::Listing { outlets, with_state })
    }

    fn diag(&mut self) -> Result<Outcome, Error> {
        self.reach()?;
        let patience = self.for_command();
        let acknowledged = self.persist(patience, "sending the interrupt", |device, by| device.diag(by))?;
        Ok(Outcome::Interrupted(acknowledged))
    }

    /// The state of all plugs before anything is sent, where it can be had soon. It decides wording, never
    /// whether a command goes out: it may come from a cache, or from the off half of somebody else's reboot.
    fn first_look(&mut self) -> Option<Vec<State>> {
        let by = Deadline::after(self.times.first_look());
        match look(self.device, by) {
            Ok(states) => Some(states),
            Err(error) => {
                warn!("the state before the command can't be read: {error}");
                None
            }
        }
    }

    fn change(&mut self, power: Power) -> Result<Outcome, Error> {
        if power == Power::Off {
            self.delay();
        }
        self.reach()?;
        let before = self.first_look();
        self.expect_plugs_to_exist(before.as_deref())?;
        let already = self.device.tells_already(power) && before.is_some_and(|states| all(&states, power));
        match power {
            Power::Off => self.bring_to(Power::Off)?,
            Power::On => self.bring_on()?,
        }
        Ok(Outcome::Reached { power, already })
    }

    /// A plug that the device says doesn't exist ends the action before any command.
    fn expect_plugs_to_exist(&mut self, states: Option<&[State]>) -> Result<(), Error> {
        let missing = states.into_iter().flatten().position(|state| *state == State::NoSuchPlug);
        missing.map_or(Ok(()), |plug| Err(self.no_such_plug(plug)))
    }

    /// The error that names the plug and, where the device can tell soon, those it has.
    fn no_such_plug(&mut self, plug: usize) -> Error {
        let outlets = self.device.list(false, Deadline::after(self.times.first_look())).unwrap_or_default();
        Error::NoSuchPlug {
            plug: self.device.plug_name(plug),
            known: outlets.iter().map(ToString::to_string).collect(),
        }
    }

    fn reboot(&mut self) -> Result<Outcome, Error> {
        self.delay();
        self.reach()?;
        if self.job.cycle != Cycle::Never && self.cycle()? {
            return Ok(Outcome::Rebooted);
        }
        self.bring_to(Power::Off)?;
        if let Err(error) = self.bring_on() {
            // The machine is proven off: it is fenced, and that is what was asked for in the first place.
            error!("off is verified, but powering on again failed: {error}");
        }
        Ok(Outcome::Rebooted)
    }

    fn delay(&self) {
        if !self.times.delay.is_zero() {
            info!("waiting {} s, as delay says", self.times.delay.as_secs());
            std::thread::sleep(self.times.delay);
        }
    }

    /// On, with as many further attempts as `retry_on` says.
    fn bring_on(&mut self) -> Result<(), Error> {
        let mut attempts_left = self.times.retry_on;
        loop {
            match self.bring_to(Power::On) {
                Err(error) if !error_ends_powering_on(&error) && attempts_left > 0 => {
                    attempts_left = attempts_left.saturating_sub(1);
                    warn!("powering on failed: {error}; {attempts_left} more attempts after this one");
                }
                result => return result,
            }
        }
    }

    /// Sends the command for every plug, then looks until one look shows all of them in the wanted state.
    fn bring_to(&mut self, power: Power) -> Result<(), Error> {
        let patience = self.for_command();
        let mut refused: Vec<usize> = Vec::new();
        for plug in 0..self.device.plug_count() {
            if self.command(plug, power, patience)? == Sent::NotInThisState {
                refused.push(plug);
            }
        }
        let mut sent_at = Instant::now();
        let first_sent_at = sent_at;
        let mut last_not_there = Duration::ZERO;
        if !self.times.power_wait.is_zero() {
            debug!("waiting {} s, as power_wait says", self.times.power_wait.as_secs());
            std::thread::sleep(self.times.power_wait);
        }
        let started = Instant::now();
        let patience = self.for_command();
        let mut watch = Watch::default();
        loop {
            match watch.look(self.device, patience.by) {
                Ok(states) => {
                    self.expect_plugs_to_exist(Some(&states))?;
                    if all(&states, power) {
                        if power == Power::Off {
                            self.warn_of_a_soft_shutdown(last_not_there, first_sent_at.elapsed());
                        }
                        return Ok(());
                    }
                    last_not_there = first_sent_at.elapsed();
                }
                Err(error) if error.is_definitive() => return Err(error),
                Err(error) => info!("the state can't be read now: {error}"),
            }
            logging::waiting(&format!(
                "waiting for {power}: {}, {:.1} s",
                watch.in_words(),
                started.elapsed().as_secs_f64()
            ));
            if !patience.by.sleep(watch.pause(self.times)) {
                return Err(self.not_reached(power, watch, started.elapsed()));
            }
            // A command that was acknowledged isn't sent again: on some devices that starts its work anew.
            if !refused.is_empty() && sent_at.elapsed() >= NOT_IN_THIS_STATE_PAUSE {
                let again = std::mem::take(&mut refused);
                for plug in again {
                    if self.command(plug, power, patience)? == Sent::NotInThisState {
                        refused.push(plug);
                    }
                }
                sent_at = Instant::now();
            }
        }
    }

    /// A machine that was on long after the command has shut its system down first, as it looks: the command came to
    /// it as a press of the power button. The next time that system may be the one that hangs.
    fn warn_of_a_soft_shutdown(&self, still_on_at: Duration, off_at: Duration) {
        if self.job.kind == Plugs::One && still_on_at >= HARD_OFF {
            warn!(
                "it took {:.0} s to be off, longer than a hard power-off takes: it looks as if the operating system \
                 shut itself down first. It must ignore the power button: in /etc/systemd/logind.conf set \
                 HandlePowerKey=ignore",
                off_at.as_secs_f64()
            );
        }
    }

    /// Sends one command until the device has answered it.
    fn command(&mut self, plug: usize, power: Power, patience: Patience) -> Result<Sent, Error> {
        let name = self.device.plug_name(plug);
        debug!("sending {power} for {name}");
        let answer =
            self.persist(patience, "sending the command", |device, by| device.switch(plug, power, by));
        let answer = match answer {
            Err(Error::NoSuchPlug { known, .. }) if known.is_empty() => return Err(self.no_such_plug(plug)),
            answer => answer?,
        };
        match answer {
            Answer::Accepted => {
                debug!("{name} acknowledged {power}");
                Ok(Sent::Accepted)
            }
            Answer::NotInThisState(word) => {
                info!("{name} refused {power} in its present state: {word}");
                Ok(Sent::NotInThisState)
            }
        }
    }

    fn not_reached(&self, wanted: Power, watch: Watch, after: Duration) -> Error {
        let last = watch
            .last
            .into_iter()
            .enumerate()
            .filter(|(_, state)| !state.is(wanted))
            .map(|(plug, state)| (self.device.plug_name(plug), state))
            .collect();
        let complaint = || {
            self.device.complaint().map(|why| Error::Device {
                request: format!("the command {wanted}"),
                code: why,
                passing: false,
            })
        };
        let trouble = watch.trouble.or_else(complaint).map(Box::new);
        Error::NotReached { wanted, last, trouble, after }
    }

    /// Lets the device cycle the power by itself. False where the machine isn't on, so that there is nothing to
    /// cycle and off-then-on is the way.
    fn cycle(&mut self) -> Result<bool, Error> {
        let reading = Patience { by: Deadline::after(self.times.first_look()), ..self.for_command() };
        // Without a value read before the command nothing afterwards proves anything.
        let before = self.persist(reading, "asking for the state", look)?;
        self.expect_plugs_to_exist(Some(&before))?;
        if !all(&before, Power::On) {
            info!("not on, so there is nothing to cycle: off, then on");
            return Ok(false);
        }
        let mark = self.device.power_mark(Deadline::after(self.times.first_look()));
        let mark = mark.unwrap_or_else(|error| {
            info!("what the device remembers of its last power change can't be read: {error}");
            None
        });
        let patience = self.for_command();
        let answer = self.persist(patience, "sending the power cycle", |device, by| device.cycle(by))?;
        if let Answer::NotInThisState(word) = answer {
            info!("the power cycle was refused in the present state: {word}");
            return Ok(false);
        }
        self.watch_cycle(mark.as_deref())?;
        Ok(true)
    }

    /// Looks until there is evidence that the power went, and the machine is on again.
    fn watch_cycle(&mut self, mark_before: Option<&str>) -> Result<(), Error> {
        let started = Instant::now();
        let patience = self.for_command();
        let mut watch = Watch::default();
        let mut evidence = false;
        loop {
            match watch.look(self.device, patience.by) {
                Ok(states) if all(&states, Power::Off) => {
                    if !evidence {
                        debug!("the power went off");
                    }
                    evidence = true;
                }
                Ok(states) if all(&states, Power::On) => {
                    evidence = evidence || self.mark_changed(mark_before, patience.by);
                    if evidence {
                        return Ok(());
                    }
                }
                Ok(_) => {}
                Err(error) if error.is_definitive() => return Err(error),
                Err(error) => info!("the state can't be read now: {error}"),
            }
            if !patience.by.sleep(watch.pause(self.times)) {
                break;
            }
        }
        if evidence {
            // As with off and on: it is fenced, and coming back is the lesser part.
            error!("the power went off, but the machine isn't reported on again");
            return Ok(());
        }
        if self.job.cycle == Cycle::Unproven && all(&watch.last, Power::On) {
            warn!("the power cycle was acknowledged; nothing shows that the power went, which was allowed");
            return Ok(());
        }
        let seconds = started.elapsed().as_secs();
        Err(Error::Unproven {
            why: format!(
                "the device acknowledged the power cycle, but in {seconds} s it never reported off and its record \
                 of the last power change stayed the same; method=onoff proves what it does"
            ),
        })
    }

    fn mark_changed(&mut self, before: Option<&str>, by: Deadline) -> bool {
        let Some(before) = before else { return false };
        match self.device.power_mark(by.at_most(self.times.first_look())) {
            Ok(Some(now)) if now != before => {
                debug!("the device's record of its last power change went from '{before}' to '{now}'");
                true
            }
            Ok(_) => false,
            Err(error) => {
                info!("what the device remembers of its last power change can't be read: {error}");
                false
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Accepted,
    NotInThisState,
}

/// What repeated looks have shown.
#[derive(Default)]
struct Watch {
    looks: u32,
    took: Duration,
    last: Vec<State>,
    trouble: Option<Error>,
}

impl Watch {
    fn pause(&self, times: &Times) -> Duration {
        times.pause.after(self.looks.saturating_sub(1), self.took)
    }

    fn in_words(&self) -> String {
        match &self.trouble {
            Some(trouble) => trouble.to_string(),
            None => self.last.iter().map(State::to_string).collect::<Vec<_>>().join(", "),
        }
    }

    fn look(&mut self, device: &mut dyn Device, by: Deadline) -> Result<Vec<State>, Error> {
        let started = Instant::now();
        let states = look(device, by);
        self.took = started.elapsed();
        self.looks = self.looks.saturating_add(1);
        match &states {
            Ok(states) => {
                if *states != self.last {
                    let words: Vec<_> = states.iter().map(State::to_string).collect();
                    debug!("state: {}", words.join(", "));
                }
                self.last.clone_from(states);
                self.trouble = None;
            }
            Err(error) => self.trouble = Some(error.clone()),
        }
        states
    }
}

/// One look at every plug. A driver that answers for fewer plugs than it was given, or more, has shown nothing.
fn look(device: &mut dyn Device, by: Deadline) -> Result<Vec<State>, Error> {
    let states = device.look(by)?;
    let plugs = device.plug_count();
    if plugs > 0 && states.len() == plugs {
        return Ok(states);
    }
    Err(Error::Unexpected { what: format!("{} states for {plugs} plugs", states.len()) })
}

/// Whether every plug, and at least one, is explicitly in this state.
fn all(states: &[State], power: Power) -> bool {
    !states.is_empty() && states.iter().all(|state| state.is(power))
}

/// Whether an error of one attempt to power on makes the next one pointless. A state that wasn't reached is
/// what further attempts are for.
fn error_ends_powering_on(error: &Error) -> bool {
    error.is_definitive() && !matches!(error, Error::NotReached { .. })
}
