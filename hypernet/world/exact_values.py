"""Values that must come back whole: addresses, files, hosts, codes, names in any script."""

from __future__ import annotations

import random

from hypernet.world import phrasings_sayings as tables
from hypernet.world.pools import MONTHS
from hypernet.world.values import Split, Values, allowed, listed

_WORDS = ("surname", "first", "word", "city")
_SIGNS = "abcdefghkmnpqrstuvwxyzABCDEFGHKMNP23456789"
_TABLES = {
    "trade": tables.TRADES,
    "eat": tables.ALLERGENS,
    "genre": tables.TASTES,
    "car": tables.VEHICLES,
    "firm": tables.EMPLOYERS,
    "place": tables.SPOTS,
    "tool": tables.TOOLS,
    "native": tables.NATIVE_NAMES,
}


def entries(table: str) -> tuple[str, ...]:
    """The members of a semicolon-separated table, each on one line."""
    return tuple(" ".join(entry.split()) for entry in listed(table))


class ExactValues:
    """Draws values of a named pool that belong to the split: its own, or else those of ``Values``."""

    def __init__(self, split: Split, rng: random.Random) -> None:
        self._split: Split = split
        self._rng = rng
        self._values = Values(split, rng)
        self._listed = {
            pool: tuple(v for v in entries(table) if allowed(v, split)) or entries(table)
            for pool, table in _TABLES.items()
        }

    def draw(self, pool: str) -> str:
        """One value of the pool, as it will stand in the text."""
        if pool in self._listed:
            return self._rng.choice(self._listed[pool])
        make = getattr(self, f"_{pool}", None)
        if make is None:
            return self._values.draw(pool)
        while not allowed(value := make(), self._split):
            pass
        return str(value)

    def word(self) -> str:
        """A name in small letters, as in addresses."""
        drawn = self._values.draw(self._rng.choice(_WORDS)).lower()
        return "".join(letter for letter in drawn if letter.isalnum())

    def _email(self) -> str:
        r, a, b = self._rng, self.word(), self.word()
        user = r.choice((f"{a[0]}.{b}", f"{a}.{b}", a, f"{a}{r.randrange(100)}", f"{a}_{b}", f"{a}-{b}"))
        host = r.choice((self.word(), "example", "mail", f"{self.word()}-{self.word()}"))
        return f"{user}@{host}.{self._ending()}"

    def _url(self) -> str:
        r, a, b, end = self._rng, self.word(), self.word(), self._ending()
        forms = (
            f"github.com/{a}/{b}",
            f"https://{a}.{end}",
            f"www.{a}{b}.{end}",
            f"{a}.{end}/{b}",
            f"{a}.{end}",
        )
        return r.choice((*forms, f"https://{a}.{end}/{b}?id={r.randrange(999)}"))

    def _ending(self) -> str:
        return self._rng.choice(entries(tables.ENDINGS))

    def _file(self) -> str:
        r, a, end = self._rng, self.word(), self._rng.choice(entries(tables.SUFFIXES))
        stem = r.choice(("settings", "config", "report", "notes", "main", "budget", "invoice", a))
        forms = (f"{stem}.{end}", f"{stem}_{self.word()}.{end}", f"{stem}-{r.randrange(2015, 2027)}.{end}")
        return r.choice((*forms, f"/etc/{a}/{stem}.{end}", f"~/{a}/{stem}.{end}"))

    def _dec(self) -> str:
        r = self._rng
        return r.choice(
            (f"{r.randrange(1, 99)}.{r.randrange(10)}", f"{r.randrange(1, 300)}.{r.randrange(100):02d}")
        )

    def _size(self) -> str:
        r = self._rng
        return r.choice((f"{r.randrange(34, 48)}.5", str(r.randrange(34, 48)), f"{r.randrange(28, 40)}/32"))

    def _host(self) -> str:
        r = self._rng
        address = ".".join(str(r.randrange(1, 255)) for _ in range(4))
        named = f"{self.word()}.{self.word()}.internal:{r.randrange(1000, 9999)}"
        return r.choice(
            (address, f"{address}:{r.randrange(80, 65000)}", named, f"localhost:{r.randrange(1000, 9999)}")
        )

    def _hexc(self) -> str:
        number = f"{self._rng.randrange(16**6):06x}"
        return f"#{self._rng.choice((number, number.upper()))}"

    def _pw(self) -> str:
        r, a, b = self._rng, self.word()[:7], self.word()[:7]
        forms = (f"{a}{b.capitalize()}{r.randrange(99)}", f"{a.capitalize()}-{b}-{r.randrange(999)}")
        return r.choice(
            (*forms, f"{a}{r.choice('!?$%&*')}{r.randrange(9999)}", "".join(r.choices(_SIGNS, k=9)))
        )

    def _date(self) -> str:
        r = self._rng
        day, month, year = r.randrange(1, 29), r.choice(listed(MONTHS)), r.randrange(1950, 2031)
        number = r.randrange(1, 13)
        worded = (f"{day} {month} {year}", f"{month} {day}, {year}", f"{day} {month}", f"{month} {year}")
        return r.choice((*worded, f"{year}-{number:02d}-{day:02d}", f"{day:02d}/{number:02d}/{year}"))

    def _range(self) -> str:
        start, end = self._rng.randrange(6, 12), self._rng.randrange(13, 22)
        forms = (f"{start}am to {end - 12}pm", f"{start}:00-{end}:30", f"{start} to {end}", f"{start}-{end}")
        return self._rng.choice((*forms, f"between {start} and {end}"))

    def _name(self) -> str:
        first, surname = self._values.draw("first"), self._values.draw("surname")
        forms = (first, first, f"{first} {surname}", f"Dr. {surname}", f"Mrs. {surname}")
        return self._rng.choice((*forms, self.draw("native")))
