"""What Text-to-LoRA is trained on: descriptions with the adapters they should give, or with prompts that are
answered as described.

JSON lines, one of two forms a file (docs/training.md says what each field means):
``{"description": "...", "adapter": "folder"}``, or
``{"description": "...", "prompt": "...", "answer": "..."}``, where ``"context"`` may add a text that the
answer is remembered from, and ``"task"`` a name that several descriptions of one task share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from hypernet.lora.adapter import LoRA
from hypernet.training import json_lines
from hypernet.training.data.examples import share
from hypernet.training.json_lines import DataError, Fields


@dataclass(frozen=True)
class Given:
    """A description and the adapter that it should give."""

    description: str
    lora: LoRA


@dataclass(frozen=True, slots=True)
class Task:
    """A prompt, and how it is answered by one who does as described, and remembers ``context`` if there is
    one. Descriptions with one ``task`` mean the same; it is the description itself where it is not named."""

    description: str
    prompt: str
    answer: str
    context: str = ""
    task: str = ""

    @property
    def name(self) -> str:
        return self.task or self.description

    def to_record(self) -> Fields:
        """The line of a file that ``read_tasks`` reads."""
        return {field: value for field, value in asdict(self).items() if value}


Described = TypeVar("Described", Given, Task)


def read_adapters(path: Path) -> list[Given]:
    """Descriptions with PEFT adapter folders, named relative to the file, all written with one scaling.

    Raises FileNotFoundError, and DataError for a line that is wrong and for adapters that differ in shape.
    """
    folders: dict[Path, LoRA] = {}

    def parse(record: Fields) -> Given:
        json_lines.require_fields(record, ("description", "adapter"))
        folder = path.parent / json_lines.text(record, "adapter")
        if folder not in folders:
            folders[folder] = _adapter(folder)
        return Given(json_lines.text(record, "description"), folders[folder])

    found = json_lines.read(path, parse)
    return _alike(found, path)


def read_tasks(path: Path) -> list[Task]:
    """Descriptions with a prompt and its answer. Raises FileNotFoundError, and DataError for a wrong line."""
    needed, known = ("description", "prompt", "answer"), tuple(Task.__annotations__)

    def parse(record: Fields) -> Task:
        json_lines.require_fields(record, known)
        return Task(**{f: json_lines.text(record, f) for f in known if f in needed or f in record})

    return json_lines.read(path, parse)


def split(found: Sequence[Described], heldout: float) -> tuple[list[Described], list[Described]]:
    """What to train on, and what to judge on: a share of the descriptions, by their hash.

    With a share of 0 both are everything. Raises DataError when a side would be empty.
    """
    if heldout == 0:
        return list(found), list(found)
    trained = [one for one in found if share(one.description) >= heldout]
    judged = [one for one in found if share(one.description) < heldout]
    if not trained or not judged:
        raise DataError(
            f"of {len(found)} lines {len(trained)} are left to train on and {len(judged)} to judge on: give "
            f"more descriptions, another held-out share than {heldout:g}, or 0 to judge on what is trained on"
        )
    return trained, judged


def apart(found: Sequence[Task], unseen: float) -> tuple[list[Task], list[Task]]:
    """Tasks that are learned, and those that are only judged on: a share of their names, by their hash.

    With a share of 0 none is unseen. Raises DataError when a side would be empty.
    """
    if unseen == 0:
        return list(found), []
    learned = [one for one in found if share(one.name) >= unseen]
    strange = [one for one in found if share(one.name) < unseen]
    if not learned or not strange:
        raise DataError(
            f"of {len({one.name for one in found})} tasks none is left on one side with an unseen share of "
            f"{unseen:g}: give more tasks, or another share"
        )
    return learned, strange


def _adapter(folder: Path) -> LoRA:
    try:
        return LoRA.from_pretrained(folder)
    except FileNotFoundError as error:
        raise ValueError(f"expected a PEFT adapter folder, found none at {folder}") from error


def _alike(found: Sequence[Given], path: Path) -> list[Given]:
    """All adapters in the scaling of the first, and of the largest rank."""
    first, rank = found[0].lora, max(one.lora.rank for one in found)
    for one in found:
        if _shape(one.lora) != _shape(first):
            raise DataError(
                f"{path}: expected adapters of one shape, (layers, in, out) of each module, "
                f"found {_shape(first)} and {_shape(one.lora)}"
            )
    return [Given(one.description, one.lora.rescaled(first.scaling).padded(rank)) for one in found]


def _shape(lora: LoRA) -> dict[str, tuple[int, int, int]]:
    return {m: (lora.A[m].size(0), lora.A[m].size(2), lora.B[m].size(2)) for m in lora.modules}
