"""What a client's requests go through to a server in the same process."""

from __future__ import annotations

import httpx
from fastapi.testclient import TestClient


class InProcess(httpx.BaseTransport):
    """In place of a network."""

    def __init__(self, client: TestClient) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        content, headers = request.read(), dict(request.headers)
        answer = self._client.request(request.method, str(request.url), headers=headers, content=content)
        return httpx.Response(answer.status_code, headers=[*answer.headers.items()], content=answer.content)
