"""Doc-to-LoRA training on a frozen base: it learns, resumes, leaves the base alone, and saves its result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from typer.testing import CliRunner

from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.inject import apply_factors
from hypernet.networks.hypernetwork import AnyHypernetwork, build
from hypernet.training import json_lines
from hypernet.training.__main__ import app
from hypernet.training.data.examples import Asked, Example, asks_any
from hypernet.training.documents.d2l import Kind, Sizes
from hypernet.training.documents.document_judge import Judge
from hypernet.training.documents.document_losses import (
    Weights,
    document_losses,
    generated,
    merged_groups,
    of_groups,
)
from hypernet.training.documents.lessons import Lesson, Lessons, Mix, Reader, exams
from hypernet.training.packed import Chat, Packed, answer_logits, require_packing
from hypernet.training.trainer import Schedule, Stage, Trainer
from hypernet.world.facts import UNKNOWN

NAMES = ("Anna", "Bob", "Carl", "Dora", "Emil", "Fay", "Gus", "Hal", "Ida", "Jo")
EXAMPLES = [
    Example(
        (f"{name} has the code {i}{i}.", f"{name} likes {'tea' if i % 2 else 'milk'}."),
        (Asked(f"{name}'s code?", f"{i}{i}"), Asked(f"{name} likes?", "tea" if i % 2 else "milk")),
        (f"{name}'s cat?",) if i % 3 else (),
    )
    for i, name in enumerate(NAMES)
]


@pytest.fixture
def base(byte_tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(byte_tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=128,
        initializer_range=0.3,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


def hypernetwork_for(base: LlamaForCausalLM, kind: Kind = Kind.LATENTS) -> AnyHypernetwork:
    torch.manual_seed(0)
    return build(Sizes(("down_proj",), 2, 16, 4, 1, 64, 4, kind).config(base))


@pytest.fixture
def reader(base: LlamaForCausalLM, byte_tokenizer: PreTrainedTokenizerFast) -> Reader:
    return Reader(byte_tokenizer, hypernetwork_for(base).config, base.config.max_position_embeddings)


@pytest.fixture
def data(tmp_path: Path, base: LlamaForCausalLM, byte_tokenizer: PreTrainedTokenizerFast) -> Path:
    """A folder with a base model and examples to train it on."""
    base.save_pretrained(tmp_path / "base")
    byte_tokenizer.save_pretrained(tmp_path / "base")
    json_lines.write(tmp_path / "data.jsonl", (example.to_record() for example in EXAMPLES))
    return tmp_path


def run(folder: Path, out: str, *options: str) -> None:
    sizes = "--rank 2 --latent-size 16 --latents 4 --blocks 1 --chunk-tokens 64 --chunks 2 --tokens 400"
    arguments = ["d2l", "--base", str(folder / "base"), "--data", str(folder / "data.jsonl")]
    arguments += ["--folder", str(folder / out), *sizes.split(), "--heldout", "0.3", "--device", "cpu"]
    result = CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_run_ends_in_a_model_that_loads_with_a_card_of_what_was_measured(data: Path) -> None:
    """Weights in our layout that find their base, the curve as numbers and picture, figures in the card."""
    run(data, "run", "--steps", "4", "--evaluate-every", "2")
    model = DocToLoRA.from_pretrained(data / "run" / "model", device="cpu")
    lora = model.internalize("Anna has the code 00.")
    assert lora.rank == 4  # one chunk's and the bias adapter's
    assert lora.modules == ("down_proj",)
    lines = [json.loads(line) for line in (data / "run" / "curve.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert {"answers", "teacher", "l1", "loss", "exact"} <= lines[0].keys()
    figures = json.loads((data / "run" / "model" / "figures.json").read_text())
    assert {"no memory", "wrong adapter", "full context", "adapter"} <= figures.keys()
    card = (data / "run" / "model" / "README.md").read_text()
    assert f"| adapter | {100 * figures['adapter']['share']:.1f} %" in card
    assert (data / "run" / "model" / "curve.png").stat().st_size > 0


def test_a_killed_run_ends_with_the_same_weights(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between checkpoints and started again, it repeats and skips nothing."""
    options = ("--steps", "5", "--save-every", "2")
    run(data, "whole", *options)
    steady = Lessons.at

    def dying(self: Lessons, step: int, rank: int = 0, *, remind: bool) -> Lesson:
        if step == 3:
            raise KeyboardInterrupt
        return steady(self, step, rank, remind=remind)

    with monkeypatch.context() as patch:
        patch.setattr(Lessons, "at", dying)
        arguments = ("broken", *options)
        with pytest.raises((KeyboardInterrupt, AssertionError)):
            run(data, *arguments)
    assert not (data / "broken" / "model").exists()
    run(data, *arguments)
    whole, broken = (
        DocToLoRA.from_pretrained(data / name / "model", device="cpu") for name in ("whole", "broken")
    )
    assert whole.hypernet_fingerprint == broken.hypernet_fingerprint


def test_training_lowers_the_loss_and_leaves_the_base_as_it_is(
    base: LlamaForCausalLM, reader: Reader, tmp_path: Path
) -> None:
    """Bit by bit, every weight of the base; the answers become likelier than they were."""
    before = {name: t.clone() for name, t in base.state_dict().items()}
    hypernetwork = hypernetwork_for(base)
    lessons = Lessons(EXAMPLES, reader, Mix(tokens=500, growth=10), 4, seed=1)
    judge = Judge(base, hypernetwork, list(exams(EXAMPLES, reader, 1000, 2)), 1000)

    def loss(step: int) -> dict[str, Tensor]:
        return document_losses(base, hypernetwork, lessons.at(step, remind=True), Weights(), 1000)

    first = judge()["loss"]
    schedule = Schedule(40, warmup=4)
    Trainer(Stage("d2l", hypernetwork, loss, judge, schedule, muon_lr=0.02, adam_lr=0.02), tmp_path).run()
    assert judge()["loss"] < 0.8 * first
    assert all(torch.equal(t, before[name]) for name, t in base.state_dict().items())


def test_the_anchored_reader_trains_too(base: LlamaForCausalLM, reader: Reader) -> None:
    """Every part of it that is used gets a gradient."""
    hypernetwork = hypernetwork_for(base, Kind.ANCHORS)
    lesson = Lessons(EXAMPLES, reader, Mix(tokens=500), 4, seed=1).at(0, remind=False)
    torch.stack(
        list(document_losses(base, hypernetwork, lesson, Weights(teacher=0), 1000).values())
    ).sum().backward()
    assert hypernetwork.key["down_proj"].grad.abs().sum() > 0
    assert hypernetwork.saliency.weight.grad.abs().sum() > 0


def test_packed_turns_are_answered_as_if_alone(base: LlamaForCausalLM, reader: Reader) -> None:
    """Each with its row's adapter, in rows of different length; compared with the base on one turn."""
    turns = [reader.chat.turn(qa.question, qa.answer) for e in EXAMPLES[:2] for qa in e.qa]
    packed = Packed.of([turns[:3], turns[3:]], base.device)
    hypernetwork = hypernetwork_for(base)
    merged = merged_groups(
        generated(base, hypernetwork, reader.chunks(EXAMPLES[0].contexts, 2), 100), hypernetwork, [[0], [1]]
    )
    with torch.no_grad(), apply_factors(base, merged, 1.0):
        logits = answer_logits(base, packed)
    for number, turn in enumerate(turns):
        with torch.no_grad(), apply_factors(base, of_groups(merged, [int(number == 3)]), 1.0):
            alone = base(input_ids=torch.tensor([turn.ids])).logits[0, turn.start - 1 : -1]
        torch.testing.assert_close(logits[packed.turn == number], alone, rtol=1e-4, atol=1e-4)


def test_a_base_that_mixes_packed_turns_up_is_refused(
    base: LlamaForCausalLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that does not look at position ids would let one question see another's answer."""
    require_packing(base)
    forward = base.model.forward

    def blind(position_ids: Tensor | None = None, **kwargs: object) -> object:
        if position_ids is not None:
            position_ids = torch.arange(position_ids.size(1)).expand_as(position_ids)
        return forward(position_ids=position_ids, **kwargs)

    monkeypatch.setattr(base.model, "forward", blind)
    with pytest.raises(ValueError, match="packed in a row"):
        require_packing(base)


def test_a_smaller_group_is_merged_as_if_alone(base: LlamaForCausalLM, reader: Reader) -> None:
    """Beside a group of two chunks, a group of one has the effect of its chunk and the bias adapter."""
    hypernetwork = hypernetwork_for(base)
    factors = generated(base, hypernetwork, reader.chunks(EXAMPLES[0].contexts, 2), 100)
    a, b = merged_groups(factors, hypernetwork, [[0, 1], [1]])["down_proj"]
    alone_a, alone_b = merged_groups(factors, hypernetwork, [[1]])["down_proj"]
    torch.testing.assert_close(b[1].mT @ a[1], alone_b[0].mT @ alone_a[0])


def test_the_teacher_is_the_base_with_the_contexts_in_its_prompt(
    base: LlamaForCausalLM, reader: Reader
) -> None:
    """Where adapters have no effect and nothing is added to the prompt, teacher and student agree."""
    hypernetwork = hypernetwork_for(base)
    hypernetwork.heads.scaler_B["down_proj"].data.zero_()
    lesson = Lessons(EXAMPLES, reader, Mix(tokens=500, unknown=0.0), 4, seed=1).at(0, remind=True)
    same = Lesson(lesson.chunks, lesson.groups, lesson.rows, [list(row) for row in lesson.rows])
    with torch.no_grad():
        alike = document_losses(base, hypernetwork, same, Weights(), 300)["teacher"].item()
        apart = document_losses(base, hypernetwork, lesson, Weights(), 300)["teacher"].item()
    assert alike == pytest.approx(0, abs=1e-5)
    assert apart > 0.01


def test_a_lesson_is_a_function_of_seed_rank_and_step(reader: Reader) -> None:
    """The same again in another process; other processes of a team practise other examples."""
    one, two = (Lessons(EXAMPLES, reader, Mix(tokens=400), 4, seed=3) for _ in range(2))
    assert one.at(5, remind=True) == two.at(5, remind=True)
    assert one.at(5, remind=True) != one.at(5, rank=1, remind=True)
    assert one.at(5, remind=True) != one.at(6, remind=True)


def test_contexts_are_cut_finer_as_training_goes_on(reader: Reader) -> None:
    """One chunk a context at first, up to the limit in the end; one fits all, whatever the step."""
    long = [Example(("word " * 200 + str(i),), (Asked("What?", "That"),)) for i in range(3)]
    reader.max_tokens = 2000
    lessons = Lessons(long, reader, Mix(tokens=1, growth=100, distractors=0), 8, seed=0)
    assert {len(lessons.at(step, remind=False).chunks) for step in range(14)} == {1}
    late = {len(lessons.at(step, remind=False).chunks) for step in range(100, 150)}
    assert late == set(range(1, 9))


def test_no_chunk_is_longer_than_allowed(reader: Reader) -> None:
    """Beyond the affixes, that is; a long text gets more chunks than asked for, and loses nothing."""
    chunks = reader.chunks(("x" * 500,), 1)
    assert len(chunks) >= 8
    assert sum(chunk.count(chunks[1][20]) for chunk in chunks) == 500


def test_merged_distractors_do_not_answer_what_is_asked(reader: Reader) -> None:
    """They are other examples' chunks, and never of one that may answer the same question."""
    twins = [Example((f"The code is {i}.",), (Asked("The code?", str(i)),)) for i in range(4)]
    mix = Mix(tokens=2000, distractors=1.0, unknown=0.0)
    assert all(
        len(g) == 1 for s in range(5) for g in Lessons(twins, reader, mix, 1, 0).at(s, remind=False).groups
    )
    groups = [g for s in range(5) for g in Lessons(EXAMPLES, reader, mix, 1, 0).at(s, remind=False).groups]
    assert any(len(set(group)) == 2 for group in groups)
    assert asks_any(["What is the code?"], twins[0])


def test_unknown_questions_are_refused_and_have_no_teacher(reader: Reader) -> None:
    """The example's own, or another example's; their answer is the refusal."""
    lessons = Lessons(EXAMPLES, reader, Mix(tokens=2000, unknown=1.0), 1, seed=0)
    lesson = lessons.at(0, remind=True)
    turns = [
        (turn, told)
        for row, rem in zip(lesson.rows, lesson.reminded, strict=True)
        for turn, told in zip(row, rem, strict=True)
    ]
    untold = [turn for turn, _ in turns if not turn.told]
    assert untold
    tokenizer = reader.chat.tokenizer
    assert {tokenizer.decode(turn.ids[turn.start : -1]) for turn in untold} == {UNKNOWN}
    assert all(reminder is None for turn, reminder in turns if not turn.told)


def test_texts_longer_than_the_window_have_no_teacher(reader: Reader) -> None:
    """The base could not read them in its prompt; they are learned from their answers alone."""
    long = Example(("y" * 200,), (Asked("What?", "y"),))
    (exam,) = exams([long], reader, 1000, 1)
    assert exam.reminded == [[None]]
    assert len(exam.chunks) > 1


def test_an_answer_ends_where_generation_stops(byte_tokenizer: PreTrainedTokenizerFast) -> None:
    """What follows the template's last special token is not to be said."""
    turn = Chat(byte_tokenizer).turn("Who?", "Anna")
    assert byte_tokenizer.decode(turn.ids[: turn.start]) == "<|user|>Who?<|end|><|assistant|>"
    assert byte_tokenizer.decode(turn.ids[turn.start :]) == "Anna<|end|>"


def test_wrong_adapters_are_judged_apart_from_right_ones(base: LlamaForCausalLM, reader: Reader) -> None:
    """Every told question under every condition that applies; the window leaves some without context."""
    judge = Judge(base, hypernetwork_for(base), list(exams(EXAMPLES, reader, 10_000, 2)), 1000)
    counts = {c: len(judge.exact(c)) for c in ("no memory", "wrong adapter", "full context", "adapter")}
    assert counts == dict.fromkeys(counts, 20)
    assert len(judge.refused()) == sum(bool(e.unknown) for e in EXAMPLES)


def test_sizes_that_do_not_fit_are_refused(base: LlamaForCausalLM) -> None:
    """Both what was given and what there is."""
    with pytest.raises(ValueError, match=r"no linear layers called 'up'; it has .*up_proj"):
        Sizes(("up",), 2, 16, 4, 1, 64, 4, Kind.LATENTS).config(base)
    with pytest.raises(ValueError, match="multiple of 8, got 12"):
        Sizes(("up_proj",), 2, 12, 4, 1, 64, 4, Kind.LATENTS).config(base)


def test_the_base_may_be_in_half_precision(base: LlamaForCausalLM, reader: Reader) -> None:
    """As on a GPU: the hypernetwork and its gradients stay in float32."""
    hypernetwork = hypernetwork_for(base)
    lesson = Lessons(EXAMPLES, reader, Mix(tokens=300), 2, seed=1).at(0, remind=True)
    losses = document_losses(base.bfloat16(), hypernetwork, lesson, Weights(), 1000)
    torch.stack(list(losses.values())).sum().backward()
    grads = [p.grad for p in hypernetwork.parameters()]
    assert all(g is not None and g.dtype == torch.float32 and g.isfinite().all() for g in grads)
