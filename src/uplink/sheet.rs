//! An exam as files for where a site's exams are analysed together: `exam.json`, and its frames as a Parquet table.
//!
//! Pure: the same exam and frames give the same bytes. `docs/fleet.md` says what is in them.

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::exam::record::{Exam, Fitness};
use crate::store::FrameRecord;

/// The columns, in the order in which they are written.
const SCHEMA: &str = "message frames {
    REQUIRED BYTE_ARRAY exam (STRING);
    REQUIRED INT64 started (TIMESTAMP(MILLIS,true));
    REQUIRED INT64 seq;
    REQUIRED INT64 t_ms;
    REQUIRED FLOAT score;
    OPTIONAL INT32 brightness;
    OPTIONAL INT32 clarity;
    REQUIRED INT32 map_width;
    REQUIRED INT32 map_height;
    REQUIRED GROUP map (LIST) { REPEATED GROUP list { REQUIRED FLOAT element; } }
    OPTIONAL BYTE_ARRAY verdict (STRING);
    OPTIONAL FLOAT exam_score;
    OPTIONAL BYTE_ARRAY pathology (STRING);
    REQUIRED BYTE_ARRAY model (STRING);
    REQUIRED BYTE_ARRAY model_sha256 (STRING);
}";

/// The frames of an exam.
pub(super) fn frames(exam: &Exam, frames: &[FrameRecord]) -> Result<Vec<u8>, ParquetError> {
    let properties = WriterProperties::builder()
        // It ends with the program's version otherwise, and the same exam would be another file after an update.
        .set_created_by("sonograde".into())
        .set_compression(Compression::UNCOMPRESSED);
    let schema = parse_message_type(SCHEMA)?;
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema.into(), properties.build().into())?;
    let mut rows = file.next_row_group()?;
    let rows_of = |value: ByteArray| vec![value; frames.len()];
    let text = |text: &str| ByteArray::from(text);
    let verdict = exam.verdict.as_ref();
    let made = &exam.provenance.model;

    put::<ByteArrayType>(&mut rows, &rows_of(text(&exam.id)), None)?;
    put::<Int64Type>(
        &mut rows,
        &vec![exam.started.timestamp_millis(); frames.len()],
        None,
    )?;
    put::<Int64Type>(&mut rows, &each(frames, |frame| frame.seq.cast_signed()), None)?;
    put::<Int64Type>(&mut rows, &each(frames, |frame| frame.t_ms.cast_signed()), None)?;
    put::<FloatType>(&mut rows, &each(frames, |frame| frame.score), None)?;
    let graded = each(frames, |frame| i16::from(frame.fitness.is_some()));
    for value in [|fit: Fitness| fit.brightness, |fit: Fitness| fit.clarity] {
        let known = frames.iter().filter_map(|frame| frame.fitness);
        let known: Vec<i32> = known.map(|fit| value(fit).into()).collect();
        put::<Int32Type>(&mut rows, &known, Some((&graded, None)))?;
    }
    put::<Int32Type>(&mut rows, &each(frames, |frame| frame.map.width as i32), None)?;
    put::<Int32Type>(&mut rows, &each(frames, |frame| frame.map.height as i32), None)?;
    let values: Vec<f32> = frames
        .iter()
        .flat_map(|frame| frame.map.values.iter().copied())
        .collect();
    let begins = |frame: &FrameRecord| {
        (0..frame.map.values.len())
            .map(|i| i16::from(i > 0))
            .collect::<Vec<_>>()
    };
    let repeated: Vec<i16> = frames.iter().flat_map(begins).collect();
    put::<FloatType>(
        &mut rows,
        &values,
        Some((&vec![1; values.len()], Some(&repeated))),
    )?;
    let grade = verdict.map(|verdict| text(&verdict.verdict.to_string()));
    put_known::<ByteArrayType>(&mut rows, grade, frames.len())?;
    put_known::<FloatType>(&mut rows, verdict.and_then(|verdict| verdict.score), frames.len())?;
    let pathology = exam
        .pathology
        .as_ref()
        .map(|found| text(&found.grade.to_string()));
    put_known::<ByteArrayType>(&mut rows, pathology, frames.len())?;
    put::<ByteArrayType>(
        &mut rows,
        &rows_of(text(&format!("{} {}", made.name, made.version))),
        None,
    )?;
    put::<ByteArrayType>(&mut rows, &rows_of(text(&made.sha256)), None)?;
    rows.close()?;
    file.close()?;
    Ok(bytes)
}

fn each<T>(frames: &[FrameRecord], value: impl Fn(&FrameRecord) -> T) -> Vec<T> {
    frames.iter().map(value).collect()
}

/// A column that has one value in every row, or none in any.
fn put_known<T: DataType>(
    rows: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    value: Option<T::T>,
    count: usize,
) -> Result<(), ParquetError> {
    let level = i16::from(value.is_some());
    let values: Vec<T::T> = value.into_iter().flat_map(|value| vec![value; count]).collect();
    put::<T>(rows, &values, Some((&vec![level; count], None)))
}

/// Writes the next column, with its definition and repetition levels where it has any.
fn put<T: DataType>(
    rows: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: &[T::T],
    levels: Option<(&[i16], Option<&[i16]>)>,
) -> Result<(), ParquetError> {
    let mut column = rows
        .next_column()?
        .ok_or_else(|| ParquetError::General("no such column".into()))?;
    let (defined, repeated) = levels.map_or((None, None), |(defined, repeated)| (Some(defined), repeated));
    column.typed::<T>().write_batch(values, defined, repeated)?;
    column.close()
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::{ListAccessor, Row, RowAccessor};

    use super::*;
    use crate::exam::record::ActivationMap;

    #[test]
    fn frames_read_back_as_they_were_and_are_the_same_bytes_again() {
        let exam = crate::store::tests::exam("20260131T094500.123Z-7f3a");
        let frame = |seq: u64| FrameRecord {
            seq,
            t_ms: 40 * seq,
            score: 0.25 + seq as f32 / 8.0,
            map: ActivationMap {
                width: 2,
                height: 1,
                values: vec![seq as f32, -0.5],
            },
            fitness: (seq > 1).then_some(Fitness {
                brightness: 90,
                clarity: 200,
            }),
        };
        let all = [frame(1), frame(2), frame(5)];
        let bytes = frames(&exam, &all).expect("a good table");
        assert_eq!(bytes, frames(&exam, &all).expect("a good table"));
        let file = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("a whole file");
        let rows = file.get_row_iter(None).expect("rows");
        let rows: Vec<Row> = rows.map(|row| row.expect("a row")).collect();
        // Its numbers are printed in more than one way.
        let map = rows[2].get_list(9).expect("the map");
        let map = [0, 1].map(|at| map.get_float(at).expect("a value"));
        let rows: Vec<String> = rows.iter().map(Row::to_string).collect();
        assert_eq!(rows.len(), 3, "{rows:?}");
        assert!(
            rows[2].contains("seq: 5") && rows[2].contains("score: 0.875"),
            "{}",
            rows[2]
        );
        assert!(
            rows[0].contains("clarity: null") && rows[2].contains("clarity: 200"),
            "{rows:?}"
        );
        assert_eq!(map, [5.0, -0.5], "{}", rows[2]);
        assert!(frames(&exam, &[]).is_ok(), "an exam without a scored frame");
    }
}
