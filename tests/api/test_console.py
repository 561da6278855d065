"""The console: signed in, told, asked, explained, forgotten; and what must not get in."""

from __future__ import annotations

import re

import httpx

from tests.api.conftest import DOG, HOME, Api, sign_in


def change(api: Api, where: str, **fields: str) -> httpx.Response:
    """Send a form of a memory's page, with the ETag that the page has now."""
    form = api.client.get(where.removesuffix("/forget"))
    tag = re.search(r'name="etag" value="&#34;(\w+)&#34;"', form.text)
    assert tag is not None
    return api.client.post(where, data={"etag": f'"{tag[1]}"', **fields}, headers=HOME)


def test_told_asked_explained_and_forgotten(api: Api) -> None:
    """Text is data: a memory that is markup is shown, and never becomes part of a page."""
    sign_in(api)
    text = 'My dog is called Rex" onload=alert(1) x.'
    told = api.client.post("/console/memories", data={"user_id": "ana", "text": text}, headers=HOME)
    assert told.status_code == 200, told.text
    question = {"user_id": "ana", "question": "What is my dog called?"}
    asked = api.client.post("/console/ask", data=question, headers=HOME)
    assert asked.status_code == 200, asked.text
    listed = api.client.get("/console/memories?user_id=ana")
    for page in (told, asked, listed):
        assert 'Rex" onload' not in page.text
        assert "Rex&#34; onload" in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
    memory_id = api.get("/v1/memories?user_id=ana").json()["memories"][0]["id"]
    where = f"/console/memories/{memory_id}"
    assert api.client.get(where).status_code == 200
    assert memory_id in change(api, f"{where}/forget").text
    assert api.client.get(where).status_code == 404


def test_another_origin_and_another_tenant_get_nothing(api: Api) -> None:
    """403 for a page of another site or one that says nothing; 404 for another tenant's memory."""
    where = f"/console/memories/{api.add()}"
    sign_in(api)
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert api.client.post(f"{where}/forget", headers=headers).status_code == 403
    assert api.client.get(where).status_code == 200
    sign_in(api, "globex")
    assert api.client.get(where).status_code == 404
    assert api.client.post(f"{where}/forget", headers=HOME).status_code == 404


def test_a_wrong_key_and_a_session_that_ended_see_the_form(api: Api) -> None:
    """401, with nothing of the key; after twenty attempts 429."""
    sign_in(api)
    api.client.post("/console/sign-out", headers=HOME)
    ended = api.client.get("/console/jobs?part=table")
    assert (ended.status_code, ended.headers["HX-Redirect"]) == (401, "/console")
    for _ in range(20):
        answer = api.client.post("/console/sign-in", data={"key": "pm_wrong"}, headers=HOME)
        assert answer.status_code == 401
        assert "pm_wrong" not in answer.text
    assert api.client.post("/console/sign-in", data={"key": "x"}, headers=HOME).status_code == 429


def test_the_servers_address_leads_to_the_console(api: Api) -> None:
    """And a browser without a session to the form."""
    answer = api.client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert api.client.get("/").status_code == 401


def test_a_memory_is_edited_and_pinned(api: Api) -> None:
    """Markup that comes with an edit is text as well; the old text is of the past."""
    where = f"/console/memories/{api.add()}"
    sign_in(api)
    text = "<script>alert(1)</script><img src=x onerror=alert(2)> My dog is called Rex."
    changed = change(api, where, text=text, pinned="yes", metadata='{"topic": "pets"}')
    assert changed.status_code == 200
    assert "&lt;script&gt;alert(1)" in changed.text
    assert "<script" not in changed.text
    assert "<img" not in changed.text
    [memory] = api.get("/v1/memories?user_id=ana").json()["memories"]
    assert (memory["text"], memory["pinned"], memory["metadata"]) == (text, True, {"topic": "pets"})
    assert "Changed" in changed.text
    change(api, where, text=text)
    [memory] = api.get("/v1/memories?user_id=ana").json()["memories"]
    assert (memory["pinned"], memory["metadata"]) == (False, {})


def test_a_lost_update_is_told(api: Api) -> None:
    """412 where somebody else came first: nothing is saved or forgotten, and what was typed is there."""
    memory_id = api.add()
    where = f"/console/memories/{memory_id}"
    sign_in(api)
    stale = {"etag": '"0"', "text": "My dog is called Rex."}
    lost = api.client.post(where, data=stale, headers=HOME)
    assert lost.status_code == 412
    assert "Somebody changed this memory" in lost.text
    assert lost.text.count("My dog is called Rex.") == 1
    assert api.client.post(f"{where}/forget", data=stale, headers=HOME).status_code == 412
    assert api.get(f"/v1/memories/{memory_id}").json()["text"] == DOG
    assert api.client.post(where, data={"text": "x"}, headers=HOME).status_code == 422  # no tag at all


def test_a_memory_shows_what_it_superseded(api: Api) -> None:
    """And the older one leads to what took its place."""
    lisbon = api.add("I live in Lisbon.")
    porto = api.add("I live in Porto now.")
    sign_in(api)
    assert "I live in Lisbon." in api.client.get(f"/console/memories/{porto}").text
    older = api.client.get(f"/console/memories/{lisbon}").text
    assert f'href="/console/memories/{porto}"' in older
    assert "Superseded by something newer" in older


def test_memories_are_narrowed(api: Api) -> None:
    """By document, metadata, time and state, alone and with a search."""
    api.add("I live in Lisbon.")
    api.add("I live in Porto now.")
    api.add("The bakery opens at 7.", document_id="notes", metadata={"topic": "town"})
    sign_in(api)

    def shown(**fields: str) -> list[str]:
        answer = api.client.get("/console/memories", params={"user_id": "ana", **fields})
        assert answer.status_code == 200, answer.text
        return [text for text in ("Lisbon", "Porto", "opens") if text in answer.text]

    assert shown() == ["Porto", "opens"]
    assert shown(state="past") == ["Lisbon"]
    assert shown(state="pinned") == shown(until="2020-01-01") == shown(since="2100-01-01") == []
    assert shown(document_id="notes") == shown(metadata='{"topic": "town"}') == ["opens"]
    assert shown(query="bakery", document_id="notes") == ["opens"]
    assert shown(query="bakery", state="pinned") == []
    for wrong in (
        {"metadata": "{"},
        {"metadata": "3"},
        {"state": "x"},
        {"since": "x"},
        {"query": "a", "state": "past"},
    ):
        answer = api.client.get("/console/memories", params={"user_id": "ana", **wrong})
        assert answer.status_code == 422, wrong


def test_a_key_that_reads_changes_nothing(api: Api) -> None:
    """403 for what its role does not reach; the pages that read are there."""
    where = f"/console/memories/{api.add()}"
    sign_in(api, "acme-read")
    assert api.client.get(where).status_code == 200
    pages = (
        where,
        "/console/memories?user_id=ana",
        "/console/people",
        "/console/people/one?user_id=ana",
        "/console/jobs",
    )
    for path in pages:
        forms = re.findall(r'<form method="post" action="([^"]+)"', api.client.get(path).text)
        assert set(forms) <= {"/console/sign-out", "/console/export"}, path
    for path in ("/console/memories", where, f"{where}/forget"):
        answer = api.client.post(path, data={"user_id": "ana", "text": "I live in Rome."}, headers=HOME)
        assert answer.status_code == 403
    assert len(api.get("/v1/memories?user_id=ana").json()["memories"]) == 1


def test_signing_in_from_another_site_is_refused(api: Api) -> None:
    """Nobody is signed in to an account that is not theirs."""
    for headers in ({}, {"Origin": "http://evil.example"}):
        answer = api.client.post("/console/sign-in", data={"key": api.keys["acme"]}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
