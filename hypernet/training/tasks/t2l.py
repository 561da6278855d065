"""Text-to-LoRA, by reconstruction or end to end: ``python -m hypernet.training t2l``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from transformers import PreTrainedModel

from hypernet.backbones import bases
from hypernet.backbones.descriptions import PACKAGED, Descriptions, directed
from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import target_layers
from hypernet.networks.task_hypernetwork import TaskConfig
from hypernet.text_to_lora import TextToLoRA
from hypernet.training import card, curve
from hypernet.training.data import tasks
from hypernet.training.data.tasks import Given, Task
from hypernet.training.documents.d2l import seen_from
from hypernet.training.json_lines import DataError
from hypernet.training.packed import Chat, require_packing
from hypernet.training.tasks.task_courses import Course, Rebuilding, Teaching
from hypernet.training.tasks.task_lessons import TaskLessons
from hypernet.training.tasks.task_losses import Vectors, fit_scales, fresh
from hypernet.training.tasks.task_writers import OwnAdapters, documents
from hypernet.training.team import gather
from hypernet.training.trainer import Pace, train

_ABOUT = """A Text-to-LoRA network ({millions:.1f} M parameters) that writes rank-{rank} adapters for
{modules} of `{base}` from the description of a task. Load it with
`hypernet.TextToLoRA.from_pretrained(this folder)`."""


@dataclass(frozen=True)
class Sizes:
    """Widths inside the network."""

    encoded_size: int
    place_size: int
    head_size: int

    def like(self, given: Given, task_size: int) -> TaskConfig:
        """For adapters of the shape of the given one."""
        lora = given.lora
        return TaskConfig(
            modules=lora.modules,
            d_in={m: a.size(2) for m, a in lora.A.items()},
            d_out={m: b.size(2) for m, b in lora.B.items()},
            num_layers=next(iter(lora.A.values())).size(0),
            rank=lora.rank,
            scaling=lora.scaling,
            task_size=task_size,
            encoded_size=self.encoded_size,
            place_size=self.place_size,
            head_size=self.head_size,
        )

    def on(self, base: PreTrainedModel, modules: str, rank: int, task_size: int) -> TaskConfig:
        """For adapters of a base model's modules, scaled as published (16 / sqrt(rank)).

        Raises ValueError for a module that the base does not have.
        """
        layers = {m.strip(): target_layers(base, m.strip()) for m in modules.split(",")}
        return TaskConfig(
            modules=tuple(layers),
            d_in={m: found[0].in_features for m, found in layers.items()},
            d_out={m: found[0].out_features for m, found in layers.items()},
            num_layers=len(next(iter(layers.values()))),
            rank=rank,
            scaling=16 / rank**0.5,
            task_size=task_size,
            encoded_size=self.encoded_size,
            place_size=self.place_size,
            head_size=self.head_size,
        )


def t2l(
    base: Annotated[str, typer.Option(help="The frozen causal LM: a folder, or a hub id.")],
    adapters: Annotated[
        Path | None,
        typer.Option(help="JSON lines of description and adapter folder: learn to rebuild these."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="JSON lines of description, prompt and answer: learn end to end.")
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(help="Doc-to-LoRA of the same base, for data with contexts: they are answered from."),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Checkpoints and curve, and the result in model/; rerun to resume.")
    ] = Path("runs/t2l"),
    embedder: Annotated[str, typer.Option(help="The sentence model: a folder, or a hub id.")] = PACKAGED,
    steps: Annotated[int, typer.Option(min=1)] = 2000,
    modules: Annotated[str, typer.Option(help="What to adapt, with commas between; end to end only.")] = (
        "q_proj,v_proj"
    ),
    rank: Annotated[int, typer.Option(help="Of the adapters; end to end only.")] = 8,
    encoded_size: Annotated[int, typer.Option(help="Width of the encoded description.")] = 64,
    place_size: Annotated[int, typer.Option(help="Width of a layer's and of a module's embedding.")] = 32,
    head_size: Annotated[int, typer.Option(help="Width of what the heads read.")] = 512,
    batch: Annotated[int, typer.Option(help="Adapters a step, when rebuilding.")] = 16,
    tokens: Annotated[int, typer.Option(help="Of prompts and answers a step, end to end.")] = 4096,
    prompts: Annotated[int, typer.Option(help="Of a description in a step, end to end.")] = 4,
    own_steps: Annotated[
        int, typer.Option(help="Steps of an ordinary LoRA for each task, to compare with; end to end only.")
    ] = 0,
    muon_lr: Annotated[float, typer.Option(help="For matrices.")] = 1e-3,
    adam_lr: Annotated[float, typer.Option(help="For vectors and embeddings.")] = 1e-3,
    heldout: Annotated[
        float, typer.Option(help="Share of descriptions to judge on; 0 judges on those trained on.")
    ] = 0.1,
    unseen: Annotated[
        float, typer.Option(help="Share of tasks that are only judged on, whole; end to end only.")
    ] = 0.0,
    judged: Annotated[
        int, typer.Option(help="How many of them, or of the texts that go with them, are judged.")
    ] = 32,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Steps.")] = 200,
    save_every: Annotated[int, typer.Option(min=1, help="Steps; a killed run loses no more.")] = 100,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; what there is, unless said.")] = None,
    seed: int = 1,
) -> None:
    """Train a network that turns descriptions of tasks into adapters of a frozen base model."""
    if (adapters is None) == (data is None):
        raise typer.BadParameter("give either --adapters or --data")
    if adapters and (memory or own_steps or unseen):
        raise typer.BadParameter("--memory, --own-steps and --unseen go with --data")
    team, where = gather(device)
    torch.manual_seed(seed)
    sizes, embed = Sizes(encoded_size, place_size, head_size), Descriptions(embedder, where)
    course: Course
    if adapters:
        trained, kept = tasks.split(tasks.read_adapters(adapters), heldout)
        vectors = embedded(embed, [*trained, *kept])
        network = fresh(sizes.like(trained[0], width(vectors)))
        fit_scales(network, trained)
        course = Rebuilding(
            network.to(where), trained, kept[:judged], vectors, batch=batch, seed=f"{seed}/{team.rank}"
        )
    elif data:
        seen, strange = tasks.apart(tasks.read_tasks(data), unseen)
        learned, asked = tasks.split(seen, heldout)
        practised, strangers = tasks.split(strange, heldout) if strange else ([], [])
        vectors = embedded(embed, [*seen, *strange])
        model = bases.load_model(base, where, bases.default_dtype(where))
        require_packing(model)
        network = fresh(sizes.on(model, modules, rank, width(vectors))).to(where)
        chat = Chat(bases.load_tokenizer(base))
        lessons = TaskLessons(learned, chat, tokens, prompts, seed)
        exam = TaskLessons(asked, chat, tokens, prompts, seed).exam(judged)
        known = remembered(memory, [*seen, *strange], model)
        require_own(own_steps, [*learned, *practised], [*asked, *strangers])
        course = Teaching(
            network,
            model,
            lessons,
            exam,
            vectors,
            known,
            rank=team.rank,
            unseen=TaskLessons(strangers, chat, tokens, prompts, seed).exam(judged) if strangers else None,
            practice=TaskLessons([*learned, *practised], chat, tokens, prompts, seed),
        )

    pace = Pace(evaluate_every, save_every, muon_lr, adam_lr)
    train("t2l", course.network, course.loss, course.judge, steps=steps, pace=pace, folder=folder, team=team)
    own = None
    if own_steps and isinstance(course, Teaching):
        own = OwnAdapters((task.name for task in [*learned, *practised]), course.network.config).to(where)
        loss, judge = partial(course.loss_of, own), partial(course.judge_of, own)
        train("own", own, loss, judge, steps=own_steps, pace=pace, folder=folder, team=team)
    if team.first:
        way = f"--adapters {adapters.name}" if adapters else f"--data {data.name if data else ''}"
        settings = {"way": way, "held out": heldout, "unseen": unseen, "own steps": own_steps, "seed": seed}
        if not isinstance(course, Teaching):
            publish(folder, base, embedder, tuple(vectors), course, course.figures(), settings)
            return
        figures = course.figures(own)
        made_for = list(dict.fromkeys(task.description for task in (learned if unseen else seen)))
        failed = course.failed(course.exam, learned) if unseen else []
        sure = course.confidence(made_for, failed) if unseen else None
        if sure is not None:
            figures["descriptions followed, taken"] = {"questions": sure.count, "value": sure.taken}
            figures["descriptions not followed, refused"] = {"questions": sure.count, "value": sure.refused}
        near = None if sure is None else sure.near
        never = course.failed(
            course.unseen, practised
        )  # or what means them were taken for the nearest learned
        made_for, failed = [*made_for, *never], [*failed, *never]
        publish(folder, base, embedder, made_for, course, figures, settings, near, failed)


def remembered(memory: Path | None, found: Sequence[Task], base: PreTrainedModel) -> dict[str, LoRA]:
    """The adapters of the tasks' contexts. Raises DataError for contexts that nothing can remember."""
    if memory is None:
        if any(task.context for task in found):
            raise DataError("the data has contexts: give a Doc-to-LoRA network that remembers them, --memory")
        return {}
    try:
        return documents(DocToLoRA.from_pretrained(memory, base_model=base), found)
    except ValueError as error:
        raise DataError(f"--memory {memory} does not go with this base: {error}") from error


def require_own(own_steps: int, learned: Sequence[Task], asked: Sequence[Task]) -> None:
    """Raises DataError where an ordinary LoRA would be asked for a task that it was not trained on."""
    unknown = {task.name for task in asked} - {task.name for task in learned}
    if own_steps and unknown:
        raise DataError(
            f"--own-steps: no description of the task {min(unknown)!r} is trained on; give descriptions that "
            "mean the same one 'task', or --heldout 0"
        )


def embedded(embed: Descriptions, described: Iterable[Given | Task]) -> Vectors:
    """Each description's embedding, made once."""
    return {d: directed(embed.embed(d)) for d in dict.fromkeys(one.description for one in described)}


def width(vectors: Vectors) -> int:
    """How wide the embeddings are."""
    return next(iter(vectors.values())).numel()


def publish(
    run: Path,
    base: str,
    embedder: str,
    descriptions: Sequence[str],
    course: Course,
    figures: Mapping[str, Mapping[str, float]],
    settings: Mapping[str, object],
    near: float | None = None,
    failed: Sequence[str] = (),
) -> None:
    """``model/`` in the run's folder: weights in our layout, figures, curve and card."""
    folder, config, name = run / "model", course.network.config, Path(base).name
    TextToLoRA(
        course.network,
        base_model=seen_from(folder, base),
        embedder=seen_from(folder, embedder),
        device=next(course.network.parameters()).device,
        descriptions=descriptions,
        near=near,
        failed=failed,
    ).save(folder)
    card.write(
        folder,
        title=f"Text-to-LoRA for {name}",
        about=_ABOUT.format(
            millions=sum(p.numel() for p in course.network.parameters()) / 1e6,
            rank=config.rank,
            modules=", ".join(f"`{m}`" for m in config.modules),
            base=name,
        ),
        base=name if Path(base).is_dir() else base,
        command="t2l",
        settings={**settings, "encoded": config.encoded_size, "place": config.place_size},
        curve=run / "curve.jsonl",
        explained=course.explained,
        figures=figures,
    )
    curve.plot(run / "curve.jsonl", folder / "curve.png", ("answers", "distance", "loss"), ("exact", "error"))
