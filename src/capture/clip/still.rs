//! PNG and JPEG pictures: one file, or a folder of them as a clip.

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

use super::fault::{Fault, MAX_BYTES, MAX_SIDE, check_size};
use super::jpeg::Jpeg;
use super::{Picture, Recording, STEP, natural};
use crate::frame::{FrameFormat, PixelFormat};

/// Picture files in the order in which they are given.
pub struct Stills {
    files: Vec<PathBuf>,
    next: usize,
}

impl Stills {
    /// A single picture.
    pub fn of_file(path: &Path) -> Self {
        Self {
            files: vec![path.into()],
            next: 0,
        }
    }

    /// The pictures of a folder in natural order. Hidden files and folders inside it are left out.
    pub fn of_folder(folder: &Path) -> Result<Self, Fault> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let picture = path.extension().is_some_and(|extension| {
                ["png", "jpg", "jpeg"]
                    .iter()
                    .any(|known| extension.eq_ignore_ascii_case(known))
            });
            if picture && !hidden && path.is_file() {
                files.push(path);
            }
        }
        if files.is_empty() {
            return Err(Fault::unsupported(
                "a folder without pictures",
                "a folder of png, jpg or jpeg files",
            ));
        }
        let name = |path: &Path| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        files.sort_by(|a, b| natural::order(&name(a), &name(b)));
        Ok(Self { files, next: 0 })
    }
}

impl Recording for Stills {
    fn next(&mut self, into: &mut Vec<u8>) -> Result<Option<Picture>, Fault> {
        let Some(path) = self.files.get(self.next) else {
            return Ok(None);
        };
        let t = STEP.saturating_mul(u32::try_from(self.next).unwrap_or(u32::MAX));
        self.next += 1;
        let mut stored = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut stored)?;
        let format = decode(&stored, into)?;
        Ok(Some(Picture { format, t }))
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn file(&self, n: u64) -> Option<&Path> {
        self.files.get(usize::try_from(n).ok()?).map(PathBuf::as_path)
    }

    fn describe(&self) -> String {
        match self.files.len() {
            1 => "one picture".into(),
            n => format!("{n} pictures"),
        }
    }

    fn len(&self) -> Option<u64> {
        Some(self.files.len() as u64)
    }
}

/// Decodes a stored picture as people see it: 8 bits a sample, turned upright, transparency dropped.
fn decode(stored: &[u8], into: &mut Vec<u8>) -> Result<FrameFormat, Fault> {
    if stored.len() as u64 > MAX_BYTES {
        return Err(Fault::unsupported(
            "a picture file of more than 1 GiB",
            "a smaller one",
        ));
    }
    if stored.starts_with(&[0xff, 0xd8]) {
        // The decoder fills what is missing with grey and says nothing.
        Jpeg::inspect(stored)?;
    }
    let mut reader = ImageReader::new(Cursor::new(stored)).with_guessed_format()?;
    if reader.format().is_none() {
        return Err(Fault::corrupt("not a PNG or JPEG picture"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    check_size(
        width.into(),
        height.into(),
        decoder.color_type().bytes_per_pixel().into(),
    )?;
    let orientation = decoder.orientation().map_err(refused)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width(), picture.height());
    let pixels = if picture.color().has_color() {
        *into = picture.into_rgb8().into_raw();
        PixelFormat::Rgb24
    } else {
        *into = picture.into_luma8().into_raw();
        PixelFormat::Grey
    };
    Ok(FrameFormat::packed(pixels, width, height))
}

fn refused(error: ImageError) -> Fault {
    match error {
        ImageError::Unsupported(_) => {
            Fault::unsupported(error.to_string(), "an 8 or 16 bit PNG or JPEG picture")
        }
        ImageError::Limits(_) => Fault::unsupported(
            "a picture that is too large",
            format!("at most {MAX_SIDE}x{MAX_SIDE} pixels and 1 GiB"),
        ),
        _ => Fault::corrupt(format!("not a whole PNG or JPEG picture: {error}")),
    }
}
