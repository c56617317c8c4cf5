//! What the success of `off` rests on, as part of an agent's declaration.

use std::fmt;

/// What exit code 0 of `off` rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The device itself reported its explicit value for off, in a look begun after the command.
    Reported,
    /// Somebody else says so, who may be mistaken, or forged.
    Witnessed,
    /// A message was verified on the device, and a time has passed that the victim's own watchdog guarantees.
    Elapsed,
    /// A person took the responsibility.
    Confirmed,
    /// The command was accepted, and nothing more is known: never a success of `off`.
    Acknowledged,
}

/// Each proof: its word, what it is, and what it can't promise.
const WORDS: &[(Proof, &str, &str, &str)] = &[
    (
        Proof::Reported,
        "reported",
        "the device itself reported off, in a look begun after the command",
        "that the device tells the truth, and that the power stays off",
    ),
    (
        Proof::Witnessed,
        "witnessed",
        "somebody else than the device says that the machine is harmless",
        "that the witness is who it seems to be, and isn't mistaken",
    ),
    (
        Proof::Elapsed,
        "elapsed",
        "a message was verified on the device, and the time has passed within which the machine's watchdog acts on it",
        "that the watchdog and its daemon are there and work",
    ),
    (
        Proof::Confirmed,
        "confirmed",
        "a person took the responsibility for the machine being off",
        "anything that the person didn't see",
    ),
    (
        Proof::Acknowledged,
        "acknowledged",
        "the command was accepted, and nothing more is known",
        "that anything happened: it is no success of off",
    ),
];

impl Proof {
    fn row(self) -> Option<&'static (Proof, &'static str, &'static str, &'static str)> {
        WORDS.iter().find(|(proof, ..)| *proof == self)
    }

    /// Its word, for people and programs.
    pub fn word(self) -> &'static str {
        self.row().map_or("", |(_, word, ..)| word)
    }

    /// What it is, in a sentence's part.
    pub fn meaning(self) -> &'static str {
        self.row().map_or("", |(_, _, meaning, _)| meaning)
    }

    /// What it can't promise.
    pub fn gap(self) -> &'static str {
        self.row().map_or("", |(_, _, _, gap)| gap)
    }

    /// Whether a state that was so before the command can be told as such.
    pub fn knows_already(self) -> bool {
        self == Proof::Reported
    }

    /// Whether it can prove off at all.
    pub fn proves_off(self) -> bool {
        self != Proof::Acknowledged
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proof_has_its_words_and_only_a_report_knows_what_was_so_before() {
        for proof in
            [Proof::Reported, Proof::Witnessed, Proof::Elapsed, Proof::Confirmed, Proof::Acknowledged]
        {
            assert!(![proof.word(), proof.meaning(), proof.gap()].contains(&""), "{proof:?}");
            assert_eq!(proof.knows_already(), proof == Proof::Reported);
            assert_eq!(proof.proves_off(), proof != Proof::Acknowledged);
        }
    }
}
