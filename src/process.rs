//! What share of the machine the program takes: the cores that it runs on, and its priority.
//!
//! Set once on the first thread; every thread that is started later inherits both, and the engine's pool, which takes all
//! cores but one unless told otherwise, counts these cores only.

use std::fs;
use std::path::Path;

use rustix::thread::CpuSet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// `[process]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Cores to run on; the fast ones if absent.
    #[serde(deserialize_with = "cores")]
    pub cpus: Option<Vec<usize>>,
    /// Priority, from -20 (before everybody) to 19; as it was started if absent.
    #[serde(deserialize_with = "priority")]
    pub nice: Option<i8>,
}

fn cores<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<usize>>, D::Error> {
    let cpus = Vec::deserialize(deserializer)?;
    match cpus.iter().all(|cpu| *cpu < CpuSet::MAX_CPU) && !cpus.is_empty() {
        true => Ok(Some(cpus)),
        false => Err(D::Error::custom("expected numbers of cores, as in [4, 5, 6, 7]")),
    }
}

fn priority<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i8>, D::Error> {
    match i8::deserialize(deserializer)? {
        nice @ -20..=19 => Ok(Some(nice)),
        _ => Err(D::Error::custom("expected -20 to 19")),
    }
}

/// A core is a fast one from this share of the fastest one's capacity on: of RK3588's eight the four A76 are.
const FAST: f64 = 0.6;

/// Takes the cores and the priority. What the system refuses is logged: slower is better than not at all.
pub fn apply(settings: &Settings) {
    let fast = || fast_cores(Path::new("/sys/devices/system/cpu"));
    if let Some(cpus) = settings.cpus.clone().or_else(fast) {
        match run_on(&cpus) {
            Ok(()) => tracing::info!("runs on cores {cpus:?}"),
            Err(error) => tracing::warn!("cannot run on cores {cpus:?} alone: {error}; see [process] cpus"),
        }
    }
    if let Some(nice) = settings.nice
        && let Err(error) = rustix::process::setpriority_process(None, nice.into())
    {
        tracing::warn!("cannot take priority {nice}: {error}; see [process] nice, and LimitNICE of the unit");
    }
}

/// The calling thread's work can wait for everybody's.
pub fn step_back() {
    if let Err(error) = rustix::process::setpriority_process(None, 19) {
        tracing::debug!("cannot step back: {error}");
    }
}

fn run_on(cpus: &[usize]) -> rustix::io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu);
    }
    rustix::thread::sched_setaffinity(None, &set)
}

/// The fast cores of a machine whose cores differ, as Arm's big.LITTLE; none where all are alike or the kernel does not say.
fn fast_cores(sys: &Path) -> Option<Vec<usize>> {
    let core = |entry: fs::DirEntry| {
        let number = entry.file_name().to_str()?.strip_prefix("cpu")?.parse().ok()?;
        let capacity = fs::read_to_string(entry.path().join("cpu_capacity")).ok()?;
        Some((number, capacity.trim().parse::<f64>().ok()?))
    };
    let cores: Vec<(usize, f64)> = fs::read_dir(sys).ok()?.flatten().filter_map(core).collect();
    let most = cores.iter().map(|core| core.1).fold(0.0, f64::max);
    let mut fast: Vec<usize> = cores
        .iter()
        .filter(|core| core.1 >= FAST * most)
        .map(|core| core.0)
        .collect();
    fast.sort_unstable();
    (fast.len() < cores.len()).then_some(fast)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fast(capacities: &[u32]) -> Option<Vec<usize>> {
        let sys = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(sys.path().join("cpufreq")).expect("a folder");
        for (n, capacity) in capacities.iter().enumerate() {
            let cpu = sys.path().join(format!("cpu{n}"));
            fs::create_dir(&cpu).expect("a folder");
            fs::write(cpu.join("cpu_capacity"), format!("{capacity}\n")).expect("a file");
        }
        fast_cores(sys.path())
    }

    #[test]
    fn fast_cores_are_taken_where_cores_differ() {
        let rk3588 = [530, 530, 530, 530, 1024, 1024, 1024, 1024];
        assert_eq!(fast(&rk3588), Some(vec![4, 5, 6, 7]));
        assert_eq!(
            fast(&[250, 250, 800, 800, 1024]),
            Some(vec![2, 3, 4]),
            "prime, big, little"
        );
        assert_eq!(fast(&[1024; 4]), None, "a Raspberry Pi 5 or a Jetson");
        assert_eq!(fast(&[]), None, "x86 does not say");
    }

    /// The pool of the engine counts with it.
    #[test]
    fn threads_that_start_later_run_on_the_same_cores() {
        let thread = std::thread::spawn(|| {
            let mine = rustix::thread::sched_getaffinity(None).expect("the cores");
            let cpu = (0..CpuSet::MAX_CPU).find(|cpu| mine.is_set(*cpu)).expect("one");
            run_on(&[cpu]).expect("taken");
            let later = std::thread::spawn(|| std::thread::available_parallelism().map(usize::from));
            later.join().expect("no panic").expect("a count")
        });
        assert_eq!(thread.join().expect("no panic"), 1);
    }

    #[test]
    fn what_cannot_be_taken_is_refused_with_words() {
        for (text, words) in [
            ("cpus = []", "numbers of cores"),
            ("cpus = [99999]", "numbers of cores"),
            ("nice = 20", "-20 to 19"),
        ] {
            let error = toml::from_str::<Settings>(text).expect_err(text);
            assert!(error.message().contains(words), "{error}");
        }
        assert_eq!(toml::from_str(""), Ok(Settings::default()));
    }
}
