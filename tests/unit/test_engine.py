"""The engine against the slow, obvious way: one row, no cache, the whole prompt again for every token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Barrier, Thread

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel

from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from memory.backends.model.engine import Engine
from memory.backends.model.reply import Reply
from memory.errors import ModelUnavailable
from memory.ports import GenerationRequest
from tests.tiny_models import random_lora

END = 1
VOCAB = 97
PROMPTS = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14, 15], [16, 17]]


@pytest.fixture(scope="module")
def base() -> PreTrainedModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.3, pad_token_id=0,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval().requires_grad_(False)


@pytest.fixture
def engine(base: PreTrainedModel) -> Iterator[Engine]:
    engine = Engine(base, max_batch=4, batch_window_s=5.0)
    yield engine
    engine.close()


@pytest.fixture
def loras(base: PreTrainedModel) -> list[LoRA | None]:
    return [
        random_lora(base, rank=4, seed=1),
        None,
        random_lora(base, rank=2, seed=2),
        random_lora(base, seed=3),
    ]


def reply(prompt: list[int], lora: LoRA | None = None, *, length: int = 12, **request: object) -> Reply:
    asked = GenerationRequest((), adapter=lora, max_new_tokens=length, **request)  # type: ignore[arg-type]
    return Reply(prompt, asked, lambda ids: "".join(chr(0x4E00 + i) for i in ids), {END}, room=100)


def slowly(base: PreTrainedModel, prompt: list[int], lora: LoRA | None, length: int = 12) -> list[int]:
    """Greedy tokens by a full forward pass each. Call it while the engine is idle, or in one of its jobs."""
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(length):
            with apply(base, [lora]):
                token = int(base(input_ids=torch.tensor([ids])).logits[0, -1].argmax())
            if token == END:
                break
            ids.append(token)
    return ids[len(prompt) :]


def read(one: Reply) -> list[int]:
    """Its tokens, once it is written."""
    "".join(one)
    return one.ids[one.prompt_tokens :]


def write(engine: Engine, *replies: Reply) -> list[list[int]]:
    """Their tokens, once all are written in one batch."""
    for one in replies:
        engine.submit(one)
    return [read(one) for one in replies]


def test_rows_of_a_batch_are_written_as_if_each_were_alone(
    engine: Engine, base: PreTrainedModel, loras: list[LoRA | None]
) -> None:
    """Padding, cache, other rows and their adapters change no token of a row."""
    lengths = [12, 5, 9, 1]
    expected = [slowly(base, p, a, n) for p, a, n in zip(PROMPTS, loras, lengths, strict=True)]
    written = write(engine, *(reply(p, a, length=n) for p, a, n in zip(PROMPTS, loras, lengths, strict=True)))
    assert written == expected
    assert engine.batches == 1
    assert len({tuple(tokens) for tokens in written}) == 4


def test_the_base_model_is_left_as_it_was(
    engine: Engine, base: PreTrainedModel, loras: list[LoRA | None]
) -> None:
    """No weight changes, and no adapter is left in force."""
    before = {name: tensor.clone() for name, tensor in base.state_dict().items()}
    bare = slowly(base, PROMPTS[0], None)
    write(engine, *(reply(p, a) for p, a in zip(PROMPTS, loras, strict=True)))
    assert engine.run(lambda: slowly(base, PROMPTS[0], None)) == bare
    assert all(torch.equal(tensor, before[name]) for name, tensor in base.state_dict().items())


def test_a_row_that_fails_fails_alone(engine: Engine, base: PreTrainedModel) -> None:
    """An adapter that does not fit is an error for its own request only, and the engine lives on."""
    unfit = LoRA({"down_proj": torch.ones(3, 2, 7)}, {"down_proj": torch.ones(3, 2, 9)}, 1.0)
    expected = [slowly(base, prompt, None) for prompt in PROMPTS[:3]]
    good = [reply(prompt) for prompt in PROMPTS[:3]]
    bad = reply(PROMPTS[3], unfit)
    for one in (good[0], bad, *good[1:]):
        engine.submit(one)
    with pytest.raises(ModelUnavailable, match="could not answer: ValueError"):
        "".join(bad)
    assert [read(one) for one in good] == expected


def test_the_end_token_ends_a_reply(base: PreTrainedModel) -> None:
    """The end token is neither shown nor counted."""
    tokens = slowly(base, PROMPTS[0], None)
    asked = GenerationRequest((), max_new_tokens=12)
    one = Reply(PROMPTS[0], asked, lambda ids: "x" * len(ids), {tokens[4]}, room=100)
    engine = Engine(base)
    engine.submit(one)
    assert "".join(one) == "x" * tokens.index(tokens[4])
    assert one.completion_tokens == tokens.index(tokens[4])
    engine.close()


def test_a_reply_ends_with_the_window(engine: Engine) -> None:
    """Never more tokens than the model has room for."""
    one = Reply(PROMPTS[0], GenerationRequest((), max_new_tokens=50), str, set(), room=3)
    others = [reply(prompt) for prompt in PROMPTS[:3]]
    write(engine, one, *others)
    assert one.completion_tokens == 3


def test_a_stop_string_ends_a_reply(engine: Engine, base: PreTrainedModel) -> None:
    """The reply ends before the stop string, and the other rows go on."""
    tokens, *expected = [slowly(base, prompt, None) for prompt in PROMPTS]
    stopping = reply(PROMPTS[0], stop=(chr(0x4E00 + tokens[2]),))
    others = [reply(prompt) for prompt in PROMPTS[1:]]
    for one in (stopping, *others):
        engine.submit(one)
    assert "".join(stopping) == "".join(chr(0x4E00 + t) for t in tokens[: tokens.index(tokens[2])])
    assert [read(one) for one in others] == expected


def test_a_seed_repeats_a_draw(engine: Engine) -> None:
    """Above temperature 0 the same seed gives the same reply, in whatever company, another seed another."""
    first, again, other, greedy = write(
        engine,
        reply(PROMPTS[0], temperature=1.5, seed=7),
        reply(PROMPTS[0], temperature=1.5, seed=7),
        reply(PROMPTS[0], temperature=1.5, seed=8),
        reply(PROMPTS[0]),
    )
    assert first == again
    assert first != other
    assert first != greedy


def test_a_closed_reply_is_dropped_and_the_others_go_on(engine: Engine, base: PreTrainedModel) -> None:
    """Cancelling takes the row out of the batch; its iteration ends."""
    expected = [slowly(base, prompt, None) for prompt in PROMPTS[1:]]
    cancelled = reply(PROMPTS[0], length=90)
    cancelled.close()
    others = [reply(prompt) for prompt in PROMPTS[1:]]
    for one in (cancelled, *others):
        engine.submit(one)
    assert list(cancelled) == []
    assert [read(one) for one in others] == expected


def test_threads_share_a_batch(engine: Engine, base: PreTrainedModel) -> None:
    """Requests of four threads that come together are one batch, and each thread gets its own reply."""
    expected = {row: slowly(base, PROMPTS[row], None) for row in range(4)}
    barrier, written = Barrier(4), {}

    def ask(row: int) -> None:
        one = reply(PROMPTS[row])
        barrier.wait()
        engine.submit(one)
        written[row] = read(one)

    threads = [Thread(target=ask, args=(row,)) for row in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert engine.batches == 1
    assert written == expected


def test_jobs_run_on_the_bare_model(base: PreTrainedModel, loras: list[LoRA | None]) -> None:
    """Work between batches finds no adapter in force, and its errors reach who asked for it."""
    bare = slowly(base, PROMPTS[0], None)
    engine = Engine(base, batch_window_s=0.0)
    for prompt in PROMPTS:
        engine.submit(reply(prompt, loras[0], length=40))
    assert engine.run(lambda: slowly(base, PROMPTS[0], None)) == bare
    with pytest.raises(ZeroDivisionError):
        engine.run(lambda: 1 // 0)
    engine.close()


def test_closing_finishes_what_is_queued_and_takes_nothing_more(base: PreTrainedModel) -> None:
    """A reply accepted before the end is written; one after it is refused."""
    engine = Engine(base, batch_window_s=0.0)
    one = reply(PROMPTS[0])
    engine.submit(one)
    engine.close()
    engine.close()
    assert "".join(one)
    with pytest.raises(ModelUnavailable, match="closed"):
        engine.submit(reply(PROMPTS[0]))
    with pytest.raises(ModelUnavailable, match="closed"):
        engine.run(lambda: None)


def test_what_opens_every_reply_is_not_shown() -> None:
    """A model that says tokens as they stand in a text begins with a space, which is taken off."""
    letters = {2: "a", 3: " b", 4: " "}
    asked = GenerationRequest((), max_new_tokens=50)
    for tokens, wanted in (([4, 2, 3], "a b"), ([3, 3], "b b"), ([2, 3], "a b"), ([4, 4, 2], "a")):
        one = Reply([5], asked, lambda ids: "".join(letters[i] for i in ids), {END}, room=100, opening=" ")
        for token in [*tokens, END]:
            one.accept(token)
        assert "".join(one) == wanted


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform forks no process")
def test_a_forked_child_is_told_so_and_does_not_wait(engine: Engine) -> None:
    """The engine's thread stays behind in the parent."""
    child = os.fork()
    if child == 0:
        try:
            engine.run(lambda: None)
        except ModelUnavailable as refused:
            os._exit(7 if "forked" in str(refused) else 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
