"""Whoever may not ask gets nothing: other hosts, other pages, those without the token, and those who ask too much."""

import http.client
import json
import re
import socket
import time

import pytest

from streams.web import guard, protocol
from tests.streams.sinks.given import wait_until
from tests.streams.web.serving import JSON, serving
from tests.waiting import PATIENCE_S

UNDO = b"POST /api/undo HTTP/1.1\r\nHost: localhost\r\nX-Pace-Edge: 1\r\nContent-Type: application/json\r\n"
TOKEN = re.compile(r"token, which is shown only now: (\S+)")


@pytest.fixture
def locked(small_model, monkeypatch):
    """A page that asks everybody for its token; who guesses is allowed no more however long the guesses take."""
    monkeypatch.setattr(guard, "LOGINS", guard.Rate(guard.LOGINS.burst, 3600.0))
    with serving(small_model, token="always") as one:
        (found,) = [match for sentence in one.said if (match := TOKEN.search(sentence))]
        one.token = found.group(1)
        yield one


def log_in(locked, token, **headers):
    return locked.ask("POST", "/api/login", json.dumps({"token": token}), {**JSON, **headers})


def test_without_the_token_there_is_nothing_but_the_page_and_the_door(locked):
    for path in ("/api/state", "/api/stream", "/api/recent", "/api/openapi.json", "/api/history", "/api/no-such-thing"):
        assert locked.ask("GET", path)[0] == 401, path
    assert locked.ask("POST", "/api/undo", "{}", JSON)[0] == 401
    assert locked.get("/api/login") == {"needed": True, "in": False}


def test_every_call_of_the_table_is_behind_the_door(locked):
    from streams.web.routes import CALLS

    for call in CALLS:
        status = locked.ask(call.method, call.path, None if call.method == "GET" else "{}", JSON)[0]
        assert (status == 401) is not call.open or call.path == "/api/login", call


def test_the_right_token_opens_and_a_wrong_one_does_not(locked):
    for wrong in ("x", locked.token[:-1], locked.token + "x", locked.token.swapcase()):
        assert locked.ask("GET", "/api/state", headers={"Authorization": f"Bearer {wrong}"})[0] == 401
    assert locked.ask("GET", "/api/state", headers={"Authorization": f"Bearer {locked.token}"})[0] == 200
    assert log_in(locked, "wrong")[0] == 401


def test_a_login_gives_a_cookie_that_scripts_cannot_read_and_other_pages_cannot_send(locked):
    status, headers, _ = log_in(locked, locked.token)
    assert status == 200
    cookie = headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    name_and_value = cookie.partition(";")[0]
    assert locked.token not in cookie
    assert locked.ask("GET", "/api/state", headers={"Cookie": name_and_value})[0] == 200
    assert json.loads(locked.ask("GET", "/api/login", headers={"Cookie": name_and_value})[2])["in"] is True
    assert locked.ask("POST", "/api/logout", "", {**JSON, "Cookie": name_and_value})[0] == 200
    assert locked.ask("GET", "/api/state", headers={"Cookie": name_and_value})[0] == 401


def test_guessing_is_slowed_down(locked):
    answers = [log_in(locked, f"guess {i}")[0] for i in range(guard.LOGINS.burst + 2)]
    assert answers == [401] * guard.LOGINS.burst + [429] * 2
    status, headers, body = log_in(locked, locked.token)  # not even the right one, now
    assert status == 429
    assert 1 <= int(headers["retry-after"]) <= guard.LOGINS.each_s + 1
    assert "too often" in json.loads(body)["error"]


def test_too_many_questions_are_put_off(small_model, monkeypatch):
    monkeypatch.setattr(guard, "ASKS", guard.Rate(3, 1000.0))
    with serving(small_model) as served:
        assert [served.ask("GET", "/api/state")[0] for _ in range(5)] == [200, 200, 200, 429, 429]
        assert served.ask("GET", "/style.css")[0] in (200, 404)  # the page itself still comes


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil", ""])
def test_a_name_that_was_bound_to_us_by_somebody_else_gets_nothing(served, host):
    for path in ("/", "/api/state"):
        assert served.ask("GET", path, headers={"Host": host})[0] == 403


@pytest.mark.parametrize("host", ["localhost:8765", "LOCALHOST", "127.0.0.1", "[::1]:8765", "192.168.1.20:8765",
                                  socket.gethostname(), f"{socket.gethostname()}.local"])  # fmt: skip
def test_our_own_names_and_addresses_are_answered(served, host):
    assert served.ask("GET", "/api/state", headers={"Host": host})[0] == 200


def test_a_name_that_is_set_is_answered(small_model):
    with serving(small_model, names=frozenset({"Attic.example"})) as served:
        assert served.ask("GET", "/api/state", headers={"Host": "attic.example:99"})[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:1"])
def test_another_page_cannot_change_or_read_anything(served, origin):
    headers = {**JSON, "Origin": origin}
    assert served.ask("POST", "/api/undo", "{}", headers)[0] == 403
    assert served.ask("GET", "/api/state", headers={"Origin": origin})[0] == 403
    own = {**JSON, "Origin": f"http://127.0.0.1:{served.web.port}"}
    assert served.ask("POST", "/api/undo", "{}", own)[0] == 409  # it came through: there is nothing to undo


def test_a_form_of_another_page_is_refused_for_want_of_the_header(served):
    plain = {"Content-Type": "text/plain"}
    assert served.ask("POST", "/api/undo", "{}", plain)[0] == 403
    assert served.ask("POST", "/api/undo", "{}", {**plain, "X-Pace-Edge": "1"})[0] == 415


def test_a_body_that_is_too_large_is_refused_by_its_length_and_while_it_comes(served):
    large = b"x" * (guard.SMALL_BYTES + 1)
    assert served.ask("POST", "/api/undo", large, JSON)[0] == 413
    with socket.create_connection(("127.0.0.1", served.web.port), timeout=PATIENCE_S) as line:
        line.sendall(UNDO +
                     b"Transfer-Encoding: chunked\r\n\r\n")  # fmt: skip
        piece = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        for _ in range(guard.SMALL_BYTES // 0x4000 + 2):
            line.sendall(piece)
        assert line.recv(100).startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_come_to_its_end_is_given_up(served, monkeypatch):
    monkeypatch.setattr(guard, "BODY_S", 0.2)
    with socket.create_connection(("127.0.0.1", served.web.port), timeout=PATIENCE_S) as line:
        line.sendall(UNDO +
                     b"Content-Length: 2\r\n\r\n{")  # fmt: skip
        assert line.recv(100).startswith(b"HTTP/1.1 408")


def patiently(monkeypatch, act):
    """What `act()` gives with an ever more patient server: a busy machine may not get on with asking in time itself."""
    for head_s in (0.3, 3.0, 30.0):
        monkeypatch.setattr(protocol, "HEAD_S", head_s)
        try:
            yield act()
        except (ConnectionError, http.client.HTTPException):
            yield False


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET /api/login HTTP/1.1\r\nHost: localhost\r\n\r\n|GET /"])
def test_a_client_that_does_not_get_on_with_asking_is_hung_up_on(served, monkeypatch, said):
    def hung_up_on():
        """Whether all could be said before."""
        with socket.create_connection(("127.0.0.1", served.web.port), timeout=PATIENCE_S) as line:
            before, _, after = said.partition(b"|")
            line.sendall(before)
            if after and not line.recv(4096):
                return False
            line.sendall(after)
            while line.recv(4096):
                pass  # to the end that the server makes
        return True

    assert any(patiently(monkeypatch, hung_up_on))
    monkeypatch.setattr(protocol, "HEAD_S", PATIENCE_S)
    assert served.get("/api/login")["needed"] is False


def test_a_page_that_listens_is_no_client_that_does_not_get_on(served, monkeypatch):
    def listens():
        with served.stream() as messages:
            time.sleep(2.5 * protocol.HEAD_S)
            served.hear_low(1.5)
            return next(messages, ("",))[0] in ("heard", "mel", "state")

    assert any(patiently(monkeypatch, listens))


def test_every_answer_tells_the_browser_what_it_may_not(served):
    for path in ("/", "/api/state", "/api/nothing", "/api/stream?x"):
        with socket.create_connection(("127.0.0.1", served.web.port), timeout=PATIENCE_S) as line:
            line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = line.recv(65536).decode().lower()
        policy = re.search(r"content-security-policy: (.*)\r\n", head).group(1)
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "x-content-type-options: nosniff" in head
        assert "referrer-policy: no-referrer" in head
        assert "access-control-allow-origin" not in head
        assert "server:" not in head


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/..%2f..%2fserver.py", "/%2e%2e/server.py", "/server.py",
                                  "//etc/passwd", "/page/../../server.py", "/.gitkeep/../../hub.py"])  # fmt: skip
def test_no_file_but_the_page_s_own_is_served(served, path):
    with socket.create_connection(("127.0.0.1", served.web.port), timeout=PATIENCE_S) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while more := line.recv(65536):
            answer += more
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


def test_beyond_this_machine_the_token_is_asked_for(small_model):
    with serving(small_model, serve="0.0.0.0:0") as served:
        assert any(TOKEN.search(sentence) for sentence in served.said)
        assert served.ask("GET", "/api/state")[0] == 401
        wait_until(lambda: served.get("/api/login")["needed"])
