import numpy as np
import onnx
import pytest
from conftest import METADATA
from onnx import helper, numpy_helper

from sonograde_train import contract
from sonograde_train.contract import ContractError, check


def node(model, name):
    return next(n for n in model.graph.node if n.name == name)


def constant(model, name, change):
    tensor = next(t for t in model.graph.initializer if t.name == name)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), name))


def property_to(model, key, value):
    next(p for p in model.metadata_props if p.key == key).value = value


def attribute(model, name, **values):
    for key, value in values.items():
        target = node(model, name)
        kept = [a for a in target.attribute if a.name != key]
        del target.attribute[:]
        target.attribute.extend([*kept, helper.make_attribute(key, value)])


def most_negative_weight(weight):
    weight.flat[0] = -128
    return weight


def test_what_export_writes_keeps_the_contract(small_file):
    metadata = check(small_file)
    assert metadata == {**METADATA, "classes": "low,high", "preprocessing": "roi-rgb-triangle-u8"}


BREACHES = {
    "another opset": (lambda m: setattr(m.opset_import[0], "version", 18), "opset"),
    "another ir_version": (lambda m: setattr(m, "ir_version", 9), "ir_version"),
    "input scale": (
        lambda m: constant(m, "pixels.scale", lambda s: np.float32(1 / 256)),
        "pixels.f32",
    ),
    "input zero point": (lambda m: constant(m, "pixels.zero", lambda z: np.uint8(1)), "pixels.f32"),
    "activation zero point": (
        lambda m: constant(m, "conv02.zero", lambda z: np.uint8(3)),
        "conv02.u8",
    ),
    "weight -128": (
        lambda m: constant(m, "conv01.weight", most_negative_weight),
        "conv01.weight.f32",
    ),
    "weight zero point": (
        lambda m: constant(m, "conv01.weight.zero", lambda z: z + np.int8(1)),
        "conv01.weight.f32",
    ),
    "bias scale": (
        lambda m: constant(m, "conv01.bias.scale", lambda s: s * np.float32(1.001)),
        "conv01.bias.f32",
    ),
    "negative scale": (lambda m: constant(m, "conv01.scale", lambda s: -s), "conv01.u8"),
    "stride": (
        lambda m: attribute(m, "conv04.sum", strides=[1, 1], pads=[1, 1, 1, 1]),
        "full_check|shape|stride",
    ),
    "padding": (lambda m: attribute(m, "conv01.sum", pads=[0, 0, 2, 2]), "conv01.sum"),
    "mean over one axis": (lambda m: attribute(m, "map_mean", axes=[3, 2]), "map_mean"),
    "an operator in the chain": (
        lambda m: setattr(node(m, "conv01.relu"), "op_type", "Abs"),
        "conv01.sum",
    ),
    "classes": (lambda m: property_to(m, "classes", "high,low"), "metadata classes"),
    "temperature": (lambda m: property_to(m, "temperature", "0"), "metadata temperature"),
    "not a number": (lambda m: property_to(m, "band_low", "nan"), "metadata band_low"),
    "band": (lambda m: property_to(m, "band_high", "0.3"), "metadata band_low"),
    "version": (lambda m: property_to(m, "version", "one"), "metadata version"),
    "empty": (lambda m: property_to(m, "training_data", " "), "metadata training_data"),
    "missing metadata": (lambda m: m.metadata_props.pop(), "metadata"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_refused_by_name(breach, small_file):
    spoil, where = BREACHES[breach]
    model = onnx.load_from_string(small_file)
    spoil(model)
    with pytest.raises(ContractError, match=where):
        check(model.SerializeToString())


def test_too_many_activations_are_refused(small_file, monkeypatch):
    monkeypatch.setattr(contract, "MOST_ACTIVATIONS", 10_000)
    with pytest.raises(ContractError, match="conv00.sum: expected at most 10000 activations"):
        check(small_file)


def test_a_node_off_the_chain_is_refused(small_file):
    model = onnx.load_from_string(small_file)
    model.graph.node.append(helper.make_node("Relu", ["head.bias"], ["stray"], name="stray"))
    with pytest.raises(ContractError, match="no node off the chain, found 1"):
        check(model.SerializeToString())


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x08"])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ContractError):
        check(content)


def test_a_truncated_file_is_refused(small_file):
    with pytest.raises(ContractError):
        check(small_file[: len(small_file) // 2])


def test_a_foreign_model_is_refused(small_file):
    info = helper.make_tensor_value_info
    value = numpy_helper.from_array(np.ones(3, np.float32), "value")
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["logits"], value=value)],
        "foreign",
        [],
        [info("logits", onnx.TensorProto.FLOAT, [3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    with pytest.raises(ContractError, match="inputs: expected one input"):
        check(model.SerializeToString())
