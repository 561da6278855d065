"""A quota of bytes counts all that a tenant makes us keep, and is summed from indexes."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import Text, cast, func, select

from memory.backends.sql.sizes import kept
from memory.backends.sql.tables import answers, jobs, memories, retired, turns
from memory.errors import InvalidInput
from memory.records import MAX_METADATA, check_metadata, now
from memory.server.quotas import Quotas
from tests.api.conftest import DOG, Api, MakeApi

LONG = "x" * 2000


def used(api: Api) -> int:
    """Bytes that count towards the quota of acme."""
    with api.parts.database.read() as connection:
        return kept(connection, "acme", now()).bytes + api.parts.archives.size("acme")


def limit(api: Api, more: int) -> None:
    """Let acme keep so many bytes more."""
    api.parts.access.set_quotas("acme", Quotas(bytes=used(api) + more))


def tell(api: Api, n: int) -> httpx.Response:
    return api.post("/v1/memories", {"user_id": "ana", "text": f"My dog {n} is called Biscuit{n}."})


def describe(api: Api, n: int) -> httpx.Response:
    [one] = api.get("/v1/memories?user_id=ben&limit=1").json()["memories"]
    return api.call("PATCH", f"/v1/memories/{one['id']}?user_id=ben", json={"metadata": {"note": LONG * n}})


def rewrite(api: Api, n: int) -> httpx.Response:
    [one] = api.get("/v1/memories?user_id=ben&limit=1").json()["memories"]
    text = f"My dog {n} is called Ben{n}{LONG[:80]}."
    return api.call("PATCH", f"/v1/memories/{one['id']}?user_id=ben", json={"text": text})


def go_on(api: Api, n: int) -> httpx.Response:
    said = {"role": "assistant", "content": f"{n} {LONG}"}
    return api.post("/v1/sessions/s/turns", {"user_id": "ana", "messages": [said]})


def chat(api: Api, n: int) -> httpx.Response:
    said = [{"role": "user", "content": f"What is {n} {LONG}?"}]
    body = {"model": "reference", "user": "ana", "metadata": {"session_id": "s"}, "messages": said}
    return api.post("/v1/chat/completions", body)


def queue(api: Api, n: int) -> httpx.Response:
    body = {"user_id": "ana", "text": f"{n} {LONG}"}
    return api.post("/v1/memories", body, headers={"Prefer": "respond-async"})


def repeat(api: Api, n: int) -> httpx.Response:
    body = {"user_id": "ben", "text": DOG, "metadata": {"note": LONG}}
    return api.post("/v1/memories", body, headers={"Idempotency-Key": str(n)})


def export(api: Api, n: int) -> httpx.Response:  # noqa: ARG001
    job = api.post("/v1/export", {"user_id": "ben"})
    if job.status_code == 202:
        assert api.finished(job)["state"] == "done"
    return job


def upload(api: Api, n: int) -> httpx.Response:  # noqa: ARG001
    zipped = {"Content-Type": "application/zip"}
    return api.call("POST", "/v1/import?user_id=ana", content=LONG.encode() * 5, headers=zipped)


WAYS = {
    way.__name__: way for way in (tell, describe, rewrite, go_on, chat, queue, repeat, export, upload)
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_whatever_is_kept_counts(make_api: MakeApi, way: str) -> None:
    """Asked again and again, each way ends with 429 and the reason, near the quota; another goes on."""
    api = make_api(job_workers=0 if way == "queue" else 1)
    api.add("My boat is called Zed.", user_id="ben", metadata={"note": LONG})
    limit(api, 9_000)
    for n in range(1, 60):
        answer = WAYS[way](api, n)
        if answer.status_code == 429:
            break
        assert answer.status_code < 300, answer.text
    assert answer.status_code == 429, f"{used(api)} bytes"
    assert "quota" in answer.text
    assert int(answer.headers["retry-after"]) > 0
    assert used(api) <= api.parts.access.quotas("acme").bytes + 9_000  # type: ignore[operator]
    assert api.post("/v1/memories", {"user_id": "ana", "text": DOG}, who="globex").status_code == 201
    assert api.post("/v1/forget", {"user_id": "ben"}).status_code == 200
    assert api.post("/v1/forget", {"user_id": "ana"}).status_code == 200
    assert tell(api, 0).status_code == 201


def test_sizes_of_rows_are_those_of_what_they_hold(make_api: MakeApi) -> None:
    """After all that can change them, once counted by the database itself."""
    api = make_api()
    [api.add(f"My dog {n} is called Biscuit{n}.", user_id="ben", metadata={"é": n}) for n in range(4)]
    for n, way in enumerate((tell, describe, rewrite, describe, go_on, chat, queue, repeat, export), 1):
        answer = way(api, n)
        if answer.status_code == 202:
            api.finished(answer)
    api.finished(api.post("/v1/compact", {"user_id": "ben", "min_adapters": 2}))
    assert describe(api, 3).status_code == 200
    assert api.post("/v1/forget", {"user_id": "ana"}).status_code == 200
    sized: dict[Any, tuple[str, ...]] = {
        memories: ("text", "metadata"),
        retired: ("text", "metadata"),
        turns: ("text",),
        jobs: ("payload", "result"),
        answers: ("body",),
    }
    for table, columns in sized.items():
        with api.parts.database.read() as connection:
            parts = [func.coalesce(func.length(cast(table.c[name], Text)), 0) for name in columns]
            rows = connection.execute(select(table.c.size, *parts)).all()
        brackets = 2 if "metadata" in columns else 0
        assert [row[0] for row in rows] == [sum(row[1:]) - brackets for row in rows], table.name


def test_sums_read_indexes_and_no_rows(api: Api) -> None:
    """So a write costs no more where much is kept: SQLite says that it reads covering indexes alone."""
    asked: list[str] = []
    with api.parts.database.read() as connection:
        kept(connection, "acme", now())
        for table in ("memories", "retired", "turns", "jobs", "answers"):
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN SELECT sum(size) FROM {table} WHERE tenant_id = 'acme'"
            )
            asked += [row[3] for row in plan]
    assert [how for how in asked if "COVERING INDEX" not in how] == []


def test_metadata_has_a_size() -> None:
    """Each change of a text keeps a copy of it."""
    check_metadata({"note": "x" * (MAX_METADATA - 20)})
    with pytest.raises(InvalidInput, match="65,"):
        check_metadata({"note": "x" * MAX_METADATA})
    assert json.dumps({}) == "{}"
