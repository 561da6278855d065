"""/docs: interactive API documentation, served without network access.

Swagger UI comes with the package fastapi-offline, whose files are served; its app is not used.
"""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

_FILES = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@router.head("/docs")
@router.get("/docs")
def page() -> HTMLResponse:
    """The page; only the scripts it comes with may run."""
    _folder()
    made = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Parametric Memory",
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon.png",
    )
    html = bytes(made.body).decode()
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in _SCRIPT.findall(html))
    policy = (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": policy})


@router.head("/docs/{file}")
@router.get("/docs/{file}")
def file(file: str) -> FileResponse:
    """One of the page's files."""
    if file not in _FILES:
        raise HTTPException(404, "there is no such file")
    return FileResponse(_folder() / file)


def _folder() -> Path:
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise HTTPException(404, "the page needs the package fastapi-offline; /openapi.json has all")
    return Path(spec.origin).parent / "static"


def _digest(script: str) -> str:
    return base64.b64encode(sha256(script.encode()).digest()).decode()
