//! The SG_IO ioctl: the one place where memory is handed to the kernel's SCSI layer.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use super::transport::{Completion, Data};

/// `struct sg_io_hdr` of Linux (include/scsi/sg.h), interface "S".
#[repr(C)]
struct SgIoHdr {
    interface_id: libc::c_int,
    dxfer_direction: libc::c_int,
    cmd_len: u8,
    mx_sb_len: u8,
    iovec_count: u16,
    dxfer_len: u32,
    dxferp: *mut libc::c_void,
    cmdp: *mut u8,
    sbp: *mut u8,
    timeout: u32,
    flags: u32,
    pack_id: libc::c_int,
    usr_ptr: *mut libc::c_void,
    status: u8,
    masked_status: u8,
    msg_status: u8,
    sb_len_wr: u8,
    host_status: u16,
    driver_status: u16,
    resid: libc::c_int,
    duration: u32,
    info: u32,
}

const SG_IO: libc::Ioctl = 0x2285;
const INTERFACE: libc::c_int = b'S' as libc::c_int;
const DXFER_TO_DEV: libc::c_int = -2;
const DXFER_FROM_DEV: libc::c_int = -3;
/// The longest sense data there is (SPC-4).
const SENSE_BYTES: u8 = 252;

/// Sends one command and waits for its end. The kernel aborts it after `limit`, which is rounded up to whole
/// milliseconds and never 0: that would mean the kernel's own limit of a minute.
pub(super) fn execute(
    device: BorrowedFd<'_>,
    cdb: &[u8],
    data: Data<'_>,
    limit: Duration,
) -> io::Result<Completion> {
    let too_long = |_| io::Error::from(io::ErrorKind::InvalidInput);
    let mut sense = [0_u8; SENSE_BYTES as usize];
    let dxfer_len = u32::try_from(data.len()).map_err(too_long)?;
    let (dxfer_direction, dxferp) = match data {
        Data::In(buffer) => (DXFER_FROM_DEV, buffer.as_mut_ptr().cast::<libc::c_void>()),
        Data::Out(buffer) => (DXFER_TO_DEV, buffer.as_ptr().cast_mut().cast::<libc::c_void>()),
    };
    let mut header = SgIoHdr {
        interface_id: INTERFACE,
        dxfer_direction,
        cmd_len: u8::try_from(cdb.len()).map_err(too_long)?,
        mx_sb_len: SENSE_BYTES,
        iovec_count: 0,
        dxfer_len,
        dxferp,
        cmdp: cdb.as_ptr().cast_mut(),
        sbp: sense.as_mut_ptr(),
        timeout: u32::try_from(limit.as_micros().div_ceil(1000)).unwrap_or(u32::MAX).max(1),
        flags: 0,
        pack_id: 0,
        usr_ptr: ptr::null_mut(),
        status: 0,
        masked_status: 0,
        msg_status: 0,
        sb_len_wr: 0,
        host_status: 0,
        driver_status: 0,
        resid: 0,
        duration: 0,
        info: 0,
    };
    // SAFETY: the header has the kernel's layout. Each pointer in it comes from a slice that is borrowed until
    // this function returns, with that slice's length beside it; the kernel reads `cmdp` and, for DXFER_TO_DEV,
    // `dxferp`, and writes `sbp` and, for DXFER_FROM_DEV, `dxferp`, which then comes from a mutable slice. With
    // flags 0 SG_IO is synchronous: the kernel keeps no pointer after it returns.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), SG_IO, ptr::from_mut(&mut header)) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Completion {
        status: header.status,
        host: header.host_status,
        driver: header.driver_status,
        sense: sense.get(..usize::from(header.sb_len_wr)).unwrap_or_default().to_vec(),
        residual: header.resid,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_kernels_layout() {
        // Size and offsets of struct sg_io_hdr on Linux with 64 bits and with 32, as a C compiler reports them.
        let kernels = if cfg!(target_pointer_width = "64") {
            [88, 16, 40, 64, 68, 72]
        } else {
            [64, 16, 28, 44, 48, 52]
        };
        let ours = [
            size_of::<SgIoHdr>(),
            std::mem::offset_of!(SgIoHdr, dxferp),
            std::mem::offset_of!(SgIoHdr, timeout),
            std::mem::offset_of!(SgIoHdr, status),
            std::mem::offset_of!(SgIoHdr, host_status),
            std::mem::offset_of!(SgIoHdr, resid),
        ];
        assert_eq!(ours, kernels);
    }

    #[test]
    fn a_descriptor_that_is_no_scsi_device_is_an_error_of_the_call() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let error =
            execute(std::os::fd::AsFd::as_fd(&null), &[0; 6], Data::In(&mut []), Duration::from_secs(1));
        assert!(error.is_err());
    }
}
