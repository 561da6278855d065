"""Recall as text, for the prompt of any LLM.

    candidates by embedding and by words -> filters -> the best first -> what was told beside the best joins,
    the best first again -> duplicates, and what the visible messages show, left out
    -> where there is a reranker, its order and this one together
    -> at most k, and as many of them as the token budget holds
    -> what a newer one stands in the place of goes behind it -> one line each, with its date and speaker

This is not a merge: a text that matters little costs a line and no recall. So there is no threshold and no
margin, and the token budget is the limit.

    relevance  =  cosine  +  WORDS * share of the question's words, the rarer the more
                          +  SPOKEN where the one speaker says it whom the question names
                          +  THEN where it was told at the time that the question names, or soon after
                          +  BESIDE * relevance of the best passage just before or after it in its session
                          +  NEAR * relevance of the best one two turns before or after it

A question put in the words of the answer and one put in others are both found, and the answer to what was
asked in the line before. Names of speakers say who, not what (`speakers_asked`): cosine and words are those
of the question without them. docs/benchmarks.md has what each brings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from hypernet.overlap import shares, words
from memory.ports import Internalizer, Reader, Reranker
from memory.read.options import Filters
from memory.read.recalled import HEADING, Recall, Recalled
from memory.read.selection import Selector
from memory.read.speakers_asked import Asked, asked_of
from memory.read.times_asked import Period, times_asked
from memory.records import MemoryHit, MemoryRecord, Message, Scope
from memory.records import now as utc_now
from memory.text.passage import Passage
from memory.text.sentences import sentences
from memory.text.words import wording

WORDS = 0.7  # what having all of the question's words adds to a cosine
SPOKEN = 0.4
THEN = 0.2
BESIDE = 0.4  # of the best neighbour's relevance that a passage gets,
YIELDS = 0.45  # how far above a newer text an older one may be that goes behind it, where that is sure
NEAR = 0.2  # and of that of a neighbour's neighbour
_CANDIDATES = 200  # by embedding, and as many by words
_RERANKED = 50  # of the best, which a reranker reads
_BEST, _AWAY = 20, 2  # of the best, beside which so many turns away is looked for more
_EVEN = 60  # added to each rank where two orders become one (reciprocal rank fusion, Cormack 2009)


class Recaller:
    """Finds what another model should read before it answers."""

    def __init__(
        self,
        selector: Selector,
        internalizer: Internalizer,
        reader: Reader,
        reranker: Reranker | None = None,
    ) -> None:
        """Tokens are counted as the internalizer counts them."""
        self._selector = selector
        self._internalizer = internalizer
        self._reader = reader
        self._reranker = reranker

    def __call__(
        self,
        scope: Scope,
        query: str,
        *,
        k: int,
        max_tokens: int,
        before: Sequence[Message] = (),
        as_of: datetime | None = None,
        filters: Filters | None = None,
    ) -> Recall:
        """At most k texts of at most `max_tokens` tokens together, heading and dates included."""
        vector = self._selector.embed(query)
        hits = self._selector.candidates(scope, vector, _CANDIDATES, as_of, query, filters)
        passages = _passages(hits)
        asked = asked_of(query, passages)
        if asked.named:
            vector = self._selector.embed(asked.query)
            hits = self._selector.rescored(scope, hits, vector)
        times = times_asked(query, as_of or utc_now())
        ranked = _ranked(hits, passages, asked, times)
        best = [hit.said for hit, _ in ranked[:_BEST]] if as_of is None else []
        around = self._selector.beside(scope, best, _AWAY, vector, filters)
        if beside := [hit for hit in around if hit.record.id not in passages]:
            passages |= _passages(beside)
            asked = asked_of(query, passages) if asked.named else asked
            ranked = _ranked([*hits, *beside], passages, asked, times)
        found = (_recalled(hit, score, passages[hit.record.id].shown) for hit, score in ranked)
        most = k if self._reranker is None else max(k, _RERANKED)
        texts = list(islice(_unseen(found, passages, query, before), most))
        kept, tokens = self._within(self._reranked(query, texts)[:k], max_tokens)
        return Recall(self._current_first(kept, passages, query), tokens)

    def _reranked(self, query: str, texts: list[Recalled]) -> list[Recalled]:
        """In the order that the two ranks give together: a reranker sees no neighbours, dates or speakers."""
        if self._reranker is None or len(texts) < 2:
            return texts
        scores = self._reranker.relevance(query, [one.shown or one.text for one in texts])
        again = sorted(range(len(texts)), key=lambda i: -scores[i])
        worth = [1 / (_EVEN + rank) for rank in range(len(texts))]
        for rank, i in enumerate(again):
            worth[i] += 1 / (_EVEN + rank)
        return [texts[i] for i in sorted(range(len(texts)), key=lambda i: -worth[i])]

    def _within(self, texts: Sequence[Recalled], max_tokens: int) -> tuple[list[Recalled], int]:
        """As many as the budget holds, and the tokens of all that, heading included; 0 for none.

        One that is too long makes room for shorter ones after it.
        """
        if not texts:
            return [], 0
        heading, *counts = self._internalizer.count([HEADING, *(one.line for one in texts)])
        kept, together = [], heading + 1  # and the line's end
        for one, tokens in zip(texts, counts, strict=True):
            if together + tokens + 1 <= max_tokens:
                kept.append(one)
                together += tokens + 1
        return kept, together if kept else 0

    def _current_first(
        self, texts: Sequence[Recalled], passages: Mapping[str, Passage], query: str
    ) -> list[Recalled]:
        """What a newer text among them stands for, as far as the query goes, goes behind the first such one.

        Only what says one thing: of several, what is newer may have replaced one. And the newer one must
        matter about as much, the more so the less sure it is that the two speak of the same.
        """
        turn = self._reader.read(query)
        readings = {one.memory_id: self._reader.read(passages[one.memory_id]) for one in texts}
        ordered = [*texts]

        def outdates(newer: Recalled, older: Recalled) -> bool:
            if newer.said_at <= older.said_at or newer.document_id is not None:
                return False
            if newer.score < older.score - YIELDS:  # however sure it is; reading takes longer
                return False
            sure = readings[newer.memory_id].stands_for(readings[older.memory_id], turn)
            return sure > 0 and newer.score >= older.score - YIELDS * sure

        for older in texts:
            if older.document_id is None and _says_one_thing(passages[older.memory_id]):
                place = ordered.index(older)
                behind = next((i for i, one in enumerate(ordered) if outdates(one, older)), -1)
                ordered[place : max(place, behind) + 1] = [*ordered[place + 1 : behind + 1], older]
        return ordered


def _says_one_thing(passage: Passage) -> bool:
    return sum(len(sentences(line.text)) for line in passage.lines) == 1


def _passages(hits: Sequence[MemoryHit]) -> dict[str, Passage]:
    return {hit.record.id: Passage.of(hit.said) for hit in hits}


def _ranked(
    hits: Sequence[MemoryHit], passages: Mapping[str, Passage], asked: Asked, times: Sequence[Period]
) -> list[tuple[MemoryHit, float]]:
    """Each with its relevance, the best first; of equals the newer."""
    shared = shares(words(asked.query), [passages[hit.record.id].words for hit in hits])

    def relevance(hit: MemoryHit, share: float) -> float:
        then = any(time.holds(told_at(hit.said)) for time in times)
        return hit.score + WORDS * share + SPOKEN * (hit.record.id in asked.spoken) + THEN * then

    scores = _with_neighbours(hits, [*map(relevance, hits, shared)])
    order = sorted(range(len(hits)), key=lambda i: (scores[i], hits[i].said.id), reverse=True)
    return [(hits[i], scores[i]) for i in order]


def _with_neighbours(hits: Sequence[MemoryHit], scores: Sequence[float]) -> list[float]:
    """The scores, each with part of those of what was said around it in the same session."""
    sessions: dict[Scope, dict[int, float]] = {}  # turn -> the best score of what was made of it
    made_of = [(sessions.setdefault(hit.said.scope, {}), _turns(hit.said)) for hit in hits]
    for (session, turns), score in zip(made_of, scores, strict=True):
        for turn in turns:
            session[turn] = max(score, session.get(turn, score))

    def best(session: Mapping[int, float], turns: range, away: int) -> float:
        if not turns:
            return 0.0
        return max(session.get(turns[0] - away, 0.0), session.get(turns[-1] + away, 0.0))

    return [
        score + BESIDE * best(*place, 1) + NEAR * best(*place, 2)
        for place, score in zip(made_of, scores, strict=True)
    ]


def _turns(said: MemoryRecord) -> range:
    """Ordinals of the turns that a passage was made of."""
    if said.first_turn is None or said.last_turn is None or said.scope.session_id is None:
        return range(0)
    return range(said.first_turn, said.last_turn + 1)


def _recalled(hit: MemoryHit, score: float, shown: str) -> Recalled:
    said = hit.said
    return Recalled(
        memory_id=hit.record.id,
        text=said.text,
        said_at=told_at(said),
        score=score,
        speaker=said.role,
        document_id=said.document_id,
        session_id=said.scope.session_id,
        shown=shown,
    )


def told_at(record: MemoryRecord) -> datetime:
    """When what a memory says was told, or since when it holds where that was said."""
    return record.valid_from or record.created_at


def _unseen(
    texts: Iterable[Recalled], passages: Mapping[str, Passage], query: str, before: Sequence[Message]
) -> Iterator[Recalled]:
    """Without the query, what the visible messages say already, and what another text said in its words."""
    shown = " ".join(f" {' '.join(wording(message.text))} " for message in before)
    seen = {wording(query)}
    for one in texts:
        passage = passages[one.memory_id]
        words = wording(passage)
        lines = [" ".join(wording(line.text)) for line in passage.lines]
        if words not in seen and not all(f" {line} " in shown for line in lines):
            seen.add(words)
            yield one
