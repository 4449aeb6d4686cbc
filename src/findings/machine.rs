//! Heat, throttling and the clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Finding;

/// Hotter than this, boxes slow down.
const HOT: u64 = 85;

/// Heat, throttling and clock of this machine.
pub fn machine() -> Vec<Finding> {
    vec![heat(Path::new("/sys")), throttling(Path::new("/sys")), clock()]
}

fn heat(sys: &Path) -> Finding {
    let zones = matching(&sys.join("class/thermal"), "thermal_zone");
    let degrees = zones.iter().filter_map(|zone| number(&zone.join("temp")));
    match degrees.map(|milli| milli / 1000).max() {
        None => Finding::unknown("heat", "this machine has no thermometer that can be read"),
        Some(degrees) if degrees >= HOT => {
            let advice = "clear the air vents, move the box away from other heat; it slows down by itself";
            Finding::warning("heat", format!("{degrees} °C"), advice)
        }
        Some(degrees) => Finding::ok("heat", format!("{degrees} °C")),
    }
}

fn throttling(sys: &Path) -> Finding {
    let cpus = matching(&sys.join("devices/system/cpu"), "cpu");
    let slowed: u64 = cpus
        .iter()
        .filter_map(|cpu| number(&cpu.join("thermal_throttle/core_throttle_count")))
        .sum();
    let capped = cpus.iter().any(|cpu| {
        let limit = |name| number(&cpu.join("cpufreq").join(name));
        limit("scaling_max_freq") < limit("cpuinfo_max_freq")
    });
    // Of a Raspberry Pi: bits 0-3 are now, 16-19 since it was switched on (vcgencmd get_throttled).
    let pi = fs::read_to_string(sys.join("devices/platform/soc/soc:firmware/get_throttled")).ok();
    let pi = pi.and_then(|bits| u64::from_str_radix(bits.trim().trim_start_matches("0x"), 16).ok());
    let found = match (pi, slowed, capped) {
        (Some(bits), ..) if bits & 0x5_0005 != 0 => {
            "too little power or too hot since it was switched on".to_owned()
        }
        (_, 1.., _) => format!("slowed down {slowed} times since it was switched on"),
        (.., true) => "the clock is capped below what the processor can do".to_owned(),
        _ => return Finding::ok("throttling", "none"),
    };
    let advice = "cool it, use its own power supply, and raise its power mode (nvpmodel, cpupower)";
    Finding::warning("throttling", found, advice)
}

fn clock() -> Finding {
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .output();
    let answer = asked.ok().filter(|answer| answer.status.success());
    match answer.as_ref().map(|answer| answer.stdout.trim_ascii()) {
        Some(b"yes") => Finding::ok("clock", "synchronized"),
        Some(_) => {
            let advice = "set a time server (systemd-timesyncd or chrony): exams are filed by time";
            Finding::warning("clock", "not synchronized", advice)
        }
        None => Finding::warning(
            "clock",
            "systemd does not say whether it is synchronized",
            "check it by hand",
        ),
    }
}

/// The number that a file of /sys holds.
pub(crate) fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The entries of a folder whose name is `prefix` and a number.
fn matching(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.map(|entry| entry.path()).filter(|path| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        name.strip_prefix(prefix)
            .is_some_and(|rest| rest.parse::<u32>().is_ok())
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn sys(files: &[(&str, &str)]) -> tempfile::TempDir {
        let sys = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = sys.path().join(name);
            fs::create_dir_all(path.parent().expect("in the folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        sys
    }

    #[test]
    fn heat_is_that_of_the_hottest_zone() {
        let zone = "class/thermal/thermal_zone";
        let temps = [
            (format!("{zone}0/temp"), "41000\n"),
            (format!("{zone}1/temp"), "91500\n"),
        ];
        let cool = sys(&[(&temps[0].0, temps[0].1)]);
        let hot = sys(&[(&temps[0].0, temps[0].1), (&temps[1].0, temps[1].1)]);
        assert_eq!(
            (heat(cool.path()).level, heat(cool.path()).found.as_str()),
            (Level::Ok, "41 °C")
        );
        assert_eq!(
            (heat(hot.path()).level, heat(hot.path()).found.as_str()),
            (Level::Warning, "91 °C")
        );
        assert_eq!(heat(sys(&[]).path()).level, Level::Unknown);
    }

    #[test]
    fn a_processor_that_was_slowed_down_or_is_capped_is_said() {
        let cpu = "devices/system/cpu/cpu1";
        let (count, now, most) = (
            format!("{cpu}/thermal_throttle/core_throttle_count"),
            format!("{cpu}/cpufreq/scaling_max_freq"),
            format!("{cpu}/cpufreq/cpuinfo_max_freq"),
        );
        let pi = "devices/platform/soc/soc:firmware/get_throttled";
        for (files, words) in [
            (vec![], "none"),
            (
                vec![(count.as_str(), "0"), (&now, "2400000"), (&most, "2400000")],
                "none",
            ),
            (vec![(count.as_str(), "7")], "slowed down 7 times"),
            (vec![(now.as_str(), "1200000"), (&most, "2400000")], "capped"),
            (vec![(pi, "50005\n")], "too little power or too hot"),
            (vec![(pi, "0\n")], "none"),
        ] {
            let sys = sys(&files);
            let finding = throttling(sys.path());
            assert!(finding.found.contains(words), "{files:?}: {}", finding.found);
            assert_eq!(finding.level == Level::Ok, words == "none");
        }
    }
}
