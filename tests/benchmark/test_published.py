"""Each published layout is read as its publisher lays it out, and nothing of one recording or speaker is on both sides
where that can be."""

from collections import Counter, defaultdict

import numpy as np
import pytest
import soundfile

from pace_edge.audio import read_audio
from pace_edge.benchmark import published
from pace_edge.errors import PaceEdgeError


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def sides(clips):
    """Group to the sides that it is on: test and training."""
    found = defaultdict(set)
    for clip in clips:
        found[clip.group].add(clip.fold == 1)
    return found


@pytest.fixture
def esc50(tmp_path):
    lines = ["filename,fold,target,category,esc10,src_file,take"]
    for fold in (1, 2):
        for label in ("dog", "rain"):
            name = f"{fold}-10{fold}-A-0-{label}.wav"
            lines.append(f"{name},{fold},0,{label},True,10{fold},A")
            touch(tmp_path / "audio" / name)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta/esc50.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_esc50_has_the_publishers_folds(esc50):
    clips = published.esc50(esc50)
    assert [(clip.label, clip.fold, clip.group) for clip in clips] == [
        ("dog", 1, "101"), ("rain", 1, "101"), ("dog", 2, "102"), ("rain", 2, "102"),
    ]  # fmt: skip
    assert clips[2].path == esc50 / "audio/2-102-A-0-dog.wav"


def test_esc50_that_is_not_whole_says_what_is_missing(esc50):
    (esc50 / "audio/2-102-A-0-dog.wav").unlink()
    with pytest.raises(PaceEdgeError, match=r"not whole: .*2-102-A-0-dog\.wav is not there"):
        published.esc50(esc50)
    (esc50 / "meta/esc50.csv").write_text("filename,fold\n")
    with pytest.raises(PaceEdgeError, match=r"esc50\.csv is not the publisher's: .*none called category, src_file"):
        published.esc50(esc50)
    (esc50 / "meta/esc50.csv").unlink()
    with pytest.raises(PaceEdgeError, match=r"not whole: .*esc50\.csv is not there"):
        published.esc50(esc50)


def test_urbansound8k_is_split_by_the_publishers_folds_two_at_a_time(tmp_path):
    lines = ["slice_file_name,fsID,start,end,salience,fold,classID,class"]
    for fold in range(1, 11):
        name = f"{fold}00-3-0-0.wav"
        lines.append(f"{name},{fold}00,0,4,1,{fold},3,dog_bark")
        touch(tmp_path / f"audio/fold{fold}" / name)
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata/UrbanSound8K.csv").write_text("\n".join(lines) + "\n")
    clips = published.urbansound8k(tmp_path)
    assert [clip.fold for clip in clips] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert {(clip.label, len(where)) for clip in clips for where in [sides(clips)[clip.group]]} == {("dog_bark", 1)}


def test_speech_commands_tests_on_both_published_lists(tmp_path):
    assert len(published.WORDS) == 35
    for word in published.WORDS:
        touch(*(tmp_path / word / f"{speaker}_nohash_{i}.wav" for speaker in ("0a", "0b", "0c") for i in (0, 1)))
    touch(tmp_path / "_background_noise_/pink_noise.wav", tmp_path / "yes/notes.txt")
    for name, speaker in (("testing_list.txt", "0a"), ("validation_list.txt", "0b")):
        lines = [f"{word}/{speaker}_nohash_{i}.wav" for word in published.WORDS for i in (0, 1)]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    clips = published.speech_commands(tmp_path)
    assert Counter(clip.label for clip in clips) == dict.fromkeys(published.WORDS, 6)
    assert sides(clips) == {"0a": {True}, "0b": {True}, "0c": {False}}
    (tmp_path / "yes").rename(tmp_path / "ja")
    with pytest.raises(PaceEdgeError, match=r"not whole: .*yes is not there"):
        published.speech_commands(tmp_path)


SENTENCES = ("SA1", "SA2", "SI648", "SI1027", "SI1657", "SX37", "SX127", "SX217", "SX307", "SX397")


def speaker(folder, suffix=".WAV", format="NIST"):
    folder.mkdir(parents=True)
    for i, sentence in enumerate(SENTENCES):
        soundfile.write(folder / f"{sentence}{suffix}", np.full(800, i / 20, np.float32), 16000, format=format)
        (folder / f"{sentence}.TXT").touch()


def test_timit_tests_on_the_two_sentences_that_all_speakers_say(tmp_path):
    speaker(tmp_path / "TRAIN/DR1/FCJF0")
    speaker(tmp_path / "TEST/DR8/MPAM0")
    clips = published.timit(tmp_path)
    assert Counter(clip.label for clip in clips) == {"fcjf0": 10, "mpam0": 10}
    assert {clip.group for clip in clips if clip.fold == 1} == {"sa1", "sa2"}
    assert Counter(clip.fold for clip in clips) == dict.fromkeys(range(1, 6), 4)


def test_timit_is_read_as_nist_sphere_as_it_is_published(tmp_path):
    speaker(tmp_path / "TRAIN/DR1/FCJF0")
    path = published.timit(tmp_path)[1].path
    assert path.read_bytes().startswith(b"NIST_1A")
    assert read_audio(path, 16000) == pytest.approx(np.full(800, 1 / 20), abs=1e-4)


def test_copies_of_timit_in_small_letters_and_with_riff_beside_are_the_same_set(tmp_path):
    speaker(tmp_path / "train/dr1/fcjf0", ".wav", "WAV")
    speaker(tmp_path / "train/dr1/fdaw0")
    for sentence in SENTENCES:
        (tmp_path / f"train/dr1/fdaw0/{sentence}.WAV.wav").write_bytes(b"RIFF")
    clips = published.timit(tmp_path)
    assert Counter(clip.label for clip in clips) == {"fcjf0": 10, "fdaw0": 10}
    assert {clip.path.name.endswith(".WAV.wav") for clip in clips if clip.label == "fdaw0"} == {True}


def test_timit_that_is_not_whole_says_so(tmp_path):
    with pytest.raises(PaceEdgeError, match=r"not whole: .*TRAIN/DR1 is not there"):
        published.timit(tmp_path)
    speaker(tmp_path / "TRAIN/DR1/FCJF0")
    (tmp_path / "TRAIN/DR1/FCJF0/SX37.WAV").unlink()
    with pytest.raises(PaceEdgeError, match="FCJF0 is not whole: expected 10 sentences, got 9"):
        published.timit(tmp_path)


def test_vocalset_is_split_by_singer_where_that_can_be(tmp_path):
    singers = [*(f"female{i}" for i in range(1, 10)), *(f"male{i}" for i in range(1, 12))]
    for singer in singers:
        for technique in ("belt", "vibrato", "spoken"):
            touch(*(tmp_path / f"FULL/{singer}/scales/{technique}/{singer}_{vowel}.wav" for vowel in "aeiou"))
    touch(*(tmp_path / f"FULL/male3/long_tones/inhaled/{vowel}.wav" for vowel in "aeiou"))  # one singer alone
    clips = published.vocalset(tmp_path)
    assert Counter(clip.label for clip in clips) == {"belt": 100, "vibrato": 100, "inhaled": 5}
    assert {len(where) for where in sides([c for c in clips if c.label != "inhaled"]).values()} == {1}
    assert {clip.fold for clip in clips if clip.label == "inhaled"} == {1, 2, 3, 4, 5}
    assert Counter(clip.fold for clip in clips if clip.label == "belt") == dict.fromkeys(range(1, 6), 20)
    with pytest.raises(PaceEdgeError, match=r"not whole: .*FULL"):
        published.vocalset(tmp_path / "FULL")
