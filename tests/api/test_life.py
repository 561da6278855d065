"""The life of a memory over HTTP: what holds when, what goes first, compaction, archives, skills."""

from __future__ import annotations

import os
import time
from operator import itemgetter
from typing import Any

import pytest

from tests.api.conftest import DOG, QUESTION, Api, MakeApi

LISBON, PORTO = "I live in Lisbon.", "I live in Porto."
ZIP = {"Content-Type": "application/zip"}


def texts(api: Api, query: str = "", **given: Any) -> list[str]:
    listed = api.get(f"/v1/memories?user_id=ana{query}", **given).json()["memories"]
    return [memory["text"] for memory in listed]


def test_what_is_superseded_is_of_the_past(api: Api) -> None:
    """Told anew, it holds; asked for then, the former does."""
    api.add(LISBON)
    then = time.strftime("%Y-%m-%dT%H:%M:%S.999Z", time.gmtime())
    time.sleep(1)
    added = api.post("/v1/memories", {"user_id": "ana", "text": PORTO}).json()
    assert len(added["superseded"]) == 1
    assert texts(api) == [PORTO]
    assert texts(api, f"&as_of={then}") == [LISBON]
    asked = {"user_id": "ana", "query": "Where do I live?", "as_of": then}
    [hit] = api.post("/v1/search", asked).json()["hits"]
    assert (hit["memory"]["text"], hit["memory"]["superseded_by"]) == (LISBON, added["memories"][0]["id"])


def test_what_is_not_stored_is_skipped(api: Api) -> None:
    """With the reason; and without texts that must not be kept for a repeated request."""
    said = [f"{LISBON} What is the weather?", "Don't remember this: my PIN is 9911.", " ", LISBON]
    messages = [{"role": "user", "content": text} for text in said]
    added = api.post("/v1/sessions/s/turns", {"user_id": "ana", "messages": messages}).json()
    assert sorted(added["skipped"], key=itemgetter("reason")) == [
        {"text": None, "reason": "duplicate"},
        {"text": "", "reason": "empty"},
        {"text": None, "reason": "not to be kept"},
        {"text": "What is the weather?", "reason": "question"},
    ]
    again = {"user_id": "ana", "text": PORTO}
    assert api.post("/v1/memories", again).json()["skipped"] == []
    assert api.post("/v1/memories", again).json()["skipped"] == [{"text": None, "reason": "duplicate"}]


def test_what_is_pinned_says_so(api: Api) -> None:
    """Pinning changes the ETag and nothing else."""
    path = f"/v1/memories/{api.add()}"
    before = api.get(path)
    pinned = api.call("PATCH", path, json={"pinned": True})
    assert pinned.json()["pinned"] is True
    assert pinned.json() | {"pinned": False, "updated_at": None} == before.json() | {"updated_at": None}
    assert pinned.headers["etag"] != before.headers["etag"]


def test_compaction_is_a_job(api: Api) -> None:
    """Counted in a dry run, which changes nothing; the tenant's where nobody is named."""
    for n in range(10):
        api.add(f"The keeper of room {n} is called Person{n}.")
    for body in ({"user_id": "ana", "dry_run": True, "older_than_days": 0}, {"dry_run": True}):
        job = api.finished(api.post("/v1/compact", body))
        assert (job["state"], job["kind"], job["result"]["adapters_before"]) == ("done", "compact", 10), job
    assert len(texts(api)) == 10


def test_an_export_is_fetched_and_brought_to_another_tenant(api: Api) -> None:
    """The same memories, under a new name where one is given; again, nothing is added."""
    api.post("/v1/memories", {"user_id": "ana", "session_id": "s", "messages": _told()})
    api.add(LISBON)
    job = api.finished(api.post("/v1/export", {"user_id": "ana"}, who="acme-read"))
    archive = api.get(f"/v1/export/{job['id']}", who="acme-read")
    assert (archive.status_code, archive.headers["content-type"]) == (200, "application/zip")
    for added in (2, 0):
        sent = api.call("POST", "/v1/import?user_id=ben", "globex", content=archive.content, headers=ZIP)
        done = api.finished(sent, who="globex")
        assert (done["state"], done["result"]["memories"]) == ("done", added), done
    listed = api.get("/v1/memories?user_id=ben", who="globex").json()["memories"]
    assert {memory["text"] for memory in listed} == {LISBON, f"User: {DOG}"}
    assert api.get(f"/v1/export/{job['id']}", who="globex").status_code == 404
    assert _archives(api) == 1


def _told() -> list[dict[str, str]]:
    return [{"role": "user", "content": DOG}]


def _archives(api: Api) -> int:
    folder = api.parts.memory.settings.home / "archives"
    return sum(path.is_file() for path in folder.rglob("*"))


def test_a_whole_tenant_is_for_admins(api: Api) -> None:
    """To export, and to fetch."""
    api.add()
    assert api.post("/v1/export", {}).status_code == 403
    job = api.finished(api.post("/v1/export", {}, who="acme-admin"))
    assert api.get(f"/v1/export/{job['id']}").status_code == 403
    assert api.get(f"/v1/export/{job['id']}", who="acme-admin").status_code == 200


def test_an_erasure_takes_archives_along(api: Api) -> None:
    """They may hold what was erased."""
    memory_id = api.add()
    for erase in (
        lambda: api.call("DELETE", f"/v1/memories/{memory_id}"),
        lambda: api.post("/v1/forget", {"user_id": "ana"}),
    ):
        job = api.finished(api.post("/v1/export", {"user_id": "ana"}))
        assert _archives(api) == 1
        assert erase().status_code == 200
        assert _archives(api) == 0
        assert api.get(f"/v1/export/{job['id']}").status_code == 404


def test_an_export_that_ends_while_a_memory_is_deleted_goes_too(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It read the memory before it was gone."""
    really = api.parts.memory.delete

    def meanwhile(memory_id: str, **whose: Any) -> Any:
        api.parts.memory.export(api.parts.archives.path("acme", "late"), user_id="ana", tenant_id="acme")
        return really(memory_id, **whose)

    monkeypatch.setattr(api.parts.memory, "delete", meanwhile)
    for erase in (
        lambda memory_id: api.call("DELETE", f"/v1/memories/{memory_id}"),
        lambda memory_id: api.post("/v1/forget", {"memory_id": memory_id}),
    ):
        assert erase(api.add()).status_code == 200
        assert _archives(api) == 0


def test_a_skill_that_is_deleted_is_in_no_kept_answer(api: Api) -> None:
    """The request that made it is known still, and is not answered with what it said."""
    key = {"Idempotency-Key": "k"}
    body = {"user_id": "ana", "description": "Answer in one word."}
    made = api.post("/v1/skills", body, headers=key)
    assert api.call("DELETE", f"/v1/memories/{made.json()['id']}").status_code == 200
    assert api.post("/v1/skills", body, headers=key).status_code == 409


def test_archives_are_gone_after_a_day(make_api: MakeApi) -> None:
    """Though nobody exports again: any server of the home looks for them when it starts, and each hour."""
    api = make_api()
    api.add()
    old, young = (api.finished(api.post("/v1/export", {"user_id": "ana"}))["id"] for _ in range(2))
    path = api.parts.archives.existing("acme", old)
    os.utime(path, (0, 0))
    make_api()
    until = time.monotonic() + 20
    while path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not path.exists()
    assert api.get(f"/v1/export/{young}").status_code == 200


def test_what_is_no_archive_is_refused_with_its_reason(make_api: MakeApi) -> None:
    """By the job; what is too large, at once, and nothing of it is kept."""
    api = make_api(max_archive_bytes=1000)
    job = api.finished(api.call("POST", "/v1/import", content=b"no archive", headers=ZIP))
    assert job["state"] == "failed"
    assert "archive" in job["reason"]
    assert api.call("POST", "/v1/import", content=b"a" * 2000, headers=ZIP).status_code == 413
    assert api.get("/v1/export/0").status_code == 404


def test_an_import_keeps_to_quotas(api: Api) -> None:
    """What there is no room for is refused whole and at once; what is there already takes none."""
    for text in (LISBON, DOG):
        api.add(text)
    job = api.finished(api.post("/v1/export", {"user_id": "ana"}))
    archive = api.get(f"/v1/export/{job['id']}").content

    def imported(**quotas: int) -> Any:
        assert api.call("PUT", "/v1/tenants/globex/quotas", who="operator", json=quotas).status_code == 200
        return api.call("POST", "/v1/import", "globex", content=archive, headers=ZIP)

    for quotas in ({"memories": 1}, {"bytes": 100}, {"memories": 0}):
        refused = imported(**quotas)
        assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
    assert texts(api, who="globex") == []
    assert _archives(api) == 1
    assert api.finished(imported(memories=3), "globex")["result"]["memories"] == 2
    assert api.finished(imported(memories=3), "globex")["result"]["known"] == 2
    assert sorted(texts(api, who="globex")) == [LISBON, DOG]


def test_an_import_that_waited_keeps_to_quotas_too(make_api: MakeApi) -> None:
    """The room there was may be taken by then; nothing is half imported."""
    api = make_api(job_workers=0)
    api.add(LISBON)
    api.add(DOG)
    archive = api.parts.archives.path("acme", "a")
    api.parts.memory.export(archive, tenant_id="acme")
    quotas = {"memories": 2}
    api.call("PUT", "/v1/tenants/globex/quotas", who="operator", json=quotas)
    sent = api.call("POST", "/v1/import", "globex", content=archive.read_bytes(), headers=ZIP)
    api.add("My cat is called Tom.", who="globex")
    make_api().parts.wake()
    done = api.finished(sent, "globex")
    assert (done["state"], "may keep 2 memories" in done["reason"]) == ("failed", True)
    assert texts(api, who="globex") == ["My cat is called Tom."]


def test_skills_are_made_listed_and_named_in_replies(api: Api) -> None:
    """As memories of a kind of their own."""
    made = api.post("/v1/skills", {"user_id": "ana", "description": "Answer in one word."})
    assert (made.status_code, made.json()["kind"]) == (201, "skill")
    [listed] = api.get("/v1/skills?user_id=ana").json()["memories"]
    assert listed == made.json()
    asked = {"model": "reference", "user": "ana", "messages": [{"role": "user", "content": QUESTION}]}
    memory = api.post("/v1/chat/completions", asked).json()["memory"]
    assert [skill["memory_id"] for skill in memory["skills"]] == [made.json()["id"]]
