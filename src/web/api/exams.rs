//! Reads the store for the review page: a page of the list, one exam, its frames, its pictures, all of it as a ZIP.

use std::io::Cursor;
use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::{Asked, Named, blocking};
use crate::audit;
use crate::exam::record::{Exam, KeyReason, State as Progress};
use crate::export;
use crate::overlay;
use crate::pipeline::ExamView;
use crate::store::{KeyFramePath, Store};
use crate::web::access::Who;
use crate::web::problem::Problem;
use crate::web::{Cart, Hub};
use crate::words::Language;

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

/// An exam and how far it has come.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    exam: Exam,
    state: Progress,
}

/// How far an exam of the store has come: a record without an end is of the exam that runs, or of one that nobody ended.
fn progress(exam: &Exam, newest: Option<&ExamView>) -> Progress {
    match newest.filter(|newest| newest.id == exam.id) {
        Some(newest) if !newest.ended => Progress::Running,
        // Its end may still be on its way to the disk.
        Some(_) => Progress::Ended,
        None => exam.state(),
    }
}

/// A page of the list, newest first.
#[derive(Serialize)]
pub(super) struct Page {
    exams: Vec<Listed>,
    /// Whether there are older ones.
    more: bool,
    /// Records that cannot be read, for people.
    damaged: Vec<String>,
}

pub(super) async fn list(
    State(hub): State<Hub>,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<Page>, Problem> {
    let (store, newest) = (hub.cart.store, hub.live.borrow().exam.clone());
    blocking(move || page(&store, newest.as_ref(), &query).map(Json)).await
}

fn page(store: &Store, newest: Option<&ExamView>, query: &ListQuery) -> Result<Page, Problem> {
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
                let state = progress(&exam, newest);
                page.exams.push(Listed { exam, state });
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
    listed: Listed,
    pictures: Vec<Picture>,
}

#[derive(Serialize)]
struct Picture {
    seq: u64,
    reason: KeyReason,
}

pub(super) async fn one(State(hub): State<Hub>, Named(id): Named<String>) -> Result<Json<Whole>, Problem> {
    let (store, newest) = (hub.cart.store, hub.live.borrow().exam.clone());
    blocking(move || {
        let exam = find(&store, &id)?;
        let state = progress(&exam, newest.as_ref());
        let pictures = store.key_frames(&id)?.into_iter();
        let pictures = pictures
            .map(|KeyFramePath { seq, reason, .. }| Picture { seq, reason })
            .collect();
        let listed = Listed { exam, state };
        Ok(Json(Whole { listed, pictures }))
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
    Who(who): Who,
    Named(id): Named<String>,
    Asked(query): Asked<ExportQuery>,
) -> Result<impl IntoResponse, Problem> {
    let turn = hub.exports.acquire_owned().await;
    let newest = hub.live.borrow().exam.clone();
    let Cart { store, audit, .. } = hub.cart;
    let name = format!("attachment; filename=\"{id}.zip\"");
    let zip = blocking(move || {
        let _turn = turn;
        let exam = find(&store, &id)?;
        let state = progress(&exam, newest.as_ref());
        let zip = export::to_zip(&store, &exam, state, query.language).map_err(|error| {
            let words = crate::one_line(&error);
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("the exam cannot be exported: {words}"),
            )
        })?;
        audit.record_by(
            who,
            audit::Event::exported(&exam, Path::new("/api/v1/exams/export")),
        );
        Ok(zip)
    })
    .await?;
    let head = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((head, zip))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::record::{Grade, Verdict};
    use crate::pipeline::PatientView;
    use crate::store::tests::{ended, exam};

    /// The review list called an exam that lost power "interrupted or running".
    #[test]
    fn an_exam_that_nobody_ended_is_told_from_the_one_that_runs() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let [over, lost, newest] = [
            "20260131T090000.000Z-0001",
            "20260131T100000.000Z-0002",
            "20260131T110000.000Z-0003",
        ];
        for id in [over, lost, newest] {
            store.begin(&exam(id)).expect("a new exam");
        }
        store.end(&ended(over, 3), &[]).expect("a good exam");
        let view = |ended| ExamView {
            id: newest.into(),
            started: chrono::DateTime::UNIX_EPOCH,
            ended,
            verdict: Verdict {
                verdict: Grade::Indeterminate,
                score: None,
                ci95: None,
                frames_scored: 0,
                frames_seen: 0,
                frames_counted: None,
            },
            patient: PatientView::Unknown,
            marks: Vec::new(),
            accepted: None,
        };
        let query = ListQuery {
            before: None,
            limit: None,
            search: String::new(),
        };
        let states = |live: Option<ExamView>| -> Vec<Progress> {
            let page = page(&store, live.as_ref(), &query).expect("a page");
            page.exams.iter().map(|listed| listed.state).collect()
        };
        use Progress::{Ended, Interrupted, Running};
        assert_eq!(states(Some(view(false))), [Running, Interrupted, Ended]);
        assert_eq!(states(Some(view(true))), [Ended, Interrupted, Ended]);
        assert_eq!(states(None), [Interrupted, Interrupted, Ended]);
    }
}
