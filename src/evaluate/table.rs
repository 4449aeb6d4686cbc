//! The figures as text for a terminal.

use std::fmt;

use super::binary::Estimate;
use super::level::{Calls, Level};
use super::maps::MapFigures;
use super::summary::Summary;

/// Shows a [`Summary`] as tables.
pub struct Table<'a>(pub &'a Summary);

/// A figure with three decimals; an en dash where it is undefined.
pub(super) fn number(value: Option<f64>) -> String {
    value.map_or("–".into(), |value| format!("{value:.3}"))
}

/// An interval with three decimals; an en dash where it is undefined.
pub(super) fn range(interval: Option<[f64; 2]>) -> String {
    interval.map_or("–".into(), |[low, high]| format!("{low:.3} to {high:.3}"))
}

/// `1 exam`, `2 exams`.
pub(super) fn counted(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.0;
        let model = &summary.model;
        writeln!(f, "{}", summary.data)?;
        writeln!(
            f,
            "model {} {}, SHA-256 {}",
            model.name, model.version, model.sha256
        )?;
        writeln!(f, "{}", summary.label)?;
        level(f, "picture", &summary.pictures)?;
        level(f, "exam", &summary.exams)?;
        phases(f, summary)?;
        maps(f, summary)?;
        writeln!(f)?;
        summary
            .notes
            .iter()
            .try_for_each(|note| writeln!(f, "Note: {note}"))
    }
}

fn level(f: &mut fmt::Formatter<'_>, what: &str, level: &Level) -> fmt::Result {
    let Level { low, high, .. } = level;
    let (cases, patients) = (counted(level.cases, what), counted(level.patients, "patient"));
    writeln!(f, "\nBy {what}: {cases} of {patients}, {low} low and {high} high")?;
    writeln!(f, "  {:<20}{:<9}{:<18}by patient", "", "", "DeLong, Wilson")?;
    let row = |f: &mut fmt::Formatter<'_>, name, one: &Estimate| {
        let (value, own, by_patient) = (number(one.value), range(one.ci95), range(one.ci95_by_patient));
        writeln!(f, "  {name:<20}{value:<9}{own:<18}{by_patient}")
    };
    row(f, "AUC", &level.auc)?;
    row(f, "Brier score", &level.brier)?;
    row(f, "indeterminate", &level.indeterminate())?;
    writeln!(
        f,
        "  {:<20}{}",
        "calibration error",
        number(level.calibration_error)
    )?;
    columns(f, "", &level.calls, |calls| calls.rule.to_string())?;
    let names = level
        .calls
        .first()
        .map(|calls| calls.figures().map(|(name, _)| name));
    for (at, name) in names.iter().flatten().enumerate() {
        let figure = |calls: &Calls| *calls.figures()[at].1;
        columns(f, name, &level.calls, |calls| number(figure(calls).value))?;
        if *name != "F1" {
            columns(f, "  Wilson", &level.calls, |calls| range(figure(calls).ci95))?;
        }
        columns(f, "  by patient", &level.calls, |calls| {
            range(figure(calls).ci95_by_patient)
        })?;
    }
    let counts = |calls: &Calls| calls.confusion;
    columns(f, "high called high/low", &level.calls, |calls| {
        format!("{} / {}", counts(calls).true_high, counts(calls).false_low)
    })?;
    columns(f, "low called high/low", &level.calls, |calls| {
        format!("{} / {}", counts(calls).false_high, counts(calls).true_low)
    })
}

fn columns(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    calls: &[Calls],
    cell: impl Fn(&Calls) -> String,
) -> fmt::Result {
    let cells: String = calls.iter().map(|calls| format!("{:<24}", cell(calls))).collect();
    writeln!(f, "{}", format!("  {name:<22}{cells}").trim_end())
}

fn phases(f: &mut fmt::Formatter<'_>, summary: &Summary) -> fmt::Result {
    writeln!(
        f,
        "\nBy time since injection     pictures  low/high    AUC    by patient        at 0.5: sens.  spec.  acc."
    )?;
    for one in &summary.phases {
        let level = &one.level;
        let half = &level.calls[0];
        let [sensitivity, specificity, accuracy] =
            [half.sensitivity, half.specificity, half.accuracy].map(|one| number(one.value));
        writeln!(
            f,
            "  {:<26}{:<10}{:<12}{:<7}{:<18}        {sensitivity:<7}{specificity:<7}{accuracy}",
            one.phase.to_string(),
            level.cases,
            format!("{}/{}", level.low, level.high),
            number(level.auc.value),
            range(level.auc.ci95_by_patient),
        )?;
    }
    Ok(())
}

fn maps(f: &mut fmt::Formatter<'_>, summary: &Summary) -> fmt::Result {
    let grades = [("high", &summary.maps_high), ("low", &summary.maps_low)];
    if grades.iter().all(|(_, figures)| figures.is_none()) {
        return writeln!(f, "\nMaps are not judged: no row has a mask");
    }
    writeln!(
        f,
        "\nMap of high on the lesion   pictures  peak inside, by patient    energy inside, by patient  lesion of ROI"
    )?;
    for (grade, figures) in grades {
        let Some(figures) = figures else { continue };
        let MapFigures {
            pointing_game,
            energy_in_mask,
            ..
        } = figures;
        let both = |one: &Estimate| format!("{}  {}", number(one.value), range(one.ci95_by_patient));
        writeln!(
            f,
            "  {:<26}{:<10}{:<27}{:<27}{}",
            format!("{grade}-grade pictures"),
            figures.pictures,
            both(pointing_game),
            both(energy_in_mask),
            number(figures.mask_of_roi)
        )?;
    }
    Ok(())
}
