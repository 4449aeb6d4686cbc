//! Heat, throttling and the clock.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Finding;
use crate::words::Language;

/// Hotter than this, boxes slow down.
const HOT: u64 = 85;

/// Heat, throttling and clock of this machine, in `language`.
pub fn machine(language: Language) -> Vec<Finding> {
    let sys = Path::new("/sys");
    vec![heat(language, sys), throttling(language, sys), clock(language)]
}

fn heat(language: Language, sys: &Path) -> Finding {
    let zones = matching(&sys.join("class/thermal"), "thermal_zone");
    let degrees = zones.iter().filter_map(|zone| number(&zone.join("temp")));
    match degrees.map(|milli| milli / 1000).max() {
        None => Finding::unknown("heat", language.words("heatUnread")),
        Some(degrees) if degrees >= HOT => {
            Finding::warning("heat", format!("{degrees} °C"), language.words("heatAdvice"))
        }
        Some(degrees) => Finding::ok("heat", format!("{degrees} °C")),
    }
}

fn throttling(language: Language, sys: &Path) -> Finding {
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
        (Some(bits), ..) if bits & 0x5_0005 != 0 => language.words("throttlingPower"),
        (_, 1.., _) => language.filled("throttlingSlowed", &[("times", &slowed.to_string())]),
        (.., true) => language.words("throttlingCapped"),
        _ => return Finding::ok("throttling", language.words("throttlingNone")),
    };
    Finding::warning("throttling", found, language.words("throttlingAdvice"))
}

fn clock(language: Language) -> Finding {
    let asked = Command::new("timedatectl")
        .args(["show", "--property=NTPSynchronized", "--value"])
        .output();
    let answer = asked.ok().filter(|answer| answer.status.success());
    let [found, advice] = match answer.as_ref().map(|answer| answer.stdout.trim_ascii()) {
        Some(b"yes") => return Finding::ok("clock", language.words("clockRight")),
        Some(_) => ["clockWrong", "clockAdvice"],
        None => ["clockUnsaid", "clockUnsaidAdvice"],
    };
    Finding::warning("clock", language.words(found), language.words(advice))
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
            (
                heat(Language::En, cool.path()).level,
                heat(Language::En, cool.path()).found.as_str()
            ),
            (Level::Ok, "41 °C")
        );
        assert_eq!(
            (
                heat(Language::En, hot.path()).level,
                heat(Language::En, hot.path()).found.as_str()
            ),
            (Level::Warning, "91 °C")
        );
        assert_eq!(heat(Language::En, sys(&[]).path()).level, Level::Unknown);
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
            let finding = throttling(Language::En, sys.path());
            assert!(finding.found.contains(words), "{files:?}: {}", finding.found);
            assert_eq!(finding.level == Level::Ok, words == "none");
            let german = throttling(Language::De, sys.path());
            assert_ne!((&german.found, german.level), (&finding.found, finding.level));
        }
    }

    /// A key without words would stand there itself.
    #[test]
    fn everything_has_words_in_both_languages() {
        let code = include_str!("machine.rs");
        let code = code.split("mod tests").next().unwrap_or_default();
        let keys = code.split('"').filter(|text| {
            let check = ["heat", "throttling", "clock"]
                .iter()
                .find_map(|c| text.strip_prefix(c));
            check.is_some_and(|rest| rest.starts_with(char::is_uppercase))
        });
        let mut count = 0;
        for key in keys {
            let [english, german] = [Language::En, Language::De].map(|language| language.words(key));
            assert!(english != key && german != english, "{key}");
            count += 1;
        }
        assert_eq!(count, 12);
    }
}
