//! Reads the store for the review page: a page of the list, one exam, its frames, its pictures, all of it as a ZIP.

use std::io::{Cursor, Write};
use std::path::Path;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Asked, Named, blocking};
use crate::audit;
use crate::cmd::exams::export;
use crate::exam::record::{Exam, KeyReason};
use crate::overlay;
use crate::report::Language;
use crate::store::{KeyFramePath, Store};
use crate::web::problem::Problem;
use crate::web::{Cart, Hub};

/// Most exams on a page of the list.
const MOST_EXAMS: usize = 200;
/// Most frames in an answer.
const MOST_FRAMES: usize = 5000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// The last exam of the page before.
    before: Option<String>,
    limit: Option<usize>,
    /// Words that all have to be in the exam's date, patient, notes, verdict or model.
    #[serde(default)]
    search: String,
}

/// A page of the list, newest first.
#[derive(Serialize)]
pub(super) struct Page {
    exams: Vec<Exam>,
    /// Whether there are older ones.
    more: bool,
    /// Records that cannot be read, for people.
    damaged: Vec<String>,
}

pub(super) async fn list(
    State(hub): State<Hub>,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<Page>, Problem> {
    let store = hub.cart.store;
    blocking(move || page(&store, &query).map(Json)).await
}

fn page(store: &Store, query: &ListQuery) -> Result<Page, Problem> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=MOST_EXAMS).contains(&limit) {
        return Err(Problem::invalid(format!("limit: expected 1 to {MOST_EXAMS}")));
    }
    let words: Vec<String> = query.search.split_whitespace().map(str::to_lowercase).collect();
    let mut page = Page {
        exams: Vec::new(),
        more: false,
        damaged: Vec::new(),
    };
    let rows: Box<dyn Iterator<Item = _>> = match &query.before {
        Some(id) => Box::new(store.exams_before(id).map_err(|_| Problem::no_exam(id))?),
        None => Box::new(store.exams()),
    };
    for exam in rows {
        match exam {
            Err(error) => page.damaged.push(crate::one_line(&error)),
            Ok(exam) if !holds(&exam, &words) => {}
            Ok(_) if page.exams.len() == limit => {
                page.more = true;
                break;
            }
            Ok(mut exam) => {
                if let Some(enhancement) = &mut exam.enhancement {
                    // It is half of the record, and no list shows it.
                    enhancement.curve.clear();
                }
                page.exams.push(exam);
            }
        }
    }
    Ok(page)
}

fn holds(exam: &Exam, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let order = exam.order.clone().unwrap_or_default();
    let verdict = exam.verdict.as_ref().map(|v| v.verdict.to_string());
    let fields = [
        Some(exam.started.format("%Y-%m-%d").to_string()),
        Some(exam.id.clone()),
        order.patient_id,
        order.patient_name,
        order.accession_number,
        Some(exam.notes.clone()),
        verdict,
        Some(exam.provenance.model.version.clone()),
    ];
    let text = fields
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("\n")
        .to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

/// An exam with what lies beside its record.
#[derive(Serialize)]
pub(super) struct Whole {
    #[serde(flatten)]
    exam: Exam,
    pictures: Vec<Picture>,
}

#[derive(Serialize)]
struct Picture {
    seq: u64,
    reason: KeyReason,
}

pub(super) async fn one(State(hub): State<Hub>, Named(id): Named<String>) -> Result<Json<Whole>, Problem> {
    let store = hub.cart.store;
    blocking(move || {
        let exam = find(&store, &id)?;
        let pictures = store.key_frames(&id)?.into_iter();
        let pictures = pictures
            .map(|KeyFramePath { seq, reason, .. }| Picture { seq, reason })
            .collect();
        Ok(Json(Whole { exam, pictures }))
    })
    .await
}

fn find(store: &Store, id: &str) -> Result<Exam, Problem> {
    store.exam(id)?.ok_or_else(|| Problem::no_exam(id))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FramesQuery {
    /// The last frame of the answer before.
    after: Option<u64>,
    limit: Option<usize>,
}

/// Scored frames in the order of their numbers.
#[derive(Serialize)]
pub(super) struct Frames {
    frames: Vec<Frame>,
    more: bool,
}

#[derive(Serialize)]
struct Frame {
    seq: u64,
    t_ms: u64,
    score: f32,
}

pub(super) async fn frames(
    State(hub): State<Hub>,
    Named(id): Named<String>,
    Asked(query): Asked<FramesQuery>,
) -> Result<Json<Frames>, Problem> {
    let limit = query.limit.unwrap_or(MOST_FRAMES);
    if !(1..=MOST_FRAMES).contains(&limit) {
        return Err(Problem::invalid(format!("limit: expected 1 to {MOST_FRAMES}")));
    }
    let store = hub.cart.store;
    blocking(move || {
        find(&store, &id)?;
        let mut frames = Frames {
            frames: Vec::new(),
            more: false,
        };
        // A damaged record is missing here; `sonograde check` names it.
        let whole = store.frames(&id)?.filter_map(Result::ok);
        for frame in whole.filter(|frame| query.after.is_none_or(|after| frame.seq > after)) {
            if frames.frames.len() == limit {
                frames.more = true;
                break;
            }
            frames.frames.push(Frame {
                seq: frame.seq,
                t_ms: frame.t_ms,
                score: frame.score,
            });
        }
        Ok(Json(frames))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PictureQuery {
    /// Draws the map over it.
    #[serde(default)]
    map: bool,
}

/// A key frame as PNG.
pub(super) async fn picture(
    State(hub): State<Hub>,
    Named((id, seq)): Named<(String, u64)>,
    Asked(query): Asked<PictureQuery>,
) -> Result<impl IntoResponse, Problem> {
    let store = hub.cart.store;
    let png = blocking(move || {
        let exam = find(&store, &id)?;
        let gone = || {
            Problem::new(
                StatusCode::NOT_FOUND,
                format!("exam {id} keeps no picture of frame {seq}"),
            )
        };
        let keys = store.key_frames(&id)?;
        let key = keys.iter().find(|key| key.seq == seq).ok_or_else(gone)?;
        let damaged = |error: &dyn std::error::Error| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the picture is damaged: {error}"),
            )
        };
        let bytes = store
            .exam_file(&id, &key.name())
            .map_err(|error| damaged(&error))?;
        if !query.map {
            return Ok(bytes);
        }
        let frame = store.frame(&id, seq)?.ok_or_else(gone)?;
        let mut rgb = image::load_from_memory(&bytes)
            .map_err(|error| damaged(&error))?
            .into_rgb8();
        let roi = exam.provenance.roi_in(rgb.dimensions());
        overlay::draw(&mut rgb, roi, &frame.map, frame.score, &exam.label);
        let mut png = Cursor::new(Vec::new());
        rgb.write_to(&mut png, image::ImageFormat::Png)
            .map_err(|error| damaged(&error))?;
        Ok(png.into_inner())
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "image/png")], png))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportQuery {
    /// Of the report.
    #[serde(default)]
    language: Language,
}

/// Everything of an exam as `sonograde exams export` writes it, in a ZIP.
pub(super) async fn export(
    State(hub): State<Hub>,
    Named(id): Named<String>,
    Asked(query): Asked<ExportQuery>,
) -> Result<impl IntoResponse, Problem> {
    let turn = hub.exports.acquire_owned().await;
    let Cart { store, audit, .. } = hub.cart;
    let name = format!("attachment; filename=\"{id}.zip\"");
    let zip = blocking(move || {
        let _turn = turn;
        let exam = find(&store, &id)?;
        let zip = zip_of(&store, &exam, query.language).map_err(|error| {
            let words = crate::one_line(&*error);
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the exam cannot be exported: {words}"),
            )
        })?;
        audit.record(audit::Event::exported(&exam, Path::new("/api/v1/exams/export")));
        Ok(zip)
    })
    .await?;
    let head = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((head, zip))
}

fn zip_of(store: &Store, exam: &Exam, language: Language) -> Result<Bytes, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (files, _) = export::export(store, exam, language, folder.path())?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut names: Vec<_> = std::fs::read_dir(files)?.collect::<Result<_, _>>()?;
    names.sort_by_key(std::fs::DirEntry::file_name);
    // Pictures are nearly all of it, and compressed already.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for entry in names {
        let name = entry
            .file_name()
            .into_string()
            .map_err(|_| "a name that is no text")?;
        zip.start_file(format!("{}/{name}", exam.id), options)?;
        zip.write_all(&std::fs::read(entry.path())?)?;
    }
    Ok(zip.finish()?.into_inner().into())
}
