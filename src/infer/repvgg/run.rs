//! A frame through the network, and the class maps at its end.

use std::sync::{Mutex, PoisonError};

use super::kernel::net::Net;
use super::kernel::{GROUP, Kernel};
use super::plan::{Head, Plan};
use super::pool::{Alone, Pool};

/// The whole network: buffers, threads, classifier.
pub struct Runner {
    /// The network, and room for the channels of one cell of the maps.
    state: Mutex<(Pool<Net>, Vec<f32>)>,
    classes: Classes,
    /// Bytes of an input picture.
    picture: usize,
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
        let net = Net::new(plan, kernel, threads);
        let channels = net.last().1.planes * GROUP;
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
            state: Mutex::new((Pool::new(net, threads), vec![0.0; channels])),
            classes,
            picture: 3 * plan.height * plan.width,
        }
    }

    /// Threads that work on a frame.
    pub fn threads(&self) -> usize {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .threads()
    }

    /// Logits and class maps of a picture `[3, height, width]`; both have the classes outermost.
    ///
    /// # Errors
    /// If the picture has another size.
    pub fn run(&self, pixels: &[u8]) -> Result<(Vec<f32>, Vec<f32>), String> {
        self.fits(pixels)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (pool, cell) = &mut *state;
        Ok(pool.frame(
            |net, alone| net.input(pixels, alone),
            |net, alone| self.classes.read(net, cell, alone),
        ))
    }

    /// Runs a picture on the calling thread and stops after each layer.
    ///
    /// # Errors
    /// If the picture has another size.
    pub fn layers(&self, pixels: &[u8], after: impl FnMut(usize, &Net, &Alone)) -> Result<(), String> {
        self.fits(pixels)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.stages(|net, alone| net.input(pixels, alone), after);
        Ok(())
    }

    fn fits(&self, pixels: &[u8]) -> Result<(), String> {
        if pixels.len() == self.picture {
            return Ok(());
        }
        Err(format!(
            "a picture of {} bytes, expected {}",
            pixels.len(),
            self.picture
        ))
    }
}

impl Classes {
    fn read(&self, net: &Net, cell: &mut [f32], alone: &Alone) -> (Vec<f32>, Vec<f32>) {
        let (layer, map) = net.last();
        let activations = net.output(layer, alone);
        let cells = map.height * map.width;
        let mut maps = vec![0.0; self.weights.len() * cells];
        for (n, (y, x)) in (0..map.height)
            .flat_map(|y| (0..map.width).map(move |x| (y, x)))
            .enumerate()
        {
            for (plane, cell) in cell.as_chunks_mut::<GROUP>().0.iter_mut().enumerate() {
                *cell = activations(plane, y, x).map(f32::from);
            }
            for (class, weights) in self.weights.iter().enumerate() {
                maps[class * cells + n] = dot(weights, cell);
            }
        }
        let logit = |(map, bias): (&[f32], &f32)| map.iter().sum::<f32>() / cells as f32 + bias;
        (
            maps.chunks_exact(cells).zip(&self.bias).map(logit).collect(),
            maps,
        )
    }
}

/// Sixteen partial sums, then theirs: the same on every machine.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; GROUP];
    for (a, b) in a.as_chunks::<GROUP>().0.iter().zip(b.as_chunks::<GROUP>().0) {
        for n in 0..GROUP {
            sums[n] += a[n] * b[n];
        }
    }
    sums.iter().sum()
}
