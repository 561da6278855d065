"""Short names of published hypernetworks: which files they are, and which Text-to-LoRA goes with them.

The base model is named in the checkpoints themselves. Loads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_DOCUMENTS, _TASKS = "SakanaAI/doc-to-lora", "SakanaAI/text-to-lora"
SKILLS_FOLDERS = ("skills", "styles")  # beside a hypernetwork of our own layout


@dataclass(frozen=True)
class Published:
    """Hub ids ``owner/repo:folder`` of the networks for one base; a run's folder means its last one."""

    base: str
    hypernetwork: str
    skills: str | None


CATALOG = {
    "gemma-2-2b": Published(
        "google/gemma-2-2b-it", f"{_DOCUMENTS}:gemma_2b_d2l", f"{_TASKS}:trained_t2l/gemma_2b_t2l"
    ),
    "qwen3-4b": Published("Qwen/Qwen3-4B-Instruct-2507", f"{_DOCUMENTS}:qwen_4b_d2l", None),
    "mistral-7b": Published(
        "mistralai/Mistral-7B-Instruct-v0.2",
        f"{_DOCUMENTS}:mistral_7b_d2l",
        f"{_TASKS}:trained_t2l/mistral_7b_t2l",
    ),
}


def reference_path() -> Path:
    """The folder of the small base model and hypernetwork that come with the package."""
    return Path(__file__).parents[1] / "reference"


def hypernetwork_of(model: str) -> str | Path:
    """Where a model's hypernetwork is: "reference", a name of ``CATALOG``, or a path or hub id as it is."""
    if model == "reference":
        return reference_path()
    return CATALOG[model].hypernetwork if model in CATALOG else model


def skills_of(model: str) -> str | Path | None:
    """A model's Text-to-LoRA network: the catalog's, or the folder ``skills`` or ``styles`` in its own."""
    if model in CATALOG:
        return CATALOG[model].skills
    where = Path(hypernetwork_of(model)).expanduser()
    folder = where.parent if where.is_file() else where
    return next((folder / name for name in SKILLS_FOLDERS if (folder / name).is_dir()), None)
