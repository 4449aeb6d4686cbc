//! The contrast pane as JPEG: encoded once for all who look, the newest frame only, not at all while nobody does.
//!
//! One tokio task; the encoding itself runs on tokio's blocking threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::thumbnail;
use tokio::sync::watch;

use crate::frame::{Frame, Rect};
use crate::pipeline::Live;
use crate::preprocess::{PreprocessError, crop};

/// Shortest time between two pictures: 18 a second.
const SPACING: Duration = Duration::from_millis(55);

/// Widest picture sent, in pixels.
const WIDEST: u32 = 640;

/// JPEG quality.
const QUALITY: u8 = 80;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub(super) enum PictureError {
    /// The pane cannot be read.
    #[error("cannot cut out the pane")]
    Pane(#[from] PreprocessError),
    /// The encoder refused it.
    #[error("cannot encode the pane as JPEG")]
    Encode(#[from] image::ImageError),
}

/// The pane of `frame` as JPEG, at most [`WIDEST`] wide.
pub(super) fn jpeg(frame: &Frame, pane: Rect) -> Result<Bytes, PictureError> {
    let mut picture = crop(frame, pane)?;
    if pane.w > WIDEST {
        let height = u64::from(pane.h) * u64::from(WIDEST) / u64::from(pane.w);
        picture = thumbnail(&picture, WIDEST, (height as u32).max(1));
    }
    let mut bytes = Vec::with_capacity(64 * 1024);
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture)?;
    Ok(bytes.into())
}

/// Encodes the newest frame whenever there is one and somebody looks, until it is aborted or the pipeline is gone.
pub(super) async fn encode(
    mut live: watch::Receiver<Live>,
    mut viewers: watch::Receiver<usize>,
    pictures: watch::Sender<Bytes>,
) {
    while viewers.wait_for(|n| *n > 0).await.is_ok() && live.changed().await.is_ok() {
        let began = Instant::now();
        let (frame, pane) = {
            let live = live.borrow_and_update();
            (live.frame.clone(), live.pane)
        };
        if let Some(frame) = frame {
            publish(frame, pane, &pictures).await;
        }
        tokio::time::sleep_until((began + SPACING).into()).await;
    }
}

async fn publish(frame: Arc<Frame>, pane: Rect, pictures: &watch::Sender<Bytes>) {
    match tokio::task::spawn_blocking(move || jpeg(&frame, pane)).await {
        Ok(Ok(picture)) => {
            pictures.send_replace(picture);
        }
        Ok(Err(error)) => tracing::debug!(
            error = &error as &dyn std::error::Error,
            "no picture for the page"
        ),
        Err(error) => tracing::error!(%error, "the page's picture encoder failed"),
    }
}
