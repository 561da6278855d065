"""Questions of yes or no: which they are, and what a reading model says to them.

Is the dentist on Tuesday?     "the dentist moved to Wednesday"     No
Do I like tea?                 "coffee is all I drink"              the teller's own sentence, in doubt
Are you a robot?               nothing told answers
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memory.backends.reader.answer.gloss import glossed
from memory.backends.reader.answer.spans import (
    MORE,
    MOST_TEXTS,
    NEVER,
    SURE,
    ReadOut,
    Spans,
    fitting,
    names_options,
)
from memory.backends.reader.answer.words import content, normal
from memory.backends.reader.standing import clauses_of, put_as
from memory.text.sentences import sentences

# Log odds against neither from which on yes or no is said. The model reads over what a sentence denies, ends
# or makes depend ("turned"): of its yes above 6 to others 39 of 46 were right, to such 28 of 51; its no to
# such is right far below.
YES, YES_TURNED = 6.0, 10.0
NO, NO_TURNED = 3.0, 2.0
_SAID_BACK = SURE + 1  # of a sentence that has all that the question names
_LIGHT = frozenset(map(normal, ("like", "want", "still", "allowed", "love", "enjoy", "already", "yet")))
_TOLD = "I can't say yes or no, but you told me: “{}”"
_AUX = (
    r"(?:is|are|was|were|am|do|does|did|can|could|will|would|shall|should|has|have|had|may|must)(?:n['’]?t)?"
)
_TURNED = re.compile(
    r"""\b(?:not?|cannot|never|nobody|none|nothing|neither|nor|nowhere|without|hardly|used\ to|any\ ?more
    |if|unless|until|till|except|only|almost|nearly|yet|but|actually|instead|would|was\ going
    |says?|said|reckons?|thinks?|thinking|hates?|stopped|quit|g[ai]ve\ up|sold|cancel\w*|off|reject\w*
    |fail\w*|lost|left|moved|changed|switched|swapped|stepped\ down|cant|wont)\b|n['’]t\b
    |\b(?:do|does|did|is|are|was|were|wo|ca|could|should|has|have)nt\b""",
    re.IGNORECASE | re.VERBOSE,
)
_DENIES = re.compile(
    r"\b(?:(?P<before>used\s+to|no\s+longer)|not|never|cannot|cant|dont|doesnt|didnt|isnt|arent|wasnt|wont"
    r"|havent|hasnt)\b|n['’]t\b",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\b(?:but|except|only|apart\s+from|unless|until|till)\b", re.IGNORECASE)
_SPARED = re.compile(
    r"not\s+(?:sure|far|bad|too\s+bad)\b|(?:n['’]t|dont|cant|cannot)\s+(?:forget|worry|mind|wait|stop|help)\b",
    re.I,
)
_WAS = re.compile(r"\b(?:did|was|were|had|ever|used)\b", re.IGNORECASE)
_DO_I_HAVE = re.compile(
    r"(?:do|have)\s+(?:i|we)\s+(?:have|own|got)\s+(?:an?\s+|any\s+)?(?P<thing>[a-z]+)\W*$", re.I
)
_THEIRS = re.compile(r"(?:\b(?:their|his|her|your)|\w['’]s)\s+(?:[a-z]+\s+)?$", re.I)
_WHO = tuple(
    re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for words in ("i|im|we", "my|our", "he|his", "she|her", "they|their")
)
# "Don't tell anybody", not "Don't we have milk?".
_TO_DO = r"don['’]?t\s+(?!(?:i|we|you|they|my|our|your|his|her|their|the|these|those|any|all|both)\b)"
_YES_NO = re.compile(
    rf"(?:(?:hi|hey|ok|okay|so|and|but|by\s+the\s+way)[,!]?\s+)?(?!{_TO_DO}){_AUX}\b"
    rf"|.*,\s*(?:right|correct|yes|no|{_AUX}\s+(?:i|we|he|she|it|they))\s*\?*$",
    re.IGNORECASE,
)
_OF_YOU = re.compile(rf"\b{_AUX}\s+you\b", re.IGNORECASE)


def readable(question: str) -> bool:
    """Whether words of a text can answer: not with yes or no."""
    return bool(question) and (_YES_NO.match(glossed(question).text) is None or names_options(question))


def decidable(question: str) -> bool:
    """Whether texts can answer with yes or no; what the assistant itself does or is they do not tell."""
    return bool(question) and not readable(question) and _OF_YOU.search(question) is None


def decision(
    spans: Spans, question: str, texts: Sequence[str], nearest: Sequence[int], doubts: Sequence[float]
) -> ReadOut | None:
    """Yes or no by the nearest texts that can be read at once; its place is the nearest one.

    Where that is less than certain, the newest sentence about it is said instead: it is true in any case. So
    it is where all that would say yes is denied, supposed or quoted (of endless doubt), and where it is no to
    what a sentence has word for word, and none denies.
    """
    order = nearest or range(len(texts) - 1, -1, -1)
    chosen = sorted(fitting(texts, order))
    found = spans.decide(question, [texts[place] for place in chosen])
    if found is None:
        return None
    asked = content(question)
    about = [
        (len(shared), place, sentence)
        for place in order[:MOST_TEXTS]
        for sentence in sentences(texts[place])
        if (shared := asked & content(sentence))
    ]
    if denied(question, [texts[place] for place in chosen]):
        return ReadOut("No", order[0], max(YES, found.margin))
    stands = any(doubts[place] < NEVER for place in chosen)
    turned = any(_TURNED.search(sentence) for _, _, sentence in about)
    anothers = found.yes and of_another(question, [sentence for _, _, sentence in about])
    affirmed = not found.yes and not turned and any(affirms(question, one) for _, _, one in about)
    if (
        (stands or not found.yes)
        and not anothers
        and not affirmed
        and found.margin > _certain(yes=found.yes, turned=turned, told=bool(about))
    ):
        return ReadOut("Yes" if found.yes else "No", order[0], found.margin)
    _, place, sentence = max(about, default=(0, 0, ""))
    if not sentence:
        return None
    named = asked - _LIGHT
    told = bool(named) and named <= content(sentence)
    margin = max(found.margin, _SAID_BACK) if told else found.margin - MORE + SURE
    return ReadOut(_TOLD.format(sentence.strip()), place, margin)


def denied(question: str, texts: Sequence[str]) -> bool:
    """Whether the newest clause that has all that a question names denies it: "I'm not on the pill any more".

    What is named has to stand behind the denial in part ("paid for paint, not for the scaffolding"), and who
    is meant by "I" or "she" in the clause too.
    """
    named = content(question) - _LIGHT
    clauses = [clause for text in texts for sentence in sentences(text) for clause in clauses_of(sentence)]
    clauses = [_UNTIL.split(clause)[0] for clause in clauses]
    clause = next((one for one in reversed(clauses) if named <= content(one)), "") if named else ""
    said = _DENIES.search(clause)
    if said is None or put_as(clause) - {"denied"} or _DENIES.search(question):
        return False
    if not named & content(clause[said.end() :]) or _SPARED.match(clause, said.start()):
        return False
    if said["before"] and _WAS.search(question):
        return False
    return all(one.search(clause[: said.start()]) for one in _WHO if one.search(question))


def affirms(question: str, sentence: str) -> bool:
    """Whether one clause has all things that a question names, several, and who is meant by "I" or "she"."""
    named = content(question) - _LIGHT
    whose = [one for one in _WHO if one.search(question)]
    return len(named) > 1 and any(
        named <= content(clause) and all(one.search(clause) for one in whose)
        for clause in clauses_of(sentence)
    )


def of_another(question: str, told: Sequence[str]) -> bool:
    """Whether "Do I have rabbits?" is asked, and only "their rabbits" or "Ben's rabbits" are told."""
    asked = _DO_I_HAVE.match(question)
    if asked is None:
        return False
    whose = [
        _THEIRS.search(text[: at.start()])
        for text in told
        for at in re.finditer(r"[^\W\d_]+", text)
        if normal(at[0]) == normal(asked["thing"])
    ]
    return bool(whose) and all(whose)


def _certain(*, yes: bool, turned: bool, told: bool) -> float:
    if yes:
        return YES if told and not turned else YES_TURNED
    return NO_TURNED if turned else NO
