//! The inventory of a field replaceable unit (FRU): who made the machine, its serial numbers, its asset tag. Read with
//! the commands of 34; laid out as in the Platform Management FRU Information Storage Definition v1.0, revision 1.3,
//! whose sections are cited as FRU.

use std::time::Duration;

use super::command::{Command, Request, netfn};
use super::completion;
use super::error::Error;
use super::session::Session;
use crate::base::Deadline;

/// The FRU of the controller that answers, which on the BMC is the machine itself (38.1).
pub const OWN: u8 = 0;

/// Offsets and lengths of areas are counted in these (FRU 8).
const UNIT: usize = 8;
/// The length of the common header (FRU 8).
const HEADER: usize = 8;
/// How many bytes one request asks for at first. A BMC that can't give as many says so, and is asked for fewer.
const PIECE: u8 = 32;
/// How long an inventory may take altogether. A few dozen requests take a second or two; a BMC that hands it out byte by
/// byte, and takes its time, isn't followed to the end.
const LIMIT: Duration = Duration::from_secs(30);
/// With fewer than this an inventory isn't worth reading.
const SMALLEST_PIECE: u8 = 8;

fn request(name: &'static str, command: u8, data: Vec<u8>) -> Request {
    Request { name, netfn: netfn::STORAGE, lun: 0, command, data }
}

/// Get FRU Inventory Area Info (34.1). Needs the privilege level user.
#[derive(Clone, Copy, Debug)]
pub struct GetFruInventoryAreaInfo {
    /// The FRU's device id.
    pub fru: u8,
}

/// How large an inventory is, and how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AreaInfo {
    /// The size in bytes.
    pub size: u16,
    /// Offsets and counts are words of two bytes.
    pub by_words: bool,
}

impl Command for GetFruInventoryAreaInfo {
    type Reply = AreaInfo;

    fn request(&self) -> Request {
        request("Get FRU Inventory Area Info", 0x10, vec![self.fru])
    }

    fn parse(data: &[u8]) -> Result<AreaInfo, &'static str> {
        match *data {
            [low, high, access, ..] => {
                Ok(AreaInfo { size: u16::from_le_bytes([low, high]), by_words: access & 1 == 1 })
            }
            _ => Err("the reply has fewer than three bytes"),
        }
    }
}

/// Read FRU Data (34.2). Needs the privilege level user.
#[derive(Clone, Copy, Debug)]
pub struct ReadFruData {
    /// The FRU's device id.
    pub fru: u8,
    /// Where to begin, in bytes or words.
    pub offset: u16,
    /// How many bytes or words.
    pub count: u8,
}

impl Command for ReadFruData {
    type Reply = Vec<u8>;
    const COMPLETIONS: &'static [completion::Words] = &[(0x81, "the FRU device is busy")];

    fn request(&self) -> Request {
        let [low, high] = self.offset.to_le_bytes();
        request("Read FRU Data", 0x11, vec![self.fru, low, high, self.count])
    }

    /// The bytes behind the count; the count itself may be of words, and is implied by their number.
    fn parse(data: &[u8]) -> Result<Vec<u8>, &'static str> {
        match data {
            [count, bytes @ ..] if *count > 0 && bytes.len() >= usize::from(*count) => Ok(bytes.to_vec()),
            _ => Err("the reply holds fewer bytes than it says"),
        }
    }
}

/// Where the areas begin, in bytes; `None` where there is none (FRU 8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The chassis info area.
    pub chassis: Option<usize>,
    /// The board info area.
    pub board: Option<usize>,
    /// The product info area.
    pub product: Option<usize>,
}

impl Header {
    /// Reads the common header.
    ///
    /// # Errors
    /// In words, what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Header, &'static str> {
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Err("the header is cut short") };
        let [version, _internal, chassis, board, product, ..] = *header;
        if version & 0x0F != 1 {
            return Err("the header is of another format version than 1");
        }
        if sum(header) != 0 {
            return Err("the header's checksum is wrong");
        }
        let at = |offset: u8| Some(usize::from(offset).saturating_mul(UNIT)).filter(|at| *at > 0);
        Ok(Header { chassis: at(chassis), board: at(board), product: at(product) })
    }
}

/// What an inventory says. A text that isn't there is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The chassis info area (FRU 10).
    pub chassis: Area<Chassis>,
    /// The board info area (FRU 11).
    pub board: Area<Board>,
    /// The product info area (FRU 12).
    pub product: Area<Product>,
}

/// One area of an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Area<T> {
    /// There is none.
    #[default]
    Absent,
    /// It is there, and can't be believed, for this reason.
    Damaged(&'static str),
    /// What it says.
    Present(T),
}

impl<T> Area<T> {
    /// What it says, where it can be believed.
    pub fn get(&self) -> Option<&T> {
        match self {
            Area::Present(content) => Some(content),
            Area::Absent | Area::Damaged(_) => None,
        }
    }
}

/// The chassis (FRU 10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chassis {
    /// Part number.
    pub part: String,
    /// Serial number.
    pub serial: String,
}

/// The main board (FRU 11).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Its maker.
    pub maker: String,
    /// Its name.
    pub name: String,
    /// Its serial number.
    pub serial: String,
    /// Its part number.
    pub part: String,
}

/// The machine as it was sold (FRU 12).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    /// Its maker.
    pub maker: String,
    /// Its name.
    pub name: String,
    /// Its part or model number.
    pub part: String,
    /// Its version.
    pub version: String,
    /// Its serial number.
    pub serial: String,
    /// The asset tag that its owner has given it.
    pub asset_tag: String,
}

impl Inventory {
    /// The machine's serial number: the product's, or, where that area is absent or leaves it empty, the chassis's.
    /// The board's isn't the machine's: a repair changes it. `None` where an area that comes first is damaged.
    pub fn serial(&self) -> Option<(&str, &'static str)> {
        match &self.product {
            Area::Damaged(_) => None,
            Area::Present(product) if !product.serial.is_empty() => {
                Some((&product.serial, "FRU 0, product serial number"))
            }
            Area::Absent | Area::Present(_) => self
                .chassis
                .get()
                .map(|chassis| (chassis.serial.as_str(), "FRU 0, chassis serial number"))
                .filter(|(serial, _)| !serial.is_empty()),
        }
    }

    /// The asset tag; `None` where there is none.
    pub fn asset_tag(&self) -> Option<&str> {
        self.product.get().map(|product| product.asset_tag.as_str()).filter(|tag| !tag.is_empty())
    }

    /// Maker and name of the machine: the product's, otherwise the board's; empty where neither says any.
    pub fn product_name(&self) -> String {
        let product = self.product.get().map(|product| (product.maker.as_str(), product.name.as_str()));
        let board = self.board.get().map(|board| (board.maker.as_str(), board.name.as_str()));
        let (maker, name) = product.filter(|(_, name)| !name.is_empty()).or(board).unwrap_or(("", ""));
        format!("{maker} {name}").trim().to_owned()
    }
}

/// Reads an inventory, from its first byte.
///
/// # Errors
/// In words, what is wrong with the common header. What is wrong with an area is told in its place.
pub fn parse(bytes: &[u8]) -> Result<Inventory, &'static str> {
    let header = Header::parse(bytes)?;
    Ok(Inventory {
        chassis: area(bytes, header.chassis, |mut fields| {
            fields.skip(1)?;
            Ok(Chassis { part: fields.text()?, serial: fields.text()? })
        }),
        board: area(bytes, header.board, |mut fields| {
            // Language, and the date of making in three bytes.
            fields.language()?;
            fields.skip(3)?;
            Ok(Board {
                maker: fields.text()?,
                name: fields.text()?,
                serial: fields.text()?,
                part: fields.text()?,
            })
        }),
        product: area(bytes, header.product, |mut fields| {
            fields.language()?;
            Ok(Product {
                maker: fields.text()?,
                name: fields.text()?,
                part: fields.text()?,
                version: fields.text()?,
                serial: fields.text()?,
                asset_tag: fields.text()?,
            })
        }),
    })
}

/// The bytes of the area that begins there, as its length byte says, or what is wrong with it.
fn area_bytes(bytes: &[u8], at: usize) -> Result<&[u8], &'static str> {
    let rest = bytes.get(at..).unwrap_or_default();
    let [version, length, ..] = *rest else { return Err("it lies beyond the end") };
    if version & 0x0F != 1 {
        return Err("it is of another format version than 1");
    }
    let length = usize::from(length).saturating_mul(UNIT);
    let area = rest.get(..length).filter(|area| !area.is_empty()).ok_or("it reaches beyond the end")?;
    if sum(area) != 0 {
        return Err("its checksum is wrong");
    }
    Ok(area)
}

fn area<T>(
    bytes: &[u8],
    at: Option<usize>,
    read: impl FnOnce(Fields<'_>) -> Result<T, &'static str>,
) -> Area<T> {
    let Some(at) = at else { return Area::Absent };
    let content = area_bytes(bytes, at).and_then(|area| {
        // Version and length in front, the checksum behind.
        let fields = area.get(2..area.len().saturating_sub(1)).unwrap_or_default();
        read(Fields { rest: fields, ended: false, english: true })
    });
    match content {
        Ok(content) => Area::Present(content),
        Err(why) => Area::Damaged(why),
    }
}

/// The fields of an area, one after the other (FRU 13).
struct Fields<'a> {
    rest: &'a [u8],
    ended: bool,
    english: bool,
}

impl Fields<'_> {
    /// Takes so many bytes.
    fn skip(&mut self, count: usize) -> Result<&[u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("it ends inside a field")?;
        self.rest = rest;
        Ok(taken)
    }

    /// The language code (FRU 15): 0 and 25 are English, for which text is Latin-1, otherwise UTF-16.
    fn language(&mut self) -> Result<(), &'static str> {
        let code = self.skip(1)?.first().copied();
        self.english = matches!(code, Some(0 | 25));
        Ok(())
    }

    /// The next field; empty where no more are there.
    fn text(&mut self) -> Result<String, &'static str> {
        /// No more fields (FRU 13).
        const END: u8 = 0xC1;
        if self.ended {
            return Ok(String::new());
        }
        let type_and_length = match self.skip(1)?.first() {
            Some(byte) => *byte,
            None => return Err("it ends inside a field"),
        };
        if type_and_length == END {
            self.ended = true;
            return Ok(String::new());
        }
        let english = self.english;
        let bytes = self.skip(usize::from(type_and_length & 0x3F))?;
        let text = match type_and_length >> 6 {
            0 => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
            1 => bcd_plus(bytes),
            2 => packed(bytes),
            _ if english => bytes.iter().map(|byte| char::from(*byte)).collect(),
            _ => {
                let (pairs, _) = bytes.as_chunks::<2>();
                char::decode_utf16(pairs.iter().map(|pair| u16::from_le_bytes(*pair)))
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect()
            }
        };
        Ok(text.trim_matches([' ', '\0']).to_owned())
    }
}

/// Two digits in each byte, the high one first; ten is a space, then dash and dot (FRU 13.1).
fn bcd_plus(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ' ', '-', '.', '?', '?', '?'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 0x0F)).copied().unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Characters of six bits, from 20h on, the lowest bits of the first byte first (FRU 13.2).
fn packed(bytes: &[u8]) -> String {
    let (mut text, mut bits, mut held) = (String::new(), 0u32, 0u32);
    for byte in bytes {
        bits |= u32::from(*byte) << held;
        held = held.saturating_add(8);
        while held >= 6 {
            text.push(u8::try_from(bits & 0x3F).map_or('?', |value| char::from(value.saturating_add(0x20))));
            bits >>= 6;
            held = held.saturating_sub(6);
        }
    }
    text
}

/// The sum of the bytes without carry; zero where a checksum among them is right.
fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

/// Reads chassis, board and product area of a FRU from the device: a few dozen requests at most, each area having at
/// most 2,040 bytes; and 30 s at most, where the deadline leaves more.
///
/// # Errors
/// As [`Session::send`]; [`Error::Unexpected`] for a header that can't be believed.
pub fn read(session: &mut Session, fru: u8, deadline: Deadline) -> Result<Inventory, Error> {
    let deadline = deadline.at_most(LIMIT);
    let info = session.send(&GetFruInventoryAreaInfo { fru }, deadline)?;
    let mut reader = Reader { session, fru, info, piece: PIECE, deadline };
    let unexpected = |what| Error::Unexpected { step: "Read FRU Data", what };
    let mut image = Vec::new();
    reader.fill(&mut image, 0, HEADER)?;
    let header = Header::parse(&image).map_err(unexpected)?;
    for at in [header.chassis, header.board, header.product].into_iter().flatten() {
        // An area that lies outside is told as damaged, by what is missing of it.
        if at.saturating_add(2) > usize::from(info.size) {
            continue;
        }
        reader.fill(&mut image, at, 2)?;
        let length =
            image.get(at.saturating_add(1)).map_or(0, |units| usize::from(*units).saturating_mul(UNIT));
        let length = length.min(usize::from(info.size).saturating_sub(at));
        reader.fill(&mut image, at, length)?;
    }
    parse(&image).map_err(unexpected)
}

/// Reads pieces of an inventory into their places.
struct Reader<'a> {
    session: &'a mut Session,
    fru: u8,
    info: AreaInfo,
    piece: u8,
    deadline: Deadline,
}

impl Reader<'_> {
    /// Reads so many bytes from there.
    fn fill(&mut self, image: &mut Vec<u8>, at: usize, count: usize) -> Result<(), Error> {
        let end = at.saturating_add(count);
        let mut from = at;
        while from < end {
            let bytes = self.some(from, end.saturating_sub(from))?;
            let until = from.saturating_add(bytes.len());
            if image.len() < until {
                image.resize(until, 0);
            }
            if let Some(place) = image.get_mut(from..until) {
                place.copy_from_slice(&bytes);
            }
            from = until;
        }
        Ok(())
    }

    /// At least one byte from there, at most so many.
    fn some(&mut self, from: usize, count: usize) -> Result<Vec<u8>, Error> {
        let unit = if self.info.by_words { 2 } else { 1 };
        loop {
            // By words the first byte may be one before: every area begins at an even place.
            let skipped = from.checked_rem(unit).unwrap_or_default();
            let offset = from.checked_div(unit).and_then(|offset| u16::try_from(offset).ok());
            let offset =
                offset.ok_or(Error::Unexpected { step: "Read FRU Data", what: "an area is out of reach" })?;
            let wanted = count.saturating_add(skipped).min(usize::from(self.piece));
            let units = wanted.div_ceil(unit);
            let count_of_units = u8::try_from(units).unwrap_or(self.piece);
            let command = ReadFruData { fru: self.fru, offset, count: count_of_units };
            match self.session.send(&command, self.deadline) {
                Ok(bytes) => {
                    let bytes = bytes.get(skipped..).unwrap_or_default();
                    let bytes = bytes.get(..count.min(bytes.len())).unwrap_or_default();
                    if bytes.is_empty() {
                        return Err(Error::Unexpected { step: "Read FRU Data", what: "the reply is empty" });
                    }
                    return Ok(bytes.to_vec());
                }
                // C7h to CAh: not so many bytes at once.
                Err(Error::Completion { code: 0xC7..=0xCA, .. }) if self.piece > SMALLEST_PIECE => {
                    self.piece /= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.push(0u8.wrapping_sub(sum(&bytes)));
        bytes
    }

    fn field(text: &str) -> Vec<u8> {
        [&[0xC0 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat()
    }

    fn an_area(front: &[u8], fields: &[Vec<u8>]) -> Vec<u8> {
        let mut area = vec![1, 0];
        area.extend(front);
        area.extend(fields.concat());
        area.push(0xC1);
        while area.len() % UNIT != UNIT - 1 {
            area.push(0);
        }
        area[1] = u8::try_from((area.len() + 1) / UNIT).unwrap();
        with_checksum(area)
    }

    fn image(product: Vec<u8>) -> Vec<u8> {
        let chassis = an_area(&[0x17], &[field("CP"), field("CS-1")]);
        let board = an_area(&[0, 0, 0, 0], &[field("Maker"), field("Board"), field("BS-1"), field("BP")]);
        let at = |length: usize| u8::try_from(length / UNIT).unwrap();
        let (board_at, product_at) = (HEADER + chassis.len(), HEADER + chassis.len() + board.len());
        let header = with_checksum(vec![1, 0, 1, at(board_at), at(product_at), 0, 0]);
        [header, chassis, board, product].concat()
    }

    fn product(serial: &str) -> Vec<u8> {
        let fields = ["Maker", "Machine 9", "P-1", "v2", serial, "rack 7 "].map(field);
        an_area(&[25], &fields)
    }

    #[test]
    fn the_products_serial_number_is_the_machines_and_the_chassis_stands_in_for_it() {
        let inventory = parse(&image(product("PS-1"))).unwrap();
        assert_eq!(inventory.serial(), Some(("PS-1", "FRU 0, product serial number")));
        assert_eq!(
            (inventory.asset_tag(), inventory.product_name()),
            (Some("rack 7"), "Maker Machine 9".into())
        );
        assert_eq!(inventory.board.get().unwrap().serial, "BS-1");
        let inventory = parse(&image(product(""))).unwrap();
        assert_eq!(inventory.serial(), Some(("CS-1", "FRU 0, chassis serial number")));
    }

    #[test]
    fn a_damaged_product_area_gives_no_serial_number_at_all() {
        let whole = image(product("PS-1"));
        for at in whole.len() - product("PS-1").len()..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x10;
            let inventory = parse(&changed).unwrap();
            assert!(matches!(inventory.product, Area::Damaged(_)), "{at}");
            assert_eq!(inventory.serial(), None);
        }
    }

    #[test]
    fn an_inventory_cut_anywhere_is_read_without_inventing_anything() {
        let whole = image(product("PS-1"));
        for length in 0..whole.len() {
            match parse(&whole[..length]) {
                Err(_) => assert!(length < HEADER),
                Ok(inventory) => assert_eq!(inventory.product.get(), None, "{length}"),
            }
        }
    }

    #[test]
    fn a_header_that_is_no_header_is_refused() {
        assert!(parse(&[0xFF; 64]).is_err());
        assert!(parse(&[0; 64]).is_err());
        assert!(parse(&with_checksum(vec![2, 0, 1, 2, 3, 0, 0])).is_err());
    }

    #[test]
    fn every_encoding_of_a_text_is_read() {
        assert_eq!(bcd_plus(&[0x12, 0xAB, 0xC9]), "12 -.9");
        // "IPMI" is the specification's own example (FRU 13.3).
        assert_eq!(packed(&[0x29, 0xDC, 0xA6]), "IPMI");
        let fields = [vec![0x02, 0xAB, 0xCD], vec![0x83, 0x29, 0xDC, 0xA6], vec![0xC4, b'A', 0, 0xE4, 0]];
        let read = area(&an_area(&[1], &fields), Some(0), |mut fields| {
            fields.language()?;
            Ok([fields.text()?, fields.text()?, fields.text()?, fields.text()?])
        });
        assert_eq!(read, Area::Present(["ABCD".into(), "IPMI".into(), "Aä".into(), String::new()]));
    }
}
