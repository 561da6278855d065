"""The console: signed in, told, asked, explained, forgotten; and what must not get in."""

from __future__ import annotations

from tests.api.conftest import Api

HOME = {"Origin": "http://127.0.0.1:8750"}


def sign_in(api: Api, who: str = "acme") -> None:
    """Begin a session."""
    answer = api.client.post(
        "/console/sign-in", data={"key": api.keys[who]}, headers=HOME, follow_redirects=False
    )
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert api.keys[who] not in cookie


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
    assert memory_id in api.client.post(f"{where}/forget", headers=HOME).text
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
    assert api.client.get("/console/ask").status_code == 401
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
    changed = api.client.post(where, data={"text": text, "pinned": "yes"}, headers=HOME)
    assert changed.status_code == 200
    assert "&lt;script&gt;alert(1)" in changed.text
    assert "<script" not in changed.text
    assert "<img" not in changed.text
    [memory] = api.get("/v1/memories?user_id=ana").json()["memories"]
    assert (memory["text"], memory["pinned"]) == (text, True)
    api.client.post(where, data={"text": text}, headers=HOME)
    assert api.get("/v1/memories?user_id=ana").json()["memories"][0]["pinned"] is False


def test_a_key_that_reads_changes_nothing(api: Api) -> None:
    """403 for what its role does not reach; the pages that read are there."""
    where = f"/console/memories/{api.add()}"
    sign_in(api, "acme-read")
    assert api.client.get(where).status_code == 200
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
