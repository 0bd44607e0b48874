"""The file learns by itself: its rule, run by ONNX Runtime alone, does what our NumPy does."""

import numpy as np
import onnx
import onnxruntime
import pytest

from pace_edge.analytic import AnalyticClassifier
from pace_edge.model_file import read_model


@pytest.fixture
def rule(any_model):
    """The rule taken out of the file, as a session."""
    model = onnx.load(any_model)
    alone = onnx.helper.make_model(
        model.training_info[0].algorithm, opset_imports=model.opset_import, ir_version=model.ir_version
    )
    onnx.checker.check_model(alone, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(alone.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(rule, state, phi, column, weight=1.0):
    y = np.zeros((1, state[1].shape[1]))
    y[0, column] = 1.0
    names = ("classifier.R", "classifier.W", "classifier.counts", "classifier.Q", "classifier.squares")
    fed = dict(zip(names[: len(state)], state, strict=True))
    return rule.run(None, {"phi": phi[None], "y": y, "weight": np.array([weight]), **fed})


def state_of(classifier: AnalyticClassifier):
    """What the rule changes: as much as the file holds of it."""
    parts = (classifier.R, classifier.W, classifier.counts, classifier.Q, classifier.squares)
    return [part.copy() for part in (parts if classifier.squares is not None else parts[:3])]


def assert_equal(state, classifier):
    for ours, theirs in zip(state_of(classifier), state, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < 1e-9


def test_learning_and_unlearning_equal_our_classifier(any_model, rule):
    classifier, rng = read_model(any_model).classifier, np.random.default_rng(0)
    state = state_of(classifier)
    phis = np.maximum(rng.standard_normal((5, classifier.width)), 0) / 8
    for i, phi in enumerate(phis):
        classifier.learn(phi, classifier.labels[i % 3], 0.5)
        state = run(rule, state, phi, i % 3, 0.5)
    classifier.unlearn(phis[1], classifier.labels[1], 0.5)
    assert_equal(run(rule, state, phis[1], 1, -0.5), classifier)


def test_a_new_class_is_a_zero_column(any_model, rule):
    classifier = read_model(any_model).classifier
    state = state_of(classifier)
    phi = np.maximum(np.random.default_rng(1).standard_normal(classifier.width), 0) / 8
    classifier.learn(phi, "doorbell")
    widened = [np.pad(part, [(0, 0)] * (part.ndim - 1) + [(0, 1)]) for part in state[1:]]
    assert_equal(run(rule, [state[0], *widened], phi, 3), classifier)


def test_the_binding_names_the_state_that_each_output_replaces(any_model):
    model = onnx.load(any_model)
    info = model.training_info[0]
    initializers = {t.name for t in (*model.graph.initializer, *info.algorithm.initializer)}
    outputs = {o.name for o in info.algorithm.output}
    sums = {"classifier.Q", "classifier.squares"} if read_model(any_model).classifier.squares is not None else set()
    assert {b.key for b in info.update_binding} == {"classifier.R", "classifier.W", "classifier.counts", *sums}
    assert {b.key for b in info.update_binding} <= initializers
    assert {b.value for b in info.update_binding} == outputs
