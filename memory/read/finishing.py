"""Checks a short reply against the texts that it was remembered by.

The weights recall; a small model may all the same refuse what they hold, stop inside a value or take the
neighbour's. Then what the texts plainly say decides (`Reading.value_in`): a value that they give for the
question is said, and a reply that cannot be what was asked for ("Lars" to "Where is my meeting?") is refused.
So is what a language model makes up where only the teller can know ("Where do I work?") and nothing was told.
Mode "adapters" leaves this out, so that it shows what the weights recall by themselves; there only values
that were cut are finished (`whole_values`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memory.ports import Reader, Reading
from memory.read.in_style import in_style
from memory.read.selection import Selection, told_at
from memory.read.whole_values import LONGEST, UNKNOWN
from memory.read.whole_values import whole as whole_value
from memory.records import MemoryHit, image_of, now
from memory.text.normalise import characters
from memory.text.passage import Passage
from memory.text.values import whole_number, whole_secret

_WORD = re.compile(r"[^\W\d_]+")
_NAME = re.compile(r"(?<=[\w,;:] )(?!I\b)[A-Z][^\W\d_]*")  # behind another word


class Finishing:
    """Makes a short reply whole, and keeps which memories it was read from."""

    def __init__(self, known: Sequence[str], turn: str, check: Check | None = None) -> None:
        """`known`: the texts that the reply may quote; `check`: how it is compared with them, if it is."""
        self._known = known
        self._turn = turn
        self._check = check
        self.quoted: tuple[str, ...] = ()

    @property
    def applies(self) -> bool:
        """Whether there is anything to compare a reply with."""
        return bool(self._known) or (self._check is not None and self._check.applies)

    def __call__(self, reply: str) -> str:
        """The reply as it is said."""
        said = whole_value(reply, self._known, self._turn)
        if self._check is None or len(said) > LONGEST:
            return said
        said, self.quoted = self._check(said)
        return said

    def instead(self, reply: str) -> str:
        """What is said in the place of a reply that is longer than values are; "" where it goes on."""
        if self._check is None:
            return ""
        said, self.quoted = self._check.of_longer(reply)
        return said


class Check:
    """What the texts of a selection say to a turn; those too that mattered too little to be merged."""

    def __init__(
        self,
        reader: Reader,
        selection: Selection,
        turn: str,
        *,
        seen: Sequence[str] = (),
        styled: bool = False,
    ) -> None:
        """`seen` are the messages before the turn.

        With `styled`, a skill says how to answer: only values that it garbled are replaced.
        """
        self._styled = styled
        self._seen = seen
        self._turn = reader.read(Passage(turn).dated(now()))

        def read(hit: MemoryHit) -> Reading:
            known = selection.readings.get(hit.said.id)
            return reader.read(Passage.of(hit.said)) if known is None else known

        candidates = {
            hit.record.id: hit
            for hit in (
                *selection.former.values(),
                *selection.chosen,
                *selection.overflow,
                *selection.rest,
            )
        }
        told = sorted(candidates.values(), key=lambda hit: (told_at(hit), hit.said.first_turn or 0))
        places = {hit.record.id: place for place, hit in enumerate(told)}
        nearest = [places[memory_id] for memory_id in candidates]
        former = [selection.former.get(hit.record.id) for hit in told]
        self._ids = [hit.record.id for hit in told]
        self._pictured = any(image_of(hit.record.metadata) for hit in told)
        own = [(reader.read(Passage(self._turn.told).dated(now())), None)] if self._tells else []
        self._told = [
            *((read(hit), None if old is None else read(old)) for hit, old in zip(told, former, strict=True)),
            *own,
        ]
        self._nearest = [*range(len(told), len(self._told)), *nearest]

    @property
    def _tells(self) -> bool:
        """Whether the turn itself tells something beside what it asks: "I am Bob. What is my name?"."""
        return self._turn.asks and bool(self._turn.told.strip()) and not self._turn.withheld

    @property
    def applies(self) -> bool:
        """Whether anything was found for the turn, or has to be; else a reply streams as it is written."""
        return bool(self._told) or (self._turn.personal and not self._styled)

    def of_longer(self, reply: str) -> tuple[str, tuple[str, ...]]:
        """What is said in the place of a longer reply that has begun; "" where it goes on."""
        if self._styled:
            return "", ()
        value, places = self._turn.value_in(self._told, self._nearest)
        if not value and not self._may_stand(reply):
            value = UNKNOWN
        return value, self._quoted(places)

    def __call__(self, reply: str) -> tuple[str, tuple[str, ...]]:
        """What is said in the reply's place, and the ids of the memories that it was read from, if it was."""
        value, places = self._turn.value_in(self._told, self._nearest)
        if self._styled:
            said = in_style(reply, value)
            return said, () if said == reply else self._quoted(places)
        if value and len(places) == 1:
            text = characters(self._told[places[0]][0].text)
            value = whole_secret(text, whole_number(text, value))
        if value:
            said = characters(reply).casefold()
            held = _says(said, value.casefold()) and not (
                _again(said, value.casefold()) or self._names_more(reply)
            )
            if held and (reply == value or self._may_stand(reply)):
                return reply, ()
            return value, self._quoted(places)
        return reply if self._may_stand(reply) else UNKNOWN, ()

    def _names_more(self, reply: str) -> bool:
        """Whether it has a name that is in no text nor in the turn: of weights that ran on, "3 Feb, Ta"."""
        known = " ".join((self._turn.text, *(one.text for one, _ in self._told), *self._seen))
        named = {name.casefold() for name in _NAME.findall(characters(reply))}
        return not named <= set(_WORD.findall(characters(known).casefold()))

    def _quoted(self, places: Sequence[int]) -> tuple[str, ...]:
        """The ids of memories; the turn itself is none."""
        return tuple(self._ids[place] for place in places if place < len(self._ids))

    def _may_stand(self, reply: str) -> bool:
        """What a picture shows stands in no text."""
        seen = [*self._seen, reply] if self._pictured else self._seen
        return reply == UNKNOWN or self._turn.accepts(reply, self._told, seen)


def _says(reply: str, value: str) -> bool:
    """Whether a reply has a value in it; "I don't know." says no "No"."""
    words = rf"(?<!\w){re.escape(value)}(?!\w)" if value.isalpha() else re.escape(value)
    return re.search(words, reply) is not None


def _again(reply: str, value: str) -> bool:
    """Whether a reply says a value and then part of it again: "Dr. No. No."."""
    rest = {word.strip(".,;:!?") for word in reply.replace(value, " ", 1).split()} - {""}
    return bool(rest) and rest <= {word.strip(".,;:!?") for word in value.split()}
