"""Key-value drill: random words under random keys, asked among many, so that only binding helps.

In told facts the kind of the question alone often gives the answer away, and a model rests there. A random
key has no kind: which value belongs to it can be known only by comparing keys, token by token.
"""

from __future__ import annotations

import random

from hypernet.training.alignment import Spot
from hypernet.training.facts import UNKNOWN
from hypernet.training.rows import ASSISTANT, END, SPECIALS, USER, Renderer, Row

_TELL = (("", " is", "."), (" The word for", " is", "."), (" Note that", " has", "."), ("", ":", "."))
_ASK = ((" What is", "?"), ("", "?"), (" Tell me", "."), (" What is the word for", "?"))
_SHAPES = (  # chunks per group, pairs per chunk, groups per batch
    (1, 2, 32),
    (1, 4, 24),
    (1, 6, 16),
    (2, 1, 32),
    (4, 1, 24),
    (4, 2, 12),
    (8, 1, 12),
    (16, 1, 6),
)
Drill = tuple[list[list[int]], int, list[Row], list[set[int]], list[Spot]]


class KeyValueDrill:
    """Draws batches of the drill: chunks, chunks per group, rows, salient positions and spots."""

    def __init__(self, renderer: Renderer) -> None:
        self.top = renderer.tokenizer.get_vocab_size()
        self.tell = [[renderer.glue(part) for part in parts] for parts in _TELL]
        self.ask = [[renderer.glue(part) for part in parts] for parts in _ASK]
        (self.refusal,) = renderer.encode([UNKNOWN])

    def draw(self, rng: random.Random) -> Drill:
        """One batch, of one shape."""
        per_group, pairs, count = rng.choice(_SHAPES)
        chunks: list[list[int]] = []
        rows: list[Row] = []
        salient: list[set[int]] = []
        spots: list[Spot] = []
        for _ in range(count):
            keys = self._keys(rng, per_group * pairs + 1)
            told: list[tuple[list[int], list[int], Spot]] = []
            for place in range(per_group):
                ids, values = self._chunk(rng, keys[place * pairs : (place + 1) * pairs])
                for key, value, start in values:
                    told.append((key, value, tuple((len(chunks), start + j) for j in range(len(value)))))
                salient.append({start + j for _, value, start in values for j in range(len(value))})
                chunks.append(ids)
            for key, value, where in [*rng.sample(told, min(8, len(told))), (keys[-1], self.refusal, ())]:
                rows.append(self._row(rng, key, value))
                spots += [*((spot,) for spot in where or ()), ()] if where else [()] * (len(value) + 1)
        return chunks, per_group, rows, salient, spots

    def _keys(self, rng: random.Random, count: int) -> list[list[int]]:
        """Distinct keys of one to three tokens; often one shares a token with another."""
        keys: dict[tuple[int, ...], None] = {}
        while len(keys) < count:
            key = [self._token(rng) for _ in range(rng.choice((1, 2, 2, 3)))]
            if keys and rng.random() < 0.4:
                key[rng.randrange(len(key))] = rng.choice(rng.choice(list(keys)))
            keys[tuple(key)] = None
        return [list(key) for key in keys]

    def _chunk(
        self, rng: random.Random, keys: list[list[int]]
    ) -> tuple[list[int], list[tuple[list[int], list[int], int]]]:
        """Token ids that tell a value for each key, and where each value starts."""
        ids, values = [USER], []
        before, link, after = rng.choice(self.tell)
        for key in keys:
            value = [self._token(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
            ids += [*before, *key, *link]
            values.append((key, value, len(ids)))
            ids += [*value, *after]
        return [*ids, END, ASSISTANT], values

    def _row(self, rng: random.Random, key: list[int], value: list[int]) -> Row:
        before, after = rng.choice(self.ask)
        row = Row([], [])
        row.add([USER, *before, *key, *after, END, ASSISTANT], 0.0)
        row.add([*value, END], 1.0)
        return row

    def _token(self, rng: random.Random) -> int:
        return rng.randrange(len(SPECIALS), self.top)
