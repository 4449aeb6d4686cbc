//! `sonograde grade`: grades recorded pictures and clips.
//!
//! Runs on the caller's thread. A file or picture that cannot be graded is reported at the end and costs no other.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Code, Failure};
use crate::capture::{Captured, FrameSource, clip};
use crate::exam::Aggregate;
use crate::exam::record::{Graded, Scored, Verdict};
use crate::frame::{BufferPool, Frame, Rect};
use crate::grader::Grader;
use crate::infer::{Choice, Model};
use crate::screen::{Arrangement, ArrangementError, Layout, PanePreset, Screen};
use crate::{lines, one_line, overlay, preprocess};

/// Grades recorded pictures and clips.
#[derive(clap::Args)]
pub struct Args {
    /// Pictures (PNG, JPEG), folders of them, DICOM ultrasound, Y4M, MetaImage, or any video that ffmpeg reads.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The contrast pane: auto, full, contrast-left, contrast-right, stacked or x,y,w,h; the whole picture if not given.
    #[arg(long, value_name = "PANE")]
    pane: Option<PanePreset>,
    /// The lesion as x,y,w,h inside the pane; the whole pane if not given.
    #[arg(long, value_name = "X,Y,W,H")]
    roi: Option<Rect>,
    /// An ONNX file that keeps the model contract; the shipped model if not given.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// What runs the model.
    #[arg(long, value_enum, default_value_t)]
    engine: Choice,
    /// Write JSON lines.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Write one CSV row for each picture.
    #[arg(long)]
    csv: bool,
    /// Write each graded picture with its activation map to this folder as PNG.
    #[arg(long, value_name = "DIR")]
    overlay: Option<PathBuf>,
}

/// Grades every path in turn and prints a result for each.
///
/// # Errors
/// [`Failure`]: at once if the model or an output cannot be used; with the list, at the end, if inputs could not be
/// graded.
pub fn run(args: &Args) -> Result<(), Failure> {
    let model = Model::open(args.model.as_deref(), args.engine.into())?;
    let mut job = Job {
        screen: Screen {
            pane: args.pane,
            roi: args.roi,
        },
        overlays: args.overlay.as_deref().map(Overlays::new).transpose()?,
        grader: Grader::new(model),
        format: if args.json {
            Format::Json
        } else if args.csv {
            Format::Csv
        } else {
            Format::Words
        },
        failures: Vec::new(),
    };
    let mut out = std::io::stdout().lock();
    job.header(&mut out)?;
    for path in &args.paths {
        job.path(path, &mut out)?;
    }
    job.footer(&mut out)?;
    job.outcome()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Words,
    Csv,
    Json,
}

struct Job {
    screen: Screen,
    overlays: Option<Overlays>,
    grader: Grader,
    format: Format,
    failures: Vec<Failure>,
}

/// A failure to write is not the input's fault.
fn output(error: std::io::Error) -> Failure {
    Failure::new(Code::Output, format!("cannot write to stdout: {error}"))
}

impl Job {
    fn header(&self, out: &mut impl Write) -> Result<(), Failure> {
        if self.format == Format::Csv {
            writeln!(out, "path,seq,t_ms,score,quality").map_err(output)?;
        }
        Ok(())
    }

    fn footer(&self, out: &mut impl Write) -> Result<(), Failure> {
        if self.format == Format::Words {
            let model = self.grader.model().identity();
            writeln!(out, "{} (model {} {})", model.label(), model.name, model.version).map_err(output)?;
        }
        Ok(())
    }

    fn outcome(mut self) -> Result<(), Failure> {
        if self.failures.len() < 2 {
            return self.failures.pop().map_or(Ok(()), Err);
        }
        let code = self.failures[0].code;
        let code = if self.failures.iter().all(|f| f.code == code) {
            code
        } else {
            Code::Input
        };
        let list: Vec<String> = self
            .failures
            .iter()
            .map(|f| format!("\n  {}", one_line(&*f.error)))
            .collect();
        Err(Failure::new(
            code,
            format!("{} inputs could not be graded:{}", list.len(), list.concat()),
        ))
    }

    fn path(&mut self, path: &Path, out: &mut impl Write) -> Result<(), Failure> {
        let mut clip = match clip::open(path) {
            Ok(clip) => clip,
            Err(error) => {
                self.failures.push(error.into());
                return Ok(());
            }
        };
        self.grader.forget();
        let mut arrangement = Arrangement::new(self.screen);
        let name = path.display().to_string();
        let progress = progress(&name, clip.len_hint());
        let mut aggregate = Aggregate::new(self.grader.model().contract().band);
        let mut last = None;
        let pool = BufferPool::default();
        loop {
            let frame = match clip.next(&pool, Duration::from_secs(1)) {
                Ok(Captured::Frame(frame)) => frame,
                Ok(Captured::Nothing | Captured::NoPicture(_)) => continue,
                Ok(Captured::End) => break,
                Err(error) => {
                    self.failures.push(error.into());
                    continue;
                }
            };
            match self.frame(&frame, &mut arrangement) {
                Ok((graded, layout)) => {
                    aggregate.add(&graded);
                    progress.suspend(|| self.row(out, &name, &graded))?;
                    if let (Ok(scored), Some(overlays), Some(layout)) =
                        (&graded.outcome, &mut self.overlays, layout)
                    {
                        let label = self.grader.model().identity().label();
                        overlays.write(path, &frame, layout, scored, label)?;
                    }
                    last = Some(graded);
                }
                Err(failure) => {
                    let named = format!("{name}, frame {}: {}", frame.seq, one_line(&*failure.error));
                    self.failures.push(Failure::new(failure.code, named));
                }
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        match last {
            Some(last) => self.result(out, &name, &aggregate.verdict(&[]), &last),
            None => Ok(()),
        }
    }

    fn frame(
        &mut self,
        frame: &Frame,
        arrangement: &mut Arrangement,
    ) -> Result<(Graded, Option<Layout>), Failure> {
        let layout = arrangement.layout(frame, false).map_err(|error| match error {
            ArrangementError::Layout(error) => error.into(),
            ArrangementError::Picture(_) => Failure::new(Code::Input, error),
        })?;
        let Some(layout) = layout else {
            return Ok((Graded::unseen(frame), None));
        };
        let graded = self.grader.grade(frame, layout)?;
        let roi = graded.roi;
        Ok((graded, Some(Layout { roi, ..layout })))
    }

    fn row(&self, out: &mut impl Write, name: &str, graded: &Graded) -> Result<(), Failure> {
        match self.format {
            Format::Words => Ok(()),
            Format::Json => lines::frame(out, Some(name), graded),
            Format::Csv => {
                let (score, quality) = match &graded.outcome {
                    Ok(scored) => (scored.score.to_string(), String::new()),
                    Err(quality) => (String::new(), quality.to_string()),
                };
                let quoted = name.replace('"', "\"\"");
                writeln!(
                    out,
                    "\"{quoted}\",{},{},{score},{quality}",
                    graded.seq, graded.t_ms
                )
            }
        }
        .map_err(output)
    }

    fn result(
        &self,
        out: &mut impl Write,
        name: &str,
        verdict: &Verdict,
        last: &Graded,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Csv => Ok(()),
            Format::Json => lines::verdict(out, Some(name), verdict, self.grader.model().identity()),
            Format::Words if verdict.frames_seen > 1 => {
                writeln!(out, "{name}: {verdict} ({} seen)", verdict.frames_seen)
            }
            Format::Words => match &last.outcome {
                Ok(scored) => writeln!(
                    out,
                    "{name}: P(high) {:.3}, one picture gives no verdict",
                    scored.score
                ),
                Err(quality) => writeln!(out, "{name}: not scored, {quality}"),
            },
        }
        .map_err(output)
    }
}

fn progress(name: &str, frames: Option<u64>) -> ProgressBar {
    if frames == Some(1) || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} frames, {eta} left");
    let bar = frames.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.with_style(style.expect("a good template"))
        .with_message(name.to_owned())
}

/// The folder that graded pictures are written to.
struct Overlays {
    folder: PathBuf,
    taken: HashSet<OsString>,
}

impl Overlays {
    fn new(folder: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).map_err(|e| {
            let words = format!(
                "cannot make the folder {}: {e}; choose one that can be written",
                folder.display()
            );
            Failure::new(Code::Output, words)
        })?;
        Ok(Self {
            folder: folder.into(),
            taken: HashSet::new(),
        })
    }

    fn write(
        &mut self,
        path: &Path,
        frame: &Frame,
        layout: Layout,
        scored: &Scored,
        label: &str,
    ) -> Result<(), Failure> {
        let mut picture = preprocess::crop(frame, layout.pane).map_err(|e| Failure::new(Code::Input, e))?;
        let roi = Rect {
            x: layout.roi.x - layout.pane.x,
            y: layout.roi.y - layout.pane.y,
            ..layout.roi
        };
        overlay::draw(&mut picture, roi, &scored.map, scored.score, label);
        let name = self.name(path, frame.seq);
        let file = self.folder.join(name);
        picture.save(&file).map_err(|e| {
            Failure::new(
                Code::Output,
                format!(
                    "cannot write {}: {e}; check the space and permissions",
                    file.display()
                ),
            )
        })
    }

    /// `name-000012.png`; inputs of the same name are told apart by a number.
    fn name(&mut self, path: &Path, seq: u64) -> OsString {
        let stem = path.file_name().map_or_else(|| "picture".into(), OsString::from);
        (1..)
            .map(|n| {
                let mut name = stem.clone();
                name.push(if n == 1 {
                    format!("-{seq:06}.png")
                } else {
                    format!("-{seq:06}-{n}.png")
                });
                name
            })
            .find(|name| self.taken.insert(name.clone()))
            .expect("numbers do not run out")
    }
}
