"""Pairs of an older and a newer statement of one person, with what the newer one does to the older.

In doubt both hold: what only goes with what was replaced ("Waffles is a corgi") is not replaced itself.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypernet.pairs import REPLACES, SAME, TOGETHER
from hypernet.training.reading.rivals import ENDED, ENDS, MOVED, Rivals
from hypernet.world import phrasings_sayings as tables
from hypernet.world.exact_values import entries
from hypernet.world.sayings import Relation, Whose, relations, templates
from hypernet.world.values import Split

_TENTH = 10
# Of these somebody may have several, so that another told plainly stands beside the first.
_SEVERAL = frozenset(("love", "hate", "speak", "play", "eat", "drink", "allergic", "meet", "prefer", "call"))
_SEVERAL |= {"trip", "when", "day off", "drive", "study", "job"}
_SEVERAL_NOUNS = frozenset(("hobby", "allergy", "instrument", "repo", "server", "config file", "cat", "dog"))
_SEVERAL_NOUNS |= {
    "horse",
    "goldfish",
    "order number",
    "tracking number",
    "invoice number",
    "commit",
    "branch",
}
_SEVERAL_NOUNS |= {"train", "flight number", "hotel", "booking reference", "ticket price", "exam date"}


@dataclass(frozen=True, slots=True)
class Pair:
    """An older statement, a newer one, and TOGETHER, REPLACES or SAME."""

    old: str
    new: str
    kind: int


@dataclass(frozen=True, slots=True)
class Told:
    """A statement, with what else may be told of it: beside it, in its place, and the same again."""

    told: str
    together: Sequence[str] = field(default=())
    replaces: Sequence[str] = field(default=())
    same: Sequence[str] = field(default=())


def read_told(path: Path, *, heldout: bool | None = None) -> list[Told]:
    """Lines of {"told", "together", "replaces", "same"}; with `heldout` a tenth, or the other nine."""
    found = [Told(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]
    return [one for one in found if heldout is None or _is_heldout(one.told) == heldout]


def _is_heldout(text: str) -> bool:
    return zlib.crc32(text.encode()) % _TENTH == 0


def pairs_of(one: Told) -> list[Pair]:
    """All pairs that a group has, also those of two that were told of one thing."""
    befores = [one.told, *one.same]
    found = [Pair(old, new, REPLACES) for old in befores for new in one.replaces]
    found += [Pair(old, new, TOGETHER) for old in befores for new in one.together]
    found += [Pair(new, old, TOGETHER) for old in befores for new in one.together]
    found += [Pair(old, new, TOGETHER) for old in one.together for new in (*one.together, *one.replaces)]
    found += [Pair(a, b, SAME) for a in befores for b in befores if a != b]
    return [pair for pair in found if pair.old != pair.new]


def of_told(told: Sequence[Told], rng: random.Random) -> Iterator[Pair]:
    """Endless pairs of groups; a fifth of two groups, which have nothing to do with each other."""
    pairs = [pairs_of(one) for one in told]
    singles = [pair for some in pairs for pair in some]
    replacing = [pair for pair in singles if pair.kind == REPLACES]
    while True:
        dice = rng.random()
        if dice < 0.2:
            one, other = rng.choice(replacing), rng.choice(singles)
            if one.old.split()[:3] != other.old.split()[:3]:
                yield Pair(other.old, one.new, TOGETHER)
        elif dice < 0.6:
            yield rng.choice(replacing)
        else:
            yield rng.choice(singles)


def of_natural(natural: Sequence[tuple[str, str]], rng: random.Random) -> Iterator[Pair]:
    """Endless pairs of facts of one text, in either order."""
    while True:
        old, new = rng.choice(natural)
        yield Pair(old, new, TOGETHER) if rng.random() < 0.5 else Pair(new, old, TOGETHER)


def of_world(made: WorldPairs) -> Iterator[Pair]:
    """Endless pairs of the package's generators."""
    while True:
        yield made.pair()


class WorldPairs(Rivals):
    """Generates pairs of messages. The same split and seed give the same ones."""

    def __init__(self, split: Split, seed: int) -> None:
        super().__init__(split, seed)

    def pair(self) -> Pair:
        """Of one relation or noun half of the time each."""
        while True:
            made = self._related_pair() if self._rng.random() < 0.45 else self._owned_pair()
            if made is not None and made.old != made.new:
                return made

    def _related_pair(self) -> Pair | None:
        relation = self._rng.choice(relations())
        spoken = any("{S}" in tell for tell in relation.tells)
        whose = self._somebody() if spoken else None
        if whose is None:
            return None
        ends = [denial for denial in relation.denials if ENDS.search(denial)]
        forms = (relation.tells, relation.changes, ends)
        others = lambda: self._rng.choice([one for one in relations() if one.name != relation.name])  # noqa: E731
        return self._made(forms, relation.pool, whose, relation.name, relation.name in _SEVERAL, others)

    def _owned_pair(self) -> Pair | None:
        noun, pool = self._rng.choice(entries(tables.NOUNS)).split("=")
        changes = (*templates(tables.CHANGES), *templates(MOVED), *templates(MOVED))
        forms = (templates(tables.TELLS), changes, templates(ENDED))
        return self._made(forms, pool, self._somebody(), noun, noun in _SEVERAL_NOUNS, None)

    def _made(
        self,
        forms: Sequence[Sequence[str]],
        pool: str,
        whose: Whose,
        noun: str,
        several: bool,
        others: Callable[[], Relation] | None,
    ) -> Pair | None:
        tells, changes, ends = forms
        value, other = self._values.draw(pool), self._values.draw(pool)
        if value in other or other in value:
            return None

        def fill(options: Sequence[str], of: Whose, v: str, x: str = "") -> str:
            return self._typed(self._fill(self._pick(options), of, n=noun, v=v, x=x))

        old, dice = fill(tells, whose, other), self._rng.random()
        if dice < 0.3 and changes:
            return Pair(old, fill(changes, whose, value, other), REPLACES)
        if dice < 0.35 and ends:
            return Pair(old, fill(ends, whose, "", other), REPLACES)
        if dice < 0.48:
            return Pair(old, fill(tells, whose, value), TOGETHER if several else REPLACES)
        if dice < 0.56:
            return Pair(old, fill(tells, whose, other), SAME)
        another = self._another(whose)
        if dice < 0.76:  # the same of somebody else, told plainly or as a change
            newer = fill(changes if changes and self._rng.random() < 0.5 else tells, another, value, value)
            return Pair(old, newer, TOGETHER)
        if others is not None:
            relation = others()
            text = self._fill(
                self._pick(relation.tells), whose, n="", v=self._values.draw(relation.pool), x=""
            )
            return Pair(old, self._typed(text), TOGETHER)
        near = self._near(noun, pool, whose, value) if dice < 0.9 else None
        return Pair(old, near or self._elsewhere(noun, whose), TOGETHER)

    def _elsewhere(self, noun: str, whose: Whose) -> str:
        """Another thing of the same person, changed or told."""
        while True:
            another, pool = self._rng.choice(entries(tables.NOUNS)).split("=")
            if another not in noun and noun not in another:
                break
        options = templates(MOVED) if self._rng.random() < 0.4 else templates(tables.TELLS)
        value, former = self._values.draw(pool), self._values.draw(pool)
        return self._typed(self._fill(self._pick(options), whose, n=another, v=value, x=former))


def mixed(sources: Sequence[tuple[float, Iterator[Pair]]], rng: random.Random) -> Iterator[Pair]:
    """Pairs of all sources by their weights, typed now and then without capitals or the last full stop."""
    weights = [weight for weight, _ in sources]
    while True:
        pair = next(rng.choices(sources, weights)[0][1])
        yield Pair(_typed(pair.old, rng), _typed(pair.new, rng), pair.kind)


def _typed(text: str, rng: random.Random) -> str:
    if rng.random() < 0.08:
        text = text.lower()
    return re.sub(r"\.$", "", text) if rng.random() < 0.1 else text
