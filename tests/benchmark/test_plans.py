"""A plan is drawn once, written down so that it can be read, and kept to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pace_edge.adapt.sessions import read_plan
from pace_edge.benchmark.plans import kept_plan, plan_text
from pace_edge.benchmark.sets import find_set
from pace_edge.errors import PaceEdgeError
from tests.adapt.small import write_clips

LABELS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=6)


@given(groups=st.lists(st.lists(LABELS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_every_label_survives_being_written_down(tmp_path_factory, groups):
    path = tmp_path_factory.getbasetemp() / "plan.txt"
    path.write_text(plan_text(groups, "a title"), encoding="utf-8")
    assert read_plan(path) == [tuple(group) for group in groups]


def plan_of(folder, plans, order=0, fold=1, writes=True):
    return kept_plan(find_set(str(folder)), write_clips(folder, classes=4), order, fold, plans, writes=writes)


def test_a_plan_is_drawn_from_the_orders_seed_and_then_kept_to(tmp_path):
    drawn = plan_of(tmp_path, tmp_path / "plans")
    assert plan_of(tmp_path, tmp_path / "others") == drawn
    assert plan_of(tmp_path, tmp_path / "plans", order=1) != drawn
    (path,) = (tmp_path / "others").iterdir()
    path.write_text("tone3, tone2, tone1\n")  # a person's own, without tone0
    assert plan_of(tmp_path, tmp_path / "others") == (("tone3", "tone2", "tone1"),)


def test_only_one_process_writes_it(tmp_path):
    plan_of(tmp_path, tmp_path / "plans", writes=False)
    assert not (tmp_path / "plans").exists()


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "plans").write_text("a file")
    with pytest.raises(PaceEdgeError, match=r"the plan .*order0\.txt cannot be written"):
        plan_of(tmp_path, tmp_path / "plans")


def test_a_plan_that_does_not_fit_the_clips_is_an_error(tmp_path):
    plan_of(tmp_path, tmp_path / "plans")
    (path,) = (tmp_path / "plans").iterdir()
    path.write_text("tone0, tone9\n")
    with pytest.raises(PaceEdgeError, match="class 'tone9' has no clips"):
        plan_of(tmp_path, tmp_path / "plans")
