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
