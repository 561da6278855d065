"""Two tenants at random, in each other's way: neither is told anything of the other's."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.engine import Engine

from memory.api.logs import JsonLines
from tests.api.conftest import Api

MARKS = {"acme": "ZAFFER", "globex": "QUINCE"}  # in all that a tenant says, and nowhere else
TENANTS = tuple(MARKS)
EXAMPLES = count()


@dataclass
class World:
    """What both tenants have done in one example. They name their users and sessions alike."""

    api: Api
    user: str
    told: dict[str, set[str]] = field(default_factory=lambda: {tenant: set() for tenant in TENANTS})
    ids: dict[str, list[str]] = field(default_factory=lambda: {tenant: [] for tenant in TENANTS})

    def call(self, tenant: str, method: str, path: str, body: Any = None) -> httpx.Response:
        answer = self.api.call(method, path, tenant, json=body)
        other = MARKS["globex" if tenant == "acme" else "acme"]
        assert other not in answer.text, (path, answer.text)
        assert other not in str(answer.headers)
        assert answer.status_code < 500, answer.text
        return answer

    def theirs(self, tenant: str) -> str:
        """An id of the other tenant's, or one that nobody has."""
        other = self.ids["globex" if tenant == "acme" else "acme"]
        return other[-1] if other else "0" * 32


def add(world: World, tenant: str, n: int) -> None:
    text = f"My {MARKS[tenant]} number {n} is {n}."
    session = {"session_id": "s"} if n % 2 else {}
    added = world.call(
        tenant, "POST", "/v1/memories", {"user_id": world.user, "text": text, **session}
    ).json()
    world.ids[tenant].append(added["memories"][0]["id"])
    world.told[tenant].add(text)


def look(world: World, tenant: str, n: int) -> None:
    query = {"user_id": world.user, "query": f"What is my number {n}? {'ZAFFER QUINCE'[: n * 3]}"}
    marks = [hit["memory"]["text"] for hit in world.call(tenant, "POST", "/v1/search", query).json()["hits"]]
    assert all(MARKS[tenant] in text for text in marks)
    world.call(tenant, "POST", "/v1/select", query)
    world.call(tenant, "POST", "/v1/explain", query)
    world.call(tenant, "GET", "/v1/holdings?by_document=true")
    world.call(tenant, "GET", f"/v1/sessions?user_id={world.user}")
    world.call(tenant, "GET", f"/v1/sessions/s/turns?user_id={world.user}")
    world.call(tenant, "GET", "/v1/jobs")


def chat(world: World, tenant: str, n: int) -> None:
    text = f"What is my number {n}?"
    asked = {
        "model": "reference",
        "user": world.user,
        "metadata": {"session_id": "s"},
        "stream": bool(n % 2),
        "messages": [{"role": "user", "content": text}],
    }
    world.call(tenant, "POST", "/v1/chat/completions", asked)


def meddle(world: World, tenant: str, n: int) -> None:
    """With an id of the other tenant's, in every way there is: it is not found."""
    memory = f"/v1/memories/{world.theirs(tenant)}"
    for method, path, body in (
        ("GET", memory, None),
        ("PATCH", memory, {"metadata": {"n": n}}),
        ("DELETE", memory, None),
        ("GET", f"{memory}/history", None),
        ("POST", "/v1/forget", {"memory_id": world.theirs(tenant)}),
        ("GET", f"/v1/adapters/{world.theirs(tenant)}", None),
    ):
        assert world.call(tenant, method, path, body).status_code == 404


def forget(world: World, tenant: str, _: int) -> None:
    world.call(tenant, "POST", "/v1/forget", {"user_id": world.user})
    world.told[tenant].clear()
    world.ids[tenant].clear()


STEPS: tuple[Callable[[World, str, int], None], ...] = (add, add, look, chat, meddle, forget)


@pytest.fixture(scope="module")
def log() -> Iterator[io.StringIO]:
    """What a server would write to standard error."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("memory")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(before)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    calls=st.lists(
        st.tuples(st.sampled_from(TENANTS), st.sampled_from(STEPS), st.integers(0, 4)),
        min_size=2,
        max_size=14,
    )
)
def test_whatever_two_tenants_do_neither_sees_the_other(
    shared_api: Api, log: io.StringIO, calls: list[tuple[str, Callable[..., None], int]]
) -> None:
    """Not in bodies, headers, logs or metrics; and what one does changes nothing of the other's."""
    world = World(shared_api, f"user{next(EXAMPLES)}")
    for tenant, step, n in calls:
        step(world, tenant, n)
    for tenant in TENANTS:
        listed = world.call(tenant, "GET", f"/v1/memories?user_id={world.user}").json()["memories"]
        assert {memory["text"] for memory in listed} == world.told[tenant]
    seen_outside = log.getvalue() + shared_api.client.get("/metrics").text
    for word in (*MARKS.values(), *TENANTS, world.user):
        assert word not in seen_outside


def test_looking_for_another_tenants_id_takes_the_same_steps_as_for_an_unknown_one(api: Api) -> None:
    """The same statements, so that the time it takes tells nothing either."""
    memory_id = api.add()
    api.parts.worker.stop(10)  # it looks for jobs now and then, which would stand among what is compared
    said: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        traces = []
        for method in ("GET", "PATCH", "DELETE"):
            for asked in (memory_id, "0" * 32):
                said.clear()
                body = {"json": {"text": "x"}} if method == "PATCH" else {}
                assert api.call(method, f"/v1/memories/{asked}", "globex", **body).status_code == 404
                traces.append(list(said))
        assert traces[0::2] == traces[1::2]
    finally:
        event.remove(Engine, "before_cursor_execute", note)
