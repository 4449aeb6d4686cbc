//! What a JPEG stream says of itself before it is decoded: decoders take too much on trust.
//!
//! Reads markers only (ITU-T T.81, annex B); it decodes nothing.

use super::fault::Fault;

/// The frame header and the hints about colour of one JPEG stream.
#[derive(Debug, Default, PartialEq)]
pub struct Jpeg {
    pub width: u16,
    pub height: u16,
    /// Bits of one sample.
    pub precision: u8,
    /// Whether it is coded by prediction (processes 14 and 28) rather than by DCT.
    pub lossless: bool,
    /// Where the components' identifiers lie: those of the frame header, then those of every scan header.
    pub identifiers: Vec<Vec<usize>>,
    /// Whether a JFIF or Adobe marker says that the three components are luma and chroma.
    pub says_ycbcr: bool,
    /// Whether it holds Huffman tables; Motion JPEG may leave out the usual ones.
    pub huffman: bool,
    /// Where its end-of-image marker lies; anything may follow.
    pub end: usize,
}

impl Jpeg {
    /// Components of a pixel.
    pub fn components(&self) -> usize {
        self.identifiers.first().map_or(0, Vec::len)
    }

    /// Reads the markers of a whole stream, up to its end-of-image marker.
    pub fn inspect(stream: &[u8]) -> Result<Self, Fault> {
        if !stream.starts_with(&[0xff, 0xd8]) {
            return Err(Fault::corrupt(
                "not a JPEG stream: it does not begin with a start-of-image marker",
            ));
        }
        let mut jpeg = Self::default();
        let mut at = 2;
        loop {
            let rest = stream.get(at..).unwrap_or_default();
            // Entropy-coded data holds 0xff only before 0 and the restart markers d0 to d7.
            let Some(skip) = rest
                .windows(2)
                .position(|w| w[0] == 0xff && !matches!(w[1], 0 | 0xd0..=0xd7 | 0xff))
            else {
                return Err(Fault::corrupt(
                    "the JPEG stream ends before its end-of-image marker",
                ));
            };
            let marker = rest[skip + 1];
            at += skip + 2;
            if marker == 0xd9 {
                jpeg.end = at - 2;
                break;
            }
            let length = match stream.get(at..at + 2) {
                Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
                _ => continue,
            };
            let Some(segment) = stream.get(at + 2..at + length.max(2)) else {
                return Err(Fault::corrupt("the JPEG stream ends inside a marker segment"));
            };
            jpeg.segment(marker, segment, at + 2)?;
            at += length.max(2);
        }
        if jpeg.components() == 0 || jpeg.identifiers.len() < 2 {
            return Err(Fault::corrupt("the JPEG stream holds no picture"));
        }
        Ok(jpeg)
    }

    /// Takes in one marker segment whose payload begins at byte `at` of the stream.
    fn segment(&mut self, marker: u8, segment: &[u8], at: usize) -> Result<(), Fault> {
        match (marker, segment) {
            (0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf, frame) => {
                let &[precision, h1, h0, w1, w0, count, ref components @ ..] = frame else {
                    return Err(Fault::corrupt("the JPEG frame header is too short"));
                };
                if !self.identifiers.is_empty() || components.len() != 3 * usize::from(count) {
                    return Err(Fault::corrupt("the JPEG frame header is damaged"));
                }
                self.precision = precision;
                self.height = u16::from_be_bytes([h1, h0]);
                self.width = u16::from_be_bytes([w1, w0]);
                self.lossless = matches!(marker, 0xc3 | 0xc7 | 0xcb | 0xcf);
                self.identifiers
                    .push((0..usize::from(count)).map(|i| at + 6 + 3 * i).collect());
            }
            (0xda, &[count, ref components @ ..]) => {
                if self.identifiers.is_empty() || components.len() != 2 * usize::from(count) + 3 {
                    return Err(Fault::corrupt("a JPEG scan header is damaged"));
                }
                self.identifiers
                    .push((0..usize::from(count)).map(|i| at + 1 + 2 * i).collect());
            }
            (0xc4, _) => self.huffman = true,
            (0xe0, [b'J', b'F', b'I', b'F', 0, ..]) => self.says_ycbcr = true,
            (0xee, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, 1, ..]) => self.says_ycbcr = true,
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let picture = image::RgbImage::from_fn(20, 10, |x, y| image::Rgb([x as u8 * 9, y as u8 * 20, 7]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture
            .write_to(&mut bytes, image::ImageFormat::Jpeg)
            .expect("encodes");
        bytes.into_inner()
    }

    #[test]
    fn a_stream_says_what_it_holds() {
        let bytes = sample();
        let jpeg = Jpeg::inspect(&bytes).expect("a good stream");
        assert_eq!(
            (jpeg.width, jpeg.height, jpeg.precision, jpeg.lossless),
            (20, 10, 8, false)
        );
        assert_eq!(jpeg.components(), 3);
        assert!(jpeg.says_ycbcr, "image writes a JFIF marker");
        assert!(jpeg.huffman && jpeg.end == bytes.len() - 2);
        let ids = |at: &Vec<usize>| at.iter().map(|&at| bytes[at]).collect::<Vec<_>>();
        assert_eq!(ids(&jpeg.identifiers[0]), [1, 2, 3]);
        assert_eq!(ids(&jpeg.identifiers[1]), [1, 2, 3]);
    }

    #[test]
    fn a_stream_cut_anywhere_is_refused() {
        let bytes = sample();
        for end in 0..bytes.len() - 1 {
            assert!(Jpeg::inspect(&bytes[..end]).is_err(), "cut at {end}");
        }
    }
}
