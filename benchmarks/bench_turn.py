"""A turn's own overhead, among 10 to 10,000 memories: embed, select, merge, apply; all but writing the reply.

The whole of `Memory.ask` is measured, through a generator that puts the merged adapter on the base model,
takes it off again, and writes nothing. Memories of all sizes take turns, so that whatever else the machine
does hits them alike. The other settings ask for the most work: the merge budget is always filled, and no
adapter is kept in memory, so each turn reads and verifies its four from disk.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench import Bench, Options, Row, milliseconds
from hypernet.lora.inject import apply
from memory import Memory
from memory.backends.blobs.folder import FileBlobStore
from memory.backends.model.local import LocalModel
from memory.bootstrap import BACKENDS, assemble
from memory.ports import Backends, BlobStore, GenerationRequest, Vectors
from memory.records import AdapterRef, ChatReply, MemoryRecord, Message, Scope
from memory.settings import Settings

SIZES, TURNS = (10, 100, 1_000, 10_000), 200
QUICK_SIZES, QUICK_TURNS = (10, 100), 5
WARM_UP = 3  # turns before the measured ones; the first builds the index
ADAPTERS = 64  # different ones, shared by the memories; a turn reads no more than four of them
USER = "ana"
STEPS = {"embed": "embed", "select": "select", "merge": "merge", "generate": "apply"}
QUESTIONS = (
    "What is my dog called?",
    "When does the bakery open on Sunday?",
    "Which hotel did I book in Lisbon, and for how many nights?",
    "What did Marta say about the garden?",
    "Do you remember the code of the front door?",
)


class Applying:
    """A generator that puts the adapter on the base model and takes it off, and writes no reply."""

    def __init__(self, model: LocalModel) -> None:
        self._model = model
        self.base_fingerprint = model.base_fingerprint
        self.window = model.window

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return self._model.count_tokens(messages)

    def stream(self, request: GenerationRequest) -> Silence:
        with apply(self._model.d2l.base_model, [request.lora]):
            return Silence()

    def close(self) -> None:
        """The model is its owner's to close."""


class Silence:
    """A reply of no tokens."""

    prompt_tokens = completion_tokens = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raise StopIteration

    def close(self) -> None:
        """There is nothing left to cancel."""


def rows(options: Options) -> Iterator[Row]:
    """One row a size: median and 95th percentile in milliseconds, and the median of each step."""
    sizes, turns = (QUICK_SIZES, QUICK_TURNS) if options.quick else (SIZES, TURNS)
    shared = options.parts()
    model = shared["generator"]
    with tempfile.TemporaryDirectory(prefix="memory-bench-") as folder:
        shared |= {"generator": Applying(model), "blobs": FileBlobStore(Path(folder) / "blobs")}
        adapters = _adapters(shared["blobs"], model)
        memories = {size: _filled(Path(folder) / str(size), size, adapters, shared) for size in sizes}
        taken = _in_turns(memories, turns)
        for memory in memories.values():
            memory.close()
    model.close()
    for size in sizes:
        yield _row(size, taken[size], taken[sizes[0]])


def _adapters(blobs: BlobStore, model: LocalModel) -> list[AdapterRef]:
    """Real adapters of short notes, in the blob store."""
    refs = []
    for lora in model.generate([f"Note {i}: the code is {i * 7919 % 10_000:04}." for i in range(ADAPTERS)]):
        data = lora.to_bytes("int8")  # as they are stored by default
        blobs.put("default", data)
        digest = hashlib.sha256(data).hexdigest()
        fits = (model.base_fingerprint, model.hypernet_fingerprint)
        refs.append(AdapterRef(digest, lora.rank, len(data), *fits))
    return refs


def _filled(home: Path, size: int, adapters: Sequence[AdapterRef], shared: Mapping[str, Any]) -> Memory:
    """A memory of one user's notes, in random directions."""
    settings = Settings.load(
        home=home,
        database_url=None,
        tenant="default",
        merge_budget=4,
        score_threshold=-1,
        score_margin=2,
        adapter_cache_mb=0,
    )
    backends = assemble(settings, **shared)
    backends.store.add(_notes(size, adapters, backends), _directions(size, backends.embedder.dim))
    return Memory(settings, **{name: getattr(backends, name) for name in BACKENDS})


def _notes(size: int, adapters: Sequence[AdapterRef], backends: Backends) -> list[MemoryRecord]:
    scope, embedder = Scope(user_id=USER), backends.embedder
    return [
        MemoryRecord(scope, f"Note {i}.", embedder.name, embedder.dim, adapters[i % len(adapters)])
        for i in range(size)
    ]


def _directions(size: int, dim: int) -> Vectors:
    drawn = np.random.default_rng(0).normal(size=(size, dim)).astype(np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def _in_turns(memories: Mapping[int, Memory], turns: int) -> Mapping[int, list[dict[str, float]]]:
    """Size -> milliseconds of each turn, in all and per step."""
    taken = defaultdict(list)
    for turn in range(-WARM_UP, turns):
        for size, memory in memories.items():
            spent = _turn(memory, QUESTIONS[turn % len(QUESTIONS)])
            if turn >= 0:
                taken[size].append(spent)
    return taken


def _turn(memory: Memory, question: str) -> dict[str, float]:
    replies: list[ChatReply] = []
    total = milliseconds(lambda: replies.append(memory.ask(question, user_id=USER, mode="adapters")))
    [reply] = replies
    if len(reply.adapters) != memory.settings.merge_budget:
        raise RuntimeError(f"{len(reply.adapters)} adapters were merged, not {memory.settings.merge_budget}")
    return {"total": total, **reply.timings}


def _row(size: int, taken: Sequence[dict[str, float]], first: Sequence[dict[str, float]]) -> Row:
    p50, p95 = (_percentile(taken, "total", percent) for percent in (50, 95))
    return {
        "memories": f"{size:,}",
        "p50 ms": p50,
        "times the first": p50 / _percentile(first, "total", 50),
        "p95 ms": p95,
        "p95, times the first": p95 / _percentile(first, "total", 95),
        **{f"{name} p50": _percentile(taken, step, 50) for step, name in STEPS.items()},
    }


def _percentile(taken: Sequence[dict[str, float]], step: str, percent: float) -> float:
    return float(np.percentile([spent[step] for spent in taken], percent))


BENCH = Bench("turn", "A turn's own overhead, as the memories of a user grow", rows)
