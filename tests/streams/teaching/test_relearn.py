"""After a change of backbone the recordings that are there teach the new model."""

import numpy as np
import pytest
import soundfile

from pace_edge.errors import UsageError
from pace_edge.model_file import read_model
from pace_edge.operations import beginning
from streams.configuration.place import journal_path
from streams.listening.learner import Learner, open_journal
from streams.teaching.relearn import relearn
from streams.teaching.teach import Teacher
from tests.synthetic import RATE_HZ, tone, with_info


@pytest.fixture
def new_model(small_model, tmp_path):
    """The same name, another file."""
    return read_model(with_info(small_model, tmp_path / "new.onnx", licence="another"))


@pytest.fixture
def taught(small_model, tmp_path):
    rng = np.random.default_rng(3)
    for name in ("ring", "gone", "changed"):
        soundfile.write(tmp_path / f"{name}.wav", tone(900, 1, rng=rng), RATE_HZ)
    with Teacher(small_model) as teacher:
        for name in ("ring", "gone", "changed"):
            teacher.learn_file("bell", tmp_path / f"{name}.wav")
        teacher.learn_clip("hum", tone(500, 2, rng=rng), source="microphone", keep_audio=True)
        teacher.learn_clip("hum", tone(500, 1, rng=rng), source="heard")
        teacher.rename("low", "deep")
        teacher.forget("high")
        teacher.hide("hum")
    (tmp_path / "gone.wav").unlink()
    soundfile.write(tmp_path / "changed.wav", tone(300, 1, rng=rng), RATE_HZ)
    return tmp_path


def test_what_has_a_recording_is_learned_again_and_what_has_none_is_named(new_model, taught):
    done = relearn(new_model)
    assert (done.learned, done.known, done.lost) == (2, 0, {"bell": 2, "hum": 1})
    assert [any(word in reason for reason in done.reasons) for word in ("gone.wav", "changed.wav", "no recording")] == [
        True, True, True,
    ]  # fmt: skip
    assert journal_path(new_model) == done.journal  # which is found from now on
    with open_journal(new_model) as journal:
        learner = Learner(new_model, journal)
        assert sorted(learner.state.examples.values()) == ["bell", "hum"]
        assert learner.state.built_in == {"low": "deep", "high": None, "background": "background"}
        assert learner.state.hidden == {"hum"}


def test_twice_is_as_good_as_once_and_the_old_journal_is_only_read(new_model, taught, small_model):
    old = journal_path(read_model(small_model))
    before = old.read_bytes()
    relearn(new_model)
    again = relearn(new_model)
    assert (again.learned, again.known, again.lost) == (0, 2, {"bell": 2, "hum": 1})
    assert old.read_bytes() == before
    with Teacher(small_model) as teacher:  # the old model still has what it had
        assert len(teacher._learner.state.examples) == 5


def test_another_journal_can_be_named_as_source_and_as_target(new_model, taught, small_model, tmp_path):
    old = journal_path(read_model(small_model))
    done = relearn(new_model, old, journal=tmp_path / "new")
    assert done.journal == tmp_path / "new"
    assert done.learned == 2


def test_what_cannot_be_learned_from_is_said(new_model, small_model, tmp_path):
    with pytest.raises(UsageError, match="there is no journal"):
        relearn(new_model)
    with Teacher(small_model) as teacher:
        assert teacher._learner.state == beginning(teacher._model.info.labels)
    with pytest.raises(UsageError, match="of this very model"):
        relearn(read_model(small_model), journal=tmp_path / "new")
    with pytest.raises(UsageError, match="from itself"):
        relearn(new_model, journal=journal_path(new_model))
