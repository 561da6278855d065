"""The recipe for a memory: its passes equal the model in use; it learns, resumes and loads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import (
    Gemma2Config,
    LlamaConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM
from typer.testing import CliRunner

from hypernet.backbones.chunking import affixes
from hypernet.backbones.encoder import encode, pad
from hypernet.backbones.tuning import tuned
from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.inject import apply_factors
from hypernet.networks.tokens import MODULE, TokenHypernetwork
from hypernet.training import json_lines
from hypernet.training.__main__ import app
from hypernet.training.data.examples import Asked, Example
from hypernet.training.packed import Packed, Turn, answer_logits, logits_of
from hypernet.training.recipe.losses import stage_losses, wanted_tokens
from hypernet.training.recipe.own import Own
from hypernet.training.recipe.passes import Passes
from hypernet.training.recipe.rows import NOTHING, Sums
from hypernet.training.recipe.run import Upcoming, config_for
from hypernet.training.recipe.sheets import Practice, Scribe, Sheet, Sources, sheet
from hypernet.training.recipe.stages import MEMORY, steps_of
from hypernet.training.recipe.states import StateFile
from hypernet.training.trainer import Schedule, Stage, Trainer

TUNE, SPEAK, MERGE = MEMORY[1:]
NAMES = ("Anna", "Bob", "Carl", "Dora", "Emil", "Fay", "Gus", "Hal")
EXAMPLES = [
    Example((f"{name} has {i}{i}.",), (Asked(f"{name}?", f"{i}{i}."),), ("Zoe?",), "codes")
    for i, name in enumerate(NAMES)
]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": 1,
}


def tiny(family: str, vocabulary: int) -> PreTrainedModel:
    torch.manual_seed(0)
    sizes = {**SIZES, "vocab_size": vocabulary}
    config = {
        "llama": lambda: LlamaConfig(**sizes),
        "qwen3": lambda: Qwen3Config(**sizes),
        "gemma2": lambda: Gemma2Config(**sizes, sliding_window=512, query_pre_attn_scalar=8),
    }[family]()
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model.eval().requires_grad_(False)


def passes_of(
    base: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, keep: tuple[Path, int] | None = None
) -> tuple[Passes, Scribe]:
    torch.manual_seed(1)
    opening, closing = affixes(tokenizer, system_turn=False)
    network = TokenHypernetwork(config_for(base, (len(opening), len(closing))))
    with torch.no_grad():
        for b in network.tuning_B.values():
            b.normal_(std=0.05)
        network.value.normal_(std=0.05)
    scribe = Scribe(tokenizer, network.config)
    return Passes(base, network, scribe.opening, scribe.shared, 2000, keep), scribe


def taught(scribe: Scribe) -> Sheet:
    """Three groups, the first of two texts, with a question each and one that nothing answers."""
    parts = [scribe.part(example, example.qa, example.unknown, []) for example in EXAMPLES[:3]]
    return sheet(parts, [[0, 2], [1], [2]])


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma2"])
@torch.no_grad()
def test_a_pass_equals_the_model_in_use(family: str, byte_tokenizer: PreTrainedTokenizerFast) -> None:
    """Openings shared, lower blocks apart, rows never expanded: the answers are those of a LoRA."""
    base = tiny(family, len(byte_tokenizer))
    passes, scribe = passes_of(base, byte_tokenizer)
    network, one = passes.network, taught(scribe)
    bank = passes.bank(one.texts)
    memories = bank.merged(one.groups, list(map(len, one.texts)))
    passed = passes.answered(one.rows, memories, tune=True, speak=True)
    logits = logits_of(base, passed.states[:, :-1][passed.packed.counted])

    closing = network.config.template[1]
    chunks = [[*scribe.opening, *text, *[5] * closing] for text in one.texts]
    ids, mask = pad(chunks)
    factors = network(encode(base.get_decoder(), network.config, ids), mask)
    number = 0
    for group, row in zip(one.groups, one.rows, strict=True):
        a, b = (torch.cat([side[[chunk]] for chunk in group], dim=2) for side in factors[MODULE])
        for turn in row:
            with (
                tuned(base, network),
                apply_factors(base, {MODULE: (a, b)}, 1.0, network.config.written_layers),
            ):
                alone = answer_logits(base, Packed.of([[turn]], "cpu"))
            torch.testing.assert_close(logits[passed.packed.turn == number], alone, rtol=1e-3, atol=1e-3)
            number += 1


@torch.no_grad()
def test_a_pass_without_speaking_finds_the_same_scores(byte_tokenizer: PreTrainedTokenizerFast) -> None:
    """No block above the last written layer is needed for them."""
    passes, scribe = passes_of(tiny("llama", len(byte_tokenizer)), byte_tokenizer)
    one = taught(scribe)
    memories = passes.bank(one.texts).merged(one.groups, list(map(len, one.texts)))
    whole = passes.answered(one.rows, memories, tune=True, speak=True).scores
    part = passes.answered(one.rows, memories, tune=True, speak=False).scores
    assert whole.keys() == part.keys()
    for layer, scores in whole.items():
        assert torch.equal(scores, part[layer])


@torch.no_grad()
def test_kept_states_are_those_that_are_computed(
    byte_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """But for their rounding; asked for again, and by another process, nothing is computed."""
    base = tiny("llama", len(byte_tokenizer))
    fresh, scribe = passes_of(base, byte_tokenizer)
    one = taught(scribe)
    for _ in range(2):
        kept, _ = passes_of(base, byte_tokenizer, (tmp_path, 10**8))
        for _ in range(2):
            bank = kept.bank(one.texts)
            torch.testing.assert_close(bank.latents, fresh.bank(one.texts).latents, rtol=0.05, atol=0.05)
            there = kept.answered(one.rows, None, tune=True, speak=True)
            computed = fresh.answered(one.rows, None, tune=True, speak=True)
            counted = there.packed.counted
            torch.testing.assert_close(
                there.states[:, :-1][counted], computed.states[:, :-1][counted], rtol=0.05, atol=0.05
            )
    size = (tmp_path / "questions.bf16").stat().st_size
    turns = [turn for row in one.rows for turn in row]
    assert size == 2 * 32 * sum(len(turn.ids) - scribe.shared for turn in turns)


def test_a_state_file_stays_within_its_bound_and_forgets_what_was_torn(tmp_path: Path) -> None:
    """An index cut off in the middle of an entry loses that entry and nothing else."""
    path = tmp_path / "states.bf16"
    states = StateFile(path, 4, 100)
    states.add([[1, 2], [3]], [torch.ones(2, 4), torch.full((1, 4), 3.0)])
    path.with_suffix(".index").write_bytes(path.with_suffix(".index").read_bytes()[:-5])
    again = StateFile(path, 4, 100)
    assert [1, 2] in again
    assert [3] not in again
    again.add([[3]], [torch.full((1, 4), 5.0)])
    assert torch.equal(StateFile(path, 4, 100).get([3]), torch.full((1, 4), 5.0, dtype=torch.bfloat16))
    again.add([[7] * 30], [torch.ones(30, 4)])
    assert again.full
    again.add([[8]], [torch.ones(1, 4)])
    assert [8] not in again


def test_scores_of_one_token_are_summed_and_others_compared() -> None:
    """With a constant for none; what is not there is never the likeliest, and noise is of other tokens."""
    tokens = torch.tensor([[7, 5, 7, -1], [5, 6, -1, -1]])
    scores = torch.tensor([[1.0, 2.0, 3.0, 9.0], [1.0, -2.0, 9.0, 9.0]])
    sums = Sums.of(scores, tokens, torch.tensor([7, 9]))
    assert sums.logits[0].gather(0, sums.target[:1]).item() == 4.0
    assert sums.target[1] == 0
    assert sums.logits[:, 0].tolist() == [NOTHING, NOTHING]
    kept = [sorted(x for x in line.tolist() if x > -1000) for line in sums.logits]
    assert kept == [[2.0, 4.0, NOTHING], [-2.0, 1.0, NOTHING]]
    assert sums.noise[0] == 4.0 + 81.0


def test_steps_are_pure_and_merged_texts_answer_no_question_of_another(
    byte_tokenizer: PreTrainedTokenizerFast,
) -> None:
    """The same step is the same sheet, in any order and in another process; other steps are others."""
    _, scribe = passes_of(tiny("llama", len(byte_tokenizer)), byte_tokenizer)
    own = [Turn([*scribe.opening, 9, 9], len(scribe.opening) + 1, told=False, own=True)]

    def practice() -> Practice:
        return Practice(Sources(EXAMPLES, 1), scribe, MERGE, own, tokens=6000, seed=1)

    first, second = practice(), practice()
    third = second[3]
    assert first[3] == third
    assert first[2] != third
    assert Upcoming(first, 8, 0).at(3) == third
    assert Upcoming(first, 8, 1).at(3) == third
    sheets = [first[step] for step in range(6)]
    assert max(len(group) for one in sheets for group in one.groups) > 8
    assert all(len(group) <= MERGE.merged for one in sheets for group in one.groups)
    assert any(turn.own for one in sheets for row in one.rows for turn in row)


def test_an_answer_is_wanted_up_to_its_end_and_a_refusal_nowhere(
    byte_tokenizer: PreTrainedTokenizerFast,
) -> None:
    """First tokens are marked, for they weigh more."""
    _, scribe = passes_of(tiny("llama", len(byte_tokenizer)), byte_tokenizer)
    told, unknown = taught(scribe).rows[0]
    wanted, first = wanted_tokens([told, unknown], torch.device("cpu"))
    answer = told.ids[told.start :]
    assert wanted.tolist() == [*answer[:-1], -1, *[-1] * len(unknown.ids[unknown.start :])]
    assert first.nonzero().flatten().tolist() == [0, len(answer)]


def test_the_stages_take_all_steps_between_them() -> None:
    """Shares make up one whole, whatever its size."""
    assert sum(row.share for row in MEMORY) == pytest.approx(1)
    assert sum(steps_of(MEMORY, 1000)) == 1000
    assert sum(steps_of(MEMORY[1:], 1000)) == 1000
    assert min(steps_of(MEMORY, 1)) == 1


def test_a_few_steps_teach_it_to_find_and_to_say(
    byte_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """Both losses fall on a set that can be learned, and the base is left as it is."""
    base = tiny("llama", len(byte_tokenizer))
    passes, scribe = passes_of(base, byte_tokenizer, (tmp_path, 10**8))
    before = {name: t.clone() for name, t in base.state_dict().items()}
    one, own = taught(scribe), Own([], torch.zeros(0, 32), {})

    def loss(_step: int) -> dict[str, Tensor]:
        return stage_losses(passes, one, SPEAK, own)

    first = {name: value.item() for name, value in loss(0).items()}
    stage = Stage("speak", passes.network, loss, dict, Schedule(25, warmup=3), muon_lr=0.02, adam_lr=0.02)
    Trainer(stage, tmp_path).run()
    last = {name: value.item() for name, value in loss(0).items()}
    assert last["say"] < 0.5 * first["say"]
    assert last["find"] < 0.5 * first["find"]
    assert all(torch.equal(t, before[name]) for name, t in base.state_dict().items())


def test_what_no_memory_concerns_is_pulled_to_the_base_by_itself(
    byte_tokenizer: PreTrainedTokenizerFast,
) -> None:
    """The divergence is zero where nothing is tuned or written, and falls in training where it is not."""
    base = tiny("llama", len(byte_tokenizer))
    passes, scribe = passes_of(base, byte_tokenizer)
    turn = Turn(
        [*scribe.chat.opened("Hello!"), 9, 8, 1], len(scribe.chat.opened("Hello!")), told=False, own=True
    )
    with torch.no_grad():
        alone = passes.answered([[turn]], None, tune=False, speak=True)
    own = Own([turn], alone.states[:, :-1][alone.packed.counted], {tuple(turn.ids): 0})
    part = scribe.part(EXAMPLES[0], [], [], [turn])
    one = sheet([part], [[0]])
    assert stage_losses(passes, one, SPEAK, own)["keep"] > 1e-3
    with torch.no_grad():
        passes.network.size.zero_()
        for b in passes.network.tuning_B.values():
            b.zero_()
    assert stage_losses(passes, one, SPEAK, own)["keep"] < 1e-5


def command(folder: Path, out: str, *options: str, base: str = "base") -> str:
    arguments = [
        "d2l",
        "--base",
        str(folder / base),
        "--data",
        str(folder / "data.jsonl"),
        "--recipe",
        "memory",
    ]
    arguments += ["--folder", str(folder / out), "--device", "cpu", "--heldout", "0.3", "--judged", "2"]
    arguments += ["--steps", "8", "--tokens", "600", "--save-every", "1", "--keep-gb", "0.05"]
    result = CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def saved(folder: Path, base: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> Path:
    base.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    json_lines.write(folder / "data.jsonl", (example.to_record() for example in EXAMPLES))
    return folder


def test_a_killed_run_ends_with_the_same_weights_in_a_model_that_loads(
    byte_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the third of four stages, or stopped by its time; the card has a line for every kind."""
    folder = saved(tmp_path, tiny("llama", len(byte_tokenizer)), byte_tokenizer)
    command(folder, "whole")
    steady = Practice.__getitem__

    def dying(self: Practice, step: int) -> Sheet:
        if self.stage is SPEAK and step == 1:
            raise KeyboardInterrupt
        return steady(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(Practice, "__getitem__", dying)
        with pytest.raises((KeyboardInterrupt, AssertionError)):
            command(folder, "broken")
    assert not (folder / "broken" / "model").exists()
    command(folder, "broken", "--minutes", "0")
    assert "finished: False" in (folder / "broken" / "model" / "README.md").read_text()
    command(folder, "broken")
    whole, broken = (
        DocToLoRA.from_pretrained(folder / name / "model", device="cpu") for name in ("whole", "broken")
    )
    assert whole.hypernet_fingerprint == broken.hypernet_fingerprint
    assert whole.generate(whole.chunks("Anna has 00."))[0].latents is not None
    lines = [json.loads(line) for line in (folder / "whole" / "curve.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["find", "tune", "speak", "merge"]
    kinds = {"1 fact", "6 facts", "4 of a kind", "8 merged", "64 merged", "sayings", "codes", "unknown"}
    assert all(kinds <= line.keys() for line in lines)
    assert kinds <= json.loads((folder / "whole" / "model" / "figures.json").read_text()).keys()


def test_another_architecture_goes_through_the_whole_recipe(
    byte_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """Trained, saved, and loaded with its base; and how fast it is can be asked without training."""
    folder = saved(tmp_path, tiny("qwen3", len(byte_tokenizer)), byte_tokenizer)
    assert "| merge |" in command(folder, "measured", "--measure")
    assert not (folder / "measured" / "model").exists()
    command(folder, "run")
    command(folder, "further", "--start", str(folder / "run" / "model"))
    lines = [json.loads(line) for line in (folder / "further" / "curve.jsonl").read_text().splitlines()]
    assert [line["stage"] for line in lines] == ["tune", "speak", "merge"]  # its LoRA is there already
    assert DocToLoRA.from_pretrained(folder / "run" / "model", device="cpu").config.reader == "tokens"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--recipe", "memories"), "expected a recipe of memory"),
        (("--recipe", "memory", "--rank", "4"), "--rank is given by the recipe"),
        (("--minutes", "3", "--data", "x.jsonl"), "--minutes needs --recipe"),
        ((), "--data is missing"),
    ],
)
def test_options_that_would_do_nothing_are_refused(options: tuple[str, ...], said: str) -> None:
    """In one line that names them."""
    result = CliRunner().invoke(app, ["d2l", "--base", "none", *options])
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())
