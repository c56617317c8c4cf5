//! Commands that say which device this is.

use super::command::{Command, Request, netfn};

fn request(name: &'static str, command: u8) -> Request {
    Request { name, netfn: netfn::APP, lun: 0, command, data: Vec::new() }
}

/// Get Device ID (20.1). Needs the privilege level user.
#[derive(Clone, Copy, Debug)]
pub struct GetDeviceId;

/// Which controller answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId {
    /// The device id, of the maker's choice.
    pub device: u8,
    /// The device's revision.
    pub revision: u8,
    /// The firmware's major revision.
    pub firmware_major: u8,
    /// The firmware's minor revision, in binary coded decimal.
    pub firmware_minor: u8,
    /// The version of IPMI, major and minor: (2, 0) or (1, 5).
    pub ipmi: (u8, u8),
    /// The device is being updated or starting up.
    pub busy: bool,
    /// It has chassis commands.
    pub chassis: bool,
    /// The maker's IANA enterprise number.
    pub manufacturer: u32,
    /// The product id, of the maker's choice.
    pub product: u16,
}

impl Command for GetDeviceId {
    type Reply = DeviceId;

    fn request(&self) -> Request {
        request("Get Device ID", 0x01)
    }

    fn parse(data: &[u8]) -> Result<DeviceId, &'static str> {
        let [device, revision, major, minor, ipmi, support, m0, m1, m2, p0, p1, ..] = *data else {
            return Err("the reply has fewer than eleven bytes");
        };
        Ok(DeviceId {
            device,
            revision: revision & 0x0F,
            firmware_major: major & 0x7F,
            firmware_minor: minor,
            ipmi: (ipmi & 0x0F, ipmi >> 4),
            busy: major & 0x80 != 0,
            chassis: support & 0x80 != 0,
            manufacturer: u32::from_le_bytes([m0, m1, m2 & 0x0F, 0]),
            product: u16::from_le_bytes([p0, p1]),
        })
    }
}

/// Get System GUID (22.14). May be sent at any privilege level.
#[derive(Clone, Copy, Debug)]
pub struct GetSystemGuid;

/// The 16 bytes of a GUID in the order they came. Firmware disagrees on that order, so they identify a machine
/// only against bytes read the same way.
pub type Guid = [u8; 16];

impl Command for GetSystemGuid {
    type Reply = Guid;

    fn request(&self) -> Request {
        request("Get System GUID", 0x37)
    }

    fn parse(data: &[u8]) -> Result<Guid, &'static str> {
        data.first_chunk().copied().ok_or("the reply has fewer than sixteen bytes")
    }
}

/// Get Session Info (22.20) of the session that it is sent in. Needs the privilege level user.
#[derive(Clone, Copy, Debug)]
pub struct GetSessionInfo;

/// How many sessions there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// How many the BMC can hold.
    pub possible: u8,
    /// How many are open, this one among them.
    pub active: u8,
}

impl Command for GetSessionInfo {
    type Reply = SessionInfo;

    fn request(&self) -> Request {
        // 0 is the session of the request.
        Request { data: vec![0], ..request("Get Session Info", 0x3D) }
    }

    fn parse(data: &[u8]) -> Result<SessionInfo, &'static str> {
        match *data {
            [_handle, possible, active, ..] => {
                Ok(SessionInfo { possible: possible & 0x3F, active: active & 0x3F })
            }
            _ => Err("the reply has fewer than three bytes"),
        }
    }
}

/// Get SEL Time (31.10): the BMC's clock. Needs the privilege level user.
#[derive(Clone, Copy, Debug)]
pub struct GetSelTime;

impl Command for GetSelTime {
    /// Seconds since 1970, in whatever zone the BMC keeps; small numbers are seconds since its start (37).
    type Reply = u32;

    fn request(&self) -> Request {
        Request { netfn: netfn::STORAGE, ..request("Get SEL Time", 0x48) }
    }

    fn parse(data: &[u8]) -> Result<u32, &'static str> {
        data.first_chunk().map(|time| u32::from_le_bytes(*time)).ok_or("the reply has fewer than four bytes")
    }
}

/// Get Asset Tag of the Data Center Manageability Interface (DCMI specification v1.5, 6.4.2): up to 16 bytes of it.
#[derive(Clone, Copy, Debug)]
pub struct GetAssetTag {
    /// Where to begin.
    pub offset: u8,
    /// How many bytes, 16 at most.
    pub count: u8,
}

/// DCMI's name in the first byte of its requests and replies.
const DCMI: u8 = 0xDC;

impl Command for GetAssetTag {
    /// The length of the whole tag, and the bytes asked for.
    type Reply = (u8, Vec<u8>);

    fn request(&self) -> Request {
        let data = vec![DCMI, self.offset, self.count];
        Request { name: "Get Asset Tag", netfn: netfn::GROUP, lun: 0, command: 0x06, data }
    }

    fn parse(data: &[u8]) -> Result<(u8, Vec<u8>), &'static str> {
        match data {
            [DCMI, total, bytes @ ..] => Ok((*total, bytes.to_vec())),
            _ => Err("the reply isn't one of DCMI"),
        }
    }
}
