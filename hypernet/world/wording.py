"""Turns the tables of phrasings into sentences about an owner."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from hypernet.world import phrasings as frames
from hypernet.world import phrasings_more
from hypernet.world.phrasings import Row
from hypernet.world.phrasings_extra import EXTRA
from hypernet.world.phrasings_people import PEOPLE
from hypernet.world.phrasings_things import THINGS
from hypernet.world.values import listed

_OWNED = re.compile(r"<([^>]+)>")
_VERB = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")
_TO_YOU = {"am": "are", "was": "were"}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom or what a fact is about, in the forms a sentence needs.

    `key` is unique within a group, `names` are the words it brings along, `pronoun` is (subject, object,
    possessive) or None where a pronoun would not be clear.
    """

    key: str
    type: str
    subject: str
    object: str
    possessive: str = ""
    pronoun: tuple[str, str, str] | None = None
    you: str = ""
    your: str = ""
    names: tuple[str, ...] = ()
    wish: str = ""

    @property
    def first(self) -> bool:
        return self.subject == "I"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One template, as format strings: of the speaker, to the speaker, of another by 's, and by "of"."""

    first: str
    second: str
    third: str
    of: str
    clause: bool
    only_first: bool

    def about(
        self,
        owner: Owner,
        value: str,
        link: str,
        *,
        old: str = "",
        pronoun: bool = False,
        you: bool = False,
    ) -> str:
        """The sentence without capital and full stop. `link` joins thing and owner: "of" or "for"; `old` is
        the value before this one, in phrases that tell of a change."""
        his = owner.pronoun[2] if owner.pronoun else "their"
        subject, object_, possessive, form = owner.subject, owner.object, owner.possessive, self.third
        if owner.first:
            his, form = "my", self.first
        if pronoun and owner.pronoun:
            subject, object_, possessive = owner.pronoun
        elif you and owner.you:
            subject = object_ = owner.you
            possessive = owner.your
            his, form = ("your", self.second) if owner.first else (his, form)
        if not possessive:
            form = self.of
        article = f"{_article(value)} {value}"
        return form.format(S=subject, O=object_, P=possessive, H=his, v=value, a=article, f=link, old=old)


@dataclass(frozen=True, slots=True)
class Wordings:
    """Phrasings of one use: those that both splits see, the one that training does not, and those that only
    training does."""

    known: tuple[Phrase, ...]
    held: tuple[Phrase, ...]
    more: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fact, compiled: how it is told and asked, whose it can be, what its values are; `changes`
    tell in one sentence what was and what is."""

    name: str
    family: str
    owners: tuple[str, ...]
    pool: str
    says: Wordings
    asks: Wordings
    about: Wordings
    noun: Phrase | None
    changes: tuple[Phrase, ...]


def _article(value: str) -> str:
    vowel = value[:1].lower() in tuple("aeiou") and not value.lower().startswith(("uni", "us"))
    return "an" if vowel else "a"


def with_article(noun: str) -> str:
    """The noun behind its indefinite article."""
    return f"{_article(noun)} {noun}"


def _compile(template: str, member: str) -> Phrase:
    only_first = template.startswith("1:")
    clause = not template.startswith("=")
    text = template.removeprefix("1:").removeprefix("=")
    text = text.replace("a #", with_article(member)).replace("#", member)
    owned = _OWNED.sub(r"{P} \1", text)
    return Phrase(
        first=_VERB.sub(r"\1", owned),
        second=_VERB.sub(lambda m: _TO_YOU.get(m[1], m[1]), owned),
        third=_VERB.sub(r"\2", owned),
        of=_VERB.sub(r"\2", _OWNED.sub(r"the \1 {f} {S}", text)),
        clause=clause,
        only_first=only_first,
    )


def _wordings(
    templates: Iterable[str], more: Iterable[str], member: str, *, keep_all: bool = False
) -> Wordings:
    """Holds one template out where there are three or more: the one with the smallest checksum."""
    texts = tuple(dict.fromkeys(templates))
    held = (
        min((t for t in texts if not t.startswith("1:")), key=_checksum)
        if len(texts) >= 3 and not keep_all
        else ""
    )
    known = tuple(_compile(t, member) for t in texts if t != held)
    there = {_bare(t) for t in texts}
    extra = tuple(_compile(t, member) for t in dict.fromkeys(more) if _bare(t) not in there)
    return Wordings(known, (_compile(held, member),) if held else (), extra)


def _bare(template: str) -> str:
    """The template without punctuation: "{n}: {v}" and "{n} = {v}" are one."""
    return re.sub(r"[^\w{}<>\[\]|#]+", " ", template).strip()


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode())


def held_frame(options: tuple[str, ...]) -> str:
    """The frame of a list that only the held-out split uses."""
    return min(options, key=_checksum)


def _kind(row: Row, member: str, *, keep_all: bool = False) -> Kind:
    who = row.pool == "full"
    name = f"{row.family}.{listed(row.members)[0]}"
    says, asks, about = phrasings_more.ROWS.get(name, ((), (), ()))
    changes = (*phrasings_more.CHANGES.get(name, ()), *_of_noun(row, phrasings_more.NOUN_CHANGES))
    fill = _of_noun(row, frames.NOUN_SAYS)
    asks_noun = _of_noun(row, frames.WHO_ASKS if who else frames.NOUN_ASKS)
    about_noun = _of_noun(row, frames.WHO_ABOUT if who else frames.NOUN_ABOUT)
    more_says = [*says, *_of_noun(row, phrasings_more.NOUN_SAYS)]
    more_asks = [*asks, *_of_noun(row, phrasings_more.WHO_ASKS if who else phrasings_more.NOUN_ASKS)]
    more_about = [*about, *_of_noun(row, phrasings_more.WHO_ABOUT if who else phrasings_more.NOUN_ABOUT)]
    return Kind(
        name=f"{row.family}.{member}",
        family=row.family,
        owners=listed(row.owners),
        pool=row.pool,
        says=_wordings([*row.says, *fill], more_says, member, keep_all=keep_all),
        asks=_wordings([*row.asks, *asks_noun], more_asks, member, keep_all=keep_all),
        about=_wordings([*row.about, *about_noun], more_about, member, keep_all=True),
        noun=_compile(row.noun, member) if row.noun else None,
        changes=tuple(_compile(template, member) for template in changes),
    )


def _of_noun(row: Row, templates: Iterable[str]) -> list[str]:
    """The templates about a row's noun; none where it has no noun."""
    return [template.replace("{n}", row.noun) for template in templates] if row.noun else []


@cache
def extra_kinds() -> tuple[Kind, ...]:
    """Kinds for training alone, compiled once; nothing of them is held out."""
    return tuple(_kind(row, member, keep_all=True) for row in EXTRA for member in listed(row.members))


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds of facts, compiled once."""
    return tuple(_kind(row, member) for row in (*PEOPLE, *THINGS) for member in listed(row.members))
