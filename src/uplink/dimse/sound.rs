//! Whether a data set that somebody sent can be read without harm.
//!
//! `dicom-object` takes an element's length on trust (one flipped bit makes it ask for 4 GiB) and descends into sequences by
//! recursion (nesting overflows the stack, which ends the daemon). So this walks through first, without either.
//! Encoding: DICOM PS3.5, section 7, little endian.

use dicom_core::VR;

/// Sequences within sequences: a worklist's answer has three.
const DEEPEST: usize = 16;
/// The length that says "until its delimiter".
const UNDEFINED: u32 = u32::MAX;
const ITEM: u32 = 0xfffe_e000;
const ITEM_END: u32 = 0xfffe_e00d;
const SEQUENCE_END: u32 = 0xfffe_e0dd;

/// What is being walked through.
struct Level {
    /// Where it ends, if it says.
    end: Option<usize>,
    /// Items, or elements.
    items: bool,
    explicit: bool,
}

/// Whether each length fits and nothing is nested too deeply.
pub(super) fn is_sound(bytes: &[u8], explicit: bool) -> bool {
    walk(bytes, explicit).is_some()
}

fn walk(bytes: &[u8], explicit: bool) -> Option<()> {
    let whole = Level {
        end: Some(bytes.len()),
        items: false,
        explicit,
    };
    let mut levels = vec![whole];
    let mut at = 0;
    while let Some(level) = levels.last() {
        // Where the next value has to end at the latest.
        let limit = levels.iter().rev().find_map(|level| level.end)?;
        if level.end == Some(at) {
            levels.pop();
            continue;
        }
        let tag = u32::from(word(bytes, at)?) << 16 | u32::from(word(bytes, at + 2)?);
        let explicit = level.explicit;
        let plain = matches!(tag, ITEM | ITEM_END | SEQUENCE_END) || !explicit;
        let (vr, length, start) = if plain {
            (None, long(bytes, at + 4)?, at + 8)
        } else {
            header(bytes, at + 4)?
        };
        let end = match length {
            UNDEFINED => None,
            length => Some(start.checked_add(length as usize).filter(|end| *end <= limit)?),
        };
        at = start;
        match (level.items, tag) {
            (true, ITEM) => levels.push(Level {
                end,
                items: false,
                explicit,
            }),
            (true, SEQUENCE_END) | (false, ITEM_END) if level.end.is_none() => drop(levels.pop()),
            (true, _) | (false, ITEM | ITEM_END | SEQUENCE_END) => return None,
            (false, _) => {
                let looks_nested = word(bytes, at) == Some(0xfffe) && word(bytes, at + 2) == Some(0xe000);
                let unknown = matches!(vr, None | Some(VR::UN));
                match end {
                    Some(end) if vr != Some(VR::SQ) && !(unknown && looks_nested) => at = end,
                    end => levels.push(Level {
                        end,
                        items: true,
                        explicit: explicit && vr != Some(VR::UN),
                    }),
                }
            }
        }
        if levels.len() > 2 * DEEPEST {
            return None;
        }
    }
    Some(())
}

/// VR, length, and where the value begins, of an explicit element whose VR is at `at`.
fn header(bytes: &[u8], at: usize) -> Option<(Option<VR>, u32, usize)> {
    let vr = VR::from_binary([*bytes.get(at)?, *bytes.get(at + 1)?])?;
    let long_form = [
        VR::OB,
        VR::OD,
        VR::OF,
        VR::OL,
        VR::OV,
        VR::OW,
        VR::SQ,
        VR::SV,
        VR::UC,
        VR::UN,
        VR::UR,
        VR::UT,
        VR::UV,
    ];
    if !long_form.contains(&vr) {
        return Some((Some(vr), word(bytes, at + 2)?.into(), at + 4));
    }
    Some((Some(vr), long(bytes, at + 4)?, at + 8))
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use dicom_core::DataElement;
    use dicom_core::value::DataSetSequence;
    use dicom_dictionary_std::{tags, uids};
    use dicom_object::InMemDicomObject;
    use oorandom::Rand32;

    use super::super::{decode, element, encode};
    use super::*;

    /// A report on a commitment, as an archive sends it.
    fn report() -> InMemDicomObject {
        let item = InMemDicomObject::from_element_iter([
            element(tags::REFERENCED_SOP_CLASS_UID, VR::UI, "1.2"),
            element(tags::REFERENCED_SOP_INSTANCE_UID, VR::UI, "1.2.3"),
        ]);
        InMemDicomObject::from_element_iter([
            element(tags::PATIENT_NAME, VR::PN, "Doe^Jane"),
            element(tags::TRANSACTION_UID, VR::UI, "1.2.3.4"),
            DataElement::new(
                tags::REFERENCED_SOP_SEQUENCE,
                VR::SQ,
                DataSetSequence::from(vec![item.clone(), item]),
            ),
        ])
    }

    #[test]
    fn what_is_whole_is_read_and_no_damage_harms() {
        let mut dice = Rand32::new(5);
        for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN] {
            let whole = encode(&report(), syntax).expect("a good data set");
            assert!(decode(&whole, syntax).is_some(), "{syntax}");
            for _ in 0..2_000 {
                let mut damaged = whole.clone();
                for _ in 0..1 + dice.rand_range(0..4) {
                    let at = dice.rand_range(0..damaged.len() as u32) as usize;
                    damaged[at] = dice.rand_u32() as u8;
                }
                damaged.truncate(dice.rand_range(0..2 * damaged.len() as u32) as usize);
                let _ = decode(&damaged, syntax);
            }
        }
    }

    #[test]
    fn sequences_in_sequences_without_end_are_refused() {
        // (0040,0100) of undefined length, an item of undefined length, and so on: once the end of a reader's stack.
        let explicit = vec![0x40, 0, 0, 1, b'S', b'Q', 0, 0, 255, 255, 255, 255];
        let implicit = vec![0x40, 0, 0, 1, 255, 255, 255, 255];
        let item = [0xfe, 0xff, 0, 0xe0, 255, 255, 255, 255];
        for (element, syntax) in [
            (explicit, uids::EXPLICIT_VR_LITTLE_ENDIAN),
            (implicit, uids::IMPLICIT_VR_LITTLE_ENDIAN),
        ] {
            let deep = [element, item.to_vec()].concat().repeat(100_000);
            assert!(decode(&deep, syntax).is_none());
        }
    }
}
