"""The OpenAPI description: complete, with examples, and true: schemathesis asks everything it allows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as described

from memory import Memory
from memory.api.operations import OPERATIONS
from tests.api.conftest import DOG, Api, Founded, live
from tests.command import echoes

# That what is wrong is refused is not among them: in a query everything is text, and so nothing is wrong.
CHECKS = [
    checks.not_a_server_error,
    described.status_code_conformance,
    described.content_type_conformance,
    described.response_schema_conformance,
]


@schemathesis.serializer("application/zip")
def _as_it_is(_: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_every_route_answers_as_described(founded: Founded, tmp_path: Path) -> None:
    """Asked what the description allows, and what it does not: no server error, nothing undescribed."""
    home = founded.copied(tmp_path / "home")
    with Memory(home=home, **echoes()) as memory, live(memory) as url:
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        asked, real = 0, memory.add(DOG, user_id="ana", tenant_id="acme")[0].id
        for found in schema.get_all_operations():
            operation = found.ok()
            who = "operator" if operation.path.startswith(("/v1/tenants", "/metrics")) else "acme-admin"
            for mode in GenerationMode:
                asked += _ask(operation, mode, founded.keys[who], real)
        assert asked > 150


def _ask(operation: Any, mode: GenerationMode, key: str, memory_id: str) -> int:
    """Random requests of one operation, about a memory that is there; returns how many."""
    asked = 0
    right = mode is GenerationMode.POSITIVE and "{memory_id}" in operation.path
    known = {"path_parameters": {"memory_id": memory_id}} if right else {}

    @settings(
        max_examples=4,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode, **known))
    def ask(case: Any) -> None:
        nonlocal asked
        case.headers["Authorization"] = f"Bearer {key}"
        if mode is GenerationMode.POSITIVE and operation.path.endswith(("/completions", "/responses")):
            case.body["model"] = "reference"  # else hardly any request would come that far
        case.call_and_validate(checks=CHECKS)
        asked += 1

    with suppress(Unsatisfiable):  # nothing about it can be wrong
        ask()
    return asked


def test_every_operation_has_a_name_of_its_own(shared_api: Api) -> None:
    paths = shared_api.client.get("/openapi.json").json()["paths"]
    named = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, methods in paths.items()
        for method, operation in methods.items()
    }
    assert named == OPERATIONS
    assert len(set(named.values())) == len(named)
    assert named["POST /v1/memories"] == "add_memory"
    assert named["POST /v1/search"] == "search_memories"


def test_every_operation_and_model_is_explained(shared_api: Api) -> None:
    """A summary and a description each; an example in every model that is a body."""
    openapi = shared_api.client.get("/openapi.json").json()
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path}"
    models = openapi["components"]["schemas"]
    assert [name for name, model in models.items() if not model.get("description")] == []
    assert [name for name in set(_bodies(openapi)) if name and not models[name].get("examples")] == []


def _bodies(openapi: Any) -> Iterator[str]:
    """Names of the models that are whole bodies."""
    for methods in openapi["paths"].values():
        for operation in methods.values():
            for holder in [operation.get("requestBody", {}), *operation["responses"].values()]:
                for content in holder.get("content", {}).values():
                    reference = content.get("schema", {}).get("$ref", "")
                    yield reference.rpartition("/")[2]
