"""Tells facts as notes, documents and conversations, and asks for them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from hypernet.world import phrasings as frames
from hypernet.world import phrasings_more
from hypernet.world.phrasings_things import BOOKED, BOOKINGS, OPENERS, SLOT_PROMPTS
from hypernet.world.values import Split, Values
from hypernet.world.wording import Kind, Owner, Phrase, Wordings, held_frame

_FRAMES: tuple[
    tuple[tuple[str, ...], tuple[str, ...]], ...
] = (  # what goes around sentences, and what else does in training only
    (frames.SAY_FRAMES, phrasings_more.SAY_FRAMES),
    (frames.TEXT_FRAMES, phrasings_more.TEXT_FRAMES),
    (frames.ASK_FRAMES, phrasings_more.ASK_FRAMES),
    (frames.ABOUT_FRAMES, phrasings_more.ABOUT_FRAMES),
    (frames.NOUN_FRAMES, phrasings_more.NOUN_FRAMES),
)
_MORE = 0.45  # share of sentences in the words that only training uses
_CHANGED = 0.5  # share of corrected facts that training tells in one sentence, of what was and what is
_JOINTS = (" and ", " and ", ", and ", "; ", " while ", ", but ")  # of two facts; training alone uses all
_SHARED = ("names", "pets", "places", "streets", "cars", "things", "colours", "money")  # "our" for "my" here
_NAMED = ("human", "full", "pet")  # after such a value "she" might be somebody else


@dataclass(frozen=True, slots=True)
class Fact:
    """A value of a kind for an owner; `old` is what was said first and then corrected, if anything."""

    kind: Kind
    owner: Owner
    value: str
    old: str = ""


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


class Narrator:
    """Words facts; in the held-out split half of the phrasings are ones that training never sees."""

    def __init__(self, split: Split, rng: random.Random, values: Values) -> None:
        self._unseen = 0.5 if split == "heldout" else 0.0
        self._rng = rng
        self._values = values
        self._training = split == "train"
        self._frames = {
            options: tuple(f for f in options if f != held_frame(options)) + (more if self._training else ())
            for options, more in _FRAMES
        }

    def statement(self, fact: Fact) -> str:
        """One sentence that tells the fact, framed or not."""
        return self._sentence(self._framed(self._clause(fact)[0], frames.SAY_FRAMES, 0.4))

    def small_talk(self, clause: str) -> str:
        """The clause as a sentence."""
        return self._sentence(clause)

    def question(self, kind: Kind, owner: Owner) -> str:
        """A question for the value; one in eight is typed in lower case without punctuation."""
        if self._rng.random() >= 0.45:
            text = self._direct(kind, owner)
        elif kind.noun is not None and (not kind.about.known or self._rng.random() < 0.5):
            text = self._frame(frames.NOUN_FRAMES).format(n=self._say(kind.noun, owner))
        elif kind.about.known:
            text = self._frame(frames.ABOUT_FRAMES).format(i=self._say(self._pick(kind.about, owner), owner))
        else:
            text = self._direct(kind, owner)
        if self._rng.random() < 0.12:
            return text.lower().rstrip("?.")
        return _capital(text)

    def tell(self, facts: list[Fact], style: str) -> tuple[str, Callable[[str], str]]:
        """The text of a chunk, and what happened to the case of its letters (for the answers)."""
        if style == "bookings" and self._rng.random() < 0.8:
            return self._booking_talk(facts), str
        if style == "dialogue":
            return self._dialogue(facts), str
        return self._typed(self._sentences(facts, style))

    def portrait(self, clause: str, style: str) -> str:
        """A clause that tells several things as a sentence, or as the user's turn."""
        said = self._sentence(self._framed(clause, frames.SAY_FRAMES, 0.25))
        if style not in ("dialogue", "bookings"):
            return said
        heard = (
            f"\nAssistant: {self._rng.choice(frames.ACKNOWLEDGEMENTS)}" if self._rng.random() < 0.5 else ""
        )
        return f"User: {said}{heard}"

    def _direct(self, kind: Kind, owner: Owner) -> str:
        return self._frame(frames.ASK_FRAMES).format(q=self._say(self._pick(kind.asks, owner), owner))

    def _pick(self, wordings: Wordings, owner: Owner) -> Phrase:
        if wordings.held and self._rng.random() < self._unseen:
            return self._rng.choice(wordings.held)
        more = self._training and wordings.more and self._rng.random() < _MORE
        known = wordings.more if more else wordings.known
        while (phrase := self._rng.choice(known)).only_first and not owner.first:
            pass
        return phrase

    def _frame(self, options: tuple[str, ...]) -> str:
        if self._unseen and self._rng.random() < 0.2:
            return held_frame(options)
        return self._rng.choice(self._frames[options])

    def _framed(self, clause: str, options: tuple[str, ...], share: float) -> str:
        if clause.startswith("=") or self._rng.random() >= share:
            return clause.removeprefix("=")
        return self._frame(options).format(s=clause)

    def _say(
        self, phrase: Phrase, owner: Owner, value: str = "", *, pronoun: bool = False, you: bool = False
    ) -> str:
        link = "for" if owner.type in ("key", "item") and self._rng.random() < 0.4 else "of"
        return phrase.about(owner, value, link, pronoun=pronoun, you=you)

    def _clause(self, fact: Fact, pronoun: bool = False) -> tuple[str, str]:
        """The clause ("=" in front if it is none), and the correction that follows it or ""."""
        if self._training and fact.old and fact.kind.changes and self._rng.random() < _CHANGED:
            return self._change(fact), ""
        value = fact.old or fact.value
        phrase = self._pick_for(value, fact)
        text = self._say(phrase, fact.owner, value, pronoun=pronoun)
        if self._training and fact.kind.family in _SHARED and self._rng.random() < 0.1:
            text = re.sub(r"\bmy\b", "our", text, count=1)
        mark = "" if phrase.clause else "="
        return mark + text, self._correction(fact) if fact.old else ""

    def _change(self, fact: Fact) -> str:
        phrase = self._rng.choice(fact.kind.changes)
        link = self._rng.choice(("of", "for")) if fact.owner.type in ("key", "item") else "of"
        return ("" if phrase.clause else "=") + phrase.about(fact.owner, fact.value, link, old=fact.old)

    def _pick_for(self, value: str, fact: Fact) -> Phrase:
        """A statement that does not put a lower-case value first, where it would have to change its case."""
        while (phrase := self._pick(fact.kind.says, fact.owner)).first.startswith("{v}") and value[
            0
        ].islower():
            pass
        return phrase

    def _correction(self, fact: Fact) -> str:
        document = fact.owner.type not in ("person", *BOOKINGS)
        options = frames.DOCUMENT_CORRECTIONS if document else frames.CORRECTIONS
        more = phrasings_more.DOCUMENT_CORRECTIONS if document else phrasings_more.CORRECTIONS
        frame = self._rng.choice(options + more if self._training else options)
        return frame.format(v=fact.value, old=fact.old)

    def _sentence(self, clause: str) -> str:
        return _capital(clause.removeprefix("=")) + ("!" if self._rng.random() < 0.03 else ".")

    def _sentences(self, facts: list[Fact], style: str) -> list[str]:
        """The facts as sentences, now and then two in one, with chit-chat in between."""
        noise = self._noise_places(len(facts))
        told: list[str] = []
        open_clause = ""
        for place, fact in enumerate(facts):
            if place in noise:
                told.append(self._noise(style))
            before = facts[place - 1] if place and place not in noise else None
            clause, correction = self._clause(fact, self._pronoun_fits(fact, before))
            plain = not clause.startswith("=")
            may_wait = place + 1 < len(facts) and place + 1 not in noise and plain and not correction
            if open_clause and plain:
                clause, open_clause = f"{open_clause}{self._joint()}{clause}", ""
            elif open_clause:
                told.append(self._sentence(open_clause))
                open_clause = ""
            elif may_wait and self._rng.random() < (0.3 if self._training else 0.2):
                open_clause = clause
                continue
            else:
                clause = self._dressed(clause, style, len(facts))
            told += [self._sentence(c) for c in (clause, correction) if c]
        return [*told, self._noise(style)] if len(facts) in noise else told

    def _joint(self) -> str:
        return self._rng.choice(_JOINTS) if self._training else _JOINTS[0]

    def _dressed(self, clause: str, style: str, facts: int) -> str:
        share = 0.25 if facts > 3 else 0.35
        if style in ("people", "documents", "codes"):
            return self._framed(clause, frames.TEXT_FRAMES, share / 2)
        return self._framed(clause, frames.SAY_FRAMES, share)

    def _pronoun_fits(self, fact: Fact, before: Fact | None) -> bool:
        if before is None or before.owner.key != fact.owner.key or fact.owner.pronoun is None:
            return False
        if fact.owner.type == "person" and before.kind.pool in _NAMED:
            return False
        return self._rng.random() < 0.75

    def _noise_places(self, facts: int) -> set[int]:
        if self._rng.random() >= (0.4 if facts == 1 else 0.25):
            return set()
        return {
            self._rng.randrange(facts + 1) for _ in range(self._rng.choice((1, 1, 2)) if facts < 4 else 1)
        }

    def _noise(self, style: str) -> str:
        return self._sentence(self._rng.choice(frames.TEXT_NOISE if style == "documents" else frames.NOISE))

    def _typed(self, sentences: list[str]) -> tuple[str, Callable[[str], str]]:
        """Joins sentences; one text in twenty is in lower or upper case, or lacks its last full stop."""
        text = (" " if self._rng.random() < 0.85 else "\n").join(sentences)
        shape = self._rng.random()
        if shape < 0.02:
            return text.lower(), str.lower
        if shape < 0.026:
            return text.upper(), str.upper
        return (text.rstrip("."), str) if shape < 0.05 else (text, str)

    def _dialogue(self, facts: list[Fact]) -> str:
        lines: list[str] = []
        noise = self._noise_places(len(facts))
        if self._rng.random() < 0.2:
            opening, answer = self._rng.choice(frames.OPENINGS)
            lines += [f"User: {opening}", f"Assistant: {answer}"]
        for place, fact in enumerate(facts):
            if place in noise:
                lines += [f"User: {self._noise('dialogue')}", f"Assistant: {frames.CHIT_CHAT}"]
            lines += self._asked(fact) if self._rng.random() < 0.25 else self._told(fact, len(facts))
        return "\n".join(lines)

    def _told(self, fact: Fact, facts: int) -> list[str]:
        clause, correction = self._clause(fact)
        said = self._sentence(self._framed(clause, frames.SAY_FRAMES, 0.3 if facts < 4 else 0.15))
        lines = [f"User: {said}"]
        if correction:
            lines[0] += f" {self._sentence(correction)}"
        if self._rng.random() < (0.7 if facts < 4 else 0.35):
            lines.append(f"Assistant: {self._rng.choice(frames.ACKNOWLEDGEMENTS)}")
        return lines

    def _asked(self, fact: Fact) -> list[str]:
        """The assistant asks and the user gives the bare value."""
        prompts = SLOT_PROMPTS.get(fact.kind.family)
        if prompts:
            question = self._rng.choice(prompts)
        else:
            question = _capital(self._say(self._pick(fact.kind.asks, fact.owner), fact.owner, you=True)) + "?"
        return [f"Assistant: {question}", f"User: {self._reply(fact)}"]

    def _reply(self, fact: Fact) -> str:
        last = "{v}, please." if fact.owner.type in BOOKINGS else "It's {v}."
        reply = self._rng.choice(("{v}.", "{v}.", "{v}.", "{v}", "It is {v}.", last)).format(
            v=fact.old or fact.value
        )
        return f"{reply} {self._sentence(self._correction(fact))}" if fact.old else reply

    def _announced(self, fact: Fact) -> list[str]:
        """The assistant tells what it arranged."""
        text = self._say(self._pick_for(fact.value, fact), fact.owner, fact.value, you=True)
        return [f"Assistant: {self._sentence(text.removeprefix('='))}"]

    def _booking_talk(self, facts: list[Fact]) -> str:
        """Owner by owner: the wish, then the assistant asks for slots or the user states them."""
        lines: list[str] = []
        for place, fact in enumerate(facts):
            new = not place or facts[place - 1].owner.key != fact.owner.key
            if new and fact.owner.wish:
                lines.append(f"User: {self._rng.choice(OPENERS).format(b=fact.owner.wish)}")
            if fact.owner.wish and (new or self._rng.random() < 0.75):
                lines += self._asked(fact) if fact.kind.family in SLOT_PROMPTS else self._announced(fact)
            else:
                lines += self._told(fact, len(facts))
        if self._rng.random() < 0.6 and not lines[-1].startswith("Assistant"):
            lines.append(f"Assistant: {self._rng.choice(BOOKED)}")
        return "\n".join(lines)
