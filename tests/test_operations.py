"""What a log of operations comes to."""

from hypothesis import given
from hypothesis import strategies as st

from pace_edge.operations import Operation, State, beginning, can_be_undone, effective, undone

KINDS = [
    "learn",
    "correct",
    "remove",
    "undo",
    "forget",
    "hide",
    "unhide",
    "rename",
    "merge",
    "purge",
    "purged",
    "reset",
]
START = beginning(["low", "high"], hidden=["high"])
names = st.sampled_from(["a", "b", "low", "high"])
logs = st.lists(
    st.builds(
        Operation, kind=st.sampled_from(KINDS), label=names, new_label=names, target=st.integers(0, 12),
        source=st.just("s"),
    ),
    max_size=14,
).map(lambda log: [Operation(**{**vars(o), "id": i}) for i, o in enumerate(log, 1)])  # fmt: skip


def log(*steps):
    """Each (kind, label) or (kind, label, target or new label)."""
    made = []
    for i, (kind, label, *more) in enumerate(steps, 1):
        extra = {("new_label" if kind == "rename" else "target"): more[0]} if more else {}
        made.append(Operation(kind=kind, id=i, label=label, **extra))
    return made


def comes_to(*steps):
    return effective(log(*steps), START)


@given(logs)
def test_any_log_comes_to_something_and_what_refers_to_nothing_changes_nothing(operations):
    state = effective(operations, START)
    learned = {o.id for o in operations if o.kind == "learn"}
    assert set(state.examples) <= learned
    assert state.built_in.keys() == START.built_in.keys()
    assert all(o.in_words() for o in operations)


@given(logs, st.integers(1, 3))
def test_undoing_is_as_if_it_had_never_been(operations, steps):
    taken = can_be_undone(operations)[:steps]
    end = len(operations)
    undo = [Operation(kind="undo", id=end + i, target=o.id) for i, o in enumerate(taken, 1)]
    gone = {o.id for o in taken}
    without = [o for o in operations if o.id not in gone and not (o.kind == "learn" and o.target in gone)]
    assert effective(operations + undo, START) == effective(without, START)


@given(logs)
def test_what_is_final_is_not_undone_nor_what_came_before_it(operations):
    final = [o.id for o in operations if o.kind in ("purge", "reset")]
    assert not undone(operations) & set(final)
    assert all(o.id > max(final, default=0) for o in can_be_undone(operations))


def test_an_example_is_called_as_it_was_last_corrected():
    assert comes_to(("learn", "a"), ("correct", "b", 1), ("correct", "c", 1)).examples == {1: "c"}


def test_an_undo_can_be_undone():
    assert comes_to(("learn", "a"), ("undo", "", 1), ("undo", "", 2)).examples == {1: "a"}


def test_a_merge_is_undone_with_all_its_examples():
    assert comes_to(("merge", ""), ("learn", "a", 1), ("learn", "b", 1), ("learn", "c"), ("undo", "", 1)).examples == {
        4: "c"
    }


def test_forgetting_takes_what_is_called_so_now():
    state = comes_to(("learn", "a"), ("learn", "b"), ("correct", "a", 2), ("correct", "c", 1), ("forget", "a"))
    assert state.examples == {1: "c"}
    assert comes_to(("forget", "low")).built_in == {"low": None, "high": "high"}
    assert comes_to(("rename", "low", "x"), ("forget", "x")).built_in["low"] is None


def test_a_forgotten_class_can_be_taught_anew():
    state = comes_to(("forget", "low"), ("learn", "low"))
    assert (state.labels, state.examples) == (["high", "low"], {2: "low"})


def test_renaming_onto_a_class_joins_them_and_what_is_taught_later_is_not_renamed():
    state = comes_to(("learn", "a"), ("learn", "b"), ("rename", "a", "b"), ("learn", "a"))
    assert state.examples == {1: "b", 2: "b", 4: "a"}
    assert comes_to(("rename", "low", "high")).labels == ["high"]


def test_a_hidden_class_stays_hidden_under_a_new_name_but_not_in_a_class_that_is_seen():
    assert comes_to(("rename", "high", "x")).hidden == {"x"}
    assert comes_to(("rename", "high", "low")).hidden == set()
    assert comes_to(("unhide", "high"), ("hide", "low")).hidden == {"low"}
    assert comes_to(("forget", "high"), ("learn", "high")).hidden == set()


def test_a_reset_is_the_beginning():
    assert comes_to(("learn", "a"), ("rename", "low", "x"), ("unhide", "high"), ("reset", "")) == START
    assert effective([], State()) == State()


def test_an_example_that_is_removed_does_not_count_and_its_class_goes_with_the_last():
    state = comes_to(("learn", "a"), ("learn", "a"), ("remove", "a", 1), ("remove", "a", 1), ("correct", "b", 1))
    assert state.examples == {2: "a"}
    assert comes_to(("learn", "a"), ("remove", "a", 1)).labels == ["low", "high"]
    assert comes_to(("learn", "a"), ("remove", "a", 1), ("undo", "", 2)).examples == {1: "a"}
