"""Every announcement counts once, as what it is: found, again, wrong or nowhere; every sound is found or missed."""

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.matching import Announced, Played, match

DOG, RAIN = Played("dog", 10.0, 12.0), Played("rain", 30.0, 35.0)


def test_a_sound_is_found_from_its_onset_on_until_no_window_touches_it():
    for at_s, found in ((10.0, False), (10.5, True), (13.5, True), (14.0, False)):
        matched = match([DOG], [Announced("dog", at_s)], window_s=2.0)
        assert (matched.delay_s[0] is not None) == found
        assert bool(matched.nowhere) != found
    assert match([DOG], [Announced("dog", 11.5)], window_s=2.0).delay_s == (1.5,)


def test_a_second_announcement_of_a_sound_is_neither_found_twice_nor_invented():
    twice = [Announced("rain", 34.0), Announced("rain", 31.0)]
    matched = match([DOG, RAIN], twice, window_s=2.0)
    assert matched.delay_s == (None, 1.0)
    assert matched.again == (twice[0],)
    assert not matched.wrong and not matched.nowhere


def test_another_name_during_a_sound_is_wrong_and_does_not_find_it():
    matched = match([DOG, RAIN], [Announced("dog", 32.0), Announced("dog", 20.0)], window_s=2.0)
    assert matched.delay_s == (None, None)
    assert matched.wrong == ((RAIN, Announced("dog", 32.0)),)
    assert matched.nowhere == (Announced("dog", 20.0),)


def test_two_sounds_of_a_name_in_one_window_are_found_by_two_announcements():
    near = [Played("dog", 10.0, 10.5), Played("dog", 11.0, 11.5)]
    matched = match(near, [Announced("dog", 11.5), Announced("dog", 12.0)], window_s=2.0)
    assert matched.delay_s == (1.5, 1.0)


LABELS = st.sampled_from(["dog", "rain", "yes"])
TIMES = st.floats(0, 60)


@given(
    played=st.lists(
        st.builds(lambda label, a, n: Played(label, a, a + n), LABELS, TIMES, st.floats(0.1, 5)), max_size=5
    ),
    announced=st.lists(st.builds(Announced, LABELS, TIMES), max_size=8),
)
def test_every_announcement_counts_once(played, announced):
    matched = match(played, announced, window_s=2.0)
    found = sum(delay is not None for delay in matched.delay_s)
    assert len(matched.delay_s) == len(played)
    assert found + len(matched.again) + len(matched.wrong) + len(matched.nowhere) == len(announced)
    assert all(delay is None or delay > 0 for delay in matched.delay_s)
