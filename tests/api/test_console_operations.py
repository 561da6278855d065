"""The console's pages of people, documents, jobs, keys, tenants, audit and activity."""

from __future__ import annotations

import html
import re
import time

import httpx
import pytest

from memory.api.activity import Activity
from memory.api.console.drawn import bars, lines
from tests.api.conftest import DOG, HOME, QUESTION, Api, MakeApi, sign_in
from tests.office_files import docx, pdf


def upload(api: Api, name: str, data: bytes, **fields: str) -> httpx.Response:
    return api.client.post(
        "/console/documents", data={"user_id": "ana", **fields}, files={"file": (name, data)}, headers=HOME
    )


def ended(api: Api, answer: httpx.Response) -> str:
    """The page of the job that a form has led to, once nothing more is asked for."""
    assert answer.status_code == 200, answer.text
    until = time.monotonic() + 20
    while "hx-get" in (text := api.client.get(str(answer.url)).text):
        assert time.monotonic() < until, text
        time.sleep(0.05)
    return text


def texts(api: Api) -> list[str]:
    return [memory["text"] for memory in api.get("/v1/memories?user_id=ana").json()["memories"]]


def test_documents_are_uploaded_counted_and_erased(api: Api) -> None:
    """Text and office files become memories of the user; a document goes with its receipt alone."""
    sign_in(api)
    assert "My boat is called Argo." in upload(api, "boat.docx", docx("My boat is called Argo.")).text
    assert upload(api, "x.txt", b"The ferry leaves at nine.", document_id="ferry").status_code == 200
    api.add()
    people = api.client.get("/console/people").text
    assert 'href="/console/people/one?user_id=ana"' in people
    person = api.client.get("/console/people/one?user_id=ana").text
    assert "boat.docx" in person
    assert "3 memories, 2 documents" in person
    erasing = {"user_id": "ana", "document_id": "ferry", "confirm": "ferry"}
    receipt = api.client.post("/console/erase", data=erasing, headers=HOME).text
    assert "1 memory" in receipt
    assert sorted(texts(api)) == ["My boat is called Argo.", DOG]


def test_everything_of_somebody_goes_once_the_name_is_typed(api: Api) -> None:
    """Another name, or none, erases nothing; the audit names nobody."""
    api.add()
    api.add(user_id="ben")
    sign_in(api)
    for confirm in ({}, {"confirm": "ben"}):
        refused = api.client.post("/console/erase", data={"user_id": "ana", **confirm}, headers=HOME)
        assert refused.status_code == 422
    assert texts(api) == [DOG]
    receipt = api.client.post("/console/erase", data={"user_id": "ana", "confirm": "ana"}, headers=HOME)
    assert receipt.status_code == 200
    assert texts(api) == []
    assert "ana" not in api.client.get("/console/people").text
    [entry] = [
        e
        for e in api.get("/v1/audit", who="acme-admin").json()["entries"]
        if "erase" in e["action"] and e["status"] == 200
    ]
    assert re.fullmatch("[0-9a-f]{64}", entry["target"])


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("cut.pdf", pdf("x")[:200], "cut.pdf cannot be read"),
        ("bomb.docx", docx(more={"word/styles.xml": b"0" * 40_000_000}), "unpacks to"),
        ("latin.txt", b"caf\xe9", "is not UTF-8"),
        ("empty.md", b" ", "nothing to remember"),
    ],
)
def test_what_is_broken_is_refused_with_its_reason(api: Api, name: str, data: bytes, said: str) -> None:
    """And nothing of it is stored."""
    sign_in(api)
    answer = upload(api, name, data)
    assert answer.status_code in (413, 422)
    assert said in html.unescape(answer.text)
    assert texts(api) == []


def test_a_file_is_needed_and_one_too_large_is_refused(make_api: MakeApi) -> None:
    """413 with the limit, before it is read."""
    api = make_api(max_request_bytes=100_000)
    sign_in(api)
    assert (
        "choose a file" in api.client.post("/console/documents", data={"user_id": "ana"}, headers=HOME).text
    )
    large = upload(api, "x.txt", b"x" * 200_000)
    assert large.status_code == 413
    assert "100,000 bytes" in large.text


def test_a_long_document_is_a_job_and_an_export_has_its_file(make_api: MakeApi) -> None:
    """The job's page asks for itself while it runs, and no more when it has ended."""
    api = make_api(async_text_bytes=100)
    sign_in(api)
    long = " ".join(f"Room {n} of the hotel has {n * 7} windows." for n in range(40))
    done = ended(api, upload(api, "hotel.txt", long.encode()))
    assert "done" in done
    assert texts(api)
    exported = api.client.post("/console/export", data={"user_id": "ana"}, headers=HOME)
    link = re.search(r'href="(/console/exports/\w+)"', ended(api, exported))
    assert link is not None
    archive = api.client.get(link[1])
    assert archive.content[:2] == b"PK"
    assert "hotel.txt" not in api.client.get("/console/jobs").text  # a job names whose, never what
    sign_in(api, "globex")
    assert api.client.get(link[1]).status_code == 404


def test_jobs_are_retried_and_cancelled(make_api: MakeApi) -> None:
    """A waiting one ends at once; one that has not failed is not tried again."""
    api = make_api(job_workers=0)
    sign_in(api)
    waiting = api.client.post("/console/compact", data={"dry_run": "yes"}, headers=HOME)
    where = str(waiting.url)
    assert "queued" in waiting.text
    cancelled = api.client.post(f"{where}/cancel", headers=HOME)
    assert "cancelled" in cancelled.text
    assert "hx-get" not in cancelled.text
    assert api.client.post(f"{where}/retry", headers=HOME).status_code == 409
    assert api.client.post("/console/compact", data={"older_than_days": "x"}, headers=HOME).status_code == 422


def test_a_dry_run_of_a_compaction_changes_nothing(api: Api) -> None:
    """Its page says what would be joined."""
    for n in range(10):
        api.add(f"Room {n} of the hotel has {n * 7 + 1} windows.", session_id="s")
    sign_in(api)
    data = {"user_id": "ana", "min_adapters": "2", "dry_run": "yes"}
    page = ended(api, api.client.post("/console/compact", data=data, headers=HOME))
    assert re.search(r"<dt>Adapters before</dt><dd>10</dd>", page)
    assert re.search(r"<dt>Dry run</dt><dd>yes</dd>", page)
    assert len(texts(api)) == 10


def test_keys_are_made_and_revoked_by_admins(api: Api) -> None:
    """A secret is shown once, in no other page, and works until it is revoked."""
    sign_in(api)
    assert api.client.get("/console/keys").status_code == 403
    sign_in(api, "acme-admin")
    made = api.client.post(
        "/console/keys", data={"name": "bot", "role": "read", "days": "3"}, headers=HOME
    ).text
    secret = re.search(r"pm_[0-9a-f]{16}_[\w-]{43}", made)
    assert secret is not None
    again = api.client.get("/console/keys").text
    assert "bot" in again
    assert "pm_" not in again
    bearer = {"Authorization": f"Bearer {secret[0]}"}
    assert api.client.get("/v1/memories?user_id=ana", headers=bearer).status_code == 200
    api.client.post(f"/console/keys/{secret[0].split('_')[1]}/revoke", headers=HOME)
    assert api.client.get("/v1/memories?user_id=ana", headers=bearer).status_code == 401
    assert api.client.post("/console/keys", data={"role": "king"}, headers=HOME).status_code == 422


def test_the_first_steps_end_with_a_memory(api: Api) -> None:
    """Who has nothing yet is led there: make a key, paste the command, see it arrive."""
    sign_in(api, "acme-admin")
    assert str(api.client.get("/console").url).endswith("/console/start")
    page = html.unescape(api.client.post("/console/start", headers=HOME).text)
    command = re.search(r"Bearer (pm_\w+_[\w-]+)'.*-d '([^']+)'", page, re.DOTALL)
    waiting = re.search(r'hx-get="([^"]+)"', page)
    assert command is not None
    assert waiting is not None
    assert "Waiting" in api.client.get(waiting[1]).text
    told = api.client.post(
        "/v1/memories",
        content=command[2],
        headers={"Authorization": f"Bearer {command[1]}", "Content-Type": "application/json"},
    )
    assert told.status_code == 201
    arrived = api.client.get(waiting[1]).text
    assert DOG in arrived
    assert "hx-get" not in arrived
    assert str(api.client.get("/console").url).endswith("/console/ask")


def test_where_nobody_needs_a_key_the_command_has_none(make_api: MakeApi) -> None:
    """With --anonymous the first steps begin with the command."""
    api = make_api(anonymous=True)
    page = html.unescape(api.client.get("/console").text)
    assert "Waiting for it" in page
    assert "curl http://127.0.0.1:8750/v1/memories" in page
    assert "Bearer" not in page
    keys = html.unescape(api.client.get("/console/keys").text)
    assert "nobody needs a key" in keys
    assert "Make it" not in keys


def test_a_turn_says_what_it_stored_and_skipped(api: Api) -> None:
    """In a session it and the reply become turns; without the box nothing does; a key that reads cannot."""
    sign_in(api)
    asked = {
        "user_id": "ana",
        "session_id": "s",
        "question": "Hello! My dog is called Rex. What is the time?",
    }
    assert "What this turn stored" not in api.client.post("/console/ask", data=asked, headers=HOME).text
    assert texts(api) == []
    answer = api.client.post("/console/ask", data={**asked, "remember": "yes"}, headers=HOME).text
    assert re.search(r"stored</span>\s*<a[^>]*>[^<]*My dog is called Rex\.", answer)
    assert re.search(r"skipped: question</span>\s*What is the time\?", answer)
    again = api.client.post("/console/ask", data=asked, headers=HOME).text
    assert again.index("Said before in this session") < again.index("Asked now") < again.index("<textarea")
    sign_in(api, "acme-read")
    refused = api.client.post("/console/ask", data={**asked, "remember": "yes"}, headers=HOME)
    assert refused.status_code == 403
    assert 'name="remember"' not in api.client.get("/console/ask").text


def test_each_turn_of_a_session_leads_to_why(api: Api) -> None:
    """By what was known when it was said; a turn that is not there is not found."""
    sign_in(api)
    api.add(DOG)
    asked = {"user_id": "ana", "session_id": "a & b", "question": QUESTION, "remember": "yes"}
    api.client.post("/console/ask", data=asked, headers=HOME)
    session = {"user_id": "ana", "session_id": "a & b"}
    shown = api.client.get("/console/ask", params=session).text
    [link] = re.findall(r'href="([^"]+)" aria-label="Why', shown)
    why = api.client.get(html.unescape(link)).text
    assert "What was known when it was said" in why
    assert re.search(rf">{re.escape(DOG)}</a>.*?merged", why, re.DOTALL)
    assert api.client.get("/console/ask", params=session | {"turn": "99"}).status_code == 404


def test_operators_manage_tenants(api: Api) -> None:
    """They let one in, limit it, make its keys, and drop it once its name is typed."""
    sign_in(api, "operator")
    assert str(api.client.get("/console").url).endswith("/console/tenants")
    page = api.client.post("/console/tenants", data={"id": "a&b"}, headers=HOME)
    assert "<h1>a&amp;b</h1>" in page.text
    api.client.post("/console/tenants/quotas", data={"id": "a&b", "memories": "7"}, headers=HOME)
    assert api.parts.access.tenant("a&b").quotas.memories == 7
    made = api.client.post("/console/tenants/keys", data={"id": "a&b", "role": "admin"}, headers=HOME).text
    key = re.search(r"pm_([0-9a-f]{16})_[\w-]{43}", made)
    assert key is not None
    api.client.post(f"/console/tenants/keys/{key[1]}/revoke", data={"id": "a&b"}, headers=HOME)
    assert api.parts.access.keys("a&b")[0].revoked_at is not None
    assert api.client.post("/console/tenants/drop", data={"id": "a&b"}, headers=HOME).status_code == 422
    api.client.post("/console/tenants/drop", data={"id": "a&b", "confirm": "a&b"}, headers=HOME)
    assert "a&amp;b" not in api.client.get("/console/tenants").text
    assert api.client.get("/console/people").status_code == 403


def test_an_operator_who_reads_sees_no_keys_of_a_tenant(api: Api) -> None:
    """As over REST: names, counts and quotas, and nothing to change."""
    reading = api.parts.access.create_key(None, "read")
    answer = api.client.post("/console/sign-in", data={"key": reading.secret}, headers=HOME)
    assert answer.status_code == 200
    page = api.client.get("/console/tenants/one?id=acme").text
    assert "<h1>acme</h1>" in page
    for key in api.parts.access.keys("acme"):
        assert key.id not in page
    assert re.findall(r'<form method="post" action="([^"]+)"', page) == ["/console/sign-out"]


def test_the_audit_and_the_activity_are_the_tenants_own(api: Api) -> None:
    """What another tenant did is in neither."""
    api.add()
    api.add(who="globex")
    sign_in(api, "acme-admin")
    audit = api.client.get("/console/audit").text
    assert audit.count("POST /v1/memories") == 1
    drawn = api.client.get("/console/activity").text
    assert drawn.count("<svg") == 4
    counted = sum(minute.requests for minute in api.parts.activity.last_hour("acme"))
    assert f"{counted - 1} in the last hour" in drawn  # the page is drawn before it is counted
    sign_in(api, "operator")
    assert "GET /console/people" not in api.client.get("/console/audit").text
    assert "wait for the model" in api.client.get("/console/activity").text


def test_the_share_of_turns_that_recalled_is_drawn(api: Api) -> None:
    """Over the minutes that had turns."""
    api.add()
    sign_in(api)
    for user in ("ana", "ben", "ben"):
        asked = {"user_id": user, "question": QUESTION}
        assert api.client.post("/console/ask", data=asked, headers=HOME).status_code == 200
    assert "1 of 3 in the last hour" in api.client.get("/console/activity").text


def test_an_hour_is_drawn_minute_by_minute() -> None:
    """Old minutes leave; a stack ends at the top, and a minute without requests has no latency."""
    at = 3_600_000.0
    activity = Activity(clock=lambda: at)
    activity.answered("acme", 200, 0.01)
    at += 3_600
    activity.answered("acme", 200, 0.02)
    activity.answered("acme", 404, 0.04)
    activity.answered("globex", 200, 0.5)
    at += 60
    hour = activity.last_hour("acme")
    assert [(one.requests, one.failed) for one in hour[-3:]] == [(0, 0), (2, 1), (0, 0)]
    assert sum(one.requests for one in hour) == 2
    assert sum(one.requests for one in activity.last_hour(None)) == 3
    chart = bars("", hour, {"all": lambda one: one.requests})
    assert [(bar.y, bar.height) for bar in chart.bars] == [(0.0, 120.0)]
    [points] = lines("", hour, {"95 %": lambda one: one.quantile(0.95)}).lines
    assert points.split()[0] == points.split()[1] == "585.0,24.0"
