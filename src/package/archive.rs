//! The package's file: an uncompressed POSIX (ustar) archive of plain files whose names are known beforehand.
//!
//! Nothing is unpacked: members are slices of the file in memory, so that no name, link or size in it can reach the
//! disk or ask for memory. The same parts give the same bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use tar::{Archive, Builder, EntryType, Header};

pub(super) const MODEL: &str = "model.onnx";
pub(super) const CARD: &str = "card.md";
pub(super) const GOLDEN: &str = "golden/golden.json";
/// Before the name of each picture.
const PICTURES: &str = "golden/";

/// More pictures than these are refused.
const MAX_PICTURES: usize = 64;
/// The most bytes of the card, of golden.json and of a picture.
const MAX_PART: usize = 4 << 20;

/// What a package holds.
pub(super) struct Parts<'a> {
    /// The ONNX file.
    pub model: Cow<'a, [u8]>,
    /// The model card, UTF-8.
    pub card: &'a str,
    /// golden.json.
    pub golden: &'a [u8],
    /// The pictures that golden.json names.
    pub pictures: BTreeMap<&'a str, &'a [u8]>,
}

/// Whether `name` can be a picture's: one plain file name.
pub(super) fn is_picture(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    name.len() <= 64 && !name.starts_with('.') && name.ends_with(".png") && name.chars().all(plain)
}

/// Whether `bytes` are of an archive at all, and not of an ONNX file.
pub fn is_archive(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// Writes a package: fixed order, no times, no owners.
pub(super) fn write(parts: &Parts) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_path(name)?;
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, bytes)
    };
    add(MODEL, &parts.model)?;
    add(CARD, parts.card.as_bytes())?;
    add(GOLDEN, parts.golden)?;
    for (name, bytes) in &parts.pictures {
        add(&format!("{PICTURES}{name}"), bytes)?;
    }
    archive.into_inner()
}

/// Reads a package; the error says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Parts<'_>, String> {
    let (mut model, mut card, mut golden) = (None, None, None);
    let mut pictures = BTreeMap::new();
    let mut archive = Archive::new(bytes);
    let entries = archive.entries().map_err(|e| e.to_string())?.raw(true);
    for entry in entries {
        let entry = entry.map_err(|e| format!("it is cut off or no tar archive ({e})"))?;
        let (name, data) = member(bytes, &entry)?;
        let again = match name {
            MODEL => model.replace(data).is_some(),
            CARD => card.replace(text(name, small(name, data)?)?).is_some(),
            GOLDEN => golden.replace(small(name, data)?).is_some(),
            _ => match name.strip_prefix(PICTURES).filter(|n| is_picture(n)) {
                Some(picture) if pictures.len() < MAX_PICTURES => {
                    pictures.insert(picture, small(name, data)?).is_some()
                }
                Some(_) => return Err(format!("it has more than {MAX_PICTURES} pictures")),
                None => return Err(format!("it has an unknown member {name:?}")),
            },
        };
        if again {
            return Err(format!("it has two members {name:?}"));
        }
    }
    let there = |part: Option<_>, name| part.ok_or_else(|| format!("it has no member {name:?}"));
    Ok(Parts {
        model: there(model, MODEL)?.into(),
        golden: there(golden, GOLDEN)?,
        card: card.ok_or_else(|| format!("it has no member {CARD:?}"))?,
        pictures,
    })
}

/// Name and content of a plain file.
fn member<'a>(bytes: &'a [u8], entry: &tar::Entry<&'a [u8]>) -> Result<(&'a str, &'a [u8]), String> {
    let at = |position: u64, length: u64| {
        let start = usize::try_from(position).ok()?;
        bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
    };
    let header = entry.header();
    // The name lies at the beginning of the header, as far as the first zero.
    let name = at(entry.raw_header_position(), 100).and_then(|field| field.split(|b| *b == 0).next());
    let name = text("a member's name", name.unwrap_or_default())?;
    if header.entry_type() != EntryType::Regular || header.path_bytes() != name.as_bytes() {
        let kind = header.entry_type();
        return Err(format!(
            "its member {name:?} is no plain file but {kind:?}, or has a long name"
        ));
    }
    match at(entry.raw_file_position(), entry.size()) {
        Some(data) => Ok((name, data)),
        None => Err(format!("it is cut off inside {name:?}")),
    }
}

fn small<'a>(name: &str, data: &'a [u8]) -> Result<&'a [u8], String> {
    if data.len() <= MAX_PART {
        Ok(data)
    } else {
        Err(format!(
            "{name:?} has {} bytes, at most {MAX_PART} are allowed",
            data.len()
        ))
    }
}

fn text<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(bytes).map_err(|_| format!("{what} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts<'static> {
        Parts {
            model: b"model"[..].into(),
            card: "# Card",
            golden: b"{}",
            pictures: BTreeMap::from([("0-low.png", &b"p"[..])]),
        }
    }

    /// A good package with one more member.
    fn with(name: &[u8], change: impl FnOnce(&mut Header)) -> Result<(), String> {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_size(1);
        change(&mut header);
        header.set_cksum();
        let good = write(&parts()).expect("memory takes it");
        let mut archive = Builder::new(good[..good.len() - 1024].to_vec());
        archive.append(&header, &b"x"[..]).expect("memory takes it");
        read(&archive.into_inner().expect("memory takes it")).map(|_| ())
    }

    #[test]
    fn what_is_written_is_read_and_the_same_parts_are_the_same_bytes() {
        let bytes = write(&parts()).expect("memory takes it");
        assert_eq!(bytes, write(&parts()).expect("memory takes it"));
        let read = read(&bytes).expect("a package");
        assert_eq!(
            (read.model, read.card, read.golden),
            (Cow::from(&b"model"[..]), "# Card", &b"{}"[..])
        );
        assert_eq!(read.pictures, parts().pictures);
    }

    #[test]
    fn members_that_lead_elsewhere_or_nowhere_are_refused() {
        with(b"golden/1.png", |_| ()).expect("one more picture");
        for name in [
            "../x",
            "/etc/passwd",
            "golden/../../x.png",
            "golden/.png",
            "golden/a/b.png",
            "notes.txt",
            "golden/",
        ] {
            let error = with(name.as_bytes(), |_| ()).expect_err(name);
            assert!(error.contains(name), "{error}");
        }
        for kind in [
            EntryType::Symlink,
            EntryType::Link,
            EntryType::Directory,
            EntryType::Fifo,
            EntryType::XHeader,
        ] {
            let error = with(b"golden/1.png", |h| h.set_entry_type(kind)).expect_err("no plain file");
            assert!(error.contains("no plain file"), "{error}");
        }
        assert!(
            with(CARD.as_bytes(), |_| ())
                .expect_err("twice")
                .contains("two members")
        );
        assert!(
            with(b"golden/\xff.png", |_| ())
                .expect_err("odd")
                .contains("UTF-8")
        );
    }

    #[test]
    fn sizes_are_bounded_by_the_file_itself() {
        // A member that says it has 8 GiB.
        let error = with(b"golden/1.png", |h| h.set_size(8 << 30)).expect_err("there is one byte");
        assert!(error.contains("cut off"), "{error}");
        let big = vec![0; MAX_PART + 1];
        let parts = Parts {
            golden: &big,
            ..parts()
        };
        let error = read(&write(&parts).expect("memory takes it"))
            .err()
            .expect("too large");
        assert!(error.contains(GOLDEN), "{error}");
    }
}
