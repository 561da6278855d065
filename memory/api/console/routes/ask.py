"""A question, its answer, and why."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.callers import TenantDep
from memory.api.console.forms import Form, moment, needed, whose
from memory.api.console.pages import page
from memory.api.rights import CHAT_REMEMBERS
from memory.api.routes.memories import check_quotas
from memory.api.shared import SharedDep
from memory.records.inputs import Said

router = APIRouter(prefix="/console", include_in_schema=False)

_TURNS = 20  # of the conversation, the newest


@router.get("/ask")
def form(request: Request, tenant: TenantDep, fields: Form) -> Response:  # noqa: ARG001
    """An empty question."""
    return page("ask.html", request.scope, fields=fields, answers=None)


@router.post("/ask")
def ask(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """The answers with adapters, without, and with text; and each candidate. Remembers on request."""
    question, whom, as_of = needed(fields, "question"), whose(fields, tenant.id), moment(fields)
    message = {"role": "user", "content": question}
    remembers = "remember" in fields
    if remembers:
        tenant.caller.require(CHAT_REMEMBERS)
        request.state.writes = True
        check_quotas(parts, tenant, len(question.encode()))
    turns = parts.memory.turns(last=_TURNS, **whom) if whom["session_id"] else []
    why = parts.memory.explain(question, as_of=as_of, **whom)
    answers = {
        "With adapters": parts.memory.ask(question, mode="adapters", as_of=as_of, **whom),
        "Without memory": parts.memory.answer(message, adapters=[], **whom),
        "With text": parts.memory.ask(question, mode="text", as_of=as_of, **whom),
    }
    added = None
    if remembers:
        reply = {"role": "assistant", "content": answers["With adapters"].text, "recalled": True}
        told: list[Said] = [message, reply] if whom["session_id"] else [message]
        added = parts.memory.add(told, **whom)
    parts.activity.merged(tenant.id, len(answers["With adapters"].adapters))
    return page(
        "ask.html",
        request.scope,
        fields=fields,
        answers=answers,
        saved=answers["With text"].prompt_tokens - answers["With adapters"].prompt_tokens,
        added=added,
        turns=turns,
        why=why,
    )
