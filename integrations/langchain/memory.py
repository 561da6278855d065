"""`ParametricMemory`: memory for chains, the verbs of the service, and bridges to everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from langchain_core.messages import BaseMessage, SystemMessage, get_buffer_string
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field, PrivateAttr

from integrations.langchain.base_memory import BaseMemory
from integrations.langchain.chat_history import ParametricChatMessageHistory
from integrations.langchain.chat_model import ParametricChatModel
from integrations.langchain.compressor import ParametricCompressor
from integrations.langchain.documents import records
from integrations.langchain.messages import asked, says, to_messages
from integrations.langchain.retriever import ParametricRetriever
from integrations.langchain.scope import NAMES, Recalling, Scoped, names_in, recalling
from integrations.langchain.shared import close
from integrations.langchain.tools import memory_tools
from memory.errors import InvalidInput
from memory.read.options import Mode
from memory.read.recalled import Recall
from memory.records import AdapterChoice, ErasureReceipt, HistoryEvent, MemoryHit, MemoryRecord, Message
from memory.records.inputs import MAX_RECALLED, Whose, filters_in
from memory.upkeep.reports import CompactReport

if TYPE_CHECKING:
    from integrations.langchain.middleware import ParametricMemoryMiddleware
    from integrations.langchain.store import ParametricStore

Part = TypeVar("Part", bound=Scoped)


class ParametricMemory(Recalling, BaseMemory):
    """Long-term memory that answers from weights. Works at once, offline, with no arguments:

        memory = ParametricMemory()
        chain = ConversationChain(llm=memory.as_chat_model(), memory=memory)

    Where nobody is named, it is the memory of one person (`Settings.user`), and the conversation of a chain
    is a session of its own. Name a session to go on with it after a restart. The model's adapters hold what
    was said; a chain's prompt gets the newest `k` exchanges, and recalled text only where the model is not
    one of `as_chat_model` (or where `mode` asks for it).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory_key: str = "history"
    input_key: str | None = None
    output_key: str | None = None
    return_messages: bool = False
    human_prefix: str = "Human"
    ai_prefix: str = "AI"
    k: int | None = Field(default=None, ge=0)
    """Newest exchanges in a prompt; by default those of the hot window (`Settings.hot_window_turns`)."""
    mode: Mode = "auto"
    _session: str = PrivateAttr(default_factory=lambda: uuid4().hex)
    _bound: bool = PrivateAttr(False)  # a model of ours was asked for: text need not be recalled

    def model_post_init(self, context: Any, /) -> None:
        super().model_post_init(context)
        if self.user_id is None and self.agent_id is None and self.session_id is None:
            self._default_user = self.service.settings.user

    # -- memory of a chain

    @property
    def memory_variables(self) -> list[str]:
        """The one key that this memory adds to a chain's inputs."""
        return [self.memory_key]

    def load_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The newest exchanges under `memory_key`, after recalled text where the model has no adapters."""
        query = self._value(inputs, self.input_key, "input") if inputs else ""
        asked.set(query)
        names = self._conversation()
        last = 2 * self._exchanges
        newest: list[BaseMessage] = [*to_messages(self.service.turns(last=last, **names))] if last else []
        recalled = self._recalled(query, newest, names)
        if self.return_messages:
            return {self.memory_key: [*([SystemMessage(recalled)] if recalled else []), *newest]}
        buffer = get_buffer_string(newest, self.human_prefix, self.ai_prefix)
        return {self.memory_key: "\n".join(filter(None, [recalled, buffer]))}

    async def aload_memory_variables(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """`load_memory_variables` in a thread."""
        loaded = await super().aload_memory_variables(inputs)
        asked.set(self._value(inputs, self.input_key, "input") if inputs else "")
        return loaded

    def save_context(self, inputs: dict[str, Any], outputs: dict[str, str]) -> None:
        """Make a turn of it, and remember what the user told."""
        asked.set("")
        said = self._value(inputs, self.input_key, "input")
        reply = self._value(outputs, self.output_key, "output")
        names = self._conversation()
        asks = self.service.reader.read(reply).asks
        news = (
            asks
            and said.strip()
            and not self.service.select(said, filters=self.narrowed(), **recalling(names))
        )
        self.service.append([Message("user", said), Message("assistant", reply, not news)], **names)

    async def asave_context(self, inputs: dict[str, Any], outputs: dict[str, str]) -> None:
        """`save_context` in a thread."""
        asked.set("")
        await super().asave_context(inputs, outputs)

    def clear(self) -> None:
        """Forget this conversation, and what was remembered of it. `forget` takes more."""
        self.service.forget(**self._conversation())

    @property
    def _exchanges(self) -> int:
        return self.service.settings.hot_window_turns // 2 if self.k is None else self.k

    def _conversation(self) -> Whose:
        names = self.whose()
        names.setdefault("session_id", self._session)
        return names

    def _recalled(self, query: str, newest: Sequence[BaseMessage], names: Whose) -> str:
        """What goes before the newest exchanges, and they do not show."""
        with_text = self.mode in ("text", "both") or (self.mode == "auto" and not self._bound)
        if not with_text or not query.strip():
            return ""
        said = [Message(*line) for message in newest if (line := says(message))]
        return self.service.recall(
            query, k=MAX_RECALLED, before=said, filters=self.narrowed(), **recalling(names)
        ).prompt

    def _value(self, values: dict[str, Any], key: str | None, what: str) -> str:
        """The text under a key, or the only one there is besides the memory's own."""
        if key is None:
            keys = [name for name in values if name not in (self.memory_key, "stop")]
            if len(keys) != 1:
                raise InvalidInput(f"which {what} is remembered? got keys {sorted(values)}; set {what}_key")
            key = keys[0]
        if key not in values:
            raise InvalidInput(f"{what}_key is {key!r}, got keys {sorted(values)}")
        value = values[key]
        text = value.text if isinstance(value, BaseMessage) else value
        if not isinstance(text, str):
            raise InvalidInput(f"the {what} under {key!r} is {type(value).__name__}; give text")
        return str(text)

    # -- the verbs of the service, for whom this memory is for

    def add(self, content: Any, **given: Any) -> list[MemoryRecord]:
        """Remember a text, or messages in the form {"role": ..., "content": ...}."""
        return self.service.add(content, **self._filled(given))

    def search(self, query: str, *, k: int = 4, **given: Any) -> list[MemoryHit]:
        """The k memories nearest to a query."""
        return self.service.search(query, k=k, **self._asking(given))

    def select(self, query: str, **given: Any) -> list[AdapterChoice]:
        """The adapters that a turn saying this would merge; `adapters=` of the chat model takes them."""
        return self.service.select(query, **self._asking(given))

    def recall(self, query: str, **given: Any) -> Recall:
        """The texts that another model should read before it answers; `str` of them goes into its prompt."""
        return self.service.recall(query, **self._asking(given))

    def get(self, memory_id: str, **given: Any) -> MemoryRecord:
        """One memory. Raises NotFound."""
        return self.service.get(memory_id, **self._filled(given))

    def get_all(self, **given: Any) -> list[MemoryRecord]:
        """All memories, newest first."""
        filled = self._filled(given)
        names = names_in(filled)
        return list(records(self.service, names, **{k: v for k, v in filled.items() if k not in NAMES}))

    def update(self, memory_id: str, text: str | None = None, **given: Any) -> MemoryRecord:
        """Change a memory's text, metadata or expiry. Raises NotFound."""
        return self.service.update(memory_id, text, **self._filled(given))

    def delete(self, memory_id: str, **given: Any) -> ErasureReceipt:
        """Forget one memory. Raises NotFound."""
        return self.service.delete(memory_id, **self._filled(given))

    def history(self, memory_id: str, **given: Any) -> list[HistoryEvent]:
        """What happened to a memory, also after it is gone."""
        return self.service.history(memory_id, **self._filled(given))

    def forget(self, **given: Any) -> ErasureReceipt:
        """Erase everything of whom this memory is for, or of the session or document named."""
        return self.service.forget(**self._filled(given))

    def compact(self, session_id: str | None = None, **given: Any) -> CompactReport:
        """Make a long session, or all sessions of whom this memory is for, into fewer, denser adapters."""
        return self.service.compact(**self._filled({**given, "session_id": session_id}))

    def close(self) -> None:
        """Let go of models and database."""
        close(self.service)

    def _asking(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._filled({**given, "filters": self.narrowed(filters_in(given.get("filters")))})

    def _filled(self, given: dict[str, Any]) -> dict[str, Any]:
        rest = {key: value for key, value in given.items() if key not in NAMES}
        return {**rest, **self.whose(**{what: given.get(what) for what in NAMES})}

    # -- bridges

    def as_chat_model(self, **given: Any) -> ParametricChatModel:
        """A chat model that answers from this memory."""
        self._bound = True
        return self._part(ParametricChatModel, {"mode": self.mode, **given})

    def as_retriever(self, **given: Any) -> ParametricRetriever:
        """A retriever, and index of documents, over this memory."""
        return self._part(ParametricRetriever, given)

    def as_compressor(self, **given: Any) -> ParametricCompressor:
        """Makes the documents that another retriever finds into adapters of this memory."""
        return self._part(ParametricCompressor, given)

    def as_chat_history(self, session_id: str | None = None, **given: Any) -> ParametricChatMessageHistory:
        """The messages of a session; by default this memory's own."""
        names = {**self._conversation(), **({"session_id": session_id} if session_id else {})}
        return ParametricChatMessageHistory(**{"service": self.service, "k": self.k, **names, **given})

    def as_tools(self, *, k: int = 4) -> list[BaseTool]:
        """search_memory, save_memory and forget_memory."""
        return memory_tools(self, k)

    def as_middleware(self, **given: Any) -> ParametricMemoryMiddleware:
        """Middleware for `langchain.agents.create_agent`. Nobody named is an error here."""
        from integrations.langchain.middleware import ParametricMemoryMiddleware

        mine = {**self.names(), "k": self.k, "mode": self.mode, "filters": self.filters}
        return ParametricMemoryMiddleware(**{**mine, **given})

    def as_store(self) -> ParametricStore:
        """A langgraph store whose items are memories."""
        from integrations.langchain.store import ParametricStore

        return ParametricStore(**self.names())

    def _part(self, kind: type[Part], given: dict[str, Any]) -> Part:
        mine = {"filters": self.filters} if issubclass(kind, Recalling) else {}
        part = kind(**{**self.names(), **mine, **given})
        part._default_user = self._default_user
        return part
