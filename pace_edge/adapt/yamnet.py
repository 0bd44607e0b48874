"""YAMNet (Plakal and Ellis 2020): MobileNet v1 on 64 mel bands, trained on AudioSet.

The published TensorFlow Lite file holds 8-bit weights with a scale per channel and batch norm folded in; they are read
exactly and computed with in float. The network's own classifier of AudioSet's 521 names is in it too, and the names
are in a zip archive at the file's end.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from pace_edge.adapt.backbone import Backbone, unit_norm
from pace_edge.adapt.frontend import YAMNET_64, LogMel
from pace_edge.adapt.weights_file import WeightsFile
from pace_edge.errors import PaceEdgeError

_CHANNELS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
_STRIDE_2 = (1, 3, 5, 11)  # which separable blocks halve time and frequency
PATCH_FRAMES = 96  # what the network was trained on: 0.975 s
NAMES = 521
_LABELS = "yamnet_label_list.txt"  # in the archive: one name a line


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


class PatchedYamNet(YamNet):
    """YAMNet as it was trained: patches of 96 frames, one behind the other, and the names that its own head gives them.

    Every position of a patch sees the zeros around it. In a longer image the inner ones do not, and their features are
    larger than any that the head was trained on: it then calls nearly every sound Music. What is over at the end of the
    window is left out; a window of less than 96 frames is filled up with silence.
    """

    def __init__(self, names: tuple[str, ...] = ("",) * NAMES) -> None:
        super().__init__()
        self.head = nn.Linear(self.embedding_size, len(names))
        self.names = names  # AudioSet's display names, in the order of the head's outputs

    def patches(self, pcm: torch.Tensor) -> torch.Tensor:
        """PCM [batch, samples] to the pooled features of each patch, [batch, patches, 1024], 0 to 6."""
        mel = self.spectrogram(pcm)
        if (missing := PATCH_FRAMES - mel.shape[1]) > 0:
            mel = nn.functional.pad(mel, (0, 0, 0, missing), value=math.log(YAMNET_64.offset))
        n = mel.shape[1] // PATCH_FRAMES
        x = mel[:, : n * PATCH_FRAMES].reshape(-1, 1, PATCH_FRAMES, mel.shape[2])
        for block in self.blocks:
            x = block(x)
        return self.pool(x).reshape(-1, n, self.embedding_size)

    def embedding_of(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches [batch, patches, 1024] to the window's embedding of length 1, [batch, 1024].

        A patch's features are sparse, a few large among zeros. Without the root, which evens them out, the few decide:
        sounds from one clip lose two points (docs/starter.md).
        """
        return unit_norm(patches.mean(1).sqrt())

    def names_of(self, patches: torch.Tensor) -> torch.Tensor:
        """Patches [batch, patches, 1024] to how surely each name is heard in any of them, 0 to 1: [batch, 521]."""
        return self.head(patches).sigmoid().amax(1)

    def forward(self, pcm: torch.Tensor) -> torch.Tensor:
        return self.embedding_of(self.patches(pcm))


Net = TypeVar("Net", bound=YamNet)


def from_tflite(path: Path) -> YamNet:
    """YAMNet with the weights of the published `yamnet.tflite`. Another file raises a PaceEdgeError."""
    return _filled(YamNet(), path, _read(path))


def patched_from_tflite(path: Path) -> PatchedYamNet:
    """The same with its head and the head's names."""
    content = _read(path)
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).read(_LABELS).decode().splitlines()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        names = []
    if len(names) != NAMES:
        raise PaceEdgeError(
            f"{path} does not hold the names of its classes", expected=f"{NAMES} in {_LABELS}", got=str(len(names)),
            do="Download it again.",
        )  # fmt: skip
    return _filled(PatchedYamNet(tuple(names)), path, content)


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PaceEdgeError(f"{path} cannot be read: {error.strerror}", do="Check where it is.") from error
    if content[4:8] != b"TFL3":
        raise PaceEdgeError(f"{path} is no TensorFlow Lite file", do="YAMNet is published as yamnet.tflite.")
    return content


def _filled(net: Net, path: Path, content: bytes) -> Net:
    """`net` with the file's weights, and with its head if it has one."""
    try:
        weights = list(_layers(content))
    except Exception as error:  # what is read from wrong places can raise anything
        raise PaceEdgeError(
            f"{path} is damaged, or its weights are not 8-bit ones ({type(error).__name__})", do="Download it again."
        ) from error
    file = WeightsFile(path, "YAMNet", {})
    for name, weight, bias in weights:
        if name != "head" or isinstance(net, PatchedYamNet):
            file.tensors[f"{name}.weight"] = torch.from_numpy(weight)
            file.tensors[f"{name}.bias"] = torch.from_numpy(bias)
    file.fill(net, lambda name: name)
    return net.eval()


def _layers(content: bytes) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Our name of each layer, its weight [out, in / groups, h, w] or [out, in] and its bias [out], dequantised."""
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

    code = tflite.BuiltinOperator
    # TensorFlow's axes: [out, h, w, in], depthwise [1, h, w, channels]
    orders = {code.CONV_2D: (0, 3, 1, 2), code.DEPTHWISE_CONV_2D: (3, 0, 1, 2)}
    n_convolutions = 0
    for op in map(subgraph.Operators, range(subgraph.OperatorsLength())):
        kind = graph.OperatorCodes(op.OpcodeIndex()).BuiltinCode()
        if order := orders.get(kind):
            weight, bias = dequantised(op.Inputs(1), "<i1").transpose(order), dequantised(op.Inputs(2), "<i4")
            yield f"blocks.{n_convolutions}.conv", weight.copy(), bias
            n_convolutions += 1
        elif kind == code.FULLY_CONNECTED and n_convolutions:  # the one before them is the mel filters
            yield "head", dequantised(op.Inputs(1), "<i1"), dequantised(op.Inputs(2), "<i4")
