"""Is what a question needs among what is recalled as text?

What was told is stored one memory a turn, without adapters: recall as text reads embeddings and words alone.
Tokens are those of the sentence embedder's tokenizer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from benchmarks.bench import Row
from benchmarks.field.corpus import Corpus, Question, Story, Told, by_kind
from memory import Memory
from memory.backends.model.embedder import packaged_folder
from memory.fakes import EchoInternalizer
from memory.ports import Embedder
from memory.read.recalled import Recall
from memory.records import AdapterRef, MemoryRecord, Scope

KS = (5, 10, 20, 50)
_ADAPTERLESS = AdapterRef("0" * 64, 0, 0, "none", "none")


class TokenCounter(EchoInternalizer):
    """Counts the embedder's tokens, and makes no adapters."""

    def __init__(self) -> None:
        super().__init__(passage_tokens=256)
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(packaged_folder() / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, texts: Sequence[str]) -> list[int]:
        found = self._tokenizer.encode_batch([*texts], add_special_tokens=False)
        return [len(encoding.ids) for encoding in found]


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the recall for one question brought, by how many texts are looked at."""

    kind: str
    shares: dict[int, float]  # of the evidence
    tokens: dict[int, int]
    texts: int
    cpu_ms: float


class Recalls:
    """A memory of texts without adapters, and what its recalls brought."""

    def __init__(self, memory: Memory, embedder: Embedder, max_tokens: int) -> None:
        self.measured: list[Recalled] = []
        self._memory, self._embedder, self._max_tokens = memory, embedder, max_tokens
        self._told: dict[str, str] = {}  # memory id -> id of what was told

    def tell(self, story: Story) -> None:
        """Store one memory for each turn or sentence."""
        for session in dict.fromkeys(one.session for one in story.told):
            some = [one for one in story.told if one.session == session]
            records = [self._record(story, one, turn) for turn, one in enumerate(some)]
            vectors = self._embedder.embed([one.text for one in some])
            stored = self._memory._backends.store.add(records, vectors)
            self._told |= {record.id: one.id for record, one in zip(stored, some, strict=True)}

    def _record(self, story: Story, one: Told, turn: int) -> MemoryRecord:
        return MemoryRecord(
            scope=Scope(user_id=story.user, session_id=one.session),
            text=one.text,
            embedder=self._embedder.name,
            dim=self._embedder.dim,
            adapter=_ADAPTERLESS,
            role=one.role,
            first_turn=turn,
            last_turn=turn,
            valid_from=one.at,
        )

    def ask(self, user: str, question: Question) -> Recall:
        """What is recalled for a question; it is measured where something told answers it."""
        began = time.process_time()
        recalled = self._memory.recall(question.text, k=KS[-1], max_tokens=self._max_tokens, user_id=user)
        cpu_ms = 1000 * (time.process_time() - began)
        if question.evidence:
            ids = [self._told[one.memory_id] for one in recalled]
            tokens = self._memory._backends.internalizer.count([one.line for one in recalled])
            shares = {k: question.share(ids[:k]) for k in KS}
            lengths = {k: sum(tokens[:k]) for k in KS}
            self.measured.append(Recalled(question.kind, shares, lengths, len(ids), cpu_ms))
        return recalled


def rows(corpus: Corpus, measured: Sequence[Recalled]) -> list[Row]:
    """One row a kind, and one for the main kinds together; CPU time is the median."""
    return [_row(name, some) for name, some in by_kind(corpus, measured)]


def _row(name: str, some: Sequence[Recalled]) -> Row:
    return {
        "kind": name,
        "questions": len(some),
        **{f"at {k}, %": 100 * mean(one.shares[k] for one in some) for k in KS[:-1]},
        "in the budget, %": 100 * mean(one.shares[KS[-1]] for one in some),
        "texts": mean(one.texts for one in some),
        "tokens at 20": mean(one.tokens[20] for one in some),
        "tokens": mean(one.tokens[KS[-1]] for one in some),
        "CPU ms": median(one.cpu_ms for one in some),
    }
