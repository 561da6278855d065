"""Questions with the texts that are read for an answer, in the order in which they were told.

Three in ten of the questions have no answer in their texts: of another person, of another attribute, about
what is only denied or was so before, or with the text that would answer left out.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hypernet.reading import NO, YES, YES_OR_NO
from hypernet.world.dialogues import read_dialogues
from hypernet.world.facts import UNKNOWN, Context, FactWorld, Group
from hypernet.world.sayings import Sayings
from hypernet.world.values import Split

if TYPE_CHECKING:
    from hypernet.training.reading.rivals import Rivals

_LONG = 420  # characters of a text that is read whole; of a longer one the sentences about the answer
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(A-Z0-9])")
_WORD = re.compile(r"\w+")
_TENTH = 10
_DECIDED = {"yes": YES, "no": NO, "unknown": ""}
_MOST_CHARS = 900  # of the texts of one example


@dataclass(frozen=True, slots=True)
class Example:
    """A question, the texts that are read for it, and the answer as one of them has it; "" for none."""

    question: str
    texts: tuple[str, ...]
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was told, with questions that it answers, each with the answer, and others that it does not."""

    texts: tuple[str, ...]
    answered: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...] = ()
    decided: tuple[tuple[str, str], ...] = ()  # questions of yes or no, each with its answer; "" for neither


def read_asked(path: Path, *, heldout: bool | None = None) -> list[Asked]:
    """Lines of {"text" or "context", "qa": [{"question", "answer"}], "unknown": [question], "yes_no":
    [{"question", "answer": "yes", "no" or "unknown"}]}, all three optional.

    A text may be a list: messages in the order in which they were told. With `heldout` a tenth of the texts,
    chosen by their words, or the other nine.
    """
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8").split("\n")
    found = [_asked(json.loads(line)) for line in lines if line.strip()]
    return [one for one in found if heldout is None or _is_heldout(one.texts[0]) == heldout]


def _asked(given: dict[str, object]) -> Asked:
    told: object = given.get("text") or given.get("context")
    texts = tuple(told) if isinstance(told, list) else (str(told),)
    qa: Iterable[dict[str, str]] = given.get("qa") or ()  # type: ignore[assignment]  # of JSON
    unknown: Iterable[dict[str, str] | str] = given.get("unknown") or ()  # type: ignore[assignment]  # of JSON
    yes_no: Iterable[dict[str, str]] = given.get("yes_no") or ()  # type: ignore[assignment]  # of JSON
    answered = ((one["question"].strip(), one["answer"]) for one in qa)
    return Asked(
        texts,
        tuple(one for one in answered if one[1] and any(one[1] in text for text in texts)),
        tuple(one if isinstance(one, str) else one["question"] for one in unknown),
        tuple((one["question"], _DECIDED[one["answer"]]) for one in yes_no),
    )


def _is_heldout(text: str) -> bool:
    return sum(text.encode()) % _TENTH == 0


def of_texts(texts: Sequence[Asked], rng: random.Random) -> Iterator[Example]:
    """Endless examples of texts with questions, one question a text at a time."""
    while True:
        for one in rng.sample(texts, len(texts)):
            if one.decided and (rng.random() < 0.5 or not (one.answered or one.unknown)):
                question, answer = rng.choice(one.decided)
                yield Example(question, (YES_OR_NO, *one.texts), answer)
                continue
            unanswered = one.unknown and (not one.answered or rng.random() < 0.4)
            if unanswered:
                question, answer = rng.choice(one.unknown), ""
            elif one.answered:
                question, answer = rng.choice(one.answered)
            else:
                continue
            if len(one.texts) > 1:
                yield Example(question, one.texts, answer)
            else:
                near = _near(one.texts[0], question, answer, rng)
                yield Example(question, _told_in_parts(near, rng), answer)


def of_groups(make: Callable[[], Group], rng: random.Random) -> Iterator[Example]:
    """Endless examples of a generator's groups: texts of one teller, which do not contradict each other."""
    while True:
        group = make()
        contexts = list(group.contexts)
        for context in contexts:
            for qa in rng.sample(context.qa, min(2, len(context.qa))):
                others = [c for c in contexts if c is not context]
                chosen = rng.sample(others, rng.randint(0, min(3, len(others))))
                if rng.random() < 0.1 and chosen:
                    yield Example(qa.question, _texts(chosen))
                else:
                    kept = [c for c in contexts if c is context or c in chosen]
                    yield Example(qa.question, _texts(kept), "" if qa.answer == UNKNOWN else qa.answer)
        for qa in group.unknown[:3]:
            yield Example(qa.question, _texts(rng.sample(contexts, min(3, len(contexts)))))


def of_rivals(made: Rivals) -> Iterator[Example]:
    """Endless sets of messages that compete for a question."""
    while True:
        yield made.example()


def of_dialogues(contexts: Sequence[Context], rng: random.Random) -> Iterator[Example]:
    """Endless examples of conversations with slots."""
    while True:
        for place in rng.sample(range(len(contexts)), len(contexts)):
            context = contexts[place]
            qa = rng.choice(context.qa)
            if rng.random() < 0.25:
                other = contexts[min(len(contexts) - 1, max(0, place + rng.choice((-2, -1, 1, 2))))]
                told = {one.kind for one in other.qa}
                if qa.kind not in told and qa.answer.casefold() not in other.text.casefold():
                    yield Example(qa.question, (other.text,))
                continue
            yield Example(qa.question, (context.text,), qa.answer)


def world(split: Split, seed: int) -> Callable[[], Group]:
    """Groups of the world of facts, half of one kind."""
    made, rng = FactWorld(split, seed), random.Random(f"reading:{split}:{seed}")
    return lambda: made.group(
        rng.choice((1, 1, 2, 3)), rng.choice((1, 1, 2, 3)), same_kind=rng.random() < 0.5, unknown=1
    )


def sayings(split: Split, seed: int) -> Callable[[], Group]:
    """Groups of what one person says."""
    return Sayings(split, seed).group


def dialogues(path: Path, seed: int) -> list[Context]:
    """Windows of real conversations, those with slots."""
    return [context for context in read_dialogues(path, seed=seed) if len(context.text) < _MOST_CHARS]


def mixed(
    sources: Sequence[tuple[float, Iterator[Example]]], aside: Sequence[str], rng: random.Random
) -> Iterator[Example]:
    """Examples of all sources by their weights; a third with texts of another matter before and behind."""
    weights = [weight for weight, _ in sources]
    while True:
        example = next(rng.choices(sources, weights)[0][1])
        if rng.random() < 0.33 and aside:
            example = _among(example, aside, rng)
        if sum(map(len, example.texts)) <= _MOST_CHARS + 300:
            yield example


def _among(example: Example, aside: Sequence[str], rng: random.Random) -> Example:
    """The example with texts around its own that share no word with the question or the answer."""
    words = {w for w in _WORD.findall(f"{example.question} {example.answer}".casefold()) if len(w) > 3}
    room = _MOST_CHARS - sum(map(len, example.texts))
    decided = example.texts[:1] == (YES_OR_NO,)
    front, texts = (example.texts[:decided], list(example.texts[decided:]))
    own = set(texts)
    for text in rng.sample(aside, rng.randint(1, 4)):
        if len(text) < room and not words & set(_WORD.findall(text.casefold())):
            texts.insert(rng.choice((0, len(texts))), text)
            room -= len(text)
    if example.answer and rng.random() < 0.06 and len(texts) > len(own):
        telling = own if decided else {text for text in own if example.answer in text}
        return Example(example.question, (*front, *(text for text in texts if text not in telling)))
    return Example(example.question, (*front, *texts), example.answer)


def _texts(contexts: Sequence[Context]) -> tuple[str, ...]:
    return tuple(context.text for context in contexts)


def _near(text: str, question: str, answer: str, rng: random.Random) -> str:
    """A short text whole; of a long one a few sentences about the answer, or about the question's words."""
    if len(text) <= _LONG:
        return text
    parts = _SENTENCE.split(text)
    words = set(_WORD.findall(question.casefold()))
    shared = [len(words & set(_WORD.findall(part.casefold()))) for part in parts]
    best = [i for i, part in enumerate(parts) if answer and answer in part]
    centre = rng.choice(best) if best else max(range(len(parts)), key=lambda i: shared[i])
    start, end = centre, centre + 1
    while end - start < len(parts):
        before = start > 0 and (rng.random() < 0.5 or end == len(parts))
        length = len(parts[start - 1] if before else parts[min(end, len(parts) - 1)])
        if sum(map(len, parts[start:end])) + length > _LONG:
            break
        start, end = (start - 1, end) if before else (start, end + 1)
    return " ".join(parts[start:end])


def _told_in_parts(text: str, rng: random.Random) -> tuple[str, ...]:
    """Now and then as several messages, a sentence or two each."""
    parts = _SENTENCE.split(text)
    if len(parts) < 2 or rng.random() < 0.6:
        return (text,)
    cut = rng.randint(1, len(parts) - 1)
    return tuple(" ".join(some) for some in (parts[:cut], parts[cut:]))
