"""Writes a quantized network as the ONNX file that `models/README.md` describes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .contract import IR_VERSION, OPSET, check
from .preprocess import NAME as PREPROCESSING
from .quantize import INPUT_SCALE, Layer, QuantizedNetwork
from .repvgg import CLASSES, STRIDE


def to_onnx(network: QuantizedNetwork, size: int, metadata: dict[str, str]) -> bytes:
    """The ONNX file for pictures of `size` x `size`."""
    graph = _Graph()
    x = graph.dequantize("pixels", "pixels", INPUT_SCALE, np.uint8(0))
    for index, layer in enumerate(network.layers):
        x = _add_layer(graph, x, f"conv{index:02}", layer)
    graph.node(
        "Conv",
        [x, graph.constant("head.weight", network.head)],
        "activation_map",
        kernel_shape=[1, 1],
        strides=[1, 1],
        pads=[0, 0, 0, 0],
    )
    mean = graph.node("ReduceMean", ["activation_map"], "map_mean", axes=[2, 3], keepdims=0)
    graph.node("Add", [mean, graph.constant("head.bias", network.bias)], "logits")

    side = size // STRIDE
    value = helper.make_tensor_value_info
    proto = helper.make_graph(
        graph.nodes,
        "sonograde",
        [value("pixels", TensorProto.UINT8, [1, 3, size, size])],
        [
            value("logits", TensorProto.FLOAT, [1, 2]),
            value("activation_map", TensorProto.FLOAT, [1, 2, side, side]),
        ],
        graph.constants,
    )
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="sonograde-train",
    )
    fixed = {"classes": ",".join(CLASSES), "preprocessing": PREPROCESSING}
    helper.set_model_props(model, {**metadata, **fixed})
    content = model.SerializeToString(deterministic=True)
    check(content)
    return content


class _Graph:
    """Nodes and constants under construction; every node is named after its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def dequantize(self, x: str, name: str, scale, zero, **attributes) -> str:
        inputs = [x, self.constant(f"{name}.scale", scale), self.constant(f"{name}.zero", zero)]
        return self.node("DequantizeLinear", inputs, f"{name}.f32", **attributes)


def _add_layer(graph: _Graph, x: str, name: str, layer: Layer) -> str:
    weight = graph.dequantize(
        graph.constant(f"{name}.weight", layer.weight),
        f"{name}.weight",
        layer.weight_scale,
        np.zeros(len(layer.weight), np.int8),
        axis=0,
    )
    bias_inputs = [
        graph.constant(f"{name}.bias", layer.bias),
        graph.constant(f"{name}.bias.scale", layer.bias_scale),
    ]
    bias = graph.node("DequantizeLinear", bias_inputs, f"{name}.bias.f32", axis=0)
    conv = graph.node(
        "Conv",
        [x, weight, bias],
        f"{name}.sum",
        kernel_shape=[3, 3],
        strides=[layer.stride] * 2,
        pads=[1, 1, 1, 1],
        dilations=[1, 1],
        group=1,
    )
    relu = graph.node("Relu", [conv], f"{name}.relu")
    scale, zero = (
        graph.constant(f"{name}.scale", layer.output_scale),
        graph.constant(f"{name}.zero", np.uint8(0)),
    )
    rounded = graph.node("QuantizeLinear", [relu, scale, zero], f"{name}.u8")
    return graph.node("DequantizeLinear", [rounded, scale, zero], f"{name}.f32")
