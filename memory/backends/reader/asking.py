"""Which sentences ask, which say nothing worth keeping, and what is told beside a question."""

from __future__ import annotations

import re
from itertools import islice

from memory.backends.reader.keeping import told_in, withheld
from memory.records import Skipped, SkipReason
from memory.text.sentences import sentences

_MOST_COMMAS = 32  # of a question that are looked behind for a statement before it

_PERSON = r"(?:i|you|we|he|she|it|they)\b"
_AUX = r"(?:is|are|was|were|am|do|does|did|can|could|will|would|shall|should|has|have|had)\b"
_OPENING = r"(?:(?:hi|hello|hey|ok|okay|so|and|but|by\s+the\s+way|please)[,!]?\s+)?"
_QUESTION = re.compile(
    rf"""{_OPENING}
    (?:(?:who|whom|where|when|why)\s+{_AUX}
      |(?:what|which|whose|how)\s+(?!{_PERSON})(?:\w+\s+){{0,2}}?{_AUX}
      |(?:what|who|where|when|how)(?:['’]?s|['’]re)\s
      |{_AUX}\s+(?:{_PERSON}|(?:my|our|your|his|her|its|their|there|this|that)\b)
      |(?:is|are|was|were|do|does|did|can|will)\s+(?:the|any)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_REQUEST = re.compile(
    _OPENING + r"(?:please\s+)?(?:tell|remind|give|show|help)\s+(?:me|us)\b(?!\s+(?:to|that|a\s+call)\b)",
    re.IGNORECASE,
)
_TASK = re.compile(  # something to be done now, which tells nothing of anybody
    _OPENING
    + r"""(?:please\s+)?(?:plan|summari[sz]e|write|draft|translate|explain|describe|suggest|recommend|generate
    |compose|rewrite|proofread|calculate|compute|repeat|list)\s+(?:(?:me|us|my|our|a|an|the|some|this|that|these|it|all)\b
    |(?:three|five|ten|\d+)\b|['"‘“])""",
    re.IGNORECASE | re.VERBOSE,
)
_STATES = re.compile(r"(?:and\s+)?(?:i|i['’]\w+|we|we['’]\w+|my|our)\s", re.IGNORECASE)
_CLAUSE = re.compile(rf"\b(?:i|i['’]\w+|we|we['’]\w+|my|our|{_AUX})\b", re.IGNORECASE)
_SMALL_TALK = re.compile(
    r"""hi|hello|hey|thanks?|thx|you|ok|okay|yes|yeah|yep|no|nope|sure|great|cool|nice|good|fine|bye|goodbye
    |please|alright|right|well|oh|ah|wow|morning|afternoon|evening|night|day|see|later|soon|welcome|you're|i
    |will|remember|that|got|it|noted|understood|done|a|lot|very|much|so|there|i'?m|glad|to|help|never|mind|nevermind
    |lol|ha(?:ha)+|h+m+|np|cheers|perfect|awesome|exactly|forget""",
    re.VERBOSE,
)


def asks(sentence: str) -> bool:
    """Whether a sentence wants an answer instead of telling something.

    The question mark decides. Without any mark at the end English word order does, and a request to tell
    something asks with any mark. In doubt it tells: a question kept is a nuisance, a fact lost is a loss.
    """
    stripped = sentence.strip().rstrip("\"'”’)]")
    if stripped.endswith(("?", "？", "؟")) or _REQUEST.match(stripped) or _TASK.match(stripped):
        return True
    return stripped[-1:].isalnum() and _QUESTION.match(stripped) is not None


def small_talk(text: str) -> bool:
    """Whether a text is made of greetings, thanks and yes-and-no alone."""
    words = re.findall(r"[^\W_]+(?:['’][^\W_]+)?", text.lower())
    return all(_SMALL_TALK.fullmatch(word.replace("’", "'")) for word in words)


def statements(text: str) -> str:
    """The text without its questions and requests: what it tells.

    "I live in Lisbon, what is the weather there?" tells that I live in Lisbon.
    """
    if withheld(text):
        return ""
    lines = (" ".join(told for s in sentences(line) if (told := _told(s))) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def skipped(text: str) -> list[Skipped]:
    """What of a text tells nothing: its questions and requests, or all of it."""
    if not text.strip():
        return [Skipped(text, "empty")]
    if withheld(text):
        return [Skipped(text, "not to be kept")]
    if small_talk(text):
        return [Skipped(text, "small talk")]
    said = (sentence for line in text.splitlines() for sentence in sentences(line))
    return [Skipped(sentence, _reason(sentence)) for sentence in said if not _told(sentence)]


def _reason(sentence: str) -> SkipReason:
    if withheld(sentence):
        return "not to be kept"
    stripped = sentence.strip()
    return "request" if _REQUEST.match(stripped) or _TASK.match(stripped) else "question"


def _told(sentence: str) -> str:
    if withheld(sentence):
        return ""
    if not asks(sentence):
        return sentence
    if told := told_in(sentence):
        return told
    for comma in islice(re.finditer(r"[,;]\s+", sentence), _MOST_COMMAS):
        before, after = sentence[: comma.start()], sentence[comma.end() :]
        if _QUESTION.match(after) and _CLAUSE.search(before) and not asks(before):
            return before + "."
        if _TASK.match(before) and _STATES.match(after) and not asks(after):
            return after[:1].upper() + after[1:]
    return ""
