//! JSON lines: one object a frame, then the verdict. The format is documented in the README and kept stable.

use std::io::{self, Write};

use serde::Serialize;

use crate::exam::record::{Graded, ModelIdentity, Quality, Verdict};

/// One line.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Frame {
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'a str>,
        seq: u64,
        t_ms: u64,
        score: Option<f32>,
        quality: Option<Quality>,
        roi: [u32; 4],
        map: Option<Vec<&'a [f32]>>,
        brightness: Option<u8>,
        clarity: Option<u8>,
    },
    Verdict {
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'a str>,
        #[serde(flatten)]
        verdict: &'a Verdict,
        model: &'a ModelIdentity,
        label: &'static str,
    },
}

/// Writes one frame's line. `path` names the file where more than one is graded.
///
/// # Errors
/// The writer's.
pub fn frame(out: &mut impl Write, path: Option<&str>, graded: &Graded) -> io::Result<()> {
    let scored = graded.outcome.as_ref().ok();
    let fitness = scored.and_then(|s| s.fitness);
    write(
        out,
        &Line::Frame {
            path,
            seq: graded.seq,
            t_ms: graded.t_ms,
            score: scored.map(|s| s.score),
            quality: graded.outcome.as_ref().err().copied(),
            roi: [graded.roi.x, graded.roi.y, graded.roi.w, graded.roi.h],
            map: scored.map(|s| s.map.rows().collect()),
            brightness: fitness.map(|f| f.brightness),
            clarity: fitness.map(|f| f.clarity),
        },
    )
}

/// Writes the verdict's line.
///
/// # Errors
/// The writer's.
pub fn verdict(
    out: &mut impl Write,
    path: Option<&str>,
    verdict: &Verdict,
    model: &ModelIdentity,
) -> io::Result<()> {
    write(
        out,
        &Line::Verdict {
            path,
            verdict,
            model,
            label: model.label(),
        },
    )
}

fn write(out: &mut impl Write, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::record::{ActivationMap, Fitness, Grade, Scored};
    use crate::frame::Rect;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).expect("memory takes it");
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn the_lines_are_those_of_the_readme() {
        let map = ActivationMap {
            width: 2,
            height: 2,
            values: vec![0.5, 1.0, -1.5, 2.0],
        };
        let scored = Graded {
            seq: 3,
            t_ms: 50,
            roi: Rect::full(2, 2),
            outcome: Ok(Scored {
                score: 0.75,
                map,
                fitness: Some(Fitness {
                    brightness: 71,
                    clarity: 240,
                }),
            }),
        };
        assert_eq!(
            text(|out| frame(out, None, &scored)),
            "{\"type\":\"frame\",\"seq\":3,\"t_ms\":50,\"score\":0.75,\"quality\":null,\"roi\":[0,0,2,2],\"map\":[[0.5,1.0],[-1.5,2.0]],\
             \"brightness\":71,\"clarity\":240}\n"
        );
        let repeated = Graded {
            seq: 4,
            t_ms: 66,
            roi: Rect::full(2, 2),
            outcome: Err(Quality::Duplicate),
        };
        assert_eq!(
            text(|out| frame(out, Some("a.png"), &repeated)),
            "{\"type\":\"frame\",\"path\":\"a.png\",\"seq\":4,\"t_ms\":66,\"score\":null,\"quality\":\"duplicate\",\"roi\":[0,0,2,2],\"map\":null,\
             \"brightness\":null,\"clarity\":null}\n"
        );
        let end = Verdict {
            verdict: Grade::High,
            score: Some(0.75),
            ci95: Some([0.5, 1.0]),
            frames_scored: 1,
            frames_seen: 2,
            frames_counted: Some(1),
        };
        let model = ModelIdentity {
            name: "m".into(),
            version: "1".into(),
            sha256: "ab".into(),
            intended_use: "demonstration".into(),
        };
        assert_eq!(
            text(|out| verdict(out, None, &end, &model)),
            "{\"type\":\"verdict\",\"verdict\":\"high\",\"score\":0.75,\"ci95\":[0.5,1.0],\"frames_scored\":1,\
             \"frames_seen\":2,\"frames_counted\":1,\"model\":{\"name\":\"m\",\"version\":\"1\",\"sha256\":\"ab\",\
             \"intended_use\":\"demonstration\"},\"label\":\"DEMONSTRATION MODEL. Research use only. Not for diagnosis.\"}\n"
        );
    }
}
