"""A question, its answer, and why."""

from __future__ import annotations

from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from memory.api.callers import TenantDep
from memory.api.console.forms import Form, moment, needed, whole, whose
from memory.api.console.pages import page
from memory.api.rights import CHAT_REMEMBERS
from memory.api.routes.memories import check_quotas
from memory.api.shared import Shared, SharedDep
from memory.errors import NotFound
from memory.read.explanation import Explanation
from memory.records import Turn
from memory.records.inputs import Said, Whose, scope_in

router = APIRouter(prefix="/console", include_in_schema=False)

_TURNS = 20  # of the conversation, the newest


@router.get("/ask")
def form(request: Request, tenant: TenantDep, parts: SharedDep, fields: Form) -> Response:
    """An empty question, below the turns of its session; with `turn`, why that one recalled what it did."""
    whom, ordinal = whose(fields, tenant.id), whole(fields, "turn")
    turns = _turns(parts, whom)
    turn = next((one for one in turns if one.ordinal == ordinal), None)
    why = None
    if turn is not None:
        before = turn.created_at - timedelta(microseconds=1)  # what it told itself was not known yet
        why = _why(parts, turn.text, before, whom)
    elif ordinal is not None:
        raise NotFound("this turn is not among the newest of the session; open the session again")
    return page("ask.html", request.scope, fields=fields, answers=None, turns=turns, turn=turn, why=why)


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
    turns = _turns(parts, whom)
    why = _why(parts, question, as_of, whom)
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
        turn=None,
        why=why,
    )


def _turns(parts: Shared, whom: Whose) -> list[Turn]:
    """The newest of the session that a form names, oldest first."""
    return parts.memory.turns(last=_TURNS, **whom) if whom["session_id"] else []


def _why(parts: Shared, text: str, as_of: datetime | None, whom: Whose) -> Explanation:
    """Why a turn recalls what it does: as in the answer, of all sessions of the user or agent."""
    teller = scope_in(whom, str(whom["tenant_id"])).of_teller()
    all_sessions = Whose(**whom | {"session_id": teller.session_id})
    return parts.memory.explain(text, as_of=as_of, **all_sessions)
