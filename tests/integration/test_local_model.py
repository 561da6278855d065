"""The whole way with real tensors: a random base model and hypernetwork, real stores, one engine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from threading import Thread

import pytest
import torch

from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.inject import apply
from memory import Memory
from memory.backends.model.local import LocalModel
from memory.errors import InvalidInput, ModelUnavailable
from memory.ports import GenerationRequest
from memory.records import ChatReply, Message
from memory.text.cutting import CLAUSE_BUDGETS

FACTS = ["My dog is called Biscuit.", "My cat is called Onyx.", "My horse is called Rain."]
QUESTION = "What is my dog called?"


@pytest.fixture
def model(tiny_d2l: DocToLoRA) -> Iterator[LocalModel]:
    model = LocalModel(lambda: tiny_d2l, passage_tokens=60, batch_window_s=0.02)
    yield model
    model.close()


@pytest.fixture
def memory(make_memory, model: LocalModel) -> Memory:  # type: ignore[no-untyped-def]
    """Selects whatever is there, near or not; keeps adapters whole, or a near tie might go another way."""
    return make_memory(
        internalizer=model,
        generator=model,
        max_new_tokens=16,
        score_threshold=-1,
        score_margin=2,
        adapter_storage="float32",
    )


def test_the_answer_comes_out_of_the_weights(memory: Memory, model: LocalModel, tiny_d2l: DocToLoRA) -> None:
    """The prompt is the question alone, and the reply is the one that the very adapter gives."""
    [record] = memory.add(FACTS[0], user_id="ana")
    expected = slowly(tiny_d2l, QUESTION, FACTS[0])  # while the engine is idle
    reply = memory.ask(QUESTION, user_id="ana")
    bare = memory.answer(Message("user", QUESTION), user_id="ana", adapters=[])
    assert reply.prompt_tokens == bare.prompt_tokens == model.count_tokens([Message("user", QUESTION)])
    assert (reply.memory_tokens, [choice.memory_id for choice in reply.adapters]) == (0, [record.id])
    assert reply.text != bare.text
    assert reply.text == expected
    assert set(reply.timings) == {"embed", "select", "merge", "generate"}


def slowly(d2l: DocToLoRA, question: str, *facts: str) -> str:
    """Internalize and answer without memory, cache or batch."""
    merged = d2l.combine(d2l.generate([d2l.chunks(fact)[0] for fact in facts]))
    chat = [{"role": "user", "content": question}]
    ids = list(d2l.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False))
    start = len(ids)
    with torch.no_grad(), apply(d2l.base_model, merged):
        while len(ids) < start + 16:
            ids.append(int(d2l.base_model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == d2l.tokenizer.eos_token_id:
                break
    return d2l.tokenizer.decode(ids[start:], skip_special_tokens=True).rstrip("\ufffd").strip()


def test_several_memories_are_merged_exactly(memory: Memory, tiny_d2l: DocToLoRA) -> None:
    """All that were selected, side by side, in the order of the choices."""
    for fact in FACTS[:2]:
        memory.add(fact, user_id="ana")
    choices = memory.select(QUESTION, user_id="ana")
    assert len(choices) == 2
    expected = slowly(tiny_d2l, QUESTION, *(choice.text for choice in choices))  # while the engine is idle
    reply = memory.answer(Message("user", QUESTION), user_id="ana", adapters=choices)
    assert reply.text == expected


def test_a_restart_changes_no_answer(memory: Memory, make_memory, model: LocalModel) -> None:  # type: ignore[no-untyped-def]
    """What comes from disk answers as what was just made."""
    memory.add(FACTS[0], user_id="ana")
    before = memory.ask(QUESTION, user_id="ana")
    memory.forget(user_id="nobody")  # closes nothing of hers
    again = make_memory(internalizer=model, generator=model, max_new_tokens=16, score_threshold=-1)
    assert again.ask(QUESTION, user_id="ana").text == before.text


def test_eight_threads_with_eight_users_keep_apart(memory: Memory) -> None:
    """Each thread adds and asks on its own; every reply is the one its user gets alone."""
    users = [f"user{i}" for i in range(8)]
    for i, user in enumerate(users):
        memory.add(f"My box is number {i * 111}.", user_id=user)
    alone = {user: memory.ask("Which box?", user_id=user).text for user in users}
    together: dict[str, set[str]] = {user: set() for user in users}

    def chat(user: str) -> None:
        for turn in range(4):
            memory.add(f"Noise {turn} of {user} about other things.", user_id=f"{user}-noise")
            together[user].add(memory.ask("Which box?", user_id=user).text)

    threads = [Thread(target=chat, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == {user: {text} for user, text in alone.items()}
    assert len(set(alone.values())) > 1


def test_a_stream_is_the_reply_in_pieces(memory: Memory) -> None:
    """Text pieces first, then the whole reply with its counts."""
    memory.add(FACTS[0], user_id="ana")
    *pieces, reply = memory.chat_stream(QUESTION, user_id="ana", session_id="s")
    assert isinstance(reply, ChatReply)
    assert "".join(str(piece) for piece in pieces).strip() == reply.text
    assert reply.completion_tokens > 0
    assert [turn.text for turn in memory.turns(user_id="ana", session_id="s")] == [QUESTION, reply.text]


def test_a_model_loads_once_and_only_when_needed(tiny_d2l: DocToLoRA) -> None:
    """However many threads ask for it first."""
    loads: list[int] = []

    def load() -> DocToLoRA:
        loads.append(1)
        return tiny_d2l

    model = LocalModel(load)
    assert not model.loaded
    threads = [Thread(target=model.count, args=(["a"],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (model.loaded, len(loads)) == (True, 1)
    model.close()


def test_passages_fit_the_hypernetwork(tiny_d2l: DocToLoRA) -> None:
    """However large they are asked for, the longest clause kept whole stays within one chunk."""
    model = LocalModel(lambda: tiny_d2l, passage_tokens=10_000)
    affixes = 3  # <|user|>, <|end|>, <|assistant|>
    assert model.passage_tokens == (tiny_d2l.config.max_chunk_tokens - affixes) // CLAUSE_BUDGETS
    assert model.count(["abc", ""]) == [3, 0]
    model.close()


def test_a_prompt_beyond_the_window_is_refused(model: LocalModel) -> None:
    """At the port too, where nobody has cut it before."""
    with pytest.raises(InvalidInput, match="the prompt has 303 tokens, the model reads 256"):
        model.stream(GenerationRequest((Message("user", "x" * 300),)))


def test_a_template_without_system_role_gets_its_text_before_the_message(
    model: LocalModel, tiny_d2l: DocToLoRA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As gemma's template is; other refusals are clear errors."""
    refusing = (
        "{% for m in messages %}"
        "{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}<|assistant|>"
    )
    monkeypatch.setattr(tiny_d2l.tokenizer, "chat_template", refusing)
    folded = model.count_tokens([Message("system", "facts"), Message("user", "ask")])
    assert folded == model.count_tokens([Message("user", "facts\n\nask")])
    with pytest.raises(InvalidInput, match="refuses these messages: no system role"):
        model.count_tokens([Message("user", "ask"), Message("system", "facts")])
    monkeypatch.setattr(tiny_d2l.tokenizer, "chat_template", None)
    with pytest.raises(ModelUnavailable, match="no chat template"):
        model.count_tokens([Message("user", "ask")])


def test_a_program_may_end_without_closing() -> None:
    """The engine's thread ends with the interpreter, quietly and at once, whatever it was doing."""
    program = """
from transformers import LlamaConfig, LlamaForCausalLM
from memory.backends.model.engine import Engine
from memory.ports import GenerationRequest
from memory.backends.model.reply import Reply

sizes = dict(vocab_size=50, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
engine = Engine(LlamaForCausalLM(LlamaConfig(**sizes)))
endless = Reply([5, 6], GenerationRequest((), max_new_tokens=10**9), str, set(), 10**9)
engine.submit(endless)
print(next(endless) != "")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")
