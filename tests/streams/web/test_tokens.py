"""A token is nowhere but with whom it was shown; sessions outlive a restart, and end with it."""

import json
import stat

import pytest

from pace_edge.errors import PaceEdgeError
from streams.web import tokens as module
from streams.web.tokens import Tokens, forget_token


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "web-token"


def test_on_the_disk_are_only_hashes_for_the_owner_alone(path):
    tokens = Tokens(path)
    token, session = tokens.make(), tokens.begin_session()
    assert len(token) >= 40
    written = path.read_text()
    assert token not in written
    assert session not in written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Tokens(path).fits(token)
    assert Tokens(path).in_session(session)


def test_a_new_token_ends_the_old_one_and_all_sessions(path):
    tokens = Tokens(path)
    old, session = tokens.make(), tokens.begin_session()
    new = tokens.make()
    assert old != new
    assert tokens.fits(new)
    assert not tokens.fits(old)
    assert not tokens.in_session(session)


def test_nothing_fits_where_there_is_no_token(path):
    tokens = Tokens(path)
    assert not tokens.exists
    assert not tokens.fits("")
    assert not tokens.in_session("")


def test_sessions_end_by_time_by_hand_and_where_there_are_too_many(path, monkeypatch):
    tokens = Tokens(path)
    tokens.make()
    monkeypatch.setattr(module.time, "time", lambda: 1000.0)
    first, second = tokens.begin_session(), tokens.begin_session()
    tokens.end_session(first)
    assert not tokens.in_session(first)
    assert tokens.in_session(second)
    monkeypatch.setattr(module.time, "time", lambda: 1001.0 + module.SESSION_S)
    assert not tokens.in_session(second)
    many = [tokens.begin_session() for _ in range(module.SESSIONS + 3)]
    assert sum(map(tokens.in_session, many)) == module.SESSIONS
    assert tokens.in_session(many[-1])


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "token_sha256": "x", "sessions": 3}']
)
def test_a_file_that_is_no_token_s_is_an_error_that_says_what_to_do(path, content):
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(PaceEdgeError, match=r"cannot be read.*--new-web-token"):
        Tokens(path)
    forget_token(path)
    assert not Tokens(path).exists
    forget_token(path)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PaceEdgeError, match="cannot be"):
        Tokens(tmp_path / "file" / "web-token").make()


def test_the_file_has_a_schema_number(path):
    Tokens(path).make()
    assert json.loads(path.read_text())["schema"] == 1
