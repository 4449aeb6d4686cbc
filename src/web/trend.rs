//! The scores and the enhancement of an exam over time, for the page's chart: bounded, oldest points go first.
//!
//! Time is ours, not the source's, because a source that is opened again begins at zero.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Serialize;

/// At most one point in this time.
const SPACING: Duration = Duration::from_millis(500);

/// Points kept: half an hour of scores.
const CAPACITY: usize = 3600;

/// Milliseconds since the exam's first point, P(high grade), and the echo powers of lesion and reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Point(pub u64, pub Option<f32>, pub Option<f32>, pub Option<f32>);

/// The trend of one exam.
#[derive(Debug, Default)]
pub(super) struct Trend {
    exam: String,
    began: Option<Instant>,
    points: VecDeque<Point>,
}

/// Which points a client has.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    exam: String,
    newest_ms: Option<u64>,
}

/// What a client needs to catch up.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename = "trend")]
pub(super) struct News {
    /// Whose scores these are.
    pub exam: String,
    /// Whether the points that the client has are of another exam.
    pub restart: bool,
    /// In order of time.
    pub points: Vec<Point>,
}

impl Trend {
    /// Remembers score, lesion and reference of `exam`, unless the last point is too near. Says whether it did.
    pub fn note(&mut self, exam: &str, [score, lesion, reference]: [Option<f32>; 3], now: Instant) -> bool {
        if self.exam != exam {
            *self = Self {
                exam: exam.to_owned(),
                ..Self::default()
            };
        }
        let elapsed = now.duration_since(*self.began.get_or_insert(now));
        let t_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let spacing_ms = SPACING.as_millis() as u64;
        if self.points.back().is_some_and(|last| t_ms < last.0 + spacing_ms) {
            return false;
        }
        if self.points.len() == CAPACITY {
            self.points.pop_front();
        }
        self.points.push_back(Point(t_ms, score, lesion, reference));
        true
    }

    /// What the client at `cursor` lacks; moves the cursor.
    pub fn since(&self, cursor: &mut Cursor) -> Option<News> {
        let restart = cursor.exam != self.exam;
        if restart {
            *cursor = Cursor {
                exam: self.exam.clone(),
                newest_ms: None,
            };
        }
        let known = |point: &&Point| cursor.newest_ms.is_some_and(|newest| point.0 <= newest);
        let points: Vec<Point> = self.points.iter().skip_while(known).copied().collect();
        cursor.newest_ms = Some(points.last()?.0);
        Some(News {
            exam: self.exam.clone(),
            restart,
            points,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(t_ms: u64, score: f32) -> Point {
        Point(t_ms, Some(score), None, None)
    }

    /// `n` scores of `exam`, 100 ms apart.
    fn run(trend: &mut Trend, exam: &str, n: u64, start: Instant) {
        for i in 0..n {
            trend.note(
                exam,
                [Some(i as f32), None, None],
                start + Duration::from_millis(100 * i),
            );
        }
    }

    #[test]
    fn two_points_a_second_and_no_more_than_the_capacity() {
        let mut trend = Trend::default();
        run(&mut trend, "a", 5 * (CAPACITY as u64 + 100), Instant::now());
        assert_eq!(trend.points.len(), CAPACITY);
        let spacings = trend.points.iter().zip(trend.points.iter().skip(1));
        assert!(spacings.clone().all(|(a, b)| b.0 - a.0 == 500));
        assert_eq!(trend.points[0].0, 100 * 500, "the oldest points are gone");
    }

    #[test]
    fn a_client_gets_everything_once_and_then_only_what_is_new() {
        let (mut trend, mut cursor, start) = (Trend::default(), Cursor::default(), Instant::now());
        assert_eq!(trend.since(&mut cursor), None);
        run(&mut trend, "a", 11, start);
        let first = trend.since(&mut cursor).expect("three points");
        assert!(first.restart);
        assert_eq!(first.points, [point(0, 0.0), point(500, 5.0), point(1000, 10.0)]);
        assert_eq!(trend.since(&mut cursor), None);
        trend.note("a", [Some(0.5), None, None], start + Duration::from_millis(1600));
        let next = trend.since(&mut cursor).expect("one more point");
        assert!(!next.restart);
        assert_eq!(next.points, [point(1600, 0.5)]);
    }

    #[test]
    fn a_new_exam_begins_a_new_trend() {
        let (mut trend, mut cursor, start) = (Trend::default(), Cursor::default(), Instant::now());
        run(&mut trend, "a", 40, start);
        trend.since(&mut cursor);
        run(&mut trend, "b", 6, start + Duration::from_secs(60));
        let news = trend.since(&mut cursor).expect("the new exam's points");
        assert!(news.restart);
        assert_eq!(news.exam, "b");
        assert_eq!(news.points, [point(0, 0.0), point(500, 5.0)]);
    }
}
