//! An ONNX file → P(high grade) and activation map of one picture.
//!
//! Owning thread: whoever calls; the daemon's is `infer`. No I/O but the reading of the model file, no clock. It
//! knows nothing of frames: its input is what [`crate::preprocess`] makes.

mod chain;
mod contract;
mod onnx;
mod repvgg;
#[cfg(test)]
mod tests;
mod tract;

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use chain::Network;
pub use contract::{Contract, Departure};
use sha2::{Digest, Sha256};

use crate::exam::record::{ActivationMap, ModelIdentity, Scored};

/// The file of the model that ships with the program, inflated at each call (`models/build.rs` deflates it).
pub fn shipped_file() -> Vec<u8> {
    let deflated = include_bytes!(concat!(env!("OUT_DIR"), "/model.zlib"));
    // In 0.6 of miniz_oxide's time, which a start would wait for.
    fdeflate::decompress_to_vec(deflated).expect("it is what the build deflated")
}

/// Larger files are refused before they are read.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// A model that keeps the contract, ready to run.
pub struct Model {
    contract: Contract,
    identity: ModelIdentity,
    engine: Engine,
}

enum Engine {
    Repvgg(repvgg::Engine),
    Tract(tract::Engine),
}

/// Which engine runs a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// `repvgg` for every model that it can run, else `tract`.
    #[default]
    Auto,
    /// The int8 engine of this program; refuses a model that is no RepVGG.
    Repvgg,
    /// tract-onnx, for any model that keeps the contract.
    Tract,
}

/// What runs a model on this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Runtime {
    /// The engine.
    pub engine: Choice,
    /// Threads of the `repvgg` engine; all cores but one if absent.
    pub threads: Option<NonZeroUsize>,
    /// One of [`kernels`]; what `SONOGRADE_KERNEL` names, or else the fastest, if absent.
    pub kernel: Option<&'static str>,
}

/// The kernels of the `repvgg` engine that this machine can run, fastest first.
pub fn kernels() -> Vec<&'static str> {
    repvgg::kernels()
}

/// A layer of a network that the `repvgg` engine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its name in the file.
    pub name: String,
    /// Multiplications of a weight with an activation for one picture.
    pub products: usize,
}

impl Runtime {
    fn threads(self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.threads
            .map_or_else(|| cores().saturating_sub(1).max(1), NonZeroUsize::get)
    }
}

impl From<Choice> for Runtime {
    /// An engine as it runs best.
    fn from(engine: Choice) -> Self {
        Self {
            engine,
            ..Self::default()
        }
    }
}

/// What the network gives for one picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// Low, high.
    pub logits: [f32; 2],
    /// The activation map of class `high`, row by row.
    pub map: Vec<f32>,
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read.
    #[error("cannot read the model {path}; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a model at all.
    #[error("{path} is not a usable model: {reason}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file is a model of another kind.
    #[error("{path} breaks the model contract (models/README.md)")]
    Contract {
        /// The file.
        path: PathBuf,
        /// Where and how.
        #[source]
        source: Departure,
    },
    /// The network failed on a picture.
    #[error("the model {name} failed on a picture: {reason}")]
    Run {
        /// The model's name.
        name: String,
        /// What went wrong.
        reason: String,
    },
}

impl Model {
    fn load(path: &Path, runtime: Runtime) -> Result<Self, ModelError> {
        let read = |source| ModelError::Read {
            path: path.into(),
            source,
        };
        let length = std::fs::metadata(path).map_err(read)?.len();
        if length > MAX_FILE_BYTES {
            let reason = format!("{length} bytes; a model has at most {MAX_FILE_BYTES}");
            return Err(ModelError::Foreign {
                path: path.into(),
                reason,
            });
        }
        Self::from_bytes(&std::fs::read(path).map_err(read)?, path, runtime)
    }

    /// The model of a file, or the shipped one where none is named.
    ///
    /// # Errors
    /// [`ModelError`], naming the file and what was expected.
    pub fn open(path: Option<&Path>, runtime: Runtime) -> Result<Self, ModelError> {
        match path {
            Some(path) => Self::load(path, runtime),
            None => Self::from_bytes(&shipped_file(), Path::new("the shipped model"), runtime),
        }
    }

    /// The model that ships with the program.
    ///
    /// # Errors
    /// Never for a program that passed its tests.
    pub fn shipped() -> Result<Self, ModelError> {
        Self::open(None, Runtime::default())
    }

    /// Checks a model held in memory; `path` names it in errors.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn from_bytes(bytes: &[u8], path: &Path, runtime: Runtime) -> Result<Self, ModelError> {
        let foreign = |reason| ModelError::Foreign {
            path: path.into(),
            reason,
        };
        let graph = onnx::read(bytes).map_err(foreign)?;
        let (contract, network) = Contract::check(&graph).map_err(|source| ModelError::Contract {
            path: path.into(),
            source,
        })?;
        let engine = Engine::new(bytes, &contract, &network, runtime).map_err(foreign)?;
        let model = Self {
            identity: ModelIdentity {
                name: contract.name.clone(),
                version: contract.version.clone(),
                sha256: crate::hex(&Sha256::digest(bytes)),
                intended_use: contract.intended_use.clone(),
            },
            contract,
            engine,
        };
        model.self_test().map_err(foreign)?;
        Ok(model)
    }

    /// One run on a grey picture: shapes, finite numbers.
    fn self_test(&self) -> Result<(), String> {
        let grey = vec![128; self.input_bytes()];
        let scored = self.score(&grey).map_err(|e| e.to_string())?;
        let finite = scored.score.is_finite() && scored.map.values.iter().all(|v| v.is_finite());
        let cells = self.contract.map_width * self.contract.map_height;
        if finite && scored.map.values.len() == cells {
            return Ok(());
        }
        Err(format!(
            "its self-test gave {} map values (expected {cells}), all finite: {finite}",
            scored.map.values.len()
        ))
    }

    /// Scores one picture of [`Self::input_bytes`] bytes: `[3, height, width]`, red plane first.
    ///
    /// # Errors
    /// [`ModelError::Run`].
    pub fn score(&self, pixels: &[u8]) -> Result<Scored, ModelError> {
        self.run(pixels).map(|outputs| self.read(outputs))
    }

    /// The network alone.
    ///
    /// # Errors
    /// [`ModelError::Run`].
    pub fn run(&self, pixels: &[u8]) -> Result<Outputs, ModelError> {
        self.engine.run(pixels).map_err(|e| self.failed(e))
    }

    fn failed(&self, reason: String) -> ModelError {
        ModelError::Run {
            name: self.contract.name.clone(),
            reason,
        }
    }

    /// Score and activation map from what the network gave.
    pub fn read(&self, outputs: Outputs) -> Scored {
        // softmax of two logits
        let [low, high] = outputs.logits;
        let score = 1.0 / (1.0 + ((low - high) / self.contract.temperature).exp());
        let (width, height) = (self.contract.map_width, self.contract.map_height);
        Scored {
            score,
            map: ActivationMap {
                width,
                height,
                values: outputs.map,
            },
            fitness: None,
        }
    }

    /// The layers that [`Self::step`] stops after; none where tract runs the model.
    pub fn layers(&self) -> &[Layer] {
        match &self.engine {
            Engine::Repvgg(engine) => engine.layers(),
            Engine::Tract(_) => &[],
        }
    }

    /// Runs the layers on the calling thread and says after each which one it was.
    ///
    /// # Errors
    /// [`ModelError::Run`].
    pub fn step(&self, pixels: &[u8], after: impl FnMut(usize)) -> Result<(), ModelError> {
        match &self.engine {
            Engine::Repvgg(engine) => engine.step(pixels, after).map_err(|e| self.failed(e)),
            Engine::Tract(_) => Ok(()),
        }
    }

    /// Nothing but multiplications, as the kernel does them: says how many, where it can be measured.
    pub fn peak(&self, turns: usize) -> Option<usize> {
        match &self.engine {
            Engine::Repvgg(engine) => engine.peak(turns),
            Engine::Tract(_) => None,
        }
    }

    /// What the model promises.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// Name, version and hash for records.
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// What runs it, for records.
    pub fn engine(&self) -> &str {
        match &self.engine {
            Engine::Repvgg(engine) => engine.name(),
            Engine::Tract(_) => tract::NAME,
        }
    }

    /// Bytes of one input picture.
    pub fn input_bytes(&self) -> usize {
        3 * self.contract.width * self.contract.height
    }
}

impl Engine {
    fn new(
        file: &[u8],
        contract: &Contract,
        network: &Network<'_>,
        runtime: Runtime,
    ) -> Result<Self, String> {
        if runtime.engine != Choice::Tract {
            match repvgg::Engine::new(network, runtime.threads(), runtime.kernel) {
                Ok(engine) => {
                    tracing::info!(
                        engine = engine.name(),
                        threads = engine.threads(),
                        "the model is a RepVGG"
                    );
                    return Ok(Self::Repvgg(engine));
                }
                Err(repvgg::Unfit::Kernel(reason)) => return Err(reason),
                Err(repvgg::Unfit::Network(reason)) if runtime.engine == Choice::Repvgg => {
                    return Err(format!("the engine repvgg cannot run it ({reason}); try tract"));
                }
                Err(repvgg::Unfit::Network(reason)) => {
                    tracing::info!(engine = tract::NAME, reason, "the model is no RepVGG")
                }
            }
        }
        // tract asserts on some graphs that it cannot run; a file must not end the daemon.
        catch_unwind(AssertUnwindSafe(|| tract::Engine::new(file, contract)))
            .map_err(|_| "the engine cannot run its graph".to_owned())?
            .map(Self::Tract)
            .map_err(|e| format!("the engine cannot run its graph: {e:#}"))
    }

    fn run(&self, pixels: &[u8]) -> Result<Outputs, String> {
        match self {
            Self::Repvgg(engine) => engine.run(pixels),
            Self::Tract(engine) => catch_unwind(AssertUnwindSafe(|| engine.run(pixels)))
                .map_err(|_| "the engine stopped on it".to_owned())?
                .map_err(|e| format!("{e:#}")),
        }
    }
}
