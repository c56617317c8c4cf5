//! Standard input: bytes that choose the agent with its name, an option that takes a secret and the line for it; then
//! the text.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use fence_agents::fencing::{Agent, Settings, argv, options, stdin};

use super::common::{Input, SECRET, agent, assert_hidden, assert_same, judged, says_secret, value};

/// Reads any input.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let (agent, name) = agent(input.byte());
    let option = input.one_of(agent.options().filter(|option| option.is_secret()));
    let at = usize::from(input.byte());
    let text = input.rest();

    match stdin::parse(agent, name, text) {
        Ok(parsed) => {
            judged(agent, &parsed.settings);
            let lines = text.split(|byte| *byte == b'\n').count();
            assert!(parsed.warnings.len() <= lines);
            assert!(parsed.warnings.iter().all(|warning| warning.len() < 1000), "{:?}", parsed.warnings);
            // An action comes from a line that says "action", and from nothing else.
            let named =
                text.split(|byte| *byte == b'\n').any(|line| line.trim_ascii().starts_with(b"action"));
            assert!(named || !parsed.settings.is_given(&options::ACTION));
            // What was read reads the same once more, and on the command line.
            let written = written(agent, &parsed.settings).unwrap();
            let again = stdin::parse(agent, name, &written).unwrap();
            assert_eq!(again.warnings, [""; 0]);
            assert_same(agent, &parsed.settings, &again.settings);
            on_the_command_line(agent, name, &parsed.settings);
        }
        Err(error) => assert!(error.exit_code() != 0),
    }

    // A line that names a secret between any others shows it to nobody.
    let Some(option) = option.filter(|_| !says_secret(text)) else { return };
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let line = format!("{}={SECRET}", option.name);
    lines.insert(at % (lines.len() + 1), line.as_bytes());
    match stdin::parse(agent, name, &lines.join(&b'\n')) {
        Ok(parsed) => {
            assert_hidden(&judged(agent, &parsed.settings));
            assert_hidden(&parsed.warnings.join("\n"));
        }
        Err(error) => assert_hidden(&format!("{error}\n{error:?}")),
    }
}

/// The settings as a cluster manager would write them; `None` where a value holds a line's end, which no line can.
pub(super) fn written(agent: &Agent, settings: &Settings) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    for option in agent.options() {
        let Some(value) = value(settings, option) else { continue };
        if value.contains(&b'\n') {
            return None;
        }
        text.extend([option.name.as_bytes(), b"=\"", value, b"\"\n"].concat());
    }
    Some(text)
}

fn on_the_command_line(agent: &'static Agent, name: &str, settings: &Settings) {
    let given: Vec<_> =
        agent.options().filter_map(|option| Some((option, value(settings, option)?))).collect();
    // What isn't there or not there but has a value can't be told by being there, and an argument holds no NUL.
    if given.iter().any(|(option, value)| !option.takes_value() || value.contains(&0)) {
        return;
    }
    let arguments: Vec<OsString> = given
        .iter()
        .map(|(option, value)| OsString::from_vec([b"--", option.long.as_bytes(), b"=", value].concat()))
        .collect();
    let again = argv::parse(agent, name, &arguments).unwrap();
    assert_same(agent, settings, &again.settings);
}
