"""Checks a model file against `models/README.md`, as the daemon does before it runs one."""

import re
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from .preprocess import NAME as PREPROCESSING
from .quantize import INPUT_SCALE
from .repvgg import CLASSES, STRIDE

OPSET = 17
IR_VERSION = 8
MOST_ACTIVATIONS = 1 << 28
LARGEST_BYTES = 64 << 20
METADATA = (
    "name",
    "version",
    "classes",
    "temperature",
    "band_low",
    "band_high",
    "training_data",
    "intended_use",
    "preprocessing",
    "source",
)


class ContractError(Exception):
    """A file that breaks the contract: which node or property, and what was expected."""


def _expect(condition: bool, where: str, expected: str) -> None:
    if not condition:
        raise ContractError(f"{where}: expected {expected}")


def check(file: Path | bytes) -> dict[str, str]:
    """The metadata of a file that keeps the contract. Raises ContractError at the first breach."""
    content = file if isinstance(file, bytes) else file.read_bytes()
    _expect(len(content) <= LARGEST_BYTES, "file", f"at most {LARGEST_BYTES} bytes")
    try:
        model = onnx.load_from_string(content)
    except DecodeError as error:
        raise ContractError(f"not an ONNX file: {error}") from error
    tensors = model.graph.initializer
    _expect(
        not any(t.data_location == TensorProto.EXTERNAL for t in tensors),
        "initializers",
        "data inside the file",
    )
    _expect(
        not model.functions and not model.graph.sparse_initializer,
        "graph",
        "no function, no sparse initializer",
    )
    opsets = [(opset.domain, opset.version) for opset in model.opset_import]
    _expect(opsets == [("", OPSET)], "opset_import", f"opset {OPSET} of the default domain alone")
    _expect(model.ir_version == IR_VERSION, "ir_version", str(IR_VERSION))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ContractError(f"not a valid ONNX file: {error}") from error
    sides = _check_ports(model.graph)
    _Body(model.graph).check(sides)
    return _check_metadata({prop.key: prop.value for prop in model.metadata_props})


def _check_ports(graph: onnx.GraphProto) -> list[int]:
    """Height and width of the input."""

    def port(value: onnx.ValueInfoProto) -> tuple:
        tensor = value.type.tensor_type
        return value.name, tensor.elem_type, [dim.dim_value for dim in tensor.shape.dim]

    inputs = [port(value) for value in graph.input]
    _expect(
        [value[:2] for value in inputs] == [("pixels", TensorProto.UINT8)],
        "inputs",
        "one input, pixels, u8",
    )
    shape = inputs[0][2]
    _expect(len(shape) == 4 and shape[:2] == [1, 3], "pixels", "shape [1, 3, H, W]")
    h, w = shape[2:]
    _expect(
        h > 0 and w > 0 and h % STRIDE == 0 and w % STRIDE == 0,
        "pixels",
        f"H and W multiples of {STRIDE}",
    )
    expected = {"logits": [1, 2], "activation_map": [1, 2, h // STRIDE, w // STRIDE]}
    outputs = {name: shape for name, kind, shape in map(port, graph.output) if kind == TensorProto.FLOAT}
    _expect(outputs == expected and len(graph.output) == 2, "outputs", f"f32 {expected}")
    return [h, w]


class _Body:
    """Follows the chain from `pixels` to `logits`."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.by_input: dict[str, list[onnx.NodeProto]] = {}
        self.by_output = {node.output[0]: node for node in graph.node}
        for node in graph.node:
            _expect(len(node.input) > 0, node.name, "every constant to be an initializer")
            self.by_input.setdefault(node.input[0], []).append(node)
        self.left = len(graph.node)

    def check(self, sides: list[int]) -> None:
        """Raises ContractError at the first node that is not what the contract says; `sides` of the input."""
        node = self._next("pixels", "DequantizeLinear")
        scale = self._scale(node, np.uint8)
        _expect(scale == INPUT_SCALE, node.name, "scale 1/255")
        conv = self._next(node.output[0], "Conv")
        _expect(
            conv.output[0] != "activation_map",
            conv.name,
            "at least one int8 convolution before the head",
        )
        stride, activations = 1, 0
        while conv.output[0] != "activation_map":
            step, channels = self._check_conv(conv, scale)
            stride *= step
            sides = [-(-side // step) for side in sides]
            activations += -(-channels // 16) * 16 * (sides[0] + 2) * (sides[1] + 2)
            _expect(
                activations <= MOST_ACTIVATIONS,
                conv.name,
                f"at most {MOST_ACTIVATIONS} activations up to here, got {activations}",
            )
            relu = self._next(conv.output[0], "Relu")
            rounded = self._next(relu.output[0], "QuantizeLinear")
            scale = self._scale(rounded, np.uint8)
            back = self._next(rounded.output[0], "DequantizeLinear")
            _expect(self._scale(back, np.uint8) == scale, back.name, f"the scale of {rounded.name}")
            conv = self._next(back.output[0], "Conv")
        _expect(
            stride == STRIDE,
            conv.name,
            f"strides before it that multiply to {STRIDE}, got {stride}",
        )
        head = self._constant(conv, 1, np.float32)
        _expect(
            len(conv.input) == 2 and head.ndim == 4 and head.shape[0] == 2 and head.shape[2:] == (1, 1),
            conv.name,
            "f32 weights [2, C, 1, 1] and no bias",
        )
        attributes = _attributes(conv)
        _expect(
            attributes.get("strides", [1, 1]) == [1, 1]
            and attributes.get("pads", [0] * 4) == [0] * 4
            and attributes.get("group", 1) == 1,
            conv.name,
            "stride 1, no padding, group 1",
        )
        mean = self._next("activation_map", "ReduceMean")
        _expect(
            _attributes(mean) == {"axes": [2, 3], "keepdims": 0},
            mean.name,
            "axes [2, 3], keepdims 0",
        )
        add = self._next(mean.output[0], "Add")
        _expect(self._constant(add, 1, np.float32).shape == (2,), add.name, "a bias of f32 [2]")
        _expect(add.output[0] == "logits", add.name, "output logits")
        _expect(self.left == 0, "graph", f"no node off the chain, found {self.left}")

    def _check_conv(self, conv: onnx.NodeProto, input_scale: np.float32) -> tuple[int, int]:
        """Its stride and its output channels."""
        _expect(len(conv.input) == 3, conv.name, "input, weights and bias")
        kernel = self._dequantized(conv, 1)
        weight, weight_scale = self._constant(kernel, 0, np.int8), self._channel_scale(kernel)
        _expect(
            weight.ndim == 4 and len(weight_scale) == len(weight),
            kernel.name,
            "int8 [co, ci, k, k], f32 [co]",
        )
        k = weight.shape[2]
        _expect(weight.shape[3] == k and k in (1, 3), kernel.name, "k = 1 or 3")
        _expect(int(weight.min()) > -128, kernel.name, "weights in -127..127")
        attributes = _attributes(conv)
        _expect("auto_pad" not in attributes, conv.name, "no auto_pad")
        _expect(attributes.get("strides") in ([1, 1], [2, 2]), conv.name, "strides [1, 1] or [2, 2]")
        _expect(attributes.get("pads", [0] * 4) == [k // 2] * 4, conv.name, f"pads {[k // 2] * 4}")
        _expect(
            attributes.get("dilations", [1, 1]) == [1, 1] and attributes.get("group", 1) == 1,
            conv.name,
            "dilations 1, group 1",
        )
        addend = self._dequantized(conv, 2)
        bias, bias_scale = self._constant(addend, 0, np.int32), self._channel_scale(addend)
        _expect(
            bias.shape == bias_scale.shape == weight_scale.shape,
            addend.name,
            "int32 [co], f32 [co]",
        )
        _expect(
            np.allclose(bias_scale, input_scale * weight_scale, rtol=1e-6, atol=0),
            addend.name,
            "scale = input scale * weight scale",
        )
        return attributes["strides"][0], len(weight)

    def _next(self, name: str, op: str) -> onnx.NodeProto:
        users = self.by_input.get(name, [])
        found = ", ".join(f"{node.op_type} {node.name}" for node in users) or "none"
        _expect(
            len(users) == 1 and users[0].op_type == op,
            f"user of {name}",
            f"one {op}, found {found}",
        )
        self.left -= 1
        return users[0]

    def _constant(self, node: onnx.NodeProto, index: int, dtype: type) -> np.ndarray:
        value = self.constants.get(node.input[index]) if index < len(node.input) else None
        _expect(
            value is not None and value.dtype == dtype,
            node.name,
            f"input {index} a constant of {np.dtype(dtype).name}",
        )
        return value

    def _scale(self, node: onnx.NodeProto, dtype: type) -> np.float32:
        scale, zero = self._constant(node, 1, np.float32), self._constant(node, 2, dtype)
        _expect(
            scale.ndim == 0 and np.isfinite(scale) and scale > 0,
            node.name,
            "a finite scalar scale above 0",
        )
        _expect(zero.ndim == 0 and zero == 0, node.name, "zero point 0")
        return scale

    def _dequantized(self, conv: onnx.NodeProto, index: int) -> onnx.NodeProto:
        node = self.by_output.get(conv.input[index])
        _expect(
            node is not None and node.op_type == "DequantizeLinear",
            conv.name,
            f"input {index} from a DequantizeLinear",
        )
        self.left -= 1
        return node

    def _channel_scale(self, node: onnx.NodeProto) -> np.ndarray:
        scale = self._constant(node, 1, np.float32)
        _expect(
            scale.ndim == 1 and np.isfinite(scale).all() and (scale > 0).all(),
            node.name,
            "one finite scale above 0 for each output channel",
        )
        _expect(_attributes(node).get("axis") == 0, node.name, "axis 0")
        if len(node.input) > 2:
            zero = self.constants.get(node.input[2])
            _expect(
                zero is not None and zero.shape == scale.shape and not zero.any(),
                node.name,
                "zero points all 0",
            )
        return scale


def _attributes(node: onnx.NodeProto) -> dict:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _check_metadata(properties: dict[str, str]) -> dict[str, str]:
    for key in METADATA:
        _expect(bool(properties.get(key, "").strip()), f"metadata {key}", "a value")
    for key, value in (("classes", ",".join(CLASSES)), ("preprocessing", PREPROCESSING)):
        _expect(properties[key] == value, f"metadata {key}", f'"{value}"')
    for key, pattern in (("name", r"[a-z0-9-]+"), ("version", r"\d+\.\d+\.\d+")):
        _expect(
            re.fullmatch(pattern, properties[key]) is not None,
            f"metadata {key}",
            f"a match of {pattern}",
        )
    try:
        temperature, low, high = (float(properties[key]) for key in ("temperature", "band_low", "band_high"))
    except ValueError as error:
        raise ContractError(f"metadata temperature, band_low, band_high: expected numbers, {error}") from None
    _expect(0 < temperature < float("inf"), "metadata temperature", "a number above 0")
    _expect(0 <= low <= high <= 1, "metadata band_low, band_high", "0 <= band_low <= band_high <= 1")
    return properties
