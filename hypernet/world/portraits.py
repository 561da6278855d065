"""Sentences that tell several things of one person, booking or place at once.

    My sister Marta works as a nurse in Berlin and plays the harp.
    My flight to Rome is on Monday at 9:15 and costs 80 euros.

Facts told one by one teach where a value stands; people put three of them into one clause. None of the
predicates is a statement that training must not see (a test compares them).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypernet.world.owners import SPEAKER
from hypernet.world.wording import Kind, Owner, extra_kinds, kinds, with_article

# Kinds, and what is said of them behind the subject: {0} the first value, {a0} the same with its article.
_PERSON = (
    ("places.home", "[live|lives] in {0}"),
    ("places.home", "[rent|rents] a room in {0}"),
    ("lands.origin", "[come|comes] from {0}"),
    ("jobs.job", "[work|works] as {a0}"),
    ("jobs.job", "[am|is] {a0}"),
    ("jobs.job jobs.dream", "[am|is] {a0} but would rather be {a1}"),
    ("firms.employer", "[work|works] for {0}"),
    ("firms.employer", "[work|works] at {0}"),
    ("places.work", "[work|works] in {0}"),
    ("jobs.job places.work", "[work|works] as {a0} in {1}"),
    ("jobs.job places.work", "[earn|earns] {H} living as {a0} in {1}"),
    ("jobs.job firms.employer", "[work|works] as {a0} at {1}"),
    ("jobs.job firms.employer", "[am|is] {a0} at {1}"),
    ("firms.employer jobs.job", "[work|works] at {0} as {a1}"),
    ("firms.employer jobs.job", "[work|works] for {0} as {a1}"),
    ("firms.employer places.work", "[work|works] for {0} in {1}"),
    ("jobs.job firms.employer places.work", "[work|works] as {a0} at {1} in {2}"),
    ("ages.age", "[am|is] {0} years old"),
    ("ages.age", "[am|is] {0}"),
    ("ages.age jobs.job", "[am|is] {a0} year old {1}"),
    ("ages.age measures.height", "[am|is] {0} years old and {1} tall"),
    ("streets.address places.home", "[live|lives] at {0} in {1}"),
    ("places.home streets.address", "[live|lives] in {0}, at {1}"),
    ("places.birth dates.birthday", "[was|was] born in {0} on {1}"),
    ("dates.birthday places.birth", "[was|was] born on {0} in {1}"),
    ("places.birth places.home", "[was|was] born in {0} but [live|lives] in {1}"),
    ("places.birth places.home", "came into the world in {0} and now [live|lives] in {1}"),
    ("places.home places.work", "[live|lives] in {0} and [work|works] in {1}"),
    ("subjects.degree places.study", "studied {0} in {1}"),
    ("subjects.degree firms.university", "studied {0} at {1}"),
    ("instruments.instrument", "[play|plays] the {0}"),
    ("instruments.instrument clubs.band", "[play|plays] the {0} in a band called {1}"),
    ("foods.hate", "can't stand {0}"),
    ("foods.allergy", "[am|is] allergic to {0}"),
    ("foods.hate foods.favourite food", "[love|loves] {1} and can't stand {0}"),
    ("foods.favourite food drinks.favourite drink", "[love|loves] {0} with {1}"),
    ("cars.car", "[drive|drives] {a0}"),
    ("colours.car cars.car", "[drive|drives] {a0} {1}"),
    ("colours.car cars.car", "[have|has] {a0} {1}"),
    ("colours.hair colours.eye", "[have|has] {0} hair and {1} eyes"),
    ("languages.fluent", "[talk|talks] in {0} at home"),
    ("languages.native language", "[have|has] {0} as {H} native language"),
    ("sports.sport hobbies.hobby", "[do|does] {0} and [enjoy|enjoys] {1}"),
    ("hobbies.hobby", "[like|likes] {0}"),
    ("times.getting up", "[get|gets] up at {0}"),
    ("lands.dream", "[want|wants] to travel to {0}"),
    ("places.holiday", "[am|is] going on holiday to {0}"),
    ("trips.next trip", "[have|has] booked a trip to {0}"),
    ("family.children", "[have|has] {0} children"),
    ("learning.language", "[am|is] learning {0}"),
    ("teams.team", "[support|supports] {0}"),
    ("feet.shoe size", "[wear|wears] shoes in size {0}"),
)
PETS = (
    ("ages.age", "is {0} years old"),
    ("ages.age", "is {0}"),
    ("foods.hate", "does not like {0} at all"),
    ("foods.favourite food", "loves {0}"),
    ("foods.hate foods.favourite food", "loves {1} but can't stand {0}"),
)
_MEETING = (
    ("slot_day.day", "is on {0}"),
    ("slot_day.day slot_time.time", "is on {0} at {1}"),
    ("slot_time.time slot_day.day", "starts at {0} on {1}"),
    ("slot_day.day slot_time.time", "will be on {0} at {1}"),
    ("slot_reference.booking reference", "has the booking reference {0}"),
)
_TRAVEL = (
    *_MEETING,
    ("slot_time.time slot_gate.gate", "departs at {0}, gate {1}"),
    ("slot_time.time slot_gate.platform", "departs at {0}, platform {1}"),
    ("slot_day.day slot_time.time", "leaves on {0} at {1}"),
    ("slot_gate.gate slot_seat.seat", "goes from gate {0}, seat {1}"),
    ("slot_price.price", "costs {0}"),
)
_PLACED = (
    *_MEETING,
    ("slot_day.day slot_room.room", "is on {0} in room {1}"),
    ("slot_time.time slot_room.room", "begins at {0} in room {1}"),
    ("slot_day.day slot_time.time slot_room.room", "is on {0} at {1} in room {2}"),
    ("slot_place.address slot_time.time", "takes place at {0} at {1}"),
)
_HOUSE = (
    ("hours.opening time hours.closing time", "opens at {0} and shuts at {1}"),
    ("hours.opening time hours.closing time", "is open from {0} to {1}"),
    ("closed.closing day", "is closed on {0}"),
    ("born.founding year staff.founder", "was founded in {0} by {1}"),
    ("staff.founder born.founding year", "was founded by {0} in {1}"),
    ("born.founding year", "was founded in {0}"),
    ("tallies.rooms tallies.employees", "has {0} rooms and {1} employees"),
    ("tickets.entrance price", "costs {0} to enter"),
)
_ITEM = (
    ("weights.weight parcels.tracking number", "weighs {0}, with the tracking number {1}"),
    ("arrivals.arrival", "arrives on {0}"),
    ("prices.total", "costs {0} in all"),
    ("arrivals.arrival prices.shipping cost", "arrives on {0} with a shipping cost of {1}"),
)
OF_TYPE = {
    "person": _PERSON,
    "item": _ITEM,
    **dict.fromkeys(("flight", "train"), _TRAVEL),
    **dict.fromkeys(("visit", "meeting", "event"), _PLACED),
    **dict.fromkeys(("table", "stay", "taxi"), _MEETING),
    **dict.fromkeys(("museum", "hotel", "restaurant", "castle", "library", "theatre", "zoo"), _HOUSE),
}
HELD = {  # what only the held-out split says, half of the time
    "person": (
        ("places.home", "[make|makes] {H} home in {0}"),
        ("lands.origin", "originally [come|comes] from {0}"),
        ("jobs.job places.work", "found work in {1} as {a0}"),
        ("jobs.job firms.employer", "got hired by {1} as {a0}"),
        ("firms.employer places.work", "joined {0} in {1}"),
        ("ages.age places.home", "turned {0} this year and [stay|stays] in {1}"),
        ("subjects.degree places.study", "took {0} at the university in {1}"),
        ("instruments.instrument", "practises the {0} every day"),
        ("foods.allergy", "must avoid {0} because of an allergy"),
        ("cars.car", "[go|goes] everywhere in {a0}"),
        ("lands.dream", "[hope|hopes] to see {0} one day"),
        ("measures.height", "[have|has] grown to {0}"),
    )
}
_CALLED_HELD = ("{n} is my {r} and", "the name of my {r} is {n}, who")
_CALLED = (
    "my {r} {n}",
    "my {r} {n}",
    "{n}, my {r},",
    "my {r}, {n},",
    "my {r} is called {n} and",
)  # the subject
INTRODUCTIONS = (  # sentences of their own, with more about her or him behind
    "my {r} is called {n}",
    "my {r} is called {n}",
    "I have a {r} called {n}",
    "{n} is what my {r} is called",
)
_INTRODUCED = 0.3
_WHEN = ("now", "these days", "at the moment", "since last year", "again", "for now", "by now", "this year")
_JOINTS = (" and ", " and ", ", and ", " but ", "; also ")
_VERB = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")

Ask = tuple[Kind, Owner, str]
"""A kind, whom it is asked of, and the value."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """One sentence without capital and full stop, and what can be asked of it."""

    clause: str
    told: tuple[Ask, ...]


class Portraits:
    """Draws them; ``value`` gives a value of a kind, ``take`` reserves a kind for an owner or says no."""

    def __init__(
        self,
        rng: random.Random,
        value: Callable[[Kind], str],
        take: Callable[[Kind, Owner], bool],
        unseen: float = 0.0,
    ) -> None:
        """``unseen``: how often a sentence is made of words that training never sees."""
        self._rng, self._value, self._take, self._unseen = rng, value, take, unseen

    def of(self, owner: Owner, most: int) -> Portrait | None:
        """Up to ``most`` facts of an owner; None where fewer than two could be told."""
        clause, told = self._said(owner, self._of(owner.type), most)
        return Portrait(f"{owner.subject} {clause}", told) if len(told) > 1 else None

    def named(self, relation: Kind, owner: Owner, name: str, most: int) -> Portrait | None:
        """The same of "my sister Marta": ``owner`` is "my sister", who may be asked for by name too."""
        introduced = owner.pronoun is not None and not self._unseen and self._rng.random() < _INTRODUCED
        of = PETS if relation.family == "pets" else self._of("person")
        clause, told = self._said_of(owner, most - 1) if introduced else self._said(owner, of, most - 1)
        if not told or not self._take(relation, SPEAKER):
            return None
        member = relation.name.split(".", 1)[1]
        subject = self._subject(member, name, owner, introduced)
        by_name = Owner(owner.key, owner.type, name, name, f"{name}'s", owner.pronoun)
        asked = tuple((kind, by_name if self._rng.random() < 0.35 else owner, v) for kind, _, v in told)
        return Portrait(f"{subject} {clause}", ((relation, SPEAKER, name), *asked))

    def _subject(self, member: str, name: str, owner: Owner, introduced: bool) -> str:
        if introduced:
            return self._rng.choice(INTRODUCTIONS).format(r=member, n=name) + "."
        called = _CALLED_HELD if self._happens() else _CALLED
        subject = self._rng.choice(called).format(r=member, n=name)
        if subject.endswith(" and"):
            subject += f" {owner.pronoun[0]}" if owner.pronoun else f" my {member}"
        return subject

    def _of(self, type_: str) -> Sequence[tuple[str, str]]:
        return HELD[type_] if type_ in HELD and self._happens() else OF_TYPE.get(type_, ())

    def _happens(self) -> bool:
        return self._unseen > 0 and self._rng.random() < self._unseen

    def _said(self, owner: Owner, of: Sequence[tuple[str, str]], most: int) -> tuple[str, tuple[Ask, ...]]:
        """Predicates in one row, and what they tell."""
        parts: list[str] = []
        told: list[Ask] = []
        for names, template in self._rng.sample(of, len(of)):
            wanted = [_KINDS[name, owner.type] for name in split_kinds(names) if (name, owner.type) in _KINDS]
            if len(wanted) < len(split_kinds(names)) or len(told) + len(wanted) > most:
                continue
            if {k.family for k in wanted} & {k.family for k, *_ in told}:
                continue  # "works for X and works in Y as Z" may be two jobs
            if not all(self._take(kind, owner) for kind in wanted):
                continue
            values = [self._value(kind) for kind in wanted]
            parts.append(_filled(template, values, owner))
            told += [(kind, owner, value) for kind, value in zip(wanted, values, strict=True)]
            if len(told) >= most or (len(told) > 1 and self._rng.random() < 0.4):
                break
        return self._joined(parts), tuple(told)

    def _said_of(self, owner: Owner, most: int) -> tuple[str, tuple[Ask, ...]]:
        """One or two sentences of their own, about "she", "her" or "he": as a single fact is told."""
        parts: list[str] = []
        told: list[Ask] = []
        for kind in self._rng.sample(_SINGLE, 8):
            phrase = self._rng.choice((*kind.says.known, *kind.says.more))
            told_before = {k.family for k, *_ in told}
            if phrase.only_first or phrase.first.startswith("{v}") or kind.family in told_before:
                continue
            if not self._take(kind, owner):
                continue
            value = self._value(kind)
            said = phrase.about(owner, value, "of", pronoun=True)
            parts.append(said[:1].upper() + said[1:])
            told.append((kind, owner, value))
            if len(told) >= most or self._rng.random() < 0.6:
                break
        return ". ".join(parts), tuple(told)

    def _joined(self, parts: Sequence[str]) -> str:
        *before, last = parts or [""]
        text = f"{', '.join(before)}{self._rng.choice(_JOINTS)}{last}" if before else last
        return f"{text} {self._rng.choice(_WHEN)}" if self._rng.random() < 0.12 else text


def _filled(template: str, values: Sequence[str], owner: Owner) -> str:
    his = "my" if owner.first else owner.pronoun[2] if owner.pronoun else "their"
    verb = r"\1" if owner.first else r"\2"
    articles = {f"a{i}": with_article(value) for i, value in enumerate(values)}
    return _VERB.sub(verb, template).format(*values, H=his, **articles)


def split_kinds(names: str) -> list[str]:
    """ "foods.hate foods.favourite food" -> its two kinds: a kind's member may hold spaces."""
    return re.findall(r"\w+\.[^.]+?(?=\s\w+\.|$)", names)


_KINDS = {(kind.name, type_): kind for kind in (*kinds(), *extra_kinds()) for type_ in kind.owners}
_SINGLE = tuple(
    k
    for k in kinds()
    if "person" in k.owners
    and k.family not in ("names", "pets", "speaker")
    and k.pool not in ("human", "full", "pet")
)
