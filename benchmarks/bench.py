"""What a benchmark is: a name, a title, and rows measured one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memory.ports import Embedder

Row = Mapping[str, str | float | None]
"""Column -> value, in the order of the columns, which all rows of a benchmark have alike."""


class UnusableInput(Exception):
    """A file that was given cannot be measured with; says why in one line."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is told."""

    model: str = "reference"  # as the setting `model`
    prose: Path | None = None  # text as in WikiText, for needles to stand in
    quick: bool = False  # few and small measurements on an untrained model: to see that it runs

    def parts(self) -> dict[str, Any]:
        """Embedder and model for `memory.Memory`, to be shared by all memories of a benchmark."""
        from memory.backends.model.local import LocalModel

        embedder = _embedder(self.quick)
        model = LocalModel(lambda: _doc_to_lora(self))
        return {"embedder": embedder, "internalizer": model, "generator": model}


@dataclass(frozen=True, slots=True)
class Bench:
    """A benchmark. Times in its rows are milliseconds, memory is MiB."""

    name: str
    title: str
    rows: Callable[[Options], Iterator[Row]]


def milliseconds(run: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - began)


def _embedder(quick: bool) -> Embedder:
    from memory.backends.model.embedder import MiniLMEmbedder
    from memory.fakes import WordEmbedder

    return WordEmbedder() if quick else MiniLMEmbedder()


def _doc_to_lora(options: Options) -> Any:
    from hypernet import DocToLoRA, reference_path

    if options.quick:
        return untrained()
    return DocToLoRA.from_pretrained(reference_path() if options.model == "reference" else options.model)


def untrained() -> Any:
    """A pair of the reference model's sizes, with random weights and a tokenizer that knows letters only.

    The weights are the same each time: some draws make adapters so large that rounding moves the answers.
    """
    import torch

    from hypernet import DocToLoRA
    from hypernet.networks.hypernetwork import build
    from hypernet.training.reference.reference import (
        build_base,
        hypernet_config,
        train_tokenizer,
        wrap_tokenizer,
    )

    tokenizer = wrap_tokenizer(train_tokenizer([]))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        base = build_base(len(tokenizer)).eval().requires_grad_(False)
        hypernetwork = build(hypernet_config(base)).eval().requires_grad_(False)
    return DocToLoRA(hypernetwork, base, tokenizer)
