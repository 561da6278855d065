"""Text -> token windows, each framed as a chat turn the way the hypernetwork was trained on.

A text stands in a user turn that is ready to be answered. The ids of that whole turn, template included, are
cut evenly; every cut then gets the template's closing ids before it and its opening ids after it, so that
each window looks like a turn of its own (and may exceed the maximum by the length of these affixes).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SENTINEL = "HERE-STANDS-THE-TEXT"
_PROBES = ("A z", "9 !")  # differ in their first and in their last token


def windows(
    tokenizer: PreTrainedTokenizerBase,
    text: str,
    max_tokens: int,
    max_chunks: int | None = None,
    *,
    system_turn: bool = True,
) -> list[list[int]]:
    """Token ids of ``text`` in as few even windows as hold at most ``max_tokens`` of it each.

    ``system_turn`` opens the context with an empty system turn, as the published models expect. No text is
    ever dropped: raises ValueError when it needs more than ``max_chunks`` windows, and when it is blank.
    """
    if not text.strip():
        raise ValueError("cannot make an adapter of blank text")
    head, tail = frame(tokenizer, system_turn=system_turn)
    ids = _encode(tokenizer, head + text.strip() + tail)
    needed = ceil(len(ids) / max_tokens) if max_tokens > 0 else 1
    if max_chunks is not None and needed > max_chunks:
        raise ValueError(
            f"the text needs {needed} windows of {max_tokens} tokens, at most {max_chunks} may be used"
        )
    prefix, suffix = affixes(tokenizer, system_turn=system_turn)
    return split(ids, prefix, suffix, max_tokens)


def split(
    ids: Sequence[int], prefix: Sequence[int], suffix: Sequence[int], max_tokens: int
) -> list[list[int]]:
    """Cut templated ids evenly, and put ``suffix`` before and ``prefix`` after every cut.

    ``max_tokens`` below 1 means one window, whatever its length.
    """
    count = ceil(len(ids) / max_tokens) if max_tokens > 0 else 1
    size = max(1, ceil(len(ids) / max(1, count)))
    parts = [list(ids[start : start + size]) for start in range(0, len(ids), size)]
    last = len(parts) - 1
    return [
        [*(prefix if i > 0 else ()), *part, *(suffix if i < last else ())] for i, part in enumerate(parts)
    ]


def frame(tokenizer: PreTrainedTokenizerBase, *, system_turn: bool = True) -> tuple[str, str]:
    """What the chat template writes before and after a context.

    Where a template refuses system turns, an empty one is written as the published recipes do: as the two
    line breaks that would have parted it from the text. Raises ValueError when there is no usable template.
    """
    for content in (str, _parts):
        rendered, gap = _framed(tokenizer, content, system_turn)
        head, found, tail = rendered.partition(_SENTINEL)
        if found:
            return head + gap, tail
    raise ValueError(f"the chat template of {tokenizer.name_or_path!r} does not show the user's text")


def _framed(
    tokenizer: PreTrainedTokenizerBase, content: Callable[[str], Any], system_turn: bool
) -> tuple[str, str]:
    turns = [{"role": "user", "content": content(_SENTINEL)}]
    try:
        opened = [{"role": "system", "content": content("")}, *turns] if system_turn else turns
        return _render(tokenizer, opened), ""
    except TemplateError:
        if not system_turn:
            raise
        return _render(tokenizer, turns), "\n\n"


def _parts(text: str) -> list[dict[str, str]]:
    """A message's content as templates of image-text models want it."""
    return [{"type": "text", "text": text}]


def affixes(tokenizer: PreTrainedTokenizerBase, *, system_turn: bool = True) -> tuple[list[int], list[int]]:
    """Ids that open and close every context: what the ids of two different texts have in common.

    A space that ends the template is left out, as in the published recipe for Mistral.
    """
    head, tail = frame(tokenizer, system_turn=system_turn)
    one, two = (_encode(tokenizer, head + probe + tail.rstrip(" ")) for probe in _PROBES)
    opening = _common(one, two)
    closing = _common(one[::-1], two[::-1])[::-1]
    return opening, closing


def _render(tokenizer: PreTrainedTokenizerBase, turns: list[dict[str, Any]]) -> str:
    if not tokenizer.chat_template:
        raise ValueError(f"the tokenizer of {tokenizer.name_or_path!r} has no chat template")
    rendered: str = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return rendered


def _encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Ids of templated text: the template wrote the special tokens already."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _common(one: Sequence[int], two: Sequence[int]) -> list[int]:
    same = []
    for a, b in zip(one, two, strict=False):
        if a != b:
            break
        same.append(a)
    return same
