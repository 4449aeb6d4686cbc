//! The contrast pane as JPEG: encoded once for all who look, the newest frame only, not at all while nobody does.
//!
//! One tokio task; the encoding itself runs on tokio's blocking threads and takes at most a third of one of them,
//! so that a small machine shows fewer pictures a second and grades as many frames as before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{ImageError, Rgb, RgbImage};
use tokio::sync::watch;

use crate::frame::{Frame, Rect};
use crate::pipeline::Live;
use crate::preprocess::{PreprocessError, Preprocessor};

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
    Encode(#[from] ImageError),
}

/// Cuts out, scales and encodes one pane.
pub(super) struct Encoder {
    pane: Rect,
    size: [u32; 2],
    scaler: Preprocessor,
    /// Red, green and blue planes of the scaled pane.
    planes: Vec<u8>,
}

impl Encoder {
    /// For this pane.
    pub fn new(pane: Rect) -> Self {
        let width = pane.w.min(WIDEST);
        let height = (u64::from(pane.h) * u64::from(width) / u64::from(pane.w.max(1))).max(1) as u32;
        let (columns, rows) = (width as usize, height as usize);
        Self {
            pane,
            size: [width, height],
            scaler: Preprocessor::new(columns, rows),
            planes: vec![0; 3 * columns * rows],
        }
    }

    /// The pane of `frame` as JPEG, at most [`WIDEST`] wide.
    pub fn jpeg(&mut self, frame: &Frame) -> Result<Bytes, PictureError> {
        self.scaler.run(frame, self.pane, &mut self.planes)?;
        let [width, height] = self.size;
        let mut picture = RgbImage::new(width, height);
        let (red, rest) = self.planes.split_at(self.planes.len() / 3);
        let (green, blue) = rest.split_at(red.len());
        for (((pixel, r), g), b) in picture.pixels_mut().zip(red).zip(green).zip(blue) {
            *pixel = Rgb([*r, *g, *b]);
        }
        let mut bytes = Vec::with_capacity(128 * 1024);
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&picture)?;
        Ok(bytes.into())
    }
}

/// Encodes the newest frame whenever there is one and somebody looks, until it is aborted: clients are hung up on
/// when `pictures` is dropped, and they outlive the pipeline. The same frame only for whoever came since.
pub(super) async fn encode(
    mut live: watch::Receiver<Live>,
    mut viewers: watch::Receiver<usize>,
    pictures: watch::Sender<Bytes>,
) {
    let mut encoder = None;
    let mut sent: Option<(Arc<Frame>, Rect, usize)> = None;
    while viewers.wait_for(|n| *n > 0).await.is_ok() && live.changed().await.is_ok() {
        let began = Instant::now();
        let (frame, pane) = {
            let live = live.borrow_and_update();
            (live.frame.clone(), live.pane)
        };
        let looking = *viewers.borrow_and_update();
        let again = |(last, of, by): &(Arc<Frame>, Rect, usize)| {
            frame.as_ref().is_some_and(|frame| Arc::ptr_eq(last, frame)) && (*of, *by) == (pane, looking)
        };
        if sent.as_ref().is_some_and(again) {
            continue;
        }
        if let Some(frame) = frame {
            sent = Some((Arc::clone(&frame), pane, looking));
            encoder = publish(encoder, frame, pane, &pictures).await;
        }
        tokio::time::sleep_until((began + SPACING.max(3 * began.elapsed())).into()).await;
    }
    std::future::pending().await
}

/// Encodes one picture; gives the encoder back for the next.
async fn publish(
    encoder: Option<Encoder>,
    frame: Arc<Frame>,
    pane: Rect,
    pictures: &watch::Sender<Bytes>,
) -> Option<Encoder> {
    let work = move || {
        let fitting = encoder.filter(|encoder| encoder.pane == pane);
        let mut encoder = fitting.unwrap_or_else(|| Encoder::new(pane));
        (encoder.jpeg(&frame), encoder)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok((picture, encoder)) => {
            match picture {
                Ok(picture) => drop(pictures.send_replace(picture)),
                Err(error) => tracing::debug!("no picture for the page: {}", crate::one_line(&error)),
            }
            Some(encoder)
        }
        Err(error) => {
            tracing::error!(%error, "the page's picture encoder failed");
            None
        }
    }
}
