"""What somebody says about keeping: to remember, not to remember, to forget; and a statement said back."""

from __future__ import annotations

import re

_PLEASE = r"(?:(?:hey|hi|hello|ok|okay|so|and|oh|btw|please|also)[,!]?\s+){0,3}"
# "Can you remember that ...?" and "Did I tell you that ...?" tell what follows.
_TELLS = re.compile(
    rf"""{_PLEASE}(?:(?:can|could|will|would)\s+you\s+(?:please\s+)?(?:remember|note|keep\s+in\s+mind|save|store)
    |did\s+(?:i|you)\s+(?:already\s+|ever\s+)?(?:tell\s+you|mention|say|know|hear)|do\s+you\s+know
    |have\s+i\s+(?:already\s+)?(?:told\s+you|mentioned|said))\s+
    (?:(?:that|this:)\s+|(?=(?:i|i['’]m|my|we|our)\b))(?P<told>\S.*)""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_KNOWN = re.compile(rf"{_PLEASE}do\s+you\s+know\s+(?!that\b)", re.IGNORECASE)
_REMINDER = re.compile(
    rf"{_PLEASE}remind\s+(?:me|us)\s+of\s+(?P<what>[^:,.?!]{{1,80}}):\s*(?:it['’]?s|it\s+is|they\s+are)?\s*"
    r"(?P<value>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(
    r"(?P<told>.+),\s+(?:isn|aren|wasn|don|doesn|didn|haven|hasn|won|can)['’]t\s+(?:i|you|he|she|it|we|they)\s*\?$",
    re.IGNORECASE,
)
# What is asked not to be kept, to the end of the message.
_WITHHELD = re.compile(
    rf"""{_PLEASE}(?:(?:do\s+not|don['’]?t|never)\s+(?:remember|store|save|keep|memori[sz]e|record|write\s+down)\b
    (?!\s+(?:if|whether|when|where|who|what|why|how|exactly)\b)
    |off\s+the\s+record\b|(?:this|that)\s+is\s+off\s+the\s+record\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_FORGETS = re.compile(
    rf"""{_PLEASE}(?:(?:can|could|will|would)\s+you\s+(?:please\s+)?|i\s+(?:want|need|would\s+like)\s+you\s+to\s+)?
    (?:forget|delete|erase|remove)\s+
    (?:(?:everything|all|anything|what)\s+)?(?:(?:that\s+)?(?:you\s+know|i\s+(?:told|said\s+to)\s+you)\s+)?(?:about\s+)?
    (?P<what>(?:my|our)\s+[\w' ’-]{{1,60}})[.!?]?\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_BACK = {
    "i": "you", "i'm": "you're", "i've": "you've", "i'll": "you'll", "i'd": "you'd", "me": "you",
    "my": "your", "mine": "yours", "myself": "yourself", "we": "you", "we're": "you're", "we've": "you've",
    "we'll": "you'll", "us": "you", "our": "your", "ours": "yours", "am": "are", "you": "I", "your": "my",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_I_WAS = re.compile(r"\b(i|I) was\b")
_LONGEST = 160  # characters that are said back


def told_in(question: str) -> str:
    """What a question or a request tells all the same: "Did I tell you that my son is called Leo?"; or ""."""
    said = question.strip()
    reminder = _REMINDER.match(said)
    if reminder:
        return _sentence(f"{reminder['what']} is {reminder['value']}")
    tells = None if _KNOWN.match(said) else _TELLS.match(said)
    if tells:
        return _sentence(tells["told"])
    tag = _TAG.match(said)
    return _sentence(tag["told"]) if tag else ""


def withheld(text: str) -> bool:
    """Whether somebody asks not to have it remembered, or to have something forgotten."""
    return _WITHHELD.match(text.strip()) is not None or bool(forgotten(text))


def forgotten(text: str) -> str:
    """What is to be forgotten: "my PIN" of "Please forget my PIN."; "" where nothing is."""
    found = _FORGETS.match(text.strip())
    return found["what"].strip() if found else ""


def acknowledged(told: str) -> str:
    """A statement said back: "Noted: your dog is called Biscuit."."""
    said = " ".join(told.split())
    if len(said) > _LONGEST:
        return "Noted."
    said = _I_WAS.sub(r"\1 were", said)
    back = _WORD.sub(lambda word: _BACK.get(word[0].lower().replace("’", "'"), word[0]), said)
    return f"Noted: {back if back.endswith(('.', '!', '…', '。')) else back + '.'}"


def _sentence(told: str) -> str:
    bare = told.strip().rstrip("?!.").strip()
    return f"{bare[:1].upper()}{bare[1:]}." if bare else ""
