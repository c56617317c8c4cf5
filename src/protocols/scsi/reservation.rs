//! Persistent reservations: PERSISTENT RESERVE IN (SPC-4, section 6.15) and OUT (section 6.16).

use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use super::bytes::{be32, be64, byte, part};
use super::command::Command;
use super::error::{Error, ShortTransfer};
use super::transport::{Data, Transport};
use super::unit::LogicalUnit;
use crate::base::Deadline;

const RESERVE_IN: u8 = 0x5e;
const RESERVE_OUT: u8 = 0x5f;
const MAINTENANCE_IN: u8 = 0xa3;
/// Its service action REPORT SUPPORTED OPERATION CODES.
const SUPPORTED_OPERATIONS: u8 = 0x0c;
/// The service action of PERSISTENT RESERVE OUT.
const PREEMPT_AND_ABORT: u8 = 5;
/// Every answer but the capabilities begins with PRGENERATION and ADDITIONAL LENGTH, four bytes each.
const HEADER: usize = 8;
/// The first look: room for 63 registrants. A longer list is fetched again with the room it needs.
const FIRST_BYTES: u16 = 512;
/// The allocation length has 16 bits.
const MOST_BYTES: u16 = 0xfff8;
/// The parameter list of every PERSISTENT RESERVE OUT but REGISTER AND MOVE.
const PARAMETERS: u8 = 24;

/// What memory reads as that a device was to fill and hasn't.
const UNWRITTEN: u64 = u64::MAX;

/// A reservation key: any number but 0, which stands for "no key".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(NonZeroU64);

impl Key {
    /// The key with this value; `None` for 0.
    pub fn new(value: u64) -> Option<Key> {
        NonZeroU64::new(value).map(Key)
    }

    /// The value.
    pub fn value(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Key {
    /// Lower-case hexadecimal digits without leading zeros, as tools and state files write a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    /// One to sixteen hexadecimal digits of either case, with or without 0x before them.
    fn from_str(text: &str) -> Result<Key, KeyError> {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        if digits.is_empty() {
            return Err(KeyError::Empty);
        }
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(KeyError::NotHexadecimal);
        }
        if digits.len() > 16 {
            return Err(KeyError::TooLong);
        }
        let value = u64::from_str_radix(digits, 16).map_err(|_| KeyError::NotHexadecimal)?;
        match Key::new(value) {
            Some(key) if key.value() == UNWRITTEN => Err(KeyError::AllOnes),
            Some(key) => Ok(key),
            None => Err(KeyError::Zero),
        }
    }
}

/// Why a text is no reservation key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// There are no digits.
    Empty,
    /// There is something else than hexadecimal digits.
    NotHexadecimal,
    /// There are more than sixteen digits.
    TooLong,
    /// It is 0, which stands for "no key".
    Zero,
    /// All bits are set, as in memory that a device was to fill and hasn't.
    AllOnes,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyError::Empty => "key is empty",
            KeyError::NotHexadecimal => "key has to be a hexadecimal number",
            KeyError::TooLong => "key has more than 16 hexadecimal digits",
            KeyError::Zero => "key cannot be 0",
            KeyError::AllOnes => "key cannot be ffffffffffffffff",
        })
    }
}

impl StdError for KeyError {}

/// The type of a reservation: who may do what (SPC-4, section 6.15.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReservationType {
    /// Only the holder writes.
    WriteExclusive = 1,
    /// Only the holder reads and writes.
    ExclusiveAccess = 3,
    /// Only registrants write.
    WriteExclusiveRegistrantsOnly = 5,
    /// Only registrants read and write.
    ExclusiveAccessRegistrantsOnly = 6,
    /// Only registrants write; each of them is a holder.
    WriteExclusiveAllRegistrants = 7,
    /// Only registrants read and write; each of them is a holder.
    ExclusiveAccessAllRegistrants = 8,
}

const TYPES: [ReservationType; 6] = [
    ReservationType::WriteExclusive,
    ReservationType::ExclusiveAccess,
    ReservationType::WriteExclusiveRegistrantsOnly,
    ReservationType::ExclusiveAccessRegistrantsOnly,
    ReservationType::WriteExclusiveAllRegistrants,
    ReservationType::ExclusiveAccessAllRegistrants,
];

impl ReservationType {
    /// The number in the TYPE field.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The type with this number.
    pub fn from_code(code: u8) -> Option<ReservationType> {
        TYPES.into_iter().find(|known| known.code() == code)
    }

    /// Every registrant holds the reservation, and no single key stands for it.
    pub fn is_held_by_all(self) -> bool {
        matches!(
            self,
            ReservationType::WriteExclusiveAllRegistrants | ReservationType::ExclusiveAccessAllRegistrants
        )
    }
}

impl fmt::Display for ReservationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReservationType::WriteExclusive => "write exclusive",
            ReservationType::ExclusiveAccess => "exclusive access",
            ReservationType::WriteExclusiveRegistrantsOnly => "write exclusive, registrants only",
            ReservationType::ExclusiveAccessRegistrantsOnly => "exclusive access, registrants only",
            ReservationType::WriteExclusiveAllRegistrants => "write exclusive, all registrants",
            ReservationType::ExclusiveAccessAllRegistrants => "exclusive access, all registrants",
        })
    }
}

/// The registered keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// PRGENERATION: counts the changes to registrations since power on, not those to the reservation.
    pub generation: u32,
    /// One for each registered path: a node with two paths may stand here twice.
    pub keys: Vec<Key>,
}

/// The answer to READ RESERVATION.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reserved {
    /// PRGENERATION.
    pub generation: u32,
    /// The reservation, where there is one.
    pub reservation: Option<Reservation>,
}

/// A reservation of the whole logical unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The key of the holder; `None` for the types that all registrants hold.
    pub holder: Option<Key>,
    /// Its type.
    pub kind: ReservationType,
}

/// What the device can do (SPC-4, section 6.15.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// PTPL_C: it can keep registrations and reservations through a loss of power.
    pub can_persist: bool,
    /// PTPL_A: it does so now.
    pub persists: bool,
    /// ATP_C: it takes ALL_TG_PT, one registration for all target ports.
    pub all_target_ports: bool,
    /// SIP_C: it takes SPEC_I_PT, a registration for other initiators.
    pub specified_initiators: bool,
    /// The bits of the types it supports, by type code: bit 5 is type 5. `None` where it doesn't say.
    types: Option<u16>,
}

impl Capabilities {
    /// Whether the device supports a type; `None` where it doesn't say.
    pub fn supports(&self, kind: ReservationType) -> Option<bool> {
        self.types.map(|types| types >> kind.code() & 1 == 1)
    }
}

/// The fields of PERSISTENT RESERVE OUT (SPC-4, section 6.16) that differ between its service actions.
struct Parameters {
    key: Option<Key>,
    action_key: Option<Key>,
    kind: Option<ReservationType>,
    aptpl: bool,
}

impl<T: Transport> LogicalUnit<T> {
    /// READ KEYS (SPC-4, section 6.15.2): all of them, or an error.
    pub fn read_keys(&mut self, deadline: Deadline) -> Result<Keys, Error> {
        let command = Command::ReadKeys;
        let (generation, list) = self.reserve_in(command, deadline)?;
        if !list.len().is_multiple_of(8) {
            return Err(Error::Malformed(command, format!("a list of {} bytes", list.len())));
        }
        let keys =
            list.chunks_exact(8).map(|entry| be64(entry, 0).and_then(Key::new)).collect::<Option<Vec<Key>>>();
        let keys = keys.ok_or_else(|| Error::Malformed(command, "a key of 0 in the list".into()))?;
        // Not every host adapter says how much it has left unwritten.
        if keys.iter().any(|key| key.value() == UNWRITTEN) {
            return Err(Error::Malformed(command, "a key of ones alone: the list was cut short".into()));
        }
        Ok(Keys { generation, keys })
    }

    /// READ RESERVATION (SPC-4, section 6.15.3).
    pub fn read_reservation(&mut self, deadline: Deadline) -> Result<Reserved, Error> {
        let command = Command::ReadReservation;
        let (generation, list) = self.reserve_in(command, deadline)?;
        if list.is_empty() {
            return Ok(Reserved { generation, reservation: None });
        }
        let (16, Some(holder), Some(scope_and_type)) = (list.len(), be64(&list, 0), byte(&list, 13)) else {
            return Err(Error::Malformed(command, format!("a reservation of {} bytes", list.len())));
        };
        let kind = reservation_type(command, scope_and_type)?;
        // With the types that all registrants hold the field isn't defined and devices write 0.
        let holder = if kind.is_held_by_all() { None } else { Key::new(holder) };
        if holder.is_none() && !kind.is_held_by_all() {
            return Err(Error::Malformed(command, format!("a reservation ({kind}) that nobody holds")));
        }
        Ok(Reserved { generation, reservation: Some(Reservation { holder, kind }) })
    }

    /// REPORT CAPABILITIES (SPC-4, section 6.15.4).
    pub fn report_capabilities(&mut self, deadline: Deadline) -> Result<Capabilities, Error> {
        let command = Command::ReportCapabilities;
        let mut data = [0; 8];
        let got = self.execute(command, &reserve_in_cdb(2, 8), Data::In(&mut data), deadline)?;
        let [high, low, can, does, types_low, types_high, _, _] = data;
        if got < data.len() {
            return Err(Error::Short(command, ShortTransfer { got, wanted: data.len() }));
        }
        if u16::from_be_bytes([high, low]) != 8 {
            return Err(Error::Malformed(command, "another length than 8".into()));
        }
        let mask_is_valid = does & 0x80 != 0;
        Ok(Capabilities {
            can_persist: can & 0x01 != 0,
            persists: does & 0x01 != 0,
            all_target_ports: can & 0x04 != 0,
            specified_initiators: can & 0x08 != 0,
            types: mask_is_valid.then(|| u16::from_le_bytes([types_low, types_high])),
        })
    }

    /// Whether the device has PREEMPT AND ABORT, asked with REPORT SUPPORTED OPERATION CODES (SPC-4, section 6.35);
    /// `None` where it doesn't know at the moment. [`Error::Unsupported`] where it can't be asked that.
    pub fn has_preempt_and_abort(&mut self, deadline: Deadline) -> Result<Option<bool>, Error> {
        let command = Command::ReportSupportedOperations;
        // One command with its service action: the header alone tells whether it is there.
        let mut data = [0; 4];
        let cdb =
            [MAINTENANCE_IN, SUPPORTED_OPERATIONS, 0x02, RESERVE_OUT, 0, PREEMPT_AND_ABORT, 0, 0, 0, 4, 0, 0];
        let got = self.execute(command, &cdb, Data::In(&mut data), deadline)?;
        if got < data.len() {
            return Err(Error::Short(command, ShortTransfer { got, wanted: data.len() }));
        }
        let [_, support, _, _] = data;
        match support & 0x07 {
            0 => Ok(None),
            1 => Ok(Some(false)),
            3 | 5 => Ok(Some(true)),
            other => Err(Error::Malformed(command, format!("support of kind {other}"))),
        }
    }

    /// REGISTER (SPC-4, section 5.13.7): changes this path's registration from `old` to `new`; `None` is no
    /// registration. A conflict where `old` isn't what is registered. With `aptpl` the device keeps all
    /// registrations and the reservation through a loss of power; the last registration of any node decides
    /// that for all of them.
    pub fn register(
        &mut self,
        old: Option<Key>,
        new: Option<Key>,
        aptpl: bool,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let parameters = Parameters { key: old, action_key: new, kind: None, aptpl };
        self.reserve_out(Command::Register, 0, parameters, deadline)
    }

    /// REGISTER AND IGNORE EXISTING KEY: as [`register`](LogicalUnit::register), whatever is registered.
    pub fn register_and_ignore(
        &mut self,
        new: Option<Key>,
        aptpl: bool,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let parameters = Parameters { key: None, action_key: new, kind: None, aptpl };
        self.reserve_out(Command::RegisterAndIgnore, 6, parameters, deadline)
    }

    /// RESERVE (SPC-4) with the key registered on this path. Success too where the caller
    /// already holds a reservation of this type; a conflict where there is any other.
    pub fn reserve(&mut self, key: Key, kind: ReservationType, deadline: Deadline) -> Result<(), Error> {
        let parameters = Parameters { key: Some(key), action_key: None, kind: Some(kind), aptpl: false };
        self.reserve_out(Command::Reserve, 1, parameters, deadline)
    }

    /// PREEMPT AND ABORT (SPC-4): removes every registration with the victim's key, and aborts the victim's commands
    /// that are still under way before it ends. Where the victim holds the reservation, the caller holds one of type
    /// `kind` afterwards. A conflict where the victim's key isn't registered, or `key` isn't on this path.
    pub fn preempt_and_abort(
        &mut self,
        key: Key,
        victim: Key,
        kind: ReservationType,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let parameters =
            Parameters { key: Some(key), action_key: Some(victim), kind: Some(kind), aptpl: false };
        self.reserve_out(Command::PreemptAndAbort, PREEMPT_AND_ABORT, parameters, deadline)
    }

    /// PRGENERATION and the list behind it. Asked again with more room until the whole list fits with some to
    /// spare: some targets announce only as much as there is room for.
    fn reserve_in(&mut self, command: Command, deadline: Deadline) -> Result<(u32, Vec<u8>), Error> {
        let (action, spare) = match command {
            Command::ReadReservation => (1, 0),
            _ => (0, 8),
        };
        let mut size = FIRST_BYTES;
        loop {
            let mut data = vec![0; usize::from(size)];
            let got = self.execute(command, &reserve_in_cdb(action, size), Data::In(&mut data), deadline)?;
            data.truncate(got);
            let (Some(generation), Some(length)) = (be32(&data, 0), be32(&data, 4)) else {
                return Err(Error::Short(command, ShortTransfer { got, wanted: HEADER }));
            };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let wanted = length.saturating_add(HEADER);
            let room = wanted.saturating_add(spare);
            if room > usize::from(size) && size < MOST_BYTES {
                let doubled = size.saturating_mul(2).min(MOST_BYTES);
                size = u16::try_from(room).unwrap_or(MOST_BYTES).clamp(doubled, MOST_BYTES);
                continue;
            }
            if room > usize::from(MOST_BYTES) {
                return Err(Error::TooLong(command, wanted));
            }
            let short = Error::Short(command, ShortTransfer { got, wanted });
            return Ok((generation, part(&data, HEADER, length).ok_or(short)?.to_vec()));
        }
    }

    fn reserve_out(
        &mut self,
        command: Command,
        action: u8,
        parameters: Parameters,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let kind = parameters.kind.map_or(0, ReservationType::code);
        let cdb = [RESERVE_OUT, action, kind, 0, 0, 0, 0, 0, PARAMETERS, 0];
        let value = |key: Option<Key>| key.map_or(0, Key::value).to_be_bytes();
        let mut list = [0; PARAMETERS as usize];
        let fields = value(parameters.key).into_iter().chain(value(parameters.action_key));
        let flags = [0, 0, 0, 0, u8::from(parameters.aptpl)];
        for (place, byte) in list.iter_mut().zip(fields.chain(flags)) {
            *place = byte;
        }
        self.execute(command, &cdb, Data::Out(&list), deadline).map(drop)
    }
}

fn reserve_in_cdb(action: u8, size: u16) -> [u8; 10] {
    let [high, low] = size.to_be_bytes();
    [RESERVE_IN, action, 0, 0, 0, 0, 0, high, low, 0]
}

/// The type out of the SCOPE and TYPE byte. The only scope since SPC-3 is the logical unit, 0.
fn reservation_type(command: Command, scope_and_type: u8) -> Result<ReservationType, Error> {
    match (scope_and_type >> 4, ReservationType::from_code(scope_and_type & 0x0f)) {
        (0, Some(kind)) => Ok(kind),
        (scope, _) => {
            let code = scope_and_type & 0x0f;
            Err(Error::Malformed(command, format!("a reservation of scope {scope} and type {code}")))
        }
    }
}
