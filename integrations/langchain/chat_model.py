"""A chat model that applies adapters: those passed per call, else those selected by its memory."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import cache
from typing import Any, ClassVar, Self

from langchain_core.caches import BaseCache
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, model_validator

from integrations.langchain import tool_calls
from integrations.langchain.choices import given, plain
from integrations.langchain.messages import question, to_prompt
from integrations.langchain.scope import NAMES, Recalling, configurable, names_in, recalling
from memory.errors import InvalidInput
from memory.read.acknowledging import acknowledging
from memory.read.options import Mode, Sampling
from memory.records import ChatReply, Message
from memory.records.inputs import filters_in

_log = logging.getLogger(__name__)

Piece = str | ChatReply


class ParametricChatModel(Recalling, BaseChatModel):
    """The base model of a memory, with the adapters of the user who asks. Stores nothing.

        model = ParametricChatModel()
        model.invoke("What is my dog called?", config={"configurable": {"user_id": "ana"}})

    Whose memory answers is named here, as a keyword of the call, or in its config; nobody named is an
    error (MissingScope). Per call, `adapters=` takes what `ParametricMemory.select` or a compressor
    returns, and an empty list asks the bare base model; `filters=` narrow what is recalled, `choices=` and
    `image=` are those of `Memory.ask`, and with `told=True`, which the middleware says, statements are
    acknowledged. Adapters hold for their row of a batch only: many threads with many users share one model
    and never see each other's memory.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())
    opened_by: ClassVar = ("url", "key", "model")

    model: str | None = None
    """Hypernetwork with its base model, as in `Settings.model`; by default that of the service."""
    mode: Mode = "auto"
    temperature: float = 0.0
    max_tokens: int | None = None
    seed: int | None = None
    stop: list[str] | None = None
    streaming: bool = False
    tool_calling: bool | None = None
    """Whether the base model is told about bound tools. By default: unless it is the shipped reference
    model, which is too small to call any."""
    cache: BaseCache | bool | None = False
    """Off, also where LangChain has a global cache: a stored reply would outlive what was forgotten."""

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        mine = self.service.settings.model
        if self.model not in (None, mine):
            raise ValueError(f"model is {self.model!r}, but the memory's is {mine!r}; leave one of them out")
        self.__dict__["model"] = mine
        return self

    @property
    def _llm_type(self) -> str:
        return "parametric-memory"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "mode": self.mode, "temperature": self.temperature, **names_in(self)}

    # -- answering

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        said, asking = self._request(messages, stop, kwargs)
        *_, reply = self._told(lambda: iter([self.service.answer(said, **asking)]), said, kwargs)
        assert isinstance(reply, ChatReply)
        text, calls, invalid = tool_calls.parse(reply.text) if kwargs.get("tools") else (reply.text, [], [])
        message = AIMessage(
            content=text,
            tool_calls=calls,
            invalid_tool_calls=invalid,
            usage_metadata=_usage(reply),
            response_metadata=self._made_from(reply),
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        said, asking = self._request(messages, stop, kwargs)
        text, sent = "", 0
        for piece in self._told(lambda: self.service.answer_stream(said, **asking), said, kwargs):
            if isinstance(piece, ChatReply):
                yield self._last(piece, text, sent, with_tools=bool(kwargs.get("tools")))
                return
            text = (text + piece).lstrip() if not sent else text + piece
            ready = tool_calls.shown(text) if kwargs.get("tools") else len(text)
            if ready > sent:
                yield ChatGenerationChunk(message=AIMessageChunk(content=text[sent:ready]))
                sent = ready

    def _told(
        self, pieces: Callable[[], Iterator[Piece]], said: Sequence[Message], kwargs: dict[str, Any]
    ) -> Iterator[Piece]:
        """The pieces of a reply; where what is said is remembered (`told`), a statement is acknowledged."""
        plain_answer = kwargs.get("tools") or kwargs.get("choices") or said[-1].role != "user"
        if plain_answer or not kwargs.get("told"):
            return pieces()
        reader = self.service.reader
        return acknowledging(pieces, reader.read(said[-1].text), reader)

    def _last(self, reply: ChatReply, text: str, sent: int, *, with_tools: bool) -> ChatGenerationChunk:
        """The end of a stream: what was held back, tool calls, and what the reply was made from."""
        _, calls, invalid = tool_calls.parse(text) if with_tools else ("", [], [])
        rest = "" if calls or invalid else text[sent:]
        chunks = [
            tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=i)
            for i, call in enumerate(calls)
        ]
        message = AIMessageChunk(
            content=rest,
            tool_call_chunks=chunks,
            invalid_tool_calls=invalid,
            usage_metadata=_usage(reply),
            response_metadata=self._made_from(reply),
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message)

    def _request(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[list[Message], dict[str, Any]]:
        """The conversation, and how it is to be answered. Raises InvalidInput, MissingScope."""
        if kwargs.get("model") not in (None, self.model):
            raise InvalidInput(
                f"this model is {self.model!r}; open another ParametricChatModel for {kwargs['model']!r}"
            )
        names = self.whose(**{what: kwargs.get(what) for what in NAMES})
        said = to_prompt(messages)
        if tools := kwargs.get("tools"):
            said.insert(0, Message("system", tool_calls.instructions(tools, kwargs.get("tool_choice"))))
        asked, adapters = question(messages), kwargs.get("adapters")
        filters = self.narrowed(filters_in(kwargs.get("filters")))
        if adapters is not None:
            adapters = given(self.service, adapters, asked, names)
        elif asked.strip() and said[-1].text != asked:
            adapters = self.service.select(asked, filters=filters, **recalling(names))
        return said, {
            "mode": kwargs.get("mode") or self.mode,
            "adapters": adapters,
            "image": kwargs.get("image"),
            "choices": kwargs.get("choices"),
            "filters": filters,
            **names,
            **self._sampling(stop, kwargs),
        }

    def _sampling(self, stop: list[str] | None, kwargs: dict[str, Any]) -> Sampling:
        most = kwargs.get("max_tokens") or kwargs.get("max_new_tokens") or self.max_tokens
        sampling = Sampling(
            temperature=kwargs.get("temperature", self.temperature),
            seed=kwargs.get("seed", self.seed),
            stop=stop or self.stop or [],
        )
        if most is not None:
            sampling["max_new_tokens"] = most
        return sampling

    def _made_from(self, reply: ChatReply) -> dict[str, Any]:
        return {
            "model_name": self.model,
            "adapters": plain(reply.adapters),
            "memory_tokens": reply.memory_tokens,
            **({"choices": {one.text: one.probability for one in reply.choices}} if reply.choices else {}),
        }

    # -- tools

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Tell the base model about tools. Raises NotImplementedError where it has to call one and cannot."""
        choice = "any" if tool_choice in (True, "required") else tool_choice or None
        if self._calls_tools:
            return self.bind(tools=_described(tools), tool_choice=choice, **kwargs)
        if choice not in (None, "auto"):
            raise NotImplementedError(  # what LangChain raises for a chat model without tools
                f"the model {self.model!r} is too small to call tools; open another, or set tool_calling=True"
            )
        _warn(self.model)
        return self.bind(**kwargs)

    @property
    def _calls_tools(self) -> bool:
        return self.model != "reference" if self.tool_calling is None else self.tool_calling

    # -- counting, offline and with the model's own tokenizer

    def get_num_tokens(self, text: str) -> int:
        """Tokens of a text."""
        return self.service.count_tokens(text)

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Tokens of the prompt that the messages make."""
        said = to_prompt(messages)
        if tools and self._calls_tools:
            said.insert(0, Message("system", tool_calls.instructions(_described(tools), None)))
        return self.service.count_tokens(said)

    # -- the config of a call names whose it is; `_generate` sees keywords only

    def invoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        return super().invoke(input, config, **_named(config, kwargs))

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AIMessage:
        return await super().ainvoke(input, config, **_named(config, kwargs))

    def stream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Iterator[AIMessageChunk]:
        return super().stream(input, config, **_named(config, kwargs))

    def astream(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> AsyncIterator[AIMessageChunk]:
        return super().astream(input, config, **_named(config, kwargs))

    def stream_events(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return super().stream_events(input, config, **_named(config, kwargs))

    def astream_events(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return super().astream_events(input, config, **_named(config, kwargs))


def _named(config: RunnableConfig | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**names_in(configurable(config)), **kwargs}


@cache  # agents bind their tools anew for each call
def _warn(model: str) -> None:
    _log.warning("the model %r is too small to call tools; it answers without them", model)


def _described(tools: Sequence[Any]) -> list[dict[str, Any]]:
    return [convert_to_openai_tool(tool)["function"] for tool in tools]


def _usage(reply: ChatReply) -> UsageMetadata:
    read, written = reply.prompt_tokens, reply.completion_tokens
    return UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
