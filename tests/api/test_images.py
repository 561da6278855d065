"""Pictures over HTTP: as data URLs, by the client and by the command, refused where they are none."""

from __future__ import annotations

import base64

import pytest

from memory.records import IMAGE
from tests.api.conftest import Api
from tests.integration.test_images import picture


def url(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def test_a_picture_is_added_by_its_data_url(api: Api) -> None:
    """With a caption or without; seen by its tenant alone."""
    added = api.post("/v1/memories", {"user_id": "ana", "image": url(picture("blue"))})
    assert added.status_code == 201, added.text
    memory_id = added.json()["memories"][0]["id"]
    found = api.get(f"/v1/memories/{memory_id}").json()
    assert (found["kind"], found["text"]) == ("image", "The picture's middle is blue.")
    assert found["metadata"][IMAGE]["thumbnail"].startswith("data:image/webp;base64,")
    assert api.get(f"/v1/memories/{memory_id}", who="globex").status_code == 404
    body = {"user_id": "ana", "image": url(picture()), "text": "Our barn."}
    captioned = api.post("/v1/memories", body, headers={"Prefer": "respond-async"})
    assert captioned.status_code == 201
    assert [one["text"] for one in api.get("/v1/memories?user_id=ana&kind=image").json()["memories"]] == [
        "Our barn.",
        "The picture's middle is blue.",
    ]


def test_a_message_of_content_parts_is_a_picture_and_its_caption(api: Api) -> None:
    """As OpenAI's clients send it; parts without one picture are refused."""

    def told(*content: object) -> dict[str, object]:
        return {"user_id": "ana", "messages": [{"role": "user", "content": list(content)}]}

    words = {"type": "text", "text": "Our barn."}
    shown = {"type": "image_url", "image_url": {"url": url(picture("blue"))}}
    added = api.post("/v1/memories", told(words, shown))
    assert added.status_code == 201, added.text
    [found] = api.get("/v1/memories?user_id=ana").json()["memories"]
    assert (found["kind"], found["text"]) == ("image", "Our barn.")
    for parts in ((words,), (shown, shown), (words, shown, 3), ({"type": "image_url"}, shown)):
        assert api.post("/v1/memories", told(*parts)).status_code == 422


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"image": "/etc/passwd"}, "no data URL"),
        ({"image": "https://example.com/a.png"}, "no data URL"),
        ({"image": "data:image/png;base64,@@@"}, "not valid base64"),
        ({"image": url(b"hello")}, "not an image"),
        ({"image": url(picture()), "messages": [{"role": "user", "content": "Hi."}]}, "text or messages"),
    ],
)
def test_what_is_no_picture_is_a_problem(api: Api, body: dict[str, object], said: str) -> None:
    """Neither a file of the server's nor an address is read."""
    answer = api.post("/v1/memories", {"user_id": "ana", **body})
    assert answer.status_code in (400, 422)
    assert said in answer.text
    assert api.get("/v1/memories?user_id=ana").json()["memories"] == []
