"""/v1/forget: complete erasure, with a receipt."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from memory.api.callers import TenantDep
from memory.api.incoming import Parsed
from memory.api.once import Answer, IdempotencyKey, once
from memory.api.schemas.forgetting import ForgetIn, ReceiptOut
from memory.api.shared import SharedDep
from memory.records import ErasureReceipt

router = APIRouter(route_class=Parsed, prefix="/v1", tags=["forget"])


@router.post("/forget", response_model=ReceiptOut)
def forget(
    request: Request,
    tenant: TenantDep,
    parts: SharedDep,
    given: ForgetIn,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Erase what a user, agent or session said and all that was made from it, or a document, or a memory.

    Complete when it answers; sent again, it takes what an interruption may have left.
    """
    scope = given.scope(tenant.id)
    request.state.target = "/".join(
        f"{name}={value}" for name, value in given.model_dump(exclude_none=True, exclude={"metadata"}).items()
    )

    def erase() -> ErasureReceipt:
        if given.memory_id is not None:
            return parts.delete(given.memory_id, scope)
        return parts.forget(scope, given.document_id, given.metadata)

    return once(
        request, parts, tenant, idempotency_key, lambda: Answer(ReceiptOut.of(erase())), scope, erases=True
    )
