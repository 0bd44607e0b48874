"""The read-out as nodes of the model's graph: `features_double` [batch, V M] becomes `scores` [batch, C], calibrated.

Where the file holds the classes' sums, each class weighs the views, and `thresholds` [C] are what its score must reach.
Both are computed in the graph, as pace_edge/readout.py does, from W, Q, counts and squares: whoever changes these four
need change nothing else. While they are initializers a runtime computes it once, when it loads the file.
"""

from __future__ import annotations

import re

import numpy as np
from onnx import NodeProto, TensorProto, numpy_helper, parser

from pace_edge.analytic import FEWEST, AnalyticClassifier
from pace_edge.model_parts import COUNTS, SQUARES, Q, W
from pace_edge.readout import LEAST, NOTHING, ReadOut

MEAN = "plain_scores = MatMul(features_double, W)"
MEAN_OF_SEVERAL = """
summed_scores = MatMul(features_double, W)
plain_scores = Div(summed_scores, views)
"""
CALIBRATED = """
counts_held = Max(counts, fewest)
counts_inverse = Div(reference, counts_held)
class_scale = Pow(counts_inverse, power)
scores_double = Mul(plain_scores, class_scale)
scores = Cast<to = 1>(scores_double)
"""
# own, Q'Q and deviations of each view, [V, C]; s2; expected; the shares a, in the order of ReadOut.standing_of
WEIGHED = """
held = Max(counts, fewest)
own_products = Mul(Q, W)
own_rows = Reshape(own_products, view_shape)
own_sums = ReduceSum<keepdims = 0>(own_rows, axis_1)
own_views = Div(own_sums, held)
length_products = Mul(Q, Q)
length_rows = Reshape(length_products, view_shape)
lengths = ReduceSum<keepdims = 0>(length_rows, axis_1)
lengths_once = Div(lengths, held)
squared_means = Div(lengths_once, held)
mean_squares = Div(squares, held)
differences = Sub(mean_squares, squared_means)
deviations = Max(differences, zero)
gained = Mul(counts, gains)
spread = Mul(gained, deviations)
spread_drawn = Add(spread, usual_spreads)
freedom = Add(counts, usual_examples_less_1)
freedom_held = Max(freedom, fewest)
s2 = Div(spread_drawn, freedom_held)
unseen = Sub(own_views, s2)
expected_views = Max(unseen, least)
some = Greater(own_views, nothing)
some_double = Cast<to = 11>(some)
powers = Pow(expected_views, view_power)
worth = Mul(powers, some_double)
worth_sum = ReduceSum<keepdims = 1>(worth, axis_0)
known = Greater(worth_sum, zero)
divisor = Where(known, worth_sum, one)
worth_shares = Div(worth, divisor)
all_shares = Where(known, worth_shares, first_view)
large = GreaterOrEqual(all_shares, least_share)
large_double = Cast<to = 11>(large)
shares = Mul(all_shares, large_double)
shares_sum = ReduceSum<keepdims = 1>(shares, axis_0)
weights = Div(shares, shares_sum)
weights_rows = Unsqueeze(weights, axis_1)
W_rows = Reshape(W, view_shape)
W_weighed_rows = Mul(W_rows, weights_rows)
W_weighed = Reshape(W_weighed_rows, flat_shape)
plain_scores = MatMul(features_double, W_weighed)
"""
# with the evidence of `expected`; a score is a bar times (class_scale own) ** own_share, as in ReadOut.score_bars
THRESHOLDS = """
own_weighed = Mul(weights, own_views)
own = ReduceSum<keepdims = 0>(own_weighed, axis_0)
own_held = Max(own, fewest)
expected_weighed = Mul(weights, expected_views)
expected = ReduceSum<keepdims = 0>(expected_weighed, axis_0)
expected_calibrated = Mul(expected, class_scale)
expected_scored = Pow(expected_calibrated, score_share)
expected_likeness = Div(expected, own_held)
expected_alike = Pow(expected_likeness, own_share)
expected_evidence = Mul(expected_scored, expected_alike)
counts_share = Div(counts, reference)
counts_missing = Sub(one, counts_share)
few = Max(counts_missing, zero)
restraint_of_few = Mul(restraint, few)
restrained = Mul(restraint_of_few, expected_evidence)
bars = Max(restrained, floor)
own_calibrated = Mul(own_held, class_scale)
score_of_evidence = Pow(own_calibrated, own_share)
thresholds_double = Mul(bars, score_of_evidence)
thresholds = Cast<to = 1>(thresholds_double)
"""


def read_out_parts(classifier: AnalyticClassifier, read_out: ReadOut) -> tuple[list[TensorProto], list[NodeProto]]:
    """The initializers and the nodes."""
    V, M = len(classifier.views), len(classifier.views[0].G)
    tensors = {W: classifier.W, COUNTS: classifier.counts}
    if V > 1 and not read_out.weighs(classifier):
        tensors["classifier.views"] = np.array(float(V))
    numbers: dict[str, object] = {"fewest": FEWEST, "reference": read_out.reference, "power": read_out.power}
    words = (MEAN if V == 1 else MEAN_OF_SEVERAL) + CALIBRATED
    if read_out.weighs(classifier):
        assert classifier.squares is not None
        tensors |= {Q: classifier.Q, SQUARES: classifier.squares}
        words = WEIGHED + CALIBRATED
        of_each = np.array([read_out.gains, read_out.spreads, np.arange(V) == 0.0], np.float64)[..., None]  # [3, V, 1]
        k = read_out.usual_examples
        numbers |= {
            "gains": of_each[0], "usual_spreads": k * of_each[1], "first_view": of_each[2],
            "usual_examples_less_1": k - 1, "zero": 0.0, "one": 1.0, "least": LEAST, "nothing": NOTHING,
            "view_power": read_out.view_power, "least_share": read_out.least_share,
            "view_shape": [V, M, -1], "flat_shape": [V * M, -1], "axis_0": [0], "axis_1": [1],
        }  # fmt: skip
    if has_thresholds(classifier, read_out):
        words += THRESHOLDS
        numbers |= {"restraint": read_out.restraint, "floor": read_out.floor, "own_share": read_out.own_share,
                    "score_share": 1 - read_out.own_share}  # fmt: skip
    tensors |= {f"read_out.{name}": np.array(value) for name, value in numbers.items()}
    whole_names = {re.split(r"\.", name)[1]: name for name in tensors}
    return [numpy_helper.from_array(value, name) for name, value in tensors.items()], _nodes(words, whole_names)


def has_thresholds(classifier: AnalyticClassifier, read_out: ReadOut) -> bool:
    """Whether the file says what each class's score must reach: where it is weighed, and has a threshold."""
    return read_out.weighs(classifier) and read_out.floor > 0


def _nodes(words: str, names: dict[str, str]) -> list[NodeProto]:
    """The nodes that ONNX's text says, with tensors by their whole names, which its identifiers cannot have."""
    nodes = list(parser.parse_graph(f"read_out (double features_double) => (float scores) {{{words}}}").node)
    for node in nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
    return nodes
