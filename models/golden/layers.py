#!/usr/bin/env python3
"""What onnxruntime gives in every layer of the shipped model: models/golden/layers.json.

    models/golden/layers.py        (needs numpy, onnx, onnxruntime, pillow; see benches/peers/requirements.txt)

Of each layer's u8 activations [channel, row, column] it keeps those at STEP, 2·STEP, … modulo their number. `cargo test layer` asks the
engine for the same ones. Run it again whenever the shipped model changes.
"""
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "sonograde-phantom-a0.onnx"
PICTURE = "1-high.png"
STEP = 7919
COUNT = 512


def main():
    model = onnx.load(MODEL)
    quantized = [node.output[0] for node in model.graph.node if node.op_type == "QuantizeLinear"]
    for name in quantized:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UINT8, None))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    picture = np.asarray(Image.open(HERE / PICTURE).convert("RGB")).transpose(2, 0, 1)[None]
    layers = []
    for name, values in zip(quantized, session.run(quantized, {"pixels": picture}), strict=True):
        flat = values.reshape(-1)
        at = np.arange(1, COUNT + 1, dtype=np.int64) * STEP % flat.size
        layers.append({"output": name, "shape": list(values.shape[1:]), "values": flat[at].tolist()})
    golden = {
        "sha256": hashlib.sha256(MODEL.read_bytes()).hexdigest(),
        "onnxruntime": onnxruntime.__version__,
        "picture": PICTURE,
        "step": STEP,
        "layers": layers,
    }
    (HERE / "layers.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
