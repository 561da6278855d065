"""What a question asks for: which words have to be told, and what kind of value answers.

"What is my sister's dog called?"     dog, sister    a name
"Where did I park?"                   park           a place
"Who is my meeting with?"             meeting        a person, behind "with"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from memory.backends.reader.answer.words import TOKEN, content, normal
from memory.backends.reader.values import asked_kind
from memory.text.normalise import plain
from memory.text.sentences import sentences

_FLAGS = re.IGNORECASE | re.VERBOSE
# Words that only say what kind of value is meant, by kind.
_TELLS_KIND = {
    kind: frozenset(map(normal, words.split()))
    for kind, words in {
        "name": "name called call named nickname surname",
        "when": "time times day days date dates month year week weekday hour late early due",
        "where": "place city town country location located address kept",
        "who": "person name called call",
        "amount": "much many long old tall far big heavy high often strong height age size amount"
        " number price time take last large wide",
        "colour": "colour",
        "email": "email address",
        "job": "job profession occupation work do living title",
        "phone": "phone number call called reach",
    }.items()
}
# What a word is of, where the question names both: "Which language do I speak?"
_IMPLIED = {
    normal(word): frozenset(map(normal, verbs.split()))
    for word, verbs in {
        "language": "speak learn", "languages": "speak learn", "car": "drive", "city": "live", "town": "live",
        "country": "live come", "home": "live", "instrument": "play", "company": "work", "employer": "work",
        "film": "watch", "book": "read", "food": "eat", "subject": "teach study", "shoe": "size",
        "airline": "fly", "money": "owe lend pay",
    }.items()
}  # fmt: skip
_OPENING = re.compile(
    r"""^(?:(?:hi|hey|hello|ok|okay|so|and|but|sorry|um+|oh|well|quick\ question|one\ more\ thing|please
    |by\ the\ way|btw)[,!:]?\s+)*
    (?:(?:can|could|would|will|do)\ you\ (?:please\ )?(?:tell\ me|remind\ me|remember|know|recall|say)\s+
      (?:again\s+)?
    |(?:please\ )?(?:remind\ me|tell\ me|let\ me\ know)\s+(?:again\s+)?(?:of\s+)?
    |i\ (?:forgot|forget|can['’]?t\ remember|don['’]?t\ remember|need\ to\ know|want\ to\ know|wonder)\s+
    |(?:any\ idea|remember)\s+)?""",
    _FLAGS,
)
_YES_NO = re.compile(
    r"(?:is|are|was|were|am|do|does|did|can|could|will|would|shall|should|has|have|had|may)\b", re.IGNORECASE
)
_ENGLISH = re.compile(r"\b(?:what|which|who|whom|whose|where|when|how)\b", re.IGNORECASE)
_UNSPACED = re.compile("什么|什麼|哪里|哪裡|哪儿|谁|誰|几点|多少|何|どこ|いつ|だれ")
_LATER = re.compile(r"^((?:what|who|which|how|where|whose)\b.*?)\s(?:when|where|while)\s.*", re.IGNORECASE)
_NAME = re.compile(r"\b(?:called|named|name|names|nickname|surname)\b", re.IGNORECASE)
_DAYS = re.compile(r"\b(?:what|which)\s(?:days|dates|times|hours|weekdays)\b", re.IGNORECASE)
_LARGE = re.compile(r"\bhow (?:large|wide|deep|expensive|fast)\b", re.IGNORECASE)
_EMAIL = re.compile(r"\be-?mail\b", re.IGNORECASE)
_PHONE = re.compile(
    r"\b(?:phone|telephone|mobile|cell) number\b|\bnumber\b.*\b(?:call|reach|phone)", re.IGNORECASE
)
_JOB = re.compile(
    r"^what\b.*\b(?:job|profession|occupation)\b"
    r"|^what (?:do|does|did) .*\bdo(?: for (?:a living|work))?\s*\??$",
    re.IGNORECASE,
)
_PREPOSITION = r"(with|to|from|for|about|on|at|by|in|of|under|near|until|since)"
_STRANDED = re.compile(rf"\b{_PREPOSITION}(?:\s+(?:again|now))?[\s?.!]*$", re.IGNORECASE)
_FRONTED = re.compile(rf"{_PREPOSITION}\s+(?:what|which|whom?|how|whose|when)\b", re.IGNORECASE)
_OF_TYPE = re.compile(
    r"""(?:\w+\s)?(?:what|which)\s+(?!(?:is|are|was|were|do|does|did|am|i|my|we)\b)
    (?:(?:kind|type|sort|brand|make|model)\s+of\s+)?(\w+)""",
    _FLAGS,
)
_I = re.compile(r"\b(?:i|we)\b", re.IGNORECASE)
_MANNER = re.compile(r"how\s+(?:do|does|did|should|can|will|must)\b", re.IGNORECASE)
_WHY = re.compile(r"(?:why|how come)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, as far as a statement has to answer it."""

    text: str
    kind: str  # of value; "" for any
    words: frozenset[str]  # that are to be told, in their normal forms
    said: frozenset[str]  # all of its words, which are no answer to it
    behind: str = ""  # the preposition that the value stands behind
    subject: bool = False  # who asks does it: "Where do I live?"
    type: str = ""  # what the value is one of: "gate" of "Which gate ...?"
    manner: bool = False  # how something is done: "How do I get to work?"
    foreign: bool = False  # not English: the value is what a statement has beside the question's words
    prefix: str = ""  # in scripts without spaces, what stands before the question's word


def asked(turn: str) -> Asked | None:
    """What a turn asks for; None where it asks for nothing that a value answers."""
    said = sentences(plain(turn))
    questions = [sentence for sentence in said if sentence.rstrip().endswith("?")] or said[-1:]
    text = _OPENING.sub("", questions[-1]) if questions else ""
    if not text or _YES_NO.match(text) or _WHY.match(text):
        return None
    if not _ENGLISH.search(text):
        return _foreign(text)
    kind = _kind(text)
    given = content(text)
    words = given - _TELLS_KIND.get(kind, frozenset())
    if not words and kind not in ("email", "phone", "amount", "job"):
        words = given
    words -= {word for word in words if _IMPLIED.get(word, frozenset()) & words}
    behind, of_type = _STRANDED.search(text) or _FRONTED.match(text), _OF_TYPE.match(text)
    return Asked(
        text,
        kind,
        words,
        frozenset(normal(word) for word in TOKEN.findall(text)),
        behind[1].lower() if behind else "",
        _I.search(text) is not None,
        normal(of_type[1]) if of_type else "",
        kind == "" and _MANNER.match(text) is not None,
    )


def _foreign(text: str) -> Asked | None:
    """A question in any language, as far as its words stand in the answer too."""
    unspaced = _UNSPACED.search(text)
    if unspaced:
        before = text[: unspaced.start()]
        return (
            Asked(text, "", frozenset(), frozenset(), foreign=True, prefix=before)
            if len(before) > 1
            else None
        )
    said = [normal(word) for word in TOKEN.findall(text) if word[-1:].isalnum()]
    words = frozenset(said[1:])
    if not text.rstrip().endswith("?") or len(words) < 2:
        return None
    return Asked(text, "", words, frozenset(said), foreign=True)


def _kind(text: str) -> str:
    if _EMAIL.search(text):
        return "email"
    if _PHONE.search(text):
        return "phone"
    if _JOB.search(text):
        return "job"
    text = _LATER.sub(r"\1", text)  # "What hurts when I climb stairs?" asks for no time
    kind = asked_kind(text) or ("amount" if _LARGE.search(text) else "when" if _DAYS.search(text) else "")
    return "name" if kind in ("", "who") and _NAME.search(text) else kind
