"""What texts give for a question, and whether a reply may answer it.

    What does my wife love?    My wife hates jazz but loves opera.           opera
    Where is the spare key?    The spare key hangs behind the fridge.        behind the fridge
    Where is my meeting?       My meeting is with Lars.                      nothing

All that the question names has to be told, of the same person, and the value has to be of the kind that is
asked for. In doubt nothing is given: a missed answer is better than a wrong one. No model is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from memory.backends.reader.answer import shapes
from memory.backends.reader.answer.asked import Asked
from memory.backends.reader.answer.clauses import ANSWER, Part, Said, parts, same_owner, told
from memory.backends.reader.answer.extract import behind, extract, new
from memory.backends.reader.answer.replaced import replacing
from memory.backends.reader.answer.words import TOKEN, content, normal, normals
from memory.backends.reader.claim_patterns import MANY
from memory.backends.reader.rivals import MANY_VALUED
from memory.backends.reader.values import alike, kinds_held
from memory.text.sentences import sentences

_LONGEST = 90  # characters of a value
_FEW = 6  # words of a value in any language
_MARKS = " .,;:!?。！？、，\"'"
_COSTS = re.compile(r"\bhow much\b.*\b(?:cost|costs|pay|paid|owe|price|charge)\b", re.IGNORECASE)
_DOES = re.compile(r"\b(?:do|does|did)\b", re.IGNORECASE)
_AS = re.compile(
    r"\b(?:as|is|am|are|was|['’]m|['’]s|became|job:?)(?:\s+(?:an?|the))?(?:\s+\w+){0,2}$", re.IGNORECASE
)
_ENDED = re.compile(
    r"\b(?:stopped|quit|sold|cancell?ed|closed|ditched|dropped|abandoned|scrapped|retired|stolen|axed|traded|swapped)\b",
    re.IGNORECASE,
)
_IS = re.compile(
    r"\b(?:my|our|the)\s+((?:(?!(?:my|our|the)\b)[\w'’-]+\s+){1,5}?)(?:is|are|was|were|will be)\b",
    re.IGNORECASE,
)
# What a text has to name itself for a value to be one: nobody says it in other words.
_NAMED_ONLY = frozenset(map(normal, (
    "port", "password", "pin", "code", "number", "birthday", "shoe", "size", "postcode", "iban", "username",
    "teacher", "doctor", "dentist", "boss", "landlord", "vet", "anniversary", "frame", "policy", "plate",
    "passport", "licence", "ticket", "gate", "platform", "printer", "sister", "father", "dad", "cat"
)))  # fmt: skip
_TIMED = frozenset(map(normal, ("train", "bus", "flight", "ferry", "tram", "slot", "version", "code")))
_CORRECTS = re.compile(
    r"(?:no|sorry|wait|oops|actually|correction|scratch that|forget that|i mean|i meant|make (?:that|it))\b",
    re.IGNORECASE,
)
_CLAUSES = re.compile("[,;，；、。！？]")
_SHE = re.compile("[他她它]")
_WORD = re.compile(r"\b(?!(?:and|or|to|between|until)\b)[^\W\d_]{2,}", re.IGNORECASE)
_SEVERAL = re.compile(
    r"(?:what|which|who)(?:\s+\w+s\b(?<!is)(?<!was)(?<!does)|\s+are\s(?:my|our|the|his|her|their|[\w'’-]+['’]s?)\s)",
    re.IGNORECASE,
)


def value(asked: Asked, lines: Sequence[Said]) -> str:
    """What the lines of one passage give; "" where nothing, or several things."""
    if asked.foreign:
        return _only(_left_over(asked, sentence) for _, line in lines for sentence in sentences(line))
    for place, (_, line) in enumerate(lines):
        if place and _CORRECTS.match(line) and (said := replacing(asked, lines[place:], lines[:place], "")):
            return said
    return _only(_given(asked, part) for part in parts(lines, asked))


def together(asked: Asked) -> bool:
    """Whether several things are asked for: "What am I allergic to?", "Which languages do I speak?"."""
    several = _SEVERAL.match(asked.text) is not None or bool(asked.said & MANY_VALUED)
    return several and asked.kind != "amount"


def same_thing(one: str, other: str) -> bool:
    """Whether both say what the same thing is, of which there is one: "my surname is"."""
    named = {found[1].casefold().strip() for found in _IS.finditer(one)}
    return any(
        found[1].casefold().strip() in named and not MANY.search(found[1].strip())
        for found in _IS.finditer(other)
    )


def alike_values(one: str, other: str) -> bool:
    """Whether two values are of the same kinds, as no date and no time of day are."""
    return alike(kinds_held(one, "", frozenset()), kinds_held(other, "", frozenset()), "")


def listed(values: Sequence[str]) -> str:
    """Several values as one."""
    return " and ".join(filter(None, (", ".join(values[:-1]), values[-1] if values else "")))


def fits(asked: Asked, reply: str, texts: Sequence[str]) -> bool:
    """Whether a reply that is taken from the texts may answer."""
    said = reply.strip(_MARKS)
    if not new(asked, said) or not (content(said) or any(map(str.isdigit, said)) or not said.isascii()):
        return False
    before = [text[:at].rstrip() for text in texts if (at := text.casefold().find(said.casefold())) >= 0]
    if not before or asked.foreign or len(said.split()) > ANSWER:
        return True
    lines: list[Said] = [("user", line) for text in texts for line in text.split("\n")]
    having = [part for part in parts(lines, asked) if said.casefold() in part.text.casefold()]
    if having and not any(same_owner(asked, part, said) for part in having):
        return False
    own = normals(" ".join(text for text in texts if said.casefold() in text.casefold()))
    return asked.words & _NAMED_ONLY <= own and _of_kind(asked, said, before, texts)


def _of_kind(asked: Asked, said: str, before: Sequence[str], texts: Sequence[str]) -> bool:
    if asked.kind == "where":
        lives = not (asked.subject and "live" in asked.words) or any(map(shapes.AT_HOME.search, texts))
        return lives and not shapes.WHEN.fullmatch(said) and not all(map(shapes.NOT_WHERE.search, before))
    if asked.kind == "job":
        return any(map(_AS.search, before))
    if asked.kind == "name":
        named = any(shapes.NAMED.search(f"{text} ") for text in before)
        return (named or re.match(shapes.PROPER, said) is not None) and not shapes.TIME_BEHIND.search(said)
    if asked.manner:
        return shapes.LEADING_NAME.fullmatch(said) is None
    if asked.kind == "who":
        return _WORD.search(said) is not None and not shapes.WHEN.fullmatch(said)
    if asked.kind == "when":
        timed = shapes.SOME_TIME.search(said) or shapes.WHEN.search(said)
        return timed is not None and not shapes.MONEY.search(said)
    if asked.kind == "amount":
        if "how old" in asked.text.casefold() and shapes.YEAR.fullmatch(said):
            return False
        if _COSTS.search(asked.text) and shapes.LASTS.search(said):
            return False
        return shapes.SOME_NUMBER.search(said) is not None or "often" in asked.text
    if asked.kind == "" and _DOES.search(asked.text) and shapes.WHEN.fullmatch(said):
        return asked.type in _TIMED
    return asked.kind == "colour" or not asked.type or not shapes.COLOUR.fullmatch(said)


def _given(asked: Asked, part: Part) -> str:
    ended = _ENDED.search(part.text)
    if ended and normal(ended[0]) not in asked.said:
        return ""
    if not told(asked, part):
        return _without_type(asked, part)
    said = extract(asked, part if asked.behind == "from" else part.without_former)
    fine = said and len(said) <= _LONGEST and new(asked, said) and same_owner(asked, part, said)
    return said if fine else ""


def _without_type(asked: Asked, part: Part) -> str:
    """ "We fly with TAP" tells "Which airline do we fly with?" without that word."""
    own = normals(part.text)
    missing = asked.words - own - normals(part.before)
    if missing != {asked.type} or not asked.words & own:
        return ""
    said = shapes.TAIL.sub("", behind(asked, part.text))
    named = re.match(shapes.PROPER, said) is not None
    return shapes.LEADING_NAME.match(said)[0] if named and same_owner(asked, part, said) else ""  # type: ignore[index]


def _left_over(asked: Asked, sentence: str) -> str:
    """What a sentence has beside the words of the question, where that stands together: in any language."""
    if asked.prefix:
        return _behind_prefix(asked.prefix.replace("的", ""), sentence)
    words = [(normal(one[0]), one.span()) for one in TOKEN.finditer(sentence) if one[0][-1:].isalnum()]
    if not asked.words <= {word for word, _ in words}:
        return ""
    rest = [place for place, (word, _) in enumerate(words) if word not in asked.said]
    if not rest or rest[-1] - rest[0] >= len(rest) or len(rest) > _FEW:
        return ""
    return sentence[words[rest[0]][1][0] : words[rest[-1]][1][1]]


def _behind_prefix(prefix: str, sentence: str) -> str:
    """In a script without spaces, what a clause has behind the question's beginning; "she" is who was named
    before."""
    clauses = [clause.strip() for clause in _CLAUSES.split(sentence.replace("的", "")) if clause.strip()]
    for place, clause in enumerate(clauses):
        if clause.startswith(prefix):
            return clause[len(prefix) :].strip(_MARKS)
        if place and _SHE.match(clause):
            before = clauses[place - 1]
            named = max((n for n in range(2, len(prefix)) if before.startswith(prefix[:n])), default=0)
            if named and clause[1:].startswith(prefix[named:]):
                return clause[1 + len(prefix) - named :].strip(_MARKS)
    return ""


def _only(given: Iterable[str]) -> str:
    """The one value; of one that only says another more exactly, the longer."""
    found = {said for said in given if said}
    longest = max(sorted(found), key=len, default="")
    return longest if all(one.casefold() in longest.casefold() for one in found) else ""
