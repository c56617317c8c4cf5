//! What the registrations and the reservation of one disk mean for fencing. Values in, verdicts out.

use std::fmt::Write as _;

use super::disk_info::DiskInfo;
use super::names::Names;
use crate::protocols::scsi::{Key, Keys, Reservation, ReservationType, Reserved};

/// The reservation that keeps fenced nodes out: whoever isn't registered can't write.
pub(super) const TYPE: ReservationType = ReservationType::WriteExclusiveRegistrantsOnly;

/// How many keys a line for the log holds.
const KEYS_SHOWN: usize = 64;

/// What one disk says of itself at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// What it says it is.
    pub(super) names: Names,
    /// The registered keys; one may stand here several times.
    pub(super) keys: Vec<Key>,
    /// The reservation.
    pub(super) reservation: Option<Reservation>,
    /// What else it says of itself, where that was asked for.
    pub(super) info: Option<DiskInfo>,
    /// What a person should know although it isn't a failure.
    pub(super) notes: Vec<String>,
}

impl Reading {
    /// One line for the log.
    pub(super) fn in_words(&self) -> String {
        let mut words = match self.keys.as_slice() {
            [] => "no keys".to_owned(),
            keys => keys.iter().take(KEYS_SHOWN).fold("keys".to_owned(), |mut words, key| {
                let _ = write!(words, " {key}");
                words
            }),
        };
        if let Some(more @ 1..) = self.keys.len().checked_sub(KEYS_SHOWN) {
            let _ = write!(words, " and {more} more");
        }
        match &self.reservation {
            None => words.push_str(", no reservation"),
            Some(Reservation { holder: Some(holder), kind }) => {
                let _ = write!(words, ", {holder} holds {kind}");
            }
            Some(Reservation { holder: None, kind }) => {
                let _ = write!(words, ", all hold {kind}");
            }
        }
        words
    }

    /// Whether a key is registered.
    pub(super) fn has(&self, key: Key) -> bool {
        self.keys.contains(&key)
    }
}

/// Whether keys that were read before and after a reservation belong with it: nothing has changed in between, and
/// all three answers count the same number of changes. A list of keys that a device serves from its memory shows
/// by that number that it is old.
pub(super) fn are_of_one_moment(before: &Keys, reserved: &Reserved, after: &Keys) -> bool {
    before == after && reserved.generation == after.generation
}

/// How many kinds of [`Step`] do something.
const STEPS_THERE_ARE: usize = 3;

/// What `off` has to do next on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: what is wanted holds.
    None,
    /// Remove the victim's key.
    Preempt,
    /// Reserve.
    Reserve,
    /// Register this node and reserve: the disk has lost everything.
    TakeOver,
}

/// A reservation that this agent didn't make, or that contradicts the registrations.
pub(super) fn foreign_reservation(reading: &Reading) -> Result<(), String> {
    match reading.reservation {
        None => Ok(()),
        Some(Reservation { holder: Some(holder), kind: TYPE }) if reading.has(holder) => Ok(()),
        Some(Reservation { holder: Some(holder), kind: TYPE }) => {
            Err(format!("it is reserved by {holder}, which isn't registered"))
        }
        Some(Reservation { holder, kind }) => {
            let holder = holder.map_or("all registrants".to_owned(), |key| format!("key {key}"));
            Err(format!("it is reserved in another way: {kind}, by {holder}"))
        }
    }
}

/// What `off` does next, for a node with the key `own` that fences the one with the key `victim`.
///
/// A caller whose key is missing where others are registered has itself been fenced, and must not come back by
/// registering again: it would fence the node that won.
pub(super) fn next_step(reading: &Reading, own: Key, victim: Key) -> Result<Step, String> {
    foreign_reservation(reading)?;
    if !reading.has(own) {
        return match (reading.keys.is_empty(), reading.reservation.is_some()) {
            (true, false) => Ok(Step::TakeOver),
            (_, true) => Err(format!(
                "this node is itself fenced: its key {own} isn't registered, others are, and hold the reservation"
            )),
            (false, false) => Err(format!(
                "this node's key {own} isn't registered, others are; it needs the action on first"
            )),
        };
    }
    Ok(match (reading.has(victim), reading.reservation) {
        (true, _) => Step::Preempt,
        (false, None) => Step::Reserve,
        (false, Some(_)) => Step::None,
    })
}

/// The same, where a disk without registrations is taken over only if something vouches for it. Any disk that has nothing to
/// do with the nodes looks like one that has lost its registrations.
pub(super) fn allowed_step(reading: &Reading, own: Key, victim: Key, vouched: bool) -> Result<Step, String> {
    match next_step(reading, own, victim)? {
        Step::TakeOver if !vouched => Err(format!(
            "it has no registrations, and nothing says that it is the disk on which this node was switched on \
             ({}): run the action on here, or set take_over=1 if it is",
            reading.names
        )),
        step => Ok(step),
    }
}

/// The steps that `off` takes on a disk where nobody else changes anything meanwhile.
pub(super) fn steps_ahead(reading: &Reading, own: Key, victim: Key) -> Result<Vec<Step>, String> {
    let mut expected = reading.clone();
    let mut steps = Vec::new();
    let held_by = |holder| Some(Reservation { holder: Some(holder), kind: TYPE });
    // None of them is taken twice.
    while steps.len() < STEPS_THERE_ARE {
        let step = next_step(&expected, own, victim)?;
        match step {
            Step::None => break,
            Step::Preempt => {
                expected.keys.retain(|key| *key != victim);
                // Who preempts the holder is the next one.
                if expected.reservation == held_by(victim) {
                    expected.reservation = held_by(own);
                }
            }
            Step::Reserve => expected.reservation = held_by(own),
            Step::TakeOver => {
                expected.keys = vec![own];
                expected.reservation = held_by(own);
            }
        }
        steps.push(step);
    }
    Ok(steps)
}

/// Whether the victim can't write to the disk, and what is missing otherwise.
pub(super) fn proof_of_off(reading: &Reading, victim: Key) -> Result<(), String> {
    if reading.has(victim) {
        return Err(format!("the key {victim} is still registered"));
    }
    reserved_for_registrants(reading)
}

/// Whether the node with this key can write and those without one can't, and what is missing otherwise.
pub(super) fn proof_of_on(reading: &Reading, key: Key) -> Result<(), String> {
    if !reading.has(key) {
        return Err(format!("the key {key} isn't registered"));
    }
    reserved_for_registrants(reading)
}

fn reserved_for_registrants(reading: &Reading) -> Result<(), String> {
    foreign_reservation(reading)?;
    if reading.reservation.is_none() {
        return Err("there is no reservation, so everybody can write".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u64 = 0xa1;
    const VICTIM: u64 = 0xb2;
    const THIRD: u64 = 0xc3;

    fn key(value: u64) -> Key {
        Key::new(value).unwrap()
    }

    fn reading(keys: &[u64], held: Option<(u64, ReservationType)>) -> Reading {
        Reading {
            keys: keys.iter().map(|value| key(*value)).collect(),
            reservation: held.map(|(holder, kind)| Reservation { holder: Key::new(holder), kind }),
            ..Reading::default()
        }
    }

    fn step(reading: &Reading) -> Result<Step, String> {
        next_step(reading, key(OWN), key(VICTIM))
    }

    #[test]
    fn keys_and_a_reservation_of_different_moments_are_no_reading() {
        let keys = |generation, values: &[u64]| Keys {
            generation,
            keys: values.iter().map(|value| key(*value)).collect(),
        };
        let reserved = |generation| Reserved { generation, reservation: None };
        assert!(are_of_one_moment(&keys(2, &[OWN]), &reserved(2), &keys(2, &[OWN])));
        assert!(!are_of_one_moment(&keys(2, &[OWN]), &reserved(2), &keys(3, &[OWN])));
        assert!(!are_of_one_moment(&keys(2, &[OWN]), &reserved(2), &keys(2, &[OWN, VICTIM])));
        // Both lists are old: the victim has registered since.
        assert!(!are_of_one_moment(&keys(2, &[OWN]), &reserved(3), &keys(2, &[OWN])));
    }

    #[test]
    fn off_is_proven_by_a_missing_key_and_a_reservation_of_a_registrant_only() {
        let proven = |reading: &Reading| proof_of_off(reading, key(VICTIM)).is_ok();
        assert!(proven(&reading(&[OWN], Some((OWN, TYPE)))));
        assert!(proven(&reading(&[OWN, THIRD], Some((THIRD, TYPE)))));
        // Each of these leaves the victim able to write, or may.
        assert!(!proven(&reading(&[], None)));
        assert!(!proven(&reading(&[OWN], None)));
        assert!(!proven(&reading(&[OWN, VICTIM], Some((OWN, TYPE)))));
        assert!(!proven(&reading(&[VICTIM], Some((VICTIM, TYPE)))));
        assert!(!proven(&reading(&[OWN], Some((VICTIM, TYPE)))));
        for code in (0..=15).filter(|code| *code != TYPE.code()) {
            let Some(kind) = ReservationType::from_code(code) else { continue };
            assert!(!proven(&reading(&[OWN], Some((OWN, kind)))), "{kind}");
            assert!(!proven(&reading(&[OWN], Some((0, kind)))), "{kind}");
        }
    }

    #[test]
    fn a_registered_node_removes_the_victim_and_then_sees_to_the_reservation() {
        assert_eq!(step(&reading(&[OWN, VICTIM], Some((VICTIM, TYPE)))), Ok(Step::Preempt));
        assert_eq!(step(&reading(&[OWN, VICTIM], None)), Ok(Step::Preempt));
        assert_eq!(step(&reading(&[OWN, THIRD], None)), Ok(Step::Reserve));
        assert_eq!(step(&reading(&[OWN, THIRD], Some((THIRD, TYPE)))), Ok(Step::None));
    }

    #[test]
    fn the_steps_ahead_are_those_that_end_where_off_is_proven() {
        let ahead = |reading: &Reading| steps_ahead(reading, key(OWN), key(VICTIM));
        let both = &[OWN, VICTIM];
        assert_eq!(ahead(&reading(both, Some((VICTIM, TYPE)))), Ok(vec![Step::Preempt]));
        assert_eq!(ahead(&reading(both, Some((OWN, TYPE)))), Ok(vec![Step::Preempt]));
        assert_eq!(ahead(&reading(both, None)), Ok(vec![Step::Preempt, Step::Reserve]));
        assert_eq!(ahead(&reading(&[OWN], None)), Ok(vec![Step::Reserve]));
        assert_eq!(ahead(&reading(&[OWN], Some((OWN, TYPE)))), Ok(vec![]));
        assert_eq!(ahead(&reading(&[], None)), Ok(vec![Step::TakeOver]));
        assert!(ahead(&reading(&[VICTIM], Some((VICTIM, TYPE)))).is_err());
    }

    #[test]
    fn a_node_that_has_been_fenced_does_nothing() {
        for keys in [&[VICTIM][..], &[THIRD], &[VICTIM, THIRD]] {
            let holder = keys[0];
            assert!(step(&reading(keys, Some((holder, TYPE)))).unwrap_err().contains("itself fenced"));
            assert!(step(&reading(keys, None)).unwrap_err().contains("isn't registered"));
        }
    }

    #[test]
    fn a_disk_that_has_lost_everything_is_taken_over() {
        assert_eq!(step(&reading(&[], None)), Ok(Step::TakeOver));
    }

    #[test]
    fn only_a_disk_that_something_vouches_for_is_taken_over() {
        let allowed = |reading: &Reading, vouched| allowed_step(reading, key(OWN), key(VICTIM), vouched);
        assert_eq!(allowed(&reading(&[], None), true), Ok(Step::TakeOver));
        assert!(allowed(&reading(&[], None), false).unwrap_err().contains("take_over=1"));
        // Whatever this node is registered on is its own.
        for vouched in [true, false] {
            assert_eq!(allowed(&reading(&[OWN, VICTIM], Some((OWN, TYPE))), vouched), Ok(Step::Preempt));
            assert!(allowed(&reading(&[VICTIM], None), vouched).is_err());
        }
    }

    #[test]
    fn on_is_proven_by_the_nodes_own_key_and_a_reservation_of_a_registrant_only() {
        let proven = |reading: &Reading| proof_of_on(reading, key(OWN)).is_ok();
        assert!(proven(&reading(&[OWN], Some((OWN, TYPE)))));
        assert!(proven(&reading(&[OWN, VICTIM], Some((VICTIM, TYPE)))));
        assert!(!proven(&reading(&[VICTIM], Some((VICTIM, TYPE)))));
        assert!(!proven(&reading(&[OWN], None)));
        assert!(!proven(&reading(&[OWN], Some((VICTIM, TYPE)))));
        assert!(!proven(&reading(&[OWN], Some((OWN, ReservationType::WriteExclusive)))));
    }

    #[test]
    fn a_reservation_of_another_type_is_named_with_its_holder() {
        let other = reading(&[OWN, VICTIM], Some((VICTIM, ReservationType::ExclusiveAccess)));
        let why = step(&other).unwrap_err();
        assert!(why.contains("exclusive access") && why.contains("b2"), "{why}");
        let all = reading(&[OWN], Some((0, ReservationType::WriteExclusiveAllRegistrants)));
        assert!(step(&all).unwrap_err().contains("all registrants"));
    }

    #[test]
    fn whatever_calls_for_no_further_step_is_proven() {
        let values = [OWN, VICTIM, THIRD];
        let kinds = (0..=15).filter_map(ReservationType::from_code);
        for kind in kinds {
            for chosen in 0..8_u32 {
                let keys: Vec<u64> =
                    (0..3).filter(|bit| chosen >> bit & 1 == 1).map(|bit| values[bit]).collect();
                for holder in [None, Some(0), Some(OWN), Some(VICTIM), Some(THIRD)] {
                    let reading = reading(&keys, holder.map(|holder| (holder, kind)));
                    if step(&reading) == Ok(Step::None) {
                        assert_eq!(proof_of_off(&reading, key(VICTIM)), Ok(()), "{reading:?}");
                    }
                }
            }
        }
    }
}
