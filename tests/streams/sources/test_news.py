"""Words about a source are rate-limited, and the last word is never lost."""

from hypothesis import given
from hypothesis import strategies as st

from streams.heard import SourceState
from streams.sources.news import News


def state(name, words=""):
    return SourceState("microphone", name, words, 0.0)


def test_the_same_state_is_told_once_a_minute_and_the_latest_words_win():
    news = News(every_s=60)
    for second in range(0, 130):
        news.tell(state("waiting", f"at {second}"), second)
    assert [told.words for told in news.read(130)] == ["at 0", "at 60", "at 120"]
    assert news.read(170) == []
    assert [told.words for told in news.read(180)] == ["at 129"]


def test_other_states_are_told_at_once():
    news = News(every_s=60)
    for second, name in enumerate(["gone", "waiting", "healthy"]):
        news.tell(state(name), second)
    assert [told.state for told in news.read(3)] == ["gone", "waiting", "healthy"]
    assert news.read(3) == []


@given(st.lists(st.tuples(st.floats(0, 50), st.sampled_from(["gone", "waiting", "healthy"])), min_size=1))
def test_a_loose_contact_fills_no_log_and_its_last_state_is_known_in_the_end(changes):
    news, now, read = News(every_s=60), 0.0, []
    for later_s, name in changes:
        now += later_s
        news.tell(state(name), now)
        read += [(now, told.state) for told in news.read(now)]
    assert len(read) <= 3 * (now // 60 + 1)
    read += [(now + 60, told.state) for told in news.read(now + 60)]
    assert read[-1][1] == changes[-1][1]


def test_news_that_nobody_reads_do_not_pile_up():
    news = News(every_s=0)
    for second in range(1000):
        news.tell(state("gone", str(second)), second)
    assert [told.words for told in news.read(1000)] == [str(second) for second in range(900, 1000)]
