"""Settings, from `MEMORY_*` variables or keywords. The descriptions are the documentation."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Container
from pathlib import Path
from typing import Any, Literal, Self

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

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


_MAY_HOLD_A_SECRET = (
    "database_url",
    "blobs",
    "url",
    "key",
    "upstream_url",
    "upstream_key",
)  # never quoted in an error

_PREFIX = "memory_"
OBJECT_STORES = ("s3", "gs", "az")
_BUCKET_AND_PREFIX = re.compile(r"[^\s/@?#:]+(/[^\s@?#]*)?")


def _variables(names: Container[str]) -> dict[str, str]:
    """Name of a setting -> what its `MEMORY_*` variable says, in small letters or large."""
    named = {
        name.lower().removeprefix(_PREFIX): name for name in os.environ if name.lower().startswith(_PREFIX)
    }
    return {name: os.environ[variable] for name, variable in named.items() if name in names}


class Settings(BaseModel):
    """All settings. Keywords override `MEMORY_*` variables, which override the defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    home: Path = Field(
        default_factory=default_home, description="Directory for the database, adapters and index."
    )
    blobs: str | None = Field(
        None,
        description="Directory for adapter files, or s3://bucket/prefix, gs:// or az:// (extra "
        "`objectstore`); default `blobs` in home. Servers of one database share it.",
    )
    blob_timeout_s: float = Field(
        10.0, gt=0, description="Timeout in seconds for a request to the object store, and for its retries."
    )
    blob_copies_mb: float = Field(
        1024,
        ge=0,
        description="Size in MiB of the copies from the object store kept in home; 0 keeps none.",
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the database; default SQLite, memory.db in home.",
    )
    model: str = Field(
        "reference",
        min_length=1,
        description='Hypernetwork and its base model: "reference" (shipped), "smollm2-135m" (after '
        '`memory model get smollm2-135m`), "gemma-2-2b", "qwen3-4b", "mistral-7b" (published), a file, '
        "folder or hub id.",
    )
    skills_model: str = Field(
        "auto",
        min_length=1,
        description='Text-to-LoRA network for skills: "auto" (the one that belongs to the model), '
        "a folder or hub id.",
    )
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        description='Device the models run on: "auto", "cpu", "cuda" or "cuda:N".',
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description='Data type for computation: "auto" (bfloat16 on CUDA), "float32" or "bfloat16".'
    )
    embedder: str = Field(
        "all-MiniLM-L6-v2",
        min_length=1,
        description="Sentence embedding model: the packaged one, or a folder or hub id of any "
        "sentence-transformers model (extra `embedder`); after a change `memory reindex`.",
    )
    generator: str | None = Field(
        None,
        pattern=r"^[\w.]+:\w+$",
        description="module:function that makes what answers in place of the base model in this process, of "
        "the settings and the internalizer: `integrations.vllm:from_environment` (docs/vllm.md).",
    )
    reranker: str | None = Field(
        None,
        min_length=1,
        description="Folder or hub id of a sentence-transformers cross-encoder (extra `embedder`), which "
        "orders what recall as text finds once more; unset, none does.",
    )
    tenant: str = Field(
        "default", min_length=1, description="Tenant used by the embedded library and the command."
    )
    user: str = Field(
        default_factory=login_name,
        min_length=1,
        description="Default user of the `memory` command; Python and REST always name one.",
    )
    url: str | None = Field(
        None,
        min_length=1,
        description="URL of a server (`memory serve`), such as http://127.0.0.1:8750: the `memory` command "
        "and the LangChain parts ask it, and load no model.",
    )
    key: SecretStr | None = Field(None, description="API key for that server; sent there alone.")
    timeout_s: float = Field(60.0, gt=0, description="Maximum silence of that server, in seconds.")
    hot_window_turns: int = Field(
        6,
        ge=0,
        description="Recent session turns kept in the prompt; older ones are answered from weights.",
    )
    merge_budget: int = Field(4, ge=1, description="Maximum number of adapters merged per turn.")
    score_threshold: float = Field(
        0.15, ge=-1, le=1, description="Minimum cosine similarity for an adapter to be selected."
    )
    score_margin: float = Field(
        0.05,
        ge=0,
        le=2,
        description="Maximum distance below the best score at which a memory is still selected.",
    )
    lexical_weight: float = Field(
        WEIGHT, ge=0, description="Maximum score bonus for words shared with the turn; 0 disables it."
    )
    weight_power: float = Field(
        0.0,
        ge=0,
        description="Merge weight exponent: weight = (score / best score) ** exponent; 0 weighs all equally.",
    )
    skill_threshold: float = Field(
        0.3,
        ge=-1,
        le=1,
        description="Minimum cosine similarity for an unpinned skill to join a turn.",
    )
    recency_weight: float = Field(
        0.05, ge=0, description="Maximum score bonus for recency; breaks ties in favour of newer memories."
    )
    use_weight: float = Field(
        0.02, ge=0, description="Maximum score bonus for frequent use; decays like recency."
    )
    supersede: bool = Field(True, description="Whether new statements supersede the ones they contradict.")
    compact_tokens: int = Field(
        60, ge=8, description="Maximum tokens per memory that `memory compact` builds."
    )
    compact_margin: float = Field(
        0.5,
        ge=0,
        description="Maximum mean loss of log-likelihood per answer token (nats) for compaction to replace "
        "adapters; a question that loses its answer always prevents it.",
    )
    max_text_bytes: int = Field(
        4 * 1024 * 1024, ge=1, description="Maximum text size per call, in bytes of UTF-8."
    )
    passage_tokens: int = Field(
        30,
        ge=8,
        description="Maximum tokens per passage; short passages recall best.",
    )
    recalled_text_tokens: int = Field(
        256, ge=0, description="Token budget for recalled text, in modes that put text into the prompt."
    )
    recall_tokens: int = Field(
        1500, ge=1, description="Token budget for memories recalled as text for another model's prompt."
    )
    adapter_storage: Literal["float32", "bfloat16", "int8"] = Field(
        "int8", description="Storage data type for adapters; docs/benchmarks.md compares them."
    )
    adapter_rank: int = Field(
        0, ge=0, description="Rank to truncate adapters to before storing; 0 keeps the full rank."
    )
    adapter_cache_mb: float = Field(256, ge=0, description="Adapter cache size in MiB (LRU eviction).")
    max_new_tokens: int = Field(128, ge=1, description="Maximum number of tokens in a reply.")
    batch_window_ms: float = Field(
        2.0,
        ge=0,
        description="Batching window of the engine in milliseconds.",
    )
    max_batch: int = Field(16, ge=1, description="Maximum batch size of the engine.")
    index: Literal["faiss", "pgvector"] = Field(
        "faiss",
        description='Vector index: "faiss" (each server keeps its own) or "pgvector" (in PostgreSQL, for all '
        "servers; needs the extension `vector` there).",
    )
    index_tenants: int = Field(
        64, ge=1, description="Number of tenant indexes kept in memory (LRU eviction)."
    )
    index_files: bool = Field(
        True, description="Whether index files are kept in home; otherwise a restart rebuilds them."
    )
    busy_timeout_s: float = Field(
        10.0, ge=0, description="Timeout in seconds for acquiring the SQLite write lock."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Bind address of `memory serve`.")
    port: int = Field(8750, ge=0, le=65535, description="Port of `memory serve`; 0 picks a free one.")
    anonymous: bool = Field(
        False,
        description="Allow local callers without a key, as the tenant above; for evaluation only.",
    )
    max_request_bytes: int = Field(
        16 * 1024 * 1024, ge=1024, description="Maximum request body size in bytes."
    )
    max_archive_bytes: int = Field(
        4 * 1024 * 1024 * 1024, ge=1, description="Maximum size of an uploaded archive in bytes."
    )
    async_text_bytes: int = Field(
        64 * 1024,
        ge=0,
        description="Text size in bytes of UTF-8 above which a write becomes a background job.",
    )
    max_connections: int = Field(
        2000,
        ge=8,
        description="Maximum number of connections; a new one closes the one idle longest. Fewer where the "
        "process may open few files.",
    )
    open_metrics: bool = Field(
        False, description="Whether /metrics needs no key; otherwise it needs an operator's."
    )
    server_threads: int = Field(
        64, ge=1, description="Maximum number of concurrent requests; fewer where few files may be open."
    )
    job_workers: int = Field(
        2,
        ge=0,
        description="Number of job worker threads, of which one tenant never holds all; "
        "0 disables them in this process.",
    )
    job_process: bool = Field(
        True,
        description="Whether `memory serve` runs jobs in a process of their own, at lower priority, while "
        "there are any; its models take the server's memory once more. Never beside a GPU, nor with "
        "another generator.",
    )
    job_lease_s: float = Field(60.0, gt=0, description="Job lease timeout in seconds.")
    upstream_url: str | None = Field(
        None,
        pattern=r"^https?://[^@\s]+$",
        description="Base URL of another LLM's OpenAI-compatible API, such as http://localhost:11434/v1: it "
        "answers the server's chat route, with what memory recalls.",
    )
    upstream_key: SecretStr | None = Field(None, description="API key for the upstream; sent there alone.")
    upstream_models: dict[str, str] = Field(
        {}, description="Model names that clients ask for, mapped to the upstream's, as a JSON object."
    )
    upstream_timeout_s: float = Field(
        120.0, gt=0, description="Maximum silence of the upstream before and within a reply, in seconds."
    )
    upstream_extraction_model: str | None = Field(
        None,
        min_length=1,
        description="Upstream model that draws statements out of what users tell; unset, none does.",
    )
    upstream_user_header: str | None = Field(
        None, description="Request header that names the user for the upstream's chats, if the body does not."
    )
    shutdown_s: float = Field(30.0, ge=0, description="Graceful shutdown timeout in seconds.")
    audit_days: int = Field(0, ge=0, le=36_500, description="Audit retention in days; 0 keeps it forever.")
    otel: bool = Field(
        False, description="Whether to trace requests with OpenTelemetry; needs the extra `otel`."
    )

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**_variables(type(self).model_fields), **given})

    @field_validator("upstream_models", mode="before")
    @classmethod
    def _mapping(cls, given: object) -> object:
        """A variable says it in JSON."""
        try:
            return json.loads(given) if isinstance(given, str) else given
        except (ValueError, RecursionError):
            raise ValueError("must be a JSON object") from None

    @field_validator("key", "upstream_key")
    @classmethod
    def _carried(cls, given: SecretStr | None) -> SecretStr | None:
        """A key that a header can carry: without the line's end that files leave behind it."""
        key = "" if given is None else given.get_secret_value().strip()
        if not re.fullmatch(r"[!-~]*", key):
            raise ValueError("must be one word of ASCII characters, as a header carries it")
        return None if given is None else SecretStr(key)

    @field_validator("home", mode="before")
    @classmethod
    def _folder(cls, given: object) -> Path:
        """Absolute, so that it stays where it is; blank, as an unset variable is, would be where we stand."""
        if not str(given).strip():
            raise ValueError("must not be blank; name a directory or leave it unset")
        return Path(str(given)).expanduser().absolute()

    @field_validator("blobs", mode="before")
    @classmethod
    def _place(cls, given: object) -> str | None:
        """The URL of an object store, or a folder as `_folder` makes it."""
        if given is None:
            return None
        scheme, found, rest = str(given).partition("://")
        if not found or scheme == "file":
            return str(cls._folder(rest or given))
        if scheme not in OBJECT_STORES or not _BUCKET_AND_PREFIX.fullmatch(rest):
            raise ValueError(
                "must be a directory or like s3://bucket/prefix (s3, gs or az), without a password or query"
            )
        return str(given)

    def __hash__(self) -> int:
        """Settings are keys of opened memories; one of them is a mapping, which has no hash of its own."""
        return hash(self.model_dump_json())

    @classmethod
    def load(cls, **overrides: Any) -> Self:
        """Settings from the environment and keywords. Raises InvalidSettings, naming the first wrong one."""
        try:
            return cls(**overrides)
        except ValidationError as error:
            first = error.errors()[0]
            name = "_".join(str(part) for part in first["loc"])
            wrong = first["msg"].removeprefix("Value error, ")
            got = "" if name in _MAY_HOLD_A_SECRET else f", got {first['input']!r}"
            where = f"setting {name!r} (MEMORY_{name.upper()})"
            raise InvalidSettings(f"{where}: {wrong}{got}") from (None if not got else error)

    @property
    def server_key(self) -> str | None:
        """The key for the server, as it is sent."""
        return None if self.key is None else self.key.get_secret_value()

    @property
    def object_store(self) -> str | None:
        """The URL of the object store where adapter files are; None where a folder has them."""
        return self.blobs if self.blobs is not None and "://" in self.blobs else None

    @property
    def adapter_place(self) -> str:
        """Where adapter files are: the URL of an object store, or a folder."""
        return self.object_store or str(self.adapter_folder)

    @property
    def adapter_folder(self) -> Path:
        """Where adapter files are; of an object store's the copies."""
        if self.object_store is not None:
            return self.home / "copies"
        return Path(self.blobs) if self.blobs is not None else self.home / "blobs"

    @property
    def models_folder(self) -> Path:
        """Where base models and hypernetworks are that were got or imported."""
        return self.home / "models"

    @property
    def exports_folder(self) -> Path:
        """Where a server keeps archives on their way in and out."""
        return self.home / "archives"

    @property
    def index_folder(self) -> Path | None:
        """Where index files are; None when none are kept."""
        return self.home / "index" if self.index_files else None
