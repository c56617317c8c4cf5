//! What a logical unit is: INQUIRY and its vital product data pages.

use std::fmt;

use super::bytes::{be16, byte, hex, part, text};
use super::command::Command;
use super::error::{Error, ShortTransfer};
use super::transport::{Data, Transport};
use super::unit::LogicalUnit;
use crate::base::Deadline;

const INQUIRY: u8 = 0x12;
/// The PERIPHERAL QUALIFIER of a logical unit number behind which nothing stands (SPC-4, section 6.4.2).
const NO_UNIT: u8 = 3;
/// Standard data up to the product revision; every device has that much (SPC-4).
const STANDARD_BYTES: u8 = 36;
/// The first look at a page: some old devices know only the lower byte of the length.
const FIRST_PAGE_BYTES: u16 = 252;

/// Standard INQUIRY data (SPC-4, section 6.6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inquiry {
    /// Peripheral qualifier: 0 where a device stands behind this logical unit number.
    pub qualifier: u8,
    /// Peripheral device type: 0 is a disk.
    pub device_type: u8,
    /// T10 vendor identification.
    pub vendor: String,
    /// Product identification.
    pub product: String,
    /// Product revision level.
    pub revision: String,
}

/// What a designator names (SPC-4, ASSOCIATION field).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Association {
    /// The logical unit.
    LogicalUnit,
    /// The target port that received the command.
    TargetPort,
    /// The device that contains the target port.
    TargetDevice,
    /// A value that the standard keeps for itself.
    Reserved,
}

/// One designation descriptor of the Device Identification page (SPC-4, section 7.8.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Designator {
    /// What it names.
    pub association: Association,
    /// Its type: 1 T10 vendor, 2 EUI-64, 3 NAA, 8 SCSI name string, 0Ah UUID.
    pub kind: u8,
    /// Its bytes.
    pub value: Vec<u8>,
}

/// The worldwide name of a logical unit, the same on every path and from every node.
///
/// `naa.`, `eui.` or `uuid.` and lower-case hexadecimal digits, `t10.` and text, or a SCSI name string. A NAA or
/// EUI name is what Linux shows in /sys/block/*/device/wwid. The order is that of the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wwid(String);

impl Wwid {
    /// The best name among the designators: by type, NAA, EUI-64, UUID, SCSI name string, T10 vendor; within a
    /// type the longest, then the lowest. `None` where none of them names the logical unit.
    pub fn best_of(designators: &[Designator]) -> Option<Wwid> {
        let named = designators.iter().filter(|one| one.association == Association::LogicalUnit);
        let ranked = named.filter(|one| !one.value.is_empty()).filter_map(|one| {
            let (rank, text) = match one.kind {
                3 => (0, format!("naa.{}", hex(&one.value))),
                2 => (1, format!("eui.{}", hex(&one.value))),
                0x0a => (2, format!("uuid.{}", hex(&one.value))),
                8 => (3, text(&one.value)),
                1 => (4, format!("t10.{}", text(&one.value))),
                _ => return None,
            };
            Some((rank, usize::MAX - one.value.len(), text))
        });
        ranked.min().map(|(_, _, text)| Wwid(text))
    }
}

impl fmt::Display for Wwid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<T: Transport> LogicalUnit<T> {
    /// INQUIRY, standard data (SPC-4).
    pub fn inquiry(&mut self, deadline: Deadline) -> Result<Inquiry, Error> {
        let command = Command::Inquiry;
        let mut data = [0; STANDARD_BYTES as usize];
        let cdb = [INQUIRY, 0, 0, 0, STANDARD_BYTES, 0];
        let got = self.execute(command, &cdb, Data::In(&mut data), deadline)?;
        let short = Error::Short(command, ShortTransfer { got, wanted: data.len() });
        let data = data.get(..got).unwrap_or_default();
        let field = |at, length| part(data, at, length).map(text);
        match (byte(data, 0), field(8, 8), field(16, 16), field(32, 4)) {
            (Some(first), Some(vendor), Some(product), Some(revision)) => {
                Ok(Inquiry { qualifier: first >> 5, device_type: first & 0x1f, vendor, product, revision })
            }
            _ => Err(short),
        }
    }

    /// The unit serial number, page 80h (SPC-4), without padding.
    pub fn unit_serial(&mut self, deadline: Deadline) -> Result<String, Error> {
        Ok(text(&self.page(0x80, deadline)?))
    }

    /// The designators of the Device Identification page, 83h, in the device's order (SPC-4).
    pub fn designators(&mut self, deadline: Deadline) -> Result<Vec<Designator>, Error> {
        let page = self.page(0x83, deadline)?;
        let mut rest = page.as_slice();
        let mut found = Vec::new();
        // Zeros that fill the page up aren't a descriptor.
        let filling = page.iter().rev().take_while(|&&byte| byte == 0).count();
        while rest.len() > filling {
            let (designator, after) = designator(rest).ok_or_else(|| {
                Error::Malformed(Command::VitalProductData(0x83), "a designator is cut off".into())
            })?;
            found.push(designator);
            rest = after;
        }
        Ok(found)
    }

    /// The worldwide name; an error where the device gives none.
    pub fn wwid(&mut self, deadline: Deadline) -> Result<Wwid, Error> {
        let none = || Error::Malformed(Command::VitalProductData(0x83), "no name of the logical unit".into());
        Wwid::best_of(&self.designators(deadline)?).ok_or_else(none)
    }

    /// The content of a vital product data page behind its header of four bytes.
    fn page(&mut self, page: u8, deadline: Deadline) -> Result<Vec<u8>, Error> {
        let command = Command::VitalProductData(page);
        let mut size = FIRST_PAGE_BYTES;
        loop {
            let [high, low] = size.to_be_bytes();
            let mut data = vec![0; usize::from(size)];
            let cdb = [INQUIRY, 1, page, high, low, 0];
            let got = self.execute(command, &cdb, Data::In(&mut data), deadline)?;
            data.truncate(got);
            let Some(length) = be16(&data, 2) else {
                return Err(Error::Short(command, ShortTransfer { got, wanted: 4 }));
            };
            if byte(&data, 0).is_some_and(|first| first >> 5 == NO_UNIT) {
                return Err(Error::Absent(command));
            }
            // A device that doesn't know the page's number may answer with its standard data.
            if byte(&data, 1) != Some(page) {
                return Err(Error::Malformed(command, "another page than asked for".into()));
            }
            let wanted = usize::from(length) + 4;
            if let Some(content) = part(&data, 4, usize::from(length)) {
                return Ok(content.to_vec());
            }
            match u16::try_from(wanted) {
                Ok(wanted) if wanted > size => size = wanted,
                Ok(_) => return Err(Error::Short(command, ShortTransfer { got, wanted })),
                Err(_) => return Err(Error::TooLong(command, wanted)),
            }
        }
    }
}

fn designator(data: &[u8]) -> Option<(Designator, &[u8])> {
    let second = byte(data, 1)?;
    let length = usize::from(byte(data, 3)?);
    let association = match (second >> 4) & 0x03 {
        0 => Association::LogicalUnit,
        1 => Association::TargetPort,
        2 => Association::TargetDevice,
        _ => Association::Reserved,
    };
    let value = part(data, 4, length)?.to_vec();
    Some((Designator { association, kind: second & 0x0f, value }, data.get(4 + length..)?))
}
