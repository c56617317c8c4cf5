//! The command line: bytes that choose the agent with its name, an option that takes a secret and the place for it;
//! then the arguments, with NULs between them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use fence_agents::fencing::argv;

use super::common::{Input, SECRET, agent, assert_hidden, assert_same, judged, says_secret};
use super::stdin;

/// Reads any input.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let (agent, name) = agent(input.byte());
    let option = input.one_of(agent.options().filter(|option| option.is_secret()));
    let at = usize::from(input.byte());
    let arguments: Vec<OsString> =
        input.rest().split(|byte| *byte == 0).map(|argument| OsString::from_vec(argument.to_vec())).collect();

    match argv::parse(agent, name, &arguments) {
        Ok(parsed) => {
            judged(agent, &parsed.settings);
            // What was read here reads the same where it comes by standard input.
            if let Some(text) = stdin::written(agent, &parsed.settings) {
                let again = fence_agents::fencing::stdin::parse(agent, name, &text).unwrap();
                assert_same(agent, &parsed.settings, &again.settings);
            }
            assert!(parsed.warnings.iter().all(|warning| warning.len() < 200), "{:?}", parsed.warnings);
        }
        Err(error) => assert!(error.exit_code() != 0),
    }

    // Wherever a secret comes behind the option that takes it, nobody gets to read it: not even where another option
    // has swallowed that one, or `--` has ended the options.
    let said = arguments.iter().any(|argument| says_secret(argument.as_encoded_bytes()));
    let Some(option) = option.filter(|_| !said) else { return };
    let at = at % (arguments.len() + 1);
    let mut with = arguments;
    with.splice(at..at, [format!("--{}", option.long).into(), SECRET.into()]);
    match argv::parse(agent, name, &with) {
        Ok(parsed) => {
            assert_hidden(&judged(agent, &parsed.settings));
            assert_hidden(&parsed.warnings.join("\n"));
        }
        Err(error) => assert_hidden(&format!("{error}\n{error:?}")),
    }
}
