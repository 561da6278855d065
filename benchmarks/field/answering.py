"""Who answers, and from what.

===================  ==================================================================================
nothing              the question alone
weights              the adapters of the selected memories, and no text
auto                 as a memory answers by itself: weights, compared with what recalled texts plainly say;
                     text joins where more matters than is merged
recalled text        what is recalled, the most relevant first, as much as the window holds
full context         all that was told, the newest last; of a history longer than the window its end
===================  ==================================================================================

Our own model answers in all of these ways, and another one behind an OpenAI-compatible address in those that
are text. It is told to answer shortly, and to say where nothing known answers. The packaged model follows no
instructions, and reads the bare text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import Any, Protocol

import httpx

from benchmarks.bench import Row, UnusableInput
from benchmarks.field.corpus import Corpus, Question, Story, by_kind
from benchmarks.field.scoring import refuses
from memory import Memory
from memory.read.prompt import most_that_fit
from memory.read.recalled import Recall

RULES = "Answer in as few words as you can. Where nothing known answers it, say: no information."
REPLY_TOKENS = 64
_CHARACTERS_A_TOKEN = 3  # or more, of English: another server's tokens are not known here


@dataclass(frozen=True, slots=True)
class Reply:
    """What was said, and the tokens of the prompt."""

    text: str
    tokens: int


class Reader(Protocol):
    """A model that answers from text in its prompt."""

    def fits(self, context: str, question: str) -> bool:
        """Whether its window holds them, beside a reply."""

    def read(self, context: str, question: str) -> Reply:
        """The answer to a question from what stands before it; "" for nothing."""

    def lines(self, recalled: Recall) -> list[str]:
        """What was recalled, as it reads best."""


class OurModel:
    """The base model of a memory, and the memory itself: stories are told to it as its users tell them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def tell(self, story: Story) -> Iterator[None]:
        """A document at once; of conversations the messages of a session, or one text a turn, one a step."""
        add, told = self._memory.add, story.told
        if story.document:
            add(" ".join(one.text for one in told), user_id=story.user, document_id="document")
            yield
            return
        for session in dict.fromkeys(one.session for one in told):
            some = [one for one in told if one.session == session]
            if all(one.role for one in some):
                said = [one.message for one in some]
                add(said, user_id=story.user, session_id=session, valid_from=some[0].at)
                yield
                continue
            for one in some:
                add(one.text, user_id=story.user, session_id=session, valid_from=one.at)
                yield

    def recall(self, mode: Any, user: str, question: str) -> Reply:
        """The answer from weights, in a mode of memory."""
        reply = self._memory.ask(question, user_id=user, mode=mode, max_new_tokens=REPLY_TOKENS)
        return Reply(reply.text, reply.prompt_tokens)

    def lines(self, recalled: Recall) -> list[str]:
        return [one.shown or one.text for one in recalled]

    def fits(self, context: str, question: str) -> bool:
        tokens = self._memory.count_tokens(_prompt(context, question))
        return tokens + REPLY_TOKENS <= self._memory._backends.generator.window

    def read(self, context: str, question: str) -> Reply:
        said = _prompt(context, question)
        reply = self._memory.answer(
            said, user_id="nobody", mode="adapters", adapters=[], max_new_tokens=REPLY_TOKENS
        )
        return Reply(reply.text, reply.prompt_tokens)


class Upstream:
    """A model behind an OpenAI-compatible address."""

    def __init__(self, url: str, key: str, model: str, window: int | None, timeout_s: float = 300) -> None:
        """A `window` is in tokens; without one everything is sent."""
        self._url, self._model, self._window = url.rstrip("/"), model, window
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, timeout=timeout_s)

    def lines(self, recalled: Recall) -> list[str]:
        return recalled.prompt.splitlines()

    def fits(self, context: str, question: str) -> bool:
        if self._window is None:
            return True
        characters = len(RULES) + len(context) + len(question)
        return characters / _CHARACTERS_A_TOKEN + REPLY_TOKENS <= self._window

    def read(self, context: str, question: str) -> Reply:
        """Raises UnusableInput, in one line without key or address, where it does not answer."""
        body = {
            "model": self._model,
            "temperature": 0,
            "max_tokens": REPLY_TOKENS,
            "messages": _prompt("\n\n".join(filter(None, (RULES, context))), question),
        }
        try:
            reply = self._client.post(f"{self._url}/chat/completions", json=body)
            reply.raise_for_status()
            said = reply.json()
            text = said["choices"][0]["message"]["content"] or ""
        except httpx.HTTPStatusError as error:
            raise UnusableInput(f"the upstream answers with status {error.response.status_code}") from error
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            raise UnusableInput(f"the upstream gives no answer: {type(error).__name__}") from error
        return Reply(text, (said.get("usage") or {}).get("prompt_tokens") or 0)

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


def _prompt(context: str, question: str) -> list[dict[str, str]]:
    told = [{"role": "system", "content": context}] if context else []
    return [*told, {"role": "user", "content": question}]


Way = Callable[[Story, Question, Recall], Reply]
OURS, UPSTREAM = "our model", "upstream"


def ways(ours: OurModel | None, upstream: Upstream | None) -> dict[tuple[str, str], Way]:
    """(who answers, from what) -> how."""
    found: dict[tuple[str, str], Way] = {}
    if ours is not None:
        found[OURS, "nothing"] = _nothing(ours)
        found[OURS, "weights"] = lambda story, asked, _: ours.recall("adapters", story.user, asked.text)
        found[OURS, "auto"] = lambda story, asked, _: ours.recall("auto", story.user, asked.text)
        found[OURS, "recalled text"] = _recalled_text(ours)
        found[OURS, "full context"] = _full_context(ours)
    if upstream is not None:
        found[UPSTREAM, "nothing"] = _nothing(upstream)
        found[UPSTREAM, "recalled text"] = _recalled_text(upstream)
        found[UPSTREAM, "full context"] = _full_context(upstream)
    return found


def _nothing(reader: Reader) -> Way:
    return lambda _, asked, __: reader.read("", asked.text)


def _recalled_text(reader: Reader) -> Way:
    """The lines of a recall from the first on, as many as the window holds."""

    def way(_: Story, asked: Question, recalled: Recall) -> Reply:
        lines = reader.lines(recalled)
        most = most_that_fit([*map(len, lines)], lambda n: reader.fits("\n".join(lines[:n]), asked.text))
        return reader.read("\n".join(lines[:most]), asked.text)

    return way


def _full_context(reader: Reader) -> Way:
    """The lines of a story up to the last, as many as the window holds."""

    def way(story: Story, asked: Question, _: Recall) -> Reply:
        newest = transcript(story)[::-1]
        most = most_that_fit(
            [*map(len, newest)], lambda n: reader.fits("\n".join(newest[:n][::-1]), asked.text)
        )
        return reader.read("\n".join(newest[:most][::-1]), asked.text)

    return way


def transcript(story: Story) -> list[str]:
    """All that was told, a line for each turn or sentence; before each session of a conversation its date."""
    if story.document:
        return [one.text for one in story.told]
    lines, session = [], ""
    for one in story.told:
        if one.session != session:
            session = one.session
            lines.append(f"{one.at:%Y-%m-%d}:")
        lines.append(one.text)
    return lines


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, scored."""

    kind: str
    who: str
    of: str
    score: float
    refused: bool
    tokens: int
    ms: float


def answered(
    corpus: Corpus, story: Story, asked: Question, recalled: Recall, by: Mapping[tuple[str, str], Way]
) -> Iterator[Answered]:
    """One question answered in each way. Where nothing answers it, a refusal is right, and nothing else."""
    for (who, of), way in by.items():
        clock = time.process_time if who == OURS else time.perf_counter  # a busy machine matters to one
        began = clock()
        reply = way(story, asked, recalled)
        ms = 1000 * (clock() - began)
        refused = refuses(reply.text)
        score = corpus.score(reply.text, asked) if asked.answers else float(refused)
        yield Answered(asked.kind, who, of, score, refused, reply.tokens, ms)


def rows(corpus: Corpus, measured: Sequence[Answered]) -> list[Row]:
    """One row a kind and way, and one a way for the main kinds together.

    Times are medians: of our model CPU time, of another on the clock.
    """
    found = []
    for name, some in by_kind(corpus, measured):
        for who, of in dict.fromkeys((one.who, one.of) for one in some):
            found.append(_row(corpus, name, [one for one in some if (one.who, one.of) == (who, of)]))
    return found


def _row(corpus: Corpus, name: str, some: Sequence[Answered]) -> Row:
    return {
        "kind": name,
        "who answers": some[0].who,
        "from": some[0].of,
        "questions": len(some),
        f"{corpus.measure} %": 100 * mean(one.score for one in some),
        "refused %": 100 * mean(one.refused for one in some),
        "tokens": mean(one.tokens for one in some),
        "ms": median(one.ms for one in some),
    }
