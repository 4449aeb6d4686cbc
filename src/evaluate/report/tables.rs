//! The report's tables.

use std::fmt::{self, Display, Formatter};

use crate::evaluate::binary::Estimate;
use crate::evaluate::level::{Calls, Level};
use crate::evaluate::maps::MapFigures;
use crate::evaluate::summary::Summary;
use crate::evaluate::table::{number, range};

/// How well the calls of each rule do.
pub struct OfCalls<'a>(pub &'a Level);

impl Display for OfCalls<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let calls = &self.0.calls;
        let row = |f: &mut Formatter<'_>, name: &str, cell: &dyn Fn(&Calls) -> String| {
            write!(f, "<tr><th scope=\"row\">{name}</th>")?;
            calls
                .iter()
                .try_for_each(|one| write!(f, "<td>{}</td>", cell(one)))?;
            writeln!(f, "</tr>")
        };
        write!(f, "<table class=\"calls\"><thead><tr><th></th>")?;
        calls
            .iter()
            .try_for_each(|one| write!(f, "<th scope=\"col\">{}</th>", one.rule))?;
        writeln!(f, "</tr></thead><tbody>")?;
        let names = calls.first().map(|one| one.figures().map(|(name, _)| name));
        for (at, name) in names.iter().flatten().enumerate() {
            row(f, name, &|one| estimate("Wilson", one.figures()[at].1))?;
        }
        row(f, "confusion", &|one| {
            let counts = one.confusion;
            format!(
                "<table class=\"confusion\"><tr><th>true ↓ called →</th><th>high</th><th>low</th></tr>\
                 <tr><th>high</th><td>{}</td><td>{}</td></tr><tr><th>low</th><td>{}</td><td>{}</td></tr></table>",
                counts.true_high, counts.false_low, counts.false_high, counts.true_low
            )
        })?;
        writeln!(f, "</tbody></table>")
    }
}

/// A figure with its intervals; `own` names the one that takes cases for independent.
pub fn estimate(own: &str, one: &Estimate) -> String {
    let mut cell = format!("<b>{}</b>", number(one.value));
    if one.ci95.is_some() {
        cell += &format!("<small>{own} {}</small>", range(one.ci95));
    }
    if one.value.is_some() {
        cell += &format!("<small>by patient {}</small>", range(one.ci95_by_patient));
    }
    cell
}

/// AUC, Brier score and calibration error of pictures and exams.
pub struct OfScores<'a>(pub &'a Summary);

impl Display for OfScores<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<table><thead><tr><th></th><th>cases</th><th>low / high</th><th>patients</th><th>AUC</th><th>Brier score</th>\
             <th>calibration error</th><th>indeterminate</th></tr></thead><tbody>"
        )?;
        for (name, level) in [("by picture", &self.0.pictures), ("by exam", &self.0.exams)] {
            writeln!(
                f,
                "<tr><th scope=\"row\">{name}</th><td>{}</td><td>{} / {}</td><td>{}</td><td>{}</td><td>{}</td><td><b>{}</b></td>\
                 <td>{}</td></tr>",
                level.cases,
                level.low,
                level.high,
                level.patients,
                estimate("DeLong", &level.auc),
                estimate("", &level.brier),
                number(level.calibration_error),
                estimate("Wilson", &level.indeterminate())
            )?;
        }
        writeln!(f, "</tbody></table>")
    }
}

/// The pictures of each contrast phase.
pub struct OfPhases<'a>(pub &'a Summary);

impl Display for OfPhases<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<table><thead><tr><th>time since injection</th><th>pictures</th><th>low / high</th><th>AUC</th>\
             <th>sensitivity at 0.5</th><th>specificity at 0.5</th></tr></thead><tbody>"
        )?;
        for one in &self.0.phases {
            let level = &one.level;
            let half = &level.calls[0];
            writeln!(
                f,
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{} / {}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                one.phase,
                level.cases,
                level.low,
                level.high,
                estimate("DeLong", &level.auc),
                estimate("Wilson", &half.sensitivity),
                estimate("Wilson", &half.specificity)
            )?;
        }
        writeln!(f, "</tbody></table>")
    }
}

/// How maps lie on the lesions.
pub struct OfMaps<'a>(pub &'a Summary);

impl Display for OfMaps<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let grades = [("high grade", &self.0.maps_high), ("low grade", &self.0.maps_low)];
        if grades.iter().all(|(_, figures)| figures.is_none()) {
            return writeln!(f, "<p>No row has a mask, so the maps are not judged.</p>");
        }
        writeln!(
            f,
            "<table><thead><tr><th></th><th>pictures</th><th>peak in the lesion (pointing game)</th>\
             <th>positive energy in the lesion</th><th>lesion's share of the ROI</th></tr></thead><tbody>"
        )?;
        for (grade, figures) in grades {
            let Some(figures) = figures else { continue };
            let MapFigures {
                pictures,
                without_energy,
                ..
            } = figures;
            writeln!(
                f,
                "<tr><th scope=\"row\">{grade}</th><td>{pictures}</td><td>{}</td><td>{}<small>{without_energy} \
                 without positive energy</small></td><td><b>{}</b></td></tr>",
                estimate("Wilson", &figures.pointing_game),
                estimate("", &figures.energy_in_mask),
                number(figures.mask_of_roi)
            )?;
        }
        writeln!(f, "</tbody></table>")
    }
}

/// The source paper's figures beside ours.
pub struct BesideThePaper<'a>(pub &'a Summary);

impl Display for BesideThePaper<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "<table class=\"beside\"><thead><tr><th></th><th>cases</th><th>sensitivity</th><th>specificity</th><th>accuracy</th><th>AUC</th></tr>\
             </thead><tbody><tr class=\"paper\"><th scope=\"row\">the source paper: RepVGG on CEUS, test set</th>\
             <td>patients; 177 Fuhrman-graded ccRCC in all</td><td>74.8 %</td><td>79.1 %</td><td>77.0 %</td><td>0.852</td></tr>"
        )?;
        for (name, level) in [("pictures", &self.0.pictures), ("exams", &self.0.exams)] {
            let half = &level.calls[0];
            let percent = |one: &Estimate| one.value.map_or("–".into(), |v| format!("{:.1} %", 100.0 * v));
            writeln!(
                f,
                "<tr><th scope=\"row\">this model, {name}, at 0.5</th><td>{} of {} patients in these labels</td>\
                 <td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                level.cases,
                level.patients,
                percent(&half.sensitivity),
                percent(&half.specificity),
                percent(&half.accuracy),
                number(level.auc.value)
            )?;
        }
        writeln!(f, "</tbody></table>")
    }
}
