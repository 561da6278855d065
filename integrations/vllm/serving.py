"""vLLM where `memory serve` opens its memory: `MEMORY_GENERATOR=integrations.vllm:from_environment`.

MEMORY_VLLM_URL        its address, without /v1
MEMORY_VLLM_MODEL      the base model as vLLM serves it, for which MEMORY_MODEL's hypernetwork was made
MEMORY_VLLM_FOLDER     the folder that it reads adapters from, as its plug-in is told
MEMORY_VLLM_MAX_RANK   its --max-lora-rank
MEMORY_VLLM_KEY        its --api-key, if any
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, ValidationError

from integrations.vllm.generator import VllmGenerator
from memory.errors import InvalidSettings
from memory.ports import Internalizer
from memory.settings import Settings

_PREFIX = "MEMORY_VLLM_"


class VllmSettings(BaseModel):
    """Where vLLM is, and what it was started with."""

    url: str = Field(min_length=1)
    model: str = Field(min_length=1)
    folder: Path
    max_rank: int = Field(64, ge=1)
    key: SecretStr | None = None
    timeout_s: float = Field(120.0, gt=0)


def from_environment(settings: Settings, internalizer: Internalizer) -> VllmGenerator:  # noqa: ARG001 - the port's
    """The generator in place of the base model here. Raises InvalidSettings, ModelUnavailable."""
    try:
        given = {
            name.removeprefix(_PREFIX).lower(): value
            for name, value in os.environ.items()
            if name.startswith(_PREFIX)
        }
        vllm = VllmSettings.model_validate(given)
    except ValidationError as error:
        names = ", ".join(sorted({f"{_PREFIX}{str(one['loc'][0]).upper()}" for one in error.errors()}))
        raise InvalidSettings(f"vLLM needs other values of {names}; docs/vllm.md says which") from None
    return VllmGenerator(
        vllm.url,
        vllm.model,
        vllm.folder,
        base_fingerprint=internalizer.base_fingerprint,
        key=vllm.key.get_secret_value() if vllm.key else "",
        max_rank=vllm.max_rank,
        timeout_s=vllm.timeout_s,
    )
