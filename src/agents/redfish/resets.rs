//! Which reset type a command is.

use crate::fencing::{Command, Power};
use crate::protocols::redfish::ResetType;

/// The reset type for a command, and another one for machines that list that alone.
pub(super) fn reset_types(command: Command) -> (ResetType, Option<ResetType>) {
    match command {
        Command::Switch(Power::Off) => (ResetType::ForceOff, None),
        Command::Switch(Power::On) => (ResetType::On, Some(ResetType::ForceOn)),
        Command::Cycle => (ResetType::PowerCycle, Some(ResetType::ForceRestart)),
        Command::Diag => (ResetType::Nmi, None),
    }
}

/// The one to send where these are listed; the first where neither is, or nothing is told.
pub(super) fn preferred(types: (ResetType, Option<ResetType>), listed: Option<&[String]>) -> ResetType {
    let is_listed =
        |kind: ResetType| listed.is_some_and(|listed| listed.iter().any(|word| word == kind.name()));
    match types {
        (first, Some(other)) if is_listed(other) && !is_listed(first) => other,
        (first, _) => first,
    }
}
