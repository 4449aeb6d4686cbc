//! What comes in at the device's connector: is there a picture, and of which timings.
//!
//! A receiver of HDMI or SDI says so itself (Linux: Documentation/userspace-api/media/v4l/dv-timings.rst). What most USB
//! grabbers say is that all is well, whatever is plugged in: for these, what comes is what there is.

use std::io;

use v4l::v4l_sys::*;
use v4l::v4l2::vidioc;

use super::ioctl;
use super::node::Node;
use crate::capture::{CaptureError, Signal};

/// Timings of a progressive picture, as they were queried.
#[derive(Clone, Copy)]
pub(super) struct Timings(v4l2_dv_timings);

/// What there is at the input.
pub(super) enum Sensed {
    /// A picture of these timings.
    Picture(Timings),
    /// The device does not tell.
    Unknown,
    /// No picture that we can read; why.
    None(Signal),
}

impl Timings {
    fn bt(&self) -> v4l2_bt_timings {
        // SAFETY: of the union, `bt` is the member of all timings there are; every bit pattern is valid.
        unsafe { self.0.__bindgen_anon_1.bt }
    }

    pub fn size(&self) -> (u32, u32) {
        (self.bt().width, self.bt().height)
    }

    /// Pictures a second.
    pub fn rate(&self) -> f64 {
        let bt = self.bt();
        let sum = |parts: [u32; 4]| parts.iter().map(|n| f64::from(*n)).sum::<f64>();
        let columns = sum([bt.width, bt.hfrontporch, bt.hsync, bt.hbackporch]);
        let lines = sum([bt.height, bt.vfrontporch, bt.vsync, bt.vbackporch]);
        let clock = bt.pixelclock;
        clock as f64 / (columns * lines).max(1.0)
    }

    /// Whether a picture of these timings is captured like one of `other`: the pixel clock is measured, and wavers.
    pub fn same(&self, other: &Self) -> bool {
        let (a, b) = (self.rate(), other.rate());
        self.size() == other.size() && (a - b).abs() < 0.01 * b
    }
}

impl Node {
    /// Asks to be told when something changes at the input; false if the device cannot tell.
    pub fn subscribe(&self) -> bool {
        let answer = self.ask(
            ioctl::VIDIOC_SUBSCRIBE_EVENT,
            |event: &mut v4l2_event_subscription| {
                event.type_ = V4L2_EVENT_SOURCE_CHANGE;
                // The input.
                event.id = self.input();
            },
        );
        answer.is_ok()
    }

    /// Takes all events that wait; true if there was one.
    pub fn take_events(&self) -> Result<bool, CaptureError> {
        let mut any = false;
        loop {
            match self.ask(ioctl::VIDIOC_DQEVENT, |_: &mut v4l2_event| {}) {
                Ok(_) => any = true,
                Err(error) if error.raw_os_error() == Some(ENODEV as i32) => {
                    return Err(self.failed("take an event", error));
                }
                // None waits.
                Err(_) => return Ok(any),
            }
        }
    }

    /// Whether the input tells the timings of what comes in.
    pub fn has_timings(&self) -> bool {
        self.ask_input()
            .is_ok_and(|input| input.capabilities & V4L2_IN_CAP_DV_TIMINGS != 0)
    }

    fn ask_input(&self) -> io::Result<v4l2_input> {
        let index = self.input();
        self.ask(vidioc::VIDIOC_ENUMINPUT, |input: &mut v4l2_input| {
            input.index = index
        })
    }

    /// Number of the input in use, as events and EDIDs name it.
    pub fn input(&self) -> u32 {
        let input = self.ask(vidioc::VIDIOC_G_INPUT, |_: &mut i32| {});
        input.ok().and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    /// Looks at the input.
    pub fn sense(&self) -> Result<Sensed, CaptureError> {
        let timings = self.ask(ioctl::VIDIOC_QUERY_DV_TIMINGS, |_: &mut v4l2_dv_timings| {});
        let error = match timings {
            Ok(timings) => return Ok(self.judged(Timings(timings))),
            Err(error) => error,
        };
        let code = error.raw_os_error().and_then(|code| u32::try_from(code).ok());
        Ok(match code {
            Some(ENOLINK) => self.no_signal(),
            Some(ENOLCK) => self.no_lock(),
            Some(ERANGE) => Sensed::None(Signal::Unsupported {
                reason: format!(
                    "{}: out of range: the scanner's output mode is beyond what the device takes; \
                     set the scanner to 1920x1080 at 60 Hz or less",
                    self.path().display()
                ),
            }),
            Some(ENOTTY | ENODATA | EINVAL) => self.status(),
            _ => return Err(self.failed("ask for the timings", error)),
        })
    }

    fn judged(&self, timings: Timings) -> Sensed {
        let bt = timings.bt();
        if bt.interlaced == V4L2_DV_INTERLACED {
            let (width, height, path) = (bt.width, bt.height, self.path().display());
            return Sensed::None(Signal::Unsupported {
                reason: format!(
                    "{path}: interlaced {width}x{height} is not read: its pictures are woven of two moments; \
                     set the scanner to a progressive mode (1080p, not 1080i)"
                ),
            });
        }
        Sensed::Picture(timings)
    }

    /// What a device without timings says of its input.
    fn status(&self) -> Sensed {
        let status = self.ask_input().map_or(0, |input| input.status);
        if status & (V4L2_IN_ST_NO_SIGNAL | V4L2_IN_ST_NO_POWER) != 0 {
            self.no_signal()
        } else if status & (V4L2_IN_ST_NO_H_LOCK | V4L2_IN_ST_NO_SYNC) != 0 {
            self.no_lock()
        } else {
            Sensed::Unknown
        }
    }

    fn no_signal(&self) -> Sensed {
        Sensed::None(Signal::NoSignal {
            reason: format!(
                "{}: no signal: the cable is unplugged or the scanner's output is off",
                self.path().display()
            ),
        })
    }

    fn no_lock(&self) -> Sensed {
        Sensed::None(Signal::NoSignal {
            reason: format!(
                "{}: no lock: a signal comes and is not stable; check the cable and its adapters",
                self.path().display()
            ),
        })
    }

    /// Sets the device to the timings of what comes in; it must not be streaming.
    pub fn set_timings(&self, timings: &Timings) -> Result<(), CaptureError> {
        self.ask(ioctl::VIDIOC_S_DV_TIMINGS, |wanted| *wanted = timings.0)
            .map(drop)
            .map_err(|source| self.failed("set the timings", source))
    }

    /// What the device tells the scanner of itself, and how to say another thing: see [`super::edid`].
    pub fn exchange_edid(
        &self,
        request: vidioc::_IOC_TYPE,
        blocks: u32,
        bytes: &mut [u8],
    ) -> io::Result<u32> {
        assert!(bytes.len() >= blocks as usize * 128, "blocks of 128 bytes");
        let mut edid = v4l2_edid {
            pad: self.input(),
            start_block: 0,
            blocks,
            reserved: [0; 5],
            edid: bytes.as_mut_ptr(),
        };
        // SAFETY: the kernel reads or writes at most `blocks` blocks of 128 bytes at `edid`, which are there.
        unsafe { ioctl::call(self.descriptor(), request, &mut edid) }?;
        Ok(edid.blocks)
    }
}
