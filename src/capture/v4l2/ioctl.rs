//! One system call with its argument checked, and the ioctl numbers that the crate `v4l` lacks.

use std::ffi::c_void;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Instant;

use v4l::v4l_sys::*;
use v4l::v4l2;
use v4l::v4l2::vidioc::_IOC_TYPE;

/// Number of an ioctl of V4L2 whose argument is a `T` (Linux: asm-generic/ioctl.h).
const fn number<T>(writes: bool, reads: bool, nr: _IOC_TYPE) -> _IOC_TYPE {
    let direction = ((reads as _IOC_TYPE) << 1) | writes as _IOC_TYPE;
    (direction << 30) | ((size_of::<T>() as _IOC_TYPE) << 16) | ((b'V' as _IOC_TYPE) << 8) | nr
}

pub(super) const VIDIOC_S_DV_TIMINGS: _IOC_TYPE = number::<v4l2_dv_timings>(true, true, 87);
pub(super) const VIDIOC_DQEVENT: _IOC_TYPE = number::<v4l2_event>(false, true, 89);
pub(super) const VIDIOC_SUBSCRIBE_EVENT: _IOC_TYPE = number::<v4l2_event_subscription>(true, false, 90);
pub(super) const VIDIOC_QUERY_DV_TIMINGS: _IOC_TYPE = number::<v4l2_dv_timings>(false, true, 99);

/// What an ioctl may be given without further ado.
///
/// # Safety
/// Zero is a valid value, and the kernel follows no pointer in it for what we ask.
pub(super) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($argument:ty),*) => {
        $(
            // SAFETY: an integer or one of the kernel's C structures of integers and unions of them; the windows of
            // overlays, which hold pointers, are of buffer types that we never name.
            unsafe impl Plain for $argument {}
        )*
    };
}
plain!(
    i32,
    v4l2_capability,
    v4l2_dv_timings,
    v4l2_event,
    v4l2_event_subscription,
    v4l2_fmtdesc,
    v4l2_format,
    v4l2_frmivalenum,
    v4l2_frmsizeenum,
    v4l2_input,
    v4l2_requestbuffers,
    v4l2_streamparm
);

/// One ioctl: `fill` writes its argument, which is zero before; gives the argument as the driver left it.
pub(super) fn ask<T: Plain>(
    device: BorrowedFd<'_>,
    request: _IOC_TYPE,
    fill: impl FnOnce(&mut T),
) -> io::Result<T> {
    // SAFETY: `T` is `Plain`.
    let mut argument: T = unsafe { std::mem::zeroed() };
    fill(&mut argument);
    // SAFETY: `T` is `Plain`.
    unsafe { call(device, request, &mut argument) }?;
    Ok(argument)
}

/// One ioctl.
///
/// # Safety
/// Every pointer in `argument` that the kernel follows for `request` is valid for what it does there.
pub(super) unsafe fn call<T>(device: BorrowedFd<'_>, request: _IOC_TYPE, argument: &mut T) -> io::Result<()> {
    // The argument's size is in bits 16..30 of the number (Linux: asm-generic/ioctl.h).
    assert_eq!(
        (request >> 16) as usize & 0x3fff,
        size_of::<T>(),
        "argument of ioctl {request:#x}"
    );
    loop {
        let pointer = (&raw mut *argument).cast::<c_void>();
        // SAFETY: the descriptor is open, the kernel reads and writes `size_of::<T>()` bytes at the pointer, as
        // checked above, and the caller vouches for the pointers in it.
        match unsafe { v4l2::ioctl(device.as_raw_fd(), request, pointer) } {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

/// Waits until `deadline` for one of `events`; gives what there is, [`POLLERR`] among it, or 0.
pub(super) fn wait(device: BorrowedFd<'_>, events: u32, deadline: Instant) -> io::Result<u32> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut poll_for = pollfd {
            fd: device.as_raw_fd(),
            events: events as i16,
            revents: 0,
        };
        let millis = left.as_micros().div_ceil(1000).try_into().unwrap_or(i32::MAX);
        // SAFETY: `poll_for` is one valid pollfd that outlives the call, and 1 is how many there are.
        match unsafe { poll(&mut poll_for, 1, millis) } {
            ready if ready >= 0 => return Ok(poll_for.revents as u32),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers as videodev2.h has them for 64-bit Linux.
    #[test]
    fn the_numbers_are_the_kernels() {
        assert_eq!(VIDIOC_S_DV_TIMINGS, 0xc084_5657);
        assert_eq!(VIDIOC_DQEVENT, 0x8088_5659);
        assert_eq!(VIDIOC_SUBSCRIBE_EVENT, 0x4020_565a);
        assert_eq!(VIDIOC_QUERY_DV_TIMINGS, 0x8084_5663);
    }
}
