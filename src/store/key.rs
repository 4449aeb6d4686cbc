//! Keys in time order: an exam's id in ten bytes, a frame's in eighteen.
//!
//! Six bytes of milliseconds since 1970 and the id's last four letters name the exam; eight bytes of frame number
//! follow for a frame. Both numbers are big-endian, so sled's order is the order of time and an exam's frames
//! are one range. Pure.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::StoreError;

/// How the time is written in an id.
const TIME: &str = "%Y%m%dT%H%M%S%.3fZ";
/// Letters of the time and the hyphen in an id.
const HEAD: usize = 21;

/// An exam's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExamKey([u8; 10]);

impl ExamKey {
    /// The key of an exam by its id.
    pub(super) fn of(id: &str) -> Result<Self, StoreError> {
        let key = id.split_at_checked(HEAD).and_then(|(head, salt)| {
            let salt = <[u8; 4]>::try_from(salt.as_bytes()).ok()?;
            let salt_is_plain = salt.iter().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase());
            let time = NaiveDateTime::parse_from_str(head.strip_suffix('-')?, TIME).ok()?;
            let ms = u64::try_from(time.and_utc().timestamp_millis()).ok()?;
            let mut key = [0; 10];
            key[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
            key[6..].copy_from_slice(&salt);
            salt_is_plain.then_some(Self(key))
        });
        key.filter(|key| key.id().as_deref() == Some(id))
            .ok_or_else(|| StoreError::Unstorable {
                what: format!("an exam named \"{id}\""),
                expected: String::from(
                    "an id like 20260131T094500.123Z-7f3a: UTC time of its start and four of 0-9a-z",
                ),
            })
    }

    /// The id behind the key, if it is one.
    pub(super) fn id(&self) -> Option<String> {
        let salt = std::str::from_utf8(&self.0[6..]).ok()?;
        Some(format!("{}-{salt}", self.started()?.format(TIME)))
    }

    /// When the exam started, to the millisecond.
    pub(super) fn started(&self) -> Option<DateTime<Utc>> {
        let ms = self.0[..6]
            .iter()
            .fold(0, |sum, byte| sum << 8 | i64::from(*byte));
        DateTime::from_timestamp_millis(ms)
    }

    /// The key at the beginning of a record's key, if one is there.
    pub(super) fn before(key: &[u8]) -> Option<Self> {
        let found = Self(*key.first_chunk()?);
        found.id().is_some().then_some(found)
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8; 10] {
        &self.0
    }

    /// The key of the exam's frame `seq`.
    pub(super) fn frame(&self, seq: u64) -> [u8; 18] {
        let mut key = [0; 18];
        key[..10].copy_from_slice(&self.0);
        key[10..].copy_from_slice(&seq.to_be_bytes());
        key
    }
}

/// The frame number in a frame's key.
pub(super) fn seq_of(key: &[u8]) -> Option<u64> {
    let (_, seq) = key.split_first_chunk::<10>()?;
    Some(u64::from_be_bytes(seq.try_into().ok()?))
}

/// A key as people read it: the exam's id and the frame's number where it holds them, else its bytes.
pub(super) fn words(key: &[u8]) -> String {
    let exam = key.first_chunk().and_then(|head| ExamKey(*head).id());
    match (exam, key.len(), seq_of(key)) {
        (Some(id), 10, _) => id,
        (Some(id), 18, Some(seq)) => format!("{id} frame {seq}"),
        _ => String::from_utf8_lossy(key).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::exam::exam_id;

    proptest! {
        #[test]
        fn keys_sort_as_ids_and_frames_do(
            ms in 0i64..253_402_300_800_000, later in 0i64..100_000, salts: [u16; 2], seqs: [u64; 2],
        ) {
            let at = |ms| DateTime::from_timestamp_millis(ms).expect("inside the years 1970 to 9999");
            let ids = [exam_id(at(ms), salts[0]), exam_id(at((ms + later).min(253_402_300_799_999)), salts[1])];
            let keys = [ExamKey::of(&ids[0]), ExamKey::of(&ids[1])].map(|key| key.expect("it is a good id"));
            prop_assert_eq!(keys[0].id(), Some(ids[0].clone()));
            prop_assert_eq!(keys[0].0.cmp(&keys[1].0), ids[0].cmp(&ids[1]));
            let frames = [keys[0].frame(seqs[0]), keys[0].frame(seqs[1])];
            prop_assert_eq!(frames[0].cmp(&frames[1]), seqs[0].cmp(&seqs[1]));
            prop_assert_eq!(seq_of(&frames[0]), Some(seqs[0]));
        }

        #[test]
        fn no_text_breaks_the_reader(id: String) {
            prop_assert!(ExamKey::of(&id).is_err());
        }
    }

    #[test]
    fn an_id_that_could_leave_its_folder_is_refused() {
        assert!(ExamKey::of("20260131T094500.123Z-7f3a").is_ok());
        for bad in [
            "",
            "20260131T094500.123Z-../.",
            "../../../../../etc/passwd",
            "20260231T094500.123Z-7f3a",
            "20260131T094560.123Z-7f3a",
            "20260131T094500.12Z-07f3a",
            "20260131T094500.123Z-7F3A",
            "20260131T094500.123Z-7f3aa",
            "19690131T094500.123Z-7f3a",
        ] {
            assert!(ExamKey::of(bad).is_err(), "{bad}");
        }
    }
}
