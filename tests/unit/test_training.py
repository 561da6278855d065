"""The training loop resumes to the step, practises what it says, and counts only what should be learned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from torch import nn
from typer.testing import CliRunner

from hypernet.training.__main__ import app
from hypernet.training.optim import MuonAdamW, orthogonalise
from hypernet.training.precision import mix_linears
from hypernet.training.reference.curriculum import Curriculum
from hypernet.training.reference.reference import train_tokenizer
from hypernet.training.reference.rows import ASSISTANT, END, PAD, Batch, Renderer, Row
from hypernet.training.trainer import Schedule, Stage, Trainer, average, load_weights
from hypernet.world.facts import UNKNOWN, FactWorld


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    world = FactWorld("train", 3)
    return train_tokenizer(c.text for _ in range(200) for c in world.group(1, 3, same_kind=False).contexts)


@pytest.fixture
def curriculum(tokenizer: Tokenizer) -> Curriculum:
    return Curriculum(Renderer(tokenizer), seed=5)


def stage(steps: int) -> Stage:
    """A regression whose batches depend on the step alone."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8, bias=False), nn.Tanh(), nn.Linear(8, 1))

    def loss(step: int) -> dict[str, torch.Tensor]:
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
        return {"square": (model(x) - x.sum(1, keepdim=True)).square().mean()}

    return Stage(
        "toy",
        model,
        loss,
        lambda: {"seen": 1.0},
        Schedule(steps, warmup=2),
        save_every=3,
        muon_lr=0.05,
        adam_lr=0.05,
    )


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path: Path) -> None:
    """Killed after a checkpoint and started again, a run repeats nothing and skips nothing."""
    whole = stage(7)
    Trainer(whole, tmp_path / "whole").run()

    class Killed(Exception):
        pass

    broken = stage(7)
    steady = broken.loss

    def dying(step: int) -> dict[str, torch.Tensor]:
        if step == 5:
            raise Killed
        return steady(step)

    broken.loss = dying
    with pytest.raises(Killed):
        Trainer(broken, tmp_path / "broken").run()
    again = stage(7)
    trainer = Trainer(again, tmp_path / "broken")
    trainer.resume()
    assert trainer.step == 3
    trainer.run()
    for expected, got in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        torch.testing.assert_close(got, expected, rtol=0, atol=0)


def test_several_runs_are_loaded_as_their_mean(tmp_path: Path) -> None:
    """Of one run its weights, of two the mean of both, whatever step either is at."""
    runs = [stage(2), stage(5)]
    for run in runs:
        Trainer(run, tmp_path / str(run.schedule.steps)).run()
    one, two = (run.model for run in runs)
    checkpoints = [tmp_path / "2" / f"{runs[0].name}.pt", tmp_path / "5" / f"{runs[1].name}.pt"]
    loaded = stage(1).model
    load_weights(loaded, checkpoints[0])
    for got, expected in zip(loaded.parameters(), one.parameters(), strict=True):
        torch.testing.assert_close(got, expected)
    load_weights(loaded, *checkpoints)
    for got, a, b in zip(loaded.parameters(), one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(got, (a + b) / 2)
        assert not torch.equal(a, b)


def test_averaged_runs_go_on_from_their_mean(tmp_path: Path) -> None:
    """Each at its own step, with its own optimizer."""
    folders = [tmp_path / "a", tmp_path / "b"]
    for steps, folder in zip((4, 6), folders, strict=True):
        Trainer(stage(steps), folder).run()
    checkpoints = [folder / f"{stage(1).name}.pt" for folder in folders]
    momentum = [torch.load(c, weights_only=True)["optimizer"] for c in checkpoints]
    mean = stage(1).model
    load_weights(mean, *checkpoints)
    average(checkpoints)
    for folder, step, kept in zip(folders, (4, 6), momentum, strict=True):
        again = Trainer(stage(8), folder)
        again.resume()
        assert again.step == step
        assert str(again.optimizer.state_dict()["state"]) == str(kept["state"])
        for got, expected in zip(again.stage.model.parameters(), mean.parameters(), strict=True):
            torch.testing.assert_close(got, expected)
    assert not list(tmp_path.rglob("*.part"))


def test_only_runs_from_one_start_are_averaged(tmp_path: Path) -> None:
    """Other tokenizers mean another start; a folder without a run is named."""
    for name, text in (("a", "red green blue"), ("b", "one two three")):
        (tmp_path / name).mkdir()
        train_tokenizer([text] * 30).save(str(tmp_path / name / "tokenizer.json"))
    (tmp_path / "a" / "memory.pt").touch()
    ask = ["average", str(tmp_path / "a"), str(tmp_path / "b")]
    missing = CliRunner().invoke(app, ask)
    assert isinstance(missing.exception, FileNotFoundError)
    assert str(tmp_path / "b") in str(missing.exception)
    (tmp_path / "b" / "memory.pt").touch()
    different = CliRunner().invoke(app, ask)
    assert different.exit_code == 2
    assert "different tokenizers" in different.output
    for alone in (ask[:2], [*ask[:2], ask[1]]):
        assert CliRunner().invoke(app, alone).exit_code == 2


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    """Sixty steps fit a linear target far better than none."""
    toy = stage(60)
    before = toy.loss(1000)["square"].item()
    Trainer(toy, tmp_path).run()
    assert toy.loss(1000)["square"].item() < 0.2 * before


def test_the_learning_rate_warms_up_holds_and_decays() -> None:
    """Linear in, constant, linear out over the last part."""
    schedule = Schedule(100, warmup=10, decay=0.4)
    assert schedule.factor(0) == pytest.approx(0.1)
    assert schedule.factor(30) == 1.0
    assert schedule.factor(80) == pytest.approx(0.5)
    assert schedule.factor(99) < 0.05


def test_a_step_is_a_pure_function_of_seed_and_step(curriculum: Curriculum, tokenizer: Tokenizer) -> None:
    """The same step gives the same batch in another process; another step gives another."""
    again = Curriculum(Renderer(tokenizer), seed=5)
    one, two = curriculum.remembering(9, ease=0.5), again.remembering(9, ease=0.5)
    assert one[0].chunks == two[0].chunks
    assert torch.equal(one[0].rows.ids, two[0].rows.ids)
    assert all(torch.equal(a.ids, b.ids) for a, b in zip(one[1], two[1], strict=True))
    assert curriculum.remembering(10, ease=0.5)[0].chunks != one[0].chunks


def test_every_group_has_its_chunks_and_as_many_rows(curriculum: Curriculum) -> None:
    """Rows come in group order, equally many a group: per-row adapters rely on it."""
    for step in range(12):
        batch, _ = curriculum.remembering(step, ease=0.0)
        groups, rest = divmod(len(batch.chunks), batch.chunks_per_group)
        assert rest == 0
        assert batch.rows.ids.size(0) % groups == 0


def test_refusals_are_fewer_beside_single_facts_than_beside_many_merged(tokenizer: Tokenizer) -> None:
    """Never told is practised everywhere, and more of what is asked is so where much is merged."""
    renderer = Renderer(tokenizer)
    curriculum = Curriculum(renderer, seed=5, drilled=0.0)
    (refusal,) = renderer.encode([UNKNOWN])
    shares: dict[bool, list[float]] = {True: [], False: []}
    for step in range(120):
        batch, _ = curriculum.remembering(step, ease=0.0)
        last = [ids[: ids.index(PAD)] if PAD in ids else ids for ids in batch.rows.ids.tolist()]
        refused = [ids[-len(refusal) - 1 :] == [*refusal, END] for ids in last]
        if batch.chunks_per_group == 1 or batch.chunks_per_group == 64:
            shares[batch.chunks_per_group == 64].append(sum(refused) / len(refused))
    alone, merged = (sum(s) / len(s) for s in (shares[False], shares[True]))
    assert 0.2 < alone < 0.4 < merged


def test_questions_to_adapters_hold_no_context(tokenizer: Tokenizer) -> None:
    """What the adapters must answer stands in no prompt: only answers and their ends are counted."""
    rows = Renderer(tokenizer).dialogues([[("What is my dog called?", "Biscuit")]])
    counted = [i for i, w in zip(rows[0].ids, rows[0].weights, strict=True) if w]
    assert tokenizer.decode(counted[:-1]) == " Biscuit"
    assert counted[-1] == END
    assert rows[0].ids[rows[0].weights.index(1.0) - 1] == ASSISTANT


def test_padding_is_never_counted() -> None:
    """Rows of different length share a batch; the shorter one's padding has no weight."""
    renderer_rows = [_row([3, 4, 7, 1]), _row([3, 4, 7, 8, 9, 1])]
    batch = Batch.of(renderer_rows)
    assert batch.weights[0].tolist() == [1, 1, 1, 0, 0]


def _row(ids: list[int]) -> Row:
    return Row(ids, [1.0] * len(ids))


def test_orthogonalise_evens_out_singular_values() -> None:
    """All singular values end near one, for a stack of wide or tall matrices."""
    torch.manual_seed(0)
    for shape in ((3, 16, 40), (2, 40, 16)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.min() > 0.5
        assert values.max() < 1.4


def test_vectors_and_embeddings_are_left_to_adam() -> None:
    """Muon takes matrices only."""
    names = {"embed_tokens.weight": (8, 4), "norm.weight": (4,), "head": (2, 4, 4), "encoder.latents": (4, 4)}
    optimizer = MuonAdamW([(name, nn.Parameter(torch.ones(shape))) for name, shape in names.items()])
    muon, adam = optimizer.param_groups
    assert [tuple(p.shape) for p in muon["params"]] == [(2, 4, 4)]
    assert len(adam["params"]) == 3


def test_matrices_of_one_shape_are_moved_as_if_alone() -> None:
    """Being orthogonalised as a batch mixes nothing up."""
    torch.manual_seed(0)
    start, gradients = torch.randn(3, 8, 4), torch.randn(3, 8, 4)

    def moved(which: list[int]) -> list[torch.Tensor]:
        weights = [nn.Parameter(start[i].clone()) for i in which]
        for i, weight in zip(which, weights, strict=True):
            weight.grad = gradients[i].clone()
        MuonAdamW([(f"w{i}", w) for i, w in zip(which, weights, strict=True)], muon_lr=0.1).step()
        return [weight.detach() for weight in weights]

    for i, together in enumerate(moved([0, 1, 2])):
        torch.testing.assert_close(together, moved([i])[0], atol=2e-3, rtol=0)
        assert (together - start[i]).abs().max() > 0.01


def test_mixed_products_stay_close_to_float32() -> None:
    """bfloat16 operands change values and gradients by rounding only."""
    torch.manual_seed(0)
    layer = nn.Linear(32, 16, bias=False)
    x = torch.randn(2, 5, 32, requires_grad=True)
    exact = layer(x)
    (grad,) = torch.autograd.grad(exact.square().sum(), x)
    mix_linears(layer)
    mixed = layer(x)
    (grad_mixed,) = torch.autograd.grad(mixed.square().sum(), x)
    assert (mixed - exact).norm() / exact.norm() < 0.01
    assert (grad_mixed - grad).norm() / grad.norm() < 0.02
