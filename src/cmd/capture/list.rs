//! `sonograde capture list`: the capture devices, how the config may name them, and their modes.

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::output;
use crate::capture::v4l2::{self, Listed, Mode};
use crate::cmd::Failure;

/// Lists the capture devices: names under which the config finds them again, and what they offer.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Write JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let devices = v4l2::list();
    let mut out = std::io::stdout().lock();
    if args.json {
        let devices: Vec<Device> = devices.iter().map(Device::of).collect();
        let text = serde_json::to_string_pretty(&devices).expect("plain data");
        return writeln!(out, "{text}").map_err(output);
    }
    if devices.is_empty() {
        eprintln!("No capture device: plug one in; who is not root must be in the group `video`");
    }
    for device in &devices {
        write!(out, "{}", table(device)).map_err(output)?;
    }
    Ok(())
}

/// A device as JSON has it.
#[derive(Serialize)]
struct Device<'a> {
    path: &'a PathBuf,
    card: &'a str,
    driver: &'a str,
    bus: &'a str,
    links: &'a [PathBuf],
    modes: Vec<Offered>,
    best: Option<Offered>,
}

#[derive(Serialize)]
struct Offered {
    format: String,
    width: u32,
    height: u32,
    fps: Option<f64>,
    readable: bool,
}

impl<'a> Device<'a> {
    fn of(device: &'a Listed) -> Self {
        Self {
            path: &device.path,
            card: &device.card,
            driver: &device.driver,
            bus: &device.bus,
            links: &device.links,
            modes: device.modes.iter().map(Offered::of).collect(),
            best: device.best.as_ref().map(Offered::of),
        }
    }
}

impl Offered {
    fn of(mode: &Mode) -> Self {
        Self {
            format: code(mode),
            width: mode.width,
            height: mode.height,
            fps: mode.fps(),
            readable: mode.readable(),
        }
    }
}

/// The pixel format as V4L2 writes it: the highest bit says big-endian.
fn code(mode: &Mode) -> String {
    let [a, b, c, d] = mode.format;
    let name = String::from_utf8_lossy(&[a, b, c, d & 0x7f]).into_owned();
    if d & 0x80 == 0 { name } else { name + "-BE" }
}

/// One device for people; of each pixel format the sizes, of each size the rates.
fn table(device: &Listed) -> String {
    let mut text = format!(
        "{}  {}, {}, {}\n",
        device.path.display(),
        device.card,
        device.driver,
        device.bus
    );
    for link in &device.links {
        text += &format!("  {}\n", link.display());
    }
    for modes in device.modes.chunk_by(|a, b| a.format == b.format) {
        let sizes: Vec<String> = modes.chunk_by(|a, b| size(a) == size(b)).map(rates).collect();
        let note = if modes[0].readable() { "" } else { "  (not read)" };
        text += &format!("  {}  {}{note}\n", code(&modes[0]), sizes.join(", "));
    }
    match &device.best {
        Some(best) => text += &format!("  taken unless pinned: {} {}\n", code(best), rates(&[*best])),
        None => text += "  nothing that can be read\n",
    }
    text
}

fn size(mode: &Mode) -> (u32, u32) {
    (mode.width, mode.height)
}

/// A size and its rates: `1920x1080 at 60, 30`.
fn rates(modes: &[Mode]) -> String {
    let rates: Vec<String> = modes
        .iter()
        .filter_map(Mode::fps)
        .map(|fps| format!("{}", (fps * 100.0).round() / 100.0))
        .collect();
    let (width, height) = size(&modes[0]);
    match rates.is_empty() {
        true => format!("{width}x{height}"),
        false => format!("{width}x{height} at {}", rates.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_for_each_format_and_says_what_is_not_read() {
        let mode = |format: &[u8; 4], width, height, fps: u32| Mode {
            format: *format,
            width,
            height,
            interval: (fps > 0).then_some((1001, fps * 1000)),
        };
        let best = mode(b"YUYV", 1280, 720, 60);
        let device = Listed {
            path: "/dev/video2".into(),
            links: vec!["/dev/v4l/by-id/usb-grabber-video-index0".into()],
            card: "USB3 Video".into(),
            driver: "uvcvideo".into(),
            bus: "usb-0000:00:14.0-1".into(),
            modes: vec![
                best,
                mode(b"YUYV", 1280, 720, 30),
                mode(b"YUYV", 640, 480, 60),
                mode(b"H264", 1920, 1080, 0),
                mode(b"Y16\xa0", 640, 480, 0),
            ],
            best: Some(best),
        };
        assert_eq!(
            table(&device),
            "/dev/video2  USB3 Video, uvcvideo, usb-0000:00:14.0-1\n\
             \x20 /dev/v4l/by-id/usb-grabber-video-index0\n\
             \x20 YUYV  1280x720 at 59.94/29.97, 640x480 at 59.94\n\
             \x20 H264  1920x1080  (not read)\n\
             \x20 Y16 -BE  640x480  (not read)\n\
             \x20 taken unless pinned: YUYV 1280x720 at 59.94\n"
        );
        let json = serde_json::to_value(Device::of(&device)).expect("plain data");
        assert_eq!(json["modes"][3]["readable"], false);
        assert_eq!(
            (&json["best"]["width"], &json["driver"]),
            (&1280.into(), &"uvcvideo".into())
        );
    }
}
