//! What must be shown nowhere, whatever the device does and however much is logged.

use std::fs;

use peers::TempDir;
use peers::secrets::{forms, found_in};
use peers::subject::{Fault, Lack, Row, Subject};

use crate::conformance::SHORT;

/// Runs an action with everything logged everywhere, and searches what came of it.
fn search(subject: &Subject, action: &str, more: &[(&str, &str)], what: &str) {
    let dir = TempDir::new("secrets");
    let [debug, evidence] = ["debug", "evidence"].map(|name| dir.path().join(name));
    let places = [("debug_file", debug.to_str().unwrap()), ("evidence_file", evidence.to_str().unwrap())];
    let agent = subject.agent(action).options(more.iter().copied()).options(places);
    let done = agent.options([("verbose_level", "99")]).options(SHORT).run();
    let file = fs::read_to_string(&debug).unwrap_or_default();
    assert!(["DEBUG", "ERROR"].iter().any(|word| file.contains(word)), "{what}: something is logged: {file}");
    let user = subject.options.iter().chain(&subject.wrong_login).find(|(name, _)| *name == "username");
    let user = user.map_or("", |(_, user)| user.as_str());
    for secret in &subject.secrets {
        let forms = forms(user, secret);
        let record = fs::read_to_string(&evidence).unwrap_or_default();
        for (place, text) in
            [("stdout", &done.stdout), ("stderr", &done.stderr), ("debug_file", &file), ("evidence", &record)]
        {
            let found = found_in(text.as_bytes(), &forms);
            assert!(found.is_empty(), "{what}: {place} has it {found:?}: {text}");
        }
    }
}

pub(crate) fn no_secret_gets_out_whatever_comes_of_the_login(row: &Row) {
    if row.lacks(Lack::Login) {
        return;
    }
    for fault in [Fault::None, Fault::Refuses, Fault::Ignores, Fault::Silent] {
        let cannot = [(Fault::Refuses, Lack::Refuses), (Fault::Ignores, Lack::Ignores)];
        if cannot.iter().any(|(one, lack)| *one == fault && row.lacks(*lack)) {
            continue;
        }
        let subject = &(row.start)(fault);
        let wrong: Vec<_> = subject.wrong_login.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let explain = [("explain", "1")];
        let mut runs = vec![("off", &[][..]), ("off", &explain), ("off", &wrong)];
        if fault == Fault::None {
            runs.extend([("status", &[][..]), ("doctor", &[])]);
        }
        std::thread::scope(|scope| {
            for (action, more) in runs {
                scope.spawn(move || search(subject, action, more, &format!("{action} {more:?}, {fault:?}")));
            }
        });
    }
}
