//! How a console talks, as data.

/// How a device's console talks. Texts with which something begins or ends are regular expressions; those of prompts,
/// questions and pagers are looked for at the end of what has come, where blanks may follow, and there alone.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// What ends a line that we type.
    pub enter: &'static str,
    /// Lines of one character that count as soon as that is typed.
    pub keys: &'static [&'static str],
    /// How it asks who is there, over a line that hasn't asked already.
    pub login: Login,
    /// Whether it asks so behind SSH's own login as well.
    pub asks_behind_ssh: bool,
    /// What it waits with for a command.
    pub prompts: &'static [&'static str],
    /// Whether it is always the same. Otherwise the prompts above are all that is known of it, for example because it is the
    /// end of an answer.
    pub steady: bool,
    /// Whether what we type is shown. An answer that doesn't begin with it is then out of step.
    pub echoes: bool,
    /// Questions that may come at any time, as a page's end does, and the keys that answer them.
    pub pager: &'static [(&'static str, &'static str)],
    /// Words for having no room for one more session.
    pub busy: &'static [&'static str],
    /// What ends the session.
    pub leave: &'static str,
}

/// How a console asks who is there.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    /// How it asks for the user; nothing where it asks for a password alone.
    pub user: &'static [&'static str],
    /// How it asks for the password; nothing where the name is enough.
    pub password: &'static [&'static str],
    /// What looks like such a question and is none.
    pub no_question: &'static [&'static str],
    /// Words in which it refuses, anywhere in what it says.
    pub refused: &'static [&'static str],
    /// The line that logs in, where that is a command: with `{user}` and `{password}`, and what its answer begins with when
    /// it lets in.
    pub command: Option<(&'static str, &'static str)>,
}

/// The usual way to ask, whatever the words' case.
pub const USUAL_LOGIN: Login = Login {
    user: &[r"(?i)(?:login(?: name)?|user ?name|user)\s*:"],
    password: &[r"(?i)(?:password|pass ?phrase)[^\n:]*:"],
    no_question: &[r"(?i)last login"],
    refused: &[
        r"(?i)login (?:failed|incorrect|invalid|denied)",
        r"(?i)(?:invalid|incorrect|wrong|bad) (?:login|user|password|credentials)",
        r"(?i)(?:access|permission|authentication) (?:denied|failed|failure)",
    ],
    command: None,
};

/// What most consoles have in common: each names what is its own.
pub const USUAL: Manners = Manners {
    enter: "\r",
    keys: &[],
    login: USUAL_LOGIN,
    asks_behind_ssh: false,
    prompts: &[],
    steady: true,
    echoes: true,
    pager: &[],
    busy: &[],
    leave: "exit",
};
