//! The page: what comes in which order, and the words between.

use std::fmt::{self, Display, Formatter};

use super::html::{Base64, Escaped};
use super::plots;
use super::tables::{BesideThePaper, OfCalls, OfMaps, OfPhases, OfScores};
use super::worst::Worst;
use crate::evaluate::binary::Estimate;
use crate::evaluate::cases::Cases;
use crate::evaluate::labels::grade_word;
use crate::evaluate::summary::Summary;
use crate::evaluate::table::{counted, number, range};
use crate::evaluate::threshold::Rule;

/// Everything that the page shows.
pub struct Page<'a> {
    /// The figures.
    pub summary: &'a Summary,
    /// Every scored picture.
    pub pictures: &'a Cases,
    /// Every exam.
    pub exams: &'a Cases,
    /// Low-grade pictures with the highest scores.
    pub false_high: &'a [Worst<'a>],
    /// High-grade pictures with the lowest scores.
    pub false_low: &'a [Worst<'a>],
}

impl Display for Page<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let summary = self.summary;
        let model = format!("{} {}", summary.model.name, summary.model.version);
        writeln!(
            f,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>Evaluation of {}</title>\n<style>\n{}</style></head>\n<body>",
            Escaped(&model),
            include_str!("style.css")
        )?;
        self.head(f, &model)?;
        self.key_figures(f)?;
        section(f, "Beside the source paper", BesideThePaper(summary), PAPER)?;
        self.scores(f)?;
        self.calls(f)?;
        section(f, "By contrast phase", OfPhases(summary), PHASES)?;
        section(
            f,
            "Does the activation map lie on the lesion?",
            OfMaps(summary),
            MAPS,
        )?;
        self.worst(f)?;
        writeln!(f, "<section><h2>How to read the figures</h2><ul>")?;
        summary
            .notes
            .iter()
            .try_for_each(|note| writeln!(f, "<li>{}</li>", Escaped(note)))?;
        writeln!(
            f,
            "{METHODS}</ul></section>\n<footer>{}</footer>\n</body></html>",
            Escaped(summary.label)
        )
    }
}

const PHASES: &str = "Pictures by the time since the injection of contrast. The kidney enhances in an early cortical phase, \
    then as a whole (EFSUMB guidelines, Sidhu et al. 2018, 10.1055/a-0586-1107); the border here is a fixed 30 s.";
const MAPS: &str = "The map of the class high, judged by the lesion's mask in the pictures that have one. A map that \
    knows nothing would reach the lesion's share of the ROI. Pointing game: Zhang et al. 2016, \
    10.1007/978-3-319-46493-0_33; energy: Wang et al. 2020, 10.1109/CVPRW50498.2020.00020.";
const PAPER: &str = "<b>The data differ: these rows cannot be compared as equals.</b> The paper's figures are of real patients \
    whose grade a pathologist gave. Ours are of whatever the labels named above hold; pictures of \
    <code>sonograde phantom</code> are simulated, and figures on them say nothing about people.";
const METHODS: &str = "<li>A score at or above a threshold is called high. By the model's band, scores inside it get no call \
    (indeterminate) and count in no other figure of that column. PPV and NPV are those of this set's mixture of grades.</li>\
    <li>An exam's score is that of a verdict of its pictures: the mean of their scores, each weighed by contrast and quality.</li>\
    <li>AUC: ties count half; DeLong et al. 1988 (10.2307/2531595) by Sun and Xu 2014 (10.1109/LSP.2014.2337313). Shares: \
    Wilson 1927 (10.1080/01621459.1927.10502953). By patient: 2000 draws of patients with replacement within each grade, seeded, \
    2.5th to 97.5th percentile. All intervals are 95 %.</li>\
    <li>Calibration error: ten bins of equal width (Naeini et al. 2015, 10.1609/aaai.v29i1.9602).</li>";

/// A section with a heading, its content and a line of words under it, which are our own HTML.
fn section(f: &mut Formatter<'_>, heading: &str, content: impl Display, words: &str) -> fmt::Result {
    writeln!(
        f,
        "<section><h2>{heading}</h2>\n{content}<p class=\"words\">{words}</p></section>"
    )
}

impl Page<'_> {
    fn head(&self, f: &mut Formatter<'_>, model: &str) -> fmt::Result {
        let summary = self.summary;
        let (exams, pictures) = (
            counted(summary.exams.cases, "exam"),
            counted(summary.pictures.cases, "picture"),
        );
        let patients = counted(summary.pictures.patients, "patient");
        let facts: [(&str, &str); 7] = [
            ("Model", model),
            ("SHA-256", &summary.model.sha256),
            ("Learned from", &summary.training_data),
            ("Labels", &summary.data),
            ("Scored", &format!("{pictures} in {exams} of {patients}")),
            ("Made", &summary.date),
            (
                "By",
                &format!("sonograde {}, {}", summary.software, summary.engine),
            ),
        ];
        writeln!(
            f,
            "<header><p class=\"label\">{}</p><h1>Evaluation of {}</h1>\n<dl>",
            Escaped(summary.label),
            Escaped(model)
        )?;
        for (name, value) in facts {
            writeln!(f, "<div><dt>{name}</dt><dd>{}</dd></div>", Escaped(value))?;
        }
        writeln!(f, "</dl></header>")
    }

    fn key_figures(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Summary { pictures, exams, .. } = self.summary;
        let by_exam = &exams.calls[0];
        let tiles: [(&str, &Estimate); 5] = [
            ("AUC by picture", &pictures.auc),
            ("AUC by exam", &exams.auc),
            ("sensitivity by exam, at 0.5", &by_exam.sensitivity),
            ("specificity by exam, at 0.5", &by_exam.specificity),
            ("accuracy by exam, at 0.5", &by_exam.accuracy),
        ];
        writeln!(f, "<ul class=\"tiles\">")?;
        for (name, one) in tiles {
            let (value, interval) = (number(one.value), range(one.ci95_by_patient));
            writeln!(
                f,
                "<li><b>{value}</b><small>{interval}</small><span>{name}</span></li>"
            )?;
        }
        writeln!(
            f,
            "</ul><p class=\"words\">Under each figure: its 95 % interval, bootstrap by patient.</p>"
        )
    }

    fn scores(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Summary { pictures, exams, .. } = self.summary;
        let band = pictures.calls.iter().find_map(|calls| match calls.rule {
            Rule::Band(band) => Some(band),
            _ => None,
        });
        let plots = [
            (
                plots::roc(self.pictures, self.exams, pictures, exams),
                "ROC curves. Marked on the curve of the pictures: the thresholds of the tables below.",
            ),
            (
                plots::calibration(pictures),
                "Calibration of the pictures' scores, with Wilson's intervals.",
            ),
            (
                plots::scores(self.pictures, "pictures", band),
                "Scores of the pictures: <b class=\"of-high\">high grade</b> upwards, <b class=\"of-low\">low grade</b> \
                 downwards. Grey: the model's band of no call; dashed: 0.5.",
            ),
            (
                plots::scores(self.exams, "exams", band),
                "Scores of the exams, drawn alike.",
            ),
        ];
        writeln!(
            f,
            "<section><h2>Scores</h2>\n{}<div class=\"plots\">",
            OfScores(self.summary)
        )?;
        for (plot, words) in plots {
            writeln!(f, "<figure>{plot}<figcaption>{words}</figcaption></figure>")?;
        }
        writeln!(f, "</div></section>")
    }

    fn calls(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let words = "At 0.5 the model gives both grades the same chance. Outside its band: the model's own verdict, on the cases \
                     for which it makes one.";
        section(f, "Calls by picture", OfCalls(&self.summary.pictures), words)?;
        section(f, "Calls by exam", OfCalls(&self.summary.exams), "")
    }

    fn worst(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "<section class=\"long\"><h2>Worst cases</h2>")?;
        for (heading, worst) in [
            ("Low grade, highest scores", self.false_high),
            ("High grade, lowest scores", self.false_low),
        ] {
            writeln!(f, "<h3>{heading}</h3><div class=\"worst\">")?;
            worst.iter().try_for_each(|one| writeln!(f, "{}", Shown(one)))?;
            if worst.is_empty() {
                writeln!(
                    f,
                    "<p>None: no picture of this grade is on the wrong side of 0.5.</p>"
                )?;
            }
            writeln!(f, "</div>")?;
        }
        writeln!(
            f,
            "<p class=\"words\">The lesion ROI with half its size around it; over the ROI the activation map of high, from \
             its own lowest to its own highest value. At most one picture of each patient.</p></section>"
        )
    }
}

/// A worst case as a figure.
struct Shown<'a>(&'a Worst<'a>);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Worst { row, score, png } = self.0;
        let time = row
            .t_ms
            .map_or("time unknown".into(), |t| format!("{:.1} s", t as f64 / 1000.0));
        write!(
            f,
            "<figure><img alt=\"picture with activation map\" src=\"data:image/png;base64,{}\"><figcaption><b>{score:.3}</b>, \
             truly {}<small>{}, exam {}, {time}, line {}</small></figcaption></figure>",
            Base64(png),
            grade_word(row.high),
            Escaped(&row.patient),
            Escaped(&row.exam),
            row.line
        )
    }
}
