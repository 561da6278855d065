"""Lists as answers: all items where several things are asked for, the one where one of them is.

What's on my shopping list?    Shopping: oat milk, 6 eggs, rice                    oat milk, 6 eggs, rice
Which guitar was a present?    a Tele, a Gretsch and a Yamaha that was a present   a Yamaha
How old is Lev?                Maja and Lev, 9 and 6                               nothing: two are named
"""

from __future__ import annotations

import re

from memory.backends.reader.answer.words import content

_SEVERAL = re.compile(
    r"""(?:what|which)\s+(?!(?:is|was|does|has|this)\b)\w+(?<![sui])s\b(?!\s+(?:is|was)\b)
    |(?:what|which|who)\s+(?:(?:are|were)\s(?:my|our|the|his|her|their|all|on|in|[\w'’-]+['’]s?)\b)
    |(?:list|name|show)\b|.*\b(?:list|(?:all|both)\s+(?:of\s+)?(?:my|our|the))\b""",
    re.IGNORECASE | re.VERBOSE,
)
_ONE = re.compile(r"which\s+(?:of\s|one\b|(?!\w+(?<![sui])s\b)\w+\b)", re.IGNORECASE)
_NO_ITEM = re.compile(
    r"\b(?:is|are|am|was|were|has|have|had|i|we|he|she|they|it|but|so|because|if|not|never|please|thanks|lol)\b|\b(?:it|he|she|that|there)['’]s\s"
    r"|['’]s\s+(?:\w+ing|an?|the|in|on|at|not|my|been|got|from|off)\b",
    re.IGNORECASE,
)
_WORDS = r"[^\s,;:!?\n]+(?: (?!(?:and|or|but)\b)[^\s,;:!?\n]+){0,4}?"
_NEXT = re.compile(
    rf"(?:,\s(?:and\s|or\s)?|\s(?:and|or|&|\+)\s)(?P<item>{_WORDS})(?=[,;:!?\n]|\.?\s*$|\.\s|\s(?:and|or|&|\+)\s)"
)
_BEGINS = re.compile(r":\s+(?=[^:\n]*$)")
_ITEMS = re.compile(r",\s+(?:and\s+|or\s+)?|\s+(?:and|or|&|\+)\s+")
_THING = r"for\s+(?:(?:the|my|our|his|her)\s+)?(?P<{}>[^\W\d]+(?:\s(?!and\b)[^\W\d]+){{0,2}}?)"
_FOR_EACH = re.compile(
    r"(?P<value>(?<!\S)\S*\d\S*)\s+" + _THING.format("of") + r"(?:,|,?\s+and|\s*;)\s+"
    r"(?P<other>\S*\d\S*)\s+" + _THING.format("other_of") + r"(?=[\s,.;!?)]|$)",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"\s+(?:that|which|who)\s+(?:is|was|has)\b", re.IGNORECASE)
_BEHIND = re.compile(r"(?:\s+\w[\w'’-]*){1,3}")
_NUMBERS = re.compile(r"\d+(?:,\s*\d+)*,?\s+(?:and|or|&)\s+\d+")
_ONE_NUMBER = re.compile(r"how\s+(?:many|much|old\s+(?:is|was|am)|tall|big|long|far|heavy)\b", re.IGNORECASE)


def several(question: str) -> bool:
    """Whether more than one thing may be asked for."""
    return _SEVERAL.match(question) is not None


def as_asked(question: str, text: str, start: int, end: int) -> tuple[int, int]:
    """The span of a text that answers, by whether one thing is asked for or several."""
    if several(question):
        return _all_items(text, start, end)
    if (shared := _shared_out(question, text, start)) is not None:
        return shared
    return _one_item(question, text, start, end) if _ONE.match(question) else (start, end)


def too_many(question: str, value: str) -> bool:
    """Whether one number is asked for, and the value has several."""
    return _ONE_NUMBER.match(question) is not None and _NUMBERS.fullmatch(value) is not None


def _shared_out(question: str, text: str, start: int) -> tuple[int, int] | None:
    """The one of "5590 for the debit and 2216 for the credit card" that is of what the question names."""
    asked = content(question)
    for found in _FOR_EACH.finditer(text):
        if found.start() <= start and start < found.end():
            named = [bool(asked & content(found[of])) for of in ("of", "other_of")]
            if named == [True, False]:
                return found.span("value")
            if named == [False, True]:
                return found.span("other")
    return None


def _all_items(text: str, start: int, end: int) -> tuple[int, int]:
    line = text.rfind("\n", 0, start) + 1
    title = _BEGINS.search(text[line:start])
    if title and not _NO_ITEM.search(text[line + title.end() : start]):
        start = line + title.end()
    while following := _NEXT.match(text, end):
        if _NO_ITEM.search(following["item"]):
            break
        end = following.end() - following["item"].endswith(".")
    return start, end


def _one_item(question: str, text: str, start: int, end: int) -> tuple[int, int]:
    """The last item, where what is said behind it is of that one alone."""
    joints = list(_ITEMS.finditer(text, start, end))
    if not joints:
        return start, end
    behind = _BEHIND.match(text, end)
    together = " and " in text[start:end]
    own = not together and behind is not None and content(behind[0]) & content(question)
    return (joints[-1].end(), end) if own or _RELATIVE.match(text, end) else (start, end)
