"""Values and names for synthetic facts, drawn so that training never sees the held-out ones."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from functools import cache
from typing import Literal

from hypernet.world import pools

Split = Literal["train", "heldout"]

HELD_OUT_PERCENT = 15
MADE_UP = 0.4  # share of name-like values that nobody could guess


def held_out(text: str) -> bool:
    """Whether the text belongs to the held-out 15 %: decided by its CRC-32, whatever the case."""
    return zlib.crc32(text.casefold().encode()) % 100 < HELD_OUT_PERCENT


def listed(words: str) -> tuple[str, ...]:
    """The members of a semicolon-separated table."""
    return tuple(w.strip() for w in words.split(";") if w.strip())


_SMALL = frozenset(
    word.casefold()
    for table in (pools.WEEKDAYS, pools.MONTHS, pools.COLOURS, pools.SIZES)
    for word in listed(table)
)


def exempt(text: str) -> bool:
    """Whether the text comes from a pool too small to split: weekdays, colours, sizes, numbers below 100."""
    return text.casefold() in _SMALL or (text.isdigit() and len(text) <= 2)


def allowed(text: str, split: Split) -> bool:
    """Whether facts of this split may have the text as a value or an owner."""
    return exempt(text) or held_out(text) == (split == "heldout")


@cache
def _pool(words: tuple[str, ...], split: Split) -> tuple[str, ...]:
    return tuple(w for w in words if allowed(w, split))


_LISTS = {
    "colour": listed(pools.COLOURS), "animal": listed(pools.ANIMALS), "food": listed(pools.FOODS),
    "drink": listed(pools.DRINKS), "job": listed(pools.JOBS), "instrument": listed(pools.INSTRUMENTS),
    "sport": listed(pools.SPORTS), "hobby": listed(pools.HOBBIES), "language": listed(pools.LANGUAGES),
    "subject": listed(pools.SUBJECTS), "material": listed(pools.MATERIALS), "size": listed(pools.SIZES),
    "weekday": listed(pools.WEEKDAYS), "brand": listed(pools.BRANDS),
}  # fmt: skip
_NAMES = {
    "city": listed(pools.CITIES), "country": listed(pools.COUNTRIES), "pet": listed(pools.PETS),
    "first": (*pools.WOMEN, *pools.MEN), "surname": tuple(pools.SURNAMES),
}  # fmt: skip
_SCARCE = {
    "small": 80, "party": 19, "recent": 70, "age": 70, "shoe": 12, "height": 60, "percent": 90, "past": 450,
    "time": 500, "date": 650, "day": 650, "seat": 550,
}  # fmt: skip
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


class Values:
    """Draws values of a named pool; every draw belongs to the split."""

    def __init__(self, split: Split, rng: random.Random) -> None:
        self._split: Split = split
        self._rng = rng
        self._makers: dict[str, Callable[[], str]] = {
            name.removeprefix("_make_"): getattr(self, name)
            for name in dir(self)
            if name.startswith("_make_")
        }

    def draw(self, pool: str) -> str:
        """One value of the pool, as it will stand in the text."""
        if pool in _LISTS:
            return self._rng.choice(_pool(_LISTS[pool], self._split))
        if pool in _NAMES and self._rng.random() >= MADE_UP:
            return self._rng.choice(_pool(_NAMES[pool], self._split))
        maker = self._makers["word" if pool in _NAMES else pool]
        while not allowed(value := maker(), self._split):
            pass
        return value

    def capacity(self, pool: str) -> float:
        """How many different values the pool has in this split; infinite for composed ones."""
        if pool in _LISTS:
            return len(_pool(_LISTS[pool], self._split))
        share = 1.0 if pool in ("small", "party", "age", "shoe") else 0.8 if self._split == "train" else 0.12
        return _SCARCE[pool] * share if pool in _SCARCE else float("inf")

    def _number(self, digits: int) -> str:
        return str(self._rng.randrange(10 ** (digits - 1), 10**digits))

    def _make_word(self) -> str:
        pick = self._rng.choice
        middle = "" if self._rng.random() < 0.7 else pick(pools.ONSETS) + pick(pools.VOWELS)
        word = (
            pick(pools.ONSETS)
            + pick(pools.VOWELS)
            + middle
            + pick(pools.ONSETS)
            + pick(pools.VOWELS)
            + pick(pools.CODAS)
        )
        return word.capitalize()

    def _make_human(self) -> str:
        return self._make_full() if self._rng.random() < 0.2 else self.draw("first")

    def _make_full(self) -> str:
        return f"{self.draw('first')} {self.draw('surname')}"

    def _make_company(self) -> str:
        word = self.draw("surname")
        return self._rng.choice(
            (
                word,
                word,
                f"{word} & {self.draw('surname')}",
                f"{word} {self._rng.choice(('Ltd', 'Group', 'Brothers', 'Works'))}",
            )
        )

    def _make_title(self) -> str:
        words = f"{self._rng.choice(pools.ADJECTIVES)} {self._rng.choice(pools.NOUNS)}".title()
        return self._rng.choice(
            (f"The {words}", words, self.draw("word"), f"{words.split()[1]} of {self.draw('city')}")
        )

    def _make_model(self) -> str:
        return f"{self.draw('word')} {self._rng.choice(_LETTERS)}{self._rng.randrange(1, 100)}"

    def _make_spot(self) -> str:
        which, room, thing = (
            self._rng.choice(listed(words)) for words in (pools.WHICH, pools.ROOMS, pools.KEEPERS)
        )
        return self._rng.choice(
            (f"the {which} {thing}", f"the {room} {thing}", f"the {which} {room} {thing}")
        )

    def _make_street(self) -> str:
        stem = self._rng.choice(listed(pools.STREETS)) if self._rng.random() >= MADE_UP else self.draw("word")
        return f"{stem} {self._rng.choice(listed(pools.STREET_ENDS))}"

    def _make_address(self) -> str:
        return f"{self._rng.randrange(1, 200)} {self._make_street()}"

    def _make_digits(self) -> str:
        return self._number(self._rng.choice((2, 3, 4, 4, 4, 4, 5, 6, 6, 7, 8)))

    def _make_phone(self) -> str:
        n = self._number
        return self._rng.choice(
            (f"0{n(3)} {n(3)} {n(3)}", f"555-{n(4)}", f"{n(3)}-{n(4)}", n(7), f"0{n(2)}-{n(5)}")
        )

    def _make_code(self) -> str:
        r, n = self._rng, self._number
        a, b = "".join(r.choices(_LETTERS, k=2)), "".join(r.choices(_LETTERS, k=3))
        return r.choice(
            (f"{a}{n(2)}-{n(1)}", f"{b}-{n(3)}", f"{a}-{n(4)}", f"{n(2)}{a}{n(2)}", f"{b}{n(3)}", n(6))
        )

    def _make_password(self) -> str:
        word = self._make_word()
        return self._rng.choice(
            (
                f"{word.lower()}{self._number(2)}",
                f"{word}-{self._number(3)}",
                f"{word.lower()}_{self._make_word().lower()}",
            )
        )

    def _make_flight(self) -> str:
        airline = "".join(self._rng.choices(_LETTERS, k=2))
        return f"{airline}{self._rng.choice(('', ' '))}{self._number(self._rng.choice((3, 4)))}"

    def _make_seat(self) -> str:
        return f"{self._rng.randrange(1, 60)}{self._rng.choice(_LETTERS[:10])}"

    def _make_small(self) -> str:
        return str(self._rng.randrange(2, 82))

    def _make_party(self) -> str:
        return str(self._rng.randrange(2, 21))

    def _make_recent(self) -> str:
        return str(self._rng.randrange(1955, 2025))

    def _make_age(self) -> str:
        return str(self._rng.randrange(18, 88))

    def _make_shoe(self) -> str:
        return str(self._rng.randrange(35, 47))

    def _make_count(self) -> str:
        return self._number(self._rng.choice((3, 3, 4, 4, 5)))

    def _make_past(self) -> str:
        return str(
            self._rng.randrange(1500, 2025) if self._rng.random() < 0.5 else self._rng.randrange(1950, 2025)
        )

    def _make_percent(self) -> str:
        return (
            f"{self._rng.randrange(1, 100)} percent"
            if self._rng.random() < 0.5
            else f"{self._rng.randrange(1, 100)}%"
        )

    def _make_version(self) -> str:
        r = self._rng
        return ".".join(str(r.randrange(30)) for _ in range(r.choice((2, 3))))

    def _make_price(self) -> str:
        r = self._rng
        whole, cents = r.randrange(2, 1000), r.choice((0, 20, 50, 75, 90, 99))
        return r.choice(
            (
                f"{whole} euros",
                f"${whole}",
                f"£{whole}",
                f"{whole} dollars",
                f"{whole}.{cents:02d} euros",
                f"${whole}.{cents:02d}",
            )
        )

    def _make_money(self) -> str:
        r = self._rng
        thousands = r.randrange(2, 1000)
        return r.choice(
            (
                f"{thousands},000 euros",
                f"${thousands},000",
                f"{thousands} million euros",
                f"{thousands}000 dollars",
            )
        )

    def _make_height(self) -> str:
        return (
            f"1.{self._rng.randrange(40, 100)} m"
            if self._rng.random() < 0.6
            else f"{self._rng.randrange(140, 205)} cm"
        )

    def _make_length(self) -> str:
        return f"{self._rng.randrange(3, 900)} {self._rng.choice(('metres', 'm', 'feet'))}"

    def _make_weight(self) -> str:
        r = self._rng
        return r.choice(
            (
                f"{r.randrange(1, 60)}.{r.randrange(1, 10)} kg",
                f"{r.randrange(50, 1000)} grams",
                f"{r.randrange(2, 900)} kg",
            )
        )

    def _make_time(self) -> str:
        r = self._rng
        hour, minute, half = (
            r.randrange(1, 13),
            r.choice((5, 10, 15, 20, 25, 30, 40, 45, 50, 55)),
            r.choice(("am", "pm")),
        )
        return r.choice(
            (
                f"{hour} {half}",
                f"{hour}:{minute:02d} {half}",
                f"{hour}:{minute:02d} {half}",
                f"{r.randrange(24)}:{minute:02d}",
            )
        )

    def _make_date(self) -> str:
        day, month = self._rng.randrange(1, 29), self._rng.choice(listed(pools.MONTHS))
        return self._rng.choice((f"{day} {month}", f"{month} {day}"))

    def _make_day(self) -> str:
        return self.draw(self._rng.choice(("weekday", "date")))
