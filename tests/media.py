"""Media files, made with PyAV itself."""

from pathlib import Path

import av
import numpy as np

CODECS = {".mp3": "libmp3lame", ".mp4": "aac", ".m4a": "aac", ".mkv": "libopus", ".mka": "flac"}


def write_media(path: Path, samples: np.ndarray, rate_hz: int) -> Path:
    """float32 [channels, samples]; an mp4 can be read from its beginning on."""
    options = {"movflags": "faststart"} if path.suffix in (".mp4", ".m4a") else {}
    layout = {1: "mono", 2: "stereo"}[len(samples)]
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(CODECS[path.suffix], rate=rate_hz, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate_hz, 0
        cut = av.AudioFifo()  # encoders want frames of their own size
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate_hz)
        for part in resampler.resample(frame):
            cut.write(part)
        stream.codec_context.open()
        for part in cut.read_many(stream.codec_context.frame_size or 4096, partial=True):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def tone(seconds: float, rate_hz: int, *hz: float) -> np.ndarray:
    """A tone for each channel: float32 [channels, samples]."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.stack([0.3 * np.sin(2 * np.pi * f * t) for f in hz]).astype(np.float32)


def loudest_hz(samples: np.ndarray, rate_hz: int) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate_hz / len(samples))
