"""The training loop: steps, learning rate, evaluation, checkpoints that resume to the step, and the curve."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from hypernet.training.optim import MuonAdamW
from hypernet.training.team import ALONE, Team


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up, constant, then linear decay to 2 % over the last ``decay`` of the steps."""

    steps: int
    warmup: int = 50
    decay: float = 0.4

    def factor(self, step: int) -> float:
        left = (self.steps - step) / (self.steps * self.decay)
        return min(1.0, (step + 1) / self.warmup, max(0.02, left))


@dataclass
class Stage:
    """One stage of training: what is trained, on which loss, and how it is judged on the way."""

    name: str
    model: nn.Module
    loss: Callable[[int], dict[str, Tensor]]
    evaluate: Callable[[], dict[str, float]]
    schedule: Schedule
    prepare: Callable[[], None] = lambda: None  # before the first step, not after a resume
    evaluate_every: int = 200
    save_every: int = 50
    muon_lr: float = 3e-3
    adam_lr: float = 1e-3


@dataclass(frozen=True)
class Pace:
    """How fast a network is trained, and how often it is judged and saved, in steps."""

    evaluate_every: int
    save_every: int
    muon_lr: float
    adam_lr: float


def mean_weights(checkpoints: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of the weights of training checkpoints, by name.

    Runs from one start on other data make a mean that is better than each of them (Wortsman et al. 2022,
    "Model soups", arXiv 2203.05482).
    """
    weights = [torch.load(checkpoint, weights_only=True)["weights"] for checkpoint in checkpoints]
    return {name: torch.stack([w[name] for w in weights]).mean(0) for name in weights[0]}


def load_weights(model: nn.Module, *checkpoints: Path) -> None:
    """Fill the model with the weights of a training checkpoint, whatever its step; of several, their mean."""
    weights = mean_weights(checkpoints)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(weights[name])


def average(checkpoints: Sequence[Path]) -> None:
    """Put the mean of all into each, so that each run goes on from there.

    This is local SGD (Stich 2019, arXiv 1805.09767): processes that seldom meet. Steps and optimizer
    states stay each run's own. The runs must stand still meanwhile. No checkpoint is ever half
    written; killed between the last renames, some runs have the mean already, which another call would count
    twice.
    """
    weights = mean_weights(checkpoints)
    parts = [checkpoint.with_suffix(".part") for checkpoint in checkpoints]
    for checkpoint, part in zip(checkpoints, parts, strict=True):
        torch.save(torch.load(checkpoint, weights_only=True) | {"weights": weights}, part)
    for checkpoint, part in zip(checkpoints, parts, strict=True):  # all are written before any is changed
        part.replace(checkpoint)


class Trainer:
    """Runs one stage in ``folder``; call it again and it goes on where the last checkpoint stands.

    In a ``team`` of processes each takes its own batches; gradients are averaged, and the first one judges
    and writes.
    """

    def __init__(self, stage: Stage, folder: Path, team: Team = ALONE) -> None:
        self.stage, self.folder, self.team = stage, folder, team
        folder.mkdir(parents=True, exist_ok=True)
        self.parameters = {name: p for name, p in stage.model.named_parameters() if p.requires_grad}
        self.optimizer = MuonAdamW(self.parameters.items(), muon_lr=stage.muon_lr, adam_lr=stage.adam_lr)
        self.step = 0
        self.seconds = 0.0

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.stage.name}.pt"

    def run(self, until: float = math.inf) -> bool:
        """Train to the end of the schedule, from the last checkpoint if there is one; whether it was reached.

        Stops with a checkpoint at the first step's end after ``until``, in seconds of ``time.monotonic``.
        """
        self.resume()
        stage = self.stage
        bar = tqdm(
            total=stage.schedule.steps,
            initial=self.step,
            desc=stage.name,
            mininterval=5,
            disable=not self.team.first,
        )
        while self.step < stage.schedule.steps:
            start = time.perf_counter()
            losses = self._train_step()
            self.seconds += time.perf_counter() - start
            self.step += 1
            bar.update()
            bar.set_postfix({name: f"{value:.3f}" for name, value in losses.items()}, refresh=False)
            last = self.step == stage.schedule.steps
            over = time.monotonic() > until
            if not self.team.first:
                continue
            if self.step % stage.evaluate_every == 0 or last:
                self._log({**losses, **self._evaluate()})
            if self.step % stage.save_every == 0 or last or over:
                self.save()
            if over:
                break
        bar.close()
        return self.step == stage.schedule.steps

    def _train_step(self) -> dict[str, float]:
        self.stage.model.train()
        self.optimizer.set_lr(self.stage.schedule.factor(self.step))
        losses = self.stage.loss(self.step)
        # torch does not annotate Tensor.backward.
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.team.average(self.parameters.values())
        nn.utils.clip_grad_norm_(self.parameters.values(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {name: loss.item() for name, loss in losses.items()}

    @torch.no_grad()
    def _evaluate(self) -> dict[str, float]:
        self.stage.model.eval()
        return self.stage.evaluate()

    def _log(self, figures: dict[str, float]) -> None:
        line = {
            "stage": self.stage.name,
            "step": self.step,
            "minutes": round(self.seconds / 60, 2),
            **figures,
        }
        tqdm.write(" ".join(f"{k}={v:.3g}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items()))
        with (self.folder / "curve.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def save(self) -> None:
        """Write weights, optimizer state and position, atomically."""
        state = {
            "weights": {name: p.detach() for name, p in self.parameters.items()},
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def resume(self) -> None:
        if not self.checkpoint.exists():
            self.stage.prepare()
            return
        state: dict[str, Any] = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(state["weights"][name])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]


def train(
    name: str,
    model: nn.Module,
    loss: Callable[[int], dict[str, Tensor]],
    judge: Callable[[], dict[str, float]],
    *,
    steps: int,
    pace: Pace,
    folder: Path,
    team: Team = ALONE,
) -> None:
    """One stage to its end, warmed up over a tenth of its steps, a hundred at most."""
    schedule = Schedule(steps, warmup=min(100, 1 + steps // 10))
    Trainer(Stage(name, model, loss, judge, schedule, **asdict(pace)), folder, team).run()
