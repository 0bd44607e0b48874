"""Compact storage never changes a value, and says no where it would."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from export.compact import round_to_int8, store_compactly


def matmul_model(weight):
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [value("x", 1, [1, weight.shape[0]])], [value("y", 1, [1, weight.shape[1]])],
        [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def result(model, x):
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {"x": x}
    )[0]


def random_weight(rounding):
    linear = torch.nn.Linear(96, 80)
    torch.nn.init.normal_(linear.weight, generator=torch.Generator().manual_seed(0))
    if rounding == "int8":
        round_to_int8(linear)
    if rounding == "int8, one step":
        step = linear.weight.data.abs().max() / 127
        linear.weight.data = (linear.weight.data / step).round() * step
    weight = linear.weight.data.T.contiguous()
    return (weight.half().float() if rounding == "half" else weight).numpy()


@pytest.mark.parametrize(("rounding", "bytes_each"), [("int8", 1), ("int8, one step", 1), ("half", 2), ("none", 4)])
def test_weights_take_their_smallest_exact_form(rounding, bytes_each):
    weight = random_weight(rounding)
    plain, compact = matmul_model(weight), matmul_model(weight)
    store_compactly(compact)
    onnx.checker.check_model(compact, full_check=True)
    x = np.random.default_rng(0).standard_normal((1, 96)).astype(np.float32)
    assert np.abs(result(compact, x) - result(plain, x)).max() < 1e-4 * np.abs(result(plain, x)).max()
    assert compact.ByteSize() < bytes_each * weight.size + 2000


def test_rounding_moves_no_weight_by_more_than_half_a_step():
    conv = torch.nn.Conv1d(8, 4, 3)
    before = conv.weight.data.clone()
    round_to_int8(conv)
    half_step = before.abs().amax((1, 2), keepdim=True) / 254
    assert ((conv.weight.data - before).abs() <= half_step * 1.001).all()
