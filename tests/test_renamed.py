"""What a person meant by a name is found under what it is called now: settings follow a class."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pace_edge.operations import Operation, beginning, effective
from tests.test_operations import START, comes_to, log, logs, names


def means(name, *steps):
    return comes_to(*steps).names_now([name])[name]


@given(logs, names)
def test_a_name_means_a_class_that_there_is_or_itself(operations, name):
    state = effective(operations, START)
    now = state.names_now([name])[name]
    assert now == name or (name not in state.labels and state.renamed[name] == now)
    assert not any(old == new for old, new in state.renamed.items())


@given(logs)
def test_a_name_that_is_a_class_means_that_class(operations):
    state = effective(operations, START)
    assert state.names_now(state.labels) == {label: label for label in state.labels}
    assert state.by_label({label: place for place, label in enumerate(state.labels)}) == {
        label: place for place, label in enumerate(state.labels)
    }


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=12))
def test_every_class_is_found_by_every_name_that_it_had_and_no_other_took_since(renames):
    """The truth beside the fold: each class is a thing that carries its names."""
    called = {label: label for label in "abc"}  # thing to name
    meant = {label: label for label in "abc"}  # name to the thing that had it last
    done = []
    for old, new in renames:
        if old in called.values() and new not in called.values():
            thing = next(thing for thing, name in called.items() if name == old)
            called[thing], meant[new] = new, thing
            done.append(("rename", old, new))
    state = effective(log(*done), beginning("abc"))
    assert state.names_now(meant) == {name: called[thing] for name, thing in meant.items()}


@given(logs, st.integers(1, 4))
def test_what_was_undone_leaves_every_name_at_its_class(operations, steps):
    """What a name meant before it means again, and what was set under a name of meanwhile is the same class's."""
    before, first = effective(operations, START), 100  # no operation refers to a later one
    given = [(before.labels or ["low"])[0], *(f"new{i}" for i in range(1, steps + 1))]
    renames = [
        Operation(kind="rename", id=first + i, label=old, new_label=new) for i, (old, new) in enumerate(pairwise(given))
    ]
    undo = [Operation(kind="undo", id=first + steps + i, target=o.id) for i, o in enumerate(reversed(renames))]
    after = effective([*operations, *renames, *undo], START)
    assert after == before
    assert after.names_now(before.renamed) == before.names_now(before.renamed)
    if given[0] in before.labels:
        assert set(after.names_now(given).values()) == {given[0]}


def test_a_name_follows_its_class_through_renames_and_back_by_undo():
    steps = [("learn", "a"), ("rename", "a", "b"), ("rename", "b", "c")]
    assert means("a", *steps) == means("b", *steps) == "c"
    assert means("a", *steps, ("undo", "", 3)) == "b"
    assert means("c", *steps, ("undo", "", 3)) == "b"  # what was set while it was called so
    assert means("b", *steps, ("undo", "", 3), ("undo", "", 2)) == "a"


def test_a_name_that_is_a_class_again_means_the_new_class():
    steps = [("learn", "a"), ("rename", "a", "b"), ("learn", "a")]
    assert means("a", *steps) == "a"
    assert means("a", *steps, ("undo", "", 3)) == "b"
    assert means("a", *steps, ("forget", "a")) == "b"
    assert means("a", ("rename", "low", "x"), ("rename", "high", "low")) == "a"
    assert means("low", ("rename", "low", "x"), ("rename", "high", "low")) == "low"


def test_a_class_that_joins_another_takes_that_one_s_settings():
    steps = [("learn", "a"), ("learn", "b"), ("rename", "a", "b")]
    assert means("a", *steps) == "a"  # which is no class
    assert means("a", *steps, ("undo", "", 3)) == "a"
    assert comes_to(*steps).by_label({"a": 0.9, "b": 0.5})["b"] == 0.5
    assert "b" not in comes_to(*steps).by_label({"a": 0.9})


def test_a_forgotten_class_and_its_undo_leave_all_as_it_was():
    steps = [("learn", "a"), ("rename", "a", "b")]
    assert means("a", *steps, ("forget", "b"), ("undo", "", 3)) == "b"
    assert means("a", *steps, ("forget", "b"), ("learn", "b")) == "b"
    assert means("a", *steps, ("forget", "b"), ("rename", "low", "b")) == "a"  # low is not what was meant


def test_of_two_names_of_one_class_its_own_goes_first_then_the_last():
    state = comes_to(("learn", "a"), ("rename", "a", "b"), ("rename", "b", "c"))
    assert state.by_label({"a": 1, "b": 2, "x": 3}) == {"c": 2, "x": 3}
    assert state.by_label({"c": 4, "b": 2, "a": 1}) == {"c": 4}


def test_to_rename_a_class_as_it_is_called_changes_nothing():
    assert comes_to(("rename", "high", "high")) == START  # where it was hidden
    assert comes_to(("rename", "high", "high")).renamed == {}
