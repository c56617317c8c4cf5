//! The order of asking, commanding, waiting and verifying, once for all agents.
//!
//! Success of `off` means: after the last command was sent, the device itself reported its explicit value for
//! off, for every plug, in one look. Whatever was read before a command decides wording at most. An answer that
//! is missing, late, unknown or on its way never counts as the wanted state, and neither does one that another device
//! tells than the one that was met first and acknowledged the command.

use std::time::{Duration, Instant};

use log::{debug, error, info, warn};

use crate::base::{Deadline, Told};
use crate::fencing::agent::{Action, Plugs};
use crate::fencing::device::{Answer, Outlet};
use crate::fencing::error::Error;
use crate::fencing::job::{Cycle, Job};
use crate::fencing::logging;
use crate::fencing::state::{Power, State};
use crate::fencing::supervised::Supervised;
use crate::fencing::times::{READING_LIMIT, Times};
use crate::fencing::who::{Met, Same};

/// The pause between two attempts to reach a device.
const REACH_PAUSE: Duration = Duration::from_millis(250);

/// Less than this is hardly enough for a device to answer.
const ENOUGH_FOR_AN_ANSWER: Duration = Duration::from_secs(1);

/// How long an action that only reads asks again where the system reports that nobody listens: a device that
/// restarts its service is back by then, and somebody waits for the answer.
const REFUSED_LIMIT: Duration = Duration::from_millis(1200);

/// The pause before a command is sent again that the device refused in its present state.
const NOT_IN_THIS_STATE_PAUSE: Duration = Duration::from_secs(1);

/// The pause before a command is sent again that the device failed to carry out; doubled each time, up to
/// [`LONGEST_REFUSED_PAUSE`].
const REFUSED_PAUSE: Duration = Duration::from_millis(250);

/// The longest of these pauses: a device that is refused what it is asked for a hundred times doesn't get better.
const LONGEST_REFUSED_PAUSE: Duration = Duration::from_secs(2);

/// How long the evidence of a power cycle is looked for whose acknowledgement was lost, before it is sent again. A
/// machine is without power for at least a second, and boards keep a record of it.
const CYCLE_DOUBT: Duration = Duration::from_secs(3);

/// A look this long after the command that still doesn't show off: no hard power-off takes as long. Some BMCs press
/// the power button for it and hold it for the 4 s that every chipset takes as an override (ACPI specification,
/// "Power Button Override"), and some tell a state that is a second or two old.
const HARD_OFF: Duration = Duration::from_secs(6);

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
pub fn run<'a>(device: Supervised<'a>, job: &'a Job, times: &'a Times) -> Result<Outcome, Error> {
    let mut engine = Engine {
        device,
        job,
        times,
        reading_by: Deadline::after(READING_LIMIT),
        ties: Vec::new(),
        sent: false,
        acknowledged: false,
        off_verified: false,
    };
    let outcome = engine.run();
    engine.device.close();
    outcome
}

struct Engine<'a> {
    device: Supervised<'a>,
    job: &'a Job,
    times: &'a Times,
    /// When an action that only reads ends where no other limit is in force.
    reading_by: Deadline,
    /// Who each plug was met as.
    ties: Vec<Tie>,
    /// Whether a command may have reached a device.
    sent: bool,
    /// Whether a device has acknowledged a command.
    acknowledged: bool,
    /// Whether a reboot has come as far as a verified off.
    off_verified: bool,
}

/// What a plug is bound to: every later answer about it has to come from there.
#[derive(Default)]
struct Tie {
    who: Same,
    /// Whether whoever answered a command about it didn't say who it is: then nobody who does so afterwards is the same.
    anonymous: bool,
    /// The name that it was asked for by.
    name: Option<String>,
}

/// How long to try, and what ends the trying early.
#[derive(Clone, Copy)]
struct Patience {
    by: Deadline,
    /// Until when "nobody listens" is worth another try.
    refused_by: Deadline,
    /// How long a device may be out of reach where `by` is no limit.
    unreached: Option<Duration>,
    /// How long one attempt may take then. Many requests, each of which is answered, may take longer.
    attempt: Option<Duration>,
}

impl Patience {
    /// By when one attempt has to end.
    fn attempt(&self) -> Deadline {
        self.attempt.map_or(self.by, |limit| self.by.at_most(limit))
    }
}

impl<'a> Engine<'a> {
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
            Patience { by, refused_by: by, unreached: self.unreached(), attempt: self.unreached() }
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
        Patience { by, refused_by: by.at_most(REFUSED_LIMIT), unreached: None, attempt: None }
    }

    /// Patience for a command, and for what it brings about. A machine that was seen off is fenced: coming back is worth
    /// no longer wait than the user allows.
    fn for_command(&self) -> Patience {
        let by =
            Deadline::after_or_never(if self.off_verified { self.times.power_on } else { self.times.power });
        Patience { by, refused_by: by, unreached: self.unreached(), attempt: self.unreached() }
    }

    /// A caller that keeps the time repeats an action that failed, and has other devices to turn to. So a device that is
    /// out of reach doesn't keep it waiting; but once a command was acknowledged, what it does is worth the wait.
    fn unreached(&self) -> Option<Duration> {
        (self.times.lifted && !self.acknowledged).then_some(self.times.unreached)
    }

    /// Does something with the device until it works, can't work, or patience ends.
    fn persist<T>(
        &mut self,
        patience: Patience,
        what: &str,
        mut attempt: impl FnMut(&mut Engine<'a>, Deadline) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut before = None;
        let mut unreached_by = Deadline::after_or_never(patience.unreached);
        loop {
            let hurried = patience.by.left().is_some_and(|left| left < ENOUGH_FOR_AN_ANSWER);
            let error = match (attempt(self, patience.attempt()), before.take()) {
                (Ok(value), _) => return Ok(value),
                // That it had no time says less than what the attempts before it have found.
                (Err(error), Some(before)) if hurried && error.is_unreached() => return Err(before),
                (Err(error), _) => error,
            };
            let by = match &error {
                Error::Refused { .. } => patience.refused_by.earlier(unreached_by),
                // The device itself is as far out of reach where a stranger answers in its place.
                error if error.is_unreached() || matches!(error, Error::AnotherMachine { .. }) => {
                    patience.by.earlier(unreached_by)
                }
                _ => {
                    unreached_by = Deadline::after_or_never(patience.unreached);
                    patience.by
                }
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
        self.persist(patience, "connecting", |engine, by| engine.device.connect(by))?;
        let (names, what): (&[String], _) = match self.job.kind {
            Plugs::One => (&[], "looking for the machine"),
            Plugs::Perhaps if self.job.plugs.is_empty() => (&[], "looking for the machine"),
            _ if self.job.plugs.is_empty() => return Ok(()),
            _ => (&self.job.plugs, "looking for the plugs"),
        };
        // A driver bounds each request, and there may be hundreds.
        let patience = Patience { attempt: None, ..patience };
        self.persist(patience, what, |engine, by| {
            engine.device.resolve(names, by)?;
            engine.meet_all()
        })
    }

    /// Holds on to whom each resolved plug was met as.
    fn meet_all(&mut self) -> Result<(), Error> {
        (0..self.device.plug_count()).try_for_each(|plug| {
            let met = self.device.met(plug);
            self.meet(plug, &met).map(|_| ())
        })
    }

    /// Compares who told something of a plug with who did so first. Whether the plug still has the name by which it was
    /// asked for is told in return.
    fn meet(&mut self, plug: usize, met: &Met) -> Result<bool, Error> {
        let name = self.device.plug_name(plug);
        if self.ties.len() <= plug {
            self.ties.resize_with(plug.saturating_add(1), Tie::default);
        }
        let Some(tie) = self.ties.get_mut(plug) else { return Ok(false) };
        if let (true, Some(now)) = (tie.anonymous, &met.who) {
            return Err(Error::AnotherMachine {
                plug: name,
                first: "one that doesn't say who it is".to_owned(),
                now: Some(now.to_string()),
                sent: self.sent,
            });
        }
        tie.who.meet(&name, met.who.as_ref(), self.sent)?;
        let Some(called) = &tie.name else {
            tie.name.clone_from(&met.name);
            return Ok(true);
        };
        let kept = met.name.as_ref() == Some(called);
        if !kept {
            let (called, now) = (Told::new(called), Told::new(met.name.as_deref().unwrap_or_default()));
            warn!("{name}: it isn't called {called} any more, but '{now}'");
        }
        Ok(kept)
    }

    /// Holds on to who has answered a command about a plug.
    fn meet_answering(&mut self, plug: usize) -> Result<(), Error> {
        let met = self.device.met(plug);
        if let Some(tie) = self.ties.get_mut(plug) {
            tie.anonymous = false;
        }
        self.meet(plug, &met)?;
        if let Some(tie) = self.ties.get_mut(plug) {
            tie.anonymous = !tie.who.is_known();
        }
        Ok(())
    }

    /// One look at every plug, told by the device that was met first. A driver that answers for fewer plugs than it was
    /// given, or more, has shown nothing.
    fn look(&mut self, by: Deadline) -> Result<Vec<State>, Error> {
        let seen = self.device.look(by)?;
        let plugs = self.device.plug_count();
        if plugs == 0 || seen.len() != plugs {
            return Err(Error::Unexpected { what: format!("{} states for {plugs} plugs", seen.len()) });
        }
        seen.into_iter()
            .enumerate()
            .map(|(plug, seen)| {
                // The name belongs to something else by now, and so does the state.
                Ok(if self.meet(plug, &seen.met)? { seen.state } else { State::NoSuchPlug })
            })
            .collect()
    }

    fn status(&mut self) -> Result<Outcome, Error> {
        self.reach()?;
        let patience = self.for_reading();
        let states = self.persist(patience, "asking for the state", Engine::look)?;
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
        if self.job.kind == Plugs::One || self.job.plugs.is_empty() {
            // Nobody names a machine here: what there is to be read is the driver's knowledge.
            let patience = self.for_login();
            self.persist(patience, "connecting", |engine, by| engine.device.connect(by))?;
        } else {
            self.reach()?;
        }
        let patience = self.for_reading();
        self.persist(patience, "monitoring", |engine, by| engine.device.monitor(by))?;
        Ok(Outcome::Fine)
    }

    fn list(&mut self, with_state: bool) -> Result<Outcome, Error> {
        let patience = self.for_login();
        self.persist(patience, "connecting", |engine, by| engine.device.connect(by))?;
        let patience = self.for_reading();
        let outlets = self.persist(patience, "listing", |engine, by| engine.device.list(with_state, by))?;
        Ok(Outcome::Listing { outlets, with_state })
    }

    fn diag(&mut self) -> Result<Outcome, Error> {
        self.reach()?;
        let patience = self.for_command();
        let acknowledged =
            self.persist(patience, "sending the interrupt", |engine, by| engine.device.diag(by))?;
        Ok(Outcome::Interrupted(acknowledged))
    }

    /// The state of all plugs before anything is sent, where it can be had soon. It decides wording, never
    /// whether a command goes out: it may come from a cache, or from the off half of somebody else's reboot.
    fn first_look(&mut self) -> Result<Option<Vec<State>>, Error> {
        let by = Deadline::after(self.times.first_look());
        match self.look(by) {
            Ok(states) => Ok(Some(states)),
            // Whoever answers now isn't the one whose plugs were found, and gets no command.
            Err(error @ Error::AnotherMachine { .. }) => Err(error),
            Err(error) => {
                warn!("the state before the command can't be read: {error}");
                Ok(None)
            }
        }
    }

    fn change(&mut self, power: Power) -> Result<Outcome, Error> {
        if power == Power::Off {
            self.delay();
        }
        self.reach()?;
        let before = self.first_look()?;
        self.expect_plugs_to_exist(before.as_deref())?;
        let so_before = before.is_some_and(|states| all(&states, power));
        let reached = match power {
            Power::Off => self.bring_to(Power::Off)?,
            Power::On => self.bring_on()?,
        };
        let already = self.job.proof.knows_already()
            && self.device.tells_already(power)
            && (so_before || reached == Reached::Refused);
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
        self.off_verified = true;
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
    fn bring_on(&mut self) -> Result<Reached, Error> {
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
    ///
    /// What a device refuses for another reason than the state it is in is decided by its state as well: see
    /// [`Refusals`].
    fn bring_to(&mut self, power: Power) -> Result<Reached, Error> {
        if power == Power::Off && !self.job.proof.proves_off() {
            return Err(Error::Unproven { why: self.job.proof.meaning().to_owned() });
        }
        let patience = self.for_command();
        let mut refusals = Refusals::default();
        for plug in 0..self.device.plug_count() {
            let sent = self.command(plug, power, patience)?;
            refusals.take_in(plug, sent);
        }
        let first_sent_at = Instant::now();
        let mut last_not_there = Duration::ZERO;
        if !self.times.power_wait.is_zero() {
            debug!("waiting {} s, as power_wait says", self.times.power_wait.as_secs());
            std::thread::sleep(self.times.power_wait);
        }
        let started = Instant::now();
        let patience = self.for_command();
        let mut watch = Watch::default();
        loop {
            match watch.look(self, patience.by) {
                Ok(states) => {
                    self.expect_plugs_to_exist(Some(&states))?;
                    let there = all(&states, power);
                    if there && refusals.are_outweighed(self.times) {
                        if power == Power::Off {
                            self.warn_of_a_soft_shutdown(last_not_there, first_sent_at.elapsed());
                        }
                        return Ok(refusals.told(power));
                    }
                    if !there {
                        last_not_there = first_sent_at.elapsed();
                        refusals.judge(&states, power)?;
                    }
                }
                Err(error) if error.is_definitive() => return Err(refusals.or(error)),
                Err(error) => {
                    info!("the state can't be read now: {error}");
                    refusals.outlast(self.times)?;
                }
            }
            logging::waiting(&format!(
                "waiting for {power}: {}, {:.1} s",
                watch.in_words(),
                started.elapsed().as_secs_f64()
            ));
            if !patience.by.sleep(watch.pause(self.times)) {
                return Err(refusals.or(self.not_reached(power, watch, started.elapsed())));
            }
            // A command that was acknowledged isn't sent again: on some devices that starts its work anew.
            for plug in refusals.to_repeat() {
                let sent = self.command(plug, power, patience)?;
                refusals.take_in(plug, sent);
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
        // Another plug's command may have been acknowledged since.
        let patience = Patience { unreached: self.unreached(), attempt: self.unreached(), ..patience };
        let answer = self.persist(patience, "sending the command", |engine, by| {
            engine.sent = true;
            let sent = match engine.device.switch(plug, power, by) {
                Ok(Answer::Accepted) => Sent::Accepted,
                Ok(Answer::NotInThisState(word)) => Sent::NotInThisState(word),
                Err(error) if error.is_refusal() => Sent::Refused(error),
                Err(error) => return Err(error),
            };
            engine.meet_answering(plug)?;
            Ok(sent)
        });
        let sent = match answer {
            Err(Error::NoSuchPlug { known, .. }) if known.is_empty() => return Err(self.no_such_plug(plug)),
            answer => answer?,
        };
        match &sent {
            Sent::Accepted => {
                self.acknowledged = true;
                debug!("{name} acknowledged {power}");
            }
            Sent::NotInThisState(word) => {
                info!("{name} refused {power} in its present state: {}", Told::new(word));
            }
            Sent::Refused(error) => warn!("{name} refused {power}: {error}; looking whether it is {power}"),
        }
        Ok(sent)
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
        // Each could go and come back while the machine runs on by another one, and no look is at all of them in one moment.
        if self.device.plug_count() != 1 {
            info!("no evidence that several plugs were without power at once: off, then on");
            return Ok(false);
        }
        let reading = Patience { by: Deadline::after(self.times.first_look()), ..self.for_command() };
        // Without a value read before the command nothing afterwards proves anything.
        let before = self.persist(reading, "asking for the state", Engine::look)?;
        self.expect_plugs_to_exist(Some(&before))?;
        if !all(&before, Power::On) {
            info!("not on, so there is nothing to cycle: off, then on");
            return Ok(false);
        }
        let mark = self.mark_before();
        let patience = self.for_command();
        let (answer, evidence) = self.send_cycle(mark.as_deref(), patience)?;
        self.meet_answering(0)?;
        if let Answer::NotInThisState(word) = answer {
            info!("the power cycle was refused in the present state: {}", Told::new(word));
            return Ok(false);
        }
        self.acknowledged = true;
        self.watch_cycle(mark.as_deref(), evidence)?;
        Ok(true)
    }

    /// What the device remembers of the last power change, before a cycle.
    fn mark_before(&mut self) -> Option<String> {
        let mark = self.device.power_mark(0, Deadline::after(self.times.first_look()));
        mark.unwrap_or_else(|error| {
            info!("what the device remembers of its last power change can't be read: {error}");
            None
        })
    }

    /// Has the device cycle the plug, until it has answered. True with its answer where the power is known to have gone.
    fn send_cycle(&mut self, mark_before: Option<&str>, patience: Patience) -> Result<(Answer, bool), Error> {
        loop {
            self.sent = true;
            let error = match self.device.cycle(0, patience.attempt()) {
                Ok(answer) => return Ok((answer, false)),
                Err(error) if error.is_definitive() => return Err(error),
                Err(error) => error,
            };
            // It may have arrived, and been carried out. Another one would cut the power of a machine that is coming up.
            info!("the power cycle wasn't acknowledged: {error}; looking whether it went");
            match self.cycle_went(mark_before, patience.attempt())? {
                Some(true) => return Ok((Answer::Accepted, true)),
                Some(false) if !patience.by.passed() => {}
                _ => return Err(error),
            }
        }
    }

    /// Whether the power went after a cycle that wasn't acknowledged: true with the evidence of it, false when for a
    /// while it was on and nothing has shown it, `None` where that couldn't be told in time.
    fn cycle_went(&mut self, mark_before: Option<&str>, by: Deadline) -> Result<Option<bool>, Error> {
        let mut watch = Watch::default();
        let mut still_on_since = None;
        loop {
            match watch.look(self, by) {
                Ok(states) if all(&states, Power::Off) => return Ok(Some(true)),
                Ok(states) if all(&states, Power::On) => {
                    if self.mark_changed(mark_before, by) {
                        return Ok(Some(true));
                    }
                    let since = *still_on_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= CYCLE_DOUBT {
                        return Ok(Some(false));
                    }
                }
                Ok(_) => still_on_since = None,
                Err(error) if error.is_definitive() => return Err(error),
                Err(error) => {
                    still_on_since = None;
                    info!("the state can't be read now: {error}");
                }
            }
            if !by.sleep(watch.pause(self.times)) {
                return Ok(None);
            }
        }
    }

    /// Looks until there is evidence that the power went, and the machine is on again.
    fn watch_cycle(&mut self, mark_before: Option<&str>, mut evidence: bool) -> Result<(), Error> {
        let started = Instant::now();
        self.off_verified = evidence;
        let mut patience = self.for_command();
        let mut watch = Watch::default();
        loop {
            match watch.look(self, patience.by) {
                Ok(states) if all(&states, Power::Off) => {
                    if !evidence {
                        debug!("the power went off");
                        evidence = true;
                        self.off_verified = true;
                        patience = self.for_command();
                    }
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
        match self.device.power_mark(0, by.at_most(self.times.first_look())) {
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

/// How a device answered a command.
enum Sent {
    Accepted,
    NotInThisState(String),
    Refused(Error),
}

/// How the wanted state came about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// After a command that was acknowledged for every plug, or refused in the state it is in.
    Commanded,
    /// Although the device refused it: it was so.
    Refused,
}

/// A command that the device didn't accept.
struct Refusal {
    plug: usize,
    /// Why, where it was for another reason than the present state.
    error: Option<Error>,
    /// When it was sent last, and how long to wait before it is sent again.
    sent_at: Instant,
    pause: Duration,
}

/// The commands that a device didn't accept.
///
/// The state decides, not the acknowledgement: a device that fails to switch off what is off must not stand in the way
/// of a cluster. But a refusal says that something is amiss with the device, so its state has to stay the same for a
/// while, in every look; a device that says it may work later gets twice that time.
#[derive(Default)]
struct Refusals {
    open: Vec<Refusal>,
    /// When the first look in a row showed every plug in the wanted state.
    there_since: Option<Instant>,
    /// When the first refusal for another reason than the present state came.
    since: Option<Instant>,
}

impl Refusals {
    fn take_in(&mut self, plug: usize, sent: Sent) {
        let at = self.open.iter().position(|refusal| refusal.plug == plug);
        let before = at.map(|at| self.open.swap_remove(at));
        let (error, pause) = match sent {
            Sent::Accepted => return,
            Sent::NotInThisState(_) => (None, NOT_IN_THIS_STATE_PAUSE),
            Sent::Refused(error) => {
                self.since.get_or_insert_with(Instant::now);
                let longer = before.filter(|before| before.error.is_some()).map(|before| before.pause * 2);
                (Some(error), longer.unwrap_or(REFUSED_PAUSE).min(LONGEST_REFUSED_PAUSE))
            }
        };
        self.open.push(Refusal { plug, error, sent_at: Instant::now(), pause });
    }

    /// Those that were refused for another reason than the present state.
    fn errors(&self) -> impl Iterator<Item = (usize, &Error)> {
        self.open.iter().filter_map(|refusal| Some((refusal.plug, refusal.error.as_ref()?)))
    }

    /// The first refusal that won't become anything else.
    fn lasting(&self) -> Option<(usize, &Error)> {
        self.errors().find(|(_, error)| error.is_definitive())
    }

    /// Whether what the device shows counts more than its refusals, when a look has shown what is wanted.
    fn are_outweighed(&mut self, times: &Times) -> bool {
        if self.errors().next().is_none() {
            return true;
        }
        let watched = if self.errors().all(|(_, error)| error.is_definitive()) {
            times.refused_watch
        } else {
            times.refused_watch.saturating_mul(2)
        };
        let since = *self.there_since.get_or_insert_with(Instant::now);
        since.elapsed() >= watched
    }

    /// When a look hasn't shown what is wanted: a lasting refusal of a plug that isn't there is the end.
    fn judge(&mut self, states: &[State], power: Power) -> Result<(), Error> {
        self.there_since = None;
        let decided = self
            .errors()
            .find(|(plug, error)| {
                error.is_definitive() && !states.get(*plug).is_some_and(|state| state.is(power))
            })
            .map(|(_, error)| error.clone());
        decided.map_or(Ok(()), Err)
    }

    /// When a look has failed: a lasting refusal is waited for as long as the state would be watched.
    fn outlast(&mut self, times: &Times) -> Result<(), Error> {
        self.there_since = None;
        let over = self.since.is_some_and(|since| since.elapsed() >= times.refused_watch);
        match self.lasting() {
            Some((_, error)) if over => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The plugs whose commands are to be sent again now.
    fn to_repeat(&self) -> Vec<usize> {
        let due = |refusal: &&Refusal| {
            let lasting = refusal.error.as_ref().is_some_and(Error::is_definitive);
            !lasting && refusal.sent_at.elapsed() >= refusal.pause
        };
        self.open.iter().filter(due).map(|refusal| refusal.plug).collect()
    }

    /// What ends the action: what a command was refused for says more than what came of it.
    fn or(&self, error: Error) -> Error {
        match error {
            // Who answers outweighs what was answered.
            Error::AnotherMachine { .. } | Error::WrongMachine { .. } => error,
            error => {
                let refusal = self.lasting().or_else(|| self.errors().next());
                refusal.map_or(error, |(_, refusal)| refusal.clone())
            }
        }
    }

    /// How the wanted state came about, with a warning where the device had refused it.
    fn told(&self, power: Power) -> Reached {
        match self.errors().next() {
            Some((_, error)) => {
                warn!("every look shows {power}, though the device refused the command: {error}");
                Reached::Refused
            }
            None => Reached::Commanded,
        }
    }
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

    fn look(&mut self, engine: &mut Engine<'_>, by: Deadline) -> Result<Vec<State>, Error> {
        let started = Instant::now();
        let states = engine.look(by);
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

/// Whether every plug, and at least one, is explicitly in this state.
fn all(states: &[State], power: Power) -> bool {
    !states.is_empty() && states.iter().all(|state| state.is(power))
}

/// Whether an error of one attempt to power on makes the next one pointless. A state that wasn't reached is
/// what further attempts are for.
fn error_ends_powering_on(error: &Error) -> bool {
    error.is_definitive() && !matches!(error, Error::NotReached { .. })
}
