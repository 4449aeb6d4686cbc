//! `sonograde phantom`: writes pictures of simulated patients with labels and lesion masks, for training, or clips.
//!
//! Runs on the caller's thread and writes nothing but files below `--out`.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::capture::phantom::{Grade, Phantom, Pictures};
use crate::capture::{CaptureError, Captured, FrameSource};
use crate::frame::BufferPool;

/// Writes pictures of simulated patients for training, with lesion masks and `labels.csv`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder to write to; made if missing.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Number of simulated patients, low and high grade in turn.
    #[arg(long, value_name = "N")]
    pub exams: u32,
    /// Seed of the first patient; the next ones follow.
    #[arg(long, value_name = "S")]
    pub seed: u64,
    /// Pictures of each patient, spread from wash-in to wash-out.
    #[arg(long, value_name = "K", default_value_t = 12, conflicts_with = "clips")]
    pub pictures: u32,
    /// Length of each exam in seconds.
    #[arg(long, value_name = "N", default_value_t = 62.0, value_parser = super::seconds)]
    pub seconds: f64,
    /// One clip of each exam instead of pictures: the scanner's whole screen, uncompressed Y4M, 62 MB a second.
    #[arg(long)]
    pub clips: bool,
}

/// Why the pictures could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system said no.
    #[error("{}: cannot {operation}; check the path, its permissions and the free space", .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The simulated exam failed.
    #[error("the simulated exam stopped")]
    Phantom(#[source] CaptureError),
    /// A picture could not be written.
    #[error("{}: cannot write the picture; check the folder's permissions and the free space", .path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: ImageError,
    },
}

/// Writes what `args` ask for.
///
/// # Errors
/// [`Error`] for the first folder or file that cannot be written; files written before it stay.
pub fn run(args: &Args) -> Result<(), Error> {
    let folder = args.out.join(if args.clips { "clips" } else { "pictures" });
    fs::create_dir_all(&folder).map_err(cannot(&folder, "make the folder"))?;
    let path = args.out.join("labels.csv");
    let cannot_write = || cannot(&path, "write the labels");
    let mut labels = BufWriter::new(File::create(&path).map_err(cannot_write())?);
    writeln!(labels, "patient_id,exam_id,path,t_ms,grade,pane,roi,mask").map_err(cannot_write())?;
    let progress = progress(args.exams);
    for exam in 0..args.exams {
        let seed = args.seed.wrapping_add(u64::from(exam));
        let grade = if exam.is_multiple_of(2) {
            Grade::Low
        } else {
            Grade::High
        };
        let lines = if args.clips {
            vec![clip(args, seed, grade)?]
        } else {
            pictures(args, seed, grade)?
        };
        for line in lines {
            writeln!(labels, "phantom-{seed:07},phantom-{seed:07}-1,{line}").map_err(cannot_write())?;
        }
        progress.inc(1);
    }
    progress.finish();
    labels.flush().map_err(cannot_write())
}

fn cannot(path: &Path, operation: &'static str) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        path,
        operation,
        source,
    }
}

/// Writes one patient's pictures and masks; gives their lines of `labels.csv` from `path` on.
fn pictures(args: &Args, seed: u64, grade: Grade) -> Result<Vec<String>, Error> {
    let mut pictures = Pictures::new(seed, grade);
    let (pane, roi, jpeg) = (pictures.pane(), pictures.roi(), pictures.jpeg());
    let mut draws = oorandom::Rand64::new(u128::from(seed));
    let numbers = pictures.numbers(args.pictures, args.seconds, || draws.rand_float());
    let line = |n: u64| {
        let kind = if jpeg.is_some() { "jpg" } else { "png" };
        let path = format!("pictures/{seed:07}-{n:04}.{kind}");
        let mask = format!("pictures/{seed:07}-{n:04}-mask.png");
        write(&args.out.join(&path), pictures.contrast(n).into(), jpeg)?;
        write(&args.out.join(&mask), pictures.lesion(n).into(), None)?;
        let (t_ms, grade) = (Pictures::since_injection_ms(n), grade.word());
        Ok(format!("{path},{t_ms},{grade},\"{pane}\",\"{roi}\",{mask}"))
    };
    numbers.into_iter().map(line).collect()
}

/// Writes the clip of one patient's exam; gives its line of `labels.csv` from `path` on. Its time is that of
/// its first picture. A clip has no mask: the lesion moves.
fn clip(args: &Args, seed: u64, grade: Grade) -> Result<String, Error> {
    let mut phantom = Phantom::new(seed, grade, args.seconds);
    let (pane, roi) = (phantom.pane(), phantom.roi());
    let name = format!("clips/{seed:07}.y4m");
    let path = args.out.join(&name);
    let file = File::create(&path).map_err(cannot(&path, "create the clip"))?;
    let mut out = BufWriter::new(file);
    let pool = BufferPool::default();
    let mut planes = [const { Vec::new() }; 3];
    for n in 0.. {
        let captured = phantom.next(&pool, Duration::ZERO).map_err(Error::Phantom)?;
        let Captured::Frame(frame) = captured else {
            break;
        };
        let write = |out: &mut BufWriter<File>, bytes: &[u8]| {
            out.write_all(bytes).map_err(cannot(&path, "write the clip"))
        };
        if n == 0 {
            let (w, h, hz) = (frame.format.width, frame.format.height, Phantom::CONTENT_HZ);
            write(
                &mut out,
                format!("YUV4MPEG2 W{w} H{h} F{hz}:1 Ip A1:1 C422\n").as_bytes(),
            )?;
        }
        if n % Phantom::FRAMES_EACH != 0 {
            continue;
        }
        planes.iter_mut().for_each(Vec::clear);
        for pair in frame.bytes.chunks_exact(4) {
            planes[0].extend([pair[0], pair[2]]);
            planes[1].push(pair[1]);
            planes[2].push(pair[3]);
        }
        write(&mut out, b"FRAME\n")?;
        for plane in &planes {
            write(&mut out, plane)?;
        }
    }
    out.flush().map_err(cannot(&path, "write the clip"))?;
    let (t_ms, grade) = (Pictures::since_injection_ms(0), grade.word());
    Ok(format!("{name},{t_ms},{grade},\"{pane}\",\"{roi}\","))
}

/// Writes a PNG with fast compression, or a JPEG of this quality.
fn write(path: &Path, picture: DynamicImage, jpeg: Option<u8>) -> Result<(), Error> {
    let file = File::create(path).map_err(cannot(path, "create the picture"))?;
    let mut out = BufWriter::new(file);
    let encoded = match jpeg {
        Some(quality) => picture.write_with_encoder(JpegEncoder::new_with_quality(&mut out, quality)),
        None => {
            let (compression, filter) = (CompressionType::Fast, FilterType::Sub);
            picture.write_with_encoder(PngEncoder::new_with_quality(&mut out, compression, filter))
        }
    };
    encoded.map_err(|source| Error::Picture {
        path: path.to_owned(),
        source,
    })?;
    out.flush().map_err(cannot(path, "write the picture"))
}

fn progress(exams: u32) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} patients, {eta} left")
        .expect("the template is valid");
    ProgressBar::with_draw_target(Some(u64::from(exams)), target).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(folder: &Path) -> Args {
        Args {
            out: folder.join("set"),
            exams: 2,
            seed: 9,
            pictures: 1,
            seconds: 62.0,
            clips: false,
        }
    }

    #[test]
    fn a_clip_holds_every_picture_of_the_exam() {
        let out = tempfile::tempdir().expect("a temporary folder");
        let args = Args {
            exams: 1,
            seconds: 0.2,
            clips: true,
            ..args(out.path())
        };
        run(&args).expect("writes the clip");
        let labels = fs::read_to_string(args.out.join("labels.csv")).expect("labels.csv");
        assert!(
            labels.contains("phantom-0000009-1,clips/0000009.y4m,-3000,low,"),
            "{labels}"
        );
        let mut clip =
            crate::capture::clip::open(&args.out.join("clips/0000009.y4m")).expect("opens the clip");
        let mut phantom = Phantom::new(9, Grade::Low, 0.2);
        let pool = BufferPool::default();
        let next = |source: &mut dyn FrameSource| match source.next(&pool, Duration::ZERO) {
            Ok(Captured::Frame(frame)) => Some(frame.bytes.to_vec()),
            other => {
                assert!(matches!(other, Ok(Captured::End)), "{other:?}");
                None
            }
        };
        for picture in 0..3 {
            let expected = next(&mut phantom);
            assert!(next(&mut clip) == expected, "picture {picture}");
            (0..3).for_each(|_| drop(next(&mut phantom)));
        }
        assert!(next(&mut clip).is_none());
    }

    #[test]
    fn every_line_of_the_labels_names_files_that_exist_and_fit() {
        let out = tempfile::tempdir().expect("a temporary folder");
        let args = Args {
            pictures: 2,
            ..args(out.path())
        };
        run(&args).expect("writes the set");
        let labels = fs::read_to_string(args.out.join("labels.csv")).expect("labels.csv");
        let mut lines = labels.lines();
        assert_eq!(
            lines.next(),
            Some("patient_id,exam_id,path,t_ms,grade,pane,roi,mask")
        );
        let mut grades = Vec::new();
        for line in lines {
            let (plain, quoted): (Vec<_>, Vec<_>) =
                line.split('"').enumerate().partition(|(i, _)| i % 2 == 0);
            let plain: Vec<&str> = plain
                .iter()
                .flat_map(|(_, s)| s.split(','))
                .filter(|s| !s.is_empty())
                .collect();
            let rect = |i: usize| quoted[i].1.parse::<crate::frame::Rect>().expect("a rectangle");
            let picture = image::open(args.out.join(plain[2])).expect("the picture");
            let mask = image::open(args.out.join(plain[5]))
                .expect("the mask")
                .into_luma8();
            assert_eq!(
                rect(0),
                crate::frame::Rect::full(picture.width(), picture.height())
            );
            assert!(rect(0).contains(&rect(1)));
            assert!(mask.pixels().any(|p| p.0 == [255]) && mask.pixels().all(|p| p.0[0] % 255 == 0));
            grades.push(plain[4].to_owned());
        }
        assert_eq!(grades, ["low", "low", "high", "high"]);
    }

    #[test]
    fn an_unwritable_folder_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = run(&args(file.path())).expect_err("not a folder");
        let named = file.path().display().to_string();
        assert!(error.to_string().contains(&named), "{error}");
    }
}
