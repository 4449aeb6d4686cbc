//! A frame through the network, and the class maps at its end.

use std::sync::{Arc, Mutex, PoisonError};

use super::kernel::Kernel;
use super::kernel::lent::Lent;
use super::kernel::net::Net;
use super::plan::{Head, Plan};
use super::pool::{Alone, Pool};

/// The whole network: buffers, threads, classifier.
pub struct Runner {
    pool: Mutex<Pool<Net>>,
    classes: Classes,
    /// The picture, while a frame lasts.
    picture: Arc<Lent>,
    /// Bytes of an input picture.
    input_bytes: usize,
}

/// The classifier.
struct Classes {
    /// For each class, for each channel: weight × scale of the last activation.
    weights: Vec<Vec<f32>>,
    bias: Vec<f32>,
}

impl Runner {
    /// Packs `plan` for `kernel` and starts the threads.
    pub fn new(plan: &Plan<'_>, kernel: &dyn Kernel, threads: usize) -> Self {
        let picture = Arc::new(Lent::new());
        let net = Net::new(plan, kernel, threads, Arc::clone(&picture));
        let last = net.last().1;
        let channels = last.planes * last.pixel;
        let Head { weights, bias, scale } = plan.head;
        let of_class = |class: &[f32]| {
            let mut weights: Vec<f32> = class.iter().map(|w| w * scale).collect();
            weights.resize(channels, 0.0);
            weights
        };
        let classes = Classes {
            weights: weights
                .chunks_exact(weights.len() / bias.len())
                .map(of_class)
                .collect(),
            bias: bias.to_vec(),
        };
        Self {
            pool: Mutex::new(Pool::new(net, threads)),
            classes,
            picture,
            input_bytes: 3 * plan.height * plan.width,
        }
    }

    /// Threads that work on a frame.
    pub fn threads(&self) -> usize {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).threads()
    }

    /// Logits and class maps of a picture `[3, height, width]`; both have the classes outermost.
    ///
    /// # Errors
    /// If the picture has another size.
    pub fn run(&self, pixels: &[u8]) -> Result<(Vec<f32>, Vec<f32>), String> {
        self.fits(pixels)?;
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(self
            .picture
            .during(pixels, || pool.frame(|net, alone| self.classes.read(net, alone))))
    }

    /// Runs a picture on the calling thread and stops after each layer.
    ///
    /// # Errors
    /// If the picture has another size.
    pub fn layers(&self, pixels: &[u8], after: impl FnMut(usize, &Net, &Alone)) -> Result<(), String> {
        self.fits(pixels)?;
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        self.picture.during(pixels, || pool.stages(after));
        Ok(())
    }

    fn fits(&self, pixels: &[u8]) -> Result<(), String> {
        if pixels.len() == self.input_bytes {
            return Ok(());
        }
        Err(format!(
            "a picture of {} bytes, expected {}",
            pixels.len(),
            self.input_bytes
        ))
    }
}

impl Classes {
    fn read(&self, net: &Net, alone: &Alone) -> (Vec<f32>, Vec<f32>) {
        let maps = net.classes(&self.weights, alone);
        let cells = maps.len() / self.weights.len();
        let logit = |(map, bias): (&[f32], &f32)| map.iter().sum::<f32>() / cells as f32 + bias;
        (
            maps.chunks_exact(cells).zip(&self.bias).map(logit).collect(),
            maps,
        )
    }
}
