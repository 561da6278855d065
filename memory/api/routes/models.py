"""/v1/models: OpenAI's list of models; there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from fastapi import Path as InPath
from pydantic import BaseModel

from memory.api.callers import tenant
from memory.api.incoming import Parsed
from memory.api.schemas.parts import example, example_of
from memory.api.shared import SharedDep
from memory.errors import NotFound
from memory.settings import Settings

router = APIRouter(route_class=Parsed, prefix="/v1/models", tags=["openai"], dependencies=[Depends(tenant)])


class ModelOut(BaseModel):
    """A model that answers."""

    model_config = example(id="reference", object="model", created=0, owned_by="parametric-memory")

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "parametric-memory"


class ModelsOut(BaseModel):
    """All of them."""

    model_config = example(object="list", data=[example_of(ModelOut)])

    object: Literal["list"] = "list"
    data: list[ModelOut]


@router.get("", response_model=ModelsOut)
def list_(parts: SharedDep) -> ModelsOut:
    """The model in use."""
    return ModelsOut(data=[ModelOut(id=model_name(parts.memory.settings))])


@router.get("/{model:path}", response_model=ModelOut)
def get(parts: SharedDep, model: Annotated[str, InPath(examples=["reference"])]) -> ModelOut:
    """One model."""
    check_model(parts.memory.settings, model)
    return ModelOut(id=model)


def model_name(settings: Settings) -> str:
    """How callers name the model: as the settings do; of a file or folder, the last part."""
    path = Path(settings.model)
    return path.name if path.is_absolute() or path.exists() else settings.model


def check_model(settings: Settings, name: str) -> None:
    """Refuse a model that is not there. Raises NotFound."""
    if name != model_name(settings):
        raise NotFound(f"no model {name!r} here; there is {model_name(settings)!r}")
