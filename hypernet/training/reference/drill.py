"""Key-value drill: random words under random keys, asked among many, so that only binding helps.

In told facts the kind of the question alone often gives the answer away, and a model rests there. A random
key has no kind: which value belongs to it can be known only by comparing keys, token by token.
"""

from __future__ import annotations

import random
import re

from hypernet.training.reference.alignment import MemoryBatch, Spot
from hypernet.training.reference.rows import ASSISTANT, END, SPECIALS, USER, Batch, Renderer, Row
from hypernet.world.facts import UNKNOWN
from hypernet.world.values import listed

_NOUNS = listed(
    "code;PIN;number;name;address;birthday;price;colour;city;password;time;owner;seat;size;word;room"
)
_TELL = (
    "{k} is {v}.",
    "{k}: {v}.",
    "The {n} of {k} is {v}.",
    "{k}'s {n} is {v}.",
    "{k} has the {n} {v}.",
    "{v} is the {n} of {k}.",
    "Note that the {n} for {k} is {v}.",
    "By the way, {k} has {v} as {n}.",
    "User: My {n} for {k} is {v}.",
)
_ASK = (
    "{k}?",
    "What is {k}?",
    "What is the {n} of {k}?",
    "What is {k}'s {n}?",
    "Tell me {k}'s {n}.",
    "I forgot what the {n} of {k} is.",
    "Which {n} does {k} have?",
    "Do you remember the {n} for {k}?",
    "Hey, which {n} belongs to {k} again?",
)
_UNTOLD = 2  # keys asked for that no chunk tells
_SHAPES = (  # chunks per group, pairs per chunk, groups per batch
    (1, 2, 32),
    (1, 4, 24),
    (1, 6, 16),
    (2, 1, 32),
    (4, 1, 24),
    (4, 2, 12),
    (8, 1, 12),
    (16, 1, 6),
    (32, 1, 3),
)
Form = list[list[int] | str]


class KeyValueDrill:
    """Draws batches of the drill."""

    def __init__(self, renderer: Renderer) -> None:
        self.top = renderer.tokenizer.get_vocab_size()
        self.forms = [
            ([self._form(renderer, t, noun) for t in _TELL], [self._form(renderer, t, noun) for t in _ASK])
            for noun in _NOUNS
        ]
        (self.refusal,) = renderer.encode([UNKNOWN])

    def draw(self, rng: random.Random) -> MemoryBatch:
        """One batch, of one shape."""
        per_group, pairs, count = rng.choice(_SHAPES)
        chunks: list[list[int]] = []
        rows: list[Row] = []
        salient: list[set[int]] = []
        spots: list[Spot] = []
        for _ in range(count):
            keys = self._keys(rng, per_group * pairs + _UNTOLD)
            tell, ask = rng.choice(self.forms)
            told: list[tuple[list[int], list[int], Spot]] = []
            for place in range(per_group):
                ids, values = self._chunk(rng, tell, keys[place * pairs : (place + 1) * pairs])
                for key, value, start in values:
                    told.append((key, value, tuple((len(chunks), start + j) for j in range(len(value)))))
                salient.append({start + j for _, value, start in values for j in range(len(value))})
                chunks.append(ids)
            untold = [(key, self.refusal, ()) for key in keys[-_UNTOLD:]]
            for key, value, where in [*rng.sample(told, min(8, len(told))), *untold]:
                rows.append(self._row(rng, ask, key, value))
                spots += [*((spot,) for spot in where or ()), ()] if where else [()] * (len(value) + 1)
        return MemoryBatch(chunks, per_group, Batch.of(rows), salient, spots)

    def _keys(self, rng: random.Random, count: int) -> list[list[int]]:
        """Distinct keys of one to three tokens; often one shares a token with another."""
        keys: dict[tuple[int, ...], None] = {}
        while len(keys) < count:
            key = [self._token(rng) for _ in range(rng.choice((1, 2, 2, 3)))]
            if keys and rng.random() < 0.4:
                key[rng.randrange(len(key))] = rng.choice(rng.choice(list(keys)))
            keys[tuple(key)] = None
        return [list(key) for key in keys]

    @staticmethod
    def _form(renderer: Renderer, template: str, noun: str) -> Form:
        """Token ids of the template's words, with the names of its blanks between them."""
        parts = re.split(r"\{([kv])\}", f" {template.format(n=noun, k='{k}', v='{v}')}")
        return [part if i % 2 else renderer.glue(part.rstrip()) for i, part in enumerate(parts)]

    def _chunk(
        self, rng: random.Random, forms: list[Form], keys: list[list[int]]
    ) -> tuple[list[int], list[tuple[list[int], list[int], int]]]:
        """Token ids that tell a value for each key, and where each value starts."""
        ids, values = [USER], []
        for key in keys:
            value = [self._token(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
            for part in rng.choice(forms):
                if part == "v":
                    values.append((key, value, len(ids)))
                ids += {"k": key, "v": value}[part] if isinstance(part, str) else part
        return [*ids, END, ASSISTANT], values

    def _row(self, rng: random.Random, forms: list[Form], key: list[int], value: list[int]) -> Row:
        asked = [i for part in rng.choice(forms) for i in (key if isinstance(part, str) else part)]
        row = Row([], [])
        row.add([USER, *asked, END, ASSISTANT], 0.0)
        row.add([*value, END], 1.0)
        return row

    def _token(self, rng: random.Random) -> int:
        return rng.randrange(len(SPECIALS), self.top)
