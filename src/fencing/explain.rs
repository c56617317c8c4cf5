//! What an action would do, told instead of done.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::base::told;
use crate::fencing::agent::Action;
use crate::fencing::describe::Describe;
use crate::fencing::job::{Cycle, Job};
use crate::fencing::knowledge::{Command, Fact, Identity};
use crate::fencing::rehearsal::{Plug, Rehearsal};
use crate::fencing::state::Power;
use crate::fencing::terminal;
use crate::fencing::times::{Pause, Times};

/// The version of the JSON form. Fields may be added to it; a field that changes its meaning, or goes, makes it the
/// next one.
const FORMAT: u32 = 1;

/// Something that would happen, in its order.
struct Request {
    /// The plug's position, and the command; `None` where it isn't a command to a plug.
    command: Option<(usize, Command)>,
    /// In words.
    words: Vec<String>,
}

/// An action, told.
pub struct Explanation<'a> {
    name: &'a str,
    job: &'a Job,
    times: &'a Times,
    found: &'a Rehearsal,
    requests: Vec<Request>,
}

impl<'a> Explanation<'a> {
    /// What this action of the agent called `name` would do, after what the rehearsal has found.
    pub fn new(
        name: &'a str,
        device: &dyn Describe,
        job: &'a Job,
        times: &'a Times,
        found: &'a Rehearsal,
    ) -> Explanation<'a> {
        let requests = if found.plugs.is_empty() { Vec::new() } else { requests(device, job, found) };
        Explanation { name, job, times, found, requests }
    }

    /// For people.
    pub fn text(&self, colourful: bool) -> String {
        let mut text = String::new();
        let heading = |text: &mut String, words: &str| {
            let _ = writeln!(text, "{}", terminal::heading(words, colourful));
        };
        heading(&mut text, &format!("{}, action {}", self.name, self.job.action.name()));
        for fact in self.found.about.facts() {
            row(&mut text, fact.name, &fact.value);
        }
        row(&mut text, "proof of off", &format!("{}: {}", self.job.proof, self.job.proof.meaning()));
        for plug in &self.found.plugs {
            text.push('\n');
            heading(&mut text, &format!("Plug: {}", one_line(&plug.name)));
            row(
                &mut text,
                "state now",
                &plug.state.as_ref().map_or("unreadable".into(), ToString::to_string),
            );
            for Fact { name, value } in &plug.facts {
                row(&mut text, name, value);
            }
            for Identity { kind, value, source } in &plug.identity {
                row(&mut text, kind.name(), &format!("{} ({source})", told::covered(value)));
            }
        }
        if self.job.action.changes() && !self.requests.is_empty() {
            text.push('\n');
            heading(&mut text, "What would follow, in this order:");
            let words = self.requests.iter().flat_map(|request| &request.words);
            for (number, words) in words.enumerate() {
                let _ = writeln!(text, "  {:>2}. {}", number.saturating_add(1), one_line(words));
            }
        }
        text.push('\n');
        heading(&mut text, "Time limits");
        for (name, _, words) in limits(self.times) {
            row(&mut text, name, &words);
        }
        let troubles: Vec<_> = self.found.troubles().collect();
        if !troubles.is_empty() {
            text.push('\n');
            heading(&mut text, "What stands in the way");
            for (what, trouble) in troubles {
                row(&mut text, what, &trouble.to_string());
            }
        }
        text
    }

    /// For programs.
    pub fn json(&self) -> String {
        let plugs: Vec<Value> = self.found.plugs.iter().map(plug).collect();
        let requests: Vec<Value> = self
            .requests
            .iter()
            .filter(|_| self.job.action.changes())
            .map(|request| {
                json!({
                    "plug": request.command.map(|(plug, _)| plug),
                    "command": request.command.map(|(_, command)| command.to_string()),
                    "words": request.words,
                })
            })
            .collect();
        let limits: Map<String, Value> =
            limits(self.times).into_iter().map(|(name, value, _)| (name.to_owned(), value)).collect();
        let troubles: Vec<Value> = self
            .found
            .troubles()
            .map(|(what, trouble)| json!({"step": what, "why": trouble.to_string()}))
            .collect();
        let all = json!({
            "format": FORMAT,
            "agent": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "action": self.job.action.name(),
            "proof": self.job.proof.word(),
            "device": facts(&self.found.about.facts()),
            "plugs": plugs,
            "requests": requests,
            "limits": limits,
            "troubles": troubles,
            "sent": false,
        });
        format!("{}\n", told::json(all, true))
    }
}

/// What the engine would do with these plugs, in its order.
fn requests(device: &dyn Describe, job: &Job, found: &Rehearsal) -> Vec<Request> {
    let each = |command: Command| -> Vec<Request> {
        (0..found.plugs.len())
            .map(|plug| Request { command: Some((plug, command)), words: device.plan(plug, command) })
            .collect()
    };
    let say = |words: &str| vec![Request { command: None, words: vec![words.to_owned()] }];
    let off = || {
        let until = "looks at the state until one shows off, of every plug";
        each(Command::Switch(Power::Off)).into_iter().chain(say(until))
    };
    let on = || {
        let until = "looks at the state until one shows on, of every plug";
        each(Command::Switch(Power::On)).into_iter().chain(say(until))
    };
    match (job.action, job.cycle) {
        (Action::Off, _) => off().collect(),
        (Action::On, _) => on().collect(),
        (Action::Reboot, Cycle::Never) => off().chain(on()).collect(),
        (Action::Reboot, Cycle::Proven | Cycle::Unproven) => {
            let before = say("a look at the state: what isn't on is switched off and on instead");
            let after = say("looks at the state until it is on again, with evidence that the power went");
            before.into_iter().chain(each(Command::Cycle)).chain(after).collect()
        }
        (Action::Diag, _) => each(Command::Diag).into_iter().take(1).collect(),
        _ => Vec::new(),
    }
}

/// The limits in force: name, value for programs (seconds; `null` is none), words.
pub(crate) fn limits(times: &Times) -> Vec<(&'static str, Value, String)> {
    let seconds = |name, time: std::time::Duration| {
        (name, json!(time.as_secs_f64()), format!("{} s", time.as_secs_f64()))
    };
    let limit = |name, time: Option<std::time::Duration>| match time {
        Some(time) => seconds(name, time),
        None => (name, Value::Null, "none".to_owned()),
    };
    let (pause, how) = match times.pause {
        Pause::Exact(pause) => (pause, "always"),
        Pause::Growing(pause) => (pause, "at most"),
    };
    let (name, value, words) = seconds("stonith_status_sleep", pause);
    vec![
        seconds("delay", times.delay),
        limit("login_timeout", times.login),
        limit("shell_timeout", times.shell),
        limit("power_timeout", times.power),
        seconds("power_wait", times.power_wait),
        (name, value, format!("{words} {how}")),
        ("retry_on", json!(times.retry_on), times.retry_on.to_string()),
        (
            "disable_timeout",
            json!(times.lifted),
            if times.lifted { "true: the caller keeps the time" } else { "false" }.to_owned(),
        ),
    ]
}

/// Facts as an object. A name that stands more than once becomes a list.
pub(crate) fn facts(facts: &[Fact]) -> Value {
    let mut object = Map::new();
    for Fact { name, value } in facts {
        match object.get_mut(*name) {
            None => {
                object.insert((*name).to_owned(), json!(value));
            }
            Some(Value::Array(values)) => values.push(json!(value)),
            Some(one) => *one = json!([one.clone(), value]),
        }
    }
    Value::Object(object)
}

/// A plug as an object.
pub(crate) fn plug(plug: &Plug) -> Value {
    json!({
        "plug": plug.name,
        "state": plug.state.as_ref().map(ToString::to_string),
        "facts": facts(&plug.facts),
        "identity": plug.identity.iter().map(identity).collect::<Vec<_>>(),
    })
}

/// An identity as an object.
pub(crate) fn identity(identity: &Identity) -> Value {
    json!({"kind": identity.kind.name(), "value": told::covered(&identity.value), "source": identity.source})
}

/// A line of a table of two columns.
pub(crate) fn row(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<22}{}", one_line(value));
}

/// Fit for one line of a terminal, whatever a device has put into its answer.
pub(crate) fn one_line(text: &str) -> String {
    told::line(text).into_owned()
}
