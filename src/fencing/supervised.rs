//! The device as the engine asks it: under the eyes of whoever compares its identity, and of whoever writes down what it
//! was asked.
//!
//! Where options pin down which machine is meant, the plug is asked who it is before every command, and again with a look
//! that could end the action: between the two a session may have been opened anew, with whoever has the address by then.

use std::ops::Deref;

use log::debug;

use crate::base::Deadline;
use crate::fencing::describe::Describe;
use crate::fencing::device::{Answer, Outlet, Seen};
use crate::fencing::error::{Error, Joint};
use crate::fencing::evidence::{Evidence, Recorder};
use crate::fencing::knowledge::{Command, Identity, IdentityKind};
use crate::fencing::pins::Pins;
use crate::fencing::state::Power;

/// A device, and who watches over it.
///
/// What changes nothing and asks nothing goes straight to the driver; whatever asks the device has a method here, so
/// that nothing gets past the watch.
pub struct Supervised<'a> {
    device: &'a mut dyn Describe,
    guard: Option<Guard<'a>>,
    recorder: Option<Recorder<'a>>,
}

/// What stands between the engine and a machine that may not be the one meant.
struct Guard<'a> {
    pins: &'a Pins,
    /// Whether plugs were resolved, so that there is something to compare.
    resolved: bool,
    /// What was commanded last.
    sent: Option<Command>,
}

impl Guard<'_> {
    /// Whether the action could end with these states.
    fn could_end(&self, seen: &[Seen]) -> bool {
        match self.sent {
            // A status ends with it, and the session may be another than the one in which the plugs were found.
            None => true,
            Some(Command::Switch(power)) => seen.iter().all(|seen| seen.state.is(power)),
            // Off in between is the evidence that the power went.
            Some(Command::Cycle | Command::Diag) => {
                [Power::On, Power::Off].iter().any(|power| seen.iter().all(|seen| seen.state.is(*power)))
            }
        }
    }
}

impl<'a> Deref for Supervised<'a> {
    type Target = dyn Describe + 'a;

    fn deref(&self) -> &Self::Target {
        self.device
    }
}

impl<'a> Supervised<'a> {
    /// A device that nobody watches.
    pub fn alone(device: &'a mut dyn Describe) -> Supervised<'a> {
        Supervised { device, guard: None, recorder: None }
    }

    /// Lets no command through to another machine than these options mean. Where there are none, nothing is compared.
    pub fn pinned(self, pins: &'a Pins) -> Supervised<'a> {
        let guard = Some(Guard { pins, resolved: false, sent: None }).filter(|_| !pins.is_empty());
        Supervised { guard, ..self }
    }

    /// Writes down what the device is asked, and what it answers.
    pub(crate) fn recorded(self, evidence: &'a mut Evidence) -> Supervised<'a> {
        Supervised { recorder: Some(Recorder::new(evidence)), ..self }
    }

    /// Asks the driver, and has it written down: what was asked, and the answer in the words that `words` finds.
    fn ask<T>(
        &mut self,
        what: &str,
        request: impl FnOnce(&mut dyn Describe) -> Result<T, Error>,
        words: impl FnOnce(&T) -> String,
    ) -> Result<T, Error> {
        match &mut self.recorder {
            None => request(self.device),
            Some(recorder) => recorder.request(what, || request(self.device), words),
        }
    }

    /// Logs in.
    pub fn connect(&mut self, by: Deadline) -> Result<(), Error> {
        self.ask("connect", |device| device.connect(by), |()| "connected".to_owned())
    }

    /// Finds the plugs, and compares who they are.
    pub fn resolve(&mut self, names: &[String], by: Deadline) -> Result<(), Error> {
        let found = self.ask("find", |device| device.resolve(names, by), |()| "found".to_owned());
        if let Some(recorder) = &mut self.recorder {
            recorder.device(self.device);
        }
        found?;
        if let Some(guard) = &mut self.guard {
            guard.resolved = true;
        }
        self.verify_all(by)
    }

    /// Looks at every plug; where the action could end with what is seen, also at who they are.
    pub fn look(&mut self, by: Deadline) -> Result<Vec<Seen>, Error> {
        let at = self.recorder.as_ref().map(Recorder::now);
        let seen = self.ask("look", |device| device.look(by), |seen| in_words(seen))?;
        if let (Some(recorder), Some(at)) = (&mut self.recorder, at) {
            recorder.states(at, &seen);
        }
        if self.guard.as_ref().is_some_and(|guard| guard.could_end(&seen)) {
            self.verify_all(by)?;
        }
        Ok(seen)
    }

    /// Sends a command to one plug, once it has said who it is.
    pub fn switch(&mut self, plug: usize, to: Power, by: Deadline) -> Result<Answer, Error> {
        // What keeps a plug from saying who it is is no answer to the command.
        self.verify(plug, by)
            .map_err(|error| error.before_the_command("no command before the plug has said who it is"))?;
        self.note(Command::Switch(to));
        let what = format!("switch {to} {}", self.plug_name(plug));
        self.ask(&what, |device| device.switch(plug, to, by), answered)
    }

    /// Every plug there is.
    pub fn list(&mut self, with_state: bool, by: Deadline) -> Result<Vec<Outlet>, Error> {
        let count = |outlets: &Vec<Outlet>| format!("{} plugs", outlets.len());
        self.ask("list", |device| device.list(with_state, by), count)
    }

    /// Proves that fencing would work as far as reading can.
    pub fn monitor(&mut self, by: Deadline) -> Result<(), Error> {
        // Where nobody names a plug, the one machine is still known; several plugs can't be told apart.
        if self.guard.as_ref().is_some_and(|guard| !guard.resolved) {
            self.verify_all(by)?;
        }
        self.ask("monitor", |device| device.monitor(by), |()| "readable".to_owned())
    }

    /// Sends a diagnostic interrupt, once every plug has said who it is.
    pub fn diag(&mut self, by: Deadline) -> Result<String, Error> {
        self.verify_all(by)?;
        self.note(Command::Diag);
        self.ask("diagnostic interrupt", |device| device.diag(by), String::clone)
    }

    /// Has the device cycle one plug, once every plug has said who it is.
    pub fn cycle(&mut self, plug: usize, by: Deadline) -> Result<Answer, Error> {
        self.verify_all(by)?;
        self.note(Command::Cycle);
        self.ask("power cycle", |device| device.cycle(plug, by), answered)
    }

    /// What the device remembers of the last time the power of a plug went.
    pub fn power_mark(&mut self, plug: usize, by: Deadline) -> Result<Option<String>, Error> {
        let words = |mark: &Option<String>| mark.clone().unwrap_or_else(|| "none is kept".to_owned());
        self.ask("last power change", |device| device.power_mark(plug, by), words)
    }

    /// Logs out.
    pub fn close(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.device(self.device);
        }
        self.device.close();
    }

    /// Remembers what was commanded.
    fn note(&mut self, command: Command) {
        if let Some(guard) = &mut self.guard {
            guard.sent = Some(command);
        }
    }

    /// Asks a plug who it is.
    fn identity(
        &mut self,
        plug: usize,
        kinds: &[IdentityKind],
        by: Deadline,
    ) -> Result<Vec<Identity>, Error> {
        let words = |told: &Vec<Identity>| {
            told.iter()
                .map(|one| format!("{} {} ({})", one.kind.name(), one.value, one.source))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let what = format!("identity of {}", self.plug_name(plug));
        let told = self.ask(&what, |device| device.identity(plug, kinds, by), words)?;
        if let Some(recorder) = &mut self.recorder {
            recorder.identity(plug, &told);
        }
        Ok(told)
    }

    /// Asks a plug who it is, and compares, where somebody says which one is meant.
    fn verify(&mut self, plug: usize, by: Deadline) -> Result<(), Error> {
        let Some(Guard { pins, sent, .. }) = &self.guard else { return Ok(()) };
        let (pins, sent, name) = (*pins, sent.is_some(), self.plug_name(plug));
        match self.identity(plug, &pins.kinds(), by) {
            Ok(told) => pins.judge(plug, &name, &told, sent),
            // The device won't tell, and won't next time.
            Err(
                error @ (Error::NoPrivilege { .. }
                | Error::Unsupported { .. }
                | Error::Device { passing: false, .. }
                | Error::Devices { verdict: Joint::Refused | Joint::Final, .. }),
            ) => {
                debug!("{name} doesn't say who it is: {error}");
                pins.judge(plug, &name, &[], sent)
            }
            Err(error) => Err(error),
        }
    }

    fn verify_all(&mut self, by: Deadline) -> Result<(), Error> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let plugs = self.plug_count();
        if plugs > 0 {
            guard.pins.judge_count(plugs, guard.sent.is_some())?;
        }
        (0..plugs).try_for_each(|plug| self.verify(plug, by))
    }
}

fn in_words(seen: &[Seen]) -> String {
    seen.iter().map(|seen| seen.state.to_string()).collect::<Vec<_>>().join(", ")
}

fn answered(answer: &Answer) -> String {
    match answer {
        Answer::Accepted => "acknowledged".to_owned(),
        Answer::NotInThisState(word) => format!("refused in the present state: {word}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::fencing::device::Device;
    use crate::fencing::state::State;

    /// A device that answers the question who it is with these, of which the last one repeats, and counts the commands it
    /// is sent.
    struct Asked {
        told: VecDeque<Result<Vec<Identity>, Error>>,
        commands: u32,
    }

    impl Device for Asked {
        fn connect(&mut self, _by: Deadline) -> Result<(), Error> {
            Ok(())
        }

        fn resolve(&mut self, _names: &[String], _by: Deadline) -> Result<(), Error> {
            Ok(())
        }

        fn look(&mut self, _by: Deadline) -> Result<Vec<Seen>, Error> {
            Ok(vec![State::On.into()])
        }

        fn switch(&mut self, _plug: usize, _to: Power, _by: Deadline) -> Result<Answer, Error> {
            self.commands += 1;
            Ok(Answer::Accepted)
        }

        fn diag(&mut self, _by: Deadline) -> Result<String, Error> {
            self.commands += 1;
            Ok("interrupted".to_owned())
        }
    }

    impl Describe for Asked {
        fn identity(
            &mut self,
            _plug: usize,
            _kinds: &[IdentityKind],
            _by: Deadline,
        ) -> Result<Vec<Identity>, Error> {
            match self.told.len() {
                0 | 1 => self.told.front().cloned().unwrap_or_else(|| Ok(Vec::new())),
                _ => self.told.pop_front().unwrap(),
            }
        }
    }

    #[test]
    fn an_interrupt_goes_to_nobody_who_took_the_place_of_the_machine_that_was_found() {
        let pins = Pins::expecting(IdentityKind::Name, "--expect-name", "node1");
        let name = |name| Ok(vec![Identity::new(IdentityKind::Name, name, "a test")]);
        let mut device = Asked { told: [name("node1"), name("node2")].into(), commands: 0 };
        let mut pinned = Supervised::alone(&mut device).pinned(&pins);
        pinned.resolve(&[], Deadline::NEVER).unwrap();
        let told = pinned.diag(Deadline::NEVER).unwrap_err();
        assert!(matches!(told, Error::WrongMachine { sent: false, .. }), "{told:?}");
        assert_eq!(device.commands, 0);
    }

    #[test]
    fn what_keeps_the_identity_from_being_read_is_no_refusal_of_the_command() {
        let device = |passing| Error::Device { request: "who".to_owned(), code: "5".to_owned(), passing };
        let pins = Pins::expecting(IdentityKind::Name, "--expect-name", "node1");
        for (error, final_one) in [
            (Error::Busy { why: "later".to_owned() }, false),
            (device(true), false),
            (Error::Devices { failed: Vec::new(), verdict: Joint::Declined }, false),
            (device(false), true),
            (Error::NoPrivilege { why: "no".to_owned() }, true),
        ] {
            let mut mute = Asked { told: [Err(error.clone())].into(), commands: 0 };
            let mut pinned = Supervised::alone(&mut mute).pinned(&pins);
            let told = pinned.switch(0, Power::Off, Deadline::NEVER).unwrap_err();
            assert!(!told.is_refusal(), "{error:?}: {told:?}");
            assert_eq!(told.is_definitive(), final_one, "{error:?}: {told:?}");
            assert_eq!(matches!(told, Error::WrongMachine { .. }), final_one, "{error:?}: {told:?}");
            assert_eq!(mute.commands, 0, "{error:?}");
        }
    }
}
