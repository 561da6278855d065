"""Synthetic facts: every question has one answer, and held-out words never reach training."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import count

import pytest

from hypernet.world import phrasings, phrasings_more
from hypernet.world.facts import STYLES, UNKNOWN, FactWorld, Group
from hypernet.world.owners import SPEAKER, Owners
from hypernet.world.phrasings import CHIT_CHAT, REMEMBERED, SMALL_TALK
from hypernet.world.portraits import HELD, INTRODUCTIONS, OF_TYPE, PETS, Portraits, split_kinds
from hypernet.world.values import Values, exempt, held_out
from hypernet.world.wording import extra_kinds, held_frame, kinds

SPLITS = ("train", "heldout")


def groups(
    split: str, *, same_kind: bool, count: int = 60, chunks: int = 2, facts: int = 3
) -> Iterator[Group]:
    world = FactWorld(split, seed=7)
    return (world.group(chunks, facts, same_kind=same_kind) for _ in range(count))


def transcript(seed: int) -> str:
    world = FactWorld("train", seed)
    drawn = [world.group(2, 3, same_kind=i % 2 == 0) for i in range(8)]
    return repr((drawn, world.chat(), world.name()))


def test_same_split_and_seed_give_the_same_facts() -> None:
    """Two worlds of one seed agree, and another seed differs."""
    assert transcript(3) == transcript(3)
    assert transcript(3) != transcript(4)


def test_facts_do_not_depend_on_the_hash_seed() -> None:
    """Processes with different string hashing generate the same text."""
    code = (
        "from hypernet.world.facts import FactWorld as W; w = W('heldout', 5);"
        "print([w.group(2, 3, same_kind=s) for s in (True, False) * 5])"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("same_kind", [True, False])
def test_every_answer_stands_in_its_text(split: str, style: str, same_kind: bool) -> None:
    """Each fact has a question whose answer is a literal part of the text."""
    world = FactWorld(split, seed=1)
    for _ in range(25):
        group = world.group(2, 3, same_kind=same_kind, style=style)
        assert [len(c.qa) for c in group.contexts] == [3, 3]
        for context in group.contexts:
            assert all(qa.answer in context.text for qa in context.qa), context


@pytest.mark.parametrize("same_kind", [True, False])
def test_answers_belong_to_the_split(same_kind: bool) -> None:
    """Values that can be split never cross from one split to the other."""
    for split in SPLITS:
        for group in groups(split, same_kind=same_kind):
            for qa in (qa for c in group.contexts for qa in c.qa):
                assert exempt(qa.answer) or held_out(qa.answer) == (split == "heldout"), qa


def test_most_kinds_of_value_are_split() -> None:
    """The exemption of small pools covers a minority of answers."""
    answers = [qa.answer for g in groups("train", same_kind=False) for c in g.contexts for qa in c.qa]
    assert sum(map(exempt, answers)) < 0.35 * len(answers)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("same_kind", [True, False])
def test_unknown_questions_were_not_told(split: str, same_kind: bool) -> None:
    """A group has at least two unknown questions, and all its questions differ."""
    for group in groups(split, same_kind=same_kind):
        told = [qa.question.casefold() for c in group.contexts for qa in c.qa]
        unknown = [qa.question.casefold() for qa in group.unknown]
        assert len(unknown) >= 2
        assert len({*told, *unknown}) == len(told) + len(unknown)
        assert {qa.answer for qa in group.unknown} == {UNKNOWN}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("shape", [(1, 2), (4, 1), (4, 6), (16, 1)])
def test_competitors_share_a_family_and_have_distinct_answers(split: str, shape: tuple[int, int]) -> None:
    """With same_kind the kind alone never tells the answers apart."""
    for group in groups(split, same_kind=True, count=25, chunks=shape[0], facts=shape[1]):
        told = [qa for c in group.contexts for qa in c.qa]
        assert len({qa.kind.split(".")[0] for qa in told}) == 1
        assert len({qa.answer.casefold() for qa in told}) == len(told) == shape[0] * shape[1]


def test_every_kind_has_phrasings_to_spare() -> None:
    """Every kind has four or more statements and questions, and holds a statement out."""
    for kind in kinds():
        assert len(kind.says.known) >= 3, kind.name
        assert len(kind.says.held) == 1, kind.name
        questions = (
            len(kind.asks.known) + len(kind.asks.held) + len(kind.about.known) + (9 if kind.noun else 0)
        )
        assert questions >= 4, kind.name
    assert sum("person" in kind.owners for kind in kinds()) >= 50


@pytest.mark.parametrize(("facts", "longest"), [(1, 60), (3, 110), (6, 160)])
def test_contexts_are_short(facts: int, longest: int) -> None:
    """A context stays within a bound that grows with its facts."""
    for group in groups("train", same_kind=False, facts=facts):
        assert all(3 <= len(c.text.split()) <= longest for c in group.contexts)


def test_chat_is_acknowledged_with_few_fixed_answers() -> None:
    """Statements, greetings and chit-chat get the acknowledgement of their sort."""
    world = FactWorld("train", seed=2)
    turns = [world.chat() for _ in range(200)]
    answers = {"chat.statement": {REMEMBERED}, "chat.noise": {CHIT_CHAT}, "chat.small talk": set(SMALL_TALK)}
    assert {t.kind for t in turns} == set(answers)
    assert all(t.answer in answers[t.kind] for t in turns)


def test_wrong_arguments_are_refused() -> None:
    """Unknown splits and styles and empty groups raise with the value quoted."""
    with pytest.raises(ValueError, match="'test'"):
        FactWorld("test", 0)  # type: ignore[arg-type]
    world = FactWorld("train", 0)
    with pytest.raises(ValueError, match="'poem'"):
        world.group(1, 1, same_kind=False, style="poem")
    with pytest.raises(ValueError, match="not 0 and 1"):
        world.group(0, 1, same_kind=False)


def test_more_phrasings_are_for_training_alone() -> None:
    """None equals a held-out one but for punctuation or "we", and the held-out world speaks none of them."""
    for kind in kinds():
        for use in (kind.says, kind.asks, kind.about):
            held = {_plain(form) for phrase in use.held for form in (phrase.first, phrase.third)}
            more = {_plain(re.sub(r"\bwe\b", "{S}", phrase.first)) for phrase in use.more}
            assert not held & (more | {_plain(phrase.third) for phrase in use.more}), kind.name
    for name in ("SAY_FRAMES", "TEXT_FRAMES", "ASK_FRAMES", "ABOUT_FRAMES", "NOUN_FRAMES"):
        assert held_frame(getattr(phrasings, name)) not in getattr(phrasings_more, name)
    marks = ("slipped my mind", "scratch that", "for the record", "happens to be", "in case it matters")
    said = dict.fromkeys(SPLITS, "")
    for split in SPLITS:
        for group in groups(split, same_kind=False, count=600):
            asked = [qa.question for qa in (*group.unknown, *(qa for c in group.contexts for qa in c.qa))]
            said[split] += " ".join([*(c.text for c in group.contexts), *asked]).lower()
    assert [mark in said["train"] for mark in marks] == [True] * len(marks)
    assert [mark in said["heldout"] for mark in marks] == [False] * len(marks)


def test_portraits_are_for_training_alone() -> None:
    """Only there somebody is named on the way ("Gerald, my vet, ..."), and no predicate is held out."""
    together = re.compile(r"\w+, my [a-z ]+, (?:is|works|lives|comes|has|drives) ")
    said = dict.fromkeys(SPLITS, "")
    for split in SPLITS:
        for group in groups(split, same_kind=False, count=400):
            said[split] += " ".join(c.text for c in group.contexts)
    assert together.search(said["train"])
    assert not together.search(said["heldout"])
    held = {_plain(p.third) for kind in kinds() for p in kind.says.held}
    for predicates in (*OF_TYPE.values(), PETS):
        for names, template in predicates:
            assert (names, template) not in HELD["person"]
            verbs = re.sub(r"\[[^|]*\|([^]]*)\]", r"\1", template)
            parts = {_plain(f"{{S}} {part}") for part in re.split(r" and | but |, ", verbs)}
            assert not parts & held, template
    for kind in (k for k in kinds() if k.family in ("names", "pets")):
        member = kind.name.split(".", 1)[1]
        said_so = {_plain(way.format(r=member, n="{v}").replace("my ", "{P} ")) for way in INTRODUCTIONS}
        assert not said_so & {_plain(p.third) for p in kind.says.held}, kind.name
        assert said_so & {_plain(p.third) for p in kind.says.known}, kind.name


def test_a_portrait_tells_all_that_can_be_asked_of_it() -> None:
    """The sentence holds every value; a sister's name is asked of the speaker, the rest by word or name."""
    rng = random.Random(5)
    relation = next(kind for kind in kinds() if kind.name == "names.sister")
    sister = Owners("train", rng, Values("train", rng)).named("sister", "Marta")
    by_name = 0
    for seed in range(60):
        values = map("value{}".format, count())
        drawn = Portraits(random.Random(seed), lambda _, v=values: next(v), lambda *_: True)
        portrait = drawn.named(relation, sister, "Marta", 4)
        assert portrait is not None
        assert all(value in portrait.clause for *_, value in portrait.told)
        assert portrait.told[0] == (relation, SPEAKER, "Marta")
        assert 1 < len(portrait.told) <= 4
        assert {owner.subject for _, owner, _ in portrait.told[1:]} <= {"my sister", "Marta"}
        by_name += any(owner.subject == "Marta" for _, owner, _ in portrait.told)
    assert 10 < by_name < 60


def test_predicates_name_kinds_that_exist() -> None:
    """A misspelt kind would never be drawn, and nobody would notice."""
    known = {(kind.name, type_) for kind in (*kinds(), *extra_kinds()) for type_ in kind.owners}
    for type_, predicates in (*OF_TYPE.items(), *HELD.items(), ("person", PETS)):
        for names, template in predicates:
            if type_ != "stay":  # nobody stays at an hour
                assert {(name, type_) for name in split_kinds(names)} <= known, template


def _plain(template: str) -> str:
    """Without punctuation, and with every value alike."""
    return re.sub(r"\W+", " ", re.sub(r"\{(?:v|a|a?\d)\}", "v", template)).strip()
