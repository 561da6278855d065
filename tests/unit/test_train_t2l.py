"""Text-to-LoRA training: given adapters are rebuilt, tasks are learned on a frozen base, results load."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from typer.testing import CliRunner

from hypernet.backbones import bases
from hypernet.backbones.descriptions import PACKAGED, Descriptions
from hypernet.lora.adapter import LoRA
from hypernet.networks.task_hypernetwork import TaskConfig
from hypernet.text_to_lora import TextToLoRA
from hypernet.training import json_lines
from hypernet.training.__main__ import app
from hypernet.training.data import styles, tasks
from hypernet.training.data.tasks import Given, Task
from hypernet.training.json_lines import DataError
from hypernet.training.packed import Chat
from hypernet.training.tasks.t2l import require_own
from hypernet.training.tasks.task_courses import Rebuilding
from hypernet.training.tasks.task_lessons import TaskLessons, misled
from hypernet.training.tasks.task_losses import fit_scales, fresh, reconstruction_loss, relative_error
from hypernet.training.tasks.task_writers import Adapters

NAMES = ("Anna's", "Zoe's")
WIDTHS = {"q_proj": (16, 16), "v_proj": (16, 8)}


def random_lora(seed: int, rank: int = 2, scaling: float = 2.0) -> LoRA:
    draw = torch.Generator().manual_seed(seed)
    a = {m: torch.randn(2, rank, d_in, generator=draw) for m, (d_in, _) in WIDTHS.items()}
    b = {m: torch.randn(2, rank, d_out, generator=draw) for m, (_, d_out) in WIDTHS.items()}
    return LoRA(a, b, scaling)


@pytest.fixture
def models(tmp_path: Path, byte_tokenizer: PreTrainedTokenizerFast) -> Path:
    """A folder with a base model and a sentence model."""
    torch.manual_seed(0)
    sizes = {"vocab_size": len(byte_tokenizer), "hidden_size": 16, "intermediate_size": 32}
    sizes |= {"num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 128}
    special = {"initializer_range": 0.3, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": 1}
    LlamaForCausalLM(LlamaConfig(**sizes, **special, num_key_value_heads=1)).save_pretrained(
        tmp_path / "base"
    )
    BertModel(BertConfig(**sizes, initializer_range=0.5)).save_pretrained(tmp_path / "embedder")
    for name in ("base", "embedder"):
        byte_tokenizer.save_pretrained(tmp_path / name)
    return tmp_path


def run(folder: Path, out: str, *options: str) -> None:
    arguments = ["t2l", "--base", str(folder / "base"), "--embedder", str(folder / "embedder")]
    sizes = "--encoded-size 16 --place-size 4 --head-size 32 --rank 2 --device cpu --heldout 0"
    arguments += ["--folder", str(folder / out), *sizes.split(), *options]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def adapters_file(folder: Path, loras: Sequence[LoRA]) -> Path:
    for i, lora in enumerate(loras):
        lora.save_pretrained(folder / f"adapter{i}")
    lines = [
        {"description": f"{name} {word}", "adapter": f"adapter{i}"}
        for i, name in enumerate(NAMES[: len(loras)])
        for word in ("task", "job")
    ]
    json_lines.write(folder / "adapters.jsonl", lines)
    return folder / "adapters.jsonl"


def test_given_adapters_are_rebuilt_from_their_descriptions(models: Path) -> None:
    """Much nearer than their mean, by the network as it is loaded again."""
    given = [random_lora(0), random_lora(1)]
    path = adapters_file(models, given)
    rates = ("--muon-lr", "0.02", "--adam-lr", "0.01")
    run(models, "run", "--adapters", str(path), "--steps", "100", *rates)
    model = TextToLoRA.from_pretrained(models / "run" / "model", device="cpu")
    assert Path(model.base_model) == (models / "base").resolve()
    assert set(model.descriptions) == {f"{name} {word}" for name in NAMES for word in ("task", "job")}
    for name, lora in zip(NAMES, given, strict=True):
        assert relative_error(model.generate(f"{name} job"), lora) < 0.6
    figures = json.loads((models / "run" / "model" / "figures.json").read_text())
    assert figures["adapter"]["value"] < 0.6 < figures["mean adapter"]["value"]
    assert "mean adapter" in (models / "run" / "model" / "README.md").read_text()


def test_tasks_are_learned_and_the_base_stays_as_it_is(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss falls; afterwards every weight of the base is bit by bit what is on disk."""
    records = [
        {"description": description, "prompt": prompt, "answer": answer}
        for description, answer in (("Shout", "YES"), ("Whisper", "no"))
        for prompt in ("a?", "b?", "c?")
    ]
    json_lines.write(models / "tasks.jsonl", records)
    loaded = []
    load = bases.load_model

    def noted(*args: object) -> LlamaForCausalLM:
        loaded.append(load(*args))  # type: ignore[arg-type]
        return loaded[-1]

    monkeypatch.setattr(bases, "load_model", noted)
    run(
        models,
        "run",
        "--data",
        str(models / "tasks.jsonl"),
        "--steps",
        "40",
        "--own-steps",
        "2",
        "--evaluate-every",
        "5",
        "--muon-lr",
        "0.02",
        "--adam-lr",
        "0.02",
    )
    lines = [json.loads(line) for line in (models / "run" / "curve.jsonl").read_text().splitlines()]
    lines = [line for line in lines if line["stage"] == "t2l"]
    assert lines[-1]["loss"] < 0.5 * lines[0]["loss"]
    untouched = load(models / "base", "cpu", torch.float32).state_dict()
    assert all(torch.equal(t, untouched[name]) for name, t in loaded[0].state_dict().items())
    figures = json.loads((models / "run" / "model" / "figures.json").read_text())
    assert figures.keys() == {"no adapter", "wrong adapter", "instruction", "adapter", "own LoRA"}
    lora = TextToLoRA.from_pretrained(models / "run" / "model", device="cpu").generate("Shout")
    assert lora.modules == ("q_proj", "v_proj")


def test_a_killed_run_ends_with_the_same_weights(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between checkpoints and started again, it repeats and skips nothing."""
    path = adapters_file(models, [random_lora(0), random_lora(1)])
    options = ("--adapters", str(path), "--steps", "5", "--save-every", "2", "--batch", "2")
    run(models, "whole", *options)
    steady = Rebuilding.loss

    def dying(self: Rebuilding, step: int) -> dict[str, torch.Tensor]:
        if step == 3:
            raise RuntimeError("killed")
        return steady(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Rebuilding, "loss", dying)
        with pytest.raises(RuntimeError, match="killed"):
            run(models, "broken", *options)
    run(models, "broken", *options)
    whole, broken = (
        TextToLoRA.from_pretrained(models / n / "model", device="cpu") for n in ("whole", "broken")
    )
    assert whole.hypernet_fingerprint == broken.hypernet_fingerprint


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            {"description": "x", "adapter": "nowhere"},
            r"adapters.jsonl:1: expected a PEFT adapter folder, found none",
        ),
        ({"description": "x"}, r":1: expected a text that is not blank as 'adapter', found nothing"),
        ({"description": "x", "prompt": "y"}, r"only the fields description, adapter, found prompt"),
    ],
)
def test_a_wrong_line_is_named_with_what_was_expected(
    tmp_path: Path, line: dict[str, str], message: str
) -> None:
    """File and line, what should stand there, and what does."""
    json_lines.write(tmp_path / "adapters.jsonl", [line])
    with pytest.raises(DataError, match=message):
        tasks.read_adapters(tmp_path / "adapters.jsonl")


def test_adapters_are_made_alike_or_refused(tmp_path: Path) -> None:
    """Other ranks and scalings keep their effect; another base model's adapter is refused."""
    path = adapters_file(tmp_path, [random_lora(0), random_lora(1, rank=3, scaling=0.5)])
    found = tasks.read_adapters(path)
    assert {(one.lora.rank, one.lora.scaling) for one in found} == {(3, 2.0)}
    assert relative_error(found[2].lora, random_lora(1, rank=3, scaling=0.5)) < 1e-5
    small = LoRA({"q_proj": torch.ones(2, 2, 4)}, {"q_proj": torch.ones(2, 2, 4)}, 1.0)
    with pytest.raises(DataError, match="expected adapters of one shape"):
        tasks.read_adapters(adapters_file(tmp_path, [random_lora(0), small]))


def test_held_out_descriptions_are_not_trained_on() -> None:
    """All prompts of a description are on one side; too few descriptions are refused."""
    found = [Task(f"description {i % 50}", f"prompt {i}", "x") for i in range(200)]
    trained, judged = tasks.split(found, 0.3)
    assert {t.description for t in trained}.isdisjoint(t.description for t in judged)
    assert len(trained) + len(judged) == 200
    with pytest.raises(DataError, match="of 1 lines"):
        tasks.split(found[:1], 0.3)


def test_either_adapters_or_tasks_are_given(tmp_path: Path) -> None:
    """Neither, and both, are refused before anything is loaded."""
    both = ["--adapters", str(tmp_path / "a"), "--data", str(tmp_path / "b")]
    for options in ([], both):
        result = CliRunner().invoke(app, ["t2l", "--base", "x", *options])
        assert result.exit_code == 2
        assert "give either" in result.output


def test_a_lesson_is_a_function_of_seed_rank_and_step(byte_tokenizer: PreTrainedTokenizerFast) -> None:
    """The same again in another process; other processes of a team practise other tasks."""
    found = [Task(f"description {i}", f"prompt {j}", "x") for i in range(9) for j in range(5)]
    one, two = (TaskLessons(found, Chat(byte_tokenizer), 100, 2, seed=3) for _ in range(2))
    assert one.at(5) == two.at(5)
    assert one.at(5) != one.at(5, rank=1)
    assert all(len(row) == 2 for row in one.at(5).rows)


def test_the_relative_error_is_that_of_the_full_matrices() -> None:
    """Computed from small products only."""
    one, two = random_lora(0), random_lora(1, rank=3, scaling=0.7)
    full = [
        torch.cat([(lo.scaling * lo.B[m].mT @ lo.A[m]).flatten() for m in lo.modules]) for lo in (one, two)
    ]
    expected = (full[0] - full[1]).norm() / full[1].norm()
    assert relative_error(one, two) == pytest.approx(expected.item(), rel=1e-4)


def test_a_lone_adapter_is_its_own_mean() -> None:
    """Without any spread the units stay finite, and so does the loss."""
    lora = random_lora(0)
    d_in, d_out = ({m: widths[side] for m, widths in WIDTHS.items()} for side in (0, 1))
    network = fresh(TaskConfig(lora.modules, d_in, d_out, 2, 2, 2.0, 5, 8, 4, 16))
    given = [Given("x", lora)]
    fit_scales(network, given)
    assert reconstruction_loss(network, given, {"x": torch.ones(5)}).isfinite()
    made = {m: a for m, (a, _) in network(torch.ones(5)).items()}
    torch.testing.assert_close(made["q_proj"], lora.A["q_proj"])


def test_the_packaged_sentence_model_is_found_by_name() -> None:
    """No download: 384 numbers, different for different tasks."""
    descriptions = Descriptions(PACKAGED, "cpu")
    one, two = (descriptions.embed(text) for text in ("Answer in capitals", "Be polite"))
    assert one.shape == (384,)
    assert torch.nn.functional.cosine_similarity(one, two, dim=0) < 0.95


def test_contexts_need_something_that_remembers_them(models: Path) -> None:
    """Said before anything is trained."""
    record = {"description": "Shout", "prompt": "a?", "answer": "YES", "context": "a is yes."}
    json_lines.write(models / "tasks.jsonl", [record])
    with pytest.raises(DataError, match="--memory"):
        run(models, "run", "--data", str(models / "tasks.jsonl"), "--steps", "1")


def test_a_task_s_adapter_is_merged_with_its_context_s() -> None:
    """Their effects add up; a task without a context has its own alone, and without either there is none."""
    written, known = random_lora(0), random_lora(1, rank=3, scaling=0.5)
    adapters = Adapters(lambda task: written if task.description else None, {"told": known})
    both = adapters.of(Task("Shout", "a?", "YES", context="told"))
    assert both is not None
    expected = written.B["v_proj"].mT @ written.A["v_proj"] * 2.0
    assert both.rank == 5
    torch.testing.assert_close(
        both.B["v_proj"].mT @ both.A["v_proj"] * both.scaling,
        expected + known.B["v_proj"].mT @ known.A["v_proj"] * 0.5,
    )
    alone = adapters.of(Task("Shout", "a?", "YES"))
    assert alone is not None
    assert alone.A["v_proj"] is written.A["v_proj"]
    assert adapters.of(Task("", "a?", "YES")) is None


def test_a_wrong_description_is_of_another_task_and_keeps_the_context() -> None:
    """Two descriptions of one task are never wrong for each other."""
    found = [Task(f"{name} {i}", "a?", "x", context=f"{name}{i}", task=name) for name in "ab" for i in (1, 2)]
    wrong = misled(found)
    assert [task.name for task in wrong] == ["b", "b", "a", "a"]
    assert [task.context for task in wrong] == [task.context for task in found]


def test_each_description_is_asked_about_one_context_at_a_time(
    byte_tokenizer: PreTrainedTokenizerFast,
) -> None:
    """What is asked with one adapter was told in one text; an exam takes a text of each before a second."""
    found = [Task(f"d{i}", f"{i}{c}{j}?", "x", context=f"{i}{c}") for i in "01" for c in "ab" for j in "12"]
    lessons = TaskLessons(found, Chat(byte_tokenizer), 1000, 2, seed=1)
    for task, row in zip(lessons.at(0).tasks, lessons.at(0).rows, strict=True):
        asked = [byte_tokenizer.decode(turn.ids) for turn in row]
        assert len(row) == 2
        assert all(task.context in text for text in asked)
    assert [task.context for task in lessons.exam(3).tasks] == ["0a", "1a", "0b"]


def test_styles_change_how_it_is_said_and_come_equally_often() -> None:
    """Every text is told once, so held-out descriptions are asked about texts that were not trained on."""
    found = list(styles.tasks(80, seed=4))
    texts = {task.description: set() for task in found}  # type: dict[str, set[str]]
    for task in found:
        texts[task.description].add(task.context)
    assert len(texts) == 80 == len(set().union(*texts.values()))
    told = [task for task in found if task.answer != styles.STYLES[task.task].unknown]
    assert {task.task for task in told} == set(styles.STYLES)
    said = {
        "value": r".+",
        "sentence": r"The answer is .+\.",
        "capitals": r"[^a-z]+",
        "polite": r".+, with pleasure\.",
        "reminder": r"You told me: .+",
    }
    assert all(re.fullmatch(said[task.task], task.answer) for task in told)
    assert styles.STYLES["sentence"].say("Oslo") == "The answer is Oslo."
    assert styles.STYLES["capitals"].say("Oslo") == "OSLO"
    assert [Task(**task.to_record()) for task in found] == found


def test_an_own_adapter_for_a_task_that_is_not_trained_on_is_refused() -> None:
    """Before anything is trained: held-out descriptions without a task's name have no adapter."""
    learned, asked = [Task("Shout", "a?", "YES")], [Task("Yell", "a?", "YES")]
    with pytest.raises(DataError, match="Yell"):
        require_own(1, learned, asked)
    require_own(0, learned, asked)
    require_own(1, [Task("Shout", "a?", "YES", task="loud")], [Task("Yell", "a?", "YES", task="loud")])
