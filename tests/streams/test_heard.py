"""What leaves the program has one shape, with every field of what it reports."""

import json

import numpy as np
import pytest

from pace_edge.journal import Example
from pace_edge.operations import Operation
from streams.heard import Event, Gap, SourceState, Window, as_record

WINDOW = Window(0.0, 2.0, "dog", 0.98765, -20.0, "attic", 5.0, (("dog", 0.98765), ("cat", 0.1)), 0.25, {"dog": 0.98765})
EVENT = Event("end", 1.0, 3.5, "dog", 0.9, -12.0, "abc", "attic", 5.0)


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        (WINDOW, {"type": "window", "label": "dog", "score": 0.9877, "top": {"dog": 0.9877, "cat": 0.1}}),
        (EVENT, {"type": "event", "state": "end", "id": "abc", "duration_s": 2.5, "source": "attic"}),
        (Gap(1.0, 2.0, "attic"), {"type": "gap", "start_s": 1.0, "end_s": 2.0, "source": "attic"}),
        (SourceState("attic", "gone", "unplugged", 5.0), {"type": "source", "state": "gone", "words": "unplugged"}),
        (Example(7, 5.0, "dog", "file x", np.zeros((1, 3))), {"type": "learned", "id": 7, "label": "dog"}),
        (
            Operation(kind="rename", id=8, at_unix_s=5.0, label="dog", new_label="Hund"),
            {
                "type": "changed",
                "id": 8,
                "operation": "rename",
                "label": "dog",
                "new_label": "Hund",
                "target": 0,
                "words": "rename 'dog' to 'Hund'",
                "at_unix_s": 5.0,
            },
        ),
    ],
)
def test_a_record_says_its_type_and_what_happened(heard, expected):
    record = json.loads(json.dumps(as_record(heard)))
    assert record.items() >= expected.items()
    assert "embeddings" not in record
    assert "scores" not in record
