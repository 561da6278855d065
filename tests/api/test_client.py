"""The client of a server: what it sends again, what it makes of answers, and how little it loads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from memory import errors
from memory.client import Client, failures
from memory.errors import InvalidInput
from memory.records import Message
from memory.write.thumbnails import thumbnail
from tests.api.conftest import CAT, DOG, QUESTION, Api, MakeApi
from tests.in_process import InProcess
from tests.integration.test_images import picture

URL = "http://127.0.0.1:8750"


def client_of(api: Api, who: str | None = "acme", **given: Any) -> Client:
    """A client of a server in this process."""
    key = None if who is None else api.keys[who]
    return Client(URL, key, transport=InProcess(api.client), **given)


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with client_of(api) as client:
        yield client


Answering = Callable[[httpx.Request], httpx.Response]


def client_on(answer: Answering, **given: Any) -> Client:
    """A client whose server answers so."""
    return Client(URL, "pm_secret", transport=httpx.MockTransport(answer), **given)


def problem(status: int, kind: str, detail: str = "no", **headers: str) -> httpx.Response:
    said = {"type": f"urn:parametric-memory:problem:{kind}", "title": "x", "status": status, "detail": detail}
    return httpx.Response(status, json=said, headers=headers)


class Server:
    """Answers with one after the other, and keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = [*answers]
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


NONE = {"hits": []}


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it would have waited before it sent again."""
    waited: list[float] = []
    monkeypatch.setattr("memory.client.blocking.time.sleep", waited.append)
    return waited


def test_what_is_added_is_found_answered_and_forgotten(client: Client) -> None:
    """The way of a memory through a server, told and read by one key."""
    added = client.add(DOG, user_id="ana", metadata={"page": 3})
    [record] = added
    assert (record.text, record.scope.user_id, record.scope.tenant_id) == (DOG, "ana", "acme")
    assert added.created == {record.id}
    assert client.get(record.id) == record == client.list(user_id="ana").records[0]
    assert [hit.record for hit in client.search(QUESTION, user_id="ana")] == [record]
    assert client.ask(QUESTION, user_id="ana").text == DOG
    receipt = client.forget(user_id="ana")
    assert [gone.memory_id for gone in receipt.memories] == [record.id]
    assert [event.event for event in client.history(record.id)] == ["ADD", "DELETE"]
    with pytest.raises(errors.NotFound, match="no memory"):
        client.get(record.id)


def test_a_picture_is_sent_and_comes_back_with_its_thumbnail(client: Client, tmp_path: Path) -> None:
    """Read here, not by the server; what is no picture is refused."""
    path = tmp_path / "barn.png"
    path.write_bytes(picture("blue"))
    [record] = client.add("Our barn.", image=path, user_id="ana")
    assert (record.kind, record.text) == ("image", "Our barn.")
    assert thumbnail(record.metadata) is not None
    [own] = client.add(image=path, user_id="ana")
    assert own.text == "The picture's middle is blue."
    with pytest.raises(InvalidInput, match="not an image"):
        client.add(image=b"hello", user_id="ana")


def test_a_long_text_is_a_job_that_is_waited_for(make_api: MakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """All its memories come back in their order, those known before too, and the progress is told."""
    monkeypatch.undo()  # waiting is real here
    api = make_api(async_text_bytes=100)
    text = " ".join(f"Guest number {n} stays in the room called {n * 7}." for n in range(40))
    seen: list[tuple[int, int]] = []
    with client_of(api) as client:
        added = client.add(text, user_id="ana", document_id="guests", progress=lambda *one: seen.append(one))
        again = client.add(text, user_id="ana", document_id="guests")
    assert len(added) > 4
    assert [record.position for record in added] == sorted(record.position for record in added)
    assert "".join(record.text for record in added).replace(" ", "") == text.replace(" ", "")
    assert added.created == {record.id for record in added}
    assert [record.id for record in again] == [record.id for record in added]
    assert again.created == frozenset()
    assert seen[-1] == (len(added), len(added))


def test_a_chat_reads_the_turns_of_its_session_or_what_is_given(client: Client) -> None:
    """As `Memory.chat` does: without `before` the session's own; pieces and whole are equal."""
    client.append(
        [Message("user", "Hello there."), Message("assistant", "Hi.")], user_id="ana", session_id="s/1"
    )
    *pieces, reply = client.chat_stream(DOG, user_id="ana", session_id="s/1")
    assert not isinstance(reply, str)
    assert "".join(map(str, pieces)).strip() == reply.text
    short = client.chat(QUESTION, user_id="ana", session_id="s/1", before=[])
    long = client.chat(QUESTION, user_id="ana", session_id="s/1")
    assert DOG in short.text
    assert long.prompt_tokens > short.prompt_tokens
    assert DOG in short.adapters[0].text
    assert short.timings["generate"] >= 0
    assert [turn.text for turn in client.turns(user_id="ana", session_id="s/1")][:3] == [
        "Hello there.",
        "Hi.",
        DOG,
    ]
    assert [one.scope.session_id for one in client.sessions(user_id="ana").sessions] == ["s/1"]


def test_filters_and_a_time_reach_an_answer(client: Client) -> None:
    """A chat through REST recalls only what has the items, and what held then."""
    client.add(DOG, user_id="ana", metadata={"page": 1})
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    assert client.ask(QUESTION, user_id="ana", filters={"page": 1}).text == DOG
    assert client.ask(QUESTION, user_id="ana", filters={"page": 2}).adapters == ()
    assert client.ask(QUESTION, user_id="ana", as_of=long_ago).adapters == ()
    assert client.recall(QUESTION, user_id="ana", as_of=long_ago) == []
    assert str(client.recall(QUESTION, user_id="ana")).endswith(DOG)


def test_a_change_keeps_what_is_not_named(client: Client) -> None:
    [record] = client.add(DOG, user_id="ana", expires_at=datetime(2099, 1, 1, tzinfo=UTC))
    assert client.pin(record.id).pinned
    changed = client.update(record.id, CAT, metadata={"page": 1})
    assert (changed.text, changed.pinned, changed.expires_at) == (CAT, True, record.expires_at)
    assert client.update(record.id, expires_at=None).expires_at is None


def test_another_tenant_and_a_lesser_key_see_and_do_nothing(api: Api, client: Client) -> None:
    """The errors are those of the package, not of HTTP."""
    [record] = client.add(DOG, user_id="ana")
    with client_of(api, "globex") as other:
        assert other.search(QUESTION, user_id="ana") == []
        with pytest.raises(errors.NotFound):
            other.get(record.id)
    with client_of(api, "acme-read") as reader:
        assert reader.ask(QUESTION, user_id="ana").text == DOG
        with pytest.raises(errors.Forbidden):
            reader.add(CAT, user_id="ana")
        with pytest.raises(errors.Forbidden):
            reader.chat(CAT, user_id="ana")
    with client_of(api, None) as nobody, pytest.raises(errors.Unauthenticated, match="give a key"):
        nobody.list(user_id="ana")
    with Client(URL, "pm_wrong", transport=InProcess(api.client)) as wrong:
        for call in (wrong.search, wrong.ask):
            with pytest.raises(errors.Unauthenticated) as raised:
                call(QUESTION, user_id="ana")
            assert "pm_wrong" not in str(raised.value)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda c: c.add(" ", user_id="ana"), errors.EmptyText),
        (lambda c: c.add(DOG), errors.MissingScope),
        (lambda c: c.add(DOG, user_id=" "), errors.MissingScope),
        (lambda c: c.add(DOG, user_id="ana", metadata={"x": {1}}), errors.InvalidInput),
        (lambda c: c.add(DOG, user_id="ana", expires_at=datetime(2099, 1, 1)), errors.InvalidInput),
        (lambda c: c.search("a\0b", user_id="ana"), errors.InvalidInput),
        (lambda c: c.ask(QUESTION), errors.MissingScope),
        (lambda c: c.list(), errors.MissingScope),
        (lambda c: c.turns(user_id="ana"), errors.MissingScope),
        (lambda c: c.get("../keys"), errors.NotFound),
        (lambda c: c.forget(metadata={}, user_id="ana"), errors.InvalidInput),
        (lambda c: c.list(user_id="ana", tenant_id="globex"), errors.InvalidInput),
        (lambda c: c.ask(QUESTION, user_id="ana", temperature=float("nan")), errors.InvalidInput),
        (lambda c: c.list(usr_id="ana"), TypeError),
    ],
)
def test_what_is_wrong_is_refused_before_it_is_sent(call: Any, error: type[Exception]) -> None:
    """The same errors as without a server, which is not asked (but for its model's name)."""
    server = Server(httpx.Response(200, json={"data": [{"id": "reference"}]}))
    with client_on(server) as client, pytest.raises(error):
        call(client)
    assert all(request.url.path == "/v1/models" for request in server.asked)


def test_a_write_is_sent_again_with_its_key(no_waiting: list[float]) -> None:
    """A connection that breaks, a busy server, the first one still at work: one key, and one addition."""
    server = Server(
        httpx.ReadError("reset"),
        problem(503, "store-busy", **{"Retry-After": "1"}),
        problem(409, "conflict"),
        httpx.Response(201, json={"memories": [], "superseded": []}),
    )
    with client_on(server, retries=3) as client:
        assert client.add(DOG, user_id="ana") == []
    assert len({request.headers["Idempotency-Key"] for request in server.asked}) == 1
    assert len(server.asked) == 4
    assert no_waiting[1] == 1


def test_a_chat_that_may_have_arrived_is_not_sent_again() -> None:
    """One that was never connected is; a question, which stores nothing, may be asked twice."""
    model = httpx.Response(200, json={"data": [{"id": "reference"}]})
    server = Server(model, httpx.ConnectError("refused"), httpx.ReadError("reset"))
    with client_on(server) as client, pytest.raises(errors.ServerUnavailable, match="broke"):
        client.chat(DOG, user_id="ana")
    assert len(server.asked) == 3
    end = httpx.Response(200, text="data: " + json.dumps({"choices": []}) + "\n\ndata: [DONE]\n\n")
    server = Server(model, httpx.ReadError("reset"), end)
    with client_on(server) as client:
        assert client.ask(QUESTION, user_id="ana").text == ""


def test_a_conflict_at_first_is_one() -> None:
    server = Server(problem(409, "conflict", "it is so already"))
    with client_on(server) as client, pytest.raises(errors.Conflict, match="so already"):
        client.forget(user_id="ana")


def test_a_wait_that_is_too_long_is_the_callers(no_waiting: list[float]) -> None:
    server = Server(problem(429, "quota-exceeded", "too many", **{"Retry-After": "3600"}))
    with client_on(server) as client, pytest.raises(errors.QuotaExceeded) as raised:
        client.search(QUESTION, user_id="ana")
    assert raised.value.retry_after_s == 3600
    assert no_waiting == []


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            httpx.ConnectError("[Errno 111] Connection refused"),
            errors.ServerUnavailable,
            "no server at .*refused",
        ),
        (httpx.ReadTimeout("timed out"), errors.ServerUnavailable, "takes too long"),
        (httpx.Response(200, text="<html>hello</html>"), errors.ServerMismatch, "check the URL"),
        (
            httpx.Response(404, text="<html>"),
            errors.ServerMismatch,
            "404 Not Found, and is no server of this",
        ),
        (
            httpx.Response(301, headers={"Location": "https://x/"}),
            errors.ServerMismatch,
            "elsewhere, to https://x/",
        ),
        (
            httpx.Response(502, text="bad gateway"),
            errors.ServerUnavailable,
            "no answer from the server behind",
        ),
        (problem(500, "internal"), errors.ServerUnavailable, "no"),
        (
            problem(422, "invalid-input", "filters: Extra inputs are not permitted"),
            errors.ServerMismatch,
            "older",
        ),
        (problem(503, "model-unavailable", **{"Retry-After": "10"}), errors.ModelUnavailable, "no"),
    ],
)
def test_each_failure_is_one_line(answer: Any, error: type[Exception], said: str) -> None:
    """A server that is away, slow, something else, or older: what it is, and the address."""

    def always(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/health/live":
            return httpx.Response(404)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with client_on(always) as client, pytest.raises(error, match=said) as raised:
        client.search(QUESTION, user_id="ana")
    assert "\n" not in str(raised.value)


def test_a_server_of_another_version_is_named() -> None:
    """An answer that lacks a field, as an older server's does."""

    def older(request: httpx.Request) -> httpx.Response:
        live = {"status": "live", "version": "0.0.9"}
        return httpx.Response(200, json=live if request.url.path == "/health/live" else {"found": []})

    with client_on(older) as client, pytest.raises(errors.ServerMismatch, match=r"is version 0\.0\.9, this"):
        client.search(QUESTION, user_id="ana")


def test_a_server_that_lacks_a_verb_may_be_older(api: Api, client: Client) -> None:
    """A path that leads nowhere is no memory that is not there."""
    nowhere = failures.of(api.get("/v1/not-yet"), URL)
    assert isinstance(nowhere, errors.ServerMismatch)
    assert "may be older" in str(nowhere)
    with pytest.raises(errors.NotFound, match="no memory"):
        client.get("nobody")


def test_a_file_that_breaks_the_connection_may_be_too_large(tmp_path: Path) -> None:
    """A server that refuses it closes, and the answer may be lost on its way."""
    (tmp_path / "all.zip").write_bytes(b"PK")
    said = "broken pipe; is the file larger"
    with (
        client_on(Server(httpx.WriteError("broken pipe")), retries=0) as client,
        pytest.raises(errors.ServerUnavailable, match=said),
    ):
        client.import_(tmp_path / "all.zip", user_id="ana")


def test_a_stream_that_breaks_off_is_no_reply() -> None:
    """What came is given, then ServerUnavailable; an error event is the error that it names."""
    piece = "data: " + json.dumps({"choices": [{"delta": {"content": "My dog"}}]}) + "\n\n"
    error = "data: " + json.dumps({"error": {"message": "busy", "code": "store_busy"}}) + "\n\n"
    model = httpx.Response(200, json={"data": [{"id": "reference"}]})
    server = Server(model, httpx.Response(200, text=piece), httpx.Response(200, text=piece + error))
    with client_on(server) as client:
        for expected in (errors.ServerUnavailable, errors.StoreBusy):
            pieces = client.chat_stream(DOG, user_id="ana")
            assert next(pieces) == "My dog"
            with pytest.raises(expected):
                next(pieces)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8750",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://a b",
        "http://x/?q=1",
        "http://x:0",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(errors.InvalidInput, match="no server's URL"):
        Client(url)


def test_no_secret_is_repeated() -> None:
    """Neither by an error nor by the client's repr."""
    with pytest.raises(errors.InvalidInput) as raised:
        Client("http://ana:hunter2@example.com")
    assert "hunter2" not in str(raised.value)
    with pytest.raises(errors.InvalidInput) as raised:
        Client(URL, "pm_ä\n")
    assert "pm_" not in str(raised.value)
    with Client(f"{URL}/v1/", "pm_secret") as client:
        assert repr(client) == f"Client('{URL}')"


def test_a_client_loads_no_model_and_no_database() -> None:
    """So that a command that asks a server starts in a fraction of a second."""
    heavy = {"torch", "transformers", "sqlalchemy", "faiss", "numpy", "fastapi", "pydantic"}
    code = f"import memory.client, sys; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
