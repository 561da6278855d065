"""What sentences claim, as slots and values, so that a newer value is known to take an older one's place.

    "My dog is called Biscuit."           my dog + name      Biscuit
    "I moved from Lisbon to Porto."       I + home           Porto
    "The name of my dog is not Biscuit."  my dog + name      no longer Biscuit

Only slots that hold one value at a time are read: "I like tea" and "my friend is called Ben" claim nothing
here, because tomorrow's tea does not take the coffee away. In doubt a sentence claims nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from memory.backends.reader.claim_patterns import (
    ADDITION,
    ADVERBS,
    ATTRIBUTE,
    CHANGE,
    CONTRACTIONS,
    COUNTRY,
    CURRENCY,
    DENIAL,
    ENDS,
    FORMER,
    FREE,
    INSTEAD,
    MANY,
    NO_EMPLOYER,
    OPENERS,
    PAST,
    PATTERNS,
    PERSON,
    QUALITY,
    RELATION,
    REPLACED,
    SHAPES,
    SMALL,
    SOMETIMES,
    TELLING,
)
from memory.text.passage import Line, Passage


@dataclass(frozen=True, slots=True)
class Claim:
    """That something has a value, or no longer has it. `firm` is what says that there is one only."""

    slot: frozenset[str]  # words that name what has the value
    value: str  # casefolded
    shape: str  # what kind of value it looks like
    unit: str = ""  # of a number: "50 rooms" are no other steps, "garage 4" no other box
    firm: bool = True
    denied: bool = False
    loose: bool = False  # that it fills this slot is not sure: only what says that it changed takes its place
    changed: bool = False  # it is said that it was otherwise before
    free: bool = False  # values of any form take each other's place


_JOINT = re.compile(r"(?:[;,]\s*)?(?:and|but|while|also)\s+", re.IGNORECASE)
_MORE = re.compile(  # another subject and its verb behind a comma: "we live in Rome, my cat is called Tom"
    r"""[,;]\s+(?:(?:and|but|so|also|while)\s+)?
    (?:(?:I|we|he|she|they)\s+(?!(?:mean|meant|think|guess)\b)\w
      |(?:my|our|his|her|their|the)\s+(?:[\w'’-]+\s+){1,4}?(?:is|are|was|were|has|have|had|can|will|[a-z]+s)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_MOVE = re.compile(
    r"\b((?:moved?|moving|relocated|migrated)(?: (?:my|our|the) \w+)?)"
    r"(?: away| house)? from [^.,;:!?\n]{1,60}? to (?=\w)",
    re.IGNORECASE,
)
_NO_VALUE = r"(?:my|our|his|her|its|their|not|very|so|too)\b"
_NAMING = re.compile(r"\w{4,}-\w{4,}|\w+")
_MINE = frozenset(("i",))
_FREE_RELATIONS = ("name", "home", "employer", "job", "work", "address")
MAX_CLAUSE_CHARACTERS = 300  # characters of a clause that is read; who tells a value says it more shortly


Place = tuple[int, int]
"""Number of a line in its passage, and of a clause in the line."""


def claims(passage: Passage) -> dict[Place, list[Claim]]:
    """The claims of each clause of a passage that its teller says, and nobody else in it."""
    return {
        (row, place): list(_claimed(clause))
        for row, line in enumerate(passage.lines)
        if line.role != "assistant" and not line.name
        for place, clause in enumerate(line.clauses)
        if len(clause) <= MAX_CLAUSE_CHARACTERS
    }


def _claimed(clause: str) -> Iterator[Claim]:
    if ADDITION.search(clause):
        return  # it stands beside what was told
    said = _plain(clause)
    changed = CHANGE.search(clause) is not None
    replaced = REPLACED.fullmatch(said)
    if replaced:
        said = f"{replaced['what']} is {replaced['new']}"
    denied = DENIAL.search(said)
    if denied:
        said = _affirmed(said)
    if said.endswith("?") or FORMER.search(said) or SOMETIMES.search(said):
        return
    for pattern, adds, firm in PATTERNS:
        match = pattern.match(said)
        claim = match and _claim(match.groupdict(), adds, firm, bool(denied))
        if claim:
            yield replace(claim, changed=changed and not denied)
            return


def _plain(clause: str) -> str:
    """The clause without what does not matter for what it claims."""
    said = clause.strip().strip('"“”')
    for pattern, full in CONTRACTIONS:
        said = re.sub(pattern, full, said, flags=re.IGNORECASE)
    said = OPENERS.sub("", said)
    said = ADVERBS.sub("", said)
    said = INSTEAD.sub(r"\g<rest>", said)
    return re.sub(r"\s+", " ", said).strip().rstrip(".!")


def _affirmed(said: str) -> str:
    """The same without its denial: "I no longer live in Lisbon" says what is no longer so."""
    said = re.sub(r"\b(?:no longer|any ?more)\b", "", said, flags=re.IGNORECASE)
    said = re.sub(r"\b(?:do|does) not\b", "", said, flags=re.IGNORECASE)
    said = re.sub(r"\bused to be\b", "is", said, flags=re.IGNORECASE)
    said = re.sub(r"\b(?:not|used to)\b", "", said, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", said).strip()


def _claim(found: dict[str, str | None], adds: str, firm: bool, denied: bool) -> Claim | None:
    what, who, how = (found.get(name) or "" for name in ("what", "who", "how"))
    value = ENDS.sub("", found["value"] or "").strip().strip("\"'“”")
    placeless = re.match(r"(?:the|an?|another) (?-i:[a-z])", value, re.IGNORECASE)
    value = re.sub(r"^(?:the|an?) ", "", value, flags=re.IGNORECASE)
    if not value or len(value.split()) > 6 or re.match(_NO_VALUE, value, re.IGNORECASE):
        return None
    if not who and re.match(r"(?:his|her|its|their)\b", what, re.IGNORECASE):
        return None  # whose, another sentence says
    thing = what or who
    shape = _shape(value, how)
    loose = False
    if adds in ("end", "leave", "arrive") and shape == "words":
        return None
    if not adds and not how and RELATION.match(value):
        return None
    if adds in ("home", "employer") and PAST.search(found["value"] or ""):
        return None
    if adds == "employer" and NO_EMPLOYER.match(found["value"] or ""):
        return None
    if MANY.search(re.sub(r"['’]s? name$", "", thing)) and thing.endswith("name"):
        return None
    if not adds and not _single(thing, how, shape):
        if shape != "name" or how or not PERSON.search(thing):
            return None
        adds, loose = "name", True  # "My boss is Ana": or the boss is German
    elif not adds and _beside(value, how, shape):
        return None
    if (adds == "name" and MANY.search(thing)) or (adds == "home" and placeless):
        return None
    named = _words(f"{who} {what} {adds} {how if how.startswith(('due', 'from')) else ''}")
    slot = named - TELLING.get(shape, frozenset()) or named
    if not slot:
        return None
    if adds == "home" and COUNTRY.fullmatch(value):
        shape = "country"
    free = adds in _FREE_RELATIONS if adds else FREE.search(re.split(r" (?:of|for) ", thing)[0]) is not None
    return Claim(slot, value.casefold(), shape, _unit(value, shape), firm, denied, loose, free=free)


def _single(thing: str, how: str, shape: str) -> bool:
    """Whether such a thing has one such value at a time: "my car is red" leaves room for "my car is fast"."""
    if re.search(r"\b(?:he|she|it|they|there|this|that|what)$", thing, re.IGNORECASE):
        return False
    head = re.split(r" (?:of|for) ", thing)[0]
    if FREE.search(head) or (shape != "words" and (ATTRIBUTE.search(thing) or ATTRIBUTE.search(head))):
        return True
    if MANY.search(head) or shape == "words":
        return False
    return (
        bool(how) or shape not in ("name", "words") or (head != thing and head.casefold().startswith("the "))
    )


def _beside(value: str, how: str, shape: str) -> bool:
    """Whether it says how or where a thing is: "my password is weak", "the code is on the fridge"."""
    where = how in ("on", "at", "in") and value not in ("noon", "midnight")
    return shape == "words" and (where or QUALITY.fullmatch(value) is not None)


def _shape(value: str, how: str) -> str:
    """What kind of value it looks like, where `how` ("at", "in") stands before it."""
    for shape, pattern in SHAPES:
        if pattern.fullmatch(f"{how} {value}".strip()):
            return shape
    return "name" if value[:1].isupper() else "words"


def _unit(value: str, shape: str) -> str:
    """What a number counts, or is the number of; an amount of money is one in any currency."""
    words = re.findall(r"\b[a-z]{3,}\b", CURRENCY.sub("", value)) if shape == "number" else []
    return words[-1] if words else ""


def _words(text: str) -> frozenset[str]:
    """The words that name a slot; of the speaker, singly or with others, there is one.

    Two words of a kind with a hyphen between are one: a Rome-Oslo flight is not the Oslo-Rome flight.
    """
    words = _NAMING.findall(text.casefold().replace("'s", " ").replace("’s", " "))
    mine = {"my": "i", "our": "i", "we": "i", "favorite": "favourite", "color": "colour"}
    return frozenset(mine.get(word, word) for word in words if word not in SMALL)


def standing(text: str) -> str:
    """The text without what a move left behind: "I moved from Lisbon to Porto." -> "I moved to Porto."

    Adapters are made of this, so that a place that somebody left does not come back as an answer. The text
    itself is kept as it was told.
    """
    return _MOVE.sub(r"\1 to ", text)


def contradicts(new: Claim, old: Claim) -> bool:
    """Whether the old claim cannot hold beside the newer one."""
    if not _same_slot(new, old) or old.denied:
        return False
    if new.denied:
        return new.value == old.value
    if _same(new.value, old.value) or not new.firm:
        return False
    if (new.loose or old.loose) and not new.changed:
        return False
    if new.shape == "number" == old.shape:
        return new.unit == old.unit
    alike = "country" not in (new.shape, old.shape) and new.free and old.free
    return new.shape == old.shape or alike


def _same_slot(new: Claim, old: Claim) -> bool:
    """Whether both are about the same; who says what changed may leave out whose it is."""
    return new.slot == old.slot or (new.changed and new.slot - _MINE == old.slot - _MINE)


def _same(one: str, other: str) -> bool:
    """Whether one value only says the other more exactly: "Porto" and "Porto, Portugal"."""
    a, b = set(re.findall(r"\w+", one)), set(re.findall(r"\w+", other))
    return a <= b or b <= a


def remaining(old: Passage, new: Passage) -> str | None:
    """What is left of an old passage beside a newer one: None where all of it, "" where nothing.

    A clause goes as a whole. One that has another fact behind a comma stays: in doubt nothing is lost.
    """
    newer: dict[frozenset[str], set[Claim]] = {}
    for claim in (claim for found in claims(new).values() for claim in found):
        newer.setdefault(claim.slot, set()).add(claim)
    stale = {
        (row, place)
        for (row, place), found in (claims(old) if newer else {}).items()
        if any(contradicts(claim, before) for before in found for claim in newer.get(before.slot, ()))
        and not _tells_more(old.lines[row].clauses[place])
    }
    return _without(old, stale) if stale else None


def _tells_more(clause: str) -> bool:
    """Whether another fact follows the one that it claims, behind a comma."""
    return any(any(_claimed(clause[: more.start()])) for more in _MORE.finditer(clause))


def _without(passage: Passage, stale: set[Place]) -> str:
    told = (
        clause
        for row, line in enumerate(passage.lines)
        if line.role != "assistant"
        for place, clause in enumerate(line.clauses)
        if (row, place) not in stale
    )
    if not any(re.search(r"\w", clause) for clause in told):
        return ""
    kept = (
        (line, _kept(line, {place for at, place in stale if at == row}))
        for row, line in enumerate(passage.lines)
    )
    return "\n".join(line.saying(said) for line, said in kept if said)


def _kept(line: Line, stale: set[int]) -> str:
    """What a line says without these clauses."""
    if not stale:
        return line.text.strip()
    said = []
    for place, clause in enumerate(line.clauses):
        if place in stale:
            continue
        opened = _opened(clause) if place - 1 in stale else clause
        said.append(_closed(opened) if place + 1 in stale else opened)
    return " ".join(said)


def _opened(clause: str) -> str:
    """A clause as the beginning of a sentence, when what stood before it is gone."""
    bare = clause[found.end() :] if (found := _JOINT.match(clause)) else clause
    return bare[:1].upper() + bare[1:]


def _closed(clause: str) -> str:
    """A clause as the end of a sentence, when what stood behind it is gone."""
    return clause if clause.endswith((".", "!", "?")) else clause.rstrip(" ,;") + "."
