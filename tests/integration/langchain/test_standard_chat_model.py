"""LangChain's own suites for chat models: over real tensors, and over a model that calls tools."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from hypernet.doc_to_lora import DocToLoRA
from integrations.langchain import ParametricChatModel
from memory.backends.model.local import LocalModel
from tests.integration.langchain.tool_caller import ToolCaller


class Ours:
    """What both suites are run with: Ana's memory, with one fact in it."""

    @pytest.fixture(autouse=True)
    def _memory(self, make_memory: Any) -> None:
        self.service = make_memory(**self.parts(), max_new_tokens=32, score_threshold=-1)
        self.service.add("My dog is called Biscuit.", user_id="ana")

    def parts(self) -> dict[str, Any]:
        return {"generator": ToolCaller()}

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ParametricChatModel

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"service": self.service, "user_id": "ana", "tool_calling": True}

    @property
    def supports_model_override(self) -> bool:
        return False  # one memory has one base model: another name is an error


class TestUnit(Ours, ChatModelUnitTests):
    """Construction, tool binding, structured output, tracing parameters."""

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        home = str(self.service.settings.home.parent / "other")
        return {"MEMORY_HOME": home, "MEMORY_MODEL": "some/model"}, {}, {"model": "some/model"}


class TestWithTools(Ours, ChatModelIntegrationTests):
    """Everything, tool calling and structured output included, with a model that writes calls."""


class TestWithTensors(Ours, ChatModelIntegrationTests):
    """Everything that a model of random weights can do, through hypernetwork, merge and engine."""

    @pytest.fixture(autouse=True)
    def _memory(self, make_memory: Any, tiny_d2l: DocToLoRA) -> Any:
        self.model = LocalModel(lambda: tiny_d2l, passage_tokens=60)
        self.service = make_memory(
            internalizer=self.model, generator=self.model, max_new_tokens=16, score_threshold=-1
        )
        self.service.add("My dog is called Biscuit.", user_id="ana")

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"service": self.service, "user_id": "ana"}

    @property
    def has_tool_calling(self) -> bool:
        return False
