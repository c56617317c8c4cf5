//! Block devices of this machine.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::error::Error;
use super::sg_io;
use super::transport::{Completion, Data, Transport};

/// How a device is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading and writing: what PERSISTENT RESERVE OUT asks for from a caller without CAP_SYS_RAWIO. When the
    /// descriptor is closed, udev looks at the device anew.
    ReadWrite,
    /// Reading only: nothing notices. Enough for PERSISTENT RESERVE IN, and the only way on a write-protected
    /// device.
    ReadOnly,
}

/// An open block device that takes SCSI commands: a disk, or a device-mapper map that passes them on.
#[derive(Debug)]
pub struct Device {
    file: File,
}

impl Device {
    /// Opens a block device. It is looked at first: opening something else might wait or have side effects.
    ///
    /// The descriptor is non-blocking, which lets disks without a medium be opened; SG_IO itself waits all the
    /// same. Opening may wait for a device whose error handling is under way.
    pub fn open(path: &Path, access: Access) -> Result<Device, Error> {
        let seen = look(path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(access == Access::ReadWrite)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(|error| Error::Open(path.to_path_buf(), error))?;
        let opened = file.metadata().map_err(|error| Error::Open(path.to_path_buf(), error))?;
        if !opened.file_type().is_block_device() || opened.rdev() != seen {
            return Err(Error::NotBlockDevice(path.to_path_buf()));
        }
        Ok(Device { file })
    }
}

impl Transport for Device {
    fn execute(&mut self, cdb: &[u8], data: Data<'_>, limit: Duration) -> io::Result<Completion> {
        sg_io::execute(self.file.as_fd(), cdb, data, limit)
    }
}

/// The device number behind a path that leads to a block device.
pub(super) fn look(path: &Path) -> Result<u64, Error> {
    let meta = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Error::Missing(path.to_path_buf()),
        _ => Error::Open(path.to_path_buf(), error),
    })?;
    if meta.file_type().is_block_device() {
        Ok(meta.rdev())
    } else {
        Err(Error::NotBlockDevice(path.to_path_buf()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_no_block_device_is_told_apart_and_not_opened() {
        let missing = Device::open(Path::new("/dev/no-such-disk"), Access::ReadOnly).unwrap_err();
        assert!(matches!(missing, Error::Missing(_)), "{missing}");
        assert_eq!(missing.to_string(), "device \"/dev/no-such-disk\" does not exist");
        for other in ["/dev/null", "/etc/passwd", "/tmp"] {
            let error = Device::open(Path::new(other), Access::ReadWrite).unwrap_err();
            assert!(matches!(error, Error::NotBlockDevice(_)), "{error}");
        }
    }
}
