"""Bodies of errors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from memory.api.schemas.parts import MEMORY_ID


class FieldWrong(BaseModel):
    """One field that is wrong."""

    field: str
    message: str


class ProblemOut(BaseModel):
    """An error, as RFC 9457 has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:parametric-memory:problem:missing-scope",
                    "title": "Unprocessable Entity",
                    "status": 422,
                    "detail": "whose memory? give user_id, agent_id or session_id",
                    "request_id": MEMORY_ID,
                }
            ]
        }
    )

    type: str = Field(description="Names the kind of problem; stable.")
    title: str
    status: int
    detail: str = Field(description="What to do about it.")
    request_id: str | None
    errors: list[FieldWrong] | None = Field(default=None, description="The fields that are wrong.")
