"""Statements that the upstream draws out of turns: off by default, and never in the way of the turn."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Api, MakeApi
from tests.api.stub_upstream import KEY, Stub, stub_upstream

SAID = "Oh well, we drove down to Porto with Biscuit, that is the dog, and I turned 40 there."
DRAWN = ["My dog is called Biscuit.", "I turned 40 in Porto."]


@pytest.fixture
def stub() -> Iterator[Stub]:
    with stub_upstream() as server:
        yield server


@pytest.fixture
def api(make_api: MakeApi, stub: Stub) -> Api:
    return make_api(
        upstream_url=stub.url, upstream_key=KEY, upstream_extraction_model="drawer", upstream_timeout_s=1.0
    )


def chat(api: Api, said: str = SAID, **given: Any) -> None:
    body = {"model": "m", "user": "ana", "messages": [{"role": "user", "content": said}], **given}
    assert api.post("/v1/chat/completions", body).status_code == 200


def texts(api: Api) -> set[str]:
    return {one["text"] for one in api.get("/v1/memories?user_id=ana").json()["memories"]}


def jobs(api: Api) -> list[dict[str, Any]]:
    """All, once each has ended or failed an attempt."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found: list[dict[str, Any]] = api.get("/v1/jobs").json()["jobs"]
        if all(one["ended_at"] or one["reason"] for one in found):
            return found
        time.sleep(0.02)
    raise AssertionError(found)


@pytest.mark.parametrize("stream", [False, True])
def test_statements_are_remembered_beside_the_turn(api: Api, stub: Stub, stream: bool) -> None:
    """By the model that the operator names, in a form of JSON; the turn is kept as it was told."""
    stub.statements = json.dumps({"statements": [*DRAWN, DRAWN[0], "", "x" * 501, 7]})
    chat(api, stream=stream)
    assert f"User: {SAID}" in texts(api)
    [job] = jobs(api)
    assert (job["kind"], job["state"]) == ("extract", "done")
    assert set(DRAWN) <= texts(api)
    asked = stub.last
    assert asked["model"] == "drawer"
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert asked["messages"][-1] == {"role": "user", "content": SAID}
    assert stub.headers[-1]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("statements", ["no JSON", "{}", '{"statements": 7}', "[]"])
def test_what_is_no_answer_loses_nothing(api: Api, stub: Stub, statements: str) -> None:
    """The turn is kept; the job says why, without the text, and is tried again."""
    stub.statements = statements
    chat(api)
    [job] = jobs(api)
    assert SAID not in json.dumps(job)
    assert texts(api) == {f"User: {SAID}"}


def test_an_upstream_that_fails_then_loses_nothing(api: Api, stub: Stub) -> None:
    """Its error is the client's; what was told is kept."""
    stub.fails = "429"
    body = {"model": "m", "user": "ana", "messages": [{"role": "user", "content": SAID}]}
    assert api.post("/v1/chat/completions", body).status_code == 429
    [job] = jobs(api)
    assert KEY not in json.dumps(job)
    assert texts(api) == {f"User: {SAID}"}


@pytest.mark.parametrize(
    ("said", "given"),
    [
        (SAID, {"store": False}),
        (SAID, {"user": None}),
        ("Don't remember this: my PIN is 4821.", {}),
        ("What is my dog called?", {}),
    ],
)
def test_what_is_not_remembered_is_not_drawn_from(
    api: Api, stub: Stub, said: str, given: dict[str, Any]
) -> None:
    """Nor is it sent anywhere but for its reply."""
    chat(api, said, **given)
    assert jobs(api) == []
    assert len(stub.requests) == 1


def test_it_is_off_by_default(make_api: MakeApi, stub: Stub) -> None:
    """One request a turn, and no job."""
    api = make_api(upstream_url=stub.url)
    chat(api)
    assert jobs(api) == []
    assert len(stub.requests) == 1
