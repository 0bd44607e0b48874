"""Names for topics and ids are safe and tell classes apart."""

import re

from hypothesis import given
from hypothesis import strategies as st

from streams.sinks.home_assistant import Topics, discovery, slug


@given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))
def test_slugs_are_safe_in_topics_and_differ_where_the_texts_do(one, other):
    assert re.fullmatch(r"[a-z0-9_-]{1,49}", slug(one))
    assert (slug(one) == slug(other)) == (one == other)


def test_a_plain_name_stays_as_it_is_and_any_other_can_be_recognised():
    assert slug("dog") == "dog"
    assert slug("crying_baby") == "crying_baby"
    assert slug("Türklingel").startswith("turklingel_")


def test_every_class_is_a_component_with_an_id_of_its_own():
    device = discovery(Topics("base", "attic"), ["a b", "a_b", "A B"], device_name="ear", version="1")
    ids = [component["unique_id"] for component in device["components"].values()]
    assert len(set(ids)) == 3
    assert [component["name"] for component in device["components"].values()] == ["a b", "a_b", "A B"]
