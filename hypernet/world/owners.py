"""Draws the people, keys, places and bookings that synthetic facts are about."""

from __future__ import annotations

import random
import zlib

from hypernet.world import pools
from hypernet.world.phrasings_people import RELATIVES
from hypernet.world.phrasings_things import BOOKINGS, ENTITIES
from hypernet.world.values import Split, Values, allowed
from hypernet.world.wording import Owner, with_article

_PRONOUNS = {"f": ("she", "her", "her"), "m": ("he", "him", "his")}
_IT = ("it", "it", "its")
_WOMEN, _MEN = frozenset(pools.WOMEN), frozenset(pools.MEN)

SPEAKER = Owner(key="i", type="person", subject="I", object="me", possessive="my", you="you", your="your")


def _gender(name: str) -> str:
    if name in _WOMEN or name in _MEN:
        return "f" if name in _WOMEN else "m"
    return "fm"[zlib.crc32(name.encode()) % 2]


class Owners:
    """Draws owners of a type; made-up and listed names belong to the split."""

    def __init__(self, split: Split, rng: random.Random, values: Values) -> None:
        self._split: Split = split
        self._rng = rng
        self._values = values
        self._words: list[str] = []

    def draw(self, type_: str) -> Owner:
        """One owner of a type: person (never the speaker), key, item, or a type of entity or booking."""
        if type_ == "person":
            return self.person()
        if type_ == "key":
            return self.key()
        if type_ == "item":
            return self.item()
        return self.booking(type_) if type_ in BOOKINGS else self.entity(type_)

    def person(self) -> Owner:
        """Anna, my sister, my neighbour Paul, or Anna's brother."""
        shape = self._rng.random()
        if shape < 0.2:
            return self._relative()
        name = self._values.draw("first")
        if shape < 0.3:
            word = self._rng.choice(
                ("neighbour", "colleague", "cousin", "friend", "uncle", "aunt", "classmate")
            )
            gender = {"uncle": "m", "aunt": "f"}.get(word, _gender(name))
            return _person(f"my {word} {name}", gender, f"your {word} {name}", (name, f"my {word}"))
        if shape < 0.38:
            word = self._rng.choice([w for w in RELATIVES if w not in ("flatmate", "best friend")])
            return _person(f"{name}'s {word}", RELATIVES[word], "", (name,))
        full = f"{name} {self._values.draw('surname')}" if self._rng.random() < 0.12 else name
        return _person(full, _gender(name), "", (name,))

    def _relative(self) -> Owner:
        word = self._rng.choice(list(RELATIVES))
        return _person(f"my {word}", RELATIVES[word], f"your {word}", (f"my {word}",))

    def named(self, word: str, name: str) -> Owner:
        """The speaker's sister or dog, whose name is told along with something else."""
        pronouns = _PRONOUNS.get(RELATIVES.get(word, "x"))
        text, you = f"my {word}", f"your {word}"
        return Owner(text, "person", text, text, f"{text}'s", pronouns, you, f"{you}'s", (name,))

    def fresh_words(self) -> None:
        """Chooses the few words that the next two-word keys are made of, so that keys share words."""
        adjectives = self._rng.sample(pools.ADJECTIVES, 3)
        self._words = [*adjectives, *self._rng.sample(pools.NOUNS, 4)]

    def key(self, *, near: bool = False) -> Owner:
        """A key: usually two words, "silver falcon"; near keys share words, also in another order."""
        if not near and self._rng.random() < 0.15:
            word = self._values.draw("word")
            return _thing(word, "key", (word,))
        while True:
            pair = self._pair(near)
            if allowed(" ".join(sorted(pair)), self._split):
                return _thing(" ".join(pair), "key", ())

    def _pair(self, near: bool) -> list[str]:
        if not near:
            return [self._rng.choice(pools.ADJECTIVES), self._rng.choice(pools.NOUNS)]
        first, second = self._rng.choice(self._words), self._rng.choice(self._words)
        if first == second or self._rng.random() < 0.15:
            second = self._rng.choice(pools.NOUNS)
        return [first, second] if first != second else [first, "star"]

    def item(self) -> Owner:
        """A thing on its way: a parcel, an order, a suitcase."""
        shape = self._rng.choice(("city", "surname", "first", "word"))
        name = self._values.draw(shape)
        things = {
            "city": ("the parcel from {}", "the letter from {}", "the crate from {}", "the delivery to {}"),
            "surname": ("the order from {} Ltd", "the invoice from {}", "the package for Dr. {}"),
            "first": ("{}'s suitcase", "{}'s parcel", "the gift for {}", "{}'s order"),
            "word": ("the {} box", "the {} order", "the {} parcel", "the sofa from {}"),
        }
        return _thing(self._rng.choice(things[shape]).format(name), "item", (name,))

    def entity(self, type_: str) -> Owner:
        """A made-up place, firm, project or product: the lighthouse of Varnell."""
        word = self._values.draw("word")
        return _thing(self._rng.choice(ENTITIES[type_]).format(w=word), type_, (word,))

    def booking(self, type_: str) -> Owner:
        """A booking of the speaker, or now and then of somebody else."""
        v = self._values
        parts = {"w": v.draw("word"), "c": v.draw("city"), "s": v.draw("surname"), "p": v.draw("first")}
        template = self._rng.choice(BOOKINGS[type_])
        text = template.format(**parts)
        names = tuple(word for slot, word in parts.items() if "{" + slot + "}" in template)
        if self._rng.random() < 0.2 and "{p}" not in template:
            holder = v.draw("first")
            return _thing(f"{holder}'s {text}", type_, (*names, holder))
        return Owner(
            f"my {text}",
            type_,
            f"my {text}",
            f"my {text}",
            "",
            _IT,
            f"your {text}",
            "",
            names,
            with_article(text),
        )


def _person(text: str, gender: str, you: str, names: tuple[str, ...]) -> Owner:
    your = f"{you}'s" if you else ""
    return Owner(text.casefold(), "person", text, text, f"{text}'s", _PRONOUNS.get(gender), you, your, names)


def _thing(text: str, type_: str, names: tuple[str, ...]) -> Owner:
    return Owner(text.casefold(), type_, text, text, "", _IT, "", "", names)
