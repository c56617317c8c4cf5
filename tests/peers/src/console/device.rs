//! The device behind a console: what is true of it, and what it makes of whoever comes.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::data::Console;
use super::door::Door;
use super::ssh::Ssh;
use super::telnet::Negotiation;
use crate::power::{Habit, Power};

/// The account that every device has, unless told otherwise.
pub const USER: &str = "operator";
/// Its password; long and odd, so that a search for it finds nothing by chance.
pub const PASSWORD: &str = "korrekt-Pferd-4711";

/// What goes wrong, and when.
#[derive(Clone, Debug)]
pub struct Fault {
    /// After so many lines were typed in a session, those of the login among them; 0 is when it opens.
    pub step: usize,
    /// How often it happens, in whichever session.
    pub times: usize,
    /// What.
    pub trouble: Trouble,
}

impl Fault {
    /// Every time.
    pub fn at(step: usize, trouble: Trouble) -> Fault {
        Fault { step, times: usize::MAX, trouble }
    }
}

/// What may go wrong with an answer.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// These bytes come before it.
    Before(Vec<u8>),
    /// These bytes come in place of it, and nothing is done; then the prompt.
    Instead(Vec<u8>),
    /// These bytes come after so many of its lines.
    Inside(usize, Vec<u8>),
    /// It ends after so many of its lines, and the prompt follows.
    Cut(usize),
    /// It comes so much later.
    Late(Duration),
    /// Its bytes come one by one, each so much after the last, and those of all later ones.
    Drip(Duration),
    /// It never comes, nor does anything else. What was typed is done.
    Silence,
    /// The connection is closed. What was typed is done.
    Close,
    /// Lines without end.
    Endless,
}

/// What a command did to an outlet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// When.
    pub at: Instant,
    /// Which outlet.
    pub id: String,
    /// On or off; cycled counts as off.
    pub on: bool,
}

#[derive(Debug)]
pub(super) struct Outlet {
    pub id: String,
    pub name: String,
    pub power: Power,
}

#[derive(Debug)]
pub(super) struct Truth {
    pub outlets: Vec<Outlet>,
    pub accounts: Vec<(String, String)>,
    pub faults: Vec<Fault>,
    pub struck: usize,
    pub logins: Vec<(String, bool)>,
    pub typed: Vec<(usize, String)>,
    pub taken: Vec<Taken>,
    pub sessions: usize,
    pub open: usize,
    pub unasked: Vec<Vec<u8>>,
    pub refuses: Option<&'static str>,
    pub commands: usize,
}

impl Truth {
    /// The fault that counts after so many lines.
    pub fn fault(&mut self, step: usize) -> Option<Trouble> {
        let fault = self.faults.iter_mut().find(|fault| fault.step == step && fault.times > 0)?;
        fault.times -= 1;
        self.struck += 1;
        Some(fault.trouble.clone())
    }

    /// Holds a user and a password against the accounts.
    pub fn log_in(&mut self, user: Option<&str>, password: Option<&str>) -> bool {
        let fits = |(name, secret): &&(String, String)| {
            user.is_none_or(|user| user == name) && password.is_none_or(|password| password == secret)
        };
        let good = self.accounts.iter().find(fits).is_some();
        self.logins.push((user.unwrap_or_default().to_owned(), good));
        good
    }
}

#[derive(Debug)]
pub(super) struct Shared {
    pub console: Console,
    truth: Mutex<Truth>,
}

impl Shared {
    pub fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().expect("nobody panics with it")
    }
}

/// What to make of a device before it starts.
#[derive(Clone, Debug)]
pub struct Builder {
    console: Console,
    outlets: Vec<(String, String)>,
    accounts: Vec<(String, String)>,
    habit: Habit,
    faults: Vec<Fault>,
    refuses: Option<&'static str>,
}

impl Builder {
    /// The names of its outlets, which are numbered from 1. Four unless told otherwise.
    pub fn outlets(mut self, names: &[&str]) -> Builder {
        let numbered = names.iter().zip(1..);
        self.outlets =
            numbered.map(|(name, number): (_, u32)| (number.to_string(), (*name).to_owned())).collect();
        self
    }

    /// Its outlets, by what stands for `{id}` and `{name}`.
    pub fn outlets_called(mut self, outlets: &[(&str, &str)]) -> Builder {
        self.outlets = outlets.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect();
        self
    }

    /// Who may log in, in place of the one account.
    pub fn accounts(mut self, accounts: &[(&str, &str)]) -> Builder {
        let owned = |(user, password): &(&str, &str)| ((*user).to_owned(), (*password).to_owned());
        self.accounts = accounts.iter().map(owned).collect();
        self
    }

    /// What its outlets make of commands.
    pub fn habit(mut self, habit: Habit) -> Builder {
        self.habit = habit;
        self
    }

    /// How long its outlets take to follow.
    pub fn delay(mut self, delay: Duration) -> Builder {
        self.habit.delay = delay;
        self
    }

    /// Refuses every command for a state, in these words.
    pub fn refuses(mut self, words: &'static str) -> Builder {
        self.refuses = Some(words);
        self
    }

    /// Adds something that goes wrong. Of several at one step, the first counts until it is used up.
    pub fn fault(mut self, fault: Fault) -> Builder {
        self.faults.push(fault);
        self
    }

    /// Starts it, all outlets on. Nobody can reach it before it has a door.
    pub fn start(self) -> Device {
        let outlets = self.outlets.into_iter().map(|(id, name)| {
            let mut power = Power::new(true);
            power.habit = self.habit;
            Outlet { id, name, power }
        });
        let truth = Truth {
            outlets: outlets.collect(),
            accounts: self.accounts,
            faults: self.faults,
            struck: 0,
            logins: Vec::new(),
            typed: Vec::new(),
            taken: Vec::new(),
            sessions: 0,
            open: 0,
            unasked: Vec::new(),
            refuses: self.refuses,
            commands: 0,
        };
        Device { shared: Arc::new(Shared { console: self.console, truth: Mutex::new(truth) }) }
    }
}

/// A device. It is reached through its doors, of which it may have several.
#[derive(Clone, Debug)]
pub struct Device {
    shared: Arc<Shared>,
}

impl Device {
    /// A device with this console, to be adjusted and started.
    pub fn of(console: &Console) -> Builder {
        let builder = Builder {
            console: console.clone(),
            outlets: Vec::new(),
            accounts: vec![(USER.to_owned(), PASSWORD.to_owned())],
            habit: Habit::default(),
            faults: Vec::new(),
            refuses: None,
        };
        builder.outlets(&["web1", "db1", "db2", "spare"])
    }

    /// A port at which sshd lets in who knows a password.
    pub fn ssh(&self) -> Door {
        self.ssh_with(&Ssh::default())
    }

    /// A port at which sshd is set up so.
    pub fn ssh_with(&self, ssh: &Ssh) -> Door {
        ssh.open(&self.shared)
    }

    /// A port with dropbear, for whoever knows [`PASSWORD`]; logins there are none that the device knows of.
    pub fn dropbear(&self) -> Door {
        super::ssh::dropbear(&self.shared)
    }

    /// A port with a real telnetd.
    pub fn telnetd(&self) -> Door {
        super::telnet::telnetd(&self.shared)
    }

    /// A port with telnet of our own, which negotiates so.
    pub fn telnet(&self, negotiation: Negotiation) -> Door {
        super::telnet::bare(&self.shared, negotiation)
    }

    /// Whether an outlet has power: the judge.
    ///
    /// # Panics
    /// Where there is no such outlet; so do the others that name one.
    pub fn is_on(&self, id: &str) -> bool {
        self.outlet(id, Power::is_on)
    }

    /// Switches an outlet by hand.
    pub fn turn(&self, id: &str, on: bool) {
        self.outlet(id, |power| power.turn(on));
    }

    /// What was true of an outlet from each of these moments on.
    pub fn history(&self, id: &str) -> Vec<(Instant, bool)> {
        self.outlet(id, Power::history)
    }

    /// What an outlet makes of commands from now on.
    pub fn behave(&self, id: &str, habit: Habit) {
        self.outlet(id, |power| power.habit = habit);
    }

    /// Names an outlet.
    pub fn name(&self, id: &str, name: &str) {
        let mut truth = self.shared.truth();
        let outlet = truth.outlets.iter_mut().find(|outlet| outlet.id == id).expect("that outlet");
        outlet.name = name.to_owned();
    }

    /// Adds something that goes wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.shared.truth().faults.push(fault);
    }

    /// Lets everything go well from now on.
    pub fn heal(&self) {
        self.shared.truth().faults.clear();
    }

    /// How often something has gone wrong as told.
    pub fn struck(&self) -> usize {
        self.shared.truth().struck
    }

    /// Says this in every session, now, whatever else goes on there.
    pub fn say_unasked(&self, text: &str) {
        self.shared.truth().unasked.push(text.as_bytes().to_vec());
    }

    /// The lines that were typed after a login, in all sessions; a login that is a command is one of them.
    pub fn typed(&self) -> Vec<String> {
        self.shared.truth().typed.iter().map(|(_, line)| line.clone()).collect()
    }

    /// The same, each with the number of its session from 1.
    pub fn typed_by_session(&self) -> Vec<(usize, String)> {
        self.shared.truth().typed.clone()
    }

    /// What commands did to outlets, in order, whether or not the outlets have followed.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.truth().taken.clone()
    }

    /// How many commands for a state there were, those that were refused among them.
    pub fn commands(&self) -> usize {
        self.shared.truth().commands
    }

    /// Every user and password that was held against the accounts: the user, and whether that was right.
    pub fn logins(&self) -> Vec<(String, bool)> {
        self.shared.truth().logins.clone()
    }

    /// How many of them were wrong.
    pub fn refused_logins(&self) -> usize {
        self.shared.truth().logins.iter().filter(|(_, good)| !good).count()
    }

    /// How many sessions there have been.
    pub fn sessions(&self) -> usize {
        self.shared.truth().sessions
    }

    /// How many of them are open.
    pub fn open_sessions(&self) -> usize {
        self.shared.truth().open
    }

    fn outlet<T>(&self, id: &str, look: impl FnOnce(&mut Power) -> T) -> T {
        let mut truth = self.shared.truth();
        look(&mut truth.outlets.iter_mut().find(|outlet| outlet.id == id).expect("that outlet").power)
    }
}
