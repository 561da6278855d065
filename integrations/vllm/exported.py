"""Adapters in a folder that vLLM reads, each there for as long as a turn uses it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from hypernet.lora.adapter import LoRA
from hypernet.lora.vllm_export import vllm_rank
from integrations.vllm.naming import PREFIX
from memory.errors import IncompatibleAdapter


@dataclass(slots=True)
class _Use:
    """Of one adapter: how many turns want it, and whether it is there."""

    wanted: int = 0
    there: bool = False
    lock: Lock = field(default_factory=Lock)  # held while it is written or taken away


class ExportedAdapters:
    """Writes each adapter once, however many turns use it at the same time. Safe to share between threads."""

    def __init__(self, folder: Path, base_model: str, max_rank: int, unload: Callable[[str], None]) -> None:
        """`unload` makes vLLM let go of a name; what it raises does not keep the files."""
        self._folder = folder
        self._base_model = base_model
        self._max_rank = max_rank
        self._unload = unload
        self._uses: dict[str, _Use] = {}
        self._lock = Lock()

    @contextmanager
    def using(self, owner: str, lora: LoRA) -> Iterator[str]:
        """The name under which vLLM finds an adapter. Raises IncompatibleAdapter for one too large."""
        if lora.rank > self._max_rank:
            raise IncompatibleAdapter(
                f"the turn's adapters have rank {lora.rank} together, vLLM takes {self._max_rank}; "
                "merge fewer (MEMORY_MERGE_BUDGET), or start it with a larger --max-lora-rank"
            )
        name = adapter_name(owner, lora)
        with self._lock:
            use = self._uses.setdefault(name, _Use())
            use.wanted += 1
        try:
            with use.lock:
                if not use.there:
                    self._write(name, lora)
                    use.there = True
            yield name
        finally:
            self._leave(name, use)

    def _leave(self, name: str, use: _Use) -> None:
        with self._lock:
            use.wanted -= 1
        with use.lock:
            if use.wanted:  # somebody else wants it, or came meanwhile
                return
            try:
                if use.there:
                    self._unload(name)
            finally:
                shutil.rmtree(self._folder / name, ignore_errors=True)
                use.there = False
                with self._lock:
                    if not use.wanted:
                        self._uses.pop(name, None)

    def _write(self, name: str, lora: LoRA) -> None:
        """Under another name first: whoever finds the folder finds all of it."""
        begun = self._folder / f".{name}"
        shutil.rmtree(begun, ignore_errors=True)
        lora.padded(vllm_rank(lora.rank)).save_pretrained(begun, base_model_name=self._base_model)
        shutil.rmtree(self._folder / name, ignore_errors=True)
        begun.rename(self._folder / name)


def adapter_name(owner: str, lora: LoRA) -> str:
    """A name for this adapter of this owner alone, which tells nothing of either."""
    digest = hashlib.sha256(owner.encode() + b"\0" + lora.to_bytes()).hexdigest()
    return PREFIX + digest[:40]
