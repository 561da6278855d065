"""/v1/memories and what goes with it: add, look, change, forget, again and later."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from memory.api.app import open_store
from memory.errors import StoreBusy, StoreUnavailable
from memory.records import now
from memory.server.idempotency import LEASE
from memory.settings import Settings
from tests.api.conftest import CAT, DOG, QUESTION, Api, Founded, MakeApi
from tests.faults import Faulty

TALK = [{"role": "user", "content": CAT}, {"role": "assistant", "content": "Nice."}]


def test_messages_are_taken_as_clients_have_them(api: Api) -> None:
    """Of parts texts are read; developers', tools' and empty messages tell nothing, and refuse nothing."""
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/boat.png"}}
    said = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": DOG}, picture], "name": "ana"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "It rains."},
        {"role": "assistant", "content": None, "refusal": "I can't."},
        {"role": "user", "content": None},
    ]
    added = api.post("/v1/memories", {"user_id": "ana", "session_id": "s", "messages": said})
    assert added.status_code == 201, added.text
    parts = {"user_id": "ana", "messages": [{"role": "user", "content": [{"type": "text", "text": DOG}]}]}
    assert api.post("/v1/sessions/s/turns", parts).status_code == 201
    assert api.post("/v1/memories", {**parts, "user_id": "ben"}).status_code == 201
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [(one["role"], one["content"]) for one in turns] == [
        ("system", "Be kind."),
        ("user", DOG),
        ("user", DOG),
    ]
    for user in ("ana", "ben"):
        [memory] = api.get(f"/v1/memories?user_id={user}").json()["memories"]
        assert memory["text"] == f"User: {DOG}"


def test_what_was_added_is_found_listed_and_read(api: Api) -> None:
    """One memory, by every way of looking."""
    memory_id = api.add(metadata={"source": "test"}, expires_at="2999-01-01T00:00:00+02:00")
    read = api.get(f"/v1/memories/{memory_id}").json()
    assert (read["text"], read["user_id"], read["kind"]) == (DOG, "ana", "message")
    assert read["metadata"] == {"source": "test"}
    assert read["expires_at"] == "2998-12-31T22:00:00Z"
    assert api.get("/v1/memories?user_id=ana").json() == {"memories": [read], "cursor": None}
    [hit] = api.post("/v1/search", {"user_id": "ana", "query": QUESTION}).json()["hits"]
    assert hit["memory"] == read
    [choice] = api.post("/v1/select", {"user_id": "ana", "query": QUESTION}).json()["adapters"]
    assert (choice["memory_id"], choice["text"]) == (memory_id, DOG)


def test_pages_follow_each_other(api: Api) -> None:
    """Newest first, each once."""
    ids = [api.add(f"My lucky number {n} is {n}.") for n in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/v1/memories?user_id=ana&limit=2{cursor and f'&cursor={cursor}'}").json()
        seen += [memory["id"] for memory in page["memories"]]
        cursor = page["cursor"]
    assert seen == ids[::-1]


def test_a_long_text_is_a_document_and_can_be_forgotten_alone(api: Api) -> None:
    """By the name it was given, or by that of its content."""
    long = " ".join(f"The keeper of room {n} is called Person{n}." for n in range(30))
    added = api.post("/v1/memories", {"user_id": "ana", "text": long, "document_id": "rooms"}).json()
    assert len(added["memories"]) > 1
    dog = api.add()
    receipt = api.post("/v1/forget", {"user_id": "ana", "document_id": "rooms"}).json()
    assert len(receipt["memories"]) == len(added["memories"])
    assert [m["id"] for m in api.get("/v1/memories?user_id=ana").json()["memories"]] == [dog]


def test_a_memory_changes_only_while_it_is_as_it_was_seen(api: Api) -> None:
    """ETag, If-None-Match, If-Match; what is left out stays."""
    path = f"/v1/memories/{api.add(metadata={'a': 1})}"
    first = api.get(path).headers["etag"]
    assert api.get(path, headers={"If-None-Match": f'"other", {first}'}).status_code == 304
    changed = api.call("PATCH", path, json={"text": CAT}, headers={"If-Match": first})
    assert (changed.json()["text"], changed.json()["metadata"]) == (CAT, {"a": 1})
    stale = api.call("PATCH", path, json={"text": DOG}, headers={"If-Match": first})
    assert stale.status_code == 412
    assert api.get(path, headers={"If-None-Match": first}).json()["text"] == CAT
    assert api.get(path).headers["etag"] == changed.headers["etag"]


def test_of_two_servers_that_change_what_both_have_seen_one_is_refused(
    make_api: MakeApi, founded: Founded, tmp_path: Path
) -> None:
    """Both compare the ETag before either writes; 412 all the same, for PATCH and for DELETE."""
    at_once = Barrier(2, timeout=20)
    settings = Settings.load(home=founded.copied(tmp_path / "home"))

    def fault(step: str) -> None:
        if step in ("before store.annotate", "before store.delete"):
            at_once.wait()

    both = [make_api(store=Faulty(open_store(settings), "store", fault)) for _ in range(2)]
    path = f"/v1/memories/{both[0].add()}"
    for method, given in (("PATCH", {"json": {"pinned": True}}), ("DELETE", {})):
        seen = {"If-Match": both[0].get(path).headers["etag"]}
        with ThreadPoolExecutor(2) as pool:
            answers = [pool.submit(api.call, method, path, headers=seen, **given) for api in both]
            statuses = sorted(answer.result().status_code for answer in answers)
        assert statuses == [200, 412], method


def test_a_pin_changes_with_everything_else_in_one_step(api: Api) -> None:
    """One event, and one ETag."""
    path = f"/v1/memories/{api.add()}"
    changed = api.call("PATCH", path, json={"pinned": True, "metadata": {"a": 1}}).json()
    assert (changed["pinned"], changed["metadata"]) == (True, {"a": 1})
    later = {"pinned": False, "metadata": {}, "expires_at": None}
    assert api.call("PATCH", path, json=later).json()["pinned"] is False
    events = api.get(f"{path}/history").json()["events"]
    assert [event["event"] for event in events] == ["ADD", "UPDATE", "UPDATE"]


def test_expiry_can_be_set_and_taken_away(api: Api) -> None:
    """null takes it away; left out, it stays."""
    path = f"/v1/memories/{api.add()}"
    at = "2999-01-01T00:00:00Z"
    assert api.call("PATCH", path, json={"expires_at": at}).json()["expires_at"] == at
    assert api.call("PATCH", path, json={"metadata": {"a": 1}}).json()["expires_at"] == at
    assert api.call("PATCH", path, json={"expires_at": None}).json()["expires_at"] is None
    assert api.call("PATCH", path, json={}).status_code == 422


def test_deleting_gives_a_receipt_and_leaves_history(api: Api) -> None:
    """What happened stays known, what was said does not."""
    memory_id = api.add()
    receipt = api.call("DELETE", f"/v1/memories/{memory_id}").json()
    assert [gone["memory_id"] for gone in receipt["memories"]] == [memory_id]
    assert api.get(f"/v1/memories/{memory_id}").status_code == 404
    history = api.get(f"/v1/memories/{memory_id}/history")
    assert [event["event"] for event in history.json()["events"]] == ["ADD", "DELETE"]
    assert "Biscuit" not in history.text


def test_a_session_has_turns_and_is_listed(api: Api) -> None:
    """Messages become turns; going on appends; forgetting the session takes them."""
    api.post("/v1/memories", {"user_id": "ana", "session_id": "s1", "messages": TALK})
    more = {"user_id": "ana", "messages": [{"role": "user", "content": DOG}]}
    assert api.post("/v1/sessions/s1/turns", more).status_code == 201
    turns = api.get("/v1/sessions/s1/turns?user_id=ana").json()["turns"]
    assert [turn["content"] for turn in turns] == [CAT, "Nice.", DOG]
    assert len(api.get("/v1/sessions/s1/turns?user_id=ana&last=1").json()["turns"]) == 1
    assert api.get("/v1/sessions/s1/turns?user_id=ben").json() == {"turns": []}
    [session] = api.get("/v1/sessions?user_id=ana").json()["sessions"]
    assert (session["session_id"], session["user_id"], session["turns"]) == ("s1", "ana", 3)
    receipt = api.post("/v1/forget", {"user_id": "ana", "session_id": "s1"}).json()
    assert len(receipt["turns"]) == 3
    assert api.get("/v1/sessions?user_id=ana").json()["sessions"] == []


def test_sessions_are_paged(api: Api) -> None:
    """By name."""
    for name in ("c", "a", "b"):
        api.post("/v1/memories", {"user_id": "ana", "session_id": name, "messages": TALK})
    first = api.get("/v1/sessions?user_id=ana&limit=2").json()
    then = api.call("GET", "/v1/sessions", params={"user_id": "ana", "cursor": first["cursor"]}).json()
    names = [session["session_id"] for session in first["sessions"] + then["sessions"]]
    assert (names, then["cursor"]) == (["a", "b", "c"], None)
    for odd in ("x", "[" * 3000, "[1]", "null"):
        assert api.get(f"/v1/sessions?user_id=ana&cursor={odd}").status_code == 422


@pytest.mark.parametrize("path", ["/v1/sessions/s1/turns", "/v1/memories"])
@pytest.mark.parametrize("dies", [False, True])
def test_a_request_cut_off_after_its_turns_were_stored_adds_them_once(
    make_api: MakeApi, founded: Founded, tmp_path: Path, path: str, dies: bool
) -> None:
    """Refused with 503, or its process died: sent again, though the session has gone on meanwhile."""
    failing = True

    def fault(step: str) -> None:
        if failing and step == "before store.mark_internalized":
            raise StoreUnavailable("the connection to the database was lost")

    settings = Settings.load(home=founded.copied(tmp_path / "home"))
    api = make_api(store=Faulty(open_store(settings), "store", fault))
    if dies:
        api.parts.idempotency.abandon = lambda *_: None  # type: ignore[method-assign]
    whose = {"user_id": "ana"} if "turns" in path else {"user_id": "ana", "session_id": "s1"}
    key = {"Idempotency-Key": "k1"}
    assert api.post(path, {**whose, "messages": TALK}, headers=key).status_code == 503
    failing = False
    more = {"user_id": "ana", "messages": [{"role": "user", "content": DOG}]}
    assert api.post("/v1/sessions/s1/turns", more).status_code == 201
    api.parts.idempotency._clock = lambda: now() + LEASE
    assert api.post(path, {**whose, "messages": TALK}, headers=key).status_code == 201
    turns = api.get("/v1/sessions/s1/turns?user_id=ana").json()["turns"]
    assert [turn["content"] for turn in turns] == [CAT, "Nice.", DOG]


def test_a_repeated_post_with_its_key_is_answered_not_repeated(api: Api) -> None:
    """The first one's answer, marked; another request under the same key is refused."""
    more = {"user_id": "ana", "messages": TALK}
    key = {"Idempotency-Key": "k1"}
    first = api.post("/v1/sessions/s1/turns", more, headers=key)
    again = api.post("/v1/sessions/s1/turns", more, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert len(api.get("/v1/sessions/s1/turns?user_id=ana").json()["turns"]) == 2
    other = api.post("/v1/sessions/s1/turns", {**more, "user_id": "ben"}, headers=key)
    assert other.status_code == 409


def test_a_filter_that_is_none_stops_no_job(api: Api) -> None:
    """Refused before anything is touched."""
    api.parts.worker.stop(5)
    job = api.post("/v1/memories", {"user_id": "ana", "text": DOG}, headers={"Prefer": "respond-async"})
    for wrong in ({"metadata": {}}, {"metadata": {"a": 1}, "document_id": "handbook"}):
        assert api.post("/v1/forget", {"user_id": "ana", **wrong}).status_code == 422
    assert api.get(job.headers["location"]).json()["state"] == "queued"


def test_erasing_somebody_takes_their_answers_and_nobody_elses(api: Api) -> None:
    """Ben's requests can still be sent again."""
    for user in ("ana", "ben"):
        body = {"user_id": user, "text": DOG}
        assert api.post("/v1/memories", body, headers={"Idempotency-Key": user}).status_code == 201
    assert api.post("/v1/forget", {"user_id": "ana"}).status_code == 200
    for user, status in (("ana", 409), ("ben", 201)):
        body = {"user_id": user, "text": DOG}
        again = api.post("/v1/memories", body, headers={"Idempotency-Key": user})
        assert again.status_code == status, again.text


def test_a_key_of_a_request_that_failed_can_be_used_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing happened, so nothing is remembered of it."""
    with monkeypatch.context() as broken:

        def busy(*_: object, **__: object) -> None:
            raise StoreBusy("another process is writing")

        broken.setattr(api.parts.memory, "add", busy)
        body = {"user_id": "ana", "text": DOG}
        refused = api.post("/v1/memories", body, headers={"Idempotency-Key": "k"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert api.post("/v1/memories", body, headers={"Idempotency-Key": "k"}).status_code == 201


def test_much_text_is_done_later(make_api: MakeApi) -> None:
    """202 with a job, by size or by wish; when the job is done, it is remembered."""
    api = make_api(async_text_bytes=100)
    long = " ".join(f"The keeper of room {n} is called Person{n}." for n in range(30))
    body = {"user_id": "ana", "text": long, "document_id": "rooms"}
    answer = api.post("/v1/memories", body, headers={"Idempotency-Key": "k"})
    job = api.finished(answer)
    assert (job["state"], job["result"]["document_id"]) == ("done", "rooms")
    listed = api.get("/v1/memories?user_id=ana&document_id=rooms").json()["memories"]
    assert len(listed) == job["result"]["created"] > 1
    again = api.post("/v1/memories", body, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json()["id"]) == (202, job["id"])
    wished = api.post("/v1/memories", {"user_id": "ana", "text": DOG}, headers={"Prefer": "respond-async"})
    assert api.finished(wished)["result"]["created"] == 1
    assert len(api.get("/v1/jobs").json()["jobs"]) == 2
    assert api.get(f"/v1/jobs/{job['id']}", who="globex").status_code == 404


def test_what_a_job_could_not_do_is_refused_at_once(api: Api) -> None:
    """A wrong request is no job."""
    later = {"Prefer": "respond-async"}
    for body in (
        {"text": DOG},
        {"user_id": "ana", "text": "  "},
        {"user_id": "ana", "text": DOG, "expires_at": "2001-01-01T00:00:00Z"},
    ):
        assert api.post("/v1/memories", body, headers=later).status_code == 422, body
    assert api.get("/v1/jobs").json()["jobs"] == []


def test_jobs_are_cancelled_and_tried_again(make_api: MakeApi) -> None:
    """Where nobody works, a job waits; cancelled, it stays so."""
    api = make_api(job_workers=0)
    job = api.post("/v1/memories", {"user_id": "ana", "text": DOG}, headers={"Prefer": "respond-async"})
    path = job.headers["location"]
    assert api.get(path).json()["state"] == "queued"
    assert api.post(f"{path}/retry").status_code == 409
    assert api.post(f"{path}/cancel").json()["state"] == "cancelled"
    assert api.get("/v1/jobs?state=cancelled").json()["jobs"][0]["id"] == job.json()["id"]


def test_forgetting_reaches_what_is_yet_to_be_done(make_api: MakeApi) -> None:
    """A queued text of the user is no more there, and never becomes a memory."""
    api = make_api(job_workers=0)
    job = api.post("/v1/memories", {"user_id": "ana", "text": DOG}, headers={"Prefer": "respond-async"})
    api.post("/v1/forget", {"user_id": "ana"})
    assert api.get(job.headers["location"]).json()["state"] == "cancelled"
    assert api.parts.jobs.get("acme", job.json()["id"]).payload is None


def test_quotas_answer_429(api: Api) -> None:
    """Of memories and of requests, with when to come again."""
    quotas = {"memories": 1}
    assert api.call("PUT", "/v1/tenants/acme/quotas", who="operator", json=quotas).status_code == 200
    api.add()
    full = api.post("/v1/memories", {"user_id": "ana", "text": CAT})
    assert (full.status_code, int(full.headers["retry-after"]) > 0) == (429, True)
    api.call("PUT", "/v1/tenants/acme/quotas", who="operator", json={"requests_per_minute": 1})
    codes = {api.get("/v1/memories?user_id=ana").status_code for _ in range(3)}
    assert 429 in codes
    assert api.get("/v1/memories?user_id=ana", who="globex").status_code == 200


def test_answers_of_a_limited_tenant_say_what_is_left(api: Api) -> None:
    """Every one, and the 429 too; nobody else's."""
    where = "/v1/memories?user_id=ana"
    assert "ratelimit" not in api.get(where).headers
    api.call("PUT", "/v1/tenants/acme/quotas", who="operator", json={"requests_per_minute": 3})
    asked = [api.get(path) for path in (where, "/v1/memories/none?user_id=ana", *[where] * 5)]
    assert 429 in {one.status_code for one in asked}  # seven of three, also where a minute begins meanwhile
    assert {one.headers["ratelimit-policy"] for one in asked} == {'"requests";q=3;w=60'}
    for one in asked:
        left = re.fullmatch(r'"requests";r=(\d);t=(\d\d?)', one.headers["ratelimit"])
        assert left is not None
        assert 1 <= int(left[2]) <= 60
        assert one.status_code != 429 or left[1] == "0"
    assert "ratelimit" not in api.get(where, who="globex").headers


def test_a_memory_is_got_by_the_beginning_of_its_id(api: Api) -> None:
    """Where no other of the tenant's begins so; another tenant's count as not there."""
    memory_id = api.add()
    assert api.get(f"/v1/memories/{memory_id[:24]}").json()["id"] == memory_id
    assert api.get(f"/v1/memories/{memory_id[:24]}", who="globex").status_code == 404
    other = api.add("My cat is called Tom.")
    common = next(n for n in range(32) if memory_id[n] != other[n])
    ambiguous = api.get(f"/v1/memories/{memory_id[:common]}")
    assert ambiguous.status_code == 422
    assert other in ambiguous.json()["detail"]
