"""The value in a clause that tells all that a question names, by the kind that is asked for."""

from __future__ import annotations

import re
from itertools import pairwise

from memory.backends.reader.answer import shapes
from memory.backends.reader.answer.asked import Asked
from memory.backends.reader.answer.clauses import Part
from memory.backends.reader.answer.words import TOKEN, normal, places
from memory.text.values import DATE, QUOTED, unmarked

_DOES = re.compile(
    r"\b(?:do|does|did|can|have|has|am|had|will|should|must|would)\b|\b(?:is|are|was|were)\b.*\w+ing\b",
    re.IGNORECASE,
)
_WHAT_DOES = re.compile(r"(?:what|which)\s+(?!(?:is|are|was|were)\b)\w+s\b", re.IGNORECASE)
_WHO_DOES = re.compile(r"who\s+(?!(?:is|are|was|were|am)\b)\w+", re.IGNORECASE)
_I_DO = re.compile(
    r"\b(?:do|does|did|am|is|are|have|has|was|will|should|can|must)\s+(?:i|we)\b", re.IGNORECASE
)
_CLOCK_ASKED = re.compile(r"\b(?:what time|how late|how early|what hour)\b", re.IGNORECASE)
_DAY_ASKED = re.compile(r"\b(?:what|which) (?:day|date|weekday)\b", re.IGNORECASE)
_YEAR_ASKED = re.compile(r"\bwh\w+ year\b", re.IGNORECASE)
_LASTING_ASKED = re.compile(r"\bhow (?:long|far)\b", re.IGNORECASE)
_MANY_ASKED = re.compile(
    r"\bhow (?:many|much)\s+(?!(?:is|are|was|do|does|did|will|can|should|has|have)\b)([\w-]+)", re.IGNORECASE
)
_MODIFIED = re.compile(r"\b(?:an?|another)\s+(?!new\b|old\b|big\b|small\b)[a-z]+\s+$", re.IGNORECASE)
_MY_NAME = frozenset((normal("name"),))
_BOUNDS = ("from", "until", "since")
_NEEDED = ("with", "from", "about", "by")  # a value that is asked for behind one of these stands behind it
_FEW = 5  # words of what stands before


def extract(asked: Asked, part: Part) -> str:
    """The value, as it stands in the clause; "" for none."""
    said = (_manner if asked.manner else _BY_KIND.get(asked.kind, _anything))(asked, part)
    if not said and part.answers and asked.kind in ("", "name", "where", "who"):
        said = to_end(part.text)
    return unmarked(shapes.TAIL.sub("", said.strip().strip('"“”')))


def new(asked: Asked, said: str) -> bool:
    """Whether the value has a word that the question has not."""
    return any(normal(word) not in asked.said for word in TOKEN.findall(said) if word[-1:].isalnum())


def to_end(text: str) -> str:
    """As far as the value goes that begins the text."""
    quoted = QUOTED.match(text)
    if quoted:
        return quoted[1]
    end = shapes.END.search(text)
    return text[: end.start()] if end else text


def without_circumstance(said: str) -> str:
    """Without where and when, behind what."""
    found = shapes.CIRCUMSTANCE.search(said)
    return said[: found.start()] if found and found.start() > 1 and '"' not in said else said


def leading_name(said: str) -> str:
    """The name that begins a text which goes on: "Rex and is brown"."""
    found = shapes.LEADING_NAME.match(said)
    return found[0] if found else without_circumstance(said)


def behind(asked: Asked, text: str) -> str:
    """What stands behind the question's preposition; "" where nothing does."""
    for found in re.finditer(rf"(?<!\w){asked.behind}\s+", text, re.IGNORECASE) if asked.behind else ():
        said = to_end(text[found.end() :])
        if asked.type:
            said = re.sub(
                rf"^(?:the\s+)?{re.escape(asked.type)}\w{{0,2}}\s+(?=\S)", "", said, flags=re.IGNORECASE
            )
        found_when = shapes.UNTIL_WHEN.search(said)
        said = said[: found_when.start()] if found_when else said
        said = leading_name(said) if asked.type and re.match(shapes.PROPER, said) else said
        if new(asked, said):
            return said
    return ""


def _span(asked: Asked, text: str) -> tuple[int, int] | None:
    """From the first word of the question in the text to the last."""
    found = places(text, asked.words)
    return (found[0][0], max(end for _, end in found)) if found else None


def _is(after: str, *, place: bool = True) -> str:
    """What something is: "Ana" of " is Ana.", "an iPhone" of ", an iPhone."; or where, with `place`."""
    after = re.sub(r"^['’]s(?=\s)", " is", after)
    copula = shapes.COPULA.match(after)
    if copula and after[copula.end() :].strip(" .!"):
        return "" if copula["there"] and not place else to_end(after[copula.end() :])
    return to_end(after[2:]) if re.match(r",\s+(?:an?|the)\s", after) else ""


def _anything(asked: Asked, part: Part) -> str:
    said = _numbered(asked, part.text) or behind(asked, part.text)
    span = _span(asked, part.text)
    if said or span is None:
        found = re.match(rf"\w+\s+{shapes.BE}\s+", part.text, shapes.FLAGS)
        return said or (to_end(part.text[found.end() :]) if found else "")
    before, after = part.text[: span[0]], part.text[span[1] :]
    if _MODIFIED.search(before):
        return ""  # "a work phone" is not the phone
    said = _is(after, place=bool(asked.behind or asked.type))
    if said or asked.behind in _NEEDED:
        return "" if shapes.BESIDE.fullmatch(said.strip(" .!")) else said
    code = shapes.CODE.match(after)
    if code and new(asked, code["said"]):
        return code["said"]
    if _DOES.search(asked.text):
        return _object(asked, part.text, span)
    if _WHAT_DOES.match(asked.text) and shapes.RELATIVE_CLAUSE.fullmatch(before.strip()):
        return before.strip()  # "My knee hurts"
    return _subject(before)


def _manner(asked: Asked, part: Part) -> str:
    found = shapes.MANNER.search(part.text)
    said = found[0] if found else _anything(asked, part)
    return said if found or not shapes.LEADING_NAME.fullmatch(said) else ""


def _numbered(asked: Asked, text: str) -> str:
    """The number of what is asked for: "14" of "platform 14", "42" of "the 42 bus".

    Of several the one behind whose it is: "443" of "Staging has port 8443, production 443"; before it where
    the text begins with a number: "Port 8443 is for staging and 443 for production".
    """
    words = [word.strip(".,;:!?") for word in text.split()] if asked.type else []
    own = asked.words - {asked.type}
    numbers = [place for place, word in enumerate(words) if word.isdigit() and new(asked, word)]
    whose = [place for place, word in enumerate(words) if normal(word) in own]
    labelled = [place for place in numbers if place and normal(words[place - 1]) == asked.type]
    if len(numbers) > 1 and whose and labelled and whose[-1] > labelled[0]:
        first = numbers[0] <= 1
        near = [at for at in numbers if (at < whose[-1] if first else at > whose[-1])]
        return words[near[-1 if first else 0]] if near else ""
    for place, word in enumerate(words):
        if normal(word) == asked.type:
            beside = [*words[place + 1 : place + 2], *words[max(0, place - 1) : place]]
            return next((one for one in beside if any(map(str.isdigit, one)) and new(asked, one)), "")
    return ""


def _object(asked: Asked, text: str, span: tuple[int, int]) -> str:
    """What is done, or what it is done to: behind the question's words, between them, or before."""
    before, after = text[: span[0]], text[span[1] :]
    said = shapes.EDGE.sub("", after.strip()) if after.strip(" .!") else ""
    if said.startswith('"'):
        return to_end(said)
    circumstance = re.match(rf"{shapes.PLACE_WORD}\s", said, shapes.FLAGS) or shapes.WHEN.match(said)
    if said.strip(" .!") and not circumstance:
        return without_circumstance(to_end(said))
    inside = _gaps(asked, text[slice(*span)])
    if inside:
        return shapes.EDGE.sub("", max(inside, key=len))
    subject = shapes.EDGE.match(before) if asked.subject else None
    said = without_circumstance(shapes.TAIL.sub("", before[subject.end() :])) if subject else ""
    return said if len(said.split()) <= _FEW else ""


def _gaps(asked: Asked, text: str) -> list[str]:
    """What stands between words of the question."""
    found = places(text, asked.words)
    between = (text[end:start] for (_, end), (start, _) in pairwise(found))
    return [said for gap in between if new(asked, said := shapes.TAIL.sub("", gap).strip())]


def _subject(before: str) -> str:
    """What stands before "is my ...": "Tunde is captain of our team"."""
    found = shapes.SUBJECT.fullmatch(before)
    return found["said"] if found and len(found["said"].split()) <= _FEW else ""


def _name(asked: Asked, part: Part) -> str:
    span = _span(asked, part.text)
    if asked.words == _MY_NAME:
        found = shapes.I_AM.search(part.text)
        said = part.text[found.end() :] if found else _is(part.text[span[1] :] if span else "")
        return leading_name(said) if re.match(shapes.PROPER, said) or not said.islower() else ""
    for found in shapes.NAMED.finditer(part.text):
        said = to_end(part.text[found.end() :])
        near = span is None or span[1] <= found.end() or span[0] >= found.end() + len(said)
        if near and not shapes.NO_NAME.match(said):
            return leading_name(said)
    if span is None:
        return ""
    after = part.text[span[1] :]
    called = re.match(rf",?\s+(?={shapes.PROPER})", after)
    if called and not shapes.NO_NAME.match(after[called.end() :]):
        return leading_name(after[called.end() :])  # "our cat Pixel"
    said = _is(after, place=False) or _subject(part.text[: span[0]])
    return said if re.match(shapes.PROPER, said) and not shapes.NO_NAME.match(said) else ""


def _who(asked: Asked, part: Part) -> str:
    passive = shapes.PASSIVE.search(part.text)
    if passive:
        return leading_name(to_end(part.text[passive.end() :]))
    text = shapes.SINCE.sub("", part.text)
    span = _span(asked, text)
    if asked.behind:
        said = behind(asked, text)
    elif span is None:
        return _name(asked, part) if shapes.NAMED.search(part.text) else ""
    else:
        said = _person(asked, text, span)
    said = re.sub(r"^(?:with|by|at)\s+", "", shapes.EDGE.sub("", said.strip()))
    role = shapes.BY_ROLE.match(said)
    if not (role or shapes.PERSON.search(said)) or shapes.NO_NAME.match(said):
        return ""
    return said if role else leading_name(said)


def _person(asked: Asked, text: str, span: tuple[int, int]) -> str:
    before, after = text[: span[0]], text[span[1] :]
    said = _is(after, place=False)
    if said:
        return said
    if _I_DO.search(asked.text):
        return re.sub(r"^(?:for|to|with)\s+", "", _object(asked, text, span))
    first = shapes.FIRST_NAME.match(text)
    named = first and first.end(1) <= span[0] and not shapes.NOBODY.match(first[1])
    if first and (named or shapes.AS_ROLE.search(before)):
        return first[1]
    if _WHO_DOES.match(asked.text) and shapes.RELATIVE_CLAUSE.fullmatch(before.strip()):
        return before.strip()  # "My sister hates coriander"
    return _subject(before)


def _when(asked: Asked, part: Part) -> str:
    if _CLOCK_ASKED.search(asked.text):
        return _nearest(asked, part, shapes.TIME_OF_DAY)
    said = _nearest(asked, part, shapes.YEAR if _YEAR_ASKED.search(asked.text) else shapes.WHEN)
    return "" if _DAY_ASKED.search(asked.text) and shapes.TIME_OF_DAY.fullmatch(said) else said


def _nearest(asked: Asked, part: Part, pattern: re.Pattern[str]) -> str:
    """The first match behind the question's words, else the last before the end of them."""
    found = [one for one in pattern.finditer(part.text) if new(asked, one[0])]
    if asked.kind == "amount":  # the year of a date is none
        dates = [date.span() for date in DATE.finditer(part.text)]
        found = [one for one in found if not any(a <= one.start() < b for a, b in dates)]
    if asked.kind == "when" and asked.behind in _BOUNDS:
        found = [one for one in found if part.text[: one.start()].casefold().rstrip().endswith(asked.behind)]
    span = _span(asked, part.text) or (0, 0)
    other = (shapes.MEASURED.match(part.text, one.end()) for one in found)
    found = [one for one, of in zip(found, other, strict=True) if not of or normal(of[1]) in asked.said]
    return next((one[0] for one in found if one.start() >= span[1]), found[-1][0] if found else "")


def _where(asked: Asked, part: Part) -> str:
    _, end = _span(asked, part.text) or (0, 0)
    address = shapes.EMAIL.search(part.text) or shapes.ADDRESS.search(part.text)
    if address and address.start() >= end:
        return address[0]
    found = list(shapes.PLACE.finditer(part.text))
    for place in [one for one in found if one.end() > end] or found:
        said = _until_when(to_end(part.text[place.start() :]))
        if new(asked, re.sub(rf"^{shapes.PLACE_WORD}\s", "", said, flags=shapes.FLAGS)):
            return shapes.BARE_PLACE.sub("", said)
    said = _is(part.text[end:]) if re.match(r"(?:what|which)\b", asked.text, re.IGNORECASE) else ""
    return said if re.match(shapes.PROPER, said) and not shapes.NO_NAME.match(said) else ""


def _until_when(said: str) -> str:
    """A place without the time behind it."""
    found = shapes.UNTIL_WHEN.search(said, 3)
    return shapes.PURPOSE.sub("", said[: found.start()] if found else said)


def _amount(asked: Asked, part: Part) -> str:
    if "often" in asked.said or "oft" in asked.said:
        return found[0] if (found := shapes.OFTEN.search(part.text)) else ""
    counted = _MANY_ASKED.search(asked.text)
    if counted:
        return _counted(normal(counted[1]), part.text)
    old = "how old" in asked.text.casefold()
    said = _nearest(asked, part, shapes.AGE if old else shapes.MUCH)
    if _LASTING_ASKED.search(asked.text) and not shapes.LASTS.search(said):
        return found[0] if (found := shapes.UNTIL.search(part.text)) else ""
    return said


def _counted(thing: str, text: str) -> str:
    """How many of a thing: the number before it."""
    for found in shapes.COUNTED.finditer(text):
        of = found["of"].split()
        if thing in map(normal, of):
            return f"{found['said']} {of[0]}" if shapes.UNIT.fullmatch(of[0]) else found["said"]
    return ""


def _colour(asked: Asked, part: Part) -> str:
    return _nearest(asked, part, shapes.COLOUR)


def _job(asked: Asked, part: Part) -> str:
    span = _span(asked, part.text) or (0, 0)
    found = shapes.JOB.search(part.text, span[1])
    said = without_circumstance(to_end(found["said"] or found["bare"] or found["named"])) if found else ""
    return "" if shapes.BESIDE.fullmatch(said.strip(" .!")) else said


def _email(asked: Asked, part: Part) -> str:  # noqa: ARG001 - every kind is looked for alike
    return found[0] if (found := shapes.EMAIL.search(part.text)) else ""


def _phone(asked: Asked, part: Part) -> str:  # noqa: ARG001
    return found[0] if (found := shapes.PHONE.search(part.text)) else ""


_BY_KIND = {
    "name": _name,
    "who": _who,
    "when": _when,
    "where": _where,
    "amount": _amount,
    "colour": _colour,
    "job": _job,
    "email": _email,
    "phone": _phone,
}
