"""Messages that compete for a question: a value told and then another, one of somebody else, near things.

I work at Nokia.    ...    I left Nokia for Lego.           Where do I work?               Lego
I work at Nokia.    ...    My sister works at Lego.         Where do I work?               Nokia
My sister works at Lego.                                    Where do I work?               none
My PIN is 4471.                                             What is my alarm code?         none
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypernet.training.reading.examples import Example
from hypernet.world import phrasings_sayings as tables
from hypernet.world.exact_values import entries
from hypernet.world.sayings import Sayings, Whose, relations, templates

_MOVED = """
    {O} new {n} is {v}. | {O} {n} is {v} now. | They gave me {v} as {o} {n}. | {O} {n} went from {x}
    to {v}. | We switched {o} {n} to {v}. | From next week on {o} {n} is {v}. | {O} {n} has become
    {v}. | {O} {n} is now {v} instead. | Scratch that, {o} {n} is {v}. | No, wait, {o} {n} is {v}. |
    Correction: {o} {n} is {v}. | Update: {o} {n} is {v}. | {O} {n} got replaced, it's {v} these
    days. | No more {x}, {v} is {o} {n} now. | {x} is history, {o} {n} is {v}. | I had to change {o}
    {n}, it's {v} now. | Turns out {o} {n} is {v}. | I traded {x} for {v} as {o} {n}. | As of today
    {o} {n} is {v}. | {O} {n} was moved to {v}. | {O} {n} is not {x} any more but {v}. | Since
    Monday {o} {n} is {v}. | I said {x}, but {o} {n} is {v}.
"""
_ENDED = """
    {O} {n} isn't {x} any more. | {O} {n} is no longer {x}. | I don't have {x} as {o} {n} any more. |
    {x} is not {o} {n} any more.
"""

_ENDS = re.compile(r"n't\b|\bnot\b|\bno longer\b|\bleft\b")
_OF_TWO = 0.12  # share of questions about a change that name both values


class Rivals(Sayings):
    """Generates sets of messages with one question. The same split and seed give the same ones."""

    def example(self) -> Example:
        """Two or three of ten have no answer."""
        while True:
            made = self._of_relation() if self._rng.random() < 0.5 else self._of_noun()
            if made is not None:
                return made

    def _of_relation(self) -> Example | None:
        relation = self._rng.choice(relations())
        spoken = any("{S}" in tell for tell in relation.tells)
        whose = self._somebody() if spoken else None
        if whose is None:
            return None
        ends = [denial for denial in relation.denials if _ENDS.search(denial)]  # no wish, no attempt
        forms = (relation.tells, relation.changes, ends)
        return self._set(forms, relation.asks, relation.pool, whose, relation.name)

    def _of_noun(self) -> Example | None:
        noun, pool = self._rng.choice(entries(tables.NOUNS)).split("=")
        changes = (*templates(tables.CHANGES), *templates(_MOVED), *templates(_MOVED))
        forms = (templates(tables.TELLS), changes, templates(_ENDED))
        return self._set(forms, templates(tables.ASKS), pool, self._somebody(), noun)

    def _somebody(self) -> Whose:
        while (whose := self._whose()).key == "the":
            pass
        return whose

    def _set(
        self, forms: Sequence[Sequence[str]], asks: Sequence[str], pool: str, whose: Whose, noun: str
    ) -> Example | None:
        tells, changes, ends = forms
        value, other = self._values.draw(pool), self._values.draw(pool)
        if value in other or other in value:
            return None

        def fill(options: Sequence[str], of: Whose, v: str, x: str = "") -> str:
            return self._typed(self._fill(self._pick(options), of, n=noun, v=v, x=x))

        question = self._asked(fill(asks, whose, ""))
        dice = self._rng.random()
        if dice < 0.36:  # changed, or told again otherwise
            newer = fill(changes if changes and self._rng.random() < 0.8 else tells, whose, value, other)
            if self._rng.random() < _OF_TWO:
                options = f"{value} or {other}" if self._rng.random() < 0.5 else f"{other} or {value}"
                question = f"{question.rstrip(' ?.!')}, {options}?"
            return self._mixed(question, [fill(tells, whose, other), newer], value)
        if dice < 0.43 and ends:
            return self._mixed(question, [fill(tells, whose, other), fill(ends, whose, "", other)], "")
        another = self._another(whose)
        if dice < 0.65:  # the same of somebody else, before or behind
            both = [fill(tells, whose, value), fill(tells, another, other)]
            return self._mixed(question, both if self._rng.random() < 0.6 else both[::-1], value)
        if dice < 0.75:
            return self._mixed(question, [fill(tells, another, other)], "")
        near = self._near(noun, pool, whose, other)
        if near is None:
            return None
        if dice < 0.83:
            return self._mixed(question, [near], "")
        both = [fill(tells, whose, value), near]  # another thing of the same kind of value
        return self._mixed(question, both if self._rng.random() < 0.6 else both[::-1], value)

    def _near(self, noun: str, pool: str, whose: Whose, value: str) -> str | None:
        """Another thing than the noun, with a value of the same kind; None where they are named alike."""
        near = [one for one, of in (entry.split("=") for entry in entries(tables.NOUNS)) if of == pool]
        near = [one for one in near if one not in noun and noun not in one]
        if not near:
            return None
        tell = self._pick(templates(tables.TELLS))
        return self._typed(self._fill(tell, whose, n=self._rng.choice(near), v=value, x=""))

    def _another(self, whose: Whose) -> Whose:
        while (another := self._somebody()).key == whose.key:
            pass
        return another

    def _mixed(self, question: str, told: list[str], answer: str) -> Example:
        """Now and then with a message of another matter between."""
        if self._rng.random() < 0.3:
            told.insert(self._rng.randint(0, len(told)), self._pick(templates(tables.ASIDES)))
        return Example(question, tuple(told), answer)
