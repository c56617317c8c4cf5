//! What several targets share.

use fence_agents::agents;
use fence_agents::fencing::{Action, Agent, Opt, Settings};

/// A secret that nobody would write by chance.
pub(super) const SECRET: &str = "Zw31-secret-ärgerlich";

/// Whether the input itself says the secret, where everybody may see it: a fuzzer finds it out.
pub(super) fn says_secret(data: &[u8]) -> bool {
    data.windows(SECRET.len()).any(|part| part == SECRET.as_bytes())
}

/// What is checked differs by whether a plug must be named, and by nothing else.
const ACTIONS: [Action; 2] = [Action::Off, Action::Monitor];

/// Bytes taken from the front of the input, for the choices that a target makes.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    /// The next byte; 0 where there is none.
    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// As many of the next bytes as there are, up to `length`.
    pub(super) fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A part whose length stands before it, in two bytes.
    pub(super) fn part(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()) << 8 | usize::from(self.byte());
        self.bytes(length)
    }

    /// One of several, chosen by the next byte.
    pub(super) fn one_of<T>(&mut self, several: impl IntoIterator<Item = T>) -> Option<T> {
        let mut several: Vec<T> = several.into_iter().collect();
        let at = usize::from(self.byte()).checked_rem(several.len())?;
        Some(several.swap_remove(at))
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

/// An agent and a name of it.
pub(super) fn agent(number: u8) -> (&'static Agent, &'static str) {
    let all: Vec<_> = agents::FAMILIES.iter().flat_map(|family| family.names()).collect();
    all[usize::from(number) % all.len()]
}

/// The value of an option, secret or not.
pub(super) fn value<'a>(settings: &'a Settings, option: &Opt) -> Option<&'a [u8]> {
    if !settings.is_given(option) {
        return None;
    }
    if option.is_secret() {
        settings.secret(option).map(|secret| secret.expose())
    } else {
        settings.text(option).map(str::as_bytes)
    }
}

/// Whether both say the same for every option.
pub(super) fn assert_same(agent: &Agent, one: &Settings, other: &Settings) {
    for option in agent.options() {
        assert_eq!(value(one, option), value(other, option), "{}", option.name);
    }
}

/// Settings judged; what is said of them is returned. Only the words for off are off.
pub(super) fn judged(agent: &'static Agent, settings: &Settings) -> String {
    use fence_agents::fencing::options;
    let mut said = format!("{settings:?}\n");
    if let Some(word) = settings.text(&options::ACTION) {
        match agent.action(word) {
            Ok(Action::Off) => {
                let word = word.to_ascii_lowercase();
                assert!(word == "off" || (word == "disable" && agent.is_fabric()), "{word} is no off");
            }
            Ok(_) => {}
            Err(error) => said.push_str(&format!("{error}\n{error:?}\n")),
        }
    }
    for action in ACTIONS {
        if let Err(error) = settings.check(agent, action) {
            said.push_str(&format!("{error}\n{error:?}\n"));
        }
    }
    said
}

/// Says that nobody reads a secret.
pub(super) fn assert_hidden(said: &str) {
    assert!(!said.contains(SECRET), "{said}");
}
