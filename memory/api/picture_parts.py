"""A message of content parts with a picture, as OpenAI's clients send it, as a picture and its caption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_picture(given: Any) -> Any:
    """A body whose one message has content parts, with `image` and `text` in the place of `messages`.

    Any other body stays as it is. Raises ValueError for parts that are not one image_url and texts.
    """
    parts = _parts(given)
    if parts is None:
        return given
    mappings = [part for part in parts if isinstance(part, Mapping)]
    texts = [part["text"] for part in mappings if isinstance(part.get("text"), str)]
    urls = [url for part in mappings if (url := _url(part)) is not None]
    if len(urls) != 1 or len(urls) + len(texts) != len(parts):
        raise ValueError("a message in parts has one image_url and texts")
    kept = {name: value for name, value in given.items() if name != "messages"}
    return {**kept, "image": urls[0], "text": "\n".join(texts) or None}


def _parts(given: Any) -> list[Any] | None:
    messages = given.get("messages") if isinstance(given, Mapping) else None
    if not isinstance(messages, list) or len(messages) != 1 or not isinstance(messages[0], Mapping):
        return None
    content = messages[0].get("content")
    return content if isinstance(content, list) and messages[0].get("role") == "user" else None


def _url(part: Mapping[str, Any]) -> str | None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else None
    return url if isinstance(url, str) else None
