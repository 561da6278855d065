"""What somebody says about keeping: to remember, not to remember, to forget; and a statement said back."""

from __future__ import annotations

import re

_PLEASE = r"(?:(?:hey|hi|hello|ok|okay|so|and|oh|btw|please|pls|plz|also)[,!]?\s+){0,3}"
_KEEP = (
    r"(?:remember|note(?:\s+down)?|(?:write|jot)\s+down|make\s+a\s+note|(?:keep|bear)\s+in\s+mind|save|store)"
)
# "Can you remember that ...?" and "Did I tell you that ...?" tell what follows.
_TELLS = re.compile(
    rf"""{_PLEASE}(?:(?P<keep>(?:can|could|will|would)\s+you\s+(?:please\s+)?{_KEEP})
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
    (?=\s*(?:$|[:,.!;–—-])|\s+(?:this|that|it|any|anything|these|those|my|our|me|the\s+following|what\s+(?:i|we))\b)
    |(?:(?:there['’]?s\s+|there\s+is\s+)?no\s+need|you\s+(?:do\s+not|don['’]?t)\s+(?:need|have))\s+to\s+{_KEEP}\s+(?:this|that|it)\b
    |off\s+the\s+record\b|(?:this|that)\s+is\s+off\s+the\s+record\b)""",
    re.IGNORECASE | re.VERBOSE,
)
# The same behind what it is about: "My PIN is 9911, don't save that."
_WITHHELD_BEHIND = re.compile(
    r"""(?:[.,;:!–—-]|\bbut\b|\band\b)\s*(?:please\s+|pls\s+)?(?:do\s+not|don['’]?t|never)\s+
    (?:(?:remember|store|save|record|memori[sz]e|note)\s+(?:this|that|it|any\s+of\s+(?:this|that|it))
      |write\s+(?:this|that|it)\s+down|keep\s+(?:this|that|it)\s+in\s+(?:mind|memory))
    (?:\s+please)?[\s.!]*$""",
    re.IGNORECASE | re.VERBOSE,
)
_FORGETS = re.compile(
    rf"""{_PLEASE}(?:(?:can|could|will|would)\s+you\s+(?:please\s+)?|i\s+(?:want|need|would\s+like)\s+you\s+to\s+)?
    (?:forget|delete|erase|remove)\s+
    (?:(?:everything|all|anything|what)\s+)?(?:(?:that\s+)?(?:you\s+know|i\s+(?:(?:told|said\s+to)\s+you|said))\s+)?(?:about\s+)?
    (?P<what>(?:my|our)\s+[\w' ’-]{{1,60}}
      |(?<=\babout\ )(?:the|that|this|his|her|their)\s+[\w' ’-]{{1,60}})[.!?]?\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_BACK = {
    "i": "you", "i'm": "you're", "i've": "you've", "i'll": "you'll", "i'd": "you'd", "me": "you",
    "my": "your", "mine": "yours", "myself": "yourself", "we": "you", "we're": "you're", "we've": "you've",
    "we'll": "you'll", "us": "you", "our": "your", "ours": "yours", "am": "are",
}  # fmt: skip
# What stands before a statement and belongs to the telling of it.
_LEAD = re.compile(
    rf"""{_PLEASE}(?:i\s+(?:want|need|would\s+like|['’]?d\s+like)\s+you\s+to\s+(?:{_KEEP}|know)\s+(?:that\s+)?
    |(?:{_KEEP}|don['’]?t\s+forget|be\s+aware|just\s+so\s+you\s+know|so\s+you\s+know)(?:\s+that\s+|(?:\s+(?:this|that|it))?\s*[:,–—-]\s*)
    |(?:reminder|heads\s+up|well|to\s+remember)\s*[:,–—-]\s*
    |(?:note\s+to\s+self|guess\s+what|for\s+the\s+record|for\s+your\s+information|fyi|btw|by\s+the\s+way|actually)
      (?:\s*[:,–—-]\s*|\s+(?=\w)))""",
    re.IGNORECASE | re.VERBOSE,
)
_TO_DO = re.compile(
    r"(?:please\s+)?(?:give|call|ring|phone|text|email|send|tell|ask|let|meet|bring|use|put|keep|remember|forget)\b",
    re.IGNORECASE,
)
_YOU = re.compile(r"\byou(?:r|rs)?\b", re.IGNORECASE)
_BEGINS = re.compile(r"(?<=[.!?…]\s)you")
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


def asks_to_keep(sentence: str) -> bool:
    """Whether a question or request wants nothing but that it is remembered: "Can you note that ...?"."""
    said = sentence.strip()
    tells = _TELLS.match(said)
    return _REMINDER.match(said) is not None or (tells is not None and tells["keep"] is not None)


def withheld(text: str) -> bool:
    """Whether somebody asks not to have it remembered, or to have something forgotten."""
    said = text.strip()
    return bool(_WITHHELD.match(said) or _WITHHELD_BEHIND.search(said) or forgotten(said))


def forgotten(text: str) -> str:
    """What is to be forgotten: "my PIN" of "Please forget my PIN."; "" where nothing is."""
    found = _FORGETS.match(text.strip())
    return found["what"].strip() if found else ""


def acknowledged(told: str) -> str:
    """A statement said back: "Noted: your dog is called Biscuit."; what cannot be turned round is not."""
    said = " ".join(told.split())
    said = said[lead.end() :] if (lead := _LEAD.match(said)) else said
    if not 0 < len(said) <= _LONGEST or _YOU.search(said) or _TO_DO.match(said):
        return "Noted."
    said = _I_WAS.sub(r"\1 were", said)
    back = _WORD.sub(lambda word: _BACK.get(word[0].lower().replace("’", "'"), word[0]), said)
    back = _BEGINS.sub("You", back)
    return f"Noted: {back if back.endswith(('.', '!', '…', '。')) else back + '.'}"


def _sentence(told: str) -> str:
    bare = told.strip().rstrip("?!.").strip()
    return f"{bare[:1].upper()}{bare[1:]}." if bare else ""
