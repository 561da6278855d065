"""/v1/adapters: a memory's adapter, to be used elsewhere."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from fastapi import APIRouter, Response

from hypernet.lora.adapter import LoRA
from memory.api.callers import TenantDep
from memory.api.incoming import Parsed
from memory.api.routes.asking import MemoryId, QueryScope
from memory.api.shared import SharedDep
from memory.errors import InvalidInput

router = APIRouter(route_class=Parsed, prefix="/v1/adapters", tags=["adapters"])


@router.get(
    "/{memory_id}",
    response_class=Response,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
)
def get(tenant: TenantDep, parts: SharedDep, memory_id: MemoryId, scope: QueryScope) -> Response:
    """A memory's adapter, its bias in it, as a zipped PEFT folder, for the base model in use."""
    adapter = parts.memory.adapter(memory_id, **scope.whose(tenant.id))
    named = {"Content-Disposition": f'attachment; filename="{memory_id}.zip"'}
    return Response(_zipped(adapter), headers=named, media_type="application/zip")


def _zipped(adapter: LoRA) -> bytes:
    """Raises InvalidInput for an adapter that PEFT has no form for."""
    packed = BytesIO()
    with TemporaryDirectory(prefix="memory-adapter-") as folder:
        try:
            adapter.save_pretrained(folder)
        except ValueError as error:
            raise InvalidInput(f"this adapter cannot be a PEFT folder: {error}") from error
        with zipfile.ZipFile(packed, "w") as file:
            for path in sorted(Path(folder).iterdir()):
                file.write(path, path.name)
    return packed.getvalue()
