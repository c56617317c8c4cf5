//! Who we are: nothing, keys, a password, in this order, and a password once. Accounts get locked otherwise.

use std::path::Path;

use log::debug;
use zeroize::Zeroizing;

use super::agent::Agent;
use super::calls::{Calls, Trouble};
use super::config::{Config, Key};
use super::error::Error;
use super::library::Kind;
use super::question::{Answer, Left, Question, Questions};
use crate::base::{Deadline, Secret, Told, file};

/// Words that stand in a question for the password, in lower case.
const PASSWORD: &[&str] = &[
    "passw",
    "passcode",
    "passphrase",
    "kennwort",
    "mot de passe",
    "contrase",
    "senha",
    "парол",
    "密码",
    "密碼",
    "パスワード",
];

/// Words by which a new password is demanded, in lower case.
const NEW_PASSWORD: &[&str] = &[
    "new password",
    "new unix password",
    "current password",
    "(current)",
    "old password",
    "change your password",
    "password change",
    "password has expired",
    "password expired",
    "retype",
];

/// Answers the question for the password, once.
struct OnePassword {
    password: Secret,
    said: bool,
    left: Option<Left>,
}

impl Questions for OnePassword {
    fn asked(&mut self, instruction: &Told, questions: &[Question]) -> Answer {
        let has = |text: &Told, words: &[&str]| {
            let text = text.raw().to_lowercase();
            words.iter().any(|word| text.contains(word))
        };
        let is_password = |question: &Question| !question.shown && has(&question.text, PASSWORD);
        let expired = |question: &Question| has(&question.text, NEW_PASSWORD);
        // Before the password was said, a notice of that kind may just as well be a reminder.
        let demanded = self.said && !questions.is_empty() && has(instruction, NEW_PASSWORD);
        let left = if demanded || questions.iter().any(expired) {
            Left::Expired
        } else if let Some(other) =
            questions.iter().enumerate().find(|(at, question)| *at > 0 || !is_password(question))
        {
            Left::Else(Told::at_most(60, other.1.text.raw().trim()))
        } else if self.said && !questions.is_empty() {
            Left::Wrong
        } else {
            self.said |= !questions.is_empty();
            let answer = |_| Zeroizing::new(self.password.expose().to_vec());
            return Answer::Say(questions.iter().map(answer).collect());
        };
        self.left = Some(left);
        Answer::Leave
    }

    fn has_told(&self) -> bool {
        self.said
    }

    fn left(&self) -> Option<Left> {
        self.left.clone()
    }
}

/// A private key, read.
pub(super) struct ReadKey {
    file: String,
    content: Secret,
    passphrase: Option<Secret>,
}

/// The largest private key.
const LARGEST_KEY: u64 = 64 * 1024;

/// Reads the keys that the user has named. To be called while this process has one thread.
///
/// # Errors
/// One can't be read.
pub(super) fn read_keys(config: &Config, by: Deadline) -> Result<Vec<ReadKey>, Error> {
    let named = config.options.identity_files.iter().map(|file| Key { file: file.clone(), passphrase: None });
    let read = |key: Key| {
        let bad = |why: String| Error::BadFile { path: key.file.clone(), why };
        let path = Path::new(&key.file);
        let content = file::secret(path, LARGEST_KEY, by).map_err(|trouble| bad(trouble.to_string()))?;
        if content.expose_str().is_none() || content.expose().contains(&0) {
            return Err(bad("it is no private key".to_owned()));
        }
        Ok(ReadKey { file: key.file, content, passphrase: key.passphrase })
    };
    config.keys.iter().cloned().chain(named).map(read).collect()
}

/// The methods of RFC 4252 and 4256.
const PUBLICKEY: &str = "publickey";
const PASSWORD_METHOD: &str = "password";
const KEYBOARD: &str = "keyboard-interactive";
/// The order in which they are tried, unless the user has another.
const ORDER: [&str; 3] = [PUBLICKEY, PASSWORD_METHOD, KEYBOARD];

const LOGGING_IN: &str = "logging in";

/// What one method has come to.
enum Tried {
    In,
    Refused,
}

/// Logs in. `passwords` says whether one may be shown to whoever answers there. Gives whether nobody asked who we are.
///
/// # Errors
/// The device doesn't let us in.
pub(super) fn log_in(
    calls: &Calls,
    user: &str,
    config: &Config,
    keys: &[ReadKey],
    passwords: bool,
    deadline: Deadline,
) -> Result<bool, Error> {
    let peer = || calls.peer().to_owned();
    let offered = calls.drive(LOGGING_IN, deadline, |library| library.login_methods(user))?;
    let Some(offered) = offered else { return Ok(true) };
    let offered = String::from_utf8_lossy(&offered).into_owned();
    debug!("{}: logins by {}", calls.peer(), Told::new(&offered));
    let takes = |method: &str| offered.split(',').any(|one| one == method);
    let wanted: Vec<&str> = match &config.options.methods {
        None => ORDER.to_vec(),
        Some(methods) => {
            let known = methods.iter().filter_map(|method| ORDER.into_iter().find(|known| known == method));
            known.collect()
        }
    };
    let agent = config.agent.as_ref().filter(|_| config.options.identities_only != Some(true));
    let (mut tried, mut bad_key, mut said) = (Vec::new(), None, false);
    for method in wanted.into_iter().filter(|method| takes(method)) {
        let password = config.password.as_ref().filter(|_| passwords && !said);
        let outcome = match (method, password) {
            (PUBLICKEY, _) if !keys.is_empty() || agent.is_some() => {
                tried.push(PUBLICKEY);
                match (try_keys(calls, user, keys, &mut bad_key, deadline)?, agent) {
                    (Tried::Refused, Some(path)) => try_agent(calls, user, path, deadline)?,
                    (outcome, _) => outcome,
                }
            }
            (PASSWORD_METHOD, Some(password)) => {
                said = true;
                tried.push(PASSWORD_METHOD);
                try_password(calls, user, password, deadline)?
            }
            (KEYBOARD, Some(password)) => {
                said = true;
                tried.push(KEYBOARD);
                try_questions(calls, user, password, deadline)?
            }
            _ => continue,
        };
        if let Tried::In = outcome {
            return Ok(false);
        }
    }
    match bad_key {
        Some(bad) => Err(bad),
        None if tried.is_empty() => Err(Error::NoSuchLogin { peer: peer(), offered: Told::new(offered) }),
        None => Err(Error::LoginDenied { peer: peer(), tried, ended: false }),
    }
}

/// Tells a refusal from other failures.
fn tried(calls: &Calls, outcome: Result<(), Trouble>) -> Result<Tried, Error> {
    match outcome {
        Ok(()) => Ok(Tried::In),
        Err(Trouble::Failed(failure)) => match failure.kind {
            Kind::LoginRefused => Ok(Tried::Refused),
            Kind::PasswordExpired => Err(Error::PasswordExpired { peer: calls.peer().to_owned() }),
            _ => Err(calls.broken(LOGGING_IN, &failure).into()),
        },
        Err(Trouble::TimedOut) => Err(calls.timed_out(LOGGING_IN).into()),
    }
}

/// The same where the device was told the password by this method. Whoever ends the connection then has refused it.
fn told(calls: &Calls, method: &'static str, outcome: Result<(), Trouble>) -> Result<Tried, Error> {
    if let Err(Trouble::Failed(failure)) = &outcome
        && matches!(failure.kind, Kind::Ended | Kind::Gone)
    {
        return Err(Error::LoginDenied { peer: calls.peer().to_owned(), tried: vec![method], ended: true });
    }
    tried(calls, outcome).map_err(|error| match error {
        Error::Line(error) => Error::AfterPassword(error),
        error => error,
    })
}

fn try_password(calls: &Calls, user: &str, password: &Secret, deadline: Deadline) -> Result<Tried, Error> {
    let outcome = calls.attempt(deadline, |library| library.password(user, password.expose()));
    told(calls, PASSWORD_METHOD, outcome)
}

fn try_questions(calls: &Calls, user: &str, password: &Secret, deadline: Deadline) -> Result<Tried, Error> {
    let answering = OnePassword { password: password.clone(), said: false, left: None };
    calls.library().answer_with(Some(Box::new(answering)));
    let outcome = calls.attempt(deadline, |library| library.questions(user));
    let answering = calls.library().answer_with(None);
    let has_told = answering.as_ref().is_some_and(|answering| answering.has_told());
    let peer = calls.peer().to_owned();
    match answering.and_then(|answering| answering.left()) {
        None if has_told => told(calls, KEYBOARD, outcome),
        None => tried(calls, outcome),
        Some(Left::Wrong) => Err(Error::LoginDenied { peer, tried: vec![KEYBOARD], ended: false }),
        Some(Left::Expired) => Err(Error::PasswordExpired { peer }),
        Some(Left::Else(question)) => Err(Error::Asked { peer, question }),
    }
}

/// Tries keys until one is taken. One that can't be used is told where nothing else helps.
fn try_keys(
    calls: &Calls,
    user: &str,
    keys: &[ReadKey],
    bad: &mut Option<Error>,
    deadline: Deadline,
) -> Result<Tried, Error> {
    for key in keys {
        let (content, passphrase) = (key.content.expose_str().unwrap_or_default(), key.passphrase.as_ref());
        let passphrase = passphrase.and_then(Secret::expose_str);
        let outcome = calls.attempt(deadline, |library| library.key(user, content, passphrase));
        match outcome {
            Err(Trouble::Failed(failure)) if failure.kind == Kind::BadKey => {
                let why = match key.passphrase {
                    Some(_) => "the private key can't be read: it is none, or this isn't its passphrase",
                    None => "the private key can't be read: it is none, or it needs a passphrase",
                };
                bad.get_or_insert(Error::BadFile { path: key.file.clone(), why: why.to_owned() });
            }
            outcome => {
                if let Tried::In = tried(calls, outcome)? {
                    return Ok(Tried::In);
                }
            }
        }
    }
    Ok(Tried::Refused)
}

/// Tries the keys of an agent, as far as that answers.
fn try_agent(calls: &Calls, user: &str, path: &str, deadline: Deadline) -> Result<Tried, Error> {
    let Some(mut agent) = Agent::connect(path) else {
        debug!("no agent answers at {path}");
        return Ok(Tried::Refused);
    };
    for key in agent.keys(deadline).unwrap_or_default() {
        let outcome = calls.attempt(deadline, |library| {
            library.signed(user, &key, &mut |data| agent.sign(&key, data, deadline))
        });
        if let Tried::In = tried(calls, outcome)? {
            return Ok(Tried::In);
        }
    }
    Ok(Tried::Refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering() -> OnePassword {
        OnePassword { password: Secret::new("geheim"), said: false, left: None }
    }

    fn question(text: &str, shown: bool) -> Question {
        Question { text: Told::new(text), shown }
    }

    #[test]
    fn the_password_is_said_once_and_to_nothing_but_its_question() {
        for text in ["Password: ", "root@pdu's password:", "Kennwort:", "(root@pdu) Password for root:"] {
            let mut one = answering();
            let said = one.asked(&Told::new(""), &[question(text, false)]);
            assert!(matches!(&said, Answer::Say(answers) if **answers[0] == *b"geheim"), "{text}");
            assert!(matches!(one.asked(&Told::new("bye"), &[]), Answer::Say(none) if none.is_empty()));
            assert!(matches!(one.asked(&Told::new(""), &[question(text, false)]), Answer::Leave));
            assert_eq!(one.left(), Some(Left::Wrong), "{text}");
        }
    }

    #[test]
    fn a_notice_about_the_password_is_a_demand_once_that_was_said() {
        let (mut one, notice) = (answering(), Told::new("Please change your password"));
        let asked = [question("Password: ", false)];
        assert!(matches!(one.asked(&notice, &asked), Answer::Say(_)));
        assert!(matches!(one.asked(&notice, &[]), Answer::Say(_)));
        assert!(matches!(one.asked(&notice, &asked), Answer::Leave));
        assert_eq!(one.left(), Some(Left::Expired));
    }

    #[test]
    fn other_questions_are_told_and_not_answered() {
        let left = |instruction: &str, questions: &[Question]| {
            let mut one = answering();
            assert!(matches!(one.asked(&Told::new(instruction), questions), Answer::Leave));
            assert!(!one.said);
            one.left().unwrap()
        };
        let else_ = |text: &str| Left::Else(Told::at_most(60, text));
        let password = question("Password: ", false);
        assert_eq!(left("", &[question("Verification code: ", false)]), else_("Verification code:"));
        assert_eq!(left("", &[password, question("OTP: ", true)]), else_("OTP:"));
        assert_eq!(left("", &[question("Password: ", true)]), else_("Password:"));
        assert_eq!(left("", &[question("New password: ", false)]), Left::Expired);
        assert_eq!(left("", &[question("(current) UNIX password: ", false)]), Left::Expired);
    }
}
