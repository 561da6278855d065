"""Pictures over HTTP: as data URLs, by the client and by the command, refused where they are none."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from memory.records import IMAGE
from tests.api.conftest import Api, MakeApi
from tests.integration.test_images import Blind, picture
from tests.unit.test_pictures import png_of


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
    """As OpenAI's clients send it; several pictures, and what is neither picture nor text, are refused."""

    def told(*content: object) -> dict[str, object]:
        return {"user_id": "ana", "messages": [{"role": "user", "content": list(content)}]}

    words = {"type": "text", "text": "Our barn."}
    shown = {"type": "image_url", "image_url": {"url": url(picture("blue"))}}
    added = api.post("/v1/memories", told(words, shown))
    assert added.status_code == 201, added.text
    [found] = api.get("/v1/memories?user_id=ana").json()["memories"]
    assert (found["kind"], found["text"]) == ("image", "Our barn.")
    for parts in ((3,), (shown, shown), (words, shown, 3), ({"type": "image_url"}, shown)):
        assert api.post("/v1/memories", told(*parts)).status_code == 422


MIDDLE = "What is the picture's middle?"


def chat(api: Api, text: str, *pictures: str, who: str = "acme", **more: object) -> Any:
    """The message with pictures, and what came before it where that is given."""
    shown = [{"type": "image_url", "image_url": {"url": one}} for one in pictures]
    said = {"role": "user", "content": [{"type": "text", "text": text}, *shown]}
    before = more.pop("before", [])
    body = {"model": "reference", "user": "ana", "messages": [*before, said], **more}
    return api.post("/v1/chat/completions", body, who=who)


def respond(api: Api, text: str, *pictures: str, **more: object) -> Any:
    shown = [{"type": "input_image", "image_url": one} for one in pictures]
    said = {"role": "user", "content": [{"type": "input_text", "text": text}, *shown]}
    return api.post("/v1/responses", {"model": "reference", "user": "ana", "input": [said], **more})


@pytest.mark.parametrize("ask", [chat, respond])
def test_a_picture_in_a_chat_is_answered_and_remembered(api: Api, ask: Any) -> None:
    """In the turn that shows it and in later ones, streamed or whole; by its user alone."""
    first = ask(api, MIDDLE, url(picture("blue")))
    assert first.status_code == 200, first.text
    assert "blue" in first.text
    [kept] = api.get("/v1/memories?user_id=ana&kind=image").json()["memories"]
    assert kept["text"] == "The picture's middle is blue."
    assert "blue" in ask(api, MIDDLE).text
    assert "blue" not in ask(api, MIDDLE, user="ben").text
    streamed = ask(api, f"This is our barn. {MIDDLE}", url(picture("red")), user="cleo", stream=True)
    assert "red" in streamed.text
    [barn] = api.get("/v1/memories?user_id=cleo&kind=image").json()["memories"]
    assert barn["text"] == "The picture's middle is red."
    assert "red" in ask(api, MIDDLE, user="cleo").text


def test_pictures_that_were_shown_before_are_passed_over(api: Api) -> None:
    """Clients send the whole conversation each time: nothing is stored twice, and no form is refused."""
    shown = [
        {"type": "image_url", "image_url": {"url": one}} for one in (url(picture("blue")), "https://x.y/z")
    ]
    earlier = [
        {"role": "user", "content": [{"type": "text", "text": "Look."}, *shown]},
        {"role": "assistant", "content": "I see."},
    ]
    assert chat(api, "And now?", before=earlier).status_code == 200
    assert api.get("/v1/memories?user_id=ana&kind=image").json()["memories"] == []


@pytest.mark.parametrize("ask", [chat, respond])
@pytest.mark.parametrize(
    ("pictures", "more", "said"),
    [
        (["https://example.com/a.png"], {}, "no data URL"),
        (["data:image/png;base64,@@@"], {}, "not valid base64"),
        ([url(b"hello")], {}, "not an image"),
        ([url(png_of(60_000, 60_000))], {}, "40,000,000 pixels"),
        ([url(picture()), url(picture())], {}, "one picture a message"),
        ([url(b"hello")], {"store": False}, "not an image"),
        (["https://example.com/a.png"], {"user": None}, "no data URL"),
    ],
)
def test_a_picture_that_a_chat_cannot_take_is_refused(
    api: Api, ask: Any, pictures: list[str], more: dict[str, object], said: str
) -> None:
    """In one line, before a stream begins; nothing is stored of the turn."""
    for stream in (False, True):
        answer = ask(api, "Our barn is red.", *pictures, stream=stream, **more)
        assert answer.status_code == 400, answer.text
        assert said in answer.json()["error"]["message"]
    assert api.get("/v1/memories?user_id=ana").json()["memories"] == []


@pytest.mark.parametrize("ask", [chat, respond])
@pytest.mark.parametrize(
    ("said", "more"),
    [(MIDDLE, {"store": False}), (MIDDLE, {"user": None}), (f"Don't remember this: {MIDDLE}", {})],
)
def test_a_picture_of_a_turn_that_is_not_remembered_is_known_in_it_alone(
    api: Api, ask: Any, said: str, more: dict[str, object]
) -> None:
    """Answered from the picture, and not from another that is remembered; nothing of it stays."""
    chat(api, MIDDLE, url(picture("blue")))
    for stream in (False, True):
        answer = ask(api, said, url(picture("red")), stream=stream, **more)
        assert answer.status_code == 200, answer.text
        assert "red" in answer.text
        assert "blue" not in answer.text
    assert [one["text"] for one in api.get("/v1/memories?user_id=ana").json()["memories"]] == [
        "The picture's middle is blue."
    ]
    assert "red" not in ask(api, MIDDLE).text


def test_choices_go_with_one_reply_that_is_not_remembered(api: Api) -> None:
    """The reply is the likeliest, streamed or whole; each one's probability is beside it."""
    colors = ["green", "middle is blue", "red"]
    whole = chat(api, MIDDLE, url(picture("blue")), store=False, choices=colors).json()
    assert whole["choices"][0]["message"]["content"] == "middle is blue"
    ranked = whole["memory"]["choices"]
    assert ranked[0]["text"] == "middle is blue"
    assert sum(one["probability"] for one in ranked) == pytest.approx(1)
    assert whole["memory"]["seen"] == "The picture's middle is blue."
    streamed = respond(api, MIDDLE, url(picture("blue")), store=False, choices=colors, stream=True)
    assert "middle is blue" in streamed.text
    assert '"probability"' in streamed.text
    for wrong in ({}, {"store": True}, {"store": False, "n": 2}, {"store": False, "choices": ["red"]}):
        refused = chat(api, MIDDLE, **{"choices": colors, **wrong})
        assert refused.status_code == 400, refused.text
        assert "choices" in refused.json()["error"]["message"]


def test_a_chat_with_a_model_that_sees_nothing_says_what_to_do(make_api: MakeApi) -> None:
    """And nothing of the turn is kept."""
    api = make_api(internalizer=Blind())
    answer = chat(api, "Our barn is red.", url(picture()))
    assert answer.status_code == 400
    assert "sets MEMORY_MODEL to one with an image encoder" in answer.json()["error"]["message"]
    added = api.post("/v1/memories", {"user_id": "ana", "image": url(picture())})
    assert (added.status_code, added.json()["type"].rpartition(":")[2]) == (422, "sees-nothing")
    assert api.get("/v1/memories?user_id=ana").json()["memories"] == []


@pytest.mark.parametrize("path", ["chat", "memories"])
def test_pictures_count_in_a_quota_of_bytes(api: Api, path: str) -> None:
    """With the thumbnail and the adapter: what would not fit is refused, and what does is counted."""
    shown = {"user_id": "ana", "image": url(picture("blue"))}

    def show() -> int:
        answer = (
            chat(api, MIDDLE, url(picture("blue"))) if path == "chat" else api.post("/v1/memories", shown)
        )
        return int(answer.status_code)

    def limit(most: int | None) -> None:
        quotas = {} if most is None else {"bytes": most}
        assert api.call("PUT", "/v1/tenants/acme/quotas", who="operator", json=quotas).status_code == 200

    limit(100)
    assert show() == 429
    assert api.get("/v1/memories?user_id=ana").json()["memories"] == []
    limit(None)
    assert show() < 300
    limit(100)
    assert api.post("/v1/memories", {"user_id": "ana", "text": "I live."}).status_code == 429


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
