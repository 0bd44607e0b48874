"""What listening costs on this machine: latency, processor time, memory, and what more it could do.

Times of the processor are counted, not those on the clock, so that other programs hardly change them. A recording is
fed as a microphone would, 20 ms at a time, but as fast as it goes; a microphone is heard at its own pace. Latency and
the real-time factor are times on the clock: `waited_percent` says how far other programs stood in the way.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pace_edge.audio import read_audio
from pace_edge.errors import DeviceError, PaceEdgeError, UsageError
from pace_edge.model_file import Model
from streams.heard import Heard, Window
from streams.listening.learner import open_journal
from streams.listening.listener import Listener
from streams.listening.options import Options
from streams.service.opening import chunks_of
from streams.sources.several import Arrival, arrivals
from streams.sources.source import Source

_CHUNK_S = 0.02
_TURN_S = 5.0  # of sound, after which the listener and the bare loop change over
_WARM_UP_S = 5.0
_PATIENCE_S = 60.0  # beside twice the time that was asked for, for a live source to give it
_CLOCK_S = max(1e-6, time.get_clock_info("process_time").resolution)  # less processor time than this cannot be told
BUSY_PERCENT = 20.0  # of waiting, above which times on the clock say more of other programs


@dataclass(frozen=True, kw_only=True)
class Cost:
    """`latency_ms`: from the arrival of a window's last sample to its report; the 50th, 95th and 99th percentile.
    `realtime_factor`: seconds on the clock for a second of sound, None where sound was waited for. `core_percent`: of
    one core's time, while it listens. `waited_percent`: how much of the time in which it had something to do it waited
    for other programs. Memory in MB of 1e6 bytes. Those two are None where the system does not tell."""

    model: str
    source: str
    windows: int
    sound_s: float
    hop_s: float
    latency_ms: tuple[float, float, float]
    realtime_factor: float | None
    core_percent: float
    more_models: int  # of the same kind would fit on the rest of that core
    memory_mb: float | None
    peak_memory_mb: float | None
    dropped_samples: int
    overflows: int
    waited_percent: float | None = None

    def remark(self) -> str:
        """Why the figures are not this machine's own; empty where they are."""
        if self.waited_percent is not None and self.waited_percent > BUSY_PERCENT:
            return (
                f"The machine is busy: other programs had the processor for {self.waited_percent:.0f} % of the time "
                "that listening needed it. Latency and real-time factor are theirs, too: measure when it is quiet."
            )
        if self.dropped_samples or self.overflows:
            return "Sound was lost: the machine is too busy, or too slow for this model."
        return ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Processor time for a window, in ms, of the listener and of a loop that only calls ONNX Runtime; in turns."""

    windows: int
    listener_ms: float
    bare_ms: float

    @property
    def ratio(self) -> float:
        return self.listener_ms / self.bare_ms


def sound_for(path: Path, rate_hz: int, seconds: float) -> np.ndarray:
    """The file's sound, again and again, float32 [seconds * rate_hz]."""
    return np.resize(read_audio(path, rate_hz), round(seconds * rate_hz))


def measure_recording(model: Model, name: str, sound: np.ndarray, options: Options) -> Cost:
    """Of listening to float32 [samples] at the model's rate."""
    with _listener(model, options) as listener:
        _warm_up(listener, sound)
        began = time.perf_counter()
        heard = (one for piece in _pieces(sound, listener.rate_hz) for one in listener.feed(piece))
        too_little = UsageError("no window was heard", expected="as much sound as a window", do="Give more --seconds.")
        cost = _measured(model, name, listener, heard, too_little)
        return replace(cost, realtime_factor=(time.perf_counter() - began) / cost.sound_s)


def measure_source(model: Model, source: Source, seconds: float, options: Options) -> Cost:
    """Of listening to a live source for so many seconds of its sound; its own process counts too.

    Raises DeviceError where not even a window of it came, however long that took.
    """
    with _listener(model, options) as listener, closing(arrivals([source])) as come:
        in_time = _seconds_of(come, seconds, listener.rate_hz)

        def heard() -> Iterator[Heard]:
            yield from listener.run_several(chunks_of(in_time, (), listener.rate_hz))
            come.close()  # the recording process ends, and its time is counted

        too_little = DeviceError(
            f"{source.name} gave too little sound to measure",
            do="It is muted or away, or the machine is too busy: try again, or measure a recording with --input.",
        )
        return _measured(model, source.name, listener, heard(), too_little)


def _seconds_of(come: Iterable[Arrival], seconds: float, rate_hz: int) -> Iterator[Arrival]:
    """So much of a live source's sound, with what was lost of it; what comes until patience is at its end."""
    given, give_up_s = 0, time.monotonic() + 2 * seconds + _PATIENCE_S
    for arrival in come:
        yield arrival
        given += len(arrival.chunk)
        if given + arrival.dropped >= seconds * rate_hz or time.monotonic() > give_up_s:
            return


def compare(model: Model, sound: np.ndarray, options: Options) -> Comparison:
    """The listener and a bare loop, both on the CPU, on the same windows of float32 [samples], in turns."""
    import onnxruntime

    options = replace(options, provider="cpu", require_gpu=False)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    bare = onnxruntime.InferenceSession(str(model.path), settings, providers=["CPUExecutionProvider"])
    window, hop = model.info.window_samples, options.hop_samples(model.info)
    turn = max(1, round(_TURN_S * model.info.rate_hz / hop)) * hop
    listener_s, bare_s, windows = 0.0, 0.0, 0
    with _listener(model, options) as listener:
        _warm_up(listener, sound)
        for start in range(window, len(sound) - turn + 1, turn):
            began = time.process_time()
            for piece in _pieces(sound[start : start + turn], listener.rate_hz):
                windows += sum(isinstance(one, Window) for one in listener.feed(piece))
            changed = time.process_time()
            for end in range(start + hop, start + turn + 1, hop):
                bare.run(["scores"], {"pcm": sound[None, end - window : end]})
            listener_s, bare_s = listener_s + changed - began, bare_s + time.process_time() - changed
    if not windows:
        raise UsageError("the sound is too short to compare", do="Give more --seconds.")
    listener_s, bare_s = max(_CLOCK_S, listener_s), max(_CLOCK_S, bare_s)
    return Comparison(windows=windows, listener_ms=1000 * listener_s / windows, bare_ms=1000 * bare_s / windows)


@contextmanager
def _listener(model: Model, options: Options) -> Iterator[Listener]:
    """With a journal that is thrown away."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_journal(model, Path(folder) / "journal.sqlite") as journal,
        Listener(model, journal, options) as listener,
    ):
        yield listener


def _warm_up(listener: Listener, sound: np.ndarray) -> None:
    """The first windows cost more: memory is allocated, code is loaded."""
    for _ in listener.feed(sound[: round(_WARM_UP_S * listener.rate_hz)]):
        pass


def _pieces(sound: np.ndarray, rate_hz: int) -> Iterator[np.ndarray]:
    size = round(_CHUNK_S * rate_hz)
    return (sound[start : start + size] for start in range(0, len(sound), size))


def _measured(model: Model, source: str, listener: Listener, heard: Iterable[Heard], too_little: PaceEdgeError) -> Cost:
    """`too_little`: raised where not even a window was heard."""
    counters, latencies_ms = listener.counters, []
    sound_s, cpu_s, ran_s, waited_s = counters.sound_s, _cpu_s(), *(_ran_and_waited_s() or (0.0, 0.0))
    for one in heard:
        if isinstance(one, Window):
            latencies_ms.append(1000 * counters.latency_s)
    scheduled = _ran_and_waited_s()
    sound_s, cpu_s = counters.sound_s - sound_s, max(_CLOCK_S, _cpu_s() - cpu_s)
    if not latencies_ms:
        raise too_little
    p50, p95, p99 = np.percentile(latencies_ms, [50, 95, 99]).tolist()
    now, peak = memory_mb()
    waited_percent = None
    if scheduled is not None:
        ran_s, waited_s = scheduled[0] - ran_s, scheduled[1] - waited_s
        waited_percent = 100 * waited_s / max(_CLOCK_S, ran_s + waited_s)
    return Cost(
        model=model.info.name, source=source, windows=len(latencies_ms), sound_s=sound_s,
        hop_s=listener.options.hop_samples(model.info) / listener.rate_hz, latency_ms=(p50, p95, p99),
        realtime_factor=None, core_percent=100 * cpu_s / sound_s, more_models=max(0, int(sound_s / cpu_s) - 1),
        memory_mb=now, peak_memory_mb=peak, dropped_samples=counters.dropped_samples, overflows=counters.overflows,
        waited_percent=waited_percent,
    )  # fmt: skip


def memory_mb() -> tuple[float | None, float | None]:
    """What this process holds now, and held at most, in MB of 1e6 bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return None, None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text().split()[1]) if statm.exists() else None
    return (None if pages is None else pages * resource.getpagesize() / 1e6), peak


def _cpu_s() -> float:
    """Of this process, and of its children that have ended. Not by os.times, which counts in 10 ms."""
    try:
        import resource
    except ImportError:  # Windows
        return time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _ran_and_waited_s() -> tuple[float, float] | None:
    """How long this thread has had a processor, and has waited for one; None where the system does not tell."""
    try:
        ran_ns, waited_ns, _ = Path("/proc/thread-self/schedstat").read_text().split()
    except OSError:
        return None
    return int(ran_ns) / 1e9, int(waited_ns) / 1e9
