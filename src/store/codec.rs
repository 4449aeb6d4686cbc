//! How records become bytes, and what is refused when bytes become records.
//!
//! Every value in every tree of a store that is not encrypted (`seal.rs` has the others) is an envelope: one byte of version, the body, and the CRC-32 (little-endian) of the
//! record's key, the version and the body; so a record that was moved to another key is as damaged as one with a
//! flipped bit. A frame's body (all little-endian):
//!
//! | bytes | |
//! |---|---|
//! | 6 | `t_ms` |
//! | 4 | score, f32 |
//! | 1 + 1 | width and height of the activation map |
//! | 4 + 4 | the map's lowest value and its step, f32 |
//! | 1½ each | the map, row by row: value = lowest + step × a 12-bit number |
//! | 1 + 1 | brightness and clarity of the picture; absent before schema 4 |
//!
//! The map is therefore off by at most 1/8190 of its own range, and a 7×7 map makes a record of 101 bytes, 125
//! encrypted, under a key of 18. Pure.

use super::FrameRecord;
use crate::exam::record::{ActivationMap, Fitness, Scored};

/// The version of the envelope and of every body in it.
const VERSION: u8 = 1;
/// The largest of the map's 12-bit numbers.
const TOP: f64 = 4095.0;
/// Milliseconds that six bytes cannot hold: 8,900 years.
const T_MS_END: u64 = 1 << 48;

/// The envelope around `body` for the record at `key`.
pub(super) fn seal(key: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    bytes.push(VERSION);
    bytes.extend_from_slice(body);
    let sum = checksum(key, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// The body inside the envelope at `key`, or what was expected there.
pub(super) fn unseal<'a>(key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], String> {
    let (sealed, sum) = bytes
        .split_last_chunk()
        .ok_or_else(|| format!("at least 5 bytes, found {}", bytes.len()))?;
    let (found, wanted) = (checksum(key, sealed), u32::from_le_bytes(*sum));
    if found != wanted {
        return Err(format!("checksum {wanted:08x}, found {found:08x}"));
    }
    match sealed.split_first() {
        Some((&VERSION, body)) => Ok(body),
        Some((version, _)) => Err(format!("record version {VERSION}, found {version}")),
        None => Err(String::from("a record version, found none")),
    }
}

fn checksum(key: &[u8], sealed: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(sealed);
    hasher.finalize()
}

/// A scored frame as its record holds it: exactly these numbers are in the body, and in a line of `frames.csv`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Packed {
    pub t_ms: u64,
    pub score: f32,
    pub width: u8,
    pub height: u8,
    /// The map's lowest value.
    pub lowest: f32,
    /// What one step of a number is.
    pub step: f32,
    /// `height` × `width` numbers of 12 bits.
    pub numbers: Vec<u16>,
    pub fitness: Option<Fitness>,
}

impl Packed {
    /// Packs a scored frame, or says what a record can hold if not this.
    pub fn of(t_ms: u64, scored: &Scored) -> Result<Self, String> {
        let Scored { score, map, fitness } = scored;
        let (Ok(width @ 1..), Ok(height @ 1..)) = (u8::try_from(map.width), u8::try_from(map.height)) else {
            let found = format!("{}x{}", map.width, map.height);
            return Err(format!("a map of 1x1 to 255x255 values, got {found}"));
        };
        if map.values.len() != map.width * map.height {
            let found = map.values.len();
            return Err(format!("{width}x{height} values in its map, got {found}"));
        }
        if !score.is_finite() || map.values.iter().any(|v| !v.is_finite()) {
            return Err(String::from("finite numbers as score and map"));
        }
        if t_ms >= T_MS_END {
            return Err(format!("a time below {T_MS_END} ms, got {t_ms}"));
        }
        let lowest = map.values.iter().copied().fold(f32::INFINITY, f32::min);
        let highest = map.values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let step = ((f64::from(highest) - f64::from(lowest)) / TOP) as f32;
        let number = |value: &f32| {
            let steps = (f64::from(*value) - f64::from(lowest)) / f64::from(step);
            steps.round().min(TOP) as u16 // 0 where the step is 0: a cast makes NaN 0
        };
        Ok(Self {
            t_ms,
            score: *score,
            width,
            height,
            lowest,
            step,
            numbers: map.values.iter().map(number).collect(),
            fitness: *fitness,
        })
    }

    /// Whether a body can hold it: as many numbers as the map has, and none too large.
    pub fn is_good(&self) -> bool {
        let count = usize::from(self.width) * usize::from(self.height);
        self.numbers.len() == count
            && self.numbers.iter().all(|n| f64::from(*n) <= TOP)
            && self.t_ms < T_MS_END
    }

    /// The body.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(23 + packed_len(self.numbers.len()));
        body.extend_from_slice(&self.t_ms.to_le_bytes()[..6]);
        body.extend_from_slice(&self.score.to_le_bytes());
        body.extend_from_slice(&[self.width, self.height]);
        body.extend_from_slice(&self.lowest.to_le_bytes());
        body.extend_from_slice(&self.step.to_le_bytes());
        for pair in self.numbers.chunks(2) {
            let (first, second) = (pair[0], pair.get(1).copied().unwrap_or(0));
            body.extend_from_slice(&[first as u8, (first >> 8 | second << 4) as u8, (second >> 4) as u8]);
        }
        body.truncate(20 + packed_len(self.numbers.len()));
        body.extend(
            self.fitness
                .into_iter()
                .flat_map(|fitness| [fitness.brightness, fitness.clarity]),
        );
        body
    }

    /// The frame in a body, or what was expected there.
    pub fn decode(body: &[u8]) -> Result<Self, String> {
        let short = || format!("at least 20 bytes, found {}", body.len());
        let (&[t0, t1, t2, t3, t4, t5], rest) = body.split_first_chunk().ok_or_else(short)?;
        let (&score, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (&[width, height], rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (&lowest, rest) = rest.split_first_chunk().ok_or_else(short)?;
        let (&step, rest) = rest.split_first_chunk().ok_or_else(short)?;

        let count = usize::from(width) * usize::from(height);
        let wanted = packed_len(count);
        let (packed, fitness) = match rest.split_at_checked(wanted) {
            Some((packed, [])) => (packed, None),
            Some((packed, &[brightness, clarity])) => (packed, Some(Fitness { brightness, clarity })),
            _ => {
                let found = rest.len();
                return Err(format!(
                    "{wanted} bytes of map for {width}x{height} values and 0 or 2 after it, found {found}"
                ));
            }
        };
        let mut numbers = Vec::with_capacity(count + 1);
        for bytes in packed.chunks(3) {
            let at = |i: usize| bytes.get(i).copied().map_or(0, u16::from);
            numbers.extend([at(0) | (at(1) & 0xf) << 8, at(1) >> 4 | at(2) << 4]);
        }
        numbers.truncate(count);
        Ok(Self {
            t_ms: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, 0, 0]),
            score: f32::from_le_bytes(score),
            width,
            height,
            lowest: f32::from_le_bytes(lowest),
            step: f32::from_le_bytes(step),
            numbers,
            fitness,
        })
    }

    /// The record for people and programs.
    pub fn record(&self, seq: u64) -> FrameRecord {
        let (lowest, step) = (f64::from(self.lowest), f64::from(self.step));
        let value = |number: &u16| (lowest + step * f64::from(*number)) as f32;
        FrameRecord {
            seq,
            t_ms: self.t_ms,
            score: self.score,
            map: ActivationMap {
                width: self.width.into(),
                height: self.height.into(),
                values: self.numbers.iter().map(value).collect(),
            },
            fitness: self.fitness,
        }
    }
}

/// Bytes that `count` 12-bit numbers take.
fn packed_len(count: usize) -> usize {
    (count * 3).div_ceil(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scored() -> impl Strategy<Value = Scored> {
        let map = (1usize..20, 1usize..20, -9f32..9f32).prop_flat_map(|(width, height, exponent)| {
            let size = 10f32.powf(exponent);
            let values = prop::collection::vec(-size..size, width * height);
            values.prop_map(move |values| ActivationMap {
                width,
                height,
                values,
            })
        });
        let fitness = prop::option::of((any::<u8>(), any::<u8>()));
        let fitness =
            fitness.prop_map(|both| both.map(|(brightness, clarity)| Fitness { brightness, clarity }));
        (0f32..=1.0, map, fitness).prop_map(|(score, map, fitness)| Scored { score, map, fitness })
    }

    proptest! {
        #[test]
        fn a_frame_reads_back_within_a_step_of_its_maps_range(
            seq: u64, t_ms in 0..T_MS_END, scored in scored(),
        ) {
            let body = Packed::of(t_ms, &scored).expect("it is a good frame").encode();
            let sealed = seal(b"key", &body);
            let body = unseal(b"key", &sealed).expect("nothing was changed");
            let packed = Packed::decode(body).expect("nothing was changed");
            prop_assert_eq!(packed.encode(), body);
            let read = packed.record(seq);
            prop_assert_eq!((read.seq, read.t_ms, read.score), (seq, t_ms, scored.score));
            prop_assert_eq!(read.fitness, scored.fitness);
            prop_assert_eq!((read.map.width, read.map.height), (scored.map.width, scored.map.height));
            let highest = scored.map.values.iter().copied().fold(f32::MIN, f32::max);
            let lowest = scored.map.values.iter().copied().fold(f32::MAX, f32::min);
            let bound = f64::from(highest - lowest) / 8190.0 * 1.001 + f64::from(highest.abs().max(lowest.abs())) * 1e-6;
            for (read, wrote) in read.map.values.iter().zip(&scored.map.values) {
                prop_assert!(f64::from(read - wrote).abs() <= bound, "{} for {}, bound {}", read, wrote, bound);
            }
        }

        #[test]
        fn any_changed_byte_is_found(scored in scored(), at: prop::sample::Index, flip in 1u8..) {
            let mut bytes = seal(b"key", &Packed::of(0, &scored).expect("it is a good frame").encode());
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(unseal(b"key", &bytes).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = unseal(b"key", &bytes);
            let _ = Packed::decode(&bytes).map(|packed| packed.record(1));
        }
    }

    #[test]
    fn every_byte_of_a_7x7_frame_is_guarded_and_it_takes_at_most_128_with_its_key() {
        let values = (0..49).map(|i| i as f32 * 0.37 - 4.0).collect();
        let map = ActivationMap {
            width: 7,
            height: 7,
            values,
        };
        let scored = Scored {
            score: 0.731,
            map,
            fitness: Some(Fitness {
                brightness: 71,
                clarity: 240,
            }),
        };
        let packed = Packed::of(3_600_000, &scored);
        let body = packed.expect("it is a good frame").encode();
        let key = [1u8; 18];
        let bytes = seal(&key, &body);
        assert_eq!(bytes.len(), 101);
        assert!(bytes.len() + key.len() <= 128);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(unseal(&key, &changed).is_err(), "byte {at}");
            assert!(unseal(&key, &bytes[..at]).is_err(), "cut to {at} bytes");
        }
        assert!(unseal(&[2u8; 18], &bytes).is_err(), "under another key");
    }

    #[test]
    fn what_no_record_can_hold_is_refused_in_words() {
        let flat = |width, height, value| Scored {
            score: 0.5,
            map: ActivationMap {
                width,
                height,
                values: vec![value; 6],
            },
            fitness: None,
        };
        assert!(Packed::of(0, &flat(3, 2, 1.5)).is_ok());
        assert!(Packed::of(T_MS_END, &flat(3, 2, 1.5)).is_err());
        for (bad, words) in [
            (flat(3, 3, 1.0), "3x3 values in its map, got 6"),
            (flat(0, 2, 1.0), "a map of 1x1 to 255x255 values, got 0x2"),
            (flat(300, 2, 1.0), "a map of 1x1 to 255x255 values, got 300x2"),
            (flat(3, 2, f32::NAN), "finite numbers as score and map"),
        ] {
            assert_eq!(Packed::of(0, &bad).expect_err(words), words);
        }
    }

    #[test]
    fn a_newer_record_is_named_not_guessed_at() {
        let mut bytes = vec![VERSION + 1, 7, 7];
        bytes.extend_from_slice(&checksum(b"key", &[VERSION + 1, 7, 7]).to_le_bytes());
        assert_eq!(
            unseal(b"key", &bytes),
            Err(String::from("record version 1, found 2"))
        );
    }
}
