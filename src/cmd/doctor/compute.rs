//! The model's self-test on this box, what it runs on, and whether that is fast enough.

use std::time::{Duration, Instant};

use crate::cmd::run;
use crate::config;
use crate::findings::Finding;
use crate::infer::{Model, kernels};

/// New pictures a second that scanners make with contrast: 10 to 20.
const NEEDED_FPS: f64 = 10.0;
const WANTED_FPS: f64 = 20.0;
/// How often the network runs for the measurement: few times, for a daemon may be grading beside it.
const RUNS: usize = 11;

pub(super) fn findings(model: config::Model) -> Vec<Finding> {
    let in_service = match run::model(model) {
        Ok((in_service, _)) => in_service,
        Err(error) => {
            let advice =
                "install a good package (`sonograde model install`), or take [model] out of the config";
            return vec![Finding::fault("model", crate::one_line(&error), advice)];
        }
    };
    let model = &in_service.model;
    let name = format!(
        "{} {} ({}), {}",
        model.identity().name,
        model.identity().version,
        in_service.from,
        model.identity().label()
    );
    let self_test = match in_service.notice {
        None => Finding::ok("model", format!("{name}; self-test passed")),
        Some(notice) => Finding::warning(
            "model",
            format!("{name}: {notice}"),
            "`sonograde model list` and install again",
        ),
    };
    vec![self_test, processor(), speed(model)]
}

fn processor() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or(std::env::consts::ARCH, |(_, name)| name);
    let kernels = kernels();
    let found = format!("{name}, {cores} cores; kernels {}", kernels.join(", "));
    match kernels.first() {
        Some(&"scalar") => Finding::warning(
            "processor",
            found,
            "no fast kernel for this processor: another box",
        ),
        _ => Finding::ok("processor", found),
    }
}

fn speed(model: &Model) -> Finding {
    let input = vec![0; model.input_bytes()];
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..RUNS {
        let began = Instant::now();
        if let Err(error) = model.run(&input) {
            let advice = "run `sonograde model verify`";
            return Finding::fault("speed", crate::one_line(&error), advice);
        }
        times.push(began.elapsed());
    }
    times.sort();
    let fps = 1.0 / times[RUNS / 2].as_secs_f64();
    let found = format!(
        "{fps:.0} pictures/s by {}, {WANTED_FPS:.0} wanted",
        model.engine()
    );
    let advice = "cool the box, raise its power mode, stop other programs, or raise [model] threads";
    match fps {
        fps if fps < NEEDED_FPS => Finding::fault("speed", found, advice),
        fps if fps < WANTED_FPS => Finding::warning("speed", found, advice),
        _ => Finding::ok("speed", found),
    }
}
