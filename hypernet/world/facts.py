"""Endless synthetic facts: texts that tell them, a question for each, and questions nobody can answer.

Within a group every (kind, owner) is told once, so a question has one right answer over all its contexts.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from hypernet.world import phrasings as frames
from hypernet.world import phrasings_more
from hypernet.world.narration import Fact, Narrator
from hypernet.world.owners import SPEAKER, Owners
from hypernet.world.phrasings_things import BOOKINGS, ENTITIES
from hypernet.world.portraits import OF_TYPE, Portrait, Portraits
from hypernet.world.values import Split, Values
from hypernet.world.wording import Kind, Owner, extra_kinds, kinds

UNKNOWN = "I don't know."

# Share of each style, in groups of mixed kinds and of one kind.
STYLES: dict[str, tuple[float, float]] = {
    "notes": (0.27, 0.20),
    "people": (0.16, 0.20),
    "dialogue": (0.19, 0.14),
    "codes": (0.14, 0.22),
    "documents": (0.14, 0.13),
    "bookings": (0.10, 0.11),
}
_TYPES = {
    "notes": ("person",),
    "people": ("person",),
    "dialogue": ("person",),
    "codes": ("key", "key", "item"),
    "documents": tuple(ENTITIES),
    "bookings": tuple(BOOKINGS),
}
# Kinds from which the answer to another would follow: whoever has one told is not asked the other.
_FOLLOWS = {"streets.street": "streets.address", "streets.address": "streets.street"}
_NAMED = 0.02  # share of the speaker's facts that are the name, in training alone
_MOVES = 4.0  # how much more often what people really change is told with what it was before
_PORTRAYED = 0.4  # share of training's chunks with sentences that tell several things at once


@dataclass(frozen=True, slots=True)
class QA:
    """A question, its answer exactly as in the text (no full stop), and its kind, "family.member"."""

    question: str
    answer: str
    kind: str


@dataclass(frozen=True, slots=True)
class Context:
    """One chunk of text, and one question for each fact in it, in the order told."""

    text: str
    qa: tuple[QA, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Contexts that do not contradict each other, and questions that none of them answers."""

    contexts: tuple[Context, ...]
    unknown: tuple[QA, ...]


Key = tuple[Kind, Owner]


class FactWorld:
    """Generates groups of facts. The same split and seed give the same facts in every process."""

    def __init__(self, split: Split, seed: int) -> None:
        if split not in ("train", "heldout"):
            raise ValueError(f'split must be "train" or "heldout", not {split!r}')
        self._rng = random.Random(f"{split}:{seed}")
        self._training = split == "train"
        self._corrected = 0.14 if split == "train" else 0.04  # share of facts first told otherwise
        self._values = Values(split, self._rng)
        self._owners = Owners(split, self._rng, self._values)
        self._narrator = Narrator(split, self._rng, self._values)
        self._families: dict[str, dict[str, list[Kind]]] = defaultdict(lambda: defaultdict(list))
        for kind in (*kinds(), *extra_kinds()) if split == "train" else kinds():
            for type_ in kind.owners:
                self._families[type_][kind.family].append(kind)
        self._weights = {
            type_: [len(members) ** 0.5 for members in families.values()]
            for type_, families in self._families.items()
        }

    def name(self) -> str:
        """A first name, listed or made up."""
        return self._values.draw("first")

    def group(
        self, chunks: int, facts: int, *, same_kind: bool, style: str | None = None, unknown: int = 0
    ) -> Group:
        """`chunks` contexts of `facts` facts each.

        In the training split some chunks of one or two facts tell one or two more, in one sentence.
        With `same_kind` all facts of the group are of one kind or of one family of near kinds, with distinct
        owners or members and distinct values. `style` is one of STYLES; else it varies. Two or three
        questions have no answer, and `unknown` more.
        """
        if chunks < 1 or facts < 1:
            raise ValueError(f"a group needs at least 1 chunk and 1 fact, not {chunks} and {facts}")
        if style is not None and style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}, not {style!r}")
        styles = self._styles(chunks, same_kind, style)
        draft = _Draft()
        keys = self._near_keys(styles[0], chunks * facts, draft) if same_kind else None
        portraits = [() if keys else self._some_portraits(s, facts, draft) for s in styles]
        left = [facts - sum(len(p.told) for p in some) for some in portraits]
        plans = [self._plan(s, n, draft, keys) for s, n in zip(styles, left, strict=True)]
        contexts = tuple(map(self._context, plans, portraits, styles))
        return Group(contexts, self._unknown(draft, styles[0], same_kind, unknown))

    def sentence(self, facts: int) -> Context:
        """One sentence that tells so many facts of the speaker or somebody near, or one fewer."""
        while True:
            draft = _Draft()
            told = self._portrait(self._portraits(draft), "people", draft, facts)
            if told and len(told.told) >= facts - 1:
                return self._context([], (told,), "people")

    def chat(self) -> QA:
        """A statement or greeting that asks nothing, with its acknowledgement."""
        shape = self._rng.random()
        if shape < 0.45:
            fact = self._fact(*self._key(self._pick_style(False)), _Draft())
            return QA(self._narrator.statement(fact), frames.REMEMBERED, "chat.statement")
        if shape < 0.6:
            return QA(
                self._narrator.small_talk(self._rng.choice(frames.NOISE)), frames.CHIT_CHAT, "chat.noise"
            )
        answer = self._rng.choice(tuple(frames.SMALL_TALK))
        return QA(self._rng.choice(frames.SMALL_TALK[answer]), answer, "chat.small talk")

    def _pick_style(self, same_kind: bool) -> str:
        return self._rng.choices(tuple(STYLES), [w[same_kind] for w in STYLES.values()])[0]

    def _styles(self, chunks: int, same_kind: bool, style: str | None) -> list[str]:
        if style is not None:
            return [style] * chunks
        if same_kind:
            return [self._pick_style(True)] * chunks
        return [self._pick_style(False) for _ in range(chunks)]

    def _kind(self, type_: str) -> Kind:
        families = self._families[type_]
        family = self._rng.choices(tuple(families.values()), self._weights[type_])[0]
        return self._rng.choice(family)

    def _owner(self, style: str, type_: str) -> Owner:
        share = {"notes": 0.72, "dialogue": 0.75}.get(style, 0.0)
        return SPEAKER if self._rng.random() < share else self._owners.draw(type_)

    def _key(self, style: str) -> Key:
        type_ = self._rng.choice(_TYPES[style])
        kind, owner = self._kind(type_), self._owner(style, type_)
        if self._training and owner.first and self._rng.random() < _NAMED:
            return self._kind("speaker"), owner
        return kind, owner

    def _portraits(self, draft: _Draft) -> Portraits:
        unseen = 0.0 if self._training else 0.5
        return Portraits(self._rng, lambda kind: self._reserved(kind, draft), draft.take, unseen)

    def _some_portraits(self, style: str, facts: int, draft: _Draft) -> tuple[Portrait, ...]:
        """Sentences of several facts each, in training alone and in some chunks; two facts at least."""
        if not self._training or self._rng.random() >= (_PORTRAYED if facts > 1 else _PORTRAYED / 2):
            return ()
        room, found = max(facts, 2 + self._rng.randrange(2)), []
        drawn = self._portraits(draft)
        while room > 1:
            portrait = self._portrait(drawn, style, draft, min(room, 4))
            if portrait is None:
                break
            found.append(portrait)
            room -= len(portrait.told)
        return tuple(found)

    def _portrait(self, drawn: Portraits, style: str, draft: _Draft, most: int) -> Portrait | None:
        if style in ("documents", "bookings", "codes"):
            types = [t for t in _TYPES[style] if t in OF_TYPE]
            return drawn.of(self._owners.draw(self._rng.choice(types)), most)
        if self._rng.random() < 0.6:
            relation = self._rng.choice(
                self._families["person"][self._rng.choice(("names", "names", "pets"))]
            )
            name = self._value(relation, draft, 1000)
            return drawn.named(relation, self._owners.named(relation.name.split(".", 1)[1], name), name, most)
        return drawn.of(SPEAKER if self._rng.random() < 0.6 else self._owners.draw("person"), most)

    def _reserved(self, kind: Kind, draft: _Draft) -> str:
        """A value that nothing else in the group has."""
        value = self._value(kind, draft, 1000)
        draft.words.update((value.casefold(), _call_name(value, kind)))
        return value

    def _plan(self, style: str, facts: int, draft: _Draft, keys: Iterator[Key] | None) -> list[Fact]:
        """The facts of one chunk, those of one owner usually together."""
        chosen = [next(keys) for _ in range(facts)] if keys else self._mixed_keys(style, facts, draft)
        if self._rng.random() < 0.8:
            order = {owner.key: i for i, (_, owner) in reversed(list(enumerate(chosen)))}
            chosen.sort(key=lambda key: order[key[1].key])
        return [self._fact(kind, owner, draft, distinct=keys is not None) for kind, owner in chosen]

    def _mixed_keys(self, style: str, facts: int, draft: _Draft) -> list[Key]:
        cast: list[Owner] = []
        chosen: list[Key] = []
        while len(chosen) < facts:
            kind, owner = self._key(style)
            if cast and self._rng.random() < 0.65:
                owner = self._rng.choice(cast)
                kind = self._kind(owner.type)
            if draft.take(kind, owner):
                chosen.append((kind, owner))
                cast.append(owner)
        return chosen

    def _near_keys(self, style: str, count: int, draft: _Draft) -> Iterator[Key]:
        """Endless competitors: one kind of many owners, or near kinds of few owners."""
        self._owners.fresh_words()
        while True:
            type_ = self._rng.choice(_TYPES[style])
            kind = self._kind(type_)
            if self._values.capacity(kind.pool) >= 2 * count:
                break
        family = [k for k in self._families[type_][kind.family] if k.pool == kind.pool]
        if len(family) < 3 or self._rng.random() < 0.55:
            return self._many_owners(kind, style, type_, draft)
        return self._many_kinds(family, style, type_, count, draft)

    def _many_owners(self, kind: Kind, style: str, type_: str, draft: _Draft) -> Iterator[Key]:
        near = type_ == "key" and self._rng.random() < 0.7
        draft.near = near
        if style in ("notes", "dialogue") and self._rng.random() < 0.6 and draft.take(kind, SPEAKER):
            yield kind, SPEAKER
        while True:
            owner = self._owners.key(near=True) if near else self._owners.draw(type_)
            if draft.take(kind, owner):
                yield kind, owner

    def _many_kinds(
        self, family: list[Kind], style: str, type_: str, count: int, draft: _Draft
    ) -> Iterator[Key]:
        few = 1 + count // max(1, len(family) // 2) + self._rng.randrange(2)
        cast: list[Owner] = []
        while len(cast) < few:
            owner = self._owner(style, type_)
            if owner not in cast:
                cast.append(owner)
        while True:
            kind, owner = self._rng.choice(family), self._rng.choice(cast)
            if draft.take(kind, owner):
                yield kind, owner
            elif self._rng.random() < 0.05:
                cast.append(self._owners.draw(type_))

    def _fact(self, kind: Kind, owner: Owner, draft: _Draft, *, distinct: bool = True) -> Fact:
        value = self._value(kind, draft, 1000 if distinct else 10)
        draft.words.update((value.casefold(), _call_name(value, kind)))
        old = ""
        often = _MOVES if self._training and kind.name in phrasings_more.CHANGES else 1.0
        if self._rng.random() < often * self._corrected:
            old = self._value(kind, draft, 10)
            old = "" if old.casefold() == value.casefold() or value in old or old in value else old
        return Fact(kind, owner, value, old)

    def _value(self, kind: Kind, draft: _Draft, tries: int) -> str:
        for _ in range(tries):
            value = self._values.draw(kind.pool)
            if value.casefold() not in draft.words and _call_name(value, kind) not in draft.words:
                break
        return value

    def _context(self, facts: list[Fact], portraits: tuple[Portrait, ...], style: str) -> Context:
        text, change = self._narrator.tell(facts, style) if facts else ("", str)
        told = [(f.kind, f.owner, f.value) for f in facts]
        for portrait in portraits:
            more = change(self._narrator.portrait(portrait.clause, style))
            gap = "\n" if more.startswith("User:") else " "
            front = self._rng.random() < 0.5
            text, told = (
                (f"{more}{gap}{text}", [*portrait.told, *told])
                if front
                else (f"{text}{gap}{more}", [*told, *portrait.told])
            )
        qa = tuple(QA(self._narrator.question(kind, o), change(value), kind.name) for kind, o, value in told)
        return Context(text.strip(), qa)

    def _unknown(self, draft: _Draft, style: str, same_kind: bool, more: int) -> tuple[QA, ...]:
        """Two or three questions near to what was told, and ``more``."""
        told = list(draft.told)
        found: list[QA] = []
        while len(found) < 2 + more + (self._rng.random() < 0.5):
            kind, owner = self._neighbour(*self._rng.choice(told), draft, style, same_kind)
            if draft.take(kind, owner):
                found.append(QA(self._narrator.question(kind, owner), UNKNOWN, kind.name))
        return tuple(found)

    def _neighbour(self, kind: Kind, owner: Owner, draft: _Draft, style: str, same_kind: bool) -> Key:
        """The same kind of another owner, a near kind of the same owner, or something quite different."""
        shape = self._rng.random()
        if shape < 0.5:
            return kind, self._other_owner(owner.type, style, draft)
        if shape < 0.85:
            family = self._families[owner.type][kind.family]
            return self._rng.choice(family if self._rng.random() < 0.7 else [self._kind(owner.type)]), owner
        return self._key(style if same_kind else self._pick_style(False))

    def _other_owner(self, type_: str, style: str, draft: _Draft) -> Owner:
        if type_ == "key" and draft.near:
            return self._owners.key(near=True)
        return self._owner(style, type_) if type_ == "person" else self._owners.draw(type_)


def _call_name(value: str, kind: Kind) -> str:
    """What somebody of that full name is called; else the value itself."""
    return value.split()[0].casefold() if kind.pool in ("human", "full") else value.casefold()


def _root(owner: Owner) -> str:
    """Whose name the owner carries: Anna herself and Anna's brother may both be told of."""
    return owner.key.split("'s ")[0]


class _Draft:
    """What a group has told so far, so that nothing is told twice or answers an unknown question."""

    def __init__(self) -> None:
        self.told: list[Key] = []
        self.words: set[str] = set()
        self.near = False
        self._taken: set[tuple[str, str]] = set()
        self._names: dict[str, str] = {}

    def take(self, kind: Kind, owner: Owner) -> bool:
        """Reserves the fact; False if it, or somebody else of the same name, is there already."""
        key = (kind.name, owner.key)
        if key in self._taken or self._clashes(owner):
            return False
        self._taken.update((key, (_FOLLOWS.get(kind.name, kind.name), owner.key)))
        self._taken.update(
            ("names." + n.removeprefix("my "), "i") for n in owner.names if n.startswith("my ")
        )
        self._names.update((n.casefold(), _root(owner)) for n in owner.names)
        self.words.update(n.casefold() for n in owner.names)
        self.told.append((kind, owner))
        return True

    def _clashes(self, owner: Owner) -> bool:
        for name in owner.names:
            taken_by = self._names.get(name.casefold())
            if taken_by is None and name.casefold() in self.words:
                return True
            if taken_by not in (None, _root(owner)):
                return True
        return any(
            n.startswith("my ")
            and ("names." + n.removeprefix("my "), "i") in self._taken
            and n not in self._names
            for n in owner.names
        )
