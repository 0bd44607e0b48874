"""Clips come from disk in order, a few at a time, and alike from every process; errors come as they are; none stays."""

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from pace_edge.adapt.data import Clip
from pace_edge.adapt.loading import AHEAD, ClipPCM, batches, check_clips
from pace_edge.adapt.watch import Watch
from pace_edge.errors import AudioError, PaceEdgeError
from tests.adapt.small import write_clips
from tests.synthetic import RATE_HZ
from tests.waiting import PATIENCE_S

HALF_SECOND = {"rate_hz": RATE_HZ, "seconds": 0.5}
ROWS = [torch.tensor(row, dtype=torch.int64) for row in ([3, 0], [], [1], [2, 2, 0])]

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores


@pytest.fixture
def clips(tmp_path) -> list[Clip]:
    return write_clips(tmp_path, classes=2, per_class=2)


@pytest.fixture
def damaged(clips) -> list[Clip]:
    """Clip 1 is no audio, clip 2 is absent."""
    clips[1].path.write_bytes(b"not a wave")
    clips[2].path.unlink()
    return clips


def test_a_clip_is_cut_or_padded_around_its_middle(tmp_path):
    ramp = np.linspace(0.1, 0.2, RATE_HZ)
    soundfile.write(tmp_path / "a.wav", ramp, RATE_HZ, subtype="FLOAT")
    clips = [Clip(tmp_path / "a.wav", "a", 1, "g")]
    short, same, long = (ClipPCM(clips, rate_hz=RATE_HZ, seconds=s)[0].numpy() for s in (0.5, 1.0, 2.0))
    assert np.allclose(short, ramp[RATE_HZ // 4 : RATE_HZ * 3 // 4], atol=1e-6)
    assert np.allclose(same, ramp, atol=1e-6)
    assert np.allclose(long[RATE_HZ // 2 : RATE_HZ * 3 // 2], ramp, atol=1e-6)
    assert not long[: RATE_HZ // 2].any()
    assert not long[RATE_HZ * 3 // 2 :].any()


def test_a_clip_of_another_rate_is_resampled(tmp_path):
    t = np.arange(44100) / 44100
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * t), 44100)
    pcm = ClipPCM([Clip(tmp_path / "a.wav", "a", 1, "g")], rate_hz=RATE_HZ, seconds=1.0)[0]
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE_HZ) / RATE_HZ)
    assert np.abs(pcm.numpy() - wanted)[1000:-1000].max() < 1e-3


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_are_the_clips_in_the_order_that_was_asked_for(clips, workers):
    pcm = ClipPCM(clips, **HALF_SECOND)
    got = list(batches(clips, ROWS, workers=workers, **HALF_SECOND))
    assert [batch.shape for batch in got] == [(len(row), RATE_HZ // 2) for row in ROWS]
    for batch, row in zip(got, ROWS, strict=True):
        assert batch.dtype == torch.float32
        assert all(torch.equal(samples, pcm[i]) for samples, i in zip(batch, row, strict=True))
    assert not multiprocessing.active_children()


def test_no_rows_are_no_batches(clips):
    assert list(batches(clips, [], workers=2, **HALF_SECOND)) == []


@pytest.mark.parametrize("workers", [0, 1])
def test_loading_draws_nothing_from_the_global_generator(clips, workers):
    before = torch.get_rng_state()
    list(batches(clips, ROWS, workers=workers, **HALF_SECOND))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_clip_raises_its_own_error_when_its_batch_is_due(damaged, workers):
    iterator = batches(damaged, [torch.tensor([0, 3]), torch.tensor([0, 1])], workers=workers, **HALF_SECOND)
    assert len(next(iterator)) == 2
    with pytest.raises(AudioError) as direct:
        ClipPCM(damaged, **HALF_SECOND)[1]
    with pytest.raises(AudioError) as raised:
        next(iterator)
    assert str(raised.value) == str(direct.value)
    assert len(traceback.format_exception(raised.value)) == len(raised.traceback) + 2  # and no cause before it
    assert not multiprocessing.active_children()  # though the traceback is held


def test_workers_read_paths_from_the_folder_that_is_current(clips, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = [Clip(Path(clip.path.name), clip.label, clip.fold, clip.group) for clip in clips]
    (batch,) = batches(here, [torch.tensor([1])], workers=1, **HALF_SECOND)
    assert torch.equal(batch[0], ClipPCM(clips, **HALF_SECOND)[1])


def test_workers_end_with_an_iterator_that_is_dropped_half_way(clips):
    iterator = batches(clips, ROWS * 50, workers=2, **HALF_SECOND)
    next(iterator)
    assert len(multiprocessing.active_children()) == 2
    del iterator
    assert not multiprocessing.active_children()


def test_workers_are_no_more_than_a_few_batches_ahead(clips):
    iterator = batches(clips, [torch.tensor([0])] * 40, workers=2, **HALF_SECOND)
    next(iterator)
    time.sleep(0.3)  # they could read all of them
    clips[0].path.unlink()
    ready = 0
    with pytest.raises(AudioError, match="no such audio file"):
        for _ in iterator:
            ready += 1
    assert ready <= 2 * AHEAD


@pytest.fixture
def streaming(clips):
    """A stream of one clip again and again, and its worker."""
    iterator = batches(clips, [torch.tensor([0])] * 100, workers=1, **HALF_SECOND)
    next(iterator)
    (worker,) = multiprocessing.active_children()
    return iterator, worker


def test_a_worker_that_is_killed_is_an_error_and_not_a_wait(streaming, monkeypatch):
    monkeypatch.setattr(_MultiProcessingDataLoaderIter._try_get_data, "__defaults__", (0.1,))  # not only every 5 s
    iterator, worker = streaming
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(PaceEdgeError, match=r"a process that decodes clips has died.*fewer workers"):
        list(iterator)
    assert not multiprocessing.active_children()


def test_shared_memory_that_runs_out_is_said(streaming):
    iterator, worker = streaming
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (1000, 1000))  # bytes; shared memory is a file
    with pytest.raises(PaceEdgeError, match=r"no shared memory for a batch of clips.*expected 0\.032 MB.*--shm-size"):
        list(iterator)


SCRIPT = """
import sys
from pathlib import Path
import torch
print("begins")
torch.randn(300, 300) @ torch.randn(300, 300)  # torch's threads are there
from pace_edge.adapt.data import read_clips
from pace_edge.adapt.loading import batches
rows = torch.arange(4).split(2)
for batch in batches(read_clips(Path(sys.argv[1])), rows, rate_hz=16000, seconds=0.5, workers=2):
    print(tuple(batch.shape))
next(batches(read_clips(Path(sys.argv[1])), rows, rate_hz=16000, seconds=0.5, workers=2))
"""


SLOWLY = """
import threading, time
from multiprocessing import queues, synchronize
unlink, feed = synchronize.sem_unlink, queues.Queue._feed
def slowly_unlink(name):
    unlink(name)
    if threading.current_thread() is not threading.main_thread():
        time.sleep(3)
def slowly_feed(*words):
    feed(*words)
    time.sleep(0.005)
synchronize.sem_unlink, queues.Queue._feed = slowly_unlink, staticmethod(slowly_feed)
"""


@pytest.mark.parametrize("before", ["", SLOWLY], ids=["", "although its threads are kept waiting"])
def test_a_script_needs_no_main_guard_and_ends_clean(clips, tmp_path, before):
    script = tmp_path / "script.py"
    script.write_text(before + SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONWARNINGS": "error,ignore:This DataLoader will create"}
    done = subprocess.run(
        [sys.executable, script, tmp_path], capture_output=True, text=True, timeout=PATIENCE_S, env=environment
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "begins\n(2, 8000)\n(2, 8000)\n", "")


def test_pinned_batches_are_page_locked(clips):
    if torch.cuda.is_available():
        assert all(batch.is_pinned() for batch in batches(clips, ROWS[:1], pin=True, **HALF_SECOND))
    else:
        with pytest.warns(UserWarning, match="pin"):
            list(batches(clips, ROWS[:1], pin=True, **HALF_SECOND))


class Told(Watch):
    def __init__(self):
        self.said = []

    def say(self, sentence):
        self.said.append(sentence)


def check(clips, *, skip):
    watch = Told()
    return check_clips(clips, rate_hz=RATE_HZ, skip_unreadable=skip, watch=watch), watch.said


def test_readable_clips_pass_in_their_order(clips):
    assert check(clips, skip=False) == check(clips, skip=True) == (clips, [])


def test_unreadable_clips_are_named_all_at_once(damaged):
    with pytest.raises(PaceEdgeError) as raised:
        check(damaged, skip=False)
    message = str(raised.value)
    assert message.startswith(f"2 of 4 clips cannot be read: (1) cannot read {damaged[1].path} as audio")
    assert f"(2) no such audio file: {damaged[2].path}. Check the path. --skip-unreadable leaves them out." in message


def test_of_many_unreadable_clips_the_first_are_named(damaged):
    with pytest.raises(PaceEdgeError, match=r"6 of 12 clips .*\(3\).* And 3 more\. --skip") as raised:
        check(damaged * 3, skip=False)
    assert "(4)" not in str(raised.value)


def test_unreadable_clips_are_left_out_on_request_and_each_is_said(damaged):
    readable, said = check(damaged, skip=True)
    assert readable == [damaged[0], damaged[3]]
    assert [str(damaged[i].path) in line for i, line in zip((1, 2), said, strict=True)] == [True, True]
    assert all(line.startswith("left out: ") for line in said)


@pytest.mark.parametrize("samples", [np.zeros(0), np.array([0.1, np.nan]), np.array([0.0, 300.0])])
def test_a_clip_that_is_empty_or_no_sound_is_unreadable(clips, samples):
    soundfile.write(clips[1].path, samples, RATE_HZ, subtype="FLOAT")
    assert check(clips, skip=True)[0] == [clips[0], clips[2], clips[3]]


def test_a_class_that_loses_all_its_clips_is_an_error(damaged):
    damaged[3].path.unlink()
    with pytest.raises(PaceEdgeError, match=r"class 'tone1' has no readable clip.* got 2 unreadable"):
        check(damaged, skip=True)
