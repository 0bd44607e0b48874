"""Teach a model file a sound with onnx, onnxruntime and numpy alone: learn_anywhere.py MODEL WAV LABEL [NEW_MODEL]

The file brings its learning rule. Of a long sound the loudest window counts; a short one gets silence after it. Scores
allow for the classes' numbers of examples; how unlike every example a sound is, which pace-edge checks, is not in them.
"""

import json
import sys
import wave

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper


def loudest_window(path, rate, size, hop):
    with wave.open(path) as file:
        if (file.getframerate(), file.getsampwidth()) != (rate, 2):
            sys.exit(f"{path} is not 16-bit at {rate} Hz; convert it: ffmpeg -i {path} -ar {rate} new.wav")
        pcm = np.frombuffer(file.readframes(-1), "<i2").reshape(-1, file.getnchannels()).mean(1) / 32768
    pcm = np.pad(pcm, (0, max(0, size - len(pcm)))).astype(np.float32)
    return max((pcm[i : i + size] for i in range(0, len(pcm) - size + 1, hop)), key=lambda part: part @ part)[None]


def run(model, names, feeds):
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(names, feeds)


def heard(model, labels, pcm):
    bars = [output.name for output in model.graph.output if output.name == "thresholds"]  # older files have none
    scores, phi, *bars = run(model, ["scores", "features", *bars], {"pcm": pcm})
    best = scores.argmax()
    return f"{labels[best]} {scores.max():.2f}" + "".join(f" (announced from {bar[best]:.2f})" for bar in bars), phi


def main(model_path, wav, label, new_path=None):
    onnxruntime.set_default_logger_severity(3)  # not that R is an input with a default: it is meant to be one
    model = onnx.load(model_path)
    said = {entry.key: entry.value for entry in model.metadata_props}
    labels, rule = json.loads(said["pace_edge.labels"]), model.training_info[0].algorithm
    pcm = loudest_window(wav, *(int(said[f"pace_edge.{key}"]) for key in ("rate_hz", "window_samples", "hop_samples")))
    before, phi = heard(model, labels, pcm)
    print("before:", before)
    held = {tensor.name: tensor for tensor in (*model.graph.initializer, *rule.initializer)}
    becomes = {binding.key: binding.value for binding in model.training_info[0].update_binding}
    state = {name: numpy_helper.to_array(held[name]) for name in becomes}
    if label not in labels:  # a new class is a column of zeros in all but R
        labels = [*labels, label]
        state |= {n: np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 1)]) for n, x in state.items() if n != "classifier.R"}
    example = {"phi": phi.astype(np.float64), "y": np.eye(len(labels))[[labels.index(label)]], "weight": np.ones(1)}
    alone = helper.make_model(rule, opset_imports=model.opset_import, ir_version=model.ir_version)
    state = dict(zip(becomes, run(alone, list(becomes.values()), {**example, **state}), strict=True))
    for name, value in state.items():
        held[name].CopyFrom(numpy_helper.from_array(value, name))
    for output in model.graph.output:
        if output.name in ("scores", "thresholds"):
            output.type.tensor_type.shape.dim[-1].dim_value = len(labels)
    counts = state["classifier.counts"].tolist()
    said |= {"pace_edge.labels": json.dumps(labels), "pace_edge.counts": json.dumps(counts)}
    said["pace_edge.name"] += f" with {label}"  # a journal belongs to one model
    helper.set_model_props(model, {key: said[key] for key in said if key != "pace_edge.sha256"})  # of the old parts
    print("after: ", heard(model, labels, pcm)[0])
    if new_path:
        onnx.save(model, new_path)


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) in (4, 5) else sys.exit(__doc__)
