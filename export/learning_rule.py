"""The classifier's learning rule as an ONNX graph: PACE 2.2 with one row, in standard operators and float64.

As a TrainingInfoProto it travels inside the model file; taken out of it, it is a model that ONNX Runtime runs.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, TrainingInfoProto, helper, numpy_helper

from pace_edge.model_parts import COUNTS, SQUARES, Q, R, W


def learning_rule(R_value: np.ndarray, *, sums: bool = False) -> TrainingInfoProto:
    """The update of (R, W, counts) by one example, with R's present value, [M, M] of one view or [V, M, M] of several;
    W's and counts' are in the main graph.

    Inputs phi [1, V M], y [1, C] (one-hot), weight [1] (negative takes an example back), and the state; any C, so that
    a class is added by a zero column in W, a zero in counts and a longer y. Several views are one batch of products.

    `sums`: the state has Q and squares too, whose values are in the main graph; a new class is a zero column in both.
    """

    def double(name: str, shape: list[int | str]) -> TensorProto:
        return helper.make_tensor_value_info(name, TensorProto.DOUBLE, shape)

    def whole(values: list[int], name: str) -> TensorProto:
        return numpy_helper.from_array(np.array(values, np.int64), name)

    *several, M, _ = R_value.shape  # [] or [V]
    width = R_value.size // M
    constants = [numpy_helper.from_array(np.ones(1), "rule.one"), whole([-1], "rule.row")]
    phi, W_views, W_change = "phi", W, "W_change"
    before, after = [], []
    if several:
        phi, W_views, W_change = "phi_views", "W_views", "W_views_change"
        constants += [whole([*several, 1, M], "rule.phi_views"), whole([*several, M, -1], "rule.W_views"),
                      whole([width, -1], "rule.W_rows")]  # fmt: skip
        before = [
            helper.make_node("Reshape", ["phi", "rule.phi_views"], [phi]),  # [V, 1, M]
            helper.make_node("Reshape", [W, "rule.W_views"], [W_views]),  # [V, M, C]
        ]
        after = [helper.make_node("Reshape", [W_change, "rule.W_rows"], ["W_change"])]
    nodes = [
        *before,
        helper.make_node("MatMul", [phi, R], ["k"]),  # k' = phi' R, [1, M]; R is symmetric
        helper.make_node("Transpose", ["k"], ["k_column"], perm=[0, 2, 1] if several else [1, 0]),
        helper.make_node("MatMul", [phi, "k_column"], ["h"]),  # phi' R phi
        helper.make_node("Mul", ["weight", "h"], ["wh"]),
        helper.make_node("Add", ["wh", "rule.one"], ["pivot"]),
        helper.make_node("Div", ["weight", "pivot"], ["step"]),  # w / (1 + w phi' R phi)
        helper.make_node("Mul", ["k_column", "step"], ["gain"]),  # [M, 1]
        helper.make_node("MatMul", ["gain", "k"], ["R_change"]),
        helper.make_node("Sub", [R, "R_change"], ["R_next"]),
        helper.make_node("MatMul", [phi, W_views], ["prediction"]),
        helper.make_node("Sub", ["y", "prediction"], ["error"]),
        helper.make_node("MatMul", ["gain", "error"], [W_change]),
        *after,
        helper.make_node("Add", [W, "W_change"], ["W_next"]),
        helper.make_node("Mul", ["y", "weight"], ["y_weighted"]),
        helper.make_node("Reshape", ["y_weighted", "rule.row"], ["counts_change"]),
        helper.make_node("Add", [COUNTS, "counts_change"], ["counts_next"]),
    ]
    if sums:
        keep = 0 if several else 1  # so that the lengths are [V, 1]
        nodes += [
            helper.make_node("Transpose", ["phi"], ["phi_column"], perm=[1, 0]),
            helper.make_node("MatMul", ["phi_column", "y_weighted"], ["Q_change"]),
            helper.make_node("Add", [Q, "Q_change"], ["Q_next"]),
            helper.make_node("Mul", [phi, phi], ["phi_squares"]),
            helper.make_node("ReduceSum", ["phi_squares", "rule.row"], ["lengths"], keepdims=keep),
            helper.make_node("MatMul", ["lengths", "y_weighted"], ["squares_change"]),
            helper.make_node("Add", [SQUARES, "squares_change"], ["squares_next"]),
        ]
    inputs = [double("phi", [1, width]), double("y", [1, "classes"]), double("weight", [1])]
    state = [double(R, [*several, M, M]), double(W, [width, "classes"]), double(COUNTS, ["classes"])]
    outputs = [
        double("R_next", [*several, M, M]),
        double("W_next", [width, "classes_next"]),
        double("counts_next", ["classes_next"]),
    ]
    bindings = [(R, "R_next"), (W, "W_next"), (COUNTS, "counts_next")]
    if sums:
        V = width // M
        state += [double(Q, [width, "classes"]), double(SQUARES, [V, "classes"])]
        outputs += [double("Q_next", [width, "classes_next"]), double("squares_next", [V, "classes_next"])]
        bindings += [(Q, "Q_next"), (SQUARES, "squares_next")]
    algorithm = helper.make_graph(
        nodes, "learn_one_example", inputs + state, outputs, [*constants, numpy_helper.from_array(R_value, R)]
    )
    return helper.make_training_info(algorithm, bindings, None, None)
