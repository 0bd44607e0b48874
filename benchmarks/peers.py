"""What listening costs, next to openWakeWord's and YAMNet's own loops on the same sound, each on one thread.

    python3.11 -m venv peers
    peers/bin/pip install 'numpy<2' scipy scikit-learn tqdm requests onnxruntime tflite-runtime pyopen-wakeword
    peers/bin/pip install --no-deps openwakeword
    python -m benchmarks.peers --python peers/bin/python --yamnet ../shared/weights/yamnet/yamnet.tflite

openWakeWord's wheel has no models; pyopen-wakeword's has them. They do different things: openWakeWord looks for one
phrase every 80 ms, YAMNet names 521 classes of 0.96 s every 0.48 s and cannot learn, pace-edge names what it was taught
in 2 s every 0.5 s. What is compared is the processor time that a second of sound takes: all hear the same recording,
in turns, each in a process of its own; the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from pace_edge.config import DEMO_RECORDING
from streams.bench import sound_for

RATE_HZ = 16000
# Each reads int16 PCM at 16 kHz from argv[1], warms up, and prints the processor seconds that the rest of it took.
_PACE_EDGE = """
import os
os.environ["OPENBLAS_NUM_THREADS"] = "1"
import json, sys
import numpy as np
from pace_edge.config import STARTER_MODEL
from pace_edge.model_file import read_model
from streams.bench import measure_recording
from streams.listening.options import Options
pcm = np.fromfile(sys.argv[1], "<i2").astype(np.float32) / 32768
cost = measure_recording(read_model(STARTER_MODEL), "sound", pcm, Options(provider="cpu"))
print(json.dumps(cost.core_percent * cost.sound_s / 100))
"""
_OPEN_WAKE_WORD = """
import json, sys, time
from pathlib import Path
import numpy as np
import pyopen_wakeword
from openwakeword.model import Model
models = Path(pyopen_wakeword.__file__).parent / "models"
listener = Model(
    wakeword_models=[str(models / "alexa.tflite")], inference_framework="tflite",
    melspec_model_path=str(models / "melspectrogram.tflite"),
    embedding_model_path=str(models / "embedding_model.tflite"),
)
pcm = np.fromfile(sys.argv[1], "<i2")
def hear(sound):
    for start in range(0, len(sound) - 1279, 1280):
        listener.predict(sound[start : start + 1280])
hear(pcm[: 5 * 16000])
began = time.process_time()
hear(pcm)
print(json.dumps(time.process_time() - began))
"""
_YAMNET = """
import json, sys, time
import numpy as np
from tflite_runtime.interpreter import Interpreter
network = Interpreter(sys.argv[2], num_threads=1)
wave = network.get_input_details()[0]
window = int(np.prod(wave["shape"]))
network.allocate_tensors()
scores = network.get_output_details()[0]["index"]
pcm = np.fromfile(sys.argv[1], "<i2").astype(np.float32) / 32768
def hear(sound):
    for start in range(0, len(sound) - window + 1, 7680):
        network.set_tensor(wave["index"], sound[start : start + window].reshape(wave["shape"]))
        network.invoke()
        network.get_tensor(scores)
hear(pcm[: 5 * 16000])
began = time.process_time()
hear(pcm)
print(json.dumps(time.process_time() - began))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="of the peers' environment")
    parser.add_argument("--yamnet", type=Path, required=True, help="YAMNet as TFLite, from waveform to scores")
    parser.add_argument("--input", type=Path, default=DEMO_RECORDING, help="a recording; else the one that ships")
    parser.add_argument("--seconds", type=float, default=60.0, help="of it, repeated if it is shorter")
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pcm = Path(folder) / "sound.pcm"
        (32767 * sound_for(words.input, RATE_HZ, words.seconds)).astype("<i2").tofile(pcm)
        loops = {
            "pace-edge, starter": [sys.executable, "-c", _PACE_EDGE, pcm],
            "openWakeWord, one phrase": [words.python, "-c", _OPEN_WAKE_WORD, pcm],
            "YAMNet": [words.python, "-c", _YAMNET, pcm, words.yamnet],
        }
        used: dict[str, list[float]] = {name: [] for name in loops}
        for _ in range(words.rounds):
            for name, command in loops.items():
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
                used[name].append(100 * json.loads(done.stdout) / words.seconds)
    for name, shares in used.items():
        spread = f"{min(shares):.2f} to {max(shares):.2f}"
        print(
            f"{name:<26} {median(shares):5.2f} % of one core ({spread}); {int(100 / median(shares)) - 1} more would fit"
        )


if __name__ == "__main__":
    main()
