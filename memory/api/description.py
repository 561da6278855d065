"""The OpenAPI schema: every response of every route, errors included."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from memory.api.operations import OPERATIONS
from memory.api.problems import MEDIA_TYPE, OPENAI_PATHS
from memory.api.schemas.problems import ProblemOut

_ERRORS = {
    400: "The request cannot be read.",
    401: "The key is missing, unknown, expired or revoked.",
    403: "The key does not reach that far.",
    404: "Not here: unknown, or another tenant's; the two cannot be told apart.",
    405: "Not with this method.",
    408: "The request came too slowly.",
    409: "It does not go with what is there.",
    412: "It has changed since it was read.",
    413: "Too large.",
    422: "A field is wrong; `errors` names it.",
    429: "A quota is used up; `Retry-After` says when to come again.",
    503: "The database or the model cannot be reached now; `Retry-After` says when to come again.",
}
_OPEN = ("/health/",)
_PROBLEM = {"$ref": "#/components/schemas/ProblemOut"}
_OPENAI = {"$ref": "#/components/schemas/OpenAIErrorOut"}
_OPENAI_ERROR = {
    "title": "OpenAIErrorOut",
    "description": "An error, as OpenAI's clients read it.",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
    "examples": [
        {
            "error": {
                "message": "no model 'gpt-4o' here; there is 'reference'",
                "type": "invalid_request_error",
                "param": None,
                "code": "not_found",
            }
        }
    ],
}


def describe(app: FastAPI) -> None:
    """Have the app describe its errors too. The description is made when it is first asked for."""
    made = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            _name_operations(schema)
            _add_errors(schema)
        return made()

    app.openapi = described  # type: ignore[method-assign]


def _name_operations(schema: dict[str, Any]) -> None:
    """A route that is not in the table keeps the name that the framework made."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            named = OPERATIONS.get(f"{method.upper()} {path}", operation["operationId"])
            operation["operationId"] = named


def _add_errors(schema: dict[str, Any]) -> None:
    components = schema["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    components["ProblemOut"] = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    components |= components["ProblemOut"].pop("$defs", {})
    components["OpenAIErrorOut"] = _OPENAI_ERROR
    for path, methods in schema["paths"].items():
        openai = path.startswith(OPENAI_PATHS)
        kind, shape = ("application/json", _OPENAI) if openai else (MEDIA_TYPE, _PROBLEM)
        for operation in methods.values():
            operation["responses"].pop("422", None)
            for status, meaning in _ERRORS.items():
                if not (path.startswith(_OPEN) or (openai and status == 422)):
                    answer = {"description": meaning, "content": {kind: {"schema": shape}}}
                    operation["responses"].setdefault(str(status), answer)
