"""Asks an upstream that has no /v1/responses by its chat completions: the request, and the reply turned back.

What its chat has no words for (built-in tools, what is kept elsewhere) is refused, not left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memory.api.strict_json import BadBody
from memory.api.turn_in import text_of

Item = Mapping[str, Any]

_NOT_OFFERED = ("background", "prompt", "top_logprobs")
# Said otherwise in a chat, or of no use in one.
_TRANSLATED = {"input", "instructions", "max_output_tokens", "tools", "tool_choice", "text", "reasoning"}
_NO_USE = {"include", "truncation", "store", "max_tool_calls", "stream_options", *_NOT_OFFERED}
_TEXTS = ("input_text", "output_text", "text")


def chat_request(given: Item) -> dict[str, Any]:
    """A request for responses as one for chat completions. Raises BadBody."""
    for name in _NOT_OFFERED:
        if given.get(name):
            raise BadBody(name, _why("this"))
    asked = {name: value for name, value in given.items() if name not in _TRANSLATED | _NO_USE}
    tools = [_tool(tool, f"tools[{i}]") for i, tool in enumerate(given.get("tools") or ())]
    text, reasoning = given.get("text") or {}, given.get("reasoning") or {}
    more = {
        "max_tokens": given.get("max_output_tokens"),  # the older name, which all servers know
        "tools": tools or None,
        "tool_choice": _choice(given.get("tool_choice")),
        "response_format": _response_format(text.get("format") or {}),
        "verbosity": text.get("verbosity"),
        "reasoning_effort": reasoning.get("effort"),
        "stream_options": {"include_usage": True} if given.get("stream") else None,
    }
    said = {name: value for name, value in more.items() if value is not None}
    return {**asked, "messages": _messages(given), **said}


def _messages(given: Item) -> list[dict[str, Any]]:
    first = given.get("instructions")
    messages: list[dict[str, Any]] = [{"role": "system", "content": first}] if first else []
    said = given["input"]
    for place, item in _placed([{"role": "user", "content": said}] if isinstance(said, str) else said):
        kind = item.get("type") or "message"
        if kind == "message":
            role = _needed(item, "role", place)
            content = _content(item.get("content"), f"{place}.content")
            messages.append({"role": "system" if role == "developer" else role, "content": content})
        elif kind == "function_call":
            if not messages or messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": None})
            messages[-1].setdefault("tool_calls", []).append(_call(item, place))
        elif kind == "function_call_output":
            answer = _content(item.get("output"), f"{place}.output")
            call_id = _needed(item, "call_id", place)
            messages.append({"role": "tool", "tool_call_id": call_id, "content": answer})
        elif kind != "reasoning":  # which is the model's own, and no chat takes it
            raise BadBody(f"{place}.type", _why(f"{kind!r}"))
    return messages


def _placed(items: Sequence[Item]) -> Iterator[tuple[str, Item]]:
    return ((f"input[{i}]", item) for i, item in enumerate(items))


def _call(item: Item, place: str) -> dict[str, Any]:
    function = {name: _needed(item, name, place) for name in ("name", "arguments")}
    return {"id": _needed(item, "call_id", place), "type": "function", "function": function}


def _content(content: Any, place: str) -> Any:
    """Text where it is nothing else, which the oldest servers know; or parts."""
    if isinstance(content, str | None):
        return content
    if not isinstance(content, list):
        raise BadBody(place, "give a text, or parts")
    parts = [_part(part, f"{place}[{i}]") for i, part in enumerate(content)]
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts)
    return parts


def _part(part: Any, place: str) -> dict[str, Any]:
    if not isinstance(part, dict):
        raise BadBody(place, "give an object")
    kind = part.get("type")
    if kind in _TEXTS:
        return {"type": "text", "text": text_of(part, place)}
    if kind == "refusal":
        return {"type": "text", "text": text_of(part, place, "refusal")}
    if kind == "input_image" and part.get("image_url"):
        image = {name: part[name] for name in ("detail",) if part.get(name)}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **image}}
    if kind == "input_file" and part.get("file_data"):
        return {
            "type": "file",
            "file": {name: part[name] for name in ("filename", "file_data") if name in part},
        }
    if kind == "input_audio":
        return {"type": kind, kind: _needed(part, kind, place)}
    raise BadBody(place, _why(f"{kind!r} in this form"))


def _tool(tool: Any, place: str) -> dict[str, Any]:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise BadBody(f"{place}.type", _why("any tool but functions"))
    return {"type": "function", "function": {name: one for name, one in tool.items() if name != "type"}}


def _choice(choice: Any) -> Any:
    if not isinstance(choice, dict):
        return choice
    if choice.get("type") != "function":
        raise BadBody("tool_choice", _why(f"{choice.get('type')!r}"))
    return {"type": "function", "function": {"name": _needed(choice, "name", "tool_choice")}}


def _response_format(form: Item) -> dict[str, Any] | None:
    kind = form.get("type", "text")
    if kind == "json_schema":
        return {"type": kind, kind: {name: one for name, one in form.items() if name != "type"}}
    return None if kind == "text" else {"type": kind}


def _needed(item: Item, name: str, place: str) -> Any:
    if item.get(name) is None:
        raise BadBody(f"{place}.{name}", "this is needed")
    return item[name]


def _why(what: str) -> str:
    return f"the model behind this server takes chat completions alone, which do not have {what}"
