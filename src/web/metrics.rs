//! The state in numbers for Prometheus (text format 0.0.4). Nothing of a patient is in it.

use std::fmt::Write;

use crate::capture::Signal;
use crate::pipeline::{EDGES_MS, Histogram, Live};
use crate::uplink::Condition;

/// A number of a destination.
type Value = fn(&Condition) -> f64;

/// Everything, with `viewers` clients that look and how each destination is doing.
pub(super) fn text(live: &Live, viewers: usize, destinations: &[Condition]) -> String {
    let running = live.exam.as_ref().is_some_and(|exam| !exam.ended);
    let (rates, store) = (live.rates, &live.store);
    let metrics: [(&str, &str, &str, f64); 10] = [
        (
            "signal_live",
            "gauge",
            "Whether the signal is live.",
            flag(live.signal == Signal::Live),
        ),
        ("exam_running", "gauge", "Whether an exam runs.", flag(running)),
        (
            "captured_fps",
            "gauge",
            "Frames a second from the source.",
            rates.captured_fps.into(),
        ),
        (
            "scored_fps",
            "gauge",
            "Frames a second that were new and scored.",
            rates.new_fps.into(),
        ),
        (
            "latency_seconds",
            "gauge",
            "From capture to published result.",
            f64::from(rates.latency_ms) / 1e3,
        ),
        (
            "dropped_frames_total",
            "counter",
            "Frames replaced by newer ones.",
            rates.dropped as f64,
        ),
        (
            "results_saved_total",
            "counter",
            "Results that are durable.",
            store.saved as f64,
        ),
        (
            "results_waiting",
            "gauge",
            "Results that are not durable yet.",
            store.waiting as f64,
        ),
        (
            "store_fault",
            "gauge",
            "Whether results are not being stored.",
            flag(store.fault.is_some()),
        ),
        (
            "viewers",
            "gauge",
            "Clients that look at the live page.",
            viewers as f64,
        ),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in metrics {
        let name = format!("sonograde_{name}");
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    let stages = &live.stages;
    for (name, help, histogram) in [
        ("wait", "From capture until the frame is looked at.", &stages.wait),
        (
            "grade",
            "Looking at the screen, preprocessing, inference.",
            &stages.grade,
        ),
        ("score", "From capture until the score is there.", &stages.score),
        ("record", "Handing a result to exam and store.", &stages.record),
    ] {
        write_histogram(&mut text, &format!("sonograde_{name}_seconds"), help, histogram);
    }
    let owed: [(&str, &str, Value); 3] = [
        ("deliveries_pending", "Objects to be sent.", |one| {
            one.pending as f64
        }),
        (
            "deliveries_sent",
            "Objects that were sent and are not known to be kept yet.",
            |one| one.sent as f64,
        ),
        (
            "destination_up",
            "Whether the destination can be reached.",
            |one| flag(one.down.is_none()),
        ),
    ];
    for (name, help, value) in owed {
        let name = format!("sonograde_{name}");
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for one in destinations {
            let _ = writeln!(text, "{name}{{destination=\"{}\"}} {}", one.name, value(one));
        }
    }
    text
}

fn write_histogram(text: &mut String, name: &str, help: &str, histogram: &Histogram) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram");
    let counts = histogram.cumulative();
    for (edge_ms, count) in EDGES_MS.iter().zip(counts) {
        let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {count}", edge_ms / 1e3);
    }
    let (all, sum) = (counts[EDGES_MS.len()], histogram.sum().as_secs_f64());
    let _ = writeln!(
        text,
        "{name}_bucket{{le=\"+Inf\"}} {all}\n{name}_sum {sum}\n{name}_count {all}"
    );
}

fn flag(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
