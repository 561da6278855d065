"""Settings, from `MEMORY_...` variables or keywords. The descriptions are the documentation."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hypernet.overlap import WEIGHT
from memory.errors import InvalidSettings


def default_home() -> Path:
    """The user's data folder for this package, as the platform has it; never a temporary one."""
    return user_data_path("parametric-memory")


def login_name() -> str:
    """The name the user is logged in by; "me" where the system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # as in a container with a user id that nobody has named
        return "me"


class Settings(BaseSettings):
    """All that can be set. Keywords win over `MEMORY_...` variables, and these over the defaults."""

    model_config = SettingsConfigDict(env_prefix="MEMORY_", frozen=True, extra="forbid", allow_inf_nan=False)

    home: Path = Field(
        default_factory=default_home, description="Folder of the database, adapters and index."
    )
    blob_folder: Path | None = Field(
        None,
        description="Folder of the adapter files; unset, `blobs` in home. Servers of one database share it.",
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the database; unset, it is SQLite in the file memory.db in home.",
    )
    model: str = Field(
        "reference",
        min_length=1,
        description='Hypernetwork with its base model: "reference" (shipped), "gemma-2-2b", "qwen3-4b", '
        '"mistral-7b" (published), a file, folder or hub id.',
    )
    skills_model: str = Field(
        "auto",
        min_length=1,
        description='Text-to-LoRA network that makes skills: "auto" (the one that goes with the model), '
        "a folder or hub id.",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description='Where the models run: "auto", "cpu", "cuda" or "cuda:N".',
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description='Numbers the models compute in: "auto" (bfloat16 on CUDA), "float32", "bfloat16".'
    )
    embedder: str = Field(
        "all-MiniLM-L6-v2",
        description="Sentence embedder that keys the memories; the default is installed with the package.",
    )
    tenant: str = Field(
        "default", min_length=1, description="Tenant of the embedded library and the command."
    )
    user: str = Field(
        default_factory=login_name,
        min_length=1,
        description="User the `memory` command acts for without --user; Python and REST always name one.",
    )
    hot_window_turns: int = Field(
        6, ge=0, description="Newest turns of a session that stay in the prompt; older ones live in weights."
    )
    merge_budget: int = Field(4, ge=1, description="Most adapters merged for one turn.")
    score_threshold: float = Field(
        0.15, ge=-1, le=1, description="Least cosine between turn and memory for its adapter to be selected."
    )
    score_margin: float = Field(
        0.05, ge=0, le=2, description="How far below the best score a memory may be and still be selected."
    )
    lexical_weight: float = Field(
        WEIGHT, ge=0, description="Most that words shared with the turn add to a score; 0: embeddings alone."
    )
    weight_power: float = Field(
        0.0, ge=0, description="A memory weighs (score / best score) ** this in the merge; 0: all alike."
    )
    skill_threshold: float = Field(
        0.3,
        ge=-1,
        le=1,
        description="Least cosine between turn and an unpinned skill for it to join the turn.",
    )
    recency_weight: float = Field(
        0.05, ge=0, description="Most that newness adds to a score, so that of equal memories the newer wins."
    )
    use_weight: float = Field(
        0.02, ge=0, description="Most that frequent use adds to a score; it fades like newness."
    )
    supersede: bool = Field(
        True, description="What is told anew takes the place of what it contradicts; False keeps both."
    )
    compact_tokens: int = Field(
        60, ge=8, description="Tokens up to which `memory compact` puts passages into one memory."
    )
    compact_margin: float = Field(
        0.5,
        ge=0,
        description="Most that compaction may cost, in natural logarithms of an answer token's likelihood; "
        "nor may a question lose its answer.",
    )
    max_text_bytes: int = Field(
        4 * 1024 * 1024, ge=1, description="Largest text accepted in one call, in bytes of UTF-8."
    )
    passage_tokens: int = Field(
        30,
        ge=8,
        description="Tokens up to which sentences share a passage, so an adapter; few facts recall best.",
    )
    recalled_text_tokens: int = Field(
        256, ge=0, description="Most tokens of recalled text in a prompt, in the modes that put text there."
    )
    adapter_storage: Literal["float32", "bfloat16", "int8"] = Field(
        "int8", description="Numbers that adapters are kept in; docs/benchmarks.md has what each costs."
    )
    adapter_rank: int = Field(
        0, ge=0, description="Rank that adapters are truncated to before they are kept; 0: as they are made."
    )
    adapter_cache_mb: float = Field(
        256, ge=0, description="Memory for adapters kept ready, in MiB; the least used leave."
    )
    max_new_tokens: int = Field(128, ge=1, description="Most tokens in a reply.")
    batch_window_ms: float = Field(
        2.0,
        ge=0,
        description="How long the engine waits for more requests to batch, in milliseconds.",
    )
    max_batch: int = Field(16, ge=1, description="Most requests in one batch of the engine.")
    index_tenants: int = Field(
        64, ge=1, description="Tenants whose index stays in memory; the least used leave."
    )
    index_files: bool = Field(True, description="Keep index files in home; without, a restart rebuilds them.")
    busy_timeout_s: float = Field(
        10.0, ge=0, description="How long a write waits for another process's write, in seconds."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address that `memory serve` listens on.")
    port: int = Field(
        8750, ge=0, le=65535, description="Port that `memory serve` listens on; 0: any free one."
    )
    anonymous: bool = Field(
        False,
        description="Let callers on this machine in without a key, as the tenant above; for trying it out.",
    )
    max_request_bytes: int = Field(
        16 * 1024 * 1024, ge=1024, description="Largest body of a request, in bytes; JSON may escape text."
    )
    max_archive_bytes: int = Field(
        4 * 1024 * 1024 * 1024, ge=1, description="Largest archive that can be uploaded, in bytes."
    )
    async_text_bytes: int = Field(
        64 * 1024, ge=0, description="Text above this becomes a job of the server, in bytes of UTF-8."
    )
    server_threads: int = Field(64, ge=1, description="Requests the server works on at once.")
    job_workers: int = Field(1, ge=0, description="Threads of the server that work on jobs; 0: others do.")
    job_lease_s: float = Field(
        60.0, gt=0, description="How long after a server's death its jobs are another's, in seconds."
    )
    shutdown_s: float = Field(
        30.0, ge=0, description="How long a stopping server lets requests and jobs finish, in seconds."
    )
    audit_days: int = Field(
        0, ge=0, le=36_500, description="How long the audit is kept, in days; 0: for good."
    )
    otel: bool = Field(False, description="Trace requests with OpenTelemetry; needs the extra `otel`.")

    @field_validator("home", "blob_folder", mode="before")
    @classmethod
    def _folder(cls, given: object) -> object:
        """Absolute, so that it stays where it is; blank, as an unset variable is, would be where we stand."""
        if not str(given).strip():
            raise ValueError("it is blank; name a folder, or leave it out")
        if given is None:
            return None
        return Path(str(given)).expanduser().absolute()

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Settings from the environment and keywords. Raises InvalidSettings, naming the first wrong one."""
        try:
            return cls(**overrides)
        except ValidationError as error:
            first = error.errors()[0]
            name = "_".join(str(part) for part in first["loc"])
            wrong = first["msg"].removeprefix("Value error, ")
            raise InvalidSettings(
                f"setting {name!r} (MEMORY_{name.upper()}): {wrong}, got {first['input']!r}"
            ) from error

    @property
    def adapter_folder(self) -> Path:
        """Where adapter files are."""
        return self.blob_folder or self.home / "blobs"

    @property
    def index_folder(self) -> Path | None:
        """Where index files are; None when none are kept."""
        return self.home / "index" if self.index_files else None
