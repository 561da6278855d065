"""Every function that reads a caller's text takes time linear in it, whatever the text is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from hypernet.overlap import overlap, tokens
from memory.api import strict_json
from memory.api.console.signed_in import SignedIn
from memory.backends.reader import (
    asking,
    changes,
    claims,
    keeping,
    questions,
    quoting,
    rivals,
    standing,
    values,
)
from memory.backends.reader.answer.asked import asked
from memory.backends.reader.english import EnglishReader
from memory.errors import InvalidInput
from memory.read import whole_values
from memory.records import Message, content_hash
from memory.records.inputs import messages_in, text_in
from memory.server.words import reason_of
from memory.text import cutting, dates, forms, normalise, sentences, speakers
from memory.text import values as text_values
from memory.text.passage import Passage
from memory.text.search_words import search_words
from memory.text.words import wording
from memory.write import conversation
from tests.attack.growth import FAMILIES, check_growth
from tests.tiny_memories import in_turns

BUDGET = 30
READER = EnglishReader()
MOST_BYTES = 2**24


def letters(texts: Iterable[str]) -> list[int]:
    """A tokenizer that finds a token in each four characters."""
    return [len(text) // 4 + 1 for text in texts]


def told(text: str) -> list[Passage]:
    """A conversation in which both say it, and then line by line in turns."""
    said = [Message("user", text), Message("assistant", text), Message("user", "Yes.")]
    turns = [Message("assistant" if n % 2 else "user", line) for n, line in enumerate(text.splitlines())]
    return [
        *conversation.passages(conversation.utterances(said, READER), letters, BUDGET, READER),
        *conversation.passages(conversation.utterances(turns, READER), letters, BUDGET, READER),
    ]


def answered(question: str, told: str, reply: str = "Ben") -> None:
    """What texts give for a question, and whether a reply may answer it."""
    turn = READER.read(question)
    texts = [(READER.read("My dog is called Ben. I live in Bonn."), None), (READER.read(told), None)]
    turn.value_in(texts)
    turn.accepts(reply, texts)


def signed_in(text: str) -> None:
    """A stranger's cookie."""
    cookie = text.encode()
    SignedIn().key_of({"type": "http", "headers": [(b"cookie", cookie), (b"origin", cookie)]})


READERS: dict[str, Callable[[str], object]] = {
    "forms": forms.statements,
    "search_words": search_words,
    "sentences": sentences.sentences,
    "asks": asking.asks,
    "small_talk": asking.small_talk,
    "statements": asking.statements,
    "clauses": lambda text: list(sentences.clauses(text)),
    "lines": lambda text: [line.clauses for line in in_turns(text).lines],
    "named": lambda text: speakers.named(text.split("\n")),
    "transcribed": lambda text: Passage(f"Ana: I am.\n{text}").label_at(len(text)),
    "halves": lambda text: cutting.halves(in_turns(text)),
    "split": lambda text: list(cutting.split_text(text, letters, BUDGET)),
    "unlabelled": speakers.unlabelled,
    "conversation": told,
    "questions": lambda text: questions.questions(in_turns(text)),
    "topic": rivals.topic_of,
    "read": lambda text: rivals.read_with_questions(in_turns(text)),
    "mentions": lambda text: rivals.mentions(text, rivals.words(text[:1000])),
    "reported": lambda text: quoting.reported(text, "Ana"),
    "claims": lambda text: claims.claims(in_turns(text)),
    "standing": claims.standing,
    "remaining": lambda text: claims.remaining(in_turns(text), in_turns(text[-2000:])),
    "remaining of a new one": lambda text: claims.remaining(
        in_turns("My PIN is 4.\n" + text), in_turns("My PIN is 5.")
    ),
    "tokens": tokens,
    "overlap": lambda text: overlap(text, [text, text[: len(text) // 2]]),
    "wording": wording,
    "text_in": lambda text: text.strip() and text_in(text, MOST_BYTES),
    "messages_in": lambda text: text.strip() and messages_in([{"role": "user", "content": text}], MOST_BYTES),
    "content_hash": content_hash,
    "dated": lambda text: dates.dated(text, datetime(2026, 5, 4, tzinfo=UTC)),
    "plain": normalise.plain,
    "chunks": lambda text: list(text_values.chunks(text)),
    "skipped": asking.skipped,
    "transcript": speakers.transcript,
    "first_person": speakers.first_person,
    "news": changes.news,
    "changed content": changes.content,
    "withheld": keeping.withheld,
    "forgotten": keeping.forgotten,
    "told in a question": keeping.told_in,
    "put_as": standing.put_as,
    "stands": standing.stands,
    "asked_kind": values.asked_kind,
    "whole value": lambda text: whole_values.whole(text[:120], [text], text[:2000]),
    "the reader": lambda text: READER.read(in_turns(text)).standing,
    "what is asked": asked,
    "a value for a question": lambda text: answered(f"What is my dog called {text}", "My cat is called Tom."),
    "a value of a kind": lambda text: answered(f"Where do I live, {text}?", "I live in Rome."),
    "a value in a text": lambda text: answered("What is my dog called?", f"My dog is called {text}"),
    "a reply": lambda text: answered("What is my dog called?", "My cat is called Tom.", text),
    "a cookie": signed_in,
    "a quoted cookie": lambda text: signed_in(f'memory_console="{text}"'),
    "parsed JSON": lambda text: strict_json.parsed(json.dumps({"text": text}).encode()),
    "bounds of JSON": lambda text: strict_json.Bounds().feed(json.dumps({"text": text}).encode()),
    "a job's reason": lambda text: reason_of(InvalidInput(text)),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_time_is_linear_in_a_hostile_text(name: str) -> None:
    """Over all families: long words, runs of one character, of punctuation, of small words, of clauses."""
    for family, make in FAMILIES.items():
        try:
            check_growth(READERS[name], make)
        except AssertionError as error:
            pytest.fail(f"{name} of {family}: {error}")


def test_the_measure_tells_a_quadratic_pattern() -> None:
    """The check can fail: the pattern that froze a server is found out."""
    import re

    owners = re.compile(r"(\w+)['’]s\b")
    with pytest.raises(AssertionError, match="take"):
        check_growth(owners.findall, FAMILIES["'a' again and again"])


def test_cutting_is_the_same_text() -> None:
    """What is cut out of a hostile text still stands in it, in its order."""
    for make in FAMILIES.values():
        text = make(2000)
        spans = list(sentences.clauses(text))
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_form_says_no_more_than_a_few_times_its_text() -> None:
    """A huge key, or heading, that stands before each value would fill memory."""
    key = "k" * 20_000
    values = ",".join(f'"{n}":1' for n in range(5_000))
    headed = f"# {key}\n\n" + "\n".join(f"- **Name{n}:** 1" for n in range(2_000))
    for text in (f'{{"{key}":{{{values}}}}}', headed):
        assert len(forms.statements(text)) <= 9 * len(text) + 1000
