"""What many users need: `python -m benchmarks.capacity [--markdown docs/scale.md]`.

A day of chats is drawn, with few users who talk much and many who talk little. From it comes how often an
adapter is found in a server's cache. The rest is arithmetic on measured costs.
"""

from __future__ import annotations

import argparse
import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.bench import Row
from benchmarks.tables import markdown_table, rich_table, write_between_markers

USERS = (10_000, 1_000_000, 100_000_000)
_DRAWN, _SERVERS = 20_000, 64  # users and servers of a simulation: at most; caches are smaller in proportion


@dataclass(frozen=True)
class Demand:
    """What users do."""

    memories: int = 100  # of a user, in the long run
    active: float = 0.1  # share of users who talk on a day
    sessions: float = 2.0  # of an active user, a day
    turns: int = 8  # of a session
    told: float = 0.25  # memories of a turn
    merged: float = 1.5  # adapters of a turn
    peak: float = 3.0  # times the day's mean


@dataclass(frozen=True)
class Costs:
    """Measured: docs/scale.md and docs/benchmarks.md say how."""

    row_bytes: int = 3360  # of a memory in PostgreSQL: row, indexes, history
    vector_bytes: int = 1700  # of a memory in pgvector's table
    adapter_bytes: int = 20_300  # int8, the packaged model
    index_bytes: int = 1600  # of a memory in a FAISS index in memory
    turn_cpu_ms: float = 17.0  # of a turn, without the base model's own work
    adds_a_second: float = 25.0  # single memories of one caller into one PostgreSQL
    cache_bytes: int = 1 << 30  # of adapters, of a server: memory and disk
    turns_a_second: float = 15.0  # of a server of two cores, the packaged model's work in it


def hit_rate(users: int, servers: int, demand: Demand, costs: Costs, *, sticky: bool, seed: int = 0) -> float:
    """How many of the adapters of a day's turns are in the cache of the server that is asked.

    `sticky`: all turns of a user go to one server, as they do where a balancer hashes the user.
    """
    draw = np.random.default_rng(seed)
    some, fewer = min(users, _DRAWN), min(servers, _SERVERS)
    kept = servers * costs.cache_bytes // costs.adapter_bytes  # adapters, by all servers for all users
    room = max(1, int(kept * some / users / fewer))
    caches: list[OrderedDict[tuple[int, int], None]] = [OrderedDict() for _ in range(fewer)]
    popular = 1 / np.arange(1, some + 1) ** 0.8  # how often each talks
    sessions = draw.choice(some, size=int(some * demand.active * demand.sessions), p=popular / popular.sum())
    hits = asked = 0
    for user in sessions:
        for memory in draw.zipf(1.5, size=demand.turns) % demand.memories:  # some matter again and again
            cache = caches[int(user) % fewer if sticky else int(draw.integers(fewer))]
            key = (int(user), int(memory))
            asked += 1
            hits += key in cache
            cache[key] = None
            cache.move_to_end(key)
            if len(cache) > room:
                cache.popitem(last=False)
    return hits / asked


def _servers(users: int, demand: Demand, costs: Costs) -> int:
    """Servers that the peak needs, with a third to spare and never fewer than two."""
    return max(2, math.ceil(peak_turns(users, demand) / costs.turns_a_second * 4 / 3))


def peak_turns(users: int, demand: Demand) -> float:
    """Turns a second in the busiest hour."""
    return users * demand.active * demand.sessions * demand.turns / 86_400 * demand.peak


def need(users: int, demand: Demand, costs: Costs) -> dict[str, float]:
    """Machines, bytes and requests for so many users."""
    turns = peak_turns(users, demand)
    memories = users * demand.memories
    servers = _servers(users, demand, costs)
    reads = turns * demand.merged
    hits = {sticky: hit_rate(users, servers, demand, costs, sticky=sticky) for sticky in (True, False)}
    return {
        "users": users,
        "memories": memories,
        "turns/s": turns,
        "memories told/s": turns * demand.told,
        "servers": servers,
        "PostgreSQL, by writes": max(1, math.ceil(turns * demand.told / costs.adds_a_second)),
        "rows, GB": memories * costs.row_bytes / 1e9,
        "pgvector, GB": memories * costs.vector_bytes / 1e9,
        "adapters, GB": memories * costs.adapter_bytes / 1e9,
        "adapters in a cache, %, users spread": 100 * hits[False],
        "adapters in a cache, %, users kept": 100 * hits[True],
        "store reads/s, users spread": reads * (1 - hits[False]),
        "store reads/s, users kept": reads * (1 - hits[True]),
        "from the store, Mbit/s, users kept": reads * (1 - hits[True]) * costs.adapter_bytes * 8 / 1e6,
    }


def rows(demand: Demand, costs: Costs) -> list[Row]:
    """One row a quantity, one column a number of users."""
    needs = [need(users, demand, costs) for users in USERS]
    return [
        {"what": name, **{f"{users:,} users": one[name] for users, one in zip(USERS, needs, strict=True)}}
        for name in needs[0]
        if name != "users"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    table = rows(Demand(), Costs())
    Console().print(rich_table("What many users need", table))
    if given.markdown:
        write_between_markers(given.markdown, {"capacity": markdown_table(table)})


if __name__ == "__main__":
    main()
