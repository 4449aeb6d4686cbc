"""Runs an exported model with onnxruntime: the reference that the daemon's engines are held to."""

from pathlib import Path

import numpy as np
import onnxruntime
from tqdm import tqdm


class Model:
    """An ONNX file that keeps the contract."""

    def __init__(self, file: Path | bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        source = file if isinstance(file, bytes) else str(file)
        self.session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        self.metadata: dict[str, str] = self.session.get_modelmeta().custom_metadata_map
        self.size: int = self.session.get_inputs()[0].shape[2]

    def __call__(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """u8 [n, h, w, 3] → logits f32 [n, 2] and activation maps f32 [n, 2, h/32, w/32]."""
        logits, maps = [], []
        for picture in tqdm(pictures, desc="onnxruntime", leave=False):
            pixels = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
            one_logits, one_map = self.session.run(["logits", "activation_map"], {"pixels": pixels})
            logits.append(one_logits[0])
            maps.append(one_map[0])
        return np.stack(logits), np.stack(maps)


def scores(logits: np.ndarray, temperature: float) -> np.ndarray:
    """P(high): softmax of logits / temperature, second class; [n, 2] → f64 [n]."""
    difference = (logits[:, 0].astype(np.float64) - logits[:, 1]) / temperature
    return 1 / (1 + np.exp(difference))
