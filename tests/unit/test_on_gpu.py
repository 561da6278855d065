"""Where faiss has GPUs a large shard is searched there: a stand-in for the module counts what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import faiss
import numpy as np
import pytest

from memory.backends.index import on_gpu, shard
from memory.backends.index.shard import Shard
from memory.ports import Vectors
from memory.records import Scope
from tests.tiny_memories import ANA, BEN, DIM, vectors

ANYBODY = Scope(agent_id="bot")


@dataclass
class FaissWithGpu:
    """faiss with one GPU, whose copies are made as those of the real module, in main memory."""

    copies: int = 0
    searches: list[int] = field(default_factory=list)  # how many neighbours each asked for
    gpus: int = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(faiss, name)

    def get_num_gpus(self) -> int:
        return self.gpus

    def StandardGpuResources(self) -> object:  # noqa: N802  as faiss calls it
        return object()

    def index_cpu_to_gpu(self, _: object, number: int, flat: Any) -> Any:
        assert number == 0
        self.copies += 1
        copy, searches = faiss.clone_index(flat), self.searches

        class OnGpu:
            def search(self, vector: Vectors, k: int) -> Any:  # takes no selector, as there
                searches.append(k)
                return copy.search(vector, k)

        return OnGpu()


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FaissWithGpu:
    stand_in = FaissWithGpu()
    monkeypatch.setattr(shard, "_faiss", lambda: stand_in)
    monkeypatch.setattr(on_gpu, "FROM", 50)
    return stand_in


def filled(ana: int, ben: int = 0) -> Shard:
    """A shard with so many memories of each."""
    made = Shard(DIM)
    add(made, ANA, ana)
    add(made, BEN, ben)
    return made


def add(to: Shard, scope: Scope, number: int) -> None:
    ids = [f"{scope.user_id}{len(to.ids) + n}" for n in range(number)]
    codes = np.array([to._encode(Scope(user_id=scope.user_id, agent_id="bot"))] * number, np.int32)
    to.restore(ids, codes, vectors(number, seed=len(to.ids)))


def test_a_large_shard_finds_the_same_there(gpu: FaissWithGpu) -> None:
    """For all of it, for most of it, and for the few, which it does not ask for there."""
    there = filled(60, 20)
    asked = vectors(1, seed=9)
    found = {scope: there.search(scope, asked, 5) for scope in (ANYBODY, ANA, BEN)}
    assert (gpu.copies, gpu.searches) == (1, [20, 20])
    gpu.gpus = 0
    for scope, hits in found.items():
        alone = there.search(scope, asked, 5)
        assert [one for one, _ in hits] == [one for one, _ in alone]
        assert np.allclose([score for _, score in hits], [score for _, score in alone])
    assert gpu.searches == [20, 20]


def test_a_change_is_seen_there(gpu: FaissWithGpu) -> None:
    """What was added is found, what was taken out is not: the copy is made anew, once."""
    changed = filled(60)
    asked = vectors(1, seed=9)
    changed.search(ANA, asked, 5)
    add(changed, ANA, 5)
    nearest = changed.search(ANA, vectors(1, seed=60), 1)
    assert nearest[0][0] == "ana60"
    changed._keep(np.array([one != "ana60" for one in changed.ids]))
    found = changed.search(ANA, vectors(1, seed=60), 64)
    assert "ana60" not in {one for one, _ in found}
    assert gpu.copies == 3


def test_where_too_few_are_left_it_searches_by_itself(gpu: FaissWithGpu) -> None:
    """The GPU knows no scopes: if the nearest are all somebody else's, the shard knows better."""
    crowded = filled(60)
    to = crowded._encode(Scope(user_id="ben", agent_id="bot"))
    crowded.restore(
        [f"ben{n}" for n in range(30)], np.array([to] * 30, np.int32), np.repeat(vectors(1, seed=9), 30, 0)
    )
    found = crowded.search(ANA, vectors(1, seed=9), 5)
    assert len(gpu.searches) == 1
    assert len(found) == 5
    assert all(one.startswith("ana") for one, _ in found)


def test_a_small_shard_stays_where_it_is(gpu: FaissWithGpu) -> None:
    """So does any where faiss was built without GPUs, as the package faiss-cpu is."""
    filled(40).search(ANA, vectors(1), 5)
    assert gpu.copies == 0
    assert not on_gpu.has_gpu(faiss)
