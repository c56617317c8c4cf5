//! Questions at a login (RFC 4256), and who answers them.

use zeroize::Zeroizing;

use crate::base::Told;

/// What a question of a login is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// Its text.
    pub(super) text: Told,
    /// Whether what is typed is shown: no password then.
    pub(super) shown: bool,
}

/// What becomes of questions.
#[derive(Debug)]
pub(super) enum Answer {
    /// One answer for each.
    Say(Vec<Zeroizing<Vec<u8>>>),
    /// None: the login is over.
    Leave,
}

/// Who answers questions.
pub(super) trait Questions {
    /// Questions that are asked at once.
    fn asked(&mut self, instruction: &Told, questions: &[Question]) -> Answer;

    /// Whether it has told the password.
    fn has_told(&self) -> bool;

    /// Why it has left, where it has.
    fn left(&self) -> Option<Left>;
}

/// Why questions weren't answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// The password was asked for again.
    Wrong,
    /// A new one is demanded.
    Expired,
    /// Something else was asked.
    Else(Told),
}
