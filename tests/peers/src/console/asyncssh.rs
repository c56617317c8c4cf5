//! A server of asyncssh, a library in Python, for what sshd never does.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use super::device::{PASSWORD, USER};

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// Asks for the password and a code at once.
    TwoQuestions,
    /// Asks for the password, then for a code.
    TwoRounds,
    /// Asks for the password again, however often it is told.
    AsksAgain,
    /// Asks nothing at first, then for the password.
    SilentRound,
    /// Takes the password, says that a new one is due, and asks for it.
    NewPassword,
    /// Demands a new password by the method `password`.
    Expired,
    /// Ends the connection when it has the password, by the method `password`.
    LeavesAtPassword,
    /// The same, by questions.
    LeavesAtAnswer,
    /// Ends the connection when it is asked for the question.
    LeavesBefore,
    /// Says nothing more when it has the password.
    SilentAtPassword,
    /// Ends a command without an exit status, after it has said "Power: Off".
    NoStatus,
    /// Ends a command by SIGTERM.
    Signal,
    /// Answers a command with packets that mean nothing, without end.
    Floods,
    /// Has the oldest algorithms alone: group1, ssh-dss, 3des-cbc, hmac-md5.
    Old,
}

impl Habit {
    fn word(self) -> &'static str {
        match self {
            Habit::TwoQuestions => "two-questions",
            Habit::TwoRounds => "two-rounds",
            Habit::AsksAgain => "asks-again",
            Habit::SilentRound => "silent-round",
            Habit::NewPassword => "new-password",
            Habit::Expired => "expired",
            Habit::LeavesAtPassword => "leaves-at-password",
            Habit::LeavesAtAnswer => "leaves-at-answer",
            Habit::LeavesBefore => "leaves-before",
            Habit::SilentAtPassword => "silent-at-password",
            Habit::NoStatus => "no-status",
            Habit::Signal => "signal",
            Habit::Floods => "floods",
            Habit::Old => "old",
        }
    }
}

/// The server. It ends when it is dropped.
pub struct AsyncSsh {
    child: Child,
    port: u16,
    told: Arc<Mutex<Vec<String>>>,
}

impl AsyncSsh {
    /// Starts one, which knows [`USER`] by [`PASSWORD`].
    ///
    /// # Panics
    /// It can't be installed or started.
    pub fn start(habit: Habit) -> AsyncSsh {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(install())
            .arg(here.join("src/console/ssh_server.py"))
            .args([habit.word(), USER, PASSWORD])
            // The library warns of the old algorithms that it is here for.
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python");
        let mut lines =
            BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let port = lines.next().and_then(|line| line.parse().ok()).expect("its port");
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&told);
        thread::spawn(move || lines.for_each(|line| kept.lock().expect("nobody panics with it").push(line)));
        AsyncSsh { child, port, told }
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was said at logins: `password True`, `answers password` and so on; `gone` at the end of each connection.
    pub fn told(&self) -> Vec<String> {
        self.told.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for AsyncSsh {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn install() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../install-asyncssh.sh");
    let output = Command::new("sh").arg(script).stderr(Stdio::inherit()).output().expect("sh");
    assert!(output.status.success(), "tests/install-asyncssh.sh failed");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}
