"""The shipped model for ncnn: its int8 convolutions as ncnn's own tool would write them, which no package of Python brings.

ncnn's activations are s8 and have one bit less than ours, so its results are near ours and not equal; its time is what is compared.
"""
import struct

import numpy as np
import onnx
from onnx import numpy_helper

INT8 = 0x000D4B38  # says in the file that s8 weights follow
FLOAT = 0


def convert(model):
    """The text of a .param and the bytes of a .bin; blobs `pixels` (0 to 255), `activation_map`, `logits` less their bias."""
    graph = onnx.load(model).graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    body = [n for n in graph.node if n.op_type == "Conv" and n.input[1] in makers]
    layers, data, blob = ["Input pixels 0 1 pixels"], bytearray(), "pixels"
    # From 0..255 of a scale to -127..127 of another; the picture is given as it is, so its own scale is left out.
    scales = [255 / 127 * tensors[makers[n.input[0]].input[1]].item() for n in body]
    unit = tensors[makers[body[0].input[0]].input[1]].item()
    for n, conv in enumerate(body):
        _, of_weights, of_bias = (makers[i] for i in conv.input)
        weights, scale = tensors[of_weights.input[0]], tensors[of_weights.input[1]].astype(np.float32)
        bias = tensors[of_bias.input[0]].astype(np.float32) * tensors[of_bias.input[1]].astype(np.float32)
        stride = next(a.ints[0] for a in conv.attribute if a.name == "strides")
        last = n + 1 == len(body)
        first = unit if n == 0 else 1.0
        made = f"body{n}"
        layers.append(f"Convolution {made} 1 1 {blob} {made} 0={len(bias)} 1=3 3={stride} 4=1 5=1 6={weights.size} "
                      f"8={2 if last else 102} 9=1")
        raw = weights.astype(np.int8).tobytes()
        data += struct.pack("<I", INT8) + raw + bytes(-len(raw) % 4) + bias.tobytes()
        data += (1 / (scale * first)).astype(np.float32).tobytes() + struct.pack("<f", first / scales[n])
        if not last:
            data += struct.pack("<f", 1 / scales[n + 1])
        blob = made
    head = next(tensors[n.input[1]] for n in graph.node if n.op_type == "Conv" and n.input[1] in tensors)
    layers.append(f"Convolution head 1 1 {blob} map 0={head.shape[0]} 1=1 5=0 6={head.size}")
    data += struct.pack("<I", FLOAT) + head.tobytes()
    layers.append("Split split 1 2 map activation_map mean")
    layers.append("Pooling pool 1 1 mean logits 0=1 4=1")
    return "\n".join(["7767517", f"{len(layers)} {len(layers) + 1}", *layers, ""]), bytes(data)
