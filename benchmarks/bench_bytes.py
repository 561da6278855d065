"""What a told sentence costs: on disk, in SQL, in the index, and in memory while its adapter is at hand."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, Options, Row
from memory import Memory
from memory.bootstrap import BACKENDS, assemble
from memory.records import MemoryRecord
from memory.settings import Settings

SENTENCES, QUICK_SENTENCES = 1_200, 20  # of either half; an index keeps no file of a few
_PLACES = ("Porto", "Turin", "Bergen", "Ghent", "Graz", "Lund", "Bilbao", "Tartu")
_FRIENDS = ("Ana", "Ben", "Cora", "Dan", "Eva", "Finn", "Gus", "Hal", "Ida", "Jon")
_USER = {"user_id": "ana"}


def rows(options: Options) -> Iterator[Row]:
    """Bytes of each part: what a second half of the sentences adds to the first."""
    half = QUICK_SENTENCES if options.quick else SENTENCES
    with tempfile.TemporaryDirectory(prefix="memory-bench-") as folder:
        home = Path(folder)
        settings = Settings.load(home=home, database_url=None, supersede=False)
        backends = assemble(settings, **options.parts())
        with Memory(settings, **{name: getattr(backends, name) for name in BACKENDS}) as memory:
            _tell(memory, range(half))
            before = _stored(home)
            told = _tell(memory, range(half, 2 * half))
            after = _stored(home)
            cached = [_tensors(backends, record) for record in told[:100]]
    yield {"of a sentence": "its text", "bytes": sum(len(one.text.encode()) for one in told) / half}
    yield {"of a sentence": "its adapter", "bytes": sum(one.adapter.nbytes for one in told) / half}
    for part, size in after.items():
        yield {"of a sentence": part, "bytes": (size - before[part]) / half}
    yield {"of a sentence": "of these its embedding, in either", "bytes": 4 * told[0].dim}
    yield {"of a sentence": "its adapter in memory, while cached", "bytes": sum(cached) / len(cached)}


def _tell(memory: Memory, numbers: Sequence[int]) -> list[MemoryRecord]:
    """Sentences, each told by itself and of somebody else's house; the index has them afterwards."""
    told = []
    for n in numbers:
        told += memory.add(f"{_FRIENDS[n % 10]} from house {n} lives in {_PLACES[n % 8]}.", **_USER)
    memory.search("Who lives in Porto?", **_USER)
    return told


def _stored(home: Path) -> Mapping[str, float]:
    """What the parts take on the disk, the database's log written into it; files in whole blocks."""
    with sqlite3.connect(home / "memory.db") as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    files = [path for path in (home / "blobs").rglob("*") if path.is_file()]
    index = sum(path.stat().st_size for path in (home / "index").rglob("*") if path.is_file())
    return {
        "its adapter's file, in blocks of the disk": sum(512.0 * path.stat().st_blocks for path in files),
        "the database: row, words to find it by, history": float((home / "memory.db").stat().st_size),
        "the index's file": float(index),
    }


def _tensors(backends: Any, record: MemoryRecord) -> int:
    """The size of an adapter as it is merged."""
    lora = backends.internalizer.unpack(backends.blobs.get(record.scope.tenant_id, record.adapter.digest))
    return sum(tensor.nbytes for side in (lora.A, lora.B) for tensor in side.values())


BENCH = Bench("bytes", "What a told sentence costs in bytes", rows)
