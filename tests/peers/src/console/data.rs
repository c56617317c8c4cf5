//! A console as data: what it shows, what it takes, and what comes of it.
//!
//! A text's `\n` is the console's own end of line. In braces stand `{id}`, `{name}` and `{state}` of the outlet that a
//! line is about (of the chosen one elsewhere), `{user}`, and `{count}` for how many outlets there are; with a width they are filled up with blanks on the right,
//! as in `{name:16}`, or on the left, as in `{id:>2}`.

use std::time::Duration;

/// A device's console.
#[derive(Clone, Debug)]
pub struct Console {
    /// What stands before everything else.
    pub banner: &'static str,
    /// How it asks for user and password; nothing is asked without it.
    pub login: Option<Login>,
    /// Whether it asks so over SSH as well, after SSH's own login.
    pub asks_over_ssh: bool,
    /// What it says after the login.
    pub greeting: &'static str,
    /// Its prompts and menus; the first is where a session begins.
    pub states: &'static [State],
    /// What takes the place of `{state}`.
    pub words: Words,
    /// What it does where a command names an outlet that isn't there.
    pub no_such_outlet: &'static [Step],
    /// Whether it takes an outlet's name for its number.
    pub takes_names: bool,
    /// How one command names several outlets, where it can.
    pub many: Option<Many>,
    /// Whether commands are told apart by the case of their letters.
    pub minds_case: bool,
    /// Whether what is typed is shown. Passwords never are.
    pub echo: bool,
    /// What is shown for each character of a password.
    pub password_echo: &'static str,
    /// Which bytes end a line that is typed.
    pub enter: Enter,
    /// What ends a line that is shown.
    pub end_of_line: &'static str,
    /// How it shows what is longer than a page.
    pub pager: Option<Pager>,
    /// Whether what was typed before the prompt came is thrown away.
    pub forgets_typed_ahead: bool,
    /// So many sessions at a time; what others are told before they are closed.
    pub at_most: Option<(usize, &'static str)>,
    /// What it does with a command that comes with an SSH connection.
    pub exec: Exec,
}

/// How a console asks who is there.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    /// The question for the user; none where it asks for the password alone.
    pub user: Option<&'static str>,
    /// The question for the password; none where the user's name is enough.
    pub password: Option<&'static str>,
    /// What it says to the wrong ones.
    pub refusal: &'static str,
    /// After so many wrong ones it closes.
    pub tries: usize,
}

/// A prompt, or a menu.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// Its name, for [`Step::Go`].
    pub name: &'static str,
    /// What happens when it is entered, and by an empty line where no command is one.
    pub shows: &'static [Step],
    /// What it waits with.
    pub prompt: &'static str,
    /// What it takes. The first that fits counts.
    pub commands: &'static [Command],
    /// Bytes that count at once, without the end of a line.
    pub keys: &'static [(u8, &'static [Step])],
    /// What it does with everything else.
    pub unknown: &'static [Step],
}

impl State {
    /// A prompt that shows nothing else.
    pub const fn prompt(
        name: &'static str,
        prompt: &'static str,
        commands: &'static [Command],
        unknown: &'static [Step],
    ) -> State {
        State { name, shows: &[], prompt, commands, keys: &[], unknown }
    }
}

/// What may be typed, and what comes of it.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The line, with `{outlet}` where an outlet is named, or `{*}` for any text.
    pub typed: &'static str,
    /// What it does.
    pub does: &'static [Step],
}

/// A part of what is done.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Shows these lines.
    Say(&'static str),
    /// Shows this line for each outlet that there is.
    All(&'static str),
    /// Shows this line for each outlet that the command names; for none where it names none.
    Each(&'static str),
    /// Holds the last two words that were typed against the accounts; then the first or the second of these.
    LogIn(&'static [Step], &'static [Step]),
    /// Switches the outlets that the command names; the only one, where a device has one.
    Switch(bool),
    /// Switches them off, and on again so much later.
    Cycle(Duration),
    /// Goes to another state.
    Go(&'static str),
    /// Takes this long.
    Wait(Duration),
    /// Ends the session.
    Leave,
}

/// What takes the place of an outlet's state.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// It is on.
    pub on: &'static str,
    /// It is off.
    pub off: &'static str,
    /// What is added while a command is still to be followed.
    pub pending: &'static str,
}

/// How one command names several outlets.
#[derive(Clone, Copy, Debug)]
pub struct Many {
    /// Words for all of them.
    pub all: &'static [&'static str],
    /// What stands between two of them.
    pub and: char,
    /// What stands between the first and the last of a range.
    pub to: char,
}

/// Which bytes end a line that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enter {
    /// CR, LF, CR LF and CR NUL, each as one.
    Any,
    /// CR alone; LF is ignored.
    Cr,
    /// LF alone; CR is ignored.
    Lf,
    /// CR and LF, each for itself: CR LF is two.
    Each,
}

/// How a console shows what is longer than a page.
#[derive(Clone, Copy, Debug)]
pub struct Pager {
    /// The lines of a page.
    pub lines: usize,
    /// What stands at its end.
    pub marker: &'static str,
    /// The key for the next page; any other ends the showing.
    pub key: u8,
    /// What is shown after that key, to take the marker away.
    pub cleared: &'static str,
}

/// What becomes of a command that comes with an SSH connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exec {
    /// Nothing: the console comes as always.
    Ignored,
    /// This is said, and the connection ends with exit code 1.
    Refused(&'static str),
    /// It is done in the first state; exit code 0 where that knows it, otherwise 1.
    Done,
}

impl Console {
    /// A console that does nothing, to be filled.
    pub const fn new(states: &'static [State]) -> Console {
        Console {
            banner: "",
            login: None,
            asks_over_ssh: false,
            greeting: "",
            states,
            words: Words { on: "On", off: "Off", pending: "" },
            no_such_outlet: &[],
            takes_names: false,
            many: None,
            minds_case: false,
            echo: true,
            password_echo: "",
            enter: Enter::Any,
            end_of_line: "\r\n",
            pager: None,
            forgets_typed_ahead: false,
            at_most: None,
            exec: Exec::Ignored,
        }
    }
}
