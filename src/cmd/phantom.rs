//! `sonograde phantom`: writes pictures of simulated patients with labels and lesion masks, for training.
//!
//! Runs on the caller's thread and writes nothing but files below `--out`.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ImageError};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::capture::phantom::{Grade, Pictures};

/// Until when pictures are taken, in seconds after the start of the exam.
const EXAM_S: f64 = 62.0;

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
    #[arg(long, value_name = "K", default_value_t = 6)]
    pub pictures: u32,
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

/// Writes the pictures that `args` ask for.
///
/// # Errors
/// [`Error`] for the first folder or file that cannot be written; files written before it stay.
pub fn run(args: &Args) -> Result<(), Error> {
    let pictures_dir = args.out.join("pictures");
    fs::create_dir_all(&pictures_dir).map_err(|source| Error::Io {
        path: pictures_dir.clone(),
        operation: "make the folder",
        source,
    })?;
    let labels_path = args.out.join("labels.csv");
    let cannot_write = |source| Error::Io {
        path: labels_path.clone(),
        operation: "write the labels",
        source,
    };
    let mut labels = BufWriter::new(File::create(&labels_path).map_err(cannot_write)?);
    writeln!(labels, "patient_id,exam_id,path,t_ms,grade,pane,roi,mask").map_err(cannot_write)?;
    let progress = progress(args.exams);
    for exam in 0..args.exams {
        for line in patient(args, exam)? {
            writeln!(labels, "{line}").map_err(cannot_write)?;
        }
        progress.inc(1);
    }
    progress.finish();
    labels.flush().map_err(cannot_write)
}

/// Writes one patient's pictures and masks; gives their lines of `labels.csv`.
fn patient(args: &Args, exam: u32) -> Result<Vec<String>, Error> {
    let seed = args.seed.wrapping_add(u64::from(exam));
    let grade = if exam.is_multiple_of(2) {
        Grade::Low
    } else {
        Grade::High
    };
    let mut pictures = Pictures::new(seed, grade);
    let (pane, roi) = (pictures.pane(), pictures.roi());
    let mut draws = oorandom::Rand64::new(u128::from(seed));
    let numbers = pictures.numbers(args.pictures, EXAM_S, || draws.rand_float());
    let line = |n: u64| {
        let path = format!("pictures/{seed:07}-{n:04}.png");
        let mask = format!("pictures/{seed:07}-{n:04}-mask.png");
        write(&args.out.join(&path), pictures.contrast(n).into())?;
        write(&args.out.join(&mask), pictures.lesion(n).into())?;
        let (t_ms, grade) = (Pictures::time(n).as_millis(), grade.word());
        let line = format!(
            "phantom-{seed:07},phantom-{seed:07}-1,{path},{t_ms},{grade},\"{pane}\",\"{roi}\",{mask}"
        );
        Ok(line)
    };
    numbers.into_iter().map(line).collect()
}

/// Writes a PNG with fast compression.
fn write(path: &Path, picture: DynamicImage) -> Result<(), Error> {
    let file = File::create(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        operation: "create the picture",
        source,
    })?;
    let mut out = BufWriter::new(file);
    let encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Sub);
    picture
        .write_with_encoder(encoder)
        .map_err(|source| Error::Picture {
            path: path.to_owned(),
            source,
        })?;
    out.flush().map_err(|source| Error::Io {
        path: path.to_owned(),
        operation: "write the picture",
        source,
    })
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

    #[test]
    fn every_line_of_the_labels_names_files_that_exist_and_fit() {
        let out = tempfile::tempdir().expect("a temporary folder");
        let args = Args {
            out: out.path().join("set"),
            exams: 2,
            seed: 9,
            pictures: 2,
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
        let out = file.path().join("set");
        let error = run(&Args {
            out: out.clone(),
            exams: 1,
            seed: 1,
            pictures: 1,
        })
        .expect_err("not a folder");
        assert!(error.to_string().contains(&out.display().to_string()), "{error}");
    }
}
