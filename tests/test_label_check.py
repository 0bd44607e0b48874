"""What a label may be, and which known one was meant."""

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.write import write_model
from pace_edge.errors import ModelFileError, PaceEdgeError, UsageError
from pace_edge.label_check import checked_label, nearest, same_form, tidied_label
from pace_edge.model_file import ModelInfo, open_model, read_model
from pace_edge.operations import Operation, State, effective
from tests.journals import embeddings, examples, open_journal
from tests.synthetic import with_info

any_text = st.text(max_size=120)


@pytest.mark.parametrize(
    "label",
    ["", "   ", "x" * 101, "a\x00b", "\x1b[31mred", "a\u202eb", "a\u200bb", "a\u2066b\u2069", "\ufeffa", "a\u00adb",
     "a\u3164", "a\u2800b", "\u0301a", "\ud800"],
)  # fmt: skip
def test_a_label_that_nobody_can_read_or_write_is_refused(label):
    with pytest.raises(UsageError, match="cannot be used") as refused:
        checked_label(label)
    assert str(refused.value).isprintable()  # it is shown on a terminal


def test_white_space_in_a_label_is_tidied_and_an_emoji_is_a_label():
    assert checked_label("  front \n door ") == "front door"
    assert checked_label("\u26c8\ufe0f storm") == checked_label("\u26c8 storm") == "\u26c8 storm"


def test_two_labels_that_look_the_same_are_one():
    assert checked_label("caf\u00e9") == checked_label("cafe\u0301") == "caf\u00e9"


@given(any_text)
def test_a_label_that_was_checked_is_a_label_and_stays_as_it_is(text):
    try:
        label = tidied_label(text)
    except UsageError:
        return
    assert tidied_label(label) == label == unicodedata.normalize("NFC", label)
    assert label.isprintable()
    assert 1 <= len(label) <= 100


@pytest.mark.parametrize("label", ["unknown", "Unknown", "UNKNOWN", "\uff55nknown"])
def test_a_reserved_name_is_refused_unless_the_model_has_such_a_class(label):
    with pytest.raises(UsageError, match="another name"):
        checked_label(label)
    assert checked_label(label, ["unknown"]) == label
    assert tidied_label(label) == label


@pytest.mark.parametrize("label", ["Dog_bark", "dog bark", "DOG-BARK", "dog  bark", "\uff44og_bark"])
def test_case_separators_and_wide_letters_are_form_only(label):
    assert same_form(label, ["cat", "dog_bark"]) == "dog_bark"


@pytest.mark.parametrize("label", ["dog_bark", "dogbark", "dog", "dog_bark_2", "hund"])
def test_the_same_label_and_another_are_no_other_form(label):
    assert same_form(label, ["cat", "dog_bark"]) is None


@given(any_text, st.lists(any_text, max_size=6))
def test_what_is_meant_is_one_of_the_known(label, known):
    near, same = nearest(label, known), same_form(label, known)
    assert near in [*known, None]
    assert same in [*known, None]
    assert same is None or (same != label and near == same)


@pytest.mark.parametrize(("label", "meant"), [("wnid", "wind"), ("dorbell", "doorbell"), ("Doorbell", "doorbell"),
                                              ("bark", "dog_bark"), ("quux", None)])  # fmt: skip
def test_a_slip_of_the_fingers_finds_what_was_meant(label, meant):
    assert nearest(label, ["dog_bark", "doorbell", "wind"]) == meant


def test_an_older_journal_s_labels_that_look_the_same_are_one_class(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        journal.add("caf\u00e9", embeddings(), source="x")
        with journal.deciding():  # as a version wrote it that took a label as it came
            journal._append(Operation(kind="learn", label="cafe\u0301", source="x"), embeddings())
        assert effective(journal.operations(), State()).labels == ["caf\u00e9"]
        assert [e.label for e in examples(journal)] == ["caf\u00e9"] * 2
        assert journal.damage() == []


def test_a_model_file_says_its_labels_composed_and_refuses_those_that_nobody_sees(small_model, tmp_path):
    named = with_info(small_model, tmp_path / "nfd.onnx", labels=["cafe\u0301", "high", "background"])
    assert read_model(named).info.labels[0] == "caf\u00e9"
    assert read_model(named).classifier.labels[0] == "caf\u00e9"
    for labels, why in ((["\x1b[31m", "high", "background"], "nobody sees"), (["high", "high", "background"], "same")):
        with pytest.raises(ModelFileError, match=why):
            read_model(with_info(small_model, tmp_path / "bad.onnx", labels=labels))


def test_a_model_of_a_class_that_nobody_sees_is_not_written(small_model, tmp_path):
    model = open_model(small_model)
    info = replace(ModelInfo.from_metadata(model.metadata), labels=("a\u202eb", "high", "background"))
    with pytest.raises(PaceEdgeError, match=r"class 'a\\u202eb' has characters that nobody sees"):
        write_model(tmp_path / "new.onnx", model.proto, info, {})
    assert not (tmp_path / "new.onnx").exists()


def test_a_journal_takes_no_label_by_any_of_its_doors_that_nobody_can_write(tmp_path):
    with open_journal(tmp_path / "j") as journal:
        id = journal.add(" a ", embeddings(), source="x").id
        for write in (
            lambda: journal.add("\x1b", embeddings(), source="x"), lambda: journal.append("correct", "\n", target=id),
            lambda: journal.append("rename", "a", new_label="x" * 101),
        ):  # fmt: skip
            with pytest.raises(UsageError):
                write()
        assert [(o.kind, o.label) for o in journal.operations()] == [("learn", "a")]
