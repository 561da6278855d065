"""Kinds of values: which one a question asks for, and which ones a statement holds."""

from __future__ import annotations

import re

from memory.backends.reader.claim_patterns import COUNTRY, MONTH, QUALITY, WEEKDAY

_FLAGS = re.IGNORECASE | re.VERBOSE

_COLOUR = r"""(?:auburn|beige|black|blonde?|blue|bronze|brown|copper|crimson|cyan|gold|golden|gray|green|grey
    |indigo|ivory|khaki|lavender|lilac|magenta|maroon|mint|mustard|navy|ochre|olive|orange|peach|pink|purple|red|rose|salmon|scarlet|silver|tan
    |teal|turquoise|violet|white|yellow)"""
_MONTHS = rf"(?:{MONTH}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)"
_NO_NAME = r"""(?:my|our|the|a|an|his|her|their|its|it|i|we|they|he|she|this|that|you|please|so|and|but|no|yes
    |not|actually|now|since|from|on|in|at|for|starting|to|what|which|when|where|who|how|as|also|there|today|everyone
    |everybody)"""  # may begin a sentence with a capital
_PREPOSITION = r"""(?:in|at|on|under|behind|near|next\ to|from|above|below|inside|outside|by|beside|between
    |opposite)"""
_NAME = re.compile(rf"\b(?!(?:{WEEKDAY}|{MONTH}|{_COLOUR}|{_NO_NAME})\b)(?-i:[A-Z])\w*", _FLAGS)
_ASKED = (
    ("when", r"\b(?:when|what\ time|(?:what|which)\ (?:day|date|month|year|week)|how\ (?:late|early))\b"),
    ("where", r"\b(?:where|(?:what|which)\ (?:city|town|country|place))\b"),
    ("who", r"\b(?:who|whom|whose)\b"),
    (
        "amount",
        r"""\bhow\ (?:much|many|old|tall|long|far|big|heavy|high|often|strong)\b
        |\bwhat\ is\ (?:my|our|the)\ (?:weight|height|age|size|price|rent|salary|budget|dose)\b""",
    ),
    ("colour", r"\bcolou?r\b"),
)
# What may answer each of these.
_ANSWERS = {
    "when": rf"""\b(?:\d{{1,2}}[:.]\d\d|\d{{1,2}}\ ?[ap]\.?m\b|\d{{1,2}}(?:st|nd|rd|th)\b|\d{{4}}-\d\d
        |(?:at|by|until|till|before|after|from|around|to)\ \d{{1,2}}\b(?!\ ?[$€£%])
        |in\ (?:1[89]|20)\d\d|(?:{WEEKDAY}|{_MONTHS})s?\b
        |(?:today|tomorrow|tonight|yesterday|noon|midnight)\b
        |(?:morning|afternoon|evening|weekend)\b
        |(?:next|last|this)\ (?:week|month|year|spring|summer|autumn|winter)
        |\d+\ (?:days|weeks|months|years))""",
    "where": rf"""\b(?:to|{_PREPOSITION})\ (?!\d|(?:the\ )?(?:\d|morning|afternoon|evening|weekend)
          |(?:time|noon|midnight|due|{WEEKDAY}|{_MONTHS})\b)\w
        |\b(?:is|are|now)\ (?-i:[A-Z])(?!\w*day\b)\w""",
    "who": rf"""{_NAME.pattern}
        |\b(?:brother|sister|mother|father|mum|mom|dad|wife|husband|son|daughter|uncle|aunt|cousin|friend)\b""",
    "amount": rf"""(?<![\w:.])[$€£]?\d[\d.,]*(?!\d|st\b|nd\b|rd\b|th\b|:\d|\ ?[ap]\.?m\b|\.?\ {_MONTHS}\b)
        |\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twice|daily|weekly)\b""",
    "colour": rf"\b{_COLOUR}\b",
}
# What a value is.
_KINDS = {
    "clock": r"""\b(?:\d{1,2}:\d\d|\d{1,2}\ ?[ap]\.?m\b|noon\b|midnight\b
        |(?:at|until|till|to)\ \d{1,2}\b(?!\ ?[$€£%]|\ [a-z]))""",
    "weekday": rf"\b{WEEKDAY}s?\b",
    "date": rf"\b(?:{_MONTHS}\b|\d{{4}}-\d\d|\d{{1,2}}(?:st|nd|rd|th)\b|(?:1[89]|20)\d\d\b)",
    "begin": r"\bfrom\b(?!\ now)",
    "end": r"\b(?:until|till|ends?|closes?|arrives?|lands?)\b",
    "country": rf"\b{COUNTRY.pattern}\b",
    "code": r"""(?<![\w$€£-])(?=[\w-]*[A-Za-z_])(?=[\w-]*[\d_])
        (?!\d+(?:st|nd|rd|th|am|pm|cm|mm|kg|mg|km|g|m|s)\b)\w[\w-]*""",
    "amount": _ANSWERS["amount"],
    "colour": _ANSWERS["colour"],
    "place": rf"""\b(?:is|are)\ (?:with|for|until|{_PREPOSITION})
        \ (?!(?:the\ )?\d|{WEEKDAY}|{_MONTHS}|noon|midnight|next|this)""",
    "quality": rf"\b(?:is|are)\ (?=(?-i:[a-z]))(?:{QUALITY.pattern})\W*$",
}
_ASKED_PATTERNS = tuple((kind, re.compile(pattern, _FLAGS)) for kind, pattern in _ASKED)
_ANSWER_PATTERNS = {kind: re.compile(pattern, _FLAGS) for kind, pattern in _ANSWERS.items()}
_KIND_PATTERNS = {kind: re.compile(pattern, _FLAGS) for kind, pattern in _KINDS.items()}


def asked_kind(turn: str) -> str:
    """The kind of value that a question asks for; "" where its words do not say."""
    return next((kind for kind, pattern in _ASKED_PATTERNS if pattern.search(turn)), "")


def holds_kind(text: str, kind: str) -> bool:
    """Whether a statement holds a value of the kind that is asked for."""
    return _ANSWER_PATTERNS[kind].search(text) is not None


def kinds_held(text: str, asked: str, besides: frozenset[str]) -> frozenset[str]:
    """What kinds of values stand in a statement; words of `besides`, in small letters, are no values."""
    held = {kind for kind, pattern in _KIND_PATTERNS.items() if pattern.search(text)}
    if held & {"clock", "weekday", "date", "code"}:
        held.discard("amount")
    if asked == "where":
        held.discard("place")
    if "code" not in held and any(word.casefold() not in besides for word in _NAME.findall(text)):
        held.add("name")
    return frozenset(held)


def alike(one: frozenset[str], other: frozenset[str], asked: str) -> bool:
    """Whether the kinds are the same. A colour may be part of any value ("black tea"), or have no name."""
    loose = {"colour", "name"} if asked == "colour" else {"colour"}
    return one - loose == other - loose


def kind_pattern(kind: str) -> re.Pattern[str]:
    """What may answer a question for this kind of value."""
    return _ANSWER_PATTERNS[kind]
