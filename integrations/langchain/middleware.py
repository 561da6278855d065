"""Memory for `langchain.agents.create_agent`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, NotRequired, cast

from langchain_core.messages import SystemMessage
from langchain_core.runnables import run_in_executor
from typing_extensions import TypedDict

from integrations.langchain.chat_model import ParametricChatModel
from integrations.langchain.choices import Choice, plain
from integrations.langchain.messages import pictures, question, says, to_turns, without_pictures
from integrations.langchain.scope import configurable, names_in, recalling, required, scoped
from integrations.langchain.shared import AnyMemory
from integrations.langchain.transcript import leaving, unsaved
from memory.errors import InvalidInput, NotFound
from memory.read.options import Mode
from memory.records import IMAGE, MemoryRecord, Message
from memory.records.inputs import MAX_RECALLED, Whose, filters_in

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
    from langchain.agents.middleware.types import PrivateStateAttr
    from langgraph.runtime import Runtime
except ImportError as error:
    raise ImportError("the middleware needs langchain: pip install 'parametric-memory[langchain]'") from error


class Turn(TypedDict):
    """What a turn of the agent found out at its start. No text: checkpoints outlive what is forgotten."""

    adapters: list[Choice]
    leaving: list[str]  # ids of messages that need not be in the prompt


class MemoryState(AgentState[Any]):
    """The agent's state, and what this turn recalls."""

    parametric_memory: NotRequired[Annotated[Turn, PrivateStateAttr]]


class ParametricMemoryMiddleware(AgentMiddleware[MemoryState, Any, Any]):
    """Selects adapters once a turn, keeps old turns out of the prompt, and remembers the new ones.

        agent = create_agent(memory.as_chat_model(), tools, middleware=[memory.as_middleware()])
        agent.invoke({"messages": [...]}, {"configurable": {"thread_id": "t1", "user_id": "ana"}})

    Whose memory: user_id, agent_id, session_id, tenant_id given here, in the runtime context or in the
    config's "configurable"; nobody named is an error. `thread_id` is the session where none is named.

    Messages older than `k` exchanges leave the model's request once memory holds them, never the state. A
    model other than the memory's own gets what is recalled as text (`Memory.recall`), as much of it as
    `recalled_tokens` hold (settings.recall_tokens). `filters` say what the metadata of all of it has to have.

    A picture of the last human message (bytes in base64 or a data URL) is remembered, where the memory's own
    model answers, and answered from memory; of a message that is not to be kept, for this turn alone. Another
    model gets it as it is, and it is not remembered.
    """

    state_schema = MemoryState

    def __init__(
        self,
        service: AnyMemory | None = None,
        *,
        k: int | None = None,
        mode: Mode = "auto",
        recalled_tokens: int | None = None,
        filters: Mapping[str, Any] | None = None,
        **names: Any,
    ) -> None:
        super().__init__()
        self._scoped = scoped(service, **names)
        self.filters = filters_in(filters) or None
        self.service = self._scoped.service
        settings = self.service.settings
        self.k = settings.hot_window_turns // 2 if k is None else k
        self.mode = mode
        self.recalled_tokens = settings.recall_tokens if recalled_tokens is None else recalled_tokens

    # -- once a turn, before

    def before_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any]:
        names = self._whose(runtime)
        messages = state["messages"]
        asked = question(messages)
        choices = self._select(asked, names, self.filters) if asked.strip() else []
        gone = leaving(messages, self._held(names) or (), self.k)
        return {"parametric_memory": Turn(adapters=choices, leaving=gone)}

    async def abefore_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any]:
        return await run_in_executor(None, self.before_agent, state, runtime)

    # -- every call of the model

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        return handler(self._with_memory(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        return await handler(await run_in_executor(None, self._with_memory, request))

    def _with_memory(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        turn = cast(MemoryState, request.state)["parametric_memory"]
        names = self._whose(request.runtime)
        gone = set(turn["leaving"])
        request = request.override(messages=[m for m in request.messages if m.id not in gone])
        model = request.model
        if isinstance(model, ParametricChatModel) and model.service is self.service:
            kept, image = self._looked(request.messages, names)
            adapters = self._standing(turn["adapters"] if kept is None else kept, names)
            ours = {**names, "adapters": adapters, "image": image, "mode": self.mode, "filters": self.filters}
            ours["told"] = True
            read: list[Any] = [without_pictures(message) for message in request.messages]
            return request.override(messages=read, model_settings={**request.model_settings, **ours})
        if self.mode == "adapters":
            raise InvalidInput("mode is 'adapters', but the model is not this memory's; use auto or text")
        return self._with_text(request, names)

    def _looked(self, messages: list[Any], names: Whose) -> tuple[list[Choice] | None, str | None]:
        """Adapters of a turn that shows pictures, which are remembered first; None for any other.

        The same picture is stored once, however often the model is called in a turn. One that is not to be
        kept is not: it comes back, for this turn alone.
        """
        shown, said = pictures(messages), question(messages)
        if not shown:
            return None, None
        if not said.strip():
            raise InvalidInput("this model knows pictures from memory alone; say something of it to keep")
        if not all(one.startswith("data:") for one in shown):
            raise InvalidInput("the image is no data URL, and none is fetched; give its bytes in base64")
        if self.service.reader.read(said).withheld:
            if len(shown) > 1:
                raise InvalidInput("one picture a message that is not to be kept; show the others apart")
            return None, shown[0]
        kept: list[MemoryRecord] = []
        for one in shown:
            kept += self.service.add(image=one, **names)
        seen = [{IMAGE: record.metadata[IMAGE]} for record in kept]
        return self._select(said, names, self.filters and {"$or": [self.filters, *seen]}), None

    def _select(self, said: str, names: Whose, filters: Mapping[str, Any] | None) -> list[Choice]:
        return plain(self.service.select(said, filters=filters, **recalling(names)))

    def _standing(self, choices: list[Choice], names: Whose) -> list[Choice]:
        """The adapters of the turn that were not forgotten meanwhile, by a tool say."""
        found = []
        for choice in choices:
            with suppress(NotFound):
                self.service.get(choice["memory_id"], **recalling(names))
                found.append(choice)
        return found

    def _with_text(self, request: ModelRequest[Any], names: Whose) -> ModelRequest[Any]:
        """The request with recalled text after its system message: nothing that its messages show already."""
        asked = question(request.messages)
        if not asked.strip() or self.recalled_tokens < 1:
            return request
        said = [Message(*line) for message in request.messages if (line := says(message))]
        recalled = self.service.recall(
            asked,
            k=MAX_RECALLED,
            max_tokens=self.recalled_tokens,
            before=said,
            filters=self.filters,
            **recalling(names),
        )
        if not recalled:
            return request
        before = request.system_message
        blocks: list[Any] = [] if before is None else [*before.content_blocks]
        if not blocks:
            return request.override(system_message=SystemMessage(recalled.prompt))
        return request.override(
            system_message=SystemMessage([*blocks, {"type": "text", "text": "\n\n" + recalled.prompt}])
        )

    # -- once a turn, after

    def after_agent(self, state: MemoryState, runtime: Runtime[Any]) -> None:
        names = self._whose(runtime)
        new = unsaved(state["messages"], self._held(names))
        turns = to_turns(new, self.service.reader, from_memory=bool(state["parametric_memory"]["adapters"]))
        if turns:
            self.service.add(turns, **names)

    async def aafter_agent(self, state: MemoryState, runtime: Runtime[Any]) -> None:
        await run_in_executor(None, self.after_agent, state, runtime)

    # -- whose

    def _whose(self, runtime: Runtime[Any]) -> Whose:
        names = required(self._scoped.whose(**names_in(runtime.context)))
        thread = configurable().get("thread_id")
        if thread is not None:
            names.setdefault("session_id", str(thread))
        return names

    def _held(self, names: Whose) -> set[tuple[str, str]] | None:
        """Role and text of the session's turns; None where no session is named."""
        if names.get("session_id") is None:
            return None
        return {(turn.role, turn.text) for turn in self.service.turns(**names)}
