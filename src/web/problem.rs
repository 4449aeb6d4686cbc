//! What went wrong, for programs and people: RFC 9457.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::exam::Refused;
use crate::pipeline::Refusal;
use crate::store::StoreError;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    /// What the page says in the language of whoever looks at it: `refused-CODE` in its catalogue.
    code: Option<&'static str>,
    detail: String,
}

impl Problem {
    /// `detail` says what is wrong and what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: None,
            detail: detail.into(),
        }
    }

    /// One that people at the page meet.
    pub fn coded(self, code: &'static str) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    /// A value that is understood and cannot be taken.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// There is no such exam.
    pub fn no_exam(id: &str) -> Self {
        Refusal::Unknown(id.into()).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(code) = self.code {
            body["code"] = code.into();
        }
        let media = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status, media, body.to_string()).into_response()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::Exam(Refused::NoExam) => (StatusCode::CONFLICT, "none-runs"),
            Refusal::Exam(Refused::Running) => (StatusCode::CONFLICT, "one-runs"),
            Refusal::NoPicture => (StatusCode::CONFLICT, "no-picture"),
            Refusal::NoVerdict(_) => (StatusCode::CONFLICT, "no-verdict"),
            Refusal::Layout(_) => (StatusCode::UNPROCESSABLE_ENTITY, "outside"),
            Refusal::TooSmall(_) => (StatusCode::UNPROCESSABLE_ENTITY, "too-small"),
            Refusal::Unknown(_) => (StatusCode::NOT_FOUND, "unknown-exam"),
            Refusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Refusal::Over => (StatusCode::SERVICE_UNAVAILABLE, "over"),
            Refusal::Store(_) => (StatusCode::SERVICE_UNAVAILABLE, "store"),
        };
        Self::new(status, crate::one_line(&refusal)).coded(code)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, crate::one_line(&error)).coded("store")
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Rect;
    use crate::words::Language;

    /// On the German page a refusal was English.
    #[test]
    fn what_is_refused_at_the_page_has_words_in_its_catalogue() {
        let refusals = [
            Refused::NoExam.into(),
            Refused::Running.into(),
            Refusal::NoPicture,
            Refusal::NoVerdict("x".into()),
            Refusal::TooSmall(Rect::full(1, 1)),
            Refusal::Unknown("x".into()),
            Refusal::Busy,
            Refusal::Over,
        ];
        let codes = refusals
            .into_iter()
            .map(|refusal| Problem::from(refusal).code.expect("a code"));
        let others = [
            "outside",
            "store",
            "pin",
            "too-often",
            "off-the-worklist",
            "birth-date",
            "no-patient-id",
        ];
        for code in codes.chain(others) {
            let key = format!("refused-{code}");
            assert_ne!(
                Language::De.words(&key),
                Language::En.words(&key),
                "{key} has no words"
            );
        }
    }
}
