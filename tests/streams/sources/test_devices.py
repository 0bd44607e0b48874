"""Which device a person means, and which one is the same as before."""

from types import SimpleNamespace

import pytest

from pace_edge.errors import DeviceError
from streams.sources.devices import InputDevice, choose_device, find_again, list_devices, remember


def device(index, name, *, default=False):
    return InputDevice(index=index, name=name, channels=1, rate_hz=48000, default=default)


USB, BUILT_IN, USB_2 = device(3, "USB PnP"), device(0, "Built-in", default=True), device(5, "USB PnP 2")
DEVICES = [USB, BUILT_IN, USB_2]


@pytest.mark.parametrize(
    ("wanted", "chosen"), [(None, BUILT_IN), (5, USB_2), ("built", BUILT_IN), ("usb pnp", USB), ("pnp 2", USB_2)]
)
def test_a_device_is_chosen_by_default_number_or_name(wanted, chosen):
    assert choose_device(wanted, DEVICES) == chosen


def test_without_a_default_the_first_device_is_taken():
    assert choose_device(None, [USB, USB_2]) == USB


@pytest.mark.parametrize(("wanted", "words"), [(4, "with number 4"), ("webcam", "called 'webcam'")])
def test_an_unknown_device_is_answered_with_the_list(wanted, words):
    with pytest.raises(DeviceError, match=rf"no microphone {words}; there is 'USB PnP' \(device 3\), 'Built-in'"):
        choose_device(wanted, DEVICES)


def test_a_name_that_means_two_devices_is_not_guessed():
    with pytest.raises(DeviceError, match=r"more than one microphone called 'usb': .*device 3.*device 5.* number"):
        choose_device("usb", DEVICES)


GARDEN, CELLAR = device(2, "USB PnP: Audio (hw:1,0)"), device(3, "USB PnP: Audio (hw:2,0)")


def test_a_device_is_found_again_under_another_number():
    back = device(7, "USB PnP: Audio (hw:4,0)")
    assert find_again(remember(GARDEN, [BUILT_IN, GARDEN]), [BUILT_IN, back]) == back


def test_of_two_of_a_kind_the_other_is_never_taken_for_the_one_that_is_gone():
    known = remember(GARDEN, [GARDEN, CELLAR])
    with pytest.raises(DeviceError, match=r"'USB PnP: Audio \(hw:1,0\)' is not there"):
        find_again(known, [BUILT_IN, CELLAR])
    assert find_again(known, [CELLAR, GARDEN]) == GARDEN


def test_the_rates_that_a_device_takes_are_listed():
    class PortAudioError(Exception):
        pass

    def check_input_settings(*, samplerate, **_):
        if samplerate < 44100:
            raise PortAudioError

    portaudio = SimpleNamespace(
        PortAudioError=PortAudioError, check_input_settings=check_input_settings,
        default=SimpleNamespace(device=[1, 0]),
        query_devices=lambda: [
            {"index": 0, "name": "speaker", "max_input_channels": 0, "default_samplerate": 48000.0},
            {"index": 1, "name": "USB", "max_input_channels": 2, "default_samplerate": 48000.0},
        ],
    )  # fmt: skip
    (found,) = list_devices(portaudio, rates=True)
    assert found == InputDevice(1, "USB", channels=2, rate_hz=48000, default=True, rates_hz=(44100, 48000))
    assert list_devices(portaudio)[0].rates_hz == ()
