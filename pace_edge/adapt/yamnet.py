"""YAMNet (Plakal and Ellis 2020): MobileNet v1 on 64 mel bands, trained on AudioSet.

The published TensorFlow Lite file holds 8-bit weights with a scale per channel and batch norm folded in; they are read
exactly and computed with in float.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pace_edge.adapt.backbone import Backbone
from pace_edge.adapt.frontend import YAMNET_64, LogMel
from pace_edge.adapt.weights_file import WeightsFile
from pace_edge.errors import PaceEdgeError

_CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_STRIDE_2 = (1, 3, 5, 11)  # which separable blocks halve time and frequency


class SameConv(nn.Module):
    """A convolution padded as TensorFlow's SAME (odd rest at the end), then ReLU6."""

    def __init__(self, n_in: int, n_out: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, stride=stride, groups=groups)
        self.kernel, self.stride = kernel, stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.kernel > 1:
            rest = self.kernel - self.stride  # inputs are kept even, so this is the whole padding
            x = nn.functional.pad(x, (rest // 2, rest - rest // 2) * 2)
        return nn.functional.relu6(self.conv(x))


class YamNet(Backbone):
    """PCM [batch, samples] at 16 kHz to an embedding [batch, 1024]: the mean over all patches of the window.

    The network was trained on 96 frames (0.975 s); being convolutional it reads any multiple of 32 frames. What is over
    at the end of the window is left out; a window of less than 32 frames is filled up with silence.
    """

    rate_hz = 16000
    embedding_size = 1024

    def __init__(self) -> None:
        super().__init__()
        self.log_mel = LogMel(YAMNET_64)
        layers, n_in = [SameConv(1, 32, 3, stride=2)], 32
        for i, n_out in enumerate(_CHANNELS):
            layers += [
                SameConv(n_in, n_in, 3, stride=2 if i in _STRIDE_2 else 1, groups=n_in),
                SameConv(n_in, n_out, 1),
            ]
            n_in = n_out
        self.blocks = nn.ModuleList(layers)
        self.pooled = (len(layers) - 1,)

    def spectrogram(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.log_mel(pcm)

    def stem_from(self, mel: torch.Tensor) -> torch.Tensor:
        """Log-mel as an image: [batch, 1, frames, 64]."""
        x = mel
        if (missing := 32 - x.shape[1]) > 0:
            x = nn.functional.pad(x, (0, 0, 0, missing), value=math.log(YAMNET_64.offset))
        return x[:, None, : x.shape[1] - x.shape[1] % 32]

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        """The feature map's mean, as YAMNet's own head reads it."""
        return x.mean((2, 3))


def from_tflite(path: Path) -> YamNet:
    """YAMNet with the weights of the published `yamnet.tflite`. Another file raises a PaceEdgeError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PaceEdgeError(f"{path} cannot be read: {error.strerror}", do="Check where it is.") from error
    if content[4:8] != b"TFL3":
        raise PaceEdgeError(f"{path} is no TensorFlow Lite file", do="YAMNet is published as yamnet.tflite.")
    try:
        weights = list(_convolutions(content))
    except Exception as error:  # what is read from wrong places can raise anything
        raise PaceEdgeError(
            f"{path} is damaged, or its weights are not 8-bit ones ({type(error).__name__})", do="Download it again."
        ) from error
    net, file = YamNet(), WeightsFile(path, "YAMNet", {})
    for i, (weight, bias) in enumerate(weights):
        file.tensors[f"blocks.{i}.conv.weight"] = torch.from_numpy(weight)
        file.tensors[f"blocks.{i}.conv.bias"] = torch.from_numpy(bias)
    file.fill(net, lambda name: name)
    return net.eval()


def _convolutions(content: bytes) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Weight [out, in / groups, h, w] and bias [out] of each convolution, dequantised."""
    import tflite

    graph = tflite.Model.GetRootAsModel(content, 0)
    subgraph = graph.Subgraphs(0)

    def dequantised(index: int, dtype: str) -> np.ndarray:
        tensor = subgraph.Tensors(index)
        raw = np.frombuffer(graph.Buffers(tensor.Buffer()).DataAsNumpy().tobytes(), dtype)
        quantisation = tensor.Quantization()
        axis, scales = quantisation.QuantizedDimension(), quantisation.ScaleAsNumpy()
        shape = tensor.ShapeAsNumpy()
        along = [-1 if i == axis else 1 for i in range(len(shape))]
        return raw.reshape(shape).astype(np.float32) * scales.reshape(along)

    # TensorFlow's axes: [out, h, w, in], depthwise [1, h, w, channels]
    orders = {tflite.BuiltinOperator.CONV_2D: (0, 3, 1, 2), tflite.BuiltinOperator.DEPTHWISE_CONV_2D: (3, 0, 1, 2)}
    for op in map(subgraph.Operators, range(subgraph.OperatorsLength())):
        if order := orders.get(graph.OperatorCodes(op.OpcodeIndex()).BuiltinCode()):
            yield dequantised(op.Inputs(1), "<i1").transpose(order).copy(), dequantised(op.Inputs(2), "<i4")
