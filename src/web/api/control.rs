//! Changes the exam: each request is one [`Command`] to the pipeline.

use axum::Json;
use axum::extract::State;
use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::patient::Patient;
use super::{Named, Sent};
use crate::exam::record::{Mark, MarkKind, Opinion, Pathology};
use crate::frame::Rect;
use crate::pipeline::{Change, Command, Done, Drawing};
use crate::web::Hub;
use crate::web::access::Who;
use crate::web::problem::Problem;

/// The longest note, in characters.
const LONGEST_NOTE: usize = 4000;
/// The longest comment on a verdict, in characters.
const LONGEST_COMMENT: usize = 1000;

/// What was done.
#[derive(Serialize)]
pub(super) struct Answer {
    /// The exam that it was done to.
    exam: Option<String>,
    mark: Option<Mark>,
}

type Answered = Result<Json<Answer>, Problem>;

async fn ask(hub: &Hub, Who(who): Who, command: Command) -> Answered {
    let Done { exam, mark } = hub.cart.control.ask(who, command).await?;
    Ok(Json(Answer { exam, mark }))
}

pub(super) async fn start(State(hub): State<Hub>, who: Who) -> Answered {
    ask(&hub, who, Command::Start).await
}

pub(super) async fn stop(State(hub): State<Hub>, who: Who) -> Answered {
    ask(&hub, who, Command::Stop).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMark {
    kind: MarkKind,
}

pub(super) async fn mark(State(hub): State<Hub>, who: Who, Sent(mark): Sent<NewMark>) -> Answered {
    ask(&hub, who, Command::Mark(mark.kind)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDrawing {
    pane: Option<Rect>,
    roi: Option<Rect>,
    reference: Option<Rect>,
}

pub(super) async fn draw(State(hub): State<Hub>, who: Who, Sent(drawing): Sent<NewDrawing>) -> Answered {
    let NewDrawing { pane, roi, reference } = drawing;
    let drawing = Drawing { pane, roi, reference };
    ask(&hub, who, Command::Draw(drawing)).await
}

pub(super) async fn patient(State(hub): State<Hub>, who: Who, Sent(patient): Sent<Patient>) -> Answered {
    ask(&hub, who, Command::Order(patient.choose(&hub.cart.worklist)?)).await
}

pub(super) async fn reconcile(
    State(hub): State<Hub>,
    who: Who,
    Named(id): Named<String>,
    Sent(patient): Sent<Patient>,
) -> Answered {
    let change = Change::Order(patient.choose(&hub.cart.worklist)?);
    ask(&hub, who, Command::Amend(id, change)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewNotes {
    notes: String,
}

pub(super) async fn notes(
    State(hub): State<Hub>,
    who: Who,
    Named(id): Named<String>,
    Sent(NewNotes { notes }): Sent<NewNotes>,
) -> Answered {
    short("notes", &notes, LONGEST_NOTE)?;
    ask(&hub, who, Command::Amend(id, Change::Notes(notes))).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOpinion {
    accepted: bool,
    #[serde(default)]
    comment: String,
}

pub(super) async fn opinion(
    State(hub): State<Hub>,
    who: Who,
    Named(id): Named<String>,
    Sent(NewOpinion { accepted, comment }): Sent<NewOpinion>,
) -> Answered {
    short("comment", &comment, LONGEST_COMMENT)?;
    let opinion = Opinion {
        accepted,
        comment,
        at: Utc::now(),
    };
    ask(&hub, who, Command::Amend(id, Change::Opinion(opinion))).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPathology {
    grade: String,
}

pub(super) async fn pathology(
    State(hub): State<Hub>,
    who: Who,
    Named(id): Named<String>,
    Sent(NewPathology { grade }): Sent<NewPathology>,
) -> Answered {
    let found = Pathology::of(&grade, Utc::now()).map_err(Problem::invalid)?;
    ask(&hub, who, Command::Amend(id, Change::Pathology(found))).await
}

pub(super) fn short(what: &str, text: &str, most: usize) -> Result<(), Problem> {
    if text.chars().count() > most {
        return Err(Problem::invalid(format!(
            "{what}: expected at most {most} characters"
        )));
    }
    Ok(())
}
