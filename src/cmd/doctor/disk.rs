//! The disk with the store: space, whether it may be written, and what the kernel knows of its health.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::daemon::Daemon;
use crate::findings::{Finding, number};

const GIB: u64 = 1 << 30;
/// A day of exams is some 2 GiB (maps and key frames).
const WANTED_FREE: u64 = 10 * GIB;
const NEEDED_FREE: u64 = GIB;

pub(super) fn findings(store: &Path, daemon: Option<&Daemon>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(fault) = daemon.and_then(Daemon::store_fault) {
        let advice = "see the findings on the disk below; then systemctl restart sonograde";
        findings.push(Finding::fault("store", fault, advice));
    }
    let Some(folder) = store.ancestors().find(|folder| folder.exists()) else {
        return findings;
    };
    if folder != store {
        let advice = "the daemon makes it when it starts, if it may";
        let found = format!("{} is not there yet", store.display());
        findings.push(Finding::warning("store", found, advice));
    }
    findings.push(space(folder));
    findings.push(health(folder));
    findings
}

fn space(folder: &Path) -> Finding {
    let stat = match rustix::fs::statvfs(folder) {
        Ok(stat) => stat,
        Err(error) => return Finding::fault("disk space", error.to_string(), "check [store] path"),
    };
    let (free, all) = (stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize);
    let found = format!(
        "{}: {:.1} of {:.1} GiB free",
        folder.display(),
        free as f64 / GIB as f64,
        all as f64 / GIB as f64
    );
    if stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        let advice = "mount it writable; if the kernel made it read-only, the disk is failing";
        return Finding::fault(
            "disk space",
            format!("{} is mounted read-only", folder.display()),
            advice,
        );
    }
    let advice = "export exams and delete them, or use a larger disk";
    match free {
        free if free < NEEDED_FREE => Finding::fault("disk space", found, advice),
        free if free < WANTED_FREE => Finding::warning("disk space", found, advice),
        _ => Finding::ok("disk space", found),
    }
}

fn health(folder: &Path) -> Finding {
    let Some(device) = block_device(folder) else {
        return Finding::unknown("disk health", "no disk of its own: nothing to look at");
    };
    let name = device
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let errors = number(&Path::new("/sys/fs/ext4").join(&name).join("errors_count"));
    if let Some(errors) = errors.filter(|errors| *errors > 0) {
        let advice = "check it with e2fsck when the box is off duty, save the exams, replace it";
        return Finding::fault(
            "disk health",
            format!("{name}: {errors} errors of its file system"),
            advice,
        );
    }
    // Of eMMC: 1 is 0-10 % of its life, 0x0b is past its end (JEDEC JESD84-B51, EXT_CSD 268 and 269).
    let life = device
        .ancestors()
        .find_map(|folder| fs::read_to_string(folder.join("device/life_time")).ok());
    let used = life.and_then(|life| {
        let tenths = life
            .split_whitespace()
            .filter_map(|part| u64::from_str_radix(part.trim_start_matches("0x"), 16).ok());
        tenths.max()
    });
    match used {
        Some(used @ 9..) => {
            let found = format!("{name}: {} % of its life is used", used * 10);
            Finding::warning("disk health", found, "replace it soon")
        }
        Some(used) => Finding::ok(
            "disk health",
            format!("{name}: at most {} % of its life is used", used * 10),
        ),
        None => Finding::ok(
            "disk health",
            format!("{name}: no errors; `smartctl -a` knows more of an SSD"),
        ),
    }
}

/// The folder of /sys of the device that holds `folder`.
fn block_device(folder: &Path) -> Option<PathBuf> {
    let device = fs::metadata(folder).ok()?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()
}
