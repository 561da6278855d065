"""Pictures among the content parts of a message, as OpenAI's clients send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memory.api.strict_json import BadBody
from memory.errors import InvalidInput
from memory.records.inputs import data_url_in

PICTURES = ("image_url", "input_image")  # the type of such a part, in a chat and in a response

TAKEN = "only text is, and pictures of the user's"


def as_picture(given: Any) -> Any:
    """A body whose one message shows a picture, with `image` and `text` in the place of `messages`.

    Any other body stays as it is. Raises ValueError for more than one picture,
    one without an address, or what is no text beside it.
    """
    parts = _parts(given)
    mappings = [part for part in parts or () if isinstance(part, Mapping)]
    texts = [part["text"] for part in mappings if isinstance(part.get("text"), str)]
    urls = [url for part in mappings if (url := _url(part)) is not None]
    if texts and any(part.get("type") in PICTURES and _url(part) is None for part in mappings):
        raise ValueError("a part of a picture has an image_url")
    if parts is None or not urls:
        return given
    if len(urls) != 1 or len(urls) + len(texts) != len(parts):
        raise ValueError("a message with a picture has one image_url and texts")
    kept = {name: value for name, value in given.items() if name != "messages"}
    return {**kept, "image": urls[0], "text": "\n".join(texts) or None}


def shown_in(parts: Sequence[Mapping[str, Any]], place: str) -> bytes | None:
    """The file of the picture among a message's parts, if there is one. Fetches nothing.

    Raises BadBody for more than one, and for what is no data URL; `place` is that of the parts.
    """
    found = [i for i, part in enumerate(parts) if part.get("type") in PICTURES]
    if not found:
        return None
    if len(found) > 1:
        raise BadBody(
            f"{place}[{found[1]}]", "one picture a message; send the others in messages of their own"
        )
    try:
        return data_url_in(_url(parts[found[0]]) or "")
    except InvalidInput as error:
        raise BadBody(f"{place}[{found[0]}].image_url", str(error)) from error


def _parts(given: Any) -> list[Any] | None:
    messages = given.get("messages") if isinstance(given, Mapping) else None
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], Mapping):
        return None
    content = messages[0].get("content")
    return content if isinstance(content, list) and messages[0].get("role") == "user" else None


def _url(part: Mapping[str, Any]) -> str | None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    return url if isinstance(url, str) else None
