"""A small journal, and what the tests of journals do to one."""

import sqlite3

import numpy as np

from pace_edge.journal import Example, HeardWindow, Journal

D = 6


def open_journal(path, sha256="a" * 64, name="m"):
    return Journal(path, model_name=name, model_sha256=sha256, embedding_size=D)


def examples(journal, after=0):
    """What was taught, as it can be read."""
    taught = {o.id: o for o in journal.operations(after) if o.kind == "learn"}
    return [Example(id, taught[id].at_unix_s, taught[id].label, taught[id].source, windows)
            for id, windows in journal.embeddings(taught)]  # fmt: skip


def embeddings(n=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n, D)).astype(np.float32)


def damage(path, statement):
    """What no program of ours does: past the triggers."""
    database = sqlite3.connect(path)
    for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {trigger}")
    database.execute(statement)
    database.commit()
    database.close()


def heard(start_s, level=-20.0):
    return HeardWindow(start_s, start_s + 1, level, embeddings(1, int(start_s))[0])


def everything_on_disk(folder):
    return b"".join(path.read_bytes() for path in folder.iterdir())
