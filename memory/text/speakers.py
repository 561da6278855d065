"""Who says a line: labels that we write before what was told in turns, and names that a text has itself.

    User: I live in Bonn.        told in a conversation: the user says it
    Ana: I live in Bonn.         in a text: somebody named Ana says it, whoever gave us the text

Only Passage knows which texts have labels of ours; to this module a label is one wherever it begins a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypernet.world.pools import MEN, WOMEN
from memory.records import Role
from memory.text.normalise import characters

_LABELS: dict[Role, str] = {"user": "User: ", "assistant": "Assistant: "}
_ROLES: dict[str, Role] = {label: role for role, label in _LABELS.items()}
_OURS = re.compile(r"User: |Assistant: ")
_BREAK = re.compile(r"(\r\n?|[\n\x0b\x0c\x85\u2028\u2029])")
_POSING = re.compile(r"\W*(?:user|assistant)\s?:", re.IGNORECASE)
_WORD = r"[^\W\d_][\w.'’-]{0,30}"
_NAMED = re.compile(rf"(?:\[[^\]\n]{{1,40}}\][ \t]?)?(?P<name>{_WORD}(?:[ ]{_WORD}){{0,2}}):[ \t]+(?=\S)")
_CHATS = frozenset(("user", "assistant", "human", "ai", "bot", "system", "chatgpt", "claude"))
_TELLER = frozenset(("me", "i", "myself"))
_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours)\b", re.IGNORECASE)
_TO_SOMEBODY = re.compile(
    r"""\b(?:you|your|yours)\b|[?!]\s*$
    |\A(?:hi|hello|hey|thanks?|ok|okay|yes|no|sure|nice|great|cool|sorry|bye)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# Words that a name begins with; others are names only where they take turns.
_ADDRESSED = (
    *("me", "i", "myself", "mr", "mrs", "ms", "miss", "dr", "prof"),
    *("mum", "mom", "dad", "grandma", "grandpa"),
)
_PEOPLE = frozenset(map(str.casefold, (*WOMEN, *MEN, *_ADDRESSED)))
_SENTENCE = re.compile(r"[.?!…]\W*$|\S\s+\S+\s+\S")
# What stands before a colon and is nobody's name, though it begins with a capital.
_NOBODY = frozenset((
    "a", "actually", "address", "allergies", "also", "and", "answer", "attention", "background", "bio",
    "breakfast", "but", "caution", "conclusion", "context", "correction", "date", "day", "dear", "diet",
    "dinner", "disclaimer", "dislikes", "edit", "edited", "email", "evening", "example", "fact", "facts",
    "friday", "fwd", "fyi", "goal", "goals", "hello", "hey", "hi", "hint", "hobbies", "hobby", "home",
    "honestly", "idea", "important", "info", "ingredients", "job", "likes", "listen", "lunch", "memo",
    "message", "monday", "month", "morning", "name", "nb", "no", "note", "notes", "now", "oh", "ok",
    "okay", "oops", "phone", "plan", "pps", "preference", "preferences", "problem", "ps", "q",
    "question", "quote", "rather", "re", "reason", "remember", "reminder", "result", "results",
    "saturday", "so", "solution", "sorry", "source", "sources", "status", "subject", "summary", "sunday",
    "task", "tasks", "thursday", "time", "tip", "title", "today", "todo", "tomorrow", "tonight",
    "tuesday", "update", "updates", "wait", "warning", "wednesday", "week", "well", "work", "year",
    "yes", "yesterday"
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """Who says a line, as the text itself has it."""

    name: str = ""  # "" for who tells the text
    label: str = ""  # what stands before what is said
    who: str = ""  # the first word of the name, in small letters


NOBODY = Named()


def label(role: Role) -> str:
    """What stands before a line of a conversation."""
    return _LABELS["user" if role == "user" else "assistant"]


def labelled(role: Role, text: str) -> str:
    """A message as stored: labelled, and again before each line that looks as if somebody else spoke.

    A line is what a model reads as one, and a label too, in whatever characters it is written.
    """
    own = label(role)
    first, *rest = _BREAK.split(text)
    breaks, lines = rest[::2], rest[1::2]
    said = (
        f"\n{own}{line}" if _posing(line) else end + line for end, line in zip(breaks, lines, strict=True)
    )
    return own + first + "".join(said)


def _posing(line: str) -> bool:
    """Whether a line begins with a label of ours, as a model reads it."""
    return _POSING.match(characters(line)) is not None


def guarded(role: Role | None, said: str) -> str:
    """A part of a message as a line of its own, labelled where it looks as if somebody else spoke."""
    return label(role) + said if role is not None and _posing(said) else said


def quoted(text: str) -> str:
    """A text given as a whole, for a prompt, where a line of it could be taken for one of a conversation."""
    lines = text.splitlines()
    if not any(map(_posing, lines)):
        return text
    return "\n".join(f"A text says: {line}" if _posing(line) else line for line in lines)


def role_in(line: str) -> Role | None:
    """Whose label of ours begins the line, if one does."""
    found = _OURS.match(line)
    return _ROLES[found[0]] if found else None


def unlabelled(text: str) -> str:
    """A text without any "User: " and "Assistant: " at the beginning of a line."""
    return re.sub(r"^(?:User|Assistant): ", "", text, flags=re.MULTILINE)


def first_person(text: str) -> bool:
    """Whether the text speaks in the first person."""
    return _FIRST_PERSON.search(text) is not None


def addresses(text: str) -> bool:
    """Whether the text speaks to somebody."""
    return _TO_SOMEBODY.search(text) is not None


def may_be_name(word: str) -> bool:
    """Whether a word before a colon may name a speaker: not "note" and its kin."""
    return word.casefold() not in _NOBODY


def named(lines: Sequence[str]) -> list[Named]:
    """The speaker of each line of a transcript; a speaker keeps the floor until a blank line.

    The words for who takes part in a chat ("User: ") name somebody before a sentence, and so do first names
    where somebody speaks of himself or to somebody ("Ana: I live in Bonn."). Any other name does beside one
    of these, or where several take turns. A note ("Car: I drive a Volvo.") and a list of names and values
    have no speakers.
    """
    found = [_named(line) for line in lines]
    said = {place: lines[place][len(one.label) :] for place, one in enumerate(found) if one is not NOBODY}
    if not said:
        return found
    speak = _speaking({place: found[place] for place in said}, said)
    for place in said.keys() - speak:
        found[place] = NOBODY
    name = ""
    for place, line in enumerate(lines):
        if found[place] is not NOBODY:
            name = found[place].name
        elif not line.strip():
            name = ""
        elif name:
            found[place] = Named(name)
    return found


def _speaking(by: Mapping[int, Named], said: Mapping[int, str]) -> set[int]:
    """The places among these at which somebody speaks."""
    chats = {place for place, one in by.items() if one.name.casefold() in _CHATS}
    people = {place for place, one in by.items() if one.who in _PEOPLE}
    if len({by[place].name.casefold() for place in chats}) < 2:
        chats = {place for place in chats if _SENTENCE.search(said[place])}
    others = {place for place, one in by.items() if one.name.casefold() not in _CHATS}
    to_somebody = any(_TO_SOMEBODY.search(said[place]) for place in others)
    own = {place for place in others if first_person(said[place])}
    labels = [by[place].label for place in others]
    turns = len(set(labels)) > 1 and (to_somebody or (bool(own) and len(set(labels)) < len(labels)))
    if chats or turns or own & people or (people and to_somebody):
        return chats | others
    return set()


def transcript(text: str) -> bool:
    """Whether most of a text is speech of speakers that it names."""
    lines = [line for line in text.split("\n") if line.strip()]
    return 2 * sum(one is not NOBODY for one in named(lines)) > len(lines)


def _named(line: str) -> Named:
    found = _NAMED.match(line) if ":" in line else None
    if found is None:
        return NOBODY
    name = found["name"]
    words = name.casefold().split(" ")
    if name.casefold() in _TELLER:
        return Named("", found[0], words[0])
    if name.casefold() in _CHATS or (
        not {words[0], words[-1]} & _NOBODY and all(word[0].isupper() for word in name.split(" "))
    ):
        return Named(name, found[0], words[0].rstrip("."))
    return NOBODY
