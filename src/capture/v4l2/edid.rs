//! What the capture device tells the scanner of itself: which modes it would like (VESA E-EDID 1.4).

use std::path::Path;

use v4l::v4l2::vidioc::{VIDIOC_G_EDID, VIDIOC_S_EDID};

use super::node::Node;
use crate::capture::CaptureError;

const BLOCK: usize = 128;
/// As many as V4L2 counts.
const MOST_BLOCKS: usize = 256;
const HEADER: [u8; 8] = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];

/// Loads the EDID in `file` unless the device has it: loading takes the signal away for a moment.
pub(super) fn load(node: &Node, file: &Path) -> Result<(), CaptureError> {
    let mut wanted = read(file)?;
    let blocks = (wanted.len() / BLOCK) as u32;
    let mut now = vec![0; MOST_BLOCKS * BLOCK];
    let has = node.exchange_edid(VIDIOC_G_EDID, MOST_BLOCKS as u32, &mut now);
    if has.is_ok_and(|has| has == blocks) && now.starts_with(&wanted) {
        return Ok(());
    }
    node.exchange_edid(VIDIOC_S_EDID, blocks, &mut wanted)
        .map_err(|source| node.failed("load the EDID", source))?;
    tracing::info!(device = %node.path().display(), "loaded the EDID of {}", file.display());
    Ok(())
}

fn read(file: &Path) -> Result<Vec<u8>, CaptureError> {
    let bytes = std::fs::read(file).map_err(|source| CaptureError::Io {
        path: file.into(),
        operation: "read the EDID",
        source,
    })?;
    match fault(&bytes) {
        None => Ok(bytes),
        Some(reason) => Err(CaptureError::Corrupt {
            path: file.into(),
            frame: None,
            reason,
        }),
    }
}

/// What is wrong with an EDID.
fn fault(bytes: &[u8]) -> Option<String> {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    if blocks.is_empty() || !rest.is_empty() || blocks.len() > MOST_BLOCKS {
        return Some(format!(
            "{} bytes, expected an EDID: 1 to {MOST_BLOCKS} blocks of {BLOCK} bytes",
            bytes.len()
        ));
    }
    if !bytes.starts_with(&HEADER) {
        return Some("no EDID: expected it to begin with 00 ff ff ff ff ff ff 00".into());
    }
    let extensions = usize::from(blocks[0][126]);
    if extensions + 1 != blocks.len() {
        return Some(format!(
            "{} blocks, expected {}: the first says that {extensions} follow",
            blocks.len(),
            extensions + 1
        ));
    }
    let bad = |block: &[u8; BLOCK]| block.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)) != 0;
    let bad = blocks.iter().position(bad)?;
    Some(format!(
        "the checksum of block {bad} is wrong: the file is damaged"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(first: &[u8], extensions: u8) -> Vec<u8> {
        let mut block = [0u8; BLOCK];
        block[..first.len()].copy_from_slice(first);
        block[126] = extensions;
        let sum = block.iter().fold(0u8, |sum, b| sum.wrapping_add(*b));
        block[127] = 0u8.wrapping_sub(sum);
        block.to_vec()
    }

    #[test]
    fn an_edid_is_taken_only_whole() {
        let good = [block(&HEADER, 1), block(&[2, 3], 0)].concat();
        assert_eq!(fault(&good), None);
        let mut damaged = good.clone();
        damaged[200] ^= 1;
        for (bytes, words) in [
            (&good[..128], "expected 2"),
            (&good[..200], "200 bytes"),
            (&[][..], "0 bytes"),
            (&good[128..], "no EDID"),
            (&damaged, "block 1"),
        ] {
            let fault = fault(bytes).expect("a fault");
            assert!(fault.contains(words), "{fault}");
        }
    }
}
