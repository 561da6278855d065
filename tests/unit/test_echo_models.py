"""The fake hypernetwork and base model: text comes back out of an adapter, or not at all."""

from __future__ import annotations

import pytest

from memory.errors import InvalidInput
from memory.fakes import EchoGenerator, EchoInternalizer
from memory.fakes.models import UNKNOWN, passages_in
from memory.ports import GenerationRequest
from memory.records import Message

DOG = "My dog is called Biscuit. We live in Lisbon."
LONG = "Ünïcödé 🙂 " * 30
QUESTION = Message("user", "What is my dog called?")


def test_passages_come_back_from_a_merge() -> None:
    """Whole, in order, whatever their lengths and weights."""
    net = EchoInternalizer()
    merged = net.combine(net.generate([DOG, LONG, "x"]), weights=[1.0, 0.5, 2.0])
    assert passages_in(merged) == [DOG, LONG, "x"]


@pytest.mark.parametrize("told", [True, False])
def test_an_answer_comes_from_the_adapter(told: bool) -> None:
    """And nothing is known without it."""
    net, model = EchoInternalizer(), EchoGenerator()
    adapter = net.combine(net.generate([DOG])) if told else None
    reply = model.stream(GenerationRequest((QUESTION,), adapter))
    assert "".join(reply) == ("My dog is called Biscuit." if told else UNKNOWN)
    assert reply.prompt_tokens == model.count_tokens([QUESTION]) == 6


def test_an_answer_comes_from_the_prompt() -> None:
    """As with text in place of weights."""
    request = GenerationRequest((Message("system", DOG), QUESTION))
    assert "".join(EchoGenerator().stream(request)) == "My dog is called Biscuit."


def test_what_shares_nothing_with_the_question_is_no_answer() -> None:
    """An adapter is not recited."""
    net = EchoInternalizer()
    request = GenerationRequest((QUESTION,), net.combine(net.generate(["Rain tomorrow"])))
    assert "".join(EchoGenerator().stream(request)) == UNKNOWN


def test_a_reply_can_be_cut_and_cancelled() -> None:
    """The counts say how far it came."""
    model = EchoGenerator()
    request = GenerationRequest((Message("system", DOG), QUESTION), max_new_tokens=2)
    reply = model.stream(request)
    assert next(reply) == "My"
    reply.close()
    assert (list(reply), reply.completion_tokens) == ([], 1)
    assert "".join(model.stream(request)) == "My dog"


def test_a_prompt_beyond_the_window_is_refused() -> None:
    """With both sizes."""
    with pytest.raises(InvalidInput, match=r"6 tokens.*window is 5"):
        EchoGenerator(window=5).stream(GenerationRequest((QUESTION,)))
