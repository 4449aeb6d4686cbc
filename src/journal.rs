//! The last lines of the log, in memory, for the device page: a box at the bedside has nobody who reads its log.
//!
//! Written by every thread that logs, bounded in lines and in the length of each. What is in it is what is in the log, and so
//! nothing of a patient.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Lines that are kept.
const MOST: usize = 500;
/// The longest line, in bytes; what is longer ends in an ellipsis.
const LONGEST: usize = 1000;

static LINES: Mutex<VecDeque<Line>> = Mutex::new(VecDeque::new());

/// One line of the log.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// When it was logged.
    pub time: DateTime<Utc>,
    /// `error`, `warn`, `info` or `debug`.
    pub level: &'static str,
    /// What it says, and its fields.
    pub text: String,
}

/// The last lines, oldest first.
pub fn last() -> Vec<Line> {
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    lines.iter().cloned().collect()
}

/// Keeps the last lines of whatever subscriber it is put over.
pub struct Journal;

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = Line {
            time: Utc::now(),
            level: match *event.metadata().level() {
                Level::ERROR => "error",
                Level::WARN => "warn",
                Level::INFO => "info",
                _ => "debug",
            },
            text: text.finish(),
        };
        keep(&mut LINES.lock().unwrap_or_else(PoisonError::into_inner), line);
    }
}

fn keep(lines: &mut VecDeque<Line>, line: Line) {
    if lines.len() == MOST {
        lines.pop_front();
    }
    lines.push_back(line);
}

/// The message, then the fields as `name=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn finish(self) -> String {
        let mut text = self.message + &self.fields;
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST - '…'.len_utf8()));
            text.push('…');
        }
        text
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_last_lines_are_kept_with_their_fields_and_no_more_than_there_is_room_for() {
        let subscriber = tracing_subscriber::registry().with(Journal);
        tracing::subscriber::with_default(subscriber, || {
            for n in 0..MOST {
                tracing::info!("line {n}");
            }
            tracing::error!(exam = "x", frames = 3, "{} ends", "it");
            tracing::warn!("{}", "é".repeat(LONGEST));
        });
        let lines = last();
        assert_eq!(lines.len(), MOST);
        assert!(!lines.iter().any(|line| line.text == "line 1"), "the oldest went");
        let [.., error, long] = &lines[..] else {
            panic!("two lines")
        };
        assert_eq!(
            (error.level, error.text.as_str()),
            ("error", "it ends exam=x frames=3")
        );
        assert!(
            long.text.len() <= LONGEST && long.text.ends_with("é…"),
            "{}",
            long.text.len()
        );
    }
}
