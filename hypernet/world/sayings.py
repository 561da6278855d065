"""What people say in a chat and write in notes: facts, denials, changes of mind, exact values, settings.

`facts.py` tells of a made-up world in many voices; here one person speaks, in short messages, and what is
denied, wished for or replaced must not be taken for a fact.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from hypernet.world import phrasings_sayings as tables
from hypernet.world.exact_values import ExactValues, entries
from hypernet.world.facts import QA, UNKNOWN, Context, Group
from hypernet.world.phrasings_relations import RELATIONS
from hypernet.world.values import Split, held_out

_VERB = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")
_PART = re.compile(r"(?:\[[^\]]*\]|[^|\[])+")  # a template: what stands between bars, verbs' bars aside
_SHE = frozenset(("wife", "mother", "sister", "daughter", "girlfriend", "aunt", "grandmother", "mum"))
_MESSAGES = (1, 1, 1, 1, 2, 3, 4, 6, 8)
_LISTS = 0.2  # share of messages that are lines of settings or notes


@dataclass(frozen=True, slots=True)
class Relation:
    """A verb's templates: told, asked, denied, changed; and the pool of its values."""

    name: str
    pool: str
    tells: tuple[str, ...]
    asks: tuple[str, ...]
    denials: tuple[str, ...]
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Whose:
    """Whom a fact is about, in the forms that templates need; ``verb`` picks the verb."""

    key: str
    subject: str
    possessive: str
    pronoun: str
    verb: int


_ME = Whose("i", "I", "my", "I", 1)
_THING = Whose("the", "it", "the", "it", 2)


def templates(table: str) -> tuple[str, ...]:
    """The templates of a table, each on one line."""
    return tuple(" ".join(part.split()) for part in _PART.findall(table) if part.strip())


@cache
def relations() -> tuple[Relation, ...]:
    """The relations of ``phrasings_relations.py``, read once."""
    return tuple(_relation(block) for block in RELATIONS.strip().split("\n\n"))


def _relation(block: str) -> Relation:
    head, *rest = re.split(r"\n(?=[>?!~] )", block)
    name, pool = head.split(": ")
    parts = {part[0]: templates(part[2:]) for part in rest}
    return Relation(name, pool, parts[">"], parts["?"], parts.get("!", ()), parts.get("~", ()))


class Sayings:
    """Generates messages of one person and questions about them; one split and seed give the same ones."""

    def __init__(self, split: Split, seed: int) -> None:
        self._rng = random.Random(f"sayings:{split}:{seed}")
        self._values = ExactValues(split, self._rng)
        self._heldout = split == "heldout"

    def group(self) -> Group:
        """One to eight messages that do not contradict each other, and questions none of them answers."""
        taken: set[tuple[str, str]] = set()
        made = [self._message(taken) for _ in range(self._rng.choice(_MESSAGES))]
        contexts = tuple(Context(text, tuple(q for q in qa if q.answer != UNKNOWN)) for text, qa in made)
        denied = [q for _, qa in made for q in qa if q.answer == UNKNOWN]
        other = self._fact(taken)[1]
        return Group(contexts, (*denied, QA(other.question, UNKNOWN, other.kind)))

    def _message(self, taken: set[tuple[str, str]]) -> tuple[str, list[QA]]:
        if self._rng.random() < _LISTS:
            return self._list(taken)
        facts = [self._fact(taken) for _ in range(self._rng.choice((1, 1, 1, 2, 3)))]
        said = [text if text[-1] in ".!?🙂" else f"{text}." for text, _ in facts]
        if self._rng.random() < 0.25:
            said.insert(self._rng.randrange(len(said) + 1), self._rng.choice(templates(tables.ASIDES)))
        return self._typed(self._rng.choice((" ",) * 40 + ("  ",)).join(said)), [qa for _, qa in facts]

    def _list(self, taken: set[tuple[str, str]]) -> tuple[str, list[QA]]:
        """Lines like "Door code: 8812", mostly of one form, under a heading or none."""
        form, lines, qa = self._pick(tables.LINES), [], []
        for noun, pool in self._nouns(self._rng.choice((1, 2, 3, 4, 6)), taken):
            value = self._values.draw(pool)
            snake = noun.lower().replace(" ", "_").replace("'", "")
            words = {"k": noun, "K": _capital(noun), "E": snake.upper(), "s": snake}
            lines.append(form.format(v=value, **words))
            asked = self._pick(templates(tables.ASKS_KEY)).format(**words)
            qa.append(QA(self._asked(asked), value, f"lines.{noun}"))
        return self._rng.choice(tables.HEADINGS) + "\n".join(lines), qa

    def _nouns(self, count: int, taken: set[tuple[str, str]]) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        while len(found) < count:
            noun, pool = self._rng.choice(entries(tables.NOUNS)).split("=")
            if (noun, _THING.key) not in taken:
                taken.add((noun, _THING.key))
                found.append((noun, pool))
        return found

    def _fact(self, taken: set[tuple[str, str]]) -> tuple[str, QA]:
        """A sentence and its question; the answer is UNKNOWN where the sentence denies."""
        while True:
            made = self._related(taken) if self._rng.random() < 0.42 else self._owned(taken)
            if made:
                return made

    def _related(self, taken: set[tuple[str, str]]) -> tuple[str, QA] | None:
        relation = self._rng.choice(relations())
        whose = self._whose() if any("{S}" in tell for tell in relation.tells) else _ME
        if whose is _THING or not self._take(taken, relation.name, whose):
            return None
        forms = (relation.tells, relation.denials, relation.changes)
        return self._told(forms, relation.asks, relation.pool, whose, relation.name)

    def _owned(self, taken: set[tuple[str, str]]) -> tuple[str, QA] | None:
        noun, pool = self._rng.choice(entries(tables.NOUNS)).split("=")
        whose = self._whose()
        if not self._take(taken, noun, whose):
            return None
        called = noun in tables.CALLED and self._rng.random() < 0.6
        tells, changes, asks = (
            (tables.TELLS_NAME, tables.CHANGES_NAME, tables.ASKS_NAME)
            if called
            else (tables.TELLS, tables.CHANGES, tables.ASKS)
        )
        forms = (templates(tells), templates(tables.DENIALS), templates(changes))
        return self._told(forms, templates(asks), pool, whose, noun)

    @staticmethod
    def _take(taken: set[tuple[str, str]], what: str, whose: Whose) -> bool:
        key = (what, whose.key)
        fresh = key not in taken
        taken.add(key)
        return fresh

    def _told(
        self, forms: Sequence[Sequence[str]], asks: Sequence[str], pool: str, whose: Whose, noun: str
    ) -> tuple[str, QA] | None:
        """Tells, denials or changes, filled in; None where the two values cannot be told apart."""
        tells, denials, changes = forms
        value, other = self._values.draw(pool), self._values.draw(pool)
        if value in other or other in value:
            return None
        dice, answer, chosen = self._rng.random(), value, tells
        if dice < 0.08 and denials:
            chosen, answer = denials, UNKNOWN
        elif dice < 0.34 and changes:
            chosen = changes
        text = self._fill(self._pick(chosen), whose, n=noun, v=value, x=other)
        question = self._fill(self._pick(asks), whose, n=noun, v="", x="")
        return text, QA(self._asked(question), answer, f"sayings.{noun}")

    def _pick(self, options: Sequence[str]) -> str:
        """A template; one in seven is kept for the held-out split, which uses them half of the time."""
        new = [t for t in options if held_out(t)]
        known = [t for t in options if not held_out(t)] or list(options)
        return self._rng.choice(new if new and self._heldout and self._rng.random() < 0.5 else known)

    def _whose(self) -> Whose:
        dice = self._rng.random()
        if dice < 0.64:
            return _ME
        if dice < 0.84:
            relative = self._rng.choice(entries(tables.RELATIVES))
            pronoun = "she" if relative in _SHE else "he"
            return Whose(relative, f"my {relative}", f"my {relative}'s", pronoun, 2)
        if dice < 0.95:
            name = self._values.draw("first")
            return Whose(name, name, f"{name}'s", self._rng.choice(("she", "he")), 2)
        return _THING

    @staticmethod
    def _fill(template: str, whose: Whose, **words: str) -> str:
        text = _VERB.sub(lambda match: match[whose.verb], template)
        p, s = whose.possessive, whose.subject
        loud = f"{p} {words['n']}".upper()
        text = text.format(S=_capital(s), s=s, p=p, o=p, O=_capital(p), h=whose.pronoun, U=loud, **words)
        return _capital(text) if text.startswith((p, s)) else text

    def _typed(self, text: str) -> str:
        """Now and then with typographic apostrophes, or a line break inside a sentence."""
        for old, new, share in (("'", "’", 0.06), (" is ", " is\n", 0.02)):
            if self._rng.random() < share:
                text = text.replace(old, new)
        return f"User: {text}" if self._rng.random() < 0.08 else text

    def _asked(self, question: str) -> str:
        dice = self._rng.random()
        if dice < 0.07:
            return question.upper() if dice < 0.02 else question.lower()
        return question.replace("'", "’") if dice < 0.12 else question


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
