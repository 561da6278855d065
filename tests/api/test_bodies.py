"""What cannot be: each bad request is answered with 4xx, and names the field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import DOG, Api, MakeApi

JSON = {"Content-Type": "application/json"}
DEEP = b'{"user_id": "ana", "text": "x", "metadata": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001
NESTED = {"user_id": "ana", "text": "x", "metadata": {"a": [[[[[1]]]]]}}
for _ in range(30):
    NESTED["metadata"] = {"a": NESTED["metadata"]}


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 422, "body"),
        (b"{", 400, "body"),
        (b'{"user_id": "ana" "text": "x"}', 400, "body"),
        (b"[1, 2", 400, "body"),
        (b"null", 422, "body"),
        (b"[]", 422, "body"),
        (b'"text"', 422, "body"),
        ('{"user_id": "ana", "text": "caf\xe9"}'.encode("latin-1"), 400, "body"),
        ('{"user_id": "ana", "text": "x"}'.encode("utf-16"), 400, "body"),
        (b"\xff\xfe\x00", 400, "body"),
        (DEEP, 400, "body"),
        (json.dumps(NESTED).encode(), 422, "metadata" + ".a" * 31 + "[0]"),
        (b'{"user_id": "ana", "text": "x", "metadata": {"n": 1e999}}', 422, "metadata.n"),
        (b'{"user_id": "ana", "text": "x", "metadata": {"n": NaN}}', 400, "body"),
        (b'{"user_id": "ana", "text": "x", "metadata": {"n": 99999999999999999999}}', 422, "metadata.n"),
        (b'{"user_id": "ana", "text": "x", "metadata": {"n": ' + b"9" * 5000 + b"}}", 400, "body"),
        (b'{"user_id": "ana", "text": "a\\u0000b"}', 422, "text"),
        (b'{"user_id": "a\\u0000b", "text": "x"}', 422, "user_id"),
        (b'{"user_id": "ana", "text": "\\ud800"}', 422, "text"),
        (b'{"user_id": "ana", "text": "x", "metadata": {"\\u0000": 1}}', 422, "metadata"),
        (
            b'{"user_id": "ana", "messages": [{"role": "user", "content": "\\u0000"}]}',
            422,
            "messages[0].content",
        ),
        (b'{"user_id": "ana", "messages": [{"role": "king", "content": "x"}]}', 422, "messages[0].role"),
        (b'{"user_id": "ana", "messages": [{"role": "user"}]}', 422, "messages[0].content"),
        (b'{"user_id": "ana", "messages": [7]}', 422, "messages[0]"),
        (b'{"user_id": "ana", "text": 7}', 422, "text"),
        (b'{"user_id": ["ana"], "text": "x"}', 422, "user_id"),
        (b'{"user_id": "", "text": "x"}', 422, "user_id"),
        (b'{"user_id": "' + b"a" * 256 + b'", "text": "x"}', 422, "user_id"),
        (b'{"user_id": "ana", "text": "x", "metadata": []}', 422, "metadata"),
        (b'{"user_id": "ana", "text": "x", "expires_at": "soon"}', 422, "expires_at"),
        (b'{"user_id": "ana", "text": "x", "expires_at": "2999-01-01T00:00:00"}', 422, "expires_at"),
        (b'{"user_id": "ana", "text": "x", "expires_at": "9999-12-31T23:59:59-12:00"}', 422, "expires_at"),
        (b'{"user_id": "ana", "text": "x", "txet": "y"}', 422, "txet"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, bytes) else None,
)
def test_a_bad_body_names_its_field(shared_api: Api, body: bytes, status: int, field: str) -> None:
    """In problem details, in words that hold nothing of the value."""
    answer = shared_api.call("POST", "/v1/memories", content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert field in [wrong["field"] for wrong in problem["errors"]], problem
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/memories?user_id=ana&limit=0", "limit"),
        ("/v1/memories?user_id=ana&limit=1001", "limit"),
        ("/v1/memories?user_id=ana&limit=99999999999999999999", "limit"),
        ("/v1/memories?user_id=ana&kind=king", "kind"),
        ("/v1/memories/a%20b", "memory_id"),
        (f"/v1/memories/{'a' * 65}", "memory_id"),
        ("/v1/sessions/s/turns?last=x", "last"),
    ],
)
def test_a_bad_address_names_its_field(shared_api: Api, path: str, field: str) -> None:
    """Pages have a size, ids a form."""
    answer = shared_api.get(path)
    assert answer.status_code == 422
    assert field in [wrong["field"] for wrong in answer.json()["errors"]]


def test_nul_in_an_address_is_refused(shared_api: Api) -> None:
    """Not every database could look for it."""
    for path in ("/v1/memories/a%00b", "/v1/memories?user_id=a%00b", "/v1/sessions/%00/turns"):
        assert shared_api.get(path).status_code == 400


def test_a_body_that_is_not_json_by_its_type_is_no_body(shared_api: Api) -> None:
    """As a form in a browser sends it."""
    body = json.dumps({"user_id": "ana", "text": DOG})
    answer = shared_api.call("POST", "/v1/memories", content=body, headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422


def test_a_large_body_is_refused_before_it_is_read(make_api: MakeApi) -> None:
    """By its announced size, and where none is announced, as soon as it is too large."""
    api = make_api(max_request_bytes=2048)
    sent = []

    def endless() -> Any:
        for n in range(1000):
            sent.append(n)
            yield b" " * 1024

    assert api.call("POST", "/v1/memories", content=endless(), headers=JSON).status_code == 413
    large = b'{"user_id": "ana", "text": "' + b"a" * 4096 + b'"}'
    refused = api.call("POST", "/v1/memories", content=large, headers=JSON)
    assert (refused.status_code, refused.json()["status"]) == (413, 413)
    assert api.post("/v1/memories", {"user_id": "ana", "text": DOG}).status_code == 201


def test_a_text_above_the_limit_is_413(make_api: MakeApi) -> None:
    """Also where it would have been done later."""
    api = make_api(max_text_bytes=100)
    assert api.post("/v1/memories", {"user_id": "ana", "text": "a " * 100}).status_code == 413


def test_unknown_paths_and_methods_are_problems_too(shared_api: Api) -> None:
    """404 and 405 in the same form."""
    assert shared_api.get("/v1/nothing").json()["type"] == "urn:parametric-memory:problem:not-found"
    assert shared_api.call("PUT", "/v1/memories").json()["status"] == 405


def test_what_nobody_foresaw_is_500_without_its_words(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request id leads to the log; what the error said stays there."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret of Ana's")

    monkeypatch.setattr(api.parts.memory, "search", broken)
    answer = api.post("/v1/search", {"user_id": "ana", "query": "x"})
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
