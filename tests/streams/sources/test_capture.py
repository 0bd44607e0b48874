"""The recording process's ring: the callback only copies, never waits, never raises; what is lost is counted."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.errors import DeviceError
from streams.sources.capture import Ring, _open, _pass_on
from streams.sources.devices import InputDevice

FINE, OVERFLOW = SimpleNamespace(input_overflow=False), SimpleNamespace(input_overflow=True)


def test_the_block_is_copied():
    ring, block = Ring(100), bytearray(b"1234")
    ring.on_block(block, 1, None, FINE)
    block[:] = b"5678"  # as PortAudio does
    assert ring.get().pcm == b"1234"


def test_overflows_of_the_sound_system_are_counted():
    ring = Ring(100)
    for status in (FINE, OVERFLOW, FINE, OVERFLOW):
        ring.on_block(b"1234", 1, None, status)
    assert [ring.get().overflows for _ in range(4)] == [0, 1, 1, 2]


def test_a_fault_in_the_callback_reaches_the_reader_behind_the_sound_before_it():
    ring, sent = Ring(100), []
    ring.on_block(b"1234", 1, None, FINE)
    ring.on_block(None, 1, None, FINE)
    out = SimpleNamespace(write=lambda message: sent.append(message) or len(message))
    with pytest.raises(TypeError):
        _pass_on(out, ring, lambda: "")
    assert sent[0].endswith(b"1234")


def test_a_stopped_stream_is_said():
    with pytest.raises(DeviceError, match="it stopped"):
        _pass_on(SimpleNamespace(write=len), Ring(1), lambda: "it stopped")


@given(st.lists(st.one_of(st.integers(1, 40), st.none()), max_size=200))
def test_nothing_is_lost_uncounted_and_the_ring_is_bounded(steps):
    """A number is a block of so many frames, None that the reader takes one."""
    ring, put, got, waiting = Ring(100), 0, 0, 0
    for frames in steps:
        if frames is not None:
            ring.put(bytes(4 * frames), frames)
            put += frames
        elif waiting:
            piece = ring.get()
            got += piece.frames
            assert piece.lost_frames <= ring.lost_frames
        waiting = put - got - ring.lost_frames
        assert 0 <= waiting <= 100
    while got + ring.lost_frames < put:
        got += ring.get().frames
    assert got + ring.lost_frames == put


class Card:
    """PortAudio with a sound card that takes one rate and one channel count."""

    class PortAudioError(Exception):
        pass

    def __init__(self, rate_hz, channels):
        self.takes, self.tried = (rate_hz, channels), []

    def RawInputStream(self, *, samplerate, channels, **_):
        self.tried.append((samplerate, channels))
        if (samplerate, channels) != self.takes:
            raise self.PortAudioError(f"Invalid sample rate {samplerate} or channels {channels}", -9997)
        return SimpleNamespace(samplerate=samplerate, channels=channels, start=lambda: None)


def opened(card, channels, channel=None):
    device = InputDevice(index=0, name="USB", channels=channels, rate_hz=48000, default=True)
    stream, _ = _open(card, device, 16000, channel, 10.0)
    return stream.samplerate, stream.channels


def test_a_device_opens_at_the_models_rate_with_all_its_channels_if_it_can():
    assert opened(Card(16000, 2), channels=2) == (16000, 2)


@pytest.mark.parametrize("takes", [(48000, 2), (48000, 1), (44100, 2)])
def test_a_device_that_refuses_the_models_rate_opens_at_one_it_takes(takes):
    assert opened(Card(*takes), channels=2) == takes


def test_a_sound_server_mixes_its_many_channels_itself():
    assert opened(Card(16000, 1), channels=32) == (16000, 1)


def test_a_chosen_channel_opens_no_more_than_it_must():
    assert opened(Card(16000, 3), channels=6, channel=3) == (16000, 3)
    assert opened(Card(16000, 6), channels=6, channel=3) == (16000, 6)


def test_a_channel_that_is_not_there_is_told():
    with pytest.raises(DeviceError, match=r"'USB' \(device 0\) has no channel 3: expected 1 to 2"):
        opened(Card(16000, 2), channels=2, channel=3)


def test_a_device_that_comes_back_half_is_not_opened_at_a_rate_that_it_only_takes_now():
    class HalfThere(Card):
        def RawInputStream(self, *, samplerate, channels, **_):
            if not self.tried:
                self.tried.append((samplerate, channels))
                raise self.PortAudioError("Unanticipated host error", -9999, (0, -5, "Input/output error"))
            return super().RawInputStream(samplerate=samplerate, channels=channels)

    device = InputDevice(index=0, name="USB", channels=2, rate_hz=48000, default=True)
    card = HalfThere(48000, 2)
    with pytest.raises(DeviceError, match="Unanticipated host error"):
        _open(card, device, 16000, None, 10.0, was_open=True)
    assert card.tried == [(16000, 2)]
    stream, _ = _open(card, device, 16000, None, 10.0, was_open=True)  # a refused rate is another matter
    assert stream.samplerate == 48000


def test_a_device_that_takes_nothing_is_told_with_the_first_reason():
    with pytest.raises(DeviceError, match=r"cannot be opened \(.*Invalid sample rate 16000 or channels 2"):
        opened(Card(0, 0), channels=2)
