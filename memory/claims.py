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
from dataclasses import dataclass

from memory.conversation import unlabelled
from memory.passages import clauses


@dataclass(frozen=True, slots=True)
class Claim:
    """That something has a value, or no longer has it. `firm` is what says that there is one only."""

    slot: frozenset[str]  # words that name what has the value
    value: str  # casefolded
    shape: str  # what kind of value it looks like
    firm: bool = True
    denied: bool = False


_OPENERS = re.compile(
    r"""^(?:(?:actually|also|and|but|by\ the\ way|correction|for\ the\ record|fyi|good\ news|hey|hi|hello
    |in\ fact|just\ so\ you\ know|listen|no|note|now|oh|ok|okay|please\ note|remember|sorry|so|update|wait|well
    |yes|from\ now\ on|as\ of\ (?:today|now)|i\ mean|i\ meant|i\ think|it\ is\ said|you\ should\ know
    |i\ want\ you\ to\ know|please\ remember|don'?t\ forget|as\ you\ know|one\ more\ thing|quick\ update|for\ you)
    (?:\s+that)?[,:;]?\s+)+""",
    re.IGNORECASE | re.VERBOSE,
)
_ADVERBS = re.compile(
    r",?\s+(?:actually|currently|just|now|nowadays|recently|still|these days|at the moment|instead|too|again"
    r"|by the way|as it happens|at present|of course|from now on)(?=[\s,.!]|$)",
    re.IGNORECASE,
)
_CONTRACTIONS = ((r"\b(i)['’]m\b", r"\1 am"), (r"\b(we)['’]re\b", r"\1 are"), (r"\b(it)['’]s\b", r"\1 is"),
                 (r"\b(i|we)['’]ve\b", r"\1 have"), (r"\bisn['’]t\b", "is not"), (r"\baren['’]t\b", "are not"),
                 (r"\bdon['’]t\b", "do not"), (r"\bdoesn['’]t\b", "does not"))  # fmt: skip
_DENIAL = re.compile(
    r"\b(?:no longer|(?:do|does) not|is not|are not|am not)\b(?=.*)|\bnot\b(?=.*\bany ?more\b)", re.IGNORECASE
)
_INSTEAD = (
    re.compile(  # "It is not Monday, the deadline is Friday", "my PIN is not 1 but 2": what is said instead
        r"(?:^(?:it|that) is not [^,]+, (?:but )?|\bnot [^,]+?(?:,? but|, it is) )(?P<rest>.+)$",
        re.IGNORECASE,
    )
)
_ENDS = re.compile(
    r"(?:[;,]|\s+[-–]|\.\s|\s+(?:and|but|because|since|which|who|so|after|before|until|when|where|if|as|not)\b)"
    r".*$|[.!]+$",
    re.IGNORECASE | re.DOTALL,
)
_SMALL = frozenset(
    "a an the of for is are was in on at to and that this there it its his her their s new own old".split()
)
# Of these one has several, so that another name adds one.
_MANY = re.compile(
    r"\b(?:(?<!best )friend|colleague|neighbou?r|cousin|sister|brother|sibling|aunt|uncle|niece|nephew|son"
    r"|daughter|child|kid|grand\w+|classmate|teammate|student|pupil|guest|client|patient|book|song|film|movie"
    r"|hobby|goal|plan|idea|problem|question|answer|thing|one|reason|way|part|point|example|friends|word"
    r"|in-law|relative|visitor)s?$",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"\b(?:address|age|alarm|appointment|birthday|budget|capital|code|colou?r|date|day|deadline|email|fee|height"
    r"|hometown|id|job|key|keyword|license|licence|location|mail|name|number|nickname|occupation|password"
    r"|passphrase|phone|pin|plate|platform|position|postcode|price|profession|rate|room|salary|score|seat|size"
    r"|start|status|street|subject|surname|team|time|title|username|version|weight|zip|language|dish|food|drink"
    r"|sport|season|instrument|fruit|animal|country|city|band|floor|gate|terminal|diet|plan)$"
    r"|\b(?:favou?rite|best|worst|weakest|current)\b",
    re.IGNORECASE,
)
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_I = r"(?P<who>i|we|(?!the |that |this |it )(?-i:[A-Z])[\w'’-]+(?: (?-i:[A-Z])[\w'’-]+)?|my [\w' -]+?|our [\w' -]+?)"
_X = r"(?P<what>[\w'’$ -]+?)"
_V = r"(?P<value>.+)"

# Pattern, what it adds to the slot, and whether it says that there is one only.
_PATTERNS: tuple[tuple[re.Pattern[str], str, bool], ...] = tuple(
    (re.compile(rf"^{pattern}$", re.IGNORECASE), adds, firm)
    for pattern, adds, firm in (
        (rf"(?:the )?name of {_X} is {_V}", "name", True),
        (rf"as for {_X}, it is {_V}", "", True),
        (rf"{_I} (?:have|has|have got|has got|got) an? {_X} (?:called|named) {_V}", "name", False),
        (rf"{_X}(?: is| are|, is)? (?:called|named) {_V}", "name", True),
        (rf"(?P<value>[\w'’ -]+?) is (?:the )?name of {_X}", "name", True),
        (rf"(?:everyone|everybody|we|i) calls? {_X} (?P<value>(?-i:[A-Z]).*)", "name", True),
        (rf"{_I} (?:called|named|renamed) (?:my|our|his|her|their) {_X} (?P<value>(?-i:[A-Z]).*)", "name", True),
        (rf"{_X} goes by (?:the name of )?{_V}", "name", True),
        (rf"{_I} lives? at {_V}", "address", True),
        (rf"{_X} house is at {_V}", "address", True),
        (rf"{_I} (?:lives?|am living|is living|are living|resides?) in (?:the city of )?{_V}", "home", True),
        (rf"{_I} (?:have |has )?(?:moved|relocated)(?: house)?(?: from .+?)? to {_V}", "home", True),
        (rf"{_X} home is in {_V}", "home", True),
        (rf"(?P<value>[\w'’ -]+?) is where {_I} lives?", "home", True),
        (rf"{_I} was born (?P<how>in|on) {_V}", "born", True),
        (rf"{_I} (?:works?|am working|is working|started|started working|have a job|has a job) "
         rf"(?P<how>in) {_V}", "work", True),
        (rf"{_I} (?:works?|am working|is working|started working|have a job|has a job) (?:at|for) {_V}",
         "employer", True),
        (rf"{_I} (?:am|is|are) {_V} years old", "age", True),
        (rf"{_I} (?:turned|have turned|has turned) (?P<value>\d+)", "age", True),
        (rf"{_I} wears? shoes in size {_V}", "shoe size", True),
        (rf"{_I} (?:set|changed|switched|updated|reset) (?:my|our|his|her|their|the) {_X}(?: from .+?)? to {_V}",
         "", True),
        (rf"{_X} (?:has |have |was |got |been |is )*(?:moved|changed|switched|shifted|rescheduled|postponed"
         rf"|updated)(?: from .+?)? to {_V}", "", True),
        (rf"(?:the )?number for {_X} is {_V}", "", True),
        (rf"{_I} (?:have|has) (?:my|our|his|her|their) {_X} (?P<how>on|at) {_V}", "", True),
        (rf"{_I} (?:works?|is|am) on (?P<what>floor) {_V}", "", True),
        (rf"{_I} (?:have|has) (?:the|a) (?P<what>[\w' -]+ (?:number|plate|code|id)) {_V}", "", True),
        (rf"(?P<who>[\w'’ -]+?) (?:has|have) (?:an?|the) (?P<what>[\w -]+?) of {_V}", "", True),
        (rf"(?P<who>[\w'’ -]+?) (?:has|have) the (?P<what>[a-z -]+?) (?P<value>\S*\d\S*|(?-i:[A-Z])\S*)", "", True),
        (r"(?P<who>[\w'’ -]+?) (?:has|have) (?P<value>[^,]+?) as (?:(?:my|our|his|her|their|its) )?(?P<what>[\w -]+)",
         "", True),
        (rf"{_X} (?P<how>starts|begins|opens|closes|ends|leaves|arrives|departs) (?:at|on) {_V}", "", True),
        (rf"(?P<what>(?:my|our|the|his|her|their|[A-Z]).*?)(?: is| are| turns out to be| will be|:)"
         rf"(?: (?P<how>on|at|in|due on|due|from))? {_V}", "", True),
        (r"(?P<value>[^,]+?) is (?P<what>(?:my|our|his|her|their|the|(?-i:[A-Z])\w+['’]s) [\w' -]+)", "", True),
    )
)  # fmt: skip


def claims(text: str) -> list[tuple[int, int, list[Claim]]]:
    """Start, end and claims of each clause of a passage that was not said by an assistant."""
    found = []
    for start, end in clauses(text):
        line = text[text.rfind("\n", 0, start) + 1 : end]
        if not line.startswith("Assistant: "):
            found.append((start, end, list(_claimed(unlabelled(text[start:end])))))
    return found


def _claimed(clause: str) -> Iterator[Claim]:
    said = _plain(clause)
    denied = _DENIAL.search(said)
    if denied:
        said = _affirmed(said)
    if said.endswith("?"):
        return
    for pattern, adds, firm in _PATTERNS:
        match = pattern.match(said)
        claim = match and _claim(match.groupdict(), adds, firm, bool(denied))
        if claim:
            yield claim
            return


def _plain(clause: str) -> str:
    """The clause without what does not matter for what it claims."""
    said = clause.strip().strip('"“”')
    for pattern, full in _CONTRACTIONS:
        said = re.sub(pattern, full, said, flags=re.IGNORECASE)
    said = _OPENERS.sub("", said)
    said = _ADVERBS.sub("", said)
    said = _INSTEAD.sub(r"\g<rest>", said)
    return re.sub(r"\s+", " ", said).strip().rstrip(".!")


def _affirmed(said: str) -> str:
    """The same without its denial: "I no longer live in Lisbon" says what is no longer so."""
    said = re.sub(r"\b(?:no longer|any ?more)\b", "", said, flags=re.IGNORECASE)
    said = re.sub(r"\b(?:do|does) not\b", "", said, flags=re.IGNORECASE)
    said = re.sub(r"\bnot\b", "", said, flags=re.IGNORECASE)
    return re.sub(r"\s+", " ", said).strip()


def _claim(found: dict[str, str | None], adds: str, firm: bool, denied: bool) -> Claim | None:
    what, who, how = (found.get(name) or "" for name in ("what", "who", "how"))
    value = _ENDS.sub("", found["value"] or "").strip().strip("\"'“”")
    value = re.sub(r"^(?:the|an?) ", "", value, flags=re.IGNORECASE)
    if not value or len(value.split()) > 6 or re.match(r"(?:my|our|not|very|so|too)\b", value, re.IGNORECASE):
        return None
    thing = what or who
    shape = _shape(value)
    if adds == "name" and _MANY.search(thing):
        return None
    if not adds and not _single(thing, how, shape):
        return None
    slot = _words(f"{who} {what} {adds} {how}")
    return Claim(slot, value.casefold(), shape, firm, denied) if slot else None


def _single(thing: str, how: str, shape: str) -> bool:
    """Whether such a thing has one such value at a time: "my car is red" leaves room for "my car is fast"."""
    if re.search(r"\b(?:he|she|it|they|there|this|that|what)$", thing, re.IGNORECASE):
        return False
    head = re.split(r" (?:of|for) ", thing)[0]
    if _ATTRIBUTE.search(thing) or (_ATTRIBUTE.search(head) and head != thing):
        return True
    if _MANY.search(head) or shape == "words":
        return False
    return bool(how) or shape in ("number", "day") or (head != thing and head.casefold().startswith("the "))


def _shape(value: str) -> str:
    if re.fullmatch(_WEEKDAY + r"(?: .*)?", value, re.IGNORECASE):
        return "day"
    if re.search(r"\d", value) or re.match(_MONTH + r"\b", value, re.IGNORECASE):
        return "number"
    return "name" if value[:1].isupper() else "words"


def _words(text: str) -> frozenset[str]:
    """The words that name a slot; of the speaker, singly or with others, there is one."""
    words = re.findall(r"\w+", text.casefold().replace("'s", " ").replace("’s", " "))
    mine = {"my": "i", "our": "i", "we": "i", "favorite": "favourite", "color": "colour"}
    return frozenset(mine.get(word, word) for word in words if word not in _SMALL)


def contradicts(new: Claim, old: Claim) -> bool:
    """Whether the old claim cannot hold beside the newer one."""
    if new.slot != old.slot or old.denied:
        return False
    if new.denied:
        return new.value == old.value
    if _same(new.value, old.value) or not (new.firm or old.firm):
        return False
    return new.shape == old.shape or "words" in (new.shape, old.shape)


def _same(one: str, other: str) -> bool:
    """Whether one value only says the other more exactly: "Porto" and "Porto, Portugal"."""
    a, b = set(re.findall(r"\w+", one)), set(re.findall(r"\w+", other))
    return a <= b or b <= a


def remaining(old: str, new: str, *, own: bool = False) -> str | None:
    """What is left of an old passage beside a newer one: None where all of it, "" where nothing.

    With `own`, only what is claimed of the speaker counts.
    """
    newer = [claim for _, _, found in claims(new) for claim in found if not own or "i" in claim.slot]
    stale = [
        (start, end)
        for start, end, found in (claims(old) if newer else [])
        if any(contradicts(claim, before) for claim in newer for before in found)
    ]
    return _without(old, stale) if stale else None


def _without(text: str, stale: list[tuple[int, int]]) -> str:
    kept = [(start, end) for start, end in clauses(text) if (start, end) not in stale]
    told = [unlabelled(text[start:end]) for start, end in kept if not _by_assistant(text, start)]
    if not any(re.search(r"\w", part) for part in told):
        return ""
    lines: list[str] = []
    before = 0
    for start, end in kept:
        begins = text.rfind("\n", 0, start) + 1
        label = text[begins:start] if text[begins:start] in ("User: ", "Assistant: ") else ""
        if lines and "\n" not in text[before:start]:
            lines[-1] += " " + text[start:end]
        else:
            lines.append(label + text[start:end])
        before = end
    return "\n".join(lines)


def _by_assistant(text: str, start: int) -> bool:
    return text[text.rfind("\n", 0, start) + 1 :].startswith("Assistant: ")
