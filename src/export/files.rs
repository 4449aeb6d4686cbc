//! Where an export goes, file by file: a folder, each of it synced, or a ZIP in memory.

use std::fs::File;
use std::io::{self, BufWriter, Cursor, Write};
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::ExportError;

/// A file of the export, as `exam.json` lists it.
#[derive(Serialize)]
pub(super) struct Written {
    name: String,
    bytes: u64,
    sha256: String,
}

/// The files of one export as they come to be.
pub(super) struct Files<'a> {
    place: Place<'a>,
    pub written: Vec<Written>,
}

/// Where they go.
pub(super) enum Place<'a> {
    Folder(&'a Path),
    /// What the names in it begin with, and the ZIP.
    Zip(&'a str, &'a mut ZipWriter<Cursor<Vec<u8>>>),
}

/// What the content of a file is written to.
pub(super) type Out<'a> = BufWriter<Hashed<'a>>;

impl<'a> Files<'a> {
    pub fn new(place: Place<'a>) -> Self {
        Self {
            place,
            written: Vec::new(),
        }
    }

    pub fn write(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut Out) -> io::Result<()>,
    ) -> Result<(), ExportError> {
        let written = match &mut self.place {
            Place::Folder(folder) => {
                let path = folder.join(name);
                let write = || {
                    let mut file = File::create_new(&path)?;
                    let written = write(name, &mut file, content)?;
                    file.sync_all()?;
                    Ok(written)
                };
                write().map_err(fault("write", &path))?
            }
            Place::Zip(folder, zip) => {
                let path = format!("{folder}/{name}");
                // Pictures are nearly all of it, and compressed already.
                let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
                let begun = zip.start_file(&path, stored).map_err(io::Error::from);
                let written = begun.and_then(|()| write(name, *zip, content));
                written.map_err(fault("write", Path::new(&path)))?
            }
        };
        self.written.push(written);
        Ok(())
    }
}

fn write(
    name: &str,
    to: &mut dyn Write,
    content: impl FnOnce(&mut Out) -> io::Result<()>,
) -> io::Result<Written> {
    let mut out = BufWriter::new(Hashed {
        to,
        hash: Sha256::new(),
        bytes: 0,
    });
    content(&mut out)?;
    let Hashed { hash, bytes, .. } = out.into_inner()?;
    Ok(Written {
        name: name.to_owned(),
        bytes,
        sha256: crate::hex(&hash.finalize()),
    })
}

/// A file that is hashed while it is written.
pub(super) struct Hashed<'a> {
    to: &'a mut dyn Write,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

pub(super) fn fault(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ExportError {
    let path = path.to_owned();
    move |source| ExportError::Write { what, path, source }
}
