"""What browsers, and those who pretend to be one, send: forms, cookies and origins."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import httpx
import pytest
from fastapi import Request

from memory.api.console import forms
from memory.errors import InvalidInput
from tests.api.conftest import Api

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=B"
FILE = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'


def sent(api: Api, path: str, kind: str, body: bytes, who: str | None = "acme") -> httpx.Response:
    """A form, as a page of the console would send it."""
    own = {"Content-Type": kind, "Origin": str(api.client.base_url)}
    return api.call("POST", path, who, content=body, headers=own)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"&" * 500_000, 422), (b"a=b&" * 51, 422), (b"text=" + b"%41" * 400_000, 413), (b"text=%41&", 422)],
    ids=["separators", "many fields", "a long text", "nobody named"],
)
def test_a_form_is_bounded_before_it_is_read(shared_api: Api, body: bytes, status: int) -> None:
    """By its bytes and its fields; what remains is read in another thread."""
    assert sent(shared_api, "/console/memories", FORM, body).status_code == status


def test_a_form_is_read_as_browsers_write_it(shared_api: Api) -> None:
    """Plus signs, percent signs, empty fields, several languages."""
    told = sent(
        shared_api, "/console/memories", FORM, b"user_id=zo%C3%AB&agent_id=&text=I+live+in+K%C3%B6ln."
    )
    assert told.status_code == 200
    [record] = shared_api.get("/v1/memories", params={"user_id": "zoë"}).json()["memories"]
    assert (record["text"], record["agent_id"]) == ("I live in Köln.", None)


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=B",
            "text/plain",
        ),
        *("multipart/form-data; boundary=C", "multipart/form-data; boundary=B; charset=none", ""),
    ],
)
def test_what_is_no_upload_is_refused(shared_api: Api, kind: str) -> None:
    """With a reason, and never 500, whatever its parts are."""
    for body in (b"", b"--B", FILE, b"--B\r\nX: y\r\n\r\nz\r\n--B--\r\n", FILE.replace(b"file", b"\xff")):
        assert sent(shared_api, "/console/documents", kind, body).status_code == 422


async def test_others_have_their_turn_while_an_upload_is_read() -> None:
    """Also where all of it looks like the beginning of an end."""
    body = FILE + b"\r\n-" * 1_000_000 + b"\r\n--B--\r\n"
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])
    turns = 0

    async def receive() -> dict[str, object]:
        return next(messages)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.sleep(0)

    headers = [(b"content-type", PARTS.encode())]
    async with anyio.create_task_group() as group:
        group.start_soon(others)
        request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
        upload = await forms._upload(request)
        group.cancel_scope.cancel()
    assert (upload.name, len(upload.data)) == ("a.txt", 3_000_000)
    assert turns >= len(body) // forms._PIECE


def test_a_form_of_the_query_has_its_say() -> None:
    """More fields than a form has are refused where they are counted."""
    with pytest.raises(InvalidInput, match="50 fields"):
        forms._pairs(b"a=b&" * 60)


ODD = ["http://[", "http://]", "http://[::1", "//", "null", "http://a:b:c", "é", "\x7f"]


def odd_origins() -> Iterator[dict[str, bytes]]:
    for odd in ODD:
        yield {"Origin": odd.encode()}
        yield {"Origin": odd.encode(), "Host": odd.encode()}


def test_an_origin_that_is_none_is_refused_and_no_error(shared_api: Api) -> None:
    """Whoever sends it, with a key or without."""
    for headers in odd_origins():
        signed = shared_api.call(
            "POST", "/console/sign-in", None, content=b"key=x", headers=headers | {"Content-Type": FORM}
        )
        asked = shared_api.call("POST", "/mcp", json={}, headers={**headers, "X-Memory-User": "ana"})
        assert signed.status_code in (401, 403, 422), headers
        assert asked.status_code in (400, 403, 406), headers
