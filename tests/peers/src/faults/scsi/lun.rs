//! A logical unit with persistent reservations: what SPC-4 says a device does (sections 5.13, 6.4, 6.15, 6.16, 7.8).

use std::collections::{BTreeMap, VecDeque};

/// An I_T nexus: here the number of the node, which has one path to each unit.
pub type Nexus = usize;

/// The reservation that fencing is about: write exclusive, registrants only.
pub const FENCING: u8 = 5;
/// The types that every registrant holds.
const ALL_REGISTRANTS: [u8; 2] = [7, 8];
const TYPES: [u8; 6] = [1, 3, 5, 6, 7, 8];

/// Operation code of INQUIRY.
pub const INQUIRY: u8 = 0x12;
/// Operation code of MAINTENANCE IN.
const MAINTENANCE_IN: u8 = 0xa3;
/// Operation code of PERSISTENT RESERVE IN.
pub const RESERVE_IN: u8 = 0x5e;
/// Operation code of PERSISTENT RESERVE OUT.
pub const RESERVE_OUT: u8 = 0x5f;
const TEST_UNIT_READY: u8 = 0x00;

/// Service action REGISTER of PERSISTENT RESERVE OUT.
pub const REGISTER: u8 = 0;
/// Service action RESERVE.
pub const RESERVE: u8 = 1;
/// Service action RELEASE.
pub const RELEASE: u8 = 2;
/// Service action CLEAR.
pub const CLEAR: u8 = 3;
/// Service action PREEMPT.
pub const PREEMPT: u8 = 4;
/// Service action PREEMPT AND ABORT.
pub const PREEMPT_AND_ABORT: u8 = 5;
/// Service action REGISTER AND IGNORE EXISTING KEY.
pub const REGISTER_AND_IGNORE: u8 = 6;

/// What a nexus is told after a loss of power: additional sense code and qualifier.
pub const POWER_ON: (u8, u8) = (0x29, 0x01);
/// What the others are told.
const RESERVATIONS_PREEMPTED: (u8, u8) = (0x2a, 0x03);
const RESERVATIONS_RELEASED: (u8, u8) = (0x2a, 0x04);
const REGISTRATIONS_PREEMPTED: (u8, u8) = (0x2a, 0x05);

const ILLEGAL_REQUEST: u8 = 5;
const UNIT_ATTENTION: u8 = 6;

/// What a command came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// GOOD, with so much of the data as there was room for.
    Good(Vec<u8>),
    /// RESERVATION CONFLICT.
    Conflict,
    /// CHECK CONDITION: sense key, additional sense code and qualifier.
    Check(u8, u8, u8),
}

const DONE: Answer = Answer::Good(Vec::new());
const UNKNOWN_COMMAND: Answer = Answer::Check(ILLEGAL_REQUEST, 0x20, 0);
const INVALID_IN_COMMAND: Answer = Answer::Check(ILLEGAL_REQUEST, 0x24, 0);
const INVALID_IN_LIST: Answer = Answer::Check(ILLEGAL_REQUEST, 0x26, 0);
const WRONG_LIST_LENGTH: Answer = Answer::Check(ILLEGAL_REQUEST, 0x1a, 0);
const INVALID_RELEASE: Answer = Answer::Check(ILLEGAL_REQUEST, 0x26, 4);

/// The command block of a PERSISTENT RESERVE OUT and its parameter list.
pub fn reserve_out(action: u8, kind: u8, key: u64, action_key: u64, aptpl: bool) -> ([u8; 10], Vec<u8>) {
    let list = [&key.to_be_bytes()[..], &action_key.to_be_bytes(), &[0, 0, 0, 0, u8::from(aptpl), 0, 0, 0]];
    ([RESERVE_OUT, action, kind, 0, 0, 0, 0, 0, 24, 0], list.concat())
}

/// The device.
#[derive(Clone, Debug, Default)]
pub struct Lun {
    /// Its NAA name; without one it has no page 83h.
    pub name: Option<[u8; 16]>,
    /// Its serial number; without one it has no page 80h.
    pub serial: Option<String>,
    /// Whether it can keep reservations through a loss of power.
    pub can_persist: bool,
    registrations: Vec<(Nexus, u64)>,
    reservation: Option<(Nexus, u8)>,
    generation: u32,
    aptpl: bool,
    attentions: BTreeMap<Nexus, VecDeque<(u8, u8)>>,
}

impl Lun {
    /// A device with this name, that nobody is registered on.
    pub fn new(name: Option<[u8; 16]>, can_persist: bool) -> Lun {
        Lun { name, can_persist, serial: Some("SERIAL01".to_owned()), ..Lun::default() }
    }

    /// By what it is told from others, as the agent's file of names has it.
    pub fn name_line(&self) -> String {
        match (&self.name, &self.serial) {
            (Some(name), _) => {
                format!("wwid naa.{}", name.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            }
            (None, Some(serial)) => format!("serial {serial}"),
            (None, None) => "none ".to_owned(),
        }
    }

    /// The registered keys, one for each nexus.
    pub fn keys(&self) -> impl Iterator<Item = u64> + '_ {
        self.registrations.iter().map(|(_, key)| *key)
    }

    /// The key of a nexus.
    pub fn key_of(&self, nexus: Nexus) -> Option<u64> {
        self.registrations.iter().find(|(one, _)| *one == nexus).map(|(_, key)| *key)
    }

    /// Whether those without a registration can't write, and those with one can.
    pub fn is_fenced_off(&self) -> bool {
        self.reservation.is_some_and(|(holder, kind)| kind == FENCING && self.key_of(holder).is_some())
    }

    /// The same registration on several nexuses in the place of one: a node with several paths.
    pub fn spread(&mut self, one: Nexus, over: &[Nexus]) {
        let Some(key) = self.key_of(one) else { return };
        self.registrations.retain(|(nexus, _)| *nexus != one);
        self.registrations.extend(over.iter().map(|nexus| (*nexus, key)));
        self.reservation = self.reservation.map(|(holder, kind)| match over.first() {
            Some(first) if holder == one => (*first, kind),
            _ => (holder, kind),
        });
    }

    /// Who holds the reservation, and its type.
    pub fn reservation(&self) -> Option<(Nexus, u8)> {
        self.reservation
    }

    /// Loses power. Without APTPL nothing is left of registrations and reservation.
    pub fn lose_power(&mut self, nexuses: usize) {
        if !self.aptpl {
            self.registrations.clear();
            self.reservation = None;
        }
        self.generation = 0;
        self.attentions.clear();
        for nexus in 0..nexuses {
            self.attention(nexus, POWER_ON);
        }
    }

    /// Establishes a condition that the nexus is told with its next command.
    pub fn attention(&mut self, nexus: Nexus, code: (u8, u8)) {
        self.attentions.entry(nexus).or_default().push_back(code);
    }

    /// Nobody has anything to be told.
    pub fn settle(&mut self) {
        self.attentions.clear();
    }

    /// A command of a node that isn't played by an agent: it has asked before, so nothing is left to be told.
    pub fn act(
        &mut self,
        nexus: Nexus,
        action: u8,
        kind: u8,
        key: u64,
        action_key: u64,
        aptpl: bool,
    ) -> Answer {
        self.attentions.remove(&nexus);
        let (cdb, list) = reserve_out(action, kind, key, action_key, aptpl);
        self.execute(nexus, &cdb, &list)
    }

    /// Carries a command out.
    pub fn execute(&mut self, nexus: Nexus, cdb: &[u8], list: &[u8]) -> Answer {
        let Some(&operation) = cdb.first() else { return UNKNOWN_COMMAND };
        if operation != INQUIRY
            && let Some((asc, ascq)) = self.attentions.get_mut(&nexus).and_then(VecDeque::pop_front)
        {
            return Answer::Check(UNIT_ATTENTION, asc, ascq);
        }
        match (operation, cdb.len()) {
            (TEST_UNIT_READY, 6) => DONE,
            (INQUIRY, 6) => self.inquiry(cdb),
            (MAINTENANCE_IN, 12) => supported_operation(cdb),
            (RESERVE_IN, 10) => self.reserve_in(cdb),
            (RESERVE_OUT, 10) => self.reserve_out(nexus, cdb, list),
            _ => UNKNOWN_COMMAND,
        }
    }

    fn inquiry(&self, cdb: &[u8]) -> Answer {
        let (vital, page) = (cdb[1] & 1 == 1, cdb[2]);
        let mut data = match (vital, page, self.name) {
            (true, 0x80, _) if self.serial.is_none() => return INVALID_IN_COMMAND,
            (false, 0, _) => {
                // Direct access device, SPC-4, additional length, a task set for each nexus.
                let mut data = vec![0, 0, 6, 0x02, 31, 0, 0, 0x02];
                data.extend_from_slice(b"PEERS   SIMULATED DISK  0001");
                data
            }
            (true, 0x00, None) => vec![0, 0x00, 0, 2, 0x00, 0x80],
            (true, 0x00, Some(_)) => vec![0, 0x00, 0, 3, 0x00, 0x80, 0x83],
            (true, 0x80, _) => {
                let serial = self.serial.as_deref().unwrap_or_default();
                [&[0, 0x80, 0, serial.len() as u8][..], serial.as_bytes()].concat()
            }
            (true, 0x83, Some(name)) => {
                // T10 vendor identification in ASCII, then NAA in binary, both of the logical unit; then the
                // relative identifier of the target port.
                let vendor = [&[0x02, 0x01, 0, 16][..], b"PEERS   SIMULATE"].concat();
                let naa = [&[0x01, 0x03, 0, 16][..], &name].concat();
                let port = [0x01, 0x14, 0, 4, 0, 0, 0, 1];
                let list = [&vendor[..], &naa, &port].concat();
                [&[0, 0x83, 0, list.len() as u8][..], &list].concat()
            }
            _ => return INVALID_IN_COMMAND,
        };
        data.truncate(usize::from(u16::from_be_bytes([cdb[3], cdb[4]])));
        Answer::Good(data)
    }

    fn reserve_in(&self, cdb: &[u8]) -> Answer {
        let mut list = Vec::new();
        match cdb[1] & 0x1f {
            0 => list.extend(self.keys().flat_map(u64::to_be_bytes)),
            1 => {
                if let Some((holder, kind)) = self.reservation {
                    let all = ALL_REGISTRANTS.contains(&kind);
                    let key = if all { 0 } else { self.key_of(holder).unwrap_or_default() };
                    list.extend_from_slice(&key.to_be_bytes());
                    list.extend_from_slice(&[0, 0, 0, 0, 0, kind, 0, 0]);
                }
            }
            2 => {
                let persists = u8::from(self.can_persist);
                // TMV and the mask of types: 7, 6, 5, 3 and 1 in the first byte, 8 in the second.
                let data = [0, 8, persists, 0x80 | u8::from(self.aptpl), 0b1110_1010, 1, 0, 0];
                return Answer::Good(cut(data.to_vec(), cdb));
            }
            3 => {
                for &(nexus, key) in &self.registrations {
                    let held = self
                        .reservation
                        .filter(|(holder, kind)| *holder == nexus || ALL_REGISTRANTS.contains(kind));
                    list.extend_from_slice(&key.to_be_bytes());
                    list.extend_from_slice(&[0, 0, 0, 0]);
                    list.extend_from_slice(&[u8::from(held.is_some()), held.map_or(0, |(_, kind)| kind)]);
                    // Reserved, relative target port 1, and a SAS TransportID of 24 bytes.
                    list.extend_from_slice(&[0, 0, 0, 0, 0, 1, 0, 0, 0, 24, 6, 0, 0, 0]);
                    list.extend_from_slice(&(0x5000_c500_0000_0000 + nexus as u64).to_be_bytes());
                    list.extend_from_slice(&[0; 12]);
                }
            }
            _ => return INVALID_IN_COMMAND,
        }
        let head = [self.generation.to_be_bytes(), (list.len() as u32).to_be_bytes()].concat();
        Answer::Good(cut([head, list].concat(), cdb))
    }

    fn reserve_out(&mut self, nexus: Nexus, cdb: &[u8], list: &[u8]) -> Answer {
        let (action, scope, kind) = (cdb[1] & 0x1f, cdb[2] >> 4, cdb[2] & 0x0f);
        let announced = u32::from_be_bytes([cdb[5], cdb[6], cdb[7], cdb[8]]);
        if announced != 24 || list.len() != 24 {
            return WRONG_LIST_LENGTH;
        }
        let number = |at: usize| u64::from_be_bytes(list[at..at + 8].try_into().expect("eight bytes"));
        let (key, action_key, aptpl) = (number(0), number(8), list[20] & 1 == 1);
        if matches!(action, REGISTER | REGISTER_AND_IGNORE) {
            // SPEC_I_PT and ALL_TG_PT, which this device doesn't have.
            if list[20] & 0x0c != 0 || (aptpl && !self.can_persist) {
                return INVALID_IN_LIST;
            }
            return self.register(nexus, (action == REGISTER).then_some(key), action_key, aptpl);
        }
        if !matches!(action, RESERVE | RELEASE | CLEAR | PREEMPT | PREEMPT_AND_ABORT) {
            return INVALID_IN_COMMAND;
        }
        if self.key_of(nexus) != Some(key) {
            return Answer::Conflict;
        }
        if action != CLEAR && (scope != 0 || !TYPES.contains(&kind)) {
            return INVALID_IN_COMMAND;
        }
        match action {
            RESERVE => match self.reservation {
                None => {
                    self.reservation = Some((nexus, kind));
                    DONE
                }
                Some((_, held)) if self.holds(nexus) && held == kind => DONE,
                Some(_) => Answer::Conflict,
            },
            RELEASE => match self.reservation {
                Some((_, held)) if self.holds(nexus) && held != kind => INVALID_RELEASE,
                Some(_) if self.holds(nexus) => {
                    self.release(nexus);
                    DONE
                }
                _ => DONE,
            },
            CLEAR => {
                for (other, _) in std::mem::take(&mut self.registrations) {
                    if other != nexus {
                        self.attention(other, RESERVATIONS_PREEMPTED);
                    }
                }
                self.reservation = None;
                self.count();
                DONE
            }
            _ => self.preempt(nexus, action_key, kind),
        }
    }

    /// Section 5.13.7: REGISTER with the key that is registered now, or REGISTER AND IGNORE EXISTING KEY.
    fn register(&mut self, nexus: Nexus, known: Option<u64>, new: u64, aptpl: bool) -> Answer {
        let registered = self.key_of(nexus);
        if known.is_some_and(|known| known != registered.unwrap_or_default()) {
            return Answer::Conflict;
        }
        if registered.is_none() && new == 0 {
            return DONE;
        }
        if new == 0 {
            if self.holds(nexus) && (self.registrations.len() == 1 || !self.is_held_by_all()) {
                self.release(nexus);
            }
            self.registrations.retain(|(one, _)| *one != nexus);
        } else {
            match self.registrations.iter_mut().find(|(one, _)| *one == nexus) {
                Some((_, key)) => *key = new,
                None => self.registrations.push((nexus, new)),
            }
        }
        self.aptpl = aptpl;
        self.count();
        DONE
    }

    /// Section 5.13.11.4, of a nexus that is registered.
    fn preempt(&mut self, nexus: Nexus, victim: u64, kind: u8) -> Answer {
        let by_all = self.is_held_by_all();
        let holder = self.reservation.and_then(|(holder, _)| self.key_of(holder));
        let takes_over = match self.reservation {
            Some(_) if by_all => victim == 0,
            Some(_) => holder == Some(victim),
            None => false,
        };
        if victim == 0 && !takes_over {
            return INVALID_IN_LIST;
        }
        if victim != 0 && !self.keys().any(|key| key == victim) {
            return Answer::Conflict;
        }
        // The preempting nexus stays registered where it takes the reservation, and removes its own key where
        // that is what it asks for.
        let goes =
            |(one, key): &(Nexus, u64)| (victim == 0 || *key == victim) && !(takes_over && *one == nexus);
        let removed: Vec<Nexus> =
            self.registrations.iter().filter(|entry| goes(entry)).map(|(one, _)| *one).collect();
        self.registrations.retain(|entry| !goes(entry));
        for other in removed.into_iter().filter(|other| *other != nexus) {
            self.attention(other, REGISTRATIONS_PREEMPTED);
        }
        if takes_over {
            let changed = self.reservation.is_some_and(|(_, before)| before != kind);
            self.reservation = Some((nexus, kind));
            let others: Vec<Nexus> = self.registrations.iter().map(|(one, _)| *one).collect();
            for other in others.into_iter().filter(|other| changed && *other != nexus) {
                self.attention(other, RESERVATIONS_RELEASED);
            }
        } else if by_all && self.registrations.is_empty() {
            self.reservation = None;
        }
        self.count();
        DONE
    }

    fn is_held_by_all(&self) -> bool {
        self.reservation.is_some_and(|(_, kind)| ALL_REGISTRANTS.contains(&kind))
    }

    fn holds(&self, nexus: Nexus) -> bool {
        self.reservation.is_some_and(|(holder, _)| holder == nexus)
            || (self.is_held_by_all() && self.key_of(nexus).is_some())
    }

    /// Ends the reservation, and tells the other registrants where the type says so.
    fn release(&mut self, nexus: Nexus) {
        let told = self.reservation.take().is_some_and(|(_, kind)| kind >= FENCING);
        let others: Vec<Nexus> = self.registrations.iter().map(|(one, _)| *one).collect();
        for other in others.into_iter().filter(|other| told && *other != nexus) {
            self.attention(other, RESERVATIONS_RELEASED);
        }
    }

    fn count(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}

/// REPORT SUPPORTED OPERATION CODES of one command with its service action (SPC-4, section 6.35).
fn supported_operation(cdb: &[u8]) -> Answer {
    if (cdb[1] & 0x1f, cdb[2] & 0x87) != (0x0c, 0x02) {
        return INVALID_IN_COMMAND;
    }
    let support = if cdb[3] == RESERVE_OUT && cdb[4] == 0 && cdb[5] <= REGISTER_AND_IGNORE { 3 } else { 1 };
    let mut data = vec![0, support, 0, 10];
    data.extend([0; 10]);
    data.truncate(u32::from_be_bytes([cdb[6], cdb[7], cdb[8], cdb[9]]) as usize);
    Answer::Good(data)
}

/// As much as ALLOCATION LENGTH leaves room for.
fn cut(mut data: Vec<u8>, cdb: &[u8]) -> Vec<u8> {
    data.truncate(usize::from(u16::from_be_bytes([cdb[7], cdb[8]])));
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: u64 = 0xa1;
    const B: u64 = 0xb2;

    /// Two registrants, the first of which holds the reservation.
    fn shared(kind: u8) -> Lun {
        let mut lun = Lun::default();
        assert_eq!(lun.act(0, REGISTER, 0, 0, A, false), DONE);
        assert_eq!(lun.act(1, REGISTER_AND_IGNORE, 0, 0, B, false), DONE);
        assert_eq!(lun.act(0, RESERVE, kind, A, 0, false), DONE);
        lun.settle();
        lun
    }

    fn read(lun: &mut Lun, action: u8) -> Vec<u8> {
        match lun.execute(9, &[RESERVE_IN, action, 0, 0, 0, 0, 0, 2, 0, 0], &[]) {
            Answer::Good(data) => data,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_preempted_holder_loses_key_and_reservation_and_is_told() {
        let mut lun = shared(FENCING);
        assert_eq!(lun.act(1, PREEMPT_AND_ABORT, FENCING, B, A, false), DONE);
        assert_eq!(lun.keys().collect::<Vec<_>>(), [B]);
        assert_eq!(lun.reservation(), Some((1, FENCING)));
        let ready = [TEST_UNIT_READY, 0, 0, 0, 0, 0];
        assert_eq!(lun.execute(0, &ready, &[]), Answer::Check(6, 0x2a, 5));
        assert_eq!(lun.execute(0, &ready, &[]), DONE);
        // Neither of these knows the other's key any more.
        assert_eq!(lun.act(0, PREEMPT, FENCING, A, B, false), Answer::Conflict);
        assert_eq!(lun.act(1, PREEMPT, FENCING, B, A, false), Answer::Conflict);
    }

    #[test]
    fn who_does_not_hold_the_reservation_loses_the_key_only() {
        let mut lun = shared(FENCING);
        assert_eq!(lun.act(0, PREEMPT, 1, A, B, false), DONE);
        assert_eq!((lun.keys().count(), lun.reservation()), (1, Some((0, FENCING))));
        assert!(lun.is_fenced_off());
    }

    #[test]
    fn a_holder_that_unregisters_releases_and_the_others_are_told() {
        let mut lun = shared(FENCING);
        assert_eq!(lun.act(0, REGISTER, 0, A, 0, false), DONE);
        assert_eq!((lun.reservation(), lun.is_fenced_off()), (None, false));
        assert_eq!(lun.execute(1, &[0; 6], &[]), Answer::Check(6, 0x2a, 4));
        // With a type that all hold the last one releases.
        let mut lun = shared(7);
        assert_eq!(lun.act(0, REGISTER, 0, A, 0, false), DONE);
        assert!(lun.reservation().is_some());
        assert_eq!(lun.act(1, REGISTER, 0, B, 0, false), DONE);
        assert!(lun.reservation().is_none());
    }

    #[test]
    fn reserving_again_is_no_conflict_for_the_holder_only() {
        let mut lun = shared(FENCING);
        assert_eq!(lun.act(0, RESERVE, FENCING, A, 0, false), DONE);
        assert_eq!(lun.act(0, RESERVE, 6, A, 0, false), Answer::Conflict);
        assert_eq!(lun.act(1, RESERVE, FENCING, B, 0, false), Answer::Conflict);
        assert_eq!(lun.act(1, RELEASE, FENCING, B, 0, false), DONE);
        assert_eq!(lun.act(0, RELEASE, 6, A, 0, false), INVALID_RELEASE);
        assert_eq!(lun.reservation(), Some((0, FENCING)));
    }

    #[test]
    fn a_wrong_key_is_a_conflict_and_changes_nothing() {
        let mut lun = shared(FENCING);
        for action in [RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, REGISTER] {
            assert_eq!(lun.act(1, action, FENCING, 0x77, A, false), Answer::Conflict, "{action}");
        }
        assert_eq!((lun.keys().count(), lun.generation), (2, 2));
    }

    #[test]
    fn what_is_read_is_cut_at_the_room_and_tells_its_whole_length() {
        let mut lun = shared(FENCING);
        let keys = read(&mut lun, 0);
        assert_eq!(keys[..8], [0, 0, 0, 2, 0, 0, 0, 16]);
        assert_eq!((keys.len(), keys[15], keys[23]), (24, 0xa1, 0xb2));
        let held = read(&mut lun, 1);
        assert_eq!((held.len(), held[7], held[15], held[21]), (24, 16, 0xa1, FENCING));
        assert_eq!(read(&mut lun, 3).len(), 8 + 2 * 48);
        let short = lun.execute(0, &[RESERVE_IN, 0, 0, 0, 0, 0, 0, 0, 12, 0], &[]);
        assert_eq!(short, Answer::Good(keys[..12].to_vec()));
    }

    #[test]
    fn power_that_goes_takes_all_with_it_that_was_not_to_be_kept() {
        let mut lun = shared(FENCING);
        lun.lose_power(2);
        assert_eq!((lun.keys().count(), lun.reservation()), (0, None));
        let mut lun = Lun { can_persist: true, ..shared(FENCING) };
        assert_eq!(lun.act(1, REGISTER_AND_IGNORE, 0, 0, B, true), DONE);
        lun.lose_power(2);
        assert!(lun.is_fenced_off() && lun.keys().count() == 2);
        assert_eq!(lun.execute(0, &[0; 6], &[]), Answer::Check(6, 0x29, 1));
        let mut other = shared(FENCING);
        assert_eq!(other.act(1, REGISTER_AND_IGNORE, 0, 0, B, true), INVALID_IN_LIST);
    }
}
