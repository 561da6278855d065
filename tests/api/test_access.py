"""Who may do what: keys, roles, tenants, operators, and nobody."""

from __future__ import annotations

from typing import Any

import pytest

from memory.errors import StoreUnavailable
from tests.api.conftest import CAT, DOG, QUESTION, Api, MakeApi

CHAT = {"model": "reference", "user": "ana", "messages": [{"role": "user", "content": CAT}]}


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer pm_x_y", "Basic YTpi", "pm_x"])
def test_without_a_good_key_nothing_is_answered(api: Api, header: str | None) -> None:
    """401, however it is wrong, with the same words, and on record."""
    headers = {} if header is None else {"Authorization": header}
    for method, path in (("GET", "/v1/memories?user_id=ana"), ("POST", "/v1/forget"), ("GET", "/metrics")):
        refused = api.call(method, path, None, headers=headers | {"Origin": "http://evil.example"})
        assert refused.status_code == 401, path
        assert refused.headers["www-authenticate"] == "Bearer"
    entries = api.get("/v1/audit", who="operator").json()["entries"]
    assert [entry["status"] for entry in entries[:2]] == [401, 401]


def test_revoked_and_expired_keys_end_at_once(api: Api) -> None:
    """A key that was good is then like one that never was."""
    made = api.post("/v1/keys", {"role": "read", "name": "bot"}, who="acme-admin").json()
    api.keys["bot"] = made["secret"]
    assert api.get("/v1/memories?user_id=ana", who="bot").status_code == 200
    revoked = api.call("DELETE", f"/v1/keys/{made['id']}", "acme-admin").json()
    assert revoked["revoked_at"] is not None
    assert api.get("/v1/memories?user_id=ana", who="bot").status_code == 401
    past = {"role": "read", "expires_at": "2001-01-01T00:00:00Z"}
    assert api.post("/v1/keys", past, who="acme-admin").status_code == 422


def test_a_secret_is_shown_once(api: Api) -> None:
    """The list has none."""
    made = api.post("/v1/keys", {"role": "read"}, who="acme-admin").json()
    listed = api.get("/v1/keys", who="acme-admin")
    assert made["id"] in listed.text
    assert made["secret"].split("_")[2] not in listed.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/memories", {"user_id": "ana", "text": DOG}),
        ("PATCH", "/v1/memories/x", {"text": DOG}),
        ("DELETE", "/v1/memories/x", None),
        ("POST", "/v1/sessions/s/turns", {"messages": [{"role": "user", "content": DOG}]}),
        ("POST", "/v1/forget", {"user_id": "ana"}),
        ("POST", "/v1/jobs/x/cancel", None),
        ("POST", "/v1/chat/completions", CHAT),
    ],
)
def test_a_read_key_writes_nothing(api: Api, method: str, path: str, body: Any) -> None:
    """403, on record."""
    assert api.call(method, path, "acme-read", json=body).status_code == 403
    [entry] = api.get("/v1/audit?limit=1", who="acme-admin").json()["entries"]
    assert (entry["status"], entry["key_id"]) == (403, api.keys["acme-read"].split("_")[1])


def test_a_read_key_may_ask_where_nothing_is_stored(api: Api) -> None:
    """`store: false` answers from memory and remembers nothing."""
    api.add()
    asked = {**CHAT, "store": False, "messages": [{"role": "user", "content": QUESTION}]}
    reply = api.post("/v1/chat/completions", asked, who="acme-read").json()
    assert reply["choices"][0]["message"]["content"] == DOG


def test_only_admins_see_keys_and_audit(api: Api) -> None:
    """A write key does not."""
    for path in ("/v1/keys", "/v1/audit"):
        assert api.get(path).status_code == 403
        assert api.get(path, who="acme-admin").status_code == 200


def test_operators_manage_tenants_and_have_no_memories(api: Api) -> None:
    """They make tenants and keys; a tenant's admin does not; dropped, a tenant is gone with all it had."""
    made = api.post("/v1/tenants", {"id": "initech", "quotas": {"memories": 5}}, who="operator")
    assert (made.status_code, made.json()["quotas"]["memories"]) == (201, 5)
    assert api.post("/v1/tenants", {"id": "initech"}, who="operator").status_code == 409
    key = api.post("/v1/tenants/initech/keys", {"role": "write"}, who="operator").json()
    api.keys["initech"] = key["secret"]
    memory_id = api.add(who="initech")
    assert api.get("/v1/memories?user_id=ana", who="operator").status_code == 403
    assert api.get("/v1/tenants", who="acme-admin").status_code == 403
    assert [t["id"] for t in api.get("/v1/tenants", who="operator").json()["tenants"]] == [
        "acme",
        "globex",
        "initech",
    ]
    assert api.call("DELETE", "/v1/tenants/initech", "operator").status_code == 204
    assert api.get("/v1/memories?user_id=ana", who="initech").status_code == 401
    assert api.parts.memory.stats(tenant_id="initech").memories == 0
    assert memory_id not in api.get("/v1/memories?user_id=ana").text


def test_a_tenant_whose_erasure_was_interrupted_can_be_dropped_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys end first; what is left is still a tenant, so the operator may ask again."""
    api.post("/v1/tenants", {"id": "initech"}, who="operator")
    api.keys["initech"] = api.post("/v1/tenants/initech/keys", {"role": "write"}, who="operator").json()[
        "secret"
    ]
    api.add(who="initech")

    def lost(_: str) -> None:
        raise StoreUnavailable("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(api.parts.memory, "forget_tenant", lost)
        assert api.call("DELETE", "/v1/tenants/initech", "operator").status_code == 503
    assert api.get("/v1/memories?user_id=ana", who="initech").status_code == 401
    assert api.call("DELETE", "/v1/tenants/initech", "operator").status_code == 204
    assert api.parts.memory.stats(tenant_id="initech").memories == 0
    assert api.call("DELETE", "/v1/tenants/initech", "operator").status_code == 404


def test_another_tenants_things_are_as_unknown_as_unknown_ones(api: Api) -> None:
    """404 with the same body, but for the id that was asked for."""
    memory_id = api.add()
    job = api.post("/v1/memories", {"user_id": "ana", "text": CAT}, headers={"Prefer": "respond-async"})
    job_id = api.finished(job)["id"]
    unknown = "0" * 32
    for method, path in (
        ("GET", "/v1/memories/{}"),
        ("PATCH", "/v1/memories/{}"),
        ("DELETE", "/v1/memories/{}"),
        ("GET", "/v1/memories/{}/history"),
        ("GET", "/v1/jobs/{}"),
        ("POST", "/v1/jobs/{}/retry"),
        ("POST", "/v1/jobs/{}/cancel"),
    ):
        theirs = job_id if "jobs" in path else memory_id
        body = {"json": {"text": CAT}} if method == "PATCH" else {}
        answers = []
        for asked in (theirs, unknown):
            answer = api.call(method, path.format(asked), "globex", **body)
            assert answer.status_code == 404, path
            said = answer.json() | {"request_id": ""}
            answers.append({key: str(value).replace(asked, "ID") for key, value in said.items()})
        assert answers[0] == answers[1]
    assert api.get(f"/v1/memories/{memory_id}").status_code == 200


def test_writes_are_on_record_without_what_was_said(api: Api) -> None:
    """Which key, what, when, how it ended; of a user, the digest."""
    memory_id = api.add()
    api.call("DELETE", f"/v1/memories/{memory_id}")
    api.post("/v1/forget", {"user_id": "ana"})
    audit = api.get("/v1/audit", who="acme-admin")
    entries = [(entry["action"], entry["status"]) for entry in audit.json()["entries"]]
    assert entries == [
        ("POST /v1/forget", 200),
        ("DELETE /v1/memories/{memory_id}", 200),
        ("POST /v1/memories", 201),
    ]
    assert audit.json()["entries"][1]["target"] == memory_id
    assert not {"Biscuit", "ana"} & set(audit.text.replace('"', " ").split())
    assert api.get("/v1/audit", who="globex-admin").json()["entries"] == []


def test_nobody_is_let_in_unless_that_was_asked_for(make_api: MakeApi) -> None:
    """Anonymous callers are those of this machine, and not the pages that its browser shows."""
    api = make_api(anonymous=True)
    listed = "/v1/memories?user_id=ana"
    assert api.get(listed, who=None).status_code == 200
    assert api.get(listed, who=None, headers={"Origin": "http://localhost:3000"}).status_code == 200
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example:8750"},
    ):
        assert api.get(listed, who=None, headers=headers).status_code == 401, headers
    api.client._transport.client = ("192.0.2.7", 50000)  # type: ignore[attr-defined]
    assert api.get(listed, who=None).status_code == 401
    assert api.get(listed).status_code == 200


def test_a_missing_scope_is_never_everybody(api: Api) -> None:
    """422, and what to give."""
    api.add()
    for answer in (
        api.get("/v1/memories"),
        api.get("/v1/sessions"),
        api.post("/v1/search", {"query": QUESTION}),
        api.post("/v1/select", {"query": QUESTION}),
        api.post("/v1/memories", {"text": DOG}),
        api.post("/v1/forget", {}),
    ):
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:parametric-memory:problem:missing-scope"
        assert "user_id" in answer.json()["detail"]
    assert api.get("/v1/memories?user_id=").status_code == 422
    assert api.get("/v1/memories?user_id=%20").status_code == 422
