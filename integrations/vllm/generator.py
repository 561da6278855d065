"""The base model in a vLLM server, as the port Generator has it."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import httpx

from integrations.vllm.exported import ExportedAdapters
from memory.errors import Cancelled, InvalidInput, ModelUnavailable
from memory.ports import GenerationRequest, Merge, Score, Trial
from memory.records import Message

_log = logging.getLogger(__name__)


class VllmGenerator:
    """Asks a vLLM server for each reply, under the turn's merged adapter: `Memory(generator=...)`."""

    def __init__(
        self,
        url: str,
        base_model: str,
        folder: str | Path,
        *,
        base_fingerprint: str,
        key: str = "",
        max_rank: int = 64,
        timeout_s: float = 120.0,
    ) -> None:
        """Of the server at `url` (without /v1), which serves `base_model` and reads `folder` too.

        `base_fingerprint` is the internalizer's: that vLLM serves the same base, whoever passes it vouches
        for. `max_rank` is vLLM's --max-lora-rank. Raises ModelUnavailable where the model is not served.
        """
        self.base_fingerprint = base_fingerprint
        self.waiting = 0  # vLLM has the line
        self._base_model = base_model
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout_s)
        self._adapters = ExportedAdapters(Path(folder), base_model, max_rank, self._unload)
        try:
            self.window = self._served_window()
        except ModelUnavailable:
            self._client.close()
            raise

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """As vLLM's /tokenize counts them, with its chat template."""
        body = {"model": self._base_model, "messages": _spoken(messages), "add_generation_prompt": True}
        return int(self._asked("POST", "/tokenize", body)["count"])

    def stream(self, request: GenerationRequest) -> VllmGeneration:
        with ExitStack() as held:
            lora = request.lora
            model = self._base_model
            if lora is not None:
                model = held.enter_context(self._adapters.using(_whose(request), lora))
            response = held.enter_context(self._opened(request, model))
            return VllmGeneration(response, request, held.pop_all())

    def score(self, trials: Sequence[Trial]) -> list[Score]:
        """Not offered: what needs it (compaction, choices) runs where the base model is at hand."""
        if not trials:
            return []
        raise ModelUnavailable(
            "a vLLM server does not score answers; compact, and name choices, where the base model is loaded"
        )

    def close(self) -> None:
        self._client.close()

    def _opened(self, request: GenerationRequest, model: str) -> _Opened:
        """The head of the reply's stream, as a context. Raises InvalidInput, ModelUnavailable."""
        body: dict[str, Any] = {
            "model": model,
            "messages": _spoken(request.messages),
            "max_tokens": request.max_new_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        body |= {"stop": [*request.stop]} if request.stop else {}
        body |= {"seed": request.seed} if request.seed is not None else {}
        return _Opened(self._client, "/v1/chat/completions", body)

    def _served_window(self) -> int:
        served = {one["id"]: one for one in self._asked("GET", "/v1/models", None)["data"]}
        if self._base_model not in served:
            raise ModelUnavailable(f"vLLM serves {', '.join(served)}, and not {self._base_model}")
        return int(served[self._base_model]["max_model_len"])

    def _unload(self, name: str) -> None:
        """Make vLLM let go of an adapter; one that it never loaded, or has let go of, it does not know."""
        try:
            reply = self._client.post("/v1/unload_lora_adapter", json={"lora_name": name})
        except httpx.HTTPError:
            _log.warning("vLLM could not be told to unload an adapter; its folder is gone all the same")
            return
        if reply.status_code not in (200, 404):
            _log.warning("vLLM does not unload adapters (status %s)", reply.status_code)

    def _asked(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            reply = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise _unreachable() from error
        if reply.status_code != 200:
            _refused(reply)
        return reply.json()


class _Opened:
    """A streamed request; entered, its head has come and is well."""

    def __init__(self, client: httpx.Client, path: str, body: Mapping[str, Any]) -> None:
        self._stream = client.stream("POST", path, json=body)

    def __enter__(self) -> httpx.Response:
        try:
            response = self._stream.__enter__()
        except httpx.HTTPError as error:
            raise _unreachable() from error
        if response.status_code != 200:
            try:
                response.read()
                _refused(response)
            finally:
                self._stream.__exit__(None, None, None)
        return response

    def __exit__(self, *error: Any) -> None:
        self._stream.__exit__(*error)


class VllmGeneration:
    """A reply on its way from vLLM."""

    def __init__(self, response: httpx.Response, request: GenerationRequest, held: ExitStack) -> None:
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self._held = held
        self._request = request
        self._pieces = self._read(response)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        return next(self._pieces)

    def close(self) -> None:
        """vLLM stops when its client goes; the adapter goes too."""
        self._pieces.close()
        self._held.close()

    def _read(self, response: httpx.Response) -> Generator[str, None, None]:
        with self._held:
            try:
                for line in response.iter_lines():
                    if self._request.cancelled is not None and self._request.cancelled.is_set():
                        raise Cancelled("nobody waits for the reply")
                    if line.startswith("data:") and line[5:].strip() != "[DONE]":
                        yield from self._said(json.loads(line[5:]))
            except (httpx.HTTPError, ValueError) as error:
                raise _unreachable() from error

    def _said(self, chunk: Mapping[str, Any]) -> Iterator[str]:
        if chunk.get("error"):
            raise ModelUnavailable("vLLM broke off the reply")
        if usage := chunk.get("usage"):
            self.prompt_tokens = usage["prompt_tokens"]
            self.completion_tokens = usage["completion_tokens"]
        for choice in chunk.get("choices", ()):
            if said := choice["delta"].get("content"):
                yield said


def _whose(request: GenerationRequest) -> str:
    """Tenant and memories of a turn: users whose memories say the same still have adapters of their own."""
    merge = request.adapter
    memories = [one.memory_id for one in merge.adapters] if isinstance(merge, Merge) else []
    return "\0".join([request.owner, *memories])


def _spoken(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.text} for message in messages]


def _refused(reply: httpx.Response) -> NoReturn:
    """Raise what an answer of vLLM's says, in its documented form {"error": {message, type, ...}}."""
    try:
        said = reply.json()
        message = str((said.get("error") or said)["message"])
    except (ValueError, LookupError, TypeError, AttributeError):
        message = f"status {reply.status_code}"
    if reply.status_code == 400 and "context length" in message:
        raise InvalidInput(f"the prompt is too long: {message}")
    if reply.status_code == 404:
        message += " Is the plug-in on (VLLM_PLUGINS, VLLM_ALLOW_RUNTIME_LORA_UPDATING), the folder the same?"
    raise ModelUnavailable(f"vLLM refuses: {message}")


def _unreachable() -> ModelUnavailable:
    return ModelUnavailable("the vLLM server cannot be reached, or broke off; try again")
