"""Selects the memories that are relevant to a turn.

    candidates: the nearest by the index, compacted memories by the nearest passage that they hold,
       and those that share the turn's rarest words (`MemoryStore.find_words`)
    -> rows in the scope that hold -> threshold of the cosine, margin of the relevance
    -> older ones give way to what stands for them (`Reading.stands_for`) -> pinned ones first, then by rank
    -> duplicates out
    -> the best that the merge budget holds, and no more than the hypernetwork was trained to combine:
       beyond that a merge answers worse, and then not at all

    relevance  =  cosine  +  lexical_weight * share of the turn's words (`hypernet.overlap`)
    rank  =  relevance  +  recency_weight * 2 ** (-age / 30 days)
                        +  use_weight * (1 - 2 ** (-uses / 8)) * 2 ** (-time since the last use / 30 days)

Age counts from when it was told. So newness and use decide among memories that are about equally near, and
both fade: what was neither told nor used for a month has half of either left. A pinned memory that reaches
the threshold is taken whatever its margin, before all others; one that does not reach it has nothing to do
with the turn.

The words tell apart what is about equally near, and find a name that the embedder has never seen, or one
sentence in a long passage. What they find that the embedding finds too far from the turn is not merged.

Nothing above the threshold selects nothing: then the base model answers by itself. Few adapters answer
better than many, so a memory far below the best one is left out even where the budget has room.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from hypernet.overlap import overlap
from memory.ports import Embedder, Internalizer, MemoryStore, Reader, Reading, VectorIndex, Vectors
from memory.read.explanation import Explanation, Fates
from memory.read.options import Filters
from memory.read.past import PastIndex
from memory.records import STANDALONE_KINDS, AdapterChoice, MemoryHit, MemoryRecord, Scope
from memory.records.filters import meets
from memory.text.normalise import plain
from memory.text.passage import Passage
from memory.text.search_words import search_words
from memory.text.words import wording

if TYPE_CHECKING:
    from memory.settings import Settings


HALF_LIFE_DAYS = 30.0  # of newness and of use
YIELD_MARGIN = 0.15  # how far below an older memory a newer one may be that it gives way to, at even odds
HALF_USED = 8  # uses that give half of what use can add
_SEARCHED = 32  # candidates by either way, of which a search gives the k that matter most
_NAMED = 32  # passages in which what is to be forgotten is looked for
_OWN = frozenset(("my", "our"))
_CANDIDATES_PER_PLACE = 8  # looked at for each place in the budget: for duplicates, overflow, and newer ones


@dataclass(frozen=True, slots=True)
class Selection:
    """The memories to merge, best first, and those that mattered as much but found no room."""

    chosen: tuple[MemoryHit, ...] = ()
    overflow: tuple[MemoryHit, ...] = ()
    rest: tuple[MemoryHit, ...] = ()  # other candidates, which mattered less for the turn
    former: Mapping[str, MemoryHit] = field(default_factory=dict)  # id -> what it stands in the place of
    weight_power: float = 0.0
    readings: Mapping[str, Reading] = field(default_factory=dict, compare=False)  # by id of what was found

    @property
    def choices(self) -> tuple[AdapterChoice, ...]:
        """The chosen ones as they enter the merge, each with (score / best score) ** ``weight_power``."""
        best = max((hit.score for hit in self.chosen), default=0.0)
        return tuple(
            AdapterChoice(hit.record.id, hit.score, self._weight(hit.score, best), hit.record.text)
            for hit in self.chosen
        )

    def _weight(self, score: float, best: float) -> float:
        return max(0.0, score / best) ** self.weight_power if best > 0 else 1.0


class Selector:
    """Finds memories by the embedding of a turn and by its words."""

    def __init__(
        self,
        store: MemoryStore,
        index: VectorIndex,
        settings: Settings,
        internalizer: Internalizer,
        reader: Reader,
        embedder: Embedder,
        past: PastIndex | None = None,
    ) -> None:
        self._embedder = embedder
        self._store = store
        self._index = index
        self._settings = settings
        self._past = past or PastIndex(store, index)
        self._internalizer = internalizer
        self._reader = reader

    def embed(self, turn: str) -> Vectors:
        """The embedding [1, D] of a turn, as passages are embedded."""
        return self._embedder.embed([plain(turn)])

    def search(
        self,
        scope: Scope,
        vector: Vectors,
        k: int,
        as_of: datetime | None = None,
        query: str = "",
        filters: Filters | None = None,
    ) -> list[MemoryHit]:
        """The k memories of the scope that matter most for a query, skills apart; vector is [D] or [1, D].

        With `as_of`, passages that held then; with `filters`, what has these items in its metadata.
        """
        if not self._settings.lexical_weight:
            query = ""
        hits = self.candidates(scope, vector, max(k, _SEARCHED) if query else k, as_of, query, filters)
        shares = _shares(hits, _passages(hits), query)
        weight = self._settings.lexical_weight
        hits.sort(key=lambda hit: hit.score + weight * shares[hit.record.id], reverse=True)
        return hits[:k]

    def candidates(
        self,
        scope: Scope,
        vector: Vectors,
        k: int,
        as_of: datetime | None = None,
        query: str = "",
        filters: Filters | None = None,
    ) -> list[MemoryHit]:
        """The k nearest memories, nearest first, and then those that share the rarest words of the query."""
        near = self._near(scope, vector, k, as_of, filters or {})
        found = self._store.find_words(scope, search_words(query), k, as_of=as_of) if query else []
        known = {hit.record.id for hit in near}
        ids = [memory_id for memory_id, _ in found if memory_id not in known]
        records = self._store.get_many(scope, ids, as_of=as_of) if ids else []
        return near + self._worded(scope, vector, query, [r for r in records if _has(r, filters or {})])

    def _near(
        self, scope: Scope, vector: Vectors, k: int, as_of: datetime | None, filters: Filters
    ) -> list[MemoryHit]:
        wanted = k
        while True:
            found = self._nearest(scope, vector, wanted, as_of)
            hits = [hit for hit in found if _has(hit.record, filters)]
            if len(hits) >= k or len(found) < wanted:
                return hits[:k]
            wanted *= 4  # others took the places; look further

    def _nearest(self, scope: Scope, vector: Vectors, k: int, as_of: datetime | None) -> list[MemoryHit]:
        if as_of is not None:
            return self._past.search(scope, vector, k, as_of, self._embedder.name)
        inside = self._past.holders(scope, vector, k, self._store.now(), self._embedder.name)
        wanted = k
        while True:
            found = self._index.search(scope, vector, wanted)
            scores = dict(found)
            scores |= {i: max(score, scores.get(i, score)) for i, (score, _) in inside.items()}
            nearest = sorted(scores, key=lambda memory_id: -scores[memory_id])
            records = [r for r in self._store.get_many(scope, nearest) if r.kind != "skill"]
            if len(records) >= k or len(found) < wanted:
                passages = {memory_id: passage for memory_id, (_, passage) in inside.items()}
                return [MemoryHit(r, scores[r.id], passages.get(r.id)) for r in records[:k]]
            wanted *= 4  # expired ones, or skills, took the places; look further

    def _worded(
        self, scope: Scope, vector: Vectors, query: str, records: Sequence[MemoryRecord]
    ) -> list[MemoryHit]:
        """Hits of what was found by its words, a compacted memory by the passage that has most of them."""
        compacted = [record.id for record in records if record.compacted]
        held = self._store.retired(scope, held_by=compacted) if compacted else []
        shares = dict(zip([p.id for p in held], overlap(query, [p.text for p in held]), strict=True))
        best: dict[str | None, MemoryRecord] = {}
        for passage in held:
            if passage.valid_until is None:
                before = best.get(passage.held_by, passage)
                best[passage.held_by] = max(before, passage, key=lambda p: shares[p.id])
        said = {record.id: best.get(record.id, record) for record in records}
        vectors = self._store.embeddings(scope, [one.id for one in said.values()]) if said else {}
        asked = np.atleast_2d(vector)[0]
        return [
            MemoryHit(record, float(vectors[one.id] @ asked), None if one is record else one)
            for record in records
            if (one := said[record.id]).id in vectors
        ]

    def beside(
        self, scope: Scope, told: Sequence[MemoryRecord], away: int, vector: Vectors, filters: Filters | None
    ) -> list[MemoryHit]:
        """What was told in the same sessions at most so many turns from these, compacted memories apart."""
        found = self._store.beside(scope, told, away)
        there = [record for record in found if not record.compacted and _has(record, filters or {})]
        return self.rescored(scope, [MemoryHit(record, 0.0) for record in there], vector) if there else []

    def rescored(self, scope: Scope, hits: Sequence[MemoryHit], vector: Vectors) -> list[MemoryHit]:
        """The same hits with their cosines to another query; what has lost its vector keeps the old one."""
        vectors = self._store.embeddings(scope, [hit.said.id for hit in hits])
        asked = np.atleast_2d(vector)[0]
        return [
            MemoryHit(hit.record, float(vectors[hit.said.id] @ asked), hit.passage)
            if hit.said.id in vectors
            else hit
            for hit in hits
        ]

    def about(self, scope: Scope, named: str) -> list[str]:
        """Ids of the passages that somebody told with all the words that name a thing: "my old PIN"."""
        wanted = set(plain(named).casefold().split()) - _OWN
        hits = self.search(scope, self.embed(named), _NAMED)
        told = [hit.said for hit in hits if hit.said.kind in ("message", "session")]
        return [r.id for r in told if wanted <= set(re.findall(r"[\w'-]+", plain(r.text).casefold()))]

    def select(
        self,
        scope: Scope,
        vector: Vectors,
        as_of: datetime | None = None,
        turn: str = "",
        filters: Filters | None = None,
        shown: MemoryHit | None = None,
    ) -> Selection:
        """The memories to merge for a turn with this embedding; by what the turn says old ones give way.

        A picture that is `shown` is a candidate, and stands for all that are remembered.
        """
        k = _CANDIDATES_PER_PLACE * self._settings.merge_budget
        query = turn if self._settings.lexical_weight else ""
        hits = self.candidates(scope, vector, k, as_of, query, filters)
        if shown is not None:
            others = [hit for hit in hits if hit.record.kind != "image"]
            hits = sorted([shown, *others], key=lambda hit: -hit.score)
        if not hits:
            return Selection()
        budget = min(self._settings.merge_budget, self._internalizer.most_merged)
        return choose(hits, self._settings, as_of or self._store.now(), budget, turn, self._reader)

    def explain(
        self,
        scope: Scope,
        vector: Vectors,
        as_of: datetime | None = None,
        turn: str = "",
        filters: Filters | None = None,
    ) -> Explanation:
        """The same choice as `select` makes, with what became of each candidate."""
        settings = self._settings
        k = _CANDIDATES_PER_PLACE * settings.merge_budget
        hits = self.candidates(scope, vector, k, as_of, turn if settings.lexical_weight else "", filters)
        budget = min(settings.merge_budget, self._internalizer.most_merged) if hits else 0
        fates = Fates()
        selected = choose(hits, settings, as_of or self._store.now(), budget, turn, self._reader, fates)
        shares = _shares(hits, _passages(hits), turn)
        candidates = fates.explain(hits, shares, settings.lexical_weight, selected.choices)
        return Explanation(candidates, selected.choices, settings.score_threshold, settings.score_margin)


def choose(
    hits: Sequence[MemoryHit],
    settings: Settings,
    at: datetime,
    budget: int | None = None,
    turn: str = "",
    reader: Reader | None = None,
    fates: Fates | None = None,
) -> Selection:
    """Pick from candidates, nearest first; at most `budget`, which is by default that of the settings.

    With the `turn` that they are picked for and a reader, older ones give way to newer ones. What becomes of
    each candidate is noted in `fates`.
    """
    if not hits:
        return Selection()
    fates = Fates() if fates is None else fates
    near = [hit for hit in hits if hit.score >= settings.score_threshold]
    fates.leave(hits, near, "too far")
    said = _passages(hits)
    asked = reader.read(turn) if turn and reader is not None else None
    readings = {key: reader.read(passage) for key, passage in said.items()} if reader is not None else {}
    if asked is not None:
        answering = _answering(near, asked, readings)
        fates.leave(near, answering, "no answer")
        near = answering
    shares = _shares(near, said, turn)

    def relevance(hit: MemoryHit) -> float:
        return hit.score + settings.lexical_weight * shares.get(hit.record.id, 0.0)

    least = max(map(relevance, near), default=0.0) - settings.score_margin
    within = [hit for hit in near if hit.record.pinned or relevance(hit) >= least]
    fates.leave(near, within, "beyond margin")
    near = within
    former: dict[str, MemoryHit] = {}
    if asked is not None and settings.supersede:
        newest, former = _newest(near, hits, asked, readings, settings.score_threshold, fates)
        near = _answering(newest, asked, readings)
        fates.leave(newest, near, "no answer")
    ranked = sorted(near, key=lambda hit: _rank(hit, relevance(hit), settings, at), reverse=True)
    distinct = tuple(_distinct(ranked))
    fates.leave(ranked, distinct, "said twice")
    budget = settings.merge_budget if budget is None else budget
    taken = {hit.record.id for hit in (*distinct, *former.values())}
    rest = tuple(hit for hit in hits if hit.record.id not in taken)
    return Selection(distinct[:budget], distinct[budget:], rest, former, settings.weight_power, readings)


def _has(record: MemoryRecord, filters: Filters) -> bool:
    return meets(record.metadata, filters)


def _passages(hits: Sequence[MemoryHit]) -> dict[str, Passage]:
    """Id of what was found -> what it says, read once for all that is asked about it."""
    return {hit.said.id: Passage.of(hit.said) for hit in hits}


def _shares(hits: Sequence[MemoryHit], said: Mapping[str, Passage], turn: str) -> dict[str, float]:
    """Id -> how much of the turn's words the passage that was found has."""
    texts = [said[hit.said.id].bare for hit in hits]
    return {hit.record.id: share for hit, share in zip(hits, overlap(turn, texts), strict=True)}


def _rank(hit: MemoryHit, relevance: float, settings: Settings, at: datetime) -> tuple[bool, float, datetime]:
    """Pinned or not, and the rank; of equals the newer goes first."""
    record = hit.record
    rank = relevance + settings.recency_weight * _faded(record.created_at, at)
    if record.used_at is not None:
        used = 1.0 - 2.0 ** (-record.uses / HALF_USED)
        rank += settings.use_weight * used * _faded(record.used_at, at)
    return record.pinned, rank, record.created_at


def _answering(hits: Sequence[MemoryHit], turn: Reading, readings: Mapping[str, Reading]) -> list[MemoryHit]:
    """Without those that state nothing for this turn: what is denied, supposed, wished or quoted."""
    return [hit for hit in hits if readings[hit.said.id].answers(turn)]


def _newest(
    near: Sequence[MemoryHit],
    hits: Sequence[MemoryHit],
    turn: Reading,
    readings: Mapping[str, Reading],
    least: float,
    fates: Fates,
) -> tuple[list[MemoryHit], dict[str, MemoryHit]]:
    """Each of the near ones, or in its place the newest that it gives way to, which then counts as near.

    And by the id of such a newest one, what it stands in the place of.
    """
    found: dict[str, MemoryHit] = {}
    former: dict[str, MemoryHit] = {}
    compared = [(other, told_at(other)) for other in hits if _yields(other)]
    for hit in near:
        stands, told = hit, told_at(hit)
        for other, later in compared if _yields(hit) and not hit.record.pinned else ():
            if (
                later > told
                and (sure := readings[other.said.id].stands_for(readings[hit.said.id], turn))
                and (sure == 1 or other.score >= max(least, hit.score - YIELD_MARGIN * sure / (1 - sure)))
            ):
                stands, told = replace(other, score=max(other.score, hit.score)), later
        if stands is not hit:
            fates.give_way(hit.record.id, stands.record.id)
            former.setdefault(stands.record.id, hit)
        before = found.get(stands.record.id)
        if before is None or before.score < stands.score:
            found[stands.record.id] = stands
    return list(found.values()), former


def told_at(hit: MemoryHit) -> datetime:
    """When what a memory says was told: at first, or by an update."""
    said = hit.said
    return max(said.created_at, said.valid_from or said.created_at)


def _yields(hit: MemoryHit) -> bool:
    """Whether a memory is compared at all: one passage of what somebody told, not of a document."""
    whole = hit.record.compacted and hit.passage is None
    return not whole and hit.record.kind not in STANDALONE_KINDS


def _faded(since: datetime, at: datetime) -> float:
    """1 now, half of it after each half-life."""
    days = max(0.0, (at - since).total_seconds() / 86_400)
    return 2.0 ** (-days / HALF_LIFE_DAYS)


def _distinct(hits: Sequence[MemoryHit]) -> Iterator[MemoryHit]:
    """Without those that say the same in the same words.

    Words are compared and not embeddings, where "My PIN is 4821." and "My PIN is 4822." are 0.95 alike.
    """
    seen = set()
    for hit in hits:
        said = wording(Passage.of(hit.record))
        if said not in seen:
            seen.add(said)
            yield hit
