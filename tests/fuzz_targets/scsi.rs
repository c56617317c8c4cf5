//! What a disk answers: sense data, and the answers to every command that reads.
//!
//! The input is a list of answers, each with a status, the words of host adapter and driver, sense data, what is left
//! of the buffer, and the data. A disk that is asked more often than that has gone.

use std::io;
use std::time::Duration;

use fence_agents::base::Deadline;
use fence_agents::protocols::scsi::{Completion, Data, Error, Key, LogicalUnit, Sense, Transport, Wwid};

use super::common::Input;

/// More than the commands need that don't wait, and no more than a target may take that does.
const TIME: Duration = Duration::from_millis(20);

/// A disk that answers from the input.
struct Script<'a> {
    input: Input<'a>,
    /// What the last answer put into the buffer.
    last: Vec<u8>,
    /// Whether the host adapter has told how much that was, which some don't.
    told: bool,
}

impl Transport for Script<'_> {
    fn execute(&mut self, _cdb: &[u8], data: Data<'_>, _limit: Duration) -> io::Result<Completion> {
        if self.input.0.is_empty() {
            return Err(io::Error::from(io::ErrorKind::NotConnected));
        }
        // Most answers are good ones, or the input would hardly get anywhere.
        let kind = self.input.byte();
        let mut completion = Completion::default();
        if kind & 0x80 != 0 {
            completion.status = self.input.byte();
            completion.host = self.input.byte().into();
            completion.driver = self.input.byte().into();
            let length = self.input.byte();
            completion.sense = self.input.bytes(length.into()).to_vec();
        }
        let answer = self.input.part();
        self.last.clear();
        if let Data::In(buffer) = data {
            let length = answer.len().min(buffer.len());
            buffer[..length].copy_from_slice(&answer[..length]);
            self.last.extend(&answer[..length]);
            completion.residual = i32::try_from(buffer.len() - length).unwrap();
        }
        self.told = kind & 0x40 == 0;
        if !self.told {
            completion.residual = i32::from_be_bytes([0; 4].map(|_: u8| self.input.byte()));
        }
        Ok(completion)
    }
}

/// Reads any input.
pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let command = input.byte();
    sense(data);
    let mut script = Script { input, last: Vec::new(), told: true };
    let mut unit = LogicalUnit::new(&mut script, "disk");
    let by = Deadline::after(TIME);
    match command % 9 {
        0 => {
            if let Ok(keys) = unit.read_keys(by)
                && script.told
            {
                keys_are_those_that_came(&keys.keys, &script.last);
            }
        }
        1 => {
            if let Ok(reserved) = unit.read_reservation(by)
                && script.told
            {
                // "No reservation" only where the disk says that there are no further bytes.
                let none = script.last.get(4..8) == Some(&[0; 4]);
                assert_eq!(reserved.reservation.is_none(), none, "{:02x?}", script.last);
                if let Some(held) = reserved.reservation {
                    assert_eq!(script.last[21], held.kind.code());
                    assert_eq!(held.holder.is_none(), held.kind.is_held_by_all());
                }
            }
        }
        2 => {
            if let Ok(wwid) = unit.wwid(by) {
                assert!(wwid.to_string().bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{wwid}");
            }
        }
        3 => drop(unit.report_capabilities(by)),
        4 => {
            if let Ok(inquiry) = unit.inquiry(by) {
                for text in [inquiry.vendor, inquiry.product, inquiry.revision] {
                    assert!(
                        text.len() <= 16 && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
                        "{text}"
                    );
                }
            }
        }
        5 => {
            if let Ok(serial) = unit.unit_serial(by) {
                assert!(serial.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{serial:?}");
            }
        }
        6 => {
            if let Ok(designators) = unit.designators(by) {
                let bytes: usize = designators.iter().map(|one| one.value.len() + 4).sum();
                assert!(bytes + 4 <= script.last.len() || !script.told);
                // The order in which a disk tells them makes no difference: every node must find the same name.
                let mut turned = designators.clone();
                turned.reverse();
                assert_eq!(Wwid::best_of(&turned), Wwid::best_of(&designators));
            }
        }
        7 => {
            if let Ok(there) = unit.has_preempt_and_abort(by)
                && script.told
            {
                assert_eq!(
                    there == Some(true),
                    matches!(script.last[1] & 0x07, 3 | 5),
                    "{:02x?}",
                    script.last
                );
            }
        }
        // A command that changes something succeeds only where the disk says so.
        _ => {
            let (key, victim) = (Key::new(1).unwrap(), Key::new(2).unwrap());
            let kind = fence_agents::protocols::scsi::ReservationType::WriteExclusiveRegistrantsOnly;
            match unit.preempt_and_abort(key, victim, kind, by) {
                Ok(()) => {}
                Err(error) => assert!(!matches!(error, Error::Malformed(..)) || data.len() > 4, "{error}"),
            }
        }
    }
}

/// A key that the disk lists is never missing, and none is made up.
fn keys_are_those_that_came(keys: &[Key], answer: &[u8]) {
    let length = u32::from_be_bytes(answer[4..8].try_into().unwrap());
    let length = usize::try_from(length).unwrap();
    assert!(answer.len() >= 8 + length, "a list cut short");
    let listed: Vec<u64> =
        answer[8..8 + length].chunks(8).map(|key| u64::from_be_bytes(key.try_into().unwrap())).collect();
    assert_eq!(keys.iter().map(|key| key.value()).collect::<Vec<_>>(), listed);
}

fn sense(data: &[u8]) {
    let Some(sense) = Sense::decode(data) else { return };
    assert!(sense.key.0 < 16 && data.len() >= 2);
    let shown = sense.to_string();
    assert!(shown.len() < 200 && shown.is_ascii(), "{shown}");
    // What follows the sense data doesn't change it.
    assert_eq!(Sense::decode(&[data, &[0]].concat()).map(|longer| longer.key), Some(sense.key));
}
