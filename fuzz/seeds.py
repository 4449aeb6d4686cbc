#!/usr/bin/env python3
"""Writes seeds for the fuzz targets into the folder named: small inputs that the targets take, to mutate from.

Needs numpy and onnx."""

import hashlib
import io
import json
import struct
import sys
import tarfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PROJECT = Path(__file__).parent.parent
CHANNELS = [3, 4, 4, 4, 4, 4]


def model():
    """The smallest model that keeps the contract: five convolutions of stride 2, 32x32 to 1x1. Metadata is the shipped model's."""
    shipped = onnx.load(PROJECT / "models/sonograde-phantom-a0.onnx")
    random = np.random.default_rng(1)
    tensors, nodes = [], []

    def tensor(name, array):
        tensors.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    scale, zero = tensor("pixels.scale", np.float32(1 / 255)), tensor("pixels.zero", np.uint8(0))
    input_scale = np.float32(1 / 255)
    value = node("DequantizeLinear", ["pixels", scale, zero], "pixels.f32")
    for n, (ci, co) in enumerate(zip(CHANNELS, CHANNELS[1:])):
        name = f"conv{n:02}"
        weight_scale = np.full(co, 0.01, np.float32)
        parts = {
            "weight": random.integers(-127, 128, (co, ci, 3, 3), np.int8),
            "weight.scale": weight_scale,
            "weight.zero": np.zeros(co, np.int8),
            "bias": random.integers(-1000, 1000, co, np.int32),
            "bias.scale": weight_scale * input_scale,
        }
        weight, weight_scale_name, weight_zero, bias, bias_scale = (
            tensor(f"{name}.{part}", array) for part, array in parts.items()
        )
        weight = node("DequantizeLinear", [weight, weight_scale_name, weight_zero], f"{name}.weight.f32", axis=0)
        bias = node("DequantizeLinear", [bias, bias_scale], f"{name}.bias.f32", axis=0)
        sides = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "dilations": [1, 1], "group": 1}
        value = node("Conv", [value, weight, bias], f"{name}.sum", **sides)
        value = node("Relu", [value], f"{name}.relu")
        input_scale = np.float32(0.05)
        scale, zero = tensor(f"{name}.scale", input_scale), tensor(f"{name}.zero", np.uint8(0))
        value = node("QuantizeLinear", [value, scale, zero], f"{name}.u8")
        value = node("DequantizeLinear", [value, scale, zero], f"{name}.f32")
    head = tensor("head.weight", random.normal(size=(2, CHANNELS[-1], 1, 1)).astype(np.float32))
    original = {n.output[0]: n for n in shipped.graph.node}

    def like(output, inputs):
        copy = onnx.NodeProto()
        copy.CopyFrom(original[output])
        copy.input[:] = inputs
        nodes.append(copy)

    like("activation_map", [value, head])
    copied = {t.name: t for t in shipped.graph.initializer}
    mean = list(original["map_mean"].input)
    tensors.extend(copied[name] for name in mean[1:])
    tensors.append(copied["head.bias"])
    like("map_mean", mean)
    like("logits", list(original["logits"].input))
    graph = helper.make_graph(
        nodes,
        "seed",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, [1, 3, 32, 32])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 2]),
            helper.make_tensor_value_info("activation_map", TensorProto.FLOAT, [1, 2, 1, 1]),
        ],
        tensors,
    )
    made = helper.make_model(graph, opset_imports=shipped.opset_import, ir_version=shipped.ir_version)
    made.metadata_props.extend(shipped.metadata_props)
    return made.SerializeToString()


def package(onnx_file):
    """An archive with the members that a package has."""
    golden = PROJECT / "models/golden"
    members = {
        "model.onnx": onnx_file,
        "card.md": b"# A card\n",
        "golden/golden.json": (golden / "golden.json").read_bytes(),
    }
    members |= {f"golden/{path.name}": b"" for path in sorted(golden.glob("*.png"))}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def audit():
    """Three records of a trail."""
    lines, last = b"", "0" * 64
    for seq in (1, 2, 3):
        body = f'{{"seq":{seq},"time":"1970-01-01T00:00:00Z","who":{{"user":"a"}},"event":"stopped","prev":"{last}"'
        last = hashlib.sha256(body.encode()).hexdigest()
        lines += f'{body},"hash":"{last}"}}\n'.encode()
    return lines


def exam():
    """The first exam of the committed old store, under the id that the targets use, and a table of its frames."""
    with tarfile.open(PROJECT / "tests/store/v0.1.0.tar.gz") as old:
        name = next(n for n in old.getnames() if n.startswith("export/") and n.endswith("/exam.json"))
        exam = json.load(old.extractfile(name))
    exam["id"] = "20260131T094500.123Z-7f3a"
    table = b"seq,t_ms,score,map_width,map_height,map_lowest,map_step,map\n1,67,0.5,2,1,-1,0.01,0 4095\n"
    return exam, table


def folder():
    record, table = exam()
    entry = {"name": "frames.csv", "bytes": len(table), "sha256": hashlib.sha256(table).hexdigest()}
    file = json.dumps({"exam": record, "deliveries": [], "files": [entry]}, indent=2)
    return b"\xff".join([b"", file.removeprefix("{\n").encode(), table, b"\x89PNG"])


def records():
    """An exam, two of its frames, a delivery and a note."""
    record = json.dumps(exam()[0]).encode()
    frame = bytes([67, 0, 0, 0, 0, 0]) + struct.pack("<fBBff", 0.5, 2, 1, -1, 0.01) + bytes([1, 0xF0, 0xFF])
    delivery = json.dumps(
        {"exam": "20260131T094500.123Z-7f3a", "object": "report", "destination": "pacs", "state": "pending"}
    ).encode()
    rows = [
        (0, b"", record),
        (1, bytes([0, 0, 0, 0, 0, 0, 0, 1]), frame),
        (1, bytes([0, 0, 0, 0, 0, 0, 0, 2]), frame),
        (2, b"report\0pacs", delivery),
        (3, b"", b"file"),
    ]
    return b"".join(struct.pack("<BBH", how, len(key), len(body)) + key + body for how, key, body in rows)


CLIPS = {
    "y4m": b"\x00W4 H2 F25:1 C420jpeg\nFRAME\n" + bytes(12),
    "mha": b"\x01NDims = 3\nDimSize = 4 2 2\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n" + bytes(16),
    # Explicit VR little endian: transfer syntax, then rows, columns, bits, samples and pixels.
    "dicom": b"\x02\x02\x00\x00\x00UL\x04\x00\x1c\x00\x00\x00\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
    b"\x28\x00\x02\x00US\x02\x00\x01\x00\x28\x00\x04\x00CS\x0c\x00MONOCHROME2 "
    b"\x28\x00\x10\x00US\x02\x00\x02\x00\x28\x00\x11\x00US\x02\x00\x04\x00\x28\x00\x00\x01US\x02\x00\x08\x00"
    b"\x28\x00\x01\x01US\x02\x00\x08\x00\x28\x00\x02\x01US\x02\x00\x07\x00\x28\x00\x03\x01US\x02\x00\x00\x00"
    b"\xe0\x7f\x10\x00OB\x00\x00\x08\x00\x00\x00" + bytes(8),
}


def main():
    out = Path(sys.argv[1])
    small = model()
    seeds = {
        "model/small": small,
        "model_tract/small": small,
        "package/small": package(small),
        "audit/three": audit(),
        "record/exam": records(),
        "folder/exam": folder(),
    } | {f"clip/{name}": content for name, content in CLIPS.items()}
    for name, content in seeds.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


main()
